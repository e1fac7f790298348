package db

import (
	"strconv"

	"coffer"
)

// LinkSecrets is what is stored of a link's address and password.
type LinkSecrets struct {
	Hash   []byte // of the address
	Sealed []byte // the address, under a key of the space
	SKVer  uint32
	Password
}

// Claims that have ended and sent nothing of something count no more, before a
// job has returned them, too. $1 is the time in all queries of links.
const (
	linkTaken   = `(l.taken - CAST((SELECT COUNT(*) FROM claim AS c WHERE c.link_id = l.id AND c.sent = 0 AND c.size > 0 AND NOT c.returned AND c.ends_at <= $1) AS BIGINT))`
	linkColumns = `l.id, l.node_id, l.space_id, l.name, l.message, l.may, COALESCE(l.ends_at, 0), l.password_sealed IS NOT NULL, COALESCE(l.downloads_max, 0), ` + linkTaken + `,
		l.notify, l.version, COALESCE(l.off_at, 0), l.off_by, l.made_by, l.made_at, l.opened, COALESCE(l.opened_at, 0),
		CAST((SELECT COUNT(*) FROM link_network AS w WHERE w.link_id = l.id) AS BIGINT)`
	linkLives = `(l.off_at IS NULL AND (l.ends_at IS NULL OR l.ends_at > $1) AND (l.downloads_max IS NULL OR ` + linkTaken + ` < l.downloads_max))`
)

func linkFields(l *coffer.Link) []any {
	return []any{&l.ID, &l.NodeID, &l.SpaceID, &l.Name, &l.Message, &l.May, &l.EndsAt, &l.HasPassword, &l.DownloadsMax, &l.Taken,
		&l.Notify, &l.Version, &l.OffAt, &l.OffBy, &l.MadeBy, &l.MadeAt, &l.Opened, &l.OpenedAt, &l.Networks}
}

func scanLink(scan scan) (l coffer.Link, err error) { err = scan(linkFields(&l)...); return l, err }

// InsertLink adds a link, made now.
func (tx *Tx) InsertLink(l coffer.Link, s LinkSecrets) error {
	_, err := tx.exec(`INSERT INTO link (id, node_id, space_id, token_hash, token_sealed, sk_ver, password_sealed, kek_ver, name, message, may, ends_at, downloads_max,
			taken, notify, version, made_by, made_at, opened)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 0, $14, 1, $15, $16, 0)`,
		l.ID, l.NodeID, l.SpaceID, s.Hash, s.Sealed, int64(s.SKVer), s.Password.Sealed, orNull(int64(s.KEKVer)), l.Name, l.Message, l.May, orNull(l.EndsAt), orNull(l.DownloadsMax),
		l.Notify, l.MadeBy, tx.Now)
	return err
}

// Link returns a link.
func (tx *Tx) Link(id coffer.ID) (coffer.Link, error) {
	return scanLink(tx.row(`SELECT `+linkColumns+` FROM link AS l WHERE l.id = $2`, tx.Now, id).Scan)
}

// LinkByHash returns the link with this address.
func (tx *Tx) LinkByHash(hash []byte) (coffer.Link, error) {
	return scanLink(tx.row(`SELECT `+linkColumns+` FROM link AS l WHERE l.token_hash = $2`, tx.Now, hash).Scan)
}

// LinkSecrets returns what is stored of a link's address and password.
func (tx *Tx) LinkSecrets(id coffer.ID) (s LinkSecrets, err error) {
	err = tx.row(`SELECT token_hash, token_sealed, sk_ver, password_sealed, COALESCE(kek_ver, 0) FROM link WHERE id = $1`, id).
		Scan(&s.Hash, &s.Sealed, &s.SKVer, &s.Password.Sealed, &s.KEKVer)
	return s, err
}

