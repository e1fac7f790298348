package files

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"coffer"
	"coffer/internal/cred"
	"coffer/internal/db"
)

// linkAddress is the kind of the addresses of links, see cred.NewAddress.
const linkAddress = "link"

const (
	maxLinkName    = 200  // letters
	maxLinkMessage = 2000 // letters
	minOutsidePass = 8    // letters; tries are counted
	maxOutsidePass = 256
	maxDownloads   = 1_000_000

	manyNetworks = 10 // from that many on it may have been forwarded
	unusedFor    = 90 * 24 * time.Hour
	endsSoon     = 36 * time.Hour
	endsThisWeek = 7 * 24 * time.Hour
)

// LinkItem is a link as the principal sees it.
type LinkItem struct {
	coffer.Link
	Node     Crumb // what it opens; without a name where the principal may not see it
	Kind     coffer.NodeKind
	By       Person
	State    coffer.LinkState
	Address  string   // the secret part, for those who manage the node; else ""
	Manage   bool     // the principal may change it
	Warnings []string // what its maker may not have thought of

	Named      bool        // it was made for certain people
	Recipients []Recipient // these; told as Name is
}

// NewLink says what a link is to be.
type NewLink struct {
	Name, Message string
	May           coffer.LinkMay // "": download
	EndsAt        *int64         // nil: as the policy says; 0: never
	Password      *string        // nil: one is made; "": none
	DownloadsMax  int64          // 0: no limit
	Notify        bool
	Recipients    []string // addresses; none: it is for anybody
}

// MakeLink makes a link to a node for who may manage it, and tells its password
// this once.
//
// Errors: Forbidden, Invalid.
func (v *View) MakeLink(ctx context.Context, id coffer.ID, n NewLink) (item LinkItem, password string, err error) {
	p, err := v.reach(ctx, id, coffer.Share)
	if err != nil {
		return item, "", err
	}
	l := coffer.Link{ID: coffer.RandomID(), NodeID: id, SpaceID: p.space.ID, Name: strings.TrimSpace(n.Name), Message: strings.TrimSpace(n.Message), May: n.May,
		DownloadsMax: n.DownloadsMax, Notify: n.Notify, Version: 1, MadeBy: v.p.User.ID}
	if l.May == "" {
		l.May = coffer.LinkDownload
	}
	if err := checkLink(l, p.node.Kind); err != nil {
		return item, "", err
	}
	switch {
	case n.Password == nil && len(n.Recipients) == 0:
		password = cred.NewSpokenPassword()
	case n.Password != nil:
		password = *n.Password
	}
	sealed, err := v.linkPassword(ctx, l.ID, password)
	if err != nil {
		return item, "", err
	}
	address, hash := cred.NewAddress(linkAddress)
	err = v.commit(ctx, func(tx *db.Tx, ps []pass) ([]act, error) {
		p := ps[0]
		policy, err := outward(tx, v.p.User.ID)
		if err != nil {
			return nil, err
		}
		if l.EndsAt = policy.EndFrom(tx.Now); n.EndsAt != nil {
			l.EndsAt = *n.EndsAt
		}
		if err := cmp.Or(checkEnd(tx, l.EndsAt), policy.CheckEnd(tx.Now, l.EndsAt), policy.CheckLocked(password != "", len(n.Recipients) > 0)); err != nil {
			return nil, err
		}
		secrets := db.LinkSecrets{Hash: hash, Password: sealed}
		if err := v.sealAddress(tx, p, l.ID, address, &secrets); err != nil {
			return nil, err
		}
		if err := tx.InsertLink(l, secrets); err != nil {
			return nil, err
		}
		row, err := tx.LinkRow(l.ID)
		if err != nil {
			return nil, err
		}
		if err := v.addRecipients(tx, p.who, row, address, n.Recipients); err != nil {
			return nil, err
		}
		row.Named = len(n.Recipients) > 0
		if item, err = v.linkItem(tx, p.who, row); err != nil {
			return nil, err
		}
		return []act{linkAct("link.made", row, nil, linkTerms(row.Link))}, nil
	}, p)
	return item, password, err
}

// checkLink says whether a link to something of a kind can be as it says.
func checkLink(l coffer.Link, kind coffer.NodeKind) error {
	switch {
	case utf8.RuneCountInString(l.Name) > maxLinkName || strings.ContainsFunc(l.Name, unicode.IsControl):
		return wrong("name", "name_invalid", "The name of a link is one line of up to 200 letters.")
	case utf8.RuneCountInString(l.Message) > maxLinkMessage:
		return wrong("message", "message_invalid", "The message has up to 2,000 letters.")
	case !l.May.Valid():
		return wrong("may", "may_wrong", "may is view, download or upload.")
	case l.May == coffer.LinkUpload && kind != coffer.Folder:
		return wrong("may", "may_wrong", "Only a folder can take uploads by a link.")
	case l.DownloadsMax < 0 || l.DownloadsMax > maxDownloads:
		return wrong("downloads_max", "downloads_wrong", "The limit of downloads is a number from 1 to 1,000,000, or none.")
	}
	return nil
}

