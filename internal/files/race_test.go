package files_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"coffer"
	"coffer/internal/db"
	"coffer/internal/files"
)

// atOnce runs n functions at the same time and returns their errors.
func atOnce(n int, fn func(i int) error) []error {
	errs := make([]error, n)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-start
			errs[i] = fn(i)
		})
	}
	close(start)
	wg.Wait()
	return errs
}

func count(errs []error, want string) (n int) {
	for _, err := range errs {
		if code(err) == want {
			n++
		}
	}
	return n
}

// TestOneNameWins: of many uploads and folders of one name, one is made.
func TestOneNameWins(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann := w.person("Ann")
		for _, size := range []int64{5, -1} {
			name := fmt.Sprint("name", size)
			errs := atOnce(16, func(i int) error {
				if i%4 == 3 {
					return third(ann.CreateFolder(ctx, ann.root, name, ""))
				}
				return third(ann.Upload(ctx, ann.root, strings.ToUpper(name), "", files.Body{Reader: strings.NewReader("12345"), Size: size}))
			})
			if count(errs, "") != 1 || count(errs, "name_taken") != 15 {
				t.Errorf("size %d: %v", size, errs)
			}
			errs = atOnce(16, func(int) error {
				return third(ann.Upload(ctx, ann.root, name+"both", coffer.KeepBoth, files.Body{Reader: strings.NewReader("12345"), Size: size}))
			})
			if count(errs, "") != 16 {
				t.Errorf("keep both: %v", errs)
			}
		}
		ann.put(ann.root, "v", nil)
		errs := atOnce(16, func(int) error { return third(ann.Upload(ctx, ann.root, "v", coffer.Replace, body([]byte("v")))) })
		if count(errs, "") != 16 {
			t.Errorf("versions: %v", errs)
		}
		if d, err := ann.Resolve(ctx, coffer.ID{}, "/v"); err != nil || d.Number != 17 {
			t.Errorf("version %d, %v", d.Number, err)
		}
		w.clean(0)
	})
}

// TestMovesMakeNoCycle: two folders moved into each other at once.
func TestMovesMakeNoCycle(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann := w.person("Ann")
		for i := range 10 {
			a, b := ann.mkdir(ann.root, fmt.Sprint("a", i)), ann.mkdir(ann.root, fmt.Sprint("b", i))
			c := ann.mkdir(a, "c")
			errs := atOnce(2, func(i int) error {
				from, to := a, b
				if i == 1 {
					from, to = b, c
				}
				return second(ann.Change(ctx, from, files.Patch{Parent: &to}))
			})
			if count(errs, "") != 1 || count(errs, "cycle") != 1 {
				t.Errorf("both ways: %v", errs)
			}
		}
		w.clean(0)
	})
}

// TestQuotaHolds: many uploads at once never take more than there is.
func TestQuotaHolds(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann := w.person("Ann")
		ann.setQuota(1000)
		errs := atOnce(24, func(i int) error {
			return third(ann.Upload(ctx, ann.root, fmt.Sprint(i), "", body(make([]byte, 100))))
		})
		if count(errs, "") != 10 || count(errs, "over_quota") != 14 {
			t.Errorf("small: %v", errs)
		}
		if s := ann.space(); s.Used != 1000 || s.Reserved != 0 {
			t.Errorf("space %+v", s)
		}
		ben := w.person("Ben")
		ben.setQuota(5 << 20)
		errs = atOnce(8, func(i int) error {
			return third(ben.Upload(ctx, ben.root, fmt.Sprint(i), "", files.Body{Reader: bytes.NewReader(make([]byte, 2<<20)), Size: 2 << 20}))
		})
		if count(errs, "") != 2 || count(errs, "over_quota") != 6 {
			t.Errorf("reserved: %v", errs)
		}
		if s := ben.space(); s.Used != 4<<20 || s.Reserved != 0 {
			t.Errorf("space %+v", s)
		}
		// Copies count in full; what is in the trash does, too.
		f, err := ben.Children(ctx, ben.root, files.ListOptions{})
		w.ok(err)
		if _, _, err := ben.Copy(ctx, f.Items[0].ID, ben.root, "copy", ""); code(err) != "over_quota" {
			t.Errorf("copy: %v", err)
		}
		dir := ben.mkdir(ben.root, "dir")
		_, err = ben.Change(ctx, f.Items[0].ID, files.Patch{Parent: &dir})
		w.ok(err)
		if _, _, err := ben.Copy(ctx, dir, ben.root, "copy", ""); code(err) != "over_quota" {
			t.Errorf("copy of a folder: %v", err)
		}
		ben.trash(f.Items[1].ID)
		if _, _, err := ben.Copy(ctx, dir, ben.root, "copy", ""); code(err) != "over_quota" {
			t.Errorf("copy with a full trash: %v", err)
		}
		w.ok(second(ben.EmptyTrash(ctx, coffer.ID{})))
		if _, _, err := ben.Copy(ctx, dir, ben.root, "copy", ""); err != nil {
			t.Errorf("copy with room: %v", err)
		}
		// Unknown length takes room in steps, and gives back what it did not need.
		eve := w.person("Eve")
		eve.setQuota(65 << 20)
		if err := third(eve.Upload(ctx, eve.root, "u", "", files.Body{Reader: bytes.NewReader(make([]byte, 1<<20)), Size: -1})); err != nil {
			t.Errorf("unknown length: %v", err)
		}
		if err := third(eve.Upload(ctx, eve.root, "big", "", files.Body{Reader: bytes.NewReader(make([]byte, 64<<20+1)), Size: -1})); code(err) != "over_quota" {
			t.Errorf("unknown length, too much: %v", err)
		}
		if s := eve.space(); s.Used != 1<<20 || s.Reserved != 0 {
			t.Errorf("space %+v", s)
		}
		w.clean(0)
	})
}

