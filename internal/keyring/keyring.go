package keyring

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"coffer"
	"coffer/internal/db"
	"coffer/internal/seal"
)

// Keyring holds the opened KEKs of an installation. Safe for concurrent use.
// Keys that another process adds are there after Refresh; a server Joins.
type Keyring struct {
	install  coffer.ID
	db       *db.DB
	provider Provider
	now      atomic.Pointer[ring]
	mu       sync.Mutex    // one Refresh at a time
	missed   chan struct{} // a key was asked for that is newer than the ring
}

// ring is what is in force; never changed.
type ring struct {
	active uint32
	newest uint32
	keks   map[uint32]seal.Key
}

func load(ctx context.Context, d *db.DB) (rows []db.KEK, err error) {
	err = d.View(ctx, func(tx *db.Tx) error {
		rows, err = tx.KEKs()
		return err
	})
	return rows, err
}

// Open opens all KEKs with the provider and proves each by its check record.
// An empty keyring gets its first KEK; foreign keys keep a KEK that anything
// was sealed with, so an empty one has nothing to lose. In all other cases
// nothing is written, and any key that does not open is an error with a
// sentence for the operator (see MasterKeys.Unwrap; "keyring_damaged" when a
// check record does not fit).
func Open(ctx context.Context, d *db.DB, p Provider, install coffer.ID) (*Keyring, error) {
	if install.IsZero() {
		panic("keyring: Open wants the id of the installation")
	}
	rows, err := load(ctx, d)
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		// ErrTaken: on PostgreSQL another server committed in between.
		if err := first(ctx, d, p, install); err != nil && !errors.Is(err, db.ErrTaken) {
			return nil, err
		}
	}
	k := &Keyring{install: install, db: d, provider: p, missed: make(chan struct{}, 1)}
	k.now.Store(&ring{})
	// Whoever made the first key, what is stored counts.
	if err := k.Refresh(ctx); err != nil {
		return nil, err
	}
	return k, nil
}

// Refresh takes over what has changed in the stored keyring: keys that were
// added, made active or retired. On an error all stays as it was.
func (k *Keyring) Refresh(ctx context.Context) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	rows, err := load(ctx, k.db)
	if err != nil {
		return err
	}
	old, fresh := k.now.Load(), &ring{keks: map[uint32]seal.Key{}}
	same := len(rows) == len(old.keks)
	for _, row := range rows {
		kek, known := old.keks[row.Version]
		if !known {
			same = false
			if kek, err = open(ctx, k.provider, k.install, row); err != nil {
				return err
			}
		}
		fresh.keks[row.Version] = kek
		fresh.newest = max(fresh.newest, row.Version)
		if row.Active {
			fresh.active = row.Version
		}
	}
	if fresh.active == 0 {
		return coffer.E(coffer.Internal, "keyring_damaged", "The keyring of this installation has no active key. Restore the database from a backup.")
	}
	if !same || fresh.active != old.active {
		k.now.Store(fresh)
	}
	return nil
}

// first makes KEK 1. The provider is asked before the transaction: it may be
// far away.
func first(ctx context.Context, d *db.DB, p Provider, install coffer.ID) error {
	kek := seal.NewKey()
	defer kek.Clear()
	const version = 1
	w, err := p.Wrap(ctx, kek.Bytes(), seal.KEK(install, version).Bytes())
	if err != nil {
		return err
	}
	row := db.KEK{Version: version, Active: true, Provider: w.Provider, KeyRef: w.KeyRef, Wrapped: w.Blob,
		Check: seal.Seal(kek, seal.KEKCheck(install, version), nil)}
	return d.Update(ctx, func(tx *db.Tx) error {
		// Another server may have been quicker: seen here, its key is there once
		// this transaction has ended.
		if there, err := tx.KEKs(); err != nil || len(there) > 0 {
			return err
		}
		return tx.InsertKEK(row)
	})
}

// open unwraps one KEK and proves it.
func open(ctx context.Context, p Provider, install coffer.ID, row db.KEK) (seal.Key, error) {
	raw, err := p.Unwrap(ctx, Wrapped{row.Provider, row.KeyRef, row.Wrapped}, seal.KEK(install, row.Version).Bytes())
	if err != nil {
		return seal.Key{}, err
	}
	defer clear(raw)
	kek, err := seal.ParseKey(raw)
	if err == nil {
		_, err = seal.Open(kek, seal.KEKCheck(install, row.Version), row.Check)
	}
	if err != nil {
		return seal.Key{}, &coffer.Error{Kind: coffer.Internal, Code: "keyring_damaged", Err: err, Msg: fmt.Sprintf(
			"Key %d of the keyring does not belong to this installation. Is it the right database, and the right master key?", row.Version)}
	}
	return kek, nil
}

// Check tells, cheaply, whether the provider of the master key can be used now.
func (k *Keyring) Check(ctx context.Context) error { return k.provider.Check(ctx) }

// Active returns the version of the KEK that new records are sealed under.
func (k *Keyring) Active() uint32 { return k.now.Load().active }

