package accounts_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"coffer"
	"coffer/internal/accounts"
	"coffer/internal/cred"
)

func TestLogin(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		u := h.user("anna@example.com", coffer.RoleAuditor)
		in := h.login(" Anna@Example.com", at(1))
		p, err := h.AuthenticateSession(t.Context(), in.Token, at(3))
		wants(t, "authenticate", err, "")
		if p.Kind != coffer.UserKind || p.User.ID != u.ID || p.User.Role != coffer.RoleAuditor || p.SessionID != in.Session.ID || !p.TokenID.IsZero() ||
			p.Address != "198.51.100.5" || p.RequestID != "7Q2M-4K" {
			t.Errorf("principal %+v", p)
		}
		for _, s := range coffer.AllScopes {
			if !p.InScope(s) {
				t.Errorf("a browser session lacks scope %s", s)
			}
		}
		again := h.login("anna@example.com", at(1))
		if again.Token == in.Token || !h.signedIn(in.Token) {
			t.Error("a second browser shares the token, or ended the first")
		}
		// The same browser signs in again: its old session ends.
		from := at(1)
		from.Replaces = again.Token
		third := h.login("anna@example.com", from)
		if h.signedIn(again.Token) || !h.signedIn(third.Token) || !h.signedIn(in.Token) {
			t.Error("signing in again in one browser must end its old session only")
		}
	})
}

// Whether an address has an account shows neither in the answer nor in the
// number of hashes.
func TestLoginTellsNothing(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.user("anna@example.com", coffer.RoleMember)
		h.user("off@example.com", coffer.RoleMember)
		wants(t, "turn off", h.SetDisabled(t.Context(), coffer.SystemPrincipal("test"), "off@example.com", true), "")
		var first error
		for _, r := range []struct{ email, password string }{
			{"anna@example.com", "wrong wrong wrong"},
			{"anna@example.com", ""},
			{"anna@example.com", strings.Repeat("x", 2000)},
			{"nobody@example.com", pw},
			{"off@example.com", "wrong wrong wrong"},
			{"no address at all", pw},
			{"", ""},
			{"\x00\xff@example.com", pw},
		} {
			runs := h.hasher.Runs()
			_, err := h.Login(t.Context(), r.email, r.password, at(1))
			if e := wants(t, fmt.Sprintf("%.20q", r), err, "wrong_login"); first == nil {
				first = e
			} else if e.Error() != first.Error() || e.Kind != coffer.Unauthenticated || e.Fields != nil {
				t.Errorf("%.20q: %v differs from %v", r, e, first)
			}
			if n := h.hasher.Runs() - runs; n != 1 {
				t.Errorf("%.20q: %d hashes, want 1", r, n)
			}
		}
		_, err := h.Login(t.Context(), "off@example.com", pw, at(1))
		if e := wants(t, "right password, turned off", err, "account_disabled"); e.Msg != "This account is turned off. Ask your administrator." || e.Kind != coffer.Forbidden {
			t.Error(e)
		}
		wants(t, "turn on", h.SetDisabled(t.Context(), coffer.SystemPrincipal("test"), "off@example.com", false), "")
		h.login("off@example.com", at(1))
	})
}

// Fifty wrong passwords at the same moment: exactly five are compared, known
// address or not.
func TestLoginCountsRaces(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.user("anna@example.com", coffer.RoleMember)
		for _, email := range []string{"anna@example.com", "nobody@example.com"} {
			runs := h.hasher.Runs()
			var wrong, limited atomic.Int64
			var wg sync.WaitGroup
			for i := range 50 {
				wg.Go(func() {
					_, err := h.Login(t.Context(), email, "wrong wrong wrong", at(1+i%2)) // one network
					switch e, _ := err.(*coffer.Error); {
					case e != nil && e.Code == "wrong_login":
						wrong.Add(1)
					case e != nil && e.Code == "limited" && e.Kind == coffer.Limited && e.RetryAfter == 5*time.Minute && e.Msg == "Too many tries. Wait 5 minutes.":
						limited.Add(1)
					default:
						t.Errorf("%v", err)
					}
				})
			}
			wg.Wait()
			if wrong.Load() != 5 || limited.Load() != 45 || h.hasher.Runs()-runs != 5 {
				t.Errorf("%s: %d wrong, %d limited, %d hashes; want 5, 45, 5", email, wrong.Load(), limited.Load(), h.hasher.Runs()-runs)
			}
		}
	})
}

