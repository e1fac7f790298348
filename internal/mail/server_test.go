package mail_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// server is a real SMTP server on loopback.
type server struct {
	port     int
	roots    *x509.CertPool
	username string
	password string
	reject   error // answers RCPT when set

	mu   sync.Mutex
	got  []letterSeen
	seen []string // MAIL and RCPT arguments
}

type letterSeen struct {
	from, to, data string
	tls            bool
}

// startServer serves with STARTTLS, with TLS from the first byte ("tls") or
// without ("none").
func startServer(t *testing.T, security string, configure func(*server)) *server {
	t.Helper()
	s := &server{roots: x509.NewCertPool()}
	if configure != nil {
		configure(s)
	}
	srv := smtp.NewServer(s)
	srv.Domain, srv.AllowInsecureAuth, srv.ErrorLog = "localhost", security == "none", log.New(io.Discard, "", 0)
	srv.ReadTimeout, srv.WriteTimeout = 10*time.Second, 10*time.Second
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.port = ln.Addr().(*net.TCPAddr).Port
	if security != "none" {
		srv.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate(t, s.roots)}}
	}
	if security == "tls" {
		ln = tls.NewListener(ln, srv.TLSConfig)
	}
	done := make(chan struct{})
	go func() { defer close(done); srv.Serve(ln) }()
	t.Cleanup(func() { srv.Close(); <-done })
	return s
}

func certificate(t *testing.T, roots *x509.CertPool) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots.AddCert(cert)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func (s *server) letters() []letterSeen {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.got
}

func (s *server) NewSession(c *smtp.Conn) (smtp.Session, error) {
	_, secure := c.TLSConnectionState()
	return &session{server: s, letterSeen: letterSeen{tls: secure}}, nil
}

type session struct {
	*server
	letterSeen
	known bool
}

func (s *session) AuthMechanisms() []string {
	if s.username == "" {
		return nil
	}
	return []string{sasl.Plain}
}

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, username, password string) error {
		if username != s.username || password != s.password {
			return errors.New("wrong")
		}
		s.known = true
		return nil
	}), nil
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	if s.username != "" && !s.known {
		return smtp.ErrAuthRequired
	}
	s.from = from
	return s.note(from)
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = to
	if err := s.note(to); s.reject == nil {
		return err
	}
	return s.reject
}

func (s *session) note(arg string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = append(s.seen, arg)
	return nil
}

func (s *session) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.data = string(b)
	s.got = append(s.got, s.letterSeen)
	return err
}

func (s *session) Reset()        {}
func (s *session) Logout() error { return nil }
