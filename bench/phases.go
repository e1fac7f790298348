package main

// The phases: what is asked of every server.

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log"
	mrand "math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

func (b *bench) phases() error {
	ph := strings.Split(b.options.phases, ",")
	has := func(p string) bool { return slices.Contains(ph, p) }
	b.rawGCM()
	if has("cold") {
		b.cold()
	}
	b.startAll()
	if has("down") || has("range") || has("par") {
		b.place()
	}
	if has("down") {
		b.down()
	}
	if has("range") {
		if err := b.ranges(); err != nil {
			return err
		}
	}
	if has("par") {
		b.parallel()
	}
	if has("up") {
		b.up()
	}
	if has("parup") {
		b.parallelUp()
	}
	if has("small") {
		b.small()
	}
	if has("list") {
		b.list()
	}
	b.rest()
	return nil
}

// rawGCM opens 16 KiB AES-256-GCM chunks for half a second: what the machine's
// crypto costs with nothing around it.
func (b *bench) rawGCM() {
	const n = 16 << 10
	key, nonce := make([]byte, 32), make([]byte, 12)
	rand.Read(key)
	blk, err := aes.NewCipher(key)
	if err != nil {
		log.Fatal(err)
	}
	g, err := cipher.NewGCM(blk)
	if err != nil {
		log.Fatal(err)
	}
	ct, dst := g.Seal(nil, nonce, make([]byte, n), nil), make([]byte, 0, n)
	for round := 1; round <= 3; round++ {
		r := Row{Phase: "gcm", Server: "raw-gcm", Round: round}
		t0 := time.Now()
		for time.Since(t0) < 300*time.Millisecond {
			for range 1000 {
				if _, err := g.Open(dst, nonce, ct, nil); err != nil {
					log.Fatal(err)
				}
			}
			r.Bytes += 1000 * n
		}
		r.Wall = time.Since(t0).Seconds()
		r.CPU = r.Wall
		b.emit(r)
	}
}

// cold: start to first answer, cost of the first second, size when idle.
func (b *bench) cold() {
	b.each(5, 0, func(s *server, r int) {
		if s.Start == "" || s.skips("cold") {
			return
		}
		d, err := s.start()
		if err != nil {
			log.Print(err)
			s.stop()
			return
		}
		time.Sleep(time.Second)
		row := Row{Phase: "cold", Server: s.Name, Round: r, Wall: d.Seconds(), CPU: cpuOf(tree(s.pid)), HWM: sumKiB(tree(s.pid), "VmRSS")}
		if st, err := os.Stat(s.Binary); err == nil {
			row.Bytes = st.Size()
		}
		s.stop()
		b.emit(row)
	})
}

// startAll starts the servers for good; those that cannot serve are left out.
func (b *bench) startAll() {
	b.servers = slices.DeleteFunc(b.servers, func(s *server) bool {
		_, err := s.start()
		if err == nil {
			err = s.a.Login()
		}
		if err != nil {
			log.Printf("%s is left out: %v", s.Name, err)
			s.stop()
		}
		return err != nil
	})
}

// place uploads the two large files and checks that they come back unchanged.
func (b *bench) place() {
	for _, s := range b.servers {
		if s.skips("down") && s.skips("range") && s.skips("par") {
			continue
		}
		if err := func() (err error) {
			if s.big, _, err = curlSend(s.a.Upload("big.bin", b.bigMiB<<20), b.big, b.tmp); err != nil {
				return err
			}
			if s.mid, _, err = curlSend(s.a.Upload("mid.bin", b.midMiB<<20), b.mid, b.tmp); err != nil {
				return err
			}
			if err = s.verify(s.big, b.big); err != nil {
				return err
			}
			return s.verify(s.mid, b.mid)
		}(); err != nil {
			for _, p := range []string{"down", "range", "par"} {
				s.dead[p] = true
				b.emit(Row{Phase: p, Server: s.Name, Round: 1, Err: "set-up: " + err.Error()})
			}
		}
		syscall.Sync()
	}
}

func (b *bench) down() {
	b.each(b.rounds, 1, func(s *server, r int) {
		s.measure("down", r, func(row *Row) error {
			n, t, err := curlGet(s.a.Get(s.big))
			row.Bytes, row.Wall = n, t
			if err == nil && n != b.bigMiB<<20 {
				err = fmt.Errorf("got %d bytes", n)
			}
			return err
		})
	})
}

func (b *bench) ranges() error {
	f, err := os.Open(b.big)
	if err != nil {
		return err
	}
	defer f.Close()
	const n = 64 << 10
	got, want := make([]byte, n), make([]byte, n)
	ask := func(s *server, row *Row) error {
		off := mrand.Int64N(b.bigMiB<<20 - n)
		q, err := s.a.Get(s.big).http(nil)
		if err != nil {
			return err
		}
		q.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", off, off+n-1))
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel() // a server that ignores ranges must not send everything
		t0 := time.Now()
		p, err := s.hc.Do(q.WithContext(ctx))
		if err != nil {
			return err
		}
		defer p.Body.Close()
		if p.StatusCode != 206 {
			return fmt.Errorf("no range support: %s", p.Status)
		}
		if _, err = io.ReadFull(p.Body, got); err != nil {
			return err
		}
		row.Lat = append(row.Lat, ms(time.Since(t0)))
		io.Copy(io.Discard, p.Body)
		if _, err := f.ReadAt(want, off); err != nil {
			return err
		}
		if !bytes.Equal(got, want) {
			return errors.New("range content differs")
		}
		row.N++
		return nil
	}
	b.each(b.rounds, 1, func(s *server, r int) {
		s.measure("range", r, func(row *Row) error {
			for range b.rangeN {
				if err := ask(s, row); err != nil {
					return err
				}
			}
			return nil
		})
	})
	return nil
}

