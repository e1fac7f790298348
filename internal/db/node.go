package db

import "coffer"

const nodeColumns = `n.id, n.space_id, n.parent_id, n.kind, n.name, n.child_count, n.size, n.version_id, n.media_type, n.rev,
	n.created_by, n.changed_by, n.created_at, n.changed_at, COALESCE(n.trashed_at, 0), n.trashed_by`

func nodeFields(n *coffer.Node) []any {
	return []any{&n.ID, &n.SpaceID, &n.ParentID, &n.Kind, &n.Name, &n.ChildCount, &n.Size, &n.VersionID, &n.MediaType, &n.Rev,
		&n.CreatedBy, &n.ChangedBy, &n.CreatedAt, &n.ChangedAt, &n.TrashedAt, &n.TrashedBy}
}

func scanNode(scan scan) (n coffer.Node, err error) { err = scan(nodeFields(&n)...); return n, err }

// InsertNode adds a living node with the given times and people, ErrTaken when
// a living sibling has its name. The keys of the name are made here.
func (tx *Tx) InsertNode(n coffer.Node) error { return tx.insertNode(n, 0) }

// InsertHidden adds a node that is in no folder and that nobody can see. If it
// is not shown by ShowNode before the time until, it is deleted for ever.
func (tx *Tx) InsertHidden(n coffer.Node, until int64) error {
	n.ParentID, n.TrashedAt = coffer.ID{}, tx.Now
	return tx.insertNode(n, until)
}

func (tx *Tx) insertNode(n coffer.Node, doomedAt int64) error {
	_, err := tx.exec(`INSERT INTO node (id, space_id, parent_id, kind, name, name_key, sort_key, child_count, size, media_type, version_id,
		rev, created_by, changed_by, created_at, changed_at, trashed_at, trashed_by, doomed_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 1, $12, $13, $14, $15, $16, $17, $18)`,
		n.ID, n.SpaceID, n.ParentID, int64(n.Kind), n.Name, coffer.NameKey(n.Name), coffer.SortKey(n.Name), n.ChildCount, n.Size, n.MediaType, n.VersionID,
		n.CreatedBy, n.ChangedBy, n.CreatedAt, n.ChangedAt, orNull(n.TrashedAt), n.TrashedBy, orNull(doomedAt))
	if err != nil || n.Name == "" { // nobody searches a root
		return err
	}
	_, err = tx.exec(insertSearch, n.ID, n.SpaceID, spaceMark(n.SpaceID), coffer.SearchKey(n.Name))
	return err
}

// tooDeep ends a walk upwards: no tree is so deep, but rows that somebody else
// changed could lead in a circle.
const tooDeep = "4096"

// Place is where a node stands: all that a decision about it looks at.
type Place struct {
	Node        coffer.Node
	Space       coffer.Space
	Held        []coffer.Held // the grants that count for the viewer
	Depth       int64         // folders above it; 0 for a root
	Doomed      bool          // it is deleted for ever itself
	doomedAbove bool          // a folder above it is
	trashAbove  bool          // a folder above it is in the trash
}

// Living reports whether the node is in its space's tree.
func (p Place) Living() bool {
	return p.Node.TrashedAt == 0 && !p.Doomed && !p.doomedAbove && !p.trashAbove
}

// Trashed reports whether the node itself was put into the trash and is still
// there, whatever became of the folder that it was in.
func (p Place) Trashed() bool { return p.Node.TrashedAt != 0 && !p.Doomed }

// State says where the node is in its life.
func (p Place) State() coffer.State {
	switch {
	case p.Living():
		return coffer.Living
	case p.Trashed():
		return coffer.InTrash
	}
	return coffer.Removed
}

