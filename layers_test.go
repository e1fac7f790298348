package coffer_test

// The repository guards itself: this test reads every package of the module
// and fails when a house rule of ARCHITECTURE.md is broken. The checker works
// on a description of a module, so TestHouseRulesBite can plant a breach of
// each rule and see it reported.

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "coffer"

// maxLines is the longest a Go file may be; generated files are apart.
const maxLines = 600

// floors says how high each package stands: it may import only what stands
// lower. Packages of later issues stand here already; one that is not in the
// table has no place in the house.
var floors = map[string]int{
	"coffer": 1, "internal/cobblestone": 1, "internal/cred": 1, "internal/mail": 1, "internal/config": 1,
	"internal/web": 1, "internal/preview": 1, "internal/picture": 1,

	"internal/db": 2, "internal/blob": 2, "internal/seal": 2, "internal/wire": 2, "internal/auditlog": 2,
	"internal/cmdline": 2,

	"internal/keyring": 3, "internal/content": 3, "internal/jobs": 3, "internal/client": 3, "internal/blob/disk": 3,
	"internal/blob/s3": 3, "internal/blob/blobtest": 3, "internal/db/dbtest": 3,
	"internal/keyring/keyringtest": 4,

	"internal/accounts": 4, "internal/files": 4,

	"internal/gate": 5,

	"internal/api": 6, "internal/dav": 6, "internal/tus": 6, "internal/pages": 6,

	"internal/server": 7,

	"cmd/coffer": 8, "cmd/cofferd": 8, "internal/coffertest": 8,
}

// testSupport are packages that tests anywhere may import, and only tests.
var testSupport = []string{"internal/blob/blobtest", "internal/db/dbtest", "internal/keyring/keyringtest", "internal/coffertest"}

// mayNot names, beyond the floors, what a package must not know: packages of
// ours, or of others.
var mayNot = map[string][]string{
	"internal/accounts": {"net/http"},
	"internal/files":    {"net/http"},
	"internal/gate":     {"internal/files", "internal/db"},
	"internal/api":      {"internal/db", "internal/blob", "internal/content", "internal/keyring", "internal/seal"},
	"internal/dav":      {"internal/db", "internal/blob", "internal/content", "internal/keyring", "internal/seal"},
	"internal/tus":      {"internal/db", "internal/blob", "internal/content", "internal/keyring", "internal/seal"},
	"internal/pages":    {"internal/db", "internal/blob", "internal/content", "internal/keyring", "internal/seal"},
}

// only names packages that know nothing of ours but these.
var only = map[string][]string{
	"cmd/coffer": {"coffer", "internal/client", "internal/cmdline", "internal/wire"},
}

// readers names packages that only these import, tests apart.
var readers = map[string][]string{
	"internal/config":  {"cmd/cofferd"},
	"internal/cmdline": {"cmd/coffer", "cmd/cofferd"},
}

// A pkg is one package as the rules see it. Paths of ours are relative to the
// module, the root package is "coffer".
type pkg struct {
	path                 string
	imports, testImports []string
	files                []source
}

type source struct {
	name string // base name
	text string
}

func (s source) isTest() bool { return strings.HasSuffix(s.name, "_test.go") }

var generated = regexp.MustCompile(`(?m)^// Code generated .* DO NOT EDIT\.$`)

// check returns what breaks the house rules, one sentence each.
func check(pkgs []pkg) []string {
	var bad []string
	for _, p := range pkgs {
		report := func(format string, a ...any) { bad = append(bad, p.path+": "+fmt.Sprintf(format, a...)) }
		floor, known := floors[p.path]
		if !known {
			report("has no floor: give it one in layers_test.go and ARCHITECTURE.md")
			continue
		}
		for _, i := range p.imports {
			checkImport(p.path, floor, i, report)
			if slices.Contains(testSupport, i) && !slices.Contains(testSupport, p.path) {
				report("imports %s, which is for tests only", i)
			}
		}
		for _, i := range p.testImports {
			if i != p.path && !slices.Contains(testSupport, i) && floors[i] >= floor {
				report("its tests import %s, which stands on floor %d, not below floor %d", i, floors[i], floor)
			}
		}
		documented := false
		for _, f := range p.files {
			documented = checkFile(p.path, f, report) || documented
		}
		if !documented {
			report("has no package comment")
		}
	}
	return bad
}

