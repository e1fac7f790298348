package wire

import "coffer"

// Space is a tree of files with an owner and a quota: GET /spaces.
type Space struct {
	ID       coffer.ID `json:"id"`
	Kind     string    `json:"kind" enum:"personal,team"`
	Name     string    `json:"name" doc:"Of a team space; empty for the own one"`
	Access   string    `json:"access" enum:"view,edit,manage,owner" doc:"Of the caller, to all that is in it"`
	RootID   coffer.ID `json:"root_id"`
	Used     int64     `json:"used"`
	Reserved int64     `json:"reserved" doc:"Bytes of uploads that run now"`
	Quota    *int64    `json:"quota,omitempty" doc:"Absent: no limit"`
	Items    *int64    `json:"items,omitempty" doc:"Files and folders, what is in the trash included; there when count=1 asks for it"`
}

// SpaceName makes or renames a team space: POST /spaces, PATCH /spaces/{id}.
type SpaceName struct {
	Name string `json:"name"`
}

// Team is a team space as administrators see it: GET /teams.
type Team struct {
	ID       coffer.ID `json:"id"`
	Name     string    `json:"name"`
	Owners   []Person  `json:"owners"`
	Used     int64     `json:"used"`
	Reserved int64     `json:"reserved" doc:"Bytes of uploads that run now"`
	Quota    *int64    `json:"quota,omitempty" doc:"Absent: no limit"`
}

// TeamPatch changes a team space: PATCH /teams/{id}. Absent fields stay.
type TeamPatch struct {
	Quota *int64 `json:"quota,omitempty" minimum:"-1" doc:"Bytes; -1: no limit"`
	Owner string `json:"owner,omitempty" maxLength:"254" doc:"E-mail address of somebody else who becomes an owner"`
}

// HandOver says to whom the own space of a person goes, as a team space of this
// name: POST /people/{id}/hand-over.
type HandOver struct {
	Email string `json:"email" maxLength:"254"`
	Name  string `json:"name"`
}

// Person is somebody's name, where another person's act is shown.
type Person struct {
	ID   coffer.ID `json:"id"`
	Name string    `json:"name"`
}

// Crumb is one folder on the way from the root.
type Crumb struct {
	ID   coffer.ID `json:"id"`
	Name string    `json:"name" doc:"Empty for the root of a space"`
}

// Node is a file or a folder.
type Node struct {
	ID         coffer.ID `json:"id"`
	SpaceID    coffer.ID `json:"space_id"`
	ParentID   coffer.ID `json:"parent_id,omitzero"`
	Kind       string    `json:"kind" enum:"folder,file"`
	Name       string    `json:"name"`
	Size       int64     `json:"size" doc:"Bytes of a file, 0 for a folder"`
	ChildCount int64     `json:"child_count" doc:"Living children of a folder"`
	MediaType  string    `json:"media_type,omitempty" doc:"Told by the first bytes"`
	Preview    string    `json:"preview,omitempty" enum:"image,text,audio,video,pdf" doc:"How the browser can show it"`
	Thumbnail  bool      `json:"thumbnail,omitempty" doc:"GET .../thumbnail may have a small picture"`
	VersionID  coffer.ID `json:"version_id,omitzero"`
	Rev        int64     `json:"rev" doc:"Metadata ETag is \"r<rev>\""`
	CreatedAt  int64     `json:"created_at"`
	ChangedAt  int64     `json:"changed_at"`
	CreatedBy  *Person   `json:"created_by,omitempty"`
	ChangedBy  *Person   `json:"changed_by,omitempty"`
	Access     string    `json:"access" enum:"view,edit,manage,owner" doc:"What the caller may do"`
	Reach      *Reach    `json:"reach,omitempty" doc:"Who can open it; in the children of a folder, in one node, /search, /recent and /pins"`

	// Only in GET /nodes/{id}, /resolve, /search, /recent, /pins and the answer to an upload.
	Path   []Crumb `json:"path,omitempty" doc:"From the root to the parent"`
	SHA256 string  `json:"sha256,omitempty" doc:"Of the content, 64 hex digits"`
	Number int64   `json:"version_number,omitempty"`
}

// Reach says in short who can open a node, groups unfolded, the owner included.
type Reach struct {
	Kind   string `json:"kind" enum:"only_you,people,link" doc:"link: people outside can open it by a link, without an account"`
	People int64  `json:"people"`
	Links  int64  `json:"links,omitempty" doc:"That open it now for anybody who has the address"`
	Named  int64  `json:"named,omitempty" doc:"Others, for certain people"`
}

