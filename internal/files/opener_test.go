package files_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"coffer"
	"coffer/internal/db"
	"coffer/internal/files"
)

// TestWhoCanOpenAgrees: in random trees with random groups and grants, the
// answer to "who can open this?" names exactly those whose requests are granted,
// with the access that they have, and so do the numbers in lists.
func TestWhoCanOpenAgrees(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	trees := 12
	if os.Getenv("COFFER_SOAK") != "" {
		trees = 2000
	}
	each(t, func(t *testing.T, w *world) {
		var g *grove
		r := rand.New(rand.NewPCG(seed, 1))
		for i := range trees {
			if i%25 == 0 { // other people: what earlier trees left in their spaces is looked at again and again
				g = newGrove(w, r, i/25)
			}
			g.grow()
			g.compare()
			if t.Failed() {
				t.Fatalf("with seed %d", seed)
			}
		}
	})
}

// A grove is people, groups and the tree that they have grants in.
type grove struct {
	w      *world
	r      *rand.Rand
	people []*person
	groups []coffer.ID
	nodes  []coffer.ID
	trees  int
}

func newGrove(w *world, r *rand.Rand, number int) *grove {
	g := &grove{w: w, r: r}
	for i := range 9 {
		role := coffer.Roles[min(i, len(coffer.Roles)-1)]
		p := w.personAs(fmt.Sprintf("P%d-%d", number, i), role)
		if i == 7 {
			p.who.User.Disabled = true
			p.View = w.svc.As(p.who)
			w.ok(w.db.Update(ctx, func(tx *db.Tx) error { return tx.SetUserDisabled(p.who.User.ID, true) }))
		}
		g.people = append(g.people, p)
	}
	for i := range 3 {
		g.groups = append(g.groups, w.group(fmt.Sprintf("G%d-%d", number, i)))
	}
	w.let(db.SettingMakeSpaces, "true")
	return g
}

// grow makes another tree, other memberships and other grants.
func (g *grove) grow() {
	g.trees++
	w, r := g.w, g.r
	owner := g.people[r.IntN(4)]
	space, root := owner.space(), owner.root
	if r.IntN(3) == 0 {
		s := owner.team(fmt.Sprint("Team ", g.trees))
		space, root = s.Space, s.RootID
	}
	g.nodes = []coffer.ID{root}
	w.ok(w.db.Update(ctx, func(tx *db.Tx) error {
		folders, nodes := []coffer.ID{root}, []coffer.ID{root}
		var trashed []coffer.ID
		for i := range 8 {
			n := coffer.Node{ID: coffer.NewID(), SpaceID: space.ID, ParentID: folders[r.IntN(len(folders))], Kind: coffer.Folder,
				Name: fmt.Sprintf("%d-%d", g.trees, i), CreatedAt: tx.Now, ChangedAt: tx.Now}
			if err := errors.Join(tx.InsertNode(n), tx.AddChildren(n.ParentID, 1)); err != nil {
				return err
			}
			folders, nodes = append(folders, n.ID), append(nodes, n.ID)
			if r.IntN(9) == 0 {
				trashed = append(trashed, n.ID)
			}
		}
		g.nodes = nodes
		for _, group := range g.groups {
			for _, p := range g.people {
				var err error
				if id := p.who.User.ID; r.IntN(3) == 0 {
					_, err = tx.AddMember(group, id)
				} else if err = tx.RemoveMember(group, id); errors.Is(err, coffer.ErrNotFound) {
					err = nil
				}
				if err != nil {
					return err
				}
			}
		}
		for range r.IntN(9) {
			grant := coffer.Grant{ID: coffer.NewID(), NodeID: nodes[r.IntN(len(nodes))], Access: coffer.Access(1 + r.IntN(4)), GivenBy: owner.who.User.ID}
			if r.IntN(3) == 0 {
				grant.GroupID = g.groups[r.IntN(len(g.groups))]
			} else {
				grant.UserID = g.people[r.IntN(len(g.people))].who.User.ID
			}
			if grant.Access == coffer.IsOwner && r.IntN(2) == 0 {
				grant.Access = coffer.CanView // an owner's below a root is a mistake that must not count in a personal space
			}
			grant.Until = []int64{0, 0, tx.Now, tx.Now - 5, tx.Now + 5000}[r.IntN(5)]
			if err := tx.InsertGrant(grant); err != nil && !errors.Is(err, db.ErrTaken) {
				return err
			}
		}
		for _, id := range trashed {
			n, err := tx.Node(id)
			if err != nil {
				return err
			}
			if err := errors.Join(tx.TrashNode(id, owner.who.User.ID), tx.AddChildren(n.ParentID, -1)); err != nil {
				return err
			}
		}
		return nil
	}))
}

