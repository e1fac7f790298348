package main_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"coffer"
	"coffer/internal/client"
	"coffer/internal/db/dbtest"
	"coffer/internal/keyring/keyringtest"
)

// TestTransit serves with the master key at a key management server, while that
// goes away and comes back, rotates every key there, and moves to a file.
func TestTransit(t *testing.T) {
	dbtest.EachDSN(t, func(t *testing.T, newDSN func() string) {
		kms := keyringtest.NewTransit(t)
		in := newInstallation(t, newDSN())
		file := in.env
		in.env = append(in.env, "COFFER_MASTER_KEY=transit:coffer", "COFFER_TRANSIT_URL="+kms.URL, "COFFER_TRANSIT_TOKEN_FILE="+kms.TokenFile, "COFFER_TRANSIT_CA="+kms.CAFile)
		in.ann()
		p := in.serve()
		ready := func(want int, why string) {
			t.Helper()
			res, err := http.Get(p.url + "/readyz")
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if b, _ := io.ReadAll(res.Body); res.StatusCode != want || !strings.Contains(string(b), why) {
				t.Errorf("/readyz: %d %s, want %d %s", res.StatusCode, b, want, why)
			}
		}
		c, err := client.New(p.url, client.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Login(t.Context(), "ann@example.org", password, "test"); err != nil {
			t.Fatal(err)
		}
		token := c.Token()
		put := func(name string) {
			t.Helper()
			if c, err = client.New(p.url, client.Options{Token: token}); err != nil {
				t.Fatal(err)
			}
			root, err := c.Resolve(t.Context(), "/")
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.Upload(t.Context(), client.Upload{Parent: root.ID, Name: name, IfExists: coffer.Fail, Size: 3,
				Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader([]byte("abc"))), nil }})
			if err != nil {
				t.Fatal(err)
			}
		}
		ready(http.StatusOK, "ready")
		put("before.txt")

		kms.Set(func() { kms.Sealed = true })
		ready(http.StatusServiceUnavailable, "not ready: keys")
		put("meanwhile.txt") // the keys are in memory
		if _, code := in.cofferd("", "keys", "rotate"); code == 0 {
			t.Error("rotated at a server that is sealed")
		}
		p.stop(syscall.SIGTERM)
		if _, err := start(in.dir, in.env, "--data", "data"); err == nil || !strings.Contains(err.Error(), "does not open this installation") {
			t.Errorf("started without its master key: %v", err)
		}
		kms.Set(func() { kms.Sealed = false })
		p = in.serve()
		ready(http.StatusOK, "ready")
		put("after.txt")
		if out, code := in.cofferd("", "keys", "rotate", "--all"); code != 0 || !strings.Contains(out, "KEK 2 is active") {
			t.Fatalf("rotate --all: %d %s", code, out)
		}
		put("rotated.txt")
		if _, code := in.cofferd("", "keys", "migrate", "--to", "file:data/master.key"); code != 0 {
			t.Fatal("migrate")
		}
		p.stop(syscall.SIGTERM)
		kms.Close()
		in.env = file
		p = in.serve()
		put("at home.txt")
		p.stop(syscall.SIGTERM)
		wantNoDamage(t, in)
	})
}
