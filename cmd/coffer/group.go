package main

import (
	"fmt"

	"coffer/internal/client"
	"coffer/internal/cmdline"
	"coffer/internal/wire"
)

type groupCmd struct {
	Ls      groupLsCmd      `cmd:"" help:"List all groups."`
	Make    groupMakeCmd    `cmd:"" help:"Make an empty group."`
	Rename  groupRenameCmd  `cmd:"" help:"Give a group another name."`
	Rm      groupRmCmd      `cmd:"" help:"Remove a group, and all access that was given to it."`
	Members groupMembersCmd `cmd:"" help:"List who is in a group."`
	Add     groupAddCmd     `cmd:"" help:"Put people into a group."`
	Drop    groupDropCmd    `cmd:"" help:"Take people out of a group."`
}

type groupLsCmd struct{}

func (groupLsCmd) Help() string {
	return "A * marks the groups that you are in.\n\nExamples:\n\n  coffer group ls"
}

func (groupLsCmd) Run(a *app) error {
	cl, err := a.client()
	if err != nil {
		return err
	}
	all, err := cl.Groups(a.ctx)
	if err != nil {
		return err
	}
	for _, g := range all {
		if a.opts.JSON {
			err = a.std.JSON(g)
		} else {
			mark := " "
			if g.Member {
				mark = "*"
			}
			_, err = fmt.Fprintf(a.std.Out, "%s %5d  %s\n", mark, g.Members, cmdline.Printable(g.Name, false))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

type groupMakeCmd struct {
	Name string `arg:"" help:"Its name."`
}

func (groupMakeCmd) Help() string { return "Examples:\n\n  coffer group make Partners" }

func (c groupMakeCmd) Run(a *app) error {
	cl, err := a.client()
	if err != nil {
		return err
	}
	g, err := cl.MakeGroup(a.ctx, c.Name)
	if err != nil {
		return err
	}
	if a.opts.JSON {
		return a.std.JSON(g)
	}
	a.say("The group %s is there, and empty.", g.Name)
	return nil
}

// oneGroup names a group.
type oneGroup struct {
	Group string `arg:"" help:"Name or id of the group."`
}

// with finds the group and does something with it.
func (o oneGroup) with(a *app, do func(cl *client.Client, g wire.Group) error) error {
	cl, err := a.client()
	if err != nil {
		return err
	}
	found, err := groupsNamed(a, cl, []string{o.Group})
	if err != nil {
		return err
	}
	return do(cl, found[0])
}

type groupRenameCmd struct {
	oneGroup
	Name string `arg:"" help:"Its new name."`
}

func (groupRenameCmd) Help() string { return "Examples:\n\n  coffer group rename Partners Owners" }

func (c groupRenameCmd) Run(a *app) error {
	return c.with(a, func(cl *client.Client, g wire.Group) error {
		g, err := cl.RenameGroup(a.ctx, g.ID, c.Name)
		if err == nil && a.opts.JSON {
			return a.std.JSON(g)
		}
		return err
	})
}

type groupRmCmd struct{ oneGroup }

func (groupRmCmd) Help() string { return "Examples:\n\n  coffer group rm Partners" }

func (c groupRmCmd) Run(a *app) error {
	return c.with(a, func(cl *client.Client, g wire.Group) error { return cl.DeleteGroup(a.ctx, g.ID) })
}

type groupMembersCmd struct{ oneGroup }

func (groupMembersCmd) Help() string { return "Examples:\n\n  coffer group members Partners" }

func (c groupMembersCmd) Run(a *app) error {
	return c.with(a, func(cl *client.Client, g wire.Group) error {
		all, err := cl.Members(a.ctx, g.ID)
		if err != nil {
			return err
		}
		for _, m := range all {
			if a.opts.JSON {
				err = a.std.JSON(m)
			} else {
				off := ""
				if m.State == "off" {
					off = "  turned off"
				}
				_, err = fmt.Fprintf(a.std.Out, "%s <%s>%s\n", cmdline.Printable(m.Name, false), m.Email, off)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// people names a group and people.
type people struct {
	oneGroup
	Who []string `arg:"" help:"E-mail addresses."`
}

type groupAddCmd struct{ people }

func (groupAddCmd) Help() string {
	return "What the group was given opens for them at once.\n\nExamples:\n\n  coffer group add Partners ben@example.com"
}

func (c groupAddCmd) Run(a *app) error {
	return c.with(a, func(cl *client.Client, g wire.Group) error {
		return each(a, c.Who, func(who string) error { return at(who, cl.AddMember(a.ctx, g.ID, who)) })
	})
}

type groupDropCmd struct{ people }

func (groupDropCmd) Help() string {
	return "What only the group was given closes for them at once.\n\nExamples:\n\n  coffer group drop Partners ben@example.com"
}

func (c groupDropCmd) Run(a *app) error {
	return c.with(a, func(cl *client.Client, g wire.Group) error {
		return each(a, c.Who, func(who string) error { return at(who, cl.RemoveMember(a.ctx, g.ID, who)) })
	})
}
