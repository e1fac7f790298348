package gate

import (
	"mime"
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
		if got := Matches(row.list, tag, row.weak); got != row.want {
			t.Errorf("%q weak=%v: %v", row.list, row.weak, got)
		}
	}
}

// TestDisposition reads the header back with the standard library's parser.
func TestDisposition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringN(1, 60, 255).Draw(t, "name")
		h := Disposition("attachment", name)
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
	if got := Disposition("inline", `naïve "x" 100%.txt`); got != want {
		t.Errorf("%s", got)
	}
}
