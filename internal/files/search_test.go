package files_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"coffer"
	"coffer/internal/blob"
	"coffer/internal/db"
	"coffer/internal/db/dbtest"
	"coffer/internal/files"
)

// found is all that a search finds, in order, with where it is.
func (p *person) found(query string, f files.Filter) (paths []string) {
	p.w.t.Helper()
	paths = []string{}
	o := files.SearchOptions{Filter: f}
	for range 100 {
		page, err := p.Search(ctx, query, o)
		p.w.ok(err)
		for _, i := range page.Items {
			var b strings.Builder
			for _, c := range i.Path[1:] {
				b.WriteString(c.Name + "/")
			}
			paths = append(paths, b.String()+i.Name)
		}
		if page.Next == "" {
			return paths
		}
		o.Cursor = page.Next
	}
	p.w.t.Fatalf("%q: the search has no end", query)
	return nil
}

func (p *person) finds(query string, want ...string) {
	p.w.t.Helper()
	if got := p.found(query, files.Filter{}); strings.Join(got, "|") != strings.Join(want, "|") {
		p.w.t.Errorf("%s searches %q and finds %q, want %q", p.who.User.Name, query, got, want)
	}
}

// TestSearch: what one may open and what lives is found, under the name that it
// has now, and nothing else.
func TestSearch(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann, ben := w.person("Ann"), w.person("Ben")
		docs := ann.mkdir(ann.root, "Docs")
		deep := ann.mkdir(docs, "Deep")
		plan := ann.put(deep, "Plan für Łódź.txt", []byte("x"))
		ann.put(docs, "planned.pdf", []byte("x"))
		ben.put(ben.root, "Ben's plan.txt", []byte("x"))
		ann.finds("plan", "Docs/Deep/Plan für Łódź.txt", "Docs/planned.pdf")
		ann.finds("LODZ fur", "Docs/Deep/Plan für Łódź.txt")
		ben.finds("plan", "Ben's plan.txt")
		ben.finds("lodz")
		ann.finds("p", "Docs/Deep/Plan für Łódź.txt", "Docs/planned.pdf", "Docs/Deep")
		w.person("Cid").finds("plan")

		_, err := ann.Change(ctx, plan.ID, files.Patch{Name: new("Idea.txt"), Parent: &docs})
		w.ok(err)
		ann.finds("lodz")
		ann.finds("idea", "Docs/Idea.txt")
		copied, _, err := ann.Copy(ctx, docs, ann.root, "Twin", coffer.Fail)
		w.ok(err)
		ann.finds("idea", "Docs/Idea.txt", "Twin/Idea.txt")
		_, err = ann.Change(ctx, copied.ID, files.Patch{Name: new("Twins"), Parent: &deep})
		w.ok(err)
		ann.finds("twin", "Docs/Deep/Twins")
		ann.finds("idea", "Docs/Idea.txt", "Docs/Deep/Twins/Idea.txt")

		ann.trash(plan.ID)
		ann.finds("idea", "Docs/Deep/Twins/Idea.txt")
		ann.trash(docs) // what is below goes with it
		ann.finds("idea")
		ann.finds("d")
		ann.finds("planned")
		_, err = ann.Restore(ctx, docs, coffer.ID{})
		w.ok(err)
		ann.finds("idea", "Docs/Deep/Twins/Idea.txt")
		_, err = ann.Restore(ctx, plan.ID, coffer.ID{})
		w.ok(err)
		ann.finds("idea", "Docs/Idea.txt", "Docs/Deep/Twins/Idea.txt")
		ann.trash(docs)
		w.ok(second(ann.Delete(ctx, docs)))
		ann.finds("idea")
		w.jobs()
		ann.finds("idea")
		ben.finds("plan", "Ben's plan.txt")
		w.clean(0)

		page, err := w.svc.As(coffer.SystemPrincipal("test")).Search(ctx, "plan", files.SearchOptions{})
		if err != nil || len(page.Items) != 0 {
			t.Errorf("the system finds %v, %v", page.Items, err)
		}
		who := ben.who
		who.User.Disabled = true
		if page, err := w.svc.As(who).Search(ctx, "plan", files.SearchOptions{}); err != nil || len(page.Items) != 0 {
			t.Errorf("a disabled person finds %v, %v", page.Items, err)
		}
		who = ben.who
		who.Scopes = []coffer.Scope{coffer.ScopeAccount}
		if _, err := w.svc.As(who).Search(ctx, "plan", files.SearchOptions{}); code(err) != "scope_missing" {
			t.Errorf("without the scope: %v", err)
		}
	})
}

