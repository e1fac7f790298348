package main

import (
	"fmt"
	"text/tabwriter"
	"time"

	"coffer"
	"coffer/internal/accounts"
	"coffer/internal/cmdline"
)

type peopleCmd struct {
	Query string `name:"query" short:"q" placeholder:"TEXT" help:"Only people whose name or address contains this."`
}

func (peopleCmd) Help() string {
	return `Name, address, role, whether the account is on or off, bytes stored, the quota that counts (with a * where it was set for this person), and the day of the last visit.

Examples:

  cofferd admin people --data /srv/coffer
  cofferd admin people --data /srv/coffer --query roe
  cofferd admin people --data /srv/coffer --json | jq -r 'select(.used > 1e10) | .email'`
}

func (c peopleCmd) Run(a *app) error {
	return a.withAccounts(false, func(s *accounts.Service, p coffer.Principal) error {
		table := tabwriter.NewWriter(a.std.Out, 0, 0, 2, ' ', 0)
		for o := (accounts.PeopleOptions{Query: c.Query, Limit: 1000}); ; {
			page, err := s.People(a.ctx, p, o)
			if err != nil {
				return err
			}
			for _, one := range page.Accounts {
				if err := a.person(table, one); err != nil {
					return err
				}
			}
			if o.Cursor = page.Next; o.Cursor == "" {
				return table.Flush()
			}
		}
	})
}

func (a *app) person(table *tabwriter.Writer, one accounts.Account) error {
	state := "on"
	if one.Disabled {
		state = "off"
	}
	if a.opts.JSON {
		return a.std.JSON(map[string]any{"id": one.ID, "name": one.Name, "email": one.Email, "role": one.Role, "state": state, "used": one.Used,
			"reserved": one.Reserved, "quota": one.Quota, "limit": one.Limit, "last_seen_at": one.LastSeenAt})
	}
	own := ""
	if one.Quota != nil {
		own = "*"
	}
	_, err := fmt.Fprintf(table, "%s\t<%s>\t%s\t%s\t%s of %s%s\t%s\n", cmdline.Printable(one.Name, false), one.Email, one.Role, state,
		cmdline.Bytes(one.Used), quotaText(one.Limit), own, time.UnixMilli(one.LastSeenAt).Format(time.DateOnly))
	return err
}

func quotaText(bytes int64) string {
	if bytes == accounts.NoLimit {
		return "no limit"
	}
	return cmdline.Bytes(bytes)
}

type quotaCmd struct {
	Email   string `name:"email" placeholder:"ADDRESS" xor:"whose" required:"" help:"Whose quota to set."`
	Default bool   `name:"default" xor:"whose" required:"" help:"Set the quota of all who have none of their own."`
	Size    string `arg:"" help:"Bytes, or with a unit: 20GB, 1.5TB, 512MiB. Also none (no limit) and, with --email, default."`
}

func (quotaCmd) Help() string {
	return `A person's quota is how much the own files may take: all versions and what is in the trash count. A running server keeps to it at once. A quota below what is stored loses nothing: only nothing more fits in.

Examples:

  cofferd admin quota --data /srv/coffer --default 20GB
  cofferd admin quota --data /srv/coffer --email ben@example.org 100GB
  cofferd admin quota --data /srv/coffer --email ben@example.org default`
}

func (c quotaCmd) Run(a *app) error {
	var bytes *int64
	switch {
	case c.Size == "none":
		no := int64(accounts.NoLimit)
		bytes = &no
	case c.Size != "default":
		n, err := cmdline.ParseBytes(c.Size)
		if err != nil {
			return err
		}
		bytes = &n
	case c.Default:
		return cmdline.Misuse("the default needs a size, or none")
	}
	return a.withAccounts(false, func(s *accounts.Service, p coffer.Principal) error {
		if c.Default {
			out, err := s.UpdateSettings(a.ctx, p, accounts.SettingsPatch{Quota: bytes})
			if err != nil {
				return err
			}
			if a.opts.JSON {
				return a.std.JSON(map[string]any{"default": out.Quota})
			}
			_, err = fmt.Fprintf(a.std.Out, "The default quota is %s now.\n", quotaText(out.Quota))
			return err
		}
		u, err := s.PersonByEmail(a.ctx, p, c.Email)
		if err != nil {
			return err
		}
		one, err := s.SetQuota(a.ctx, p, u.ID, bytes)
		if err != nil {
			return err
		}
		if a.opts.JSON {
			return a.std.JSON(map[string]any{"email": one.Email, "quota": one.Quota, "limit": one.Limit, "used": one.Used})
		}
		_, err = fmt.Fprintf(a.std.Out, "%s may store %s now, and has stored %s.\n", one.Email, quotaText(one.Limit), cmdline.Bytes(one.Used))
		return err
	})
}
