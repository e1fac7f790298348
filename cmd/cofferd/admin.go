package main

import (
	"errors"
	"fmt"
	"log/slog"

	"coffer"
	"coffer/internal/accounts"
	"coffer/internal/cmdline"
	"coffer/internal/content"
	"coffer/internal/cred"
	"coffer/internal/files"
)

type adminCmd struct {
	CreateUser createUserCmd `cmd:"" help:"Make an account that needs no confirmation mail."`
	Invite     inviteCmd     `cmd:"" help:"Invite somebody to join, by mail."`
	People     peopleCmd     `cmd:"" help:"List people, with what they store and may store."`
	Quota      quotaCmd      `cmd:"" help:"Set how much a person, or everybody, may store."`
	TurnOff    turnOffCmd    `cmd:"" help:"Turn an account off: its sessions and tokens end, its files stay."`
	TurnOn     turnOnCmd     `cmd:"" help:"Turn an account on again."`
	HandOver   handOverCmd   `cmd:"" help:"Hand the own space of a person over to another, as a team space."`
	Remove     removeCmd     `cmd:"" help:"Delete an account, whose files were handed over, for ever."`
}

// withAccounts opens the installation for work on accounts. It takes no lock,
// so that it works beside a running server.
func (a *app) withAccounts(create bool, do func(s *accounts.Service, p coffer.Principal) error) error {
	return a.withServices(create, func(s *accounts.Service, _ *files.Service, p coffer.Principal) error { return do(s, p) })
}

// withServices is withAccounts for work that is about files, too.
func (a *app) withServices(create bool, do func(s *accounts.Service, f *files.Service, p coffer.Principal) error) error {
	cfg, err := a.config()
	if err != nil {
		return err
	}
	log := a.logger(slog.LevelWarn)
	h, err := a.open(cfg, log, purpose{create: create})
	if err != nil {
		return err
	}
	base := ""
	if cfg.Base != nil {
		base = cfg.Base.String()
	}
	// What is given up here, the running server, or the next one, removes.
	f := files.New(files.Deps{DB: h.db, Blobs: h.store, Keys: h.keys, IO: new(content.IO), Install: h.install, Log: log, Retention: retention(cfg)})
	s := accounts.New(accounts.Options{DB: h.db, Keys: h.keys, Hasher: cred.NewHasher(cred.HasherOptions{}), Policy: cred.NewPolicy(), BaseURL: base, Log: log, Leaving: f.GiveUp})
	err = do(s, f, coffer.SystemPrincipal("cofferd admin"))
	s.Close()
	if closing := h.close(); err == nil {
		err = closing
	}
	return err
}

type createUserCmd struct {
	Email         string `name:"email" required:"" placeholder:"ADDRESS" help:"E-mail address to sign in with."`
	Name          string `name:"name" required:"" help:"Name that others see."`
	Role          string `name:"role" enum:"owner,admin,auditor,member,guest" default:"member" help:"owner, admin, auditor, member or guest."`
	PasswordStdin bool   `name:"password-stdin" required:"" help:"Read the password from standard input."`
}

func (createUserCmd) Help() string {
	return `The account can be used at once. An empty data folder is made ready first.

Examples:

  pass generate -n coffer/ann | cofferd admin create-user --data /srv/coffer --email ann@example.org --name Ann --role owner --password-stdin`
}

func (c createUserCmd) Run(a *app) error {
	password, err := cmdline.ReadPassword(a.std.In)
	if err != nil {
		return err
	}
	return a.withAccounts(true, func(s *accounts.Service, p coffer.Principal) error {
		u, err := s.CreateUser(a.ctx, p, accounts.NewUser{Name: c.Name, Email: c.Email, Password: password, Role: coffer.Role(c.Role)})
		if err != nil {
			return err
		}
		if a.opts.JSON {
			return a.std.JSON(map[string]any{"id": u.ID, "email": u.Email, "name": u.Name, "role": u.Role})
		}
		_, err = fmt.Fprintf(a.std.Out, "Made the %s %s <%s>.\n", u.Role, cmdline.Printable(u.Name, false), u.Email)
		return err
	})
}

type inviteCmd struct {
	Email string `name:"email" required:"" placeholder:"ADDRESS" help:"E-mail address to invite. Only its holder can accept."`
	Role  string `name:"role" enum:"owner,admin,auditor,member,guest" default:"member" help:"owner, admin, auditor, member or guest."`
}

func (inviteCmd) Help() string {
	return `A mail with a link goes to the address; the link works for 7 days and once, and is shown nowhere else. The running server sends the mail, or the next one that starts. Another invitation of the address ends the one before.

Give the same --base-url as the server: the link begins with it.

Examples:

  cofferd admin invite --data /srv/coffer --base-url https://files.example.org --email ben@example.org --role member`
}

func (c inviteCmd) Run(a *app) error {
	cfg, err := a.config()
	if err != nil {
		return err
	}
	if cfg.Base == nil {
		return errors.New("the link in the mail begins with the address that people type: give --base-url, as to the server")
	}
	return a.withAccounts(false, func(s *accounts.Service, p coffer.Principal) error {
		i, err := s.Invite(a.ctx, p, c.Email, coffer.Role(c.Role))
		if err != nil {
			return err
		}
		if a.opts.JSON {
			return a.std.JSON(map[string]any{"id": i.ID, "email": i.Email, "role": i.Role, "expires_at": i.ExpiresAt})
		}
		_, err = fmt.Fprintf(a.std.Out, "Invited %s as %s. The server sends the mail; its link works for 7 days.\n", i.Email, i.Role)
		return err
	})
}

type turnOffCmd struct {
	Email string `name:"email" required:"" placeholder:"ADDRESS" help:"Whose account."`
}

func (turnOffCmd) Help() string {
	return "Examples:\n\n  cofferd admin turn-off --data /srv/coffer --email ben@example.org"
}

func (c turnOffCmd) Run(a *app) error { return a.turn(c.Email, true) }

type turnOnCmd struct {
	Email string `name:"email" required:"" placeholder:"ADDRESS" help:"Whose account."`
}

func (turnOnCmd) Help() string {
	return "Examples:\n\n  cofferd admin turn-on --data /srv/coffer --email ben@example.org"
}

func (c turnOnCmd) Run(a *app) error { return a.turn(c.Email, false) }

func (a *app) turn(email string, off bool) error {
	return a.withAccounts(false, func(s *accounts.Service, p coffer.Principal) error {
		if err := s.SetDisabled(a.ctx, p, email, off); err != nil {
			return err
		}
		if a.opts.JSON {
			return a.std.JSON(map[string]any{"email": email, "on": !off})
		}
		_, err := fmt.Fprintf(a.std.Out, "%s is %s now.\n", cmdline.Printable(email, false), map[bool]string{true: "off", false: "on"}[off])
		return err
	})
}
