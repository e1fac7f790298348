package content

import (
	"context"
	"io"
	"path/filepath"
	"runtime"
	"testing"

	"coffer"
	"coffer/internal/blob/blobtest"
	"coffer/internal/blob/disk"
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
	few, _ := count(1)
	many, read := count(33)
	grown := int64(many.TotalAlloc) - int64(few.TotalAlloc)
	perPart := float64(many.Mallocs-few.Mallocs) / 32
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

func benchDisk(b *testing.B) *disk.Store {
	s, err := disk.Open(filepath.Join(b.TempDir(), "blobs"))
	if err != nil {
		b.Fatal(err)
	}
	blobtest.Marked(b, s)
	return s
}

func benchWrite(b *testing.B, size int64, opt WriteOptions) {
	o, s := new(IO), benchDisk(b)
	src := pattern(1 << 20)
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		id := coffer.RandomID()
		dek := seal.DEK{Key: seal.NewKey(), PartLog: 23, Size: size}
		p, err := s.Stage(b.Context(), id, StoredPartSize(23))
		if err == nil {
			dek, err = o.Write(b.Context(), p, id, dek, io.LimitReader(repeat{src}, size), opt)
		}
		if err == nil {
			err = p.Publish(b.Context(), StoredSize(dek.Size, 23))
		}
		if err != nil {
			b.Fatal(err)
		}
		s.Delete(context.Background(), id)
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
	o, s := new(IO), benchDisk(b)
	id, dek := put(b, o, s, pattern(256<<20), 23, true, WriteOptions{NoSum: true})
	r := open(b, o, s, id, dek)
	b.Run("all", func(b *testing.B) {
		b.SetBytes(256 << 20)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := r.WriteRangeTo(b.Context(), io.Discard, 0, r.Size()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("open and range 64K", func(b *testing.B) {
		b.SetBytes(64 << 10)
		b.ReportAllocs()
		off := int64(1)
		for b.Loop() {
			r, err := o.Open(b.Context(), s, id, dek)
			if err == nil {
				_, err = r.WriteRangeTo(b.Context(), io.Discard, off, 64<<10)
			}
			if err != nil {
				b.Fatal(err)
			}
			r.Close()
			off = (off*48271 + 11) % (255 << 20)
		}
	})
}
