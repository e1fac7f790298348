package files_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"coffer"
	"coffer/internal/blob"
	"coffer/internal/db"
	"coffer/internal/db/dbtest"
	"coffer/internal/files"
)

// leave deletes a person's account, as package accounts does it.
func (p *person) leave() {
	p.w.t.Helper()
	p.w.ok(p.w.db.Update(ctx, func(tx *db.Tx) error {
		if err := p.w.svc.GiveUp(tx, p.who, p.who.User.ID, true); err != nil {
			return err
		}
		return tx.DeleteUser(p.who.User.ID)
	}))
}

// everything fills a space with each kind of thing that there is, more of it
// than one transaction removes, and returns some of the ids and how many items
// are not deleted for ever.
func (p *person) everything() (ids []coffer.ID, items int64) {
	p.w.t.Helper()
	deep := p.root
	for n := range 5 {
		deep = p.mkdir(deep, fmt.Sprint("level ", n))
		ids, items = append(ids, deep), items+1
	}
	file := p.put(deep, "versions", []byte("one"))
	_, err := p.UploadVersion(ctx, file.ID, coffer.ID{}, body([]byte("two and more")))
	p.w.ok(err)
	ids, items = append(ids, file.ID), items+1
	many := p.mkdir(ids[1], "many")
	for n := range 30 {
		ids = append(ids, p.put(many, fmt.Sprint("file ", n), []byte{byte(n)}).ID)
	}
	for n := range 7 { // copies are cheaper than uploads
		_, _, err := p.Copy(ctx, many, ids[1], fmt.Sprint("copy ", n), coffer.Fail)
		p.w.ok(err)
	}
	bin := p.mkdir(p.root, "bin")
	first := p.put(bin, "thrown away first", []byte("x"))
	kept := p.put(bin, "thrown away with its folder", []byte("y"))
	p.trash(first.ID)
	p.trash(bin)
	for n := range 12 {
		id := p.put(ids[0], fmt.Sprint("trash ", n), []byte{byte(n)}).ID
		p.trash(id)
		ids = append(ids, id)
	}
	doomed := p.mkdir(p.root, "doomed")
	p.put(doomed, "in it", []byte("z"))
	p.trash(doomed)
	p.w.ok(second(p.Delete(ctx, doomed))) // its job has not run
	left := db.Upload{ID: coffer.NewID(), SpaceID: p.space().ID, ParentID: p.root, Name: "left by a crash", IfExists: coffer.Fail, BlobID: coffer.RandomID(),
		DEK: []byte{1}, SKVer: 1, Size: 77, Reserved: 77, ExpiresAt: 1 << 60}
	p.w.ok(p.w.db.Update(ctx, func(tx *db.Tx) error {
		_, err := tx.TakeQuota(left.SpaceID, 0, left.Reserved)
		return errors.Join(err, tx.InsertPendingBlob(left.BlobID, 20), tx.InsertUpload(left))
	}))
	hidden := coffer.Node{ID: coffer.NewID(), SpaceID: p.space().ID, Kind: coffer.Folder, Name: "half a copy", CreatedAt: 1, ChangedAt: 1}
	p.w.ok(p.w.db.Update(ctx, func(tx *db.Tx) error { return tx.InsertHidden(hidden, tx.Now+3600_000) }))
	return append(ids, bin, first.ID, kept.ID, doomed, hidden.ID), items + 8*31 + 3 + 12
}

