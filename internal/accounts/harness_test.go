package accounts_test

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"coffer"
	"coffer/internal/accounts"
	"coffer/internal/cred"
	"coffer/internal/db"
	"coffer/internal/db/dbtest"
	"coffer/internal/keyring"
	"coffer/internal/mail"
)

// A house is a service on a real database with a clock that stands still, and
// the mailbox that its letters go to.
type house struct {
	*accounts.Service
	t      *testing.T
	db     *db.DB
	clock  *clock
	hasher *cred.Hasher
	box    *box
	log    *strings.Builder
	dsn    string // of eachRaw
}

type clock struct{ ms atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.ms.Store(time.Date(2026, 11, 23, 12, 41, 5, 0, time.UTC).UnixMilli())
	return c
}
func (c *clock) now() time.Time          { return time.UnixMilli(c.ms.Load()) }
func (c *clock) advance(d time.Duration) { c.ms.Add(d.Milliseconds()) }

// box is a sender that keeps the letters in memory.
type box struct {
	mu      sync.Mutex
	letters []mail.Message
	refuse  error
}

func (b *box) Send(_ context.Context, m mail.Message) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.refuse != nil {
		return b.refuse
	}
	b.letters = append(b.letters, m)
	return nil
}

// each runs a story on both databases, in a house without people.
func each(t *testing.T, story func(t *testing.T, h *house)) {
	t.Helper()
	dbtest.EachWith(t, func(t *testing.T, open func(db.Options) *db.DB) {
		c := newClock()
		story(t, newHouse(t, open(db.Options{Now: c.now}), c))
	})
}

func newHouse(t *testing.T, d *db.DB, c *clock) *house {
	t.Helper()
	path := filepath.Join(t.TempDir(), "master.key")
	if err := keyring.GenerateFile(path); err != nil {
		t.Fatal(err)
	}
	master, err := keyring.OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var install coffer.ID
	if err := d.Update(t.Context(), func(tx *db.Tx) (err error) { install, err = tx.EnsureInstall(); return err }); err != nil {
		t.Fatal(err)
	}
	keys, err := keyring.Open(t.Context(), d, master, install)
	if err != nil {
		t.Fatal(err)
	}
	h := &house{
		t: t, db: d, clock: c, box: &box{}, log: &strings.Builder{},
		hasher: cred.NewHasher(cred.HasherOptions{Params: cred.Params{MemoryKiB: 64, Time: 1, Threads: 1}, Slots: 4, Queue: 200}),
	}
	h.Service = accounts.New(accounts.Options{
		DB: d, Keys: keys, Hasher: h.hasher, Policy: cred.NewPolicy(), Sender: h.box,
		BaseURL: "https://files.haldenroe.example", Log: slog.New(slog.NewTextHandler(h.log, nil)),
	})
	t.Cleanup(h.Close)
	return h
}

const (
	pw  = "correct horse battery"
	pw2 = "quite another sentence"
)

// at is a request from one of a few places; 1 and 2 share a network.
func at(place int) accounts.From {
	addresses := []string{"", "192.0.2.7", "192.0.2.99", "198.51.100.5", "2001:db8:1:2::7"}
	return accounts.From{Address: addresses[place], UserAgent: firefox, RequestID: "7Q2M-4K"}
}

const firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"

// user makes a confirmed account, as the administration does.
func (h *house) user(email string, role coffer.Role) coffer.User {
	h.t.Helper()
	u, err := h.CreateUser(h.t.Context(), coffer.SystemPrincipal("test"), accounts.NewUser{Name: "Anna Roe", Email: email, Password: pw, Role: role})
	if err != nil {
		h.t.Fatal(err)
	}
	return u
}

// login signs in with the password pw and must succeed.
func (h *house) login(email string, from accounts.From) accounts.SignedIn {
	h.t.Helper()
	in, err := h.Login(h.t.Context(), email, pw, from)
	if err != nil {
		h.t.Fatalf("sign-in of %s: %v", email, err)
	}
	return in
}

// signedIn reports whether a session token holds.
func (h *house) signedIn(token string) bool {
	h.t.Helper()
	_, err := h.AuthenticateSession(h.t.Context(), token, at(1))
	if err != nil && coffer.KindOf(err) != coffer.Unauthenticated {
		h.t.Fatal(err)
	}
	return err == nil
}

