package files

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"coffer"
	"coffer/internal/db"
)

// An Opener is a person who can open a node, decided by the rule that decides
// their requests.
type Opener struct {
	Person
	Email  string // told to who may manage the node
	Access coffer.Access
	Ways   []Way // by which they have it, the strongest first
}

// A Way is one reason why somebody can open a node. The zero way is that they
// own the space.
type Way struct {
	Grant     coffer.ID
	Access    coffer.Access
	Until     int64  // ms; 0 = without an end
	Group     string // that the grant names; "": it names the person
	Inherited bool   // it stands on a folder above
	From      string // that folder's name, where the principal may see it
}

// Answer says who can open a node: every person, groups unfolded, and in
// sentences who could beside them.
type Answer struct {
	People    []Opener // the strongest first, then by name
	Links     Lent
	Sentences []string
}

// Lent is by how many links people without an account can open a node.
type Lent struct {
	Links int64 // for anybody who has the address
	Bare  int64 // of them, without a password
	Named int64 // others, each for certain people
}

// count adds links that open a node.
func (l Lent) count(links ...db.LinkRow) Lent {
	for _, r := range links {
		switch {
		case r.Named:
			l.Named++
			continue
		case !r.HasPassword:
			l.Bare++
		}
		l.Links++
	}
	return l
}

// openLinks are the links of a node and of the folders above it that open it now.
func openLinks(tx *db.Tx, node coffer.ID) (open []db.LinkRow, err error) {
	rows, err := tx.LinksOnPath(node)
	if err != nil {
		return nil, err
	}
	return working(tx, rows)
}

// working are those of some links that open something now.
func working(tx *db.Tx, rows []db.LinkRow) (open []db.LinkRow, err error) {
	for _, r := range rows {
		if r.State(tx.Now) != coffer.LinkLive {
			continue
		}
		works, err := linkWorks(tx, r.Link)
		if err != nil {
			return nil, err
		}
		if works {
			open = append(open, r)
		}
	}
	return open, nil
}

// Access answers who can open a node, to everybody who can.
func (v *View) Access(ctx context.Context, id coffer.ID) (a Answer, err error) {
	err = v.look(ctx, id, coffer.Read, func(tx *db.Tx, p pass) error {
		rows, err := tx.PeopleOn(id, nil)
		if err != nil {
			return err
		}
		a = Answer{People: p.openers(rows)}
		links, err := openLinks(tx, id)
		if err != nil {
			return err
		}
		a.Links = Lent{}.count(links...)
		a.Sentences = p.sentences(a.People, a.Links)
		return nil
	})
	return a, err
}

// A standing is a person with the grants that count for them.
type standing struct {
	user coffer.User
	held []coffer.Held
}

func (s standing) access(space coffer.Space) coffer.Access {
	return coffer.Decide(coffer.Principal{Kind: coffer.UserKind, User: s.user}, space, coffer.Living, s.held)
}

// openers are the people of the rows who can open the node of a pass.
func (p pass) openers(rows []db.PersonOn) []Opener {
	at := map[coffer.ID]int{}
	var all []standing
	var list []Opener
	for _, r := range rows {
		i, known := at[r.User.ID]
		if !known {
			i = len(all)
			at[r.User.ID] = i
			all, list = append(all, standing{user: r.User}), append(list, Opener{Person: Person{r.User.ID, r.User.Name}})
			if p.access.Allows(coffer.Share) {
				list[i].Email = r.User.Email
			}
		}
		if r.Up < 0 {
			list[i].Ways = append(list[i].Ways, Way{Access: coffer.IsOwner})
			continue
		}
		all[i].held = append(all[i].held, coffer.Held{Up: r.Up, Access: r.Grant.Access, Until: r.Grant.Until})
		w := Way{Grant: r.Grant.ID, Access: r.Grant.Access, Until: r.Grant.Until, Group: r.Group, Inherited: r.Up > 0}
		if w.Inherited && r.Up <= p.sees {
			w.From = r.From
		}
		list[i].Ways = append(list[i].Ways, w)
	}
	open := list[:0]
	for i, o := range list {
		if o.Access = all[i].access(p.space); o.Access != coffer.NoAccess {
			slices.SortStableFunc(o.Ways, func(a, b Way) int { return cmp.Compare(b.Access, a.Access) })
			open = append(open, o)
		}
	}
	slices.SortStableFunc(open, func(a, b Opener) int {
		return cmp.Or(cmp.Compare(b.Access, a.Access), cmp.Compare(a.Name, b.Name), slices.Compare(a.ID[:], b.ID[:]))
	})
	return open
}

