package coffertest

import (
	"path"

	"coffer"
	"coffer/internal/wire"
)

// sharing is what Ann shares, and with whom.
type sharing struct {
	group wire.Group // that the owner made, with Ann in it
	grant wire.Grant // of her folder, to the group
	team  wire.Space // that she made
	link  wire.Link  // to her folder

	request   wire.FileRequest // into her folder
	notice    coffer.ID        // that she has
	named     wire.Link        // another link, for one person
	recipient coffer.ID        // who that is
	asked     wire.FileRequest // with a password
}

func (v *victim) share() {
	owner := v.S.Owner
	owner.Do("POST", "/groups", wire.GroupName{Name: "Crew"}).Want(201).JSON(&v.group)
	owner.Do("PUT", "/groups/"+v.group.ID.String()+"/members/"+v.Email, nil).Want(204)
	v.Do("POST", "/nodes/"+v.folder.ID.String()+"/grants", wire.NewGrant{GroupID: v.group.ID, Role: "edit"}).Want(201).JSON(&v.grant)
	yes, no := true, false
	owner.Do("PATCH", "/settings", wire.Settings{MembersMakeSpaces: &yes}).Want(200)
	v.Do("POST", "/spaces", wire.SpaceName{Name: "canary team"}).Want(201).JSON(&v.team)
	owner.Do("PATCH", "/settings", wire.Settings{MembersMakeSpaces: &no}).Want(200)
	v.beTold()
	v.Do("POST", "/nodes/"+v.folder.ID.String()+"/links", wire.NewLink{Name: "canary visitor", Message: "canary message"}).Want(201).JSON(&v.link)
	v.Do("POST", "/nodes/"+v.folder.ID.String()+"/requests", wire.NewFileRequest{Title: "Papers", Note: "canary note"}).Want(201).JSON(&v.request)
	v.Do("POST", "/nodes/"+v.folder.ID.String()+"/requests", wire.NewFileRequest{Title: "Papers too", Password: wire.Some("a canary password")}).Want(201).JSON(&v.asked)
	v.secrets = append(v.secrets, v.request.ID.String(), path.Base(v.request.URL), v.asked.ID.String(), path.Base(v.asked.URL), v.team.ID.String(), v.team.RootID.String(), v.link.ID.String(), v.link.Password, path.Base(v.link.URL))
}