func checkImport(from string, floor int, to string, report func(string, ...any)) {
	toFloor, ours := floors[to]
	if ours && toFloor >= floor {
		report("imports %s, which stands on floor %d, not below floor %d", to, toFloor, floor)
	}
	if r := readers[to]; r != nil && !slices.Contains(r, from) {
		report("imports %s, which only %s may read", to, strings.Join(r, ", "))
	}
	if slices.Contains(mayNot[from], to) {
		report("may not know %s", to)
	}
	if allowed := only[from]; ours && allowed != nil && !slices.Contains(allowed, to) {
		report("may know only %s of ours, not %s", strings.Join(allowed, ", "), to)
	}
}

// checkFile checks one file and tells whether it holds the package comment.
func checkFile(in string, f source, report func(string, ...any)) (documented bool) {
	fset := token.NewFileSet()
	tree, err := parser.ParseFile(fset, f.name, f.text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		report("%v", err)
		return false
	}
	at := func(n ast.Node, format string, a ...any) {
		report("%s:%d: %s", f.name, fset.Position(n.Pos()).Line, fmt.Sprintf(format, a...))
	}
	if n := strings.Count(f.text, "\n"); n > maxLines && !generated.MatchString(f.text) {
		report("%s has %d lines, more than %d", f.name, n, maxLines)
	}
	cipherName := ""
	for _, i := range tree.Imports {
		if i.Path.Value == `"crypto/cipher"` {
			cipherName = "cipher"
			if i.Name != nil {
				cipherName = i.Name.Name
			}
		}
	}
	door := in == "internal/files" && f.name != "access.go" && !f.isTest()
	ast.Inspect(tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			x, _ := n.X.(*ast.Ident)
			switch name := n.Sel.Name; {
			case cipherName != "" && x != nil && x.Name == cipherName && strings.HasPrefix(name, "NewGCM") && in != "internal/cobblestone" && !f.isTest():
				at(n, "cipher.%s: only cobblestone uses raw AES-GCM", name)
			case door && (name == "View" || name == "Update"):
				at(n, ".%s: the database is opened only in access.go", name)
			case f.isTest() && (name == "Skip" || name == "Skipf" || name == "SkipNow"):
				at(n, ".%s: a test that is skipped proves nothing", name)
			}
		case *ast.CallExpr:
			if s, ok := n.Fun.(*ast.SelectorExpr); ok && s.Sel.Name == "Raw" && len(n.Args) == 0 && in != "internal/jobs" && !f.isTest() {
				at(n, ".Raw(): only jobs gets the driver's transaction")
			}
			if id, ok := n.Fun.(*ast.Ident); ok && door {
				if id.Name == "pass" || id.Name == "new" && len(n.Args) == 1 && isPass(n.Args[0]) {
					at(n, "a pass is made only in access.go")
				}
			}
		case *ast.CompositeLit:
			if door && (isPass(n.Type) || n.Type != nil && elementIsPass(n.Type) && slices.ContainsFunc(n.Elts, isLiteral)) {
				at(n, "a pass is made only in access.go")
			}
		case *ast.FuncDecl:
			if n.Recv == nil && n.Name.Name == "init" {
				at(n, "func init: nothing happens before main")
			}
		case *ast.ImportSpec:
			if n.Name != nil && n.Name.Name == "." {
				at(n, "dot import: it hides whose name is whose, from this test too")
			}
		}
		return true
	})
	return !f.isTest() && tree.Doc != nil && strings.TrimSpace(tree.Doc.Text()) != ""
}

func isPass(e ast.Expr) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == "pass"
}

// elementIsPass: []pass, [n]pass, map[k]pass and the same with *pass, whose
// elements may be written without the type.
func elementIsPass(e ast.Expr) bool {
	switch t := e.(type) {
	case *ast.ArrayType:
		e = t.Elt
	case *ast.MapType:
		e = t.Value
	default:
		return false
	}
	if s, ok := e.(*ast.StarExpr); ok {
		e = s.X
	}
	return isPass(e)
}

func isLiteral(e ast.Expr) bool {
	if kv, ok := e.(*ast.KeyValueExpr); ok {
		e = kv.Value
	}
	_, ok := e.(*ast.CompositeLit)
	return ok
}

