package files_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"coffer"
	"coffer/internal/blob"
	"coffer/internal/blob/blobtest"
	"coffer/internal/blob/disk"
	"coffer/internal/db"
	"coffer/internal/db/dbtest"
	"coffer/internal/files"
)

// TestStoreFaults: each step of the store fails, or happens and says that it
// failed, in each verb. What was acknowledged reads back; the rest is gone or
// whole; nothing but orphans is left, and they go after the grace period.
func TestStoreFaults(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		faulty := blobtest.NewFaulty(w.store)
		f := newWorldOn(w, faulty)
		n := 0
		for _, op := range []blobtest.Op{blobtest.OpStage, blobtest.OpWrite, blobtest.OpSync, blobtest.OpPublish, blobtest.OpAbort, blobtest.OpDelete} {
			for _, mode := range []string{"first", "first, persisted", "second", "third, persisted", "for ever"} {
				for _, size := range []int64{300, -1} {
					n++
					ann := f.person(fmt.Sprint("Ann", n))
					keep := ann.put(ann.root, "keep", []byte("kept"))
					data := random(1000)
					if size >= 0 {
						data = random(int(size))
					}
					switch mode {
					case "for ever":
						faulty.FailForEver(op)
					case "second":
						faulty.Fail(op, 1, false, nil)
					case "third, persisted":
						faulty.Fail(op, 2, true, nil)
					default:
						faulty.Fail(op, 0, mode != "first", nil)
					}
					d, _, err := ann.Upload(ctx, ann.root, "new", "", files.Body{Reader: bytes.NewReader(data), Size: size})
					faulty.Heal()
					row := fmt.Sprintf("%s, %s, size %d", op, mode, size)
					reached := mode != "second" && mode != "third, persisted"
					if reached && op != blobtest.OpAbort && op != blobtest.OpDelete && op != blobtest.OpSync && !errors.Is(err, blobtest.ErrInjected) {
						t.Errorf("%s: the failure is not told: %v", row, err)
					}
					if err == nil {
						if !bytes.Equal(ann.read(d.ID), data) {
							t.Errorf("%s: acknowledged, but other bytes", row)
						}
					} else if got := ann.names(ann.root); got != "keep" {
						t.Errorf("%s: failed, but visible: %s", row, got)
					}
					if string(ann.read(keep.ID)) != "kept" {
						t.Errorf("%s: another file suffered", row)
					}
					if s := ann.space(); s.Reserved != 0 {
						t.Errorf("%s: %d bytes stay reserved", row, s.Reserved)
					}
				}
			}
		}
		f.afterwards()
	})
}

// newWorldOn is the same installation over another store.
func newWorldOn(w *world, store blob.Store) *world {
	f := *w
	f.store = store
	f.svc = f.service()
	return &f
}

// afterwards lets all periods pass, collects, and wants everything clean.
func (w *world) afterwards() {
	w.t.Helper()
	if r, err := w.svc.Check(ctx, files.CheckOptions{ReadData: 100}); err != nil || !r.Clean() {
		w.t.Errorf("before the jobs: %+v, %v", r.Problems, err)
	}
	w.clock.move(8 * 24 * time.Hour)
	w.ok(w.svc.CollectUploads(ctx))
	w.ok(w.svc.PurgeDoomed(ctx, coffer.ID{}))
	w.jobs()
	w.clock.move(9 * 24 * time.Hour)
	w.ok(w.svc.CollectBlobs(ctx))
	w.clean(0)
	w.ok(w.db.View(ctx, func(tx *db.Tx) error {
		ups, err := tx.Uploads(coffer.ID{}, 100)
		spaces, err2 := tx.Spaces(coffer.ID{}, 1000)
		for _, s := range spaces {
			if s.Reserved != 0 || len(ups) != 0 {
				w.t.Errorf("reserved %d, uploads %d", s.Reserved, len(ups))
			}
		}
		return errors.Join(err, err2)
	}))
}

