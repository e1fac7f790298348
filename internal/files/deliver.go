package files

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"coffer"
	"coffer/internal/db"
)

const (
	// quiet is after how long without another file a delivery is complete, where
	// nobody has said so.
	quiet = 2 * time.Minute
	// togetherFor is for how long what one sender sends belongs to one delivery.
	togetherFor = 24 * time.Hour
	maxSender   = 100 // letters of a sender's name
	closeBatch  = 100 // deliveries
	// formHead is how much of a file of a form is looked at before it is stored:
	// what ends within it needs no rows until it is whole.
	formHead = 256 << 10
)

// Sender is who sends something to a file request, in their own words.
type Sender struct {
	Name  string
	Email string // where the request asks for it
}

// Asked is what a sender may know of a file request.
type Asked struct {
	coffer.FileRequest
	By   string // name of who made it
	Left int64  // how many more files it takes; -1: any number
}

// stands finds the folder of a request that takes files, but for their number.
// It is ErrNotFound where it does not: turned off, ended, its folder gone, its
// maker gone or without the right to have files put there.
func stands(tx *db.Tx, r coffer.FileRequest) (at db.Place, err error) {
	if s := r.State(tx.Now); s == coffer.RequestOff || s == coffer.RequestEnded {
		return at, coffer.ErrNotFound
	}
	if _, err := outward(tx, r.MadeBy); coffer.KindOf(err) == coffer.Forbidden {
		return at, coffer.ErrNotFound
	} else if err != nil {
		return at, err
	}
	maker, err := tx.User(r.MadeBy)
	if err != nil {
		return at, err
	}
	if at, err = tx.Place(r.NodeID, maker.ID); err != nil {
		return at, err
	}
	if at.State() != coffer.Living || at.Node.Kind != coffer.Folder || !coffer.MayRequest(coffer.Principal{Kind: coffer.UserKind, User: maker}, at.Space, at.Held) {
		return db.Place{}, coffer.ErrNotFound
	}
	return at, nil
}

// entrance decides about the folder of the principal's request and reads in the
// same snapshot.
func (v *View) entrance(ctx context.Context, fn func(tx *db.Tx, p pass, r coffer.FileRequest) error) error {
	if v.p.Kind != coffer.RequestKind {
		return coffer.ErrNotFound
	}
	return v.holding(ctx, func(tx *db.Tx) error {
		r, err := tx.FileRequest(v.p.Request)
		if err != nil {
			return err
		}
		p, err := decide(tx, v.p, r.NodeID, coffer.Drop, false)
		if err != nil {
			return err
		}
		return fn(tx, p, r)
	})
}

// Asked tells a sender about the request.
func (v *View) Asked(ctx context.Context) (a Asked, err error) {
	err = v.entrance(ctx, func(tx *db.Tx, _ pass, r coffer.FileRequest) error {
		a = Asked{FileRequest: r, Left: -1}
		if a.By, err = tx.PersonName(r.MadeBy); err != nil || r.MaxFiles == 0 {
			return err
		}
		coming, err := tx.Arriving(r.ID)
		if a.Left = max(0, r.MaxFiles-r.Files-coming); a.Left == 0 && err == nil {
			return coffer.ErrNotFound
		}
		return err
	})
	return a, err
}

// checkSender reads who sends, as it is stored.
func checkSender(r coffer.FileRequest, s *Sender) error {
	s.Name = strings.Join(strings.Fields(s.Name), " ")
	switch {
	case s.Name == "":
		return wrong("name", "name_missing", "Type your name so that it is known who sent this.")
	case !utf8.ValidString(s.Name) || utf8.RuneCountInString(s.Name) > maxSender || strings.ContainsFunc(s.Name, notShown):
		return wrong("name", "name_invalid", "Type your name with at most 100 letters, in one line.")
	case !r.AskEmail:
		s.Email = ""
		return nil
	}
	var ok bool
	if s.Email, ok = sentEmail(s.Email); !ok {
		return wrong("email", "email_invalid", "Type an e-mail address like name@example.com.")
	}
	return nil
}

