package keyring

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"coffer"
)

const (
	kindTransit    = "transit"
	transitTimeout = 10 * time.Second
	transitAnswer  = 1 << 20 // most that an answer may have
)

// TransitOptions say where a key management server with the transit HTTP API of
// OpenBao and HashiCorp Vault is, and how to sign in to it: with a token from a
// file that somebody keeps fresh, or as an AppRole.
type TransitOptions struct {
	URL       *url.URL // scheme and host; https, or http on this machine
	Mount     string   // of the transit engine; "" = transit
	Key       string   // name of the key, which the server never gives out
	Namespace string   // "" = none
	TokenFile string
	RoleID    string
	SecretID  string // file that holds it
	CAFile    string // PEM; "" = the system's
}

// Transit wraps keys at a key management server. The server knows its key, we
// never see it.
type Transit struct {
	o    TransitOptions
	http *http.Client

	mu    sync.Mutex
	token string // of the AppRole; "" = sign in first
}

// NewTransit returns a provider; nothing is asked yet.
func NewTransit(o TransitOptions) (*Transit, error) {
	if o.Mount == "" {
		o.Mount = "transit"
	}
	secure := &tls.Config{MinVersion: tls.VersionTLS12}
	if o.CAFile != "" {
		pem, err := os.ReadFile(o.CAFile)
		if err != nil {
			return nil, fmt.Errorf("transit-ca: %w", err)
		}
		secure.RootCAs = x509.NewCertPool()
		if !secure.RootCAs.AppendCertsFromPEM(pem) {
			return nil, coffer.E(coffer.Invalid, "transit_ca_invalid", "The file of transit-ca holds no certificate (PEM).")
		}
	}
	return &Transit{o: o, http: &http.Client{
		Timeout:       transitTimeout,
		Transport:     &http.Transport{TLSClientConfig: secure, ForceAttemptHTTP2: true, IdleConnTimeout: time.Minute},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// ref names the key for rows: mount/key.
func (t *Transit) ref() string { return t.o.Mount + "/" + t.o.Key }

// Wrap implements Provider with POST /v1/:mount/encrypt/:key.
func (t *Transit) Wrap(ctx context.Context, key, aad []byte) (Wrapped, error) {
	var out struct {
		Ciphertext string `json:"ciphertext"`
	}
	err := t.data(ctx, "POST", "encrypt", map[string]string{"plaintext": base64.StdEncoding.EncodeToString(key), "associated_data": base64.StdEncoding.EncodeToString(aad)}, &out)
	if err != nil {
		return Wrapped{}, err
	}
	if out.Ciphertext == "" {
		return Wrapped{}, t.odd(errors.New("an answer without ciphertext"))
	}
	return Wrapped{kindTransit, t.ref(), []byte(out.Ciphertext)}, nil
}

// Unwrap implements Provider with POST /v1/:mount/decrypt/:key.
func (t *Transit) Unwrap(ctx context.Context, w Wrapped, aad []byte) ([]byte, error) {
	if w.Provider != kindTransit || w.KeyRef != t.ref() {
		return nil, coffer.E(coffer.Internal, "master_key_missing", fmt.Sprintf(
			"The keyring was sealed by %s %q, but the transit key %q is configured. Configure the one that was used, or say \"keys migrate\" first.", w.Provider, w.KeyRef, t.ref()))
	}
	var out struct {
		Plaintext string `json:"plaintext"`
	}
	err := t.data(ctx, "POST", "decrypt", map[string]string{"ciphertext": string(w.Blob), "associated_data": base64.StdEncoding.EncodeToString(aad)}, &out)
	if status := (*statusError)(nil); errors.As(err, &status) && status.status == http.StatusBadRequest {
		return nil, &coffer.Error{Kind: coffer.Internal, Code: "master_key_wrong", Err: err, Msg: fmt.Sprintf(
			"The transit key %q does not open the keyring of this installation. Is it the right server, and the right key?", t.ref())}
	}
	if err != nil {
		return nil, err
	}
	key, err := base64.StdEncoding.DecodeString(out.Plaintext)
	if err != nil {
		return nil, t.odd(errors.New("a plaintext that is no base64"))
	}
	return key, nil
}

// Rotate makes a new version of the key at the server, with which Wrap wraps
// from then on: POST /v1/:mount/keys/:key/rotate.
func (t *Transit) Rotate(ctx context.Context) error {
	return t.call(ctx, "POST", "/v1/"+t.o.Mount+"/keys/"+url.PathEscape(t.o.Key)+"/rotate", nil, nil)
}

// Check implements Provider with GET /v1/sys/health: unsealed, active or standby.
func (t *Transit) Check(ctx context.Context) error {
	err := t.send(ctx, "GET", "/v1/sys/health?standbyok=true&perfstandbyok=true", "", nil, nil)
	if status := (*statusError)(nil); errors.As(err, &status) {
		return &coffer.Error{Kind: coffer.Busy, Code: "transit_not_ready", Err: err, Msg: "The key management server is sealed or not ready."}
	}
	return err
}

func (t *Transit) data(ctx context.Context, method, act string, in map[string]string, out any) error {
	var answer struct {
		Data json.RawMessage `json:"data"`
	}
	if err := t.call(ctx, method, "/v1/"+t.o.Mount+"/"+act+"/"+url.PathEscape(t.o.Key), in, &answer); err != nil {
		return err
	}
	if err := json.Unmarshal(answer.Data, out); err != nil {
		return t.odd(errors.New("an answer without data"))
	}
	return nil
}

// call sends with a token. A token of an AppRole that has ended is renewed once.
func (t *Transit) call(ctx context.Context, method, path string, in map[string]string, out any) error {
	for again := range 2 {
		token, err := t.proof(ctx, again == 1)
		if err != nil {
			return err
		}
		err = t.send(ctx, method, path, token, in, out)
		status := (*statusError)(nil)
		if !errors.As(err, &status) || status.status != http.StatusForbidden {
			return err
		}
		if again == 1 || t.o.RoleID == "" {
			return &coffer.Error{Kind: coffer.Internal, Code: "transit_denied", Err: err, Msg: fmt.Sprintf(
				"The key management server does not let this token use the key %q. Is the token good, and does its policy allow encrypt and decrypt?", t.ref())}
		}
	}
	return nil
}

// proof returns the token to send. The file is read each time: whoever renews
// it need not tell us.
func (t *Transit) proof(ctx context.Context, fresh bool) (string, error) {
	if t.o.RoleID == "" {
		b, err := os.ReadFile(t.o.TokenFile)
		if err != nil {
			return "", fmt.Errorf("transit-token-file: %w", err)
		}
		return strings.TrimSpace(string(b)), nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.token != "" && !fresh {
		return t.token, nil
	}
	secret, err := os.ReadFile(t.o.SecretID)
	if err != nil {
		return "", fmt.Errorf("transit-secret-id-file: %w", err)
	}
	var answer struct {
		Auth struct {
			Token string `json:"client_token"`
		} `json:"auth"`
	}
	err = t.send(ctx, "POST", "/v1/auth/approle/login", "", map[string]string{"role_id": t.o.RoleID, "secret_id": strings.TrimSpace(string(secret))}, &answer)
	if status := (*statusError)(nil); errors.As(err, &status) && status.status < 500 {
		return "", &coffer.Error{Kind: coffer.Internal, Code: "transit_denied", Err: err, Msg: "The key management server does not accept the role id and the secret id of transit-role-id and transit-secret-id-file."}
	}
	if err != nil {
		return "", err
	}
	if answer.Auth.Token == "" {
		return "", t.odd(errors.New("a sign-in without a token"))
	}
	t.token = answer.Auth.Token
	return t.token, nil
}

// statusError is an answer that is not 2xx. It repeats nothing of the body,
// which may repeat what was sent.
type statusError struct{ status int }

func (e *statusError) Error() string {
	return fmt.Sprintf("transit: the server answered %d %s", e.status, http.StatusText(e.status))
}

func (t *Transit) send(ctx context.Context, method, path, token string, in map[string]string, out any) error {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	r, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(t.o.URL.String(), "/")+path, body)
	if err != nil {
		return err
	}
	r.Header.Set("X-Vault-Request", "true")
	for name, value := range map[string]string{"X-Vault-Token": token, "X-Vault-Namespace": t.o.Namespace} {
		if value != "" {
			r.Header.Set(name, value)
		}
	}
	if in != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	res, err := t.http.Do(r)
	if err != nil {
		return &coffer.Error{Kind: coffer.Busy, Code: "transit_unreachable", Err: err, Msg: fmt.Sprintf("The key management server %s cannot be reached.", t.o.URL.Host)}
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, transitAnswer))
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return &statusError{res.StatusCode}
	}
	if err != nil {
		return t.odd(err)
	}
	defer clear(answer)
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return t.odd(errors.New("an answer that is no JSON"))
	}
	return nil
}

func (t *Transit) odd(cause error) error {
	return &coffer.Error{Kind: coffer.Internal, Code: "transit_odd", Err: cause, Msg: fmt.Sprintf("The server %s does not answer as a transit key management server does.", t.o.URL.Host)}
}
