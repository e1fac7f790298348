package db_test

import (
	"testing"

	"coffer/internal/db"
	"coffer/internal/db/dbtest"
)

func TestOpen(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, open func() *db.DB) {
		d := open()
		if err := d.Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
		have, known, err := d.SchemaVersion(t.Context())
		if err != nil || have != known {
			t.Fatal(have, known, err)
		}
	})
}
