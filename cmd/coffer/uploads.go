package main

import (
	"fmt"
	"time"

	"coffer"
	"coffer/internal/cmdline"
)

type uploadsCmd struct {
	Ls uploadsLsCmd `cmd:"" default:"1" help:"List uploads that are not finished."`
	Rm uploadsRmCmd `cmd:"" help:"Remove uploads that are not finished, with what has arrived."`
}

type uploadsLsCmd struct{}

func (uploadsLsCmd) Help() string {
	return `What was begun here or on another device and did not come to its end, youngest first: id, bytes that have arrived, size, when it is removed, and name. The parts of one file stand each on a line.

"coffer put" of the same file into the same folder goes on with it.

Examples:

  coffer uploads
  coffer uploads ls --json`
}

func (uploadsLsCmd) Run(a *app) error {
	cl, err := a.client()
	if err != nil {
		return err
	}
	all, err := cl.Uploads(a.ctx)
	if err != nil {
		return err
	}
	for _, u := range all {
		if a.opts.JSON {
			if err := a.std.JSON(u); err != nil {
				return err
			}
			continue
		}
		whole := "?"
		if u.Size != nil {
			whole = size(*u.Size)
		}
		_, err := fmt.Fprintf(a.std.Out, "%s  %10s of %-10s until %s  %s\n", u.ID, size(u.Offset), whole, time.UnixMilli(u.ExpiresAt).Format(time.DateTime), cmdline.Printable(u.Name, false))
		if err != nil {
			return err
		}
	}
	return nil
}

type uploadsRmCmd struct {
	IDs []string `arg:"" name:"id" help:"Ids, as the list shows them."`
}

func (uploadsRmCmd) Help() string {
	return `Of a file in parts, any part names all of them.

Examples:

  coffer uploads rm 7s2qv0c5d8x9k1m3n4p6r8t0vw`
}

func (c uploadsRmCmd) Run(a *app) error {
	ids := make([]coffer.ID, len(c.IDs))
	for i, text := range c.IDs {
		var err error
		if ids[i], err = coffer.ParseID(text); err != nil {
			return cmdline.Misuse("%q is no id", text)
		}
	}
	cl, err := a.client()
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := cl.EndUpload(a.ctx, id); err != nil {
			return at(id.String(), err)
		}
		a.say("removed %s", id)
	}
	return nil
}
