// Package api is the REST protocol under /api/v1. Each handler does three
// things: it takes the principal that gate found, makes one call of a service,
// and gives the result its shape of package wire. Which routes there are, who
// may call them and what they mean stands in one table (routes.go), from which
// the multiplexer, the OpenAPI document and the tests are made.
//
// It knows HTTP, wire and the verbs of accounts and files. It must not decide
// who may do what, and it knows neither tables nor blobs nor keys.
package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"coffer"
	"coffer/internal/accounts"
	"coffer/internal/files"
	"coffer/internal/gate"
)

// Prefix stands before every route of the table.
const Prefix = "/api/v1"

// jsonTime is how long the JSON body of one request may take to arrive.
const jsonTime = 30 * time.Second

// Options are what the API translates between.
type Options struct {
	Gate     *gate.Gate
	Accounts *accounts.Service
	Files    *files.Service
	BaseURL  *url.URL
	Uploads  http.Handler // tus, for the routes below /uploads
	Version  string       // of the program, for GET /instance

	Retention files.Retention // as files has it, for GET /instance
}

// API is the handler of everything under /api/, and of the addresses that
// tickets open (gate.TicketPrefix).
type API struct {
	Options
	mux      *http.ServeMux
	routes   []Route
	document func() []byte // OpenAPI 3.1, written when it is first asked for: that takes half as long as the rest of a start
}

// New builds the API. It panics when a route of the table declares no access,
// no name or no meaning: such a server must not start.
func New(o Options) *API { return build(o, (*API).table) }

func build(o Options, table func(*API) []Route) *API {
	a := &API{Options: o, mux: http.NewServeMux()}
	a.routes = table(a)
	doc := newHuma(a)
	for _, r := range a.routes {
		if !r.Access.IsDeclared() || r.Name == "" || r.Summary == "" || r.register == nil {
			panic(fmt.Sprintf("api: %s %s declares no access, name or meaning", r.Method, r.Path))
		}
		op := huma.Operation{Method: r.Method, Path: r.Path, OperationID: r.Name, Summary: r.Summary, DefaultStatus: r.Status,
			BodyReadTimeout: -1, Responses: map[string]*huma.Response{}, Metadata: map[string]any{"access": r.Access}}
		if !r.Access.IsPublic() {
			op.Security = []map[string][]string{{"session": {}}, {"token": scopes(r.Access)}}
		}
		r.register(doc, op)
	}
	a.mux.Handle("GET "+gate.TicketPrefix+"{ticket}/{name}", a.Gate.Protect(gate.ByTicket(), a.answer(a.openTicket)))
	a.mux.HandleFunc("/api/", a.refuse)
	a.mux.HandleFunc(gate.TicketPrefix, a.refuse)
	a.document = sync.OnceValue(func() []byte {
		text, err := json.MarshalIndent(doc.OpenAPI(), "", "  ")
		if err != nil {
			panic(fmt.Sprintf("api: the OpenAPI document cannot be written: %v", err))
		}
		return append(text, '\n')
	})
	return a
}

func scopes(a gate.Access) []string {
	if a.Scope() == "" {
		return []string{}
	}
	return []string{string(a.Scope())}
}

func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.mux.ServeHTTP(w, r) }

// Routes is the table, for tests that walk it.
func (a *API) Routes() []Route { return slices.Clone(a.routes) }

// Document is the OpenAPI 3.1 document, indented JSON with a last newline.
func (a *API) Document() []byte { return a.document() }

// refuse answers what no route takes: another method, or no such address.
func (a *API) refuse(w http.ResponseWriter, r *http.Request) {
	gate.SetAPIHeaders(w.Header())
	var allowed []string
	for _, m := range []string{"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"} {
		if _, pattern := a.mux.Handler(&http.Request{Method: m, URL: r.URL, Host: r.Host}); pattern != "/api/" && pattern != gate.TicketPrefix {
			allowed = append(allowed, m)
		}
	}
	if len(allowed) == 0 {
		a.Gate.Fail(w, r, coffer.E(coffer.NotFound, "not_found", "There is no such address in the API."))
		return
	}
	list := strings.Join(allowed, ", ")
	w.Header().Set("Allow", list)
	a.Gate.FailStatus(w, r, http.StatusMethodNotAllowed, coffer.E(coffer.Malformed, "method_not_allowed", "This address takes "+list+" only."))
}

// handle puts one handler behind the gate. A second handler of the same
// pattern panics (http.ServeMux).
func (a *API) handle(op *huma.Operation, h http.Handler) {
	access, _ := op.Metadata["access"].(gate.Access) // none: Protect panics
	a.mux.Handle(op.Method+" "+Prefix+op.Path, a.Gate.Protect(access, h))
}

// typed registers a JSON handler: I holds the parameters and Body, O the
// headers and Body of the answer.
func typed[I, O any](h func(*call, *I) (*O, error)) func(huma.API, huma.Operation) {
	return func(doc huma.API, op huma.Operation) {
		huma.Register(doc, op, func(ctx ctx, in *I) (*O, error) {
			out, err := h(&call{ctx, gate.Caller(ctx)}, in)
			if err != nil {
				return nil, newProblem(ctx, err)
			}
			return out, nil
		})
	}
}

// raw registers a handler of its own, for bodies that are no JSON: huma would
// read or bound them. describe completes the OpenAPI operation.
func (a *API) raw(h func(http.ResponseWriter, *http.Request) error, describe func(huma.API, *huma.Operation)) func(huma.API, huma.Operation) {
	return func(doc huma.API, op huma.Operation) {
		describe(doc, &op)
		op.Responses["default"] = problemResponse(doc)
		doc.OpenAPI().AddOperation(&op)
		a.handle(&op, a.answer(h))
	}
}

// answer tells the error of a raw handler, or cuts an answer that has begun.
func (a *API) answer(h func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			if gate.Begun(w) {
				gate.Abort(w, r, err)
			}
			a.Gate.Fail(w, r, err)
		}
	})
}

// adapter lets huma register on our table's multiplexer.
type adapter struct{ *API }

func (a adapter) Handle(op *huma.Operation, h func(huma.Context)) {
	a.handle(op, a.Gate.Small(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		gate.LimitBody(r, jsonTime)
		h(humago.NewContext(op, r, w))
	})))
}
