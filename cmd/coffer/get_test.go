package main

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"coffer/internal/client"
	"coffer/internal/coffertest"
)

// shortLine breaks after some bytes that came.
type shortLine struct {
	net.Conn
	left int
}

func (c *shortLine) Read(p []byte) (int, error) {
	if c.left == 0 {
		return 0, errors.New("the line broke")
	}
	n, err := c.Conn.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, err
}

// TestGetGoesOn: get takes up what an earlier call has left, and leaves alone
// what is not its own or is in use.
func TestGetGoesOn(t *testing.T) {
	t.Parallel()
	s := coffertest.New(t, coffertest.Options{})
	y := newTypist(t, s.Owner)
	content := make([]byte, 6<<20+123)
	rand.NewChaCha8([32]byte{1}).Read(content) // never fails
	y.types(0, []string{"put", y.file("big.bin", string(content)), "/"})
	node := s.Owner.Do("GET", "/resolve?path=/big.bin", nil).Want(200).Node()
	out := filepath.Join(y.dir, "out")
	if err := os.Mkdir(out, 0o700); err != nil {
		t.Fatal(err)
	}
	part := filepath.Join(out, ".big.bin.coffer-part")
	interrupt := func() *os.File {
		t.Helper()
		rt := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := new(net.Dialer).DialContext(ctx, network, address)
			return &shortLine{c, 4<<20 + 5000}, err
		}}
		t.Cleanup(rt.CloseIdleConnections)
		c, err := client.New(s.URL, client.Options{Token: s.Owner.Program().Token, Transport: rt, Tries: 1, Pause: time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		f, err := os.OpenFile(part, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		moved := int64(0)
		err = c.DownloadFile(ctx, node, f, func(n int64) {
			if moved += n; moved > 4<<20 {
				cancel()
			}
		})
		if err == nil {
			t.Fatal("not interrupted")
		}
		return f
	}
	sent := func() int { // bytes that the server sent for the rest; its line comes when the answer is over
		rest := regexp.MustCompile(`method=GET path=/api/v1/nodes/\S+/content status=206 bytes=(\d+)`)
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		late := time.After(20 * time.Second)
		for {
			if line := rest.FindStringSubmatch(s.Log.String()); line != nil {
				n, err := strconv.Atoi(line[1])
				if err != nil {
					t.Fatal(err)
				}
				return n
			}
			select {
			case <-tick.C:
			case <-late:
				t.Fatal("the rest was not asked for")
			}
		}
	}
	whole := func(what string) {
		t.Helper()
		got, err := os.ReadFile(filepath.Join(out, "big.bin"))
		if err != nil || !bytes.Equal(got, content) {
			t.Errorf("%s: %d bytes, %v", what, len(got), err)
		}
		if err := os.Remove(filepath.Join(out, "big.bin")); err != nil {
			t.Error(err)
		}
	}
	left := func(want ...string) {
		t.Helper()
		list, err := os.ReadDir(out)
		var names []string
		for _, e := range list {
			names = append(names, e.Name())
		}
		if err != nil || strings.Join(names, " ") != strings.Join(want, " ") {
			t.Errorf("left are %q, %v, want %q", names, err, want)
		}
	}
	get := []string{"get", "/big.bin", "-o", out}

	interrupt().Close()
	left(".big.bin.coffer-part")
	y.types(0, get)
	if n := sent(); n > len(content)-4<<20 {
		t.Errorf("%d bytes were sent for the rest", n)
	}
	whole("the rest")
	left()

	busy := interrupt()
	if !claim(busy) { // as another process has it
		t.Fatal("not mine")
	}
	y.types(0, get)
	whole("beside another")
	left(".big.bin.coffer-part")
	busy.Close()
	y.types(0, get)
	whole("after the other")
	left()

	for what, make := range map[string]func() error{
		"a file of somebody": func() error { return os.WriteFile(part, []byte("mine"), 0o600) },
		"a link": func() error {
			return errors.Join(os.WriteFile(filepath.Join(out, "other"), nil, 0o600), os.Symlink("other", part))
		},
		"a folder": func() error { return os.Mkdir(part, 0o700) },
	} {
		if err := make(); err != nil {
			t.Fatal(err)
		}
		y.types(0, get)
		whole(what)
		if b, err := os.ReadFile(filepath.Join(out, "other")); err == nil && len(b) > 0 {
			t.Errorf("%s: what it leads to holds %d bytes", what, len(b))
		}
		if b, err := os.ReadFile(part); err == nil && string(b) != "mine" && what == "a file of somebody" {
			t.Errorf("%s: %q", what, b)
		}
		os.Remove(filepath.Join(out, "other"))
		if err := os.Remove(part); err != nil {
			t.Error(err)
		}
		left()
	}

	// What is gone leaves nothing; what cannot be reached stays.
	interrupt().Close()
	s.Owner.Do("DELETE", "/nodes/"+node.ID.String(), nil).Want(204)
	y.types(4, get)
	if _, err := os.Stat(part); err != nil {
		t.Errorf("asking for what is gone touched the part: %v", err)
	}
	s.Owner.Do("POST", "/trash/"+node.ID.String()+"/restore", struct{}{}).Want(200)
	y.types(0, get)
	whole("after all")
	left()

	long := strings.Repeat("x", 250)
	if n := filepath.Base(partName("a/" + long)); len(n) > 100 || n == filepath.Base(partName("a/"+long+"y")) {
		t.Errorf("the part of a long name is %q", n)
	}
	if partName("a/b") != "a/.b.coffer-part" {
		t.Error(partName("a/b"))
	}
}
