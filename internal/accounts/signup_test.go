package accounts_test

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"coffer"
	"coffer/internal/accounts"
)

func anna() accounts.Signup {
	return accounts.Signup{Name: " Anna Roe ", Email: "Anna.Roe@Example.COM", Password: pw}
}

// Anna signs up, reads the mail, types the code and is in.
func TestSignUpByCode(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.open()
		cookie, p, err := h.SignUp(t.Context(), anna(), at(1))
		wants(t, "sign-up", err, "")
		now := h.clock.ms.Load()
		if p.Email != "anna.roe@example.com" || p.CodeUntil != now+30*60_000 || p.LinkUntil != now+24*3600_000 || p.ResendAt != now+60_000 {
			t.Errorf("pending %+v", p)
		}
		if again, err := h.PendingSignup(t.Context(), cookie); err != nil || again != p {
			t.Errorf("pending later: %+v, %v", again, err)
		}
		m := h.letter("Confirm your e-mail address", "anna.roe@example.com")
		if strings.Contains(m.Text, "Anna Roe") || !strings.Contains(m.Text, "192.0.2.7") || m.FromName != "Halden & Roe" {
			t.Errorf("the letter carries what a stranger typed, or not where it came from:\n%s", m.Text)
		}
		_, err = h.Login(t.Context(), "anna.roe@example.com", pw, at(1))
		wants(t, "sign-in before the confirmation", err, "wrong_login")

		code := codeIn(t, m)
		for range 4 {
			_, err = h.ConfirmByCode(t.Context(), cookie, wrongCode(code), at(1))
			if e := wants(t, "wrong code", err, "code_wrong"); e.Fields["code"] != "That code is not right." {
				t.Errorf("fields %v", e.Fields)
			}
		}
		_, err = h.ConfirmByCode(t.Context(), cookie, "12345", at(1))
		wants(t, "five digits", err, "code_wrong") // no guess, not counted
		in, err := h.ConfirmByCode(t.Context(), cookie, code, at(1))
		wants(t, "right code", err, "")
		u := in.Principal.User
		if !h.signedIn(in.Token) || u.Email != "anna.roe@example.com" || u.Name != "Anna Roe" || u.Role != coffer.RoleMember {
			t.Errorf("signed in as %+v", u)
		}
		_, err = h.ConfirmByCode(t.Context(), cookie, code, at(1))
		wants(t, "code again", err, "not_found")
		_, err = h.ConfirmByToken(t.Context(), tokenIn(t, m, "confirm"), at(1))
		wants(t, "link after the code", err, "token_ended")
		if h.login("anna.roe@example.com", at(1)).Principal.User.ID != u.ID {
			t.Error("another person signs in with Anna's password")
		}
		if got := h.letters(); len(got) != 0 {
			t.Errorf("more letters: %v", subjects(got))
		}
	})
}

// The button works in any browser, signs nobody in, and looking costs nothing.
func TestSignUpByLink(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.open()
		cookie, _, err := h.SignUp(t.Context(), anna(), at(1))
		wants(t, "sign-up", err, "")
		m := h.letter("Confirm your e-mail address", "anna.roe@example.com")
		token := tokenIn(t, m, "confirm")
		h.clock.advance(23 * time.Hour)
		for range 3 {
			c, err := h.InspectConfirmation(t.Context(), token)
			wants(t, "inspect", err, "")
			if c.Email != "anna.roe@example.com" || c.Address != "192.0.2.7" || c.CreatedAt != h.clock.ms.Load()-23*3600_000 {
				t.Errorf("inspected %+v", c)
			}
		}
		_, err = h.ConfirmByCode(t.Context(), cookie, codeIn(t, m), at(1))
		wants(t, "code after 30 minutes", err, "code_ended")
		email, err := h.ConfirmByToken(t.Context(), token, at(3))
		if wants(t, "link", err, ""); email != "anna.roe@example.com" {
			t.Errorf("confirmed %q", email)
		}
		_, err = h.ConfirmByToken(t.Context(), token, at(3))
		wants(t, "link again", err, "token_ended")
		_, err = h.InspectConfirmation(t.Context(), token)
		wants(t, "inspect after", err, "token_ended")
		_, err = h.PendingSignup(t.Context(), cookie)
		wants(t, "pending after", err, "not_found")
		h.login("ANNA.roe@example.com ", at(1))
	})
}

