package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"coffer"
	"coffer/internal/client"
	"coffer/internal/cmdline"
	"coffer/internal/wire"
)

type shareCmd struct {
	Role   string   `name:"role" enum:"view,edit,manage," default:"" help:"What they may do: view, edit (also send, rename, move, trash), manage (also share). Without it: view, or for who has access already, as it is."`
	Group  []string `name:"group" sep:"none" placeholder:"NAME" help:"Give it to this group. May be repeated."`
	Until  string   `name:"until" placeholder:"DATE" help:"Access ends at the end of this day, as 2026-12-31; never: without an end."`
	Note   string   `name:"message" placeholder:"TEXT" help:"Goes with the notice of what is newly given."`
	Remote string   `arg:"" help:"File or folder."`
	Who    []string `arg:"" optional:"" help:"E-mail addresses of people who have an account. Nobody and no group: tell who has access."`
}

func (shareCmd) Help() string {
	return `Access counts for all that is below a folder. Who has it already gets what is said
here in its place. Only people with an account can be given anything: invite others
first.

Examples:

  coffer share /Closing
  coffer share /Closing ben@example.com --role edit
  coffer share /Closing --group Partners --until 2026-12-31`
}

func (c shareCmd) Run(a *app) error {
	until, err := c.until()
	if err != nil {
		return err
	}
	cl, n, err := a.find(c.Remote)
	if err != nil {
		return err
	}
	now, err := cl.Grants(a.ctx, n.ID)
	if err != nil {
		return at(c.Remote, err)
	}
	if len(c.Who)+len(c.Group) == 0 {
		return listGrants(a, now)
	}
	give := func(n wire.NewGrant, has *wire.Grant, node coffer.ID) (err error) {
		var g wire.Grant
		if has != nil {
			g, err = cl.ChangeGrant(a.ctx, node, has.ID, wire.GrantPatch{Role: c.Role, Until: until})
		} else {
			if n.Role == "" {
				n.Role = coffer.CanView.String()
			}
			if until != nil {
				n.Until = *until
			}
			n.Message = c.Note
			g, err = cl.Grant(a.ctx, node, n)
		}
		if err != nil {
			return err
		}
		if a.opts.JSON {
			return a.std.JSON(g)
		}
		a.say("%s can %s %s.", g.Name, g.Role+untilText(g.Until), c.Remote)
		return nil
	}
	groups, err := groupsNamed(a, cl, c.Group)
	if err != nil {
		return err
	}
	for _, g := range groups {
		if err := give(wire.NewGrant{GroupID: g.ID, Role: c.Role}, holder(now, func(h wire.Grant) bool { return h.GroupID == g.ID }), n.ID); err != nil {
			return at(g.Name, err)
		}
	}
	if len(c.Who) == 0 {
		return nil
	}
	return each(a, c.Who, func(who string) error {
		return at(who, give(wire.NewGrant{Email: who, Role: c.Role}, holder(now, func(h wire.Grant) bool { return h.Email != "" && h.Email == coffer.EmailKey(who) }), n.ID))
	})
}

// until reads the flag: nil where it was not given.
func (c shareCmd) until() (*int64, error) {
	switch c.Until {
	case "":
		return nil, nil
	case "never":
		return new(int64), nil
	}
	day, err := time.ParseInLocation("2006-01-02", c.Until, time.Local)
	if err != nil {
		return nil, cmdline.Misuse("--until takes a day, as 2026-12-31, or never")
	}
	end := day.AddDate(0, 0, 1).UnixMilli() - 1
	return &end, nil
}

func untilText(ms int64) string {
	if ms == 0 {
		return ""
	}
	return " until " + time.UnixMilli(ms).Format("2006-01-02 15:04")
}

// holder is the grant on the node itself that is looked for, or nil.
func holder(s wire.Sharing, is func(wire.Grant) bool) *wire.Grant {
	for _, g := range s.Items {
		if !g.Inherited && is(g) {
			return &g
		}
	}
	return nil
}

func listGrants(a *app, s wire.Sharing) error {
	if a.opts.JSON {
		for _, g := range s.Items {
			if err := a.std.JSON(g); err != nil {
				return err
			}
		}
		return nil
	}
	if s.Owner != nil {
		fmt.Fprintf(a.std.Out, "owner   %s\n", cmdline.Printable(s.Owner.Name, false))
	}
	for _, g := range s.Items {
		name := g.Name
		switch {
		case g.Members != nil:
			name = fmt.Sprintf("%s (group of %d)", name, *g.Members)
		case g.Email != "":
			name += " <" + g.Email + ">"
		}
		if g.Inherited {
			name += ", by a folder above"
			if g.From != "" {
				name += ": " + g.From
			}
		}
		if _, err := fmt.Fprintf(a.std.Out, "%-6s  %s%s\n", g.Role, cmdline.Printable(name, false), untilText(g.Until)); err != nil {
			return err
		}
	}
	return nil
}

