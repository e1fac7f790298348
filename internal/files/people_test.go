package files_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"coffer"
	"coffer/internal/db"
	"coffer/internal/files"
)

// TestStrangers: nothing of Ann's is there for Ben, whatever he asks, and
// whatever would be wrong with his request otherwise.
func TestStrangers(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann, ben := w.person("Ann"), w.person("Ben")
		folder := ann.mkdir(ann.root, "folder")
		f := ann.put(folder, "f", []byte("secret"))
		gone := ann.put(folder, "gone", []byte("secret"))
		ann.trash(gone.ID)
		for range 3 {
			ann.put(folder, coffer.NewID().String(), nil)
		}
		page, err := ann.Children(ctx, folder, files.ListOptions{Limit: 1})
		w.ok(err)
		bens := ben.mkdir(ben.root, "mine")
		benf := ben.put(bens, "mine", []byte("mine"))
		benGone := ben.put(bens, "gone", nil)
		ben.trash(benGone.ID)

		before := w.events()
		guest := ben.who
		guest.User.Role = coffer.RoleGuest
		off := ann.who
		off.User.Disabled = true
		admin := ben.who
		admin.User.Role = coffer.RoleOwner
		for who, v := range map[string]*files.View{
			"Ben": ben.View, "guest": w.svc.As(guest), "disabled Ann": w.svc.As(off), "owner of the installation": w.svc.As(admin),
			"nobody": w.svc.As(coffer.Principal{}), "a user without id": w.svc.As(coffer.Principal{Kind: coffer.UserKind, Scopes: coffer.AllScopes[:]}),
		} {
			for what, err := range map[string]error{
				"stat":                second(v.Stat(ctx, f.ID)),
				"stat root":           second(v.Stat(ctx, ann.root)),
				"children":            second(v.Children(ctx, folder, files.ListOptions{})),
				"children, wrong":     second(v.Children(ctx, folder, files.ListOptions{Limit: -1, Sort: "x"})),
				"children, cursor":    second(v.Children(ctx, folder, files.ListOptions{Limit: 1, Cursor: page.Next})),
				"resolve":             second(v.Resolve(ctx, ann.space().ID, "/folder")),
				"resolve, wrong":      second(v.Resolve(ctx, ann.space().ID, "folder")),
				"mkdir":               third(v.CreateFolder(ctx, folder, "x", "")),
				"mkdir, wrong":        third(v.CreateFolder(ctx, folder, "a/b", "x")),
				"mkdir, taken":        third(v.CreateFolder(ctx, folder, "f", "")),
				"upload":              third(v.Upload(ctx, folder, "x", "", body(nil))),
				"upload, taken":       third(v.Upload(ctx, folder, "f", "", body(nil))),
				"upload, wrong":       third(v.Upload(ctx, folder, "", "x", files.Body{Size: -7})),
				"version":             second(v.UploadVersion(ctx, f.ID, coffer.ID{}, body(nil))),
				"version, stale":      second(v.UploadVersion(ctx, f.ID, coffer.NewID(), body(nil))),
				"open":                second(v.Open(ctx, f.ID, coffer.ID{})),
				"open version":        second(v.Open(ctx, f.ID, f.VersionID)),
				"rename":              second(v.Change(ctx, f.ID, files.Patch{Name: &folderName})),
				"rename, wrong":       second(v.Change(ctx, f.ID, files.Patch{Name: new(string), IfRev: 99})),
				"move":                second(v.Change(ctx, f.ID, files.Patch{Parent: &bens})),
				"copy":                third(v.Copy(ctx, f.ID, bens, "", "")),
				"copy folder":         third(v.Copy(ctx, folder, bens, "", coffer.Merge)),
				"trash":               v.Trash(ctx, f.ID, 0),
				"trash, stale":        v.Trash(ctx, f.ID, 99),
				"trash root":          v.Trash(ctx, ann.root, 0),
				"restore":             second(v.Restore(ctx, gone.ID, coffer.ID{})),
				"restore to own":      second(v.Restore(ctx, gone.ID, bens)),
				"delete":              second(v.Delete(ctx, gone.ID)),
				"zip":                 second(v.Zip(ctx, []coffer.ID{f.ID})),
				"zip among own":       second(v.Zip(ctx, []coffer.ID{benf.ID, f.ID})),
				"own into Ann's":      second(v.Change(ctx, benf.ID, files.Patch{Parent: &folder})),
				"own copied to Ann's": third(v.Copy(ctx, benf.ID, folder, "", "")),
				"own restored there":  second(v.Restore(ctx, benGone.ID, folder)),
				"Ann's version, own":  second(v.Open(ctx, benf.ID, f.VersionID)),
			} {
				if !errors.Is(err, coffer.ErrNotFound) {
					t.Errorf("%s: %s: %v", who, what, err)
				}
			}
			for _, op := range []string{"move", "copy", "trash", "restore", "delete"} {
				for _, r := range []files.BatchRequest{{Op: op, IDs: []coffer.ID{f.ID, gone.ID, folder}, To: bens}, {Op: op, IDs: []coffer.ID{f.ID}, To: folder}} {
					res, _, err := v.Batch(ctx, r)
					w.ok(err)
					for _, one := range res {
						if !errors.Is(one.Err, coffer.ErrNotFound) || one.Detail != nil {
							t.Errorf("%s: batch %s: %+v", who, op, one)
						}
					}
				}
			}
		}
		// Ben's own lists know nothing, and Ann's cursor is none of his.
		if page, err := ben.ListTrash(ctx, coffer.ID{}, 0, ""); err != nil || len(page.Items) != 1 || page.Total != 1 {
			t.Errorf("Ben's trash: %+v, %v", page, err)
		}
		if _, err := ben.Children(ctx, bens, files.ListOptions{Limit: 1, Cursor: page.Next}); code(err) != "cursor_invalid" {
			t.Errorf("Ann's cursor in Ben's folder: %v", err)
		}
		if s, err := w.svc.As(guest).Spaces(ctx); err != nil || len(s) != 0 {
			t.Errorf("a guest's spaces: %v, %v", s, err)
		}
		if page, err := w.svc.As(guest).ListTrash(ctx, coffer.ID{}, 0, ""); err != nil || len(page.Items) != 0 {
			t.Errorf("a guest's trash: %v, %v", page, err)
		}
		if err := second(w.svc.As(guest).EmptyTrash(ctx, coffer.ID{})); !errors.Is(err, coffer.ErrNotFound) {
			t.Errorf("a guest empties the trash: %v", err)
		}
		if after := w.events(); len(after) != len(before) {
			t.Errorf("refusals left events: %d, then %d", len(before), len(after))
		}
		if string(ann.read(f.ID)) != "secret" {
			t.Error("Ann's file changed")
		}
		w.clean(0)
	})
}

