package files_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"coffer/internal/blob"
	"coffer/internal/db"
	"coffer/internal/files"
)

// TestErasedFromTheDisk: the sealed key of a file that is deleted for ever, that
// of its small picture, and those of a space that is given up, are nowhere in the files of SQLite once its
// log was taken over.
func TestErasedFromTheDisk(t *testing.T) {
	t.Parallel()
	c, path := newClock(), filepath.Join(t.TempDir(), "coffer.db")
	d, err := db.Open(ctx, db.Options{DSN: path, Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, d, c, blob.NewMemory())
	ann, ben := w.person("Ann"), w.person("Ben")
	f := ann.put(ann.root, "f.png", photo(1))
	ann.small(f.ID, files.TileEdge)
	for i := range 50 { // rows that stay on the same pages
		ann.put(ann.root, fmt.Sprint("other ", i), []byte("other"))
	}
	var file, small, space []byte
	w.ok(d.View(ctx, func(tx *db.Tx) error {
		v, err := tx.Version(f.ID, f.VersionID)
		if err != nil {
			return err
		}
		s, err := tx.Thumbnail(f.VersionID, files.TileEdge)
		if err != nil {
			return err
		}
		k, err := tx.CurrentSpaceKey(ben.space().ID)
		file, small, space = v.DEK, s.DEK, k.Sealed
		return err
	}))
	ann.trash(f.ID)
	w.ok(second(ann.Delete(ctx, f.ID)))
	ben.leave()
	w.ok(d.Close()) // takes the log over
	for _, name := range []string{path, path + "-wal"} {
		raw, err := os.ReadFile(name)
		if os.IsNotExist(err) {
			continue
		}
		w.ok(err)
		for what, key := range map[string][]byte{"the file": file, "its small picture": small, "the space": space} {
			if bytes.Contains(raw, key) {
				t.Errorf("%s: the key of %s is there", filepath.Base(name), what)
			}
		}
	}
}
