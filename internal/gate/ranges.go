package gate

import (
	"fmt"
	"strconv"
	"strings"
)

// span is a part of a content.
type span struct{ off, n int64 }

// parseRange reads a Range header (RFC 9110, 14.2) for a content of size bytes.
// partial is false when the whole is the answer: no range, one that cannot be
// read, several at once, or an empty content. ok is false when the range lies
// outside (416).
func parseRange(header string, size int64) (s span, partial, ok bool) {
	whole := span{0, size}
	set, found := strings.CutPrefix(header, "bytes=")
	if !found || size == 0 || strings.Contains(set, ",") {
		return whole, false, true
	}
	first, last, found := strings.Cut(strings.TrimSpace(set), "-")
	if !found {
		return whole, false, true
	}
	if first == "" { // the last n bytes
		n, valid := digits(last)
		if !valid {
			return whole, false, true
		}
		if n == 0 {
			return span{}, false, false
		}
		n = min(n, size)
		return span{size - n, n}, true, true
	}
	from, valid := digits(first)
	to := size - 1
	if last != "" {
		var validTo bool
		to, validTo = digits(last)
		valid = valid && validTo && to >= from
	}
	switch {
	case !valid:
		return whole, false, true
	case from >= size:
		return span{}, false, false
	}
	to = min(to, size-1)
	return span{from, to - from + 1}, true, true
}

// digits reads a whole number; one that is too large for 63 bits is their most.
func digits(s string) (int64, bool) {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil && s != "" {
		return 1<<63 - 1, true
	}
	return n, s != ""
}

// Matches reads If-Match and If-None-Match: does the list name this strong
// ETag? weak tells whether W/ counts (it does for If-None-Match only).
func Matches(list []string, etag string, weak bool) bool {
	for _, line := range list {
		for _, t := range strings.Split(line, ",") {
			t = strings.TrimSpace(t)
			if weak {
				t = strings.TrimPrefix(t, "W/")
			}
			if t == "*" || t == etag {
				return true
			}
		}
	}
	return false
}

// Disposition is a Content-Disposition (RFC 6266): the name in ASCII for old
// programs, and in full.
func Disposition(how, name string) string {
	var plain, full strings.Builder
	for _, r := range name {
		if r < 0x20 || r > 0x7E || strings.ContainsRune(`"\%/`, r) {
			r = '_'
		}
		plain.WriteRune(r)
	}
	for i := range len(name) {
		c := name[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("!#$&+-.^_`|~", c) >= 0 { // attr-char, RFC 8187
			full.WriteByte(c)
		} else {
			fmt.Fprintf(&full, "%%%02X", c)
		}
	}
	return how + `; filename="` + plain.String() + `"; filename*=UTF-8''` + full.String()
}
