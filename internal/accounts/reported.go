package accounts

import (
	"context"

	"coffer"
	"coffer/internal/db"
	"coffer/internal/mail"
)

// Reported is what a visitor says of a link or of a file request.
type Reported struct {
	Request bool // it is a file request
	ID      coffer.ID
	Maker   string // who made it
	Reason  string
	Email   string // of the visitor; "" for none
}

// TellReport sends what a visitor says to all administrators.
func (s *Service) TellReport(ctx context.Context, r Reported, from From) error {
	site, now, err := s.site(ctx)
	if err != nil {
		return err
	}
	var all []db.Account
	if err := s.DB.View(ctx, func(tx *db.Tx) error { all, err = tx.Accounts(); return err }); err != nil {
		return err
	}
	what := "link"
	if r.Request {
		what = "file request"
	}
	var letters []letter
	for _, a := range all {
		if a.Role.Has(coffer.ManagePeople) && !a.Disabled {
			letters = append(letters, s.letter(mail.Report(site, a.Email, what, r.Maker, r.ID.String(), r.Reason, r.Email, mail.Request{At: now, Address: from.Address})))
		}
	}
	return s.DB.Update(ctx, func(tx *db.Tx) error {
		for _, l := range letters {
			if err := l.post(tx); err != nil {
				return err
			}
		}
		return nil
	})
}
