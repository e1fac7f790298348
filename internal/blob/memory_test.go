package blob_test

import (
	"errors"
	"testing"

	"coffer"
	"coffer/internal/blob"
	"coffer/internal/blob/blobtest"
)

func TestMemory(t *testing.T) {
	blobtest.Run(t, func(*testing.T) blob.Store { return blob.NewMemory() })
}

// TestFaultyPasses runs the suite on a store that could fail but is not asked to.
func TestFaultyPasses(t *testing.T) {
	blobtest.Run(t, func(*testing.T) blob.Store { return blobtest.NewFaulty(blob.NewMemory()) })
}

// TestFaultyFails checks that a planned failure comes at its step, and only then.
func TestFaultyFails(t *testing.T) {
	ctx := t.Context()
	f := blobtest.NewFaulty(blobtest.Marked(t, blob.NewMemory()))
	for _, persisted := range []bool{false, true} {
		id := coffer.RandomID()
		p, err := f.Stage(ctx, id, 100)
		if err != nil {
			t.Fatal(err)
		}
		f.Fail(blobtest.OpWrite, 1, false, nil)
		if _, err := p.WriteAt([]byte("a"), 0); err != nil {
			t.Fatal(err)
		}
		if _, err := p.WriteAt([]byte("b"), 1); !errors.Is(err, blobtest.ErrInjected) {
			t.Fatalf("second write: %v", err)
		}
		f.Fail(blobtest.OpPublish, 0, persisted, nil)
		if err := p.Publish(ctx, 1); !errors.Is(err, blobtest.ErrInjected) {
			t.Fatalf("publish: %v", err)
		}
		if _, err := f.Open(ctx, id); (err == nil) != persisted {
			t.Fatalf("persisted %v, but open says %v", persisted, err)
		}
		p.Abort(ctx)
	}
	f.FailForEver(blobtest.OpList)
	for range 3 {
		if err := f.List(ctx, "", nil); !errors.Is(err, blobtest.ErrInjected) {
			t.Fatalf("list: %v", err)
		}
	}
	f.Heal()
	if n := len(blobtest.Entries(t, f, "")); n != 1 || f.Seen(blobtest.OpList) != 4 {
		t.Fatalf("%d blobs, %d lists", n, f.Seen(blobtest.OpList))
	}
}

// TestMemoryPolices: misuse that a real store cannot notice does not pass here.
func TestMemoryPolices(t *testing.T) {
	ctx := t.Context()
	m := blobtest.Marked(t, blob.NewMemory())
	open := coffer.RandomID()
	two := [2]blob.Pending{}
	for i := range two {
		var err error
		if two[i], err = m.Stage(ctx, open, 100); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := two[0].WriteAt([]byte("x"), 0); err != nil {
		t.Fatal(err)
	}
	left := coffer.RandomID()
	p, err := m.Stage(ctx, left, 100)
	if err != nil {
		t.Fatal(err)
	}
	p.Close()
	gone := blobtest.Put(t, m, []byte("x"))
	if err := m.Delete(ctx, gone); err != nil {
		t.Fatal(err)
	}
	for what, misuse := range map[string]func(){
		"publish beside":    func() { two[0].Publish(ctx, 1) },
		"abort beside":      func() { two[1].Abort(ctx) },
		"another part size": func() { m.Stage(ctx, left, 200) },
		"an id used again":  func() { m.Stage(ctx, gone, 100) },
		"no id":             func() { m.Stage(ctx, coffer.ID{}, 100) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s passed", what)
				}
			}()
			misuse()
		}()
	}
}
