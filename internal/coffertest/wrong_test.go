package coffertest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"coffer"
	"coffer/internal/accounts"
	"coffer/internal/db"
	"coffer/internal/wire"
)

// The wrong-person story: every route of the table, asked by everybody who must
// not get anything from it.

// victim is Ann with something of every sort, and how to recognise it.
type victim struct {
	*Person
	sharing
	space                 wire.Space
	folder, file, trashed wire.Node
	invitation            wire.Invitation // that the owner sent to somebody
	session, token        coffer.ID
	work                  coffer.ID // a large batch that waits
	secrets               []string
	other                 *Person // her second browser
	program               *Person // her token
	content               []byte
	upload                coffer.ID // that waits for its second half
}

func newVictim(s *Server) *victim {
	t := s.T
	t.Helper()
	v := &victim{Person: s.Person("Annabella-Canary"), content: []byte("canary content that only Ann may read")}
	v.space = v.Space()
	v.folder = v.Do("POST", "/nodes/"+v.space.RootID.String()+"/folders", wire.NewFolder{Name: "canary folder"}).Want(201).Node()
	v.file = v.Do("PUT", "/nodes/"+v.folder.ID.String()+"/files?name=canary-file.txt", v.content).Want(201).Node()
	v.trashed = v.Do("PUT", "/nodes/"+v.space.RootID.String()+"/files?name=canary-trash.txt", v.content).Want(201).Node()
	v.Do("DELETE", "/nodes/"+v.trashed.ID.String(), nil).Want(204)
	v.Do("PUT", "/pins/"+v.folder.ID.String(), nil).Want(204)
	begun := v.tus(100, v.here("canary-half.bin"))
	begun.patch(0, make([]byte, 50)).Want(204)
	v.upload, _ = coffer.ParseID(begun.id)
	v.other = v.SignIn()
	v.program = v.Program()
	v.session, v.token = v.Me.SessionID, v.program.Me.TokenID
	if v.session.IsZero() || v.token.IsZero() {
		t.Fatalf("no session id %v or token id %v", v.session, v.token)
	}
	v.work = coffer.NewID()
	err := s.DB.Update(t.Context(), func(tx *db.Tx) error {
		return tx.InsertWork(db.Work{ID: v.work, UserID: v.Me.ID, Op: "copy", NodeIDs: []coffer.ID{v.folder.ID}, To: v.space.RootID, SpaceID: v.space.ID, Total: 2000})
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Owner.Do("POST", "/invitations", wire.NewInvitation{Email: "invited@example.com", Role: "member"}).Want(201).JSON(&v.invitation)
	v.secrets = []string{"canary", "Canary", v.Email, v.space.ID.String(), v.space.RootID.String(), v.Me.ID.String(), v.session.String(), v.token.String(), v.work.String(), v.upload.String(),
		v.Session, v.other.Session, v.program.Token, v.file.SHA256}
	for _, n := range []wire.Node{v.folder, v.file, v.trashed} {
		v.secrets = append(v.secrets, n.ID.String())
		if n.Kind == "file" {
			v.secrets = append(v.secrets, n.VersionID.String())
		}
	}
	v.share()
	return v
}

// state is everything that Ann sees of her own things.
func (v *victim) state() string {
	v.S.T.Helper()
	var b strings.Builder
	for _, path := range []string{"/spaces", "/nodes/" + v.space.RootID.String(), "/nodes/" + v.space.RootID.String() + "/children", "/nodes/" + v.folder.ID.String(),
		"/nodes/" + v.folder.ID.String() + "/children", "/nodes/" + v.file.ID.String(), "/nodes/" + v.file.ID.String() + "/content", "/nodes/" + v.folder.ID.String() + "/grants", "/links", "/requests", "/trash", "/pins", "/jobs", "/uploads", "/notices", "/me/notices"} {
		fmt.Fprintf(&b, "%s: %s\n", path, v.Do("GET", path, nil).Want(200).Body)
	}
	for _, path := range []string{"/sessions", "/tokens"} { // without when they were last used
		var l wire.List[struct{ ID coffer.ID }]
		v.Do("GET", path, nil).Want(200)
		if err := json.Unmarshal(v.Do("GET", path, nil).Body, &l); err != nil {
			v.S.T.Fatal(err)
		}
		ids := []string{} // their order tells when they were used
		for _, one := range l.Items {
			ids = append(ids, one.ID.String())
		}
		slices.Sort(ids)
		fmt.Fprintf(&b, "%s: %v\n", path, ids)
	}
	return b.String()
}

// attempt is one way to ask a route for what is Ann's.
type attempt struct {
	path   string // whole, below /api/v1
	body   any
	header []string
	// What a signed-in person, without any right to Ann's things but with all
	// scopes, gets: a code, or "" for a success that shows nothing of hers.
	code string
	// Public routes: what anybody gets; a route that asks for a proof is
	// answered 401 to those who have none, and needs nothing here.
	anybody string
	// Administrators may turn it off and on, whosever it is; it is on.
	turns bool
}

func tus(header ...string) []string { return append(header, "Tus-Resumable", "1.0.0") }

func attempts(v *victim, ben *Person, own wire.Node) map[string][]attempt {
	id := func(n coffer.ID) string { return n.String() }
	annFile, annFolder, annRoot, annTrash := "/nodes/"+id(v.file.ID), "/nodes/"+id(v.folder.ID), "/nodes/"+id(v.space.RootID), "/trash/"+id(v.trashed.ID)
	name := "stolen"
	missing := "not_found"
	each := func(one func(op string) attempt) (all []attempt) {
		for _, op := range []string{"move", "copy", "trash", "restore", "delete"} {
			all = append(all, one(op))
		}
		return all
	}
	all := map[string][]attempt{
		"GET /openapi.json":    {{path: "/openapi.json"}},
		"GET /instance":        {{path: "/instance"}},
		"POST /setup":          {{path: "/setup", body: wire.Setup{Code: "AAAA-AAAA-AAAA-AAAA", Name: "Eve", Email: "eve@example.com", Password: "a long enough password", Signup: "open"}, anybody: "setup_done"}},
		"POST /signup":         {{path: "/signup", body: wire.Signup{Name: "Eve", Email: "not an address", Password: "a long enough password"}, anybody: "email_invalid"}},
		"GET /signup":          {{path: "/signup", anybody: missing}},
		"PATCH /signup":        {{path: "/signup", body: wire.SignupAddress{Email: "eve@example.com"}, anybody: missing}},
		"POST /signup/resend":  {{path: "/signup/resend", anybody: missing}},
		"POST /signup/inspect": {{path: "/signup/inspect", body: wire.MailToken{Token: "coffer_confirm_" + strings.Repeat("a", 59)}, anybody: "token_ended"}},
		"POST /signup/confirm": {
			{path: "/signup/confirm", body: wire.Confirm{Token: "coffer_confirm_" + strings.Repeat("a", 59)}, anybody: "token_ended"},
			{path: "/signup/confirm", body: wire.Confirm{}, anybody: "invalid"},
		},
		"POST /session":         {{path: "/session", body: wire.Login{Email: "nobody@example.com", Password: "a wrong password"}, anybody: "wrong_login"}},
		"POST /tokens":          {{path: "/tokens", body: wire.NewToken{Email: "nobody@example.com", Password: "a wrong password", Name: "x"}, anybody: "wrong_login"}},
		"POST /password/forgot": {{path: "/password/forgot", body: wire.PasswordForgot{Email: "nobody@example.com"}}},
		"POST /password/reset":  {{path: "/password/reset", body: wire.PasswordReset{Token: "coffer_reset_" + strings.Repeat("a", 59), Password: "a long enough password"}, anybody: "token_ended"}},

		"GET /session":          {{path: "/session"}},
		"GET /sessions":         {{path: "/sessions"}},
		"DELETE /sessions/{id}": {{path: "/sessions/" + id(v.session), code: missing}},
		"GET /tokens":           {{path: "/tokens"}},
		"DELETE /tokens/{id}":   {{path: "/tokens/" + id(v.token), code: missing}},
		"PUT /password":         {{path: "/password", body: wire.PasswordChange{Current: "not the password", New: "another long password"}, code: "wrong_login"}},
		"PATCH /me":             {{path: "/me", body: wire.MePatch{}}},
		"GET /settings":         {{path: "/settings", code: "forbidden"}},
		"PATCH /settings":       {{path: "/settings", body: wire.Settings{Organisation: &name}, code: "forbidden"}},

		"GET /policy":   {{path: "/policy"}},
		"PATCH /policy": {{path: "/policy", body: wire.PolicyPatch{}, code: "forbidden"}},

		"POST /me/delete": {{path: "/me/delete", body: wire.Deletion{Password: "not the password"}, code: "wrong_login"}},

		"GET /people":        {{path: "/people", code: "forbidden"}, {path: "/people?q=canary", code: "forbidden"}},
		"PATCH /people/{id}": {{path: "/people/" + id(v.Me.ID), body: wire.AccountPatch{}, code: "forbidden"}},

		"GET /keys":    {{path: "/keys", code: "forbidden"}},
		"GET /damaged": {{path: "/damaged"}},

		"GET /invitations":              {{path: "/invitations", code: "forbidden"}},
		"POST /invitations":             {{path: "/invitations", body: wire.NewInvitation{Email: "eve@example.com", Role: "owner"}, code: "forbidden"}},
		"POST /invitations/{id}/resend": {{path: "/invitations/" + id(v.invitation.ID) + "/resend", code: "forbidden"}},
		"DELETE /invitations/{id}":      {{path: "/invitations/" + id(v.invitation.ID), code: "forbidden"}},
		"POST /invitation/inspect":      {{path: "/invitation/inspect", body: wire.MailToken{Token: "coffer_invitation_" + strings.Repeat("a", 59)}, anybody: "token_ended"}},
		"POST /invitation/accept":       {{path: "/invitation/accept", body: wire.InvitationAccept{Token: "coffer_invitation_" + strings.Repeat("a", 59), Name: "Eve", Password: "a long enough password"}, anybody: "token_ended"}},

		"GET /spaces": {{path: "/spaces"}, {path: "/spaces?count=1"}},
		"GET /search": {{path: "/search?q=canary"}, {path: "/search?q=ca"}, {path: "/search?q=c&kind=file"},
			{path: "/search?q=canary&under=" + id(v.folder.ID), code: missing}, {path: "/search?q=stolen&under=" + id(v.space.RootID), code: missing},
			{path: "/search?q=canary&changed_by=" + id(v.Me.ID)}, {path: "/search?q=canary&owner=others&reach=people"}},
		"GET /recent":       {{path: "/recent"}, {path: "/recent?limit=200"}},
		"GET /pins":         {{path: "/pins"}},
		"PUT /pins/{id}":    {{path: "/pins/" + id(v.file.ID), code: missing}, {path: "/pins/" + id(v.trashed.ID), code: missing}, {path: "/pins/" + id(v.space.RootID), code: missing}},
		"DELETE /pins/{id}": {{path: "/pins/" + id(v.folder.ID), code: missing}},
		"GET /resolve": {{path: "/resolve?path=/canary+folder", code: missing}, {path: "/resolve?space=" + id(v.space.ID) + "&path=/canary+folder", code: missing}, {path: "/resolve?space=" + id(v.space.ID) + "&path=/", code: missing},
			{path: "/resolve?under=" + id(v.folder.ID) + "&path=/canary-file.txt", code: missing}, {path: "/resolve?space=" + id(v.team.ID) + "&path=/", code: missing}},
		"GET /nodes/{id}": {{path: annFile, code: missing}, {path: annFolder, code: missing}, {path: annRoot, code: missing}, {path: "/nodes/" + id(v.trashed.ID), code: missing}, {path: "/nodes/" + id(v.space.ID), code: missing}},
		"PATCH /nodes/{id}": {
			{path: annFile, body: wire.NodePatch{Name: &name}, code: missing},
			{path: annFile, body: wire.NodePatch{Name: &name}, header: []string{"If-Match", `"r999"`}, code: missing},
			{path: annFile, body: wire.NodePatch{Name: &name}, header: []string{"If-Match", `rubbish`}, code: missing},
			{path: annFile, body: wire.NodePatch{ParentID: &own.ID}, code: missing},
			{path: "/nodes/" + id(own.ID), body: wire.NodePatch{ParentID: &v.folder.ID}, code: missing},
		},
		"DELETE /nodes/{id}":       {{path: annFile, code: missing}, {path: annFolder, header: []string{"If-Match", `"r999"`}, code: missing}, {path: annFolder, header: []string{"If-Match", `x`}, code: missing}, {path: annRoot, code: missing}},
		"GET /nodes/{id}/children": {{path: annFolder + "/children", code: missing}, {path: annRoot + "/children?q=canary", code: missing}, {path: annFile + "/children", code: missing}},
		"POST /nodes/{id}/folders": {{path: annFolder + "/folders", body: wire.NewFolder{Name: "x"}, code: missing}, {path: annRoot + "/folders?if_exists=merge", body: wire.NewFolder{Name: "canary folder"}, code: missing}},
		"POST /nodes/{id}/copy":    {{path: annFile + "/copy", body: wire.Copy{ParentID: own.ID}, code: missing}, {path: "/nodes/" + id(own.ID) + "/copy", body: wire.Copy{ParentID: v.folder.ID, Name: "y"}, code: missing}},
		"POST /nodes/{id}/check":   {{path: annFolder + "/check", body: wire.Check{Files: []wire.CheckFile{{Name: "canary-file.txt"}}}, code: missing}, {path: annRoot + "/check", body: wire.Check{Files: []wire.CheckFile{{Name: "x"}}}, code: missing}},
		"POST /batch": append(each(func(op string) attempt {
			return attempt{path: "/batch", body: wire.Batch{Op: op, IDs: []coffer.ID{v.file.ID, v.folder.ID, v.trashed.ID}, To: own.ID, IfExists: "keep_both"}, code: "each:" + missing}
		}), attempt{path: "/batch", body: wire.Batch{Op: "copy", IDs: []coffer.ID{own.ID}, To: v.folder.ID}, code: "each:" + missing},
			attempt{path: "/batch", body: wire.Batch{Op: "move", IDs: []coffer.ID{own.ID}, To: v.folder.ID}, code: "each:" + missing}),
		"OPTIONS /uploads": {{path: "/uploads"}},
		"POST /uploads": {{path: "/uploads", header: tus("Upload-Length", "5", "Upload-Metadata", metadata("parent", id(v.folder.ID), "name", "x")), code: missing},
			{path: "/uploads", header: tus("Upload-Length", "5", "Upload-Metadata", metadata("node", id(v.file.ID))), code: missing},
			{path: "/uploads", header: tus("Upload-Concat", "final;/api/v1/uploads/"+id(v.upload), "Upload-Metadata", metadata("parent", id(own.ID), "name", "x")), code: missing}},
		"GET /uploads":                                {{path: "/uploads"}},
		"HEAD /uploads/{id}":                          {{path: "/uploads/" + id(v.upload), header: tus(), code: missing}},
		"PATCH /uploads/{id}":                         {{path: "/uploads/" + id(v.upload), body: []byte("x"), header: tus("Upload-Offset", "50", "Content-Type", "application/offset+octet-stream"), code: missing}},
		"DELETE /uploads/{id}":                        {{path: "/uploads/" + id(v.upload), header: tus(), code: missing}},
		"PUT /nodes/{id}/files":                       {{path: annFolder + "/files?name=x", body: []byte("x"), code: missing}, {path: annFolder + "/files?name=canary-file.txt&if_exists=version", body: []byte("x"), code: missing}},
		"PUT /nodes/{id}/content":                     {{path: annFile + "/content", body: []byte("x"), code: missing}, {path: annFile + "/content", body: []byte("x"), header: []string{"If-Match", `"x"`}, code: missing}},
		"GET /nodes/{id}/thumbnail":                   {{path: annFile + "/thumbnail", code: missing}, {path: annFile + "/thumbnail?size=1024&version=" + id(v.file.VersionID), code: missing}, {path: annFile + "/thumbnail?size=7", code: missing}, {path: annFolder + "/thumbnail", header: []string{"If-None-Match", "*"}, code: missing}},
		"GET /nodes/{id}/versions":                    {{path: annFile + "/versions", code: missing}, {path: annFolder + "/versions", code: missing}},
		"POST /nodes/{id}/versions/{version}/restore": {{path: annFile + "/versions/" + id(v.file.VersionID) + "/restore", code: missing}},
		"PATCH /nodes/{id}/versions/{version}":        {{path: annFile + "/versions/" + id(v.file.VersionID), body: wire.VersionPatch{Keep: true}, code: missing}},
		"DELETE /nodes/{id}/versions/{version}":       {{path: annFile + "/versions/" + id(v.file.VersionID), code: missing}},
		"GET /nodes/{id}/content": {
			{path: annFile + "/content", code: missing},
			{path: annFile + "/content?inline=1&version=" + id(v.file.VersionID), code: missing},
			{path: annFile + "/content", header: []string{"Range", "bytes=99999-"}, code: missing},
			{path: annFile + "/content", header: []string{"If-None-Match", `"` + id(v.file.VersionID) + `"`}, code: missing},
			{path: annFile + "/content", header: []string{"If-Match", `"x"`}, code: missing},
			{path: "/nodes/" + id(v.trashed.ID) + "/content", code: missing},
		},
		"HEAD /nodes/{id}/content": {{path: annFile + "/content", code: missing}},
		"POST /nodes/{id}/ticket": {
			{path: annFile + "/ticket", body: wire.NewTicket{}, code: missing},
			{path: annFile + "/ticket", body: wire.NewTicket{Version: v.file.VersionID, Inline: true}, code: missing},
			{path: annFolder + "/ticket", body: wire.NewTicket{}, code: missing},
			{path: "/nodes/" + id(v.trashed.ID) + "/ticket", body: wire.NewTicket{}, code: missing},
		},
		"POST /zip": {{path: "/zip", body: wire.NewZip{IDs: []coffer.ID{v.file.ID}}, code: missing}, {path: "/zip", body: wire.NewZip{IDs: []coffer.ID{own.ID, v.folder.ID}}, code: missing}},

		"GET /jobs":         {{path: "/jobs"}},
		"GET /jobs/{id}":    {{path: "/jobs/" + id(v.work), code: missing}},
		"DELETE /jobs/{id}": {{path: "/jobs/" + id(v.work), code: missing}},

		"GET /trash":               {{path: "/trash"}, {path: "/trash?space=" + id(v.team.ID), code: missing}, {path: "/trash?space=" + id(v.space.ID), code: missing}},
		"DELETE /trash/{id}":       {{path: annTrash, code: missing}, {path: "/trash/" + id(v.file.ID), code: missing}},
		"POST /trash/{id}/restore": {{path: annTrash + "/restore", body: wire.Restore{}, code: missing}, {path: annTrash + "/restore", body: wire.Restore{ParentID: &own.ID}, code: missing}},
		"DELETE /trash":            {{path: "/trash"}},
		"DELETE /sessions":         {{path: "/sessions"}},
		"DELETE /session":          {{path: "/session"}}, // last of all: it ends the proof
	}
	maps.Copy(all, v.sharingAttempts(ben, own))
	maps.Copy(all, v.noticeAttempts())
	return all
}

// asks is what each route must ask for, told once more and apart from the
// table: "" nothing, "any" a proof, else a scope. What is not told here asks for
// files.read with GET and HEAD, and for files.write otherwise.
func asks(method, route string) string {
	switch noun := strings.Split(route, "/")[1]; noun {
	case "openapi.json", "instance", "setup", "signup", "invitation":
		return ""
	case "session":
		if method == "POST" {
			return ""
		}
		return "any"
	case "tokens":
		if method == "POST" {
			return ""
		}
		return "account"
	case "password":
		if method == "POST" {
			return ""
		}
		return "account"
	case "sessions", "me":
		return "account"
	case "policy":
		if method == "GET" {
			return "any"
		}
		return "admin"
	case "settings", "invitations", "keys", "people", "teams":
		return "admin"
	case "groups", "directory", "requests":
		return "share"
	case "uploads": // who may send may ask what has arrived
		if method == "OPTIONS" {
			return ""
		}
		return "files.write"
	}
	if strings.HasSuffix(route, "/requests") {
		return "share"
	}
	if (strings.Contains(route, "/grants") || strings.Contains(route, "/links")) && method != "GET" {
		return "share"
	}
	if method == "GET" || method == "HEAD" || route == "/zip" || strings.HasSuffix(route, "/ticket") {
		return "files.read"
	}
	return "files.write"
}

// actor is somebody who must not get at Ann's things.
type actor struct {
	*Person
	who     string
	proof   bool                  // is signed in at all
	outside bool                  // tries only what asks for a proof
	lacks   map[coffer.Scope]bool // scopes that the token does not have
	fewer   map[string]string     // route: another code than for a member (guests, administrators)
}

func TestWrongPerson(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(Options) *Server) {
		s := open(Options{})
		ann := newVictim(s)
		ben := s.Person("Ben")
		own := ben.Do("POST", "/nodes/"+ben.Root().String()+"/folders", wire.NewFolder{Name: "Bens"}).Want(201).Node()
		routes := s.API().Routes()
		tries := attempts(ann, ben, own)
		declared := map[string]bool{}
		for _, r := range routes {
			key := r.Method + " " + r.Path
			declared[key] = true
			if len(tries[key]) == 0 {
				t.Errorf("nobody tries %s as the wrong person: add it to attempts", key)
			}
		}
		for key := range tries {
			if !declared[key] {
				t.Errorf("%s is not in the route table", key)
			}
		}

		people := actors(s, ann, ben)
		before := ann.state()
		for _, a := range people {
			if !a.outside {
				s.Clock.Advance(61 * time.Minute) // tries are counted; each comes when those before are forgotten
			}
			secrets := append([]string{ann.invitation.ID.String(), ann.invitation.Email}, ann.secrets...)
			if a.Person == s.Owner {
				secrets = ann.secrets
			}
			who := []string{"canary", "Canary", ann.Email, ann.Me.ID.String(), ann.team.ID.String()} // an administrator knows who there is
			for _, last := range []bool{false, true} {                                               // what ends the proof itself comes last
				for _, r := range routes {
					key := r.Method + " " + r.Path
					if last != (key == "DELETE /session") || a.outside && asks(r.Method, r.Path) == "" {
						continue
					}
					for _, try := range tries[key] {
						hidden := secrets
						if a.Person == s.Owner && (strings.HasPrefix(r.Path, "/people") || strings.HasPrefix(r.Path, "/groups") || strings.HasPrefix(r.Path, "/teams")) {
							hidden = slices.DeleteFunc(slices.Clone(secrets), func(secret string) bool { return slices.Contains(who, secret) })
						}
						if a.Person == s.Owner && strings.HasPrefix(r.Path, "/links") { // and whose links there are
							hidden = slices.DeleteFunc(slices.Clone(secrets), func(secret string) bool {
								return secret == "Canary" || secret == ann.Me.ID.String() || secret == ann.link.ID.String()
							})
						}
						if a.Person == s.Owner && strings.HasPrefix(r.Path, "/requests") { // and whose file requests
							hidden = slices.DeleteFunc(slices.Clone(secrets), func(secret string) bool {
								return secret == "Canary" || secret == ann.Me.ID.String() || secret == ann.request.ID.String() || secret == ann.asked.ID.String()
							})
						}
						if a.Person == s.Owner && r.Path == "/activity" { // and to whom the owner gave something
							hidden = slices.DeleteFunc(slices.Clone(secrets), func(secret string) bool { return secret == "Canary" || secret == ann.Me.ID.String() })
						}
						a.check(t, r.Method, r.Path, try, hidden)
					}
				}
			}
		}
		was := strings.Split(before, "\n")
		for i, line := range strings.Split(ann.state(), "\n") {
			if i >= len(was) || line != was[i] {
				t.Errorf("something of Ann's has changed: %s", line)
			}
		}
		for _, secret := range []string{string(ann.content), ann.link.Password, path.Base(ann.link.URL), path.Base(ann.asked.URL), ann.Session, ann.program.Token, ben.Session, ann.Password} {
			if strings.Contains(s.Log.String(), secret) {
				t.Errorf("the log holds %q", secret)
			}
		}
	})
}

