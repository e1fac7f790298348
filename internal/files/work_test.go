package files_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"coffer"
	"coffer/internal/db"
	"coffer/internal/db/dbtest"
	"coffer/internal/files"
)

// grow makes folders with 99 files each in a folder, all of one content, as
// uploads would have made them.
func (p *person) grow(top coffer.ID, folders int) {
	w := p.w
	w.t.Helper()
	first := p.put(p.root, "content "+coffer.NewID().String(), []byte("12345"))
	var was db.Version
	w.ok(w.db.View(ctx, func(tx *db.Tx) (err error) { was, err = tx.Version(first.ID, first.VersionID); return err }))
	for i := range folders {
		w.ok(w.db.Update(ctx, func(tx *db.Tx) error { return p.growOne(tx, top, fmt.Sprintf("folder %d", i), was) }))
	}
	w.ok(w.db.Update(ctx, func(tx *db.Tx) error {
		_, err := tx.CountSpaceAgain(was.SpaceID)
		return errors.Join(err, tx.AddChildren(top, int64(folders)))
	}))
}

func (p *person) growOne(tx *db.Tx, top coffer.ID, name string, was db.Version) error {
	row, err := tx.CurrentSpaceKey(was.SpaceID)
	if err != nil {
		return err
	}
	key, err := p.w.keys.OpenSpaceKey(row)
	if err != nil {
		return err
	}
	defer key.Clear()
	dek, err := key.OpenDEK(was.NodeID, was.ID, was.BlobID, was.DEK)
	if err != nil {
		return err
	}
	node := coffer.Node{ID: coffer.NewID(), SpaceID: was.SpaceID, ParentID: top, Kind: coffer.Folder, Name: name, ChildCount: 99,
		CreatedBy: p.who.User.ID, ChangedBy: p.who.User.ID, CreatedAt: tx.Now, ChangedAt: tx.Now}
	if err := tx.InsertNode(node); err != nil {
		return err
	}
	node.ParentID, node.Kind, node.ChildCount, node.Size, node.MediaType = node.ID, coffer.File, 0, was.Size, was.MediaType
	for i := range 99 {
		v := was
		v.ID, v.NodeID, v.Number = coffer.NewID(), coffer.NewID(), 1
		v.DEK = key.SealDEK(v.NodeID, v.ID, v.BlobID, dek)
		node.ID, node.VersionID, node.Name = v.NodeID, v.ID, fmt.Sprintf("file %d.txt", i)
		if err := errors.Join(tx.InsertNode(node), tx.InsertVersion(v)); err != nil {
			return err
		}
	}
	return nil
}

// copies starts a copy that becomes work.
func (p *person) copies(to coffer.ID, how coffer.IfExists, ids ...coffer.ID) files.Work {
	p.w.t.Helper()
	results, work, err := p.Batch(ctx, files.BatchRequest{Op: "copy", IDs: ids, To: to, IfExists: how})
	p.w.ok(err)
	if work == nil || results != nil || work.State != "waiting" || work.Done != 0 {
		p.w.t.Fatalf("%+v, %+v", results, work)
	}
	return *work
}

func (p *person) workNow(id coffer.ID) files.Work {
	p.w.t.Helper()
	work, err := p.Work(ctx, id)
	p.w.ok(err)
	return *work
}

// cutCtx is cancelled when it was asked so often whether it is.
type cutCtx struct {
	context.Context
	left atomic.Int64
}

func cut(after int64) *cutCtx {
	c := &cutCtx{Context: ctx}
	c.left.Store(after)
	return c
}

func (c *cutCtx) Err() error {
	if c.left.Add(-1) < 0 {
		return context.Canceled
	}
	return nil
}

