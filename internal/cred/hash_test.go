package cred_test

import (
	"context"
	"errors"
	"math"
	"os"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sync/semaphore"

	"coffer/internal/cred"
)

// cheap costs as little as Argon2id can.
func cheap() cred.Params { return cred.Params{MemoryKiB: 8, Time: 1, Threads: 1} }

// Vectors of the reference implementation (P-H-C/phc-winner-argon2, test.c,
// argon2id version 0x13).
func TestReferenceVectors(t *testing.T) {
	h := cred.NewHasher(cred.HasherOptions{Params: cheap()})
	for _, r := range []struct{ phc, password string }{
		{"$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", "password"},
		{"$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc", "password"},
		{"$argon2id$v=19$m=65536,t=1,p=1$c29tZXNhbHQ$9qWtwbpyPd3vm1rB1GThgPzZ3/ydHL92zKL+15XZypg", "password"},
		{"$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", "password"},
		{"$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$C4TWUs9rDEvq7w3+J4umqA32aWKB1+DSiRuBfYxFj94", "differentpassword"},
		{"$argon2id$v=19$m=65536,t=2,p=1$ZGlmZnNhbHQ$vfMrBczELrFdWP0ZsfhWsRPaHppYdP3MVEMIVlqoFBw", "password"},
	} {
		for password, want := range map[string]bool{r.password: true, r.password + " ": false, "": false} {
			ok, _, err := h.Verify(t.Context(), r.phc, password)
			if err != nil || ok != want {
				t.Errorf("Verify(%s, %q) = %v, %v; want %v", r.phc, password, ok, err, want)
			}
		}
	}
}

func TestHashAndVerify(t *testing.T) {
	h := cred.NewHasher(cred.HasherOptions{})
	phc, err := h.Hash(t.Context(), "correct horse battery")
	if err != nil || !strings.HasPrefix(phc, "$argon2id$v=19$m=65536,t=3,p=1$") {
		t.Fatalf("Hash = %q, %v; want the costs of crypto.md 7", phc, err)
	}
	ok, rehash, err := h.Verify(t.Context(), phc, "correct horse battery")
	if !ok || rehash || err != nil {
		t.Errorf("Verify = %v, %v, %v", ok, rehash, err)
	}
	again, _ := h.Hash(t.Context(), "correct horse battery")
	if again == phc {
		t.Error("two hashes share a salt")
	}
	if h.Runs() != 3 {
		t.Errorf("%d runs, want 3", h.Runs())
	}
}

func TestNormalisedLikeTyped(t *testing.T) {
	h := cred.NewHasher(cred.HasherOptions{Params: cheap()})
	phc, _ := h.Hash(t.Context(), "Zoe\u0308 trinkt ﬁnnischen Tee")
	for password, want := range map[string]bool{
		"Zo\u00eb trinkt finnischen Tee": true,
		"Zoe trinkt finnischen Tee":      false,
		"zo\u00eb trinkt finnischen Tee": false, // verified exactly as typed: case counts
	} {
		if ok, _, _ := h.Verify(t.Context(), phc, password); ok != want {
			t.Errorf("Verify(%q) = %v", password, ok)
		}
	}
}

func TestRehashWhenWeaker(t *testing.T) {
	base := cred.Params{MemoryKiB: 64, Time: 2, Threads: 1}
	h := cred.NewHasher(cred.HasherOptions{Params: base})
	for _, r := range []struct {
		p    cred.Params
		want bool
	}{
		{base, false},
		{cred.Params{MemoryKiB: 32, Time: 2, Threads: 1}, true},
		{cred.Params{MemoryKiB: 64, Time: 1, Threads: 1}, true},
		{cred.Params{MemoryKiB: 128, Time: 3, Threads: 1}, false},
	} {
		phc, _ := cred.NewHasher(cred.HasherOptions{Params: r.p}).Hash(t.Context(), "x")
		if ok, rehash, err := h.Verify(t.Context(), phc, "x"); !ok || rehash != r.want || err != nil {
			t.Errorf("%+v: %v, rehash %v, %v", r.p, ok, rehash, err)
		}
	}
	const short = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
	if _, rehash, _ := h.Verify(t.Context(), short, "password"); !rehash {
		t.Error("a salt of 8 bytes is not made again")
	}
}

