package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"sync"

	"golang.org/x/sync/errgroup"

	"coffer"
	"coffer/internal/client"
	"coffer/internal/cmdline"
	"coffer/internal/wire"
)

type putCmd struct {
	Recursive bool     `name:"recursive" short:"r" help:"Folders too, with all that is in them."`
	IfExists  string   `name:"if-exists" enum:"fail,keep-both,version,skip" default:"fail" help:"When a file's name is taken: fail, keep-both (a number is added), version (the old content becomes an older version), skip. Folders are merged."`
	Parents   bool     `name:"parents" short:"p" help:"Make the remote folder if it is missing."`
	FixNames  bool     `name:"fix-names" help:"Send names that Coffer refuses under a similar name that it takes."`
	Name      string   `name:"name" placeholder:"NAME" help:"Remote name, for a single LOCAL; needed for standard input."`
	Jobs      int      `name:"jobs" short:"j" default:"4" help:"How many files are sent at once, 1 to 32."`
	Parts     int      `name:"parts" default:"3" help:"How many parts of a file above 64 MiB are sent at once, 1 to 16."`
	Paths     []string `arg:"" name:"local" help:"Files and folders to send (- is standard input), then the remote folder."`
}

func (putCmd) Help() string {
	return `The last argument is the remote folder. Each file's SHA-256 is computed while it is sent and compared with what the server stored. A file above 8 MiB goes on where it was cut: when the line or the server comes back, and when the same command is said again (see "coffer uploads"). Symbolic links inside a folder, devices and pipes are left out and named.

Examples:

  coffer put report.pdf /Docs
  coffer put -r photos /
  coffer put -r --if-exists skip photos /
  pg_dump shop | coffer put - --name shop.sql /Backups`
}

// putRun is one call of put.
type putRun struct {
	putCmd
	a  *app
	cl *client.Client
	p  *progress

	dest    wire.Node
	shown   spot // the remote folder
	folders []*putFolder
	files   []putFile

	mu      sync.Mutex
	taken   map[coffer.ID]string // remote folder -> the local one that goes into it
	failed  int
	skipped int
}

type putFolder struct {
	local, name, shown string
	parent             *putFolder // nil: the remote folder itself
	depth              int
	id                 coffer.ID // zero: could not be made
}

type putFile struct {
	local, name, shown string
	parent             *putFolder
	size               int64 // -1: standard input
	modified           string
}

func (c putCmd) Run(a *app) error {
	if len(c.Paths) < 2 {
		return cmdline.Misuse("put needs what to send and the remote folder")
	}
	if c.Jobs < 1 || c.Jobs > 32 {
		return cmdline.Misuse("--jobs is %d: must be from 1 to 32", c.Jobs)
	}
	if c.Parts < 1 || c.Parts > 16 {
		return cmdline.Misuse("--parts is %d: must be from 1 to 16", c.Parts)
	}
	locals, to := c.Paths[:len(c.Paths)-1], c.Paths[len(c.Paths)-1]
	if c.Name != "" && len(locals) > 1 {
		return cmdline.Misuse("--name is for a single file or folder")
	}
	cl, err := a.client()
	if err != nil {
		return err
	}
	r := &putRun{putCmd: c, a: a, cl: cl, taken: map[coffer.ID]string{}}
	if r.shown, err = remote(to); err != nil {
		return err
	}
	if r.dest, err = r.destination(); err != nil {
		return at(r.shown.String(), err)
	}
	r.p = newProgress(a, "sent")
	r.a = &app{ctx: a.ctx, std: cmdline.Stdio{In: a.std.In, Out: a.std.Out, Err: r.p.err}, getenv: a.getenv, opts: a.opts, model: a.model}
	err = r.all(locals)
	r.p.close()
	if err == nil && r.p.show {
		a.say("Sent %s.", r.p.summary())
	}
	if r.skipped > 0 && r.p.show {
		a.say("Skipped %d that were there already.", r.skipped)
	}
	return err
}

func (r *putRun) destination() (wire.Node, error) {
	n, err := r.shown.resolve(r.a, r.cl)
	if e, ok := errors.AsType[*coffer.Error](err); ok && e.Kind == coffer.NotFound && r.Parents {
		return makeAll(r.a, r.cl, r.shown)
	}
	if err == nil && !isFolder(n) {
		return n, cmdline.Misuse("it is a file; the last argument is the folder to send to (--name gives a new name)")
	}
	return n, err
}

