package files_test

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"coffer"
	"coffer/internal/db"
	"coffer/internal/files"
)

// told is what somebody is told, newest first: "Ann file.uploaded plan 2".
func (p *person) told(o files.ActivityOptions) []string {
	p.w.t.Helper()
	a, err := p.Activity(ctx, o)
	p.w.ok(err)
	var lines []string
	for _, h := range a.Items {
		line := fmt.Sprintf("%s %s %s", h.Actor.Name, h.Action, h.Node.Name)
		if h.Count > 1 {
			line += fmt.Sprintf(" x%d", h.Count)
		}
		lines = append(lines, line)
	}
	return lines
}

func (w *world) wants(what string, got []string, want ...string) {
	w.t.Helper()
	if !slices.Equal(got, want) {
		w.t.Errorf("%s:\n%s\nwant:\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestActivity: who is told what happened, and since when.
func TestActivity(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann, ben, mia, cid := w.person("Ann"), w.person("Ben"), w.person("Mia"), w.person("Cid")
		step := func() { w.clock.move(time.Minute) }
		private := ann.mkdir(ann.root, "Private")
		deal := ann.mkdir(private, "Deal")
		step()
		plan := ann.put(deal, "plan", []byte("one"))
		step()
		ben1, mia1 := ann.give(deal, ben, view), ann.give(deal, mia, manage)
		step()
		second(ann.UploadVersion(ctx, plan.ID, coffer.ID{}, body([]byte("two"))))
		step()
		w.ok(second(ann.ChangeGrant(ctx, deal, ben1, files.GrantPatch{Access: edit})))
		name := "plan B"
		w.ok(second(ben.Change(ctx, plan.ID, files.Patch{Name: &name})))
		step()

		file := files.ActivityOptions{Node: plan.ID}
		all := []string{"Ben node.renamed plan B", "Ann file.uploaded plan", "Ann file.uploaded plan"}
		w.wants("the owner", ann.told(file), all...)
		w.wants("a manager", mia.told(file), all...)
		w.wants("since there is access, however it was changed", ben.told(file), all[:2]...)
		if err := second(cid.Activity(ctx, file)); code(err) != "not_found" {
			t.Errorf("a stranger: %v", err)
		}
		w.wants("a stranger's own", cid.told(files.ActivityOptions{}), "Cid space.created ")

		// The folder tells of what is in it, and what is not visible stays so.
		w.wants("the folder", ben.told(files.ActivityOptions{Node: deal}), "Ben node.renamed plan B", "Ann grant.changed Deal", "Ann file.uploaded plan", "Ann grant.given Deal", "Ann grant.given Deal")
		w.wants("the top", mia.told(files.ActivityOptions{Node: deal, Kind: "changed"}), "Ben node.renamed plan B", "Ann file.uploaded plan", "Ann file.uploaded plan", "Ann folder.created Deal")
		w.wants("by one", ann.told(files.ActivityOptions{Person: ben.who.User.ID}), "Ben node.renamed plan B")
		w.wants("all of one's own", mia.told(files.ActivityOptions{Kind: "changed"}), "Ben node.renamed plan B", "Ann file.uploaded plan", "Ann file.uploaded plan", "Ann folder.created Deal", "Mia space.created ")

		// Before and after.
		a, err := mia.Activity(ctx, files.ActivityOptions{Node: deal})
		w.ok(err)
		said := map[string]files.Happening{}
		for _, h := range a.Items {
			said[h.Action] = h
		}
		if r := said["node.renamed"]; r.Before["name"] != "plan" || r.After["name"] != "plan B" {
			t.Errorf("renamed: %v, %v", r.Before, r.After)
		}
		if g := said["grant.changed"]; g.Before["role"] != "view" || g.After["role"] != "edit" || g.About == nil || g.About.Name != "Ben" || g.About.Kind != "user" {
			t.Errorf("changed: %+v", g)
		}
		if g := said["grant.given"]; fmt.Sprint(g.Before["people"], g.After["people"]) != "1 2" { // the first of the two
			t.Errorf("given: %v, %v", g.Before, g.After)
		}
		if said["file.uploaded"].Version != 1 || a.KeptDays != 365 {
			t.Errorf("version %d, kept %d days", said["file.uploaded"].Version, a.KeptDays)
		}

		// Where it is now, to those who see that.
		for p, want := range map[*person][2]coffer.ID{ann: {deal, private}, ben: {deal, {}}} {
			a, err := p.Activity(ctx, files.ActivityOptions{Node: deal})
			w.ok(err)
			for _, h := range a.Items {
				if of := map[coffer.ID]coffer.ID{plan.ID: want[0], deal: want[1]}[h.Node.ID]; h.Parent != of {
					t.Errorf("%s: %s of %s is in %v, want %v", p.who.User.Name, h.Action, h.Node.Name, h.Parent, of)
				}
			}
		}
		w.ok(second(ann.KeepVersion(ctx, plan.ID, plan.VersionID, true)))
		kept, err := ann.Activity(ctx, files.ActivityOptions{Node: plan.ID, Limit: 1})
		w.ok(err)
		if h := kept.Items[0]; h.Action != "version.kept" || h.Before["keep"] != false || h.After["keep"] != true {
			t.Errorf("kept: %+v", h)
		}

		// A move tells of folders that one may see only.
		step()
		w.ok(second(ann.Change(ctx, plan.ID, files.Patch{Parent: &private})))
		w.ok(second(ann.Change(ctx, plan.ID, files.Patch{Parent: &deal})))
		for _, c := range []struct {
			who           *person
			before, after string
		}{{ann, "map[folder:Private]", "map[folder:Deal]"}, {ben, "map[]", "map[folder:Deal]"}} {
			a, err := c.who.Activity(ctx, files.ActivityOptions{Node: plan.ID, Limit: 1})
			w.ok(err)
			if h := a.Items[0]; h.Action != "node.moved" || fmt.Sprint(h.Before) != c.before || fmt.Sprint(h.After) != c.after {
				t.Errorf("%s: %s %v %v", c.who.who.User.Name, h.Action, h.Before, h.After)
			}
		}

		// Readings are told as one; each is told when asked for.
		for range 3 {
			w.clock.move(31 * time.Minute)
			got, err := ben.Open(ctx, plan.ID, coffer.ID{})
			w.ok(err)
			w.ok(second(got.WriteRange(ctx, io.Discard, 0, 1)))
			w.ok(got.Close())
		}
		w.wants("folded", ann.told(files.ActivityOptions{Node: plan.ID, Kind: "opened"}), "Ben file.opened plan B x3")
		w.wants("each", ann.told(files.ActivityOptions{Node: plan.ID, Kind: "opened", Each: true}), "Ben file.opened plan B", "Ben file.opened plan B", "Ben file.opened plan B")

		// What is in the trash or gone is told to who may look at the whole.
		step()
		w.ok(ann.Trash(ctx, plan.ID, 0))
		w.wants("in the trash", ann.told(files.ActivityOptions{Node: plan.ID, Limit: 1}), "Ann node.trashed plan B")
		w.wants("an editor of the folder may put it back", ben.told(files.ActivityOptions{Kind: "deleted"}), "Ann node.trashed plan B")
		w.ok(second(ann.Delete(ctx, plan.ID)))
		w.wants("gone, for the owner", ann.told(files.ActivityOptions{Kind: "deleted"}), "Ann node.deleted plan B", "Ann node.trashed plan B")
		w.wants("gone, for others", ben.told(files.ActivityOptions{Kind: "deleted"}))

		// No access, no event: it ends with the grant.
		w.ok(ann.Ungrant(ctx, deal, mia1))
		if err := second(mia.Activity(ctx, files.ActivityOptions{Node: deal})); code(err) != "not_found" {
			t.Errorf("after it was taken away: %v", err)
		}
		w.wants("what is left", mia.told(files.ActivityOptions{}), "Mia space.created ")
	})
}

// TestActivityPages: pages hold all, once and in order, whoever asks and
// however small they are; cursors are of one person and one list.
func TestActivityPages(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann, ben := w.person("Ann"), w.person("Ben")
		shared := ann.mkdir(ann.root, "shared")
		w.clock.move(time.Second)
		ann.give(shared, ben, view)
		want := 0
		for i := range 230 {
			w.clock.move(time.Second)
			in := ann.root // most is not Ben's to know: pages of his run over it
			if i%46 == 0 {
				in, want = shared, want+1
			}
			ann.mkdir(in, fmt.Sprint(i))
		}
		for _, c := range []struct {
			who  *person
			want int
		}{{ann, 231}, {ben, want}} {
			var nums []int64
			o := files.ActivityOptions{Limit: 7, Kind: "changed"}
			for {
				a, err := c.who.Activity(ctx, o)
				w.ok(err)
				for _, h := range a.Items {
					if h.Action == "folder.created" {
						nums = append(nums, h.Num)
					}
				}
				if o.Cursor = a.Next; a.Next == "" {
					break
				}
			}
			if len(nums) != c.want || !slices.IsSortedFunc(nums, func(a, b int64) int { return int(b - a) }) || len(slices.Compact(slices.Clone(nums))) != len(nums) {
				t.Errorf("%s got %d events in %d, want %d", c.who.who.User.Name, len(nums), len(slices.Compact(nums)), c.want)
			}
		}
		a, err := ann.Activity(ctx, files.ActivityOptions{Limit: 5})
		w.ok(err)
		for what, err := range map[string]error{
			"another person": second(ben.Activity(ctx, files.ActivityOptions{Cursor: a.Next})),
			"another list":   second(ann.Activity(ctx, files.ActivityOptions{Cursor: a.Next, Outside: true})),
		} {
			if code(err) != "cursor_invalid" && coffer.KindOf(err) != coffer.Invalid {
				t.Errorf("the cursor of %s: %v", what, err)
			}
		}
		for _, o := range []files.ActivityOptions{{Kind: "x"}, {Limit: 201}, {Limit: -1}} {
			if err := second(ann.Activity(ctx, o)); code(err) != "invalid" {
				t.Errorf("%+v: %v", o, err)
			}
		}
	})
}

