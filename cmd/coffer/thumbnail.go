package main

import (
	"fmt"
	"os"

	"coffer/internal/cmdline"
	"coffer/internal/wire"
)

type thumbnailCmd struct {
	Output string `name:"output" short:"o" required:"" placeholder:"LOCAL" help:"File to write, replaced if it is there; - is standard output."`
	Size   int    `name:"size" enum:"256,1024" default:"256" help:"Longest side in pixels: 256 or 1024."`
	Remote string `arg:"" help:"The picture."`
}

func (thumbnailCmd) Help() string {
	return `The server makes it of PNG, JPEG, GIF and WebP files: a JPEG, turned upright,
without metadata. A file that shows nothing, or a picture that is broken or too
large, has none: exit code 4.

Examples:

  coffer thumbnail /Photos/fjord.jpg -o fjord-small.jpg
  coffer thumbnail --size 1024 /Photos/fjord.jpg -o - | display`
}

func (c thumbnailCmd) Run(a *app) error {
	cl, n, err := a.find(c.Remote)
	if err != nil {
		return err
	}
	if isFolder(n) {
		return cmdline.Misuse("%s is a folder: only a file can have a small picture", c.Remote)
	}
	b, err := cl.Thumbnail(a.ctx, n, c.Size)
	if err != nil {
		return at(c.Remote, err)
	}
	if c.Output == "-" {
		_, err = a.std.Out.Write(b)
		return err
	}
	if err := os.WriteFile(c.Output, b, 0o666); err != nil { //nolint:gosec // G306: like any file that a person makes; the umask decides
		return err
	}
	return c.tell(a, n, len(b))
}

func (c thumbnailCmd) tell(a *app, n wire.Node, size int) error {
	switch {
	case a.opts.JSON:
		return a.std.JSON(map[string]any{"id": n.ID, "remote": c.Remote, "local": c.Output, "bytes": size})
	case a.opts.Quiet:
		return nil
	}
	_, err := fmt.Fprintf(a.std.Out, "%s: %d bytes in %s\n", cmdline.Printable(c.Remote, false), size, cmdline.Printable(c.Output, false))
	return err
}