// load describes the packages of the module that go list finds.
func load(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Dir,GoFiles,CgoFiles,TestGoFiles,XTestGoFiles,IgnoredGoFiles,Imports,TestImports,XTestImports", "./...")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &stderr)
	}
	var pkgs []pkg
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var l struct {
			ImportPath, Dir                                              string
			GoFiles, CgoFiles, TestGoFiles, XTestGoFiles, IgnoredGoFiles []string
			Imports, TestImports, XTestImports                           []string
		}
		if err := d.Decode(&l); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		p := pkg{path: rel(l.ImportPath)}
		for _, i := range l.Imports {
			p.imports = append(p.imports, rel(i))
		}
		for _, i := range slices.Concat(l.TestImports, l.XTestImports) {
			p.testImports = append(p.testImports, rel(i))
		}
		for _, f := range slices.Concat(l.GoFiles, l.CgoFiles, l.TestGoFiles, l.XTestGoFiles, l.IgnoredGoFiles) {
			b, err := os.ReadFile(filepath.Join(l.Dir, f))
			if err != nil {
				t.Fatal(err)
			}
			p.files = append(p.files, source{f, string(b)})
		}
		pkgs = append(pkgs, p)
	}
	return pkgs
}

func rel(importPath string) string { return strings.TrimPrefix(importPath, module+"/") }

func TestHouseRules(t *testing.T) {
	pkgs := load(t)
	if len(pkgs) == 0 || !slices.ContainsFunc(pkgs, func(p pkg) bool { return p.path == module }) {
		t.Fatalf("go list found %d packages and not the root: the rules were not checked", len(pkgs))
	}
	for _, b := range check(pkgs) {
		t.Error(b)
	}
}

