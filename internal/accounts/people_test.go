package accounts_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"coffer"
	"coffer/internal/accounts"
)

func TestCreateUser(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		people := map[coffer.Role]coffer.Principal{}
		for _, role := range coffer.Roles {
			h.user(string(role)+"@example.com", role)
			people[role] = h.login(string(role)+"@example.com", at(1)).Principal
		}
		// Who may make whom: owners all, admins those without power over people.
		for actor, p := range people {
			for _, role := range coffer.Roles {
				may := actor == coffer.RoleOwner || actor == coffer.RoleAdmin && role != coffer.RoleOwner && role != coffer.RoleAdmin
				email := string(actor) + "." + string(role) + "@example.com"
				u, err := h.CreateUser(t.Context(), p, accounts.NewUser{Name: "New", Email: email, Password: pw, Role: role})
				if (err == nil) != may || err != nil && coffer.KindOf(err) != coffer.Forbidden {
					t.Errorf("%s makes %s: %v", actor, role, err)
				}
				if err == nil && (u.Role != role || h.login(email, at(1)).Principal.User.ID != u.ID) {
					t.Errorf("made %+v", u)
				}
				p.Scopes = []coffer.Scope{coffer.ScopeAccount}
				_, err = h.CreateUser(t.Context(), p, accounts.NewUser{Name: "New", Email: "x@example.com", Password: pw, Role: role})
				wants(t, "without scope admin", err, "scope_missing")
				p.Scopes = coffer.AllScopes[:]
			}
		}
		system := coffer.SystemPrincipal("test")
		_, err := h.CreateUser(t.Context(), system, accounts.NewUser{Name: "New", Email: "Owner@example.com", Password: pw, Role: coffer.RoleMember})
		if e := wants(t, "taken", err, "email_taken"); e.Kind != coffer.Conflict {
			t.Error(e)
		}
		_, err = h.CreateUser(t.Context(), system, accounts.NewUser{Name: "New", Email: "a@example.com", Password: pw, Role: "root"})
		wants(t, "unknown role", err, "invalid")
		_, err = h.CreateUser(t.Context(), coffer.Principal{}, accounts.NewUser{Name: "New", Email: "a@example.com", Password: pw, Role: coffer.RoleGuest})
		wants(t, "nobody", err, "unauthenticated")
	})
}

func TestSetDisabled(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		system := coffer.SystemPrincipal("test")
		people := map[coffer.Role]accounts.SignedIn{}
		for _, role := range coffer.Roles {
			h.user(string(role)+"@example.com", role)
			people[role] = h.login(string(role)+"@example.com", at(1))
		}
		for actor, in := range people {
			for _, role := range []coffer.Role{coffer.RoleAdmin, coffer.RoleMember} {
				if actor == role {
					continue
				}
				may := actor == coffer.RoleOwner || actor == coffer.RoleAdmin && role == coffer.RoleMember
				for _, off := range []bool{true, false} {
					err := h.SetDisabled(t.Context(), in.Principal, string(role)+"@example.com", off)
					if (err == nil) != may || err != nil && coffer.KindOf(err) != coffer.Forbidden {
						t.Errorf("%s turns %s off=%v: %v", actor, role, off, err)
					}
				}
			}
		}
		if !h.signedIn(people[coffer.RoleGuest].Token) || h.signedIn(people[coffer.RoleMember].Token) {
			t.Error("turning off must end the sessions of that account, for good, and of no other")
		}
		h.login("member@example.com", at(1))
		pat, err := h.CreateToken(t.Context(), accounts.NewToken{Email: "guest@example.com", Password: pw}, at(1))
		wants(t, "token", err, "")
		wants(t, "forgot", h.Forgot(t.Context(), "guest@example.com", at(1)), "")
		reset := tokenIn(t, h.letters()[0], "reset")
		wants(t, "turn off", h.SetDisabled(t.Context(), system, "Guest@example.com", true), "")
		wants(t, "twice", h.SetDisabled(t.Context(), system, "guest@example.com", true), "")
		_, err = h.AuthenticateToken(t.Context(), pat.Secret, at(1))
		wants(t, "token of a disabled account", err, "unauthenticated")
		wants(t, "reset of a disabled account", h.Reset(t.Context(), reset, pw2, at(1)), "token_ended")
		wants(t, "turn on", h.SetDisabled(t.Context(), system, "guest@example.com", false), "")
		wants(t, "the reset ended", h.Reset(t.Context(), reset, pw2, at(1)), "token_ended")
		wants(t, "unknown", h.SetDisabled(t.Context(), system, "nobody@example.com", true), "not_found")

		// The last owner stays; owners at the same moment too.
		wants(t, "last owner", h.SetDisabled(t.Context(), system, "owner@example.com", true), "last_owner")
		h.user("second@example.com", coffer.RoleOwner)
		for range 15 {
			var wg sync.WaitGroup
			var refused atomic.Int64
			for _, email := range []string{"owner@example.com", "second@example.com"} {
				wg.Go(func() {
					if err := h.SetDisabled(t.Context(), system, email, true); err != nil {
						refused.Add(1)
						if coffer.KindOf(err) != coffer.Conflict {
							t.Error(err)
						}
					}
				})
			}
			wg.Wait()
			if refused.Load() != 1 {
				t.Fatalf("%d of two owners stay", refused.Load())
			}
			for _, email := range []string{"owner@example.com", "second@example.com"} {
				wants(t, "turn on", h.SetDisabled(t.Context(), system, email, false), "")
			}
		}
	})
}

