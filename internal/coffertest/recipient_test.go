package coffertest

import (
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"coffer"
	"coffer/internal/wire"
)

const (
	maria = "maria@lindqvist.example"
	tom   = "tom@lindqvist.example"
	eve   = "eve@elsewhere.example"
)

// proves asks for a code with a fresh browser, reads it in the n-th mail to the
// address, and types it.
func (s *Server) proves(at, email string, n int) *Visitor {
	s.T.Helper()
	v := s.Visitor()
	v.Post(at+"/code", "email", email).Want(200)
	v.Post(at+"/prove", "email", email, "code", Code(s.T, s.Mails.Wait(s.T, email, n))).Want(303)
	if v.Cookie == "" {
		s.T.Fatalf("no cookie came with the right code for %s", email)
	}
	return v
}

// sameAnswer fails the test where two answers differ in anything but what was
// typed and what is new in each.
func sameAnswer(t *testing.T, what string, a, b *Response, typedA, typedB string) {
	t.Helper()
	shape := func(r *Response, typed string) string {
		h := r.Header.Clone()
		for _, own := range []string{"Date", "X-Request-Id", "Content-Length"} {
			h.Del(own)
		}
		return fmt.Sprint(r.Status, h, strings.ReplaceAll(string(r.Body), typed, "TYPED"))
	}
	if x, y := shape(a, typedA), shape(b, typedB); x != y {
		t.Errorf("%s is told apart:\n%s\n\n%s", what, x, y)
	}
}

// TestRecipients is the story of a link for Maria and Tom: each proves an
// address and is known for a while; who it was forwarded to sees nothing, and
// cannot find out whom it is for; each is shut out alone.
func TestRecipients(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, start func(Options) *Server) {
		s := start(Options{})
		ann, viv := s.Person("Ann"), s.Person("Viv")
		folder := ann.folder("Closing")
		a := ann.file(folder, "a.txt", "content of a")
		ann.Do("POST", "/nodes/"+folder.ID.String()+"/grants", wire.NewGrant{Email: viv.Email, Role: "view"}).Want(201)
		ann.Do("POST", "/nodes/"+folder.ID.String()+"/links", wire.NewLink{Recipients: []string{"maria@lindqvist"}}).Problem(422, "email_invalid")
		ann.Do("POST", "/nodes/"+folder.ID.String()+"/links", wire.NewLink{Recipients: make([]string, 101)}).Problem(422, "too_many")
		s.Owner.Do("PATCH", "/policy", wire.PolicyPatch{RecipientDomains: &[]string{"halden.example"}}).Want(200)
		ann.Do("POST", "/nodes/"+folder.ID.String()+"/links", wire.NewLink{Recipients: []string{tom}}).Problem(422, "domain_not_allowed")
		s.Owner.Do("PATCH", "/policy", wire.PolicyPatch{RecipientDomains: &[]string{}}).Want(200)
		l := ann.linkTo(folder, wire.NewLink{Name: "For two", Message: "Read it first.", Recipients: []string{" Maria@Lindqvist.example", tom, tom}, EndsAt: wire.None[int64](), Notify: true})
		if l.HasPassword || l.Password != "" || len(l.Recipients) != 2 || l.Recipients[0].Email != maria || l.Recipients[0].State != "live" || strings.Contains(fmt.Sprint(l.Warnings), "no_password") {
			t.Fatalf("the link is %+v", l)
		}
		at := "/l/" + path.Base(l.URL)
		for _, to := range []string{maria, tom} {
			letter := s.Mails.Wait(t, to, 1)
			if letter.Subject != "Ann shared “Closing” with you" || !strings.Contains(letter.Text, l.URL) || !strings.Contains(letter.Text, "“Read it first.”") || !strings.Contains(letter.Text, "sends a code to it") ||
				strings.Contains(letter.Text, "a.txt") || strings.Contains(letter.Text, "For two") || strings.Count(letter.Text, "://") != strings.Count(letter.Text, s.URL) {
				t.Errorf("the letter to %s: %s\n%s", to, letter.Subject, letter.Text)
			}
		}

		// Nothing is named, and no address is told from another.
		v, other := s.Visitor(), s.Visitor()
		for _, below := range []string{"", "/in/" + folder.ID.String(), "/see/" + a.ID.String(), "/picture/" + a.ID.String(), "/sums", "/report", "/file/" + a.ID.String() + "/x"} {
			v.Get(at+below).Want(200).pageHeaders().holds("Files from Test & Sons", "Your e-mail address", "-", "Closing", "Ann", "a.txt", "lindqvist", "For two", folder.ID.String())
		}
		v.Post(at+"/get", "node", a.ID.String()).Want(200).holds("Your e-mail address")
		v.Post(at+"/code", "email", "no address").Want(422).pageHeaders().holds("Type an e-mail address like name@example.com.")
		known := v.Post(at+"/code", "email", maria).Want(200).pageHeaders()
		sameAnswer(t, "an address that the link is not for", known, other.Post(at+"/code", "email", eve).Want(200), maria, eve)
		code := Code(t, s.Mails.Wait(t, maria, 2))
		if letter := s.Mails.Wait(t, maria, 2); strings.Contains(letter.Text+letter.HTML+letter.Subject, "Closing") || strings.Contains(letter.Subject, code) {
			t.Errorf("the letter with the code says too much: %s\n%s", letter.Subject, letter.Text)
		}
		v.Post(at+"/code", "email", maria).Want(200) // once more within a minute: no other mail
		wrong := "000000"
		if code == wrong {
			wrong = "000001"
		}
		no := v.Post(at+"/prove", "email", maria, "code", wrong).Want(403).pageHeaders().holds("That code is not right, or has ended.", "4 tries left.")
		no.Body = []byte(strings.Replace(string(no.Body), "4 tries left", "3 tries left", 1))
		sameAnswer(t, "a wrong code", no, other.Post(at+"/prove", "email", eve, "code", code).Want(403), maria, eve)
		if s.Mails.Count(eve) != 0 || s.Mails.Count(maria) != 2 {
			t.Errorf("%d mails to Eve, %d to Maria", s.Mails.Count(eve), s.Mails.Count(maria))
		}
	})
}

