package coffer

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/collate"
	"golang.org/x/text/language"
	"golang.org/x/text/unicode/norm"
)

// MaxNameBytes is the longest name of a file or folder, in bytes of UTF-8.
const MaxNameBytes = 255

// CheckName is the one rule of names for files and folders, the same on every
// surface and database. It returns nil, or an Invalid error with code
// name_invalid whose Suggestion is a similar name that passes.
//
// Refused are names that are empty or too long, that no file system could hold
// (separators, control characters), that look like another name (bidi controls,
// white space at an end, a byte order mark), or that Windows cannot unpack
// (device names, a dot at the end). Everything else is kept byte for byte;
// : * ? " < > | are mapped where a name leaves the system.
func CheckName(name string) error {
	why := nameFault(name)
	if why == "" {
		return nil
	}
	e := E(Invalid, "name_invalid", why)
	e.Suggestion = FixName(name)
	e.Fields = map[string]string{"name": why}
	return e
}

// nameFault says what is wrong with a name, in a sentence; "" when it passes.
func nameFault(name string) string {
	switch {
	case name == "":
		return "A name cannot be empty."
	case len(name) > MaxNameBytes:
		return fmt.Sprintf("The name is too long: it has %d bytes, %d are possible.", len(name), MaxNameBytes)
	case !utf8.ValidString(name):
		return "The name is not valid UTF-8 text."
	case name == "." || name == "..":
		return "“.” and “..” are not names."
	}
	for _, r := range name {
		switch {
		case r == '/' || r == '\\':
			return "A name cannot contain “/” or “\\”."
		case isForbidden(r):
			return fmt.Sprintf("The name contains an invisible character (U+%04X) that is not allowed.", r)
		}
	}
	first, _ := utf8.DecodeRuneInString(name)
	last, _ := utf8.DecodeLastRuneInString(name)
	switch {
	case unicode.IsSpace(first) || unicode.IsSpace(last):
		return "A name cannot begin or end with a space."
	case last == '.':
		return "A name cannot end with a dot."
	case isDevice(name):
		return "Windows keeps this name for a device."
	}
	return ""
}

// isForbidden reports characters that no name may hold: controls, line and
// paragraph separators, bidi controls, the byte order mark, noncharacters.
func isForbidden(r rune) bool {
	return r <= 0x1F || r >= 0x7F && r <= 0x9F ||
		r == 0x2028 || r == 0x2029 ||
		r == 0x061C || r == 0x200E || r == 0x200F || r >= 0x202A && r <= 0x202E || r >= 0x2066 && r <= 0x2069 ||
		r == 0xFEFF ||
		r >= 0xFDD0 && r <= 0xFDEF || r&0xFFFE == 0xFFFE
}

// isDevice reports the names that Windows keeps for devices, whatever follows
// the first dot. The superscript digits count there as digits.
func isDevice(name string) bool {
	stem, _, _ := strings.Cut(name, ".")
	stem = strings.ToUpper(strings.TrimRight(stem, " "))
	switch stem {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$":
		return true
	}
	for _, port := range [...]string{"COM", "LPT"} {
		if digit, ok := strings.CutPrefix(stem, port); ok {
			switch digit {
			case "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "¹", "²", "³":
				return true
			}
		}
	}
	return false
}

// FixName returns name when it passes CheckName, else a similar name that does.
func FixName(name string) string {
	if nameFault(name) == "" {
		return name
	}
	fixed := strings.Map(func(r rune) rune {
		switch {
		case r == '/' || r == '\\' || r == utf8.RuneError || r <= 0x1F || r == 0x2028 || r == 0x2029:
			return '_'
		case isForbidden(r):
			return -1
		}
		return r
	}, name) // Map turns invalid bytes into RuneError
	fixed = trimName(fixed)
	if fixed == "" {
		return "_"
	}
	if isDevice(fixed) {
		stem, rest, _ := strings.Cut(fixed, ".")
		fixed = strings.TrimRight(stem, " ") + "_"
		if rest != "" {
			fixed += "." + rest
		}
	}
	if len(fixed) > MaxNameBytes {
		stem, ext := splitName(fixed)
		// The stem may lose its end only: what it begins with stays, so no
		// device name comes out that was not there.
		fixed = trimName(cutName(stem, MaxNameBytes-len(ext)) + ext)
	}
	if nameFault(fixed) != "" {
		return "_"
	}
	return fixed
}

