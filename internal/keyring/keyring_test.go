package keyring

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"sync"
	"testing"

	"coffer"
	"coffer/internal/db"
	"coffer/internal/db/dbtest"
	"coffer/internal/seal"
)

func open1(t *testing.T, d *db.DB, p Provider, install coffer.ID) *Keyring {
	t.Helper()
	k, err := Open(t.Context(), d, p, install)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func rows(t *testing.T, d *db.DB) []db.KEK {
	t.Helper()
	r, err := load(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func insert(t *testing.T, d *db.DB, r db.KEK) {
	t.Helper()
	if err := d.Update(t.Context(), func(tx *db.Tx) error { return tx.InsertKEK(r) }); err != nil {
		t.Fatal(err)
	}
}

func TestFirstAndSecondStart(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, open func() *db.DB) {
		d, p, install := open(), fromEnv(t, line("a", 1)), coffer.NewID()
		k := open1(t, d, p, install)
		if err := k.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		stored := rows(t, d)
		if k.Active() != 1 || len(stored) != 1 || !stored[0].Active || stored[0].KeyRef != "a" || stored[0].Provider != "env" {
			t.Fatalf("after the first start: %+v", stored)
		}
		sealed, ver := k.SealPassword(coffer.ID{7}, "$argon2id$...")
		mac, _ := k.MACKey("cursor", 1)
		again := open1(t, d, p, install)
		if got, err := again.OpenPassword(coffer.ID{7}, ver, sealed); err != nil || got != "$argon2id$..." {
			t.Fatalf("after the second start: %q, %v", got, err)
		}
		if mac2, err := again.MACKey("cursor", 1); err != nil || !bytes.Equal(mac, mac2) {
			t.Fatal("the MAC key changed")
		}
		if len(rows(t, d)) != 1 {
			t.Fatal("the second start wrote")
		}
	})
}

// TestServersStartTogether: of servers that find an empty database one makes
// the key, and all use it.
func TestServersStartTogether(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, open func() *db.DB) {
		d, p, install := open(), fromEnv(t, line("a", 1)), coffer.NewID()
		var wg sync.WaitGroup
		var rings [8]*Keyring
		for i := range rings {
			wg.Go(func() {
				var err error
				if rings[i], err = Open(t.Context(), d, p, install); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if t.Failed() {
			return
		}
		sealed, ver := rings[0].SealSecret("smtp", []byte("x"))
		for _, k := range rings {
			if _, err := k.OpenSecret("smtp", ver, sealed); err != nil {
				t.Fatal(err)
			}
		}
		if n := len(rows(t, d)); n != 1 {
			t.Fatalf("%d keys", n)
		}
	})
}

// TestWrongKey: whatever does not fit, nothing starts and nothing is written.
func TestWrongKey(t *testing.T) {
	install := coffer.NewID()
	right := fromEnv(t, line("a", 1))
	made := func(version uint32, kek seal.Key, wrapAs, checkAs uint32, of coffer.ID) db.KEK {
		w, err := right.Wrap(t.Context(), kek.Bytes(), seal.KEK(of, wrapAs).Bytes())
		if err != nil {
			t.Fatal(err)
		}
		return db.KEK{Version: version, Active: version == 1, Provider: w.Provider, KeyRef: w.KeyRef, Wrapped: w.Blob, Check: seal.Seal(kek, seal.KEKCheck(of, checkAs), nil)}
	}
	kek := seal.NewKey()
	other := made(1, kek, 1, 1, install)
	other.Check = seal.Seal(seal.NewKey(), seal.KEKCheck(install, 1), nil)
	inactive := made(1, kek, 1, 1, install)
	inactive.Active = false
	short, _ := right.Wrap(t.Context(), kek.Bytes()[:31], seal.KEK(install, 1).Bytes())
	shortRow := made(1, kek, 1, 1, install)
	shortRow.Wrapped = short.Blob
	good := made(1, kek, 1, 1, install)
	for what, c := range map[string]struct {
		rows []db.KEK
		p    Provider
		want string
	}{
		"right":                     {[]db.KEK{good}, right, ""},
		"two right":                 {[]db.KEK{good, made(2, seal.NewKey(), 2, 2, install)}, right, ""},
		"other key, other name":     {[]db.KEK{good}, fromEnv(t, line("b", 2)), "master_key_missing"},
		"other key, same name":      {[]db.KEK{good}, fromEnv(t, line("a", 2)), "master_key_wrong"},
		"second does not open":      {[]db.KEK{good, made(2, seal.NewKey(), 1, 2, install)}, right, "master_key_wrong"},
		"other installation's":      {[]db.KEK{made(1, kek, 1, 1, coffer.NewID())}, right, "master_key_wrong"},
		"check of another key":      {[]db.KEK{other}, right, "keyring_damaged"},
		"check of another version":  {[]db.KEK{made(1, kek, 1, 2, install)}, right, "keyring_damaged"},
		"key of 31 bytes":           {[]db.KEK{shortRow}, right, "keyring_damaged"},
		"no active key":             {[]db.KEK{inactive}, right, "keyring_damaged"},
		"provider that is not here": {[]db.KEK{{Version: 1, Active: true, Provider: "transit", KeyRef: "k", Wrapped: []byte("w"), Check: []byte("c")}}, right, "master_key_missing"},
	} {
		t.Run(what, func(t *testing.T) {
			d := dbtest.SQLite(t)
			for _, r := range c.rows {
				insert(t, d, r)
			}
			k, err := Open(t.Context(), d, c.p, install)
			if c.want == "" {
				if err != nil || k.Active() != 1 {
					t.Fatalf("%v", err)
				}
			} else if code(err) != c.want || k != nil {
				t.Fatalf("%v, want %s", err, c.want)
			}
			if now := rows(t, d); len(now) != len(c.rows) || !bytes.Equal(now[0].Wrapped, c.rows[0].Wrapped) {
				t.Fatal("something was written")
			}
		})
	}
}

func TestProviderFails(t *testing.T) {
	down := errors.New("provider is down")
	d := dbtest.SQLite(t)
	if _, err := Open(t.Context(), d, failing{down}, coffer.NewID()); !errors.Is(err, down) {
		t.Fatalf("first start: %v", err)
	}
	if len(rows(t, d)) != 0 {
		t.Fatal("a key was stored that nobody can open")
	}
}

type failing struct{ err error }

func (f failing) Wrap(context.Context, []byte, []byte) (Wrapped, error)   { return Wrapped{}, f.err }
func (f failing) Unwrap(context.Context, Wrapped, []byte) ([]byte, error) { return nil, f.err }
func (f failing) Check(context.Context) error                             { return f.err }

func TestRecords(t *testing.T) {
	k := open1(t, dbtest.SQLite(t), fromEnv(t, line("a", 1)), coffer.NewID())
	a, b := coffer.ID{1}, coffer.ID{2}
	pw, v := k.SealPassword(a, "phc")
	mail, _ := k.SealMail(a, []byte("body"))
	secret, _ := k.SealSecret("smtp", []byte("hunter2"))
	if got, err := k.OpenMail(a, v, mail); err != nil || string(got) != "body" {
		t.Fatal(err)
	}
	if got, err := k.OpenSecret("smtp", v, secret); err != nil || string(got) != "hunter2" {
		t.Fatal(err)
	}
	refuse := func(what string, err error) {
		t.Helper()
		if err == nil || coffer.KindOf(err) != coffer.Corrupt {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, err := k.OpenPassword(b, v, pw)
	refuse("another person's password", err)
	_, err = k.OpenPassword(a, v-1, pw)
	refuse("a version that is not there", err)
	if _, err = k.OpenPassword(a, v+1, pw); coffer.KindOf(err) != coffer.Busy {
		t.Errorf("a version that may be on its way: %v", err)
	}
	_, err = k.OpenMail(b, v, mail)
	refuse("another mail", err)
	_, err = k.OpenMail(a, v, pw)
	refuse("a password as a mail", err)
	_, err = k.OpenSecret("oidc", v, secret)
	refuse("another secret", err)
	_, err = k.MACKey("cursor", v-1)
	refuse("MAC key of a version that is not there", err)
	m1, _ := k.MACKey("cursor", v)
	m2, _ := k.MACKey("ticket", v)
	if len(m1) != 32 || bytes.Equal(m1, m2) {
		t.Error("purposes share a MAC key")
	}
}

// TestSpaceKeys stores a space key and seals the records of its files.
func TestSpaceKeys(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, open func() *db.DB) {
		d, ctx := open(), t.Context()
		k := open1(t, d, fromEnv(t, line("a", 1)), coffer.NewID())
		owner, space := coffer.NewID(), coffer.Space{ID: coffer.NewID(), Kind: coffer.Personal, RootID: coffer.NewID(), Quota: -1}
		space.OwnerID = owner
		made := k.NewSpaceKey(space.ID)
		var row, current db.SpaceKey
		if err := d.Update(ctx, func(tx *db.Tx) (err error) {
			phc, v := k.SealPassword(owner, "phc")
			if err = tx.InsertUser(coffer.User{ID: owner, Email: "a@example.org", Role: coffer.RoleMember}, db.Password{Sealed: phc, KEKVer: v}); err != nil {
				return err
			}
			if _, err = tx.InsertSpace(space); err != nil {
				return err
			}
			if err = tx.InsertSpaceKey(made); err != nil {
				return err
			}
			if row, err = tx.SpaceKey(space.ID, 1); err != nil {
				return err
			}
			current, err = tx.CurrentSpaceKey(space.ID)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(row, made) || !reflect.DeepEqual(current, made) {
			t.Fatalf("stored %+v, got %+v and %+v", made, row, current)
		}
		if !row.Active || row.Version != 1 || row.KEKVer != 1 || len(row.Sealed) != 105 {
			t.Fatalf("%+v", row)
		}
		sk, err := k.OpenSpaceKey(row)
		if err != nil || sk.Version() != 1 {
			t.Fatal(err)
		}
		n, v, b, u := coffer.NewID(), coffer.NewID(), coffer.RandomID(), coffer.RandomID()
		dek := seal.DEK{Key: seal.NewKey(), PartLog: 23, Size: 42}
		sealed, upload := sk.SealDEK(n, v, b, dek), sk.SealUpload(u, b, dek)
		if got, err := sk.OpenDEK(n, v, b, sealed); err != nil || got.Size != 42 || !bytes.Equal(got.Key.Bytes(), dek.Key.Bytes()) {
			t.Fatalf("%+v, %v", got, err)
		}
		if got, err := sk.OpenUpload(u, b, upload); err != nil || got.Size != 42 {
			t.Fatalf("%+v, %v", got, err)
		}
		for what, err := range map[string]error{
			"another node":          second(sk.OpenDEK(v, v, b, sealed)),
			"another version":       second(sk.OpenDEK(n, n, b, sealed)),
			"another blob":          second(sk.OpenDEK(n, v, u, sealed)),
			"an upload as a file":   second(sk.OpenDEK(n, v, b, upload)),
			"a file as an upload":   second(sk.OpenUpload(u, b, sealed)),
			"another upload's blob": second(sk.OpenUpload(u, n, upload)),
		} {
			if coffer.KindOf(err) != coffer.Corrupt {
				t.Errorf("%s: %v", what, err)
			}
		}
		for what, change := range map[string]func(*db.SpaceKey){
			"another space":           func(r *db.SpaceKey) { r.SpaceID = n },
			"another version":         func(r *db.SpaceKey) { r.Version = 2 },
			"another KEK":             func(r *db.SpaceKey) { r.KEKVer = 2 },
			"a wrap of another kind":  func(r *db.SpaceKey) { r.Wrap = "grant" },
			"bytes of another record": func(r *db.SpaceKey) { r.Sealed = sealed },
		} {
			bad := row
			change(&bad)
			if _, err := k.OpenSpaceKey(bad); err == nil {
				t.Errorf("%s: opened", what)
			}
		}
		lost := k.NewSpaceKey(coffer.NewID())
		if d.Update(ctx, func(tx *db.Tx) error { return tx.InsertSpaceKey(lost) }) == nil {
			t.Error("a key of no space was stored")
		}
		rival := k.NewSpaceKey(space.ID)
		rival.Version = 2
		if err := d.Update(ctx, func(tx *db.Tx) error { return tx.InsertSpaceKey(rival) }); !errors.Is(err, db.ErrTaken) {
			t.Errorf("a second active key: %v", err)
		}
		err = d.View(ctx, func(tx *db.Tx) error { _, err := tx.CurrentSpaceKey(lost.SpaceID); return err })
		if !errors.Is(err, coffer.ErrNotFound) {
			t.Errorf("key of an unknown space: %v", err)
		}
	})
}

func second[T any](_ T, err error) error { return err }
