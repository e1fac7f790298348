//go:build ignore

// gotest runs "go test -json" with the given arguments and shows what a person
// needs: the output of what failed, the slowest tests and packages, and at the
// end go's own result line of every package. A skipped test counts as a
// failure: a suite that quietly did not run proves nothing.
//
//	go run scripts/gotest.go [-results FILE] [go test arguments] ./...
package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// event is one line of "go test -json" (see go doc test2json and go help buildjson).
type event struct {
	Action, Package, Test, Output string
	ImportPath                    string // build-output
	Elapsed                       float64
}

type timed struct {
	name    string
	seconds float64
}

// run is what is kept of one go test run.
type run struct {
	output   map[string]*strings.Builder // of tests that have not ended, of packages that have not passed
	packages []timed
	tests    []timed
	results  []string // go's own lines: "ok ...", "FAIL ...", "? ..."
	skipped  []string
	failed   bool
	out      io.Writer
}

func main() {
	args := os.Args[1:]
	file := ""
	if len(args) > 1 && args[0] == "-results" {
		file, args = args[1], args[2:]
	}
	r := &run{output: map[string]*strings.Builder{}, out: os.Stdout}
	c := exec.Command("go", append([]string{"test", "-json"}, args...)...)
	c.Stderr = os.Stderr
	p, err := c.StdoutPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gotest:", err)
		os.Exit(2)
	}
	t0 := time.Now()
	lines := bufio.NewReader(p)
	for {
		l, err := lines.ReadString('\n')
		if l != "" {
			r.line(l)
		}
		if err != nil {
			break
		}
	}
	if err := c.Wait(); err != nil {
		r.failed = true
	}
	r.summary(time.Since(t0))
	if file != "" {
		if err := os.WriteFile(file, []byte(strings.Join(r.results, "")), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, "gotest:", err)
			r.failed = true
		}
	}
	if r.failed {
		os.Exit(1)
	}
}

func (r *run) line(l string) {
	var e event
	if l[0] != '{' || json.Unmarshal([]byte(l), &e) != nil {
		fmt.Fprint(r.out, l)
		return
	}
	key := e.Package + " " + e.Test
	switch e.Action {
	case "build-output":
		fmt.Fprint(r.out, e.Output)
	case "build-fail":
		r.failed = true
	case "output":
		if e.Test == "" && (strings.HasPrefix(e.Output, "ok  \t") || strings.HasPrefix(e.Output, "FAIL\t") || strings.HasPrefix(e.Output, "?   \t")) {
			r.results = append(r.results, e.Output)
			fmt.Fprint(r.out, e.Output) // progress
			return
		}
		b := r.output[key]
		if b == nil {
			b = &strings.Builder{}
			r.output[key] = b
		}
		b.WriteString(e.Output)
	case "pass", "fail", "skip":
		if b := r.output[key]; b != nil && e.Action == "fail" {
			fmt.Fprintf(r.out, "\n--- %s\n%s", key, b)
		}
		delete(r.output, key)
		switch {
		case e.Action == "fail":
			r.failed = true
		case e.Action == "skip" && e.Test != "":
			r.skipped = append(r.skipped, key)
		}
		if e.Test == "" {
			r.packages = append(r.packages, timed{e.Package, e.Elapsed})
		} else if !strings.Contains(e.Test, "/") {
			r.tests = append(r.tests, timed{key, e.Elapsed})
		}
	}
}

func (r *run) summary(took time.Duration) {
	for _, list := range [][]timed{r.packages, r.tests} {
		slices.SortFunc(list, func(a, b timed) int { return cmp.Compare(b.seconds, a.seconds) })
		fmt.Fprintf(r.out, "\nslowest:\n")
		for _, t := range list[:min(10, len(list))] {
			fmt.Fprintf(r.out, "%8.1f s  %s\n", t.seconds, t.name)
		}
	}
	for _, s := range r.skipped {
		r.failed = true
		fmt.Fprintf(r.out, "SKIPPED, which counts as failed: %s\n", s)
	}
	fmt.Fprintf(r.out, "\n%d tests in %d packages, %.0f s\n", len(r.tests), len(r.packages), took.Seconds())
}
