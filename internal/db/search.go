package db

import (
	"strings"
	"unicode/utf8"

	"coffer"
)

// A NameSearch asks for nodes by a part of their names. Query and Words are
// search keys. First come the nodes whose key begins with the query, in order
// of the key, then those whose key has all words somewhere, newest first.
type NameSearch struct {
	Spaces []coffer.ID
	Query  string
	Words  []string // of the query; none is empty
	After  NamePosition
}

// NamePosition is where a search goes on. The zero position is its beginning.
type NamePosition struct {
	Rest bool   // in the second part of the order
	Key  string // of the first part
	Num  int64  // of the node's row; 0 = from the beginning of the part
}

// A NameHit is a node whose name may be one that is searched, whatever its
// state, with its position.
type NameHit struct {
	coffer.Node
	Key string
	At  NamePosition
}

const (
	searchStep   = 200   // candidates of one step
	searchWindow = 20000 // rows that one step reads where no index helps
	gram         = 3     // characters that the index knows together
	maxGrams     = 32    // of a query: enough to be selective
)

// SearchNames takes one step of a search: a few hundred candidates at most. It
// returns those that match, in order, and where the next step goes on; nil at
// the end of the search.
func (tx *Tx) SearchNames(s NameSearch) (hits []NameHit, next *NamePosition, err error) {
	if len(s.Spaces) == 0 || len(s.Words) == 0 {
		return nil, nil, nil
	}
	if !s.After.Rest {
		return tx.searchBeginning(s)
	}
	var long []string
	for _, w := range s.Words {
		if utf8.RuneCountInString(w) >= gram {
			long = append(long, w)
		}
	}
	var got []NameHit
	if len(long) == 0 {
		got, next, err = tx.searchAll(s)
	} else {
		got, err = tx.searchParts(s, long)
		next = after(got)
	}
	for _, h := range got {
		if !strings.HasPrefix(h.Key, s.Query) && hasAll(h.Key, s.Words) {
			hits = append(hits, h)
		}
	}
	return hits, next, err
}

// after is the position after a step, nil when it was the last.
func after(got []NameHit) *NamePosition {
	if len(got) < searchStep {
		return nil
	}
	at := got[len(got)-1].At
	return &at
}

func hasAll(key string, words []string) bool {
	for _, w := range words {
		if !strings.Contains(key, w) {
			return false
		}
	}
	return true
}

// searchBeginning looks in the first part of the order: an index has it.
func (tx *Tx) searchBeginning(s NameSearch) ([]NameHit, *NamePosition, error) {
	args := []any{s.Query, s.Query + "\U0010FFFF", searchStep}
	q := `SELECT s.num, s.node_id, s.search_key FROM node_search AS s WHERE s.search_key >= $1 AND s.search_key < $2`
	if s.After.Num != 0 {
		q += ` AND (s.search_key, s.num) > ($4, $5)`
		args = append(args, s.After.Key, s.After.Num)
	}
	q, args = inSpaces(q, args, s.Spaces)
	hits, err := tx.candidates(q+` ORDER BY s.search_key, s.num LIMIT CAST($3 AS BIGINT)`, `c.search_key, c.num`, false, args)
	next := after(hits)
	if next == nil {
		next = &NamePosition{Rest: true}
	}
	return hits, next, err
}

// searchParts looks for words of at least three characters, by the index of
// trigrams. It is the one query with two texts.
func (tx *Tx) searchParts(s NameSearch, words []string) ([]NameHit, error) {
	q, args := `SELECT s.num, s.node_id, s.search_key `, []any{searchStep}
	if tx.engine == Postgres {
		if _, err := tx.exec(`SET LOCAL plan_cache_mode = force_custom_plan`); err != nil { // how rare a word is decides
			return nil, err
		}
		q += `FROM node_search AS s WHERE TRUE`
		for _, w := range words {
			q += ` AND s.search_key LIKE ` + placeholders(len(args)+1, 1)
			args = append(args, `%`+likeEscape.Replace(w)+`%`)
		}
	} else {
		q += `FROM node_search_part AS p CROSS JOIN node_search AS s ON s.num = p.rowid WHERE p.node_search_part MATCH $2`
		args = append(args, match(s.Spaces, words))
	}
	if s.After.Num != 0 {
		q += ` AND s.num < ` + placeholders(len(args)+1, 1)
		if tx.engine == SQLite {
			q += ` AND p.rowid < ` + placeholders(len(args)+1, 1)
		}
		args = append(args, s.After.Num)
	}
	q, args = inSpaces(q, args, s.Spaces)
	order := `s.num`
	if tx.engine == SQLite {
		order = `p.rowid`
	}
	return tx.candidates(q+` ORDER BY `+order+` DESC LIMIT CAST($1 AS BIGINT)`, `c.num DESC`, true, args)
}

