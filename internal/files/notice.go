package files

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"time"

	"coffer"
	"coffer/internal/db"
	"coffer/internal/mail"
)

// A telling is a notice and who is told: never who did it.
type telling struct {
	coffer.Notice
	to []coffer.ID
}

// tell stores notices, and has mails of them written, with what the transaction
// does.
func (s *Service) tell(tx *db.Tx, all ...telling) error {
	for _, t := range all {
		to := slices.DeleteFunc(slices.Clone(t.to), func(id coffer.ID) bool { return id.IsZero() || id == t.ActorID })
		mails, err := tx.Tell(t.Notice, to)
		if err != nil {
			return err
		}
		for _, m := range mails {
			if err := s.noticed(tx, m.UserID, m.At); err != nil {
				return err
			}
		}
	}
	return nil
}

// about begins a notice of what the holder of a pass did to its node.
func about(p pass, kind coffer.NoticeKind) coffer.Notice {
	name := p.node.Name
	if p.node.ID == p.space.RootID {
		name = p.space.Name
	}
	return coffer.Notice{Kind: kind, ActorID: p.who.User.ID, NodeID: p.node.ID,
		Told: coffer.NoticeText{By: p.who.User.Name, Name: name, Folder: p.node.Kind == coffer.Folder}}
}

// named returns the people whom a grant names, groups unfolded.
func named(tx *db.Tx, g coffer.Grant) (ids []coffer.ID, err error) {
	if g.GroupID.IsZero() {
		return []coffer.ID{g.UserID}, nil
	}
	members, err := tx.Members(g.GroupID)
	for _, m := range members {
		ids = append(ids, m.ID)
	}
	return ids, err
}

// opening returns what each person on the node of a pass may do with it.
func opening(tx *db.Tx, p pass) (map[coffer.ID]coffer.Access, error) {
	rows, err := tx.PeopleOn(p.node.ID, nil)
	if err != nil {
		return nil, err
	}
	has := map[coffer.ID]coffer.Access{}
	for _, o := range p.openers(rows) {
		has[o.ID] = o.Access
	}
	return has, nil
}

// tellGiven is the notice of a grant to those who had less before.
func tellGiven(tx *db.Tx, p pass, g coffer.Grant, had map[coffer.ID]coffer.Access, message string) (telling, error) {
	to, err := named(tx, g)
	t := telling{about(p, coffer.ShareGiven), slices.DeleteFunc(to, func(id coffer.ID) bool { return had[id] >= g.Access })}
	t.Told.Role, t.Told.Until, t.Told.Message = g.Access.String(), g.Until, message
	return t, err
}

// tellEnded is the notice of a grant that was taken away to those who cannot
// open the node by anything else.
func tellEnded(tx *db.Tx, p pass, g coffer.Grant) (telling, error) {
	to, err := named(tx, g)
	if err != nil {
		return telling{}, err
	}
	still, err := opening(tx, p)
	return telling{about(p, coffer.ShareEnded), slices.DeleteFunc(to, func(id coffer.ID) bool { return still[id] != coffer.NoAccess })}, err
}

// almostFull reports whether nine tenths of what a space may hold are used.
func almostFull(s coffer.Space) bool { return s.Quota >= 0 && float64(s.Used) >= 0.9*float64(s.Quota) }

// tellLow tells the owners of a space that it is almost full.
func (s *Service) tellLow(tx *db.Tx, space coffer.Space) error {
	t := telling{coffer.Notice{Kind: coffer.StorageLow, NodeID: space.RootID, Told: coffer.NoticeText{Name: space.Name, Folder: true,
		Left: max(0, space.Quota-space.Used), Of: space.Quota}}, []coffer.ID{space.OwnerID}}
	if space.Kind == coffer.Team {
		owners, err := tx.OwnersOf(space.RootID)
		if err != nil {
			return err
		}
		for _, u := range owners {
			t.to = append(t.to, u.ID)
		}
	}
	return s.tell(tx, t)
}

// Notice is a notice as the person it is for sees it now.
type Notice struct {
	coffer.Notice
	Node *coffer.Node // what it is about, where the person may open that
}

// NoticePage is a part of a person's notices.
type NoticePage struct {
	Items  []Notice
	Unread int64 // of all
	Next   string
}

// maxNotices bounds a page of notices.
const maxNotices = 200

