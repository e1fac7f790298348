package accounts_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"coffer"
	"coffer/internal/accounts"
)

func setup(code string) accounts.Setup {
	return accounts.Setup{
		Code: code, Name: "Anna Roe", Email: "anna@example.com", Password: pw, Organisation: "Halden & Roe",
		Signup: accounts.SignupDomains, Domains: []string{"example.com"},
	}
}

func TestSetup(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		inst, err := h.Instance(t.Context())
		wants(t, "instance", err, "")
		if !inst.SetupNeeded || inst.Organisation != "Coffer" || inst.Signup != accounts.SignupClosed {
			t.Errorf("fresh: %+v", inst)
		}
		_, err = h.Setup(t.Context(), setup("0000-0000-0000-0000"), at(1))
		wants(t, "before any code", err, "setup_code_wrong")
		old, err := h.PrepareSetup(t.Context())
		wants(t, "prepare", err, "")
		code, err := h.PrepareSetup(t.Context())
		wants(t, "prepare again", err, "")
		runs := h.hasher.Runs()
		for _, wrong := range []string{old, "", "x", code[1:]} {
			_, err = h.Setup(t.Context(), setup(wrong), at(1))
			if e := wants(t, "code "+wrong, err, "setup_code_wrong"); e.Fields["code"] == "" {
				t.Error(e.Fields)
			}
		}
		if h.hasher.Runs() != runs {
			t.Error("a wrong setup code ran a hash")
		}
		in := setup(code)
		in.Name, in.Password, in.Domains = "", "short", nil
		_, err = h.Setup(t.Context(), in, at(1))
		if e := wants(t, "wrong fields", err, "name_missing"); len(e.Fields) != 3 || e.Fields["domains"] == "" || e.Fields["password"] == "" {
			t.Error(e.Fields)
		}
		out, err := h.Setup(t.Context(), setup(strings.ToLower(code)), at(1))
		wants(t, "setup", err, "")
		if u := out.Principal.User; u.Role != coffer.RoleOwner || !h.signedIn(out.Token) {
			t.Errorf("%+v", u)
		}
		inst, err = h.Instance(t.Context())
		wants(t, "instance", err, "")
		if got := fmt.Sprint(inst); got != "{{Halden & Roe domains [example.com] -1 false false} false}" {
			t.Error(got)
		}
		_, err = h.Setup(t.Context(), setup(code), at(1))
		wants(t, "again", err, "setup_done")
		if code, err := h.PrepareSetup(t.Context()); code != "" || err != nil {
			t.Errorf("a code after the setup: %q, %v", code, err)
		}
		if got := h.letters(); len(got) != 0 {
			t.Errorf("letters %v", subjects(got))
		}
	})
}

func TestSetupRaces(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		code, err := h.PrepareSetup(t.Context())
		wants(t, "prepare", err, "")
		var wg sync.WaitGroup
		var won atomic.Int64
		for i := range 8 {
			wg.Go(func() {
				in := setup(code)
				in.Email = fmt.Sprintf("anna%d@example.com", i)
				_, err := h.Setup(t.Context(), in, at(1))
				if err == nil {
					won.Add(1)
				} else if e, ok := err.(*coffer.Error); !ok || e.Code != "setup_done" {
					t.Errorf("a loser got %v", err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 {
			t.Errorf("%d first owners", won.Load())
		}
	})
}

// An owner made on the command line ends the setup too.
func TestCreateOwnerEndsSetup(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		code, err := h.PrepareSetup(t.Context())
		wants(t, "prepare", err, "")
		h.user("member@example.com", coffer.RoleAdmin)
		if inst, _ := h.Instance(t.Context()); !inst.SetupNeeded {
			t.Error("an admin is no owner")
		}
		h.user("owner@example.com", coffer.RoleOwner)
		_, err = h.Setup(t.Context(), setup(code), at(1))
		wants(t, "setup", err, "setup_done")
	})
}

func TestSettings(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		name, domains, list := "Other & Sons", accounts.SignupDomains, []string{"B.example.com", "a.example.com", "b.example.com"}
		for _, role := range coffer.Roles {
			h.user(string(role)+"@example.com", role)
			p := h.login(string(role)+"@example.com", at(1)).Principal
			_, errGet := h.Settings(t.Context(), p)
			_, errSet := h.UpdateSettings(t.Context(), p, accounts.SettingsPatch{Organisation: &name})
			code := "forbidden"
			if role.Has(coffer.SetPolicy) {
				code = ""
			}
			wants(t, string(role)+" reads", errGet, code)
			wants(t, string(role)+" writes", errSet, code)
			p.Scopes = []coffer.Scope{coffer.ScopeFilesRead, coffer.ScopeFilesWrite, coffer.ScopeShare, coffer.ScopeAccount}
			_, errGet = h.Settings(t.Context(), p)
			wants(t, string(role)+" without scope admin", errGet, "scope_missing")
		}
		_, err := h.Settings(t.Context(), coffer.Principal{})
		wants(t, "nobody", err, "unauthenticated")

		p := h.login("owner@example.com", at(1)).Principal
		_, err = h.UpdateSettings(t.Context(), p, accounts.SettingsPatch{Signup: &domains})
		wants(t, "domains without any", err, "invalid")
		got, err := h.UpdateSettings(t.Context(), p, accounts.SettingsPatch{Signup: &domains, Domains: &list})
		wants(t, "domains", err, "")
		if s := fmt.Sprint(got); s != "{Other & Sons domains [a.example.com b.example.com] -1 false false}" {
			t.Error(s)
		}
		if again, _ := h.Settings(t.Context(), p); fmt.Sprint(again) != fmt.Sprint(got) {
			t.Errorf("stored %v", again)
		}
		for field, patch := range map[string]accounts.SettingsPatch{
			"organisation": {Organisation: new(string)},
			"signup":       {Signup: &name},
			"domains":      {Domains: &[]string{"no domain"}},
		} {
			_, err := h.UpdateSettings(t.Context(), p, patch)
			if e, ok := err.(*coffer.Error); !ok || e.Fields[field] == "" {
				t.Errorf("%s: %v", field, err)
			}
		}
	})
}
