package main

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"coffer/internal/cmdline"
	"coffer/internal/keyring"
)

type keysExportCmd struct {
	Recipient []string `name:"recipient" required:"" sep:"none" placeholder:"AGE" help:"Who can open it: age1... or age1pq..., as age-keygen prints it. May be given several times."`
	Out       string   `name:"out" short:"o" required:"" placeholder:"FILE" help:"File to write; - is standard output."`
}

func (keysExportCmd) Help() string {
	return `Whoever has this file, one of the recipients' secrets and the data can read everything: keep it away from the data, and the secrets away from both. The age tool opens it too. Do it again after each rotation.

Examples:

  age-keygen -pq -o /media/usb/coffer-escrow.txt
  cofferd keys export --data /srv/coffer --recipient age1pq1... -o coffer-keys.age`
}

func (c keysExportCmd) Run(a *app) error {
	to, err := keyring.ParseRecipients(c.Recipient)
	if err != nil {
		return err
	}
	return a.withKeys(func(h *house) error {
		if c.Out == "-" {
			if err := h.keys.Export(a.ctx, a.std.Out, to); err != nil {
				return err
			}
			return h.keys.Exported(a.ctx)
		}
		f, err := os.OpenFile(c.Out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		err = h.keys.Export(a.ctx, f, to)
		if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
			return errors.Join(err, os.Remove(c.Out))
		}
		if err := h.keys.Exported(a.ctx); err != nil {
			return err
		}
		if a.opts.JSON {
			return a.std.JSON(map[string]any{"file": c.Out, "recipients": len(to)})
		}
		_, err = fmt.Fprintf(a.std.Out, "The keys are in %s, for %d recipients. Keep it away from the data.\n", cmdline.Printable(c.Out, false), len(to))
		return err
	})
}

type keysImportCmd struct {
	File     string `arg:"" name:"file" placeholder:"FILE" help:"The export, an age file."`
	Identity string `name:"identity" required:"" type:"path" placeholder:"FILE" help:"File of age-keygen with the secret of one of its recipients."`
}

func (keysImportCmd) Help() string {
	return `Put the database and the stored files back first. The master key file is written where --master-key says, master.key in the data folder by default; a file that is there is not replaced. Where the master key was at a key management server, a new key file is made and the KEKs are wrapped by it.

Examples:

  cofferd keys import --data /srv/coffer --identity /media/usb/coffer-escrow.txt coffer-keys.age`
}

func (c keysImportCmd) Run(a *app) error {
	e, err := readEscrow(c.File, c.Identity)
	if err != nil {
		return err
	}
	cfg, err := a.config()
	if err != nil {
		return err
	}
	if cfg.Key.Path == "" {
		return cmdline.Misuse("the keys are imported into a file: say where with --master-key file:PATH")
	}
	h, err := a.open(cfg, a.logger(slog.LevelWarn), purpose{keys: true, escrow: e.Provider()})
	if err != nil {
		return err
	}
	err = a.importKeys(h, e)
	if closing := h.close(); err == nil {
		err = closing
	}
	return err
}

// importKeys writes the master key file; the export has opened the keyring
// already.
func (a *app) importKeys(h *house, e *keyring.Escrow) error {
	path := h.cfg.Key.Path
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	write := func() error { return keyring.WriteFile(path, e.Master) }
	if e.Master == "" {
		write = func() error { return keyring.GenerateFile(path) }
	}
	if err := write(); errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("there is a master key file already, %s: move it away first, or name another place with --master-key", path)
	} else if err != nil {
		return err
	}
	m, err := keyring.OpenFile(path)
	if err != nil {
		return err
	}
	how := "opens this installation"
	if _, err := keyring.Open(a.ctx, h.db, m, h.install); err != nil {
		// It was wrapped by something that is not in the file.
		if _, err := h.keys.Rewrap(a.ctx, m); err != nil {
			return err
		}
		how = "opens this installation: the KEKs are wrapped by it now"
	}
	if a.opts.JSON {
		return a.std.JSON(map[string]any{"master_key": path})
	}
	_, err = fmt.Fprintf(a.std.Out, "The master key file %s %s.\n", cmdline.Printable(path, false), how)
	return err
}

// readEscrow opens an export of the keys.
func readEscrow(file, identity string) (*keyring.Escrow, error) {
	ids, err := os.Open(identity)
	if err != nil {
		return nil, err
	}
	defer ids.Close()
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return keyring.ReadEscrow(f, ids)
}
