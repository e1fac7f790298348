package files_test

import (
	"slices"
	"testing"
	"time"

	"coffer"
	"coffer/internal/files"
)

// TestWhoMayAsk tries the verbs about requests with every level and role.
func TestWhoMayAsk(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann := w.person("Ann")
		dir := ann.mkdir(ann.root, "In")
		off, title := true, "Changed"
		for _, row := range []struct {
			who                                      *person
			give                                     coffer.Access
			make, list, see, change, turnOff, remove string
		}{
			{ann, 0, "", "", "", "", "", ""},
			{w.person("Mia"), manage, "", "", "", "", "", ""},
			{w.person("Eddy"), edit, "forbidden", "forbidden", "forbidden", "forbidden", "forbidden", "forbidden"},
			{w.person("Vera"), view, "forbidden", "forbidden", "forbidden", "forbidden", "forbidden", "forbidden"},
			{w.person("Stan"), 0, "not_found", "not_found", "not_found", "not_found", "not_found", "not_found"},
			{w.personAs("Gus", coffer.RoleGuest), manage, "forbidden", "forbidden", "forbidden", "forbidden", "forbidden", "forbidden"},
			{w.personAs("Otis", coffer.RoleAdmin), 0, "not_found", "not_found", "", "forbidden", "", "forbidden"},
			{w.personAs("Aud", coffer.RoleAuditor), 0, "not_found", "not_found", "", "forbidden", "forbidden", "forbidden"},
		} {
			if row.give != 0 {
				ann.give(dir, row.who, row.give)
			}
			r := ann.ask(dir, nil)
			seen, err := row.who.Request(ctx, r.ID)
			for what, got := range map[string][2]string{
				"make":   {code(second(row.who.MakeRequest(ctx, dir, files.NewRequest{Title: "x"}))), row.make},
				"list":   {code(second(row.who.RequestsOf(ctx, dir))), row.list},
				"see":    {code(err), row.see},
				"change": {code(second(row.who.ChangeRequest(ctx, r.ID, files.RequestPatch{Title: &title}))), row.change},
				"off":    {code(second(row.who.ChangeRequest(ctx, r.ID, files.RequestPatch{Off: &off}))), row.turnOff},
				"remove": {code(row.who.RemoveRequest(ctx, r.ID)), row.remove},
			} {
				if got[0] != got[1] {
					t.Errorf("%s (%v): %s: %q, want %q", row.who.who.User.Name, row.give, what, got[0], got[1])
				}
			}
			if manages := row.make == ""; (seen.Address != "") != manages || (!seen.Folder.ID.IsZero()) != manages || seen.Manage != manages {
				t.Errorf("%s sees %+v", row.who.who.User.Name, seen)
			}
			few := row.who.as(func(p *coffer.Principal) {
				p.Scopes = slices.DeleteFunc(slices.Clone(p.Scopes), func(s coffer.Scope) bool { return s == coffer.ScopeShare || s == coffer.ScopeAdmin })
			})
			for what, err := range map[string]error{"make": second(few.MakeRequest(ctx, dir, files.NewRequest{Title: "x"})), "list": second(few.RequestsOf(ctx, dir)), "own": second(few.Requests(ctx, "", false)),
				"see": second(few.Request(ctx, r.ID)), "change": second(few.ChangeRequest(ctx, r.ID, files.RequestPatch{Off: &off}))} {
				if err == nil {
					t.Errorf("%s, without the scope: %s", row.who.who.User.Name, what)
				}
			}
		}
		// Who made one and lost the folder turns it off, and sees no address.
		ben := w.person("Ben")
		g := ann.give(dir, ben, manage)
		r := ben.ask(dir, nil)
		w.ok(ann.Ungrant(ctx, dir, g))
		mine, err := ben.Requests(ctx, "", false)
		w.ok(err)
		if len(mine) != 1 || mine[0].Address != "" || mine[0].Manage || !mine[0].Stopped || mine[0].State != coffer.RequestOff || mine[0].Folder.Name != "" {
			t.Errorf("Ben sees %+v", mine)
		}
		if err := second(ben.ChangeRequest(ctx, r.ID, files.RequestPatch{Title: &title})); code(err) != "forbidden" {
			t.Errorf("Ben changes it: %v", err)
		}
		w.ok(second(ben.ChangeRequest(ctx, r.ID, files.RequestPatch{Off: &off})))
		admin := w.personAs("Ada", coffer.RoleAdmin)
		all, err := admin.Requests(ctx, "", true)
		w.ok(err)
		for _, i := range all {
			if i.Address != "" || i.Folder.Name != "" || i.Note != "" || !i.NodeID.IsZero() {
				t.Errorf("an administrator sees %+v", i)
			}
		}
		results, err := admin.ChangeRequests(ctx, []coffer.ID{all[0].ID, coffer.RandomID()}, files.RequestPatch{Off: &off})
		w.ok(err)
		if results[0].Err != nil || code(results[1].Err) != "not_found" {
			t.Errorf("batch: %v", results)
		}
		if live, err := ann.Requests(ctx, coffer.RequestLive, false); err != nil || slices.ContainsFunc(live, func(i files.RequestItem) bool { return i.State != coffer.RequestLive }) {
			t.Errorf("live: %v, %v", live, err)
		}
		past, bad := w.clock.now().UnixMilli()-1, func(change func(n *files.NewRequest)) string {
			n := files.NewRequest{Title: "x"}
			change(&n)
			return code(second(ann.MakeRequest(ctx, dir, n)))
		}
		for want, got := range map[string]string{
			"title_missing":  bad(func(n *files.NewRequest) { n.Title = "  " }),
			"until_past":     bad(func(n *files.NewRequest) { n.EndsAt = &past }),
			"password_short": bad(func(n *files.NewRequest) { n.Password = "short" }),
			"invalid":        bad(func(n *files.NewRequest) { n.Types = []string{"exe"} }),
		} {
			if got != want {
				t.Errorf("%s: %s", want, got)
			}
		}
		file := ann.put(dir, "file", nil)
		if err := second(ann.MakeRequest(ctx, file.ID, files.NewRequest{Title: "x"})); code(err) != "not_a_folder" {
			t.Errorf("into a file: %v", err)
		}
		fresh, err := ann.MakeRequest(ctx, dir, files.NewRequest{Title: "x"})
		w.ok(err)
		if fresh.EndsAt != w.clock.now().Add(14*24*time.Hour).UnixMilli() {
			t.Errorf("ends at %d", fresh.EndsAt)
		}
	})
}
