package files

import (
	"context"
	"errors"
	"time"

	"coffer"
	"coffer/internal/db"
)

// aboutLink is a notice to the maker of a link of what one of its visitors did;
// none where the maker does not want to know. name is of the file or folder.
func (v *View) aboutLink(tx *db.Tx, kind coffer.NoticeKind, node coffer.ID, name string, folder bool) ([]telling, error) {
	l := v.p.Link
	if !l.Notify {
		return nil, nil
	}
	t := telling{coffer.Notice{Kind: kind, NodeID: node, ObjectID: l.ID, Told: coffer.NoticeText{Link: l.Name, Name: name, Folder: folder}}, []coffer.ID{l.MadeBy}}
	if !v.p.Recipient.IsZero() {
		r, err := tx.Recipient(v.p.Recipient)
		if err != nil {
			return nil, err
		}
		t.ObjectID, t.Told.Who = r.ID, r.Email
	}
	return []telling{t}, nil
}

// tellLink is aboutLink for an act that is written here.
func (v *View) tellLink(tx *db.Tx, kind coffer.NoticeKind, node coffer.ID, name string, folder bool) error {
	t, err := v.aboutLink(tx, kind, node, name, folder)
	return errors.Join(err, v.s.tell(tx, t...))
}

// endsIn is how long before its end the maker of a link is told.
const endsIn = 48 * time.Hour

// TellEndings tells the makers of links that end soon, once for each end that
// was further away when it was set. It is a periodic job.
func (s *Service) TellEndings(ctx context.Context) error {
	return s.maintain(ctx, coffer.ID{}, func(tx *db.Tx) error {
		links, err := tx.EndingLinks(tx.Now+endsIn.Milliseconds(), endsIn.Milliseconds(), 500)
		for _, l := range links {
			n := coffer.Notice{Kind: coffer.LinkEnding, NodeID: l.NodeID, ObjectID: l.ID,
				Told: coffer.NoticeText{Link: l.Name, Name: l.NodeName, Folder: l.NodeKind == coffer.Folder, Until: l.EndsAt}}
			if err := errors.Join(tx.ToldEnding(l.ID, l.EndsAt), s.tell(tx, telling{n, []coffer.ID{l.MadeBy}})); err != nil {
				return err
			}
		}
		return err
	})
}
