package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"

	"coffer"
	"coffer/internal/client"
	"coffer/internal/cmdline"
	"coffer/internal/wire"
)

type cpCmd struct {
	IfExists string   `name:"if-exists" enum:"fail,keep-both,version,merge" default:"fail" help:"When the name is taken: fail, keep-both (a number is added), version (files: the old content becomes an older version), merge (folders become one, too)."`
	Remote   []string `arg:"" name:"remote" help:"What to copy, then the folder to copy it into."`
}

func (cpCmd) Help() string {
	return `The server copies; nothing passes through this machine. A large folder takes a while and is seen when it is whole. Interrupted with Ctrl+C, what is not whole yet is removed.

Examples:

  coffer cp /a.txt /Docs
  coffer cp --if-exists keep-both /Docs /Projects /Archive`
}

func (c cpCmd) Run(a *app) error {
	if len(c.Remote) < 2 {
		return cmdline.Misuse("cp needs what to copy and a folder to copy it into")
	}
	cl, err := a.client()
	if err != nil {
		return err
	}
	from, to := c.Remote[:len(c.Remote)-1], c.Remote[len(c.Remote)-1]
	target, err := find(a, cl, to)
	if err != nil {
		return err
	}
	if !isFolder(target) {
		return cmdline.Misuse("%s is not a folder", to)
	}
	var ids []coffer.ID
	names := map[coffer.ID]string{}
	for _, p := range from {
		n, err := find(a, cl, p)
		if err != nil {
			return err
		}
		if n.Name == "" {
			return cmdline.Misuse("%s is the top of your files: name what is in it", p)
		}
		ids = append(ids, n.ID)
		names[n.ID] = p
	}
	how := exists(c.IfExists)
	if c.IfExists == "merge" {
		how = coffer.Merge
	}
	ctx, done := patient(a.ctx) // else nobody would know of a job that was just accepted
	defer done()
	answer, err := cl.Batch(ctx, wire.Batch{Op: "copy", IDs: ids, To: target.ID, IfExists: string(how)})
	if err != nil {
		return err
	}
	results := answer.Results
	if answer.Job != nil {
		job, err := waitFor(a, cl, *answer.Job)
		if err != nil {
			return err
		}
		results = job.Results
	}
	return c.report(a, results, names)
}

// report tells what became of each; the only one's failure is the command's.
func (c cpCmd) report(a *app, results []wire.BatchResult, names map[coffer.ID]string) error {
	failed := 0
	for _, r := range results {
		if r.Problem != nil {
			err := at(names[r.ID], client.Refused(*r.Problem))
			if len(results) == 1 {
				return err
			}
			failed++
			report(a.std, err, a.opts.JSON)
		} else if a.opts.JSON && r.Node != nil {
			if err := a.std.JSON(r.Node); err != nil {
				return err
			}
		}
	}
	return someFailed(failed)
}

const (
	askFirst = 100 * time.Millisecond // how often the server is asked how far it is
	askMost  = time.Second
)

// waitFor shows how far a job is until it is over. Interrupted, it cancels it.
func waitFor(a *app, cl *client.Client, job wire.Job) (wire.Job, error) {
	bar := newJobBar(a, job)
	defer bar.close()
	for pause := askFirst; ; pause = min(2*pause, askMost) {
		bar.show(job)
		switch job.State {
		case "waiting", "running":
		case "cancelled":
			return job, coffer.E(coffer.Gone, "cancelled", "The copy was cancelled elsewhere. What was whole by then stays.")
		default:
			return job, nil
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-a.ctx.Done():
			timer.Stop()
			bar.close()
			return job, cancelJob(a, cl, job)
		}
		next, err := cl.Job(a.ctx, job.ID)
		if err != nil {
			if a.ctx.Err() != nil {
				return job, cancelJob(a, cl, job)
			}
			return job, err
		}
		job = next
	}
}

// patience is how long an interrupted command still waits for an answer.
const patience = 15 * time.Second

// patient is a context that outlives ctx by patience.
func patient(ctx context.Context) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(patience, cancel) })
	return longer, func() { stop(); cancel() }
}

// cancelJob ends a job whose command was interrupted.
func cancelJob(a *app, cl *client.Client, job wire.Job) error {
	ctx, done := patient(a.ctx)
	defer done()
	ended, err := cl.CancelJob(ctx, job.ID)
	switch {
	case err != nil:
		return fmt.Errorf("the copy goes on at the server: %w", err)
	case ended.State != "cancelled":
		return errors.New("the copy was done already")
	}
	return context.Cause(a.ctx)
}

// jobBar is a bar on a terminal, else a line now and then.
type jobBar struct {
	a        *app
	bars     *mpb.Progress
	bar      *mpb.Bar
	plain    bool
	lastLine time.Time
}

func newJobBar(a *app, job wire.Job) *jobBar {
	b := &jobBar{a: a, lastLine: time.Now()}
	silent := a.opts.Quiet || a.opts.JSON
	f, isFile := a.std.Err.(*os.File)
	if silent {
		return b
	}
	if b.plain = !isFile || !term.IsTerminal(int(f.Fd())) || a.getenv("TERM") == "dumb"; b.plain {
		return b
	}
	b.bars = mpb.New(mpb.WithOutput(a.std.Err), mpb.WithWidth(30), mpb.WithRefreshRate(150*time.Millisecond))
	b.bar = b.bars.AddBar(job.Total, mpb.PrependDecorators(decor.CountersNoUnit("%d of %d copied")), mpb.AppendDecorators(decor.Percentage()))
	return b
}

func (b *jobBar) show(job wire.Job) {
	if b.bar != nil {
		b.bar.SetCurrent(min(job.Done, job.Total-1)) // the end is told by the state
	}
	if now := time.Now(); b.plain && now.Sub(b.lastLine) >= plainEvery {
		b.lastLine = now
		fmt.Fprintf(b.a.std.Err, "copied %d of %d\n", job.Done, job.Total)
	}
}

func (b *jobBar) close() {
	if b.bar == nil {
		return
	}
	b.bar.Abort(true)
	b.bars.Wait()
	b.bar = nil
}
