package db

// KEK is a key-encryption key as it is stored: wrapped by the provider of the
// master key, with a record that proves which key it is.
type KEK struct {
	Version  uint32
	Active   bool // new records are sealed under this one
	Provider string
	KeyRef   string // the provider's name of the master key
	Wrapped  []byte
	Check    []byte // sealed

	CreatedAt     int64
	InactiveSince int64 // 0: active, or not active yet
}

// InsertKEK adds a key. Its version, or a second active one, may be ErrTaken.
func (tx *Tx) InsertKEK(k KEK) error {
	_, err := tx.exec(`INSERT INTO keyring (kek_ver, active, provider, key_ref, wrapped, check_sealed, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		int64(k.Version), k.Active, k.Provider, k.KeyRef, k.Wrapped, k.Check, tx.Now)
	return err
}

// KEKs returns all keys in order of version. Rows that refer to a key keep it
// from being removed.
func (tx *Tx) KEKs() ([]KEK, error) {
	return collect(tx, func(scan scan) (k KEK, err error) {
		err = scan(&k.Version, &k.Active, &k.Provider, &k.KeyRef, &k.Wrapped, &k.Check, &k.CreatedAt, &k.InactiveSince)
		return k, err
	}, `SELECT kek_ver, active, provider, key_ref, wrapped, check_sealed, created_at, COALESCE(inactive_since, 0) FROM keyring ORDER BY kek_ver`)
}

// ActivateKEK makes a key the active one: from now on records are sealed under
// it.
func (tx *Tx) ActivateKEK(version uint32) error {
	if _, err := tx.exec(`UPDATE keyring SET active = FALSE, inactive_since = $1 WHERE active AND kek_ver <> $2`, tx.Now, int64(version)); err != nil {
		return err
	}
	return tx.execOne(`UPDATE keyring SET active = TRUE, inactive_since = NULL WHERE kek_ver = $1`, int64(version))
}

// SetWrap stores a key as another master key has wrapped it.
func (tx *Tx) SetWrap(version uint32, provider, keyRef string, wrapped []byte) error {
	return tx.execOne(`UPDATE keyring SET provider = $1, key_ref = $2, wrapped = $3 WHERE kek_ver = $4`, provider, keyRef, wrapped, int64(version))
}

// DeleteKEK removes a key that is not active. What is still sealed under it
// makes this fail.
func (tx *Tx) DeleteKEK(version uint32) error {
	return tx.execOne(`DELETE FROM keyring WHERE kek_ver = $1 AND NOT active`, int64(version))
}
