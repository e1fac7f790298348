package coffertest

import (
	"fmt"
	"io"
	"net/netip"
	"path"
	"strings"
	"testing"
	"time"

	"coffer/internal/server"
	"coffer/internal/wire"
)

// TestVisitTries: wrong passwords are counted per link and network, and per link
// in all, whatever the order of networks; other links are not touched.
func TestVisitTries(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, start func(Options) *Server) {
		s := start(Options{Edit: func(o *server.Options) { o.Trusted = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} }})
		ann := s.Person("Ann")
		file := ann.file(ann.folder("Closing"), "a.txt", "content")
		l, other := ann.linkTo(file, wire.NewLink{}), ann.linkTo(file, wire.NewLink{})
		at := "/l/" + path.Base(l.URL)
		from := func(address string) *Visitor {
			v := s.Visitor()
			v.Header["X-Forwarded-For"] = address
			return v
		}
		for left := 4; left >= 0; left-- {
			want := fmt.Sprintf("%d tries left.", left)
			switch left {
			case 1:
				want = "1 try left."
			case 0:
				want = "No tries left: wait 10 minutes."
			}
			from(fmt.Sprintf("192.0.2.%d", left)).Post(at+"/open", "password", "a wrong password").Want(403).holds(want)
		}
		limited := from("192.0.2.77").Post(at+"/open", "password", l.Password).Want(429)
		limited.holds("Too many tries. Wait 10 minutes.", "Type the password")
		if limited.Header.Get("Retry-After") == "" {
			t.Error("nothing says when to try again")
		}
		from("192.0.3.1").Post(at+"/open", "password", l.Password).Want(303)
		from("192.0.2.77").Post("/l/"+path.Base(other.URL)+"/open", "password", other.Password).Want(303)
		s.Clock.Advance(11 * time.Minute)
		from("192.0.2.77").Post(at+"/open", "password", l.Password).Want(303)
		// From everywhere at once.
		for i := range 195 { // five were there before, and right ones do not count
			from(fmt.Sprintf("10.0.%d.1", i)).Post(at+"/open", "password", "a wrong password").Want(403)
		}
		from("198.51.100.1").Post(at+"/open", "password", l.Password).Want(429)
		s.Clock.Advance(61 * time.Minute)
		from("198.51.100.1").Post(at+"/open", "password", l.Password).Want(303)
		// A typed password holds for 12 hours.
		v := from("203.0.113.1")
		v.Post(at+"/open", "password", l.Password).Want(303)
		s.Clock.Advance(11 * time.Hour)
		v.Get(at).Want(200).holds("a.txt")
		s.Clock.Advance(2 * time.Hour)
		v.Get(at).Want(200).holds("Type the password", "-", "a.txt")
	})
}