// groupsNamed finds groups by name or id.
func groupsNamed(a *app, cl *client.Client, names []string) (found []wire.Group, err error) {
	if len(names) == 0 {
		return nil, nil
	}
	all, err := cl.Groups(a.ctx)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		var hits []wire.Group
		for _, g := range all {
			if string(coffer.NameKey(g.Name)) == string(coffer.NameKey(name)) || g.ID.String() == name {
				hits = append(hits, g)
			}
		}
		g, err := single(hits, name, func(g wire.Group) coffer.ID { return g.ID })
		if err != nil {
			return nil, fmt.Errorf("group %s: %w", name, err)
		}
		found = append(found, g)
	}
	return found, nil
}

type unshareCmd struct {
	Group  []string `name:"group" sep:"none" placeholder:"NAME" help:"Take it from this group. May be repeated."`
	Remote string   `arg:"" help:"File or folder."`
	Who    []string `arg:"" optional:"" help:"E-mail addresses."`
}

func (unshareCmd) Help() string {
	return `It counts at once. What a folder above gives is taken away there.

Examples:

  coffer unshare /Closing ben@example.com
  coffer unshare /Closing --group Partners`
}

func (c unshareCmd) Run(a *app) error {
	if len(c.Who)+len(c.Group) == 0 {
		return cmdline.Misuse("say from whom to take it")
	}
	cl, n, err := a.find(c.Remote)
	if err != nil {
		return err
	}
	now, err := cl.Grants(a.ctx, n.ID)
	if err != nil {
		return at(c.Remote, err)
	}
	take := func(what string, is func(wire.Grant) bool) error {
		g := holder(now, is)
		if g == nil {
			return at(what, coffer.E(coffer.NotFound, "not_found", "It was not given this by name here."))
		}
		if err := cl.Ungrant(a.ctx, n.ID, g.ID); err != nil {
			return at(what, err)
		}
		a.say("%s cannot %s %s any more by this.", g.Name, g.Role, c.Remote)
		return nil
	}
	err = each(a, c.Who, func(who string) error {
		return take(who, func(g wire.Grant) bool { return g.Email != "" && g.Email == coffer.EmailKey(who) })
	})
	return errors.Join(err, each(a, c.Group, func(name string) error {
		return take(name, func(g wire.Grant) bool {
			return !g.GroupID.IsZero() && (string(coffer.NameKey(g.Name)) == string(coffer.NameKey(name)) || g.GroupID.String() == name)
		})
	}))
}

type sharedCmd struct{}

func (sharedCmd) Help() string {
	return "What was given last comes first. \"Shared:/name\" is the way to it in all other commands.\n\nExamples:\n\n  coffer shared\n  coffer ls Shared:/Closing"
}

func (sharedCmd) Run(a *app) error {
	cl, err := a.client()
	if err != nil {
		return err
	}
	return listShared(a, cl)
}

func listShared(a *app, cl *client.Client) error {
	all, err := cl.Shared(a.ctx)
	if err != nil {
		return err
	}
	for _, s := range all {
		if a.opts.JSON {
			err = a.std.JSON(s)
		} else {
			name, from := s.Node.Name, s.Space
			if isFolder(s.Node) {
				name += "/"
			}
			if s.By != nil {
				from = strings.TrimPrefix(from+", "+s.By.Name, ", ")
			}
			_, err = fmt.Fprintf(a.std.Out, "%-6s  %s  %s  (%s)%s\n", s.Node.Access, time.UnixMilli(s.Since).Format("2006-01-02"),
				cmdline.Printable(name, false), cmdline.Printable(from, false), untilText(s.Until))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

type askCmd struct {
	Note   string `name:"message" placeholder:"TEXT" help:"What you want to do with it: for those who are asked."`
	Remote string `arg:"" help:"What you can open but not change or share."`
}

func (askCmd) Help() string {
	return "All who manage it are told, in the page and by mail. You can ask once a day.\n\nExamples:\n\n  coffer ask Shared:/Closing --message \"I want to put the signed pages there.\""
}

func (c askCmd) Run(a *app) error {
	cl, n, err := a.find(c.Remote)
	if err != nil {
		return err
	}
	if err := cl.Ask(a.ctx, n.ID, c.Note); err != nil {
		return at(c.Remote, err)
	}
	a.say("Those who manage %s are told that you ask for more rights.", c.Remote)
	return nil
}

type leaveCmd struct {
	Remote []string `arg:"" help:"What others gave you, as Shared:/name, or a team's space."`
}

func (leaveCmd) Help() string {
	return "What a group of yours was given is not listed any more; the group still opens it.\n\nExamples:\n\n  coffer leave Shared:/Closing\n  coffer leave \"Closing team:/\""
}

func (c leaveCmd) Run(a *app) error {
	cl, err := a.client()
	if err != nil {
		return err
	}
	return each(a, c.Remote, func(p string) error {
		n, err := find(a, cl, p)
		if err != nil {
			return err
		}
		return at(p, cl.Leave(a.ctx, n.ID))
	})
}
