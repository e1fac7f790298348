package cmdline

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

var byteUnits = [...]string{"kB", "MB", "GB", "TB", "PB"}

// Bytes writes a size for people, in units of 1,000 as the web page does.
func Bytes(n int64) string {
	if n < 1000 {
		return fmt.Sprintf("%d bytes", n)
	}
	f, unit := float64(n)/1000, 0
	for f >= 999.95 && unit < len(byteUnits)-1 {
		f, unit = f/1000, unit+1
	}
	return fmt.Sprintf("%.1f %s", f, byteUnits[unit])
}

// ParseBytes reads a size as people write it: 1500000, 20GB, 1.5 TB, 512MiB.
func ParseBytes(s string) (int64, error) {
	number := strings.TrimRight(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ ")
	unit := strings.ToLower(strings.TrimSpace(s[len(number):]))
	wrong := Misuse("%q is not a size: write 1500000, 20GB, 1.5TB or 512MiB", s)
	scale := 1.0
	if unit != "" && unit != "b" {
		base := 1000.0
		short, binary := strings.CutSuffix(unit, "ib")
		if binary {
			base = 1024
		} else {
			short = strings.TrimSuffix(unit, "b")
		}
		power := strings.Index("kmgtp", short)
		if power < 0 || len(short) != 1 {
			return 0, wrong
		}
		scale = math.Pow(base, float64(power+1))
	}
	f, err := strconv.ParseFloat(number, 64)
	if err != nil || math.IsNaN(f) || f < 0 || f*scale >= 1<<53 {
		return 0, wrong
	}
	return int64(math.Round(f * scale)), nil
}
