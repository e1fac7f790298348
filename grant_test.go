package coffer_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"coffer"
)

// A way is a way that grants come to a node, and what it is worth to somebody
// who may share: said a second time, in the words of the design.
type way struct {
	name          string
	held          []coffer.Held
	living, trash coffer.Access // in a personal space
	owner         coffer.Access // living, in a team space
	sees          int64
}

const no, view, edit, manage, owner = coffer.NoAccess, coffer.CanView, coffer.CanEdit, coffer.CanManage, coffer.IsOwner

var ways = []way{
	{"nothing", nil, no, no, no, 0},
	{"view here", []coffer.Held{{0, view, 0}}, view, no, view, 0},
	{"edit here", []coffer.Held{{0, edit, 0}}, edit, no, edit, 0},
	{"manage here", []coffer.Held{{0, manage, 0}}, manage, no, manage, 0},
	{"owner here", []coffer.Held{{0, owner, 0}}, no, no, owner, 0},
	{"view above", []coffer.Held{{1, view, 0}}, view, no, view, 1},
	{"edit above", []coffer.Held{{2, edit, 0}}, edit, edit, edit, 2},
	{"manage at the top", []coffer.Held{{3, manage, 0}}, manage, manage, manage, 3},
	{"owner at the top", []coffer.Held{{3, owner, 0}}, no, no, owner, 3},
	{"view here, edit above", []coffer.Held{{0, view, 0}, {1, edit, 0}}, edit, edit, edit, 1},
	{"manage here, view above", []coffer.Held{{0, manage, 0}, {2, view, 0}}, manage, no, manage, 2},
	{"two here, person and group", []coffer.Held{{0, view, 0}, {0, edit, 99}}, edit, no, edit, 0},
	{"one that gives nothing", []coffer.Held{{1, no, 0}}, no, no, no, 0},
	{"no such level", []coffer.Held{{1, 9, 0}, {0, view, 0}}, view, no, view, 0},
	{"from below", []coffer.Held{{-1, manage, 0}}, no, no, no, 0},
}

// TestMatrix asks for every right of every principal in every space, in every
// state, by every path of grants.
func TestMatrix(t *testing.T) {
	ann, ben := coffer.NewID(), coffer.NewID()
	spaces := map[string]coffer.Space{
		"ann's":                 {ID: coffer.NewID(), Kind: coffer.Personal, OwnerID: ann},
		"team":                  {ID: coffer.NewID(), Kind: coffer.Team},
		"team, with an owner":   {ID: coffer.NewID(), Kind: coffer.Team, OwnerID: ann},
		"given up":              {ID: coffer.NewID(), Kind: coffer.Personal},
		"given up, owner there": {ID: coffer.NewID(), Kind: coffer.Personal, OwnerID: ann, GivenUpAt: 5},
		"team given up":         {ID: coffer.NewID(), Kind: coffer.Team, GivenUpAt: 5},
		"ann's, unknown kind":   {ID: coffer.NewID(), Kind: "vault", OwnerID: ann},
		"ann's, without kind":   {ID: coffer.NewID(), OwnerID: ann},
		"no space: zero value":  {},
	}
	needs := map[coffer.Right]coffer.Scope{
		coffer.Read: coffer.ScopeFilesRead, coffer.Write: coffer.ScopeFilesWrite, coffer.Share: coffer.ScopeShare, coffer.Delete: coffer.ScopeFilesWrite, coffer.Add: coffer.ScopeFilesWrite, coffer.Drop: coffer.ScopeFilesWrite,
	}
	least := map[coffer.Right]coffer.Access{coffer.Read: view, coffer.Write: edit, coffer.Share: manage, coffer.Delete: owner, coffer.Add: edit, coffer.Drop: edit}
	var allowed int
	for _, p := range principals(ann, ben) {
		for name, space := range spaces {
			for _, state := range []coffer.State{coffer.Removed, coffer.Living, coffer.InTrash, 7} {
				for _, w := range ways {
					where := func() string { return fmt.Sprintf("%v in %s, state %d, %s", p, name, state, w.name) }
					want := expected(p, name, state, w)
					access := coffer.Decide(p.Principal, space, state, w.held)
					if access != want {
						t.Fatalf("%s: access %v, want %v", where(), access, want)
					}
					system := p.Kind == coffer.SystemKind
					for right := range coffer.Right(6) {
						err := coffer.Permit(p.Principal, access, right)
						scope, known := needs[right]
						switch inScope := system || slices.Contains(p.Scopes, scope); {
						case want == no, p.Kind == coffer.TicketKind && right != coffer.Read:
							if !errors.Is(err, coffer.ErrNotFound) {
								t.Fatalf("%s, right %d: %v, want not found", where(), right, err)
							}
						case !known || !inScope || want < least[right]:
							if err == nil || coffer.KindOf(err) != coffer.Forbidden {
								t.Fatalf("%s, right %d: %v, want forbidden", where(), right, err)
							}
						default:
							allowed++
							if err != nil {
								t.Fatalf("%s, right %d: %v, want allowed", where(), right, err)
							}
						}
					}
				}
			}
		}
	}
	if allowed == 0 {
		t.Error("nothing was ever allowed: the table proves nothing")
	}
}

