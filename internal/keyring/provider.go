// Package keyring holds the keys of an installation: a provider keeps master
// keys and wraps key-encryption keys (KEKs), these seal space keys and the
// server's own secrets, space keys seal file keys. It knows keys, versions and
// the rows they are stored in; it must not know users' rights, files, or what
// the secrets are for.
//
// KEKs are held in memory while the server runs; space keys and file keys are
// opened when used and never kept.
package keyring

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"coffer"
	"coffer/internal/seal"
)

// Provider keeps master keys and wraps KEKs with them. Every provider passes
// the suite in provider_test.go.
type Provider interface {
	// Wrap seals a key with the provider's active master key, bound to aad.
	Wrap(ctx context.Context, key, aad []byte) (Wrapped, error)
	// Unwrap opens what Wrap gave, under the same aad only.
	Unwrap(ctx context.Context, w Wrapped, aad []byte) ([]byte, error)
	// Check tells, cheaply, whether the provider can be used now.
	Check(ctx context.Context) error
}

// Wrapped is a key wrapped by a provider.
type Wrapped struct {
	Provider string // kind of the provider
	KeyRef   string // its name of the master key
	Blob     []byte
}

// Kinds of local providers. Their wraps are of one format, so a key may move
// from a file to a variable and back.
const (
	kindFile = "file"
	kindEnv  = "env"
)

// keyPrefix starts each line of a key file:
//
//	coffer-master-key-v1:<key id>:<base64 of 32 bytes>
const keyPrefix = "coffer-master-key-v1"

const maxKeyFile = 64 << 10

// MasterKeys are master keys at hand: from a file or from an environment
// variable. The first one is active; the others only unwrap.
type MasterKeys struct {
	kind  string
	where string // for sentences
	path  string // of the file; "" of a variable

	mu   sync.Mutex // the file is read again when a key is missing
	keys []masterKey
}

type masterKey struct {
	id  string
	key seal.Key
}

// OpenFile reads a file of master keys. A file that others than its owner may
// read is refused, unless the system that made it guards it by its folder:
// systemd credentials and container secrets. A missing file is
// fs.ErrNotExist.
func OpenFile(path string) (*MasterKeys, error) {
	keys, err := readFile(path)
	if err != nil {
		return nil, err
	}
	return &MasterKeys{kind: kindFile, where: "the file " + path, path: path, keys: keys}, nil
}

func readFile(path string) ([]masterKey, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 && !guardedFolder(path) {
		return nil, coffer.E(coffer.Invalid, "master_key_readable", fmt.Sprintf(
			"Others than its owner may read the master key file %s (mode %04o). Take that right away with: chmod 600 %s", path, info.Mode().Perm(), path))
	}
	text, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	if err != nil {
		return nil, err
	}
	defer clear(text)
	return parseKeys("the file "+path, text)
}

// guardedFolder reports whether files in this folder are shown to this service
// only, whatever their mode says: systemd shows an access list as group
// rights, container secrets are mode 0444 by default.
func guardedFolder(path string) bool {
	full, err := filepath.Abs(path)
	if err != nil {
		return false
	}
	if real, err := filepath.EvalSymlinks(full); err == nil {
		full = real
	}
	return strings.HasPrefix(full, "/run/credentials/") || strings.HasPrefix(full, "/run/secrets/")
}

// OpenEnv reads master keys from the value of a variable: the same lines.
func OpenEnv(value string) (*MasterKeys, error) {
	const where = "the environment variable"
	keys, err := parseKeys(where, []byte(value))
	if err != nil {
		return nil, err
	}
	return &MasterKeys{kind: kindEnv, where: where, keys: keys}, nil
}

