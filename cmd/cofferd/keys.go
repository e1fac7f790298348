package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"time"

	"coffer"
	"coffer/internal/cmdline"
	"coffer/internal/config"
	"coffer/internal/db"
	"coffer/internal/keyring"
	"coffer/internal/server"
)

type keysCmd struct {
	List    keysListCmd    `cmd:"" help:"Show the keys, what needs each, and running rotations."`
	Rotate  keysRotateCmd  `cmd:"" help:"Replace keys by new ones, while people work."`
	Migrate keysMigrateCmd `cmd:"" help:"Move the master key to another place."`
	Retire  keysRetireCmd  `cmd:"" help:"Remove keys that were replaced and that nothing needs any more."`
	Export  keysExportCmd  `cmd:"" help:"Write the keys as an age file, to be kept away from the data."`
	Import  keysImportCmd  `cmd:"" help:"Make this host open the data again, from an export."`
}

// withKeys opens the installation for work on its keys, beside a running
// server too.
func (a *app) withKeys(do func(h *house) error) error { return a.withHouse(purpose{}, do) }

func (a *app) withHouse(why purpose, do func(h *house) error) error {
	cfg, err := a.config()
	if err != nil {
		return err
	}
	h, err := a.open(cfg, a.logger(slog.LevelWarn), why)
	if err != nil {
		return err
	}
	err = do(h)
	if closing := h.close(); err == nil {
		err = closing
	}
	return err
}

// changingKeys is withKeys for one process at a time, on all hosts.
func (a *app) changingKeys(do func(h *house) error) error {
	return a.withHouse(purpose{keys: true}, do)
}

type keysListCmd struct{}

func (keysListCmd) Help() string {
	return `The master key wraps a few key-encryption keys (KEKs); a KEK seals passwords, waiting mails and the keys of spaces; the key of a space seals the keys of its files. docs/keys.md tells when to replace which.

Examples:

  cofferd keys list --data /srv/coffer
  cofferd keys list --data /srv/coffer --json`
}

type keyListing struct {
	MasterKeys []string       `json:"master_keys"` // ids at hand, the active one first
	KEKs       []kekListing   `json:"keks"`
	Rotations  []rotationLine `json:"rotations"`
	Exported   *time.Time     `json:"exported"` // last export; null: never
	Current    bool           `json:"export_is_current"`
}

type kekListing struct {
	Version   uint32           `json:"version"`
	Active    bool             `json:"active"`
	Created   time.Time        `json:"created"`
	Provider  string           `json:"provider"`
	MasterKey string           `json:"master_key"`
	Needed    map[string]int64 `json:"needed_by"`
}

type rotationLine struct {
	What    string     `json:"what"`
	Done    int64      `json:"done"`
	Total   int64      `json:"total"`
	Started time.Time  `json:"started"`
	Ended   *time.Time `json:"ended"`
}

func (keysListCmd) Run(a *app) error {
	return a.withKeys(func(h *house) error {
		l, err := h.listKeys(a.ctx)
		if err != nil {
			return err
		}
		if a.opts.JSON {
			return a.std.JSON(l)
		}
		return l.print(a.std)
	})
}

func (h *house) listKeys(ctx context.Context) (l keyListing, err error) {
	l = keyListing{MasterKeys: []string{}, Rotations: []rotationLine{}}
	if m, ok := h.master.(*keyring.MasterKeys); ok {
		l.MasterKeys = m.IDs()
	}
	state, err := h.keys.State(ctx)
	if err != nil {
		return l, err
	}
	for _, k := range state {
		line := kekListing{Version: k.Version, Active: k.Active, Created: time.UnixMilli(k.CreatedAt), Provider: k.Provider, MasterKey: k.KeyRef, Needed: map[string]int64{}}
		for _, u := range k.Uses {
			line.Needed[u.Column] = u.Count
		}
		l.KEKs = append(l.KEKs, line)
	}
	var story []db.Rotation
	if err := h.db.View(ctx, func(tx *db.Tx) (err error) { story, err = tx.Rotations(); return err }); err != nil {
		return l, err
	}
	for _, r := range story {
		l.Rotations = append(l.Rotations, rotationLine{r.What, r.Done, r.Total, time.UnixMilli(r.StartedAt), timeOrNil(r.EndedAt)})
	}
	at, current, err := h.keys.EscrowState(ctx)
	l.Exported, l.Current = timeOrNil(at), current
	return l, err
}

