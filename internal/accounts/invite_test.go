package accounts_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"coffer"
	"coffer/internal/accounts"
	"coffer/internal/mail"
)

// policy sets who may join.
func (h *house) policy(signup string) {
	h.t.Helper()
	name, domains := "Halden & Roe", []string{"haldenroe.example"}
	if _, err := h.UpdateSettings(h.t.Context(), coffer.SystemPrincipal("test"), accounts.SettingsPatch{Signup: &signup, Organisation: &name, Domains: &domains}); err != nil {
		h.t.Fatal(err)
	}
}

// elsa is an owner who invites.
func (h *house) elsa() accounts.SignedIn {
	h.t.Helper()
	if _, err := h.CreateUser(h.t.Context(), coffer.SystemPrincipal("test"), accounts.NewUser{Name: "Elsa Kvist", Email: "elsa@haldenroe.example", Password: pw, Role: coffer.RoleOwner}); err != nil {
		h.t.Fatal(err)
	}
	return h.login("elsa@haldenroe.example", at(1))
}

const invites = "Elsa Kvist invites you to Halden & Roe files"

// invited sends an invitation and returns it with the token of its mail.
func (h *house) invited(p coffer.Principal, email string, role coffer.Role) (accounts.Invitation, string) {
	h.t.Helper()
	i, err := h.Invite(h.t.Context(), p, email, role)
	wants(h.t, "invite", err, "")
	got := h.letters()
	if len(got) != 1 || got[0].To != i.Email {
		h.t.Fatalf("letters %v", subjects(got))
	}
	return i, tokenIn(h.t, got[0], "invitation")
}

// Elsa invites Maria, who reads the mail and joins, whatever the policy but
// closed says about people who come by themselves.
func TestInvitation(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		elsa := h.elsa()
		for n, policy := range []string{accounts.SignupInvitation, accounts.SignupDomains, accounts.SignupOpen} {
			h.policy(policy)
			email := "maria" + strings.Repeat("x", n) + "@elsewhere.example"
			_, _, err := h.SignUp(t.Context(), accounts.Signup{Name: "Maria", Email: email, Password: pw}, at(3))
			wants(t, "by herself", err, map[string]string{accounts.SignupInvitation: "signup_closed", accounts.SignupDomains: "domain_refused", accounts.SignupOpen: ""}[policy])
			h.letters()

			i, err := h.Invite(t.Context(), elsa.Principal, " "+strings.ToUpper(email), coffer.RoleAuditor)
			wants(t, "invite", err, "")
			now := h.clock.ms.Load()
			if i.Email != email || i.Role != coffer.RoleAuditor || i.ByName != "Elsa Kvist" || i.Ended || i.SentAt != now || i.ExpiresAt != now+7*24*3600_000 {
				t.Errorf("invitation %+v", i)
			}
			m := h.letter(invites, email)
			token := tokenIn(t, m, "invitation")
			if strings.Contains(m.Text, "192.0.2.7") || !strings.Contains(m.Text, "Monday 30 November 2026") {
				t.Errorf("the letter tells where Elsa is, or not when it ends:\n%s", m.Text)
			}
			info, err := h.InspectInvitation(t.Context(), token)
			wants(t, "inspect", err, "")
			if want := (accounts.Invited{Email: email, Organisation: "Halden & Roe", By: "Elsa Kvist", ExpiresAt: i.ExpiresAt}); info != want {
				t.Errorf("the mail is about %+v", info)
			}
			for _, wrong := range [][2]string{{"", pw}, {"Maria", "short"}, {"Maria", "maria@elsewhere"}} {
				_, err = h.AcceptInvitation(t.Context(), token, wrong[0], wrong[1], at(3))
				if e, ok := err.(*coffer.Error); !ok || e.Kind != coffer.Invalid || len(e.Fields) == 0 {
					t.Errorf("%q: %v", wrong, err)
				}
			}
			in, err := h.AcceptInvitation(t.Context(), token, " Maria Lind ", pw2, at(3))
			wants(t, "accept", err, "")
			u := in.Principal.User
			if !h.signedIn(in.Token) || u.Email != email || u.Name != "Maria Lind" || u.Role != coffer.RoleAuditor {
				t.Errorf("joined as %+v", u)
			}
			if _, err := h.Login(t.Context(), email, pw2, at(3)); err != nil {
				t.Error(err)
			}
			if got := h.letters(); len(got) != 0 {
				t.Errorf("the first sign-in is no news: %v", subjects(got))
			}
			_, err = h.AcceptInvitation(t.Context(), token, "Eve", pw, at(3))
			wants(t, "again", err, "token_ended")
			_, err = h.InspectInvitation(t.Context(), token)
			wants(t, "inspect after", err, "token_ended")
			if list, err := h.Invitations(t.Context(), elsa.Principal); err != nil || len(list) != 0 {
				t.Errorf("still listed: %v, %v", list, err)
			}
			_, err = h.Invite(t.Context(), elsa.Principal, email, coffer.RoleMember)
			wants(t, "who has joined", err, "email_taken")
		}
	})
}

