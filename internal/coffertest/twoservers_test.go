package coffertest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"coffer"
	"coffer/internal/files"
	"coffer/internal/wire"
)

// pair is two servers over one database and one folder of blobs. SQLite takes
// one server only: there both are the same.
type pair [2]*Server

func openPair(t *testing.T, open func(Options) *Server) pair {
	t.Helper()
	s := open(Options{Disk: true})
	if strings.HasSuffix(t.Name(), "/postgres") {
		return pair{s, s.Beside()}
	}
	return pair{s, s}
}

// at is a person at one of the two servers.
func (d pair) at(i int, p *Person) *Person {
	q := *p
	q.S = d[i%2]
	return &q
}

// tally counts answers by their status, and by their code where they are problems.
type tally map[string]int

func outcome(r *Response) string {
	var p wire.Problem
	_ = json.Unmarshal(r.Body, &p)
	return strings.TrimSpace(fmt.Sprint(r.Status, " ", p.Code))
}

// race makes n requests at the same moment.
func race(n int, do func(i int) *Response) tally {
	all, start := tally{}, make(chan struct{})
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-start
			got := outcome(do(i))
			mu.Lock()
			defer mu.Unlock()
			all[got]++
		})
	}
	close(start)
	wg.Wait()
	return all
}

func (got tally) want(t *testing.T, what string, want tally) {
	t.Helper()
	if !maps.Equal(got, want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// rounds is how often a race is run.
func rounds() int {
	if os.Getenv("COFFER_SOAK") != "" {
		return 100
	}
	return 2
}

// TestRacesOfFiles: who asks two servers at the same moment for what only one
// can have: exactly one gets it, and the tree and the counters say so.
func TestRacesOfFiles(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(Options) *Server) {
		d := openPair(t, open)
		const n, mb = 12, 1_000_000
		ann := d[0].member("Ann")
		root := "/nodes/" + ann.Root().String()
		mkdir := func(name string) (folder string) {
			return "/nodes/" + ann.Do("POST", root+"/folders", wire.NewFolder{Name: name}).Want(201).Node().ID.String()
		}
		children := func(folder string) []wire.Node {
			var l wire.List[wire.Node]
			ann.Do("GET", folder+"/children", nil).Want(200).JSON(&l)
			return l.Items
		}
		put := func(i int, folder, name, how string, size int) *Response {
			return d.at(i, ann).Do("PUT", folder+"/files?if_exists="+how+"&name="+name, bytes.NewReader(make([]byte, size)))
		}
		for round := range rounds() {
			// One name.
			at := mkdir(fmt.Sprint("names ", round))
			race(n, func(i int) *Response {
				if i%4 > 1 {
					return d.at(i, ann).Do("POST", at+"/folders", wire.NewFolder{Name: "one"})
				}
				return put(i, at, "ONE", "fail", 1+i%2*2*mb)
			}).want(t, "one name", tally{"201": 1, "409 name_taken": n - 1})
			race(n, func(i int) *Response { return put(i, at, "many", "keep_both", 10) }).want(t, "keep both", tally{"201": n})
			race(n, func(i int) *Response { return put(i, at, "versions", "version", 10) }).want(t, "versions", tally{"201": 1, "200": n - 1})
			race(n, func(i int) *Response {
				return d.at(i, ann).Do("POST", at+"/folders?if_exists=merge", wire.NewFolder{Name: "merged"})
			}).want(t, "merged folders", tally{"201": 1, "200": n - 1})
			list := children(at)
			names := map[string]bool{}
			var several []wire.Node
			for _, c := range list {
				names[strings.ToLower(c.Name)] = true
				if strings.HasPrefix(c.Name, "many") {
					several = append(several, c)
				}
			}
			if len(list) != n+3 || len(names) != n+3 {
				t.Fatalf("%d children with %d names", len(list), len(names))
			}
			to := "taken"
			race(n, func(i int) *Response {
				return d.at(i, ann).Do("PATCH", "/nodes/"+several[i].ID.String(), wire.NodePatch{Name: &to})
			}).want(t, "renamed to one name", tally{"200": 1, "409 name_taken": n - 1})

			// Two folders into each other.
			a, b := mkdir(fmt.Sprint("a", round)), mkdir(fmt.Sprint("b", round))
			race(2, func(i int) *Response {
				from, into := []string{a, b}[i], []string{b, a}[i]
				id, err := coffer.ParseID(into[len("/nodes/"):])
				if err != nil {
					t.Error(err)
				}
				return d.at(i, ann).Do("PATCH", from, wire.NodePatch{ParentID: &id})
			}).want(t, "two folders into each other", tally{"200": 1, "409 cycle": 1})

			// One piece of a resumable upload, sent twice.
			u := ann.tus(6, ann.here(fmt.Sprint("pieces ", round)))
			sent := race(4, func(i int) *Response { return tusUpload{d.at(i, ann), u.id}.patch(0, []byte("abcdef")) })
			if sent["204"] != 1 {
				t.Errorf("one piece: %v", sent)
			}
			u.head().Want(200)
		}
		// Room: whatever the way in, no more is taken than there is.
		for round := range rounds() {
			eve := d[0].member(fmt.Sprint("Eve", round))
			d[0].Owner.Do("PATCH", "/people/"+eve.Me.ID.String(), map[string]any{"quota": 5 * mb}).Want(200)
			home := eve.Root()
			race(n, func(i int) *Response {
				size := int64(2 * mb) // in a reservation
				switch p := d.at(i, eve); i % 3 {
				case 0:
					return p.tusPost(size, metadata("parent", home.String(), "name", fmt.Sprint(i)), "Content-Type", "application/offset+octet-stream")
				default:
					return p.Do("PUT", fmt.Sprintf("/nodes/%s/files?name=%d", home, i), bytes.NewReader(make([]byte, size)))
				}
			}).want(t, "room", tally{"201": 2, "507 over_quota": n - 2})
			if s := eve.Space(); s.Used+s.Reserved != 4*mb {
				t.Errorf("used %d, reserved %d", s.Used, s.Reserved)
			}
			race(n, func(i int) *Response { // at once, without a reservation
				return d.at(i, eve).Do("PUT", fmt.Sprintf("/nodes/%s/files?name=small%d", home, i), bytes.NewReader(make([]byte, mb/4)))
			}).want(t, "the last of the room", tally{"201": 4, "507 over_quota": n - 4})
			if s := eve.Space(); s.Used+s.Reserved != 5*mb {
				t.Errorf("used %d, reserved %d", s.Used, s.Reserved)
			}
		}
		for _, s := range d {
			if rep, err := s.Files().Check(t.Context(), files.CheckOptions{ReadData: 100}); err != nil || !rep.Clean() {
				t.Errorf("check: %+v, %v", rep, err)
			}
		}
	})
}

