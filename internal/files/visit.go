package files

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"coffer"
	"coffer/internal/cred"
	"coffer/internal/db"
)

// How long a typed password opens a link in a browser, how long a download that
// was begun may be gone on with, and when one network counts as a new visitor.
const (
	provedFor = 12 * time.Hour
	claimLife = 24 * time.Hour
	openEvery = 30 * time.Minute
)

// Tries of passwords: of one link from one network, and of one link in all.
func linkTries() db.TryLimit {
	return db.TryLimit{Tries: 5, Window: (15 * time.Minute).Milliseconds(), Wait: (10 * time.Minute).Milliseconds()}
}

func linkTriesInAll() db.TryLimit {
	return db.TryLimit{Tries: 200, Window: time.Hour.Milliseconds()}
}

// countTry counts a try of a password or code from one network, and of all. It tells
// how many the network has left, and for how many ms it must wait, if at all.
func countTry(tx *db.Tx, near, all string) (left, wait int64, err error) {
	until, err := tx.CountTry(near, linkTries())
	if err == nil && until == 0 {
		until, err = tx.CountTry(all, linkTriesInAll())
	}
	if err != nil {
		return 0, 0, err
	}
	if until > 0 {
		wait = until - tx.Now
	}
	left, err = tx.TriesLeft(near, linkTries())
	return left, wait, err
}

// From says where somebody comes from who has no account.
type From struct {
	Address   string // IP address without port
	RequestID string
	Cookie    string // of the visit; "" for none
}

// Visitor is somebody at the address of a link that works.
type Visitor struct {
	Who    coffer.Principal // as whom the link opens; of kind Nobody while it is locked
	Named  bool             // it was made for addresses: one of them is to be proved first
	Locked bool             // its password is asked for first
	Kind   coffer.NodeKind  // of what it opens

	link coffer.ID
}

// Arrive finds what an address opens, with the cookie of a visit. It is
// ErrNotFound, and nothing else, for an address that never was, and for a link
// that has ended, is turned off or used up, or whose node or maker is gone.
func (s *Service) Arrive(ctx context.Context, address string, from From) (a Visitor, err error) {
	hash, err := cred.ParseAddress(linkAddress, address)
	if err != nil {
		hash = make([]byte, 32) // of no address; looked up all the same
	}
	at := coffer.Principal{Address: from.Address, RequestID: from.RequestID}
	err = s.arrive(ctx, hash, at, func(tx *db.Tx, p pass) error {
		a = Visitor{Kind: p.node.Kind, link: p.who.Link.ID}
		visit, err := visitOf(tx, p.who.Link, from.Cookie)
		if err != nil {
			return err
		}
		if p.who.Link.UsedUp() {
			running, err := tx.ClaimsOf(visit.ID)
			if err != nil {
				return err
			}
			if len(running) == 0 {
				return coffer.ErrNotFound
			}
		}
		in, err := tx.LetsIn(a.link, visit.RecipientID)
		if a.Named = !in; err != nil || !in {
			return err
		}
		if a.Locked = p.who.Link.HasPassword && visit.ProvedAt+provedFor.Milliseconds() <= tx.Now; !a.Locked {
			a.Who = p.who
			a.Who.Visit, a.Who.Recipient = visit.ID, visit.RecipientID
		}
		return nil
	})
	if err != nil && coffer.KindOf(err) != coffer.Internal && coffer.KindOf(err) != coffer.Busy {
		err = coffer.ErrNotFound
	}
	return a, err
}

// visitOf is the visit of a cookie to a link as it is now; the zero visit where
// there is none.
func visitOf(tx *db.Tx, l coffer.Link, cookie string) (db.Visit, error) {
	hash, err := cred.ParseToken(cred.Visit, cookie)
	if err != nil {
		return db.Visit{}, nil //nolint:nilerr // no cookie of ours is no visit
	}
	visit, err := tx.VisitByHash(hash, l.ID, l.Version)
	if errors.Is(err, coffer.ErrNotFound) {
		err = nil
	}
	return visit, err
}

