package db

import "coffer"

// InsertPin pins a node for a person, unless that is done.
func (tx *Tx) InsertPin(user, node coffer.ID) error {
	_, err := tx.exec(`INSERT INTO pin (user_id, node_id, pinned_at) VALUES ($1, $2, $3) ON CONFLICT (user_id, node_id) DO NOTHING`, user, node, tx.Now)
	return err
}

// DeletePin takes a pin away; coffer.ErrNotFound when there is none.
func (tx *Tx) DeletePin(user, node coffer.ID) error {
	return tx.execOne(`DELETE FROM pin WHERE user_id = $1 AND node_id = $2`, user, node)
}

// Pins returns what a person has pinned, whatever became of it, in the order of
// pinning.
func (tx *Tx) Pins(user coffer.ID) ([]coffer.ID, error) {
	return collect(tx, scanID, `SELECT node_id FROM pin WHERE user_id = $1 ORDER BY pinned_at, node_id`, user)
}
