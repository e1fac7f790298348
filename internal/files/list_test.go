package files_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"coffer"
	"coffer/internal/blob"
	"coffer/internal/db"
	"coffer/internal/db/dbtest"
	"coffer/internal/files"
)

// fill puts n empty files into a folder, by rows only.
func (p *person) fill(folder coffer.ID, n int) {
	p.w.t.Helper()
	for from := 0; from < n; from += 500 {
		p.w.ok(p.w.db.Update(ctx, func(tx *db.Tx) error {
			parent, err := tx.Node(folder)
			if err != nil {
				return err
			}
			more := min(500, n-from)
			for i := range more {
				f := coffer.Node{ID: coffer.NewID(), SpaceID: parent.SpaceID, ParentID: folder, Kind: coffer.File, Name: fmt.Sprintf("file %d.txt", from+i),
					MediaType: "text/plain", Size: int64((from + i) * 7919 % 1000), CreatedBy: p.who.User.ID, ChangedBy: p.who.User.ID, CreatedAt: tx.Now, ChangedAt: tx.Now + int64((from+i)*31%977)}
				if i%50 == 0 {
					f.Kind, f.Size, f.MediaType = coffer.Folder, 0, ""
				}
				if err := tx.InsertNode(f); err != nil {
					return err
				}
			}
			return tx.AddChildren(folder, int64(more))
		}))
	}
}

// TestPages walks many nodes (5,000 in a soak) in every order, forwards and
// from the end, and wants each once, in the order of one large page.
func TestPages(t *testing.T) {
	total, matches := 600, 11 // file 12, 120 to 129
	if soak() {
		total, matches = 5000, 111
	}
	each(t, func(t *testing.T, w *world) {
		ann := w.person("Ann")
		folder := ann.mkdir(ann.root, "many")
		ann.fill(folder, total)
		for _, o := range []files.ListOptions{{}, {Desc: true}, {Sort: "changed"}, {Sort: "changed", Desc: true}, {Sort: "size"}, {Sort: "size", Desc: true}, {Query: "E 12"}} {
			all := o
			all.Limit = 10000
			whole, err := ann.Children(ctx, folder, all)
			w.ok(err)
			if whole.Next != "" || o.Query == "" && len(whole.Items) != total || o.Query != "" && len(whole.Items) != matches || whole.Total != int64(len(whole.Items)) {
				t.Fatalf("%+v: %d items, total %d, next %q", o, len(whole.Items), whole.Total, whole.Next)
			}
			for _, fromEnd := range []bool{false, true} {
				o := o
				o.FromEnd, o.Limit = fromEnd, total/6-3
				var got []files.Item
				for pages := 0; ; pages++ {
					page, err := ann.Children(ctx, folder, o)
					w.ok(err)
					if fromEnd {
						got = append(append([]files.Item(nil), page.Items...), got...)
					} else {
						got = append(got, page.Items...)
					}
					if o.Cursor = page.Next; o.Cursor == "" {
						break
					}
					if pages > 10 {
						t.Fatal("pages without end")
					}
				}
				if len(got) != len(whole.Items) {
					t.Fatalf("%+v: %d of %d", o, len(got), len(whole.Items))
				}
				for i := range got {
					if got[i].ID != whole.Items[i].ID {
						t.Fatalf("%+v: item %d is %q, want %q", o, i, got[i].Name, whole.Items[i].Name)
					}
				}
			}
		}
	})
}

