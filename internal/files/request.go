package files

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"coffer"
	"coffer/internal/cred"
	"coffer/internal/db"
)

// requestAddress is the kind of the addresses of file requests, see
// cred.NewAddress.
const requestAddress = "request"

const (
	maxRequestTitle = 200  // letters
	maxRequestNote  = 2000 // letters
	maxRequestFiles = 1_000_000
	maxRequestBytes = 1 << 50
	maxRequestTypes = 20
)

// RequestItem is a file request as the principal sees it.
type RequestItem struct {
	coffer.FileRequest
	Folder  Crumb // where the files go; zero where the principal may not know
	By      Person
	State   coffer.RequestState
	Stopped bool   // off by itself: its maker or its folder is gone, or the maker's right
	Address string // the secret part, for those who manage the folder; else ""
	Manage  bool   // the principal may change it
}

// NewRequest says what a file request is to be.
type NewRequest struct {
	Title, Note string
	EndsAt      *int64 // nil: as the policy says; 0: never
	Password    string // "": none
	MaxFiles    int64  // 0: no limit
	MaxBytes    int64  // of one file; 0: no limit
	Types       []string
	AskEmail    bool
	Subfolders  bool
	Notify      bool
}

// MakeRequest makes a file request into a folder, for who may manage it.
//
// Errors: Forbidden, Invalid, Conflict "not_a_folder".
func (v *View) MakeRequest(ctx context.Context, folder coffer.ID, n NewRequest) (item RequestItem, err error) {
	p, err := v.reach(ctx, folder, coffer.Share)
	if err != nil {
		return item, err
	}
	r := coffer.FileRequest{ID: coffer.RandomID(), SpaceID: p.space.ID, NodeID: folder, MadeBy: v.p.User.ID, Title: strings.TrimSpace(n.Title), Note: strings.TrimSpace(n.Note),
		MaxFiles: n.MaxFiles, MaxBytes: n.MaxBytes, Types: slices.Clone(n.Types), AskEmail: n.AskEmail, Subfolders: n.Subfolders, Notify: n.Notify}
	if err := checkFolder(p); err != nil {
		return item, err
	}
	if p.depth+2 > maxDepth { // a sender's folder, and a file in it
		return item, errDepth()
	}
	if v.p.Kind != coffer.UserKind {
		return item, coffer.ErrNotFound
	}
	if err := checkRequest(r); err != nil {
		return item, err
	}
	var secret db.RequestSecret
	if secret.Password, err = v.requestPassword(ctx, r.ID, n.Password); err != nil {
		return item, err
	}
	address, hash := cred.NewAddress(requestAddress)
	secret.TokenHash = hash
	err = v.commit(ctx, func(tx *db.Tx, ps []pass) ([]act, error) {
		policy, err := outward(tx, r.MadeBy)
		if err != nil {
			return nil, err
		}
		r.EndsAt = policy.EndFrom(tx.Now)
		set(&r.EndsAt, n.EndsAt)
		if err := cmp.Or(checkEnd(tx, r.EndsAt), policy.CheckEnd(tx.Now, r.EndsAt)); err != nil {
			return nil, err
		}
		row, err := tx.CurrentSpaceKey(ps[0].space.ID)
		if err != nil {
			return nil, err
		}
		key, err := v.s.keys.OpenSpaceKey(row)
		if err != nil {
			return nil, err
		}
		secret.Token, secret.SKVer = key.SealRequestToken(r.ID, address), key.Version()
		key.Clear()
		if err := tx.InsertRequest(r, secret); err != nil {
			return nil, err
		}
		made, err := tx.RequestRow(r.ID)
		if err != nil {
			return nil, err
		}
		item, err = v.requestItem(tx, ps[0].who, made)
		return []act{requestAct("request.made", made, nil, requestTerms(made.FileRequest))}, err
	}, p)
	return item, err
}

