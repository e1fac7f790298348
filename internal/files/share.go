package files

import (
	"context"
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"coffer"
	"coffer/internal/db"
)

// Sharing is who a node is given to.
type Sharing struct {
	Owner  Person // of a personal space; nobody of a team space
	Grants []GrantItem
}

// GrantItem is a living grant as the principal sees it. Its node is zero where
// the principal may not see that.
type GrantItem struct {
	coffer.Grant
	Name      string // of the person or group
	Email     string // of a person; "" for who may not manage the node
	Disabled  bool   // the person cannot sign in; told to who may manage the node
	Members   int64  // of a group
	By        Person // who gave it
	Inherited bool   // it stands on a folder above
	From      string // that folder's name, where the principal may see it
	MayChange bool   // the principal may change it and take it away
}

// Grants lists who a node is given to, what stands on folders above included:
// to everybody who may open it.
func (v *View) Grants(ctx context.Context, id coffer.ID) (s Sharing, err error) {
	err = v.look(ctx, id, coffer.Read, func(tx *db.Tx, p pass) error {
		if s.Owner, err = v.people(tx).person(p.space.OwnerID); err != nil {
			return err
		}
		all, err := tx.GrantsOnPath(id)
		s.Grants = make([]GrantItem, len(all))
		for i, g := range all {
			s.Grants[i] = grantItem(p, g)
		}
		return err
	})
	return s, err
}

func grantItem(p pass, g db.PathGrant) GrantItem {
	i := GrantItem{Grant: g.Grant, Name: g.Name, Members: g.Members, Inherited: g.Up > 0, By: Person{g.GivenBy, g.GivenByName}}
	switch {
	case g.Up > p.sees:
		i.NodeID = coffer.ID{}
	case i.Inherited:
		i.From = g.NodeName
	}
	if p.access.Allows(coffer.Share) {
		i.Email, i.Disabled = g.Email, g.Disabled
		i.MayChange = !i.Inherited && p.access >= g.Access
	}
	return i
}

// NewGrant says what is to be given to whom: a person, by id or address, or a
// group.
type NewGrant struct {
	Email   string
	UserID  coffer.ID
	GroupID coffer.ID
	Access  coffer.Access // view to manage; owner on the root of a team space
	Until   int64         // ms; 0 = without an end
	Message string        // to whom it is given, for the notice; at most 1,000 characters
}

// Grant gives a person or a group access to a node and to all below it, up to
// what the principal has.
//
// Errors: Forbidden, Invalid "person_unknown", "group_unknown", "role_wrong",
// "until_past", "message_long" or "message_invalid", Conflict "grant_exists" or "already_owner".
func (v *View) Grant(ctx context.Context, id coffer.ID, n NewGrant) (item GrantItem, err error) {
	p, err := v.reach(ctx, id, coffer.Share)
	if err != nil {
		return item, err
	}
	if err := checkGrant(p, n.Access, n.Until); err != nil {
		return item, err
	}
	if err := checkMessage(n.Message); err != nil {
		return item, err
	}
	err = v.commit(ctx, func(tx *db.Tx, ps []pass) ([]act, error) {
		p := ps[0]
		if err := checkUntil(tx, n.Until); err != nil {
			return nil, err
		}
		if err := checkGrant(p, n.Access, n.Until); err != nil {
			return nil, err
		}
		g := coffer.Grant{ID: coffer.NewID(), NodeID: id, Access: n.Access, Until: n.Until, GivenBy: p.who.User.ID}
		var name string
		if g.UserID, g.GroupID, name, err = grantee(tx, n); err != nil {
			return nil, err
		}
		if !g.UserID.IsZero() && g.UserID == p.space.OwnerID {
			return nil, coffer.E(coffer.Conflict, "already_owner", name+" owns this already.")
		}
		before, err := p.reach(tx)
		if err != nil {
			return nil, err
		}
		had, err := opening(tx, p)
		if err != nil {
			return nil, err
		}
		if err := tx.InsertGrant(g); errors.Is(err, db.ErrTaken) {
			return nil, coffer.E(coffer.Conflict, "grant_exists", name+" has access to this already. Change that instead.")
		} else if err != nil {
			return nil, err
		}
		if err := tx.ReturnShare(id, g.UserID, g.GroupID); err != nil {
			return nil, err
		}
		if item, err = itemOf(tx, p, g.ID); err != nil {
			return nil, err
		}
		a, err := shared("grant.given", p, g, name, nil, terms(g)).reaching(tx, p, before)
		if err != nil {
			return nil, err
		}
		t, err := tellGiven(tx, p, g, had, n.Message)
		a.tell = []telling{t}
		return []act{a}, err
	}, p)
	return item, err
}

