package files

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"coffer"
	"coffer/internal/blob"
	"coffer/internal/content"
	"coffer/internal/db"
	"coffer/internal/seal"

	"github.com/gabriel-vasile/mimetype"
)

const (
	smallUpload  = 1 << 20  // bodies of known length up to this skip the first transaction
	reserveStep  = 64 << 20 // for bodies of unknown length
	sniffBytes   = 3072     // what mimetype looks at
	renewUploads = time.Hour
)

// Body is the content of an upload.
type Body struct {
	Reader io.Reader
	Size   int64 // bytes; -1 = unknown
}

// Upload makes a file of body in a folder. With version, an existing file of
// that name gets a new version and created is false. Nothing is visible before
// all is durable; a body that ends early or has another length than it said
// leaves nothing behind.
func (v *View) Upload(ctx context.Context, parent coffer.ID, name string, how coffer.IfExists, body Body) (d Detail, created bool, err error) {
	in := incoming{name: name, how: how, Body: body}
	right := coffer.Add
	if how == coffer.Replace {
		right = coffer.Write
	}
	err = v.look(ctx, parent, right, func(tx *db.Tx, p pass) error {
		in.pass = p
		if err := checkNew(p, name, how, coffer.Fail, coffer.KeepBoth, coffer.Replace); err != nil {
			return err
		}
		if p.depth+1 > maxDepth {
			return errDepth()
		}
		spot, err := findSpot(tx, p.node.ID, name, coffer.File, how, coffer.ID{})
		if err != nil {
			return err // early: before the body is read
		}
		if spot.onto != nil {
			in.node = spot.onto.ID
		}
		if in.key, err = tx.CurrentSpaceKey(p.space.ID); err != nil {
			return err
		}
		d.Path, err = crumbs(tx, p)
		d.Path = append(d.Path, Crumb{p.node.ID, p.node.Name})
		return err
	})
	if err != nil {
		return d, false, err
	}
	path := d.Path
	err = v.receive(ctx, in, func(tx *db.Tx, p pass, st stored) (_ []act, err error) {
		d, created, err = v.take(tx, p, name, how, st)
		return []act{uploaded(d)}, err
	})
	d.Path = path
	return d, created && err == nil, err
}

// take gives stored content to the file of the pass, or to one of that name in
// the folder of the pass.
func (v *View) take(tx *db.Tx, p pass, name string, how coffer.IfExists, st stored) (d Detail, created bool, err error) {
	if p.node.Kind == coffer.File {
		d, err = v.addVersion(tx, p, st)
		return d, false, err
	}
	spot, err := findSpot(tx, p.node.ID, name, coffer.File, how, coffer.ID{})
	if err != nil {
		return d, false, err
	}
	if spot.onto == nil {
		d, err = v.addFile(tx, p, spot.name, st)
		return d, true, err
	}
	if p, err = p.child(*spot.onto); err != nil {
		return d, false, err
	}
	d, err = v.addVersion(tx, p, st)
	return d, false, err
}

// UploadVersion gives a file new content; the old stays as a version. ifMatch,
// unless zero, is the version that must be current now and at the end.
func (v *View) UploadVersion(ctx context.Context, id, ifMatch coffer.ID, body Body) (d Detail, err error) {
	in := incoming{Body: body}
	check := func(p pass) error { return canReplace(p, ifMatch) }
	err = v.look(ctx, id, coffer.Write, func(tx *db.Tx, p pass) (err error) {
		in.pass, in.name, in.node = p, p.node.Name, p.node.ID
		if err := check(p); err != nil {
			return err
		}
		if in.key, err = tx.CurrentSpaceKey(p.space.ID); err != nil {
			return err
		}
		d.Path, err = crumbs(tx, p)
		return err
	})
	if err != nil {
		return d, err
	}
	path := d.Path
	err = v.receive(ctx, in, func(tx *db.Tx, p pass, st stored) ([]act, error) {
		if err := check(p); err != nil {
			return nil, err
		}
		d, err = v.addVersion(tx, p, st)
		return []act{uploaded(d)}, err
	})
	d.Path = path
	return d, err
}

