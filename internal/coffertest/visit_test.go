package coffertest

import (
	"archive/zip"
	"bytes"
	"fmt"
	"html"
	"io"
	"net/http"
	"path"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"coffer"
	"coffer/internal/db"
	"coffer/internal/wire"
)

// open is a link that asks for no password.
func open(n wire.NewLink) wire.NewLink {
	n.Password = wire.None[string]()
	return n
}

// holds fails the test unless a page shows all of these, and none of those after
// "-".
func (r *Response) holds(texts ...string) *Response {
	r.t.Helper()
	page, want := html.UnescapeString(string(r.Body)), true
	for _, text := range texts {
		if text == "-" {
			want = false
			continue
		}
		if strings.Contains(page, text) != want {
			r.t.Errorf("%s: holds %q is %v\n%.3000s", r.what, text, !want, page)
		}
	}
	return r
}

// pageHeaders are what every page of outsiders carries.
func (r *Response) pageHeaders() *Response {
	r.t.Helper()
	csp := r.Header.Get("Content-Security-Policy")
	if strings.Contains(csp, "script") || !strings.HasPrefix(csp, "default-src 'none'; ") || r.Header.Get("Referrer-Policy") != "same-origin" ||
		!strings.Contains(r.Header.Get("X-Robots-Tag"), "noindex") || r.Header.Get("Cache-Control") != "no-store" {
		r.t.Errorf("%s: headers %v", r.what, r.Header)
	}
	if bytes.Contains(bytes.ToLower(r.Body), []byte("<script")) || bytes.Contains(r.Body, []byte(" style=")) || bytes.Contains(r.Body, []byte(`="http`)) {
		r.t.Errorf("%s: the page has a script, a style or another host", r.what)
	}
	return r
}

