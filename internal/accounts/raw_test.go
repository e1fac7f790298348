package accounts_test

import (
	"bytes"
	"database/sql"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	_ "modernc.org/sqlite"             // the driver "sqlite"

	"coffer"
	"coffer/internal/accounts"
	"coffer/internal/db"
	"coffer/internal/db/dbtest"
	"coffer/internal/mail"
)

// eachRaw is each with a look at the stored rows that no verb gives.
func eachRaw(t *testing.T, story func(t *testing.T, h *house, raw *sql.DB)) {
	t.Helper()
	dbtest.EachDSN(t, func(t *testing.T, newDSN func() string) {
		dsn, c := newDSN(), newClock()
		d, err := db.Open(t.Context(), db.Options{DSN: dsn, Now: c.now})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { d.Close() })
		if err := d.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		driver := "pgx"
		if d.Engine() == db.SQLite {
			driver = "sqlite"
		}
		dsn = strings.TrimPrefix(dsn, "sqlite:")
		raw, err := sql.Open(driver, dsn)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { raw.Close() })
		h := newHouse(t, d, c)
		h.dsn = dsn
		story(t, h, raw)
	})
}

// rows counts what PurgeExpired looks after.
func rows(t *testing.T, raw *sql.DB) string {
	t.Helper()
	var all []string
	for _, table := range []string{"signup", "invitation", "password_reset", "attempt", "session", "token", "mail", "known_sign_in"} {
		var n int
		if err := raw.QueryRow("SELECT COUNT(*) FROM " + table).Scan(&n); err != nil {
			t.Fatal(err)
		}
		all = append(all, fmt.Sprint(table, " ", n))
	}
	return strings.Join(all, ", ")
}

func TestPurge(t *testing.T) {
	eachRaw(t, func(t *testing.T, h *house, raw *sql.DB) {
		h.open()
		h.user("anna@example.com", coffer.RoleMember)
		h.login("anna@example.com", at(1))
		_, err := h.CreateToken(t.Context(), accounts.NewToken{Email: "anna@example.com", Password: pw, Days: 1}, at(1))
		wants(t, "token", err, "")
		_, _, err = h.SignUp(t.Context(), anna(), at(1))
		wants(t, "sign-up", err, "")
		wants(t, "forgot", h.Forgot(t.Context(), "anna@example.com", at(3)), "")
		h.Close()
		wants(t, "purge", h.PurgeExpired(t.Context()), "")
		const full = "signup 1, invitation 0, password_reset 1, attempt 7, session 1, token 1, mail 2, known_sign_in 2"
		if got := rows(t, raw); got != full {
			t.Errorf("after a purge of nothing: %s", got)
		}
		h.clock.advance(accounts.SessionIdle)
		h.login("anna@example.com", at(3))
		wants(t, "purge", h.PurgeExpired(t.Context()), "")
		if got, want := rows(t, raw), "signup 0, invitation 0, password_reset 0, attempt 2, session 1, token 0, mail 3, known_sign_in 3"; got != want {
			t.Errorf("a day later: %s", got)
		}
		h.clock.advance(91 * accounts.SessionIdle)
		wants(t, "purge", h.PurgeExpired(t.Context()), "")
		if got, want := rows(t, raw), "signup 0, invitation 0, password_reset 0, attempt 0, session 0, token 0, mail 0, known_sign_in 2"; got != want {
			t.Errorf("three months later: %s", got)
		}
	})
}

