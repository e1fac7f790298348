package accounts_test

import (
	"slices"
	"strings"
	"testing"

	"coffer"
	"coffer/internal/accounts"
)

// TestDirectory: who may share finds people by a part of name or address, those
// turned off not; where everybody may join, by the whole address only.
func TestDirectory(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		in := map[coffer.Role]coffer.Principal{}
		for _, role := range coffer.Roles {
			h.user(string(role)+"@example.com", role)
			in[role] = h.login(string(role)+"@example.com", at(1)).Principal
		}
		for name, email := range map[string]string{"Zoë Ek": "zoe@other.example", "Émile": "emile@other.example", "Off": "off@other.example"} {
			_, err := h.CreateUser(t.Context(), coffer.SystemPrincipal("test"), accounts.NewUser{Name: name, Email: email, Password: pw, Role: coffer.RoleMember})
			wants(t, name, err, "")
		}
		wants(t, "off", h.SetDisabled(t.Context(), coffer.SystemPrincipal("test"), "off@other.example", true), "")
		for role, p := range in {
			_, err := h.Directory(t.Context(), p, "zo")
			if may := role.Has(coffer.ShareContent); (err == nil) != may || err != nil && coffer.KindOf(err) != coffer.Forbidden {
				t.Errorf("%s finds people: %v", role, err)
			}
		}
		p := in[coffer.RoleMember]
		find := func(query string) string {
			t.Helper()
			found, err := h.Directory(t.Context(), p, query)
			wants(t, query, err, "")
			var names []string
			for _, u := range found {
				names = append(names, u.Name)
			}
			return strings.Join(names, ", ")
		}
		tries := []struct{ query, known, open string }{
			{"", "", ""}, {" ", "", ""}, {"zoË", "Zoë Ek", ""}, {"OTHER.example", "Émile, Zoë Ek", ""}, {"mi", "Émile, Anna Roe", ""},
			{"zoe@other.example", "Zoë Ek", "Zoë Ek"}, {" ZOE@Other.Example ", "Zoë Ek", "Zoë Ek"}, {"off@other.example", "", ""}, {"nobody", "", ""},
		}
		for _, try := range tries {
			if got := find(try.query); got != try.known {
				t.Errorf("%q finds %q, want %q", try.query, got, try.known)
			}
		}
		h.open()
		for _, try := range tries {
			if got := find(try.query); got != try.open {
				t.Errorf("where everybody may join, %q finds %q, want %q", try.query, got, try.open)
			}
		}
		p.Scopes = slices.DeleteFunc(slices.Clone(p.Scopes), func(s coffer.Scope) bool { return s == coffer.ScopeShare })
		_, err := h.Directory(t.Context(), p, "zoe")
		wants(t, "without the scope", err, "scope_missing")
	})
}
