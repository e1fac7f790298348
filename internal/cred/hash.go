package cred

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"

	"golang.org/x/crypto/argon2"
	"golang.org/x/sync/semaphore"
	"golang.org/x/text/unicode/norm"
)

// ErrBusy says that all slots work and the queue is full: try again later.
var ErrBusy = errors.New("cred: too many passwords wait to be hashed")

// ErrRecord says that a stored hash is not one that we would have written.
var ErrRecord = errors.New("cred: not a password hash")

// Params are the costs of Argon2id.
type Params struct {
	MemoryKiB uint32
	Time      uint32
	Threads   uint8
}

const (
	saltBytes = 16
	sumBytes  = 32

	// A stored record above these costs is refused: it would be an attack with
	// our own memory and time.
	maxMemoryKiB = 1 << 20
	maxTime      = 20
	maxThreads   = 16

	// Blocks from this size on are collected at once, see Hasher.
	bigBlockKiB = 16 << 10
)

// Default is what new hashes cost: 64 MiB, about 0.2 s.
func Default() Params { return Params{MemoryKiB: 64 << 10, Time: 3, Threads: 1} }

// HasherOptions sets a Hasher up. The zero value is right for a server.
type HasherOptions struct {
	Params Params // zero = Default
	// Memory counts the slots, blocks of 64 MiB, where others in the process take
	// such blocks too; nil: it has Slots of its own.
	Memory *semaphore.Weighted
	Slots  int // hashes at once; 0 = Slots(CPUs, MemoryLimit)
	Queue  int // hashes that may wait for a slot; 0 = 32
}

// Hasher hashes passwords, few at a time, because each hash needs 64 MiB. Use
// one per process. Safe for concurrent use.
//
// The block of a hash is garbage when the hash is done. The collector runs
// before the slot is given on, so that a second block is never made while the
// first still counts: peak memory is slots times 64 MiB, however many wait.
type Hasher struct {
	params  Params
	slots   *semaphore.Weighted
	most    int64   // running and waiting together
	whole   *Hasher // of which this one is a part; nil: of none
	pending atomic.Int64
	runs    atomic.Int64
}

// NewHasher returns a Hasher.
func NewHasher(o HasherOptions) *Hasher {
	if o.Params == (Params{}) {
		o.Params = Default()
	}
	if o.Slots == 0 {
		o.Slots = Slots(runtime.GOMAXPROCS(0), MemoryLimit())
	}
	if o.Queue == 0 {
		o.Queue = 32
	}
	if o.Memory == nil {
		o.Memory = semaphore.NewWeighted(int64(o.Slots))
	}
	return &Hasher{params: o.Params, slots: o.Memory, most: int64(o.Slots + o.Queue)}
}

// Half returns the same hasher for strangers: they take half of the queue at
// most, so that people can still sign in while somebody tries passwords.
func (h *Hasher) Half() *Hasher {
	return &Hasher{params: h.params, slots: h.slots, most: (h.most + 1) / 2, whole: h}
}

// Runs tells how many hashes were started: a test of equal work counts them.
func (h *Hasher) Runs() int64 { return h.runs.Load() }

// Hash returns the PHC string of a password under a fresh salt. It fails with
// ErrBusy, or with the error of ctx when that ends while waiting.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, saltBytes)
	rand.Read(salt) // never fails (crypto/rand)
	sum, err := h.sum(ctx, password, h.params, salt, sumBytes)
	if err != nil {
		return "", err
	}
	return record{h.params, salt, sum}.String(), nil
}

// Verify reports whether password is the one of a PHC string, and whether that
// string is weaker than a new one would be, so that it should be made again.
// Besides the errors of Hash it returns ErrRecord.
func (h *Hasher) Verify(ctx context.Context, phc, password string) (ok, rehash bool, err error) {
	r, err := parseRecord(phc)
	if err != nil {
		return false, false, err
	}
	sum, err := h.sum(ctx, password, r.params, r.salt, uint32(len(r.sum)))
	if err != nil {
		return false, false, err
	}
	weaker := r.params.MemoryKiB < h.params.MemoryKiB || r.params.Time < h.params.Time || len(r.salt) < saltBytes || len(r.sum) < sumBytes
	return subtle.ConstantTimeCompare(sum, r.sum) == 1, weaker, nil
}

// Dummy does the work of Verify and has no answer: for people who do not exist,
// so that their absence takes as long as a wrong password.
func (h *Hasher) Dummy(ctx context.Context, password string) error {
	_, err := h.sum(ctx, password, h.params, make([]byte, saltBytes), sumBytes)
	return err
}

// sum waits for a slot and hashes in it.
func (h *Hasher) sum(ctx context.Context, password string, p Params, salt []byte, length uint32) ([]byte, error) {
	for q := h; q != nil; q = q.whole {
		defer q.pending.Add(-1)
		if q.pending.Add(1) > q.most {
			return nil, ErrBusy
		}
	}
	if err := h.slots.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	defer h.slots.Release(1)
	for q := h; q != nil; q = q.whole {
		q.runs.Add(1)
	}
	sum := argon2.IDKey([]byte(Normalize(password)), salt, p.Time, p.MemoryKiB, p.Threads, length)
	if p.MemoryKiB >= bigBlockKiB {
		runtime.GC()
	}
	return sum, nil
}

// Normalize returns the form of a password that is hashed: NFKC, so that the
// same keys on two keyboards give the same password. Passwords that are too
// long to be right are cut, so that nobody makes us normalise megabytes.
func Normalize(password string) string {
	if len(password) > maxBytes {
		password = password[:maxBytes+1] // still too long, so still wrong
	}
	return norm.NFKC.String(password)
}

// record is a stored hash: the PHC string format of argon2id, version 19.
type record struct {
	params    Params
	salt, sum []byte
}

func (r record) String() string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, r.params.MemoryKiB, r.params.Time, r.params.Threads,
		base64.RawStdEncoding.EncodeToString(r.salt), base64.RawStdEncoding.EncodeToString(r.sum))
}

// parseRecord reads exactly what String writes, within the ceilings.
func parseRecord(phc string) (record, error) {
	var r record
	var version int
	if len(phc) > 256 {
		return r, ErrRecord
	}
	parts := strings.Split(phc, "$")
	if len(parts) != 6 {
		return r, ErrRecord
	}
	if _, err := fmt.Sscanf(parts[2], "v=%d", &version); err != nil || version != argon2.Version {
		return r, ErrRecord
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &r.params.MemoryKiB, &r.params.Time, &r.params.Threads); err != nil {
		return r, ErrRecord
	}
	strict := base64.RawStdEncoding.Strict()
	var err1, err2 error
	r.salt, err1 = strict.DecodeString(parts[4])
	r.sum, err2 = strict.DecodeString(parts[5])
	p := r.params
	switch {
	case err1 != nil || err2 != nil,
		p.Threads < 1 || p.Threads > maxThreads,
		p.Time < 1 || p.Time > maxTime,
		p.MemoryKiB < 8*uint32(p.Threads) || p.MemoryKiB > maxMemoryKiB,
		len(r.salt) < 8 || len(r.salt) > 64,
		len(r.sum) < 16 || len(r.sum) > 64,
		r.String() != phc: // leading zeros, spaces, signs, anything behind
		return record{}, ErrRecord
	}
	return r, nil
}