func actors(s *Server, ann *victim, ben *Person) []actor {
	t := s.T
	guest := s.Stranger("Gus")
	if _, err := s.Accounts().CreateUser(t.Context(), coffer.SystemPrincipal("test"), accounts.NewUser{Name: guest.Name, Email: guest.Email, Password: guest.Password, Role: coffer.RoleGuest}); err != nil {
		t.Fatal(err)
	}
	revoked, revokedProgram := ann.SignIn(), ann.Program()
	revoked.Do("DELETE", "/session", nil).Want(204)
	ann.Do("DELETE", "/tokens/"+revokedProgram.Me.TokenID.String(), nil).Want(204)
	expired := &Person{S: s, Name: "forged", Session: "coffer_session_" + strings.Repeat("a", 59)}
	all := []actor{
		{Person: s.Stranger("Nobody"), who: "signed out"},
		{Person: s.Pending("Pia"), who: "unconfirmed"},
		{Person: revoked, who: "revoked session"},
		{Person: revokedProgram, who: "revoked token"},
		{Person: expired, who: "forged session"},
		{Person: ben.SignIn(), who: "another member", proof: true},
		{Person: ben.Program(coffer.AllScopes[:]...), who: "another member's program", proof: true},
		{Person: s.Owner, who: "owner of the installation", proof: true, fewer: map[string]string{"GET /people": "", "PATCH /people/{id}": "", "GET /keys": "", "GET /settings": "", "PATCH /settings": "", "PATCH /policy": "", // which are an owner's work
			"GET /invitations": "", "POST /invitations": "", "POST /invitations/{id}/resend": "", "DELETE /invitations/{id}": "",
			"POST /spaces": "", "GET /teams": "", "PATCH /teams/{id}": "", "POST /people/{id}/hand-over": "not_to_self", "DELETE /people/{id}": "last_owner",
			"GET /requests": "", "GET /requests/{id}": "", "PATCH /requests/{id}": "forbidden", "DELETE /requests/{id}": "forbidden", "POST /requests/batch": "each:forbidden",
			"GET /links": "", "GET /links/{id}": "", "GET /links/{id}/qr": "forbidden", "POST /groups": "", "PATCH /groups/{id}": "", "GET /groups/{id}/members": "", "PUT /groups/{id}/members/{user}": "", "DELETE /groups/{id}/members/{user}": ""}},
		{Person: guest.SignIn(), who: "guest", proof: true, fewer: map[string]string{"DELETE /trash": "not_found", // a guest has none
			"GET /groups": "forbidden", "GET /directory": "forbidden", "DELETE /groups/{id}": "forbidden"}},
	}
	disabled := s.Person("Dora")
	if err := s.Accounts().SetDisabled(t.Context(), coffer.SystemPrincipal("test"), disabled.Email, true); err != nil {
		t.Fatal(err)
	}
	all = append(append(all, actor{Person: disabled, who: "turned off", outside: true}), ann.outsiders()...)
	for _, lacking := range coffer.AllScopes {
		var rest []coffer.Scope
		for _, sc := range coffer.AllScopes {
			if sc != lacking {
				rest = append(rest, sc)
			}
		}
		all = append(all, actor{Person: ann.Program(rest...), who: "Ann's own program without " + string(lacking), proof: true, lacks: map[coffer.Scope]bool{lacking: true}})
	}
	return all
}

