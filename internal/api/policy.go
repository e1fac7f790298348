package api

import (
	"coffer"
	"coffer/internal/files"
	"coffer/internal/wire"
)

func (a *API) getPolicy(c *call, _ *none) (*bodyOf[wire.Policy], error) {
	p, err := a.view(c).Policy(c)
	return policy(p), err
}

func (a *API) changePolicy(c *call, in *bodyOf[wire.PolicyPatch]) (*bodyOf[wire.Policy], error) {
	b := in.Body
	p, err := a.view(c).ChangePolicy(c, files.PolicyPatch{LinkDays: b.LinkDaysDefault, LinkDaysMax: b.LinkDaysMax, LinkPassword: b.LinkPasswordAlways,
		Outside: (*coffer.Outside)(b.Outside), OutsideGroups: b.OutsideGroups, Domains: b.RecipientDomains, GroupsByMembers: b.GroupsByMembers, ActivityDays: b.ActivityDays})
	return policy(p), err
}

func policy(p files.Policy) *bodyOf[wire.Policy] {
	w := wire.Policy{LinkDaysDefault: p.LinkDays, LinkPasswordAlways: p.LinkPassword, Outside: string(p.Outside),
		OutsideGroups: filled(p.OutsideGroups), RecipientDomains: filled(p.Domains), GroupsByMembers: p.GroupsByMembers, ActivityDays: p.ActivityDays, YouMay: p.Lets}
	if p.LinkDaysMax != 0 {
		w.LinkDaysMax = &p.LinkDaysMax
	}
	return &bodyOf[wire.Policy]{w}
}
