package files_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"coffer"
	"coffer/internal/db"
	"coffer/internal/files"
)

// ask makes a request and returns it.
func (p *person) ask(folder coffer.ID, change func(n *files.NewRequest)) files.RequestItem {
	p.w.t.Helper()
	never := int64(0)
	n := files.NewRequest{Title: "Papers", EndsAt: &never, Notify: true}
	if change != nil {
		change(&n)
	}
	r, err := p.MakeRequest(ctx, folder, n)
	p.w.ok(err)
	if len(r.Address) != 26 || !r.Manage {
		p.w.t.Fatalf("made: %+v", r)
	}
	return r
}

// visit comes by an address that asks for no password.
func (w *world) visit(address string) (*files.View, error) {
	c, err := w.svc.Call(ctx, address, files.From{Address: "198.51.100.7", RequestID: "AAAA-AA"})
	return w.svc.As(c.Who), err
}

// send delivers one file by an address.
func (w *world) send(address string, from files.Sender, name string, b files.Body) error {
	v, err := w.visit(address)
	if err != nil {
		return err
	}
	d, err := v.BeginDelivery(ctx, from)
	if err != nil {
		return err
	}
	if err := v.Send(ctx, d, name, 0, b); err != nil {
		return err
	}
	_, err = v.EndDelivery(ctx, d)
	return err
}

func of(n int) files.Body { return files.Body{Reader: bytes.NewReader(random(n)), Size: int64(n)} }

func maria() files.Sender { return files.Sender{Name: "Maria", Email: "maria@example.com"} }

// TestDelivery: what is sent arrives whole, beside what is there and never onto
// it; it is counted, recorded and told; the sender sees nothing of all that.
func TestDelivery(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann := w.person("Ann")
		dir := ann.mkdir(ann.root, "In")
		ann.put(dir, "a.txt", []byte("mine"))
		maker := ann.mkdir(dir, "Maria")
		r := ann.ask(dir, nil)
		for i, size := range []int{0, 10, 2 << 20} {
			data := random(size)
			w.ok(w.send(r.Address, maria(), "a.txt", files.Body{Reader: bytes.NewReader(data), Size: []int64{int64(size), -1}[i%2]}))
			f, err := ann.ResolveUnder(ctx, dir, fmt.Sprintf("/a (%d).txt", i+2))
			w.ok(err)
			if !bytes.Equal(ann.read(f.ID), data) || !f.CreatedBy.ID.IsZero() {
				t.Errorf("%d bytes: other ones, or made by %v", size, f.CreatedBy)
			}
		}
		if string(ann.read(mustID(ann.ResolveUnder(ctx, dir, "/a.txt")))) != "mine" {
			t.Error("what was there has changed")
		}
		// The names of phones and old browsers.
		w.ok(w.send(r.Address, maria(), `C:\temp\CON`, of(1)))
		w.ok(w.send(r.Address, maria(), "../../up\u202e.txt", of(1)))
		if got := ann.names(dir); !strings.Contains(got, "up.txt") || strings.Contains(got, "temp") {
			t.Errorf("names %s", got)
		}
		now, err := ann.Request(ctx, r.ID)
		w.ok(err)
		if now.Files != 5 || now.Bytes != 10+2<<20+2 || now.LastAt == 0 {
			t.Errorf("received %d files, %d bytes", now.Files, now.Bytes)
		}
		if s := ann.space(); s.Used != 10+2<<20+2+4 || s.Reserved != 0 {
			t.Errorf("space %+v", s)
		}
		told, err := ann.Notices(ctx, 0, "")
		w.ok(err)
		if len(told.Items) != 5 {
			t.Fatalf("told of %d deliveries", len(told.Items))
		}
		if n := told.Items[0]; n.Kind != coffer.FilesCame || n.Told.Who != "Maria" || n.Told.Files != 1 || n.Told.Link != "Papers" || n.NodeID != dir || n.Told.Name != "In" || n.Told.Ref == "" {
			t.Errorf("told %+v", n)
		}
		// Folders of senders: never one that somebody else made.
		change := true
		_, err = ann.ChangeRequest(ctx, r.ID, files.RequestPatch{Subfolders: &change})
		w.ok(err)
		w.ok(w.send(r.Address, maria(), "b.txt", of(1)))
		w.ok(w.send(r.Address, files.Sender{Name: " maria  "}, "b.txt", of(1)))
		w.ok(w.send(r.Address, files.Sender{Name: "Otto"}, "b.txt", of(1)))
		if got := ann.names(maker); got != "" {
			t.Errorf("something came into Ann's own folder: %s", got)
		}
		if got := ann.names(mustID(ann.ResolveUnder(ctx, dir, "/Maria (2)"))); got != "b (2).txt b.txt" && got != "b.txt b (2).txt" {
			t.Errorf("Maria's folder holds %s", got)
		}
		otto := mustID(ann.ResolveUnder(ctx, dir, "/Otto"))
		ann.trash(otto)
		w.ok(w.send(r.Address, files.Sender{Name: "Otto"}, "c.txt", of(1)))
		if got := ann.names(mustID(ann.ResolveUnder(ctx, dir, "/Otto"))); got != "c.txt" {
			t.Errorf("after the trash: %s", got)
		}
		events := strings.Join(w.events(), " ")
		for _, want := range []string{"request.made", "request.changed", "file.uploaded", "folder.created"} {
			if !strings.Contains(events, want) {
				t.Errorf("no event %s", want)
			}
		}
		w.ok(w.db.View(ctx, func(tx *db.Tx) error {
			all, err := tx.Events(r.SpaceID, 2)
			for _, e := range all {
				if e.ActorKind != "request" || e.ActorID != r.ID || e.Detail["sender"] != "Otto" || e.Detail["address"] != "198.51.100.7" {
					t.Errorf("recorded as %+v", e)
				}
			}
			return err
		}))
		w.clean(0)
	})
}

