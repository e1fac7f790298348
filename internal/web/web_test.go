package web

import (
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

const page = `<!doctype html><script src="/assets/app-1.js"></script>`

func build() fstest.MapFS {
	f := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	return fstest.MapFS{
		"placeholder.html": f("run make"), "index.html": f(page), "theme.js": f("theme"),
		"assets/app-1.js": f("plain"), "assets/app-1.js.gz": f("GZ"), "assets/app-1.js.br": f("BR"),
		"assets/hash-worker-1.js": f("worker"), "viewer/index.html": f("viewer"), ".vite/manifest.json": f("{}"),
	}
}

func get(t *testing.T, u *UI, target string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, target, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	u.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestServe(t *testing.T) {
	u, err := newUI(build())
	if err != nil {
		t.Fatal(err)
	}
	const forever = "public, max-age=31536000, immutable"
	for _, c := range []struct {
		target, accept       string
		status               int
		body, coding, cached string
	}{
		{"/", "", 200, page, "", "no-cache"},
		{"/files/01jd", "", 200, page, "", "no-cache"},
		{"/setup", "", 200, page, "", "no-cache"},
		{"/theme.js", "", 200, "theme", "", "no-cache"},
		{"/assets/app-1.js", "", 200, "plain", "", forever},
		{"/assets/app-1.js", "gzip", 200, "GZ", "gzip", forever},
		{"/assets/app-1.js", "gzip, deflate, br;q=1.0", 200, "BR", "br", forever},
		{"/assets/app-1.js", "br;q=0, gzip;q=0.5", 200, "GZ", "gzip", forever},
		{"/assets/app-1.js", "gzip; q=0", 200, "plain", "", forever},
		{"/viewer/", "", 200, "viewer", "", "no-cache"},
		{"/assets/gone-2.js", "", 404, "not here\n", "", "no-store"},
		{"/assets/gone", "", 404, "not here\n", "", "no-store"},
		{"/robots.txt", "", 404, "not here\n", "", "no-store"},
		{"/placeholder.html", "", 404, "not here\n", "", "no-store"},
		{"/.vite/manifest.json", "", 404, "not here\n", "", "no-store"},
		{"/assets/app-1.js.gz", "", 404, "not here\n", "", "no-store"},
		{"/../../etc/passwd", "", 200, page, "", "no-cache"},
	} {
		r := get(t, u, c.target, "Accept-Encoding", c.accept)
		if got := body(t, r); r.StatusCode != c.status || got != c.body {
			t.Errorf("%s (%q): %d %q, want %d %q", c.target, c.accept, r.StatusCode, got, c.status, c.body)
		}
		if got := r.Header.Get("Content-Encoding"); got != c.coding {
			t.Errorf("%s (%q): coding %q, want %q", c.target, c.accept, got, c.coding)
		}
		if got := r.Header.Get("Cache-Control"); got != c.cached {
			t.Errorf("%s: Cache-Control %q, want %q", c.target, got, c.cached)
		}
		if r.Header.Get("X-Content-Type-Options") != "nosniff" || r.Header.Get("Content-Security-Policy") == "" {
			t.Errorf("%s: answer without security headers", c.target)
		}
	}
}

func TestConditional(t *testing.T) {
	u, err := newUI(build())
	if err != nil {
		t.Fatal(err)
	}
	tag := get(t, u, "/files").Header.Get("ETag")
	if r := get(t, u, "/", "If-None-Match", tag); r.StatusCode != http.StatusNotModified {
		t.Errorf("with its ETag %s: %d", tag, r.StatusCode)
	}
	if r := get(t, u, "/", "If-None-Match", `"other"`); r.StatusCode != http.StatusOK {
		t.Errorf("with another ETag: %d", r.StatusCode)
	}
	if r := get(t, u, "/assets/app-1.js", "Range", "bytes=0-0", "Accept-Encoding", "br"); body(t, r) != "BR" || r.ContentLength != 2 {
		t.Errorf("range of a packed file was not ignored: %d bytes", r.ContentLength)
	}
	w := httptest.NewRecorder()
	u.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/files", nil))
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", w.Code)
	}
}

func TestPolicies(t *testing.T) {
	u, err := newUI(build())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		target     string
		has, hasnt string
	}{
		{"/files", "frame-ancestors 'none'", "unsafe"},
		{"/files", "script-src 'self';", "sandbox"},
		{"/assets/app-1.js", "script-src 'self';", "unsafe"},
		{"/assets/hash-worker-1.js", "'wasm-unsafe-eval'", "'unsafe"},
		{"/viewer/", "sandbox allow-scripts;", "allow-same-origin"},
		{"/viewer/", "default-src 'none'", "connect-src"},
		{"/gone.txt", "default-src 'none'", "unsafe"},
	} {
		got := get(t, u, c.target).Header.Get("Content-Security-Policy")
		if !strings.Contains(got, c.has) || strings.Contains(got, c.hasnt) {
			t.Errorf("%s: policy %q, want %q and no %q", c.target, got, c.has, c.hasnt)
		}
	}
	for target, want := range map[string]string{"/files": "", "/viewer/": "*", "/assets/app-1.js": "*"} {
		if got := get(t, u, target).Header.Get("Access-Control-Allow-Origin"); got != want {
			t.Errorf("%s: Access-Control-Allow-Origin %q, want %q", target, got, want)
		}
	}
}

