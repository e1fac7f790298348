// Package pages draws the pages of people without an account: what a link opens,
// its password, previews, downloads; and where they send what a file request asks
// for. They are HTML and CSS from the server and
// run no script, so that they work on a small phone, on a poor line, and where
// scripts are off. Nothing in them comes from another host, nothing of them goes
// to one, and no search engine lists them.
//
// Like package api it translates: a request becomes one call of files, the
// result a page. It must not decide who may do what, and it knows neither tables
// nor blobs nor keys.
package pages

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"coffer"
	"coffer/internal/files"
	"coffer/internal/gate"
)

// Prefix begins the addresses of what the pages are made with.
const Prefix = "/pages/"

// Options are what the pages translate between.
type Options struct {
	Gate    *gate.Gate
	Files   *files.Service
	BaseURL *url.URL
	// Organisation names who runs this server.
	Organisation func(context.Context) (string, error)
	// Reported tells the administrators what a visitor at an address says of a
	// link or of a file request.
	Reported func(ctx context.Context, r files.Reported, address string) error
	// Asset finds a file of the web interface by the beginning of its name, for
	// the fonts; nil: the pages use those of the system.
	Asset func(prefix string) string
	// Uploads answers the requests of resumable uploads below a path, for whoever
	// has the address of a file request; nil: there are none.
	Uploads func(path string, who coffer.Principal, w http.ResponseWriter, r *http.Request)
	Zone    *time.Location // that times are told in; nil: the server's
}

// Pages is the handler of the addresses of links and of file requests, and of
// Prefix.
type Pages struct {
	o         Options
	mux       *http.ServeMux
	templates map[string]*template.Template
	style     []byte
	stylePath string
}

//go:embed templates/*.html
var templates embed.FS

// The tokens are those of the web interface: a test holds the copies together.
//
//go:embed tokens.css
var tokens string

//go:embed pages.css
var css string

// New builds the pages. It panics when a template is broken: such a server must
// not start.
func New(o Options) *Pages {
	if o.Zone == nil {
		o.Zone = time.Local
	}
	p := &Pages{o: o, mux: http.NewServeMux(), templates: map[string]*template.Template{}}
	p.style = []byte(fontFaces(o.Asset) + tokens + css)
	sum := sha256.Sum256(p.style)
	p.stylePath = Prefix + hex.EncodeToString(sum[:8]) + ".css"
	layout := template.Must(template.New("layout.html").Funcs(p.words()).ParseFS(templates, "templates/layout.html"))
	names, err := fs.Glob(templates, "templates/*.html")
	if err != nil {
		panic(fmt.Sprintf("pages: %v", err))
	}
	for _, name := range names {
		short := strings.TrimSuffix(strings.TrimPrefix(name, "templates/"), ".html")
		if short != "layout" {
			p.templates[short] = template.Must(template.Must(layout.Clone()).ParseFS(templates, name))
		}
	}
	p.mux.HandleFunc("GET "+p.stylePath, p.sendStyle)
	p.links()
	p.requests()
	p.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { p.gone(w, r, coffer.ErrNotFound) })
	return p
}

func (p *Pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	setHeaders(w.Header())
	p.mux.ServeHTTP(w, r)
}

// policy is the content policy: no script at all, and nothing of other hosts.
const policy = "default-src 'none'; style-src 'self'; img-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// setHeaders sets what every page carries. No address of a link leaves for
// another host. Inside this one it may: with "no-referrer" browsers say "null"
// for where a form comes from, and those that say nothing else (Safari until
// 16.3) could send none.
func setHeaders(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("Referrer-Policy", "same-origin")
	h.Set("X-Robots-Tag", "noindex, nofollow, noarchive")
	h.Set("Cache-Control", "no-store")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), browsing-topics=()")
}

func (p *Pages) sendStyle(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/css; charset=utf-8")
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Content-Length", strconv.Itoa(len(p.style)))
	_, _ = w.Write(p.style) // a caller who is gone needs no answer
}