// TestVisitBytes: what one download may send, what is given back, and who may
// not download at all.
func TestVisitBytes(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, start func(Options) *Server) {
		s := start(Options{})
		ann := s.Person("Ann")
		folder := ann.folder("Closing")
		const size = 3 << 20
		file := ann.file(folder, "a.bin", strings.Repeat("x", size))
		l := ann.linkTo(folder, open(wire.NewLink{DownloadsMax: wire.Some(int64(1))}))
		at := "/l/" + path.Base(l.URL)
		used := func(want int64) {
			t.Helper()
			var now wire.Link
			ann.Do("GET", "/links/"+l.ID.String(), nil).Want(200).JSON(&now)
			if now.Downloads.Used != want {
				t.Errorf("%d downloads are used, want %d", now.Downloads.Used, want)
			}
		}
		// Taken, and nothing fetched: given back after a day.
		idle := s.Visitor()
		to := idle.Post(at+"/get", "node", file.ID.String()).Want(303).Header.Get("Location")
		idle.Do("HEAD", to, nil).Want(200)
		used(1)
		s.Visitor().Post(at+"/get", "node", file.ID.String()).Want(404)
		s.Clock.Advance(25 * time.Hour)
		ann = ann.SignIn()
		used(0)
		idle.Get(to).Want(303) // its day is over: the way to the page
		v := s.Visitor()
		to = v.Post(at+"/get", "node", file.ID.String()).Want(303).Header.Get("Location")
		used(1)
		// Twice and a MiB, in whatever parts.
		var sent int
		for i := 0; ; i++ {
			from := (i % 3) << 20
			res := v.Do("GET", to, nil, "Range", fmt.Sprintf("bytes=%d-%d", from, from+1<<20-1))
			if res.Status == 429 {
				break
			}
			res.Want(206)
			if sent += len(res.Body); sent > 3*size {
				t.Fatal("a download sends without end")
			}
		}
		if sent != 2*size+1<<20 {
			t.Errorf("%d bytes were sent of a download of %d", sent, size)
		}
		v.Do("GET", to, nil).Want(429).holds("This download was sent twice already.")
		v.Post(at+"/get", "node", file.ID.String()).Want(404) // and there is no other one
		// That one copy: new content is another download.
		two := ann.linkTo(file, open(wire.NewLink{}))
		w := s.Visitor()
		first := w.Post("/l/"+path.Base(two.URL)+"/get", "node", file.ID.String()).Want(303).Header.Get("Location")
		ann.Do("PUT", "/nodes/"+file.ID.String()+"/content", []byte("new")).Want(200)
		if old := w.Get(first).Want(200); len(old.Body) != size {
			t.Errorf("the begun download has %d bytes of the new content", len(old.Body))
		}
		if second := w.Post("/l/"+path.Base(two.URL)+"/get", "node", file.ID.String()).Want(303).Header.Get("Location"); second == first || string(w.Get(second).Body) != "new" {
			t.Errorf("the new content comes by %s as %.20q", second, w.Get(second).Body)
		}

		// Of an empty file nothing is sent: its download is used and finished as it begins.
		empty := ann.linkTo(ann.file(folder, "empty", ""), open(wire.NewLink{DownloadsMax: wire.Some[int64](1), Notify: true}))
		e := s.Visitor()
		if got := e.Get(e.Post("/l/"+path.Base(empty.URL)+"/get", "node", empty.Node.ID.String()).Want(303).Header.Get("Location")).Want(200); len(got.Body) != 0 {
			t.Errorf("the empty file has %d bytes", len(got.Body))
		}
		e.Get("/l/" + path.Base(empty.URL)).holds("Downloaded.")
		s.eventsHold(empty.ID, "link.downloaded", "link.finished")
		s.Clock.Advance(25 * time.Hour)
		ann = ann.SignIn()
		s.Visitor().Post("/l/"+path.Base(empty.URL)+"/get", "node", empty.Node.ID.String()).Want(404)
		ann.Do("GET", "/links/"+empty.ID.String(), nil).Want(200).JSON(&empty)
		if empty.Downloads.Used != 1 {
			t.Errorf("the empty file counts %d downloads", empty.Downloads.Used)
		}

		look := ann.linkTo(folder, open(wire.NewLink{May: "view"}))
		looker := s.Visitor()
		looker.Get("/l/"+path.Base(look.URL)).Want(200).holds("a.bin", "The sender does not offer downloads.", "-", "Download all", `aria-label="Download`)
		looker.Post("/l/"+path.Base(look.URL)+"/get", "node", file.ID.String()).Want(404)

		// Forms of other sites' pages do nothing.
		for _, header := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Origin", "https://evil.example"}} {
			res := s.Visitor().Do("POST", "/l/"+path.Base(two.URL)+"/get", strings.NewReader("node="+file.ID.String()), append(header, "Content-Type", "application/x-www-form-urlencoded")...)
			if res.Status != 400 {
				t.Errorf("a form of another site is answered %d", res.Status)
			}
		}
	})
}

