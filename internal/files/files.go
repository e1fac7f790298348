// Package files decides what people may do with files and folders, and does
// it: spaces, the tree, uploads, downloads, trash. It knows who is asking, as
// a coffer.Principal, and is the only package that opens sealed contents for
// somebody. It must not know HTTP or any other protocol, nor how people sign
// in.
//
// Everything stands behind one door, access.go: As gives a View, each of whose
// verbs first reaches its node and changes it only in a commit that decides
// again and writes the event. Jobs enter as the system.
package files

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"coffer"
	"coffer/internal/blob"
	"coffer/internal/content"
	"coffer/internal/cred"
	"coffer/internal/db"
	"coffer/internal/keyring"
	"coffer/internal/mail"
	"coffer/internal/picture"
	"coffer/internal/seal"
)

const (
	maxDepth    = 1024               // folders above a node
	openedEvery = 30 * time.Minute   // one file.opened per person and version
	uploadKept  = 7 * 24 * time.Hour // after the last durable byte
	sentKept    = 24 * time.Hour     // the same, by a file request: others wait for its place
	sentWaits   = time.Hour          // before the first byte, by a file request
)

// Retention says how long what was deleted is kept, and where.
type Retention struct {
	Trash        time.Duration // in the trash; 0 = 30 days
	BackupWindow time.Duration // between the copy of the database and that of the blobs; 0 = 24 hours
	Versions     int           // older versions of a file that are kept; 0 = all
	VersionAge   time.Duration // how long a version is kept after it was replaced; 0 = for ever
	Backups      time.Duration // for how long backups are kept; 0 = 30 days. Only told: it is when erasure is final
}

// Retention returns what is in force.
func (s *Service) Retention() Retention { return s.retention }

// grace is how long dead and unknown blobs stay: longer than a backup that
// copies the database first takes, and than the longest upload.
func (s *Service) grace() time.Duration { return s.retention.BackupWindow + uploadKept + time.Hour }

// Deps is what a Service stands on. The functions, Log and Pictures may be
// missing.
type Deps struct {
	DB      *db.DB
	Blobs   blob.Store
	Keys    *keyring.Keyring
	IO      *content.IO // the one of the process
	Install coffer.ID   // whose marker the blob store must carry

	// Doomed inserts, in tx, the job that calls PurgeDoomed(node). Without
	// it the periodic job does that work.
	Doomed func(ctx context.Context, tx *db.Tx, node coffer.ID) error
	// GivenUp is the same for PurgeSpace(space).
	GivenUp func(tx *db.Tx, space coffer.ID) error
	// Work is the same for RunWork(work). Without it work waits for ever.
	Work func(tx *db.Tx, work coffer.ID) error
	// Unsummed is the same for Sum(blob), which has no periodic job.
	Unsummed func(tx *db.Tx, blob coffer.ID) error
	// Receipt is told of each delivery by a file request whose sender is to get
	// a receipt.
	Receipt func(tx *db.Tx, delivery coffer.ID) error
	// Noticed is the same for MailNotices(user), at a time (ms).
	Noticed func(tx *db.Tx, user coffer.ID, at int64) error
	// Post has a letter written, of the organisation that it is told, and sent
	// once tx is committed. Without it notices are not mailed.
	Post func(tx *db.Tx, write func(mail.Site) mail.Message) error
	Log  *slog.Logger

	Hasher    *cred.Hasher   // of passwords, the one of the process; nil: one of its own
	Pictures  *picture.Maker // the one of the process; nil: one with memory of its own
	Retention Retention
	ScrubRate int64 // bytes a second that the scrub reads at most; 0 = 8 MiB
	WorkFrom  int64 // nodes above which a copy is no answer but work; 0 = 1,000
}

// Service holds the files of an installation. It gives nothing away itself:
// see As.
type Service struct {
	db       *db.DB
	blobs    blob.Store
	keys     *keyring.Keyring
	io       *content.IO
	install  coffer.ID
	doomed   func(ctx context.Context, tx *db.Tx, node coffer.ID) error
	givenUp  func(tx *db.Tx, space coffer.ID) error
	goOn     func(tx *db.Tx, work coffer.ID) error
	workFrom int64
	unsummed func(tx *db.Tx, blob coffer.ID) error
	noticed  func(tx *db.Tx, user coffer.ID, at int64) error
	post     func(tx *db.Tx, write func(mail.Site) mail.Message) error
	log      *slog.Logger
	receipt  func(tx *db.Tx, delivery coffer.ID) error

	hasher    *cred.Hasher // of the passwords of links
	guests    *cred.Hasher // half of it, for those who type them
	pictures  *picture.Maker
	retention Retention
	scrubRate int64
	scrubbed  atomic.Int64 // bytes, by this process
	mended    atomic.Int64 // spaces, by this process

	revoked revocations // see Follow

	mu   sync.Mutex
	left []unfinished // see tidy
}