// TestRightsChangeUnderUploads: a right that is taken at one server ends what
// runs at the other, and what it was taken during is stored or refused, never
// both.
func TestRightsChangeUnderUploads(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(Options) *Server) {
		d := openPair(t, open)
		ann, ben := d[0].member("Ann"), d[0].member("Ben")
		far := d.at(1, ben)
		for round := range rounds() {
			folder := ann.Do("POST", "/nodes/"+ann.Root().String()+"/folders", wire.NewFolder{Name: fmt.Sprint("shared ", round)}).Want(201).Node().ID
			node := "/nodes/" + folder.String()
			var g wire.Grant
			role := func(to string) *Response {
				return ann.Do("PATCH", node+"/grants/"+g.ID.String(), wire.GrantPatch{Role: to})
			}
			ann.Do("POST", node+"/grants", wire.NewGrant{Email: ben.Email, Role: "edit"}).Want(201).JSON(&g)

			// In the middle of an upload, and of one in pieces.
			up := far.sending(folder)
			pieces := far.tus(6, metadata("parent", folder.String(), "name", "pieces"))
			pieces.patch(0, []byte("abc")).Want(204)
			eventually(t, "the uploads have begun", func() bool { return ann.Space().Reserved == 50_000_006 })
			role("view").Want(200)
			up.conn.Write(make([]byte, 50_000_000-1<<20)) // or it is cut already
			if res, err := http.ReadResponse(up.read, nil); err == nil && res.StatusCode != 403 {
				body, _ := io.ReadAll(res.Body)
				t.Errorf("an upload whose right became smaller: %d %s", res.StatusCode, body)
			}
			pieces.patch(3, []byte("def")).Problem(403, "forbidden")
			role("edit").Want(200)
			pieces.patch(3, []byte("def")).Want(204)

			// At the very moment.
			const n = 8
			got := race(n+1, func(i int) *Response {
				if i == n {
					return role("view")
				}
				return d.at(i, ben).Do("PUT", fmt.Sprintf("%s/files?name=file%d", node, i), []byte("x"))
			})
			stored := got["201"]
			got.want(t, "at the same moment", plus(tally{"200": 1}, "201", stored, "403 forbidden", n-stored))
			var l wire.List[wire.Node]
			ann.Do("GET", node+"/children", nil).Want(200).JSON(&l)
			if len(l.Items) != stored+1 {
				t.Errorf("%d files are there, %d were acknowledged", len(l.Items)-1, stored)
			}
			far.Do("PUT", node+"/files?name=late", []byte("x")).Problem(403, "forbidden")
			ann.Do("DELETE", node+"/grants/"+g.ID.String(), nil).Want(204)
			far.Do("GET", node, nil).Problem(404, "not_found")
		}
		if s := ann.Space(); s.Reserved != 0 {
			t.Errorf("%d bytes are still reserved", s.Reserved)
		}
	})
}