// TestVisitUploads: a visitor puts files into a folder, replaces nothing, and
// does nothing else; what they bring is the owner's, and counts in its room.
func TestVisitUploads(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, start func(Options) *Server) {
		s := start(Options{})
		ann, mia := s.Person("Ann"), s.Person("Mia")
		folder := ann.folder("Inbox")
		file := ann.file(folder, "a.txt", "content of Ann")
		var grant wire.Grant
		ann.Do("POST", "/nodes/"+folder.ID.String()+"/grants", wire.NewGrant{Email: mia.Email, Role: "manage"}).Want(201).JSON(&grant)
		l := mia.linkTo(folder, open(wire.NewLink{May: "upload"}))
		at := "/l/" + path.Base(l.URL)
		v := s.Visitor()
		v.Get(at).Want(200).holds("Add files to this folder")
		before := ann.Space().Used
		v.PostFiles(at+"/add/"+folder.ID.String(), "a.txt", "of a visitor", "../../b.txt", strings.Repeat("b", 5000)).Want(303)
		v.Get(at+"?sent=2").holds("Received. 2 files.", "a (2).txt", "b.txt")
		if got := string(ann.Do("GET", "/nodes/"+file.ID.String()+"/content", nil).Want(200).Body); got != "content of Ann" {
			t.Errorf("Ann's own file holds %q", got)
		}
		if grown := ann.Space().Used - before; grown != 5012 || ann.Space().Reserved != 0 {
			t.Errorf("the space has grown by %d bytes and reserves %d", grown, ann.Space().Reserved)
		}
		var list wire.List[wire.Node]
		ann.Do("GET", "/nodes/"+folder.ID.String()+"/children", nil).Want(200).JSON(&list)
		for _, n := range list.Items {
			if n.ID != file.ID && n.CreatedBy != nil {
				t.Errorf("%s is said to be made by %+v", n.Name, n.CreatedBy)
			}
		}
		v.PostFiles(at+"/add/"+file.ID.String(), "x.txt", "x").Want(404) // a file takes nothing in
		v.PostFiles(at+"/add/"+ann.Root().String(), "x.txt", "x").Want(404)
		// Mia may only look now: so may who comes by her link.
		ann.Do("PATCH", "/nodes/"+folder.ID.String()+"/grants/"+grant.ID.String(), wire.GrantPatch{Role: "view"}).Want(200)
		v.Get(at).Want(200).holds("a (2).txt")
		v.PostFiles(at+"/add/"+folder.ID.String(), "c.txt", "c").Want(404)
		// And nothing when she is gone.
		s.Owner.Do("DELETE", "/people/"+mia.Me.ID.String()+"?files=erase", nil).Want(204)
		v.Get(at).Want(404)
		var left wire.List[wire.Link]
		ann.Do("GET", "/nodes/"+folder.ID.String()+"/links", nil).Want(200).JSON(&left)
		if len(left.Items) != 1 || left.Items[0].State != "off" || strings.Join(left.Items[0].Warnings, " ") != "maker_left" {
			t.Errorf("a link whose maker is gone is told as %+v", left.Items)
		}
	})
}

// TestVisitCut: a download by a link that is turned off ends within five
// seconds, however slowly it goes.
func TestVisitCut(t *testing.T) {
	t.Parallel()
	s := New(t, Options{})
	ann := s.Person("Ann")
	file := ann.file(ann.folder("Closing"), "a.bin", strings.Repeat("x", 64<<20))
	l := ann.linkTo(file, open(wire.NewLink{}))
	v := s.Visitor()
	to := v.Post("/l/"+path.Base(l.URL)+"/get", "node", file.ID.String()).Want(303).Header.Get("Location")
	res, err := v.Send("GET", to, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.CopyN(io.Discard, res.Body, 1<<20); err != nil {
		t.Fatal(err)
	}
	yes := true
	ann.Do("PATCH", "/links/"+l.ID.String(), wire.LinkPatch{Off: &yes}).Want(200)
	began := time.Now()
	for { // what lies in the buffers of the line still comes
		if _, err := io.CopyN(io.Discard, res.Body, 64<<10); err != nil {
			if err == io.EOF {
				t.Error("the whole file came")
			}
			break
		}
		<-time.After(20 * time.Millisecond) // a slow reader
		if time.Since(began) > 20*time.Second {
			t.Fatal("the download goes on")
		}
	}
}
