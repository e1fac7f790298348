package coffer

import (
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// SearchKeys names the rule of SearchKey: keys of another rule are made anew.
const SearchKeys = "1 unicode " + norm.Version

// maxSearchKeyBytes bounds a key: some characters decompose into many.
const maxSearchKeyBytes = 1000

// SearchKey is what search compares of a name, and of what somebody types:
// compatibly decomposed, without marks and invisible characters, case folded,
// and with a few letters and signs as people type them. So "resume" finds
// "Résumé", "lodz" finds "Łódź", and half a Hangul syllable the whole. A key has
// no capitals from A to Z; it ends after maxSearchKeyBytes.
func SearchKey(name string) string {
	if key, ok := asciiKey(name); ok {
		return string(key[:min(len(key), maxSearchKeyBytes)])
	}
	name = strings.Map(lowerCherokee, norm.NFKD.String(strings.ToValidUTF8(name, "")))
	var b strings.Builder
	for _, r := range norm.NFKD.String(cases.Fold().String(name)) {
		typed := asTyped(r)
		if b.Len()+len(typed) > maxSearchKeyBytes {
			break
		}
		b.WriteString(typed)
	}
	return b.String()
}

// asTyped is how people type a folded character, "" when they do not.
func asTyped(r rune) string {
	switch r {
	case 'ø':
		return "o"
	case 'ł':
		return "l"
	case 'đ', 'ð':
		return "d"
	case 'ħ':
		return "h"
	case 'ı':
		return "i"
	case 'æ':
		return "ae"
	case 'œ':
		return "oe"
	case 'þ':
		return "th"
	case '‘', '’', 'ʼ':
		return "'"
	case '“', '”', '„', '«', '»':
		return `"`
	case '‐', '‑', '‒', '–', '—', '−':
		return "-"
	}
	if unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf) {
		return ""
	}
	return string(r)
}
