package coffer

import (
	"net/netip"
)

// Link is an address that opens a node, and all below it, without an account.
// The address itself is a secret and stands nowhere in it.
type Link struct {
	ID           ID
	NodeID       ID
	SpaceID      ID
	Name         string // who it is for; told to those who manage the node
	Message      string // to its visitors
	May          LinkMay
	EndsAt       int64 // 0 = never
	HasPassword  bool
	DownloadsMax int64 // 0 = as many as they like
	Taken        int64 // downloads begun or reserved
	Notify       bool  // its maker wants to know when it is opened
	Version      int64 // raised by what ends the visits that are open
	OffAt        int64 // since when it is turned off; 0 = it is not
	OffBy        ID
	MadeBy       ID // who answers for it: it gives no more than they may do now
	MadeAt       int64
	Opened       int64 // times, one per network and half hour
	OpenedAt     int64 // last; 0 = never
	Networks     int64 // that it was opened from
}

// LinkMay is what a link lets its visitors do.
type LinkMay string

// The choices, each with those before it.
const (
	LinkView     LinkMay = "view"     // look at lists and previews
	LinkDownload LinkMay = "download" // take files away
	LinkUpload   LinkMay = "upload"   // put new files into its folders
)

// Valid reports whether m is one of the choices.
func (m LinkMay) Valid() bool { return m == LinkView || m == LinkDownload || m == LinkUpload }

// LinkState is how a link stands.
type LinkState string

// The states. Only a live one opens anything.
const (
	LinkLive   LinkState = "live"
	LinkEnded  LinkState = "ended"
	LinkUsedUp LinkState = "used_up"
	LinkOff    LinkState = "off"
)

// State is how the link stands at a time, as far as it says itself.
func (l Link) State(now int64) LinkState {
	switch {
	case l.OffAt != 0:
		return LinkOff
	case l.EndsAt != 0 && l.EndsAt <= now:
		return LinkEnded
	case l.UsedUp():
		return LinkUsedUp
	}
	return LinkLive
}

// UsedUp reports whether every download is taken: who has one may go on with it.
func (l Link) UsedUp() bool { return l.DownloadsMax != 0 && l.Taken >= l.DownloadsMax }

// lends says what a link gives on a node that its maker has this access to.
func (l Link) lends(maker User, has Access) Access {
	most := CanView
	if l.May == LinkUpload {
		most = CanEdit // of which Permit leaves the adding only
	}
	if !l.May.Valid() || l.ID.IsZero() || l.OffAt != 0 || !maker.Role.Has(ShareContent) {
		return NoAccess
	}
	return min(has, most)
}

// LinkPrincipal is a visitor of a link whose maker stands as given.
func LinkPrincipal(l Link, maker User) Principal {
	p := Principal{Kind: LinkKind, Link: l, Maker: maker, Scopes: []Scope{ScopeFilesRead}}
	if l.May == LinkUpload {
		p.Scopes = append(p.Scopes, ScopeFilesWrite)
	}
	return p
}

// Network is the network of an IP address as tries and visitors are counted by:
// IPv4 /24, IPv6 /56, "unknown" for what is no address.
func Network(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return "unknown"
	}
	a = a.Unmap().WithZone("")
	bits := 56
	if a.Is4() {
		bits = 24
	}
	prefix, err := a.Prefix(bits)
	if err != nil {
		return "unknown"
	}
	return prefix.String()
}
