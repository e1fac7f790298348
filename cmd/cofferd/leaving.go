package main

import (
	"fmt"

	"coffer"
	"coffer/internal/accounts"
	"coffer/internal/cmdline"
	"coffer/internal/files"
)

type handOverCmd struct {
	Email string `name:"email" required:"" placeholder:"ADDRESS" help:"Whose files."`
	To    string `name:"to" required:"" placeholder:"ADDRESS" help:"Who owns them from now on."`
	Name  string `name:"name" required:"" help:"Name of the team space that they become."`
}

func (handOverCmd) Help() string {
	return `Everything in it stays: versions, the trash, and what others were given of it. The first person keeps no access, and gets a new space when they come again.

Examples:

  cofferd admin hand-over --data /srv/coffer --email jonas@example.org --to ann@example.org --name "Files of Jonas"`
}

func (c handOverCmd) Run(a *app) error {
	return a.withServices(false, func(s *accounts.Service, f *files.Service, p coffer.Principal) error {
		from, err := s.PersonByEmail(a.ctx, p, c.Email)
		if err != nil {
			return err
		}
		space, err := f.As(p).HandOver(a.ctx, from.ID, c.To, c.Name)
		if err != nil {
			return err
		}
		if a.opts.JSON {
			return a.std.JSON(map[string]any{"id": space.ID, "name": space.Name, "from": from.Email, "to": c.To})
		}
		_, err = fmt.Fprintf(a.std.Out, "The files of %s are the team space %s of %s now.\n", cmdline.Printable(from.Name, false), cmdline.Printable(space.Name, false), cmdline.Printable(c.To, false))
		return err
	})
}

type removeCmd struct {
	Email string `name:"email" required:"" placeholder:"ADDRESS" help:"Whose account."`
	Erase bool   `name:"erase-files" help:"Delete what the person's own space holds for ever. Without it, somebody who has files stays."`
}

func (removeCmd) Help() string {
	return `Access that the person was given goes; what the person gave to others stays.

Examples:

  cofferd admin remove --data /srv/coffer --email jonas@example.org
  cofferd admin remove --data /srv/coffer --email jonas@example.org --erase-files`
}

func (c removeCmd) Run(a *app) error {
	return a.withServices(false, func(s *accounts.Service, _ *files.Service, p coffer.Principal) error {
		u, err := s.PersonByEmail(a.ctx, p, c.Email)
		if err != nil {
			return err
		}
		if err := s.RemovePerson(a.ctx, p, u.ID, c.Erase); err != nil {
			return err
		}
		if a.opts.JSON {
			return a.std.JSON(map[string]any{"id": u.ID, "email": u.Email, "erased": c.Erase})
		}
		_, err = fmt.Fprintf(a.std.Out, "%s <%s> has no account any more.\n", cmdline.Printable(u.Name, false), u.Email)
		return err
	})
}
