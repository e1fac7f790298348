package main

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path"
	"runtime"
	"strings"

	"coffer"
	"coffer/internal/cmdline"
	"coffer/internal/content"
	"coffer/internal/files"
)

type decryptCmd struct {
	Out       string `name:"out" required:"" placeholder:"DIR" help:"Folder to write to. It is made when it is missing."`
	Space     string `name:"space" placeholder:"ID" xor:"whose" help:"Only the space with this id."`
	Email     string `name:"email" placeholder:"ADDRESS" xor:"whose" help:"Only the files of the person with this address."`
	Versions  bool   `name:"versions" help:"Older versions of files too, beside them."`
	Trash     bool   `name:"trash" help:"What is in the trash too, in a folder Trash."`
	Escrow    string `name:"escrow" type:"path" placeholder:"FILE" and:"escrow" help:"Export of the keys to open the data with, in place of the master key."`
	Identity  string `name:"identity" type:"path" placeholder:"FILE" and:"escrow" help:"File of age-keygen with the secret of one of the export's recipients."`
	KeepGoing bool   `name:"keep-going" help:"Pass over what is damaged or cannot be written, and list it at the end."`
}

func (decryptCmd) Help() string {
	return `Needed are the data folder, or a copy of it (coffer.db and blobs, or a PostgreSQL database and blobs), and the master key or an export of the keys. No server has to run, nothing in the data is changed, and nothing is recorded.

Each person gets a folder named after their address. Every byte is authenticated, and each file compared with its SHA-256 before it gets its name. Files that are there already are never replaced: those with the right content count as done, so the command can be run again after an interruption. Beside a running server it works too, but take a copy when files are being deleted meanwhile.

THE FILES ARE WRITTEN IN THE CLEAR. Only their owner in the system may read them (mode 0600).

Exit codes: 0 all files are there, 3 something is damaged, 6 the master key is missing or another one, 1 failed for another reason.

Examples:

  cofferd decrypt --data /mnt/backup/coffer --master-key /mnt/usb/master.key --out /srv/restored
  cofferd decrypt --data ./copy --escrow coffer-keys.age --identity escrow.txt --out ./restored
  cofferd decrypt --data ./copy --out ./restored --email ann@example.org --trash --versions --keep-going`
}

// decryptResult is what was done, as JSON.
type decryptResult struct {
	Spaces  int           `json:"spaces"`
	Folders int64         `json:"folders"`
	Files   int64         `json:"files"`   // written
	Bytes   int64         `json:"bytes"`   // of these
	There   int64         `json:"there"`   // files that were there already, with the right content
	Damaged []decryptMiss `json:"damaged"` // what is stored is not what it should be
	Failed  []decryptMiss `json:"failed"`  // could not be written
}

type decryptMiss struct {
	Path string `json:"path"` // below the folder of --out
	Text string `json:"text"`
}

func (c decryptCmd) Run(a *app) error {
	o := files.ExportOptions{Email: strings.ToLower(c.Email), Versions: c.Versions, Trash: c.Trash}
	if c.Space != "" {
		id, err := coffer.ParseID(c.Space)
		if err != nil {
			return cmdline.Misuse("--space %q is no id", c.Space)
		}
		o.Space = id
	}
	cfg, err := a.config()
	if err != nil {
		return err
	}
	why := purpose{read: true}
	if c.Escrow != "" {
		e, err := readEscrow(c.Escrow, c.Identity)
		if err != nil {
			return &cmdline.ExitError{Code: exitKey, Err: err}
		}
		why.escrow = e.Provider()
	}
	h, err := a.open(cfg, a.logger(slog.LevelWarn), why)
	if err != nil {
		return err
	}
	defer h.close()
	s := files.New(files.Deps{DB: h.db, Blobs: h.store, Keys: h.keys, IO: new(content.IO), Install: h.install, Log: h.log})
	export, err := s.Export(coffer.SystemPrincipal("cofferd decrypt"), o)
	if err != nil {
		return err
	}
	r := &restore{decryptCmd: c, a: a, export: export, progress: newMeter(a, "restored", ofBytes), result: decryptResult{Damaged: []decryptMiss{}, Failed: []decryptMiss{}}}
	err = r.all()
	switch {
	case a.ctx.Err() != nil:
		return err
	case r.root == nil: // nothing was begun
		return r.verdict(err)
	}
	return errors.Join(r.tell(), r.verdict(err))
}

