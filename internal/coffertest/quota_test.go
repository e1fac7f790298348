package coffertest

import (
	"bytes"
	"fmt"
	"net/http"
	"sync"
	"testing"

	"coffer/internal/wire"
)

// TestQuotaStory: an administrator gives room, a person uses it up, in parallel
// and by every way in, is told the numbers, and gets more.
func TestQuotaStory(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(Options) *Server) {
		s := open(Options{})
		ann, ben := s.Person("Ann"), s.Person("Ben")
		mb := int64(1_000_000)
		var set wire.Settings
		s.Owner.Do("PATCH", "/settings", map[string]any{"quota": 5 * mb}).Want(200).JSON(&set)
		if *set.Quota != 5*mb || *set.Organisation == "" {
			t.Fatalf("%+v", set)
		}
		if q := ann.Space().Quota; q == nil || *q != 5*mb {
			t.Fatalf("Ann's quota is %v", q)
		}
		ann.Do("PATCH", "/settings", map[string]any{"quota": -1}).Problem(403, "forbidden")
		ann.Do("PATCH", "/people/"+ann.Me.ID.String(), map[string]any{"quota": -1}).Problem(403, "forbidden")
		ann.Do("GET", "/people", nil).Problem(403, "forbidden")

		var stored, refused int
		var mu sync.Mutex
		var all sync.WaitGroup
		for i := range 50 {
			all.Go(func() {
				res := ann.Do("PUT", fmt.Sprintf("/nodes/%s/files?name=%d", ann.Root(), i), bytes.NewReader(make([]byte, 2*mb)))
				mu.Lock()
				defer mu.Unlock()
				switch res.Status {
				case http.StatusCreated:
					stored++
				case http.StatusInsufficientStorage:
					refused++
					if p := res.Problem(507, "over_quota"); p.Room == nil || p.Room.Need != 2*mb || p.Room.Quota != 5*mb || p.Room.Free > 5*mb-2*mb {
						t.Errorf("%+v", p)
					}
				default:
					t.Errorf("%d %s", res.Status, res.Body)
				}
			})
		}
		all.Wait()
		if stored != 2 || refused != 48 {
			t.Fatalf("%d stored, %d refused", stored, refused)
		}

		// What administrators see, and change.
		var list wire.List[wire.Account]
		s.Owner.Do("GET", "/people?q=ANN", nil).Want(200).JSON(&list)
		if len(list.Items) != 1 || list.Items[0].ID != ann.Me.ID || list.Items[0].Used != 4*mb || list.Items[0].Quota != nil || *list.Items[0].Limit != 5*mb || list.Items[0].State != "on" {
			t.Fatalf("%+v", list)
		}
		s.Owner.Do("GET", "/people?limit=1", nil).Want(200).JSON(&list)
		if list.Total != 3 || len(list.Items) != 1 || list.Next == "" {
			t.Fatalf("%+v", list)
		}
		one := func(quota string) (a wire.Account) {
			t.Helper()
			s.Owner.Do("PATCH", "/people/"+ann.Me.ID.String(), []byte(`{"quota":`+quota+`}`), "Content-Type", "application/json").Want(200).JSON(&a)
			return a
		}
		file := func(p *Person, name string, size int64) *Response {
			return p.Do("PUT", "/nodes/"+p.Root().String()+"/files?name="+name, make([]byte, size))
		}
		if a := one("6000000"); *a.Quota != 6*mb || *a.Limit != 6*mb || a.Used != 4*mb {
			t.Errorf("%+v", a)
		}
		file(ann, "third", 2*mb).Want(201)
		file(ann, "byte", 1).Problem(507, "over_quota")
		if a := one("-1"); *a.Quota != -1 || a.Limit != nil {
			t.Errorf("%+v", a)
		}
		file(ann, "byte", 1).Want(201)
		if a := one("1"); *a.Limit != 1 || a.Used != 6*mb+1 { // below what is stored: nothing goes
			t.Errorf("%+v", a)
		}
		third := ann.Do("GET", "/resolve?path=/third", nil).Want(200).Node()
		if got := ann.Do("GET", "/nodes/"+third.ID.String()+"/content", nil).Want(200); int64(len(got.Body)) != 2*mb {
			t.Errorf("%d bytes", len(got.Body))
		}
		// Each way to put bytes into the space, with the numbers.
		for what, res := range map[string]*Response{
			"a new file":  file(ann, "more", 10),
			"a version":   ann.Do("PUT", "/nodes/"+third.ID.String()+"/content", make([]byte, 10)),
			"a long body": ann.Do("PUT", "/nodes/"+ann.Root().String()+"/files?name=long", bytes.NewReader(make([]byte, 2*mb))),
			"a copy":      ann.Do("POST", "/nodes/"+third.ID.String()+"/copy", wire.Copy{ParentID: ann.Root(), Name: "again"}),
			"no length":   ann.Do("PUT", "/nodes/"+ann.Root().String()+"/files?name=unknown", struct{ *bytes.Reader }{bytes.NewReader(make([]byte, 10))}),
		} {
			if p := res.Problem(507, "over_quota"); p.Room == nil || p.Room.Free != 0 || p.Room.Quota != 1 || p.Room.Need < 10 {
				t.Errorf("%s: %+v", what, p)
			}
		}
		ann.Do("DELETE", "/nodes/"+third.ID.String(), nil).Want(204)
		file(ann, "more", 1).Problem(507, "over_quota") // the trash counts
		if a := one("null"); a.Quota != nil || *a.Limit != 5*mb {
			t.Errorf("%+v", a)
		}
		file(ann, "more", 1).Problem(507, "over_quota")
		ann.Do("DELETE", "/trash/"+third.ID.String(), nil).Want(200)
		file(ann, "more", 1).Want(201)
		file(ben, "own", 4*mb).Want(201) // Ann's use is not Ben's

		for _, wrong := range []string{`{}`, `{"quota":-2}`, `{"quota":"5"}`, `{"quota":1.5}`, `{"quota":9007199254740992}`, `{"quota":5,"role":"owner"}`} {
			if res := s.Owner.Do("PATCH", "/people/"+ann.Me.ID.String(), []byte(wrong), "Content-Type", "application/json"); res.Status != 422 && res.Status != 400 {
				t.Errorf("%s: %d %s", wrong, res.Status, res.Body)
			}
		}
		s.Owner.Do("PATCH", "/people/"+ann.Space().ID.String(), map[string]any{"quota": 5}).Problem(404, "not_found")
	})
}
