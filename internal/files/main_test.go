package files_test

import (
	"flag"
	"os"
	"testing"
)

// soak reports whether the full counts are asked for.
func soak() bool { return os.Getenv("COFFER_SOAK") == "1" }

func TestMain(m *testing.M) {
	flag.Parse()
	set := false
	flag.Visit(func(f *flag.Flag) { set = set || f.Name == "rapid.checks" })
	if !soak() && !set {
		if err := flag.Set("rapid.checks", "4"); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}
