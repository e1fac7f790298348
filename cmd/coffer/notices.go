package main

import (
	"fmt"
	"strings"
	"time"

	"coffer/internal/cmdline"
	"coffer/internal/wire"
)

type noticesCmd struct {
	Ls   noticesLsCmd   `cmd:"" default:"withargs" help:"List what you were told, newest first."`
	Read noticesReadCmd `cmd:"" help:"Mark all as read."`
	Mail noticesMailCmd `cmd:"" help:"Choose what comes by e-mail, or tell what does."`
}

type noticesLsCmd struct {
	Limit int  `name:"limit" short:"n" default:"50" help:"Stop after so many; 0 for all."`
	New   bool `name:"new" help:"Only what is not read."`
}

func (noticesLsCmd) Help() string {
	return "A * marks what is not read.\n\nExamples:\n\n  coffer notices\n  coffer notices --new --json | jq -r .kind"
}

func (c noticesLsCmd) Run(a *app) error {
	if c.Limit < 0 {
		return cmdline.Misuse("--limit cannot be less than nothing")
	}
	cl, err := a.client()
	if err != nil {
		return err
	}
	told := 0
	for n, err := range cl.Notices(a.ctx) {
		switch {
		case err != nil:
		case c.New && n.Read:
			continue
		case a.opts.JSON:
			err = a.std.JSON(n)
		default:
			mark := "*"
			if n.Read {
				mark = " "
			}
			_, err = fmt.Fprintf(a.std.Out, "%s %s  %s\n", mark, time.UnixMilli(n.At).Format("2006-01-02 15:04"), cmdline.Printable(noticeText(n), false))
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

// noticeText says a notice in a sentence.
func noticeText(n wire.Notice) string {
	by := "Somebody"
	if n.By != nil {
		by = n.By.Name
	}
	text := n.Kind
	switch n.Kind {
	case "share_given":
		text = fmt.Sprintf("%s shared “%s” with you (%s)%s", by, n.Name, n.Role, untilText(n.Until))
		if n.Message != "" {
			text += ": " + strings.Join(strings.Fields(n.Message), " ")
		}
	case "share_ended":
		text = fmt.Sprintf("%s ended your access to “%s”", by, n.Name)
	case "share_asked":
		text = fmt.Sprintf("%s asks for more rights to “%s” (has %s)", by, n.Name, n.Role)
		if n.Message != "" {
			text += ": " + strings.Join(strings.Fields(n.Message), " ")
		}
	case "group_given":
		text = fmt.Sprintf("%s added you to the group “%s”", by, n.Name)
	case "files_came":
		text = fmt.Sprintf("%d files, %s, from %s for “%s” in “%s”, reference %s", n.Files, size(n.Bytes), n.Who, n.Link, n.Name, n.Ref)
	case "storage_low":
		whose := "Your storage"
		if n.Name != "" {
			whose = "The storage of “" + n.Name + "”"
		}
		text = fmt.Sprintf("%s is almost full: %s of %s are left", whose, size(n.Left), size(n.Of))
	case "link_opened", "link_downloaded", "link_refused":
		text = fmt.Sprintf("Your link “%s”: “%s” was %s", n.Link, n.Name, map[string]string{"link_opened": "opened", "link_downloaded": "downloaded", "link_refused": "refused"}[n.Kind])
		if n.Who != "" {
			text += " (" + n.Who + ")"
		}
	case "link_ending":
		text = fmt.Sprintf("Your link “%s” to “%s” ends%s", n.Link, n.Name, strings.Replace(untilText(n.Until), " until", " on", 1))
	case "new_sign_in":
		text = fmt.Sprintf("New sign-in: %s, from %s", n.Device, n.Address)
	}
	if n.Count > 1 {
		text += fmt.Sprintf(", %d times", n.Count)
	}
	return text
}

type noticesReadCmd struct{}

func (noticesReadCmd) Help() string { return "Examples:\n\n  coffer notices read" }

func (noticesReadCmd) Run(a *app) error {
	cl, err := a.client()
	if err != nil {
		return err
	}
	return cl.ReadNotices(a.ctx)
}

type noticesMailCmd struct {
	Shares   string `name:"shares" enum:"on,off," default:"" help:"Something is shared with you, or not any more: on or off."`
	Links    string `name:"links" enum:"on,off," default:"" help:"Your links: on or off."`
	Requests string `name:"requests" enum:"on,off," default:"" help:"Files came by your file requests: on or off."`
	Storage  string `name:"storage" enum:"on,off," default:"" help:"Your storage is almost full: on or off."`
	Digest   string `name:"digest" enum:"on,off," default:"" help:"One mail a day instead of one soon: on or off."`
	Names    string `name:"names" enum:"on,off," default:"" help:"Names of files, folders and links stand in the mails: on or off."`
}

func (noticesMailCmd) Help() string {
	return `What happens together comes in one mail. New sign-ins and a changed password are
always mailed.

Examples:

  coffer notices mail
  coffer notices mail --digest on --names off`
}

func (c noticesMailCmd) Run(a *app) error {
	cl, err := a.client()
	if err != nil {
		return err
	}
	var p wire.NoticeSettings
	changed := false
	for text, field := range map[*string]**bool{&c.Shares: &p.Shares, &c.Links: &p.Links, &c.Requests: &p.Requests, &c.Storage: &p.Storage, &c.Digest: &p.Digest, &c.Names: &p.Names} {
		if *text != "" {
			on := *text == "on"
			*field, changed = &on, true
		}
	}
	now, err := cl.NoticeSettings(a.ctx)
	if changed {
		now, err = cl.ChangeNoticeSettings(a.ctx, p)
	}
	if err != nil {
		return err
	}
	if a.opts.JSON {
		return a.std.JSON(now)
	}
	for _, s := range []struct {
		name string
		on   *bool
	}{{"shares", now.Shares}, {"links", now.Links}, {"requests", now.Requests}, {"storage", now.Storage}, {"digest", now.Digest}, {"names", now.Names}} {
		state := "off"
		if s.on != nil && *s.on {
			state = "on"
		}
		if _, err := fmt.Fprintf(a.std.Out, "%-8s  %s\n", s.name, state); err != nil {
			return err
		}
	}
	return nil
}
