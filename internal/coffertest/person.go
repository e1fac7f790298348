package coffertest

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"coffer"
	"coffer/internal/gate"
	"coffer/internal/wire"
)

// Person is somebody with a browser (Session, Signup) or a program (Token). A
// zero proof is not sent.
type Person struct {
	S                     *Server
	Name, Email, Password string
	Me                    wire.Me

	Session, Signup string            // values of the cookies
	Token           string            // bearer
	Headers         map[string]string // sent with each request
}

// Stranger is somebody who has no account.
func (s *Server) Stranger(name string) *Person {
	return &Person{S: s, Name: name, Email: strings.ToLower(name) + "@example.com", Password: "correct horse of " + name}
}

// Pending is somebody who signed up and has not confirmed.
func (s *Server) Pending(name string) *Person {
	s.T.Helper()
	p := s.Stranger(name)
	res := p.Do("POST", "/signup", wire.Signup{Name: name, Email: p.Email, Password: p.Password})
	res.Want(http.StatusAccepted)
	p.took(res)
	return p
}

// Person signs up, reads the code in the mail, confirms and is signed in.
func (s *Server) Person(name string) *Person {
	s.T.Helper()
	p := s.Pending(name)
	code := Code(s.T, s.Mails.Wait(s.T, p.Email, 1))
	res := p.Do("POST", "/signup/confirm", wire.Confirm{Code: code})
	res.Want(http.StatusOK)
	p.took(res)
	var c wire.Confirmed
	res.JSON(&c)
	if c.Me == nil {
		s.T.Fatal("confirmed with the code and not signed in")
	}
	p.Me = *c.Me
	return p
}

// SignIn opens a session of its own for the same person: another browser.
func (p *Person) SignIn() *Person {
	p.S.T.Helper()
	q := p.S.Stranger(p.Name)
	q.Email, q.Password = p.Email, p.Password
	res := q.Do("POST", "/session", wire.Login{Email: q.Email, Password: q.Password})
	res.Want(http.StatusOK)
	q.took(res)
	return q
}

// Program makes a token with these scopes (none: the default) and returns the
// person with it instead of a browser.
func (p *Person) Program(scopes ...coffer.Scope) *Person {
	p.S.T.Helper()
	n := wire.NewToken{Email: p.Email, Password: p.Password, Name: "test program"}
	for _, s := range scopes {
		n.Scopes = append(n.Scopes, string(s))
	}
	var t wire.TokenCreated
	p.S.Stranger(p.Name).Do("POST", "/tokens", n).Want(http.StatusCreated).JSON(&t)
	return &Person{S: p.S, Name: p.Name, Email: p.Email, Password: p.Password, Token: t.Token, Me: t.Me}
}

// took keeps the cookies of an answer, and who it says the person is.
func (p *Person) took(res *Response) {
	for _, c := range (&http.Response{Header: res.Header}).Cookies() {
		switch c.Name {
		case gate.SessionCookie:
			p.Session = c.Value
		case gate.SignupCookie:
			p.Signup = c.Value
		}
	}
	var me wire.Me
	if json.Unmarshal(res.Body, &me) == nil && !me.ID.IsZero() && me.Role != "" {
		p.Me = me
	}
}

// Response is a whole answer.
type Response struct {
	t      testing.TB
	what   string
	Status int
	Header http.Header
	Body   []byte
}

// Request makes a request to the API with the person's proof. A body may be
// nil, []byte, an io.Reader, or anything that becomes JSON. path begins below
// /api/v1, unless it is a whole address.
func (p *Person) Request(method, path string, body any, header ...string) *http.Request {
	p.S.T.Helper()
	var r io.Reader
	isJSON := false
	switch b := body.(type) {
	case nil:
	case []byte:
		r = bytes.NewReader(b)
	case io.Reader:
		r = b
	default:
		text, err := json.Marshal(b)
		if err != nil {
			p.S.T.Fatal(err)
		}
		r, isJSON = bytes.NewReader(text), true
	}
	if !strings.HasPrefix(path, "http") {
		path = p.S.URL + "/api/v1" + path
	}
	req, err := http.NewRequestWithContext(context.Background(), method, path, r)
	if err != nil {
		p.S.T.Fatal(err)
	}
	if isJSON {
		req.Header.Set("Content-Type", "application/json")
	}
	if p.Session != "" {
		req.Header.Add("Cookie", gate.SessionCookie+"="+p.Session) // Go's jar keeps Secure cookies from http
	}
	if p.Signup != "" {
		req.Header.Add("Cookie", gate.SignupCookie+"="+p.Signup)
	}
	if p.Token != "" {
		req.Header.Set("Authorization", "Bearer "+p.Token)
	}
	for k, v := range p.Headers {
		req.Header.Set(k, v)
	}
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			req.Host = header[i+1]
		} else {
			req.Header.Add(header[i], header[i+1])
		}
	}
	return req
}

// Send makes the request and returns the answer with its body still to come.
func (p *Person) Send(method, path string, body any, header ...string) (*http.Response, error) {
	p.S.T.Helper()
	return p.S.http.Do(p.Request(method, path, body, header...))
}

// Do makes the request and reads the whole answer.
func (p *Person) Do(method, path string, body any, header ...string) *Response {
	p.S.T.Helper()
	res, err := p.Send(method, path, body, header...)
	if err != nil {
		p.S.T.Fatalf("%s %s: %v", method, path, err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		p.S.T.Fatalf("%s %s: the answer broke off: %v", method, path, err)
	}
	return &Response{t: p.S.T, what: p.Name + ": " + method + " " + path, Status: res.StatusCode, Header: res.Header, Body: text}
}

// Want fails the test when the status is another.
func (r *Response) Want(status int) *Response {
	r.t.Helper()
	if r.Status != status {
		r.t.Fatalf("%s: status %d, want %d\n%.500s", r.what, r.Status, status, r.Body)
	}
	return r
}

// JSON reads the body.
func (r *Response) JSON(v any) {
	r.t.Helper()
	if err := json.Unmarshal(r.Body, v); err != nil {
		r.t.Fatalf("%s: %v in %.500s", r.what, err, r.Body)
	}
}

// Problem fails the test unless the answer is a problem with this status and
// code.
func (r *Response) Problem(status int, code string) wire.Problem {
	r.t.Helper()
	r.Want(status)
	var p wire.Problem
	r.JSON(&p)
	if r.Header.Get("Content-Type") != "application/problem+json" || p.Status != status || p.Code != code || p.Ref == "" || p.Ref != r.Header.Get("X-Request-Id") {
		r.t.Fatalf("%s: problem %+v (%s), want %d %s", r.what, p, r.Header.Get("Content-Type"), status, code)
	}
	return p
}

// Node reads the body as a node.
func (r *Response) Node() wire.Node {
	r.t.Helper()
	var n wire.Node
	r.JSON(&n)
	return n
}

// Root is the root of the person's own space.
func (p *Person) Root() coffer.ID { return p.Space().RootID }

// Space is the person's own space.
func (p *Person) Space() wire.Space {
	p.S.T.Helper()
	var l wire.List[wire.Space]
	p.Do("GET", "/spaces", nil).Want(http.StatusOK).JSON(&l)
	if len(l.Items) == 0 || l.Items[0].Kind != "personal" {
		p.S.T.Fatalf("%s has no space of their own", p.Name)
	}
	return l.Items[0]
}
