package files

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"coffer"
	"coffer/internal/db"
)

// checkSpaceName accepts what is a name of a folder, so that a space can become
// one, without the colon that ends it in remote paths.
func checkSpaceName(name string) error {
	if err := coffer.CheckName(name); err != nil {
		return err
	}
	if strings.Contains(name, ":") {
		return wrong("name", "name_invalid", "The name of a space has no “:”.")
	}
	if strings.EqualFold(name, "shared") {
		return wrong("name", "name_invalid", "“Shared” is the name for what others gave. Choose another.")
	}
	return nil
}

// MakeSpace makes a team space, whose owner is the principal: open to
// administrators, and to members where the settings let them. What a member
// makes holds as much as a member's own space may.
//
// Errors: Forbidden, Invalid "name_invalid".
func (v *View) MakeSpace(ctx context.Context, name string) (out Space, err error) {
	if v.p.Kind != coffer.UserKind || !v.p.User.Role.Has(coffer.OwnSpace) {
		return out, errNoSpaces()
	}
	if err := coffer.Permit(v.p, coffer.IsOwner, coffer.Write); err != nil {
		return out, err
	}
	err = v.create(ctx, func(tx *db.Tx, who coffer.Principal) error {
		settings, err := tx.Settings()
		if err != nil {
			return err
		}
		if !mayMakeSpace(who, settings) {
			return errNoSpaces()
		}
		quota := int64(-1)
		if !who.User.Role.Has(coffer.ManagePeople) {
			if text := settings[db.SettingQuota]; text != "" {
				if quota, err = strconv.ParseInt(text, 10, 64); err != nil {
					return err
				}
			}
		}
		if err := checkSpaceName(name); err != nil {
			return err
		}
		space := coffer.Space{ID: coffer.NewID(), Kind: coffer.Team, Name: name, RootID: coffer.NewID(), Quota: quota, CreatedAt: tx.Now}
		if err := v.makeSpace(tx, space); err != nil {
			return err
		}
		out = Space{space, coffer.IsOwner}
		return v.setOwner(tx, space, who.User)
	})
	return out, err
}

// mayMakeSpace is the rule of MakeSpace.
func mayMakeSpace(p coffer.Principal, settings map[string]string) bool {
	return p.User.Role.Has(coffer.ManagePeople) || p.User.Role.Has(coffer.OwnSpace) && settings[db.SettingMakeSpaces] == "true"
}

// MayMakeSpace reports whether the principal may make team spaces.
func (v *View) MayMakeSpace(ctx context.Context) (may bool, err error) {
	if v.p.Kind != coffer.UserKind || coffer.Permit(v.p, coffer.IsOwner, coffer.Write) != nil {
		return false, nil
	}
	err = v.survey(ctx, func(tx *db.Tx, _ []coffer.ID) error {
		settings, err := tx.Settings()
		may = err == nil && mayMakeSpace(v.p, settings)
		return err
	})
	return may, err
}

func errNoSpaces() error {
	return coffer.E(coffer.Forbidden, "forbidden", "Only administrators make team spaces here. Ask one of them.")
}

// setOwner gives a person the root of a team space as its owner, whatever they
// had on it before, and records it.
func (v *View) setOwner(tx *db.Tx, space coffer.Space, u coffer.User) error {
	g := coffer.Grant{ID: coffer.NewID(), NodeID: space.RootID, UserID: u.ID, Access: coffer.IsOwner, GivenBy: v.p.User.ID}
	a := act{action: "grant.given", node: space.RootID, target: u.ID,
		detail: map[string]any{"grant": g.ID, "node": space.Name, "to": u.Name, "kind": "person", "after": terms(g)}}
	if err := tx.DropGrantTo(space.RootID, u.ID); err != nil {
		return err
	}
	if err := tx.InsertGrant(g); err != nil {
		return err
	}
	n := coffer.Notice{Kind: coffer.ShareGiven, ActorID: v.p.User.ID, NodeID: space.RootID,
		Told: coffer.NoticeText{By: v.p.User.Name, Name: space.Name, Folder: true, Role: g.Access.String()}}
	return errors.Join(tx.InsertEvent(v.event(space.ID, a)), v.s.tell(tx, telling{n, []coffer.ID{u.ID}}))
}