func TestSignUpEnds(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.open()
		cookie, _, err := h.SignUp(t.Context(), anna(), at(1))
		wants(t, "sign-up", err, "")
		m := h.letter("Confirm your e-mail address", "anna.roe@example.com")
		code := codeIn(t, m)
		for i, want := range []string{"code_wrong", "code_wrong", "code_wrong", "code_wrong", "code_ended"} {
			_, err = h.ConfirmByCode(t.Context(), cookie, wrongCode(code), at(1))
			wants(t, "wrong code "+string(rune('1'+i)), err, want)
		}
		_, err = h.ConfirmByCode(t.Context(), cookie, code, at(1))
		wants(t, "right code after five wrong ones", err, "code_ended")

		// Sending again ends both, the code and the link.
		_, err = h.ResendSignup(t.Context(), cookie, at(1))
		if e := wants(t, "at once", err, "limited"); e.RetryAfter != time.Minute {
			t.Errorf("retry after %v", e.RetryAfter)
		}
		h.clock.advance(time.Minute)
		_, err = h.ResendSignup(t.Context(), cookie, at(1))
		wants(t, "a minute later", err, "")
		m2 := h.letter("Confirm your e-mail address", "anna.roe@example.com")
		_, err = h.ConfirmByToken(t.Context(), tokenIn(t, m, "confirm"), at(1))
		wants(t, "old link", err, "token_ended")
		if code2 := codeIn(t, m2); code2 != code {
			_, err = h.ConfirmByCode(t.Context(), cookie, code, at(1))
			wants(t, "old code", err, "code_wrong")
		}

		// The address can be changed; the code is bound to it.
		p, err := h.ChangeSignupAddress(t.Context(), cookie, "anna@example.org", at(1))
		if wants(t, "change", err, ""); p.Email != "anna@example.org" {
			t.Errorf("pending %+v", p)
		}
		m3 := h.letter("Confirm your e-mail address", "anna@example.org")
		_, err = h.ConfirmByToken(t.Context(), tokenIn(t, m2, "confirm"), at(1))
		wants(t, "link of the former address", err, "token_ended")
		_, err = h.ChangeSignupAddress(t.Context(), cookie, "anna", at(1))
		wants(t, "no address", err, "email_invalid")

		h.clock.advance(24 * time.Hour)
		_, err = h.ConfirmByToken(t.Context(), tokenIn(t, m3, "confirm"), at(1))
		wants(t, "link after a day", err, "token_ended")
		_, err = h.ResendSignup(t.Context(), cookie, at(1))
		wants(t, "resend after a day", err, "not_found")
		_, err = h.PendingSignup(t.Context(), "coffer_signup_x")
		wants(t, "a cookie that is none", err, "not_found")
	})
}

// A stranger who signs up with Anna's address sees what anybody sees; Anna gets
// another letter. The same number of hashes, rows and letters either way.
func TestSignUpKnownAddress(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.open()
		h.user("anna.roe@example.com", coffer.RoleMember)
		runs := h.hasher.Runs()
		in := anna()
		in.Password = pw2
		known, p1, err := h.SignUp(t.Context(), in, at(3))
		wants(t, "known", err, "")
		knownRuns := h.hasher.Runs() - runs
		in.Email = "new.one@example.com"
		_, p2, err := h.SignUp(t.Context(), in, at(3))
		wants(t, "unknown", err, "")
		if n := h.hasher.Runs() - runs - knownRuns; n != knownRuns || n != 1 {
			t.Errorf("%d hashes for a known address, %d for an unknown one", knownRuns, n)
		}
		p1.Email = p2.Email
		if p1 != p2 {
			t.Errorf("answers differ: %+v %+v", p1, p2)
		}
		got := h.letters()
		slices.Reverse(got) // order of sending does not matter
		all := subjects(got)
		slices.Sort(all)
		if !slices.Equal(all, []string{"Confirm your e-mail address -> new.one@example.com", "You already have an account -> anna.roe@example.com"}) {
			t.Fatalf("letters %v", all)
		}
		// Everything else the stranger can do looks the same too.
		if _, err := h.PendingSignup(t.Context(), known); err != nil {
			t.Error(err)
		}
		for i, want := range []string{"code_wrong", "code_wrong", "code_wrong", "code_wrong", "code_ended", "code_ended"} {
			_, err = h.ConfirmByCode(t.Context(), known, "000000", at(3))
			wants(t, "guess "+string(rune('1'+i)), err, want)
		}
		h.clock.advance(time.Minute)
		_, err = h.ResendSignup(t.Context(), known, at(3))
		wants(t, "resend", err, "")
		h.letter("You already have an account", "anna.roe@example.com")
		if _, err := h.Login(t.Context(), "anna.roe@example.com", pw2, at(3)); err == nil {
			t.Error("the stranger's password opens Anna's account")
		}
	})
}

