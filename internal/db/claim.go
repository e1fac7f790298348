package db

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"coffer"
)

// Visit is a browser that came by a link.
type Visit struct {
	ID          coffer.ID
	LinkID      coffer.ID
	RecipientID coffer.ID
	Version     int64 // of the link, when it began
	ProvedAt    int64 // when the password was typed; 0 = there was none
	Address     string
	BeganAt     int64
	ExpiresAt   int64
}

// InsertVisit begins a visit. hash is of its cookie.
func (tx *Tx) InsertVisit(v Visit, hash []byte) error {
	_, err := tx.exec(`INSERT INTO visit (id, link_id, recipient_id, token_hash, version, proved_at, address, began_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, v.ID, v.LinkID, v.RecipientID, hash, v.Version, orNull(v.ProvedAt), v.Address, tx.Now, v.ExpiresAt)
	return err
}

// VisitByHash returns a visit of a link, of its version, that has not ended.
func (tx *Tx) VisitByHash(hash []byte, link coffer.ID, version int64) (v Visit, err error) {
	err = tx.row(`SELECT id, link_id, recipient_id, version, COALESCE(proved_at, 0), address, began_at, expires_at FROM visit
		WHERE token_hash = $1 AND link_id = $2 AND version = $3 AND expires_at > $4`, hash, link, version, tx.Now).
		Scan(&v.ID, &v.LinkID, &v.RecipientID, &v.Version, &v.ProvedAt, &v.Address, &v.BeganAt, &v.ExpiresAt)
	return v, err
}

// ProveVisit notes that the password of a visit's link was typed again.
func (tx *Tx) ProveVisit(id coffer.ID, until int64) error {
	return tx.execOne(`UPDATE visit SET proved_at = $2, expires_at = CASE WHEN expires_at < $3 THEN $3 ELSE expires_at END WHERE id = $1`, id, tx.Now, until)
}

// ExtendVisit lets a visit last until a time at least.
func (tx *Tx) ExtendVisit(id coffer.ID, until int64) error {
	return tx.execOne(`UPDATE visit SET expires_at = CASE WHEN expires_at < $2 THEN $2 ELSE expires_at END WHERE id = $1`, id, until)
}

// PurgeVisits removes visits that have ended.
func (tx *Tx) PurgeVisits() error {
	_, err := tx.exec(`DELETE FROM visit WHERE expires_at <= $1`, tx.Now)
	return err
}

// Claim is a download that a visitor of a link has begun.
type Claim struct {
	ID        coffer.ID
	LinkID    coffer.ID
	VisitID   coffer.ID
	NodeID    coffer.ID
	VersionID coffer.ID // zero: the node and all below, as a ZIP
	Name      string    // of what is sent
	Size      int64
	Sent      int64
	Ranges    string
	Network   string
	MadeAt    int64
	LastAt    int64
	EndsAt    int64
	Returned  bool
}

const claimColumns = `id, link_id, visit_id, node_id, version_id, name, size, sent, ranges, network, made_at, last_at, ends_at, returned`

func scanClaim(scan scan) (c Claim, err error) {
	err = scan(&c.ID, &c.LinkID, &c.VisitID, &c.NodeID, &c.VersionID, &c.Name, &c.Size, &c.Sent, &c.Ranges, &c.Network, &c.MadeAt, &c.LastAt, &c.EndsAt, &c.Returned)
	return c, err
}

// TakeDownload takes one of the downloads of a link: it reports false where none
// is left. One statement decides, whoever else tries at the same moment.
func (tx *Tx) TakeDownload(link coffer.ID, version int64) (bool, error) {
	n, err := tx.exec(`UPDATE link SET taken = taken + 1 WHERE id = $1 AND version = $2 AND off_at IS NULL AND (ends_at IS NULL OR ends_at > $3)
		AND (downloads_max IS NULL OR taken < downloads_max)`, link, version, tx.Now)
	return n > 0, err
}

// ReturnClaims gives back the downloads of a link (zero: of all) that ended and
// sent nothing. One of nothing was whole as it began.
func (tx *Tx) ReturnClaims(link coffer.ID) error {
	links, err := collect(tx, func(scan scan) (id coffer.ID, err error) { err = scan(&id); return id, err },
		`SELECT DISTINCT link_id FROM claim WHERE sent = 0 AND size > 0 AND NOT returned AND ends_at <= $1 ORDER BY link_id`, tx.Now)
	if err != nil {
		return err
	}
	for _, id := range links {
		if !link.IsZero() && id != link {
			continue
		}
		// The link's row first: whoever takes or returns waits for it.
		if err := tx.execOne(`UPDATE link SET taken = taken WHERE id = $1`, id); err != nil {
			return err
		}
		n, err := tx.exec(`UPDATE claim SET returned = TRUE WHERE link_id = $1 AND sent = 0 AND size > 0 AND NOT returned AND ends_at <= $2`, id, tx.Now)
		if err != nil {
			return err
		}
		if err := tx.execOne(`UPDATE link SET taken = taken - $2 WHERE id = $1`, id, n); err != nil {
			return err
		}
	}
	return nil
}

// InsertClaim adds a download, made now.
func (tx *Tx) InsertClaim(c Claim) error {
	_, err := tx.exec(`INSERT INTO claim (`+claimColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, 0, '', $8, $9, $9, $10, FALSE)`,
		c.ID, c.LinkID, c.VisitID, c.NodeID, c.VersionID, c.Name, c.Size, c.Network, tx.Now, c.EndsAt)
	return err
}

// Claim returns a download of a visit that has not ended.
func (tx *Tx) Claim(visit, id coffer.ID) (Claim, error) {
	return scanClaim(tx.row(`SELECT `+claimColumns+` FROM claim WHERE id = $1 AND visit_id = $2 AND ends_at > $3 AND NOT returned`, id, visit, tx.Now).Scan)
}

// ClaimsOf returns the downloads of a visit that have not ended, made last first.
func (tx *Tx) ClaimsOf(visit coffer.ID) ([]Claim, error) {
	return collect(tx, scanClaim, `SELECT `+claimColumns+` FROM claim WHERE visit_id = $1 AND ends_at > $2 AND NOT returned ORDER BY made_at DESC, id`, visit, tx.Now)
}

// SpendClaim takes n bytes of what a download may still send: false where that
// is not so many.
func (tx *Tx) SpendClaim(id coffer.ID, n, most int64) (bool, error) {
	rows, err := tx.exec(`UPDATE claim SET sent = sent + CAST($2 AS BIGINT), last_at = $4 WHERE id = $1 AND NOT returned AND sent + CAST($2 AS BIGINT) <= CAST($3 AS BIGINT)`, id, n, most, tx.Now)
	return rows > 0, err
}

// SettleClaim gives back the bytes that were not sent after all, and remembers
// those that were: n from off on. It reports whether all of it was sent by that.
func (tx *Tx) SettleClaim(id coffer.ID, unsent, off, n int64) (finished bool, err error) {
	// The row is this transaction's from here on, or two would lose a range.
	if err := tx.execOne(`UPDATE claim SET sent = sent - $2, last_at = $3 WHERE id = $1`, id, unsent, tx.Now); err != nil {
		return false, err
	}
	if n == 0 {
		return false, nil
	}
	c, err := scanClaim(tx.row(`SELECT `+claimColumns+` FROM claim WHERE id = $1`, id).Scan)
	if err != nil {
		return false, err
	}
	before := c.StoppedAt()
	c.Ranges = addRange(c.Ranges, off, off+n-1)
	return before < c.Size && c.StoppedAt() >= c.Size, tx.execOne(`UPDATE claim SET ranges = $2 WHERE id = $1`, id, c.Ranges)
}

// span is a stretch of bytes, ends included.
type span struct{ first, last int64 }

// maxRanges bounds what is remembered of one download: the later ones of a
// client that hops about are forgotten.
const maxRanges = 200

// addRange adds a stretch to the text of many, sorted and joined.
func addRange(text string, first, last int64) string {
	all := append(readRanges(text), span{first, last})
	slices.SortFunc(all, func(a, b span) int { return cmp.Compare(a.first, b.first) })
	joined := all[:1]
	for _, s := range all[1:] {
		if end := &joined[len(joined)-1]; s.first <= end.last+1 {
			end.last = max(end.last, s.last)
		} else {
			joined = append(joined, s)
		}
	}
	var b strings.Builder
	for i, s := range joined[:min(len(joined), maxRanges)] {
		if i > 0 {
			b.WriteByte(' ')
		}
		fmt.Fprintf(&b, "%d-%d", s.first, s.last)
	}
	return b.String()
}

func readRanges(text string) (all []span) {
	for one := range strings.FieldsSeq(text) {
		var s span
		if _, err := fmt.Sscanf(one, "%d-%d", &s.first, &s.last); err == nil {
			all = append(all, s)
		}
	}
	return all
}

// StoppedAt is how many bytes of a download were sent without a gap from its
// beginning on: all of them when it is finished.
func (c Claim) StoppedAt() int64 {
	if all := readRanges(c.Ranges); len(all) > 0 && all[0].first == 0 {
		return all[0].last + 1
	}
	return 0
}

// TriesLeft tells how many tries a counter still allows.
func (tx *Tx) TriesLeft(counter string, l TryLimit) (left int64, err error) {
	err = tx.row(`SELECT CAST(COALESCE((SELECT CASE WHEN (CASE WHEN blocked_until > 0 THEN blocked_until ELSE window_until END) <= $2 THEN 0 ELSE tries END
		FROM attempt WHERE counter = $1), 0) AS BIGINT)`, counter, tx.Now).Scan(&left)
	return max(0, l.Tries-left), err
}
