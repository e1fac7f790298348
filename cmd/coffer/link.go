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

type linkCmd struct {
	Create linkCreateCmd `cmd:"" help:"Make a link that opens a file or folder without an account."`
	List   linkListCmd   `cmd:"" help:"List links."`
	Edit   linkEditCmd   `cmd:"" help:"Change a link."`
	Off    linkOffCmd    `cmd:"" help:"Turn links off."`
	On     linkOnCmd     `cmd:"" help:"Turn links on again."`
	Rm     linkRmCmd     `cmd:"" help:"Remove links for ever."`

	Recipients linkRecipientsCmd `cmd:"" help:"List whom a link was made for."`
	Add        linkAddCmd        `cmd:"" help:"Let more addresses open a link, and nobody else."`
	Drop       linkDropCmd       `cmd:"" help:"Close a link to some of those whom it was made for."`
	Receipts   linkReceiptsCmd   `cmd:"" help:"List what was done by a link."`
}

// linkTerms are the flags that say how a link is.
type linkTerms struct {
	Name       *string `name:"name" placeholder:"TEXT" help:"Who it is for. Only those who manage the file or folder see it."`
	Message    *string `name:"message" placeholder:"TEXT" help:"What its page says to visitors."`
	May        string  `name:"may" enum:"view,download,upload," default:"" help:"What visitors may do: view (look at previews), download, upload (also put new files into the folder)."`
	Until      string  `name:"until" placeholder:"DATE" help:"It ends at the end of this day, as 2026-12-31; never: without an end."`
	Downloads  *int64  `name:"downloads" placeholder:"N" help:"How many downloads it gives; 0: no limit."`
	NoPassword bool    `name:"no-password" help:"Ask for no password: anyone who sees the address can open it."`
	Password   bool    `name:"password-stdin" help:"Read the password from standard input."`
	Notify     *bool   `name:"notify" negatable:"" help:"Be told when it is opened."`
}

// given reads the flags: until and password are absent where nothing was said.
func (t linkTerms) given(a *app) (until wire.Null[int64], password wire.Null[string], err error) {
	at, err := shareCmd{Until: t.Until}.until()
	if err != nil {
		return until, password, err
	}
	if at != nil {
		until = wire.Some(*at)
	}
	switch {
	case t.NoPassword && t.Password:
		return until, password, cmdline.Misuse("--no-password and --password-stdin exclude each other")
	case t.NoPassword:
		password = wire.None[string]()
	case t.Password:
		text, err := cmdline.ReadPassword(a.std.In)
		if err != nil {
			return until, password, err
		}
		password = wire.Some(text)
	}
	return until, password, nil
}

type linkCreateCmd struct {
	linkTerms
	For    []string `name:"for" placeholder:"EMAIL" help:"Only whoever reads the mails that go to this address can open it. May be repeated, or hold several with commas between; each gets a mail with the link."`
	Remote string   `arg:"" help:"File or folder."`
}

func (linkCreateCmd) Help() string {
	return `Without flags it offers downloads, ends in 14 days and asks for a password, which is made
and printed this once. Send it by another way than the address, for example by phone.
With --for it asks for no password, unless you set one: each of the addresses gets the
link by mail, and who opens it types a code that is mailed there.

Examples:

  coffer link create /Closing --name "For Maria"
  coffer link create /Closing/a.pdf --downloads 1 --until 2026-12-31
  coffer link create /Closing --for maria@example.com,tom@example.com
  coffer link create /Inbox --may upload --no-password --until never`
}

func (c linkCreateCmd) Run(a *app) error {
	until, password, err := c.given(a)
	if err != nil {
		return err
	}
	n := wire.NewLink{May: c.May, EndsAt: until, Password: password, Recipients: c.For}
	if c.Name != nil {
		n.Name = *c.Name
	}
	if c.Message != nil {
		n.Message = *c.Message
	}
	if c.Downloads != nil {
		n.DownloadsMax = wire.Some(*c.Downloads)
	}
	if c.Notify != nil {
		n.Notify = *c.Notify
	}
	cl, node, err := a.find(c.Remote)
	if err != nil {
		return err
	}
	l, err := cl.MakeLink(a.ctx, node.ID, n)
	if err != nil {
		return at(c.Remote, err)
	}
	if a.opts.JSON {
		return a.std.JSON(l)
	}
	fmt.Fprintln(a.std.Out, l.URL)
	if l.Password != "" && !c.Password {
		_, err = fmt.Fprintln(a.std.Out, l.Password)
	}
	return err
}

type linkListCmd struct {
	All    bool   `name:"all" help:"Of everybody, without addresses: for administrators and auditors."`
	State  string `name:"state" enum:"live,ending,over,off,ended,used_up," default:"" help:"Only such: live, ending (within a week), over (not live), off, ended, used_up."`
	Remote string `arg:"" optional:"" help:"File or folder: the links that open it, those of folders above included. Without it: those that you made."`
}

func (linkListCmd) Help() string {
	return "Examples:\n\n  coffer link list\n  coffer link list --state ending\n  coffer link list /Closing"
}

func (c linkListCmd) Run(a *app) error {
	cl, err := a.client()
	if err != nil {
		return err
	}
	if c.Remote == "" {
		return cl.Links(a.ctx, c.All, c.State, a.printLink)
	}
	if c.All || c.State != "" {
		return cmdline.Misuse("--all and --state are about all links, not about those of one file or folder")
	}
	node, err := find(a, cl, c.Remote)
	if err != nil {
		return err
	}
	all, err := cl.LinksOf(a.ctx, node.ID)
	for _, l := range all {
		err = errors.Join(err, a.printLink(l))
	}
	return err
}

