package files_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sync/semaphore"

	"coffer"
	"coffer/internal/blob"
	"coffer/internal/blob/blobtest"
	"coffer/internal/blob/disk"
	"coffer/internal/db"
	"coffer/internal/db/dbtest"
	"coffer/internal/files"
	"coffer/internal/picture"
)

// photo is a PNG of 400 x 300 that looks like no other seed's.
func photo(seed byte) []byte {
	m := image.NewRGBA(image.Rect(0, 0, 400, 300))
	for y := range 300 {
		for x := range 400 {
			m.Set(x, y, color.RGBA{byte(x) * seed, byte(y), byte(x*y>>6) + seed, 255})
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// tiny is a thumbnail of the current version, or why there is none.
func (p *person) tiny(id, version coffer.ID, edge int) ([]byte, error) {
	t, err := p.Thumbnail(ctx, id, version, edge)
	if err != nil {
		return nil, err
	}
	return t.JPEG(ctx)
}

func (p *person) small(id coffer.ID, edge int) []byte {
	p.w.t.Helper()
	b, err := p.tiny(id, coffer.ID{}, edge)
	p.w.ok(err)
	m, err := jpeg.Decode(bytes.NewReader(b))
	p.w.ok(err)
	if w := m.Bounds().Dx(); w != min(edge, 400) || m.Bounds().Dy() != w*3/4 {
		p.w.t.Errorf("the picture is %v", m.Bounds())
	}
	return b
}

// withMaker gives the world's services one maker, whose runs are counted.
func (w *world) withMaker(o picture.Options) *world {
	if o.Memory == nil {
		o.Memory = semaphore.NewWeighted(1)
	}
	w.pictures = picture.NewMaker(o)
	w.svc = w.service()
	return w
}

func (w *world) blobs() (n int) {
	w.ok(w.store.List(ctx, "", func(blob.Entry) error { n++; return nil }))
	return n
}

func (w *world) opened() (n int) {
	for _, a := range w.events() {
		if a == "file.opened" {
			n++
		}
	}
	return n
}

// TestThumbnails: made once, when they are first asked for; they belong to a
// version, count for nobody, and go with it.
func TestThumbnails(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.withMaker(picture.Options{})
		ann, ben := w.person("Ann"), w.person("Ben")
		f := ann.put(ann.root, "f.png", photo(1))
		if !f.HasThumbnail() || w.pictures.Runs() != 0 || w.blobs() != 1 {
			t.Errorf("made before it was asked for: %+v", f)
		}
		used := ann.space()
		first := ann.small(f.ID, files.TileEdge)
		if again := ann.small(f.ID, files.TileEdge); !bytes.Equal(first, again) || w.pictures.Runs() != 1 {
			t.Errorf("asked twice, %d pictures were made", w.pictures.Runs())
		}
		if n := w.opened(); n != 0 {
			t.Errorf("a tile counts as opening the file: %d", n)
		}
		large := ann.small(f.ID, files.PreviewEdge)
		ann.small(f.ID, files.PreviewEdge)
		if n := w.opened(); n != 1 || w.pictures.Runs() != 2 || len(large) <= len(first) {
			t.Errorf("two looks at the preview: %d events, %d pictures", n, w.pictures.Runs())
		}
		if got := ann.space(); got.Used != used.Used || got.Reserved != 0 || w.blobs() != 3 {
			t.Errorf("space %+v, %d blobs", got, w.blobs())
		}
		w.clean(0)

		// Another content, another picture; the old one is still there.
		w.ok(second(ann.UploadVersion(ctx, f.ID, coffer.ID{}, body(photo(2)))))
		other := ann.small(f.ID, files.TileEdge)
		old, err := ann.tiny(f.ID, f.VersionID, files.TileEdge)
		if err != nil || !bytes.Equal(old, first) || bytes.Equal(other, first) || w.pictures.Runs() != 3 {
			t.Errorf("versions: %v, %d pictures", err, w.pictures.Runs())
		}
		// A copy shares the content, and nothing that was made of it.
		copied, _, err := ann.Copy(ctx, f.ID, ann.root, "copy.png", "")
		w.ok(err)
		if got := ann.small(copied.ID, files.TileEdge); !bytes.Equal(got, other) || w.pictures.Runs() != 4 {
			t.Errorf("the copy: %d pictures", w.pictures.Runs())
		}
		if w.blobs() != 6 { // two contents, two sizes of the first, one of the second, one of the copy
			t.Errorf("%d blobs", w.blobs())
		}
		w.clean(0)

		// A new key of the space: the records follow, the pictures stay.
		key, err := w.keys.RotateSpace(ctx, ann.space().ID)
		w.ok(err)
		w.ok(w.keys.ResealSpace(ctx, ann.space().ID))
		w.ok(w.db.View(ctx, func(tx *db.Tx) error {
			row, err := tx.Thumbnail(f.VersionID, files.PreviewEdge)
			if row.SKVer != key {
				t.Errorf("sealed under key %d of the space, not %d", row.SKVer, key)
			}
			return err
		}))
		if again, err := ann.tiny(f.ID, f.VersionID, files.PreviewEdge); err != nil || !bytes.Equal(again, large) || w.pictures.Runs() != 4 {
			t.Errorf("after the rotation: %v, %d pictures", err, w.pictures.Runs())
		}
		w.clean(0)

		for what, r := range map[string]struct {
			err  error
			want string
		}{
			"Ben":                   {second(ben.tiny(f.ID, coffer.ID{}, files.TileEdge)), "not_found"},
			"another file's":        {second(ann.tiny(copied.ID, f.VersionID, files.TileEdge)), "not_found"},
			"a folder":              {second(ann.tiny(ann.root, coffer.ID{}, files.TileEdge)), "no_thumbnail"},
			"text":                  {second(ann.tiny(ann.put(ann.root, "t", []byte("text")).ID, coffer.ID{}, files.TileEdge)), "no_thumbnail"},
			"nothing":               {second(ann.tiny(ann.put(ann.root, "n", nil).ID, coffer.ID{}, files.TileEdge)), "no_thumbnail"},
			"a size of its own":     {second(ann.tiny(f.ID, coffer.ID{}, 300)), "invalid"},
			"a size, to who is not": {second(ben.tiny(f.ID, coffer.ID{}, 300)), "not_found"},
		} {
			if code(r.err) != r.want {
				t.Errorf("%s: %v, want %s", what, r.err, r.want)
			}
		}

		// One version goes, then the file; then what nobody names any more.
		w.ok(second(ann.DeleteVersion(ctx, f.ID, f.VersionID)))
		w.clean(0)
		ann.trash(f.ID)
		if err := second(ann.tiny(f.ID, coffer.ID{}, files.TileEdge)); code(err) != "not_found" {
			t.Errorf("in the trash: %v", err)
		}
		w.ok(second(ann.EmptyTrash(ctx, coffer.ID{})))
		w.jobs()
		w.clean(0)
		w.clock.move(60 * 24 * time.Hour)
		w.ok(w.svc.CollectBlobs(ctx))
		if n := w.blobs(); n != 4 { // the copy and its picture, text, and nothing
			t.Errorf("%d blobs are left", n)
		}
		ann.leave()
		w.ok(w.svc.PurgeSpace(ctx, coffer.ID{}))
		w.clock.move(60 * 24 * time.Hour)
		w.ok(w.svc.CollectBlobs(ctx))
		if w.blobs() != 0 {
			t.Errorf("the space is given up, %d blobs are left", w.blobs())
		}
		w.clean(0)
	})
}

// TestThumbnailRefused: what cannot be made small is tried once, what took too
// long again a day later. What failed for another reason is not remembered.
func TestThumbnailRefused(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.withMaker(picture.Options{})
		ann := w.person("Ann")
		cut := photo(1)
		cut = cut[:len(cut)/2]
		bad := ann.put(ann.root, "bad.png", cut)
		for i := range 3 {
			if err := second(ann.tiny(bad.ID, coffer.ID{}, files.TileEdge)); code(err) != "no_thumbnail" || w.pictures.Runs() != 1 {
				t.Errorf("try %d: %v, looked into %d times", i, err, w.pictures.Runs())
			}
		}
		if err := second(ann.tiny(bad.ID, coffer.ID{}, files.PreviewEdge)); code(err) != "no_thumbnail" || w.pictures.Runs() != 1 {
			t.Errorf("another size: %v", err)
		}
		w.clock.move(25 * time.Hour)
		if err := second(ann.tiny(bad.ID, coffer.ID{}, files.TileEdge)); code(err) != "no_thumbnail" || w.pictures.Runs() != 1 {
			t.Errorf("a day later: %v", err)
		}
		w.ok(second(ann.UploadVersion(ctx, bad.ID, coffer.ID{}, body(photo(1)))))
		ann.small(bad.ID, files.TileEdge) // another content

		f := ann.put(ann.root, "f.png", photo(2))
		short := *w
		short.withMaker(picture.Options{Time: time.Nanosecond})
		slow := &person{View: short.svc.As(ann.who), w: &short}
		for range 2 {
			if err := second(slow.tiny(f.ID, coffer.ID{}, files.TileEdge)); code(err) != "no_thumbnail" || short.pictures.Runs() != 1 {
				t.Errorf("too slow: %v, tried %d times", err, short.pictures.Runs())
			}
		}
		if err := second(ann.tiny(f.ID, coffer.ID{}, files.TileEdge)); code(err) != "no_thumbnail" {
			t.Errorf("on another server: %v", err)
		}
		w.clock.move(25 * time.Hour)
		ann.small(f.ID, files.TileEdge)

		// The request ends, or the bytes are damaged: the picture is not to blame.
		g := ann.put(ann.root, "g.png", photo(3))
		gone, cancel := context.WithCancel(ctx)
		cancel()
		th, err := ann.Thumbnail(ctx, g.ID, coffer.ID{}, files.TileEdge)
		w.ok(err)
		if _, err := th.JPEG(gone); !errors.Is(err, context.Canceled) {
			t.Errorf("a request that ended: %v", err)
		}
		ann.small(g.ID, files.TileEdge)
		h := ann.put(ann.root, "h.png", photo(4))
		lost := w.blobOf(h)
		w.ok(w.store.Delete(ctx, lost))
		if err := second(ann.tiny(h.ID, coffer.ID{}, files.TileEdge)); code(err) != "damaged" {
			t.Errorf("a lost content: %v", err)
		}
		w.ok(w.db.View(ctx, func(tx *db.Tx) error {
			reason, _, err := tx.ThumbnailRefused(h.VersionID)
			if reason != "" {
				t.Errorf("a lost content is remembered as %q", reason)
			}
			return err
		}))
	})
}

