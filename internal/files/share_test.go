package files_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"coffer"
	"coffer/internal/db"
	"coffer/internal/files"
)

const (
	view   = coffer.CanView
	edit   = coffer.CanEdit
	manage = coffer.CanManage
	owner  = coffer.IsOwner
)

// give shares a node with somebody and returns the grant.
func (p *person) give(node coffer.ID, to *person, a coffer.Access) coffer.ID {
	p.w.t.Helper()
	g, err := p.Grant(ctx, node, files.NewGrant{UserID: to.who.User.ID, Access: a})
	p.w.ok(err)
	return g.ID
}

func (w *world) group(name string, members ...*person) coffer.ID {
	w.t.Helper()
	g := coffer.Group{ID: coffer.NewID(), Name: name}
	w.ok(w.db.Update(ctx, func(tx *db.Tx) error {
		err := tx.InsertGroup(g)
		for _, m := range members {
			_, added := tx.AddMember(g.ID, m.who.User.ID)
			err = errors.Join(err, added)
		}
		return err
	}))
	return g.ID
}

// as is a person's view with something else about them.
func (p *person) as(change func(*coffer.Principal)) *files.View {
	who := p.who
	change(&who)
	return p.w.svc.As(who)
}

// TestSharedVerbs tries every verb with every level on a shared folder, on what
// is in it and on a shared file, and wants the same answer as the design gives:
// done, forbidden with its code, or not there.
func TestSharedVerbs(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann, ben := w.person("Ann"), w.person("Ben")
		bens := ben.mkdir(ben.root, "mine")
		benf := ben.put(bens, "own", []byte("own"))
		private := ann.mkdir(ann.root, "Private matters")
		name, empty := "renamed", ""
		type set struct{ top, in, file, gone, outside coffer.ID }
		type verb struct {
			what string
			do   func(v *files.View, s set) error
			// from which level on it is done; what is said below it
			from  coffer.Access
			below string
		}
		verbs := []verb{
			{"stat top", func(v *files.View, s set) error { return second(v.Stat(ctx, s.top)) }, view, ""},
			{"stat in", func(v *files.View, s set) error { return second(v.Stat(ctx, s.in)) }, view, ""},
			{"list", func(v *files.View, s set) error { return second(v.Children(ctx, s.top, files.ListOptions{})) }, view, ""},
			{"resolve under", func(v *files.View, s set) error { return second(v.ResolveUnder(ctx, s.top, "/in")) }, view, ""},
			{"open", func(v *files.View, s set) error { return second(v.Open(ctx, s.file, coffer.ID{})) }, view, ""},
			{"versions", func(v *files.View, s set) error { return second(v.Versions(ctx, s.file, 0, "")) }, view, ""},
			{"zip", func(v *files.View, s set) error { return second(v.Zip(ctx, []coffer.ID{s.top, s.in})) }, view, ""},
			{"copy away", func(v *files.View, s set) error { return third(v.Copy(ctx, s.file, bens, coffer.NewID().String(), "")) }, view, ""},
			{"grants", func(v *files.View, s set) error { return second(v.Grants(ctx, s.in)) }, view, ""},
			{"mkdir", func(v *files.View, s set) error { return third(v.CreateFolder(ctx, s.in, "x", "")) }, edit, "forbidden"},
			{"mkdir, wrong", func(v *files.View, s set) error {
				if err := third(v.CreateFolder(ctx, s.in, "a/b", "")); code(err) != "name_invalid" {
					return err
				}
				return nil
			}, edit, "forbidden"},
			{"upload", func(v *files.View, s set) error { return third(v.Upload(ctx, s.top, "new", "", body([]byte("n")))) }, edit, "forbidden"},
			{"upload version", func(v *files.View, s set) error {
				return second(v.UploadVersion(ctx, s.file, coffer.ID{}, body([]byte("v"))))
			}, edit, "forbidden"},
			{"rename in", func(v *files.View, s set) error { return second(v.Change(ctx, s.in, files.Patch{Name: &name})) }, edit, "forbidden"},
			{"rename in, wrong", func(v *files.View, s set) error {
				if err := second(v.Change(ctx, s.in, files.Patch{Name: &empty})); code(err) != "name_invalid" {
					return err
				}
				return nil
			}, edit, "forbidden"},
			{"move in", func(v *files.View, s set) error { return second(v.Change(ctx, s.file, files.Patch{Parent: &s.in})) }, edit, "forbidden"},
			{"move out to own", func(v *files.View, s set) error {
				if err := second(v.Change(ctx, s.file, files.Patch{Parent: &bens})); code(err) != "invalid" {
					return err
				}
				return nil
			}, edit, "forbidden"},
			{"copy in", func(v *files.View, s set) error { return third(v.Copy(ctx, benf.ID, s.top, "from Ben", "")) }, edit, "forbidden"},
			{"trash in", func(v *files.View, s set) error { return v.Trash(ctx, s.in, 0) }, edit, "forbidden"},
			{"restore", func(v *files.View, s set) error { return second(v.Restore(ctx, s.gone, coffer.ID{})) }, edit, "not_found"},
			{"check files", func(v *files.View, s set) error {
				return second(v.CheckFiles(ctx, s.top, []files.Candidate{{Name: "x", Size: 1}}))
			}, edit, "forbidden"},
			{"rename top", func(v *files.View, s set) error { return second(v.Change(ctx, s.top, files.Patch{Name: &name})) }, owner, "not_your_folder"},
			{"move top into own", func(v *files.View, s set) error { return second(v.Change(ctx, s.top, files.Patch{Parent: &bens})) }, owner + 1, "not_your_folder"},
			{"move top out of sight", func(v *files.View, s set) error { return second(v.Change(ctx, s.top, files.Patch{Parent: &s.outside})) }, owner, "not_your_folder"},
			{"move in out of sight", func(v *files.View, s set) error {
				return second(v.Change(ctx, s.file, files.Patch{Parent: &s.outside}))
			}, owner, "not_found"},
			{"trash top", func(v *files.View, s set) error { return v.Trash(ctx, s.top, 0) }, owner, "not_your_folder"},
			{"delete for ever", func(v *files.View, s set) error { return second(v.Delete(ctx, s.gone)) }, owner, "forbidden"},
			{"share", func(v *files.View, s set) error {
				return second(v.Grant(ctx, s.in, files.NewGrant{Email: "cid@example.com", Access: view}))
			}, manage, "forbidden"},
			{"share with nobody", func(v *files.View, s set) error {
				if err := second(v.Grant(ctx, s.in, files.NewGrant{Email: "nobody@example.com", Access: view})); code(err) != "person_unknown" {
					return err
				}
				return nil
			}, manage, "forbidden"},
			{"stat outside", func(v *files.View, s set) error { return second(v.Stat(ctx, s.outside)) }, owner, "not_found"},
			{"list outside", func(v *files.View, s set) error { return second(v.Children(ctx, s.outside, files.ListOptions{})) }, owner, "not_found"},
			{"stat the root", func(v *files.View, s set) error { return second(v.Stat(ctx, ann.root)) }, owner, "not_found"},
			{"the trash of the space", func(v *files.View, s set) error { return second(v.ListTrash(ctx, ann.space().ID, 0, "")) }, owner, "not_found"},
			{"resolve in the space", func(v *files.View, s set) error { return second(v.Resolve(ctx, ann.space().ID, "/")) }, owner, "not_found"},
		}
		w.person("Cid")
		round := 0
		for _, level := range []coffer.Access{coffer.NoAccess, view, edit, manage, owner} {
			for _, b := range verbs {
				round++
				var s set
				s.outside = ann.mkdir(private, fmt.Sprint("outside ", round))
				s.top = ann.mkdir(private, fmt.Sprint("top ", round))
				s.in = ann.mkdir(s.top, "in")
				s.file = ann.put(s.top, "file", []byte("secret")).ID
				s.gone = ann.put(s.top, "gone", nil).ID
				ann.trash(s.gone)
				v := ben.View
				switch level {
				case owner:
					v = ann.View
				case coffer.NoAccess:
				default:
					ann.give(s.top, ben, level)
				}
				if own := strings.HasSuffix(b.what, "own") || strings.HasPrefix(b.what, "copy"); own && level == owner {
					continue // Ann knows nothing of Ben's folder
				}
				want := ""
				switch {
				case level == coffer.NoAccess, b.what == "delete for ever" && level == view:
					want = "not_found"
				case level == view && strings.HasPrefix(b.below, "not"):
					if want = "forbidden"; strings.Contains(b.what, "outside") || strings.Contains(b.what, " the ") || b.what == "restore" {
						want = "not_found"
					}
				case level < b.from:
					want = b.below
				}
				err := b.do(v, s)
				if code(err) != want {
					t.Errorf("%s with %q: %v, want %q", b.what, level, err, want)
				}
				if err != nil && strings.Contains(err.Error(), "matters") {
					t.Errorf("%s with %q: a name leaks: %v", b.what, level, err)
				}
			}
		}
		w.clean(0)
	})
}