// parseKeys reads lines. Empty ones and those that start with # are passed
// over. Errors name lines, never what stands in them.
func parseKeys(where string, text []byte) ([]masterKey, error) {
	var keys []masterKey
	bad := func(line int, what string) error {
		return coffer.E(coffer.Invalid, "master_key_invalid", fmt.Sprintf(
			"Line %d of %s is no master key: %s. A line is %s:<key id>:<base64 of 32 bytes>.", line, where, what, keyPrefix))
	}
	if len(text) > maxKeyFile {
		return nil, bad(1, "it is too long")
	}
	for i, line := range strings.Split(string(text), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		parts := strings.Split(line, ":")
		if len(parts) != 3 || parts[0] != keyPrefix {
			return nil, bad(i+1, "it does not have the three parts")
		}
		if !validKeyID(parts[1]) {
			return nil, bad(i+1, "its key id is not 1 to 64 of a-z, 0-9 and -")
		}
		if find(keys, parts[1]) != nil {
			return nil, bad(i+1, "its key id is there twice")
		}
		raw, err := base64.StdEncoding.Strict().DecodeString(parts[2])
		if err != nil || len(raw) != 32 {
			clear(raw)
			return nil, bad(i+1, "its key is not the base64 of 32 bytes")
		}
		key, err := seal.ParseKey(raw)
		clear(raw)
		if err != nil {
			return nil, err
		}
		keys = append(keys, masterKey{parts[1], key})
	}
	if len(keys) == 0 {
		return nil, coffer.E(coffer.Invalid, "master_key_invalid", "There is no master key in "+where+".")
	}
	return keys, nil
}

func validKeyID(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return len(s) >= 1 && len(s) <= 64
}

// GenerateFile makes a master key file with one random key, mode 0600,
// durable. It never replaces a file: then the error is fs.ErrExist.
func GenerateFile(path string) error {
	return writeFile(path, newLine()+"\n", false)
}

// newLine is a line with a random key under a random id.
func newLine() string {
	var id [5]byte
	copy(id[:], seal.NewKey().Bytes())
	key := seal.NewKey()
	defer key.Clear()
	return lineOf(coffer.EncodeBase32(id[:]), key)
}

func lineOf(id string, key seal.Key) string {
	return keyPrefix + ":" + id + ":" + base64.StdEncoding.EncodeToString(key.Bytes())
}

// WriteFile makes a master key file of lines that were exported. Like
// GenerateFile it never replaces one.
func WriteFile(path, lines string) error {
	if _, err := parseKeys("the export", []byte(lines)); err != nil {
		return err
	}
	return writeFile(path, strings.TrimSpace(lines)+"\n", false)
}

// writeFile writes a file of keys, mode 0600, whole or not at all.
func writeFile(path, text string, replace bool) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, ".master.key.*") // mode 0600
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		return &coffer.Error{Kind: coffer.Conflict, Code: "master_key_readonly", Err: err, Msg: fmt.Sprintf(
			"The folder %s of the master key file cannot be written to, so the file stays as it is. Change it where it comes from: a new key stands in front, the old ones behind it (see docs/keys.md), then say this again.", dir)}
	}
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if replace {
		if err := keepOwner(f.Name(), path); err != nil {
			return err
		}
		err = os.Rename(f.Name(), path)
	} else { // a link cannot replace, and shows the whole file or none
		err = os.Link(f.Name(), path)
	}
	if err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// AddKey puts a new random key in front of the file: it is the active one from
// now on. The older ones stay and unwrap. Keys of a variable cannot be added
// to: coffer.Conflict "master_key_elsewhere".
func (m *MasterKeys) AddKey() error {
	return m.edit(func(text string) (string, error) { return newLine() + "\n" + text, nil })
}

// RemoveKeys takes keys out of the file that keep does not name. The active one
// always stays. It returns the ids of those that went.
func (m *MasterKeys) RemoveKeys(keep map[string]bool) (gone []string, err error) {
	err = m.edit(func(text string) (string, error) {
		var b strings.Builder
		first := true
		for line := range strings.Lines(text) {
			if parts := strings.Split(strings.TrimSpace(line), ":"); len(parts) == 3 && parts[0] == keyPrefix {
				if !first && !keep[parts[1]] {
					gone = append(gone, parts[1])
					continue
				}
				first = false
			}
			b.WriteString(line)
		}
		return b.String(), nil
	})
	return gone, err
}

