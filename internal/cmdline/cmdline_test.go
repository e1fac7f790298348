package cmdline_test

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"coffer"
	"coffer/internal/cmdline"
)

// program is a small grammar with everything that completion must know.
type program struct {
	Verbose bool `name:"verbose" short:"v" help:"Say [more]: don't stop."`

	Send struct {
		How  string   `name:"how" short:"w" enum:"fast,slow" default:"fast" help:"How to send."`
		To   string   `name:"to" type:"path" help:"Where to."`
		Path []string `arg:"" help:"What to send."`
	} `cmd:"" help:"Send it."`
	Admin struct {
		Add struct {
			Name string `name:"name" required:"" help:"Whose."`
		} `cmd:"" help:"Add one."`
		Secret struct{} `cmd:"" hidden:"" help:"Not shown."`
	} `cmd:"" help:"Look after."`
	Shell struct {
		Shell string `arg:"" enum:"bash,zsh" help:"Which."`
	} `cmd:"" help:"Print."`
}

func parser(t *testing.T) (*kong.Kong, *bytes.Buffer, *program) {
	t.Helper()
	var out bytes.Buffer
	var g program
	k, err := cmdline.New("prog", "A program.", &g, cmdline.Stdio{Out: &out, Err: &out})
	if err != nil {
		t.Fatal(err)
	}
	return k, &out, &g
}

func TestParse(t *testing.T) {
	rows := []struct {
		args string
		done bool
		code int
		want string // in the output or the error
	}{
		{"--help", true, 0, "Usage: prog"},
		{"send --help", true, 0, "Usage: prog send"},
		{"send a b --how slow", false, 0, ""},
		{"send", false, cmdline.Usage, `Run "prog send --help"`},
		{"send a --how never", false, cmdline.Usage, `must be one of "fast","slow" but got "never"`},
		{"nope", false, cmdline.Usage, `Run "prog --help"`},
		{"", false, cmdline.Usage, "expected one of"},
		{"admin add", false, cmdline.Usage, "--name"},
	}
	for _, r := range rows {
		t.Run(r.args, func(t *testing.T) {
			k, out, _ := parser(t)
			ctx, done, err := cmdline.Parse(k, strings.Fields(r.args))
			if done != r.done || (ctx != nil) != (!r.done && r.code == 0) {
				t.Errorf("done %v, context %v", done, ctx)
			}
			e, _ := errors.AsType[*cmdline.ExitError](err)
			if r.code == 0 && err != nil || r.code != 0 && (e == nil || e.Code != r.code) {
				t.Errorf("err = %v", err)
			}
			if text := out.String() + fmt.Sprint(err); !strings.Contains(text, r.want) {
				t.Errorf("%q lacks %q", text, r.want)
			}
		})
	}
}

// TestOrder: flags may stand anywhere among the arguments.
func TestOrder(t *testing.T) {
	rows := []struct {
		args          string
		path, to, how string
		verbose       bool
	}{
		{"send a b", "a b", "", "fast", false},
		{"send a --how slow b", "a b", "", "slow", false},
		{"send a --how=slow b -v c", "a b c", "", "slow", true},
		{"-v send a -w slow b", "a b", "", "slow", true},
		{"send - --how slow b", "- b", "", "slow", false},
		{"send a -vw slow b", "a b", "", "slow", true},
		{"send a -wslow b", "a b", "", "slow", false},
		{"send a --to /x b", "a b", "/x", "fast", false},
		{"send a --how slow -- --how -v", "a --how -v", "", "slow", false},
		{"send send a", "send a", "", "fast", false},
	}
	for _, r := range rows {
		k, _, g := parser(t)
		if _, _, err := cmdline.Parse(k, strings.Fields(r.args)); err != nil {
			t.Errorf("%s: %v", r.args, err)
		} else if strings.Join(g.Send.Path, " ") != r.path || g.Send.To != r.to || g.Send.How != r.how || g.Verbose != r.verbose {
			t.Errorf("%s: %+v", r.args, g)
		}
	}
}