// teamRoot is the pass for the root of a team space for one of its owners.
func (v *View) teamRoot(ctx context.Context, id coffer.ID) (p pass, err error) {
	if id.IsZero() {
		return p, coffer.ErrNotFound
	}
	p, err = v.root(ctx, id, coffer.Delete)
	if err == nil && p.space.Kind != coffer.Team {
		err = coffer.E(coffer.Conflict, "not_a_team", "This is a space of one person: it has no name, and stays.")
	}
	return p, err
}

// RenameSpace gives a team space another name, for its owners.
//
// Errors: Forbidden, ErrNotFound, Invalid "name_invalid", Conflict "not_a_team".
func (v *View) RenameSpace(ctx context.Context, id coffer.ID, name string) (out Space, err error) {
	p, err := v.teamRoot(ctx, id)
	if err != nil {
		return out, err
	}
	if err := checkSpaceName(name); err != nil {
		return out, err
	}
	err = v.commit(ctx, func(tx *db.Tx, ps []pass) ([]act, error) {
		p := ps[0]
		before := p.space.Name
		p.space.Name = name
		out = Space{p.space, p.access}
		if name == before {
			return nil, errUnchanged
		}
		return []act{{action: "space.renamed", node: p.node.ID, detail: map[string]any{"before": before, "after": name}}}, tx.RenameSpace(id, name)
	}, p)
	return out, err
}

// RemoveSpace deletes a team space with all that it holds for ever, for one of
// its owners, who types its name. Its keys are erased at once; a job removes the
// rest. final is as of Delete.
//
// Errors: Forbidden, ErrNotFound, Invalid "name_wrong", Conflict "not_a_team".
func (v *View) RemoveSpace(ctx context.Context, id coffer.ID, name string) (final int64, err error) {
	p, err := v.teamRoot(ctx, id)
	if err != nil {
		return 0, err
	}
	err = v.commit(ctx, func(tx *db.Tx, ps []pass) ([]act, error) {
		s := ps[0].space
		if name != s.Name {
			return nil, wrong("name", "name_wrong", "Type the name of the space, letter by letter: all in it is deleted for ever.")
		}
		final = v.s.erased(tx)
		if err := tx.GiveUpSpace(s); err != nil {
			return nil, err
		}
		return []act{{action: "space.given_up", node: s.RootID, detail: map[string]any{"name": s.Name, "bytes": s.Used}}}, v.s.givenUp(tx, s.ID)
	}, p)
	return final, err
}

// keepTeams refuses to let somebody go who is the one owner of a team space.
func keepTeams(tx *db.Tx, user coffer.ID) error {
	given, err := tx.TopGrants(user)
	if err != nil {
		return err
	}
	var owned []coffer.ID
	for _, g := range given {
		if g.Grant.Access == coffer.IsOwner {
			owned = append(owned, g.Space.ID)
		}
	}
	if err := lockSpaces(tx, owned); err != nil { // two owners cannot go at once
		return err
	}
	left, err := tx.OnlyOwnerOf(user)
	if err == nil && len(left) > 0 {
		err = coffer.E(coffer.Conflict, "last_owner", "The one owner of “"+strings.Join(left, "”, “")+"” is to go. Make somebody else an owner there first, or remove it.")
	}
	return err
}

// A TeamSpace is a team space as administrators see it: bytes and owners, and
// nothing of what is in it.
type TeamSpace struct {
	coffer.Space
	Owners []Person
}

// TeamSpaces lists all team spaces by name, for whoever manages people.
func (v *View) TeamSpaces(ctx context.Context) (list []TeamSpace, err error) {
	err = v.inspectAs(ctx, coffer.ReadPeople, func(tx *db.Tx) error {
		all, err := tx.TeamSpaces()
		list = make([]TeamSpace, len(all))
		for i, s := range all {
			owners, err := tx.OwnersOf(s.RootID)
			if err != nil {
				return err
			}
			list[i].Space = s
			for _, u := range owners {
				list[i].Owners = append(list[i].Owners, Person{u.ID, u.Name})
			}
		}
		return err
	})
	return list, err
}

