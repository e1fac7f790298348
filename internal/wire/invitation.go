package wire

import "coffer"

// NewInvitation invites an address: POST /invitations. It takes the place of an
// earlier one of that address.
type NewInvitation struct {
	Email string `json:"email"`
	Role  string `json:"role" enum:"owner,admin,auditor,member,guest"`
}

// Invitation is one that was sent: GET /invitations.
type Invitation struct {
	ID        coffer.ID `json:"id"`
	Email     string    `json:"email"`
	Role      string    `json:"role" enum:"owner,admin,auditor,member,guest"`
	InvitedBy *Person   `json:"invited_by,omitempty" doc:"Absent: the server's administration"`
	CreatedAt int64     `json:"created_at"`
	SentAt    int64     `json:"sent_at"`
	ExpiresAt int64     `json:"expires_at"`
	Ended     bool      `json:"ended" doc:"Cannot be accepted now; sending it again begins its time anew"`
}

// InvitationInfo tells whoever holds the mail what it is about: POST
// /invitation/inspect.
type InvitationInfo struct {
	Email        string `json:"email"`
	Organisation string `json:"organisation"`
	InvitedBy    string `json:"invited_by" doc:"Name of the person; empty: the server's administration"`
	ExpiresAt    int64  `json:"expires_at"`
	Ended        bool   `json:"ended"`
}

// InvitationAccept makes the account: POST /invitation/accept.
type InvitationAccept struct {
	Token    string `json:"token"`
	Name     string `json:"name"`
	Password string `json:"password"`
}

// Deletion proves the person again, to delete the own account: POST /me/delete.
type Deletion struct {
	Password string `json:"password"`
}