func TestRecordsRefused(t *testing.T) {
	const good = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
	h := cred.NewHasher(cred.HasherOptions{Params: cheap()})
	for _, edit := range [][2]string{
		{good, ""}, {"$argon2id", "$argon2i"}, {"v=19", "v=16"}, {"v=19", "v=019"}, {"v=19", "v=19 "},
		{"m=256", "m=1048577"}, {"m=256", "m=7"}, {"m=256", "m=-1"}, {"m=256", "m=+256"}, {"m=256", "m=0x100"}, {"m=256", "m=4294967552"},
		{"t=2", "t=0"}, {"t=2", "t=21"}, {"p=1", "p=0"}, {"p=1", "p=17"}, {"p=1", "p=257"}, {"t=2,p=1", "p=1,t=2"}, {",p=1", ""}, {",p=1", ",p=1,x=1"},
		{"c29tZXNhbHQ", "c29tZXNhbHQ=="}, {"c29tZXNhbHQ", "c29tZXNhbHR"}, {"c29tZXNhbHQ", "c29t"}, {"c29tZXNhbHQ", ""}, {"c29tZXNhbHQ", strings.Repeat("AAAA", 22)},
		{"nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", "nf65"}, {"nf65", "nf-5"}, {"Gi/4", "Gi/4$"}, {"Gi/4", "Gi/4\n"}, {"c29t", "c29\nt"},
		{good, good + strings.Repeat("A", 300)},
	} {
		phc := strings.Replace(good, edit[0], edit[1], 1)
		runs := h.Runs()
		if _, _, err := h.Verify(t.Context(), phc, "password"); !errors.Is(err, cred.ErrRecord) || h.Runs() != runs {
			t.Errorf("%q: %v, %d hashes ran; want ErrRecord and none", phc, err, h.Runs()-runs)
		}
	}
}

func FuzzRecord(f *testing.F) {
	f.Add("$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4")
	f.Add("$argon2id$v=19$m=1048576,t=20,p=16$$")
	f.Fuzz(func(t *testing.T, phc string) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // parse, but do not run costs that the fuzzer chose
		h := cred.NewHasher(cred.HasherOptions{Params: cheap(), Slots: 1})
		h.Verify(ctx, phc, "x")
	})
}

// A full queue answers at once; nobody waits for ever.
func TestQueue(t *testing.T) {
	const slots, queue = 2, 3
	h := cred.NewHasher(cred.HasherOptions{Params: cred.Params{MemoryKiB: 16 << 10, Time: 3, Threads: 1}, Slots: slots, Queue: queue})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	results := make(chan error, slots+queue+40)
	var wg sync.WaitGroup
	for range cap(results) {
		wg.Go(func() {
			_, err := h.Hash(ctx, "x")
			if errors.Is(err, cred.ErrBusy) {
				cancel() // the queue was full: those who wait may go
			}
			results <- err
		})
	}
	wg.Wait()
	close(results)
	var done, busy, cancelled int
	for err := range results {
		switch {
		case err == nil:
			done++
		case errors.Is(err, cred.ErrBusy):
			busy++
		case errors.Is(err, context.Canceled):
			cancelled++
		default:
			t.Error(err)
		}
	}
	if busy == 0 || done < 1 || done+busy+cancelled != cap(results) {
		t.Errorf("%d done, %d busy, %d cancelled of %d", done, busy, cancelled, cap(results))
	}
	// All slots and places are free again.
	for range slots + queue {
		wg.Go(func() {
			if err := h.Dummy(t.Context(), "x"); err != nil {
				t.Errorf("after the rush: %v", err)
			}
		})
	}
	wg.Wait()
}

