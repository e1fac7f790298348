package files

import (
	"context"
	"time"

	"coffer"
	"coffer/internal/db"
)

// leaseFor is how long a lease lasts that nobody renews: so long waits who comes
// after a server that was killed.
const leaseFor = 30 * time.Second

// Alone says that no other process serves this database: the leases of one that
// was killed are free.
func (s *Service) Alone(ctx context.Context) error {
	return s.maintain(ctx, coffer.ID{}, func(tx *db.Tx) error { return tx.FreeLeases() })
}

// Lease gives an own piece to one request at a time, for half a minute; Renew keeps
// it. Else it is noted that somebody waits, which Renew tells who has it.
func (v *View) Lease(ctx context.Context, id, lease coffer.ID) (taken bool, err error) {
	err = v.changePiece(ctx, id, func(tx *db.Tx) error {
		taken, err = tx.TakeLease(id, lease, tx.Now+leaseFor.Milliseconds())
		return err
	})
	return taken, err
}

// Renew keeps a lease for another half minute. It is false when it is lost, and
// wanted when another request waits for it.
func (s *Service) Renew(ctx context.Context, id, lease coffer.ID) (held bool, err error) {
	err = s.maintain(ctx, coffer.ID{}, func(tx *db.Tx) error {
		held, err = tx.RenewLease(id, lease, tx.Now+leaseFor.Milliseconds())
		return err
	})
	return held, err
}

// Wanted reports whether another request waits for a lease, or has it.
func (s *Service) Wanted(ctx context.Context, id, lease coffer.ID) (wanted bool, err error) {
	err = s.inspect(ctx, func(tx *db.Tx) error { wanted, err = tx.LeaseWanted(id, lease); return err })
	return wanted, err
}

// Free gives a lease back.
func (s *Service) Free(ctx context.Context, id, lease coffer.ID) error {
	return s.maintain(ctx, coffer.ID{}, func(tx *db.Tx) error { return tx.FreeLease(id, lease) })
}
