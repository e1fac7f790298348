package accounts_test

import (
	"database/sql"
	"fmt"
	"testing"

	"coffer"
	"coffer/internal/accounts"
	"coffer/internal/db"
)

func (h *house) people(p coffer.Principal, o accounts.PeopleOptions) accounts.People {
	h.t.Helper()
	list, err := h.People(h.t.Context(), p, o)
	if err != nil {
		h.t.Fatal(err)
	}
	return list
}

func ptr(n int64) *int64 { return &n }

// TestPeople: the list has everybody once, by name, in pages; who may see it;
// what it is searched by.
func TestPeople(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		in := map[coffer.Role]coffer.Principal{}
		for _, role := range coffer.Roles {
			h.user(string(role)+"@example.com", role)
			in[role] = h.login(string(role)+"@example.com", at(1)).Principal
		}
		for role, p := range in {
			_, err := h.People(t.Context(), p, accounts.PeopleOptions{})
			if may := role.Has(coffer.ReadPeople); (err == nil) != may || err != nil && coffer.KindOf(err) != coffer.Forbidden {
				t.Errorf("%s lists people: %v", role, err)
			}
			for _, target := range in {
				_, err := h.SetQuota(t.Context(), p, target.User.ID, ptr(5))
				if may := role.Has(coffer.ManagePeople); (err == nil) != may || err != nil && coffer.KindOf(err) != coffer.Forbidden {
					t.Errorf("%s sets the quota of %s: %v", role, target.User.Role, err)
				}
			}
			p.Scopes = []coffer.Scope{coffer.ScopeAccount}
			_, err = h.People(t.Context(), p, accounts.PeopleOptions{})
			wants(t, "list without scope", err, "scope_missing")
			_, err = h.SetQuota(t.Context(), p, p.User.ID, nil)
			wants(t, "quota without scope", err, "scope_missing")
		}
		_, err := h.People(t.Context(), coffer.Principal{}, accounts.PeopleOptions{})
		wants(t, "nobody", err, "unauthenticated")

		names := []string{"Zoë", "ann 10", "Émile", "Ann 9", "李雷", "Ann 9"}
		for i, name := range names {
			_, err := h.CreateUser(t.Context(), coffer.SystemPrincipal("test"), accounts.NewUser{Name: name, Email: fmt.Sprintf("p%d@other.example", i), Password: pw, Role: coffer.RoleMember})
			wants(t, name, err, "")
		}
		owner := in[coffer.RoleOwner]
		all := h.people(owner, accounts.PeopleOptions{})
		if len(all.Accounts) != 11 || all.Total != 11 || all.Next != "" {
			t.Fatalf("%+v", all)
		}
		var got []string
		for o := (accounts.PeopleOptions{Limit: 4}); ; {
			page := h.people(owner, o)
			for _, a := range page.Accounts {
				got = append(got, a.Name+" "+a.ID.String())
			}
			if page.Total != 11 || len(page.Accounts) > 4 {
				t.Fatalf("%+v", page)
			}
			if o.Cursor = page.Next; o.Cursor == "" {
				break
			}
		}
		for i, a := range all.Accounts {
			if i >= len(got) || got[i] != a.Name+" "+a.ID.String() {
				t.Fatalf("pages %q, whole list at %d %s", got, i, a.Name)
			}
		}
		if first := all.Accounts[0].Name + all.Accounts[1].Name + all.Accounts[2].Name; first != "Ann 9Ann 9ann 10" {
			t.Errorf("the list begins with %q", first)
		}
		for query, want := range map[string]int64{"ANN 9": 2, "ÉMILE": 1, "other.EXAMPLE": 6, "OWNER@": 1, "李": 1, "nobody": 0, "": 11} {
			if page := h.people(owner, accounts.PeopleOptions{Query: query}); page.Total != want || int64(len(page.Accounts)) != want {
				t.Errorf("%q finds %+v, want %d", query, page, want)
			}
		}
		next := h.people(owner, accounts.PeopleOptions{Limit: 1}).Next
		for what, o := range map[string]accounts.PeopleOptions{"of another list": {Limit: 1, Cursor: next, Query: "a"}, "rubbish": {Cursor: "x"}} {
			_, err := h.People(t.Context(), owner, o)
			wants(t, what, err, "cursor_invalid")
		}
		_, err = h.People(t.Context(), in[coffer.RoleAdmin], accounts.PeopleOptions{Limit: 1, Cursor: next})
		wants(t, "cursor of another", err, "cursor_invalid")
		for _, limit := range []int{-1, 10001} {
			_, err := h.People(t.Context(), owner, accounts.PeopleOptions{Limit: limit})
			wants(t, "limit", err, "invalid")
		}
	})
}

