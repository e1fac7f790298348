package db

import "coffer"

// Job is a row of work to be done.
type Job struct {
	ID       coffer.ID
	Kind     string
	ObjectID coffer.ID // the only argument; may be zero
	Tries    int64     // claims so far, the present one included
	Lease    coffer.ID // proof of the claim
}

// JobInserted gets a value soon after a commit of this process that holds a
// new job. Several commits may give one value, and only one reader gets it.
func (d *DB) JobInserted() <-chan struct{} { return d.jobs }

// InsertJob adds a job that is due at a time. Inserting an id that is there
// already does nothing.
func (tx *Tx) InsertJob(id coffer.ID, kind string, object coffer.ID, at int64) error {
	tx.jobs = true
	_, err := tx.exec(`INSERT INTO job (id, kind, object_id, run_at, tries, error, created_at)
		VALUES ($1, $2, $3, $4, 0, '', $5) ON CONFLICT (id) DO NOTHING`, id, kind, object, at, tx.Now)
	return err
}

// NextJob tells when the first job of some kinds is due: a time that may have
// passed, or ErrNotFound.
func (tx *Tx) NextJob(kinds []string) (at int64, err error) {
	err = tx.row(`SELECT run_at FROM job WHERE dead_at IS NULL AND kind IN (`+placeholders(1, len(kinds))+`)
		ORDER BY run_at, id LIMIT 1`, texts(kinds)...).Scan(&at)
	return at, err
}

// ClaimJob takes the first job of some kinds that is due, until a time and for
// a fresh lease, and counts a try. ErrNotFound says that none was got: none is
// due, or (on PostgreSQL) another server was quicker with the first one.
func (tx *Tx) ClaimJob(kinds []string, lease coffer.ID, until int64) (Job, error) {
	j := Job{Lease: lease}
	// The outer condition on run_at is looked at again by PostgreSQL when it
	// had to wait for another claim of the same row: exactly one gets it.
	err := tx.row(`UPDATE job SET lease = $1, run_at = $2, tries = tries + 1
		WHERE run_at <= $3 AND id = (SELECT id FROM job WHERE dead_at IS NULL AND run_at <= $3
			AND kind IN (`+placeholders(4, len(kinds))+`) ORDER BY run_at, id LIMIT 1)
		RETURNING id, kind, object_id, tries`, append([]any{lease, until, tx.Now}, texts(kinds)...)...).
		Scan(&j.ID, &j.Kind, &j.ObjectID, &j.Tries)
	return j, err
}

// RenewJob keeps a claim until a later time. ErrNotFound says that the claim
// is lost: it ended, and the job may run elsewhere.
func (tx *Tx) RenewJob(j Job, until int64) error {
	return tx.execOne(`UPDATE job SET run_at = $1 WHERE id = $2 AND lease = $3`, until, j.ID, j.Lease)
}

// DeleteJob removes a job that is done. A lost claim changes nothing.
func (tx *Tx) DeleteJob(j Job) error {
	_, err := tx.exec(`DELETE FROM job WHERE id = $1 AND lease = $2`, j.ID, j.Lease)
	return err
}

// ReleaseJob gives a claim back: the job is due again at a time, having been
// tried so often, with the text of what went wrong. A lost claim changes nothing.
func (tx *Tx) ReleaseJob(j Job, at, tries int64, problem string) error {
	_, err := tx.exec(`UPDATE job SET lease = NULL, run_at = $1, tries = $2, error = $3 WHERE id = $4 AND lease = $5`,
		at, tries, problem, j.ID, j.Lease)
	return err
}

// BuryJob gives a job up and keeps the row. A lost claim changes nothing.
func (tx *Tx) BuryJob(j Job, problem string) error {
	_, err := tx.exec(`UPDATE job SET lease = NULL, dead_at = $1, error = $2 WHERE id = $3 AND lease = $4`,
		tx.Now, problem, j.ID, j.Lease)
	return err
}

// JobCounts tells how many jobs wait or run, and how many are dead.
func (tx *Tx) JobCounts() (living, dead int64, err error) {
	err = tx.row(`SELECT CAST(COUNT(*) - COUNT(dead_at) AS BIGINT), CAST(COUNT(dead_at) AS BIGINT) FROM job`).Scan(&living, &dead)
	return living, dead, err
}

// texts turns strings into arguments.
func texts(s []string) []any {
	args := make([]any, len(s))
	for i, v := range s {
		args[i] = v
	}
	return args
}

// CountJobs returns how many jobs wait or run, and how many were given up.
func (tx *Tx) CountJobs() (alive, dead int64, err error) {
	err = tx.row(`SELECT CAST(COUNT(*) FILTER (WHERE dead_at IS NULL) AS BIGINT), CAST(COUNT(*) FILTER (WHERE dead_at IS NOT NULL) AS BIGINT) FROM job`).Scan(&alive, &dead)
	return alive, dead, err
}
