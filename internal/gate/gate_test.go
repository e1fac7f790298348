package gate

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"coffer"
	"coffer/internal/wire"
)

// logBuffer is a log that tests can read while the server writes it.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// serve runs h behind a gate on a real listener. Close of the server, at the
// end of the test, waits for all handlers.
func serve(t *testing.T, o Options, h func(g *Gate) http.Handler) (*httptest.Server, *logBuffer) {
	t.Helper()
	logged := &logBuffer{}
	o.Log = slog.New(slog.NewTextHandler(logged, nil))
	var handler http.Handler
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	if o.BaseURL == nil {
		o.BaseURL = &url.URL{Scheme: "http", Host: s.Listener.Addr().String()}
	}
	g := New(o)
	handler = g.Wrap(h(g), "/healthz")
	s.Start()
	t.Cleanup(s.Close)
	return s, logged
}

func problemOf(t *testing.T, res *http.Response) wire.Problem {
	t.Helper()
	defer res.Body.Close()
	var p wire.Problem
	if ct := res.Header.Get("Content-Type"); ct != "application/problem+json" {
		t.Fatalf("media type %q", ct)
	}
	if err := json.NewDecoder(res.Body).Decode(&p); err != nil {
		t.Fatal(err)
	}
	return p
}

func do(t *testing.T, s *httptest.Server, method, path string, header ...string) *http.Response {
	t.Helper()
	req, err := http.NewRequest(method, s.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			req.Host = header[i+1]
			continue
		}
		req.Header.Add(header[i], header[i+1])
	}
	res, err := s.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	return res
}

func TestProblems(t *testing.T) {
	cause := errors.New("secret cause")
	existing := coffer.NewID()
	rows := []struct {
		err    error
		status int
		code   string
		header string // Retry-After or WWW-Authenticate
	}{
		{cause, 500, "internal", ""},
		{&coffer.Error{Kind: coffer.Internal, Msg: "secret cause", Code: "secret cause"}, 500, "internal", ""},
		{&coffer.Error{Kind: coffer.Corrupt, Msg: "secret cause", Err: cause}, 500, "damaged", ""},
		{coffer.E(coffer.Malformed, "", "m"), 400, "malformed", ""},
		{coffer.E(coffer.Invalid, "name_invalid", "m"), 422, "name_invalid", ""},
		{coffer.E(coffer.Unauthenticated, "", "m"), 401, "unauthenticated", `Bearer realm="coffer"`},
		{coffer.E(coffer.Forbidden, "", "m"), 403, "forbidden", ""},
		{coffer.ErrNotFound, 404, "not_found", ""},
		{&coffer.Error{Kind: coffer.Conflict, Code: "name_taken", Existing: existing, Suggestion: "a (2)"}, 409, "name_taken", ""},
		{coffer.E(coffer.Stale, "", "m"), 412, "stale", ""},
		{coffer.E(coffer.Gone, "", "m"), 410, "gone", ""},
		{coffer.E(coffer.TooLarge, "", "m"), 413, "too_large", ""},
		{&coffer.Error{Kind: coffer.Limited, RetryAfter: 1500 * time.Millisecond}, 429, "limited", "2"},
		{coffer.E(coffer.OverQuota, "disk_full", "m"), 507, "disk_full", ""},
		{coffer.E(coffer.Busy, "", "m"), 503, "busy", "5"},
		{&coffer.Error{Kind: coffer.Busy, RetryAfter: time.Minute, Err: cause}, 503, "busy", "60"},
		{context.Canceled, 503, "busy", ""},
	}
	var now error
	s, logged := serve(t, Options{}, func(g *Gate) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "99999")
			w.Header().Set("ETag", `"x"`)
			g.Fail(w, r, now)
		})
	})
	for _, row := range rows {
		now = row.err
		res := do(t, s, "GET", "/x")
		p := problemOf(t, res)
		if res.StatusCode != row.status || p.Status != row.status || p.Code != row.code || p.Type != "about:blank" || p.Title == "" {
			t.Errorf("%v: status %d, problem %+v; want %d %s", row.err, res.StatusCode, p, row.status, row.code)
		}
		if p.Ref == "" || p.Ref != res.Header.Get("X-Request-Id") || !strings.Contains(logged.String(), "ref="+p.Ref) {
			t.Errorf("%v: ref %q, header %q, or not in the log", row.err, p.Ref, res.Header.Get("X-Request-Id"))
		}
		if got := res.Header.Get("Retry-After") + res.Header.Get("WWW-Authenticate"); got != row.header {
			t.Errorf("%v: header %q, want %q", row.err, got, row.header)
		}
		if strings.Contains(p.Detail+p.Code, "secret") || res.Header.Get("ETag") != "" {
			t.Errorf("%v: tells too much: %+v %v", row.err, p, res.Header)
		}
		if row.code == "name_taken" && (p.Existing == nil || *p.Existing != existing || p.Suggestion != "a (2)") {
			t.Errorf("conflict without what is in the way: %+v", p)
		}
	}
	if !strings.Contains(logged.String(), "secret cause") {
		t.Error("the cause of an internal error is not in the log")
	}
}

