package main

import (
	"fmt"
	"time"

	"coffer"
	"coffer/internal/client"
	"coffer/internal/cmdline"
	"coffer/internal/wire"
)

type spaceCmd struct {
	Ls     spaceLsCmd     `cmd:"" help:"List your own space and the team spaces you are in."`
	Make   spaceMakeCmd   `cmd:"" help:"Make a team space, which you own."`
	Rename spaceRenameCmd `cmd:"" help:"Give a team space another name."`
	Rm     spaceRmCmd     `cmd:"" help:"Delete a team space with all that it holds for ever."`
}

type spaceLsCmd struct{}

func (spaceLsCmd) Help() string {
	return "Who is in a team space, \"coffer share\" tells and changes.\n\nExamples:\n\n  coffer space ls\n  coffer share \"Closing team:/\" ben@example.com --role edit"
}

func (spaceLsCmd) Run(a *app) error {
	cl, err := a.client()
	if err != nil {
		return err
	}
	all, err := cl.Spaces(a.ctx)
	if err != nil {
		return err
	}
	for _, s := range all {
		if a.opts.JSON {
			err = a.std.JSON(s)
		} else {
			name := "/"
			if s.Kind == string(coffer.Team) {
				name = s.Name + ":/"
			}
			_, err = fmt.Fprintf(a.std.Out, "%-6s  %10s  %s\n", s.Access, cmdline.Bytes(s.Used), cmdline.Printable(name, false))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

type spaceMakeCmd struct {
	Name string `arg:"" help:"Its name."`
}

func (spaceMakeCmd) Help() string {
	return "Examples:\n\n  coffer space make \"Closing team\"\n  coffer put bundle.pdf \"Closing team:/\""
}

func (c spaceMakeCmd) Run(a *app) error {
	cl, err := a.client()
	if err != nil {
		return err
	}
	s, err := cl.MakeSpace(a.ctx, c.Name)
	if err != nil {
		return err
	}
	if a.opts.JSON {
		return a.std.JSON(s)
	}
	a.say("%s:/ is there, and you own it.", s.Name)
	return nil
}

// oneSpace names a team space.
type oneSpace struct {
	Space string `arg:"" help:"Name or id of the team space."`
}

// with finds the space and does something with it.
func (o oneSpace) with(a *app, do func(cl *client.Client, s wire.Space) error) error {
	cl, err := a.client()
	if err != nil {
		return err
	}
	s, err := team(a, cl, o.Space)
	if err == nil {
		err = do(cl, s)
	}
	return at(o.Space, err)
}

type spaceRenameCmd struct {
	oneSpace
	Name string `arg:"" help:"Its new name."`
}

func (spaceRenameCmd) Help() string {
	return "Examples:\n\n  coffer space rename Closing \"Closing 2026\""
}

func (c spaceRenameCmd) Run(a *app) error {
	return c.with(a, func(cl *client.Client, s wire.Space) error {
		s, err := cl.RenameSpace(a.ctx, s.ID, c.Name)
		if err == nil && a.opts.JSON {
			return a.std.JSON(s)
		}
		return err
	})
}

type spaceRmCmd struct {
	oneSpace
	Yes string `name:"yes" placeholder:"NAME" required:"" help:"The name of the space once more, letter by letter."`
}

func (spaceRmCmd) Help() string {
	return "All files in it go, for everybody, with their versions and the trash. This cannot be undone.\n\nExamples:\n\n  coffer space rm Closing --yes Closing"
}

func (c spaceRmCmd) Run(a *app) error {
	return c.with(a, func(cl *client.Client, s wire.Space) error {
		e, err := cl.RemoveSpace(a.ctx, s.ID, c.Yes)
		if err != nil {
			return err
		}
		if a.opts.JSON {
			return a.std.JSON(e)
		}
		a.say("%s is deleted. Backups may hold it until %s.", s.Name, time.UnixMilli(e.FinalAt).Format("2006-01-02"))
		return nil
	})
}
