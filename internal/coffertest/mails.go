package coffertest

import (
	"context"
	"regexp"
	"sync"
	"testing"
	"time"

	"coffer/internal/mail"
)

// Mails receives what the server sends.
type Mails struct {
	mu    sync.Mutex
	byTo  map[string][]mail.Message
	fresh chan struct{} // closed and replaced at each mail
}

func newMails() *Mails {
	return &Mails{byTo: map[string][]mail.Message{}, fresh: make(chan struct{})}
}

// Send is the sender that the server uses.
func (m *Mails) Send(_ context.Context, msg mail.Message) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.byTo[msg.To] = append(m.byTo[msg.To], msg)
	close(m.fresh)
	m.fresh = make(chan struct{})
	return nil
}

// Count is how many mails went to an address.
func (m *Mails) Count(to string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.byTo[to])
}

// Wait returns the n-th mail (from 1) to an address, when it is there.
func (m *Mails) Wait(t testing.TB, to string, n int) mail.Message {
	t.Helper()
	late := time.After(20 * time.Second)
	for {
		m.mu.Lock()
		got, fresh := m.byTo[to], m.fresh
		m.mu.Unlock()
		if len(got) >= n {
			return got[n-1]
		}
		select {
		case <-fresh:
		case <-late:
			t.Fatalf("mail %d to %s did not come", n, to)
		}
	}
}

var (
	codeInMail = regexp.MustCompile(`(?m)^\s*(\d{3}) ?(\d{3})\s*$`)
	linkInMail = regexp.MustCompile(`https?://\S+#(coffer_[a-z]+_[0-9a-z]+)`)
)

// Code finds the six digits in a mail.
func Code(t testing.TB, m mail.Message) string {
	t.Helper()
	found := codeInMail.FindStringSubmatch(m.Text)
	if found == nil {
		t.Fatalf("no code in the mail %q:\n%s", m.Subject, m.Text)
	}
	return found[1] + found[2]
}

// Link finds the token of the button in a mail.
func Link(t testing.TB, m mail.Message) string {
	t.Helper()
	found := linkInMail.FindStringSubmatch(m.Text)
	if found == nil {
		t.Fatalf("no link in the mail %q:\n%s", m.Subject, m.Text)
	}
	return found[1]
}
