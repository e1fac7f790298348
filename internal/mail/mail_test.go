package mail_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/emersion/go-smtp"

	"coffer/internal/mail"
)

const link = "https://files.haldenroe.example/confirm#coffer_confirm_0123"

func site() mail.Site {
	return mail.Site{Organisation: "Halden & Roe", BaseURL: "https://files.haldenroe.example"}
}

func request() mail.Request {
	return mail.Request{At: 1795437665000, Address: "192.0.2.7"} // 2026-11-23 12:41:05 UTC
}

func confirmation() mail.Message {
	m := mail.ConfirmAddress(site(), "anna@example.com", "042917", link, request())
	m.ID = "0k3"
	return m
}

// parts reads a stored or sent letter with the standard library.
func parts(t *testing.T, raw string) (h netmail.Header, text, html string) {
	t.Helper()
	msg, err := netmail.ReadMessage(strings.NewReader(raw))
	if err != nil {
		t.Fatalf("%v in\n%s", err, raw)
	}
	kind, params, err := mime.ParseMediaType(msg.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("Content-Type %q, %v", kind, err)
	}
	for r := multipart.NewReader(msg.Body, params["boundary"]); ; {
		p, err := r.NextRawPart()
		if err == io.EOF {
			return msg.Header, text, html
		}
		if err != nil {
			t.Fatal(err)
		}
		if e := p.Header.Get("Content-Transfer-Encoding"); e != "quoted-printable" {
			t.Fatalf("encoding %q", e)
		}
		b, err := io.ReadAll(quotedprintable.NewReader(p))
		if err != nil {
			t.Fatal(err)
		}
		body := strings.ReplaceAll(string(b), "\r\n", "\n")
		switch p.Header.Get("Content-Type") {
		case "text/plain; charset=UTF-8":
			text = body
		case "text/html; charset=UTF-8":
			html = body
		default:
			t.Fatalf("part %q", p.Header.Get("Content-Type"))
		}
	}
}

func TestLetters(t *testing.T) {
	const where = "on Monday 23 November 2026 at 12:41 UTC from the network address 192.0.2.7"
	const ignore = "If you did not ask for this, you can ignore it."
	const to = "anna@example.com"
	for _, r := range []struct {
		m       mail.Message
		subject string
		button  string
		link    string
		want    []string
	}{
		{confirmation(), "Confirm your e-mail address", "Confirm my e-mail address", link,
			[]string{"042 917", "The code works for 30 minutes, the link for 24 hours.", where, ignore, to}},
		{mail.AccountExists(site(), to, request()), "You already have an account", "Sign in", "https://files.haldenroe.example/", []string{where, ignore, to}},
		{mail.ResetPassword(site(), to, link, request()), "Set a new password", "Set a new password", link, []string{"The link works for 30 minutes and once.", where, ignore, to}},
		{mail.Invitation(site(), to, "Elsa Kvist", link, request().At+7*24*3600_000, mail.Request{At: request().At}), "Elsa Kvist invites you to Halden & Roe files", "Accept the invitation", link,
			[]string{"The link works until Monday 30 November 2026 at 12:41 UTC", "You get this because Elsa Kvist invited this address on Monday 23 November 2026", ignore, to}},
		{mail.Invitation(site(), to, "", link, request().At, request()), "You are invited to Halden & Roe files", "Accept the invitation", link, []string{"the administration of the server invited", ignore, to}},
		{mail.AccountDeleted(site(), to, request()), "Your account was deleted", "", "", []string{where, "This cannot be undone. Backups may keep copies for up to 30 days.", "If this was not you", to}},
		{mail.PasswordChanged(site(), to, request()), "Your password was changed", "Sign in", "https://files.haldenroe.example/", []string{where, "If this was not you", to}},
		{mail.NewSignIn(site(), to, "Firefox on Linux", request()), "New sign-in: Firefox on Linux", "Look at my sessions", "https://files.haldenroe.example/security", []string{where, "If not, change your password now", to}},
		{mail.Report(site(), to, "file request", "Anna Roe", "7qm4xk", "It is spam.", "", request()), "Somebody reports a file request of Anna Roe", "Open Halden & Roe", "https://files.haldenroe.example/",
			[]string{"A visitor of a file request that Anna Roe made says", where, "left no address", "It is the file request 7qm4xk in the list of all file requests"}},
		{mail.Report(site(), to, "link", "Anna Roe", "7qm4xk", "It is <b>spam</b>.", "maria@example.com", request()), "Somebody reports a link of Anna Roe", "Open Halden & Roe", "https://files.haldenroe.example/",
			[]string{"A visitor of a link that Anna Roe made says", where, "left the address maria@example.com", "It is the link 7qm4xk in the list of all links", "because you are an administrator"}},
		{mail.Receipt(site(), to, "Anna Roe", delivery(), request().At), "Received: 3 files", "", "", []string{"Received: 3 files, 18.2 MB, Monday 23 November 2026 at 12:41 UTC.", "Reference K7M2", "to Anna Roe at Halden & Roe", "If that was not you, you can ignore it."}},
		{mail.Notices(site(), to, []mail.Line{{Subject: "Anna Roe shared “Bundle” with you", Text: "Anna Roe gave you access.", Quote: "See page 3.", Button: "Open it", Path: "/files/abc"}}, request().At),
			"Anna Roe shared “Bundle” with you", "Open it", "https://files.haldenroe.example/files/abc", []string{"Anna Roe gave you access.", "“See page 3.”", "Which notices come by e-mail", to}},
		{mail.Notices(site(), to, lines(31), request().At), "31 notices from Halden & Roe files", "See all notices", "https://files.haldenroe.example/notices",
			[]string{"Line 1.", "Line 30.", "And 1 more.", to}},
	} {
		t.Run(r.subject, func(t *testing.T) {
			if r.m.Subject != r.subject || r.m.FromName != "Halden & Roe" || r.m.To != to {
				t.Errorf("subject %q, sender %q, to %q", r.m.Subject, r.m.FromName, r.m.To)
			}
			for _, want := range append(r.want, r.subject, r.button, r.link, "Halden & Roe", "https://files.haldenroe.example") {
				if !strings.Contains(r.m.Text, want) {
					t.Errorf("the text has no %q:\n%s", want, r.m.Text)
				}
				escaped := strings.ReplaceAll(want, "&", "&amp;")
				if !strings.Contains(r.m.HTML, escaped) {
					t.Errorf("the HTML has no %q:\n%s", escaped, r.m.HTML)
				}
			}
			buttons := 1
			if r.button == "" {
				buttons = 0
			}
			if n := strings.Count(r.m.HTML, "<a "); n != buttons {
				t.Errorf("%d buttons, want %d", n, buttons)
			}
			if strings.Contains(r.m.HTML, "ZgotmplZ") || strings.Contains(r.m.Text, "&amp;") || strings.Contains(r.m.HTML, "<img") {
				t.Errorf("escaping went wrong or a picture is in it:\n%s\n%s", r.m.Text, r.m.HTML)
			}
		})
	}
}

