package db

import "coffer"

// Version is a version with its sealed DEK record.
type Version struct {
	coffer.Version
	DEK   []byte
	SKVer uint32 // version of the space key that sealed DEK
}

const versionColumns = `v.id, v.node_id, v.space_id, v.number, v.blob_id, v.size, v.media_type, v.dek_sealed, v.sk_ver, v.created_by, v.created_at, v.keep`

func versionFields(v *Version) []any {
	return []any{&v.ID, &v.NodeID, &v.SpaceID, &v.Number, &v.BlobID, &v.Size, &v.MediaType, &v.DEK, &v.SKVer, &v.CreatedBy, &v.CreatedAt, &v.Keep}
}

func scanVersion(scan scan) (v Version, err error) {
	err = scan(versionFields(&v)...)
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

// VersionToRead is Version with the key that its own is sealed under, and
// whether a reader's file.opened event of it is there since a time.
func (tx *Tx) VersionToRead(node, id, reader coffer.ID, since int64) (v Version, k SpaceKey, seen bool, err error) {
	err = tx.row(`SELECT `+versionColumns+`, k.space_id, k.sk_ver, k.active, k.wrap_kind, k.kek_ver, k.sealed,
			EXISTS (SELECT 1 FROM event AS e WHERE e.target_id = $2 AND e.actor_id = $3 AND e.at >= $4 AND e.action = 'file.opened')
		FROM version AS v JOIN space_key AS k ON k.space_id = v.space_id AND k.sk_ver = v.sk_ver WHERE v.node_id = $1 AND v.id = $2`,
		node, id, reader, since).Scan(append(versionFields(&v), &k.SpaceID, &k.Version, &k.Active, &k.Wrap, &k.KEKVer, &k.Sealed, &seen)...)
	return v, k, seen, err
}

// VersionsWith returns the versions whose content is a blob: a file and its
// copies.
func (tx *Tx) VersionsWith(blob coffer.ID) ([]Version, error) {
	return collect(tx, scanVersion, `SELECT `+versionColumns+` FROM version AS v WHERE v.blob_id = $1 ORDER BY v.id`, blob)
}

// SetVersionKey replaces the sealed key of a version if it is still the one
// that was read.
func (tx *Tx) SetVersionKey(old Version, dek []byte) (done bool, err error) {
	n, err := tx.exec(`UPDATE version SET dek_sealed = $1 WHERE id = $2 AND dek_sealed = $3`, dek, old.ID, old.DEK)
	return n > 0, err
}

// VersionsOf returns all versions of a file, oldest first.
func (tx *Tx) VersionsOf(node coffer.ID) ([]Version, error) {
	return collect(tx, scanVersion, `SELECT `+versionColumns+` FROM version AS v WHERE v.node_id = $1 ORDER BY v.number`, node)
}

// VersionsBelow returns versions of a file whose number is below one (0: all),
// newest first.
func (tx *Tx) VersionsBelow(node coffer.ID, below int64, limit int) ([]Version, error) {
	return collect(tx, scanVersion, `SELECT `+versionColumns+` FROM version AS v WHERE v.node_id = $1 AND (CAST($2 AS BIGINT) = 0 OR v.number < $2) ORDER BY v.number DESC LIMIT CAST($3 AS BIGINT)`,
		node, below, limit)
}

// CountVersions returns how many versions a file has.
func (tx *Tx) CountVersions(node coffer.ID) (n int64, err error) {
	err = tx.row(`SELECT CAST(COUNT(*) AS BIGINT) FROM version WHERE node_id = $1`, node).Scan(&n)
	return n, err
}

// KeepVersion says whether a version is kept for ever.
func (tx *Tx) KeepVersion(node, id coffer.ID, keep bool) error {
	return tx.execOne(`UPDATE version SET keep = $3 WHERE node_id = $1 AND id = $2`, node, id, keep)
}

// DeleteVersion deletes an older version with its key record, whose bytes it
// returns, and marks its blob dead where nothing else names it. The current
// version of the file, and with unlessKept one that is kept, stays:
// coffer.ErrNotFound.
func (tx *Tx) DeleteVersion(node, id coffer.ID, unlessKept bool) (bytes int64, err error) {
	small, err := tx.thumbnailsOf(`v.id = $1`, id)
	if err != nil {
		return 0, err
	}
	var blob coffer.ID
	err = tx.row(`DELETE FROM version WHERE node_id = $1 AND id = $2 AND NOT (keep AND $3)
		AND NOT EXISTS (SELECT 1 FROM node AS n WHERE n.id = $1 AND n.version_id = $2) RETURNING blob_id, size`, node, id, unlessKept).Scan(&blob, &bytes)
	if err != nil {
		return 0, err
	}
	return bytes, tx.releaseBlobs(append(small, blob))
}

// An OldVersion is one that a rule lets go.
type OldVersion struct{ ID, NodeID, SpaceID coffer.ID }

// OldVersions returns older versions that are not kept for ever and that were
// replaced before a time (0: no such rule), or behind which at least so many
// newer older ones stand (0: no such rule).
func (tx *Tx) OldVersions(replacedBefore, newer int64, limit int) ([]OldVersion, error) {
	return collect(tx, func(scan scan) (o OldVersion, err error) {
		err = scan(&o.ID, &o.NodeID, &o.SpaceID)
		return o, err
	}, `SELECT v.id, v.node_id, v.space_id FROM version AS v JOIN node AS n ON n.id = v.node_id AND n.version_id <> v.id
		WHERE NOT v.keep AND (
			CAST($1 AS BIGINT) > 0 AND (SELECT MIN(w.created_at) FROM version AS w WHERE w.node_id = v.node_id AND w.number > v.number) < $1
			OR CAST($2 AS BIGINT) > 0 AND (SELECT COUNT(*) FROM version AS w WHERE w.node_id = v.node_id AND w.number > v.number) > $2)
		ORDER BY v.id LIMIT CAST($3 AS BIGINT)`, replacedBefore, newer, limit)
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
		err = scan(&v.ID, &v.NodeID, &v.SpaceID, &v.Number, &v.BlobID, &v.Size, &v.MediaType, &v.DEK, &v.SKVer, &v.CreatedBy, &v.CreatedAt, &v.Keep,
			&v.Blob, &v.Live, &v.PartLog, &v.BlobSize)
		return v, err
	}, `SELECT `+versionColumns+`,
			CASE WHEN b.id IS NULL THEN FALSE ELSE TRUE END, COALESCE(b.state, 0) = 1, COALESCE(b.part_log2, 0), COALESCE(b.size, 0)
		FROM version AS v LEFT JOIN blob AS b ON b.id = v.blob_id
		WHERE v.id > $1 AND NOT EXISTS (SELECT 1 FROM space AS s WHERE s.id = v.space_id AND (s.given_up_at IS NOT NULL OR s.owner_id IS NULL AND s.kind = $3))
		ORDER BY v.id LIMIT CAST($2 AS BIGINT)`, after[:], limit, coffer.Personal)
}
