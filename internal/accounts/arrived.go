package accounts

import (
	"context"

	"coffer"
	"coffer/internal/db"
	"coffer/internal/mail"
)

// MailReceipt sends the receipt of what came by a file request to its sender.
// Nothing that a stranger typed stands in it but the address, which may be
// anybody's.
func (s *Service) MailReceipt(ctx context.Context, d coffer.Delivery, asker string) error {
	site, now, err := s.site(ctx)
	if err != nil {
		return err
	}
	err = s.count(ctx, try{countersOf(d.ReceiptTo, "").mailAddress, mailsPerAddress()})
	if coffer.KindOf(err) == coffer.Limited && err != nil {
		return nil // somebody floods this mailbox with our letters
	}
	if err != nil {
		return err
	}
	receipt := s.letter(mail.Receipt(site, d.ReceiptTo, asker, mail.Delivery{Files: d.Files, Size: coffer.BytesText(d.Bytes), At: d.LastAt, Reference: d.Reference()}, now))
	return s.DB.Update(ctx, func(tx *db.Tx) error { return receipt.post(tx) })
}
