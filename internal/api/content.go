package api

import (
	"encoding/base64"
	"net/http"
	"strconv"

	"coffer"
	"coffer/internal/files"
	"coffer/internal/gate"
)

func (a *API) caller(r *http.Request) *call {
	return &call{r.Context(), gate.Caller(r.Context())}
}

// pathID reads {id}; what cannot be an id is not there.
func pathID(r *http.Request) (coffer.ID, error) {
	id, err := coffer.ParseID(r.PathValue("id"))
	if err != nil {
		return coffer.ID{}, coffer.ErrNotFound
	}
	return id, nil
}

// query reads the query parameters of a raw route: each known, and at most
// once unless it is repeated on purpose.
func query(r *http.Request, known ...string) (map[string]string, error) {
	got := map[string]string{}
	for name, values := range r.URL.Query() {
		found := false
		for _, k := range known {
			found = found || k == name
		}
		if !found || len(values) != 1 {
			return nil, &coffer.Error{Kind: coffer.Invalid, Code: "invalid", Msg: "A query parameter is unknown or stands twice.", Fields: map[string]string{name: "is unknown or stands twice"}}
		}
		got[name] = values[0]
	}
	return got, nil
}

// fileQuery reads {id}, the query's version (zero: the current one), and the
// other parameters that a route about one file knows.
func fileQuery(r *http.Request, known ...string) (id, version coffer.ID, q map[string]string, err error) {
	if id, err = pathID(r); err != nil {
		return id, version, nil, err
	}
	if q, err = query(r, append(known, "version")...); err != nil {
		return id, version, nil, err
	}
	if v, ok := q["version"]; ok {
		if version, err = coffer.ParseID(v); err != nil {
			return id, version, nil, coffer.ErrNotFound
		}
	}
	return id, version, q, nil
}

// getContent answers GET and HEAD.
func (a *API) getContent(w http.ResponseWriter, r *http.Request) error {
	id, version, q, err := fileQuery(r, "inline")
	if err != nil {
		return err
	}
	return a.sendContent(w, r, id, version, q["inline"] == "1")
}

