package coffertest

import (
	"encoding/csv"
	"encoding/json"
	"net/url"
	"path"
	"strings"
	"testing"

	"coffer/internal/wire"
)

// TestTablesAreInert: whatever people, files, links and requests are called, no
// table that the server makes holds a cell that a spreadsheet would run. A route
// that answers with a table and is not asked here fails.
func TestTablesAreInert(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(Options) *Server) {
		s := open(Options{})
		ann := s.Person("Ann")
		name := "=Ann"
		ann.Do("PATCH", "/me", map[string]any{"name": name}).Want(200)
		folder := ann.folder("@SUM(1)")
		file := ann.file(folder, url.QueryEscape(`=cmd|' C calc'!A0`), "x")
		ann.file(folder, "%2B1", "x")
		ann.file(folder, "-1", "x")
		moved := "＝1"
		ann.Do("PATCH", "/nodes/"+ann.file(folder, "a", "x").ID.String(), wire.NodePatch{Name: &moved}).Want(200)
		l := ann.linkTo(folder, wire.NewLink{Name: "=HYPERLINK(1)", Password: wire.None[string]()})
		v := s.Visitor()
		v.Get("/l/" + path.Base(l.URL)).Want(200)
		v.Get(v.Post("/l/"+path.Base(l.URL)+"/get", "node", file.ID.String()).Want(303).Header.Get("Location")).Want(200)
		r := ann.asks(folder, wire.NewFileRequest{Title: "-2+3"})
		v.sends(r.URL, "@Maria", "maria@lindqvist.example", "=sent.txt", "x").Want(303)

		routes := map[string]string{
			"/activity":            "/activity?format=csv",
			"/nodes/{id}/activity": "/nodes/" + folder.ID.String() + "/activity?format=csv",
			"/links/{id}/receipts": "/links/" + l.ID.String() + "/receipts?format=csv",
		}
		var doc struct {
			Paths map[string]map[string]struct {
				Responses map[string]struct{ Content map[string]any }
			}
		}
		if err := json.Unmarshal(ann.Do("GET", "/openapi.json", nil).Want(200).Body, &doc); err != nil {
			t.Fatal(err)
		}
		asked := 0
		for route, ops := range doc.Paths {
			for _, op := range ops {
				for _, answer := range op.Responses {
					if answer.Content["text/csv"] != nil {
						asked++
						if routes[strings.TrimPrefix(route, "/api/v1")] == "" {
							t.Errorf("%s answers with a table and is not asked", route)
						}
					}
				}
			}
		}
		if asked != len(routes) {
			t.Errorf("%d routes answer with tables, not %d", asked, len(routes))
		}
		for route, address := range routes {
			rows, err := csv.NewReader(strings.NewReader(string(ann.Do("GET", address, nil).Want(200).Body))).ReadAll()
			if err != nil {
				t.Fatal(err)
			}
			guarded := 0
			for _, row := range rows {
				for _, cell := range row {
					if cell != "" && strings.ContainsRune("=+-@\t\r\n|%＝＋－＠", []rune(strings.TrimSpace(cell))[0]) {
						t.Errorf("%s holds %q", route, cell)
					}
					if strings.HasPrefix(cell, "'") {
						guarded++
					}
				}
			}
			if guarded == 0 {
				t.Errorf("%s has %d rows and nothing to guard: it proves nothing", route, len(rows))
			}
		}
	})
}
