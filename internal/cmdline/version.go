package cmdline

import (
	"fmt"
	"runtime/debug"
)

// Version is the version of the build, from the module's own record.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && (v == "" || v == "(devel)") {
			v = "devel-" + s.Value[:min(12, len(s.Value))]
		}
	}
	return v
}

// TellVersion is what "version" prints.
func (s Stdio) TellVersion(program string, asJSON bool) error {
	if asJSON {
		return s.JSON(map[string]string{"program": program, "version": Version()})
	}
	_, err := fmt.Fprintln(s.Out, program, Version())
	return err
}
