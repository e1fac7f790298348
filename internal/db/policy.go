package db

import (
	"strconv"
	"strings"

	"coffer"
)

// SettingMakeGroups names the setting that lets members make groups.
const SettingMakeGroups = "members_make_groups"

// Names of the settings of coffer.Policy.
const (
	settingLinkDays      = "link_days"
	settingLinkDaysMax   = "link_days_max"
	settingLinkPassword  = "link_password"
	settingOutside       = "outside"
	settingOutsideGroups = "outside_groups" // ids, space separated
	settingDomains       = "recipient_domains"
	settingActivityDays  = "activity_days"
)

// Policy returns what is allowed of sharing outside.
func (tx *Tx) Policy() (coffer.Policy, error) {
	p := coffer.DefaultPolicy()
	all, err := tx.Settings()
	if err != nil {
		return p, err
	}
	for name, to := range map[string]*int64{settingLinkDays: &p.LinkDays, settingLinkDaysMax: &p.LinkDaysMax, settingActivityDays: &p.ActivityDays} {
		if text, ok := all[name]; ok {
			if *to, err = strconv.ParseInt(text, 10, 64); err != nil {
				return p, err
			}
		}
	}
	if text, ok := all[settingOutside]; ok {
		p.Outside = coffer.Outside(text)
	}
	for _, text := range strings.Fields(all[settingOutsideGroups]) {
		id, err := coffer.ParseID(text)
		if err != nil {
			return p, err
		}
		p.OutsideGroups = append(p.OutsideGroups, id)
	}
	p.Domains = strings.Fields(all[settingDomains])
	p.LinkPassword, p.GroupsByMembers = all[settingLinkPassword] == "true", all[SettingMakeGroups] == "true"
	return p, nil
}

// SetPolicy stores a policy. Whoever came by a link or request is decided about
// again.
func (tx *Tx) SetPolicy(p coffer.Policy) error {
	groups := make([]string, len(p.OutsideGroups))
	for i, id := range p.OutsideGroups {
		groups[i] = id.String()
	}
	for name, value := range map[string]string{
		settingLinkDays:      strconv.FormatInt(p.LinkDays, 10),
		settingLinkDaysMax:   strconv.FormatInt(p.LinkDaysMax, 10),
		settingActivityDays:  strconv.FormatInt(p.ActivityDays, 10),
		settingLinkPassword:  strconv.FormatBool(p.LinkPassword),
		settingOutsideGroups: strings.Join(groups, " "),
		settingDomains:       strings.Join(p.Domains, " "),
		SettingMakeGroups:    strconv.FormatBool(p.GroupsByMembers),
	} {
		if err := tx.SetSetting(name, value); err != nil {
			return err
		}
	}
	_, err := tx.revoke(`INSERT INTO setting (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value`, settingOutside, string(p.Outside))
	return err
}
