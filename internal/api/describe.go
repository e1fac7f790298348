package api

import (
	"net/http"
	"reflect"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"coffer/internal/wire"
)

// The operations of raw routes, which huma cannot read from types.

func describeDocument(doc huma.API, op *huma.Operation) {
	op.Responses["200"] = &huma.Response{Description: "The document", Content: map[string]*huma.MediaType{"application/openapi+json": {Schema: &huma.Schema{Type: huma.TypeObject}}}}
}

func idParam(op *huma.Operation) {
	op.Parameters = append(op.Parameters, &huma.Param{Name: "id", In: "path", Required: true, Description: "26 characters of base32", Schema: text()})
}

func text(values ...any) *huma.Schema { return &huma.Schema{Type: huma.TypeString, Enum: values} }

func param(op *huma.Operation, in, name, description string, s *huma.Schema) *huma.Param {
	p := &huma.Param{Name: name, In: in, Description: description, Schema: s}
	op.Parameters = append(op.Parameters, p)
	return p
}

func header(description string) *huma.Param {
	return &huma.Param{Description: description, Schema: text()}
}

func bytesOf(mediaType string) map[string]*huma.MediaType {
	return map[string]*huma.MediaType{mediaType: {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}}
}

func nodeResponses(doc huma.API, op *huma.Operation, statuses ...int) {
	schema := doc.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[wire.Node](), true, "Node")
	for _, s := range statuses {
		op.Responses[strconv.Itoa(s)] = &huma.Response{Description: http.StatusText(s), Headers: map[string]*huma.Param{"ETag": header("Metadata ETag")},
			Content: map[string]*huma.MediaType{"application/json": {Schema: schema}}}
	}
}

func describeUpload(doc huma.API, op *huma.Operation) {
	idParam(op)
	param(op, "query", "name", "The new file's name", text()).Required = true
	param(op, "query", "if_exists", "When the name is taken; default fail. version: the file there gets this content, with 200", text("fail", "keep_both", "version"))
	op.RequestBody = &huma.RequestBody{Description: "The content as it is, of any length", Required: true, Content: bytesOf("application/octet-stream")}
	nodeResponses(doc, op, http.StatusCreated, http.StatusOK)
}

func describeUploadVersion(doc huma.API, op *huma.Operation) {
	idParam(op)
	param(op, "header", "If-Match", "Content ETag that the file must still have", text())
	op.RequestBody = &huma.RequestBody{Description: "The content as it is, of any length", Required: true, Content: bytesOf("application/octet-stream")}
	nodeResponses(doc, op, http.StatusOK)
}

func describeContent(_ huma.API, op *huma.Operation) {
	idParam(op)
	param(op, "query", "inline", "1: as a browser may show it, if it may (pictures, sound, film, text); else a download", text("1"))
	param(op, "query", "version", "Id of an older version", text())
	if op.Method == http.MethodGet {
		param(op, "header", "Range", "One range of bytes; several are answered with the whole", text())
		param(op, "header", "If-Range", "Content ETag that the range belongs to", text())
	}
	param(op, "header", "If-Match", "Content ETag that the file must still have", text())
	param(op, "header", "If-None-Match", "Content ETag that the caller has", text())
	headers := map[string]*huma.Param{"ETag": header("Content ETag: the version's id"), "Repr-Digest": header("SHA-256 of the whole content (RFC 9530)"),
		"Content-Disposition": header("The name (RFC 6266)"), "Accept-Ranges": header("bytes")}
	ok := &huma.Response{Description: "The content", Headers: headers}
	op.Responses["200"] = ok
	op.Responses["304"] = &huma.Response{Description: "The caller has it"}
	if op.Method == http.MethodGet {
		ok.Content = bytesOf("application/octet-stream")
		op.Responses["206"] = &huma.Response{Description: "The range", Headers: headers, Content: bytesOf("application/octet-stream")}
	}
}
