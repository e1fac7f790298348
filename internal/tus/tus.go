// Package tus speaks the tus 1.0 protocol for uploads that arrive in several
// requests (https://tus.io/protocols/resumable-upload), with tusd's handler over
// files: creation, with upload, with deferred length, termination,
// concatenation, expiration and checksum.
//
// It knows the protocol and the verbs of files; it must not decide who may
// upload where, and it knows neither tables nor blobs nor keys. It holds
// nothing between two requests: any server takes the next one.
package tus

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"
	"golang.org/x/exp/slog" //nolint:depguard // the type of tusd's logger

	"coffer"
	"coffer/internal/files"
	"coffer/internal/gate"
)

const (
	lockWait = 20 * time.Second // for the request before to let go
	idle     = 2 * time.Minute  // in which some byte must come
)

// Options are what the protocol translates between.
type Options struct {
	Gate    *gate.Gate
	Files   *files.Service
	BaseURL *url.URL // of the installation
	Path    string   // of the uploads, "/api/v1/uploads"
}

// Handler answers everything below Options.Path, behind gate.Protect.
type Handler struct {
	o    Options
	base string // address of the uploads, with a last slash
	tusd *handler.UnroutedHandler
}

// New returns the handler.
func New(o Options) (*Handler, error) {
	h := &Handler{o: o, base: strings.TrimSuffix(o.BaseURL.String(), "/") + o.Path + "/"}
	composer := handler.NewStoreComposer()
	composer.UseCore(store{h})
	composer.UseTerminater(store{h})
	composer.UseConcater(store{h})
	composer.UseLengthDeferrer(store{h})
	composer.UseLocker(locker{h})
	var err error
	h.tusd, err = handler.NewUnroutedHandler(handler.Config{
		StoreComposer: composer, BasePath: h.base,
		DisableDownload: true, Cors: &handler.CorsConfig{Disable: true},
		AcquireLockTimeout: lockWait, NetworkTimeout: idle,
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), // gate keeps the log
	})
	return h, err
}

// exchange is what the parts of one request tell each other.
type exchange struct {
	h      *Handler
	ctx    context.Context // of the request
	path   string          // of the uploads
	caller coffer.Principal
	sum    string // the Upload-Checksum header

	lease  coffer.ID
	piece  *files.Piece // as it is when the answer begins
	result files.Detail // of a request that made a file
	err    error        // the first one of files
	cut    error        // why the body ended early, where that is ours
	status int          // for err; 0 = its kind's
}

type exchangeKey struct{}

func exchangeOf(ctx context.Context) *exchange { return ctx.Value(exchangeKey{}).(*exchange) }

// view is the files as the caller sees them. A transfer of it that may not go
// on cuts the request.
func (e *exchange) view() *files.View {
	return e.h.o.Files.As(e.caller).CutBy(func() { gate.Cut(e.ctx) })
}

// fail remembers an error of ours, and gives tusd one to stop at.
func (e *exchange) fail(err error) error {
	if err == nil {
		return nil
	}
	if e.err == nil {
		e.err = err
	}
	return handler.NewError("ERR_COFFER", "", http.StatusInternalServerError)
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.ServeAt(h.o.Path, gate.Caller(r.Context()), w, r)
}

// ServeAt answers below another path than Options.Path, for who has come by it:
// whoever has the address of a file request. They send each file as one upload
// whose length they know, and are not told what becomes of it.
func (h *Handler) ServeAt(path string, caller coffer.Principal, w http.ResponseWriter, r *http.Request) {
	var serve http.HandlerFunc
	switch r.Method {
	case http.MethodPost:
		serve = h.tusd.PostFile
	case http.MethodHead:
		serve = h.tusd.HeadFile
	case http.MethodPatch:
		serve = h.tusd.PatchFile
	case http.MethodDelete:
		serve = h.tusd.DelFile
	case http.MethodOptions:
		serve = func(http.ResponseWriter, *http.Request) {} // tusd's middleware answers
	}
	r.Header.Del("X-HTTP-Method-Override") // what the gate let in is what is done
	if list := r.Header.Get("Upload-Concat"); list != "" {
		r.Header.Set("Upload-Concat", h.absolute(list))
	}
	e := &exchange{h: h, ctx: r.Context(), path: path, caller: caller, sum: r.Header.Get("Upload-Checksum")}
	if r.Method == http.MethodPatch || r.Method == http.MethodPost && r.ContentLength != 0 {
		done, err := h.o.Gate.Turn(r.Context(), e.caller.Lane())
		if err != nil {
			h.o.Gate.Fail(w, r, err)
			return
		}
		defer done()
	}
	r = r.WithContext(context.WithValue(r.Context(), exchangeKey{}, e))
	if r.Body != nil {
		r.Body = body{r.Body, e}
	}
	a := &answer{ResponseWriter: w, r: r, e: e}
	http.StripPrefix(path, h.tusd.Middleware(serve)).ServeHTTP(a, r)
	a.end()
}

