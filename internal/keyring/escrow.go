package keyring

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"filippo.io/age"

	"coffer"
	"coffer/internal/db"
	"coffer/internal/seal"
)

// An Escrow is what opens an installation without its provider of the master
// key: kept away from the data, as an age file to one or more recipients.
type Escrow struct {
	Install coffer.ID
	Master  string // lines of the master key file; "" when the provider gives no key out
	KEKs    []EscrowKEK
}

// EscrowKEK is one KEK in the clear.
type EscrowKEK struct {
	Version uint32
	Key     seal.Key
}

// escrowFile is the JSON inside the age file (docs/keys.md).
type escrowFile struct {
	Format  string       `json:"format"`
	Install string       `json:"install_id"`
	Master  string       `json:"master_key_file,omitempty"`
	KEKs    []escrowLine `json:"keks"`
}

type escrowLine struct {
	Version uint32 `json:"version"`
	Key     string `json:"key"` // base64
}

const escrowFormat = "coffer-escrow-v1"

// maxEscrow bounds what is read of an age file.
const maxEscrow = 16 << 20

// ParseRecipients reads age recipients: age1... (X25519) and age1pq... (hybrid
// post-quantum).
func ParseRecipients(texts []string) ([]age.Recipient, error) {
	all, err := age.ParseRecipients(strings.NewReader(strings.Join(texts, "\n")))
	if err != nil {
		return nil, &coffer.Error{Kind: coffer.Invalid, Code: "recipient_invalid", Err: err, Msg: "A recipient is a line age1... or age1pq..., as age-keygen prints it (\"public key\")."}
	}
	return all, nil
}

// Export writes the keys to w as an age file that each of the recipients can
// open, and remembers that this state of the keys was exported.
func (k *Keyring) Export(ctx context.Context, w io.Writer, recipients []age.Recipient) error {
	if err := k.Refresh(ctx); err != nil {
		return err
	}
	r := k.now.Load()
	out := escrowFile{Format: escrowFormat, Install: k.install.String()}
	if m, ok := k.provider.(*MasterKeys); ok {
		out.Master = m.lines()
	}
	for _, version := range slices.Sorted(maps.Keys(r.keks)) {
		out.KEKs = append(out.KEKs, escrowLine{version, base64.StdEncoding.EncodeToString(r.keks[version].Bytes())})
	}
	plain, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return err
	}
	defer clear(plain)
	sealed, err := age.Encrypt(w, recipients...)
	if err != nil {
		return err
	}
	if _, err := sealed.Write(append(plain, '\n')); err != nil {
		return err
	}
	return sealed.Close()
}

// The setting that remembers the newest KEK, and the wrap of it, that was
// exported.
const settingEscrow = "escrow"

// Exported remembers that an export of the present keys is in safety.
func (k *Keyring) Exported(ctx context.Context) error {
	return k.db.Update(ctx, func(tx *db.Tx) error {
		mark, err := escrowMark(tx)
		if err != nil {
			return err
		}
		return tx.SetSetting(settingEscrow, strconv.FormatInt(tx.Now, 10)+" "+mark)
	})
}

// escrowMark names the present keys: what an older export does not hold.
func escrowMark(tx *db.Tx) (string, error) {
	rows, err := tx.KEKs()
	if err != nil || len(rows) == 0 {
		return "", err
	}
	last := rows[len(rows)-1]
	return fmt.Sprintf("%d %s %s", last.Version, last.Provider, last.KeyRef), nil
}

// EscrowState tells when the keys were exported last (ms, 0: never) and whether
// that export holds the present ones.
func (k *Keyring) EscrowState(ctx context.Context) (at int64, current bool, err error) {
	err = k.db.View(ctx, func(tx *db.Tx) error {
		all, err := tx.Settings()
		if err != nil {
			return err
		}
		when, mark, found := strings.Cut(all[settingEscrow], " ")
		if !found {
			return nil
		}
		if at, err = strconv.ParseInt(when, 10, 64); err != nil {
			return fmt.Errorf("keyring: setting %s: %w", settingEscrow, err)
		}
		now, err := escrowMark(tx)
		current = mark == now
		return err
	})
	return at, current, err
}

// ReadEscrow opens an age file that Export wrote, with age identities as they
// stand in a file of age-keygen.
func ReadEscrow(file, identities io.Reader) (*Escrow, error) {
	bad := func(code, msg string, cause error) error {
		return &coffer.Error{Kind: coffer.Invalid, Code: code, Msg: msg, Err: cause}
	}
	ids, err := age.ParseIdentities(identities)
	if err != nil {
		return nil, bad("identity_invalid", "The identity file holds no age identity (a line AGE-SECRET-KEY-...).", nil) // the cause may repeat a secret
	}
	plain, err := age.Decrypt(file, ids...)
	if no := (*age.NoIdentityMatchError)(nil); errors.As(err, &no) {
		return nil, bad("identity_wrong", "None of these identities opens the export: it was made for other recipients.", nil)
	}
	if err != nil {
		return nil, bad("escrow_invalid", "This is no export of Coffer's keys, or it is damaged.", err)
	}
	b, err := io.ReadAll(io.LimitReader(plain, maxEscrow))
	if err != nil {
		return nil, bad("escrow_invalid", "The export is damaged.", err)
	}
	defer clear(b)
	var in escrowFile
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil || in.Format != escrowFormat {
		return nil, bad("escrow_invalid", "The age file opens, but is no export of Coffer's keys.", nil)
	}
	e := &Escrow{Master: in.Master}
	if e.Install, err = coffer.ParseID(in.Install); err != nil {
		return nil, bad("escrow_invalid", "The export names no installation.", err)
	}
	for _, kek := range in.KEKs {
		raw, err := base64.StdEncoding.Strict().DecodeString(kek.Key)
		if err != nil {
			return nil, bad("escrow_invalid", "A key in the export cannot be read.", nil)
		}
		key, err := seal.ParseKey(raw)
		clear(raw)
		if err != nil {
			return nil, bad("escrow_invalid", "A key in the export cannot be read.", err)
		}
		e.KEKs = append(e.KEKs, EscrowKEK{kek.Version, key})
	}
	return e, nil
}

// Provider opens the stored keyring with the exported KEKs, whatever wrapped
// them. It wraps nothing.
func (e *Escrow) Provider() Provider { return escrowed{e} }

type escrowed struct{ e *Escrow }

// Wrap refuses: an export is for opening.
func (escrowed) Wrap(context.Context, []byte, []byte) (Wrapped, error) {
	return Wrapped{}, coffer.E(coffer.Conflict, "escrow_only_opens", "An export of the keys only opens. Say \"keys import\" to work with this installation again.")
}

// Unwrap finds the key that belongs in this place.
func (p escrowed) Unwrap(_ context.Context, _ Wrapped, aad []byte) ([]byte, error) {
	for _, k := range p.e.KEKs {
		if bytes.Equal(aad, seal.KEK(p.e.Install, k.Version).Bytes()) {
			return bytes.Clone(k.Key.Bytes()), nil
		}
	}
	return nil, coffer.E(coffer.Internal, "master_key_missing", "The export does not hold every key of this installation: it is older than the last rotation, or of another installation.")
}

// Check has nothing to ask.
func (escrowed) Check(context.Context) error { return nil }
