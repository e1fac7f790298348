package accounts

import (
	"context"
	"errors"

	"coffer"
	"coffer/internal/db"
)

// Group is a group as a principal sees it.
type Group struct {
	coffer.Group
	Member    bool // the principal is in it
	MayChange bool // the principal looks after it
}

// mayGroup reports whether a principal may look after a group made by maker:
// who manages people, and, where the settings let members make groups, whoever
// made it.
func mayGroup(p coffer.Principal, s Settings, maker coffer.ID) error {
	if p.Kind == coffer.SystemKind {
		return nil
	}
	if err := need(p, coffer.ScopeShare); err != nil {
		return err
	}
	manages := p.User.Role.Has(coffer.ManagePeople) && p.InScope(coffer.ScopeAdmin)
	if manages || s.MembersMakeGroups && maker == p.User.ID && p.User.Role.Has(coffer.ShareContent) {
		return nil
	}
	return coffer.E(coffer.Forbidden, "forbidden", "You may not change this group. Ask an administrator.")
}

// Groups lists all groups by name, for whoever may share.
func (s *Service) Groups(ctx context.Context, p coffer.Principal) (list []Group, err error) {
	if err := needSharing(p); err != nil {
		return nil, err
	}
	err = s.DB.View(ctx, func(tx *db.Tx) error {
		settings, err := readSettings(tx)
		if err != nil {
			return err
		}
		all, err := tx.Groups()
		if err != nil {
			return err
		}
		mine, err := tx.GroupsOf(p.User.ID)
		list = make([]Group, len(all))
		for i, g := range all {
			list[i] = Group{Group: g, Member: mine[g.ID], MayChange: mayGroup(p, settings, g.CreatedBy) == nil}
		}
		return err
	})
	return list, err
}

// MayMakeGroup reports whether a principal may make groups.
func (s *Service) MayMakeGroup(ctx context.Context, p coffer.Principal) (may bool, err error) {
	if needSharing(p) != nil {
		return false, nil
	}
	err = s.DB.View(ctx, func(tx *db.Tx) error {
		settings, err := readSettings(tx)
		may = err == nil && mayGroup(p, settings, p.User.ID) == nil
		return err
	})
	return may, err
}

// needSharing is the check of verbs that tell of groups.
func needSharing(p coffer.Principal) error {
	if p.Kind == coffer.SystemKind {
		return nil
	}
	if err := need(p, coffer.ScopeShare); err != nil {
		return err
	}
	if !p.User.Role.Has(coffer.ShareContent) {
		return coffer.E(coffer.Forbidden, "forbidden", "Your role does not allow this. Ask an administrator.")
	}
	return nil
}

// changeGroups runs a change of groups, one at a time, so that what is told as
// before and after is true.
func (s *Service) changeGroups(ctx context.Context, fn func(tx *db.Tx, settings Settings) error) error {
	return s.DB.Update(ctx, func(tx *db.Tx) error {
		if err := tx.LockInstall(); err != nil {
			return err
		}
		settings, err := readSettings(tx)
		if err != nil {
			return err
		}
		return fn(tx, settings)
	})
}

// changeGroup is changeGroups for one group that the principal looks after.
func (s *Service) changeGroup(ctx context.Context, p coffer.Principal, id coffer.ID, fn func(tx *db.Tx, g coffer.Group) error) error {
	if err := needSharing(p); err != nil {
		return err
	}
	return s.changeGroups(ctx, func(tx *db.Tx, settings Settings) error {
		g, err := tx.Group(id)
		if err != nil {
			return err
		}
		if err := mayGroup(p, settings, g.CreatedBy); err != nil {
			return err
		}
		return fn(tx, g)
	})
}

const typeGroupName = "Type a name for the group."

func errGroupTaken() error {
	return wrongField("name", "group_taken", "There is a group of this name already.")
}

// MakeGroup makes an empty group.
//
// Errors: Forbidden, Invalid with fields.
func (s *Service) MakeGroup(ctx context.Context, p coffer.Principal, name string) (g Group, err error) {
	if err := needSharing(p); err != nil {
		return g, err
	}
	err = s.changeGroups(ctx, func(tx *db.Tx, settings Settings) error {
		if err := mayGroup(p, settings, p.User.ID); err != nil {
			return err
		}
		var check inputs
		name = check.name("name", name, typeGroupName)
		if err := check.result(); err != nil {
			return err
		}
		g = Group{Group: coffer.Group{ID: coffer.NewID(), Name: name, CreatedBy: p.User.ID, CreatedAt: tx.Now}, MayChange: true}
		if err := tx.InsertGroup(g.Group); errors.Is(err, db.ErrTaken) {
			return errGroupTaken()
		} else if err != nil {
			return err
		}
		return tx.InsertEvent(event(p, "group.created", g.ID, map[string]any{"name": g.Name}))
	})
	return g, err
}

