package api

import (
	"net/http"
	"strconv"

	"coffer"
	"coffer/internal/files"
	"coffer/internal/gate"
	"coffer/internal/preview"
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

	k := preview.KindOf(content.Node.Name, content.Version.MediaType)
	inline = inline && k.Served != ""
	out := gate.Content{Name: content.Node.Name, Size: content.Version.Size, ETag: `"` + content.Version.ID.String() + `"`, SHA256: content.SHA256, Ranges: true}
	if inline {
		out.Inline = k.Served
	}
	out.WriteRange = func(w http.ResponseWriter, off, n int64) error {
		_, err := content.WriteRange(c, w, off, n)
		return err
	}
	if inline && k.Served == preview.TextType {
		if err := asText(&out, content); err != nil {
			return err
		}
	}
	return a.Gate.SendContent(w, r, out) // after the first byte an error cuts the connection
}

// asText turns content into the beginning of it, decoded: other bytes than the
// file's.
func asText(out *gate.Content, content *files.Content) error {
	size := content.Version.Size
	b := make([]byte, min(size, preview.TextLimit))
	if len(b) > 0 {
		if _, err := content.ReadAt(b, 0); err != nil {
			return err
		}
	}
	b = preview.ToUTF8(b, size > preview.TextLimit)
	out.Size, out.SHA256, out.Ranges = int64(len(b)), nil, false
	out.ETag = `"` + content.Version.ID.String() + `-text"`
	out.WriteRange = func(w http.ResponseWriter, _, _ int64) error {
		_, err := w.Write(b) //nolint:gosec // G705: text/plain, nosniff, under a sandbox policy
		return err
	}
	return nil
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
	w.Header().Set("Content-Length", strconv.Itoa(len(a.Document())))
	_, err := w.Write(a.Document())
	return err
}