// TestVisit is the story of Maria, who has a link and no account.
func TestVisit(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, start func(Options) *Server) {
		s := start(Options{})
		ann := s.Person("Ann")
		private := ann.folder("private")
		ann.file(private, "secret.txt", "secret content")
		folder := ann.Do("POST", "/nodes/"+private.ID.String()+"/folders", wire.NewFolder{Name: "Closing & more"}).Want(201).Node()
		inner := ann.Do("POST", "/nodes/"+folder.ID.String()+"/folders", wire.NewFolder{Name: "Annexes"}).Want(201).Node()
		a := ann.file(folder, "a.txt", "content of a <b>")
		ann.file(inner, "k.txt", "annex k")
		l := ann.linkTo(folder, wire.NewLink{Name: "For Maria", Message: "Dear Maria,\nread it. https://evil.example", DownloadsMax: wire.Some(int64(3)), Notify: true})
		at := "/l/" + path.Base(l.URL)

		// Nothing is named before the password.
		v := s.Visitor()
		lock := v.Get(at).Want(200).pageHeaders()
		lock.holds("Files from Test & Sons", "Type the password you got from the sender.", "-", "Closing", "Ann", "a.txt", "Maria", private.ID.String(), folder.ID.String())
		for _, below := range []string{"/in/" + inner.ID.String(), "/see/" + a.ID.String(), "/picture/" + a.ID.String(), "/sums", "/report", "/file/" + a.ID.String() + "/x"} {
			v.Get(at+below).Want(200).holds("Type the password", "-", "a.txt", "Closing", "annex")
		}
		v.Post(at+"/get", "node", a.ID.String()).Want(200).holds("Type the password")
		v.Post(at+"/open", "password", "wrong one").Want(403).pageHeaders().holds("That password is not right. Check capitals, or ask the sender. 4 tries left.", "-", "wrong one", "a.txt")
		v.Post(at+"/open", "password", l.Password).Want(303)
		if v.Cookie == "" {
			t.Fatal("no cookie came with the right password")
		}
		front := v.Get(at).Want(200).pageHeaders()
		front.holds("Ann", "shared 2 files with you", "Confirmed member of Test & Sons", "Closing & more", "Dear Maria,", "3 of 3", "and its password", "Annexes", "a.txt", "Download all, 23 bytes",
			"-", "private", "secret", "For Maria", private.ID.String(), l.ID.String(), "<a href=\"https://evil")
		s.Visitor().Get(at).holds("Type the password") // another browser
		below := v.Get(at + "/in/" + inner.ID.String()).Want(200).pageHeaders()
		below.holds("k.txt", "Closing & more", "Annexes", "-", "private", "a.txt")
		v.Get(at+"/see/"+a.ID.String()).Want(200).pageHeaders().holds("content of a <b>", "Download, 16 bytes")
		v.Get(at+"/sums").Want(200).pageHeaders().holds(a.SHA256, "a.txt", "-", "secret")
		// What is not below the link is not there.
		for _, id := range []coffer.ID{private.ID, ann.Root(), coffer.NewID()} {
			for _, below := range []string{"/in/", "/see/", "/picture/", "/sums/"} {
				v.Get(at+below+id.String()).Want(404).holds("This link does not work any more.", "-", "secret", "private")
			}
			v.Post(at+"/get", "node", id.String()).Want(404)
			v.PostFiles(at+"/add/"+id.String(), "x.txt", "x").Want(404)
		}
		v.PostFiles(at+"/add/"+folder.ID.String(), "x.txt", "x").Want(404) // it is no link to upload

		// A download: one press, then as often as two whole copies are.
		taken := func(want int64) {
			t.Helper()
			var now wire.Link
			ann.Do("GET", "/links/"+l.ID.String(), nil).Want(200).JSON(&now)
			if now.Downloads.Used != want {
				t.Errorf("%d downloads are used, want %d", now.Downloads.Used, want)
			}
		}
		taken(0)
		to := v.Post(at+"/get", "node", a.ID.String()).Want(303).Header.Get("Location")
		taken(1)
		got := v.Do("GET", to, nil).Want(200)
		if string(got.Body) != "content of a <b>" || !strings.HasPrefix(got.Header.Get("Content-Disposition"), "attachment") || got.Header.Get("Content-Security-Policy") != "sandbox; default-src 'none'" {
			t.Errorf("the file came as %q, %v", got.Body, got.Header)
		}
		if part := v.Do("GET", to, nil, "Range", "bytes=11-").Want(206); string(part.Body) != "a <b>" {
			t.Errorf("the rest is %q", part.Body)
		}
		v.Do("HEAD", to, nil).Want(200)
		if again := v.Post(at+"/get", "node", a.ID.String()).Want(303).Header.Get("Location"); again != to {
			t.Errorf("pressed again it is another download: %s, then %s", to, again)
		}
		taken(1)
		if there := s.Visitor().Do("GET", to, nil); there.Status != 200 || !strings.Contains(string(there.Body), "Type the password") {
			t.Errorf("another browser gets %d %.100s for the address of a download", there.Status, there.Body)
		}
		all := v.Do("GET", v.Post(at+"/get", "node", folder.ID.String()).Want(303).Header.Get("Location"), nil).Want(200)
		z, err := zip.NewReader(bytes.NewReader(all.Body), int64(len(all.Body)))
		if err != nil || len(z.File) != 4 {
			t.Errorf("the ZIP has %v, %v", z, err)
		}
		taken(2)
		v.Get(at).holds("This is the last download.", "Downloaded.")
		v.Post(at+"/report", "reason", "", "email", "").Want(422).holds("Say in up to 2,000 letters what is wrong.")
		v.Post(at+"/report", "reason", "it is spam", "email", "maria@example.com").Want(200).holds("Thank you. Test & Sons has been told.")
		told := s.Mails.Wait(t, s.Owner.Email, 1)
		if !strings.Contains(told.Text, "it is spam") || !strings.Contains(told.Text, l.ID.String()) || strings.Contains(told.Text+told.HTML, path.Base(l.URL)) || strings.Contains(told.Text, "Closing") {
			t.Errorf("the administrator is told %s", told.Text)
		}

		// Off at once, also where a page is open; a new password ends the visit, too.
		yes, no := true, false
		ann.Do("PATCH", "/links/"+l.ID.String(), wire.LinkPatch{Off: &yes}).Want(200)
		v.Get(at).Want(404).pageHeaders()
		v.Do("GET", to, nil).Want(404)
		ann.Do("PATCH", "/links/"+l.ID.String(), wire.LinkPatch{Off: &no}).Want(200)
		v.Get(at).holds("Type the password")
		v.Post(at+"/open", "password", l.Password).Want(303)
		ann.Do("PATCH", "/links/"+l.ID.String(), wire.LinkPatch{Password: wire.Some("another password")}).Want(200)
		v.Post(at+"/open", "password", l.Password).Want(403)
		v.Post(at+"/open", "password", "another password").Want(303)
		v.Get(at).Want(200).holds("a.txt")

		var now wire.Link
		ann.Do("GET", "/links/"+l.ID.String(), nil).Want(200).JSON(&now)
		if now.Opened.Count != 1 || now.Opened.Networks != 1 || now.Opened.LastAt == nil {
			t.Errorf("opened %+v, want once", now.Opened)
		}
		for _, secret := range []string{path.Base(l.URL), l.Password, "another password", v.Cookie, "wrong one"} {
			if strings.Contains(s.Log.String(), secret) {
				t.Errorf("the log holds %q", secret)
			}
		}
		s.eventsHold(l.ID, "link.made", "link.opened", "link.downloaded", "link.refused", "link.reported", "link.turned_off", "link.turned_on", "link.changed").
			without(path.Base(l.URL), l.Password, "another password", v.Cookie, "wrong one")
	})
}