func checkEnd(tx *db.Tx, at int64) error {
	if at < 0 || at != 0 && at <= tx.Now {
		return wrong("ends_at", "until_past", "Choose an end that is still to come.")
	}
	return nil
}

// storedPassword makes what is stored of the password of a link or of a file
// request, nothing for "".
func (v *View) storedPassword(ctx context.Context, password string, seal func(phc string) (sealed []byte, kekVersion uint32)) (p db.Password, err error) {
	if password == "" {
		return p, nil
	}
	if n := utf8.RuneCountInString(password); n < minOutsidePass || n > maxOutsidePass || !utf8.ValidString(password) {
		return p, wrong("password", "password_short", "Use 8 to 256 characters.")
	}
	phc, err := v.s.hasher.Hash(ctx, password)
	if err != nil {
		return p, hashBusy(err)
	}
	p.Sealed, p.KEKVer = seal(phc)
	return p, nil
}

func (v *View) linkPassword(ctx context.Context, link coffer.ID, password string) (db.Password, error) {
	return v.storedPassword(ctx, password, func(phc string) ([]byte, uint32) { return v.s.keys.SealLinkPassword(link, phc) })
}

// hashBusy is what callers learn of a full queue.
func hashBusy(err error) error {
	if errors.Is(err, cred.ErrBusy) {
		return &coffer.Error{Kind: coffer.Busy, Code: "busy", Msg: "The server is busy. Try again in a moment.", Err: err, RetryAfter: 5 * time.Second}
	}
	return err
}

// sealAddress seals the secret part of a link's address under the key of the
// space of a pass, to be shown again.
func (v *View) sealAddress(tx *db.Tx, p pass, link coffer.ID, address string, to *db.LinkSecrets) error {
	row, err := tx.CurrentSpaceKey(p.space.ID)
	if err != nil {
		return err
	}
	key, err := v.s.keys.OpenSpaceKey(row)
	if err != nil {
		return err
	}
	defer key.Clear()
	to.Sealed, to.SKVer = key.SealLinkToken(link, address), key.Version()
	return nil
}

// linkAddressOf opens what sealAddress sealed.
func (v *View) linkAddressOf(tx *db.Tx, l coffer.Link) (string, error) {
	secrets, err := tx.LinkSecrets(l.ID)
	if err != nil {
		return "", err
	}
	row, err := tx.SpaceKey(l.SpaceID, secrets.SKVer)
	if err != nil {
		return "", err
	}
	key, err := v.s.keys.OpenSpaceKey(row)
	if err != nil {
		return "", err
	}
	defer key.Clear()
	return key.OpenLinkToken(l.ID, secrets.Sealed)
}

// linkTerms are what the record says of a link.
func linkTerms(l coffer.Link) map[string]any {
	t := map[string]any{"may": l.May, "password": l.HasPassword, "version": l.Version}
	if l.EndsAt != 0 {
		t["ends_at"] = l.EndsAt
	}
	if l.DownloadsMax != 0 {
		t["downloads_max"] = l.DownloadsMax
	}
	if l.OffAt != 0 {
		t["off"] = true
	}
	return t
}

// linkAct is an act on a link.
func linkAct(action string, l db.LinkRow, before, after map[string]any) act {
	a := act{action: action, node: l.NodeID, target: l.ID, detail: map[string]any{"name": l.Name, "node": l.NodeName}}
	if before != nil {
		a.detail["before"] = before
	}
	if after != nil {
		a.detail["after"] = after
	}
	return a
}

// linkItem is a link as who sees it. It is ErrNotFound for who may see nothing
// of it: neither its node, nor that they made it, nor the links of everybody.
func (v *View) linkItem(tx *db.Tx, who coffer.Principal, l db.LinkRow) (LinkItem, error) {
	i := LinkItem{Link: l.Link, Kind: l.NodeKind, By: Person{l.MadeBy, l.MakerName}, State: l.State(tx.Now), Named: l.Named}
	p, err := decide(tx, who, l.NodeID, coffer.Read, false)
	sees := err == nil
	oversees := powerful(who, coffer.ReadPeople) == nil
	switch {
	case err != nil && coffer.KindOf(err) != coffer.NotFound && coffer.KindOf(err) != coffer.Forbidden:
		return i, err
	case !sees && l.MadeBy != who.User.ID && !oversees:
		return i, coffer.ErrNotFound
	}
	i.Manage = sees && coffer.Permit(who, p.access, coffer.Share) == nil
	if sees || l.MadeBy == who.User.ID {
		i.Node = Crumb{l.NodeID, l.NodeName}
		if l.NodeName == "" {
			i.Node.Name = p.space.Name
		}
	}
	all, err := tx.Recipients(l.ID)
	if err != nil {
		return i, err
	}
	if i.Manage || l.MadeBy == who.User.ID {
		i.Recipients = all
	} else {
		i.Name, i.Message = "", ""
	}
	if i.Manage {
		if i.Address, err = v.linkAddressOf(tx, l.Link); err != nil && coffer.KindOf(err) != coffer.Corrupt {
			return i, err
		}
	}
	works, err := linkWorks(tx, l.Link)
	if err != nil {
		return i, err
	}
	if i.State == coffer.LinkLive && !works {
		i.State = coffer.LinkOff // its node is in the trash, or its maker may do nothing there any more
	}
	i.Warnings = linkWarnings(tx.Now, i, l)
	return i, nil
}

