package gate

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"coffer"
)

func TestProofs(t *testing.T) {
	ann := coffer.Principal{Kind: coffer.UserKind, User: coffer.User{ID: coffer.NewID(), Role: coffer.RoleMember}}
	all, few := ann, ann
	all.Scopes, few.Scopes = coffer.AllScopes[:], []coffer.Scope{coffer.ScopeFilesRead}
	var seen Origin
	check := func(want string, p coffer.Principal) func(context.Context, string, Origin) (coffer.Principal, error) {
		return func(_ context.Context, secret string, from Origin) (coffer.Principal, error) {
			seen = from
			if secret != want {
				return coffer.Principal{}, coffer.E(coffer.Unauthenticated, "unauthenticated", "")
			}
			return p, nil
		}
	}
	s, _ := serve(t, Options{Session: check("good", all), Bearer: check("tok", few)}, func(g *Gate) http.Handler {
		who := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Write([]byte(Caller(r.Context()).User.ID.String()))
		})
		mux := http.NewServeMux()
		mux.Handle("/public", g.Protect(Public(), who))
		mux.Handle("/any", g.Protect(SignedIn(), who))
		mux.Handle("/read", g.Protect(Scoped(coffer.ScopeFilesRead), who))
		mux.Handle("/admin", g.Protect(Scoped(coffer.ScopeAdmin), who))
		return mux
	})
	const cookie, bearer = "__Host-sid=good", "Bearer tok"
	rows := []struct {
		path, cookie, auth string
		status             int
		code               string
	}{
		{"/public", "", "", 200, ""},
		{"/public", "__Host-sid=bad", "", 200, ""},
		{"/public", cookie, bearer, 400, "two_proofs"},
		{"/any", "", "", 401, "unauthenticated"},
		{"/any", cookie, "", 200, ""},
		{"/any", "__Host-sid=bad", "", 401, "unauthenticated"},
		{"/any", "sid=good", "", 401, "unauthenticated"},
		{"/any", cookie + "; " + cookie, "", 400, "two_proofs"},
		{"/any", "", bearer, 200, ""},
		{"/any", "", "bearer tok", 200, ""},
		{"/any", "", "Bearer good", 401, "unauthenticated"},
		{"/any", "", "Basic dG9r", 401, "unauthenticated"},
		{"/any", "", "tok", 401, "unauthenticated"},
		{"/any", cookie, bearer, 400, "two_proofs"},
		{"/any", "__Host-sid=bad", bearer, 400, "two_proofs"},
		{"/read", cookie, "", 200, ""},
		{"/read", "", bearer, 200, ""},
		{"/admin", cookie, "", 200, ""},
		{"/admin", "", bearer, 403, "scope_missing"},
	}
	for _, row := range rows {
		var h []string
		if row.cookie != "" {
			h = append(h, "Cookie", row.cookie)
		}
		if row.auth != "" {
			h = append(h, "Authorization", row.auth)
		}
		res := do(t, s, "GET", row.path, append(h, "User-Agent", "test")...)
		if res.StatusCode != row.status {
			t.Errorf("%+v: %d", row, res.StatusCode)
		}
		if row.code != "" {
			if p := problemOf(t, res); p.Code != row.code {
				t.Errorf("%+v: code %s", row, p.Code)
			}
		}
	}
	if seen.Address != "127.0.0.1" || seen.UserAgent != "test" || seen.RequestID == "" {
		t.Errorf("origin %+v", seen)
	}
}

func TestCrossOrigin(t *testing.T) {
	s, _ := serve(t, Options{}, func(g *Gate) http.Handler {
		return g.Protect(Public(), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {}))
	})
	rows := []struct {
		method string
		header []string
		ok     bool
	}{
		{"POST", nil, true}, // a program
		{"POST", []string{"Sec-Fetch-Site", "same-origin"}, true},
		{"POST", []string{"Sec-Fetch-Site", "none"}, true},
		{"POST", []string{"Sec-Fetch-Site", "cross-site"}, false},
		{"POST", []string{"Sec-Fetch-Site", "same-site"}, false},
		{"PUT", []string{"Origin", "https://evil.example"}, false},
		{"PUT", []string{"Origin", "null"}, false},
		{"DELETE", []string{"Origin", s.URL}, true},
		{"GET", []string{"Sec-Fetch-Site", "cross-site"}, true},
	}
	for _, row := range rows {
		res := do(t, s, row.method, "/x", row.header...)
		if row.ok && res.StatusCode != 200 {
			t.Errorf("%s %q: %d", row.method, row.header, res.StatusCode)
		}
		if !row.ok {
			if p := problemOf(t, res); p.Status != 403 || p.Code != "cross_origin" {
				t.Errorf("%s %q: %+v", row.method, row.header, p)
			}
		}
	}
}

func TestUndeclaredRouteDoesNotStart(t *testing.T) {
	for name, a := range map[string]Access{"zero": {}, "scope without name": Scoped("")} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: the route was accepted", name)
				}
			}()
			new(Gate).Protect(a, nil)
		}()
	}
}

func TestCookies(t *testing.T) {
	h := http.Header{}
	SetCookie(h, SessionCookie, "secret", 30*24*time.Hour)
	ClearCookie(h, SignupCookie)
	got := h.Values("Set-Cookie")
	if got[0] != "__Host-sid=secret; Path=/; Max-Age=2592000; HttpOnly; Secure; SameSite=Lax" {
		t.Error(got[0])
	}
	if !strings.HasPrefix(got[1], "__Host-signup=; Path=/; Max-Age=0;") || !strings.Contains(got[1], "Secure") {
		t.Error(got[1])
	}
}
