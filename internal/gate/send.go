package gate

import (
	"encoding/base64"
	"net/http"
	"strconv"

	"coffer"
)

// Content is bytes that can be sent, whole or in part.
type Content struct {
	Name   string
	Size   int64
	ETag   string // strong, with its quotes; "" where each sending differs
	SHA256 []byte // of the whole; nil when unknown
	Inline string // the media type that a browser may show; "": a download
	Ranges bool
	// WriteRange sends n bytes from off on. An error before the first byte is
	// answered, one after it cuts the connection.
	WriteRange func(w http.ResponseWriter, off, n int64) error
}

// SendContent answers GET and HEAD with content, or with the range asked for.
// The error is still to be answered: nothing was sent, or the answer is to be
// cut.
func (g *Gate) SendContent(w http.ResponseWriter, r *http.Request, c Content) error {
	head := r.Method == http.MethodHead
	h := w.Header()
	if c.ETag != "" {
		h.Set("ETag", c.ETag)
		if m := r.Header.Values("If-Match"); len(m) > 0 && !Matches(m, c.ETag, false) {
			return coffer.E(coffer.Stale, "stale", "The file has changed since you looked.")
		}
		if m := r.Header.Values("If-None-Match"); len(m) > 0 && Matches(m, c.ETag, true) {
			w.WriteHeader(http.StatusNotModified)
			return nil
		}
	}
	// Whatever is inside: it runs nothing, loads nothing, and no other site gets it.
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	if c.Inline != "" {
		h.Set("Content-Type", c.Inline)
		h.Set("Content-Disposition", Disposition("inline", c.Name))
	} else {
		h.Set("Content-Type", "application/octet-stream")
		h.Set("Content-Disposition", Disposition("attachment", c.Name))
	}
	s, partial, ok := span{0, c.Size}, false, true
	if c.Ranges {
		h.Set("Accept-Ranges", "bytes")
		rangeHeader := r.Header.Get("Range")
		if ifRange := r.Header.Get("If-Range"); head || ifRange != "" && ifRange != c.ETag {
			rangeHeader = "" // RFC 9110, 13.1.5 and 14.2
		}
		s, partial, ok = parseRange(rangeHeader, c.Size)
	}
	if len(c.SHA256) > 0 {
		h.Set("Repr-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(c.SHA256)+":") // RFC 9530: of the whole, in a 206 too
	}
	if !ok {
		h.Set("Content-Range", "bytes */"+strconv.FormatInt(c.Size, 10))
		g.FailStatus(w, r, http.StatusRequestedRangeNotSatisfiable, coffer.E(coffer.Invalid, "range_outside", "The range lies outside of the file."))
		return nil
	}
	h.Set("Content-Length", strconv.FormatInt(s.n, 10)) // known beforehand: net/http then passes big writes through
	status := http.StatusOK
	if partial {
		status = http.StatusPartialContent
		h.Set("Content-Range", "bytes "+strconv.FormatInt(s.off, 10)+"-"+strconv.FormatInt(s.off+s.n-1, 10)+"/"+strconv.FormatInt(c.Size, 10))
	}
	if head || s.n == 0 {
		w.WriteHeader(status)
		return nil
	}
	return c.WriteRange(&starter{w, status}, s.off, s.n)
}

// starter sends the status with the first byte, so that what fails before it
// can still be told in words.
type starter struct {
	http.ResponseWriter
	status int
}

// StartWith returns a writer that sends the status with the first byte.
func StartWith(w http.ResponseWriter, status int) http.ResponseWriter { return &starter{w, status} }

func (s *starter) Write(b []byte) (int, error) {
	if s.status != 0 {
		s.ResponseWriter.WriteHeader(s.status)
		s.status = 0
	}
	return s.ResponseWriter.Write(b)
}

// SameOrigin is nil unless a browser says that a request comes from another
// site's page.
func (g *Gate) SameOrigin(r *http.Request) error { return g.csrf.Check(r) }
