package client

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"coffer"
	"coffer/internal/wire"
)

// The measures of DownloadFile.
const (
	block        = 1 << 20  // what is remembered as arrived
	runBytes     = 16 << 20 // of one request, where several run
	parallelFrom = 64 << 20 // files of this size are got by several requests at once
	parallelRuns = 4
)

// partialMagic ends a file that DownloadFile has not completed.
const partialMagic = "coffer-part-v1\r\n"

// ErrForeign is the answer to a file that holds something else than a part of a
// download.
var ErrForeign = errors.New("the file is not a part of a download")

// DownloadFile is Download into a file, which may hold a part from an earlier
// call, even one whose process died: only what is missing is asked for, a big
// file by several requests at once. Until it is complete the file is longer than
// the content: behind it stand a mark for each MiB that arrived, the version's
// id and a magic. All that it held before is verified with the rest; if that was
// wrong, all is got once more. progress is told of it too, negative when it is
// taken back, from one goroutine at a time.
//
// A file that holds anything else is ErrForeign, and is not touched.
func (c *Client) DownloadFile(ctx context.Context, node wire.Node, f *os.File, progress func(n int64)) error {
	if progress == nil {
		progress = func(int64) {}
	}
	for {
		p, err := openPartial(f, node, progress)
		if err != nil {
			return err
		}
		kept := p.kept()
		p.moved(kept)
		err = c.fill(ctx, p)
		if e, ok := errors.AsType[*coffer.Error](err); ok && e.Code == "sum_mismatch" {
			p.moved(-node.Size)
			if err := f.Truncate(0); err != nil {
				return err
			}
			if kept > 0 { // the part may be to blame
				continue
			}
		}
		if err != nil {
			return err
		}
		return f.Truncate(node.Size)
	}
}

// fill gets what is missing and verifies all.
func (c *Client) fill(ctx context.Context, p *partial) error {
	runs, workers := p.missing(), 1
	if p.node.Size >= parallelFrom {
		runs, workers = divided(runs), parallelRuns
	}
	work, running := errgroup.WithContext(ctx)
	var sum []byte
	work.Go(func() (err error) { sum, err = p.hash(running); return err })
	var mu sync.Mutex
	var digest string
	take := func() (r run, ok bool) {
		mu.Lock()
		defer mu.Unlock()
		if len(runs) == 0 {
			return r, false
		}
		r, runs = runs[0], runs[1:]
		return r, true
	}
	for range workers {
		work.Go(func() error {
			for r, ok := take(); ok; r, ok = take() {
				f := &fetch{client: c, node: p.node, at: r.from, to: r.to, sink: p.write}
				if err := f.run(running); err != nil {
					return err
				}
				mu.Lock()
				digest = f.digest
				mu.Unlock()
			}
			return nil
		})
	}
	if err := work.Wait(); err != nil {
		return err
	}
	return c.verify(ctx, p.node, digest, sum)
}

// A partial is a file in which a content arrives.
type partial struct {
	f    *os.File
	node wire.Node

	mu       sync.Mutex
	arrived  sync.Cond // a block has, or all is over
	marks    []byte    // for each block; 1 = it is there
	progress func(int64)
}

// openPartial reads what a file holds of the content, and makes it ready for
// the rest.
func openPartial(f *os.File, node wire.Node, progress func(int64)) (*partial, error) {
	p := &partial{f: f, node: node, progress: progress, marks: make([]byte, (node.Size+block-1)/block)}
	p.arrived.L = &p.mu
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	end := append(append([]byte(nil), node.VersionID[:]...), partialMagic...)
	have := make([]byte, len(end))
	if info.Size() > 0 {
		if _, err := f.ReadAt(have, info.Size()-int64(len(have))); err != nil && info.Size() >= int64(len(have)) {
			return nil, err
		}
		if string(have[len(node.VersionID):]) != partialMagic {
			return nil, ErrForeign
		}
	}
	whole := node.Size + int64(len(p.marks)+len(end))
	if info.Size() == whole && string(have) == string(end) {
		_, err := f.ReadAt(p.marks, node.Size)
		if err == io.EOF {
			err = nil
		}
		return p, err
	}
	if err := f.Truncate(0); err != nil { // of another version
		return nil, err
	}
	_, err = f.WriteAt(end, whole-int64(len(end)))
	return p, err
}

// A run is a stretch of the content.
type run struct{ from, to int64 }

// missing returns what has not arrived, whole blocks together where they touch.
func (p *partial) missing() (runs []run) {
	for i, m := range p.marks {
		from := int64(i) * block
		to := min(from+block, p.node.Size)
		switch last := len(runs) - 1; {
		case m == 1:
		case last >= 0 && runs[last].to == from:
			runs[last].to = to
		default:
			runs = append(runs, run{from, to})
		}
	}
	return runs
}

// divided cuts runs into such as one request is made for.
func divided(runs []run) (out []run) {
	for _, r := range runs {
		for ; r.to-r.from > runBytes; r.from += runBytes {
			out = append(out, run{r.from, r.from + runBytes})
		}
		out = append(out, r)
	}
	return out
}

// kept is how many bytes have arrived.
func (p *partial) kept() int64 {
	n := p.node.Size
	for _, r := range p.missing() {
		n -= r.to - r.from
	}
	return n
}

func (p *partial) moved(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.progress(n)
}

// write takes bytes of a run, in order, and marks each block that they complete.
func (p *partial) write(at int64, b []byte) error {
	if _, err := p.f.WriteAt(b, at); err != nil {
		return err
	}
	end := at + int64(len(b))
	done := end / block
	if end == p.node.Size {
		done = int64(len(p.marks))
	}
	for i := at / block; i < done; i++ {
		if _, err := p.f.WriteAt([]byte{1}, p.node.Size+i); err != nil {
			return err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := at / block; i < done; i++ {
		p.marks[i] = 1
	}
	p.arrived.Broadcast()
	p.progress(int64(len(b)))
	return nil
}

// hash follows what arrives and returns the SHA-256 of all.
func (p *partial) hash(ctx context.Context) ([]byte, error) {
	defer context.AfterFunc(ctx, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.arrived.Broadcast()
	})()
	sum, buf := sha256.New(), make([]byte, min(block, p.node.Size))
	for i := range p.marks {
		p.mu.Lock()
		for p.marks[i] == 0 && ctx.Err() == nil {
			p.arrived.Wait()
		}
		p.mu.Unlock()
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		at := int64(i) * block
		b := buf[:min(block, p.node.Size-at)]
		if _, err := p.f.ReadAt(b, at); err != nil {
			return nil, fmt.Errorf("reading what arrived: %w", err)
		}
		sum.Write(b)
	}
	return sum.Sum(nil), nil
}

// Worthless reports whether what a failed DownloadFile has left is of no use:
// the content is not to be had any more.
func Worthless(err error) bool {
	return slices.Contains([]coffer.Kind{coffer.NotFound, coffer.Gone, coffer.Forbidden, coffer.Corrupt}, coffer.KindOf(err))
}
