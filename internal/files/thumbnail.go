package files

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"coffer"
	"coffer/internal/content"
	"coffer/internal/db"
	"coffer/internal/picture"
	"coffer/internal/seal"
)

// The sizes of small pictures: the longest side in pixels.
const (
	TileEdge    = 256  // beside a name: part of a look into the folder
	PreviewEdge = 1024 // to look at: recorded like the opening of the file
)

var thumbnailEdges = []int{TileEdge, PreviewEdge}

// slowAgain is when a picture that took too long is tried once more: the server
// may have been busy.
const slowAgain = 24 * time.Hour

// Thumbnail is the small picture of one version, decided for one principal. It
// may not be made yet.
type Thumbnail struct {
	Version coffer.ID

	v    *View
	pass pass
	edge int
	made *thumbnailBlob // nil: not made yet
	seen bool           // nothing is to be recorded
}

// thumbnailBlob is where a small picture lies.
type thumbnailBlob struct {
	id  coffer.ID
	dek seal.DEK
}

// Thumbnail finds the small picture of a version of a file, the current one when
// version is zero. It is coffer.NotFound, no_thumbnail, of folders and of files
// that show nothing.
func (v *View) Thumbnail(ctx context.Context, id, version coffer.ID, edge int) (*Thumbnail, error) {
	t := &Thumbnail{Version: version, v: v.peek(), edge: edge, seen: edge == TileEdge}
	err := v.look(ctx, id, coffer.Read, func(tx *db.Tx, p pass) (err error) {
		t.pass = p
		switch {
		case !slices.Contains(thumbnailEdges, edge):
			return &coffer.Error{Kind: coffer.Invalid, Code: "invalid", Msg: "Small pictures have the size 256 or 1024.", Fields: map[string]string{"size": "must be 256 or 1024"}}
		case p.node.Kind != coffer.File:
			return noThumbnail()
		}
		if t.Version.IsZero() {
			t.Version = p.node.VersionID
		}
		if !t.seen {
			if t.seen, err = v.openedLately(tx, t.Version); err != nil {
				return err
			}
		}
		return t.find(tx)
	})
	if err != nil {
		return nil, err
	}
	return t, nil
}

func noThumbnail() error {
	return coffer.E(coffer.NotFound, "no_thumbnail", "There is no small picture of this file. Open or download it to see what is in it.")
}

