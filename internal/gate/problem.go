package gate

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"time"

	"coffer"
	"coffer/internal/wire"
)

// answers says how each kind of error looks over HTTP. The code is for errors
// that bring none; a detail hides what the error says.
var answers = [...]struct {
	status int
	title  string
	code   string
	detail string
}{
	coffer.Internal:        {500, "Something went wrong here", "internal", "The server failed. Try again; if it stays, give your administrator the reference."},
	coffer.Malformed:       {400, "The request cannot be read", "malformed", ""},
	coffer.Invalid:         {422, "Something is not right", "invalid", ""},
	coffer.Unauthenticated: {401, "You are signed out", "unauthenticated", ""},
	coffer.Forbidden:       {403, "You may not do this", "forbidden", ""},
	coffer.NotFound:        {404, "Not found", "not_found", ""},
	coffer.Conflict:        {409, "Already taken", "conflict", ""},
	coffer.Stale:           {412, "Changed since you looked", "stale", ""},
	coffer.Gone:            {410, "Gone", "gone", ""},
	coffer.TooLarge:        {413, "Too large", "too_large", ""},
	coffer.Limited:         {429, "Too many tries", "limited", ""},
	coffer.OverQuota:       {507, "No space left", "over_quota", ""},
	coffer.Busy:            {503, "Busy", "busy", ""},
	coffer.Corrupt:         {500, "Damaged", "damaged", "The stored content is damaged and cannot be opened. Give your administrator the reference."},
}

// Problem is err as callers see it.
func Problem(ctx context.Context, err error) wire.Problem {
	e, ok := errors.AsType[*coffer.Error](err)
	if !ok {
		e = &coffer.Error{Kind: coffer.Internal}
		if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
			e = coffer.E(coffer.Busy, "busy", "The request was given up before it was done. Try again.")
		}
	}
	a := answers[e.Kind]
	p := wire.Problem{Type: "about:blank", Status: a.status, Title: a.title, Detail: e.Msg, Code: e.Code, Ref: Ref(ctx)}
	if a.detail != "" {
		p.Detail, p.Code = a.detail, a.code // never what a failure of ours says of itself
		return p
	}
	if p.Code == "" {
		p.Code = a.code
	}
	p.Fields, p.Suggestion = e.Fields, e.Suggestion
	if !e.Existing.IsZero() {
		p.Existing = &e.Existing
	}
	if e.Room != nil {
		p.Room = (*wire.Room)(e.Room)
	}
	return p
}

// Fail answers a request with err, and hands the cause to the log. After the
// first byte of an answer it cannot be told any more: use Abort.
func (g *Gate) Fail(w http.ResponseWriter, r *http.Request, err error) { g.FailStatus(w, r, 0, err) }

// FailStatus is Fail with a status that no kind of error has (405, 416); 0 is
// the kind's.
func (g *Gate) FailStatus(w http.ResponseWriter, r *http.Request, status int, err error) {
	p := Problem(r.Context(), err)
	if status != 0 {
		p.Status, p.Title = status, http.StatusText(status)
	}
	recall(r.Context()).err = err
	h := w.Header()
	for _, name := range []string{"Content-Length", "Content-Encoding", "Content-Disposition", "Etag", "Last-Modified", "Accept-Ranges", "Repr-Digest", "Cache-Control"} {
		h.Del(name) // of the answer that is not coming
	}
	SetErrorHeaders(h, err)
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(p.Status)
	if r.Method != http.MethodHead {
		json.NewEncoder(w).Encode(p) // a caller who is gone needs no answer
	}
}

// Note remembers the error of an answer that another writer gives, for the log.
func Note(ctx context.Context, err error) { recall(ctx).err = err }

// SetErrorHeaders sets what HTTP wants beside an error's document.
func SetErrorHeaders(h http.Header, err error) {
	e, ok := errors.AsType[*coffer.Error](err)
	if !ok {
		return
	}
	if e.RetryAfter > 0 {
		h.Set("Retry-After", strconv.FormatInt(int64(math.Ceil(e.RetryAfter.Seconds())), 10))
	} else if e.Kind == coffer.Busy {
		h.Set("Retry-After", "5")
	}
	if e.Kind == coffer.Unauthenticated {
		h.Set("WWW-Authenticate", `Bearer realm="coffer"`)
	}
}

// Abort ends an answer that has begun and cannot be completed: the connection
// (or HTTP/2 stream) is cut, so that nobody takes the part for the whole.
func Abort(w http.ResponseWriter, r *http.Request, err error) {
	recall(r.Context()).err = err
	// What is good goes out first: a small answer may still be in the buffer.
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// report writes a request to the log: path without query, no header, no body.
func (q *request) report(r *http.Request, status int, sent int64, took time.Duration, path string) {
	level := slog.LevelInfo
	attrs := []slog.Attr{slog.String("ref", q.ref), slog.String("method", r.Method), slog.String("path", path),
		slog.Int("status", status), slog.Int64("bytes", sent), slog.Int64("ms", took.Milliseconds()), slog.String("address", q.address.String())}
	if !q.caller.User.ID.IsZero() {
		attrs = append(attrs, slog.String("user", q.caller.User.ID.String()))
	}
	if q.err != nil {
		switch k := coffer.KindOf(q.err); {
		case r.Context().Err() != nil:
			attrs = append(attrs, slog.String("end", "caller left"))
		case k == coffer.Internal || k == coffer.Corrupt:
			level = slog.LevelError
			attrs = append(attrs, slog.String("error", q.err.Error()))
		default:
			attrs = append(attrs, slog.String("kind", k.String()))
		}
	}
	q.log.LogAttrs(context.WithoutCancel(r.Context()), level, "request", attrs...)
}