func mustID(d files.Detail, err error) coffer.ID {
	if err != nil {
		return coffer.RandomID()
	}
	return d.ID
}

// TestSenderSeesNothing tries every verb as whoever has an address.
func TestSenderSeesNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann := w.person("Ann")
		dir := ann.mkdir(ann.root, "In")
		in := ann.mkdir(dir, "sub")
		f := ann.put(dir, "f", []byte("secret"))
		r, other := ann.ask(dir, nil), ann.ask(in, nil)
		w.ok(w.send(r.Address, maria(), "mine.txt", of(10)))
		mine := mustID(ann.ResolveUnder(ctx, dir, "/mine.txt"))
		v, err := w.visit(r.Address)
		w.ok(err)
		theirs, err := w.visit(other.Address)
		w.ok(err)
		d, err := theirs.BeginDelivery(ctx, maria())
		w.ok(err)
		name := "x"
		for what, err := range map[string]error{
			"stat":             second(v.Stat(ctx, dir)),
			"list":             second(v.Children(ctx, dir, files.ListOptions{})),
			"resolve":          second(v.ResolveUnder(ctx, dir, "/f")),
			"read":             second(v.Open(ctx, f.ID, coffer.ID{})),
			"read the own":     second(v.Open(ctx, mine, coffer.ID{})),
			"versions":         second(v.Versions(ctx, f.ID, 0, "")),
			"thumbnail":        second(v.Thumbnail(ctx, f.ID, coffer.ID{}, files.TileEdge)),
			"zip":              second(v.Zip(ctx, []coffer.ID{dir})),
			"put":              third(v.Upload(ctx, dir, "x", coffer.KeepBoth, of(1))),
			"put below":        third(v.Upload(ctx, in, "x", coffer.KeepBoth, of(1))),
			"version":          second(v.UploadVersion(ctx, f.ID, coffer.ID{}, of(1))),
			"mkdir":            third(v.CreateFolder(ctx, dir, "x", "")),
			"rename":           second(v.Change(ctx, mine, files.Patch{Name: &name})),
			"trash":            v.Trash(ctx, mine, 0),
			"check":            second(v.CheckFiles(ctx, dir, []files.Candidate{{Name: "f"}})),
			"grants":           second(v.Grants(ctx, dir)),
			"who can open":     second(v.Access(ctx, dir)),
			"share":            second(v.Grant(ctx, dir, files.NewGrant{UserID: ann.who.User.ID, Access: view})),
			"ask":              second(v.MakeRequest(ctx, dir, files.NewRequest{Title: "x"})),
			"requests":         second(v.Requests(ctx, "", false)),
			"requests of all":  second(v.Requests(ctx, "", true)),
			"its own request":  second(v.Request(ctx, r.ID)),
			"requests here":    second(v.RequestsOf(ctx, dir)),
			"change it":        second(v.ChangeRequest(ctx, r.ID, files.RequestPatch{})),
			"remove it":        v.RemoveRequest(ctx, r.ID),
			"pieces":           second(v.Pieces(ctx)),
			"another's":        v.Send(ctx, d, "x", 0, of(1)),
			"another's, told":  second(v.Delivery(ctx, d)),
			"another's, ended": second(v.EndDelivery(ctx, d)),
			"pin":              v.Pin(ctx, dir),
		} {
			if k := coffer.KindOf(err); err == nil || k != coffer.NotFound && k != coffer.Unauthenticated && k != coffer.Forbidden {
				t.Errorf("%s: %v", what, err)
			}
		}
		for what, list := range map[string]func() (int, error){
			"spaces": func() (int, error) { l, err := v.Spaces(ctx); return len(l), err },
			"shared": func() (int, error) { l, err := v.Shared(ctx); return len(l), err },
			"search": func() (int, error) { l, err := v.Search(ctx, "mine", files.SearchOptions{}); return len(l.Items), err },
			"recent": func() (int, error) { l, err := v.Recent(ctx, 0, ""); return len(l.Items), err },
			"trash":  func() (int, error) { l, err := v.ListTrash(ctx, coffer.ID{}, 0, ""); return len(l.Items), err },
		} {
			if n, err := list(); n != 0 {
				t.Errorf("%s: %d, %v", what, n, err)
			}
		}
		asked, err := v.Asked(ctx)
		w.ok(err)
		if asked.By != "Ann" || asked.Left != -1 {
			t.Errorf("asked %+v", asked)
		}
	})
}

