package files_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"coffer"
	"coffer/internal/files"
)

func TestStory(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		ann := w.person("Ann")
		docs := ann.mkdir(ann.root, "Docs")
		text := []byte("hello, world\n")
		f := ann.put(docs, "Größe.txt", text)
		if f.Size != 13 || f.MediaType != "text/plain" || f.SHA256 != sum(text) || f.Number != 1 || f.CreatedBy.Name != "Ann" || f.Access != coffer.IsOwner || f.ChildCount != 0 {
			t.Errorf("uploaded %+v", f)
		}
		if want := []files.Crumb{{ID: ann.root}, {ID: docs, Name: "Docs"}}; fmt.Sprint(f.Path) != fmt.Sprint(want) {
			t.Errorf("path %v", f.Path)
		}
		got, err := ann.Stat(ctx, f.ID)
		w.ok(err)
		if got.Reach == nil || !got.Reach.OnlyYou {
			t.Errorf("who can open it: %+v", got.Reach)
		}
		got.Reach = nil // an upload does not tell
		if fmt.Sprint(got) != fmt.Sprint(f) {
			t.Errorf("stat %+v\n want %+v", got, f)
		}
		for _, path := range []string{"/Docs/Größe.txt", "/docs/GRÖSSE.TXT", "/Docs/Größe.txt/"} {
			if r, err := ann.Resolve(ctx, coffer.ID{}, path); err != nil || r.ID != f.ID {
				t.Errorf("resolve %q: %v, %v", path, r.ID, err)
			}
		}
		for _, path := range []string{"/Docs//Größe.txt", "//Docs", "/nothing", "/Docs/Größe.txt/x", "/./Docs", "/Docs/.."} {
			if _, err := ann.Resolve(ctx, coffer.ID{}, path); code(err) != "not_found" {
				t.Errorf("resolve %q: %v", path, err)
			}
		}
		if r, err := ann.Resolve(ctx, ann.space().ID, "/"); err != nil || r.ID != ann.root || len(r.Path) != 0 {
			t.Errorf("resolve the root: %+v, %v", r, err)
		}
		if _, err := ann.Resolve(ctx, coffer.ID{}, "Docs"); code(err) != "invalid" {
			t.Errorf("resolve a relative path: %v", err)
		}
		if got := string(ann.read(f.ID)); got != string(text) {
			t.Errorf("read %q", got)
		}

		v2, err := ann.UploadVersion(ctx, f.ID, f.VersionID, body([]byte("second")))
		w.ok(err)
		if v2.Number != 2 || v2.Size != 6 || v2.ID != f.ID || v2.VersionID == f.VersionID || v2.Rev != f.Rev+1 {
			t.Errorf("second version %+v", v2)
		}
		if _, err := ann.UploadVersion(ctx, f.ID, f.VersionID, body([]byte("third"))); code(err) != "stale" {
			t.Errorf("a version onto an old one: %v", err)
		}
		if old, err := ann.readVersion(f.ID, f.VersionID); err != nil || string(old) != string(text) {
			t.Errorf("old version %q, %v", old, err)
		}
		if s := ann.space(); s.Used != 19 || s.Reserved != 0 {
			t.Errorf("space %+v", s)
		}

		name := "renamed.txt"
		r, err := ann.Change(ctx, f.ID, files.Patch{Name: &name, IfRev: v2.Rev})
		w.ok(err)
		if r.Name != name || r.Rev != v2.Rev+1 {
			t.Errorf("renamed %+v", r)
		}
		if _, err := ann.Change(ctx, f.ID, files.Patch{Name: &name, IfRev: v2.Rev}); code(err) != "stale" {
			t.Errorf("rename with an old rev: %v", err)
		}
		same, err := ann.Change(ctx, f.ID, files.Patch{Name: &name})
		if err != nil || same.Rev != r.Rev {
			t.Errorf("rename to the same: %+v, %v", same, err)
		}
		upper := "RENAMED.txt"
		if r, err = ann.Change(ctx, f.ID, files.Patch{Name: &upper}); err != nil || r.Name != upper {
			t.Errorf("change of case: %+v, %v", r, err)
		}
		if r, err = ann.Change(ctx, f.ID, files.Patch{Parent: &ann.root}); err != nil || len(r.Path) != 1 {
			t.Errorf("moved: %+v, %v", r, err)
		}
		if got := ann.names(ann.root); got != "Docs/ RENAMED.txt" {
			t.Errorf("root: %s", got)
		}

		ann.trash(f.ID)
		if _, err := ann.Stat(ctx, f.ID); code(err) != "not_found" {
			t.Errorf("stat in the trash: %v", err)
		}
		page, err := ann.ListTrash(ctx, coffer.ID{}, 0, "")
		w.ok(err)
		item := page.Items[0]
		if page.Total != 1 || item.ID != f.ID || item.ParentGone || len(item.Where) != 1 || item.TrashedBy.Name != "Ann" ||
			item.PurgeAt != w.clock.now().Add(30*24*time.Hour).UnixMilli() {
			t.Errorf("trash %+v", page)
		}
		back, err := ann.Restore(ctx, f.ID, coffer.ID{})
		if err != nil || back.ID != f.ID || back.TrashedAt != 0 {
			t.Errorf("restored %+v, %v", back, err)
		}
		if got := string(ann.read(f.ID)); got != "second" {
			t.Errorf("read %q", got)
		}
		ann.trash(f.ID)
		w.ok(second(ann.Delete(ctx, f.ID)))
		if err := second(ann.Delete(ctx, f.ID)); code(err) != "not_found" {
			t.Errorf("deleted twice: %v", err)
		}
		if s := ann.space(); s.Used != 0 {
			t.Errorf("space %+v", s)
		}
		w.clean(0)
		want := "node.deleted node.trashed file.opened node.restored node.trashed node.moved node.renamed node.renamed file.uploaded file.opened file.uploaded folder.created space.created"
		if got := strings.Join(w.events(), " "); got != want {
			t.Errorf("events\n %s, want\n %s", got, want)
		}
	})
}

