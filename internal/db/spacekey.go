package db

import (
	"bytes"

	"coffer"
)

// SpaceKey is one version of the key of a space, sealed.
type SpaceKey struct {
	SpaceID coffer.ID
	Version uint32
	Active  bool   // new records are sealed under this one
	Wrap    string // who can open it: WrapKEK
	KEKVer  uint32 // the key that sealed it
	Sealed  []byte
}

// WrapKEK says that a space key is sealed under a key of the keyring.
const WrapKEK = "kek"

const spaceKeyColumns = `space_id, sk_ver, active, wrap_kind, kek_ver, sealed`

func scanSpaceKey(scan scan) (k SpaceKey, err error) {
	err = scan(&k.SpaceID, &k.Version, &k.Active, &k.Wrap, &k.KEKVer, &k.Sealed)
	return k, err
}

// InsertSpaceKey adds a version of a space's key; its space must be there.
func (tx *Tx) InsertSpaceKey(k SpaceKey) error {
	_, err := tx.exec(`INSERT INTO space_key (space_id, sk_ver, active, wrap_kind, kek_ver, sealed, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		k.SpaceID, int64(k.Version), k.Active, k.Wrap, int64(k.KEKVer), k.Sealed, tx.Now)
	return err
}

// SpaceKey returns the version of a space's key that a record names.
func (tx *Tx) SpaceKey(space coffer.ID, version uint32) (SpaceKey, error) {
	return scanSpaceKey(tx.row(`SELECT `+spaceKeyColumns+` FROM space_key WHERE space_id = $1 AND sk_ver = $2`, space, int64(version)).Scan)
}

// CurrentSpaceKey returns the key that new records of a space are sealed under.
func (tx *Tx) CurrentSpaceKey(space coffer.ID) (SpaceKey, error) {
	return scanSpaceKey(tx.row(`SELECT `+spaceKeyColumns+` FROM space_key WHERE space_id = $1 AND active`, space).Scan)
}

// ActivateSpaceKey makes one version of a space's key the active one.
func (tx *Tx) ActivateSpaceKey(space coffer.ID, version uint32) error {
	if _, err := tx.exec(`UPDATE space_key SET active = FALSE, inactive_since = $1 WHERE space_id = $2 AND active AND sk_ver <> $3`, tx.Now, space, int64(version)); err != nil {
		return err
	}
	return tx.execOne(`UPDATE space_key SET active = TRUE, inactive_since = NULL WHERE space_id = $1 AND sk_ver = $2`, space, int64(version))
}

// erased is what is left of a sealed space key that was erased: the rows of
// files name its version until they are gone. No record begins like this.
var erased = []byte{0}

// Erased reports whether the key was erased.
func (k SpaceKey) Erased() bool { return bytes.Equal(k.Sealed, erased) }

// Erased reports whether the record is a key that was erased.
func (r SealedRecord) Erased() bool { return bytes.Equal(r.Sealed, erased) }

// eraseSpaceKeys makes everything in a space unreadable, for ever.
func (tx *Tx) eraseSpaceKeys(space coffer.ID) error {
	_, err := tx.exec(`UPDATE space_key SET sealed = $2, active = FALSE, inactive_since = COALESCE(inactive_since, $3) WHERE space_id = $1`, space, erased, tx.Now)
	return err
}

// SpaceKeys returns all versions of a space's key.
func (tx *Tx) SpaceKeys(space coffer.ID) ([]SpaceKey, error) {
	return collect(tx, scanSpaceKey, `SELECT `+spaceKeyColumns+` FROM space_key WHERE space_id = $1 ORDER BY sk_ver`, space)
}

// OldSpaceKey is a version of a space's key that is not active any more.
type OldSpaceKey struct {
	SpaceID       coffer.ID
	Version       uint32
	Active        uint32 // the version that is
	InactiveSince int64
}

// OldSpaceKeys returns versions that are not active any more, behind one in
// order of space and version (the zero ids: from the start).
func (tx *Tx) OldSpaceKeys(space coffer.ID, version uint32, limit int) ([]OldSpaceKey, error) {
	return collect(tx, func(scan scan) (k OldSpaceKey, err error) {
		err = scan(&k.SpaceID, &k.Version, &k.Active, &k.InactiveSince)
		return k, err
	}, `SELECT o.space_id, o.sk_ver, a.sk_ver, COALESCE(o.inactive_since, 0) FROM space_key AS o JOIN space_key AS a ON a.space_id = o.space_id AND a.active
		WHERE NOT o.active AND (o.space_id, o.sk_ver) > ($1, $2) ORDER BY o.space_id, o.sk_ver LIMIT CAST($3 AS BIGINT)`, space[:], int64(version), limit) // [:]: the zero id is NULL elsewhere
}

// SpacesKeyedBefore returns the ids of spaces whose active key is older than a
// time, behind one in their order.
func (tx *Tx) SpacesKeyedBefore(at int64, after coffer.ID, limit int) ([]coffer.ID, error) {
	return collect(tx, scanID, `SELECT space_id FROM space_key WHERE active AND created_at < $1 AND space_id > $2 ORDER BY space_id LIMIT CAST($3 AS BIGINT)`, at, after[:], limit)
}

// IsKeyedBefore reports whether the active key of a space is older than a time.
func (tx *Tx) IsKeyedBefore(space coffer.ID, at int64) (is bool, err error) {
	err = tx.row(`SELECT EXISTS (SELECT 1 FROM space_key WHERE space_id = $1 AND active AND created_at < $2)`, space, at).Scan(&is)
	return is, err
}

// DeleteSpaceKey removes a version that is not active. What is still sealed
// under it makes this fail.
func (tx *Tx) DeleteSpaceKey(space coffer.ID, version uint32) error {
	return tx.execOne(`DELETE FROM space_key WHERE space_id = $1 AND sk_ver = $2 AND NOT active`, space, int64(version))
}

// Rotation is the story of the newest rotation of a kind.
type Rotation struct {
	What      string // "kek" or "spaces"
	Target    uint32
	Total     int64
	Done      int64
	StartedAt int64
	EndedAt   int64 // 0: goes on
}

// Rotations returns the newest rotation of each kind.
func (tx *Tx) Rotations() ([]Rotation, error) {
	return collect(tx, func(scan scan) (r Rotation, err error) {
		err = scan(&r.What, &r.Target, &r.Total, &r.Done, &r.StartedAt, &r.EndedAt)
		return r, err
	}, `SELECT what, target, total, done, started_at, COALESCE(ended_at, 0) FROM rotation ORDER BY what`)
}

// StartRotation begins the story of a rotation.
func (tx *Tx) StartRotation(what string, target uint32, total int64) error {
	_, err := tx.exec(`INSERT INTO rotation (what, target, total, done, started_at) VALUES ($1, $2, $3, 0, $4)
		ON CONFLICT (what) DO UPDATE SET target = excluded.target, total = excluded.total, done = 0, started_at = excluded.started_at, ended_at = NULL`,
		what, int64(target), total, tx.Now)
	return err
}

// RotationDone adds to what a rotation has done.
func (tx *Tx) RotationDone(what string, n int64) error {
	_, err := tx.exec(`UPDATE rotation SET done = done + $1 WHERE what = $2 AND ended_at IS NULL`, n, what)
	return err
}

// EndRotation ends the story, if it goes on.
func (tx *Tx) EndRotation(what string) error {
	_, err := tx.exec(`UPDATE rotation SET ended_at = $1 WHERE what = $2 AND ended_at IS NULL`, tx.Now, what)
	return err
}
