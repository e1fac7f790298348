package coffertest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"coffer/internal/server"
	"coffer/internal/wire"
)

// TestFairness: one person sends fifty files at once and fifty more that stand
// still; another's clicks, and their own files, go through as if they were few.
func TestFairness(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(Options) *Server) {
		const uploads = 50
		s := open(Options{Edit: func(o *server.Options) { o.Memory = 1 }}) // the fewest places for transfers: 32
		ann, ben, eve := s.member("Ann"), s.member("Ben"), s.member("Eve")
		for range uploads {
			ann.dial("PUT", "/nodes/"+ann.Root().String()+"/files?if_exists=keep_both&name=still.bin", "Content-Length: 50000000")
		}
		eventually(t, "eight of the still uploads have begun", func() bool { return ann.Space().Reserved == 8*50_000_000 })

		var stop atomic.Bool
		var flood sync.WaitGroup
		var mu sync.Mutex
		var hers, his []time.Duration // how long an upload took
		put := func(p *Person, folder string, content []byte) time.Duration {
			began := time.Now()
			p.Do("PUT", "/nodes/"+folder+"/files?if_exists=keep_both&name=file.bin", content).Want(201)
			return time.Since(began)
		}
		root, content := eve.Root().String(), noise(1, 20<<10)
		for range uploads {
			flood.Go(func() {
				for !stop.Load() {
					took := put(eve, root, content)
					mu.Lock()
					hers = append(hers, took)
					mu.Unlock()
				}
			})
		}
		home := ben.Root().String()
		var clicks []time.Duration
		for begun := time.Now(); len(his) < 6 || time.Since(begun) < time.Second/2; {
			if mu.Lock(); len(hers) < 16 { // all of them are at it
				mu.Unlock()
				runtime.Gosched()
				continue
			}
			mu.Unlock()
			his = append(his, put(ben, home, content))
			began := time.Now()
			ben.Do("GET", "/nodes/"+home+"/children", nil).Want(200)
			clicks = append(clicks, time.Since(began))
		}
		stop.Store(true)
		flood.Wait()
		for _, d := range [][]time.Duration{hers, his, clicks} {
			slices.Sort(d)
		}
		middle := func(d []time.Duration) time.Duration { return d[len(d)/2] }
		t.Logf("an upload of %d at once took %v, one of another person %v (at most %v), a click %v (at most %v)",
			uploads, middle(hers), middle(his), his[len(his)-1], middle(clicks), clicks[len(clicks)-1])
		// Whatever the machine: fifty files wait in line for eight places, one file and one click do not.
		if middle(his) > middle(hers)/2 || middle(clicks) > middle(hers)/2 {
			t.Error("the other person waits behind them")
		}
		if worst := max(his[len(his)-1], clicks[len(clicks)-1]); worst > 10*time.Second {
			t.Errorf("the other person waited %v", worst)
		}
		if r := ann.Space().Reserved; r != 8*50_000_000 {
			t.Errorf("of the still uploads %d bytes are reserved", r)
		}
	})
}

// TestPlacesAreShared: when slow transfers of many people have taken all places
// for transfers, the clicks of all go on, and the next free place is of who has
// none.
func TestPlacesAreShared(t *testing.T) {
	t.Parallel()
	s := New(t, Options{Edit: func(o *server.Options) { o.Memory = 1 }}) // 32 places
	var slow []net.Conn
	var first *Person
	for i := range 4 {
		p := s.member(fmt.Sprint("P", i))
		first = p
		for range 16 {
			c, _ := p.dial("PUT", "/nodes/"+p.Root().String()+"/files?if_exists=keep_both&name=slow.bin", "Content-Length: 50000000")
			slow = append(slow, c)
		}
		eventually(t, "eight run", func() bool { return p.Space().Reserved == 8*50_000_000 })
	}
	zoe := s.member("Zoe")
	done := make(chan int, 1)
	go func() {
		done <- zoe.Do("PUT", "/nodes/"+zoe.Root().String()+"/files?name=mine.bin", []byte("mine")).Status
	}()
	for range 20 {
		zoe.Do("GET", "/nodes/"+zoe.Root().String()+"/children", nil).Want(200)
	}
	select {
	case <-done:
		t.Error("a 33rd transfer ran")
	default:
	}
	slow[len(slow)-16].Close() // of the person who has eight more in line
	if status := <-done; status != 201 {
		t.Errorf("the one file of another: %d", status)
	}
	eventually(t, "the place goes on to the others", func() bool { return first.Space().Reserved == 8*50_000_000 })
}