// ChangeLink stores what can be changed of a link. The password is p, where
// that is not nil; one without a record is none.
func (tx *Tx) ChangeLink(l coffer.Link, p *Password) error {
	err := tx.revokeOne(`UPDATE link SET name = $2, message = $3, may = $4, ends_at = $5, downloads_max = $6, notify = $7, version = $8, off_at = $9, off_by = $10 WHERE id = $1`,
		l.ID, l.Name, l.Message, l.May, orNull(l.EndsAt), orNull(l.DownloadsMax), l.Notify, l.Version, orNull(l.OffAt), l.OffBy)
	if err != nil || p == nil {
		return err
	}
	return tx.execOne(`UPDATE link SET password_sealed = $2, kek_ver = $3 WHERE id = $1`, l.ID, p.Sealed, orNull(int64(p.KEKVer)))
}

// DeleteLink removes a link with all that is known of its visits.
func (tx *Tx) DeleteLink(id coffer.ID) error {
	return tx.revokeOne(`DELETE FROM link WHERE id = $1`, id)
}

// A LinkRow is a link with what it opens.
type LinkRow struct {
	coffer.Link
	NodeName  string
	NodeKind  coffer.NodeKind
	MakerName string // "" when the account is gone
	MakerOff  bool   // turned off, or gone
	MakerRole coffer.Role
	Named     bool  // it was made for certain people, see Recipient
	Up        int64 // of LinksOnPath: how many folders above the node
}

const (
	linkRowColumns = linkColumns + `, n.name, n.kind, COALESCE(u.name, ''), COALESCE(u.disabled, TRUE), COALESCE(u.role, ''), EXISTS (SELECT 1 FROM link_recipient AS r WHERE r.link_id = l.id)`
	linkRowFrom    = ` FROM link AS l JOIN node AS n ON n.id = l.node_id LEFT JOIN user_account AS u ON u.id = l.made_by`
)

func scanLinkRow(scan scan) (r LinkRow, err error) {
	err = scan(append(linkFields(&r.Link), &r.NodeName, &r.NodeKind, &r.MakerName, &r.MakerOff, &r.MakerRole, &r.Named)...)
	return r, err
}

// LinkRow returns a link with what it opens.
func (tx *Tx) LinkRow(id coffer.ID) (LinkRow, error) {
	return scanLinkRow(tx.row(`SELECT `+linkRowColumns+linkRowFrom+` WHERE l.id = $2`, tx.Now, id).Scan)
}

// LinksOnPath returns the links of a node and of the folders above it: those of
// the node first, made last first.
func (tx *Tx) LinksOnPath(node coffer.ID) ([]LinkRow, error) {
	return collect(tx, func(scan scan) (r LinkRow, err error) {
		err = scan(append(linkFields(&r.Link), &r.NodeName, &r.NodeKind, &r.MakerName, &r.MakerOff, &r.MakerRole, &r.Named, &r.Up)...)
		return r, err
	}, `WITH RECURSIVE up (id, parent_id, depth) AS (
			SELECT id, parent_id, 0 FROM node WHERE id = $2
			UNION ALL
			SELECT n.id, n.parent_id, up.depth + 1 FROM up JOIN node AS n ON n.id = up.parent_id WHERE up.depth < `+tooDeep+`
		)
		SELECT `+linkRowColumns+`, up.depth`+linkRowFrom+` JOIN up ON up.id = l.node_id ORDER BY up.depth, l.made_at DESC, l.id`, tx.Now, node)
}

// LinksAt returns the live links to nodes. Lists name the children that they show:
// asked for by their folder, SQLite would go through all that are in there.
func (tx *Tx) LinksAt(nodes []coffer.ID) (all []LinkRow, err error) {
	for len(nodes) > 0 && err == nil {
		args := []any{tx.Now}
		for _, id := range nodes[:min(len(nodes), peopleStep)] {
			args = append(args, id)
		}
		nodes = nodes[len(args)-1:]
		var some []LinkRow
		some, err = collect(tx, scanLinkRow, `SELECT `+linkRowColumns+linkRowFrom+` WHERE l.node_id IN (`+placeholders(2, len(args)-1)+`) AND `+linkLives, args...)
		all = append(all, some...)
	}
	return all, err
}

