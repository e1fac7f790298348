package files

import (
	"context"
	"errors"
	"io"

	"coffer"
	"coffer/internal/cred"
	"coffer/internal/db"
)

// errSpent answers to a download that was had twice over already.
func errSpent() error {
	return coffer.E(coffer.Limited, "claim_spent", "This download was sent twice already. Begin a new one.")
}

// mostOf is how many bytes one download may send: the whole twice and a little,
// so that it can be gone on with and repeated, but not passed around.
func mostOf(c db.Claim) int64 { return 2*c.Size + 1<<20 }

// Claimed is a download that was begun.
type Claimed struct {
	ID     coffer.ID
	Name   string
	Cookie string // of the visit, where it began with this; "" = the browser has it
}

// Claim begins a download of a file, or of a folder with all below it as a ZIP:
// it takes one of the link's downloads. The browser may go on with what it has
// begun, and has it once more, without taking another.
//
// Errors: ErrNotFound, also where no download is left.
func (v *View) Claim(ctx context.Context, id coffer.ID) (c Claimed, err error) {
	if v.p.Kind != coffer.LinkKind || v.p.Link.May == coffer.LinkView {
		return c, coffer.ErrNotFound
	}
	p, err := v.reach(ctx, id, coffer.Read)
	if err != nil {
		return c, err
	}
	row := db.Claim{ID: coffer.RandomID(), LinkID: v.p.Link.ID, NodeID: id, Name: p.node.Name, Network: coffer.Network(v.p.Address)}
	if p.node.Kind == coffer.Folder {
		z, err := v.Zip(ctx, []coffer.ID{id})
		if err != nil {
			return c, err
		}
		row.Name, row.Size = z.Name, z.Size
	}
	cookie, hash := cred.NewToken(cred.Visit)
	err = v.commit(ctx, func(tx *db.Tx, ps []pass) ([]act, error) {
		n, l := ps[0].node, ps[0].who.Link
		if row.VersionID = n.VersionID; n.Kind == coffer.File {
			row.Size = n.Size
		}
		before, err := tx.ClaimsOf(v.p.Visit)
		if err != nil {
			return nil, err
		}
		for _, b := range before {
			if b.NodeID == id && b.VersionID == row.VersionID && b.Sent+b.Size <= mostOf(b) {
				c = Claimed{ID: b.ID, Name: b.Name}
				return nil, errUnchanged
			}
		}
		if err := tx.ReturnClaims(l.ID); err != nil {
			return nil, err
		}
		taken, err := tx.TakeDownload(l.ID, l.Version)
		if err != nil {
			return nil, err
		}
		if !taken {
			return nil, coffer.ErrNotFound
		}
		row.EndsAt = tx.Now + claimLife.Milliseconds()
		c = Claimed{ID: row.ID, Name: row.Name}
		if row.VisitID = v.p.Visit; !row.VisitID.IsZero() {
			err = tx.ExtendVisit(row.VisitID, row.EndsAt)
		} else {
			row.VisitID, c.Cookie = coffer.NewID(), cookie
			err = tx.InsertVisit(db.Visit{ID: row.VisitID, LinkID: l.ID, Version: l.Version, Address: v.p.Address, ExpiresAt: row.EndsAt}, hash)
		}
		if err != nil {
			return nil, err
		}
		what := "file"
		if row.VersionID.IsZero() {
			what = "zip"
		}
		acts := []act{{action: "link.downloaded", node: id, target: l.ID, detail: map[string]any{"name": n.Name, "what": what, "size": row.Size, "claim": row.ID}}}
		if row.Size == 0 { // no byte will tell that it came
			acts = append(acts, act{action: "link.finished", node: id, target: l.ID, detail: map[string]any{"name": n.Name, "size": row.Size, "claim": row.ID}})
			err = v.tellLink(tx, coffer.LinkGot, id, n.Name, false)
		}
		return acts, errors.Join(err, tx.InsertClaim(row))
	}, p)
	return c, err
}

