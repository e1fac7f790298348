package mail

// Link is what a letter says of a link. Its password stands in none.
type Link struct {
	Sender   string // a person's name
	What     string // "“Closing bundle”", or "a file"
	Message  string // from the sender
	Path     string // of its address, below the site's
	EndsAt   int64  // ms; 0 = never
	Password bool
	At       int64
}

// LinkFor brings a link to somebody whom it was made for.
func LinkFor(s Site, to string, l Link) Message {
	out := letter{Site: s, Subject: clip(l.Sender) + " shared " + clip(l.What) + " with you", Button: "Open it", Link: s.BaseURL + l.Path,
		Before: []string{l.Sender + " shared " + l.What + " with you through " + s.name() + "."}}
	if l.Message != "" {
		out.Before = append(out.Before, "“"+l.Message+"”")
	}
	out.Before = append(out.Before, "It opens for you only: the page asks for this address, "+to+", and sends a code to it.")
	if l.Password {
		out.Before = append(out.Before, "It asks for a password too, which "+l.Sender+" gives you by another way.")
	}
	if l.EndsAt != 0 {
		out.After = []string{"The link works until " + day(l.EndsAt) + "."}
	}
	out.After = append(out.After, "You get this because "+l.Sender+" gave your address. If you do not know the sender, you can ignore it.")
	return out.message(to, l.At)
}

// LinkCode brings the code that proves an address at a link. It says nothing of
// what the link opens.
func LinkCode(s Site, to, code string, r Request) Message {
	return letter{
		Site: s, Subject: "Your code to open a link",
		Before: []string{"Type this code in the page where you asked for it:"}, Code: code[:3] + " " + code[3:],
		After: []string{
			"The code works for 10 minutes and once. Give it to nobody: whoever has it opens what was shared with you.",
			"You get this because somebody asked for a code for the address " + to + " at " + s.name() + ", " + r.where() + ".",
			ignore,
		},
	}.message(to, r.At)
}
