package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"coffer"
	"coffer/internal/client"
	"coffer/internal/cmdline"
	"coffer/internal/wire"
)

type getCmd struct {
	Output    string   `name:"output" short:"o" placeholder:"LOCAL" help:"File or folder to write; - is standard output. Without it, the remote name in the current folder."`
	Recursive bool     `name:"recursive" short:"r" help:"Folders too, with all that is in them."`
	IfExists  string   `name:"if-exists" enum:"fail,replace,keep-both,skip" default:"fail" help:"When a local file is there already: fail, replace, keep-both (a number is added), skip. A single file named with -o is always replaced."`
	Jobs      int      `name:"jobs" short:"j" default:"4" help:"How many files are got at once, 1 to 32."`
	Remote    []string `arg:"" help:"Files and folders to get."`
}

func (getCmd) Help() string {
	return `Content is verified by its SHA-256 and written beside its place first, as .NAME.coffer-part, so under its own name a file is never there in part. A broken connection is taken up again where it broke, and a call that was interrupted by the next one: only what is missing is got. Files from 64 MiB on are got by four connections at once. No remote name leads out of the local folder.

Examples:

  coffer get /Docs/report.pdf
  coffer get /Docs/report.pdf -o latest.pdf
  coffer get -r /photos -o /srv/photos
  coffer get /Backups/shop.sql -o - | psql shop`
}

// getRun is one call of get.
type getRun struct {
	getCmd
	a  *app
	cl *client.Client
	p  *progress

	files []getFile
	roots []*os.Root // of files, closed at the end

	mu      sync.Mutex
	failed  int
	skipped int
}

type getFile struct {
	node   wire.Node
	remote string
	root   *os.Root // folder that nothing leaves
	local  string   // below root, with slashes
	shown  string   // local path for people
	policy string   // of IfExists
}

func (c getCmd) Run(a *app) error {
	if c.Jobs < 1 || c.Jobs > 32 {
		return cmdline.Misuse("--jobs is %d: must be from 1 to 32", c.Jobs)
	}
	cl, err := a.client()
	if err != nil {
		return err
	}
	r := &getRun{getCmd: c, a: a, cl: cl}
	if c.Output == "-" {
		return r.stdout()
	}
	if len(c.Remote) > 1 && c.Output != "" {
		if info, err := os.Stat(c.Output); err != nil || !info.IsDir() {
			return cmdline.Misuse("%s is not a folder, so only one thing can be written to it", c.Output)
		}
	}
	r.p = newProgress(a, "got")
	r.a = &app{ctx: a.ctx, std: cmdline.Stdio{In: a.std.In, Out: a.std.Out, Err: r.p.err}, getenv: a.getenv, opts: a.opts, model: a.model}
	err = r.all()
	r.p.close()
	if err == nil && r.p.show {
		a.say("Got %s.", r.p.summary())
	}
	if r.skipped > 0 && r.p.show {
		a.say("Skipped %d that were there already.", r.skipped)
	}
	return err
}

// stdout writes one file to standard output.
func (r *getRun) stdout() error {
	if len(r.Remote) > 1 {
		return cmdline.Misuse("only one file can go to standard output")
	}
	n, err := find(r.a, r.cl, r.Remote[0])
	if err != nil {
		return err
	}
	if isFolder(n) {
		return cmdline.Misuse("%s is a folder: only a file can go to standard output", r.Remote[0])
	}
	return r.stream(n, r.a.std.Out)
}

// stream writes a file's content to something that takes it as it comes.
func (r *getRun) stream(n wire.Node, w io.Writer) error {
	p := newProgress(r.a, "got")
	defer p.close()
	p.expect(1, n.Size)
	return r.cl.Download(r.a.ctx, n, w, p.file(n.Name, n.Size).moved)
}

func (r *getRun) all() error {
	defer func() {
		for _, root := range r.roots {
			root.Close()
		}
	}()
	for _, p := range r.Remote {
		if err := r.scan(p); err != nil {
			if len(r.Remote) == 1 || hopeless(r.a, err) {
				return err
			}
			r.fail(err)
		}
	}
	if len(r.files) == 1 && len(r.Remote) == 1 {
		if err := r.file(r.files[0]); err != nil {
			return err
		}
		return someFailed(r.failed)
	}
	if err := parallel(r.a, r.Jobs, len(r.files), func(i int) error { return r.file(r.files[i]) }, r.fail); err != nil {
		return err
	}
	return someFailed(r.failed)
}

func (r *getRun) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed++
	report(r.a.std, err, r.a.opts.JSON)
}

