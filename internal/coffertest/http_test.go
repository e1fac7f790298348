package coffertest

import (
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"coffer"
	"coffer/internal/server"
	"coffer/internal/wire"
)

func (p *Person) put(name string, content []byte) wire.Node {
	p.S.T.Helper()
	return p.Do("PUT", "/nodes/"+p.Root().String()+"/files?if_exists=keep_both&name="+url.QueryEscape(name), content).Want(201).Node()
}

func contentOf(n wire.Node) string { return "/nodes/" + n.ID.String() + "/content" }

func TestRanges(t *testing.T) {
	t.Parallel()
	s := New(t, Options{})
	ann := s.Person("Ann")
	content := []byte("0123456789")
	f, empty := ann.put("digits.bin", content), ann.put("empty.bin", nil)
	etag := `"` + f.VersionID.String() + `"`
	rows := []struct {
		name         string
		header       []string
		status       int
		body         string
		contentRange string
	}{
		{"whole", nil, 200, "0123456789", ""},
		{"first", []string{"Range", "bytes=0-3"}, 206, "0123", "bytes 0-3/10"},
		{"middle", []string{"Range", "bytes=3-5"}, 206, "345", "bytes 3-5/10"},
		{"open end", []string{"Range", "bytes=8-"}, 206, "89", "bytes 8-9/10"},
		{"last", []string{"Range", "bytes=-2"}, 206, "89", "bytes 8-9/10"},
		{"too long", []string{"Range", "bytes=5-500"}, 206, "56789", "bytes 5-9/10"},
		{"outside", []string{"Range", "bytes=10-"}, 416, "", "bytes */10"},
		{"several", []string{"Range", "bytes=0-1,4-5"}, 200, "0123456789", ""},
		{"unreadable", []string{"Range", "bytes=x"}, 200, "0123456789", ""},
		{"If-Range holds", []string{"Range", "bytes=0-0", "If-Range", etag}, 206, "0", "bytes 0-0/10"},
		{"If-Range of another version", []string{"Range", "bytes=0-0", "If-Range", `"x"`}, 200, "0123456789", ""},
		{"If-Range weak", []string{"Range", "bytes=0-0", "If-Range", "W/" + etag}, 200, "0123456789", ""},
		{"If-Range date", []string{"Range", "bytes=0-0", "If-Range", "Mon, 23 Nov 2026 10:00:00 GMT"}, 200, "0123456789", ""},
		{"If-None-Match holds", []string{"If-None-Match", `"x", ` + etag}, 304, "", ""},
		{"If-None-Match weak", []string{"If-None-Match", "W/" + etag}, 304, "", ""},
		{"If-None-Match star", []string{"If-None-Match", "*"}, 304, "", ""},
		{"If-None-Match of another", []string{"If-None-Match", `"x"`}, 200, "0123456789", ""},
		{"If-None-Match before Range", []string{"If-None-Match", etag, "Range", "bytes=99-"}, 304, "", ""},
		{"If-Match holds", []string{"If-Match", etag}, 200, "0123456789", ""},
		{"If-Match weak", []string{"If-Match", "W/" + etag}, 412, "", ""},
		{"If-Match of another", []string{"If-Match", `"x"`, "Range", "bytes=0-1"}, 412, "", ""},
	}
	for _, row := range rows {
		res := ann.Do("GET", contentOf(f), nil, row.header...)
		if res.Status != row.status || row.body != "" && string(res.Body) != row.body || res.Header.Get("Content-Range") != row.contentRange {
			t.Errorf("%s: %d %q, Content-Range %q", row.name, res.Status, res.Body, res.Header.Get("Content-Range"))
		}
		if row.status < 300 && (res.Header.Get("Content-Length") != fmt.Sprint(len(row.body)) || res.Header.Get("Accept-Ranges") != "bytes") || row.status < 400 && res.Header.Get("ETag") != etag {
			t.Errorf("%s: %v", row.name, res.Header)
		}
		head := ann.Do("HEAD", contentOf(f), nil, row.header...)
		want := row.status
		if want == 206 || want == 416 { // HEAD knows no ranges
			want = 200
		}
		if head.Status != want || len(head.Body) != 0 || want == 200 && head.Header.Get("Content-Length") != "10" {
			t.Errorf("HEAD, %s: %d %v", row.name, head.Status, head.Header)
		}
	}
	for _, r := range []string{"", "bytes=0-", "bytes=-1"} {
		if res := ann.Do("GET", contentOf(empty), nil, "Range", r); res.Status != 200 || len(res.Body) != 0 || res.Header.Get("Content-Length") != "0" {
			t.Errorf("empty, %q: %d %v", r, res.Status, res.Header)
		}
	}
}

