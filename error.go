package coffer

import (
	"errors"
	"fmt"
	"time"
)

// Kind classes an error by what the caller can do about it. Each protocol maps
// kinds to its own statuses in one place (gate for HTTP).
type Kind uint8

// The kinds, with the HTTP status that gate gives them.
const (
	Internal        Kind = iota // 500: our fault; the message is hidden
	Malformed                   // 400: the request cannot be read at all
	Invalid                     // 422: read, but a value is not allowed
	Unauthenticated             // 401: nobody is signed in
	Forbidden                   // 403: may see it, may not do this
	NotFound                    // 404: not there, or the caller has no right at all
	Conflict                    // 409: the name or state is taken
	Stale                       // 412: changed since the caller looked
	Gone                        // 410: own trash and uploads only
	TooLarge                    // 413
	Limited                     // 429: too many tries
	OverQuota                   // 507: quota or disk is full
	Busy                        // 503: try again later
	Corrupt                     // 500 "damaged": stored bytes failed authentication
)

var kindNames = [...]string{"internal", "malformed", "invalid", "unauthenticated", "forbidden", "not found", "conflict",
	"stale", "gone", "too large", "limited", "over quota", "busy", "corrupt"}

func (k Kind) String() string { return kindNames[k] }

// Error is an error with a kind, a stable machine code, a sentence for people
// and, for the log only, a cause. Msg says what is wrong and what to do; it
// holds no secret and no name that the caller may not see.
type Error struct {
	Kind       Kind
	Code       string            // stable, snake_case; the kind's default when empty
	Msg        string            // one or two sentences for people
	Fields     map[string]string // wrong input fields: name -> sentence
	Suggestion string            // a value that would be accepted (names)
	Existing   ID                // Conflict: the node that has the name
	Room       *Room             // OverQuota of a space: the numbers
	RetryAfter time.Duration     // Limited, Busy: when to try again; 0 = unknown
	Err        error             // the cause, for the log
}

// Room is why something does not fit: it needs more bytes than are free.
type Room struct{ Need, Free, Quota int64 }

func (e *Error) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s: %s: %v", e.Kind, e.Msg, e.Err)
	}
	return e.Kind.String() + ": " + e.Msg
}

func (e *Error) Unwrap() error { return e.Err }

// E returns an error of a kind with a code and a sentence for people.
func E(kind Kind, code, msg string) *Error { return &Error{Kind: kind, Code: code, Msg: msg} }

// KindOf returns the kind of the first *Error in err's chain, Internal when
// there is none. KindOf(nil) must not be asked.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Internal
}

// ErrNotFound is the one answer to "not there" and to "no right to know".
var ErrNotFound = E(NotFound, "not_found", "This is not here, or you have no access to it.")