// TestGuestSeesNothingAbove: the way to what is shared begins there.
func TestGuestSeesNothingAbove(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann, ben := w.person("Ann"), w.person("Ben")
		secret := ann.mkdir(ann.root, "Secret plans")
		top := ann.mkdir(secret, "For Ben")
		in := ann.mkdir(top, "in")
		f := ann.put(in, "f", []byte("x"))
		ann.give(top, ben, edit)
		path := func(d files.Detail) string {
			var names []string
			for _, c := range d.Path {
				names = append(names, c.Name)
			}
			return strings.Join(names, "/")
		}
		stat := func(p *person, id coffer.ID) files.Detail {
			t.Helper()
			d, err := p.Stat(ctx, id)
			w.ok(err)
			return d
		}
		if got := path(stat(ben, f.ID)); got != "For Ben/in" {
			t.Errorf("Ben's way to f: %q", got)
		}
		if got := path(stat(ann, f.ID)); got != "/Secret plans/For Ben/in" {
			t.Errorf("Ann's way to f: %q", got)
		}
		if d := stat(ben, top); path(d) != "" || !d.ParentID.IsZero() || d.Access != edit {
			t.Errorf("the shared folder: %+v", d)
		}
		if d := stat(ann, top); d.ParentID != secret || d.Access != owner {
			t.Errorf("Ann's folder: %+v", d)
		}
		up, _, err := ben.Upload(ctx, in, "up", "", body([]byte("y")))
		w.ok(err)
		if got := path(up); got != "For Ben/in" {
			t.Errorf("after an upload: %q", got)
		}
		one := ann.put(secret, "one file", []byte("1"))
		ann.give(one.ID, ben, edit)
		d, err := ben.UploadVersion(ctx, one.ID, coffer.ID{}, body([]byte("2")))
		w.ok(err)
		if path(d) != "" || !d.ParentID.IsZero() {
			t.Errorf("after a version: %+v", d)
		}
		moved, err := ben.Change(ctx, f.ID, files.Patch{Parent: &top})
		w.ok(err)
		if path(moved) != "For Ben" {
			t.Errorf("after a move: %q", path(moved))
		}
		list, err := ben.Shared(ctx)
		w.ok(err)
		if len(list) != 2 || list[0].ID != one.ID || list[1].ID != top || list[1].By.Name != "Ann" || list[1].Owner.Name != "Ann" || list[1].Access != edit || !list[1].ParentID.IsZero() {
			t.Errorf("shared with Ben: %+v", list)
		}
		// Who else has it: the folder above has no name for Ben.
		cid := w.person("Cid")
		ann.give(secret, cid, view)
		s, err := ben.Grants(ctx, in)
		w.ok(err)
		if len(s.Grants) != 2 || s.Owner.Name != "Ann" {
			t.Fatalf("%+v", s)
		}
		for _, g := range s.Grants {
			if !g.Inherited || g.Email != "" || g.MayChange || strings.Contains(fmt.Sprint(g), "plans") || g.Name == "Cid" && !g.NodeID.IsZero() || g.Name == "Ben" && g.From != "For Ben" {
				t.Errorf("Ben is told %+v", g)
			}
		}
	})
}

