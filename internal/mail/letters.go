package mail

import (
	htmltemplate "html/template"
	"strconv"
	"strings"
	texttemplate "text/template"
	"time"
	"unicode/utf8"
)

// Site is what every letter says of the installation.
type Site struct {
	Organisation string
	BaseURL      string // without a slash at the end
}

// Request is what a letter says of the act behind it.
type Request struct {
	At      int64  // ms since 1970, UTC
	Address string // network address it came from
}

// letter is the one form that all letters have. Every field but Subject and
// Heading may be empty.
type letter struct {
	Site    Site
	Subject string
	Before  []string // paragraphs above the button
	Code    string
	Button  string
	Link    string
	After   []string // paragraphs below: when it ends, why it came
}

const ignore = "If you did not ask for this, you can ignore it."

// ConfirmAddress asks the holder of a new address for a confirmation, by six
// digits or by the button. Nothing that the applicant typed stands in it but the
// address: this letter may reach a stranger.
func ConfirmAddress(s Site, to, code, link string, r Request) Message {
	return letter{
		Site: s, Subject: "Confirm your e-mail address",
		Before: []string{"Type this code in the page where you created your account:"}, Code: code[:3] + " " + code[3:],
		Button: "Confirm my e-mail address", Link: link,
		After: []string{
			"The code works for 30 minutes, the link for 24 hours.",
			"You get this because somebody asked for an account at " + s.name() + " for the address " + to + ", " + r.where() + ".",
			ignore,
		},
	}.message(to, r.At)
}

// AccountExists answers a sign-up for an address that has an account.
func AccountExists(s Site, to string, r Request) Message {
	return letter{
		Site: s, Subject: "You already have an account",
		Before: []string{"You have an account with the address " + to + " already. Sign in with it. If you do not know the password any more, choose “Forgot your password?” on that page."},
		Button: "Sign in", Link: s.BaseURL + "/",
		After: []string{
			"You get this because somebody asked for an account at " + s.name() + " for this address, " + r.where() + ".",
			ignore,
		},
	}.message(to, r.At)
}

// Invitation invites the holder of an address. inviter is a person's name, ""
// when the server itself invites; until is when the link ends (ms).
func Invitation(s Site, to, inviter, link string, until int64, r Request) Message {
	subject, before, because := "You are invited to "+clip(s.Organisation)+" files", "You are invited", "the administration of the server"
	if inviter != "" {
		subject, before, because = clip(inviter)+" invites you to "+clip(s.Organisation)+" files", inviter+" invites you", inviter
	}
	return letter{
		Site: s, Subject: subject,
		Before: []string{before + " to keep files at " + s.name() + ". You choose a password, and your account is ready."},
		Button: "Accept the invitation", Link: link,
		After: []string{
			"The link works until " + day(until) + ", once, and for the address " + to + " only.",
			"You get this because " + because + " invited this address " + r.where() + ".",
			ignore,
		},
	}.message(to, r.At)
}

// AccountDeleted tells that the account is gone, at the person's own wish. There
// is nothing left to press a button for.
func AccountDeleted(s Site, to string, r Request) Message {
	return letter{
		Site: s, Subject: "Your account was deleted",
		Before: []string{
			"The account " + to + " at " + s.name() + " was deleted for ever, with all its files, " + r.where() + ". Whoever did it knew the password.",
			"This cannot be undone. Backups may keep copies for up to 30 days.",
			"If this was not you, tell your administrator now.",
		},
		After: []string{"You get this because it was the address of that account. It gets no more letters."},
	}.message(to, r.At)
}

// ResetPassword carries the link that sets a new password.
func ResetPassword(s Site, to, link string, r Request) Message {
	return letter{
		Site: s, Subject: "Set a new password",
		Button: "Set a new password", Link: link,
		After: []string{
			"The link works for 30 minutes and once.",
			"You get this because somebody asked for a new password for the account " + to + " at " + s.name() + ", " + r.where() + ".",
			ignore,
		},
	}.message(to, r.At)
}

// PasswordChanged tells that the password is a new one. To ignore it is the
// wrong advice here, so it says what to do instead.
func PasswordChanged(s Site, to string, r Request) Message {
	return letter{
		Site: s, Subject: "Your password was changed",
		Before: []string{
			"The password of your account was changed, " + r.where() + ". All other sessions are signed out.",
			"If this was not you, set a new password now with “Forgot your password?” on the sign-in page, and tell your administrator.",
		},
		Button: "Sign in", Link: s.BaseURL + "/",
		After: []string{"You get this because it is about the account " + to + " at " + s.name() + "."},
	}.message(to, r.At)
}

// NewSignIn tells of a sign-in from a network or browser not seen before.
// device is in words: "Firefox on Linux".
func NewSignIn(s Site, to, device string, r Request) Message {
	return letter{
		Site: s, Subject: "New sign-in: " + device,
		Before: []string{
			"Somebody signed in to your account with " + device + ", " + r.where() + ".",
			"If this was you, you can ignore it. If not, change your password now: this signs out everybody else.",
		},
		Button: "Look at my sessions", Link: s.BaseURL + "/security",
		After: []string{"You get this because this browser or network was not seen before with the account " + to + " at " + s.name() + "."},
	}.message(to, r.At)
}

