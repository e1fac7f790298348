package db

import "coffer"

// Version is a version with its sealed DEK record.
type Version struct {
	coffer.Version
	DEK   []byte
	SKVer uint32 // version of the space key that sealed DEK
}

const versionColumns = `v.id, v.node_id, v.space_id, v.number, v.blob_id, v.size, v.media_type, v.dek_sealed, v.sk_ver, v.created_by, v.created_at`

func scanVersion(scan scan) (v Version, err error) {
	err = scan(&v.ID, &v.NodeID, &v.SpaceID, &v.Number, &v.BlobID, &v.Size, &v.MediaType, &v.DEK, &v.SKVer, &v.CreatedBy, &v.CreatedAt)
	return v, err
}

// InsertVersion adds a version.
func (tx *Tx) InsertVersion(v Version) error {
	_, err := tx.exec(`INSERT INTO version (id, node_id, space_id, number, blob_id, size, media_type, dek_sealed, sk_ver, created_by, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		v.ID, v.NodeID, v.SpaceID, v.Number, v.BlobID, v.Size, v.MediaType, v.DEK, int64(v.SKVer), v.CreatedBy, v.CreatedAt)
	return err
}

// Version returns a version of a file.
func (tx *Tx) Version(node, id coffer.ID) (Version, error) {
	return scanVersion(tx.row(`SELECT `+versionColumns+` FROM version AS v WHERE v.node_id = $1 AND v.id = $2`, node, id).Scan)
}

// VersionsOf returns all versions of a file, oldest first.
func (tx *Tx) VersionsOf(node coffer.ID) ([]Version, error) {
	return collect(tx, scanVersion, `SELECT `+versionColumns+` FROM version AS v WHERE v.node_id = $1 ORDER BY v.number`, node)
}

// LastNumber returns the highest version number of a file, 0 when it has none.
func (tx *Tx) LastNumber(node coffer.ID) (n int64, err error) {
	err = tx.row(`SELECT CAST(COALESCE(MAX(number), 0) AS BIGINT) FROM version WHERE node_id = $1`, node).Scan(&n)
	return n, err
}

// AdoptVersion makes a version one of another file of the same space.
func (tx *Tx) AdoptVersion(id, node coffer.ID, number int64, dek []byte, skVer uint32) error {
	return tx.execOne(`UPDATE version SET node_id = $2, number = $3, dek_sealed = $4, sk_ver = $5 WHERE id = $1`, id, node, number, dek, int64(skVer))
}

// VersionBlob is a version with what is known of its blob.
type VersionBlob struct {
	Version
	Blob     bool // the blob's row is there
	Live     bool // and says live
	PartLog  uint8
	BlobSize int64 // sealed bytes
}

// VersionBlobs returns up to limit versions in order of id, those above after,
// without what is in spaces that were given up.
func (tx *Tx) VersionBlobs(after coffer.ID, limit int) ([]VersionBlob, error) {
	return collect(tx, func(scan scan) (v VersionBlob, err error) {
		err = scan(&v.ID, &v.NodeID, &v.SpaceID, &v.Number, &v.BlobID, &v.Size, &v.MediaType, &v.DEK, &v.SKVer, &v.CreatedBy, &v.CreatedAt,
			&v.Blob, &v.Live, &v.PartLog, &v.BlobSize)
		return v, err
	}, `SELECT `+versionColumns+`,
			CASE WHEN b.id IS NULL THEN FALSE ELSE TRUE END, COALESCE(b.state, 0) = 1, COALESCE(b.part_log2, 0), COALESCE(b.size, 0)
		FROM version AS v LEFT JOIN blob AS b ON b.id = v.blob_id
		WHERE v.id > $1 AND NOT EXISTS (SELECT 1 FROM space AS s WHERE s.id = v.space_id AND s.owner_id IS NULL AND s.kind = $3)
		ORDER BY v.id LIMIT CAST($2 AS BIGINT)`, after[:], limit, coffer.Personal)
}
