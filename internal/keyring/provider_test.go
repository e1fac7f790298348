package keyring

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"coffer"
	"coffer/internal/seal"
)

// line is a key file line with a key of one repeated byte.
func line(id string, b byte) string {
	return keyPrefix + ":" + id + ":" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{b}, 32))
}

func code(err error) string {
	if e, ok := errors.AsType[*coffer.Error](err); ok {
		return e.Code
	}
	return fmt.Sprint(err)
}

func keyFile(t *testing.T, text string, mode fs.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "master.key")
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // whatever the umask
		t.Fatal(err)
	}
	return path
}

func fromFile(t *testing.T, text string) *MasterKeys {
	t.Helper()
	m, err := OpenFile(keyFile(t, text, 0o600))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func fromEnv(t *testing.T, text string) *MasterKeys {
	t.Helper()
	m, err := OpenEnv(text)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestProviders runs the contract on every provider.
func TestProviders(t *testing.T) {
	for name, open := range map[string]func(*testing.T, string) *MasterKeys{"file": fromFile, "env": fromEnv} {
		t.Run(name, func(t *testing.T) {
			testProvider(t, open(t, line("a", 1)), open(t, line("b", 2)))
			testRotatedProvider(t, func(text string) Provider { return open(t, text) })
		})
	}
}

// testProvider is the contract of a Provider. other is one of another
// installation.
func testProvider(t *testing.T, p, other Provider) {
	ctx := t.Context()
	key, aad := seal.NewKey().Bytes(), seal.KEK(coffer.ID{1}, 1).Bytes()
	if err := p.Check(ctx); err != nil {
		t.Fatalf("Check: %v", err)
	}
	w, err := p.Wrap(ctx, key, aad)
	if err != nil {
		t.Fatal(err)
	}
	if w.Provider == "" || w.KeyRef == "" || bytes.Contains(w.Blob, key[:8]) {
		t.Fatalf("wrapped as %q %q, %d bytes", w.Provider, w.KeyRef, len(w.Blob))
	}
	got, err := p.Unwrap(ctx, w, aad)
	if err != nil || !bytes.Equal(got, key) {
		t.Fatalf("Unwrap: %v", err)
	}
	again, _ := p.Wrap(ctx, key, aad)
	if bytes.Equal(again.Blob, w.Blob) {
		t.Error("two wraps of a key are the same bytes")
	}
	refuse := func(what string, p Provider, w Wrapped, aad []byte) {
		t.Helper()
		if got, err := p.Unwrap(ctx, w, aad); err == nil || got != nil {
			t.Errorf("%s: unwrapped", what)
		}
	}
	refuse("another version", p, w, seal.KEK(coffer.ID{1}, 2).Bytes())
	refuse("another installation", p, w, seal.KEK(coffer.ID{2}, 1).Bytes())
	refuse("no aad", p, w, nil)
	refuse("another provider's keys", other, w, aad)
	foreign := w
	foreign.KeyRef = "unknown"
	refuse("unknown key", p, foreign, aad)
	foreign = w
	foreign.Provider = "elsewhere"
	refuse("unknown provider", p, foreign, aad)
	for i := range w.Blob {
		bad := w
		bad.Blob = bytes.Clone(w.Blob)
		bad.Blob[i] ^= 1
		refuse(fmt.Sprint("byte ", i, " flipped"), p, bad, aad)
		bad.Blob = w.Blob[:i]
		refuse(fmt.Sprint("cut at ", i), p, bad, aad)
	}
}

// testRotatedProvider puts a new key in front: it wraps, the old one still unwraps.
func testRotatedProvider(t *testing.T, open func(string) Provider) {
	ctx := t.Context()
	aad := seal.KEK(coffer.ID{1}, 1).Bytes()
	old, err := open(line("old", 1)).Wrap(ctx, make([]byte, 32), aad)
	if err != nil {
		t.Fatal(err)
	}
	both := open("# two keys\n\n" + line("new", 2) + "\r\n" + line("old", 1) + "\n")
	if _, err := both.Unwrap(ctx, old, aad); err != nil {
		t.Errorf("the old key is there, but %v", err)
	}
	w, err := both.Wrap(ctx, make([]byte, 32), aad)
	if err != nil || w.KeyRef != "new" {
		t.Errorf("wrapped with %q, %v", w.KeyRef, err)
	}
	if _, err := open(line("new", 2)).Unwrap(ctx, old, aad); code(err) != "master_key_missing" {
		t.Errorf("the old key is gone: %v", err)
	}
	if _, err := open(line("old", 3)).Unwrap(ctx, old, aad); code(err) != "master_key_wrong" {
		t.Errorf("another key under the old name: %v", err)
	}
}

// TestFileAndEnvAreOneFormat: a key may move from a file to a variable.
func TestFileAndEnvAreOneFormat(t *testing.T) {
	f, e := fromFile(t, line("a", 1)), fromEnv(t, line("a", 1))
	aad := seal.KEK(coffer.ID{1}, 1).Bytes()
	for _, pair := range [][2]Provider{{f, e}, {e, f}} {
		w, err := pair[0].Wrap(t.Context(), make([]byte, 32), aad)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := pair[1].Unwrap(t.Context(), w, aad); err != nil {
			t.Error(err)
		}
	}
}

func TestGenerateFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "master.key")
	if _, err := OpenFile(path); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("no file: %v", err)
	}
	if err := GenerateFile(path); err != nil {
		t.Fatal(err)
	}
	first, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if info, _ := os.Stat(path); info.Mode() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	m, err := OpenFile(path)
	if err != nil || len(m.keys) != 1 || !strings.HasPrefix(string(first), keyPrefix+":"+m.ActiveID()+":") {
		t.Fatalf("a new file does not open: %v", err)
	}
	if err := GenerateFile(path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a second time: %v", err)
	}
	if now, _ := os.ReadFile(path); !bytes.Equal(now, first) {
		t.Fatal("the key was replaced")
	}
	if names, _ := os.ReadDir(dir); len(names) != 1 {
		t.Errorf("%d files are left", len(names))
	}
	other := filepath.Join(dir, "other.key")
	if err := GenerateFile(other); err != nil {
		t.Fatal(err)
	}
	if second, _ := os.ReadFile(other); bytes.Equal(first, second) {
		t.Error("two files hold one key")
	}
	if err := GenerateFile(filepath.Join(dir, "nowhere", "k")); err == nil {
		t.Error("made a file in a folder that is not there")
	}
}

