package files

import (
	"context"
	"errors"
	"fmt"
	"io"

	"coffer"
	"coffer/internal/blob"
	"coffer/internal/content"
	"coffer/internal/db"
	"coffer/internal/seal"
)

const (
	maxPieces  = 2000 // of one person at a time, that are not done
	maxMeta    = 4096 // bytes that a client may say of a piece
	copyBuffer = 256 << 10
)

// NewPiece says what is to be uploaded in several requests: a file of Name in
// the folder Parent, or new content for the file Node.
type NewPiece struct {
	Parent   coffer.ID
	Name     string
	IfExists coffer.IfExists
	Node     coffer.ID
	IfMatch  coffer.ID // version of Node that must be current; zero: any

	Size int64  // of this piece; -1: told later
	Meta string // what the client wants to be told again, at most 4 KiB

	// Partial: the piece becomes a file only together with others (Join). With
	// a Group, an id that the client draws, they seal into one blob: First and
	// Total say where this one stands. Without one, neither Parent nor Node is
	// needed.
	Partial bool
	Group   coffer.ID
	First   int64 // a multiple of the part size
	Total   int64

	Sender Sender // of what comes by a file request, to which all but Name, Size and Meta is given
}

// Piece is an upload, or a part of one, that arrives in several requests.
type Piece struct {
	db.Piece
	Upload   db.Upload // zero when done
	PartSize int64     // bytes; a request that ends at a multiple costs the next one nothing
}

// Complete reports whether all bytes are here.
func (p Piece) Complete() bool { return p.Size >= 0 && p.Received == p.Size }

func (p Piece) end() int64 {
	if p.Size < 0 {
		return seal.UnknownSize
	}
	return p.First + p.Size
}

// Begin makes an upload that arrives in several requests, and takes room for it.
func (v *View) Begin(ctx context.Context, n NewPiece) (Piece, error) {
	if n.Size < -1 || len(n.Meta) > maxMeta {
		return Piece{}, coffer.E(coffer.Invalid, "invalid", "The size, or what is told about the upload, is not possible.")
	}
	if v.p.Kind == coffer.RequestKind {
		if err := n.forRequest(); err != nil {
			return Piece{}, err
		}
	}
	in := incoming{name: n.Name, how: n.IfExists, Body: Body{Size: n.Size}}
	if !n.Group.IsZero() {
		in.Size = n.Total
	}
	partLog, err := content.PartLog(in.Size)
	if err != nil {
		return Piece{}, err
	}
	if err := n.checkGroup(1 << partLog); err != nil {
		return Piece{}, err
	}
	if in.pass, in.key, err = v.destination(ctx, n); err != nil {
		return Piece{}, err
	}
	st := stored{blob: coffer.RandomID(), dek: seal.DEK{Key: seal.NewKey(), PartLog: partLog, Size: in.Size}}
	defer st.dek.Key.Clear()
	upload := n.Group
	if upload.IsZero() {
		upload = coffer.RandomID()
	}
	out := Piece{PartSize: 1 << partLog}
	v.s.tidy(context.WithoutCancel(ctx))
	err = v.prepare(ctx, func(tx *db.Tx, ps []pass) error {
		if open, err := tx.CountPieces(v.p.Holder()); err != nil {
			return err
		} else if open >= maxPieces {
			return coffer.E(coffer.Limited, "too_many_uploads", fmt.Sprintf("You have %d uploads that are not finished. Finish or remove some first.", open))
		}
		if v.p.Kind == coffer.RequestKind {
			if in.delivery, err = v.admit(tx, n.Sender); err != nil {
				return err
			}
		}
		u, err := tx.Upload(upload)
		if errors.Is(err, coffer.ErrNotFound) {
			if err := v.insertUpload(tx, ps[0], in, upload, st, v.keptUntil(tx, false)); err != nil {
				return err
			}
			u, err = tx.Upload(upload)
		}
		if err != nil {
			return err
		}
		if u.CreatedBy != v.p.User.ID || u.SpaceID != ps[0].space.ID || u.Size != in.Size {
			return coffer.E(coffer.Invalid, "group_invalid", "These pieces do not belong together: draw a new group, and say the same of each piece.")
		}
		out.Upload = u
		out.Piece = db.Piece{ID: coffer.RandomID(), OwnerID: v.p.Holder(), UploadID: upload, Partial: n.Partial, First: n.First, Size: n.Size, Meta: n.Meta,
			CreatedAt: tx.Now, ExpiresAt: v.keptUntil(tx, false)}
		return tx.InsertPiece(out.Piece)
	}, in.pass)
	if v.p.Kind == coffer.RequestKind {
		err = noRoom(n.Name, err)
	}
	return out, err
}

