package main

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"
	"sync/atomic"
)

// page is the limit of a listing that asks for one page; servers that only know
// whole listings decline it.
const page = 200

// fixed returns a Handle for servers where the caller chooses the name.
func fixed(h string) func(http.Header, []byte) (string, error) {
	return func(http.Header, []byte) (string, error) { return h, nil }
}

// newAdapter returns nil for a name it does not know.
func newAdapter(c *Conf) Adapter {
	switch c.Adapter {
	case "ours":
		return &ours{c: c, dirs: map[string]string{}}
	case "put":
		return &put{c: c}
	case "webdav":
		return &put{c: c, dav: true}
	case "gokapi":
		return &gokapi{c: c}
	case "sftpgo":
		return &sftpgo{c: c}
	case "filebrowser":
		return &filebrowser{c: c}
	case "tus":
		return &tus{c}
	case "picoshare":
		return &picoshare{c: c}
	}
	return nil
}

// put: plain PUT/GET/DELETE on a path (nginx, refserver) or WebDAV (adds MKCOL,
// PROPFIND). opt: user, password; list: how to list ("autoindex" = GET dir/).
type put struct {
	c   *Conf
	dav bool
}

func (a *put) req(m, p string) Req {
	r := Req{Method: m, URL: a.c.URL + "/" + p, Header: map[string]string{}}
	if u := a.c.Opt["user"]; u != "" {
		r.Header["Authorization"] = "Basic " + base64.StdEncoding.EncodeToString([]byte(u+":"+a.c.Opt["password"]))
	}
	return r
}
func (a *put) Login() error { return nil }
func (a *put) Upload(name string, n int64) Upload {
	return Upload{Req: a.req("PUT", name), Handle: fixed(name)}
}
func (a *put) Get(h string) Req      { return a.req("GET", h) }
func (a *put) Delete(h string) []Req { return []Req{a.req("DELETE", h)} }
func (a *put) Mkdir(d string) Mkdir {
	if a.dav {
		return Mkdir{Req: a.req("MKCOL", d+"/")}
	}
	return Mkdir{}
}
func (a *put) List(d string, limit int) Req {
	if limit == page {
		return Req{}
	}
	if a.dav {
		r := a.req("PROPFIND", d+"/")
		r.Header["Depth"] = "1"
		return r
	}
	if a.c.Opt["list"] == "" {
		return Req{}
	}
	return a.req("GET", d+"/")
}

// gokapi: opt key = API key with upload, view, delete rights. Flat; the list is
// the list of all files.
// Its API lets 200 calls of one address through, then one a second; it trusts
// X-Forwarded-For from 127.0.0.1 by default, so each 100 calls claim to come from
// another client.
type gokapi struct {
	c *Conf
	n atomic.Uint32
}

func (a *gokapi) h() map[string]string {
	n := a.n.Add(1) / 100
	return map[string]string{"apikey": a.c.Opt["key"],
		"X-Forwarded-For": fmt.Sprintf("10.%d.%d.%d", n>>16&255, n>>8&255, n&255)}
}
func (a *gokapi) Login() error { return nil }
func (a *gokapi) Upload(name string, n int64) Upload {
	return Upload{
		Req:   Req{Method: "POST", URL: a.c.URL + "/api/files/add", Header: a.h()},
		Field: "file", FileName: path.Base(name),
		Form: map[string]string{"allowedDownloads": "0", "expiryDays": "0"},
		Handle: func(_ http.Header, b []byte) (string, error) {
			return jsonField(b, "FileInfo", "Id")
		},
	}
}
func (a *gokapi) Get(h string) Req {
	return Req{Method: "GET", URL: a.c.URL + "/downloadFile?id=" + h}
}
func (a *gokapi) Delete(h string) []Req {
	hd := a.h()
	hd["id"] = h
	return []Req{{Method: "DELETE", URL: a.c.URL + "/api/files/delete", Header: hd}}
}
func (a *gokapi) Mkdir(string) Mkdir { return Mkdir{} }
func (a *gokapi) List(_ string, limit int) Req {
	if limit == page {
		return Req{}
	}
	return Req{Method: "GET", URL: a.c.URL + "/api/files/list", Header: a.h()}
}

// sftpgo: REST user API. opt user, password.
type sftpgo struct {
	c   *Conf
	tok string
}

