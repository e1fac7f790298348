package content

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"pgregory.net/rapid"

	"coffer"
	"coffer/internal/blob"
	"coffer/internal/blob/blobtest"
	"coffer/internal/cobblestone"
	"coffer/internal/seal"
)

const (
	testLog = 15 // parts of 32 KiB: two chunks
	P       = 1 << testLog
)

func pattern(n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{3}).Read(b)
	return b
}

func memory(t testing.TB) blob.Store { return blobtest.Marked(t, blob.NewMemory()) }

// put writes data as a blob and returns its id and key.
func put(t testing.TB, o *IO, s blob.Store, data []byte, partLog uint8, known bool, opt WriteOptions) (coffer.ID, seal.DEK) {
	t.Helper()
	id := coffer.RandomID()
	dek := seal.DEK{Key: seal.NewKey(), PartLog: partLog, Size: seal.UnknownSize}
	if known {
		dek.Size = int64(len(data))
	}
	return id, putAs(t, o, s, id, dek, data, opt)
}

func putAs(t testing.TB, o *IO, s blob.Store, id coffer.ID, dek seal.DEK, data []byte, opt WriteOptions) seal.DEK {
	t.Helper()
	p, err := s.Stage(t.Context(), id, StoredPartSize(dek.PartLog))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Abort(t.Context())
	dek, err = o.Write(t.Context(), p, id, dek, bytes.NewReader(data), opt)
	if err != nil {
		t.Fatal(err)
	}
	want := StoredSize(dek.Size, dek.PartLog)
	if staged := blobtest.Entries(t, s, id.String())[id].Size; staged != want {
		t.Fatalf("%d bytes were written, %d belong there", staged, want)
	}
	if err := p.Publish(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	return dek
}

func open(t testing.TB, o *IO, s blob.Store, id coffer.ID, dek seal.DEK) *Reader {
	t.Helper()
	r, err := o.Open(t.Context(), s, id, dek)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func TestPartLog(t *testing.T) {
	const max = wantedParts << seal.MaxPartLog
	for _, c := range []struct {
		size int64
		want uint8
	}{
		{seal.UnknownSize, 26}, {0, 23}, {1, 23}, {64 << 30, 23}, {64<<30 + 1, 24}, {128 << 30, 24}, {max, 32},
	} {
		if got, err := PartLog(c.size); err != nil || got != c.want {
			t.Errorf("PartLog(%d) = %d, %v; want %d", c.size, got, err, c.want)
		}
	}
	if _, err := PartLog(max + 1); coffer.KindOf(err) != coffer.TooLarge {
		t.Errorf("over the limit: %v", err)
	}
	if _, err := PartLog(-2); coffer.KindOf(err) != coffer.Invalid {
		t.Errorf("negative: %v", err)
	}
	// The numbers of the specification.
	if got := StoredPartSize(23); got != 8_396_872 {
		t.Errorf("a full part of 8 MiB has %d bytes", got)
	}
	if got := StoredSize(0, 23); got != 72 {
		t.Errorf("an empty file has %d bytes", got)
	}
}

// TestLayout checks the arithmetic against a walk over all parts and chunks.
func TestLayout(t *testing.T) {
	for _, size := range []int64{0, 1, 16383, 16384, 16385, P - 1, P, P + 1, 2 * P, 3*P + 5} {
		var stored int64
		for left := size; ; left -= P {
			stored += cobblestone.SealedSize(min(left, P))
			if left <= P {
				break
			}
		}
		if got := StoredSize(size, testLog); got != stored {
			t.Errorf("StoredSize(%d) = %d, want %d", size, got, stored)
		}
		for off := range size {
			if off%1021 != 0 && off%P > 2 && off%P < P-2 {
				continue
			}
			for _, n := range []int64{1, 100, P, 3 * P} {
				n = min(n, size-off)
				s := spanAt(size, testLog, off, n, 16)
				end := s.plainOffset + s.length/cobblestone.SealedChunkSize*cobblestone.ChunkSize
				if s.part != off/P || s.plainOffset > off || off-s.plainOffset >= cobblestone.ChunkSize ||
					s.offset != s.part*StoredPartSize(testLog)+cobblestone.ChunkOffset(s.first) || s.offset+s.length > stored ||
					s.length < cobblestone.Overhead || end > size {
					t.Fatalf("size %d: span at %d+%d is %+v", size, off, n, s)
				}
			}
		}
	}
}

func TestRoundTrip(t *testing.T) {
	var o IO
	s := memory(t)
	for _, size := range []int{0, 1, 16383, 16384, 16385, P - 1, P, P + 1, 2 * P, 3*P + 5, 40 * P} {
		data := pattern(size)
		for _, opt := range []WriteOptions{{}, {NoSum: true}, {SyncBytes: 1}} {
			id, dek := put(t, &o, s, data, testLog, size%2 == 0, opt)
			wantSum := sha256.Sum256(data)
			if opt.NoSum {
				wantSum = [32]byte{}
			}
			if dek.Size != int64(size) || dek.Sum != wantSum || (dek.Digest == seal.FileSHA256) == opt.NoSum {
				t.Fatalf("size %d: %+v", size, dek)
			}
			r := open(t, &o, s, id, dek)
			var out bytes.Buffer
			if n, err := r.WriteRangeTo(t.Context(), &out, 0, r.Size()); err != nil || n != int64(size) || !bytes.Equal(out.Bytes(), data) {
				t.Fatalf("size %d: %d bytes came back, %v", size, n, err)
			}
			if size < 40000 {
				continue
			}
			section := io.NewSectionReader(r, int64(size)-700, 700) // read byte by byte: each read opens a chunk
			if err := iotest.TestReader(section, data[size-700:]); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestRealParts uses the smallest parts that are stored in truth, and sources
// that give little at a time.
func TestRealParts(t *testing.T) {
	var o IO
	s := memory(t)
	data := pattern(2<<23 + 5)
	id := coffer.RandomID()
	p, err := s.Stage(t.Context(), id, StoredPartSize(23))
	if err != nil {
		t.Fatal(err)
	}
	dek := seal.DEK{Key: seal.NewKey(), PartLog: 23, Size: seal.UnknownSize}
	dek, err = o.Write(t.Context(), p, id, dek, iotest.HalfReader(iotest.DataErrReader(bytes.NewReader(data))), WriteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Publish(t.Context(), StoredSize(dek.Size, 23)); err != nil {
		t.Fatal(err)
	}
	// Part by part it is what the specification says, readable without this package.
	stored, plain := blobtest.Get(t, s, id), []byte(nil)
	for i := uint32(0); len(stored) > 0; i++ {
		n := min(len(stored), 8_396_872)
		part, err := cobblestone.Open(dek.Key.Bytes(), seal.Content(id, i).Bytes(), stored[:n])
		if err != nil {
			t.Fatal(err)
		}
		plain, stored = append(plain, part...), stored[n:]
	}
	if !bytes.Equal(plain, data) {
		t.Fatal("other bytes came back")
	}
	r := open(t, &o, s, id, dek)
	var out bytes.Buffer
	if _, err := r.WriteRangeTo(t.Context(), &out, 1<<23-100, 1<<20); err != nil || !bytes.Equal(out.Bytes(), data[1<<23-100:][:1<<20]) {
		t.Fatalf("range over the edge of a part: %v", err)
	}
}

// TestModel compares random reads with a slice of bytes, several at a time.
func TestModel(t *testing.T) {
	var o IO
	s := memory(t)
	data := pattern(20*P + 77)
	id, dek := put(t, &o, s, data, testLog, true, WriteOptions{})
	r := open(t, &o, s, id, dek)
	model := bytes.NewReader(data)
	rapid.Check(t, func(rt *rapid.T) {
		off := rapid.Int64Range(0, int64(len(data))+10).Draw(rt, "off")
		n := rapid.IntRange(0, 10*P).Draw(rt, "n")
		want, got := make([]byte, n), make([]byte, n)
		wn, werr := model.ReadAt(want, off)
		gn, gerr := r.ReadAt(got, off)
		if wn != gn || !bytes.Equal(want, got) || (n > 0 && !errors.Is(gerr, werr)) {
			rt.Fatalf("ReadAt(%d at %d) = %d, %v; want %d, %v", n, off, gn, gerr, wn, werr)
		}
		if off <= int64(len(data)) {
			length := min(int64(n), int64(len(data))-off)
			var out bytes.Buffer
			if m, err := r.WriteRangeTo(t.Context(), &out, off, length); err != nil || m != length || !bytes.Equal(out.Bytes(), want[:length]) {
				rt.Fatalf("WriteRangeTo(%d, %d) = %d, %v", off, length, m, err)
			}
		}
	})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(1, uint64(i)))
			for range 50 {
				off := rnd.IntN(len(data) - 1000)
				got := make([]byte, 1000)
				if _, err := r.ReadAt(got, int64(off)); err != nil || !bytes.Equal(got, data[off:off+1000]) {
					t.Errorf("concurrent ReadAt(%d): %v", off, err)
				}
			}
		})
	}
	wg.Wait()
	for _, bad := range [][2]int64{{-1, 1}, {0, r.Size() + 1}, {r.Size() + 1, 0}, {5, -1}, {1 << 62, 1 << 62}} {
		if _, err := r.WriteRangeTo(t.Context(), io.Discard, bad[0], bad[1]); coffer.KindOf(err) != coffer.Invalid {
			t.Errorf("range %v: %v", bad, err)
		}
	}
}

// TestOnlyTouchedChunksAreFetched counts what a small range reads.
func TestOnlyTouchedChunksAreFetched(t *testing.T) {
	var o IO
	s := memory(t)
	id, dek := put(t, &o, s, pattern(1<<20), 20, true, WriteOptions{})
	r := open(t, &o, s, id, dek)
	c := &counting{Object: r.obj}
	r.obj = c
	for _, row := range []struct{ off, n, reads, bytes int64 }{
		{500_000, 10, 2, 56 + 16400},      // header of the part, one chunk
		{500_000, 10, 1, 16400},           // header known
		{16383, 2, 1, 2 * 16400},          // over the edge of a chunk
		{1<<20 - 1, 1, 1, 16400 + 16},     // the last chunk comes with the mark of the end
		{0, 1 << 18, 1, 16 * 16400},       // 256 KiB at once
		{1, 1 << 18, 2, 16*16400 + 16400}, // unaligned: one chunk more
	} {
		c.reads, c.bytes = 0, 0
		if _, err := r.WriteRangeTo(t.Context(), io.Discard, row.off, row.n); err != nil {
			t.Fatal(err)
		}
		if c.reads != row.reads || c.bytes != row.bytes {
			t.Errorf("%d bytes at %d: %d reads of %d bytes, want %d of %d", row.n, row.off, c.reads, c.bytes, row.reads, row.bytes)
		}
	}
}

type counting struct {
	blob.Object
	reads, bytes int64
}

func (c *counting) ReadAt(p []byte, off int64) (int, error) {
	c.reads, c.bytes = c.reads+1, c.bytes+int64(len(p))
	return c.Object.ReadAt(p, off)
}

// spoil publishes other bytes under the id in a fresh store.
func spoil(t *testing.T, id coffer.ID, stored []byte) blob.Store {
	t.Helper()
	s := memory(t)
	p, err := s.Stage(t.Context(), id, 100)
	if err != nil {
		t.Fatal(err)
	}
	p.WriteAt(stored, 0)
	if err := p.Publish(t.Context(), int64(len(stored))); err != nil {
		t.Fatal(err)
	}
	return s
}

// mustBreak reads spoiled content: the answer is coffer.Corrupt, and what came
// before is a prefix of the truth.
func mustBreak(t *testing.T, what string, s blob.Store, id coffer.ID, dek seal.DEK, data []byte) {
	t.Helper()
	var o IO
	r, err := o.Open(t.Context(), s, id, dek)
	var out bytes.Buffer
	if err == nil {
		defer r.Close()
		_, err = r.WriteRangeTo(t.Context(), &out, 0, r.Size())
		p := make([]byte, r.Size()+1)
		n, aerr := r.ReadAt(p, 0)
		if len(p) > 1 && coffer.KindOf(aerr) != coffer.Corrupt || !bytes.Equal(p[:n], data[:n]) {
			t.Fatalf("%s: ReadAt: %d bytes, %v", what, n, aerr)
		}
	}
	e, ok := errors.AsType[*coffer.Error](err)
	if !ok || e.Kind != coffer.Corrupt || e.Code != "damaged" {
		t.Fatalf("%s: %v", what, err)
	}
	if !bytes.HasPrefix(data, out.Bytes()) {
		t.Fatalf("%s: released %d bytes that are not the content", what, out.Len())
	}
}

func TestDamage(t *testing.T) {
	var o IO
	s := memory(t)
	data := pattern(3*P + 5)
	id, dek := put(t, &o, s, data, testLog, true, WriteOptions{})
	stored := blobtest.Get(t, s, id)
	part := int(StoredPartSize(testLog))

	for at := 0; at < len(stored); at++ {
		inPart := at % part
		if !(inPart < 80 && at%5 == 0 || inPart > part-40 || at%1499 == 0 || len(stored)-at < 30) {
			continue
		}
		bad := bytes.Clone(stored)
		bad[at] ^= 1 << (at % 8)
		mustBreak(t, fmt.Sprint("flip at ", at), spoil(t, id, bad), id, dek, data)
	}
	for _, cut := range []int{1, 5, 21, 77, 78, part, 2 * part, len(stored) - 1} {
		mustBreak(t, fmt.Sprint("cut by ", cut), spoil(t, id, stored[:len(stored)-cut]), id, dek, data)
	}
	mustBreak(t, "one byte more", spoil(t, id, append(bytes.Clone(stored), 0)), id, dek, data)
	mustBreak(t, "a part more", spoil(t, id, append(bytes.Clone(stored), stored[:part]...)), id, dek, data)
	swapped := bytes.Clone(stored)
	copy(swapped, stored[part:2*part])
	copy(swapped[part:], stored[:part])
	mustBreak(t, "parts swapped", spoil(t, id, swapped), id, dek, data)
	doubled := bytes.Clone(stored)
	copy(doubled[part:], stored[:part])
	mustBreak(t, "part doubled", spoil(t, id, doubled), id, dek, data)
	mustBreak(t, "missing", memory(t), id, dek, data)

	// A blob of the same size and even the same key, in another blob's place.
	other := coffer.RandomID()
	otherDEK := putAs(t, &o, s, other, seal.DEK{Key: dek.Key, PartLog: testLog, Size: seal.UnknownSize}, data, WriteOptions{})
	mustBreak(t, "another blob's bytes", spoil(t, id, blobtest.Get(t, s, other)), id, dek, data)
	spliced := append(bytes.Clone(stored[:part]), blobtest.Get(t, s, other)[part:]...)
	mustBreak(t, "spliced blobs", spoil(t, id, spliced), id, dek, data)
	wrong := otherDEK
	wrong.Key = seal.NewKey()
	mustBreak(t, "another key", s, other, wrong, data)
	short := dek
	short.Size -= 6
	mustBreak(t, "another size in the key", s, id, short, data)

	empty, emptyDEK := put(t, &o, s, nil, testLog, true, WriteOptions{})
	bad := blobtest.Get(t, s, empty)
	for i := range bad {
		bad = bytes.Clone(bad)
		bad[i] ^= 1
		mustBreak(t, fmt.Sprint("empty, flip at ", i), spoil(t, empty, bad), empty, emptyDEK, nil)
		bad[i] ^= 1
	}
}

// TestAPrefixIsReleased: everything before the damage arrives, so a download
// that is cut shows where.
func TestAPrefixIsReleased(t *testing.T) {
	var o IO
	s := memory(t)
	data := pattern(3*P + 5)
	id, dek := put(t, &o, s, data, testLog, true, WriteOptions{})
	bad := blobtest.Get(t, s, id)
	bad[StoredPartSize(testLog)+cobblestone.ChunkOffset(1)+100] ^= 1
	r := open(t, &o, spoil(t, id, bad), id, dek)
	var out bytes.Buffer
	n, err := r.WriteRangeTo(t.Context(), &out, 0, r.Size())
	if want := P + cobblestone.ChunkSize; coffer.KindOf(err) != coffer.Corrupt || n != int64(want) || !bytes.Equal(out.Bytes(), data[:want]) {
		t.Fatalf("released %d bytes, want %d; %v", n, want, err)
	}
	all := make([]byte, len(data))
	if n, err := r.ReadAt(all, 10); n != P+cobblestone.ChunkSize-10 || coffer.KindOf(err) != coffer.Corrupt {
		t.Fatalf("ReadAt released %d bytes, %v", n, err)
	}
	// What lies behind is still readable, the damaged chunk is not.
	got := make([]byte, 100)
	if _, err := r.ReadAt(got, 2*P); err != nil || !bytes.Equal(got, data[2*P:2*P+100]) {
		t.Fatalf("behind the damage: %v", err)
	}
	if n, err := r.ReadAt(got, P+cobblestone.ChunkSize+50); n != 0 || coffer.KindOf(err) != coffer.Corrupt {
		t.Fatalf("in the damage: %d, %v", n, err)
	}
}

// TestRetryTakesFreshSalts: no part attempt shares its salt with another, of
// this blob or of a retry under the same key.
func TestRetryTakesFreshSalts(t *testing.T) {
	var o IO
	seen := map[string]bool{}
	id, key := coffer.RandomID(), seal.NewKey()
	for attempt := range 5 {
		s := memory(t)
		putAs(t, &o, s, id, seal.DEK{Key: key, PartLog: testLog, Size: seal.UnknownSize}, pattern(5*P), WriteOptions{})
		stored := blobtest.Get(t, s, id)
		for i := range 5 {
			salt := string(stored[int64(i)*StoredPartSize(testLog):][:24])
			if seen[salt] {
				t.Fatalf("attempt %d: part %d has a salt that was used before", attempt, i)
			}
			seen[salt] = true
		}
	}
}

func TestWriteFails(t *testing.T) {
	var o IO
	data := pattern(5*P + 1)
	broken := errors.New("line cut")
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for what, c := range map[string]struct {
		ctx  context.Context
		size int64
		src  io.Reader
		op   blobtest.Op
		skip int
		is   error
		kind coffer.Kind
	}{
		"source":          {t.Context(), -1, io.MultiReader(bytes.NewReader(data), iotest.ErrReader(broken)), "", 0, broken, coffer.Internal},
		"source, cut":     {t.Context(), -1, io.MultiReader(bytes.NewReader(data), iotest.ErrReader(io.ErrUnexpectedEOF)), "", 0, io.ErrUnexpectedEOF, coffer.Internal},
		"cancelled":       {cancelled, -1, bytes.NewReader(data), "", 0, context.Canceled, coffer.Internal},
		"shorter":         {t.Context(), int64(len(data)) + 1, bytes.NewReader(data), "", 0, nil, coffer.Invalid},
		"longer":          {t.Context(), int64(len(data)) - 1, bytes.NewReader(data), "", 0, nil, coffer.Invalid},
		"not empty":       {t.Context(), 0, bytes.NewReader(data), "", 0, nil, coffer.Invalid},
		"first write":     {t.Context(), -1, bytes.NewReader(data), blobtest.OpWrite, 0, blobtest.ErrInjected, coffer.Internal},
		"fourth write":    {t.Context(), -1, bytes.NewReader(data), blobtest.OpWrite, 3, blobtest.ErrInjected, coffer.Internal},
		"flush":           {t.Context(), -1, bytes.NewReader(data), blobtest.OpSync, 1, blobtest.ErrInjected, coffer.Internal},
		"too many parts?": {t.Context(), -1, io.LimitReader(zeros{}, seal.MaxParts<<minPartLog+1), "", 0, nil, coffer.TooLarge},
	} {
		t.Run(what, func(t *testing.T) {
			f := blobtest.NewFaulty(memory(t))
			if c.op != "" {
				f.Fail(c.op, c.skip, false, nil)
			}
			id, log := coffer.RandomID(), uint8(testLog)
			if c.kind == coffer.TooLarge {
				log = minPartLog
			}
			p, err := f.Stage(t.Context(), id, StoredPartSize(log))
			if err != nil {
				t.Fatal(err)
			}
			if c.kind == coffer.TooLarge {
				p = nowhere{p}
			}
			dek := seal.DEK{Key: seal.NewKey(), PartLog: log, Size: c.size}
			got, err := o.Write(c.ctx, p, id, dek, c.src, WriteOptions{SyncBytes: P})
			if err == nil || c.is != nil && !errors.Is(err, c.is) || coffer.KindOf(err) != c.kind {
				t.Fatalf("%v", err)
			}
			if got.Digest != seal.NoDigest || got.Sum != [32]byte{} {
				t.Fatal("a failed write answers with a sum")
			}
		})
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// nowhere forgets what is written.
type nowhere struct{ blob.Pending }

func (nowhere) WriteAt(p []byte, _ int64) (int, error) { return len(p), nil }
func (nowhere) Sync(context.Context) error             { return nil }

func TestReaderErrors(t *testing.T) {
	var o IO
	f := blobtest.NewFaulty(memory(t))
	id, dek := put(t, &o, f, pattern(3*P), testLog, true, WriteOptions{})
	r := open(t, &o, f, id, dek)
	full := errors.New("client went away")
	if n, err := r.WriteRangeTo(t.Context(), failing{full}, 0, 100); n != 0 || err != full {
		t.Fatalf("an error of the receiver came as %v", err)
	}
	f.Fail(blobtest.OpRead, 0, false, nil)
	if _, err := r.WriteRangeTo(t.Context(), io.Discard, 0, 100); !errors.Is(err, blobtest.ErrInjected) || coffer.KindOf(err) == coffer.Corrupt {
		t.Fatalf("a read error is not damage: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.WriteRangeTo(ctx, io.Discard, 0, 100); !errors.Is(err, context.Canceled) {
		t.Fatalf("cancelled: %v", err)
	}
	f.Fail(blobtest.OpOpen, 0, false, nil)
	if _, err := o.Open(t.Context(), f, id, dek); !errors.Is(err, blobtest.ErrInjected) {
		t.Fatalf("open: %v", err)
	}
	dek.Size = seal.UnknownSize
	if _, err := o.Open(t.Context(), f, id, dek); err == nil {
		t.Fatal("a blob of unknown size was opened")
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// TestSyncs: flushes come by bytes and by time.
func TestSyncs(t *testing.T) {
	var o IO
	for what, c := range map[string]struct {
		opt      WriteOptions
		min, max int
	}{
		"default":  {WriteOptions{}, 0, 0},
		"by bytes": {WriteOptions{SyncBytes: 2 * P}, 19, 20},
		"by time":  {WriteOptions{SyncEvery: time.Nanosecond}, 10, 41},
	} {
		f := blobtest.NewFaulty(memory(t))
		put(t, &o, f, pattern(40*P), testLog, true, c.opt)
		if n := f.Seen(blobtest.OpSync); n < c.min || n > c.max {
			t.Errorf("%s: %d flushes, want %d to %d", what, n, c.min, c.max)
		}
	}
}
