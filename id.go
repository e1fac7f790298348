package coffer

import (
	"crypto/rand"
	"database/sql/driver"
	"fmt"

	"github.com/google/uuid"
)

// ID names one object: 16 bytes, stored raw, shown as 26 characters of
// lower-case Crockford base32 (see ParseID). The zero ID means "none": it is
// stored as NULL and shown as the empty string.
type ID [16]byte

// base32Alphabet is Crockford's alphabet in lower case: no i, l, o, u.
const base32Alphabet = "0123456789abcdefghjkmnpqrstvwxyz"

// NewID returns a UUIDv7 (RFC 9562): ids made later sort later. For objects
// whose time of making may be known to whoever sees the id: users, spaces,
// nodes, versions, events.
func NewID() ID { return ID(uuid.Must(uuid.NewV7())) }

// RandomID returns 128 random bits. For blobs, uploads and links, whose names
// must not tell when they were made.
func RandomID() ID {
	var id ID
	rand.Read(id[:]) // never fails (crypto/rand)
	return id
}

// IsZero reports whether the id names nothing.
func (id ID) IsZero() bool { return id == ID{} }

// String returns the 26-character form, or "" for the zero ID.
func (id ID) String() string {
	if id.IsZero() {
		return ""
	}
	return EncodeBase32(id[:])
}

// ParseID reads the canonical form that String writes. Other spellings (upper
// case, look-alike letters, set padding bits) are refused, so one object has
// one address.
func ParseID(s string) (ID, error) {
	var id ID
	b, err := DecodeBase32(s)
	if err != nil || len(b) != len(id) || id.fill(b).IsZero() {
		return ID{}, &Error{Kind: Invalid, Code: "id_invalid", Msg: fmt.Sprintf("%.40q is not an id: it has 26 characters of 0-9 and a-z without i, l, o, u.", s)}
	}
	return id, nil
}

func (id *ID) fill(b []byte) ID { copy(id[:], b); return *id }

// MarshalText writes the 26-character form ("" for the zero ID).
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (id *ID) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*id = ID{}
		return nil
	}
	v, err := ParseID(string(b))
	*id = v
	return err
}

// Value stores the raw bytes, the zero ID as NULL (driver.Valuer).
func (id ID) Value() (driver.Value, error) {
	if id.IsZero() {
		return nil, nil
	}
	return id[:], nil
}

// Scan reads what Value stores (sql.Scanner).
func (id *ID) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*id = ID{}
		return nil
	case []byte:
		if len(v) == len(id) {
			copy(id[:], v)
			return nil
		}
	}
	return fmt.Errorf("coffer: cannot read an ID from %T", src)
}

// EncodeBase32 writes bytes as lower-case Crockford base32, bits from the
// left, no padding.
func EncodeBase32(b []byte) string {
	out := make([]byte, 0, (len(b)*8+4)/5)
	var acc uint32
	var bits uint
	for _, c := range b {
		acc = acc<<8 | uint32(c)
		bits += 8
		for bits >= 5 {
			bits -= 5
			out = append(out, base32Alphabet[acc>>bits&31])
		}
	}
	if bits > 0 {
		out = append(out, base32Alphabet[acc<<(5-bits)&31])
	}
	return string(out)
}

// DecodeBase32 reads EncodeBase32's form and only that: any other character,
// a useless last character or a set padding bit is an error.
func DecodeBase32(s string) ([]byte, error) {
	out := make([]byte, 0, len(s)*5/8)
	var acc uint32
	var bits uint
	for i := 0; i < len(s); i++ {
		v := base32Value(s[i])
		if v < 0 {
			return nil, fmt.Errorf("character %d is not base32", i+1)
		}
		acc = acc<<5 | uint32(v)
		bits += 5
		if bits >= 8 {
			bits -= 8
			out = append(out, byte(acc>>bits))
		}
	}
	if bits >= 5 || acc&(1<<bits-1) != 0 {
		return nil, fmt.Errorf("not canonical base32")
	}
	return out, nil
}

func base32Value(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'z':
		for i := 10; i < len(base32Alphabet); i++ {
			if base32Alphabet[i] == c {
				return i
			}
		}
	}
	return -1
}