// TestActivityKept: what is older than the record is kept goes, nothing else.
func TestActivityKept(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		boss, ann := w.personAs("Boss", coffer.RoleAdmin), w.person("Ann")
		ann.mkdir(ann.root, "old")
		w.clock.move(40 * 24 * time.Hour)
		ann.mkdir(ann.root, "new")
		count := func(want ...string) {
			t.Helper()
			w.ok(w.svc.PurgeActivity(ctx))
			w.wants("left", ann.told(files.ActivityOptions{}), want...)
		}
		count("Ann folder.created new", "Ann folder.created old", "Ann space.created ")
		w.ok(second(boss.ChangePolicy(ctx, files.PolicyPatch{ActivityDays: new(int64(0))})))
		count("Ann folder.created new", "Ann folder.created old", "Ann space.created ")
		w.ok(second(boss.ChangePolicy(ctx, files.PolicyPatch{ActivityDays: new(int64(30))})))
		count("Ann folder.created new")
	})
}

// TestSharingIsRecorded: an act of sharing and its event stand or fall together,
// and the event says who, what, on what, from where, before and after.
func TestSharingIsRecorded(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann, ben := w.person("Ann"), w.person("Ben")
		deal := ann.mkdir(ann.root, "Deal")
		grant := ann.give(deal, ben, view)
		w.ok(second(ann.ChangeGrant(ctx, deal, grant, files.GrantPatch{Access: edit})))
		w.ok(ann.Ungrant(ctx, deal, grant))
		ann.give(deal, ben, view)
		w.ok(ben.Leave(ctx, deal))
		var events []coffer.Event
		w.ok(w.db.View(ctx, func(tx *db.Tx) (err error) {
			events, err = tx.Query(db.EventQuery{Node: deal, Actions: []string{"grant.given", "grant.changed", "grant.taken", "grant.left"}, Limit: 10})
			return err
		}))
		var got []string
		for _, e := range slices.Backward(events) {
			if e.ActorKind != "user" || e.Detail["address"] != "192.0.2.1" || e.Detail["request"] != "7Q2M-4K" || e.SpaceID.IsZero() || e.TargetID != ben.who.User.ID || e.At != w.clock.ms.Load() {
				t.Errorf("%+v", e)
			}
			got = append(got, fmt.Sprint(e.Action, " ", e.Detail["node"], " ", e.Detail["to"], " ", e.Detail["before"], " ", e.Detail["after"]))
		}
		w.wants("the record", got,
			"grant.given Deal Ben <nil> map[role:view]", "grant.changed Deal Ben map[role:view] map[role:edit]", "grant.taken Deal Ben map[role:edit] <nil>",
			"grant.given Deal Ben <nil> map[role:view]", "grant.left Deal Ben map[role:view] <nil>")
	})
}
