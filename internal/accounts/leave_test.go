package accounts_test

import (
	"database/sql"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"coffer"
	"coffer/internal/accounts"
	"coffer/internal/db"
)

// Anna deletes her account: nothing of it answers any more, nothing of Ben's
// has changed, and the address may join again.
func TestDeleteMe(t *testing.T) {
	eachRaw(t, func(t *testing.T, h *house, raw *sql.DB) {
		h.open()
		h.user("anna.roe@example.com", coffer.RoleMember)
		h.user("ben@example.com", coffer.RoleOwner)
		ben := h.login("ben@example.com", at(3))
		in, other := h.login("anna.roe@example.com", at(1)), h.login("anna.roe@example.com", at(1))
		pat, err := h.CreateToken(t.Context(), accounts.NewToken{Email: "anna.roe@example.com", Password: pw}, at(1))
		wants(t, "token", err, "")
		wants(t, "forgot", h.Forgot(t.Context(), "anna.roe@example.com", at(1)), "")
		cookie, _, err := h.SignUp(t.Context(), anna(), at(1)) // of a known address
		wants(t, "sign-up", err, "")
		var reset string
		for _, m := range h.letters() {
			if m.Subject == "Set a new password" {
				reset = tokenIn(t, m, "reset")
			}
		}
		left := []coffer.ID{}
		h.Leaving = func(tx *db.Tx, p coffer.Principal, _ coffer.ID, _ bool) error {
			if _, err := tx.User(p.User.ID); err != nil {
				t.Errorf("asked after the account went: %v", err)
			}
			left = append(left, p.User.ID)
			return nil
		}

		narrow := in.Principal
		narrow.Scopes = []coffer.Scope{coffer.ScopeFilesRead, coffer.ScopeFilesWrite, coffer.ScopeShare, coffer.ScopeAdmin}
		wants(t, "without scope account", h.DeleteMe(t.Context(), narrow, pw), "scope_missing")
		wants(t, "nobody", h.DeleteMe(t.Context(), coffer.Principal{}, pw), "unauthenticated")
		wants(t, "the server", h.DeleteMe(t.Context(), coffer.SystemPrincipal("test"), pw), "unauthenticated")
		if e := wants(t, "wrong password", h.DeleteMe(t.Context(), in.Principal, pw2), "wrong_login"); e.Kind != coffer.Invalid || e.Fields["password"] == "" {
			t.Errorf("%+v", e)
		}
		if !h.signedIn(in.Token) || len(left) != 0 {
			t.Fatal("a wrong password did something")
		}

		wants(t, "delete", h.DeleteMe(t.Context(), in.Principal, pw), "")
		m := h.letter("Your account was deleted", "anna.roe@example.com")
		if !strings.Contains(m.Text, "192.0.2.7") || !strings.Contains(m.Text, "If this was not you") {
			t.Errorf("the letter:\n%s", m.Text)
		}
		if len(left) != 1 || left[0] != in.Principal.User.ID {
			t.Errorf("gave up the things of %v", left)
		}
		if h.signedIn(in.Token) || h.signedIn(other.Token) {
			t.Error("a session goes on")
		}
		_, err = h.AuthenticateToken(t.Context(), pat.Secret, at(1))
		wants(t, "token", err, "unauthenticated")
		_, err = h.Login(t.Context(), "anna.roe@example.com", pw, at(1))
		wants(t, "sign-in", err, "wrong_login")
		wants(t, "reset", h.Reset(t.Context(), reset, pw2, at(1)), "token_ended")
		_, err = h.PendingSignup(t.Context(), cookie)
		wants(t, "sign-up", err, "not_found")
		wants(t, "again", h.DeleteMe(t.Context(), in.Principal, pw), "wrong_login")
		if got := rows(t, raw); !strings.Contains(got, "signup 0, invitation 0, password_reset 0,") || !strings.Contains(got, "session 1, token 0, mail 0, known_sign_in 2") {
			t.Errorf("rows that stay: %s", got)
		}
		var events int
		id := in.Principal.User.ID
		if err := raw.QueryRow("SELECT COUNT(*) FROM event WHERE action = 'user.deleted' AND target_id = $1 AND actor_id = $1", id[:]).Scan(&events); err != nil || events != 1 {
			t.Errorf("%d events, %v", events, err)
		}
		if !h.signedIn(ben.Token) {
			t.Error("Ben is signed out")
		}

		cookie, _, err = h.SignUp(t.Context(), anna(), at(4))
		wants(t, "sign up again", err, "")
		again, err := h.ConfirmByCode(t.Context(), cookie, codeIn(t, h.letter("Confirm your e-mail address", "anna.roe@example.com")), at(4))
		wants(t, "confirm", err, "")
		if again.Principal.User.ID == id {
			t.Error("the same person again")
		}
	})
}

