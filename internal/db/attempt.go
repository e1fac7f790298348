package db

// TryLimit says how many tries a counter allows: Tries within Window, then none
// for Wait. Times in ms. A Wait of 0 lasts until the window ends.
type TryLimit struct {
	Tries  int64
	Window int64
	Wait   int64
}

// CountTry counts one try and returns until when it is refused, 0 when it is
// allowed. One statement: tries at the same moment are each counted, and exactly
// Tries of them are allowed. A try while refused does not make the wait longer.
func (tx *Tx) CountTry(counter string, l TryLimit) (refusedUntil int64, err error) {
	// over: the window, or the wait that ended it, is past; the count begins anew.
	const over = `(CASE WHEN attempt.blocked_until > 0 THEN attempt.blocked_until ELSE attempt.window_until END) <= CAST($2 AS BIGINT)`
	const wait = `(CASE WHEN CAST($4 AS BIGINT) > 0 THEN CAST($2 AS BIGINT) + CAST($4 AS BIGINT) ELSE `
	const q = `INSERT INTO attempt (counter, tries, window_until, blocked_until)
		VALUES ($1, 1, CAST($2 AS BIGINT) + CAST($3 AS BIGINT), CASE WHEN CAST($5 AS BIGINT) <= 1 THEN ` + wait + `CAST($2 AS BIGINT) + CAST($3 AS BIGINT) END) ELSE 0 END)
		ON CONFLICT (counter) DO UPDATE SET
			tries = CASE WHEN ` + over + ` THEN 1 WHEN attempt.tries > CAST($5 AS BIGINT) THEN attempt.tries ELSE attempt.tries + 1 END,
			window_until = CASE WHEN ` + over + ` THEN excluded.window_until ELSE attempt.window_until END,
			blocked_until = CASE
				WHEN ` + over + ` THEN excluded.blocked_until
				WHEN attempt.tries + 1 = CAST($5 AS BIGINT) THEN ` + wait + `attempt.window_until END)
				ELSE attempt.blocked_until END
		RETURNING tries, blocked_until`
	var tries, blocked int64
	if err := tx.row(q, counter, tx.Now, l.Window, l.Wait, l.Tries).Scan(&tries, &blocked); err != nil {
		return 0, err
	}
	if tries > l.Tries {
		return blocked, nil
	}
	return 0, nil
}

// UndoTry takes one try back: it was not a guess.
func (tx *Tx) UndoTry(counter string, l TryLimit) error {
	_, err := tx.exec(`UPDATE attempt SET tries = tries - 1, blocked_until = CASE WHEN tries <= $2 THEN 0 ELSE blocked_until END
		WHERE counter = $1 AND tries > 0`, counter, l.Tries)
	return err
}

// ForgetTries begins a counter anew.
func (tx *Tx) ForgetTries(counter string) error {
	_, err := tx.exec(`DELETE FROM attempt WHERE counter = $1`, counter)
	return err
}

// PurgeTries removes counters that hold nobody back any more.
func (tx *Tx) PurgeTries() error {
	_, err := tx.exec(`DELETE FROM attempt WHERE window_until <= $1 AND blocked_until <= $1`, tx.Now)
	return err
}
