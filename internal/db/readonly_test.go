package db_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"coffer"
	"coffer/internal/db"
	"coffer/internal/db/dbtest"
)

// TestReadOnly: a database opened to be read takes no change, works beside a
// process that writes, and leaves the folder of an idle one as it is.
func TestReadOnly(t *testing.T) {
	dbtest.EachDSN(t, func(t *testing.T, newDSN func() string) {
		ctx := t.Context()
		dsn := newDSN()
		path, isFile := strings.CutPrefix(dsn, "sqlite:")
		open := func(readOnly bool) *db.DB {
			t.Helper()
			d, err := db.Open(ctx, db.Options{DSN: dsn, ReadOnly: readOnly})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { d.Close() })
			return d
		}
		install := func(d *db.DB) (id coffer.ID, err error) {
			err = d.View(ctx, func(tx *db.Tx) (err error) { id, err = tx.Install(); return err })
			return id, err
		}
		if isFile {
			if _, err := db.Open(ctx, db.Options{DSN: dsn, ReadOnly: true}); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("a missing file: %v", err)
			}
			wantFiles(t, path)
		}
		w := open(false)
		if err := w.Migrate(ctx); err != nil {
			t.Fatal(err)
		}
		r := open(true)
		if _, err := install(r); !errors.Is(err, coffer.ErrNotFound) {
			t.Errorf("before the first change: %v", err)
		}
		var id coffer.ID
		if err := w.Update(ctx, func(tx *db.Tx) (err error) { id, err = tx.EnsureInstall(); return err }); err != nil {
			t.Fatal(err)
		}
		if got, err := install(r); got != id || err != nil {
			t.Errorf("beside a writer: %v, %v", got, err)
		}
		if err := r.Update(ctx, func(*db.Tx) error { return nil }); err == nil {
			t.Error("an update was taken")
		}
		err := r.View(ctx, func(tx *db.Tx) error { _, err := tx.Exec("DELETE FROM install"); return err })
		if got, stillErr := install(w); err == nil || got != id || stillErr != nil {
			t.Errorf("a change while reading: %v, then %v, %v", err, got, stillErr)
		}
		if err := errors.Join(r.Close(), w.Close()); err != nil {
			t.Fatal(err)
		}
		if !isFile {
			return
		}

		wantFiles(t, path, filepath.Base(path))
		r = open(true)
		if got, err := install(r); got != id || err != nil {
			t.Errorf("an idle one: %v, %v", got, err)
		}
		wantFiles(t, path, filepath.Base(path))
		w = open(false)
		if _, err := install(w); err != nil {
			t.Fatal(err)
		}
		if _, err := install(r); err == nil || coffer.KindOf(err) != coffer.Busy {
			t.Errorf("a writer came, and reading answers %v", err)
		}
	})
}

// wantFiles wants exactly these files in the folder of a database.
func wantFiles(t *testing.T, path string, want ...string) {
	t.Helper()
	list, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range list {
		got = append(got, e.Name())
	}
	if !slices.Equal(got, want) {
		t.Errorf("beside the database lie %q, want %q", got, want)
	}
}
