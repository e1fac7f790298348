package cred

import (
	"math"
	"os"
	"path"
	"runtime/debug"
	"strconv"
	"strings"
)

// slotBytes is how much of the memory limit allows one hash at a time: the
// block is 64 MiB, the rest of the server wants its share.
const slotBytes = 256 << 20

// Slots returns how many hashes may run at once: one per CPU and per 256 MiB of
// the memory limit, at least one. Where no limit is known (0) it is one: the
// server promises to stay under 128 MiB, and two blocks alone are that much
// (docs/decisions/0001-one-hash-at-a-time.md).
func Slots(cpus int, limit int64) int {
	return int(max(1, min(int64(cpus), limit/slotBytes)))
}

// MemoryLimit returns how many bytes this process may use: the smaller of
// GOMEMLIMIT and the limits of its control groups, 0 when there is none.
func MemoryLimit() int64 { return memoryLimit(debug.SetMemoryLimit(-1), os.ReadFile) }

func memoryLimit(soft int64, readFile func(string) ([]byte, error)) int64 {
	least := int64(math.MaxInt64)
	if soft > 0 {
		least = soft
	}
	groups, _ := readFile("/proc/self/cgroup") // missing outside Linux: no limit known
	for line := range strings.Lines(string(groups)) {
		// hierarchy:controllers:path, "0::/path" in version 2
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(f) != 3 {
			continue
		}
		root, file := "/sys/fs/cgroup", "memory.max"
		if f[1] == "memory" {
			root, file = "/sys/fs/cgroup/memory", "memory.limit_in_bytes"
		} else if f[1] != "" {
			continue
		}
		// Each group above limits too. In a container the path is often that of
		// the host, and the own group is mounted at the root.
		for dir := path.Clean("/" + f[2]); ; dir = path.Dir(dir) {
			b, _ := readFile(root + strings.TrimSuffix(dir, "/") + "/" + file)
			if n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64); err == nil && n > 0 {
				least = min(least, n)
			}
			if dir == "/" {
				break
			}
		}
	}
	if least > 1<<60 { // "no limit" of version 1 is a huge number
		return 0
	}
	return least
}