// linkWorks reports whether a link opens its node, apart from its own state.
func linkWorks(tx *db.Tx, l coffer.Link) (bool, error) {
	who, err := visitor(tx, l, coffer.Principal{})
	if err == nil {
		_, err = decide(tx, who, l.NodeID, coffer.Read, false)
	}
	if coffer.KindOf(err) == coffer.NotFound || err == nil {
		return err == nil, nil
	}
	return false, err
}

func linkWarnings(now int64, i LinkItem, l db.LinkRow) []string {
	out := []string{}
	add := func(is bool, code string) {
		if is {
			out = append(out, code)
		}
	}
	add(l.MakerOff, "maker_left")
	if i.State != coffer.LinkLive {
		return out
	}
	add(!l.HasPassword && !l.Named, "no_password")
	add(l.EndsAt == 0, "no_end")
	add(l.NodeKind == coffer.Folder, "whole_folder")
	add(l.Networks >= manyNetworks, "many_networks")
	add(max(l.MadeAt, l.OpenedAt)+unusedFor.Milliseconds() <= now, "unused")
	add(l.EndsAt != 0 && l.EndsAt-now <= endsSoon.Milliseconds(), "ends_tomorrow")
	return out
}

// LinksOf lists the links that open a node, those of folders above included: to
// everybody who may open it, but addresses to those who manage it only.
func (v *View) LinksOf(ctx context.Context, id coffer.ID) (list []LinkItem, err error) {
	err = v.look(ctx, id, coffer.Read, func(tx *db.Tx, p pass) error {
		rows, err := tx.LinksOnPath(id)
		if err != nil {
			return err
		}
		list = []LinkItem{}
		for _, r := range rows {
			i, err := v.linkItem(tx, v.p, r)
			if errors.Is(err, coffer.ErrNotFound) { // of a folder above that the principal may not see
				i = LinkItem{Link: r.Link, Kind: r.NodeKind, State: r.State(tx.Now), Named: r.Named, Warnings: []string{}}
				i.Name, i.Message, i.NodeID, i.MadeBy = "", "", coffer.ID{}, coffer.ID{}
			} else if err != nil {
				return err
			}
			list = append(list, i)
		}
		return nil
	})
	return list, err
}

// Link tells about one link.
func (v *View) Link(ctx context.Context, id coffer.ID) (item LinkItem, err error) {
	err = v.personal(ctx, func(tx *db.Tx) error {
		row, err := tx.LinkRow(id)
		if err != nil {
			return err
		}
		item, err = v.linkItem(tx, v.p, row)
		return err
	})
	return item, err
}

// LinkQuery says which links are asked for.
type LinkQuery struct {
	All    bool   // of everybody: for roles that read people
	State  string // "", or live, ending (this week), over (not live), off, ended, used_up
	Cursor string
	Limit  int
}

// Links lists the links that the principal has made, or all, made last first.
func (v *View) Links(ctx context.Context, q LinkQuery) (page Page[LinkItem], err error) {
	if q.All {
		if err := powerful(v.p, coffer.ReadPeople); err != nil {
			return page, err
		}
	}
	f := db.LinkFilter{State: q.State}
	if f.Limit, err = limitOf(q.Limit); err != nil {
		return page, err
	}
	switch q.State {
	case "", "live", "ending", "over", "off", "ended", "used_up":
	default:
		return page, wrong("state", "invalid", "state is live, ending, over, off, ended or used_up.")
	}
	if !q.All {
		f.MadeBy = v.p.User.ID
	}
	mac := newCursor(v, "links", []byte(q.State), []byte(fmt.Sprint(q.All)))
	if q.Cursor != "" {
		raw, err := mac.Open(q.Cursor)
		if err != nil || len(raw) != 24 {
			return page, badCursor()
		}
		f.After = &db.LinkPosition{MadeAt: int64(binary.BigEndian.Uint64(raw)), ID: coffer.ID(raw[8:])}
	}
	limit := f.Limit
	f.Limit++
	err = v.personal(ctx, func(tx *db.Tx) error {
		page = Page[LinkItem]{Items: []LinkItem{}}
		f.EndsBy = tx.Now + endsThisWeek.Milliseconds()
		rows, err := tx.Links(f)
		if err != nil {
			return err
		}
		if len(rows) > limit {
			rows = rows[:limit]
			last := rows[limit-1]
			if page.Next, err = mac.Seal(append(binary.BigEndian.AppendUint64(nil, uint64(last.MadeAt)), last.ID[:]...)); err != nil {
				return err
			}
		}
		for _, r := range rows {
			i, err := v.linkItem(tx, v.p, r)
			if err != nil {
				return err
			}
			page.Items = append(page.Items, i)
		}
		return nil
	})
	return page, err
}
