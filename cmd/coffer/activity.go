package main

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"coffer/internal/cmdline"
	"coffer/internal/wire"
)

type activityCmd struct {
	Kind    string `name:"kind" enum:",opened,changed,deleted,shared,links" default:"" placeholder:"KIND" help:"Only such acts: opened, changed, deleted, shared, links."`
	Person  string `name:"person" placeholder:"ID" help:"Only what this person did."`
	Outside bool   `name:"outside" help:"Only what came from outside, or goes there."`
	CSV     bool   `name:"csv" help:"Write all of it as a table, one line for each time."`
	Limit   int    `name:"limit" short:"n" default:"50" help:"Stop after so many lines; 0 for all."`
	Remote  string `arg:"" optional:"" help:"File or folder; of a folder, what is in it too. Without it, all that you may open."`
}

func (activityCmd) Help() string {
	return `Newest first. Who manages a file or folder is told all that happened to it, others what
has happened since they got access. A > marks what came from outside, or goes there.

Examples:

  coffer activity
  coffer activity --outside /Closing
  coffer activity --kind opened --json /Closing/bundle.pdf | jq -r .actor.name
  coffer activity --csv > activity.csv`
}

func (c activityCmd) Run(a *app) error {
	if c.Limit < 0 {
		return cmdline.Misuse("--limit cannot be less than nothing")
	}
	cl, err := a.client()
	if err != nil {
		return err
	}
	query := url.Values{}
	for name, value := range map[string]string{"kind": c.Kind, "person": c.Person} {
		if value != "" {
			query.Set(name, value)
		}
	}
	if c.Outside {
		query.Set("outside", "true")
	}
	if c.Remote != "" {
		n, err := find(a, cl, c.Remote)
		if err != nil {
			return err
		}
		query.Set("node", n.ID.String())
	}
	if c.CSV {
		return cl.ActivityTable(a.ctx, query, a.std.Out)
	}
	if c.Limit > 0 {
		query.Set("limit", strconv.Itoa(min(200, c.Limit)))
	}
	told := 0
	for e, err := range cl.Activity(a.ctx, query) {
		switch {
		case err != nil:
		case a.opts.JSON:
			err = a.std.JSON(e)
		default:
			_, err = fmt.Fprintln(a.std.Out, cmdline.Printable(eventText(e), false))
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

// acts are the words for what was done to %s; what is not here is told by its
// name.
var acts = map[string]string{
	"file.opened": "opened %s", "node.zipped": "downloaded %s as a ZIP", "link.opened": "opened %s", "link.downloaded": "downloaded %s",
	"file.uploaded": "uploaded %s", "folder.created": "made the folder %s", "node.renamed": "renamed it to %s", "node.moved": "moved %s", "node.copied": "copied %s",
	"version.restored": "restored a version of %s", "version.kept": "kept a version of %s", "version.deleted": "deleted a version of %s",
	"space.created": "made the space %s", "space.renamed": "renamed the space %s", "space.handed_over": "handed over %s",
	"node.trashed": "moved %s to the trash", "node.restored": "restored %s", "node.deleted": "deleted %s for ever",
	"grant.given": "gave access to %s", "grant.changed": "changed access to %s", "grant.taken": "took away access to %s", "grant.left": "left %s", "grant.asked": "asked for more rights to %s",
	"link.made": "made a link to %s", "link.changed": "changed a link to %s", "link.turned_off": "turned off a link to %s", "link.turned_on": "turned on a link to %s",
	"link.refused": "tried a link to %s with a wrong password", "link.reported": "reported a link to %s", "link.deleted": "removed a link to %s",
	"link.recipient_added": "let somebody open %s by a link", "link.recipient_removed": "closed a link to %s to somebody",
	"request.made": "asked for files in %s", "request.changed": "changed a file request in %s", "request.turned_off": "turned off a file request in %s", "request.turned_on": "turned on a file request in %s",
	"request.deleted": "removed a file request in %s", "request.refused": "tried a file request in %s with a wrong password", "request.reported": "reported a file request in %s",
}

// eventText is an event as one line.
func eventText(e wire.Event) string {
	mark := " "
	if e.Outside {
		mark = ">"
	}
	who := e.Actor.Name
	switch {
	case e.Actor.Kind == "system":
		who = "This server"
	case e.Actor.Kind == "link":
		who = strings.TrimSpace("Link " + who)
	case who == "":
		who = "Somebody"
	}
	name := "/"
	if e.Node.Name != "" {
		name = "“" + e.Node.Name + "”"
	}
	words, known := acts[e.Action]
	if !known {
		words = e.Action + " %s"
	}
	text := fmt.Sprintf(words, name)
	for _, part := range []struct{ key, words string }{{"name", ", from “%v”"}, {"folder", ", from the folder “%v”"}} {
		if was, ok := e.Before[part.key]; ok {
			text += fmt.Sprintf(part.words, was)
		}
	}
	if e.Version > 1 {
		text += fmt.Sprintf(", version %d", e.Version)
	}
	if e.About != nil && e.About.Name != "" && e.Action != "grant.left" {
		text += ": " + e.About.Name
		if role, ok := e.After["role"]; ok {
			text += fmt.Sprintf(" (%v)", role)
		}
	}
	if e.Count > 1 {
		text += fmt.Sprintf(", %d times", e.Count)
	}
	return fmt.Sprintf("%s %s  %s  %s", mark, time.UnixMilli(e.At).Format("2006-01-02 15:04"), who, text)
}