// TeamPatch changes a team space as administrators may. Absent fields stay.
type TeamPatch struct {
	Quota *int64 // bytes; -1 = no limit
	Owner string // e-mail address of somebody who becomes an owner
}

// ChangeTeamSpace sets what a team space may hold, or gives it one more owner:
// the way out when its owners are gone. Nobody makes themselves an owner so.
//
// Errors: Forbidden, ErrNotFound, Invalid "person_unknown" or "invalid".
func (v *View) ChangeTeamSpace(ctx context.Context, id coffer.ID, c TeamPatch) error {
	return v.govern(ctx, coffer.ManagePeople, func(tx *db.Tx, who coffer.Principal) error {
		s, err := tx.LockSpace(id)
		if err != nil {
			return err
		}
		if s.Kind != coffer.Team || s.GivenUp() {
			return coffer.ErrNotFound
		}
		if c.Quota != nil && *c.Quota != s.Quota {
			if *c.Quota < -1 {
				return wrong("quota", "invalid", "A quota is a number of bytes, or -1 for no limit.")
			}
			if err := tx.SetSpaceQuota(id, *c.Quota); err != nil {
				return err
			}
			a := act{action: "space.quota_changed", node: s.RootID, detail: map[string]any{"before": s.Quota, "after": *c.Quota}}
			if err := tx.InsertEvent(v.event(id, a)); err != nil {
				return err
			}
		}
		if c.Owner == "" {
			return nil
		}
		u, err := heir(tx, who, c.Owner)
		if err != nil {
			return err
		}
		return v.setOwner(tx, s, u)
	})
}

// heir is who takes over from somebody else: not the administrator who decides
// so, and nobody who may not own.
func heir(tx *db.Tx, who coffer.Principal, email string) (coffer.User, error) {
	id, _, _, err := grantee(tx, NewGrant{Email: email})
	if err != nil {
		return coffer.User{}, err
	}
	u, err := tx.User(id)
	switch {
	case err != nil:
		return u, err
	case u.ID == who.User.ID:
		return u, coffer.E(coffer.Forbidden, "not_to_self", "You cannot hand the files of others over to yourself. Ask another administrator.")
	case !u.Role.Has(coffer.OwnSpace):
		return u, wrong("email", "person_unfit", u.Name+" is a guest and cannot own anything here.")
	}
	return u, nil
}

// HandOver makes the own space of a person a team space that another person
// owns, with all that is in it, its keys, its grants and its trash: before an
// account is removed, or when somebody leaves. The first person, who keeps no
// access, gets a new space of their own when they come again.
//
// Errors: Forbidden "not_to_self", ErrNotFound, Invalid "person_unknown",
// "person_unfit" or "name_invalid".
func (v *View) HandOver(ctx context.Context, from coffer.ID, email, name string) (out Space, err error) {
	err = v.govern(ctx, coffer.ManagePeople, func(tx *db.Tx, who coffer.Principal) error {
		s, err := tx.PersonalSpace(from)
		if err != nil {
			return err
		}
		if s, err = tx.LockSpace(s.ID); err != nil {
			return err
		}
		u, err := heir(tx, who, email)
		if err != nil {
			return err
		}
		if u.ID == from {
			return wrong("email", "person_unfit", u.Name+" owns it already.")
		}
		before, err := tx.PersonName(from)
		if err != nil {
			return err
		}
		if err := checkSpaceName(name); err != nil {
			return err
		}
		if err := tx.MakeTeamSpace(s.ID, name); err != nil {
			return err
		}
		s.Kind, s.Name, s.OwnerID = coffer.Team, name, coffer.ID{}
		a := act{action: "space.handed_over", node: s.RootID, target: u.ID, detail: map[string]any{"name": name, "from": from, "before": before, "after": u.Name}}
		if err := tx.InsertEvent(v.event(s.ID, a)); err != nil {
			return err
		}
		out = Space{Space: s}
		return v.setOwner(tx, s, u)
	})
	return out, err
}
