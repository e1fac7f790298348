package db

// revoke is exec for a statement that may take a right from somebody: end a
// session or a token, turn an account off, withdraw a grant, take a node away.
// Once in a transaction it tells all servers so, by a row that they look for.
func (tx *Tx) revoke(query string, args ...any) (rows int64, err error) {
	rows, err = tx.exec(query, args...)
	if err == nil && rows > 0 && !tx.revoked {
		tx.revoked = true
		_, err = tx.exec(`INSERT INTO revocation (at) VALUES ($1)`, tx.Now)
	}
	return rows, err
}

// revokeOne is execOne for such a statement.
func (tx *Tx) revokeOne(query string, args ...any) error {
	return mustOne(tx.revoke(query, args...))
}

// Revocations tells two states of the rows apart. The greatest number would not
// do: a transaction may commit after one that took a greater number. Rows that
// are purged change the least one.
type Revocations struct{ Count, Least, Greatest int64 }

// Revocations returns the present state.
func (tx *Tx) Revocations() (r Revocations, err error) {
	err = tx.row(`SELECT CAST(COUNT(*) AS BIGINT), COALESCE(MIN(num), 0), COALESCE(MAX(num), 0) FROM revocation`).Scan(&r.Count, &r.Least, &r.Greatest)
	return r, err
}

// PurgeRevocations removes rows from before a time.
func (tx *Tx) PurgeRevocations(before int64) error {
	_, err := tx.exec(`DELETE FROM revocation WHERE at < $1`, before)
	return err
}
