package files_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"coffer"
	"coffer/internal/content"
	"coffer/internal/db"
	"coffer/internal/files"
	"coffer/internal/mail"
)

// A postbox is the post of a service under test: what it has written, and the
// mails that are to be.
type postbox struct {
	mu      sync.Mutex
	letters []mail.Message
	asked   map[coffer.ID][]int64
	fail    error
}

// withPost gives the world a service whose post is looked at.
func (w *world) withPost() *postbox {
	b := &postbox{asked: map[coffer.ID][]int64{}}
	w.svc = files.New(files.Deps{DB: w.db, Blobs: w.store, Keys: w.keys, IO: new(content.IO), Install: w.install,
		Noticed: func(_ *db.Tx, user coffer.ID, at int64) error {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.asked[user] = append(b.asked[user], at)
			return b.fail
		},
		Post: func(_ *db.Tx, write func(mail.Site) mail.Message) error {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.letters = append(b.letters, write(mail.Site{Organisation: "Halden & Roe", BaseURL: "https://files.example"}))
			return b.fail
		}})
	return b
}

// take returns what was written since the last call.
func (b *postbox) take() []mail.Message {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := b.letters
	b.letters = nil
	return out
}

// noticed tells kinds, names and counts of what a person was told, newest first;
// in brackets where it leads nowhere.
func (p *person) noticed() string {
	p.w.t.Helper()
	page, err := p.w.svc.As(p.who).Notices(ctx, 0, "")
	p.w.ok(err)
	var out []string
	for _, n := range page.Items {
		text := string(n.Kind) + " " + n.Told.Name + " by " + n.Told.By
		if n.Node == nil {
			text = "(" + text + ")"
		}
		out = append(out, text)
	}
	return strings.Join(out, ", ")
}

// mailed lets the wait pass, runs the job of each person, and returns what was
// written.
func (w *world) mailed(b *postbox, who ...*person) []mail.Message {
	w.t.Helper()
	w.clock.move(20 * time.Minute)
	for _, p := range who {
		w.ok(w.svc.MailNotices(ctx, p.who.User.ID))
	}
	return b.take()
}

func (p *person) ungive(node, grant coffer.ID) {
	p.w.t.Helper()
	p.w.ok(p.w.svc.As(p.who).Ungrant(ctx, node, grant))
}

