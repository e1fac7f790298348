package files

import (
	"archive/zip"
	"context"
	"encoding/binary"
	"errors"
	"hash"
	"hash/crc32"
	"io"
	"math"
	"strings"
	"time"

	"coffer"
	"coffer/internal/db"
)

const (
	maxZipIDs     = 1000
	maxZipEntries = 100_000 // they are kept in memory while the archive is written
	maxZipPath    = math.MaxUint16
)

// Zip is an archive that is made while it is sent: stored, not compressed, so
// that its length is known beforehand.
type Zip struct {
	Name string // a file name for it
	Size int64  // bytes, exactly, when nothing is damaged

	v       *View
	entries []zipEntry
	passes  []pass // of the nodes asked for
	files   int64
	bytes   int64
}

type zipEntry struct {
	name     string // path, with / at the end for a folder
	node     coffer.ID
	version  coffer.ID // zero for a folder
	size     int64
	modified int64
}

// Zip prepares an archive of nodes with all below them.
func (v *View) Zip(ctx context.Context, ids []coffer.ID) (*Zip, error) {
	if len(ids) == 0 || len(ids) > maxZipIDs {
		return nil, coffer.E(coffer.Invalid, "invalid", "A ZIP file is made of 1 to 1,000 things.")
	}
	z := &Zip{v: v, Name: "Files.zip"}
	names, seen := zipNames{}, map[coffer.ID]bool{}
	for _, id := range ids {
		if seen[id] {
			continue
		}
		seen[id] = true
		err := v.look(ctx, id, coffer.Read, func(tx *db.Tx, p pass) error {
			z.passes = append(z.passes, p)
			if p.node.Name == "" {
				return z.below(tx, p, "", names)
			}
			return z.add(tx, p, "", names)
		})
		if err != nil {
			return nil, err
		}
	}
	if n := z.passes[0].node; len(z.passes) == 1 && n.Name != "" {
		z.Name = safeZipName(n.Name) + ".zip"
	}
	z.Size = zipSize(z.entries)
	return z, nil
}

// add adds the node of a pass, and what lies below, under a folder's path.
func (z *Zip) add(tx *db.Tx, p pass, under string, names zipNames) error {
	e := zipEntry{name: under + names.free(safeZipName(p.node.Name)), node: p.node.ID, size: p.node.Size, version: p.node.VersionID, modified: p.node.ChangedAt}
	if p.node.Kind == coffer.Folder {
		e.name, e.size, e.version = e.name+"/", 0, coffer.ID{}
	} else {
		z.files++
		z.bytes += e.size
	}
	switch {
	case len(z.entries) == maxZipEntries:
		return coffer.E(coffer.TooLarge, "too_many", "These are more than 100,000 files and folders: too many for one ZIP file. Choose fewer.")
	case len(e.name) > maxZipPath:
		return coffer.E(coffer.TooLarge, "too_deep", "The folders are nested too deep for a ZIP file.")
	}
	z.entries = append(z.entries, e)
	if p.node.Kind == coffer.File {
		return nil
	}
	return z.below(tx, p, e.name, zipNames{})
}

// zipPage is how many children are read at a time.
const zipPage = 1000

func (z *Zip) below(tx *db.Tx, p pass, under string, names zipNames) error {
	l := db.Listing{Parent: p.node.ID, Limit: zipPage}
	for {
		children, err := tx.Children(l, false)
		if err != nil {
			return err
		}
		for _, n := range children {
			at, err := p.child(n.Node)
			if err != nil {
				return err
			}
			if err := z.add(tx, at, under, names); err != nil {
				return err
			}
		}
		if len(children) < zipPage {
			return nil
		}
		at, err := tx.PositionOf(children[len(children)-1].Node, l.Sort)
		if err != nil {
			return err
		}
		l.After = &at
	}
}

// safeZipName replaces what Windows does not allow in names.
func safeZipName(name string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(`:*?"<>|`, r) {
			return '_'
		}
		return r
	}, name)
}

