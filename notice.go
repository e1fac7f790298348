package coffer

import "time"

// Notice is something that a person is told: in the page, and by mail unless
// they turned that off. Equal ones that nobody has read or mailed yet are one.
type Notice struct {
	ID       ID
	UserID   ID // who is told
	At       int64
	Kind     NoticeKind
	ActorID  ID    // who did it; zero: nobody with an account
	NodeID   ID    // what it is about, or the space's root
	ObjectID ID    // of a link, request or recipient
	Count    int64 // how often it happened
	Told     NoticeText
	Read     bool
}

// NoticeText is what a notice says: names as they were then. Which fields a
// kind fills stands beside it.
type NoticeText struct {
	By      string `json:"by,omitempty"`      // the actor's name
	Name    string `json:"name,omitempty"`    // of the file, folder or space
	Folder  bool   `json:"folder,omitempty"`  // it is a folder or a space
	Link    string `json:"link,omitempty"`    // of the link or request
	Who     string `json:"who,omitempty"`     // somebody without an account
	Role    string `json:"role,omitempty"`    // that was given
	Until   int64  `json:"until,omitempty"`   // ms
	Message string `json:"message,omitempty"` // from the actor
	Device  string `json:"device,omitempty"`  // "Firefox on Linux"
	Address string `json:"address,omitempty"` // network address
	Left    int64  `json:"left,omitempty"`    // bytes
	Of      int64  `json:"of,omitempty"`      // bytes
	Files   int64  `json:"files,omitempty"`   // that came
	Bytes   int64  `json:"bytes,omitempty"`   // of them
	Email   string `json:"email,omitempty"`   // that somebody without an account typed
	Ref     string `json:"ref,omitempty"`     // that they have, too
}

// NoticeKind says what happened.
type NoticeKind string

// The kinds of notice, and what each says beside the time.
const (
	ShareGiven NoticeKind = "share_given"     // By, Name, Folder, Role, Until, Message
	ShareEnded NoticeKind = "share_ended"     // By, Name, Folder: nothing opens it for the person any more
	ShareAsked NoticeKind = "share_asked"     // By, Name, Folder, Role (they have), Message: somebody wants to do more with it
	GroupGiven NoticeKind = "group_given"     // By, Name (of the group): the person is in it now
	FilesCame  NoticeKind = "files_came"      // Name (of the folder), Link (title of the request), Who, Email, Files, Bytes, Ref
	StorageLow NoticeKind = "storage_low"     // Name (of a team's space), Left, Of: nine tenths are used
	LinkOpened NoticeKind = "link_opened"     // Link, Who, Name: of a link whose maker wants to know
	LinkGot    NoticeKind = "link_downloaded" // Link, Who, Name: all of it was sent
	LinkWrong  NoticeKind = "link_refused"    // Link, Who, Name: a wrong password or code
	LinkEnding NoticeKind = "link_ending"     // Link, Name, Until: in two days or less
	NewSignIn  NoticeKind = "new_sign_in"     // Device, Address; accounts mails it itself
)

// NoticeTopic is what a person turns mails on and off by.
type NoticeTopic string

// The topics.
const (
	AboutShares   NoticeTopic = "shares"
	AboutLinks    NoticeTopic = "links"
	AboutRequests NoticeTopic = "requests"
	AboutStorage  NoticeTopic = "storage"
)

// Topic is the switch of a kind; "" for one that is never mailed as a notice.
func (k NoticeKind) Topic() NoticeTopic {
	switch k {
	case ShareGiven, ShareEnded, ShareAsked, GroupGiven:
		return AboutShares
	case FilesCame:
		return AboutRequests
	case StorageLow:
		return AboutStorage
	case LinkOpened, LinkGot, LinkWrong, LinkEnding:
		return AboutLinks
	}
	return ""
}

// NoticeSettings are which notices a person gets by mail, and how.
type NoticeSettings struct {
	Shares, Links, Requests, Storage bool
	Digest                           bool  // one mail a day
	Names                            bool  // names of files, folders, links stand in mails
	MailedAt                         int64 // when the last mail was written; 0 = never
}

// DefaultNotices are the settings of a person who has changed none.
var DefaultNotices = NoticeSettings{Shares: true, Links: true, Requests: true, Storage: true, Names: true}

// Mails reports whether notices of a kind are mailed.
func (s NoticeSettings) Mails(k NoticeKind) bool {
	switch k.Topic() {
	case AboutShares:
		return s.Shares
	case AboutLinks:
		return s.Links
	case AboutRequests:
		return s.Requests
	case AboutStorage:
		return s.Storage
	}
	return false
}

const (
	noticeWait  = time.Minute      // for more to come, up to twice this
	noticePause = 15 * time.Minute // between two mails of notices to one person
	digestHour  = 6                // UTC
)

// MailAt is when a notice of this moment is mailed (ms): soon, together with
// what else comes until then, but not soon after the last mail; or with the next
// daily digest. It is a whole minute, so that those of one mail have one time.
func (s NoticeSettings) MailAt(now int64) int64 {
	if s.Digest {
		t := time.UnixMilli(now).UTC()
		next := time.Date(t.Year(), t.Month(), t.Day(), digestHour, 0, 0, 0, time.UTC)
		if !next.After(t) {
			next = next.AddDate(0, 0, 1)
		}
		return next.UnixMilli()
	}
	minute := time.Minute.Milliseconds()
	at := max(now+noticeWait.Milliseconds(), s.MailedAt+noticePause.Milliseconds())
	return (at + minute - 1) / minute * minute
}
