package coffer

import "fmt"

// BytesText writes a size for people, in units of 1,000.
func BytesText(n int64) string {
	if n < 1000 {
		return fmt.Sprintf("%d bytes", n)
	}
	f, unit := float64(n)/1000, 0
	units := [...]string{"kB", "MB", "GB", "TB", "PB", "EB"}
	for f >= 999.95 && unit < len(units)-1 {
		f, unit = f/1000, unit+1
	}
	return fmt.Sprintf("%.1f %s", f, units[unit])
}