// TestSetQuota: the default counts for who has none of their own, from the
// moment that it changes; each change is on record once.
func TestSetQuota(t *testing.T) {
	eachRaw(t, func(t *testing.T, h *house, raw *sql.DB) {
		owner := coffer.SystemPrincipal("test")
		ann, ben := h.user("ann@example.com", coffer.RoleMember), h.user("ben@example.com", coffer.RoleMember)
		want := func(what string, u coffer.User, quota *int64, limit int64) {
			t.Helper()
			a := h.people(owner, accounts.PeopleOptions{Query: u.Email}).Accounts[0]
			if (a.Quota == nil) != (quota == nil) || quota != nil && *a.Quota != *quota || a.Limit != limit {
				t.Errorf("%s: %+v, want %v, %d", what, a, quota, limit)
			}
			err := h.db.Update(t.Context(), func(tx *db.Tx) error { // a space, old or new, has it too
				_, err := tx.InsertSpace(coffer.Space{ID: coffer.NewID(), Kind: coffer.Personal, OwnerID: u.ID, RootID: coffer.NewID(), Quota: -1})
				if err != nil {
					return err
				}
				s, err := tx.PersonalSpace(u.ID)
				if s.Quota != limit {
					t.Errorf("%s: the space may hold %d, want %d", what, s.Quota, limit)
				}
				return err
			})
			wants(t, what, err, "")
		}
		set := func(u coffer.User, quota *int64) {
			t.Helper()
			_, err := h.SetQuota(t.Context(), owner, u.ID, quota)
			wants(t, "set", err, "")
		}
		want("from the start", ann, nil, accounts.NoLimit)
		out, err := h.UpdateSettings(t.Context(), owner, accounts.SettingsPatch{Quota: ptr(1000)})
		if err != nil || out.Quota != 1000 {
			t.Fatalf("%+v, %v", out, err)
		}
		want("default", ann, nil, 1000)
		set(ann, ptr(0))
		want("nothing may be stored", ann, ptr(0), 0)
		set(ann, ptr(accounts.NoLimit))
		want("no limit", ann, ptr(accounts.NoLimit), accounts.NoLimit)
		want("another", ben, nil, 1000)
		set(ann, nil)
		set(ann, nil)
		want("default again", ann, nil, 1000)
		for _, q := range []int64{-2, 1 << 53} {
			_, err := h.SetQuota(t.Context(), owner, ann.ID, ptr(q))
			wants(t, "quota", err, "invalid")
			_, err = h.UpdateSettings(t.Context(), owner, accounts.SettingsPatch{Quota: ptr(q)})
			wants(t, "default", err, "invalid")
		}
		_, err = h.SetQuota(t.Context(), owner, coffer.NewID(), nil)
		wants(t, "nobody", err, "not_found")
		var events int
		if err := raw.QueryRow("SELECT COUNT(*) FROM event WHERE action = 'user.quota_changed' AND target_id = $1", ann.ID[:]).Scan(&events); err != nil || events != 3 {
			t.Errorf("%d events, %v; want 3", events, err)
		}
	})
}
