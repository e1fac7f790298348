package coffer

// State is where a node is in its life.
type State uint8

// The states.
const (
	Removed State = iota // deleted for ever, or below something in the trash
	Living               // in the tree of its space
	InTrash              // put into the trash itself
)

// Held is one grant that counts for one principal: it names the person or a
// group that the person is in, it has not ended, and it stands on the node that
// is decided about or on a folder above it.
type Held struct {
	Up     int64 // how many folders above the node; 0 = the node itself
	Access Access
	Until  int64 // when it ends; 0 = never
}

// Decide says what a principal may do with a node. It is pure: everything it
// looks at is in its arguments, read from the database for this request.
//
//   - A personal space is its owner's. Administrators have no access to what is
//     not theirs; the server's own jobs have all.
//   - Grants only add and only flow down: the strongest held counts.
//   - Who may not share in the installation (a guest) edits at most.
//   - A link lends what its maker has now, and no more than it says; nothing in
//     the trash, and nothing of who may not share.
//   - Something in the trash was taken away by who put it there: grants on it do
//     not count any more, those above it count for who may put it back.
func Decide(p Principal, s Space, state State, held []Held) Access {
	if state != Living && state != InTrash {
		return NoAccess
	}
	switch p.Kind {
	case SystemKind:
		return IsOwner
	case LinkKind:
		if state != Living {
			return NoAccess
		}
		return p.Link.lends(p.Maker, Decide(Principal{Kind: UserKind, User: p.Maker}, s, state, held))
	case UserKind, TicketKind:
	default:
		return NoAccess
	}
	if p.User.Disabled || p.User.ID.IsZero() || !p.User.Role.Valid() || s.GivenUp() {
		return NoAccess
	}
	if owns(p, s) {
		return IsOwner
	}
	best := NoAccess
	for _, h := range held {
		if state == Living || h.Up > 0 {
			best = max(best, worth(p, s, h))
		}
	}
	if state == InTrash && best < CanEdit {
		return NoAccess
	}
	return best
}

// owns reports whether a space is the principal's personal one.
func owns(p Principal, s Space) bool {
	return s.Kind == Personal && s.OwnerID == p.User.ID && p.User.Role.Has(OwnSpace)
}

// worth is what a grant comes to for a principal in a space. Where a grant
// itself says too much, it gives nothing.
func worth(p Principal, s Space, h Held) Access {
	most := CanManage
	if s.Kind == Team {
		most = IsOwner
	}
	if s.Kind != Team && s.Kind != Personal || h.Access > most || h.Up < 0 {
		return NoAccess
	}
	if !p.User.Role.Has(ShareContent) {
		return min(h.Access, CanEdit)
	}
	return h.Access
}

// Above returns what counts for the folder that a node is in.
func Above(held []Held) []Held {
	var out []Held
	for _, h := range held {
		if h.Up > 0 {
			h.Up--
			out = append(out, h)
		}
	}
	return out
}

// Sees returns how many of the depth folders above a node the principal may
// see: those from the topmost grant down, all in a space of one's own.
func Sees(p Principal, s Space, held []Held, depth int64) int64 {
	if p.Kind == SystemKind || owns(p, s) {
		return depth
	}
	up := int64(0)
	for _, h := range held {
		if worth(p, s, h) != NoAccess {
			up = max(up, h.Up)
		}
	}
	return min(up, depth)
}

// MayGive reports whether a principal may give others this access to a living
// node until then (0 = without an end), or take it away: nobody gives more, or
// for longer, than they have, and nobody gives who may not manage.
func MayGive(p Principal, s Space, held []Held, give Access, until int64) bool {
	if give == NoAccess || give > IsOwner || Decide(p, s, Living, held) < max(give, CanManage) {
		return false
	}
	if p.Kind == SystemKind || owns(p, s) {
		return true
	}
	for _, h := range held {
		if worth(p, s, h) >= max(give, CanManage) && (h.Until == 0 || until != 0 && until <= h.Until) {
			return true
		}
	}
	return false
}