// scan notes one remote argument and makes the local folders for it.
func (r *getRun) scan(p string) error {
	n, err := find(r.a, r.cl, p)
	if err != nil {
		return err
	}
	clean, _ := remote(p)
	if isFolder(n) && !r.Recursive {
		return cmdline.Misuse("%s is a folder: use -r", clean)
	}
	own := coffer.LocalName(runtime.GOOS, n.Name)
	if n.Name == "" { // a top has none
		own = "coffer"
		if clean.in != "" {
			own = coffer.LocalName(runtime.GOOS, clean.in)
		}
	}
	// Below dir nothing but remote names is used, so nothing may lead out of
	// it, not even a symbolic link that lies there. The person's own words may
	// name any place.
	dir, rel, policy := ".", own, r.IfExists
	if r.Output != "" {
		info, err := os.Stat(r.Output)
		switch {
		case err == nil && info.IsDir():
			dir = r.Output
		case err == nil && !info.Mode().IsRegular() && !isFolder(n):
			return r.device(n, r.Output)
		case isFolder(n):
			if err := os.MkdirAll(r.Output, 0o777); err != nil {
				return err
			}
			dir, rel = r.Output, "."
		case strings.HasSuffix(r.Output, "/"):
			return fmt.Errorf("%s is not a folder", r.Output)
		default:
			dir, rel, policy = filepath.Dir(r.Output), filepath.Base(r.Output), "replace"
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	r.roots = append(r.roots, root)
	if !isFolder(n) {
		r.add(getFile{node: n, remote: clean.String(), root: root, local: rel, shown: filepath.Join(dir, rel), policy: policy})
		return nil
	}
	if err := root.Mkdir(rel, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return r.walk(n, clean.String(), root, dir, rel)
}

func (r *getRun) add(f getFile) {
	r.files = append(r.files, f)
	r.p.expect(1, f.node.Size)
}

// device writes into what is neither file nor folder, such as /dev/null.
func (r *getRun) device(n wire.Node, target string) error {
	w, err := os.OpenFile(target, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	r.p.expect(1, n.Size)
	o := r.p.file(n.Name, n.Size)
	err = errors.Join(r.cl.Download(r.a.ctx, n, w, o.moved), w.Close())
	o.end(n.Size, err == nil)
	return err
}

// walk notes all files below a remote folder and makes its folders here.
func (r *getRun) walk(n wire.Node, remotePath string, root *os.Root, top, rel string) error {
	used := map[string]bool{}
	var folders []wire.Node
	var names []string
	for child, err := range r.cl.Children(r.a.ctx, n.ID) {
		if err != nil {
			return at(remotePath, err)
		}
		name := coffer.LocalName(runtime.GOOS, child.Name)
		for i := 2; used[strings.ToLower(name)]; i++ {
			name = coffer.KeepBothName(coffer.LocalName(runtime.GOOS, child.Name), i)
		}
		used[strings.ToLower(name)] = true
		if name != child.Name && !r.a.opts.Quiet && !r.a.opts.JSON {
			fmt.Fprintf(r.a.std.Err, "coffer: %s comes as %s\n", cmdline.Printable(path.Join(remotePath, child.Name), false), cmdline.Printable(name, false))
		}
		if isFolder(child) {
			folders, names = append(folders, child), append(names, name)
			continue
		}
		r.add(getFile{node: child, remote: path.Join(remotePath, child.Name), root: root, local: path.Join(rel, name), shown: filepath.Join(top, rel, name), policy: r.IfExists})
	}
	for i, f := range folders {
		sub := path.Join(rel, names[i])
		if err := root.Mkdir(sub, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
			r.fail(err)
			continue
		}
		if err := r.walk(f, path.Join(remotePath, f.Name), root, top, sub); err != nil {
			if hopeless(r.a, err) {
				return err
			}
			r.fail(err)
		}
	}
	return nil
}

// file gets one file: into a part beside its place, checked, then under its own
// name in one step.
func (r *getRun) file(f getFile) (err error) {
	o := r.p.file(f.node.Name, f.node.Size)
	defer func() { o.end(f.node.Size, err == nil) }()
	if _, statErr := f.root.Lstat(f.local); statErr == nil {
		switch f.policy {
		case "skip":
			r.mu.Lock()
			defer r.mu.Unlock()
			r.skipped++
			return r.tell("skip", f)
		case "fail":
			return there(f)
		}
	}
	temp, err := r.arrive(f, o)
	if err != nil {
		return err
	}
	defer f.root.Remove(temp) // nothing to remove after a rename
	if err := place(&f, temp); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.tell("get", f)
}

func there(f getFile) error {
	return &coffer.Error{Kind: coffer.Conflict, Code: "exists_locally", Msg: f.shown + " is there already; --if-exists says what to do then."}
}

// place gives a finished file its name. Only "replace" may take the place of
// another file, even one that came while this one was on its way.
func place(f *getFile, temp string) error {
	if f.policy == "replace" {
		return f.root.Rename(temp, f.local)
	}
	dir, base := path.Dir(f.local), path.Base(f.local)
	for i := 2; ; i++ {
		err := f.root.Link(temp, f.local)
		if err != nil && !errors.Is(err, fs.ErrExist) {
			// A file system without links.
			if _, err = f.root.Lstat(f.local); errors.Is(err, fs.ErrNotExist) {
				return f.root.Rename(temp, f.local)
			}
			err = fs.ErrExist
		}
		switch {
		case err == nil:
			return nil
		case f.policy != "keep-both":
			return there(*f)
		}
		name := coffer.KeepBothName(base, i)
		f.local, f.shown = path.Join(dir, name), filepath.Join(filepath.Dir(f.shown), name)
	}
}

func (r *getRun) tell(action string, f getFile) error {
	switch {
	case r.a.opts.JSON:
		return r.a.std.JSON(map[string]any{"action": action, "remote": f.remote, "local": f.shown, "id": f.node.ID, "size": f.node.Size})
	case r.p.show:
	case action == "skip":
		r.a.say("skipped %s, %s is there already", f.remote, f.shown)
	default:
		r.a.say("%s -> %s (%s)", f.remote, f.shown, size(f.node.Size))
	}
	return nil
}
