package content

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	"coffer"
	"coffer/internal/blob"
	"coffer/internal/cobblestone"
	"coffer/internal/seal"
)

// WriteOptions are the choices of one Write; the zero value is the default.
type WriteOptions struct {
	NoSum     bool          // no SHA-256 of the plaintext
	SyncBytes int64         // flush after so many plaintext bytes; 0 = 64 MiB
	SyncEvery time.Duration // and after so much time; 0 = 5 s

	// Durable is told after each flush of an Append up to where whole parts
	// are durable. Its error ends the Append.
	Durable func(offset int64) error
}

const (
	defaultSyncBytes = 64 << 20
	defaultSyncEvery = 5 * time.Second
)

func (o *WriteOptions) setDefaults() {
	if o.SyncBytes == 0 {
		o.SyncBytes = defaultSyncBytes
	}
	if o.SyncEvery == 0 {
		o.SyncEvery = defaultSyncEvery
	}
}

// Write seals all that src gives into dst, which was staged for blob id with
// StoredPartSize. dek has its Key and PartLog, and in Size the expected length
// or seal.UnknownSize. The answer is dek completed with Size, Digest and Sum:
// to be sealed once dst was published with StoredSize of them, which Write
// leaves to the caller.
//
// Each part is a message under a fresh salt, and each call starts at the first
// byte, so no byte is ever sealed twice under one nonce. An error of src is
// returned wrapped; io.ErrUnexpectedEOF and a wrong length mean that the
// content is not whole. Whatever the error, the caller aborts dst.
func (o *IO) Write(ctx context.Context, dst blob.Pending, id coffer.ID, dek seal.DEK, src io.Reader, opt WriteOptions) (seal.DEK, error) {
	if dek.PartLog < minPartLog || dek.PartLog > seal.MaxPartLog {
		return dek, fmt.Errorf("content: part size 2^%d", dek.PartLog)
	}
	b, done := o.writer(dek.Size)
	defer done()
	w := &writer{ctx: ctx, dst: dst, id: id, dek: dek, src: src, opt: opt, b: b, synced: time.Now()}
	w.opt.setDefaults()
	if !opt.NoSum {
		w.sum = startSum(dek.Size)
		defer w.sum.stop()
	}
	if err := w.run(); err != nil {
		return dek, err
	}
	if dek.Size != seal.UnknownSize && w.size != dek.Size {
		return dek, coffer.E(coffer.Invalid, "size_mismatch", fmt.Sprintf("%d bytes were announced, %d came.", dek.Size, w.size))
	}
	dek.Size, dek.Digest, dek.Sum = w.size, seal.NoDigest, [32]byte{}
	if w.sum != nil {
		dek.Digest, dek.Sum = seal.FileSHA256, w.sum.finish()
	}
	return dek, nil
}

// writer is one run of Write.
type writer struct {
	ctx context.Context
	dst blob.Pending
	id  coffer.ID
	dek seal.DEK
	src io.Reader
	opt WriteOptions
	b   *buffers
	sum *summer // nil: no sum

	size       int64 // plaintext so far
	stored     int64 // offset of the next sealed byte
	part       int64
	sealer     *cobblestone.Sealer // of the current part; nil before its first byte
	sinceBytes int64               // plaintext since the last flush
	synced     time.Time

	// Of a piece (Append): where it ends (seal.UnknownSize: nobody knows), and
	// why its source ended before.
	piece bool
	end   int64
	cut   error
}

// run fills a block, seals it into the second buffer while its sum is taken
// beside, and writes it with one call. The two halves of the plaintext buffer
// take turns, so that the next block is read while the sum of this one runs.
func (w *writer) run() error {
	blocks := [][]byte{w.b.plain}
	if w.sum != nil {
		half := len(w.b.plain) / 2
		blocks = [][]byte{w.b.plain[:half], w.b.plain[half:]}
	}
	for i := 0; ; i++ {
		block := blocks[i%len(blocks)]
		if w.sum != nil {
			w.sum.wait(len(blocks) - 1) // this half may be written again
		}
		inPart := w.size - w.part<<w.dek.PartLog
		if room := int64(1)<<w.dek.PartLog - inPart; room < int64(len(block)) {
			block = block[:room]
		}
		if w.piece && w.end != seal.UnknownSize {
			block = block[:min(int64(len(block)), w.end-w.size)]
		}
		n, end, err := w.read(block)
		if w.piece {
			w.cut, err = err, nil
			end = end || w.cut != nil || w.size+int64(n) == w.end
		}
		if err != nil {
			return err
		}
		if n == 0 && w.sealer == nil && (w.size > 0 || w.piece) {
			return nil // ended on the edge of a part
		}
		if w.sum != nil && n > 0 {
			w.sum.add(block[:n])
		}
		if err := w.seal(block[:n], end || n > 0 && inPart+int64(n) == 1<<w.dek.PartLog); err != nil {
			return err
		}
		if end {
			return nil
		}
		if err := w.maybeSync(int64(n)); err != nil {
			return err
		}
	}
}

