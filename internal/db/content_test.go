package db_test

import (
	"errors"
	"fmt"
	"testing"

	"coffer"
	"coffer/internal/db"
	"coffer/internal/db/dbtest"
)

// TestBlobLives: a blob is dead only when no version and no upload names it,
// and only a dead one can be deleted.
func TestBlobLives(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, open func() *db.DB) {
		v := newDrive(t, open())
		f := v.add(v.space.RootID, coffer.File, "f", 10)
		g := v.add(v.space.RootID, coffer.File, "g", 10)
		var first db.Version
		state := func() (s int) {
			v.view(func(tx *db.Tx) error {
				return tx.Scan(`SELECT state FROM blob WHERE id = $1`, []any{first.BlobID}, &s)
			})
			return s
		}
		v.update(func(tx *db.Tx) (err error) {
			first, err = tx.Version(f.ID, f.VersionID)
			shared := v.version(g, 2)
			shared.BlobID = first.BlobID
			return errors.Join(err, tx.InsertVersion(shared))
		})
		purge := func(id coffer.ID, want int64) {
			v.update(func(tx *db.Tx) error {
				bytes, err := tx.PurgeNode(id)
				if bytes != want {
					t.Errorf("purged %d bytes, want %d", bytes, want)
				}
				return err
			})
		}
		purge(f.ID, 10)
		if s := state(); s != 1 {
			t.Errorf("a blob that a version names has state %d", s)
		}
		up := db.Upload{ID: coffer.RandomID(), SpaceID: v.space.ID, ParentID: v.space.RootID, Name: "u", BlobID: first.BlobID, DEK: []byte("d"), SKVer: 1, Size: -1, Reserved: 7}
		v.update(func(tx *db.Tx) error { return tx.InsertUpload(up) })
		purge(g.ID, 20)
		if s := state(); s != 1 {
			t.Errorf("a blob that an upload names has state %d", s)
		}
		v.update(func(tx *db.Tx) error {
			got, err := tx.Upload(up.ID)
			if err != nil || got.Size != -1 || got.Reserved != 7 || got.BlobID != up.BlobID || !got.NodeID.IsZero() {
				t.Errorf("upload %+v, %v", got, err)
			}
			if c, err := tx.CountSpaces(); err != nil || c[v.space.ID].Reserved != 7 || len(c) != 1 {
				t.Errorf("counts %+v, %v", c, err)
			}
			if err := tx.DeleteDeadBlob(first.BlobID); err != nil { // not dead: stays
				return err
			}
			return errors.Join(tx.DeleteUpload(up.ID), tx.ReleaseBlob(first.BlobID))
		})
		if s := state(); s != 2 {
			t.Errorf("a blob that nobody names has state %d", s)
		}
		v.update(func(tx *db.Tx) error {
			if dead, err := tx.DeadBlobs(tx.Now+1, 10); err != nil || len(dead) != 2 {
				t.Errorf("dead: %v, %v", dead, err)
			}
			if dead, err := tx.DeadBlobs(tx.Now-1000_000, 10); err != nil || len(dead) != 0 {
				t.Errorf("dead long ago: %v, %v", dead, err)
			}
			if err := tx.DeleteDeadBlob(first.BlobID); err != nil {
				return err
			}
			if has, err := tx.HasBlob(first.BlobID); err != nil || has {
				t.Errorf("has deleted blob: %v, %v", has, err)
			}
			return nil
		})
	})
}

func TestTrashPages(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, open func() *db.DB) {
		v := newDrive(t, open())
		var want []coffer.ID
		for i := range 7 {
			n := v.add(v.space.RootID, coffer.File, fmt.Sprint(i), 1)
			v.update(func(tx *db.Tx) error {
				// Pairs share a time.
				_, err := tx.Exec(`UPDATE node SET trashed_at = $2, trashed_by = $3 WHERE id = $1`, n.ID, 1000+i/2, v.space.OwnerID)
				return err
			})
			want = append([]coffer.ID{n.ID}, want...)
		}
		doomed := want[3]
		v.update(func(tx *db.Tx) error { return tx.DoomNode(doomed) })
		want = append(want[:3:3], want[4:]...)
		v.view(func(tx *db.Tx) error {
			var got []coffer.ID
			var at int64
			var id coffer.ID
			for {
				page, err := tx.Trash(v.space.ID, at, id, 2)
				if err != nil {
					return err
				}
				for _, n := range page {
					got, at, id = append(got, n.ID), n.TrashedAt, n.ID
				}
				if len(page) < 2 {
					break
				}
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("trash %v, want %v", got, want)
			}
			if n, err := tx.CountTrash(v.space.ID); err != nil || n != 6 {
				t.Errorf("%d in the trash, %v", n, err)
			}
			if old, err := tx.OldTrash(1002, 10); err != nil || len(old) != 3 {
				t.Errorf("old %v, %v", old, err)
			}
			if due, err := tx.Doomed(10); err != nil || len(due) != 1 || due[0].ID != doomed {
				t.Errorf("doomed %v, %v", due, err)
			}
			return nil
		})
	})
}