// Unlock opens a link by its password and returns the cookie of the visit, which
// is for its address only.
//
// Errors: as Arrive, Forbidden "wrong_password", Limited, Busy.
func (s *Service) Unlock(ctx context.Context, address, password string, from From) (cookie string, err error) {
	a, err := s.Arrive(ctx, address, from)
	if err != nil || !a.Locked {
		return from.Cookie, err
	}
	network := coffer.Network(from.Address)
	all := "link " + a.link.String()
	near := all + " " + network
	var left, wait int64
	var stored db.Password
	err = s.maintain(ctx, coffer.ID{}, func(tx *db.Tx) error {
		if left, wait, err = countTry(tx, near, all); err != nil {
			return err
		}
		secrets, err := tx.LinkSecrets(a.link)
		stored = secrets.Password
		return err
	})
	if err != nil {
		return "", err
	}
	if wait > 0 {
		return "", tooMany(wait)
	}
	phc, err := s.keys.OpenLinkPassword(a.link, stored.KEKVer, stored.Sealed)
	if err != nil {
		return "", err
	}
	right, _, err := s.guests.Verify(ctx, phc, password)
	if err != nil {
		return "", hashBusy(err)
	}
	if !right {
		return "", s.wrongLinkPassword(ctx, a.link, left, from)
	}
	token, hash := cred.NewToken(cred.Visit)
	err = s.maintain(ctx, coffer.ID{}, func(tx *db.Tx) error {
		l, err := tx.Link(a.link)
		if err != nil {
			return err
		}
		now, err := tx.LinkSecrets(a.link)
		if err != nil {
			return err
		}
		if string(now.Password.Sealed) != string(stored.Sealed) {
			if _, err := visitor(tx, l, coffer.Principal{}); err != nil {
				return err
			}
			return coffer.ErrNotFound // changed while it was hashed: typed again
		}
		if err := errors.Join(tx.ForgetTries(near), tx.UndoTry(all, linkTriesInAll())); err != nil {
			return err
		}
		visit, err := visitOf(tx, l, from.Cookie)
		if err != nil {
			return err
		}
		if in, err := tx.LetsIn(l.ID, visit.RecipientID); err != nil || !in {
			return cmp.Or(err, error(coffer.ErrNotFound))
		}
		until := tx.Now + claimLife.Milliseconds()
		if cookie = from.Cookie; !visit.ID.IsZero() {
			return tx.ProveVisit(visit.ID, until)
		}
		cookie = token
		return tx.InsertVisit(db.Visit{ID: coffer.NewID(), LinkID: l.ID, Version: l.Version, ProvedAt: tx.Now, Address: from.Address, ExpiresAt: until}, hash)
	})
	return cookie, err
}

func tooManyTries(wait int64) string {
	if minutes := (wait + 59_999) / 60_000; minutes > 1 {
		return fmt.Sprintf("Too many tries. Wait %d minutes.", minutes)
	}
	return "Too many tries. Wait 1 minute."
}

// wrongLinkPassword records a wrong password and is its answer.
func (s *Service) wrongLinkPassword(ctx context.Context, link coffer.ID, left int64, from From) error {
	err := s.maintain(context.WithoutCancel(ctx), coffer.ID{}, func(tx *db.Tx) error {
		l, err := tx.LinkRow(link)
		if err != nil {
			return err
		}
		at := coffer.Principal{Kind: coffer.LinkKind, Link: l.Link, Address: from.Address, RequestID: from.RequestID}
		visit, err := visitOf(tx, l.Link, from.Cookie)
		if err != nil {
			return err
		}
		at.Recipient = visit.RecipientID
		return s.As(at).refused(tx, l, "password")
	})
	if err != nil && !errors.Is(err, coffer.ErrNotFound) {
		return err
	}
	return coffer.E(coffer.Forbidden, "wrong_password", "That password is not right. Check capitals, or ask the sender. "+triesText(left))
}

func triesText(left int64) string {
	switch left {
	case 0:
		return "No tries left: wait 10 minutes."
	case 1:
		return "1 try left."
	}
	return fmt.Sprintf("%d tries left.", left)
}

// Front is what a link's visitor sees of a folder, or of the one file.
type Front struct {
	Node      Entry
	Path      []Crumb // from what the link opens down to the folder above; "" where it is the top
	Entries   []Entry // of a folder
	Next      string  // cursor of the next ones; "" at the end
	Total     int64   // of the folder
	Files     int64   // below, at any depth
	Bytes     int64   // of them
	Sender    string  // who made the link
	Message   string
	EndsAt    int64 // 0 = never
	Password  bool
	Named     bool // it is for some people only
	May       coffer.LinkMay
	Max, Left int64     // downloads; Max 0 = no limit
	Running   []Running // downloads that this browser may go on with
}

// Entry is a file or folder as a visitor sees it.
type Entry struct {
	ID        coffer.ID
	Kind      coffer.NodeKind
	Name      string
	Size      int64
	MediaType string
	ChangedAt int64
	Count     int64 // of what is in a folder
	Picture   bool  // a small picture of it may be had
}

// Running is a download that was begun and has not ended.
type Running struct {
	Claim    coffer.ID
	Node     coffer.ID
	Name     string
	Size     int64
	Got      int64 // bytes without a gap from the beginning on
	Whole    bool  // of a ZIP
	EndsAt   int64
	Finished bool
}

func entry(n coffer.Node) Entry {
	return Entry{ID: n.ID, Kind: n.Kind, Name: n.Name, Size: n.Size, MediaType: n.MediaType, ChangedAt: n.ChangedAt, Count: n.ChildCount, Picture: Item{Node: n}.HasThumbnail()}
}

// frontPage is how many entries a visitor sees at once.
const frontPage = 500

