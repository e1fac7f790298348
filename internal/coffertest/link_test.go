package coffertest

import (
	"path"
	"strings"
	"testing"
	"time"

	"coffer"
	"coffer/internal/wire"
)

// linkTo makes a link and returns it.
// TestLinksByREST: who may make, see and change a link, and what they are told.
func TestLinksByREST(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(Options) *Server) {
		s := open(Options{})
		ann, mia, viv := s.Person("Ann"), s.Person("Mia"), s.Person("Viv")
		folder := ann.folder("Closing")
		file := ann.file(folder, "a.txt", "content")
		ann.Do("POST", "/nodes/"+folder.ID.String()+"/grants", wire.NewGrant{Email: mia.Email, Role: "manage"}).Want(201)
		ann.Do("POST", "/nodes/"+folder.ID.String()+"/grants", wire.NewGrant{Email: viv.Email, Role: "view"}).Want(201)

		l := ann.linkTo(folder, wire.NewLink{Name: "For Maria", Message: "Dear Maria", DownloadsMax: wire.Some(int64(5))})
		end := s.Clock.Now().Add(14 * 24 * time.Hour).UnixMilli()
		if len(l.Password) != 14 || !l.HasPassword || l.May != "download" || l.EndsAt == nil || *l.EndsAt > end || *l.EndsAt < end-60_000 || l.State != "live" ||
			!strings.HasPrefix(l.URL, s.URL+"/l/") || len(path.Base(l.URL)) != 26 || *l.Downloads.Max != 5 || strings.Join(l.Warnings, " ") != "whole_folder" {
			t.Fatalf("a link with the usual values is %+v", l)
		}
		open2 := ann.linkTo(file, wire.NewLink{EndsAt: wire.None[int64](), Password: wire.None[string](), May: "view"})
		if open2.Password != "" || open2.HasPassword || open2.EndsAt != nil || strings.Join(open2.Warnings, " ") != "no_password no_end" {
			t.Errorf("a link without password and end is %+v", open2)
		}
		// What cannot be.
		ann.Do("POST", "/nodes/"+file.ID.String()+"/links", wire.NewLink{May: "upload"}).Problem(422, "may_wrong")
		ann.Do("POST", "/nodes/"+file.ID.String()+"/links", wire.NewLink{Password: wire.Some("short")}).Problem(422, "password_short")
		ann.Do("POST", "/nodes/"+file.ID.String()+"/links", wire.NewLink{EndsAt: wire.Some(int64(5))}).Problem(422, "until_past")
		ann.Do("POST", "/nodes/"+file.ID.String()+"/links", wire.NewLink{Name: strings.Repeat("x", 201)}).Problem(422, "name_invalid")
		viv.Do("POST", "/nodes/"+file.ID.String()+"/links", wire.NewLink{}).Problem(403, "forbidden")

		list := func(p *Person, path string) (out []wire.Link) {
			t.Helper()
			var l wire.List[wire.Link]
			res := p.Do("GET", path, nil).Want(200)
			res.JSON(&l)
			return l.Items
		}
		// Of a file: its own first, then that of the folder above. A viewer is not told the addresses.
		for _, who := range []*Person{ann, mia, viv} {
			all := list(who, "/nodes/"+file.ID.String()+"/links")
			if len(all) != 2 || all[0].ID != open2.ID || all[1].ID != l.ID || all[1].Node.Name != "Closing" {
				t.Fatalf("%s sees %+v", who.Name, all)
			}
			if told := all[1].URL != "" && all[1].Name != ""; told != (who != viv) {
				t.Errorf("%s is told address %q and name %q", who.Name, all[1].URL, all[1].Name)
			}
			if all[1].Password != "" {
				t.Errorf("%s is told a password", who.Name)
			}
		}
		if all := list(ann, "/links?state=live"); len(all) != 2 || all[0].URL != open2.URL {
			t.Errorf("Ann's links are %+v", all)
		}
		if all := list(mia, "/links"); len(all) != 0 {
			t.Errorf("Mia made none and sees %+v", all)
		}
		viv.Do("GET", "/links?all=true", nil).Problem(403, "forbidden")
		all := list(s.Owner, "/links?all=true")
		if len(all) != 2 || all[0].URL != "" || all[0].Message != "" || all[1].Name != "" || all[1].Node.Name != "" || !all[1].Node.ID.IsZero() {
			t.Errorf("an administrator sees %+v", all)
		}
		var part wire.Part[wire.Link]
		ann.Do("GET", "/links?limit=1", nil).Want(200).JSON(&part)
		if len(part.Items) != 1 || part.Next == "" {
			t.Fatalf("the first page is %+v", part)
		}
		if next := list(ann, "/links?limit=1&cursor="+part.Next); len(next) != 1 || next[0].ID != l.ID {
			t.Errorf("the second page is %+v", next)
		}

		// Changes, by who manages it; off by an administrator, too.
		yes, no, name := true, false, "For Maria and Tom"
		viv.Do("PATCH", "/links/"+l.ID.String(), wire.LinkPatch{Name: &name}).Problem(403, "forbidden")
		mia.Do("PATCH", "/links/"+l.ID.String(), wire.LinkPatch{Name: &name, DownloadsMax: wire.None[int64](), EndsAt: wire.None[int64](), Password: wire.None[string]()}).Want(200).JSON(&l)
		if l.Name != name || l.Downloads.Max != nil || l.EndsAt != nil || l.HasPassword {
			t.Errorf("the changed link is %+v", l)
		}
		s.Owner.Do("PATCH", "/links/"+l.ID.String(), wire.LinkPatch{Name: &name}).Problem(404, "not_found")
		var seen wire.Link
		s.Owner.Do("PATCH", "/links/"+l.ID.String(), wire.LinkPatch{Off: &yes}).Want(200).JSON(&seen)
		if seen.State != "off" || seen.URL != "" || seen.Name != "" {
			t.Errorf("turned off by an administrator it is %+v", seen)
		}
		ann.Do("PATCH", "/links/"+l.ID.String(), wire.LinkPatch{Off: &no}).Problem(403, "off_by_admin")
		s.Owner.Do("PATCH", "/links/"+l.ID.String(), wire.LinkPatch{Off: &no}).Want(200).JSON(&seen)
		if seen.State != "live" || seen.URL != "" {
			t.Errorf("turned on again by an administrator it is %+v", seen)
		}
		ann.Do("PATCH", "/links/"+l.ID.String(), wire.LinkPatch{Off: &yes}).Want(200)
		s.Owner.Do("PATCH", "/links/"+l.ID.String(), wire.LinkPatch{Off: &no}).Problem(403, "forbidden")

		var results wire.LinkResults
		ann.Do("POST", "/links/batch", wire.LinkBatch{IDs: []coffer.ID{open2.ID, l.ID, file.ID}, Off: &yes}).Want(200).JSON(&results)
		if r := results.Results; len(r) != 3 || r[0].Link == nil || r[0].Link.State != "off" || r[1].Link == nil || r[2].Problem == nil || r[2].Problem.Code != "not_found" {
			t.Errorf("a batch gives %+v", results)
		}
		if all := list(ann, "/links?state=over"); len(all) != 2 {
			t.Errorf("over are %+v", all)
		}
		ann.Do("PATCH", "/links/"+open2.ID.String(), wire.LinkPatch{Off: &no}).Want(200).JSON(&open2)
		if open2.State != "live" {
			t.Errorf("turned on again it is %+v", open2)
		}
		ann.Do("DELETE", "/links/"+open2.ID.String(), nil).Want(204)
		ann.Do("GET", "/links/"+open2.ID.String(), nil).Problem(404, "not_found")
		for _, secret := range []string{path.Base(l.URL), path.Base(open2.URL)} {
			if strings.Contains(s.Log.String(), secret) {
				t.Errorf("the log holds an address")
			}
		}
	})
}

