package files

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"coffer"
	"coffer/internal/db"
)

// LinkPatch changes a link. Absent fields stay as they are.
type LinkPatch struct {
	Name, Message *string
	May           *coffer.LinkMay
	EndsAt        *int64  // 0: never
	Password      *string // "": none
	DownloadsMax  *int64  // 0: no limit
	Notify        *bool
	Off           *bool
}

// onlyTurns reports whether the change does no more than to turn the link off or
// on again.
func (c LinkPatch) onlyTurns() bool { return c.Off != nil && c == LinkPatch{Off: c.Off} }

// ChangeLink changes a link, for who manages its node. Who made it, and
// administrators, may turn it off at all times; what an administrator turned off,
// only administrators turn on again. What makes a link safer ends the visits that
// are open.
//
// Errors: Forbidden, ErrNotFound, Invalid.
func (v *View) ChangeLink(ctx context.Context, id coffer.ID, c LinkPatch) (item LinkItem, err error) {
	var sealed *db.Password
	if c.Password != nil {
		if _, err := v.Link(ctx, id); err != nil { // before anything is hashed
			return item, err
		}
		p, err := v.linkPassword(ctx, id, *c.Password)
		if err != nil {
			return item, err
		}
		sealed = &p
	}
	err = v.create(ctx, func(tx *db.Tx, who coffer.Principal) error {
		l, manages, err := changeableLink(tx, who, id, c.onlyTurns())
		if err != nil {
			return err
		}
		before := l.Link
		if err := c.apply(tx, &l, who, manages); err != nil {
			return err
		}
		action := "link.changed"
		switch {
		case before.OffAt == 0 && l.OffAt != 0:
			action = "link.turned_off"
		case before.OffAt != 0 && l.OffAt == 0:
			action = "link.turned_on"
		}
		if l.Link != before || sealed != nil {
			if err := tx.ChangeLink(l.Link, sealed); err != nil {
				return err
			}
			if err := tx.InsertEvent(v.event(l.SpaceID, linkAct(action, l, linkTerms(before), linkTerms(l.Link)))); err != nil {
				return err
			}
		}
		if l, err = tx.LinkRow(id); err != nil {
			return err
		}
		item, err = v.linkItem(tx, who, l)
		return err
	})
	return item, err
}

// changeableLink finds a link that the principal may change, or, where they do not
// manage what it opens, only turn off or on.
func changeableLink(tx *db.Tx, who coffer.Principal, id coffer.ID, onlyTurns bool) (l db.LinkRow, manages bool, err error) {
	if l, err = tx.LinkRow(id); err != nil {
		return l, false, err
	}
	_, err = decide(tx, who, l.NodeID, coffer.Share, false)
	switch kind := coffer.KindOf(err); {
	case err == nil, kind != coffer.NotFound && kind != coffer.Forbidden:
		return l, err == nil, err
	case onlyTurns && powerful(who, coffer.ManagePeople) == nil, onlyTurns && l.MadeBy == who.User.ID && coffer.Permit(who, coffer.IsOwner, coffer.Share) == nil:
		return l, false, nil
	case kind == coffer.NotFound && l.MadeBy == who.User.ID:
		return l, false, onlyOff()
	}
	return l, false, err
}

func onlyOff() error {
	return coffer.E(coffer.Forbidden, "forbidden", "You do not manage this any more. You can only turn it off.")
}

