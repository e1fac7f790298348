package db

import (
	"encoding/json"

	"coffer"
)

// The states of work. In the last three it is over.
const (
	WorkWaiting   = "waiting"
	WorkRunning   = "running"
	WorkDone      = "done"
	WorkFailed    = "failed"
	WorkCancelled = "cancelled"
)

// Work is a batch that goes on step by step.
type Work struct {
	ID        coffer.ID
	UserID    coffer.ID
	Address   string
	Request   string
	Op        string
	NodeIDs   []coffer.ID
	To        coffer.ID
	IfExists  coffer.IfExists
	SpaceID   coffer.ID // of To
	Reserved  int64
	State     string
	Done      int64 // nodes
	Total     int64
	Item      int       // index of NodeIDs
	RootID    coffer.ID // hidden copy of the item; zero: not begun
	Nodes     int64     // made below it
	Path      []byte
	Results   []WorkResult
	CreatedAt int64
}

// WorkResult is what became of one item: a node, or the error's parts.
type WorkResult struct {
	ID   coffer.ID    `json:"id"`
	Node coffer.ID    `json:"node,omitzero"`
	Kind coffer.Kind  `json:"kind,omitempty"`
	Code string       `json:"code,omitempty"`
	Msg  string       `json:"msg,omitempty"`
	Room *coffer.Room `json:"room,omitempty"`
}

// Over reports whether nothing happens any more.
func (w Work) Over() bool { return w.State != WorkWaiting && w.State != WorkRunning }

const workColumns = `id, user_id, address, request, op, node_ids, to_id, if_exists, space_id, reserved, state, done, total, item, root_id, nodes, path, results, created_at`

func scanWork(scan scan) (w Work, err error) {
	var ids []byte
	var results string
	err = scan(&w.ID, &w.UserID, &w.Address, &w.Request, &w.Op, &ids, &w.To, &w.IfExists, &w.SpaceID, &w.Reserved, &w.State, &w.Done, &w.Total,
		&w.Item, &w.RootID, &w.Nodes, &w.Path, &results, &w.CreatedAt)
	if err != nil {
		return w, err
	}
	w.NodeIDs = splitIDs(ids)
	return w, json.Unmarshal([]byte(results), &w.Results)
}

// joinIDs and splitIDs keep a list of ids in one column.
func joinIDs(ids []coffer.ID) []byte {
	raw := make([]byte, 0, len(ids)*len(coffer.ID{}))
	for _, id := range ids {
		raw = append(raw, id[:]...)
	}
	return raw
}

func splitIDs(raw []byte) (ids []coffer.ID) {
	for n := len(coffer.ID{}); len(raw) >= n; raw = raw[n:] {
		ids = append(ids, coffer.ID(raw[:n]))
	}
	return ids
}

// InsertWork adds work that waits, made now. Its reserved bytes are taken by
// the caller.
func (tx *Tx) InsertWork(w Work) error {
	_, err := tx.exec(`INSERT INTO work (`+workColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0, $12, 0, NULL, 0, $13, '[]', $14)`,
		w.ID, w.UserID, w.Address, w.Request, w.Op, joinIDs(w.NodeIDs), w.To, w.IfExists, w.SpaceID, w.Reserved, WorkWaiting, w.Total, []byte{}, tx.Now)
	return err
}

// Work returns work by its id.
func (tx *Tx) Work(id coffer.ID) (Work, error) {
	return scanWork(tx.row(`SELECT `+workColumns+` FROM work WHERE id = $1`, id).Scan)
}

// WorkOf returns up to limit works of a person, newest first.
func (tx *Tx) WorkOf(user coffer.ID, limit int) ([]Work, error) {
	return collect(tx, scanWork, `SELECT `+workColumns+` FROM work WHERE user_id = $1 ORDER BY created_at DESC, id DESC LIMIT CAST($2 AS BIGINT)`, user, limit)
}

// CountWork returns how many works of a person are not over.
func (tx *Tx) CountWork(user coffer.ID) (n int64, err error) {
	err = tx.row(`SELECT CAST(COUNT(*) AS BIGINT) FROM work WHERE user_id = $1 AND ended_at IS NULL`, user).Scan(&n)
	return n, err
}

// SetWork stores how far work is. coffer.ErrNotFound: it is gone.
func (tx *Tx) SetWork(w Work) error {
	results, err := json.Marshal(w.Results)
	if err != nil {
		return err
	}
	if w.Results == nil {
		results = []byte("[]")
	}
	if w.Path == nil {
		w.Path = []byte{}
	}
	var ended int64
	if w.Over() {
		ended = tx.Now
	}
	return tx.execOne(`UPDATE work SET reserved = $2, state = $3, done = $4, item = $5, root_id = $6, nodes = $7, path = $8, results = $9, ended_at = $10 WHERE id = $1`,
		w.ID, w.Reserved, w.State, w.Done, w.Item, w.RootID, w.Nodes, w.Path, string(results), orNull(ended))
}

// StaleWork returns up to limit works that began before a time and are not over.
func (tx *Tx) StaleWork(before int64, limit int) ([]Work, error) {
	return collect(tx, scanWork, `SELECT `+workColumns+` FROM work WHERE ended_at IS NULL AND created_at < $1 ORDER BY id LIMIT CAST($2 AS BIGINT)`, before, limit)
}

// PurgeWork forgets work that is over since before a time.
func (tx *Tx) PurgeWork(before int64) error {
	_, err := tx.exec(`DELETE FROM work WHERE ended_at < $1`, before)
	return err
}

// FileContent is a file with its current version.
type FileContent struct {
	coffer.Node
	Content Version
}

// FilesByID returns up to limit living files of a folder with their contents in
// order of id, those above after.
func (tx *Tx) FilesByID(parent, after coffer.ID, limit int) ([]FileContent, error) {
	return collect(tx, func(scan scan) (f FileContent, err error) {
		v := &f.Content
		err = scan(append(nodeFields(&f.Node), &v.ID, &v.NodeID, &v.SpaceID, &v.Number, &v.BlobID, &v.Size, &v.MediaType, &v.DEK, &v.SKVer, &v.CreatedBy, &v.CreatedAt, &v.Keep)...)
		return f, err
	}, `SELECT `+nodeColumns+`, `+versionColumns+` FROM node AS n JOIN version AS v ON v.id = n.version_id
		WHERE n.parent_id = $1 AND n.id > $2 AND n.kind = 1 AND n.trashed_at IS NULL ORDER BY n.id LIMIT CAST($3 AS BIGINT)`, parent, after[:], limit)
}

// FolderByID returns the first living folder of a folder in order of id above
// after; coffer.ErrNotFound when there is none.
func (tx *Tx) FolderByID(parent, after coffer.ID) (coffer.Node, error) {
	return scanNode(tx.row(`SELECT `+nodeColumns+` FROM node AS n
		WHERE n.parent_id = $1 AND n.id > $2 AND n.kind = 0 AND n.trashed_at IS NULL ORDER BY n.id LIMIT 1`, parent, after[:]).Scan)
}