func TestUpdateMe(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.user("anna@example.com", coffer.RoleGuest)
		in := h.login("anna@example.com", at(1))
		name, theme, language := "Anna  Roe-Kvist", "dark", "pt-BR"
		u, err := h.UpdateMe(t.Context(), in.Principal, accounts.MePatch{Name: &name, Theme: &theme})
		wants(t, "update", err, "")
		if u.Name != name || u.Theme != "dark" || u.Language != "en" {
			t.Errorf("%+v", u)
		}
		_, err = h.UpdateMe(t.Context(), in.Principal, accounts.MePatch{Language: &language})
		wants(t, "language", err, "")
		p, err := h.AuthenticateSession(t.Context(), in.Token, at(1))
		wants(t, "authenticate", err, "")
		if p.User.Name != name || p.User.Theme != "dark" || p.User.Language != "pt-BR" || p.User.Role != coffer.RoleGuest {
			t.Errorf("stored %+v", p.User)
		}
		for field, value := range map[string]string{"name": " ", "theme": "pink", "language": "en; x"} {
			patch := map[string]accounts.MePatch{"name": {Name: &value}, "theme": {Theme: &value}, "language": {Language: &value}}[field]
			_, err := h.UpdateMe(t.Context(), in.Principal, patch)
			if e, ok := err.(*coffer.Error); !ok || e.Kind != coffer.Invalid || e.Fields[field] == "" {
				t.Errorf("%s: %v", field, err)
			}
		}
	})
}

// What may stand in a name, and which addresses are one person, told through
// the verb that both come in by.
func TestInputs(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		n := 0
		create := func(name, email string) (coffer.User, error) {
			n++
			if email == "" {
				email = "p" + strings.Repeat("x", n) + "@example.com"
			}
			return h.CreateUser(t.Context(), coffer.SystemPrincipal("test"), accounts.NewUser{Name: name, Email: email, Password: pw2, Role: coffer.RoleMember})
		}
		for name, want := range map[string]string{
			"A": "A", "  Zoë Müller-Łuński  ": "Zoë Müller-Łuński", "Zoe\u0308": "Zoë", "李雷": "李雷", "👩\u200d💻 Ann": "👩\u200d💻 Ann",
			strings.Repeat("é", 100): strings.Repeat("é", 100), "<script>": "<script>",
		} {
			if u, err := create(name, ""); err != nil || u.Name != want {
				t.Errorf("name %q: %q, %v", name, u.Name, err)
			}
		}
		for _, name := range []string{"", " ", strings.Repeat("é", 101), "a\nb", "a\x00b", "a\u202eb", "a\u2066b", "a\u2028b", "\ufeffa", "a\x7fb", "a\u0085b", "\xff", strings.Repeat(" ", 2000) + "a"} {
			_, err := create(name, "")
			if e, ok := err.(*coffer.Error); !ok || e.Kind != coffer.Invalid || e.Fields["name"] == "" {
				t.Errorf("name %q: %v", name, err)
			}
		}
		for email, want := range map[string]string{
			" Anna.Roe+Tag@Example.COM\n": "anna.roe+tag@example.com", "a@b.co": "a@b.co", "o'hara@x-y.example": "o'hara@x-y.example", "a@xn--mller-kva.example": "a@xn--mller-kva.example",
			strings.Repeat("a", 64) + "@example.com": strings.Repeat("a", 64) + "@example.com",
		} {
			if u, err := create("A", email); err != nil || u.Email != want {
				t.Errorf("address %q: %q, %v", email, u.Email, err)
			}
			if _, err := create("A", strings.ToUpper(email)); err == nil || coffer.KindOf(err) != coffer.Conflict {
				t.Errorf("address %q in capitals is another person: %v", email, err)
			}
		}
		for _, email := range []string{
			"x", "@", "a@", "@example.com", "a@b", "a@@example.com", "a@b@example.com", "ä@example.com", "a@exämple.com", "\u212aim@example.com", "a b@example.com",
			`"a"@example.com`, "a@[192.0.2.1]", "a@192.0.2.1", ".a@example.com", "a.@example.com", "a..b@example.com", "a@-x.example", "a@x-.example", "a@example..com",
			"a@example.com.", "a@.example.com", "a@example.com\r\nBcc: b@example.com", "a@example.com, b@example.com", "A <a@example.com>", "a\x00@example.com", "a@ex_ample.com",
			strings.Repeat("a", 65) + "@example.com", "a@" + strings.Repeat("a", 64) + ".example", "a@" + strings.Repeat("aaaaaaaaa.", 26) + "example",
		} {
			_, err := create("A", email)
			if e, ok := err.(*coffer.Error); !ok || e.Code != "email_invalid" || e.Fields["email"] == "" {
				t.Errorf("address %q: %v", email, err)
			}
		}
	})
}
