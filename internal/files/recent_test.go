package files_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"coffer"
	"coffer/internal/db"
	"coffer/internal/files"
)

// recents is the whole list, in pages of so many.
func (p *person) recents(limit int) string {
	p.w.t.Helper()
	var out []string
	cursor := ""
	for range 100 {
		page, err := p.Recent(ctx, limit, cursor)
		p.w.ok(err)
		for _, r := range page.Items {
			what := "changed "
			if r.Opened {
				what = "opened "
			}
			out = append(out, what+r.Path[len(r.Path)-1].Name+"/"+r.Name)
			if r.By.Name != p.who.User.Name {
				p.w.t.Errorf("%s was touched by %+v", r.Name, r.By)
			}
		}
		if cursor = page.Next; cursor == "" {
			return strings.Join(out, ", ")
		}
	}
	p.w.t.Fatal("the list has no end")
	return ""
}

func (p *person) recentIs(want string) {
	p.w.t.Helper()
	for _, limit := range []int{0, 1, 2} {
		if got := p.recents(limit); got != want {
			p.w.t.Errorf("pages of %d: %q, want %q", limit, got, want)
		}
	}
}

func TestRecent(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann, ben := w.person("Ann"), w.person("Ben")
		ann.recentIs("")
		docs := ann.mkdir(ann.root, "Docs")
		a, b := ann.put(docs, "a", []byte("a")), ann.put(docs, "b", []byte("b"))
		ben.put(ben.root, "foreign", nil)
		ann.recentIs("changed Docs/b, changed Docs/a, changed /Docs")
		ben.recentIs("changed /foreign")
		ann.read(a.ID)
		ann.recentIs("opened Docs/a, changed Docs/b, changed /Docs")
		w.clock.move(time.Hour)
		_, err := ann.UploadVersion(ctx, b.ID, coffer.ID{}, body([]byte("more")))
		w.ok(err)
		ann.read(a.ID)
		_, err = ann.Change(ctx, a.ID, files.Patch{Name: new("c"), Parent: &ann.root})
		w.ok(err)
		ann.recentIs("changed /c, changed Docs/b, changed /Docs")
		ann.trash(b.ID)
		ann.recentIs("changed /c, changed /Docs")
		_, err = ann.Restore(ctx, b.ID, coffer.ID{})
		w.ok(err)
		ann.recentIs("changed Docs/b, changed /c, changed /Docs")
		ann.trash(docs)
		ann.recentIs("changed /c")
		w.ok(second(ann.Delete(ctx, docs)))
		w.jobs()
		ann.recentIs("changed /c")
		ben.recentIs("changed /foreign")

		for cursor, limit := range map[string]int{"": 201, " ": -1, "rubbish": 0} {
			want := "invalid"
			if limit == 0 {
				want = "cursor_invalid"
			}
			if _, err := ann.Recent(ctx, limit, cursor); code(err) != want {
				t.Errorf("limit %d, cursor %q: %v", limit, cursor, err)
			}
		}
		ann.put(ann.root, "d", nil)
		page, err := ann.Recent(ctx, 1, "")
		w.ok(err)
		if _, err := ben.Recent(ctx, 1, page.Next); code(err) != "cursor_invalid" {
			t.Errorf("Ann's cursor in Ben's hands: %v", err)
		}
		if page, err := w.svc.As(coffer.SystemPrincipal("test")).Recent(ctx, 0, ""); err != nil || len(page.Items) != 0 {
			t.Errorf("the system: %v, %v", page.Items, err)
		}
	})
}

// TestRecentShared: what others change in what one may open is told with their
// names, what they open is not; nothing is told of what one may open no more,
// nor of what is above it.
func TestRecentShared(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann, ben, cid := w.person("Ann"), w.person("Ben"), w.person("Cid")
		private := ann.mkdir(ann.root, "Private")
		docs := ann.mkdir(private, "Docs")
		a, b := ann.put(docs, "a", []byte("a")), ann.put(docs, "b", []byte("b"))
		ann.put(private, "secret", nil)
		grant := ann.give(docs, ben, edit)
		is := func(p *person, want string) {
			t.Helper()
			page, err := p.Recent(ctx, 0, "")
			w.ok(err)
			var out []string
			for _, r := range page.Items {
				line := r.By.Name + " changed "
				if r.Opened {
					line = r.By.Name + " opened "
				}
				for _, c := range r.Path {
					line += c.Name + "/"
				}
				out = append(out, line+r.Name)
			}
			if got := strings.Join(out, ", "); got != want {
				t.Errorf("%s: %q, want %q", p.who.User.Name, got, want)
			}
		}
		is(ben, "Ann changed Docs/b, Ann changed Docs/a, Ann changed Docs")
		ben.read(b.ID)
		_, err := ben.UploadVersion(ctx, a.ID, coffer.ID{}, body([]byte("more")))
		w.ok(err)
		is(ann, "Ben changed /Private/Docs/a, Ann changed /Private/secret, Ann changed /Private/Docs/b, Ann changed /Private/Docs, Ann changed /Private")
		is(ben, "Ben changed Docs/a, Ben opened Docs/b, Ann changed Docs")
		is(cid, "")
		w.ok(ben.Pin(ctx, docs))
		w.ok(ben.Pin(ctx, b.ID))
		if got := ben.pinned(); got != "Docs b" {
			t.Errorf("Ben has pinned %q", got)
		}
		w.ok(ann.Ungrant(ctx, docs, grant))
		is(ben, "")
		if got := ben.pinned(); got != "" {
			t.Errorf("Ben still sees %q", got)
		}
		w.ok(ben.Unpin(ctx, b.ID)) // also what is out of sight
		ann.give(docs, ben, view)
		is(ben, "Ben changed Docs/a, Ben opened Docs/b, Ann changed Docs")
		if got := ben.pinned(); got != "Docs" {
			t.Errorf("given again, Ben sees %q", got)
		}
	})
}