// TestInlineHeaders: what a browser is told about content that people put in.
func TestInlineHeaders(t *testing.T) {
	t.Parallel()
	s := New(t, Options{})
	ann := s.Person("Ann")
	png := "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89"
	jpeg := "\xFF\xD8\xFF\xE0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
	html := "<!DOCTYPE html><html><script>alert(1)</script></html>"
	svg := `<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`
	rows := []struct {
		name, content, served, preview string
	}{
		{"a.png", png, "image/png", "image"},
		{"a.jpg", jpeg, "image/jpeg", "image"},
		{"a.gif", "GIF89a\x01\x00\x01\x00\x00\x00\x00;", "image/gif", "image"},
		{"a.mp3", "\xFF\xFB\x90\x64" + strings.Repeat("\x00", 413) + "\xFF\xFB\x90\x64" + strings.Repeat("\x00", 413), "audio/mpeg", "audio"},
		{"a.wav", "RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00", "audio/wav", "audio"},
		{"a.flac", "fLaC\x00\x00\x00\x22", "audio/flac", "audio"},
		{"a.txt", "hello", "text/plain; charset=utf-8", "text"},
		{"a.md", "# hello", "text/plain; charset=utf-8", "text"},
		{"notes", "hello", "text/plain; charset=utf-8", "text"},
		{"a.json", `{"a":1}`, "text/plain; charset=utf-8", "text"},
		{"a.pdf", "%PDF-1.7\n", "", "pdf"},
		{"a.html", html, "", ""},
		{"a.txt", html, "", ""},
		{"a.svg", svg, "", ""},
		{"a.png", svg, "", ""},
		{"a.png", html, "", ""},
		{"a.png", jpeg, "", ""},
		{"a.js", "alert(1)", "text/plain; charset=utf-8", "text"},
		{"a.bin", "\x00\x01\x02", "", ""},
		{"a.exe", "MZ\x90\x00", "", ""},
		{"a.zip", "PK\x03\x04", "", ""},
	}
	for _, row := range rows {
		f := ann.put(row.name, []byte(row.content))
		if f.Preview != row.preview {
			t.Errorf("%s: preview %q (%s), want %q", row.name, f.Preview, f.MediaType, row.preview)
		}
		for _, inline := range []bool{false, true} {
			path, how, served := contentOf(f), "attachment", "application/octet-stream"
			if inline {
				path += "?inline=1"
				if row.served != "" {
					how, served = "inline", row.served
				}
			}
			res := ann.Do("GET", path, nil).Want(200)
			if string(res.Body) != row.content {
				t.Errorf("%s: other bytes", row.name)
			}
			for name, want := range map[string]string{
				"Content-Type": served, "X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox; default-src 'none'",
				"Cross-Origin-Resource-Policy": "same-origin", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer",
			} {
				if got := res.Header.Get(name); got != want {
					t.Errorf("%s inline=%v: %s is %q, want %q", row.name, inline, name, got, want)
				}
			}
			if d := res.Header.Get("Content-Disposition"); !strings.HasPrefix(d, how+"; filename=") {
				t.Errorf("%s inline=%v: %q", row.name, inline, d)
			}
		}
	}

	// Text of another encoding is shown in UTF-8, and downloaded as it is.
	old := ann.put("alt.txt", []byte("Gr\xFC\xDFe"))
	shown, got := ann.Do("GET", contentOf(old)+"?inline=1", nil).Want(200), ann.Do("GET", contentOf(old), nil).Want(200)
	if string(shown.Body) != "Grüße" || string(got.Body) != "Gr\xFC\xDFe" || shown.Header.Get("ETag") == got.Header.Get("ETag") || shown.Header.Get("Repr-Digest") != "" {
		t.Errorf("shown %q %v", shown.Body, shown.Header)
	}
	long := ann.put("long.txt", []byte(strings.Repeat("ü", 1<<20)))
	if shown := ann.Do("GET", contentOf(long)+"?inline=1", nil).Want(200); len(shown.Body) != 1<<20 {
		t.Errorf("%d bytes of a long text", len(shown.Body))
	}
	named := ann.put(`Grüße "x".bin`, []byte("x"))
	if d := ann.Do("HEAD", contentOf(named), nil).Header.Get("Content-Disposition"); d != `attachment; filename="Gr__e _x_.bin"; filename*=UTF-8''Gr%C3%BC%C3%9Fe%20%22x%22.bin` {
		t.Error(d)
	}
}

