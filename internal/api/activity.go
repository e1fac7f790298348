package api

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"coffer"
	"coffer/internal/files"
	"coffer/internal/wire"
)

// getActivity answers both routes, as JSON or as a table.
func (a *API) getActivity(w http.ResponseWriter, r *http.Request) error {
	o, table, err := activityQuery(r)
	if err != nil {
		return err
	}
	c := a.caller(r)
	if table {
		return a.exportActivity(w, c, o)
	}
	page, err := a.view(c).Activity(c, o)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	return marshal(w, wire.Activity{Items: mapped(page.Items, happening), Next: page.Next, KeptDays: page.KeptDays})
}

// activityQuery reads what is asked for. What cannot be an id is not there.
func activityQuery(r *http.Request) (o files.ActivityOptions, table bool, err error) {
	known := []string{"person", "node", "kind", "outside", "cursor", "limit", "format"}
	if r.PathValue("id") != "" {
		if o.Node, err = pathID(r); err != nil {
			return o, false, err
		}
		known = append(known[:1], known[2:]...)
	}
	q, err := query(r, known...)
	if err != nil {
		return o, false, err
	}
	for name, to := range map[string]*coffer.ID{"person": &o.Person, "node": &o.Node} {
		if text, ok := q[name]; ok {
			if *to, err = coffer.ParseID(text); err != nil {
				return o, false, coffer.ErrNotFound
			}
		}
	}
	if text, ok := q["limit"]; ok {
		if o.Limit, err = strconv.Atoi(text); err != nil || o.Limit < 1 {
			return o, false, coffer.E(coffer.Invalid, "invalid", "limit may be 1 to 200.")
		}
	}
	switch q["outside"] {
	case "", "false":
	case "true":
		o.Outside = true
	default:
		return o, false, coffer.E(coffer.Invalid, "invalid", "outside may be true or false.")
	}
	switch q["format"] {
	case "", "json":
	case "csv":
		table = true
	default:
		return o, false, coffer.E(coffer.Invalid, "invalid", "format may be json or csv.")
	}
	o.Kind, o.Cursor = q["kind"], q["cursor"]
	return o, table, nil
}

func happening(h files.Happening) wire.Event {
	e := wire.Event{ID: h.Num, At: h.At, Action: h.Action, Actor: wire.Actor(h.Actor), Node: wire.EventNode{ID: h.Node.ID, ParentID: h.Parent, Name: h.Node.Name, Kind: h.Kind.String()},
		Version: h.Version, Outside: h.Outside, Before: h.Before, After: h.After, Count: h.Count}
	if h.About != nil {
		about := wire.Actor(*h.About)
		e.About = &about
	}
	return e
}

// mostExported is how many lines a table has at most.
const mostExported = 100_000

// exportActivity writes a table of all that is asked for, each event a line.
func (a *API) exportActivity(w http.ResponseWriter, c *call, o files.ActivityOptions) error {
	o.Each, o.Limit = true, 200
	page, err := a.view(c).Activity(c, o)
	if err != nil {
		return err
	}
	out := newTable(w, "activity.csv")
	lines := [][]string{{"time", "who", "who_is", "action", "name", "about", "version", "outside", "before", "after"}}
	for n := 0; ; {
		for _, e := range page.Items {
			lines = append(lines, activityLine(e))
		}
		if err := out.write(lines); err != nil {
			return err
		}
		if n, lines = n+len(lines), nil; page.Next == "" || n >= mostExported {
			return nil
		}
		o.Cursor = page.Next
		if page, err = a.view(c).Activity(c, o); err != nil {
			return err
		}
	}
}

func activityLine(h files.Happening) []string {
	about, version := "", ""
	if h.About != nil {
		about = h.About.Name
	}
	if h.Version != 0 {
		version = strconv.FormatInt(h.Version, 10)
	}
	return []string{time.UnixMilli(h.At).UTC().Format("2006-01-02T15:04:05.000Z"), h.Actor.Name, h.Actor.Kind, h.Action, h.Node.Name, about, version,
		strconv.FormatBool(h.Outside), fields(h.Before), fields(h.After)}
}

// fields writes what was before or after as JSON, keys sorted.
func fields(of map[string]any) string {
	if len(of) == 0 {
		return ""
	}
	b, err := json.Marshal(of)
	if err != nil {
		return "" // it was JSON in the record
	}
	return string(b)
}

func describeActivity(doc huma.API, op *huma.Operation) {
	if strings.Contains(op.Path, "{id}") {
		idParam(op)
	} else {
		param(op, "query", "node", "Only of this file or folder and what is below it", text())
	}
	param(op, "query", "person", "Only what this person did, by id", text())
	param(op, "query", "kind", "Only such acts", text("opened", "changed", "deleted", "shared", "links"))
	param(op, "query", "outside", "true: only what came from outside or goes there", text("true", "false"))
	one, most := 1.0, 200.0
	param(op, "query", "limit", "Default 50. A page may hold fewer, even none, and have a next one", &huma.Schema{Type: huma.TypeInteger, Minimum: &one, Maximum: &most})
	param(op, "query", "cursor", "next of the page before", text())
	param(op, "query", "format", "csv: a table of all pages, without limit and cursor, up to 100,000 lines", text("json", "csv"))
	schema := doc.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[wire.Activity](), true, "Activity")
	op.Responses["200"] = &huma.Response{Description: http.StatusText(http.StatusOK), Content: map[string]*huma.MediaType{
		"application/json": {Schema: schema}, "text/csv": {Schema: text()}}}
}