// compare asks everybody for every node, and the evaluator once for each.
func (g *grove) compare() {
	t := g.w.t
	for _, id := range g.nodes {
		var can []string
		var asker *person
		for _, p := range g.people {
			d, err := p.Stat(ctx, id)
			if err != nil {
				if code(err) != "not_found" {
					t.Fatalf("%s: %v", p.who.User.Name, err)
				}
				continue
			}
			can = append(can, p.who.User.Name+" "+d.Access.String())
			if asker == nil || g.r.IntN(3) == 0 {
				asker = p
			}
		}
		if asker == nil {
			for _, p := range g.people {
				if _, err := p.Access(ctx, id); code(err) != "not_found" {
					t.Errorf("%s, who cannot open it, asks who can: %v", p.who.User.Name, err)
				}
			}
			continue
		}
		a, err := asker.Access(ctx, id)
		g.w.ok(err)
		var told []string
		for _, o := range a.People {
			told = append(told, o.Name+" "+o.Access.String())
			if len(o.Ways) == 0 {
				t.Errorf("%s opens it without a way", o.Name)
			}
		}
		slices.Sort(told)
		if !slices.Equal(told, can) {
			t.Errorf("tree %d: told %q, can %q", g.trees, told, can)
		}
		page, err := asker.Children(ctx, id, files.ListOptions{Limit: 1000})
		g.w.ok(err)
		for _, i := range page.Items {
			n := int64(0)
			for _, p := range g.people {
				if d, err := p.Stat(ctx, i.ID); err == nil {
					n++
					if p == asker && d.Access != i.Access {
						t.Errorf("tree %d: the list says %q, the node %q", g.trees, i.Access, d.Access)
					}
				}
			}
			if i.Reach == nil || i.Reach.People != n || i.Reach.OnlyYou != (n == 1) {
				t.Errorf("tree %d: the list says %+v, %d can open it", g.trees, i.Reach, n)
			}
		}
	}
}

// TestWhoCanOpen: the answer in words, ways and names.
func TestWhoCanOpen(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann, ben, cid := w.person("Ann"), w.person("Ben"), w.person("Cid")
		dan := w.person("Dan")
		crew := w.group("Crew", ben, cid)
		secret := ann.mkdir(ann.root, "Secret plans")
		top := ann.mkdir(secret, "top")
		f := ann.put(top, "f", []byte("x"))
		ask := func(p *person, id coffer.ID) (files.Answer, string) {
			t.Helper()
			a, err := p.Access(ctx, id)
			w.ok(err)
			var lines []string
			for _, o := range a.People {
				line := o.Name + " " + o.Access.String() + " " + o.Email + ":"
				for _, way := range o.Ways {
					line += fmt.Sprintf(" [%s %s %v %s]", way.Access, way.Group, way.Inherited, way.From)
				}
				lines = append(lines, line)
			}
			return a, strings.Join(lines, "\n")
		}
		check := func(what, got, want string) {
			t.Helper()
			if got != want {
				t.Errorf("%s:\n%s\nwant\n%s", what, got, want)
			}
		}
		a, got := ask(ann, f.ID)
		check("alone", got, "Ann owner ann@example.com: [owner  false ]")
		check("alone, in words", a.Sentences[0], "Only you can open this file.")
		if len(a.Sentences) != 3 || !strings.Contains(a.Sentences[1], "Administrators") || !strings.Contains(a.Sentences[2], "encrypted on this server") {
			t.Errorf("sentences %q", a.Sentences)
		}
		ann.give(secret, dan, view)
		_, err := ann.Grant(ctx, top, files.NewGrant{GroupID: crew, Access: edit})
		w.ok(err)
		ann.give(f.ID, ben, manage)
		a, got = ask(ann, f.ID)
		check("for Ann", got, `Ann owner ann@example.com: [owner  false ]
Ben manage ben@example.com: [manage  false ] [edit Crew true top]
Cid edit cid@example.com: [edit Crew true top]
Dan view dan@example.com: [view  true Secret plans]`)
		check("in words", a.Sentences[0], "4 people can open this file.")
		_, got = ask(cid, f.ID)
		check("for Cid", got, `Ann owner : [owner  false ]
Ben manage : [manage  false ] [edit Crew true top]
Cid edit : [edit Crew true top]
Dan view : [view  true ]`)
		a, _ = ask(cid, top)
		check("a folder", a.Sentences[0], "4 people can open this folder.")
		page, err := cid.Children(ctx, top, files.ListOptions{})
		w.ok(err)
		if r := page.Items[0].Reach; r == nil || r.People != 4 || r.OnlyYou {
			t.Errorf("reach %+v", r)
		}
		page, err = ben.Children(ctx, top, files.ListOptions{})
		w.ok(err)
		if page.Items[0].Access != manage {
			t.Errorf("what stands on the file itself is not in the list: %q", page.Items[0].Access)
		}
		own := ann.mkdir(ann.root, "own")
		page, err = ann.Children(ctx, ann.root, files.ListOptions{})
		w.ok(err)
		i := slices.IndexFunc(page.Items, func(i files.Item) bool { return i.ID == own })
		if r := page.Items[i].Reach; r == nil || r.People != 1 || !r.OnlyYou {
			t.Errorf("reach of what is hers alone: %+v", r)
		}
	})
}
