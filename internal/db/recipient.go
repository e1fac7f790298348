package db

import "coffer"

// Recipient is somebody whom a link was made for, known by an address. A link
// that has any, also such as are off, opens for those that are not, and for
// nobody else.
type Recipient struct {
	ID      coffer.ID
	LinkID  coffer.ID
	Email   string // ASCII lower case
	AddedAt int64
	OffAt   int64 // since when it opens nothing for them; 0 = it does
}

const recipientColumns = `id, link_id, email, added_at, COALESCE(off_at, 0)`

func scanRecipient(scan scan) (r Recipient, err error) {
	err = scan(&r.ID, &r.LinkID, &r.Email, &r.AddedAt, &r.OffAt)
	return r, err
}

// Recipients returns whom a link was made for, added first first.
func (tx *Tx) Recipients(link coffer.ID) ([]Recipient, error) {
	return collect(tx, scanRecipient, `SELECT `+recipientColumns+` FROM link_recipient WHERE link_id = $1 ORDER BY added_at, email`, link)
}

// RecipientByEmail returns a recipient of a link who may open it.
func (tx *Tx) RecipientByEmail(link coffer.ID, email string) (Recipient, error) {
	return scanRecipient(tx.row(`SELECT `+recipientColumns+` FROM link_recipient WHERE link_id = $1 AND email = $2 AND off_at IS NULL`, link, email).Scan)
}

// LetsIn reports whether a link opens for a recipient; the zero one is somebody
// who has proved no address.
func (tx *Tx) LetsIn(link, recipient coffer.ID) (yes bool, err error) {
	err = tx.row(`SELECT NOT EXISTS (SELECT 1 FROM link_recipient WHERE link_id = $1)
		OR EXISTS (SELECT 1 FROM link_recipient WHERE link_id = $1 AND id = $2 AND off_at IS NULL)`, link, recipient).Scan(&yes)
	return yes, err
}

// AddRecipient lets an address open a link, and reports whether that is new. It
// closes the link to everybody who is none of them.
func (tx *Tx) AddRecipient(r Recipient) (added bool, err error) {
	n, err := tx.revoke(`INSERT INTO link_recipient (id, link_id, email, added_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (link_id, email) DO UPDATE SET off_at = NULL, added_at = excluded.added_at WHERE link_recipient.off_at IS NOT NULL`, r.ID, r.LinkID, r.Email, tx.Now)
	return n > 0, err
}

// DropRecipient closes a link to one of its recipients: what they have proved
// counts no more. ErrNotFound where it is closed to them already.
func (tx *Tx) DropRecipient(link, id coffer.ID) (r Recipient, err error) {
	if err = tx.revokeOne(`UPDATE link_recipient SET off_at = $3 WHERE link_id = $1 AND id = $2 AND off_at IS NULL`, link, id, tx.Now); err != nil {
		return r, err
	}
	for _, q := range []string{`DELETE FROM visit WHERE recipient_id = $1`, `DELETE FROM link_code WHERE recipient_id = $1`} {
		if _, err := tx.exec(q, id); err != nil {
			return r, err
		}
	}
	return scanRecipient(tx.row(`SELECT `+recipientColumns+` FROM link_recipient WHERE id = $1`, id).Scan)
}

// LinkCode is the code that was mailed last to a recipient.
type LinkCode struct {
	RecipientID coffer.ID
	MAC         []byte
	KEKVer      uint32
	Until       int64
}

// PutLinkCode stores a code that is mailed now; it ends the one before. It
// reports false, and does nothing, where one was mailed since a time.
func (tx *Tx) PutLinkCode(c LinkCode, since int64) (bool, error) {
	n, err := tx.exec(`INSERT INTO link_code (recipient_id, mac, kek_ver, until, tries, sent_at) VALUES ($1, $2, $3, $4, 0, $5)
		ON CONFLICT (recipient_id) DO UPDATE SET mac = excluded.mac, kek_ver = excluded.kek_ver, until = excluded.until, tries = 0, sent_at = excluded.sent_at
			WHERE link_code.sent_at <= $6`, c.RecipientID, c.MAC, int64(c.KEKVer), c.Until, tx.Now, since)
	return n > 0, err
}

// TryLinkCode counts a try of a recipient's code and returns it. After most
// tries, or when its time is over, it is ErrNotFound.
func (tx *Tx) TryLinkCode(recipient coffer.ID, most int64) (c LinkCode, err error) {
	err = tx.row(`UPDATE link_code SET tries = tries + 1 WHERE recipient_id = $1 AND until > $2 AND tries < $3 RETURNING recipient_id, mac, kek_ver, until`,
		recipient, tx.Now, most).Scan(&c.RecipientID, &c.MAC, &c.KEKVer, &c.Until)
	return c, err
}

// TakeLinkCode uses a code up, and reports whether it was there: it counts once.
func (tx *Tx) TakeLinkCode(c LinkCode) (bool, error) {
	n, err := tx.exec(`DELETE FROM link_code WHERE recipient_id = $1 AND mac = $2`, c.RecipientID, c.MAC)
	return n > 0, err
}

// PurgeLinkCodes removes codes whose time is over.
func (tx *Tx) PurgeLinkCodes() error {
	_, err := tx.exec(`DELETE FROM link_code WHERE until <= $1`, tx.Now)
	return err
}

// Recipient returns a recipient by id.
func (tx *Tx) Recipient(id coffer.ID) (Recipient, error) {
	return scanRecipient(tx.row(`SELECT `+recipientColumns+` FROM link_recipient WHERE id = $1`, id).Scan)
}

// EndingLinks returns living links that end until a time and whose makers were
// not told of that end, apart from those that were made to last no longer than
// short (ms).
func (tx *Tx) EndingLinks(until, short int64, limit int) ([]LinkRow, error) {
	return collect(tx, scanLinkRow, `SELECT `+linkRowColumns+linkRowFrom+` WHERE `+linkLives+` AND l.ends_at <= $2 AND l.end_told <> l.ends_at AND l.ends_at > l.made_at + CAST($3 AS BIGINT)
		ORDER BY l.ends_at, l.id LIMIT CAST($4 AS BIGINT)`, tx.Now, until, short, limit)
}

// ToldEnding notes that the maker of a link was told of its end.
func (tx *Tx) ToldEnding(link coffer.ID, end int64) error {
	return tx.execOne(`UPDATE link SET end_told = $2 WHERE id = $1`, link, end)
}
