// Package cobblestone encrypts streams with C2SP chunked-encryption,
// instantiation Cobblestone-256 (https://c2sp.org/chunked-encryption: HKDF
// with SHA-512, AES-256-GCM, chunks of 16 KiB). It knows bytes, a key and a
// public context; it must not know what they mean, nor anything else of this
// module. It is the only package that may call cipher.NewGCM.
//
// A message is
//
//	salt 24 | commitment 32 | chunk 0 | chunk 1 | ... | last chunk
//
// where each chunk holds 16384 bytes of plaintext and a tag of 16 bytes, and
// the last one is strictly shorter, maybe empty: its shortness marks the end.
// The commitment binds the message to one key and one context; it is compared
// before anything is decrypted. No byte of a chunk is released before its tag
// was verified.
//
// [Writer] and [Reader] work on streams, [ReaderAt] reads anywhere, [Sealer]
// and [Opener] do the same work on many chunks at once in the caller's
// buffers, without allocating.
package cobblestone

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
)

// Sizes in bytes.
const (
	KeySize         = 32                   // of the key
	ChunkSize       = 1 << chunkLog        // plaintext of a full chunk
	Overhead        = 16                   // tag of each chunk
	SealedChunkSize = ChunkSize + Overhead // a full chunk on the wire
	HeaderSize      = saltSize + commitSize
	saltSize        = 24
	commitSize      = 32
	baseSize        = 12
	chunkLog        = 14
	maxChunks       = 1 << 38 // by the specification: 4 PiB of plaintext
	runChunks       = 16      // chunks that streams handle at once: 256 KiB
)

// MaxPlaintext is the longest message, in bytes of plaintext.
const MaxPlaintext int64 = maxChunks<<chunkLog - 1

// ErrDamaged is the cause of every failure to open: wrong key, wrong context
// or changed, cut, lengthened or swapped bytes. Wrapping errors tell where.
var ErrDamaged = errors.New("cobblestone: message is damaged, or key or context is wrong")

// ErrUsed is returned by a Sealer or Writer that was closed or has failed: a
// message is sealed once, and sealing goes never on after a doubt.
var ErrUsed = errors.New("cobblestone: message was already closed")

// SealedSize returns the length of the message for n bytes of plaintext,
// 0 <= n <= MaxPlaintext.
func SealedSize(n int64) int64 {
	return HeaderSize + n>>chunkLog*SealedChunkSize + n&(ChunkSize-1) + Overhead
}

// PlainSize returns the length of the plaintext in a message of so many bytes.
// Lengths that no message has are ErrDamaged.
func PlainSize(sealed int64) (int64, error) {
	body := sealed - HeaderSize
	if body < Overhead || body%SealedChunkSize < Overhead || body/SealedChunkSize >= maxChunks {
		return 0, fmt.Errorf("%w: no message has %d bytes", ErrDamaged, sealed)
	}
	return body/SealedChunkSize<<chunkLog + body%SealedChunkSize - Overhead, nil
}

// ChunkOffset returns where chunk i starts in its message. The plaintext byte
// at offset o is in chunk o / ChunkSize.
func ChunkOffset(i int64) int64 { return HeaderSize + i*SealedChunkSize }

// derive runs the key schedule: the AEAD, the base of its nonces and the
// commitment.
func derive(key, salt, context []byte) (aead cipher.AEAD, base [baseSize]byte, commit [commitSize]byte, err error) {
	if len(key) != KeySize {
		return nil, base, commit, fmt.Errorf("cobblestone: key of %d bytes, want %d", len(key), KeySize)
	}
	info := make([]byte, 0, 64+len(salt)+len(context))
	info = append(info, "c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\x00"...)
	info = append(append(info, salt...), context...)
	okm, err := hkdf.Expand(sha512.New, key, string(info), KeySize+baseSize+commitSize)
	if err != nil {
		return nil, base, commit, err
	}
	defer clear(okm)
	block, err := aes.NewCipher(okm[:KeySize])
	if err != nil {
		return nil, base, commit, err
	}
	copy(base[:], okm[KeySize:])
	copy(commit[:], okm[KeySize+baseSize:])
	aead, err = cipher.NewGCM(block)
	return aead, base, commit, err
}

// nonceAt writes base XOR i, i as a 96-bit big-endian number.
func nonceAt(nonce, base *[baseSize]byte, i int64) {
	copy(nonce[:4], base[:4])
	binary.BigEndian.PutUint64(nonce[4:], binary.BigEndian.Uint64(base[4:])^uint64(i))
}

// Sealer seals one message, chunk after chunk, into the caller's buffers. It
// lives in memory only: after a crash or any doubt the message starts again
// from its first byte with a new Sealer and so a new salt. Not for concurrent
// use.
type Sealer struct {
	aead   cipher.AEAD
	base   [baseSize]byte
	nonce  [baseSize]byte // here so that it does not escape once per chunk
	header [HeaderSize]byte
	next   int64 // index of the next chunk
	done   bool
}

// NewSealer starts a message under a fresh random salt. The context is public
// and not part of the message; key and context are not kept.
func NewSealer(key, context []byte) (*Sealer, error) {
	var salt [saltSize]byte
	rand.Read(salt[:]) // never fails
	return newSealer(key, context, salt)
}

func newSealer(key, context []byte, salt [saltSize]byte) (*Sealer, error) {
	aead, base, commit, err := derive(key, salt[:], context)
	if err != nil {
		return nil, err
	}
	s := &Sealer{aead: aead, base: base}
	copy(s.header[copy(s.header[:], salt[:]):], commit[:])
	return s, nil
}

