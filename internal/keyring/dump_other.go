//go:build !linux

package keyring

// SetUndumpable does nothing on this system.
func SetUndumpable() error { return nil }