// TestNothingSecretIsStored plays through all that makes secrets and then looks
// for each of them in every row, and in the bytes of the SQLite files.
func TestNothingSecretIsStored(t *testing.T) {
	eachRaw(t, func(t *testing.T, h *house, raw *sql.DB) {
		secrets := map[string]string{"password": pw, "second password": pw2}
		code, err := h.PrepareSetup(t.Context())
		wants(t, "prepare", err, "")
		secrets["setup code"], secrets["setup code, typed"] = code, strings.ToLower(strings.ReplaceAll(code, "-", ""))
		in, err := h.Setup(t.Context(), setup(code), at(1))
		wants(t, "setup", err, "")
		secrets["session"] = in.Token
		cookie, _, err := h.SignUp(t.Context(), accounts.Signup{Name: "Ben", Email: "ben@example.com", Password: pw2}, at(1))
		wants(t, "sign-up", err, "")
		secrets["sign-up cookie"] = cookie
		wants(t, "forgot", h.Forgot(t.Context(), "anna@example.com", at(1)), "")
		pat, err := h.CreateToken(t.Context(), accounts.NewToken{Email: "anna@example.com", Password: pw}, at(3))
		wants(t, "token", err, "")
		secrets["bearer token"] = pat.Secret
		if _, err := h.Login(t.Context(), "typed-password-here", pw, at(1)); err == nil {
			t.Fatal("signed in")
		}
		secrets["password in the wrong field"] = "typed-password-here"
		h.Close()
		dump := storedBytes(t, h, raw) // letters still wait
		for _, m := range h.letters() {
			if i := strings.Index(m.Text, "confirm#"); i >= 0 {
				secrets["code"], secrets["link"] = codeIn(t, m), tokenIn(t, m, "confirm")
				secrets["code, plain"] = `"` + strings.ReplaceAll(secrets["code"], " ", "") + `"`
			}
			if i := strings.Index(m.Text, "reset#"); i >= 0 {
				secrets["reset link"] = tokenIn(t, m, "reset")
			}
			secrets["letter "+m.Subject] = m.Text[:60]
		}
		if len(secrets) != 15 {
			t.Errorf("%d secrets, want 15: %v", len(secrets), secrets)
		}
		dump = append(dump, storedBytes(t, h, raw)...)
		for _, stored := range []string{"anna@example.com", "Firefox on Linux", "session.started"} {
			if !bytes.Contains(dump, []byte(stored)) {
				t.Errorf("%q is not in the dump: it proves nothing", stored)
			}
		}
		for name, secret := range secrets {
			for _, form := range []string{secret, hex.EncodeToString([]byte(secret)), regexp.MustCompile(`^coffer_[a-z]+_`).ReplaceAllString(secret, "")} {
				if bytes.Contains(dump, []byte(form)) {
					t.Errorf("%s is stored in the clear", name)
				}
			}
			if strings.Contains(h.log.String(), secret) {
				t.Errorf("%s is in the log", name)
			}
		}
		if bytes.Contains(dump, []byte("$argon2id$")) {
			t.Error("a password hash is stored unsealed")
		}
	})
}