func expected(p caller, space string, state coffer.State, w way) coffer.Access {
	person := (p.Kind == coffer.UserKind || p.Kind == coffer.TicketKind) && !p.User.ID.IsZero() && !p.User.Disabled && p.User.Role.Valid()
	team := space == "team" || space == "team, with an owner"
	var got coffer.Access
	switch {
	case state != coffer.Living && state != coffer.InTrash:
		return no
	case p.Kind == coffer.SystemKind, p.owner && space == "ann's":
		return owner
	case !person || !team && space != "ann's":
		return no
	case state == coffer.InTrash && team && w.name == "owner at the top":
		got = owner
	case state == coffer.InTrash:
		got = w.trash
	case team:
		got = w.owner
	default:
		got = w.living
	}
	if p.User.Role == coffer.RoleGuest {
		got = min(got, edit)
	}
	return got
}

// TestSees: the folders above a shared one have no names for who has only that.
func TestSees(t *testing.T) {
	ann, ben := coffer.NewID(), coffer.NewID()
	space := coffer.Space{Kind: coffer.Personal, OwnerID: ann}
	person := func(id coffer.ID) coffer.Principal {
		return coffer.Principal{Kind: coffer.UserKind, User: coffer.User{ID: id, Role: coffer.RoleMember}}
	}
	for _, w := range ways {
		want := w.sees
		if got := coffer.Sees(person(ben), space, w.held, 3); w.living != no && got != want || w.living == no && got != 0 {
			t.Errorf("%s: Ben sees %d folders, want %d", w.name, got, want)
		}
		if got := coffer.Sees(person(ben), coffer.Space{Kind: coffer.Team}, w.held, 3); got != want {
			t.Errorf("%s: in a team, Ben sees %d folders, want %d", w.name, got, want)
		}
		if got := coffer.Sees(person(ann), space, w.held, 3); got != 3 {
			t.Errorf("%s: Ann sees %d of her own folders", w.name, got)
		}
		if got := coffer.Sees(coffer.SystemPrincipal("x"), space, w.held, 3); got != 3 {
			t.Errorf("%s: the server sees %d folders", w.name, got)
		}
	}
	if got := coffer.Sees(person(ben), space, []coffer.Held{{9, view, 0}}, 3); got != 3 {
		t.Errorf("more folders than there are: %d", got)
	}
}

// TestAbove: what counts for the folder is what does not stand on the node.
func TestAbove(t *testing.T) {
	got := coffer.Above([]coffer.Held{{0, manage, 0}, {1, edit, 7}, {3, view, 0}})
	if want := []coffer.Held{{0, edit, 7}, {2, view, 0}}; !slices.Equal(got, want) {
		t.Errorf("above: %v, want %v", got, want)
	}
	if coffer.Above(nil) != nil {
		t.Error("above nothing is something")
	}
}

