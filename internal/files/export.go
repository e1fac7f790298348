package files

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"coffer"
	"coffer/internal/db"
	"coffer/internal/seal"
)

// ExportOptions says what an export holds. The zero value is all that lives.
type ExportOptions struct {
	Space    coffer.ID // only this space
	Email    string    // only the space of this person
	Versions bool      // older contents, too
	Trash    bool      // what is in the trash, too
}

// Export gives out everything that is stored, to whoever holds the master key
// and the data: it is the way to get files back without a server. It needs no
// more than a database opened to be read, and records nothing.
type Export struct {
	s *Service
	o ExportOptions
}

// ExportSpace is a space with whose it is.
type ExportSpace struct {
	coffer.Space
	Email string // of the owner of a personal space, "" when the account is gone
}

// ExportEntry is a folder, or one content of a file.
type ExportEntry struct {
	Name      string    // as sent
	Parent    int       // index of the folder it is in, -1: the top
	Node      coffer.ID // zero for the folder that stands for the trash
	Version   coffer.ID // zero for a folder
	Older     int64     // number of an older version, 0 for the current one
	Size      int64
	ChangedAt int64
}

// Folder reports whether the entry is one.
func (e ExportEntry) Folder() bool { return e.Version.IsZero() }

// ExportTrash is the name of the folder at the top that stands for the trash.
const ExportTrash = "Trash"

// exportPage is how many children are read at a time.
const exportPage = 1000

// Export returns what the server itself may take out. Anyone else is answered
// coffer.ErrNotFound.
func (s *Service) Export(p coffer.Principal, o ExportOptions) (*Export, error) {
	if p.Kind != coffer.SystemKind {
		return nil, coffer.ErrNotFound
	}
	return &Export{s, o}, nil
}

// Spaces returns the spaces that were asked for, in order of id, without those
// that are deleted for ever. It is coffer.ErrNotFound when one was named that
// is not there.
func (x *Export) Spaces(ctx context.Context) (all []ExportSpace, err error) {
	err = x.s.inspect(ctx, func(tx *db.Tx) error {
		all = nil
		for after := (coffer.ID{}); ; {
			page, err := tx.Spaces(after, exportPage)
			if err != nil {
				return err
			}
			for _, s := range page {
				after = s.ID
				if err := x.space(tx, s, &all); err != nil {
					return err
				}
			}
			if len(page) < exportPage {
				return nil
			}
		}
	})
	if err == nil && len(all) == 0 && (x.o.Email != "" || !x.o.Space.IsZero()) {
		err = coffer.ErrNotFound
	}
	return all, err
}

func (x *Export) space(tx *db.Tx, s coffer.Space, all *[]ExportSpace) error {
	if !x.o.Space.IsZero() && s.ID != x.o.Space || s.GivenUp() {
		return nil
	}
	owner, err := tx.User(s.OwnerID)
	if err != nil && !errors.Is(err, coffer.ErrNotFound) || x.o.Email != "" && owner.Email != x.o.Email {
		return err
	}
	root, err := tx.Place(s.RootID, coffer.ID{})
	switch {
	case errors.Is(err, coffer.ErrNotFound): // damage: Tree says so
	case err != nil:
		return err
	case root.Doomed:
		return nil
	}
	*all = append(*all, ExportSpace{s, owner.Email})
	return nil
}

