//go:build unix

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"coffer/internal/cmdline"
)

// lock is held on a data folder by the one process that may change its
// schema or serve it. The system lets go of it when the process ends, however
// it ends.
type lock struct{ f *os.File }

// lockFolder takes the lock, or says who has it.
func lockFolder(data string) (*lock, error) {
	return lockFile(filepath.Join(data, "coffer.lock"), fmt.Sprintf("the data folder %s is in use by %%s. Stop that server first, or name another folder with --data", data))
}

// lockKeysFile is lockKeys where the folder holds the database too.
func lockKeysFile(data string) (*lock, error) {
	return lockFile(filepath.Join(data, "keys.lock"), "the keys are being changed by %s. Wait until it has ended, then say it again")
}

func lockFile(path, busy string) (*lock, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	for range 10 { // one that only looks whether a server lives lets go at once
		if err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); !errors.Is(err, syscall.EWOULDBLOCK) {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if errors.Is(err, syscall.EWOULDBLOCK) {
		holder, _ := io.ReadAll(io.LimitReader(f, 100))
		f.Close()
		who := strings.TrimSpace(string(holder))
		if who == "" {
			who = "another process"
		}
		return nil, &cmdline.ExitError{Code: exitLocked, Err: fmt.Errorf(busy, who)}
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("locking %s: %w", path, err)
	}
	// For the message of whoever comes later.
	if err := f.Truncate(0); err == nil {
		fmt.Fprintf(f, "cofferd, process %d\n", os.Getpid())
	}
	return &lock{f}, nil
}

// Close lets go. The file stays: removing it would let two processes lock two
// files of one name.
func (l *lock) Close() error { return l.f.Close() }
