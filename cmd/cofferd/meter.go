package main

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"
)

// unit is what a meter counts.
type unit uint8

const (
	ofBytes unit = iota
	ofRecords
)

// meter shows how far work is: a bar with speed and time left on a terminal,
// else a line every ten seconds, nothing with --json.
type meter struct {
	a    *app
	verb string // what is done, in the past tense
	unit unit

	files     int64 // expected; 0: they are not counted
	filesDone atomic.Int64
	all, done atomic.Int64

	bars *mpb.Progress
	bar  *mpb.Bar
	quit context.CancelFunc
	idle sync.WaitGroup
}

func newMeter(a *app, verb string, u unit) *meter { return &meter{a: a, verb: verb, unit: u} }

// expect adds a file to what is to come.
func (m *meter) expect(size int64) {
	m.files++
	m.all.Add(size)
}

// add tells of bytes that are done.
func (m *meter) add(n int64) {
	done := m.done.Add(n)
	if m.bar != nil {
		m.bar.SetCurrent(done)
	}
}

// fileDone tells that a file is over, with so many bytes that were not written.
func (m *meter) fileDone(rest int64) {
	m.filesDone.Add(1)
	m.add(rest)
}

// tell says how much of how much is done, where files are not counted.
func (m *meter) tell(done, all int64) {
	m.done.Store(done)
	m.all.Store(all)
	if m.bar != nil {
		m.bar.SetTotal(all, false)
		m.bar.SetCurrent(done)
	}
}

func (m *meter) start() {
	ctx, quit := context.WithCancel(m.a.ctx)
	m.quit = quit
	f, isFile := m.a.std.Err.(*os.File)
	switch {
	case m.a.opts.JSON:
	case isFile && term.IsTerminal(int(f.Fd())) && m.a.getenv("TERM") != "dumb":
		m.bars = mpb.New(mpb.WithOutput(m.a.std.Err), mpb.WithWidth(30), mpb.WithRefreshRate(200*time.Millisecond))
		after := []decor.Decorator{decor.Percentage()}
		if m.unit == ofBytes {
			after = append(after, decor.AverageSpeed(decor.SizeB1024(0), " % .1f"))
		}
		after = append(after, decor.Name(" "), decor.AverageETA(decor.ET_STYLE_GO), decor.Name(" left"))
		m.bar = m.bars.AddBar(m.all.Load(), mpb.PrependDecorators(decor.Any(func(decor.Statistics) string { return m.line() + " " })), mpb.AppendDecorators(after...))
	default:
		m.idle.Go(func() {
			tick := time.NewTicker(10 * time.Second)
			defer tick.Stop()
			for {
				select {
				case <-tick.C:
					fmt.Fprintf(m.a.std.Err, "cofferd: %s\n", m.line())
				case <-ctx.Done():
					return
				}
			}
		})
	}
}

func (m *meter) line() string {
	done, all := m.done.Load(), m.all.Load()
	s := fmt.Sprintf("%d of %d records", done, all)
	switch {
	case m.unit == ofBytes:
		s = fmt.Sprintf("%d of %d MiB", done>>20, all>>20)
	case all == 0:
		s = fmt.Sprintf("%d records", done)
	}
	if m.files > 0 {
		s = fmt.Sprintf("%d of %d files, %s", m.filesDone.Load(), m.files, s)
	}
	return m.verb + " " + s
}

// stop ends the display, so that other lines may follow.
func (m *meter) stop() {
	m.quit()
	m.idle.Wait()
	if m.bar != nil {
		m.bar.Abort(true)
		m.bars.Wait()
	}
}