func TestLoginWaits(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.user("anna@example.com", coffer.RoleMember)
		wrong := func(place int, want string) {
			t.Helper()
			_, err := h.Login(t.Context(), "anna@example.com", "wrong wrong wrong", at(place))
			wants(t, "wrong password", err, want)
		}
		for range 4 {
			wrong(1, "wrong_login")
		}
		h.login("anna@example.com", at(1)) // success forgets the failures
		for range 5 {
			wrong(2, "wrong_login")
		}
		_, err := h.Login(t.Context(), "anna@example.com", pw, at(1))
		wants(t, "right password while waiting", err, "limited")
		h.login("anna@example.com", at(3)) // another network does not wait
		h.clock.advance(5*time.Minute - time.Second)
		_, err = h.Login(t.Context(), "anna@example.com", pw, at(1))
		if e := wants(t, "a second too early", err, "limited"); e.RetryAfter != time.Second || e.Msg != "Too many tries. Wait 1 minute." {
			t.Error(e.RetryAfter, e.Msg)
		}
		h.clock.advance(time.Second)
		h.login("anna@example.com", at(1))
		// Five within a quarter of an hour, not five for ever.
		for range 3 {
			for range 4 {
				wrong(1, "wrong_login")
			}
			h.clock.advance(15 * time.Minute)
		}
	})
}

// A network gets 100 tries an hour, over all accounts; right passwords do not
// count.
func TestLoginPerNetwork(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.user("anna@example.com", coffer.RoleMember)
		for range 3 {
			h.login("anna@example.com", at(1))
		}
		for i := range 100 {
			_, err := h.Login(t.Context(), fmt.Sprintf("guess%d@example.com", i), pw, at(1))
			wants(t, "guess", err, "wrong_login")
		}
		_, err := h.Login(t.Context(), "anna@example.com", pw, at(2))
		if e := wants(t, "try 101", err, "limited"); e.RetryAfter != time.Hour {
			t.Error(e.RetryAfter)
		}
		_, err = h.CreateToken(t.Context(), accounts.NewToken{Email: "anna@example.com", Password: pw}, at(1))
		wants(t, "tokens share the counter", err, "limited")
		h.login("anna@example.com", at(3))
		h.clock.advance(time.Hour)
		h.login("anna@example.com", at(1))
	})
}

// Strangers from everywhere can use up an account's 50 tries an hour, but they
// cannot lock the person out of the networks that are known.
func TestLoginPerAccount(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.user("anna@example.com", coffer.RoleMember)
		h.login("anna@example.com", at(1))
		elsewhere := func(i int) accounts.From {
			from := at(1)
			from.Address = fmt.Sprintf("203.0.%d.1", i)
			return from
		}
		for i := range 50 {
			_, err := h.Login(t.Context(), "anna@example.com", "wrong wrong wrong", elsewhere(i))
			wants(t, "stranger", err, "wrong_login")
		}
		runs := h.hasher.Runs()
		_, err := h.Login(t.Context(), "anna@example.com", pw, elsewhere(99))
		wants(t, "unknown network, even with the password", err, "limited")
		if h.hasher.Runs() != runs {
			t.Error("a refused try was hashed")
		}
		h.login("anna@example.com", at(2)) // same /24 as before
		h.clock.advance(time.Hour)
		h.login("anna@example.com", elsewhere(99))

		// What was known 91 days ago is not known any more.
		h.clock.advance(91 * 24 * time.Hour)
		wants(t, "purge", h.PurgeExpired(t.Context()), "")
		for i := range 50 {
			_, err := h.Login(t.Context(), "anna@example.com", "wrong wrong wrong", elsewhere(i))
			wants(t, "stranger", err, "wrong_login")
		}
		_, err = h.Login(t.Context(), "anna@example.com", pw, at(1))
		wants(t, "long unused network", err, "limited")
	})
}

