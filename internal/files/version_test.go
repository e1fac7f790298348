package files_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"coffer"
	"coffer/internal/db"
	"coffer/internal/files"
)

// numbers lists a file's versions as "3* 2 1k": newest first, the current one
// with a star, kept ones with a k.
func (p *person) numbers(id coffer.ID) (out string) {
	p.w.t.Helper()
	for cursor := ""; ; {
		page, err := p.Versions(ctx, id, 2, cursor)
		p.w.ok(err)
		for _, v := range page.Items {
			if out != "" {
				out += " "
			}
			out += fmt.Sprint(v.Number)
			if v.Current {
				out += "*"
			}
			if v.Keep {
				out += "k"
			}
		}
		if cursor = page.Next; cursor == "" {
			return out
		}
	}
}

func (p *person) versionIDs(id coffer.ID) map[int64]coffer.ID {
	p.w.t.Helper()
	page, err := p.Versions(ctx, id, 0, "")
	p.w.ok(err)
	ids := map[int64]coffer.ID{}
	for _, v := range page.Items {
		ids[v.Number] = v.ID
	}
	return ids
}

func TestVersions(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann, ben := w.person("Ann"), w.person("Ben")
		f := ann.put(ann.root, "report.txt", []byte("one"))
		for _, text := range []string{"two, longer", "three"} {
			w.ok(second(ann.UploadVersion(ctx, f.ID, coffer.ID{}, body([]byte(text)))))
		}
		if got := ann.numbers(f.ID); got != "3* 2 1" {
			t.Fatalf("versions %s", got)
		}
		page, err := ann.Versions(ctx, f.ID, 0, "")
		w.ok(err)
		if v := page.Items[2]; page.Total != 3 || v.Size != 3 || v.CreatedBy.Name != "Ann" || len(v.SHA256) != 64 {
			t.Errorf("total %d, the first: %+v", page.Total, v)
		}
		ids := ann.versionIDs(f.ID)

		// Restoring adds, shares the bytes, and counts them.
		used := ann.space().Used
		d, err := ann.RestoreVersion(ctx, f.ID, ids[1])
		w.ok(err)
		if d.Number != 4 || d.Size != 3 || string(ann.read(f.ID)) != "one" || ann.space().Used != used+3 {
			t.Errorf("restored: %+v, used %d more", d, ann.space().Used-used)
		}
		if got := ann.numbers(f.ID); got != "4* 3 2 1" {
			t.Errorf("after restoring: %s", got)
		}
		if got, err := ann.readVersion(f.ID, ids[2]); err != nil || string(got) != "two, longer" {
			t.Errorf("version 2: %q, %v", got, err)
		}

		// Deleting one that shares its bytes leaves the other readable.
		_, err = ann.DeleteVersion(ctx, f.ID, ids[1])
		w.ok(err)
		w.clock.move(60 * 24 * time.Hour)
		w.ok(w.svc.CollectBlobs(ctx))
		if string(ann.read(f.ID)) != "one" || ann.space().Used != used {
			t.Errorf("after deleting: %q, used %d, want %d", ann.read(f.ID), ann.space().Used, used)
		}
		if code(second(ann.RestoreVersion(ctx, f.ID, ids[1]))) != "not_found" {
			t.Error("a deleted version can be restored")
		}

		// What may not be.
		current := ann.versionIDs(f.ID)[4]
		dir := ann.mkdir(ann.root, "dir")
		for what, r := range map[string]struct {
			err  error
			want string
		}{
			"restore the current one": {second(ann.RestoreVersion(ctx, f.ID, current)), "version_current"},
			"delete the current one":  {second(ann.DeleteVersion(ctx, f.ID, current)), "version_current"},
			"of a folder":             {second(ann.Versions(ctx, dir, 0, "")), "not_a_file"},
			"restore in a folder":     {second(ann.RestoreVersion(ctx, dir, current)), "not_a_file"},
			"another file's":          {second(ann.RestoreVersion(ctx, ann.put(ann.root, "x", nil).ID, ids[2])), "not_found"},
			"Ben lists":               {second(ben.Versions(ctx, f.ID, 0, "")), "not_found"},
			"Ben restores":            {second(ben.RestoreVersion(ctx, f.ID, ids[2])), "not_found"},
			"Ben deletes":             {second(ben.DeleteVersion(ctx, f.ID, ids[2])), "not_found"},
			"Ben keeps":               {second(ben.KeepVersion(ctx, f.ID, ids[2], true)), "not_found"},
			"a cursor of nothing":     {second(ann.Versions(ctx, f.ID, 0, "nonsense")), "cursor_invalid"},
		} {
			if code(r.err) != r.want {
				t.Errorf("%s: %v, want %s", what, r.err, r.want)
			}
		}
		ann.setQuota(ann.space().Used + 2)
		if code(second(ann.RestoreVersion(ctx, f.ID, ids[3]))) != "over_quota" {
			t.Error("restored over the quota")
		}
		got := w.events()
		if !slices.Contains(got, "version.restored") || !slices.Contains(got, "version.deleted") {
			t.Errorf("events %v", got)
		}
		w.clean(0)
	})
}

