package accounts_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"coffer"
	"coffer/internal/accounts"
)

func TestChangePassword(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.user("anna@example.com", coffer.RoleMember)
		h.user("ben@example.com", coffer.RoleMember)
		here, there, ben := h.login("anna@example.com", at(1)), h.login("anna@example.com", at(1)), h.login("ben@example.com", at(1))
		pat, err := h.CreateToken(t.Context(), accounts.NewToken{Email: "anna@example.com", Password: pw}, at(1))
		wants(t, "token", err, "")
		wants(t, "forgot", h.Forgot(t.Context(), "anna@example.com", at(1)), "")
		reset := tokenIn(t, h.letter("Set a new password", "anna@example.com"), "reset")

		_, err = h.ChangePassword(t.Context(), here.Principal, "wrong wrong wrong", pw2)
		if e := wants(t, "wrong current", err, "wrong_login"); e.Kind != coffer.Invalid || e.Fields["current"] == "" {
			t.Errorf("%v %v", e.Kind, e.Fields)
		}
		_, err = h.ChangePassword(t.Context(), here.Principal, pw, "short")
		if e := wants(t, "short", err, "password_short"); e.Fields["new"] == "" {
			t.Error(e.Fields)
		}
		_, err = h.ChangePassword(t.Context(), here.Principal, pw, "anna@example.com")
		wants(t, "own address", err, "password_common")

		token, err := h.ChangePassword(t.Context(), here.Principal, pw, pw2)
		wants(t, "change", err, "")
		if !h.signedIn(token) || h.signedIn(here.Token) {
			t.Error("this session must go on under a fresh token only")
		}
		if h.signedIn(there.Token) || !h.signedIn(ben.Token) {
			t.Error("all other sessions of Anna must end, and only hers")
		}
		_, err = h.AuthenticateToken(t.Context(), pat.Secret, at(1))
		wants(t, "bearer token", err, "unauthenticated")
		wants(t, "reset asked before", h.Reset(t.Context(), reset, "a third long sentence", at(1)), "token_ended")
		m := h.letter("Your password was changed", "anna@example.com")
		if !strings.Contains(m.Text, "192.0.2.7") {
			t.Error(m.Text)
		}
		_, err = h.Login(t.Context(), "anna@example.com", pw, at(1))
		wants(t, "old password", err, "wrong_login")
		in, err := h.Login(t.Context(), "anna@example.com", pw2, at(1))
		wants(t, "new password", err, "")
		if in.Principal.User.PasswordChangedAt != h.clock.ms.Load() {
			t.Error("the time of the change is not kept")
		}

		// By bearer token: that token stays, no cookie.
		pat, err = h.CreateToken(t.Context(), accounts.NewToken{Email: "anna@example.com", Password: pw2}, at(1))
		wants(t, "token", err, "")
		token, err = h.ChangePassword(t.Context(), pat.Principal, pw2, pw)
		if wants(t, "change by token", err, ""); token != "" || h.signedIn(in.Token) {
			t.Errorf("token %q", token)
		}
		_, err = h.AuthenticateToken(t.Context(), pat.Secret, at(1))
		wants(t, "that token", err, "")
	})
}

// Guessing the current password of an open session is counted like signing in.
func TestChangePasswordIsCounted(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.user("anna@example.com", coffer.RoleMember)
		in := h.login("anna@example.com", at(1))
		for range 5 {
			_, err := h.ChangePassword(t.Context(), in.Principal, "wrong wrong wrong", pw2)
			wants(t, "wrong", err, "wrong_login")
		}
		_, err := h.ChangePassword(t.Context(), in.Principal, pw, pw2)
		wants(t, "sixth", err, "limited")
	})
}