func (b *bench) parallel() {
	b.each(b.rounds, 1, func(s *server, r int) {
		s.measure("par", r, func(row *Row) error {
			var wg sync.WaitGroup
			var mu sync.Mutex
			var bad error
			for range b.conc {
				wg.Go(func() {
					n, _, err := curlGet(s.a.Get(s.mid))
					mu.Lock()
					defer mu.Unlock()
					row.Bytes += n
					if err != nil {
						bad = err
					}
				})
			}
			wg.Wait()
			return bad
		})
	})
}

func (b *bench) up() {
	b.each(b.rounds, 1, func(s *server, r int) {
		if err := stamp(b.big); err != nil {
			log.Fatal(err)
		}
		var h string
		s.measure("up", r, func(row *Row) (err error) {
			h, row.Wall, err = curlSend(s.a.Upload(fmt.Sprintf("up%d.bin", r), b.bigMiB<<20), b.big, b.tmp)
			row.Bytes = b.bigMiB << 20
			return err
		})
		if h != "" {
			s.remove(h)
			syscall.Sync()
		}
	})
}

func (b *bench) parallelUp() {
	b.each(b.rounds, 1, func(s *server, r int) {
		if err := stamp(b.mid); err != nil {
			log.Fatal(err)
		}
		var hs []string
		s.measure("parup", r, func(row *Row) error {
			var wg sync.WaitGroup
			var mu sync.Mutex
			var bad error
			for i := range b.conc {
				wg.Go(func() {
					h, _, err := curlSend(s.a.Upload(fmt.Sprintf("par%d-%d.bin", r, i), b.midMiB<<20), b.mid, b.tmp)
					mu.Lock()
					defer mu.Unlock()
					if err != nil {
						bad = err
						return
					}
					hs = append(hs, h)
					row.Bytes += b.midMiB << 20
				})
			}
			wg.Wait()
			return bad
		})
		for _, h := range hs {
			s.remove(h)
		}
		syscall.Sync()
	})
}

func (b *bench) small() {
	payload := make([]byte, b.smallSize)
	rand.Read(payload)
	b.each(b.smallRounds, 1, func(s *server, r int) {
		if s.skips("sup") {
			return
		}
		n := b.smallN
		if r == 0 {
			n = min(n, 100)
		}
		dir := fmt.Sprintf("s%d", r)
		if err := s.mkdir(dir); err != nil {
			log.Printf("%s: mkdir: %v", s.Name, err)
		}
		hs := make([]string, n)
		s.measure("sup", r, func(row *Row) error {
			return s.spread(n, row, func(i int) error {
				data := bytes.Clone(payload)
				copy(data, fmt.Sprintf("%s %d %d %d", s.Name, r, i, time.Now().UnixNano()))
				h, err := send(s.hc, s.a.Upload(fmt.Sprintf("%s/f%05d.bin", dir, i), int64(len(data))), data)
				hs[i] = h
				return err
			})
		})
		if s.dead["sup"] {
			return
		}
		s.measure("sdown", r, func(row *Row) error {
			return s.spread(n, row, func(i int) error {
				_, got, err := do(s.hc, s.a.Get(hs[i]))
				if err == nil && (len(got) != b.smallSize || !bytes.Equal(got[64:], payload[64:])) {
					err = errors.New("small content differs")
				}
				return err
			})
		})
	})
}

// list fills one folder and lists it: all of it, and where the server has
// pages the first page.
func (b *bench) list() {
	for _, s := range b.servers {
		if s.a.List("l", b.listN).Method == "" || s.skips("list") {
			continue
		}
		if err := s.mkdir("l"); err != nil {
			log.Printf("%s: mkdir: %v", s.Name, err)
		}
		s.measure("lfill", 1, func(row *Row) error {
			return s.spread(b.listN, row, func(i int) error {
				data := fmt.Appendf(nil, "%s %d %d", s.Name, i, time.Now().UnixNano())
				_, err := send(s.hc, s.a.Upload(fmt.Sprintf("l/f%05d.txt", i), int64(len(data))), data)
				return err
			})
		})
	}
	ask := func(phase string, limit int) {
		b.each(b.rounds, 1, func(s *server, r int) {
			q := s.a.List("l", limit)
			if q.Method == "" {
				return
			}
			s.measure(phase, r, func(row *Row) error {
				for range 10 {
					t0 := time.Now()
					_, body, err := do(s.hc, q)
					if err != nil {
						return err
					}
					row.Lat = append(row.Lat, ms(time.Since(t0)))
					row.N++
					names := bytes.Count(body, []byte(".txt"))
					row.Note = fmt.Sprintf("%d bytes, %d names", len(body), names)
					if names < min(limit, b.listN) {
						return fmt.Errorf("%d of %d names in the answer", names, limit)
					}
				}
				return nil
			})
		})
	}
	ask("list", b.listN)
	ask("page", page)
}

// rest: the size a server keeps when everything is over.
func (b *bench) rest() {
	for _, s := range b.servers {
		b.emit(Row{Phase: "rest", Server: s.Name, Round: 1, HWM: sumKiB(tree(s.pid), "VmRSS")})
	}
}
