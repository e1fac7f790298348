package coffertest

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"coffer"
	"coffer/internal/accounts"
	"coffer/internal/gate"
	"coffer/internal/keyring"
	"coffer/internal/wire"
)

// ticket asks for an address of a file.
func (p *Person) ticket(n wire.Node, ask wire.NewTicket) wire.Ticket {
	p.S.T.Helper()
	var t wire.Ticket
	p.Do("POST", "/nodes/"+n.ID.String()+"/ticket", ask).Want(http.StatusCreated).JSON(&t)
	return t
}

// zip asks for an address of a ZIP and returns it with what it opens.
func (p *Person) zip(ids ...coffer.ID) (wire.Zip, *Response) {
	p.S.T.Helper()
	var z wire.Zip
	p.Do("POST", "/zip", wire.NewZip{IDs: ids}).Want(http.StatusCreated).JSON(&z)
	return z, p.S.anybody().Do("GET", z.URL, nil).Want(http.StatusOK)
}

// anybody has no proof of anything.
func (s *Server) anybody() *Person { return s.Stranger("Anybody") }

// keyring is the keyring as another process has it.
func (s *Server) keyring() *keyring.Keyring {
	s.T.Helper()
	master, err := keyring.OpenFile(s.keyFile())
	if err != nil {
		s.T.Fatal(err)
	}
	install, err := installID(s.T.Context(), s.DB)
	if err != nil {
		s.T.Fatal(err)
	}
	k, err := keyring.Open(s.T.Context(), s.DB, master, install)
	if err != nil {
		s.T.Fatal(err)
	}
	return k
}