// kek returns a KEK by the version that a stored row names.
func (k *Keyring) kek(version uint32) (seal.Key, error) {
	r := k.now.Load()
	kek, ok := r.keks[version]
	switch {
	case ok:
		return kek, nil
	case version > r.newest: // made by another process a moment ago
		select {
		case k.missed <- struct{}{}:
		default:
		}
		return seal.Key{}, coffer.E(coffer.Busy, "keys_changing", "The keys of this server are being changed. Try again in a moment.")
	}
	return seal.Key{}, &coffer.Error{Kind: coffer.Corrupt, Code: "damaged", Msg: "A stored record is damaged, or belongs to another place.",
		Err: fmt.Errorf("keyring: no KEK of version %d", version)}
}

func (k *Keyring) seal(c func(kek uint32) seal.Context, plain []byte) ([]byte, uint32) {
	r := k.now.Load()
	return seal.Seal(r.keks[r.active], c(r.active), plain), r.active
}

func (k *Keyring) open(c func(kek uint32) seal.Context, version uint32, sealed []byte) ([]byte, error) {
	kek, err := k.kek(version)
	if err != nil {
		return nil, err
	}
	return seal.Open(kek, c(version), sealed)
}

// Authenticate opens one sealed record, as a rotation would, and forgets what is
// in it. key is that of the record's space and may be nil where c.Space is not.
func (k *Keyring) Authenticate(c db.SealedColumn, r db.SealedRecord, key *SpaceKey) error {
	var plain []byte
	var err error
	if c.Space {
		plain, err = seal.Open(key.key, spacePlace(c, r, key.version), r.Sealed)
	} else {
		plain, err = k.open(k.place(c, r), r.Version, r.Sealed)
	}
	clear(plain)
	return err
}

// SealPassword seals the stored form of a person's password. The version goes
// into the row beside it, as with all that follow.
func (k *Keyring) SealPassword(user coffer.ID, phc string) (sealed []byte, kekVersion uint32) {
	return k.seal(func(v uint32) seal.Context { return seal.PasswordHash(user, v) }, []byte(phc))
}

// OpenPassword opens what SealPassword sealed for the same person.
func (k *Keyring) OpenPassword(user coffer.ID, kekVersion uint32, sealed []byte) (phc string, err error) {
	b, err := k.open(func(v uint32) seal.Context { return seal.PasswordHash(user, v) }, kekVersion, sealed)
	return string(b), err
}

// SealLinkPassword seals the stored form of a link's password.
func (k *Keyring) SealLinkPassword(link coffer.ID, phc string) (sealed []byte, kekVersion uint32) {
	return k.seal(func(v uint32) seal.Context { return seal.LinkPassword(link, v) }, []byte(phc))
}

// OpenLinkPassword opens what SealLinkPassword sealed for the same link.
func (k *Keyring) OpenLinkPassword(link coffer.ID, kekVersion uint32, sealed []byte) (phc string, err error) {
	b, err := k.open(func(v uint32) seal.Context { return seal.LinkPassword(link, v) }, kekVersion, sealed)
	return string(b), err
}

// SealRequestPassword seals the PHC string of a file request's password.
func (k *Keyring) SealRequestPassword(request coffer.ID, phc string) (sealed []byte, kekVersion uint32) {
	return k.seal(func(kek uint32) seal.Context { return seal.RequestPassword(request, kek) }, []byte(phc))
}

// OpenRequestPassword opens what SealRequestPassword sealed.
func (k *Keyring) OpenRequestPassword(request coffer.ID, kekVersion uint32, sealed []byte) (phc string, err error) {
	b, err := k.open(func(kek uint32) seal.Context { return seal.RequestPassword(request, kek) }, kekVersion, sealed)
	return string(b), err
}

// SealMail seals a mail that waits to be sent, at most 1 MiB.
func (k *Keyring) SealMail(mail coffer.ID, body []byte) (sealed []byte, kekVersion uint32) {
	return k.seal(func(v uint32) seal.Context { return seal.Mail(k.install, mail, v) }, body)
}

// OpenMail opens what SealMail sealed under the same id.
func (k *Keyring) OpenMail(mail coffer.ID, kekVersion uint32, sealed []byte) ([]byte, error) {
	return k.open(func(v uint32) seal.Context { return seal.Mail(k.install, mail, v) }, kekVersion, sealed)
}

// SealSecret seals a secret of the server under a name.
func (k *Keyring) SealSecret(name string, secret []byte) (sealed []byte, kekVersion uint32) {
	return k.seal(func(v uint32) seal.Context { return seal.Secret(k.install, v, name) }, secret)
}

// OpenSecret opens what SealSecret sealed under the same name.
func (k *Keyring) OpenSecret(name string, kekVersion uint32, sealed []byte) ([]byte, error) {
	return k.open(func(v uint32) seal.Context { return seal.Secret(k.install, v, name) }, kekVersion, sealed)
}