// plus adds outcomes that came at least once.
func plus(to tally, pairs ...any) tally {
	for i := 0; i < len(pairs); i += 2 {
		if n := pairs[i+1].(int); n > 0 {
			to[pairs[i].(string)] = n
		}
	}
	return to
}

// TestOnceIsOnce: what a mail lets its reader do once is done once, however many
// ask at two servers at the same moment.
func TestOnceIsOnce(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(Options) *Server) {
		d := openPair(t, open)
		const n = 8
		for round := range rounds() {
			maria := d[0].Stranger(fmt.Sprint("Maria", round))
			d[0].Owner.Do("POST", "/invitations", wire.NewInvitation{Email: maria.Email, Role: "member"}).Want(201)
			token := Link(t, d[0].Mails.Wait(t, maria.Email, 1))
			race(n, func(i int) *Response {
				return d.at(i, d[0].Stranger("x")).Do("POST", "/invitation/accept", wire.InvitationAccept{Token: token, Name: fmt.Sprint("Maria ", i), Password: maria.Password})
			}).want(t, "an invitation", tally{"201": 1, "422 token_ended": n - 1})

			pia := d[0].Pending(fmt.Sprint("Pia", round))
			code := Code(t, d[0].Mails.Wait(t, pia.Email, 1))
			got := race(n, func(i int) *Response {
				return d.at(i, pia).Do("POST", "/signup/confirm", wire.Confirm{Code: code})
			})
			if got["200"] != 1 {
				t.Errorf("a code: %v", got)
			}

			d[0].Stranger("x").Do("POST", "/password/forgot", wire.PasswordForgot{Email: maria.Email}).Want(202)
			reset := ""
			for i := 2; !strings.Contains(reset, "reset"); i++ {
				if m := d[0].Mails.Wait(t, maria.Email, i); strings.Contains(m.Text, "#") {
					reset = Link(t, m)
				}
			}
			got = race(n, func(i int) *Response {
				return d.at(i, d[0].Stranger("x")).Do("POST", "/password/reset", wire.PasswordReset{Token: reset, Password: fmt.Sprint("another horse of Maria ", i)})
			})
			if got["200"]+got["204"] != 1 {
				t.Errorf("a new password: %v", got)
			}
		}
		var people wire.List[wire.Account]
		d[0].Owner.Do("GET", "/people?q=Maria", nil).Want(200).JSON(&people)
		if len(people.Items) != rounds() {
			t.Errorf("%d accounts of %d people who were invited", len(people.Items), rounds())
		}
	})
}