// The newest sign-up of an address replaces older ones.
func TestSignUpTwice(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.open()
		first, _, err := h.SignUp(t.Context(), anna(), at(3))
		wants(t, "first", err, "")
		m1 := h.letter("Confirm your e-mail address", "anna.roe@example.com")
		in := anna()
		in.Password = pw2
		_, _, err = h.SignUp(t.Context(), in, at(1))
		wants(t, "second", err, "")
		m2 := h.letter("Confirm your e-mail address", "anna.roe@example.com")
		_, err = h.PendingSignup(t.Context(), first)
		wants(t, "first browser", err, "not_found")
		_, err = h.ConfirmByToken(t.Context(), tokenIn(t, m1, "confirm"), at(1))
		wants(t, "first link", err, "token_ended")
		_, err = h.ConfirmByToken(t.Context(), tokenIn(t, m2, "confirm"), at(1))
		wants(t, "second link", err, "")
		if _, err := h.Login(t.Context(), "anna.roe@example.com", pw2, at(1)); err != nil {
			t.Errorf("the confirmed sign-up's password: %v", err)
		}
		_, err = h.Login(t.Context(), "anna.roe@example.com", pw, at(1))
		wants(t, "the replaced sign-up's password", err, "wrong_login")

		// An account made meanwhile wins over a pending sign-up.
		in.Email = "ben@example.com"
		_, _, err = h.SignUp(t.Context(), in, at(1))
		wants(t, "third", err, "")
		m3 := h.letter("Confirm your e-mail address", "ben@example.com")
		h.user("ben@example.com", coffer.RoleMember)
		_, err = h.ConfirmByToken(t.Context(), tokenIn(t, m3, "confirm"), at(1))
		wants(t, "link", err, "token_ended")
	})
}

func TestSignUpPolicy(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		system := coffer.SystemPrincipal("test")
		set := func(signup string, domains ...string) {
			t.Helper()
			if _, err := h.UpdateSettings(t.Context(), system, accounts.SettingsPatch{Signup: &signup, Domains: &domains}); err != nil {
				t.Fatal(err)
			}
		}
		_, _, err := h.SignUp(t.Context(), anna(), at(1))
		if e := wants(t, "before anything is set", err, "signup_closed"); e.Msg != "You need an invitation to join. Ask your administrator." {
			t.Error(e.Msg)
		}
		set(accounts.SignupDomains, "HaldenRoe.example", "@example.com ")
		cookie, _, err := h.SignUp(t.Context(), anna(), at(1))
		wants(t, "right domain", err, "")
		for _, email := range []string{"anna@example.org", "anna@sub.example.com", "anna@notexample.com", "anna@example.com.evil.example"} {
			in := anna()
			in.Email = email
			_, _, err = h.SignUp(t.Context(), in, at(1))
			if e := wants(t, email, err, "domain_refused"); e.Fields["email"] != "This server only accepts addresses at example.com, haldenroe.example." {
				t.Error(e.Fields)
			}
			_, err = h.ChangeSignupAddress(t.Context(), cookie, email, at(1))
			wants(t, "change to "+email, err, "domain_refused")
		}
		set(accounts.SignupClosed)
		_, _, err = h.SignUp(t.Context(), anna(), at(1))
		wants(t, "closed", err, "signup_closed")
		_, err = h.ChangeSignupAddress(t.Context(), cookie, "ann@example.com", at(1))
		wants(t, "change when closed", err, "signup_closed")
	})
}

func TestSignUpFields(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.open()
		runs := h.hasher.Runs()
		_, _, err := h.SignUp(t.Context(), accounts.Signup{Name: " ", Email: "x", Password: "short"}, at(1))
		e := wants(t, "all wrong", err, "name_missing")
		if e.Kind != coffer.Invalid || len(e.Fields) != 3 || e.Fields["name"] != "Type your name." || e.Fields["email"] != "Type an e-mail address like name@example.com." ||
			e.Fields["password"] != "Use at least 12 characters." {
			t.Errorf("%v %v", e.Kind, e.Fields)
		}
		for password, code := range map[string]string{
			"anna.roe@example": "password_common", "Halden & Roe 2026": "password_common", "password12345": "password_common", strings.Repeat("xY7!", 300): "password_long",
		} {
			in := anna()
			in.Password = password
			_, _, err := h.SignUp(t.Context(), in, at(1))
			wants(t, password[:12], err, code)
		}
		if n := h.hasher.Runs() - runs; n != 0 || len(h.letters()) != 0 {
			t.Errorf("refused sign-ups ran %d hashes or sent letters", n)
		}
	})
}