// until runs work, cut off again and again as by servers that die, until what
// is so far is right.
func (p *person) until(id coffer.ID, right func(files.Work) bool) files.Work {
	p.w.t.Helper()
	for turn := range 10000 {
		if now := p.workNow(id); right(now) {
			return now
		}
		if err := p.w.svc.RunWork(cut(int64(5+turn%12)), id); err != nil && !errors.Is(err, context.Canceled) {
			p.w.t.Fatal(err)
		}
	}
	p.w.t.Fatalf("the work stands still: %+v", p.workNow(id))
	return files.Work{}
}

func over(w files.Work) bool { return w.State != "waiting" && w.State != "running" }

// TestWork: a large copy goes on where it was cut off, as often as that may be;
// what it makes is seen when it is whole, and counts as reserved until then.
func TestWork(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann, ben := w.person("Ann"), w.person("Ben")
		top, other := ann.mkdir(ann.root, "top"), ann.mkdir(ann.root, "other")
		ann.grow(top, 5)
		ann.mkdir(ann.mkdir(top, "deep"), "deeper")
		file := ann.put(ann.root, "single.txt", []byte("single"))
		used := ann.space().Used
		work := ann.copies(other, "", top, file.ID, ann.root, coffer.NewID())
		if work.Total < 5*100+4 {
			t.Errorf("%+v", work)
		}
		if s := ann.space(); s.Used != used || s.Reserved < 5*99*5+6 {
			t.Errorf("at the start: %+v", s)
		}
		var last int64
		half := ann.until(work.ID, func(now files.Work) bool {
			if now.Done < last || now.Results != nil && !over(now) {
				t.Errorf("%+v after %d", now, last)
			}
			if last = now.Done; now.Done < 300 && ann.names(other) != "" {
				t.Errorf("%s is seen after %d", ann.names(other), now.Done)
			}
			return now.Done >= 300
		})
		if s := ann.space(); half.State != "running" || s.Used <= used || s.Reserved <= 0 {
			t.Errorf("half way: %+v, %+v", half, s)
		}
		w.ok(w.svc.Recount(ctx))
		w.clean(0)
		if h, err := w.svc.Health(ctx); err != nil || h.Mended != 0 {
			t.Errorf("%+v, %v", h, err)
		}
		// It is Ann's alone.
		for who, v := range map[string]*files.View{"Ben": ben.View, "nobody": w.svc.As(coffer.Principal{}), "the system": w.svc.As(coffer.SystemPrincipal("test"))} {
			if err := second(v.Work(ctx, work.ID)); !errors.Is(err, coffer.ErrNotFound) {
				t.Errorf("%s sees it: %v", who, err)
			}
			if err := second(v.CancelWork(ctx, work.ID)); !errors.Is(err, coffer.ErrNotFound) {
				t.Errorf("%s ends it: %v", who, err)
			}
		}
		if all, err := ben.AllWork(ctx); err != nil || len(all) != 0 {
			t.Errorf("Ben sees %+v, %v", all, err)
		}
		now := ann.until(work.ID, over)
		if now.State != "failed" || len(now.Results) != 4 || now.Results[0].Err != nil || now.Results[0].Detail.Name != "top" || now.Results[1].Detail.Name != "single.txt" ||
			coffer.KindOf(now.Results[2].Err) != coffer.Invalid || code(now.Results[3].Err) != "not_found" {
			t.Errorf("%+v", now)
		}
		if got := ann.names(now.Results[0].Detail.ID); got != ann.names(top) {
			t.Errorf("the copy holds %s", got)
		}
		d, err := ann.Resolve(ctx, coffer.ID{}, "/other/top/folder 4/file 98.txt")
		w.ok(err)
		if string(ann.read(d.ID)) != "12345" {
			t.Error("a copied file reads differently")
		}
		w.ok(second(ann.Resolve(ctx, coffer.ID{}, "/other/top/deep/deeper")))
		if s := ann.space(); s.Reserved != 0 {
			t.Errorf("%d bytes stay reserved", s.Reserved)
		}
		w.jobs()
		w.clean(0)
		if all, err := ann.AllWork(ctx); err != nil || len(all) != 1 {
			t.Errorf("%+v, %v", all, err)
		}
		w.clock.move(25 * time.Hour)
		w.ok(w.svc.PurgeWork(ctx))
		if err := second(ann.Work(ctx, work.ID)); !errors.Is(err, coffer.ErrNotFound) {
			t.Errorf("a day later: %v", err)
		}
	})
}