// TestForeignPages: a page of another site can neither sign somebody in nor act
// with the cookie.
func TestForeignPages(t *testing.T) {
	t.Parallel()
	s := New(t, Options{})
	ann := s.Person("Ann")
	root := ann.Root().String()
	for _, h := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.example"}} {
		ann.Do("POST", "/nodes/"+root+"/folders", wire.NewFolder{Name: "x"}, h...).Problem(403, "cross_origin")
		ann.Do("PUT", "/nodes/"+root+"/files?name=x", []byte("x"), h...).Problem(403, "cross_origin")
		ann.Do("DELETE", "/session", nil, h...).Problem(403, "cross_origin")
		s.Stranger("x").Do("POST", "/session", wire.Login{Email: ann.Email, Password: ann.Password}, h...).Problem(403, "cross_origin")
	}
	ann.Do("POST", "/nodes/"+root+"/folders", wire.NewFolder{Name: "x"}, "Sec-Fetch-Site", "same-origin", "Origin", s.URL).Want(201)
	ann.Do("GET", "/session", nil, "Cookie", "__Host-sid=other").Problem(400, "two_proofs")
	ann.Do("GET", "/session", nil, "Authorization", "Bearer x").Problem(400, "two_proofs")
	if res := ann.Do("GET", "/session", nil, "Origin", "https://evil.example"); res.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Error("another site may read answers")
	}
}

func TestHostsAndProxies(t *testing.T) {
	t.Parallel()
	s := New(t, Options{Edit: func(o *server.Options) { o.Trusted = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} }})
	ann := s.Person("Ann")
	for _, path := range []string{"/api/v1/instance", "/api/v1/session", "/", "/anything"} {
		if res := ann.Do("GET", s.URL+path, nil, "Host", "evil.example"); res.Status != 421 || strings.Contains(string(res.Body), "evil") {
			t.Errorf("%s for another host: %d %s", path, res.Status, res.Body)
		}
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		if res := ann.Do("GET", s.URL+path, nil, "Host", "10.0.0.1"); res.Status != 200 {
			t.Errorf("%s: %d %s", path, res.Status, res.Body)
		}
	}
	p := s.Stranger("Ann")
	p.Headers = map[string]string{"X-Forwarded-For": "203.0.113.9, 198.51.100.7", "X-Forwarded-Host": "evil.example", "Forwarded": "for=1.1.1.1;host=evil.example"}
	p.took(p.Do("POST", "/session", wire.Login{Email: ann.Email, Password: ann.Password}).Want(200))
	var l wire.List[wire.Session]
	p.Do("GET", "/sessions", nil).Want(200).JSON(&l)
	found := false
	for _, session := range l.Items {
		found = found || session.Current && session.Address == "198.51.100.7"
	}
	if !found {
		t.Errorf("sessions %+v", l.Items)
	}
}

