package db

import (
	"errors"

	"coffer"
)

// Thumbnail is a small picture of a version with its sealed DEK record.
type Thumbnail struct {
	VersionID, SpaceID, BlobID coffer.ID
	Edge                       int // longest side in pixels
	DEK                        []byte
	SKVer                      uint32 // version of the space key that sealed DEK
}

// InsertThumbnail adds a small picture, whose blob's row must be there, and
// reports whether it did: false when the version has one of that size.
func (tx *Tx) InsertThumbnail(t Thumbnail) (bool, error) {
	n, err := tx.exec(`INSERT INTO thumbnail (version_id, edge, space_id, blob_id, dek_sealed, sk_ver, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (version_id, edge) DO NOTHING`, t.VersionID, t.Edge, t.SpaceID, t.BlobID, t.DEK, int64(t.SKVer), tx.Now)
	return n == 1, err
}

const thumbnailColumns = `t.version_id, t.edge, t.space_id, t.blob_id, t.dek_sealed, t.sk_ver`

// Thumbnail returns the small picture of a version in one size.
func (tx *Tx) Thumbnail(version coffer.ID, edge int) (t Thumbnail, err error) {
	err = tx.row(`SELECT `+thumbnailColumns+` FROM thumbnail AS t WHERE t.version_id = $1 AND t.edge = $2`, version, edge).
		Scan(&t.VersionID, &t.Edge, &t.SpaceID, &t.BlobID, &t.DEK, &t.SKVer)
	return t, err
}

// ThumbnailBlob is a small picture with what is known of its blob.
type ThumbnailBlob struct {
	Thumbnail
	Live     bool // the blob's row says live
	PartLog  uint8
	BlobSize int64 // sealed bytes
}

// ThumbnailBlobs returns all small pictures of a version.
func (tx *Tx) ThumbnailBlobs(version coffer.ID) ([]ThumbnailBlob, error) {
	return collect(tx, func(scan scan) (t ThumbnailBlob, err error) {
		err = scan(&t.VersionID, &t.Edge, &t.SpaceID, &t.BlobID, &t.DEK, &t.SKVer, &t.Live, &t.PartLog, &t.BlobSize)
		return t, err
	}, `SELECT `+thumbnailColumns+`, b.state = 1, b.part_log2, b.size FROM thumbnail AS t JOIN blob AS b ON b.id = t.blob_id WHERE t.version_id = $1 ORDER BY t.edge`, version)
}

// DeleteThumbnail deletes the small picture in a blob, which becomes dead. It
// does nothing when there is none.
func (tx *Tx) DeleteThumbnail(blob coffer.ID) error {
	n, err := tx.exec(`DELETE FROM thumbnail WHERE blob_id = $1`, blob)
	if err != nil || n == 0 {
		return err
	}
	return tx.ReleaseBlob(blob)
}

// thumbnailsOf returns the blobs of small pictures that go with the versions of
// a condition, in which v is the version.
func (tx *Tx) thumbnailsOf(where string, args ...any) ([]coffer.ID, error) {
	return collect(tx, scanID, `SELECT t.blob_id FROM version AS v JOIN thumbnail AS t ON t.version_id = v.id WHERE `+where, args...)
}

func (tx *Tx) releaseBlobs(ids []coffer.ID) error {
	for _, id := range ids {
		if err := tx.ReleaseBlob(id); err != nil {
			return err
		}
	}
	return nil
}

// RefuseThumbnail remembers why a version has no small pictures.
func (tx *Tx) RefuseThumbnail(version coffer.ID, reason string) error {
	_, err := tx.exec(`INSERT INTO thumbnail_refused (version_id, reason, refused_at) VALUES ($1, $2, $3)
		ON CONFLICT (version_id) DO UPDATE SET reason = excluded.reason, refused_at = excluded.refused_at`, version, reason, tx.Now)
	return err
}

// ThumbnailRefused returns why, and when, a version was found to have no small
// pictures; "" when it was not.
func (tx *Tx) ThumbnailRefused(version coffer.ID) (reason string, at int64, err error) {
	err = tx.row(`SELECT reason, refused_at FROM thumbnail_refused WHERE version_id = $1`, version).Scan(&reason, &at)
	if errors.Is(err, coffer.ErrNotFound) {
		return "", 0, nil
	}
	return reason, at, err
}