// open lets anybody sign up.
func (h *house) open() {
	h.t.Helper()
	open, name := accounts.SignupOpen, "Halden & Roe"
	if _, err := h.UpdateSettings(h.t.Context(), coffer.SystemPrincipal("test"), accounts.SettingsPatch{Signup: &open, Organisation: &name}); err != nil {
		h.t.Fatal(err)
	}
}

// letters waits for the work behind the answers, runs the mail jobs and returns
// what came since the last call.
func (h *house) letters() []mail.Message {
	h.t.Helper()
	h.Close()
	for {
		var j db.Job
		err := h.db.Update(h.t.Context(), func(tx *db.Tx) (err error) {
			j, err = tx.ClaimJob([]string{accounts.MailJob}, coffer.RandomID(), tx.Now+60_000)
			return err
		})
		if errors.Is(err, coffer.ErrNotFound) {
			break
		} else if err != nil {
			h.t.Fatal(err)
		}
		if err := h.SendMail(h.t.Context(), j.ObjectID); err != nil {
			h.t.Fatal(err)
		}
		if err := h.db.Update(h.t.Context(), func(tx *db.Tx) error { return tx.DeleteJob(j) }); err != nil {
			h.t.Fatal(err)
		}
	}
	h.box.mu.Lock()
	defer h.box.mu.Unlock()
	got := h.box.letters
	h.box.letters = nil
	return got
}

// letter returns the one letter that came, which must have this subject.
func (h *house) letter(subject, to string) mail.Message {
	h.t.Helper()
	got := h.letters()
	if len(got) != 1 || got[0].Subject != subject || got[0].To != to {
		h.t.Fatalf("letters %v, want one: %q to %s", subjects(got), subject, to)
	}
	return got[0]
}

func subjects(letters []mail.Message) (all []string) {
	for _, m := range letters {
		all = append(all, m.Subject+" -> "+m.To)
	}
	return all
}

// codeIn and tokenIn read what a person reads in a letter.
func codeIn(t *testing.T, m mail.Message) string {
	t.Helper()
	code := regexp.MustCompile(`(?m)^ +(\d{3} \d{3})$`).FindStringSubmatch(m.Text)
	if code == nil {
		t.Fatalf("no code in\n%s", m.Text)
	}
	return code[1]
}

func tokenIn(t *testing.T, m mail.Message, page string) string {
	t.Helper()
	link := regexp.MustCompile(`(?m)^https://files\.haldenroe\.example/` + page + `#(\S+)$`).FindStringSubmatch(m.Text)
	if link == nil {
		t.Fatalf("no link to %s in\n%s", page, m.Text)
	}
	return link[1]
}

// wants checks the kind and code of an error ("" = none) and returns it.
func wants(t *testing.T, what string, err error, code string) *coffer.Error {
	t.Helper()
	if code == "" {
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		return nil
	}
	e, ok := errors.AsType[*coffer.Error](err)
	if !ok || e.Code != code {
		t.Fatalf("%s: %v, want code %s", what, err, code)
	}
	return e
}

// wrongCode is a code of six digits that is not this one.
func wrongCode(code string) string {
	last := code[len(code)-1]
	return code[:len(code)-1] + string('0'+(last-'0'+1)%10)
}

// personVerbs are the verbs of people about themselves.
func (h *house) personVerbs() map[string]func(coffer.Principal) error {
	ctx := h.t.Context()
	return map[string]func(coffer.Principal) error{
		"Logout":           func(p coffer.Principal) error { return h.Logout(ctx, p) },
		"Sessions":         func(p coffer.Principal) error { _, err := h.Sessions(ctx, p); return err },
		"EndSession":       func(p coffer.Principal) error { return h.EndSession(ctx, p, coffer.NewID()) },
		"EndOtherSessions": func(p coffer.Principal) error { return h.EndOtherSessions(ctx, p) },
		"Tokens":           func(p coffer.Principal) error { _, err := h.Tokens(ctx, p); return err },
		"EndToken":         func(p coffer.Principal) error { return h.EndToken(ctx, p, coffer.NewID()) },
		"ChangePassword":   func(p coffer.Principal) error { _, err := h.ChangePassword(ctx, p, pw, pw2); return err },
		"DeleteMe":         func(p coffer.Principal) error { return h.DeleteMe(ctx, p, pw2) },
		"UpdateMe":         func(p coffer.Principal) error { _, err := h.UpdateMe(ctx, p, accounts.MePatch{}); return err },
	}
}