func TestReadiness(t *testing.T) {
	t.Parallel()
	s := New(t, Options{})
	p := s.Stranger("x")
	if res := p.Do("GET", s.URL+"/readyz", nil); res.Status != 200 {
		t.Fatalf("%d %s", res.Status, res.Body)
	}
	s.DB.Close()
	if res := p.Do("GET", s.URL+"/readyz", nil); res.Status != 503 || string(res.Body) != "not ready: database\n" {
		t.Errorf("without a database: %d %q", res.Status, res.Body)
	}
	if res := p.Do("GET", s.URL+"/healthz", nil); res.Status != 200 {
		t.Errorf("/healthz: %d", res.Status)
	}
	p.Do("GET", "/instance", nil).Problem(503, "database_closed")
}

// TestBadInput: what no handler should have to see.
func TestBadInput(t *testing.T) {
	t.Parallel()
	s := New(t, Options{})
	ann := s.Person("Ann")
	root := ann.Root()
	f := ann.put("a.txt", []byte("x"))
	node := "/nodes/" + f.ID.String()
	ann.Do("GET", "/nodes/nonsense", nil).Problem(404, "not_found")
	ann.Do("GET", "/nodes/"+strings.ToUpper(f.ID.String()), nil).Problem(404, "not_found")
	ann.Do("GET", "/nodes/nonsense/content", nil).Problem(404, "not_found")
	ann.Do("GET", node+"/content?version=nonsense", nil).Problem(404, "not_found")
	ann.Do("GET", node+"/content?version="+coffer.NewID().String(), nil).Problem(404, "not_found")
	ann.Do("GET", node+"?surprise=1", nil).Problem(422, "invalid")
	ann.Do("GET", node+"/content?surprise=1", nil).Problem(422, "invalid")
	ann.Do("GET", node+"/children", nil).Problem(409, "not_a_folder")
	ann.Do("GET", "/nodes/"+root.String()+"/content", nil).Problem(409, "not_a_file")
	ann.Do("GET", "/nodes/"+root.String()+"/children?limit=0", nil).Problem(422, "invalid")
	ann.Do("GET", "/nodes/"+root.String()+"/children?limit=10001", nil).Problem(422, "invalid")
	ann.Do("GET", "/nodes/"+root.String()+"/children?sort=colour", nil).Problem(422, "invalid")
	ann.Do("GET", "/nodes/"+root.String()+"/children?cursor=forged", nil).Problem(422, "cursor_invalid")
	ann.Do("PUT", "/nodes/"+root.String()+"/files", []byte("x")).Problem(422, "name_invalid")
	ann.Do("PUT", "/nodes/"+root.String()+"/files?name=x&name=y", []byte("x")).Problem(422, "invalid")
	ann.Do("PUT", "/nodes/"+root.String()+"/files?name=x&if_exists=perhaps", []byte("x")).Problem(422, "invalid")
	ann.Do("PUT", node+"/content", []byte("x"), "Content-Range", "bytes 0-0/5").Problem(400, "malformed")
	ann.Do("PUT", "/nodes/"+root.String()+"/files?name=z", []byte("x"), "Content-Encoding", "gzip").Problem(400, "malformed")
	ann.Do("POST", "/zip", wire.NewZip{}).Problem(422, "invalid")
	ann.Do("PATCH", node, map[string]any{"name": "x", "Name": "y"}).Problem(422, "invalid")
	ann.Do("PATCH", node, []byte(`{"name":"x","name":"y"}`), "Content-Type", "application/json").Problem(400, "malformed")
	ann.Do("POST", "/batch", wire.Batch{Op: "trash"}).Problem(422, "invalid")
	ann.Do("POST", "/batch", map[string]any{"op": "trash", "ids": []string{"nonsense"}}).Problem(422, "invalid")
	if res := ann.Do("GET", s.URL+"/nothing-here", nil); res.Status != http.StatusNotFound {
		t.Errorf("without a web interface: %d", res.Status)
	}
	if n := ann.Do("GET", node, nil).Want(200).Node(); n.Name != "a.txt" {
		t.Errorf("something was changed: %+v", n)
	}
	ann.Do("GET", "/instance", nil, "X-Large", strings.Repeat("x", 80<<10)).Want(431)
}
