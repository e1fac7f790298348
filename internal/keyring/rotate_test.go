package keyring

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"filippo.io/age"

	"coffer"
	"coffer/internal/db"
	"coffer/internal/db/dbtest"
	"coffer/internal/keyring/keyringtest"
)

// mails seals n mails, which is what rows under a KEK are easiest made of.
func mails(t testing.TB, d *db.DB, k *Keyring, n int) (ids []coffer.ID) {
	t.Helper()
	err := d.Update(t.Context(), func(tx *db.Tx) error {
		for range n {
			id := coffer.NewID()
			sealed, ver := k.SealMail(id, id[:])
			if err := tx.InsertMail(db.Mail{ID: id, Sealed: sealed, KEKVer: ver}); err != nil {
				return err
			}
			ids = append(ids, id)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

// readable opens every mail with a keyring and returns the versions it met.
func readable(t *testing.T, d *db.DB, k *Keyring, ids []coffer.ID) (versions []uint32) {
	t.Helper()
	for _, id := range ids {
		err := d.View(t.Context(), func(tx *db.Tx) error {
			m, err := tx.Mail(id)
			if err != nil {
				return err
			}
			body, err := k.OpenMail(id, m.KEKVer, m.Sealed)
			if err == nil && !bytes.Equal(body, id[:]) {
				t.Errorf("mail %v holds something else", id)
			}
			if !slices.Contains(versions, m.KEKVer) {
				versions = append(versions, m.KEKVer)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return versions
}

func TestRotateKEK(t *testing.T) {
	dbtest.EachWith(t, func(t *testing.T, open func(db.Options) *db.DB) {
		var shift atomic.Int64
		now := func() time.Time { return time.Now().Add(time.Duration(shift.Load())) }
		d := open(db.Options{Now: now})
		ctx, p, install := t.Context(), fromEnv(t, line("a", 1)), coffer.NewID()
		k := open1(t, d, p, install)
		server := open1(t, d, p, install) // another process
		ids := mails(t, d, k, 20)

		v, err := k.AddKEK(ctx)
		if err != nil || v != 2 || k.Active() != 1 {
			t.Fatalf("added %d, active %d, %v", v, k.Active(), err)
		}
		if again, err := k.AddKEK(ctx); err != nil || again != 2 {
			t.Fatalf("a rotation that was cut off goes on with %d, %v", again, err)
		}
		if err := k.ActivateKEK(ctx, v); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, mails(t, d, server, 1)...) // by a server that has not noticed yet
		if err := k.Reseal(ctx); err != nil {
			t.Fatal(err)
		}
		if got := readable(t, d, k, ids); !slices.Equal(got, []uint32{2}) {
			t.Fatalf("sealed under %v, want 2 alone", got)
		}

		// The other process meets a key that it does not know: try again, then it does.
		err = d.View(ctx, func(tx *db.Tx) error {
			m, err := tx.Mail(ids[0])
			if err != nil {
				return err
			}
			_, err = server.OpenMail(ids[0], m.KEKVer, m.Sealed)
			return err
		})
		if coffer.KindOf(err) != coffer.Busy {
			t.Fatalf("a key from a moment ago: %v", err)
		}
		if err := server.Refresh(ctx); err != nil || server.Active() != 2 {
			t.Fatalf("after Refresh: active %d, %v", server.Active(), err)
		}
		readable(t, d, server, ids)

		// Retiring: not while something needs it, not at once, then yes.
		id := coffer.NewID()
		must(t, d.Update(ctx, func(tx *db.Tx) error { return tx.InsertMail(db.Mail{ID: id, Sealed: []byte{1}, KEKVer: 1}) }))
		shift.Store(int64(time.Hour))
		gone, stay, err := k.Retire(ctx)
		if err != nil || len(gone) != 0 || !strings.Contains(stay[1], "1 of mail.sealed") {
			t.Fatalf("a key that is needed: gone %v, stays %v, %v", gone, stay, err)
		}
		must(t, d.Update(ctx, func(tx *db.Tx) error { return tx.DeleteMail(id) }))
		shift.Store(0)
		if gone, stay, err = k.Retire(ctx); err != nil || len(gone) != 0 || !strings.Contains(stay[1], "try again in") {
			t.Fatalf("a key of a moment ago: gone %v, stays %v, %v", gone, stay, err)
		}
		shift.Store(int64(time.Hour))
		if gone, stay, err = k.Retire(ctx); err != nil || !slices.Equal(gone, []uint32{1}) || len(stay) != 0 {
			t.Fatalf("gone %v, stays %v, %v", gone, stay, err)
		}
		readable(t, d, k, ids)
		if _, _, err := k.Retire(ctx); err != nil {
			t.Fatal(err)
		}
		if state, err := k.State(ctx); err != nil || len(state) != 1 || !state[0].Active || len(state[0].Uses) != 1 || state[0].Uses[0] != (Use{"mail.sealed", 21}) {
			t.Fatalf("state %+v, %v", state, err)
		}
		readable(t, d, open1(t, d, p, install), ids)
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestFinish: whatever step a rotation was cut off at, Finish ends it.
func TestFinish(t *testing.T) {
	steps := []func(ctx context.Context, k *Keyring) error{
		func(ctx context.Context, k *Keyring) error { _, err := k.AddKEK(ctx); return err },
		func(ctx context.Context, k *Keyring) error { return k.ActivateKEK(ctx, 2) },
		func(ctx context.Context, k *Keyring) error { // one batch, then the end
			cut, cancel := context.WithCancel(ctx)
			cancel()
			err := k.Reseal(cut)
			if errors.Is(err, context.Canceled) {
				return nil
			}
			return err
		},
	}
	for cutAfter := 1; cutAfter <= len(steps); cutAfter++ {
		dbtest.EachWith(t, func(t *testing.T, open func(db.Options) *db.DB) {
			var shift atomic.Int64
			d := open(db.Options{Now: func() time.Time { return time.Now().Add(time.Duration(shift.Load())) }})
			ctx, p, install := t.Context(), fromEnv(t, line("a", 1)), coffer.NewID()
			k := open1(t, d, p, install)
			ids := mails(t, d, k, 20)
			for _, step := range steps[:cutAfter] {
				must(t, step(ctx, k))
			}
			again := open1(t, d, p, install)
			if cutAfter == 1 { // its maker may be at it still
				must(t, again.Finish(ctx))
				if again.Active() != 1 {
					t.Error("a key was made active under its maker's hands")
				}
				shift.Store(int64(time.Minute))
			}
			must(t, again.Finish(ctx))
			if got := readable(t, d, again, ids); !slices.Equal(got, []uint32{2}) {
				t.Fatalf("cut after step %d: sealed under %v", cutAfter, got)
			}
			must(t, d.View(ctx, func(tx *db.Tx) error {
				story, err := tx.Rotations()
				if len(story) != 2 && len(story) != 1 || story[0].What != RotationKEK || story[0].Target != 2 || story[0].EndedAt == 0 || story[0].Done != 20 {
					t.Errorf("the story: %+v", story)
				}
				return err
			}))
		})
	}
}

// TestFollow: a server takes a key of another process over before that becomes
// active, and what the key seals opens at once.
func TestFollow(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, open func() *db.DB) {
		d, p, install := open(), fromEnv(t, line("a", 1)), coffer.NewID()
		k, other := open1(t, d, p, install), open1(t, d, p, install)
		ctx, end := context.WithCancel(t.Context())
		member, err := other.Join(ctx, "host b")
		must(t, err)
		ended := make(chan struct{})
		go func() { member.Follow(ctx, slog.New(slog.DiscardHandler)); close(ended) }()
		v, err := k.AddKEK(ctx)
		must(t, err)
		if err := k.ActivateKEK(ctx, v); code(err) != "server_behind" || !strings.Contains(err.Error(), "host b") {
			t.Fatalf("active before the server knew it: %v", err)
		}
		must(t, k.Await(ctx, v, false))
		must(t, k.ActivateKEK(ctx, v))
		sealed, ver := k.SealMail(install, []byte("body"))
		if _, err := other.OpenMail(install, ver, sealed); err != nil {
			t.Fatal(err)
		}
		must(t, k.Await(ctx, v, true))
		if other.Active() != v {
			t.Errorf("the server seals under %d", other.Active())
		}
		end()
		<-ended
		must(t, d.View(t.Context(), func(tx *db.Tx) error {
			left, err := tx.Servers(0)
			if len(left) != 0 {
				t.Errorf("it has ended and counts: %+v", left)
			}
			return err
		}))
	})
}

// TestServerBehind: a server with another master key keeps a KEK from becoming
// active as long as it lives, and no longer.
func TestServerBehind(t *testing.T) {
	dbtest.EachWith(t, func(t *testing.T, open func(db.Options) *db.DB) {
		var shift atomic.Int64
		d := open(db.Options{Now: func() time.Time { return time.Now().Add(time.Duration(shift.Load())) }})
		ctx, install := t.Context(), coffer.NewID()
		m := fromFile(t, line("a", 1))
		old := open1(t, d, m, install)
		_, err := old.Join(ctx, "host a")
		must(t, err)
		moved := fromEnv(t, line("b", 2))
		_, err = old.Rewrap(ctx, moved)
		must(t, err)
		k := open1(t, d, moved, install)
		v, err := k.AddKEK(ctx)
		must(t, err)
		if err := old.Refresh(ctx); err == nil {
			t.Fatal("the old master key opens a key that the new one has wrapped")
		}
		if _, err := old.Join(ctx, "host a again"); err == nil {
			t.Error("a server joined that cannot open all keys")
		}
		for range 2 {
			if err := k.ActivateKEK(ctx, v); code(err) != "server_behind" || k.Active() != 1 {
				t.Fatalf("%v, active %d", err, k.Active())
			}
			ids := mails(t, d, k, 3)
			readable(t, d, old, ids)
			shift.Store(int64(memberLife - 5*time.Second)) // silent, but it counts
		}
		shift.Store(int64(3 * memberLife))
		must(t, k.Finish(ctx))
		if k.Active() != v {
			t.Errorf("a server that is gone for long is waited for: active %d", k.Active())
		}
	})
}

// TestRotateMaster: a new line in front, all wrapped anew, the old line gone;
// what is sealed under the KEKs never moves.
func TestRotateMaster(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, open func() *db.DB) {
		d, ctx, install := open(), t.Context(), coffer.NewID()
		path := keyFile(t, "# ours\n"+line("a", 1)+"\n", 0o600)
		m, err := OpenFile(path)
		must(t, err)
		k := open1(t, d, m, install)
		server, err := OpenFile(path) // read before the rotation
		must(t, err)
		ids := mails(t, d, k, 3)
		before := rows(t, d)

		must(t, m.AddKey())
		if n, err := k.Rewrap(ctx, m); err != nil || n != 1 {
			t.Fatalf("%d wrapped, %v", n, err)
		}
		after := rows(t, d)
		if after[0].KeyRef != m.ActiveID() || after[0].KeyRef == "a" || bytes.Equal(before[0].Wrapped, after[0].Wrapped) || !bytes.Equal(before[0].Check, after[0].Check) {
			t.Fatalf("before %+v\nafter %+v", before, after)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the key file has mode %v, %v", info.Mode(), err)
		}
		// A server that read the file before looks again.
		readable(t, d, open1(t, d, server, install), ids)

		gone, err := m.RemoveKeys(map[string]bool{})
		if err != nil || !slices.Equal(gone, []string{"a"}) || !slices.Equal(m.IDs(), []string{m.ActiveID()}) {
			t.Fatalf("removed %v, left %v, %v", gone, m.IDs(), err)
		}
		text, _ := os.ReadFile(path)
		if !strings.Contains(string(text), "# ours\n") || strings.Contains(string(text), ":a:") {
			t.Error("the file lost its comment, or kept the key")
		}
		last, err := OpenFile(path)
		must(t, err)
		readable(t, d, open1(t, d, last, install), ids)
	})
}

// TestMigrateProvider moves from a file to a key management server and back.
func TestMigrateProvider(t *testing.T) {
	d, ctx, install := dbtest.SQLite(t), t.Context(), coffer.NewID()
	m := fromFile(t, line("a", 1))
	k := open1(t, d, m, install)
	ids := mails(t, d, k, 3)
	tr := transit(t, at(t, keyringtest.NewTransit(t)))
	if _, err := k.Rewrap(ctx, tr); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(ctx, d, m, install); code(err) != "master_key_missing" {
		t.Errorf("the file opens it still: %v", err)
	}
	k = open1(t, d, tr, install)
	readable(t, d, k, ids)
	if _, err := k.Rewrap(ctx, failing{errors.New("down")}); err == nil {
		t.Error("wrapped by a provider that is down")
	}
	readable(t, d, open1(t, d, tr, install), ids)
	if _, err := k.Rewrap(ctx, m); err != nil {
		t.Fatal(err)
	}
	readable(t, d, open1(t, d, m, install), ids)
}

// TestRewrapChecks: a provider that gives back something else gets nothing.
func TestRewrapChecks(t *testing.T) {
	d, m := dbtest.SQLite(t), fromEnv(t, line("a", 1))
	k := open1(t, d, m, coffer.NewID())
	before := rows(t, d)
	if _, err := k.Rewrap(t.Context(), liar{m}); err == nil {
		t.Error("a wrap that opens to something else was stored")
	}
	if after := rows(t, d); !bytes.Equal(after[0].Wrapped, before[0].Wrapped) {
		t.Error("the wrap has changed")
	}
}

type liar struct{ Provider }

func (l liar) Unwrap(ctx context.Context, w Wrapped, aad []byte) ([]byte, error) {
	key, err := l.Provider.Unwrap(ctx, w, aad)
	if err == nil {
		key[0] ^= 1
	}
	return key, err
}

func TestEscrow(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, open func() *db.DB) {
		d, ctx, install := open(), t.Context(), coffer.NewID()
		m := fromFile(t, line("a", 1)+"\n"+line("b", 2))
		k := open1(t, d, m, install)
		ids := mails(t, d, k, 2)
		state := func(wantEver, wantCurrent bool) {
			t.Helper()
			if at, current, err := k.EscrowState(ctx); err != nil || (at > 0) != wantEver || current != wantCurrent {
				t.Errorf("exported at %d, current %v, %v", at, current, err)
			}
		}
		state(false, false)

		classic, err := age.GenerateX25519Identity()
		must(t, err)
		hybrid, err := age.GenerateHybridIdentity()
		must(t, err)
		stranger, err := age.GenerateX25519Identity()
		must(t, err)
		to, err := ParseRecipients([]string{hybrid.Recipient().String()})
		must(t, err)
		to2, err := ParseRecipients([]string{classic.Recipient().String()})
		must(t, err)
		for _, r := range []struct {
			to []age.Recipient
			id string
		}{{to, hybrid.String()}, {to2, classic.String()}} {
			var file bytes.Buffer
			must(t, k.Export(ctx, &file, r.to))
			must(t, k.Exported(ctx))
			state(true, true)
			if bytes.Contains(file.Bytes(), []byte(keyPrefix)) {
				t.Fatal("the export is readable")
			}
			e, err := ReadEscrow(bytes.NewReader(file.Bytes()), strings.NewReader("# made today\n"+r.id+"\n"))
			must(t, err)
			if e.Install != install || e.Master != line("a", 1)+"\n"+line("b", 2)+"\n" {
				t.Errorf("of %v, master keys of %d bytes", e.Install, len(e.Master))
			}
			readable(t, d, open1(t, d, e.Provider(), install), ids)
			if _, err := Open(ctx, d, e.Provider(), coffer.NewID()); code(err) != "master_key_missing" {
				t.Errorf("another installation: %v", err)
			}
			_, err = ReadEscrow(bytes.NewReader(file.Bytes()), strings.NewReader(stranger.String()))
			if code(err) != "identity_wrong" {
				t.Errorf("a stranger: %v", err)
			}
			for _, at := range []int{0, file.Len() / 2, file.Len() - 1} {
				bad := bytes.Clone(file.Bytes())
				bad[at] ^= 1
				if _, err := ReadEscrow(bytes.NewReader(bad), strings.NewReader(r.id)); err == nil {
					t.Errorf("byte %d flipped: opened", at)
				}
			}
		}
		v, err := k.AddKEK(ctx)
		must(t, err)
		must(t, k.ActivateKEK(ctx, v))
		state(true, false) // the export does not hold the new key

		_, err = ParseRecipients([]string{"age1nonsense"})
		if code(err) != "recipient_invalid" {
			t.Errorf("nonsense as a recipient: %v", err)
		}
		_, err = ReadEscrow(strings.NewReader("x"), strings.NewReader("AGE-SECRET-KEY-1NONSENSE"))
		if code(err) != "identity_invalid" || strings.Contains(err.Error(), "NONSENSE") {
			t.Errorf("nonsense as an identity: %v", err)
		}
	})
}

// BenchmarkRotateKEK seals space keys again: rows a second. -benchtime 100000x
// is the rotation of that many spaces.
func BenchmarkRotateKEK(b *testing.B) {
	b.Run("sqlite", func(b *testing.B) { benchmarkRotateKEK(b, dbtest.SQLite(b)) })
	b.Run("postgres", func(b *testing.B) { benchmarkRotateKEK(b, dbtest.Postgres(b)) })
}

func benchmarkRotateKEK(b *testing.B, d *db.DB) {
	m, err := OpenEnv(line("a", 1))
	if err != nil {
		b.Fatal(err)
	}
	k, err := Open(b.Context(), d, m, coffer.NewID())
	if err != nil {
		b.Fatal(err)
	}
	for left := b.N; left > 0; left -= 1000 {
		err := d.Update(b.Context(), func(tx *db.Tx) error {
			for range min(left, 1000) {
				s := coffer.Space{ID: coffer.NewID(), Kind: coffer.Personal, OwnerID: coffer.ID{}, RootID: coffer.NewID(), Quota: -1}
				if _, err := tx.InsertSpace(s); err != nil {
					return err
				}
				if err := tx.InsertSpaceKey(k.NewSpaceKey(s.ID)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	v, err := k.AddKEK(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	if err := k.ActivateKEK(b.Context(), v); err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	if err := k.Reseal(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