// TestGiveUp: with the account goes the space. From then on nobody reaches
// anything in it; the job removes every row of it, and nothing else.
func TestGiveUp(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		ann, ben := w.person("Ann"), w.person("Ben")
		mine := ben.put(ben.root, "mine", []byte("Ben's own"))
		other := ben.put(ben.root, "trash", []byte("Ben's trash"))
		ben.trash(other.ID)
		ids, items := ann.everything()
		ids = append(ids, ann.root)
		if n, err := ann.CountItems(ctx, ann.root); err != nil || n != items {
			t.Errorf("%d items, %v; want %d", n, err, items)
		}
		if n, err := ben.CountItems(ctx, ann.root); !errors.Is(err, coffer.ErrNotFound) {
			t.Errorf("Ben counts Ann's: %d, %v", n, err)
		}
		space := ann.space()

		// A body that still runs.
		sent, more := io.Pipe()
		answered := make(chan error, 1)
		go func() {
			_, _, err := ann.Upload(ctx, ann.root, "late", "", files.Body{Reader: sent, Size: -1})
			answered <- err
		}()
		if _, err := more.Write(random(100_000)); err != nil { // so that its row is there
			t.Fatal(err)
		}

		ann.leave()
		for _, id := range ids {
			for who, v := range map[string]*files.View{"Ann": ann.View, "Ben": ben.View, "the server": w.svc.As(coffer.SystemPrincipal("test"))} {
				if _, err := v.Stat(ctx, id); !errors.Is(err, coffer.ErrNotFound) {
					t.Fatalf("%s sees %s: %v", who, id, err)
				}
			}
			if _, err := ann.Restore(ctx, id, coffer.ID{}); err == nil {
				t.Fatalf("Ann restores %s", id)
			}
		}
		more.Close()
		if err := <-answered; err == nil || coffer.KindOf(err) != coffer.Unauthenticated && coffer.KindOf(err) != coffer.NotFound {
			t.Errorf("the late upload: %v", err)
		}
		if spaces, err := ann.Spaces(ctx); err == nil {
			t.Errorf("Ann has spaces: %v", spaces)
		}
		if r, err := w.svc.Check(ctx, files.CheckOptions{ReadData: 100}); err != nil || !r.Clean() || r.Spaces != 2 {
			t.Errorf("check before the job: %+v, %v", r, err)
		}

		// Its keys are no more, even for who has the master key, and a rotation
		// goes over what is left of them.
		w.ok(w.db.View(ctx, func(tx *db.Tx) error {
			k, err := tx.SpaceKey(space.ID, 1)
			if _, opening := w.keys.OpenSpaceKey(k); !k.Erased() || opening == nil {
				t.Errorf("the space key is still there: %x, %v", k.Sealed, opening)
			}
			return err
		}))
		kek, err := w.keys.AddKEK(ctx)
		w.ok(err)
		w.ok(w.keys.ActivateKEK(ctx, kek))
		w.ok(w.keys.Reseal(ctx))
		w.ok(second(w.keys.RotateSpaces(ctx)))
		w.ok(w.keys.ResealSpaces(ctx))
		w.ok(w.svc.Scrub(ctx, time.Hour))
		if h, err := w.svc.Health(ctx); err != nil || h.Damaged != 0 {
			t.Errorf("scrubbed: %+v, %v", h, err)
		}

		w.ok(w.svc.PurgeSpace(ctx, ben.space().ID)) // is nobody's to remove
		w.ok(w.svc.PurgeSpace(ctx, space.ID))
		w.ok(w.svc.PurgeSpace(ctx, space.ID))
		r, err := w.svc.Check(ctx, files.CheckOptions{ReadData: 100})
		if err != nil || !r.Clean() || r.Spaces != 1 || r.Nodes != 3 || r.Versions != 2 {
			t.Errorf("check after the job: %+v, %v", r, err)
		}
		w.ok(w.db.View(ctx, func(tx *db.Tx) error {
			if k, err := tx.CurrentSpaceKey(space.ID); !errors.Is(err, coffer.ErrNotFound) {
				t.Errorf("a key stays: %v, %v", k.Version, err)
			}
			if ups, err := tx.Uploads(coffer.ID{}, 10); err != nil || len(ups) != 0 {
				t.Errorf("uploads stay: %v, %v", ups, err)
			}
			events, err := tx.Events(space.ID, 3)
			if err != nil || events[0].Action != "space.removed" || events[0].ActorKind != "system" || events[1].Action != "space.given_up" || events[1].ActorID != ann.who.User.ID {
				t.Errorf("events %+v, %v", events, err)
			}
			return nil
		}))
		w.clock.move(9 * 24 * time.Hour)
		w.ok(w.svc.CollectBlobs(ctx))
		blobs := 0
		w.ok(w.store.List(ctx, "", func(blob.Entry) error { blobs++; return nil }))
		if blobs != 2 {
			t.Errorf("%d blobs in the store, want Ben's two", blobs)
		}
		if got := ben.read(mine.ID); !bytes.Equal(got, []byte("Ben's own")) || len(ben.inTrash()) != 1 {
			t.Errorf("Ben's things: %q, %d in the trash", got, len(ben.inTrash()))
		}
		w.clean(0)
	})
}