// TestWhoCanOpenByLink: the answer and the lists count exactly the links that
// open something for a visitor at that moment.
func TestWhoCanOpenByLink(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(Options) *Server) {
		s := open(Options{})
		ann, mia := s.Person("Ann"), s.Person("Mia")
		top := ann.folder("Top")
		inner := ann.Do("POST", "/nodes/"+top.ID.String()+"/folders", wire.NewFolder{Name: "Inner"}).Want(201).Node()
		file := ann.file(inner, "a.txt", "content")
		var onTop, onFile wire.Grant
		ann.Do("POST", "/nodes/"+top.ID.String()+"/grants", wire.NewGrant{Email: mia.Email, Role: "manage"}).Want(201).JSON(&onTop)
		ann.Do("POST", "/nodes/"+file.ID.String()+"/grants", wire.NewGrant{Email: mia.Email, Role: "manage"}).Want(201).JSON(&onFile)
		bare := wire.NewLink{Password: wire.None[string]()}
		links := []wire.Link{ann.linkTo(top, bare), mia.linkTo(inner, bare), mia.linkTo(file, bare), ann.linkTo(file, wire.NewLink{DownloadsMax: wire.Some(int64(1)), Password: wire.None[string]()})}
		check := func(when string) {
			t.Helper()
			for _, n := range []wire.Node{top, inner, file} {
				want := int64(0)
				for _, l := range links {
					v := s.Visitor()
					at := "/l/" + path.Base(l.URL)
					if res := v.Get(at + "/in/" + n.ID.String()); res.Status == 200 {
						want++
					}
				}
				var answer wire.Answer
				ann.Do("GET", "/nodes/"+n.ID.String()+"/access", nil).Want(200).JSON(&answer)
				if answer.Links != want || answer.LinksWithoutPassword != want {
					t.Errorf("%s: %s is opened by %d links, the answer counts %d (%v)", when, n.Name, want, answer.Links, answer.Sentences)
				}
				reach := func(r *wire.Reach, from string) {
					t.Helper()
					kind := r.Kind == "link"
					if r.Links != want || kind != (want > 0) {
						t.Errorf("%s: %s is opened by %d links, %s says %+v", when, n.Name, want, from, r)
					}
				}
				reach(ann.Do("GET", "/nodes/"+n.ID.String(), nil).Want(200).Node().Reach, "the node")
				parent := ann.Root()
				switch n.ID {
				case inner.ID:
					parent = top.ID
				case file.ID:
					parent = inner.ID
				}
				var list wire.List[wire.Node]
				ann.Do("GET", "/nodes/"+parent.String()+"/children", nil).Want(200).JSON(&list)
				for _, child := range list.Items {
					if child.ID == n.ID {
						reach(child.Reach, "the list")
					}
				}
			}
		}
		check("at first")
		var answer wire.Answer
		ann.Do("GET", "/nodes/"+file.ID.String()+"/access", nil).Want(200).JSON(&answer)
		if want := "2 people can open this file, and so can anyone with one of the 4 links."; answer.Sentences[0] != want {
			t.Errorf("the answer is %q, want %q", answer.Sentences[0], want)
		}
		ann.Do("DELETE", "/nodes/"+top.ID.String()+"/grants/"+onTop.ID.String(), nil).Want(204)
		check("Mia has the file only")
		yes, password := true, "a long password"
		ann.Do("PATCH", "/links/"+links[0].ID.String(), wire.LinkPatch{Off: &yes}).Want(200)
		check("Ann's is off")
		v := s.Visitor()
		v.Post("/l/"+path.Base(links[3].URL)+"/get", "node", file.ID.String()).Want(303)
		check("one is used up")
		ann.Do("DELETE", "/nodes/"+file.ID.String()+"/grants/"+onFile.ID.String(), nil).Want(204)
		check("Mia has nothing")
		ann.linkTo(file, wire.NewLink{Password: wire.Some(password)})
		ann.Do("GET", "/nodes/"+file.ID.String()+"/access", nil).Want(200).JSON(&answer)
		if want := "Only you can open this file, and so can anyone with the link and its password."; answer.Sentences[0] != want {
			t.Errorf("the answer is %q, want %q", answer.Sentences[0], want)
		}
	})
}
