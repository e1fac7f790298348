// Package seal makes and opens sealed records: small secrets, bound to the
// place where they are stored by a label and fixed fields. It knows the key
// type, the contexts and the record of a file key; it must not know users,
// files, databases, or where keys come from.
//
// A sealed record is the byte 01 and one Cobblestone-256 message
// (docs/format.md). The byte selects the suite and with it the namespace of
// the contexts, so no later suite can be confused with this one. A record of
// up to 16,383 bytes grows by 73.
package seal

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha512"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"

	"coffer"
	"coffer/internal/cobblestone"
)

// suite is the first byte of every sealed record.
const suite = 1

// Overhead is what sealing adds to a record shorter than 16,384 bytes.
const Overhead = 1 + cobblestone.HeaderSize + cobblestone.Overhead

// maxRecord bounds a record, so that no caller seals content here by mistake.
const maxRecord = 1 << 20

// Key is 32 secret bytes. However it is printed, logged or encoded, it shows
// none of them: every way out answers "[key]" or an error, and where fmt does
// not ask (unexported fields of other values) it finds the address of a
// function, while it would follow a pointer. The zero Key is none; using it
// panics.
type Key struct {
	secret func() *[cobblestone.KeySize]byte
}

func newKey() Key {
	b := new([cobblestone.KeySize]byte)
	return Key{func() *[cobblestone.KeySize]byte { return b }}
}

// NewKey returns a random key.
func NewKey() Key {
	k := newKey()
	rand.Read(k.Bytes()) // never fails
	return k
}

// ParseKey copies the 32 bytes of a key.
func ParseKey(b []byte) (Key, error) {
	if len(b) != cobblestone.KeySize {
		return Key{}, fmt.Errorf("seal: key of %d bytes, want %d", len(b), cobblestone.KeySize)
	}
	k := newKey()
	copy(k.Bytes(), b)
	return k, nil
}

// Bytes returns the secret bytes themselves, not a copy. For those who wrap a
// key or feed it to a cipher; they do not keep the slice.
func (k Key) Bytes() []byte { return k.secret()[:] }

// IsZero reports whether there is no key.
func (k Key) IsZero() bool { return k.secret == nil }

// Clear overwrites the key, for all copies of k; best effort, as Go may have
// moved the bytes before.
func (k Key) Clear() {
	if !k.IsZero() {
		clear(k.Bytes())
	}
}

// Derive returns 32 bytes that are bound to info and tell nothing about k or
// about other infos: HKDF-Expand with SHA-512.
func (k Key) Derive(info string) []byte {
	b, err := hkdf.Expand(sha512.New, k.Bytes(), info, 32)
	if err != nil {
		panic("seal: " + err.Error()) // lengths are constant
	}
	return b
}

const redacted = "[key]"

// Format implements fmt.Formatter: all verbs print "[key]".
func (k Key) Format(f fmt.State, _ rune) { f.Write([]byte(redacted)) }

// LogValue implements slog.LogValuer.
func (k Key) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText refuses: keys leave this process only sealed. It keeps keys out
// of JSON as well.
func (k Key) MarshalText() ([]byte, error) {
	return nil, errors.New("seal: a key is not to be written out")
}

// Context says what a record is and where it belongs. It is public, and opens
// a record only if it is the one that the record was sealed under.
type Context struct{ b []byte }

// Bytes returns the encoding. It is the AAD that key management services get.
func (c Context) Bytes() []byte { return c.b }

// prefix starts every context. It is frozen, whatever the product is called.
const prefix = "coffer/v1/"

// ContextFromAAD takes back what Bytes gave, for providers that see the bytes
// only.
func ContextFromAAD(aad []byte) (Context, error) {
	if len(aad) <= len(prefix) || string(aad[:len(prefix)]) != prefix {
		return Context{}, errors.New("seal: these bytes are no context")
	}
	return Context{aad}, nil
}

// context encodes "coffer/v1/" label 00 fields. Labels hold no 00; the fields
// of a label are of fixed number and width (but for one last variable field),
// so no two different places have one encoding.
func context(label string) Context {
	b := make([]byte, 0, 128)
	b = append(append(b, prefix...), label...)
	return Context{append(b, 0)}
}

func (c Context) id(id coffer.ID) Context { return Context{append(c.b, id[:]...)} }
func (c Context) u32(n uint32) Context    { return Context{binary.BigEndian.AppendUint32(c.b, n)} }

