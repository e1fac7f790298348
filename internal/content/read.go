package content

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"coffer"
	"coffer/internal/blob"
	"coffer/internal/cobblestone"
	"coffer/internal/seal"
)

// Reader reads the plaintext of one blob, anywhere. Safe for concurrent use.
type Reader struct {
	io   *IO
	obj  blob.Object
	id   coffer.ID
	dek  seal.DEK
	part atomic.Pointer[openPart] // the part that was read last
}

// openPart is a part whose commitment was checked.
type openPart struct {
	number int64
	opener *cobblestone.Opener
}

// Open opens the content of a blob with its file key. A blob that is missing,
// or whose length is not the one that dek proves, is coffer.Corrupt.
func (o *IO) Open(ctx context.Context, store blob.Store, id coffer.ID, dek seal.DEK) (*Reader, error) {
	if dek.Size < 0 || dek.PartLog < minPartLog || dek.PartLog > seal.MaxPartLog {
		return nil, fmt.Errorf("content: file key with size %d, parts of 2^%d", dek.Size, dek.PartLog)
	}
	obj, err := store.Open(ctx, id)
	if errors.Is(err, blob.ErrNotExist) {
		return nil, damaged(err)
	} else if err != nil {
		return nil, err
	}
	if want := StoredSize(dek.Size, dek.PartLog); obj.Size() != want {
		obj.Close()
		return nil, damaged(fmt.Errorf("content: blob %v has %d bytes, its key says %d", id, obj.Size(), want))
	}
	return &Reader{io: o, obj: obj, id: id, dek: dek}, nil
}

// Size returns the length of the plaintext, which the file key proves.
func (r *Reader) Size() int64 { return r.dek.Size }

// Close closes the blob. The file key stays the caller's, who may clear it now.
func (r *Reader) Close() error { return r.obj.Close() }

// ReadAt implements io.ReaderAt. Only bytes of authenticated chunks are
// returned; a damaged one is coffer.Corrupt.
func (r *Reader) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, errors.New("content: negative offset")
	}
	want := min(int64(len(p)), max(0, r.dek.Size-off))
	n, err := r.spans(context.Background(), off, want, func(plain []byte) error {
		p = p[copy(p, plain):]
		return nil
	})
	if err == nil && len(p) > 0 {
		err = io.EOF
	}
	return int(n), err
}

// WriteRangeTo writes the n bytes from off to w: one read of the store, one
// opening and one Write for each 256 KiB, fetching only the chunks that the
// range touches. It returns the bytes that w took. Only authenticated bytes
// reach w; damage is coffer.Corrupt, an error of w is returned as it is. A
// range that is not inside the file is coffer.Invalid. A full read proves the
// end of the file, too.
func (r *Reader) WriteRangeTo(ctx context.Context, w io.Writer, off, n int64) (int64, error) {
	if off < 0 || n < 0 || off > r.dek.Size || n > r.dek.Size-off {
		return 0, coffer.E(coffer.Invalid, "range_invalid", "This range is not inside the file.")
	}
	if r.dek.Size == 0 {
		return 0, r.proveEmpty(ctx)
	}
	var sent int64
	_, err := r.spans(ctx, off, n, func(plain []byte) error {
		m, err := w.Write(plain)
		sent += int64(m)
		if err == nil && m < len(plain) {
			err = io.ErrShortWrite
		}
		return err
	})
	return sent, err
}

// proveEmpty opens the one, empty chunk of an empty file.
func (r *Reader) proveEmpty(ctx context.Context) error {
	b := get(&r.io.readers, readChunks)
	defer b.put()
	_, err := r.open(ctx, b, span{offset: cobblestone.HeaderSize, length: cobblestone.Overhead})
	return err
}

// spans gives the plaintext from off, n bytes, piece by piece to use. The
// pieces are good until use returns.
func (r *Reader) spans(ctx context.Context, off, n int64, use func(plain []byte) error) (done int64, err error) {
	if n <= 0 {
		return 0, nil
	}
	b := get(&r.io.readers, readChunks)
	defer b.put()
	for done < n {
		s := spanAt(r.dek.Size, r.dek.PartLog, off+done, n-done, readChunks)
		plain, err := r.open(ctx, b, s)
		// Behind a damaged chunk nothing is used, before it everything.
		if skip := off + done - s.plainOffset; skip < int64(len(plain)) {
			piece := plain[skip:min(int64(len(plain)), skip+n-done)]
			if err := use(piece); err != nil {
				return done, err
			}
			done += int64(len(piece))
		}
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

// open reads and opens a span. Beside an error it returns the plaintext of the
// chunks before the damaged one.
func (r *Reader) open(ctx context.Context, b *buffers, s span) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p := r.part.Load()
	known := p != nil && p.number == s.part
	// The header of a part stands before its chunk 0: mostly it comes with it.
	start, head := s.offset, 0
	if !known && s.first == 0 {
		start, head = s.offset-cobblestone.HeaderSize, cobblestone.HeaderSize
	}
	sealed := b.sealed[:int64(head)+s.length]
	if err := r.readFull(sealed, start); err != nil {
		return nil, err
	}
	if !known {
		header := sealed[:head]
		if head == 0 {
			var h [cobblestone.HeaderSize]byte
			if err := r.readFull(h[:], s.part*StoredPartSize(r.dek.PartLog)); err != nil {
				return nil, err
			}
			header = h[:]
		}
		o, err := cobblestone.NewOpener(r.dek.Key.Bytes(), seal.Content(r.id, uint32(s.part)).Bytes(), header)
		if err != nil {
			return nil, r.broken(s, err)
		}
		p = &openPart{s.part, o}
		r.part.Store(p)
	}
	plain, err := p.opener.AppendOpen(b.plain[:0], sealed[head:], s.first)
	if err != nil {
		return plain, r.broken(s, err)
	}
	return plain, nil
}

func (r *Reader) readFull(p []byte, off int64) error {
	n, err := r.obj.ReadAt(p, off)
	if n == len(p) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		return damaged(fmt.Errorf("content: blob %v ends at byte %d", r.id, off+int64(n)))
	}
	return fmt.Errorf("content: reading blob %v: %w", r.id, err)
}

func (r *Reader) broken(s span, cause error) error {
	return damaged(fmt.Errorf("content: blob %v part %d: %w", r.id, s.part, cause))
}