// Nobody can flood a mailbox, from one network or from many.
func TestSignUpMailLimits(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.open()
		for range 5 {
			_, _, err := h.SignUp(t.Context(), anna(), at(1))
			wants(t, "within the limit", err, "")
		}
		_, _, err := h.SignUp(t.Context(), anna(), at(2))
		wants(t, "sixth from that network", err, "limited")
		wants(t, "forgot counts with them", h.Forgot(t.Context(), "ANNA.roe@example.com", at(1)), "limited")
		in := anna()
		in.Email = "ben@example.com"
		_, _, err = h.SignUp(t.Context(), in, at(1))
		wants(t, "another address", err, "")
		for n := range 15 {
			from := at(1)
			from.Address = "203.0." + string(rune('1'+n/5)) + ".4"
			_, _, err := h.SignUp(t.Context(), anna(), from)
			wants(t, "other networks", err, "")
		}
		_, _, err = h.SignUp(t.Context(), anna(), at(4))
		if e := wants(t, "21st mail of a day", err, "limited"); e.RetryAfter != 24*time.Hour {
			t.Errorf("retry after %v", e.RetryAfter)
		}
		if n := len(h.letters()); n != 21 {
			t.Errorf("%d letters, want 21", n)
		}
	})
}

// Races: a code or link counts once, and a guess is counted each time.
func TestSignUpRaces(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.open()
		cookie, _, err := h.SignUp(t.Context(), anna(), at(1))
		wants(t, "sign-up", err, "")
		m := h.letter("Confirm your e-mail address", "anna.roe@example.com")
		code, token := codeIn(t, m), tokenIn(t, m, "confirm")
		var wg sync.WaitGroup
		var won atomic.Int64
		for i := range 12 {
			wg.Go(func() {
				var err error
				if i%2 == 0 && i < 10 {
					_, err = h.ConfirmByCode(t.Context(), cookie, code, at(1))
				} else {
					_, err = h.ConfirmByToken(t.Context(), token, at(1))
				}
				if err == nil {
					won.Add(1)
				} else if k := coffer.KindOf(err); k == coffer.Internal {
					t.Errorf("a loser got %v", err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 {
			t.Errorf("%d confirmations of one sign-up", won.Load())
		}

		// Ten browsers sign up with one address at once: one sign-up is left.
		cookies := make(chan string, 10)
		for i := range cap(cookies) {
			wg.Go(func() {
				in := anna()
				in.Email = "ben@example.com"
				from := at(1)
				from.Address = "203.0." + string(rune('0'+i)) + ".1"
				c, _, err := h.SignUp(t.Context(), in, from)
				if err != nil {
					t.Error(err)
				}
				cookies <- c
			})
		}
		wg.Wait()
		close(cookies)
		left := 0
		for c := range cookies {
			if _, err := h.PendingSignup(t.Context(), c); err == nil {
				left++
			}
		}
		if left != 1 {
			t.Errorf("%d sign-ups of one address are pending", left)
		}

		// Thirty guesses at once: exactly five were compared.
		in := anna()
		in.Email = "cid@example.com"
		cookie, _, err = h.SignUp(t.Context(), in, at(4))
		wants(t, "sign-up", err, "")
		var wrong, ended atomic.Int64
		letters := h.letters()
		bad := wrongCode(codeIn(t, letters[len(letters)-1]))
		for range 30 {
			wg.Go(func() {
				_, err := h.ConfirmByCode(t.Context(), cookie, bad, at(4))
				switch e, _ := err.(*coffer.Error); {
				case e != nil && e.Code == "code_wrong":
					wrong.Add(1)
				case e != nil && e.Code == "code_ended":
					ended.Add(1)
				default:
					t.Errorf("guess: %v", err)
				}
			})
		}
		wg.Wait()
		if wrong.Load() != 4 || ended.Load() != 26 {
			t.Errorf("%d wrong, %d ended; want 4 and 26", wrong.Load(), ended.Load())
		}
	})
}
