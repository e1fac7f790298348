package wire

import "coffer"

// Link is an address that opens a node without an account.
type Link struct {
	ID          coffer.ID       `json:"id"`
	Node        LinkNode        `json:"node"`
	Name        string          `json:"name" doc:"Who it is for; told to those who manage the node"`
	Message     string          `json:"message,omitempty" doc:"To its visitors; told to those who manage the node"`
	May         string          `json:"may" enum:"view,download,upload" doc:"What visitors may do, each with those before it"`
	CreatedAt   int64           `json:"created_at"`
	CreatedBy   *Person         `json:"created_by,omitempty"`
	EndsAt      *int64          `json:"ends_at" doc:"ms; null: never"`
	HasPassword bool            `json:"has_password"`
	Downloads   LinkDownloads   `json:"downloads"`
	Opened      LinkOpened      `json:"opened"`
	Notify      bool            `json:"notify" doc:"Its maker is told when it is opened"`
	State       string          `json:"state" enum:"live,ended,used_up,off" doc:"off also where its node is in the trash or its maker has no access any more"`
	URL         string          `json:"url,omitempty" doc:"Told to those who manage the node"`
	MayChange   bool            `json:"may_change" doc:"The caller manages the node"`
	Named       bool            `json:"named" doc:"It was made for certain people, and opens for nobody else"`
	Recipients  []LinkRecipient `json:"recipients" doc:"Their addresses, told to those who manage the node"`
	Warnings    []string        `json:"warnings" enum:"no_password,no_end,whole_folder,many_networks,unused,ends_tomorrow,maker_left"`
	Password    string          `json:"password,omitempty" doc:"Shown this once, when it was made here"`
}

// LinkNode is what a link opens.
type LinkNode struct {
	ID   coffer.ID `json:"id,omitzero" doc:"Absent where the caller may not see it"`
	Name string    `json:"name"`
	Kind string    `json:"kind" enum:"file,folder"`
}

// LinkDownloads is how many downloads a link has given.
type LinkDownloads struct {
	Max  *int64 `json:"max" doc:"null: no limit"`
	Used int64  `json:"used"`
}

// LinkOpened is how often a link was opened: once per network and half hour.
type LinkOpened struct {
	Count    int64  `json:"count"`
	LastAt   *int64 `json:"last_at" doc:"null: never"`
	Networks int64  `json:"networks"`
}

// LinkRecipient is an address that a link was made for.
type LinkRecipient struct {
	ID    coffer.ID `json:"id"`
	Email string    `json:"email"`
	State string    `json:"state" enum:"live,off"`
}

// NewRecipients lets more addresses open a link: POST /links/{id}/recipients.
type NewRecipients struct {
	Emails []string `json:"emails" minItems:"1" maxItems:"100"`
}

// Receipt is what somebody without an account did by a link: GET
// /links/{id}/receipts.
type Receipt struct {
	Kind      string  `json:"kind" enum:"opened,download,uploaded,refused"`
	At        int64   `json:"at" doc:"The last time"`
	Since     int64   `json:"since" doc:"The first time"`
	Count     int64   `json:"count" doc:"How often, one after the other; always 1 of a download"`
	Recipient *Person `json:"recipient,omitempty" doc:"By name the address that was proved, or that a code was typed for"`
	Network   string  `json:"network" doc:"It came from, as 192.0.2.0/24"`
	Name      string  `json:"name,omitempty" doc:"Of the file or folder"`
	Reason    string  `json:"reason,omitempty" enum:"password,code" doc:"Of a refusal: what was wrong"`
	Size      *int64  `json:"size,omitempty" doc:"Of a download: its bytes"`
	Got       *int64  `json:"got,omitempty" doc:"Of a download: how many bytes were sent, without a gap from its beginning on"`
	State     string  `json:"state,omitempty" enum:"not_begun,running,finished,stopped" doc:"Of a download"`
}

// NewLink makes a link: POST /nodes/{id}/links. Absent fields take the usual
// value; what has none is null.
type NewLink struct {
	Name         string       `json:"name,omitempty"`
	Message      string       `json:"message,omitempty"`
	May          string       `json:"may,omitempty" enum:"view,download,upload" doc:"Absent: download"`
	EndsAt       Null[int64]  `json:"ends_at,omitzero" doc:"ms; absent: as the policy says; null or 0: never"`
	Password     Null[string] `json:"password,omitzero" doc:"Absent: one is made; null or empty: none"`
	DownloadsMax Null[int64]  `json:"downloads_max,omitzero" doc:"Absent, null or 0: no limit"`
	Notify       bool         `json:"notify,omitempty"`
	Recipients   []string     `json:"recipients,omitempty"`
}

// LinkPatch changes a link: PATCH /links/{id}. Absent fields stay.
type LinkPatch struct {
	Name         *string      `json:"name,omitempty"`
	Message      *string      `json:"message,omitempty"`
	May          string       `json:"may,omitempty" enum:"view,download,upload"`
	EndsAt       Null[int64]  `json:"ends_at,omitzero" doc:"ms; null or 0: never"`
	Password     Null[string] `json:"password,omitzero" doc:"null or empty: none"`
	DownloadsMax Null[int64]  `json:"downloads_max,omitzero" doc:"null or 0: no limit"`
	Notify       *bool        `json:"notify,omitempty"`
	Off          *bool        `json:"off,omitempty" doc:"true turns it off, false on again"`
}

// LinkBatch changes many links: POST /links/batch.
type LinkBatch struct {
	IDs    []coffer.ID `json:"ids"`
	Off    *bool       `json:"off,omitempty"`
	EndsAt Null[int64] `json:"ends_at,omitzero" doc:"ms; null or 0: never"`
}

// LinkResult is what came of one link of a batch: the link, or a problem.
type LinkResult struct {
	ID      coffer.ID `json:"id"`
	Link    *Link     `json:"link,omitempty"`
	Problem *Problem  `json:"problem,omitempty"`
}

// LinkResults is the answer to a batch.
type LinkResults struct {
	Results []LinkResult `json:"results"`
}