// checkGrant says whether the holder of a pass may give so much on its node.
func checkGrant(p pass, a coffer.Access, until int64) error {
	if a == coffer.NoAccess || a > coffer.IsOwner {
		return coffer.E(coffer.Invalid, "role_wrong", "role may be view, edit or manage.")
	}
	if a == coffer.IsOwner && (p.space.Kind != coffer.Team || !p.node.ParentID.IsZero()) {
		return coffer.E(coffer.Invalid, "role_wrong", "Only a team space as a whole can be given to an owner. Here role may be view, edit or manage.")
	}
	return p.checkGive(a, until)
}

func checkUntil(tx *db.Tx, until int64) error {
	if until < 0 || until != 0 && until <= tx.Now {
		e := coffer.E(coffer.Invalid, "until_past", "Choose an end that is still to come.")
		e.Fields = map[string]string{"until": e.Msg}
		return e
	}
	return nil
}

// checkMessage accepts a short text of several lines.
func checkMessage(text string) error {
	if utf8.RuneCountInString(text) > 1000 {
		return wrong("message", "message_long", "Write a message of at most 1,000 characters.")
	}
	if strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }) {
		return wrong("message", "message_invalid", "The message holds characters that cannot be shown. Type it anew.")
	}
	return nil
}

// grantee finds whom a grant names. A person who cannot sign in is not told
// from one who has no account.
func grantee(tx *db.Tx, n NewGrant) (user, group coffer.ID, name string, err error) {
	named := 0
	for _, given := range []bool{n.Email != "", !n.UserID.IsZero(), !n.GroupID.IsZero()} {
		if given {
			named++
		}
	}
	if named != 1 {
		return user, group, "", coffer.E(coffer.Invalid, "invalid", "Name one person, by address or id, or one group.")
	}
	if !n.GroupID.IsZero() {
		g, err := tx.Group(n.GroupID)
		if errors.Is(err, coffer.ErrNotFound) {
			err = wrong("group_id", "group_unknown", "There is no such group.")
		}
		return user, g.ID, g.Name, err
	}
	var u coffer.User
	field := "user_id"
	if n.Email != "" {
		field = "email"
		u, _, err = tx.UserByEmail(coffer.EmailKey(n.Email))
	} else {
		u, err = tx.User(n.UserID)
	}
	if errors.Is(err, coffer.ErrNotFound) || err == nil && u.Disabled {
		err = wrong(field, "person_unknown", "Nobody here signs in with this address. Invite the person first, then share.")
	}
	return u.ID, group, u.Name, err
}

// wrong is Invalid about one field.
func wrong(field, code, msg string) error {
	e := coffer.E(coffer.Invalid, code, msg)
	e.Fields = map[string]string{field: msg}
	return e
}

// itemOf is a grant on the node of a pass as it is now.
func itemOf(tx *db.Tx, p pass, id coffer.ID) (GrantItem, error) {
	all, err := tx.GrantsOnPath(p.node.ID)
	for _, g := range all {
		if g.ID == id {
			return grantItem(p, g), err
		}
	}
	return GrantItem{}, errors.Join(err, coffer.ErrNotFound)
}