// apply makes the change to l.
func (c LinkPatch) apply(tx *db.Tx, l *db.LinkRow, who coffer.Principal, manages bool) error {
	before := l.Link
	policy, err := outward(tx, l.MadeBy)
	if err != nil && (c.Off == nil || !*c.Off) {
		return err
	}
	if c.Name != nil {
		l.Name = strings.TrimSpace(*c.Name)
	}
	if c.Message != nil {
		l.Message = strings.TrimSpace(*c.Message)
	}
	if c.May != nil {
		l.May = *c.May
	}
	if c.DownloadsMax != nil {
		l.DownloadsMax = *c.DownloadsMax
	}
	if c.Notify != nil {
		l.Notify = *c.Notify
	}
	if c.EndsAt != nil && *c.EndsAt != l.EndsAt {
		l.EndsAt = *c.EndsAt
		if err := cmp.Or(checkEnd(tx, l.EndsAt), policy.CheckEnd(tx.Now, l.EndsAt)); err != nil {
			return err
		}
	}
	if c.Password != nil {
		l.HasPassword = *c.Password != ""
		if err := policy.CheckLocked(l.HasPassword, l.Named); err != nil {
			return err
		}
	}
	if c.Off != nil && *c.Off != (l.OffAt != 0) {
		if *c.Off {
			l.OffAt, l.OffBy = tx.Now, who.User.ID
		} else if err := mayTurnOn(tx, who, manages, l.MadeBy, l.OffBy); err != nil {
			return err
		} else {
			l.OffAt, l.OffBy = 0, coffer.ID{}
		}
	}
	if c.Password != nil || l.May != before.May || l.EndsAt != before.EndsAt || l.OffAt != before.OffAt {
		l.Version++
	}
	return checkLink(l.Link, l.NodeKind)
}

// mayTurnOn says whether a link or a file request that somebody turned off can be
// turned on again by the principal, who manages it or not. What an administrator
// turned off is theirs, and what others turned off is not.
func mayTurnOn(tx *db.Tx, who coffer.Principal, manages bool, madeBy, offBy coffer.ID) error {
	admin := powerful(who, coffer.ManagePeople) == nil
	if !manages && !admin {
		return onlyOff()
	}
	if offBy == who.User.ID {
		return nil
	}
	by, err := tx.User(offBy)
	if err != nil && !errors.Is(err, coffer.ErrNotFound) {
		return err
	}
	theirs := err == nil && offBy != madeBy && by.Role.Has(coffer.ManagePeople)
	switch {
	case theirs && !admin:
		return coffer.E(coffer.Forbidden, "off_by_admin", "An administrator turned this off. Ask them, or make a new one.")
	case !theirs && !manages:
		return coffer.E(coffer.Forbidden, "forbidden", "Who manages this turned it off. Only they can turn it on again.")
	}
	return nil
}

// DeleteLink removes a link with all that is known of its visits. Its address
// never opens anything again.
func (v *View) DeleteLink(ctx context.Context, id coffer.ID) error {
	return v.create(ctx, func(tx *db.Tx, who coffer.Principal) error {
		l, _, err := changeableLink(tx, who, id, false)
		if err != nil {
			return err
		}
		if err := tx.DeleteLink(id); err != nil {
			return err
		}
		return tx.InsertEvent(v.event(l.SpaceID, linkAct("link.deleted", l, linkTerms(l.Link), nil)))
	})
}

// Changed is what came of one of many that were to be changed alike.
type Changed[T any] struct {
	ID   coffer.ID
	Item T
	Err  error
}

// changeEach makes one change to many, one after the other.
func changeEach[T any](ids []coffer.ID, change func(coffer.ID) (T, error)) ([]Changed[T], error) {
	if len(ids) == 0 || len(ids) > maxBatch {
		return nil, coffer.E(coffer.Invalid, "invalid", "Change 1 to 1,000 at once.")
	}
	out := make([]Changed[T], len(ids))
	for i, id := range ids {
		out[i].ID = id
		out[i].Item, out[i].Err = change(id)
	}
	return out, nil
}

// ChangeLinks makes one change to many links, one after the other.
func (v *View) ChangeLinks(ctx context.Context, ids []coffer.ID, c LinkPatch) ([]Changed[LinkItem], error) {
	return changeEach(ids, func(id coffer.ID) (LinkItem, error) { return v.ChangeLink(ctx, id, c) })
}
