package seal

import (
	"encoding/binary"
	"errors"

	"coffer"
)

// Part sizes are powers of two: 8 MiB to 4 GiB of plaintext.
const (
	MinPartLog = 23
	MaxPartLog = 32
	MaxParts   = 10_000 // of one blob
)

// UnknownSize stands for the length of an upload whose length is not known
// yet. No finished file has it.
const UnknownSize = -1

// Digest tells what Sum is.
type Digest uint8

// The digests. PartsDigest belongs to vaults.
const (
	NoDigest    Digest = 0
	PartsDigest Digest = 1
	FileSHA256  Digest = 2
)

// DEK is the record of one blob: the key of its content and what a reader
// must know before it trusts the stored bytes. In an upload's record Size is
// the announced length or UnknownSize, and Sum the announced SHA-256, if any.
type DEK struct {
	Key     Key
	PartLog uint8 // log2 of the plaintext size of a part, MinPartLog to MaxPartLog
	Size    int64 // bytes of plaintext
	Digest  Digest
	Sum     [32]byte // zero with NoDigest
}

const (
	dekVersion = 1
	dekSize    = 76
	// SealedDEKSize is the length of a sealed DEK record.
	SealedDEKSize = dekSize + Overhead

	unknownSize = 1<<64 - 1
)

// encode writes the fixed 76 bytes:
//
//	u8 version | u8 flags | u8 log2 part size | u8 0 | u64 size | key 32 | digest 32
func (d DEK) encode() []byte {
	b := make([]byte, 4, dekSize)
	b[0], b[1], b[2] = dekVersion, byte(d.Digest), d.PartLog
	b = binary.BigEndian.AppendUint64(b, uint64(d.Size)) // UnknownSize becomes unknownSize
	b = append(b, d.Key.Bytes()...)
	return append(b, d.Sum[:]...)
}

// parseDEK accepts what encode writes and nothing else.
func parseDEK(b []byte, unfinished bool) (DEK, error) {
	if len(b) != dekSize || b[0] != dekVersion || b[3] != 0 {
		return DEK{}, errors.New("seal: no file key of version 1")
	}
	d := DEK{PartLog: b[2], Digest: Digest(b[1])}
	copy(d.Sum[:], b[44:])
	size := binary.BigEndian.Uint64(b[4:])
	switch {
	case d.Digest > FileSHA256, d.Digest == NoDigest && d.Sum != [32]byte{}:
		return DEK{}, errors.New("seal: file key with impossible digest")
	case d.PartLog < MinPartLog || d.PartLog > MaxPartLog:
		return DEK{}, errors.New("seal: file key with impossible part size")
	case size == unknownSize && unfinished:
		d.Size = UnknownSize
	case size > MaxParts<<d.PartLog:
		return DEK{}, errors.New("seal: file key with impossible size")
	default:
		d.Size = int64(size)
	}
	var err error
	d.Key, err = ParseKey(b[12:44])
	return d, err
}

// SealDEK seals the record of a finished file (149 bytes) in its place, which
// FileKey names. It panics on a record that OpenDEK would refuse.
func SealDEK(sk Key, place Context, d DEK) []byte { return sealDEK(sk, place, d, false) }

// SealUpload seals the record of an unfinished upload in its place, which
// Upload names. It panics on a record that OpenUpload would refuse.
func SealUpload(sk Key, place Context, d DEK) []byte { return sealDEK(sk, place, d, true) }

func sealDEK(sk Key, place Context, d DEK, unfinished bool) []byte {
	b := d.encode()
	defer clear(b)
	if check, err := parseDEK(b, unfinished); err != nil {
		panic(err.Error())
	} else {
		check.Key.Clear()
	}
	return Seal(sk, place, b)
}

// OpenDEK opens what SealDEK made. All failures are coffer.Corrupt.
func OpenDEK(sk Key, place Context, sealed []byte) (DEK, error) {
	return openDEK(sk, place, sealed, false)
}

// OpenUpload opens what SealUpload made. All failures are coffer.Corrupt.
func OpenUpload(sk Key, place Context, sealed []byte) (DEK, error) {
	return openDEK(sk, place, sealed, true)
}

func openDEK(sk Key, place Context, sealed []byte, unfinished bool) (DEK, error) {
	b, err := Open(sk, place, sealed)
	if err != nil {
		return DEK{}, err
	}
	defer clear(b)
	d, err := parseDEK(b, unfinished)
	if err != nil {
		return DEK{}, damaged(err)
	}
	return d, nil
}

// OpenSpaceKey opens a sealed space key; what is inside must be a key.
func OpenSpaceKey(kek Key, space coffer.ID, sk, kekVersion uint32, sealed []byte) (Key, error) {
	b, err := Open(kek, SpaceKey(space, sk, kekVersion), sealed)
	if err != nil {
		return Key{}, err
	}
	defer clear(b)
	k, err := ParseKey(b)
	if err != nil {
		return Key{}, damaged(err)
	}
	return k, nil
}