func (m *MasterKeys) edit(change func(text string) (string, error)) error {
	if m.path == "" {
		return coffer.E(coffer.Conflict, "master_key_elsewhere", "The master key is in an environment variable, which only you can change: put a new line in front of it, keep the old one behind it, and say \"keys rotate\" again.")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	text, err := os.ReadFile(m.path)
	if err != nil {
		return err
	}
	defer clear(text)
	changed, err := change(string(text))
	if err != nil {
		return err
	}
	keys, err := parseKeys(m.where, []byte(changed))
	if err != nil {
		return err
	}
	if changed != string(text) {
		if err := writeFile(m.path, changed, true); err != nil {
			return err
		}
	}
	m.keys = keys
	return nil
}

func find(keys []masterKey, id string) *masterKey {
	for i := range keys {
		if keys[i].id == id {
			return &keys[i]
		}
	}
	return nil
}

// find returns a key by its id, nil when there is none. A file may have got
// one since it was read.
func (m *MasterKeys) find(id string) *masterKey {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := find(m.keys, id)
	if k == nil && m.path != "" {
		if keys, err := readFile(m.path); err == nil {
			m.keys = keys
			k = find(keys, id)
		}
	}
	return k
}

func (m *MasterKeys) active() masterKey {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.keys[0]
}

// ActiveID returns the id of the key that wraps, which is no secret.
func (m *MasterKeys) ActiveID() string { return m.active().id }

// IDs returns the ids of all keys, the active one first.
func (m *MasterKeys) IDs() (ids []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, k := range m.keys {
		ids = append(ids, k.id)
	}
	return ids
}

// lines are the keys as a file holds them, for an export.
func (m *MasterKeys) lines() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var b strings.Builder
	for _, k := range m.keys {
		b.WriteString(lineOf(k.id, k.key) + "\n")
	}
	return b.String()
}

// Wrap implements Provider.
func (m *MasterKeys) Wrap(_ context.Context, key, aad []byte) (Wrapped, error) {
	c, err := seal.ContextFromAAD(aad)
	if err != nil {
		return Wrapped{}, err
	}
	active := m.active()
	return Wrapped{m.kind, active.id, seal.Seal(active.key, c, key)}, nil
}

// Unwrap implements Provider. A master key that is not there is
// coffer.Internal "master_key_missing", a wrong one or a changed wrap
// "master_key_wrong".
func (m *MasterKeys) Unwrap(_ context.Context, w Wrapped, aad []byte) ([]byte, error) {
	if w.Provider != kindFile && w.Provider != kindEnv {
		return nil, coffer.E(coffer.Internal, "master_key_missing", fmt.Sprintf(
			"The keyring was sealed by the key provider %q, but %s is configured.", w.Provider, m.where))
	}
	k := m.find(w.KeyRef)
	if k == nil {
		return nil, coffer.E(coffer.Internal, "master_key_missing", fmt.Sprintf(
			"The keyring was sealed with the master key %q, which is not in %s. Put back the master key of this installation.", w.KeyRef, m.where))
	}
	c, err := seal.ContextFromAAD(aad)
	if err != nil {
		return nil, err
	}
	key, err := seal.Open(k.key, c, w.Blob)
	if err != nil {
		return nil, &coffer.Error{Kind: coffer.Internal, Code: "master_key_wrong", Err: err, Msg: fmt.Sprintf(
			"The master key %q in %s does not open the keyring of this installation. Put back the right one.", w.KeyRef, m.where)}
	}
	return key, nil
}

// Check implements Provider: keys at hand can always be used.
func (m *MasterKeys) Check(ctx context.Context) error { return ctx.Err() }