// check makes one attempt and looks at all that comes back.
func (a *actor) check(t *testing.T, method, route string, try attempt, secrets []string) {
	t.Helper()
	key := method + " " + route
	want := try.code
	scope := asks(method, route)
	switch {
	case scope == "":
		want = try.anybody
	case !a.proof:
		want = "unauthenticated"
	case a.lacks != nil && a.lacks[coffer.Scope(scope)]:
		want = "scope_missing"
	case a.lacks != nil: // in scope, and Ann's own: other tests
		return
	}
	if code, other := a.fewer[key]; other && a.proof {
		want = code
	}
	if try.turns && a.Person == a.S.Owner {
		want = ""
	}
	if a.Signup != "" && strings.HasPrefix(route, "/signup") && want == "not_found" {
		if want = ""; route == "/signup/resend" {
			want = "limited" // Pia's own sign-up, and she changed its address just now
		}
	}
	res := a.Do(method, try.path, try.body, try.header...)
	what := fmt.Sprintf("%s: %s %s", a.who, method, try.path)
	var p wire.Problem
	code := ""
	if res.Status >= 400 && method != http.MethodHead {
		res.JSON(&p)
		code = p.Code
	}
	switch each, isEach := strings.CutPrefix(want, "each:"); {
	case method == http.MethodHead:
		if status := map[string]int{"": 200, "unauthenticated": 401, "not_found": 404, "scope_missing": 403}[want]; res.Status != status {
			t.Errorf("%s: %d, want %d", what, res.Status, status)
		}
	case isEach && code != each: // a refusal of the whole is as good
		var results wire.BatchResults
		res.Want(200).JSON(&results)
		for _, r := range results.Results {
			if r.Problem == nil || r.Problem.Code != each || r.Node != nil {
				t.Errorf("%s: %s", what, res.Body)
			}
		}
	case !isEach && (code != want || want == "" && res.Status >= 300):
		t.Errorf("%s: %d %s %q, want %q", what, res.Status, code, p.Detail, want)
	}
	text := fmt.Sprint(res.Header) + string(res.Body)
	for _, secret := range secrets {
		asked := strings.Contains(try.path, secret) || strings.Contains(try.path, url.QueryEscape(secret))
		if batch, ok := try.body.(wire.Batch); ok { // the answer repeats the ids asked for
			for _, id := range batch.IDs {
				asked = asked || id.String() == secret
			}
		}
		if batch, ok := try.body.(wire.LinkBatch); ok {
			for _, id := range batch.IDs {
				asked = asked || id.String() == secret
			}
		}
		if batch, ok := try.body.(wire.FileRequestBatch); ok {
			for _, id := range batch.IDs {
				asked = asked || id.String() == secret
			}
		}
		if !asked && strings.Contains(text, secret) || asked && !strings.Contains(try.path, "/batch") && bytes.Contains(res.Body, []byte(secret)) {
			t.Errorf("%s: the answer holds %q: %s", what, secret, text)
		}
	}
}