// TestShareNotices: who was given something is told, who lost the last way to it
// too; nobody who did it, has more already or still gets in.
func TestShareNotices(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.withPost()
		ann, ben, cid, eve := w.person("Ann"), w.person("Ben"), w.person("Cid"), w.person("Eve")
		top := ann.mkdir(ann.root, "Closing")
		doc := ann.put(top, "Bundle.pdf", []byte("x")).ID
		crew := w.group("Crew", ann, ben, cid)

		g, err := ann.View.Grant(ctx, top, files.NewGrant{UserID: ben.who.User.ID, Access: edit, Message: "Look at page 3."})
		w.ok(err)
		if got := ben.noticed(); got != "share_given Closing by Ann" {
			t.Errorf("Ben: %s", got)
		}
		letters := w.mailed(b, ben)
		if len(letters) != 1 || letters[0].To != "ben@example.com" || letters[0].Subject != "Ann shared “Closing” with you" ||
			!strings.Contains(letters[0].Text, "You can view, upload, rename, move and delete.") || !strings.Contains(letters[0].Text, "“Look at page 3.”") ||
			!strings.Contains(letters[0].Text, "https://files.example/files/"+top.String()) {
			t.Errorf("letters to Ben: %+v", letters)
		}
		if again := w.mailed(b, ben); len(again) != 0 {
			t.Errorf("mailed twice: %+v", again)
		}

		// To a group: only who gets more by it, and not the giver.
		cg, err := ann.View.Grant(ctx, top, files.NewGrant{GroupID: crew, Access: view})
		w.ok(err)
		if got := ann.noticed() + "; " + ben.noticed() + "; " + cid.noticed() + "; " + eve.noticed(); got != "; share_given Closing by Ann; share_given Closing by Ann; " {
			t.Errorf("told by the group: %s", got)
		}
		ann.ungive(top, g.ID) // the group still gives it to Ben
		if got := ben.noticed(); got != "share_given Closing by Ann" {
			t.Errorf("Ben, who still gets in: %s", got)
		}
		ann.ungive(top, cg.ID)
		if got := ben.noticed(); got != "(share_ended Closing by Ann), (share_given Closing by Ann)" {
			t.Errorf("Ben, after all: %s", got)
		}
		// Cid was never mailed that he got it: neither that he lost it.
		if letters := w.mailed(b, ben, cid); len(letters) != 1 || letters[0].To != "ben@example.com" || letters[0].Subject != "Ann ended your access to “Closing”" {
			t.Errorf("after all was taken: %+v", letters)
		}

		// Several in one mail, without names, and nothing of what is lost again.
		hidden := ann.mkdir(ann.root, "Hidden-canary")
		hg := ann.give(hidden, cid, view)
		ann.give(doc, cid, view)
		ann.give(ann.mkdir(ann.root, "Second"), cid, manage)
		ann.ungive(hidden, hg)
		off := coffer.DefaultNotices
		off.Names = false
		w.ok(w.db.Update(ctx, func(tx *db.Tx) error { return tx.SetNoticeSettings(cid.who.User.ID, off) }))
		letters = w.mailed(b, cid)
		if len(letters) != 1 || letters[0].Subject != "2 notices from Halden & Roe files" || !strings.Contains(letters[0].Text, "Ann gave you access to the file. You can view and download it.") ||
			!strings.Contains(letters[0].Text, "https://files.example/notices") {
			t.Errorf("letters to Cid: %+v", letters)
		}
		for _, name := range []string{"Bundle", "Second", "canary"} {
			for _, l := range letters {
				if strings.Contains(l.Subject+l.Text+l.HTML, name) {
					t.Errorf("the letter holds %q: %s", name, l.Text)
				}
			}
		}

		// Whose account is off gets no mail.
		ann.give(doc, eve, view)
		w.ok(w.db.Update(ctx, func(tx *db.Tx) error { return tx.SetUserDisabled(eve.who.User.ID, true) }))
		if letters := w.mailed(b, eve); len(letters) != 0 {
			t.Errorf("mailed to an account that is off: %+v", letters)
		}
	})
}

// TestNoticesRead: a person reads their own only, page by page, and by a program
// in scope only.
func TestNoticesRead(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.withPost()
		ann, ben, cid := w.person("Ann"), w.person("Ben"), w.person("Cid")
		var ids []coffer.ID
		for _, name := range []string{"a", "b", "c"} {
			ann.give(ann.mkdir(ann.root, name), ben, view)
			w.clock.move(time.Second)
		}
		v := w.svc.As(ben.who)
		next := ""
		for range 3 {
			page, err := v.Notices(ctx, 1, next)
			w.ok(err)
			if len(page.Items) != 1 || page.Unread != 3 {
				t.Fatalf("a page: %+v", page)
			}
			ids = append(ids, page.Items[0].ID)
			next = page.Next
		}
		if next != "" {
			t.Error("there is a page after the last")
		}
		if err := w.svc.As(cid.who).ReadNotices(ctx, ids[:1], false); coffer.KindOf(err) != coffer.NotFound {
			t.Errorf("Cid reads Ben's: %v", err)
		}
		w.ok(v.ReadNotices(ctx, ids[:1], false))
		page, err := v.Notices(ctx, 0, "")
		w.ok(err)
		if page.Unread != 2 || !page.Items[0].Read || page.Items[1].Read {
			t.Errorf("after one was read: %+v", page)
		}
		w.ok(v.ReadNotices(ctx, nil, true))
		if page, err := v.Notices(ctx, 0, ""); err != nil || page.Unread != 0 {
			t.Errorf("after all were read: %+v, %v", page, err)
		}
		for _, limit := range []int{-1, 201} {
			if _, err := v.Notices(ctx, limit, ""); code(err) != "invalid" {
				t.Errorf("limit %d: %v", limit, err)
			}
		}
		first, err := v.Notices(ctx, 1, "")
		w.ok(err)
		if _, err := w.svc.As(cid.who).Notices(ctx, 1, first.Next); err == nil {
			t.Error("Cid goes on in Ben's list")
		}
		if _, err := w.svc.As(coffer.SystemPrincipal("job")).Notices(ctx, 1, ""); coffer.KindOf(err) != coffer.NotFound {
			t.Errorf("the server has notices: %v", err)
		}
	})
}