// TestKeepingRule: too many or too old ones go, kept ones and the current stay.
func TestKeepingRule(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann := w.person("Ann")
		day := 24 * time.Hour
		f := ann.put(ann.root, "f", []byte("1"))
		for n := 2; n <= 6; n++ {
			w.clock.move(day)
			w.ok(second(ann.UploadVersion(ctx, f.ID, coffer.ID{}, body([]byte(fmt.Sprint(n))))))
		}
		w.ok(second(ann.KeepVersion(ctx, f.ID, ann.versionIDs(f.ID)[1], true)))
		other := ann.put(ann.root, "other", []byte("never overwritten"))
		rule := func(r files.Retention, want string) {
			t.Helper()
			svc := w.serviceWith(r)
			w.ok(svc.PurgeVersions(ctx))
			if got := ann.numbers(f.ID); got != want {
				t.Errorf("%+v: %s left, want %s", r, got, want)
			}
		}
		rule(files.Retention{}, "6* 5 4 3 2 1k")
		rule(files.Retention{VersionAge: 10 * day}, "6* 5 4 3 2 1k")
		rule(files.Retention{Versions: 3}, "6* 5 4 3 1k")
		w.clock.move(2*day + time.Hour)
		rule(files.Retention{VersionAge: 3 * day}, "6* 5 1k") // 4 was replaced three days and an hour ago
		w.ok(second(ann.KeepVersion(ctx, f.ID, ann.versionIDs(f.ID)[1], false)))
		rule(files.Retention{Versions: 1, VersionAge: 365 * day}, "6* 5")
		w.clock.move(1000 * day)
		rule(files.Retention{VersionAge: day}, "6*")
		if string(ann.read(f.ID)) != "6" || string(ann.read(other.ID)) != "never overwritten" {
			t.Error("a present content is gone")
		}
		if s := ann.space(); s.Used != int64(1+len("never overwritten")) {
			t.Errorf("%d bytes used", s.Used)
		}
		w.clean(0)
	})
}

// TestKeptMeanwhile: a version that is kept after the job has seen it stays.
func TestKeptMeanwhile(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann := w.person("Ann")
		f := ann.put(ann.root, "f", []byte("1"))
		w.ok(second(ann.UploadVersion(ctx, f.ID, coffer.ID{}, body([]byte("2")))))
		w.ok(w.db.Update(ctx, func(tx *db.Tx) error {
			v := ann.versionsIn(tx, f.ID)
			if err := tx.KeepVersion(f.ID, v, true); err != nil {
				return err
			}
			if _, err := tx.DeleteVersion(f.ID, v, true); code(err) != "not_found" {
				t.Errorf("a kept version: %v", err)
			}
			return nil
		}))
		if got := ann.numbers(f.ID); got != "2* 1k" {
			t.Errorf("left: %s", got)
		}
	})
}

func (p *person) versionsIn(tx *db.Tx, id coffer.ID) coffer.ID {
	all, err := tx.VersionsOf(id)
	p.w.ok(err)
	return all[0].ID
}