func (w *world) thumbnailOf(f files.Detail) (row db.Thumbnail) {
	w.ok(w.db.View(ctx, func(tx *db.Tx) (err error) { row, err = tx.Thumbnail(f.VersionID, files.TileEdge); return err }))
	return row
}

// setThumbnailKey puts other bytes in the place of a picture's key record.
func (w *world) setThumbnailKey(f files.Detail, sealed []byte) {
	row := w.thumbnailOf(f)
	for _, c := range db.SealedColumns() {
		if c.Table == "thumbnail" {
			w.ok(w.db.Update(ctx, func(tx *db.Tx) error {
				done, err := tx.Reseal(c, db.SealedRecord{IDs: []coffer.ID{row.BlobID, row.VersionID}, Version: row.SKVer, Sealed: row.DEK}, row.SKVer, sealed)
				if !done {
					w.t.Error("the key is not spoiled")
				}
				return err
			}))
		}
	}
}

// TestThumbnailOnce: many requests at two servers make one picture; each server
// at most one, as its requests wait for each other.
func TestThumbnailOnce(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		ann := w.person("Ann")
		one, two := *w, *w
		one.withMaker(picture.Options{})
		two.withMaker(picture.Options{})
		views := [2]*files.View{one.svc.As(ann.who), two.svc.As(ann.who)}
		for round := range 4 {
			f := ann.put(ann.root, fmt.Sprint(round, ".png"), photo(byte(round+1)))
			before := w.blobs()
			got := make([][]byte, 12)
			errs := atOnce(len(got), func(i int) error {
				th, err := views[i%2].Thumbnail(ctx, f.ID, coffer.ID{}, files.TileEdge)
				if err == nil {
					got[i], err = th.JPEG(ctx)
				}
				return err
			})
			if count(errs, "") != len(errs) {
				t.Fatalf("errors: %v", errs)
			}
			for _, b := range got {
				if !bytes.Equal(b, got[0]) {
					t.Error("they differ")
				}
			}
			if w.blobs() != before+1 {
				t.Errorf("%d blobs for one picture", w.blobs()-before)
			}
		}
		if one.pictures.Runs() > 4 || two.pictures.Runs() > 4 || one.pictures.Runs()+two.pictures.Runs() < 4 {
			t.Errorf("4 pictures were made %d and %d times", one.pictures.Runs(), two.pictures.Runs())
		}
		w.clean(0)
	})
}

