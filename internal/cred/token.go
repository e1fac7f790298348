package cred

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math/big"
	"strings"
)

// ErrToken says that a text is not a token or code of the wanted kind. It says
// nothing about whether one like it was ever given out.
var ErrToken = errors.New("cred: not a token of this kind")

// Kind says what a token is for. It stands in the token's text and so in its
// hash: a token of one kind never passes for another.
type Kind string

// The kinds.
const (
	Session Kind = "session" // cookie of a browser that is signed in
	Signup  Kind = "signup"  // cookie of a browser that waits for a confirmation
	Confirm Kind = "confirm" // button in the mail that confirms an address
	Reset   Kind = "reset"   // link in the mail that sets a new password
	PAT     Kind = "pat"     // bearer token of a program

	Invitation Kind = "invitation" // button in the mail that invites somebody
	Visit      Kind = "visit"      // cookie of a browser that came by a link
)

const (
	tokenBytes = 32
	tokenChars = 52 // of 256 bits in base32
	crcChars   = 7  // of 32 bits
	setupBytes = 10
	setupChars = 16
	codeDigits = 6
)

// crockford is the alphabet of ids and tokens, in lower case, without i, l, o, u.
func crockford() *base32.Encoding {
	return base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)
}

// NewToken returns a fresh token of 256 random bits, as text to give out once
// ("coffer_<kind>_", 52 characters, 7 of CRC-32), and the SHA-256 hash of that
// text, to store.
func NewToken(k Kind) (text string, hash []byte) {
	b := make([]byte, tokenBytes)
	rand.Read(b) // never fails (crypto/rand)
	text = tokenText(k, b)
	return text, sum(text)
}

// ParseToken checks form and checksum of a token and returns its hash, to look
// it up by. Exactly the text that NewToken wrote is accepted.
func ParseToken(k Kind, text string) (hash []byte, err error) {
	body, ok := strings.CutPrefix(text, "coffer_"+string(k)+"_")
	if !ok || len(body) != tokenChars+crcChars {
		return nil, ErrToken
	}
	b, err := crockford().DecodeString(body[:tokenChars])
	if err != nil || tokenText(k, b) != text {
		return nil, ErrToken
	}
	return sum(text), nil
}

func tokenText(k Kind, b []byte) string {
	text := "coffer_" + string(k) + "_" + crockford().EncodeToString(b)
	crc := binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE([]byte(text)))
	return text + crockford().EncodeToString(crc)
}

func sum(text string) []byte {
	h := sha256.Sum256([]byte(text))
	return h[:]
}

// NewSetupCode returns a fresh code of 80 random bits that a person may have to
// type ("ABCD-EFGH-JKMN-PQRS"), and its hash, to store.
func NewSetupCode() (text string, hash []byte) {
	b := make([]byte, setupBytes)
	rand.Read(b) // never fails (crypto/rand)
	plain := strings.ToUpper(crockford().EncodeToString(b))
	for i := 0; i < setupChars; i += 4 {
		if i > 0 {
			text += "-"
		}
		text += plain[i : i+4]
	}
	return text, sum("coffer_setup_" + strings.ToLower(plain))
}

// ParseSetupCode returns the hash of a typed setup code. Case, spaces and
// hyphens do not count, and the look-alikes O, I and L are read as digits.
func ParseSetupCode(text string) (hash []byte, err error) {
	if len(text) > 64 {
		return nil, ErrToken
	}
	plain := strings.NewReplacer("-", "", "o", "0", "i", "1", "l", "1").Replace(strings.Join(strings.Fields(strings.ToLower(text)), ""))
	b, err := crockford().DecodeString(plain)
	if err != nil || len(plain) != setupChars {
		return nil, ErrToken
	}
	return sum("coffer_setup_" + crockford().EncodeToString(b)), nil // not plain: the decoder is lenient
}

// The secret part of a public address: 128 bits, 26 characters.
const (
	addressBytes = 16
	addressChars = 26
)

// NewAddress returns the secret part of a public address, and its hash, to
// store. kind stands in the hash only: the address of a link opens nothing else.
func NewAddress(kind string) (text string, hash []byte) {
	b := make([]byte, addressBytes)
	rand.Read(b) // never fails (crypto/rand)
	text = crockford().EncodeToString(b)
	return text, sum("coffer_" + kind + "_" + text)
}

// ParseAddress returns the hash of an address of a kind. Exactly the text that
// NewAddress wrote is accepted.
func ParseAddress(kind, text string) (hash []byte, err error) {
	b, err := crockford().DecodeString(text)
	if err != nil || len(text) != addressChars || crockford().EncodeToString(b) != text {
		return nil, ErrToken
	}
	return sum("coffer_" + kind + "_" + text), nil
}

// NewSpokenPassword returns a password of 60 random bits that people read out
// on the phone: "abcd-efgh-jkmn".
func NewSpokenPassword() string {
	b := make([]byte, 8)
	rand.Read(b) // never fails (crypto/rand)
	t := crockford().EncodeToString(b)
	return t[:4] + "-" + t[4:8] + "-" + t[8:12]
}

// NewCode returns six random digits. So few bits want few tries and a keyed
// hash when stored.
func NewCode() string {
	n, err := rand.Int(rand.Reader, big.NewInt(1_000_000))
	if err != nil {
		panic(err) // never happens (crypto/rand)
	}
	return fmt.Sprintf("%0*d", codeDigits, n)
}

// ParseCode returns the six digits of a typed or pasted code; spaces do not
// count.
func ParseCode(text string) (string, error) {
	if len(text) > 32 {
		return "", ErrToken
	}
	digits := strings.Join(strings.Fields(text), "")
	if len(digits) != codeDigits || strings.Trim(digits, "0123456789") != "" {
		return "", ErrToken
	}
	return digits, nil
}
