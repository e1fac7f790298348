package db_test

import (
	"errors"
	"sync"
	"testing"

	"coffer/internal/db"
	"coffer/internal/db/dbtest"
)

// TestTakenIsTrue lets eight callers add the same row at once: whoever is told
// that it is taken finds it there, also when both were in one batch.
func TestTakenIsTrue(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, open func() *db.DB) {
		d := open()
		for round := range uint32(25) {
			// The first call holds the writer until the others come, so that they
			// make up one batch.
			var wg, coming sync.WaitGroup
			coming.Add(8)
			held := make(chan struct{})
			wg.Go(func() {
				if err := d.Update(t.Context(), func(*db.Tx) error { close(held); coming.Wait(); return nil }); err != nil {
					t.Error(err)
				}
			})
			<-held
			for range 8 {
				wg.Go(func() {
					coming.Done()
					err := d.Update(t.Context(), func(tx *db.Tx) error {
						return tx.InsertKEK(db.KEK{Version: round + 1, Wrapped: []byte{1}, Check: []byte{2}})
					})
					if err != nil && !errors.Is(err, db.ErrTaken) {
						t.Error(err)
					}
					if err := d.View(t.Context(), func(tx *db.Tx) error {
						keks, err := tx.KEKs()
						if err == nil && len(keks) != int(round)+1 {
							t.Errorf("told %v, but %d rows of %d are there", err, len(keks), round+1)
						}
						return err
					}); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
		}
	})
}
