package content

import (
	"fmt"

	"coffer"
	"coffer/internal/cobblestone"
	"coffer/internal/seal"
)

// A blob is part 0, part 1, ... each one Cobblestone message of P = 2^partLog
// bytes of plaintext, the last one of less or as much; an empty file is one
// empty part (docs/format.md). All arithmetic of sizes and offsets is in this
// file.

const (
	chunkLog = 14 // of cobblestone.ChunkSize
	// minPartLog is what the arithmetic needs: a part holds full chunks. Stored
	// records are held to seal.MinPartLog by package seal.
	minPartLog = chunkLog
	// unknownPartLog is for contents whose length nobody knows: 64 MiB.
	unknownPartLog = 26
	// wantedParts bounds the number of parts chosen for a known length.
	wantedParts = 8192
)

// PartLog chooses the size of parts, as log2, for content of size bytes
// (seal.UnknownSize: not known). Too large for any is coffer.TooLarge.
func PartLog(size int64) (uint8, error) {
	if size == seal.UnknownSize {
		return unknownPartLog, nil
	}
	if size < 0 {
		return 0, coffer.E(coffer.Invalid, "size_invalid", "A size cannot be negative.")
	}
	for p := uint8(seal.MinPartLog); p <= seal.MaxPartLog; p++ {
		if size <= wantedParts<<p {
			return p, nil
		}
	}
	return 0, tooLarge(wantedParts << seal.MaxPartLog)
}

func tooLarge(limit int64) error {
	return coffer.E(coffer.TooLarge, "too_large", fmt.Sprintf("A file can have at most %d bytes here.", limit))
}

// StoredPartSize returns the sealed length of a full part.
func StoredPartSize(partLog uint8) int64 { return cobblestone.SealedSize(1 << partLog) }

// StoredSize returns the length of the whole blob for size bytes of plaintext.
func StoredSize(size int64, partLog uint8) int64 {
	n := parts(size, partLog)
	return (n-1)*StoredPartSize(partLog) + cobblestone.SealedSize(size-(n-1)<<partLog)
}

// parts returns the number of parts: at least one.
func parts(size int64, partLog uint8) int64 {
	return max(1, (size+1<<partLog-1)>>partLog)
}

// span is a run of neighbouring chunks inside one part: what one read of the
// store fetches, with where it lies.
type span struct {
	part        int64 // number of the part
	first       int64 // its first chunk in this span
	offset      int64 // of the span in the blob
	length      int64 // of the span, sealed
	plainOffset int64 // of its plaintext in the file
}

// partSize returns the plaintext length of part i of a file.
func partSize(size int64, partLog uint8, i int64) int64 {
	return min(size-i<<partLog, 1<<partLog)
}

// spanAt returns the span with the plaintext byte at off that ends with the
// chunk of byte off+n-1, with the part, or after max chunks. off < size,
// n >= 1. A full part ends with an empty chunk, the mark that it is complete:
// it comes with the last full one, so that reading to the end proves the end.
func spanAt(size int64, partLog uint8, off, n int64, maxChunks int64) span {
	part := off >> partLog
	inPart := off - part<<partLog
	plain := partSize(size, partLog, part)
	s := span{part: part, first: inPart >> chunkLog}
	end := min(inPart+n, plain) // of the wanted plaintext in the part
	last := min((end-1)>>chunkLog, s.first+maxChunks-1)
	s.offset = part*StoredPartSize(partLog) + cobblestone.ChunkOffset(s.first)
	s.plainOffset = part<<partLog + s.first<<chunkLog
	if (last+1)<<chunkLog >= plain {
		s.length = cobblestone.SealedSize(plain) - cobblestone.ChunkOffset(s.first)
	} else {
		s.length = (last + 1 - s.first) * cobblestone.SealedChunkSize
	}
	return s
}
