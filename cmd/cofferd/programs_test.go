package main_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"coffer/internal/db/dbtest"
)

// programs is the folder with cofferd and coffer, built once for all tests of
// this package as users get them.
var programs string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "coffer-programs")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(dir)
		programs = dir
		if err := lookAtSources(); err != nil {
			panic(err)
		}
		build := exec.Command("go", "build", "-o", dir+string(filepath.Separator), "coffer/cmd/coffer", "coffer/cmd/cofferd",
			"filippo.io/age/cmd/age", "filippo.io/age/cmd/age-keygen") // the stock tool opens our exports
		build.Stdout, build.Stderr = os.Stdout, os.Stderr
		if err := build.Run(); err != nil {
			fmt.Fprintln(os.Stderr, "building the programs:", err)
			return 1
		}
		return m.Run()
	}())
}

// lookAtSources stats every source of the programs, so that go test knows that
// its kept results depend on them: the programs are built behind its back.
func lookAtSources() error {
	for _, dir := range []string{"../../cmd", "../../internal"} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				_, err = os.Stat(path)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// environ is the environment for programs under test: nothing of the tester's
// configuration, and what is given.
func environ(more ...string) []string {
	env := []string{"PATH=" + programs + string(filepath.ListSeparator) + os.Getenv("PATH"), "TMPDIR=" + os.TempDir()}
	return append(env, more...)
}

// process is a running cofferd.
type process struct {
	cmd   *exec.Cmd
	url   string
	setup string // address for the first owner, "" when there is one

	mu    sync.Mutex
	log   bytes.Buffer
	ended chan struct{}
	err   error
}

// start runs "cofferd serve" on a free port and waits until it answers.
func start(dir string, env []string, args ...string) (*process, error) {
	return startAs(dir, env, append([]string{filepath.Join(programs, "cofferd"), "serve", "--listen", "127.0.0.1:0", "--log-format", "json"}, args...)...)
}

// startAs is start with the whole command: one that becomes cofferd serve.
func startAs(dir string, env []string, command ...string) (*process, error) {
	p := &process{ended: make(chan struct{})}
	p.cmd = exec.Command(command[0], command[1:]...)
	p.cmd.Dir, p.cmd.Env = dir, env
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	serving := make(chan struct{})
	go p.read(stderr, serving)
	select {
	case <-serving:
		return p, nil
	case <-p.ended:
		return nil, fmt.Errorf("cofferd serve ended: %w\n%s", errors.Join(p.err), p.text())
	case <-time.After(30 * time.Second):
		p.stop(syscall.SIGKILL)
		return nil, fmt.Errorf("cofferd serve does not answer:\n%s", p.text())
	}
}

// read follows the log until the process ends.
func (p *process) read(r io.Reader, serving chan<- struct{}) {
	defer close(p.ended)
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var line struct{ Msg, URL, Setup, Next string }
		_ = json.Unmarshal(lines.Bytes(), &line) // other lines are for people
		p.mu.Lock()
		p.log.Write(lines.Bytes())
		p.log.WriteByte('\n')
		if line.Setup != "" {
			p.setup = line.Setup
		}
		if line.Msg == "serving" {
			p.url = line.URL
			close(serving)
		}
		p.mu.Unlock()
	}
	p.err = p.cmd.Wait()
}

func (p *process) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

// stop sends a signal and waits for the end.
func (p *process) stop(s syscall.Signal) error {
	p.cmd.Process.Signal(s)
	<-p.ended
	return p.err
}

// TestScripts runs testdata/db on SQLite and PostgreSQL, and testdata/plain,
// where no database is asked, once. Beside testscript's own commands:
//
//	serve [flags]    starts cofferd, sets $URL and $SETUP
//	shutdown [KILL]  ends it (TERM), and writes its log to server.log
//	post path file   sends a file as JSON, its $VARIABLES filled in, and wants 2xx
//	answers code path  wants this status for GET
//	exits code cmd   runs a command and wants this exit code
//	cert file key    makes a certificate for 127.0.0.1
//	mode perm file   wants these permissions
//	tree dir n       makes n files of different sizes below dir
func TestScripts(t *testing.T) {
	t.Run("plain", func(t *testing.T) { runScripts(t, "testdata/plain", nil) })
	dbtest.EachDSN(t, func(t *testing.T, newDSN func() string) { runScripts(t, "testdata/db", newDSN) })
}

