//go:build unix

package main

import (
	"os"
	"syscall"
)

// claim takes a file of this user for this process, until it is closed. It
// reports false when another process has it, or it is another user's.
func claim(f *os.File) bool {
	info, err := f.Stat()
	if err != nil {
		return false
	}
	if s, ok := info.Sys().(*syscall.Stat_t); ok && int(s.Uid) != os.Geteuid() {
		return false
	}
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
}