// Tree lists one space as it is at one moment: each entry behind the folder
// that it is in, all entries of a folder together, current contents first. A
// file whose row names no content has an entry all the same; opening it fails.
// A space without its root is coffer.Corrupt.
func (x *Export) Tree(ctx context.Context, space coffer.Space) (list []ExportEntry, err error) {
	err = x.s.inspect(ctx, func(tx *db.Tx) error {
		list = nil
		if _, err := tx.Node(space.RootID); errors.Is(err, coffer.ErrNotFound) {
			return exportDamage("The top folder of this space is missing.", nil)
		} else if err != nil {
			return err
		}
		if err := x.children(tx, space.RootID, -1, &list); err != nil {
			return err
		}
		if x.o.Trash {
			if err := x.trash(tx, space, &list); err != nil {
				return err
			}
		}
		for i := 0; i < len(list); i++ {
			if list[i].Folder() && !list[i].Node.IsZero() { // the trash is filled already
				if err := x.children(tx, list[i].Node, i, &list); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return list, err
}

// children adds what lives in a folder, and older versions behind it.
func (x *Export) children(tx *db.Tx, folder coffer.ID, at int, list *[]ExportEntry) error {
	from := len(*list)
	for after := (coffer.ID{}); ; {
		page, err := tx.ChildrenByID(folder, after, exportPage)
		if err != nil {
			return err
		}
		for _, n := range page {
			after = n.ID
			*list = append(*list, exportEntry(n, at))
		}
		if len(page) < exportPage {
			return x.older(tx, from, list)
		}
	}
}

// trash adds the folder that stands for the trash and what lies in it.
func (x *Export) trash(tx *db.Tx, space coffer.Space, list *[]ExportEntry) error {
	at := len(*list)
	*list = append(*list, ExportEntry{Name: ExportTrash, Parent: -1, ChangedAt: space.CreatedAt})
	var last coffer.Node
	for {
		page, err := tx.Trash(space.ID, last.TrashedAt, last.ID, exportPage)
		if err != nil {
			return err
		}
		for _, n := range page {
			last = n
			*list = append(*list, exportEntry(n, at))
		}
		if len(page) < exportPage {
			return x.older(tx, at+1, list)
		}
	}
}

// older adds the older versions of the files in list[from:].
func (x *Export) older(tx *db.Tx, from int, list *[]ExportEntry) error {
	if !x.o.Versions {
		return nil
	}
	for _, e := range (*list)[from:] {
		if e.Folder() {
			continue
		}
		versions, err := tx.VersionsOf(e.Node)
		if err != nil {
			return err
		}
		for _, v := range versions {
			if v.ID != e.Version {
				*list = append(*list, ExportEntry{Name: e.Name, Parent: e.Parent, Node: e.Node, Version: v.ID, Older: v.Number, Size: v.Size, ChangedAt: v.CreatedAt})
			}
		}
	}
	return nil
}

// noVersion is the version of a file whose row names none.
var noVersion = coffer.ID{15: 1}

func exportEntry(n coffer.Node, at int) ExportEntry {
	e := ExportEntry{Name: n.Name, Parent: at, Node: n.ID, ChangedAt: n.ChangedAt}
	if n.Kind == coffer.File {
		e.Version, e.Size = n.VersionID, n.Size
		if e.Version.IsZero() {
			e.Version = noVersion
		}
	}
	return e
}

// Open opens the content of an entry; Close it. Whatever is wrong with what is
// stored is coffer.Corrupt, keys and rows that are missing included.
func (x *Export) Open(ctx context.Context, e ExportEntry) (*Content, error) {
	c := &Content{record: func() {}}
	err := x.s.inspect(ctx, func(tx *db.Tx) error {
		ver, err := tx.Version(e.Node, e.Version)
		if err != nil {
			return err
		}
		c.Version = ver.Version
		c.dek, err = x.s.openVersion(tx, ver)
		return err
	})
	switch {
	case errors.Is(err, coffer.ErrNotFound):
		return nil, exportDamage("The record of this content, or its key, is missing.", err)
	case err != nil:
		return nil, err
	case c.dek.Size != c.Version.Size:
		c.dek.Key.Clear()
		return nil, exportDamage(fmt.Sprintf("The database says that it has %d bytes, its key %d.", c.Version.Size, c.dek.Size), nil)
	}
	if c.dek.Digest == seal.FileSHA256 {
		c.SHA256 = c.dek.Sum[:]
	}
	if c.r, err = x.s.openBlob(ctx, c.Version.BlobID, c.dek); err != nil {
		c.dek.Key.Clear()
		if coffer.KindOf(err) == coffer.Busy {
			return nil, err // all of them would look lost
		}
		return nil, unreadable(ctx, err)
	}
	return c, nil
}

// WriteAll writes the whole content to w. It is coffer.Corrupt when not all of
// it can be read and authenticated, or when it has not the SHA-256 of its
// record; what w has got then is not the file. An error of w comes back as it
// is.
func (c *Content) WriteAll(ctx context.Context, w io.Writer) error {
	sum := sha256.New()
	out := &taker{w: io.MultiWriter(w, sum)}
	_, err := c.r.WriteRangeTo(ctx, out, 0, c.Version.Size)
	switch {
	case out.err != nil:
		return out.err
	case err != nil:
		return unreadable(ctx, err)
	case c.SHA256 != nil && !bytes.Equal(sum.Sum(nil), c.SHA256):
		return exportDamage("Its content is not what its SHA-256 says.", nil)
	}
	return nil
}

// taker remembers the error of a writer, to tell it from one of the reader.
type taker struct {
	w   io.Writer
	err error
}

func (t *taker) Write(p []byte) (int, error) {
	n, err := t.w.Write(p)
	t.err = err
	return n, err
}

// unreadable makes an error of reading stored bytes a damage of the file: a
// disk that fails is one, too. An interruption stays what it is.
func unreadable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return err
	}
	if e, ok := errors.AsType[*coffer.Error](err); ok && e.Kind == coffer.Corrupt {
		return exportDamage("The stored content is damaged.", e.Err)
	}
	return exportDamage("The stored content cannot be read.", err)
}

func exportDamage(msg string, cause error) error {
	return &coffer.Error{Kind: coffer.Corrupt, Code: "damaged", Msg: msg, Err: cause}
}