// TestGrantsAdd: the strongest counts, wherever it comes from, until it ends.
func TestGrantsAdd(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann, ben, cid := w.person("Ann"), w.person("Ben"), w.person("Cid")
		a := ann.mkdir(ann.root, "a")
		b := ann.mkdir(a, "b")
		crew := w.group("Crew", ben)
		access := func(p *person, id coffer.ID) coffer.Access {
			d, err := p.Stat(ctx, id)
			if err != nil {
				return coffer.NoAccess
			}
			return d.Access
		}
		check := func(what string, wantA, wantB coffer.Access) {
			t.Helper()
			if gotA, gotB := access(ben, a), access(ben, b); gotA != wantA || gotB != wantB {
				t.Errorf("%s: a %q, b %q, want %q, %q", what, gotA, gotB, wantA, wantB)
			}
		}
		check("nothing", 0, 0)
		g := ann.give(a, ben, view)
		check("view on a", view, view)
		until := w.clock.now().Add(time.Hour).UnixMilli()
		crews, err := ann.Grant(ctx, b, files.NewGrant{GroupID: crew, Access: manage, Until: until})
		w.ok(err)
		check("and manage on b by the crew", view, manage)
		if access(cid, b) != 0 {
			t.Error("Cid is in no crew")
		}
		w.clock.move(time.Hour)
		check("the crew's has ended", view, view)
		_, err = ann.Grant(ctx, b, files.NewGrant{GroupID: crew, Access: edit})
		w.ok(err)
		check("and was given anew", view, edit)
		if _, err := ann.ChangeGrant(ctx, b, crews.ID, files.GrantPatch{Access: view}); code(err) != "not_found" {
			t.Errorf("the ended one is still there: %v", err)
		}
		w.ok(w.db.Update(ctx, func(tx *db.Tx) error { return tx.RemoveMember(crew, ben.who.User.ID) }))
		check("out of the crew", view, view)
		w.ok(ann.Ungrant(ctx, a, g))
		check("taken away", 0, 0)
		guest := ben.as(func(p *coffer.Principal) { p.User.Role = coffer.RoleGuest })
		ann.give(a, ben, manage)
		if d, err := guest.Stat(ctx, b); err != nil || d.Access != edit {
			t.Errorf("a guest with manage: %q, %v", d.Access, err)
		}
		if _, err := guest.Grant(ctx, b, files.NewGrant{UserID: cid.who.User.ID, Access: view}); code(err) != "forbidden" {
			t.Errorf("a guest shares: %v", err)
		}
		off := ben.as(func(p *coffer.Principal) { p.User.Disabled = true })
		if _, err := off.Stat(ctx, b); code(err) != "not_found" {
			t.Errorf("disabled: %v", err)
		}
		if list, err := off.Shared(ctx); err != nil || len(list) != 0 {
			t.Errorf("disabled: %v, %v", list, err)
		}
		reader := ben.as(func(p *coffer.Principal) { p.Scopes = []coffer.Scope{coffer.ScopeFilesRead} })
		if _, err := reader.Grant(ctx, b, files.NewGrant{UserID: cid.who.User.ID, Access: view}); code(err) != "scope_missing" {
			t.Errorf("a token that reads shares: %v", err)
		}
	})
}

