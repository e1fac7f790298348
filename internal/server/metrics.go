package server

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"coffer/internal/db"
)

// Metrics answers GET /metrics in the format of Prometheus: how the stored
// contents are, what the job queue holds, and the process. It names no person
// and no file, and asks nobody who they are: it belongs on an address of its
// own.
func (s *Server) Metrics() http.Handler {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), &health{s: s})
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(r, promhttp.HandlerOpts{}))
	return mux
}

// health asks the database when the metrics are asked for.
type health struct{ s *Server }

func gauge(name, help string) *prometheus.Desc {
	return prometheus.NewDesc("coffer_"+name, help, nil, nil)
}

// Describe implements prometheus.Collector: what Collect sends describes itself.
func (h *health) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (h *health) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	var jobs, dead int64
	files, err := h.s.files.Health(ctx)
	if err == nil {
		err = h.s.o.DB.View(ctx, func(tx *db.Tx) (err error) { jobs, dead, err = tx.CountJobs(); return err })
	}
	if err != nil {
		to <- prometheus.NewInvalidMetric(gauge("up", "The database answers."), err)
		return
	}
	send := func(kind prometheus.ValueType, name, help string, v float64) {
		to <- prometheus.MustNewConstMetric(gauge(name, help), kind, v)
	}
	send(prometheus.GaugeValue, "damaged_versions", "Stored versions of files that cannot be read as a whole.", float64(files.Damaged))
	send(prometheus.CounterValue, "scrub_bytes_total", "Bytes that the scrub of this process has authenticated.", float64(files.Scrubbed))
	send(prometheus.GaugeValue, "scrub_pass_started_seconds", "When the running or last pass of the scrub began (Unix time, 0: never).", float64(files.PassStarted)/1000)
	send(prometheus.GaugeValue, "scrub_pass_ended_seconds", "When the last whole pass of the scrub ended (Unix time, 0: never).", float64(files.PassEnded)/1000)
	send(prometheus.CounterValue, "spaces_mended_total", "Spaces whose counted bytes were wrong, and were put right by this process.", float64(files.Mended))
	send(prometheus.GaugeValue, "jobs_waiting", "Jobs that wait or run.", float64(jobs))
	send(prometheus.GaugeValue, "jobs_dead", "Jobs that were given up.", float64(dead))
}
