package files

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"

	"coffer"
	"coffer/internal/db"
)

// A pass proves that a principal was allowed one right on one node. It is made
// in this file only, and verbs that need the right take it from here: what was
// not decided cannot be done.
type pass struct {
	node   coffer.Node
	space  coffer.Space
	depth  int64 // folders above the node
	sees   int64 // how many of them the principal may see
	access coffer.Access
	above  coffer.Access // to the folder that the node is in
	right  coffer.Right
	trash  bool // the node is in the trash; else it lives

	who  coffer.Principal // whom it was made for
	held []coffer.Held    // the grants that counted; not of a child
}

// As returns what a principal may see and do. There is no other way in.
func (s *Service) As(p coffer.Principal) *View { return &View{s: s, p: p, cut: func() {}} }

// View is the files as one principal sees them. Nodes that the principal may
// not see answer coffer.ErrNotFound, before anything else is looked at.
type View struct {
	s   *Service
	p   coffer.Principal
	cut func() // see CutBy

	claim *db.Claim // of a link's visitor: the download that it goes on with
	peeks bool      // of a link's visitor: it gets a preview of what is opened
}

// decide is the one decision: it loads a node with all that counts and asks
// the pure rules.
func decide(tx *db.Tx, p coffer.Principal, id coffer.ID, r coffer.Right, trash bool) (pass, error) {
	if p.Kind == coffer.RequestKind {
		return decideRequest(tx, p, id, r)
	}
	at, err := tx.Place(id, p.Answers().ID)
	if err != nil {
		return pass{}, err
	}
	state := at.State()
	a := coffer.Decide(p, at.Space, state, at.Held)
	up, inside, err := within(tx, p, id)
	if err != nil || !inside {
		return pass{}, cmp.Or(err, error(coffer.ErrNotFound))
	}
	if trash != (state == coffer.InTrash) {
		return pass{}, coffer.ErrNotFound
	}
	if err := coffer.Permit(p, a, r); err != nil {
		return pass{}, err
	}
	out := pass{node: at.Node, space: at.Space, depth: at.Depth, access: a, right: r, trash: trash, who: p, held: at.Held,
		sees: coffer.Sees(p, at.Space, at.Held, at.Depth), above: coffer.Decide(p, at.Space, coffer.Living, coffer.Above(at.Held))}
	if p.Kind == coffer.LinkKind {
		if out.sees = up; up == 0 {
			out.above = coffer.NoAccess
		}
	}
	return out, nil
}

// decideRequest is decide for whoever has the address of a file request: they
// put something new into its folder, and no more; as long as it is on, has not
// ended, and its maker could have it put there now. Whether it is full is asked
// where a file is counted.
func decideRequest(tx *db.Tx, p coffer.Principal, id coffer.ID, r coffer.Right) (pass, error) {
	req, err := tx.FileRequest(p.Request)
	if err != nil {
		return pass{}, err
	}
	if r != coffer.Drop || id != req.NodeID || req.HasPassword && req.Version != p.RequestVersion {
		return pass{}, coffer.ErrNotFound
	}
	at, err := stands(tx, req)
	return pass{node: at.Node, space: at.Space, depth: at.Depth, right: r, who: p}, err
}

// within reports whether a node is one that the principal's ticket or link, if
// it came by one, names, or lies below one; and how far below.
func within(tx *db.Tx, p coffer.Principal, id coffer.ID) (up int64, inside bool, err error) {
	names := p.Nodes
	switch p.Kind {
	case coffer.LinkKind:
		names = []coffer.ID{p.Link.NodeID}
	case coffer.TicketKind:
	default:
		return 0, true, nil
	}
	if slices.Contains(names, id) {
		return 0, true, nil
	}
	above, err := tx.Above(id)
	i := slices.IndexFunc(above, func(c db.Crumb) bool { return slices.Contains(names, c.ID) })
	return int64(len(above) - i), i >= 0, err
}

// opens reports whether the principal may have this version of a file that it
// may read: all of them, but by a ticket the one that it names, and by a link
// the one whose download it has begun.
func (v *View) opens(version coffer.ID) bool {
	switch v.p.Kind {
	case coffer.TicketKind:
		return v.p.Version.IsZero() || v.p.Version == version
	case coffer.LinkKind:
		return v.peeks || v.claim != nil && (v.claim.VersionID.IsZero() || v.claim.VersionID == version)
	}
	return true
}

