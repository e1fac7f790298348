package main

import (
	"errors"
	"fmt"
	"time"

	"coffer"
	"coffer/internal/cmdline"
	"coffer/internal/wire"
)

func isFolder(n wire.Node) bool { return n.Kind == coffer.Folder.String() }

type lsCmd struct {
	Long   bool   `name:"long" short:"l" help:"Also size and time of change."`
	Remote string `arg:"" optional:"" default:"/" help:"Folder or file; / without it."`
}

func (lsCmd) Help() string {
	return `Folders come first and end with a /.

Examples:

  coffer ls
  coffer ls -l /Docs
  coffer ls "Closing team:/Drafts"
  coffer ls Shared:/
  coffer ls --json /Docs | jq -r .name`
}

func (c lsCmd) Run(a *app) error {
	cl, err := a.client()
	if err != nil {
		return err
	}
	if s, err := remote(c.Remote); err == nil && s.sharedList() {
		return listShared(a, cl)
	}
	n, err := find(a, cl, c.Remote)
	if err != nil {
		return err
	}
	if !isFolder(n) {
		return c.line(a, n)
	}
	for child, err := range cl.Children(a.ctx, n.ID) {
		if err != nil {
			return err
		}
		if err := c.line(a, child); err != nil {
			return err
		}
	}
	return nil
}

func (c lsCmd) line(a *app, n wire.Node) error {
	if a.opts.JSON {
		return a.std.JSON(n)
	}
	name := cmdline.Printable(n.Name, false)
	size := fmt.Sprint(n.Size)
	if isFolder(n) {
		name, size = name+"/", "-"
	}
	var err error
	if c.Long {
		_, err = fmt.Fprintf(a.std.Out, "%14s  %s  %s\n", size, time.UnixMilli(n.ChangedAt).Format("2006-01-02 15:04"), name)
	} else {
		_, err = fmt.Fprintln(a.std.Out, name)
	}
	return err
}

type mkdirCmd struct {
	Parents bool     `name:"parents" short:"p" help:"Make missing folders above it too; an existing folder is fine."`
	Remote  []string `arg:"" help:"Folders to make."`
}

func (mkdirCmd) Help() string {
	return "Examples:\n\n  coffer mkdir /Docs\n  coffer mkdir -p /Docs/2026/May"
}

func (c mkdirCmd) Run(a *app) error {
	cl, err := a.client()
	if err != nil {
		return err
	}
	return each(a, c.Remote, func(p string) error {
		clean, err := remote(p)
		if err != nil {
			return err
		}
		var n wire.Node
		switch {
		case c.Parents:
			n, err = makeAll(a, cl, clean)
		case clean.path == "/":
			err = coffer.E(coffer.Conflict, "name_taken", "It is there already.")
		default:
			var parent wire.Node
			if parent, err = clean.dir().resolve(a, cl); err == nil {
				n, err = cl.Mkdir(a.ctx, parent.ID, clean.base(), coffer.Fail)
			}
		}
		if err != nil {
			return at(clean.String(), err)
		}
		if a.opts.JSON {
			return a.std.JSON(n)
		}
		return nil
	})
}

type mvCmd struct {
	IfExists string   `name:"if-exists" enum:"fail,keep-both,version" default:"fail" help:"When the name is taken: fail, keep-both (a number is added), version (files: the old content becomes an older version)."`
	Remote   []string `arg:"" name:"remote" help:"What to move, then where to: a folder, or a new name."`
}

func (mvCmd) Help() string {
	return `Examples:

  coffer mv /draft.txt /final.txt
  coffer mv /a.txt /b.txt /Docs`
}

func (c mvCmd) Run(a *app) error {
	if len(c.Remote) < 2 {
		return cmdline.Misuse("mv needs what to move and where to")
	}
	cl, err := a.client()
	if err != nil {
		return err
	}
	from, to := c.Remote[:len(c.Remote)-1], c.Remote[len(c.Remote)-1]
	target, err := find(a, cl, to)
	var change wire.NodePatch
	e, _ := errors.AsType[*coffer.Error](err)
	switch {
	case err == nil && isFolder(target):
		change.ParentID = &target.ID
	case len(from) > 1 && (err == nil || e != nil && e.Kind == coffer.NotFound):
		return cmdline.Misuse("%s is not a folder, so only one thing can be moved to it", to)
	case err == nil || e != nil && e.Kind == coffer.NotFound:
		clean, err := remote(to)
		if err != nil {
			return err
		}
		parent, err := clean.dir().resolve(a, cl)
		if err != nil {
			return at(clean.dir().String(), err)
		}
		name := clean.base()
		change.ParentID, change.Name = &parent.ID, &name
	default:
		return err
	}
	return each(a, from, func(p string) error {
		n, err := find(a, cl, p)
		if err != nil {
			return err
		}
		n, err = cl.Move(a.ctx, n.ID, change, exists(c.IfExists))
		if err != nil {
			return at(p, err)
		}
		if a.opts.JSON {
			return a.std.JSON(n)
		}
		return nil
	})
}

// exists turns the flag's word into the API's.
func exists(flag string) coffer.IfExists {
	switch flag {
	case "keep-both":
		return coffer.KeepBoth
	case "version":
		return coffer.Replace
	}
	return coffer.Fail
}

type rmCmd struct {
	Recursive bool     `name:"recursive" short:"r" help:"Folders too, with all that is in them."`
	Remote    []string `arg:"" help:"What to put into the trash."`
}

func (rmCmd) Help() string { return "Examples:\n\n  coffer rm /old.txt\n  coffer rm -r /Docs/2019" }

func (c rmCmd) Run(a *app) error {
	cl, err := a.client()
	if err != nil {
		return err
	}
	return each(a, c.Remote, func(p string) error {
		n, err := find(a, cl, p)
		if err != nil {
			return err
		}
		switch {
		case n.Name == "":
			return cmdline.Misuse("%s is the top of your files and cannot be deleted", p)
		case isFolder(n) && !c.Recursive:
			return cmdline.Misuse("%s is a folder: use -r", p)
		}
		if err := cl.Trash(a.ctx, n.ID); err != nil {
			return at(p, err)
		}
		if a.opts.JSON {
			return a.std.JSON(n)
		}
		return nil
	})
}

// each does one thing after another, reports every failure, and goes on unless
// going on is no use. Several failures, or one of several, are exitSome.
func each(a *app, items []string, do func(string) error) error {
	if len(items) == 1 {
		return do(items[0])
	}
	failed := 0
	for _, item := range items {
		err := do(item)
		if err == nil {
			continue
		}
		if hopeless(a, err) {
			return err
		}
		failed++
		report(a.std, err, a.opts.JSON)
	}
	return someFailed(failed)
}

func someFailed(n int) error {
	if n == 0 {
		return nil
	}
	return &cmdline.ExitError{Code: exitSome}
}

// hopeless reports whether the next item would fail in the same way.
func hopeless(a *app, err error) bool {
	if a.ctx.Err() != nil {
		return true
	}
	e, ok := errors.AsType[*coffer.Error](err)
	return ok && (e.Kind == coffer.Unauthenticated || e.Kind == coffer.Busy || e.Kind == coffer.Limited || e.Code == "disk_full" || e.Code == "over_quota")
}