// TestDatabaseFaults: every call to the database that a verb makes fails once,
// before it is done or after. The verb says so or has succeeded; either way it
// was done in whole or not at all.
func TestDatabaseFaults(t *testing.T) {
	t.Parallel()
	type row struct {
		name string
		act  func(p *person, in fixture) error
		done func(p *person, in fixture) bool // as if it had succeeded
		undo func(p *person, in fixture) bool // as if it had not begun
	}
	rows := []row{
		{"upload", func(p *person, in fixture) error { return third(p.Upload(ctx, in.dir, "new", "", body(in.data))) },
			func(p *person, in fixture) bool { return p.holds("/dir/new", in.data) },
			func(p *person, in fixture) bool { return p.names(in.dir) == "sub/ f" }},
		{"large upload", func(p *person, in fixture) error {
			return third(p.Upload(ctx, in.dir, "new", "", files.Body{Reader: bytes.NewReader(in.data), Size: -1}))
		},
			func(p *person, in fixture) bool { return p.holds("/dir/new", in.data) },
			func(p *person, in fixture) bool { return p.names(in.dir) == "sub/ f" }},
		{"version", func(p *person, in fixture) error {
			return second(p.UploadVersion(ctx, in.file, coffer.ID{}, body(in.data)))
		},
			func(p *person, in fixture) bool { return p.holds("/dir/f", in.data) },
			func(p *person, in fixture) bool { return p.holds("/dir/f", []byte("old")) }},
		{"copy folder", func(p *person, in fixture) error { return third(p.Copy(ctx, in.dir, p.root, "copy", "")) },
			func(p *person, in fixture) bool {
				return p.names(p.root) == "copy/ dir/" && p.holds("/copy/f", []byte("old")) && p.holds("/copy/sub/x", []byte("x"))
			},
			func(p *person, in fixture) bool { return p.names(p.root) == "dir/" }},
		{"move", func(p *person, in fixture) error {
			return second(p.Change(ctx, in.file, files.Patch{Parent: &p.root}))
		},
			func(p *person, in fixture) bool { return p.names(p.root) == "dir/ f" && p.names(in.dir) == "sub/" },
			func(p *person, in fixture) bool { return p.names(p.root) == "dir/" && p.names(in.dir) == "sub/ f" }},
		{"trash and delete", func(p *person, in fixture) error {
			if err := p.Trash(ctx, in.dir, 0); err != nil {
				return err
			}
			return second(p.Delete(ctx, in.dir))
		},
			func(p *person, in fixture) bool { return p.names(p.root) == "" && len(p.inTrash()) == 0 },
			func(p *person, in fixture) bool { return p.names(p.root) == "dir/" || len(p.inTrash()) == 1 }},
		{"restore", func(p *person, in fixture) error {
			if err := p.Trash(ctx, in.dir, 0); err != nil {
				return err
			}
			return second(p.Restore(ctx, in.dir, coffer.ID{}))
		},
			func(p *person, in fixture) bool { return p.names(p.root) == "dir/" },
			func(p *person, in fixture) bool { return p.names(p.root) == "" && len(p.inTrash()) == 1 }},
		{"delivery", func(p *person, in fixture) error {
			never := int64(0)
			r, err := p.MakeRequest(ctx, in.dir, files.NewRequest{Title: "x", EndsAt: &never, Subfolders: true})
			if err != nil {
				return err
			}
			return p.w.send(r.Address, files.Sender{Name: "Maria"}, "new", files.Body{Reader: bytes.NewReader(in.data), Size: -1})
		},
			func(p *person, in fixture) bool { return p.holds("/dir/Maria/new", in.data) },
			func(p *person, in fixture) bool { return p.names(in.dir) == "sub/ f" }},
		{"download", func(p *person, in fixture) error {
			c, err := p.Open(ctx, in.file, coffer.ID{})
			if err != nil {
				return err
			}
			defer c.Close()
			_, err = c.WriteRange(ctx, io.Discard, 0, 3)
			return err
		}, nil, nil},
		{"ZIP", func(p *person, in fixture) error {
			z, err := p.Zip(ctx, []coffer.ID{in.dir})
			if err != nil {
				return err
			}
			return z.WriteTo(ctx, io.Discard)
		}, nil, nil},
	}
	untouched := func(p *person, in fixture) bool { return p.names(p.root) == "dir/" && p.holds("/dir/f", []byte("old")) }
	for i := range rows { // what only reads leaves all as it was, whether it succeeds or not
		if rows[i].done == nil {
			rows[i].done, rows[i].undo = untouched, nil
		}
	}
	faults := func(t *testing.T, open func(db.Options) *db.DB) {
		fa, c := new(dbtest.Faults), newClock()
		w := newWorld(t, open(db.Options{Now: c.now, Wrap: fa.Wrap}), c, blob.NewMemory())
		n := 0
		for _, r := range rows {
			for _, mode := range []string{"before", "after", "for ever"} {
				for at := 1 + n%step(); ; at += step() {
					n++
					p := w.person(fmt.Sprint("P", n))
					in := p.fixture()
					if mode == "for ever" {
						fa.ArmForEver(at, errInjected)
					} else {
						fa.Arm(at, mode == "after", errInjected)
					}
					err := r.act(p, in)
					ran := fa.Count() // calls made since Arm
					fa.Arm(0, false, nil)
					done := r.done(p, in)
					undone := !done
					if r.undo != nil {
						undone = r.undo(p, in)
					} else if !done {
						t.Errorf("%s, call %d, %s: what was there has changed", r.name, at, mode)
					}
					if err == nil && !done {
						t.Errorf("%s, call %d, %s: acknowledged, not done", r.name, at, mode)
					}
					if err != nil && coffer.KindOf(err) != coffer.Internal && coffer.KindOf(err) != coffer.Busy {
						t.Errorf("%s, call %d, %s: told as %v: %v", r.name, at, mode, coffer.KindOf(err), err)
					}
					if err != nil && done == undone {
						t.Errorf("%s, call %d, %s: half done (%v); done %v, undone %v", r.name, at, mode, err, done, undone)
					}
					// What could not be put in order at once expires and is collected.
					if mode == "for ever" {
						w.clock.move(8 * 24 * time.Hour)
						w.ok(w.svc.CollectUploads(ctx))
						w.ok(w.svc.PurgeDoomed(ctx, coffer.ID{}))
					}
					if space := p.space(); undone && r.name != "trash and delete" && (space.Used != 4 || space.Reserved != 0) {
						t.Errorf("%s, call %d, %s: undone, but used %d, reserved %d", r.name, at, mode, space.Used, space.Reserved)
					}
					if ran < at {
						if ran == 0 {
							t.Fatalf("%s makes no calls", r.name)
						}
						break
					}
				}
			}
		}
		w.afterwards()
	}
	dbtest.EachWith(t, faults)
}