func uploaded(d Detail) act {
	return act{action: "file.uploaded", node: d.ID, target: d.VersionID, detail: map[string]any{"name": d.Name, "size": d.Size, "version": d.Number}}
}

// incoming is an upload that is about to run.
type incoming struct {
	pass pass // for the folder of a new file, or for the file
	name string
	how  coffer.IfExists
	node coffer.ID   // file that it will most likely be a version of; zero: a new one
	key  db.SpaceKey // of the space
	Body

	left int64 // of the room that was taken for unknown many bytes

	delivery coffer.ID // by a file request, that it belongs to
	most     int64     // bytes that come at most, where Size is unknown; 0: who knows
}

// reserve is how much room is taken before the first byte.
func (in incoming) reserve() int64 {
	switch {
	case in.Size >= 0:
		return in.Size
	case in.most > 0:
		return min(in.most, reserveStep)
	}
	return reserveStep
}

// stored is content that is durable and that no row names yet.
type stored struct {
	blob      coffer.ID
	dek       seal.DEK
	mediaType string

	// ready is the version of the file that it will most likely become, with
	// its key sealed: done before the transaction, which others wait for.
	ready db.Version
}

// makeReady seals the key of stored content for the file foreseen.
func (s *Service) makeReady(in incoming, st *stored) error {
	key, err := s.keys.OpenSpaceKey(in.key)
	if err != nil {
		return err
	}
	defer key.Clear()
	v := db.Version{Version: coffer.Version{ID: coffer.NewID(), NodeID: in.node, SpaceID: in.pass.space.ID, BlobID: st.blob}}
	if v.NodeID.IsZero() { // a new file
		v.NodeID, v.Number = coffer.NewID(), 1
	}
	v.DEK, v.SKVer = key.SealDEK(v.NodeID, v.ID, v.BlobID, st.dek), key.Version()
	st.ready = v
	return nil
}

// receive runs an upload: it seals the body into a blob, makes that durable,
// and only then commits what finish changes. Small bodies of known length go
// without rows until then: a crash leaves a blob that Check lists.
func (v *View) receive(ctx context.Context, in incoming, finish func(tx *db.Tx, p pass, st stored) ([]act, error)) (err error) {
	if in.Size < -1 {
		return coffer.E(coffer.Invalid, "invalid", "A size cannot be less than nothing.")
	}
	partLog, err := content.PartLog(in.Size)
	if err != nil {
		return err
	}
	need := in.reserve()
	if need > in.pass.space.Free() {
		return overQuota(in.pass.space, need)
	}
	st := stored{blob: coffer.RandomID(), dek: seal.DEK{Key: seal.NewKey(), PartLog: partLog, Size: in.Size}}
	defer func() { st.dek.Key.Clear() }()
	src := &source{r: in.Reader}
	direct := in.Size >= 0 && in.Size <= smallUpload
	var upload coffer.ID
	if !direct {
		v.s.tidy(context.WithoutCancel(ctx))
		upload = coffer.RandomID()
		defer func() {
			if err != nil {
				err = errors.Join(err, v.s.giveBack(context.WithoutCancel(ctx), unfinished{in.pass.space.ID, upload}))
			}
		}()
		if err := v.begin(ctx, in, upload, st); err != nil {
			return err
		}
		in.left = need
		src.onRead = v.keepUp(ctx, in, upload)
	}
	err = v.transfer(ctx, []pass{in.pass}, func(ctx context.Context) error { return v.s.write(ctx, src, &st) })
	if lost(err) {
		return err
	}
	if err != nil {
		if !direct && v.ended(ctx, in.pass, upload) { // its bytes were removed under it
			return uploadEnded()
		}
		return src.blame(err)
	}
	if err := v.s.makeReady(in, &st); err != nil {
		return err
	}
	refused := false // by finish: then nothing was written for sure
	// The bytes are complete: what ends the request now, be it the caller or the
	// watch over the right, waits for the decision here.
	err = v.commit(context.WithoutCancel(ctx), func(tx *db.Tx, ps []pass) (acts []act, err error) {
		refused = true
		acts, err = v.finish(tx, ps[0], upload, st, finish)
		refused = err != nil
		return acts, err
	}, in.pass)
	if err != nil && direct && refused {
		// The blob never had a row and never will.
		return errors.Join(err, v.s.blobs.Delete(context.WithoutCancel(ctx), st.blob))
	}
	return err
}

