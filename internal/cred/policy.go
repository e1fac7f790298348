package cred

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/ccojocar/zxcvbn-go/data"
)

// What Policy.Check finds wrong.
var (
	ErrShort  = errors.New("cred: password is shorter than 12 characters")
	ErrLong   = errors.New("cred: password is longer than 256 characters")
	ErrCommon = errors.New("cred: password is easily guessed")
)

const (
	minChars = 12
	maxChars = 256
	maxBytes = 1024
)

// minBits is the guessing work below which a password counts as common: 2^28
// tries. Online guessing is limited to some thousand tries, and hashes are
// sealed; this only keeps out what every list of guesses begins with.
const minBits = 28

// Policy says which passwords may be set. It reads the list of common
// passwords once, when the first is checked: no start waits for it. Use one per
// process. Safe for concurrent use.
type Policy struct{ common func() list }

// list is the common passwords of ccojocar/zxcvbn-go (only the data: the estimator
// loads 10 times as much and reads it in an init).
type list struct {
	rank    map[string]int // 1 = most common
	longest int            // runes of the longest entry
}

// NewPolicy returns the Policy.
func NewPolicy() *Policy { return &Policy{sync.OnceValue(readList)} }

func readList() list {
	var words struct{ List []string }
	b, err := data.Asset("data/Passwords.json")
	if err == nil {
		err = json.Unmarshal(b, &words)
	}
	if err != nil {
		panic("cred: the embedded password list is broken: " + err.Error())
	}
	l := list{rank: make(map[string]int, len(words.List))}
	for i, word := range words.List {
		if _, known := l.rank[word]; !known {
			l.rank[word] = i + 1
		}
		l.longest = max(l.longest, utf8.RuneCountInString(word))
	}
	return l
}

// Check returns nil when password may be set: 12 to 256 characters, at most
// 1,024 bytes, and not made of little more than common passwords, runs
// (abcdef, qwertz, 1111), years, repetitions and words of the context: name,
// address, organisation. Else ErrShort, ErrLong or ErrCommon.
func (p *Policy) Check(password string, context ...string) error {
	if len(password) > maxBytes {
		return ErrLong
	}
	normal := Normalize(password)
	switch n := utf8.RuneCountInString(normal); {
	case n < minChars:
		return ErrShort
	case n > maxChars:
		return ErrLong
	case p.bits(normal, words(context)) < minBits:
		return ErrCommon
	}
	return nil
}

// words splits the context at everything that is no letter or digit.
func words(context []string) map[string]bool {
	set := map[string]bool{}
	for _, c := range context {
		for _, w := range strings.FieldsFunc(strings.ToLower(Normalize(c)), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
			if utf8.RuneCountInString(w) >= 3 {
				set[w] = true
			}
		}
	}
	return set
}

// bits estimates log2 of the guesses for a password: the cheapest way to put it
// together from pieces. Capitals are free, so is l33t.
func (p *Policy) bits(password string, context map[string]bool) float64 {
	text := []rune(strings.ToLower(password))
	views := [][]rune{text, substitute(text, '1', 'i'), substitute(text, '1', 'l')}
	common := p.common()
	longest := common.longest
	for w := range context {
		longest = max(longest, utf8.RuneCountInString(w))
	}
	cost := make([]float64, len(text)+1) // of the first i runes
	for i := 1; i < len(cost); i++ {
		cost[i] = math.Inf(1)
	}
	for i := range text {
		piece := func(length int, bits float64) { cost[i+length] = min(cost[i+length], cost[i]+bits) }
		piece(1, charBits(text[i]))
		if n := runLength(text[i:]); n >= 3 {
			for l := 3; l <= n; l++ {
				piece(l, 6)
			}
		}
		if isYear(text[i:]) {
			piece(4, 7)
		}
		for n := 1; n <= i && i+n <= len(text); n++ { // the last n runes once more
			if string(text[i-n:i]) == string(text[i:i+n]) {
				piece(n, 1)
			}
		}
		for n := 2; n <= longest && i+n <= len(text); n++ {
			for _, v := range views {
				word := string(v[i : i+n])
				if r := common.rank[word]; r > 0 {
					piece(n, 1+math.Log2(float64(r)))
				}
				if context[word] {
					piece(n, 2)
				}
			}
		}
	}
	return cost[len(text)]
}

func charBits(r rune) float64 {
	switch {
	case r >= '0' && r <= '9':
		return 3.3
	case r >= 'a' && r <= 'z':
		return 4.7
	case r == ' ':
		return 1.5
	case r < 0x80:
		return 5
	}
	return 7
}

// substitute undoes the usual replacements of letters; one stands for what the
// digit 1 means this time.
func substitute(text []rune, from, one rune) []rune {
	out := make([]rune, len(text))
	for i, r := range text {
		switch r {
		case from, '!':
			r = one
		case '0':
			r = 'o'
		case '3':
			r = 'e'
		case '4', '@':
			r = 'a'
		case '5', '$':
			r = 's'
		case '7':
			r = 't'
		}
		out[i] = r
	}
	return out
}

// runLength returns how many runes at the start are one rune repeated, or
// neighbours in the alphabet or on a keyboard, in one direction.
func runLength(text []rune) int {
	best := 1
	for _, row := range [...]string{"abcdefghijklmnopqrstuvwxyz", "01234567890", "qwertyuiop", "qwertzuiop", "azertyuiop", "asdfghjkl", "qsdfghjklm", "zxcvbnm", "yxcvbnm"} {
		for at, r := range row {
			if r != text[0] {
				continue
			}
			for _, step := range [...]int{1, -1} {
				n := 1
				for n < len(text) && at+n*step >= 0 && at+n*step < len(row) && rune(row[at+n*step]) == text[n] {
					n++
				}
				best = max(best, n)
			}
		}
	}
	same := 1
	for same < len(text) && text[same] == text[0] {
		same++
	}
	return max(best, same)
}

// isYear reports whether text begins with 1900 to 2099.
func isYear(text []rune) bool {
	if len(text) < 4 || text[2] < '0' || text[2] > '9' || text[3] < '0' || text[3] > '9' {
		return false
	}
	return text[0] == '1' && text[1] == '9' || text[0] == '2' && text[1] == '0'
}
