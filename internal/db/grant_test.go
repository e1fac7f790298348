package db_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"coffer"
	"coffer/internal/db"
	"coffer/internal/db/dbtest"
)

// person adds somebody who is not the owner of the drive.
func (v drive) person(name string) coffer.ID {
	v.t.Helper()
	u := coffer.User{ID: coffer.NewID(), Email: name + "@example.com", Name: name, Role: coffer.RoleMember, Theme: "system", Language: "en"}
	v.update(func(tx *db.Tx) error { return tx.InsertUser(u, db.Password{Sealed: []byte("p"), KEKVer: 1}) })
	return u.ID
}

func (v drive) group(name string, members ...coffer.ID) coffer.ID {
	v.t.Helper()
	g := coffer.Group{ID: coffer.NewID(), Name: name}
	v.update(func(tx *db.Tx) error {
		err := tx.InsertGroup(g)
		for _, m := range members {
			_, added := tx.AddMember(g.ID, m)
			err = errors.Join(err, added)
		}
		return err
	})
	return g.ID
}

func (v drive) give(node, user, group coffer.ID, a coffer.Access, until int64) coffer.ID {
	v.t.Helper()
	g := coffer.Grant{ID: coffer.NewID(), NodeID: node, UserID: user, GroupID: group, Access: a, Until: until, GivenBy: v.space.OwnerID}
	v.update(func(tx *db.Tx) error { return tx.InsertGrant(g) })
	return g.ID
}

var nobody coffer.ID

// TestHeld: Place returns what counts for the viewer, with how far above it
// stands, and nothing that has ended or names somebody else.
func TestHeld(t *testing.T) {
	dbtest.EachWith(t, func(t *testing.T, open func(db.Options) *db.DB) {
		now := time.UnixMilli(1_000_000)
		v := newDrive(t, open(db.Options{Now: func() time.Time { return now }}))
		ben, cid := v.person("ben"), v.person("cid")
		crew, other := v.group("crew", ben), v.group("other", cid)
		a := v.add(v.space.RootID, coffer.Folder, "a", 0)
		b := v.add(a.ID, coffer.Folder, "b", 0)
		f := v.add(b.ID, coffer.File, "f", 1)
		v.give(a.ID, ben, nobody, coffer.CanView, 0)
		v.give(b.ID, nobody, crew, coffer.CanEdit, 2_000_000)
		v.give(b.ID, nobody, other, coffer.CanManage, 0)
		v.give(f.ID, ben, nobody, coffer.CanManage, 1_000_001)
		v.give(f.ID, cid, nobody, coffer.CanView, 0)
		held := func(node, viewer coffer.ID) (out []coffer.Held) {
			t.Helper()
			v.view(func(tx *db.Tx) error {
				p, err := tx.Place(node, viewer)
				if out = p.Held; p.State() != coffer.Living {
					t.Errorf("state %d", p.State())
				}
				return err
			})
			slices.SortFunc(out, func(x, y coffer.Held) int { return int(x.Up - y.Up) })
			return out
		}
		check := func(what string, got []coffer.Held, want ...coffer.Held) {
			t.Helper()
			if !slices.Equal(got, want) {
				t.Errorf("%s: %v, want %v", what, got, want)
			}
		}
		check("ben, f", held(f.ID, ben), coffer.Held{Up: 0, Access: coffer.CanManage, Until: 1_000_001}, coffer.Held{Up: 1, Access: coffer.CanEdit, Until: 2_000_000}, coffer.Held{Up: 2, Access: coffer.CanView})
		check("ben, b", held(b.ID, ben), coffer.Held{Up: 0, Access: coffer.CanEdit, Until: 2_000_000}, coffer.Held{Up: 1, Access: coffer.CanView})
		check("cid, f", held(f.ID, cid), coffer.Held{Up: 0, Access: coffer.CanView}, coffer.Held{Up: 1, Access: coffer.CanManage})
		check("root", held(v.space.RootID, ben))
		check("owner", held(f.ID, v.space.OwnerID))
		check("nobody", held(f.ID, nobody))
		now = time.UnixMilli(1_000_001) // the end itself is not part of it
		check("ben, f, later", held(f.ID, ben), coffer.Held{Up: 1, Access: coffer.CanEdit, Until: 2_000_000}, coffer.Held{Up: 2, Access: coffer.CanView})
		v.update(func(tx *db.Tx) error { return tx.RemoveMember(crew, ben) })
		check("ben, f, out of the crew", held(f.ID, ben), coffer.Held{Up: 2, Access: coffer.CanView})
		v.update(func(tx *db.Tx) error {
			_, err := tx.Exec(`UPDATE grants SET role = 'emperor' WHERE node_id = $1 AND user_id = $2`, a.ID, ben)
			return err
		})
		check("a role that nobody knows", held(f.ID, ben), coffer.Held{Up: 2})
	})
}