// read fills block, or reads to the end of the source.
func (w *writer) read(block []byte) (n int, end bool, err error) {
	for n < len(block) && !end {
		if err := w.ctx.Err(); err != nil {
			return n, false, err
		}
		m, err := w.src.Read(block[n:])
		n += m
		if errors.Is(err, io.EOF) {
			end = true
		} else if err != nil {
			return n, false, fmt.Errorf("content: reading the source: %w", err)
		}
		if !w.piece && w.dek.Size != seal.UnknownSize && w.size+int64(n) > w.dek.Size {
			return n, false, coffer.E(coffer.Invalid, "size_mismatch", fmt.Sprintf("%d bytes were announced, more came.", w.dek.Size))
		}
	}
	return n, end, nil
}

// seal writes a block; last says that it ends its part.
func (w *writer) seal(block []byte, last bool) error {
	out := w.b.sealed[:0]
	if w.sealer == nil {
		if w.part >= seal.MaxParts {
			return tooLarge(seal.MaxParts << w.dek.PartLog)
		}
		s, err := cobblestone.NewSealer(w.dek.Key.Bytes(), seal.Content(w.id, uint32(w.part)).Bytes())
		if err != nil {
			return err
		}
		w.sealer = s
		out = s.AppendHeader(out)
	}
	full := len(block) &^ (cobblestone.ChunkSize - 1)
	out, err := w.sealer.AppendChunks(out, block[:full])
	if err == nil && last {
		out, err = w.sealer.AppendLast(out, block[full:])
	}
	if err != nil {
		return err
	}
	if _, err := w.dst.WriteAt(out, w.stored); err != nil {
		return err
	}
	w.stored += int64(len(out))
	w.size += int64(len(block))
	if last {
		w.sealer = nil
		w.part++
	}
	return nil
}

// maybeSync keeps the final flush short and the loss of a crash small.
func (w *writer) maybeSync(n int64) error {
	w.sinceBytes += n
	if w.sinceBytes < w.opt.SyncBytes && time.Since(w.synced) < w.opt.SyncEvery {
		return nil
	}
	w.sinceBytes = 0
	err := w.dst.Sync(w.ctx)
	w.synced = time.Now()
	if err == nil && w.opt.Durable != nil {
		err = w.opt.Durable(w.part << w.dek.PartLog)
	}
	return err
}

// summer takes a SHA-256 in the order of add: in a goroutine of its own, or for
// small content at once, which costs less than telling another.
type summer struct {
	blocks  chan []byte   // nil: at once
	taken   chan struct{} // one for each block that was summed
	waiting int           // blocks added and not yet waited for
	h       hash.Hash
}

func startSum(size int64) *summer {
	if size >= 0 && size <= smallContent {
		return &summer{h: sha256.New()}
	}
	s := &summer{blocks: make(chan []byte, 2), taken: make(chan struct{}, 2), h: sha256.New()}
	go func() {
		defer close(s.taken)
		for b := range s.blocks {
			s.h.Write(b)
			s.taken <- struct{}{}
		}
	}()
	return s
}

func (s *summer) add(b []byte) {
	if s.blocks == nil {
		s.h.Write(b)
		return
	}
	s.waiting++
	s.blocks <- b
}

// wait returns when at most left blocks are still being summed.
func (s *summer) wait(left int) {
	for ; s.waiting > left; s.waiting-- {
		<-s.taken
	}
}

func (s *summer) finish() [32]byte {
	s.wait(0)
	return [32]byte(s.h.Sum(nil))
}

// stop ends the goroutine and returns when it no longer reads any block.
func (s *summer) stop() {
	s.wait(0)
	if s.blocks == nil {
		return
	}
	close(s.blocks)
	for range s.taken {
	}
}
