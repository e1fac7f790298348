package content

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"coffer"
	"coffer/internal/blob"
	"coffer/internal/blob/blobtest"
	"coffer/internal/seal"
)

var errCut = errors.New("the line is cut")

// appendOnce goes on with a piece as an upload does: it stages the blob, keeps
// a copy of the tail, and lets go.
func appendOnce(t testing.TB, s blob.Store, id coffer.ID, dek seal.DEK, p *Piece, src io.Reader, opt WriteOptions) (Appended, error) {
	t.Helper()
	dst, err := s.Stage(t.Context(), id, StoredPartSize(dek.PartLog))
	if err != nil {
		t.Fatal(err)
	}
	defer dst.Close()
	a, err := new(IO).Append(t.Context(), dst, id, dek, *p, src, opt)
	p.Off, p.Tail = a.Off, nil
	if a.TailLen > 0 {
		copied := make([]byte, a.TailLen)
		if _, err := dst.ReadAt(copied, a.TailAt); err != nil && !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		p.Tail = bytes.NewReader(copied)
	}
	return a, err
}

// publish ends a staged blob and reads it back.
func publish(t testing.TB, s blob.Store, id coffer.ID, dek seal.DEK) []byte {
	t.Helper()
	dst, err := s.Stage(t.Context(), id, StoredPartSize(dek.PartLog))
	if err != nil {
		t.Fatal(err)
	}
	if err := dst.Publish(t.Context(), StoredSize(dek.Size, dek.PartLog)); err != nil {
		t.Fatal(err)
	}
	r, err := new(IO).Open(t.Context(), s, id, dek)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var out bytes.Buffer
	if _, err := r.WriteRangeTo(t.Context(), &out, 0, dek.Size); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestAppend cuts an upload wherever it likes, on purpose and not, with and
// without known length, and in pieces at once: the bytes are those that were
// sent, and the offset is always what came before the cut.
func TestAppend(t *testing.T) {
	const partLog = minPartLog + 2 // 4 chunks
	rapid.Check(t, func(rt *rapid.T) {
		size := rapid.Int64Range(1, 5<<partLog+100).Draw(rt, "size")
		data := pattern(int(size))
		known := rapid.Bool().Draw(rt, "known length")
		s, id := memory(t), coffer.RandomID()
		dek := seal.DEK{Key: seal.NewKey(), PartLog: partLog, Size: size}
		edge := rapid.Int64Range(0, size>>partLog).Draw(rt, "edge") << partLog
		pieces := []*Piece{{First: 0, End: edge, Off: 0}, {First: edge, End: size, Off: edge}}
		if edge == 0 || edge == size {
			pieces = []*Piece{{End: size}}
		}
		if !known {
			pieces = []*Piece{{End: seal.UnknownSize}}
		}
		var all sync.WaitGroup
		for _, p := range pieces {
			seed := rapid.Uint64().Draw(rt, "seed")
			all.Go(func() {
				rng := rand.New(rand.NewPCG(seed, 1))
				end := p.End
				if !known {
					end = size
				}
				for p.Off < end {
					n := min(end-p.Off, 1+rng.Int64N(2<<partLog))
					src := io.Reader(bytes.NewReader(data[p.Off : p.Off+n]))
					cut := rng.IntN(2) == 0
					if cut {
						src = io.MultiReader(src, iotest.ErrReader(errCut))
					}
					before := p.Off
					a, err := appendOnce(t, s, id, dek, p, src, WriteOptions{})
					if cut && before+n < p.End && !errors.Is(err, errCut) || !cut && err != nil || a.Off != before+n {
						t.Errorf("%d bytes at %d of %d, cut %v: off %d, %v", n, before, size, cut, a.Off, err)
						return
					}
					if whole := before == 0 && p.First == 0 && a.Off == p.End && p.End == size; whole != (a.Sum != nil) {
						t.Errorf("sum %v of bytes %d-%d of %d", a.Sum, before, a.Off, size)
					} else if whole && *a.Sum != sha256.Sum256(data) {
						t.Error("another sum")
					}
				}
			})
		}
		all.Wait()
		if t.Failed() {
			return
		}
		if got := publish(t, s, id, dek); !bytes.Equal(got, data) {
			t.Fatalf("%d bytes came back changed", size)
		}
	})
}

// TestAppendDurable: what Durable was told is there after a write fails, and
// the upload goes on from it; what it refuses ends the request.
func TestAppendDurable(t *testing.T) {
	const partLog = minPartLog
	size := int64(10)<<partLog + 5
	data := pattern(int(size))
	for step := 1; step < 40; step++ {
		s := blobtest.NewFaulty(memory(t))
		id, dek := coffer.RandomID(), seal.DEK{Key: seal.NewKey(), PartLog: partLog, Size: size}
		p := &Piece{End: size}
		told := int64(0)
		s.Fail(blobtest.OpWrite, step-1, false, errCut)
		_, err := appendOnce(t, s, id, dek, p, bytes.NewReader(data), WriteOptions{SyncBytes: 1 << partLog, Durable: func(off int64) error {
			if off&(1<<partLog-1) != 0 || off <= told {
				t.Errorf("told %d after %d", off, told)
			}
			told = off
			return nil
		}})
		if err == nil {
			if p.Off != size {
				t.Fatalf("no failure, off %d", p.Off)
			}
			break
		}
		if p.Off != told || !errors.Is(err, errCut) {
			t.Fatalf("step %d: off %d, told %d, %v", step, p.Off, told, err)
		}
		if _, err := appendOnce(t, s, id, dek, p, bytes.NewReader(data[p.Off:]), WriteOptions{}); err != nil || p.Off != size {
			t.Fatalf("going on: %d, %v", p.Off, err)
		}
		if got := publish(t, s, id, dek); !bytes.Equal(got, data) {
			t.Fatalf("step %d: the bytes have changed", step)
		}
	}
	p := &Piece{End: size}
	refuse := errors.New("no longer")
	if _, err := appendOnce(t, memory(t), coffer.RandomID(), seal.DEK{Key: seal.NewKey(), PartLog: partLog, Size: size}, p, bytes.NewReader(data),
		WriteOptions{SyncBytes: 1, Durable: func(int64) error { return refuse }}); !errors.Is(err, refuse) || p.Off != 0 {
		t.Errorf("refused: off %d, %v", p.Off, err)
	}
}

// TestAppendRefuses: positions that cannot be, and a tail that is not the one.
func TestAppendRefuses(t *testing.T) {
	const partLog = minPartLog
	dek := seal.DEK{Key: seal.NewKey(), PartLog: partLog, Size: 100}
	s, id := memory(t), coffer.RandomID()
	p := &Piece{End: seal.UnknownSize}
	if _, err := appendOnce(t, s, id, dek, p, bytes.NewReader(pattern(50)), WriteOptions{}); err != nil || p.Off != 50 || p.Tail == nil {
		t.Fatal(p.Off, err)
	}
	for what, bad := range map[string]Piece{
		"no tail":          {End: 100, Off: 50},
		"first in a part":  {First: 5, End: 100, Off: 5},
		"before the first": {First: 1 << partLog, End: 2 << partLog, Off: 0},
		"behind the end":   {End: 10, Off: 50, Tail: p.Tail},
		"of another part":  {End: 2 << partLog, Off: 1<<partLog + 50, Tail: p.Tail},
		"shorter":          {End: 100, Off: 49, Tail: p.Tail},
	} {
		if _, err := appendOnce(t, s, id, dek, &bad, bytes.NewReader(pattern(10)), WriteOptions{}); err == nil {
			t.Errorf("%s: went on", what)
		}
	}
}