func TestEvents(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, open func() *db.DB) {
		v := newDrive(t, open())
		version := coffer.NewID()
		v.update(func(tx *db.Tx) error {
			return tx.InsertEvent(coffer.Event{ActorKind: "user", ActorID: v.space.OwnerID, Action: "file.opened", SpaceID: v.space.ID, NodeID: v.space.RootID,
				TargetID: version, Detail: map[string]any{"name": "a \"b\" <ü>", "request": "7Q2M-4K"}})
		})
		v.view(func(tx *db.Tx) error {
			var record string
			var salt []byte
			if err := tx.Scan(`SELECT record, salt FROM event`, nil, &record, &salt); err != nil {
				return err
			}
			events, err := tx.Events(v.space.ID, 10)
			if err != nil || len(events) != 1 || len(salt) != 16 {
				t.Fatalf("events %v, salt %x, %v", events, salt, err)
			}
			e := events[0]
			if e.Detail["name"] != `a "b" <ü>` || e.Detail["actor_id"] != v.space.OwnerID.String() || e.Action != "file.opened" || e.TargetID != version {
				t.Errorf("event %+v", e)
			}
			want := fmt.Sprintf(`{"action":"file.opened","actor_id":"%s","actor_kind":"user","at":%d,"name":"a \"b\" \u003cü\u003e","node_id":"%s","request":"7Q2M-4K","space_id":"%s","target_id":"%s"}`,
				v.space.OwnerID, e.At, v.space.RootID, v.space.ID, version)
			if record != want {
				t.Errorf("record %s\n  want %s", record, want)
			}
			for _, r := range []struct {
				actor coffer.ID
				since int64
				want  bool
			}{{v.space.OwnerID, e.At, true}, {v.space.OwnerID, e.At + 1, false}, {coffer.NewID(), e.At, false}} {
				if got, err := tx.OpenedSince(version, r.actor, r.since); err != nil || got != r.want {
					t.Errorf("opened %+v: %v, %v", r, got, err)
				}
			}
			return nil
		})
	})
}

func TestHidden(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, open func() *db.DB) {
		v := newDrive(t, open())
		h := coffer.Node{ID: coffer.NewID(), SpaceID: v.space.ID, Kind: coffer.Folder, Name: "h"}
		v.update(func(tx *db.Tx) error {
			if err := tx.InsertHidden(h, tx.Now+100000); err != nil {
				return err
			}
			if due, err := tx.IsDoomed(h.ID); err != nil || due {
				t.Errorf("due before its time: %v, %v", due, err)
			}
			if n, err := tx.CountTrash(v.space.ID); err != nil || n != 0 {
				t.Errorf("a hidden node is in the trash: %d, %v", n, err)
			}
			if err := tx.ExtendHidden(h.ID, tx.Now); err != nil {
				return err
			}
			if due, err := tx.IsDoomed(h.ID); err != nil || !due {
				t.Errorf("not due after its time: %v, %v", due, err)
			}
			if err := tx.ExtendHidden(h.ID, tx.Now+1); !errors.Is(err, coffer.ErrNotFound) {
				t.Errorf("extended after its end: %v", err)
			}
			return nil
		})
	})
}

// TestStanding: who is disabled, removed, or signed out in the middle.
func TestStanding(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, open func() *db.DB) {
		v := newDrive(t, open())
		s := coffer.Session{ID: coffer.NewID(), UserID: v.space.OwnerID}
		v.update(func(tx *db.Tx) error {
			s.ExpiresAt = tx.Now + 100000
			if err := tx.InsertSession(s, []byte("hash")); err != nil {
				return err
			}
			for _, r := range []struct {
				user, session, token coffer.ID
				ok                   bool
			}{
				{user: v.space.OwnerID, ok: true},
				{user: v.space.OwnerID, session: s.ID, ok: true},
				{user: v.space.OwnerID, session: coffer.NewID()},
				{user: v.space.OwnerID, token: s.ID},
				{user: coffer.NewID()},
				{user: coffer.NewID(), session: s.ID},
			} {
				st, err := tx.Standing(r.user, r.session, r.token)
				if r.ok != (err == nil) || err != nil && !errors.Is(err, coffer.ErrNotFound) || r.ok && st.Role != coffer.RoleMember {
					t.Errorf("%+v: %+v, %v", r, st, err)
				}
			}
			if name, err := tx.PersonName(v.space.OwnerID); err != nil || name != "Ann" {
				t.Errorf("name %q, %v", name, err)
			}
			if name, err := tx.PersonName(s.ID); err != nil || name != "" {
				t.Errorf("name of nobody %q, %v", name, err)
			}
			return nil
		})
	})
}