func delivery() mail.Delivery {
	return mail.Delivery{Files: 3, Size: "18.2 MB", At: request().At, Reference: "K7M2"}
}

func lines(n int) (all []mail.Line) {
	for i := range n {
		all = append(all, mail.Line{Subject: "s", Text: fmt.Sprintf("Line %d.", i+1), Button: "b", Path: "/p"})
	}
	return all
}

// The longest names that people can have still make a subject that is sent.
func TestLongNames(t *testing.T) {
	long := strings.Repeat("\U00012345", 100)
	m := mail.Invitation(mail.Site{Organisation: long, BaseURL: "https://x.example"}, "a@example.com", long, "https://x.example/#", 0, request())
	m.ID = "1"
	box, err := mail.NewOutbox(t.TempDir(), "files@x.example", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := box.Send(t.Context(), m); err != nil || !utf8.ValidString(m.Subject) || len(m.Subject) > 400 {
		t.Errorf("%q: %v", m.Subject, err)
	}
}

func TestLettersEscape(t *testing.T) {
	m := mail.NewSignIn(mail.Site{Organisation: `<b>Org</b>`, BaseURL: "https://x.example"}, "a@example.com", `<script>alert(1)</script>`, request())
	if strings.Contains(m.HTML, "<script>") || strings.Contains(m.HTML, "<b>") {
		t.Errorf("markup passes into the HTML:\n%s", m.HTML)
	}
	if !strings.Contains(m.Text, `<script>alert(1)</script>`) {
		t.Error("the plain text is escaped as if it were HTML")
	}
}

func TestSMTP(t *testing.T) {
	for _, r := range []struct {
		security, username string
	}{
		{"starttls", ""}, {"starttls", "coffer"}, {"tls", ""}, {"tls", "coffer"}, {"none", ""}, {"none", "coffer"},
	} {
		t.Run(r.security+" "+r.username, func(t *testing.T) {
			srv := startServer(t, r.security, func(s *server) { s.username, s.password = r.username, "mail-secret" })
			o := mail.SMTPOptions{Host: "127.0.0.1", Port: srv.port, Security: r.security, Username: r.username, Password: "mail-secret", From: "files@haldenroe.example", RootCAs: srv.roots}
			sender, err := mail.NewSMTP(o)
			if err != nil {
				t.Fatal(err)
			}
			want := confirmation()
			for range 2 { // a sender is used again and again
				if err := sender.Send(t.Context(), want); err != nil {
					t.Fatal(err)
				}
			}
			got := srv.letters()
			if len(got) != 2 || got[0].from != "files@haldenroe.example" || got[0].to != "anna@example.com" || got[0].tls != (r.security != "none") {
				t.Fatalf("the server got %+v", got)
			}
			h, text, html := parts(t, got[0].data)
			if text != want.Text || html != want.HTML {
				t.Errorf("bodies changed on the way:\n%q\n%q", text, want.Text)
			}
			from, err := netmail.ParseAddress(h.Get("From"))
			if err != nil || from.Name != "Halden & Roe" || from.Address != "files@haldenroe.example" {
				t.Errorf("From %q", h.Get("From"))
			}
			for name, want := range map[string]string{
				"To": "<anna@example.com>", "Subject": want.Subject, "Message-Id": "<0k3@haldenroe.example>", "Date": "Mon, 23 Nov 2026 12:41:05 +0000",
				"Auto-Submitted": "auto-generated", "User-Agent": "", "X-Mailer": "",
			} {
				if h.Get(name) != want {
					t.Errorf("%s: %q, want %q", name, h.Get(name), want)
				}
			}
			if r.username == "" {
				return
			}
			o.Password = "wrong"
			sender, _ = mail.NewSMTP(o)
			if err := sender.Send(t.Context(), want); err == nil || mail.Permanent(err) || strings.Contains(err.Error(), "mail-secret") {
				t.Errorf("wrong password: %v; want an error that is tried again", err)
			}
		})
	}
}

// STARTTLS is never skipped, certificates are checked.
func TestSMTPInsistsOnTLS(t *testing.T) {
	plain := startServer(t, "none", nil)
	sealed := startServer(t, "starttls", nil)
	for name, o := range map[string]mail.SMTPOptions{
		"server without STARTTLS": {Port: plain.port, Security: "starttls"},
		"unknown authority":       {Port: sealed.port, Security: "starttls"},
	} {
		o.Host, o.From = "127.0.0.1", "files@haldenroe.example"
		sender, err := mail.NewSMTP(o)
		if err != nil {
			t.Fatal(err)
		}
		if err := sender.Send(t.Context(), confirmation()); err == nil || mail.Permanent(err) {
			t.Errorf("%s: %v; want an error that is tried again", name, err)
		}
	}
	if n := len(plain.letters()) + len(sealed.letters()) + len(plain.seen); n != 0 {
		t.Errorf("%d things were said without trust", n)
	}
}

func TestSMTPAnswers(t *testing.T) {
	for _, r := range []struct {
		reject    error
		code      int
		permanent bool
	}{
		{&smtp.SMTPError{Code: 452, EnhancedCode: smtp.EnhancedCode{4, 2, 2}, Message: "mailbox of anna@example.com is full"}, 452, false},
		{&smtp.SMTPError{Code: 421, EnhancedCode: smtp.EnhancedCode{4, 3, 2}, Message: "going down"}, 421, false},
		{&smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no anna@example.com here"}, 550, true},
	} {
		srv := startServer(t, "none", func(s *server) { s.reject = r.reject })
		sender, err := mail.NewSMTP(mail.SMTPOptions{Host: "127.0.0.1", Port: srv.port, Security: "none", From: "files@haldenroe.example"})
		if err != nil {
			t.Fatal(err)
		}
		err = sender.Send(t.Context(), confirmation())
		e, ok := errors.AsType[*mail.Error](err)
		if !ok || e.Code != r.code || e.Permanent != r.permanent || mail.Permanent(err) != r.permanent {
			t.Errorf("%d: %+v", r.code, err)
		} else if strings.Contains(err.Error(), "anna") {
			t.Errorf("%d: the address is in the error: %v", r.code, err)
		}
		if len(srv.letters()) != 0 {
			t.Errorf("%d: the letter went through", r.code)
		}
	}
}

func TestSMTPGone(t *testing.T) {
	sender, err := mail.NewSMTP(mail.SMTPOptions{Host: "127.0.0.1", Port: 1, Security: "none", From: "files@haldenroe.example"})
	if err != nil {
		t.Fatal(err)
	}
	if err := sender.Send(t.Context(), confirmation()); err == nil || mail.Permanent(err) {
		t.Errorf("no server: %v; want an error that is tried again", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := sender.Send(ctx, confirmation()); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestSMTPOptionsRefused(t *testing.T) {
	for name, o := range map[string]mail.SMTPOptions{
		"unknown security":       {Host: "mail.example", Security: "ssl", From: "a@example.com"},
		"no security":            {Host: "mail.example", From: "a@example.com"},
		"password in the clear":  {Host: "mail.example", Security: "none", Username: "u", Password: "p", From: "a@example.com"},
		"no sender":              {Host: "mail.example", Security: "tls"},
		"sender with a name":     {Host: "mail.example", Security: "tls", From: "A <a@example.com>"},
		"sender with a new line": {Host: "mail.example", Security: "tls", From: "a@example.com\r\nBcc: b@example.com"},
		"no host":                {Security: "tls", From: "a@example.com"},
		"port":                   {Host: "mail.example", Port: 70000, Security: "tls", From: "a@example.com"},
	} {
		if _, err := mail.NewSMTP(o); err == nil {
			t.Errorf("%s passes", name)
		}
	}
}

// Nothing in a letter may become a second header, recipient or command.
func TestInjectionRefused(t *testing.T) {
	srv := startServer(t, "none", nil)
	smtpSender, err := mail.NewSMTP(mail.SMTPOptions{Host: "127.0.0.1", Port: srv.port, Security: "none", From: "files@haldenroe.example"})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	outbox, err := mail.NewOutbox(dir, "files@haldenroe.example", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*mail.Message){
		"recipient with a new line":   func(m *mail.Message) { m.To = "a@example.com\r\nBcc: b@example.com" },
		"recipient with a command":    func(m *mail.Message) { m.To = "a@example.com>\r\nRCPT TO:<b@example.com" },
		"two recipients":              func(m *mail.Message) { m.To = "a@example.com, b@example.com" },
		"recipient with a name":       func(m *mail.Message) { m.To = "A <a@example.com>" },
		"quoted recipient":            func(m *mail.Message) { m.To = `"a b"@example.com` },
		"two signs":                   func(m *mail.Message) { m.To = "a@b@example.com" },
		"recipient not ASCII":         func(m *mail.Message) { m.To = "ä@example.com" },
		"no recipient":                func(m *mail.Message) { m.To = "" },
		"subject with a new line":     func(m *mail.Message) { m.Subject = "x\r\nBcc: b@example.com" },
		"subject with a line feed":    func(m *mail.Message) { m.Subject = "x\nBcc: b@example.com" },
		"sender name with a new line": func(m *mail.Message) { m.FromName = "x\nBcc: b@example.com" },
		"sender name with NUL":        func(m *mail.Message) { m.FromName = "x\x00" },
		"endless subject":             func(m *mail.Message) { m.Subject = strings.Repeat("x", 401) },
		"id that leaves the folder":   func(m *mail.Message) { m.ID = "../x" },
		"no id":                       func(m *mail.Message) { m.ID = "" },
		"id with a new line":          func(m *mail.Message) { m.ID = "a\nb" },
	} {
		for _, sender := range []mail.Sender{smtpSender, outbox} {
			m := confirmation()
			spoil(&m)
			if err := sender.Send(t.Context(), m); !mail.Permanent(err) {
				t.Errorf("%s, %T: %v; want a permanent refusal", name, sender, err)
			}
		}
	}
	files, _ := os.ReadDir(dir)
	if len(files) != 0 || len(srv.seen) != 0 {
		t.Errorf("files %v, commands %q", files, srv.seen)
	}
	// A display name that looks like addresses stays a name.
	m := confirmation()
	m.FromName = `Evil <evil@example.org>, "x`
	if err := smtpSender.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	h, _, _ := parts(t, srv.letters()[0].data)
	if from, err := h.AddressList("From"); err != nil || len(from) != 1 || from[0].Address != "files@haldenroe.example" || from[0].Name != m.FromName {
		t.Errorf("From %q reads as %v, %v", h.Get("From"), from, err)
	}
}

func TestOutbox(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data", "outbox")
	var log bytes.Buffer
	outbox, err := mail.NewOutbox(dir, "files@localhost", slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	// A crash left half a letter.
	if err := os.WriteFile(filepath.Join(dir, "0k3.eml.part"), []byte("half"), 0o644); err != nil {
		t.Fatal(err)
	}
	m := confirmation()
	for range 2 {
		if err := outbox.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 || files[0].Name() != "0k3.eml" {
		t.Fatalf("files %v, %v", files, err)
	}
	path := filepath.Join(dir, "0k3.eml")
	for p, want := range map[string]os.FileMode{path: 0o600, dir: 0o700 | os.ModeDir} {
		if info, err := os.Stat(p); err != nil || info.Mode() != want {
			t.Errorf("%s: mode %v, want %v", p, info.Mode(), want)
		}
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, text, html := parts(t, string(raw)); text != m.Text || html != m.HTML {
		t.Errorf("the stored letter reads\n%s", text)
	}
	if !strings.Contains(log.String(), path) {
		t.Errorf("the log does not say where the letter lies: %s", &log)
	}
	for _, secret := range []string{"042917", "042 917", "coffer_confirm", "anna"} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("%q is in the log: %s", secret, &log)
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := outbox.Send(t.Context(), m); err == nil || mail.Permanent(err) {
		t.Errorf("folder gone: %v; want an error that is tried again", err)
	}
	if _, err := mail.NewOutbox(dir, "nobody", slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a sender without a domain passes")
	}
}
