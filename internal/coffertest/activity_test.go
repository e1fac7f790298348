package coffertest

import (
	"encoding/csv"
	"slices"
	"strings"
	"testing"
	"time"

	"coffer/internal/wire"
)

// TestActivityStory: Ann's acts as she, Ben who may look, and a stranger are
// told of them, as JSON and as a table that no spreadsheet takes for formulas.
func TestActivityStory(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(Options) *Server) {
		s := open(Options{})
		ann, ben, stan := s.Person("Ann"), s.Person("Ben"), s.Person("Stan")
		deal := ann.Do("POST", "/nodes/"+ann.Root().String()+"/folders", wire.NewFolder{Name: "Deal"}).Want(201).Node()
		trap := ann.Do("PUT", "/nodes/"+deal.ID.String()+"/files?name=%3DHYPERLINK(A1)", []byte("x")).Want(201).Node()
		s.Clock.Advance(time.Second)
		var g wire.Grant
		ann.Do("POST", "/nodes/"+deal.ID.String()+"/grants", wire.NewGrant{Email: ben.Email, Role: "view"}).Want(201).JSON(&g)
		s.Clock.Advance(time.Second)
		name := "+1 more.txt"
		ann.Do("PATCH", "/nodes/"+trap.ID.String(), wire.NodePatch{Name: &name}).Want(200)

		read := func(p *Person, path string) (a wire.Activity, acts []string) {
			p.Do("GET", path, nil).Want(200).JSON(&a)
			for _, e := range a.Items {
				acts = append(acts, e.Action)
			}
			return a, acts
		}
		of := "/nodes/" + deal.ID.String() + "/activity"
		a, acts := read(ben, of)
		if !slices.Equal(acts, []string{"node.renamed", "grant.given"}) || a.KeptDays != 365 || a.Next != "" {
			t.Errorf("Ben is told %v, kept %d days, next %q", acts, a.KeptDays, a.Next)
		}
		if e := a.Items[0]; e.Actor.Name != "Ann" || e.Node.ID != trap.ID || e.Before["name"] != "=HYPERLINK(A1)" || e.After["name"] != name || e.Outside || e.Count != 1 {
			t.Errorf("the renaming: %+v", e)
		}
		if e := a.Items[1]; e.About == nil || e.About.ID != ben.Me.ID || e.After["role"] != "view" || e.After["people"] != 2.0 {
			t.Errorf("the grant: %+v", e)
		}
		if _, acts = read(ann, "/activity?node="+deal.ID.String()); !slices.Equal(acts, []string{"node.renamed", "grant.given", "file.uploaded", "folder.created"}) {
			t.Errorf("Ann is told %v", acts)
		}
		if _, acts = read(ann, "/activity?kind=shared&person="+ann.Me.ID.String()); !slices.Equal(acts, []string{"grant.given"}) {
			t.Errorf("of sharing: %v", acts)
		}
		if _, acts = read(ann, "/activity?outside=true"); len(acts) != 0 {
			t.Errorf("from outside: %v", acts)
		}
		if _, acts = read(stan, "/activity"); len(acts) != 0 {
			t.Errorf("Stan is told %v", acts)
		}
		stan.Do("GET", of, nil).Problem(404, "not_found")
		for _, wrong := range []string{"?kind=x", "?outside=maybe", "?limit=0", "?limit=201", "?format=xml", "?cursor=abc", "?x=1", "?node=x"} {
			if res := ann.Do("GET", "/activity"+wrong, nil); res.Status != 422 && res.Status != 400 && wrong != "?node=x" || wrong == "?node=x" && res.Status != 404 {
				t.Errorf("%s: %d %s", wrong, res.Status, res.Body)
			}
		}

		res := ann.Do("GET", of+"?format=csv", nil).Want(200)
		rows, err := csv.NewReader(strings.NewReader(string(res.Body))).ReadAll()
		if err != nil || len(rows) != 5 || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/csv") || !strings.Contains(res.Header.Get("Content-Disposition"), "attachment") {
			t.Fatalf("%d lines, %v, %v\n%s", len(rows), err, res.Header, res.Body)
		}
		for _, row := range rows {
			for _, cell := range row {
				if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
					t.Errorf("a spreadsheet would run %q", cell)
				}
			}
		}
		if rows[1][4] != "'+1 more.txt" || rows[3][4] != "'=HYPERLINK(A1)" || rows[1][1] != "Ann" {
			t.Errorf("the table:\n%s", res.Body)
		}
		ben.Do("DELETE", "/shared/"+deal.ID.String(), nil).Want(204)
		ben.Do("GET", of, nil).Problem(404, "not_found")
	})
}

