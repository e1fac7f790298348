//go:build unix

package keyring

import (
	"fmt"
	"os"
	"syscall"
)

// keepOwner gives a new file the owner of the one it is to replace: root must
// not take the key file away from the user that the server runs as.
func keepOwner(file, replaced string) error {
	info, err := os.Stat(replaced)
	if err != nil {
		return err
	}
	was, ok := info.Sys().(*syscall.Stat_t)
	if !ok || int(was.Uid) == os.Geteuid() && int(was.Gid) == os.Getegid() {
		return nil
	}
	if err := os.Chown(file, int(was.Uid), int(was.Gid)); err != nil {
		return fmt.Errorf("keyring: the key file belongs to another user, who must change it: %w", err)
	}
	return nil
}
