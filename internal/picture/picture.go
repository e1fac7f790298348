// Package picture makes small JPEGs of pictures: PNG, JPEG, GIF and WebP, told
// by their first bytes. It knows sizes, memory and time; it must not know
// users, files, or where the bytes come from.
//
// A picture is somebody's bytes, so nothing it says is believed. Its header is
// read first, and one whose decoding would need more than Block of memory is
// refused unseen: decoders make room for what a header claims. What is decoded
// is drawn anew, turned the way its EXIF says and on white where it lets
// through, so that nothing of the file but its look is in the answer.
//
// Nothing runs beside the caller. The decoders cannot be told to stop, but they
// end when their input does, and that ends with the context or when the time is
// over: what a decoder still does then is bounded by the few kilobytes that it
// has read ahead and by the size that was allowed.
package picture

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/image/webp"
	"golang.org/x/sync/semaphore"
)

// Block is the most memory that the making of one small picture takes.
const Block = 64 << 20

const (
	quality  = 84
	bigBlock = 16 << 20 // from this size on, memory is collected at once
)

// What can be wrong with a picture. The same bytes get the same answer again,
// but for ErrSlow.
var (
	ErrKind  = errors.New("picture: not a kind that is read here")
	ErrLarge = errors.New("picture: too large")
	ErrBad   = errors.New("picture: broken")
	ErrSlow  = errors.New("picture: it took too long")
)

// ErrBusy says that too many pictures wait: try again later.
var ErrBusy = errors.New("picture: too many wait")

// Options sets a Maker up. Memory is needed.
type Options struct {
	// Memory counts blocks of 64 MiB that everything in the process shares which
	// needs that much at once.
	Memory *semaphore.Weighted
	AtOnce int           // pictures at a time, fewer than Memory where that has several; 0 = 1
	Queue  int           // pictures that may wait for their turn; 0 = 64
	Time   time.Duration // for one picture; 0 = 10 s
}

// Maker makes small pictures, few at a time. Use one per process. Safe for
// concurrent use.
type Maker struct {
	memory  *semaphore.Weighted
	turn    *semaphore.Weighted // only these stand in line for memory: a sign-in waits for them, not for all
	most    int64               // running and waiting together
	time    time.Duration
	pending atomic.Int64
	runs    atomic.Int64
}

// NewMaker returns a Maker.
func NewMaker(o Options) *Maker {
	if o.AtOnce == 0 {
		o.AtOnce = 1
	}
	if o.Queue == 0 {
		o.Queue = 64
	}
	if o.Time == 0 {
		o.Time = 10 * time.Second
	}
	return &Maker{memory: o.Memory, turn: semaphore.NewWeighted(int64(o.AtOnce)), most: int64(o.AtOnce + o.Queue), time: o.Time}
}

// Runs tells how many pictures were looked into.
func (m *Maker) Runs() int64 { return m.runs.Load() }

// Turn waits until a picture may be made; done must be called. It fails with
// ErrBusy, or with the error of ctx when that ends while waiting.
func (m *Maker) Turn(ctx context.Context) (done func(), err error) {
	if m.pending.Add(1) > m.most {
		m.pending.Add(-1)
		return nil, ErrBusy
	}
	if err := m.turn.Acquire(ctx, 1); err != nil {
		m.pending.Add(-1)
		return nil, err
	}
	if err := m.memory.Acquire(ctx, 1); err != nil {
		m.turn.Release(1)
		m.pending.Add(-1)
		return nil, err
	}
	return func() {
		m.memory.Release(1)
		m.turn.Release(1)
		m.pending.Add(-1)
	}, nil
}

// Small returns a JPEG that shows the picture in src, size bytes, no wider and
// no higher than edge and never larger than it is. The first frame stands for
// those that move. It is called in a Turn. An error of src, or of ctx, comes
// back as it is; the others say what is wrong with the picture.
func (m *Maker) Small(ctx context.Context, src io.ReaderAt, size int64, edge int) ([]byte, error) {
	m.runs.Add(1)
	in := &input{ctx: ctx, src: src, size: size, end: time.Now().Add(m.time)}
	out, memory, err := small(in, edge)
	if memory >= bigBlock {
		runtime.GC() // before the turn is given on: two blocks at once were not agreed
	}
	if in.err != nil {
		return nil, in.err // whatever the decoder made of it
	}
	return out, err
}

// small also tells how much memory it was allowed.
func small(in *input, edge int) (out []byte, memory int64, err error) {
	defer func() {
		if r := recover(); r != nil { // in a decoder: one picture must not end more than itself
			out, err = nil, fmt.Errorf("%w: %v", ErrBad, r)
		}
	}()
	p, err := look(in)
	if err != nil {
		return nil, 0, err
	}
	if memory = p.memory(edge); memory > Block {
		return nil, 0, fmt.Errorf("%w: %d x %d would need %d MiB", ErrLarge, p.width, p.height, memory>>20)
	}
	turn := orientation(in, p.format)
	full, err := decode(in, p)
	if err != nil {
		return nil, memory, err
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, oriented(shrink(full, edge), turn), &jpeg.Options{Quality: quality}); err != nil {
		return nil, memory, fmt.Errorf("%w: %w", ErrBad, err)
	}
	return b.Bytes(), memory, nil
}

func decode(in *input, p probe) (image.Image, error) {
	var full image.Image
	var err error
	switch r := in.from(0); p.format {
	case pngFormat:
		full, err = png.Decode(r)
	case jpegFormat:
		full, err = jpeg.Decode(r)
	case gifFormat:
		full, err = gif.Decode(r)
	case webpFormat:
		full, err = webp.Decode(r)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBad, err)
	}
	if b := full.Bounds(); b.Dx() > p.width || b.Dy() > p.height || b.Empty() {
		return nil, fmt.Errorf("%w: %v of %d x %d", ErrBad, b, p.width, p.height)
	}
	return full, nil
}

var mediaTypes = []string{"image/png", "image/vnd.mozilla.apng", "image/jpeg", "image/gif", "image/webp"}

// Reads reports whether files of this media type, told by their first bytes,
// are worth a try.
func Reads(mediaType string) bool { return slices.Contains(mediaTypes, mediaType) }