// TestGiving: nobody gives more, or for longer, than they have, and the record
// tells each change with before and after.
func TestGiving(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann, ben, cid, dan := w.person("Ann"), w.person("Ben"), w.person("Cid"), w.person("Dan")
		crew := w.group("Crew", dan)
		a := ann.mkdir(ann.root, "a")
		f := ann.put(a, "f", []byte("x"))
		end := w.clock.now().Add(24 * time.Hour).UnixMilli()
		given, err := ann.Grant(ctx, a, files.NewGrant{Email: " BEN@example.com ", Access: manage, Until: end})
		w.ok(err)
		if given.Name != "Ben" || given.Email != "ben@example.com" || given.Access != manage || given.Until != end || given.By.Name != "Ann" || !given.MayChange || given.Inherited {
			t.Errorf("given %+v", given)
		}
		off := w.person("Off")
		w.ok(w.db.Update(ctx, func(tx *db.Tx) error { return tx.SetUserDisabled(off.who.User.ID, true) }))
		id := func(p *person) coffer.ID { return p.who.User.ID }
		for _, r := range []struct {
			what string
			by   *person
			n    files.NewGrant
			want string
		}{
			{"without an end", ben, files.NewGrant{UserID: id(cid), Access: view}, "beyond_own"},
			{"longer", ben, files.NewGrant{UserID: id(cid), Access: view, Until: end + 1}, "beyond_own"},
			{"to himself, longer", ben, files.NewGrant{UserID: id(ben), Access: manage, Until: end + 1}, "beyond_own"},
			{"to himself", ben, files.NewGrant{UserID: id(ben), Access: view, Until: end}, "grant_exists"},
			{"owner", ann, files.NewGrant{UserID: id(cid), Access: owner}, "role_wrong"},
			{"nothing", ann, files.NewGrant{UserID: id(cid)}, "role_wrong"},
			{"no such level", ann, files.NewGrant{UserID: id(cid), Access: 9}, "role_wrong"},
			{"to the owner", ben, files.NewGrant{UserID: id(ann), Access: view, Until: end}, "already_owner"},
			{"again", ann, files.NewGrant{Email: "ben@example.com", Access: view}, "grant_exists"},
			{"past", ann, files.NewGrant{UserID: id(cid), Access: view, Until: w.clock.now().UnixMilli()}, "until_past"},
			{"before 1970", ann, files.NewGrant{UserID: id(cid), Access: view, Until: -5}, "until_past"},
			{"to nobody", ann, files.NewGrant{Access: view}, "invalid"},
			{"to two", ann, files.NewGrant{Email: "cid@example.com", GroupID: crew, Access: view}, "invalid"},
			{"unknown address", ann, files.NewGrant{Email: "eve@example.com", Access: view}, "person_unknown"},
			{"no address", ann, files.NewGrant{Email: "cid", Access: view}, "person_unknown"},
			{"disabled", ann, files.NewGrant{Email: "off@example.com", Access: view}, "person_unknown"},
			{"disabled, by id", ann, files.NewGrant{UserID: id(off), Access: view}, "person_unknown"},
			{"unknown id", ann, files.NewGrant{UserID: coffer.NewID(), Access: view}, "person_unknown"},
			{"unknown group", ann, files.NewGrant{GroupID: coffer.NewID(), Access: view}, "group_unknown"},
		} {
			if _, err := r.by.Grant(ctx, a, r.n); code(err) != r.want {
				t.Errorf("%s: %v, want %s", r.what, err, r.want)
			}
		}
		before := len(w.events())
		cids, err := ben.Grant(ctx, f.ID, files.NewGrant{Email: "cid@example.com", Access: edit, Until: end})
		w.ok(err)
		// Narrowing is open to who has as much; widening is not.
		_, err = ben.ChangeGrant(ctx, f.ID, cids.ID, files.GrantPatch{Access: view})
		w.ok(err)
		if _, err := ben.ChangeGrant(ctx, f.ID, cids.ID, files.GrantPatch{Until: new(int64)}); code(err) != "beyond_own" {
			t.Errorf("longer than he has: %v", err)
		}
		_, err = ann.ChangeGrant(ctx, f.ID, cids.ID, files.GrantPatch{Until: new(int64)})
		w.ok(err)
		soon := end - 5
		_, err = ben.ChangeGrant(ctx, f.ID, cids.ID, files.GrantPatch{Until: &soon})
		w.ok(err)
		same, err := ben.ChangeGrant(ctx, f.ID, cids.ID, files.GrantPatch{Until: &soon})
		w.ok(err)
		if same.Access != view || same.Until != soon || same.By.Name != "Ben" {
			t.Errorf("changed to %+v", same)
		}
		for _, r := range []struct {
			what string
			err  error
			want string
		}{
			{"of another node", second(ann.ChangeGrant(ctx, a, cids.ID, files.GrantPatch{Access: edit})), "not_found"},
			{"take, of another node", ann.Ungrant(ctx, a, cids.ID), "not_found"},
			{"Cid may not", second(cid.ChangeGrant(ctx, f.ID, cids.ID, files.GrantPatch{Access: edit})), "forbidden"},
			{"Cid takes", cid.Ungrant(ctx, f.ID, cids.ID), "forbidden"},
			{"Dan knows nothing", dan.Ungrant(ctx, f.ID, cids.ID), "not_found"},
			{"past", second(ann.ChangeGrant(ctx, f.ID, cids.ID, files.GrantPatch{Until: &[]int64{7}[0]})), "until_past"},
			{"owner", second(ann.ChangeGrant(ctx, f.ID, cids.ID, files.GrantPatch{Access: owner})), "role_wrong"},
		} {
			if code(r.err) != r.want {
				t.Errorf("%s: %v, want %s", r.what, r.err, r.want)
			}
		}
		w.ok(cid.Leave(ctx, f.ID))
		if _, err := cid.Stat(ctx, f.ID); code(err) != "not_found" {
			t.Errorf("Cid has left: %v", err)
		}
		if err := dan.Leave(ctx, f.ID); code(err) != "not_found" {
			t.Errorf("Dan leaves: %v", err)
		}
		// A group gives it still: it is only not listed any more.
		_, err = ann.Grant(ctx, a, files.NewGrant{GroupID: crew, Access: view})
		w.ok(err)
		if err := dan.Leave(ctx, f.ID); code(err) != "grant_above" {
			t.Errorf("Dan leaves what is above: %v", err)
		}
		w.ok(dan.Leave(ctx, a))
		if list, err := dan.Shared(ctx); err != nil || len(list) != 0 {
			t.Errorf("Dan left: %+v, %v", list, err)
		}
		if _, err := dan.Stat(ctx, f.ID); err != nil {
			t.Errorf("the crew still may: %v", err)
		}
		ann.give(a, dan, view)
		if list, err := dan.Shared(ctx); err != nil || len(list) != 1 {
			t.Errorf("given anew: %+v, %v", list, err)
		}
		w.ok(ann.Ungrant(ctx, a, given.ID))
		var told []string
		w.ok(w.db.View(ctx, func(tx *db.Tx) error {
			events, err := tx.Events(ann.space().ID, 1000)
			slices.Reverse(events)
			for _, e := range events {
				if !strings.HasPrefix(e.Action, "grant.") {
					continue
				}
				if e.TargetID.IsZero() || e.NodeID.IsZero() || e.Detail["address"] != "192.0.2.1" || e.Detail["request"] != "7Q2M-4K" || e.ActorID.IsZero() {
					t.Errorf("event %+v", e)
				}
				role := func(key string) any {
					m, _ := e.Detail[key].(map[string]any)
					return m["role"]
				}
				told = append(told, fmt.Sprint(e.Action, " ", e.Detail["to"], " ", e.Detail["node"], " ", role("before"), " ", role("after")))
			}
			return err
		}))
		want := []string{"grant.given Ben a <nil> manage", "grant.given Cid f <nil> edit", "grant.changed Cid f edit view", "grant.changed Cid f view view",
			"grant.changed Cid f view view", "grant.left Cid f view <nil>", "grant.given Crew a <nil> view", "grant.left Dan a view <nil>", "grant.given Dan a <nil> view", "grant.taken Ben a manage <nil>"}
		if !slices.Equal(told, want) {
			t.Errorf("the record:\n%s\nwant\n%s", strings.Join(told, "\n"), strings.Join(want, "\n"))
		}
		if after := len(w.events()); after != before+len(want)-1 {
			t.Errorf("%d events more, want %d: refusals leave none", after-before, len(want)-1)
		}
	})
}

