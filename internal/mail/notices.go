package mail

import "strconv"

// Line is one thing that a letter of notices tells.
type Line struct {
	Subject string // of a letter that tells nothing else
	Text    string // sentences
	Quote   string // what a person wrote to go with it
	Button  string // of a letter that tells nothing else
	Path    string // where the button leads, below the site's address
}

// mostLines is how many things one letter spells out.
const mostLines = 30

// Notices tells a person what happened, in one letter however much that is.
// There is at least one line.
func Notices(s Site, to string, lines []Line, at int64) Message {
	first := lines[0]
	l := letter{Site: s, Subject: clip(first.Subject), Button: first.Button, Link: s.BaseURL + first.Path}
	if len(lines) > 1 {
		l.Subject = strconv.Itoa(len(lines)) + " notices from " + clip(s.Organisation) + " files"
		l.Button, l.Link = "See all notices", s.BaseURL+"/notices"
	}
	for _, one := range lines[:min(len(lines), mostLines)] {
		l.Before = append(l.Before, one.Text)
		if one.Quote != "" {
			l.Before = append(l.Before, "“"+one.Quote+"”")
		}
	}
	if more := len(lines) - mostLines; more > 0 {
		l.Before = append(l.Before, "And "+strconv.Itoa(more)+" more.")
	}
	l.After = []string{"You get this because you have the account " + to + " at " + s.name() + ". Which notices come by e-mail, and when, you choose in its settings."}
	return l.message(to, at)
}
