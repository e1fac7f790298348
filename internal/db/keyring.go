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
		err = scan(&k.Version, &k.Active, &k.Provider, &k.KeyRef, &k.Wrapped, &k.Check)
		return k, err
	}, `SELECT kek_ver, active, provider, key_ref, wrapped, check_sealed FROM keyring ORDER BY kek_ver`)
}
