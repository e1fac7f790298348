// refserver is a yardstick, not a product: the least a Go program can do to
// take and serve files, either in the clear (-mode plain: ServeContent, which
// may use sendfile) or sealed in AES-256-GCM segments (-mode gcm). No accounts,
// no metadata store, one key for the life of the process.
package main

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	_ "net/http/pprof"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

const hdr = 16 // random nonce prefix (7 bytes used)

// ref is the server.
type ref struct {
	addr, dir, mode, dbg string
	seg, batch, ahead    int
	fsync, tls, h2, nosf bool
	aead                 cipher.AEAD
	pool                 sync.Pool // of *[]byte: batch segments with their tags
}

func nonce(dst, pre []byte, i uint32, last bool) {
	copy(dst, pre[:7])
	binary.BigEndian.PutUint32(dst[7:], i)
	dst[11] = 0
	if last {
		dst[11] = 1
	}
}

type job struct {
	buf *[]byte
	n   int
	err error
}

func (s *ref) putGCM(f *os.File, body io.Reader) error {
	pre := make([]byte, hdr)
	rand.Read(pre)
	if _, err := f.Write(pre); err != nil {
		return err
	}
	read := func() job {
		b := s.pool.Get().(*[]byte)
		n, err := io.ReadFull(body, (*b)[:s.seg*s.batch])
		return job{b, n, err}
	}
	var nc [12]byte
	i := uint32(0)
	seal := func(j job) (bool, error) {
		defer s.pool.Put(j.buf)
		last := j.err == io.EOF || j.err == io.ErrUnexpectedEOF
		if j.err != nil && !last {
			return true, j.err
		}
		if s.batch == 1 { // in place
			nonce(nc[:], pre, i, last)
			i++
			_, err := f.Write(s.aead.Seal((*j.buf)[:0], nc[:], (*j.buf)[:j.n], nil))
			return last, err
		}
		ob := s.pool.Get().(*[]byte)
		defer s.pool.Put(ob)
		out, in := (*ob)[:0], (*j.buf)[:j.n]
		for {
			k := min(s.seg, len(in))
			nonce(nc[:], pre, i, last && k == len(in))
			i++
			out = s.aead.Seal(out, nc[:], in[:k], nil)
			if in = in[k:]; len(in) == 0 {
				break
			}
		}
		_, err := f.Write(out)
		return last, err
	}
	if s.ahead == 0 {
		for {
			if last, err := seal(read()); last || err != nil {
				return err
			}
		}
	}
	ch := make(chan job, s.ahead)
	go func() {
		for {
			j := read()
			ch <- j
			if j.err != nil {
				close(ch)
				return
			}
		}
	}()
	var ret error
	for j := range ch {
		if ret == nil {
			_, ret = seal(j)
		} else {
			s.pool.Put(j.buf)
		}
	}
	return ret
}

func (s *ref) getGCM(w http.ResponseWriter, r *http.Request, f *os.File) error {
	st, err := f.Stat()
	if err != nil {
		return err
	}
	full := int64(s.seg + s.aead.Overhead())
	body := st.Size() - hdr
	nseg := (body + full - 1) / full
	size := body - nseg*int64(s.aead.Overhead())
	from, to := int64(0), size // [from,to)
	code := http.StatusOK
	if h, ok := strings.CutPrefix(r.Header.Get("Range"), "bytes="); ok {
		a, b, _ := strings.Cut(h, "-")
		from, err = strconv.ParseInt(a, 10, 64)
		if err != nil || from >= size {
			w.WriteHeader(416)
			return nil
		}
		if e, err := strconv.ParseInt(b, 10, 64); err == nil && e+1 < size {
			to = e + 1
		}
		code = http.StatusPartialContent
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, to-1, size))
	}
	w.Header().Set("Content-Length", strconv.FormatInt(to-from, 10))
	w.Header().Set("Content-Type", "application/octet-stream")
	w.WriteHeader(code)
	if to <= from {
		return nil
	}
	pre := make([]byte, hdr)
	if _, err := f.ReadAt(pre, 0); err != nil {
		return err
	}
	i, end := from/int64(s.seg), (to-1)/int64(s.seg)
	step := int64(s.batch)
	open := func(i int64) job {
		b := s.pool.Get().(*[]byte)
		var nc [12]byte
		want := min(step, end-i+1) * full
		n, err := f.ReadAt((*b)[:want], hdr+i*full)
		if err != nil && err != io.EOF {
			return job{b, 0, err}
		}
		if s.batch == 1 { // in place
			nonce(nc[:], pre, uint32(i), i == nseg-1)
			out, err := s.aead.Open((*b)[:0], nc[:], (*b)[:n], nil)
			return job{b, len(out), err}
		}
		defer s.pool.Put(b)
		ob := s.pool.Get().(*[]byte)
		out, in := (*ob)[:0], (*b)[:n]
		for len(in) > 0 {
			k := min(int(full), len(in))
			nonce(nc[:], pre, uint32(i), i == nseg-1)
			if out, err = s.aead.Open(out, nc[:], in[:k], nil); err != nil {
				return job{ob, 0, err}
			}
			in = in[k:]
			i++
		}
		return job{ob, len(out), nil}
	}
	send := func(i int64, j job) error {
		defer s.pool.Put(j.buf)
		if j.err != nil {
			return j.err
		}
		p := (*j.buf)[:j.n]
		base := i * int64(s.seg)
		if base+int64(len(p)) > to {
			p = p[:to-base]
		}
		if base < from {
			p = p[from-base:]
		}
		_, err := w.Write(p)
		return err
	}
	if s.ahead == 0 || end-i < step {
		for ; i <= end; i += step {
			if err := send(i, open(i)); err != nil {
				return err
			}
		}
		return nil
	}
	ch, quit := make(chan job, s.ahead), make(chan struct{})
	go func() {
		defer close(ch)
		for k := i; k <= end; k += step {
			select {
			case ch <- open(k):
			case <-quit:
				return
			}
		}
	}()
	defer close(quit)
	for j := range ch {
		if err := send(i, j); err != nil {
			return err
		}
		i += step
	}
	return nil
}

