package files_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"coffer"
	"coffer/internal/blob"
	"coffer/internal/content"
	"coffer/internal/db"
	"coffer/internal/files"
)

// blobOf returns the blob of a file's current version.
func (w *world) blobOf(d files.Detail) (id coffer.ID) {
	w.t.Helper()
	w.ok(w.db.View(ctx, func(tx *db.Tx) error {
		v, err := tx.Version(d.ID, d.VersionID)
		id = v.BlobID
		return err
	}))
	return id
}

// badDisk is a store that gives some blobs back changed, or not at all.
type badDisk struct {
	blob.Store
	bad map[coffer.ID]string
}

// The ways in which a disk is bad.
const (
	flipped = "flipped"
	missing = "missing"
)

func (s badDisk) Open(ctx context.Context, id coffer.ID) (blob.Object, error) {
	if s.bad[id] == missing {
		return nil, blob.ErrNotExist
	}
	obj, err := s.Store.Open(ctx, id)
	if err == nil && s.bad[id] == flipped {
		obj = flippedObject{obj}
	}
	return obj, err
}

// flippedObject has one bit wrong, in its middle.
type flippedObject struct{ blob.Object }

func (o flippedObject) ReadAt(p []byte, off int64) (int, error) {
	n, err := o.Object.ReadAt(p, off)
	if at := o.Size()/2 - off; at >= 0 && at < int64(n) {
		p[at] ^= 1
	}
	return n, err
}

// goesBad puts the world on a disk that can be made bad.
func (w *world) goesBad() badDisk {
	d := badDisk{w.store, map[coffer.ID]string{}}
	w.store = d
	w.svc = w.service()
	return d
}

// TestScrub: damage is found and named to those it concerns, goes from the list
// when it is healed or deleted, and a pass goes on where it was cut off.
func TestScrub(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		disk := w.goesBad()
		ann, ben := w.person("Ann"), w.person("Ben")
		admin := coffer.Principal{Kind: coffer.UserKind, User: coffer.User{ID: coffer.NewID(), Role: coffer.RoleAdmin}, Scopes: coffer.AllScopes[:]}
		ann.put(ann.root, "whole.txt", []byte("whole"))
		bad := ann.put(ann.root, "bad.txt", bytes.Repeat([]byte("bad"), 20_000))
		lost := ben.put(ben.root, "lost.txt", []byte("lost"))
		day := 24 * time.Hour
		named := func(v *files.View) string {
			t.Helper()
			all, err := v.Damaged(ctx)
			w.ok(err)
			var out []string
			for _, d := range all {
				kind := "damaged"
				if d.Lost {
					kind = "lost"
				}
				out = append(out, d.Name+" of "+d.Owner.Name+" "+kind)
			}
			return strings.Join(out, ", ")
		}
		w.ok(w.svc.Scrub(ctx, day))
		if got := named(w.svc.As(admin)); got != "" {
			t.Fatalf("damage where is none: %s", got)
		}
		disk.bad[w.blobOf(bad)], disk.bad[w.blobOf(lost)] = flipped, missing
		w.ok(w.svc.Scrub(ctx, day)) // not due yet
		if got := named(w.svc.As(admin)); got != "" {
			t.Fatalf("scrubbed before its time: %s", got)
		}
		w.clock.move(day + time.Second)
		w.ok(w.svc.Scrub(ctx, day))
		if got := named(w.svc.As(admin)); got != "lost.txt of Ben lost, bad.txt of Ann damaged" && got != "bad.txt of Ann damaged, lost.txt of Ben lost" {
			t.Errorf("the administrator sees %q", got)
		}
		if got := named(ann.View); got != "bad.txt of Ann damaged" {
			t.Errorf("Ann sees %q", got)
		}
		if got := named(ben.View); got != "lost.txt of Ben lost" {
			t.Errorf("Ben sees %q", got)
		}
		if h, err := w.svc.Health(ctx); err != nil || h.Damaged != 2 || h.PassEnded != w.clock.now().UnixMilli() || h.Scrubbed == 0 {
			t.Errorf("health %+v, %v", h, err)
		}

		// Restored from a backup; deleted for ever.
		delete(disk.bad, w.blobOf(bad))
		ben.trash(lost.ID)
		w.ok(second(ben.EmptyTrash(ctx, coffer.ID{})))
		w.clock.move(day + time.Second)
		w.ok(w.svc.Scrub(ctx, day))
		if got := named(w.svc.As(admin)); got != "" {
			t.Errorf("after healing: %q", got)
		}

		// A store without the mark: nothing looks lost because nothing is looked at.
		w.clock.move(day + time.Second)
		away := newWorldOn(w, blob.NewMemory())
		if err := away.svc.Scrub(ctx, day); err == nil {
			t.Error("scrubbed a store without a mark")
		}
		if got := named(w.svc.As(admin)); got != "" {
			t.Errorf("an unmounted store: %q", got)
		}
	})
}

