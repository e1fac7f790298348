package keyring

import (
	"context"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"coffer"
	"coffer/internal/db"
	"coffer/internal/db/dbtest"
)

// TestRotateSpacesGoesOn: cut off in the middle, the story is not told as ended,
// and Finish gives the spaces that were left their new key, the others no third.
func TestRotateSpacesGoesOn(t *testing.T) {
	dbtest.EachWith(t, func(t *testing.T, open func(db.Options) *db.DB) {
		var shift atomic.Int64
		d := open(db.Options{Now: func() time.Time { return time.Now().Add(time.Duration(shift.Load())) }})
		ctx, k := t.Context(), open1(t, d, fromEnv(t, line("a", 1)), coffer.NewID())
		const spaces = 6
		must(t, d.Update(ctx, func(tx *db.Tx) error {
			for range spaces {
				s := coffer.Space{ID: coffer.NewID(), Kind: coffer.Personal, RootID: coffer.NewID(), Quota: -1}
				if _, err := tx.InsertSpace(s); err != nil {
					return err
				}
				if err := tx.InsertSpaceKey(k.NewSpaceKey(s.ID)); err != nil {
					return err
				}
			}
			return nil
		}))
		shift.Store(int64(time.Minute))
		cut, cancel := context.WithCancel(ctx)
		cancel() // noticed behind the first space
		if n, err := k.rotateSpaces(cut, time.Now().Add(time.Minute).UnixMilli()); err == nil || n > 1 {
			t.Fatalf("%d spaces, %v: not cut", n, err)
		}
		must(t, d.Update(ctx, func(tx *db.Tx) error { return tx.StartRotation(RotationSpaces, 0, 0) }))
		since := int64(0)
		must(t, d.View(ctx, func(tx *db.Tx) (err error) { since, err = spacesSince(tx); return err }))
		must(t, d.View(ctx, func(tx *db.Tx) error {
			ids, err := tx.SpacesKeyedBefore(since, coffer.ID{}, 100)
			if len(ids) < spaces-1 {
				t.Errorf("%d spaces are left after the cut", len(ids))
			}
			return err
		}))
		must(t, k.Finish(ctx))
		must(t, k.Finish(ctx)) // nothing is left to do
		must(t, d.View(ctx, func(tx *db.Tx) error {
			ids, err := tx.SpacesKeyedBefore(since, coffer.ID{}, 100)
			if err != nil || len(ids) != 0 {
				t.Errorf("%d spaces have no new key, %v", len(ids), err)
			}
			old, err := tx.OldSpaceKeys(coffer.ID{}, 0, 100)
			if len(old) < spaces || len(old) > spaces+1 {
				t.Errorf("%d old keys of %d spaces", len(old), spaces)
			}
			open, err2 := spacesSince(tx)
			if open != 0 || err2 != nil {
				t.Errorf("the story goes on: %d, %v", open, err2)
			}
			return err
		}))
	})
}

// TestKeepsOwner: root that rotates leaves the key file to whom it belongs.
func TestKeepsOwner(t *testing.T) {
	path := keyFile(t, line("a", 1)+"\n", 0o600)
	wantUID, wantGID := ownerOf(t, path)
	if os.Geteuid() == 0 { // nobody else may give files away
		wantUID, wantGID = 4242, 4243
		must(t, os.Chown(path, wantUID, wantGID))
	}
	m, err := OpenFile(path)
	must(t, err)
	must(t, m.AddKey())
	uid, gid := ownerOf(t, path)
	if uid != wantUID || gid != wantGID {
		t.Errorf("the file belongs to %d:%d now", uid, gid)
	}
}