func TestRefAndLog(t *testing.T) {
	s, logged := serve(t, Options{}, func(*Gate) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("hello")) })
	})
	res := do(t, s, "GET", "/some/path?token=querysecret", "Authorization", "Bearer headersecret", "Cookie", "__Host-sid=cookiesecret", "X-Request-Id", "forged")
	ref := res.Header.Get("X-Request-Id")
	if !regexp.MustCompile(`^[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{2}$`).MatchString(ref) {
		t.Errorf("ref %q", ref)
	}
	io.Copy(io.Discard, res.Body)
	s.Close() // waits for the log line
	line := logged.String()
	for _, want := range []string{"ref=" + ref, "method=GET", "path=/some/path", "status=200", "bytes=5", "address=127.0.0.1"} {
		if !strings.Contains(line, want) {
			t.Errorf("log lacks %q: %s", want, line)
		}
	}
	for _, secret := range []string{"querysecret", "headersecret", "cookiesecret", "forged", "hello"} {
		if strings.Contains(line, secret) {
			t.Errorf("log holds %q: %s", secret, line)
		}
	}
	for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Strict-Transport-Security": ""} {
		if got := res.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestPanic(t *testing.T) {
	s, logged := serve(t, Options{}, func(*Gate) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/begun" {
				w.Header().Set("Content-Length", "10")
				w.Write([]byte("half"))
				http.NewResponseController(w).Flush()
			}
			panic("ouch")
		})
	})
	if p := problemOf(t, do(t, s, "GET", "/x")); p.Status != 500 || strings.Contains(p.Detail, "ouch") {
		t.Errorf("%+v", p)
	}
	res := do(t, s, "GET", "/begun")
	if _, err := io.ReadAll(res.Body); err == nil {
		t.Error("an answer that broke off looks complete")
	}
	s.Close()
	if strings.Count(logged.String(), "ouch") < 2 || !strings.Contains(logged.String(), "gate_test.go") {
		t.Errorf("the log does not tell where: %s", logged)
	}
}

func TestHosts(t *testing.T) {
	rows := []struct {
		base, host string
		ok         bool
	}{
		{"https://files.example", "files.example", true},
		{"https://files.example", "FILES.example:443", true},
		{"https://files.example", "files.example:8443", false},
		{"https://files.example", "evil.example", false},
		{"https://files.example", "files.example.evil.example", false},
		{"https://files.example", "127.0.0.1", false},
		{"https://files.example:8443", "files.example:8443", true},
		{"https://files.example:8443", "files.example", false},
		{"http://127.0.0.1:8080", "localhost:8080", true},
		{"http://127.0.0.1:8080", "[::1]:8080", true},
		{"http://localhost:8080", "127.0.0.1:8080", true},
		{"http://localhost:8080", "localhost:8081", false},
		{"http://localhost", "127.0.0.1:80", true},
	}
	for _, row := range rows {
		base, _ := url.Parse(row.base)
		s, _ := serve(t, Options{BaseURL: base}, func(*Gate) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {})
		})
		want := 421
		if row.ok {
			want = 200
		}
		if res := do(t, s, "GET", "/", "Host", row.host); res.StatusCode != want {
			t.Errorf("base %s, Host %s: %d, want %d", row.base, row.host, res.StatusCode, want)
		}
		if res := do(t, s, "GET", "/healthz", "Host", row.host); res.StatusCode != 200 {
			t.Errorf("base %s, Host %s: /healthz %d", row.base, row.host, res.StatusCode)
		}
		if res := do(t, s, "GET", "/healthz/", "Host", "evil.example"); res.StatusCode != 421 {
			t.Errorf("/healthz/ is not /healthz: %d", res.StatusCode)
		}
		s.Close()
	}
}

