// Package client is the Go client of the REST API: what the command line and
// tests use to talk to a server. It knows the shapes of package wire, when a
// request may be repeated, and how to check that content came through whole.
// It knows nothing of the server's inside, of local paths, or of where a token
// is kept.
//
// It speaks HTTP/1.1 on purpose: HTTP/2 costs more and halves the speed of a
// single transfer.
package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/sethvargo/go-retry"

	"coffer"
	"coffer/internal/wire"
)

// Options are what a client may be told. The zero value is good.
type Options struct {
	Token     string            // bearer token; "" until Login
	UserAgent string            // "" = coffer
	Transport http.RoundTripper // nil = own, HTTP/1.1
	Tries     int               // of a request that may be repeated; 0 = 6
	Pause     time.Duration     // before the second try, doubled each time; 0 = 300 ms
	Page      int               // children asked for at once; 0 = 1000
	Stall     time.Duration     // a transfer that moves no byte for so long is tried again; 0 = 60 s
}

// Client talks to one server as one person. It is safe for concurrent use,
// Login and Logout apart.
type Client struct {
	base  *url.URL
	http  *http.Client
	token string
	agent string
	tries int
	pause time.Duration
	stall time.Duration
	page  int
}

// New returns a client of the server at an address like
// https://files.example.org. Plain http is for this machine only, because the
// token would travel in the clear.
func New(server string, o Options) (*Client, error) {
	u, err := url.Parse(server)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, coffer.E(coffer.Invalid, "server_invalid", fmt.Sprintf("%q is not a server's address: it looks like https://files.example.org.", server))
	}
	if u.Scheme == "http" && !loopback(u.Hostname()) {
		return nil, coffer.E(coffer.Invalid, "server_invalid", "http is for this machine only, because passwords would travel in the clear: use https.")
	}
	u.Path = ""
	c := &Client{base: u, token: o.Token, agent: o.UserAgent, tries: o.Tries, pause: o.Pause, stall: o.Stall, page: o.Page}
	if c.agent == "" {
		c.agent = "coffer"
	}
	if c.tries == 0 {
		c.tries = 6
	}
	if c.page == 0 {
		c.page = 1000
	}
	if c.pause == 0 {
		c.pause = 300 * time.Millisecond
	}
	if c.stall == 0 {
		c.stall = time.Minute
	}
	rt := o.Transport
	if rt == nil {
		rt = newTransport()
	}
	c.http = &http.Client{
		Transport: rt,
		// A redirect would carry the token to an address that nobody asked for.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return c, nil
}

func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 15 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:   15 * time.Second,
		TLSNextProto:          map[string]func(string, *tls.Conn) http.RoundTripper{}, // no HTTP/2
		MaxIdleConnsPerHost:   64,
		IdleConnTimeout:       90 * time.Second,
		ExpectContinueTimeout: 3 * time.Second,
		ResponseHeaderTimeout: 5 * time.Minute, // an upload is answered when it is durable
		DisableCompression:    true,
		WriteBufferSize:       256 << 10,
		ReadBufferSize:        256 << 10,
	}
}

func loopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && a.Unmap().IsLoopback()
}

// Server is the address that the client talks to.
func (c *Client) Server() string { return c.base.String() }

// Token is the bearer token in use, "" when signed out.
func (c *Client) Token() string { return c.token }

// Error is the server's refusal. Its cause is a *coffer.Error with the kind
// and code that the server gave.
type Error struct {
	Refusal *coffer.Error
	Status  int
	Ref     string // the server's request id; "" when something else answered
}

func (e *Error) Error() string {
	msg := e.Refusal.Msg
	for name, why := range e.Refusal.Fields {
		if why != "" && !strings.Contains(msg, why) {
			msg += " " + name + ": " + why
		}
	}
	return msg
}

func (e *Error) Unwrap() error { return e.Refusal }

// kinds turns statuses back into kinds; gate's table, read from the other side.
var kinds = map[int]coffer.Kind{
	http.StatusBadRequest:            coffer.Malformed,
	http.StatusUnauthorized:          coffer.Unauthenticated,
	http.StatusForbidden:             coffer.Forbidden,
	http.StatusNotFound:              coffer.NotFound,
	http.StatusConflict:              coffer.Conflict,
	http.StatusPreconditionFailed:    coffer.Stale,
	http.StatusGone:                  coffer.Gone,
	http.StatusRequestEntityTooLarge: coffer.TooLarge,
	http.StatusUnprocessableEntity:   coffer.Invalid,
	http.StatusLocked:                coffer.Busy,
	http.StatusTooManyRequests:       coffer.Limited,
	http.StatusInsufficientStorage:   coffer.OverQuota,
	http.StatusServiceUnavailable:    coffer.Busy,
	http.StatusBadGateway:            coffer.Busy,
	http.StatusGatewayTimeout:        coffer.Busy,
}