// TestVisitEndings: ended, turned off, used up, trashed, its maker gone, never
// been: one page, byte by byte, with one status.
func TestVisitEndings(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, start func(Options) *Server) {
		s := start(Options{})
		ann, mia := s.Person("Ann"), s.Person("Mia")
		folder := ann.folder("Closing")
		file := ann.file(folder, "a.txt", "content")
		gone := ann.file(folder, "gone.txt", "content")
		var grant wire.Grant
		ann.Do("POST", "/nodes/"+folder.ID.String()+"/grants", wire.NewGrant{Email: mia.Email, Role: "manage"}).Want(201).JSON(&grant)
		yes := true
		links := map[string]wire.Link{
			"ended":       ann.linkTo(file, open(wire.NewLink{EndsAt: wire.Some(s.Clock.Now().Add(time.Minute).UnixMilli())})),
			"ended, lock": ann.linkTo(file, wire.NewLink{EndsAt: wire.Some(s.Clock.Now().Add(time.Minute).UnixMilli())}),
			"off":         ann.linkTo(file, open(wire.NewLink{})),
			"used up":     ann.linkTo(file, open(wire.NewLink{DownloadsMax: wire.Some(int64(1))})),
			"deleted":     ann.linkTo(file, open(wire.NewLink{})),
			"trashed":     ann.linkTo(gone, open(wire.NewLink{})),
			"not allowed": mia.linkTo(file, open(wire.NewLink{})),
		}
		for why, l := range links {
			if why != "ended, lock" {
				s.Visitor().Get("/l/" + path.Base(l.URL)).Want(200).holds(l.Node.Name)
			}
		}
		s.Clock.Advance(2 * time.Minute)
		ann.Do("PATCH", "/links/"+links["off"].ID.String(), wire.LinkPatch{Off: &yes}).Want(200)
		first := s.Visitor()
		to := first.Post("/l/"+path.Base(links["used up"].URL)+"/get", "node", file.ID.String()).Want(303).Header.Get("Location")
		first.Do("GET", to, nil).Want(200)
		ann.Do("DELETE", "/links/"+links["deleted"].ID.String(), nil).Want(204)
		ann.Do("DELETE", "/nodes/"+gone.ID.String(), nil).Want(204)
		ann.Do("DELETE", "/nodes/"+folder.ID.String()+"/grants/"+grant.ID.String(), nil).Want(204)

		never := "/l/" + strings.Repeat("0", 26)
		want := s.Visitor().Get(never).Want(404).pageHeaders()
		want.holds("This link does not work any more.", "It may have ended, been turned off, or been copied incompletely. Ask the sender for a new one.")
		same := func(what string, got *Response) {
			t.Helper()
			for _, h := range []http.Header{got.Header, want.Header} {
				h.Del("Date")
				h.Del("X-Request-Id")
			}
			if got.Status != want.Status || !bytes.Equal(got.Body, want.Body) || fmt.Sprint(got.Header) != fmt.Sprint(want.Header) {
				t.Errorf("%s is told from one that never was: %d %v\n%.500s", what, got.Status, got.Header, got.Body)
			}
		}
		for why, l := range links {
			at := "/l/" + path.Base(l.URL)
			same(why, s.Visitor().Get(at))
			same(why+", below", s.Visitor().Get(at+"/in/"+folder.ID.String()))
			same(why+", with a password", s.Visitor().Post(at+"/open", "password", "guess of a password"))
			same(why+", a download", s.Visitor().Post(at+"/get", "node", file.ID.String()))
			same(why+", its download", s.Visitor().Get(at+"/file/"+file.ID.String()+"/a.txt"))
		}
		for _, at := range []string{"/l/", "/l/x", "/l/" + strings.ToUpper(strings.Repeat("a", 26)), never + "/", never + "/nothing", "/l/%00", "/l/" + strings.Repeat("z", 5000)} {
			same(at, s.Visitor().Get(at))
		}
		// Who has begun the one download goes on with it, and sees the page.
		first.Get("/l/"+path.Base(links["used up"].URL)).Want(200).holds("The downloads are used up.", "Again")
		first.Do("GET", to, nil, "Range", "bytes=2-").Want(206)
		s.Clock.Advance(25 * time.Hour)
		same("a used up link, a day later", first.Get("/l/"+path.Base(links["used up"].URL)))
	})
}