// checkGroup holds the place of a piece in its group against the part size.
func (n NewPiece) checkGroup(part int64) error {
	if n.Group.IsZero() {
		if n.First != 0 {
			return coffer.E(coffer.Invalid, "group_invalid", "Only a piece of a group begins inside the file.")
		}
		return nil
	}
	end := n.First + n.Size
	if !n.Partial || n.Size <= 0 || n.First < 0 || n.First%part != 0 || end > n.Total || end != n.Total && end%part != 0 {
		return coffer.E(coffer.Invalid, "group_invalid", fmt.Sprintf("A piece of a group is partial, has a length, and begins and ends at multiples of %d bytes or at the end of the file.", part))
	}
	return nil
}

// destination decides about the place of a new piece, early: before a byte is
// sent.
func (v *View) destination(ctx context.Context, n NewPiece) (p pass, key db.SpaceKey, err error) {
	if v.p.Kind == coffer.RequestKind {
		return v.takes(ctx, n.Name, n.Size)
	}
	id := n.Parent
	switch {
	case !n.Node.IsZero():
		id = n.Node
	case id.IsZero() && n.Partial && n.Group.IsZero():
		own, err := v.own(ctx, coffer.Write)
		if err != nil {
			return p, key, err
		}
		id = own.node.ID
	}
	err = v.look(ctx, id, coffer.Write, func(tx *db.Tx, at pass) error {
		p = at
		switch {
		case !n.Node.IsZero():
			if err := canReplace(p, n.IfMatch); err != nil {
				return err
			}
		case !n.Parent.IsZero():
			if err := checkNew(p, n.Name, n.IfExists, coffer.Fail, coffer.KeepBoth, coffer.Replace); err != nil {
				return err
			}
			if p.depth+1 > maxDepth {
				return errDepth()
			}
			if _, err := findSpot(tx, p.node.ID, n.Name, coffer.File, n.IfExists, coffer.ID{}); err != nil {
				return err
			}
		}
		key, err = tx.CurrentSpaceKey(p.space.ID)
		return err
	})
	return p, key, err
}

// canReplace checks that the node of a pass is a file that may get a version.
func canReplace(p pass, ifMatch coffer.ID) error {
	switch {
	case p.node.Kind != coffer.File:
		return coffer.E(coffer.Conflict, "not_a_file", "This is a folder: it has no content.")
	case !ifMatch.IsZero() && p.node.VersionID != ifMatch:
		return stale()
	}
	return nil
}

// Piece returns an own upload or part of one. What is done tells what became of
// it for a day.
func (v *View) Piece(ctx context.Context, id coffer.ID) (Piece, error) {
	at, err := v.arriving(ctx, id)
	if v.p.Kind == coffer.RequestKind { // who sends is not told what became of it
		at.Piece.NodeID, at.VersionID = coffer.ID{}, coffer.ID{}
	}
	return at.Piece, err
}

// Pieces returns the own uploads that are not finished, youngest first, at most
// 2,000.
func (v *View) Pieces(ctx context.Context) ([]Piece, error) {
	own, err := v.ownPieces(ctx, maxPieces)
	if err != nil {
		return nil, err
	}
	for i, p := range own {
		if own[i].PartSize, err = partSizeOf(p.Upload); err != nil {
			return nil, err
		}
	}
	return own, nil
}

func partSizeOf(u db.Upload) (int64, error) {
	log, err := content.PartLog(u.Size)
	return 1 << log, err
}

// Arrival is what one request has brought.
type Arrival struct {
	Bytes int64     // of the piece, that count now
	Sum   *[32]byte // of the whole file, when this request brought all of it
}

