package coffer

import (
	"path"
	"slices"
	"strings"
)

// FileRequest is an address at which people without an account put files into a
// folder. They see nothing of what is there.
type FileRequest struct {
	ID      ID
	SpaceID ID
	NodeID  ID // the folder
	MadeBy  ID // whose right to the folder it has at each use

	Title, Note string
	CreatedAt   int64
	EndsAt      int64 // 0 = never
	OffAt       int64 // since when it is turned off; 0 = it is not
	OffBy       ID    // who turned it off

	MaxFiles   int64    // in all; 0 = no limit
	MaxBytes   int64    // of one file; 0 = no limit
	Types      []string // of FileTypes, or extensions like ".dwg"; none: every file is taken
	AskEmail   bool     // senders type an address beside their name
	Subfolders bool     // each sender gets a folder
	Notify     bool     // who made it gets a mail about what has come

	HasPassword bool
	Version     int64 // raised with each change of the password: who knew the old one types the new

	Files, Bytes int64 // received
	LastAt       int64 // 0 = nothing yet
}

// RequestState says whether a request takes files.
type RequestState string

// The states.
const (
	RequestLive  RequestState = "live"
	RequestEnded RequestState = "ended" // its end is past
	RequestFull  RequestState = "full"  // it has as many files as it may
	RequestOff   RequestState = "off"   // somebody turned it off
)

// State is what the request itself says. Whether its maker may still have files
// put there is MayRequest's answer.
func (r FileRequest) State(now int64) RequestState {
	switch {
	case r.OffAt != 0:
		return RequestOff
	case r.EndsAt != 0 && r.EndsAt <= now:
		return RequestEnded
	case r.MaxFiles != 0 && r.Files >= r.MaxFiles:
		return RequestFull
	}
	return RequestLive
}

// MayRequest reports whether a person may have others put files into a living
// folder: who may share it. It is asked when a request is made and at each use,
// so that no request outlives the right of who made it.
func MayRequest(maker Principal, s Space, held []Held) bool {
	return maker.Kind == UserKind && Decide(maker, s, Living, held).Allows(Share)
}

// A fileType is a kind of file that a request may be limited to.
type fileType struct {
	name, word string
	extensions []string
	media      []string // beginnings of what their first bytes say, when these say anything
}

var fileTypes = []fileType{
	{"pdf", "PDF", []string{".pdf"}, []string{"application/pdf"}},
	{"word", "Word", []string{".doc", ".docx", ".odt", ".rtf"}, []string{"application/msword", "application/vnd.openxmlformats-officedocument.wordprocessingml", "application/vnd.oasis.opendocument.text", "text/rtf", "application/rtf"}},
	{"excel", "Excel", []string{".xls", ".xlsx", ".ods", ".csv"}, []string{"application/vnd.ms-excel", "application/vnd.openxmlformats-officedocument.spreadsheetml", "application/vnd.oasis.opendocument.spreadsheet", "text/"}},
	{"powerpoint", "PowerPoint", []string{".ppt", ".pptx", ".odp"}, []string{"application/vnd.ms-powerpoint", "application/vnd.openxmlformats-officedocument.presentationml", "application/vnd.oasis.opendocument.presentation"}},
	{"pictures", "pictures", []string{".jpg", ".jpeg", ".png", ".gif", ".webp", ".avif", ".heic", ".heif", ".tif", ".tiff", ".bmp"}, []string{"image/"}},
	{"video", "films", []string{".mp4", ".m4v", ".mov", ".webm", ".mkv", ".avi", ".3gp"}, []string{"video/", "audio/"}},
	{"audio", "sound", []string{".mp3", ".m4a", ".aac", ".ogg", ".oga", ".opus", ".wav", ".flac"}, []string{"audio/", "video/"}},
	{"text", "text", []string{".txt", ".md", ".log"}, []string{"text/"}},
	{"zip", "ZIP", []string{".zip"}, []string{"application/"}},
}

// unsure are what the first bytes of a file say when they say nothing: text and
// unknown bytes, and the containers that office files are kept in.
var unsure = []string{"application/octet-stream", "text/plain", "application/zip", "application/x-ole-storage"}

// FileTypes lists the names of the types that a request may be limited to.
func FileTypes() []string {
	names := make([]string, len(fileTypes))
	for i, t := range fileTypes {
		names[i] = t.name
	}
	return names
}

// IsFileType reports whether a request may be limited to t: one of FileTypes, or
// an extension of up to 12 letters and digits after a dot, in lower case.
func IsFileType(t string) bool {
	if slices.Contains(FileTypes(), t) {
		return true
	}
	return len(t) > 1 && len(t) <= 13 && t[0] == '.' && strings.Trim(t[1:], "abcdefghijklmnopqrstuvwxyz0123456789") == ""
}

// Accepts reports whether a request takes a file of this name whose first bytes
// are of a media type; "" where they are not known yet. It keeps mistakes out,
// not an enemy: an own extension is held against the name only, and what says
// nothing of itself passes by its name.
func (r FileRequest) Accepts(name, media string) bool {
	if len(r.Types) == 0 {
		return true
	}
	ext := strings.ToLower(path.Ext(name))
	if slices.Contains(r.Types, ext) && ext != "" {
		return true
	}
	for _, t := range fileTypes {
		if slices.Contains(r.Types, t.name) && slices.Contains(t.extensions, ext) {
			if media == "" || slices.Contains(unsure, media) || slices.ContainsFunc(t.media, func(m string) bool { return strings.HasPrefix(media, m) }) {
				return true
			}
		}
	}
	return false
}

// TypesText is what a request takes, for people: "PDF, Word or pictures"; "" for
// every file. last stands before the last word.
func (r FileRequest) TypesText(last string) string {
	var words []string
	for _, t := range fileTypes {
		if slices.Contains(r.Types, t.name) {
			words = append(words, t.word)
		}
	}
	for _, t := range r.Types {
		if strings.HasPrefix(t, ".") {
			words = append(words, t)
		}
	}
	if n := len(words); n > 1 {
		return strings.Join(words[:n-1], ", ") + " " + last + " " + words[n-1]
	}
	return strings.Join(words, "")
}

// Extensions are the ends of names that the request takes; none: all.
func (r FileRequest) Extensions() (all []string) {
	for _, t := range fileTypes {
		if slices.Contains(r.Types, t.name) {
			all = append(all, t.extensions...)
		}
	}
	for _, t := range r.Types {
		if strings.HasPrefix(t, ".") {
			all = append(all, t)
		}
	}
	return all
}

// Delivery is what one sender has sent to a request in one go.
type Delivery struct {
	ID        ID
	RequestID ID
	Name      string // of the sender, as typed
	Email     string // "" where none was asked for
	ReceiptTo string // address that gets a receipt; "": nobody yet
	FolderID  ID     // of the sender; zero: none (yet)
	Files     int64
	Bytes     int64
	StartedAt int64
	LastAt    int64 // of its last file
	ClosedAt  int64 // since when nothing is added to it; 0 = it is open
}

// Reference is how people name a delivery, as K7M2: four characters of its id.
func (d Delivery) Reference() string {
	text := strings.ToUpper(d.ID.String())
	return text[:min(4, len(text))]
}