// TestCursors: a cursor is good for its own list only, and survives changes.
func TestCursors(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann := w.person("Ann")
		one, two := ann.mkdir(ann.root, "one"), ann.mkdir(ann.root, "two")
		for i := range 6 {
			ann.mkdir(one, fmt.Sprint(i))
			ann.mkdir(two, fmt.Sprint(i))
		}
		page, err := ann.Children(ctx, one, files.ListOptions{Limit: 2})
		w.ok(err)
		next := page.Next
		flip := "0"
		if strings.HasSuffix(next, "0") {
			flip = "g"
		}
		trash, err := ann.ListTrash(ctx, coffer.ID{}, 0, "")
		w.ok(err)
		if trash.Next != "" {
			t.Errorf("an empty trash has more: %q", trash.Next)
		}
		for what, r := range map[string]struct {
			id coffer.ID
			o  files.ListOptions
		}{
			"another folder":    {two, files.ListOptions{Cursor: next}},
			"another order":     {one, files.ListOptions{Cursor: next, Desc: true}},
			"another sort":      {one, files.ListOptions{Cursor: next, Sort: "size"}},
			"from the end":      {one, files.ListOptions{Cursor: next, FromEnd: true}},
			"another query":     {one, files.ListOptions{Cursor: next, Query: "1"}},
			"another last byte": {one, files.ListOptions{Cursor: next[:len(next)-1] + flip}},
			"a byte more":       {one, files.ListOptions{Cursor: next + "0"}},
			"cut":               {one, files.ListOptions{Cursor: next[:30]}},
			"short":             {one, files.ListOptions{Cursor: "00"}},
			"upper case":        {one, files.ListOptions{Cursor: strings.ToUpper(next)}},
		} {
			if _, err := ann.Children(ctx, r.id, r.o); code(err) != "cursor_invalid" {
				t.Errorf("%s: %v", what, err)
			}
		}
		// The node that the cursor stands on may go.
		ann.trash(page.Items[1].ID)
		ann.put(one, "0 new", nil)
		rest, err := ann.Children(ctx, one, files.ListOptions{Limit: 10, Cursor: next})
		w.ok(err)
		var names []string
		for _, i := range rest.Items {
			names = append(names, i.Name)
		}
		if fmt.Sprint(names) != "[2 3 4 5 0 new]" {
			t.Errorf("the rest: %q", names)
		}
	})
}

func TestTrash(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann := w.person("Ann")
		dir := ann.mkdir(ann.root, "dir")
		sub := ann.mkdir(dir, "sub")
		f := ann.put(sub, "f", []byte("12345"))
		g := ann.put(sub, "g", []byte("1"))
		for i := range 5 {
			d := ann.put(ann.root, fmt.Sprint("t", i), nil)
			w.clock.move(time.Second)
			ann.trash(d.ID)
		}
		w.clock.move(time.Second)
		ann.trash(f.ID)
		w.clock.move(time.Second)
		ann.trash(dir)
		var got []string
		for cursor := ""; ; {
			page, err := ann.ListTrash(ctx, coffer.ID{}, 3, cursor)
			w.ok(err)
			if page.Total != 7 {
				t.Errorf("total %d", page.Total)
			}
			for _, i := range page.Items {
				got = append(got, fmt.Sprintf("%s:%d:%v", i.Name, len(i.Where), i.ParentGone))
			}
			if cursor = page.Next; cursor == "" {
				break
			}
		}
		if fmt.Sprint(got) != "[dir:1:false f:3:true t4:1:false t3:1:false t2:1:false t1:1:false t0:1:false]" {
			t.Errorf("trash %v", got)
		}
		if _, err := ann.ListTrash(ctx, coffer.ID{}, -1, ""); code(err) != "invalid" {
			t.Errorf("limit: %v", err)
		}
		if _, err := ann.Restore(ctx, f.ID, coffer.ID{}); code(err) != "parent_gone" {
			t.Errorf("restore into the trash: %v", err)
		}
		if _, err := ann.Restore(ctx, f.ID, sub); code(err) != "not_found" {
			t.Errorf("restore into a folder in the trash: %v", err)
		}
		if _, err := ann.Restore(ctx, f.ID, g.ID); code(err) != "not_found" {
			t.Errorf("restore into a file in the trash: %v", err)
		}
		w.ok(second(ann.Delete(ctx, dir)))
		w.clean(0)
		page, err := ann.ListTrash(ctx, coffer.ID{}, 1, "")
		if err != nil || page.Items[0].ID != f.ID || !page.Items[0].ParentGone || page.Items[0].Where != nil {
			t.Errorf("its folder is deleted: %+v, %v", page.Items, err)
		}
		if _, err := ann.Restore(ctx, f.ID, coffer.ID{}); code(err) != "parent_gone" {
			t.Errorf("restore into nothing: %v", err)
		}
		ann.put(ann.root, "F", nil)
		d, err := ann.Restore(ctx, f.ID, ann.root)
		if err != nil || d.Name != "f (2)" || string(ann.read(f.ID)) != "12345" {
			t.Errorf("restored %+v, %v", d, err)
		}
		w.ok(second(ann.EmptyTrash(ctx, coffer.ID{})))
		if len(ann.inTrash()) != 0 || ann.names(ann.root) != "F f (2)" {
			t.Errorf("after emptying: %d, %s", len(ann.inTrash()), ann.names(ann.root))
		}
		w.ok(second(ann.EmptyTrash(ctx, coffer.ID{})))
		w.clean(0)
	})
}