// TestTicket: an address opens one version of one file for whoever has it, and
// ends with its time, with the session or token that asked, and with the right.
func TestTicket(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(Options) *Server) {
		s := open(Options{})
		ann, ben, eve := s.Person("Ann"), s.Person("Ben"), s.anybody()
		first := []byte("first words")
		f := ann.put("Ünï & 100%.txt", first)
		ann.Do("PUT", contentOf(f), []byte("second")).Want(200)

		got := ann.ticket(f, wire.NewTicket{Version: f.VersionID})
		if left := time.Until(time.UnixMilli(got.ExpiresAt)); left < 4*time.Minute || left > 5*time.Minute {
			t.Errorf("it lasts %v", left)
		}
		if len(got.URL) > 700 || !strings.HasPrefix(got.URL, s.URL+"/c/") {
			t.Errorf("%d characters: %s", len(got.URL), got.URL)
		}
		res := eve.Do("GET", got.URL, nil).Want(200)
		if !bytes.Equal(res.Body, first) || !strings.HasPrefix(res.Header.Get("Content-Disposition"), "attachment; ") || res.Header.Get("ETag") != `"`+f.VersionID.String()+`"` ||
			res.Header.Get("Cache-Control") != "no-store" || res.Header.Get("Content-Security-Policy") != "sandbox; default-src 'none'" {
			t.Errorf("%q %v", res.Body, res.Header)
		}
		if part := eve.Do("GET", got.URL, nil, "Range", "bytes=6-", "If-Range", res.Header.Get("ETag")).Want(206); string(part.Body) != "words" {
			t.Errorf("part %q", part.Body)
		}
		if head := eve.Do("HEAD", got.URL, nil).Want(200); head.Header.Get("Content-Length") != "11" {
			t.Errorf("HEAD %v", head.Header)
		}
		if now := eve.Do("GET", ann.ticket(f, wire.NewTicket{Inline: true}).URL, nil).Want(200); string(now.Body) != "second" || now.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
			t.Errorf("the present version: %q %v", now.Body, now.Header)
		}
		ben.Do("GET", got.URL, nil).Want(200) // whose cookie counts for nothing
		ben.Program().Do("GET", got.URL, nil).Problem(400, "two_proofs")
		for _, method := range []string{"PUT", "POST", "DELETE", "PATCH"} {
			eve.Do(method, got.URL, nil).Problem(405, "method_not_allowed")
		}
		eve.Do("GET", got.URL+"?version="+f.VersionID.String(), nil).Problem(422, "invalid")
		if log := s.Log.String(); strings.Contains(log, strings.Split(got.URL, "/")[4][:40]) || !strings.Contains(log, "path=/c/ ") {
			t.Error("the log holds the ticket, or nothing of its use")
		}

		// It proves nothing anywhere else.
		text := strings.Split(got.URL, "/")[4]
		(&Person{S: s, Name: "Ticket as bearer", Token: text}).Do("GET", "/session", nil).Problem(401, "unauthenticated")
		(&Person{S: s, Name: "Ticket as cookie", Session: text}).Do("GET", "/session", nil).Problem(401, "unauthenticated")
		eve.Do("GET", contentOf(f)+"?ticket="+text, nil).Problem(401, "unauthenticated")
		ended := func(what, url string) {
			t.Helper()
			eve.Do("GET", url, nil).Problem(401, "ticket_ended")
			if t.Failed() {
				t.Fatal(what)
			}
		}
		ended("a session as ticket", s.URL+"/c/"+ann.Session+"/x")
		ended("a token as ticket", s.URL+"/c/"+ann.Program().Token+"/x")
		ben.Do("POST", "/nodes/"+f.ID.String()+"/ticket", wire.NewTicket{}).Problem(404, "not_found")
		ann.Do("POST", "/nodes/"+f.ID.String()+"/ticket", wire.NewTicket{Version: coffer.NewID()}).Problem(404, "not_found")
		ann.Do("POST", "/nodes/"+ann.Root().String()+"/ticket", wire.NewTicket{}).Problem(409, "not_a_file")

		// Its ends.
		s.Clock.Advance(4 * time.Minute)
		eve.Do("GET", got.URL, nil).Want(200)
		s.Clock.Advance(61 * time.Second)
		ended("after five minutes", got.URL)

		other := ann.SignIn()
		mine, others := ann.ticket(f, wire.NewTicket{}), other.ticket(f, wire.NewTicket{})
		other.Do("DELETE", "/session", nil).Want(204)
		ended("of a session that ended", others.URL)
		eve.Do("GET", mine.URL, nil).Want(200)
		program := ann.Program(coffer.ScopeFilesRead)
		byProgram := program.ticket(f, wire.NewTicket{})
		eve.Do("GET", byProgram.URL, nil).Want(200)
		program.Do("DELETE", "/session", nil).Want(204)
		ended("of a token that ended", byProgram.URL)

		ann.Do("DELETE", "/nodes/"+f.ID.String(), nil).Want(204)
		eve.Do("GET", mine.URL, nil).Problem(404, "not_found")
		ann.Do("POST", "/trash/"+f.ID.String()+"/restore", wire.Restore{}).Want(200)
		eve.Do("GET", mine.URL, nil).Want(200)

		k := s.keyring()
		version, err := k.AddKEK(t.Context())
		if err == nil {
			err = k.ActivateKEK(t.Context(), version)
		}
		if err != nil {
			t.Fatal(err)
		}
		eve.Do("GET", mine.URL, nil).Want(200)
		eventually(t, "new tickets carry the new key", func() bool {
			head, _, _ := strings.Cut(strings.Split(ann.ticket(f, wire.NewTicket{}).URL, "/")[4], ".")
			b, err := base64.RawURLEncoding.DecodeString(head)
			return err == nil && strings.Contains(string(b), fmt.Sprintf(`"kid":"%d"`, version))
		})
		eve.Do("GET", ann.ticket(f, wire.NewTicket{}).URL, nil).Want(200)

		if err := s.Accounts().SetDisabled(t.Context(), coffer.SystemPrincipal("test"), ann.Email, true); err != nil {
			t.Fatal(err)
		}
		ended("of somebody turned off", mine.URL)
		if err := s.Accounts().SetDisabled(t.Context(), coffer.SystemPrincipal("test"), ann.Email, false); err != nil {
			t.Fatal(err)
		}
		ended("of somebody turned off and on again", mine.URL)
	})
}