func TestPlaceholder(t *testing.T) {
	u, err := newUI(build())
	if err != nil || u.IsPlaceholder() {
		t.Errorf("a build passes for the placeholder (%v)", err)
	}
	u, err = newUI(fstest.MapFS{placeholder: {Data: []byte("run make")}})
	if err != nil || !u.IsPlaceholder() {
		t.Fatalf("the placeholder passes for a build (%v)", err)
	}
	if r := get(t, u, "/files"); r.StatusCode != 200 || body(t, r) != "run make" {
		t.Errorf("without a build /files answers %d", r.StatusCode)
	}
	if _, err := newUI(fstest.MapFS{placeholder: {}, "data.exe": {}}); err == nil {
		t.Error("a file of an unknown kind was taken")
	}
}

// What the content policy would refuse: inline scripts and styles, handlers in
// attributes, other hosts.
var inline = []*regexp.Regexp{
	regexp.MustCompile(`(?i)<style`),
	regexp.MustCompile(`(?i)<[^>]*\sstyle\s*=`),
	regexp.MustCompile(`(?i)<[^>]*\son[a-z]+\s*=`),
	regexp.MustCompile(`(?i)<script(?:\s[^>]*)?>[^<]`),
	regexp.MustCompile(`(?i)(?:src|href)\s*=\s*["']?(?:https?:)?//`),
	regexp.MustCompile(`(?i)javascript:`),
}

func TestPagesHaveNothingInline(t *testing.T) {
	pages := 0
	err := fs.WalkDir(embedded, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(name, ".html") {
			return err
		}
		pages++
		b, err := fs.ReadFile(embedded, name)
		for _, re := range inline {
			if hit := re.Find(b); hit != nil {
				t.Errorf("%s: %q, which the content policy refuses", name, hit)
			}
		}
		return err
	})
	if err != nil || pages == 0 {
		t.Errorf("%d pages, %v", pages, err)
	}
	for _, bad := range []string{"<style>a{}</style>", `<p style="x">`, `<body onload="x()">`, "<script>x()</script>", `<script src="https://a.example/x.js">`} {
		hit := false
		for _, re := range inline {
			hit = hit || re.MatchString(bad)
		}
		if !hit {
			t.Errorf("%s passes", bad)
		}
	}
}

func TestEmbeddedBuildIsWhole(t *testing.T) {
	u, err := New()
	if err != nil {
		t.Fatal(err)
	}
	r := get(t, u, "/")
	html := body(t, r)
	if r.StatusCode != 200 || !strings.Contains(html, "<title>") {
		t.Fatalf("/ answers %d %.80s", r.StatusCode, html)
	}
	for _, m := range regexp.MustCompile(`(?:src|href)="(/[^"]+)"`).FindAllStringSubmatch(html, -1) {
		if r := get(t, u, m[1]); r.StatusCode != 200 {
			t.Errorf("index.html names %s, which answers %d", m[1], r.StatusCode)
		}
	}
}