// TestRefusals: every verb and every error that a person can cause.
func TestRefusals(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann := w.person("Ann")
		a := ann.mkdir(ann.root, "a")
		b := ann.mkdir(a, "b")
		f := ann.put(ann.root, "f", []byte("x"))
		ann.put(a, "f", []byte("y"))
		name := func(s string) *string { return &s }
		up := func(parent coffer.ID, name string, how coffer.IfExists, b files.Body) error {
			_, _, err := ann.Upload(ctx, parent, name, how, b)
			return err
		}
		mk := func(parent coffer.ID, name string, how coffer.IfExists) error {
			_, _, err := ann.CreateFolder(ctx, parent, name, how)
			return err
		}
		ch := func(id coffer.ID, p files.Patch) error { _, err := ann.Change(ctx, id, p); return err }
		cp := func(id, parent coffer.ID, name string, how coffer.IfExists) error {
			_, _, err := ann.Copy(ctx, id, parent, name, how)
			return err
		}
		list := func(id coffer.ID, o files.ListOptions) error { _, err := ann.Children(ctx, id, o); return err }
		none := coffer.NewID()
		for what, r := range map[string]struct {
			err  error
			want string
		}{
			"upload: bad name":           {up(ann.root, "a/b", "", body(nil)), "name_invalid"},
			"upload: taken":              {up(ann.root, "F", "", body(nil)), "name_taken"},
			"upload: taken by folder":    {up(ann.root, "A", coffer.Replace, body(nil)), "name_taken"},
			"upload: merge":              {up(ann.root, "n", coffer.Merge, body(nil)), "invalid"},
			"upload: unknown if_exists":  {up(ann.root, "n", "overwrite", body(nil)), "invalid"},
			"upload: into a file":        {up(f.ID, "n", "", body(nil)), "not_a_folder"},
			"upload: nowhere":            {up(none, "a/b", "", body(nil)), "not_found"},
			"upload: less":               {up(ann.root, "n", "", files.Body{Reader: strings.NewReader("abc"), Size: 4}), "size_mismatch"},
			"upload: more":               {up(ann.root, "n", "", files.Body{Reader: strings.NewReader("abc"), Size: 2}), "size_mismatch"},
			"upload: negative":           {up(ann.root, "n", "", files.Body{Reader: strings.NewReader("abc"), Size: -2}), "invalid"},
			"upload: too large":          {up(ann.root, "n", "", files.Body{Reader: strings.NewReader("abc"), Size: 1 << 62}), "too_large"},
			"upload: cut":                {up(ann.root, "n", "", files.Body{Reader: iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader("abc"))), Size: 3}), "body_cut"},
			"upload: cut, unknown":       {up(ann.root, "n", "", files.Body{Reader: io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(io.ErrUnexpectedEOF)), Size: -1}), "body_cut"},
			"version: of a folder":       {second(ann.UploadVersion(ctx, a, coffer.ID{}, body(nil))), "not_a_file"},
			"version: nowhere":           {second(ann.UploadVersion(ctx, none, none, body(nil))), "not_found"},
			"folder: bad name":           {mk(ann.root, "CON", ""), "name_invalid"},
			"folder: taken":              {mk(ann.root, "A", ""), "name_taken"},
			"folder: merge onto file":    {mk(ann.root, "f", coffer.Merge), "name_taken"},
			"folder: version":            {mk(ann.root, "g", coffer.Replace), "invalid"},
			"folder: in a file":          {mk(f.ID, "g", ""), "not_a_folder"},
			"folder: nowhere":            {mk(none, "g", ""), "not_found"},
			"rename: bad":                {ch(f.ID, files.Patch{Name: name("..")}), "name_invalid"},
			"rename: taken":              {ch(f.ID, files.Patch{Name: name("A")}), "name_taken"},
			"rename: root":               {ch(ann.root, files.Patch{Name: name("x")}), "root"},
			"move: into itself":          {ch(a, files.Patch{Parent: &a}), "cycle"},
			"move: below itself":         {ch(a, files.Patch{Parent: &b}), "cycle"},
			"move: taken":                {ch(f.ID, files.Patch{Parent: &a}), "name_taken"},
			"move: into a file":          {ch(b, files.Patch{Parent: &f.ID}), "not_a_folder"},
			"move: nowhere":              {ch(b, files.Patch{Parent: &none}), "not_found"},
			"move: nothing":              {ch(none, files.Patch{Parent: &a}), "not_found"},
			"copy: taken":                {cp(f.ID, a, "", ""), "name_taken"},
			"copy: folder taken":         {cp(a, ann.root, "", ""), "name_taken"},
			"copy: folder onto file":     {cp(a, ann.root, "f", coffer.Merge), "name_taken"},
			"copy: bad name":             {cp(a, ann.root, "x ", ""), "name_invalid"},
			"copy: into a file":          {cp(a, f.ID, "", ""), "not_a_folder"},
			"copy: nowhere":              {cp(a, none, "", ""), "not_found"},
			"trash: root":                {ann.Trash(ctx, ann.root, 0), "root"},
			"trash: stale":               {ann.Trash(ctx, f.ID, f.Rev+1), "stale"},
			"trash: nothing":             {ann.Trash(ctx, none, 7), "not_found"},
			"delete: living":             {second(ann.Delete(ctx, f.ID)), "not_found"},
			"restore: living":            {second(ann.Restore(ctx, f.ID, a)), "not_found"},
			"list: a file":               {list(f.ID, files.ListOptions{}), "not_a_folder"},
			"list: sort":                 {list(a, files.ListOptions{Sort: "colour"}), "invalid"},
			"list: limit":                {list(a, files.ListOptions{Limit: 10001}), "invalid"},
			"list: negative":             {list(a, files.ListOptions{Limit: -1}), "invalid"},
			"list: cursor":               {list(a, files.ListOptions{Cursor: "zzzz"}), "cursor_invalid"},
			"list: long q":               {list(a, files.ListOptions{Query: strings.Repeat("q", 300)}), "invalid"},
			"open: a folder":             {second(ann.Open(ctx, a, coffer.ID{})), "not_a_file"},
			"open: other's version":      {second(ann.Open(ctx, f.ID, none)), "not_found"},
			"zip: nothing":               {second(ann.Zip(ctx, nil)), "invalid"},
			"zip: one unknown":           {second(ann.Zip(ctx, []coffer.ID{a, none})), "not_found"},
			"batch: nothing":             {third(ann.Batch(ctx, files.BatchRequest{Op: "trash"})), "invalid"},
			"batch: op":                  {third(ann.Batch(ctx, files.BatchRequest{Op: "burn", IDs: []coffer.ID{a}})), "invalid"},
			"batch: no target":           {third(ann.Batch(ctx, files.BatchRequest{Op: "move", IDs: []coffer.ID{a}})), "invalid"},
			"trash list: foreign cursor": {second(ann.ListTrash(ctx, coffer.ID{}, 0, "zzzz")), "cursor_invalid"},
		} {
			if code(r.err) != r.want {
				t.Errorf("%s: got %q (%v), want %q", what, code(r.err), r.err, r.want)
			}
		}
		var e *coffer.Error
		if err := up(ann.root, "F", "", body(nil)); !errors.As(err, &e) || e.Existing != f.ID {
			t.Errorf("name_taken does not tell by whom: %v", err)
		}
		if got := ann.names(ann.root); got != "a/ f" {
			t.Errorf("root afterwards: %s", got)
		}
		if s := ann.space(); s.Used != 2 || s.Reserved != 0 {
			t.Errorf("space afterwards: %+v", s)
		}
		w.clean(0)
	})
}

