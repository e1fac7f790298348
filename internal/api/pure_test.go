package api

import (
	"mime"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParseRange(t *testing.T) {
	rows := []struct {
		header  string
		size    int64
		want    span
		partial bool
		ok      bool
	}{
		{"", 10, span{0, 10}, false, true},
		{"bytes=0-4", 10, span{0, 5}, true, true},
		{"bytes=5-", 10, span{5, 5}, true, true},
		{"bytes=-3", 10, span{7, 3}, true, true},
		{"bytes=-30", 10, span{0, 10}, true, true},
		{"bytes=9-9", 10, span{9, 1}, true, true},
		{"bytes=0-99999999999999999999", 10, span{0, 10}, true, true},
		{"bytes=10-", 10, span{}, false, false},
		{"bytes=99999999999999999999-", 10, span{}, false, false},
		{"bytes=-0", 10, span{}, false, false},
		{"bytes=0-1,3-4", 10, span{0, 10}, false, true}, // several: the whole
		{"bytes=4-2", 10, span{0, 10}, false, true},     // senseless: the whole
		{"bytes=a-b", 10, span{0, 10}, false, true},
		{"bytes=-", 10, span{0, 10}, false, true},
		{"bytes=5", 10, span{0, 10}, false, true},
		{"bytes=+1-2", 10, span{0, 10}, false, true},
		{"items=0-1", 10, span{0, 10}, false, true},
		{"bytes=0-0", 0, span{0, 0}, false, true}, // an empty file has no parts
	}
	for _, row := range rows {
		if s, partial, ok := parseRange(row.header, row.size); s != row.want || partial != row.partial || ok != row.ok {
			t.Errorf("%q of %d: %v %v %v", row.header, row.size, s, partial, ok)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.Int64Range(0, 1<<62).Draw(t, "size")
		header := rapid.OneOf(rapid.StringMatching(`bytes=[0-9]{0,20}-[0-9]{0,20}`), rapid.String()).Draw(t, "header")
		if s, _, ok := parseRange(header, size); ok && (s.off < 0 || s.n < 0 || s.off+s.n > size || s.off+s.n < s.off || s.n == 0 && size > 0) {
			t.Fatalf("%q of %d: %v", header, size, s)
		}
	})
}

func TestMatches(t *testing.T) {
	const tag = `"abc"`
	rows := []struct {
		list []string
		weak bool
		want bool
	}{
		{[]string{`"abc"`}, false, true},
		{[]string{`"x", "abc"`}, false, true},
		{[]string{`"x"`, `"abc"`}, false, true},
		{[]string{`*`}, false, true},
		{[]string{`W/"abc"`}, false, false},
		{[]string{`W/"abc"`}, true, true},
		{[]string{`abc`}, true, false},
		{[]string{``}, true, false},
	}
	for _, row := range rows {
		if got := matches(row.list, tag, row.weak); got != row.want {
			t.Errorf("%q weak=%v: %v", row.list, row.weak, got)
		}
	}
}

// TestDisposition reads the header back with the standard library's parser.
func TestDisposition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringN(1, 60, 255).Draw(t, "name")
		h := disposition("attachment", name)
		for i := range len(h) {
			if h[i] < 0x20 || h[i] > 0x7E {
				t.Fatalf("%q holds the byte %#x", h, h[i])
			}
		}
		how, params, err := mime.ParseMediaType(h)
		if err != nil || how != "attachment" || params["filename"] != name {
			t.Fatalf("%q -> %q: %v %v", name, h, params, err)
		}
	})
	const want = `inline; filename="na_ve _x_ 100_.txt"; filename*=UTF-8''na%C3%AFve%20%22x%22%20100%25.txt`
	if got := disposition("inline", `naïve "x" 100%.txt`); got != want {
		t.Errorf("%s", got)
	}
}

func TestKinds(t *testing.T) {
	rows := []struct{ name, magic, preview, served string }{
		{"a.png", "image/png", "image", "image/png"},
		{"A.PNG", "image/png", "image", "image/png"},
		{"a.jpg", "image/jpeg", "image", "image/jpeg"},
		{"a.jpeg", "image/png", "", ""}, // name and bytes disagree
		{"a.gif", "image/gif", "image", "image/gif"},
		{"a.webp", "image/webp", "image", "image/webp"},
		{"a.avif", "image/avif", "image", "image/avif"},
		{"a.mp4", "video/mp4", "video", "video/mp4"},
		{"a.webm", "video/webm", "video", "video/webm"},
		{"a.ogg", "audio/ogg", "audio", "audio/ogg"},
		{"a.mp3", "audio/mpeg", "audio", "audio/mpeg"},
		{"a.m4a", "audio/x-m4a", "audio", "audio/mp4"},
		{"a.wav", "audio/wav", "audio", "audio/wav"},
		{"a.flac", "audio/flac", "audio", "audio/flac"},
		{"a.txt", "text/plain; charset=utf-8", "text", textType},
		{"a.txt", "text/plain; charset=utf-16le", "text", textType},
		{"README", "text/plain; charset=utf-8", "text", textType},
		{".gitignore", "text/plain; charset=utf-8", "text", textType},
		{"a.go", "text/plain; charset=utf-8", "text", textType},
		{"a.json", "application/json", "text", textType},
		{"a.js", "text/javascript", "text", textType},
		{"a.pdf", "application/pdf", "pdf", ""},
		// What can run, or is not what it says, is a download.
		{"a.html", "text/html; charset=utf-8", "", ""},
		{"a.txt", "text/html; charset=utf-8", "", ""},
		{"a.html", "text/plain; charset=utf-8", "", ""},
		{"a.svg", "image/svg+xml", "", ""},
		{"a.png", "image/svg+xml", "", ""},
		{"a.svg", "image/png", "", ""},
		{"a.xhtml", "application/xhtml+xml", "", ""},
		{"a.xml", "text/xml; charset=utf-8", "", ""},
		{"a.png", "text/html; charset=utf-8", "", ""},
		{"a.swf", "application/x-shockwave-flash", "", ""},
		{"a.pdf", "text/html", "", ""},
		{"a.exe", "application/vnd.microsoft.portable-executable", "", ""},
		{"a.png", "application/octet-stream", "", ""},
		{"a", "application/octet-stream", "", ""},
		{"a.mht", "multipart/related", "", ""},
	}
	for _, row := range rows {
		if got := kindOf(row.name, row.magic); got.preview != row.preview || got.served != row.served {
			t.Errorf("%s, %s: %+v", row.name, row.magic, got)
		}
	}
}

func TestParseRev(t *testing.T) {
	for h, want := range map[string]int64{"": 0, "*": 0, `"r1"`: 1, `"r77"`: 77, `"r0"`: -1, `r1`: -1, `"1"`: -1, `W/"r1"`: -1, `"r-3"`: -1, `"r1", "r2"`: -1, strings.Repeat("9", 30): -1} {
		got, err := parseRev(h)
		if err != nil {
			got = -1
		}
		if got != want {
			t.Errorf("%q: %d %v", h, got, err)
		}
	}
	if rev, err := parseRev(metadataETag(12)); rev != 12 || err != nil {
		t.Error(rev, err)
	}
}