func (p pass) sentences(people []Opener, links Lent) []string {
	what := "file"
	if p.node.Kind == coffer.Folder {
		what = "folder"
	}
	first := fmt.Sprintf("%d people can open this %s.", len(people), what)
	if len(people) == 1 {
		first = people[0].Name + " alone can open this " + what + "."
		if people[0].ID == p.who.User.ID {
			first = "Only you can open this " + what + "."
		}
	}
	if links.Links > 0 {
		first = strings.TrimSuffix(first, ".") + ", and so can anyone with " + links.words() + "."
	}
	switch {
	case links.Named == 1:
		first += " One link opens it for those outside whom it was made for, and for nobody else."
	case links.Named > 1:
		first += fmt.Sprintf(" %d links open it for those outside whom they were made for, and for nobody else.", links.Named)
	}
	return []string{first,
		"Administrators of this installation cannot open it here, unless they are named above. They can hand over a person's own space to somebody else, which is recorded.",
		"It is encrypted on this server, which holds the keys: whoever runs the server could technically read it."}
}

// words name the links in a sentence.
func (l Lent) words() string {
	switch {
	case l.Links == 1 && l.Bare == 0:
		return "the link and its password"
	case l.Links == 1:
		return "the link"
	case l.Bare == 0:
		return fmt.Sprintf("one of the %d links and its password", l.Links)
	case l.Bare == l.Links:
		return fmt.Sprintf("one of the %d links", l.Links)
	case l.Bare == 1:
		return fmt.Sprintf("one of the %d links; one has no password", l.Links)
	}
	return fmt.Sprintf("one of the %d links; %d have no password", l.Links, l.Bare)
}

// Reach is how many people can open a node, for a list.
type Reach struct {
	People  int64
	OnlyYou bool
	Links   Lent
}

// reached is the reach of the node of a pass, whose holder is among its openers.
func (p pass) reached(people []Opener, links Lent) *Reach {
	return &Reach{People: int64(len(people)), OnlyYou: len(people) == 1, Links: links}
}

// A census counts who can open the children of one folder, and what the
// principal may do with them: of a page of the list, by one query.
type census struct {
	p    pass
	base map[coffer.ID]bool          // who can open the folder, and so all in it
	on   map[coffer.ID][]db.PersonOn // who stands on a child itself

	above Lent                       // by links to the folder and those above
	links map[coffer.ID][]db.LinkRow // live, to a child itself
}

func takeCensus(tx *db.Tx, p pass, children []db.Child) (census, error) {
	var all, given []coffer.ID
	for _, n := range children {
		all = append(all, n.ID)
		if n.Given {
			given = append(given, n.ID)
		}
	}
	c := census{p: p, base: map[coffer.ID]bool{}, on: map[coffer.ID][]db.PersonOn{}, links: map[coffer.ID][]db.LinkRow{}}
	above, err := openLinks(tx, p.node.ID)
	if err != nil {
		return c, err
	}
	c.above = c.above.count(above...)
	below, err := tx.LinksAt(all)
	if err != nil {
		return c, err
	}
	for _, l := range below {
		c.links[l.NodeID] = append(c.links[l.NodeID], l)
	}
	rows, err := tx.CountOn(p.node.ID, given)
	if err != nil {
		return c, err
	}
	var onPath []db.PersonOn
	for _, r := range rows {
		if r.Up == -1 {
			c.on[r.Node] = append(c.on[r.Node], r)
		} else {
			onPath = append(onPath, r)
		}
	}
	for _, o := range p.openers(onPath) {
		c.base[o.ID] = true
	}
	return c, nil
}

// fill completes an item of the list.
func (c census) fill(i *Item) {
	n := int64(len(c.base))
	var own map[coffer.ID]bool       // who stands on it, and whether that opens it
	if on := c.on[i.ID]; on != nil { // as on few
		more := map[coffer.ID]standing{}
		for _, r := range on {
			s := more[r.User.ID]
			s.user, s.held = r.User, append(s.held, coffer.Held{Access: r.Grant.Access, Until: r.Grant.Until})
			more[r.User.ID] = s
		}
		own = map[coffer.ID]bool{}
		for id, s := range more {
			access := s.access(c.p.space)
			own[id] = access != coffer.NoAccess
			if access != coffer.NoAccess && !c.base[id] {
				n++
			}
			if id == c.p.who.User.ID {
				i.Access = max(i.Access, access)
			}
		}
	}
	i.Reach = &Reach{People: n, OnlyYou: n == 1, Links: c.above}
	for _, l := range c.links[i.ID] {
		// What its maker has here is what the grants say, as for everybody.
		if !l.MakerOff && l.MakerRole.Has(coffer.ShareContent) && (c.base[l.MadeBy] || own[l.MadeBy]) {
			i.Reach.Links = i.Reach.Links.count(l)
		}
	}
}
