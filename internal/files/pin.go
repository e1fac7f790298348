package files

import (
	"context"
	"errors"

	"coffer"
	"coffer/internal/db"
)

// maxPins is how many pins a person can have: they are for the few things one
// always needs.
const maxPins = 100

// Pins lists what the principal has pinned and may open now, in the order of
// pinning.
func (v *View) Pins(ctx context.Context) (all []Placed, err error) {
	err = v.survey(ctx, func(tx *db.Tx, _ []coffer.ID) error {
		ids, err := tx.Pins(v.p.User.ID)
		if err != nil {
			return err
		}
		f := v.finding(tx)
		if err := f.expect(ids); err != nil {
			return err
		}
		for _, id := range ids {
			i, err := f.placed(id)
			if errors.Is(err, coffer.ErrNotFound) {
				continue // in the trash, or not shared any more: it may come back
			}
			if err != nil {
				return err
			}
			all = append(all, i)
		}
		return nil
	})
	return all, err
}

// Pin pins a node, unless it is pinned.
func (v *View) Pin(ctx context.Context, id coffer.ID) error {
	return v.mine(ctx, func(tx *db.Tx) error {
		p, err := decide(tx, v.p, id, coffer.Read, false)
		if err != nil {
			return err
		}
		if p.node.ID == p.space.RootID {
			return coffer.E(coffer.Conflict, "root", "The top folder is always at hand: pin what is in it.")
		}
		if err := tx.InsertPin(v.p.User.ID, id); err != nil {
			return err
		}
		ids, err := tx.Pins(v.p.User.ID)
		if err == nil && len(ids) > maxPins {
			err = coffer.E(coffer.Conflict, "too_many_pins", "You have 100 things pinned. Unpin one that you need no more.")
		}
		return err
	})
}

// Unpin takes a pin away, also one of a node that cannot be opened any more.
func (v *View) Unpin(ctx context.Context, id coffer.ID) error {
	return v.mine(ctx, func(tx *db.Tx) error { return tx.DeletePin(v.p.User.ID, id) })
}