// TestScrubGoesOn: after a cut the next run begins behind what was read.
func TestScrubGoesOn(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		disk := w.goesBad()
		ann := w.person("Ann")
		first := ann.put(ann.root, "first.txt", []byte("first"))
		second := ann.put(ann.root, "second.txt", []byte("second"))
		w.ok(w.db.Update(ctx, func(tx *db.Tx) error {
			return tx.SetScrub(db.Scrub{After: first.VersionID, StartedAt: tx.Now, Versions: 1})
		}))
		disk.bad[w.blobOf(first)], disk.bad[w.blobOf(second)] = flipped, flipped
		w.ok(w.svc.Scrub(ctx, time.Hour))
		all, err := ann.Damaged(ctx)
		w.ok(err)
		if len(all) != 1 || all[0].Name != "second.txt" {
			t.Errorf("found %+v, want second.txt alone", all)
		}
		w.ok(w.db.View(ctx, func(tx *db.Tx) error {
			s, err := tx.Scrub()
			if s.Versions != 2 || s.EndedAt == 0 || !s.After.IsZero() {
				t.Errorf("the pass: %+v", s)
			}
			return err
		}))
	})
}

// TestScrubKeepsItsPace: not more than a burst is read at once, and a pass that
// is cut off remembers where it was.
func TestScrubKeepsItsPace(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann := w.person("Ann")
		first := ann.put(ann.root, "first", random(1<<20))
		ann.put(ann.root, "second", random(1<<20))
		slow := files.New(files.Deps{DB: w.db, Blobs: w.store, Keys: w.keys, IO: new(content.IO), Install: w.install, ScrubRate: 1})
		// The second file would take days, so that it does not even begin.
		hour, cancel := context.WithTimeout(ctx, time.Hour)
		defer cancel()
		if err := slow.Scrub(hour, time.Hour); err == nil {
			t.Fatal("2 MiB were read at one byte a second")
		}
		if all, err := ann.Damaged(ctx); err != nil || len(all) != 0 {
			t.Errorf("damage because of a cut: %+v, %v", all, err)
		}
		state := func() (s db.Scrub) {
			w.ok(w.db.View(ctx, func(tx *db.Tx) (err error) { s, err = tx.Scrub(); return err }))
			return s
		}
		if s := state(); s.After != first.VersionID || s.Versions != 1 || s.EndedAt != 0 {
			t.Errorf("cut off: %+v, want it behind %v", s, first.VersionID)
		}
		w.ok(w.svc.Scrub(ctx, time.Hour))
		if s := state(); !s.After.IsZero() || s.Versions != 2 || s.EndedAt == 0 {
			t.Errorf("at the end: %+v", s)
		}
	})
}

// TestRepair: counters are counted again, old orphans go, nothing else changes.
func TestRepair(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		disk := w.goesBad()
		w.clock.ms.Store(time.Now().UnixMilli()) // orphans go by the store's clock
		ann := w.person("Ann")
		ann.put(ann.root, "a.txt", []byte("12345"))
		bad := ann.put(ann.root, "bad.txt", []byte("damaged"))
		disk.bad[w.blobOf(bad)] = flipped
		orphan, err := w.store.Stage(ctx, coffer.RandomID(), 10)
		w.ok(err)
		_, err = orphan.WriteAt([]byte("left over"), 0)
		w.ok(err)
		w.ok(orphan.Publish(ctx, 9))
		w.ok(w.db.Update(ctx, func(tx *db.Tx) error {
			if _, err := tx.TakeQuota(ann.space().ID, 1000, 77); err != nil {
				return err
			}
			return tx.AddChildren(ann.root, 5)
		}))
		w.clock.move(time.Second)
		look := func(repair bool) (problems, orphans, repaired int) {
			t.Helper()
			r, err := w.svc.Check(ctx, files.CheckOptions{ReadData: 100, Repair: repair})
			w.ok(err)
			return len(r.Problems), len(r.Orphans), len(r.Repaired)
		}
		want := func(what string, gotP, gotO, gotR, p, o, r int) {
			t.Helper()
			if gotP != p || gotO != o || gotR != r {
				t.Errorf("%s: %d problems, %d orphans, %d repaired; want %d, %d, %d", what, gotP, gotO, gotR, p, o, r)
			}
		}
		p, o, r := look(false)
		want("before", p, o, r, 3, 1, 0)
		p, o, r = look(true)
		want("repairing", p, o, r, 1, 1, 2) // a young orphan stays, and damage is not for us to repair
		w.clock.move(9 * 24 * time.Hour)
		p, o, r = look(true)
		want("repairing after the grace period", p, o, r, 1, 0, 1)
		p, o, r = look(false)
		want("after", p, o, r, 1, 0, 0)
		if s := ann.space(); s.Used != 12 || s.Reserved != 0 {
			t.Errorf("used %d, reserved %d", s.Used, s.Reserved)
		}
	})
}

