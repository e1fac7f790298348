package files_test

import (
	"fmt"
	"slices"
	"testing"

	"coffer"
	"coffer/internal/db"
	"coffer/internal/files"
)

func TestPolicy(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		boss, ann, guest := w.personAs("Boss", coffer.RoleAdmin), w.person("Ann"), w.personAs("Gus", coffer.RoleGuest)
		partners := w.group("Partners", ann)
		p, err := ann.Policy(ctx)
		w.ok(err)
		if p.LinkDays != 14 || p.LinkDaysMax != 0 || p.Outside != coffer.OutsideAll || p.LinkPassword || p.GroupsByMembers || !p.Lets {
			t.Fatalf("the first policy: %+v", p)
		}
		if p, err = guest.Policy(ctx); err != nil || p.Lets {
			t.Fatalf("a guest: %+v, %v", p, err)
		}
		for _, c := range []struct {
			what   string
			as     *person
			change files.PolicyPatch
			code   string
			field  string
		}{
			{"a member", ann, files.PolicyPatch{LinkPassword: new(true)}, "forbidden", ""},
			{"no days", boss, files.PolicyPatch{LinkDays: new(int64(0))}, "invalid", "link_days_default"},
			{"too many days", boss, files.PolicyPatch{LinkDaysMax: new(int64(4000))}, "invalid", "link_days_max"},
			{"a word", boss, files.PolicyPatch{Outside: new(coffer.Outside("x"))}, "invalid", "outside"},
			{"groups without any", boss, files.PolicyPatch{Outside: new(coffer.OutsideGroups)}, "invalid", "outside_groups"},
			{"no such group", boss, files.PolicyPatch{OutsideGroups: &[]coffer.ID{ann.root}}, "group_unknown", "outside_groups"},
			{"no domain", boss, files.PolicyPatch{Domains: &[]string{"exa mple.org"}}, "invalid", "recipient_domains"},
		} {
			_, err := c.as.ChangePolicy(ctx, c.change)
			if code(err) != c.code {
				t.Errorf("%s: %v, want %s", c.what, err, c.code)
			} else if e, _ := err.(*coffer.Error); c.field != "" && e.Fields[c.field] == "" {
				t.Errorf("%s: no word at %s: %v", c.what, c.field, e.Fields)
			}
		}
		p, err = boss.ChangePolicy(ctx, files.PolicyPatch{LinkDaysMax: new(int64(7)), Outside: new(coffer.OutsideGroups), OutsideGroups: &[]coffer.ID{partners},
			Domains: &[]string{" @Example.org", "b.example", "example.org"}, GroupsByMembers: new(true), LinkPassword: new(true)})
		w.ok(err)
		if p.LinkDays != 7 || p.LinkDaysMax != 7 || !p.LinkPassword || !p.GroupsByMembers || p.Lets || fmt.Sprint(p.Domains) != "[b.example example.org]" || !slices.Equal(p.OutsideGroups, []coffer.ID{partners}) {
			t.Fatalf("changed: %+v", p)
		}
		// What is not named stays, and each asks with its own groups.
		_, err = boss.ChangePolicy(ctx, files.PolicyPatch{LinkPassword: new(false)})
		w.ok(err)
		if p, err = ann.Policy(ctx); err != nil || !p.Lets || p.LinkPassword || p.LinkDaysMax != 7 {
			t.Fatalf("Ann is told %+v, %v", p, err)
		}
		if p, err = boss.Policy(ctx); err != nil || p.Lets {
			t.Fatalf("the boss is told %+v, %v", p, err)
		}
		if err := second(w.svc.As(coffer.Principal{}).Policy(ctx)); code(err) != "not_found" {
			t.Errorf("nobody is told the policy: %v", err)
		}
		var changes []coffer.Event
		var revoked db.Revocations
		w.ok(w.db.View(ctx, func(tx *db.Tx) (err error) {
			if revoked, err = tx.Revocations(); err != nil {
				return err
			}
			changes, err = tx.Query(db.EventQuery{Actor: boss.who.User.ID, Limit: 10})
			return err
		}))
		changes = slices.DeleteFunc(changes, func(e coffer.Event) bool { return e.Action != "policy.changed" })
		if len(changes) != 2 || changes[0].Detail["before"].(map[string]any)["link_password_always"] != true || changes[0].Detail["after"].(map[string]any)["link_password_always"] != false {
			t.Errorf("the record: %v", changes)
		}
		if revoked.Count == 0 {
			t.Error("nobody who is let in from outside is decided about again")
		}
	})
}
