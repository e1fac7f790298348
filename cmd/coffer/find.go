package main

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"coffer"
	"coffer/internal/client"
	"coffer/internal/cmdline"
	"coffer/internal/wire"
)

type findCmd struct {
	Kind    string   `name:"kind" enum:",folder,file,document,pdf,sheet,presentation,picture,audio,video,archive" default:"" placeholder:"KIND" help:"Only such: folder, file, document, pdf, sheet, presentation, picture, audio, video, archive."`
	Under   string   `name:"under" placeholder:"FOLDER" help:"Only in this folder and below."`
	After   string   `name:"after" placeholder:"DATE" help:"Changed on this day or later, as 2026-05-31."`
	Before  string   `name:"before" placeholder:"DATE" help:"Changed on this day or earlier."`
	MinSize int64    `name:"min-size" placeholder:"BYTES" help:"Only files of at least so many bytes."`
	MaxSize int64    `name:"max-size" placeholder:"BYTES" help:"Only files of at most so many bytes."`
	Owner   string   `name:"owner" enum:",me,others" default:"" placeholder:"WHO" help:"Only in your own space (me), or in all others (others)."`
	Reach   string   `name:"reach" enum:",only_you,people,link" default:"" placeholder:"REACH" help:"Only what you alone can open (only_you), others too (people), or whoever has a link (link)."`
	Limit   int      `name:"limit" short:"n" default:"100" help:"Stop after so many; 0 for all."`
	Long    bool     `name:"long" short:"l" help:"Also size and time of change."`
	Words   []string `arg:"" help:"Words, or parts of them, that the name has in any order."`
}

func (findCmd) Help() string {
	return `Case and accents do not matter. Names that begin with the words come first,
then the others, newest first; folders end with a /. What is in the trash is
not found. Nothing found is exit code 4.

Examples:

  coffer find report
  coffer find --kind pdf --under /Docs annual report
  coffer find --owner me --reach people contract
  coffer find --after 2026-05-01 --json invoice | jq -r .id`
}

func (c findCmd) Run(a *app) error {
	query := url.Values{"q": {strings.Join(c.Words, " ")}}
	set := func(key, value string) {
		if value != "" {
			query.Set(key, value)
		}
	}
	set("kind", c.Kind)
	set("owner", c.Owner)
	set("reach", c.Reach)
	after, err := day(c.After, 0)
	if err != nil {
		return err
	}
	before, err := day(c.Before, 1)
	if err != nil {
		return err
	}
	for key, n := range map[string]int64{"changed_after": after, "changed_before": max(0, before-1), "min_size": c.MinSize, "max_size": c.MaxSize} {
		if n < 0 {
			return cmdline.Misuse("a size cannot be less than nothing")
		}
		if n > 0 {
			query.Set(key, strconv.FormatInt(n, 10))
		}
	}
	if c.Limit < 0 {
		return cmdline.Misuse("--limit cannot be less than nothing")
	}
	if c.Limit > 0 {
		query.Set("limit", strconv.Itoa(min(200, c.Limit)))
	}
	cl, err := a.client()
	if err != nil {
		return err
	}
	if c.Under != "" {
		folder, err := find(a, cl, c.Under)
		if err != nil {
			return err
		}
		query.Set("under", folder.ID.String())
	}
	in, err := spotsOf(a, cl)
	if err != nil {
		return err
	}
	found := 0
	for n, err := range cl.Search(a.ctx, query) {
		if err != nil {
			return err
		}
		if err := c.line(a, in, n); err != nil {
			return err
		}
		if found++; found == c.Limit {
			break
		}
	}
	if found == 0 {
		return &cmdline.ExitError{Code: exitNotFound}
	}
	return nil
}

// day reads a date in the local time zone as ms, some days later; 0 for "".
func day(text string, later int) (int64, error) {
	if text == "" {
		return 0, nil
	}
	t, err := time.ParseInLocation(time.DateOnly, text, time.Local)
	if err != nil {
		return 0, cmdline.Misuse("%q is no date: write it as 2026-05-31", text)
	}
	return t.AddDate(0, 0, later).UnixMilli(), nil
}