func timeOrNil(ms int64) *time.Time {
	if ms == 0 {
		return nil
	}
	t := time.UnixMilli(ms)
	return &t
}

func (l keyListing) print(std cmdline.Stdio) error {
	w := &failing{w: std}
	for i, id := range l.MasterKeys {
		state := "only opens what it wrapped before"
		if i == 0 {
			state = "active"
		}
		w.printf("master key %s: %s\n", id, state)
	}
	for _, k := range l.KEKs {
		state := "replaced"
		if k.Active {
			state = "active"
		}
		w.printf("KEK %d: %s, made %s, wrapped by %s %s", k.Version, state, k.Created.Format(time.DateOnly), k.Provider, k.MasterKey)
		columns := make([]string, 0, len(k.Needed))
		for c := range k.Needed {
			columns = append(columns, c)
		}
		slices.Sort(columns)
		for i, c := range columns {
			sep := ", "
			if i == 0 {
				sep = "; needed by "
			}
			w.printf("%s%d of %s", sep, k.Needed[c], c)
		}
		w.printf("\n")
	}
	for _, r := range l.Rotations {
		if r.Ended != nil {
			w.printf("last rotation of %s: ended %s, %d records sealed again\n", r.What, r.Ended.Format(time.DateTime), r.Done)
		} else {
			w.printf("rotation of %s goes on since %s: %d records sealed again, %d were to be\n", r.What, r.Started.Format(time.DateTime), r.Done, r.Total)
		}
	}
	switch {
	case l.Exported == nil:
		w.printf("The keys were never exported. Do it now: cofferd keys export --help\n")
	case !l.Current:
		w.printf("The last export, of %s, does not hold the present keys. Export them again.\n", l.Exported.Format(time.DateOnly))
	default:
		w.printf("Exported %s.\n", l.Exported.Format(time.DateOnly))
	}
	return w.err
}

type keysRotateCmd struct {
	KEK   bool   `name:"kek" xor:"what" help:"Replace the key-encryption key and seal again what it sealed."`
	Space string `name:"space" xor:"what" placeholder:"ID" help:"Replace the key of this space and seal the keys of its files again."`
	All   bool   `name:"all" xor:"what" help:"The master key, the KEK, and the keys of all spaces."`
}

func (keysRotateCmd) Help() string {
	return `Without a flag the master key is replaced: a new one is put in front of the master key file (or made at the key management server), and the KEKs are wrapped by it.

People work on meanwhile, stored files are not touched. Whatever interrupts it: say it again, or let the server end it.

Old keys stay until "keys retire". Export the keys afterwards.

Examples:

  cofferd keys rotate --data /srv/coffer
  cofferd keys rotate --data /srv/coffer --kek
  cofferd keys rotate --data /srv/coffer --space 01hx...
  cofferd keys rotate --data /srv/coffer --all`
}

func (c keysRotateCmd) Run(a *app) error {
	var space coffer.ID
	if c.Space != "" {
		var err error
		if space, err = coffer.ParseID(c.Space); err != nil {
			return cmdline.Misuse("--space %q is no id", c.Space)
		}
	}
	return a.changingKeys(func(h *house) error {
		r := &rotation{a: a, h: h}
		// Whatever happens to this process: a server ends what was begun.
		if err := h.db.Update(a.ctx, server.FinishRotation); err != nil {
			return err
		}
		master := c.All || !c.KEK && c.Space == ""
		if master {
			if err := r.master(); err != nil {
				return err
			}
		}
		if c.KEK || c.All {
			if err := r.kek(); err != nil {
				return err
			}
		}
		if c.Space != "" {
			if err := r.space(space); err != nil {
				return err
			}
		}
		if c.All {
			if err := r.spaces(); err != nil {
				return err
			}
		}
		return r.tell()
	})
}