func second[T any](_ T, err error) error { return err }

func TestClashes(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann := w.person("Ann")
		ann.put(ann.root, "f.tar.gz", []byte("1"))
		for i := 2; i <= 4; i++ {
			d, created, err := ann.Upload(ctx, ann.root, "F.tar.gz", coffer.KeepBoth, body([]byte("x")))
			if want := fmt.Sprintf("F (%d).tar.gz", i); err != nil || !created || d.Name != want {
				t.Errorf("keep both: %q, %v, %v; want %q", d.Name, created, err, want)
			}
		}
		d, created, err := ann.Upload(ctx, ann.root, "F.tar.gz", coffer.Replace, body([]byte("22")))
		if err != nil || created || d.Name != "f.tar.gz" || d.Number != 2 || d.Size != 2 {
			t.Errorf("version: %+v, %v, %v", d, created, err)
		}
		m, created, err := ann.CreateFolder(ctx, ann.root, "m", coffer.Merge)
		if err != nil || !created {
			t.Errorf("merge with nothing: %v, %v", created, err)
		}
		again, created, err := ann.CreateFolder(ctx, ann.root, "M", coffer.Merge)
		if err != nil || created || again.ID != m.ID || again.Name != "m" {
			t.Errorf("merge: %+v, %v, %v", again, created, err)
		}
		both, _, err := ann.CreateFolder(ctx, ann.root, "M", coffer.KeepBoth)
		if err != nil || both.Name != "M (2)" {
			t.Errorf("keep both folders: %q, %v", both.Name, err)
		}

		// A move onto a file makes its versions the newest there.
		other := ann.put(m.ID, "other", []byte("333"))
		_, err = ann.UploadVersion(ctx, other.ID, coffer.ID{}, body([]byte("4444")))
		w.ok(err)
		name := "F.TAR.GZ"
		onto, err := ann.Change(ctx, other.ID, files.Patch{Parent: &ann.root, Name: &name, IfExists: coffer.Replace})
		if err != nil || onto.ID != d.ID || onto.Number != 4 || onto.Name != "f.tar.gz" || string(ann.read(d.ID)) != "4444" {
			t.Errorf("moved onto: %+v, %v", onto, err)
		}
		if old, err := ann.readVersion(d.ID, other.VersionID); err != nil || string(old) != "333" {
			t.Errorf("its old version: %q, %v", old, err)
		}
		if _, err := ann.Stat(ctx, other.ID); code(err) != "not_found" {
			t.Errorf("the moved node is still there: %v", err)
		}
		if got := ann.names(m.ID); got != "" {
			t.Errorf("where it was: %s", got)
		}
		w.clean(0)
	})
}

