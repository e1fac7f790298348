package coffertest

import (
	"bytes"
	"fmt"
	"net/http"
	"path"
	"sync"
	"testing"
	"time"

	"coffer"
	"coffer/internal/db"
	"coffer/internal/wire"
)

// TestRotateWhilePeopleWork replaces the KEK and the keys of all spaces again
// and again while two people upload and download. Nobody notices, blobs stay
// byte for byte, and the old keys go when nothing needs them.
func TestRotateWhilePeopleWork(t *testing.T) {
	Each(t, func(t *testing.T, open func(Options) *Server) {
		s := open(Options{})
		ann, ben := s.Person("Ann"), s.Person("Ben")
		first := ann.put("first.bin", bytes.Repeat([]byte("first"), 3000))
		ann.Do("PUT", contentOf(first), []byte("second version")).Want(http.StatusOK)
		link := ann.linkTo(first, wire.NewLink{})
		k := s.keyring() // as another process has it

		stop := make(chan struct{})
		var people sync.WaitGroup
		for _, p := range []*Person{ann, ben} {
			people.Go(func() {
				for i := 0; ; i++ {
					select {
					case <-stop:
						return
					default:
					}
					text := fmt.Appendf(nil, "file %d", i)
					res := p.Do("PUT", fmt.Sprintf("/nodes/%s/files?name=%d.txt", p.Root(), i), text)
					if res.Status == http.StatusServiceUnavailable { // keys_changing: for a moment
						continue
					}
					if res.Status != http.StatusCreated {
						t.Errorf("%s: %d %s", p.Name, res.Status, res.Body)
						return
					}
					id := res.Node().ID
					got := p.Do("GET", "/nodes/"+id.String()+"/content", nil)
					if got.Status != http.StatusServiceUnavailable && (got.Status != http.StatusOK || !bytes.Equal(got.Body, text)) {
						t.Errorf("%s: %d %q, want %q", p.Name, got.Status, got.Body, text)
						return
					}
				}
			})
		}
		for range 3 {
			v, err := k.AddKEK(t.Context())
			if err == nil {
				err = k.Await(t.Context(), v, false)
			}
			if err == nil {
				err = k.ActivateKEK(t.Context(), v)
			}
			if err == nil {
				err = k.Reseal(t.Context())
			}
			if err == nil {
				_, err = k.RotateSpaces(t.Context())
			}
			if err == nil {
				err = k.ResealSpaces(t.Context())
			}
			if err == nil {
				err = k.EndSpaces(t.Context())
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		close(stop)
		people.Wait()
		eventually(t, "the server knows the new key", func() bool {
			return ann.Do("GET", contentOf(first), nil).Status == http.StatusOK
		})
		if err := k.Finish(t.Context()); err != nil { // what slipped through
			t.Fatal(err)
		}
		for _, p := range []*Person{ann, ben} {
			for _, n := range p.children() {
				if got := p.Do("GET", contentOf(n), nil); got.Status != http.StatusOK {
					t.Errorf("%s of %s: %d", n.Name, p.Name, got.Status)
				}
			}
			p.SignIn() // the password hash is sealed again
		}
		var now wire.Link // and so are the addresses and passwords of links
		if ann.Do("GET", "/links/"+link.ID.String(), nil).Want(200).JSON(&now); now.URL != link.URL {
			t.Errorf("the address of a link is %q, was %q", now.URL, link.URL)
		}
		s.Visitor().Post("/l/"+path.Base(link.URL)+"/open", "password", link.Password).Want(303)
		count := func(what string, wantOld bool) {
			t.Helper()
			err := s.DB.View(t.Context(), func(tx *db.Tx) error {
				keks, err := tx.KEKs()
				if err != nil {
					return err
				}
				old, err := tx.OldSpaceKeys(coffer.ID{}, 0, 100)
				if err != nil {
					return err
				}
				for _, c := range db.SealedColumns() {
					for _, o := range old {
						if n, err := tx.CountSealed(c, o.SpaceID, o.Version); err != nil || c.Space && n > 0 {
							return fmt.Errorf("%d of %s under old key %d of a space, %w", n, c.Name(), o.Version, err)
						}
					}
					for _, kek := range keks[:len(keks)-1] {
						if n, err := tx.CountSealed(c, coffer.ID{}, kek.Version); !c.Space && (err != nil || n > 0) {
							return fmt.Errorf("%d of %s under old KEK %d, %w", n, c.Name(), kek.Version, err)
						}
					}
				}
				if (len(old) > 0) != wantOld || (len(keks) > 1) != wantOld {
					t.Errorf("%s: %d KEKs, %d old space keys", what, len(keks), len(old))
				}
				return nil
			})
			if err != nil {
				t.Errorf("%s: %v", what, err)
			}
		}
		count("after rotating", true)
		s.Clock.Advance(9 * 24 * time.Hour) // longer than any upload may take
		if err := k.Finish(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, stay, err := k.Retire(t.Context()); err != nil || len(stay) > 0 {
			t.Fatalf("stay %v, %v", stay, err)
		}
		count("after retiring", false)
	})
}