// rotation does and tells.
type rotation struct {
	a     *app
	h     *house
	lines []string
}

func (r *rotation) did(format string, args ...any) {
	r.lines = append(r.lines, fmt.Sprintf(format, args...))
	if !r.a.opts.JSON {
		fmt.Fprintln(r.a.std.Out, r.lines[len(r.lines)-1])
	}
}

func (r *rotation) tell() error {
	if r.a.opts.JSON {
		return r.a.std.JSON(map[string]any{"done": r.lines})
	}
	return nil
}

func (r *rotation) master() error {
	switch p := r.h.master.(type) {
	case *keyring.MasterKeys:
		before := p.ActiveID()
		state, err := r.h.keys.State(r.a.ctx)
		if err != nil {
			return err
		}
		// A new line that nothing is wrapped by yet is the rotation of somebody
		// who was cut off, or the new line of a variable.
		fresh := !slices.ContainsFunc(state, func(k keyring.KEKState) bool { return k.KeyRef == before })
		if !fresh {
			if err := p.AddKey(); err != nil {
				return err
			}
		}
	case *keyring.Transit:
		if err := p.Rotate(r.a.ctx); err != nil {
			return err
		}
	}
	n, err := r.h.keys.Rewrap(r.a.ctx, r.h.master)
	if err != nil {
		return err
	}
	r.did("The master key is new; %d KEKs are wrapped by it.", n)
	return nil
}

func (r *rotation) kek() error {
	k, ctx := r.h.keys, r.a.ctx
	version, err := k.AddKEK(ctx)
	if err != nil {
		return err
	}
	// Every running server takes the key over before it is used.
	if err := k.Await(ctx, version, false); err != nil {
		return err
	}
	if err := k.ActivateKEK(ctx, version); err != nil {
		return err
	}
	if err := r.watched(keyring.RotationKEK, k.Reseal); err != nil {
		return err
	}
	// Servers that had not looked yet have sealed under the old one.
	if err := k.Await(ctx, version, true); err != nil {
		return err
	}
	if err := k.Reseal(ctx); err != nil {
		return err
	}
	r.did("KEK %d is active and has sealed everything again. The one before stays until \"cofferd keys retire\".", version)
	return nil
}

func (r *rotation) space(id coffer.ID) error {
	version, err := r.h.keys.RotateSpace(r.a.ctx, id)
	if err != nil {
		return err
	}
	if err := r.h.keys.ResealSpace(r.a.ctx, id); err != nil {
		return err
	}
	r.did("Key %d of the space is active and has sealed the keys of its files again.", version)
	return nil
}

func (r *rotation) spaces() error {
	n, err := r.h.keys.RotateSpaces(r.a.ctx)
	if err != nil {
		return err
	}
	if err := r.watched(keyring.RotationSpaces, r.h.keys.ResealSpaces); err != nil {
		return err
	}
	if err := r.h.keys.EndSpaces(r.a.ctx); err != nil {
		return err
	}
	r.did("The keys of %d spaces are new and have sealed the keys of their files again.", n)
	return nil
}

// watched runs work and shows how far it is.
func (r *rotation) watched(what string, work func(context.Context) error) error {
	m := newMeter(r.a, "sealed again", ofRecords)
	m.start()
	defer m.stop()
	ended := make(chan error, 1)
	go func() { ended <- work(r.a.ctx) }()
	tick := time.NewTicker(300 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			return err
		case <-tick.C:
		}
		var story []db.Rotation
		err := r.h.db.View(r.a.ctx, func(tx *db.Tx) (err error) { story, err = tx.Rotations(); return err })
		if err != nil {
			continue // the work itself will tell
		}
		for _, s := range story {
			if s.What == what {
				m.tell(s.Done, s.Total)
			}
		}
	}
}

