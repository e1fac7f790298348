package main

// One server under measurement: started, asked, measured, ended.

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

type server struct {
	Conf
	b        *bench
	a        Adapter
	hc       *http.Client
	cmd      *exec.Cmd
	done     chan struct{}
	pid      int
	big, mid string          // handles of the two large files
	dead     map[string]bool // phases that failed
}

func newServer(c Conf, b *bench) (*server, error) {
	s := &server{Conf: c, b: b, dead: map[string]bool{}}
	s.a = newAdapter(&s.Conf)
	if s.a == nil {
		return nil, fmt.Errorf("no adapter %q", c.Adapter)
	}
	s.hc = &http.Client{Timeout: 5 * time.Minute, Transport: &http.Transport{
		MaxIdleConnsPerHost: 64, DisableCompression: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	return s, nil
}

// start runs the server's command and returns the time to its first answer.
func (s *server) start() (time.Duration, error) {
	if s.Start == "" {
		s.pid = s.Pid
		return 0, nil
	}
	lf, err := os.Create(filepath.Join(s.b.tmp, "log."+s.Name))
	if err != nil {
		return 0, err
	}
	s.cmd = exec.Command("sh", "-c", "exec "+s.Start)
	s.cmd.Stdout, s.cmd.Stderr = lf, lf
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	t0 := time.Now()
	err = s.cmd.Start()
	lf.Close()
	if err != nil {
		s.cmd = nil
		return 0, err
	}
	s.pid = s.cmd.Process.Pid
	done := make(chan struct{})
	s.done = done
	go func(c *exec.Cmd) { c.Wait(); close(done) }(s.cmd)
	hc := &http.Client{Timeout: time.Second, Transport: s.hc.Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for time.Since(t0) < 30*time.Second {
		p, err := hc.Get(s.URL + s.Ready)
		if err == nil {
			io.Copy(io.Discard, p.Body)
			p.Body.Close()
			if p.StatusCode < 400 || p.StatusCode == 401 {
				return time.Since(t0), nil
			}
		}
		select {
		case <-s.done:
			return 0, fmt.Errorf("%s ended at once, see its log", s.Name)
		case <-time.After(time.Millisecond):
		}
	}
	return 0, fmt.Errorf("%s not ready", s.Name)
}

func (s *server) stop() {
	if s.cmd == nil || s.done == nil {
		return
	}
	s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.done:
	case <-time.After(10 * time.Second):
		s.cmd.Process.Kill()
		<-s.done
	}
	s.hc.CloseIdleConnections()
}

func (s *server) skips(phase string) bool { return s.dead[phase] || slices.Contains(s.Skip, phase) }

// measure runs fn and fills in what the kernel knows about the server.
func (s *server) measure(phase string, round int, fn func(r *Row) error) {
	if s.skips(phase) {
		return
	}
	r := Row{Phase: phase, Server: s.Name, Round: round}
	err := s.a.Login()
	if err == nil {
		pids := tree(s.pid)
		resetHWM(pids)
		c0, b0 := settledCPU(pids), busy()
		t0 := time.Now()
		err = fn(&r)
		if r.Wall == 0 {
			r.Wall = time.Since(t0).Seconds()
		}
		r.Busy = busy() - b0
		r.CPU = settledCPU(pids) - c0
		r.HWM = sumKiB(pids, "VmHWM")
		t1 := time.Now()
		syscall.Sync()
		r.Sync = time.Since(t1).Seconds()
	}
	if err != nil {
		r.Err = err.Error()
		s.dead[phase] = true
	}
	s.b.emit(r)
}

func (s *server) mkdir(dir string) error {
	m := s.a.Mkdir(dir)
	if m.Method == "" {
		return nil
	}
	_, body, err := do(s.hc, m.Req)
	if err == nil && m.Made != nil {
		err = m.Made(body)
	}
	return err
}

func (s *server) remove(h string) {
	for _, r := range s.a.Delete(h) {
		if _, _, err := do(s.hc, r); err != nil {
			log.Printf("%s: delete: %v", s.Name, err)
		}
	}
}

// verify downloads a handle and compares it with the source file.
func (s *server) verify(h, path string) error {
	q, err := s.a.Get(h).http(nil)
	if err != nil {
		return err
	}
	r, err := s.hc.Do(q)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	got, err := sum(r.Body)
	if err != nil {
		return err
	}
	want, err := sum(f)
	if err == nil && got != want {
		err = errors.New("content differs")
	}
	return err
}

// spread runs fn for 0..n-1 with the set concurrency and takes latencies.
func (s *server) spread(n int, row *Row, fn func(i int) error) error {
	var next atomic.Int64
	var wg sync.WaitGroup
	var mu sync.Mutex
	var bad error
	lat := make([]float64, n)
	end := time.Now().Add(3 * time.Minute)
	t0 := time.Now()
	for range s.b.conc {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n || time.Now().After(end) {
					return
				}
				t := time.Now()
				err := fn(i)
				lat[i] = ms(time.Since(t))
				mu.Lock()
				if err != nil && bad == nil {
					bad = err
				}
				if err == nil {
					row.N++
				}
				stop := bad != nil
				mu.Unlock()
				if stop {
					return
				}
			}
		})
	}
	wg.Wait()
	row.Wall = time.Since(t0).Seconds()
	row.Lat = lat
	if bad == nil && row.N < n {
		bad = fmt.Errorf("only %d of %d in time", row.N, n)
	}
	return bad
}

// source makes a file of random bytes, once.
func source(dir, name string, mib int64) (string, error) {
	p := filepath.Join(dir, name)
	if st, err := os.Stat(p); err == nil && st.Size() == mib<<20 {
		return p, nil
	}
	f, err := os.Create(p)
	if err != nil {
		return "", err
	}
	_, err = io.CopyN(f, rand.Reader, mib<<20)
	return p, errors.Join(err, f.Close())
}

// stamp makes the file's content new, so that no server can deduplicate it.
func stamp(p string) error {
	f, err := os.OpenFile(p, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	b := make([]byte, 32)
	rand.Read(b)
	_, err = f.WriteAt(b, 0)
	return errors.Join(err, f.Close())
}

func sum(r io.Reader) ([32]byte, error) {
	h := sha256.New()
	_, err := io.Copy(h, r)
	return [32]byte(h.Sum(nil)), err
}
