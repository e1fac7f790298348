package files

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"coffer"
	"coffer/internal/db"
)

const (
	defaultLimit = 200
	maxLimit     = 10000
)

// ListOptions says which part of a folder's children is asked for.
type ListOptions struct {
	Limit   int    // 0 = 200; at most 10,000
	Sort    string // "" or name, changed, size
	Desc    bool   // folders come first also then
	FromEnd bool   // pages run from the end to the beginning, each in the order asked for
	Cursor  string // Page.Next of the same list for the same person
	Query   string // only names that contain it, without case
}

// Children lists a folder.
func (v *View) Children(ctx context.Context, id coffer.ID, o ListOptions) (page Page[Item], err error) {
	err = v.look(ctx, id, coffer.Read, func(tx *db.Tx, p pass) error {
		page, err = v.children(tx, p, o)
		return err
	})
	return page, err
}

func (v *View) children(tx *db.Tx, p pass, o ListOptions) (page Page[Item], err error) {
	if p.node.Kind != coffer.Folder {
		return page, coffer.E(coffer.Conflict, "not_a_folder", "This is a file: it holds no list.")
	}
	l := db.Listing{Parent: p.node.ID, Desc: o.Desc != o.FromEnd, Query: o.Query}
	if l.Limit, err = limitOf(o.Limit); err != nil {
		return page, err
	}
	switch o.Sort {
	case "", "name":
	case "changed":
		l.Sort = db.ByChanged
	case "size":
		l.Sort = db.BySize
	default:
		return page, coffer.E(coffer.Invalid, "invalid", "sort may be name, changed or size.")
	}
	if len(o.Query) > coffer.MaxNameBytes {
		return page, coffer.E(coffer.Invalid, "invalid", "q is longer than any name.")
	}
	mac := newCursor(v, "children", p.node.ID[:], []byte{byte(l.Sort), flag(o.Desc), flag(o.FromEnd)}, []byte(o.Query))
	if o.Cursor != "" {
		raw, err := mac.open(o.Cursor)
		if err != nil {
			return page, err
		}
		if l.After, err = readPosition(raw); err != nil {
			return page, err
		}
	}
	l.Limit++ // one more tells whether there is more
	got, err := tx.Children(l, o.FromEnd)
	if err != nil {
		return page, err
	}
	if len(got) == l.Limit {
		got = got[:l.Limit-1]
		at, err := tx.PositionOf(got[len(got)-1], l.Sort)
		if err != nil {
			return page, err
		}
		if page.Next, err = mac.seal(position(at)); err != nil {
			return page, err
		}
	}
	if o.FromEnd {
		slices.Reverse(got)
	}
	who := v.people(tx)
	page.Items = make([]Item, len(got))
	for i, n := range got {
		if page.Items[i], err = who.item(n, p.access); err != nil {
			return page, err
		}
	}
	page.Total = p.node.ChildCount
	if o.Query != "" {
		page.Total, err = tx.CountChildren(p.node.ID, o.Query)
	}
	return page, err
}

func limitOf(n int) (int, error) {
	switch {
	case n == 0:
		return defaultLimit, nil
	case n < 0 || n > maxLimit:
		return 0, coffer.E(coffer.Invalid, "invalid", "limit may be 1 to 10,000.")
	}
	return n, nil
}

func flag(b bool) byte {
	if b {
		return 1
	}
	return 0
}

// position writes where a list goes on: kind, id, then number or key.
func position(at db.Position) []byte {
	b := append([]byte{byte(at.Kind)}, at.ID[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(at.Num))
	return append(b, at.Key...)
}

func readPosition(b []byte) (*db.Position, error) {
	if len(b) < 25 {
		return nil, badCursor()
	}
	return &db.Position{Kind: coffer.NodeKind(b[0]), ID: coffer.ID(b[1:17]), Num: int64(binary.BigEndian.Uint64(b[17:25])), Key: b[25:]}, nil
}

// A cursor seals positions of one list for one person. Its text is base32 of
// the key version, the position and a MAC over both and over what the list is.
type cursor struct {
	v     *View
	about []byte
}

const macBytes = 16

func newCursor(v *View, list string, about ...[]byte) cursor {
	c := cursor{v, append([]byte(list+"\x00"), v.p.User.ID[:]...)}
	for _, a := range about {
		c.about = binary.BigEndian.AppendUint32(c.about, uint32(len(a)))
		c.about = append(c.about, a...)
	}
	return c
}

func (c cursor) mac(kekVer uint32, payload []byte) ([]byte, error) {
	key, err := c.v.s.keys.MACKey("cursor", kekVer)
	if err != nil {
		return nil, err
	}
	h := hmac.New(sha256.New, key)
	h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(payload))))
	h.Write(payload)
	h.Write(c.about)
	return h.Sum(nil)[:macBytes], nil
}

func (c cursor) seal(position []byte) (string, error) {
	ver := c.v.s.keys.Active()
	payload := append(binary.BigEndian.AppendUint32(nil, ver), position...)
	mac, err := c.mac(ver, payload)
	return coffer.EncodeBase32(append(payload, mac...)), err
}

func (c cursor) open(text string) ([]byte, error) {
	b, err := coffer.DecodeBase32(text)
	if err != nil || len(b) < 4+macBytes {
		return nil, badCursor()
	}
	payload, mac := b[:len(b)-macBytes], b[len(b)-macBytes:]
	want, err := c.mac(binary.BigEndian.Uint32(payload), payload)
	if err != nil || !hmac.Equal(mac, want) {
		return nil, badCursor()
	}
	return payload[4:], nil
}

func badCursor() error {
	return coffer.E(coffer.Invalid, "cursor_invalid", "This cursor is not of this list. Start the list again.")
}