// Notices lists what the principal was told, newest first.
func (v *View) Notices(ctx context.Context, limit int, cursor string) (page NoticePage, err error) {
	if limit == 0 {
		limit = 50
	}
	if limit < 1 || limit > maxNotices {
		return page, coffer.E(coffer.Invalid, "invalid", "limit may be 1 to 200.")
	}
	mac := newCursor(v, "notices")
	at, before := int64(math.MaxInt64), coffer.ID{}
	if cursor != "" {
		raw, err := mac.Open(cursor)
		if err != nil {
			return page, err
		}
		if len(raw) != 8+len(before) {
			return page, badCursor()
		}
		at, before = int64(binary.BigEndian.Uint64(raw)), coffer.ID(raw[8:])
	}
	err = v.personal(ctx, func(tx *db.Tx) error {
		if page.Unread, err = tx.UnreadNotices(v.p.User.ID); err != nil {
			return err
		}
		all, err := tx.Notices(v.p.User.ID, at, before, limit+1)
		if err != nil {
			return err
		}
		page.Next = ""
		if len(all) > limit {
			all = all[:limit]
			last := all[limit-1]
			if page.Next, err = mac.Seal(append(binary.BigEndian.AppendUint64(nil, uint64(last.At)), last.ID[:]...)); err != nil {
				return err
			}
		}
		page.Items = make([]Notice, len(all))
		for i, n := range all {
			page.Items[i] = Notice{Notice: n}
			p, err := decide(tx, v.p, n.NodeID, coffer.Read, false)
			if err == nil {
				node := p.shown()
				page.Items[i].Node = &node
			} else if coffer.KindOf(err) != coffer.NotFound && coffer.KindOf(err) != coffer.Forbidden {
				return err
			}
		}
		return nil
	})
	return page, err
}

// ReadNotices marks notices of the principal as read: those named, or all.
//
// Errors: ErrNotFound.
func (v *View) ReadNotices(ctx context.Context, ids []coffer.ID, all bool) error {
	return v.mine(ctx, func(tx *db.Tx) error {
		if all {
			return tx.ReadNotices(v.p.User.ID)
		}
		for _, id := range ids {
			if err := tx.ReadNotice(v.p.User.ID, id); err != nil {
				return err
			}
		}
		return nil
	})
}

// noticesKept is how long notices stand in the list.
const noticesKept = 90 * 24 * time.Hour

// PurgeNotices forgets old notices, and has those mailed whose job is lost. It
// is a periodic job.
func (s *Service) PurgeNotices(ctx context.Context) error {
	return s.maintain(ctx, coffer.ID{}, func(tx *db.Tx) error {
		if err := tx.PurgeNotices(tx.Now - noticesKept.Milliseconds()); err != nil {
			return err
		}
		late, err := tx.LateNoticeMails(tx.Now-time.Hour.Milliseconds(), 1000)
		for _, user := range late {
			err = errors.Join(err, s.noticed(tx, user, tx.Now))
		}
		return err
	})
}

// mostMailed is how many notices one mail is made of, at most.
const mostMailed = 500

// MailNotices writes the mail of the notices that are due for a person, in the
// transaction that takes them off the list. What does not count any more is
// left out: they lost access, turned the mails off, or their account is off. It
// is a job.
func (s *Service) MailNotices(ctx context.Context, user coffer.ID) error {
	return s.maintain(ctx, coffer.ID{}, func(tx *db.Tx) error {
		due, err := tx.NoticesToMail(user, mostMailed)
		if err != nil || len(due) == 0 {
			return err
		}
		u, err := tx.User(user)
		if err != nil {
			return err
		}
		settings, err := tx.NoticeSettings(user)
		if err != nil {
			return err
		}
		var told []line
		given := map[coffer.ID]bool{} // in this very mail, or it would have been
		for _, n := range due {
			mine, err := tx.NoticeMailed(n.ID)
			if err != nil {
				return err
			}
			l, counts, err := s.line(tx, u, settings, n)
			if err != nil {
				return err
			}
			if mine && counts && !(n.Kind == coffer.ShareEnded && given[n.NodeID]) {
				told = append(told, l)
			}
			given[n.NodeID] = given[n.NodeID] || n.Kind == coffer.ShareGiven
		}
		if len(told) == 0 {
			return nil
		}
		if err := tx.NoticesMailed(user); err != nil {
			return err
		}
		return s.post(tx, func(site mail.Site) mail.Message { return mail.Notices(site, u.Email, told, tx.Now) })
	})
}

type line = mail.Line

// line is what a mail says of a notice, unless that does not hold for the person
// any more, or is not wanted by mail.
func (s *Service) line(tx *db.Tx, u coffer.User, settings coffer.NoticeSettings, n coffer.Notice) (l line, counts bool, err error) {
	if u.Disabled || !settings.Mails(n.Kind) {
		return l, false, nil
	}
	if n.Kind == coffer.GroupGiven {
		groups, err := tx.GroupsOf(u.ID)
		return groupLine(n), groups[n.ObjectID], err
	}
	who := coffer.Principal{Kind: coffer.UserKind, User: u, Scopes: coffer.AllScopes[:]}
	p, err := decide(tx, who, n.NodeID, coffer.Read, false)
	if err != nil && coffer.KindOf(err) != coffer.NotFound {
		return l, false, err
	}
	if opens := err == nil; opens == (n.Kind == coffer.ShareEnded) {
		return l, false, nil
	}
	return lineOf(n, p, settings.Names), true, nil
}
