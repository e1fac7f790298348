package files_test

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"

	"coffer"
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
		w.ok(second(ben.EmptyTrash(ctx)))
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
		w.ok(second(ann.EmptyTrash(ctx)))
		w.jobs()
		w.clean(0)
	})
}