// printLink writes one line, and the address below it.
func (a *app) printLink(l wire.Link) error {
	if a.opts.JSON {
		return a.std.JSON(l)
	}
	facts := []string{l.May}
	if n := len(l.Recipients); n > 0 {
		facts = append(facts, fmt.Sprintf("for %d named", n))
	}
	if l.HasPassword {
		facts = append(facts, "password")
	}
	if l.EndsAt != nil {
		facts = append(facts, "until "+time.UnixMilli(*l.EndsAt).Format("2006-01-02 15:04"))
	}
	if l.Downloads.Max != nil {
		facts = append(facts, fmt.Sprintf("%d of %d downloads", l.Downloads.Used, *l.Downloads.Max))
	} else {
		facts = append(facts, fmt.Sprintf("%d downloads", l.Downloads.Used))
	}
	facts = append(facts, fmt.Sprintf("opened %d times", l.Opened.Count))
	name := l.Node.Name
	if name == "" {
		name = "a " + l.Node.Kind
	}
	if l.Name != "" {
		name += " (" + l.Name + ")"
	}
	_, err := fmt.Fprintf(a.std.Out, "%s  %-7s  %s: %s\n", l.ID, l.State, cmdline.Printable(name, false), strings.Join(facts, ", "))
	if err == nil && l.URL != "" {
		_, err = fmt.Fprintf(a.std.Out, "    %s\n", l.URL)
	}
	return err
}

// linkNamed finds a link by its id or its address.
func linkNamed(a *app, cl *client.Client, name string) (id coffer.ID, err error) {
	if !strings.Contains(name, "/l/") {
		if id, err = coffer.ParseID(name); err != nil {
			return id, cmdline.Misuse("%q is neither the id nor the address of a link: see coffer link list", name)
		}
		return id, nil
	}
	err = cl.Links(a.ctx, false, "", func(l wire.Link) error {
		if l.URL == name {
			id = l.ID
		}
		return nil
	})
	if err == nil && id.IsZero() {
		err = coffer.E(coffer.NotFound, "not_found", "You have made no link with this address.")
	}
	return id, err
}

// link is the client and the id of the link with a name.
func (a *app) link(name string) (*client.Client, coffer.ID, error) {
	cl, err := a.client()
	if err != nil {
		return nil, coffer.ID{}, err
	}
	id, err := linkNamed(a, cl, name)
	return cl, id, at(name, err)
}

type linkEditCmd struct {
	linkTerms
	Link string `arg:"" help:"Id or address of a link."`
}

func (linkEditCmd) Help() string {
	return `What is not said stays. A new password, end or right ends the visits that are open.

Examples:

  coffer link edit 7qm4xk2v7qm4xk2v7qm4xk2v7q --until never
  coffer link edit https://files.example.org/l/7qm4xk2v7qm4xk2v7qm4xk2v7q --downloads 5`
}

func (c linkEditCmd) Run(a *app) error {
	until, password, err := c.given(a)
	if err != nil {
		return err
	}
	p := wire.LinkPatch{Name: c.Name, Message: c.Message, May: c.May, EndsAt: until, Password: password, Notify: c.Notify}
	if c.Downloads != nil {
		p.DownloadsMax = wire.Some(*c.Downloads)
	}
	cl, id, err := a.link(c.Link)
	if err != nil {
		return err
	}
	l, err := cl.ChangeLink(a.ctx, id, p)
	if err != nil {
		return err
	}
	return a.printLink(l)
}

// someLinks names links.
type someLinks struct {
	Links []string `arg:"" help:"Ids or addresses of links."`
}

// turn turns links off or on.
func (c someLinks) turn(a *app, off bool) error {
	cl, err := a.client()
	if err != nil {
		return err
	}
	return each(a, c.Links, func(name string) error {
		id, err := linkNamed(a, cl, name)
		if err != nil {
			return at(name, err)
		}
		l, err := cl.ChangeLink(a.ctx, id, wire.LinkPatch{Off: &off})
		if err != nil {
			return at(name, err)
		}
		if a.opts.JSON {
			return a.std.JSON(l)
		}
		return nil
	})
}

type linkOffCmd struct{ someLinks }

func (linkOffCmd) Help() string {
	return "It counts at once. Copies already downloaded stay with whoever has them.\n\nExamples:\n\n  coffer link off 7qm4xk2v7qm4xk2v7qm4xk2v7q"
}

func (c linkOffCmd) Run(a *app) error { return c.turn(a, true) }

type linkOnCmd struct{ someLinks }

func (linkOnCmd) Help() string { return "Examples:\n\n  coffer link on 7qm4xk2v7qm4xk2v7qm4xk2v7q" }

func (c linkOnCmd) Run(a *app) error { return c.turn(a, false) }

type linkRmCmd struct{ someLinks }

func (linkRmCmd) Help() string {
	return "What is known of their visits goes too. To end a link and keep that, turn it off.\n\nExamples:\n\n  coffer link rm 7qm4xk2v7qm4xk2v7qm4xk2v7q"
}

func (c linkRmCmd) Run(a *app) error {
	cl, err := a.client()
	if err != nil {
		return err
	}
	return each(a, c.Links, func(name string) error {
		id, err := linkNamed(a, cl, name)
		if err != nil {
			return at(name, err)
		}
		return at(name, cl.DeleteLink(a.ctx, id))
	})
}
