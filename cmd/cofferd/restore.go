package main

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"
	"time"

	"coffer"
	"coffer/internal/files"
)

// restore is one run of decrypt.
type restore struct {
	decryptCmd
	a        *app
	export   *files.Export
	root     *os.Root // folder of --out, which nothing leaves
	progress *meter
	result   decryptResult
}

// space writes one space. Folders get their times at the end: whatever is
// written into them changes these.
func (r *restore) space(p plan) error {
	r.result.Spaces++
	if err := r.folder(p.folder); err != nil {
		return r.miss(p.folder, err)
	}
	names := localNames(p.entries)
	for i, e := range p.entries {
		at := p.pathOf(names, i)
		var err error
		if e.Folder() {
			err = r.folder(at)
		} else {
			err = r.file(e, at)
		}
		if err != nil {
			if err := r.miss(at, err); err != nil {
				return err
			}
		} else if e.Folder() {
			r.result.Folders++
		}
	}
	for i, e := range p.entries {
		if e.Folder() {
			// No more than a date: what was said of the folder is enough.
			_ = r.root.Chtimes(p.pathOf(names, i), time.Time{}, time.UnixMilli(e.ChangedAt))
		}
	}
	return nil
}

// errThere answers for a name that something else has.
var errThere = errors.New("something else is there already")

// folder makes a folder, or finds it.
func (r *restore) folder(at string) error {
	err := r.root.Mkdir(at, 0o700)
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	if info, err := r.root.Lstat(at); err != nil || !info.IsDir() {
		return errors.Join(errThere, err)
	}
	return nil
}

// file writes one content: under a temporary name beside its place, whole and
// authentic, with its time, then under its own name in one step.
func (r *restore) file(e files.ExportEntry, at string) (err error) {
	count := &counted{m: r.progress}
	defer func() { r.progress.fileDone(e.Size - count.n) }()
	c, err := r.export.Open(r.a.ctx, e)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	if same, err := r.there(at, c); err != nil || same {
		return err
	}
	temp := path.Join(path.Dir(at), ".coffer-"+rand.Text()+".part")
	f, err := r.root.OpenFile(temp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer r.root.Remove(temp) // nothing is there any more after a rename
	count.w = f
	err = c.WriteAll(r.a.ctx, count)
	if err == nil {
		err = f.Sync()
	}
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return err
	}
	if err := r.root.Chtimes(temp, time.Time{}, time.UnixMilli(e.ChangedAt)); err != nil {
		return err
	}
	if err := r.place(temp, at); err != nil {
		return err
	}
	r.result.Files++
	r.result.Bytes += c.Version.Size
	return nil
}

// there reports whether a file has its name and content already.
func (r *restore) there(at string, c *files.Content) (same bool, err error) {
	info, err := r.root.Lstat(at)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	if !info.Mode().IsRegular() || info.Size() != c.Version.Size || c.SHA256 == nil {
		return false, errThere
	}
	f, err := r.root.Open(at)
	if err != nil {
		return false, err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return false, err
	}
	if !bytes.Equal(sum.Sum(nil), c.SHA256) {
		return false, errThere
	}
	r.result.There++
	return true, nil
}

// place gives a finished file its name, unless something has it: a link cannot
// replace.
func (r *restore) place(temp, at string) error {
	err := r.root.Link(temp, at)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrExist):
		return errThere
	}
	// A file system without links.
	if _, statErr := r.root.Lstat(at); !errors.Is(statErr, fs.ErrNotExist) {
		return errors.Join(errThere, statErr)
	}
	return r.root.Rename(temp, at)
}

// miss notes what could not be restored. It returns an error when the run
// cannot go on: without --keep-going, and when the cause is not this one file.
func (r *restore) miss(at string, err error) error {
	var text string
	switch e, ok := errors.AsType[*coffer.Error](err); {
	case r.a.ctx.Err() != nil:
		return err
	case ok && e.Kind == coffer.Corrupt:
		text = e.Msg
		if e.Err != nil {
			text = strings.TrimSuffix(e.Msg, ".") + ": " + e.Err.Error()
		}
		r.result.Damaged = append(r.result.Damaged, decryptMiss{at, text})
	case aboutOneName(err):
		text = err.Error()
		r.result.Failed = append(r.result.Failed, decryptMiss{at, text})
	default:
		return fmt.Errorf("%s: %w", at, err)
	}
	if r.KeepGoing {
		return nil
	}
	return fmt.Errorf("%s: %s", at, text)
}

// aboutOneName reports whether an error is about the place of one file, not
// about the disk as a whole.
func aboutOneName(err error) bool {
	for _, e := range []error{errThere, fs.ErrExist, fs.ErrNotExist, fs.ErrPermission, syscall.ENAMETOOLONG, syscall.EINVAL, syscall.EILSEQ, syscall.ENOTDIR, syscall.EFBIG} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// counted counts what is written.
type counted struct {
	w io.Writer
	m *meter
	n int64
}

func (c *counted) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	c.m.add(int64(n))
	return n, err
}
