package coffer

import (
	"errors"
	"testing"
)

func codeOf(err error) string {
	if e := new(Error); errors.As(err, &e) {
		return e.Code
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

func TestPolicy(t *testing.T) {
	const now = int64(1_000_000_000_000)
	partners, others := NewID(), NewID()
	for _, c := range []struct {
		what string
		got  string
		want string
	}{
		{"no maximum, never", codeOf(Policy{}.CheckEnd(now, 0)), ""},
		{"maximum, never", codeOf(Policy{LinkDaysMax: 30}.CheckEnd(now, 0)), "end_too_late"},
		{"maximum, then", codeOf(Policy{LinkDaysMax: 30}.CheckEnd(now, now+30*day)), ""},
		{"maximum, a day later", codeOf(Policy{LinkDaysMax: 30}.CheckEnd(now, now+31*day)), "end_too_late"},
		{"password free", codeOf(Policy{}.CheckLocked(false, false)), ""},
		{"password needed", codeOf(Policy{LinkPassword: true}.CheckLocked(false, false)), "password_needed"},
		{"password there", codeOf(Policy{LinkPassword: true}.CheckLocked(true, false)), ""},
		{"for named people", codeOf(Policy{LinkPassword: true}.CheckLocked(false, true)), ""},
		{"any domain", codeOf(Policy{}.CheckRecipient("a@b.example")), ""},
		{"a domain", codeOf(Policy{Domains: []string{"b.example"}}.CheckRecipient("A@B.Example")), ""},
		{"below a domain", codeOf(Policy{Domains: []string{"b.example"}}.CheckRecipient("a@x.b.example")), "domain_not_allowed"},
		{"another domain", codeOf(Policy{Domains: []string{"b.example"}}.CheckRecipient("a@xb.example")), "domain_not_allowed"},
		{"two signs", codeOf(Policy{Domains: []string{"b.example"}}.CheckRecipient("a@b.example@c.example")), "domain_not_allowed"},
		{"the default", codeOf(DefaultPolicy().Check()), ""},
		{"no days", codeOf(Policy{Outside: OutsideAll}.Check()), "invalid"},
		{"default after the maximum", codeOf(Policy{LinkDays: 14, LinkDaysMax: 7, Outside: OutsideAll}.Check()), "invalid"},
		{"a month of activity", codeOf(Policy{LinkDays: 14, Outside: OutsideAll, ActivityDays: 30}.Check()), ""},
		{"a week of activity", codeOf(Policy{LinkDays: 14, Outside: OutsideAll, ActivityDays: 7}.Check()), "invalid"},
		{"no such choice", codeOf(Policy{LinkDays: 14, Outside: "some"}.Check()), "invalid"},
		{"groups, none", codeOf(Policy{LinkDays: 14, Outside: OutsideGroups}.Check()), "invalid"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %q, want %q", c.what, c.got, c.want)
		}
	}
	for _, c := range []struct {
		policy Policy
		in     []ID
		want   bool
	}{
		{Policy{Outside: OutsideAll}, nil, true},
		{Policy{Outside: OutsideNobody, OutsideGroups: []ID{partners}}, []ID{partners}, false},
		{Policy{Outside: OutsideGroups, OutsideGroups: []ID{partners}}, []ID{others, partners}, true},
		{Policy{Outside: OutsideGroups, OutsideGroups: []ID{partners}}, []ID{others}, false},
		{Policy{OutsideGroups: []ID{partners}}, []ID{partners}, false}, // no choice: nobody
	} {
		in := map[ID]bool{}
		for _, g := range c.in {
			in[g] = true
		}
		if got := c.policy.Lets(in); got != c.want {
			t.Errorf("%+v lets %v: %v", c.policy, c.in, got)
		}
	}
}
