package coffertest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"coffer"
	"coffer/internal/accounts"
	"coffer/internal/wire"
)

// shelf is what the story of sharing is about: a folder of Ann's below one that
// nobody else knows, with something in it.
type shelf struct {
	top, in, file, gone, grant coffer.ID
}

// TestSharingStory: an owner, a manager, an editor, a viewer, a stranger, a
// guest, and people who are disabled, unconfirmed and signed out try every
// operation on something that was shared. Each has one expected answer, and no
// answer tells of what lies above.
func TestSharingStory(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(Options) *Server) {
		s := open(Options{})
		ann := s.Person("Ann")
		private := ann.Do("POST", "/nodes/"+ann.Root().String()+"/folders", wire.NewFolder{Name: "Private-canary"}).Want(201).Node()
		guest := s.Stranger("Gus")
		if _, err := s.Accounts().CreateUser(t.Context(), coffer.SystemPrincipal("test"), accounts.NewUser{Name: guest.Name, Email: guest.Email, Password: guest.Password, Role: coffer.RoleGuest}); err != nil {
			t.Fatal(err)
		}
		disabled := s.Person("Dora")
		actors := []struct {
			*Person
			role string // given; "" nothing
			like string // whose answers
		}{
			{ann, "", "owner"}, {s.Person("Mia"), "manage", "manage"}, {s.Person("Eddy"), "edit", "edit"}, {s.Person("Vera"), "view", "view"},
			{guest.SignIn(), "manage", "edit"}, {s.Person("Stan"), "", "stranger"}, {disabled, "edit", "nobody"}, {s.Pending("Ugo"), "", "nobody"}, {s.Stranger("Nat"), "", "nobody"},
		}
		crew := ann.shelf(private.ID, "crew")
		name := "renamed"
		type op struct {
			what   string
			do     func(p *Person, h shelf) *Response
			expect string // codes for view, edit, manage, owner; - is done
			reads  bool   // done or not, all stays as it was
		}
		node := func(id coffer.ID) string { return "/nodes/" + id.String() }
		ops := []op{
			{"stat", func(p *Person, h shelf) *Response { return p.Do("GET", node(h.top), nil) }, "- - - -", true},
			{"list", func(p *Person, h shelf) *Response { return p.Do("GET", node(h.top)+"/children", nil) }, "- - - -", true},
			{"resolve", func(p *Person, h shelf) *Response {
				return p.Do("GET", "/resolve?path=/in&under="+h.top.String(), nil)
			}, "- - - -", true},
			{"content", func(p *Person, h shelf) *Response { return p.Do("GET", node(h.file)+"/content", nil) }, "- - - -", true},
			{"range", func(p *Person, h shelf) *Response {
				return p.Do("GET", node(h.file)+"/content", nil, "Range", "bytes=2-3")
			}, "- - - -", true},
			{"ticket", func(p *Person, h shelf) *Response { return p.Do("POST", node(h.file)+"/ticket", wire.NewTicket{}) }, "- - - -", true},
			{"zip", func(p *Person, h shelf) *Response {
				return p.Do("POST", "/zip", wire.NewZip{IDs: []coffer.ID{h.top}})
			}, "- - - -", true},
			{"versions", func(p *Person, h shelf) *Response { return p.Do("GET", node(h.file)+"/versions", nil) }, "- - - -", true},
			{"grants", func(p *Person, h shelf) *Response { return p.Do("GET", node(h.in)+"/grants", nil) }, "- - - -", true},
			{"who can open", func(p *Person, h shelf) *Response { return p.Do("GET", node(h.file)+"/access", nil) }, "- - - -", true},
			{"pin", func(p *Person, h shelf) *Response { return p.Do("PUT", "/pins/"+h.top.String(), nil) }, "- - - -", false},
			{"search", func(p *Person, h shelf) *Response { return p.Do("GET", "/search?q=file&under="+h.top.String(), nil) }, "- - - -", true},
			{"mkdir", func(p *Person, h shelf) *Response {
				return p.Do("POST", node(h.in)+"/folders", wire.NewFolder{Name: "x"})
			}, "forbidden - - -", false},
			{"put", func(p *Person, h shelf) *Response { return p.Do("PUT", node(h.top)+"/files?name=new", []byte("new")) }, "forbidden - - -", false},
			{"tus", func(p *Person, h shelf) *Response {
				return p.tusPost(3, metadata("parent", h.in.String(), "name", "by tus"))
			}, "forbidden - - -", false},
			{"version", func(p *Person, h shelf) *Response { return p.Do("PUT", node(h.file)+"/content", []byte("new")) }, "forbidden - - -", false},
			{"rename", func(p *Person, h shelf) *Response {
				return p.Do("PATCH", node(h.file), wire.NodePatch{Name: &name})
			}, "forbidden - - -", false},
			{"move", func(p *Person, h shelf) *Response {
				return p.Do("PATCH", node(h.file), wire.NodePatch{ParentID: &h.in})
			}, "forbidden - - -", false},
			{"copy", func(p *Person, h shelf) *Response {
				return p.Do("POST", node(h.file)+"/copy", wire.Copy{ParentID: h.in})
			}, "forbidden - - -", false},
			{"trash", func(p *Person, h shelf) *Response { return p.Do("DELETE", node(h.in), nil) }, "forbidden - - -", false},
			{"restore", func(p *Person, h shelf) *Response {
				return p.Do("POST", "/trash/"+h.gone.String()+"/restore", wire.Restore{})
			}, "not_found - - -", false},
			{"delete for ever", func(p *Person, h shelf) *Response { return p.Do("DELETE", "/trash/"+h.gone.String(), nil) }, "not_found forbidden forbidden -", false},
			{"rename top", func(p *Person, h shelf) *Response {
				return p.Do("PATCH", node(h.top), wire.NodePatch{Name: &name})
			}, "forbidden not_your_folder not_your_folder -", false},
			{"trash top", func(p *Person, h shelf) *Response { return p.Do("DELETE", node(h.top), nil) }, "forbidden not_your_folder not_your_folder -", false},
			{"move out of sight", func(p *Person, h shelf) *Response {
				return p.Do("PATCH", node(h.file), wire.NodePatch{ParentID: &private.ID})
			}, "forbidden not_found not_found -", false},
			{"share", func(p *Person, h shelf) *Response {
				return p.Do("POST", node(h.in)+"/grants", wire.NewGrant{Email: "stan@example.com", Role: "view"})
			}, "forbidden forbidden - -", false},
			{"change a grant", func(p *Person, h shelf) *Response {
				return p.Do("PATCH", node(h.top)+"/grants/"+h.grant.String(), wire.GrantPatch{Role: "view"})
			}, "forbidden forbidden - -", false},
			{"take a grant", func(p *Person, h shelf) *Response {
				return p.Do("DELETE", node(h.top)+"/grants/"+h.grant.String(), nil)
			}, "forbidden forbidden - -", false},
			{"stat above", func(p *Person, h shelf) *Response { return p.Do("GET", node(private.ID), nil) }, "not_found not_found not_found -", true},
			{"list above", func(p *Person, h shelf) *Response { return p.Do("GET", node(private.ID)+"/children", nil) }, "not_found not_found not_found -", true},
			{"another's shelf", func(p *Person, h shelf) *Response { return p.Do("GET", node(crew.file), nil) }, "not_found not_found not_found -", true},
		}
		for _, a := range actors {
			var h shelf
			var before string
			spent := true
			for _, o := range ops {
				// What only reads, and what was refused, leaves the shelf for the next.
				if spent {
					h = ann.shelf(private.ID, a.Name+", "+o.what)
					ann.Do("POST", node(h.top)+"/grants", wire.NewGrant{Email: s.Owner.Email, Role: "edit"}).Want(201).JSON(&struct{ ID *coffer.ID }{&h.grant})
					if a.role != "" && a.Person != disabled {
						ann.Do("POST", node(h.top)+"/grants", wire.NewGrant{Email: a.Email, Role: a.role}).Want(201)
					}
				}
				if a.Person == disabled && o.what == ops[0].what {
					ann.Do("POST", node(private.ID)+"/grants", wire.NewGrant{Email: a.Email, Role: "edit"}).Want(201)
					a.Do("GET", node(h.top), nil).Want(200)
					if err := s.Accounts().SetDisabled(t.Context(), coffer.SystemPrincipal("test"), a.Email, true); err != nil {
						t.Fatal(err)
					}
				}
				if spent {
					before = ann.seen(h)
				}
				want := "unauthenticated"
				if i := slices.Index([]string{"view", "edit", "manage", "owner"}, a.like); i >= 0 {
					want = strings.Fields(o.expect)[i]
				} else if a.like == "stranger" {
					want = "not_found"
				}
				spent = want == "-" && !o.reads
				if spent || o.what == ops[len(ops)-1].what { // so far nothing was to change it
					if after := ann.seen(h); after != before {
						t.Errorf("%s (%s): before %s something has changed\n%s\nto\n%s", a.Name, a.like, o.what, before, after)
					}
				}
				res := o.do(a.Person, h)
				got := "-"
				if res.Status >= 400 {
					var p wire.Problem
					res.JSON(&p)
					got = p.Code
				}
				if got != want {
					t.Errorf("%s (%s): %s: %d %s, want %s\n%s", a.Name, a.like, o.what, res.Status, got, want, res.Body)
				}
				for _, secret := range []string{"canary", private.ID.String(), ann.Root().String()} {
					if a.Person != ann && strings.Contains(string(res.Body)+fmt.Sprint(res.Header), secret) {
						t.Errorf("%s: %s: the answer holds %q: %s", a.Name, o.what, secret, res.Body)
					}
				}
			}
		}
	})
}