// Where memory is shared, a hash waits for it, and gives it back.
func TestSharedMemory(t *testing.T) {
	memory := semaphore.NewWeighted(1)
	h := cred.NewHasher(cred.HasherOptions{Params: cheap(), Memory: memory})
	if err := memory.Acquire(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.Hash(ctx, "x"); !errors.Is(err, context.Canceled) || h.Runs() != 0 {
		t.Errorf("it did not wait: %v, %d runs", err, h.Runs())
	}
	memory.Release(1)
	if _, err := h.Hash(t.Context(), "x"); err != nil {
		t.Error(err)
	}
	if !memory.TryAcquire(1) {
		t.Error("it has kept the memory")
	}
}

func TestSlots(t *testing.T) {
	const mib = 1 << 20
	for _, r := range []struct {
		cpus  int
		limit int64
		want  int
	}{
		{8, 0, 1}, {1, 0, 1}, {8, 64 * mib, 1}, {8, 128 * mib, 1}, {8, 511 * mib, 1}, {8, 512 * mib, 2}, {1, 4096 * mib, 1}, {4, 4096 * mib, 4}, {8, 1024 * mib, 4},
	} {
		if got := cred.Slots(r.cpus, r.limit); got != r.want {
			t.Errorf("Slots(%d, %d MiB) = %d, want %d", r.cpus, r.limit/mib, got, r.want)
		}
	}
}

func TestMemoryLimit(t *testing.T) {
	const none = math.MaxInt64
	for _, r := range []struct {
		name  string
		soft  int64
		files map[string]string
		want  int64
	}{
		{"nothing known", none, nil, 0},
		{"GOMEMLIMIT", 1000, nil, 1000},
		{"version 2", none, map[string]string{"/proc/self/cgroup": "0::/a/b\n", "/sys/fs/cgroup/a/b/memory.max": "2000\n"}, 2000},
		{"version 2, no limit", none, map[string]string{"/proc/self/cgroup": "0::/a\n", "/sys/fs/cgroup/a/memory.max": "max\n"}, 0},
		{"version 2, parent", none, map[string]string{"/proc/self/cgroup": "0::/a/b\n", "/sys/fs/cgroup/a/memory.max": "3000\n", "/sys/fs/cgroup/a/b/memory.max": "4000\n"}, 3000},
		{"container: path of the host", none, map[string]string{"/proc/self/cgroup": "0::/../x\n", "/sys/fs/cgroup/memory.max": "500\n"}, 500},
		{"version 1", none, map[string]string{"/proc/self/cgroup": "5:cpu:/z\n4:memory:/p\n", "/sys/fs/cgroup/memory/p/memory.limit_in_bytes": "700\n"}, 700},
		{"version 1, no limit", none, map[string]string{"/proc/self/cgroup": "4:memory:/\n", "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"}, 0},
		{"the smaller counts", 600, map[string]string{"/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/memory.max": "500\n"}, 500},
		{"nonsense", none, map[string]string{"/proc/self/cgroup": "::\n\nx\n0::\n", "/sys/fs/cgroup/memory.max": "-4"}, 0},
	} {
		got := cred.MemoryLimitFrom(r.soft, func(name string) ([]byte, error) {
			if s, ok := r.files[name]; ok {
				return []byte(s), nil
			}
			return nil, os.ErrNotExist
		})
		if got != r.want {
			t.Errorf("%s: %d, want %d", r.name, got, r.want)
		}
	}
	if cred.MemoryLimit() < 0 {
		t.Error("negative limit")
	}
}

// TestHalf: strangers who fill their half of the queue leave the other one to
// people.
func TestHalf(t *testing.T) {
	memory := semaphore.NewWeighted(1)
	if err := memory.Acquire(t.Context(), 1); err != nil { // nothing is hashed before this is given back
		t.Fatal(err)
	}
	h := cred.NewHasher(cred.HasherOptions{Params: cheap(), Memory: memory, Slots: 1, Queue: 9})
	half := h.Half()
	var waiting sync.WaitGroup
	refused := make(chan error, 100)
	for range 20 {
		waiting.Go(func() {
			if err := half.Dummy(t.Context(), "guess"); err != nil {
				refused <- err
			}
		})
	}
	for range 15 { // five of twenty wait
		if err := <-refused; !errors.Is(err, cred.ErrBusy) {
			t.Fatal(err)
		}
	}
	for range 5 { // and so do five people
		waiting.Go(func() {
			if err := h.Dummy(t.Context(), "password"); err != nil {
				t.Errorf("a person was refused: %v", err)
			}
		})
	}
	memory.Release(1)
	waiting.Wait()
	if half.Runs() != 5 || h.Runs() != 10 {
		t.Errorf("%d hashes of strangers, %d in all; want 5 of 10", half.Runs(), h.Runs())
	}
}
