package files_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"coffer"
	"coffer/internal/blob"
	"coffer/internal/blob/disk"
	"coffer/internal/db"
	"coffer/internal/files"
)

// TestNothingReadable: no piece of any content lies in the data folder, the
// database, its log, or the temp folder, at any moment of its life.
func TestNothingReadable(t *testing.T) {
	data, temp := t.TempDir(), t.TempDir()
	t.Setenv("TMPDIR", temp)
	d, err := db.Open(ctx, db.Options{DSN: filepath.Join(data, "coffer.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := d.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	store, err := disk.Open(filepath.Join(data, "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, d, newClock(), store)
	ann := w.person("Ann")
	canary := []byte("canary-" + coffer.RandomID().String())
	scan := func(when string) {
		t.Helper()
		files, found := 0, false
		for _, dir := range []string{data, temp} {
			err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
				if err != nil || e.IsDir() {
					return err
				}
				files++
				b, err := os.ReadFile(path)
				if bytes.Contains(b, canary[:20]) {
					t.Errorf("%s: the canary is in %s", when, path)
				}
				found = found || bytes.Contains(b, []byte("visible-name"))
				return err
			})
			w.ok(err)
		}
		if !found || files < 3 {
			t.Errorf("%s: the scan saw %d files and not the name, which is in clear: it proves nothing", when, files)
		}
	}
	large := bytes.Repeat(append(canary, ' '), 3<<20/len(canary))
	dir := ann.mkdir(ann.root, "visible-name")
	for name, b := range map[string]files.Body{
		"small":   body(canary),
		"large":   body(large),
		"unknown": {Reader: bytes.NewReader(large), Size: -1},
		"text":    body(append([]byte("<html>"), canary...)),
	} {
		mid := &atEnd{r: b.Reader, do: func() { scan("during " + name) }}
		b.Reader = mid
		_, _, err := ann.Upload(ctx, dir, name, "", b)
		w.ok(err)
	}
	cut := files.Body{Reader: io.MultiReader(bytes.NewReader(large), errReader{}), Size: int64(len(large)) + 1}
	if err := third(ann.Upload(ctx, dir, "cut", "", cut)); err == nil {
		t.Error("a cut upload succeeded")
	}
	scan("uploaded")
	_, _, err = ann.Copy(ctx, dir, ann.root, "copy", "")
	w.ok(err)
	z, err := ann.Zip(ctx, []coffer.ID{ann.root})
	w.ok(err)
	var sink bytes.Buffer
	w.ok(z.WriteTo(ctx, &sink))
	if !bytes.Contains(sink.Bytes(), canary) {
		t.Error("the archive does not hold the canary")
	}
	scan("read")
	ann.trash(dir)
	w.ok(second(ann.EmptyTrash(ctx, coffer.ID{})))
	scan("deleted")
	w.clean(0)
}

type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, errors.New("connection reset") }

// TestCrashInUpload: a process that dies in the middle leaves an upload that
// holds its room; when it expires, room and bytes are free again.
func TestCrashInUpload(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		ann := w.person("Ann")
		for _, size := range []int64{2 << 20, -1} {
			func() {
				defer func() {
					if recover() == nil {
						t.Error("no crash")
					}
				}()
				_, _, _ = ann.Upload(ctx, ann.root, "f", "", files.Body{Reader: io.MultiReader(bytes.NewReader(make([]byte, 1<<20)), panics{}), Size: size})
			}()
		}
		if s := ann.space(); s.Reserved != 2<<20+64<<20 || s.Used != 0 {
			t.Errorf("space %+v", s)
		}
		w.clean(0)
		if got := ann.names(ann.root); got != "" {
			t.Errorf("visible: %s", got)
		}
		w.clock.move(7*24*time.Hour - time.Second)
		w.ok(w.svc.CollectUploads(ctx))
		if s := ann.space(); s.Reserved == 0 {
			t.Error("collected before its time")
		}
		w.clock.move(time.Second)
		w.ok(w.svc.CollectUploads(ctx))
		if s := ann.space(); s.Reserved != 0 {
			t.Errorf("space %+v", s)
		}
		n := 0
		w.ok(w.store.List(ctx, "", func(blob.Entry) error { n++; return nil }))
		if n != 0 {
			t.Errorf("%d blobs are left", n)
		}
		w.clean(0)
	})
}

type panics struct{}

func (panics) Read([]byte) (int, error) { panic("the process dies") }