// seen is what a shelf looks like.
func (p *Person) seen(h shelf) string {
	p.S.T.Helper()
	top := "/nodes/" + h.top.String()
	return string(p.Do("GET", top+"/children", nil).Body) + string(p.Do("GET", top+"/grants", nil).Body)
}

// shelf makes a folder with something in it.
func (p *Person) shelf(in coffer.ID, name string) (h shelf) {
	p.S.T.Helper()
	h.top = p.Do("POST", "/nodes/"+in.String()+"/folders", wire.NewFolder{Name: name}).Want(201).Node().ID
	top := "/nodes/" + h.top.String()
	h.in = p.Do("POST", top+"/folders", wire.NewFolder{Name: "in"}).Want(201).Node().ID
	h.file = p.Do("PUT", top+"/files?name=file", []byte("content")).Want(201).Node().ID
	h.gone = p.Do("PUT", top+"/files?name=gone", nil).Want(201).Node().ID
	p.Do("DELETE", "/nodes/"+h.gone.String(), nil).Want(http.StatusNoContent)
	return h
}

// TestGroupsStory: what a group was given opens and closes with membership, at
// once, and groups are made by who may.
func TestGroupsStory(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(Options) *Server) {
		s := open(Options{})
		ann, ben, cid := s.Person("Ann"), s.Person("Ben"), s.Person("Cid")
		h := ann.shelf(ann.Root(), "shelf")
		file := "/nodes/" + h.file.String()
		ann.Do("POST", "/groups", wire.GroupName{Name: "Crew"}).Problem(403, "forbidden")
		mayMake := func(p *Person, list string) bool {
			var l wire.Makeable[struct{}]
			p.Do("GET", list, nil).Want(200).JSON(&l)
			return l.MayMake
		}
		if mayMake(ann, "/groups") || mayMake(ann, "/spaces") || !mayMake(s.Owner, "/groups") || !mayMake(s.Owner, "/spaces") || mayMake(s.Owner.Program(coffer.ScopeShare), "/groups") {
			t.Error("the lists are wrong about who may make groups and spaces")
		}
		yes := true
		s.Owner.Do("PATCH", "/settings", wire.Settings{MembersMakeGroups: &yes, MembersMakeSpaces: &yes}).Want(200)
		if !mayMake(ann, "/groups") || !mayMake(ann, "/spaces") || mayMake(ann.Program(coffer.ScopeFilesRead), "/spaces") {
			t.Error("the lists do not tell Ann that she may make groups and spaces")
		}
		var g wire.Group
		ann.Do("POST", "/groups", wire.GroupName{Name: " Crew "}).Want(201).JSON(&g)
		group := "/groups/" + g.ID.String()
		if g.Name != "Crew" || !g.MayChange || g.Members != 0 {
			t.Errorf("made %+v", g)
		}
		ben.Do("POST", "/groups", wire.GroupName{Name: "CREW"}).Problem(422, "group_taken")
		ben.Do("POST", "/groups", wire.GroupName{Name: " "}).Problem(422, "name_missing")
		for what, res := range map[string]*Response{
			"rename": ben.Do("PATCH", group, wire.GroupName{Name: "Mine"}), "delete": ben.Do("DELETE", group, nil),
			"add": ben.Do("PUT", group+"/members/"+ben.Email, nil), "remove": ben.Do("DELETE", group+"/members/"+ben.Email, nil), "members": ben.Do("GET", group+"/members", nil),
		} {
			if p := res.Problem(403, "forbidden"); p.Code == "" {
				t.Error(what)
			}
		}
		ann.Do("PUT", group+"/members/eve@example.com", nil).Problem(422, "person_unknown")
		ann.Do("PUT", group+"/members/"+strings.ToUpper(ben.Email), nil).Want(204)
		ann.Do("PUT", group+"/members/"+ben.Me.ID.String(), nil).Want(204)
		s.Owner.Do("PUT", group+"/members/"+cid.Me.ID.String(), nil).Want(204)
		var grant wire.Grant
		ann.Do("POST", "/nodes/"+h.top.String()+"/grants", wire.NewGrant{GroupID: g.ID, Role: "edit"}).Want(201).JSON(&grant)
		if grant.Kind != "group" || grant.Members == nil || *grant.Members != 2 || grant.Name != "Crew" {
			t.Errorf("given %+v", grant)
		}
		ben.Do("PUT", file+"/content", []byte("by Ben")).Want(200)
		var shared wire.List[wire.SharedItem]
		cid.Do("GET", "/shared", nil).Want(200).JSON(&shared)
		if len(shared.Items) != 1 || shared.Items[0].Node.ID != h.top || shared.Items[0].By.Name != "Ann" || shared.Items[0].Node.Access != "edit" {
			t.Errorf("shared with Cid: %+v", shared)
		}
		var members wire.List[wire.Member]
		ben.Do("GET", group+"/members", nil).Want(200).JSON(&members)
		if len(members.Items) != 2 || members.Items[0].Name != "Ben" || members.Items[1].Email != "cid@example.com" {
			t.Errorf("members %+v", members)
		}
		ann.Do("DELETE", group+"/members/"+ben.Email, nil).Want(204)
		ben.Do("GET", file, nil).Problem(404, "not_found")
		ann.Do("DELETE", group+"/members/"+ben.Email, nil).Problem(404, "not_found")
		var groups wire.List[wire.Group]
		cid.Do("GET", "/groups", nil).Want(200).JSON(&groups)
		if len(groups.Items) != 1 || !groups.Items[0].Member || groups.Items[0].MayChange || groups.Items[0].Members != 1 {
			t.Errorf("groups for Cid: %+v", groups)
		}
		no := false
		s.Owner.Do("PATCH", "/settings", wire.Settings{MembersMakeGroups: &no}).Want(200)
		ann.Do("DELETE", group, nil).Problem(403, "forbidden")
		ann.Program(coffer.ScopeFilesRead).Do("GET", "/groups", nil).Problem(403, "scope_missing")
		s.Owner.Program(coffer.ScopeShare).Do("DELETE", group, nil).Problem(403, "forbidden")
		s.Owner.Do("PATCH", group, wire.GroupName{Name: "Partners"}).Want(200)
		s.Owner.Do("DELETE", group, nil).Want(204)
		cid.Do("GET", file, nil).Problem(404, "not_found")
		var grants wire.Sharing
		ann.Do("GET", "/nodes/"+h.top.String()+"/grants", nil).Want(200).JSON(&grants)
		if len(grants.Items) != 0 || grants.Owner.Name != "Ann" {
			t.Errorf("grants after the group: %+v", grants)
		}
	})
}

