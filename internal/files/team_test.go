package files_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"coffer"
	"coffer/internal/db"
	"coffer/internal/files"
)

// team makes a team space and returns it.
func (p *person) team(name string) files.Space {
	p.w.t.Helper()
	s, err := p.MakeSpace(ctx, name)
	p.w.ok(err)
	return s
}

func (w *world) let(name, value string) {
	w.t.Helper()
	w.ok(w.db.Update(ctx, func(tx *db.Tx) error { return tx.SetSetting(name, value) }))
}

// TestTeamSpace: a team works in its own space, with its own keys and its own
// room; roles are those on the root.
func TestTeamSpace(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann, ben, cid, dan := w.person("Ann"), w.person("Ben"), w.person("Cid"), w.person("Dan")
		if _, err := ann.MakeSpace(ctx, "Closing"); code(err) != "forbidden" {
			t.Errorf("made without leave: %v", err)
		}
		w.let(db.SettingMakeSpaces, "true")
		w.let(db.SettingQuota, "1000000")
		for name, want := range map[string]string{"": "name_invalid", "a/b": "name_invalid", "a:b": "name_invalid", "SHARED": "name_invalid", "dot.": "name_invalid"} {
			if _, err := ann.MakeSpace(ctx, name); code(err) != want {
				t.Errorf("%q: %v", name, err)
			}
		}
		for what, change := range map[string]func(*coffer.Principal){
			"guest": func(p *coffer.Principal) { p.User.Role = coffer.RoleGuest }, "reader": func(p *coffer.Principal) { p.Scopes = []coffer.Scope{coffer.ScopeFilesRead} },
			"nobody": func(p *coffer.Principal) { *p = coffer.Principal{} },
		} {
			if _, err := ann.as(change).MakeSpace(ctx, "x"); coffer.KindOf(err) != coffer.Forbidden {
				t.Errorf("%s: %v", what, err)
			}
		}
		s := ann.team("Closing")
		if s.Kind != coffer.Team || s.Quota != 1000000 || s.Access != owner || s.Name != "Closing" {
			t.Errorf("made %+v", s)
		}
		f := ann.put(s.RootID, "f", []byte("of the team"))
		if _, err := ben.Stat(ctx, f.ID); code(err) != "not_found" {
			t.Errorf("Ben before: %v", err)
		}
		bens := ann.give(s.RootID, ben, edit)
		ann.give(s.RootID, cid, view)
		spaces := func(p *person) (names []string) {
			t.Helper()
			all, err := p.Spaces(ctx)
			w.ok(err)
			for _, s := range all {
				names = append(names, s.Name+" "+s.Access.String())
			}
			return names
		}
		if got := spaces(ben); !slices.Equal(got, []string{" owner", "Closing edit"}) {
			t.Errorf("Ben's spaces: %q", got)
		}
		guest := ben.as(func(p *coffer.Principal) { p.User.Role = coffer.RoleGuest })
		if all, err := guest.Spaces(ctx); err != nil || len(all) != 1 || all[0].Name != "Closing" {
			t.Errorf("a guest's spaces: %+v, %v", all, err)
		}
		if list, err := ben.Shared(ctx); err != nil || len(list) != 0 {
			t.Errorf("a team space is listed as shared: %+v, %v", list, err)
		}
		d, err := ben.Resolve(ctx, s.ID, "/f")
		w.ok(err)
		if d.ID != f.ID || len(d.Path) != 1 || d.Path[0].ID != s.RootID {
			t.Errorf("Ben's way: %+v", d)
		}
		if _, err := dan.Resolve(ctx, s.ID, "/f"); code(err) != "not_found" {
			t.Errorf("Dan's way: %v", err)
		}
		up := ben.put(s.RootID, "by Ben", []byte("12345"))
		if got := string(cid.read(up.ID)); got != "12345" {
			t.Errorf("Cid reads %q", got)
		}
		if _, _, err := cid.Upload(ctx, s.RootID, "x", "", body(nil)); code(err) != "forbidden" {
			t.Errorf("Cid writes: %v", err)
		}
		// The room is the team's, not the person's.
		if used := ben.space().Used; used != 0 {
			t.Errorf("Ben's own space holds %d", used)
		}
		if _, _, err := ben.Upload(ctx, s.RootID, "big", "", body(random(1000001))); code(err) != "over_quota" {
			t.Errorf("too much: %v", err)
		}
		// The trash is for those who may put back, and owners delete for ever.
		w.ok(ben.Trash(ctx, up.ID, 0))
		for p, want := range map[*person]string{ann: "", ben: "", cid: "forbidden", dan: "not_found"} {
			page, err := p.ListTrash(ctx, s.ID, 0, "")
			if code(err) != want || want == "" && len(page.Items) != 1 {
				t.Errorf("%s: trash %+v, %v", p.who.User.Name, page.Items, err)
			}
		}
		if _, err := ben.Delete(ctx, up.ID); code(err) != "forbidden" {
			t.Errorf("Ben deletes for ever: %v", err)
		}
		if _, err := ben.EmptyTrash(ctx, s.ID); code(err) != "forbidden" {
			t.Errorf("Ben empties: %v", err)
		}
		_, err = ann.EmptyTrash(ctx, s.ID)
		w.ok(err)
		// Moving to another space is copying; between spaces access does not travel.
		if _, err := ben.Change(ctx, f.ID, files.Patch{Parent: &ben.root}); code(err) != "invalid" {
			t.Errorf("moved away: %v", err)
		}
		_, _, err = ben.Copy(ctx, f.ID, ben.root, "", "")
		w.ok(err)
		if _, err := ann.Change(ctx, s.RootID, files.Patch{Name: &folderName}); code(err) != "root" && code(err) != "not_your_folder" {
			t.Errorf("the root renamed: %v", err)
		}
		w.ok(ann.Ungrant(ctx, s.RootID, bens))
		if got := spaces(ben); len(got) != 1 {
			t.Errorf("Ben's spaces, later: %q", got)
		}
		w.clean(0)
	})
}