// TestGiveUpWithoutJob: a space whose account went without its job, and one of
// two that a crash kept from being removed, go with the periodic job.
func TestGiveUpWithoutJob(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ben := w.person("Ben")
		for _, name := range []string{"Ann", "Cal"} {
			p := w.person(name)
			dir := p.mkdir(p.root, "dir")
			p.put(dir, "a", []byte("a"))
			p.trash(p.put(dir, "b", []byte("b")).ID)
			if name == "Ann" {
				p.leave()
				continue
			}
			w.ok(w.db.Update(ctx, func(tx *db.Tx) error { return tx.DeleteUser(p.who.User.ID) }))
		}
		w.clean(0)
		export, err := w.svc.Export(coffer.SystemPrincipal("test"), files.ExportOptions{})
		w.ok(err)
		if all, err := export.Spaces(ctx); err != nil || len(all) != 1 || all[0].ID != ben.space().ID {
			t.Errorf("decrypt would write %+v, %v", all, err)
		}
		w.ok(w.svc.PurgeSpace(ctx, coffer.ID{}))
		if r := w.clean(0); r.Spaces != 1 || r.Nodes != 1 || ben.names(ben.root) != "" {
			t.Errorf("left: %+v", r)
		}
		guest := coffer.Principal{Kind: coffer.UserKind, User: coffer.User{ID: coffer.NewID()}}
		w.ok(w.db.Update(ctx, func(tx *db.Tx) error { return w.svc.GiveUp(tx, guest, guest.User.ID, true) })) // has none
	})
}

// TestPurgeSpaceCut: the job is cut off at its every few calls to the database
// and begins again; what stands there is whole each time, and in the end
// nothing is left.
func TestPurgeSpaceCut(t *testing.T) {
	t.Parallel()
	dbtest.EachWith(t, func(t *testing.T, open func(db.Options) *db.DB) {
		var faults dbtest.Faults
		c := newClock()
		w := newWorld(t, open(db.Options{Now: c.now, Wrap: faults.Wrap}), c, blob.NewMemory())
		ann := w.person("Ann")
		ann.everything()
		ann.leave()
		space := coffer.ID{}
		cuts, gone := 0, errors.New("the server dies")
		for n := 1; ; n += 9 {
			faults.Arm(n, n%2 == 0, gone)
			err := w.svc.PurgeSpace(ctx, space)
			faults.Arm(0, false, nil)
			r, checked := w.svc.Check(ctx, files.CheckOptions{})
			if checked != nil || !r.Clean() {
				t.Fatalf("after the cut at call %d: %+v, %v", n, r.Problems, checked)
			}
			if err == nil {
				break
			}
			if cuts++; !errors.Is(err, gone) {
				t.Fatal(err)
			}
		}
		if cuts < 6 {
			t.Errorf("only %d cuts", cuts)
		}
		if r := w.clean(0); r.Spaces+r.Nodes+r.Versions != 0 {
			t.Errorf("left: %+v", r)
		}
	})
}