// TestHouseRulesBite plants one breach of each rule into an otherwise clean
// package and wants it, and nothing else, reported.
func TestHouseRulesBite(t *testing.T) {
	const doc = "// Package p is documented.\npackage p\n"
	long := func(head string) string { return head + strings.Repeat("\n", maxLines+1) }
	rows := []struct {
		name string
		p    pkg
		file string // name of the planted file; default p.go
		text string // what stands in it after the documented package clause
		want string // part of the one complaint; empty: none
	}{
		{"clean", pkg{path: "internal/files", imports: []string{"internal/db", "coffer", "fmt", "github.com/google/uuid"}}, "", "", ""},

		{"no floor", pkg{path: "internal/util"}, "", "", "has no floor"},
		{"import upwards", pkg{path: "internal/db", imports: []string{"internal/files"}}, "", "", "stands on floor 4"},
		{"import sideways", pkg{path: "internal/accounts", imports: []string{"internal/files"}}, "", "", "stands on floor 4"},
		{"root imports ours", pkg{path: "coffer", imports: []string{"internal/cred"}}, "", "", "not below floor 1"},
		{"import the root", pkg{path: "internal/cred", imports: []string{"coffer"}}, "", "", "not below floor 1"},
		{"test imports upwards", pkg{path: "internal/db", testImports: []string{"internal/db", "internal/files"}}, "", "", "its tests import internal/files"},
		{"test imports its helpers", pkg{path: "internal/db", testImports: []string{"internal/db", "internal/db/dbtest", "internal/keyring/keyringtest", "internal/coffertest"}}, "", "", ""},
		{"product imports test helper", pkg{path: "internal/files", imports: []string{"internal/db/dbtest"}}, "", "", "for tests only"},
		{"api knows db", pkg{path: "internal/api", imports: []string{"internal/db"}}, "", "", "may not know internal/db"},
		{"gate knows files", pkg{path: "internal/gate", imports: []string{"internal/files"}}, "", "", "may not know internal/files"},
		{"files knows HTTP", pkg{path: "internal/files", imports: []string{"net/http"}}, "", "", "may not know net/http"},
		{"CLI knows db", pkg{path: "cmd/coffer", imports: []string{"coffer", "internal/client", "internal/db"}}, "", "", "may know only"},
		{"CLI knows the server", pkg{path: "cmd/coffer", imports: []string{"internal/server"}}, "", "", "may know only"},
		{"server reads config", pkg{path: "internal/server", imports: []string{"internal/config"}}, "", "", "only cmd/cofferd may read"},

		{"long file", pkg{path: "internal/db"}, "", long(""), "lines, more than 600"},
		{"long test", pkg{path: "internal/db"}, "p_test.go", long(""), "lines, more than 600"},
		{"long generated file", pkg{path: "internal/db"}, "", long("// Code generated by hand. DO NOT EDIT.\n"), ""},
		{"broken file", pkg{path: "internal/db"}, "", "func {", "expected"},
		{"init", pkg{path: "internal/db"}, "", "func init() {}", "func init"},
		{"method init", pkg{path: "internal/db"}, "", "func (t T) init() {}", ""},
		{"skip", pkg{path: "internal/db"}, "p_test.go", `func TestX(t *testing.T) { t.Skip("no database") }`, "proves nothing"},
		{"dot import", pkg{path: "internal/db"}, "", `import . "crypto/cipher"`, "dot import"},

		{"GCM outside", pkg{path: "internal/seal"}, "", "import \"crypto/cipher\"\nvar a, _ = cipher.NewGCM(nil)", "only cobblestone"},
		{"GCM outside, renamed", pkg{path: "internal/seal"}, "", "import c \"crypto/cipher\"\nvar a, _ = c.NewGCMWithNonceSize(nil, 8)", "only cobblestone"},
		{"GCM as a value", pkg{path: "internal/seal"}, "", "import \"crypto/cipher\"\nvar f = cipher.NewGCM", "only cobblestone"},
		{"GCM inside", pkg{path: "internal/cobblestone"}, "", "import \"crypto/cipher\"\nvar a, _ = cipher.NewGCM(nil)", ""},
		{"GCM of something else", pkg{path: "internal/seal"}, "", "var a = mine.NewGCM()", ""},

		{"pass made", pkg{path: "internal/files"}, "rename.go", "func f() { p := pass{node: n}; use(p) }", "pass is made"},
		{"pass made by address", pkg{path: "internal/files"}, "rename.go", "func f() { use(&pass{}) }", "pass is made"},
		{"pass made by new", pkg{path: "internal/files"}, "rename.go", "func f() { use(new(pass)) }", "pass is made"},
		{"pass made by conversion", pkg{path: "internal/files"}, "rename.go", "func f() { use(pass(x)) }", "pass is made"},
		{"pass made in a list", pkg{path: "internal/files"}, "rename.go", "func f() { use([]pass{{node: n}}) }", "pass is made"},
		{"pass made in a map", pkg{path: "internal/files"}, "rename.go", `func f() { use(map[string]*pass{"a": {node: n}}) }`, "pass is made"},
		{"passes listed", pkg{path: "internal/files"}, "rename.go", "func f(a, b pass) { use([]pass{a, b}) }", ""},
		{"pass made at the door", pkg{path: "internal/files"}, "access.go", "func f() { use(pass{node: n}) }", ""},
		{"a pass elsewhere", pkg{path: "internal/gate"}, "", "func f() { use(pass{}) }", ""},

		{"database changed", pkg{path: "internal/files"}, "trash.go", "func f() { s.db.Update(ctx, fn) }", "database is opened"},
		{"database read", pkg{path: "internal/files"}, "trash.go", "func f() { s.db.View(ctx, fn) }", "database is opened"},
		{"database handed on", pkg{path: "internal/files"}, "trash.go", "var open = s.db.Update", "database is opened"},
		{"database opened at the door", pkg{path: "internal/files"}, "access.go", "func f() { s.db.Update(ctx, fn) }", ""},
		{"database opened by accounts", pkg{path: "internal/accounts"}, "", "func f() { s.db.Update(ctx, fn) }", ""},
		{"raw transaction", pkg{path: "internal/files"}, "", "func f() { tx.Raw().Exec(q) }", "only jobs"},
		{"raw transaction in jobs", pkg{path: "internal/jobs"}, "", "func f() { tx.Raw() }", ""},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			r.p.files = []source{{"doc.go", doc}, {cmp.Or(r.file, "p.go"), "package p\n" + r.text}}
			bad := check([]pkg{r.p})
			switch {
			case r.want == "" && len(bad) > 0:
				t.Errorf("complaints about a clean package: %q", bad)
			case r.want != "" && (len(bad) != 1 || !strings.Contains(bad[0], r.want)):
				t.Errorf("got %q, want one complaint with %q", bad, r.want)
			}
		})
	}
	for name, files := range map[string][]source{
		"none":           {{"p.go", "package p\n"}},
		"in a test only": {{"p.go", "package p\n"}, {"p_test.go", doc}},
		"detached":       {{"p.go", "// Package p.\n\npackage p\n"}},
	} {
		if bad := check([]pkg{{path: "internal/db", files: files}}); len(bad) != 1 || !strings.Contains(bad[0], "no package comment") {
			t.Errorf("comment %s: got %q", name, bad)
		}
	}
	// The table itself: folders of one parent keep the parent's floor below them.
	for p, f := range floors {
		if up, ok := floors[path.Dir(p)]; ok && up >= f {
			t.Errorf("%s stands on floor %d, not above its parent", p, f)
		}
	}
}