// TestStorageNotice: owners are told once, when nine tenths are passed.
func TestStorageNotice(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.withPost()
		ann := w.person("Ann")
		ann.View = w.svc.As(ann.who)
		ann.setQuota(1000)
		ann.put(ann.root, "most", make([]byte, 800))
		if got := ann.noticed(); got != "" {
			t.Errorf("below nine tenths: %s", got)
		}
		ann.put(ann.root, "more", make([]byte, 120))
		ann.put(ann.root, "and more", make([]byte, 20))
		if got := ann.noticed(); got != "storage_low  by " {
			t.Errorf("above nine tenths: %s", got)
		}
		letters := w.mailed(b, ann)
		if len(letters) != 1 || letters[0].Subject != "Your storage is almost full" || !strings.Contains(letters[0].Text, "80 bytes of 1.0 kB are left") {
			t.Errorf("letters: %+v", letters)
		}
		// Room again, and used again: told again.
		gone, err := ann.Resolve(ctx, coffer.ID{}, "/most")
		w.ok(err)
		ann.trash(gone.ID)
		_, err = ann.Delete(ctx, gone.ID)
		w.ok(err)
		w.ok(w.svc.PurgeDoomed(ctx, gone.ID))
		ann.put(ann.root, "again", make([]byte, 800))
		if got := ann.noticed(); got != "storage_low  by , storage_low  by " {
			t.Errorf("once more: %s", got)
		}
	})
}

// TestNoticeFaults: a notice that cannot be stored, or a mail that cannot, takes
// all of the act with it; what was lost on the way is asked for again.
func TestNoticeFaults(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.withPost()
		ann, ben := w.person("Ann"), w.person("Ben")
		top := ann.mkdir(ann.root, "top")
		b.fail = coffer.E(coffer.Internal, "broken", "The queue is broken.")
		if _, err := ann.View.Grant(ctx, top, files.NewGrant{UserID: ben.who.User.ID, Access: view}); code(err) != "broken" {
			t.Fatalf("given without its notice: %v", err)
		}
		if _, err := ben.Stat(ctx, top); coffer.KindOf(err) != coffer.NotFound || ben.noticed() != "" {
			t.Errorf("something is left: %v, %s", err, ben.noticed())
		}
		b.fail = nil
		ann.give(top, ben, view)
		w.clock.move(2 * time.Hour)
		b.fail = coffer.E(coffer.Internal, "broken", "The post is broken.")
		if err := w.svc.MailNotices(ctx, ben.who.User.ID); code(err) != "broken" {
			t.Errorf("mailed without a letter: %v", err)
		}
		b.fail, b.letters, b.asked = nil, nil, map[coffer.ID][]int64{}
		w.ok(w.svc.PurgeNotices(ctx))
		if got := b.asked[ben.who.User.ID]; !slices.Equal(got, []int64{w.clock.now().UnixMilli()}) {
			t.Errorf("asked for again: %v", got)
		}
		w.ok(w.svc.MailNotices(ctx, ben.who.User.ID))
		if letters := b.take(); len(letters) != 1 {
			t.Errorf("letters: %+v", letters)
		}
		w.clock.move(91 * 24 * time.Hour)
		w.ok(w.svc.PurgeNotices(ctx))
		if got := ben.noticed(); got != "" {
			t.Errorf("kept for ever: %s", got)
		}
	})
}

// TestNoticesMailedOnce: two servers that write the same mail at once write one.
func TestNoticesMailedOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.withPost()
		ann, ben := w.person("Ann"), w.person("Ben")
		for range 5 {
			ann.give(ann.mkdir(ann.root, coffer.NewID().String()), ben, view)
		}
		w.clock.move(time.Hour)
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				if err := w.svc.MailNotices(ctx, ben.who.User.ID); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		told := 0
		for _, l := range b.take() {
			told += strings.Count(l.Text, "gave you access")
		}
		if told != 5 {
			t.Errorf("%d of 5 notices stand in letters", told)
		}
	})
}