// TestMayGive: nobody gives more, or for longer, than they have.
func TestMayGive(t *testing.T) {
	ann, ben := coffer.NewID(), coffer.NewID()
	personal, team := coffer.Space{Kind: coffer.Personal, OwnerID: ann}, coffer.Space{Kind: coffer.Team}
	person := func(id coffer.ID, r coffer.Role) coffer.Principal {
		return coffer.Principal{Kind: coffer.UserKind, User: coffer.User{ID: id, Role: r}}
	}
	member := person(ben, coffer.RoleMember)
	type try struct {
		give  coffer.Access
		until int64
		may   bool
	}
	rows := []struct {
		name  string
		p     coffer.Principal
		s     coffer.Space
		held  []coffer.Held
		tries []try
	}{
		{"owner", person(ann, coffer.RoleMember), personal, nil, []try{{view, 0, true}, {manage, 0, true}, {owner, 9, true}, {no, 0, false}, {9, 0, false}}},
		{"nothing", member, personal, nil, []try{{view, 0, false}, {manage, 5, false}}},
		{"edit", member, personal, []coffer.Held{{0, edit, 0}}, []try{{view, 0, false}, {edit, 0, false}}},
		{"manage", member, personal, []coffer.Held{{2, manage, 0}}, []try{{view, 0, true}, {manage, 0, true}, {manage, 9, true}, {owner, 0, false}}},
		{"manage for a time", member, personal, []coffer.Held{{0, manage, 50}}, []try{{view, 0, false}, {view, 50, true}, {view, 51, false}, {manage, 49, true}}},
		{"manage for a time, edit for ever", member, personal, []coffer.Held{{0, manage, 50}, {1, edit, 0}}, []try{{view, 0, false}, {view, 50, true}}},
		{"manage twice", member, personal, []coffer.Held{{0, manage, 50}, {1, manage, 90}}, []try{{view, 0, false}, {view, 90, true}, {view, 91, false}}},
		{"guest", person(ben, coffer.RoleGuest), personal, []coffer.Held{{0, manage, 0}}, []try{{view, 0, false}}},
		{"disabled owner", coffer.Principal{Kind: coffer.UserKind, User: coffer.User{ID: ann, Role: coffer.RoleMember, Disabled: true}}, personal, nil, []try{{view, 0, false}}},
		{"nobody", coffer.Principal{}, personal, []coffer.Held{{0, manage, 0}}, []try{{view, 0, false}}},
		{"owner of a team", member, team, []coffer.Held{{0, owner, 0}}, []try{{owner, 0, true}, {owner, 5, true}, {view, 0, true}}},
		{"manager of a team", member, team, []coffer.Held{{0, manage, 0}}, []try{{owner, 0, false}, {manage, 0, true}}},
		{"owner of a team for a time", member, team, []coffer.Held{{0, owner, 50}, {0, manage, 0}}, []try{{owner, 0, false}, {owner, 50, true}, {manage, 0, true}}},
	}
	for _, r := range rows {
		for _, try := range r.tries {
			if got := coffer.MayGive(r.p, r.s, r.held, try.give, try.until); got != try.may {
				t.Errorf("%s gives %q until %d: %v", r.name, try.give, try.until, got)
			}
		}
	}
}

// TestAccessNames: each level has one name, and nothing else is one.
func TestAccessNames(t *testing.T) {
	for a, want := range map[coffer.Access]string{no: "", view: "view", edit: "edit", manage: "manage", owner: "owner"} {
		if got := a.String(); got != want || coffer.ParseAccess(want) != a {
			t.Errorf("level %d is called %q and read back as %d", a, got, coffer.ParseAccess(want))
		}
	}
	for _, s := range []string{"Owner", "unknown", "read", " view"} {
		if got := coffer.ParseAccess(s); got != no {
			t.Errorf("%q is level %d", s, got)
		}
	}
	if coffer.Access(9).String() != "unknown" {
		t.Error("a level that does not exist has a name")
	}
}