// TestWorkEnds: whatever ends a large copy half way leaves nothing behind.
func TestWorkEnds(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for what, row := range map[string]struct {
			act  func(p *person, work, top, to coffer.ID) error
			undo func(p *person, to coffer.ID) error
			want string
			code string
		}{
			"cancelled": {func(p *person, work, _, _ coffer.ID) error { return second(p.CancelWork(ctx, work)) }, nil, "cancelled", ""},
			"target in the trash": {func(p *person, _, _, to coffer.ID) error { return p.Trash(ctx, to, 0) },
				func(p *person, to coffer.ID) error { return second(p.Restore(ctx, to, coffer.ID{})) }, "failed", "not_found"},
			"source in the trash": {func(p *person, _, top, _ coffer.ID) error { return p.Trash(ctx, top, 0) }, nil, "failed", "not_found"},
			"account turned off": {func(p *person, _, _, _ coffer.ID) error {
				return w.db.Update(ctx, func(tx *db.Tx) error { return tx.SetUserDisabled(p.who.User.ID, true) })
			}, func(p *person, _ coffer.ID) error {
				return w.db.Update(ctx, func(tx *db.Tx) error { return tx.SetUserDisabled(p.who.User.ID, false) })
			}, "failed", "not_found"},
			"name taken": {func(p *person, _, _, to coffer.ID) error { return third(p.CreateFolder(ctx, to, "top", "")) }, nil, "failed", "name_taken"},
		} {
			p := w.person("P" + coffer.NewID().String())
			top, to := p.mkdir(p.root, "top"), p.mkdir(p.root, "to")
			p.grow(top, 3)
			used := p.space().Used
			work := p.copies(to, "", top)
			p.until(work.ID, func(now files.Work) bool { return now.Done > 100 })
			w.ok(row.act(p, work.ID, top, to))
			now := p.until(work.ID, over)
			if row.undo != nil {
				w.ok(row.undo(p, to))
			}
			if now.State != row.want || code(now.Err) != row.code {
				t.Errorf("%s: %+v", what, now)
			}
			if got := p.names(to); got != "" && what != "name taken" {
				t.Errorf("%s: %s is there", what, got)
			}
			w.jobs()
			if s := p.space(); s.Used != used || s.Reserved != 0 {
				t.Errorf("%s: %+v, used was %d", what, s, used)
			}
			if again, err := p.CancelWork(ctx, work.ID); err != nil || again.State != row.want {
				t.Errorf("%s: ended once more: %+v, %v", what, again, err)
			}
			w.clean(0)
		}
	})
}

// TestWorkRoom: what does not fit is refused before it begins; what was
// reserved is nobody else's.
func TestWorkRoom(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann := w.person("Ann")
		top := ann.mkdir(ann.root, "top")
		ann.grow(top, 3)
		size := ann.space().Used
		ann.setQuota(2*size - 10)
		if _, _, err := ann.Batch(ctx, files.BatchRequest{Op: "copy", IDs: []coffer.ID{top}, To: ann.root, IfExists: coffer.KeepBoth}); code(err) != "over_quota" {
			t.Errorf("too much: %v", err)
		}
		ann.setQuota(2 * size)
		work := ann.copies(ann.root, coffer.KeepBoth, top)
		if err := third(ann.Upload(ctx, ann.root, "more", "", body(make([]byte, 10)))); code(err) != "over_quota" {
			t.Errorf("an upload into what is reserved: %v", err)
		}
		if now := ann.until(work.ID, over); now.State != "done" {
			t.Errorf("%+v", now)
		}
		w.clean(0)
	})
}