// A pending sign-up of the address ends when the invitation is accepted, and an
// invitation when the sign-up is confirmed: one address, one account.
func TestInvitationAndSignup(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		elsa := h.elsa()
		h.open()
		sign := func() (cookie string, m mail.Message) {
			cookie, _, err := h.SignUp(t.Context(), anna(), at(1))
			wants(t, "sign-up", err, "")
			return cookie, h.letter("Confirm your e-mail address", "anna.roe@example.com")
		}
		cookie, m := sign()
		_, token := h.invited(elsa.Principal, "anna.roe@example.com", coffer.RoleAdmin)
		in, err := h.AcceptInvitation(t.Context(), token, "Anna", pw2, at(3))
		wants(t, "accept", err, "")
		_, err = h.ConfirmByCode(t.Context(), cookie, codeIn(t, m), at(1))
		wants(t, "code of the sign-up", err, "not_found")
		_, err = h.ConfirmByToken(t.Context(), tokenIn(t, m, "confirm"), at(1))
		wants(t, "link of the sign-up", err, "token_ended")
		wants(t, "leave", h.DeleteMe(t.Context(), in.Principal, pw2), "")
		h.letters()

		for _, how := range []string{"code", "link"} {
			cookie, m = sign()
			_, token = h.invited(elsa.Principal, "anna.roe@example.com", coffer.RoleAdmin)
			if how == "code" {
				_, err = h.ConfirmByCode(t.Context(), cookie, codeIn(t, m), at(1))
			} else {
				_, err = h.ConfirmByToken(t.Context(), tokenIn(t, m, "confirm"), at(1))
			}
			wants(t, how, err, "")
			_, err = h.AcceptInvitation(t.Context(), token, "Anna", pw2, at(3))
			wants(t, "invitation after the "+how, err, "token_ended")
			if list, err := h.Invitations(t.Context(), elsa.Principal); err != nil || len(list) != 0 {
				t.Errorf("still listed: %v, %v", list, err)
			}
			in := h.login("anna.roe@example.com", at(1))
			if in.Principal.User.Role != coffer.RoleMember {
				t.Error("a role nobody accepted")
			}
			h.clock.advance(2 * time.Hour)
			wants(t, "leave", h.DeleteMe(t.Context(), in.Principal, pw), "")
			h.letters()
		}
	})
}

// Who may invite, list, send again and withdraw, for each pair of roles.
func TestInvitationRights(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.policy(accounts.SignupInvitation)
		system := coffer.SystemPrincipal("test")
		for _, actor := range coffer.Roles {
			h.user(string(actor)+"@example.com", actor)
			p := h.login(string(actor)+"@example.com", at(1)).Principal
			_, err := h.Invitations(t.Context(), p)
			if listed := err == nil; listed != (actor == coffer.RoleOwner || actor == coffer.RoleAdmin) {
				t.Errorf("%s lists: %v", actor, err)
			}
			for _, role := range coffer.Roles {
				may := actor == coffer.RoleOwner || actor == coffer.RoleAdmin && role != coffer.RoleOwner && role != coffer.RoleAdmin
				there, err := h.Invite(t.Context(), system, string(actor)+"."+string(role)+"@example.com", role)
				wants(t, "the server invites", err, "")
				verbs := map[string]func(p coffer.Principal) error{
					"1 invites": func(p coffer.Principal) error {
						_, err := h.Invite(t.Context(), p, "to."+there.Email, role)
						return err
					},
					"2 sends again": func(p coffer.Principal) error {
						i, err := h.ResendInvitation(t.Context(), p, there.ID)
						if err == nil && i.By != p.User.ID {
							t.Errorf("%v answers for it", i.By)
						}
						return err
					},
					"3 withdraws": func(p coffer.Principal) error { return h.WithdrawInvitation(t.Context(), p, there.ID) },
				}
				for _, verb := range []string{"1 invites", "2 sends again", "3 withdraws"} {
					narrow := p
					narrow.Scopes = []coffer.Scope{coffer.ScopeAccount, coffer.ScopeFilesRead, coffer.ScopeFilesWrite, coffer.ScopeShare}
					wants(t, verb+" without scope admin", verbs[verb](narrow), "scope_missing")
					wants(t, verb+" as nobody", verbs[verb](coffer.Principal{}), "unauthenticated")
					if err := verbs[verb](p); (err == nil) != may || err != nil && coffer.KindOf(err) != coffer.Forbidden {
						t.Errorf("%s %s %s: %v", actor, verb, role, err)
					}
				}
				if may {
					wants(t, "withdrawn twice", h.WithdrawInvitation(t.Context(), p, there.ID), "not_found")
					_, err = h.ResendInvitation(t.Context(), p, there.ID)
					wants(t, "sent again after", err, "not_found")
				}
			}
		}
		_, err := h.Invite(t.Context(), system, "x", "root")
		if e := wants(t, "both wrong", err, "email_invalid"); e.Fields["role"] == "" {
			t.Errorf("fields %v", e.Fields)
		}
	})
}

