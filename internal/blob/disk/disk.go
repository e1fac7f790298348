// Package disk keeps blobs as files of one folder. It knows files, names and
// the order of flushes that makes a published blob survive a power cut; it must
// not know what is in a blob: the bytes that reach it are sealed.
//
//	coffer-store.json        whose blobs these are
//	b/<2 chars>/<26 chars>   a published blob, never changed
//	b/<2 chars>/<26 chars>.part   a staged one
//
// Folders have mode 0700, files 0600. All 1,024 folders are made with the mark,
// so that publishing never creates one. Several servers may share the folder.
package disk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"coffer"
	"coffer/internal/blob"
)

const (
	markFile   = "coffer-store.json"
	markFormat = 1
	partSuffix = ".part"
	alphabet   = "0123456789abcdefghjkmnpqrstvwxyz"
)

// Store is a blob.Store in a folder.
type Store struct {
	dir   string
	fsync func(*os.File) error // of folders; a field so that tests see it fail

	mu      sync.Mutex
	folders map[string]*folder // those that were flushed since the start
}

// Open returns the store in dir. Nothing is read or made before Marker.
func Open(dir string) (*Store, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	return &Store{dir: dir, fsync: (*os.File).Sync, folders: map[string]*folder{}}, nil
}

// folderOf returns the folder of a blob below dir, and path its file.
func folderOf(name string) string { return filepath.Join("b", name[:2]) }
func (s *Store) path(id coffer.ID) string {
	n := id.String()
	return filepath.Join(s.dir, folderOf(n), n)
}
func (s *Store) staged(id coffer.ID) string { return s.path(id) + partSuffix }

