package db

import (
	"strings"

	"coffer"
)

const tokenColumns = `t.id, t.user_id, t.name, t.last4, t.scopes, t.address, t.created_at, t.last_used_at, t.expires_at`

func scanTokenAnd(scan scan, more ...any) (t coffer.Token, err error) {
	var scopes string
	err = scan(append([]any{&t.ID, &t.UserID, &t.Name, &t.Last4, &scopes, &t.Address, &t.CreatedAt, &t.LastUsedAt, &t.ExpiresAt}, more...)...)
	for _, s := range strings.Fields(scopes) {
		t.Scopes = append(t.Scopes, coffer.Scope(s))
	}
	return t, err
}

func scanToken(scan scan) (coffer.Token, error) { return scanTokenAnd(scan) }

// InsertToken stores a bearer token. hash is of its text.
func (tx *Tx) InsertToken(t coffer.Token, hash []byte) error {
	scopes := make([]string, len(t.Scopes))
	for i, s := range t.Scopes {
		scopes[i] = string(s)
	}
	_, err := tx.exec(`INSERT INTO token (id, user_id, token_hash, name, last4, scopes, address, created_at, last_used_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		t.ID, t.UserID, hash, t.Name, t.Last4, strings.Join(scopes, " "), t.Address, t.CreatedAt, t.LastUsedAt, t.ExpiresAt)
	return err
}

// TokenByHash returns a token that has not ended, with its person.
func (tx *Tx) TokenByHash(hash []byte) (t coffer.Token, u coffer.User, err error) {
	t, err = scanTokenAnd(tx.row(`SELECT `+tokenColumns+`, `+userColumns+` FROM token AS t JOIN user_account AS u ON u.id = t.user_id
		WHERE t.token_hash = $1 AND t.expires_at > $2`, hash, tx.Now).Scan, userFields(&u)...)
	return t, u, err
}

// Tokens returns the tokens of a person that have not ended, last used first.
func (tx *Tx) Tokens(user coffer.ID) ([]coffer.Token, error) {
	return collect(tx, scanToken, `SELECT `+tokenColumns+` FROM token AS t
		WHERE t.user_id = $1 AND t.expires_at > $2 ORDER BY t.last_used_at DESC, t.id DESC`, user, tx.Now)
}

// TouchToken notes that a token was used now, from an address.
func (tx *Tx) TouchToken(id coffer.ID, address string) error {
	_, err := tx.exec(`UPDATE token SET last_used_at = $2, address = $3 WHERE id = $1 AND last_used_at < $2`, id, tx.Now, address)
	return err
}

// DeleteToken ends one token of a person; coffer.ErrNotFound when it is not
// theirs.
func (tx *Tx) DeleteToken(user, id coffer.ID) error {
	return tx.revokeOne(`DELETE FROM token WHERE id = $1 AND user_id = $2`, id, user)
}

// DeleteTokens ends all tokens of a person but one (zero: all), and tells how
// many.
func (tx *Tx) DeleteTokens(user, except coffer.ID) (int64, error) {
	return tx.revoke(`DELETE FROM token WHERE user_id = $1 AND id <> $2`, user, except[:])
}

// TrimTokens ends the tokens of a person that were used longest ago, beyond
// keep.
func (tx *Tx) TrimTokens(user coffer.ID, keep int64) error {
	_, err := tx.revoke(`DELETE FROM token WHERE id IN
		(SELECT id FROM token WHERE user_id = $1 ORDER BY last_used_at DESC, id DESC LIMIT 1000 OFFSET $2)`, user, keep)
	return err
}

// PurgeTokens removes tokens that have ended.
func (tx *Tx) PurgeTokens() error {
	_, err := tx.exec(`DELETE FROM token WHERE expires_at <= $1`, tx.Now)
	return err
}

// InsertReset stores the hash of a mailed token that may set a new password.
func (tx *Tx) InsertReset(id, user coffer.ID, hash []byte, expires int64) error {
	_, err := tx.exec(`INSERT INTO password_reset (id, user_id, token_hash, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)`, id, user, hash, tx.Now, expires)
	return err
}

// Reset returns the person that a living reset token is for.
func (tx *Tx) Reset(hash []byte) (coffer.User, error) {
	return scanUser(tx.row(`SELECT `+userColumns+` FROM password_reset AS r JOIN user_account AS u ON u.id = r.user_id
		WHERE r.token_hash = $1 AND r.expires_at > $2`, hash, tx.Now).Scan)
}

// TakeReset removes a living reset token: it counts once. coffer.ErrNotFound
// when it is not there.
func (tx *Tx) TakeReset(hash []byte) error {
	return tx.execOne(`DELETE FROM password_reset WHERE token_hash = $1 AND expires_at > $2`, hash, tx.Now)
}

// DeleteResets ends all reset tokens of a person.
func (tx *Tx) DeleteResets(user coffer.ID) error {
	_, err := tx.exec(`DELETE FROM password_reset WHERE user_id = $1`, user)
	return err
}

// PurgeResets removes reset tokens whose time is over.
func (tx *Tx) PurgeResets() error {
	_, err := tx.exec(`DELETE FROM password_reset WHERE expires_at <= $1`, tx.Now)
	return err
}
