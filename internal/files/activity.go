package files

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"strings"

	"coffer"
	"coffer/internal/db"
)

// activities are the acts that people are told of, by the kind that they can
// ask for. What else is on record is for the log.
var activities = map[string][]string{
	"opened": {"file.opened", "node.zipped", "link.opened", "link.downloaded"},
	"changed": {"file.uploaded", "folder.created", "node.renamed", "node.moved", "node.copied",
		"version.restored", "version.kept", "version.deleted", "space.created", "space.renamed"},
	"deleted": {"node.trashed", "node.restored", "node.deleted"},
	"shared":  {"grant.given", "grant.changed", "grant.taken", "grant.left", "grant.asked", "space.handed_over"},
	"links": {"link.made", "link.changed", "link.turned_off", "link.turned_on", "link.deleted", "link.refused", "link.reported", "link.recipient_added", "link.recipient_removed",
		"request.made", "request.changed", "request.turned_off", "request.turned_on", "request.deleted", "request.refused", "request.reported"},
}

// foldable are acts that people repeat, told as one when nothing came between.
var foldable = append(slices.Clone(activities["opened"]), "link.refused", "request.refused")

// foldFor is for how long (ms) after its first such acts are told as one.
const foldFor = 12 * 60 * 60 * 1000

// ActivityOptions says which events are asked for.
type ActivityOptions struct {
	Node    coffer.ID // of this node and what is below it; zero: of all that the principal may see
	Person  coffer.ID // done by this person
	Kind    string    // "": all; opened, changed, deleted, shared, links
	Outside bool      // only what came from outside or goes there
	Each    bool      // nothing is told as one
	Limit   int       // as of SearchOptions
	Cursor  string    // Activity.Next of the same list for the same person
}

// Activity is a part of what happened, newest first. It may hold fewer items
// than asked for, even none, and have a next part.
type Activity struct {
	Items    []Happening
	Next     string
	KeptDays int64 // how long the record is kept; 0 = for ever
}

// A Happening is an event as one person may see it.
type Happening struct {
	Num, At       int64
	Action        string
	Actor         Actor
	Node          Crumb     // as it was called then; without an id where it cannot be opened any more
	Parent        coffer.ID // folder that it is in now; zero where the principal does not see that
	Kind          coffer.NodeKind
	About         *Actor // whom or which link it is about
	Version       int64  // that it is about; 0 = none
	Outside       bool   // by somebody without an account, or on what lets such people in
	Before, After map[string]any
	Count         int64 // how often, with nothing in between
}

// An Actor did something, or had it done to them.
type Actor struct {
	Kind string // user, group, link, request, system
	ID   coffer.ID
	Name string // "": gone, or not for the principal to know
}

// Activity tells what happened to what the principal may see: to those who
// manage a node all of it, to others what has happened since they got access.
func (v *View) Activity(ctx context.Context, o ActivityOptions) (out Activity, err error) {
	actions, known := activities[o.Kind]
	if o.Kind == "" {
		for _, some := range activities {
			actions = append(actions, some...)
		}
		slices.Sort(actions) // one text of the query
	} else if !known {
		return out, coffer.E(coffer.Invalid, "invalid", "kind may be opened, changed, deleted, shared or links.")
	}
	if o.Limit, err = foundLimit(o.Limit); err != nil {
		return out, err
	}
	mac := newCursor(v, "activity", o.Node[:], o.Person[:], []byte(o.Kind), []byte{flag(o.Outside), flag(o.Each)})
	q := db.EventQuery{Actor: o.Person, Actions: actions, Outside: o.Outside, Before: math.MaxInt64, Limit: activityStep}
	if o.Cursor != "" {
		raw, err := mac.Open(o.Cursor)
		if err != nil {
			return out, err
		}
		if len(raw) != 8 {
			return out, badCursor()
		}
		q.Before = int64(binary.BigEndian.Uint64(raw))
	}
	err = v.survey(ctx, func(tx *db.Tx, spaces []coffer.ID) error {
		policy, err := tx.Policy()
		if err != nil {
			return err
		}
		out = Activity{KeptDays: policy.ActivityDays}
		r := reading{v: v, tx: tx, who: v.people(tx), seen: map[coffer.ID]witness{}, o: o}
		if !o.Node.IsZero() {
			if spaces, err = r.under(&q); err != nil {
				return err
			}
		}
		next, err := r.read(q, spaces)
		if out.Items = r.told; err != nil || next == 0 {
			return err
		}
		out.Next, err = mac.Seal(binary.BigEndian.AppendUint64(nil, uint64(next)))
		return err
	})
	return out, err
}

// activityStep is how many events one step looks at.
const activityStep = 200

