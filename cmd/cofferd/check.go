package main

import (
	"cmp"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"coffer/internal/cmdline"
	"coffer/internal/content"
	"coffer/internal/files"
)

type checkCmd struct {
	ReadData percent `name:"read-data" placeholder:"N%" help:"Also read and authenticate every stored byte, or with =N% so many of 100 versions, chosen at random."`
	Repair   bool    `name:"repair" help:"Count again what is miscounted, and remove stored bytes that nothing refers to for longer than the grace period. Nothing else is changed."`
}

// percent is a flag that means 100 when it stands alone.
type percent float64

// IsBool lets the flag stand alone (kong).
func (*percent) IsBool() bool { return true }

// Decode reads the value behind = (kong).
func (p *percent) Decode(c *kong.DecodeContext) error {
	if c.Scan.Peek().Type != kong.FlagValueToken {
		*p = 100
		return nil
	}
	text := c.Scan.Pop().String()
	n, err := strconv.ParseFloat(strings.TrimSuffix(text, "%"), 64)
	if err != nil || !(n > 0 && n <= 100) {
		return fmt.Errorf("%q is no share: write it like 5%%", text)
	}
	*p = percent(n)
	return nil
}

func (checkCmd) Help() string {
	return `Opens every key, password and address that is stored sealed, compares every file with what is stored for it, and counts sizes again. Without --repair it changes nothing. Stored bytes that nothing refers to are listed; they are left by crashes and running uploads, and the server removes them by itself after a while.

Exit codes: 0 all is well, 3 damage was found, 4 no damage but unreferenced bytes, 1 the check itself failed, 6 the master key is missing or another one. With --repair they tell of what is left.

Examples:

  cofferd check --data /srv/coffer
  cofferd check --data /srv/coffer --read-data --json
  cofferd check --data /srv/coffer --read-data=5%
  cofferd check --data /srv/coffer --repair`
}

// checkResult is the report as JSON.
type checkResult struct {
	Spaces   int64          `json:"spaces"`
	Nodes    int64          `json:"nodes"`
	Versions int64          `json:"versions"`
	Bytes    int64          `json:"bytes"`
	Read     int64          `json:"read_versions"` // read to their last byte
	Problems []checkProblem `json:"problems"`
	Orphans  []checkOrphan  `json:"orphans"`
	Repaired []checkRepair  `json:"repaired"`
}

type checkRepair struct {
	Where string `json:"where"`
	Text  string `json:"text"`
}

type checkProblem struct {
	Kind  string `json:"kind"`
	Where string `json:"where"`
	Text  string `json:"text"`
	File  string `json:"file,omitempty"`  // path of the file or folder
	Owner string `json:"owner,omitempty"` // address, or name of a team space
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
	s := files.New(files.Deps{DB: h.db, Blobs: h.store, Keys: h.keys, IO: new(content.IO), Install: h.install, Log: log, Retention: retention(cfg)})
	m := newMeter(a, "checked", ofBytes)
	m.start()
	report, err := s.Check(a.ctx, files.CheckOptions{ReadData: float64(c.ReadData), Repair: c.Repair, Progress: m.tell})
	m.stop()
	if err != nil {
		return err
	}
	out := checkResult{Spaces: report.Spaces, Nodes: report.Nodes, Versions: report.Versions, Bytes: report.Bytes, Read: report.Read,
		Problems: []checkProblem{}, Orphans: []checkOrphan{}, Repaired: []checkRepair{}}
	for _, p := range report.Problems {
		out.Problems = append(out.Problems, checkProblem{p.Kind, p.Where, p.Text, p.File, p.Owner})
	}
	for _, r := range report.Repaired {
		out.Repaired = append(out.Repaired, checkRepair(r))
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
	switch {
	case r.Read == r.Versions && r.Read > 0:
		how = "every byte was read and authenticated"
	case r.Read > 0:
		how += fmt.Sprintf(", %d versions were read and authenticated", r.Read)
	}
	w := &failing{w: std}
	w.printf("%d spaces, %d files and folders, %d versions, %d bytes: %s.\n", r.Spaces, r.Nodes, r.Versions, r.Bytes, how)
	for _, p := range r.Problems {
		w.printf("DAMAGE %s %s: %s\n", p.Kind, cmdline.Printable(p.Where, false), cmdline.Printable(p.Text, false))
		switch {
		case p.File != "":
			w.printf("       it is %s of %s\n", cmdline.Printable(p.File, false), cmdline.Printable(cmp.Or(p.Owner, "nobody"), false))
		case p.Owner != "":
			w.printf("       it is of %s\n", cmdline.Printable(p.Owner, false))
		}
	}
	for _, p := range r.Repaired {
		w.printf("repaired %s: %s\n", cmdline.Printable(p.Where, false), cmdline.Printable(p.Text, false))
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
