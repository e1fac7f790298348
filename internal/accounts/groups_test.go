package accounts_test

import (
	"fmt"
	"slices"
	"testing"

	"coffer"
	"coffer/internal/db"
)

// TestGroupsOnRecord: each change of a group tells who, what, before and after;
// what changes nothing leaves no line.
func TestGroupsOnRecord(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		ann := h.user("ann@haldenroe.example", coffer.RoleAdmin)
		ben := h.user("ben@haldenroe.example", coffer.RoleMember)
		admin := coffer.Principal{Kind: coffer.UserKind, User: ann, Scopes: coffer.AllScopes[:], Address: "192.0.2.7", RequestID: "7Q2M-4K"}
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		g, err := h.MakeGroup(ctx, admin, "Crew")
		must(err)
		_, err = h.RenameGroup(ctx, admin, g.ID, "Crew")
		must(err)
		_, err = h.RenameGroup(ctx, admin, g.ID, "Board")
		must(err)
		must(h.AddMember(ctx, admin, g.ID, ben.Email))
		must(h.AddMember(ctx, admin, g.ID, ben.Email))
		must(h.RemoveMember(ctx, admin, g.ID, ben.ID.String()))
		must(h.AddMember(ctx, admin, g.ID, ben.ID.String()))
		must(h.DeleteGroup(ctx, admin, g.ID))
		var told []string
		must(h.db.View(ctx, func(tx *db.Tx) error {
			events, err := tx.EventsOf(g.ID, 100)
			slices.Reverse(events)
			for _, e := range events {
				if e.ActorID != ann.ID || e.Detail["address"] != "192.0.2.7" {
					t.Errorf("event %+v", e)
				}
				told = append(told, fmt.Sprint(e.Action, " ", e.Detail["name"], " ", e.Detail["before"], " ", e.Detail["after"], " ", e.Detail["person"]))
			}
			return err
		}))
		name := ben.Name
		want := []string{"group.created Crew <nil> <nil> <nil>", "group.renamed <nil> Crew Board <nil>", "group.member_added Board <nil> <nil> " + name,
			"group.member_removed Board <nil> <nil> " + name, "group.member_added Board <nil> <nil> " + name, "group.deleted Board <nil> <nil> <nil>"}
		if !slices.Equal(told, want) {
			t.Errorf("the record:\n%q\nwant\n%q", told, want)
		}
		if _, err := h.Members(ctx, admin, g.ID); coffer.KindOf(err) != coffer.NotFound {
			t.Errorf("members of a group that is gone: %v", err)
		}
	})
}
