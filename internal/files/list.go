package files

import (
	"context"
	"encoding/binary"
	"slices"

	"coffer"
	"coffer/internal/db"
	"coffer/internal/keyring"
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
		raw, err := mac.Open(o.Cursor)
		if err != nil {
			return page, err
		}
		if l.After, err = readPosition(raw); err != nil {
			return page, err
		}
	}
	l.Limit++ // one more tells whether there is more
	l.Room = int(p.node.ChildCount)
	got, err := tx.Children(l, o.FromEnd)
	if err != nil {
		return page, err
	}
	if len(got) == l.Limit {
		got = got[:l.Limit-1]
		at, err := tx.PositionOf(got[len(got)-1].Node, l.Sort)
		if err != nil {
			return page, err
		}
		if page.Next, err = mac.Seal(position(at)); err != nil {
			return page, err
		}
	}
	if o.FromEnd {
		slices.Reverse(got)
	}
	who := v.people(tx)
	census, err := takeCensus(tx, p, got)
	if err != nil {
		return page, err
	}
	page.Items = make([]Item, len(got))
	for i, n := range got {
		if page.Items[i], err = who.item(n.Node, p.access); err != nil {
			return page, err
		}
		census.fill(&page.Items[i])
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

// newCursor returns the cursors of a list for the principal.
func newCursor(v *View, list string, about ...[]byte) keyring.Cursor {
	_, who := v.actor()
	return v.s.keys.Cursor(list, who[:], about...)
}

func badCursor() error { return keyring.ErrCursor }
