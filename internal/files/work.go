package files

import (
	"context"
	"errors"
	"time"

	"coffer"
	"coffer/internal/db"
)

const (
	workSlice = 2 * time.Second    // then other jobs get their turn
	workKept  = 24 * time.Hour     // what is over can be asked for so long
	workMay   = 7 * 24 * time.Hour // stand still, before what it made is removed
	maxWork   = 20                 // of one person at once
)

// Work is a batch that a job does, as who started it sees it. Nothing of a
// node's copy is seen before that copy is whole; what it takes was reserved at
// the start.
type Work struct {
	ID          coffer.ID
	Op          string
	To          coffer.ID // folder
	State       string    // waiting, running; over: done, failed (some of it), cancelled
	Done, Total int64     // nodes; Total was counted at the start
	CreatedAt   int64
	Results     []BatchResult // once it is over: as of Batch, cancelled ones left out
	Err         error         // the first failure
}

// startWork makes work of a batch that is too large for an answer; nil when it
// is not.
func (v *View) startWork(ctx context.Context, r BatchRequest) (*Work, error) {
	if err := checkHow(r.IfExists, coffer.Fail, coffer.KeepBoth, coffer.Replace, coffer.Merge); err != nil {
		return nil, err
	}
	var total, bytes int64
	for _, id := range r.IDs {
		err := v.look(ctx, id, coffer.Read, func(tx *db.Tx, p pass) error {
			n, b, err := tx.Subtree(p.node.ID)
			total, bytes = total+n, bytes+b
			return err
		})
		if err != nil && coffer.KindOf(err) == coffer.Internal {
			return nil, err
		}
	}
	if total <= v.s.workFrom || v.p.Kind != coffer.UserKind {
		return nil, nil
	}
	folder, err := v.reach(ctx, r.To, coffer.Write)
	if err != nil {
		return nil, err
	}
	w := db.Work{ID: coffer.NewID(), UserID: v.p.User.ID, Address: v.p.Address, Request: v.p.RequestID, Op: r.Op, NodeIDs: r.IDs, To: r.To, IfExists: r.IfExists,
		SpaceID: folder.space.ID, Reserved: bytes, State: db.WorkWaiting, Total: total}
	err = v.prepare(ctx, func(tx *db.Tx, ps []pass) error {
		if err := checkFolder(ps[0]); err != nil {
			return err
		}
		if n, err := tx.CountWork(w.UserID); err != nil {
			return err
		} else if n >= maxWork {
			return &coffer.Error{Kind: coffer.Limited, Code: "too_much_work", Msg: "You have started 20 things that still go on. Wait until some are done.", RetryAfter: time.Minute}
		}
		if err := v.s.takeQuota(tx, ps[0], 0, bytes); err != nil {
			return err
		}
		if err := tx.InsertWork(w); err != nil {
			return err
		}
		return v.s.goOn(tx, w.ID)
	}, folder)
	if err != nil {
		return nil, err
	}
	return v.Work(ctx, w.ID)
}

// Work tells how far work is, to who started it.
func (v *View) Work(ctx context.Context, id coffer.ID) (*Work, error) {
	var row db.Work
	err := v.ownWork(ctx, coffer.Read, func(tx *db.Tx) (err error) { row, err = tx.Work(id); return err })
	if err != nil {
		return nil, err
	}
	if row.UserID != v.p.User.ID {
		return nil, coffer.ErrNotFound
	}
	return v.tell(ctx, row)
}

// AllWork lists what the principal has started lately, newest first.
func (v *View) AllWork(ctx context.Context) (all []Work, err error) {
	var rows []db.Work
	err = v.ownWork(ctx, coffer.Read, func(tx *db.Tx) (err error) { rows, err = tx.WorkOf(v.p.User.ID, 100); return err })
	for _, row := range rows {
		w, err := v.tell(ctx, row)
		if err != nil {
			return nil, err
		}
		all = append(all, *w)
	}
	return all, err
}

// ownWork reads work for a person whose proof covers the right.
func (v *View) ownWork(ctx context.Context, r coffer.Right, fn func(tx *db.Tx) error) error {
	if v.p.Kind != coffer.UserKind {
		return coffer.ErrNotFound
	}
	if err := coffer.Permit(v.p, coffer.IsOwner, r); err != nil {
		return err
	}
	return v.s.inspect(ctx, fn)
}

func (v *View) tell(ctx context.Context, row db.Work) (*Work, error) {
	w := &Work{ID: row.ID, Op: row.Op, To: row.To, State: row.State, Done: row.Done, Total: row.Total, CreatedAt: row.CreatedAt}
	for _, r := range row.Results {
		one := BatchResult{ID: r.ID}
		if r.Code != "" {
			one.Err = &coffer.Error{Kind: r.Kind, Code: r.Code, Msg: r.Msg, Room: r.Room}
			if w.Err == nil {
				w.Err = one.Err
			}
		} else if row.Over() {
			d, err := v.Stat(ctx, r.Node)
			if err == nil {
				one.Detail = &d
			} else if !errors.Is(err, coffer.ErrNotFound) { // moved on: deleted, or not to be seen any more
				return nil, err
			}
		}
		if row.Over() {
			w.Results = append(w.Results, one)
		}
	}
	return w, nil
}

