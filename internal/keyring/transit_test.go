package keyring

import (
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"coffer"
	"coffer/internal/seal"
)

// transitServer answers as the public documents of the transit HTTP API say:
// versions of a key, associated data, tokens, AppRole, namespaces, health.
type transitServer struct {
	*httptest.Server
	mu        sync.Mutex
	keys      []seal.Key // versions of the one key "coffer", from 1
	tokens    map[string]bool
	secret    string // of the role
	logins    int
	sealed    bool
	namespace string
}

func newTransitServer(t *testing.T) *transitServer {
	s := &transitServer{keys: []seal.Key{seal.NewKey()}, tokens: map[string]bool{"s.good": true}, secret: "secret-1"}
	s.Server = httptest.NewTLSServer(http.HandlerFunc(s.answer))
	t.Cleanup(s.Close)
	return s
}

func (s *transitServer) answer(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fail := func(status int, text string) {
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"errors":[%q]}`, text)
	}
	data := func(v map[string]any) { json.NewEncoder(w).Encode(map[string]any{"data": v}) }
	var in map[string]string
	if r.Method == "POST" && r.ContentLength > 0 {
		if json.NewDecoder(r.Body).Decode(&in) != nil {
			fail(400, "bad json")
			return
		}
	}
	if r.URL.Path == "/v1/sys/health" {
		if s.sealed {
			fail(503, "sealed")
		}
		return
	}
	if r.Header.Get("X-Vault-Namespace") != s.namespace {
		fail(404, "no such namespace")
		return
	}
	if r.URL.Path == "/v1/auth/approle/login" {
		if in["role_id"] != "role-1" || in["secret_id"] != s.secret {
			fail(400, "invalid role or secret ID")
			return
		}
		s.logins++
		token := fmt.Sprint("s.role-", s.logins)
		s.tokens[token] = true
		json.NewEncoder(w).Encode(map[string]any{"auth": map[string]any{"client_token": token, "lease_duration": 3600}})
		return
	}
	if !s.tokens[r.Header.Get("X-Vault-Token")] {
		fail(403, "permission denied")
		return
	}
	aad, err := base64.StdEncoding.DecodeString(in["associated_data"])
	if err != nil {
		fail(400, "associated_data")
		return
	}
	c, badAAD := seal.ContextFromAAD(aad)
	switch r.Method + " " + r.URL.Path {
	case "POST /v1/transit/encrypt/coffer":
		plain, err := base64.StdEncoding.DecodeString(in["plaintext"])
		if err != nil || badAAD != nil {
			fail(400, "plaintext")
			return
		}
		v := len(s.keys)
		data(map[string]any{"ciphertext": fmt.Sprintf("vault:v%d:%s", v, base64.StdEncoding.EncodeToString(seal.Seal(s.keys[v-1], c, plain))), "key_version": v})
	case "POST /v1/transit/decrypt/coffer":
		parts := strings.Split(in["ciphertext"], ":")
		if len(parts) != 3 || parts[0] != "vault" || !strings.HasPrefix(parts[1], "v") || badAAD != nil {
			fail(400, "invalid ciphertext")
			return
		}
		v, _ := strconv.Atoi(parts[1][1:])
		sealed, err := base64.StdEncoding.Strict().DecodeString(parts[2])
		if err != nil || v < 1 || v > len(s.keys) {
			fail(400, "invalid ciphertext")
			return
		}
		plain, err := seal.Open(s.keys[v-1], c, sealed)
		if err != nil {
			fail(400, "cipher: message authentication failed")
			return
		}
		data(map[string]any{"plaintext": base64.StdEncoding.EncodeToString(plain)})
	case "POST /v1/transit/keys/coffer/rotate":
		s.keys = append(s.keys, seal.NewKey())
		w.WriteHeader(http.StatusNoContent)
	default:
		fail(404, "no handler for this route")
	}
}

// options are how to reach the server, with a token.
func (s *transitServer) options(t *testing.T) TransitOptions {
	t.Helper()
	dir := t.TempDir()
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	o := TransitOptions{URL: u, Key: "coffer", TokenFile: filepath.Join(dir, "token"), CAFile: filepath.Join(dir, "ca.pem")}
	write(t, o.TokenFile, "s.good\n")
	write(t, o.CAFile, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})))
	return o
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
	s, other := newTransitServer(t), newTransitServer(t)
	p := transit(t, s.options(t))
	testProvider(t, p, transit(t, other.options(t)))

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
	s := newTransitServer(t)
	s.namespace = "legal"
	o := s.options(t)
	o.Namespace, o.RoleID, o.SecretID, o.TokenFile = "legal", "role-1", filepath.Join(t.TempDir(), "secret"), ""
	write(t, o.SecretID, "secret-1\n")
	p := transit(t, o)
	aad, key := seal.KEK(coffer.ID{1}, 1).Bytes(), seal.NewKey().Bytes()
	for range 3 {
		if _, err := p.Wrap(t.Context(), key, aad); err != nil {
			t.Fatal(err)
		}
	}
	if s.logins != 1 {
		t.Errorf("signed in %d times, want once", s.logins)
	}
	clear(s.tokens) // the token has ended
	if _, err := p.Wrap(t.Context(), key, aad); err != nil || s.logins != 2 {
		t.Errorf("after the token's end: %v, signed in %d times", err, s.logins)
	}
	s.secret = "another"
	clear(s.tokens)
	if _, err := p.Wrap(t.Context(), key, aad); code(err) != "transit_denied" {
		t.Errorf("a wrong secret id: %v", err)
	}
}

// TestTransitErrors: each failure has its sentence, and none repeats a secret.
func TestTransitErrors(t *testing.T) {
	s := newTransitServer(t)
	aad, key := seal.KEK(coffer.ID{1}, 1).Bytes(), seal.NewKey().Bytes()
	for _, r := range []struct {
		what string
		set  func(o *TransitOptions)
		want string
	}{
		{"a token that is not good", func(o *TransitOptions) { write(t, o.TokenFile, "s.THE-SECRET") }, "transit_denied"},
		{"another key", func(o *TransitOptions) { o.Key = "unknown" }, "transit: the server answered 404 Not Found"},
		{"nobody there", func(o *TransitOptions) { o.URL = &url.URL{Scheme: "https", Host: "127.0.0.1:1"} }, "transit_unreachable"},
		{"a server of unknown authority", func(o *TransitOptions) { o.CAFile = "" }, "transit_unreachable"},
	} {
		o := s.options(t)
		r.set(&o)
		_, err := transit(t, o).Wrap(t.Context(), key, aad)
		if code(err) != r.want || strings.Contains(fmt.Sprint(err), "THE-SECRET") {
			t.Errorf("%s: %v, want %s", r.what, err, r.want)
		}
	}
	p := transit(t, s.options(t))
	if err := p.Check(t.Context()); err != nil {
		t.Errorf("Check: %v", err)
	}
	s.sealed = true
	if err := p.Check(t.Context()); code(err) != "transit_not_ready" {
		t.Errorf("Check of a sealed server: %v", err)
	}
	s.Close()
	if err := p.Check(t.Context()); code(err) != "transit_unreachable" {
		t.Errorf("Check of a server that is gone: %v", err)
	}
	if _, err := NewTransit(TransitOptions{URL: &url.URL{}, CAFile: s.options(t).TokenFile}); code(err) != "transit_ca_invalid" {
		t.Errorf("a CA file without certificates: %v", err)
	}
}
