package coffer_test

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"coffer"

	"pgregory.net/rapid"
)

func TestCheckName(t *testing.T) {
	long := strings.Repeat("a", 255)
	rows := []struct {
		name, suggestion string // suggestion "": the name passes
	}{
		{"a", ""},
		{"Report 2026 (final).pdf", ""},
		{"über größe 文件 ملف.txt", ""},
		{`a:b*c?d"e<f>g|h`, ""},
		{".profile", ""},
		{"...a", ""},
		{"a  b", ""},
		{"👨\u200d👩\u200d👧", ""},
		{"\u0645\u06cc\u200c\u062e", ""},
		{long, ""},
		{strings.Repeat("€", 85), ""},
		{"console", ""},
		{"COM10", ""},
		{"COM", ""},
		{"lpt", ""},
		{"aux-in", ""},
		{"\ufffd", ""},

		{"", "_"},
		{".", "_"},
		{"..", "_"},
		{" ", "_"},
		{long + "b", long},
		{long + "b.tar.gz", long[:248] + ".tar.gz"},
		{strings.Repeat("€", 86), strings.Repeat("€", 85)},
		{"a/b", "a_b"},
		{`a\b`, "a_b"},
		{"../../etc/passwd", ".._.._etc_passwd"},
		{"a\x00b", "a_b"},
		{"a\nb", "a_b"},
		{"a\x7fb", "ab"},
		{"a\u0085b", "ab"},
		{"a\u2028b", "a_b"},
		{"txt.\u202eexe.doc", "txt.exe.doc"},
		{"a\u200eb", "ab"},
		{"a\u061cb", "ab"},
		{"a\u2066b\u2069", "ab"},
		{"\ufeffa", "a"},
		{"a\ufdd0", "a"},
		{"a\uffff", "a"},
		{"a\U0010fffe", "a"},
		{"a\xffb", "a_b"},
		{"\xc0\xaf", "__"},
		{" a", "a"},
		{"a ", "a"},
		{"a\u00a0", "a"},
		{"\u3000a", "a"},
		{"a.", "a"},
		{"a. . .", "a"},
		{"CON", "CON_"},
		{"con.txt", "con_.txt"},
		{"con .txt", "con_.txt"},
		{"Nul.tar.gz", "Nul_.tar.gz"},
		{"aux", "aux_"},
		{"COM1", "COM1_"},
		{"lpt9.doc", "lpt9_.doc"},
		{"COM²", "COM²_"},
		{"conin$", "conin$_"},
		{"\u202econ", "con_"},
		{" con.", "con_"},
	}
	for _, r := range rows {
		err := coffer.CheckName(r.name)
		if r.suggestion == "" {
			if err != nil {
				t.Errorf("%q is refused: %v", r.name, err)
			}
			if got := coffer.FixName(r.name); got != r.name {
				t.Errorf("FixName changes the good name %q to %q", r.name, got)
			}
			continue
		}
		e, ok := errors.AsType[*coffer.Error](err)
		if !ok || e.Kind != coffer.Invalid || e.Code != "name_invalid" {
			t.Errorf("%q: got %v, want name_invalid", r.name, err)
			continue
		}
		if e.Suggestion != r.suggestion {
			t.Errorf("%q: suggestion %q, want %q", r.name, e.Suggestion, r.suggestion)
		}
		if err := coffer.CheckName(e.Suggestion); err != nil {
			t.Errorf("%q: its suggestion %q is refused: %v", r.name, e.Suggestion, err)
		}
	}
}