// LinkFilter narrows a list of links.
type LinkFilter struct {
	MadeBy coffer.ID // zero: by anybody
	State  string    // "live", "ending" (live, and ends within EndsBy), "over" (not live), "off", "ended", "used_up"; "": all
	EndsBy int64
	After  *LinkPosition
	Limit  int
}

// LinkPosition is where a list goes on.
type LinkPosition struct {
	MadeAt int64
	ID     coffer.ID
}

// Links returns links, made last first.
func (tx *Tx) Links(f LinkFilter) ([]LinkRow, error) {
	q, args := `SELECT `+linkRowColumns+linkRowFrom+` WHERE TRUE`, []any{tx.Now}
	arg := func(v any) string {
		args = append(args, v)
		return "$" + strconv.Itoa(len(args))
	}
	if !f.MadeBy.IsZero() {
		q += ` AND l.made_by = ` + arg(f.MadeBy)
	}
	switch f.State {
	case "live":
		q += ` AND ` + linkLives
	case "ending":
		q += ` AND ` + linkLives + ` AND l.ends_at <= ` + arg(f.EndsBy)
	case "over":
		q += ` AND NOT ` + linkLives
	case "off":
		q += ` AND l.off_at IS NOT NULL`
	case "ended":
		q += ` AND l.off_at IS NULL AND l.ends_at <= $1`
	case "used_up":
		q += ` AND l.off_at IS NULL AND (l.ends_at IS NULL OR l.ends_at > $1) AND l.downloads_max <= ` + linkTaken
	}
	if f.After != nil {
		at := arg(f.After.MadeAt)
		q += ` AND (l.made_at < ` + at + ` OR l.made_at = ` + at + ` AND l.id > ` + arg(f.After.ID) + `)`
	}
	return collect(tx, scanLinkRow, q+` ORDER BY l.made_at DESC, l.id LIMIT CAST(`+arg(int64(f.Limit))+` AS BIGINT)`, args...)
}

// OpenLink counts that a link was opened from a network, once in the time since:
// it reports whether it did.
func (tx *Tx) OpenLink(link coffer.ID, network string, since int64) (bool, error) {
	n, err := tx.exec(`INSERT INTO link_network (link_id, network, opened, first_at, last_at) VALUES ($1, $2, 1, $3, $3)
		ON CONFLICT (link_id, network) DO UPDATE SET opened = link_network.opened + 1, last_at = excluded.last_at WHERE link_network.last_at < $4`, link, network, tx.Now, since)
	if err != nil || n == 0 {
		return false, err
	}
	return true, tx.execOne(`UPDATE link SET opened = opened + 1, opened_at = $2 WHERE id = $1`, link, tx.Now)
}

// LinkOpenedSince reports whether a link was opened from a network since a time.
func (tx *Tx) LinkOpenedSince(link coffer.ID, network string, since int64) (yes bool, err error) {
	err = tx.row(`SELECT EXISTS (SELECT 1 FROM link_network WHERE link_id = $1 AND network = $2 AND last_at >= $3)`, link, network, since).Scan(&yes)
	return yes, err
}

// TreeSum is what lies below a folder.
type TreeSum struct{ Files, Bytes int64 }

// SumTree counts the living files below a folder.
func (tx *Tx) SumTree(folder coffer.ID) (s TreeSum, err error) {
	err = tx.row(`WITH RECURSIVE down (id, kind, size) AS (
			SELECT id, kind, size FROM node WHERE id = $1
			UNION ALL
			SELECT n.id, n.kind, n.size FROM down JOIN node AS n ON n.parent_id = down.id WHERE down.kind = 0 AND n.trashed_at IS NULL AND n.doomed_at IS NULL
		)
		SELECT CAST(COUNT(*) AS BIGINT), CAST(COALESCE(SUM(size), 0) AS BIGINT) FROM down WHERE kind = 1`, folder).Scan(&s.Files, &s.Bytes)
	return s, err
}
