// Package blobtest is the suite that every blob store passes, and a store that
// fails on demand for the fault tables of others. It knows the contract in
// blob.Store; it must not know any single store.
package blobtest

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"coffer"
	"coffer/internal/blob"
)

const partSize = 8_396_872 // of 8 MiB parts; any would do

// Run runs the suite. open returns a new, unmarked, empty store. Making one may
// be slow, so most tests share one and leave it empty.
func Run(t *testing.T, open func(t *testing.T) blob.Store) {
	s := Marked(t, open(t))
	for name, f := range map[string]func(*testing.T, blob.Store){
		"publish and read":     testPublish,
		"staged is hidden":     testStagedIsHidden,
		"staging again":        testStageAgain,
		"two at once":          testTwoAtOnce,
		"sizes":                testSizes,
		"write once":           testWriteOnce,
		"ends":                 testEnds,
		"delete":               testDelete,
		"list":                 testList,
		"cancelled":            testCancelled,
		"many at once":         testMany,
		"parallel writes":      testParallelWrites,
		"random against model": testModel,
	} {
		t.Run(name, func(t *testing.T) {
			f(t, s)
			for id := range Entries(t, s, "") {
				noError(t, "Delete", s.Delete(t.Context(), id))
			}
		})
	}
	t.Run("marker", func(t *testing.T) { testMarker(t, open(t)) })
}

// Marked marks a new store for some installation and returns it.
func Marked(t testing.TB, s blob.Store) blob.Store {
	t.Helper()
	if err := s.Marker(t.Context(), coffer.ID{1}, true); err != nil {
		t.Fatal(err)
	}
	return s
}

// Put publishes data under a new id.
func Put(t testing.TB, s blob.Store, data []byte) coffer.ID {
	t.Helper()
	id := coffer.RandomID()
	p := stage(t, s, id)
	write(t, p, data, 0)
	if err := p.Publish(t.Context(), int64(len(data))); err != nil {
		t.Fatal(err)
	}
	return id
}