// terms are what the record says of a grant.
func terms(g coffer.Grant) map[string]any {
	t := map[string]any{"role": g.Access.String()}
	if g.Until != 0 {
		t["until"] = g.Until
	}
	return t
}

// shared is the act on a grant: whom it names is its target.
func shared(action string, p pass, g coffer.Grant, name string, before, after map[string]any) act {
	a := act{action: action, node: g.NodeID, target: g.UserID, detail: map[string]any{"grant": g.ID, "node": p.node.Name, "to": name, "kind": "person"}}
	if g.UserID.IsZero() {
		a.target, a.detail["kind"] = g.GroupID, "group"
	}
	if before != nil {
		a.detail["before"] = before
	}
	if after != nil {
		a.detail["after"] = after
	}
	return a
}

// reach is how many people can open the node of a pass now.
func (p pass) reach(tx *db.Tx) (int, error) {
	rows, err := tx.PeopleOn(p.node.ID, nil)
	return len(p.openers(rows)), err
}

// reaching completes an act that let somebody in or out: how many people could
// open the node before, and how many can now.
func (a act) reaching(tx *db.Tx, p pass, before int) (act, error) {
	after, err := p.reach(tx)
	a.detail["people"] = [2]int{before, after}
	return a, err
}

// GrantPatch changes a grant. Absent fields stay as they are.
type GrantPatch struct {
	Access coffer.Access // NoAccess: as it is
	Until  *int64        // ms; 0 = without an end
}

// ChangeGrant changes how much a grant on a node gives and until when. What
// only narrows it is open to everybody who has as much.
//
// Errors: as Grant, and Conflict "last_owner".
func (v *View) ChangeGrant(ctx context.Context, id, grant coffer.ID, c GrantPatch) (item GrantItem, err error) {
	p, err := v.reach(ctx, id, coffer.Share)
	if err != nil {
		return item, err
	}
	err = v.commit(ctx, func(tx *db.Tx, ps []pass) ([]act, error) {
		p := ps[0]
		g, name, err := changeable(tx, p, grant)
		if err != nil {
			return nil, err
		}
		before := g
		if c.Access != coffer.NoAccess {
			g.Access = c.Access
		}
		if c.Until != nil {
			g.Until = *c.Until
			if err := checkUntil(tx, g.Until); err != nil {
				return nil, err
			}
		}
		if g == before {
			if item, err = itemOf(tx, p, grant); err != nil {
				return nil, err
			}
			return nil, errUnchanged
		}
		if !narrows(before, g) {
			if err := checkGrant(p, g.Access, g.Until); err != nil {
				return nil, err
			}
		}
		if err := tx.ChangeGrant(grant, g.Access, g.Until, p.who.User.ID); err != nil {
			return nil, err
		}
		if err := keepOwner(tx, before); err != nil {
			return nil, err
		}
		if item, err = itemOf(tx, p, grant); err != nil {
			return nil, err
		}
		return []act{shared("grant.changed", p, g, name, terms(before), terms(g))}, nil
	}, p)
	return item, err
}

// narrows reports whether a change gives nothing more and nothing longer.
func narrows(before, after coffer.Grant) bool {
	return after.Access <= before.Access && after.Access != coffer.NoAccess && (before.Until == 0 || after.Until != 0 && after.Until <= before.Until)
}

// changeable finds a grant on the node of a pass, for who has as much.
func changeable(tx *db.Tx, p pass, grant coffer.ID) (coffer.Grant, string, error) {
	g, err := tx.Grant(p.node.ID, grant)
	if err != nil {
		return g, "", err
	}
	if g.Access > p.access {
		return g, "", coffer.E(coffer.Forbidden, "beyond_own", "This gives more than you have yourself: only an owner can change it.")
	}
	name, err := granteeName(tx, g)
	return g, name, err
}

