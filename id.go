package coffer

import (
	"crypto/rand"
	"database/sql/driver"
	"encoding/base32"
	"errors"
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
func (id ID) MarshalText() ([]byte, error) {
	if id.IsZero() {
		return []byte{}, nil
	}
	return base32Text.AppendEncode(make([]byte, 0, 26), id[:]), nil
}

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

// base32Text is RFC 4648's base32 with Crockford's letters and no padding.
var base32Text = base32.NewEncoding(base32Alphabet).WithPadding(base32.NoPadding)

// EncodeBase32 writes bytes as lower-case Crockford base32, bits from the
// left, no padding.
func EncodeBase32(b []byte) string { return base32Text.EncodeToString(b) }

// DecodeBase32 reads EncodeBase32's form and only that: any other character,
// a useless last character or a set padding bit is an error.
func DecodeBase32(s string) ([]byte, error) {
	b, err := base32Text.DecodeString(s)
	if err == nil && EncodeBase32(b) != s { // line ends, and bits that count for nothing
		err = errors.New("not canonical base32")
	}
	return b, err
}
