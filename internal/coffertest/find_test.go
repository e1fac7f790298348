package coffertest

import (
	"net/url"
	"testing"

	"coffer"
	"coffer/internal/wire"
)

// find asks for the names that a query finds.
func (p *Person) find(query string) (names []string) {
	p.S.T.Helper()
	path := "/search?" + query
	for {
		var page wire.Part[wire.Node]
		p.Do("GET", path, nil).Want(200).JSON(&page)
		for _, n := range page.Items {
			if len(n.Path) == 0 || n.Access == "" {
				p.S.T.Errorf("%s: %+v", query, n)
			}
			names = append(names, n.Name)
		}
		if page.Next == "" {
			return names
		}
		path = "/search?" + query + "&cursor=" + page.Next
	}
}

// TestFind: two people with files of the same names each find their own, at
// once and through every change.
func TestFind(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(Options) *Server) {
		s := open(Options{})
		ann, ben := s.Person("Ann"), s.Person("Ben")
		finds := func(p *Person, query string, want int) {
			t.Helper()
			if got := p.find(query); len(got) != want {
				t.Errorf("%s finds %q with %q, want %d", p.Name, got, query, want)
			}
		}
		var folders [2]wire.Node
		for i, p := range []*Person{ann, ben} {
			folders[i] = p.Do("POST", "/nodes/"+p.Root().String()+"/folders", wire.NewFolder{Name: "Plans"}).Want(201).Node()
			for _, name := range []string{"Plan.pdf", "Übersicht %_\"* OR plan.txt"} {
				p.Do("PUT", "/nodes/"+folders[i].ID.String()+"/files?name="+url.QueryEscape(name), []byte("x")).Want(201)
			}
		}
		ben.Do("PUT", "/nodes/"+folders[1].ID.String()+"/files?name=Bens+plan", []byte("x")).Want(201)
		finds(ann, "q=plan", 3)
		finds(ben, "q=PLAN", 4)
		finds(ann, "q=ubersicht", 1)
		finds(ann, "q="+url.QueryEscape(`%_"*`), 1)
		finds(ann, "q=bens", 0)
		finds(ann, "q=plan&kind=folder", 1)
		finds(ann, "q=plan&limit=1", 3)
		finds(ann, "q=plan&under="+folders[0].ID.String(), 2)
		ann.Do("GET", "/search?q=plan&under="+folders[1].ID.String(), nil).Problem(404, "not_found")
		ann.Do("GET", "/search?q=", nil).Problem(422, "invalid")
		ann.Do("GET", "/search?q=%20", nil).Problem(422, "query_empty")
		ann.Do("GET", "/search", nil).Problem(422, "invalid")
		ann.Do("GET", "/search?q=x&kind=thing", nil).Problem(422, "invalid")

		name := "Ideas"
		ann.Do("PATCH", "/nodes/"+folders[0].ID.String(), wire.NodePatch{Name: &name}).Want(200)
		finds(ann, "q=idea", 1)
		ann.Do("DELETE", "/nodes/"+folders[0].ID.String(), nil).Want(204)
		finds(ann, "q=plan", 0)
		finds(ann, "q=idea", 0)
		ann.Do("POST", "/trash/"+folders[0].ID.String()+"/restore", wire.Restore{}).Want(200)
		finds(ann, "q=plan", 2)
		finds(ben, "q=plan", 4)
		ann.Do("GET", "/search?q=plan&changed_by="+coffer.NewID().String(), nil).Want(200)
	})
}

// TestRecentAndPins through REST, for two people.
func TestRecentAndPins(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(Options) *Server) {
		s := open(Options{})
		ann, ben := s.Person("Ann"), s.Person("Ben")
		file := ann.Do("PUT", "/nodes/"+ann.Root().String()+"/files?name=a.txt", []byte("x")).Want(201).Node()
		ann.Do("GET", "/nodes/"+file.ID.String()+"/content", nil).Want(200)
		folder := ann.Do("POST", "/nodes/"+ann.Root().String()+"/folders", wire.NewFolder{Name: "Docs"}).Want(201).Node()
		var page wire.Part[wire.Recent]
		ann.Do("GET", "/recent?limit=1", nil).Want(200).JSON(&page)
		if len(page.Items) != 1 || page.Next == "" || page.Items[0].Node.ID != folder.ID || page.Items[0].What != "changed" || page.Items[0].By.Name != "Ann" {
			t.Fatalf("%+v", page)
		}
		next := page.Next
		page = wire.Part[wire.Recent]{}
		ann.Do("GET", "/recent?limit=1&cursor="+next, nil).Want(200).JSON(&page)
		if len(page.Items) != 1 || page.Next != "" || page.Items[0].Node.ID != file.ID || page.Items[0].What != "opened" || len(page.Items[0].Node.Path) != 1 || page.Items[0].At == 0 {
			t.Fatalf("%+v", page)
		}
		ben.Do("GET", "/recent?cursor="+next, nil).Problem(422, "cursor_invalid")

		var pins wire.List[wire.Node]
		ann.Do("PUT", "/pins/"+folder.ID.String(), nil).Want(204)
		ann.Do("PUT", "/pins/"+folder.ID.String(), nil).Want(204)
		ann.Do("GET", "/pins", nil).Want(200).JSON(&pins)
		if len(pins.Items) != 1 || pins.Items[0].ID != folder.ID || pins.Total != 1 || len(pins.Items[0].Path) != 1 {
			t.Fatalf("%+v", pins)
		}
		ben.Do("DELETE", "/pins/"+folder.ID.String(), nil).Problem(404, "not_found")
		ann.Do("DELETE", "/pins/"+folder.ID.String(), nil).Want(204)
		ann.Do("DELETE", "/pins/"+folder.ID.String(), nil).Problem(404, "not_found")
		ann.Do("PUT", "/pins/"+ann.Root().String(), nil).Problem(409, "root")
	})
}
