package wire

import "coffer"

// Notices is a part of what the caller was told: GET /notices.
type Notices struct {
	Items  []Notice `json:"items"`
	Unread int64    `json:"unread" doc:"How many of all are not read"`
	Next   string   `json:"next,omitempty"`
}

// Notice is something that the caller was told. Names are as they were then;
// which are there depends on the kind.
type Notice struct {
	ID      coffer.ID   `json:"id"`
	At      int64       `json:"at" doc:"Of the last time"`
	Kind    string      `json:"kind" enum:"share_given,share_ended,share_asked,group_given,files_came,storage_low,link_opened,link_downloaded,link_refused,link_ending,new_sign_in"`
	Count   int64       `json:"count" doc:"How often it happened"`
	By      *Person     `json:"by,omitempty" doc:"Who did it"`
	Name    string      `json:"name,omitempty" doc:"Of the file, folder, team space or group"`
	Folder  bool        `json:"folder,omitempty" doc:"It is a folder or a space"`
	Link    string      `json:"link,omitempty" doc:"Name of the link, or title of the file request"`
	Who     string      `json:"who,omitempty" doc:"E-mail address of whom the link was made for, or the name that a sender of files typed"`
	Role    string      `json:"role,omitempty" enum:"view,edit,manage,owner" doc:"What was given; what who asks for more has"`
	Until   int64       `json:"until,omitempty"`
	Message string      `json:"message,omitempty" doc:"From the person who did it"`
	Device  string      `json:"device,omitempty" doc:"As Firefox on Linux"`
	Address string      `json:"address,omitempty" doc:"Network address"`
	Left    int64       `json:"left,omitempty" doc:"Bytes that were left"`
	Of      int64       `json:"of,omitempty" doc:"Bytes that may be stored"`
	Files   int64       `json:"files,omitempty" doc:"How many came"`
	Bytes   int64       `json:"bytes,omitempty" doc:"Of what came"`
	Email   string      `json:"email,omitempty" doc:"That a sender of files typed"`
	Ref     string      `json:"ref,omitempty" doc:"Reference of what came, which its sender has, too"`
	Node    *NoticeNode `json:"node,omitempty" doc:"What it is about, where the caller may open that now"`
	Read    bool        `json:"read"`
}

// NoticeNode is where a notice leads.
type NoticeNode struct {
	ID       coffer.ID `json:"id"`
	Name     string    `json:"name" doc:"As it is called now"`
	Kind     string    `json:"kind" enum:"file,folder"`
	ParentID coffer.ID `json:"parent_id,omitzero"`
}

// NoticesRead marks notices as read: POST /notices/read.
type NoticesRead struct {
	IDs []coffer.ID `json:"ids,omitempty" maxItems:"200"`
	All bool        `json:"all,omitempty"`
}

// NoticeSettings are the notices that come by mail: GET and PATCH /me/notices.
// In a PATCH an absent field stays as it is.
type NoticeSettings struct {
	Shares   *bool `json:"shares,omitempty" doc:"Something was shared with the caller, or is not any more; they are in a group; somebody asks them for more rights"`
	Links    *bool `json:"links,omitempty" doc:"About the caller's links"`
	Requests *bool `json:"requests,omitempty" doc:"Files came by the caller's file requests"`
	Storage  *bool `json:"storage,omitempty" doc:"Nine tenths of the own storage, or of an own team space's, are used"`
	Digest   *bool `json:"digest,omitempty" doc:"One mail a day, at 06:00 UTC; else soon, what comes together in one mail"`
	Names    *bool `json:"names,omitempty" doc:"Names of files, folders and links stand in the mails"`
}
