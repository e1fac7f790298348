package db

import (
	"context"
	"database/sql/driver"
	"strings"
)

// keptStatements is how many prepared statements a connection keeps. There are
// about two hundred query texts; those built with a list of placeholders differ
// by its length.
const keptStatements = 256

// A keeper connects to SQLite and keeps statements prepared: parsing a query
// takes the pure-Go engine longer than running it. (pgx does this by itself.)
type keeper struct {
	driver.Connector
	begin string // how a transaction starts
}

func (k keeper) Connect(ctx context.Context) (driver.Conn, error) {
	c, err := k.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &keptConn{Conn: c, begin: k.begin, kept: map[string]*keptStmt{}}, nil
}

// keptConn is a connection with its prepared statements. database/sql uses a
// connection from one goroutine at a time, so no lock is needed.
type keptConn struct {
	driver.Conn
	begin string
	kept  map[string]*keptStmt
}

type keptStmt struct {
	driver.Stmt
	busy bool // its rows are being read
}

// Unwrap gives the engine's own connection.
func (c *keptConn) Unwrap() driver.Conn { return c.Conn }

// statement returns the query prepared and marks it busy, or nil when the
// query is not worth keeping or is busy already (a query inside the reading of
// its own rows).
func (c *keptConn) statement(ctx context.Context, query string) (*keptStmt, error) {
	if s := c.kept[query]; s != nil {
		if s.busy {
			return nil, nil
		}
		s.busy = true
		return s, nil
	}
	verb, _, _ := strings.Cut(strings.TrimLeft(query, " \t\n"), " ")
	switch strings.TrimRight(verb, "\n\t") {
	case "SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE":
	default:
		return nil, nil
	}
	prepared, err := c.Conn.(driver.ConnPrepareContext).PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	if len(c.kept) >= keptStatements {
		for text, s := range c.kept { // any: map order is random enough
			if !s.busy {
				s.Close()
				delete(c.kept, text)
				break
			}
		}
	}
	s := &keptStmt{Stmt: prepared, busy: true}
	c.kept[query] = s
	return s, nil
}

// ExecContext implements driver.ExecerContext.
func (c *keptConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	s, err := c.statement(ctx, query)
	if err != nil {
		return nil, err
	}
	if s == nil {
		return c.Conn.(driver.ExecerContext).ExecContext(ctx, query, args)
	}
	defer func() { s.busy = false }()
	return s.Stmt.(driver.StmtExecContext).ExecContext(ctx, args)
}

// QueryContext implements driver.QueryerContext.
func (c *keptConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	s, err := c.statement(ctx, query)
	if err != nil {
		return nil, err
	}
	if s == nil {
		return c.Conn.(driver.QueryerContext).QueryContext(ctx, query, args)
	}
	rows, err := s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, args)
	if err != nil {
		s.busy = false
		return nil, err
	}
	return &keptRows{rows, s}, nil
}

type keptRows struct {
	driver.Rows
	s *keptStmt
}

func (r *keptRows) Close() error {
	err := r.Rows.Close()
	r.s.busy = false
	return err
}

// BeginTx implements driver.ConnBeginTx.
func (c *keptConn) BeginTx(ctx context.Context, _ driver.TxOptions) (driver.Tx, error) {
	if _, err := c.ExecContext(ctx, c.begin, nil); err != nil {
		return nil, err
	}
	return keptTx{c}, nil
}

type keptTx struct{ c *keptConn }

// Commit ends the transaction also when it fails: database/sql puts the
// connection back into its pool then.
func (t keptTx) Commit() error {
	_, err := t.c.ExecContext(context.Background(), "COMMIT", nil)
	if err != nil {
		t.Rollback() // fails when SQLite has done it already
	}
	return err
}

func (t keptTx) Rollback() error {
	_, err := t.c.ExecContext(context.Background(), "ROLLBACK", nil)
	return err
}

// ResetSession implements driver.SessionResetter.
func (c *keptConn) ResetSession(ctx context.Context) error {
	return c.Conn.(driver.SessionResetter).ResetSession(ctx)
}

// IsValid implements driver.Validator.
func (c *keptConn) IsValid() bool { return c.Conn.(driver.Validator).IsValid() }

// Ping implements driver.Pinger.
func (c *keptConn) Ping(ctx context.Context) error { return c.Conn.(driver.Pinger).Ping(ctx) }

// Close lets go of the statements, then of the connection.
func (c *keptConn) Close() error {
	for _, s := range c.kept {
		s.Close()
	}
	clear(c.kept)
	return c.Conn.Close()
}