// TestRecipientsProved goes on: what the right code opens, and for how long.
func TestRecipientsProved(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, start func(Options) *Server) {
		s := start(Options{})
		ann := s.Person("Ann")
		folder := ann.folder("Closing")
		a := ann.file(folder, "a.txt", "content of a")
		l := ann.linkTo(folder, wire.NewLink{Name: "For two", Recipients: []string{maria, tom}, EndsAt: wire.None[int64](), Notify: true})
		at := "/l/" + path.Base(l.URL)
		v := s.Visitor()
		v.Post(at+"/code", "email", maria).Want(200)
		code := Code(t, s.Mails.Wait(t, maria, 2))
		v.Post(at+"/prove", "email", " MARIA@lindqvist.example", "code", code[:3]+" "+code[3:]).Want(303)
		v.Get(at).Want(200).pageHeaders().holds("Closing", "a.txt", "Only the people whom this link was made for can open the files.", "-", "Anyone with this link", "lindqvist", "For two")
		s.Visitor().Post(at+"/prove", "email", maria, "code", code).Want(403) // it counted once
		s.Visitor().Get(at).holds("Your e-mail address", "-", "Closing")      // forwarded
		to := v.Post(at+"/get", "node", a.ID.String()).Want(303).Header.Get("Location")
		if got := v.Get(to).Want(200); string(got.Body) != "content of a" {
			t.Errorf("the file came as %q", got.Body)
		}
		s.Visitor().Get(to).holds("Your e-mail address", "-", "content of a")

		// A code has ended after ten minutes, and after five wrong tries.
		s.Clock.Advance(2 * time.Minute)
		late := s.Visitor()
		late.Post(at+"/code", "email", tom).Want(200)
		code = Code(t, s.Mails.Wait(t, tom, 2))
		s.Clock.Advance(11 * time.Minute)
		late.Post(at+"/prove", "email", tom, "code", code).Want(403)
		s.Clock.Advance(20 * time.Minute)
		late.Post(at+"/code", "email", tom).Want(200)
		code = Code(t, s.Mails.Wait(t, tom, 3))
		for n := range 5 {
			late.Post(at+"/prove", "email", tom, "code", "wrong").Want(403).holds(fmt.Sprintf("%d", 4-n))
		}
		late.Post(at+"/prove", "email", tom, "code", code).Want(429).holds("Too many tries.")
		s.Clock.Advance(9 * time.Minute)
		late.Post(at+"/prove", "email", tom, "code", code).Want(429)

		// What the owner learns: by address, folded, without a code.
		var part wire.Part[wire.Receipt]
		ann.Do("GET", "/links/"+l.ID.String()+"/receipts", nil).Want(200).JSON(&part)
		var got []string
		for _, r := range part.Items {
			who := ""
			if r.Recipient != nil {
				who = r.Recipient.Name
			}
			got = append(got, strings.TrimSpace(fmt.Sprint(r.Kind, " ", r.Count, " ", who, " ", r.State, r.Reason)))
		}
		want := "refused 5 tom@lindqvist.example code, refused 1 tom@lindqvist.example code, download 1 maria@lindqvist.example finished, refused 1 maria@lindqvist.example code, opened 1 maria@lindqvist.example"
		if text := strings.ReplaceAll(strings.Join(got, ", "), "refused 6 tom", "refused 5 tom@lindqvist.example code, refused 1 tom"); text != want {
			t.Errorf("the receipts are %s, want %s", text, want)
		}
		if r := part.Items[len(part.Items)-3]; *r.Size != 12 || *r.Got != 12 || r.Network != "127.0.0.0/24" || r.Name != "a.txt" {
			t.Errorf("the receipt of the download is %+v", r)
		}
		ann.Do("GET", "/links/"+l.ID.String()+"/receipts?format=xml", nil).Problem(422, "invalid")
		table := ann.Do("GET", "/links/"+l.ID.String()+"/receipts?format=csv", nil).Want(200)
		if text := string(table.Body); table.Header.Get("Content-Type") != "text/csv; charset=utf-8; header=present" || strings.Count(text, "\n") != len(part.Items)+1 || !strings.Contains(text, ",download,1,"+maria+",127.0.0.0/24,a.txt,12,12,finished,") {
			t.Errorf("as a table: %s", text)
		}
		var told wire.Notices
		ann.Do("GET", "/notices", nil).Want(200).JSON(&told)
		// Notices fold until a mail told of them, which may leave between two of them.
		var kinds []string
		counts := map[string]int64{}
		for _, n := range told.Items {
			kind := fmt.Sprint(n.Kind, " ", n.Link, " ", n.Who)
			if counts[kind] += n.Count; counts[kind] == n.Count {
				kinds = append(kinds, kind)
			}
		}
		of := func(kind, who string) int64 { return counts[kind+" For two "+who] }
		if len(kinds) != 4 || of("link_refused", tom) != 6 || of("link_downloaded", maria) != 1 || of("link_refused", maria) != 1 || of("link_opened", maria) != 1 {
			t.Errorf("the notices are %v", counts)
		}
		if letter := s.Mails.Wait(t, ann.Email, 2); !strings.Contains(letter.Text, "Your link “For two” to the folder “Closing” was opened by maria@lindqvist.example.") || !strings.Contains(letter.Text, "“a.txt” was downloaded by maria@lindqvist.example.") {
			t.Errorf("the letter to Ann: %s\n%s", letter.Subject, letter.Text)
		}
		for _, secret := range []string{code, path.Base(l.URL), v.Cookie} {
			if strings.Contains(s.Log.String(), secret) {
				t.Errorf("the log holds %q", secret)
			}
		}

		// Known on this device for thirty days.
		s.Clock.Advance(29 * 24 * time.Hour)
		v.Get(at).Want(200).holds("a.txt")
		s.Clock.Advance(2 * 24 * time.Hour)
		v.Get(at).Want(200).holds("Your e-mail address", "-", "a.txt")
	})
}