// Place returns a node with its space, what the folders above say of it, and
// the living grants on it and on them that count for a viewer: one query.
func (tx *Tx) Place(id, viewer coffer.ID) (p Place, err error) {
	found := false
	err = tx.each(`WITH RECURSIVE up (id, parent_id, trashed_at, doomed_at, depth) AS (
			SELECT id, parent_id, trashed_at, doomed_at, 0 FROM node WHERE id = $3
			UNION ALL
			SELECT n.id, n.parent_id, n.trashed_at, n.doomed_at, up.depth + 1 FROM up JOIN node AS n ON n.id = up.parent_id WHERE up.depth < `+tooDeep+`
		), above (depth, doomed, doomed_above, trash_above) AS (
			SELECT CAST(MAX(depth) AS BIGINT),
				CAST(SUM(CASE WHEN depth = 0 AND doomed_at IS NOT NULL THEN 1 ELSE 0 END) AS BIGINT),
				CAST(SUM(CASE WHEN depth > 0 AND doomed_at IS NOT NULL THEN 1 ELSE 0 END) AS BIGINT),
				CAST(SUM(CASE WHEN depth > 0 AND trashed_at IS NOT NULL THEN 1 ELSE 0 END) AS BIGINT) FROM up
		), held (depth, role, until) AS (
			SELECT up.depth, g.role, COALESCE(g.until, 0) FROM up JOIN grants AS g ON g.node_id = up.id WHERE `+grantLives+` AND `+grantNames+`
		)
		SELECT `+nodeColumns+`, `+spaceColumns+`, above.depth, above.doomed, above.doomed_above, above.trash_above,
			COALESCE(held.depth, -1), COALESCE(held.role, ''), COALESCE(held.until, 0)
		FROM node AS n JOIN space ON space.id = n.space_id CROSS JOIN above LEFT JOIN held ON TRUE WHERE n.id = $3`,
		[]any{tx.Now, viewer, id}, func(scan scan) error {
			found = true
			var doomed, doomedAbove, trashAbove int64
			var h coffer.Held
			fields := append(nodeFields(&p.Node), spaceFields(&p.Space)...)
			err := scan(append(fields, &p.Depth, &doomed, &doomedAbove, &trashAbove, &h.Up, (*accessName)(&h.Access), &h.Until)...)
			p.Doomed, p.doomedAbove, p.trashAbove = doomed > 0, doomedAbove > 0, trashAbove > 0
			if h.Up >= 0 {
				p.Held = append(p.Held, h)
			}
			return err
		})
	if err == nil && !found {
		err = coffer.ErrNotFound
	}
	return p, err
}

// Node returns a node by its id, whatever its state.
func (tx *Tx) Node(id coffer.ID) (coffer.Node, error) {
	return scanNode(tx.row(`SELECT `+nodeColumns+` FROM node AS n WHERE n.id = $1`, id).Scan)
}

// Crumb is one folder on a way from the root.
type Crumb struct {
	ID   coffer.ID
	Name string
}

// Above returns the folders from the top down to the parent of a node, that is
// none for a root.
func (tx *Tx) Above(id coffer.ID) ([]Crumb, error) {
	return collect(tx, func(scan scan) (c Crumb, err error) { err = scan(&c.ID, &c.Name); return c, err },
		`WITH RECURSIVE up (id, parent_id, name, depth) AS (
			SELECT id, parent_id, name, 0 FROM node WHERE id = $1
			UNION ALL
			SELECT n.id, n.parent_id, n.name, up.depth + 1 FROM up JOIN node AS n ON n.id = up.parent_id WHERE up.depth < `+tooDeep+`
		) SELECT id, name FROM up WHERE depth > 0 ORDER BY depth DESC`, id)
}

// ChildNamed returns the living child of a folder that has the key of a name.
func (tx *Tx) ChildNamed(parent coffer.ID, name string) (coffer.Node, error) {
	return scanNode(tx.row(`SELECT `+nodeColumns+` FROM node AS n WHERE n.parent_id = $1 AND n.name_key = $2 AND n.trashed_at IS NULL`,
		parent, coffer.NameKey(name)).Scan)
}

// Height returns how many levels of folders lie below a folder, at most limit.
func (tx *Tx) Height(id coffer.ID, limit int64) (h int64, err error) {
	err = tx.row(`WITH RECURSIVE down (id, depth) AS (
			SELECT id, 0 FROM node WHERE id = $1
			UNION ALL
			SELECT n.id, down.depth + 1 FROM down JOIN node AS n ON n.parent_id = down.id
			WHERE n.kind = 0 AND n.trashed_at IS NULL AND down.depth < $2
		) SELECT CAST(MAX(depth) AS BIGINT) FROM down`, id, limit).Scan(&h)
	return h, err
}

// Subtree returns the number of living nodes from a living node downwards,
// itself included, and the bytes of their current versions.
func (tx *Tx) Subtree(id coffer.ID) (nodes, bytes int64, err error) {
	err = tx.row(`WITH RECURSIVE down (id, size) AS (
			SELECT id, size FROM node WHERE id = $1
			UNION ALL
			SELECT n.id, n.size FROM down JOIN node AS n ON n.parent_id = down.id WHERE n.trashed_at IS NULL
		) SELECT CAST(COUNT(*) AS BIGINT), CAST(COALESCE(SUM(size), 0) AS BIGINT) FROM down`, id).Scan(&nodes, &bytes)
	return nodes, bytes, err
}

// ChildrenByID returns up to limit living children of a folder in order of id,
// those above after: the way to visit all while they may be renamed.
func (tx *Tx) ChildrenByID(parent, after coffer.ID, limit int) ([]coffer.Node, error) {
	return collect(tx, scanNode, `SELECT `+nodeColumns+` FROM node AS n
		WHERE n.parent_id = $1 AND n.id > $2 AND n.trashed_at IS NULL ORDER BY n.id LIMIT CAST($3 AS BIGINT)`, parent, after[:], limit)
}

