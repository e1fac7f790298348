package files

import (
	"coffer"
)

// checkPlace refuses to change the name or the place of a node for somebody
// who may change the node but not the folder that it is in: there its name
// stands beside others that they may not even see.
func (p pass) checkPlace() error {
	if p.above.Allows(coffer.Write) {
		return nil
	}
	return coffer.E(coffer.Forbidden, "not_your_folder", "You may change what is in this, not its name or place. Ask somebody who can edit the folder that it is in.")
}

// checkGive refuses to give others what the holder of the pass does not have.
func (p pass) checkGive(a coffer.Access, until int64) error {
	if coffer.MayGive(p.who, p.space, p.held, a, until) {
		return nil
	}
	return coffer.E(coffer.Forbidden, "beyond_own", "You cannot give others more than you have yourself, or for longer.")
}

// shown is the node as the holder of the pass may see it: what it is in has no
// id for who may not see that.
func (p pass) shown() coffer.Node {
	n := p.node
	if p.sees == 0 {
		n.ParentID = coffer.ID{}
	}
	return n
}

// An act is what goes into the record of what happened.
type act struct {
	action string // noun.verb
	node   coffer.ID
	target coffer.ID
	detail map[string]any
	tell   []telling // who is told of it
}

// event is an act of the principal as it is recorded.
func (v *View) event(space coffer.ID, a act) coffer.Event {
	kind, actor := v.actor()
	e := coffer.Event{ActorKind: kind, ActorID: actor, Action: a.action, SpaceID: space, NodeID: a.node, TargetID: a.target,
		Detail: map[string]any{"request": v.p.RequestID}}
	if v.p.Kind == coffer.LinkKind {
		e.Detail["link"] = v.p.Link.Name
	}
	if v.p.Address != "" {
		e.Detail["address"] = v.p.Address
	}
	for k, d := range a.detail {
		e.Detail[k] = d
	}
	return e
}

// actor is how the record names the principal.
func (v *View) actor() (kind string, id coffer.ID) {
	switch v.p.Kind {
	case coffer.SystemKind:
		return "system", v.p.User.ID
	case coffer.LinkKind:
		if !v.p.Recipient.IsZero() {
			return "recipient", v.p.Recipient
		}
		return "link", v.p.Link.ID
	case coffer.RequestKind:
		return "request", v.p.Request
	}
	return "user", v.p.User.ID
}

// powerful is what a principal must be to look after the installation, with a
// proof that covers it.
func powerful(p coffer.Principal, power coffer.Power) error {
	if p.Kind == coffer.SystemKind {
		return nil
	}
	if p.Kind != coffer.UserKind || p.User.ID.IsZero() || p.User.Disabled || !p.User.Role.Has(power) {
		return coffer.E(coffer.Forbidden, "forbidden", "Your role does not allow this. Ask an administrator.")
	}
	if !p.InScope(coffer.ScopeAdmin) {
		return coffer.E(coffer.Forbidden, "scope_missing", "This token may not do that. Sign in, or use a token with the scope admin.")
	}
	return nil
}