// all looks at what there is, makes the folders level by level, and sends the
// files.
func (r *putRun) all(locals []string) error {
	for _, l := range locals {
		if err := r.scan(l); err != nil {
			if len(locals) == 1 {
				return err
			}
			r.fail(err)
		}
	}
	slices.SortStableFunc(r.folders, func(a, b *putFolder) int { return a.depth - b.depth })
	single := len(locals) == 1 && len(r.folders) == 0 && len(r.files) == 1
	for from := 0; from < len(r.folders); {
		to := from
		for to < len(r.folders) && r.folders[to].depth == r.folders[from].depth {
			to++
		}
		if err := r.parallel(to-from, func(i int) error { return r.folder(r.folders[from+i]) }); err != nil {
			return err
		}
		from = to
	}
	var err error
	if single {
		err = r.file(r.files[0])
	} else {
		err = r.parallel(len(r.files), func(i int) error { return r.file(r.files[i]) })
	}
	if err != nil {
		return err
	}
	return someFailed(r.failed)
}

// parallel runs do for each index. A failure that the next would repeat ends
// all; any other is reported and counted.
func (r *putRun) parallel(n int, do func(i int) error) error {
	return parallel(r.a, r.Jobs, n, do, r.fail)
}

func parallel(a *app, jobs, n int, do func(i int) error, fail func(error)) error {
	g, ctx := errgroup.WithContext(a.ctx)
	g.SetLimit(jobs)
	for i := range n {
		if ctx.Err() != nil {
			break
		}
		g.Go(func() error {
			err := do(i)
			if err != nil && hopeless(a, err) {
				return err
			}
			if err != nil {
				fail(err)
			}
			return nil
		})
	}
	return g.Wait()
}

func (r *putRun) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed++
	report(r.a.std, err, r.a.opts.JSON)
}

// scan notes one argument: a file, standard input, or a folder with all below.
func (r *putRun) scan(local string) error {
	if local == "-" {
		if r.Name == "" {
			return cmdline.Misuse("standard input has no name: use --name NAME")
		}
		return r.addFile(putFile{local: "-", name: r.Name, size: -1})
	}
	info, err := os.Stat(local)
	if err != nil {
		return err
	}
	abs, err := filepath.Abs(local)
	if err != nil {
		return err
	}
	name := filepath.Base(abs)
	if r.Name != "" {
		name = r.Name
	}
	switch {
	case info.Mode().IsRegular():
		return r.addFile(putFile{local: local, name: name, size: info.Size(), modified: modified(info)})
	case !info.IsDir():
		return fmt.Errorf("%s is neither a file nor a folder", local)
	case !r.Recursive:
		return cmdline.Misuse("%s is a folder: use -r", local)
	}
	real, err := filepath.EvalSymlinks(abs)
	if err != nil {
		return err
	}
	return r.walk(real, name)
}

// walk notes a folder and all below it.
func (r *putRun) walk(root, name string) error {
	made := map[string]*putFolder{} // local path -> folder
	return filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if r.a.ctx.Err() != nil {
			return r.a.ctx.Err()
		}
		if err != nil {
			r.fail(err)
			if d != nil && d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		parent := made[filepath.Dir(p)]
		own := d.Name()
		if p == root {
			parent, own = nil, name
		}
		switch {
		case d.IsDir():
			f := &putFolder{local: p, name: own, parent: parent}
			if f.name, err = r.nameFor(p, own); err != nil {
				r.fail(err)
				return fs.SkipDir
			}
			f.shown = path.Join(r.shownOf(parent), f.name)
			if parent != nil {
				f.depth = parent.depth + 1
			}
			made[p] = f
			r.folders = append(r.folders, f)
		case d.Type().IsRegular():
			info, err := d.Info()
			if err == nil {
				err = r.addFile(putFile{local: p, name: own, parent: parent, size: info.Size(), modified: modified(info)})
			}
			if err != nil {
				r.fail(err)
			}
		default:
			r.note("left out %s: it is neither a file nor a folder", p)
		}
		return nil
	})
}

// modified tells one state of a local file from another.
func modified(info fs.FileInfo) string { return strconv.FormatInt(info.ModTime().UnixNano(), 10) }

func (r *putRun) note(format string, args ...any) {
	if !r.a.opts.Quiet && !r.a.opts.JSON {
		fmt.Fprintf(r.a.std.Err, "coffer: %s\n", cmdline.Printable(fmt.Sprintf(format, args...), false))
	}
}

