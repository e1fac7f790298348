package coffertest

import (
	"fmt"
	"path"
	"strings"
	"testing"

	"coffer"
	"coffer/internal/wire"
)

// TestDoors: the same people try the same deeds through REST, through resumable
// uploads and on the pages of links, and each time the same becomes of them.
// (cmd/coffer tells it at the command line; the web page speaks only REST.)
func TestDoors(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(Options) *Server) {
		rest := NewCast(open(Options{}))
		rest.Begin()
		for _, p := range rest.Players {
			if p.Person == nil {
				byPages(rest, p)
				continue
			}
			rest.Try("REST", p, func(p *Player, deed string) (string, string) { return became(byREST(rest, p, deed)) })
		}
		tus := NewCast(open(Options{}))
		tus.Begin()
		for _, p := range tus.Players {
			if p.Person != nil {
				tus.Try("tus", p, func(p *Player, deed string) (string, string) { return byTus(p, deed) })
			}
		}
	})
}

// became is what an answer of the API comes to.
func became(res *Response) (got, told string) {
	told = string(res.Body) + fmt.Sprint(res.Header)
	if res.Status < 400 {
		return "-", told
	}
	var p wire.Problem
	res.JSON(&p)
	return p.Code, told
}

func byREST(c *Cast, p *Player, deed string) *Response {
	node := func(n wire.Node) string { return "/nodes/" + n.ID.String() }
	name := "new.txt"
	switch deed {
	case "list":
		return p.Do("GET", node(p.Top)+"/children", nil)
	case "read":
		return p.Do("GET", node(p.Files["file.txt"])+"/content", nil)
	case "add":
		return p.Do("PUT", node(p.Top)+"/files?name=added.txt", []byte("by the "+p.Role))
	case "replace":
		return p.Do("PUT", node(p.Files["replace.txt"])+"/content", []byte("by the "+p.Role))
	case "rename":
		return p.Do("PATCH", node(p.Files["old.txt"]), wire.NodePatch{Name: &name})
	case "trash":
		return p.Do("DELETE", node(p.Files["bin.txt"]), nil)
	case "share":
		return p.Do("POST", node(p.Files["file.txt"])+"/grants", wire.NewGrant{Email: c.S.Owner.Email, Role: "view"})
	case "link":
		return p.Do("POST", node(p.Files["file.txt"])+"/links", wire.NewLink{})
	}
	return p.Do("GET", node(c.Above)+"/children", nil)
}

// byTus adds and replaces in two requests each.
func byTus(p *Player, deed string) (string, string) {
	text := []byte("by the " + p.Role)
	var meta string
	switch deed {
	case "add":
		meta = metadata("parent", p.Top.ID.String(), "name", "added.txt")
	case "replace":
		meta = metadata("node", p.Files["replace.txt"].ID.String())
	default:
		return "", ""
	}
	begun := p.tusPost(int64(len(text)), meta)
	if begun.Status >= 400 {
		return became(begun)
	}
	up := tusUpload{p.Person, path.Base(begun.Header.Get("Location"))}
	up.patch(0, text[:4]).Want(204)
	return became(up.patch(4, text[4:]))
}

// byPages is what somebody does who has the address of a link: what its page
// offers, and everything that it does not.
func byPages(c *Cast, p *Player) {
	at := "/l/" + path.Base(p.Link.URL)
	v := c.S.Visitor()
	file := p.Files["file.txt"].ID.String()
	c.Try("pages", p, func(p *Player, deed string) (string, string) {
		var res *Response
		switch deed {
		case "list":
			res = v.Get(at)
			if p.Role != "visitor of an old one" {
				res.holds("file.txt", "bin.txt", "of the "+p.Role)
			}
		case "read":
			res = v.Post(at+"/get", "node", file)
			if res.Status == 303 {
				if res = v.Get(res.Header.Get("Location")); string(res.Body) != "content of file.txt" {
					c.S.T.Errorf("the %s got %q", p.Role, res.Body)
				}
			} else if p.Role == "visitor who looks" && res.Status == 404 {
				return "forbidden", string(res.Body) // the page of a link has one answer to all that opens nothing
			}
		case "add":
			res = v.PostFiles(at+"/add/"+p.Top.ID.String(), "added.txt", "by the "+p.Role)
		case "above":
			res = v.Get(at + "/in/" + c.Above.ID.String())
		default: // no page does it, and neither does the API, whatever the visitor sends it
			res = v.Post(at+"/"+deed, "node", file)
			for _, try := range []*Response{byVisitor(c, v, "PATCH", "/nodes/"+file), byVisitor(c, v, "DELETE", "/nodes/"+file), byVisitor(c, v, "PUT", "/nodes/"+file+"/content"),
				byVisitor(c, v, "POST", "/uploads"), byVisitor(c, v, "GET", "/nodes/"+file+"/links")} {
				if try.Status != 401 {
					c.S.T.Errorf("%s gets %d from the API", p.Role, try.Status)
				}
			}
		}
		if res.Status < 400 {
			return "-", string(res.Body)
		}
		if res.Status != 404 {
			return fmt.Sprint(res.Status), string(res.Body)
		}
		return "not_found", string(res.Body)
	})
	if id, err := coffer.ParseID(path.Base(p.Link.URL)); err == nil && strings.Contains(c.S.Log.String(), id.String()) {
		c.S.T.Error("the address of a link is in the log")
	}
}

func byVisitor(c *Cast, v *Visitor, method, to string) *Response {
	c.S.T.Helper()
	return v.Do(method, "/api/v1"+to, strings.NewReader("{}"), "Content-Type", "application/json", "Sec-Fetch-Site", "same-origin")
}
