package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"time"

	gomail "github.com/wneessen/go-mail"
)

// SMTPOptions say how to reach the mail server.
type SMTPOptions struct {
	Host     string
	Port     int    // 0: 587 for starttls, 465 for tls, 25 for none
	Security string // starttls (required, never skipped), tls, none
	Username string // empty: no authentication
	Password string
	From     string         // the sender's address
	RootCAs  *x509.CertPool // nil: the system's
	Timeout  time.Duration  // of each step; 0: 30 s
}

// SMTP hands letters to a mail server, a connection each. It is a Sender.
type SMTP struct {
	client *gomail.Client
	from   string
}

// NewSMTP checks the options; it does not connect. Without TLS a password is
// refused, except to a server on this machine.
func NewSMTP(o SMTPOptions) (*SMTP, error) {
	if !PlainAddress(o.From) {
		return nil, fmt.Errorf("mail: sender address %q cannot be used: write one like files@example.com", o.From)
	}
	timeout := o.Timeout
	if timeout == 0 {
		timeout = 30 * time.Second
	}
	opts := []gomail.Option{
		gomail.WithTimeout(timeout),
		gomail.WithTLSConfig(&tls.Config{ServerName: o.Host, RootCAs: o.RootCAs, MinVersion: tls.VersionTLS12}),
		gomail.WithoutNoop(), gomail.WithoutRset(), // one letter a connection
		gomail.WithoutSMTPUTF8(), // addresses are ASCII
	}
	port, auth := o.Port, gomail.SMTPAuthAutoDiscover
	switch o.Security {
	case "starttls":
		opts = append(opts, gomail.WithTLSPolicy(gomail.TLSMandatory))
		port = orPort(port, 587)
	case "tls":
		opts = append(opts, gomail.WithSSL())
		port = orPort(port, 465)
	case "none":
		opts = append(opts, gomail.WithTLSPolicy(gomail.NoTLS))
		port = orPort(port, 25)
		if o.Username != "" && !isLoopback(o.Host) {
			return nil, fmt.Errorf("mail: security none would send the password of %q in the clear to %s: use starttls or tls", o.Username, o.Host)
		}
		auth = gomail.SMTPAuthPlainNoEnc
	default:
		return nil, fmt.Errorf("mail: security %q is not known: use starttls, tls or none", o.Security)
	}
	opts = append(opts, gomail.WithPort(port))
	if o.Username != "" {
		opts = append(opts, gomail.WithSMTPAuth(auth), gomail.WithUsername(o.Username), gomail.WithPassword(o.Password))
	}
	client, err := gomail.NewClient(o.Host, opts...)
	if err != nil {
		return nil, fmt.Errorf("mail: SMTP server %q, port %d: %w", o.Host, port, err)
	}
	return &SMTP{client, o.From}, nil
}

func orPort(port, standard int) int {
	if port == 0 {
		return standard
	}
	return port
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Send hands the letter to the server. Only an answer of the 5xx class to the
// letter itself is permanent: connections, certificates and passwords can be
// put right.
func (s *SMTP) Send(ctx context.Context, m Message) error {
	msg, err := build(m, s.from)
	if err != nil {
		return err
	}
	err = s.client.DialAndSendWithContext(ctx, msg)
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if e, ok := errors.AsType[*gomail.SendError](err); ok {
		return &Error{Permanent: !e.IsTemp() && e.ErrorCode() >= 500, Code: e.ErrorCode(), Msg: "the server did not take the letter"}
	}
	// Here nothing of the letter was said yet, so the text is safe to show.
	return &Error{Msg: "no connection to the server: " + err.Error()}
}
