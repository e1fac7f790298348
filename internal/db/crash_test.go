package db_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"coffer/internal/db"
)

// crashVariable tells the test program to be the child that is killed, and
// names its database.
const crashVariable = "COFFER_TEST_CRASH"

// crashChild writes as fast as it can from several goroutines and tells each
// key on standard output only after Update has said that it is stored.
func crashChild() {
	d, err := db.Open(context.Background(), db.Options{DSN: os.Getenv(crashVariable)})
	if err != nil {
		panic(err)
	}
	var writers sync.WaitGroup
	for w := range 8 {
		writers.Go(func() {
			for k := w; ; k += 8 {
				if err := d.Update(context.Background(), insert(k)); err != nil {
					panic(err)
				}
				fmt.Printf("%d\n", k)
			}
		})
	}
	writers.Wait()
}

// What Update has acknowledged is there after kill -9, at whatever moment.
func TestKilled(t *testing.T) {
	kills := 3
	if os.Getenv("COFFER_SOAK") != "" {
		kills = 200
	}
	for n := range kills {
		path := t.TempDir() + "/coffer.db"
		d, err := db.Open(t.Context(), db.Options{DSN: path})
		if err != nil {
			t.Fatal(err)
		}
		script(t, d, `CREATE TABLE t (k BIGINT PRIMARY KEY)`)
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}

		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), crashVariable+"="+path)
		child.Stderr = os.Stderr
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		var told []int
		lines := bufio.NewReader(out)
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				break // dead, and all that it told is read
			}
			k, err := strconv.Atoi(strings.TrimSpace(line))
			if err != nil {
				t.Fatal(err)
			}
			told = append(told, k)
			if len(told) == 50+37*n {
				child.Process.Kill()
			}
		}
		child.Wait()

		d, err = db.Open(t.Context(), db.Options{DSN: path})
		if err != nil {
			t.Fatalf("open after the kill: %v", err)
		}
		there := keys(t, d)
		d.Close()
		for _, k := range told {
			if _, ok := slices.BinarySearch(there, k); !ok {
				t.Fatalf("key %d was acknowledged and is gone (%d told, %d there)", k, len(told), len(there))
			}
		}
		t.Logf("kill %d: %d acknowledged, %d there", n+1, len(told), len(there))
	}
}
