package coffertest

import (
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"coffer"
	"coffer/internal/mail"
	"coffer/internal/wire"
)

// sends posts the form of a file request: who sends, then names and contents of
// files in turn.
func (v *Visitor) sends(address, name, email string, files ...string) *Response {
	v.S.T.Helper()
	res, err := v.trySend(address, name, email, files...)
	if err != nil {
		v.S.T.Fatal(err)
	}
	return res
}

func (v *Visitor) trySend(address, name, email string, files ...string) (*Response, error) {
	body, to := io.Pipe() // as a browser does: nobody knows how long each file is
	form := multipart.NewWriter(to)
	go func() {
		err := form.WriteField("name", name)
		if err == nil && email != "" {
			err = form.WriteField("email", email)
		}
		for i := 0; i < len(files) && err == nil; i += 2 {
			var w io.Writer
			if w, err = form.CreateFormFile("files", files[i]); err == nil {
				_, err = io.WriteString(w, files[i+1])
			}
		}
		if err == nil {
			err = form.Close()
		}
		to.CloseWithError(err)
	}()
	res, err := v.Send("POST", address, body, "Content-Type", form.FormDataContentType(), "Sec-Fetch-Site", "same-origin")
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return &Response{t: v.S.T, what: "a sender: POST " + address, Status: res.StatusCode, Header: res.Header, Body: text}, err
}

// below lists the paths of all files below a folder.
func (p *Person) below(folder coffer.ID, at string) (all []string) {
	p.S.T.Helper()
	var l wire.List[wire.Node]
	p.Do("GET", "/nodes/"+folder.String()+"/children?limit=10000", nil).Want(200).JSON(&l)
	for _, n := range l.Items {
		if n.Kind == "folder" {
			all = append(all, p.below(n.ID, at+n.Name+"/")...)
		} else {
			all = append(all, at+n.Name)
		}
	}
	return all
}

