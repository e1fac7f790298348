package disk

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"coffer"
	"coffer/internal/blob"
	"coffer/internal/blob/blobtest"
)

func TestSuite(t *testing.T) {
	blobtest.Run(t, func(t *testing.T) blob.Store { return open(t, filepath.Join(t.TempDir(), "blobs")) })
}

func open(t testing.TB, dir string) *Store {
	t.Helper()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func marked(t testing.TB) *Store {
	s := open(t, filepath.Join(t.TempDir(), "blobs"))
	blobtest.Marked(t, s)
	return s
}

// TestDisk shares one folder among the tests of what a disk does, and empties
// it after each.
func TestDisk(t *testing.T) {
	s := marked(t)
	for _, c := range []struct {
		name string
		f    func(*testing.T, *Store)
	}{
		{"layout", testLayout}, {"disk full", testDiskFull}, {"failed flush", testFailedFlush}, {"failed folder flush", testFailedFolderFlush},
		{"never overwrites", testNeverOverwrites}, {"flushes are shared", testFlushesAreShared}, {"mark", testMark},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.f(t, open(t, s.dir))
			for id := range blobtest.Entries(t, s, "") {
				if err := s.Delete(t.Context(), id); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func testLayout(t *testing.T, s *Store) {
	folders, err := os.ReadDir(filepath.Join(s.dir, "b"))
	if err != nil || len(folders) != 1024 {
		t.Fatalf("%d folders, %v", len(folders), err)
	}
	id := blobtest.Put(t, s, []byte("sealed"))
	staged := coffer.RandomID()
	p, err := s.Stage(t.Context(), staged, 100)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	name, part := id.String(), staged.String()
	for _, path := range []string{filepath.Join("b", name[:2], name), filepath.Join("b", part[:2], part+".part"), "coffer-store.json"} {
		info, err := os.Stat(filepath.Join(s.dir, path))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Fatalf("%s: %v, %v", path, info, err)
		}
	}
	for _, dir := range []string{".", "b", "b/zz"} {
		if info, err := os.Stat(filepath.Join(s.dir, dir)); err != nil || info.Mode() != fs.ModeDir|0o700 {
			t.Fatalf("%s: %v, %v", dir, info.Mode(), err)
		}
	}
	// Strange files are passed over.
	for _, stray := range []string{"b/00/README", "b/00/" + name + ".tmp", "b/00/" + strings.ToUpper(name)} {
		if err := os.WriteFile(filepath.Join(s.dir, stray), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(blobtest.Entries(t, s, "")); n != 2 {
		t.Fatalf("%d blobs listed, want 2", n)
	}
}

func testMark(t *testing.T, s *Store) {
	ctx := t.Context()
	code := func(err error) string {
		if e, ok := errors.AsType[*coffer.Error](err); ok {
			return e.Code
		}
		return "no code"
	}
	blobtest.Put(t, s, []byte("x"))
	mark := filepath.Join(s.dir, markFile)
	good, err := os.ReadFile(mark)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"", "{}", "not json", `{"format":2,"install":"` + coffer.NewID().String() + `"}`, `{"format":1,"install":"x"}`} {
		os.WriteFile(mark, []byte(bad), 0o600)
		if got := code(s.Marker(ctx, coffer.ID{1}, true)); got != "store_foreign" {
			t.Errorf("mark %q: %s", bad, got)
		}
	}
	os.Remove(mark)
	if got := code(s.Marker(ctx, coffer.ID{1}, true)); got != "store_not_empty" {
		t.Errorf("blobs without mark: %s", got)
	}
	os.WriteFile(mark, good, 0o600)
	if err := s.Marker(ctx, coffer.ID{1}, false); err != nil {
		t.Error(err)
	}
	// A volume that is gone: nothing is listed as empty, nothing staged.
	os.Rename(s.dir, s.dir+".away")
	os.Mkdir(s.dir, 0o700)
	if got := code(s.Marker(ctx, coffer.ID{1}, false)); got != "store_unmarked" {
		t.Errorf("volume gone: %s", got)
	}
	if err := s.List(ctx, "", func(blob.Entry) error { return nil }); code(err) != "store_unmarked" {
		t.Errorf("list of a volume that is gone: %v", err)
	}
	if _, err := s.Stage(ctx, coffer.RandomID(), 100); code(err) != "store_unmarked" {
		t.Errorf("stage on a volume that is gone: %v", err)
	}
	os.Remove(s.dir)
	os.Rename(s.dir+".away", s.dir)
	// A first start that was cut goes on.
	cut := open(t, filepath.Join(t.TempDir(), "blobs"))
	os.MkdirAll(filepath.Join(cut.dir, "b", "00"), 0o700)
	blobtest.Put(t, blobtest.Marked(t, cut), []byte("x"))
}

// testDiskFull writes to a device that is always full.
func testDiskFull(t *testing.T, s *Store) {
	id := coffer.RandomID()
	if err := os.Symlink("/dev/full", s.staged(id)); err != nil {
		t.Fatal(err)
	}
	p, err := s.Stage(t.Context(), id, 100)
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.WriteAt([]byte("x"), 0)
	e, ok := errors.AsType[*coffer.Error](err)
	if !ok || e.Kind != coffer.OverQuota || e.Code != "disk_full" {
		t.Fatalf("a full disk is %v", err)
	}
	for what, again := range map[string]error{"Sync": p.Sync(t.Context()), "Publish": p.Publish(t.Context(), 1)} {
		if coffer.KindOf(again) != coffer.OverQuota {
			t.Errorf("%s after a failed write: %v", what, again)
		}
	}
	if err := p.Abort(t.Context()); err != nil || len(blobtest.Entries(t, s, "")) != 0 {
		t.Fatalf("after Abort: %v", err)
	}
}

// testFailedFlush flushes a device that cannot be flushed: the staged file must
// go, so that no later flush calls it durable.
func testFailedFlush(t *testing.T, s *Store) {
	id := coffer.RandomID()
	if err := os.Symlink("/dev/null", s.staged(id)); err != nil {
		t.Fatal(err)
	}
	p, err := s.Stage(t.Context(), id, 100)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.WriteAt([]byte("x"), 0); err != nil {
		t.Fatal(err)
	}
	if err := p.Sync(t.Context()); err == nil {
		t.Fatal("flushed")
	}
	if err := p.Sync(t.Context()); err == nil {
		t.Fatal("a failed flush was retried into success")
	}
	if err := p.Publish(t.Context(), 1); err == nil {
		t.Fatal("published after a failed flush")
	}
	if _, err := os.Lstat(s.staged(id)); !errors.Is(err, fs.ErrNotExist) {
		t.Fatal("the staged file stayed behind")
	}
}

// testFailedFolderFlush: an object whose name is not durable must not count.
func testFailedFolderFlush(t *testing.T, s *Store) {
	id := coffer.RandomID()
	broken := errors.New("broken")
	p, err := s.Stage(t.Context(), id, 100)
	if err != nil {
		t.Fatal(err)
	}
	p.WriteAt([]byte("x"), 0)
	s.fsync = func(*os.File) error { return broken }
	if err := p.Publish(t.Context(), 1); !errors.Is(err, broken) {
		t.Fatalf("published: %v", err)
	}
	s.fsync = (*os.File).Sync
	if n := len(blobtest.Entries(t, s, "")); n != 0 {
		t.Fatalf("%d blobs are left", n)
	}
}

// testNeverOverwrites lets two servers publish one id: one wins, the other's
// bytes never show.
func testNeverOverwrites(t *testing.T, s *Store) {
	for name, rename := range map[string]func(string, string) error{"rename": renameNew, "link": linkNew} {
		dir := t.TempDir()
		a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
		os.WriteFile(a, []byte("A"), 0o600)
		os.WriteFile(b, []byte("B"), 0o600)
		if err := rename(a, b); !errors.Is(err, fs.ErrExist) {
			t.Fatalf("%s over a file: %v", name, err)
		}
		if got, _ := os.ReadFile(b); string(got) != "B" {
			t.Fatalf("%s replaced a file", name)
		}
		if err := rename(a, filepath.Join(dir, "c")); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(a); !errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("%s left the old name", name)
		}
	}
	id := coffer.RandomID()
	other := open(t, s.dir)
	p1, _ := s.Stage(t.Context(), id, 100)
	p1.WriteAt([]byte("one"), 0)
	if err := p1.Publish(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	os.WriteFile(s.staged(id), []byte("two"), 0o600)
	f, err := os.OpenFile(s.staged(id), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	p2 := &pending{s: other, id: id, f: f}
	if err := p2.Publish(t.Context(), 3); !errors.Is(err, blob.ErrExists) {
		t.Fatalf("second publish: %v", err)
	}
	p2.Abort(t.Context())
	if got := blobtest.Get(t, s, id); !bytes.Equal(got, []byte("one")) {
		t.Fatalf("overwritten by %q", got)
	}
}

// testFlushesAreShared holds the first flush of a folder until 20 others wait:
// those share one, and it starts after they came.
func testFlushesAreShared(t *testing.T, s *Store) {
	synctest.Test(t, func(t *testing.T) {
		flushes := 0
		hold := make(chan struct{})
		s.fsync = func(*os.File) error {
			if flushes++; flushes == 1 {
				<-hold
			}
			return nil
		}
		id := coffer.RandomID()
		var wg sync.WaitGroup
		flush := func() {
			if err := s.syncFolder(id); err != nil {
				t.Error(err)
			}
		}
		wg.Go(flush)
		synctest.Wait() // it hangs in the flush
		for range 20 {
			wg.Go(flush)
		}
		synctest.Wait() // all wait for the second one
		close(hold)
		wg.Wait()
		if flushes != 2 {
			t.Fatalf("%d flushes, want 2", flushes)
		}
		if flush(); flushes != 3 {
			t.Fatal("a later call relied on an earlier flush")
		}
	})
}

// BenchmarkPublish10K publishes small blobs durably, 8 at a time.
func BenchmarkPublish10K(b *testing.B) {
	s := marked(b)
	data := make([]byte, 10<<10)
	b.SetParallelism(4) // times GOMAXPROCS
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			p, err := s.Stage(b.Context(), coffer.RandomID(), 8<<20)
			if err == nil {
				_, err = p.WriteAt(data, 0)
			}
			if err == nil {
				err = p.Publish(b.Context(), int64(len(data)))
			}
			if err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "blobs/s")
}