// Guesses are counted with those of the sign-in, so that a session left open
// does not give the password away.
func TestDeleteMeCounts(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.user("anna@example.com", coffer.RoleMember)
		in := h.login("anna@example.com", at(1))
		for range 5 {
			wants(t, "wrong", h.DeleteMe(t.Context(), in.Principal, pw2), "wrong_login")
		}
		before := h.hasher.Runs()
		wants(t, "right, but too late", h.DeleteMe(t.Context(), in.Principal, pw), "limited")
		_, err := h.Login(t.Context(), "anna@example.com", pw, at(1))
		wants(t, "sign-in too", err, "limited")
		if h.hasher.Runs() != before {
			t.Error("a refused try cost a hash")
		}
	})
}

// The account and what it owns go together or not at all.
func TestDeleteMeFails(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.user("anna@example.com", coffer.RoleMember)
		in := h.login("anna@example.com", at(1))
		stuck := errors.New("stuck")
		h.Leaving = func(*db.Tx, coffer.Principal, coffer.ID, bool) error { return stuck }
		if err := h.DeleteMe(t.Context(), in.Principal, pw); !errors.Is(err, stuck) {
			t.Fatal(err)
		}
		if !h.signedIn(in.Token) || len(h.letters()) != 0 {
			t.Error("the account has suffered")
		}
	})
}

// The last owner stays; of two who leave at the same moment, one does.
func TestDeleteMeLastOwner(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.user("a@example.com", coffer.RoleOwner)
		for n := range 4 {
			b := "b" + strings.Repeat("x", n) + "@example.com"
			list, err := h.owners()
			wants(t, "owners", err, "")
			one := h.login(list[0], at(1))
			e := wants(t, "the only one", h.DeleteMe(t.Context(), one.Principal, pw), "last_owner")
			if e.Kind != coffer.Conflict || !strings.Contains(e.Msg, "Make another one first") {
				t.Errorf("%+v", e)
			}
			h.user(b, coffer.RoleOwner)
			h.login(b, at(3))
			wants(t, "off", h.SetDisabled(t.Context(), coffer.SystemPrincipal("test"), b, true), "")
			wants(t, "the other is turned off", h.DeleteMe(t.Context(), one.Principal, pw), "last_owner")
			wants(t, "on", h.SetDisabled(t.Context(), coffer.SystemPrincipal("test"), b, false), "")
			two := h.login(b, at(3))
			var gone atomic.Int64
			var wg sync.WaitGroup
			for _, in := range []accounts.SignedIn{one, two} {
				wg.Go(func() {
					switch err := h.DeleteMe(t.Context(), in.Principal, pw); {
					case err == nil:
						gone.Add(1)
					case coffer.KindOf(err) != coffer.Conflict:
						t.Error(err)
					}
				})
			}
			wg.Wait()
			if gone.Load() != 1 {
				t.Fatalf("%d of two owners left", gone.Load())
			}
		}
	})
}

// owners lists the addresses of those who are left of TestDeleteMeLastOwner.
func (h *house) owners() (list []string, err error) {
	err = h.db.View(h.t.Context(), func(tx *db.Tx) error {
		for _, email := range []string{"a@example.com", "b@example.com", "bx@example.com", "bxx@example.com", "bxxx@example.com"} {
			if _, _, err := tx.UserByEmail(email); err == nil {
				list = append(list, email)
			} else if !errors.Is(err, coffer.ErrNotFound) {
				return err
			}
		}
		return nil
	})
	return list, err
}