// TestQuotaRace: of 50 uploads at once exactly as many are stored as fit, be it
// the default quota or the person's own, and it was never exceeded on the way.
func TestQuotaRace(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		const size, fit = smallest + 1, 7 // goes through a reservation
		limit := int64(fit*size + size/2)
		w.ok(w.db.Update(ctx, func(tx *db.Tx) error { return tx.SetSetting(db.SettingQuota, fmt.Sprint(limit)) }))
		ann, ben, cid := w.person("Ann"), w.person("Ben"), w.person("Cid")
		w.ok(w.db.Update(ctx, func(tx *db.Tx) error { return tx.SetSetting(db.SettingQuota, "5") })) // the default of those who came before, too
		for _, p := range []*person{ann, ben} {
			p.setQuota(limit)
		}
		w.ok(w.db.Update(ctx, func(tx *db.Tx) error {
			return errors.Join(tx.SetQuota(ben.who.User.ID, nil), tx.SetSetting(db.SettingQuota, fmt.Sprint(limit)))
		}))
		cid.setQuota(-1)
		for _, p := range []*person{ann, ben, cid} {
			done, watched := make(chan struct{}), make(chan struct{})
			go func() { // the sum is never above the quota, whenever one looks
				defer close(watched)
				for p != cid {
					if s := p.space(); s.Used+s.Reserved > limit {
						t.Errorf("%s: used %d and reserved %d of %d", p.who.User.Name, s.Used, s.Reserved, limit)
					}
					select {
					case <-done:
						return
					default:
					}
				}
			}()
			n := 50
			if p == cid {
				n = 10
			}
			errs := atOnce(n, func(i int) error {
				return third(p.Upload(ctx, p.root, fmt.Sprint(i), "", files.Body{Reader: bytes.NewReader(make([]byte, size)), Size: size}))
			})
			close(done)
			<-watched
			want := fit
			if p == cid {
				want = n
			}
			if count(errs, "") != want || count(errs, "over_quota") != n-want {
				t.Errorf("%s: %v", p.who.User.Name, errs)
			}
			if s := p.space(); s.Used != int64(want*size) || s.Reserved != 0 || p != cid && s.Quota != limit {
				t.Errorf("%s: %+v", p.who.User.Name, s)
			}
		}
		// Less than is stored: all of it stays and can be read, nothing more fits.
		ann.setQuota(3)
		page, err := ann.Children(ctx, ann.root, files.ListOptions{})
		w.ok(err)
		if len(page.Items) != fit || len(ann.read(page.Items[0].ID)) != size {
			t.Errorf("%d files stayed", len(page.Items))
		}
		err = third(ann.Upload(ctx, ann.root, "one", "", body([]byte("x"))))
		e, _ := errors.AsType[*coffer.Error](err)
		if code(err) != "over_quota" || *e.Room != (coffer.Room{Need: 1, Free: 0, Quota: 3}) || !strings.Contains(e.Msg, "this needs 1 bytes, 0 bytes of 3 bytes are left") {
			t.Errorf("one byte more: %v", err)
		}
		w.ok(third(ann.Upload(ctx, ann.root, "nothing", "", body(nil)))) // takes no room
		w.clean(0)
	})
}

