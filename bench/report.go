package main

// The tables, and our figures beside the goals.

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// results are the counted rows: phase -> server -> rounds.
type results struct {
	names []string
	rows  map[string]map[string][]Row
}

func readRows(file string) (*results, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := &results{rows: map[string]map[string][]Row{}}
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 64<<20)
	for sc.Scan() {
		var row Row
		if err := json.Unmarshal(sc.Bytes(), &row); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		if row.Round < 1 {
			continue // warm-up
		}
		if r.rows[row.Phase] == nil {
			r.rows[row.Phase] = map[string][]Row{}
		}
		r.rows[row.Phase][row.Server] = append(r.rows[row.Phase][row.Server], row)
		if !slices.Contains(r.names, row.Server) {
			r.names = append(r.names, row.Server)
		}
	}
	return r, sc.Err()
}

// A figure is one number of a row.
type figure func(Row) float64

func busyGiB(r Row) float64 { return r.Busy / (float64(r.Bytes) / (1 << 30)) }
func rssMiB(r Row) float64  { return float64(r.HWM) / 1024 }
func rate(r Row) float64    { return float64(r.N) / r.Wall }
func cpuMs(r Row) float64   { return r.CPU * 1000 / float64(r.N) }
func wallMs(r Row) float64  { return r.Wall * 1000 }
func cpuAllMs(r Row) float64 {
	return r.CPU * 1000
}
func sizeMiB(r Row) float64 { return float64(r.Bytes) / (1 << 20) }
func syncS(r Row) float64   { return r.Sync }

// values of the rounds that went well, sorted.
func values(rs []Row, f figure) []float64 {
	var v []float64
	for _, r := range rs {
		if r.Err == "" {
			v = append(v, f(r))
		}
	}
	slices.Sort(v)
	return v
}

func median(v []float64) float64 {
	m := v[len(v)/2]
	if len(v)%2 == 0 {
		m = (m + v[len(v)/2-1]) / 2
	}
	return m
}

// med prints median (min-max).
func med(rs []Row, format string, f figure) string {
	v := values(rs, f)
	switch len(v) {
	case 0:
		for _, r := range rs {
			if r.Err != "" {
				return "failed: " + r.Err
			}
		}
		return "-"
	case 1:
		return fmt.Sprintf(format, v[0])
	}
	return fmt.Sprintf(format+" ("+format+"-"+format+")", median(v), v[0], v[len(v)-1])
}

func latencies(rs []Row) []float64 {
	var lat []float64
	for _, r := range rs {
		lat = append(lat, r.Lat...)
	}
	return lat
}

func (r *results) tables(w io.Writer) {
	table := func(phase, title, head string, line func(rs []Row) string) {
		if r.rows[phase] == nil {
			return
		}
		fmt.Fprintf(w, "\n### %s\n\n| server | %s |\n|%s\n", title, head, strings.Repeat("---|", 1+len(strings.Split(head, " | "))))
		for _, n := range r.names {
			if rs := r.rows[phase][n]; len(rs) > 0 {
				fmt.Fprintf(w, "| %s | %s |\n", n, line(rs))
			}
		}
	}
	for _, p := range [][2]string{{"down", "down: one large file"}, {"par", "par: parallel downloads"}, {"up", "up: one large file"}, {"parup", "parup: parallel uploads"}} {
		table(p[0], p[1], "MiB/s | server CPU-s/GiB | machine CPU-s/GiB | peak RSS MiB | sync after, s", func(rs []Row) string {
			return strings.Join([]string{med(rs, "%.0f", mibs), med(rs, "%.2f", cpuGiB), med(rs, "%.2f", busyGiB), med(rs, "%.0f", rssMiB), med(rs, "%.1f", syncS)}, " | ")
		})
	}
	for _, p := range [][2]string{{"sup", "sup: small files up"}, {"sdown", "sdown: small files down"}, {"range", "range: 64 KiB at random places"},
		{"lfill", "lfill: filling the folder"}, {"list", "list: the whole folder"}, {"page", "page: its first 200 entries"}} {
		table(p[0], p[1], "requests/s | p50 ms | p99 ms | server CPU ms/request | peak RSS MiB | note", func(rs []Row) string {
			lat := latencies(rs)
			return fmt.Sprintf("%s | %.2f | %.2f | %s | %s | %s", med(rs, "%.0f", rate), pct(lat, 50), pct(lat, 99),
				med(rs, "%.3f", cpuMs), med(rs, "%.0f", rssMiB), rs[len(rs)-1].Note)
		})
	}
	table("cold", "cold start", "ms to first answer | CPU ms in the first second | RSS after 1 s, MiB | binary MiB", func(rs []Row) string {
		return fmt.Sprintf("%s | %s | %s | %.1f", med(rs, "%.0f", wallMs), med(rs, "%.0f", cpuAllMs), med(rs, "%.0f", rssMiB), sizeMiB(rs[0]))
	})
	table("rest", "when all is over", "RSS MiB", func(rs []Row) string { return med(rs, "%.0f", rssMiB) })
}

