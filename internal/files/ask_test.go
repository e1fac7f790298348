package files_test

import (
	"strings"
	"testing"
	"time"

	"coffer"
	"coffer/internal/db"
	"coffer/internal/files"
)

// TestAsk: who may only look asks for more; those who manage it are told, in the
// page and by mail, and nobody else; once a day.
func TestAsk(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.withPost()
		ann, ben, cid, mia, eve := w.person("Ann"), w.person("Ben"), w.person("Cid"), w.person("Mia"), w.person("Eve")
		top := ann.mkdir(ann.root, "Closing")
		doc := ann.put(top, "Bundle.pdf", []byte("x")).ID
		ann.give(top, ben, view)
		ann.give(top, cid, edit)
		ann.give(top, mia, manage)
		w.mailed(b, ben, cid, mia)
		for _, p := range []*person{ann, ben, cid, mia} {
			w.ok(p.ReadNotices(ctx, nil, true))
		}
		unread := func(p *person) string {
			page, err := p.Notices(ctx, 0, "")
			w.ok(err)
			var out []string
			for _, n := range page.Items[:page.Unread] {
				out = append(out, string(n.Kind)+" "+n.Told.Name+" by "+n.Told.By+" "+n.Told.Role+" "+n.Told.Message)
			}
			return strings.Join(out, ", ")
		}
		for name, err := range map[string]error{
			"not_found":       eve.Ask(ctx, doc, ""),
			"manages_already": mia.Ask(ctx, doc, ""),
			"message_long":    ben.Ask(ctx, doc, strings.Repeat("x", 1001)),
		} {
			if code(err) != name {
				t.Errorf("%v, want %s", err, name)
			}
		}
		w.ok(ben.Ask(ctx, doc, "I want to sign it."))
		if got := unread(ann) + "; " + unread(mia) + "; " + unread(cid) + unread(ben) + unread(eve); got != "share_asked Bundle.pdf by Ben view I want to sign it.; share_asked Bundle.pdf by Ben view I want to sign it.; " {
			t.Errorf("told: %s", got)
		}
		err := ben.Ask(ctx, doc, "")
		if code(err) != "limited" || unread(ann) != "share_asked Bundle.pdf by Ben view I want to sign it." {
			t.Errorf("asked again: %v, %s", err, unread(ann))
		}
		letters := w.mailed(b, ann, mia, cid, ben)
		if len(letters) != 2 || letters[0].Subject != "Ben asks for more rights to “Bundle.pdf”" || !strings.Contains(letters[0].Text, "“I want to sign it.”") || !strings.Contains(letters[0].Text, "So far they can view and download.") {
			t.Errorf("letters: %+v", letters)
		}
		w.clock.move(24 * time.Hour)
		w.ok(ben.Ask(ctx, doc, ""))
		w.wants("the record", ann.told(files.ActivityOptions{Node: doc, Kind: "shared", Each: true}), "Ben grant.asked Bundle.pdf", "Ben grant.asked Bundle.pdf")
		// In all, not only for one thing.
		for range 18 {
			w.ok(ben.Ask(ctx, ann.put(top, coffer.RandomID().String(), []byte("x")).ID, ""))
		}
		w.ok(ben.Ask(ctx, top, ""))
		if err := ben.Ask(ctx, ann.put(top, "one more", []byte("x")).ID, ""); code(err) != "limited" {
			t.Errorf("asked for the 21st time: %v", err)
		}
	})
}

// TestNamedLinks: a link for named people is no link for anybody: neither in the
// answer to who can open something, nor for the rule of passwords.
func TestNamedLinks(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann := w.person("Ann")
		dir := ann.mkdir(ann.root, "Closing")
		w.ok(w.db.Update(ctx, func(tx *db.Tx) error {
			p := coffer.DefaultPolicy()
			p.LinkPassword = true
			return tx.SetPolicy(p)
		}))
		none := ""
		if _, _, err := ann.MakeLink(ctx, dir, files.NewLink{Password: &none}); code(err) != "password_needed" {
			t.Errorf("for anybody, without a password: %v", err)
		}
		named, password, err := ann.MakeLink(ctx, dir, files.NewLink{Recipients: []string{"maria@lindqvist.example"}})
		w.ok(err)
		if password != "" || !named.Named || strings.Contains(strings.Join(named.Warnings, " "), "no_password") {
			t.Errorf("the link is %+v, password %q", named, password)
		}
		both := "a good password"
		_, err = ann.ChangeLink(ctx, named.ID, files.LinkPatch{Password: &both})
		w.ok(err)
		_, err = ann.ChangeLink(ctx, named.ID, files.LinkPatch{Password: &none})
		w.ok(err)
		w.ok(ann.DropRecipient(ctx, named.ID, named.Recipients[0].ID)) // for nobody: not for anybody
		answer := func(want string, links files.Lent) {
			t.Helper()
			a, err := ann.Access(ctx, dir)
			w.ok(err)
			if a.Sentences[0] != want || a.Links != links {
				t.Errorf("%q, %+v; want %q", a.Sentences[0], a.Links, want)
			}
		}
		answer("Only you can open this folder. One link opens it for those outside whom it was made for, and for nobody else.", files.Lent{Named: 1})
		open, _, err := ann.MakeLink(ctx, dir, files.NewLink{})
		w.ok(err)
		answer("Only you can open this folder, and so can anyone with the link and its password. One link opens it for those outside whom it was made for, and for nobody else.", files.Lent{Links: 1, Named: 1})
		if _, err := ann.ChangeLink(ctx, open.ID, files.LinkPatch{Password: &none}); code(err) != "password_needed" {
			t.Errorf("its password taken away: %v", err)
		}
		list, err := ann.Children(ctx, ann.root, files.ListOptions{})
		w.ok(err)
		if r := list.Items[0].Reach; r == nil || r.Links != (files.Lent{Links: 1, Named: 1}) {
			t.Errorf("in the list: %+v", r)
		}
	})
}
