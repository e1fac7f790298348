package main

import (
	"fmt"
	"time"

	"coffer/internal/client"
	"coffer/internal/cmdline"
	"coffer/internal/wire"
)

type versionsCmd struct {
	Ls      versionsLsCmd      `cmd:"" help:"List the versions of a file, newest first."`
	Restore versionsRestoreCmd `cmd:"" help:"Make an older version the present content, as a new version."`
	Keep    versionsKeepCmd    `cmd:"" help:"Keep a version for ever, whatever the server's rule says."`
	Release versionsReleaseCmd `cmd:"" help:"Keep a version no longer than the rule says."`
	Rm      versionsRmCmd      `cmd:"" help:"Delete an older version for ever."`
}

type versionsLsCmd struct {
	Remote string `arg:"" help:"The file."`
}

func (versionsLsCmd) Help() string {
	return "A * marks the present content, \"kept\" a version that no rule removes.\n\nExamples:\n\n  coffer versions ls /Docs/report.docx\n  coffer versions ls --json /Docs/report.docx"
}

func (c versionsLsCmd) Run(a *app) error {
	cl, n, err := a.find(c.Remote)
	if err != nil {
		return err
	}
	all, err := cl.Versions(a.ctx, n.ID)
	if err != nil {
		return at(c.Remote, err)
	}
	for _, v := range all {
		if a.opts.JSON {
			err = a.std.JSON(v)
		} else {
			mark, kept, who := " ", "", ""
			if v.Current {
				mark = "*"
			}
			if v.Keep {
				kept = "  kept"
			}
			if v.CreatedBy != nil {
				who = cmdline.Printable(v.CreatedBy.Name, false)
			}
			_, err = fmt.Fprintf(a.std.Out, "%s %5d  %14d  %s  %s%s\n", mark, v.Number, v.Size, time.UnixMilli(v.CreatedAt).Format("2006-01-02 15:04"), who, kept)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// oneVersion is which version of which file.
type oneVersion struct {
	Remote string `arg:"" help:"The file."`
	Number int64  `arg:"" help:"Number of the version, as \"versions ls\" tells."`
}

// with finds the version and does something with it.
func (o oneVersion) with(a *app, do func(cl *client.Client, file wire.Node, v wire.Version) error) error {
	cl, n, err := a.find(o.Remote)
	if err != nil {
		return err
	}
	all, err := cl.Versions(a.ctx, n.ID)
	if err != nil {
		return at(o.Remote, err)
	}
	for _, v := range all {
		if v.Number == o.Number {
			return do(cl, n, v)
		}
	}
	return cmdline.Misuse("%s has no version %d", o.Remote, o.Number)
}

// tell prints what was done.
func (o oneVersion) tell(a *app, result any, format string, args ...any) error {
	if a.opts.JSON {
		return a.std.JSON(result)
	}
	if a.opts.Quiet {
		return nil
	}
	_, err := fmt.Fprintf(a.std.Out, format+"\n", args...)
	return err
}

type versionsRestoreCmd struct{ oneVersion }

func (versionsRestoreCmd) Help() string {
	return "Nothing is removed: the older content becomes the newest version.\n\nExamples:\n\n  coffer versions restore /Docs/report.docx 5"
}

func (c versionsRestoreCmd) Run(a *app) error {
	return c.with(a, func(cl *client.Client, file wire.Node, v wire.Version) error {
		n, err := cl.RestoreVersion(a.ctx, file.ID, v.ID)
		if err != nil {
			return at(c.Remote, err)
		}
		return c.tell(a, n, "Version %d becomes version %d. Nothing is removed.", v.Number, n.Number)
	})
}

type versionsKeepCmd struct{ oneVersion }

func (versionsKeepCmd) Help() string {
	return "Examples:\n\n  coffer versions keep /Docs/report.docx 5"
}

func (c versionsKeepCmd) Run(a *app) error {
	return c.with(a, func(cl *client.Client, file wire.Node, v wire.Version) error {
		v, err := cl.KeepVersion(a.ctx, file.ID, v.ID, true)
		if err != nil {
			return at(c.Remote, err)
		}
		return c.tell(a, v, "Version %d is kept for ever.", v.Number)
	})
}

type versionsReleaseCmd struct{ oneVersion }

func (versionsReleaseCmd) Help() string {
	return "Examples:\n\n  coffer versions release /Docs/report.docx 5"
}

func (c versionsReleaseCmd) Run(a *app) error {
	return c.with(a, func(cl *client.Client, file wire.Node, v wire.Version) error {
		v, err := cl.KeepVersion(a.ctx, file.ID, v.ID, false)
		if err != nil {
			return at(c.Remote, err)
		}
		return c.tell(a, v, "Version %d is kept as long as the rule says.", v.Number)
	})
}

type versionsRmCmd struct{ oneVersion }

func (versionsRmCmd) Help() string {
	return "This cannot be undone. The present content cannot be deleted this way.\n\nExamples:\n\n  coffer versions rm /Docs/report.docx 2"
}

func (c versionsRmCmd) Run(a *app) error {
	return c.with(a, func(cl *client.Client, file wire.Node, v wire.Version) error {
		erased, err := cl.DeleteVersion(a.ctx, file.ID, v.ID)
		if err != nil {
			return at(c.Remote, err)
		}
		return c.tell(a, erased, "Version %d is deleted for ever. Backups keep nothing of it after %s.", v.Number, time.UnixMilli(erased.FinalAt).Format(time.DateOnly))
	})
}