// TestLastOwner: a team space keeps somebody who owns it.
func TestLastOwner(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann, ben := w.person("Ann"), w.person("Ben")
		w.let(db.SettingMakeSpaces, "true")
		s := ann.team("Closing")
		all, err := ann.Grants(ctx, s.RootID)
		w.ok(err)
		anns := all.Grants[0].ID
		crew := w.group("Crew", ben)
		bens := ann.give(s.RootID, ben, manage)
		soon := w.clock.now().Add(time.Hour).UnixMilli()
		_, err = ann.Grant(ctx, s.RootID, files.NewGrant{GroupID: crew, Access: owner})
		w.ok(err)
		refused := func() {
			t.Helper()
			for what, err := range map[string]error{
				"leaves": ann.Leave(ctx, s.RootID), "takes it from herself": ann.Ungrant(ctx, s.RootID, anns),
				"lowers herself":      second(ann.ChangeGrant(ctx, s.RootID, anns, files.GrantPatch{Access: manage})),
				"ends":                second(ann.ChangeGrant(ctx, s.RootID, anns, files.GrantPatch{Until: &soon})),
				"deletes the account": w.db.Update(ctx, func(tx *db.Tx) error { return w.svc.GiveUp(tx, ann.who, ann.who.User.ID, true) }),
			} {
				if code(err) != "last_owner" {
					t.Errorf("Ann %s: %v", what, err)
				}
			}
		}
		refused() // a group is no owner that lasts, nor a manager
		_, err = ann.ChangeGrant(ctx, s.RootID, bens, files.GrantPatch{Access: owner, Until: &soon})
		w.ok(err)
		refused() // nor is who owns it for an hour
		_, err = ann.ChangeGrant(ctx, s.RootID, bens, files.GrantPatch{Until: new(int64)})
		w.ok(err)
		w.ok(w.db.Update(ctx, func(tx *db.Tx) error { return tx.SetUserDisabled(ben.who.User.ID, true) }))
		refused() // nor who cannot sign in
		w.ok(w.db.Update(ctx, func(tx *db.Tx) error { return tx.SetUserDisabled(ben.who.User.ID, false) }))
		w.ok(ann.Leave(ctx, s.RootID))
		if _, err := ann.Stat(ctx, s.RootID); code(err) != "not_found" {
			t.Errorf("Ann is out: %v", err)
		}
		if err := ben.Leave(ctx, s.RootID); code(err) != "last_owner" {
			t.Errorf("Ben leaves: %v", err)
		}
		// Managers give up to manage; only owners touch owners.
		cid := w.person("Cid")
		cids := ben.give(s.RootID, cid, manage)
		for what, err := range map[string]error{
			"gives owner":         second(cid.Grant(ctx, s.RootID, files.NewGrant{UserID: ann.who.User.ID, Access: owner})),
			"makes himself owner": second(cid.ChangeGrant(ctx, s.RootID, cids, files.GrantPatch{Access: owner})),
			"lowers Ben":          second(cid.ChangeGrant(ctx, s.RootID, bens, files.GrantPatch{Access: view})),
			"removes Ben":         cid.Ungrant(ctx, s.RootID, bens),
			"renames":             second(cid.RenameSpace(ctx, s.ID, "Mine")),
			"removes":             second(cid.RemoveSpace(ctx, s.ID, "Closing")),
		} {
			if coffer.KindOf(err) != coffer.Forbidden {
				t.Errorf("a manager %s: %v", what, err)
			}
		}
	})
}