// MACKey returns the 32-byte key for codes, cursors or tickets, one for each
// purpose (a constant of the caller) and KEK version. New codes take Active as
// version and carry it, so that they outlive a rotation.
func (k *Keyring) MACKey(purpose string, kekVersion uint32) ([]byte, error) {
	kek, err := k.kek(kekVersion)
	if err != nil {
		return nil, err
	}
	return kek.Derive("coffer/v1/mac/" + purpose), nil
}

// NewSpaceKey makes version 1 of a space's key, sealed, as the row to insert.
func (k *Keyring) NewSpaceKey(space coffer.ID) db.SpaceKey {
	row := k.newSpaceKey(space, 1)
	row.Active = true
	return row
}

func (k *Keyring) newSpaceKey(space coffer.ID, version uint32) db.SpaceKey {
	key := seal.NewKey()
	defer key.Clear()
	sealed, kek := k.seal(func(v uint32) seal.Context { return seal.SpaceKey(space, version, v) }, key.Bytes())
	return db.SpaceKey{SpaceID: space, Version: version, Wrap: db.WrapKEK, KEKVer: kek, Sealed: sealed}
}

// OpenSpaceKey opens a stored space key, which takes some microseconds: use it
// for one request and Clear it.
func (k *Keyring) OpenSpaceKey(row db.SpaceKey) (*SpaceKey, error) {
	if row.Wrap != db.WrapKEK {
		return nil, fmt.Errorf("keyring: space key wrapped as %q is not the server's to open", row.Wrap)
	}
	kek, err := k.kek(row.KEKVer)
	if err != nil {
		return nil, err
	}
	key, err := seal.OpenSpaceKey(kek, row.SpaceID, row.Version, row.KEKVer, row.Sealed)
	if err != nil {
		return nil, err
	}
	return &SpaceKey{row.SpaceID, row.Version, key}, nil
}

// SpaceKey is one opened version of the key of a space.
type SpaceKey struct {
	space   coffer.ID
	version uint32
	key     seal.Key
}

// Version returns the version that goes into the row beside each record.
func (s *SpaceKey) Version() uint32 { return s.version }

// Clear overwrites the key.
func (s *SpaceKey) Clear() { s.key.Clear() }

// SealDEK seals the file key of a version in its place: 149 bytes.
func (s *SpaceKey) SealDEK(node, version, blob coffer.ID, d seal.DEK) []byte {
	return seal.SealDEK(s.key, seal.FileKey(s.space, node, version, blob, s.version), d)
}

// OpenDEK opens what SealDEK sealed in the same place.
func (s *SpaceKey) OpenDEK(node, version, blob coffer.ID, sealed []byte) (seal.DEK, error) {
	return seal.OpenDEK(s.key, seal.FileKey(s.space, node, version, blob, s.version), sealed)
}

// SealThumbnail seals the file key of a small picture of a version.
func (s *SpaceKey) SealThumbnail(version, blob coffer.ID, d seal.DEK) []byte {
	return seal.SealDEK(s.key, seal.Thumbnail(s.space, version, blob, s.version), d)
}

// OpenThumbnail opens what SealThumbnail sealed in the same place.
func (s *SpaceKey) OpenThumbnail(version, blob coffer.ID, sealed []byte) (seal.DEK, error) {
	return seal.OpenDEK(s.key, seal.Thumbnail(s.space, version, blob, s.version), sealed)
}

// SealLinkToken seals the secret part of a link's address.
func (s *SpaceKey) SealLinkToken(link coffer.ID, token string) []byte {
	return seal.Seal(s.key, seal.LinkToken(s.space, link, s.version), []byte(token))
}

// OpenLinkToken opens what SealLinkToken sealed for the same link.
func (s *SpaceKey) OpenLinkToken(link coffer.ID, sealed []byte) (string, error) {
	b, err := seal.Open(s.key, seal.LinkToken(s.space, link, s.version), sealed)
	return string(b), err
}

// SealUpload seals the file key of an unfinished upload.
func (s *SpaceKey) SealUpload(upload, blob coffer.ID, d seal.DEK) []byte {
	return seal.SealUpload(s.key, seal.Upload(s.space, upload, blob, s.version), d)
}

// OpenUpload opens what SealUpload sealed for the same upload.
func (s *SpaceKey) OpenUpload(upload, blob coffer.ID, sealed []byte) (seal.DEK, error) {
	return seal.OpenUpload(s.key, seal.Upload(s.space, upload, blob, s.version), sealed)
}

// SealRequestToken seals the secret part of the address of a file request.
func (s *SpaceKey) SealRequestToken(request coffer.ID, token string) []byte {
	return seal.Seal(s.key, seal.RequestToken(s.space, request, s.version), []byte(token))
}

// OpenRequestToken opens what SealRequestToken sealed for the same request.
func (s *SpaceKey) OpenRequestToken(request coffer.ID, sealed []byte) (string, error) {
	b, err := seal.Open(s.key, seal.RequestToken(s.space, request, s.version), sealed)
	return string(b), err
}
