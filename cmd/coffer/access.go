package main

import (
	"fmt"
	"strings"

	"coffer/internal/cmdline"
)

type accessCmd struct {
	Remote string `arg:"" help:"File or folder."`
}

func (accessCmd) Help() string {
	return `One line for each person, groups unfolded: what they may do, and by what. With --json
one object for each person.

Examples:

  coffer access /Closing
  coffer access "Closing team:/bundle.pdf"`
}

func (c accessCmd) Run(a *app) error {
	cl, n, err := a.find(c.Remote)
	if err != nil {
		return err
	}
	answer, err := cl.Access(a.ctx, n.ID)
	if err != nil {
		return at(c.Remote, err)
	}
	for _, p := range answer.People {
		if a.opts.JSON {
			if err := a.std.JSON(p); err != nil {
				return err
			}
			continue
		}
		name := p.Name
		if p.Email != "" {
			name += " <" + p.Email + ">"
		}
		var ways []string
		for _, w := range p.Ways {
			way := "by name"
			switch {
			case w.Grant.IsZero():
				way = "owns it"
			case w.Group != "":
				way = "group " + w.Group
			}
			if w.From != "" {
				way = strings.TrimPrefix(way, "by name") + ", " + w.From
			} else if w.Inherited {
				way += ", a folder above"
			}
			ways = append(ways, strings.TrimPrefix(way, ", ")+untilText(w.Until))
		}
		if _, err := fmt.Fprintf(a.std.Out, "%-6s  %s  %s\n", p.Access, cmdline.Printable(name, false), cmdline.Printable(strings.Join(ways, "; "), false)); err != nil {
			return err
		}
	}
	for _, s := range answer.Sentences {
		a.say("%s", s)
	}
	return nil
}
