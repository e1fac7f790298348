package db

import "coffer"

// The states of a blob's row. The bytes of a pending one may be incomplete;
// those of a dead one may go after the grace period.
const (
	blobPending = 0
	blobLive    = 1
	blobDead    = 2
)

// InsertPendingBlob adds the row of a blob that is about to be written.
func (tx *Tx) InsertPendingBlob(id coffer.ID, partLog uint8) error {
	_, err := tx.exec(`INSERT INTO blob (id, state, part_log2, size, created_at) VALUES ($1, $2, $3, 0, $4)`, id, blobPending, int64(partLog), tx.Now)
	return err
}

// InsertLiveBlob adds the row of a blob that is published already.
func (tx *Tx) InsertLiveBlob(id coffer.ID, partLog uint8, size int64) error {
	_, err := tx.exec(`INSERT INTO blob (id, state, part_log2, size, created_at) VALUES ($1, $2, $3, $4, $5)`, id, blobLive, int64(partLog), size, tx.Now)
	return err
}

// SetBlobLive says that a pending blob is published with size sealed bytes.
func (tx *Tx) SetBlobLive(id coffer.ID, size int64) error {
	return tx.execOne(`UPDATE blob SET state = $2, size = $3 WHERE id = $1 AND state = $4`, id, blobLive, size, blobPending)
}

// ReleaseBlob marks a blob dead if no version, upload or thumbnail names it any more.
// It belongs into the transaction that deleted one of these.
func (tx *Tx) ReleaseBlob(id coffer.ID) error {
	_, err := tx.exec(`UPDATE blob SET state = $2, dead_at = $3 WHERE id = $1 AND state <> $2
		AND NOT EXISTS (SELECT 1 FROM version WHERE blob_id = $1) AND NOT EXISTS (SELECT 1 FROM upload WHERE blob_id = $1)
		AND NOT EXISTS (SELECT 1 FROM thumbnail WHERE blob_id = $1)`, id, blobDead, tx.Now)
	return err
}

// DeadBlobs returns up to limit blobs that are dead since before the time.
func (tx *Tx) DeadBlobs(before int64, limit int) ([]coffer.ID, error) {
	return collect(tx, scanID, `SELECT id FROM blob WHERE state = $1 AND dead_at < $2 ORDER BY dead_at LIMIT CAST($3 AS BIGINT)`, blobDead, before, limit)
}

// DeleteDeadBlob deletes the row of a dead blob.
func (tx *Tx) DeleteDeadBlob(id coffer.ID) error {
	_, err := tx.exec(`DELETE FROM blob WHERE id = $1 AND state = $2`, id, blobDead)
	return err
}

// HasBlob reports whether a blob has a row, in whatever state.
func (tx *Tx) HasBlob(id coffer.ID) (has bool, err error) {
	err = tx.row(`SELECT EXISTS (SELECT 1 FROM blob WHERE id = $1)`, id).Scan(&has)
	return has, err
}

// LostBlobs returns live blobs that no version and no thumbnail names, and
// pending ones that no upload and no piece of one names: rows that should not be.
func (tx *Tx) LostBlobs(limit int) ([]coffer.ID, error) {
	return collect(tx, scanID, `SELECT b.id FROM blob AS b WHERE b.state <> $1
		AND NOT EXISTS (SELECT 1 FROM version WHERE blob_id = b.id) AND NOT EXISTS (SELECT 1 FROM upload WHERE blob_id = b.id)
		AND NOT EXISTS (SELECT 1 FROM thumbnail WHERE blob_id = b.id) AND NOT EXISTS (SELECT 1 FROM piece WHERE tail_blob = b.id)
		ORDER BY b.id LIMIT CAST($2 AS BIGINT)`, blobDead, limit)
}

func scanID(scan scan) (id coffer.ID, err error) { err = scan(&id); return id, err }

// DeletePendingBlob deletes the row of a blob that never became live. Its
// bytes, which nothing ever named, may go at once.
func (tx *Tx) DeletePendingBlob(id coffer.ID) error {
	return tx.execOne(`DELETE FROM blob WHERE id = $1 AND state = $2`, id, blobPending)
}