// TestGrants: one grant for each node and person; what has ended makes room;
// what goes takes its grants along.
func TestGrants(t *testing.T) {
	dbtest.EachWith(t, func(t *testing.T, open func(db.Options) *db.DB) {
		now := time.UnixMilli(1_000_000)
		v := newDrive(t, open(db.Options{Now: func() time.Time { return now }}))
		ben := v.person("ben")
		crew := v.group("crew", ben)
		a := v.add(v.space.RootID, coffer.Folder, "a", 0)
		b := v.add(a.ID, coffer.Folder, "b", 0)
		id := v.give(a.ID, ben, nobody, coffer.CanView, 1_000_010)
		v.give(a.ID, nobody, crew, coffer.CanEdit, 0)
		v.give(b.ID, ben, nobody, coffer.CanManage, 0)
		v.update(func(tx *db.Tx) error {
			if err := tx.InsertGrant(coffer.Grant{ID: coffer.NewID(), NodeID: a.ID, UserID: ben, Access: coffer.CanEdit}); !errors.Is(err, db.ErrTaken) {
				t.Errorf("twice: %v", err)
			}
			if g, err := tx.Grant(a.ID, id); err != nil || g.Access != coffer.CanView || g.Until != 1_000_010 || g.UserID != ben || g.GivenBy != v.space.OwnerID || g.GivenAt != 1_000_000 {
				t.Errorf("%+v, %v", g, err)
			}
			if _, err := tx.Grant(b.ID, id); !errors.Is(err, coffer.ErrNotFound) {
				t.Errorf("of another node: %v", err)
			}
			if g, err := tx.GrantTo(a.ID, nobody, crew); err != nil || g.Access != coffer.CanEdit {
				t.Errorf("to the crew: %+v, %v", g, err)
			}
			if mine, err := tx.GrantsOf(a.ID, ben); err != nil || len(mine) != 2 {
				t.Errorf("Ben's on a: %+v, %v", mine, err)
			}
			all, err := tx.GrantsOnPath(b.ID)
			if err != nil || len(all) != 3 {
				t.Fatalf("on the path of b: %+v, %v", all, err)
			}
			if g := all[0]; g.Up != 0 || g.NodeName != "b" || g.Name != "ben" || g.Email != "ben@example.com" || g.GivenByName != "Ann" || g.Disabled {
				t.Errorf("nearest: %+v", g)
			}
			if g := all[2]; g.Up+all[1].Up != 2 || all[1].Members+g.Members != 1 || g.NodeName != "a" {
				t.Errorf("above: %+v, %+v", all[1], g)
			}
			return nil
		})
		now = time.UnixMilli(1_000_010)
		v.update(func(tx *db.Tx) error {
			if _, err := tx.Grant(a.ID, id); !errors.Is(err, coffer.ErrNotFound) {
				t.Errorf("ended: %v", err)
			}
			return nil
		})
		again := v.give(a.ID, ben, nobody, coffer.CanEdit, 1_000_020)
		v.update(func(tx *db.Tx) error { return tx.ChangeGrant(again, coffer.CanManage, 0, ben) })
		v.update(func(tx *db.Tx) error {
			if g, err := tx.Grant(a.ID, again); err != nil || g.Access != coffer.CanManage || g.Until != 0 || g.GivenBy != ben {
				t.Errorf("changed: %+v, %v", g, err)
			}
			if err := tx.DeleteGrant(id); !errors.Is(err, coffer.ErrNotFound) {
				t.Errorf("the old one is still there: %v", err)
			}
			n, err := tx.DeleteGroup(crew)
			if err != nil || n != 1 {
				t.Errorf("group: %d grants, %v", n, err)
			}
			return errors.Join(tx.LeaveShare(ben, b.ID), tx.LeaveShare(ben, b.ID))
		})
		count := func(table string) (n int) {
			t.Helper()
			v.view(func(tx *db.Tx) error { return tx.Scan(`SELECT COUNT(*) FROM `+table, nil, &n) })
			return n
		}
		if n := count("grants"); n != 2 {
			t.Errorf("%d grants", n)
		}
		v.update(func(tx *db.Tx) error { _, err := tx.PurgeNode(b.ID); return err })
		if count("grants") != 1 || count("share_left") != 0 {
			t.Error("what stood on a node outlived it")
		}
		v.update(func(tx *db.Tx) error { return tx.DeleteUser(ben) })
		if n := count("grants"); n != 0 {
			t.Errorf("%d grants of nobody", n)
		}
	})
}

