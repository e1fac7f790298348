package coffertest

import (
	"io/fs"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"coffer/internal/wire"
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
	for _, want := range []string{"coffer_damaged_versions 0", "coffer_scrub_bytes_total", "coffer_scrub_pass_ended_seconds", "coffer_jobs_dead 0", "coffer_spaces_mended_total 0", "process_resident_memory_bytes", "go_goroutines"} {
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

// TestDamagedAreNamed: what the scrub found, in words: to administrators all,
// to others their own.
func TestDamagedAreNamed(t *testing.T) {
	t.Parallel()
	s := New(t, Options{Disk: true})
	ann, ben := s.Person("Ann"), s.Person("Ben")
	f := ann.put("thesis.pdf", []byte("lost"))
	err := filepath.WalkDir(filepath.Join(s.Data, "blobs", "b"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		return os.Remove(path)
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Files().Scrub(t.Context(), time.Hour); err != nil {
		t.Fatal(err)
	}
	for who, want := range map[*Person]int{s.Owner: 1, ann: 1, ben: 0} {
		var list wire.List[wire.Damaged]
		who.Do("GET", "/damaged", nil).Want(200).JSON(&list)
		if len(list.Items) != want {
			t.Errorf("%s sees %+v, want %d", who.Name, list.Items, want)
		}
		for _, d := range list.Items {
			if d.NodeID != f.ID || d.Name != "thesis.pdf" || d.Owner.Name != "Ann" || !d.Lost || !d.Current {
				t.Errorf("%s sees %+v", who.Name, d)
			}
		}
	}
	// Being an administrator opens nothing: the name is all there is.
	s.Owner.Do("GET", contentOf(f), nil).Problem(404, "not_found")
}