// checkRequest says whether a request can be as it says.
func checkRequest(r coffer.FileRequest) error {
	switch {
	case r.Title == "":
		return wrong("title", "title_missing", "Say what you ask for, as “Papers for the sale”.")
	case utf8.RuneCountInString(r.Title) > maxRequestTitle || strings.ContainsFunc(r.Title, notShown):
		return wrong("title", "invalid", "The title is one line of up to 200 letters.")
	case utf8.RuneCountInString(r.Note) > maxRequestNote || strings.ContainsFunc(r.Note, func(c rune) bool { return notShown(c) && c != '\n' && c != '\r' && c != '\t' }):
		return wrong("note", "invalid", "The note has up to 2,000 letters.")
	case r.MaxFiles < 0 || r.MaxFiles > maxRequestFiles:
		return wrong("max_files", "invalid", "The number of files is from 1 to 1,000,000, or 0 for no limit.")
	case r.MaxBytes < 0 || r.MaxBytes > maxRequestBytes:
		return wrong("max_bytes", "invalid", "The size of a file is a number of bytes, or 0 for no limit.")
	case len(r.Types) > maxRequestTypes || slices.ContainsFunc(r.Types, func(t string) bool { return !coffer.IsFileType(t) }):
		return wrong("types", "invalid", "Each type is one of "+strings.Join(coffer.FileTypes(), ", ")+", or the end of a name like .dwg.")
	}
	return nil
}

// notShown reports characters that have no place in a line of text.
func notShown(c rune) bool {
	return unicode.IsControl(c) || unicode.Is(unicode.Bidi_Control, c) || unicode.Is(unicode.Zl, c) || unicode.Is(unicode.Zp, c) || c == '\ufeff' || c == utf8.RuneError
}

func (v *View) requestPassword(ctx context.Context, request coffer.ID, password string) (db.Password, error) {
	return v.storedPassword(ctx, password, func(phc string) ([]byte, uint32) { return v.s.keys.SealRequestPassword(request, phc) })
}

// requestTerms are what the record says of a request.
func requestTerms(r coffer.FileRequest) map[string]any {
	t := map[string]any{"title": r.Title, "password": r.HasPassword, "subfolders": r.Subfolders}
	for name, n := range map[string]int64{"ends_at": r.EndsAt, "max_files": r.MaxFiles, "max_bytes": r.MaxBytes} {
		if n != 0 {
			t[name] = n
		}
	}
	if len(r.Types) > 0 {
		t["types"] = r.Types
	}
	if r.OffAt != 0 {
		t["off"] = true
	}
	return t
}

// requestAct is an act on a request.
func requestAct(action string, r db.RequestRow, before, after map[string]any) act {
	a := act{action: action, node: r.NodeID, target: r.ID, detail: map[string]any{"title": r.Title, "node": r.NodeName}}
	if before != nil {
		a.detail["before"] = before
	}
	if after != nil {
		a.detail["after"] = after
	}
	return a
}

// requestItem is a request as who sees it.
func (v *View) requestItem(tx *db.Tx, who coffer.Principal, r db.RequestRow) (i RequestItem, err error) {
	i = RequestItem{FileRequest: r.FileRequest, By: Person{r.MadeBy, r.MakerName}, State: r.State(tx.Now)}
	if i.Manage, err = seesRequest(tx, who, r.FileRequest); err != nil {
		return i, err
	}
	if i.State == coffer.RequestLive || i.State == coffer.RequestFull {
		_, err := stands(tx, r.FileRequest)
		if err != nil && coffer.KindOf(err) != coffer.NotFound {
			return i, err
		}
		if i.Stopped = err != nil; i.Stopped {
			i.State = coffer.RequestOff
		}
	}
	if !i.Manage {
		if i.Note = ""; i.MadeBy != who.User.ID {
			i.NodeID = coffer.ID{}
		}
		return i, nil
	}
	i.Folder = Crumb{r.NodeID, r.NodeName}
	if r.NodeName == "" {
		space, err := tx.Space(r.SpaceID)
		if err != nil {
			return i, err
		}
		i.Folder.Name = space.Name
	}
	i.Address, err = v.addressOfRequest(tx, r.FileRequest)
	if coffer.KindOf(err) == coffer.Corrupt && err != nil {
		err = nil // the address is lost; all else can still be seen to
	}
	return i, err
}

func (v *View) addressOfRequest(tx *db.Tx, r coffer.FileRequest) (string, error) {
	secret, err := tx.RequestSecret(r.ID)
	if err != nil {
		return "", err
	}
	row, err := tx.SpaceKey(r.SpaceID, secret.SKVer)
	if err != nil {
		return "", err
	}
	key, err := v.s.keys.OpenSpaceKey(row)
	if err != nil {
		return "", err
	}
	defer key.Clear()
	return key.OpenRequestToken(r.ID, secret.Token)
}

