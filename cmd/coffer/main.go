// Command coffer is the command line for people: it signs in to a Coffer
// server and lists, sends, gets, moves and deletes files there. It knows the
// REST client and local files, and nothing of the server's inside.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/alecthomas/kong"

	"coffer"
	"coffer/internal/client"
	"coffer/internal/cmdline"
)

func main() {
	os.Exit(run(cmdline.Interruptible(), os.Args[1:], os.Getenv, cmdline.Stdio{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
}

// Exit codes of this program, beside those of cmdline. Its help explains them.
const (
	exitSignedOut = 3
	exitNotFound  = 4
	exitTaken     = 5
	exitForbidden = 6
	exitServer    = 7
	exitSome      = 8
)

const description = `Coffer's command line: keep files on a Coffer server, encrypted before they are stored.

Remote paths start at your own files: / is the top, /Docs/a.txt a file in the folder Docs.
"Team name:/Docs/a.txt" is a file of a team, "Shared:/Docs/a.txt" one in what others gave you.`

// grammar is all commands and the flags that they share.
type grammar struct {
	Server string `name:"server" placeholder:"URL" help:"Server to talk to, as https://files.example.org. Without it, COFFER_SERVER or the server of the last login."`
	JSON   bool   `name:"json" help:"Write one JSON object per line, errors too."`
	Quiet  bool   `name:"quiet" short:"q" help:"Write errors only."`

	Login      loginCmd      `cmd:"" help:"Sign in, and keep a token for later commands."`
	Logout     logoutCmd     `cmd:"" help:"End the token, here and at the server."`
	Whoami     whoamiCmd     `cmd:"" help:"Tell who is signed in, and where."`
	Df         dfCmd         `cmd:"" help:"Tell how much is stored, and how much may be."`
	Ls         lsCmd         `cmd:"" help:"List a folder."`
	Find       findCmd       `cmd:"" help:"Find files and folders by their names, in all folders."`
	Recent     recentCmd     `cmd:"" help:"List what was opened and changed last."`
	Pin        pinCmd        `cmd:"" help:"Pin files and folders, to have them at hand."`
	Unpin      unpinCmd      `cmd:"" help:"Take pins away."`
	Pins       pinsCmd       `cmd:"" help:"List what is pinned."`
	Mkdir      mkdirCmd      `cmd:"" help:"Make folders."`
	Put        putCmd        `cmd:"" help:"Send files and folders to the server."`
	Uploads    uploadsCmd    `cmd:"" help:"List or remove uploads that are not finished."`
	Get        getCmd        `cmd:"" help:"Get files and folders from the server."`
	Thumbnail  thumbnailCmd  `cmd:"" help:"Get a small picture of a file."`
	Mv         mvCmd         `cmd:"" help:"Move or rename."`
	Cp         cpCmd         `cmd:"" help:"Copy into a folder, at the server."`
	Rm         rmCmd         `cmd:"" help:"Put into the trash."`
	Share      shareCmd      `cmd:"" help:"Give people and groups access, or tell who has it."`
	Unshare    unshareCmd    `cmd:"" help:"Take access away."`
	Access     accessCmd     `cmd:"" help:"Tell who can open a file or folder."`
	Link       linkCmd       `cmd:"" help:"Make links that open files and folders without an account."`
	Activity   activityCmd   `cmd:"" help:"Tell what happened to your files, or to one of them."`
	Shared     sharedCmd     `cmd:"" help:"List what others gave you."`
	Ask        askCmd        `cmd:"" help:"Ask those who manage something for more rights."`
	Leave      leaveCmd      `cmd:"" help:"Give up what others gave you."`
	Request    requestCmd    `cmd:"" help:"Ask people without an account for files."`
	Notices    noticesCmd    `cmd:"" help:"List what you were told, and choose what comes by e-mail."`
	Space      spaceCmd      `cmd:"" help:"Make team spaces, rename and remove them."`
	Group      groupCmd      `cmd:"" help:"Make groups, and say who is in them."`
	Versions   versionsCmd   `cmd:"" help:"List, restore, keep or delete older contents of a file."`
	Version    versionCmd    `cmd:"" help:"Print the version."`
	Completion completionCmd `cmd:"" help:"Print the completion script for a shell."`
}

// Help ends the program's help.
func (grammar) Help() string {
	return `Exit codes:

  0    done
  1    failed for another reason
  2    called in a wrong way
  3    not signed in, or the password or token is wrong
  4    not found, or no access
  5    the name is taken, or it changed meanwhile
  6    not allowed
  7    the server cannot be reached or is busy
  8    some of several things failed, the others are done
  130  interrupted

Variables: COFFER_HOME (folder of the credentials), COFFER_SERVER, COFFER_TOKEN.`
}

// app is what every command works with.
type app struct {
	ctx    context.Context
	std    cmdline.Stdio
	getenv func(string) string
	opts   *grammar
	model  *kong.Application
}

// run is the whole program: it returns the exit code.
func run(ctx context.Context, args []string, getenv func(string) string, std cmdline.Stdio) int {
	var g grammar
	k, err := cmdline.New("coffer", description, &g, std)
	if err != nil {
		fmt.Fprintln(std.Err, "coffer:", err)
		return cmdline.Failed
	}
	call, done, err := cmdline.Parse(k, args)
	if done {
		return cmdline.OK
	}
	if err == nil {
		err = call.Run(&app{ctx: ctx, std: std, getenv: getenv, opts: &g, model: k.Model})
	}
	if err == nil {
		return cmdline.OK
	}
	code := exitCode(ctx, err)
	if code == cmdline.Interrupted {
		err = errors.New("interrupted")
	}
	report(std, err, g.JSON)
	return code
}

// report writes one error with the server's reference.
func report(std cmdline.Stdio, err error, asJSON bool) {
	ref := ""
	if e, ok := errors.AsType[*client.Error](err); ok {
		ref = e.Ref
	}
	cmdline.Report(std, "coffer", err, ref, asJSON)
}

func exitCode(ctx context.Context, err error) int {
	if ctx.Err() != nil {
		return cmdline.Interrupted
	}
	if e, ok := errors.AsType[*cmdline.ExitError](err); ok {
		return e.Code
	}
	e, ok := errors.AsType[*coffer.Error](err)
	if !ok {
		return cmdline.Failed
	}
	switch e.Kind {
	case coffer.Unauthenticated:
		return exitSignedOut
	case coffer.NotFound, coffer.Gone:
		return exitNotFound
	case coffer.Conflict, coffer.Stale:
		return exitTaken
	case coffer.Forbidden:
		return exitForbidden
	case coffer.Busy, coffer.Limited:
		return exitServer
	}
	return cmdline.Failed
}

type versionCmd struct{}

func (versionCmd) Run(a *app) error { return a.std.TellVersion("coffer", a.opts.JSON) }

type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

func (completionCmd) Help() string {
	return `Examples:

  source <(coffer completion bash)
  coffer completion zsh > "${fpath[1]}/_coffer"
  coffer completion fish > ~/.config/fish/completions/coffer.fish`
}

func (c completionCmd) Run(a *app) error {
	return cmdline.Completion(a.std.Out, a.model, c.Shell)
}
