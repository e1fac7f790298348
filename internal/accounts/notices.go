package accounts

import (
	"context"

	"coffer"
	"coffer/internal/db"
	"coffer/internal/mail"
)

// NoticeSettings returns which notices the principal gets by mail.
func (s *Service) NoticeSettings(ctx context.Context, p coffer.Principal) (out coffer.NoticeSettings, err error) {
	if err := need(p, coffer.ScopeAccount); err != nil {
		return out, err
	}
	err = s.DB.View(ctx, func(tx *db.Tx) (err error) { out, err = tx.NoticeSettings(p.User.ID); return err })
	return out, err
}

// NoticePatch changes notice settings; a nil field stays as it is.
type NoticePatch struct{ Shares, Links, Requests, Storage, Digest, Names *bool }

// ChangeNoticeSettings changes which notices the principal gets by mail. It
// counts for what was not mailed yet too.
func (s *Service) ChangeNoticeSettings(ctx context.Context, p coffer.Principal, patch NoticePatch) (out coffer.NoticeSettings, err error) {
	if err := need(p, coffer.ScopeAccount); err != nil {
		return out, err
	}
	err = s.DB.Update(ctx, func(tx *db.Tx) error {
		if _, err := tx.User(p.User.ID); err != nil {
			return err
		}
		before, err := tx.NoticeSettings(p.User.ID)
		if err != nil {
			return err
		}
		out = before
		set(&out.Shares, patch.Shares)
		set(&out.Links, patch.Links)
		set(&out.Requests, patch.Requests)
		set(&out.Storage, patch.Storage)
		set(&out.Digest, patch.Digest)
		set(&out.Names, patch.Names)
		if out == before {
			return nil
		}
		if err := tx.SetNoticeSettings(p.User.ID, out); err != nil {
			return err
		}
		return tx.InsertEvent(event(p, "notices.changed", p.User.ID, map[string]any{"before": switches(before), "after": switches(out)}))
	})
	return out, err
}

func switches(s coffer.NoticeSettings) map[string]any {
	return map[string]any{"shares": s.Shares, "links": s.Links, "requests": s.Requests, "storage": s.Storage, "digest": s.Digest, "names": s.Names}
}

// tell gives a person a notice of what somebody else did.
func (s *Service) tell(tx *db.Tx, n coffer.Notice, to coffer.ID) error {
	if to == n.ActorID {
		return nil
	}
	mails, err := tx.Tell(n, []coffer.ID{to})
	for _, m := range mails {
		if s.Noticed != nil && err == nil {
			err = s.Noticed(tx, m.UserID, m.At)
		}
	}
	return err
}

// Post has a letter written, of the organisation that it is told, and sent once
// tx is committed.
func (s *Service) Post(tx *db.Tx, write func(mail.Site) mail.Message) error {
	settings, err := readSettings(tx)
	if err != nil {
		return err
	}
	return s.letter(write(mail.Site{Organisation: settings.Organisation, BaseURL: s.BaseURL})).post(tx)
}