// TestRequestStops: nothing comes by an address any more once it may not, and
// then it looks as if it had never been.
func TestRequestStops(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann, ben := w.person("Ann"), w.person("Ben")
		on, off, end := false, true, w.clock.now().Add(time.Hour).UnixMilli()
		password := "another password"
		for name, row := range map[string]struct {
			stop, back func(dir coffer.ID, r files.RequestItem, g coffer.ID)
			state      coffer.RequestState
		}{
			"turned off": {func(_ coffer.ID, r files.RequestItem, _ coffer.ID) {
				_, err := ben.ChangeRequest(ctx, r.ID, files.RequestPatch{Off: &off})
				w.ok(err)
			}, func(_ coffer.ID, r files.RequestItem, _ coffer.ID) {
				_, err := ben.ChangeRequest(ctx, r.ID, files.RequestPatch{Off: &on})
				w.ok(err)
			}, coffer.RequestOff},
			"ended": {func(_ coffer.ID, r files.RequestItem, _ coffer.ID) {
				end = w.clock.now().Add(time.Hour).UnixMilli()
				_, err := ann.ChangeRequest(ctx, r.ID, files.RequestPatch{EndsAt: &end})
				w.ok(err)
				w.clock.move(time.Hour)
			}, func(_ coffer.ID, r files.RequestItem, _ coffer.ID) {
				never := int64(0)
				_, err := ann.ChangeRequest(ctx, r.ID, files.RequestPatch{EndsAt: &never})
				w.ok(err)
			}, coffer.RequestEnded},
			"maker loses manage": {func(dir coffer.ID, _ files.RequestItem, g coffer.ID) {
				_, err := ann.ChangeGrant(ctx, dir, g, files.GrantPatch{Access: edit})
				w.ok(err)
			}, func(dir coffer.ID, _ files.RequestItem, g coffer.ID) {
				_, err := ann.ChangeGrant(ctx, dir, g, files.GrantPatch{Access: manage})
				w.ok(err)
			}, coffer.RequestOff},
			"maker disabled": {func(coffer.ID, files.RequestItem, coffer.ID) {
				w.ok(w.db.Update(ctx, func(tx *db.Tx) error { return tx.SetUserDisabled(ben.who.User.ID, true) }))
			}, func(coffer.ID, files.RequestItem, coffer.ID) {
				w.ok(w.db.Update(ctx, func(tx *db.Tx) error { return tx.SetUserDisabled(ben.who.User.ID, false) }))
			}, coffer.RequestOff},
			"folder in the trash": {func(dir coffer.ID, _ files.RequestItem, _ coffer.ID) { ann.trash(dir) }, func(dir coffer.ID, _ files.RequestItem, _ coffer.ID) {
				w.ok(second(ann.Restore(ctx, dir, coffer.ID{})))
			}, ""},
			"full": {func(_ coffer.ID, r files.RequestItem, _ coffer.ID) {
				one := int64(1)
				_, err := ann.ChangeRequest(ctx, r.ID, files.RequestPatch{MaxFiles: &one})
				w.ok(err)
			}, func(_ coffer.ID, r files.RequestItem, _ coffer.ID) {
				two := int64(9)
				_, err := ann.ChangeRequest(ctx, r.ID, files.RequestPatch{MaxFiles: &two})
				w.ok(err)
			}, coffer.RequestFull},
			"another password": {func(_ coffer.ID, r files.RequestItem, _ coffer.ID) {
				_, err := ann.ChangeRequest(ctx, r.ID, files.RequestPatch{Password: &password})
				w.ok(err)
			}, func(_ coffer.ID, r files.RequestItem, _ coffer.ID) {
				none := ""
				_, err := ann.ChangeRequest(ctx, r.ID, files.RequestPatch{Password: &none})
				w.ok(err)
			}, ""},
			"removed": {func(_ coffer.ID, r files.RequestItem, _ coffer.ID) { w.ok(ann.RemoveRequest(ctx, r.ID)) }, nil, ""},
		} {
			dir := ann.mkdir(ann.root, name)
			g := ann.give(dir, ben, manage)
			r := ben.ask(dir, nil)
			w.ok(w.send(r.Address, maria(), "before", of(1)))
			v, err := w.visit(r.Address)
			w.ok(err)
			d, err := v.BeginDelivery(ctx, maria())
			w.ok(err)
			// Bytes of both roads are on their way when it stops.
			run := []error{}
			for _, size := range []int64{100, 3 << 20} {
				first := len(run) == 0
				at := &atEnd{r: bytes.NewReader(random(int(size))), do: func() {
					if first {
						row.stop(dir, r, g)
					}
				}}
				run = append(run, v.Send(ctx, d, "running", 0, files.Body{Reader: at, Size: size}))
			}
			for _, err := range run {
				if c := code(err); c != "not_found" && (name != "full" || c != "request_full") {
					t.Errorf("%s: what was on its way: %v", name, err)
				}
			}
			if got := w.send(r.Address, maria(), "after", of(1)); code(got) != "not_found" && (name != "full" || code(got) != "request_full") && name != "another password" {
				t.Errorf("%s: afterwards: %v", name, got)
			}
			_, visit := w.visit(r.Address)
			if name == "full" {
				v, err := w.visit(r.Address)
				w.ok(err)
				_, visit = v.Asked(ctx)
			}
			if !errors.Is(visit, coffer.ErrNotFound) && name != "another password" {
				t.Errorf("%s: the page: %v", name, visit)
			}
			if row.state != "" {
				item, err := ann.Request(ctx, r.ID)
				w.ok(err)
				if item.State != row.state || item.Stopped != strings.HasPrefix(name, "maker") {
					t.Errorf("%s: state %s, stopped %v", name, item.State, item.Stopped)
				}
			}
			if row.back == nil {
				continue
			}
			row.back(dir, r, g)
			if err := w.send(r.Address, maria(), "again", of(1)); err != nil {
				t.Errorf("%s: and back: %v", name, err)
			}
		}
		for _, address := range []string{"", "x", strings.Repeat("0", 26), coffer.RandomID().String(), strings.Repeat("z", 26)} {
			if _, err := w.visit(address); !errors.Is(err, coffer.ErrNotFound) {
				t.Errorf("%q: %v", address, err)
			}
		}
		if s := ann.space(); s.Reserved != 0 {
			t.Errorf("%d bytes stay reserved", s.Reserved)
		}
		w.clean(0)
	})
}