// TestDeleteLargeFolder: more than one transaction's worth is gone at once for
// everybody; the rows follow by the job, which may be cut off anywhere.
func TestDeleteLargeFolder(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann := w.person("Ann")
		dir := ann.mkdir(ann.root, "dir")
		deep := dir
		var kept coffer.ID
		for i := range 4 {
			deep = ann.mkdir(deep, fmt.Sprint(i))
			kept = ann.put(deep, "f", []byte("data")).ID
		}
		ann.trash(kept)
		ann.fill(dir, 450)
		ann.trash(dir)
		w.ok(second(ann.Delete(ctx, dir)))
		if _, err := ann.Restore(ctx, dir, ann.root); code(err) != "not_found" {
			t.Errorf("restore of what is deleted: %v", err)
		}
		if len(ann.inTrash()) != 1 || len(w.doom) != 1 {
			t.Errorf("in the trash %d, jobs %d", len(ann.inTrash()), len(w.doom))
		}
		r, err := w.svc.Check(ctx, files.CheckOptions{})
		w.ok(err)
		for _, p := range r.Problems {
			if p.Kind != "tree" { // fill makes files without versions
				t.Errorf("half deleted: %+v", p)
			}
		}
		w.jobs()
		w.ok(w.svc.PurgeDoomed(ctx, dir)) // again: nothing
		if r := w.clean(0); r.Nodes != 2 {
			t.Errorf("%d nodes are left", r.Nodes)
		}
		if s := ann.space(); s.Used != 4 {
			t.Errorf("used %d", s.Used)
		}
	})
}

// TestDepth: a chain of 1,024 folders is possible, not one more, by any verb.
func TestDepth(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t), newClock(), blob.NewMemory())
	ann := w.person("Ann")
	at := ann.root
	var chain []coffer.ID
	w.ok(w.db.Update(ctx, func(tx *db.Tx) error {
		root, err := tx.Node(ann.root)
		for i := range 1023 {
			n := coffer.Node{ID: coffer.NewID(), SpaceID: root.SpaceID, ParentID: at, Kind: coffer.Folder, Name: fmt.Sprint("d", i)}
			if err := tx.InsertNode(n); err != nil {
				return err
			}
			if err := tx.AddChildren(at, 1); err != nil {
				return err
			}
			at, chain = n.ID, append(chain, n.ID)
		}
		return err
	}))
	last := ann.mkdir(at, "last")
	f := ann.put(at, "f", nil)
	two := ann.mkdir(ann.root, "two")
	ann.mkdir(two, "below")
	for what, err := range map[string]error{
		"folder": third(ann.CreateFolder(ctx, last, "more", "")),
		"file":   third(ann.Upload(ctx, last, "more", "", body(nil))),
		"move":   second(ann.Change(ctx, two, files.Patch{Parent: &at})),
		"copy":   third(ann.Copy(ctx, two, at, "", "")),
		"copied": third(ann.Copy(ctx, f.ID, last, "", "")),
		"moved":  second(ann.Change(ctx, f.ID, files.Patch{Parent: &last})),
	} {
		if code(err) != "depth" {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := ann.Change(ctx, two, files.Patch{Parent: &chain[1021]}); err != nil {
		t.Errorf("as deep as possible: %v", err)
	}
	ann.trash(two)
	if _, err := ann.Restore(ctx, two, at); code(err) != "depth" {
		t.Errorf("restore: %v", err)
	}
	if d, err := ann.Stat(ctx, last); err != nil || len(d.Path) != 1024 {
		t.Errorf("stat at the bottom: %d, %v", len(d.Path), err)
	}
	w.clean(0)
}
