package files

import (
	"context"
	"errors"
	"io"
	"time"

	"coffer"
	"coffer/internal/blob"
	"coffer/internal/content"
	"coffer/internal/db"
	"coffer/internal/seal"
)

// doneKept is how long a piece tells what became of it.
const doneKept = 24 * time.Hour

// Finish makes the file of a piece whose bytes are complete, or were as Append
// said. sum is the SHA-256 that Append told, if it did. ifMatch is as for
// UploadVersion. What is done already is told again.
func (v *View) Finish(ctx context.Context, id, ifMatch coffer.ID, sum *[32]byte) (Detail, bool, error) {
	at, err := v.arriving(ctx, id)
	if err != nil {
		return Detail{}, false, err
	}
	if at.UploadID.IsZero() && v.p.Kind == coffer.RequestKind {
		return Detail{}, false, nil
	}
	if at.UploadID.IsZero() {
		d, err := v.Stat(ctx, at.NodeID)
		return d, false, err
	}
	if at.Size < 0 || at.Partial {
		return Detail{}, false, coffer.E(coffer.Conflict, "not_complete", "This upload is not complete yet.")
	}
	if !at.TailBlob.IsZero() && at.Complete() {
		// A later request may have written over what the tail has.
		if err := v.sealTail(ctx, at); err != nil {
			return Detail{}, false, err
		}
	}
	return v.publish(ctx, at, at.Piece.Piece, ifMatch, sum)
}

// sealTail seals the last part again from its copy.
func (v *View) sealTail(ctx context.Context, at arriving) error {
	dek, err := v.s.openUpload(at)
	if err != nil {
		return err
	}
	defer dek.Key.Clear()
	tail, err := v.s.blobs.Open(ctx, at.TailBlob)
	if err != nil {
		return err
	}
	defer tail.Close()
	dst, err := v.s.blobs.Stage(ctx, at.Upload.BlobID, content.StoredPartSize(dek.PartLog))
	if errors.Is(err, blob.ErrExists) {
		return nil
	}
	if err != nil {
		return err
	}
	defer dst.Close()
	_, err = v.s.io.Append(ctx, dst, at.Upload.BlobID, dek, content.Piece{First: at.First, End: at.end(), Off: at.end(), Tail: tail}, eof{}, content.WriteOptions{NoSum: true})
	return err
}

type eof struct{}

func (eof) Read([]byte) (int, error) { return 0, io.EOF }

// publish turns the blob of an upload into a version; final is the piece that
// tells of it afterwards.
func (v *View) publish(ctx context.Context, at arriving, final db.Piece, ifMatch coffer.ID, sum *[32]byte) (d Detail, created bool, err error) {
	dek, err := v.s.openUpload(at)
	if err != nil {
		return d, false, err
	}
	defer dek.Key.Clear()
	dek.Size = final.Size
	if sum != nil {
		dek.Digest, dek.Sum = seal.FileSHA256, *sum
	}
	st := stored{blob: at.Upload.BlobID, dek: dek}
	if err := v.s.publishStaged(ctx, &st); err != nil {
		return d, false, err
	}
	in := incoming{pass: at.pass, name: at.Upload.Name, how: at.Upload.IfExists, node: at.Upload.NodeID, key: at.current}
	if err := v.s.makeReady(in, &st); err != nil {
		return d, false, err
	}
	var tails []coffer.ID
	done := context.WithoutCancel(ctx)
	err = v.commit(done, func(tx *db.Tx, ps []pass) (_ []act, err error) {
		if p := ps[0]; p.node.Kind == coffer.File {
			if err := canReplace(p, ifMatch); err != nil {
				return nil, err
			}
		}
		if tails, err = dropPieces(tx, at.UploadID); err != nil {
			return nil, err
		}
		return v.finish(tx, ps[0], at.UploadID, st, func(tx *db.Tx, p pass, st stored) (_ []act, err error) {
			var a act
			if u := at.Upload; !u.DeliveryID.IsZero() {
				d, a, err = v.accept(tx, p, u.DeliveryID, u.Name, st)
			} else {
				d, created, err = v.take(tx, p, in.name, in.how, st)
				a = uploaded(d)
			}
			if err != nil {
				return nil, err
			}
			if st.dek.Digest == seal.NoDigest {
				if err := v.s.unsummed(tx, st.blob); err != nil {
					return nil, err
				}
			}
			told := final
			told.UploadID, told.TailBlob, told.NodeID, told.VersionID = coffer.ID{}, coffer.ID{}, d.ID, d.VersionID
			told.Received, told.ExpiresAt = final.Size, tx.Now+doneKept.Milliseconds()
			return []act{a}, tx.InsertPiece(told)
		})
	}, at.pass)
	if err != nil && !at.Upload.DeliveryID.IsZero() && refused(err) { // nobody goes on with it, and its place is another's
		err = errors.Join(err, v.s.giveBack(done, unfinished{at.Upload.SpaceID, at.UploadID}))
	}
	if err != nil {
		return Detail{}, false, err
	}
	if v.p.Kind == coffer.RequestKind {
		d = Detail{SHA256: d.SHA256} // of what was sent: where it went is not told
	}
	return d, created, v.s.dropTails(done, tails)
}