// look decides about a living node and reads in the same snapshot.
func (v *View) look(ctx context.Context, id coffer.ID, r coffer.Right, fn func(tx *db.Tx, p pass) error) error {
	return v.s.db.View(ctx, func(tx *db.Tx) error {
		p, err := decide(tx, v.p, id, r, false)
		if err != nil {
			return err
		}
		return fn(tx, p)
	})
}

// survey reads, in one snapshot, what may be anywhere in the spaces that the
// principal may open something of. fn decides about each node that it tells of.
func (v *View) survey(ctx context.Context, fn func(tx *db.Tx, spaces []coffer.ID) error) error {
	return v.s.db.View(ctx, func(tx *db.Tx) error {
		spaces, err := v.spaces(tx)
		if err != nil {
			return err
		}
		return fn(tx, spaces)
	})
}

// spaces returns the spaces that the principal may open something of. It
// narrows where to look; what is found is decided about one by one.
func (v *View) spaces(tx *db.Tx) (ids []coffer.ID, err error) {
	if v.p.Kind != coffer.UserKind {
		return nil, nil
	}
	own, err := tx.PersonalSpace(v.p.User.ID)
	if err == nil {
		ids = append(ids, own.ID)
	} else if !errors.Is(err, coffer.ErrNotFound) {
		return nil, err
	}
	given, err := tx.TopGrants(v.p.User.ID)
	for _, g := range given {
		if !slices.Contains(ids, g.Space.ID) {
			ids = append(ids, g.Space.ID)
		}
	}
	return ids, err
}

// reach decides about a living node: the way in of what commits later.
func (v *View) reach(ctx context.Context, id coffer.ID, r coffer.Right) (pass, error) {
	return v.reachState(ctx, id, r, false)
}

// reachTrash is reach for a node that is in the trash itself.
func (v *View) reachTrash(ctx context.Context, id coffer.ID, r coffer.Right) (pass, error) {
	return v.reachState(ctx, id, r, true)
}

func (v *View) reachState(ctx context.Context, id coffer.ID, r coffer.Right, trash bool) (p pass, err error) {
	err = v.s.db.View(ctx, func(tx *db.Tx) error {
		p, err = decide(tx, v.p, id, r, trash)
		return err
	})
	return p, err
}

// child is the pass for a living child that a folder's pass covers: access
// flows down.
func (p pass) child(n coffer.Node) (pass, error) {
	if p.trash || n.ParentID != p.node.ID || n.SpaceID != p.space.ID || n.TrashedAt != 0 {
		return pass{}, coffer.ErrNotFound
	}
	return pass{node: n, space: p.space, depth: p.depth + 1, sees: p.sees + 1, access: p.access, above: p.access, right: p.right, who: p.who}, nil
}

// hidden is the pass for a node that a copy into the folder of p has made and
// that nobody sees yet.
func (p pass) hidden(n coffer.Node) (pass, error) {
	if n.SpaceID != p.space.ID || !n.ParentID.IsZero() || n.ID == p.space.RootID {
		return pass{}, coffer.ErrNotFound
	}
	return pass{node: n, space: p.space, access: p.access, above: p.access, right: p.right, who: p.who}, nil
}

// hold decides again, as things are now, about what passes were given for.
func (v *View) hold(ctx context.Context, ps []pass) error {
	return v.s.db.View(ctx, func(tx *db.Tx) error {
		who, err := v.standing(tx)
		if err != nil {
			return err
		}
		for _, p := range ps {
			if _, err := decide(tx, who, p.node.ID, p.right, p.trash); err != nil {
				return err
			}
		}
		return nil
	})
}

// errUnchanged ends a commit that found nothing to do: no change, no event.
var errUnchanged = errors.New("files: nothing to change")

// commit is the way out: one transaction that has the spaces of the passes to
// itself, decides everything again, changes, and records. fn gets the fresh
// passes in the order given, may run twice, and tells at least one act, or
// returns errUnchanged.
func (v *View) commit(ctx context.Context, fn func(tx *db.Tx, ps []pass) ([]act, error), ps ...pass) error {
	err := v.change(ctx, ps, func(tx *db.Tx, fresh []pass) error {
		acts, err := fn(tx, fresh)
		if err != nil {
			return err
		}
		if len(acts) == 0 {
			return errors.New("files: a change without its event")
		}
		for _, a := range acts {
			if err := errors.Join(tx.InsertEvent(v.event(fresh[0].space.ID, a)), v.s.tell(tx, a.tell...)); err != nil {
				return err
			}
		}
		return nil
	})
	if errors.Is(err, errUnchanged) {
		return nil
	}
	return err
}