// Stage implements blob.Store. The part size does not matter on a disk.
func (s *Store) Stage(ctx context.Context, id coffer.ID, partSize int64) (blob.Pending, error) {
	if id.IsZero() || partSize <= 0 {
		panic("disk: Stage wants an id and a part size")
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if _, err := os.Lstat(s.path(id)); err == nil {
		return nil, fmt.Errorf("%w: %v", blob.ErrExists, id)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, kind(err)
	}
	f, err := os.OpenFile(s.staged(id), os.O_RDWR|os.O_CREATE, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, blob.NoMark(s.dir)
	} else if err != nil {
		return nil, kind(err)
	}
	return &pending{s: s, id: id, f: f}, nil
}

// Open implements blob.Store.
func (s *Store) Open(ctx context.Context, id coffer.ID) (blob.Object, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if id.IsZero() {
		return nil, fmt.Errorf("%w: no id", blob.ErrNotExist)
	}
	f, err := os.Open(s.path(id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %v", blob.ErrNotExist, id)
	} else if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	return object{f, info.Size()}, nil
}

type object struct {
	*os.File
	size int64
}

func (o object) Size() int64 { return o.size }

// Delete implements blob.Store. The removal is not flushed: a blob that comes
// back after a power cut has no row and is collected again.
func (s *Store) Delete(ctx context.Context, id coffer.ID) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	for _, name := range []string{s.staged(id), s.path(id)} {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// List implements blob.Store. Files that are no blobs are passed over.
func (s *Store) List(ctx context.Context, prefix string, fn func(blob.Entry) error) error {
	for i := range 1024 {
		name := folderName(i)
		if n := min(len(prefix), 2); name[:n] != prefix[:n] {
			continue
		}
		if err := s.listFolder(ctx, name, prefix, fn); err != nil {
			return err
		}
	}
	return nil
}

// listFolder reads a folder in pieces, so memory does not grow with it.
func (s *Store) listFolder(ctx context.Context, name, prefix string, fn func(blob.Entry) error) error {
	d, err := os.Open(filepath.Join(s.dir, "b", name))
	if errors.Is(err, fs.ErrNotExist) {
		return blob.NoMark(s.dir)
	} else if err != nil {
		return err
	}
	defer d.Close()
	for {
		files, err := d.ReadDir(256)
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		for _, f := range files {
			text, isPart := strings.CutSuffix(f.Name(), partSuffix)
			id, err := coffer.ParseID(text)
			if err != nil || !strings.HasPrefix(text, prefix) || !strings.HasPrefix(text, name) {
				continue
			}
			info, err := f.Info()
			if errors.Is(err, fs.ErrNotExist) {
				continue // published or deleted meanwhile
			} else if err != nil {
				return err
			}
			if err := fn(blob.Entry{ID: id, Staged: isPart, Size: info.Size(), Changed: info.ModTime()}); err != nil {
				return err
			}
		}
	}
}

func folderName(i int) string { return string([]byte{alphabet[i>>5], alphabet[i&31]}) }

// mark is the content of the mark file.
type mark struct {
	Format  int       `json:"format"`
	Install coffer.ID `json:"install"`
}

// Marker implements blob.Store. With create it makes the folder and all that
// belongs into it; the mark is written last.
func (s *Store) Marker(ctx context.Context, install coffer.ID, create bool) error {
	raw, err := os.ReadFile(filepath.Join(s.dir, markFile))
	if err == nil {
		var m mark
		if err := json.Unmarshal(raw, &m); err != nil || m.Format != markFormat || m.Install.IsZero() {
			return &coffer.Error{Kind: coffer.Internal, Code: "store_foreign", Err: err,
				Msg: "The mark in " + filepath.Join(s.dir, markFile) + " cannot be read by this version. Nothing was changed."}
		}
		return blob.CheckMark(m.Install, install)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if !create {
		return blob.NoMark(s.dir)
	}
	if err := s.makeFolders(); err != nil {
		return kind(err)
	}
	found := errors.New("not empty")
	if err := s.List(ctx, "", func(blob.Entry) error { return found }); errors.Is(err, found) {
		return blob.NotEmpty(s.dir)
	} else if err != nil {
		return err
	}
	return kind(s.writeMark(mark{markFormat, install}))
}

func (s *Store) makeFolders() error {
	if err := os.MkdirAll(filepath.Join(s.dir, "b"), 0o700); err != nil {
		return err
	}
	for i := range 1024 {
		if err := os.Mkdir(filepath.Join(s.dir, "b", folderName(i)), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	for _, dir := range []string{filepath.Join(s.dir, "b"), s.dir, filepath.Dir(s.dir)} {
		if err := s.flushFolder(dir); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) writeMark(m mark) error {
	raw, err := json.Marshal(m)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(s.dir, markFile+".*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(append(raw, '\n'))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := renameNew(f.Name(), filepath.Join(s.dir, markFile)); err != nil {
		return err
	}
	return s.flushFolder(s.dir)
}

func (s *Store) flushFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return s.fsync(d)
}

// folder groups the flushes of one folder: who comes while a flush runs waits
// for the next one, together with all others that came by then.
type folder struct {
	turn chan struct{} // full while a flush runs
	mu   sync.Mutex
	next *flush // gathers those who wait
}

type flush struct {
	done chan struct{}
	err  error
}

// syncFolder returns when a flush of the blob's folder that started after the
// call has ended.
func (s *Store) syncFolder(id coffer.ID) error {
	name := folderOf(id.String())
	s.mu.Lock()
	d := s.folders[name]
	if d == nil {
		d = &folder{turn: make(chan struct{}, 1)}
		s.folders[name] = d
	}
	s.mu.Unlock()

	d.mu.Lock()
	group, leads := d.next, d.next == nil
	if leads {
		group = &flush{done: make(chan struct{})}
		d.next = group
	}
	d.mu.Unlock()
	if !leads {
		<-group.done
		return group.err
	}
	d.turn <- struct{}{}
	d.mu.Lock()
	d.next = nil // who comes from now on may have changed the folder after this flush
	d.mu.Unlock()
	group.err = s.flushFolder(filepath.Join(s.dir, name))
	<-d.turn
	close(group.done)
	return group.err
}

// pending is a staged file.
type pending struct {
	s      *Store
	id     coffer.ID
	f      *os.File
	failed atomic.Pointer[error] // the first failed write or flush
	ended  bool
	named  bool // the folder knows the staged name durably
}

// fail remembers an error that ends all hope for the staged bytes.
func (p *pending) fail(err error) error {
	err = kind(err)
	p.failed.CompareAndSwap(nil, &err)
	return err
}

func (p *pending) state(ctx context.Context) error {
	if p.ended {
		return blob.ErrEnded
	}
	if err := p.failed.Load(); err != nil {
		return *err
	}
	return ctx.Err()
}

func (p *pending) WriteAt(b []byte, off int64) (int, error) {
	if err := p.state(context.Background()); err != nil {
		return 0, err
	}
	n, err := p.f.WriteAt(b, off)
	if err != nil {
		return n, p.fail(err)
	}
	return n, nil
}

func (p *pending) ReadAt(b []byte, off int64) (int, error) {
	if err := p.state(context.Background()); err != nil {
		return 0, err
	}
	return p.f.ReadAt(b, off)
}

func (p *pending) Sync(ctx context.Context) error {
	if err := p.state(ctx); err != nil {
		return err
	}
	if err := p.flush(false); err != nil {
		return err
	}
	if !p.named {
		if err := p.s.syncFolder(p.id); err != nil {
			return p.fail(err)
		}
		p.named = true
	}
	return nil
}

// flush makes the bytes durable. After a failure the kernel may have dropped
// them and call them clean, so the file goes: no later try may find it whole.
func (p *pending) flush(metadata bool) error {
	sync := datasync
	if metadata {
		sync = (*os.File).Sync
	}
	if err := sync(p.f); err != nil {
		os.Remove(p.s.staged(p.id))
		return p.fail(err)
	}
	return nil
}

func (p *pending) Publish(ctx context.Context, size int64) error {
	if err := p.state(ctx); err != nil {
		return err
	}
	info, err := p.f.Stat()
	if err != nil {
		return p.fail(err)
	}
	if size <= 0 || info.Size() < size {
		return fmt.Errorf("disk: publish %d bytes of %v, %d are staged", size, p.id, info.Size())
	}
	cut := info.Size() > size
	if cut {
		if err := p.f.Truncate(size); err != nil {
			return p.fail(err)
		}
	}
	if err := p.flush(cut); err != nil {
		return err
	}
	if err := renameNew(p.s.staged(p.id), p.s.path(p.id)); errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w: %v", blob.ErrExists, p.id)
	} else if err != nil {
		return p.fail(err)
	}
	p.ended = true
	p.f.Close() // all is written: nothing that Close could still report
	if err := p.s.syncFolder(p.id); err != nil {
		os.Remove(p.s.path(p.id)) // not durable, so it must not count
		return p.fail(err)
	}
	return nil
}

func (p *pending) Abort(context.Context) error {
	if p.ended {
		return nil
	}
	p.ended = true
	p.f.Close()
	if err := os.Remove(p.s.staged(p.id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (p *pending) Close() error {
	if p.ended {
		return nil
	}
	p.ended = true
	return p.f.Close()
}

// kind gives a full disk the kind that people are told.
func kind(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return &coffer.Error{Kind: coffer.OverQuota, Code: "disk_full", Msg: "The disk of the server is full.", Err: err}
	}
	return err
}