// TestMergeFolders: folders meet, files become versions, a file that meets a
// folder keeps both; by move and by copy.
func TestMergeFolders(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, op := range []string{"move", "copy"} {
			ann := w.person("Ann" + op)
			src, dst := ann.mkdir(ann.root, "src"), ann.mkdir(ann.root, "dst")
			a, to := ann.mkdir(src, "A"), ann.mkdir(dst, "a")
			ann.put(a, "same", []byte("new"))
			old := ann.put(to, "SAME", []byte("old"))
			ann.put(a, "only", []byte("1"))
			ann.put(to, "there", []byte("2"))
			ann.put(ann.mkdir(a, "deep"), "x", []byte("3"))
			ann.put(ann.mkdir(to, "DEEP"), "y", []byte("4"))
			ann.mkdir(a, "kind")
			ann.put(to, "kind", []byte("5"))
			lost := ann.put(a, "lost", []byte("6"))
			ann.trash(lost.ID)
			if op == "move" {
				d, err := ann.Change(ctx, a, files.Patch{Parent: &dst, IfExists: coffer.Merge})
				if err != nil || d.ID != to {
					t.Errorf("merged: %+v, %v", d, err)
				}
				if got := ann.names(src); got != "" {
					t.Errorf("source: %s", got)
				}
				page, err := ann.ListTrash(ctx, coffer.ID{}, 0, "")
				if err != nil || len(page.Items) != 1 || !page.Items[0].ParentGone {
					t.Errorf("trash of a merged folder: %+v, %v", page, err)
				}
			} else {
				d, created, err := ann.Copy(ctx, a, dst, "", coffer.Merge)
				if err != nil || created || d.ID != to {
					t.Errorf("merged: %+v, %v, %v", d, created, err)
				}
				if got := ann.names(a); got != "deep/ kind/ only same" {
					t.Errorf("source: %s", got)
				}
			}
			if got := ann.names(to); got != "DEEP/ kind (2)/ kind only SAME there" {
				t.Errorf("%s: merged folder: %s", op, got)
			}
			deep, err := ann.Resolve(ctx, coffer.ID{}, "/dst/a/deep")
			w.ok(err)
			if got := ann.names(deep.ID); got != "x y" {
				t.Errorf("%s: deep: %s", op, got)
			}
			if got := string(ann.read(old.ID)); got != "new" {
				t.Errorf("%s: same: %q", op, got)
			}
			if got, err := ann.readVersion(old.ID, old.VersionID); err != nil || string(got) != "old" {
				t.Errorf("%s: old version: %q, %v", op, got, err)
			}
		}
		ann := w.person("Inner")
		a := ann.mkdir(ann.root, "a")
		inner := ann.mkdir(a, "a")
		if _, err := ann.Change(ctx, inner, files.Patch{Parent: &ann.root, IfExists: coffer.Merge}); code(err) != "name_taken" {
			t.Errorf("a folder merged into one it lies in: %v", err)
		}
		w.clean(0)
	})
}
