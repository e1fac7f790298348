package wire

import "coffer"

// Policy is what the installation allows of sharing with people who have no
// account: GET /policy.
type Policy struct {
	LinkDaysDefault    int64       `json:"link_days_default" doc:"Until a link or file request ends that says nothing else"`
	LinkDaysMax        *int64      `json:"link_days_max" doc:"For how long one may be made at most; null: also for ever"`
	LinkPasswordAlways bool        `json:"link_password_always" doc:"Every link has a password, but such as are for named people, who prove a mailbox"`
	Outside            string      `json:"outside" enum:"all,groups,nobody" doc:"Who may make links and file requests"`
	OutsideGroups      []coffer.ID `json:"outside_groups" doc:"With outside groups: who is in one of these"`
	RecipientDomains   []string    `json:"recipient_domains" doc:"Of the addresses that a link may be made for; none: all"`
	GroupsByMembers    bool        `json:"groups_by_members" doc:"Everybody who may share makes groups, not administrators only"`
	ActivityDays       int64       `json:"activity_days" doc:"How long it is kept what people did; 0: for ever"`
	YouMay             bool        `json:"you_may" doc:"The caller may make links and file requests where they can manage"`
}

// PolicyPatch changes the policy: PATCH /policy. Absent fields stay.
type PolicyPatch struct {
	LinkDaysDefault    *int64       `json:"link_days_default,omitempty"`
	LinkDaysMax        *int64       `json:"link_days_max,omitempty" doc:"0: no maximum"`
	LinkPasswordAlways *bool        `json:"link_password_always,omitempty"`
	Outside            *string      `json:"outside,omitempty" enum:"all,groups,nobody"`
	OutsideGroups      *[]coffer.ID `json:"outside_groups,omitempty" maxItems:"1000"`
	RecipientDomains   *[]string    `json:"recipient_domains,omitempty" maxItems:"1000"`
	GroupsByMembers    *bool        `json:"groups_by_members,omitempty"`
	ActivityDays       *int64       `json:"activity_days,omitempty" doc:"At least 30; 0: for ever. What is older goes for good"`
}
