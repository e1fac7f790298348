package main_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"coffer"
	"coffer/internal/client"
	"coffer/internal/wire"
)

// upload is one that has begun and waits for the rest of its body.
type upload struct {
	body *io.PipeWriter
	node wire.Node
	done chan error
}

func begin(t *testing.T, c *client.Client, parent coffer.ID, name string) *upload {
	t.Helper()
	r, w := io.Pipe()
	u := &upload{body: w, done: make(chan error, 1)}
	go func() {
		var err error
		u.node, err = c.Upload(t.Context(), client.Upload{Parent: parent, Name: name, IfExists: coffer.Fail, Size: -1, Open: func() (io.ReadCloser, error) { return r, nil }})
		u.done <- err
	}()
	// The pipe takes these only while the request is under way.
	if _, err := w.Write(bytes.Repeat([]byte("first "), 200_000)); err != nil {
		t.Fatal(err)
	}
	return u
}

// TestStop: after a first SIGTERM running transfers end well, and nothing new
// begins; the time that they have is limited; a second signal ends all at once.
func TestStop(t *testing.T) {
	in := newInstallation(t, "")
	in.ann()
	signedIn := func(p *process) (*client.Client, wire.Node) {
		t.Helper()
		c, err := client.New(p.url, client.Options{Tries: 1})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Login(t.Context(), "ann@example.org", password, "test"); err != nil {
			t.Fatal(err)
		}
		root, err := c.Resolve(t.Context(), "/")
		if err != nil {
			t.Fatal(err)
		}
		return c, root
	}
	// refused waits until the server takes no new connections.
	refused := func(p *process) {
		t.Helper()
		for late := time.Now().Add(20 * time.Second); ; {
			conn, err := net.Dial("tcp", p.url[len("http://"):])
			if err != nil {
				return
			}
			conn.Close()
			if time.Now().After(late) {
				t.Fatal("a server that stops takes new connections")
			}
		}
	}

	t.Run("drain", func(t *testing.T) {
		p := in.serve()
		c, root := signedIn(p)
		u := begin(t, c, root.ID, "drained")
		p.cmd.Process.Signal(syscall.SIGTERM)
		refused(p)
		if _, err := u.body.Write([]byte("last")); err != nil {
			t.Fatal(err)
		}
		u.body.Close()
		if err := <-u.done; err != nil || u.node.Size != 6*200_000+4 {
			t.Errorf("the running upload: %+v, %v\n%s", u.node, err, p.text())
		}
		<-p.ended
		if p.err != nil {
			t.Errorf("the server ended with %v\n%s", p.err, p.text())
		}
	})
	t.Run("deadline", func(t *testing.T) {
		p, err := start(in.dir, in.env, "--data", "data", "--stop-within", "1s")
		if err != nil {
			t.Fatal(err)
		}
		c, root := signedIn(p)
		u := begin(t, c, root.ID, "too slow")
		if p.stop(syscall.SIGTERM); p.err != nil {
			t.Errorf("the server ended with %v\n%s", p.err, p.text())
		}
		u.body.Close()
		if err := <-u.done; err == nil {
			t.Error("an upload was acknowledged by a server that had cut it")
		}
	})
	t.Run("second signal", func(t *testing.T) {
		p := in.serve()
		c, root := signedIn(p)
		u := begin(t, c, root.ID, "cut")
		p.cmd.Process.Signal(syscall.SIGTERM)
		refused(p)
		begun := time.Now()
		p.stop(syscall.SIGTERM)
		if took := time.Since(begun); took > 10*time.Second { // of the 30 that it would wait
			t.Errorf("the second signal took %v", took)
		}
		u.body.Close()
		<-u.done
	})
	p := in.serve()
	c, _ := signedIn(p)
	for name, want := range map[string]bool{"/drained": true, "/too slow": false, "/cut": false} {
		if _, err := c.Resolve(t.Context(), name); (err == nil) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
	p.stop(syscall.SIGTERM)
	wantNoDamage(t, in)
}

// certCmd makes a certificate of its own authority for 127.0.0.1.
func certCmd(ts *testscript.TestScript, _ bool, args []string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ts.Check(err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	ts.Check(err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600))
}
