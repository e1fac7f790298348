package files_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"coffer"
	"coffer/internal/blob"
	"coffer/internal/blob/blobtest"
	"coffer/internal/blob/disk"
	"coffer/internal/db/dbtest"
	"coffer/internal/files"
)

// unzip reads an archive with the standard reader: name -> content, or the
// error of reading it.
func unzip(t testing.TB, b []byte) map[string]string {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, f := range r.File {
		if _, twice := out[f.Name]; twice {
			t.Errorf("entry %q twice", f.Name)
		}
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(in)
		out[f.Name] = string(data)
		if err != nil {
			out[f.Name] += "!" + err.Error()
		}
		if f.Modified.Year() != 2026 {
			t.Errorf("%s modified %v", f.Name, f.Modified)
		}
	}
	return out
}

func TestZip(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann := w.person("Ann")
		docs := ann.mkdir(ann.root, "Dökümente")
		sub := ann.mkdir(docs, "sub")
		ann.mkdir(docs, "empty")
		large := random(3 << 20)
		ann.put(docs, "a?b.txt", []byte("question"))
		ann.put(docs, "a*b.txt", []byte("star"))
		ann.put(docs, "a_b.txt", []byte("plain"))
		ann.put(sub, "large", large)
		ann.put(sub, "nothing", nil)
		gone := ann.put(sub, "gone", []byte("gone"))
		ann.trash(gone.ID)
		one := ann.put(ann.root, "One.TXT", []byte("1"))
		other := ann.mkdir(ann.root, "other")
		two := ann.put(other, "one.txt", []byte("2"))

		z, err := ann.Zip(ctx, []coffer.ID{docs, one.ID, two.ID, one.ID})
		w.ok(err)
		var buf bytes.Buffer
		w.ok(z.WriteTo(ctx, &buf))
		if int64(buf.Len()) != z.Size || z.Name != "Files.zip" {
			t.Errorf("%s has %d bytes, promised %d", z.Name, buf.Len(), z.Size)
		}
		want := map[string]string{"Dökümente/": "", "Dökümente/empty/": "", "Dökümente/sub/": "", "Dökümente/sub/large": string(large), "Dökümente/sub/nothing": "",
			"Dökümente/a_b.txt": "", "Dökümente/a_b (2).txt": "", "Dökümente/a_b (3).txt": "", "One.TXT": "1", "one (2).txt": "2"}
		got := unzip(t, buf.Bytes())
		var three []string
		for name := range want {
			text, ok := got[name]
			if strings.Contains(name, "a_b") {
				three = append(three, text)
			} else if !ok || text != want[name] {
				t.Errorf("entry %q: %v, %d bytes", name, ok, len(text))
			}
		}
		if slices.Sort(three); fmt.Sprint(three) != "[plain question star]" || len(got) != len(want) {
			t.Errorf("entries %d: %v", len(got), three)
		}
		if z, err := ann.Zip(ctx, []coffer.ID{docs}); err != nil || z.Name != "Dökümente.zip" {
			t.Errorf("name %+v, %v", z, err)
		}
		z, err = ann.Zip(ctx, []coffer.ID{ann.root})
		w.ok(err)
		buf.Reset()
		w.ok(z.WriteTo(ctx, &buf))
		if got := unzip(t, buf.Bytes()); int64(buf.Len()) != z.Size || z.Name != "Files.zip" || got["other/one.txt"] != "2" || got["One.TXT"] != "1" {
			t.Errorf("the root: %s, %d of %d bytes", z.Name, buf.Len(), z.Size)
		}
		// What is lost meanwhile ends the archive, not silently.
		z, err = ann.Zip(ctx, []coffer.ID{docs, two.ID})
		w.ok(err)
		ann.trash(two.ID)
		if err := z.WriteTo(ctx, io.Discard); !errors.Is(err, coffer.ErrNotFound) {
			t.Errorf("a file trashed meanwhile: %v", err)
		}
		if n := strings.Count(strings.Join(w.events(), " "), "node.zipped"); n != 3+1+2 {
			t.Errorf("%d events", n)
		}
	})
}

