package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"coffer/internal/cmdline"
	"coffer/internal/coffertest"
	"coffer/internal/server"
	"coffer/internal/wire"
)

// TestCpInterrupted: Ctrl+C while the server copies ends the copy there, and
// what was reserved is free again.
func TestCpInterrupted(t *testing.T) {
	t.Parallel()
	s := coffertest.New(t, coffertest.Options{})
	ann := s.Person("Ann")
	top := ann.Do("POST", "/nodes/"+ann.Root().String()+"/folders", wire.NewFolder{Name: "top"}).Want(201).Node()
	ann.Do("POST", "/nodes/"+ann.Root().String()+"/folders", wire.NewFolder{Name: "to"}).Want(201)
	var all sync.WaitGroup
	for part := range 8 {
		all.Go(func() {
			for i := part; i < 1050; i += 8 {
				ann.Do("PUT", fmt.Sprintf("/nodes/%s/files?name=%d", top.ID, i), []byte("1234")).Want(201)
			}
		})
	}
	all.Wait()
	program := ann.Program()
	s = s.Restart(func(o *server.Options) { o.Jobs = false }) // the copy waits for ever
	ann.S = s
	env := map[string]string{"COFFER_HOME": t.TempDir(), "COFFER_SERVER": s.URL, "COFFER_TOKEN": program.Token}

	ctx, interrupt := context.WithCancelCause(t.Context())
	defer interrupt(nil)
	jobs := func() []wire.Job {
		var list wire.List[wire.Job]
		ann.Do("GET", "/jobs", nil).Want(200).JSON(&list)
		return list.Items
	}
	go func() {
		for ctx.Err() == nil && len(jobs()) == 0 { // each turn asks the server
		}
		interrupt(context.Canceled)
	}()
	var out, errs bytes.Buffer
	code := run(ctx, []string{"cp", "/top", "/to"}, func(k string) string { return env[k] }, cmdline.Stdio{In: strings.NewReader(""), Out: &out, Err: &errs})
	if code != cmdline.Interrupted || !strings.Contains(errs.String(), "interrupted") {
		t.Errorf("exit code %d\n%s", code, &errs)
	}
	if all := jobs(); len(all) != 1 || all[0].State != "cancelled" || ann.Space().Reserved != 0 {
		t.Errorf("%+v, %+v", all, ann.Space())
	}
}
