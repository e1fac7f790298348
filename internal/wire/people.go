package wire

import "coffer"

// Account is a person as administrators and auditors see them: GET /people.
// Nothing in it tells what the person stores.
type Account struct {
	ID         coffer.ID `json:"id"`
	Name       string    `json:"name"`
	Email      string    `json:"email"`
	Role       string    `json:"role" enum:"owner,admin,auditor,member,guest"`
	State      string    `json:"state" enum:"on,off" doc:"off: the account is turned off"`
	Used       int64     `json:"used" doc:"Bytes in the own space: all versions, and what is in the trash"`
	Reserved   int64     `json:"reserved" doc:"Bytes of uploads that run now"`
	Quota      *int64    `json:"quota" nullable:"true" doc:"What was set for this person; null: the default, -1: no limit"`
	Limit      *int64    `json:"limit,omitempty" doc:"The quota that counts; absent: no limit"`
	CreatedAt  int64     `json:"created_at"`
	LastSeenAt int64     `json:"last_seen_at"`
}

// AccountPatch changes a person's quota: PATCH /people/{id}.
type AccountPatch struct {
	Quota *int64 `json:"quota" nullable:"true" minimum:"-1" doc:"Bytes; null: the default, -1: no limit. Less than is stored loses nothing: only nothing more fits in"`
}
