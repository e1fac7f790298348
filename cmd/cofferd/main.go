// Command cofferd is the Coffer server and its administration. It reads the
// configuration, opens what that names (database, store, master key, mail),
// hands it to package server, and closes it again. It decides nothing about
// people or files.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/alecthomas/kong"

	"coffer/internal/cmdline"
	"coffer/internal/config"
	"coffer/internal/keyring"
)

func main() {
	// Before anything secret is read: no core dump, no look from other
	// processes. Where the system cannot do it, the server runs all the same.
	_ = keyring.SetUndumpable()
	os.Exit(run(cmdline.Interruptible(), os.Args[1:], os.Environ(), cmdline.Stdio{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
}

// Exit codes of this program, beside those of cmdline. Its help explains them.
const (
	exitDamage  = 3
	exitOrphans = 4
	exitLocked  = 5
	exitKey     = 6
)

const description = "Coffer's server: keeps files that are encrypted before they are stored, and gives them to whom their owners let."

// grammar is all commands and the settings.
type grammar struct {
	config.Config `embed:""`
	JSON          bool `name:"json" help:"Write results and errors as JSON."`

	Serve      serveCmd      `cmd:"" help:"Run the server."`
	Migrate    migrateCmd    `cmd:"" help:"Bring the database to this version's schema. serve does it too."`
	ConfigCmd  configCmd     `cmd:"" name:"config" help:"Print the configuration that holds, with secrets masked."`
	Admin      adminCmd      `cmd:"" help:"Look after accounts, also beside a running server."`
	Keys       keysCmd       `cmd:"" help:"List, rotate, export and import keys, also beside a running server."`
	Check      checkCmd      `cmd:"" help:"Verify database, keys and stored files, also beside a running server."`
	Decrypt    decryptCmd    `cmd:"" help:"Write all files as plain files, from a copy of the data and the master key, without a server."`
	Version    versionCmd    `cmd:"" help:"Print the version."`
	Completion completionCmd `cmd:"" help:"Print the completion script for a shell."`
}

// Help ends the program's help.
func (grammar) Help() string {
	return `Every setting is a flag, a variable (COFFER_ and the flag in capitals, such as COFFER_BASE_URL) or a line of the file that --config names. A flag beats a variable, a variable beats the file.

Exit codes:

  0    done
  1    failed for another reason
  2    called or configured in a wrong way
  3    check or decrypt found damage
  4    check found no damage, but stored bytes that nothing refers to
  5    another process holds the data folder
  6    the master key is missing or another one
  130  interrupted`
}

// app is what every command works with.
type app struct {
	ctx     context.Context
	std     cmdline.Stdio
	getenv  func(string) string
	opts    *grammar
	sources *config.Sources
	model   *kong.Application
}

// run is the whole program: it returns the exit code.
func run(ctx context.Context, args, environ []string, std cmdline.Stdio) int {
	var g grammar
	sources := config.NewSources(environ)
	var groups []kong.Group
	for key, title := range config.Groups() {
		groups = append(groups, kong.Group{Key: key, Title: title})
	}
	k, err := cmdline.New("cofferd", description, &g, std, kong.Resolvers(sources), kong.ExplicitGroups(groups))
	if err != nil {
		fmt.Fprintln(std.Err, "cofferd:", err)
		return cmdline.Failed
	}
	call, done, err := cmdline.Parse(k, args)
	if done {
		return cmdline.OK
	}
	if err == nil {
		err = call.Run(&app{ctx: ctx, std: std, getenv: lookup(environ), opts: &g, sources: sources, model: k.Model})
	}
	if err == nil {
		return cmdline.OK
	}
	code := cmdline.Failed
	if e, ok := errors.AsType[*cmdline.ExitError](err); ok {
		code = e.Code
	} else if ctx.Err() != nil {
		code, err = cmdline.Interrupted, errors.New("interrupted")
	}
	cmdline.Report(std, "cofferd", err, "", g.JSON)
	return code
}

func lookup(environ []string) func(string) string {
	vars := map[string]string{}
	for _, kv := range environ {
		for i := range len(kv) {
			if kv[i] == '=' {
				vars[kv[:i]] = kv[i+1:]
				break
			}
		}
	}
	return func(name string) string { return vars[name] }
}

// config checks the configuration; what is wrong is misuse.
func (a *app) config() (*config.Config, error) {
	if err := a.sources.Check(&a.opts.Config); err != nil {
		return nil, cmdline.Misuse("the configuration cannot be used:\n%w", err)
	}
	return &a.opts.Config, nil
}

type versionCmd struct{}

func (versionCmd) Run(a *app) error { return a.std.TellVersion("cofferd", a.opts.JSON) }

type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

func (completionCmd) Help() string {
	return `Examples:

  source <(cofferd completion bash)
  cofferd completion zsh > "${fpath[1]}/_cofferd"
  cofferd completion fish > ~/.config/fish/completions/cofferd.fish`
}

func (c completionCmd) Run(a *app) error {
	return cmdline.Completion(a.std.Out, a.model, c.Shell)
}

type configCmd struct{}

func (configCmd) Help() string {
	return `Each line shows a setting, its value and where the value came from.

Examples:

  cofferd config
  COFFER_LISTEN=:8080 cofferd config --base-url https://files.example.org --json`
}

func (configCmd) Run(a *app) error {
	cfg, err := a.config()
	if err != nil {
		return err
	}
	list := a.sources.Effective(cfg)
	if a.opts.JSON {
		return a.std.JSON(map[string]any{"settings": list})
	}
	for _, s := range list {
		if _, err := fmt.Fprintf(a.std.Out, "%-19s = %-40s # %s\n", s.Name, s.Value, s.Source); err != nil {
			return err
		}
	}
	return nil
}