// sharingAttempts are the attempts at what is about sharing.
func (v *victim) sharingAttempts(ben *Person, own wire.Node) map[string][]attempt {
	id := func(n coffer.ID) string { return n.String() }
	annFile, annFolder, annRoot := "/nodes/"+id(v.file.ID), "/nodes/"+id(v.folder.ID), "/nodes/"+id(v.space.RootID)
	missing, stolen, no := "not_found", "stolen", false
	return map[string][]attempt{
		"POST /spaces":                {{path: "/spaces", body: wire.SpaceName{Name: "stolen"}, code: "forbidden"}},
		"PATCH /spaces/{id}":          {{path: "/spaces/" + id(v.team.ID), body: wire.SpaceName{Name: "stolen"}, code: missing}, {path: "/spaces/" + id(v.space.ID), body: wire.SpaceName{Name: ""}, code: missing}},
		"DELETE /spaces/{id}":         {{path: "/spaces/" + id(v.team.ID) + "?name=x", code: missing}, {path: "/spaces/" + id(v.space.ID) + "?name=x", code: missing}},
		"GET /teams":                  {{path: "/teams", code: "forbidden"}},
		"PATCH /teams/{id}":           {{path: "/teams/" + id(v.team.ID), body: wire.TeamPatch{}, code: "forbidden"}},
		"DELETE /people/{id}":         {{path: "/people/" + id(v.Me.ID), code: "forbidden"}},
		"POST /people/{id}/hand-over": {{path: "/people/" + id(v.Me.ID) + "/hand-over", body: wire.HandOver{Email: v.S.Owner.Email, Name: "stolen"}, code: "forbidden"}},
		"GET /nodes/{id}/access":      {{path: annFile + "/access", code: missing}, {path: annRoot + "/access", code: missing}, {path: "/nodes/" + id(v.trashed.ID) + "/access", code: missing}},
		"GET /nodes/{id}/grants":      {{path: annFile + "/grants", code: missing}, {path: annRoot + "/grants", code: missing}, {path: "/nodes/" + id(v.trashed.ID) + "/grants", code: missing}},
		"POST /nodes/{id}/grants": {{path: annFolder + "/grants", body: wire.NewGrant{Email: ben.Email, Role: "view"}, code: missing}, {path: annRoot + "/grants", body: wire.NewGrant{UserID: ben.Me.ID, Role: "manage"}, code: missing},
			{path: annFile + "/grants", body: wire.NewGrant{Email: "nobody@example.com", Role: "owner"}, code: missing}, {path: annFile + "/grants", body: wire.NewGrant{GroupID: v.group.ID, Role: "edit", Until: 1}, code: missing}},
		"POST /nodes/{id}/ask": {{path: annFolder + "/ask", body: wire.Ask{Message: stolen}, code: missing}, {path: "/nodes/" + id(v.trashed.ID) + "/ask", body: wire.Ask{}, code: missing}},
		"PATCH /nodes/{id}/grants/{grant}": {{path: annFolder + "/grants/" + id(v.grant.ID), body: wire.GrantPatch{Role: "view"}, code: missing},
			{path: "/nodes/" + id(own.ID) + "/grants/" + id(v.grant.ID), body: wire.GrantPatch{Role: "view"}, code: missing}},
		"DELETE /nodes/{id}/grants/{grant}": {{path: annFolder + "/grants/" + id(v.grant.ID), code: missing}, {path: "/nodes/" + id(own.ID) + "/grants/" + id(v.grant.ID), code: missing}},
		"GET /nodes/{id}/links":             {{path: annFile + "/links", code: missing}, {path: annFolder + "/links", code: missing}, {path: "/nodes/" + id(v.trashed.ID) + "/links", code: missing}},
		"POST /nodes/{id}/links":            {{path: annFile + "/links", body: wire.NewLink{}, code: missing}, {path: annFolder + "/links", body: wire.NewLink{May: "upload", DownloadsMax: wire.Some(int64(-1))}, code: missing}},
		"GET /links":                        {{path: "/links"}, {path: "/links?state=live"}, {path: "/links?all=true", code: "forbidden"}},
		"GET /links/{id}":                   {{path: "/links/" + id(v.link.ID), code: missing}},
		"GET /links/{id}/qr":                {{path: "/links/" + id(v.link.ID) + "/qr", code: missing}},
		"PATCH /links/{id}": {{path: "/links/" + id(v.link.ID), body: wire.LinkPatch{Name: &stolen}, code: missing}, {path: "/links/" + id(v.link.ID), body: wire.LinkPatch{Password: wire.None[string]()}, code: missing},
			{path: "/links/" + id(v.link.ID), body: wire.LinkPatch{Off: &no}, code: missing, turns: true}},
		"DELETE /links/{id}": {{path: "/links/" + id(v.link.ID), code: missing}},
		"POST /links/batch":  {{path: "/links/batch", body: wire.LinkBatch{IDs: []coffer.ID{v.link.ID}, EndsAt: wire.None[int64]()}, code: "each:" + missing}},
		"GET /activity": {{path: "/activity"}, {path: "/activity?format=csv"}, {path: "/activity?person=" + id(v.Me.ID)}, {path: "/activity?node=" + id(v.folder.ID), code: missing},
			{path: "/activity?node=" + id(v.trashed.ID) + "&format=csv", code: missing}},
		"GET /nodes/{id}/activity": {{path: annFile + "/activity", code: missing}, {path: annRoot + "/activity?format=csv", code: missing}, {path: "/nodes/" + id(v.trashed.ID) + "/activity", code: missing},
			{path: "/nodes/" + id(v.team.RootID) + "/activity", code: missing}},
		"GET /nodes/{id}/requests":           {{path: annFolder + "/requests", code: missing}, {path: annRoot + "/requests", code: missing}},
		"POST /nodes/{id}/requests":          {{path: annFolder + "/requests", body: wire.NewFileRequest{Title: "stolen"}, code: missing}, {path: annFile + "/requests", body: wire.NewFileRequest{}, code: missing}},
		"GET /requests":                      {{path: "/requests"}, {path: "/requests?state=live"}, {path: "/requests?all=true", code: "forbidden"}},
		"GET /requests/{id}":                 {{path: "/requests/" + id(v.request.ID), code: missing}},
		"PATCH /requests/{id}":               {{path: "/requests/" + id(v.request.ID), body: wire.FileRequestPatch{Title: &stolen}, code: missing}, {path: "/requests/" + id(v.request.ID), body: wire.FileRequestPatch{Off: &no}, code: missing, turns: true}},
		"DELETE /requests/{id}":              {{path: "/requests/" + id(v.request.ID), code: missing}},
		"POST /requests/batch":               {{path: "/requests/batch", body: wire.FileRequestBatch{IDs: []coffer.ID{v.request.ID}, EndsAt: wire.None[int64]()}, code: "each:" + missing}},
		"GET /shared":                        {{path: "/shared"}},
		"DELETE /shared/{id}":                {{path: "/shared/" + id(v.folder.ID), code: missing}, {path: "/shared/" + id(v.space.RootID), code: missing}},
		"GET /directory":                     {{path: "/directory?q=ann"}, {path: "/directory?q=%40example.com"}, {path: "/directory?q="}},
		"GET /groups":                        {{path: "/groups"}},
		"POST /groups":                       {{path: "/groups", body: wire.GroupName{Name: "stolen"}, code: "forbidden"}},
		"PATCH /groups/{id}":                 {{path: "/groups/" + id(v.group.ID), body: wire.GroupName{Name: "Crew"}, code: "forbidden"}},
		"DELETE /groups/{id}":                {{path: "/groups/" + id(v.file.ID), code: missing}},
		"GET /groups/{id}/members":           {{path: "/groups/" + id(v.group.ID) + "/members", code: "forbidden"}},
		"PUT /groups/{id}/members/{user}":    {{path: "/groups/" + id(v.group.ID) + "/members/" + ben.Email, code: "forbidden"}},
		"DELETE /groups/{id}/members/{user}": {{path: "/groups/" + id(v.group.ID) + "/members/" + id(ben.Me.ID), code: "forbidden"}},
	}
}