// TestTopGrants: what is below something held, in the trash, ended or in the
// own space is no top.
func TestTopGrants(t *testing.T) {
	dbtest.EachWith(t, func(t *testing.T, open func(db.Options) *db.DB) {
		now := time.UnixMilli(1_000_000)
		v := newDrive(t, open(db.Options{Now: func() time.Time { return now }}))
		ben := v.person("ben")
		crew := v.group("crew", ben)
		a := v.add(v.space.RootID, coffer.Folder, "a", 0)
		b := v.add(a.ID, coffer.Folder, "b", 0)
		c := v.add(b.ID, coffer.File, "c", 1)
		d := v.add(v.space.RootID, coffer.Folder, "d", 0)
		e := v.add(d.ID, coffer.File, "e", 1)
		tops := func(user coffer.ID) (out []string) {
			t.Helper()
			v.view(func(tx *db.Tx) error {
				all, err := tx.TopGrants(user)
				for _, top := range all {
					name := top.Node.Name + " " + top.Grant.Access.String()
					if top.Left {
						name += " left"
					}
					if top.OwnerName != "Ann" || top.GivenByName != "Ann" || top.Space.ID != v.space.ID {
						t.Errorf("%+v", top)
					}
					out = append(out, name)
				}
				return err
			})
			slices.Sort(out)
			return out
		}
		check := func(what string, want ...string) {
			t.Helper()
			if got := tops(ben); !slices.Equal(got, want) {
				t.Errorf("%s: %q, want %q", what, got, want)
			}
		}
		check("nothing")
		v.give(c.ID, ben, nobody, coffer.CanView, 0)
		v.give(e.ID, nobody, crew, coffer.CanEdit, 0)
		v.give(e.ID, ben, nobody, coffer.CanView, 0)
		check("two files", "c view", "e edit", "e view")
		v.give(a.ID, nobody, crew, coffer.CanManage, 1_000_005)
		check("c is below a", "a manage", "e edit", "e view")
		v.update(func(tx *db.Tx) error { return tx.LeaveShare(ben, a.ID) })
		check("a left", "a manage left", "e edit", "e view")
		v.update(func(tx *db.Tx) error { return tx.ReturnShare(a.ID, v.space.OwnerID, coffer.ID{}) })
		check("given to somebody else", "a manage left", "e edit", "e view")
		v.update(func(tx *db.Tx) error { return tx.ReturnShare(a.ID, coffer.ID{}, crew) })
		v.update(func(tx *db.Tx) error { return tx.TrashNode(d.ID, v.space.OwnerID) })
		check("d in the trash", "a manage")
		now = time.UnixMilli(1_000_005)
		check("a ended", "c view")
		v.give(v.space.RootID, v.space.OwnerID, nobody, coffer.CanView, 0)
		if got := tops(v.space.OwnerID); len(got) != 0 {
			t.Errorf("the owner's own: %q", got)
		}
	})
}

// TestGroups: names are unique whatever their case.
func TestGroups(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, open func() *db.DB) {
		v := newDrive(t, open())
		ben := v.person("ben")
		crew := v.group("Crew", ben, v.space.OwnerID)
		v.group("Board")
		v.update(func(tx *db.Tx) error {
			if err := tx.InsertGroup(coffer.Group{ID: coffer.NewID(), Name: "crew"}); !errors.Is(err, db.ErrTaken) {
				t.Errorf("a second crew: %v", err)
			}
			if err := tx.RenameGroup(crew, "BOARD"); !errors.Is(err, db.ErrTaken) {
				t.Errorf("a second board: %v", err)
			}
			if err := tx.RenameGroup(crew, "CREW"); err != nil {
				t.Errorf("its own name: %v", err)
			}
			if again, err := tx.AddMember(crew, ben); again || err != nil {
				t.Errorf("in it twice: %v, %v", again, err)
			}
			all, err := tx.Groups()
			if err != nil || len(all) != 2 || all[0].Name != "Board" || all[1].Name != "CREW" || all[1].Members != 2 {
				t.Errorf("%+v, %v", all, err)
			}
			people, err := tx.Members(crew)
			if err != nil || len(people) != 2 || people[0].Name != "Ann" || people[1].ID != ben {
				t.Errorf("members %+v, %v", people, err)
			}
			if err := errors.Join(tx.RemoveMember(crew, ben)); err != nil {
				t.Error(err)
			}
			if err := tx.RemoveMember(crew, ben); !errors.Is(err, coffer.ErrNotFound) {
				t.Errorf("out twice: %v", err)
			}
			if _, err := tx.DeleteGroup(coffer.NewID()); !errors.Is(err, coffer.ErrNotFound) {
				t.Errorf("no such group: %v", err)
			}
			return nil
		})
	})
}