var errInjected = errors.New("injected database failure")

// TestJobFaults: each call to the database that the jobs make fails, once,
// after it was done, or for ever from then on. What lives stays as it is, and
// the next run does what is left.
func TestJobFaults(t *testing.T) {
	t.Parallel()
	dbtest.EachWith(t, func(t *testing.T, open func(db.Options) *db.DB) {
		fa, c := new(dbtest.Faults), newClock()
		w := newWorld(t, open(db.Options{Now: c.now, Wrap: fa.Wrap}), c, blob.NewMemory())
		p := w.person("Ann")
		p.fixture()
		for name, job := range map[string]func() error{
			"purge trash":     func() error { return w.svc.PurgeTrash(ctx) },
			"purge doomed":    func() error { return w.svc.PurgeDoomed(ctx, coffer.ID{}) },
			"collect uploads": func() error { return w.svc.CollectUploads(ctx) },
			"collect blobs":   func() error { return w.svc.CollectBlobs(ctx) },
			"scrub":           func() error { return w.svc.Scrub(ctx, 0) },
			"finish rotation": func() error { return w.keys.Finish(ctx) },
		} {
			for _, mode := range []string{"before", "after", "for ever"} {
				for at := 1; ; at++ {
					old := p.put(p.root, "old", []byte("to be deleted"))
					p.trash(old.ID)
					w.clock.move(31 * 24 * time.Hour)
					if mode == "for ever" {
						fa.ArmForEver(at, errInjected)
					} else {
						fa.Arm(at, mode == "after", errInjected)
					}
					err := job()
					ran := fa.Count()
					fa.Arm(0, false, nil)
					if err != nil && coffer.KindOf(err) != coffer.Internal && coffer.KindOf(err) != coffer.Busy {
						t.Errorf("%s, call %d, %s: %v", name, at, mode, err)
					}
					w.ok(job())
					if !p.holds("/dir/f", []byte("old")) || !p.holds("/dir/sub/x", []byte("x")) {
						t.Fatalf("%s, call %d, %s: what lives has changed", name, at, mode)
					}
					w.ok(w.svc.PurgeTrash(ctx))
					if len(p.inTrash()) != 0 {
						t.Errorf("%s, call %d, %s: the trash is not purged", name, at, mode)
					}
					if ran < at {
						break
					}
				}
			}
		}
		w.afterwards()
	})
}