// TestRecentGoesOn: a file that is touched again and again fills no page, and
// hides nothing behind it.
func TestRecentGoesOn(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann := w.person("Ann")
		ann.put(ann.root, "first", nil)
		busy := ann.put(ann.root, "busy", nil)
		w.ok(w.db.Update(ctx, func(tx *db.Tx) error {
			for range 2500 {
				if err := tx.InsertEvent(coffer.Event{ActorKind: "user", ActorID: ann.who.User.ID, SpaceID: busy.SpaceID, NodeID: busy.ID, Action: "file.uploaded"}); err != nil {
					return err
				}
			}
			return nil
		}))
		page, err := ann.Recent(ctx, 0, "")
		if err != nil || len(page.Items) != 1 || page.Next == "" {
			t.Fatalf("%+v, %v", page, err)
		}
		ann.recentIs("changed /busy, changed /first")
	})
}

func (p *person) pinned() string {
	p.w.t.Helper()
	all, err := p.Pins(ctx)
	p.w.ok(err)
	var names []string
	for _, i := range all {
		if i.Access == coffer.NoAccess {
			p.w.t.Errorf("%+v", i)
		}
		names = append(names, i.Name)
	}
	return strings.Join(names, " ")
}

func TestPins(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann, ben := w.person("Ann"), w.person("Ben")
		docs := ann.mkdir(ann.root, "Docs")
		f := ann.put(docs, "file", nil)
		is := func(p *person, want string) {
			t.Helper()
			if got := p.pinned(); got != want {
				t.Errorf("%s has pinned %q, want %q", p.who.User.Name, got, want)
			}
		}
		is(ann, "")
		for range 2 {
			w.ok(ann.Pin(ctx, f.ID))
			w.clock.move(time.Second)
		}
		w.ok(ann.Pin(ctx, docs))
		is(ann, "file Docs")
		is(ben, "")
		seq := ann.space().Seq
		for _, row := range []struct {
			p    *person
			id   coffer.ID
			want string
		}{{ben, f.ID, "not_found"}, {ben, docs, "not_found"}, {ben, coffer.NewID(), "not_found"}, {ann, ann.root, "root"}} {
			if err := row.p.Pin(ctx, row.id); code(err) != row.want {
				t.Errorf("%s pins: %v, want %s", row.p.who.User.Name, err, row.want)
			}
		}
		if err := ben.Unpin(ctx, f.ID); code(err) != "not_found" {
			t.Errorf("Ben unpins Ann's: %v", err)
		}
		if ann.space().Seq != seq {
			t.Error("a pin holds up changes of the tree")
		}
		ann.trash(docs)
		is(ann, "")
		if err := ann.Pin(ctx, f.ID); code(err) != "not_found" {
			t.Errorf("pin in the trash: %v", err)
		}
		_, err := ann.Restore(ctx, docs, coffer.ID{})
		w.ok(err)
		is(ann, "file Docs")
		w.ok(ann.Unpin(ctx, f.ID))
		if err := ann.Unpin(ctx, f.ID); code(err) != "not_found" {
			t.Errorf("unpin twice: %v", err)
		}
		is(ann, "Docs")
		ann.trash(docs)
		w.ok(second(ann.Delete(ctx, docs)))
		w.jobs()
		is(ann, "")
		w.clean(0)

		for i := range 100 {
			w.ok(ann.Pin(ctx, ann.mkdir(ann.root, fmt.Sprint(i))))
		}
		if err := ann.Pin(ctx, ann.mkdir(ann.root, "one more")); code(err) != "too_many_pins" {
			t.Errorf("the 101st: %v", err)
		}
		system := w.svc.As(coffer.SystemPrincipal("test"))
		if err := system.Pin(ctx, f.ID); code(err) != "not_found" {
			t.Errorf("the system pins: %v", err)
		}
		if all, err := system.Pins(ctx); err != nil || len(all) != 0 {
			t.Errorf("the system: %v, %v", all, err)
		}
	})
}