// TestRequestStory: Ann asks, Maria sends by the page and by tus, Ann gets it all
// and is told; nobody else learns of anything.
func TestRequestStory(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(Options) *Server) {
		s := open(Options{})
		ann := s.Person("Ann")
		folder := ann.folder("Sale-canary")
		ann.file(folder, "canary.txt", "mine")
		ann.Do("POST", "/nodes/"+folder.ID.String()+"/folders", wire.NewFolder{Name: "Maria Lindqvist"}).Want(201)
		r := ann.asks(folder, wire.NewFileRequest{Title: "Papers for the sale", Note: "By Friday, <b>please</b>.", Types: []string{"pdf", "text"}, MaxBytes: wire.Some(int64(3_000_000))})
		secrets := []string{"canary", folder.ID.String(), ann.Email, ann.Space().ID.String()}
		maria := s.Visitor()
		hides := func(res *Response) *Response {
			t.Helper()
			for _, secret := range secrets {
				if strings.Contains(string(res.Body)+fmt.Sprint(res.Header), secret) {
					t.Errorf("%s: the answer holds %q: %s", res.what, secret, res.Body)
				}
			}
			return res
		}

		page := hides(maria.Get(r.URL).Want(200).pageHeaders())
		page.holds("<bdi>Ann</bdi></b> asks you for files", "Papers for the sale", "By Friday, <b>please</b>.", "Up to 3.0 MB each. PDF or text.", "You cannot see what others sent.", "-", "Sale")
		if !strings.Contains(string(page.Body), "&lt;b&gt;") {
			t.Error("the note is not escaped")
		}
		big := "%PDF-1.7\n" + strings.Repeat("x", 2_500_000)
		sent := hides(maria.sends(r.URL, "Maria Lindqvist", "Maria@Lindqvist.example", "Deed.pdf", big, "note.txt", "a note", "Deed.pdf", "%PDF-1.7\nother")).Want(303)
		receipt := sent.Header.Get("Location")
		hides(maria.Get(receipt).Want(200).pageHeaders()).holds("Received.", "3 files, 2.5 MB", "Reference", "The receipt goes to your e-mail address.", "Send more", "-", "Maria", "Deed")
		want := []string{"Maria Lindqvist (2)/Deed (2).pdf", "Maria Lindqvist (2)/Deed.pdf", "Maria Lindqvist (2)/note.txt", "canary.txt"}
		if got := ann.below(folder.ID, ""); strings.Join(got, "\n") != strings.Join(sorted(want), "\n") {
			t.Errorf("there is %q", got)
		}
		// She may say that something is wrong with it, and reads no more than before.
		maria.Get(r.URL).holds("/report\">Report this request")
		hides(maria.Get(r.URL+"/report").Want(200).pageHeaders()).holds("Report this request", "Back to the request")
		hides(maria.Post(r.URL+"/report", "reason", " ", "email", "").Want(422)).holds("Say in up to 2,000 letters what is wrong.")
		hides(maria.Post(r.URL+"/report", "reason", "she is not a lawyer", "email", "").Want(200)).holds("Thank you. Test & Sons has been told.")
		told := s.letter(s.Owner.Email, "Somebody reports a file request of Ann")
		if !strings.Contains(told.Text, "she is not a lawyer") || !strings.Contains(told.Text, r.ID.String()) || strings.Contains(told.Text+told.HTML, path.Base(r.URL)) || strings.Contains(told.Text, "Sale") {
			t.Errorf("the administrator is told %s", told.Text)
		}
		s.eventsHold(r.ID, "request.made", "request.reported")
		for range 5 {
			maria.Post(r.URL+"/report", "reason", "again", "email", "")
		}
		maria.Post(r.URL+"/report", "reason", "again", "email", "").Want(429).holds("Too many tries")

		s.Clock.Advance(2 * time.Minute)
		news := s.letter(ann.Email, "Received: 3 files from Maria Lindqvist")
		mine := s.letter("maria@lindqvist.example", "Received: 3 files")
		if !strings.Contains(news.Text, "maria@lindqvist.example") || !strings.Contains(news.Text, "Papers for the sale") || !strings.Contains(news.Text, s.URL+"/files/") {
			t.Errorf("Ann is told: %s", news.Text)
		}
		for _, secret := range append(secrets, "Deed", "Lindqvist ", "Papers", path.Base(r.URL)) {
			if strings.Contains(mine.Text+mine.HTML+mine.Subject, secret) {
				t.Errorf("the receipt holds %q: %s", secret, mine.Text)
			}
		}

		// What is refused keeps nobody else out, and is said in one sentence.
		hides(maria.sends(r.URL, "Maria Lindqvist", "maria@lindqvist.example", "Scan.exe", "MZ", "more.txt", "more", "Film.pdf", "%PDF-1.7\n"+strings.Repeat("x", 3_000_000), "page.pdf", "<!doctype html><html>"+strings.Repeat(" ", 50))).Want(422).pageHeaders().
			holds("There is a problem", "“Scan.exe” is not accepted. Send PDF or text.", "“Film.pdf” is too large. The limit is 3.0 MB.", "“page.pdf” is not accepted.", "1 file arrived all the same.", `value="Maria Lindqvist"`, `value="maria@lindqvist.example"`)
		hides(maria.sends(r.URL, " ", "maria@", "a.txt", "a")).Want(422).holds("Type your name", `href="#name"`)
		hides(maria.sends(r.URL, "Maria", "maria@", "a.txt", "a")).Want(422).holds("Type an e-mail address")
		hides(maria.sends(r.URL, "Maria", "maria@lindqvist.example")).Want(422).holds("Choose at least one file.")
		maria.Do("POST", r.URL, strings.NewReader("name=Maria"), "Content-Type", "application/x-www-form-urlencoded").Want(400)
		maria.Header["Sec-Fetch-Site"] = "cross-site"
		maria.Do("POST", r.URL, strings.NewReader("x"), "Content-Type", "multipart/form-data; boundary=x").Want(400)
		delete(maria.Header, "Sec-Fetch-Site")

		// In pieces, as a program does that may be cut off.
		begun := hides(maria.tus("POST", r.URL+"/uploads", "", "Upload-Length", "100", "Upload-Metadata", metadata("filename", "Deed.pdf", "sender", "Maria Lindqvist", "email", "maria@lindqvist.example", "parent", ann.Root().String()))).Want(201)
		at := begun.Header.Get("Location")
		if !strings.HasPrefix(at, r.URL+"/uploads/") {
			t.Fatalf("the upload lies at %s", at)
		}
		pdf := "%PDF-1.7\n" + strings.Repeat("y", 91)
		hides(maria.tus("PATCH", at, pdf[:40], "Upload-Offset", "0")).Want(204)
		if got := hides(maria.tus("HEAD", at, "")).Want(200).Header.Get("Upload-Offset"); got != "40" {
			t.Errorf("it stands at %s", got)
		}
		last := hides(maria.tus("PATCH", at, pdf[40:], "Upload-Offset", "40")).Want(204)
		again := hides(maria.tus("HEAD", at, "")).Want(200)
		for _, res := range []*Response{last, again} {
			if res.Header.Get("Coffer-Node")+res.Header.Get("Coffer-Version") != "" {
				t.Errorf("%s tells what became of it: %v", res.what, res.Header)
			}
		}
		if got := ann.below(folder.ID, ""); len(got) != 6 || !strings.Contains(strings.Join(got, "\n"), "Maria Lindqvist (2)/Deed (3).pdf") {
			t.Errorf("there is %q", got)
		}
		s.Clock.Advance(5 * time.Minute)
		if err := s.Files().CloseDeliveries(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.Clock.Advance(20 * time.Minute)
		both := s.letter(ann.Email, "2 notices from Test & Sons files")
		if strings.Count(both.Text, "Maria Lindqvist (maria@lindqvist.example) sent you 1 file") != 2 {
			t.Errorf("Ann is told: %s", both.Text)
		}
		maria.tus("POST", r.URL+"/uploads", "", "Upload-Length", "5", "Upload-Metadata", metadata("filename", "x.exe", "sender", "Maria", "email", "m@example.com")).Problem(422, "type_refused")
		maria.tus("POST", r.URL+"/uploads", "", "Upload-Length", "5000000", "Upload-Metadata", metadata("filename", "x.pdf", "sender", "Maria", "email", "m@example.com")).Problem(413, "too_large")
		maria.tus("POST", r.URL+"/uploads", "", "Upload-Length", "5", "Upload-Metadata", metadata("filename", "x.pdf")).Problem(422, "name_missing")
		maria.tus("POST", r.URL+"/uploads", "", "Upload-Defer-Length", "1", "Upload-Metadata", metadata("filename", "x.pdf", "sender", "M", "email", "m@example.com")).Problem(422, "invalid")
		maria.tus("POST", r.URL+"/uploads", "", "Upload-Length", "5", "Upload-Concat", "partial", "Upload-Metadata", metadata("filename", "x.pdf", "sender", "M", "email", "m@example.com")).Problem(422, "invalid")
		if ext := maria.tus("OPTIONS", r.URL+"/uploads", "").Header.Get("Tus-Extension"); strings.Contains(ext, "concat") || strings.Contains(ext, "defer") || !strings.Contains(ext, "creation") {
			t.Errorf("extensions %s", ext)
		}
		// Two proofs do not help, and the doors of people do not know this one.
		ann.Do("HEAD", "/uploads/"+path.Base(at), nil, "Tus-Resumable", "1.0.0").Want(404)
		ann.Do("GET", "/nodes/"+folder.ID.String(), nil, "Cookie", "__Secure-link=x").Want(200)

		var now wire.FileRequest
		ann.Do("GET", "/requests/"+r.ID.String(), nil).Want(200).JSON(&now)
		if now.Received.Files != 5 || now.Received.LastAt == nil {
			t.Errorf("received %+v", now.Received)
		}
		s.eventsHold(r.ID, "request.made")
		if log := s.Log.String(); strings.Contains(log, path.Base(r.URL)) {
			t.Error("the log holds the address")
		}
	})
}