func TestNewSignInMail(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.user("anna@example.com", coffer.RoleMember)
		none := func(what string) {
			t.Helper()
			if got := h.letters(); len(got) != 0 {
				t.Errorf("%s: letters %v", what, subjects(got))
			}
		}
		h.login("anna@example.com", at(1))
		none("the first sign-in")
		h.login("anna@example.com", at(2))
		none("same network and browser")
		h.login("anna@example.com", at(3))
		m := h.letter("New sign-in: Firefox on Linux", "anna@example.com")
		if !strings.Contains(m.Text, "198.51.100.5") {
			t.Errorf("no network in\n%s", m.Text)
		}
		h.login("anna@example.com", at(3))
		none("known now")
		from := at(1)
		from.UserAgent = strings.ReplaceAll(firefox, "140.0", "141.0")
		h.login("anna@example.com", from)
		none("an update of the browser")
		from.UserAgent = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1"
		h.login("anna@example.com", from)
		h.letter("New sign-in: Safari on iPhone", "anna@example.com")
		from = at(1)
		from.UserAgent = "coffer/1.0 (linux)"
		_, err := h.CreateToken(t.Context(), accounts.NewToken{Email: "anna@example.com", Password: pw, Name: "Command line on laptop"}, from)
		wants(t, "token", err, "")
		h.letter("New sign-in: Command line on laptop", "anna@example.com")
		h.clock.advance(91 * 24 * time.Hour)
		wants(t, "purge", h.PurgeExpired(t.Context()), "")
		h.login("anna@example.com", at(1))
		h.letter("New sign-in: Firefox on Linux", "anna@example.com")
	})
}

