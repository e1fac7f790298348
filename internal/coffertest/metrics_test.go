package coffertest

import (
	"net/http/httptest"
	"strings"
	"testing"
)

// TestMetrics: numbers about the house, no names, and nothing at the public
// address.
func TestMetrics(t *testing.T) {
	t.Parallel()
	s := New(t, Options{})
	ann := s.Person("Ann")
	ann.put("secret name.txt", []byte("x"))
	w := httptest.NewRecorder()
	s.Metrics().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	text := w.Body.String()
	for _, want := range []string{"coffer_damaged_versions 0", "coffer_scrub_bytes_total", "coffer_scrub_pass_ended_seconds", "coffer_jobs_dead 0", "process_resident_memory_bytes", "go_goroutines"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	for _, not := range []string{"secret", "ann@"} {
		if strings.Contains(text, not) {
			t.Errorf("the metrics hold %q", not)
		}
	}
	if got := ann.Do("GET", s.URL+"/metrics", nil); strings.Contains(string(got.Body), "coffer_") {
		t.Error("the public address shows metrics")
	}
}