// all restores the spaces that were asked for.
func (r *restore) all() error {
	spaces, err := r.export.Spaces(r.a.ctx)
	if errors.Is(err, coffer.ErrNotFound) {
		return fmt.Errorf("there is no space of %s", r.Email+r.Space)
	} else if err != nil {
		return err
	}
	// What is to come is known before anything is written.
	names := uniqueNames{}
	var plans []plan
	for _, s := range spaces {
		name := cmp.Or(s.Email, s.Name, s.ID.String())
		p := plan{folder: names.free(coffer.LocalName(runtime.GOOS, name))}
		p.entries, err = r.export.Tree(r.a.ctx, s.Space)
		if err != nil {
			if err := r.miss(p.folder, err); err != nil {
				return err
			}
			continue
		}
		for _, e := range p.entries {
			if !e.Folder() {
				r.progress.expect(e.Size)
			}
		}
		plans = append(plans, p)
	}
	if err := os.MkdirAll(r.Out, 0o700); err != nil {
		return err
	}
	if r.root, err = os.OpenRoot(r.Out); err != nil {
		return err
	}
	defer r.root.Close()
	r.progress.start()
	defer r.progress.stop()
	for _, p := range plans {
		if err := r.space(p); err != nil {
			return err
		}
	}
	return nil
}

// verdict gives the run its exit code.
func (r *restore) verdict(err error) error {
	switch {
	case err != nil && len(r.result.Damaged) > 0:
		return &cmdline.ExitError{Code: exitDamage, Err: fmt.Errorf("%w. Stopped there: --keep-going passes over what is damaged", err)}
	case err != nil:
		return err
	case len(r.result.Damaged) > 0:
		return &cmdline.ExitError{Code: exitDamage}
	case len(r.result.Failed) > 0:
		return &cmdline.ExitError{Code: cmdline.Failed}
	}
	return nil
}

// tell writes the result.
func (r *restore) tell() error {
	if r.a.opts.JSON {
		return r.a.std.JSON(r.result)
	}
	w := &failing{w: r.a.std}
	n := r.result
	w.printf("%d files (%d bytes) and %d folders of %d spaces are restored to %s.\n", n.Files, n.Bytes, n.Folders, n.Spaces, cmdline.Printable(r.Out, false))
	if n.There > 0 {
		w.printf("%d files were there already.\n", n.There)
	}
	for _, m := range n.Damaged {
		w.printf("DAMAGED %s: %s\n", cmdline.Printable(m.Path, false), cmdline.Printable(m.Text, false))
	}
	for _, m := range n.Failed {
		w.printf("NOT WRITTEN %s: %s\n", cmdline.Printable(m.Path, false), cmdline.Printable(m.Text, false))
	}
	if k := len(n.Damaged) + len(n.Failed); k > 0 && r.KeepGoing {
		w.printf("%d could not be restored.\n", k)
	}
	return w.err
}

// A plan is one space with its folder. Names are given as it is written.
type plan struct {
	folder  string
	entries []files.ExportEntry
}

// uniqueNames are the names of one folder, as keys: two of them differ on
// systems that do not tell upper from lower case, too.
type uniqueNames map[string]bool

// free returns name, or the first free one that keeps both.
func (u uniqueNames) free(name string) string {
	for n, try := 2, name; ; n++ {
		if key := string(coffer.NameKey(try)); !u[key] {
			u[key] = true
			return try
		}
		try = coffer.KeepBothName(name, n)
	}
}

// localNames gives each entry its name in the folder that it is in.
func localNames(entries []files.ExportEntry) []string {
	names := make([]string, len(entries))
	var used uniqueNames
	for i, e := range entries {
		if i == 0 || e.Parent != entries[i-1].Parent {
			used = uniqueNames{} // the entries of a folder stand together
		}
		name := e.Name
		if e.Older > 0 {
			name = coffer.TagName(name, fmt.Sprintf("version %d", e.Older))
		}
		names[i] = used.free(coffer.LocalName(runtime.GOOS, name))
	}
	return names
}

// pathOf is the way from the folder of --out to an entry.
func (p plan) pathOf(names []string, i int) string {
	parts := []string{}
	for ; i >= 0; i = p.entries[i].Parent {
		parts = append(parts, names[i])
	}
	out := p.folder
	for j := len(parts) - 1; j >= 0; j-- {
		out = path.Join(out, parts[j])
	}
	return out
}