func (r *putRun) shownOf(f *putFolder) string {
	if f == nil {
		return r.shown.String()
	}
	return f.shown
}

func (r *putRun) addFile(f putFile) error {
	var err error
	if f.name, err = r.nameFor(f.local, f.name); err != nil {
		return err
	}
	f.shown = path.Join(r.shownOf(f.parent), f.name)
	r.files = append(r.files, f)
	r.p.expect(1, f.size)
	return nil
}

// nameFor checks a name by the rule that the server has.
func (r *putRun) nameFor(local, name string) (string, error) {
	err := coffer.CheckName(name)
	if err == nil {
		return name, nil
	}
	fixed := coffer.FixName(name)
	if r.FixNames {
		r.note("%s goes as %s", local, fixed)
		return fixed, nil
	}
	e, _ := errors.AsType[*coffer.Error](err)
	return "", fmt.Errorf("%s: %w", local, &coffer.Error{Kind: e.Kind, Code: e.Code, Suggestion: fixed,
		Msg: e.Msg + fmt.Sprintf(" With --fix-names it goes as %q.", fixed)})
}

// folder makes one remote folder, or takes the one that is there.
func (r *putRun) folder(f *putFolder) error {
	parent, ok := r.idOf(f.parent)
	if !ok {
		return fmt.Errorf("%s was not made, because the folder above it was not", f.shown)
	}
	n, err := r.cl.Mkdir(r.a.ctx, parent, f.name, coffer.Merge)
	if err != nil {
		return at(f.shown, err)
	}
	if other := r.take(n.ID, f.local); other != "" {
		// Two local folders whose names are one name to Coffer.
		if r.IfExists != "keep-both" {
			return &coffer.Error{Kind: coffer.Conflict, Code: "name_taken", Msg: fmt.Sprintf("%s and %s would become one folder, %s. With --if-exists keep-both both are kept.", other, f.local, f.shown)}
		}
		if n, err = r.cl.Mkdir(r.a.ctx, parent, f.name, coffer.KeepBoth); err != nil {
			return at(f.shown, err)
		}
	}
	f.id = n.ID
	return nil
}

// take notes who goes into a remote folder, and returns who was first.
func (r *putRun) take(id coffer.ID, local string) (first string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if other, ok := r.taken[id]; ok {
		return other
	}
	r.taken[id] = local
	return ""
}

func (r *putRun) idOf(f *putFolder) (coffer.ID, bool) {
	if f == nil {
		return r.dest.ID, true
	}
	return f.id, !f.id.IsZero()
}

// file sends one file.
func (r *putRun) file(f putFile) (err error) {
	o := r.p.file(f.name, f.size)
	defer func() { o.end(f.size, err == nil) }()
	parent, ok := r.idOf(f.parent)
	if !ok {
		return fmt.Errorf("%s was not sent, because its folder was not made", f.local)
	}
	up := client.Upload{
		Parent: parent, Name: f.name, IfExists: exists(r.IfExists), Size: f.size, Rewind: f.size >= 0, Progress: o.moved,
		Parts: r.Parts, Modified: f.modified,
		Open: func() (io.ReadCloser, error) {
			if f.size < 0 {
				return io.NopCloser(r.a.std.In), nil
			}
			return os.Open(f.local)
		},
	}
	n, err := r.cl.Upload(r.a.ctx, up)
	e, _ := errors.AsType[*coffer.Error](err)
	if e != nil && e.Code == "name_taken" && r.IfExists == "skip" {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.skipped++
		return r.tell("skip", f, wire.Node{Name: f.name, ID: e.Existing, Size: f.size})
	}
	if err != nil {
		return fmt.Errorf("%s to %s: %w", f.local, f.shown, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.tell("put", f, n)
}

// tell writes the line of one file that is done.
func (r *putRun) tell(action string, f putFile, n wire.Node) error {
	shown := path.Join(path.Dir(f.shown), n.Name)
	switch {
	case r.a.opts.JSON:
		return r.a.std.JSON(map[string]any{"action": action, "local": f.local, "remote": shown, "id": n.ID, "size": n.Size, "sha256": n.SHA256})
	case r.p.show:
	case action == "skip":
		r.a.say("skipped %s, %s is there already", f.local, shown)
	default:
		r.a.say("%s -> %s (%s)", f.local, shown, size(n.Size))
	}
	return nil
}