// seesRequest says what the principal may do about a request: all that is to do
// with it, or look at it and turn it off. It is ErrNotFound for who may neither.
func seesRequest(tx *db.Tx, who coffer.Principal, r coffer.FileRequest) (manages bool, err error) {
	_, err = decide(tx, who, r.NodeID, coffer.Share, false)
	switch kind := coffer.KindOf(err); {
	case err == nil:
		return true, nil
	case kind != coffer.NotFound && kind != coffer.Forbidden:
		return false, err
	case r.MadeBy == who.User.ID && coffer.Permit(who, coffer.IsOwner, coffer.Share) == nil, powerful(who, coffer.ReadPeople) == nil:
		return false, nil
	}
	if errors.Is(err, coffer.ErrNotFound) {
		return false, coffer.ErrNotFound
	}
	return false, err
}

// RequestsOf lists the file requests into a folder, made last first, for who may
// manage it.
func (v *View) RequestsOf(ctx context.Context, folder coffer.ID) (list []RequestItem, err error) {
	err = v.look(ctx, folder, coffer.Share, func(tx *db.Tx, p pass) error {
		list, err = nil, nil
		rows, err := tx.RequestsOf(folder)
		if err != nil {
			return err
		}
		for _, r := range rows {
			i, err := v.requestItem(tx, p.who, r)
			if err != nil {
				return err
			}
			list = append(list, i)
		}
		return nil
	})
	return list, err
}

// Request tells about one request.
func (v *View) Request(ctx context.Context, id coffer.ID) (item RequestItem, err error) {
	err = v.personal(ctx, func(tx *db.Tx) error {
		row, err := tx.RequestRow(id)
		if err != nil {
			return err
		}
		item, err = v.requestItem(tx, v.p, row)
		return err
	})
	return item, err
}

// Requests lists the file requests that the principal has made, or, for roles
// that read people, those of everybody; made last first. state, unless "", is
// the one that is asked for.
func (v *View) Requests(ctx context.Context, state coffer.RequestState, all bool) (list []RequestItem, err error) {
	switch state {
	case "", coffer.RequestLive, coffer.RequestEnded, coffer.RequestFull, coffer.RequestOff:
	default:
		return nil, wrong("state", "invalid", "state is live, ended, full or off.")
	}
	maker := v.p.User.ID
	if all {
		if err := powerful(v.p, coffer.ReadPeople); err != nil {
			return nil, err
		}
		maker = coffer.ID{}
	} else if err := coffer.Permit(v.p, coffer.IsOwner, coffer.Share); err != nil {
		return nil, err
	}
	err = v.personal(ctx, func(tx *db.Tx) error {
		list = nil
		rows, err := tx.RequestsBy(maker)
		if err != nil {
			return err
		}
		for _, r := range rows {
			i, err := v.requestItem(tx, v.p, r)
			if err != nil {
				return err
			}
			if all {
				i.Address = "" // the list of all is for looking after, not for passing on
			}
			if state == "" || i.State == state {
				list = append(list, i)
			}
		}
		return nil
	})
	return list, err
}

// RequestPatch changes a file request. Absent fields stay as they are.
type RequestPatch struct {
	Title, Note        *string
	EndsAt             *int64  // 0: never
	Password           *string // "": none
	MaxFiles, MaxBytes *int64  // 0: no limit
	Types              *[]string
	AskEmail           *bool
	Subfolders         *bool
	Notify             *bool
	Off                *bool
}

// onlyTurns reports whether the change does no more than to turn the request off
// or on again.
func (c RequestPatch) onlyTurns() bool { return c.Off != nil && c == RequestPatch{Off: c.Off} }

// ChangeRequest changes a file request, for who manages its folder. Who made it,
// and administrators, may turn it off at all times; what an administrator turned
// off, only administrators turn on again.
//
// Errors: Forbidden, ErrNotFound, Invalid.
func (v *View) ChangeRequest(ctx context.Context, id coffer.ID, c RequestPatch) (item RequestItem, err error) {
	var password db.Password
	if c.Password != nil {
		if _, err := v.Request(ctx, id); err != nil { // before anything is hashed
			return item, err
		}
		if password, err = v.requestPassword(ctx, id, *c.Password); err != nil {
			return item, err
		}
	}
	err = v.create(ctx, func(tx *db.Tx, who coffer.Principal) error {
		row, manages, err := changeableRequest(tx, who, id, c.onlyTurns())
		if err != nil {
			return err
		}
		before := requestTerms(row.FileRequest)
		action, changed, err := c.apply(tx, &row.FileRequest, who, manages)
		if err != nil {
			return err
		}
		if c.Password != nil {
			changed = true
			if err := tx.SetRequestPassword(id, password); err != nil {
				return err
			}
		}
		if changed {
			if err := tx.ChangeRequest(row.FileRequest); err != nil {
				return err
			}
			if row, err = tx.RequestRow(id); err != nil {
				return err
			}
			if err := tx.InsertEvent(v.event(row.SpaceID, requestAct(action, row, before, requestTerms(row.FileRequest)))); err != nil {
				return err
			}
		}
		item, err = v.requestItem(tx, who, row)
		return err
	})
	return item, err
}