func TestTokens(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		u := h.user("anna@example.com", coffer.RoleMember)
		ben := h.user("ben@example.com", coffer.RoleMember)
		create := func(in accounts.NewToken) accounts.TokenCreated {
			t.Helper()
			in.Email, in.Password = "anna@example.com", pw
			out, err := h.CreateToken(t.Context(), in, at(1))
			wants(t, "create", err, "")
			return out
		}
		a := create(accounts.NewToken{Name: "Command line on laptop"})
		if a.Token.ExpiresAt != h.clock.ms.Load()+90*24*3600_000 || a.Token.Last4 != a.Secret[len(a.Secret)-4:] || fmt.Sprint(a.Token.Scopes) != "[files.read files.write share account]" {
			t.Errorf("token %+v", a.Token)
		}
		p, err := h.AuthenticateToken(t.Context(), a.Secret, at(1))
		wants(t, "authenticate", err, "")
		if p.User.ID != u.ID || p.TokenID != a.Token.ID || !p.SessionID.IsZero() || p.InScope(coffer.ScopeAdmin) || !p.InScope(coffer.ScopeAccount) {
			t.Errorf("principal %+v", p)
		}
		b := create(accounts.NewToken{Name: "reader", Scopes: []coffer.Scope{coffer.ScopeFilesRead, coffer.ScopeFilesRead}, Days: 1})
		reader, err := h.AuthenticateToken(t.Context(), b.Secret, at(1))
		wants(t, "authenticate reader", err, "")

		// A token is no session and a session no token.
		_, err = h.AuthenticateSession(t.Context(), a.Secret, at(1))
		wants(t, "token as cookie", err, "unauthenticated")
		_, err = h.AuthenticateToken(t.Context(), h.login("anna@example.com", at(1)).Token, at(1))
		wants(t, "cookie as token", err, "unauthenticated")

		// The scope stands before every verb about the account.
		_, err = h.Sessions(t.Context(), reader)
		wants(t, "sessions", err, "scope_missing")
		_, err = h.Tokens(t.Context(), reader)
		wants(t, "tokens", err, "scope_missing")
		wants(t, "end session", h.EndSession(t.Context(), reader, coffer.NewID()), "scope_missing")
		wants(t, "end others", h.EndOtherSessions(t.Context(), reader), "scope_missing")
		wants(t, "end token", h.EndToken(t.Context(), reader, a.Token.ID), "scope_missing")
		_, err = h.ChangePassword(t.Context(), reader, pw, pw2)
		wants(t, "change password", err, "scope_missing")
		_, err = h.UpdateMe(t.Context(), reader, accounts.MePatch{})
		wants(t, "update", err, "scope_missing")

		list, err := h.Tokens(t.Context(), p)
		wants(t, "list", err, "")
		if len(list) != 2 {
			t.Errorf("list %+v", list)
		}
		benIn, err := h.AuthenticateSession(t.Context(), h.login("ben@example.com", at(1)).Token, at(1))
		wants(t, "ben", err, "")
		if list, _ := h.Tokens(t.Context(), benIn); len(list) != 0 || benIn.User.ID != ben.ID {
			t.Errorf("ben sees %v", list)
		}
		wants(t, "ben ends anna's token", h.EndToken(t.Context(), benIn, a.Token.ID), "not_found")
		wants(t, "a token signs itself out, in any scope", h.Logout(t.Context(), reader), "")
		_, err = h.AuthenticateToken(t.Context(), b.Secret, at(1))
		wants(t, "after", err, "unauthenticated")
		h.clock.advance(90*24*time.Hour - time.Second)
		_, err = h.AuthenticateToken(t.Context(), a.Secret, at(1))
		wants(t, "on its last day", err, "")
		h.clock.advance(time.Second)
		_, err = h.AuthenticateToken(t.Context(), a.Secret, at(1))
		wants(t, "after 90 days", err, "unauthenticated")

		for name, in := range map[string]accounts.NewToken{
			"days":   {Email: "anna@example.com", Password: pw, Name: "x", Days: 366},
			"scopes": {Email: "anna@example.com", Password: pw, Name: "x", Scopes: []coffer.Scope{"files.read", "root"}},
			"name":   {Email: "anna@example.com", Password: pw, Name: "x\ny"},
		} {
			_, err := h.CreateToken(t.Context(), in, at(1))
			if e := wants(t, name, err, "invalid"); e.Fields[name] == "" {
				t.Errorf("%s: fields %v", name, e.Fields)
			}
		}
		_, err = h.CreateToken(t.Context(), accounts.NewToken{Email: "anna@example.com", Password: pw2, Name: "x"}, at(1))
		wants(t, "wrong password", err, "wrong_login")
	})
}

// A stored hash with lower costs is made again at the next sign-in.
func TestRehash(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.user("anna@example.com", coffer.RoleMember)
		stronger := cred.NewHasher(cred.HasherOptions{Params: cred.Params{MemoryKiB: 128, Time: 1, Threads: 1}, Slots: 1})
		h.Hasher = stronger
		for _, want := range []int64{2, 3, 4} { // verify and hash, then verify only
			h.login("anna@example.com", at(1))
			if n := stronger.Runs(); n != want {
				t.Errorf("%d hashes, want %d", n, want)
			}
		}
	})
}

func TestBusy(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.user("anna@example.com", coffer.RoleMember)
		h.Hasher = cred.NewHasher(cred.HasherOptions{Params: cred.Params{MemoryKiB: 16 << 10, Time: 3, Threads: 1}, Slots: 1, Queue: 1})
		var wg sync.WaitGroup
		var busy atomic.Int64
		for i := range 20 {
			wg.Go(func() {
				_, err := h.Login(t.Context(), fmt.Sprintf("guess%d@example.com", i), pw, at(1))
				if e, ok := err.(*coffer.Error); ok && e.Code == "busy" && e.Kind == coffer.Busy && e.RetryAfter > 0 {
					busy.Add(1)
				} else {
					wants(t, "others", err, "wrong_login")
				}
			})
		}
		wg.Wait()
		if busy.Load() == 0 {
			t.Error("20 sign-ins at once and nobody was told to wait")
		}
	})
}