// TestForgedTickets: only what the server signed for this purpose counts, with
// everything in it as it was signed.
func TestForgedTickets(t *testing.T) {
	t.Parallel()
	s := New(t, Options{})
	ann, eve := s.Person("Ann"), s.anybody()
	f, other := ann.put("a.txt", []byte("aaaa")), ann.put("b.txt", []byte("bbbb"))
	k := s.keyring()
	key, err := k.MACKey("ticket", k.Active())
	if err != nil {
		t.Fatal(err)
	}
	cursorKey, err := k.MACKey("cursor", k.Active())
	if err != nil {
		t.Fatal(err)
	}
	good := strings.Split(ann.ticket(f, wire.NewTicket{}).URL, "/")[4]
	read := jwt.MapClaims{}
	parsed, err := jwt.NewParser().ParseWithClaims(good, read, func(*jwt.Token) (any, error) { return key, nil })
	if err != nil {
		t.Fatal(err)
	}
	rows := []struct {
		name   string
		header map[string]any // nil values go away
		claims map[string]any
		method jwt.SigningMethod // nil: HS256
		key    any               // nil: the right one
		opens  bool
	}{
		{name: "as it was", opens: true},
		{name: "no algorithm", method: jwt.SigningMethodNone, key: jwt.UnsafeAllowNoneSignatureType},
		{name: "another algorithm", method: jwt.SigningMethodHS512},
		{name: "another key", key: make([]byte, 32)},
		{name: "the key of another purpose", key: cursorKey},
		{name: "another type", header: map[string]any{"typ": "JWT"}},
		{name: "no type", header: map[string]any{"typ": nil}},
		{name: "no key id", header: map[string]any{"kid": nil}},
		{name: "key id of a sort", header: map[string]any{"kid": 1}},
		{name: "another audience", claims: map[string]any{"aud": "coffer-session"}},
		{name: "no audience", claims: map[string]any{"aud": nil}},
		{name: "no end", claims: map[string]any{"exp": nil}},
		{name: "over", claims: map[string]any{"exp": time.Now().Add(-time.Second).Unix()}},
		{name: "nobody", claims: map[string]any{"sub": nil}},
		{name: "somebody else", claims: map[string]any{"sub": s.Owner.Me.ID.String()}},
		{name: "no proof", claims: map[string]any{"proof": nil}},
		{name: "another proof", claims: map[string]any{"proof": strings.Repeat("0", 26)}},
		{name: "no file", claims: map[string]any{"node": nil}},
		{name: "no version", claims: map[string]any{"version": nil}},
		{name: "another file's version", claims: map[string]any{"version": other.VersionID.String()}},
		{name: "no such selection", claims: map[string]any{"version": nil, "selection": coffer.RandomID().String()}},
	}
	for _, row := range rows {
		method, with := row.method, row.key
		if method == nil {
			method = jwt.SigningMethodHS256
		}
		if with == nil {
			with = key
		}
		j := jwt.NewWithClaims(method, maps.Clone(read))
		maps.Copy(j.Header, parsed.Header)
		j.Header["alg"] = method.Alg()
		change := func(m, by map[string]any) {
			for k, v := range by {
				m[k] = v
				if v == nil {
					delete(m, k)
				}
			}
		}
		change(j.Header, row.header)
		change(j.Claims.(jwt.MapClaims), row.claims)
		text, err := j.SignedString(with)
		if err != nil {
			t.Fatal(err)
		}
		res := eve.Do("GET", s.URL+"/c/"+text+"/x", nil)
		if row.opens != (res.Status == 200) || !row.opens && res.Status != 401 && res.Status != 404 {
			t.Errorf("%s: %d %s", row.name, res.Status, res.Body)
		}
	}
	// Every character of a good one counts.
	for i := range good {
		c := byte('A')
		if good[i] == c {
			c = 'Q'
		}
		if text := good[:i] + string(c) + good[i+1:]; eve.Do("GET", s.URL+"/c/"+text+"/x", nil).Status != 401 {
			t.Errorf("character %d may be another", i)
		}
	}
	for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" { // its last one has two bits that mean nothing
		if text := good[:len(good)-1] + string(c); text != good && eve.Do("GET", s.URL+"/c/"+text+"/x", nil).Status != 401 {
			t.Errorf("the last character may be %c", c)
		}
	}
	for _, path := range []string{"/c/", "/c/x", "/c/" + good, "/c/" + good + "/", "/c/" + good + "/a/b", "/c//x", "/c/../x"} {
		if res := eve.Do("GET", s.URL+path, nil); res.Status < 300 {
			t.Errorf("%s: %d", path, res.Status)
		}
	}
}