// onlyWriter hides ReadFrom, so that io.Copy cannot use sendfile.
type onlyWriter struct{ http.ResponseWriter }

func (s *ref) handle(w http.ResponseWriter, r *http.Request) {
	p := filepath.Join(s.dir, filepath.FromSlash(filepath.Clean("/"+r.URL.Path)))
	switch r.Method {
	case "PUT":
		err := os.MkdirAll(filepath.Dir(p), 0o755)
		var f *os.File
		if err == nil {
			f, err = os.CreateTemp(filepath.Dir(p), ".part*")
		}
		if err == nil {
			if s.mode == "gcm" {
				err = s.putGCM(f, r.Body)
			} else {
				_, err = io.Copy(f, r.Body)
			}
			if err == nil && s.fsync {
				err = f.Sync()
			}
			f.Close()
			if err == nil {
				err = os.Rename(f.Name(), p)
			}
			if err == nil && s.fsync {
				if d, e := os.Open(filepath.Dir(p)); e == nil {
					err = d.Sync()
					d.Close()
				}
			}
			if err != nil {
				os.Remove(f.Name())
			}
		}
		if err != nil {
			http.Error(w, err.Error(), 500)
			return
		}
		w.WriteHeader(http.StatusCreated)
	case "GET":
		if strings.HasSuffix(r.URL.Path, "/") {
			es, err := os.ReadDir(p)
			if err != nil {
				http.Error(w, err.Error(), 404)
				return
			}
			type ent struct {
				Name string    `json:"name"`
				Size int64     `json:"size"`
				Mod  time.Time `json:"mtime"`
			}
			out := make([]ent, 0, len(es))
			for _, e := range es {
				if fi, err := e.Info(); err == nil {
					out = append(out, ent{e.Name(), fi.Size(), fi.ModTime()})
				}
			}
			w.Header().Set("Content-Type", "application/json")
			json.NewEncoder(w).Encode(out)
			return
		}
		f, err := os.Open(p)
		if err != nil {
			http.Error(w, err.Error(), 404)
			return
		}
		defer f.Close()
		if s.mode == "gcm" {
			if err := s.getGCM(w, r, f); err != nil {
				log.Print(err)
				panic(http.ErrAbortHandler)
			}
			return
		}
		st, _ := f.Stat()
		if s.nosf {
			w = onlyWriter{w}
		}
		w.Header().Set("Content-Type", "application/octet-stream")
		http.ServeContent(w, r, "", st.ModTime(), f)
	case "DELETE":
		if err := os.Remove(p); err != nil {
			http.Error(w, err.Error(), 404)
			return
		}
		w.WriteHeader(204)
	}
}

func main() {
	var s ref
	flag.StringVar(&s.addr, "addr", "127.0.0.1:9300", "listen address")
	flag.StringVar(&s.dir, "dir", "", "storage folder")
	flag.StringVar(&s.mode, "mode", "plain", "plain or gcm")
	flag.IntVar(&s.seg, "seg", 256<<10, "gcm: plaintext bytes per segment")
	flag.IntVar(&s.batch, "batch", 1, "gcm: segments read or written with one call")
	flag.IntVar(&s.ahead, "ahead", 0, "gcm: segments worked on ahead in a second goroutine (0: one goroutine does all)")
	flag.BoolVar(&s.fsync, "fsync", false, "fsync file and folder before answering an upload")
	flag.BoolVar(&s.tls, "tls", false, "serve HTTPS (HTTP/2 offered) with a throw-away certificate")
	flag.BoolVar(&s.h2, "h2", true, "tls: offer HTTP/2")
	flag.BoolVar(&s.nosf, "nosendfile", false, "plain: copy through user space instead of sendfile")
	flag.StringVar(&s.dbg, "pprof", "", "address for pprof")
	flag.Parse()
	if s.dir == "" {
		log.Fatal("-dir is needed")
	}
	key := make([]byte, 32)
	rand.Read(key)
	blk, err := aes.NewCipher(key)
	if err != nil {
		log.Fatal(err)
	}
	if s.aead, err = cipher.NewGCM(blk); err != nil {
		log.Fatal(err)
	}
	s.pool.New = func() any { b := make([]byte, s.batch*(s.seg+s.aead.Overhead())); return &b }
	if s.dbg != "" {
		go http.ListenAndServe(s.dbg, nil)
	}
	h := &http.Server{Addr: s.addr, Handler: http.HandlerFunc(s.handle)}
	if !s.tls {
		log.Fatal(h.ListenAndServe())
	}
	k, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	t := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(24 * time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, t, t, &k.PublicKey, k)
	if err != nil {
		log.Fatal(err)
	}
	h.TLSConfig = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: k}}}
	if !s.h2 {
		h.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){}
	}
	log.Fatal(h.ListenAndServeTLS("", ""))
}