// prepare is commit without an event, for rows that nobody sees and that lead
// to a commit: an upload that begins, a copy that is not shown yet.
func (v *View) prepare(ctx context.Context, fn func(tx *db.Tx, ps []pass) error, ps ...pass) error {
	return v.change(ctx, ps, fn)
}

func (v *View) change(ctx context.Context, ps []pass, fn func(tx *db.Tx, ps []pass) error) error {
	return v.s.db.Update(ctx, func(tx *db.Tx) error {
		if err := lock(tx, ps); err != nil {
			return err
		}
		who, err := v.standing(tx)
		if err != nil {
			return err
		}
		fresh := make([]pass, len(ps))
		for i, p := range ps {
			if fresh[i], err = decide(tx, who, p.node.ID, p.right, p.trash); err != nil {
				return err
			}
		}
		return fn(tx, fresh)
	})
}

// lock takes the spaces of the passes, in order of their ids.
func lock(tx *db.Tx, ps []pass) error {
	ids := make([]coffer.ID, len(ps))
	for i, p := range ps {
		ids[i] = p.space.ID
	}
	return lockSpaces(tx, ids)
}

func lockSpaces(tx *db.Tx, ids []coffer.ID) error {
	slices.SortFunc(ids, func(a, b coffer.ID) int { return bytes.Compare(a[:], b[:]) })
	for _, id := range slices.Compact(ids) {
		if _, err := tx.LockSpace(id); err != nil {
			return err
		}
	}
	return nil
}

// standing is the principal as it is now: an upload may have taken hours.
func (v *View) standing(tx *db.Tx) (coffer.Principal, error) {
	p := v.p
	if p.Kind == coffer.SystemKind || p.Kind == coffer.RequestKind {
		return p, nil // what a request may is looked up by each decision
	}
	if p.Kind == coffer.LinkKind {
		l, err := tx.Link(p.Link.ID)
		if err != nil || l.Version != p.Link.Version {
			return p, cmp.Or(err, error(coffer.ErrNotFound))
		}
		if in, err := tx.LetsIn(l.ID, p.Recipient); err != nil || !in {
			return p, cmp.Or(err, error(coffer.ErrNotFound))
		}
		return visitor(tx, l, p)
	}
	now, err := tx.Standing(p.User.ID, p.SessionID, p.TokenID)
	if errors.Is(err, coffer.ErrNotFound) {
		return p, coffer.E(coffer.Unauthenticated, "unauthenticated", "You are signed out. Sign in again.")
	}
	p.User.Role, p.User.Disabled = now.Role, now.Disabled
	return p, err
}

// visitor is who came by a link, as that and its maker are now, where it opens
// anything at all: else it is ErrNotFound. at says from where, and which visit.
func visitor(tx *db.Tx, l coffer.Link, at coffer.Principal) (coffer.Principal, error) {
	if state := l.State(tx.Now); state != coffer.LinkLive && state != coffer.LinkUsedUp {
		return at, coffer.ErrNotFound
	}
	if _, err := outward(tx, l.MadeBy); coffer.KindOf(err) == coffer.Forbidden {
		return at, coffer.ErrNotFound
	} else if err != nil {
		return at, err
	}
	maker, err := tx.User(l.MadeBy)
	p := coffer.LinkPrincipal(l, maker)
	p.Visit, p.Recipient, p.Address, p.RequestID = at.Visit, at.Recipient, at.Address, at.RequestID
	return p, err
}

// holding reads, in one snapshot, what the principal has begun: pieces of
// uploads, deliveries. fn decides about each.
func (v *View) holding(ctx context.Context, fn func(tx *db.Tx) error) error {
	if v.p.Kind != coffer.UserKind && v.p.Kind != coffer.RequestKind {
		return coffer.ErrNotFound
	}
	return v.s.db.View(ctx, fn)
}

// personal reads, in one snapshot, what names people themselves: links, file
// requests. fn decides about each.
func (v *View) personal(ctx context.Context, fn func(tx *db.Tx) error) error {
	if v.p.Kind != coffer.UserKind {
		return coffer.ErrNotFound
	}
	return v.s.db.View(ctx, fn)
}

