package main

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path"

	"coffer/internal/client"
	"coffer/internal/cmdline"
)

// keptFrom is how much must have arrived for a part to stay: less is got again
// anyway.
const keptFrom = 1 << 20

// part is the file beside a download's place in which its content arrives.
type part struct {
	*os.File
	name  string // below the root
	alone bool   // of this process only: nobody will go on with it
}

// partName is where a download of a local name goes on, call after call.
func partName(local string) string {
	dir, base := path.Split(local)
	name := "." + base + ".coffer-part"
	if len(name) > 255 {
		sum := sha256.Sum256([]byte(base))
		name = "." + hex.EncodeToString(sum[:16]) + ".coffer-part"
	}
	return path.Join(dir, name)
}

// openPart opens the part of f, or one of its own when that is in use by another
// process, is not a plain file of ours, or would be too small to matter.
func openPart(f getFile) (part, error) {
	if f.node.Size < keptFrom {
		return ownPart(f)
	}
	name := partName(f.local)
	if w, err := f.root.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o666); err == nil {
		if claim(w) && stillAt(f.root, name, w) {
			return part{w, name, false}, nil
		}
		w.Close()
	}
	return ownPart(f)
}

func ownPart(f getFile) (part, error) {
	name := path.Join(path.Dir(f.local), ".coffer-"+rand.Text()+".part")
	w, err := f.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o666)
	return part{w, name, true}, err
}

// stillAt reports whether a name is that of the open file: no link to it, and
// not given to another since.
func stillAt(root *os.Root, name string, w *os.File) bool {
	there, err := root.Lstat(name)
	opened, openErr := w.Stat()
	return err == nil && openErr == nil && opened.Mode().IsRegular() && os.SameFile(there, opened)
}

// arrive gets the content of f into a part, going on with what an earlier call
// has left, and returns the part's name. After an error the part stays where it
// can be gone on with.
func (r *getRun) arrive(f getFile, o *one) (name string, err error) {
	p, err := openPart(f)
	if err != nil {
		return "", err
	}
	err = r.cl.DownloadFile(r.a.ctx, f.node, p.File, o.moved)
	if errors.Is(err, client.ErrForeign) { // of somebody else: it stays as it is
		p.Close()
		if p, err = ownPart(f); err != nil {
			return "", err
		}
		err = r.cl.DownloadFile(r.a.ctx, f.node, p.File, o.moved)
	}
	if err == nil {
		err = p.Sync()
	}
	kept := !p.alone && !client.Worthless(err) && o.done >= keptFrom
	if err != nil && !kept {
		_ = f.root.Remove(p.name) // the error counts
	}
	if err = errors.Join(err, p.Close()); err != nil {
		if kept {
			r.keptNote(f, o.done)
		}
		return "", at(f.remote, err)
	}
	return p.name, nil
}

func (r *getRun) keptNote(f getFile, n int64) {
	if !r.a.opts.Quiet && !r.a.opts.JSON {
		fmt.Fprintf(r.a.std.Err, "coffer: %s of %s are kept: say the same again to go on\n", size(n), cmdline.Printable(f.shown, false))
	}
}