var likeEscape = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

// match writes the words as a query of FTS5: all trigrams of them, and one of
// the spaces' marks. No quote can be in a mark; those of a word are doubled.
func match(spaces []coffer.ID, words []string) string {
	var b strings.Builder
	for i, id := range spaces {
		b.WriteString([...]string{`(`, ` OR `}[min(i, 1)])
		b.WriteString(spaceMark(id))
	}
	b.WriteByte(')')
	seen := map[string]bool{}
	for _, w := range words {
		runes := []rune(w)
		for i := 0; i+gram <= len(runes) && len(seen) < maxGrams; i++ {
			g := string(runes[i : i+gram])
			if !seen[g] {
				seen[g] = true
				b.WriteString(` AND "` + strings.ReplaceAll(g, `"`, `""`) + `"`)
			}
		}
	}
	return b.String()
}

// spaceMark is three capitals, which no search key has. Two spaces may have
// the same: it saves work, it decides nothing.
func spaceMark(id coffer.ID) string {
	n := uint(id[13])<<16 | uint(id[14])<<8 | uint(id[15])
	return string([]byte{byte('A' + n%26), byte('A' + n/26%26), byte('A' + n/26/26%26)})
}

// searchAll looks for short words, which no index has, in one window of rows.
func (tx *Tx) searchAll(s NameSearch) ([]NameHit, *NamePosition, error) {
	floor := int64(0)
	for _, id := range s.Spaces {
		q, args := `SELECT num FROM node_search WHERE space_id = $1`, []any{id, searchWindow / len(s.Spaces)}
		if s.After.Num != 0 {
			q += ` AND num < $3`
			args = append(args, s.After.Num)
		}
		all, err := collect(tx, func(scan scan) (n int64, err error) { err = scan(&n); return n, err },
			q+` ORDER BY num DESC LIMIT 1 OFFSET CAST($2 AS BIGINT)`, args...)
		if err != nil {
			return nil, nil, err
		}
		if len(all) > 0 {
			floor = max(floor, all[0])
		}
	}
	q, args := `SELECT s.num, s.node_id, s.search_key FROM node_search AS s WHERE s.num >= $2 AND `+tx.contains("s.search_key", "$3"), []any{searchStep, floor, s.Words[0]}
	if s.After.Num != 0 {
		q += ` AND s.num < $4`
		args = append(args, s.After.Num)
	}
	q, args = inSpaces(q, args, s.Spaces)
	hits, err := tx.candidates(q+` ORDER BY s.num DESC LIMIT CAST($1 AS BIGINT)`, `c.num DESC`, true, args)
	next := after(hits)
	if next == nil && floor > 0 {
		next = &NamePosition{Rest: true, Num: floor}
	}
	return hits, next, err
}

func inSpaces(q string, args []any, spaces []coffer.ID) (string, []any) {
	q += ` AND s.space_id IN (` + placeholders(len(args)+1, len(spaces)) + `)`
	for _, id := range spaces {
		args = append(args, id)
	}
	return q, args
}

// candidates reads the nodes of what a query found.
func (tx *Tx) candidates(found, order string, rest bool, args []any) ([]NameHit, error) {
	return collect(tx, func(scan scan) (h NameHit, err error) {
		err = scan(append([]any{&h.At.Num, &h.Key}, nodeFields(&h.Node)...)...)
		if h.At.Rest = rest; !rest {
			h.At.Key = h.Key
		}
		return h, err
	}, `WITH c AS MATERIALIZED (`+found+`) SELECT c.num, c.search_key, `+nodeColumns+` FROM c JOIN node AS n ON n.id = c.node_id ORDER BY `+order, args...)
}

