package files

import (
	"context"
	"errors"
	"slices"
	"strings"

	"coffer"
	"coffer/internal/db"
)

// outward is asked before anything that lets people without an account in is
// made, widened or used: it is Forbidden where the policy does not let its maker
// do so, and else returns the policy, by which the rest is checked.
func outward(tx *db.Tx, maker coffer.ID) (coffer.Policy, error) {
	policy, err := tx.Policy()
	if err != nil || policy.Outside == coffer.OutsideAll {
		return policy, err
	}
	groups, err := tx.GroupsOf(maker)
	if err == nil && !policy.Lets(groups) {
		err = coffer.E(coffer.Forbidden, "outside_off", "Your administrator does not allow sharing outside.")
	}
	return policy, err
}

// Policy is what the installation allows of sharing outside, and whether it
// lets the principal do so.
type Policy struct {
	coffer.Policy
	Lets bool
}

// Policy tells the policy to everybody who is signed in.
func (v *View) Policy(ctx context.Context) (out Policy, err error) {
	err = v.ask(ctx, func(tx *db.Tx) error {
		out, err = v.policy(tx)
		return err
	})
	return out, err
}

func (v *View) policy(tx *db.Tx) (out Policy, err error) {
	out.Policy, err = outward(tx, v.p.User.ID)
	out.Lets = err == nil && v.p.User.Role.Has(coffer.ShareContent)
	if coffer.KindOf(err) == coffer.Forbidden {
		err = nil
	}
	return out, err
}

// PolicyPatch changes the policy. Absent fields stay as they are.
type PolicyPatch struct {
	LinkDays, LinkDaysMax *int64
	ActivityDays          *int64
	LinkPassword          *bool
	Outside               *coffer.Outside
	OutsideGroups         *[]coffer.ID
	Domains               *[]string
	GroupsByMembers       *bool
}

// ChangePolicy changes the policy, for whoever sets it. Links and requests that
// are there stay as they are made, but who may not share outside any more has
// none that open.
//
// Errors: Forbidden, Invalid with a field.
func (v *View) ChangePolicy(ctx context.Context, c PolicyPatch) (out Policy, err error) {
	err = v.govern(ctx, coffer.SetPolicy, func(tx *db.Tx, _ coffer.Principal) error {
		if err := tx.LockInstall(); err != nil { // two changes of different fields both count
			return err
		}
		before, err := tx.Policy()
		if err != nil {
			return err
		}
		after := before
		set(&after.LinkDays, c.LinkDays)
		set(&after.LinkDaysMax, c.LinkDaysMax)
		set(&after.ActivityDays, c.ActivityDays)
		set(&after.LinkPassword, c.LinkPassword)
		set(&after.Outside, c.Outside)
		set(&after.OutsideGroups, c.OutsideGroups)
		set(&after.Domains, c.Domains)
		set(&after.GroupsByMembers, c.GroupsByMembers)
		if after.LinkDaysMax != 0 && c.LinkDays == nil { // who shortens the longest means the usual one too
			after.LinkDays = min(after.LinkDays, after.LinkDaysMax)
		}
		if after.Domains, err = policyDomains(after.Domains); err != nil {
			return err
		}
		if err := after.Check(); err != nil {
			return err
		}
		for _, id := range after.OutsideGroups {
			if _, err := tx.Group(id); errors.Is(err, coffer.ErrNotFound) {
				return wrong("outside_groups", "group_unknown", "One of the groups is gone. Choose again.")
			} else if err != nil {
				return err
			}
		}
		if err := tx.SetPolicy(after); err != nil {
			return err
		}
		if out, err = v.policy(tx); err != nil {
			return err
		}
		return tx.InsertEvent(v.event(coffer.ID{}, act{action: "policy.changed", detail: map[string]any{"before": policyTerms(before), "after": policyTerms(after)}}))
	})
	return out, err
}

// policyDomains reads domains as people type them.
func policyDomains(typed []string) ([]string, error) {
	var out []string
	for _, d := range typed {
		d = strings.ToLower(strings.TrimPrefix(strings.TrimSpace(d), "@"))
		if !strings.Contains(d, ".") || len(d) > 253 || strings.ContainsFunc(d, func(r rune) bool {
			return r != '.' && r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z')
		}) {
			return nil, wrong("recipient_domains", "invalid", "“"+d+"” is not a domain like example.org.")
		}
		out = append(out, d)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// policyTerms are what the record says of a policy.
func policyTerms(p coffer.Policy) map[string]any {
	t := map[string]any{"link_days_default": p.LinkDays, "link_password_always": p.LinkPassword, "outside": p.Outside, "groups_by_members": p.GroupsByMembers, "activity_days": p.ActivityDays}
	if p.LinkDaysMax != 0 {
		t["link_days_max"] = p.LinkDaysMax
	}
	if len(p.OutsideGroups) > 0 {
		t["outside_groups"] = p.OutsideGroups
	}
	if len(p.Domains) > 0 {
		t["recipient_domains"] = p.Domains
	}
	return t
}