// Append takes more bytes of an own piece under a lease, from where it stands
// on, and says how many count: those are durable, or complete a file that Finish
// makes. agree, unless nil, is asked when the source has ended; without its
// consent no byte counts.
func (v *View) Append(ctx context.Context, id, lease coffer.ID, src io.Reader, agree func() error) (Arrival, error) {
	at, err := v.arriving(ctx, id)
	if err != nil {
		return Arrival{}, err
	}
	if at.UploadID.IsZero() || at.Complete() {
		return Arrival{}, nil
	}
	return v.append(ctx, at, lease, src, agree)
}

func (v *View) append(ctx context.Context, at arriving, lease coffer.ID, src io.Reader, agree func() error) (got Arrival, err error) {
	dek, err := v.s.openUpload(at)
	if err != nil {
		return got, err
	}
	defer dek.Key.Clear()
	if err := v.s.marked(ctx); err != nil {
		return got, err
	}
	done := context.WithoutCancel(ctx)
	dst, err := v.s.blobs.Stage(ctx, at.Upload.BlobID, content.StoredPartSize(dek.PartLog))
	if errors.Is(err, blob.ErrExists) { // complete before, but the answer, or the commit, was lost
		n, err := io.CopyN(io.Discard, src, at.Size-at.Received)
		return Arrival{Bytes: n}, err
	}
	if err != nil {
		return got, err
	}
	defer dst.Close()
	p := content.Piece{First: at.First, End: at.end(), Off: at.First + at.Received}
	if !at.TailBlob.IsZero() {
		tail, err := v.s.blobs.Open(ctx, at.TailBlob)
		if err != nil {
			return got, err
		}
		defer tail.Close()
		p.Tail = tail
	}
	tail := at.TailBlob
	body := &source{r: src}
	if at.Upload.Size < 0 {
		body.onRead = v.keepUp(ctx, incoming{pass: at.pass, Body: Body{Size: -1}, left: at.Upload.Reserved - at.Received}, at.UploadID)
	}
	opt := content.WriteOptions{}
	if agree == nil {
		opt.Durable = func(off int64) error {
			if err := v.received(ctx, at, lease, off-at.First, coffer.ID{}); err != nil {
				return err
			}
			return v.s.swapTail(done, &tail, coffer.ID{})
		}
	}
	var a content.Appended
	err = v.transfer(ctx, []pass{at.pass}, func(ctx context.Context) (err error) {
		a, err = v.s.io.Append(ctx, dst, at.Upload.BlobID, dek, p, body, opt)
		return err
	})
	if lost(err) {
		return got, v.lose(done, at, err)
	}
	if err != nil {
		err = body.blame(err)
	}
	if agree != nil && err == nil {
		err = agree()
	}
	if agree != nil && err != nil {
		return got, err
	}
	got = Arrival{a.Off - p.Off, a.Sum}
	if a.Off == p.End && !at.Partial || got.Bytes == 0 {
		return got, err // a file: Finish makes that durable with its row
	}
	fresh := coffer.ID{}
	if a.TailLen > 0 {
		if fresh, err = v.s.keepTail(done, dst, a, dek.PartLog, err); fresh.IsZero() {
			return Arrival{}, err
		}
	}
	if e := v.received(done, at, lease, a.Off-at.First, fresh); e != nil {
		return Arrival{}, errors.Join(v.lose(done, at, e), v.s.dropTails(done, one(fresh)))
	}
	return got, errors.Join(err, v.s.swapTail(done, &tail, fresh))
}

// lose removes an upload whose place its person may no longer write to: nobody
// would go on with it, and it would hold the room of others. Who is signed out
// only, signs in and goes on.
func (v *View) lose(ctx context.Context, at arriving, err error) error {
	if !lost(err) || coffer.KindOf(err) == coffer.Unauthenticated {
		return err
	}
	return errors.Join(err, v.s.giveBack(ctx, unfinished{at.Upload.SpaceID, at.UploadID}))
}

func one(id coffer.ID) []coffer.ID {
	if id.IsZero() {
		return nil
	}
	return []coffer.ID{id}
}