// smallest is the largest body that goes without a reservation.
const smallest = 1 << 20

// TestRecount: what is counted wrong is put right, beside uploads that run, and
// told; what is right stays.
func TestRecount(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann, ben := w.person("Ann"), w.person("Ben")
		ann.put(ann.root, "a", make([]byte, 100))
		gone := ann.put(ann.root, "b", make([]byte, 50))
		ann.trash(gone.ID)
		ben.put(ben.root, "a", make([]byte, 7))
		mended := func() int64 {
			h, err := w.svc.Health(ctx)
			w.ok(err)
			return h.Mended
		}
		w.ok(w.svc.Recount(ctx))
		if n := mended(); n != 0 {
			t.Errorf("%d spaces mended, and none was wrong", n)
		}
		w.ok(w.db.Update(ctx, func(tx *db.Tx) error {
			_, err := tx.TakeQuota(ann.spaceID(tx), 1000, 77)
			return err
		}))
		if s := ann.space(); s.Used != 1150 || s.Reserved != 77 {
			t.Fatalf("%+v", s)
		}
		stop, ended := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(ended)
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				if _, _, err := ben.Upload(ctx, ben.root, fmt.Sprint("f", i), "", files.Body{Reader: strings.NewReader("12345"), Size: -1}); err != nil {
					t.Error(err)
				}
			}
		}()
		for range 20 {
			w.ok(w.svc.Recount(ctx))
		}
		close(stop)
		<-ended
		if s := ann.space(); s.Used != 150 || s.Reserved != 0 || mended() != 1 {
			t.Errorf("%+v, %d mended", s, mended())
		}
		w.ok(w.db.Update(ctx, func(tx *db.Tx) error { _, err := tx.TakeQuota(ann.spaceID(tx), 0, 5); return err }))
		w.ok(w.svc.Recount(ctx))
		if s := ann.space(); s.Used != 150 || s.Reserved != 0 || mended() != 2 {
			t.Errorf("only the reserved bytes were wrong: %+v, %d mended", s, mended())
		}
		w.clean(0)
	})
}

// TestEverythingAtOnce mixes verbs on few names; only the counters and the
// tree are looked at afterwards.
func TestEverythingAtOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann := w.person("Ann")
		var dirs []coffer.ID
		for i := range 4 {
			dirs = append(dirs, ann.mkdir(ann.root, fmt.Sprint("dir", i)))
		}
		allowed := map[string]bool{"": true, "not_found": true, "name_taken": true, "cycle": true, "stale": true, "parent_gone": true}
		errs := atOnce(8, func(i int) error {
			for n := range 25 {
				at, to := dirs[(i+n)%4], dirs[(i*n)%4]
				name := fmt.Sprint("f", n%3)
				var err error
				switch (i*7 + n) % 8 {
				case 0, 1:
					err = third(ann.Upload(ctx, at, name, coffer.KeepBoth, body([]byte("data"))))
				case 2:
					err = third(ann.Upload(ctx, at, name, coffer.Replace, body([]byte("more data"))))
				case 3:
					err = third(ann.Copy(ctx, at, to, name, coffer.Merge))
				case 4:
					err = second(ann.Change(ctx, at, files.Patch{Parent: &to}))
				case 5:
					err = ann.Trash(ctx, at, 0)
				case 6:
					if err = second(ann.Restore(ctx, at, coffer.ID{})); code(err) != "" {
						err = second(ann.Restore(ctx, at, ann.root))
					}
				case 7:
					_, err = ann.Children(ctx, at, files.ListOptions{})
				}
				if !allowed[code(err)] {
					return err
				}
			}
			return nil
		})
		for _, err := range errs {
			if err != nil {
				t.Error(err)
			}
		}
		w.clean(0)
		for _, d := range dirs {
			_ = ann.Trash(ctx, d, 0)
		}
		w.ok(second(ann.EmptyTrash(ctx, coffer.ID{})))
		w.jobs()
		w.clean(0)
	})
}
