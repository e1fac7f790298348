package cmdline

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// Shells lists the shells that Completion knows.
var Shells = [...]string{"bash", "zsh", "fish"}

// Completion writes the completion script of a program for a shell, made from
// the model of its commands.
func Completion(w io.Writer, app *kong.Application, shell string) error {
	switch shell {
	case "bash":
		bash(w, app)
	case "zsh":
		zsh(w, app)
	case "fish":
		fish(w, app)
	default:
		return Misuse("there is no completion for %q, only for %s", shell, strings.Join(Shells[:], ", "))
	}
	return nil
}

// commands lists all commands below n, parents first, the root with path "".
func commands(n *kong.Node, path []string, fn func(path string, n *kong.Node)) {
	fn(strings.Join(path, " "), n)
	for _, c := range visible(n) {
		commands(c, append(slices.Clone(path), c.Name), fn)
	}
}

func visible(n *kong.Node) []*kong.Node {
	return slices.DeleteFunc(slices.Clone(n.Children), func(c *kong.Node) bool { return c.Hidden })
}

func flagsOf(n *kong.Node) []*kong.Flag { return slices.Concat(n.AllFlags(true)...) }

func isPath(v *kong.Value) bool {
	return v.Tag.Type == "path" || v.Flag != nil && slices.Contains([]string{"FILE", "DIR", "LOCAL"}, v.Flag.PlaceHolder)
}

// choices are the words that may stand for a value.
func choices(v *kong.Value) []string {
	if v.Enum == "" {
		return nil
	}
	return v.EnumSlice()
}

func takesValue(f *kong.Flag) bool { return !f.IsBool() && !f.IsCounter() }

func spellings(f *kong.Flag) []string {
	s := []string{"--" + f.Name}
	if f.Short != 0 {
		s = append(s, "-"+string(f.Short))
	}
	return s
}

func bash(w io.Writer, app *kong.Application) {
	name := app.Name
	fmt.Fprintf(w, `# bash completion of %[1]s: source <(%[1]s completion bash)
_%[1]s() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} cmd= i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$cmd ${COMP_WORDS[i]}" in
`, name)
	commands(app.Node, nil, func(path string, _ *kong.Node) {
		if path != "" {
			parent, last, found := cutLast(path)
			if found {
				parent = " " + parent
			}
			fmt.Fprintf(w, "      \"%s %s\") cmd=\" %s\" ;;\n", parent, last, path)
		}
	})
	fmt.Fprint(w, "    esac\n  done\n  case \"$cmd $prev\" in\n")
	commands(app.Node, nil, func(path string, n *kong.Node) {
		for _, f := range flagsOf(n) {
			if !takesValue(f) {
				continue
			}
			how := `COMPREPLY=()`
			if c := choices(f.Value); c != nil {
				how = fmt.Sprintf(`COMPREPLY=($(compgen -W "%s" -- "$cur"))`, strings.Join(c, " "))
			} else if isPath(f.Value) {
				how = `COMPREPLY=($(compgen -f -- "$cur"))`
			}
			for _, s := range spellings(f) {
				fmt.Fprintf(w, "    \"%s %s\") %s; return ;;\n", lead(path), s, how)
			}
		}
	})
	fmt.Fprint(w, "  esac\n  local words= flags=\n  case \"$cmd\" in\n")
	commands(app.Node, nil, func(path string, n *kong.Node) {
		var words, flags []string
		for _, c := range visible(n) {
			words = append(words, c.Name)
		}
		for _, p := range n.Positional {
			words = append(words, choices(p)...)
		}
		for _, f := range flagsOf(n) {
			flags = append(flags, "--"+f.Name)
		}
		fmt.Fprintf(w, "    \"%s\") words=\"%s\"; flags=\"%s\" ;;\n", lead(path), strings.Join(words, " "), strings.Join(flags, " "))
	})
	fmt.Fprintf(w, `  esac
  if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W "$flags" -- "$cur"))
  elif [[ -n $words ]]; then COMPREPLY=($(compgen -W "$words" -- "$cur"))
  else COMPREPLY=($(compgen -f -- "$cur")); fi
}
complete -o filenames -F _%[1]s %[1]s
`, name)
}

func lead(path string) string {
	if path == "" {
		return ""
	}
	return " " + path
}

func cutLast(path string) (parent, last string, found bool) {
	i := strings.LastIndexByte(path, ' ')
	if i < 0 {
		return "", path, false
	}
	return path[:i], path[i+1:], true
}

