package cobblestone

import (
	"errors"
	"fmt"
	"io"
	"sync"
)

// Writer seals a stream: what is written to it arrives in dst as one message
// once Close was called. Single use, errors are sticky; not for concurrent use.
type Writer struct {
	dst     io.Writer
	s       *Sealer
	partial []byte // plaintext of a chunk that is not full yet
	sealed  []byte // scratch for a run of sealed chunks
	err     error
}

// NewWriter starts a message under a fresh random salt. Nothing is written
// before the first full chunk or Close.
func NewWriter(key, context []byte, dst io.Writer) (*Writer, error) {
	s, err := NewSealer(key, context)
	if err != nil {
		return nil, err
	}
	return newWriter(s, dst), nil
}

func newWriter(s *Sealer, dst io.Writer) *Writer {
	return &Writer{dst: dst, s: s, sealed: s.AppendHeader(make([]byte, 0, HeaderSize+Overhead+64))}
}

// Write seals and passes on all full chunks and keeps the rest. Large writes
// are sealed straight from p, 256 KiB at a time.
func (w *Writer) Write(p []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	written := 0
	for len(p) > 0 {
		if len(w.partial) > 0 || len(p) < ChunkSize {
			if w.partial == nil {
				w.partial = make([]byte, 0, ChunkSize)
			}
			n := min(len(p), ChunkSize-len(w.partial))
			w.partial = append(w.partial, p[:n]...)
			p, written = p[n:], written+n
			if len(w.partial) == ChunkSize {
				w.pass(w.partial)
				w.partial = w.partial[:0]
			}
		} else {
			n := min(len(p)&^(ChunkSize-1), runChunks*ChunkSize)
			w.pass(p[:n])
			p, written = p[n:], written+n
		}
		if w.err != nil {
			return written, w.err
		}
	}
	return written, nil
}

// pass seals full chunks behind what waits in w.sealed and writes them out.
func (w *Writer) pass(chunks []byte) {
	if need := len(w.sealed) + len(chunks)>>chunkLog*SealedChunkSize; cap(w.sealed) < need {
		w.sealed = append(make([]byte, 0, max(need, HeaderSize+runChunks*SealedChunkSize)), w.sealed...)
	}
	w.sealed, w.err = w.s.AppendChunks(w.sealed, chunks)
	w.flush()
}

func (w *Writer) flush() {
	if w.err != nil {
		return
	}
	n, err := w.dst.Write(w.sealed)
	if err == nil && n < len(w.sealed) {
		err = io.ErrShortWrite
	}
	w.sealed, w.err = w.sealed[:0], err
}

// Close writes the last chunk, and with it the mark that the message is
// complete. It does not close dst. A message that was never closed cannot be
// read to its end.
func (w *Writer) Close() error {
	if w.err != nil {
		return w.err
	}
	w.sealed, w.err = w.s.AppendLast(w.sealed, w.partial)
	w.flush()
	clear(w.partial)
	if w.err != nil {
		return w.err
	}
	w.err = ErrUsed
	return nil
}

// Reader opens a message from a stream. It returns io.EOF only after the last
// chunk was authenticated, and bytes only of authenticated chunks; errors are
// sticky. Not for concurrent use.
type Reader struct {
	src     io.Reader
	key     []byte // until the header was read
	context []byte
	o       *Opener
	next    int64  // index of the next chunk
	sealed  []byte // read, not yet opened: less than one chunk between calls
	buf     []byte // backing of plain
	plain   []byte // opened, not yet returned
	err     error  // returned once plain is empty
}

// NewReader returns a Reader of the message in src. It reads up to 256 KiB
// ahead. The key is copied and cleared when the header has been read.
func NewReader(key, context []byte, src io.Reader) (*Reader, error) {
	if len(key) != KeySize {
		return nil, fmt.Errorf("cobblestone: key of %d bytes, want %d", len(key), KeySize)
	}
	return &Reader{src: src, key: append([]byte(nil), key...), context: append([]byte(nil), context...)}, nil
}

// Read implements io.Reader.
func (r *Reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for len(r.plain) == 0 {
		if r.err != nil {
			return 0, r.err
		}
		r.err = r.fill()
	}
	n := copy(p, r.plain)
	r.plain = r.plain[n:]
	return n, nil
}