// outsiders are who came in by Ann's links and file requests, each with all that
// proves it there: it proves nothing to the API, however it is sent.
func (v *victim) outsiders() (all []actor) {
	t, s := v.S.T, v.S
	t.Helper()
	at := func(url, prefix string) string { return prefix + path.Base(url) }
	came := func(who, to string, fields ...string) {
		visitor := s.Visitor()
		visitor.Post(to, fields...).Want(303)
		if visitor.Cookie == "" {
			t.Fatalf("%s has no cookie", who)
		}
		for how, p := range map[string]*Person{
			"as it is":     {Headers: map[string]string{"Cookie": "__Secure-link=" + visitor.Cookie}},
			"as a session": {Session: visitor.Cookie},
			"as a program": {Token: visitor.Cookie},
		} {
			p.S, p.Name = s, who
			all = append(all, actor{Person: p, who: who + ", the cookie " + how, outside: true})
		}
	}
	came("a visitor", at(v.link.URL, "/l/")+"/open", "password", v.link.Password)
	came("a sender", at(v.asked.URL, "/r/")+"/open", "password", "a canary password")
	s.Visitor().Post(at(v.named.URL, "/l/")+"/code", "email", "canary@example.com").Want(200)
	came("a recipient", at(v.named.URL, "/l/")+"/prove", "email", "canary@example.com", "code", Code(t, s.Mails.Wait(t, "canary@example.com", 2)))
	return all
}
