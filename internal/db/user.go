package db

import "coffer"

// Password is the sealed hash of a password (label "pwhash").
type Password struct {
	Sealed []byte
	KEKVer uint32
}

const userColumns = `u.id, u.email, u.name, u.role, u.disabled, u.theme, u.language, u.created_at, u.password_changed_at, u.last_seen_at`

func userFields(u *coffer.User) []any {
	return []any{&u.ID, &u.Email, &u.Name, &u.Role, &u.Disabled, &u.Theme, &u.Language, &u.CreatedAt, &u.PasswordChangedAt, &u.LastSeenAt}
}

func scanUser(scan scan) (u coffer.User, err error) { err = scan(userFields(&u)...); return u, err }

// InsertUser adds a person. It returns ErrTaken when the address has an account
// already; the transaction can go on.
func (tx *Tx) InsertUser(u coffer.User, p Password) error {
	n, err := tx.exec(`INSERT INTO user_account (id, email, name, role, disabled, password_sealed, kek_ver, theme, language, created_at, password_changed_at, last_seen_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (email) DO NOTHING`,
		u.ID, u.Email, u.Name, u.Role, u.Disabled, p.Sealed, int64(p.KEKVer), u.Theme, u.Language, u.CreatedAt, u.PasswordChangedAt, u.LastSeenAt)
	if err == nil && n == 0 {
		return ErrTaken
	}
	return err
}

// User returns a person by id.
func (tx *Tx) User(id coffer.ID) (coffer.User, error) {
	return scanUser(tx.row(`SELECT `+userColumns+` FROM user_account AS u WHERE u.id = $1`, id).Scan)
}

// UserByEmail returns a person and the password by the stored address.
func (tx *Tx) UserByEmail(email string) (u coffer.User, p Password, err error) {
	err = tx.row(`SELECT `+userColumns+`, u.password_sealed, u.kek_ver FROM user_account AS u WHERE u.email = $1`, email).
		Scan(append(userFields(&u), &p.Sealed, &p.KEKVer)...)
	return u, p, err
}

// LockUser is UserByEmail, and makes this transaction the only one that decides
// about the person's password, sessions, tokens and resets until it ends.
func (tx *Tx) LockUser(email string) (coffer.User, Password, error) {
	if err := tx.execOne(`UPDATE user_account SET disabled = disabled WHERE email = $1`, email); err != nil {
		return coffer.User{}, Password{}, err
	}
	return tx.UserByEmail(email)
}

// ReplacePassword stores the same password under other costs or another key. It
// does nothing when the password is not old any more.
func (tx *Tx) ReplacePassword(id coffer.ID, old, same Password) error {
	_, err := tx.exec(`UPDATE user_account SET password_sealed = $3, kek_ver = $4 WHERE id = $1 AND password_sealed = $2`,
		id, old.Sealed, same.Sealed, int64(same.KEKVer))
	return err
}

// ChangePassword stores a new password.
func (tx *Tx) ChangePassword(id coffer.ID, p Password) error {
	return tx.execOne(`UPDATE user_account SET password_sealed = $2, kek_ver = $3, password_changed_at = $4 WHERE id = $1`,
		id, p.Sealed, int64(p.KEKVer), tx.Now)
}

// UpdateUser stores what a person sets about themselves: name, theme, language.
func (tx *Tx) UpdateUser(u coffer.User) error {
	return tx.execOne(`UPDATE user_account SET name = $2, theme = $3, language = $4 WHERE id = $1`, u.ID, u.Name, u.Theme, u.Language)
}

// SetUserDisabled turns an account off or on.
func (tx *Tx) SetUserDisabled(id coffer.ID, disabled bool) error {
	return tx.revokeOne(`UPDATE user_account SET disabled = $2 WHERE id = $1`, id, disabled)
}

// DeleteUser removes a person, with all that they can be known by: sessions,
// tokens, resets, known sign-ins, and the invitations that they sent.
func (tx *Tx) DeleteUser(id coffer.ID) error {
	return tx.revokeOne(`DELETE FROM user_account WHERE id = $1`, id)
}