// publishStaged makes a staged blob final, once, and looks at how it begins.
func (s *Service) publishStaged(ctx context.Context, st *stored) error {
	done := context.WithoutCancel(ctx)
	dst, err := s.blobs.Stage(ctx, st.blob, content.StoredPartSize(st.dek.PartLog))
	switch {
	case errors.Is(err, blob.ErrExists): // by a try whose commit failed
	case err != nil:
		return err
	default:
		if st.dek.Size == 0 {
			st.dek, err = s.io.Write(ctx, dst, st.blob, st.dek, eof{}, content.WriteOptions{})
		}
		if err == nil {
			err = dst.Publish(done, content.StoredSize(st.dek.Size, st.dek.PartLog))
		}
		if err != nil {
			return errors.Join(err, dst.Close())
		}
	}
	r, err := s.openBlob(ctx, st.blob, st.dek)
	if err != nil {
		return err
	}
	defer r.Close()
	head := make([]byte, min(sniffBytes, st.dek.Size))
	if _, err := r.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	st.mediaType = mediaType(head)
	return nil
}

// Join makes one file of complete partial pieces, in their order, and remembers
// it under a new id. Those of one
// group lie in its blob already; others are opened and sealed into a new one.
func (v *View) Join(ctx context.Context, id coffer.ID, n NewPiece, ids []coffer.ID) (Piece, Detail, bool, error) {
	all := make([]arriving, len(ids))
	total := int64(0)
	for i, part := range ids {
		at, err := v.arriving(ctx, part)
		if err != nil {
			return Piece{}, Detail{}, false, err
		}
		if at.UploadID.IsZero() || !at.Partial || !at.Complete() {
			return Piece{}, Detail{}, false, coffer.E(coffer.Conflict, "not_complete", "One of the parts is not complete, or no part.")
		}
		all[i] = at
		total += at.Size
	}
	final := db.Piece{ID: id, OwnerID: v.p.User.ID, Size: total, Received: total, Meta: n.Meta}
	if len(all) == 0 {
		return Piece{}, Detail{}, false, coffer.E(coffer.Invalid, "invalid", "Name at least one part.")
	}
	if total > 0 && grouped(all, total) {
		if n.IfExists == coffer.KeepBoth || n.IfExists == coffer.Replace {
			all[0].Upload.IfExists = n.IfExists // decided since: the name may have been taken meanwhile
		}
		d, created, err := v.publish(ctx, all[0], final, n.IfMatch, nil)
		return Piece{Piece: final}, d, created, err
	}
	d, created, err := v.sealAgain(ctx, n, all, total)
	if err != nil {
		return Piece{}, Detail{}, false, err
	}
	final.NodeID, final.VersionID = d.ID, d.VersionID
	err = v.s.maintain(ctx, coffer.ID{}, func(tx *db.Tx) error {
		final.ExpiresAt = tx.Now + doneKept.Milliseconds()
		return tx.InsertPiece(final)
	})
	for _, at := range all {
		err = errors.Join(err, v.s.abandon(context.WithoutCancel(ctx), at.Upload.SpaceID, at.UploadID))
	}
	return Piece{Piece: final}, d, created, err
}

// grouped reports whether the pieces are all of one group, in order and
// without a gap.
func grouped(all []arriving, total int64) bool {
	next := int64(0)
	for _, at := range all {
		if at.UploadID != all[0].UploadID || at.First != next || at.Upload.Size != total {
			return false
		}
		next += at.Size
	}
	return next == total
}

// sealAgain sends what partial pieces hold through an upload of its own.
func (v *View) sealAgain(ctx context.Context, n NewPiece, all []arriving, total int64) (Detail, bool, error) {
	sources := make([]io.Reader, len(all))
	for i, at := range all {
		if at.First != 0 || at.Upload.Size != at.Size {
			return Detail{}, false, coffer.E(coffer.Conflict, "not_complete", "The parts of a group are joined all together, in their order.")
		}
		if at.Size == 0 {
			sources[i] = eof{}
			continue
		}
		dek, err := v.s.openUpload(at)
		if err != nil {
			return Detail{}, false, err
		}
		defer dek.Key.Clear()
		st := stored{blob: at.Upload.BlobID, dek: dek}
		if err := v.s.publishStaged(ctx, &st); err != nil {
			return Detail{}, false, err
		}
		r, err := v.s.openBlob(ctx, st.blob, st.dek)
		if err != nil {
			return Detail{}, false, err
		}
		defer r.Close()
		sources[i] = io.NewSectionReader(r, 0, at.Size)
	}
	body := Body{Reader: io.MultiReader(sources...), Size: total}
	if !n.Node.IsZero() {
		d, err := v.UploadVersion(ctx, n.Node, n.IfMatch, body)
		return d, false, err
	}
	return v.Upload(ctx, n.Parent, n.Name, n.IfExists, body)
}
