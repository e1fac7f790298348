package main

import (
	"fmt"

	"coffer/internal/cmdline"
)

type dfCmd struct{}

func (dfCmd) Help() string {
	return `All versions and what is in the trash count. Exit code 1 when nothing is left.

Examples:

  coffer df
  coffer df --json | jq .used`
}

func (dfCmd) Run(a *app) error {
	cl, err := a.client()
	if err != nil {
		return err
	}
	spaces, err := cl.Spaces(a.ctx)
	if err != nil {
		return err
	}
	var full error
	for _, s := range spaces {
		if s.Quota != nil && s.Used+s.Reserved >= *s.Quota {
			full = &cmdline.ExitError{Code: cmdline.Failed}
		}
		of := ""
		if s.Name != "" {
			of = cmdline.Printable(s.Name, false) + ": "
		}
		if a.opts.JSON {
			err = a.std.JSON(s)
		} else if s.Quota == nil {
			_, err = fmt.Fprintf(a.std.Out, "%s%s used, no limit\n", of, cmdline.Bytes(s.Used))
		} else {
			_, err = fmt.Fprintf(a.std.Out, "%s%s of %s used, %s left\n", of, cmdline.Bytes(s.Used), cmdline.Bytes(*s.Quota), cmdline.Bytes(max(0, *s.Quota-s.Used-s.Reserved)))
		}
		if err != nil {
			return err
		}
	}
	return full
}
