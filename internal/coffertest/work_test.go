package coffertest

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"coffer"
	"coffer/internal/server"
	"coffer/internal/wire"
)

// tree makes a folder with so many small files in the person's space.
func (p *Person) tree(name string, files int) wire.Node {
	p.S.T.Helper()
	top := p.Do("POST", "/nodes/"+p.Root().String()+"/folders", wire.NewFolder{Name: name}).Want(201).Node()
	var all sync.WaitGroup
	for part := range 8 {
		all.Go(func() {
			for i := part; i < files; i += 8 {
				p.Do("PUT", fmt.Sprintf("/nodes/%s/files?name=%d.txt", top.ID, i), []byte("1234")).Want(201)
			}
		})
	}
	all.Wait()
	return top
}

// job waits until a job is in one of some states.
func (p *Person) job(id coffer.ID, states ...string) (j wire.Job) {
	p.S.T.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		p.Do("GET", "/jobs/"+id.String(), nil).Want(200).JSON(&j)
		for _, s := range states {
			if j.State == s {
				return j
			}
		}
	}
	p.S.T.Fatalf("the job is %+v, want %v", j, states)
	return j
}

// TestJobs: a large copy is accepted, told about, goes on behind a new start of
// the server, and can be cancelled; a small one is answered at once.
func TestJobs(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(Options) *Server) {
		s := open(Options{})
		ann := s.Person("Ann")
		top, small := ann.tree("top", 1050), ann.tree("small", 3)
		to := ann.Do("POST", "/nodes/"+ann.Root().String()+"/folders", wire.NewFolder{Name: "to"}).Want(201).Node()
		s = s.Restart(func(o *server.Options) { o.Jobs = false }) // nothing moves
		ann.S = s
		copies := wire.Batch{Op: "copy", IDs: []coffer.ID{top.ID, small.ID}, To: to.ID}
		res := ann.Do("POST", "/batch", copies).Want(http.StatusAccepted)
		var first, second, answered wire.BatchResults
		res.JSON(&first)
		if first.Job == nil || len(first.Results) != 0 || first.Job.State != "waiting" || first.Job.Total != 1055 || res.Header.Get("Location") != "/api/v1/jobs/"+first.Job.ID.String() {
			t.Fatalf("%s", res.Body)
		}
		ann.Do("POST", "/batch", wire.Batch{Op: "copy", IDs: []coffer.ID{small.ID}, To: to.ID}).Want(200).JSON(&answered)
		if answered.Job != nil || len(answered.Results) != 1 || answered.Results[0].Node == nil {
			t.Errorf("%+v", answered)
		}
		ann.Do("POST", "/batch", copies).Want(202).JSON(&second)
		var ended wire.Job
		ann.Do("DELETE", "/jobs/"+second.Job.ID.String(), nil).Want(200).JSON(&ended)
		if ended.State != "cancelled" {
			t.Errorf("%+v", ended)
		}
		if space := ann.Space(); space.Reserved != 1053*4 {
			t.Errorf("%+v", space)
		}

		ann.S = s.Restart(func(o *server.Options) { o.Jobs = true })
		done := ann.job(first.Job.ID, "done", "failed")
		if done.State != "failed" || len(done.Results) != 2 || done.Results[0].Node == nil || done.Results[0].Node.ChildCount != 1050 ||
			done.Results[1].Problem == nil || done.Results[1].Problem.Code != "name_taken" || done.Error == nil || done.Error.Code != "name_taken" {
			t.Errorf("%+v", done)
		}
		var all wire.List[wire.Job]
		ann.Do("GET", "/jobs", nil).Want(200).JSON(&all)
		if len(all.Items) != 2 || all.Items[0].ID != second.Job.ID {
			t.Errorf("%+v", all)
		}
		if space := ann.Space(); space.Reserved != 0 || space.Used != (2*1050+2*3)*4 {
			t.Errorf("%+v", space)
		}
	})
}
