package keyring

import (
	"errors"

	"golang.org/x/sys/unix"
)

// SetUndumpable keeps this process, which holds keys, out of core dumps and
// away from debuggers of the same user. To be called first thing. Where the
// system has no such switch it does nothing.
func SetUndumpable() error {
	return errors.Join(
		unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0),
		unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}),
	)
}
