package db

import "coffer"

// InsertSelection stores what a ticket for a ZIP names, in order.
func (tx *Tx) InsertSelection(id coffer.ID, nodes []coffer.ID, expires int64) error {
	_, err := tx.exec(`INSERT INTO selection (id, node_ids, expires_at) VALUES ($1, $2, $3)`, id, joinIDs(nodes), expires)
	return err
}

// Selection returns what InsertSelection stored, coffer.ErrNotFound once it has
// expired.
func (tx *Tx) Selection(id coffer.ID) (nodes []coffer.ID, err error) {
	var raw []byte
	if err := tx.row(`SELECT node_ids FROM selection WHERE id = $1 AND expires_at > $2`, id, tx.Now).Scan(&raw); err != nil {
		return nil, err
	}
	return splitIDs(raw), nil
}

// PurgeSelections removes selections that have expired.
func (tx *Tx) PurgeSelections() error {
	_, err := tx.exec(`DELETE FROM selection WHERE expires_at <= $1`, tx.Now)
	return err
}