const insertSearch = `INSERT INTO node_search (node_id, space_id, space_mark, search_key) VALUES ($1, $2, $3, $4)`

// updateSearch follows a change of a name. A node without a row gets one from
// IndexName.
func (tx *Tx) updateSearch(id coffer.ID, name string) error {
	_, err := tx.exec(`UPDATE node_search SET search_key = $2 WHERE node_id = $1 AND search_key <> $2`, id, coffer.SearchKey(name))
	return err
}

// Nodes returns up to limit nodes of any state in order of id, those above
// after.
func (tx *Tx) Nodes(after coffer.ID, limit int) ([]coffer.Node, error) {
	return collect(tx, scanNode, `SELECT `+nodeColumns+` FROM node AS n WHERE n.id > $1 ORDER BY n.id LIMIT CAST($2 AS BIGINT)`, after[:], limit)
}

// IndexName makes what search knows of a node's name, for nodes from before
// there was search and for another rule of its keys. Who calls it has locked
// the space.
func (tx *Tx) IndexName(n coffer.Node) error {
	if n.Name == "" {
		return nil
	}
	_, err := tx.exec(insertSearch+` ON CONFLICT (node_id) DO UPDATE SET search_key = excluded.search_key WHERE node_search.search_key <> excluded.search_key`,
		n.ID, n.SpaceID, spaceMark(n.SpaceID), coffer.SearchKey(n.Name))
	return err
}

// settingUntidy names the setting that is there while names of deleted nodes
// may still be in SQLite's index of trigrams.
const settingUntidy = "search_untidy"

// Purging is told before many nodes are deleted. The index of trigrams removes
// a name at once only by walking over all names that share a trigram with it:
// 100,000 files called "file 7.txt" took five minutes. From now on it notes
// instead what is deleted, until TidyNames has removed it.
func (tx *Tx) Purging() error {
	if tx.engine != SQLite {
		return nil
	}
	untidy, err := tx.namesUntidy()
	if err != nil || untidy {
		return err
	}
	if err := tx.SetSetting(settingUntidy, "1"); err != nil {
		return err
	}
	return tx.removeNamesAtOnce(0)
}

func (tx *Tx) namesUntidy() (is bool, err error) {
	err = tx.row(`SELECT EXISTS (SELECT 1 FROM setting WHERE name = $1)`, settingUntidy).Scan(&is)
	return is, err
}

func (tx *Tx) removeNamesAtOnce(yes int) error {
	_, err := tx.exec(`INSERT INTO node_search_part (node_search_part, rank) VALUES ('secure-delete', $1)`, yes)
	return err
}

// tidyPages is how much of the index one step writes anew, in pages.
const tidyPages = 200

// TidyNames takes one step of removing deleted names from the index of
// trigrams, and reports whether there are more. first begins anew.
func (tx *Tx) TidyNames(first bool) (more bool, err error) {
	if untidy, err := tx.namesUntidy(); err != nil || !untidy {
		return false, err
	}
	pages := tidyPages
	if first { // all parts of the index become one
		pages = -pages
	}
	var before, after int64
	const changes = `SELECT total_changes()`
	if err := tx.row(changes).Scan(&before); err != nil {
		return false, err
	}
	if _, err := tx.exec(`INSERT INTO node_search_part (node_search_part, rank) VALUES ('usermerge', 2), ('merge', $1)`, pages); err != nil {
		return false, err
	}
	if err := tx.row(changes).Scan(&after); err != nil {
		return false, err
	}
	if after-before > 4 { // each of the two inserts counts, and what they write of themselves
		return true, nil
	}
	if _, err := tx.exec(`DELETE FROM setting WHERE name = $1`, settingUntidy); err != nil {
		return false, err
	}
	return false, tx.removeNamesAtOnce(1)
}
