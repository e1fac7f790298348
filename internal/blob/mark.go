package blob

import "coffer"

// The sentences about a store that is not ours are the same for all stores;
// where names it in the operator's words.

// NoMark is the error for a store without the mark that it must have.
func NoMark(where string) error {
	return coffer.E(coffer.Internal, "store_unmarked", "There is no mark of this installation in "+where+
		". Is the volume mounted, and is it the right folder? Nothing was changed.")
}

// NotEmpty is the error for a new store that holds data already.
func NotEmpty(where string) error {
	return coffer.E(coffer.Internal, "store_not_empty", "There are blobs in "+where+
		" but no mark tells whose they are. A new installation needs an empty folder. Nothing was changed.")
}

// CheckMark compares the mark that was found with the installation.
func CheckMark(found, install coffer.ID) error {
	if found != install {
		return coffer.E(coffer.Internal, "store_foreign", "The blobs belong to installation "+found.String()+
			", this one is "+install.String()+". Is it the right folder, or the wrong database? Nothing was changed.")
	}
	return nil
}
