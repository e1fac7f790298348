package coffertest

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"testing"
	"time"

	"coffer"
	"coffer/internal/blob"
	"coffer/internal/server"
)

// certificate is one for 127.0.0.1 that a client with the returned pool trusts.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	if c, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(c)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// TestTLS: the same over HTTP/2 and HTTP/1.1 with TLS, up and down.
func TestTLS(t *testing.T) {
	t.Parallel()
	cert, pool := certificate(t)
	s := New(t, Options{TLS: &tls.Config{Certificates: []tls.Certificate{cert}}, Trust: &tls.Config{RootCAs: pool}})
	ann := s.Person("Ann")
	for i, h2 := range []bool{true, false} {
		if !h2 {
			s.http = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{}}}
		}
		res, err := ann.Send("GET", "/session", nil)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.ProtoMajor != 2 && h2 || res.ProtoMajor != 1 && !h2 || res.Header.Get("Strict-Transport-Security") == "" {
			t.Errorf("%s %v", res.Proto, res.Header)
		}
		content := noise(byte(i), 5<<20)
		f := ann.put(fmt.Sprintf("%d.bin", i), content)
		if got := ann.Do("GET", contentOf(f), nil).Want(200); !bytes.Equal(got.Body, content) {
			t.Error("other bytes")
		}
		if part := ann.Do("GET", contentOf(f), nil, "Range", "bytes=1000000-1999999").Want(206); !bytes.Equal(part.Body, content[1000000:2000000]) {
			t.Error("another part")
		}
		s.http.CloseIdleConnections()
	}
}

// TestStop: a server that stops lets a transfer end in the grace time, and cuts
// one that takes longer; what was acknowledged stays.
func TestStop(t *testing.T) {
	t.Parallel()
	s := New(t, Options{Disk: true})
	ann := s.Person("Ann")
	up, write := io.Pipe()
	answer := make(chan *http.Response, 1)
	go func() {
		res, err := ann.Send("PUT", "/nodes/"+ann.Root().String()+"/files?name=late.bin", up)
		if err != nil {
			t.Error(err)
		}
		answer <- res
	}()
	io.WriteString(write, "begun ")
	eventually(t, "the upload has begun", func() bool { return ann.Space().Reserved > 0 })
	stopped := make(chan struct{})
	go func() { s.Stop(); close(stopped) }()
	eventually(t, "no new connections", func() bool {
		c, err := net.Dial("tcp", s.Addr)
		if err == nil {
			c.Close()
		}
		return err != nil
	})
	io.WriteString(write, "and done")
	write.Close()
	if res := <-answer; res == nil || res.StatusCode != 201 {
		t.Errorf("the running upload: %v", res)
	}
	<-stopped

	second := s.Restart(func(o *server.Options) { o.Grace = 100 * time.Millisecond })
	ann.S = second
	if list := ann.children(); len(list) != 1 || list[0].Size != 14 {
		t.Errorf("after the restart: %+v", list)
	}
	up, write = io.Pipe()
	failed := make(chan error, 1)
	go func() {
		res, err := ann.Send("PUT", "/nodes/"+ann.Root().String()+"/files?name=never.bin", up)
		if err == nil {
			err = fmt.Errorf("status %d", res.StatusCode)
			if res.StatusCode == 201 {
				err = nil
			}
		}
		failed <- err
	}()
	io.WriteString(write, "begun ")
	eventually(t, "the upload has begun", func() bool { return ann.Space().Reserved > 0 })
	second.Stop()
	write.CloseWithError(errors.New("cut"))
	if err := <-failed; err == nil {
		t.Error("an upload that was cut is acknowledged")
	}
	ann.S = second.Restart(nil)
	if list := ann.children(); len(list) != 1 {
		t.Errorf("after the cut: %+v", list)
	}
	if space := ann.Space(); space.Reserved != 0 {
		t.Errorf("the cut upload has not cleaned up: %+v", space)
	}
}

// lingering is a store whose uploads take their time to be forgotten.
type lingering struct {
	blob.Store
	entered, leave chan struct{}
}

type lingeringPending struct {
	blob.Pending
	s lingering
}

func (l lingering) Stage(ctx context.Context, id coffer.ID, part int64) (blob.Pending, error) {
	p, err := l.Store.Stage(ctx, id, part)
	return lingeringPending{p, l}, err
}

func (p lingeringPending) Abort(ctx context.Context) error {
	select {
	case p.s.entered <- struct{}{}:
		<-p.s.leave
	default:
	}
	return p.Pending.Abort(ctx)
}

// TestStopWaits: a server has not stopped before what it cut is in order.
func TestStopWaits(t *testing.T) {
	t.Parallel()
	l := lingering{entered: make(chan struct{}, 1), leave: make(chan struct{})}
	s := New(t, Options{Edit: func(o *server.Options) { l.Store = o.Store; o.Store, o.Grace = l, 100*time.Millisecond }})
	ann := s.Person("Ann")
	c, _ := ann.dial("PUT", "/nodes/"+ann.Root().String()+"/files?name=cut.bin", "Content-Length: 50000000")
	if _, err := c.Write(make([]byte, 64<<10)); err != nil { // enough that the store is asked
		t.Fatal(err)
	}
	eventually(t, "the upload has begun", func() bool { return ann.Space().Reserved > 0 })
	stopped := make(chan struct{})
	go func() { s.Stop(); close(stopped) }()
	select {
	case <-l.entered:
	case <-time.After(20 * time.Second):
		t.Fatal("the cut upload was not cleaned up")
	}
	select {
	case <-stopped:
		t.Error("the server has stopped while a request was cleaning up")
	case <-time.After(700 * time.Millisecond):
	}
	close(l.leave)
	<-stopped
}
