package files_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"coffer/internal/db"
	"coffer/internal/files"
)

// TestGrantLostMeanwhile: access taken away while bytes come in counts at the
// end, and leaves nothing behind.
func TestGrantLostMeanwhile(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann, ben := w.person("Ann"), w.person("Ben")
		folder := ann.mkdir(ann.root, "folder")
		crew := w.group("Crew", ben)
		for i, lose := range []func() (func(), string){
			func() (func(), string) {
				g := ann.give(folder, ben, edit)
				return func() { w.ok(ann.Ungrant(ctx, folder, g)) }, "not_found"
			},
			func() (func(), string) {
				g := ann.give(folder, ben, edit)
				return func() { _, err := ann.ChangeGrant(ctx, folder, g, files.GrantPatch{Access: view}); w.ok(err) }, "forbidden"
			},
			func() (func(), string) {
				all, err := ann.Grants(ctx, folder)
				w.ok(err)
				w.ok(ann.Ungrant(ctx, folder, all.Grants[0].ID))
				_, err = ann.Grant(ctx, folder, files.NewGrant{GroupID: crew, Access: edit})
				w.ok(err)
				return func() {
					w.ok(w.db.Update(ctx, func(tx *db.Tx) error { return tx.RemoveMember(crew, ben.who.User.ID) }))
				}, "not_found"
			},
			func() (func(), string) {
				_, err := ann.Grant(ctx, folder, files.NewGrant{UserID: ben.who.User.ID, Access: edit, Until: w.clock.now().Add(time.Minute).UnixMilli()})
				w.ok(err)
				return func() { w.clock.move(time.Minute) }, "not_found"
			},
		} {
			do, want := lose()
			for _, size := range []int64{100, 2 << 20} {
				at := &atEnd{r: bytes.NewReader(random(int(size))), do: do}
				_, _, err := ben.Upload(ctx, folder, "f", "", files.Body{Reader: at, Size: size})
				if code(err) != want {
					t.Errorf("%d, %d bytes: %v, want %s", i, size, err, want)
				}
				if got := ann.names(folder); got != "" {
					t.Errorf("%d: %s", i, got)
				}
				if s := ann.space(); s.Used != 0 || s.Reserved != 0 {
					t.Errorf("%d: %+v", i, s)
				}
				do = func() {}
			}
		}
		w.clean(0)
	})
}

// TestSearchShared: search finds what was given, says no name above it, and
// nothing else of the space that it is in.
func TestSearchShared(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann, ben := w.person("Ann"), w.person("Ben")
		secret := ann.mkdir(ann.root, "Secret plans")
		top := ann.mkdir(secret, "plans for Ben")
		ann.put(top, "plan 1", nil)
		ann.put(secret, "plan 2", nil)
		found := func(o files.SearchOptions) (out []string) {
			t.Helper()
			page, err := ben.Search(ctx, "plan", o)
			w.ok(err)
			for _, i := range page.Items {
				var path []string
				for _, c := range i.Path {
					path = append(path, c.Name)
				}
				out = append(out, strings.Join(append(path, i.Name), "/"))
				if i.ID == top && !i.ParentID.IsZero() {
					t.Error("the folder above is told")
				}
			}
			slices.Sort(out)
			return out
		}
		if got := found(files.SearchOptions{}); len(got) != 0 {
			t.Errorf("nothing given, found %q", got)
		}
		g := ann.give(top, ben, view)
		want := []string{"plans for Ben", "plans for Ben/plan 1"}
		if got := found(files.SearchOptions{}); !slices.Equal(got, want) {
			t.Errorf("found %q, want %q", got, want)
		}
		if got := found(files.SearchOptions{Filter: files.Filter{Under: top}}); !slices.Equal(got, want[1:]) {
			t.Errorf("under it %q", got)
		}
		if _, err := ben.Search(ctx, "plan", files.SearchOptions{Filter: files.Filter{Under: secret}}); code(err) != "not_found" {
			t.Errorf("under what is above: %v", err)
		}
		w.ok(ann.Ungrant(ctx, top, g))
		if got := found(files.SearchOptions{}); len(got) != 0 {
			t.Errorf("taken away, found %q", got)
		}
	})
}

// TestSearchWhose: a search is narrowed to the own space or to all others, and to
// what only the searcher can open or others too; each result says who can.
func TestSearchWhose(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann, ben := w.person("Ann"), w.person("Ben")
		top := ann.mkdir(ann.root, "plans for Ben")
		ann.put(top, "plan in it", nil)
		of := ann.put(ann.root, "plan of Ann", nil)
		ben.put(ben.root, "plan of Ben", nil)
		ann.give(top, ben, view)
		for _, c := range []struct {
			who    *person
			filter files.Filter
			want   string
		}{
			{ann, files.Filter{}, "plan in it 2|plan of Ann 1|plans for Ben 2"},
			{ann, files.Filter{Owner: "me"}, "plan in it 2|plan of Ann 1|plans for Ben 2"},
			{ann, files.Filter{Owner: "others"}, ""},
			{ann, files.Filter{Reach: "only_you"}, "plan of Ann 1"},
			{ann, files.Filter{Reach: "people"}, "plan in it 2|plans for Ben 2"},
			{ben, files.Filter{Owner: "me"}, "plan of Ben 1"},
			{ben, files.Filter{Owner: "others"}, "plan in it 2|plans for Ben 2"},
			{ben, files.Filter{Owner: "others", Reach: "only_you"}, ""},
			{ben, files.Filter{Owner: "me", Under: top}, ""},
			{ann, files.Filter{Reach: "link"}, ""},
			{ann, files.Filter{Owner: "me", Reach: "link"}, "plan of Ann 1"}, // with the link made below
			{ann, files.Filter{Owner: "me", Reach: "only_you"}, ""},
		} {
			if c.filter == (files.Filter{Owner: "me", Reach: "link"}) {
				_, _, err := ann.MakeLink(ctx, of.ID, files.NewLink{May: "download"})
				w.ok(err)
			}
			page, err := c.who.Search(ctx, "plan", files.SearchOptions{Filter: c.filter})
			w.ok(err)
			var got []string
			for _, i := range page.Items {
				got = append(got, fmt.Sprintf("%s %d", i.Name, i.Reach.People))
			}
			slices.Sort(got)
			if strings.Join(got, "|") != c.want {
				t.Errorf("%s with %+v: %q, want %q", c.who.who.User.Name, c.filter, got, c.want)
			}
		}
		for _, f := range []files.Filter{{Owner: "ann"}, {Reach: "anyone"}} {
			if _, err := ann.Search(ctx, "plan", files.SearchOptions{Filter: f}); code(err) != "invalid" {
				t.Errorf("%+v: %v", f, err)
			}
		}
	})
}