// TestZipTools unpacks with a program that others wrote, if there is one; the
// standard reader is asked in any case.
func TestZipTools(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t), newClock(), blob.NewMemory())
	ann := w.person("Ann")
	ann.put(ann.mkdir(ann.root, "Ordner"), "ä:b.txt", []byte("text"))
	z, err := ann.Zip(ctx, []coffer.ID{ann.root})
	w.ok(err)
	var buf bytes.Buffer
	w.ok(z.WriteTo(ctx, &buf))
	file := filepath.Join(t.TempDir(), "a.zip")
	w.ok(os.WriteFile(file, buf.Bytes(), 0o600))
	for _, tool := range [][]string{{"python3", "-c", "import sys,zipfile; z=zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; assert z.read('Ordner/ä_b.txt')==b'text', z.namelist()"}, {"unzip", "-tq"}, {"bsdtar", "-tf"}} {
		path, err := exec.LookPath(tool[0])
		if err != nil {
			continue
		}
		if out, err := exec.Command(path, append(tool[1:], file)...).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", tool[0], err, out)
		}
	}
}

// damage flips one bit of a version's blob, or cuts it off.
func damage(t *testing.T, dir string, store blob.Store, id coffer.ID, at int64) {
	t.Helper()
	var name string
	err := filepath.Walk(dir, func(path string, _ os.FileInfo, err error) error {
		if strings.Contains(path, id.String()) {
			name = path
		}
		return err
	})
	if err != nil || name == "" {
		t.Fatalf("blob %v: %v", id, err)
	}
	if err := os.Chmod(name, 0o600); err != nil {
		t.Fatal(err)
	}
	if at < 0 {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
		return
	}
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := make([]byte, 1)
	if _, err := f.ReadAt(b, at); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 1
	if _, err := f.WriteAt(b, at); err != nil {
		t.Fatal(err)
	}
}

