package files_test

import (
	"errors"
	"strings"
	"testing"

	"coffer"
	"coffer/internal/files"
)

func TestCheckFiles(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann, bea := w.person("Ann"), w.person("Bea")
		folder := ann.mkdir(ann.root, "Docs")
		there := ann.put(folder, "Report.pdf", []byte("12345"))
		sub := ann.mkdir(folder, "Old")
		ann.setQuota(5 + 100)
		asked := []files.Candidate{
			{Name: "new.txt", Size: 40},
			{Name: "REPORT.pdf", Size: 1},  // as an upload sees names: without case
			{Name: "old", Size: 1},         // a folder has the name
			{Name: "a/b", Size: 1},         // not a name
			{Name: "big.bin", Size: 61},    // 40 of 100 are taken by the first
			{Name: "small.bin", Size: 60},  // exactly what is left
			{Name: "nothing.txt", Size: 0}, // needs no room
			{Name: "one too many.txt", Size: 1},
			{Name: "minus.txt", Size: -1},
			{Name: "report.pdf", Size: 1 << 62}, // larger than any file can be
		}
		verdicts, err := ann.CheckFiles(ctx, folder, asked)
		w.ok(err)
		codes := make([]string, len(verdicts))
		for i, v := range verdicts {
			if e, is := errors.AsType[*coffer.Error](v); is {
				codes[i] = e.Code
				if e.Code == "name_taken" && e.Existing != there.ID && e.Existing != sub {
					t.Errorf("%s: taken by %s", asked[i].Name, e.Existing)
				}
				if e.Code == "name_invalid" && coffer.CheckName(e.Suggestion) != nil {
					t.Errorf("%s: suggested %q", asked[i].Name, e.Suggestion)
				}
			}
		}
		if got, want := strings.Join(codes, " "), " name_taken name_taken name_invalid over_quota   over_quota invalid too_large"; got != want {
			t.Errorf("verdicts\n%q, not\n%q", got, want)
		}
		// What was accepted is accepted, in that order; nothing was reserved.
		if s := ann.space(); s.Reserved != 0 || s.Used != 5 {
			t.Errorf("used %d, reserved %d", s.Used, s.Reserved)
		}
		for i, f := range asked {
			if verdicts[i] == nil {
				ann.put(folder, f.Name, make([]byte, f.Size))
			}
		}

		one := asked[:1]
		for name, try := range map[string]func() error{
			"not_found":    func() error { _, err := bea.CheckFiles(ctx, folder, one); return err },
			"not_a_folder": func() error { _, err := ann.CheckFiles(ctx, there.ID, one); return err },
			"invalid":      func() error { _, err := ann.CheckFiles(ctx, folder, nil); return err },
		} {
			err := try()
			if e, is := errors.AsType[*coffer.Error](err); !is || e.Code != name {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}