// TestSlowloris: headers and bodies that trickle are given up; slow lines are not.
func TestSlowloris(t *testing.T) {
	t.Parallel()
	s := New(t, Options{Idle: 1500 * time.Millisecond})
	ann := s.member("Ann")
	f := ann.put("file.bin", noise(1, 8<<20))
	upload := "/nodes/" + ann.Root().String() + "/files?if_exists=keep_both&name="
	resumable := ann.tus(500_000, ann.here("trickle"))

	trickling := map[string]func() net.Conn{
		"headers": func() net.Conn {
			c, err := net.Dial("tcp", s.Addr)
			if err != nil {
				t.Fatal(err)
			}
			io.WriteString(c, "GET /api/v1/instance HTTP/1.1\r\nX-Slow: ")
			return c
		},
		"headers of a second request": func() net.Conn {
			c, br := ann.dial("GET", "/instance", "Accept: */*")
			res, err := http.ReadResponse(br, nil)
			if err != nil {
				t.Fatal(err)
			}
			io.Copy(io.Discard, res.Body)
			io.WriteString(c, "GET /api/v1/instance HTTP/1.1\r\nX-Slow: ")
			return c
		},
		"JSON": func() net.Conn {
			c, _ := ann.dial("POST", "/nodes/"+ann.Root().String()+"/folders", "Content-Type: application/json\r\nContent-Length: 500000")
			return c
		},
		"upload": func() net.Conn {
			c, _ := ann.dial("PUT", upload+"trickle", "Content-Length: 500000")
			return c
		},
		"upload in chunks": func() net.Conn {
			c, _ := ann.dial("PUT", upload+"trickle", "Transfer-Encoding: chunked")
			io.WriteString(c, "7a120\r\n")
			return c
		},
		"resumable upload": func() net.Conn {
			c, _ := ann.dial("PATCH", "/uploads/"+resumable.id, "Tus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\nContent-Type: application/offset+octet-stream\r\nContent-Length: 500000")
			return c
		},
	}
	began := time.Now()
	var all sync.WaitGroup
	for name, begin := range trickling {
		c := begin()
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			io.Copy(io.Discard, c) // an answer, then the end
		}()
		all.Go(func() {
			tick := time.NewTicker(50 * time.Millisecond)
			defer tick.Stop()
			for i := 0; ; i++ {
				select {
				case <-ended:
					return
				case <-tick.C:
					if _, err := io.WriteString(c, "1"); err != nil {
						return
					}
					if i == 400 {
						t.Errorf("%s: twenty seconds of a byte now and then are waited for", name)
						c.Close()
						return
					}
				}
			}
		})
	}
	// Beside them, the slow who move: for longer than the idle time, up and down.
	c, br := ann.dial("PUT", upload+"slow.bin", "Content-Length: 393216")
	up := noise(2, 393216)
	down, read := ann.dial("GET", contentOf(f), "Accept: */*")
	down.(*net.TCPConn).SetReadBuffer(64 << 10)
	all.Go(func() {
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for i := range 16 {
			<-tick.C
			if _, err := c.Write(up[i*24576 : (i+1)*24576]); err != nil {
				t.Errorf("a slow writer: %v", err)
				return
			}
		}
		if res, err := http.ReadResponse(br, nil); err != nil || res.StatusCode != 201 {
			t.Errorf("a slow writer: %v %v", res, err)
		}
	})
	all.Go(func() {
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		res, err := http.ReadResponse(read, nil)
		if err != nil {
			t.Error(err)
			return
		}
		var got bytes.Buffer
		for range 16 {
			<-tick.C
			if _, err := io.CopyN(&got, res.Body, 512<<10); err != nil {
				t.Errorf("a slow reader: %v", err)
				return
			}
		}
		if !bytes.Equal(got.Bytes(), noise(1, 8<<20)) {
			t.Error("a slow reader got other bytes")
		}
	})
	all.Wait()
	t.Logf("all of it took %v", time.Since(began))
	eventually(t, "nothing is reserved for those who trickled", func() bool { return ann.Space().Reserved <= 500_000 })
}