// TestUploadEndedMeanwhile: an upload that was collected while it ran does not
// come back.
func TestUploadEndedMeanwhile(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		ann := w.person("Ann")
		at := &atEnd{r: bytes.NewReader(make([]byte, 2<<20)), do: func() {
			w.clock.move(8 * 24 * time.Hour)
			w.ok(w.svc.CollectUploads(ctx))
		}}
		err := third(ann.Upload(ctx, ann.root, "f", "", files.Body{Reader: at, Size: 2 << 20}))
		if err == nil || ann.names(ann.root) != "" {
			t.Errorf("upload: %v, %s", err, ann.names(ann.root))
		}
		w.afterwards()
	})
}

// TestCallerGoesAway: a cancelled request leaves nothing, or all.
func TestCallerGoesAway(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann := w.person("Ann")
		for _, size := range []int64{100, 2 << 20, -1} {
			c, cancel := context.WithCancel(ctx)
			n := size
			if n < 0 {
				n = 1000
			}
			at := &atEnd{r: bytes.NewReader(make([]byte, n)), do: cancel}
			_, _, err := ann.Upload(c, ann.root, "f", "", files.Body{Reader: at, Size: size})
			if err == nil {
				f, err := ann.Resolve(ctx, coffer.ID{}, "/f")
				if err != nil || f.Size != n {
					t.Errorf("size %d: acknowledged %+v, %v", size, f, err)
				}
				ann.trash(f.ID)
			} else if got := ann.names(ann.root); got != "" {
				t.Errorf("size %d: %v, but %s", size, err, got)
			}
			if s := ann.space(); s.Reserved != 0 {
				t.Errorf("size %d: %+v", size, s)
			}
		}
		w.ok(second(ann.EmptyTrash(ctx, coffer.ID{})))
		w.clean(0)
	})
}

// TestOpened: one event for a person and version in half an hour, HEAD none.
func TestOpened(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann := w.person("Ann")
		f := ann.put(ann.root, "f", []byte("0123456789"))
		opened := func() (n int) {
			for _, a := range w.events() {
				if a == "file.opened" {
					n++
				}
			}
			return n
		}
		c, err := ann.Open(ctx, f.ID, coffer.ID{})
		w.ok(err)
		w.ok(c.Close())
		if n := opened(); n != 0 {
			t.Errorf("HEAD: %d events", n)
		}
		for range 3 {
			c, err := ann.Open(ctx, f.ID, coffer.ID{})
			w.ok(err)
			for i := range int64(5) {
				_, err := c.WriteRange(ctx, io.Discard, i, 2)
				w.ok(err)
			}
			w.ok(c.Close())
		}
		if n := opened(); n != 1 {
			t.Errorf("ranges: %d events", n)
		}
		w.clock.move(31 * time.Minute)
		ann.read(f.ID)
		if n := opened(); n != 2 {
			t.Errorf("half an hour later: %d events", n)
		}
		_, err = ann.UploadVersion(ctx, f.ID, coffer.ID{}, body([]byte("new")))
		w.ok(err)
		ann.read(f.ID)
		if n := opened(); n != 3 {
			t.Errorf("another version: %d events", n)
		}
	})
}

// TestTargetChangesMeanwhile: the file that an upload was to be a version of
// goes, or one comes, while the body comes in.
func TestTargetChangesMeanwhile(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann := w.person("Ann")
		for _, size := range []int64{4, -1} {
			old := ann.put(ann.root, "f", []byte("old"))
			up := func(do func()) (files.Detail, bool) {
				d, created, err := ann.Upload(ctx, ann.root, "f", coffer.Replace, files.Body{Reader: &atEnd{r: bytes.NewReader([]byte("data")), do: do}, Size: size})
				w.ok(err)
				if string(ann.read(d.ID)) != "data" {
					t.Error("other bytes")
				}
				return d, created
			}
			d, created := up(func() { ann.trash(old.ID) })
			if !created || d.ID == old.ID || d.Number != 1 {
				t.Errorf("it went: %+v, %v", d, created)
			}
			ann.trash(d.ID)
			var came files.Detail
			d, created = up(func() { came = ann.put(ann.root, "F", nil) })
			if created || d.ID != came.ID || d.Number != 2 {
				t.Errorf("one came: %+v, %v", d, created)
			}
			ann.trash(d.ID)
		}
		w.clean(0)
	})
}