// sentEmail reads an address that a sender typed.
func sentEmail(typed string) (string, bool) {
	email := strings.TrimSpace(typed)
	return coffer.EmailKey(email), len(email) <= 254 && emailRE.MatchString(email)
}

var emailRE = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,40}(\\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,40}){0,8}@([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\\.)+[A-Za-z]([A-Za-z0-9-]{0,61}[A-Za-z0-9])$")

// checkSent says whether a request takes a file of this name and size (-1 where
// nobody knows yet).
func checkSent(r coffer.FileRequest, name string, size int64) error {
	if !r.Accepts(name, "") {
		return refusedType(r, name)
	}
	if size > r.MaxBytes && r.MaxBytes != 0 {
		return coffer.E(coffer.TooLarge, "too_large", fmt.Sprintf("“%s” is %s. The limit is %s.", name, coffer.BytesText(size), coffer.BytesText(r.MaxBytes)))
	}
	return nil
}

func refusedType(r coffer.FileRequest, name string) error {
	return coffer.E(coffer.Invalid, "type_refused", fmt.Sprintf("“%s” is not accepted. Send %s.", name, r.TypesText("or")))
}

// checkLeft refuses one more file than the request takes; those that are on
// their way have their place already.
func checkLeft(tx *db.Tx, r coffer.FileRequest) error {
	if r.MaxFiles == 0 {
		return nil
	}
	coming, err := tx.Arriving(r.ID)
	if err == nil && r.Files+coming >= r.MaxFiles {
		err = requestFull()
	}
	return err
}

func requestFull() error {
	return coffer.E(coffer.Conflict, "request_full", "This request has all the files that it takes.")
}

// refused reports an error that a sender cannot mend by sending again.
func refused(err error) bool {
	return slices.Contains([]coffer.Kind{coffer.Invalid, coffer.Conflict, coffer.TooLarge, coffer.NotFound, coffer.Gone}, coffer.KindOf(err))
}

// sentName is the name of a file as it can be kept: a sender's phone, not the
// sender, makes names that nothing here can have.
func sentName(name string) string {
	if i := strings.LastIndexAny(name, `/\`); i >= 0 {
		name = name[i+1:] // some browsers send where it lay
	}
	return coffer.FixName(strings.ToValidUTF8(name, "_"))
}

// forRequest reads a piece that comes by a file request.
func (n *NewPiece) forRequest() error {
	if n.Partial || n.Size < 0 || !n.Group.IsZero() {
		return coffer.E(coffer.Invalid, "invalid", "Say how long the file is, and send it as one upload.")
	}
	*n = NewPiece{Name: sentName(n.Name), IfExists: coffer.KeepBoth, Size: n.Size, Meta: n.Meta, Sender: n.Sender}
	return nil
}

// takes decides, early, whether the principal's request takes a file.
func (v *View) takes(ctx context.Context, name string, size int64) (p pass, key db.SpaceKey, err error) {
	err = v.entrance(ctx, func(tx *db.Tx, at pass, r coffer.FileRequest) error {
		p = at
		if err := checkSent(r, name, size); err != nil {
			return err
		}
		if err := checkLeft(tx, r); err != nil {
			return err
		}
		key, err = tx.CurrentSpaceKey(p.space.ID)
		return err
	})
	return p, key, err
}

// admit finds or begins the delivery of a sender that a piece belongs to.
func (v *View) admit(tx *db.Tx, s Sender) (coffer.ID, error) {
	r, err := tx.FileRequest(v.p.Request)
	if err != nil {
		return coffer.ID{}, err
	}
	if err := checkSender(r, &s); err != nil {
		return coffer.ID{}, err
	}
	all, err := tx.DeliveriesFrom(r.ID, s.Name, s.Email)
	if err != nil {
		return coffer.ID{}, err
	}
	for _, d := range all {
		if d.ClosedAt == 0 && d.StartedAt > tx.Now-togetherFor.Milliseconds() {
			return d.ID, nil
		}
	}
	d := coffer.Delivery{ID: coffer.RandomID(), RequestID: r.ID, Name: s.Name, Email: s.Email}
	return d.ID, tx.InsertDelivery(d)
}

// BeginDelivery begins what one sender sends in one go, before the first file.
//
// Errors: ErrNotFound, Invalid "name_missing", "email_invalid" and the like,
// Conflict "request_full".
func (v *View) BeginDelivery(ctx context.Context, s Sender) (id coffer.ID, err error) {
	var p pass
	err = v.entrance(ctx, func(tx *db.Tx, at pass, r coffer.FileRequest) error {
		p = at
		if err := checkSender(r, &s); err != nil {
			return err
		}
		return checkLeft(tx, r)
	})
	if err != nil {
		return id, err
	}
	err = v.prepare(ctx, func(tx *db.Tx, _ []pass) error {
		d := coffer.Delivery{ID: coffer.RandomID(), RequestID: v.p.Request, Name: s.Name, Email: s.Email}
		id = d.ID
		return tx.InsertDelivery(d)
	}, p)
	return id, err
}

// Send stores a file of a delivery. most, where the size is unknown, is how
// many bytes there can be. Nothing that is there is ever replaced.
//
// Errors: as BeginDelivery, Invalid "type_refused", TooLarge, OverQuota.
func (v *View) Send(ctx context.Context, delivery coffer.ID, name string, most int64, body Body) error {
	name = sentName(name)
	if body.Size < 0 { // most files of a form are small, and need no room for what does not come
		head := make([]byte, formHead)
		n, err := io.ReadFull(body.Reader, head)
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			body = Body{bytes.NewReader(head[:n]), int64(n)}
		case err != nil:
			return (&source{err: err}).blame(err)
		default:
			body.Reader = io.MultiReader(bytes.NewReader(head), body.Reader)
		}
	}
	in := incoming{name: name, how: coffer.KeepBoth, Body: body, delivery: delivery, most: most}
	var r coffer.FileRequest
	err := v.entrance(ctx, func(tx *db.Tx, p pass, req coffer.FileRequest) error {
		in.pass, r = p, req
		d, err := tx.Delivery(delivery)
		if err != nil || d.RequestID != req.ID || d.ClosedAt != 0 {
			return cmp.Or(err, error(coffer.ErrNotFound))
		}
		if err := checkSent(r, name, body.Size); err != nil {
			return err
		}
		if err := checkLeft(tx, r); err != nil {
			return err
		}
		in.key, err = tx.CurrentSpaceKey(p.space.ID)
		return err
	})
	if err != nil {
		return err
	}
	if body.Size < 0 && r.MaxBytes != 0 {
		in.Reader = &bounded{r: body.Reader, left: r.MaxBytes, over: func() error {
			return coffer.E(coffer.TooLarge, "too_large", fmt.Sprintf("“%s” is too large. The limit is %s.", name, coffer.BytesText(r.MaxBytes)))
		}}
	}
	return noRoom(name, v.receive(ctx, in, func(tx *db.Tx, p pass, st stored) ([]act, error) {
		_, a, err := v.accept(tx, p, delivery, name, st)
		return []act{a}, err
	}))
}

// noRoom is what a sender learns of a full space: not how full it is.
func noRoom(name string, err error) error {
	if err != nil && coffer.KindOf(err) == coffer.OverQuota {
		return &coffer.Error{Kind: coffer.OverQuota, Code: "over_quota", Msg: fmt.Sprintf("There is no room for “%s”. Tell who asked you for it.", name), Err: err}
	}
	return err
}

// bounded reads so many bytes and fails at one more.
type bounded struct {
	r    io.Reader
	left int64
	over func() error
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, b.over()
	}
	return n, err
}

// accept puts a stored file where those of its delivery go: into the request's
// folder, or its sender's in there; never onto something.
func (v *View) accept(tx *db.Tx, p pass, delivery coffer.ID, name string, st stored) (d Detail, a act, err error) {
	r, err := tx.FileRequest(v.p.Request)
	if err != nil {
		return d, a, err
	}
	from, err := tx.Delivery(delivery)
	if err != nil || from.RequestID != r.ID {
		return d, a, cmp.Or(err, error(coffer.ErrNotFound))
	}
	if err := checkSent(r, name, st.dek.Size); err != nil {
		return d, a, err
	}
	if !r.Accepts(name, st.mediaType) {
		return d, a, refusedType(r, name)
	}
	if err := checkLeft(tx, r); err != nil { // its own upload, if it had one, is over
		return d, a, err
	}
	if from.ClosedAt != 0 { // by another of the same sender: what still comes is told by itself
		from.ID, from.FolderID = coffer.RandomID(), coffer.ID{}
		if err := tx.InsertDelivery(from); err != nil {
			return d, a, err
		}
	}
	folder := p
	if r.Subfolders {
		if folder, err = v.senderFolder(tx, p, from); err != nil {
			return d, a, err
		}
		from.FolderID = folder.node.ID
	}
	spot, err := findSpot(tx, folder.node.ID, name, coffer.File, coffer.KeepBoth, coffer.ID{})
	if err != nil {
		return d, a, err
	}
	if d, err = v.addFile(tx, folder, spot.name, st); err != nil {
		return d, a, err
	}
	if ok, err := tx.CountReceived(r.ID, st.dek.Size); err != nil || !ok {
		return d, a, cmp.Or(err, requestFull())
	}
	a = uploaded(d)
	a.detail["sender"], a.detail["file_request"], a.detail["title"] = from.Name, r.ID, r.Title
	if from.Email != "" {
		a.detail["email"] = from.Email
	}
	return d, a, tx.CountDelivered(from.ID, from.FolderID, st.dek.Size)
}

// senderFolder is the folder of a sender: the one that an earlier delivery under
// the same name and address has made, or a new one. A folder that others made is
// never taken, whatever its name.
func (v *View) senderFolder(tx *db.Tx, p pass, from coffer.Delivery) (folder pass, err error) {
	all, err := tx.DeliveriesFrom(from.RequestID, from.Name, from.Email)
	if err != nil {
		return folder, err
	}
	for _, d := range all {
		if d.FolderID.IsZero() {
			continue
		}
		n, err := tx.Node(d.FolderID)
		if errors.Is(err, coffer.ErrNotFound) {
			continue
		}
		if err != nil {
			return folder, err
		}
		if in, err := p.child(n); err == nil {
			return in, nil
		}
	}
	spot, err := findSpot(tx, p.node.ID, coffer.FixName(from.Name), coffer.Folder, coffer.KeepBoth, coffer.ID{})
	if err != nil {
		return folder, err
	}
	n := coffer.Node{ID: coffer.NewID(), SpaceID: p.space.ID, ParentID: p.node.ID, Kind: coffer.Folder, Name: spot.name, CreatedAt: tx.Now, ChangedAt: tx.Now}
	if err := addNode(tx, n); err != nil {
		return folder, err
	}
	if n, err = tx.Node(n.ID); err != nil {
		return folder, err
	}
	a := act{action: "folder.created", node: n.ID, target: p.node.ID, detail: map[string]any{"name": n.Name, "sender": from.Name, "file_request": from.RequestID}}
	if err := tx.InsertEvent(v.event(p.space.ID, a)); err != nil {
		return folder, err
	}
	return p.child(n)
}

// EndDelivery says that a delivery is complete, and what it came to: who is to
// be told is told.
func (v *View) EndDelivery(ctx context.Context, id coffer.ID) (d coffer.Delivery, err error) {
	if d, err = v.Delivery(ctx, id); err != nil {
		return d, err
	}
	if err := v.s.closeDelivery(ctx, d); err != nil {
		return d, err
	}
	return v.Delivery(ctx, id)
}

// SendReceipt sends the receipt of a delivery to an address, once.
//
// Errors: ErrNotFound, Invalid "email_invalid", Conflict "receipt_sent".
func (v *View) SendReceipt(ctx context.Context, id coffer.ID, email string) error {
	if _, err := v.Delivery(ctx, id); err != nil {
		return err
	}
	email, ok := sentEmail(email)
	if !ok {
		return wrong("email", "email_invalid", "Type an e-mail address like name@example.com.")
	}
	return v.mine(ctx, func(tx *db.Tx) error {
		done, err := tx.SendReceipt(id, email)
		if err != nil {
			return err
		}
		if !done {
			return coffer.E(coffer.Conflict, "receipt_sent", "The receipt was sent already.")
		}
		return v.s.receipt(tx, id)
	})
}

// Delivery is a delivery to the principal's request, for who has its id: its
// sender.
func (v *View) Delivery(ctx context.Context, id coffer.ID) (d coffer.Delivery, err error) {
	err = v.holding(ctx, func(tx *db.Tx) error {
		if d, err = tx.Delivery(id); err == nil && d.RequestID != v.p.Holder() {
			return coffer.ErrNotFound
		}
		return err
	})
	return d, err
}

func (s *Service) closeDelivery(ctx context.Context, d coffer.Delivery) error {
	return s.maintain(ctx, coffer.ID{}, func(tx *db.Tx) error {
		closed, err := tx.CloseDelivery(d.ID)
		if err != nil || !closed {
			return err
		}
		if d, err = tx.Delivery(d.ID); err != nil || d.Files == 0 {
			return err
		}
		if err := s.tellArrived(tx, d); err != nil || d.ReceiptTo == "" {
			return err
		}
		return s.receipt(tx, d.ID)
	})
}

// CloseDeliveries ends the deliveries to which nothing comes any more, and
// forgets those that brought nothing. It is a periodic job.
func (s *Service) CloseDeliveries(ctx context.Context) error {
	for {
		var open []coffer.Delivery
		err := s.inspect(ctx, func(tx *db.Tx) (err error) {
			open, err = tx.QuietDeliveries(tx.Now-quiet.Milliseconds(), closeBatch)
			return err
		})
		if err != nil {
			return err
		}
		for _, d := range open {
			if err := s.closeDelivery(ctx, d); err != nil {
				return err
			}
		}
		if len(open) < closeBatch {
			break
		}
	}
	return s.maintain(ctx, coffer.ID{}, func(tx *db.Tx) error { return tx.PurgeDeliveries(tx.Now - togetherFor.Milliseconds()) })
}

// tellArrived tells who made a request what has come by it, if they want to know
// and may look at it.
func (s *Service) tellArrived(tx *db.Tx, d coffer.Delivery) error {
	r, err := tx.FileRequest(d.RequestID)
	if err != nil || !r.Notify {
		return ignore(err)
	}
	maker, err := tx.User(r.MadeBy)
	if err != nil {
		return ignore(err)
	}
	folder := r.NodeID
	if !d.FolderID.IsZero() {
		folder = d.FolderID
	}
	p, err := decide(tx, coffer.Principal{Kind: coffer.UserKind, User: maker, Scopes: coffer.AllScopes[:]}, folder, coffer.Read, false)
	if err != nil {
		return ignore(err)
	}
	n := about(p, coffer.FilesCame)
	n.ActorID, n.ObjectID, n.Told.By = coffer.ID{}, d.ID, ""
	n.Told.Link, n.Told.Who, n.Told.Email, n.Told.Files, n.Told.Bytes, n.Told.Ref = r.Title, d.Name, d.Email, d.Files, d.Bytes, d.Reference()
	return s.tell(tx, telling{n, []coffer.ID{maker.ID}})
}

// ReceiptOf returns a delivery, and the name of who had asked for it, for the
// receipt that its sender gets.
func (s *Service) ReceiptOf(ctx context.Context, id coffer.ID) (d coffer.Delivery, asker string, err error) {
	err = s.inspect(ctx, func(tx *db.Tx) error {
		if d, err = tx.Delivery(id); err != nil {
			return err
		}
		r, err := tx.FileRequest(d.RequestID)
		if err != nil {
			return err
		}
		maker, err := tx.User(r.MadeBy)
		asker = maker.Name
		return ignore(err)
	})
	return d, asker, err
}
