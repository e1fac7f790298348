package keyring

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"

	"coffer"
)

// A Cursor seals positions of one list for one person, so that nobody can make
// up a position, or read a list on with the cursor of another. Its text is
// base32 of the key version, the position and a MAC over both and over what the
// list is.
type Cursor struct {
	keys  *Keyring
	about []byte
}

const cursorMAC = 16

// Cursor returns the cursors of the list of a name (a constant of the caller),
// for a person, and with whatever else says which list it is.
func (k *Keyring) Cursor(list string, person []byte, about ...[]byte) Cursor {
	c := Cursor{k, append([]byte(list+"\x00"), person...)}
	for _, a := range about {
		c.about = binary.BigEndian.AppendUint32(c.about, uint32(len(a)))
		c.about = append(c.about, a...)
	}
	return c
}

func (c Cursor) mac(kekVer uint32, payload []byte) ([]byte, error) {
	key, err := c.keys.MACKey("cursor", kekVer)
	if err != nil {
		return nil, err
	}
	h := hmac.New(sha256.New, key)
	h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(payload))))
	h.Write(payload)
	h.Write(c.about)
	return h.Sum(nil)[:cursorMAC], nil
}

// Seal returns the text of a position.
func (c Cursor) Seal(position []byte) (string, error) {
	ver := c.keys.Active()
	payload := append(binary.BigEndian.AppendUint32(nil, ver), position...)
	mac, err := c.mac(ver, payload)
	return coffer.EncodeBase32(append(payload, mac...)), err
}

// Open returns the position of a text. Error: Invalid "cursor_invalid".
func (c Cursor) Open(text string) ([]byte, error) {
	b, err := coffer.DecodeBase32(text)
	if err != nil || len(b) < 4+cursorMAC {
		return nil, ErrCursor
	}
	payload, mac := b[:len(b)-cursorMAC], b[len(b)-cursorMAC:]
	want, err := c.mac(binary.BigEndian.Uint32(payload), payload)
	if err != nil || !hmac.Equal(mac, want) {
		return nil, ErrCursor
	}
	return payload[4:], nil
}

// ErrCursor is the answer to what is no cursor of a list.
var ErrCursor = coffer.E(coffer.Invalid, "cursor_invalid", "This cursor is not of this list. Start the list again.")