// zipNames are the name keys of one folder of the archive.
type zipNames map[string]bool

// free returns name, or the first free one that keeps both.
func (z zipNames) free(name string) string {
	for n, try := 2, name; ; n++ {
		if key := string(coffer.NameKey(try)); !z[key] {
			z[key] = true
			return try
		}
		try = coffer.KeepBothName(name, n)
	}
}

// The sizes of ZIP's records (APPNOTE 6.3.10, 4.3), as archive/zip writes them.
const (
	zipLocal       = 30
	zipDescriptor  = 16
	zipDescriptor8 = 24 // with sizes of 8 bytes
	zipCentral     = 46
	zipCentral8    = 28      // more, in its extra field
	zipEnd         = 22      //
	zipEnd8        = 56 + 20 // more: its 64-bit record and that one's locator
	zipTimeExtra   = 9
)

// zipSize computes the length of an archive.
func zipSize(entries []zipEntry) int64 {
	m := zipMeter{}
	for _, e := range entries {
		m.entry(len(e.name), e.size, e.version.IsZero())
	}
	return m.total()
}

// zipMeter counts the bytes of an archive entry by entry.
type zipMeter struct {
	offset, central, records int64
}

func (m *zipMeter) entry(name int, size int64, folder bool) {
	large := size >= math.MaxUint32
	m.central += zipCentral + int64(name) + zipTimeExtra
	if large || m.offset >= math.MaxUint32 {
		m.central += zipCentral8
	}
	m.offset += zipLocal + int64(name) + zipTimeExtra + size
	switch {
	case folder:
	case large:
		m.offset += zipDescriptor8
	default:
		m.offset += zipDescriptor
	}
	m.records++
}

func (m *zipMeter) total() int64 {
	t := m.offset + m.central + zipEnd
	if m.records >= math.MaxUint16 || m.central >= math.MaxUint32 || m.offset >= math.MaxUint32 {
		t += zipEnd8
	}
	return t
}

// zipHeader is what an entry's header says before its content is known.
func zipHeader(name string, modified int64, folder bool) *zip.FileHeader {
	t := time.UnixMilli(modified).UTC()
	h := &zip.FileHeader{Name: name, Method: zip.Store, Flags: 0x800, CreatorVersion: 20, ReaderVersion: 20} // 0x800: UTF-8
	h.SetModTime(t)                                                                                          //nolint:staticcheck // CreateRaw writes the old fields as they are
	h.Modified = time.Time{}
	// The extended timestamp of Info-ZIP: seconds in UTC.
	h.Extra = []byte{0x55, 0x54, 5, 0, 1, 0, 0, 0, 0}
	binary.LittleEndian.PutUint32(h.Extra[5:], uint32(t.Unix()))
	if folder {
		h.SetMode(0o755 | 1<<31) // os.ModeDir
	} else {
		h.SetMode(0o644)
		h.Flags |= 0x8 // sizes and sum follow the content
	}
	return h
}

// damagedFiles names the entry that tells what is damaged.
const damagedFiles = "DAMAGED FILES.txt"

// WriteTo writes the archive. After any error the transport must be cut. A
// damaged file ends with its last authentic byte and a wrong checksum, so that
// every program names it; the rest follows, then a list of the damaged files
// where it fits into Size, then the error: what is undamaged can be unpacked,
// and nobody takes the whole for good.
func (z *Zip) WriteTo(ctx context.Context, w io.Writer) error {
	z.record(ctx)
	return z.v.transfer(ctx, z.passes, func(ctx context.Context) error { return z.writeTo(ctx, w) })
}

