package db_test

import (
	"strings"
	"testing"
	"time"

	"coffer"
	"coffer/internal/db"
	"coffer/internal/db/dbtest"
)

// TestRevocations: whatever may take a right from somebody is told to all
// servers, once in a transaction, and what takes nothing is not.
func TestRevocations(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, open func() *db.DB) {
		v := newDrive(t, open())
		ann, ben := v.space.OwnerID, v.person("ben")
		f := v.add(v.space.RootID, coffer.File, "f", 1)
		folder := v.add(v.space.RootID, coffer.Folder, "folder", 0)
		crew := v.group("crew", ben)
		first, second := v.give(f.ID, ben, nobody, coffer.CanEdit, 0), v.give(folder.ID, nobody, crew, coffer.CanEdit, 0)
		session := func(tx *db.Tx) (coffer.ID, error) {
			id := coffer.NewID()
			return id, tx.InsertSession(coffer.Session{ID: id, UserID: ann, ExpiresAt: tx.Now + 1000, LastSeenAt: tx.Now}, id[:])
		}
		token := func(tx *db.Tx) (coffer.ID, error) {
			id := coffer.NewID()
			return id, tx.InsertToken(coffer.Token{ID: id, UserID: ann, ExpiresAt: tx.Now + 1000}, id[:])
		}
		of := func(make func(*db.Tx) (coffer.ID, error), end func(*db.Tx, coffer.ID) error) func(*db.Tx) error {
			return func(tx *db.Tx) error {
				id, err := make(tx)
				if err != nil {
					return err
				}
				return end(tx, id)
			}
		}
		count := func() (r db.Revocations) {
			v.view(func(tx *db.Tx) (err error) { r, err = tx.Revocations(); return err })
			return r
		}
		rows := []struct {
			name  string
			more  int64
			verbs func(*db.Tx) error
		}{
			{"a session begins", 0, func(tx *db.Tx) error { _, err := session(tx); return err }},
			{"a session ends", 1, of(session, func(tx *db.Tx, id coffer.ID) error { return tx.DeleteSession(ann, id) })},
			{"all sessions end", 1, of(session, func(tx *db.Tx, _ coffer.ID) error { _, err := tx.DeleteSessions(ann, nobody); return err })},
			{"no session is there to end", 0, func(tx *db.Tx) error { _, err := tx.DeleteSessions(ann, nobody); return err }},
			{"a session ends by its token", 1, of(session, func(tx *db.Tx, id coffer.ID) error { return tx.DeleteSessionByHash(id[:]) })},
			{"too many sessions", 1, of(session, func(tx *db.Tx, _ coffer.ID) error { return tx.TrimSessions(ann, 0) })},
			{"few sessions", 0, of(session, func(tx *db.Tx, _ coffer.ID) error { return tx.TrimSessions(ann, 5) })},
			{"a token ends", 1, of(token, func(tx *db.Tx, id coffer.ID) error { return tx.DeleteToken(ann, id) })},
			{"all tokens end", 1, of(token, func(tx *db.Tx, _ coffer.ID) error { _, err := tx.DeleteTokens(ann, nobody); return err })},
			{"too many tokens", 1, of(token, func(tx *db.Tx, _ coffer.ID) error { return tx.TrimTokens(ann, 0) })},
			{"an account is turned off", 1, func(tx *db.Tx) error { return tx.SetUserDisabled(ben, true) }},
			{"a grant is changed", 1, func(tx *db.Tx) error { return tx.ChangeGrant(first, coffer.CanView, 0, ann) }},
			{"a grant is withdrawn", 1, func(tx *db.Tx) error { return tx.DeleteGrant(first) }},
			{"a member leaves", 1, func(tx *db.Tx) error { return tx.RemoveMember(crew, ben) }},
			{"a group goes", 1, func(tx *db.Tx) error { _, err := tx.DeleteGroup(crew); return err }},
			{"a file is renamed", 0, func(tx *db.Tx) error { return tx.RenameNode(f.ID, "g", ann) }},
			{"a file is moved", 1, func(tx *db.Tx) error { return tx.PlaceNode(f.ID, folder.ID, "f") }},
			{"a folder is trashed, twice over", 1, func(tx *db.Tx) error {
				if err := tx.TrashNode(folder.ID, ann); err != nil {
					return err
				}
				return tx.TrashNode(f.ID, ann)
			}},
			{"an account goes", 1, func(tx *db.Tx) error { return tx.DeleteUser(ben) }},
			{"a space is given up", 1, func(tx *db.Tx) error { return tx.GiveUpSpace(v.space) }},
		}
		_ = second
		for _, r := range rows {
			before := count()
			v.update(r.verbs)
			if after := count(); after.Count-before.Count != r.more || (after == before) != (r.more == 0) {
				t.Errorf("%s: %+v after %+v, want %d more", r.name, after, before, r.more)
			}
		}
		before := count()
		v.update(func(tx *db.Tx) error { return tx.PurgeRevocations(tx.Now + 1) })
		v.update(func(tx *db.Tx) error { _, err := session(tx); return err })
		v.update(func(tx *db.Tx) error { _, err := tx.DeleteSessions(ann, nobody); return err })
		if after := count(); after.Count != 1 || after == before {
			t.Errorf("after a purge: %+v", after)
		}
	})
}

// TestRevocationsOutOfOrder: a transaction that commits after one that took a
// greater number is seen all the same.
func TestRevocationsOutOfOrder(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, open func() *db.DB) {
		v := newDrive(t, open())
		if strings.HasSuffix(t.Name(), "/sqlite") {
			return // one writer: they cannot
		}
		revoke := func(tx *db.Tx) error {
			id := coffer.NewID()
			if err := tx.InsertSession(coffer.Session{ID: id, UserID: v.space.OwnerID, ExpiresAt: tx.Now + 1000}, id[:]); err != nil {
				return err
			}
			return tx.DeleteSession(v.space.OwnerID, id)
		}
		state := func() (r db.Revocations) {
			v.view(func(tx *db.Tx) (err error) { r, err = tx.Revocations(); return err })
			return r
		}
		taken, commit, done := make(chan bool), make(chan bool), make(chan error, 1)
		go func() {
			done <- v.Update(t.Context(), func(tx *db.Tx) error {
				err := revoke(tx)
				taken <- true
				<-commit
				return err
			})
		}()
		select {
		case <-taken:
		case <-time.After(20 * time.Second):
			t.Fatal("the first transaction stands still")
		}
		v.update(revoke)
		seen := state()
		close(commit)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if last := state(); seen.Count != 1 || last == seen || last.Greatest != seen.Greatest {
			t.Errorf("%+v, then %+v", seen, last)
		}
	})
}
