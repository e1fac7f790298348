package db

import "coffer"

// A PersonOn is a person on a node: what one grant on the node, or on a folder
// above it, gives them, or that they own the space. It is not decided whether
// they may open it by that.
type PersonOn struct {
	Node  coffer.ID // what it stands on
	Up    int64     // folders above the node asked about; 0 = the node itself; -1 = one of the others asked about; -2 = owner of the space
	User  coffer.User
	Grant coffer.Grant // zero for the owner
	Group string       // by which they have it; "" by name
	From  string       // name of what it stands on; "" of a child
}

// PeopleOn returns everybody who stands on a node by living grants, groups
// unfolded, and whoever owns its space; and who stands on each of the others,
// which are its children, by grants on these. One query for a usual page of a
// list: more at a time take SQLite longer to name than to find.
func (tx *Tx) PeopleOn(node coffer.ID, others []coffer.ID) ([]PersonOn, error) {
	return tx.inSteps(node, others, false)
}

// CountOn is PeopleOn for who only counts: without names, and what several
// grants on the way to the node say of somebody in the same words is said once,
// as of the node itself.
func (tx *Tx) CountOn(node coffer.ID, others []coffer.ID) ([]PersonOn, error) {
	return tx.inSteps(node, others, true)
}

func (tx *Tx) inSteps(node coffer.ID, others []coffer.ID, brief bool) ([]PersonOn, error) {
	all, err := tx.peopleOn(node, others[:min(len(others), peopleStep)], brief)
	for len(others) > peopleStep && err == nil {
		others = others[peopleStep:]
		var more []PersonOn
		more, err = tx.peopleOn(coffer.ID{}, others[:min(len(others), peopleStep)], brief)
		all = append(all, more...)
	}
	return all, err
}

// peopleStep is how many children one query names.
const peopleStep = 200

func (tx *Tx) peopleOn(node coffer.ID, others []coffer.ID, brief bool) ([]PersonOn, error) {
	args := []any{tx.Now, node}
	these := `FALSE`
	if len(others) > 0 {
		these = `g.node_id IN (` + placeholders(3, len(others)) + `)`
		for _, id := range others {
			args = append(args, id)
		}
	}
	columns, order := `given.node_id, given.depth, given.node_name, given.grant_id, given.group_id, given.role, given.until, given.group_name,
			u.id, u.name, u.email, u.role, u.disabled`, ` ORDER BY given.depth, given.grant_id`
	if brief {
		columns, order = `DISTINCT CASE WHEN given.depth = -1 THEN given.node_id END, CASE WHEN given.depth > 0 THEN 0 ELSE given.depth END, given.role, given.until, u.id, u.role, u.disabled`, ``
	}
	return collect(tx, func(scan scan) (p PersonOn, err error) {
		g := &p.Grant
		if brief {
			err = scan(&p.Node, &p.Up, (*accessName)(&g.Access), &g.Until, &p.User.ID, &p.User.Role, &p.User.Disabled)
			return p, err
		}
		err = scan(&p.Node, &p.Up, &p.From, &g.ID, &g.GroupID, (*accessName)(&g.Access), &g.Until, &p.Group,
			&p.User.ID, &p.User.Name, &p.User.Email, &p.User.Role, &p.User.Disabled)
		g.NodeID, g.UserID = p.Node, p.User.ID
		return p, err
	}, `WITH RECURSIVE up (id, parent_id, name, depth) AS (
			SELECT id, parent_id, name, 0 FROM node WHERE id = $2
			UNION ALL
			SELECT n.id, n.parent_id, n.name, up.depth + 1 FROM up JOIN node AS n ON n.id = up.parent_id WHERE up.depth < `+tooDeep+`
		), held (node_id, depth, node_name, grant_id, group_id, user_id, role, until) AS (
			SELECT up.id, up.depth, up.name, g.id, g.group_id, g.user_id, g.role, COALESCE(g.until, 0) FROM up JOIN grants AS g ON g.node_id = up.id WHERE `+grantLives+`
			UNION ALL
			SELECT g.node_id, -1, '', g.id, g.group_id, g.user_id, g.role, COALESCE(g.until, 0) FROM grants AS g WHERE `+grantLives+` AND `+these+`
		), given (node_id, depth, node_name, grant_id, group_id, role, until, group_name, user_id) AS (
			SELECT node_id, depth, node_name, grant_id, group_id, role, until, '', user_id FROM held WHERE user_id IS NOT NULL
			UNION ALL
			SELECT h.node_id, h.depth, h.node_name, h.grant_id, h.group_id, h.role, h.until, c.name, m.user_id
			FROM held AS h JOIN identity_group AS c ON c.id = h.group_id JOIN group_member AS m ON m.group_id = c.id
			UNION ALL
			SELECT n.id, -2, '', NULL, NULL, '', 0, '', s.owner_id FROM node AS n JOIN space AS s ON s.id = n.space_id WHERE n.id = $2 AND s.owner_id IS NOT NULL
		)
		SELECT `+columns+` FROM given JOIN user_account AS u ON u.id = given.user_id`+order, args...)
}