// goals prints the figures of every server whose name begins with "coffer"
// beside the goals: first those that bind, the ratios to others in the same
// run; then the absolute ones, which depend on the machine and only orient.
func (r *results) goals(w io.Writer) {
	m := func(phase, server string, f figure) float64 {
		if v := values(r.rows[phase][server], f); len(v) > 0 {
			return median(v)
		}
		return 0
	}
	p := func(phase, server string, q float64) float64 { return pct(latencies(r.rows[phase][server]), q) }
	for _, c := range r.names {
		if !strings.HasPrefix(c, "coffer") {
			continue
		}
		met, missed := 0, 0
		line := func(what, format string, v, goal float64, atLeast bool) {
			sign, ok := "<=", v <= goal
			if atLeast {
				sign, ok = ">=", v >= goal
			}
			verdict := "met"
			switch {
			case v == 0:
				verdict = "not measured"
			case ok:
				met++
			default:
				verdict = "MISSED"
				missed++
			}
			fmt.Fprintf(w, "| %s | "+format+" | %s "+format+" | %s |\n", what, v, sign, goal, verdict)
		}
		ratio := func(a, b float64) float64 {
			if b == 0 {
				return 0
			}
			return a / b
		}
		fmt.Fprintf(w, "\n### %s beside the goals\n\n| binding: ratio in this run | measured | goal | |\n|---|---|---|---|\n", c)
		line("down: server CPU / ref-gcm", "%.2f", ratio(m("down", c, cpuGiB), m("down", "ref-gcm", cpuGiB)), 1.10, false)
		line("down: machine CPU / nginx", "%.2f", ratio(m("down", c, busyGiB), m("down", "nginx", busyGiB)), 1.0, false)
		line("down: server CPU / raw AES-GCM", "%.2f", ratio(m("down", c, cpuGiB), m("gcm", "raw-gcm", cpuGiB)), 3.5, false)
		line("par: server CPU / ref-gcm", "%.2f", ratio(m("par", c, cpuGiB), m("par", "ref-gcm", cpuGiB)), 1.10, false)
		line("up: server CPU / ref-gcm", "%.2f", ratio(m("up", c, cpuGiB), m("up", "ref-gcm", cpuGiB)), 1.2, false)
		line("parup: server CPU / ref-gcm", "%.2f", ratio(m("parup", c, cpuGiB), m("parup", "ref-gcm", cpuGiB)), 1.2, false)
		line("sup: files/s / ref-gcm-fsync", "%.2f", ratio(m("sup", c, rate), m("sup", "ref-gcm-fsync", rate)), 0.75, true)
		line("sdown: files/s / ref-gcm", "%.2f", ratio(m("sdown", c, rate), m("sdown", "ref-gcm", rate)), 0.6, true)
		line("range: server CPU / ref-gcm", "%.2f", ratio(m("range", c, cpuMs), m("range", "ref-gcm", cpuMs)), 1.3, false)
		line("list: p50 / nginx", "%.2f", ratio(p("list", c, 50), p("list", "nginx", 50)), 1.5, false)
		fmt.Fprintf(w, "\n| orientation: absolute | measured | goal | |\n|---|---|---|---|\n")
		line("down: CPU-s/GiB", "%.2f", m("down", c, cpuGiB), 0.65, false)
		line("down: MiB/s", "%.0f", m("down", c, mibs), 1500, true)
		line("par: CPU-s/GiB", "%.2f", m("par", c, cpuGiB), 0.60, false)
		line("par: MiB/s", "%.0f", m("par", c, mibs), 1700, true)
		line("up: CPU-s/GiB", "%.2f", m("up", c, cpuGiB), 0.95, false)
		if v := values(r.rows["up"][c], cpuGiB); len(v) > 0 {
			line("up: CPU-s/GiB, best round", "%.2f", v[0], 0.85, false)
		}
		line("up: MiB/s, durable", "%.0f", m("up", c, mibs), 750, true)
		line("sup: files/s, durable", "%.0f", m("sup", c, rate), 3000, true)
		line("sup: p99 ms", "%.1f", p("sup", c, 99), 10, false)
		line("sup: CPU ms", "%.3f", m("sup", c, cpuMs), 0.35, false)
		line("sdown: files/s", "%.0f", m("sdown", c, rate), 6000, true)
		line("sdown: p99 ms", "%.1f", p("sdown", c, 99), 6, false)
		line("sdown: CPU ms", "%.3f", m("sdown", c, cpuMs), 0.10, false)
		line("range: p50 ms", "%.2f", p("range", c, 50), 0.30, false)
		line("range: p99 ms", "%.2f", p("range", c, 99), 0.80, false)
		line("range: CPU ms", "%.3f", m("range", c, cpuMs), 0.22, false)
		line("list: p50 ms", "%.1f", p("list", c, 50), 30, false)
		line("page: p50 ms", "%.2f", p("page", c, 50), 1.5, false)
		line("idle RSS MiB", "%.0f", m("cold", c, rssMiB), 30, false)
		line("par: peak RSS MiB", "%.0f", m("par", c, rssMiB), 48, false)
		line("cold start: ms", "%.0f", m("cold", c, wallMs), 40, false)
		line("cold start: CPU ms", "%.0f", m("cold", c, cpuAllMs), 30, false)
		line("binary: MiB", "%.1f", m("cold", c, sizeMiB), 35, false)
		peak := 0.0
		for _, servers := range r.rows {
			for _, row := range servers[c] {
				peak = max(peak, rssMiB(row))
			}
		}
		fmt.Fprintf(w, "\n%s: %d goals met, %d missed; peak RSS over all phases %.0f MiB\n", c, met, missed, peak)
	}
}
