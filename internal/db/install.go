package db

import "coffer"

// EnsureInstall returns the id of this installation. The first call of an empty
// database makes it.
func (tx *Tx) EnsureInstall() (id coffer.ID, err error) {
	if _, err := tx.exec(`INSERT INTO install (one, id, created_at) VALUES (1, $1, $2) ON CONFLICT (one) DO NOTHING`, coffer.RandomID(), tx.Now); err != nil {
		return id, err
	}
	return tx.Install()
}

// Install returns the id of this installation, coffer.ErrNotFound of none.
func (tx *Tx) Install() (id coffer.ID, err error) {
	err = tx.row(`SELECT id FROM install WHERE one = 1`).Scan(&id)
	return id, err
}

// LockInstall makes this transaction the only one that decides about the owners
// of the installation until it ends.
func (tx *Tx) LockInstall() error {
	return tx.execOne(`UPDATE install SET created_at = created_at WHERE one = 1`)
}

// SetSetupHash stores the hash of the newest setup code, nil when none counts.
func (tx *Tx) SetSetupHash(hash []byte) error {
	var v any
	if hash != nil {
		v = hash
	}
	return tx.execOne(`UPDATE install SET setup_hash = $1 WHERE one = 1`, v)
}

// SetupHash returns what SetSetupHash stored; nil when no code counts.
func (tx *Tx) SetupHash() (hash []byte, err error) {
	err = tx.row(`SELECT setup_hash FROM install WHERE one = 1`).Scan(&hash)
	return hash, err
}
