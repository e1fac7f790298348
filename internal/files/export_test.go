package files_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"coffer"
	"coffer/internal/db"
	"coffer/internal/files"
)

// TestExport: what cmd/cofferd's TestDecrypt cannot see. Only the server itself
// may take everything out; what was given up is not in it; a content that is
// authentic but not the one of its record is damage, an error of the writer is
// not.
func TestExport(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann, ben := w.person("Ann"), w.person("Ben")
		d := ann.put(ann.root, "a.txt", []byte("one"))
		ben.put(ben.root, "b.txt", []byte("two"))
		for _, p := range []coffer.Principal{ann.who, {}, {Kind: coffer.Nobody}} {
			if _, err := w.svc.Export(p, files.ExportOptions{}); !errors.Is(err, coffer.ErrNotFound) {
				t.Errorf("%+v may export: %v", p, err)
			}
		}
		system := coffer.SystemPrincipal("test")
		x, err := w.svc.Export(system, files.ExportOptions{})
		w.ok(err)
		spaces, err := x.Spaces(ctx)
		w.ok(err)
		if len(spaces) != 2 || spaces[0].Email != ann.who.User.Email {
			t.Fatalf("spaces %+v", spaces)
		}
		list, err := x.Tree(ctx, spaces[0].Space)
		w.ok(err)
		if len(list) != 1 || list[0].Name != "a.txt" || list[0].Folder() || list[0].Node != d.ID {
			t.Fatalf("tree %+v", list)
		}
		read := func(out io.Writer) error {
			c, err := x.Open(ctx, list[0])
			w.ok(err)
			return errors.Join(c.WriteAll(ctx, out), c.Close())
		}
		var got bytes.Buffer
		if err := read(&got); err != nil || got.String() != "one" {
			t.Errorf("%q, %v", &got, err)
		}
		broken := errors.New("the disk is full")
		if err := read(failingWriter{broken}); !errors.Is(err, broken) || coffer.KindOf(err) == coffer.Corrupt {
			t.Errorf("an error of the writer came back as %v", err)
		}

		// A record sealed with another SHA-256: nobody without the keys can do it.
		w.ok(w.db.Update(ctx, func(tx *db.Tx) error {
			v, err := tx.Version(d.ID, d.VersionID)
			if err != nil {
				return err
			}
			row, err := tx.SpaceKey(v.SpaceID, v.SKVer)
			if err != nil {
				return err
			}
			key, err := w.keys.OpenSpaceKey(row)
			if err != nil {
				return err
			}
			dek, err := key.OpenDEK(v.NodeID, v.ID, v.BlobID, v.DEK)
			if err != nil {
				return err
			}
			dek.Sum[0] ^= 1
			return tx.AdoptVersion(v.ID, v.NodeID, v.Number, key.SealDEK(v.NodeID, v.ID, v.BlobID, dek), v.SKVer)
		}))
		if err := read(io.Discard); err == nil || coffer.KindOf(err) != coffer.Corrupt {
			t.Errorf("another SHA-256: %v", err)
		}

		w.ok(w.db.Update(ctx, func(tx *db.Tx) error { return w.svc.GiveUp(tx, ann.who, ann.who.User.ID, true) }))
		if spaces, err = x.Spaces(ctx); err != nil || len(spaces) != 1 || spaces[0].Email != ben.who.User.Email {
			t.Errorf("after Ann has left: %+v, %v", spaces, err)
		}
		x, err = w.svc.Export(system, files.ExportOptions{Email: ann.who.User.Email})
		w.ok(err)
		if _, err := x.Spaces(ctx); !errors.Is(err, coffer.ErrNotFound) {
			t.Errorf("her space is %v", err)
		}
	})
}

type failingWriter struct{ err error }

func (f failingWriter) Write([]byte) (int, error) { return 0, f.err }