// sendContent sends a file, or the range that is asked for, to whoever came
// through either door: the API's, or that of tickets.
func (a *API) sendContent(w http.ResponseWriter, r *http.Request, id, version coffer.ID, inline bool) error {
	c := a.caller(r)
	head := r.Method == http.MethodHead
	if !head {
		done, err := a.Gate.Turn(c, c.who.User.ID)
		if err != nil {
			return err
		}
		defer done()
	}
	content, err := a.view(c).Open(c, id, version)
	if err != nil {
		return err
	}
	defer content.Close()

	k := kindOf(content.Node.Name, content.Version.MediaType)
	inline = inline && k.served != ""
	text := inline && k.served == textType
	etag := `"` + content.Version.ID.String() + `"`
	if text {
		etag = `"` + content.Version.ID.String() + `-text"` // other bytes than the file's
	}
	h := w.Header()
	h.Set("ETag", etag)
	if m := r.Header.Values("If-Match"); len(m) > 0 && !matches(m, etag, false) {
		return coffer.E(coffer.Stale, "stale", "The file has changed since you looked.")
	}
	if m := r.Header.Values("If-None-Match"); len(m) > 0 && matches(m, etag, true) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	// Whatever is inside: it runs nothing, loads nothing, and no other site gets it.
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	if inline {
		h.Set("Content-Type", k.served)
		h.Set("Content-Disposition", disposition("inline", content.Node.Name))
	} else {
		h.Set("Content-Type", "application/octet-stream")
		h.Set("Content-Disposition", disposition("attachment", content.Node.Name))
	}
	if text {
		return sendText(w, head, content)
	}
	h.Set("Accept-Ranges", "bytes")
	if len(content.SHA256) > 0 {
		h.Set("Repr-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(content.SHA256)+":") // RFC 9530: of the whole, in a 206 too
	}
	rangeHeader := r.Header.Get("Range")
	if ifRange := r.Header.Get("If-Range"); head || ifRange != "" && ifRange != etag {
		rangeHeader = "" // RFC 9110, 13.1.5 and 14.2
	}
	size := content.Version.Size
	s, partial, ok := parseRange(rangeHeader, size)
	if !ok {
		h.Set("Content-Range", "bytes */"+strconv.FormatInt(size, 10))
		a.Gate.FailStatus(w, r, http.StatusRequestedRangeNotSatisfiable, coffer.E(coffer.Invalid, "range_outside", "The range lies outside of the file."))
		return nil
	}
	h.Set("Content-Length", strconv.FormatInt(s.n, 10)) // known beforehand: net/http then passes big writes through
	status := http.StatusOK
	if partial {
		status = http.StatusPartialContent
		h.Set("Content-Range", "bytes "+strconv.FormatInt(s.off, 10)+"-"+strconv.FormatInt(s.off+s.n-1, 10)+"/"+strconv.FormatInt(size, 10))
	}
	if head || s.n == 0 {
		w.WriteHeader(status)
		return nil
	}
	_, err = content.WriteRange(c, &starter{w, status}, s.off, s.n)
	return err // after the first byte: raw cuts the connection
}

// starter sends the status with the first byte, so that what fails before it
// can still be told in words.
type starter struct {
	http.ResponseWriter
	status int
}

func (s *starter) Write(b []byte) (int, error) {
	if s.status != 0 {
		s.ResponseWriter.WriteHeader(s.status)
		s.status = 0
	}
	return s.ResponseWriter.Write(b)
}

// sendText sends the beginning of a text, decoded.
func sendText(w http.ResponseWriter, head bool, content *files.Content) error {
	size := content.Version.Size
	b := make([]byte, min(size, textLimit))
	if len(b) > 0 {
		if _, err := content.ReadAt(b, 0); err != nil {
			return err
		}
	}
	b = toUTF8(b, size > textLimit)
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(http.StatusOK)
	if head {
		return nil
	}
	_, err := w.Write(b) //nolint:gosec // G705: text/plain, nosniff, under a sandbox policy
	return err
}

// uploadBody reads what a raw upload says of itself.
func uploadBody(r *http.Request) (files.Body, error) {
	if r.Header.Get("Content-Range") != "" || r.Header.Get("Content-Encoding") != "" {
		return files.Body{}, coffer.E(coffer.Malformed, "malformed", "Send the whole file as it is: Content-Range and Content-Encoding are not taken here.")
	}
	return files.Body{Reader: r.Body, Size: r.ContentLength}, nil
}

func (a *API) uploadFile(w http.ResponseWriter, r *http.Request) error {
	c := a.caller(r)
	id, err := pathID(r)
	if err != nil {
		return err
	}
	q, err := query(r, "name", "if_exists")
	if err != nil {
		return err
	}
	body, err := uploadBody(r)
	if err != nil {
		return err
	}
	done, err := a.Gate.Turn(c, c.who.User.ID)
	if err != nil {
		return err
	}
	defer done()
	d, created, err := a.view(c).Upload(c, id, q["name"], coffer.IfExists(q["if_exists"]), body)
	if err != nil {
		return err
	}
	return sendNode(w, createdOr200(created), d)
}

func (a *API) uploadVersion(w http.ResponseWriter, r *http.Request) error {
	c := a.caller(r)
	id, err := pathID(r)
	if err != nil {
		return err
	}
	if _, err := query(r); err != nil {
		return err
	}
	body, err := uploadBody(r)
	if err != nil {
		return err
	}
	var must coffer.ID
	if m := r.Header.Get("If-Match"); m != "" && m != "*" {
		if len(m) > 2 && m[0] == '"' && m[len(m)-1] == '"' {
			must, err = coffer.ParseID(m[1 : len(m)-1])
		}
		if err != nil || must.IsZero() {
			return a.unlessUnseen(c, id, coffer.E(coffer.Stale, "stale", "The file has changed since you looked."))
		}
	}
	done, err := a.Gate.Turn(c, c.who.User.ID)
	if err != nil {
		return err
	}
	defer done()
	d, err := a.view(c).UploadVersion(c, id, must, body)
	if err != nil {
		return err
	}
	return sendNode(w, http.StatusOK, d)
}

func sendNode(w http.ResponseWriter, status int, d files.Detail) error {
	w.Header().Set("ETag", metadataETag(d.Rev))
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	return marshal(w, detail(d))
}

func (a *API) getDocument(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "application/openapi+json")
	w.Header().Set("Content-Length", strconv.Itoa(len(a.document)))
	_, err := w.Write(a.document)
	return err
}