// tus makes one request of the protocol.
func (v *Visitor) tus(method, address, body string, header ...string) *Response {
	v.S.T.Helper()
	header = append(header, "Tus-Resumable", "1.0.0")
	if method == "PATCH" {
		header = append(header, "Content-Type", "application/offset+octet-stream")
	}
	return v.Do(method, address, strings.NewReader(body), header...)
}

// TestRequestOver: ended, full, off, removed, locked out, its maker gone, and
// never there look the same, at every address below it.
func TestRequestOver(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(Options) *Server) {
		s := open(Options{})
		ann, mia := s.Person("Ann"), s.Person("Mia")
		folder := ann.folder("Sale")
		var g wire.Grant
		ann.Do("POST", "/nodes/"+folder.ID.String()+"/grants", wire.NewGrant{Email: mia.Email, Role: "manage"}).Want(201).JSON(&g)
		no, yes := false, true
		visitor := s.Visitor()
		never := visitor.Get("/r/" + strings.Repeat("0", 26)).Want(404).pageHeaders().holds("This request has ended.")
		same := func(what, address string) {
			t.Helper()
			for _, at := range []string{address, "/r/short", "/r/", address + "/received/" + coffer.RandomID().String()} {
				got := visitor.Get(at).Want(404)
				if string(got.Body) != string(never.Body) || fmt.Sprint(keys(got.Header)) != fmt.Sprint(keys(never.Header)) {
					t.Errorf("%s: %s looks different: %s", what, at, got.Body)
				}
			}
			visitor.Post(address+"/open", "password", "a good password").Want(404)
			visitor.sends(address, "Maria", "", "a.txt", "a").Want(404)
			visitor.tus("POST", address+"/uploads", "", "Upload-Length", "5", "Upload-Metadata", metadata("filename", "x", "sender", "M")).Problem(404, "not_found")
		}
		make := func(p *Person) wire.FileRequest {
			return p.asks(folder, wire.NewFileRequest{Title: "Papers", AskEmail: &no, Subfolders: &no})
		}
		off := make(ann)
		ann.Do("PATCH", "/requests/"+off.ID.String(), wire.FileRequestPatch{Off: &yes}).Want(200)
		same("off", off.URL)
		gone := make(ann)
		ann.Do("DELETE", "/requests/"+gone.ID.String(), nil).Want(204)
		same("removed", gone.URL)
		hers := make(mia)
		ann.Do("PATCH", "/nodes/"+folder.ID.String()+"/grants/"+g.ID.String(), wire.GrantPatch{Role: "edit"}).Want(200)
		same("its maker may not share any more", hers.URL)
		ann.Do("PATCH", "/nodes/"+folder.ID.String()+"/grants/"+g.ID.String(), wire.GrantPatch{Role: "manage"}).Want(200)
		visitor.Get(hers.URL).Want(200)
		if err := s.Accounts().SetDisabled(t.Context(), coffer.SystemPrincipal("test"), mia.Email, true); err != nil {
			t.Fatal(err)
		}
		same("its maker is disabled", hers.URL)
		full := ann.asks(folder, wire.NewFileRequest{Title: "One", MaxFiles: wire.Some(int64(1)), AskEmail: &no, Subfolders: &no})
		visitor.Get(full.URL).Want(200).holds("1 more file in all.")
		sent := visitor.sends(full.URL, "Maria", "", "a.txt", "a", "b.txt", "b").Want(303).Header.Get("Location")
		visitor.Get(sent).Want(200).holds("1 file, 1 byte", "takes no more files", "E-mail me this receipt", "-", "Send more")
		if got := visitor.Get(full.URL).Want(404); string(got.Body) != string(never.Body) {
			t.Errorf("full looks different: %s", got.Body)
		}
		visitor.Post(sent, "email", "maria@").Want(422).holds("Type an e-mail address")
		visitor.Post(sent, "email", "maria@lindqvist.example").Want(303)
		visitor.Post(sent, "email", "otto@example.com").Want(200).holds("The receipt goes to your e-mail address.")
		s.letter("maria@lindqvist.example", "Received: 1 file")
		ended := make(ann)
		s.Clock.Advance(15 * 24 * time.Hour)
		same("ended", ended.URL)
		if got := ann.SignIn().below(folder.ID, ""); strings.Join(got, " ") != "a.txt" {
			t.Errorf("there is %q", got)
		}
	})
}