// TestRecipientDropped: who is taken off the list is out at once, also in the
// middle of a download, and the others are not; who comes back proves it anew.
func TestRecipientDropped(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, start func(Options) *Server) {
		s := start(Options{})
		ann, viv := s.Person("Ann"), s.Person("Viv")
		folder := ann.folder("Closing")
		big := ann.Do("PUT", "/nodes/"+folder.ID.String()+"/files?name=big.bin", noise(9, 24<<20)).Want(201).Node() // more than sockets hold
		ann.Do("POST", "/nodes/"+folder.ID.String()+"/grants", wire.NewGrant{Email: viv.Email, Role: "view"}).Want(201)
		l := ann.linkTo(folder, open(wire.NewLink{Name: "first for anybody"}))
		at := "/l/" + path.Base(l.URL)
		link := "/links/" + l.ID.String()
		anybody := s.Visitor()
		anybody.Post(at+"/get", "node", big.ID.String()).Want(303)
		anybody.Get(at).holds("big.bin")
		viv.Do("POST", link+"/recipients", wire.NewRecipients{Emails: []string{eve}}).Problem(403, "forbidden")
		ann.Do("POST", link+"/recipients", wire.NewRecipients{Emails: []string{maria, tom}}).Want(200).JSON(&l)
		anybody.Get(at).holds("Your e-mail address", "-", "big.bin") // it is not for anybody any more
		ms, ts := s.proves(at, maria, 2), s.proves(at, tom, 2)
		begin := func(v *Visitor) (*http.Response, string) {
			t.Helper()
			to := v.Post(at+"/get", "node", big.ID.String()).Want(303).Header.Get("Location")
			res, err := v.Send("GET", to, nil)
			if err != nil || res.StatusCode != 200 {
				t.Fatal(res, err)
			}
			t.Cleanup(func() { res.Body.Close() })
			if _, err := io.CopyN(io.Discard, res.Body, 64<<10); err != nil {
				t.Fatal(err)
			}
			return res, to
		}
		cut, to := begin(ms)
		goes, _ := begin(ts)
		viv.Do("DELETE", link+"/recipients/"+l.Recipients[0].ID.String(), nil).Problem(403, "forbidden")
		ann.Do("DELETE", link+"/recipients/"+coffer.NewID().String(), nil).Problem(404, "not_found")
		began := time.Now()
		ann.Do("DELETE", link+"/recipients/"+l.Recipients[0].ID.String(), nil).Want(204)
		ann.Do("DELETE", link+"/recipients/"+l.Recipients[0].ID.String(), nil).Problem(404, "not_found")
		ms.Get(at).Want(200).holds("Your e-mail address", "-", "big.bin")
		ms.Get(to).Want(200).holds("Your e-mail address")
		eventually(t, "Maria is cut", func() bool {
			return strings.Contains(s.Log.String(), "msg=request ref="+cut.Header.Get("X-Request-Id"))
		})
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("it took %v", took)
		}
		if n, err := io.Copy(io.Discard, cut.Body); err == nil {
			t.Errorf("Maria got the rest, %d bytes", n)
		}
		if n, err := io.Copy(io.Discard, goes.Body); err != nil || n+64<<10 != big.Size {
			t.Errorf("Tom got %d bytes more, %v", n, err)
		}
		// No code comes any more; back on the list, the old cookie opens nothing.
		s.Clock.Advance(2 * time.Minute)
		count := s.Mails.Count(maria)
		ms.Post(at+"/code", "email", maria).Want(200)
		ann.Do("POST", link+"/recipients", wire.NewRecipients{Emails: []string{maria}}).Want(200)
		s.Mails.Wait(t, maria, count+1)
		ms.Get(at).holds("Your e-mail address")
		if n := s.Mails.Count(maria); n != count+1 {
			t.Errorf("%d mails came to Maria, want %d", n, count+1)
		}
		s.proves(at, maria, count+2)
		var seen wire.List[wire.Link]
		viv.Do("GET", "/nodes/"+folder.ID.String()+"/links", nil).Want(200).JSON(&seen)
		if len(seen.Items) != 1 || !seen.Items[0].Named || len(seen.Items[0].Recipients) != 0 {
			t.Errorf("a viewer sees %+v", seen.Items)
		}
		viv.Do("GET", link+"/receipts", nil).Problem(403, "forbidden")
		s.eventsHold(l.ID, "link.recipient_added", "link.recipient_removed", "link.opened", "link.downloaded", "link.finished").without(path.Base(l.URL), ts.Cookie)
	})
}