func TestClientAddress(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	rows := []struct {
		remote    string
		forwarded []string
		trusted   []netip.Prefix
		want      string
	}{
		{"192.0.2.1:1234", nil, nil, "192.0.2.1"},
		{"192.0.2.1:1234", []string{"1.2.3.4"}, nil, "192.0.2.1"},
		{"192.0.2.1:1234", []string{"1.2.3.4"}, proxies, "192.0.2.1"}, // not through a proxy
		{"10.0.0.1:1234", []string{"1.2.3.4"}, proxies, "1.2.3.4"},
		{"10.0.0.1:1234", []string{"9.9.9.9, 1.2.3.4"}, proxies, "1.2.3.4"},             // what the caller claimed does not count
		{"10.0.0.1:1234", []string{"9.9.9.9", "1.2.3.4, 10.9.9.9"}, proxies, "1.2.3.4"}, // two proxies, two headers
		{"10.0.0.1:1234", []string{"rubbish"}, proxies, "10.0.0.1"},
		{"10.0.0.1:1234", nil, proxies, "10.0.0.1"},
		{"10.0.0.1:1234", []string{"10.1.1.1"}, proxies, "10.1.1.1"},
		{"10.0.0.1:1234", []string{"[2001:db8::1]:443"}, proxies, "2001:db8::1"},
		{"[fd00::1%eth0]:80", []string{"::ffff:1.2.3.4"}, proxies, "1.2.3.4"},
		{"[::ffff:10.0.0.1]:80", []string{"1.2.3.4"}, proxies, "1.2.3.4"},
	}
	for _, row := range rows {
		r := &http.Request{RemoteAddr: row.remote, Header: http.Header{"X-Forwarded-For": row.forwarded}}
		if got := clientAddress(r, row.trusted).String(); got != row.want {
			t.Errorf("%s %q: %s, want %s", row.remote, row.forwarded, got, row.want)
		}
	}
}

// raw sends bytes over a connection of its own.
func raw(t *testing.T, s *httptest.Server, text string) (net.Conn, *bufio.Reader) {
	t.Helper()
	c, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if _, err := io.WriteString(c, strings.ReplaceAll(text, "\n", "\r\n")); err != nil {
		t.Fatal(err)
	}
	return c, bufio.NewReader(c)
}

