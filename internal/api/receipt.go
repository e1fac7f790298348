package api

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"coffer"
	"coffer/internal/files"
	"coffer/internal/wire"
)

// listReceipts answers with a page as JSON, or with all as CSV.
func (a *API) listReceipts(w http.ResponseWriter, r *http.Request) error {
	c := a.caller(r)
	id, err := pathID(r)
	if err != nil {
		return err
	}
	q, err := query(r, "format", "limit", "cursor")
	if err != nil {
		return err
	}
	limit := 0
	if text, ok := q["limit"]; ok {
		if limit, err = strconv.Atoi(text); err != nil || limit < 1 {
			return coffer.E(coffer.Invalid, "invalid", "limit is a number from 1 to 10,000.")
		}
	}
	switch q["format"] {
	case "", "json":
		page, err := a.view(c).Receipts(c, id, limit, q["cursor"])
		if err != nil {
			return err
		}
		w.Header().Set("Content-Type", "application/json")
		return json.NewEncoder(w).Encode(wire.Part[wire.Receipt]{Items: mapped(page.Items, receipt), Next: page.Next})
	case "csv":
	default:
		return coffer.E(coffer.Invalid, "invalid", "format is json or csv.")
	}
	var all []files.Receipt
	for cursor := ""; ; {
		page, err := a.view(c).Receipts(c, id, 0, cursor)
		if err != nil {
			return err
		}
		all = append(all, page.Items...)
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	rows := [][]string{{"since", "at", "kind", "count", "recipient", "network", "name", "size", "got", "state", "reason"}}
	for _, r := range all {
		row := []string{stamp(r.Since), stamp(r.At), r.Kind, strconv.FormatInt(r.Count, 10), r.Recipient.Name, r.Network, r.Name, "", "", r.State, r.Reason}
		if r.Kind == "download" {
			row[7], row[8] = strconv.FormatInt(r.Size, 10), strconv.FormatInt(r.Got, 10)
		}
		rows = append(rows, row)
	}
	return newTable(w, "receipts.csv").write(rows)
}

func stamp(ms int64) string { return time.UnixMilli(ms).UTC().Format(time.RFC3339) }

func receipt(r files.Receipt) wire.Receipt {
	w := wire.Receipt{Kind: r.Kind, At: r.At, Since: r.Since, Count: r.Count, Network: r.Network, Name: r.Name, Reason: r.Reason, State: r.State}
	if !r.Recipient.ID.IsZero() {
		w.Recipient = &wire.Person{ID: r.Recipient.ID, Name: r.Recipient.Name}
	}
	if r.Kind == "download" {
		w.Size, w.Got = &r.Size, &r.Got
	}
	return w
}

func describeReceipts(doc huma.API, op *huma.Operation) {
	idParam(op)
	param(op, "query", "format", "csv: all of them as a table; default json", text("json", "csv"))
	param(op, "query", "limit", "Of json: 1 to 10,000, default 200", text())
	param(op, "query", "cursor", "Of json: next of the page before", text())
	schema := doc.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[wire.Part[wire.Receipt]](), true, "Receipts")
	op.Responses["200"] = &huma.Response{Description: "What was done by the link", Content: map[string]*huma.MediaType{"application/json": {Schema: schema}, "text/csv": {Schema: text()}}}
}