// genName makes names that are nasty more often than not.
func genName() *rapid.Generator[string] {
	piece := rapid.OneOf(
		rapid.String(),
		rapid.SampledFrom([]string{" ", ".", "..", "/", `\`, "con", "COM1", "lpt²", "\x00", "\u202e", "\ufeff", "\u200d", "\xff", "\uffff",
			".tar", ".gz", "é", "e\u0301", "ß", "SS", "İ", "ſ", "K", "文", "\u3000", strings.Repeat("x", 120), strings.Repeat("é", 60)}),
		rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 8), func(b []byte) string { return string(b) }),
	)
	return rapid.Map(rapid.SliceOfN(piece, 0, 6), func(p []string) string { return strings.Join(p, "") })
}

func TestNamesProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		checkNameProperties(t, genName().Draw(t, "name"), rapid.IntRange(2, 99999).Draw(t, "n"))
	})
}

func FuzzNames(f *testing.F) {
	for _, s := range []string{"", "a.tar.gz", "CON.txt", "e\u0301", "\xff", "a\u200db", "İ", "ǰ"} {
		f.Add(s, 2)
	}
	f.Fuzz(func(t *testing.T, name string, n int) { checkNameProperties(t, name, max(2, n)) })
}

func checkNameProperties(t interface {
	Errorf(string, ...any)
	Fatalf(string, ...any)
}, name string, n int) {
	fixed := coffer.FixName(name)
	if err := coffer.CheckName(fixed); err != nil {
		t.Fatalf("suggestion %q for %q is refused: %v", fixed, name, err)
	}
	if again := coffer.FixName(fixed); again != fixed {
		t.Errorf("the fixed name %q is fixed again to %q", fixed, again)
	}
	both := coffer.KeepBothName(fixed, n)
	if err := coffer.CheckName(both); err != nil {
		t.Errorf("KeepBothName(%q, %d) = %q is refused: %v", fixed, n, both, err)
	}
	if !strings.Contains(both, fmt.Sprintf(" (%d)", n)) {
		t.Errorf("KeepBothName(%q, %d) = %q has no number", fixed, n, both)
	}
	key := coffer.NameKey(fixed)
	if !bytes.Equal(key, coffer.NameKey(fixed+"\u200d")) || !utf8.Valid(key) {
		t.Errorf("NameKey(%q) = %q", fixed, key)
	}
	if again := coffer.NameKey(string(key)); !bytes.Equal(again, key) {
		t.Errorf("NameKey is not stable: %q, then %q", key, again)
	}
	if !bytes.Equal(coffer.SortKey(fixed), coffer.SortKey(fixed)) {
		t.Errorf("SortKey(%q) differs from itself", fixed)
	}
}

func TestKeepBothName(t *testing.T) {
	rows := []struct {
		name string
		n    int
		want string
	}{
		{"a", 2, "a (2)"},
		{"a.txt", 2, "a (2).txt"},
		{"a.tar.gz", 3, "a (3).tar.gz"},
		{"a.TAR.zst", 3, "a (3).TAR.zst"},
		{"a.b.gz", 3, "a.b (3).gz"},
		{".bashrc", 2, ".bashrc (2)"},
		{".tar.gz", 2, ".tar (2).gz"},
		{"Dr. Smith", 2, "Dr. Smith (2)"},
		{"a (2).txt", 3, "a (2) (3).txt"},
		{strings.Repeat("x", 255), 2, strings.Repeat("x", 251) + " (2)"},
		{strings.Repeat("x", 251) + ".txt", 10, strings.Repeat("x", 246) + " (10).txt"},
		{strings.Repeat("€", 85), 2, strings.Repeat("€", 83) + " (2)"},
		{"a." + strings.Repeat("x", 253), 2, "a." + strings.Repeat("x", 249) + " (2)"},
	}
	for _, r := range rows {
		if got := coffer.KeepBothName(r.name, r.n); got != r.want {
			t.Errorf("KeepBothName(%q, %d) = %q, want %q", r.name, r.n, got, r.want)
		}
	}
}

// TestNameKeyFrozen: keys are stored and compared with stored ones, so no
// change of library or Unicode version may move one of them.
func TestNameKeyFrozen(t *testing.T) {
	rows := []struct{ name, key string }{
		{"README.txt", "readme.txt"},
		{"caf\u00e9", "caf\u00e9"},
		{"cafe\u0301", "caf\u00e9"},
		{"CAFE\u0301", "caf\u00e9"},
		{"Straße", "strasse"},
		{"STRASSE", "strasse"},
		{"ẞ", "ss"},
		{"ﬁle", "file"},
		{"İstanbul", "i\u0307stanbul"},
		{"ıstanbul", "ıstanbul"},
		{"ΣΊΣΥΦΟΣ", "σίσυφοσ"},
		{"σίσυφος", "σίσυφοσ"},
		{"K", "k"},
		{"Å", "\u00e5"},
		{"Å", "\u00e5"},
		{"ſ", "s"},
		{"Ⅷ", "ⅷ"},
		{"Ａ", "ａ"},
		{"ß", "ss"},
		{"ŉ", "ʼn"},
		{"ǰ", "ǰ"},
		{"ᾳ", "αι"},
		{"ᾼ", "αι"},
		{"Ꭰ", "Ꭰ"},
		{"ꭰ", "Ꭰ"},
		{"Ა", "ა"},
		{"𐐀", "𐐨"},
		{"👨\u200d👩\u200d👧", "👨👩👧"},
		{"a\u200c\u0301", "á"},
		{"한글", "한글"},
		{"\u1112\u1161\u11ab", "한"},
		{"ﬀ", "ff"},
		{"q\u0323\u0307", "q\u0323\u0307"},
		{"q\u0307\u0323", "q\u0323\u0307"},
		{"①", "①"},
	}
	for _, r := range rows {
		if got := string(coffer.NameKey(r.name)); got != r.key {
			t.Errorf("NameKey(%q) = %q (%+q), frozen as %q (%+q)", r.name, got, got, r.key, r.key)
		}
	}
}

// TestNameKeyFoldsAll: letters that differ in case only have one key, whatever
// the script.
func TestNameKeyFoldsAll(t *testing.T) {
	for r := rune(1); r <= unicode.MaxRune; r++ {
		for s := unicode.SimpleFold(r); s != r; s = unicode.SimpleFold(s) {
			a, b := coffer.NameKey(string(r)), coffer.NameKey(string(s))
			if !bytes.Equal(a, b) {
				t.Errorf("%q (%U) has the key %+q, %q (%U) has %+q", r, r, a, s, s, b)
			}
		}
	}
}

func TestSortKey(t *testing.T) {
	want := []string{"1", "2", "10", "a", "A", "ä", "b", "file1", "file2", "file10", "file10a", "zebra", "Ω", "я", "文"}
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortFunc(got, func(a, b string) int { return bytes.Compare(coffer.SortKey(a), coffer.SortKey(b)) })
	if !slices.Equal(got, want) {
		t.Errorf("order %q, want %q", got, want)
	}
}

// TestSortKeyAtOnce finds shared state in the collator (with -race).
func TestSortKeyAtOnce(t *testing.T) {
	names := []string{"a", "file10", "é", strings.Repeat("z9", 100)}
	done := make(chan [][]byte)
	for range 8 {
		go func() {
			var keys [][]byte
			for i := range 400 {
				keys = append(keys, coffer.SortKey(names[i%len(names)]))
			}
			done <- keys
		}()
	}
	for range 8 {
		for i, k := range <-done {
			if !bytes.Equal(k, coffer.SortKey(names[i%len(names)])) {
				t.Fatalf("key of %q is torn", names[i%len(names)])
			}
		}
	}
}

func BenchmarkNameKey(b *testing.B) {
	for _, name := range []string{"Report 2026 final version.pdf", "Größenübersicht für Änderungen.pdf"} {
		b.Run(fmt.Sprint(len(name)), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				coffer.NameKey(name)
			}
		})
	}
}

func BenchmarkSortKey(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		coffer.SortKey("Report 2026 final version.pdf")
	}
}

// TestLocalName: no name leads out of its folder or to a device.
func TestLocalName(t *testing.T) {
	rows := []struct{ goos, in, want string }{
		{"linux", "plain.txt", "plain.txt"},
		{"linux", "a:b*c?.txt", "a:b*c?.txt"},
		{"linux", "..", "___"},
		{"linux", ".", "__"},
		{"linux", "", "_"},
		{"linux", "../../etc/passwd", ".._.._etc_passwd"},
		{"linux", "a\\b\x00c\nd", "a_b_c_d"},
		{"linux", "\xff", "_"},
		{"linux", "NUL", "NUL"},
		{"windows", `a:b*c?"<>|.txt`, "a_b_c_____.txt"},
		{"darwin", "a:b", "a_b"},
		{"linux", "...", "..."},
	}
	for _, r := range rows {
		if got := coffer.LocalName(r.goos, r.in); got != r.want {
			t.Errorf("%s %q: %q, want %q", r.goos, r.in, got, r.want)
		}
	}
	for _, in := range []string{"NUL", "nul.txt", "COM1", "x.", "x ", "..", "C:", `C:\x`, "a/b"} {
		got := coffer.LocalName("windows", in)
		if coffer.CheckName(got) != nil || strings.ContainsAny(got, `/\:`) {
			t.Errorf("windows %q: %q", in, got)
		}
	}
	for _, in := range []string{"..", ".", "", "/", "/etc/passwd", "../x", "a/../../x"} {
		if got := coffer.LocalName(runtime.GOOS, in); !filepath.IsLocal(got) || filepath.Base(got) != got {
			t.Errorf("%q leads to %q", in, got)
		}
	}
}
