package cred_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"regexp"
	"strings"
	"testing"

	"coffer/internal/cred"
)

func kinds() []cred.Kind {
	return []cred.Kind{cred.Session, cred.Signup, cred.Confirm, cred.Reset, cred.PAT, cred.Invitation}
}

func TestTokens(t *testing.T) {
	for _, k := range kinds() {
		text, hash := cred.NewToken(k)
		if !regexp.MustCompile(`^coffer_` + string(k) + `_[0-9a-hjkmnp-tv-z]{59}$`).MatchString(text) {
			t.Errorf("%s: %q has another form", k, text)
		}
		if want := sha256.Sum256([]byte(text)); !bytes.Equal(hash, want[:]) {
			t.Errorf("%s: stored form is not SHA-256 of the text", k)
		}
		if again, _ := cred.NewToken(k); again == text {
			t.Errorf("%s: the same token twice", k)
		}
		for _, other := range kinds() {
			got, err := cred.ParseToken(other, text)
			if (err == nil) != (other == k) || err == nil && !bytes.Equal(got, hash) {
				t.Errorf("%s read as %s: %x, %v", k, other, got, err)
			}
		}
	}
}

// Each change of one character is noticed, before any database is asked.
func TestTokenTypos(t *testing.T) {
	text, _ := cred.NewToken(cred.PAT)
	for i := range len(text) {
		for _, c := range []byte("0az_A-\n ") {
			if text[i] == c {
				continue
			}
			typo := text[:i] + string(c) + text[i+1:]
			if _, err := cred.ParseToken(cred.PAT, typo); !errors.Is(err, cred.ErrToken) {
				t.Fatalf("typo at %d passes: %q", i, typo)
			}
		}
		if _, err := cred.ParseToken(cred.PAT, text[:i]); err == nil {
			t.Errorf("the first %d characters pass", i)
		}
	}
	for _, s := range []string{text + "0", " " + text, text + "\n", strings.ToUpper(text), text + text} {
		if _, err := cred.ParseToken(cred.PAT, s); err == nil {
			t.Errorf("%q passes", s)
		}
	}
}

func FuzzToken(f *testing.F) {
	for _, k := range kinds() {
		text, _ := cred.NewToken(k)
		f.Add(string(k), text)
	}
	f.Fuzz(func(t *testing.T, kind, text string) {
		hash, err := cred.ParseToken(cred.Kind(kind), text)
		if err == nil {
			if want := sha256.Sum256([]byte(text)); !bytes.Equal(hash, want[:]) || len(text) != len("coffer__")+len(kind)+59 {
				t.Errorf("%q read as a %s token", text, kind)
			}
		}
	})
}

func TestSetupCode(t *testing.T) {
	text, hash := cred.NewSetupCode()
	if !regexp.MustCompile(`^([0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}$`).MatchString(text) {
		t.Errorf("%q has another form", text)
	}
	plain := strings.ReplaceAll(text, "-", "")
	lookalike := strings.NewReplacer("0", "O", "1", "l").Replace(text)
	for _, typed := range []string{text, strings.ToLower(text), plain, " " + strings.ToLower(plain) + " ", strings.ReplaceAll(text, "-", " "), lookalike, text + "\n"} {
		if got, err := cred.ParseSetupCode(typed); err != nil || !bytes.Equal(got, hash) {
			t.Errorf("typed %q: %v", typed, err)
		}
	}
	other, _ := cred.NewSetupCode()
	if got, err := cred.ParseSetupCode(other); err != nil || bytes.Equal(got, hash) {
		t.Errorf("another code: %v", err)
	}
	for _, typed := range []string{"", plain[:15], plain + "0", plain[:15] + "u", plain[:15] + "!", strings.Repeat("-", 100)} {
		if _, err := cred.ParseSetupCode(typed); !errors.Is(err, cred.ErrToken) {
			t.Errorf("typed %q passes", typed)
		}
	}
}

func FuzzSetupCode(f *testing.F) {
	text, _ := cred.NewSetupCode()
	f.Add(text)
	f.Fuzz(func(t *testing.T, typed string) {
		if hash, err := cred.ParseSetupCode(typed); err == nil && len(hash) != 32 {
			t.Errorf("%q: hash of %d bytes", typed, len(hash))
		}
	})
}

func TestCode(t *testing.T) {
	seen := map[byte]bool{}
	for range 500 {
		c := cred.NewCode()
		if got, err := cred.ParseCode(c); err != nil || got != c || len(c) != 6 {
			t.Fatalf("code %q: %q, %v", c, got, err)
		}
		seen[c[0]] = true
	}
	if len(seen) != 10 {
		t.Errorf("500 codes begin with only %d digits: leading zeros are lost", len(seen))
	}
	for typed, want := range map[string]string{"042 917": "042917", " 042917\n": "042917", "04 29 17": "042917"} {
		if got, err := cred.ParseCode(typed); err != nil || got != want {
			t.Errorf("typed %q: %q, %v", typed, got, err)
		}
	}
	for _, typed := range []string{"", "04291", "0429178", "04291a", "-42917", "٠٤٢٩١٧", strings.Repeat(" ", 40) + "042917"} {
		if got, err := cred.ParseCode(typed); err == nil {
			t.Errorf("typed %q passes as %q", typed, got)
		}
	}
}
