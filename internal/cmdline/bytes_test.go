package cmdline_test

import (
	"testing"

	"coffer/internal/cmdline"
)

func TestBytes(t *testing.T) {
	for in, want := range map[string]int64{
		"0": 0, "1500000": 1500000, "12 b": 12, "20GB": 20e9, "20 gb": 20e9, "20G": 20e9, "1.5TB": 15e11, "512MiB": 512 << 20, "1kib": 1024, "0.5 kB": 500,
		"": -1, "x": -1, "GB": -1, "-1": -1, "-1GB": -1, "1EB": -1, "1 xB": -1, "1kmB": -1, "nan": -1, "inf": -1, "9008PB": -1, "1e3": 1000, "1GB2": -1,
	} {
		got, err := cmdline.ParseBytes(in)
		if (err == nil) != (want >= 0) || err == nil && got != want {
			t.Errorf("%q is %d, %v; want %d", in, got, err, want)
		}
	}
	for n, want := range map[int64]string{0: "0 bytes", 999: "999 bytes", 1000: "1.0 kB", 999_949: "999.9 kB", 999_950: "1.0 MB", 20e9: "20.0 GB", 9e15: "9.0 PB"} {
		if got := cmdline.Bytes(n); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
}