func TestSearchFilters(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann, ben := w.person("Ann"), w.person("Ben")
		old := ann.mkdir(ann.root, "x old")
		ann.put(old, "x report.PDF", []byte("%PDF-1.4 12345"))
		ann.put(old, "x photo.jpg", []byte("\xff\xd8\xff\xe0 photo"))
		day := w.clock.now().UnixMilli()
		w.clock.move(24 * time.Hour)
		later := w.clock.now().UnixMilli()
		young := ann.mkdir(old, "x young")
		ann.put(young, "x scan", []byte("%PDF-1.4 named by its content"))
		ann.put(young, "x table.csv", []byte("a,b\n1,2\n"))
		sub := ann.put(ann.root, "x song.mp3", nil)
		all := "x old/x photo.jpg|x old/x report.PDF|x old/x young/x scan|x old/x young/x table.csv|x old/x young|x old|x song.mp3"
		for _, row := range []struct {
			f    files.Filter
			want string // in any order
		}{
			{files.Filter{}, all},
			{files.Filter{Kind: "folder"}, "x old/x young|x old"},
			{files.Filter{Kind: "file"}, "x old/x photo.jpg|x old/x report.PDF|x old/x young/x scan|x old/x young/x table.csv|x song.mp3"},
			{files.Filter{Kind: "pdf"}, "x old/x report.PDF|x old/x young/x scan"},
			{files.Filter{Kind: "picture"}, "x old/x photo.jpg"},
			{files.Filter{Kind: "sheet"}, "x old/x young/x table.csv"},
			{files.Filter{Kind: "audio"}, "x song.mp3"},
			{files.Filter{Kind: "video"}, ""},
			{files.Filter{ChangedAfter: later}, "x old/x young/x scan|x old/x young/x table.csv|x old/x young|x song.mp3"},
			{files.Filter{ChangedBefore: day}, "x old/x photo.jpg|x old/x report.PDF|x old"},
			{files.Filter{ChangedAfter: day + 1, ChangedBefore: later - 1}, ""},
			{files.Filter{ChangedBy: ann.who.User.ID}, all},
			{files.Filter{ChangedBy: ben.who.User.ID}, ""},
			{files.Filter{MinSize: 15}, "x old/x young/x scan"},
			{files.Filter{MaxSize: 8}, "x old/x young/x table.csv|x song.mp3"},
			{files.Filter{MinSize: 8, MaxSize: 8}, "x old/x young/x table.csv"},
			{files.Filter{Under: young}, "x old/x young/x scan|x old/x young/x table.csv"},
			{files.Filter{Under: old, Kind: "pdf"}, "x old/x report.PDF|x old/x young/x scan"},
			{files.Filter{Under: ann.root}, all},
			{files.Filter{Under: sub.ID}, ""},
		} {
			got := ann.found("x", row.f)
			want := strings.Split(row.want, "|")
			if row.want == "" {
				want = []string{}
			}
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("%+v: %q, want %q", row.f, got, want)
			}
		}

		ann.trash(young)
		benRoot := files.Filter{Under: ben.root}
		for _, row := range []struct {
			query string
			o     files.SearchOptions
			want  string
		}{
			{"x", files.SearchOptions{Filter: benRoot}, "not_found"},
			{"x", files.SearchOptions{Filter: files.Filter{Under: young}}, "not_found"},
			{"x", files.SearchOptions{Filter: files.Filter{Under: coffer.NewID()}}, "not_found"},
			{"x", files.SearchOptions{Filter: files.Filter{Kind: "thing"}}, "invalid"},
			{"x", files.SearchOptions{Limit: 201}, "invalid"},
			{"x", files.SearchOptions{Limit: -1}, "invalid"},
			{"x", files.SearchOptions{Cursor: "rubbish"}, "cursor_invalid"},
			{"", files.SearchOptions{}, "query_empty"},
			{" \u0301\u200d ", files.SearchOptions{}, "query_empty"},
			{strings.Repeat("x", 256), files.SearchOptions{}, "invalid"},
		} {
			if _, err := ann.Search(ctx, row.query, row.o); code(err) != row.want {
				t.Errorf("%q %+v: %v, want %s", row.query, row.o, err, row.want)
			}
		}
	})
}