// trimName takes away white space at both ends and dots at the end.
func trimName(s string) string {
	s = strings.TrimLeftFunc(s, unicode.IsSpace)
	return strings.TrimRightFunc(s, func(r rune) bool { return r == '.' || unicode.IsSpace(r) })
}

// cutName returns the first at most n bytes of s, whole characters only.
func cutName(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// maxExtBytes bounds what counts as an extension, dots included.
const maxExtBytes = 32

// splitName splits a name before its last extension; .tar.gz and its like are
// one. What has a space in it or is very long is no extension, nor is all of a
// name that begins with its only dot.
func splitName(name string) (stem, ext string) {
	dot := strings.LastIndexByte(name, '.')
	if dot <= 0 || len(name)-dot > maxExtBytes || strings.ContainsFunc(name[dot:], unicode.IsSpace) {
		return name, ""
	}
	if inner := strings.LastIndexByte(name[:dot], '.'); inner > 0 && strings.EqualFold(name[inner:dot], ".tar") {
		dot = inner
	}
	return name[:dot], name[dot:]
}

// KeepBothName returns name with " (n)" before its last extension, shortened to
// MaxNameBytes where needed. The result of a name that passes CheckName passes.
func KeepBothName(name string, n int) string { return TagName(name, strconv.Itoa(n)) }

// TagName is KeepBothName with a short word of the program's instead of a
// number: "report (version 3).pdf".
func TagName(name, word string) string {
	stem, ext := splitName(name)
	tag := " (" + word + ")"
	return cutName(stem, MaxNameBytes-len(tag)-len(ext)) + tag + ext
}

// LocalName gives the name that a file or folder has on a system, named as in
// GOOS. Names are not trusted: none leads out of a folder or reaches a device.
// Windows cannot hold some characters that other systems can; they become _.
func LocalName(goos, name string) string {
	var b strings.Builder
	for _, r := range name {
		switch {
		case r < ' ', r == 0x7f, r == '/', r == '\\', r == utf8.RuneError,
			goos == "windows" && strings.ContainsRune(`:*?"<>|`, r),
			goos == "darwin" && r == ':':
			b.WriteByte('_')
		default:
			b.WriteRune(r)
		}
	}
	s := b.String()
	switch {
	case s == "" || s == "." || s == "..":
		return strings.ReplaceAll(s, ".", "_") + "_"
	case goos == "windows" && CheckName(s) != nil:
		return FixName(s)
	}
	return s
}

// NameKey is what must be unique among living siblings: the name without
// zero-width joiners, canonically composed and case folded. Its values are
// stored, so they may never change (see TestNameKeyFrozen).
func NameKey(name string) []byte {
	if key, ok := asciiKey(name); ok {
		return key
	}
	name = strings.Map(func(r rune) rune {
		if r == 0x200C || r == 0x200D {
			return -1
		}
		return lowerCherokee(r)
	}, name)
	return norm.NFC.Bytes(cases.Fold().Bytes(norm.NFD.Bytes([]byte(name))))
}

// lowerCherokee prepares for folding: Cherokee folds to upper case, but x/text
// swaps the cases, so it is given lower case only.
func lowerCherokee(r rune) rune {
	switch {
	case r >= 0x13A0 && r <= 0x13EF:
		return r - 0x13A0 + 0xAB70
	case r >= 0x13F0 && r <= 0x13F5:
		return r + 8
	}
	return r
}

// asciiKey is NameKey for the common case.
func asciiKey(name string) ([]byte, bool) {
	for i := 0; i < len(name); i++ {
		if name[i] >= utf8.RuneSelf {
			return nil, false
		}
	}
	return bytes.ToLower([]byte(name)), true
}

// SortKey orders names as people do, in the root locale and with numbers as
// numbers: "file2" before "file10". Equal keys do not mean equal names. Keys
// of another Unicode version differ; they are rebuilt then.
func SortKey(name string) []byte {
	s := sorters.Get().(*sorter)
	defer sorters.Put(s)
	s.buf.Reset()
	return slices.Clone(s.c.KeyFromString(&s.buf, name))
}

// A sorter makes sort keys. Collators keep state, so each is used by one
// goroutine at a time; making one costs far more than a key.
type sorter struct {
	c   *collate.Collator
	buf collate.Buffer
}

var sorters = sync.Pool{New: func() any { return &sorter{c: collate.New(language.Und, collate.Numeric)} }}

// EmailKey is an e-mail address as it is stored and compared: without space
// around it, ASCII letters in lower case. No other letters are folded, so that
// no two people share one.
func EmailKey(typed string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, strings.Trim(typed, " \t\r\n"))
}
