package cobblestone

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"testing/cryptotest"
	"testing/iotest"

	"pgregory.net/rapid"
)

var (
	testKey     = bytes.Repeat([]byte{7}, KeySize)
	testContext = []byte("test\x00context")
	// edgeSizes are around the edges of chunks and of the runs of 16 chunks.
	edgeSizes = []int{0, 1, 15, 16, 17, ChunkSize - 1, ChunkSize, ChunkSize + 1, 2*ChunkSize - 1, 2 * ChunkSize, 2*ChunkSize + 1,
		16*ChunkSize - 1, 16 * ChunkSize, 16*ChunkSize + 1, 33*ChunkSize + 5}
)

func pattern(n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{1})
	r.Read(b)
	return b
}

func seal(t testing.TB, plain []byte) []byte {
	t.Helper()
	msg, err := Seal(testKey, testContext, plain)
	if err != nil {
		t.Fatal(err)
	}
	return msg
}

// readAll opens a message through Reader and returns what it released.
func readAll(msg []byte) ([]byte, error) {
	r, err := NewReader(testKey, testContext, bytes.NewReader(msg))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

func readAllAt(msg []byte) ([]byte, error) {
	r, err := NewReaderAt(testKey, testContext, bytes.NewReader(msg), int64(len(msg)))
	if err != nil {
		return nil, err
	}
	p := make([]byte, r.Size())
	n, err := r.ReadAt(p, 0)
	return p[:n], err
}

// mustFail opens a spoiled message by all three ways: each must fail and
// release only bytes of the authentic prefix, up to limit.
func mustFail(t *testing.T, what string, msg, plain []byte, limit int) {
	t.Helper()
	if got, err := Open(testKey, testContext, msg); !errors.Is(err, ErrDamaged) || got != nil {
		t.Fatalf("%s: Open: %d bytes, %v", what, len(got), err)
	}
	for name, f := range map[string]func([]byte) ([]byte, error){"Reader": readAll, "ReaderAt": readAllAt} {
		got, err := f(msg)
		if !errors.Is(err, ErrDamaged) {
			t.Fatalf("%s: %s: error %v", what, name, err)
		}
		if len(got) > limit || !bytes.Equal(got, plain[:len(got)]) {
			t.Fatalf("%s: %s released %d bytes, at most %d are authentic", what, name, len(got), limit)
		}
	}
}

func TestSizes(t *testing.T) {
	for _, n := range edgeSizes {
		plain := pattern(n)
		msg := seal(t, plain)
		if int64(len(msg)) != SealedSize(int64(n)) {
			t.Fatalf("size %d: %d sealed bytes, SealedSize says %d", n, len(msg), SealedSize(int64(n)))
		}
		for name, f := range map[string]func([]byte) ([]byte, error){"Reader": readAll, "ReaderAt": readAllAt,
			"Open": func(m []byte) ([]byte, error) { return Open(testKey, testContext, m) }} {
			if got, err := f(msg); err != nil || !bytes.Equal(got, plain) {
				t.Fatalf("size %d: %s: %d bytes, %v", n, name, len(got), err)
			}
		}
	}
	legal := map[int64]int64{}
	for n := range int64(3*ChunkSize + 3) {
		legal[SealedSize(n)] = n
	}
	for s := range SealedSize(3*ChunkSize + 2) {
		n, err := PlainSize(s)
		want, ok := legal[s]
		if (err == nil) != ok || ok && n != want {
			t.Fatalf("PlainSize(%d) = %d, %v; legal: %v, %d", s, n, err, ok, want)
		}
	}
	for _, s := range []int64{-1, -1 << 62, SealedSize(MaxPlaintext) + 1, 1<<63 - 1} {
		if _, err := PlainSize(s); err == nil {
			t.Fatalf("PlainSize(%d) is no error", s)
		}
	}
	if n, err := PlainSize(SealedSize(MaxPlaintext)); err != nil || n != MaxPlaintext {
		t.Fatalf("longest message: %d, %v", n, err)
	}
}

func TestTruncation(t *testing.T) {
	small := pattern(100)
	msg := seal(t, small)
	for cut := range msg {
		mustFail(t, fmt.Sprint("cut at ", cut), msg[:cut], small, 0)
	}
	big := pattern(2*ChunkSize + 77)
	msg = seal(t, big)
	for cut := 0; cut < len(msg); cut++ {
		inChunk := (cut - HeaderSize) % SealedChunkSize
		if !(cut < HeaderSize && cut%8 == 0 || cut >= HeaderSize && (inChunk < 2 || inChunk >= 14 && inChunk <= 17 || inChunk > SealedChunkSize-3) || len(msg)-cut < 20 || cut%997 == 0) {
			continue // in the middle of a chunk a few cuts do
		}
		mustFail(t, fmt.Sprint("big cut at ", cut), msg[:cut], big, max(0, cut-HeaderSize)/SealedChunkSize*ChunkSize)
	}
}

func TestFlips(t *testing.T) {
	for _, n := range []int{0, 33, 2*ChunkSize + 9} {
		plain := pattern(n)
		msg := seal(t, plain)
		for bit := 0; bit < len(msg)*8; bit++ {
			at := bit / 8
			inChunk := (at - HeaderSize) % SealedChunkSize
			if n > ChunkSize { // of long messages the edges, and a few bits between
				edge := at%7 == 0 && (at < HeaderSize || len(msg)-at < 30) || at >= HeaderSize && (inChunk < 2 || inChunk > SealedChunkSize-18)
				if !(edge && bit%8 == at%8 || bit%16381 == 0) {
					continue
				}
			}
			msg[at] ^= 1 << (bit % 8)
			mustFail(t, fmt.Sprint("bit ", bit), msg, plain, max(0, at-HeaderSize)/SealedChunkSize*ChunkSize)
			msg[at] ^= 1 << (bit % 8)
		}
	}
}

func TestChunksStayInPlace(t *testing.T) {
	plain := pattern(3*ChunkSize + 100)
	msg := seal(t, plain)
	chunk := func(i int) []byte {
		return msg[ChunkOffset(int64(i)):min(ChunkOffset(int64(i+1)), int64(len(msg)))]
	}
	other := seal(t, plain) // same key, other salt
	header, otherHeader := msg[:HeaderSize], other[:HeaderSize]
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	for what, c := range map[string]struct {
		msg   []byte
		limit int
	}{
		"swap 0 and 1":            {join(header, chunk(1), chunk(0), chunk(2), chunk(3)), 0},
		"swap 1 and 2":            {join(header, chunk(0), chunk(2), chunk(1), chunk(3)), ChunkSize},
		"duplicate":               {join(header, chunk(0), chunk(0), chunk(1), chunk(2), chunk(3)), ChunkSize},
		"drop the middle":         {join(header, chunk(0), chunk(2), chunk(3)), ChunkSize},
		"drop the last":           {join(header, chunk(0), chunk(1), chunk(2)), 3 * ChunkSize},
		"last twice":              {join(header, chunk(0), chunk(1), chunk(2), chunk(3), chunk(3)), 3 * ChunkSize},
		"header of other message": {join(otherHeader, msg[HeaderSize:]), 0},
		"chunk of other message":  {join(header, chunk(0), other[ChunkOffset(1):]), ChunkSize},
	} {
		mustFail(t, what, c.msg, plain, c.limit)
	}
}

func TestKeyAndContext(t *testing.T) {
	msg := seal(t, []byte("x"))
	for what, kc := range map[string][2][]byte{
		"key":           {bytes.Repeat([]byte{8}, KeySize), testContext},
		"context":       {testKey, []byte("test\x00contexu")},
		"shorter":       {testKey, testContext[:5]},
		"empty context": {testKey, nil},
		"short key":     {testKey[:31], testContext},
		"long key":      {append(testKey[:KeySize:KeySize], 7), testContext},
	} {
		if got, err := Open(kc[0], kc[1], msg); err == nil || got != nil {
			t.Fatalf("opened with another %s", what)
		}
	}
	if _, err := NewWriter(testKey[:16], nil, io.Discard); err == nil {
		t.Fatal("a Writer took a key of 16 bytes")
	}
}

func TestFreshSalt(t *testing.T) {
	if a, b := seal(t, []byte("x")), seal(t, []byte("x")); bytes.Equal(a[:saltSize], b[:saltSize]) {
		t.Fatal("two messages share a salt")
	}
}

func TestDeterministic(t *testing.T) {
	var first []byte
	for range 2 {
		cryptotest.SetGlobalRandom(t, 42)
		msg := seal(t, []byte("same"))
		if first != nil && !bytes.Equal(first, msg) {
			t.Fatal("more than the salt is random")
		}
		first = msg
	}
}

func TestReaderConforms(t *testing.T) {
	plain := pattern(3*ChunkSize + 5)
	msg := seal(t, plain)
	for name, src := range map[string]io.Reader{
		"plain":    bytes.NewReader(msg),
		"one byte": iotest.OneByteReader(bytes.NewReader(msg)),
		"half":     iotest.HalfReader(bytes.NewReader(msg)),
		"data+EOF": iotest.DataErrReader(bytes.NewReader(msg)),
	} {
		r, err := NewReader(testKey, testContext, src)
		if err != nil {
			t.Fatal(err)
		}
		if err := iotest.TestReader(r, plain); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	short := seal(t, plain[:900]) // read byte by byte: each read opens a chunk
	r, err := NewReaderAt(testKey, testContext, bytes.NewReader(short), int64(len(short)))
	if err != nil {
		t.Fatal(err)
	}
	if err := iotest.TestReader(io.NewSectionReader(r, 0, r.Size()), plain[:900]); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken pipe")
	r2, _ := NewReader(testKey, testContext, io.MultiReader(bytes.NewReader(msg[:20000]), iotest.ErrReader(broken)))
	got, err := io.ReadAll(r2)
	if !errors.Is(err, broken) || !bytes.Equal(got, plain[:len(got)]) {
		t.Fatalf("after a read error: %d bytes, %v", len(got), err)
	}
	if _, err := r2.Read(make([]byte, 1)); !errors.Is(err, broken) {
		t.Fatalf("error did not stay: %v", err)
	}
}

func TestWriterIsUsedOnce(t *testing.T) {
	var out bytes.Buffer
	w, _ := NewWriter(testKey, testContext, &out)
	w.Write([]byte("abc"))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	n := out.Len()
	if _, err := w.Write([]byte("d")); !errors.Is(err, ErrUsed) {
		t.Fatalf("write after close: %v", err)
	}
	if err := w.Close(); !errors.Is(err, ErrUsed) || out.Len() != n {
		t.Fatalf("second close: %v", err)
	}
	full := errors.New("full")
	w, _ = NewWriter(testKey, testContext, failing{full})
	if _, err := w.Write(pattern(ChunkSize)); !errors.Is(err, full) {
		t.Fatalf("write to a full disk: %v", err)
	}
	if err := w.Close(); !errors.Is(err, full) {
		t.Fatalf("close after an error: %v", err)
	}
	s, _ := NewSealer(testKey, nil)
	s.AppendLast(nil, nil)
	if _, err := s.AppendChunks(nil, pattern(ChunkSize)); !errors.Is(err, ErrUsed) {
		t.Fatal("a Sealer went on after its last chunk")
	}
	if _, err := s.AppendLast(nil, nil); !errors.Is(err, ErrUsed) {
		t.Fatal("a Sealer ended twice")
	}
	s, _ = NewSealer(testKey, nil)
	s.next = maxChunks - 1
	if _, err := s.AppendChunks(nil, pattern(ChunkSize)); err == nil {
		t.Fatal("a Sealer went over the limit of the counter")
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// TestFailedChunkIsNotReleased looks behind the answer too: the buffer must
// not keep what failed to authenticate.
func TestFailedChunkIsNotReleased(t *testing.T) {
	msg := seal(t, bytes.Repeat([]byte("secret!"), 100))
	msg[len(msg)-1] ^= 1
	o, err := NewOpener(testKey, testContext, msg[:HeaderSize])
	if err != nil {
		t.Fatal(err)
	}
	dst := make([]byte, 0, 1000)
	got, err := o.AppendOpen(dst, msg[HeaderSize:], 0)
	if err == nil || len(got) != 0 || bytes.Contains(dst[:1000], []byte("secret")) {
		t.Fatalf("released %d bytes, %v", len(got), err)
	}
}

// TestReadAtModel reads random ranges and compares with a slice of bytes.
func TestReadAtModel(t *testing.T) {
	plain := pattern(40*ChunkSize + 123)
	msg := seal(t, plain)
	r, err := NewReaderAt(testKey, testContext, bytes.NewReader(msg), int64(len(msg)))
	if err != nil {
		t.Fatal(err)
	}
	model := bytes.NewReader(plain)
	rapid.Check(t, func(rt *rapid.T) {
		off := rapid.Int64Range(0, int64(len(plain)+ChunkSize)).Draw(rt, "off")
		n := rapid.IntRange(0, 20*ChunkSize).Draw(rt, "n")
		want, got := make([]byte, n), make([]byte, n)
		wn, werr := model.ReadAt(want, off)
		gn, gerr := r.ReadAt(got, off)
		if wn != gn || !bytes.Equal(want, got) || (n > 0 && werr != gerr) {
			rt.Fatalf("ReadAt(%d, %d) = %d, %v; want %d, %v", n, off, gn, gerr, wn, werr)
		}
	})
	if _, err := r.ReadAt(make([]byte, 1), -1); err == nil {
		t.Fatal("a negative offset was read")
	}
}

// TestNoncesAreUsedOnce counts nonces around the carries of the counter.
func TestNoncesAreUsedOnce(t *testing.T) {
	base := [baseSize]byte{0xff, 1, 2, 3, 4, 5, 6, 7, 0xff, 0xff, 0xff, 0xff}
	seen := map[[baseSize]byte]int64{}
	for _, edge := range []int64{300, 1 << 16, 1 << 24, 1 << 32, maxChunks - 300} {
		for i := edge - 300; i < edge+300; i++ {
			var n [baseSize]byte
			nonceAt(&n, &base, i)
			if j, ok := seen[n]; ok {
				t.Fatalf("chunks %d and %d share a nonce", i, j)
			}
			seen[n] = i
		}
	}
}

func FuzzRoundTrip(f *testing.F) {
	for _, n := range []int{0, 1, ChunkSize - 1, ChunkSize, ChunkSize + 1} {
		f.Add(pattern(n), []byte("ctx"), uint16(n))
	}
	f.Fuzz(func(t *testing.T, plain, context []byte, step uint16) {
		var out bytes.Buffer
		w, err := NewWriter(testKey, context, &out)
		if err != nil {
			t.Fatal(err)
		}
		for rest := plain; len(rest) > 0; {
			n := min(int(step)+1, len(rest))
			w.Write(rest[:n])
			rest = rest[n:]
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		got, err := Open(testKey, context, out.Bytes())
		if err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("%d bytes came back, %v", len(got), err)
		}
	})
}

// FuzzOpen opens arbitrary bytes: no panic, and never success for bytes that
// no Sealer made (the fuzzer does not know the key).
func FuzzOpen(f *testing.F) {
	for _, v := range vectors(f) {
		if msg := v.message(f); len(msg) < 100_000 {
			f.Add(msg)
		}
	}
	f.Add(seal(f, pattern(100))[:HeaderSize])
	f.Fuzz(func(t *testing.T, msg []byte) {
		key := []byte("another key, of 32 bytes exactly")
		if _, err := Open(key, nil, msg); err == nil {
			t.Fatal("opened")
		}
		r, err := NewReader(key, nil, bytes.NewReader(msg))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(r); err == nil {
			t.Fatal("read to the end")
		}
		if _, err := NewReaderAt(key, nil, bytes.NewReader(msg), int64(len(msg))); err == nil {
			t.Fatal("authenticated")
		}
		// With a header that fits, the chunks themselves are looked at.
		s, _ := NewSealer(testKey, nil)
		full := append(s.AppendHeader(nil), msg...)
		if _, err := Open(testKey, nil, full); err == nil {
			t.Fatal("opened chunks that nobody sealed")
		}
	})
}