// Get reads a whole object.
func Get(t testing.TB, s blob.Store, id coffer.ID) []byte {
	t.Helper()
	o, err := s.Open(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	b, err := io.ReadAll(io.NewSectionReader(o, 0, o.Size()+1))
	if err != nil || int64(len(b)) != o.Size() {
		t.Fatalf("read %d of %d bytes: %v", len(b), o.Size(), err)
	}
	return b
}

// Entries lists all with a prefix.
func Entries(t testing.TB, s blob.Store, prefix string) map[coffer.ID]blob.Entry {
	t.Helper()
	all := map[coffer.ID]blob.Entry{}
	if err := s.List(t.Context(), prefix, func(e blob.Entry) error {
		if _, twice := all[e.ID]; twice {
			return fmt.Errorf("%v is listed twice", e.ID)
		}
		all[e.ID] = e
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

func stage(t testing.TB, s blob.Store, id coffer.ID) blob.Pending {
	t.Helper()
	p, err := s.Stage(t.Context(), id, partSize)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func write(t testing.TB, p blob.Pending, data []byte, off int64) {
	t.Helper()
	if n, err := p.WriteAt(data, off); err != nil || n != len(data) {
		t.Fatalf("WriteAt: %d, %v", n, err)
	}
}

func mustBe(t testing.TB, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("%s: %v, want %v", what, err, want)
	}
}

func noError(t testing.TB, what string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

func testPublish(t *testing.T, s blob.Store) {
	data := bytes.Repeat([]byte("0123456789abcdef"), 5000)
	id := coffer.RandomID()
	p := stage(t, s, id)
	write(t, p, data[40000:], 40000) // parts may come in any order
	noError(t, "Sync", p.Sync(t.Context()))
	write(t, p, data[:40000], 0)
	noError(t, "Publish", p.Publish(t.Context(), int64(len(data))))
	if !bytes.Equal(Get(t, s, id), data) {
		t.Fatal("other bytes came back")
	}
	o, err := s.Open(t.Context(), id)
	noError(t, "Open", err)
	if err := iotest.TestReader(io.NewSectionReader(o, 0, o.Size()), data); err != nil {
		t.Fatal(err)
	}
	var b [10]byte
	if n, err := o.ReadAt(b[:], o.Size()-3); n != 3 || !errors.Is(err, io.EOF) {
		t.Fatalf("ReadAt over the end: %d, %v", n, err)
	}
	noError(t, "Close", o.Close())
}

func testStagedIsHidden(t *testing.T, s blob.Store) {
	id := coffer.RandomID()
	p := stage(t, s, id)
	write(t, p, []byte("abc"), 0)
	noError(t, "Sync", p.Sync(t.Context()))
	_, err := s.Open(t.Context(), id)
	mustBe(t, "open of a staged blob", err, blob.ErrNotExist)
	if e, ok := Entries(t, s, "")[id]; !ok || !e.Staged || e.Size != 3 || e.Changed.IsZero() {
		t.Fatalf("a staged blob is listed as %+v, %v", e, ok)
	}
	noError(t, "Publish", p.Publish(t.Context(), 3))
	if e := Entries(t, s, "")[id]; e.Staged || e.Size != 3 {
		t.Fatalf("a published blob is listed as %+v", e)
	}
}

func testStageAgain(t *testing.T, s blob.Store) {
	id := coffer.RandomID()
	p := stage(t, s, id)
	write(t, p, []byte("first attempt, longer"), 0)
	noError(t, "Close", p.Close())
	p = stage(t, s, id)
	back := make([]byte, 7)
	if n, err := p.ReadAt(back, 6); n != 7 || err != nil || string(back) != "attempt" {
		t.Fatalf("what was staged before: %q, %v", back, err)
	}
	if n, err := p.ReadAt(back, 20); n != 1 || !errors.Is(err, io.EOF) {
		t.Fatalf("at the end: %d bytes, %v", n, err)
	}
	write(t, p, []byte("again"), 0)
	noError(t, "Publish", p.Publish(t.Context(), 13))
	if _, err := p.ReadAt(back, 0); !errors.Is(err, blob.ErrEnded) {
		t.Fatalf("reading after the end: %v", err)
	}
	if got := Get(t, s, id); string(got) != "again attempt" {
		t.Fatalf("after staging again: %q", got)
	}
}

// testTwoAtOnce: parts of one blob may be written by different hands.
func testTwoAtOnce(t *testing.T, s blob.Store) {
	id := coffer.RandomID()
	a, b := stage(t, s, id), stage(t, s, id)
	write(t, b, []byte("second"), 6)
	write(t, a, []byte("first "), 0)
	noError(t, "Sync", b.Sync(t.Context()))
	noError(t, "Close", b.Close())
	if _, err := b.WriteAt([]byte("x"), 0); !errors.Is(err, blob.ErrEnded) {
		t.Fatalf("writing after Close: %v", err)
	}
	noError(t, "Publish", a.Publish(t.Context(), 12))
	if got := Get(t, s, id); string(got) != "first second" {
		t.Fatalf("two hands wrote %q", got)
	}
}

func testSizes(t *testing.T, s blob.Store) {
	p := stage(t, s, coffer.RandomID())
	write(t, p, make([]byte, 100), 0)
	for _, size := range []int64{101, 0, -1} {
		if p.Publish(t.Context(), size) == nil {
			t.Fatalf("published %d of 100 staged bytes", size)
		}
	}
	noError(t, "Abort", p.Abort(t.Context()))
	if len(Entries(t, s, "")) != 0 {
		t.Fatal("an aborted blob is listed")
	}
	if _, err := p.WriteAt([]byte("x"), -1); err == nil {
		t.Fatal("negative offset")
	}
}

func testWriteOnce(t *testing.T, s blob.Store) {
	id := Put(t, s, []byte("for ever"))
	_, err := s.Stage(t.Context(), id, partSize)
	mustBe(t, "staging of a published id", err, blob.ErrExists)
	if got := Get(t, s, id); string(got) != "for ever" {
		t.Fatalf("changed to %q", got)
	}
}

func testEnds(t *testing.T, s blob.Store) {
	ctx := t.Context()
	for name, end := range map[string]func(blob.Pending) error{
		"Publish": func(p blob.Pending) error { return p.Publish(ctx, 3) },
		"Abort":   func(p blob.Pending) error { return p.Abort(ctx) },
		"Close":   func(p blob.Pending) error { return p.Close() },
	} {
		id := coffer.RandomID()
		p := stage(t, s, id)
		write(t, p, []byte("abc"), 0)
		noError(t, name, end(p))
		_, err := p.WriteAt([]byte("x"), 0)
		mustBe(t, "write after "+name, err, blob.ErrEnded)
		mustBe(t, "sync after "+name, p.Sync(ctx), blob.ErrEnded)
		mustBe(t, "publish after "+name, p.Publish(ctx, 3), blob.ErrEnded)
		noError(t, "Abort after "+name, p.Abort(ctx))
		noError(t, "Close after "+name, p.Close())
		e, listed := Entries(t, s, "")[id]
		if listed != (name != "Abort") || listed && e.Staged != (name == "Close") {
			t.Fatalf("after %s: listed %v, %+v", name, listed, e)
		}
	}
}

func testDelete(t *testing.T, s blob.Store) {
	ctx := t.Context()
	id := Put(t, s, []byte("to go"))
	o, err := s.Open(ctx, id)
	noError(t, "Open", err)
	noError(t, "Delete", s.Delete(ctx, id))
	_, err = s.Open(ctx, id)
	mustBe(t, "open after delete", err, blob.ErrNotExist)
	var b [5]byte
	if n, err := o.ReadAt(b[:], 0); n != 5 || string(b[:]) != "to go" {
		t.Fatalf("an open object was lost: %d, %v", n, err)
	}
	o.Close()
	noError(t, "Delete again", s.Delete(ctx, id))
	p := stage(t, s, coffer.RandomID())
	write(t, p, []byte("x"), 0)
	p.Close()
	for staged := range Entries(t, s, "") {
		noError(t, "Delete of a leftover", s.Delete(ctx, staged))
	}
	if n := len(Entries(t, s, "")); n != 0 {
		t.Fatalf("%d blobs are left", n)
	}
	// A Pending whose leftover was collected cannot publish.
	id = coffer.RandomID()
	p = stage(t, s, id)
	write(t, p, []byte("x"), 0)
	noError(t, "Delete under a Pending", s.Delete(ctx, id))
	if p.Publish(ctx, 1) == nil {
		t.Fatal("a deleted staged blob was published")
	}
	noError(t, "Abort", p.Abort(ctx))
}

func testList(t *testing.T, s blob.Store) {
	want := map[coffer.ID]bool{}
	for i := range 40 {
		want[Put(t, s, make([]byte, i+1))] = true
	}
	for id := range want {
		for _, n := range []int{0, 1, 2, 5, 26} {
			prefix := id.String()[:n]
			got := Entries(t, s, prefix)
			for other := range want {
				if _, listed := got[other]; listed != strings.HasPrefix(other.String(), prefix) {
					t.Fatalf("prefix %q: %v listed: %v", prefix, other, listed)
				}
			}
		}
	}
	if n := len(Entries(t, s, "u")) + len(Entries(t, s, "0u")); n != 0 {
		t.Fatalf("an impossible prefix lists %d", n)
	}
	stop := errors.New("enough")
	seen := 0
	err := s.List(t.Context(), "", func(blob.Entry) error { seen++; return stop })
	if mustBe(t, "List", err, stop); seen != 1 {
		t.Fatalf("went on after an error: %d", seen)
	}
}

func testCancelled(t *testing.T, s blob.Store) {
	id := Put(t, s, []byte("x"))
	p := stage(t, s, coffer.RandomID())
	write(t, p, []byte("x"), 0)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.Stage(ctx, coffer.RandomID(), partSize)
	mustBe(t, "Stage", err, context.Canceled)
	_, err = s.Open(ctx, id)
	mustBe(t, "Open", err, context.Canceled)
	mustBe(t, "Delete", s.Delete(ctx, id), context.Canceled)
	mustBe(t, "List", s.List(ctx, "", func(blob.Entry) error { return nil }), context.Canceled)
	mustBe(t, "Sync", p.Sync(ctx), context.Canceled)
	mustBe(t, "Publish", p.Publish(ctx, 1), context.Canceled)
	noError(t, "Abort", p.Abort(ctx)) // tidying up goes on
	if e := Entries(t, s, ""); len(e) != 1 {
		t.Fatalf("%d blobs, want the published one", len(e))
	}
}

func testMany(t *testing.T, s blob.Store) {
	var wg sync.WaitGroup
	ids := make([]coffer.ID, 64)
	for i := range ids {
		ids[i] = coffer.RandomID()
		ids[i][0] = byte(i % 2) // few folders, so that flushes are shared
		ids[i][1] = 0
		wg.Go(func() {
			p, err := s.Stage(t.Context(), ids[i], partSize)
			if err == nil {
				_, err = p.WriteAt(bytes.Repeat([]byte{byte(i)}, 1000+i), 0)
			}
			if err == nil {
				err = p.Publish(t.Context(), int64(1000+i))
			}
			if err != nil {
				t.Errorf("blob %d: %v", i, err)
			}
			s.List(t.Context(), "0", func(blob.Entry) error { return nil })
		})
	}
	wg.Wait()
	for i, id := range ids {
		if got := Get(t, s, id); !bytes.Equal(got, bytes.Repeat([]byte{byte(i)}, 1000+i)) {
			t.Fatalf("blob %d holds other bytes", i)
		}
	}
}

func testParallelWrites(t *testing.T, s blob.Store) {
	want := make([]byte, 1<<20)
	rand.NewChaCha8([32]byte{}).Read(want)
	id := coffer.RandomID()
	p := stage(t, s, id)
	var wg sync.WaitGroup
	for off := 0; off < len(want); off += 1 << 16 {
		wg.Go(func() {
			if _, err := p.WriteAt(want[off:off+1<<16], int64(off)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	noError(t, "Publish", p.Publish(t.Context(), int64(len(want))))
	if !bytes.Equal(Get(t, s, id), want) {
		t.Fatal("parallel writes lost bytes")
	}
}

func testMarker(t *testing.T, s blob.Store) {
	ctx, ours, theirs := t.Context(), coffer.NewID(), coffer.NewID()
	code := func(err error) string {
		if e, ok := errors.AsType[*coffer.Error](err); ok {
			return e.Code
		}
		return fmt.Sprint(err)
	}
	if got := code(s.Marker(ctx, ours, false)); got != "store_unmarked" {
		t.Fatalf("a store without mark: %s", got)
	}
	_, err := s.Stage(ctx, coffer.RandomID(), partSize)
	if code(err) != "store_unmarked" {
		t.Fatalf("an unmarked store took a blob: %v", err)
	}
	noError(t, "first start", s.Marker(ctx, ours, true))
	noError(t, "second start", s.Marker(ctx, ours, false))
	noError(t, "a second first start", s.Marker(ctx, ours, true))
	for _, create := range []bool{false, true} {
		if got := code(s.Marker(ctx, theirs, create)); got != "store_foreign" {
			t.Fatalf("a foreign store, create %v: %s", create, got)
		}
	}
	Put(t, s, []byte("x"))
	noError(t, "start with data", s.Marker(ctx, ours, true))
}

// testModel runs random operations on few ids against a map.
func testModel(t *testing.T, s blob.Store) {
	ctx := t.Context()
	if os.Getenv("COFFER_SOAK") == "" {
		checks := flag.Lookup("rapid.checks")
		defer flag.Set(checks.Name, checks.Value.String())
		flag.Set(checks.Name, "15")
	}
	rapid.Check(t, func(rt *rapid.T) {
		objects, staged := map[coffer.ID][]byte{}, map[coffer.ID][]byte{}
		open := map[coffer.ID]blob.Pending{}
		var ids []coffer.ID
		check := func(ok bool, format string, args ...any) {
			if !ok {
				rt.Fatalf(format, args...)
			}
		}
		pick := func(m map[coffer.ID]blob.Pending) (coffer.ID, blob.Pending) {
			keys := make([]coffer.ID, 0, len(m))
			for _, id := range ids {
				if m[id] != nil {
					keys = append(keys, id)
				}
			}
			if len(keys) == 0 {
				return coffer.ID{}, nil
			}
			id := rapid.SampledFrom(keys).Draw(rt, "id")
			return id, m[id]
		}
		rt.Repeat(map[string]func(*rapid.T){
			"stage": func(rt *rapid.T) {
				id := coffer.RandomID()
				p, err := s.Stage(ctx, id, partSize)
				check(err == nil, "Stage: %v", err)
				ids, open[id], staged[id] = append(ids, id), p, nil
			},
			"write": func(rt *rapid.T) {
				id, p := pick(open)
				if p == nil {
					return
				}
				b, off := rapid.SliceOfN(rapid.Byte(), 0, 50).Draw(rt, "bytes"), rapid.IntRange(0, 100).Draw(rt, "off")
				_, err := p.WriteAt(b, int64(off))
				check(err == nil, "WriteAt: %v", err)
				if m := staged[id]; len(b) > 0 {
					m = append(m, make([]byte, max(0, off+len(b)-len(m)))...)
					copy(m[off:], b)
					staged[id] = m
				}
			},
			"publish": func(rt *rapid.T) {
				id, p := pick(open)
				if p == nil {
					return
				}
				n := rapid.IntRange(1, 160).Draw(rt, "size")
				err := p.Publish(ctx, int64(n))
				check((err == nil) == (n <= len(staged[id])), "Publish(%d) of %d: %v", n, len(staged[id]), err)
				if err == nil {
					objects[id] = staged[id][:n]
					delete(staged, id)
					delete(open, id)
				}
			},
			"close and stage": func(rt *rapid.T) {
				id, p := pick(open)
				if p == nil {
					return
				}
				check(p.Close() == nil, "Close")
				p, err := s.Stage(ctx, id, partSize)
				check(err == nil, "Stage again: %v", err)
				open[id] = p
			},
			"abort": func(rt *rapid.T) {
				id, p := pick(open)
				if p == nil {
					return
				}
				check(p.Abort(ctx) == nil, "Abort")
				delete(staged, id)
				delete(open, id)
			},
			"delete": func(rt *rapid.T) {
				for _, id := range ids {
					if objects[id] != nil {
						check(s.Delete(ctx, id) == nil, "Delete")
						delete(objects, id)
						return
					}
				}
			},
			"": func(rt *rapid.T) {
				for _, id := range ids {
					o, err := s.Open(ctx, id)
					check((err == nil) == (objects[id] != nil), "open: %v", err)
					if err == nil {
						b := make([]byte, o.Size())
						o.ReadAt(b, 0)
						o.Close()
						check(bytes.Equal(b, objects[id]), "%v holds %x, want %x", id, b, objects[id])
					}
				}
			},
		})
		var listed []coffer.ID
		if err := s.List(ctx, "", func(e blob.Entry) error {
			if slices.Contains(ids, e.ID) {
				listed = append(listed, e.ID)
			}
			return nil
		}); err != nil {
			rt.Fatal(err)
		}
		check(len(listed) == len(objects)+len(staged), "%d listed, want %d and %d staged", len(listed), len(objects), len(staged))
		for _, p := range open {
			p.Abort(ctx)
		}
		for _, id := range ids {
			s.Delete(ctx, id)
		}
	})
}
