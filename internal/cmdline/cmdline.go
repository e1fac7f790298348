// Package cmdline is what the two programs, cofferd and coffer, have in common
// as command lines: how arguments become commands, how errors look and which
// exit code they give, shell completion and the reference page, both made from
// kong's model of the commands. It knows no command, no server and no files.
package cmdline

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"coffer"
)

// Exit codes that mean the same in both programs. Each program adds its own
// and documents all in its help.
const (
	OK          = 0
	Failed      = 1
	Usage       = 2
	Interrupted = 130
)

// Stdio is what a command reads and writes, so that tests can look at it.
type Stdio struct {
	In       io.Reader
	Out, Err io.Writer
}

// JSON writes one value as a line of JSON.
func (s Stdio) JSON(v any) error {
	e := json.NewEncoder(s.Out)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// ExitError is an error that asks for an exit code of its own. An Err of nil
// means that everything has been said already.
type ExitError struct {
	Code int
	Err  error
}

func (e *ExitError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("exit code %d", e.Code)
	}
	return e.Err.Error()
}

func (e *ExitError) Unwrap() error { return e.Err }

// Misuse is an error in how the program was called.
func Misuse(format string, a ...any) error {
	return &ExitError{Code: Usage, Err: fmt.Errorf(format, a...)}
}

// New builds the parser of a program. The grammar's commands give their
// examples in a method Help.
func New(name, description string, grammar any, std Stdio, options ...kong.Option) (*kong.Kong, error) {
	options = append([]kong.Option{
		kong.Name(name),
		kong.Description(description),
		kong.Writers(std.Out, std.Err),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.Exit(func(code int) { panic(stop(code)) }),
	}, options...)
	return kong.New(grammar, options...)
}

// stop unwinds the parser after it printed help.
type stop int

// Parse reads the arguments. done means that help was printed and nothing is
// left to do. Errors are misuse.
func Parse(k *kong.Kong, args []string) (ctx *kong.Context, done bool, err error) {
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(stop); !ok {
				panic(r)
			}
			ctx, done, err = nil, true, nil
		}
	}()
	ctx, err = k.Parse(ordered(k.Model, args))
	if err != nil {
		where := k.Model.Name
		if p, ok := errors.AsType[*kong.ParseError](err); ok && p.Context != nil && p.Context.Selected() != nil {
			where = p.Context.Selected().FullPath()
		}
		return nil, false, Misuse("%w\nRun \"%s --help\" to see how it is used.", err, where)
	}
	return ctx, false, nil
}

// Report writes an error for people, or as JSON, to the error stream.
// ref, if not empty, is the server's reference.
func Report(std Stdio, program string, err error, ref string, asJSON bool) {
	exit, ok := errors.AsType[*ExitError](err)
	if ok && exit.Err == nil {
		return
	}
	code, msg := "", err.Error()
	if e, ok := errors.AsType[*coffer.Error](err); ok {
		code = e.Code
		msg = strings.Replace(msg, e.Error(), forPeople(e), 1)
	}
	if asJSON {
		e := json.NewEncoder(std.Err)
		e.SetEscapeHTML(false)
		e.Encode(struct {
			Error string `json:"error"`
			Code  string `json:"code,omitempty"`
			Ref   string `json:"ref,omitempty"`
		}{msg, code, ref})
		return
	}
	if ref != "" {
		msg += " (reference " + ref + ")"
	}
	// Lists of what is wrong with a call have lines; in any other text a line
	// break comes out of a name.
	fmt.Fprintf(std.Err, "%s: %s\n", program, Printable(msg, ok && exit.Code == Usage))
}

// ordered puts flags before arguments, where people may write them in any
// order: kong ends a list of arguments at the first flag.
func ordered(app *kong.Application, args []string) []string {
	var path, flags, words []string
	node := app.Node
	for i := 0; i < len(args); i++ {
		a := args[i]
		if a == "--" {
			words = slices.Concat([]string{"--"}, words, args[i+1:])
			break
		}
		if len(a) > 1 && a[0] == '-' {
			flags = append(flags, a)
			if wantsNext(node, a) && i+1 < len(args) {
				i++
				flags = append(flags, args[i])
			}
			continue
		}
		if child := childNamed(node, a); child != nil {
			node, path = child, append(path, a)
			continue
		}
		words = append(words, a)
	}
	return slices.Concat(path, flags, words)
}

func childNamed(n *kong.Node, name string) *kong.Node {
	for _, c := range n.Children {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// wantsNext reports whether a flag, as written, takes the next word as its
// value: --name, or -n at the end of a row of short ones.
func wantsNext(n *kong.Node, written string) bool {
	flags := flagsOf(n)
	if long, ok := strings.CutPrefix(written, "--"); ok {
		i := slices.IndexFunc(flags, func(f *kong.Flag) bool { return f.Name == long })
		return i >= 0 && takesValue(flags[i])
	}
	rest := []rune(written[1:])
	for j, r := range rest {
		if i := slices.IndexFunc(flags, func(f *kong.Flag) bool { return f.Short == r }); i >= 0 && takesValue(flags[i]) {
			return j == len(rest)-1
		}
	}
	return false
}

// forPeople is an error's text without the name of its kind.
func forPeople(e *coffer.Error) string {
	if e.Err == nil {
		return e.Msg
	}
	return strings.TrimSuffix(e.Msg, ".") + ": " + e.Err.Error()
}

// Printable makes a text from elsewhere safe for a terminal: control and bidi
// characters are shown as \u escapes. Lines stay if lines is true.
func Printable(s string, lines bool) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\n' && lines:
			b.WriteRune(r)
		case r < ' ', r >= 0x7f && r < 0xa0, r == 0x2028, r == 0x2029, r == 0xfeff, r == 0x61c, r >= 0x200e && r <= 0x200f,
			r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069, r == 0xfffd:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// ReadPassword reads the one line of --password-stdin. The line's end does not
// belong to the password.
func ReadPassword(in io.Reader) (string, error) {
	b, err := io.ReadAll(io.LimitReader(in, 4096))
	if err != nil {
		return "", fmt.Errorf("reading the password from standard input: %w", err)
	}
	s := strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r")
	if s == "" {
		return "", Misuse("standard input holds no password")
	}
	if strings.ContainsAny(s, "\r\n") {
		return "", Misuse("standard input holds more than one line: give the password only")
	}
	return s, nil
}