// storedBytes is every value of every table, and every file of SQLite.
func storedBytes(t *testing.T, h *house, raw *sql.DB) []byte {
	t.Helper()
	var dump []byte
	for _, table := range []string{"install", "setting", "user_account", "signup", "session", "token", "password_reset", "attempt", "known_sign_in", "mail", "event", "job"} {
		dump = append(dump, tableBytes(t, raw, table)...)
	}
	if h.db.Engine() != db.SQLite {
		return dump
	}
	files, err := filepath.Glob(h.dsn + "*")
	if err != nil || len(files) == 0 {
		t.Fatalf("files of the database: %v, %v", files, err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		dump = append(dump, b...)
	}
	return dump
}

func tableBytes(t *testing.T, raw *sql.DB, table string) (dump []byte) {
	t.Helper()
	list, err := raw.Query("SELECT * FROM " + table)
	if err != nil {
		t.Fatal(err)
	}
	defer list.Close()
	columns, err := list.Columns()
	if err != nil {
		t.Fatal(err)
	}
	for list.Next() {
		values := make([]any, len(columns))
		for i := range values {
			values[i] = new(any)
		}
		if err := list.Scan(values...); err != nil {
			t.Fatal(err)
		}
		for _, v := range values {
			dump = fmt.Appendf(dump, "%s|", *v.(*any))
		}
	}
	if err := list.Err(); err != nil {
		t.Fatal(err)
	}
	return dump
}

// Letters: taken once, tried again after a passing trouble, given up when
// refused for good; and what the record says of who did what.
func TestMailJob(t *testing.T) {
	eachRaw(t, func(t *testing.T, h *house, raw *sql.DB) {
		h.open()
		_, _, err := h.SignUp(t.Context(), anna(), at(1))
		wants(t, "sign-up", err, "")
		var id coffer.ID
		if err := raw.QueryRow("SELECT id FROM mail").Scan(&id); err != nil {
			t.Fatal(err)
		}
		h.box.refuse = &mail.Error{Code: 452, Msg: "later"}
		if err := h.SendMail(t.Context(), id); err == nil {
			t.Error("a letter that was not taken is done")
		}
		h.box.refuse = nil
		for range 2 {
			wants(t, "send", h.SendMail(t.Context(), id), "")
		}
		if len(h.box.letters) != 1 || h.box.letters[0].ID != id.String() || h.box.letters[0].At != h.clock.ms.Load() {
			t.Errorf("letters %+v", h.box.letters)
		}
		in := anna()
		in.Email = "ben@example.com"
		_, _, err = h.SignUp(t.Context(), in, at(1))
		wants(t, "sign-up", err, "")
		if err := raw.QueryRow("SELECT id FROM mail").Scan(&id); err != nil {
			t.Fatal(err)
		}
		h.box.refuse = &mail.Error{Permanent: true, Code: 550, Msg: "never"}
		wants(t, "refused for good", h.SendMail(t.Context(), id), "")
		if got := rows(t, raw); !strings.Contains(got, "mail 0") {
			t.Error(got)
		}
		if log := h.log.String(); !strings.Contains(log, "refused for good") || strings.Contains(log, "ben@example.com") {
			t.Errorf("log: %s", log)
		}
	})
}

// Acts on accounts are in the record, with who, whom and from where.
func TestEvents(t *testing.T) {
	eachRaw(t, func(t *testing.T, h *house, raw *sql.DB) {
		code, _ := h.PrepareSetup(t.Context())
		in, err := h.Setup(t.Context(), setup(code), at(1))
		wants(t, "setup", err, "")
		_, _, err = h.SignUp(t.Context(), accounts.Signup{Name: "Ben", Email: "ben@example.com", Password: pw2}, at(3))
		wants(t, "sign-up", err, "")
		_, err = h.ConfirmByToken(t.Context(), tokenIn(t, h.letter("Confirm your e-mail address", "ben@example.com"), "confirm"), at(3))
		wants(t, "confirm", err, "")
		wants(t, "forgot", h.Forgot(t.Context(), "ben@example.com", at(3)), "")
		h.Close()
		closed := accounts.SignupClosed
		_, err = h.UpdateSettings(t.Context(), in.Principal, accounts.SettingsPatch{Signup: &closed})
		wants(t, "settings", err, "")
		wants(t, "turn off", h.SetDisabled(t.Context(), in.Principal, "ben@example.com", true), "")
		_, err = h.ChangePassword(t.Context(), in.Principal, pw, pw2)
		wants(t, "password", err, "")
		wants(t, "sign out", h.Logout(t.Context(), in.Principal), "")

		list, err := raw.Query("SELECT actor_kind, COALESCE(actor_id, target_id), action, record FROM event ORDER BY num")
		if err != nil {
			t.Fatal(err)
		}
		defer list.Close()
		want := []struct{ actor, action, part string }{
			{"user", "user.created", `"how":"setup"`},
			{"user", "session.started", `"browser":"Firefox on Linux"`},
			{"user", "user.created", `"how":"signup"`},
			{"system", "password.reset_asked", `"address":"198.51.100.5"`},
			{"user", "settings.changed", `"Signup":"closed"`},
			{"user", "user.disabled", `"email":"ben@example.com"`},
			{"user", "password.changed", `"how":"change"`},
			{"user", "session.ended", `"request_id":"7Q2M-4K"`},
		}
		for i := 0; list.Next(); i++ {
			var actor, action, record string
			var who coffer.ID
			if err := list.Scan(&actor, &who, &action, &record); err != nil {
				t.Fatal(err)
			}
			if i >= len(want) || want[i].actor != actor || want[i].action != action || !strings.Contains(record, want[i].part) || who.IsZero() {
				t.Errorf("event %d: %s %s %s", i, actor, action, record)
			}
			if i == len(want)-1 {
				want = nil
			}
		}
		if want != nil {
			t.Errorf("fewer events than %d", len(want))
		}
	})
}
