package cred_test

import (
	"crypto/rand"
	"errors"
	"strings"
	"testing"

	"coffer/internal/cred"
)

func TestPolicy(t *testing.T) {
	p := cred.NewPolicy()
	context := []string{"Anna Roe", "anna.roe@haldenroe.example", "Halden & Roe Architects"}
	for _, r := range []struct {
		password string
		want     error
	}{
		{"", cred.ErrShort},
		{"elevenchars", cred.ErrShort},
		{"тест нот еще", nil},                          // 12 characters, more bytes
		{"ﬁﬁﬁﬁﬁﬁ", cred.ErrCommon},                     // 6 ligatures are 12 letters
		{strings.Repeat("é", 11), cred.ErrShort},       // 22 bytes
		{strings.Repeat("e\u0301", 11), cred.ErrShort}, // composed before counting
		{strings.Repeat("Kq7#xV2p", 32), nil},          // 256
		{strings.Repeat("Kq7#xV2p", 32) + "a", cred.ErrLong},
		{strings.Repeat("🔐🍋🚂🐙🌋🎻🧭🥨", 32), nil}, // 256 characters, 1,024 bytes
		{strings.Repeat("\U0001F510", 257), cred.ErrLong},
		{strings.Repeat("x", 1<<20), cred.ErrLong},

		{"pornographic", cred.ErrCommon}, // on the list as it stands
		{"PORNOGRAPHIC", cred.ErrCommon},
		{"password1234", cred.ErrCommon},
		{"Password2024!", cred.ErrCommon},
		{"P@ssw0rd2024", cred.ErrCommon},
		{"passwordpassword", cred.ErrCommon},
		{"iloveyou1234", cred.ErrCommon},
		{"monkeydragon", cred.ErrCommon},
		{"aaaaaaaaaaaa", cred.ErrCommon},
		{strings.Repeat("a", 200), cred.ErrCommon},
		{"abcabcabcabc", cred.ErrCommon},
		{strings.Repeat("ab1", 40), cred.ErrCommon},
		{"abcdefghijkl", cred.ErrCommon},
		{"lkjihgfedcba", cred.ErrCommon},
		{"123456789012", cred.ErrCommon},
		{"qwertyuiop12", cred.ErrCommon},
		{"Qwertzuiop1!", cred.ErrCommon},
		{"            ", cred.ErrCommon},

		{"annaroe2024!", cred.ErrCommon}, // context
		{"Anna Roe 1987", cred.ErrCommon},
		{"HaldenRoe1234", cred.ErrCommon},
		{"architects12", cred.ErrCommon},

		{"correct horse battery", nil},
		{"a sentence is fine", nil},
		{"My cat Felix eats at 7", nil},
		{"kq3vtm8zr2xw", nil},
		{"739182640571", nil}, // 12 random digits
		{"Anna has three red bikes", nil},
	} {
		if err := p.Check(r.password, context...); !errors.Is(err, r.want) || (err == nil) != (r.want == nil) {
			t.Errorf("Check(%.40q) = %v, want %v (%.1f bits)", r.password, err, r.want, p.Bits(r.password, context...))
		}
	}
	if err := p.Check("haldenarchitects99"); err != nil {
		t.Errorf("without the context its words are fine, got %v", err)
	}
}

// What a password manager makes is never refused.
func TestPolicyAcceptsRandom(t *testing.T) {
	p := cred.NewPolicy()
	for range 300 {
		if s := strings.ToLower(rand.Text()[:12]); p.Check(s, "Anna Roe") != nil {
			t.Errorf("random %q is refused (%.1f bits)", s, p.Bits(s))
		}
	}
}

func FuzzPolicy(f *testing.F) {
	p := cred.NewPolicy()
	f.Add("password1234", "Anna")
	f.Add("\xff\xfe 1900 qwertz !!", "\xff")
	f.Fuzz(func(t *testing.T, password, context string) {
		if p.Check(password, context) == nil && (len(password) < 12 || len(password) > 1024) {
			t.Errorf("%q passes", password)
		}
	})
}