func TestBodyThatStandsStill(t *testing.T) {
	got := make(chan error, 1)
	s, _ := serve(t, Options{Idle: 1200 * time.Millisecond}, func(g *Gate) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, err := io.Copy(io.Discard, r.Body)
			if r.URL.Path == "/long" { // work that takes longer than the idle time, after the body
				select {
				case <-r.Context().Done():
					err = r.Context().Err()
				case <-time.After(1500 * time.Millisecond):
				}
			}
			got <- err
			w.WriteHeader(204)
		})
	})
	raw(t, s, "PUT / HTTP/1.1\nHost: "+s.Listener.Addr().String()+"\nContent-Length: 10\n\nabc")
	if err := <-got; coffer.KindOf(err) != coffer.Malformed {
		t.Errorf("a body that stands still: %v", err)
	}

	// One that moves only for show is not, and one that is slow is: the handler's
	// own time does not count.
	trickle, _ := raw(t, s, "PUT / HTTP/1.1\nHost: "+s.Listener.Addr().String()+"\nContent-Length: 500\n\n")
	drip := time.NewTicker(50 * time.Millisecond)
	defer drip.Stop()
	for n, ended := 0, false; !ended; n++ {
		select {
		case err := <-got:
			if ended = true; coffer.KindOf(err) != coffer.Malformed {
				t.Errorf("a body that trickles: %v", err)
			}
		case <-drip.C:
			io.WriteString(trickle, "x") // or it is closed
		}
		if n == 400 {
			t.Fatal("a body that trickles is waited for")
		}
	}
	c, br := raw(t, s, "PUT / HTTP/1.1\nHost: "+s.Listener.Addr().String()+"\nContent-Length: 98304\n\n")
	tick := time.NewTicker(300 * time.Millisecond)
	defer tick.Stop()
	for range 6 {
		<-tick.C
		if _, err := c.Write(make([]byte, 16<<10)); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-got; err != nil {
		t.Errorf("a slow body: %v", err)
	}
	if res, err := http.ReadResponse(br, nil); err != nil || res.StatusCode != 204 {
		t.Errorf("answer to a slow body: %v %v", res, err)
	}
	// The deadlines of one request do not reach into the next of the connection.
	time.AfterFunc(1500*time.Millisecond, func() {
		io.WriteString(c, "PUT / HTTP/1.1\r\nHost: "+s.Listener.Addr().String()+"\r\nContent-Length: 0\r\n\r\n")
	})
	if res, err := http.ReadResponse(br, nil); err != nil || res.StatusCode != 204 {
		t.Errorf("next request: %v %v", res, err)
	}
	<-got
	io.WriteString(c, "PUT /long HTTP/1.1\r\nHost: "+s.Listener.Addr().String()+"\r\nContent-Length: 1\r\n\r\nx")
	if err := <-got; err != nil {
		t.Errorf("the body's deadline reached into the work after it: %v", err)
	}
}

// A cut that comes when the body is there whole ends the request, not those that
// follow: net/http has begun to read behind the body, and takes the end for the
// caller's who left.
func TestCutBehindTheBody(t *testing.T) {
	s, _ := serve(t, Options{}, func(g *Gate) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, err := io.Copy(io.Discard, r.Body)
			if r.URL.Path == "/cut" {
				Cut(r.Context())
				<-r.Context().Done()
				err = coffer.E(coffer.Unauthenticated, "unauthenticated", "")
			}
			if err == nil {
				err = r.Context().Err()
			}
			if err != nil {
				g.Fail(w, r, err)
			}
		})
	})
	for i := range 3 {
		for path, want := range map[string]int{"/cut": 401, "/": 200} {
			res, err := s.Client().Post(s.URL+path, "application/octet-stream", strings.NewReader("all of it"))
			if err != nil {
				t.Fatal(err)
			}
			io.Copy(io.Discard, res.Body)
			res.Body.Close()
			if res.StatusCode != want || res.Close != (path == "/cut") {
				t.Errorf("%d, %s: status %d, closes %v", i, path, res.StatusCode, res.Close)
			}
		}
	}
}

func TestReaderThatTakesNothing(t *testing.T) {
	ended := make(chan error, 1)
	s, _ := serve(t, Options{Idle: 1200 * time.Millisecond}, func(g *Gate) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "1000000000")
			b := make([]byte, 1<<20)
			for range 1000 {
				if _, err := w.Write(b); err != nil {
					ended <- err
					return
				}
			}
			ended <- nil
		})
	})
	raw(t, s, "GET / HTTP/1.1\nHost: "+s.Listener.Addr().String()+"\n\n")
	select {
	case err := <-ended:
		if err == nil {
			t.Error("a gigabyte went to somebody who reads nothing")
		}
	case <-time.After(20 * time.Second):
		t.Error("somebody who reads nothing is waited for")
	}
}

func TestWriterHidesNothing(t *testing.T) {
	s, _ := serve(t, Options{}, func(*Gate) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, ok := w.(io.ReaderFrom); !ok {
				t.Error("no ReadFrom")
			}
			if _, ok := w.(http.Flusher); !ok {
				t.Error("no Flush")
			}
			if err := http.NewResponseController(w).EnableFullDuplex(); err != nil {
				t.Error(err)
			}
			n, err := io.Copy(w, strings.NewReader(strings.Repeat("x", 3<<20+5)))
			if n != 3<<20+5 || err != nil {
				t.Error(n, err)
			}
		})
	})
	b, err := io.ReadAll(do(t, s, "GET", "/").Body)
	if len(b) != 3<<20+5 || err != nil {
		t.Error(len(b), err)
	}
}

