package coffer

import (
	"crypto/sha256"
	"slices"
)

// Role is what a person is in the installation. It says nothing about content:
// that is Access.
type Role string

// The roles. All but guests are members too.
const (
	RoleOwner   Role = "owner"   // admin, and makes owners and admins
	RoleAdmin   Role = "admin"   // people, invitations, quotas, policy
	RoleAuditor Role = "auditor" // reads people, links and the log
	RoleMember  Role = "member"  // own space, shares
	RoleGuest   Role = "guest"   // no own space; only what was shared
)

// Roles lists every role, strongest first.
var Roles = [...]Role{RoleOwner, RoleAdmin, RoleAuditor, RoleMember, RoleGuest}

// Power is something that a role may do in the installation.
type Power uint8

// The powers.
const (
	OwnSpace     Power = iota // have a personal space
	ShareContent              // give others access, make links
	ReadPeople                // see accounts, links and the log
	ManagePeople              // invite, turn off, set quotas
	SetPolicy                 // change the installation's settings
	MakeAdmins                // make owners and admins
)

// AllPowers lists every power.
var AllPowers = [...]Power{OwnSpace, ShareContent, ReadPeople, ManagePeople, SetPolicy, MakeAdmins}

var powerNames = [...]string{"own_space", "share_content", "read_people", "manage_people", "set_policy", "make_admins"}

// String returns the power's stable name, "unknown" for none of AllPowers.
func (p Power) String() string {
	if int(p) >= len(powerNames) {
		return "unknown"
	}
	return powerNames[p]
}

// Has reports whether a role has a power. Unknown roles have none.
func (r Role) Has(p Power) bool {
	switch p {
	case OwnSpace, ShareContent:
		return r == RoleOwner || r == RoleAdmin || r == RoleAuditor || r == RoleMember
	case ReadPeople:
		return r == RoleOwner || r == RoleAdmin || r == RoleAuditor
	case ManagePeople, SetPolicy:
		return r == RoleOwner || r == RoleAdmin
	case MakeAdmins:
		return r == RoleOwner
	}
	return false
}

// Valid reports whether r is one of Roles.
func (r Role) Valid() bool {
	for _, known := range Roles {
		if r == known {
			return true
		}
	}
	return false
}

// Scope limits what a session or token may be used for.
type Scope string

// The scopes. A browser session has all of them.
const (
	ScopeFilesRead  Scope = "files.read"
	ScopeFilesWrite Scope = "files.write"
	ScopeShare      Scope = "share"
	ScopeAccount    Scope = "account"
	ScopeAdmin      Scope = "admin"
)

// AllScopes lists every scope.
var AllScopes = [...]Scope{ScopeFilesRead, ScopeFilesWrite, ScopeShare, ScopeAccount, ScopeAdmin}

// PrincipalKind says what sort of caller acts.
type PrincipalKind uint8

// The kinds of principal. The zero kind may do nothing.
const (
	Nobody      PrincipalKind = iota
	UserKind                  // a person, by session or token
	SystemKind                // a job of the server itself
	TicketKind                // a person, by a download ticket: reads what it names and nothing else
	LinkKind                  // somebody who came by a link: has what the link lends, on its node and below
	RequestKind               // whoever has the address of a file request: puts files there and sees nothing
)

// Principal is who acts, built afresh for each request from the database.
type Principal struct {
	Kind      PrincipalKind
	User      User    // of UserKind and TicketKind
	SessionID ID      // the browser session, or zero
	TokenID   ID      // the bearer token, or zero
	Scopes    []Scope // what this session or token may be used for
	Address   string  // network address, for events
	RequestID string  // for events and logs

	// Of TicketKind: the file and its one version, or (Version zero) files and
	// folders, to be had as a ZIP with all below them.
	Nodes   []ID
	Version ID

	// Of LinkKind, whose User is nobody.
	Link  Link
	Maker User // of the link, as they are now
	Visit ID   // of this browser; zero: it has not begun one
	// Recipient is who has proved the address that the link was made for; zero:
	// nobody.
	Recipient ID

	// Of RequestKind: the file request, and its Version when its password was
	// last asked for.
	Request        ID
	RequestVersion int64
}