// TestRequestLimits: type, size and room are kept, whatever was said before.
func TestRequestLimits(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann := w.person("Ann")
		dir := ann.mkdir(ann.root, "In")
		r := ann.ask(dir, func(n *files.NewRequest) { n.Types, n.MaxBytes, n.AskEmail = []string{"pdf", "pictures"}, 3<<20, true })
		pdf := append([]byte("%PDF-1.7\n"), random(100)...)
		exe := append([]byte("MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff"), random(5000)...)
		for _, row := range []struct {
			name string
			from files.Sender
			body files.Body
			want string
		}{
			{"Deed.pdf", maria(), body(pdf), ""},
			{"Deed.pdf", maria(), files.Body{Reader: bytes.NewReader(pdf), Size: -1}, ""},
			{"Scan.exe", maria(), body(pdf), "type_refused"},
			{"Scan.pdf", maria(), body(exe), "type_refused"},
			{"Scan.pdf", maria(), files.Body{Reader: io.MultiReader(bytes.NewReader(exe), bytes.NewReader(random(2<<20))), Size: -1}, "type_refused"},
			{"Film.pdf", maria(), of(3<<20 + 1), "too_large"},
			{"Film.pdf", maria(), files.Body{Reader: io.MultiReader(bytes.NewReader(pdf), bytes.NewReader(random(3<<20))), Size: -1}, "too_large"},
			{"Deed.pdf", files.Sender{Email: "maria@example.com"}, body(pdf), "name_missing"},
			{"Deed.pdf", files.Sender{Name: " \t "}, body(pdf), "name_missing"},
			{"Deed.pdf", files.Sender{Name: "Maria"}, body(pdf), "email_invalid"},
			{"Deed.pdf", files.Sender{Name: "Maria", Email: "maria@"}, body(pdf), "email_invalid"},
			{"Deed.pdf", files.Sender{Name: "Maria\u202e", Email: "maria@example.com"}, body(pdf), "name_invalid"},
			{"Deed.pdf", files.Sender{Name: strings.Repeat("m", 101), Email: "maria@example.com"}, body(pdf), "name_invalid"},
		} {
			if err := w.send(r.Address, row.from, row.name, row.body); code(err) != row.want {
				t.Errorf("%s from %v: %v, want %q", row.name, row.from, err, row.want)
			}
		}
		if got := ann.names(dir); got != "Deed (2).pdf Deed.pdf" && got != "Deed.pdf Deed (2).pdf" {
			t.Errorf("there is %s", got)
		}
		ann.setQuota(1 << 20)
		if err := w.send(r.Address, maria(), "Deed.pdf", of(2<<20)); code(err) != "over_quota" {
			t.Errorf("no room: %v", err)
		}
		w.ok(w.send(r.Address, maria(), "Deed.pdf", files.Body{Reader: bytes.NewReader(pdf), Size: -1})) // small, though of unknown length
		if s := ann.space(); s.Reserved != 0 || s.Used != int64(3*len(pdf)) {
			t.Errorf("space %+v", s)
		}
		w.clean(0)
	})
}