// TestGrantsTravel: they stay with a node that moves, go with one that is
// deleted, do not come along with a copy, and do not count in the trash.
func TestGrantsTravel(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann, ben, cid := w.person("Ann"), w.person("Ben"), w.person("Cid")
		from, to := ann.mkdir(ann.root, "from"), ann.mkdir(ann.root, "to")
		x := ann.mkdir(from, "x")
		f := ann.put(x, "f", []byte("x"))
		ann.give(from, ben, edit)
		ann.give(x, cid, view)
		sees := func(p *person, id coffer.ID) bool { _, err := p.Stat(ctx, id); return err == nil }
		if !sees(ben, f.ID) || !sees(cid, f.ID) {
			t.Fatal("nobody sees it")
		}
		copied, _, err := ann.Copy(ctx, x, to, "twin", "")
		w.ok(err)
		if sees(ben, copied.ID) || sees(cid, copied.ID) {
			t.Error("a copy is shared")
		}
		_, err = ann.Change(ctx, x, files.Patch{Parent: &to})
		w.ok(err)
		if sees(ben, f.ID) || !sees(cid, f.ID) {
			t.Errorf("moved: Ben %v, Cid %v, want what stands on it only", sees(ben, f.ID), sees(cid, f.ID))
		}
		_, err = ann.Change(ctx, x, files.Patch{Parent: &from})
		w.ok(err)
		// Ben trashes what is in his folder and may take it back; Cid, to whom
		// it was given itself, may not, and sees nothing meanwhile.
		ann.give(f.ID, cid, edit)
		w.ok(ben.Trash(ctx, f.ID, 0))
		if sees(cid, f.ID) || code(second(cid.Restore(ctx, f.ID, coffer.ID{}))) != "not_found" {
			t.Error("Cid reaches the trash")
		}
		_, err = ben.Restore(ctx, f.ID, coffer.ID{})
		w.ok(err)
		if !sees(cid, f.ID) {
			t.Error("put back, and not given to Cid any more")
		}
		// Ann takes the whole folder away: nobody gets it back but her.
		ann.trash(from)
		if sees(ben, from) || sees(ben, f.ID) || code(second(ben.Restore(ctx, from, coffer.ID{}))) != "not_found" {
			t.Error("Ben reaches what Ann threw away")
		}
		if list, err := ben.Shared(ctx); err != nil || len(list) != 0 {
			t.Errorf("in the trash, and listed: %+v, %v", list, err)
		}
		_, err = ann.Delete(ctx, from)
		w.ok(err)
		w.jobs()
		var n int
		w.ok(w.db.View(ctx, func(tx *db.Tx) error {
			for _, p := range []*person{ben, cid} {
				all, err := tx.TopGrants(p.who.User.ID)
				if n += len(all); err != nil {
					return err
				}
			}
			return nil
		}))
		if n != 0 {
			t.Errorf("%d grants outlived their nodes", n)
		}
		w.clean(0)
	})
}