// AppendHeader appends the HeaderSize bytes that the message starts with.
func (s *Sealer) AppendHeader(dst []byte) []byte { return append(dst, s.header[:]...) }

// AppendChunks seals full chunks: len(plaintext) is a multiple of ChunkSize.
// It appends len(plaintext)/ChunkSize*SealedChunkSize bytes to dst and
// allocates nothing when dst has room. dst and plaintext must not overlap.
func (s *Sealer) AppendChunks(dst, plaintext []byte) ([]byte, error) {
	if s.done {
		return dst, ErrUsed
	}
	if len(plaintext)%ChunkSize != 0 {
		panic("cobblestone: AppendChunks wants full chunks")
	}
	if s.next+int64(len(plaintext)>>chunkLog) >= maxChunks {
		s.done = true
		return dst, fmt.Errorf("cobblestone: message longer than %d bytes", MaxPlaintext)
	}
	for ; len(plaintext) > 0; plaintext = plaintext[ChunkSize:] {
		nonceAt(&s.nonce, &s.base, s.next)
		dst = s.aead.Seal(dst, s.nonce[:], plaintext[:ChunkSize], nil)
		s.next++
	}
	return dst, nil
}

// AppendLast seals the last chunk, shorter than ChunkSize and maybe empty,
// and ends the message.
func (s *Sealer) AppendLast(dst, plaintext []byte) ([]byte, error) {
	if s.done {
		return dst, ErrUsed
	}
	if len(plaintext) >= ChunkSize {
		panic("cobblestone: AppendLast wants less than a chunk")
	}
	s.done = true
	nonceAt(&s.nonce, &s.base, s.next)
	return s.aead.Seal(dst, s.nonce[:], plaintext, nil), nil
}

// Opener opens chunks of one message, in any order. Safe for concurrent use.
type Opener struct {
	aead   cipher.AEAD
	base   [baseSize]byte
	nonces sync.Pool // of *[baseSize]byte, so that opening a run allocates nothing
}

// NewOpener checks the commitment in the first HeaderSize bytes of a message
// against key and context, in constant time, before any decryption is
// possible. A mismatch is ErrDamaged.
func NewOpener(key, context, header []byte) (*Opener, error) {
	if len(header) != HeaderSize {
		return nil, fmt.Errorf("%w: header of %d bytes", ErrDamaged, len(header))
	}
	aead, base, commit, err := derive(key, header[:saltSize], context)
	if err != nil {
		return nil, err
	}
	if subtle.ConstantTimeCompare(commit[:], header[saltSize:]) != 1 {
		return nil, fmt.Errorf("%w: commitment does not match", ErrDamaged)
	}
	return &Opener{aead: aead, base: base, nonces: sync.Pool{New: func() any { return new([baseSize]byte) }}}, nil
}

// AppendOpen opens the chunks in sealed, which start with chunk first, and
// appends their plaintext to dst. All but the last of them are full; a shorter
// last one is taken as the end of the message: that it stands at the end, and
// that the message has one, is for the caller to check by its length (see
// [PlainSize]). On failure the answer holds the chunks before the damaged one
// and the error is ErrDamaged. dst and sealed must not overlap.
func (o *Opener) AppendOpen(dst, sealed []byte, first int64) ([]byte, error) {
	nonce := o.nonces.Get().(*[baseSize]byte)
	defer o.nonces.Put(nonce)
	for i := first; len(sealed) > 0; i++ {
		n := min(len(sealed), SealedChunkSize)
		if i < 0 || i >= maxChunks {
			return dst, fmt.Errorf("%w: no chunk %d", ErrDamaged, i)
		}
		nonceAt(nonce, &o.base, i)
		out, err := o.aead.Open(dst, nonce[:], sealed[:n], nil)
		if err != nil {
			// The AEAD clears what it wrote behind len(dst); dst keeps its length.
			return dst, fmt.Errorf("%w: chunk %d", ErrDamaged, i)
		}
		dst, sealed = out, sealed[n:]
	}
	return dst, nil
}

// Seal returns the whole message for a short plaintext.
func Seal(key, context, plaintext []byte) ([]byte, error) {
	return AppendSeal(nil, key, context, plaintext)
}

// AppendSeal appends the whole message for plaintext to dst.
func AppendSeal(dst, key, context, plaintext []byte) ([]byte, error) {
	s, err := NewSealer(key, context)
	if err != nil {
		return dst, err
	}
	if need := int(SealedSize(int64(len(plaintext)))); cap(dst)-len(dst) < need {
		dst = append(make([]byte, 0, len(dst)+need), dst...)
	}
	full := len(plaintext) &^ (ChunkSize - 1)
	out, err := s.AppendChunks(s.AppendHeader(dst), plaintext[:full])
	if err != nil {
		return dst, err
	}
	return s.AppendLast(out, plaintext[full:])
}

// Open returns the plaintext of a whole message. Nothing of a damaged message
// is returned.
func Open(key, context, message []byte) ([]byte, error) {
	n, err := PlainSize(int64(len(message)))
	if err != nil {
		return nil, err
	}
	o, err := NewOpener(key, context, message[:HeaderSize])
	if err != nil {
		return nil, err
	}
	out, err := o.AppendOpen(make([]byte, 0, n), message[HeaderSize:], 0)
	if err != nil {
		clear(out)
		return nil, err
	}
	return out, nil
}
