package coffertest

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"coffer"
	"coffer/internal/db"
	"coffer/internal/files"
	"coffer/internal/server"
	"coffer/internal/wire"
)

// TestInvitationStory: nobody joins by themselves; who is invited does, once,
// in the role that was meant, and is signed in.
func TestInvitationStory(t *testing.T) {
	Each(t, func(t *testing.T, open func(Options) *Server) {
		s := open(Options{})
		policy := func(signup string) {
			s.Owner.Do("PATCH", "/settings", wire.Settings{Signup: &signup}).Want(200)
		}
		policy("invitation")
		eve := s.Stranger("Eve")
		eve.Do("POST", "/signup", wire.Signup{Name: "Eve", Email: eve.Email, Password: eve.Password}).Problem(403, "signup_closed")
		var info wire.Instance
		eve.Do("GET", "/instance", nil).Want(200).JSON(&info)
		if info.Signup != "invitation" {
			t.Errorf("anybody is told %q", info.Signup)
		}

		maria := s.Stranger("Maria")
		var sent wire.Invitation
		s.Owner.Do("POST", "/invitations", wire.NewInvitation{Email: strings.ToUpper(maria.Email), Role: "auditor"}).Want(201).JSON(&sent)
		if sent.Email != maria.Email || sent.Role != "auditor" || sent.Ended || sent.InvitedBy == nil || sent.InvitedBy.Name != "Olga" {
			t.Errorf("%+v", sent)
		}
		m := s.Mails.Wait(t, maria.Email, 1)
		if m.Subject != "Olga invites you to Test & Sons files" || !strings.Contains(m.Text, s.URL+"/invitation#coffer_invitation_") {
			t.Errorf("%q:\n%s", m.Subject, m.Text)
		}
		first := Link(t, m)
		s.Owner.Do("POST", "/invitations/"+sent.ID.String()+"/resend", nil).Want(202)
		token := Link(t, s.Mails.Wait(t, maria.Email, 2))
		maria.Do("POST", "/invitation/inspect", wire.MailToken{Token: first}).Problem(422, "token_ended")
		var about wire.InvitationInfo
		maria.Do("POST", "/invitation/inspect", wire.MailToken{Token: token}).Want(200).JSON(&about)
		if about.Email != maria.Email || about.Organisation != "Test & Sons" || about.InvitedBy != "Olga" || about.Ended {
			t.Errorf("%+v", about)
		}

		var list wire.List[wire.Invitation]
		res := s.Owner.Do("GET", "/invitations", nil).Want(200)
		res.JSON(&list)
		if len(list.Items) != 1 || list.Items[0].ID != sent.ID || strings.Contains(string(res.Body), "coffer_") {
			t.Errorf("%s", res.Body)
		}
		s.Clock.Advance(8 * 24 * time.Hour)
		s.Owner = s.Owner.SignIn()
		maria.Do("POST", "/invitation/inspect", wire.MailToken{Token: token}).Want(200).JSON(&about)
		if !about.Ended || about.InvitedBy != "Olga" {
			t.Errorf("a week later: %+v", about)
		}
		maria.Do("POST", "/invitation/accept", wire.InvitationAccept{Token: token, Name: "Maria", Password: maria.Password}).Problem(422, "token_ended")
		s.Owner.Do("POST", "/invitations/"+sent.ID.String()+"/resend", nil).Want(202)
		token = Link(t, s.Mails.Wait(t, maria.Email, 3))
		maria.Do("POST", "/invitation/accept", wire.InvitationAccept{Token: token, Name: "Maria", Password: "short"}).Problem(422, "password_short")
		joined := maria.Do("POST", "/invitation/accept", wire.InvitationAccept{Token: token, Name: "Maria", Password: maria.Password}).Want(201)
		maria.took(joined)
		var me wire.Me
		maria.Do("GET", "/session", nil).Want(200).JSON(&me)
		if me.Email != maria.Email || me.Role != "auditor" {
			t.Errorf("%+v", me)
		}
		maria.put("hers", []byte("x"))
		eve.Do("POST", "/invitation/accept", wire.InvitationAccept{Token: token, Name: "Eve", Password: eve.Password}).Problem(422, "token_ended")
		s.Owner.Do("POST", "/invitations", wire.NewInvitation{Email: maria.Email, Role: "member"}).Problem(409, "email_taken")
		s.Owner.Do("POST", "/invitations", wire.NewInvitation{Email: "x", Role: "member"}).Problem(422, "email_invalid")

		s.Owner.Do("POST", "/invitations", wire.NewInvitation{Email: "noa@example.com", Role: "member"}).Want(201).JSON(&sent)
		noa := Link(t, s.Mails.Wait(t, "noa@example.com", 1))
		s.Owner.Do("DELETE", "/invitations/"+sent.ID.String(), nil).Want(204)
		eve.Do("POST", "/invitation/inspect", wire.MailToken{Token: noa}).Problem(422, "token_ended")
		policy("closed")
		s.Owner.Do("POST", "/invitations", wire.NewInvitation{Email: "noa@example.com", Role: "member"}).Problem(409, "invitations_off")
		for _, secret := range []string{token, noa, maria.Session} {
			if strings.Contains(s.Log.String(), secret) {
				t.Errorf("the log holds %q", secret)
			}
		}
	})
}

