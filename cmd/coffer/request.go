package main

import (
	"fmt"
	"strings"
	"time"

	"coffer"
	"coffer/internal/client"
	"coffer/internal/cmdline"
	"coffer/internal/wire"
)

type requestCmd struct {
	Create requestCreateCmd `cmd:"" help:"Make an address at which people without an account send files into a folder."`
	List   requestListCmd   `cmd:"" help:"List your file requests, with what has come."`
	Edit   requestEditCmd   `cmd:"" help:"Change a file request."`
	Off    requestOffCmd    `cmd:"" help:"Turn file requests off: nothing comes by them any more."`
}

// requestFlags are what can be said of a request when it is made and later.
type requestFlags struct {
	Note          string   `name:"note" placeholder:"TEXT" help:"What senders read below the title."`
	Ends          string   `name:"ends" placeholder:"DATE" help:"It takes files until the end of this day, as 2026-12-31; never: without an end. A new one ends in 14 days."`
	PasswordStdin bool     `name:"password-stdin" help:"Senders type a password, which is read here from standard input."`
	MaxFiles      int64    `name:"max-files" placeholder:"N" default:"-1" help:"Take so many files in all; 0: any number."`
	MaxSize       string   `name:"max-size" placeholder:"SIZE" help:"Take files up to this size, as 2GB; 0: of any size."`
	Type          []string `name:"type" placeholder:"TYPE" help:"Take only files of this type: pdf, word, excel, powerpoint, pictures, video, audio, text, zip, or an end of names, as .dwg. May be repeated; any: all files."`
	Email         *bool    `name:"email" negatable:"" help:"Ask senders for an e-mail address, and send a receipt there. A new one asks."`
	Folders       *bool    `name:"folders" negatable:"" help:"Give each sender a folder. A new one does."`
	Notify        *bool    `name:"notify" negatable:"" help:"Tell me what has come. A new one does."`
}

// patch is what the flags say; absent ones are absent.
func (f requestFlags) patch(a *app) (p wire.FileRequestPatch, err error) {
	if f.Note != "" {
		p.Note = &f.Note
	}
	if f.MaxFiles >= 0 {
		p.MaxFiles = wire.Some(f.MaxFiles)
	}
	if f.MaxSize != "" {
		n, err := cmdline.ParseBytes(f.MaxSize)
		if err != nil {
			return p, cmdline.Misuse("--max-size: %v", err)
		}
		p.MaxBytes = wire.Some(n)
	}
	if len(f.Type) > 0 {
		types := []string{}
		for _, t := range f.Type {
			if t != "any" {
				types = append(types, t)
			}
		}
		p.Types = &types
	}
	end, err := shareCmd{Until: f.Ends}.until()
	if err != nil {
		return p, cmdline.Misuse("--ends takes a day, as 2026-12-31, or never")
	}
	if end != nil {
		p.EndsAt = wire.Some(*end)
	}
	if f.PasswordStdin {
		password, err := cmdline.ReadPassword(a.std.In)
		if err != nil {
			return p, err
		}
		p.Password = wire.Some(password)
	}
	p.AskEmail, p.Subfolders, p.Notify = f.Email, f.Folders, f.Notify
	return p, nil
}

type requestCreateCmd struct {
	requestFlags
	Remote string `arg:"" help:"Folder that the files go into."`
	Title  string `arg:"" help:"What you ask for, as \"Papers for the sale\"."`
}

func (requestCreateCmd) Help() string {
	return `The address is all that a sender needs. Senders see nothing of what is in the folder,
and never replace anything. A password goes another way than the address.

Examples:

  coffer request create /Sale "Papers for the sale"
  coffer request create /Sale "Signed pages" --type pdf --max-size 50MB --ends 2026-12-31
  echo "a good password" | coffer request create /Sale "Photos" --password-stdin --no-email`
}

func (c requestCreateCmd) Run(a *app) error {
	p, err := c.patch(a)
	if err != nil {
		return err
	}
	cl, folder, err := a.find(c.Remote)
	if err != nil {
		return err
	}
	n := wire.NewFileRequest{Title: c.Title, Note: c.Note, EndsAt: p.EndsAt, Password: p.Password, MaxFiles: p.MaxFiles, MaxBytes: p.MaxBytes, AskEmail: p.AskEmail, Subfolders: p.Subfolders, Notify: p.Notify}
	if p.Types != nil {
		n.Types = *p.Types
	}
	r, err := cl.MakeRequest(a.ctx, folder.ID, n)
	if err != nil {
		return at(c.Remote, err)
	}
	if a.opts.JSON {
		return a.std.JSON(r)
	}
	_, err = fmt.Fprintln(a.std.Out, r.URL) // alone, to be passed on
	return err
}

type requestListCmd struct {
	State  string `name:"state" enum:"live,ended,full,off," default:"" help:"Only those that are live, ended, full or off."`
	All    bool   `name:"all" help:"Those of everybody, without their addresses: for administrators and auditors, whose token has the scope admin."`
	Remote string `arg:"" optional:"" help:"Only those into this folder, whoever made them."`
}