// TestThumbnailOfWhatGoes: the file is deleted for ever while its picture is
// made: nothing is left of either.
func TestThumbnailOfWhatGoes(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		memory := semaphore.NewWeighted(1)
		w.withMaker(picture.Options{Memory: memory})
		ann := w.person("Ann")
		for _, bytes := range [][]byte{photo(1), []byte("\x89PNG\r\n\x1a\n and then nothing")} {
			f := ann.put(ann.root, "f.png", bytes)
			w.ok(memory.Acquire(ctx, 1))
			result := make(chan error)
			th, err := ann.Thumbnail(ctx, f.ID, coffer.ID{}, files.TileEdge)
			w.ok(err)
			go func() { result <- second(th.JPEG(ctx)) }()
			ann.trash(f.ID)
			w.ok(second(ann.EmptyTrash(ctx, coffer.ID{})))
			memory.Release(1)
			if err := <-result; code(err) != "not_found" {
				t.Errorf("the file is gone: %v", err)
			}
		}
		w.clean(0)
		w.afterwards()
		if w.blobs() != 0 {
			t.Errorf("%d blobs are left", w.blobs())
		}
	})
}

// TestThumbnailDamaged: a picture that is lost or broken is told by the check,
// removed by the scrub and by the repair, and made again when it is asked for.
func TestThumbnailDamaged(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		bad := map[coffer.ID]string{}
		w.store = badDisk{w.store, bad}
		w.withMaker(picture.Options{})
		ann := w.person("Ann")
		spoil := map[string]func(f files.Detail){
			"lost":    func(f files.Detail) { bad[w.thumbnailOf(f).BlobID] = missing },
			"a bit":   func(f files.Detail) { bad[w.thumbnailOf(f).BlobID] = flipped },
			"its key": func(f files.Detail) { w.setThumbnailKey(f, random(149)) },
			"another one's key": func(f files.Detail) {
				other := ann.put(ann.root, coffer.NewID().String(), photo(99))
				ann.small(other.ID, files.TileEdge)
				w.setThumbnailKey(f, w.thumbnailOf(other).DEK)
			},
		}
		seed := byte(0)
		for what, do := range spoil {
			for _, heal := range []string{"ask", "scrub", "repair"} {
				seed++
				f := ann.put(ann.root, fmt.Sprint(what, heal), photo(seed))
				want := ann.small(f.ID, files.TileEdge)
				w.clean(0)
				do(f)
				r, err := w.svc.Check(ctx, files.CheckOptions{ReadData: 100})
				w.ok(err)
				if len(r.Problems) != 1 || r.Problems[0].Kind != "thumbnail" || r.Problems[0].File == "" {
					t.Errorf("%s: check found %+v", what, r.Problems)
				}
				switch heal {
				case "scrub":
					w.ok(w.svc.Scrub(ctx, 0))
					if h, err := w.svc.Health(ctx); err != nil || h.Damaged != 0 {
						t.Errorf("%s counts as a damaged file: %+v, %v", what, h, err)
					}
					w.clean(0)
				case "repair":
					r, err := w.svc.Check(ctx, files.CheckOptions{ReadData: 100, Repair: true})
					w.ok(err)
					if !r.Clean() || len(r.Repaired) != 1 {
						t.Errorf("%s: repair: %+v", what, r)
					}
					w.clean(0)
				}
				runs := w.pictures.Runs()
				if got := ann.small(f.ID, files.TileEdge); !bytes.Equal(got, want) || w.pictures.Runs() != runs+1 {
					t.Errorf("%s, %s: it is not made again as it was", what, heal)
				}
				w.clean(0)
			}
		}
	})
}

