package db

import "coffer"

// Signup is an account that waits for its address to be confirmed. Its id
// becomes the user's id, so that the password keeps its label.
type Signup struct {
	ID         coffer.ID
	Email      string
	Name       string
	Password   Password
	CookieHash []byte // of the browser that signed up
	LinkHash   []byte // of the mail's button
	CodeMAC    []byte // of the six digits
	CodeKEKVer uint32
	CodeUntil  int64
	CodeTries  int64
	Address    string // network that it was asked for from
	SentAt     int64
	CreatedAt  int64
	ExpiresAt  int64
}

const signupColumns = `id, email, name, password_sealed, kek_ver, cookie_hash, link_hash, code_mac, code_kek_ver, code_until, code_tries,
	address, sent_at, created_at, expires_at`

func scanSignup(scan scan) (s Signup, err error) {
	err = scan(&s.ID, &s.Email, &s.Name, &s.Password.Sealed, &s.Password.KEKVer, &s.CookieHash, &s.LinkHash, &s.CodeMAC, &s.CodeKEKVer, &s.CodeUntil, &s.CodeTries,
		&s.Address, &s.SentAt, &s.CreatedAt, &s.ExpiresAt)
	return s, err
}

// PutSignup stores a sign-up; it takes the place of any other of that address.
func (tx *Tx) PutSignup(s Signup) error {
	_, err := tx.exec(`INSERT INTO signup (id, email, name, password_sealed, kek_ver, cookie_hash, link_hash, code_mac, code_kek_ver, code_until, code_tries,
			address, sent_at, created_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
		ON CONFLICT (email) DO UPDATE SET id = excluded.id, name = excluded.name, password_sealed = excluded.password_sealed, kek_ver = excluded.kek_ver,
			cookie_hash = excluded.cookie_hash, link_hash = excluded.link_hash, code_mac = excluded.code_mac, code_kek_ver = excluded.code_kek_ver,
			code_until = excluded.code_until, code_tries = excluded.code_tries, address = excluded.address,
			sent_at = excluded.sent_at, created_at = excluded.created_at, expires_at = excluded.expires_at`,
		s.ID, s.Email, s.Name, s.Password.Sealed, int64(s.Password.KEKVer), s.CookieHash, s.LinkHash, s.CodeMAC, int64(s.CodeKEKVer), s.CodeUntil, s.CodeTries,
		s.Address, s.SentAt, s.CreatedAt, s.ExpiresAt)
	return err
}

// RenewSignup stores a new code and link for a sign-up that is still there,
// perhaps for another address, whose other sign-up it replaces. Id, cookie,
// password and name stay. coffer.ErrNotFound when it was confirmed meanwhile.
func (tx *Tx) RenewSignup(s Signup) error {
	if _, err := tx.exec(`DELETE FROM signup WHERE email = $1 AND id <> $2`, s.Email, s.ID); err != nil {
		return err
	}
	return tx.execOne(`UPDATE signup SET email = $2, link_hash = $3, code_mac = $4, code_kek_ver = $5, code_until = $6, code_tries = 0, sent_at = $7, expires_at = $8
		WHERE id = $1`, s.ID, s.Email, s.LinkHash, s.CodeMAC, int64(s.CodeKEKVer), s.CodeUntil, s.SentAt, s.ExpiresAt)
}

// SignupByCookie returns the living sign-up of a browser.
func (tx *Tx) SignupByCookie(hash []byte) (Signup, error) {
	return scanSignup(tx.row(`SELECT `+signupColumns+` FROM signup WHERE cookie_hash = $1 AND expires_at > $2`, hash, tx.Now).Scan)
}

// SignupByLink returns the living sign-up that a mail's button confirms.
func (tx *Tx) SignupByLink(hash []byte) (Signup, error) {
	return scanSignup(tx.row(`SELECT `+signupColumns+` FROM signup WHERE link_hash = $1 AND expires_at > $2`, hash, tx.Now).Scan)
}

// CountCodeTry counts a try of the six digits and returns the sign-up. After
// most tries, or when the code's time is over, it returns coffer.ErrNotFound.
func (tx *Tx) CountCodeTry(cookieHash []byte, most int64) (Signup, error) {
	return scanSignup(tx.row(`UPDATE signup SET code_tries = code_tries + 1
		WHERE cookie_hash = $1 AND expires_at > $2 AND code_until > $2 AND code_tries < $3 RETURNING `+signupColumns, cookieHash, tx.Now, most).Scan)
}

// TakeSignup removes the living sign-up that a link confirms and returns it: it
// counts once.
func (tx *Tx) TakeSignup(linkHash []byte) (Signup, error) {
	return scanSignup(tx.row(`DELETE FROM signup WHERE link_hash = $1 AND expires_at > $2 RETURNING `+signupColumns, linkHash, tx.Now).Scan)
}

// DeleteSignup removes the sign-up of an address, if there is one.
func (tx *Tx) DeleteSignup(email string) error {
	_, err := tx.exec(`DELETE FROM signup WHERE email = $1`, email)
	return err
}

// PurgeSignups removes sign-ups whose time is over.
func (tx *Tx) PurgeSignups() error {
	_, err := tx.exec(`DELETE FROM signup WHERE expires_at <= $1`, tx.Now)
	return err
}