func (requestListCmd) Help() string {
	return "Examples:\n\n  coffer request list\n  coffer request list /Sale\n  coffer request list --state live --json"
}

func (c requestListCmd) Run(a *app) error {
	cl, err := a.client()
	if err != nil {
		return err
	}
	var all []wire.FileRequest
	if c.Remote == "" {
		all, err = cl.Requests(a.ctx, c.State, c.All)
	} else {
		var folder wire.Node
		if folder, err = find(a, cl, c.Remote); err == nil {
			all, err = cl.NodeRequests(a.ctx, folder.ID)
		}
	}
	if err != nil {
		return err
	}
	for _, r := range all {
		if c.State != "" && r.State != c.State {
			continue
		}
		if err := c.print(a, r); err != nil {
			return err
		}
	}
	return nil
}

func (c requestListCmd) print(a *app, r wire.FileRequest) error {
	if a.opts.JSON {
		return a.std.JSON(r)
	}
	end := "no end"
	if r.EndsAt != nil {
		end = "until " + time.UnixMilli(*r.EndsAt).Format("2006-01-02 15:04")
	}
	who := ""
	if c.All && r.CreatedBy != nil {
		who = ", " + r.CreatedBy.Name
	}
	received := "1 file"
	if n := r.Received.Files; n != 1 {
		received = fmt.Sprintf("%d files", n)
	}
	if _, err := fmt.Fprintf(a.std.Out, "%s  %-5s  %s, %s  %s%s\n", r.ID, r.State, received, cmdline.Bytes(r.Received.Bytes), cmdline.Printable(r.Title, false), cmdline.Printable(" ("+end+who+")", false)); err != nil || r.URL == "" {
		return err
	}
	_, err := fmt.Fprintf(a.std.Out, "%26s  %s\n", "", r.URL)
	return err
}

// findRequest finds a file request by its id, address, or title.
func findRequest(a *app, cl *client.Client, name string) (wire.FileRequest, error) {
	all, err := cl.Requests(a.ctx, "", false)
	if err != nil {
		return wire.FileRequest{}, err
	}
	var hits []wire.FileRequest
	for _, r := range all {
		if r.ID.String() == name || r.URL != "" && strings.TrimSuffix(name, "/") == r.URL || r.Title == name {
			hits = append(hits, r)
		}
	}
	if id, err := coffer.ParseID(name); err == nil && len(hits) == 0 {
		return wire.FileRequest{ID: id, Title: name}, nil // somebody else's: into a folder that we manage
	}
	return single(hits, name, func(r wire.FileRequest) coffer.ID { return r.ID })
}

type requestEditCmd struct {
	requestFlags
	Title      string `name:"title" placeholder:"TEXT" help:"Another title."`
	NoPassword bool   `name:"no-password" help:"Ask senders for no password any more."`
	On         bool   `name:"on" help:"Turn it on again."`
	Request    string `arg:"" help:"Its id, address or title."`
}

func (requestEditCmd) Help() string {
	return "What is not said stays. Files that are on their way come under the new terms.\n\nExamples:\n\n  coffer request edit \"Signed pages\" --ends 2027-01-15\n  coffer request edit \"Signed pages\" --type any --max-files 0"
}

func (c requestEditCmd) Run(a *app) error {
	p, err := c.patch(a)
	if err != nil {
		return err
	}
	if c.Title != "" {
		p.Title = &c.Title
	}
	if c.NoPassword {
		p.Password = wire.None[string]()
	}
	if c.On {
		off := false
		p.Off = &off
	}
	cl, err := a.client()
	if err != nil {
		return err
	}
	r, err := findRequest(a, cl, c.Request)
	if err != nil {
		return at(c.Request, err)
	}
	if r, err = cl.ChangeRequest(a.ctx, r.ID, p); err != nil {
		return at(c.Request, err)
	}
	if a.opts.JSON {
		return a.std.JSON(r)
	}
	a.say("%s is changed.", r.Title)
	return nil
}

type requestOffCmd struct {
	Remove  bool     `name:"remove" help:"Remove it for good, with what is known of its senders. What came by it stays."`
	Request []string `arg:"" help:"Ids, addresses or titles."`
}

func (requestOffCmd) Help() string {
	return "It counts at once, for files that are on their way too. \"coffer request edit --on\" turns it on again.\n\nExamples:\n\n  coffer request off \"Signed pages\""
}

func (c requestOffCmd) Run(a *app) error {
	cl, err := a.client()
	if err != nil {
		return err
	}
	return each(a, c.Request, func(name string) error {
		r, err := findRequest(a, cl, name)
		if err != nil {
			return at(name, err)
		}
		if c.Remove {
			if err := cl.RemoveRequest(a.ctx, r.ID); err != nil {
				return at(name, err)
			}
			a.say("%s is removed.", r.Title)
			return nil
		}
		off := true
		if r, err = cl.ChangeRequest(a.ctx, r.ID, wire.FileRequestPatch{Off: &off}); err != nil {
			return at(name, err)
		}
		if a.opts.JSON {
			return a.std.JSON(r)
		}
		a.say("%s is off.", r.Title)
		return nil
	})
}