// TestTeamStory: a team space is in the list of its members, and goes on when
// who made it is handed over or gone.
func TestTeamStory(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(Options) *Server) {
		s := open(Options{})
		ann, ben := s.Person("Ann"), s.Person("Ben")
		var team wire.Space
		s.Owner.Do("POST", "/spaces", wire.SpaceName{Name: "Closing"}).Want(201).JSON(&team)
		root := "/nodes/" + team.RootID.String()
		s.Owner.Do("POST", root+"/grants", wire.NewGrant{Email: ann.Email, Role: "owner"}).Want(201)
		s.Owner.Do("DELETE", "/shared/"+team.RootID.String(), nil).Want(204)
		ann.Do("PUT", root+"/files?name=f", []byte("of the team")).Want(201)
		s.Owner.Do("GET", root+"/children", nil).Problem(404, "not_found")
		var spaces wire.List[wire.Space]
		ann.Do("GET", "/spaces?count=1", nil).Want(200).JSON(&spaces)
		if len(spaces.Items) != 2 || spaces.Items[1].Name != "Closing" || spaces.Items[1].Kind != "team" || spaces.Items[1].Access != "owner" || *spaces.Items[1].Items != 1 || spaces.Items[1].Used != 11 {
			t.Errorf("Ann's spaces: %+v", spaces.Items)
		}
		ann.Do("POST", "/me/delete", wire.Deletion{Password: ann.Password}).Problem(409, "last_owner")
		quota := int64(11)
		path := "/teams/" + team.ID.String()
		s.Owner.Do("PATCH", path, wire.TeamPatch{Quota: &quota, Owner: ben.Email}).Want(204)
		ann.Do("PUT", root+"/files?name=g", []byte("x")).Problem(507, "over_quota")
		var teams wire.List[wire.Team]
		s.Owner.Do("GET", "/teams", nil).Want(200).JSON(&teams)
		if len(teams.Items) != 1 || len(teams.Items[0].Owners) != 2 || *teams.Items[0].Quota != 11 {
			t.Errorf("teams: %+v", teams.Items)
		}
		own := ann.Do("PUT", "/nodes/"+ann.Root().String()+"/files?name=own", []byte("Ann's own")).Want(201).Node()
		person := "/people/" + ann.Me.ID.String()
		s.Owner.Do("DELETE", person, nil).Problem(409, "has_files")
		ben.Do("DELETE", person, nil).Problem(403, "forbidden")
		s.Owner.Do("DELETE", "/people/"+s.Owner.Me.ID.String(), nil).Problem(409, "self")
		s.Owner.Do("POST", "/people/"+ann.Me.ID.String()+"/hand-over", wire.HandOver{Email: ben.Email, Name: "Files of Ann"}).Want(201)
		s.Owner.Do("DELETE", person, nil).Want(204)
		ann.Do("GET", "/session", nil).Problem(401, "unauthenticated")
		s.Owner.Do("DELETE", person, nil).Problem(404, "not_found")
		cid := s.Person("Cid")
		cid.Do("PUT", "/nodes/"+cid.Root().String()+"/files?name=own", []byte("Cid's own")).Want(201)
		s.Owner.Do("DELETE", "/people/"+cid.Me.ID.String()+"?files=erase", nil).Want(204)
		if got := ben.Do("GET", "/nodes/"+own.ID.String()+"/content", nil).Want(200).Body; string(got) != "Ann's own" {
			t.Errorf("handed over: %q", got)
		}
		ben.Do("GET", root, nil).Want(200)
		ben.Do("PATCH", "/spaces/"+team.ID.String(), wire.SpaceName{Name: "Closed"}).Want(200)
		ben.Do("DELETE", "/spaces/"+team.ID.String()+"?name=Closing", nil).Problem(422, "name_wrong")
		ben.Do("DELETE", "/spaces/"+team.ID.String()+"?name=Closed", nil).Want(200)
		ben.Do("GET", root, nil).Problem(404, "not_found")
	})
}