// TestOneCodeOnce: of many who type the same code at the same moment, one is in.
func TestOneCodeOnce(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, start func(Options) *Server) {
		s := start(Options{})
		ann := s.Person("Ann")
		file := ann.file(ann.folder("Closing"), "a.txt", "content")
		l := ann.linkTo(file, wire.NewLink{Recipients: []string{maria}})
		at := "/l/" + path.Base(l.URL)
		for round := range 3 {
			s.Visitor().Post(at+"/code", "email", maria).Want(200)
			code := Code(t, s.Mails.Wait(t, maria, round+2))
			var in atomic.Int64
			var all sync.WaitGroup
			for range 4 { // the fifth would be refused for the tries
				all.Go(func() {
					v := s.Visitor()
					res, err := v.Send("POST", at+"/prove", strings.NewReader("email="+maria+"&code="+code), "Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "same-origin")
					if err != nil {
						t.Error(err)
						return
					}
					res.Body.Close()
					if res.StatusCode == http.StatusSeeOther && v.Cookie != "" {
						in.Add(1)
					} else if res.StatusCode != http.StatusForbidden {
						t.Errorf("status %d", res.StatusCode)
					}
				})
			}
			all.Wait()
			if n := in.Load(); n != 1 {
				t.Errorf("round %d: %d are in by one code", round, n)
			}
			s.Clock.Advance(20 * time.Minute)
		}
	})
}

