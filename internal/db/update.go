package db

import (
	"context"
	"database/sql"
	"math/rand/v2"
	"runtime"
	"strings"
	"time"
)

const (
	batchSize   = 64                   // functions in one commit
	nestedAfter = time.Second          // a wait so long is looked at: does the caller wait for itself?
	retries     = 5                    // of a PostgreSQL transaction that lost against another
	retryPause  = 5 * time.Millisecond // the first one; doubled each time, with jitter
)

// Update runs fn in a transaction that may write. When Update returns nil, the
// changes are on the disk; otherwise nothing of them is.
//
// fn may run twice and holds up others, so it does database work only: no I/O,
// no hashing, and no Update or View, which would wait for itself. ctx ends the
// wait for the turn; once fn runs, its statements run to their end (on SQLite
// a cancelled statement undoes the work of others too).
func (d *DB) Update(ctx context.Context, fn func(*Tx) error) error {
	if err := d.enter(); err != nil {
		return err
	}
	defer d.leave()
	if d.write == nil {
		return errReadOnly
	}
	var last *Tx // the one that counts, when fn runs twice
	run := func(tx *Tx) error {
		last = tx
		return fn(tx)
	}
	var err error
	if d.engine == SQLite {
		err = d.updateSQLite(ctx, run)
	} else {
		err = d.updatePostgres(ctx, run)
	}
	if err == nil && last.jobs {
		select {
		case d.jobs <- struct{}{}:
		default: // one sign is enough
		}
	}
	return err
}

// View runs fn in a transaction that sees one state of the database and cannot
// write. Statements end when ctx does.
func (d *DB) View(ctx context.Context, fn func(*Tx) error) error {
	if err := d.enter(); err != nil {
		return err
	}
	defer d.leave()
	t, err := d.read.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return told(err)
	}
	defer t.Rollback()
	tx := d.tx(ctx, t)
	if err := fn(tx); err != nil {
		return err
	}
	if tx.failed != nil {
		return tx.failed
	}
	return d.stillIdle()
}

// Once is View for a function of one statement: it needs no transaction around
// it, which on PostgreSQL would take twice as long again as the statement.
func (d *DB) Once(ctx context.Context, fn func(*Tx) error) error {
	if err := d.enter(); err != nil {
		return err
	}
	defer d.leave()
	tx := d.tx(ctx, d.read)
	tx.left = 1
	if err := fn(tx); err != nil {
		return err
	}
	if tx.failed != nil {
		return tx.failed
	}
	return d.stillIdle()
}