// find looks whether there is one, or will never be.
func (t *Thumbnail) find(tx *db.Tx) error {
	ver, err := tx.Version(t.pass.node.ID, t.Version)
	if err != nil {
		return err
	}
	if !picture.Reads(ver.MediaType) {
		return noThumbnail()
	}
	reason, at, err := tx.ThumbnailRefused(t.Version)
	if err != nil {
		return err
	}
	if reason != "" && (reason != reasons[picture.ErrSlow] || tx.Now-at < slowAgain.Milliseconds()) {
		return noThumbnail()
	}
	row, err := tx.Thumbnail(t.Version, t.edge)
	if errors.Is(err, coffer.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	dek, err := t.v.s.openThumbnail(tx, row)
	if coffer.KindOf(err) == coffer.Corrupt { // made again
		dek, err = seal.DEK{}, nil
	}
	t.made = &thumbnailBlob{row.BlobID, dek}
	return err
}

// openThumbnail opens the key of a small picture.
func (s *Service) openThumbnail(tx *db.Tx, row db.Thumbnail) (seal.DEK, error) {
	sk, err := tx.SpaceKey(row.SpaceID, row.SKVer)
	if err != nil {
		return seal.DEK{}, err
	}
	key, err := s.keys.OpenSpaceKey(sk)
	if err != nil {
		return seal.DEK{}, err
	}
	defer key.Clear()
	return key.OpenThumbnail(row.VersionID, row.BlobID, row.DEK)
}

// Close lets go of the key, for those who do not want the picture after all.
func (t *Thumbnail) Close() {
	if t.made != nil {
		t.made.dek.Key.Clear()
	}
}

// Made reports whether the picture was made before.
func (t *Thumbnail) Made() bool { return t.made != nil }

// JPEG returns the picture, which is made now unless it was. One that is damaged
// is made again. It is called once.
func (t *Thumbnail) JPEG(ctx context.Context) ([]byte, error) {
	b, err := t.jpeg(ctx)
	if err != nil || t.seen {
		return b, err
	}
	a := act{action: "file.opened", node: t.pass.node.ID, target: t.Version, detail: map[string]any{"name": t.pass.node.Name, "preview": true}}
	return b, t.v.opened(ctx, t.pass, a)
}

func (t *Thumbnail) jpeg(ctx context.Context) ([]byte, error) {
	s := t.v.s
	if t.made != nil {
		b, err := s.readThumbnail(ctx, *t.made)
		if coffer.KindOf(err) != coffer.Corrupt {
			return b, err
		}
	}
	done, err := s.pictures.Turn(ctx)
	if errors.Is(err, picture.ErrBusy) {
		return nil, &coffer.Error{Kind: coffer.Busy, Code: "busy", Msg: "Many small pictures are being made right now. Try again in a moment.", Err: err, RetryAfter: 3 * time.Second}
	}
	if err != nil {
		return nil, err
	}
	defer done()
	// Somebody else may have made it meanwhile.
	damaged := t.made
	t.made = nil
	if err := t.v.look(ctx, t.pass.node.ID, coffer.Read, func(tx *db.Tx, _ pass) error { return t.find(tx) }); err != nil {
		return nil, err
	}
	if t.made != nil {
		if damaged == nil || damaged.id != t.made.id {
			return s.readThumbnail(ctx, *t.made)
		}
		t.made.dek.Key.Clear()
		s.log.Warn("a small picture was damaged; it is made again", "version", t.Version, "blob", damaged.id)
		if err := s.dropThumbnail(ctx, t.pass.space.ID, damaged.id); err != nil {
			return nil, err
		}
	}
	return t.make(ctx)
}

// readThumbnail reads a small picture and clears its key.
func (s *Service) readThumbnail(ctx context.Context, at thumbnailBlob) ([]byte, error) {
	if at.dek.Key.IsZero() {
		return nil, &coffer.Error{Kind: coffer.Corrupt, Code: "damaged", Msg: "A small picture is damaged."}
	}
	defer at.dek.Key.Clear()
	r, err := s.openBlob(ctx, at.id, at.dek)
	if err != nil {
		return nil, err
	}
	b := make([]byte, r.Size())
	_, err = r.ReadAt(b, 0)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return b, errors.Join(err, r.Close())
}

// dropThumbnail removes a small picture.
func (s *Service) dropThumbnail(ctx context.Context, space, blobID coffer.ID) error {
	return s.maintain(ctx, space, func(tx *db.Tx) error { return tx.DeleteThumbnail(blobID) })
}

// make makes the picture, in a turn, and stores it.
func (t *Thumbnail) make(ctx context.Context) ([]byte, error) {
	c, _, err := t.v.open(ctx, t.pass.node.ID, t.Version)
	if err != nil {
		return nil, err
	}
	b, err := t.v.s.pictures.Small(ctx, c, c.Version.Size, t.edge)
	if err = errors.Join(err, c.Close()); err != nil {
		for fault, reason := range reasons {
			if errors.Is(err, fault) {
				return nil, t.refuse(ctx, reason, err)
			}
		}
		return nil, err
	}
	return b, t.store(ctx, b)
}

// reasons are what is remembered of a picture that cannot be made small.
var reasons = map[error]string{picture.ErrKind: "kind", picture.ErrLarge: "large", picture.ErrBad: "broken", picture.ErrSlow: "slow"}

// refuse remembers that there will be none.
func (t *Thumbnail) refuse(ctx context.Context, reason string, cause error) error {
	t.v.s.log.Info("no small picture of a file", "version", t.Version, "reason", reason, "err", cause)
	err := t.v.prepare(ctx, func(tx *db.Tx, ps []pass) error {
		if _, err := tx.Version(ps[0].node.ID, t.Version); err != nil {
			return err
		}
		return tx.RefuseThumbnail(t.Version, reason)
	}, t.pass)
	if err != nil {
		return err
	}
	return noThumbnail()
}

// store seals the picture into a blob of its own, like a small upload: bytes
// first, then its rows. A crash in between leaves a blob that Check lists.
func (t *Thumbnail) store(ctx context.Context, b []byte) error {
	s := t.v.s
	partLog, err := content.PartLog(int64(len(b)))
	if err != nil {
		return err
	}
	st := stored{blob: coffer.RandomID(), dek: seal.DEK{Key: seal.NewKey(), PartLog: partLog, Size: int64(len(b))}}
	defer func() { st.dek.Key.Clear() }()
	if err := s.write(ctx, bytes.NewReader(b), &st); err != nil {
		return err
	}
	unused := false // for sure: nothing names the blob
	err = t.v.prepare(ctx, func(tx *db.Tx, ps []pass) error {
		unused = true
		if err := t.insert(tx, ps[0], st); err != nil {
			return err
		}
		unused = false
		return nil
	}, t.pass)
	if unused {
		err = errors.Join(err, s.blobs.Delete(context.WithoutCancel(ctx), st.blob))
	}
	if errors.Is(err, errUnchanged) {
		return nil // another server was quicker; this one has the same to show
	}
	return err
}

func (t *Thumbnail) insert(tx *db.Tx, p pass, st stored) error {
	if _, err := tx.Version(p.node.ID, t.Version); err != nil {
		return err
	}
	if err := tx.InsertLiveBlob(st.blob, st.dek.PartLog, content.StoredSize(st.dek.Size, st.dek.PartLog)); err != nil {
		return err
	}
	row, err := tx.CurrentSpaceKey(p.space.ID)
	if err != nil {
		return err
	}
	key, err := t.v.s.keys.OpenSpaceKey(row)
	if err != nil {
		return err
	}
	defer key.Clear()
	added, err := tx.InsertThumbnail(db.Thumbnail{VersionID: t.Version, Edge: t.edge, SpaceID: p.space.ID, BlobID: st.blob,
		DEK: key.SealThumbnail(t.Version, st.blob, st.dek), SKVer: key.Version()})
	if err == nil && !added {
		return errUnchanged // takes the blob's row back too
	}
	return err
}

// HasThumbnail reports whether a small picture may be had of the item: it may
// turn out that there is none.
func (i Item) HasThumbnail() bool { return i.Kind == coffer.File && picture.Reads(i.MediaType) }

// openedThumbnail is a small picture with its key, or why that does not open.
type openedThumbnail struct {
	db.ThumbnailBlob
	dek seal.DEK
	err error
}

// thumbnailsOf returns the small pictures of a version. Their keys are to be
// cleared.
func (s *Service) thumbnailsOf(tx *db.Tx, version coffer.ID) (all []openedThumbnail, err error) {
	rows, err := tx.ThumbnailBlobs(version)
	for _, row := range rows {
		dek, err := s.openThumbnail(tx, row.Thumbnail)
		if err != nil && coffer.KindOf(err) != coffer.Corrupt && !errors.Is(err, coffer.ErrNotFound) {
			return nil, err
		}
		all = append(all, openedThumbnail{row, dek, err})
	}
	return all, err
}

// thumbnail looks at one small picture, and clears its key. A damaged one is no
// loss, but it is told: it may be the first sign of a bad disk.
func (c *check) thumbnail(ctx context.Context, t openedThumbnail, read bool) error {
	if t.err == nil {
		t.err = c.wholeThumbnail(ctx, t, read)
	}
	if t.err != nil && coffer.KindOf(t.err) != coffer.Corrupt {
		return t.err
	}
	if t.err != nil {
		c.Problems = append(c.Problems, Problem{Kind: "thumbnail", Where: fmt.Sprintf("small picture (%d) of version %v", t.Edge, t.VersionID),
			Text: fmt.Sprintf("it is damaged and can be made again: %v", t.err), space: t.SpaceID, blob: t.BlobID})
	}
	return nil
}

func (c *check) wholeThumbnail(ctx context.Context, t openedThumbnail, read bool) error {
	want := content.StoredSize(t.dek.Size, t.dek.PartLog)
	if !t.Live || t.PartLog != t.dek.PartLog || t.BlobSize != want {
		t.dek.Key.Clear()
		return &coffer.Error{Kind: coffer.Corrupt, Err: errors.New("files: the row of its blob says something else than its key record")}
	}
	if read {
		_, err := c.s.readThumbnail(ctx, thumbnailBlob{t.BlobID, t.dek})
		return err
	}
	defer t.dek.Key.Clear()
	r, err := c.s.openBlob(ctx, t.BlobID, t.dek)
	if err != nil {
		return err
	}
	return r.Close()
}