// TestTicketPrincipal: whoever comes by a ticket is refused by every verb that
// is not the reading of what it names, should any protocol ever ask.
func TestTicketPrincipal(t *testing.T) {
	t.Parallel()
	s := New(t, Options{})
	ann := s.Person("Ann")
	folder := ann.Do("POST", "/nodes/"+ann.Root().String()+"/folders", wire.NewFolder{Name: "F"}).Want(201).Node()
	inside := ann.Do("PUT", "/nodes/"+folder.ID.String()+"/files?name=in.txt", []byte("inside")).Want(201).Node()
	beside := ann.put("beside.txt", []byte("beside"))
	s.Clock.Advance(0)
	text := func(url string) string { return strings.Split(url, "/")[4] }
	of := func(url string) coffer.Principal {
		p, err := s.Accounts().AuthenticateTicket(t.Context(), text(url), accounts.From{})
		if err != nil || p.Kind != coffer.TicketKind {
			t.Fatalf("%+v %v", p, err)
		}
		return p
	}
	z, _ := ann.zip(folder.ID)
	missing := func(what string, err error) {
		t.Helper()
		if coffer.KindOf(err) != coffer.NotFound || err == nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	one, many := of(ann.ticket(inside, wire.NewTicket{}).URL), of(z.URL)
	v, ctx := s.Files().As(one), t.Context()
	if c, err := v.Open(ctx, inside.ID, coffer.ID{}); err != nil {
		t.Error(err)
	} else if err := c.Close(); err != nil {
		t.Error(err)
	}
	_, err := v.Open(ctx, beside.ID, coffer.ID{})
	missing("another file", err)
	_, err = v.Stat(ctx, folder.ID)
	missing("its folder", err)
	missing("trashing what it names", v.Trash(ctx, inside.ID, 0))
	if spaces, err := v.Spaces(ctx); len(spaces) > 0 {
		t.Errorf("spaces: %v %v", spaces, err)
	}
	ann.Do("PUT", contentOf(inside), []byte("newer")).Want(200)
	_, err = v.Open(ctx, inside.ID, coffer.ID{})
	missing("another version", err)

	v = s.Files().As(many)
	if c, err := v.Open(ctx, inside.ID, coffer.ID{}); err != nil {
		t.Error(err)
	} else if err := c.Close(); err != nil {
		t.Error(err)
	}
	_, err = v.Open(ctx, beside.ID, coffer.ID{})
	missing("beside the folder", err)
	missing("trashing below", v.Trash(ctx, inside.ID, 0))
	if _, err := s.Accounts().IssueTicket(ctx, one, accounts.Target{Nodes: []coffer.ID{inside.ID}, Version: inside.VersionID}); coffer.KindOf(err) != coffer.Unauthenticated {
		t.Errorf("a ticket from a ticket: %v", err)
	}
	if err := s.Accounts().Logout(ctx, one); coffer.KindOf(err) != coffer.Unauthenticated {
		t.Errorf("signing out with a ticket: %v", err)
	}
}

// TestZipTicket: a selection of any size becomes one address, whose ZIP is made
// when it is opened, of what there is then.
func TestZipTicket(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(Options) *Server) {
		s := open(Options{})
		ann, ben := s.Person("Ann"), s.Person("Ben")
		root := ann.Root().String()
		var ids []coffer.ID
		for i := range 120 {
			ids = append(ids, ann.Do("POST", "/nodes/"+root+"/folders", wire.NewFolder{Name: fmt.Sprintf("Folder %d", i)}).Want(201).Node().ID)
		}
		last := "/nodes/" + ids[119].String() + "/files?name="
		ann.Do("PUT", last+"a.txt", []byte("aaa")).Want(201)
		z, res := ann.zip(ids...)
		if len(z.URL) > 700 || z.Size != int64(len(res.Body)) || res.Header.Get("Content-Length") != fmt.Sprint(z.Size) || !strings.Contains(res.Header.Get("Content-Disposition"), "Files.zip") {
			t.Errorf("%d characters, size %d, %d bytes, %v", len(z.URL), z.Size, len(res.Body), res.Header)
		}
		r, err := zip.NewReader(bytes.NewReader(res.Body), z.Size)
		if err != nil || len(r.File) != 121 || readZip(t, r, "Folder 119/a.txt") != "aaa" {
			t.Fatalf("%v", err)
		}
		ann.Do("PUT", last+"b.txt", []byte("bbb")).Want(201)
		later := s.anybody().Do("GET", z.URL, nil).Want(200)
		if r, err := zip.NewReader(bytes.NewReader(later.Body), int64(len(later.Body))); err != nil || readZip(t, r, "Folder 119/b.txt") != "bbb" {
			t.Errorf("%v", err)
		}
		if head := s.anybody().Do("HEAD", z.URL, nil).Want(200); head.Header.Get("Content-Length") != fmt.Sprint(len(later.Body)) {
			t.Errorf("HEAD %v", head.Header)
		}
		ben.Do("POST", "/zip", wire.NewZip{IDs: []coffer.ID{ben.Root(), ids[0]}}).Problem(404, "not_found")
		ann.Do("POST", "/zip", wire.NewZip{IDs: []coffer.ID{}}).Problem(422, "invalid")

		ann.Do("DELETE", "/nodes/"+ids[3].String(), nil).Want(204)
		s.anybody().Do("GET", z.URL, nil).Problem(404, "not_found")
		s.Clock.Advance(5*time.Minute + time.Second)
		s.anybody().Do("GET", z.URL, nil).Problem(401, "ticket_ended")
		if err := s.Accounts().PurgeExpired(t.Context()); err != nil {
			t.Fatal(err)
		}
		if gate.TicketPrefix != "/c/" {
			t.Error("the page and the documents say /c/")
		}
	})
}
