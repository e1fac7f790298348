package api

import (
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"coffer/internal/files"
	"coffer/internal/gate"
)

// getThumbnail answers with a JPEG of ours, never with bytes of the file. The
// browser may keep it and asks again each time, which costs no picture: rights
// that end, end here too.
func (a *API) getThumbnail(w http.ResponseWriter, r *http.Request) error {
	c := a.caller(r)
	id, version, q, err := fileQuery(r, "size")
	if err != nil {
		return err
	}
	edge := files.TileEdge
	if size, ok := q["size"]; ok {
		if edge, err = strconv.Atoi(size); err != nil {
			edge = 0 // refused by files, once the node was found
		}
	}
	done, err := a.Gate.Glance(c, c.who.User.ID)
	if err != nil {
		return err
	}
	defer done()
	t, err := a.view(c).Thumbnail(c, id, version, edge)
	if err != nil {
		return err
	}
	defer t.Close()
	etag := `"` + t.Version.String() + "-" + strconv.Itoa(edge) + `"`
	h := w.Header()
	if m := r.Header.Values("If-None-Match"); len(m) > 0 && t.Made() && gate.Matches(m, etag, true) {
		h.Set("ETag", etag)
		h.Set("Cache-Control", "private, no-cache")
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	b, err := t.JPEG(c)
	if err != nil {
		return err
	}
	h.Set("ETag", etag)
	h.Set("Cache-Control", "private, no-cache")
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	h.Set("Content-Type", "image/jpeg")
	h.Set("Content-Disposition", "inline")
	h.Set("Content-Length", strconv.Itoa(len(b)))
	_, err = w.Write(b) //nolint:gosec // G705: a JPEG that we have encoded
	return err
}

func describeThumbnail(_ huma.API, op *huma.Operation) {
	idParam(op)
	param(op, "query", "size", "Longest side in pixels; default 256", text("256", "1024"))
	param(op, "query", "version", "Id of an older version", text())
	param(op, "header", "If-None-Match", "ETag that the caller has", text())
	op.Responses["200"] = &huma.Response{Description: "A small picture of the file: turned upright, on white, without metadata; the first frame of those that move", Content: bytesOf("image/jpeg"),
		Headers: map[string]*huma.Param{"ETag": header("Changes with the version"), "Cache-Control": header("private, no-cache: keep it, and ask")}}
	op.Responses["304"] = &huma.Response{Description: "The caller has it"}
}
