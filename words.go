package coffer

import "math"

// Times are milliseconds since 1970-01-01 UTC throughout the product.

// User is a person with a confirmed e-mail address.
type User struct {
	ID                ID
	Email             string // ASCII lower case
	Name              string
	Role              Role
	Disabled          bool
	Theme             string // system, light, dark
	Language          string // BCP 47, "en"
	CreatedAt         int64
	PasswordChangedAt int64
	LastSeenAt        int64
}

// Space is the unit of ownership and of encryption: it owns a tree, a quota
// and a chain of space keys.
type Space struct {
	ID        ID
	Kind      SpaceKind
	Name      string // of a team space; "" for a personal one
	OwnerID   ID     // of a personal space; zero when it was given up
	RootID    ID
	Seq       int64 // raised by each change to the tree
	Used      int64 // bytes of all versions, trash included
	Reserved  int64 // bytes of running uploads
	Quota     int64 // bytes; -1 = no limit
	CreatedAt int64
	GivenUpAt int64 // since when it is being removed; 0 = it is not
}

// GivenUp reports whether the space belongs to nobody any more: it was removed,
// or its owner's account is gone, and a job removes what is left.
func (s Space) GivenUp() bool {
	return s.GivenUpAt != 0 || s.Kind == Personal && s.OwnerID.IsZero()
}

// Free is how many bytes still fit in: more than there can be, where there is no
// limit.
func (s Space) Free() int64 {
	if s.Quota < 0 {
		return math.MaxInt64
	}
	return max(0, s.Quota-s.Used-s.Reserved)
}

// SpaceKind says whose a space is.
type SpaceKind string

// The kinds of space.
const (
	Personal SpaceKind = "personal" // of one person, made when that person first asks for it
	Team     SpaceKind = "team"     // of those who have grants on its root
)

// NodeKind tells folders from files. Folders sort first.
type NodeKind int8

// The kinds of node, as stored.
const (
	Folder NodeKind = 0
	File   NodeKind = 1
)

func (k NodeKind) String() string {
	if k == Folder {
		return "folder"
	}
	return "file"
}

// Node is a file or folder of one space.
type Node struct {
	ID         ID
	SpaceID    ID
	ParentID   ID // zero for the root
	Kind       NodeKind
	Name       string // as sent; "" for the root
	ChildCount int64  // living children of a folder
	Size       int64  // bytes of the current version
	VersionID  ID     // current version of a file
	MediaType  string // of the current version
	Rev        int64  // raised by each change of the metadata
	CreatedBy  ID
	ChangedBy  ID
	CreatedAt  int64
	ChangedAt  int64
	TrashedAt  int64 // 0 = not in the trash
	TrashedBy  ID
}

// Version is the immutable content that a file has or had.
type Version struct {
	ID        ID
	NodeID    ID
	SpaceID   ID
	Number    int64 // 1, 2, ... per file
	BlobID    ID
	Size      int64 // plaintext bytes
	MediaType string
	CreatedBy ID
	CreatedAt int64
	Keep      bool // kept for ever: no rule removes it
}

// Grant gives one person or one group access to a node and to all below it.
// Grants only add: the strongest on the way from the root counts.
type Grant struct {
	ID      ID
	NodeID  ID
	UserID  ID     // either a person
	GroupID ID     // or a group
	Access  Access // CanView to CanManage; IsOwner on the root of a team space only
	Until   int64  // when it ends; 0 = never
	GivenBy ID
	GivenAt int64
}

// Group is a named set of people.
type Group struct {
	ID        ID
	Name      string
	CreatedBy ID
	CreatedAt int64
	Members   int64
}

// Session is one browser of one person.
type Session struct {
	ID          ID
	UserID      ID
	UserAgent   string
	Address     string
	CreatedAt   int64
	LastSeenAt  int64
	SteppedUpAt int64 // when the person last proved the password
	ExpiresAt   int64
}

// Token is a program's proof (kind pat). The secret itself is shown once.
type Token struct {
	ID         ID
	UserID     ID
	Name       string
	Last4      string
	Scopes     []Scope
	Address    string
	CreatedAt  int64
	LastUsedAt int64
	ExpiresAt  int64
}

// IfExists says what to do when a living sibling has the name already.
type IfExists string

// The choices. Merge is for folders only: the existing folder is the answer.
// Replace keeps the old content as a version; it is for files only.
const (
	Fail     IfExists = "fail"
	KeepBoth IfExists = "keep_both"
	Replace  IfExists = "version"
	Merge    IfExists = "merge"
)

// Event is one line of the record of what happened. Detail's keys are sorted
// when it is stored, so that the bytes can be hashed.
type Event struct {
	Num       int64
	At        int64
	ActorKind string // user, system
	ActorID   ID
	Action    string // noun.verb, e.g. file.uploaded
	SpaceID   ID
	NodeID    ID
	TargetID  ID
	Detail    map[string]any // names, before and after, address, request id
}
