package accounts

import (
	"context"

	"coffer"
	"coffer/internal/db"
	"coffer/internal/mail"
)

// Arrived is what a sender has sent to a file request.
type Arrived struct {
	coffer.Delivery
	Title     string    // of the request
	Folder    coffer.ID // where it is
	Maker     coffer.User
	TellMaker bool
}

// TellDelivery sends the letters about what has come by a file request: one to
// who made it, however many files came, and the receipt to the sender, where
// there is an address. What a stranger typed stands in the first one only: the
// address of the receipt may be anybody's.
func (s *Service) TellDelivery(ctx context.Context, a Arrived) error {
	site, now, err := s.site(ctx)
	if err != nil {
		return err
	}
	d := mail.Delivery{Sender: a.Name, Title: a.Title, Files: a.Files, Size: coffer.BytesText(a.Bytes), At: a.LastAt, Reference: a.Reference()}
	if a.TellMaker && !a.Maker.Disabled && a.Maker.Email != "" {
		news := s.letter(mail.FilesReceived(site, a.Maker.Email, d, a.Email, site.BaseURL+"/files/"+a.Folder.String(), now))
		if err := s.DB.Update(ctx, func(tx *db.Tx) error { return news.post(tx) }); err != nil {
			return err
		}
	}
	if a.ReceiptTo == "" {
		return nil
	}
	err = s.count(ctx, try{countersOf(a.ReceiptTo, "").mailAddress, mailsPerAddress()})
	if coffer.KindOf(err) == coffer.Limited && err != nil {
		return nil // somebody floods this mailbox with our letters
	}
	if err != nil {
		return err
	}
	receipt := s.letter(mail.Receipt(site, a.ReceiptTo, a.Maker.Name, d, now))
	return s.DB.Update(ctx, func(tx *db.Tx) error { return receipt.post(tx) })
}
