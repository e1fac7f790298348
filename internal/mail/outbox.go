package mail

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
)

// Outbox writes letters into a folder instead of sending them, one .eml file
// each, for installations without a mail server. It is a Sender. The files hold
// codes and links in the clear: only the owner of the process may read them.
type Outbox struct {
	dir, from string
	log       *slog.Logger
}

// NewOutbox makes the folder (0700) if it is not there. log is told where each
// letter lies, never what stands in it.
func NewOutbox(dir, from string, log *slog.Logger) (*Outbox, error) {
	if !PlainAddress(from) {
		return nil, fmt.Errorf("mail: sender address %q cannot be used: write one like files@example.com", from)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("mail: outbox: %w", err)
	}
	return &Outbox{dir, from, log}, nil
}

// Send writes <dir>/<id>.eml, durable and whole or not at all. A letter that
// lies there already is written again.
func (o *Outbox) Send(ctx context.Context, m Message) error {
	msg, err := build(m, o.from)
	if err != nil {
		return err
	}
	path := filepath.Join(o.dir, m.ID+".eml")
	if err := write(path, func(f *os.File) error { _, err := msg.WriteTo(f); return err }); err != nil {
		return fmt.Errorf("mail: outbox: %w", err)
	}
	o.log.InfoContext(ctx, "e-mail written to the outbox; no mail server is set", "file", path)
	return nil
}

// write makes a file of mode 0600 by way of a temporary one beside it.
func write(path string, fill func(*os.File) error) (err error) {
	tmp := path + ".part"
	if err := os.Remove(tmp); err != nil && !os.IsNotExist(err) { // left by a crash
		return err
	}
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fs.FileMode(0o600))
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(tmp)
		}
	}()
	if err := fill(f); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}
