package disk

import "os"

// linkNew is a rename that cannot replace, where the system has none. A crash
// in between leaves both names; Delete removes both.
func linkNew(from, to string) error {
	if err := os.Link(from, to); err != nil {
		return err
	}
	return os.Remove(from)
}