// TestLinkEnding: the maker of a link is told two days before its end, once.
func TestLinkEnding(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, start func(Options) *Server) {
		s := start(Options{})
		ann := s.Person("Ann")
		file := ann.file(ann.folder("Closing"), "a.txt", "content")
		end := s.Clock.Now().Add(49 * time.Hour).UnixMilli()
		ann.linkTo(file, wire.NewLink{Name: "For Maria", EndsAt: wire.Some(end)})
		ann.linkTo(file, wire.NewLink{Name: "short", EndsAt: wire.Some(s.Clock.Now().Add(24 * time.Hour).UnixMilli())})
		for range 2 {
			if err := s.Files().TellEndings(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		var told wire.Notices
		ann.Do("GET", "/notices", nil).Want(200).JSON(&told)
		if len(told.Items) != 0 {
			t.Errorf("told too early: %+v", told.Items)
		}
		s.Clock.Advance(2 * time.Hour)
		for range 2 {
			if err := s.Files().TellEndings(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		ann.Do("GET", "/notices", nil).Want(200).JSON(&told)
		if len(told.Items) != 1 || told.Items[0].Kind != "link_ending" || told.Items[0].Link != "For Maria" || told.Items[0].Until != end || told.Items[0].Count != 1 {
			t.Errorf("told: %+v", told.Items)
		}
		s.Clock.Advance(3 * time.Minute)
		if letter := s.Mails.Wait(t, ann.Email, 2); letter.Subject != "Your link “For Maria” ends in 2 days" {
			t.Errorf("the letter: %s", letter.Subject)
		}
	})
}
