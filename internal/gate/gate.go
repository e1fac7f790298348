// Package gate stands between HTTP and the services: it gives each request an
// id, knows who is calling and from where, writes the log, turns errors into
// problem documents, and refuses what no protocol may let through (foreign
// hosts, forged browser requests, two proofs at once). Every protocol uses it.
//
// It knows HTTP, principals and error kinds. It must not know files, tables,
// nor what any route does: how a proof becomes a principal is a function that
// server hands in.
package gate

import (
	"context"
	"crypto/rand"
	"log/slog"
	"math"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"coffer"
)

// Options are what a gate needs to know.
type Options struct {
	// BaseURL is the one public address: scheme and host, no path.
	BaseURL *url.URL
	// Trusted lists the proxies whose X-Forwarded-For counts. Empty: none.
	Trusted []netip.Prefix
	Log     *slog.Logger // nil: none
	// Idle is for how long a body may stand still, sent or received, before the
	// connection is given up; 0 = 2 minutes. There is no limit on the total.
	Idle time.Duration
	// Transfers is how many run at once, all people's together: what bounds the
	// memory that they take; 0 = 1,024.
	Transfers int
	// Session and Bearer turn the secret of a cookie or an Authorization header
	// into a principal, or answer coffer.Unauthenticated.
	Session func(ctx context.Context, secret string, from Origin) (coffer.Principal, error)
	Bearer  func(ctx context.Context, secret string, from Origin) (coffer.Principal, error)
	// Ticket does the same for a download ticket, the path value "ticket".
	Ticket func(ctx context.Context, ticket string, from Origin) (coffer.Principal, error)
}

// Origin says where a request came from, for counters, events and lists of
// devices.
type Origin struct {
	Address   string // IP address without port
	UserAgent string
	RequestID string
	Session   string // secret of the session cookie, whether it holds or not; "" for none
}

// A Gate is made once for a server.
type Gate struct {
	o         Options
	hosts     map[string]bool // as in the Host header, lower case
	csrf      *http.CrossOriginProtection
	secure    bool // the base URL is https
	transfers *turns
	glances   *turns // of small pictures
	requests  *turns // that move no files
}

// New returns a gate.
func New(o Options) *Gate {
	if o.Idle == 0 {
		o.Idle = 2 * time.Minute
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Transfers == 0 {
		o.Transfers = defaultTransfers
	}
	return &Gate{o: o, hosts: hostsOf(o.BaseURL), csrf: http.NewCrossOriginProtection(), secure: o.BaseURL.Scheme == "https",
		transfers: newTurns(TransfersRunning, o.Transfers), glances: newTurns(GlancesRunning, math.MaxInt), requests: newTurns(RequestsRunning, math.MaxInt)}
}

// request is what the gate remembers of one request; the context points to it.
type request struct {
	ref     string
	address netip.Addr
	agent   string
	session string
	caller  coffer.Principal
	log     *slog.Logger
	err     error  // the error that was answered, for the log
	cut     func() // see Cut
}

type contextKey struct{}

func recall(ctx context.Context) *request {
	q, _ := ctx.Value(contextKey{}).(*request)
	if q == nil {
		q = &request{log: slog.New(slog.DiscardHandler), cut: func() {}}
	}
	return q
}

// Ref is the id of the request, as 7Q2M-4K; "" outside one.
func Ref(ctx context.Context) string { return recall(ctx).ref }

// From says where the request came from, behind trusted proxies too.
func From(ctx context.Context) Origin {
	q := recall(ctx)
	return Origin{Address: q.address.String(), UserAgent: q.agent, RequestID: q.ref, Session: q.session}
}

// Caller is who the request's proof belongs to; of kind Nobody on routes that
// ask for none.
func Caller(ctx context.Context) coffer.Principal { return recall(ctx).caller }

// Cut ends the flow of bytes of a running request from another goroutine: its
// handler's blocked read or write returns with an error, and so does each that
// follows. What was not answered yet still can be.
func Cut(ctx context.Context) { recall(ctx).cut() }

// newRef returns six random characters of Crockford's base32, which people can
// read out.
func newRef() string {
	const letters = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	var b [6]byte
	rand.Read(b[:]) // never fails (crypto/rand)
	for i := range b {
		b[i] = letters[b[i]&31]
	}
	return string(b[:4]) + "-" + string(b[4:])
}