// Front tells a link's visitor what is in a folder below, or about one file:
// with a zero id about what the link opens. That it was opened is recorded, once
// per network and half hour.
func (v *View) Front(ctx context.Context, id coffer.ID, cursor string) (f Front, err error) {
	if v.p.Kind != coffer.LinkKind {
		return f, coffer.ErrNotFound
	}
	top := id.IsZero()
	if top {
		id = v.p.Link.NodeID
	}
	network := coffer.Network(v.p.Address)
	seen := false
	var at pass
	err = v.look(ctx, id, coffer.Read, func(tx *db.Tx, p pass) (err error) {
		at = p
		l := p.who.Link
		f = Front{Node: entry(p.node), Sender: p.who.Maker.Name, Message: l.Message, EndsAt: l.EndsAt, Password: l.HasPassword, Named: !v.p.Recipient.IsZero(), May: l.May,
			Max: l.DownloadsMax, Left: max(0, l.DownloadsMax-l.Taken)}
		if f.Node.Name == "" {
			f.Node.Name = p.space.Name
		}
		if f.Path, err = crumbs(tx, p); err != nil {
			return err
		}
		if p.node.Kind == coffer.Folder {
			page, err := v.children(tx, p, ListOptions{Limit: frontPage, Cursor: cursor})
			if err != nil {
				return err
			}
			f.Next, f.Total = page.Next, page.Total
			for _, i := range page.Items {
				f.Entries = append(f.Entries, entry(i.Node))
			}
			sum, err := tx.SumTree(id)
			f.Files, f.Bytes = sum.Files, sum.Bytes
			if err != nil {
				return err
			}
		} else {
			f.Files, f.Bytes = 1, p.node.Size
		}
		if f.Running, err = running(tx, v.p.Visit); err != nil {
			return err
		}
		seen, err = tx.LinkOpenedSince(l.ID, network, tx.Now-openEvery.Milliseconds())
		return err
	})
	if err == nil && !seen {
		err = v.noteOpened(ctx, at, network)
	}
	return f, err
}

func running(tx *db.Tx, visit coffer.ID) (all []Running, err error) {
	if visit.IsZero() {
		return nil, nil
	}
	claims, err := tx.ClaimsOf(visit)
	for _, c := range claims {
		all = append(all, Running{Claim: c.ID, Node: c.NodeID, Name: c.Name, Size: c.Size, Got: c.StoppedAt(), Whole: c.VersionID.IsZero(), EndsAt: c.EndsAt, Finished: c.StoppedAt() == c.Size})
	}
	return all, err
}

// noteOpened counts and records that a link was opened.
func (v *View) noteOpened(ctx context.Context, p pass, network string) error {
	return v.s.maintain(context.WithoutCancel(ctx), coffer.ID{}, func(tx *db.Tx) error {
		fresh, err := tx.OpenLink(v.p.Link.ID, network, tx.Now-openEvery.Milliseconds())
		if err != nil || !fresh {
			return err
		}
		a := act{action: "link.opened", node: v.p.Link.NodeID, target: v.p.Link.ID, detail: map[string]any{"node": p.node.Name, "notify": v.p.Link.Notify}}
		return errors.Join(tx.InsertEvent(v.event(p.space.ID, a)), v.tellLink(tx, coffer.LinkOpened, v.p.Link.NodeID, p.node.Name, p.node.Kind == coffer.Folder))
	})
}

// peek is the view for looking into what is opened, to show a preview of it.
func (v *View) peek() *View {
	p := *v
	p.peeks = true
	return &p
}

// Peek returns the beginning of a file for a preview. It is no download.
func (v *View) Peek(ctx context.Context, id coffer.ID, limit int64) (e Entry, begin []byte, err error) {
	c, err := v.peek().Open(ctx, id, coffer.ID{})
	if err != nil {
		return e, nil, err
	}
	begin = make([]byte, min(limit, c.Version.Size))
	if len(begin) > 0 {
		_, err = c.ReadAt(begin, 0)
	}
	return entry(c.Node), begin, errors.Join(err, c.Close())
}

// Sum is the SHA-256 of a file.
type Sum struct {
	Name   string
	Size   int64
	SHA256 string // 64 hex digits; "" when it is not known yet
}

// sumsPage is how many sums are told at once.
const sumsPage = 200

// Sums tells the SHA-256 of the files in a folder, or of the one file: with a
// zero id of what the link opens.
func (v *View) Sums(ctx context.Context, id coffer.ID) (sums []Sum, err error) {
	if id.IsZero() {
		id = v.p.Link.NodeID
	}
	err = v.look(ctx, id, coffer.Read, func(tx *db.Tx, p pass) error {
		sums = nil
		passes := []pass{p}
		if p.node.Kind == coffer.Folder {
			children, err := tx.Children(db.Listing{Parent: id, Limit: sumsPage}, false)
			if err != nil {
				return err
			}
			passes = nil
			for _, n := range children {
				if at, err := p.child(n.Node); err == nil && n.Kind == coffer.File {
					passes = append(passes, at)
				}
			}
		}
		for _, at := range passes {
			ver, err := tx.Version(at.node.ID, at.node.VersionID)
			if err != nil {
				return err
			}
			dek, err := v.s.openKey(tx, at, ver)
			if err != nil {
				return err
			}
			sums = append(sums, Sum{at.node.Name, at.node.Size, hexSum(dek)})
			dek.Key.Clear()
		}
		return nil
	})
	return sums, err
}