// arrive decides about the node of a link for a visitor: the way in from its
// address.
func (s *Service) arrive(ctx context.Context, hash []byte, at coffer.Principal, fn func(tx *db.Tx, p pass) error) error {
	return s.db.View(ctx, func(tx *db.Tx) error {
		l, err := tx.LinkByHash(hash)
		if err != nil {
			return err
		}
		who, err := visitor(tx, l, at)
		if err != nil {
			return err
		}
		p, err := decide(tx, who, l.NodeID, coffer.Read, false)
		if err != nil {
			return err
		}
		return fn(tx, p)
	})
}

// openedLately reports whether the reading of a version by this principal is
// on record already and needs no other: once in openedEvery.
func (v *View) openedLately(tx *db.Tx, version coffer.ID) (bool, error) {
	_, actor := v.actor()
	return tx.OpenedSince(version, actor, tx.Now-openedEvery.Milliseconds())
}

// opened records that a file was read, unless that is on record.
func (v *View) opened(ctx context.Context, p pass, a act) error {
	return v.s.db.Update(ctx, func(tx *db.Tx) error {
		if seen, err := v.openedLately(tx, a.target); err != nil || seen {
			return err
		}
		return tx.InsertEvent(v.event(p.space.ID, a))
	})
}

// record writes acts that change nothing, like a download.
func (v *View) record(ctx context.Context, p pass, acts ...act) error {
	return v.s.db.Update(ctx, func(tx *db.Tx) error {
		for _, a := range acts {
			if err := tx.InsertEvent(v.event(p.space.ID, a)); err != nil {
				return err
			}
		}
		return nil
	})
}

// mine changes rows that only the principal sees and that let nobody do
// anything, like pins, or leases of pieces. No event tells of them.
func (v *View) mine(ctx context.Context, fn func(tx *db.Tx) error) error {
	if v.p.Kind != coffer.UserKind && v.p.Kind != coffer.RequestKind {
		return coffer.ErrNotFound
	}
	return v.s.db.Update(ctx, func(tx *db.Tx) error {
		if _, err := v.standing(tx); err != nil {
			return err
		}
		return fn(tx)
	})
}

// root returns the pass for the root of a space, the principal's own one when
// space is zero.
func (v *View) root(ctx context.Context, space coffer.ID, r coffer.Right) (p pass, err error) {
	if space.IsZero() {
		return v.own(ctx, r)
	}
	err = v.s.db.View(ctx, func(tx *db.Tx) error {
		s, err := tx.Space(space)
		if err != nil {
			return err
		}
		p, err = decide(tx, v.p, s.RootID, r, false)
		return err
	})
	return p, err
}

// own returns the pass for the root of the principal's own space, which is
// made the first time. It is ErrNotFound for who may have none.
func (v *View) own(ctx context.Context, r coffer.Right) (pass, error) {
	if v.p.Kind != coffer.UserKind || !v.p.User.Role.Has(coffer.OwnSpace) || v.p.User.Disabled {
		return pass{}, coffer.ErrNotFound
	}
	var space coffer.Space
	find := func(tx *db.Tx) (err error) { space, err = tx.PersonalSpace(v.p.User.ID); return err }
	err := v.s.db.View(ctx, find)
	if errors.Is(err, coffer.ErrNotFound) {
		err = v.create(ctx, func(tx *db.Tx, who coffer.Principal) error {
			mine := coffer.Space{ID: coffer.NewID(), Kind: coffer.Personal, OwnerID: who.User.ID, RootID: coffer.NewID(), Quota: -1}
			if err := v.makeSpace(tx, mine); err != nil {
				return err
			}
			return find(tx)
		})
	}
	if err != nil {
		return pass{}, err
	}
	return v.reach(ctx, space.RootID, r)
}

// create is the way out for what no node is there for yet: a new space. fn gets
// the principal as it is now.
func (v *View) create(ctx context.Context, fn func(tx *db.Tx, who coffer.Principal) error) error {
	return v.s.db.Update(ctx, func(tx *db.Tx) error {
		who, err := v.standing(tx)
		if err != nil {
			return err
		}
		if who.User.Disabled {
			return coffer.ErrNotFound
		}
		return fn(tx, who)
	})
}

