package coffertest

import (
	"testing"

	"coffer/internal/files"
	"coffer/internal/wire"
)

// TestPeopleStory: who is invited joins without a code, and who leaves takes
// everything along.
func TestPeopleStory(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(Options) *Server) {
		s := open(Options{})
		invited := "invitation"
		s.Owner.Do("PATCH", "/settings", wire.Settings{Signup: &invited}).Want(200)
		s.Stranger("x").Do("POST", "/signup", wire.Signup{Name: "Eve", Email: "eve@example.com", Password: "a long enough password"}).Problem(403, "signup_closed")

		ivy := s.Stranger("Ivy")
		s.Owner.Do("POST", "/invitations", wire.NewInvitation{Email: ivy.Email, Role: "member"}).Want(201)
		token := Link(t, s.Mails.Wait(t, ivy.Email, 1))
		var info wire.InvitationInfo
		ivy.Do("POST", "/invitation/inspect", wire.MailToken{Token: token}).Want(200).JSON(&info)
		if info.Email != ivy.Email || info.InvitedBy != "Olga" || info.Ended {
			t.Errorf("inspected %+v", info)
		}
		res := ivy.Do("POST", "/invitation/accept", wire.InvitationAccept{Token: token, Name: "Ivy", Password: ivy.Password}).Want(201)
		ivy.took(res)
		if ivy.Me.Role != "member" || ivy.Session == "" {
			t.Fatalf("accepted: %+v", ivy.Me)
		}
		s.Stranger("x").Do("POST", "/invitation/accept", wire.InvitationAccept{Token: token, Name: "Eve", Password: "a long enough password"}).Problem(422, "token_ended")

		f := ivy.put("ivy.txt", []byte("hers"))
		program := ivy.Program()
		ivy.Do("POST", "/me/delete", wire.Deletion{Password: "not the password"}).Problem(422, "wrong_login")
		ivy.Do("GET", contentOf(f), nil).Want(200)
		gone := ivy.Do("POST", "/me/delete", wire.Deletion{Password: ivy.Password}).Want(204)
		if c := gone.Header.Get("Set-Cookie"); c == "" {
			t.Error("the cookie stays")
		}
		ivy.Do("GET", "/session", nil).Problem(401, "unauthenticated")
		program.Do("GET", contentOf(f), nil).Problem(401, "unauthenticated")
		s.Owner.Do("GET", contentOf(f), nil).Problem(404, "not_found")
		s.Owner.Do("POST", "/me/delete", wire.Deletion{Password: s.Owner.Password}).Problem(409, "last_owner")
		eventually(t, "a job has removed her space", func() bool {
			report, err := s.Files().Check(t.Context(), files.CheckOptions{})
			if err != nil || !report.Clean() {
				t.Fatalf("%v %+v", err, report)
			}
			return report.Nodes == 0
		})
	})
}