// Delivery is what somebody without an account has sent to a file request.
type Delivery struct {
	Files     int64
	Size      string // in words
	At        int64  // ms
	Reference string
}

func (d Delivery) files() string {
	if d.Files == 1 {
		return "1 file"
	}
	return strconv.FormatInt(d.Files, 10) + " files"
}

// Report tells an administrator that a visitor says that something is wrong with
// a link, or with a "file request". What the visitor typed stands in it; no
// address does.
func Report(s Site, to, what, maker, id, reason, email string, r Request) Message {
	who := "Who reports it left no address."
	if email != "" {
		who = "Who reports it left the address " + email + ". Nobody has checked it."
	}
	return letter{
		Site: s, Subject: "Somebody reports a " + what + " of " + clip(maker),
		Before: []string{
			"A visitor of a " + what + " that " + maker + " made says " + r.where() + ":",
			reason,
			who,
		},
		Button: "Open " + clip(s.Organisation), Link: s.BaseURL + "/",
		After: []string{
			"It is the " + what + " " + id + " in the list of all " + what + "s, where you can turn it off.",
			"You get this because you are an administrator of " + s.name() + ".",
		},
	}.message(to, r.At)
}

// Receipt tells a sender what has arrived. Nothing that the sender typed stands
// in it but the address: this letter may reach a stranger.
func Receipt(s Site, to, asker string, d Delivery, at int64) Message {
	because := "to " + s.name()
	if asker != "" {
		because = "to " + asker + " at " + s.name()
	}
	return letter{
		Site: s, Subject: "Received: " + d.files(),
		Before: []string{"Received: " + d.files() + ", " + d.Size + ", " + day(d.At) + ".", "Reference " + d.Reference + "."},
		After: []string{
			"You get this because somebody sent files " + because + ", without an account, and typed this address for the receipt.",
			"If that was not you, you can ignore it.",
		},
	}.message(to, at)
}

// clip bounds a name for a subject, which mail programs and build bound.
func clip(name string) string {
	const most = 120 // bytes
	if len(name) <= most {
		return name
	}
	cut := most
	for cut > 0 && !utf8.RuneStart(name[cut]) {
		cut--
	}
	return name[:cut] + "…"
}

func day(ms int64) string {
	return time.UnixMilli(ms).UTC().Format("Monday 2 January 2006 at 15:04 UTC")
}

func (s Site) name() string { return s.Organisation + " (" + s.BaseURL + ")" }

func (r Request) where() string {
	when := "on " + day(r.At)
	if r.Address == "" {
		return when
	}
	return when + " from the network address " + r.Address
}

func (l letter) message(to string, at int64) Message {
	var text, html strings.Builder
	// Both write to memory and see only strings: an error is a broken template,
	// which the tests of each letter would show.
	if err := textLayout.Execute(&text, l); err != nil {
		panic(err)
	}
	if err := htmlLayout.Execute(&html, l); err != nil {
		panic(err)
	}
	return Message{To: to, FromName: l.Site.Organisation, Subject: l.Subject, Text: text.String(), HTML: html.String(), At: at}
}

var textLayout = texttemplate.Must(texttemplate.New("text").Parse(`{{.Subject}}

{{range .Before}}{{.}}

{{end}}{{with .Code}}    {{.}}

{{end}}{{if .Button}}{{.Button}}:
{{.Link}}

{{end}}{{range .After}}{{.}}

{{end}}-- 
{{.Site.Organisation}}
{{.Site.BaseURL}}
`))

// Mail readers know little CSS, so it stands inline and the page reads well
// without it. No pictures, no address but our own.
var htmlLayout = htmltemplate.Must(htmltemplate.New("html").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{{.Subject}}</title></head>
<body style="margin:0;padding:24px;background:#f3f2ec;color:#17211e;font:16px/1.5 sans-serif">
<div style="max-width:560px;margin:0 auto;padding:24px 28px;background:#fffefb;border:1px solid #dedacd">
<h1 style="margin:0 0 16px;font:400 24px/1.25 serif">{{.Subject}}</h1>
{{range .Before}}<p>{{.}}</p>
{{end}}{{with .Code}}<p style="font:28px/1.3 monospace;letter-spacing:2px">{{.}}</p>
{{end}}{{if .Button}}<p><a href="{{.Link}}" style="display:inline-block;padding:10px 18px;background:#0d5b4c;color:#ffffff;text-decoration:none;border-radius:6px">{{.Button}}</a></p>
<p style="font-size:14px;color:#48534e;word-break:break-all">{{.Link}}</p>
{{end}}{{range .After}}<p style="font-size:14px;color:#48534e">{{.}}</p>
{{end}}<p style="font-size:14px;color:#5f6963">{{.Site.Organisation}}<br>{{.Site.BaseURL}}</p>
</div></body></html>
`))
