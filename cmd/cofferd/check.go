package main

import (
	"fmt"
	"log/slog"
	"time"

	"coffer/internal/cmdline"
	"coffer/internal/content"
	"coffer/internal/files"
)

type checkCmd struct {
	ReadData bool `name:"read-data" help:"Also read and authenticate every stored byte. Takes as long as reading all files."`
}

func (checkCmd) Help() string {
	return `Opens every key, compares every file with what is stored for it, and counts sizes again. It changes nothing. Stored bytes that nothing refers to are listed; they are left by crashes and running uploads, and the server removes them by itself after a while.

Exit codes: 0 all is well, 3 damage was found, 4 no damage but unreferenced bytes, 1 the check itself failed.

Examples:

  cofferd check --data /srv/coffer
  cofferd check --data /srv/coffer --read-data --json`
}

// checkResult is the report as JSON.
type checkResult struct {
	Spaces   int64          `json:"spaces"`
	Nodes    int64          `json:"nodes"`
	Versions int64          `json:"versions"`
	Bytes    int64          `json:"bytes"`
	ReadData bool           `json:"read_data"`
	Problems []checkProblem `json:"problems"`
	Orphans  []checkOrphan  `json:"orphans"`
}

type checkProblem struct {
	Kind  string `json:"kind"`
	Where string `json:"where"`
	Text  string `json:"text"`
}

type checkOrphan struct {
	Blob    string    `json:"blob"`
	Staged  bool      `json:"staged"`
	Size    int64     `json:"size"`
	Changed time.Time `json:"changed"`
}

func (c checkCmd) Run(a *app) error {
	cfg, err := a.config()
	if err != nil {
		return err
	}
	log := a.logger(slog.LevelWarn)
	h, err := a.open(cfg, log, purpose{})
	if err != nil {
		return err
	}
	defer h.close()
	s := files.New(files.Deps{DB: h.db, Blobs: h.store, Keys: h.keys, IO: new(content.IO), Install: h.install, Log: log})
	last := time.Now()
	report, err := s.Check(a.ctx, files.CheckOptions{ReadData: c.ReadData, Progress: func(done, total int64) {
		if now := time.Now(); !a.opts.JSON && now.Sub(last) > 10*time.Second {
			last = now
			fmt.Fprintf(a.std.Err, "cofferd: read %d of %d MiB\n", done>>20, total>>20)
		}
	}})
	if err != nil {
		return err
	}
	out := checkResult{Spaces: report.Spaces, Nodes: report.Nodes, Versions: report.Versions, Bytes: report.Bytes, ReadData: c.ReadData,
		Problems: []checkProblem{}, Orphans: []checkOrphan{}}
	for _, p := range report.Problems {
		out.Problems = append(out.Problems, checkProblem(p))
	}
	for _, o := range report.Orphans {
		out.Orphans = append(out.Orphans, checkOrphan{o.Blob.String(), o.Staged, o.Size, o.Changed})
	}
	if a.opts.JSON {
		err = a.std.JSON(out)
	} else {
		err = out.print(a.std)
	}
	switch {
	case err != nil:
		return err
	case len(out.Problems) > 0:
		return &cmdline.ExitError{Code: exitDamage}
	case len(out.Orphans) > 0:
		return &cmdline.ExitError{Code: exitOrphans}
	}
	return nil
}

func (r checkResult) print(std cmdline.Stdio) error {
	how := "keys and sizes were checked"
	if r.ReadData {
		how = "every byte was read and authenticated"
	}
	w := &failing{w: std}
	w.printf("%d spaces, %d files and folders, %d versions, %d bytes: %s.\n", r.Spaces, r.Nodes, r.Versions, r.Bytes, how)
	for _, p := range r.Problems {
		w.printf("DAMAGE %s %s: %s\n", p.Kind, cmdline.Printable(p.Where, false), cmdline.Printable(p.Text, false))
	}
	for _, o := range r.Orphans {
		kind := "stored"
		if o.Staged {
			kind = "staged"
		}
		w.printf("orphan %s, %s, %d bytes, last changed %s\n", o.Blob, kind, o.Size, o.Changed.Format(time.RFC3339))
	}
	switch {
	case len(r.Problems) > 0:
		w.printf("%d problems found.\n", len(r.Problems))
	case len(r.Orphans) > 0:
		w.printf("No damage. %d blobs that nothing refers to: left by running or broken uploads, removed by the server after a while.\n", len(r.Orphans))
	default:
		w.printf("All is well.\n")
	}
	return w.err
}

// failing prints until the first error.
type failing struct {
	w   cmdline.Stdio
	err error
}

func (f *failing) printf(format string, a ...any) {
	if f.err == nil {
		_, f.err = fmt.Fprintf(f.w.Out, format, a...)
	}
}