var folderName = "other"

func third[T, U any](_ T, _ U, err error) error { return err }

// TestScopes: a token's scopes bound what it may do, with an answer that says
// so: its owner may know.
func TestScopes(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann := w.person("Ann")
		f := ann.put(ann.root, "f", []byte("x"))
		gone := ann.put(ann.root, "gone", nil)
		ann.trash(gone.ID)
		reader, none := ann.who, ann.who
		reader.Scopes, none.Scopes = []coffer.Scope{coffer.ScopeFilesRead}, nil
		r, n := w.svc.As(reader), w.svc.As(none)
		if _, err := r.Stat(ctx, f.ID); err != nil {
			t.Error(err)
		}
		if _, _, err := r.Copy(ctx, f.ID, ann.root, "g", ""); code(err) != "scope_missing" {
			t.Errorf("copy: %v", err)
		}
		for what, err := range map[string]error{
			"upload": third(r.Upload(ctx, ann.root, "x", "", body(nil))), "mkdir": third(r.CreateFolder(ctx, ann.root, "x", "")),
			"version": second(r.UploadVersion(ctx, f.ID, coffer.ID{}, body(nil))), "rename": second(r.Change(ctx, f.ID, files.Patch{Name: &folderName})),
			"trash": r.Trash(ctx, f.ID, 0), "restore": second(r.Restore(ctx, gone.ID, coffer.ID{})), "delete": second(r.Delete(ctx, gone.ID)), "empty": second(r.EmptyTrash(ctx, coffer.ID{})),
			"stat": second(n.Stat(ctx, f.ID)), "list": second(n.Children(ctx, ann.root, files.ListOptions{})), "open": second(n.Open(ctx, f.ID, coffer.ID{})),
			"spaces": second(n.Spaces(ctx)), "zip": second(n.Zip(ctx, []coffer.ID{f.ID})), "trash list": second(n.ListTrash(ctx, coffer.ID{}, 0, "")),
		} {
			if code(err) != "scope_missing" {
				t.Errorf("%s: %v", what, err)
			}
		}
	})
}

// TestRightLostMeanwhile: what changed while a body came in counts at its end.
func TestRightLostMeanwhile(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, size := range []int64{100, -1, 2 << 20} {
			ann := w.person("Ann" + strings.Repeat("n", int(size&7)))
			session := coffer.Session{ID: coffer.NewID(), UserID: ann.who.User.ID, ExpiresAt: w.clock.now().UnixMilli() + 1e6}
			w.ok(w.db.Update(ctx, func(tx *db.Tx) error { return tx.InsertSession(session, []byte(session.ID.String())) }))
			who := ann.who
			who.SessionID = session.ID
			v := w.svc.As(who)
			folder := ann.mkdir(ann.root, "folder")
			n := size
			if n < 0 {
				n = 3 << 20
			}
			data := random(int(n))
			for _, r := range []struct {
				what    string
				in, out func(tx *db.Tx) error
				want    string
			}{
				{"disabled", func(tx *db.Tx) error { return tx.SetUserDisabled(who.User.ID, true) },
					func(tx *db.Tx) error { return tx.SetUserDisabled(who.User.ID, false) }, "not_found"},
				{"trashed", func(tx *db.Tx) error { return tx.TrashNode(folder, who.User.ID) },
					func(tx *db.Tx) error { return tx.PlaceNode(folder, ann.root, "folder") }, "not_found"},
				{"signed out", func(tx *db.Tx) error { return tx.DeleteSession(who.User.ID, session.ID) },
					func(*db.Tx) error { return nil }, "unauthenticated"},
			} {
				at := &atEnd{r: bytes.NewReader(data), do: func() { w.ok(w.db.Update(ctx, r.in)) }}
				_, _, err := v.Upload(ctx, folder, "f", "", files.Body{Reader: at, Size: size})
				if code(err) != r.want {
					t.Errorf("%s, %d bytes: %v, want %s", r.what, size, err, r.want)
				}
				w.ok(w.db.Update(ctx, r.out))
				if got := ann.names(folder); got != "" {
					t.Errorf("%s: %s", r.what, got)
				}
				if s := ann.space(); s.Used != 0 || s.Reserved != 0 {
					t.Errorf("%s: %+v", r.what, s)
				}
			}
		}
		w.clean(0)
	})
}

// atEnd runs do when the body comes to its end.
type atEnd struct {
	r  io.Reader
	do func()
}

func (a *atEnd) Read(p []byte) (int, error) {
	n, err := a.r.Read(p)
	if err == io.EOF && a.do != nil {
		a.do()
		a.do = nil
	}
	return n, err
}
