package db

import "coffer"

const sessionColumns = `s.id, s.user_id, s.user_agent, s.address, s.created_at, s.last_seen_at, s.stepped_up_at, s.expires_at`

func sessionFields(s *coffer.Session) []any {
	return []any{&s.ID, &s.UserID, &s.UserAgent, &s.Address, &s.CreatedAt, &s.LastSeenAt, &s.SteppedUpAt, &s.ExpiresAt}
}

func scanSession(scan scan) (s coffer.Session, err error) {
	err = scan(sessionFields(&s)...)
	return s, err
}

// InsertSession signs a browser in. hash is of its token.
func (tx *Tx) InsertSession(s coffer.Session, hash []byte) error {
	_, err := tx.exec(`INSERT INTO session (id, user_id, token_hash, user_agent, address, created_at, last_seen_at, stepped_up_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, s.ID, s.UserID, hash, s.UserAgent, s.Address, s.CreatedAt, s.LastSeenAt, s.SteppedUpAt, s.ExpiresAt)
	return err
}

// SessionByHash returns a session that has not ended, with its person: last
// seen after idleSince and before its absolute end.
func (tx *Tx) SessionByHash(hash []byte, idleSince int64) (s coffer.Session, u coffer.User, err error) {
	err = tx.row(`SELECT `+sessionColumns+`, `+userColumns+` FROM session AS s JOIN user_account AS u ON u.id = s.user_id
		WHERE s.token_hash = $1 AND s.expires_at > $2 AND s.last_seen_at > $3`, hash, tx.Now, idleSince).Scan(append(sessionFields(&s), userFields(&u)...)...)
	return s, u, err
}

// Sessions returns the sessions of a person that have not ended, last seen first.
func (tx *Tx) Sessions(user coffer.ID, idleSince int64) ([]coffer.Session, error) {
	return collect(tx, scanSession, `SELECT `+sessionColumns+` FROM session AS s
		WHERE s.user_id = $1 AND s.expires_at > $2 AND s.last_seen_at > $3 ORDER BY s.last_seen_at DESC, s.id DESC`, user, tx.Now, idleSince)
}

// TouchSession notes that a session was used now, from an address.
func (tx *Tx) TouchSession(id coffer.ID, address string) error {
	_, err := tx.exec(`UPDATE session SET last_seen_at = $2, address = $3 WHERE id = $1 AND last_seen_at < $2`, id, tx.Now, address)
	return err
}

// RotateSession gives a session another token; the password was proved now.
func (tx *Tx) RotateSession(id coffer.ID, hash []byte) error {
	return tx.execOne(`UPDATE session SET token_hash = $2, stepped_up_at = $3 WHERE id = $1`, id, hash, tx.Now)
}

// DeleteSession ends one session of a person; coffer.ErrNotFound when it is not
// theirs.
func (tx *Tx) DeleteSession(user, id coffer.ID) error {
	return tx.revokeOne(`DELETE FROM session WHERE id = $1 AND user_id = $2`, id, user)
}

// DeleteSessions ends all sessions of a person but one (zero: all), and tells
// how many.
func (tx *Tx) DeleteSessions(user, except coffer.ID) (int64, error) {
	return tx.revoke(`DELETE FROM session WHERE user_id = $1 AND id <> $2`, user, except[:])
}

// TrimSessions ends the sessions of a person that were seen longest ago, beyond
// keep.
func (tx *Tx) TrimSessions(user coffer.ID, keep int64) error {
	_, err := tx.revoke(`DELETE FROM session WHERE id IN
		(SELECT id FROM session WHERE user_id = $1 ORDER BY last_seen_at DESC, id DESC LIMIT 1000 OFFSET $2)`, user, keep)
	return err
}

// PurgeSessions removes sessions that have ended.
func (tx *Tx) PurgeSessions(idleSince int64) error {
	_, err := tx.exec(`DELETE FROM session WHERE expires_at <= $1 OR last_seen_at <= $2`, tx.Now, idleSince)
	return err
}

// DeleteSessionByHash ends the session of a token, if there is one.
func (tx *Tx) DeleteSessionByHash(hash []byte) error {
	_, err := tx.revoke(`DELETE FROM session WHERE token_hash = $1`, hash)
	return err
}
