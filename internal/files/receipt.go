package files

import (
	"context"
	"encoding/binary"
	"math"

	"coffer"
	"coffer/internal/db"
)

// A Receipt is what somebody without an account did by a link. Repeats of what
// is no download are one, with a count.
type Receipt struct {
	Kind      string // opened, download, uploaded, refused
	At        int64  // the last time
	Since     int64  // the first time
	Count     int64
	Recipient Crumb  // id and address of who proved it, or for whom a code was typed; zero: unknown
	Network   string // that it came from
	Name      string // of the file or folder
	Reason    string // of a refusal: password, code
	Size, Got int64  // of a download: bytes, and how many came without a gap from its beginning on
	State     string // of a download: running, finished, stopped, not_begun
}

// receiptActions are the acts that receipts are made of.
func receiptKind(action string) string {
	switch action {
	case "link.opened":
		return "opened"
	case "link.downloaded":
		return "download"
	case "link.refused":
		return "refused"
	case "file.uploaded":
		return "uploaded"
	}
	return ""
}

// stillFor is how long a download that sends nothing still counts as running.
const stillFor = 60_000 // ms

// Receipts lists what was done by a link, the last first, for who manages its
// node and for who made it.
//
// Errors: ErrNotFound.
func (v *View) Receipts(ctx context.Context, link coffer.ID, limit int, cursor string) (page Page[Receipt], err error) {
	if limit, err = limitOf(limit); err != nil {
		return page, err
	}
	mac, before := newCursor(v, "receipts", link[:]), int64(math.MaxInt64)
	if cursor != "" {
		raw, err := mac.Open(cursor)
		if err != nil || len(raw) != 8 {
			return page, badCursor()
		}
		before = int64(binary.BigEndian.Uint64(raw))
	}
	err = v.personal(ctx, func(tx *db.Tx) error {
		page = Page[Receipt]{Items: []Receipt{}}
		l, err := tx.LinkRow(link)
		if err != nil {
			return err
		}
		if err := v.mayAudit(tx, l.Link); err != nil {
			return err
		}
		who, err := tx.Recipients(link)
		if err != nil {
			return err
		}
		actors, emails := []coffer.ID{link}, map[coffer.ID]string{}
		for _, r := range who {
			actors, emails[r.ID] = append(actors, r.ID), r.Email
		}
		events, err := tx.EventsBy(actors, before, limit+1)
		if err != nil {
			return err
		}
		if len(events) > limit {
			events = events[:limit]
			if page.Next, err = mac.Seal(binary.BigEndian.AppendUint64(nil, uint64(events[limit-1].Num))); err != nil {
				return err
			}
		}
		var begun []coffer.ID
		for _, e := range events {
			if id, err := coffer.ParseID(detailText(e, "claim")); err == nil {
				begun = append(begun, id)
			}
		}
		claims, err := tx.Claims(begun)
		if err != nil {
			return err
		}
		for _, e := range events {
			if r, tell := receipt(e, claims, emails, tx.Now); tell {
				page.Items = folded(page.Items, r)
			}
		}
		return nil
	})
	return page, err
}

// receipt is what an event of a link's visitor tells.
func receipt(e coffer.Event, claims map[coffer.ID]db.Claim, emails map[coffer.ID]string, now int64) (r Receipt, tell bool) {
	r = Receipt{Kind: receiptKind(e.Action), At: e.At, Since: e.At, Count: 1, Reason: detailText(e, "reason"), Network: coffer.Network(detailText(e, "address"))}
	if r.Name = detailText(e, "node"); r.Name == "" {
		r.Name = detailText(e, "name")
	}
	if email, known := emails[e.ActorID]; known {
		r.Recipient = Crumb{e.ActorID, email}
	}
	if r.Kind != "download" {
		return r, r.Kind != ""
	}
	id, err := coffer.ParseID(detailText(e, "claim"))
	c, known := claims[id]
	if err != nil || !known {
		return r, false
	}
	r.Size, r.Got = c.Size, c.StoppedAt()
	switch {
	case r.Got == c.Size && !c.Returned:
		r.State = "finished"
	case c.LastAt > now-stillFor:
		r.State = "running"
	case c.Ranges == "":
		r.State = "not_begun"
	default:
		r.State = "stopped"
	}
	return r, true
}

func detailText(e coffer.Event, key string) string {
	s, _ := e.Detail[key].(string)
	return s
}

// folded adds a receipt to those after it: what happened again is counted.
func folded(all []Receipt, r Receipt) []Receipt {
	if n := len(all); n > 0 && r.Kind != "download" {
		last := &all[n-1]
		same := *last
		same.At, same.Since, same.Count = r.At, r.Since, r.Count
		if same == r {
			last.Since, last.Count = r.Since, last.Count+1
			return all
		}
	}
	return append(all, r)
}

// mayAudit is nil for who manages the node of a link, and for who made it.
func (v *View) mayAudit(tx *db.Tx, l coffer.Link) error {
	if l.MadeBy == v.p.User.ID {
		return coffer.Permit(v.p, coffer.IsOwner, coffer.Read)
	}
	_, err := decide(tx, v.p, l.NodeID, coffer.Share, false)
	return err
}