// CancelWork ends work: what was not shown yet is gone, what was stays. Work
// that is over is as it was.
func (v *View) CancelWork(ctx context.Context, id coffer.ID) (*Work, error) {
	before, err := v.Work(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := coffer.Permit(v.p, coffer.IsOwner, coffer.Write); err != nil {
		return nil, err
	}
	err = v.mine(ctx, func(tx *db.Tx) error {
		w, err := tx.Work(before.ID)
		if err != nil {
			return err
		}
		if _, err := tx.LockSpace(w.SpaceID); err != nil {
			return err
		}
		if w, err = tx.Work(before.ID); err != nil || w.Over() { // as it is under the lock
			return err
		}
		if err := v.s.dropItem(ctx, tx, &w); err != nil {
			return err
		}
		return endWork(tx, &w, db.WorkCancelled)
	})
	if err != nil {
		return nil, err
	}
	return v.Work(ctx, id)
}

// dropItem removes the hidden copy that work is at.
func (s *Service) dropItem(ctx context.Context, tx *db.Tx, w *db.Work) error {
	if w.RootID.IsZero() {
		return nil
	}
	err := tx.ExtendHidden(w.RootID, tx.Now)
	if errors.Is(err, coffer.ErrNotFound) { // its time was over
		err = nil
	} else if err == nil {
		err = s.doomed(ctx, tx, w.RootID)
	}
	w.RootID, w.Path, w.Nodes = coffer.ID{}, nil, 0
	return err
}

// endWork says that work is over and gives back what it had reserved.
func endWork(tx *db.Tx, w *db.Work, state string) error {
	if _, err := tx.TakeQuota(w.SpaceID, 0, -w.Reserved); err != nil {
		return err
	}
	w.State, w.Reserved = state, 0
	return tx.SetWork(*w)
}

// nextItem notes what became of the present item and goes to the next, or ends.
func nextItem(tx *db.Tx, w *db.Work, r db.WorkResult) error {
	r.ID = w.NodeIDs[w.Item]
	w.Results = append(w.Results, r)
	w.Item++
	w.RootID, w.Path, w.Nodes = coffer.ID{}, nil, 0
	if w.Item < len(w.NodeIDs) {
		return tx.SetWork(*w)
	}
	state := db.WorkDone
	for _, r := range w.Results {
		if r.Code != "" {
			state = db.WorkFailed
		}
	}
	return endWork(tx, w, state)
}

// RunWork does work for a while; then it inserts another job that goes on, so
// that others have their turn. It is a job and may be cut off at any time, and
// run twice: each step is one transaction that reads how far the work is.
func (s *Service) RunWork(ctx context.Context, id coffer.ID) error {
	for end := time.Now().Add(workSlice); time.Now().Before(end); {
		more, err := s.workStep(ctx, id)
		if err != nil || !more {
			return err
		}
	}
	return s.maintain(ctx, coffer.ID{}, func(tx *db.Tx) error { return s.goOn(tx, id) })
}

// PurgeWork forgets work that was over long ago, and ends what stands still, for
// its job was given up. It is a periodic job.
func (s *Service) PurgeWork(ctx context.Context) error {
	var stale []db.Work
	err := s.inspect(ctx, func(tx *db.Tx) (err error) {
		stale, err = tx.StaleWork(tx.Now-workMay.Milliseconds(), purgeBatch)
		return err
	})
	if err != nil {
		return err
	}
	for _, was := range stale {
		err := s.maintain(ctx, was.SpaceID, func(tx *db.Tx) error {
			w, err := still(tx, was)
			if err != nil {
				return err
			}
			if err := s.dropItem(ctx, tx, &w); err != nil {
				return err
			}
			return endWork(tx, &w, db.WorkCancelled)
		})
		if err != nil && !errors.Is(err, errMoved) && !errors.Is(err, coffer.ErrNotFound) {
			return err
		}
	}
	return s.maintain(ctx, coffer.ID{}, func(tx *db.Tx) error { return tx.PurgeWork(tx.Now - workKept.Milliseconds()) })
}

// errMoved ends a step whose work has moved on meanwhile.
var errMoved = errors.New("files: the work has moved on")

// workStep does one step, and reports whether there is another. It acts as the
// person who started the work, with the rights that they have now.
func (s *Service) workStep(ctx context.Context, id coffer.ID) (more bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	var w db.Work
	var u coffer.User
	err = s.inspect(ctx, func(tx *db.Tx) (err error) {
		if w, err = tx.Work(id); err == nil {
			u, err = tx.User(w.UserID)
		}
		return err
	})
	if errors.Is(err, coffer.ErrNotFound) || err == nil && w.Over() {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	v := s.As(coffer.Principal{Kind: coffer.UserKind, User: u, Scopes: []coffer.Scope{coffer.ScopeFilesRead, coffer.ScopeFilesWrite}, Address: w.Address, RequestID: w.Request})
	err = v.copyItem(ctx, w)
	if err == nil || errors.Is(err, errMoved) {
		return true, nil
	}
	if cut := ctx.Err(); cut != nil {
		return false, cut
	}
	if !isFinal(err) {
		return false, err
	}
	return true, s.failItem(ctx, w, err)
}

// isFinal reports whether trying again would fail in the same way.
func isFinal(err error) bool {
	k := coffer.KindOf(err)
	return k != coffer.Internal && k != coffer.Busy && !errors.Is(err, db.ErrTaken)
}

// failItem gives the present item up.
func (s *Service) failItem(ctx context.Context, was db.Work, cause error) error {
	err := s.maintain(ctx, was.SpaceID, func(tx *db.Tx) error {
		w, err := still(tx, was)
		if err != nil {
			return err
		}
		if err := s.dropItem(ctx, tx, &w); err != nil {
			return err
		}
		e, _ := errors.AsType[*coffer.Error](cause)
		return nextItem(tx, &w, db.WorkResult{Kind: e.Kind, Code: e.Code, Msg: e.Msg, Room: e.Room})
	})
	if errors.Is(err, errMoved) || errors.Is(err, coffer.ErrNotFound) {
		return nil
	}
	return err
}

// still is the work as it is now, if it is at the item and root that it was at.
func still(tx *db.Tx, was db.Work) (db.Work, error) {
	w, err := tx.Work(was.ID)
	if err == nil && (w.Over() || w.Item != was.Item || w.RootID != was.RootID) {
		err = errMoved
	}
	return w, err
}

// copyItem does one step of the copy of the present item: it begins, goes on, or
// shows it.
func (v *View) copyItem(ctx context.Context, w db.Work) error {
	src, err := v.reach(ctx, w.NodeIDs[w.Item], coffer.Read)
	if err != nil {
		return err
	}
	folder, err := v.reach(ctx, w.To, coffer.Write)
	if err != nil {
		return err
	}
	if err := checkNew(folder, src.node.Name, w.IfExists, coffer.Fail, coffer.KeepBoth, coffer.Replace, coffer.Merge); err != nil {
		return err
	}
	shown := func(tx *db.Tx, made Detail) error {
		w, err := still(tx, w)
		if err != nil {
			return err
		}
		if src.node.Kind == coffer.File { // its bytes were taken without those reserved
			if err := giveReserved(tx, &w, made.Size); err != nil {
				return err
			}
		}
		w.State = db.WorkRunning
		w.Done++
		return nextItem(tx, &w, db.WorkResult{Node: made.ID})
	}
	switch {
	case src.node.Kind == coffer.File:
		_, _, err = v.copyFile(ctx, src, folder, src.node.Name, w.IfExists, shown)
		return err
	case w.RootID.IsZero():
		return v.beginItem(ctx, w, src, folder)
	case len(w.Path) > 0:
		err := v.continueItem(ctx, w, src, folder, false)
		if errors.Is(err, db.ErrTaken) {
			err = v.continueItem(ctx, w, src, folder, true)
		}
		return err
	}
	var root coffer.Node
	if err := v.s.inspect(ctx, func(tx *db.Tx) (err error) { root, err = tx.Node(w.RootID); return err }); err != nil {
		return err
	}
	_, _, err = v.showCopy(ctx, src, folder, root, root.Name, w.IfExists, w.Nodes, shown)
	return err
}

func (v *View) beginItem(ctx context.Context, was db.Work, src, folder pass) error {
	return v.prepare(ctx, func(tx *db.Tx, ps []pass) error {
		w, err := still(tx, was)
		if err != nil {
			return err
		}
		folder, src := ps[0], ps[1]
		if err := canShow(tx, src, folder, src.node.Name, w.IfExists); err != nil {
			return err
		}
		root, err := v.hide(tx, folder, src.node.Name, workMay)
		if err != nil {
			return err
		}
		w.State, w.RootID, w.Path = db.WorkRunning, root.ID, copying{{from: src.node.ID, to: root.ID}}.encode()
		return tx.SetWork(w)
	}, folder, src)
}

func (v *View) continueItem(ctx context.Context, was db.Work, src, folder pass, careful bool) error {
	return v.prepare(ctx, func(tx *db.Tx, ps []pass) error {
		w, err := still(tx, was)
		if err != nil {
			return err
		}
		if err := tx.ExtendHidden(w.RootID, tx.Now+workMay.Milliseconds()); err != nil {
			return err
		}
		step, err := v.copySome(tx, ps[0], decodeCopying(w.Path), careful)
		if err != nil {
			return err
		}
		settled := min(step.bytes, w.Reserved)
		if err := v.s.takeQuota(tx, ps[0], step.bytes, -settled); err != nil {
			return err
		}
		w.Reserved -= settled
		w.Done, w.Nodes, w.Path = w.Done+step.nodes, w.Nodes+step.nodes, step.left.encode()
		return tx.SetWork(w)
	}, folder, src)
}

// giveReserved gives back reserved bytes that were taken otherwise.
func giveReserved(tx *db.Tx, w *db.Work, bytes int64) error {
	bytes = min(bytes, w.Reserved)
	w.Reserved -= bytes
	_, err := tx.TakeQuota(w.SpaceID, 0, -bytes)
	return err
}