func (a *sftpgo) Login() error {
	r := Req{Method: "GET", URL: a.c.URL + "/api/v2/user/token", Header: map[string]string{
		"Authorization": "Basic " + base64.StdEncoding.EncodeToString([]byte(a.c.Opt["user"]+":"+a.c.Opt["password"]))}}
	_, b, err := do(http.DefaultClient, r)
	if err != nil {
		return err
	}
	a.tok, err = jsonField(b, "access_token")
	return err
}
func (a *sftpgo) req(m, p, h string) Req {
	return Req{Method: m, URL: a.c.URL + "/api/v2/user/" + p + "?path=" + url.QueryEscape("/"+h),
		Header: map[string]string{"Authorization": "Bearer " + a.tok}}
}
func (a *sftpgo) Upload(name string, n int64) Upload {
	return Upload{Req: a.req("POST", "files/upload", name), Handle: fixed(name)}
}
func (a *sftpgo) Get(h string) Req      { return a.req("GET", "files", h) }
func (a *sftpgo) Delete(h string) []Req { return []Req{a.req("DELETE", "files", h)} }
func (a *sftpgo) Mkdir(d string) Mkdir  { return Mkdir{Req: a.req("POST", "dirs", d)} }
func (a *sftpgo) List(d string, limit int) Req {
	if limit == page {
		return Req{}
	}
	return a.req("GET", "dirs", d)
}

// filebrowser: opt user, password.
type filebrowser struct {
	c   *Conf
	tok string
}

func (a *filebrowser) Login() error {
	_, b, err := do(http.DefaultClient, Req{Method: "POST", URL: a.c.URL + "/api/login",
		Header: map[string]string{"Content-Type": "application/json"},
		Body:   fmt.Sprintf(`{"username":%q,"password":%q}`, a.c.Opt["user"], a.c.Opt["password"])})
	a.tok = strings.TrimSpace(string(b))
	return err
}
func (a *filebrowser) req(m, p string) Req {
	return Req{Method: m, URL: a.c.URL + "/api/" + p, Header: map[string]string{"X-Auth": a.tok}}
}
func (a *filebrowser) Upload(name string, n int64) Upload {
	return Upload{Req: a.req("POST", "resources/"+name+"?override=true"), Handle: fixed(name)}
}
func (a *filebrowser) Get(h string) Req      { return a.req("GET", "raw/"+h) }
func (a *filebrowser) Delete(h string) []Req { return []Req{a.req("DELETE", "resources/"+h)} }
func (a *filebrowser) Mkdir(d string) Mkdir  { return Mkdir{Req: a.req("POST", "resources/"+d+"/")} }
func (a *filebrowser) List(d string, limit int) Req {
	if limit == page {
		return Req{}
	}
	return a.req("GET", "resources/"+d+"/")
}

// tus 1.0: creation-with-upload in one request; GET is tusd's own extension.
type tus struct{ c *Conf }

func (a *tus) Login() error { return nil }
func (a *tus) Upload(name string, n int64) Upload {
	return Upload{
		Req: Req{Method: "POST", URL: a.c.URL + "/files", Header: map[string]string{
			"Tus-Resumable": "1.0.0", "Upload-Length": fmt.Sprint(n),
			"Content-Type": "application/offset+octet-stream"}},
		Handle: func(h http.Header, _ []byte) (string, error) {
			l := h.Get("Location")
			if l == "" {
				return "", fmt.Errorf("no Location")
			}
			return l, nil
		},
	}
}
func (a *tus) Get(h string) Req { return Req{Method: "GET", URL: h} }
func (a *tus) Delete(h string) []Req {
	return []Req{{Method: "DELETE", URL: h, Header: map[string]string{"Tus-Resumable": "1.0.0"}}}
}
func (a *tus) Mkdir(string) Mkdir   { return Mkdir{} }
func (a *tus) List(string, int) Req { return Req{} }

// picoshare: opt secret. Flat; the list is its HTML index.
type picoshare struct {
	c      *Conf
	cookie string
}

func (a *picoshare) Login() error {
	h, _, err := do(http.DefaultClient, Req{Method: "POST", URL: a.c.URL + "/api/auth",
		Header: map[string]string{"Content-Type": "application/json"},
		Body:   fmt.Sprintf(`{"sharedSecretKey":%q}`, a.c.Opt["secret"])})
	if err != nil {
		return err
	}
	a.cookie, _, _ = strings.Cut(h.Get("Set-Cookie"), ";")
	return nil
}
func (a *picoshare) h() map[string]string { return map[string]string{"Cookie": a.cookie} }
func (a *picoshare) Upload(name string, n int64) Upload {
	return Upload{
		Req:   Req{Method: "POST", URL: a.c.URL + "/api/entry?expiration=2040-01-01T00:00:00Z", Header: a.h()},
		Field: "file", FileName: path.Base(name),
		Handle: func(_ http.Header, b []byte) (string, error) { return jsonField(b, "id") },
	}
}
func (a *picoshare) Get(h string) Req { return Req{Method: "GET", URL: a.c.URL + "/-" + h} }
func (a *picoshare) Delete(h string) []Req {
	return []Req{{Method: "DELETE", URL: a.c.URL + "/api/entry/" + h, Header: a.h()}}
}
func (a *picoshare) Mkdir(string) Mkdir { return Mkdir{} }
func (a *picoshare) List(_ string, limit int) Req {
	if limit == page {
		return Req{}
	}
	return Req{Method: "GET", URL: a.c.URL + "/files", Header: a.h()}
}
