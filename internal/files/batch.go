package files

import (
	"context"

	"coffer"
)

// maxBatch is how many nodes one request may name.
const maxBatch = 1000

// BatchRequest does one thing to many nodes.
type BatchRequest struct {
	Op       string // move, copy, trash, restore, delete
	IDs      []coffer.ID
	To       coffer.ID       // folder, for move and copy; for restore, zero: where each was
	IfExists coffer.IfExists // for move and copy
}

// BatchResult is what became of one node.
type BatchResult struct {
	ID     coffer.ID
	Detail *Detail // nil when the node is gone, or Err is set
	Err    error
}

// Batch does as asked, one node after the other. Each has its own result, in
// the order asked, and no failure undoes another's success; the error is about
// the request as a whole.
//
// To copy more than Deps.WorkFrom nodes takes longer than an answer may: then there
// are no results but work, which tells them when it is over. (All else changes a
// row or two for each node, however much lies below.)
func (v *View) Batch(ctx context.Context, r BatchRequest) ([]BatchResult, *Work, error) {
	do, err := v.batchVerb(ctx, r)
	if err != nil {
		return nil, nil, err
	}
	if r.Op == "copy" {
		if work, err := v.startWork(ctx, r); work != nil || err != nil {
			return nil, work, err
		}
	}
	out := make([]BatchResult, len(r.IDs))
	for i, id := range r.IDs {
		out[i].ID = id
		if err := ctx.Err(); err != nil {
			out[i].Err = err
			continue
		}
		d, err := do(id)
		if out[i].Err = err; err == nil {
			out[i].Detail = d
		}
	}
	return out, nil, nil
}

// batchVerb is what a batch does to one node.
func (v *View) batchVerb(ctx context.Context, r BatchRequest) (do func(id coffer.ID) (*Detail, error), err error) {
	if len(r.IDs) == 0 || len(r.IDs) > maxBatch {
		return nil, coffer.E(coffer.Invalid, "invalid", "A batch names 1 to 1,000 things.")
	}
	switch r.Op {
	case "move":
		do = func(id coffer.ID) (*Detail, error) {
			d, err := v.Change(ctx, id, Patch{Parent: &r.To, IfExists: r.IfExists})
			return &d, err
		}
	case "copy":
		do = func(id coffer.ID) (*Detail, error) {
			d, _, err := v.Copy(ctx, id, r.To, "", r.IfExists)
			return &d, err
		}
	case "trash":
		do = func(id coffer.ID) (*Detail, error) { return nil, v.Trash(ctx, id, 0) }
	case "restore":
		do = func(id coffer.ID) (*Detail, error) {
			d, err := v.Restore(ctx, id, r.To)
			return &d, err
		}
	case "delete":
		do = func(id coffer.ID) (*Detail, error) { _, err := v.Delete(ctx, id); return nil, err }
	default:
		return nil, coffer.E(coffer.Invalid, "invalid", "op may be move, copy, trash, restore or delete.")
	}
	if (r.Op == "move" || r.Op == "copy") && r.To.IsZero() {
		return nil, coffer.E(coffer.Invalid, "invalid", "to must name a folder.")
	}
	return do, nil
}
