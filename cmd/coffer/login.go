package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/term"

	"coffer"
	"coffer/internal/client"
	"coffer/internal/cmdline"
)

// credentials are what a login leaves behind, in a file that only its owner
// may read.
type credentials struct {
	Server string `json:"server"`
	Email  string `json:"email"`
	Token  string `json:"token"`
}

// credentialsFile is credentials.json below COFFER_HOME or the user's
// configuration folder.
func (a *app) credentialsFile() (string, error) {
	if dir := a.getenv("COFFER_HOME"); dir != "" {
		return filepath.Join(dir, "credentials.json"), nil
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("there is no place for the credentials: set COFFER_HOME: %w", err)
	}
	return filepath.Join(dir, "coffer", "credentials.json"), nil
}

// saved reads the credentials; none is not an error.
func (a *app) saved() (credentials, error) {
	var c credentials
	path, err := a.credentialsFile()
	if err != nil {
		return c, err
	}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return c, err
	}
	if err := json.Unmarshal(b, &c); err != nil {
		return c, fmt.Errorf("%s cannot be read: delete it and sign in again: %w", path, err)
	}
	return c, nil
}

// save replaces the credentials in one step.
func (a *app) save(c credentials) error {
	path, err := a.credentialsFile()
	if err != nil {
		return err
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	b, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".credentials-*") // made with mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(append(b, '\n'))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// forget removes the credentials.
func (a *app) forget() error {
	path, err := a.credentialsFile()
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// client returns a client that is signed in. A saved token goes to the server
// that gave it and to no other.
func (a *app) client() (*client.Client, error) {
	saved, err := a.saved()
	if err != nil {
		return nil, err
	}
	server := cmp.Or(a.opts.Server, a.getenv("COFFER_SERVER"), saved.Server)
	if server == "" {
		return nil, coffer.E(coffer.Unauthenticated, "signed_out", `Nobody is signed in. Run "coffer login --server URL" first.`)
	}
	token := a.getenv("COFFER_TOKEN")
	if token == "" && sameServer(server, saved.Server) {
		token = saved.Token
	}
	if token == "" {
		return nil, coffer.E(coffer.Unauthenticated, "signed_out", fmt.Sprintf(`Nobody is signed in to %s. Run "coffer login --server %s" first.`, server, server))
	}
	return a.connect(server, token)
}

func (a *app) connect(server, token string) (*client.Client, error) {
	return client.New(server, client.Options{Token: token, UserAgent: "coffer/" + cmdline.Version()})
}

func sameServer(a, b string) bool {
	trim := func(s string) string { return strings.ToLower(strings.TrimRight(s, "/")) }
	return trim(a) == trim(b)
}

type loginCmd struct {
	Email         string `name:"email" placeholder:"ADDRESS" help:"Your e-mail address. Asked for on a terminal."`
	PasswordStdin bool   `name:"password-stdin" help:"Read the password from standard input."`
}

func (loginCmd) Help() string {
	return `The server makes a token for this machine, which is kept in a file that only you can read: credentials.json below COFFER_HOME or your configuration folder. You find it in the web page under Security, where you can end it. The password itself is kept nowhere.

Examples:

  coffer login --server https://files.example.org
  pass show coffer | coffer login --server https://files.example.org --email ann@example.org --password-stdin`
}

func (c loginCmd) Run(a *app) error {
	old, err := a.saved()
	if err != nil {
		return err
	}
	server := cmp.Or(a.opts.Server, a.getenv("COFFER_SERVER"), old.Server)
	if server == "" {
		return cmdline.Misuse("which server? Give --server URL")
	}
	cl, err := a.connect(server, "")
	if err != nil {
		return err
	}
	email, password, err := c.ask(a)
	if err != nil {
		return err
	}
	host, err := os.Hostname()
	if err != nil || host == "" {
		host = "this machine"
	}
	made, err := cl.Login(a.ctx, email, password, "Command line on "+host)
	if err != nil {
		return err
	}
	if err := a.save(credentials{Server: cl.Server(), Email: made.Me.Email, Token: cl.Token()}); err != nil {
		// Without the file the token is of no use to anybody: end it.
		return errors.Join(err, cl.Logout(a.ctx))
	}
	if old.Token != "" && old.Token != cl.Token() {
		// The token that this one replaces; it may have ended long ago.
		if prev, err := a.connect(old.Server, old.Token); err == nil {
			_ = prev.Logout(a.ctx)
		}
	}
	if a.opts.JSON {
		return a.std.JSON(map[string]any{"server": cl.Server(), "email": made.Me.Email, "name": made.Me.Name, "role": made.Me.Role, "expires_at": made.Record.ExpiresAt})
	}
	a.say("Signed in to %s as %s <%s>.", cl.Server(), made.Me.Name, made.Me.Email)
	return nil
}

// ask gets address and password, from flags or from the person.
func (c loginCmd) ask(a *app) (email, password string, err error) {
	email = c.Email
	if c.PasswordStdin {
		if email == "" {
			return "", "", cmdline.Misuse("--password-stdin needs --email ADDRESS")
		}
		password, err = cmdline.ReadPassword(a.std.In)
		return email, password, err
	}
	in, ok := a.std.In.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return "", "", cmdline.Misuse("there is no terminal to ask for the password on: use --password-stdin")
	}
	if email == "" {
		fmt.Fprint(a.std.Err, "E-mail address: ")
		line, err := bufio.NewReader(in).ReadString('\n')
		if err != nil {
			return "", "", err
		}
		email = strings.TrimSpace(line)
	}
	fmt.Fprint(a.std.Err, "Password: ")
	b, err := term.ReadPassword(int(in.Fd()))
	fmt.Fprintln(a.std.Err)
	return email, string(b), err
}

// say writes a line for people, unless --quiet or --json.
func (a *app) say(format string, args ...any) {
	if !a.opts.Quiet && !a.opts.JSON {
		fmt.Fprintln(a.std.Out, cmdline.Printable(fmt.Sprintf(format, args...), false))
	}
}

type logoutCmd struct{}

func (logoutCmd) Help() string { return "Examples:\n\n  coffer logout" }

func (logoutCmd) Run(a *app) error {
	saved, err := a.saved()
	if err != nil {
		return err
	}
	if saved.Token == "" {
		a.say("Nobody was signed in.")
		return a.forget()
	}
	cl, err := a.connect(saved.Server, saved.Token)
	if err != nil {
		return err
	}
	err = cl.Logout(a.ctx)
	if e, ok := errors.AsType[*coffer.Error](err); ok && e.Kind == coffer.Unauthenticated {
		err = nil // it had ended already
	}
	if err != nil {
		return fmt.Errorf("the token still holds, because the server did not end it: %w", err)
	}
	if err := a.forget(); err != nil {
		return err
	}
	a.say("Signed out of %s.", saved.Server)
	return nil
}

type whoamiCmd struct{}

func (whoamiCmd) Help() string { return "Examples:\n\n  coffer whoami\n  coffer whoami --json" }

func (whoamiCmd) Run(a *app) error {
	cl, err := a.client()
	if err != nil {
		return err
	}
	me, err := cl.Me(a.ctx)
	if err != nil {
		return err
	}
	if a.opts.JSON {
		return a.std.JSON(map[string]any{"server": cl.Server(), "id": me.ID, "email": me.Email, "name": me.Name, "role": me.Role})
	}
	a.say("%s <%s>, %s, at %s", me.Name, me.Email, me.Role, cl.Server())
	return nil
}