// TestSearchPages: pages of every size tell the same, each result once, and a
// cursor is good for its search and its person only.
func TestSearchPages(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann, ben := w.person("Ann"), w.person("Ben")
		folder := ann.mkdir(ann.root, "many file")
		ann.fill(folder, 450)
		for i := range 5 {
			ann.put(ann.root, fmt.Sprint("another file ", i), nil)
		}
		whole := ann.found("file", files.Filter{})
		if len(whole) != 456 || whole[0] != "many file/file 0.txt" || whole[450] != "another file 4" || whole[455] != "many file" {
			t.Fatalf("%d results, %q", len(whole), whole)
		}
		for _, limit := range []int{1, 7, 200} {
			var got []string
			o := files.SearchOptions{Limit: limit}
			for more := true; more; more = o.Cursor != "" {
				page, err := ann.Search(ctx, "FILE", o)
				w.ok(err)
				if o.Cursor = page.Next; len(page.Items) != limit && o.Cursor != "" {
					t.Fatalf("limit %d: a page of %d in the middle", limit, len(page.Items))
				}
				for _, i := range page.Items {
					got = append(got, i.Name)
				}
				if limit == 1 && len(got) == 20 {
					break
				}
			}
			for i, name := range got {
				if !strings.HasSuffix(whole[i], name) {
					t.Fatalf("limit %d: result %d is %q, want %q", limit, i, name, whole[i])
				}
			}
			if limit > 1 && len(got) != len(whole) {
				t.Errorf("limit %d: %d results", limit, len(got))
			}
		}
		page, err := ann.Search(ctx, "file", files.SearchOptions{Limit: 1})
		w.ok(err)
		for what, ask := range map[string]func() error{
			"another person": func() error {
				return second2(ben.Search(ctx, "file", files.SearchOptions{Cursor: page.Next}))
			},
			"another query": func() error {
				return second2(ann.Search(ctx, "files", files.SearchOptions{Cursor: page.Next}))
			},
			"another filter": func() error {
				return second2(ann.Search(ctx, "file", files.SearchOptions{Cursor: page.Next, Filter: files.Filter{Kind: "file"}}))
			},
		} {
			if err := ask(); code(err) != "cursor_invalid" {
				t.Errorf("a cursor of %s: %v", what, err)
			}
		}
	})
}

func second2[T any](_ T, err error) error { return err }

// TestSearchGoesOn: a page that looked at enough ends, and the next one goes on.
func TestSearchGoesOn(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t), newClock(), blob.NewMemory())
	ann := w.person("Ann")
	wanted := ann.put(ann.root, "very old file.pdf", nil)
	ann.fill(ann.mkdir(ann.root, "many"), 2500)
	o := files.SearchOptions{Filter: files.Filter{Kind: "pdf"}}
	for pages := 1; ; pages++ {
		page, err := ann.Search(ctx, "file", o)
		w.ok(err)
		if len(page.Items) == 1 && page.Items[0].ID == wanted.ID && pages > 1 {
			return
		}
		if o.Cursor = page.Next; o.Cursor == "" || len(page.Items) > 0 {
			t.Fatalf("page %d: %v, next %q", pages, page.Items, page.Next)
		}
	}
}