// TestFaultsLeakNothing: a failed verb leaves no goroutine behind. Not parallel:
// it counts those of the whole process.
func TestFaultsLeakNothing(t *testing.T) {
	fa := new(dbtest.Faults)
	dbtest.EachWith(t, func(t *testing.T, open func(db.Options) *db.DB) {
		w := newWorld(t, open(db.Options{Wrap: fa.Wrap}), newClock(), blob.NewMemory())
		p := w.person("Ann")
		in := p.fixture()
		before := runtime.NumGoroutine()
		for at := 1; at < 60; at++ {
			fa.ArmForEver(at, errInjected)
			_, _, _ = p.Upload(ctx, in.dir, "new", coffer.Replace, files.Body{Reader: bytes.NewReader(in.data), Size: -1})
			if c, err := p.Open(ctx, in.file, coffer.ID{}); err == nil {
				_, _ = c.WriteRange(ctx, io.Discard, 0, 3)
				c.Close()
			}
			fa.Arm(0, false, nil)
		}
		for end := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before+2; runtime.Gosched() {
			if time.Now().After(end) {
				t.Fatalf("%d goroutines before, %d after", before, runtime.NumGoroutine())
			}
		}
	})
}

// step is how many calls a fault table moves on: all of them in a soak.
func step() int {
	if soak() {
		return 1
	}
	return 5
}

// A fixture is a small tree: dir/f, dir/sub/x.
type fixture struct {
	dir, file coffer.ID
	data      []byte
}

func (p *person) fixture() fixture {
	in := fixture{data: random(500)}
	in.dir = p.mkdir(p.root, "dir")
	in.file = p.put(in.dir, "f", []byte("old")).ID
	p.put(p.mkdir(in.dir, "sub"), "x", []byte("x"))
	return in
}

func (p *person) holds(path string, want []byte) bool {
	d, err := p.Resolve(ctx, coffer.ID{}, path)
	if code(err) == "not_found" {
		return false
	}
	p.w.ok(err)
	return bytes.Equal(p.read(d.ID), want)
}

func (p *person) inTrash() []files.TrashItem {
	page, err := p.ListTrash(ctx, coffer.ID{}, 0, "")
	p.w.ok(err)
	return page.Items
}

// TestStoreWithoutMark: nothing is collected from a store that is not ours.
func TestStoreWithoutMark(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t), newClock(), blob.NewMemory())
	other, err := disk.Open(filepath.Join(t.TempDir(), "other"))
	w.ok(err)
	w.ok(other.Marker(ctx, coffer.NewID(), true))
	f := newWorldOn(w, other)
	if err := f.svc.CollectBlobs(ctx); code(err) != "store_foreign" {
		t.Errorf("collected from a foreign store: %v", err)
	}
}

// TestGrace: dead and unknown blobs stay as long as a backup may need them.
func TestGrace(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann := w.person("Ann")
		f := ann.put(ann.root, "f", []byte("x"))
		ann.trash(f.ID)
		w.clock.move(30*24*time.Hour - time.Second)
		w.ok(w.svc.PurgeTrash(ctx))
		if len(ann.inTrash()) != 1 {
			t.Error("purged before 30 days")
		}
		w.clock.move(2 * time.Second)
		w.ok(w.svc.PurgeTrash(ctx))
		if len(ann.inTrash()) != 0 {
			t.Error("not purged after 30 days")
		}
		blobs := func() (n int) {
			w.ok(w.store.List(ctx, "", func(blob.Entry) error { n++; return nil }))
			return n
		}
		w.ok(w.svc.CollectBlobs(ctx))
		w.clock.move(8*24*time.Hour + 59*time.Minute)
		w.ok(w.svc.CollectBlobs(ctx))
		if blobs() != 1 {
			t.Error("collected within the grace period")
		}
		w.clock.move(2 * time.Minute)
		w.ok(w.svc.CollectBlobs(ctx))
		if blobs() != 0 {
			t.Error("not collected after the grace period")
		}

		// Bytes without a row, by the store's own clock.
		w.clock.ms.Store(time.Now().UnixMilli())
		pending, err := w.store.Stage(ctx, coffer.RandomID(), 1000)
		w.ok(err)
		_, err = pending.WriteAt([]byte("sealed"), 0)
		w.ok(err)
		w.ok(pending.Publish(ctx, 6))
		w.clock.move(8*24*time.Hour + 59*time.Minute)
		w.ok(w.svc.CollectBlobs(ctx))
		if blobs() != 1 {
			t.Error("an orphan was collected within the grace period")
		}
		w.clean(1)
		w.clock.move(2 * time.Minute)
		w.ok(w.svc.CollectBlobs(ctx))
		if blobs() != 0 {
			t.Error("an orphan was not collected after the grace period")
		}
		w.clean(0)
	})
}
