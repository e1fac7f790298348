package gate

import (
	"context"
	"fmt"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"coffer"
)

// MaxHeaderBytes is the most that a request's headers may take.
const MaxHeaderBytes = 64 << 10

// Wrap is the outermost handler of the server: request id, log, recovery, the
// headers that every answer carries, deadlines that follow the bytes, and the
// refusal of foreign Host headers. unchecked names the paths that any Host may
// ask for (health checks of a balancer).
func (g *Gate) Wrap(next http.Handler, unchecked ...string) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		began := time.Now()
		q := &request{ref: newRef(), address: clientAddress(r, g.o.Trusted), agent: r.UserAgent(), log: g.o.Log}
		r = r.WithContext(context.WithValue(r.Context(), contextKey{}, q))
		path := r.URL.Path // handlers below may cut it
		for _, secret := range []string{TicketPrefix, LinkPrefix, RequestPrefix} {
			if strings.HasPrefix(path, secret) {
				path = secret
			}
		}
		w := newWriter(rw, g.o.Idle)
		q.cut = func() { w.cut(nil) }
		if r.Body != nil && r.Body != http.NoBody {
			b := &body{ReadCloser: r.Body, rc: w.rc, deadline: deadline{set: w.rc.SetReadDeadline}, idle: g.o.Idle, lingers: r.ProtoMajor == 1}
			q.cut = func() { w.cut(b) }
			r.Body = b
			defer b.finish()
		}
		defer func() {
			p := recover()
			switch {
			case p == nil, p == http.ErrAbortHandler: //nolint:errorlint // what was thrown, not an error that wraps
			case w.status == 0:
				g.Fail(w, r, fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
				p = nil
			default: // the answer has begun: cut it
				q.err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
				p = http.ErrAbortHandler
			}
			q.report(r, w.status, w.sent, time.Since(began), path)
			if p != nil {
				panic(p)
			}
		}()

		h := w.Header()
		h.Set("X-Request-Id", q.ref)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		if g.secure {
			h.Set("Strict-Transport-Security", "max-age=63072000; includeSubDomains")
		}
		if !g.hosts[strings.ToLower(r.Host)] && !slices.Contains(unchecked, path) {
			q.err = coffer.E(coffer.Malformed, "host_unknown", "")
			h.Set("Content-Type", "text/plain; charset=utf-8")
			w.WriteHeader(http.StatusMisdirectedRequest)
			fmt.Fprintf(w, "This server answers to %s only.\n", g.o.BaseURL.Host)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Access says who may call a route. The zero value is no declaration at all:
// Protect refuses it.
type Access struct {
	who   uint8
	scope coffer.Scope
}

const (
	everybody uint8 = iota + 1
	anyProof
	withScope
	byTicket
)

// Public routes ask for no proof and get no principal.
func Public() Access { return Access{who: everybody} }

// SignedIn routes take every session and token, whatever its scopes.
func SignedIn() Access { return Access{who: anyProof} }

// Scoped routes take sessions, and tokens that have the scope.
func Scoped(s coffer.Scope) Access { return Access{who: withScope, scope: s} }

// ByTicket routes take the download ticket in their path. A cookie that the
// browser sends along counts for nothing.
func ByTicket() Access { return Access{who: byTicket} }

// TicketPrefix begins the paths of ByTicket routes. The log does not hold what
// follows.
const TicketPrefix = "/c/"

// LinkPrefix and RequestPrefix begin the public addresses of links and of file
// requests: what follows is a secret, too.
const (
	LinkPrefix    = "/l/"
	RequestPrefix = "/r/"
)

// IsDeclared tells a declaration from its absence.
func (a Access) IsDeclared() bool {
	return a.who == everybody || a.who == anyProof || a.who == byTicket || a.who == withScope && a.scope != ""
}

// IsPublic reports whether no proof is asked for.
func (a Access) IsPublic() bool { return a.who == everybody }

// Scope is the scope that is asked for, "" for none.
func (a Access) Scope() coffer.Scope { return a.scope }

// Protect stands before one route of the API: it refuses browser requests from
// other origins and two proofs at once, turns the proof into a principal read
// afresh from the database, and holds it against the declared access. It panics
// at start when nothing is declared.
func (g *Gate) Protect(a Access, next http.Handler) http.Handler {
	if !a.IsDeclared() {
		panic("gate: a route without declared access")
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		SetAPIHeaders(w.Header())
		if err := g.csrf.Check(r); err != nil {
			g.Fail(w, r, coffer.E(coffer.Forbidden, "cross_origin", "This request came from another site's page. Open Coffer itself and try there."))
			return
		}
		p, err := g.caller(r, a)
		if err != nil {
			g.Fail(w, r, err)
			return
		}
		recall(r.Context()).caller = p
		next.ServeHTTP(w, r)
	})
}