// TestWorkRenamed: names that become taken in the copy, because somebody
// renames in the source meanwhile, get another.
func TestWorkRenamed(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann := w.person("Ann")
		top := ann.mkdir(ann.root, "top")
		ann.grow(top, 12)
		work := ann.copies(ann.root, coffer.KeepBoth, top)
		ann.until(work.ID, func(now files.Work) bool { return now.Done > 250 })
		var first, last files.Detail // folders are copied in the order in which they were made
		var err error
		first, err = ann.Resolve(ctx, coffer.ID{}, "/top/folder 0")
		w.ok(err)
		last, err = ann.Resolve(ctx, coffer.ID{}, "/top/folder 11")
		w.ok(err)
		other, name := "elsewhere", "folder 0"
		w.ok(second(ann.Change(ctx, first.ID, files.Patch{Name: &other})))
		w.ok(second(ann.Change(ctx, last.ID, files.Patch{Name: &name})))
		now := ann.until(work.ID, over)
		if now.State != "done" || now.Done != now.Total {
			t.Fatalf("%+v", now)
		}
		for _, path := range []string{"folder 0/file 5.txt", "folder 0 (2)/file 5.txt"} {
			w.ok(second(ann.Resolve(ctx, coffer.ID{}, "/"+now.Results[0].Detail.Name+"/"+path)))
		}
		w.clean(0)
	})
}

// TestWorkStandsStill: work that nothing goes on with is ended after a week.
func TestWorkStandsStill(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann := w.person("Ann")
		top := ann.mkdir(ann.root, "top")
		ann.grow(top, 3)
		used := ann.space().Used
		work := ann.copies(ann.root, coffer.KeepBoth, top)
		ann.until(work.ID, func(now files.Work) bool { return now.Done > 100 })
		w.clock.move(6 * 24 * time.Hour)
		w.ok(w.svc.PurgeWork(ctx))
		if now := ann.workNow(work.ID); now.State != "running" {
			t.Errorf("after six days: %+v", now)
		}
		w.clock.move(25 * time.Hour)
		w.ok(w.svc.PurgeWork(ctx))
		w.jobs()
		w.ok(w.svc.PurgeDoomed(ctx, coffer.ID{})) // its time was over: the clock finds it
		if s, now := ann.space(), ann.workNow(work.ID); now.State != "cancelled" || s.Reserved != 0 || s.Used != used {
			t.Errorf("after a week: %+v, %+v", now, s)
		}
		w.clean(0)
	})
}

// BenchmarkBigTree: what people do with a folder of 100,000 nodes, each once,
// on both databases (COFFER_SOAK=1; else 5,000). -benchtime 1x
func BenchmarkBigTree(b *testing.B) {
	folders := 50
	if soak() {
		folders = 1000
	}
	for name, open := range map[string]func(testing.TB) *db.DB{"sqlite": dbtest.SQLite, "postgres": dbtest.Postgres} {
		b.Run(name, func(b *testing.B) {
			w := newWorld(b, open(b), newClock(), newStore(b))
			ann := w.person("Ann")
			top, to := ann.mkdir(ann.root, "top"), ann.mkdir(ann.root, "to")
			ann.grow(top, folders)
			lap := func(what string, act func()) {
				start := time.Now()
				act()
				b.ReportMetric(float64(time.Since(start).Microseconds())/1000, what+"-ms")
			}
			var copied coffer.ID
			lap("copy-accepted", func() { copied = ann.copies(to, "", top).ID })
			lap("copy", w.jobs)
			copied = ann.workNow(copied).Results[0].Detail.ID
			lap("move", func() {
				w.ok(second(ann.Change(ctx, copied, files.Patch{Parent: &ann.root, IfExists: coffer.KeepBoth})))
			})
			lap("trash", func() { ann.trash(copied) })
			lap("restore", func() { w.ok(second(ann.Restore(ctx, copied, coffer.ID{}))) })
			ann.trash(copied)
			lap("delete-answered", func() { w.ok(second(ann.Delete(ctx, copied))) })
			lap("purge", w.jobs)
		})
	}
}
