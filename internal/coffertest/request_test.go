package coffertest

import (
	"path"
	"strings"
	"testing"
	"time"

	"coffer"
	"coffer/internal/wire"
)

// asks makes a file request and returns it.
func (p *Person) asks(folder wire.Node, n wire.NewFileRequest) (r wire.FileRequest) {
	p.S.T.Helper()
	p.Do("POST", "/nodes/"+folder.ID.String()+"/requests", n).Want(201).JSON(&r)
	return r
}

// TestRequestsByREST: who may make, see and change a file request, and what they
// are told.
func TestRequestsByREST(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(Options) *Server) {
		s := open(Options{})
		ann, mia, viv := s.Person("Ann"), s.Person("Mia"), s.Person("Viv")
		folder := ann.folder("Sale")
		file := ann.file(folder, "a.txt", "content")
		ann.Do("POST", "/nodes/"+folder.ID.String()+"/grants", wire.NewGrant{Email: mia.Email, Role: "manage"}).Want(201)
		ann.Do("POST", "/nodes/"+folder.ID.String()+"/grants", wire.NewGrant{Email: viv.Email, Role: "edit"}).Want(201)

		r := ann.asks(folder, wire.NewFileRequest{Title: " Papers ", Note: "By Friday.\nThank you."})
		end := s.Clock.Now().Add(14 * 24 * time.Hour).UnixMilli()
		if r.Title != "Papers" || r.HasPassword || r.EndsAt == nil || *r.EndsAt > end || *r.EndsAt < end-60_000 || r.State != "live" || r.MaxFiles != nil || r.MaxBytes != nil ||
			!strings.HasPrefix(r.URL, s.URL+"/r/") || len(path.Base(r.URL)) != 26 || len(r.Types) != 0 || !r.AskEmail || !r.Subfolders || !r.Notify || r.Node == nil || r.Node.Name != "Sale" || !r.MayChange {
			t.Fatalf("with the usual values it is %+v", r)
		}
		no := false
		two := ann.asks(folder, wire.NewFileRequest{Title: "Two", EndsAt: wire.None[int64](), Password: wire.Some("a good password"), MaxFiles: wire.Some(int64(3)), MaxBytes: wire.Some(int64(5)),
			Types: []string{"pdf", ".dwg"}, AskEmail: &no, Subfolders: &no, Notify: &no})
		if !two.HasPassword || two.EndsAt != nil || *two.MaxFiles != 3 || *two.MaxBytes != 5 || len(two.Types) != 2 || two.AskEmail || two.Subfolders || two.Notify {
			t.Errorf("with all that can be said it is %+v", two)
		}
		make := "/nodes/" + folder.ID.String() + "/requests"
		ann.Do("POST", make, wire.NewFileRequest{}).Problem(422, "title_missing")
		ann.Do("POST", make, wire.NewFileRequest{Title: "x", Types: []string{"exe"}}).Problem(422, "invalid")
		ann.Do("POST", make, wire.NewFileRequest{Title: "x", EndsAt: wire.Some(int64(5))}).Problem(422, "until_past")
		ann.Do("POST", make, wire.NewFileRequest{Title: "x", Password: wire.Some("short")}).Problem(422, "password_short")
		ann.Do("POST", "/nodes/"+file.ID.String()+"/requests", wire.NewFileRequest{Title: "x"}).Problem(409, "not_a_folder")
		viv.Do("POST", make, wire.NewFileRequest{Title: "x"}).Problem(403, "forbidden")

		list := func(p *Person, path string) (out []wire.FileRequest) {
			t.Helper()
			var l wire.List[wire.FileRequest]
			p.Do("GET", path, nil).Want(200).JSON(&l)
			return l.Items
		}
		if got := list(mia, make); len(got) != 2 || got[0].URL == "" || got[0].CreatedBy == nil || got[0].CreatedBy.Name != "Ann" {
			t.Errorf("Mia, who manages the folder, sees %+v", got)
		}
		if got := list(mia, "/requests"); len(got) != 0 {
			t.Errorf("Mia's own: %+v", got)
		}
		if got := list(ann, "/requests?state=live"); len(got) != 2 {
			t.Errorf("Ann's own: %+v", got)
		}
		for _, got := range list(s.Owner, "/requests?all=true") {
			if got.URL != "" || got.Node != nil || got.Note != "" || got.MayChange {
				t.Errorf("an administrator sees %+v", got)
			}
		}
		one := "/requests/" + r.ID.String()
		viv.Do("GET", one, nil).Problem(403, "forbidden")
		off, title := true, "Papers for the sale"
		var now wire.FileRequest
		mia.Do("PATCH", one, wire.FileRequestPatch{Title: &title, MaxFiles: wire.Some(int64(9)), Password: wire.Some("a good password")}).Want(200).JSON(&now)
		if now.Title != title || now.MaxFiles == nil || *now.MaxFiles != 9 || !now.HasPassword || now.EndsAt == nil || now.URL != r.URL {
			t.Errorf("changed it is %+v", now)
		}
		s.Owner.Do("PATCH", one, wire.FileRequestPatch{Title: &title}).Problem(403, "forbidden")
		var seen wire.FileRequest
		s.Owner.Do("PATCH", one, wire.FileRequestPatch{Off: &off}).Want(200).JSON(&seen)
		if seen.State != "off" || seen.URL != "" || seen.Node != nil || seen.Note != "" {
			t.Errorf("turned off by an administrator it is %+v", seen)
		}
		ann.Do("PATCH", one, wire.FileRequestPatch{Off: &no}).Problem(403, "off_by_admin")
		viv.Do("PATCH", one, wire.FileRequestPatch{Off: &no}).Problem(403, "forbidden")
		s.Owner.Do("PATCH", one, wire.FileRequestPatch{Off: &no}).Want(200)
		ann.Do("PATCH", one, wire.FileRequestPatch{Off: &off}).Want(200)
		s.Owner.Do("PATCH", one, wire.FileRequestPatch{Off: &no}).Problem(403, "forbidden")
		ann.Do("PATCH", one, wire.FileRequestPatch{Off: &no, Password: wire.None[string](), EndsAt: wire.None[int64]()}).Want(200).JSON(&now)
		if now.State != "live" || now.HasPassword || now.EndsAt != nil {
			t.Errorf("on again it is %+v", now)
		}
		var results wire.FileRequestResults
		ann.Do("POST", "/requests/batch", wire.FileRequestBatch{IDs: []coffer.ID{r.ID, two.ID, file.ID}, Off: &off}).Want(200).JSON(&results)
		if len(results.Results) != 3 || results.Results[0].Request == nil || results.Results[1].Request.State != "off" || results.Results[2].Problem == nil || results.Results[2].Problem.Code != "not_found" {
			t.Errorf("a batch: %+v", results)
		}
		ann.Do("DELETE", one, nil).Want(204)
		ann.Do("GET", one, nil).Problem(404, "not_found")
	})
}
