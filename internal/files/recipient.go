package files

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"time"

	"coffer"
	"coffer/internal/cred"
	"coffer/internal/db"
	"coffer/internal/mail"
)

// Named recipients: a link that was made for addresses opens for who reads the
// mails that go there. A code proves it, and the browser is known for a while.

// Recipient is somebody whom a link was made for.
type Recipient = db.Recipient

const (
	maxRecipients = 100
	linkCodeLife  = 10 * time.Minute
	linkCodeTries = 5
	linkCodeWait  = time.Minute // between two codes to one address
)

// KnownFor is how long a browser need not prove the address again.
const KnownFor = 30 * 24 * time.Hour

// Codes that are asked for: by one network at one link, and to one recipient.
func codesAsked() db.TryLimit {
	return db.TryLimit{Tries: 20, Window: time.Hour.Milliseconds()}
}

func codesMailed() db.TryLimit {
	return db.TryLimit{Tries: 10, Window: time.Hour.Milliseconds()}
}

// AddRecipients lets addresses open a link and mails it to those that are new,
// for who manages its node. A link that was open to anybody is so no more.
//
// Errors: Forbidden, ErrNotFound, Invalid "email_invalid", "domain_not_allowed" or
// "too_many".
func (v *View) AddRecipients(ctx context.Context, id coffer.ID, emails []string) (item LinkItem, err error) {
	err = v.create(ctx, func(tx *db.Tx, who coffer.Principal) error {
		l, _, err := changeableLink(tx, who, id, false)
		if err != nil {
			return err
		}
		address, err := v.linkAddressOf(tx, l.Link)
		if err != nil {
			return err
		}
		if before, err := tx.Recipients(id); err != nil {
			return err
		} else if len(before) == 0 { // whoever is in has proved nothing
			l.Version++
			if err := tx.ChangeLink(l.Link, nil); err != nil {
				return err
			}
		}
		if err := v.addRecipients(tx, who, l, address, emails); err != nil {
			return err
		}
		if l, err = tx.LinkRow(id); err != nil {
			return err
		}
		item, err = v.linkItem(tx, who, l)
		return err
	})
	return item, err
}

// addRecipients is AddRecipients for a link that the principal may change.
func (v *View) addRecipients(tx *db.Tx, who coffer.Principal, l db.LinkRow, address string, emails []string) error {
	policy, err := outward(tx, who.User.ID)
	if err != nil {
		return err
	}
	before, err := tx.Recipients(l.ID)
	if err != nil {
		return err
	}
	if len(before)+len(emails) > maxRecipients {
		return wrong("recipients", "too_many", "A link has at most 100 recipients. Make another one for the others.")
	}
	for _, typed := range emails {
		r := db.Recipient{ID: coffer.NewID(), LinkID: l.ID, Email: coffer.EmailKey(typed)}
		if !fullAddress(r.Email) {
			return wrong("recipients", "email_invalid", "“"+typed+"” is not a full e-mail address, like name@example.com.")
		}
		if err := policy.CheckRecipient(r.Email); err != nil {
			return err
		}
		added, err := tx.AddRecipient(r)
		if err != nil {
			return err
		}
		if !added {
			continue
		}
		a := linkAct("link.recipient_added", l, nil, map[string]any{"recipient": r.Email})
		if err := errors.Join(tx.InsertEvent(v.event(l.SpaceID, a)), v.mailLink(tx, who, l, r.Email, address)); err != nil {
			return err
		}
	}
	return nil
}

// fullAddress reports whether letters can go to an address: a part like .com
// stands at its end.
func fullAddress(email string) bool {
	_, host, _ := strings.Cut(email, "@")
	return mail.PlainAddress(email) && strings.Contains(strings.Trim(host, "."), ".")
}

// mailLink has a recipient's mail written: with the address of the link, never
// with its password.
func (v *View) mailLink(tx *db.Tx, who coffer.Principal, l db.LinkRow, to, address string) error {
	settings, err := tx.NoticeSettings(who.User.ID)
	if err != nil {
		return err
	}
	what := "a " + l.NodeKind.String()
	if settings.Names && l.NodeName != "" {
		what = "“" + l.NodeName + "”"
	}
	return v.s.post(tx, func(site mail.Site) mail.Message {
		return mail.LinkFor(site, to, mail.Link{Sender: who.User.Name, What: what, Message: l.Message, Path: "/l/" + address, EndsAt: l.EndsAt, Password: l.HasPassword, At: tx.Now})
	})
}

// DropRecipient closes a link to one of its recipients, at once; what they
// download just now is cut.
//
// Errors: Forbidden, ErrNotFound.
func (v *View) DropRecipient(ctx context.Context, id, recipient coffer.ID) error {
	return v.create(ctx, func(tx *db.Tx, who coffer.Principal) error {
		l, _, err := changeableLink(tx, who, id, false)
		if err != nil {
			return err
		}
		r, err := tx.DropRecipient(id, recipient)
		if err != nil {
			return err
		}
		return tx.InsertEvent(v.event(l.SpaceID, linkAct("link.recipient_removed", l, map[string]any{"recipient": r.Email}, nil)))
	})
}

