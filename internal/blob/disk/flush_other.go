//go:build !linux

package disk

import "os"

func datasync(f *os.File) error { return f.Sync() }

// renameNew renames a file, never over another one.
func renameNew(from, to string) error { return linkNew(from, to) }
