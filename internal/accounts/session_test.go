package accounts_test

import (
	"sync"
	"testing"
	"time"

	"coffer"
)

func TestSessionEnds(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.user("anna@example.com", coffer.RoleMember)
		idle, busy := h.login("anna@example.com", at(1)).Token, h.login("anna@example.com", at(1)).Token
		h.clock.advance(24*time.Hour - time.Second)
		if !h.signedIn(busy) {
			t.Error("a session ended before 24 idle hours")
		}
		h.Close()
		h.clock.advance(time.Second)
		if h.signedIn(idle) {
			t.Error("a session outlives 24 idle hours")
		}
		for range 30 {
			h.clock.advance(23 * time.Hour)
			if !h.signedIn(busy) {
				t.Fatal("a used session ended before 30 days")
			}
			h.Close() // last seen is written behind the answer
		}
		h.clock.advance(6*time.Hour - time.Millisecond - time.Second + time.Second)
		if !h.signedIn(busy) {
			t.Error("a used session ended a moment before 30 days")
		}
		h.clock.advance(time.Millisecond)
		if h.signedIn(busy) {
			t.Error("a session outlives 30 days")
		}
	})
}

// Last seen is written at most every five minutes, whoever asks how often.
func TestLastSeen(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.user("anna@example.com", coffer.RoleMember)
		in := h.login("anna@example.com", at(1))
		seen := func() (int64, string) {
			t.Helper()
			h.Close()
			list, err := h.Sessions(t.Context(), in.Principal)
			wants(t, "sessions", err, "")
			return list[0].LastSeenAt, list[0].Address
		}
		use := func() {
			t.Helper()
			var wg sync.WaitGroup
			for range 10 {
				wg.Go(func() {
					if _, err := h.AuthenticateSession(t.Context(), in.Token, at(3)); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
		}
		start, _ := seen()
		h.clock.advance(5*time.Minute - time.Millisecond)
		use()
		if at, address := seen(); at != start || address != "192.0.2.7" {
			t.Errorf("written after %d ms, address %s", at-start, address)
		}
		h.clock.advance(time.Millisecond)
		use()
		if at, address := seen(); at != start+300_000 || address != "198.51.100.5" {
			t.Errorf("after five minutes: %d ms, address %s", at-start, address)
		}
	})
}

// Ann's sessions are hers: Ben can neither see nor end them.
func TestSessionsOfOthers(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.user("anna@example.com", coffer.RoleMember)
		h.user("ben@example.com", coffer.RoleOwner)
		a1, a2, a3 := h.login("anna@example.com", at(1)), h.login("anna@example.com", at(1)), h.login("anna@example.com", at(3))
		ben := h.login("ben@example.com", at(1))
		list, err := h.Sessions(t.Context(), ben.Principal)
		wants(t, "ben's list", err, "")
		if len(list) != 1 || list[0].ID != ben.Session.ID {
			t.Errorf("ben sees %v", list)
		}
		wants(t, "ben ends anna's", h.EndSession(t.Context(), ben.Principal, a1.Session.ID), "not_found")
		wants(t, "ben ends others", h.EndOtherSessions(t.Context(), ben.Principal), "")
		if !h.signedIn(a1.Token) || !h.signedIn(ben.Token) {
			t.Fatal("ben ended more than his own")
		}
		list, err = h.Sessions(t.Context(), a1.Principal)
		wants(t, "anna's list", err, "")
		if len(list) != 3 || list[0].UserAgent != firefox {
			t.Errorf("anna sees %+v", list)
		}
		wants(t, "anna ends one", h.EndSession(t.Context(), a1.Principal, a2.Session.ID), "")
		wants(t, "once more", h.EndSession(t.Context(), a1.Principal, a2.Session.ID), "not_found")
		if h.signedIn(a2.Token) || !h.signedIn(a3.Token) {
			t.Error("the wrong session ended")
		}
		wants(t, "anna ends the others", h.EndOtherSessions(t.Context(), a1.Principal), "")
		if h.signedIn(a3.Token) || !h.signedIn(a1.Token) {
			t.Error("others must end, this one stays")
		}
		wants(t, "sign out", h.Logout(t.Context(), a1.Principal), "")
		if h.signedIn(a1.Token) {
			t.Error("signed out and still in")
		}
	})
}

// Whoever is not a living person gets nothing from any verb.
func TestVerbsNeedSomebody(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		u := h.user("anna@example.com", coffer.RoleOwner)
		off := u
		off.Disabled = true
		for name, p := range map[string]coffer.Principal{
			"nobody":   {},
			"scopes":   {Scopes: coffer.AllScopes[:]},
			"no id":    {Kind: coffer.UserKind, Scopes: coffer.AllScopes[:]},
			"disabled": {Kind: coffer.UserKind, User: off, Scopes: coffer.AllScopes[:]},
			"system":   coffer.SystemPrincipal("test"),
		} {
			for verb, call := range h.personVerbs() {
				if err := call(p); err == nil || coffer.KindOf(err) != coffer.Unauthenticated {
					t.Errorf("%s as %s: %v", verb, name, err)
				}
			}
		}
	})
}

// One person cannot pile up sessions without end.
func TestSessionsAreBounded(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.user("anna@example.com", coffer.RoleMember)
		first := h.login("anna@example.com", at(1))
		for range 100 {
			h.clock.advance(time.Second)
			h.login("anna@example.com", at(1))
		}
		list, err := h.Sessions(t.Context(), first.Principal)
		wants(t, "list", err, "")
		if len(list) != 100 || h.signedIn(first.Token) {
			t.Errorf("%d sessions", len(list))
		}
	})
}
