package files_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"coffer"
	"coffer/internal/blob"
	"coffer/internal/blob/disk"
	"coffer/internal/db"
	"coffer/internal/db/dbtest"
	"coffer/internal/files"
)

// TestCheckFindsOldAndForeignBytes: a blob that was cut, extended, exchanged
// for another one, set back to an older content, or lost. A check, and so the
// scrub, names that file and no other, and a backup of the blob heals it.
func TestCheckFindsOldAndForeignBytes(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "blobs")
	store, err := disk.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, dbtest.SQLite(t), newClock(), store)
	ann := w.person("Ann")
	const size = 3 << 14 // three chunks and an empty one
	older := ann.put(ann.mkdir(ann.root, "Docs"), "f", random(size))
	before, err := os.ReadFile(blobPath(dir, w.blobOf(older)))
	w.ok(err)
	f, err := ann.UploadVersion(ctx, older.ID, coffer.ID{}, body(random(size)))
	w.ok(err)
	twin := ann.put(ann.root, "of the same size", random(size))
	path := blobPath(dir, w.blobOf(f))
	whole, err := os.ReadFile(path)
	w.ok(err)
	other, err := os.ReadFile(blobPath(dir, w.blobOf(twin)))
	w.ok(err)
	const header, chunk = 56, 16400
	for _, r := range []struct {
		name, kind string
		bytes      []byte
		shallow    bool // is seen without reading
	}{
		{"one byte cut", "wrong_size", whole[:len(whole)-1], true},
		{"last chunk cut", "wrong_size", whole[:header+3*chunk], true},
		{"cut to the header", "wrong_size", whole[:header], true},
		{"empty", "wrong_size", nil, true},
		{"one byte more", "wrong_size", append(bytes.Clone(whole), 0), true},
		{"one chunk more", "wrong_size", append(bytes.Clone(whole), whole[header:header+chunk]...), true},
		{"exchanged for another file's", "damaged_data", other, false},
		{"set back to the older version's", "damaged_data", before, false},
		{"two chunks exchanged", "damaged_data", swapped(whole, header, chunk), false},
	} {
		w.ok(os.WriteFile(path, r.bytes, 0o600))
		report, err := w.svc.Check(ctx, files.CheckOptions{ReadData: 100})
		w.ok(err)
		if len(report.Problems) != 1 || report.Problems[0].Kind != r.kind || !strings.HasPrefix(report.Problems[0].Where, "version "+f.VersionID.String()) ||
			report.Problems[0].File != "/Docs/f" || report.Problems[0].Owner != "ann@example.com" {
			t.Errorf("%s: %+v, want %s of %v", r.name, report.Problems, r.kind, f.VersionID)
		}
		report, err = w.svc.Check(ctx, files.CheckOptions{})
		w.ok(err)
		if report.Clean() == r.shallow {
			t.Errorf("%s, without reading: %+v", r.name, report.Problems)
		}
		if got, err := ann.readVersion(f.ID, coffer.ID{}); code(err) != "damaged" || len(got) > 0 && r.kind == "wrong_size" {
			t.Errorf("%s: %d bytes come out, %v", r.name, len(got), err)
		}
	}
	w.ok(os.Remove(path))
	report, err := w.svc.Check(ctx, files.CheckOptions{})
	w.ok(err)
	if len(report.Problems) != 1 || report.Problems[0].Kind != "lost_blob" || !strings.Contains(report.Problems[0].Where, f.ID.String()) {
		t.Errorf("lost: %+v", report.Problems)
	}
	w.ok(os.WriteFile(path, whole, 0o600))
	w.clean(0)
}

// blobPath is where a blob lies, as docs/format.md tells.
func blobPath(dir string, id coffer.ID) string {
	return filepath.Join(dir, "b", id.String()[:2], id.String())
}

// swapped exchanges the first two chunks.
func swapped(whole []byte, header, chunk int) []byte {
	out := bytes.Clone(whole)
	copy(out[header:], whole[header+chunk:header+2*chunk])
	copy(out[header+chunk:], whole[header:header+chunk])
	return out
}

// TestCheckOpensEveryKey: a space key that no file needs yet, and the key of an
// unfinished upload.
func TestCheckOpensEveryKey(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann, ben := w.person("Ann"), w.person("Ben")
		up := db.Upload{ID: coffer.NewID(), SpaceID: ben.space().ID, ParentID: ben.root, Name: "unfinished", IfExists: coffer.Fail, BlobID: coffer.RandomID(),
			DEK: []byte{1}, SKVer: 1, Size: -1, ExpiresAt: 1 << 60}
		w.clean(0)
		w.ok(w.db.Update(ctx, func(tx *db.Tx) error {
			key, err := tx.CurrentSpaceKey(ann.space().ID)
			if err != nil {
				return err
			}
			key.Version, key.Active = 2, false // sealed as version 1
			return errors.Join(tx.InsertSpaceKey(key), tx.InsertPendingBlob(up.BlobID, 20), tx.InsertUpload(up))
		}))
		r, err := w.svc.Check(ctx, files.CheckOptions{})
		w.ok(err)
		var found []string
		for _, p := range r.Problems {
			found = append(found, p.Kind+" "+p.Where)
		}
		if want := "damaged_key space " + ann.space().ID.String() + ", damaged_key upload " + up.ID.String(); strings.Join(found, ", ") != want {
			t.Errorf("found %v\nwant %s", found, want)
		}
	})
}

// TestStoreAway: the volume goes, or another one comes, while the server runs.
// Nothing is written to it, no file counts as lost, nothing is collected, and
// when it is back all is as it was.
func TestStoreAway(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann := w.person("Ann")
		f := ann.put(ann.root, "f", []byte("content"))
		foreign := blob.NewMemory()
		w.ok(foreign.Marker(ctx, coffer.NewID(), true))
		ours := w.store
		for name, s := range map[string]*blob.Memory{"missing": blob.NewMemory(), "foreign": foreign} {
			away := newWorldOn(w, s)
			view := away.svc.As(ann.who)
			if _, err := view.Open(ctx, f.ID, coffer.ID{}); code(err) != "store_away" || coffer.KindOf(err) != coffer.Busy {
				t.Errorf("%s: open: %v", name, err)
			}
			for _, size := range []int64{3, -1} {
				if _, _, err := view.Upload(ctx, ann.root, "new", "", files.Body{Reader: strings.NewReader("new"), Size: size}); code(err) != "store_away" {
					t.Errorf("%s: upload of %d: %v", name, size, err)
				}
			}
			if r, err := away.svc.Check(ctx, files.CheckOptions{Repair: true}); code(err) != "store_away" || !r.Clean() {
				t.Errorf("%s: check: %+v, %v", name, r.Problems, err)
			}
			if err := away.svc.CollectBlobs(ctx); err == nil {
				t.Errorf("%s: collected", name)
			}
			if err := away.svc.Scrub(ctx, time.Hour); err == nil {
				t.Errorf("%s: scrubbed", name)
			}
			w.ok(s.List(ctx, "", func(e blob.Entry) error { t.Errorf("%s: written: %v", name, e.ID); return nil }))
		}
		w.store = ours
		if got := ann.names(ann.root); got != "f" || string(ann.read(f.ID)) != "content" {
			t.Errorf("afterwards: %s", got)
		}
		if s := ann.space(); s.Reserved != 0 {
			t.Errorf("%d bytes stay reserved", s.Reserved)
		}
		w.clean(0)
	})
}