func (d *DB) updatePostgres(ctx context.Context, fn func(*Tx) error) error {
	pause := retryPause
	for try := 0; ; try++ {
		err := d.updateOnce(ctx, fn)
		if !again(err) || try == retries {
			return told(err)
		}
		select {
		case <-time.After(pause/2 + rand.N(pause)):
			pause *= 2
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (d *DB) updateOnce(ctx context.Context, fn func(*Tx) error) error {
	conn, err := d.write.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx = context.WithoutCancel(ctx)
	t, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer t.Rollback()
	tx := d.tx(ctx, t)
	if err := fn(tx); err != nil && !again(tx.failed) { // fn may have hidden the cause in an error of its own
		return err
	}
	if tx.failed != nil {
		return tx.failed
	}
	return t.Commit()
}

// A call is a function on its way through SQLite's writer. The writer gives
// turns, the function runs in its caller's own goroutine: a panic keeps its
// stack, and t.FailNow ends the right test.
type call struct {
	turns chan turn    // one at a time
	ran   chan outcome // answers each turn that has a transaction
}

// A turn is either a transaction to run in, or (sql nil) the final answer.
type turn struct {
	sql *sql.Tx
	err error
}

type outcome struct {
	err  error
	gone bool // the function did not return: it panicked, or ended its goroutine
}

func (d *DB) updateSQLite(ctx context.Context, fn func(*Tx) error) error {
	c := &call{turns: make(chan turn, 1), ran: make(chan outcome, 1)}
	if err := d.wait(ctx, c); err != nil {
		return err
	}
	for {
		t := <-c.turns
		if t.sql == nil {
			return t.err
		}
		d.run(ctx, c, t.sql, fn)
	}
}

// wait hands the call to the writer. The queue has no room of its own: a call
// that the writer has not taken can still be given up.
func (d *DB) wait(ctx context.Context, c *call) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case d.queue <- c:
		return nil
	default:
	}
	suspicious := time.NewTimer(nestedAfter)
	defer suspicious.Stop()
	for {
		select {
		case d.queue <- c:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-suspicious.C:
			stack := make([]byte, 1<<16)
			stack = stack[:runtime.Stack(stack, false)]
			if strings.Count(string(stack), "db.(*DB).Update(") > 1 {
				panic("db: Update called inside a function given to Update: it would wait for itself for ever")
			}
		}
	}
}

func (d *DB) run(ctx context.Context, c *call, t *sql.Tx, fn func(*Tx) error) {
	o := outcome{gone: true}
	defer func() { c.ran <- o }()
	if err := ctx.Err(); err != nil {
		o = outcome{err: err}
		return
	}
	tx := d.tx(context.WithoutCancel(ctx), t)
	err := fn(tx)
	if err == nil {
		err = tx.failed
	}
	o = outcome{err: err}
}

// writeAll is the writer: it commits what waits, in one transaction, until the
// queue is closed.
func (d *DB) writeAll() {
	for first := range d.queue {
		batch := []*call{first}
		for len(batch) < batchSize {
			select {
			case c := <-d.queue:
				batch = append(batch, c)
				continue
			default:
			}
			break
		}
		for len(batch) > 0 {
			batch = d.commit(batch)
		}
	}
}

// commit runs the calls in one transaction and answers them. It returns those
// that must run again, because SQLite took back the whole transaction (full
// disk, I/O error) under one of them; that one is answered.
func (d *DB) commit(batch []*call) (rerun []*call) {
	t, err := d.write.BeginTx(context.Background(), nil)
	if err != nil {
		answer(batch, told(err))
		return nil
	}
	defer t.Rollback() // nothing, after a commit
	if len(batch) == 1 {
		// The usual case when there is no crowd: the transaction is the savepoint.
		c := batch[0]
		c.turns <- turn{sql: t}
		if o := <-c.ran; o.gone {
			return nil
		} else if err = o.err; err == nil {
			err = t.Commit()
		}
		t.Rollback()
		answer(batch, told(err))
		return nil
	}
	// A function may have failed over what another of the batch did ("taken"), so
	// its error, too, is true only once the batch is committed.
	var done, failed []*call
	var failures []error
	for i, c := range batch {
		o, err := d.runOne(t, c)
		switch {
		case err != nil:
			t.Rollback()
			if !o.gone {
				answer([]*call{c}, told(err))
			}
			return append(append(done, failed...), batch[i+1:]...)
		case o.gone:
		case o.err != nil:
			failed, failures = append(failed, c), append(failures, o.err)
		default:
			done = append(done, c)
		}
	}
	err = t.Commit()
	answer(done, told(err))
	for i, c := range failed {
		if err == nil {
			answer([]*call{c}, told(failures[i]))
		} else {
			answer([]*call{c}, told(err))
		}
	}
	return nil
}

// runOne gives one call its turn inside a savepoint. An error of its own means
// that the whole transaction is lost.
func (d *DB) runOne(t *sql.Tx, c *call) (outcome, error) {
	if _, err := t.Exec("SAVEPOINT one"); err != nil {
		return outcome{}, err
	}
	c.turns <- turn{sql: t}
	o := <-c.ran
	if o.gone || o.err != nil {
		// Fails when SQLite has rolled back everything: the cause is in o.err.
		if _, err := t.Exec("ROLLBACK TO one"); err != nil {
			if o.err != nil {
				err = o.err
			}
			return o, err
		}
	}
	_, err := t.Exec("RELEASE one")
	return o, err
}

func answer(calls []*call, err error) {
	for _, c := range calls {
		c.turns <- turn{err: err}
	}
}