// TestOneDownload: of 50 clients who press at the same moment, and of others who
// only look, exactly one gets the file.
func TestOneDownload(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, start func(Options) *Server) {
		s := start(Options{})
		ann := s.Person("Ann")
		folder := ann.folder("Closing")
		file := ann.file(folder, "a.txt", strings.Repeat("content ", 1000))
		l := ann.linkTo(file, open(wire.NewLink{DownloadsMax: wire.Some(int64(1))}))
		at := "/l/" + path.Base(l.URL)
		// A scanner of mail opens everything that can be opened, and presses nothing.
		for range 3 {
			scanner := s.Visitor()
			for _, method := range []string{"GET", "HEAD"} {
				for _, below := range []string{"", "/see/" + file.ID.String(), "/sums", "/report", "/get", "/picture/" + file.ID.String(), "/file/" + file.ID.String() + "/a.txt"} {
					scanner.Do(method, at+below, nil)
				}
			}
		}
		servers := []*Server{s}
		if s.again != nil && s.DB.Engine() == db.Postgres {
			servers = append(servers, s.Beside())
		}
		var files, begun atomic.Int64
		var group sync.WaitGroup
		for i := range 50 {
			group.Go(func() {
				v := servers[i%len(servers)].Visitor()
				res, err := v.Send("POST", at+"/get", strings.NewReader("node="+file.ID.String()), "Content-Type", "application/x-www-form-urlencoded")
				if err != nil {
					t.Error(err)
					return
				}
				res.Body.Close()
				if res.StatusCode != 303 {
					if res.StatusCode != 404 {
						t.Errorf("a press is answered %d", res.StatusCode)
					}
					return
				}
				begun.Add(1)
				got, err := v.Send("GET", res.Header.Get("Location"), nil)
				if err != nil {
					t.Error(err)
					return
				}
				defer got.Body.Close()
				b, err := io.ReadAll(got.Body)
				if err == nil && got.StatusCode == 200 && int64(len(b)) == file.Size {
					files.Add(1)
				}
			})
		}
		group.Wait()
		if begun.Load() != 1 || files.Load() != 1 {
			t.Errorf("%d began a download and %d have the file, want one", begun.Load(), files.Load())
		}
		var now wire.Link
		ann.Do("GET", "/links/"+l.ID.String(), nil).Want(200).JSON(&now)
		if now.Downloads.Used != 1 || now.State != "used_up" {
			t.Errorf("the link is %+v", now)
		}
	})
}