// apply makes the change to r, but for the password, and says what it is in the
// record.
func (c RequestPatch) apply(tx *db.Tx, r *coffer.FileRequest, who coffer.Principal, manages bool) (action string, changed bool, err error) {
	before := *r
	policy, err := outward(tx, r.MadeBy)
	if err != nil && (c.Off == nil || !*c.Off) {
		return "", false, err
	}
	set(&r.Title, c.Title)
	set(&r.Note, c.Note)
	set(&r.MaxFiles, c.MaxFiles)
	set(&r.MaxBytes, c.MaxBytes)
	set(&r.Types, c.Types)
	set(&r.AskEmail, c.AskEmail)
	set(&r.Subfolders, c.Subfolders)
	set(&r.Notify, c.Notify)
	set(&r.EndsAt, c.EndsAt)
	r.Title, r.Note = strings.TrimSpace(r.Title), strings.TrimSpace(r.Note)
	if r.EndsAt != before.EndsAt {
		if err := cmp.Or(checkEnd(tx, r.EndsAt), policy.CheckEnd(tx.Now, r.EndsAt)); err != nil {
			return "", false, err
		}
	}
	action = "request.changed"
	switch {
	case c.Off == nil || *c.Off == (r.OffAt != 0):
	case *c.Off:
		r.OffAt, r.OffBy, action = tx.Now, who.User.ID, "request.turned_off"
	default:
		if err := mayTurnOn(tx, who, manages, r.MadeBy, r.OffBy); err != nil {
			return "", false, err
		}
		r.OffAt, r.OffBy, action = 0, coffer.ID{}, "request.turned_on"
	}
	same := slices.Equal(r.Types, before.Types) && r.Title == before.Title && r.Note == before.Note && r.MaxFiles == before.MaxFiles && r.MaxBytes == before.MaxBytes &&
		r.AskEmail == before.AskEmail && r.Subfolders == before.Subfolders && r.Notify == before.Notify && r.EndsAt == before.EndsAt && r.OffAt == before.OffAt
	return action, !same, checkRequest(*r)
}

// set changes a field that a patch names.
func set[T any](field *T, to *T) {
	if to != nil {
		*field = *to
	}
}

// changeableRequest finds a request that the principal may change, or, where they
// do not manage its folder, only turn off or on.
func changeableRequest(tx *db.Tx, who coffer.Principal, id coffer.ID, onlyTurns bool) (r db.RequestRow, manages bool, err error) {
	if r, err = tx.RequestRow(id); err != nil {
		return r, false, err
	}
	manages, err = seesRequest(tx, who, r.FileRequest)
	switch {
	case err != nil || manages:
		return r, manages, err
	case onlyTurns && (r.MadeBy == who.User.ID || powerful(who, coffer.ManagePeople) == nil):
		return r, false, nil
	}
	return r, false, onlyOff()
}

// RemoveRequest removes a file request. What came by it stays; its address never
// takes anything again.
func (v *View) RemoveRequest(ctx context.Context, id coffer.ID) error {
	return v.create(ctx, func(tx *db.Tx, who coffer.Principal) error {
		r, _, err := changeableRequest(tx, who, id, false)
		if err != nil {
			return err
		}
		if err := tx.DeleteRequest(id); err != nil {
			return err
		}
		return tx.InsertEvent(v.event(r.SpaceID, requestAct("request.deleted", r, requestTerms(r.FileRequest), nil)))
	})
}

// ChangeRequests makes one change to many requests, one after the other.
func (v *View) ChangeRequests(ctx context.Context, ids []coffer.ID, c RequestPatch) ([]Changed[RequestItem], error) {
	return changeEach(ids, func(id coffer.ID) (RequestItem, error) { return v.ChangeRequest(ctx, id, c) })
}