// TestRemoveSpace: what a team had is closed to all at once, and gone for good.
func TestRemoveSpace(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann, ben := w.person("Ann"), w.person("Ben")
		w.let(db.SettingMakeSpaces, "true")
		s := ann.team("Closing")
		renamed, err := ann.RenameSpace(ctx, s.ID, "Closing 2026")
		w.ok(err)
		if renamed.Name != "Closing 2026" {
			t.Errorf("renamed %+v", renamed)
		}
		in := ann.mkdir(s.RootID, "in")
		f := ann.put(in, "f", random(3<<20))
		gone := ann.put(in, "gone", nil)
		ann.trash(gone.ID)
		ann.give(s.RootID, ben, edit)
		for what, err := range map[string]error{
			"wrong name":    second(ann.RemoveSpace(ctx, s.ID, "Closing")),
			"not an owner":  second(ben.RemoveSpace(ctx, s.ID, "Closing 2026")),
			"own space":     second(ann.RemoveSpace(ctx, ann.space().ID, "")),
			"own renamed":   second(ann.RenameSpace(ctx, ann.space().ID, "x")),
			"no such space": second(ann.RemoveSpace(ctx, coffer.NewID(), "Closing 2026")),
			"no space":      second(ann.RemoveSpace(ctx, coffer.ID{}, "")),
		} {
			want := map[string]string{"wrong name": "name_wrong", "not an owner": "forbidden", "own space": "not_a_team", "own renamed": "not_a_team"}[what]
			if want == "" {
				want = "not_found"
			}
			if code(err) != want {
				t.Errorf("%s: %v, want %s", what, err, want)
			}
		}
		final, err := ann.RemoveSpace(ctx, s.ID, "Closing 2026")
		w.ok(err)
		if want := w.clock.now().Add(30 * 24 * time.Hour).UnixMilli(); final != want {
			t.Errorf("final %d, want %d", final, want)
		}
		for _, p := range []*person{ann, ben} {
			if all, err := p.Spaces(ctx); err != nil || len(all) != 1 {
				t.Errorf("%s still has %+v, %v", p.who.User.Name, all, err)
			}
			for what, err := range map[string]error{"stat": second(p.Stat(ctx, f.ID)), "open": second(p.Open(ctx, f.ID, coffer.ID{})), "root": second(p.Stat(ctx, s.RootID)), "trash": second(p.ListTrash(ctx, s.ID, 0, ""))} {
				if code(err) != "not_found" {
					t.Errorf("%s, %s: %v", p.who.User.Name, what, err)
				}
			}
		}
		w.ok(w.db.View(ctx, func(tx *db.Tx) error {
			keys, err := tx.SpaceKeys(s.ID)
			for _, k := range keys {
				if _, err := w.keys.OpenSpaceKey(k); err == nil {
					t.Error("a key can still be opened")
				}
			}
			return err
		}))
		w.ok(w.svc.PurgeSpace(ctx, s.ID))
		w.ok(w.db.View(ctx, func(tx *db.Tx) error {
			if _, err := tx.Space(s.ID); !errors.Is(err, coffer.ErrNotFound) {
				t.Errorf("the space: %v", err)
			}
			if _, err := tx.Node(f.ID); !errors.Is(err, coffer.ErrNotFound) {
				t.Errorf("the file: %v", err)
			}
			return nil
		}))
		w.clean(0)
	})
}

