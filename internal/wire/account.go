package wire

import "coffer"

// Instance is what anybody may know of the server: GET /instance.
type Instance struct {
	Organisation string   `json:"organisation" doc:"Name of the organisation"`
	Host         string   `json:"host" doc:"Host of the public address"`
	SetupNeeded  bool     `json:"setup_needed" doc:"No owner exists yet"`
	Signup       string   `json:"signup" enum:"open,domains,invitation,closed" doc:"Who may join: anybody, addresses at some domains, only who is invited, nobody. Invitations count with all but closed"`
	Domains      []string `json:"domains" doc:"E-mail domains that may sign up when signup is domains"`
	Version      string   `json:"version"`
	TrashDays    int      `json:"trash_days" doc:"How many days things stay in the trash"`
	BackupDays   int      `json:"backup_days" doc:"How many days backups may keep what was deleted for ever"`
}

// Keys is how the keys of the installation are: GET /keys.
type Keys struct {
	ExportedAt int64 `json:"exported_at" doc:"When they were exported last (ms); 0: never"`
	Current    bool  `json:"export_is_current" doc:"That export holds the present keys"`
}

// Setup makes the first owner: POST /setup.
type Setup struct {
	Code         string   `json:"code" doc:"The one-time setup code from the server's log"`
	Name         string   `json:"name"`
	Email        string   `json:"email"`
	Password     string   `json:"password"`
	Organisation string   `json:"organisation"`
	Signup       string   `json:"signup" enum:"open,domains,invitation,closed"`
	Domains      []string `json:"domains,omitempty"`
}

// Settings are the policies of the installation: GET and PATCH /settings. In a
// PATCH an absent field stays as it is.
type Settings struct {
	Organisation *string   `json:"organisation,omitempty"`
	Signup       *string   `json:"signup,omitempty" enum:"open,domains,invitation,closed"`
	Domains      *[]string `json:"domains,omitempty"`
	Quota        *int64    `json:"quota,omitempty" minimum:"-1" doc:"Bytes that a person's own space may hold, unless that person has a quota of their own; -1: no limit"`

	MembersMakeGroups *bool `json:"members_make_groups,omitempty" doc:"Everybody who may share makes groups, not administrators only"`
	MembersMakeSpaces *bool `json:"members_make_spaces,omitempty" doc:"Everybody with a space of their own makes team spaces, not administrators only"`
}

// Signup asks for an account: POST /signup.
type Signup struct {
	Name     string `json:"name"`
	Email    string `json:"email"`
	Password string `json:"password"`
}

// SignupPending is the sign-up that this browser waits to confirm. The answer is
// the same for known and unknown addresses.
type SignupPending struct {
	Email     string `json:"email"`
	CodeUntil int64  `json:"code_until" doc:"When the six digits end"`
	LinkUntil int64  `json:"link_until" doc:"When the button in the mail ends"`
	ResendAt  int64  `json:"resend_at" doc:"From when the mail can be sent again"`
}

// SignupAddress changes the address of a pending sign-up: PATCH /signup.
type SignupAddress struct {
	Email string `json:"email"`
}

// Confirm confirms an address: POST /signup/confirm, with the six digits (in the
// browser that signed up) or with the token of the mail's button (anywhere).
type Confirm struct {
	Code  string `json:"code,omitempty"`
	Token string `json:"token,omitempty"`
}

// Confirmed answers Confirm. Me is there when this browser is signed in now:
// only after the six digits.
type Confirmed struct {
	Email string `json:"email"`
	Me    *Me    `json:"me,omitempty"`
}

// MailToken is a token out of a mail: POST /signup/inspect and
// /invitation/inspect.
type MailToken struct {
	Token string `json:"token"`
}

// SignupInfo tells whoever holds the mail what would be confirmed.
type SignupInfo struct {
	Email     string `json:"email"`
	CreatedAt int64  `json:"created_at"`
	Address   string `json:"address" doc:"Network that the account was asked for from"`
}

// Login proves a person by password: POST /session.
type Login struct {
	Email    string `json:"email"`
	Password string `json:"password"`
}

// Me is the person who is signed in: GET /session.
type Me struct {
	ID        coffer.ID `json:"id"`
	Email     string    `json:"email"`
	Name      string    `json:"name"`
	Role      string    `json:"role" enum:"owner,admin,auditor,member,guest"`
	Theme     string    `json:"theme" enum:"system,light,dark"`
	Language  string    `json:"language"`
	CreatedAt int64     `json:"created_at"`
	SessionID coffer.ID `json:"session_id,omitzero"`
	TokenID   coffer.ID `json:"token_id,omitzero"`
	Powers    []string  `json:"powers" doc:"What the role may do: own_space, share_content, read_people, manage_people, set_policy, make_admins"`
}

// MePatch changes one's own settings: PATCH /me. Absent fields stay.
type MePatch struct {
	Name     *string `json:"name,omitempty"`
	Theme    *string `json:"theme,omitempty" enum:"system,light,dark"`
	Language *string `json:"language,omitempty"`
}

// PasswordChange changes one's own password: PUT /password. All other sessions
// and tokens end.
type PasswordChange struct {
	Current string `json:"current"`
	New     string `json:"new"`
}

// PasswordForgot asks for a reset mail: POST /password/forgot. The answer is
// always the same.
type PasswordForgot struct {
	Email string `json:"email"`
}

// PasswordReset sets a new password with a mailed token: POST /password/reset.
type PasswordReset struct {
	Token    string `json:"token"`
	Password string `json:"password"`
}

// Session is a browser that is signed in: GET /sessions.
type Session struct {
	ID         coffer.ID `json:"id"`
	Current    bool      `json:"current" doc:"This device"`
	UserAgent  string    `json:"user_agent"`
	Browser    string    `json:"browser" doc:"Browser and system in words, e.g. Firefox on Linux"`
	Address    string    `json:"address"`
	CreatedAt  int64     `json:"created_at"`
	LastSeenAt int64     `json:"last_seen_at"`
	ExpiresAt  int64     `json:"expires_at"`
}

// NewToken asks for a bearer token: POST /tokens, with the password, because a
// token never makes a token and a cookie is not enough.
type NewToken struct {
	Email    string   `json:"email"`
	Password string   `json:"password"`
	Name     string   `json:"name"`
	Scopes   []string `json:"scopes,omitempty" doc:"Default: files.read files.write share account"`
	Days     int      `json:"days,omitempty" minimum:"1" maximum:"365" doc:"Default 90"`
}

// TokenCreated holds the secret, which is shown this once.
type TokenCreated struct {
	Token  string `json:"token"`
	Record Token  `json:"record"`
	Me     Me     `json:"me"`
}

// Token is a bearer token without its secret: GET /tokens.
type Token struct {
	ID         coffer.ID `json:"id"`
	Current    bool      `json:"current" doc:"The token of this request"`
	Name       string    `json:"name"`
	Last4      string    `json:"last4"`
	Scopes     []string  `json:"scopes"`
	Address    string    `json:"address"`
	CreatedAt  int64     `json:"created_at"`
	LastUsedAt int64     `json:"last_used_at"`
	ExpiresAt  int64     `json:"expires_at"`
}

// List is every list's answer. Next is empty on the last page; it is given back
// as the query parameter "cursor".
type List[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty"`
	Total int64  `json:"total"`
}

// Makeable is a list of things that some people may make more of.
type Makeable[T any] struct {
	List[T]
	MayMake bool `json:"may_make" doc:"The caller may make one"`
}

// Part is a page of a list that nobody counts. Next asks for the next one, and
// is there also when this page holds less than was asked for.
type Part[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty"`
}
