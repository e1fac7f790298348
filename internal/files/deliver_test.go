package files_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"coffer"
	"coffer/internal/files"
)

// TestRequestCountHolds: of 50 senders at once exactly as many get a file in as
// the request takes, by short bodies, long ones, and pieces.
func TestRequestCountHolds(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann := w.person("Ann")
		for i, way := range []string{"small", "large", "pieces", "mixed"} {
			dir := ann.mkdir(ann.root, way)
			r := ann.ask(dir, func(n *files.NewRequest) { n.MaxFiles, n.Subfolders = 7, i%2 == 1 })
			errs := atOnce(50, func(n int) error {
				from := files.Sender{Name: fmt.Sprint("Sender ", n%5)}
				switch {
				case way == "pieces", way == "mixed" && n%3 == 0:
					return w.sendPiece(r.Address, from, "same.bin", random(1000))
				case way == "large", way == "mixed" && n%3 == 1:
					return w.send(r.Address, from, "same.bin", of(smallBody+1000))
				}
				return w.send(r.Address, from, "same.bin", of(1000))
			})
			if count(errs, "") != 7 || count(errs, "")+count(errs, "request_full") != 50 {
				t.Errorf("%s: %d got in, %d full: %v", way, count(errs, ""), count(errs, "request_full"), errs)
			}
			item, err := ann.Request(ctx, r.ID)
			w.ok(err)
			files, bytes := ann.tree(dir)
			if item.Files != 7 || files != 7 || item.Bytes != bytes || item.State != coffer.RequestFull {
				t.Errorf("%s: counted %d, %d bytes; there are %d, %d bytes; %s", way, item.Files, item.Bytes, files, bytes, item.State)
			}
		}
		if s := ann.space(); s.Reserved != 0 {
			t.Errorf("%d bytes stay reserved", s.Reserved)
		}
		w.clean(0)
	})
}

const smallBody = 1 << 20 // above it a body has rows before it is whole

// tree counts the files below a folder.
func (p *person) tree(folder coffer.ID) (files, bytes int64) {
	p.w.t.Helper()
	page, err := p.Children(ctx, folder, listAll())
	p.w.ok(err)
	for _, i := range page.Items {
		n, b := int64(1), i.Size
		if i.Kind == coffer.Folder {
			n, b = p.tree(i.ID)
		}
		files, bytes = files+n, bytes+b
	}
	return files, bytes
}

func listAll() files.ListOptions { return files.ListOptions{Limit: 10000} }

// sendPiece sends a file as a client that may be cut off does, in two requests.
func (w *world) sendPiece(address string, from files.Sender, name string, data []byte) error {
	v, err := w.visit(address)
	if err != nil {
		return err
	}
	p, err := v.Begin(ctx, files.NewPiece{Name: name, Size: int64(len(data)), Sender: from})
	if err != nil {
		return err
	}
	half := len(data) / 2
	for _, part := range [][]byte{data[:half], data[half:]} {
		lease := coffer.RandomID()
		if ok, err := v.Lease(ctx, p.ID, lease); err != nil || !ok {
			return fmt.Errorf("lease: %v, %w", ok, err)
		}
		if _, err := v.Append(ctx, p.ID, lease, bytes.NewReader(part), nil); err != nil {
			return err
		}
		if err := w.svc.Free(ctx, p.ID, lease); err != nil {
			return err
		}
		if v, err = w.visit(address); err != nil { // each request comes in anew
			return err
		}
	}
	d, created, err := v.Finish(ctx, p.ID, coffer.ID{}, nil)
	if err == nil && (!d.ID.IsZero() || d.Name != "" || created) {
		return fmt.Errorf("the sender learns of %+v", d.Item)
	}
	if done, err := v.Piece(ctx, p.ID); err == nil && (!done.NodeID.IsZero() || !done.VersionID.IsZero()) {
		return errors.New("the piece tells what became of it")
	}
	return err
}