// refusal reads the problem document of an answer that is an error.
func refusal(resp *http.Response) *Error {
	e := &Error{Status: resp.StatusCode, Refusal: &coffer.Error{Kind: kinds[resp.StatusCode]}}
	if s, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && s >= 0 {
		e.Refusal.RetryAfter = time.Duration(s) * time.Second
	}
	var p wire.Problem
	media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if media == "application/problem+json" && json.NewDecoder(io.LimitReader(resp.Body, 64<<10)).Decode(&p) == nil && p.Code != "" {
		e.read(p)
		return e
	}
	e.Ref = resp.Header.Get("X-Request-Id")
	e.Refusal.Code = "unexpected"
	e.Refusal.Msg = fmt.Sprintf("The server answered %d %s. Is this the address of a Coffer server?", resp.StatusCode, http.StatusText(resp.StatusCode))
	return e
}

// read takes over what a problem says.
func (e *Error) read(p wire.Problem) {
	r := e.Refusal
	r.Code, r.Msg, r.Fields, r.Suggestion = p.Code, p.Detail, p.Fields, p.Suggestion
	if r.Msg == "" {
		r.Msg = p.Title
	}
	if p.Existing != nil {
		r.Existing = *p.Existing
	}
	r.Room = (*coffer.Room)(p.Room)
	if p.Code == "damaged" {
		r.Kind = coffer.Corrupt
	}
	e.Ref = p.Ref
}

// Refused is the error of a problem that came inside an answer.
func Refused(p wire.Problem) *Error {
	e := &Error{Status: p.Status, Refusal: &coffer.Error{Kind: kinds[p.Status]}}
	e.read(p)
	return e
}

// unreachable wraps an error of the connection.
func (c *Client) unreachable(err error) error {
	if _, ok := errors.AsType[*coffer.Error](err); ok {
		return err
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err // its text repeats the whole address
	}
	return &coffer.Error{Kind: coffer.Busy, Code: "unreachable", Msg: "Cannot reach " + c.base.Host + ".", Err: err}
}

// request builds a request of the API.
func (c *Client) request(ctx context.Context, method, path string, query url.Values, body io.Reader) (*http.Request, error) {
	u := *c.base
	u.Path = "/api/v1" + path
	u.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, method, u.String(), body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", c.agent)
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	return req, nil
}

// call does one JSON request. repeat says that doing it twice is the same as
// once; else it is repeated only when the server cannot have done it.
func (c *Client) call(ctx context.Context, method, path string, query url.Values, in, out any, repeat bool) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return err
		}
	}
	return c.retry(ctx, func() (bool, error) {
		var r io.Reader
		if in != nil {
			r = bytes.NewReader(body)
		}
		req, err := c.request(ctx, method, path, query, r)
		if err != nil {
			return false, err
		}
		if in != nil {
			req.Header.Set("Content-Type", "application/json")
		}
		resp, err := c.http.Do(req)
		if err != nil {
			return repeat || notSent(err), c.unreachable(err)
		}
		defer drain(resp.Body)
		if resp.StatusCode >= 300 {
			e := refusal(resp)
			return declined(e) || repeat && e.Refusal.Kind == coffer.Busy, e
		}
		if out == nil {
			return false, nil
		}
		if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
			return repeat, c.unreachable(fmt.Errorf("reading the answer: %w", err))
		}
		return false, nil
	})
}

// drain reads what is left of a short answer, so that its connection can be
// used again.
func drain(body io.ReadCloser) {
	_, _ = io.CopyN(io.Discard, body, 16<<10) // only a courtesy to the next request
	body.Close()
}

// notSent reports whether a request cannot have reached the server.
func notSent(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial"
}

// declined reports whether the server itself said that it did nothing and
// that a short wait helps.
func declined(e *Error) bool {
	r := e.Refusal
	return (r.Kind == coffer.Busy && e.Status == http.StatusServiceUnavailable || r.Kind == coffer.Limited && r.RetryAfter > 0) && r.RetryAfter <= longestWait
}

// longestWait is how long the server may ask to wait before it is an error.
const longestWait = 20 * time.Second

// retry runs an attempt until it succeeds, says that trying again is no use,
// or the tries are used up. Pauses grow, with jitter; the server's Retry-After
// is kept.
func (c *Client) retry(ctx context.Context, attempt func() (again bool, err error)) error {
	var last error
	tries := 0
	pause := retry.WithJitterPercent(25, retry.WithCappedDuration(5*time.Second, retry.NewExponential(c.pause)))
	err := retry.Do(ctx, retry.BackoffFunc(func() (time.Duration, bool) {
		if tries++; tries >= c.tries {
			return 0, true
		}
		d, stop := pause.Next()
		if e, ok := errors.AsType[*coffer.Error](last); ok {
			d = max(d, e.RetryAfter)
		}
		return d, stop
	}), func(ctx context.Context) error {
		again, err := attempt()
		last = err
		if err != nil && again && ctx.Err() == nil {
			return retry.RetryableError(err)
		}
		return err
	})
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx) // interrupted: not the broken connection that follows from it
	}
	return err
}