type keysMigrateCmd struct {
	To string `name:"to" required:"" placeholder:"KEY" help:"Where the master key is to be: file:PATH (made when missing), env:NAME, or transit:NAME."`
}

func (keysMigrateCmd) Help() string {
	return `The KEKs are wrapped by a master key in the new place, checked, and stored in one step. Afterwards restart every server with the new place as --master-key: a running one goes on, but no KEK can be rotated before. Keep the old master key as long as you keep backups of the database from before.

Examples:

  cofferd keys migrate --data /srv/coffer --to file:/etc/coffer/master.key
  cofferd keys migrate --data /srv/coffer --to transit:coffer --transit-url https://bao.example.org:8200 --transit-token-file /run/bao/token`
}

func (c keysMigrateCmd) Run(a *app) error {
	spec, shown, allowed := config.ParseKey(c.To)
	if allowed != "" {
		return cmdline.Misuse("--to %s: %s", shown, allowed)
	}
	return a.changingKeys(func(h *house) error {
		if spec.Transit != "" {
			if bad := h.cfg.CheckTransit(); len(bad) > 0 {
				return cmdline.Misuse("%w", config.Problems(bad))
			}
		}
		if spec.Path != "" {
			if err := keyring.GenerateFile(spec.Path); err != nil && !errors.Is(err, fs.ErrExist) {
				return err
			}
		}
		to, err := a.provider(h.cfg, spec)
		if err != nil {
			return err
		}
		n, err := h.keys.Rewrap(a.ctx, to)
		if err != nil {
			return err
		}
		if a.opts.JSON {
			return a.std.JSON(map[string]any{"keks": n, "master_key": spec.String()})
		}
		_, err = fmt.Fprintf(a.std.Out, "%d KEKs are wrapped by %s. Restart every server now, with --master-key %s; until then no KEK can be rotated.\n", n, spec, spec)
		return err
	})
}

type keysRetireCmd struct{}

func (keysRetireCmd) Help() string {
	return `A key goes only when no record needs it; what needs it is listed. Of a master key file, keys go that wrap nothing. A backup of the database from before needs them still: keep the export of that time as long as the backup.

Exit codes: 0 nothing stays that was replaced, 1 something stays.

Examples:

  cofferd keys retire --data /srv/coffer`
}

func (keysRetireCmd) Run(a *app) error {
	return a.changingKeys(func(h *house) error {
		gone, stay, err := h.keys.Retire(a.ctx)
		if err != nil {
			return err
		}
		lines := []string{}
		for _, v := range gone {
			lines = append(lines, fmt.Sprintf("KEK %d is removed.", v))
		}
		if m, ok := h.master.(*keyring.MasterKeys); ok && h.cfg.Key.Path != "" {
			state, err := h.keys.State(a.ctx)
			if err != nil {
				return err
			}
			needed := map[string]bool{}
			for _, k := range state {
				needed[k.KeyRef] = true
			}
			ids, err := m.RemoveKeys(needed)
			if err != nil {
				return err
			}
			for _, id := range ids {
				lines = append(lines, fmt.Sprintf("Master key %s is removed from %s.", id, h.cfg.Key.Path))
			}
		}
		versions := make([]uint32, 0, len(stay))
		for v := range stay {
			versions = append(versions, v)
		}
		slices.Sort(versions)
		for _, v := range versions {
			lines = append(lines, fmt.Sprintf("KEK %d stays: %s.", v, stay[v]))
		}
		if a.opts.JSON {
			err = a.std.JSON(map[string]any{"removed": gone, "done": lines})
		} else {
			if len(lines) == 0 {
				lines = []string{"There is nothing to retire."}
			}
			for _, l := range lines {
				if _, err = fmt.Fprintln(a.std.Out, l); err != nil {
					break
				}
			}
		}
		if err == nil && len(stay) > 0 {
			return &cmdline.ExitError{Code: cmdline.Failed}
		}
		return err
	})
}
