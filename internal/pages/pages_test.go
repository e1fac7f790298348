package pages

import (
	"os"
	"strings"
	"testing"
	"time"

	"coffer"
	"coffer/internal/files"
)

// TestTokens: the pages and the web interface are drawn from the same tokens.
func TestTokens(t *testing.T) {
	theirs, err := os.ReadFile("../../web/src/styles/tokens.css")
	if err != nil {
		t.Fatal(err)
	}
	if string(theirs) != tokens {
		t.Error("tokens.css is not that of web/src/styles: copy it")
	}
}

// TestTemplates: no template has a script, a style of its own, or anything of
// another host.
func TestTemplates(t *testing.T) {
	all, err := templates.ReadDir("templates")
	if err != nil || len(all) < 7 {
		t.Fatalf("%d templates, %v", len(all), err)
	}
	for _, f := range all {
		b, err := templates.ReadFile("templates/" + f.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, bad := range []string{"<script", " style=", "javascript:", "https:", "http:", "//", " onclick", " onload"} {
			if strings.Contains(string(b), bad) {
				t.Errorf("%s holds %q", f.Name(), bad)
			}
		}
	}
	if strings.Contains(css+tokens, "url(") || strings.Contains(css, "@import") {
		t.Error("a style loads something")
	}
}

func TestWords(t *testing.T) {
	for n, want := range map[int64]string{0: "0 bytes", 1: "1 byte", 999: "999 bytes", 1000: "1 KB", 38_400: "38 KB", 999_400: "999 KB", 1_100_000: "1.1 MB", 48_240_000: "48.2 MB", 6_200_000_000: "6.2 GB", 180_000_000: "180 MB"} {
		if got := size(n); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
	for n, want := range map[int64]string{1: "1 file", 0: "0 files", 1204: "1,204 files", 1234567: "1,234,567 files"} {
		if got := count(n, "file", "files"); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
	for name, want := range map[string]string{"Anna Roe": "AR", "anna": "A", "": "?", "Éva van der Berg": "ÉB"} {
		if got := initials(name); got != want {
			t.Errorf("%q is %q, want %q", name, got, want)
		}
	}
	for name, want := range map[string]glyph{"a.PDF": {"pdf", "PDF"}, "a.tar.gz": {"zip", "ZIP"}, "a": {"", "FILE"}, "a.go": {"", "GO"}, "a.muchtoolong": {"", "FILE"}, "a.doc": {"doc", "DOC"}, "a.d": {"", "D"}} {
		if got := sort(name); got != want {
			t.Errorf("%q is %v, want %v", name, got, want)
		}
	}
	in := func(d time.Duration) int64 { return time.Now().Add(d + time.Minute).UnixMilli() }
	for d, want := range map[time.Duration]string{7 * 24 * time.Hour: "7 days from now", 25 * time.Hour: "1 day from now", 3 * time.Hour: "3 hours from now", time.Minute: "in less than an hour"} {
		if got := fromNow(in(d)); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
	for e, want := range map[files.Entry]bool{
		{Kind: coffer.File, Name: "a.png", MediaType: "image/png", Picture: true}: true,
		{Kind: coffer.File, Name: "a.txt", MediaType: "text/plain"}:               true,
		{Kind: coffer.File, Name: "a.html", MediaType: "text/html"}:               false,
		{Kind: coffer.File, Name: "a.pdf", MediaType: "application/pdf"}:          false,
		{Kind: coffer.Folder, Name: "a.txt"}:                                      false,
	} {
		if got := shows(e); got != want {
			t.Errorf("%+v: %v, want %v", e, got, want)
		}
	}
}

func TestFileName(t *testing.T) {
	for given, want := range map[string]string{"a.txt": "a.txt", `C:\Users\me\a.txt`: "a.txt", "../../a.txt": "a.txt", "x/y/": "y"} {
		if got := fileName(given); got != want {
			t.Errorf("%q is stored as %q, want %q", given, got, want)
		}
	}
	for _, given := range []string{"a\nb.txt", "con", "a. ", "", "."} {
		if got := fileName(given); got != given && coffer.CheckName(got) != nil {
			t.Errorf("%q is stored as %q, which no file may be called", given, got)
		}
	}
}
