package content

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"coffer"
	"coffer/internal/blob"
	"coffer/internal/cobblestone"
	"coffer/internal/seal"
)

// Piece is a run of content that arrives in several requests, perhaps of
// several processes. Pieces of one blob may be written at once.
type Piece struct {
	First int64 // offset of its first byte in the file, at the edge of a part
	End   int64 // behind its last byte; seal.UnknownSize while nobody knows
	Off   int64 // up to here the bytes are durable: the next one that comes

	// Tail holds, when Off lies inside a part, what that part has: a sealed
	// message that an Append closed there (see Appended.TailAt).
	Tail io.ReaderAt
}

// Appended is what an Append has made durable.
type Appended struct {
	Off int64 // the new Piece.Off
	// TailAt and TailLen say where in the staged blob the sealed message of an
	// unfinished part lies. The next Append writes over it, so the caller keeps
	// a copy. TailLen is 0 when Off is the edge of a part, or the piece's end.
	TailAt, TailLen int64
	// Sum is the SHA-256 of the whole content, when one Append saw all of it.
	Sum *[32]byte
}

// Append seals more of a piece into dst, which was staged for blob id with
// StoredPartSize, until src or the piece ends. Whatever ends src, what came before is kept and told as
// durable; the error of src comes back beside it, wrapped, nil when it ended
// cleanly. Any other error means that Off is what it was, or what Durable was
// told last. The caller closes dst.
//
// A part that was begun is sealed again from its first byte under a fresh salt:
// what it had is opened from the tail and sealed with what comes.
func (o *IO) Append(ctx context.Context, dst blob.Pending, id coffer.ID, dek seal.DEK, p Piece, src io.Reader, opt WriteOptions) (Appended, error) {
	part := p.Off >> dek.PartLog
	start := part << dek.PartLog
	if p.First&(1<<dek.PartLog-1) != 0 || p.Off < p.First || p.End != seal.UnknownSize && p.Off > p.End || p.Off > start && p.Tail == nil {
		return Appended{Off: p.Off}, fmt.Errorf("content: a piece %d-%d cannot go on at %d", p.First, p.End, p.Off)
	}
	kept := Appended{Off: p.Off}
	if p.Off > start {
		tail, err := cobblestone.NewReaderAt(dek.Key.Bytes(), seal.Content(id, uint32(part)).Bytes(), p.Tail, cobblestone.SealedSize(p.Off-start))
		if err != nil {
			return kept, damaged(err)
		}
		src = io.MultiReader(io.NewSectionReader(tail, 0, p.Off-start), src)
	}
	b, done := o.writer(p.End)
	defer done()
	w := &writer{ctx: ctx, dst: dst, id: id, dek: dek, src: src, opt: opt, b: b, synced: time.Now(),
		size: start, part: part, stored: part * StoredPartSize(dek.PartLog), piece: true, end: p.End}
	w.opt.setDefaults()
	if durable := opt.Durable; durable != nil {
		w.opt.Durable = func(off int64) error {
			if off <= kept.Off {
				return nil
			}
			err := durable(off)
			if err == nil {
				kept = Appended{Off: off}
			}
			return err
		}
	}
	if p.Off == 0 && p.End == dek.Size && p.End != seal.UnknownSize && !opt.NoSum {
		w.sum = startSum(seal.UnknownSize)
		defer w.sum.stop()
	}
	if err := w.run(); err != nil {
		return kept, err
	}
	if w.size < p.Off { // the tail itself could not be read
		return kept, errors.Join(w.cut, errors.New("content: the tail of a part is short"))
	}
	if err := dst.Sync(context.WithoutCancel(ctx)); err != nil {
		return kept, err
	}
	kept = Appended{Off: w.size}
	if n := w.size & (1<<dek.PartLog - 1); n > 0 && w.size != p.End {
		kept.TailAt, kept.TailLen = (w.part-1)*StoredPartSize(dek.PartLog), cobblestone.SealedSize(n)
	}
	if w.sum != nil && w.size == p.End {
		sum := w.sum.finish()
		kept.Sum = &sum
	}
	return kept, w.cut
}
