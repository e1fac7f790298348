package mail

import (
	"context"
	"errors"
	"fmt"
	netmail "net/mail"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	gomail "github.com/wneessen/go-mail"
)

// Message is one letter to one person, ready to be sent.
type Message struct {
	ID       string // 1 to 64 of 0-9a-z; names the file and the Message-ID, the same at each try
	To       string // the bare address, ASCII; no display name: a stranger may have chosen it
	FromName string // the organisation
	Subject  string
	Text     string
	HTML     string
	At       int64 // ms since 1970, UTC: the letter's date
}

// Sender takes letters. Send returns nil only when the letter is in other safe
// hands; it may be called again for the same Message after an error. An *Error
// tells whether that has a point.
//
// SMTP and Outbox are senders.
type Sender interface {
	Send(ctx context.Context, m Message) error
}

// Error says that a letter was not taken. Its text holds no address and nothing
// of the letter.
type Error struct {
	Permanent bool // trying again has no point
	Code      int  // SMTP reply, 0 when there was none
	Msg       string
}

func (e *Error) Error() string {
	if e.Code != 0 {
		return fmt.Sprintf("mail: %s (SMTP %d)", e.Msg, e.Code)
	}
	return "mail: " + e.Msg
}

// Permanent reports whether err says that the letter will never be taken.
func Permanent(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Permanent
}

func refuse(msg string) error { return &Error{Permanent: true, Msg: msg} }

var messageID = regexp.MustCompile(`^[0-9a-z]{1,64}$`)

// build checks a letter and makes it a MIME message. What could break out of a
// header or an SMTP command is refused, not repaired: nobody honest sends it.
func build(m Message, from string) (*gomail.Msg, error) {
	if !messageID.MatchString(m.ID) {
		return nil, refuse("the id of the letter is not one")
	}
	if !PlainAddress(m.To) {
		return nil, refuse("the recipient is not a plain address")
	}
	for _, s := range []string{m.FromName, m.Subject} {
		if len(s) > 400 || !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) {
			return nil, refuse("subject or sender holds control characters or is too long")
		}
	}
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	msg.FromMailAddress(&netmail.Address{Name: m.FromName, Address: from})
	if err := msg.To(m.To); err != nil {
		return nil, refuse("the recipient's address cannot be used")
	}
	msg.Subject(m.Subject)
	msg.SetMessageIDWithValue(m.ID + "@" + from[strings.LastIndexByte(from, '@')+1:])
	msg.SetDateWithValue(time.UnixMilli(m.At).UTC())
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no vacation notices back
	msg.SetBodyString(gomail.TypeTextPlain, m.Text)
	msg.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	return msg, nil
}

// PlainAddress reports whether s is a bare ASCII address that needs no quoting,
// local@domain: the only kind that letters are sent to and from.
func PlainAddress(s string) bool {
	if len(s) > 254 || strings.Count(s, "@") != 1 || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return false
	}
	a, err := netmail.ParseAddress(s)
	return err == nil && a.Address == s && a.Name == "" && !strings.ContainsAny(s, "\"<>()[],;:\\")
}