// ended reports whether an upload was ended by somebody else.
func (v *View) ended(ctx context.Context, p pass, upload coffer.ID) bool {
	err := v.look(ctx, p.node.ID, p.right, func(tx *db.Tx, _ pass) error {
		_, err := tx.Upload(upload)
		if errors.Is(err, coffer.ErrNotFound) {
			return uploadEnded()
		}
		return err
	})
	return coffer.KindOf(err) == coffer.Gone
}

func uploadEnded() error {
	return coffer.E(coffer.Gone, "upload_ended", "This upload took too long and was ended. Start it again.")
}

// begin is the first transaction: the upload, its blob's row and room for it.
func (v *View) begin(ctx context.Context, in incoming, upload coffer.ID, st stored) error {
	return v.prepare(ctx, func(tx *db.Tx, ps []pass) error {
		return v.insertUpload(tx, ps[0], in, upload, st, v.keptUntil(tx, true))
	}, in.pass)
}

// keptUntil is when an upload ends to which nothing comes any more; begun says
// that something has come. One by a file request holds a place that others may
// need.
func (v *View) keptUntil(tx *db.Tx, begun bool) int64 {
	switch {
	case v.p.Kind != coffer.RequestKind:
		return tx.Now + uploadKept.Milliseconds()
	case begun:
		return tx.Now + sentKept.Milliseconds()
	}
	return tx.Now + sentWaits.Milliseconds()
}

func (v *View) insertUpload(tx *db.Tx, p pass, in incoming, upload coffer.ID, st stored, until int64) error {
	key, err := v.s.keys.OpenSpaceKey(in.key)
	if err != nil {
		return err
	}
	defer key.Clear()
	u := db.Upload{ID: upload, SpaceID: p.space.ID, ParentID: p.node.ID, Name: in.name, IfExists: in.how, BlobID: st.blob,
		DEK: key.SealUpload(upload, st.blob, st.dek), SKVer: key.Version(), Size: in.Size, Reserved: in.reserve(),
		CreatedBy: v.p.User.ID, ExpiresAt: until, DeliveryID: in.delivery}
	if p.node.Kind == coffer.File {
		u.NodeID, u.ParentID = p.node.ID, p.node.ParentID
	}
	if !in.delivery.IsZero() { // its place among as many as the request takes
		r, err := tx.FileRequest(v.p.Request)
		if err != nil {
			return err
		}
		if err := checkLeft(tx, r); err != nil {
			return err
		}
	}
	if err := v.s.takeQuota(tx, p, 0, u.Reserved); err != nil {
		return err
	}
	if err := tx.InsertPendingBlob(st.blob, st.dek.PartLog); err != nil {
		return err
	}
	return tx.InsertUpload(u)
}

// keepUp returns what a body is told after each read: it takes room in steps
// when the length is unknown, and keeps a long upload from expiring.
func (v *View) keepUp(ctx context.Context, in incoming, upload coffer.ID) func(n int64) error {
	left, renewed := in.Size, time.Now()
	if in.Size < 0 {
		left = in.left
	}
	return func(n int64) error {
		left -= n
		var more int64
		if in.Size < 0 && left < 0 {
			more = reserveStep
		}
		if more == 0 && time.Since(renewed) < renewUploads {
			return nil
		}
		left, renewed = left+more, time.Now()
		return v.prepare(ctx, func(tx *db.Tx, ps []pass) error {
			if err := v.s.takeQuota(tx, ps[0], 0, more); err != nil {
				return err
			}
			return tx.ExtendUpload(upload, more, v.keptUntil(tx, true))
		}, in.pass)
	}
}

