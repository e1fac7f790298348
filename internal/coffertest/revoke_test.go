package coffertest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"coffer"
	"coffer/internal/accounts"
	"coffer/internal/files"
	"coffer/internal/wire"
)

// running is a transfer that somebody began and that stands still, or goes slowly.
type running struct {
	who  string
	res  *http.Response // of a download; nil: an upload
	got  int64          // bytes read
	conn net.Conn       // of an upload
	read *bufio.Reader
}

// stuck begins a download and takes almost nothing of it.
func (p *Person) stuck(path string) *running {
	p.S.T.Helper()
	res, err := p.Send("GET", path, nil)
	if err != nil || res.StatusCode != 200 {
		p.S.T.Fatalf("%s: %v %v", p.Name, res, err)
	}
	p.S.T.Cleanup(func() { res.Body.Close() })
	r := &running{who: p.Name + " gets " + path[:min(12, len(path))], res: res}
	r.got, err = io.CopyN(io.Discard, res.Body, 64<<10)
	if err != nil {
		p.S.T.Fatal(err)
	}
	return r
}

// sending begins an upload and sends a part of it.
func (p *Person) sending(folder coffer.ID) *running {
	p.S.T.Helper()
	c, br := p.dial("PUT", "/nodes/"+folder.String()+"/files?if_exists=keep_both&name=sent.bin", "Content-Length: 50000000")
	if _, err := c.Write(make([]byte, 1<<20)); err != nil {
		p.S.T.Fatal(err)
	}
	return &running{who: p.Name + " sends", conn: c, read: br}
}

// member is somebody with an account, signed in.
func (s *Server) member(name string) *Person {
	s.T.Helper()
	p := s.Stranger(name)
	if _, err := s.Accounts().CreateUser(s.T.Context(), coffer.SystemPrincipal("test"), accounts.NewUser{Name: p.Name, Email: p.Email, Password: p.Password, Role: coffer.RoleMember}); err != nil {
		s.T.Fatal(err)
	}
	return p.SignIn()
}

