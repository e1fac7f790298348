package wire

import "coffer"

// Activity is a part of what happened, newest first: GET /activity,
// GET /nodes/{id}/activity.
type Activity struct {
	Items    []Event `json:"items" doc:"May be fewer than asked for, even none, with a next page"`
	Next     string  `json:"next,omitempty"`
	KeptDays int64   `json:"kept_days" doc:"How long the record is kept; 0: for ever"`
}

// Event is something that somebody did.
type Event struct {
	ID      int64          `json:"id"`
	At      int64          `json:"at"`
	Action  string         `json:"action" doc:"noun.verb, as file.uploaded"`
	Actor   Actor          `json:"actor" doc:"Who did it"`
	Node    EventNode      `json:"node" doc:"What it happened to"`
	About   *Actor         `json:"about,omitempty" doc:"Whom it let in or out, or by which link or file request"`
	Version int64          `json:"version,omitempty" doc:"Number of the version that it is about"`
	Outside bool           `json:"outside" doc:"By somebody without an account, or on what lets such people in"`
	Before  map[string]any `json:"before,omitempty" doc:"What is different: name, folder, role, until, people, ..."`
	After   map[string]any `json:"after,omitempty"`
	Count   int64          `json:"count" doc:"How often it was done, with nothing in between"`
}

// EventNode is what an event is about.
type EventNode struct {
	ID       coffer.ID `json:"id,omitzero" doc:"Absent where it cannot be opened any more"`
	ParentID coffer.ID `json:"parent_id,omitzero" doc:"Folder that it is in now; absent where the caller does not see that"`
	Name     string    `json:"name" doc:"As it was called then; empty: a space as a whole"`
	Kind     string    `json:"kind" enum:"file,folder"`
}

// Actor is who did something, or whom it was done to.
type Actor struct {
	Kind string    `json:"kind" doc:"user, group, link, recipient, request, or system for the server itself"`
	ID   coffer.ID `json:"id,omitzero"`
	Name string    `json:"name,omitempty" doc:"Absent: gone, or not for the caller to know"`
}
