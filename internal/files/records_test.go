package files_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"coffer"
	"coffer/internal/db"
	"coffer/internal/files"
	"coffer/internal/picture"
)

// TestCheckOpensEveryRecord: one bit of each thing that is stored sealed is
// turned; the check names what it is about, in words, and is content when the
// bit is turned back. A sealed column that is not looked at has no row here
// that could pass, and one without a row fails.
func TestCheckOpensEveryRecord(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.withMaker(picture.Options{})
		ann := w.person("Ann")
		dir := ann.mkdir(ann.root, "Sale")
		f := ann.put(dir, "deed.png", photo(3))
		ann.small(f.ID, 256)
		secret, none := "correct horse battery", ""
		link, _, err := ann.MakeLink(ctx, f.ID, files.NewLink{Name: "For Maria", Password: &secret})
		w.ok(err)
		unguarded, _, err := ann.MakeLink(ctx, f.ID, files.NewLink{Name: "For all", Password: &none})
		w.ok(err)
		request := ann.ask(dir, func(n *files.NewRequest) { n.Title, n.Password = "Your papers", secret })
		up, err := ann.Begin(ctx, files.NewPiece{Parent: dir, Name: "film.mov", Size: 10})
		w.ok(err)
		signup := db.Signup{ID: coffer.NewID(), Email: "ben@example.com", Name: "Ben", CookieHash: []byte("c"), LinkHash: []byte("l"), CodeMAC: []byte("m"), ExpiresAt: 1 << 60}
		signup.Password.Sealed, signup.Password.KEKVer = w.keys.SealPassword(signup.ID, "phc")
		letter := db.Mail{ID: coffer.NewID()}
		letter.Sealed, letter.KEKVer = w.keys.SealMail(letter.ID, []byte("Dear Ben"))
		w.ok(w.db.Update(ctx, func(tx *db.Tx) error {
			if err := tx.PutSignup(signup); err != nil {
				return err
			}
			return tx.InsertMail(letter)
		}))
		w.clean(0)
		w.ok(ann.DeleteLink(ctx, unguarded.ID)) // so that there is one record of each kind

		type problem struct{ kind, where, text, file, owner string }
		deed, sale, key := "/Sale/deed.png", "/Sale", "its key cannot be opened"
		want := map[string]problem{
			"user_account.password_sealed": {"damaged_record", "person " + ann.who.User.ID.String() + " “Ann”", "its password cannot", "", "ann@example.com"},
			"signup.password_sealed":       {"damaged_record", "sign-up " + signup.ID.String(), "its password cannot", "", ""},
			"mail.sealed":                  {"damaged_record", "mail " + letter.ID.String(), "its text cannot", "", ""},
			"link.password_sealed":         {"damaged_record", "link " + link.ID.String() + " “For Maria”", "its password cannot", deed, "ann@example.com"},
			"link.token_sealed":            {"damaged_record", "link " + link.ID.String() + " “For Maria”", "its address cannot", deed, "ann@example.com"},
			"file_request.password_sealed": {"damaged_record", "file request " + request.ID.String() + " “Your papers”", "its password cannot", sale, "ann@example.com"},
			"file_request.token_sealed":    {"damaged_record", "file request " + request.ID.String() + " “Your papers”", "its address cannot", sale, "ann@example.com"},
			"upload.dek_sealed":            {"damaged_key", "upload " + up.Upload.ID.String(), key, "", ""},
			"version.dek_sealed":           {"damaged_key", "version " + f.VersionID.String() + " of file " + f.ID.String(), key, deed, "ann@example.com"},
			"thumbnail.dek_sealed":         {"thumbnail", "", "", deed, "ann@example.com"},
			"space_key.sealed":             {"damaged_key", "space " + ann.space().ID.String(), "version 1 of its key", "", ""},
		}
		for _, col := range db.SealedColumns() {
			p, ok := want[col.Name()]
			if !ok {
				t.Errorf("%s: nothing says how a check tells of it", col.Name())
				continue
			}
			var all []db.SealedRecord
			w.ok(w.db.View(ctx, func(tx *db.Tx) (err error) { all, err = tx.SealedAfter(col, coffer.ID{}, 10); return err }))
			if len(all) != 1 {
				t.Fatalf("%s: %d records, not one to damage", col.Name(), len(all))
			}
			whole := all[0]
			put := func(old db.SealedRecord, sealed []byte) {
				w.ok(w.db.Update(ctx, func(tx *db.Tx) error { return second(tx.Reseal(col, old, old.Version, sealed)) }))
			}
			for _, at := range []int{0, len(whole.Sealed) / 2, len(whole.Sealed) - 1} {
				bad := whole
				bad.Sealed = bytes.Clone(whole.Sealed)
				bad.Sealed[at] ^= 1 << (at % 8)
				put(whole, bad.Sealed)
				r, err := w.svc.Check(ctx, files.CheckOptions{})
				w.ok(err)
				// With the key of a space all that lies under it is lost.
				if len(r.Problems) == 0 || len(r.Problems) > 1 && col.Table != "space_key" && col.Table != "version" {
					t.Fatalf("%s, byte %d: %+v", col.Name(), at, r.Problems)
				}
				got := r.Problems[0]
				if got.Kind != p.kind || !strings.HasPrefix(got.Where, p.where) || !strings.HasPrefix(got.Text, p.text) || got.File != p.file || got.Owner != p.owner {
					t.Errorf("%s, byte %d: %+v\nwant %+v", col.Name(), at, got, p)
				}
				for _, s := range []string{link.Address, request.Address, secret, "phc", "Dear"} {
					if slices.ContainsFunc(r.Problems, func(p files.Problem) bool { return strings.Contains(p.Where+p.Text+p.File+p.Owner, s) }) {
						t.Errorf("%s: %q is told", col.Name(), s)
					}
				}
				put(bad, whole.Sealed)
			}
		}
		w.clean(0)
	})
}
