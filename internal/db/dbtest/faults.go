package dbtest

import (
	"context"
	"database/sql/driver"
	"sync"
)

// Faults makes one call to the database fail: put its Wrap into db.Options.
// Calls are what the driver sees: each statement, each start and each commit
// of a transaction, counted over all connections. Rolling back never fails.
type Faults struct {
	mu      sync.Mutex
	count   int
	at      int
	after   bool
	forEver bool
	err     error
}

// Arm starts counting anew and lets the n-th call from now (1 is the next)
// answer err. With after, the call is carried out first: it fails, but
// persisted. n = 0 lets no call fail.
func (f *Faults) Arm(n int, after bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.count, f.at, f.after, f.forEver, f.err = 0, n, after, false, err
}

// ArmForEver is Arm for a database that goes away: the n-th call from now and
// all behind it fail, until the next Arm.
func (f *Faults) ArmForEver(n int, err error) {
	f.Arm(n, false, err)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.forEver = true
}

// Count tells how many calls there were since Arm. A test runs its verb once
// without a fault to learn how many rows its table has.
func (f *Faults) Count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.count
}

// Wrap puts the faults around a driver (db.Options.Wrap).
func (f *Faults) Wrap(c driver.Connector) driver.Connector { return faultConnector{c, f} }

// hit counts a call. It answers the errors to give before and after it.
func (f *Faults) hit() (before, after error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.count++
	if f.count != f.at && !(f.forEver && f.count > f.at) {
		return nil, nil
	}
	if f.after {
		return nil, f.err
	}
	return f.err, nil
}

type faultConnector struct {
	driver.Connector
	f *Faults
}

func (c faultConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &faultConn{conn, c.f}, nil
}

// faultConn forwards what both drivers can do.
type faultConn struct {
	driver.Conn
	f *Faults
}

func (c *faultConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	before, after := c.f.hit()
	if before != nil {
		return nil, before
	}
	r, err := c.Conn.(driver.ExecerContext).ExecContext(ctx, query, args)
	if err == nil && after != nil {
		return nil, after
	}
	return r, err
}

func (c *faultConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	before, after := c.f.hit()
	if before != nil {
		return nil, before
	}
	rows, err := c.Conn.(driver.QueryerContext).QueryContext(ctx, query, args)
	if err == nil && after != nil {
		rows.Close()
		return nil, after
	}
	return rows, err
}

func (c *faultConn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	before, after := c.f.hit()
	if before != nil {
		return nil, before
	}
	tx, err := c.Conn.(driver.ConnBeginTx).BeginTx(ctx, o)
	if err != nil {
		return nil, err
	}
	if after != nil {
		tx.Rollback()
		return nil, after
	}
	return faultTx{tx, c.f}, nil
}

func (c *faultConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	return c.Conn.(driver.ConnPrepareContext).PrepareContext(ctx, query)
}

func (c *faultConn) ResetSession(ctx context.Context) error {
	return c.Conn.(driver.SessionResetter).ResetSession(ctx)
}

func (c *faultConn) IsValid() bool {
	v, ok := c.Conn.(driver.Validator)
	return !ok || v.IsValid()
}

func (c *faultConn) CheckNamedValue(v *driver.NamedValue) error {
	if checker, ok := c.Conn.(driver.NamedValueChecker); ok {
		return checker.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

type faultTx struct {
	driver.Tx
	f *Faults
}

func (t faultTx) Commit() error {
	before, after := t.f.hit()
	if before != nil {
		t.Tx.Rollback() // database/sql takes a failed commit for the end
		return before
	}
	if err := t.Tx.Commit(); err != nil {
		return err
	}
	return after
}