// write seals src into a published blob and completes st.
func (s *Service) write(ctx context.Context, src io.Reader, st *stored) error {
	head := make([]byte, sniffBytes)
	n, err := io.ReadFull(src, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	st.mediaType = mediaType(head[:n])
	if err := s.marked(ctx); err != nil {
		return err
	}
	dst, err := s.blobs.Stage(ctx, st.blob, content.StoredPartSize(st.dek.PartLog))
	if err != nil {
		return err
	}
	done := context.WithoutCancel(ctx)
	if st.dek, err = s.seal(ctx, dst, st, io.MultiReader(bytes.NewReader(head[:n]), src)); err != nil {
		return errors.Join(err, dst.Abort(done))
	}
	// From here on the bytes are complete: a caller that goes away now gets
	// its file all the same.
	if err := dst.Publish(done, content.StoredSize(st.dek.Size, st.dek.PartLog)); err != nil {
		// It may be published all the same; nothing will ever name it.
		return errors.Join(err, dst.Abort(done), s.blobs.Delete(done, st.blob))
	}
	return nil
}

func (s *Service) seal(ctx context.Context, dst blob.Pending, st *stored, src io.Reader) (seal.DEK, error) {
	return s.io.Write(ctx, dst, st.blob, st.dek, src, content.WriteOptions{})
}

// mediaType tells what the first bytes of a file are, without parameters.
func mediaType(head []byte) string {
	t, _, _ := strings.Cut(mimetype.Detect(head).String(), ";")
	return t
}

// finish is the second transaction: the blob lives, the upload is over, and
// the room it took is settled.
func (v *View) finish(tx *db.Tx, p pass, upload coffer.ID, st stored, fn func(tx *db.Tx, p pass, st stored) ([]act, error)) ([]act, error) {
	size := content.StoredSize(st.dek.Size, st.dek.PartLog)
	if upload.IsZero() {
		if err := tx.InsertLiveBlob(st.blob, st.dek.PartLog, size); err != nil {
			return nil, err
		}
		if err := v.s.takeQuota(tx, p, st.dek.Size, 0); err != nil {
			return nil, err
		}
		return fn(tx, p, st)
	}
	u, err := tx.Upload(upload)
	if errors.Is(err, coffer.ErrNotFound) {
		return nil, uploadEnded()
	}
	if err != nil {
		return nil, err
	}
	if err := tx.SetBlobLive(st.blob, size); err != nil {
		return nil, err
	}
	if err := tx.DeleteUpload(upload); err != nil {
		return nil, err
	}
	if err := v.s.takeQuota(tx, p, st.dek.Size, -u.Reserved); err != nil {
		return nil, err
	}
	return fn(tx, p, st)
}

// addFile makes a file of stored content in the folder of the pass.
func (v *View) addFile(tx *db.Tx, p pass, name string, st stored) (Detail, error) {
	node := coffer.NewID()
	if st.ready.Number == 1 {
		node = st.ready.NodeID
	}
	ver, err := v.newVersion(tx, p, node, 1, st)
	if err != nil {
		return Detail{}, err
	}
	n := coffer.Node{ID: ver.NodeID, SpaceID: p.space.ID, ParentID: p.node.ID, Kind: coffer.File, Name: name, Size: ver.Size, VersionID: ver.ID,
		MediaType: ver.MediaType, Rev: 1, CreatedBy: v.p.User.ID, ChangedBy: v.p.User.ID, CreatedAt: tx.Now, ChangedAt: tx.Now}
	if err := addNode(tx, n); err != nil {
		return Detail{}, err
	}
	if err := tx.InsertVersion(ver); err != nil {
		return Detail{}, err
	}
	item, err := v.people(tx).item(n, p.access)
	return Detail{Item: item, SHA256: hexSum(st.dek), Number: 1}, err
}

// addVersion gives the file of the pass stored content.
func (v *View) addVersion(tx *db.Tx, p pass, st stored) (Detail, error) {
	last, err := tx.LastNumber(p.node.ID)
	if err != nil {
		return Detail{}, err
	}
	ver, err := v.newVersion(tx, p, p.node.ID, last+1, st)
	if err != nil {
		return Detail{}, err
	}
	if err := tx.InsertVersion(ver); err != nil {
		return Detail{}, err
	}
	if err := tx.SetContent(p.node.ID, ver.Version); err != nil {
		return Detail{}, err
	}
	if p.node, err = tx.Node(p.node.ID); err != nil {
		return Detail{}, err
	}
	item, err := v.people(tx).item(p.shown(), p.access)
	return Detail{Item: item, SHA256: hexSum(st.dek), Number: ver.Number}, err
}

func (v *View) newVersion(tx *db.Tx, p pass, node coffer.ID, number int64, st stored) (db.Version, error) {
	ver := db.Version{Version: coffer.Version{ID: coffer.NewID(), NodeID: node, Number: number, BlobID: st.blob, Size: st.dek.Size,
		MediaType: st.mediaType, CreatedBy: v.p.User.ID, CreatedAt: tx.Now}}
	if r := st.ready; r.NodeID == node && r.SpaceID == p.space.ID {
		ver.ID, ver.SpaceID, ver.DEK, ver.SKVer = r.ID, r.SpaceID, r.DEK, r.SKVer
		return ver, nil
	}
	return ver, v.s.sealKey(tx, p, &ver, st.dek)
}

// abandon ends an upload that did not become a version, if that is so: after a
// commit whose answer was lost it may well be one.
func (s *Service) abandon(ctx context.Context, space, upload coffer.ID) error {
	var blobID coffer.ID
	var tails []coffer.ID
	err := s.maintain(ctx, space, func(tx *db.Tx) error {
		blobID, tails = coffer.ID{}, nil
		u, err := tx.Upload(upload)
		if errors.Is(err, coffer.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if tails, err = dropPieces(tx, upload); err != nil {
			return err
		}
		if err := tx.DeleteUpload(upload); err != nil {
			return err
		}
		if _, err := tx.TakeQuota(space, 0, -u.Reserved); err != nil {
			return err
		}
		blobID = u.BlobID
		return tx.DeletePendingBlob(u.BlobID)
	})
	if err != nil || blobID.IsZero() {
		return err
	}
	return errors.Join(s.blobs.Delete(ctx, blobID), s.dropTails(ctx, tails))
}

// unfinished is an upload that failed and could not be ended either: the
// database was full or away.
type unfinished struct{ space, upload coffer.ID }

// giveBack is abandon that is done later when it cannot be done now.
func (s *Service) giveBack(ctx context.Context, u unfinished) error {
	err := s.abandon(ctx, u.space, u.upload)
	if err != nil {
		s.mu.Lock()
		s.left = append(s.left, u)
		s.mu.Unlock()
	}
	return err
}

// tidy ends what could not be ended before, so that its room is free as soon as
// the database writes again. What a process that died leaves expires.
func (s *Service) tidy(ctx context.Context) {
	s.mu.Lock()
	left := s.left
	s.left = nil
	s.mu.Unlock()
	for _, u := range left {
		if err := s.giveBack(ctx, u); err != nil {
			s.log.Warn("an upload that failed keeps its room for now", "upload", u.upload, "err", err)
		}
	}
}

// source is the body of an upload; it remembers whether the body failed, and
// counts.
type source struct {
	r      io.Reader
	onRead func(n int64) error
	err    error // of the body itself
	refuse error // of onRead
}

func (s *source) Read(p []byte) (int, error) {
	if s.refuse != nil {
		return 0, s.refuse
	}
	n, err := s.r.Read(p)
	if err != nil && err != io.EOF {
		s.err = err
	}
	if n > 0 && s.onRead != nil {
		if s.refuse = s.onRead(int64(n)); s.refuse != nil {
			return 0, s.refuse
		}
	}
	return n, err
}

// blame says whose fault a failed write was.
func (s *source) blame(err error) error {
	switch {
	case s.refuse != nil:
		return s.refuse
	case s.err != nil:
		if _, ours := errors.AsType[*coffer.Error](s.err); ours {
			return s.err
		}
		return &coffer.Error{Kind: coffer.Malformed, Code: "body_cut", Msg: "The upload was cut off before its end. Nothing was stored.", Err: err}
	}
	return err
}