// TestThumbnailFaults: each step of the store and each call to the database
// fails while a picture is made. It is told, the next request makes it, and
// nothing but orphans is left.
func TestThumbnailFaults(t *testing.T) {
	t.Parallel()
	dbtest.EachWith(t, func(t *testing.T, open func(db.Options) *db.DB) {
		fa, c := new(dbtest.Faults), newClock()
		faulty := blobtest.NewFaulty(blob.NewMemory())
		w := newWorld(t, open(db.Options{Now: c.now, Wrap: fa.Wrap}), c, faulty)
		w.withMaker(picture.Options{})
		ann := w.person("Ann")
		n := byte(0)
		try := func(row string, arm, heal func() bool) (more bool) {
			n++
			f := ann.put(ann.root, fmt.Sprint(row, ".png"), photo(n))
			arm()
			_, err := ann.tiny(f.ID, coffer.ID{}, files.PreviewEdge)
			more = heal()
			if err != nil && coffer.KindOf(err) != coffer.Internal && coffer.KindOf(err) != coffer.Busy {
				t.Errorf("%s: told as %v", row, err)
			}
			w.ok(w.db.View(ctx, func(tx *db.Tx) error {
				reason, _, err := tx.ThumbnailRefused(f.VersionID)
				if reason != "" {
					t.Errorf("%s: the picture is blamed: %s", row, reason)
				}
				return err
			}))
			ann.small(f.ID, files.PreviewEdge)
			if !slices.Equal(ann.read(f.ID), photo(n)) {
				t.Errorf("%s: the file suffered", row)
			}
			return more
		}
		for _, op := range []blobtest.Op{blobtest.OpStage, blobtest.OpWrite, blobtest.OpSync, blobtest.OpPublish, blobtest.OpAbort, blobtest.OpDelete} {
			for _, persisted := range []bool{false, true} {
				try(fmt.Sprint(op, persisted), func() bool { faulty.Fail(op, 0, persisted, nil); return true }, func() bool { faulty.Heal(); return false })
			}
		}
		for _, after := range []bool{false, true} {
			for at := 1; ; at++ {
				ran := 0
				try(fmt.Sprint("call ", at, after), func() bool { fa.Arm(at, after, errInjected); return true }, func() bool { ran = fa.Count(); fa.Arm(0, false, nil); return false })
				if ran < at {
					if at < 5 {
						t.Errorf("making one has %d calls to the database", ran)
					}
					break
				}
			}
		}
		w.afterwards()
	})
}

// TestThumbnailSealed: no piece of a small picture lies anywhere in clear.
func TestThumbnailSealed(t *testing.T) {
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
	f := ann.put(ann.root, "visible-name", photo(1))
	var pieces [][]byte
	for _, edge := range []int{files.TileEdge, files.PreviewEdge} {
		b := ann.small(f.ID, edge)
		pieces = append(pieces, b[:20], b[len(b)/2:][:20], b[len(b)-20:])
	}
	seen, named := 0, false
	for _, dir := range []string{data, temp} {
		w.ok(filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			seen++
			b, err := os.ReadFile(path)
			named = named || bytes.Contains(b, []byte("visible-name"))
			for i, piece := range pieces {
				if bytes.Contains(b, piece) {
					t.Errorf("piece %d lies in %s", i, path)
				}
			}
			return err
		}))
	}
	if seen < 5 || !named {
		t.Errorf("%d files were looked at, the name is seen: %v", seen, named)
	}
}