// TestRevokedWithinSeconds: transfers that run end within five seconds after
// their session, their account or their right has, though the other side takes
// and sends nothing; on PostgreSQL by another server than the one that is told.
// Others' go on.
func TestRevokedWithinSeconds(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(Options) *Server) {
		s := open(Options{Idle: time.Minute})
		far := s
		if strings.HasSuffix(t.Name(), "/postgres") {
			far = s.Beside()
		}
		ctx := context.Background()
		ann := s.member("Ann")
		folder := func(name string) coffer.ID {
			return ann.Do("POST", "/nodes/"+ann.Root().String()+"/folders", wire.NewFolder{Name: name}).Want(201).Node().ID
		}
		content := noise(7, 24<<20) // more than sockets hold
		put := func(in coffer.ID, name string) wire.Node {
			return ann.Do("PUT", "/nodes/"+in.String()+"/files?name="+name, content).Want(201).Node()
		}
		team, loose, private := folder("Team"), folder("Loose"), folder("Private")
		big, moved, trashed := put(team, "big.bin"), put(loose, "moved.bin"), put(loose, "trashed.bin")
		owner := far.Files().As(coffer.Principal{Kind: coffer.UserKind, User: coffer.User{ID: ann.Me.ID, Role: coffer.RoleMember}, Scopes: coffer.AllScopes[:]})
		grants := map[*Person]coffer.ID{}
		give := func(name string, in coffer.ID) *Person {
			p := s.member(name)
			g, err := owner.Grant(ctx, in, files.NewGrant{UserID: p.Me.ID, Access: coffer.CanEdit})
			if err != nil {
				t.Fatal(err)
			}
			grants[p] = g.ID
			return p
		}
		ben, cid, dan, eve, fay := give("Ben", team), give("Cid", team), give("Dan", team), give("Eve", team), give("Fay", loose)
		elsewhere, program := ben.SignIn(), eve.Program()

		var ending []*running
		for _, p := range []*Person{ben, cid, dan} {
			_, all := p.Name, wire.NewZip{IDs: []coffer.ID{team}}
			var z wire.Zip
			p.Do("POST", "/zip", all).Want(201).JSON(&z)
			ending = append(ending, p.stuck(contentOf(big)), p.stuck(p.ticket(big, wire.NewTicket{}).URL), p.stuck(z.URL), p.sending(team))
		}
		ending = append(ending, program.stuck(contentOf(big)), fay.stuck(contentOf(moved)), fay.stuck(fay.ticket(trashed, wire.NewTicket{}).URL))
		slow := ben.stuck(contentOf(big))
		ending = append(ending, slow)
		going := []*running{elsewhere.stuck(contentOf(big)), eve.stuck(eve.ticket(big, wire.NewTicket{}).URL)}
		up := elsewhere.sending(team)
		eventually(t, "the uploads have begun", func() bool { return ann.Space().Reserved == 4*50_000_000 })
		trickle, later := make(chan error, 1), make(chan bool, 1)
		go func() { // 64 KiB at a time
			tick := time.NewTicker(10 * time.Millisecond)
			defer tick.Stop()
			for i := range 1 << 20 {
				if i == 110 { // more than a second: the first look at rights is over
					later <- true
				}
				n, err := io.CopyN(io.Discard, slow.res.Body, 64<<10)
				if slow.got += n; err != nil {
					trickle <- err
					return
				}
				<-tick.C
			}
		}()

		<-later
		address := dan.ticket(big, wire.NewTicket{}).URL
		began := time.Now()
		at := func(p *Person) *Person { q := *p; q.S = far; return &q }
		at(ben).Do("DELETE", "/session", nil).Want(204)
		if err := far.Accounts().SetDisabled(ctx, coffer.SystemPrincipal("test"), cid.Email, true); err != nil {
			t.Fatal(err)
		}
		if err := owner.Ungrant(ctx, team, grants[dan]); err != nil {
			t.Fatal(err)
		}
		at(eve).Do("DELETE", "/tokens/"+program.Me.TokenID.String(), nil).Want(204)
		at(ann).Do("PATCH", "/nodes/"+moved.ID.String(), wire.NodePatch{ParentID: &private}).Want(200)
		at(ann).Do("DELETE", "/nodes/"+trashed.ID.String(), nil).Want(204)
		for _, r := range ending {
			if r.conn != nil {
				r.conn.SetReadDeadline(time.Now().Add(20 * time.Second))
				res, err := http.ReadResponse(r.read, nil) // or the connection is gone
				if err == nil && res.StatusCode != 401 && res.StatusCode != 404 {
					t.Errorf("%s: %d", r.who, res.StatusCode)
				}
				continue
			}
			eventually(t, r.who+" is cut", func() bool {
				return strings.Contains(s.Log.String(), "msg=request ref="+r.res.Header.Get("X-Request-Id"))
			})
		}
		eventually(t, "the uploads have ended", func() bool { return ann.Space().Reserved == 50_000_000 })
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("it took %v", took)
		}
		t.Logf("%d transfers ended %v after the first revocation", len(ending), time.Since(began).Round(time.Millisecond))
		if err := <-trickle; err == nil || slow.got >= int64(len(content)) {
			t.Errorf("slowly: %d bytes, %v", slow.got, err)
		}
		for _, r := range ending {
			if r.res != nil && r != slow {
				n, err := io.Copy(io.Discard, r.res.Body)
				if err == nil || r.got+n >= int64(len(content)) {
					t.Errorf("%s: %d bytes, %v", r.who, r.got+n, err)
				}
			}
		}
		for _, r := range going {
			n, err := io.Copy(io.Discard, r.res.Body)
			if err != nil || r.got+n != int64(len(content)) {
				t.Errorf("%s, which may go on: %d bytes, %v", r.who, r.got+n, err)
			}
		}
		if _, err := up.conn.Write(make([]byte, 49_000_000-48_576)); err != nil {
			t.Fatal(err)
		}
		if res, err := http.ReadResponse(up.read, nil); err != nil || res.StatusCode != 201 {
			t.Errorf("the upload that may go on: %v %v", res, err)
		}
		s.anybody().Do("GET", address, nil).Problem(404, "not_found") // the ticket lives, the right does not
		list := wire.List[wire.Node]{}
		ann.Do("GET", fmt.Sprintf("/nodes/%s/children", team), nil).Want(200).JSON(&list)
		if len(list.Items) != 2 {
			t.Errorf("in the folder: %+v", list.Items)
		}
	})
}