// TestLeaveStory: Ann deletes her account. Nothing of hers answers any more,
// the job takes every row and key away even when the server stops in between,
// Ben has everything, and Ann may come back as somebody new.
func TestLeaveStory(t *testing.T) {
	Each(t, func(t *testing.T, open func(Options) *Server) {
		s := open(Options{Edit: func(o *server.Options) { o.Jobs = false }}) // the server stops before the job runs
		create := func(name string) *Person {
			p := s.Stranger(name)
			s.Owner.Do("POST", "/invitations", wire.NewInvitation{Email: p.Email, Role: "member"}).Want(201)
			s = s.Restart(nil) // one that sends mail
			p.S, s.Owner.S = s, s
			token := Link(t, s.Mails.Wait(t, p.Email, 1))
			p.took(p.Do("POST", "/invitation/accept", wire.InvitationAccept{Token: token, Name: name, Password: p.Password}).Want(201))
			s = s.Restart(func(o *server.Options) { o.Jobs = false })
			p.S, s.Owner.S = s, s
			return p
		}
		ben := create("Ben")
		ann := create("Ann")
		ben.S = s
		bens := ben.put("Ben's.txt", []byte("Ben's own"))
		program := ann.Program()
		second := ann.SignIn()
		space := ann.Space()
		file := ann.put("a.txt", []byte("canary"))
		dir := ann.Do("POST", "/nodes/"+space.RootID.String()+"/folders", wire.NewFolder{Name: "dir"}).Want(201).Node()
		gone := ann.put("b.txt", []byte("canary in the trash"))
		ann.Do("DELETE", "/nodes/"+gone.ID.String(), nil).Want(204)
		var spaces wire.List[wire.Space]
		ann.Do("GET", "/spaces?count=1", nil).Want(200).JSON(&spaces)
		if n := spaces.Items[0].Items; n == nil || *n != 3 {
			t.Errorf("items %v", n)
		}

		ann.Do("POST", "/me/delete", wire.Deletion{Password: "not the password"}).Problem(422, "wrong_login")
		ann.Do("GET", "/session", nil).Want(200)
		s.Owner.Do("POST", "/me/delete", wire.Deletion{Password: s.Owner.Password}).Problem(409, "last_owner")
		res := ann.Do("POST", "/me/delete", wire.Deletion{Password: ann.Password}).Want(204)
		if set := res.Header.Get("Set-Cookie"); !strings.HasPrefix(set, "__Host-sid=; Path=/; Max-Age=0") {
			t.Errorf("cookie %q", set)
		}
		stranger := s.Stranger("Ann")
		paths := []string{"/session", "/sessions", "/tokens", "/spaces", "/trash", "/nodes/" + space.RootID.String(), "/nodes/" + file.ID.String(), contentOf(file), "/nodes/" + dir.ID.String() + "/children"}
		nothing := func() {
			t.Helper()
			for _, path := range paths {
				for _, p := range []*Person{ann, second, program, stranger} {
					p.Do("GET", path, nil).Problem(401, "unauthenticated")
				}
				if strings.HasPrefix(path, "/nodes/") {
					ben.Do("GET", path, nil).Problem(404, "not_found")
					s.Owner.Do("GET", path, nil).Problem(404, "not_found")
				}
			}
			stranger.Do("POST", "/session", wire.Login{Email: ann.Email, Password: ann.Password}).Problem(401, "wrong_login")
			if got := ben.Do("GET", contentOf(bens), nil).Want(200).Body; string(got) != "Ben's own" {
				t.Errorf("Ben reads %q", got)
			}
		}
		clean := func() files.Report {
			t.Helper()
			r, err := s.Files().Check(t.Context(), files.CheckOptions{ReadData: 100})
			if err != nil || !r.Clean() {
				t.Errorf("check: %+v, %v", r.Problems, err)
			}
			return r
		}
		nothing()
		if r := clean(); r.Spaces < 2 {
			t.Errorf("the job does not run, and yet: %+v", r)
		}

		s = s.Restart(func(o *server.Options) { o.Jobs = true })
		for _, p := range []*Person{ann, second, program, stranger, ben, s.Owner} {
			p.S = s
		}
		eventually(t, "the space is removed", func() bool {
			err := s.DB.View(t.Context(), func(tx *db.Tx) error { _, err := tx.Space(space.ID); return err })
			return errors.Is(err, coffer.ErrNotFound)
		})
		nothing()
		if r := clean(); r.Versions != 1 {
			t.Errorf("of one file of Ben's %d versions are left", r.Versions)
		}
		if m := s.Mails.Wait(t, ann.Email, s.Mails.Count(ann.Email)); m.Subject != "Your account was deleted" {
			t.Errorf("the last mail is %q", m.Subject)
		}
		n := s.Mails.Count(ann.Email)
		stranger.took(stranger.Do("POST", "/signup", wire.Signup{Name: "Ann", Email: ann.Email, Password: ann.Password}).Want(202))
		stranger.took(stranger.Do("POST", "/signup/confirm", wire.Confirm{Code: Code(t, s.Mails.Wait(t, ann.Email, n+1))}).Want(200))
		if len(stranger.children()) != 0 || stranger.Root() == space.RootID {
			t.Error("Ann came back to her old things")
		}
		if !bytes.Contains(stranger.Do("GET", "/spaces?count=1", nil).Want(200).Body, []byte(`"items":0`)) {
			t.Error("a new space that is not empty")
		}
	})
}
