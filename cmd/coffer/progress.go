package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"

	"coffer/internal/cmdline"
)

// progress shows how far a transfer is: bars on a terminal, else a plain line
// now and then. It writes to the error stream only.
type progress struct {
	err         io.Writer // for errors and notes while bars are drawn
	show, plain bool
	verb        string
	started     time.Time
	total, done atomic.Int64 // bytes
	files, left atomic.Int64

	bars *mpb.Progress
	bar  *mpb.Bar
	rate rate
	stop context.CancelFunc
	idle sync.WaitGroup
}

const (
	// barFrom is the size from which a file has a bar of its own beside the
	// one for all.
	barFrom = 16 << 20
	// plainEvery is how often a line tells the progress without a terminal.
	plainEvery = 10 * time.Second
	// sampleEvery is how often the speed is measured.
	sampleEvery = 500 * time.Millisecond
)

func newProgress(a *app, verb string) *progress {
	p := &progress{err: a.std.Err, verb: verb, started: time.Now()}
	silent := a.opts.Quiet || a.opts.JSON
	f, isFile := a.std.Err.(*os.File)
	p.show = !silent && isFile && term.IsTerminal(int(f.Fd())) && a.getenv("TERM") != "dumb"
	p.plain = !silent && !p.show
	ctx, stop := context.WithCancel(a.ctx)
	p.stop = stop
	if p.show {
		p.bars = mpb.New(mpb.WithOutput(a.std.Err), mpb.WithWidth(30), mpb.WithRefreshRate(150*time.Millisecond))
		p.err = p.bars
		p.bar = p.bars.AddBar(0, mpb.PrependDecorators(decor.Any(func(decor.Statistics) string { return p.counts() })),
			mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return p.speed() })), mpb.BarPriority(1<<30))
	}
	p.idle.Go(func() { p.sample(ctx) })
	return p
}

// expect adds work that is known to come.
func (p *progress) expect(files int, bytes int64) {
	p.files.Add(int64(files))
	p.left.Add(int64(files))
	total := p.total.Add(max(bytes, 0))
	if p.show {
		p.bar.SetTotal(total, false)
	}
}

// sample measures the speed, and without a terminal writes a line now and then.
func (p *progress) sample(ctx context.Context) {
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	lastLine := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			p.rate.sample(now, p.done.Load())
			if p.plain && now.Sub(lastLine) >= plainEvery {
				lastLine = now
				fmt.Fprintf(p.err, "%s: %s, %s\n", p.verb, p.counts(), p.speed())
			}
		}
	}
}

func (p *progress) counts() string {
	files := p.files.Load()
	s := fmt.Sprintf("%s of %s", size(p.done.Load()), size(p.total.Load()))
	if files > 1 {
		s = fmt.Sprintf("%d of %d files, %s", files-p.left.Load(), files, s)
	}
	return s
}

func (p *progress) speed() string {
	r := p.rate.get()
	if r < 1 {
		return "-"
	}
	s := size(int64(r)) + "/s"
	if left := p.total.Load() - p.done.Load(); left > 0 {
		s += ", " + clock(time.Duration(float64(left)/r*float64(time.Second))) + " left"
	}
	return s
}

// one is the progress of one file.
type one struct {
	p    *progress
	bar  *mpb.Bar
	done int64
}

func (p *progress) file(name string, bytes int64) *one {
	o := &one{p: p}
	if p.show && p.files.Load() > 1 && bytes >= barFrom {
		o.bar = p.bars.AddBar(bytes, mpb.BarRemoveOnComplete(), mpb.PrependDecorators(decor.Name("  "+cmdline.Printable(short(name), false)+" ")),
			mpb.AppendDecorators(decor.Percentage()))
	}
	return o
}

// moved tells that n more bytes went over; negative: they are sent again.
func (o *one) moved(n int64) {
	o.done += n
	done := o.p.done.Add(n)
	if o.p.show {
		o.p.bar.SetCurrent(done)
		if o.bar != nil {
			o.bar.SetCurrent(o.done)
		}
	}
}

// end tells that the file is over. What a failed file did not move is no
// longer expected.
func (o *one) end(bytes int64, ok bool) {
	o.p.left.Add(-1)
	if o.bar != nil {
		o.bar.Abort(true)
	}
	if !ok {
		total := o.p.total.Add(-(max(bytes, 0) - o.done))
		if o.p.show {
			o.p.bar.SetTotal(total, false)
		}
	}
}

// close takes the bars away and waits until the terminal is quiet.
func (p *progress) close() {
	p.stop()
	p.idle.Wait()
	if p.show {
		p.bar.SetTotal(p.done.Load(), true)
		p.bars.Wait()
	}
}

// summary is a line for the end, such as "3 files, 1.5 GiB in 14s, 110 MiB/s".
func (p *progress) summary() string {
	took := time.Since(p.started)
	n := p.files.Load() - p.left.Load()
	s := fmt.Sprintf("%d files", n)
	if n == 1 {
		s = "1 file"
	}
	s += fmt.Sprintf(", %s in %s", size(p.done.Load()), clock(took))
	if sec := took.Seconds(); sec > 1 {
		s += fmt.Sprintf(", %s/s", size(int64(float64(p.done.Load())/sec)))
	}
	return s
}

// rate is a speed in bytes per second, smoothed over some seconds.
type rate struct {
	mu   sync.Mutex
	at   time.Time
	done int64
	v    float64
	seen bool
}

func (r *rate) sample(now time.Time, done int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if dt := now.Sub(r.at).Seconds(); r.seen && dt > 0 {
		v := max(float64(done-r.done)/dt, 0)
		if r.v == 0 {
			r.v = v
		} else {
			r.v += 0.15 * (v - r.v)
		}
	}
	r.at, r.done, r.seen = now, done, true
}

func (r *rate) get() float64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.v
}

// size shows bytes in binary units.
func size(n int64) string {
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	v, unit := float64(n)/1024, 0
	for v >= 1023.95 && unit < 4 {
		v, unit = v/1024, unit+1
	}
	return fmt.Sprintf("%.1f %ciB", v, "KMGTP"[unit])
}

// clock shows a time span as 1h02m03s, 2m03s or 3s.
func clock(d time.Duration) string {
	if d > 100*time.Hour {
		return "more than 100h"
	}
	return d.Round(time.Second).String()
}

// short cuts a long name in its middle.
func short(name string) string {
	r := []rune(name)
	if len(r) <= 32 {
		return name
	}
	return string(r[:18]) + "…" + string(r[len(r)-13:])
}
