package files

import (
	"archive/zip"
	"fmt"
	"math"
	"testing"
)

// counter counts bytes; content of zeros is never looked at.
type counter struct{ n int64 }

func (c *counter) Write(p []byte) (int, error) { c.n += int64(len(p)); return len(p), nil }

// TestZipSizeExact writes archives with the same headers as WriteTo and wants
// the computed size to the byte: also where sizes, offsets or the number of
// entries need ZIP64.
func TestZipSizeExact(t *testing.T) {
	many := make([]zipEntry, 0, math.MaxUint16+1)
	for i := range math.MaxUint16 + 1 {
		many = append(many, file(fmt.Sprint(i), 0))
	}
	zeros := make([]byte, 1<<20)
	const giB4 = 1 << 32
	for name, entries := range map[string][]zipEntry{
		"nothing":           nil,
		"small":             {dir("d/"), file("d/a", 5), file("d/ä", 0)},
		"65534 entries":     many[:math.MaxUint16-1],
		"65535 entries":     many[:math.MaxUint16],
		"65536 entries":     many,
		"4 GiB - 2":         {file("a", giB4-2), file("b", 1)},
		"4 GiB - 1":         {file("a", giB4-1), file("b", 1)},
		"5 GiB":             {file("a", 5<<30), dir("d/"), file("d/b", 1)},
		"far offsets":       {file("a", 3<<30), file("b", 3<<30), dir("d/"), file("c", 1)},
		"offset just below": {file("a", giB4-1-1-zipLocal-zipTimeExtra-1-zipDescriptor), file("b", 1)},
		"offset just there": {file("a", giB4-1-zipLocal-zipTimeExtra-1-zipDescriptor), file("b", 1)},
	} {
		t.Run(name, func(t *testing.T) {
			c := &counter{}
			w := zip.NewWriter(c)
			for _, e := range entries {
				folder := e.version.IsZero()
				h := zipHeader(e.name, e.modified, folder)
				raw, err := w.CreateRaw(h)
				if err != nil {
					t.Fatal(err)
				}
				if !folder {
					setZipSum(h, e.size, 0)
				}
				for left := e.size; left > 0; {
					n, err := raw.Write(zeros[:min(left, int64(len(zeros)))])
					if left -= int64(n); err != nil {
						t.Fatal(err)
					}
				}
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			if got := zipSize(entries); got != c.n {
				t.Errorf("computed %d bytes, written %d", got, c.n)
			}
		})
	}
}

func file(name string, size int64) zipEntry {
	e := zipEntry{name: name, size: size, modified: 1e12}
	e.version[0] = 1
	return e
}

func dir(name string) zipEntry { return zipEntry{name: name, modified: 1e12} }
