package files

import (
	"fmt"
	"strings"
	"time"

	"coffer"
)

// What mails of notices say. Only names that the person may know stand in a
// notice; with names off none of files, folders, links and requests does.

// lineOf is what a mail says of a notice. p is the pass of the person it is for,
// or of nobody where that cannot open the node any more.
func lineOf(n coffer.Notice, p pass, names bool) line {
	t := n.Told
	what, it := "a file", "the file"
	if t.Folder {
		what, it = "a folder", "the folder"
	}
	if names && t.Name != "" {
		what, it = "“"+t.Name+"”", it+" “"+t.Name+"”"
	}
	switch n.Kind {
	case coffer.ShareGiven:
		text := fmt.Sprintf("%s gave you access to %s. %s", t.By, it, mayText(t.Role))
		if t.Until != 0 {
			text += " Your access ends on " + dayText(t.Until) + "."
		}
		return line{Subject: t.By + " shared " + what + " with you", Text: text, Quote: t.Message, Button: "Open it", Path: addressOf(p)}
	case coffer.ShareEnded:
		return line{Subject: t.By + " ended your access to " + what, Text: fmt.Sprintf("%s ended your access to %s.", t.By, it), Path: "/shared", Button: "See what is shared with you"}
	case coffer.ShareAsked:
		return line{Subject: t.By + " asks for more rights to " + what, Text: fmt.Sprintf("%s asks for more rights to %s. %s", t.By, it, theyMay(t.Role)), Quote: t.Message, Button: "Look at it", Path: addressOf(p)}
	case coffer.FilesCame:
		return cameLine(n, names, p)
	case coffer.LinkOpened, coffer.LinkGot, coffer.LinkWrong, coffer.LinkEnding:
		return linkLine(n, it, names, p)
	case coffer.StorageLow:
		whose := "Your storage"
		if p.space.Kind == coffer.Team {
			whose = "The storage of a team space"
			if names {
				whose = "The storage of “" + t.Name + "”"
			}
		}
		return line{Subject: whose + " is almost full", Text: fmt.Sprintf("%s is almost full: %s of %s are left. Delete something for ever, or ask your administrator for more room.",
			whose, coffer.BytesText(t.Left), coffer.BytesText(t.Of)), Path: addressOf(p), Button: "See the files"}
	}
	return line{Subject: "Something has happened", Text: "Something has happened.", Path: "/notices", Button: "See all notices"}
}

// linkLine is lineOf for what is done by a link. it is what the link opens.
func linkLine(n coffer.Notice, it string, names bool, p pass) line {
	t := n.Told
	link := "Your link"
	if names && t.Link != "" {
		link += " “" + t.Link + "”"
	}
	link += " to " + it
	by := ""
	if t.Who != "" {
		by = " by " + t.Who
	}
	times := ""
	if n.Count > 1 {
		times = fmt.Sprintf(", %d times", n.Count)
	}
	l := line{Path: addressOf(p), Button: "See what it opens"}
	switch n.Kind {
	case coffer.LinkOpened:
		l.Subject, l.Text = "Your link was opened", link+" was opened"+by+times+"."
	case coffer.LinkGot:
		l.Subject, l.Text = "Your link was downloaded", link+" was downloaded"+by+times+"."
	case coffer.LinkWrong:
		l.Subject, l.Text = "Somebody was refused at your link", "Somebody was refused at your link"+strings.TrimPrefix(link, "Your link")+": a wrong password or code was typed"+times+"."
	default:
		l.Subject, l.Text = "Your link ends soon", link+" ends on "+dayText(t.Until)+". If it is to work longer, give it another end."
	}
	if names && t.Link != "" {
		l.Subject = strings.Replace(l.Subject, "our link", "our link “"+t.Link+"”", 1)
		if n.Kind == coffer.LinkEnding {
			l.Subject = "Your link “" + t.Link + "” ends in 2 days"
		}
	}
	return l
}

// groupLine is what a mail says of a notice about a group.
func groupLine(n coffer.Notice) line {
	t := n.Told
	return line{Subject: t.By + " added you to the group “" + t.Name + "”", Text: fmt.Sprintf("%s added you to the group “%s”: what is shared with it is shared with you.", t.By, t.Name),
		Button: "See what is shared with you", Path: "/shared"}
}

// cameLine is lineOf for what came by a file request.
func cameLine(n coffer.Notice, names bool, p pass) line {
	t := n.Told
	files := "1 file"
	if t.Files != 1 {
		files = fmt.Sprintf("%d files", t.Files)
	}
	l := line{Subject: "Received: " + files, Text: fmt.Sprintf("Somebody sent you %s, %s, by a file request.", files, coffer.BytesText(t.Bytes)), Button: "Look at the files", Path: addressOf(p)}
	if names {
		who := t.Who
		if t.Email != "" {
			who += " (" + t.Email + ")"
		}
		l.Subject += " from " + t.Who
		l.Text = fmt.Sprintf("%s sent you %s, %s. You had asked for “%s”. The name and the address are what the sender typed. Nobody has checked them.", who, files, coffer.BytesText(t.Bytes), t.Link)
	}
	l.Text += " Reference " + t.Ref + ", which the sender has, too."
	return l
}

// theyMay says what somebody has who asks for more.
func theyMay(role string) string {
	if coffer.ParseAccess(role) == coffer.CanEdit {
		return "So far they can edit, and not share."
	}
	return "So far they can view and download."
}

// mayText says what a level lets a person do.
func mayText(role string) string {
	switch coffer.ParseAccess(role) {
	case coffer.CanEdit:
		return "You can view, upload, rename, move and delete."
	case coffer.CanManage:
		return "You can edit it, and share it with others."
	case coffer.IsOwner:
		return "You are one of its owners."
	}
	return "You can view and download it."
}

func dayText(ms int64) string {
	return time.UnixMilli(ms).UTC().Format("Monday 2 January 2006 at 15:04 UTC")
}

// addressOf is where the holder of a pass opens its node in the page.
func addressOf(p pass) string {
	switch {
	case p.node.Kind == coffer.Folder:
		return "/files/" + p.node.ID.String()
	case p.sees == 0:
		return "/shared"
	}
	return "/files/" + p.node.ParentID.String() + "?preview=" + p.node.ID.String()
}