func (z *Zip) writeTo(ctx context.Context, w io.Writer) error {
	out, m := zip.NewWriter(w), &zipMeter{}
	var damaged []string
	var first error
	for _, e := range z.entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := z.write(ctx, out, e)
		if err != nil && coffer.KindOf(err) != coffer.Corrupt {
			return err
		}
		if err != nil {
			damaged = append(damaged, e.name)
			if first == nil {
				first = err
			}
			z.v.s.log.Error("damaged file in a ZIP download", "request", z.v.p.RequestID, "node", e.node, "err", err)
		}
		m.entry(len(e.name), n, e.version.IsZero())
	}
	if len(damaged) > 0 {
		if err := z.tell(out, m, damaged); err != nil {
			return err
		}
	}
	if err := out.Close(); err != nil {
		return err
	}
	return first
}

// record tells who took what; a log that cannot be written stops no reader.
func (z *Zip) record(ctx context.Context) {
	acts := make([]act, len(z.passes))
	for i, p := range z.passes {
		acts[i] = act{action: "node.zipped", node: p.node.ID, detail: map[string]any{"name": p.node.Name, "files": z.files, "size": z.bytes}}
	}
	if err := z.v.record(context.WithoutCancel(ctx), z.passes[0], acts...); err != nil {
		z.v.s.log.Error("a download could not be recorded", "request", z.v.p.RequestID, "err", err)
	}
}

// write writes one entry and returns the bytes of its content that are in the
// archive; with a Corrupt error these are not all.
func (z *Zip) write(ctx context.Context, out *zip.Writer, e zipEntry) (int64, error) {
	h := zipHeader(e.name, e.modified, e.version.IsZero())
	if e.version.IsZero() {
		_, err := out.CreateRaw(h)
		return 0, err
	}
	c, _, openErr := z.v.open(ctx, e.node, e.version)
	if openErr != nil && coffer.KindOf(openErr) != coffer.Corrupt {
		return 0, openErr
	}
	raw, err := out.CreateRaw(h)
	if err != nil {
		return 0, errors.Join(err, closeIf(c))
	}
	sum := &summed{w: raw, crc: crc32.NewIEEE()}
	if err = openErr; err == nil {
		_, err = c.writeRange(ctx, sum, 0, e.size)
		err = errors.Join(err, c.Close())
	}
	check := sum.crc.Sum32()
	if err != nil {
		check = ^check
	}
	setZipSum(h, sum.n, check)
	return sum.n, err
}

// setZipSum tells what an entry's content came to. CreateRaw keeps the header
// and writes it behind the content and into the directory.
func setZipSum(h *zip.FileHeader, size int64, crc uint32) {
	h.CRC32, h.CompressedSize64, h.UncompressedSize64 = crc, uint64(size), uint64(size)
	small := uint32(min(size, math.MaxUint32))
	h.CompressedSize, h.UncompressedSize = small, small //nolint:staticcheck // CreateRaw writes the old fields while they suffice
}

func closeIf(c *Content) error {
	if c == nil {
		return nil
	}
	return c.Close()
}

// tell adds the list of damaged files, as much of it as the promised length
// has room for.
func (z *Zip) tell(out *zip.Writer, m *zipMeter, damaged []string) error {
	text := "These files are damaged on the server. Here they end where the damage begins:\r\n\r\n" + strings.Join(damaged, "\r\n") + "\r\n"
	name := damagedFiles
	for _, e := range z.entries {
		if strings.EqualFold(e.name, name) {
			name = "_" + name
		}
	}
	with := *m
	with.entry(len(name), 0, false)
	room := z.Size - with.total()
	if room <= 0 {
		return nil
	}
	text = text[:min(int64(len(text)), room)]
	h := zipHeader(name, z.passes[0].node.ChangedAt, false)
	setZipSum(h, int64(len(text)), crc32.ChecksumIEEE([]byte(text)))
	raw, err := out.CreateRaw(h)
	if err != nil {
		return err
	}
	_, err = io.WriteString(raw, text)
	return err
}

// summed counts and sums what passes.
type summed struct {
	w   io.Writer
	n   int64
	crc hash.Hash32
}

func (s *summed) Write(p []byte) (int, error) {
	n, err := s.w.Write(p)
	s.crc.Write(p[:n]) // never fails (hash.Hash)
	s.n += int64(n)
	return n, err
}