// What ends an invitation, and what begins it anew.
func TestInvitationEnds(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		elsa := h.elsa()
		h.policy(accounts.SignupInvitation)
		state := func(what, token string, want string) { // "", "ended" (told by whom), "gone"
			t.Helper()
			info, err := h.InspectInvitation(t.Context(), token)
			_, accept := h.AcceptInvitation(t.Context(), token, "", pw, at(3)) // no name: changes nothing
			got := "gone"
			switch {
			case err == nil && !info.Ended && accept.(*coffer.Error).Code == "name_missing":
				got = ""
			case err == nil && info.Ended && info.By == "Elsa Kvist" && accept.(*coffer.Error).Code == "token_ended":
				got = "ended"
			case err == nil:
				got = "inspect and accept differ"
			}
			if got != want {
				t.Errorf("%s: %q, want %q (%+v, %v, %v)", what, got, want, info, err, accept)
			}
		}
		i, first := h.invited(elsa.Principal, "maria@example.com", coffer.RoleMember)
		j, second := h.invited(elsa.Principal, "maria@example.com", coffer.RoleGuest)
		state("replaced", first, "gone")
		state("newest", second, "")
		wants(t, "the replaced row", h.WithdrawInvitation(t.Context(), elsa.Principal, i.ID), "not_found")

		h.clock.advance(7*24*time.Hour - time.Millisecond)
		state("a moment before the end", second, "")
		h.clock.advance(time.Millisecond)
		state("at the end", second, "ended")
		elsa = h.login("elsa@haldenroe.example", at(1))
		if list, err := h.Invitations(t.Context(), elsa.Principal); err != nil || len(list) != 1 || !list[0].Ended || list[0].ID != j.ID {
			t.Errorf("%+v, %v", list, err)
		}
		wants(t, "purge", h.PurgeExpired(t.Context()), "")
		state("kept to be seen", second, "ended")

		again, err := h.ResendInvitation(t.Context(), elsa.Principal, j.ID)
		wants(t, "again", err, "")
		if again.Ended || again.ID != j.ID || again.CreatedAt != j.CreatedAt || again.ExpiresAt != h.clock.ms.Load()+7*24*3600_000 {
			t.Errorf("%+v", again)
		}
		third := tokenIn(t, h.letter(invites, "maria@example.com"), "invitation")
		state("the link before", second, "gone")
		state("the link of the new mail", third, "")

		h.policy(accounts.SignupClosed)
		state("nobody may join", third, "ended")
		_, err = h.Invite(t.Context(), elsa.Principal, "b@example.com", coffer.RoleMember)
		wants(t, "invite when closed", err, "invitations_off")
		_, err = h.ResendInvitation(t.Context(), elsa.Principal, j.ID)
		wants(t, "resend when closed", err, "invitations_off")
		h.policy(accounts.SignupInvitation)
		state("open again", third, "")

		// Who answers for it must still be somebody who may make such people.
		system := coffer.SystemPrincipal("test")
		h.user("second@example.com", coffer.RoleOwner)
		wants(t, "off", h.SetDisabled(t.Context(), system, "elsa@haldenroe.example", true), "")
		state("Elsa is turned off", third, "ended")
		wants(t, "on", h.SetDisabled(t.Context(), system, "elsa@haldenroe.example", false), "")
		state("Elsa is back", third, "")
		elsa = h.login("elsa@haldenroe.example", at(1))
		wants(t, "Elsa leaves", h.DeleteMe(t.Context(), elsa.Principal, pw), "")
		state("Elsa is gone", third, "gone")
		h.letters()

		k, fourth := h.invited(system, "maria@example.com", coffer.RoleMember)
		if info, err := h.InspectInvitation(t.Context(), fourth); err != nil || info.By != "" {
			t.Errorf("%+v, %v", info, err)
		}
		wants(t, "withdraw", h.WithdrawInvitation(t.Context(), system, k.ID), "")
		state("withdrawn", fourth, "gone")
		_, fifth := h.invited(system, "maria@example.com", coffer.RoleMember)
		h.clock.advance(37*24*time.Hour + time.Millisecond)
		wants(t, "purge", h.PurgeExpired(t.Context()), "")
		state("a month after the end", fifth, "gone")
		if list, err := h.Invitations(t.Context(), system); err != nil || len(list) != 0 {
			t.Errorf("%+v, %v", list, err)
		}
		for _, token := range []string{"", "x", fifth + "x", strings.Replace(fifth, "invitation", "confirm", 1)} {
			state("no token", token, "gone")
		}
	})
}

