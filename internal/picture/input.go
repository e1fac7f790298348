package picture

import (
	"bufio"
	"context"
	"io"
	"time"
)

// input is the bytes of a picture as decoders get them. It ends when the time
// is over or nobody waits any more, and remembers why.
type input struct {
	ctx  context.Context
	src  io.ReaderAt
	size int64
	end  time.Time
	err  error // of reading, not of what was read
}

// ReadAt implements io.ReaderAt.
func (in *input) ReadAt(p []byte, off int64) (int, error) {
	if in.err == nil {
		in.err = in.ctx.Err()
	}
	if in.err == nil && time.Now().After(in.end) {
		in.err = ErrSlow
	}
	if in.err != nil {
		return 0, in.err
	}
	n, err := in.src.ReadAt(p, off)
	if err != nil && err != io.EOF {
		in.err = err
	}
	return n, err
}

// readAhead is how much is asked of the source at once: two of its chunks. The
// decoders take 4 KiB of it at a time, and the clock is looked at for each of
// these.
const readAhead = 32 << 10

// from returns the bytes from off on.
func (in *input) from(off int64) io.Reader {
	return &timed{in, bufio.NewReaderSize(io.NewSectionReader(in, off, in.size-off), readAhead)}
}

type timed struct {
	in *input
	r  io.Reader
}

func (t *timed) Read(p []byte) (int, error) {
	if t.in.err == nil && time.Now().After(t.in.end) {
		t.in.err = ErrSlow
	}
	if t.in.err != nil {
		return 0, t.in.err
	}
	return t.r.Read(p)
}
