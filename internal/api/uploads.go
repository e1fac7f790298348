package api

import (
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"coffer/internal/files"
	"coffer/internal/wire"
)

// tus hands a request to the handler of the protocol, which answers its errors
// itself.
func (a *API) tus(w http.ResponseWriter, r *http.Request) error {
	a.Uploads.ServeHTTP(w, r)
	return nil
}

// listUploads tells which uploads wait to be gone on with, on any device. The
// parts of one file follow each other.
func (a *API) listUploads(c *call, _ *none) (*bodyOf[wire.List[wire.Upload]], error) {
	all, err := a.view(c).Pieces(c)
	if err != nil {
		return nil, err
	}
	return listOf(all, func(p files.Piece) wire.Upload {
		u := wire.Upload{ID: p.ID, Name: p.Upload.Name, IfExists: p.Upload.IfExists, Offset: p.Received, PartSize: p.PartSize, Partial: p.Partial, First: p.First,
			CreatedAt: p.CreatedAt, ExpiresAt: p.ExpiresAt}
		if p.Upload.NodeID.IsZero() {
			u.Parent = &p.Upload.ParentID
		} else {
			u.Node = &p.Upload.NodeID
		}
		var said struct{ Modified string }
		if json.Unmarshal([]byte(p.Meta), &said) == nil { // written by package tus
			u.Modified = said.Modified
		}
		if p.Size >= 0 {
			u.Size = &p.Size
		}
		if p.Partial {
			u.Group = &p.UploadID
		}
		if p.Upload.Size >= 0 {
			u.Total = &p.Upload.Size
		}
		return u
	}), nil
}

// describeTus writes down the requests of tus 1.0 as far as they are ours.
func describeTus(_ huma.API, op *huma.Operation) {
	answer := &huma.Response{Description: "As tus 1.0 says", Headers: map[string]*huma.Param{
		"Tus-Resumable": header("1.0.0"), "Upload-Offset": header("Bytes that are durable"), "Upload-Expires": header("When the upload is removed if no byte comes"),
		"Coffer-Part-Size": header("A request that ends at a multiple of so many bytes costs the next one nothing"),
		"Coffer-Node":      header("The file, once the upload is complete"), "Coffer-Version": header("Its version"),
		"Coffer-SHA256": header("SHA-256 of the content, when one request brought all of it; else it is computed afterwards")}}
	if op.Method != http.MethodOptions {
		if op.Path != "/uploads" {
			idParam(op)
		}
		param(op, "header", "Tus-Resumable", "1.0.0", text("1.0.0"))
	}
	switch op.Method {
	case http.MethodPost:
		param(op, "header", "Upload-Length", "Bytes of the content", text())
		param(op, "header", "Upload-Defer-Length", "1: the length comes with a later request", text("1"))
		param(op, "header", "Upload-Metadata", "parent and name, or node; if_exists, if_match, modified; of parallel parts also group, first and total: keys with values in base64", text())
		param(op, "header", "Upload-Concat", "partial, or final; and the addresses of the parts", text())
		op.Responses["201"] = answer
	case http.MethodPatch:
		param(op, "header", "Upload-Offset", "Where these bytes belong: what HEAD says", text()).Required = true
		param(op, "header", "Upload-Checksum", "sha1 or sha256 of the bytes of this request, in base64; answered with 460 when it is another", text())
		op.RequestBody = &huma.RequestBody{Description: "The next bytes", Required: true, Content: bytesOf("application/offset+octet-stream")}
		op.Responses["204"] = answer
	case http.MethodDelete:
		op.Responses["204"] = &huma.Response{Description: "Removed"}
	default:
		op.Responses["200"] = answer
	}
}
