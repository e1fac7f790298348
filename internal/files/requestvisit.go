package files

import (
	"context"
	"errors"

	"coffer"
	"coffer/internal/cred"
	"coffer/internal/db"
)

// Caller is somebody at the address of a file request that takes files, or that
// is full by now.
type Caller struct {
	Who    coffer.Principal // for whom the request is open; of kind Nobody while it is locked
	Locked bool             // its password is asked for first

	request coffer.FileRequest
}

// Call finds the file request of an address, with the cookie of who typed its
// password. It is ErrNotFound, and nothing else, for an address that never was,
// and for a request that has ended, is turned off, or whose folder or maker is
// gone. One that is full still tells its senders what became of theirs: Asked
// does not find it.
func (s *Service) Call(ctx context.Context, address string, from From) (c Caller, err error) {
	hash, err := cred.ParseAddress(requestAddress, address)
	if err != nil {
		hash = make([]byte, 32) // of no address; looked up all the same
	}
	err = s.inspect(ctx, func(tx *db.Tx) error {
		r, err := tx.RequestByToken(hash)
		if err != nil {
			return err
		}
		if _, err := stands(tx, r); err != nil {
			return err
		}
		c = Caller{request: r, Locked: r.HasPassword}
		if cookie, err := cred.ParseToken(cred.Visit, from.Cookie); err == nil && c.Locked {
			proved, err := tx.RequestProved(r.ID, r.Version, cookie)
			if err != nil {
				return err
			}
			c.Locked = !proved
		}
		if !c.Locked {
			c.Who = s.sender(r, from)
		}
		return nil
	})
	if err != nil && coffer.KindOf(err) != coffer.Internal && coffer.KindOf(err) != coffer.Busy {
		err = coffer.ErrNotFound
	}
	return c, err
}

// sender is who may put something into a request.
func (s *Service) sender(r coffer.FileRequest, from From) coffer.Principal {
	return coffer.Principal{Kind: coffer.RequestKind, Request: r.ID, RequestVersion: r.Version, Address: from.Address, RequestID: from.RequestID}
}

// UnlockRequest opens a file request by its password and returns the cookie that
// proves it, which is for its address only. Tries are counted as those of links.
//
// Errors: as Call, Forbidden "wrong_password", Limited, Busy.
func (s *Service) UnlockRequest(ctx context.Context, address, password string, from From) (cookie string, err error) {
	c, err := s.Call(ctx, address, from)
	if err != nil || !c.Locked {
		return from.Cookie, err
	}
	all := "request " + c.request.ID.String()
	near := all + " " + coffer.Network(from.Address)
	var left, wait int64
	var stored db.Password
	err = s.maintain(ctx, coffer.ID{}, func(tx *db.Tx) error {
		if left, wait, err = countTry(tx, near, all); err != nil {
			return err
		}
		secret, err := tx.RequestSecret(c.request.ID)
		stored = secret.Password
		return err
	})
	if err != nil {
		return "", err
	}
	if wait > 0 {
		return "", tooMany(wait)
	}
	if len(stored.Sealed) == 0 { // removed just now
		return "", coffer.ErrNotFound
	}
	phc, err := s.keys.OpenRequestPassword(c.request.ID, stored.KEKVer, stored.Sealed)
	if err != nil {
		return "", err
	}
	right, _, err := s.guests.Verify(ctx, phc, password)
	if err != nil {
		return "", hashBusy(err)
	}
	if !right {
		return "", s.wrongRequestPassword(ctx, c.request, left, from)
	}
	cookie, hash := cred.NewToken(cred.Visit)
	err = s.maintain(ctx, coffer.ID{}, func(tx *db.Tx) error {
		r, err := tx.FileRequest(c.request.ID)
		if err != nil {
			return err
		}
		if r.Version != c.request.Version { // another password while this one was hashed
			return coffer.ErrNotFound
		}
		return errors.Join(tx.ForgetTries(near), tx.UndoTry(all, linkTriesInAll()),
			tx.InsertRequestVisit(r.ID, r.Version, hash, from.Address, tx.Now+provedFor.Milliseconds()))
	})
	return cookie, err
}

// wrongRequestPassword records a wrong password and is its answer.
func (s *Service) wrongRequestPassword(ctx context.Context, r coffer.FileRequest, left int64, from From) error {
	err := s.maintain(context.WithoutCancel(ctx), coffer.ID{}, func(tx *db.Tx) error {
		a := act{action: "request.refused", node: r.NodeID, target: r.ID, detail: map[string]any{"title": r.Title, "reason": "password"}}
		return tx.InsertEvent(s.As(s.sender(r, from)).event(r.SpaceID, a))
	})
	if err != nil {
		return err
	}
	return coffer.E(coffer.Forbidden, "wrong_password", "That password is not right. Check capitals, or ask who sent you the address. "+triesText(left))
}