// TestSilentConnections: thousands of connections that say nothing push out one
// another, and no one else.
func TestSilentConnections(t *testing.T) {
	t.Parallel()
	const most = 24
	s := New(t, Options{Edit: func(o *server.Options) { o.Connections = most }})
	ann := s.member("Ann")
	slow, _ := ann.dial("PUT", "/nodes/"+ann.Root().String()+"/files?name=slow.bin", "Content-Length: 5000000")
	eventually(t, "an upload runs", func() bool { return ann.Space().Reserved == 5_000_000 })
	var silent []net.Conn
	for i := range 3 * most {
		c, err := net.Dial("tcp", s.Addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		io.WriteString(c, "GET / HTTP/1.1\r\nX-Slow: ")
		silent = append(silent, c)
		if i%8 == 0 {
			s.http.CloseIdleConnections()
			ann.Do("GET", "/session", nil).Want(200)
		}
	}
	open := func(c net.Conn) bool {
		c.SetReadDeadline(time.Now().Add(time.Millisecond))
		_, err := c.Read(make([]byte, 1))
		return errors.Is(err, os.ErrDeadlineExceeded)
	}
	eventually(t, "the silent are no more than may be", func() bool {
		n := 0
		for _, c := range silent {
			if open(c) {
				n++
			}
		}
		return n < most
	})
	if last := silent[len(silent)-1]; !open(last) || !open(slow) {
		t.Error("others were pushed out than those who were silent for longest")
	}
}

// TestMemoryOfTransfers: what transfers take in memory grows with how many run,
// not with what they move, and has an end.
func TestMemoryOfTransfers(t *testing.T) {
	s := New(t, Options{Disk: true, Edit: func(o *server.Options) { o.Memory = 1 }}) // 32 places, few large buffers
	heap := func() int64 {
		runtime.GC()
		runtime.GC() // pools give up in two
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	var people []*Person
	for i := range 6 {
		people = append(people, s.member(fmt.Sprint("P", i)))
	}
	content := noise(1, 48<<20)
	var files []wire.Node
	for _, p := range people {
		files = append(files, p.put("large.bin", content))
	}
	before := heap()
	for i, p := range people[:3] { // 30 downloads, 24 run
		for range 10 {
			c, _ := p.dial("GET", contentOf(files[i]), "Accept: */*")
			c.(*net.TCPConn).SetReadBuffer(64 << 10)
		}
	}
	for _, p := range people[3:] { // 30 uploads, 8 run
		for range 10 {
			c, _ := p.dial("PUT", "/nodes/"+p.Root().String()+"/files?if_exists=keep_both&name=up.bin", "Content-Length: 50000000")
			go c.Write(content[:20<<20])
		}
	}
	reserved := func() (n int64) {
		for _, p := range people[3:] {
			n += p.Space().Reserved
		}
		return n
	}
	eventually(t, "all places are taken", func() bool { return reserved() == 8*50_000_000 })
	var grown int64
	for range 20 { // while bytes flow
		grown = max(grown, heap()-before)
	}
	t.Logf("32 transfers and 28 that wait take %.1f MiB of the heap", float64(grown)/(1<<20))
	if most := int64(32+10) << 20; grown > most { // one MiB each, and the buffers of 60 connections
		t.Errorf("the heap grew by %d MiB, more than %d", grown>>20, most>>20)
	}
}