// TestCheckSample: a share of the versions is read.
func TestCheckSample(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann := w.person("Ann")
		for i := range 60 {
			ann.put(ann.root, fmt.Sprint(i), []byte{byte(i)})
		}
		r, err := w.svc.Check(ctx, files.CheckOptions{ReadData: 50})
		w.ok(err)
		if r.Versions != 60 || r.Read < 10 || r.Read > 50 {
			t.Errorf("%d of %d read, want about half", r.Read, r.Versions)
		}
	})
}

// TestPausedUpload is collection against uploads that pause: within their time
// they go on, behind it they are told so, and nothing of anybody else is lost.
func TestPausedUpload(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		w.clock.ms.Store(time.Now().UnixMilli()) // the store has the machine's clock
		ann := w.person("Ann")
		other := ann.put(ann.root, "other.txt", []byte("other"))
		collect := func() {
			t.Helper()
			w.ok(w.svc.CollectUploads(ctx))
			w.ok(w.svc.CollectBlobs(ctx))
		}
		for _, r := range []struct {
			pause time.Duration
			want  string
		}{{6 * 24 * time.Hour, ""}, {8 * 24 * time.Hour, "upload_ended"}, {30 * 24 * time.Hour, "upload_ended"}} {
			body := bytes.Repeat([]byte("0123456789abcdef"), 1<<17) // 2 MiB: more than goes without a row
			from, to := io.Pipe()
			ended := make(chan error, 1)
			go func() {
				_, _, err := ann.Upload(ctx, ann.root, "paused.bin", coffer.Replace, files.Body{Reader: from, Size: int64(len(body))})
				from.CloseWithError(err)
				ended <- err
			}()
			_, err := to.Write(body[:1<<20])
			w.ok(err)
			w.clock.move(r.pause)
			collect()
			_, err = to.Write(body[1<<20:])
			to.Close()
			if got := <-ended; code(got) != r.want {
				t.Errorf("a pause of %v: %v (writing: %v), want %q", r.pause, got, err, r.want)
			}
			collect()
			if s := ann.space(); s.Reserved != 0 {
				t.Errorf("a pause of %v: %d bytes stay reserved", r.pause, s.Reserved)
			}
			if r.want == "" {
				if !ann.holds("/paused.bin", body) {
					t.Error("the upload that went on is not what was sent")
				}
			}
		}
		// A small body goes without a row: while it pauses its bytes look like an
		// orphan's. Behind the grace period it fails, and no file is without bytes.
		data := random(900 << 10)
		from, to := io.Pipe()
		ended := make(chan error, 1)
		go func() {
			_, _, err := ann.Upload(ctx, ann.root, "small", coffer.Fail, files.Body{Reader: from, Size: int64(len(data))})
			from.CloseWithError(err)
			ended <- err
		}()
		_, err := to.Write(data[:500<<10])
		w.ok(err)
		w.clock.move(9 * 24 * time.Hour)
		collect()
		_, _ = to.Write(data[500<<10:])
		to.Close()
		if err := <-ended; err == nil || strings.Contains(ann.names(ann.root), "small") {
			t.Errorf("a small body that paused too long: %v, and there is %s", err, ann.names(ann.root))
		}
		if got := ann.read(other.ID); string(got) != "other" {
			t.Errorf("the other file is %q", got)
		}
		w.clock.move(30 * 24 * time.Hour)
		collect()
		w.clean(0)
	})
}
