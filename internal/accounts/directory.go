package accounts

import (
	"bytes"
	"context"
	"slices"
	"strings"

	"coffer"
	"coffer/internal/db"
)

// mostFound is how many people one look into the directory finds.
const mostFound = 10

// Directory finds people to share with, by a part of the name or, after those,
// of the address, in order of their names; who cannot sign in is not found. Where everybody may
// join, people are strangers to each other: there a whole address finds its
// person, and nothing less finds anybody.
//
// Errors: Forbidden.
func (s *Service) Directory(ctx context.Context, p coffer.Principal, query string) (found []coffer.User, err error) {
	if err := needSharing(p); err != nil {
		return nil, err
	}
	query = strings.TrimSpace(query)
	if query == "" {
		return nil, nil
	}
	err = s.DB.View(ctx, func(tx *db.Tx) error {
		settings, err := readSettings(tx)
		if err != nil {
			return err
		}
		rows, err := tx.Accounts()
		if err != nil {
			return err
		}
		rows = slices.DeleteFunc(rows, func(a db.Account) bool {
			return a.Disabled || settings.Signup == SignupOpen && a.Email != coffer.EmailKey(query)
		})
		var byAddress []coffer.User // an address may hold what everybody's holds: the domain
		for _, e := range matching(rows, query) {
			if bytes.Contains(coffer.NameKey(e.Name), coffer.NameKey(query)) {
				found = append(found, e.User)
			} else {
				byAddress = append(byAddress, e.User)
			}
		}
		found = append(found, byAddress...)
		found = found[:min(len(found), mostFound)]
		return nil
	})
	return found, err
}