func (c findCmd) line(a *app, in places, n wire.Node) error {
	if a.opts.JSON {
		return a.std.JSON(n)
	}
	if c.Long {
		size := strconv.FormatInt(n.Size, 10)
		if isFolder(n) {
			size = "-"
		}
		if _, err := fmt.Fprintf(a.std.Out, "%14s  %s  ", size, time.UnixMilli(n.ChangedAt).Format("2006-01-02 15:04")); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintln(a.std.Out, in.of(n))
	return err
}

// places writes nodes that came with their path as people name them, so that
// what a command tells can be given to another.
type places map[coffer.ID]string // names of the spaces; "" is the own one

func spotsOf(a *app, cl *client.Client) (places, error) {
	all, err := cl.Spaces(a.ctx)
	p := places{}
	for _, s := range all {
		p[s.ID] = s.Name
	}
	return p, err
}

func (p places) of(n wire.Node) string {
	var b strings.Builder
	in, known := p[n.SpaceID]
	switch {
	case !known || len(n.Path) == 0 || n.Path[0].Name != "": // the way begins below a root: somebody gave it
		b.WriteString(shared + ":")
	case in != "":
		b.WriteString(cmdline.Printable(in, false) + ":")
	}
	for _, c := range n.Path {
		if c.Name != "" { // a root
			b.WriteString("/" + cmdline.Printable(c.Name, false))
		}
	}
	b.WriteString("/" + cmdline.Printable(n.Name, false))
	if isFolder(n) {
		b.WriteByte('/')
	}
	return b.String()
}

type recentCmd struct {
	Limit int `name:"limit" short:"n" default:"50" help:"Stop after so many; 0 for all."`
}

func (recentCmd) Help() string {
	return "What you opened or changed, and what others changed where you may look, newest first.\n\nExamples:\n\n  coffer recent\n  coffer recent -n 10 --json | jq -r .node.id"
}

func (c recentCmd) Run(a *app) error {
	if c.Limit < 0 {
		return cmdline.Misuse("--limit cannot be less than nothing")
	}
	cl, err := a.client()
	if err != nil {
		return err
	}
	in, err := spotsOf(a, cl)
	if err != nil {
		return err
	}
	told := 0
	for r, err := range cl.Recent(a.ctx) {
		switch {
		case err != nil:
		case a.opts.JSON:
			err = a.std.JSON(r)
		default:
			_, err = fmt.Fprintf(a.std.Out, "%s  %-7s  %s\n", time.UnixMilli(r.At).Format("2006-01-02 15:04"), r.What, in.of(r.Node))
		}
		if err != nil {
			return err
		}
		if told++; told == c.Limit {
			break
		}
	}
	return nil
}

type pinCmd struct {
	Remote []string `arg:"" help:"What to pin."`
}

func (pinCmd) Help() string {
	return "What is pinned stands in the side bar of the page and in \"coffer pins\".\n\nExamples:\n\n  coffer pin /Docs/2026"
}

func (c pinCmd) Run(a *app) error { return setPins(a, c.Remote, (*client.Client).Pin) }

type unpinCmd struct {
	Remote []string `arg:"" help:"What to unpin."`
}

func (unpinCmd) Help() string { return "Examples:\n\n  coffer unpin /Docs/2026" }

func (c unpinCmd) Run(a *app) error { return setPins(a, c.Remote, (*client.Client).Unpin) }

func setPins(a *app, paths []string, set func(*client.Client, context.Context, coffer.ID) error) error {
	cl, err := a.client()
	if err != nil {
		return err
	}
	return each(a, paths, func(p string) error {
		n, err := find(a, cl, p)
		if err != nil {
			return err
		}
		if err := set(cl, a.ctx, n.ID); err != nil {
			return at(p, err)
		}
		if a.opts.JSON {
			return a.std.JSON(n)
		}
		return nil
	})
}

type pinsCmd struct{}

func (pinsCmd) Help() string { return "Examples:\n\n  coffer pins\n  coffer pins --json | jq -r .name" }

func (pinsCmd) Run(a *app) error {
	cl, err := a.client()
	if err != nil {
		return err
	}
	in, err := spotsOf(a, cl)
	if err != nil {
		return err
	}
	all, err := cl.Pins(a.ctx)
	for _, n := range all {
		if err != nil {
			break
		}
		if a.opts.JSON {
			err = a.std.JSON(n)
		} else {
			_, err = fmt.Fprintln(a.std.Out, in.of(n))
		}
	}
	return err
}