// AskCode mails a code to an address, if the link was made for it. Nothing tells
// the caller whether it was.
//
// Errors: as Arrive, Invalid "email_invalid", Limited.
func (s *Service) AskCode(ctx context.Context, address, email string, from From) error {
	a, err := s.Arrive(ctx, address, from)
	if err != nil {
		return err
	}
	if !a.Named { // it is open already, or to anybody
		return nil
	}
	email = coffer.EmailKey(email)
	if !fullAddress(email) {
		return wrong("email", "email_invalid", "Type an e-mail address like name@example.com.")
	}
	c := db.LinkCode{KEKVer: s.keys.Active()}
	code := cred.NewCode()
	var wait int64
	err = s.maintain(ctx, coffer.ID{}, func(tx *db.Tx) error {
		until, err := tx.CountTry("link-codes "+a.link.String()+" "+coffer.Network(from.Address), codesAsked())
		if wait = max(0, until-tx.Now); err != nil || wait > 0 {
			return err
		}
		r, err := tx.RecipientByEmail(a.link, email)
		known := err == nil
		if err != nil && !errors.Is(err, coffer.ErrNotFound) {
			return err
		}
		// The same work for an address that the link is not for.
		c.RecipientID, c.Until = r.ID, tx.Now+linkCodeLife.Milliseconds()
		if c.MAC, err = s.linkCodeMAC(c.KEKVer, r.ID, code); err != nil {
			return err
		}
		until, err = tx.CountTry(fmt.Sprintf("link-code %x", sha256.Sum256([]byte(a.link.String()+email))), codesMailed())
		if err != nil || until > 0 || !known {
			return err
		}
		fresh, err := tx.PutLinkCode(c, tx.Now-linkCodeWait.Milliseconds())
		if err != nil || !fresh {
			return err
		}
		return s.post(tx, func(site mail.Site) mail.Message {
			return mail.LinkCode(site, email, code, mail.Request{At: tx.Now, Address: from.Address})
		})
	})
	if err == nil && wait > 0 {
		return tooMany(wait)
	}
	return err
}

// tooMany is the answer to who has tried too often.
func tooMany(wait int64) error {
	e := coffer.E(coffer.Limited, "limited", tooManyTries(wait))
	e.RetryAfter = time.Duration(wait) * time.Millisecond
	return e
}

// linkCodeMAC is the stored form of six digits, for one recipient.
func (s *Service) linkCodeMAC(kek uint32, recipient coffer.ID, code string) ([]byte, error) {
	key, err := s.keys.MACKey("link-code", kek)
	if err != nil {
		return nil, err
	}
	mac := hmac.New(sha256.New, key)
	mac.Write(recipient[:])
	mac.Write([]byte(code))
	return mac.Sum(nil), nil
}

// Prove opens a link to the recipient who typed the code that was mailed to the
// address, and returns the cookie of the visit, "" where it is open. A code counts once, whoever else
// types it at the same moment.
//
// Errors: as Arrive, Forbidden "wrong_code", Limited.
func (s *Service) Prove(ctx context.Context, address, email, code string, from From) (cookie string, err error) {
	a, err := s.Arrive(ctx, address, from)
	if err != nil {
		return "", err
	}
	if !a.Named { // it is open already, or to anybody
		return "", nil
	}
	network := coffer.Network(from.Address)
	all := "link " + a.link.String()
	near := all + " " + network
	token, hash := cred.NewToken(cred.Visit)
	var wait, left int64
	err = s.maintain(ctx, coffer.ID{}, func(tx *db.Tx) error {
		cookie = ""
		if left, wait, err = countTry(tx, near, all); err != nil || wait > 0 {
			return err
		}
		l, err := tx.LinkRow(a.link)
		if err != nil {
			return err
		}
		r, right, err := s.provedBy(tx, a.link, email, code)
		if err != nil {
			return err
		}
		if !right {
			at := coffer.Principal{Kind: coffer.LinkKind, Link: l.Link, Recipient: r.ID, Address: from.Address, RequestID: from.RequestID}
			return s.As(at).refused(tx, l, "code")
		}
		cookie = token
		return errors.Join(tx.ForgetTries(near), tx.UndoTry(all, linkTriesInAll()),
			tx.InsertVisit(db.Visit{ID: coffer.NewID(), LinkID: l.ID, RecipientID: r.ID, Version: l.Version, Address: from.Address, ExpiresAt: tx.Now + KnownFor.Milliseconds()}, hash))
	})
	switch {
	case err != nil:
		return "", err
	case wait > 0:
		return "", tooMany(wait)
	case cookie == "":
		return "", coffer.E(coffer.Forbidden, "wrong_code", "That code is not right, or has ended. Check it, or ask for a new one. "+triesText(left))
	}
	return cookie, nil
}

// refused records that somebody was refused at a link, and tells its maker.
func (v *View) refused(tx *db.Tx, l db.LinkRow, reason string) error {
	a := act{action: "link.refused", node: l.NodeID, target: l.ID, detail: map[string]any{"node": l.NodeName, "reason": reason}}
	return errors.Join(tx.InsertEvent(v.event(l.SpaceID, a)), v.tellLink(tx, coffer.LinkWrong, l.NodeID, l.NodeName, l.NodeKind == coffer.Folder))
}

// provedBy finds who proves their address by a code, and uses it up. r is zero
// where the link is not for the address at all.
func (s *Service) provedBy(tx *db.Tx, link coffer.ID, email, code string) (r db.Recipient, right bool, err error) {
	email = coffer.EmailKey(email)
	if r, err = tx.RecipientByEmail(link, email); err != nil {
		return db.Recipient{}, false, ignore(err)
	}
	c, err := tx.TryLinkCode(r.ID, linkCodeTries)
	if err != nil {
		return r, false, ignore(err)
	}
	digits, err := cred.ParseCode(code)
	if err != nil {
		return r, false, nil //nolint:nilerr // what is no code is not the right one
	}
	mac, err := s.linkCodeMAC(c.KEKVer, r.ID, digits)
	if err != nil || !hmac.Equal(mac, c.MAC) {
		return r, false, err
	}
	right, err = tx.TakeLinkCode(c)
	return r, right, err
}

// ignore is nil for what is not there.
func ignore(err error) error {
	if errors.Is(err, coffer.ErrNotFound) {
		return nil
	}
	return err
}
