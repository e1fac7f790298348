package db

import "coffer"

// Mail is a letter that waits to be sent, sealed under the label "mail".
type Mail struct {
	ID     coffer.ID
	Sealed []byte
	KEKVer uint32
}

// InsertMail stores a letter. The job that sends it belongs into the same
// transaction.
func (tx *Tx) InsertMail(m Mail) error {
	_, err := tx.exec(`INSERT INTO mail (id, sealed, kek_ver, created_at) VALUES ($1, $2, $3, $4)`, m.ID, m.Sealed, int64(m.KEKVer), tx.Now)
	return err
}

// Mail returns a letter that still waits.
func (tx *Tx) Mail(id coffer.ID) (m Mail, err error) {
	err = tx.row(`SELECT id, sealed, kek_ver FROM mail WHERE id = $1`, id).Scan(&m.ID, &m.Sealed, &m.KEKVer)
	return m, err
}

// DeleteMail forgets a letter; one that is gone already is fine.
func (tx *Tx) DeleteMail(id coffer.ID) error {
	_, err := tx.exec(`DELETE FROM mail WHERE id = $1`, id)
	return err
}

// PurgeMails forgets letters that could not be sent since before a time.
func (tx *Tx) PurgeMails(before int64) error {
	_, err := tx.exec(`DELETE FROM mail WHERE created_at < $1`, before)
	return err
}