// TouchUser notes that a person was here now.
func (tx *Tx) TouchUser(id coffer.ID) error {
	_, err := tx.exec(`UPDATE user_account SET last_seen_at = $2 WHERE id = $1`, id, tx.Now)
	return err
}

// Account is a person as administrators see them: with the bytes of the own
// space, but nothing of what is in it.
type Account struct {
	coffer.User
	Used, Reserved int64
	Quota          *int64 // as of SetQuota
}

// Accounts returns all people, in no order.
func (tx *Tx) Accounts() ([]Account, error) { return tx.accounts(`TRUE`) }

// Account returns one person.
func (tx *Tx) Account(id coffer.ID) (Account, error) {
	all, err := tx.accounts(`u.id = $1`, id)
	if err == nil && len(all) == 0 {
		return Account{}, coffer.ErrNotFound
	}
	if err != nil {
		return Account{}, err
	}
	return all[0], nil
}

func (tx *Tx) accounts(where string, args ...any) ([]Account, error) {
	return collect(tx, func(scan scan) (a Account, err error) {
		err = scan(append(userFields(&a.User), &a.Quota, &a.Used, &a.Reserved)...)
		return a, err
	}, `SELECT `+userColumns+`, u.quota, COALESCE(s.used, 0), COALESCE(s.reserved, 0)
		FROM user_account AS u LEFT JOIN space AS s ON s.owner_id = u.id WHERE `+where, args...)
}

// Owners counts the owners of the installation: all, and those not turned off.
func (tx *Tx) Owners() (all, enabled int64, err error) {
	err = tx.row(`SELECT COUNT(*), CAST(COALESCE(SUM(CASE WHEN disabled THEN 0 ELSE 1 END), 0) AS BIGINT) FROM user_account WHERE role = $1`,
		coffer.RoleOwner).Scan(&all, &enabled)
	return all, enabled, err
}

// KnownSignIn reports whether a mark of an account was seen since a time.
func (tx *Tx) KnownSignIn(user coffer.ID, mark string, since int64) (bool, error) {
	var n int64
	err := tx.row(`SELECT COUNT(*) FROM known_sign_in WHERE user_id = $1 AND mark = $2 AND seen_at >= $3`, user, mark, since).Scan(&n)
	return n > 0, err
}

// HasSignedIn reports whether anything is known of where an account signs in.
func (tx *Tx) HasSignedIn(user coffer.ID) (bool, error) {
	var n int64
	err := tx.row(`SELECT COUNT(*) FROM known_sign_in WHERE user_id = $1`, user).Scan(&n)
	return n > 0, err
}

// MarkSignIn notes that a mark of an account was seen now.
func (tx *Tx) MarkSignIn(user coffer.ID, mark string) error {
	_, err := tx.exec(`INSERT INTO known_sign_in (user_id, mark, seen_at) VALUES ($1, $2, $3)
		ON CONFLICT (user_id, mark) DO UPDATE SET seen_at = excluded.seen_at`, user, mark, tx.Now)
	return err
}

// PurgeSignIns forgets marks not seen since a time, except an account's newest:
// an account that nothing is known of would count as never signed in.
func (tx *Tx) PurgeSignIns(before int64) error {
	_, err := tx.exec(`DELETE FROM known_sign_in WHERE seen_at < $1
		AND EXISTS (SELECT 1 FROM known_sign_in AS k WHERE k.user_id = known_sign_in.user_id AND k.seen_at > known_sign_in.seen_at)`, before)
	return err
}

// KnownNetwork is KnownSignIn for an address, which need not have an account.
func (tx *Tx) KnownNetwork(email, mark string, since int64) (bool, error) {
	var n int64
	err := tx.row(`SELECT COUNT(*) FROM known_sign_in AS k JOIN user_account AS u ON u.id = k.user_id
		WHERE u.email = $1 AND k.mark = $2 AND k.seen_at >= $3`, email, mark, since).Scan(&n)
	return n > 0, err
}