// KEK is where a key encryption key wrapped by a provider stands.
func KEK(install coffer.ID, kek uint32) Context { return context("kek").id(install).u32(kek) }

// KEKCheck is the empty record that proves that a KEK is the right one.
func KEKCheck(install coffer.ID, kek uint32) Context {
	return context("kek-check").id(install).u32(kek)
}

// SpaceKey is a space key of version sk sealed under a KEK.
func SpaceKey(space coffer.ID, sk, kek uint32) Context {
	return context("space-key").id(space).u32(sk).u32(kek)
}

// FileKey is the DEK record of a version, sealed under a space key.
func FileKey(space, node, version, blob coffer.ID, sk uint32) Context {
	return context("dek").id(space).id(node).id(version).id(blob).u32(sk)
}

// Thumbnail is the DEK record of a small picture of a version, sealed under a
// space key.
func Thumbnail(space, version, blob coffer.ID, sk uint32) Context {
	return context("thumbnail").id(space).id(version).id(blob).u32(sk)
}

// Upload is the DEK record of an unfinished upload, sealed under a space key.
func Upload(space, upload, blob coffer.ID, sk uint32) Context {
	return context("upload").id(space).id(upload).id(blob).u32(sk)
}

// RequestToken is the secret part of the address of a file request, sealed under
// a space key.
func RequestToken(space, request coffer.ID, sk uint32) Context {
	return context("request-token").id(space).id(request).u32(sk)
}

// Content is one part of a blob, sealed under its DEK.
func Content(blob coffer.ID, part uint32) Context { return context("content").id(blob).u32(part) }

// Secret is a named secret of the installation, sealed under a KEK. The name
// is the one variable field.
func Secret(install coffer.ID, kek uint32, name string) Context {
	c := context("secret").id(install).u32(kek)
	return Context{append(c.b, name...)}
}

// RequestPassword is the PHC string of the password of a file request, sealed
// under a KEK.
func RequestPassword(request coffer.ID, kek uint32) Context {
	return context("request-password").id(request).u32(kek)
}

// Mail is a mail that waits to be sent, sealed under a KEK.
func Mail(install, mail coffer.ID, kek uint32) Context {
	return context("mail").id(install).id(mail).u32(kek)
}

// PasswordHash is the PHC string of a user, sealed under a KEK.
func PasswordHash(user coffer.ID, kek uint32) Context { return context("pwhash").id(user).u32(kek) }

// LinkPassword is the PHC string of a link's password, sealed under a KEK.
func LinkPassword(link coffer.ID, kek uint32) Context {
	return context("link-pwhash").id(link).u32(kek)
}

// LinkToken is the secret part of a link's address, sealed under a space key.
func LinkToken(space, link coffer.ID, sk uint32) Context {
	return context("link-token").id(space).id(link).u32(sk)
}

// Seal returns the sealed record of plaintext, at most 1 MiB, under a fresh
// salt. It panics on a zero key or a longer plaintext: both are mistakes of
// the program.
func Seal(k Key, c Context, plaintext []byte) []byte {
	if len(plaintext) > maxRecord {
		panic("seal: record over 1 MiB")
	}
	out := make([]byte, 1, 1+cobblestone.SealedSize(int64(len(plaintext))))
	out[0] = suite
	out, err := cobblestone.AppendSeal(out, k.Bytes(), c.b, plaintext)
	if err != nil {
		panic("seal: " + err.Error()) // the key has its size
	}
	return out
}

// Open returns the plaintext of a record that was sealed under this key and
// context. Whatever is wrong, the answer is a coffer.Corrupt error.
func Open(k Key, c Context, sealed []byte) ([]byte, error) {
	if len(sealed) == 0 || sealed[0] != suite {
		return nil, damaged(errors.New("seal: record of no known suite"))
	}
	if int64(len(sealed)) > 1+cobblestone.SealedSize(maxRecord) {
		return nil, damaged(errors.New("seal: record over 1 MiB"))
	}
	plain, err := cobblestone.Open(k.Bytes(), c.b, sealed[1:])
	if err != nil {
		return nil, damaged(err)
	}
	return plain, nil
}

func damaged(cause error) error {
	return &coffer.Error{Kind: coffer.Corrupt, Code: "damaged", Msg: "A stored record is damaged, or belongs to another place.", Err: cause}
}