func TestReset(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.user("anna@example.com", coffer.RoleMember)
		in := h.login("anna@example.com", at(1))
		pat, err := h.CreateToken(t.Context(), accounts.NewToken{Email: "anna@example.com", Password: pw}, at(1))
		wants(t, "token", err, "")
		ask := func() string {
			t.Helper()
			wants(t, "forgot", h.Forgot(t.Context(), " Anna@example.com", at(3)), "")
			m := h.letter("Set a new password", "anna@example.com")
			if !strings.Contains(m.Text, "198.51.100.5") || !strings.Contains(m.Text, "30 minutes") {
				t.Error(m.Text)
			}
			return tokenIn(t, m, "reset")
		}
		first, second := ask(), ask()
		wants(t, "short password", h.Reset(t.Context(), first, "short", at(3)), "password_short")
		wants(t, "name as password", h.Reset(t.Context(), first, "Anna Roe 2026", at(3)), "password_common")
		wants(t, "nonsense", h.Reset(t.Context(), "x", pw2, at(3)), "token_ended")
		wants(t, "reset", h.Reset(t.Context(), first, pw2, at(3)), "")
		h.letter("Your password was changed", "anna@example.com")
		if h.signedIn(in.Token) {
			t.Error("a session outlives the reset")
		}
		_, err = h.AuthenticateToken(t.Context(), pat.Secret, at(1))
		wants(t, "bearer token", err, "unauthenticated")
		wants(t, "again", h.Reset(t.Context(), first, pw, at(3)), "token_ended")
		wants(t, "the other link", h.Reset(t.Context(), second, pw, at(3)), "token_ended")
		_, err = h.Login(t.Context(), "anna@example.com", pw2, at(1))
		wants(t, "new password", err, "")

		late := ask()
		h.clock.advance(30 * time.Minute)
		wants(t, "after 30 minutes", h.Reset(t.Context(), late, pw, at(3)), "token_ended")
	})
}

// The answer to "forgot" never tells; letters go to accounts that are on.
func TestForgotTellsNothing(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.open()
		h.user("off@example.com", coffer.RoleMember)
		wants(t, "turn off", h.SetDisabled(t.Context(), coffer.SystemPrincipal("test"), "off@example.com", true), "")
		_, _, err := h.SignUp(t.Context(), anna(), at(1))
		wants(t, "sign-up", err, "")
		h.letters()
		runs := h.hasher.Runs()
		for _, email := range []string{"nobody@example.com", "off@example.com", "anna.roe@example.com"} {
			wants(t, email, h.Forgot(t.Context(), email, at(3)), "")
		}
		if got := h.letters(); len(got) != 0 || h.hasher.Runs() != runs {
			t.Errorf("letters %v", subjects(got))
		}
		wants(t, "no address", h.Forgot(t.Context(), "anna", at(3)), "email_invalid")
	})
}

// An account that strangers keep at its limit is free again after a reset.
func TestResetEndsTheWait(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.user("anna@example.com", coffer.RoleMember)
		for i := range 50 {
			from := at(1)
			from.Address = "203.0." + string(rune('0'+i/5)) + ".1"
			_, err := h.Login(t.Context(), "anna@example.com", "wrong wrong wrong", from)
			wants(t, "stranger", err, "wrong_login")
		}
		_, err := h.Login(t.Context(), "anna@example.com", pw, at(1))
		wants(t, "Anna", err, "limited")
		wants(t, "forgot", h.Forgot(t.Context(), "anna@example.com", at(1)), "")
		wants(t, "reset", h.Reset(t.Context(), tokenIn(t, h.letter("Set a new password", "anna@example.com"), "reset"), pw2, at(1)), "")
		_, err = h.Login(t.Context(), "anna@example.com", pw2, at(1))
		wants(t, "Anna with the new password", err, "")
	})
}

// A reset token counts once, however many use it at the same moment; and a
// sign-in with the old password at that moment leaves no session behind.
func TestResetRaces(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.user("anna@example.com", coffer.RoleMember)
		for round := range 5 {
			before, after := pw, pw2
			if round%2 == 1 {
				before, after = pw2, pw
			}
			wants(t, "forgot", h.Forgot(t.Context(), "anna@example.com", at(1+round%4)), "")
			var token string
			for _, m := range h.letters() {
				if m.Subject == "Set a new password" {
					token = tokenIn(t, m, "reset")
				}
			}
			var wg sync.WaitGroup
			var won atomic.Int64
			tokens := make(chan string, 4)
			for i := range 10 {
				wg.Go(func() {
					if i%3 == 0 {
						if in, err := h.Login(t.Context(), "anna@example.com", before, at(1)); err == nil {
							tokens <- in.Token
						} else if k := coffer.KindOf(err); k != coffer.Unauthenticated && k != coffer.Limited {
							t.Errorf("sign-in: %v", err)
						}
						return
					}
					err := h.Reset(t.Context(), token, after, at(1))
					if err == nil {
						won.Add(1)
					} else if coffer.KindOf(err) != coffer.Invalid {
						t.Errorf("a loser got %v", err)
					}
				})
			}
			wg.Wait()
			close(tokens)
			if won.Load() != 1 {
				t.Errorf("%d resets with one token", won.Load())
			}
			for token := range tokens {
				if h.signedIn(token) {
					t.Error("a session of the old password outlives the reset")
				}
			}
			h.clock.advance(2 * time.Hour)
		}
	})
}
