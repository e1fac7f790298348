package files

import (
	"cmp"
	"context"
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

// onlyOff reports whether the change does no more than to turn the link off.
func (c LinkPatch) onlyOff() bool {
	return c.Off != nil && *c.Off && c.Name == nil && c.Message == nil && c.May == nil && c.EndsAt == nil && c.Password == nil && c.DownloadsMax == nil && c.Notify == nil
}

// ChangeLink changes a link, for who manages its node. Who made it, and
// administrators, may turn it off at all times. What makes a link safer ends
// the visits that are open.
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
		l, err := v.changeableLink(tx, who, id, c.onlyOff())
		if err != nil {
			return err
		}
		before := l.Link
		if err := c.apply(tx, &l, who); err != nil {
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

// changeableLink finds a link that the principal may change; or only turn off.
func (v *View) changeableLink(tx *db.Tx, who coffer.Principal, id coffer.ID, onlyOff bool) (db.LinkRow, error) {
	l, err := tx.LinkRow(id)
	if err != nil {
		return l, err
	}
	_, err = decide(tx, who, l.NodeID, coffer.Share, false)
	switch kind := coffer.KindOf(err); {
	case err == nil, kind != coffer.NotFound && kind != coffer.Forbidden:
		return l, err
	case onlyOff && powerful(who, coffer.ManagePeople) == nil, onlyOff && l.MadeBy == who.User.ID && coffer.Permit(who, coffer.IsOwner, coffer.Share) == nil:
		return l, nil
	case kind == coffer.NotFound && l.MadeBy == who.User.ID:
		return l, coffer.E(coffer.Forbidden, "forbidden", "You do not manage what this link opens any more. You can only turn it off.")
	}
	return l, err
}

// apply makes the change to l.
func (c LinkPatch) apply(tx *db.Tx, l *db.LinkRow, who coffer.Principal) error {
	before := l.Link
	policy, err := outward(tx, l.MadeBy)
	if err != nil && !c.onlyOff() {
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
		} else if err := mayTurnOn(tx, l.Link, who); err != nil {
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

// mayTurnOn refuses to turn on what an administrator turned off who does not
// manage it: that is theirs to undo.
func mayTurnOn(tx *db.Tx, l coffer.Link, who coffer.Principal) error {
	if l.OffBy == who.User.ID || l.OffBy == l.MadeBy || powerful(who, coffer.ManagePeople) == nil {
		return nil
	}
	by, err := tx.User(l.OffBy)
	if coffer.KindOf(err) == coffer.NotFound || err == nil && !by.Role.Has(coffer.ManagePeople) {
		return nil
	}
	if err != nil {
		return err
	}
	return coffer.E(coffer.Forbidden, "off_by_admin", "An administrator turned this link off. Ask them, or make a new link.")
}

// DeleteLink removes a link with all that is known of its visits. Its address
// never opens anything again.
func (v *View) DeleteLink(ctx context.Context, id coffer.ID) error {
	return v.create(ctx, func(tx *db.Tx, who coffer.Principal) error {
		l, err := v.changeableLink(tx, who, id, false)
		if err != nil {
			return err
		}
		if err := tx.DeleteLink(id); err != nil {
			return err
		}
		return tx.InsertEvent(v.event(l.SpaceID, linkAct("link.deleted", l, linkTerms(l.Link), nil)))
	})
}

// LinkResult is what came of one link of a batch.
type LinkResult struct {
	ID   coffer.ID
	Item LinkItem
	Err  error
}

// ChangeLinks makes one change to many links, one after the other.
func (v *View) ChangeLinks(ctx context.Context, ids []coffer.ID, c LinkPatch) ([]LinkResult, error) {
	if len(ids) == 0 || len(ids) > maxBatch {
		return nil, coffer.E(coffer.Invalid, "invalid", "A batch is of 1 to 1,000 links.")
	}
	out := make([]LinkResult, len(ids))
	for i, id := range ids {
		out[i].ID = id
		out[i].Item, out[i].Err = v.ChangeLink(ctx, id, c)
	}
	return out, nil
}
