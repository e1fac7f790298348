package db

import (
	"fmt"
	"strings"

	"coffer"
)

// A SealedColumn names sealed records of one kind: where they lie, which ids
// their place is made of, and under which key they are.
type SealedColumn struct {
	Table, Column string
	// IDs are the columns that the context of a record is made of; the first one
	// finds the row (with sk_ver, of a space key).
	IDs []string
	// Version is the column with the version of the key.
	Version string
	// Space says that the key is one of the space in the column space_id; else
	// it is a KEK.
	Space bool
}

// SealedColumns are all records that a rotation seals again and that a check
// opens. A test holds them
// against the schema: a new column whose name ends in "sealed" belongs here.
func SealedColumns() []SealedColumn {
	return []SealedColumn{
		{Table: "user_account", Column: "password_sealed", IDs: []string{"id"}, Version: "kek_ver"},
		{Table: "signup", Column: "password_sealed", IDs: []string{"id"}, Version: "kek_ver"},
		{Table: "mail", Column: "sealed", IDs: []string{"id"}, Version: "kek_ver"},
		{Table: "file_request", Column: "password_sealed", IDs: []string{"id"}, Version: "kek_ver"},
		{Table: "space_key", Column: "sealed", IDs: []string{"space_id"}, Version: "kek_ver"},
		{Table: "link", Column: "password_sealed", IDs: []string{"id"}, Version: "kek_ver"},
		{Table: "link", Column: "token_sealed", IDs: []string{"id"}, Version: "sk_ver", Space: true},
		{Table: "version", Column: "dek_sealed", IDs: []string{"id", "node_id", "blob_id"}, Version: "sk_ver", Space: true},
		{Table: "thumbnail", Column: "dek_sealed", IDs: []string{"blob_id", "version_id"}, Version: "sk_ver", Space: true},
		{Table: "upload", Column: "dek_sealed", IDs: []string{"id", "blob_id"}, Version: "sk_ver", Space: true},
		{Table: "file_request", Column: "token_sealed", IDs: []string{"id"}, Version: "sk_ver", Space: true},
	}
}

// Name is "table.column".
func (c SealedColumn) Name() string { return c.Table + "." + c.Column }

// SealedRecord is one record of a SealedColumn.
type SealedRecord struct {
	SpaceID coffer.ID   // with Space, and of a space key
	IDs     []coffer.ID // as in SealedColumn.IDs
	SKVer   uint32      // of a space key only: its own version
	Version uint32      // of the key that it is sealed under
	Sealed  []byte
}

// columns are the selected columns: one list for all kinds.
func (c SealedColumn) columns() string {
	space, sk := "id", "0"
	if c.Space || c.Table == "space_key" {
		space = "space_id"
	}
	if c.Table == "space_key" {
		sk = "sk_ver"
	}
	return strings.Join(c.IDs, ", ") + ", " + space + ", CAST(" + sk + " AS BIGINT), " + c.Version + ", " + c.Column
}

func (c SealedColumn) scan(scan scan) (r SealedRecord, err error) {
	r.IDs = make([]coffer.ID, len(c.IDs))
	var dest []any
	for i := range r.IDs {
		dest = append(dest, &r.IDs[i])
	}
	err = scan(append(dest, &r.SpaceID, &r.SKVer, &r.Version, &r.Sealed)...)
	return r, err
}

// SealedBelow returns records that are sealed under an older key than target,
// at most limit. space narrows it to one space and must be given with Space.
func (tx *Tx) SealedBelow(c SealedColumn, space coffer.ID, target uint32, limit int) ([]SealedRecord, error) {
	query, args := `SELECT `+c.columns()+` FROM `+c.Table+` WHERE `+c.Version+` < $1`, []any{int64(target)}
	if c.Space {
		query, args = query+` AND space_id = $2`, append(args, space)
	}
	return collect(tx, c.scan, query+fmt.Sprintf(` ORDER BY %s, %s LIMIT %d`, c.Version, c.IDs[0], limit), args...)
}

// SealedAfter returns records in order of their first id, those above after, at
// most limit. Of a space key it would miss versions.
func (tx *Tx) SealedAfter(c SealedColumn, after coffer.ID, limit int) ([]SealedRecord, error) {
	return collect(tx, c.scan, `SELECT `+c.columns()+` FROM `+c.Table+` WHERE `+c.Version+` IS NOT NULL AND `+c.IDs[0]+` > $1
		ORDER BY `+c.IDs[0]+` LIMIT CAST($2 AS BIGINT)`, after[:], limit)
}

// CountSealed returns how many records a key has sealed; space must be given
// with Space.
func (tx *Tx) CountSealed(c SealedColumn, space coffer.ID, version uint32) (n int64, err error) {
	query, args := `SELECT CAST(COUNT(*) AS BIGINT) FROM `+c.Table+` WHERE `+c.Version+` = $1`, []any{int64(version)}
	if c.Space {
		query, args = query+` AND space_id = $2`, append(args, space)
	}
	err = tx.row(query, args...).Scan(&n)
	return n, err
}

// Reseal puts a record in the place of an older one. It does nothing when that
// has changed or gone meanwhile, and tells whether it did something.
func (tx *Tx) Reseal(c SealedColumn, old SealedRecord, version uint32, sealed []byte) (bool, error) {
	query := `UPDATE ` + c.Table + ` SET ` + c.Column + ` = $1, ` + c.Version + ` = $2 WHERE ` + c.IDs[0] + ` = $3 AND ` + c.Version + ` = $4 AND ` + c.Column + ` = $5`
	args := []any{sealed, int64(version), old.IDs[0], int64(old.Version), old.Sealed}
	if c.Table == "space_key" {
		query, args = query+` AND sk_ver = $6`, append(args, int64(old.SKVer))
	}
	n, err := tx.exec(query, args...)
	return n > 0, err
}

// CodesUnder counts codes, of unfinished sign-ups and of links, that a MAC key of
// a KEK made.
func (tx *Tx) CodesUnder(kek uint32) (n int64, err error) {
	err = tx.row(`SELECT CAST((SELECT COUNT(*) FROM signup WHERE code_kek_ver = $1) + (SELECT COUNT(*) FROM link_code WHERE kek_ver = $1) AS BIGINT)`, int64(kek)).Scan(&n)
	return n, err
}
