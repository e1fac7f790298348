// Package keyringtest is a key management server for tests: it answers as the
// public documents of the transit HTTP API of OpenBao and Vault say. It knows
// nothing of the keyring; no real server was ever asked whether it agrees.
package keyringtest

import (
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"coffer/internal/seal"
)

// Transit is a server with the transit engine: versions of one key "coffer",
// associated data, tokens, an AppRole "role-1", namespaces, health. What its
// fields say may be changed between requests, with Set.
type Transit struct {
	*httptest.Server
	TokenFile string // holds a token that is good
	CAFile    string // vouches for the server

	Tokens    map[string]bool
	Secret    string // of the role
	Logins    int
	Sealed    bool // the server lives and does nothing
	Namespace string

	mu   sync.Mutex
	keys []seal.Key // versions, from 1
}

// NewTransit starts a server that is gone after the test.
func NewTransit(t testing.TB) *Transit {
	t.Helper()
	s := &Transit{keys: []seal.Key{seal.NewKey()}, Tokens: map[string]bool{"s.good": true}, Secret: "secret-1"}
	s.Server = httptest.NewTLSServer(http.HandlerFunc(s.answer))
	t.Cleanup(s.Close)
	dir := t.TempDir()
	s.TokenFile, s.CAFile = filepath.Join(dir, "token"), filepath.Join(dir, "ca.pem")
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	for path, text := range map[string]string{s.TokenFile: "s.good\n", s.CAFile: string(ca)} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// Set changes what the fields say while the server is in use.
func (s *Transit) Set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

func (s *Transit) answer(w http.ResponseWriter, r *http.Request) {
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
		if s.Sealed {
			fail(503, "sealed")
		}
		return
	}
	if s.Sealed {
		fail(503, "sealed")
		return
	}
	if r.Header.Get("X-Vault-Namespace") != s.Namespace {
		fail(404, "no such namespace")
		return
	}
	if r.URL.Path == "/v1/auth/approle/login" {
		if in["role_id"] != "role-1" || in["secret_id"] != s.Secret {
			fail(400, "invalid role or secret ID")
			return
		}
		s.Logins++
		token := fmt.Sprint("s.role-", s.Logins)
		s.Tokens[token] = true
		json.NewEncoder(w).Encode(map[string]any{"auth": map[string]any{"client_token": token, "lease_duration": 3600}})
		return
	}
	if !s.Tokens[r.Header.Get("X-Vault-Token")] {
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
