package files

import (
	"context"

	"coffer"
	"coffer/internal/content"
	"coffer/internal/db"
)

// maxCandidates is how many files one question may name.
const maxCandidates = 1000

// Candidate is a file that somebody would put into a folder.
type Candidate struct {
	Name string
	Size int64 // bytes
}

// CheckFiles says for each candidate, in the order given, what an upload into
// the folder would be refused for as things stand; nil: it would be accepted.
// Room is counted along: what fits is taken off for those that come after. It
// reserves nothing, and an upload is asked again. The error is about the
// question itself.
func (v *View) CheckFiles(ctx context.Context, folder coffer.ID, files []Candidate) ([]error, error) {
	if len(files) == 0 || len(files) > maxCandidates {
		return nil, coffer.E(coffer.Invalid, "invalid", "A check names 1 to 1,000 files.")
	}
	verdicts := make([]error, len(files))
	err := v.look(ctx, folder, coffer.Write, func(tx *db.Tx, p pass) error {
		if err := checkFolder(p); err != nil {
			return err
		}
		if p.depth+1 > maxDepth {
			return errDepth()
		}
		for i, f := range files {
			verdict, err := checkCandidate(tx, p, f)
			if err != nil {
				return err
			}
			if verdict == nil {
				p.space.Used += f.Size
			}
			verdicts[i] = verdict
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return verdicts, nil
}

// checkCandidate is the verdict on one file; err is a failure to find out.
func checkCandidate(tx *db.Tx, p pass, f Candidate) (verdict, err error) {
	if err := coffer.CheckName(f.Name); err != nil {
		return err, nil
	}
	if f.Size < 0 {
		return coffer.E(coffer.Invalid, "invalid", "A size cannot be less than nothing."), nil
	}
	if _, err := content.PartLog(f.Size); err != nil {
		return err, nil
	}
	// The name comes before the room: with another name, or as a version, it
	// is a question of room again.
	if _, err := findSpot(tx, p.node.ID, f.Name, coffer.File, coffer.Fail, coffer.ID{}); err != nil {
		if coffer.KindOf(err) == coffer.Conflict {
			return err, nil
		}
		return nil, err
	}
	if f.Size > p.space.Free() {
		return overQuota(p.space, f.Size), nil
	}
	return nil, nil
}