// TestDamage: a flipped bit, a lost blob. Nothing but authentic bytes come
// out, the right file is named, all others are fine.
func TestDamage(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "blobs")
	store, err := disk.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, dbtest.SQLite(t), newClock(), store)
	ann := w.person("Ann")
	data := random(100 << 10)
	good := ann.put(ann.root, "a good", data)
	flipped := ann.put(ann.root, "b flipped", data)
	lost := ann.put(ann.root, "c lost", []byte("lost content"))
	last := ann.put(ann.root, "d good", []byte("last"))
	blobOf := func(d files.Detail) coffer.ID {
		c, err := ann.Open(ctx, d.ID, coffer.ID{})
		w.ok(err)
		w.ok(c.Close())
		return c.Version.BlobID
	}
	lostBlob := blobOf(lost)
	// In the third chunk: two chunks of 16 KiB stay readable.
	damage(t, dir, store, blobOf(flipped), 56+2*16400+100)
	damage(t, dir, store, lostBlob, -1)

	c, err := ann.Open(ctx, flipped.ID, coffer.ID{})
	w.ok(err)
	var buf bytes.Buffer
	n, err := c.WriteRange(ctx, &buf, 0, c.Version.Size)
	if code(err) != "damaged" || n != 32<<10 || !bytes.Equal(buf.Bytes(), data[:n]) {
		t.Errorf("damaged file: %d bytes, %v", n, err)
	}
	buf.Reset()
	if n, err := c.WriteRange(ctx, &buf, 20<<10, 10); err != nil || n != 10 || !bytes.Equal(buf.Bytes(), data[20<<10:20<<10+10]) {
		t.Errorf("a range before the damage: %d, %v", n, err)
	}
	if n, err := c.WriteRange(ctx, io.Discard, 40<<10, 10); code(err) != "damaged" || n != 0 {
		t.Errorf("a range in the damage: %d, %v", n, err)
	}
	if _, err := c.ReadAt(make([]byte, 10), 40<<10); code(err) != "damaged" {
		t.Errorf("ReadAt in the damage: %v", err)
	}
	for _, r := range [][2]int64{{-1, 1}, {0, c.Version.Size + 1}, {c.Version.Size + 1, 0}, {1, -1}, {1, 1<<63 - 1}} {
		if _, err := c.WriteRange(ctx, io.Discard, r[0], r[1]); err == nil {
			t.Errorf("range %v outside of the file", r)
		}
	}
	w.ok(c.Close())
	if _, err := ann.Open(ctx, lost.ID, coffer.ID{}); code(err) != "damaged" {
		t.Errorf("lost blob: %v", err)
	}
	if d, err := ann.Stat(ctx, lost.ID); err != nil || d.Size != 12 {
		t.Errorf("stat of a lost one: %+v, %v", d, err)
	}
	// A copy takes the damage with it and nothing else.
	twin, _, err := ann.Copy(ctx, flipped.ID, ann.root, "e copy", "")
	w.ok(err)
	if _, err := ann.readVersion(twin.ID, coffer.ID{}); code(err) != "damaged" {
		t.Errorf("copy: %v", err)
	}

	z, err := ann.Zip(ctx, []coffer.ID{ann.root})
	w.ok(err)
	buf.Reset()
	err = z.WriteTo(ctx, &buf)
	if code(err) != "damaged" || int64(buf.Len()) >= z.Size {
		t.Errorf("zip: %v, %d of %d bytes", err, buf.Len(), z.Size)
	}
	got := unzip(t, buf.Bytes())
	if got["a good"] != string(data) || got["d good"] != "last" {
		t.Error("zip: a good file suffered")
	}
	if want := string(data[:32<<10]) + "!" + zip.ErrChecksum.Error(); got["b flipped"] != want {
		t.Errorf("zip: the damaged one has %d bytes", len(got["b flipped"]))
	}
	if got["c lost"] != "!"+zip.ErrChecksum.Error() {
		t.Errorf("zip: the lost one is %q", got["c lost"])
	}
	if list := got["DAMAGED FILES.txt"]; !strings.Contains(list, "b flipped\r\nc lost\r\ne copy\r\n") || strings.Contains(list, "good") {
		t.Errorf("zip: list %q", list)
	}
	// Where the loss leaves no room for the list, the length still is not more
	// than promised.
	z, err = ann.Zip(ctx, []coffer.ID{lost.ID})
	w.ok(err)
	buf.Reset()
	if err = z.WriteTo(ctx, &buf); code(err) != "damaged" || int64(buf.Len()) >= z.Size {
		t.Errorf("zip of a lost file: %v, %d of %d bytes", err, buf.Len(), z.Size)
	}

	r, err := w.svc.Check(ctx, files.CheckOptions{ReadData: 100})
	w.ok(err)
	var found []string
	for _, p := range r.Problems {
		found = append(found, p.Kind+" "+strings.Fields(p.Where)[4])
	}
	want := []string{"damaged_data " + flipped.ID.String(), "lost_blob " + lost.ID.String(), "damaged_data " + twin.ID.String()}
	slices.Sort(found)
	if slices.Sort(want); !slices.Equal(found, want) {
		t.Errorf("check found %v\nwant %v", found, want)
	}
	if r, err := w.svc.Check(ctx, files.CheckOptions{}); err != nil || len(r.Problems) != 1 {
		t.Errorf("check without data: %+v, %v", r.Problems, err)
	}
	for _, d := range []files.Detail{good, last} {
		ann.read(d.ID)
	}
}

// TestStoreUnreadable: a store that answers errors is not a damaged file.
func TestStoreUnreadable(t *testing.T) {
	f := blobtest.NewFaulty(blob.NewMemory())
	w := newWorld(t, dbtest.SQLite(t), newClock(), f)
	ann := w.person("Ann")
	d := ann.put(ann.root, "f", []byte("x"))
	f.Fail(blobtest.OpOpen, 0, false, nil)
	if _, err := ann.Open(ctx, d.ID, coffer.ID{}); !errors.Is(err, blobtest.ErrInjected) || coffer.KindOf(err) == coffer.Corrupt {
		t.Errorf("open: %v", err)
	}
	ann.read(d.ID)
}