func TestOpenFileRefusesOthers(t *testing.T) {
	for _, mode := range []fs.FileMode{0o640, 0o604, 0o644, 0o620, 0o602, 0o601, 0o660} {
		if _, err := OpenFile(keyFile(t, line("a", 1), mode)); code(err) != "master_key_readable" {
			t.Errorf("mode %04o: %v", mode, err)
		}
	}
	for _, mode := range []fs.FileMode{0o600, 0o400, 0o700} {
		if _, err := OpenFile(keyFile(t, line("a", 1), mode)); err != nil {
			t.Errorf("mode %04o: %v", mode, err)
		}
	}
	for path, want := range map[string]bool{
		"/run/credentials/coffer.service/master.key": true,
		"/run/secrets/master_key":                    true,
		"/run/secretsX/master_key":                   false,
		"/run/secrets/../x":                          false,
		"/data/master.key":                           false,
		"run/secrets/key":                            false,
	} {
		if guardedFolder(path) != want {
			t.Errorf("%s: guarded %v", path, !want)
		}
	}
}

func TestParseKeys(t *testing.T) {
	b64 := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{0x5a}, 32))
	for what, text := range map[string]string{
		"empty":           "",
		"comments only":   "# a\n\n  # b",
		"version 2":       "coffer-master-key-v2:a:" + b64,
		"no id":           keyPrefix + "::" + b64,
		"upper case id":   keyPrefix + ":A:" + b64,
		"long id":         keyPrefix + ":" + strings.Repeat("a", 65) + ":" + b64,
		"two parts":       keyPrefix + ":" + b64,
		"four parts":      keyPrefix + ":a:" + b64 + ":",
		"31 bytes":        keyPrefix + ":a:" + base64.StdEncoding.EncodeToString(make([]byte, 31)),
		"33 bytes":        keyPrefix + ":a:" + base64.StdEncoding.EncodeToString(make([]byte, 33)),
		"no padding":      keyPrefix + ":a:" + strings.TrimRight(b64, "="),
		"trailing bits":   keyPrefix + ":a:" + b64[:42] + "p=",
		"url alphabet":    keyPrefix + ":a:" + base64.URLEncoding.EncodeToString(bytes.Repeat([]byte{0xff}, 32)),
		"twice":           line("a", 1) + "\n" + line("a", 2),
		"second is wrong": line("a", 1) + "\n" + b64,
		"too long":        line("a", 1) + "\n#" + strings.Repeat("x", maxKeyFile),
	} {
		_, err := OpenEnv(text)
		if code(err) != "master_key_invalid" {
			t.Errorf("%s: %v", what, err)
		} else if strings.Contains(err.Error(), b64[:10]) {
			t.Errorf("%s: the error shows the key: %v", what, err)
		}
	}
}

func FuzzParseKeys(f *testing.F) {
	f.Add(line("a", 1) + "\n" + line("b-2", 2))
	f.Add("# comment\n" + keyPrefix + ":x:AAAA")
	f.Fuzz(func(t *testing.T, text string) {
		m, err := OpenEnv(text)
		if err != nil {
			return
		}
		// What was read is written as lines that are read the same.
		var lines []string
		for _, k := range m.keys {
			lines = append(lines, keyPrefix+":"+k.id+":"+base64.StdEncoding.EncodeToString(k.key.Bytes()))
		}
		again, err := OpenEnv(strings.Join(lines, "\n"))
		if err != nil || len(again.keys) != len(m.keys) || again.ActiveID() != m.ActiveID() {
			t.Fatalf("%q does not survive: %v", text, err)
		}
	})
}

// TestKeysDoNotShow prints what holds keys.
func TestKeysDoNotShow(t *testing.T) {
	m := fromEnv(t, keyPrefix+":a:"+base64.StdEncoding.EncodeToString([]byte("THE-SECRET-KEY-OF-32-BYTES-LONG!")))
	for _, v := range []any{m, m.keys, &ring{keks: map[uint32]seal.Key{1: m.keys[0].key}}, SpaceKey{key: m.keys[0].key}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
			if s := fmt.Sprintf(verb, v); strings.Contains(s, "THE-SECRET") || strings.Contains(s, "84 72 69 45") || strings.Contains(s, "0x54, 0x48") || strings.Contains(s, "5448452d") {
				t.Fatalf("%s of %T shows a key", verb, v)
			}
		}
	}
}