// TestTusRightLost: an upload that arrives in several requests ends where its
// sender has lost the right, and leaves nothing behind in the folder.
func TestTusRightLost(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(Options) *Server) {
		s := open(Options{})
		ann, ben := s.Person("Ann"), s.Person("Ben")
		h := ann.shelf(ann.Root(), "shelf")
		var g wire.Grant
		grants := "/nodes/" + h.in.String() + "/grants"
		ann.Do("POST", grants, wire.NewGrant{Email: ben.Email, Role: "edit"}).Want(201).JSON(&g)
		up := ben.tus(10, metadata("parent", h.in.String(), "name", "half"))
		up.patch(0, []byte("12345")).Want(204)
		ann.Do("PATCH", grants+"/"+g.ID.String(), wire.GrantPatch{Role: "view"}).Want(200)
		if res := up.patch(5, []byte("67890")); res.Status != 403 && res.Status != 404 {
			t.Errorf("the rest, with view only: %d %s", res.Status, res.Body)
		}
		ann.Do("DELETE", grants+"/"+g.ID.String(), nil).Want(204)
		if res := up.patch(5, []byte("67890")); res.Status != 404 {
			t.Errorf("the rest, without anything: %d %s", res.Status, res.Body)
		}
		var list wire.List[wire.Node]
		ann.Do("GET", "/nodes/"+h.in.String()+"/children", nil).Want(200).JSON(&list)
		if len(list.Items) != 0 {
			t.Errorf("it is there: %+v", list.Items)
		}
	})
}