// makeSpace makes a space, its root and its first key; a personal one once,
// whoever else tries too.
func (v *View) makeSpace(tx *db.Tx, space coffer.Space) error {
	made, err := tx.InsertSpace(space)
	if err != nil || !made {
		return err
	}
	if err := tx.InsertSpaceKey(v.s.keys.NewSpaceKey(space.ID)); err != nil {
		return err
	}
	root := coffer.Node{ID: space.RootID, SpaceID: space.ID, Kind: coffer.Folder, CreatedBy: v.p.User.ID, ChangedBy: v.p.User.ID, CreatedAt: tx.Now, ChangedAt: tx.Now}
	if err := tx.InsertNode(root); err != nil {
		return err
	}
	a := act{action: "space.created", node: root.ID, detail: map[string]any{"kind": space.Kind}}
	if space.Name != "" {
		a.detail["name"] = space.Name
	}
	return tx.InsertEvent(v.event(space.ID, a))
}

// govern changes what administrators look after: who owns spaces and how much
// they hold, never what is in them. fn writes the events itself.
func (v *View) govern(ctx context.Context, power coffer.Power, fn func(tx *db.Tx, who coffer.Principal) error) error {
	if err := powerful(v.p, power); err != nil {
		return err
	}
	return v.create(ctx, func(tx *db.Tx, who coffer.Principal) error {
		if err := powerful(who, power); err != nil {
			return err
		}
		return fn(tx, who)
	})
}

// inspectAs reads what those with a power may know.
func (v *View) inspectAs(ctx context.Context, power coffer.Power, fn func(tx *db.Tx) error) error {
	if err := powerful(v.p, power); err != nil {
		return err
	}
	return v.s.inspect(ctx, fn)
}

// ask reads what everybody who is signed in may know of the installation.
func (v *View) ask(ctx context.Context, fn func(tx *db.Tx) error) error {
	if v.p.Kind != coffer.UserKind && v.p.Kind != coffer.SystemKind || v.p.User.Disabled {
		return coffer.ErrNotFound
	}
	return v.s.db.View(ctx, fn)
}

// A top is something that others gave to the principal: no folder above it
// gives them anything.
type top struct {
	pass
	by, owner Person
	since     int64
	until     int64 // when the last of it ends; 0 = never
	left      bool  // the principal does not want to see it listed
}

// tops returns what others gave to the principal, given last first, and reads
// in the same snapshot.
func (v *View) tops(ctx context.Context, fn func(tx *db.Tx, all []top) error) error {
	if v.p.Kind != coffer.UserKind {
		return nil // a ticket names what it opens; nothing is given to the server itself
	}
	return v.s.db.View(ctx, func(tx *db.Tx) error {
		rows, err := tx.TopGrants(v.p.User.ID)
		if err != nil {
			return err
		}
		var all []top
		at := map[coffer.ID]int{}
		for _, r := range rows {
			i, seen := at[r.Node.ID]
			if !seen {
				i = len(all)
				at[r.Node.ID] = i
				all = append(all, top{pass: pass{node: r.Node, space: r.Space, right: coffer.Read, who: v.p}, left: r.Left,
					by: Person{r.Grant.GivenBy, r.GivenByName}, owner: Person{r.Space.OwnerID, r.OwnerName}, since: r.Grant.GivenAt, until: r.Grant.Until})
			}
			t := &all[i]
			t.held = append(t.held, coffer.Held{Access: r.Grant.Access, Until: r.Grant.Until})
			if r.Grant.Until == 0 || t.until != 0 && r.Grant.Until > t.until {
				t.until = r.Grant.Until
			}
		}
		open := all[:0]
		for _, t := range all {
			t.access = coffer.Decide(v.p, t.space, coffer.Living, t.held)
			if err := coffer.Permit(v.p, t.access, coffer.Read); errors.Is(err, coffer.ErrNotFound) {
				continue
			} else if err != nil {
				return err
			}
			open = append(open, t)
		}
		return fn(tx, open)
	})
}

// maintain changes rows that no verb of a person reaches: expired uploads, the
// rest of what is deleted for ever. Jobs only. It has the space to itself.
func (s *Service) maintain(ctx context.Context, space coffer.ID, fn func(tx *db.Tx) error) error {
	return s.db.Update(ctx, func(tx *db.Tx) error {
		if !space.IsZero() {
			if _, err := tx.LockSpace(space); err != nil {
				return err
			}
		}
		return fn(tx)
	})
}

// inspect reads whatever there is. Jobs, Check and Export only.
func (s *Service) inspect(ctx context.Context, fn func(tx *db.Tx) error) error {
	return s.db.View(ctx, fn)
}