// RenameGroup gives a group another name. Errors: as MakeGroup, and ErrNotFound.
func (s *Service) RenameGroup(ctx context.Context, p coffer.Principal, id coffer.ID, name string) (out Group, err error) {
	err = s.changeGroup(ctx, p, id, func(tx *db.Tx, g coffer.Group) error {
		var check inputs
		name = check.name("name", name, typeGroupName)
		if err := check.result(); err != nil {
			return err
		}
		before := g.Name
		g.Name = name
		out = Group{Group: g, MayChange: true}
		if name == before {
			return nil
		}
		if err := tx.RenameGroup(id, name); errors.Is(err, db.ErrTaken) {
			return errGroupTaken()
		} else if err != nil {
			return err
		}
		return tx.InsertEvent(event(p, "group.renamed", id, map[string]any{"before": before, "after": name}))
	})
	return out, err
}

// DeleteGroup removes a group, and with it all access that was given to it.
// Errors: Forbidden, ErrNotFound.
func (s *Service) DeleteGroup(ctx context.Context, p coffer.Principal, id coffer.ID) error {
	return s.changeGroup(ctx, p, id, func(tx *db.Tx, g coffer.Group) error {
		members, err := tx.Members(id)
		if err != nil {
			return err
		}
		ids := make([]coffer.ID, len(members))
		for i, m := range members {
			ids[i] = m.ID
		}
		grants, err := tx.DeleteGroup(id)
		if err != nil {
			return err
		}
		return tx.InsertEvent(event(p, "group.deleted", id, map[string]any{"name": g.Name, "members": ids, "grants": grants}))
	})
}

// Members lists the people of a group by name: to who looks after it, to who
// may read people, and to its members.
//
// Errors: Forbidden, ErrNotFound.
func (s *Service) Members(ctx context.Context, p coffer.Principal, id coffer.ID) (list []coffer.User, err error) {
	if err := needSharing(p); err != nil {
		return nil, err
	}
	err = s.DB.View(ctx, func(tx *db.Tx) error {
		settings, err := readSettings(tx)
		if err != nil {
			return err
		}
		g, err := tx.Group(id)
		if err != nil {
			return err
		}
		mine, err := tx.GroupsOf(p.User.ID)
		if err != nil {
			return err
		}
		if !mine[id] && mayGroup(p, settings, g.CreatedBy) != nil && needPower(p, coffer.ReadPeople) != nil {
			return coffer.E(coffer.Forbidden, "forbidden", "Only its members and administrators see who is in a group.")
		}
		list, err = tx.Members(id)
		return err
	})
	return list, err
}

// AddMember puts a person, named by id or address, into a group.
//
// Errors: Forbidden, ErrNotFound, Invalid "person_unknown".
func (s *Service) AddMember(ctx context.Context, p coffer.Principal, id coffer.ID, who string) error {
	return s.changeGroup(ctx, p, id, func(tx *db.Tx, g coffer.Group) error {
		u, err := named(tx, who)
		if errors.Is(err, coffer.ErrNotFound) || err == nil && u.Disabled {
			return wrongField("user", "person_unknown", "Nobody here signs in with this address. Invite the person first.")
		}
		if err != nil {
			return err
		}
		added, err := tx.AddMember(id, u.ID)
		if err != nil || !added {
			return err
		}
		told := coffer.Notice{Kind: coffer.GroupGiven, ActorID: p.User.ID, ObjectID: id, Told: coffer.NoticeText{By: p.User.Name, Name: g.Name}}
		if err := s.tell(tx, told, u.ID); err != nil {
			return err
		}
		return tx.InsertEvent(event(p, "group.member_added", id, map[string]any{"name": g.Name, "user": u.ID, "person": u.Name}))
	})
}

// RemoveMember takes a person, named by id or address, out of a group: what it
// was given is closed to them at once.
//
// Errors: Forbidden, ErrNotFound.
func (s *Service) RemoveMember(ctx context.Context, p coffer.Principal, id coffer.ID, who string) error {
	return s.changeGroup(ctx, p, id, func(tx *db.Tx, g coffer.Group) error {
		u, err := named(tx, who)
		if err != nil {
			return err
		}
		if err := tx.RemoveMember(id, u.ID); err != nil {
			return err
		}
		return tx.InsertEvent(event(p, "group.member_removed", id, map[string]any{"name": g.Name, "user": u.ID, "person": u.Name}))
	})
}

// named finds a person by id or address.
func named(tx *db.Tx, who string) (coffer.User, error) {
	if id, err := coffer.ParseID(who); err == nil {
		return tx.User(id)
	}
	email, ok := parseEmail(who)
	if !ok {
		return coffer.User{}, coffer.ErrNotFound
	}
	u, _, err := tx.UserByEmail(email)
	return u, err
}
