package coffer

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestSearchKey(t *testing.T) {
	for _, row := range []struct{ name, want string }{
		{"Report 2024.PDF", "report 2024.pdf"},
		{"Résumé.pdf", "resume.pdf"},
		{"Re\u0301sume\u0301.pdf", "resume.pdf"},
		{"STRASSE", "strasse"},
		{"Straße", "strasse"},
		{"Łódź", "lodz"},
		{"Øresund Æble", "oresund aeble"},
		{"İstanbul ılık", "istanbul ilik"},
		{"ΌΔΟΣ ὁδός", "οδοσ οδοσ"},
		{"ﬁle №5 ½", "file no5 1⁄2"},
		{"ｆｕｌｌ　ｗｉｄｔｈ", "full width"},
		{"Anna\u2019s \u201cplan\u201d \u2013 v2", `anna's "plan" - v2`},
		{"soft\u00adhyphen zero\u200bwidth", "softhyphen zerowidth"},
		{"👩\u200d💻 café.txt", "👩💻 cafe.txt"},
		{"❤\ufe0f", "❤"},
		{"한국", "\u1112\u1161\u11ab\u1100\u116e\u11a8"},
		{"ガ", "カ"},
		{"Й", "и"},
		{"\xff\xfea", "a"},
		{"\u13a0\uab70", "\u13a0\u13a0"},
		{"", ""},
	} {
		if got := SearchKey(row.name); got != row.want {
			t.Errorf("SearchKey(%q) = %q, want %q", row.name, got, row.want)
		}
	}
	// The start of a syllable as it is typed is part of the syllable.
	if !strings.HasPrefix(SearchKey("한국"), SearchKey("하")) {
		t.Error("half a syllable is not found")
	}
}

// TestSearchKeyOfAll looks at each character in both cases: a key of a key is
// the key, has no capital letter of ASCII, and does not depend on case.
func TestSearchKeyOfAll(t *testing.T) {
	for r := rune(1); r <= unicode.MaxRune; r++ {
		if !utf8.ValidRune(r) {
			continue
		}
		key := SearchKey(string(r))
		if again := SearchKey(key); again != key {
			t.Errorf("U+%04X: key %q, its key %q", r, key, again)
		}
		if strings.ContainsFunc(key, func(r rune) bool { return 'A' <= r && r <= 'Z' || unicode.Is(unicode.Mn, r) }) || !utf8.ValidString(key) {
			t.Errorf("U+%04X: key %q", r, key)
		}
	}
}

func TestSearchKeyEnds(t *testing.T) {
	// The longest name there can be, of the character that grows most.
	if key := SearchKey(strings.Repeat("\ufdfa", MaxNameBytes/3)); len(key) > maxSearchKeyBytes || len(key) < maxSearchKeyBytes-4 || !utf8.ValidString(key) {
		t.Errorf("%d bytes, valid %v", len(key), utf8.ValidString(key))
	}
	if key := SearchKey(strings.Repeat("A", 2*maxSearchKeyBytes)); len(key) != maxSearchKeyBytes {
		t.Errorf("%d bytes", len(key))
	}
}

func BenchmarkSearchKey(b *testing.B) {
	for name, text := range map[string]string{"ascii": "Annual report 2024 final.pdf", "unicode": "Jahresübersicht Łódź 2024 – final.pdf"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				SearchKey(text)
			}
		})
	}
}
