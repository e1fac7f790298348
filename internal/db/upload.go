package db

import (
	"database/sql"

	"coffer"
)

// Upload is an unfinished version.
type Upload struct {
	ID        coffer.ID
	SpaceID   coffer.ID
	ParentID  coffer.ID // folder it goes into
	NodeID    coffer.ID // file it becomes a version of; zero for a new file
	Name      string
	IfExists  coffer.IfExists
	BlobID    coffer.ID
	DEK       []byte // sealed
	SKVer     uint32
	Size      int64 // -1 = unknown
	Reserved  int64
	CreatedBy coffer.ID
	ExpiresAt int64

	DeliveryID coffer.ID // that it belongs to; zero: it comes by no file request
}

// InsertUpload adds an upload; its blob's row must be there.
func (tx *Tx) InsertUpload(u Upload) error {
	_, err := tx.exec(`INSERT INTO upload (id, space_id, parent_id, node_id, name, if_exists, blob_id, dek_sealed, sk_ver, size, reserved, created_by, created_at, expires_at, delivery_id)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
		u.ID, u.SpaceID, u.ParentID, u.NodeID, u.Name, u.IfExists, u.BlobID, u.DEK, int64(u.SKVer), sql.NullInt64{Int64: u.Size, Valid: u.Size >= 0},
		u.Reserved, u.CreatedBy, tx.Now, u.ExpiresAt, u.DeliveryID)
	return err
}

const uploadColumns = `id, space_id, parent_id, node_id, name, if_exists, blob_id, dek_sealed, sk_ver, COALESCE(size, -1), reserved, created_by, expires_at, delivery_id`

func scanUpload(scan scan) (u Upload, err error) {
	err = scan(&u.ID, &u.SpaceID, &u.ParentID, &u.NodeID, &u.Name, &u.IfExists, &u.BlobID, &u.DEK, &u.SKVer, &u.Size, &u.Reserved, &u.CreatedBy, &u.ExpiresAt, &u.DeliveryID)
	return u, err
}

// Upload returns an upload.
func (tx *Tx) Upload(id coffer.ID) (Upload, error) {
	return scanUpload(tx.row(`SELECT `+uploadColumns+` FROM upload WHERE id = $1`, id).Scan)
}

// ExpiredUploads returns up to limit uploads that expired.
func (tx *Tx) ExpiredUploads(limit int) ([]Upload, error) {
	return collect(tx, scanUpload, `SELECT `+uploadColumns+` FROM upload WHERE expires_at <= $1 ORDER BY expires_at LIMIT CAST($2 AS BIGINT)`, tx.Now, limit)
}

// UploadsOf returns up to limit uploads into a space.
func (tx *Tx) UploadsOf(space coffer.ID, limit int) ([]Upload, error) {
	return collect(tx, scanUpload, `SELECT `+uploadColumns+` FROM upload WHERE space_id = $1 ORDER BY id LIMIT CAST($2 AS BIGINT)`, space, limit)
}

// Uploads returns up to limit uploads in order of id, those above after.
func (tx *Tx) Uploads(after coffer.ID, limit int) ([]Upload, error) {
	return collect(tx, scanUpload, `SELECT `+uploadColumns+` FROM upload WHERE id > $1 ORDER BY id LIMIT CAST($2 AS BIGINT)`, after[:], limit)
}

// ExtendUpload adds to an upload's reserved bytes and moves its expiry. The
// space's counter is the caller's.
func (tx *Tx) ExtendUpload(id coffer.ID, reserve, expiresAt int64) error {
	return tx.execOne(`UPDATE upload SET reserved = reserved + $2, expires_at = $3 WHERE id = $1`, id, reserve, expiresAt)
}

// DeleteUpload deletes the row of an upload.
func (tx *Tx) DeleteUpload(id coffer.ID) error {
	return tx.execOne(`DELETE FROM upload WHERE id = $1`, id)
}
