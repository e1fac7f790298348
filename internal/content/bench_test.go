package content

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"coffer"
	"coffer/internal/blob"
	"coffer/internal/cobblestone"
	"coffer/internal/seal"
)

// TestMemory writes and reads 8 and 264 MiB: what is allocated must not grow
// with the size beyond the few small things of each part.
func TestMemory(t *testing.T) {
	o := new(IO)
	count := func(parts int64) (written, read runtime.MemStats) {
		var before, between, after runtime.MemStats
		s := &endless{}
		id, dek := coffer.RandomID(), seal.DEK{Key: seal.NewKey(), PartLog: 23, Size: seal.UnknownSize}
		runtime.ReadMemStats(&before)
		dek, err := o.Write(t.Context(), nowhere{}, id, dek, io.LimitReader(zeros{}, parts<<23), WriteOptions{})
		if err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&between)
		r := &Reader{io: o, obj: s, id: id, dek: dek}
		r.WriteRangeTo(t.Context(), io.Discard, 0, r.Size()) // fails in the first part, which is all that counts
		runtime.ReadMemStats(&after)
		written.Mallocs, written.TotalAlloc = between.Mallocs-before.Mallocs, between.TotalAlloc-before.TotalAlloc
		read.Mallocs, read.TotalAlloc = after.Mallocs-between.Mallocs, after.TotalAlloc-between.TotalAlloc
		return written, read
	}
	count(1) // fill the pools
	// The collector may empty a pool at any moment, and under the race detector
	// a pool loses things on purpose: the best of some tries is what the code needs.
	var read runtime.MemStats
	grown, perPart := int64(1<<62), 0.0
	for range 5 {
		few, _ := count(1)
		many, r := count(33)
		if g := int64(many.TotalAlloc) - int64(few.TotalAlloc); g < grown {
			grown, perPart, read = g, (float64(many.Mallocs)-float64(few.Mallocs))/32, r
		}
	}
	t.Logf("writing: %.1f allocations and %d bytes a part", perPart, grown/32)
	if perPart > 30 {
		t.Errorf("writing allocates %.1f times a part of 8 MiB", perPart)
	}
	if grown > 1<<20 {
		t.Errorf("writing 256 MiB more allocates %d bytes more", grown)
	}
	if read.TotalAlloc > 1<<20 {
		t.Errorf("reading allocates %d bytes", read.TotalAlloc)
	}
}

type endless struct{}

func (endless) ReadAt(p []byte, _ int64) (int, error) { return len(p), nil }
func (endless) Size() int64                           { return 1 << 40 }
func (endless) Close() error                          { return nil }

// file is a blob as a plain file, as little as can be below this package.
type file struct{ *os.File }

func (f file) Sync(context.Context) error           { return f.File.Sync() }
func (f file) Publish(context.Context, int64) error { return f.File.Sync() }
func (f file) Abort(context.Context) error          { return nil }

func (f file) Size() int64 {
	info, err := f.Stat()
	if err != nil {
		return -1
	}
	return info.Size()
}

func newFile(b *testing.B) file {
	f, err := os.Create(filepath.Join(b.TempDir(), "blob"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { f.Close() })
	return file{f}
}

func fill(b *testing.B, o *IO, f blob.Pending, size int64, opt WriteOptions) seal.DEK {
	dek := seal.DEK{Key: seal.NewKey(), PartLog: 23, Size: size}
	dek, err := o.Write(b.Context(), f, coffer.ID{1}, dek, io.LimitReader(zeros{}, size), opt)
	if err == nil {
		err = f.Publish(b.Context(), StoredSize(size, 23))
	}
	if err != nil {
		b.Fatal(err)
	}
	return dek
}

func benchWrite(b *testing.B, size int64, opt WriteOptions) {
	o, f := new(IO), newFile(b)
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		fill(b, o, f, size, opt)
	}
}

type repeat struct{ b []byte }

func (r repeat) Read(p []byte) (int, error) { return copy(p, r.b), nil }

