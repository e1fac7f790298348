package coffer

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Outside says who may let people without an account in.
type Outside string

// The choices.
const (
	OutsideAll    Outside = "all"    // everybody who may share
	OutsideGroups Outside = "groups" // who is in one of some groups
	OutsideNobody Outside = "nobody"
)

// Valid reports whether o is one of the choices.
func (o Outside) Valid() bool {
	return o == OutsideAll || o == OutsideGroups || o == OutsideNobody
}

const (
	defaultLinkDays = 14
	mostLinkDays    = 3650

	defaultActivityDays = 365
	fewestActivityDays  = 30
	day                 = int64(24 * time.Hour / time.Millisecond)
)

// Policy is what the installation allows of sharing with people who have no
// account, and how long it remembers what people did. Links and file requests obey it when they are made, when they are
// changed, and (Lets) at each use.
type Policy struct {
	LinkDays        int64    // until a link or request ends that says nothing else
	LinkDaysMax     int64    // for how long one may be made at most; 0 = also for ever
	LinkPassword    bool     // every link has a password, or is for named people
	Outside         Outside  // who may make any
	OutsideGroups   []ID     // of OutsideGroups
	Domains         []string // of the addresses that a link may be made for; none: all
	GroupsByMembers bool     // everybody who may share makes groups, not administrators only
	ActivityDays    int64    // how long the record of what happened is kept; 0 = for ever
}

// DefaultPolicy is what holds until somebody sets another one.
func DefaultPolicy() Policy {
	return Policy{LinkDays: defaultLinkDays, Outside: OutsideAll, ActivityDays: defaultActivityDays}
}

// Lets reports whether somebody who is in these groups may let people outside in.
func (p Policy) Lets(groups map[ID]bool) bool {
	switch p.Outside {
	case OutsideAll:
		return true
	case OutsideGroups:
		return slices.ContainsFunc(p.OutsideGroups, func(g ID) bool { return groups[g] })
	}
	return false
}

// EndFrom is when what is made now ends where its maker says nothing.
func (p Policy) EndFrom(now int64) int64 { return now + p.LinkDays*day }

// CheckEnd refuses an end (ms; 0 = never) that is further away than allowed. An
// hour is given away, so that "in 30 days" is never refused by a slow clock.
func (p Policy) CheckEnd(now, end int64) error {
	if p.LinkDaysMax == 0 || end != 0 && end <= now+p.LinkDaysMax*day+day/24 {
		return nil
	}
	return field("ends_at", "end_too_late", fmt.Sprintf("Choose an end within %s: your administrator allows no later one.", days(p.LinkDaysMax)))
}

// CheckLocked refuses a link that neither asks for a password nor for the proof of
// a mailbox, where each must: a code that comes to a person's own mailbox is worth
// more than a password that several share.
func (p Policy) CheckLocked(password, named bool) error {
	if password || named || !p.LinkPassword {
		return nil
	}
	return field("password", "password_needed", "Your administrator wants a password on every link that is not for named people.")
}

// CheckRecipient refuses an address that no link may be made for.
func (p Policy) CheckRecipient(email string) error {
	_, host, _ := strings.Cut(EmailKey(email), "@")
	if len(p.Domains) == 0 || slices.Contains(p.Domains, host) {
		return nil
	}
	return field("recipients", "domain_not_allowed", fmt.Sprintf("“%s” cannot be used: your administrator allows addresses at %s.", email, strings.Join(p.Domains, ", ")))
}

// Check refuses a policy that means nothing.
func (p Policy) Check() error {
	switch {
	case p.LinkDays < 1 || p.LinkDays > mostLinkDays:
		return field("link_days_default", "invalid", "Type a number of days from 1 to 3,650.")
	case p.LinkDaysMax < 0 || p.LinkDaysMax > mostLinkDays:
		return field("link_days_max", "invalid", "Type a number of days from 1 to 3,650, or none.")
	case p.LinkDaysMax != 0 && p.LinkDays > p.LinkDaysMax:
		return field("link_days_default", "invalid", "The usual end comes after the latest one. Choose fewer days.")
	case p.ActivityDays != 0 && (p.ActivityDays < fewestActivityDays || p.ActivityDays > mostLinkDays):
		return field("activity_days", "invalid", "Type a number of days from 30 to 3,650, or none.")
	case !p.Outside.Valid():
		return field("outside", "invalid", "outside may be all, groups or nobody.")
	case p.Outside == OutsideGroups && len(p.OutsideGroups) == 0:
		return field("outside_groups", "invalid", "Choose at least one group.")
	}
	return nil
}

func days(n int64) string {
	if n == 1 {
		return "1 day"
	}
	return fmt.Sprintf("%d days", n)
}

// field is Invalid about one field.
func field(name, code, msg string) error {
	e := E(Invalid, code, msg)
	e.Fields = map[string]string{name: msg}
	return e
}
