package cmdline

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// Reference returns the page of a program's commands as Markdown, made from
// the same model as its help. Flags of the groups in leaveOut are described
// elsewhere.
func Reference(app *kong.Application, leaveOut func(group string) bool) string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "## %s\n\n%s\n", app.Name, paragraphs(app.Help))
	if app.Detail != "" {
		fmt.Fprintf(&b, "\n%s\n", paragraphs(app.Detail))
	}
	commands(app.Node, nil, func(path string, n *kong.Node) {
		if path == "" {
			flagTable(&b, "For all commands", n.Flags, leaveOut)
			fmt.Fprintln(&b)
			return
		}
		if len(n.Children) > 0 {
			return
		}
		fmt.Fprintf(&b, "### %s %s\n\n`%s %s`\n\n%s\n", app.Name, path, app.Name, strings.TrimSuffix(n.Summary(), " [flags]"), paragraphs(n.Help))
		if n.Detail != "" {
			fmt.Fprintf(&b, "\n%s\n", paragraphs(n.Detail))
		}
		if len(n.Positional) > 0 {
			fmt.Fprint(&b, "\n| argument | meaning |\n| --- | --- |\n")
			for _, p := range n.Positional {
				fmt.Fprintf(&b, "| `%s` | %s |\n", p.ShortSummary(), cell(p.Help))
			}
		}
		flagTable(&b, "", n.Flags, leaveOut)
		fmt.Fprintln(&b)
	})
	return b.String()
}

func flagTable(b *bytes.Buffer, title string, flags []*kong.Flag, leaveOut func(string) bool) {
	var rows []string
	for _, f := range flags {
		if f.Hidden || f.Group != nil && leaveOut(f.Group.Key) {
			continue
		}
		spelled := f.String()
		if f.IsBool() {
			names := spellings(f)
			slices.Reverse(names)
			spelled = strings.Join(names, ", ")
		}
		rows = append(rows, fmt.Sprintf("| `%s` | %s |\n", cell(spelled), cell(f.Help)))
	}
	if len(rows) == 0 {
		return
	}
	if title != "" {
		fmt.Fprintf(b, "\n%s:\n", title)
	}
	fmt.Fprintf(b, "\n| flag | meaning |\n| --- | --- |\n%s", strings.Join(rows, ""))
}

func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

// paragraphs turns help text into Markdown: its indented lines are code.
func paragraphs(s string) string {
	var out []string
	code := false
	for line := range strings.SplitSeq(strings.TrimSpace(s), "\n") {
		indented := strings.HasPrefix(line, "  ") || strings.HasPrefix(line, "\t")
		if indented != code && strings.TrimSpace(line) != "" {
			if code && out[len(out)-1] == "" {
				out = append(out[:len(out)-1], "```", "")
			} else {
				out = append(out, "```")
			}
			code = indented
		}
		out = append(out, strings.TrimPrefix(strings.TrimPrefix(line, "\t"), "  "))
	}
	if code {
		out = append(out, "```")
	}
	return strings.Join(out, "\n")
}