func granteeName(tx *db.Tx, g coffer.Grant) (string, error) {
	if g.UserID.IsZero() {
		group, err := tx.Group(g.GroupID)
		return group.Name, err
	}
	return tx.PersonName(g.UserID)
}

// keepOwner refuses a change that took the last owner from a team space.
func keepOwner(tx *db.Tx, before coffer.Grant) error {
	if before.Access != coffer.IsOwner {
		return nil
	}
	n, err := tx.LastingOwners(before.NodeID)
	if err == nil && n == 0 {
		return coffer.E(coffer.Conflict, "last_owner", "A team space keeps at least one owner, by name and without an end. Make somebody else an owner first, or remove the space.")
	}
	return err
}

// Ungrant takes a grant on a node away.
//
// Errors: Forbidden, ErrNotFound, Conflict "last_owner".
func (v *View) Ungrant(ctx context.Context, id, grant coffer.ID) error {
	p, err := v.reach(ctx, id, coffer.Share)
	if err != nil {
		return err
	}
	return v.commit(ctx, func(tx *db.Tx, ps []pass) ([]act, error) {
		p := ps[0]
		g, name, err := changeable(tx, p, grant)
		if err != nil {
			return nil, err
		}
		before, err := p.reach(tx)
		if err != nil {
			return nil, err
		}
		if err := tx.DeleteGrant(grant); err != nil {
			return nil, err
		}
		if err := keepOwner(tx, g); err != nil {
			return nil, err
		}
		a, err := shared("grant.taken", p, g, name, terms(g), nil).reaching(tx, p, before)
		if err != nil {
			return nil, err
		}
		t, err := tellEnded(tx, p, g)
		a.tell = []telling{t}
		return []act{a}, err
	}, p)
}

// SharedItem is something that others gave to the principal.
type SharedItem struct {
	Item
	By    Person // who gave it last
	Owner Person // of the space that it is in; nobody of a team space
	Space string // name of the team space that it is in
	Since int64  // ms
	Until int64  // when the access ends; 0 = never
}

// Shared lists what was given to the principal, the topmost nodes only and
// without the roots of team spaces, given last first.
func (v *View) Shared(ctx context.Context) (list []SharedItem, err error) {
	err = v.tops(ctx, func(tx *db.Tx, all []top) error {
		list = nil
		who := v.people(tx)
		for _, t := range all {
			if t.left || t.node.ID == t.space.RootID {
				continue
			}
			item, err := who.item(t.shown(), t.access)
			if err != nil {
				return err
			}
			list = append(list, SharedItem{Item: item, By: t.by, Owner: t.owner, Space: t.space.Name, Since: t.since, Until: t.until})
		}
		return nil
	})
	return list, err
}

// Leave gives up what was given to the principal on a node: the own grant goes;
// what a group gives stays, and is not listed any more.
//
// Errors: ErrNotFound, Conflict "last_owner" or "grant_above".
func (v *View) Leave(ctx context.Context, id coffer.ID) error {
	p, err := v.reach(ctx, id, coffer.Read)
	if err != nil {
		return err
	}
	return v.commit(ctx, func(tx *db.Tx, ps []pass) ([]act, error) {
		p := ps[0]
		mine, err := tx.GrantsOf(id, p.who.User.ID)
		if err != nil {
			return nil, err
		}
		if len(mine) == 0 {
			return nil, coffer.E(coffer.Conflict, "grant_above", "This was not given to you by itself. Leave what it is in.")
		}
		var acts []act
		for _, g := range mine {
			if g.UserID.IsZero() {
				if err := tx.LeaveShare(p.who.User.ID, id); err != nil {
					return nil, err
				}
			} else if err := errors.Join(tx.DeleteGrant(g.ID), keepOwner(tx, g)); err != nil {
				return nil, err
			}
			acts = append(acts, shared("grant.left", p, coffer.Grant{ID: g.ID, NodeID: id, UserID: p.who.User.ID}, p.who.User.Name, terms(g), nil))
		}
		return acts, nil
	}, p)
}
