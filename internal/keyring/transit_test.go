package keyring

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"coffer"
	"coffer/internal/keyring/keyringtest"
	"coffer/internal/seal"
)

// at are the options for a server, with its token.
func at(t *testing.T, s *keyringtest.Transit) TransitOptions {
	t.Helper()
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	return TransitOptions{URL: u, Key: "coffer", TokenFile: s.TokenFile, CAFile: s.CAFile}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func transit(t *testing.T, o TransitOptions) *Transit {
	t.Helper()
	p, err := NewTransit(o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestTransit(t *testing.T) {
	s, other := keyringtest.NewTransit(t), keyringtest.NewTransit(t)
	p := transit(t, at(t, s))
	testProvider(t, p, transit(t, at(t, other)))

	// A rotation at the server: it wraps anew, and opens what was.
	ctx, aad, key := t.Context(), seal.KEK(coffer.ID{1}, 1).Bytes(), seal.NewKey().Bytes()
	old, err := p.Wrap(ctx, key, aad)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Rotate(ctx); err != nil {
		t.Fatal(err)
	}
	fresh, err := p.Wrap(ctx, key, aad)
	if err != nil || !strings.HasPrefix(string(fresh.Blob), "vault:v2:") {
		t.Fatalf("after rotating: %s, %v", fresh.Blob, err)
	}
	for _, w := range []Wrapped{old, fresh} {
		if got, err := p.Unwrap(ctx, w, aad); err != nil || string(got) != string(key) {
			t.Fatalf("%.9s: %v", w.Blob, err)
		}
	}
}

func TestTransitRole(t *testing.T) {
	s := keyringtest.NewTransit(t)
	s.Namespace = "legal"
	o := at(t, s)
	o.Namespace, o.RoleID, o.SecretID, o.TokenFile = "legal", "role-1", filepath.Join(t.TempDir(), "secret"), ""
	write(t, o.SecretID, "secret-1\n")
	p := transit(t, o)
	aad, key := seal.KEK(coffer.ID{1}, 1).Bytes(), seal.NewKey().Bytes()
	for range 3 {
		if _, err := p.Wrap(t.Context(), key, aad); err != nil {
			t.Fatal(err)
		}
	}
	if s.Logins != 1 {
		t.Errorf("signed in %d times, want once", s.Logins)
	}
	clear(s.Tokens) // the token has ended
	if _, err := p.Wrap(t.Context(), key, aad); err != nil || s.Logins != 2 {
		t.Errorf("after the token's end: %v, signed in %d times", err, s.Logins)
	}
	s.Secret = "another"
	clear(s.Tokens)
	if _, err := p.Wrap(t.Context(), key, aad); code(err) != "transit_denied" {
		t.Errorf("a wrong secret id: %v", err)
	}
}

// TestTransitErrors: each failure has its sentence, and none repeats a secret.
func TestTransitErrors(t *testing.T) {
	s := keyringtest.NewTransit(t)
	aad, key := seal.KEK(coffer.ID{1}, 1).Bytes(), seal.NewKey().Bytes()
	for _, r := range []struct {
		what string
		set  func(o *TransitOptions)
		want string
	}{
		{"a token that is not good", func(o *TransitOptions) {
			o.TokenFile = filepath.Join(t.TempDir(), "token")
			write(t, o.TokenFile, "s.THE-SECRET")
		}, "transit_denied"},
		{"another key", func(o *TransitOptions) { o.Key = "unknown" }, "transit: the server answered 404 Not Found"},
		{"nobody there", func(o *TransitOptions) { o.URL = &url.URL{Scheme: "https", Host: "127.0.0.1:1"} }, "transit_unreachable"},
		{"a server of unknown authority", func(o *TransitOptions) { o.CAFile = "" }, "transit_unreachable"},
	} {
		o := at(t, s)
		r.set(&o)
		_, err := transit(t, o).Wrap(t.Context(), key, aad)
		if code(err) != r.want || strings.Contains(fmt.Sprint(err), "THE-SECRET") {
			t.Errorf("%s: %v, want %s", r.what, err, r.want)
		}
	}
	p := transit(t, at(t, s))
	if err := p.Check(t.Context()); err != nil {
		t.Errorf("Check: %v", err)
	}
	s.Sealed = true
	if err := p.Check(t.Context()); code(err) != "transit_not_ready" {
		t.Errorf("Check of a sealed server: %v", err)
	}
	s.Close()
	if err := p.Check(t.Context()); code(err) != "transit_unreachable" {
		t.Errorf("Check of a server that is gone: %v", err)
	}
	if _, err := NewTransit(TransitOptions{URL: &url.URL{}, CAFile: at(t, s).TokenFile}); code(err) != "transit_ca_invalid" {
		t.Errorf("a CA file without certificates: %v", err)
	}
}