// TestHandOver: a person's space goes to another as a team space, with keys,
// versions, trash and grants; administrators decide, and never for themselves.
func TestHandOver(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann, ben, cid := w.person("Ann"), w.person("Ben"), w.person("Cid")
		boss := w.personAs("Boss", coffer.RoleAdmin)
		in := ann.mkdir(ann.root, "in")
		f := ann.put(in, "f", []byte("Ann's"))
		gone := ann.put(in, "gone", nil)
		ann.trash(gone.ID)
		ann.give(in, cid, view)
		id := ann.who.User.ID
		w.personAs("Gus", coffer.RoleGuest)
		for _, r := range []struct {
			what string
			err  error
			want string
		}{
			{"a member", second(ben.HandOver(ctx, id, "ben@example.com", "x")), "forbidden"},
			{"without the scope", second(boss.as(func(p *coffer.Principal) { p.Scopes = coffer.AllScopes[:4] }).HandOver(ctx, id, "ben@example.com", "x")), "scope_missing"},
			{"a stale administrator", second(ben.as(func(p *coffer.Principal) { p.User.Role = coffer.RoleAdmin }).HandOver(ctx, id, "ben@example.com", "x")), "forbidden"},
			{"to self", second(boss.HandOver(ctx, id, "boss@example.com", "x")), "not_to_self"},
			{"to nobody", second(boss.HandOver(ctx, id, "eve@example.com", "x")), "person_unknown"},
			{"to a guest", second(boss.HandOver(ctx, id, "gus@example.com", "x")), "person_unfit"},
			{"to the same", second(boss.HandOver(ctx, id, "ann@example.com", "x")), "person_unfit"},
			{"of nobody", second(boss.HandOver(ctx, coffer.NewID(), "ben@example.com", "x")), "not_found"},
			{"name", second(boss.HandOver(ctx, id, "ben@example.com", "a:b")), "name_invalid"},
		} {
			if code(r.err) != r.want {
				t.Errorf("%s: %v, want %s", r.what, r.err, r.want)
			}
		}
		s, err := boss.HandOver(ctx, id, "ben@example.com", "Files of Ann")
		w.ok(err)
		if s.Kind != coffer.Team || s.RootID != ann.root {
			t.Errorf("%+v", s)
		}
		if got := string(ben.read(f.ID)); got != "Ann's" {
			t.Errorf("Ben reads %q", got)
		}
		if page, err := ben.ListTrash(ctx, s.ID, 0, ""); err != nil || len(page.Items) != 1 {
			t.Errorf("Ben's new trash: %+v, %v", page, err)
		}
		if _, err := cid.Stat(ctx, f.ID); err != nil {
			t.Errorf("Cid lost what was given: %v", err)
		}
		if _, err := boss.Stat(ctx, f.ID); code(err) != "not_found" {
			t.Errorf("the administrator: %v", err)
		}
		if _, err := ann.Stat(ctx, f.ID); code(err) != "not_found" {
			t.Errorf("Ann still reads: %v", err)
		}
		if n := ann.space(); n.ID == s.ID || n.Used != 0 {
			t.Errorf("Ann's new space: %+v", n)
		}
		// A team whose owners are gone gets one, and more room.
		teams, err := boss.TeamSpaces(ctx)
		w.ok(err)
		if len(teams) != 1 || teams[0].Name != "Files of Ann" || len(teams[0].Owners) != 1 || teams[0].Owners[0].Name != "Ben" || teams[0].Used != 5 {
			t.Errorf("teams %+v", teams)
		}
		room := int64(4)
		for what, err := range map[string]error{"list": second(ben.TeamSpaces(ctx)), "room": ben.ChangeTeamSpace(ctx, s.ID, files.TeamPatch{Quota: &room})} {
			if code(err) != "forbidden" {
				t.Errorf("a member: %s: %v", what, err)
			}
		}
		w.ok(boss.ChangeTeamSpace(ctx, s.ID, files.TeamPatch{Quota: &room}))
		if _, _, err := ben.Upload(ctx, s.RootID, "x", "", body([]byte("x"))); code(err) != "over_quota" {
			t.Errorf("no room: %v", err)
		}
		if err := boss.ChangeTeamSpace(ctx, s.ID, files.TeamPatch{Owner: "boss@example.com"}); code(err) != "not_to_self" {
			t.Errorf("the administrator as owner: %v", err)
		}
		w.ok(boss.ChangeTeamSpace(ctx, s.ID, files.TeamPatch{Owner: "cid@example.com"}))
		if d, err := cid.Stat(ctx, s.RootID); err != nil || d.Access != owner {
			t.Errorf("Cid is an owner: %q, %v", d.Access, err)
		}
		if err := boss.ChangeTeamSpace(ctx, ann.space().ID, files.TeamPatch{Quota: &room}); code(err) != "not_found" {
			t.Errorf("a personal space: %v", err)
		}
		w.clean(0)
	})
}