func runScripts(t *testing.T, dir string, newDSN func() string) {
	scripts, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil || len(scripts) == 0 {
		t.Fatalf("%s: %d scripts, %v", dir, len(scripts), err)
	}
	databases := make(chan string, len(scripts)) // one each; scripts run in parallel
	for range scripts {
		if newDSN != nil {
			databases <- newDSN()
		}
	}
	testscript.Run(t, testscript.Params{
		Dir: dir,
		Setup: func(e *testscript.Env) error {
			e.Setenv("PATH", programs+string(filepath.ListSeparator)+e.Getenv("PATH"))
			e.Setenv("COFFER_HOME", filepath.Join(e.WorkDir, "home"))
			e.Setenv("PASSWORD", "correct horse battery")
			if newDSN == nil {
				return nil
			}
			if dsn := <-databases; strings.HasPrefix(dsn, "postgres") {
				e.Setenv("COFFER_DATABASE", dsn)
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"serve": serveCmd, "shutdown": shutdownCmd, "post": postCmd, "exits": exitsCmd, "mode": modeCmd, "tree": treeCmd, "cert": certCmd, "answers": answersCmd, "picture": pictureCmd,
		},
		RequireUniqueNames: true,
		Deadline:           time.Now().Add(4 * time.Minute), // a program that should have refused may serve for ever
	})
}

func serveCmd(ts *testscript.TestScript, neg bool, args []string) {
	env := []string{"PATH=" + ts.Getenv("PATH")}
	for _, k := range []string{"COFFER_DATABASE", "COFFER_HOME", "COFFER_MASTER_KEY", "MK"} {
		if v := ts.Getenv(k); v != "" {
			env = append(env, k+"="+v)
		}
	}
	if len(args) == 0 {
		args = []string{"--data", "data"}
	}
	p, err := start(ts.MkAbs("."), env, args...)
	if neg {
		ts.Fatalf("serve cannot be negated: use exits")
	}
	ts.Check(err)
	servers.Store(ts, p)
	ts.Defer(func() { p.stop(syscall.SIGKILL) })
	ts.Setenv("URL", p.url)
	ts.Setenv("SETUP", p.setup)
	_, code, _ := strings.Cut(p.setup, "#")
	ts.Setenv("CODE", code)
}

// servers finds the server of a script.
var servers sync.Map

func shutdownCmd(ts *testscript.TestScript, _ bool, args []string) {
	v, ok := servers.LoadAndDelete(ts)
	if !ok {
		ts.Fatalf("no server runs")
	}
	p := v.(*process)
	sig := syscall.SIGTERM
	if len(args) > 0 && args[0] == "KILL" {
		sig = syscall.SIGKILL
	}
	err := p.stop(sig)
	ts.Check(os.WriteFile(ts.MkAbs("server.log"), []byte(p.text()), 0o600))
	if sig == syscall.SIGTERM && err != nil {
		ts.Fatalf("the server ended with %v\n%s", err, p.text())
	}
}

// pictureCmd writes a PNG of 300 x 200.
func pictureCmd(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), noisePNG(rand.NewChaCha8([32]byte{1})), 0o600))
}

func postCmd(ts *testscript.TestScript, _ bool, args []string) {
	res, err := http.Post(ts.Getenv("URL")+args[0], "application/json", strings.NewReader(os.Expand(ts.ReadFile(args[1]), ts.Getenv)))
	ts.Check(err)
	defer res.Body.Close()
	if answer, _ := io.ReadAll(res.Body); res.StatusCode >= 300 {
		ts.Fatalf("%s: %s", res.Status, answer)
	}
}

func answersCmd(ts *testscript.TestScript, _ bool, args []string) {
	res, err := http.Get(ts.Getenv("URL") + args[1])
	ts.Check(err)
	res.Body.Close()
	if got := fmt.Sprint(res.StatusCode); got != args[0] {
		ts.Fatalf("GET %s answers %s, want %s", args[1], got, args[0])
	}
}

func exitsCmd(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: exits code command...")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		code = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if fmt.Sprint(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

func modeCmd(ts *testscript.TestScript, _ bool, args []string) {
	info, err := os.Stat(ts.MkAbs(args[1]))
	ts.Check(err)
	if got := fmt.Sprintf("%#o", info.Mode().Perm()); got != args[0] {
		ts.Fatalf("%s has mode %s, want %s", args[1], got, args[0])
	}
}

func treeCmd(ts *testscript.TestScript, _ bool, args []string) {
	var n int
	if _, err := fmt.Sscan(args[1], &n); err != nil {
		ts.Fatalf("%v", err)
	}
	for i := range n {
		dir := filepath.Join(ts.MkAbs(args[0]), fmt.Sprintf("d%d", i%7), fmt.Sprintf("e%d", i%3))
		ts.Check(os.MkdirAll(dir, 0o755))
		ts.Check(os.WriteFile(filepath.Join(dir, fmt.Sprintf("file %d.bin", i)), bytes.Repeat([]byte{byte(i), 'x'}, i*i*13%40000), 0o644))
	}
	ts.Check(os.MkdirAll(filepath.Join(ts.MkAbs(args[0]), "empty", "below"), 0o755))
}
