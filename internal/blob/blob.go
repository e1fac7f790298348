// Package blob says what a store of blobs is, and has one in memory. A blob is
// a run of bytes under a random id; stores know ids, bytes and lengths. They
// must not know what the bytes mean, which keys sealed them, or whose they are:
// they see sealed bytes only.
//
// A blob is staged (being written, perhaps over several processes' lives),
// then published: from then on it is immutable until it is deleted, and its id
// is never used again. Every store passes the suite in blobtest.
package blob

import (
	"context"
	"errors"
	"io"
	"time"

	"coffer"
)

// ErrNotExist is the cause when no object is published under an id.
var ErrNotExist = errors.New("blob: no such object")

// ErrExists is the cause when an object is already published under an id.
var ErrExists = errors.New("blob: object exists and is immutable")

// ErrEnded is the cause when a Pending is used after Publish, Abort or Close.
var ErrEnded = errors.New("blob: staging has ended")

// Store keeps blobs. All methods are safe for concurrent use. A full disk is a
// coffer.OverQuota error with code "disk_full". Errors hold ids, no paths of
// the machine that the caller did not configure.
type Store interface {
	// Stage opens a new or leftover staged blob for writing. Several Pendings of
	// one id may write different parts at once; who writes a part holds a lease
	// on it (kept by the caller), and Publish and Abort want to be alone.
	// partSize is the stored length of each part but the last, the same each
	// time an id is staged; stores in the cloud write part by part. ErrExists if
	// the id is published.
	Stage(ctx context.Context, id coffer.ID, partSize int64) (Pending, error)

	// Open returns a published object, ErrNotExist if there is none. ctx bounds
	// the reads as well.
	Open(ctx context.Context, id coffer.ID) (Object, error)

	// Delete removes what is published or staged under the id. That nothing is
	// there is no error. Objects that are open stay readable until closed.
	Delete(ctx context.Context, id coffer.ID) error

	// List calls fn for each object and each staged leftover whose id starts
	// with prefix (characters of its text form), in no order, until fn returns
	// an error, which List returns. What changes meanwhile may or may not show.
	List(ctx context.Context, prefix string, fn func(Entry) error) error

	// Marker checks that this is the store of the installation. With create, an
	// empty store without mark gets it; in any other case a missing or foreign
	// mark is an error, so that an unmounted or exchanged volume is noticed
	// before anything is written or collected. A store that was never marked
	// takes no blobs.
	Marker(ctx context.Context, install coffer.ID, create bool) error
}

// Pending is a staged blob. WriteAt may be called for disjoint ranges at once
// and overwrites what a failed attempt left; the other methods may not run
// beside it. After a failed write or Sync all later calls fail but Abort and
// Close: a failed flush is never retried into success.
type Pending interface {
	io.WriterAt

	// ReadAt reads what was written, by this Pending or one before. Beyond it
	// lies the end, or what no one wrote: zeros.
	io.ReaderAt

	// Sync makes durable all that was written.
	Sync(ctx context.Context) error

	// Publish turns the first size bytes into the object: durably, at once, and
	// never over an existing one (ErrExists). Fewer staged bytes are an error.
	// It ends the Pending; after an error the object must be taken for lost and
	// its id not used again.
	Publish(ctx context.Context, size int64) error

	// Abort ends the Pending and removes what was staged. After another end it
	// does nothing, so it may be deferred.
	Abort(ctx context.Context) error

	// Close ends the Pending and leaves the bytes staged. After another end it
	// does nothing.
	Close() error
}

// Object is a published blob, immutable.
type Object interface {
	io.ReaderAt
	io.Closer
	Size() int64
}

// Entry is what List tells.
type Entry struct {
	ID      coffer.ID
	Staged  bool // not published: an upload under way or its leftover
	Size    int64
	Changed time.Time
}
