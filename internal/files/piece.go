package files

import (
	"context"
	"math/bits"

	"coffer"
	"coffer/internal/db"
)

// arriving is an own piece of an upload, with a pass for the place it goes to.
type arriving struct {
	Piece
	pass    pass
	key     db.SpaceKey // that seals the upload's record
	current db.SpaceKey // that will seal the version's
	partLog uint8
}

// owned loads a piece of this principal. Those of others are not there.
func (v *View) owned(ctx context.Context, id coffer.ID) (at arriving, err error) {
	err = v.holding(ctx, func(tx *db.Tx) error { at, err = v.ownPiece(tx, id); return err })
	return at, err
}

func (v *View) ownPiece(tx *db.Tx, id coffer.ID) (at arriving, err error) {
	if at.Piece.Piece, err = tx.Piece(id); err != nil {
		return at, err
	}
	if at.OwnerID.IsZero() || at.OwnerID != v.p.Holder() {
		return arriving{}, coffer.ErrNotFound
	}
	if !at.UploadID.IsZero() {
		at.Upload, err = tx.Upload(at.UploadID)
	}
	return at, err
}

// arriving is owned with a decision about the place, as long as the upload is
// not done.
func (v *View) arriving(ctx context.Context, id coffer.ID) (at arriving, err error) {
	err = v.holding(ctx, func(tx *db.Tx) error {
		if at, err = v.ownPiece(tx, id); err != nil || at.UploadID.IsZero() {
			return err
		}
		place := at.Upload.ParentID
		if !at.Upload.NodeID.IsZero() {
			place = at.Upload.NodeID
		}
		right := coffer.Write
		if v.p.Kind == coffer.RequestKind {
			right = coffer.Drop
		}
		if at.pass, err = decide(tx, v.p, place, right, false); err != nil {
			return err
		}
		if at.key, err = tx.SpaceKey(at.Upload.SpaceID, at.Upload.SKVer); err != nil {
			return err
		}
		at.current, err = tx.CurrentSpaceKey(at.Upload.SpaceID)
		return err
	})
	if err == nil && !at.UploadID.IsZero() {
		at.PartSize, err = partSizeOf(at.Upload)
		at.partLog = uint8(bits.TrailingZeros64(uint64(at.PartSize)))
	}
	return at, err
}

// ownPieces loads the principal's pieces that are not done.
func (v *View) ownPieces(ctx context.Context, limit int) (own []Piece, err error) {
	err = v.personal(ctx, func(tx *db.Tx) error {
		pieces, err := tx.PiecesBy(v.p.User.ID, limit)
		if err != nil {
			return err
		}
		own = make([]Piece, len(pieces))
		for i, p := range pieces {
			own[i].Piece = p
			if own[i].Upload, err = tx.Upload(p.UploadID); err != nil {
				return err
			}
		}
		return nil
	})
	return own, err
}

// changePiece changes the lease of an own piece.
func (v *View) changePiece(ctx context.Context, id coffer.ID, fn func(tx *db.Tx) error) error {
	return v.mine(ctx, func(tx *db.Tx) error {
		if _, err := v.ownPiece(tx, id); err != nil {
			return err
		}
		return fn(tx)
	})
}