// TestBashCompletion asks a real bash what it would offer.
func TestBashCompletion(t *testing.T) {
	k, _, _ := parser(t)
	var script bytes.Buffer
	if err := cmdline.Completion(&script, k.Model, "bash"); err != nil {
		t.Fatal(err)
	}
	rows := []struct{ line, want string }{
		{"prog ", "send admin shell"},
		{"prog s", "send shell"},
		{"prog admin ", "add"},
		{"prog -", "--help --verbose"},
		{"prog send --h", "--help --how"},
		{"prog send --how ", "fast slow"},
		{"prog send -w s", "slow"},
		{"prog -v send --how f", "fast"},
		{"prog admin add --n", "--name"},
		{"prog admin add --name ", ""},
		{"prog shell z", "zsh"},
		{"prog send admin --h", "--help --how"}, // an argument that looks like a command
	}
	for _, r := range rows {
		words := strings.Split(r.line, " ")
		quoted := make([]string, len(words))
		for i, w := range words {
			quoted[i] = "'" + w + "'"
		}
		cmd := exec.Command("bash", "-c", fmt.Sprintf("%s\nCOMP_WORDS=(%s); COMP_CWORD=%d; _prog; echo \"${COMPREPLY[@]}\"", &script, strings.Join(quoted, " "), len(words)-1))
		cmd.Dir = t.TempDir()
		out, err := cmd.CombinedOutput()
		if got := strings.TrimSpace(string(out)); err != nil || got != r.want {
			t.Errorf("%q offers %q, %v; want %q", r.line, got, err, r.want)
		}
	}
}

func TestOtherShells(t *testing.T) {
	for shell, wants := range map[string][]string{
		"zsh": {"#compdef prog", "_prog_admin_add() {", `'--how[How to send.]:how:(fast slow)'`, `Say \[more\]\: don'\''t stop.`, "add) _prog_admin_add ;;", ":to:_files"},
		"fish": {"complete -c prog -f\n", `-l verbose -s v -d 'Say [more]: don\'t stop.'`, "-n '__fish_seen_subcommand_from admin; and __fish_seen_subcommand_from add' -l name -r",
			"-n 'not __fish_seen_subcommand_from send admin shell' -a send", "-l how -s w -r -f -a 'fast slow'"},
	} {
		k, _, _ := parser(t)
		var b bytes.Buffer
		if err := cmdline.Completion(&b, k.Model, shell); err != nil {
			t.Fatal(err)
		}
		for _, w := range wants {
			if !strings.Contains(b.String(), w) {
				t.Errorf("%s lacks %q:\n%s", shell, w, &b)
			}
		}
		if strings.Contains(b.String(), "Not shown") {
			t.Errorf("%s shows a hidden command", shell)
		}
	}
	k, _, _ := parser(t)
	if err := cmdline.Completion(&bytes.Buffer{}, k.Model, "csh"); err == nil {
		t.Error("csh accepted")
	}
}

func TestReport(t *testing.T) {
	inner := coffer.E(coffer.Conflict, "name_taken", "The name is taken.")
	cause := &coffer.Error{Kind: coffer.Busy, Code: "unreachable", Msg: "Cannot reach x.", Err: errors.New("refused")}
	rows := []struct {
		err  error
		ref  string
		json bool
		want string
	}{
		{errors.New("plain"), "", false, "prog: plain\n"},
		{fmt.Errorf("/a: %w", inner), "7Q2M-4K", false, "prog: /a: The name is taken. (reference 7Q2M-4K)\n"},
		{cause, "", false, "prog: Cannot reach x: refused\n"},
		{fmt.Errorf("/a<b>: %w", inner), "7Q2M-4K", true, `{"error":"/a<b>: The name is taken.","code":"name_taken","ref":"7Q2M-4K"}` + "\n"},
		{errors.New("evil \x1b]0;x\a\u202egpj.exe\nsecond"), "", false, "prog: evil \\u001b]0;x\\u0007\\u202egpj.exe\\u000asecond\n"},
		{cmdline.Misuse("one\ntwo"), "", false, "prog: one\ntwo\n"},
		{&cmdline.ExitError{Code: 8}, "", false, ""},
		{cmdline.Misuse("wrong %d", 1), "", false, "prog: wrong 1\n"},
	}
	for _, r := range rows {
		var b bytes.Buffer
		cmdline.Report(cmdline.Stdio{Err: &b}, "prog", r.err, r.ref, r.json)
		if b.String() != r.want {
			t.Errorf("%v: %q, want %q", r.err, &b, r.want)
		}
	}
}

func TestReadPassword(t *testing.T) {
	for in, want := range map[string]string{"secret\n": "secret", "secret": "secret", "secret\r\n": "secret", " with space \n": " with space ", "": "", "\n": "", "a\nb\n": ""} {
		got, err := cmdline.ReadPassword(strings.NewReader(in))
		if got != want || (err != nil) != (want == "") {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
}

func TestReference(t *testing.T) {
	k, _, _ := parser(t)
	text := cmdline.Reference(k.Model, func(string) bool { return false })
	for _, w := range []string{"## prog", "### prog send", "### prog admin add", "`-w, --how", "| `<path> ...` | What to send. |", "`--name=STRING`"} {
		if !strings.Contains(text, w) {
			t.Errorf("lacks %q:\n%s", w, text)
		}
	}
	if strings.Contains(text, "secret") {
		t.Error("a hidden command is described")
	}
}
