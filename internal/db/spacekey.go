package db

import "coffer"

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
