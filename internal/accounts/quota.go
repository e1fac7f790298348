package accounts

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"strings"

	"coffer"
	"coffer/internal/db"
)

// NoLimit is the quota of who may store what the disk holds.
const NoLimit = -1

// Account is a person as those see them who look after the installation:
// what they store is a number of bytes, never a name.
type Account struct {
	coffer.User
	Used, Reserved int64  // bytes of the own space, 0 when there is none yet
	Quota          *int64 // of this person; nil: the default; NoLimit
	Limit          int64  // the quota that counts; NoLimit
}

func account(a db.Account, s Settings) Account {
	out := Account{User: a.User, Used: a.Used, Reserved: a.Reserved, Quota: a.Quota, Limit: s.Quota}
	if a.Quota != nil {
		out.Limit = *a.Quota
	}
	return out
}

// PeopleOptions says which part of the list of people is asked for.
type PeopleOptions struct {
	Limit  int    // 0 = 200; at most 10,000
	Cursor string // Next of the page before
	Query  string // only names and addresses that contain it, without case
}

// People is a part of the list of all people.
type People struct {
	Accounts []Account
	Next     string // cursor; "" at the end
	Total    int64  // of the whole list
}

// People lists all people by name. Ordering names is no work for two databases
// with rules of their own, and an installation has few enough people for doing
// it here: 10,000 take 0.1 s.
//
// Errors: Forbidden, Invalid "invalid" or "cursor_invalid".
func (s *Service) People(ctx context.Context, p coffer.Principal, o PeopleOptions) (out People, err error) {
	if err := needPower(p, coffer.ReadPeople); err != nil {
		return out, err
	}
	limit := cmp.Or(o.Limit, 200)
	if limit < 1 || limit > 10000 {
		return out, coffer.E(coffer.Invalid, "invalid", "limit may be 1 to 10,000.")
	}
	mac := s.Keys.Cursor("people", p.User.ID[:], []byte(o.Query))
	var after []byte
	if o.Cursor != "" {
		if after, err = mac.Open(o.Cursor); err != nil {
			return out, err
		}
	}
	var rows []db.Account
	var settings Settings
	err = s.DB.View(ctx, func(tx *db.Tx) (err error) {
		if settings, err = readSettings(tx); err == nil {
			rows, err = tx.Accounts()
		}
		return err
	})
	if err != nil {
		return out, err
	}
	list := matching(rows, o.Query)
	out.Total = int64(len(list))
	start, _ := slices.BinarySearchFunc(list, after, func(e entry, at []byte) int { return cmp.Or(bytes.Compare(e.at, at), -1) })
	list = list[start:]
	if len(list) > limit {
		list = list[:limit]
		if out.Next, err = mac.Seal(list[limit-1].at); err != nil {
			return out, err
		}
	}
	for _, e := range list {
		out.Accounts = append(out.Accounts, account(e.Account, settings))
	}
	return out, nil
}

// An entry is a person with the place in the list.
type entry struct {
	db.Account
	at []byte // sort key of the name, then the id
}

// matching returns, in order, those whose name or address contains query.
func matching(rows []db.Account, query string) []entry {
	want, address := coffer.NameKey(query), coffer.EmailKey(query)
	list := make([]entry, 0, len(rows))
	for _, r := range rows {
		if bytes.Contains(coffer.NameKey(r.Name), want) || strings.Contains(r.Email, address) {
			list = append(list, entry{r, append(append(coffer.SortKey(r.Name), 0), r.ID[:]...)})
		}
	}
	slices.SortFunc(list, func(a, b entry) int { return bytes.Compare(a.at, b.at) })
	return list
}

// SetQuota sets how much the own space of a person may hold: nil = the default,
// NoLimit. Less than is stored loses nothing: only nothing more fits in.
//
// Errors: Forbidden, ErrNotFound, Invalid about field quota.
func (s *Service) SetQuota(ctx context.Context, p coffer.Principal, id coffer.ID, quota *int64) (out Account, err error) {
	if err := needPower(p, coffer.ManagePeople); err != nil {
		return out, err
	}
	if quota != nil {
		var check inputs
		check.quota("quota", *quota)
		if err := check.result(); err != nil {
			return out, err
		}
	}
	err = s.DB.Update(ctx, func(tx *db.Tx) error {
		if err := tx.LockInstall(); err != nil { // before and after are told in order
			return err
		}
		settings, err := readSettings(tx)
		if err != nil {
			return err
		}
		row, err := tx.Account(id)
		if err != nil {
			return err
		}
		before := row.Quota
		row.Quota = quota
		out = account(row, settings)
		if before == nil && quota == nil || before != nil && quota != nil && *before == *quota {
			return nil
		}
		if err := tx.SetQuota(id, quota); err != nil {
			return err
		}
		return tx.InsertEvent(event(p, "user.quota_changed", id, map[string]any{"before": before, "after": quota}))
	})
	return out, err
}

// PersonByEmail finds a person by address. Errors: Forbidden, ErrNotFound.
func (s *Service) PersonByEmail(ctx context.Context, p coffer.Principal, email string) (u coffer.User, err error) {
	if err := needPower(p, coffer.ReadPeople); err != nil {
		return u, err
	}
	email, _ = parseEmail(email)
	err = s.DB.View(ctx, func(tx *db.Tx) (err error) { u, _, err = tx.UserByEmail(email); return err })
	return u, err
}