// New returns the service over d.
func New(d Deps) *Service {
	s := &Service{db: d.DB, blobs: d.Blobs, keys: d.Keys, io: d.IO, install: d.Install, doomed: d.Doomed, givenUp: d.GivenUp, goOn: d.Work, unsummed: d.Unsummed, noticed: d.Noticed, post: d.Post, log: d.Log,
		receipt: d.Receipt, hasher: d.Hasher, pictures: d.Pictures,
		retention: Retention{
			Trash:        cmp.Or(d.Retention.Trash, 30*24*time.Hour),
			BackupWindow: cmp.Or(d.Retention.BackupWindow, 24*time.Hour),
			Backups:      cmp.Or(d.Retention.Backups, 30*24*time.Hour),
			Versions:     d.Retention.Versions,
			VersionAge:   d.Retention.VersionAge,
		},
		scrubRate: cmp.Or(d.ScrubRate, 8<<20), workFrom: cmp.Or(d.WorkFrom, 1000)}
	if s.doomed == nil {
		s.doomed = func(context.Context, *db.Tx, coffer.ID) error { return nil }
	}
	if s.givenUp == nil {
		s.givenUp = func(*db.Tx, coffer.ID) error { return nil }
	}
	if s.unsummed == nil {
		s.unsummed = func(*db.Tx, coffer.ID) error { return nil }
	}
	if s.receipt == nil {
		s.receipt = func(*db.Tx, coffer.ID) error { return nil }
	}
	if s.hasher == nil {
		s.hasher = cred.NewHasher(cred.HasherOptions{})
	}
	s.guests = s.hasher.Half()
	if s.noticed == nil {
		s.noticed = func(*db.Tx, coffer.ID, int64) error { return nil }
	}
	if s.post == nil {
		s.post = func(*db.Tx, func(mail.Site) mail.Message) error { return nil }
	}
	if s.pictures == nil {
		s.pictures = picture.NewMaker(picture.Options{Memory: semaphore.NewWeighted(1)})
	}
	if s.goOn == nil {
		s.goOn = func(*db.Tx, coffer.ID) error { return nil }
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	return s
}

// Person is who did something. A zero ID is nobody.
type Person struct {
	ID   coffer.ID
	Name string // "" when the account is gone
}

// Crumb is a folder on the way from the root, whose name is "".
type Crumb struct {
	ID   coffer.ID
	Name string
}

// Item is a node as the principal sees it.
type Item struct {
	coffer.Node
	Access               coffer.Access
	CreatedBy, ChangedBy Person
	Reach                *Reach // of Children, Stat, Search, Recent and Pins; nil elsewhere
}

// Detail is an item with what costs more to tell.
type Detail struct {
	Item
	Path   []Crumb // from the root, or the topmost folder that the principal may see, to the parent
	SHA256 string  // of a file's content, 64 hex digits; "" when unknown
	Number int64   // version number of a file
}

// Page is a part of a list.
type Page[T any] struct {
	Items []T
	Next  string // cursor of the next page; "" at the end
	Total int64  // of the whole list
}

// people looks up names, each once.
type people struct {
	tx    *db.Tx
	names map[coffer.ID]string
}

func (v *View) people(tx *db.Tx) people {
	names := map[coffer.ID]string{}
	if v.p.Kind == coffer.UserKind {
		names[v.p.User.ID] = v.p.User.Name
	}
	return people{tx, names}
}

func (p people) person(id coffer.ID) (Person, error) {
	if id.IsZero() {
		return Person{}, nil
	}
	name, known := p.names[id]
	if !known {
		var err error
		if name, err = p.tx.PersonName(id); err != nil {
			return Person{}, err
		}
		p.names[id] = name
	}
	return Person{id, name}, nil
}

func (p people) item(n coffer.Node, a coffer.Access) (i Item, err error) {
	i = Item{Node: n, Access: a}
	if i.CreatedBy, err = p.person(n.CreatedBy); err != nil {
		return i, err
	}
	i.ChangedBy, err = p.person(n.ChangedBy)
	return i, err
}

// detail tells everything about the node of a pass.
func (v *View) detail(tx *db.Tx, p pass) (d Detail, err error) {
	if d.Item, err = v.people(tx).item(p.shown(), p.access); err != nil {
		return d, err
	}
	if d.Path, err = crumbs(tx, p); err != nil {
		return d, err
	}
	if p.node.Kind != coffer.File {
		return d, nil
	}
	ver, err := tx.Version(p.node.ID, p.node.VersionID)
	if err != nil {
		return d, err
	}
	dek, err := v.s.openKey(tx, p, ver)
	if err != nil {
		return d, err
	}
	defer dek.Key.Clear()
	d.Number, d.SHA256 = ver.Number, hexSum(dek)
	return d, nil
}

// detailOf is detail of a node that the commit has just changed under the pass
// of it or of its folder.
func (v *View) detailOf(tx *db.Tx, p pass, id coffer.ID) (Detail, error) {
	n, err := tx.Node(id)
	if err != nil {
		return Detail{}, err
	}
	if n.ID == p.node.ID {
		p.node = n
	} else if p, err = p.child(n); err != nil {
		return Detail{}, err
	}
	return v.detail(tx, p)
}

// crumbs are the folders above the node of a pass that its holder may see.
func crumbs(tx *db.Tx, p pass) ([]Crumb, error) {
	if p.sees == 0 {
		return []Crumb{}, nil
	}
	above, err := tx.Above(p.node.ID)
	if err != nil {
		return nil, err
	}
	above = above[max(0, len(above)-int(p.sees)):]
	out := make([]Crumb, len(above))
	for i, c := range above {
		out[i] = Crumb(c)
	}
	return out, nil
}

// hexSum is the SHA-256 in a DEK record, or "".
func hexSum(d seal.DEK) string {
	if d.Digest != seal.FileSHA256 {
		return ""
	}
	return hex.EncodeToString(d.Sum[:])
}

// openKey opens the key of a version for the holder of a pass for its file.
func (s *Service) openKey(tx *db.Tx, p pass, ver db.Version) (seal.DEK, error) {
	if !p.has(ver) {
		return seal.DEK{}, coffer.ErrNotFound
	}
	return s.openVersion(tx, ver)
}

// openKeyUnder is openKey with the space key that was read with the version.
func (s *Service) openKeyUnder(row db.SpaceKey, p pass, ver db.Version) (seal.DEK, error) {
	if !p.has(ver) {
		return seal.DEK{}, coffer.ErrNotFound
	}
	return s.openUnder(row, ver)
}

// has reports whether a version is one of the pass's file.
func (p pass) has(ver db.Version) bool { return ver.NodeID == p.node.ID && ver.SpaceID == p.space.ID }

// openVersion opens the key of a version without asking for whom: for Check,
// Export and openKey only.
func (s *Service) openVersion(tx *db.Tx, ver db.Version) (seal.DEK, error) {
	row, err := tx.SpaceKey(ver.SpaceID, ver.SKVer)
	if err != nil {
		return seal.DEK{}, err
	}
	return s.openUnder(row, ver)
}

func (s *Service) openUnder(row db.SpaceKey, ver db.Version) (seal.DEK, error) {
	key, err := s.keys.OpenSpaceKey(row)
	if err != nil {
		return seal.DEK{}, err
	}
	defer key.Clear()
	return key.OpenDEK(ver.NodeID, ver.ID, ver.BlobID, ver.DEK)
}

// sealKey fills a version's DEK record for the space of the pass.
func (s *Service) sealKey(tx *db.Tx, p pass, ver *db.Version, dek seal.DEK) error {
	row, err := tx.CurrentSpaceKey(p.space.ID)
	if err != nil {
		return err
	}
	key, err := s.keys.OpenSpaceKey(row)
	if err != nil {
		return err
	}
	defer key.Clear()
	ver.SpaceID = p.space.ID
	ver.DEK, ver.SKVer = key.SealDEK(ver.NodeID, ver.ID, ver.BlobID, dek), key.Version()
	return nil
}

// marked reports that the store is the one of this installation. A volume may
// go, or another one come, while the server runs: then nothing is written to
// it, and nothing counts as lost.
func (s *Service) marked(ctx context.Context) error {
	if err := s.blobs.Marker(ctx, s.install, false); err != nil {
		return &coffer.Error{Kind: coffer.Busy, Code: "store_away", Msg: "The storage is not available right now. Nothing is lost; try again later.", Err: err}
	}
	return nil
}

// openBlob opens the content of a blob with its file key. It is coffer.Corrupt
// only on the store of this installation.
func (s *Service) openBlob(ctx context.Context, id coffer.ID, dek seal.DEK) (*content.Reader, error) {
	r, err := s.io.Open(ctx, s.blobs, id, dek)
	if coffer.KindOf(err) == coffer.Corrupt {
		if away := s.marked(ctx); away != nil {
			return nil, away
		}
	}
	return r, err
}

// takeQuota adds to the bytes that a space holds and has reserved, and tells its
// owners when it becomes almost full by that.
func (s *Service) takeQuota(tx *db.Tx, p pass, used, reserved int64) error {
	ok, err := tx.TakeQuota(p.space.ID, used, reserved)
	if err != nil {
		return err
	}
	now := p.space
	if !ok {
		if now, err = tx.Space(p.space.ID); err != nil {
			return err
		}
		return overQuota(now, used+reserved)
	}
	now.Used += used
	if almostFull(now) && !almostFull(p.space) {
		return s.tellLow(tx, now)
	}
	return nil
}

func overQuota(s coffer.Space, need int64) error {
	free := s.Free()
	e := coffer.E(coffer.OverQuota, "over_quota",
		fmt.Sprintf("There is not enough room: this needs %s, %s of %s are left. Delete something for ever, or ask for more room.", coffer.BytesText(need), coffer.BytesText(free), coffer.BytesText(s.Quota)))
	e.Room = &coffer.Room{Need: need, Free: free, Quota: s.Quota}
	return e
}
