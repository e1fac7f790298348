package wire

import "coffer"

// Grant is access that one person or one group has to a node and to all below
// it.
type Grant struct {
	ID        coffer.ID `json:"id"`
	NodeID    coffer.ID `json:"node_id,omitzero" doc:"What it stands on; absent where the caller may not see that"`
	Kind      string    `json:"kind" enum:"person,group"`
	UserID    coffer.ID `json:"user_id,omitzero"`
	GroupID   coffer.ID `json:"group_id,omitzero"`
	Name      string    `json:"name" doc:"Of the person or group"`
	Email     string    `json:"email,omitempty" doc:"Of a person, told to who can manage the node"`
	Disabled  bool      `json:"disabled,omitempty" doc:"The person's account is turned off"`
	Members   *int64    `json:"members,omitempty" doc:"Of a group"`
	Role      string    `json:"role" enum:"view,edit,manage,owner"`
	Until     int64     `json:"until,omitempty" doc:"When it ends (ms); absent: never"`
	GivenAt   int64     `json:"given_at"`
	GivenBy   *Person   `json:"given_by,omitempty"`
	Inherited bool      `json:"inherited" doc:"It stands on a folder above"`
	From      string    `json:"from,omitempty" doc:"Name of that folder, where the caller may see it"`
	MayChange bool      `json:"may_change" doc:"The caller may change it and take it away"`
}

// Sharing is who a node is given to: GET /nodes/{id}/grants.
type Sharing struct {
	Owner *Person `json:"owner,omitempty" doc:"Of a personal space; a team space's owners have grants"`
	Items []Grant `json:"items" doc:"On the node itself first, then on the folders above"`
}

// NewGrant gives access: POST /nodes/{id}/grants. It names one person, by
// address or id, or one group.
type NewGrant struct {
	Email   string    `json:"email,omitempty" maxLength:"254"`
	UserID  coffer.ID `json:"user_id,omitzero"`
	GroupID coffer.ID `json:"group_id,omitzero"`
	Role    string    `json:"role" enum:"view,edit,manage,owner" doc:"owner: on the root of a team space only"`
	Until   int64     `json:"until,omitempty" minimum:"0" doc:"When it ends (ms); absent or 0: never"`
	Message string    `json:"message,omitempty" doc:"To whom it is given, for the notice and its mail; at most 1,000 characters"`
}

// Ask asks for more rights: POST /nodes/{id}/ask.
type Ask struct {
	Message string `json:"message,omitempty" doc:"To those who manage it; at most 1,000 characters"`
}

// GrantPatch changes a grant: PATCH /nodes/{id}/grants/{grant}. Absent fields
// stay.
type GrantPatch struct {
	Role  string `json:"role,omitempty" enum:"view,edit,manage,owner"`
	Until *int64 `json:"until,omitempty" minimum:"0" doc:"0: without an end"`
}

// SharedItem is something that others gave to the caller: GET /shared.
type SharedItem struct {
	Node  Node    `json:"node"`
	By    *Person `json:"by,omitempty" doc:"Who gave it last"`
	Owner *Person `json:"owner,omitempty" doc:"Of the personal space that it is in"`
	Space string  `json:"space,omitempty" doc:"Name of the team space that it is in"`
	Since int64   `json:"since"`
	Until int64   `json:"until,omitempty" doc:"When the access ends (ms); absent: never"`
}

// Group is a named set of people.
type Group struct {
	ID        coffer.ID `json:"id"`
	Name      string    `json:"name"`
	Members   int64     `json:"members"`
	Member    bool      `json:"member" doc:"The caller is in it"`
	MayChange bool      `json:"may_change" doc:"The caller may change it and its members"`
	CreatedAt int64     `json:"created_at"`
}

// GroupName makes or renames a group: POST /groups, PATCH /groups/{id}.
type GroupName struct {
	Name string `json:"name"`
}

// Member is a person in a group.
type Member struct {
	ID    coffer.ID `json:"id"`
	Name  string    `json:"name"`
	Email string    `json:"email"`
	State string    `json:"state" enum:"on,off"`
}

// Found is a person to share with: GET /directory.
type Found struct {
	ID    coffer.ID `json:"id"`
	Name  string    `json:"name"`
	Email string    `json:"email"`
}

// Answer says who can open a node: GET /nodes/{id}/access.
type Answer struct {
	People               []Opener `json:"people" doc:"The strongest first, then by name"`
	Links                int64    `json:"links" doc:"By which anybody can open it now, without an account: GET /nodes/{id}/links"`
	LinksWithoutPassword int64    `json:"links_without_password"`
	LinksNamed           int64    `json:"links_named" doc:"Others, which open it for those whom they were made for"`
	Sentences            []string `json:"sentences" doc:"How many people, what administrators can do, who holds the keys"`
}

// Opener is a person who can open a node.
type Opener struct {
	ID     coffer.ID `json:"id"`
	Name   string    `json:"name"`
	Email  string    `json:"email,omitempty" doc:"Told to who can manage the node"`
	Access string    `json:"access" enum:"view,edit,manage,owner"`
	Ways   []Way     `json:"ways" doc:"By which they have it, the strongest first"`
}

// Way is one reason why somebody can open a node.
type Way struct {
	Grant     coffer.ID `json:"grant,omitzero" doc:"Absent: they own the space"`
	Access    string    `json:"access" enum:"view,edit,manage,owner"`
	Until     int64     `json:"until,omitempty" doc:"When it ends (ms); absent: never"`
	Group     string    `json:"group,omitempty" doc:"The group that was given it"`
	Inherited bool      `json:"inherited" doc:"It stands on a folder above"`
	From      string    `json:"from,omitempty" doc:"Name of that folder, where the caller may see it"`
}