// TestRequestPieces: what arrives in pieces holds its place, gives it back when
// it ends or expires, and is told once all is quiet.
func TestRequestPieces(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann := w.person("Ann")
		dir := ann.mkdir(ann.root, "In")
		r := ann.ask(dir, func(n *files.NewRequest) { n.MaxFiles, n.Types = 2, []string{".bin", "pdf"} })
		v, err := w.visit(r.Address)
		w.ok(err)
		begin := func(name string) (files.Piece, error) {
			return v.Begin(ctx, files.NewPiece{Name: name, Size: 100, Sender: maria(), Parent: ann.root, IfExists: coffer.Replace})
		}
		one, err := begin("a.bin")
		w.ok(err)
		_, err = begin("b.bin")
		w.ok(err)
		if _, err := begin("c.bin"); code(err) != "request_full" {
			t.Errorf("a third one: %v", err)
		}
		if err := w.send(r.Address, maria(), "c.bin", of(1)); code(err) != "request_full" {
			t.Errorf("a third one, whole: %v", err)
		}
		w.ok(v.End(ctx, one.ID))
		w.ok(w.sendPiece(r.Address, maria(), "c.bin", random(100)))
		w.clock.move(8 * 24 * time.Hour)
		w.ok(w.svc.CollectUploads(ctx))
		w.ok(w.send(r.Address, maria(), "d.bin", of(1)))
		if got := ann.names(dir); got != "c.bin d.bin" {
			t.Errorf("there is %s", got)
		}
		for _, n := range []files.NewPiece{{Name: "x.bin", Size: -1, Sender: maria()}, {Name: "x.bin", Size: 5, Partial: true, Sender: maria()}, {Name: "x.exe", Size: 5, Sender: maria()}, {Name: "x.bin", Size: 5}} {
			if _, err := v.Begin(ctx, n); err == nil {
				t.Errorf("%+v was begun", n)
			}
		}
		// Another address opens nobody's pieces.
		wide := int64(9)
		_, err = ann.ChangeRequest(ctx, r.ID, files.RequestPatch{MaxFiles: &wide})
		w.ok(err)
		two, err := begin("e.bin")
		w.ok(err)
		other := ann.ask(dir, nil)
		theirs, err := w.visit(other.Address)
		w.ok(err)
		for what, err := range map[string]error{"look": second(theirs.Piece(ctx, two.ID)), "end": theirs.End(ctx, two.ID), "Ann's look": second(ann.Piece(ctx, two.ID)),
			"finish": third(theirs.Finish(ctx, two.ID, coffer.ID{}, nil)), "append": second(theirs.Append(ctx, two.ID, coffer.RandomID(), strings.NewReader("x"), nil))} {
			if !errors.Is(err, coffer.ErrNotFound) {
				t.Errorf("%s at another's piece: %v", what, err)
			}
		}
		// Content that is not what its name says keeps no room.
		w.ok(v.End(ctx, two.ID))
		if err := w.sendPiece(r.Address, maria(), "x.pdf", []byte("<!doctype html><html><body>"+strings.Repeat("a page ", 20))); code(err) != "type_refused" {
			t.Errorf("a page as a PDF: %v", err)
		}
		if s := ann.space(); s.Reserved != 0 {
			t.Errorf("%d bytes stay reserved", s.Reserved)
		}
		w.clock.move(3 * time.Minute)
		w.ok(w.svc.CloseDeliveries(ctx))
		w.ok(ann.ReadNotices(ctx, nil, true))
		w.ok(w.sendPiece(r.Address, files.Sender{Name: "Otto"}, "f.bin", random(100)))
		w.ok(w.sendPiece(r.Address, files.Sender{Name: "Otto"}, "g.bin", random(100)))
		w.ok(w.svc.CloseDeliveries(ctx))
		if told, err := ann.Notices(ctx, 0, ""); err != nil || told.Unread != 0 {
			t.Errorf("told while more may come: %+v, %v", told, err)
		}
		w.clock.move(3 * time.Minute)
		w.ok(w.svc.CloseDeliveries(ctx))
		w.ok(w.svc.CloseDeliveries(ctx))
		if told, err := ann.Notices(ctx, 0, ""); err != nil || told.Unread != 1 || told.Items[0].Told.Files != 2 || told.Items[0].Told.Bytes != 200 || told.Items[0].Told.Who != "Otto" {
			t.Errorf("told %+v, %v", told, err)
		}
		w.clean(0)
	})
}

// TestRequestPlaceEnds: a place is free again an hour after nothing has come, and
// a day after the last byte, at that moment and without a job; then the room of
// the space too, with one.
func TestRequestPlaceEnds(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann := w.person("Ann")
		dir := ann.mkdir(ann.root, "In")
		r := ann.ask(dir, func(n *files.NewRequest) { n.MaxFiles = 1 })
		v, err := w.visit(r.Address)
		w.ok(err)
		begin := func() (files.Piece, error) {
			return v.Begin(ctx, files.NewPiece{Name: "f", Size: 100, Sender: maria()})
		}
		idle, err := begin()
		w.ok(err)
		w.clock.move(time.Hour - time.Second)
		if _, err := begin(); err == nil {
			t.Error("two have the one place")
		}
		w.clock.move(time.Second)
		slow, err := begin()
		w.ok(err)
		lease := coffer.RandomID()
		w.ok(second(v.Lease(ctx, slow.ID, lease)))
		w.ok(second(v.Append(ctx, slow.ID, lease, bytes.NewReader(random(10)), nil)))
		w.ok(w.svc.Free(ctx, slow.ID, lease))
		w.clock.move(24*time.Hour - time.Second)
		if _, err := begin(); err == nil {
			t.Error("two have the one place, of which one has sent something")
		}
		w.ok(w.svc.CollectUploads(ctx))
		if _, err := v.Piece(ctx, idle.ID); err == nil {
			t.Error("who sent nothing goes on")
		}
		if s := ann.space(); s.Reserved != 100 {
			t.Errorf("%d bytes are reserved, want those of one", s.Reserved)
		}
		w.clock.move(time.Second)
		w.ok(second(begin()))
	})
}