// received makes it durable that bytes of a piece are.
func (v *View) received(ctx context.Context, at arriving, lease coffer.ID, bytes int64, tail coffer.ID) error {
	return v.prepare(ctx, func(tx *db.Tx, _ []pass) error {
		if !tail.IsZero() {
			if err := tx.InsertPendingBlob(tail, at.partLog); err != nil {
				return err
			}
		}
		err := errors.Join(tx.ExtendUpload(at.UploadID, 0, v.keptUntil(tx, true)),
			tx.SetReceived(at.ID, lease, bytes, tail, v.keptUntil(tx, true)))
		if errors.Is(err, coffer.ErrNotFound) { // another request has it, or somebody ended it
			return uploadEnded()
		}
		if err != nil {
			return err
		}
		if !at.TailBlob.IsZero() && at.TailBlob != tail {
			if err := tx.DeletePendingBlob(at.TailBlob); err != nil && !errors.Is(err, coffer.ErrNotFound) { // by an earlier call
				return err
			}
		}
		return nil
	}, at.pass)
}

// keepTail copies the sealed beginning of a part to where the next request does
// not write over it. A zero id means that it could not; was is the error that
// the request has anyway.
func (s *Service) keepTail(ctx context.Context, dst blob.Pending, a content.Appended, partLog uint8, was error) (coffer.ID, error) {
	id := coffer.RandomID()
	copied, err := s.blobs.Stage(ctx, id, content.StoredPartSize(partLog))
	if err != nil {
		return coffer.ID{}, errors.Join(was, err)
	}
	_, err = io.CopyBuffer(io.NewOffsetWriter(copied, 0), io.NewSectionReader(dst, a.TailAt, a.TailLen), make([]byte, copyBuffer))
	if err == nil {
		err = copied.Publish(ctx, a.TailLen)
	}
	if err != nil {
		return coffer.ID{}, errors.Join(was, err, copied.Abort(ctx), s.blobs.Delete(ctx, id))
	}
	return id, was
}

// swapTail removes the bytes of a tail that no row names any more.
func (s *Service) swapTail(ctx context.Context, tail *coffer.ID, fresh coffer.ID) error {
	old := *tail
	*tail = fresh
	return s.dropTails(ctx, one(old))
}

// dropPieces deletes the pieces of an upload. The bytes of their tails go after
// the commit (dropTails).
func dropPieces(tx *db.Tx, upload coffer.ID) ([]coffer.ID, error) {
	tails, err := tx.DeletePieces(upload)
	for _, id := range tails {
		if err := tx.DeletePendingBlob(id); err != nil {
			return nil, err
		}
	}
	return tails, err
}

func (s *Service) dropTails(ctx context.Context, tails []coffer.ID) error {
	var all error
	for _, id := range tails {
		all = errors.Join(all, s.blobs.Delete(ctx, id))
	}
	return all
}

// DeclareSize tells the length of a piece that had none.
func (v *View) DeclareSize(ctx context.Context, id coffer.ID, size int64) error {
	at, err := v.arriving(ctx, id)
	if err != nil {
		return err
	}
	if at.UploadID.IsZero() || size < at.Received || size > seal.MaxParts<<at.partLog {
		return coffer.E(coffer.Invalid, "size_invalid", "This length is not possible: it is less than what has arrived, or too much.")
	}
	return v.prepare(ctx, func(tx *db.Tx, _ []pass) error { return tx.SetPieceSize(id, size) }, at.pass)
}

// End removes an own upload that is not finished, with all pieces of its group,
// or the memory of a finished one.
func (v *View) End(ctx context.Context, id coffer.ID) error {
	at, err := v.owned(ctx, id)
	if err != nil {
		return err
	}
	if at.UploadID.IsZero() {
		return v.s.maintain(ctx, coffer.ID{}, func(tx *db.Tx) error { return tx.DeletePiece(id) })
	}
	return v.s.abandon(context.WithoutCancel(ctx), at.Upload.SpaceID, at.UploadID)
}

// openUpload opens the key of an upload.
func (s *Service) openUpload(at arriving) (seal.DEK, error) {
	key, err := s.keys.OpenSpaceKey(at.key)
	if err != nil {
		return seal.DEK{}, err
	}
	defer key.Clear()
	return key.OpenUpload(at.UploadID, at.Upload.BlobID, at.Upload.DEK)
}