func TestTurns(t *testing.T) {
	g := New(Options{BaseURL: &url.URL{Scheme: "http", Host: "localhost"}})
	ann, ben := coffer.NewID(), coffer.NewID()
	var running []func()
	for range TransfersRunning {
		done, err := g.Turn(t.Context(), ann)
		if err != nil {
			t.Fatal(err)
		}
		running = append(running, done)
	}
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := g.Turn(short, ann); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a ninth transfer ran: %v", err)
	}
	if done, err := g.Turn(t.Context(), ben); err != nil {
		t.Errorf("another person waits: %v", err)
	} else {
		done()
	}
	// Small pictures do not wait for transfers, and have fewer turns.
	var glances []func()
	for range GlancesRunning {
		done, err := g.Glance(t.Context(), ann)
		if err != nil {
			t.Fatal(err)
		}
		glances = append(glances, done)
	}
	briefly, stop := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer stop()
	if _, err := g.Glance(briefly, ann); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("one more glance: %v", err)
	}
	for _, done := range glances {
		done()
	}
	if len(g.glances.lanes) != 0 || g.glances.taken != 0 {
		t.Errorf("%d queues of glances are left over", len(g.glances.lanes))
	}
	next := make(chan func())
	go func() {
		done, _ := g.Turn(t.Context(), ann)
		next <- done
	}()
	running[0]()
	running[0] = <-next
	for _, done := range running {
		done()
	}
	if len(g.transfers.lanes) != 0 || g.transfers.taken != 0 {
		t.Errorf("%d queues are left over", len(g.transfers.lanes))
	}
}

// TestPlacesGoToWhoHasFewest: when all places are taken, those who wait longest
// are not the first ones if they have the most already.
func TestPlacesGoToWhoHasFewest(t *testing.T) {
	const nobody, ann, ben, cid, dan = -1, 0, 1, 2, 3
	turns := newTurns(3, 5)
	var ids [4]coffer.ID
	for i := range ids {
		ids[i] = coffer.NewID()
	}
	type place struct {
		who  int
		done func()
	}
	began, has := make(chan place), map[int][]func(){}
	ask := func(ctx context.Context, who int) {
		go func() {
			done, err := turns.wait(ctx, ids[who])
			if err != nil {
				who = nobody
			}
			began <- place{who, done}
		}()
	}
	next := func() int {
		p := <-began
		has[p.who] = append(has[p.who], p.done)
		return p.who
	}
	leave := func(who int) {
		done := has[who][0]
		has[who] = has[who][1:]
		done()
		done() // once is enough
	}
	inLine := func(want int) {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); ; runtime.Gosched() {
			n := 0
			turns.mu.Lock()
			for _, l := range turns.waiting {
				n += len(l.line)
			}
			turns.mu.Unlock()
			if n == want {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("%d wait, want %d", n, want)
			}
		}
	}
	for _, who := range []int{ann, ann, ann, ben, ben} {
		ask(t.Context(), who)
		next()
	}
	short, giveUp := context.WithCancel(t.Context())
	for i, who := range []int{ann, ann, dan, ben, cid, cid} {
		ctx := t.Context()
		if who == dan {
			ctx = short
		}
		ask(ctx, who)
		inLine(i + 1)
	}
	giveUp()
	if who := next(); who != nobody {
		t.Fatalf("%d had a turn, dan gave up", who)
	}
	inLine(5)
	for i, step := range []struct{ leaves, next int }{
		{ann, cid},    // who has nothing
		{ben, ben},    // one each: ben waits since before cid's turn
		{cid, cid},    // nothing again
		{ben, ann},    // nobody else waits
		{ben, nobody}, // ann has three
		{ann, ann},
	} {
		leave(step.leaves)
		if step.next == nobody {
			inLine(1)
		} else if who := next(); who != step.next {
			t.Errorf("step %d: %d had the turn, want %d", i, who, step.next)
		}
	}
	for who := range ids {
		for len(has[who]) > 0 {
			leave(who)
		}
	}
	if len(turns.lanes) != 0 || len(turns.waiting) != 0 || turns.taken != 0 {
		t.Errorf("left over: %d lanes, %d taken", len(turns.lanes), turns.taken)
	}
}