// absolute writes the parts of a final upload as tusd wants them, whichever of
// the names of this server their addresses have.
func (h *Handler) absolute(list string) string {
	values := strings.Split(list, " ")
	for i, v := range values {
		if at := strings.LastIndex(v, h.o.Path+"/"); at >= 0 {
			prefix := ""
			if strings.HasPrefix(v, "final;") {
				prefix = "final;"
			}
			values[i] = prefix + h.base + v[at+len(h.o.Path)+1:]
		}
	}
	return strings.Join(values, " ")
}

// body remembers our own reason for an end: tusd takes every end for the
// client's.
type body struct {
	io.ReadCloser
	e *exchange
}

func (b body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if k := coffer.KindOf(err); err != nil && err != io.EOF && k != coffer.Internal && b.e.cut == nil {
		b.e.cut = err
	}
	return n, err
}

// answer gives tusd's answers our headers, and its errors our form.
type answer struct {
	http.ResponseWriter
	r      *http.Request
	e      *exchange
	status int    // of an error that is held back
	text   []byte // what tusd says of it
	begun  bool
}

// Unwrap is for http.ResponseController.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

func (a *answer) WriteHeader(status int) {
	if a.begun || a.status != 0 {
		return
	}
	if status >= 400 {
		a.status = status
		return
	}
	a.begun = true
	a.headers()
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(b []byte) (int, error) {
	if a.status != 0 {
		a.text = append(a.text, b...)
		return len(b), nil
	}
	if !a.begun {
		a.WriteHeader(http.StatusOK)
	}
	return a.ResponseWriter.Write(b)
}

// headers tells what tus leaves to extensions, and what became of the upload.
func (a *answer) headers() {
	h := a.Header()
	if a.r.Method == http.MethodOptions {
		h.Set("Tus-Extension", h.Get("Tus-Extension")+",expiration,checksum")
		if a.e.caller.Kind == coffer.RequestKind {
			h.Set("Tus-Extension", "creation,creation-with-upload,termination,expiration,checksum")
		}
		h.Set("Tus-Checksum-Algorithm", algorithms)
	}
	if to, ok := strings.CutPrefix(h.Get("Location"), a.e.h.base); ok { // as tusd wrote it
		h.Set("Location", strings.TrimSuffix(a.e.h.o.BaseURL.String(), "/")+a.e.path+"/"+to)
	}
	p := a.e.piece
	if p == nil {
		return
	}
	if a.e.result.SHA256 != "" {
		h.Set("Coffer-SHA256", a.e.result.SHA256)
	}
	if id := a.e.result.ID; !id.IsZero() {
		h.Set("Coffer-Node", id.String())
		h.Set("Coffer-Version", a.e.result.VersionID.String())
	} else if !p.NodeID.IsZero() {
		h.Set("Coffer-Node", p.NodeID.String())
		h.Set("Coffer-Version", p.VersionID.String())
	} else {
		h.Set("Upload-Expires", time.UnixMilli(p.ExpiresAt).UTC().Format(http.TimeFormat))
	}
	if p.PartSize > 0 {
		h.Set("Coffer-Part-Size", itoa(p.PartSize))
	}
}

// end tells an error that was held back.
func (a *answer) end() {
	if a.status == 0 {
		return
	}
	g := a.e.h.o.Gate
	if err := cmp.Or(a.e.err, a.e.cut); err != nil {
		g.FailStatus(a.ResponseWriter, a.r, a.e.status, err)
		return
	}
	code, _, _ := strings.Cut(strings.TrimSpace(string(a.text)), ":")
	p, known := problems[code]
	if !known {
		p = problem{coffer.Malformed, "malformed", "The request does not follow the tus protocol: " + strings.ToLower(http.StatusText(a.status)) + "."}
	}
	g.FailStatus(a.ResponseWriter, a.r, a.status, coffer.E(p.kind, p.code, p.text))
}

type problem struct {
	kind       coffer.Kind
	code, text string
}

// problems are the errors that tusd finds itself.
var problems = map[string]problem{
	"ERR_UNSUPPORTED_VERSION":     {coffer.Malformed, "tus_version", "This is tus 1.0: send Tus-Resumable: 1.0.0."},
	"ERR_MAX_SIZE_EXCEEDED":       {coffer.TooLarge, "too_large", "The file is too large."},
	"ERR_UPLOAD_SIZE_EXCEEDED":    {coffer.TooLarge, "too_large", "More bytes came than the upload has."},
	"ERR_INVALID_CONTENT_TYPE":    {coffer.Malformed, "malformed", "Send the bytes as application/offset+octet-stream."},
	"ERR_INVALID_UPLOAD_LENGTH":   {coffer.Malformed, "malformed", "Upload-Length is missing, or no length that this upload can have."},
	"ERR_INVALID_OFFSET":          {coffer.Malformed, "malformed", "Upload-Offset is missing or no number."},
	"ERR_UPLOAD_NOT_FOUND":        {coffer.NotFound, "not_found", "There is no such upload: it was never begun, has ended, or expired."},
	"ERR_UPLOAD_LOCKED":           {coffer.Busy, "upload_locked", "Another request is writing this upload. Try again in a moment."},
	"ERR_LOCK_TIMEOUT":            {coffer.Busy, "upload_locked", "Another request is writing this upload. Try again in a moment."},
	"ERR_MISMATCHED_OFFSET":       {coffer.Conflict, "offset_mismatch", "The upload stands at another offset: ask where with HEAD and go on from there."},
	"ERR_UPLOAD_NOT_FINISHED":     {coffer.Conflict, "not_complete", "One of the parts is not complete."},
	"ERR_INVALID_CONCAT":          {coffer.Malformed, "malformed", "Upload-Concat is neither partial nor a list of parts."},
	"ERR_MODIFY_FINAL":            {coffer.Forbidden, "forbidden", "An upload made of parts takes no bytes itself."},
	"ERR_UPLOAD_INTERRUPTED":      {coffer.Busy, "upload_interrupted", "Another request has taken this upload over."},
	"ERR_READ_TIMEOUT":            {coffer.Busy, "stalled", "No byte came for too long. What came before is kept."},
	"ERR_CONNECTION_RESET":        {coffer.Busy, "stalled", "The connection broke. What came before is kept."},
	"ERR_UNEXPECTED_EOF":          {coffer.Malformed, "body_cut", "The request ended early. What came before is kept."},
	"ERR_AMBIGUOUS_UPLOAD_LENGTH": {coffer.Malformed, "malformed", "Say either Upload-Length or Upload-Defer-Length."},
}

// meta is what a client says of an upload, in Upload-Metadata.
type meta map[string]string

// piece reads what is to be uploaded. Sizes and flags are the caller's.
func (m meta) piece() (n files.NewPiece, err error) {
	known := map[string]*coffer.ID{"parent": &n.Parent, "node": &n.Node, "if_match": &n.IfMatch, "group": &n.Group}
	for name, id := range known {
		if text := m[name]; text != "" {
			if *id, err = coffer.ParseID(text); err != nil {
				return n, &coffer.Error{Kind: coffer.Invalid, Code: "invalid", Msg: "What is told about the upload holds no id at " + name + ".", Fields: map[string]string{name: "must be an id of 26 characters"}}
			}
		}
	}
	n.Name = m["name"]
	if n.Name == "" {
		n.Name = m["filename"] // as other clients say
	}
	n.IfExists = coffer.IfExists(m["if_exists"])
	n.Sender = files.Sender{Name: m["sender"], Email: m["email"]}
	if n.First, err = m.number("first"); err != nil {
		return n, err
	}
	if n.Total, err = m.number("total"); err != nil {
		return n, err
	}
	text, err := json.Marshal(m)
	n.Meta = string(text)
	return n, err
}