func sorted(list []string) []string {
	slices.Sort(list)
	return list
}

// letter waits for a letter to somebody with this subject.
func (s *Server) letter(to, subject string) mail.Message {
	s.T.Helper()
	for n := 1; ; n++ {
		if m := s.Mails.Wait(s.T, to, n); m.Subject == subject {
			return m
		}
	}
}

func keys(h http.Header) (all []string) {
	for k := range h {
		all = append(all, k)
	}
	return sorted(all)
}

// TestRequestPassword: nothing before it, few tries, and over with it.
func TestRequestPassword(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(Options) *Server) {
		s := open(Options{})
		ann := s.Person("Ann")
		no := false
		r := ann.asks(ann.folder("Sale"), wire.NewFileRequest{Title: "Papers-canary", Note: "canary", Password: wire.Some("a good password"), AskEmail: &no})
		maria := s.Visitor()
		locked := func(what string) {
			t.Helper()
			maria.Get(r.URL).Want(200).pageHeaders().holds("A request for files", "Type the password", "-", "canary", "Ann")
			maria.sends(r.URL, "Maria", "", "a.txt", "a").Want(200).holds("Type the password")
			maria.tus("POST", r.URL+"/uploads", "", "Upload-Length", "5", "Upload-Metadata", metadata("filename", "x", "sender", "M")).Problem(403, "password_needed")
			var now wire.FileRequest
			ann.Do("GET", "/requests/"+r.ID.String(), nil).Want(200).JSON(&now)
			if now.Received.Files > 1 {
				t.Errorf("%s: something came", what)
			}
		}
		locked("at first")
		maria.Post(r.URL+"/open", "password", "not the password").Want(403).holds("That password is not right.", "4 tries left.")
		res := maria.Post(r.URL+"/open", "password", "a good password").Want(303)
		if c := res.Header.Get("Set-Cookie"); !strings.Contains(c, "Path=/r/"+path.Base(r.URL)) || !strings.Contains(c, "Secure") || !strings.Contains(c, "HttpOnly") {
			t.Errorf("the cookie is %s", c)
		}
		maria.Get(r.URL).Want(200).holds("Papers-canary", "asks you for files")
		maria.sends(r.URL, "Maria", "", "a.txt", "a").Want(303)
		other := ann.asks(ann.folder("Other"), wire.NewFileRequest{Title: "Other", Password: wire.Some("another password")})
		maria.Get(other.URL).Want(200).holds("Type the password") // one cookie opens one request
		ann.Do("PATCH", "/requests/"+r.ID.String(), wire.FileRequestPatch{Password: wire.Some("a new password")}).Want(200)
		locked("after another password")
		for range 5 {
			maria.Post(r.URL+"/open", "password", "not the password").Want(403)
		}
		maria.Post(r.URL+"/open", "password", "a new password").Want(429).holds("Too many tries. Wait 10 minutes.")
		s.Clock.Advance(11 * time.Minute)
		maria.Post(r.URL+"/open", "password", "a new password").Want(303)
		maria.Get(r.URL).Want(200).holds("Papers-canary")
		s.Clock.Advance(13 * time.Hour)
		maria.Get(r.URL).Want(200).holds("Type the password")
		s.eventsHold(r.ID, "request.refused").without("not the password", "a good password")
	})
}

