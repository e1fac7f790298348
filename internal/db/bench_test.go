package db_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"coffer"
	"coffer/internal/db"
	"coffer/internal/db/dbtest"
)

// BenchmarkUpdate is a small verb (read a row, insert one, change one) by so
// many writers at once; the figure is the time between two ends, and the worst
// percentiles of one Update.
func BenchmarkUpdate(b *testing.B) {
	for _, writers := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			d := dbtest.SQLite(b)
			script(b, d, `CREATE TABLE t (k BIGINT PRIMARY KEY, v TEXT, n BIGINT NOT NULL DEFAULT 0); INSERT INTO t (k) VALUES (0)`)
			var next atomic.Int64
			took := make([]time.Duration, b.N)
			var all sync.WaitGroup
			b.ResetTimer()
			for range writers {
				all.Go(func() {
					for k := next.Add(1); k <= int64(b.N); k = next.Add(1) {
						start := time.Now()
						err := d.Update(context.Background(), func(tx *db.Tx) error {
							var n int64
							if err := tx.Scan("SELECT n FROM t WHERE k = $1", []any{0}, &n); err != nil {
								return err
							}
							if _, err := tx.Exec("INSERT INTO t (k, v) VALUES ($1, $2)", k, "a name of usual length.pdf"); err != nil {
								return err
							}
							return tx.ExecOne("UPDATE t SET n = n + 1 WHERE k = $1", 0)
						})
						if err != nil {
							b.Error(err)
							return
						}
						took[k-1] = time.Since(start)
					}
				})
			}
			all.Wait()
			b.StopTimer()
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-us")
		})
	}
}

// BenchmarkView is the check of a session: one row by an id, joined with another.
func BenchmarkView(b *testing.B) {
	d := dbtest.SQLite(b)
	script(b, d, `CREATE TABLE a (id BYTEA PRIMARY KEY, n BIGINT); CREATE TABLE c (id BYTEA PRIMARY KEY, a_id BYTEA, v TEXT)`)
	id := coffer.NewID()
	err := d.Update(b.Context(), func(tx *db.Tx) error {
		if _, err := tx.Exec("INSERT INTO a (id, n) VALUES ($1, 7)", id); err != nil {
			return err
		}
		_, err := tx.Exec("INSERT INTO c (id, a_id, v) VALUES ($1, $1, 'x')", id)
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	for _, cancellable := range []bool{true, false} {
		b.Run(fmt.Sprintf("cancellable=%v", cancellable), func(b *testing.B) {
			ctx := b.Context()
			if !cancellable {
				ctx = context.Background()
			}
			for b.Loop() {
				err := d.View(ctx, func(tx *db.Tx) error {
					var n int64
					var v string
					return tx.Scan("SELECT a.n, c.v FROM c JOIN a ON a.id = c.a_id WHERE c.id = $1", []any{id}, &n, &v)
				})
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
