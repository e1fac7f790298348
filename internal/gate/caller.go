package gate

import (
	"net/http"
	"strings"
	"time"

	"coffer"
)

// The cookies. The prefix __Host- makes browsers refuse them from any other
// host, without Secure, or with another path.
const (
	SessionCookie = "__Host-sid"
	SignupCookie  = "__Host-signup"
)

// SetCookie gives a browser a secret that scripts cannot read and other sites'
// requests do not carry.
func SetCookie(h http.Header, name, value string, life time.Duration) {
	c := http.Cookie{Name: name, Value: value, Path: "/", MaxAge: int(life / time.Second), Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode}
	h.Add("Set-Cookie", c.String())
}

// ClearCookie takes it back.
func ClearCookie(h http.Header, name string) {
	c := http.Cookie{Name: name, Path: "/", MaxAge: -1, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode}
	h.Add("Set-Cookie", c.String())
}

// caller reads the proof of a request. Two proofs are an error on every route:
// nobody may wonder which of them counted.
func (g *Gate) caller(r *http.Request, a Access) (coffer.Principal, error) {
	cookies := r.CookiesNamed(SessionCookie)
	auth := r.Header.Values("Authorization")
	if a.who == byTicket {
		cookies = nil
	}
	if proofs := len(cookies) + len(auth); proofs > 1 || a.who == byTicket && proofs > 0 {
		return coffer.Principal{}, coffer.E(coffer.Malformed, "two_proofs", "The request carries more than one proof of who is asking. Send one: the session cookie, one Authorization header, or a ticket in the address.")
	}
	if len(cookies) == 1 {
		recall(r.Context()).session = cookies[0].Value
	}
	if a.IsPublic() {
		return coffer.Principal{}, nil
	}
	ctx := r.Context()
	var p coffer.Principal
	var err error
	switch {
	case a.who == byTicket:
		p, err = g.o.Ticket(ctx, r.PathValue("ticket"), From(ctx))
	case len(cookies) == 1:
		p, err = g.o.Session(ctx, cookies[0].Value, From(ctx))
	case len(auth) == 1:
		scheme, secret, _ := strings.Cut(auth[0], " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return coffer.Principal{}, coffer.E(coffer.Unauthenticated, "unauthenticated", "Only bearer tokens are taken here.")
		}
		p, err = g.o.Bearer(ctx, strings.TrimSpace(secret), From(ctx))
	default:
		return coffer.Principal{}, coffer.E(coffer.Unauthenticated, "unauthenticated", "Sign in to go on.")
	}
	if err != nil {
		return coffer.Principal{}, err
	}
	if a.who == withScope && !p.InScope(a.scope) {
		return coffer.Principal{}, coffer.E(coffer.Forbidden, "scope_missing", "This token may not do that: it lacks the scope "+string(a.scope)+".")
	}
	return p, nil
}

// SetAPIHeaders sets what every answer of the API carries: no page may run or
// frame it, no other site may read it, no cache may keep it.
func SetAPIHeaders(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}
