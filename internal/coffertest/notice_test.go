package coffertest

import (
	"strings"
	"testing"
	"time"

	"coffer/internal/wire"
)

// TestNoticeStory: what is shared is told in the page at once and by one mail
// soon; what ended too. Switches, digest and names are a person's own choice.
func TestNoticeStory(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(Options) *Server) {
		s := open(Options{})
		ann, ben, cid := s.Person("Ann"), s.Person("Ben"), s.Person("Cid")
		private := ann.Do("POST", "/nodes/"+ann.Root().String()+"/folders", wire.NewFolder{Name: "Private-canary"}).Want(201).Node()
		h := ann.shelf(private.ID, "Closing")
		top := "/nodes/" + h.top.String()
		notices := func(p *Person) (n wire.Notices) {
			t.Helper()
			p.Do("GET", "/notices", nil).Want(200).JSON(&n)
			return n
		}
		var g wire.Grant
		ann.Do("POST", top+"/grants", wire.NewGrant{Email: ben.Email, Role: "edit", Message: "a\x00b"}).Problem(422, "message_invalid")
		ann.Do("POST", top+"/grants", wire.NewGrant{Email: ben.Email, Role: "edit", Message: strings.Repeat("é", 1001)}).Problem(422, "message_long")
		ann.Do("POST", top+"/grants", wire.NewGrant{Email: ben.Email, Role: "edit", Message: strings.Repeat("é", 1000)}).Want(201).JSON(&g)
		ann.Do("POST", "/nodes/"+h.file.String()+"/grants", wire.NewGrant{Email: ben.Email, Role: "manage"}).Want(201)
		n := notices(ben)
		if n.Unread != 2 || len(n.Items) != 2 || n.Items[1].Kind != "share_given" || n.Items[1].By.Name != "Ann" || n.Items[1].Name != "Closing" || n.Items[1].Role != "edit" ||
			n.Items[1].Node == nil || n.Items[1].Node.ID != h.top || !n.Items[1].Node.ParentID.IsZero() {
			t.Errorf("Ben's notices: %+v", n)
		}
		if got := notices(ann); len(got.Items) != 0 {
			t.Errorf("Ann's notices: %+v", got)
		}
		s.Clock.Advance(3 * time.Minute)
		letter := s.Mails.Wait(t, ben.Email, 2)
		if letter.Subject != "2 notices from Test & Sons files" || !strings.Contains(letter.Text, "Ann gave you access to the folder “Closing”.") || !strings.Contains(letter.Text, s.URL+"/notices") {
			t.Errorf("the letter: %s\n%s", letter.Subject, letter.Text)
		}
		for _, text := range []string{letter.Text, letter.HTML} {
			if strings.Contains(text, "canary") || strings.Contains(text, private.ID.String()) || strings.Count(text, "://") != strings.Count(text, s.URL) {
				t.Errorf("the letter holds what it must not: %s", text)
			}
		}

		// Switched off: told in the page, mailed to nobody.
		yes, no := true, false
		var set wire.NoticeSettings
		ben.Do("PATCH", "/me/notices", wire.NoticeSettings{Shares: &no}).Want(200).JSON(&set)
		if *set.Shares || !*set.Links || *set.Digest {
			t.Errorf("Ben's settings: %+v", set)
		}
		ann.Do("DELETE", top+"/grants/"+g.ID.String(), nil).Want(204) // the file is Ben's by another grant
		cid.Do("PATCH", "/me/notices", wire.NoticeSettings{Digest: &yes}).Want(200)
		ann.Do("POST", top+"/grants", wire.NewGrant{Email: cid.Email, Role: "view"}).Want(201)
		if n := notices(ben); n.Items[0].Kind != "share_ended" || n.Items[0].Node != nil {
			t.Errorf("Ben's notices at the end: %+v", n)
		}
		s.Clock.Advance(23 * time.Hour)
		s.Clock.Advance(time.Hour)
		if letter := s.Mails.Wait(t, cid.Email, 2); letter.Subject != "Ann shared “Closing” with you" || !strings.Contains(letter.Text, s.URL+"/files/"+h.top.String()) {
			t.Errorf("the digest: %s\n%s", letter.Subject, letter.Text)
		}
		if n := s.Mails.Count(ben.Email); n != 2 {
			t.Errorf("%d mails to Ben, want 2", n)
		}
		ben = ben.SignIn() // a day has passed; it is a known browser
		before := notices(ben)
		ben.Do("POST", "/notices/read", wire.NoticesRead{All: true}).Want(204)
		if n := notices(ben); n.Unread != 0 || len(n.Items) != len(before.Items) || before.Unread == 0 {
			t.Errorf("read: %+v, before %+v", n, before)
		}

		// Into a group, and out again before it was mailed.
		owner := s.Owner.SignIn()
		var crew wire.Group
		owner.Do("POST", "/groups", wire.GroupName{Name: "Crew"}).Want(201).JSON(&crew)
		owner.Do("PUT", "/groups/"+crew.ID.String()+"/members/"+ben.Email, nil).Want(204)
		owner.Do("PUT", "/groups/"+crew.ID.String()+"/members/"+owner.Email, nil).Want(204)
		if n := notices(ben); n.Items[0].Kind != "group_given" || n.Items[0].Name != "Crew" || n.Items[0].By.Name != s.Owner.Me.Name || n.Items[0].Node != nil || n.Unread != 1 {
			t.Errorf("in the group: %+v", n.Items[0])
		}
		if n := notices(owner); len(n.Items) != 0 {
			t.Errorf("told what they did: %+v", n.Items)
		}
		ben.Do("PATCH", "/me/notices", wire.NoticeSettings{Shares: &yes}).Want(200)
		mails := s.Mails.Count(ben.Email)
		owner.Do("DELETE", "/groups/"+crew.ID.String()+"/members/"+ben.Email, nil).Want(204)
		s.Clock.Advance(3 * time.Minute)
		owner.Do("PUT", "/groups/"+crew.ID.String()+"/members/"+ben.Email, nil).Want(204)
		s.Clock.Advance(3 * time.Minute)
		if letter := s.Mails.Wait(t, ben.Email, mails+1); letter.Subject != owner.Me.Name+" added you to the group “Crew”" || !strings.Contains(letter.Text, s.URL+"/shared") {
			t.Errorf("the letter: %s\n%s", letter.Subject, letter.Text)
		}
		ben.Do("POST", "/notices/read", wire.NoticesRead{All: true}).Want(204)

		// From a browser that was not seen before.
		ben.Do("DELETE", "/session", nil).Want(204)
		fox := s.Stranger("Ben")
		fox.Email, fox.Password = ben.Email, ben.Password
		fox.Headers = map[string]string{"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}
		res := fox.Do("POST", "/session", wire.Login{Email: fox.Email, Password: fox.Password}).Want(200)
		fox.took(res)
		if n := notices(fox); n.Items[0].Kind != "new_sign_in" || n.Items[0].Device != "Firefox on Linux" || n.Items[0].Address != "127.0.0.1" || n.Unread != 1 {
			t.Errorf("after a sign-in: %+v", n)
		}
	})
}
