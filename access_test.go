package coffer_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"coffer"
)

// TestPowers is the whole table of the roles, the unknown ones too.
func TestPowers(t *testing.T) {
	const (
		own = 1 << coffer.OwnSpace
		sha = 1 << coffer.ShareContent
		rea = 1 << coffer.ReadPeople
		man = 1 << coffer.ManagePeople
		pol = 1 << coffer.SetPolicy
		mak = 1 << coffer.MakeAdmins
	)
	table := map[coffer.Role]int{
		coffer.RoleOwner:   own | sha | rea | man | pol | mak,
		coffer.RoleAdmin:   own | sha | rea | man | pol,
		coffer.RoleAuditor: own | sha | rea,
		coffer.RoleMember:  own | sha,
		coffer.RoleGuest:   0,
		"":                 0,
		"Owner":            0,
		"root":             0,
	}
	for role, want := range table {
		for p := range coffer.Power(255) {
			if got := role.Has(p); got != (want>>p&1 == 1) {
				t.Errorf("%q.Has(%v) = %v", role, p, got)
			}
		}
		if known := slices.Contains(coffer.Roles[:], role); role.Valid() != known {
			t.Errorf("%q.Valid() = %v", role, role.Valid())
		}
	}
	for _, role := range coffer.Roles {
		if _, stands := table[role]; !stands {
			t.Errorf("role %q is not in the table", role)
		}
	}
	names := map[string]bool{}
	for _, p := range coffer.AllPowers {
		names[p.String()] = true
	}
	for _, want := range []string{"own_space", "share_content", "read_people", "manage_people", "set_policy", "make_admins"} {
		if !names[want] || len(names) != 6 {
			t.Errorf("powers are called %v, want %q among 6", names, want)
		}
	}
	if got := coffer.Power(200).String(); got != "unknown" {
		t.Errorf("an unknown power is called %q", got)
	}
}

// principals returns every sort of caller around the space of ann, with every
// set of scopes, and whether it is the living, entitled owner of that space.
func principals(ann, ben coffer.ID) []caller {
	var all []caller
	for set := range 1 << len(coffer.AllScopes) {
		var scopes []coffer.Scope
		for i, s := range coffer.AllScopes {
			if set>>i&1 == 1 {
				scopes = append(scopes, s)
			}
		}
		for _, kind := range []coffer.PrincipalKind{coffer.Nobody, coffer.UserKind, coffer.SystemKind, coffer.TicketKind, coffer.LinkKind, coffer.RequestKind, 77} {
			for _, id := range []coffer.ID{ann, ben, {}} {
				for _, role := range append(coffer.Roles[:], "", "root") {
					for _, disabled := range []bool{false, true} {
						p := coffer.Principal{Kind: kind, User: coffer.User{ID: id, Role: role, Disabled: disabled}, Scopes: scopes}
						owner := (kind == coffer.UserKind || kind == coffer.TicketKind) && id == ann && !disabled && role != coffer.RoleGuest && role.Valid()
						all = append(all, caller{p, owner})
					}
				}
			}
		}
	}
	return all
}

type caller struct {
	coffer.Principal
	owner bool
}

func (c caller) String() string {
	return fmt.Sprintf("kind %d, user %.4s, role %q, disabled %v, scopes %v", c.Kind, c.User.ID, c.User.Role, c.User.Disabled, c.Scopes)
}

// TestLevels: a level includes those below it, and a right above it is
// forbidden, not hidden, to whoever may see the node.
func TestLevels(t *testing.T) {
	p := coffer.Principal{Kind: coffer.UserKind, Scopes: coffer.AllScopes[:]}
	levels := map[coffer.Access][]coffer.Right{
		coffer.NoAccess:  {},
		coffer.CanView:   {coffer.Read},
		coffer.CanEdit:   {coffer.Read, coffer.Write, coffer.Add, coffer.Drop},
		coffer.CanManage: {coffer.Read, coffer.Write, coffer.Add, coffer.Drop, coffer.Share},
		coffer.IsOwner:   {coffer.Read, coffer.Write, coffer.Add, coffer.Drop, coffer.Share, coffer.Delete},
	}
	for level, rights := range levels {
		for right := range coffer.Right(8) {
			want := slices.Contains(rights, right)
			if got := level.Allows(right); got != want {
				t.Errorf("level %d allows %d: %v", level, right, got)
			}
			err := coffer.Permit(p, level, right)
			switch {
			case want && err != nil,
				!want && err == nil,
				!want && level == coffer.NoAccess && !errors.Is(err, coffer.ErrNotFound),
				!want && level != coffer.NoAccess && coffer.KindOf(err) != coffer.Forbidden:
				t.Errorf("level %d, right %d: %v", level, right, err)
			}
		}
	}
	if coffer.Access(9).Allows(coffer.Delete) || coffer.Permit(p, coffer.Access(9), coffer.Read) == nil {
		t.Error("a level that does not exist allows something")
	}
}

// TestScopes: the server's own jobs are in every scope, nobody is in none, and
// what somebody else's kind carries does not count.
func TestScopes(t *testing.T) {
	for _, s := range append(coffer.AllScopes[:], "", "files", "*") {
		known := slices.Contains(coffer.AllScopes[:], s)
		for kind, want := range map[coffer.PrincipalKind]bool{coffer.Nobody: false, coffer.UserKind: known, coffer.SystemKind: true, 77: false} {
			p := coffer.Principal{Kind: kind, Scopes: coffer.AllScopes[:]}
			if got := p.InScope(s); got != want {
				t.Errorf("kind %d with all scopes: InScope(%q) = %v", kind, s, got)
			}
			p.Scopes = nil
			if got := p.InScope(s); got != (kind == coffer.SystemKind) {
				t.Errorf("kind %d without scopes: InScope(%q) = %v", kind, s, got)
			}
		}
	}
	if p := coffer.SystemPrincipal("purge"); p.Kind != coffer.SystemKind || !p.User.ID.IsZero() || p.RequestID != "purge" {
		t.Errorf("SystemPrincipal = %+v", p)
	}
}

// TestLane: people wait in lines of their own; senders to a request with those of
// their network.
func TestLane(t *testing.T) {
	ann, r, other := coffer.NewID(), coffer.RandomID(), coffer.RandomID()
	from := func(request coffer.ID, address string) coffer.ID {
		return coffer.Principal{Kind: coffer.RequestKind, Request: request, Address: address}.Lane()
	}
	if got := (coffer.Principal{Kind: coffer.UserKind, User: coffer.User{ID: ann}}).Lane(); got != ann {
		t.Errorf("a person waits in %v", got)
	}
	near := from(r, "192.0.2.1")
	if near != from(r, "192.0.2.99") || near == from(r, "198.51.100.1") || near == from(other, "192.0.2.1") || near.IsZero() || near == r {
		t.Error("senders wait in the wrong lines")
	}
}