// fill opens what comes next: all full chunks that one read gives, or at the
// end of the stream the last chunk. An error may come with plaintext: that of
// the authentic chunks before it.
func (r *Reader) fill() error {
	if r.o == nil {
		var header [HeaderSize]byte
		n, err := io.ReadFull(r.src, header[:])
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return fmt.Errorf("%w: cut after %d bytes", ErrDamaged, n)
		} else if err != nil {
			return err
		}
		r.o, err = NewOpener(r.key, r.context, header[:])
		clear(r.key)
		if err != nil {
			return err
		}
		r.sealed = make([]byte, 0, runChunks*SealedChunkSize)
		r.buf = make([]byte, 0, runChunks*ChunkSize)
	}
	have := len(r.sealed)
	n, err := io.ReadAtLeast(r.src, r.sealed[have:cap(r.sealed)], SealedChunkSize-have)
	r.sealed = r.sealed[:have+n]
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		// Shorter than a full chunk, and nothing behind it: the last one.
		if len(r.sealed) < Overhead {
			return fmt.Errorf("%w: cut in chunk %d", ErrDamaged, r.next)
		}
		if r.plain, err = r.o.AppendOpen(r.buf[:0], r.sealed, r.next); err != nil {
			return err
		}
		return io.EOF
	}
	if err != nil {
		return err
	}
	full := len(r.sealed) / SealedChunkSize
	r.plain, err = r.o.AppendOpen(r.buf[:0], r.sealed[:full*SealedChunkSize], r.next)
	r.next += int64(full)
	r.sealed = r.sealed[:copy(r.sealed[:cap(r.sealed)], r.sealed[full*SealedChunkSize:])]
	return err
}

// ReaderAt reads anywhere in a message of known length. Safe for concurrent
// use if src is.
type ReaderAt struct {
	src    io.ReaderAt
	size   int64 // of the plaintext
	o      *Opener
	bufs   sync.Pool // of *run
	chunks int64     // number of chunks
}

type run struct{ sealed, plain []byte }

// NewReaderAt checks the commitment and authenticates the last chunk of the
// message of length sealed in src, so Size is authentic.
func NewReaderAt(key, context []byte, src io.ReaderAt, sealed int64) (*ReaderAt, error) {
	size, err := PlainSize(sealed)
	if err != nil {
		return nil, err
	}
	var header [HeaderSize]byte
	if err := readFullAt(src, header[:], 0); err != nil {
		return nil, err
	}
	o, err := NewOpener(key, context, header[:])
	if err != nil {
		return nil, err
	}
	r := &ReaderAt{src: src, size: size, o: o, chunks: size>>chunkLog + 1, bufs: sync.Pool{New: func() any {
		return &run{sealed: make([]byte, runChunks*SealedChunkSize), plain: make([]byte, 0, runChunks*ChunkSize)}
	}}}
	b := r.bufs.Get().(*run)
	defer r.bufs.Put(b)
	if _, err := r.open(b, r.chunks-1, r.chunks); err != nil {
		return nil, err
	}
	return r, nil
}

// Size returns the length of the plaintext.
func (r *ReaderAt) Size() int64 { return r.size }

// ReadAt implements io.ReaderAt. It reads only the chunks that it needs, up to
// 256 KiB at a time.
func (r *ReaderAt) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, errors.New("cobblestone: negative offset")
	}
	if off >= r.size {
		if len(p) == 0 {
			return 0, nil
		}
		return 0, io.EOF
	}
	short := false
	if int64(len(p)) > r.size-off {
		p, short = p[:r.size-off], true
	}
	b := r.bufs.Get().(*run)
	defer r.bufs.Put(b)
	n := 0
	for n < len(p) {
		first := (off + int64(n)) >> chunkLog
		end := min((off+int64(len(p))-1)>>chunkLog+1, first+runChunks)
		plain, err := r.open(b, first, end)
		if skip := int(off + int64(n) - first<<chunkLog); skip < len(plain) {
			n += copy(p[n:], plain[skip:])
		}
		if err != nil {
			return n, err
		}
	}
	if short {
		return n, io.EOF
	}
	return n, nil
}

// open reads and opens chunks first to end-1.
func (r *ReaderAt) open(b *run, first, end int64) ([]byte, error) {
	n := (end - first) * SealedChunkSize
	if end == r.chunks {
		n += r.size&(ChunkSize-1) - ChunkSize
	}
	if err := readFullAt(r.src, b.sealed[:n], ChunkOffset(first)); err != nil {
		return nil, err
	}
	return r.o.AppendOpen(b.plain[:0], b.sealed[:n], first)
}

func readFullAt(src io.ReaderAt, p []byte, off int64) error {
	n, err := src.ReadAt(p, off)
	if n == len(p) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: cut at byte %d", ErrDamaged, off+int64(n))
	}
	return err
}