// Answers is the person whose rights are asked about: the principal, or who
// made the link that they came by.
func (p Principal) Answers() User {
	if p.Kind == LinkKind {
		return p.Maker
	}
	return p.User
}

// Holder is whose uploads the principal's are: a person, or a file request.
func (p Principal) Holder() ID {
	if p.Kind == RequestKind {
		return p.Request
	}
	return p.User.ID
}

// Lane is whose turn it is where transfers wait for theirs: a person's, or that
// of the senders to a file request in one network, so that slow ones elsewhere
// keep nobody waiting.
func (p Principal) Lane() ID {
	if p.Kind != RequestKind {
		return p.User.ID
	}
	sum := sha256.Sum256(append(p.Request[:], Network(p.Address)...))
	return ID(sum[:16])
}

// SystemPrincipal is the server itself, for jobs.
func SystemPrincipal(job string) Principal {
	return Principal{Kind: SystemKind, RequestID: job}
}

// InScope reports whether the principal's session or token covers s. Only
// people have scopes; the server itself is in each.
func (p Principal) InScope(s Scope) bool {
	switch p.Kind {
	case SystemKind:
		return true
	case UserKind, TicketKind, LinkKind:
		for _, have := range p.Scopes {
			if have == s {
				return true
			}
		}
	}
	return false
}

// Access is what one principal may do with one node. Each level includes those
// below it; None includes knowing that the node is there.
type Access uint8

// The levels.
const (
	NoAccess  Access = iota
	CanView          // open, download
	CanEdit          // also upload, rename, move, trash
	CanManage        // also share
	IsOwner          // also delete for ever
)

// Right is what one verb asks for.
type Right uint8

// The rights.
const (
	Read   Right = iota // see and download
	Write               // change
	Share               // give access to others
	Delete              // delete for ever
	Add                 // put something new into a folder
	Drop                // put something new in by a file request, under its terms
)

var accessNames = [...]string{"", "view", "edit", "manage", "owner"}

// String returns the stable name of a level, "" for NoAccess.
func (a Access) String() string {
	if a > IsOwner {
		return "unknown"
	}
	return accessNames[a]
}

// ParseAccess reads what String writes; anything else is NoAccess.
func ParseAccess(s string) Access {
	return Access(max(0, slices.Index(accessNames[:], s)))
}

// Allows reports whether the level covers the right.
func (a Access) Allows(r Right) bool {
	if a > IsOwner {
		return false // not a level: nothing made it but a mistake
	}
	switch r {
	case Read:
		return a >= CanView
	case Write, Add, Drop:
		return a >= CanEdit
	case Share:
		return a >= CanManage
	case Delete:
		return a >= IsOwner
	}
	return false
}

// SeesEvent reports whether somebody with this access to a node may know what
// happened to it at a time: who manages it all, others what came since they got
// access.
func SeesEvent(a Access, since, at int64) bool {
	return a.Allows(Share) || a.Allows(Read) && at >= since
}

// scopeOf is the scope that a right needs.
func scopeOf(r Right) Scope {
	switch r {
	case Read:
		return ScopeFilesRead
	case Share:
		return ScopeShare
	}
	return ScopeFilesWrite
}

// Permit answers a verb: nil, or the error for the caller. No access at all
// answers ErrNotFound, so that nobody learns what exists; too little of it, or
// a session or token whose scopes do not cover the right, is Forbidden.
func Permit(p Principal, a Access, r Right) error {
	if a == NoAccess || p.Kind == TicketKind && r != Read {
		return ErrNotFound
	}
	if p.Kind == LinkKind && (r != Read && r != Add || !p.InScope(scopeOf(r))) {
		return ErrNotFound
	}
	if !p.InScope(scopeOf(r)) {
		return E(Forbidden, "scope_missing", "This token may not do that. Sign in, or use a token with the scope "+string(scopeOf(r))+".")
	}
	if !a.Allows(r) {
		return E(Forbidden, "forbidden", tooLittle[min(r, Drop)])
	}
	return nil
}

// tooLittle says, for each right, why access that covers less is refused.
var tooLittle = [...]string{
	Read:   "You may not open this.",
	Write:  "You may only view this.",
	Share:  "You may not share this. Ask somebody who can manage it.",
	Delete: "Only the owner can delete this for ever.",
	Add:    "You may only view this.",
	Drop:   "You may only view this.",
}