// One token makes one account, however many try; and a withdrawal at the same
// moment either comes before all of them, or after one.
func TestInvitationRaces(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		elsa := h.elsa()
		h.policy(accounts.SignupInvitation)
		for n := range 8 {
			i, token := h.invited(elsa.Principal, "maria"+strings.Repeat("x", n)+"@example.com", coffer.RoleMember)
			var wg sync.WaitGroup
			var joined, withdrawn atomic.Int64
			for range 4 {
				wg.Go(func() {
					in, err := h.AcceptInvitation(t.Context(), token, "Maria", pw2, at(3))
					switch {
					case err == nil:
						joined.Add(1)
						if !h.signedIn(in.Token) {
							t.Error("joined, but not signed in")
						}
					case coffer.KindOf(err) != coffer.Invalid:
						t.Error(err)
					}
				})
			}
			if n%2 == 1 {
				wg.Go(func() {
					if err := h.WithdrawInvitation(t.Context(), elsa.Principal, i.ID); err == nil {
						withdrawn.Add(1)
					} else if coffer.KindOf(err) != coffer.NotFound {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			if joined.Load()+withdrawn.Load() != 1 {
				t.Fatalf("%d joined, %d withdrew", joined.Load(), withdrawn.Load())
			}
			h.clock.advance(time.Hour)
		}
	})
}

// Invitations cannot flood a mailbox, and cost nobody the tries to sign in.
func TestInvitationLimits(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		elsa := h.elsa()
		h.policy(accounts.SignupInvitation)
		for n := range 120 {
			if _, err := h.Invite(t.Context(), elsa.Principal, "p"+strings.Repeat("x", n%50)+strings.Repeat("y", n/50)+"@example.com", coffer.RoleMember); err != nil {
				t.Fatalf("invitation %d: %v", n, err)
			}
		}
		h.login("elsa@haldenroe.example", at(1))
		i, err := h.Invite(t.Context(), elsa.Principal, "maria@example.com", coffer.RoleMember)
		wants(t, "first", err, "")
		for range 4 {
			_, err = h.ResendInvitation(t.Context(), elsa.Principal, i.ID)
			wants(t, "again", err, "")
		}
		_, err = h.ResendInvitation(t.Context(), elsa.Principal, i.ID)
		if e := wants(t, "sixth in an hour", err, "limited"); e.RetryAfter <= 0 {
			t.Error("no time to wait is told")
		}
		_, err = h.Invite(t.Context(), elsa.Principal, "Maria@example.com", coffer.RoleMember)
		wants(t, "nor anew", err, "limited")
		for range 15 {
			_, err = h.Invite(t.Context(), coffer.SystemPrincipal("test"), "maria@example.com", coffer.RoleMember)
			wants(t, "the server", err, "")
		}
		_, err = h.Invite(t.Context(), coffer.SystemPrincipal("test"), "maria@example.com", coffer.RoleMember)
		wants(t, "twenty-first in a day", err, "limited")

		// Guesses of a token are counted as all guesses are, before any hash.
		before := h.hasher.Runs()
		h.letters()
		_, token := h.invited(elsa.Principal, "ben@example.com", coffer.RoleMember)
		for range 100 {
			_, err = h.AcceptInvitation(t.Context(), token, "", pw, at(3))
			wants(t, "no name", err, "name_missing")
		}
		_, err = h.AcceptInvitation(t.Context(), token, "Ben", pw, at(3))
		wants(t, "too often", err, "limited")
		if h.hasher.Runs() != before {
			t.Error("a refused try cost a hash")
		}
	})
}
