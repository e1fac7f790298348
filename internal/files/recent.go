package files

import (
	"context"
	"encoding/binary"
	"errors"
	"math"

	"coffer"
	"coffer/internal/db"
)

// Recent is a node with what was done to it last.
type Recent struct {
	Placed
	At     int64
	Opened bool   // by the principal; else changed
	By     Person // who did it
}

// Recent lists what the principal opened or changed, and what others changed
// where the principal may look, newest first and each node once. limit is as
// in SearchOptions; so is what a page may hold.
func (v *View) Recent(ctx context.Context, limit int, text string) (page Page[Recent], err error) {
	if limit, err = foundLimit(limit); err != nil {
		return page, err
	}
	mac, before := newCursor(v, "recent"), int64(math.MaxInt64)
	if text != "" {
		raw, err := mac.Open(text)
		if err != nil {
			return page, err
		}
		if len(raw) != 8 {
			return page, badCursor()
		}
		before = int64(binary.BigEndian.Uint64(raw))
	}
	if v.p.Kind != coffer.UserKind {
		return page, nil
	}
	err = v.survey(ctx, func(tx *db.Tx, spaces []coffer.ID) error {
		var next int64
		if page.Items, next, err = v.recent(tx, spaces, before, limit); err != nil || next == 0 {
			return err
		}
		page.Next, err = mac.Seal(binary.BigEndian.AppendUint64(nil, uint64(next)))
		return err
	})
	return page, err
}

// recentStep is how many events one step looks at.
const recentStep = 200

// recent takes steps as search does; next is where the list goes on, 0 at its
// end.
func (v *View) recent(tx *db.Tx, spaces []coffer.ID, before int64, limit int) (all []Recent, next int64, err error) {
	f := v.finding(tx)
	var last int64 // the last event that is told
	for range maxSteps {
		touches, err := tx.Touches(v.p.User.ID, spaces, before, recentStep)
		if err != nil {
			return nil, 0, err
		}
		var ids []coffer.ID
		for _, t := range touches {
			if t.Newest {
				ids = append(ids, t.NodeID)
			}
		}
		if err := f.expect(ids); err != nil {
			return nil, 0, err
		}
		for _, t := range touches {
			before = t.Num
			if !t.Newest {
				continue
			}
			i, err := f.placed(t.NodeID)
			if errors.Is(err, coffer.ErrNotFound) {
				continue
			}
			if err != nil {
				return nil, 0, err
			}
			if len(all) == limit {
				return all, last, nil
			}
			by, err := f.who.person(t.ActorID)
			if err != nil {
				return nil, 0, err
			}
			all, last = append(all, Recent{i, t.At, t.Opened, by}), t.Num
		}
		if len(touches) < recentStep {
			return all, 0, nil
		}
	}
	return all, before, nil
}