// A reading is one look at the record.
type reading struct {
	v    *View
	tx   *db.Tx
	who  people
	o    ActivityOptions
	root bool // the node asked for is the root of its space
	seen map[coffer.ID]witness
	told []Happening
	from int64 // when the last of told began, folded ones included
}

// A witness is what the principal may know of a node's events.
type witness struct {
	pass
	open  bool  // the node is there, and not below something in the trash
	since int64 // from when on it may be known
	below bool  // it is the node asked for, or below it
}

// under narrows a query to the space of the node asked for, or to a file.
func (r *reading) under(q *db.EventQuery) ([]coffer.ID, error) {
	p, err := r.v.lookAnywhere(r.tx, r.o.Node)
	if err != nil {
		return nil, err
	}
	if r.root = p.node.ID == p.space.RootID; p.node.Kind == coffer.File {
		q.Node = p.node.ID
	}
	return []coffer.ID{p.space.ID}, nil
}

// read takes steps as search does; next is where the list goes on, 0 at its end.
func (r *reading) read(q db.EventQuery, spaces []coffer.ID) (next int64, err error) {
	for range maxSteps {
		events, err := r.step(q, spaces)
		if err != nil {
			return 0, err
		}
		for _, e := range events {
			full, err := r.take(e)
			if err != nil || full {
				return q.Before, err
			}
			q.Before = e.Num
		}
		if len(events) < activityStep {
			return 0, nil
		}
	}
	return q.Before, nil
}

