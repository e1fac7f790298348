package main

// An adapter says how to talk to one server that is already running: where to
// log in, and what the upload, download, list and delete requests look like.
// Both drivers (curl for large files, the Go client for small ones) work from
// the same description.

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Req is one request; Body is small and in memory.
type Req struct {
	Method, URL string
	Header      map[string]string
	Body        string
}

// Upload is one upload; the bytes come from the driver.
type Upload struct {
	Req
	Field    string            // multipart field for the file; empty: raw body
	FileName string            // multipart file name
	Form     map[string]string // further multipart fields, sent first
	// Handle turns the answer into what Get, Delete need.
	Handle func(h http.Header, body []byte) (string, error)
}

type Adapter interface {
	Login() error                       // called before each phase
	Upload(name string, n int64) Upload // name may hold one folder: "dir/file"
	Get(handle string) Req              // download
	Delete(handle string) []Req         // in turn; none when unsupported
	Mkdir(dir string) Mkdir             // Method "" when not needed
	List(dir string, limit int) Req     // the first limit entries; Method "" when unsupported; limit 200 only where there are pages
}

// Mkdir makes a folder; Made, when set, reads the answer.
type Mkdir struct {
	Req
	Made func(body []byte) error
}

// Conf is one server in servers.json. Strings are expanded from the environment.
type Conf struct {
	Name    string            `json:"name"`
	Adapter string            `json:"adapter"`
	URL     string            `json:"url"`
	Opt     map[string]string `json:"opt"`   // user, password, token ...
	Start   string            `json:"start"` // command line that stays in the foreground; empty: already running, see pid
	Pid     int               `json:"pid"`
	Ready   string            `json:"ready"`  // path that answers 200 once up; default /
	Binary  string            `json:"binary"` // for its size
	Skip    []string          `json:"skip"`   // phases to leave out
}

func ok2xx(code int) bool { return code >= 200 && code < 300 }

func (r Req) http(body io.Reader) (*http.Request, error) {
	if body == nil && r.Body != "" {
		body = strings.NewReader(r.Body)
	}
	q, err := http.NewRequest(r.Method, r.URL, body)
	if err != nil {
		return nil, err
	}
	for k, v := range r.Header {
		q.Header.Set(k, v)
	}
	return q, nil
}

// do sends a small request and returns header and body.
func do(hc *http.Client, r Req) (http.Header, []byte, error) {
	q, err := r.http(nil)
	if err != nil {
		return nil, nil, err
	}
	p, err := hc.Do(q)
	if err != nil {
		return nil, nil, err
	}
	defer p.Body.Close()
	b, err := io.ReadAll(p.Body)
	if err == nil && !ok2xx(p.StatusCode) {
		err = fmt.Errorf("%s %s: %s: %.200s", r.Method, r.URL, p.Status, b)
	}
	return p.Header, b, err
}

// send uploads from memory with the Go client.
func send(hc *http.Client, u Upload, data []byte) (string, error) {
	body := data
	ct := ""
	if u.Field != "" {
		var b bytes.Buffer
		b.Grow(len(data) + 1024)
		w := multipart.NewWriter(&b)
		for k, v := range u.Form {
			w.WriteField(k, v) // into memory: cannot fail
		}
		p, err := w.CreateFormFile(u.Field, u.FileName)
		if err != nil {
			return "", err
		}
		p.Write(data)
		w.Close()
		body, ct = b.Bytes(), w.FormDataContentType()
	}
	q, err := u.http(bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	if ct != "" {
		q.Header.Set("Content-Type", ct)
	}
	p, err := hc.Do(q)
	if err != nil {
		return "", err
	}
	b, err := io.ReadAll(p.Body)
	p.Body.Close()
	if err != nil {
		return "", err
	}
	if !ok2xx(p.StatusCode) {
		return "", fmt.Errorf("upload: %s: %.200s", p.Status, b)
	}
	return u.Handle(p.Header, b)
}

// curlSend uploads a file with curl and returns handle and curl's own wall time.
func curlSend(u Upload, path, tmp string) (string, float64, error) {
	own, err := os.MkdirTemp(tmp, "curl.") // several run at once
	if err != nil {
		return "", 0, err
	}
	defer os.RemoveAll(own)
	hf, bf := filepath.Join(own, "hdr"), filepath.Join(own, "body")
	a := []string{"-s", "-S", "-k", "-D", hf, "-o", bf, "-w", "%{http_code} %{time_total}", "-H", "Expect:", "-m", "300"}
	for k, v := range u.Header {
		a = append(a, "-H", k+": "+v)
	}
	if u.Field != "" {
		for k, v := range u.Form {
			a = append(a, "-F", k+"="+v)
		}
		a = append(a, "-F", u.Field+"=@"+path+";filename="+u.FileName)
	} else {
		a = append(a, "-T", path, "-X", u.Method)
	}
	out, err := exec.Command("curl", append(a, u.URL)...).CombinedOutput()
	if err != nil {
		return "", 0, fmt.Errorf("curl: %v: %s", err, out)
	}
	var code int
	var t float64
	fmt.Sscan(string(out), &code, &t)
	body, _ := os.ReadFile(bf)
	if !ok2xx(code) {
		return "", t, fmt.Errorf("curl upload: %d: %.200s", code, body)
	}
	h := http.Header{}
	hb, _ := os.ReadFile(hf)
	for _, l := range strings.Split(string(hb), "\r\n") {
		if k, v, ok := strings.Cut(l, ": "); ok {
			h.Set(k, v)
		}
	}
	hd, err := u.Handle(h, body)
	return hd, t, err
}

// curlGet downloads to /dev/null and returns bytes and curl's own wall time.
func curlGet(r Req) (int64, float64, error) {
	a := []string{"-s", "-S", "-k", "-o", "/dev/null", "-w", "%{http_code} %{size_download} %{time_total}", "-m", "300"}
	for k, v := range r.Header {
		a = append(a, "-H", k+": "+v)
	}
	out, err := exec.Command("curl", append(a, r.URL)...).CombinedOutput()
	if err != nil {
		return 0, 0, fmt.Errorf("curl: %v: %s", err, out)
	}
	var code int
	var n int64
	var t float64
	fmt.Sscan(string(out), &code, &n, &t)
	if !ok2xx(code) {
		return 0, 0, fmt.Errorf("curl: status %d", code)
	}
	return n, t, nil
}

func jsonField(b []byte, path ...string) (string, error) {
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		return "", fmt.Errorf("%w in %.200s", err, b)
	}
	for _, p := range path {
		m, ok := v.(map[string]any)
		if !ok {
			return "", fmt.Errorf("no %q in %.200s", p, b)
		}
		v = m[p]
	}
	s, ok := v.(string)
	if !ok {
		return "", fmt.Errorf("no string at %v in %.200s", path, b)
	}
	return s, nil
}