// Delivery is the bytes of a download that a link's visitor has begun.
type Delivery struct {
	Node    coffer.ID
	Name    string
	Size    int64
	Version coffer.ID // zero: a ZIP, which has no ranges
	SHA256  []byte    // nil when unknown

	v       *View
	claim   db.Claim
	content *Content
	zip     *Zip
}

// Deliver opens what a download is of, as long as the browser may go on with it.
func (v *View) Deliver(ctx context.Context, id coffer.ID) (*Delivery, error) {
	if v.p.Kind != coffer.LinkKind || v.p.Visit.IsZero() {
		return nil, coffer.ErrNotFound
	}
	d := &Delivery{}
	err := v.look(ctx, v.p.Link.NodeID, coffer.Read, func(tx *db.Tx, _ pass) (err error) {
		d.claim, err = tx.Claim(v.p.Visit, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	own := *v
	own.claim = &d.claim
	d.v, d.Node, d.Name, d.Size, d.Version = &own, d.claim.NodeID, d.claim.Name, d.claim.Size, d.claim.VersionID
	if d.Version.IsZero() {
		if d.zip, err = own.Zip(ctx, []coffer.ID{d.Node}); err == nil {
			d.Size = d.zip.Size
		}
		return d, err
	}
	if d.content, _, err = own.open(ctx, d.Node, d.Version); err == nil {
		d.SHA256 = d.content.SHA256
	}
	return d, err
}

// Close lets the bytes go.
func (d *Delivery) Close() error {
	if d.content == nil {
		return nil
	}
	return d.content.Close()
}

// WriteRange writes n bytes from off on to w, as Content.WriteRange does; of a
// ZIP only the whole. What w has taken counts as sent. Before the first byte it
// is Limited "claim_spent" where the download has sent too much already.
func (d *Delivery) WriteRange(ctx context.Context, w io.Writer, off, n int64) (err error) {
	spent := false
	err = d.v.s.maintain(ctx, coffer.ID{}, func(tx *db.Tx) error {
		spent, err = tx.SpendClaim(d.claim.ID, n, mostOf(d.claim))
		return err
	})
	if err != nil {
		return err
	}
	if !spent {
		return errSpent()
	}
	out := &counted{w: w}
	if d.zip != nil {
		err = d.v.transfer(ctx, d.zip.passes, func(ctx context.Context) error { return d.zip.writeTo(ctx, out) })
	} else {
		_, err = d.content.WriteRange(ctx, out, off, n)
	}
	settled := d.v.s.maintain(context.WithoutCancel(ctx), coffer.ID{}, func(tx *db.Tx) error {
		finished, err := tx.SettleClaim(d.claim.ID, max(0, n-out.n), off, out.n)
		if err != nil || !finished {
			return err
		}
		a := act{action: "link.finished", node: d.Node, target: d.claim.LinkID, detail: map[string]any{"name": d.Name, "size": d.Size, "claim": d.claim.ID}}
		return errors.Join(tx.InsertEvent(d.v.event(d.v.p.Link.SpaceID, a)), d.v.tellLink(tx, coffer.LinkGot, d.Node, d.Name, d.Version.IsZero()))
	})
	if errors.Is(settled, coffer.ErrNotFound) {
		settled = nil // the link was deleted meanwhile
	}
	return errors.Join(err, settled)
}

// counted counts what a writer has taken.
type counted struct {
	w io.Writer
	n int64
}

func (t *counted) Write(p []byte) (int, error) {
	n, err := t.w.Write(p)
	t.n += int64(n)
	return n, err
}

// ReturnClaims gives back the downloads that ended and sent nothing, and removes
// visits that are over. It is a periodic job.
func (s *Service) ReturnClaims(ctx context.Context) error {
	return s.maintain(ctx, coffer.ID{}, func(tx *db.Tx) error {
		return errors.Join(tx.ReturnClaims(coffer.ID{}), tx.PurgeVisits(), tx.PurgeLinkCodes())
	})
}
