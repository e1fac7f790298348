package tus

import (
	"context"
	"crypto/sha1" //nolint:gosec // G505: a checksum that the protocol demands, not a proof
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"hash"
	"io"
	"strconv"
	"strings"

	"github.com/tus/tusd/v2/pkg/handler"

	"coffer"
	"coffer/internal/files"
)

// algorithms are what Upload-Checksum may name.
const algorithms = "sha1,sha256"

// statusMismatch is what the checksum extension answers.
const statusMismatch = 460

// store lets tusd speak to files.
type store struct{ h *Handler }

// NewUpload implements handler.DataStore.
func (s store) NewUpload(ctx context.Context, info handler.FileInfo) (handler.Upload, error) {
	e := exchangeOf(ctx)
	n, err := meta(info.MetaData).piece()
	if err != nil {
		return nil, e.fail(err)
	}
	n.Size, n.Partial = info.Size, info.IsPartial
	if info.SizeIsDeferred {
		n.Size = -1
	}
	if info.IsFinal {
		id := coffer.RandomID() // Join makes it
		info.ID = id.String()
		return &upload{e: e, id: id, n: n, info: info}, nil
	}
	p, err := e.view().Begin(ctx, n)
	if err != nil {
		return nil, e.fail(err)
	}
	return e.upload(p), nil
}

// GetUpload implements handler.DataStore.
func (s store) GetUpload(ctx context.Context, text string) (handler.Upload, error) {
	e := exchangeOf(ctx)
	id, err := coffer.ParseID(text)
	if err != nil {
		return nil, handler.ErrNotFound
	}
	p, err := e.view().Piece(ctx, id)
	if errors.Is(err, coffer.ErrNotFound) {
		return nil, handler.ErrNotFound
	}
	if err != nil {
		return nil, e.fail(err)
	}
	return e.upload(p), nil
}

// The rest of the store is in its uploads.
func (s store) AsTerminatableUpload(u handler.Upload) handler.TerminatableUpload { return u.(*upload) }
func (s store) AsConcatableUpload(u handler.Upload) handler.ConcatableUpload     { return u.(*upload) }
func (s store) AsLengthDeclarableUpload(u handler.Upload) handler.LengthDeclarableUpload {
	return u.(*upload)
}

// upload is one piece for the time of a request.
type upload struct {
	e     *exchange
	piece files.Piece
	id    coffer.ID // of a final upload, which has no piece yet
	n     files.NewPiece
	info  handler.FileInfo
	sum   *[32]byte
}

func (e *exchange) upload(p files.Piece) *upload {
	e.piece = &p
	u := &upload{e: e, piece: p}
	u.info = handler.FileInfo{ID: p.ID.String(), Size: max(p.Size, 0), SizeIsDeferred: p.Size < 0, Offset: p.Received, IsPartial: p.Partial}
	var m handler.MetaData
	if json.Unmarshal([]byte(p.Meta), &m) == nil { // written by us
		u.info.MetaData = m
	}
	return u
}

// GetInfo implements handler.Upload.
func (u *upload) GetInfo(context.Context) (handler.FileInfo, error) { return u.info, nil }

// GetReader implements handler.Upload; downloads are switched off.
func (u *upload) GetReader(context.Context) (io.ReadCloser, error) {
	return nil, handler.ErrNotImplemented
}

// WriteChunk implements handler.Upload.
func (u *upload) WriteChunk(ctx context.Context, _ int64, src io.Reader) (int64, error) {
	src, agree, err := u.e.check(src)
	if err != nil {
		return 0, u.e.fail(err)
	}
	got, err := u.e.view().Append(ctx, u.piece.ID, u.e.lease, src, agree)
	u.sum = got.Sum
	u.info.Offset += got.Bytes
	return got.Bytes, u.e.fail(err)
}

// check wraps the bytes of a request that carries a checksum.
func (e *exchange) check(src io.Reader) (io.Reader, func() error, error) {
	if e.sum == "" {
		return src, nil, nil
	}
	name, text, _ := strings.Cut(e.sum, " ")
	want, err := base64.StdEncoding.DecodeString(text)
	var h hash.Hash
	switch name {
	case "sha1":
		h = sha1.New() //nolint:gosec // see above
	case "sha256":
		h = sha256.New()
	}
	if err != nil || h == nil || len(want) != h.Size() {
		return nil, nil, coffer.E(coffer.Malformed, "malformed", "Upload-Checksum names one of "+algorithms+" and a sum in base64.")
	}
	return io.TeeReader(src, h), func() error {
		if subtle.ConstantTimeCompare(h.Sum(nil), want) == 1 {
			return nil
		}
		e.status = statusMismatch
		return coffer.E(coffer.Invalid, "checksum_mismatch", "The bytes have another checksum than the request said. None of them was kept; send them again.")
	}, nil
}

// FinishUpload implements handler.Upload. Parts wait for their final upload.
func (u *upload) FinishUpload(ctx context.Context) error {
	if u.piece.Partial {
		return nil
	}
	m, err := meta(u.info.MetaData).piece()
	if err == nil {
		u.e.result, _, err = u.e.view().Finish(ctx, u.piece.ID, m.IfMatch, u.sum)
	}
	return u.e.fail(err)
}

// Terminate implements handler.TerminatableUpload.
func (u *upload) Terminate(ctx context.Context) error {
	return u.e.fail(u.e.view().End(ctx, u.piece.ID))
}

// DeclareLength implements handler.LengthDeclarableUpload.
func (u *upload) DeclareLength(ctx context.Context, size int64) error {
	return u.e.fail(u.e.view().DeclareSize(ctx, u.piece.ID, size))
}

// ConcatUploads implements handler.ConcatableUpload.
func (u *upload) ConcatUploads(ctx context.Context, parts []handler.Upload) error {
	ids := make([]coffer.ID, len(parts))
	for i, p := range parts {
		ids[i] = p.(*upload).piece.ID
	}
	p, d, _, err := u.e.view().Join(ctx, u.id, u.n, ids)
	if err != nil {
		return u.e.fail(err)
	}
	u.piece, u.e.piece, u.e.result = p, &p, d
	return nil
}

func (m meta) number(name string) (int64, error) {
	text := m[name]
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0, &coffer.Error{Kind: coffer.Invalid, Code: "invalid", Msg: "What is told about the upload holds no number at " + name + ".", Fields: map[string]string{name: "must be a number of bytes"}}
	}
	return n, nil
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