// Recent is a node that somebody opened or changed last: GET /recent.
type Recent struct {
	Node Node    `json:"node"`
	At   int64   `json:"at"`
	What string  `json:"what" enum:"opened,changed" doc:"What was done last; opened is told of the caller only"`
	By   *Person `json:"by,omitempty" doc:"Who did it"`
}

// NodePatch renames and moves: PATCH /nodes/{id}. Absent fields stay.
type NodePatch struct {
	Name     *string    `json:"name,omitempty"`
	ParentID *coffer.ID `json:"parent_id,omitempty"`
}

// NewFolder makes a folder: POST /nodes/{id}/folders.
type NewFolder struct {
	Name string `json:"name"`
}

// Copy copies a node into a folder: POST /nodes/{id}/copy. Without a name it
// keeps its own.
type Copy struct {
	ParentID coffer.ID `json:"parent_id"`
	Name     string    `json:"name,omitempty"`
}

// Version is one content that a file has or had.
type Version struct {
	ID        coffer.ID `json:"id"`
	Number    int64     `json:"number" doc:"1, 2, ... per file"`
	Size      int64     `json:"size"`
	MediaType string    `json:"media_type"`
	SHA256    string    `json:"sha256,omitempty" doc:"64 hex digits"`
	CreatedAt int64     `json:"created_at"`
	CreatedBy *Person   `json:"created_by,omitempty"`
	Current   bool      `json:"current" doc:"It is the file's present content"`
	Keep      bool      `json:"keep" doc:"Kept for ever: no rule removes it"`
}

// NewTicket asks for an address that opens a file without any other proof: POST
// /nodes/{id}/ticket.
type NewTicket struct {
	Version coffer.ID `json:"version,omitzero" doc:"Default: the present one. The address opens this version and no other"`
	Inline  bool      `json:"inline,omitempty" doc:"As a browser may show it, if it may; else a download"`
}

// Ticket is such an address. It is for GET and HEAD, with ranges, while the
// session or token that asked for it lives.
type Ticket struct {
	URL       string `json:"url"`
	ExpiresAt int64  `json:"expires_at" doc:"When it opens nothing any more; what it has begun goes on (ms)"`
}

// NewZip asks for an address that opens files and folders as one ZIP archive:
// POST /zip.
type NewZip struct {
	IDs []coffer.ID `json:"ids" minItems:"1" maxItems:"1000"`
}

// Zip is such an address.
type Zip struct {
	Ticket
	Size int64 `json:"size" doc:"Bytes of the archive as things stand"`
}

// VersionPatch changes a version: PATCH /nodes/{id}/versions/{version}.
type VersionPatch struct {
	Keep bool `json:"keep"`
}

// Erased answers what deletes for ever.
type Erased struct {
	FinalAt int64 `json:"final_at" doc:"When the last backup that may hold it has ended, by the server's settings (ms)"`
}

// Damaged is a file whose stored content cannot be read as a whole.
type Damaged struct {
	NodeID  coffer.ID `json:"node_id"`
	Name    string    `json:"name"`
	Version int64     `json:"version" doc:"Number of the version"`
	Current bool      `json:"current" doc:"It is the file's present content"`
	Owner   *Person   `json:"owner,omitempty"`
	Lost    bool      `json:"lost" doc:"Nothing of it can be read; else a part"`
	FoundAt int64     `json:"found_at"`
}

// TrashItem is a node in the trash with what its owner needs to know.
type TrashItem struct {
	Node       Node    `json:"node"`
	TrashedAt  int64   `json:"trashed_at"`
	TrashedBy  *Person `json:"trashed_by,omitempty"`
	PurgeAt    int64   `json:"purge_at" doc:"When it is deleted for ever"`
	Where      []Crumb `json:"where" doc:"Folders it was in, from the root"`
	ParentGone bool    `json:"parent_gone" doc:"The folder it was in is gone"`
}

// Restore takes a node out of the trash: POST /trash/{id}/restore.
type Restore struct {
	ParentID *coffer.ID `json:"parent_id,omitempty" doc:"Another folder, needed when the old one is gone"`
}

// Batch does one thing to many nodes: POST /batch. Each has its own result; one
// failure does not undo the others.
type Batch struct {
	Op       string      `json:"op" enum:"move,copy,trash,restore,delete"`
	IDs      []coffer.ID `json:"ids" minItems:"1" maxItems:"1000"`
	To       coffer.ID   `json:"to,omitzero" doc:"Folder for move, copy and restore"`
	IfExists string      `json:"if_exists,omitempty" enum:"fail,keep_both,version,merge"`
}