// AddChildren corrects the number of living children of a folder.
func (tx *Tx) AddChildren(id coffer.ID, by int64) error {
	return tx.execOne(`UPDATE node SET child_count = child_count + $2 WHERE id = $1`, id, by)
}

// RenameNode gives a node another name.
func (tx *Tx) RenameNode(id coffer.ID, name string, by coffer.ID) error {
	err := tx.execOne(`UPDATE node SET name = $2, name_key = $3, sort_key = $4, rev = rev + 1, changed_by = $5, changed_at = $6 WHERE id = $1`,
		id, name, coffer.NameKey(name), coffer.SortKey(name), by, tx.Now)
	if err != nil {
		return err
	}
	return tx.updateSearch(id, name)
}

// PlaceNode puts a node, from wherever it is, into a folder under a name. It
// lives there then. Counting children is the caller's.
func (tx *Tx) PlaceNode(id, parent coffer.ID, name string) error {
	err := tx.revokeOne(`UPDATE node SET parent_id = $2, name = $3, name_key = $4, sort_key = $5, rev = rev + 1,
		trashed_at = NULL, trashed_by = NULL, doomed_at = NULL WHERE id = $1`,
		id, parent, name, coffer.NameKey(name), coffer.SortKey(name))
	if err != nil {
		return err
	}
	return tx.updateSearch(id, name)
}

// SetContent tells a file's row which version is current.
func (tx *Tx) SetContent(id coffer.ID, v coffer.Version) error {
	return tx.execOne(`UPDATE node SET version_id = $2, size = $3, media_type = $4, rev = rev + 1, changed_by = $5, changed_at = $6 WHERE id = $1`,
		id, v.ID, v.Size, v.MediaType, v.CreatedBy, v.CreatedAt)
}

// ExtendHidden gives a node of InsertHidden more time. It is ErrNotFound when
// its time is over.
func (tx *Tx) ExtendHidden(id coffer.ID, until int64) error {
	return tx.execOne(`UPDATE node SET doomed_at = $2 WHERE id = $1 AND doomed_at > $3`, id, until, tx.Now)
}

// NodeTree is what a check of the tree's counters looks at.
type NodeTree struct {
	Node     coffer.Node
	Children int64 // living children, counted
	Parent   bool  // parent_id names a folder of the same space
	Content  bool  // version_id names a version of the file, and the rows agree
	NameKey  []byte
	Search   string // what search knows of the name; "" when nothing
}

// NodeTrees returns up to limit nodes in order of id, those above after, with
// recounted children.
func (tx *Tx) NodeTrees(after coffer.ID, limit int) ([]NodeTree, error) {
	return collect(tx, func(scan scan) (t NodeTree, err error) {
		err = scan(append(nodeFields(&t.Node), &t.Children, &t.Parent, &t.Content, &t.NameKey, &t.Search)...)
		return t, err
	}, `SELECT `+nodeColumns+`,
			CAST((SELECT COUNT(*) FROM node AS c WHERE c.parent_id = n.id AND c.trashed_at IS NULL) AS BIGINT),
			EXISTS (SELECT 1 FROM node AS p WHERE p.id = n.parent_id AND p.space_id = n.space_id AND p.kind = 0),
			EXISTS (SELECT 1 FROM version AS v WHERE v.id = n.version_id AND v.node_id = n.id AND v.space_id = n.space_id
				AND v.size = n.size AND v.media_type = n.media_type),
			n.name_key, COALESCE((SELECT s.search_key FROM node_search AS s WHERE s.node_id = n.id AND s.space_id = n.space_id), '')
		FROM node AS n WHERE n.id > $1 ORDER BY n.id LIMIT CAST($2 AS BIGINT)`, after[:], limit)
}

// BelowDoomed reports whether a node or a folder above it is deleted for ever.
func (tx *Tx) BelowDoomed(id coffer.ID) (bool, error) {
	p, err := tx.Place(id, coffer.ID{})
	return p.Doomed || p.doomedAbove, err
}

// CountTree returns how many nodes a space has, and how many of them hang on
// its root or on a node in the trash that is in no folder: all, unless folders
// lie in each other.
func (tx *Tx) CountTree(space coffer.ID) (all, reached int64, err error) {
	err = tx.row(`WITH RECURSIVE down (id) AS (
			SELECT n.id FROM node AS n JOIN space AS s ON s.id = n.space_id
			WHERE n.space_id = $1 AND n.parent_id IS NULL AND (n.id = s.root_id OR n.trashed_at IS NOT NULL)
			UNION ALL
			SELECT n.id FROM down JOIN node AS n ON n.parent_id = down.id
		) SELECT CAST((SELECT COUNT(*) FROM node WHERE space_id = $1) AS BIGINT), CAST(COUNT(*) AS BIGINT) FROM down`, space).Scan(&all, &reached)
	return all, reached, err
}