// TestRequestSenders: of many senders at once through the page, on two servers
// where the database takes two, exactly as many files get in as may.
func TestRequestSenders(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(Options) *Server) {
		s := open(Options{})
		servers := []*Server{s}
		if strings.HasSuffix(t.Name(), "postgres") {
			servers = append(servers, s.Beside())
		}
		ann := s.Person("Ann")
		no := false
		folder := ann.folder("Sale")
		r := ann.asks(folder, wire.NewFileRequest{Title: "Papers", MaxFiles: wire.Some(int64(9)), AskEmail: &no})
		var all sync.WaitGroup
		var mu sync.Mutex
		got := map[int]int{}
		for i := range 50 {
			at := servers[i%len(servers)]
			all.Go(func() {
				res, err := at.Visitor().trySend(at.URL+"/r/"+path.Base(r.URL), fmt.Sprint("Sender ", i%7), "", "same.txt", fmt.Sprint("from ", i))
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					t.Error(err)
					return
				}
				got[res.Status]++
			})
		}
		all.Wait()
		files := ann.below(folder.ID, "")
		if got[303] != 9 || got[303]+got[422]+got[404] != 50 || len(files) != 9 {
			t.Errorf("answers %v, files %q", got, files)
		}
		var now wire.FileRequest
		ann.Do("GET", "/requests/"+r.ID.String(), nil).Want(200).JSON(&now)
		if now.State != "full" || now.Received.Files != 9 {
			t.Errorf("it is %s with %d", now.State, now.Received.Files)
		}
	})
}

// TestRequestRoom: who sends learns that there is no room, not how much there is.
func TestRequestRoom(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(Options) *Server) {
		s := open(Options{})
		ann := s.Person("Ann")
		folder := ann.folder("Sale")
		no, quota := false, int64(12345)
		r := ann.asks(folder, wire.NewFileRequest{Title: "Papers", AskEmail: &no, Subfolders: &no})
		s.Owner.Do("PATCH", "/people/"+ann.Me.ID.String(), wire.AccountPatch{Quota: &quota}).Want(200)
		maria := s.Visitor()
		maria.sends(r.URL, "Maria", "", "a.txt", strings.Repeat("x", 20_000)).Want(422).holds("There is no room for “a.txt”. Tell who asked you for it.", "-", "12.3 kB", "quota")
		res := maria.tus("POST", r.URL+"/uploads", "", "Upload-Length", "20000", "Upload-Metadata", metadata("filename", "b.txt", "sender", "M"))
		res.Problem(507, "over_quota")
		if strings.Contains(string(res.Body), "12345") || strings.Contains(string(res.Body), "12.3 kB") {
			t.Errorf("it tells how much room there is: %s", res.Body)
		}
		maria.sends(r.URL, "Maria", "", "c.txt", strings.Repeat("x", 10_000)).Want(303)
	})
}
