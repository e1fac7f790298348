package db

// What the tests outside of the package use to write queries of their own.

func (tx *Tx) Exec(query string, args ...any) (int64, error) { return tx.exec(query, args...) }
func (tx *Tx) ExecOne(query string, args ...any) error       { return tx.execOne(query, args...) }
func (tx *Tx) Scan(query string, args []any, dest ...any) error {
	return tx.row(query, args...).Scan(dest...)
}
func (tx *Tx) Each(query string, args []any, fn func(func(...any) error) error) error {
	return tx.each(query, args, fn)
}

// Script runs statements of a schema.
func (d *DB) Script(text string) error {
	_, err := d.write.Exec(text)
	return err
}

// ForEngine is forEngine.
func ForEngine(text string, e Engine) (string, error) { return forEngine(text, e) }

// Pretend records a migration that this program does not know, as a newer one
// would have done.
func (d *DB) Pretend(version int64) error {
	_, err := d.write.Exec("INSERT INTO "+versionTable+" (version_id, is_applied) VALUES ($1, $2)", version, true)
	return err
}
