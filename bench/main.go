// bench measures running file servers side by side: the same requests, the same
// machine, one run. See README.md.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"slices"
	"strings"
	"time"
)

// options are the sizes and counts of a run.
type options struct {
	servers, out, tmp, only, phases string
	rounds                          int   // counted rounds of large transfers; one more runs first, uncounted
	bigMiB, midMiB                  int64 // the large file; the file of the parallel downloads
	smallN, smallRounds, smallSize  int   // small files a round, rounds, bytes of one
	conc                            int   // concurrency of small files and of parallel downloads
	rangeN                          int   // range requests a round
	listN                           int   // files in the listed folder
	report                          bool
}

func main() {
	log.SetFlags(log.Ltime)
	var o options
	flag.StringVar(&o.servers, "servers", "servers.json", "servers to measure")
	flag.StringVar(&o.out, "out", "results.jsonl", "results, one JSON object a line (appended)")
	flag.StringVar(&o.tmp, "tmp", os.TempDir(), "folder for the source files and logs")
	flag.StringVar(&o.only, "only", "", "comma list of server names (default: all)")
	flag.StringVar(&o.phases, "phases", "cold,up,down,par,parup,range,small,list", "phases to run")
	flag.IntVar(&o.rounds, "rounds", 5, "counted rounds of large transfers (one more is run first, uncounted)")
	flag.Int64Var(&o.bigMiB, "big", 1024, "MiB of the large file")
	flag.Int64Var(&o.midMiB, "mid", 256, "MiB of the parallel file")
	flag.IntVar(&o.smallN, "small", 2000, "small files a round")
	flag.IntVar(&o.smallRounds, "smallrounds", 3, "rounds of small files")
	flag.IntVar(&o.smallSize, "smallsize", 10<<10, "bytes of a small file")
	flag.IntVar(&o.conc, "c", 8, "concurrency for small files and parallel downloads")
	flag.IntVar(&o.rangeN, "ranges", 400, "range requests a round")
	flag.IntVar(&o.listN, "listfiles", 10000, "files in the listed folder")
	flag.BoolVar(&o.report, "report", false, "print Markdown tables from -out and exit")
	flag.Parse()
	if o.report {
		rows, err := readRows(o.out)
		if err != nil {
			log.Fatal(err)
		}
		rows.tables(os.Stdout)
		rows.goals(os.Stdout)
		return
	}
	if err := run(o); err != nil {
		log.Fatal(err)
	}
}

func run(o options) error {
	raw, err := os.ReadFile(o.servers)
	if err != nil {
		return err
	}
	var confs []Conf
	if err := json.Unmarshal([]byte(os.ExpandEnv(string(raw))), &confs); err != nil {
		return fmt.Errorf("%s: %w", o.servers, err)
	}
	b := &bench{options: o}
	if b.big, err = source(o.tmp, "src.big", o.bigMiB); err != nil {
		return err
	}
	if b.mid, err = source(o.tmp, "src.mid", o.midMiB); err != nil {
		return err
	}
	for _, c := range confs {
		if o.only != "" && !slices.Contains(strings.Split(o.only, ","), c.Name) {
			continue
		}
		s, err := newServer(c, b)
		if err != nil {
			return err
		}
		b.servers = append(b.servers, s)
	}
	defer func() {
		for _, s := range b.servers {
			s.stop()
		}
	}()
	return b.phases()
}

// A Row is one measurement.
type Row struct {
	Phase  string    `json:"phase"`
	Server string    `json:"server"`
	Round  int       `json:"round"`
	Wall   float64   `json:"wall_s"`
	Bytes  int64     `json:"bytes,omitempty"`
	N      int       `json:"n,omitempty"`
	CPU    float64   `json:"cpu_s"`   // server's process tree
	Busy   float64   `json:"busy_s"`  // whole machine, client included
	HWM    int64     `json:"hwm_kib"` // peak RSS during the phase
	Sync   float64   `json:"sync_s"`  // time a sync(2) took afterwards
	Lat    []float64 `json:"lat_ms,omitempty"`
	Err    string    `json:"err,omitempty"`
	Note   string    `json:"note,omitempty"`
}

// bench is one run.
type bench struct {
	options
	servers  []*server
	big, mid string // source files
}

// emit appends a row to the results and shows it.
func (b *bench) emit(r Row) {
	f, err := os.OpenFile(b.out, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		log.Fatal(err)
	}
	if err := json.NewEncoder(f).Encode(r); err != nil {
		log.Fatal(err)
	}
	f.Close()
	var s strings.Builder
	fmt.Fprintf(&s, "%-6s %-14s #%d %7.3fs cpu %.2fs hwm %d MiB", r.Phase, r.Server, r.Round, r.Wall, r.CPU, r.HWM>>10)
	if r.Bytes > 0 && r.Wall > 0 && r.Phase != "cold" {
		fmt.Fprintf(&s, " %6.0f MiB/s cpu/GiB %.3f", mibs(r), cpuGiB(r))
	}
	if r.N > 0 && r.Wall > 0 {
		fmt.Fprintf(&s, " %6.0f/s p50 %.2fms p99 %.2fms", float64(r.N)/r.Wall, pct(r.Lat, 50), pct(r.Lat, 99))
	}
	log.Print(s.String(), " ", r.Err, r.Note)
}

func pct(v []float64, p float64) float64 {
	if len(v) == 0 {
		return 0
	}
	s := slices.Clone(v)
	slices.Sort(s)
	return s[min(len(s)-1, int(float64(len(s))*p/100))]
}

func mibs(r Row) float64   { return float64(r.Bytes) / r.Wall / (1 << 20) }
func cpuGiB(r Row) float64 { return r.CPU / (float64(r.Bytes) / (1 << 30)) }

// each lets the servers take turns; the order rotates from round to round.
func (b *bench) each(rounds, warm int, fn func(s *server, round int)) {
	for r := 1 - warm; r <= rounds; r++ {
		for i := range b.servers {
			fn(b.servers[(i+r+len(b.servers))%len(b.servers)], r)
		}
	}
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
