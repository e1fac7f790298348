package main

import (
	"fmt"
	"time"

	"coffer"
	"coffer/internal/cmdline"
	"coffer/internal/wire"
)

// oneLink names a link.
type oneLink struct {
	Link string `arg:"" help:"Id or address of a link."`
}

type linkRecipientsCmd struct{ oneLink }

func (linkRecipientsCmd) Help() string {
	return "Nobody is listed where it opens for anybody. \"off\" marks who can open it no more.\n\nExamples:\n\n  coffer link recipients 7qm4xk2v7qm4xk2v7qm4xk2v7q"
}

func (c linkRecipientsCmd) Run(a *app) error {
	cl, id, err := a.link(c.Link)
	if err != nil {
		return err
	}
	l, err := cl.Link(a.ctx, id)
	if err != nil {
		return at(c.Link, err)
	}
	return a.printRecipients(l)
}

func (a *app) printRecipients(l wire.Link) error {
	for _, r := range l.Recipients {
		var err error
		if a.opts.JSON {
			err = a.std.JSON(r)
		} else {
			_, err = fmt.Fprintf(a.std.Out, "%-4s  %s\n", r.State, cmdline.Printable(r.Email, false))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

type linkAddCmd struct {
	oneLink
	Emails []string `arg:"" help:"E-mail addresses."`
}

func (linkAddCmd) Help() string {
	return `Each gets the link by mail. A link that opened for anybody does so no more: whoever has
it open has to prove an address.

Examples:

  coffer link add 7qm4xk2v7qm4xk2v7qm4xk2v7q maria@example.com`
}

func (c linkAddCmd) Run(a *app) error {
	cl, id, err := a.link(c.Link)
	if err != nil {
		return err
	}
	l, err := cl.AddRecipients(a.ctx, id, c.Emails)
	if err != nil {
		return at(c.Link, err)
	}
	return a.printRecipients(l)
}

type linkDropCmd struct {
	oneLink
	Emails []string `arg:"" help:"E-mail addresses."`
}

func (linkDropCmd) Help() string {
	return "It counts at once, for what is being downloaded too; the others are not touched.\n\nExamples:\n\n  coffer link drop 7qm4xk2v7qm4xk2v7qm4xk2v7q maria@example.com"
}

func (c linkDropCmd) Run(a *app) error {
	cl, id, err := a.link(c.Link)
	if err != nil {
		return err
	}
	l, err := cl.Link(a.ctx, id)
	if err != nil {
		return at(c.Link, err)
	}
	return each(a, c.Emails, func(email string) error {
		for _, r := range l.Recipients {
			if r.Email == coffer.EmailKey(email) && r.State == "live" {
				return at(email, cl.DropRecipient(a.ctx, id, r.ID))
			}
		}
		return at(email, coffer.E(coffer.NotFound, "not_found", "The link is not for this address."))
	})
}

type linkReceiptsCmd struct {
	oneLink
	CSV   bool `name:"csv" help:"Write all of it as a table."`
	Limit int  `name:"limit" short:"n" default:"50" help:"Stop after so many lines; 0 for all."`
}

func (linkReceiptsCmd) Help() string {
	return `What was done last comes first: opened, downloaded and how far, uploaded, refused and why.
"opened" means that this server sent the page; whether anybody read it, nobody knows.

Examples:

  coffer link receipts 7qm4xk2v7qm4xk2v7qm4xk2v7q
  coffer link receipts https://files.example.org/l/7qm4xk2v7qm4xk2v7qm4xk2v7q --csv > receipts.csv`
}

func (c linkReceiptsCmd) Run(a *app) error {
	if c.Limit < 0 {
		return cmdline.Misuse("--limit cannot be less than nothing")
	}
	cl, id, err := a.link(c.Link)
	if err != nil {
		return err
	}
	if c.CSV {
		return at(c.Link, cl.ReceiptsTable(a.ctx, id, a.std.Out))
	}
	told := 0
	for r, err := range cl.Receipts(a.ctx, id) {
		switch {
		case err != nil:
			err = at(c.Link, err)
		case a.opts.JSON:
			err = a.std.JSON(r)
		default:
			_, err = fmt.Fprintf(a.std.Out, "%s  %s\n", time.UnixMilli(r.At).Format("2006-01-02 15:04"), cmdline.Printable(receiptText(r), false))
		}
		if err != nil {
			return err
		}
		if told++; told == c.Limit {
			break
		}
	}
	return nil
}

// receiptText is a receipt as one line.
func receiptText(r wire.Receipt) string {
	who := "somebody"
	if r.Recipient != nil {
		who = r.Recipient.Name
	}
	text := who + " at " + r.Network + ": "
	switch r.Kind {
	case "opened":
		text += "opened “" + r.Name + "”"
	case "uploaded":
		text += "uploaded “" + r.Name + "”"
	case "refused":
		text += "refused, wrong " + r.Reason
	case "download":
		text += "download of “" + r.Name + "” "
		switch r.State {
		case "finished":
			text += "finished, " + size(*r.Size)
		case "not_begun":
			text += "not begun"
		default:
			text += fmt.Sprintf("%s at %s of %s", r.State, size(*r.Got), size(*r.Size))
		}
	}
	if r.Count > 1 {
		text += fmt.Sprintf(", %d times", r.Count)
	}
	return text
}