// frame is what every page shows around its own.
type frame struct {
	Title string // of the tab; the organisation follows
	Org   string
	Mark  string // its first letter
	Host  string
	Style string
	Base  string // of the link's addresses: /l/<address>
	Body  any
}

// show answers with a page. The title is that of the tab.
func (p *Pages) show(w http.ResponseWriter, r *http.Request, status int, name, title, base string, body any) {
	org, err := p.o.Organisation(r.Context())
	if err != nil {
		p.o.Gate.Fail(w, r, err)
		return
	}
	if org == "" {
		org = p.o.BaseURL.Host
	}
	first, _ := utf8.DecodeRuneInString(org)
	var b bytes.Buffer
	err = p.templates[name].ExecuteTemplate(&b, "layout.html", frame{Title: title, Org: org, Mark: strings.ToUpper(string(first)), Host: p.o.BaseURL.Host, Style: p.stylePath, Base: base, Body: body})
	if err != nil {
		p.o.Gate.Fail(w, r, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(b.Len()))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(b.Bytes()) //nolint:gosec // G705: html/template wrote it; a caller who is gone needs no answer
	}
}

// notice is a page that says one thing.
type notice struct{ Head, Text, Ref string }

// gone is the one answer to whatever opens nothing, for all reasons.
func (p *Pages) gone(w http.ResponseWriter, r *http.Request, why error) {
	gate.Note(r.Context(), why)
	p.show(w, r, http.StatusNotFound, "notice", "This link does not work any more", "", notice{
		Head: "This link does not work any more.",
		Text: "It may have ended, been turned off, or been copied incompletely. Ask the sender for a new one."})
}

// fail answers with the page of an error.
func (p *Pages) fail(w http.ResponseWriter, r *http.Request, err error) {
	switch coffer.KindOf(err) {
	case coffer.NotFound, coffer.Forbidden, coffer.Unauthenticated, coffer.Gone, coffer.Conflict:
		p.gone(w, r, err)
		return
	}
	gate.Note(r.Context(), err)
	problem := gate.Problem(r.Context(), err)
	gate.SetErrorHeaders(w.Header(), err)
	p.show(w, r, problem.Status, "notice", problem.Title, "", notice{Head: problem.Title + ".", Text: problem.Detail, Ref: problem.Ref})
}

// maxForm is how long a form without files may be.
const maxForm = 64 << 10

// form reads a form that came from one of our own pages. The error is answered.
func (p *Pages) form(w http.ResponseWriter, r *http.Request) bool {
	if !p.own(w, r) {
		return false
	}
	gate.LimitBody(r, 30*time.Second)
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		p.fail(w, r, coffer.E(coffer.Malformed, "malformed", "The form cannot be read. Go back and try again."))
		return false
	}
	return true
}

// own refuses what another site's page sends. The error is answered.
func (p *Pages) own(w http.ResponseWriter, r *http.Request) bool {
	if err := p.o.Gate.SameOrigin(r); err != nil {
		p.fail(w, r, coffer.E(coffer.Malformed, "cross_origin", "This came from another site's page. Open the link itself and try there."))
		return false
	}
	return true
}

// setCookie gives a browser the secret of a visit, for the addresses below base
// only.
func setCookie(h http.Header, base, value string, life time.Duration) {
	c := http.Cookie{Name: visitCookie, Value: value, Path: base, MaxAge: int(life / time.Second), Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode}
	h.Add("Set-Cookie", c.String())
}

// visitCookie holds the secret of a visit.
const visitCookie = "__Secure-link"

// from says where a visitor comes from.
func from(r *http.Request) files.From {
	o := gate.From(r.Context())
	f := files.From{Address: o.Address, RequestID: o.RequestID}
	if c, err := r.Cookie(visitCookie); err == nil {
		f.Cookie = c.Value
	}
	return f
}
