package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	kjson "sigs.k8s.io/json"

	"coffer"
	"coffer/internal/gate"
	"coffer/internal/wire"
)

// maxDepth is how deep JSON may nest.
const maxDepth = 32

// configure sets those of huma's settings that are package variables, once:
// every API of the process wants the same.
var configure = sync.OnceFunc(func() {
	huma.ValidateStrictCasing = true
	huma.DefaultArrayNullable = false
	huma.NewErrorWithContext = func(c huma.Context, status int, msg string, errs ...error) huma.StatusError {
		return refused(c.Context(), status, msg, errs)
	}
	huma.NewError = func(status int, msg string, errs ...error) huma.StatusError {
		return refused(context.Background(), status, msg, errs)
	}
})

// newHuma returns huma with our JSON, our errors and none of its own routes.
func newHuma(a *API) huma.API {
	configure()
	strict := huma.Format{Marshal: marshal, Unmarshal: unmarshal}
	c := huma.DefaultConfig("Coffer", "1")
	c.Info.Description = "Files, sealed at rest. Errors are problem documents (RFC 9457) with a stable code. Times are milliseconds since 1970-01-01 UTC; ids are 26 characters of lower-case base32; sizes are bytes."
	c.Info.License = &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"}
	c.Servers = []*huma.Server{{URL: Prefix}}
	c.OpenAPIPath, c.DocsPath, c.SchemasPath = "", "", ""
	c.CreateHooks, c.Transformers = nil, nil
	c.Formats = map[string]huma.Format{"application/json": strict, "json": strict} // "json": of +json types, our problems
	c.RejectUnknownQueryParameters = true
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"session": {Type: "apiKey", In: "cookie", Name: gate.SessionCookie, Description: "A browser's session, from POST /session"},
		"token":   {Type: "http", Scheme: "bearer", Description: "A program's token, from POST /tokens; the scope stands at each operation"},
	}
	c.Components.Schemas.RegisterTypeAlias(reflect.TypeFor[wire.Null[int64]](), reflect.TypeFor[*int64]())
	c.Components.Schemas.RegisterTypeAlias(reflect.TypeFor[wire.Null[string]](), reflect.TypeFor[*string]())
	return huma.NewAPI(c, adapter{a})
}

func marshal(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// unmarshal reads JSON strictly: unknown, duplicate and differently cased keys
// are errors, at any depth, and the depth is bounded. What it says of an error
// names keys and places, never values.
func unmarshal(data []byte, v any) error {
	if err := checkDepth(data); err != nil {
		return err
	}
	strict, err := kjson.UnmarshalStrict(data, v)
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Errorf("The JSON is broken at byte %d.", syntax.Offset)
	}
	if err != nil {
		return errors.New("A value has the wrong form.")
	}
	if len(strict) > 0 {
		return fmt.Errorf("The JSON is not accepted: %.200s.", strict[0].Error())
	}
	return nil
}

func checkDepth(data []byte) error {
	depth, inString := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case inString:
			if c == '\\' {
				i++
			}
			inString = c != '"'
		case c == '"':
			inString = true
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return fmt.Errorf("The JSON is nested deeper than %d levels.", maxDepth)
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return nil
}

// problem is an error on its way through huma.
type problem struct {
	wire.Problem
	headers http.Header
}

func (p *problem) Error() string             { return p.Detail }
func (p *problem) GetStatus() int            { return p.Status }
func (p *problem) GetHeaders() http.Header   { return p.headers }
func (p *problem) ContentType(string) string { return "application/problem+json" }
func (*problem) Schema(r huma.Registry) *huma.Schema {
	return r.Schema(reflect.TypeFor[wire.Problem](), true, "Problem")
}

// newProblem gives an error of a service its shape.
func newProblem(c ctx, err error) *problem {
	gate.Note(c, err)
	p := &problem{Problem: gate.Problem(c, err), headers: http.Header{}}
	gate.SetErrorHeaders(p.headers, err)
	return p
}

// refused gives an error that huma found in a request its shape. huma's own
// would show the value that was sent, a password for instance.
func refused(c ctx, status int, msg string, errs []error) *problem {
	e := &coffer.Error{Kind: coffer.Invalid, Msg: "Something in the request is not right.", Fields: map[string]string{}}
	switch status {
	case 0: // asked for its type only
		return &problem{}
	case http.StatusBadRequest:
		e.Kind, e.Msg = coffer.Malformed, "The request cannot be read."
	case http.StatusRequestEntityTooLarge:
		e.Kind, e.Msg = coffer.TooLarge, "The request's body is larger than 1 MiB."
	case http.StatusUnsupportedMediaType:
		e.Kind, e.Code, e.Msg = coffer.Malformed, "media_type", "The body must be application/json."
	case http.StatusRequestTimeout:
		e.Kind, e.Code, e.Msg = coffer.Malformed, "body_cut", "The request's body did not arrive in time."
	case http.StatusInternalServerError:
		e.Kind = coffer.Internal
		if len(errs) > 0 && coffer.KindOf(errs[0]) != coffer.Internal { // the body broke off
			return newProblem(c, errs[0])
		}
		e.Err = errors.Join(append(errs, errors.New(msg))...)
	case http.StatusUnprocessableEntity:
	default:
		e.Kind, e.Err = coffer.Internal, fmt.Errorf("huma answers %d: %s", status, msg)
	}
	for _, err := range errs {
		d, ok := errors.AsType[*huma.ErrorDetail](err)
		if !ok {
			continue
		}
		where, field, _ := strings.Cut(d.Location, ".")
		said := d.Message
		if strings.HasPrefix(said, "invalid value:") {
			said = "is not an id"
		}
		switch {
		case where == "path": // what cannot be an id is not there
			return newProblem(c, coffer.ErrNotFound)
		case field != "":
			e.Fields[field] = said
		default:
			e.Msg = said
		}
	}
	return newProblem(c, e)
}

func problemResponse(doc huma.API) *huma.Response {
	schema := doc.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[wire.Problem](), true, "Problem")
	return &huma.Response{Description: "Error", Content: map[string]*huma.MediaType{"application/problem+json": {Schema: schema}}}
}
