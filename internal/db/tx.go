package db

import (
	"context"
	"database/sql"
	"errors"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"coffer"
)

// A Tx is the transaction of one function given to Update or View. The
// queries are its methods, in one file per noun. It is for one goroutine, and
// only until the function returns.
type Tx struct {
	// Now is the time of the whole function, in ms since 1970 UTC.
	Now int64

	ctx    context.Context
	sql    querier
	engine Engine
	// failed is the first statement that failed. PostgreSQL refuses what
	// comes after one; so do we on SQLite, or code would run on one engine only.
	failed error
	// revoked says that there is a row of this transaction in revocation.
	revoked bool
	// jobs says that a job was inserted, so that the runner is woken by the commit.
	jobs bool
	// left is how many statements may still run; below 0: any number.
	left int
}

// querier is what runs statements: a transaction, or for Once a connection of
// the pool.
type querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func (d *DB) tx(ctx context.Context, t querier) *Tx {
	return &Tx{Now: d.now().UnixMilli(), ctx: ctx, sql: t, engine: d.engine, left: -1}
}

// scan reads the columns of a row into pointers.
type scan = func(dest ...any) error

// exec runs a statement and tells how many rows it changed.
func (tx *Tx) exec(query string, args ...any) (rows int64, err error) {
	if err := tx.ready(args); err != nil {
		return 0, err
	}
	if tx.left == 0 { // after ready: of Once
		return 0, tx.fail(errors.New("db: Once reads"))
	}
	r, err := tx.sql.ExecContext(tx.ctx, query, args...)
	if err != nil {
		return 0, tx.fail(err)
	}
	rows, err = r.RowsAffected()
	return rows, tx.fail(err)
}

// execOne runs a statement that must change exactly one row; when it changed
// none, the answer is coffer.ErrNotFound.
func (tx *Tx) execOne(query string, args ...any) error {
	return mustOne(tx.exec(query, args...))
}

func mustOne(rows int64, err error) error {
	if err == nil && rows == 0 {
		return coffer.ErrNotFound
	}
	return err
}

// row asks for at most one row.
func (tx *Tx) row(query string, args ...any) row {
	if err := tx.ready(args); err != nil {
		return row{err: err}
	}
	rows, err := tx.sql.QueryContext(tx.ctx, query, args...)
	return row{tx: tx, rows: rows, err: tx.fail(err)}
}

// row is the answer to Tx.row. Scan must be called.
type row struct {
	tx   *Tx
	rows *sql.Rows
	err  error
}

// Scan reads the first row. No row is coffer.ErrNotFound, which does not
// spoil the transaction.
func (r row) Scan(dest ...any) error {
	if r.err != nil {
		return r.err
	}
	defer r.rows.Close()
	if !r.rows.Next() {
		if err := r.rows.Err(); err != nil {
			return r.tx.fail(err)
		}
		return coffer.ErrNotFound
	}
	if err := r.rows.Scan(dest...); err != nil {
		return r.tx.fail(err)
	}
	// The rest is read: an INSERT ... RETURNING ends only then, and may fail.
	for r.rows.Next() {
	}
	return r.tx.fail(r.rows.Err())
}

// each calls fn for each row. fn must not run statements on tx.
func (tx *Tx) each(query string, args []any, fn func(scan) error) error {
	if err := tx.ready(args); err != nil {
		return err
	}
	rows, err := tx.sql.QueryContext(tx.ctx, query, args...)
	if err != nil {
		return tx.fail(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := fn(rows.Scan); err != nil {
			return err
		}
	}
	return tx.fail(rows.Err())
}

// collect reads all rows into a slice; no rows give nil.
func collect[T any](tx *Tx, read func(scan) (T, error), query string, args ...any) ([]T, error) {
	var all []T
	err := tx.each(query, args, func(s scan) error {
		v, err := read(s)
		all = append(all, v)
		return err
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// fail gives an error its shared meaning and spoils the transaction with it.
func (tx *Tx) fail(err error) error {
	if err == nil {
		return nil
	}
	tx.failed = told(err)
	return tx.failed
}

// ready refuses statements after a failed one, and texts that only one engine
// would store: SQLite takes NUL and invalid UTF-8, PostgreSQL neither. Named
// string types become plain strings on the way.
func (tx *Tx) ready(args []any) error {
	if tx.failed != nil {
		return tx.failed
	}
	if tx.left == 0 {
		return tx.fail(errors.New("db: Once is for one statement"))
	}
	tx.left = max(tx.left-1, -1)
	for i, a := range args {
		s, ok := a.(string)
		if !ok {
			if v := reflect.ValueOf(a); v.Kind() != reflect.String {
				continue
			} else {
				s = v.String()
				args[i] = s
			}
		}
		if strings.IndexByte(s, 0) >= 0 || !utf8.ValidString(s) {
			return tx.fail(coffer.E(coffer.Invalid, "text_invalid", "A text holds characters that cannot be stored."))
		}
	}
	return nil
}

// placeholders writes n placeholders from $from on: "$3, $4".
func placeholders(from, n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteByte('$')
		b.WriteString(strconv.Itoa(from + i))
	}
	return b.String()
}

// orNull stores 0 as NULL.
func orNull(v int64) any {
	if v == 0 {
		return nil
	}
	return v
}