// BatchResult is the result for one id, in the order asked.
type BatchResult struct {
	ID      coffer.ID `json:"id"`
	Node    *Node     `json:"node,omitempty"`
	Problem *Problem  `json:"problem,omitempty"`
}

// BatchResults answers Batch: results, or with 202 a job that tells them when it
// is over.
type BatchResults struct {
	Results []BatchResult `json:"results"`
	Job     *Job          `json:"job,omitempty"`
}

// Job is a batch that takes longer than an answer: GET /jobs/{id}. What it makes
// of a node is seen when it is whole.
type Job struct {
	ID        coffer.ID     `json:"id"`
	Kind      string        `json:"kind" enum:"copy"`
	To        coffer.ID     `json:"to" doc:"Folder that it copies into"`
	State     string        `json:"state" enum:"waiting,running,done,failed,cancelled" doc:"failed: some of it; the results tell which"`
	Done      int64         `json:"done" doc:"Files and folders"`
	Total     int64         `json:"total" doc:"Counted at the start"`
	CreatedAt int64         `json:"created_at"`
	Results   []BatchResult `json:"results,omitempty" doc:"Once it is over; what was cancelled is not in it"`
	Error     *Problem      `json:"error,omitempty" doc:"The first failure"`
}

// Problem is every error's answer (RFC 9457), media type
// application/problem+json.
type Problem struct {
	Type       string            `json:"type" doc:"about:blank"`
	Status     int               `json:"status"`
	Title      string            `json:"title"`
	Detail     string            `json:"detail" doc:"What is wrong and what to do, for people"`
	Code       string            `json:"code" doc:"Stable, for programs"`
	Ref        string            `json:"ref" doc:"Request id, also in X-Request-Id and in the server's log"`
	Fields     map[string]string `json:"fields,omitempty" doc:"Wrong input fields"`
	Suggestion string            `json:"suggestion,omitempty" doc:"A name that would be accepted"`
	Existing   *coffer.ID        `json:"existing,omitempty" doc:"Conflict: the node that has the name"`
	Room       *Room             `json:"room,omitempty" doc:"over_quota: the numbers"`
}

// Room is why something does not fit into a space, in bytes.
type Room struct {
	Need  int64 `json:"need" doc:"What it would take"`
	Free  int64 `json:"free" doc:"What is left of the quota"`
	Quota int64 `json:"quota"`
}

// Check asks, before anything is sent, whether files could be put into a
// folder: POST /nodes/{id}/check. It reserves nothing; an upload is asked again.
type Check struct {
	Files []CheckFile `json:"files" minItems:"1" maxItems:"1000"`
}

// CheckFile is one file that would be sent.
type CheckFile struct {
	Name string `json:"name"`
	Size int64  `json:"size" minimum:"0"`
}

// CheckResult is the answer for one file, in the order asked. No problem: it
// would be accepted as things stand.
type CheckResult struct {
	Name    string   `json:"name"`
	Problem *Problem `json:"problem,omitempty" doc:"name_invalid, name_taken, over_quota, too_large"`
}

// CheckResults answers Check.
type CheckResults struct {
	Results []CheckResult `json:"results"`
}

// Upload is one that arrives in several requests and is not finished, or a part
// of one.
type Upload struct {
	ID        coffer.ID       `json:"id" doc:"Its address is /uploads/{id}"`
	Name      string          `json:"name"`
	Parent    *coffer.ID      `json:"parent,omitempty" doc:"Folder it goes into"`
	Node      *coffer.ID      `json:"node,omitempty" doc:"File that it is new content of"`
	IfExists  coffer.IfExists `json:"if_exists"`
	Size      *int64          `json:"size" doc:"Bytes; null = not known yet"`
	Offset    int64           `json:"offset" doc:"Bytes that are durable"`
	Modified  string          `json:"modified,omitempty" doc:"What the client said of the state of its file, as metadata modified"`
	PartSize  int64           `json:"part_size"`
	Partial   bool            `json:"partial" doc:"It becomes a file together with the others of its group"`
	Group     *coffer.ID      `json:"group,omitempty"`
	Total     *int64          `json:"total" doc:"Bytes of the whole file; null = not known yet"`
	First     int64           `json:"first" doc:"Where a part begins in the file"`
	CreatedAt int64           `json:"created_at"`
	ExpiresAt int64           `json:"expires_at"`
}