// TestIndexNames: names that search does not know, or knows wrongly, are found
// by Check once all should be indexed, and put right by its repair and by the
// job.
func TestIndexNames(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann := w.person("Ann")
		for i := range 210 { // more than a batch
			ann.mkdir(ann.root, fmt.Sprint("folder ", i))
		}
		f := ann.put(ann.root, "right name", nil)
		spoil := func() {
			w.ok(w.db.Update(ctx, func(tx *db.Tx) error {
				n := f.Node
				n.Name = "wrong name"
				return tx.IndexName(n)
			}))
			ann.finds("right")
		}
		spoil()
		w.ok(w.svc.IndexNames(ctx)) // takes all for done
		ann.finds("right")
		r, err := w.svc.Check(ctx, files.CheckOptions{})
		w.ok(err)
		if len(r.Problems) != 1 || r.Problems[0].Kind != "search" || !strings.Contains(r.Problems[0].Where, f.ID.String()) {
			t.Errorf("check: %+v", r.Problems)
		}
		r, err = w.svc.Check(ctx, files.CheckOptions{Repair: true})
		if w.ok(err); !r.Clean() || len(r.Repaired) != 1 {
			t.Errorf("repair: %+v", r)
		}
		ann.finds("right", "right name")

		spoil()
		w.ok(w.db.Update(ctx, func(tx *db.Tx) error { return tx.SetSetting("search.keys", "an older rule") }))
		w.clean(0) // not yet expected
		w.ok(w.svc.IndexNames(ctx))
		ann.finds("right", "right name")
		w.clean(0)
	})
}

// TestSearchAsksOnce: links are asked for once for a page, whatever it holds, and
// still each result counts its own and those of the folders above it.
func TestSearchAsksOnce(t *testing.T) {
	t.Parallel()
	dbtest.EachWith(t, func(t *testing.T, open func(db.Options) *db.DB) {
		c, calls := newClock(), &dbtest.Faults{}
		w := newWorld(t, open(db.Options{Now: c.now, Wrap: calls.Wrap}), c, blob.NewMemory())
		ann := w.person("Ann")
		dir := ann.mkdir(ann.root, "Sale")
		none, key := "", "correct horse battery"
		for i := range 60 {
			f := ann.put(dir, fmt.Sprint("deed ", i), nil)
			if i < 2 {
				w.ok(third(ann.MakeLink(ctx, f.ID, files.NewLink{Password: &none})))
			}
		}
		w.ok(third(ann.MakeLink(ctx, dir, files.NewLink{Password: &key})))
		ended, _, err := ann.MakeLink(ctx, dir, files.NewLink{Password: &none})
		w.ok(err)
		off := true
		w.ok(second(ann.ChangeLink(ctx, ended.ID, files.LinkPatch{Off: &off})))
		took := func(limit int) int {
			calls.Arm(0, false, nil)
			page, err := ann.Search(ctx, "deed", files.SearchOptions{Limit: limit})
			w.ok(err)
			n := calls.Count()
			if len(page.Items) != limit {
				t.Fatalf("%d results", len(page.Items))
			}
			for _, i := range page.Items {
				want := int64(1)
				if i.Name == "deed 0" || i.Name == "deed 1" {
					want = 2
				}
				if i.Reach.Links.Links != want || i.Reach.Links.Bare != want-1 {
					t.Errorf("%s is opened by %+v, want %d", i.Name, i.Reach.Links, want)
				}
			}
			return n
		}
		took(50) // statements are prepared
		few, many := took(10), took(50)
		if rows := 40; many-few > 2*rows {
			t.Errorf("10 results take %d calls, 50 take %d: more than two for each", few, many)
		}
	})
}