func BenchmarkWrite256M(b *testing.B)      { benchWrite(b, 256<<20, WriteOptions{NoSum: true}) }
func BenchmarkWrite256MSum(b *testing.B)   { benchWrite(b, 256<<20, WriteOptions{}) }
func BenchmarkWrite10K(b *testing.B)       { benchWrite(b, 10<<10, WriteOptions{NoSum: true}) }
func BenchmarkWrite10KSum(b *testing.B)    { benchWrite(b, 10<<10, WriteOptions{}) }
func BenchmarkSealOnly256M(b *testing.B)   { benchSeal(b, WriteOptions{NoSum: true}) }
func BenchmarkSealAndSum256M(b *testing.B) { benchSeal(b, WriteOptions{}) }

// benchSeal leaves the disk out.
func benchSeal(b *testing.B, opt WriteOptions) {
	o, src := new(IO), pattern(1<<20)
	b.SetBytes(256 << 20)
	b.ReportAllocs()
	for b.Loop() {
		dek := seal.DEK{Key: seal.NewKey(), PartLog: 23, Size: 256 << 20}
		if _, err := o.Write(b.Context(), nowhere{}, coffer.ID{1}, dek, io.LimitReader(repeat{src}, 256<<20), opt); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	o, f := new(IO), newFile(b)
	dek := fill(b, o, f, 256<<20, WriteOptions{NoSum: true})
	r := &Reader{io: o, obj: f, id: coffer.ID{1}, dek: dek}
	b.Run("all", func(b *testing.B) {
		b.SetBytes(256 << 20)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := r.WriteRangeTo(b.Context(), io.Discard, 0, r.Size()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("new reader, range 64K", func(b *testing.B) {
		b.SetBytes(64 << 10)
		b.ReportAllocs()
		off := int64(1)
		for b.Loop() {
			r := &Reader{io: o, obj: f, id: coffer.ID{1}, dek: dek}
			if _, err := r.WriteRangeTo(b.Context(), io.Discard, off, 64<<10); err != nil {
				b.Fatal(err)
			}
			off = (off*48271 + 11) % (255 << 20)
		}
	})
}

// BenchmarkRandomRatio reads 64 KiB at random places through an open reader and
// reports its median beside that of opening as many chunks that are in memory,
// in turns. The goal is at most 3.
func BenchmarkRandomRatio(b *testing.B) {
	o, f := new(IO), newFile(b)
	dek := fill(b, o, f, 256<<20, WriteOptions{NoSum: true})
	r := &Reader{io: o, obj: f, id: coffer.ID{1}, dek: dek}
	const touched = 5 // chunks that 64 KiB at a random place lie in
	msg, err := cobblestone.Seal(dek.Key.Bytes(), nil, make([]byte, touched*cobblestone.ChunkSize))
	if err != nil {
		b.Fatal(err)
	}
	opener, err := cobblestone.NewOpener(dek.Key.Bytes(), nil, msg[:cobblestone.HeaderSize])
	if err != nil {
		b.Fatal(err)
	}
	chunks, plain := msg[cobblestone.HeaderSize:cobblestone.ChunkOffset(touched)], make([]byte, 0, touched*cobblestone.ChunkSize)
	var reads, raws []time.Duration
	off := int64(1)
	for b.Loop() {
		start := time.Now()
		if _, err := r.WriteRangeTo(b.Context(), io.Discard, off, 64<<10); err != nil {
			b.Fatal(err)
		}
		middle := time.Now()
		if _, err := opener.AppendOpen(plain, chunks, 0); err != nil {
			b.Fatal(err)
		}
		reads, raws = append(reads, middle.Sub(start)), append(raws, time.Since(middle))
		off = (off*48271 + 11) % (255 << 20)
	}
	slices.Sort(reads)
	slices.Sort(raws)
	b.ReportMetric(float64(reads[len(reads)/2])/float64(raws[len(raws)/2]), "p50/raw")
}