// TestPolicyStory: what may leave is the administrator's to say, of links that
// are made, of those that are there, and for whom.
func TestPolicyStory(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(Options) *Server) {
		s := open(Options{})
		ann, ben := s.Person("Ann"), s.Person("Ben")
		folder := ann.folder("Deal")
		ann.Do("POST", "/nodes/"+folder.ID.String()+"/grants", wire.NewGrant{Email: ben.Email, Role: "view"}).Want(201)
		links := "/nodes/" + folder.ID.String() + "/links"
		free := ann.linkTo(folder, wire.NewLink{Name: "For Maria", Password: wire.None[string](), EndsAt: wire.None[int64]()})
		works := func(l wire.Link) bool {
			t.Helper()
			var now wire.Link
			ann.Do("GET", "/links/"+l.ID.String(), nil).Want(200).JSON(&now)
			return now.State == "live"
		}
		var ask wire.FileRequest
		ann.Do("POST", "/nodes/"+folder.ID.String()+"/requests", wire.NewFileRequest{Title: "Scans"}).Want(201).JSON(&ask)
		var group wire.Group
		s.Owner.Do("POST", "/groups", wire.GroupName{Name: "Partners"}).Want(201).JSON(&group)
		set := func(p map[string]any) { t.Helper(); s.Owner.Do("PATCH", "/policy", p).Want(200) }

		set(map[string]any{"link_days_max": 30, "link_password_always": true})
		ann.Do("POST", links, wire.NewLink{EndsAt: wire.None[int64]()}).Problem(422, "end_too_late")
		ann.Do("POST", links, wire.NewLink{Password: wire.None[string]()}).Problem(422, "password_needed")
		ann.Do("PATCH", "/links/"+free.ID.String(), wire.LinkPatch{Password: wire.None[string]()}).Problem(422, "password_needed")
		if !works(free) {
			t.Error("a link that was made before the rule does not open any more")
		}
		set(map[string]any{"link_days_default": 3})
		l := ann.linkTo(folder, wire.NewLink{})
		if days := *l.EndsAt - l.CreatedAt; days != 3*24*3600*1000 {
			t.Errorf("the usual end is %d ms away", days)
		}
		set(map[string]any{"outside": "groups", "outside_groups": []string{group.ID.String()}})
		ann.Do("POST", links, wire.NewLink{}).Problem(403, "outside_off")
		ann.Do("PATCH", "/links/"+l.ID.String(), map[string]any{"name": "x"}).Problem(403, "outside_off")
		if works(free) || works(l) {
			t.Error("links of somebody who may not share outside open")
		}
		ann.Do("PATCH", "/links/"+l.ID.String(), map[string]any{"off": true}).Want(200)
		s.Owner.Do("PUT", "/groups/"+group.ID.String()+"/members/"+ann.Email, nil).Want(204)
		if !works(free) {
			t.Error("a member of the group has no link")
		}
		set(map[string]any{"outside": "nobody"})
		ann.Do("POST", "/nodes/"+folder.ID.String()+"/requests", wire.NewFileRequest{Title: "Scans"}).Problem(403, "outside_off")
		ann.Do("GET", "/requests/"+ask.ID.String(), nil).Want(200).JSON(&ask)
		if ask.State != "off" {
			t.Errorf("a request of somebody who may not share outside is %s", ask.State)
		}
		var told wire.Policy
		ann.Do("GET", "/policy", nil).Want(200).JSON(&told)
		if works(free) || told.YouMay || told.Outside != "nobody" || *told.LinkDaysMax != 30 {
			t.Errorf("Ann is told %+v", told)
		}

		// What links are called is for who manages them.
		for p, name := range map[*Person]string{ann: "For Maria", ben: ""} {
			var a wire.Activity
			p.Do("GET", "/nodes/"+folder.ID.String()+"/activity?outside=true&limit=200", nil).Want(200).JSON(&a)
			first := a.Items[len(a.Items)-1]
			if first.Action != "link.made" || !first.Outside || first.About == nil || first.About.Kind != "link" || first.About.ID != free.ID || first.About.Name != name {
				t.Errorf("%s is told %+v, %+v", p.Name, first, first.About)
			}
			for _, e := range a.Items {
				if p == ben && (e.Before != nil || e.After != nil) {
					t.Errorf("Ben is told the terms of %s: %v, %v", e.Action, e.Before, e.After)
				}
			}
			if p == ann && first.After["may"] != "download" {
				t.Errorf("Ann is told %v", first.After)
			}
			if p == ben && strings.Contains(string(p.Do("GET", "/nodes/"+folder.ID.String()+"/activity?format=csv", nil).Body), "Maria") {
				t.Error("the table tells Ben whom a link is for")
			}
		}
	})
}
