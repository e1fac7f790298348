package coffertest

import (
	"context"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"

	"coffer"
	"coffer/internal/db"
)

// Visitor is a browser without scripts and without an account, that came by a
// link.
type Visitor struct {
	S      *Server
	Cookie string            // of the visit
	Header map[string]string // sent with each request
}

// Visitor returns a browser that was never here.
func (s *Server) Visitor() *Visitor { return &Visitor{S: s, Header: map[string]string{}} }

// Send makes one request and keeps the cookie of the answer. It follows nothing.
func (v *Visitor) Send(method, address string, body io.Reader, header ...string) (*http.Response, error) {
	if strings.HasPrefix(address, "/") {
		address = v.S.URL + address
	}
	req, err := http.NewRequestWithContext(context.Background(), method, address, body)
	if err != nil {
		return nil, err
	}
	if v.Cookie != "" {
		req.Header.Add("Cookie", "__Secure-link="+v.Cookie)
	}
	for k, value := range v.Header {
		req.Header.Set(k, value)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := v.S.http.Do(req)
	if err == nil {
		for _, c := range res.Cookies() {
			if c.Name == "__Secure-link" {
				v.Cookie = c.Value
			}
		}
	}
	return res, err
}

// Do is Send with the whole answer.
func (v *Visitor) Do(method, address string, body io.Reader, header ...string) *Response {
	v.S.T.Helper()
	res, err := v.Send(method, address, body, header...)
	if err != nil {
		v.S.T.Fatalf("%s %s: %v", method, address, err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		v.S.T.Fatalf("%s %s: the answer broke off: %v", method, address, err)
	}
	return &Response{t: v.S.T, what: "a visitor: " + method + " " + address, Status: res.StatusCode, Header: res.Header, Body: text}
}

// Get opens a page.
func (v *Visitor) Get(address string) *Response { v.S.T.Helper(); return v.Do("GET", address, nil) }

// Post sends a form: names and values in turn.
func (v *Visitor) Post(address string, fields ...string) *Response {
	v.S.T.Helper()
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	return v.Do("POST", address, strings.NewReader(form.Encode()), "Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "same-origin")
}

// PostFiles sends a form with files: names and contents in turn.
func (v *Visitor) PostFiles(address string, files ...string) *Response {
	v.S.T.Helper()
	var b strings.Builder
	form := multipart.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		w, err := form.CreateFormFile("files", files[i])
		if err == nil {
			_, err = io.WriteString(w, files[i+1])
		}
		if err != nil {
			v.S.T.Fatal(err)
		}
	}
	if err := form.Close(); err != nil {
		v.S.T.Fatal(err)
	}
	return v.Do("POST", address, strings.NewReader(b.String()), "Content-Type", form.FormDataContentType(), "Sec-Fetch-Site", "same-origin")
}

// told is what the record says of something.
type told struct {
	s    *Server
	text string
}

// eventsHold fails the test unless the record tells of each of these actions,
// with the target.
func (s *Server) eventsHold(target coffer.ID, actions ...string) told {
	s.T.Helper()
	var b strings.Builder
	err := s.DB.View(context.Background(), func(tx *db.Tx) error {
		b.Reset()
		events, err := tx.EventsOf(target, 1000)
		for _, e := range events {
			fmt.Fprintf(&b, "%s %s %v\n", e.Action, e.ActorKind, e.Detail)
		}
		return err
	})
	if err != nil {
		s.T.Fatal(err)
	}
	for _, a := range actions {
		if !strings.Contains("\n"+b.String(), "\n"+a+" ") {
			s.T.Errorf("the record does not tell of %s:\n%s", a, b.String())
		}
	}
	return told{s, b.String()}
}

// without fails the test when the record holds a secret.
func (r told) without(secrets ...string) {
	r.s.T.Helper()
	for _, secret := range secrets {
		if strings.Contains(r.text, secret) {
			r.s.T.Errorf("the record holds %q", secret)
		}
	}
}
