package main

// The adapter of cofferd: the REST API with a bearer token. opt email, password.

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"
)

type ours struct {
	c     *Conf
	token string
	root  string
	dirs  map[string]string // name of a folder in the root -> id
}

func (a *ours) req(method, path, body string) Req {
	r := Req{Method: method, URL: a.c.URL + "/api/v1" + path, Header: map[string]string{}, Body: body}
	if a.token != "" {
		r.Header["Authorization"] = "Bearer " + a.token
	}
	if body != "" {
		r.Header["Content-Type"] = "application/json"
	}
	return r
}

// Login happens once: signing in again costs an Argon2id hash on purpose.
func (a *ours) Login() error {
	if a.token != "" {
		return nil
	}
	in, err := json.Marshal(map[string]string{"email": a.c.Opt["email"], "password": a.c.Opt["password"], "name": "bench"})
	if err != nil {
		return err
	}
	_, b, err := do(http.DefaultClient, a.req("POST", "/tokens", string(in)))
	if err != nil {
		return err
	}
	if a.token, err = jsonField(b, "token"); err != nil {
		return err
	}
	_, b, err = do(http.DefaultClient, a.req("GET", "/spaces", ""))
	if err != nil {
		return err
	}
	var spaces struct {
		Items []struct {
			RootID string `json:"root_id"`
		} `json:"items"`
	}
	if err := json.Unmarshal(b, &spaces); err != nil || len(spaces.Items) == 0 || spaces.Items[0].RootID == "" {
		return fmt.Errorf("no space in %.200s (%v)", b, err)
	}
	a.root = spaces.Items[0].RootID
	return nil
}

func (a *ours) folder(dir string) string {
	if id := a.dirs[dir]; id != "" {
		return id
	}
	return a.root
}

func (a *ours) Upload(name string, _ int64) Upload {
	dir, base := path.Split(name)
	r := a.req("PUT", "/nodes/"+a.folder(strings.TrimSuffix(dir, "/"))+"/files?if_exists=version&name="+url.QueryEscape(base), "")
	r.Header["Content-Type"] = "application/octet-stream"
	return Upload{Req: r, Handle: func(_ http.Header, b []byte) (string, error) { return jsonField(b, "id") }}
}

func (a *ours) Get(h string) Req { return a.req("GET", "/nodes/"+h+"/content", "") }

// Delete moves to the trash, then out of it.
func (a *ours) Delete(h string) []Req {
	return []Req{a.req("DELETE", "/nodes/"+h, ""), a.req("DELETE", "/trash/"+h, "")}
}

func (a *ours) Mkdir(dir string) Mkdir {
	return Mkdir{
		Req: a.req("POST", "/nodes/"+a.root+"/folders?if_exists=merge", fmt.Sprintf(`{"name":%q}`, dir)),
		Made: func(b []byte) error {
			id, err := jsonField(b, "id")
			a.dirs[dir] = id
			return err
		},
	}
}

func (a *ours) List(dir string, limit int) Req {
	return a.req("GET", fmt.Sprintf("/nodes/%s/children?limit=%d", a.folder(dir), limit), "")
}