// step returns the newest events of all the spaces. Each is asked for alone, by
// its index.
func (r *reading) step(q db.EventQuery, spaces []coffer.ID) (all []coffer.Event, err error) {
	for _, q.Space = range spaces {
		some, err := r.tx.Query(q)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	slices.SortFunc(all, func(a, b coffer.Event) int { return cmp.Compare(b.Num, a.Num) })
	return all[:min(len(all), activityStep)], nil
}

// take adds an event, if it may be told; full says that there was no room.
func (r *reading) take(e coffer.Event) (full bool, err error) {
	w, err := r.witness(e)
	switch {
	case errors.Is(err, coffer.ErrNotFound):
		return false, nil
	case err != nil:
		return false, err
	case !w.below || !coffer.SeesEvent(w.access, w.since, e.At):
		return false, nil
	}
	h, err := r.happening(e, w)
	if err != nil {
		return false, err
	}
	if n := len(r.told); n > 0 && !r.o.Each && folds(r.told[n-1], h) && r.from-h.At < foldFor {
		r.told[n-1].Count++
		return false, nil
	}
	if len(r.told) == r.o.Limit {
		return true, nil
	}
	r.told, r.from = append(r.told, h), h.At
	return false, nil
}

func folds(a, b Happening) bool {
	return a.Action == b.Action && a.Actor == b.Actor && a.Node == b.Node && slices.Contains(foldable, a.Action)
}

// lookAnywhere decides about a node that lives or is in the trash itself.
func (v *View) lookAnywhere(tx *db.Tx, id coffer.ID) (pass, error) {
	p, err := decide(tx, v.p, id, coffer.Read, false)
	if errors.Is(err, coffer.ErrNotFound) {
		return decide(tx, v.p, id, coffer.Read, true)
	}
	return p, err
}

// lookAtRoot decides about the root of a space.
func (v *View) lookAtRoot(tx *db.Tx, space coffer.ID) (p pass, err error) {
	s, err := tx.Space(space)
	if err == nil {
		p, err = decide(tx, v.p, s.RootID, coffer.Read, false)
	}
	return p, err
}

// witness decides about the node of an event. What is gone is told to who may
// look at all of its space.
func (r *reading) witness(e coffer.Event) (w witness, err error) {
	if w, known := r.seen[e.NodeID]; known {
		if w.access == coffer.NoAccess {
			return w, coffer.ErrNotFound
		}
		return w, nil
	}
	defer func() {
		if err == nil || errors.Is(err, coffer.ErrNotFound) {
			r.seen[e.NodeID] = w
		}
	}()
	w.pass, err = r.v.lookAnywhere(r.tx, e.NodeID)
	if w.open = err == nil && !w.trash; errors.Is(err, coffer.ErrNotFound) {
		w.pass, err = r.v.lookAtRoot(r.tx, e.SpaceID)
	}
	if err != nil {
		return witness{}, err
	}
	if w.below = r.o.Node.IsZero() || r.root || r.o.Node == e.NodeID; !w.below {
		above, err := r.tx.Above(e.NodeID)
		if err != nil {
			return w, err
		}
		w.below = slices.ContainsFunc(above, func(c db.Crumb) bool { return c.ID == r.o.Node })
	}
	if !w.access.Allows(coffer.Share) {
		w.since, err = r.tx.AccessSince(w.node.ID, r.v.p.User.ID)
	}
	return w, err
}

// happening is an event in words that its witness may read.
func (r *reading) happening(e coffer.Event, w witness) (h Happening, err error) {
	h = Happening{Num: e.Num, At: e.At, Action: e.Action, Count: 1, Kind: w.node.Kind, Node: Crumb{Name: word(e, "node", "name")}}
	if w.open {
		h.Node.ID = w.node.ID
	}
	if w.open && w.sees > 0 {
		h.Parent = w.node.ParentID
	}
	if w.open && w.node.ID == w.space.RootID {
		h.Node.Name = w.space.Name
	}
	noun, _, _ := strings.Cut(e.Action, ".")
	h.Outside = e.ActorKind != "user" && e.ActorKind != "system" || noun == "link" || noun == "request"
	h.Version = number(e, "version")
	h.Before, h.After = state(e, "before"), state(e, "after")

	manages := w.access.Allows(coffer.Share)
	switch h.Actor = (Actor{Kind: e.ActorKind, ID: e.ActorID}); e.ActorKind {
	case "user":
		p, err := r.who.person(e.ActorID)
		if err != nil {
			return h, err
		}
		h.Actor.Name = p.Name
	case "system":
		h.Actor.ID = coffer.ID{}
	default: // what a link is called is for those who manage it
		h.Actor.Name = word(e, "link", "sender")
		if !manages {
			h.Actor.Name = ""
		}
	}
	switch noun {
	case "grant":
		if n, ok := e.Detail["people"].([]any); ok && len(n) == 2 {
			h.Before, h.After = with(h.Before, "people", n[0]), with(h.After, "people", n[1])
		}
		h.About = &Actor{Kind: word(e, "kind"), ID: e.TargetID, Name: word(e, "to")}
		if h.About.Kind == "person" {
			h.About.Kind = "user"
		}
	case "link", "request":
		h.About = &Actor{Kind: noun, ID: e.TargetID}
		if manages && word(e, "node") != "" {
			h.About.Name = word(e, "link", "title", "name")
		}
		if !manages { // as the title of a request and the addresses of recipients
			h.Before, h.After = nil, nil
		}
	}
	switch e.Action {
	case "node.renamed":
		h.Before, h.After = map[string]any{"name": word(e, "before")}, map[string]any{"name": word(e, "name")}
	case "node.moved":
		h.Before, h.After, err = r.moved(e)
	case "version.kept":
		keep, _ := e.Detail["keep"].(bool)
		h.Before, h.After = map[string]any{"keep": !keep}, map[string]any{"keep": keep}
	case "space.renamed":
		h.Before, h.After = map[string]any{"name": word(e, "before")}, map[string]any{"name": word(e, "after")}
	case "space.handed_over":
		h.Before, h.After = map[string]any{"owner": word(e, "before")}, map[string]any{"owner": word(e, "after")}
	}
	return h, err
}

// moved tells from which folder to which something went, as far as the
// principal may see them.
func (r *reading) moved(e coffer.Event) (before, after map[string]any, err error) {
	from, _ := coffer.ParseID(word(e, "from"))
	for _, side := range []struct {
		folder coffer.ID
		name   string
		to     *map[string]any
	}{{from, word(e, "from_name"), &before}, {e.TargetID, word(e, "to_name"), &after}} {
		_, err := r.v.lookAnywhere(r.tx, side.folder)
		if err == nil {
			*side.to = map[string]any{"folder": side.name}
		} else if !errors.Is(err, coffer.ErrNotFound) {
			return nil, nil, err
		}
	}
	if was := word(e, "before"); before != nil && was != word(e, "name") {
		before["name"] = was
	}
	return before, after, nil
}

// word is the first of some details of an event that it has, as text.
func word(e coffer.Event, names ...string) string {
	for _, name := range names {
		if text, ok := e.Detail[name].(string); ok {
			return text
		}
	}
	return ""
}

func number(e coffer.Event, name string) int64 {
	n, _ := e.Detail[name].(float64)
	return int64(n)
}

// state is what something was before an event or after it, where that is told
// in fields.
func state(e coffer.Event, name string) map[string]any {
	fields, _ := e.Detail[name].(map[string]any)
	return fields
}

func with(fields map[string]any, name string, value any) map[string]any {
	if fields == nil {
		fields = map[string]any{}
	}
	fields[name] = value
	return fields
}

// PurgeActivity removes what happened longer ago than the record is kept. A job
// calls it.
func (s *Service) PurgeActivity(ctx context.Context) error {
	for more := true; more; {
		err := s.maintain(ctx, coffer.ID{}, func(tx *db.Tx) error {
			policy, err := tx.Policy()
			if more = false; err != nil || policy.ActivityDays == 0 {
				return err
			}
			gone, err := tx.PurgeEvents(tx.Now-policy.ActivityDays*24*60*60*1000, purgeBatch)
			more = gone == purgeBatch
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
