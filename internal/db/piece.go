package db

import (
	"database/sql"

	"coffer"
)

// Piece is what one address of a resumable upload takes: all of an upload, or
// one of several parallel parts of it.
type Piece struct {
	ID       coffer.ID
	OwnerID  coffer.ID
	UploadID coffer.ID // zero: done
	Partial  bool      // becomes a file together with others only
	First    int64     // offset of its first byte in the file
	Size     int64     // -1 = unknown
	Received int64     // bytes of it that are durable
	TailBlob coffer.ID // sealed beginning of the part where it goes on; zero: it goes on at an edge
	Meta     string

	NodeID    coffer.ID // of the file, when done
	VersionID coffer.ID

	CreatedAt int64
	ExpiresAt int64
}

// InsertPiece adds a piece.
func (tx *Tx) InsertPiece(p Piece) error {
	_, err := tx.exec(`INSERT INTO piece (id, owner_id, upload_id, partial, first, size, received, meta, lease_end, wanted_at, node_id, version_id, created_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, 0, $9, $10, $11, $12)`, p.ID, p.OwnerID, p.UploadID, smallint(p.Partial), p.First,
		sql.NullInt64{Int64: p.Size, Valid: p.Size >= 0}, p.Received, p.Meta, p.NodeID, p.VersionID, tx.Now, p.ExpiresAt)
	return err
}

func smallint(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

const pieceColumns = `id, owner_id, upload_id, partial, first, COALESCE(size, -1), received, tail_blob, meta, node_id, version_id, created_at, expires_at`

func scanPiece(scan scan) (p Piece, err error) {
	var partial int64
	err = scan(&p.ID, &p.OwnerID, &p.UploadID, &partial, &p.First, &p.Size, &p.Received, &p.TailBlob, &p.Meta, &p.NodeID, &p.VersionID, &p.CreatedAt, &p.ExpiresAt)
	p.Partial = partial == 1
	return p, err
}

// Piece returns a piece.
func (tx *Tx) Piece(id coffer.ID) (Piece, error) {
	return scanPiece(tx.row(`SELECT `+pieceColumns+` FROM piece WHERE id = $1`, id).Scan)
}

// PiecesOf returns the pieces of an upload in their order.
func (tx *Tx) PiecesOf(upload coffer.ID) ([]Piece, error) {
	return collect(tx, scanPiece, `SELECT `+pieceColumns+` FROM piece WHERE upload_id = $1 ORDER BY first, id`, upload)
}

// PiecesBy returns up to limit pieces of a person that are not done, youngest
// first.
func (tx *Tx) PiecesBy(owner coffer.ID, limit int) ([]Piece, error) {
	return collect(tx, scanPiece, `SELECT `+pieceColumns+` FROM piece WHERE owner_id = $1 AND upload_id IS NOT NULL ORDER BY created_at DESC, id LIMIT CAST($2 AS BIGINT)`, owner, limit)
}

// CountPieces tells how many pieces of a person are not done.
func (tx *Tx) CountPieces(owner coffer.ID) (n int64, err error) {
	err = tx.row(`SELECT COUNT(*) FROM piece WHERE owner_id = $1 AND upload_id IS NOT NULL`, owner).Scan(&n)
	return n, err
}

// SetReceived says how much of a piece is durable, and where the part that it
// ends in has its copy (zero: at an edge). It is coffer.ErrNotFound when the
// lease is somebody else's.
func (tx *Tx) SetReceived(id, lease coffer.ID, received int64, tail coffer.ID, expiresAt int64) error {
	return tx.execOne(`UPDATE piece SET received = $3, tail_blob = $4, expires_at = $5 WHERE id = $1 AND lease = $2`, id, lease, received, tail, expiresAt)
}

// SetPieceSize declares the length of a piece that had none.
func (tx *Tx) SetPieceSize(id coffer.ID, size int64) error {
	return tx.execOne(`UPDATE piece SET size = $2 WHERE id = $1 AND size IS NULL`, id, size)
}

// PieceDone turns a piece into the memory of what became of it.
func (tx *Tx) PieceDone(id, node, version coffer.ID, size, expiresAt int64) error {
	return tx.execOne(`UPDATE piece SET upload_id = NULL, tail_blob = NULL, node_id = $2, version_id = $3, size = $4, received = $4, expires_at = $5 WHERE id = $1`,
		id, node, version, size, expiresAt)
}

// DeletePieces deletes the pieces of an upload and returns the blobs with their
// tails, whose rows are the caller's.
func (tx *Tx) DeletePieces(upload coffer.ID) (tails []coffer.ID, err error) {
	tails, err = collect(tx, scanID, `SELECT tail_blob FROM piece WHERE upload_id = $1 AND tail_blob IS NOT NULL`, upload)
	if err != nil {
		return nil, err
	}
	_, err = tx.exec(`DELETE FROM piece WHERE upload_id = $1`, upload)
	return tails, err
}

// DeletePiece deletes a piece.
func (tx *Tx) DeletePiece(id coffer.ID) error {
	return tx.execOne(`DELETE FROM piece WHERE id = $1`, id)
}

// DeleteDonePieces forgets what became of uploads, where that is due.
func (tx *Tx) DeleteDonePieces() error {
	_, err := tx.exec(`DELETE FROM piece WHERE upload_id IS NULL AND expires_at <= $1`, tx.Now)
	return err
}

// TakeLease gives a piece to one request until the time, if no other has it.
// Else it is noted that somebody waits.
func (tx *Tx) TakeLease(id, lease coffer.ID, until int64) (taken bool, err error) {
	n, err := tx.exec(`UPDATE piece SET lease = $2, lease_end = $3, wanted_at = 0 WHERE id = $1 AND (lease IS NULL OR lease = $2 OR lease_end < $4)`, id, lease, until, tx.Now)
	if err != nil || n > 0 {
		return n > 0, err
	}
	_, err = tx.exec(`UPDATE piece SET wanted_at = $2 WHERE id = $1`, id, tx.Now)
	return false, err
}

// RenewLease keeps a lease until a later time. held is false when it is lost.
func (tx *Tx) RenewLease(id, lease coffer.ID, until int64) (held bool, err error) {
	n, err := tx.exec(`UPDATE piece SET lease_end = $3 WHERE id = $1 AND lease = $2`, id, lease, until)
	return n > 0, err
}

// LeaseWanted reports whether somebody waits for the lease, or has it already.
func (tx *Tx) LeaseWanted(id, lease coffer.ID) (wanted bool, err error) {
	err = tx.row(`SELECT NOT EXISTS (SELECT 1 FROM piece WHERE id = $1 AND lease = $2 AND wanted_at = 0)`, id, lease).Scan(&wanted)
	return wanted, err
}

// FreeLease gives a lease back.
func (tx *Tx) FreeLease(id, lease coffer.ID) error {
	_, err := tx.exec(`UPDATE piece SET lease = NULL, lease_end = 0, wanted_at = 0 WHERE id = $1 AND lease = $2`, id, lease)
	return err
}

// FreeLeases ends all leases.
func (tx *Tx) FreeLeases() error {
	_, err := tx.exec(`UPDATE piece SET lease = NULL, lease_end = 0, wanted_at = 0 WHERE lease IS NOT NULL`)
	return err
}