func zsh(w io.Writer, app *kong.Application) {
	fmt.Fprintf(w, "#compdef %[1]s\n# zsh completion of %[1]s: %[1]s completion zsh > \"${fpath[1]}/_%[1]s\"\n", app.Name)
	function := func(path string) string {
		return "_" + strings.ReplaceAll(strings.TrimSpace(app.Name+" "+path), " ", "_")
	}
	quote := strings.NewReplacer(`'`, `'\''`, `[`, `\[`, `]`, `\]`, `:`, `\:`).Replace
	action := func(v *kong.Value) string {
		if c := choices(v); c != nil {
			return "(" + strings.Join(c, " ") + ")"
		}
		if isPath(v) || v.Flag == nil {
			return "_files"
		}
		return " "
	}
	commands(app.Node, nil, func(path string, n *kong.Node) {
		fmt.Fprintf(w, "%s() {\n  local state line\n  _arguments -C", function(path))
		for _, f := range flagsOf(n) {
			for _, s := range spellings(f) {
				fmt.Fprintf(w, " \\\n    '%s[%s]", s, quote(f.Help))
				if takesValue(f) {
					fmt.Fprintf(w, ":%s:%s", quote(f.Name), action(f.Value))
				}
				fmt.Fprint(w, "'")
			}
		}
		if len(visible(n)) > 0 {
			fmt.Fprint(w, " \\\n    '1:command:->command' '*::argument:->argument'\n  case $state in\n  command)\n    local -a list=(")
			for _, c := range visible(n) {
				fmt.Fprintf(w, " '%s:%s'", c.Name, quote(c.Help))
			}
			fmt.Fprint(w, ")\n    _describe command list ;;\n  argument)\n    case $line[1] in\n")
			for _, c := range visible(n) {
				fmt.Fprintf(w, "    %s) %s ;;\n", c.Name, function(strings.TrimSpace(path+" "+c.Name)))
			}
			fmt.Fprint(w, "    esac ;;\n  esac\n}\n")
			return
		}
		for _, p := range n.Positional {
			fmt.Fprintf(w, " \\\n    '*:%s:%s'", quote(p.Name), action(p))
			break // a second "any number of words" would be ignored
		}
		fmt.Fprint(w, "\n}\n")
	})
	fmt.Fprintf(w, "if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _%[1]s \"$@\"; else compdef _%[1]s %[1]s; fi\n", app.Name)
}

func fish(w io.Writer, app *kong.Application) {
	fmt.Fprintf(w, "# fish completion of %[1]s: %[1]s completion fish > ~/.config/fish/completions/%[1]s.fish\ncomplete -c %[1]s -f\n", app.Name)
	quote := strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace
	commands(app.Node, nil, func(path string, n *kong.Node) {
		var seen []string
		for word := range strings.FieldsSeq(path) {
			seen = append(seen, "__fish_seen_subcommand_from "+word)
		}
		var names []string
		for _, c := range visible(n) {
			names = append(names, c.Name)
		}
		for _, c := range visible(n) {
			when := slices.Concat(seen, []string{"not __fish_seen_subcommand_from " + strings.Join(names, " ")})
			fmt.Fprintf(w, "complete -c %s -n '%s' -a %s -d '%s'\n", app.Name, strings.Join(when, "; and "), c.Name, quote(c.Help))
		}
		when := ""
		if len(seen) > 0 {
			when = " -n '" + strings.Join(seen, "; and ") + "'"
		}
		for _, f := range n.Flags {
			fmt.Fprintf(w, "complete -c %s%s -l %s", app.Name, when, f.Name)
			if f.Short != 0 {
				fmt.Fprintf(w, " -s %c", f.Short)
			}
			if takesValue(f) {
				fmt.Fprint(w, " -r")
			}
			if c := choices(f.Value); c != nil {
				fmt.Fprintf(w, " -f -a '%s'", strings.Join(c, " "))
			} else if isPath(f.Value) {
				fmt.Fprint(w, " -F")
			}
			fmt.Fprintf(w, " -d '%s'\n", quote(f.Help))
		}
		for _, p := range n.Positional {
			if c := choices(p); c != nil {
				fmt.Fprintf(w, "complete -c %s%s -a '%s'\n", app.Name, when, strings.Join(c, " "))
			} else {
				fmt.Fprintf(w, "complete -c %s%s -F\n", app.Name, when)
			}
		}
	})
}
