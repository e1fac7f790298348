package config

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// Prefix starts the name of every variable: COFFER_ and the flag in capitals.
const Prefix = "COFFER_"

// ofOthers are variables of the program coffer and of "make test", which starts
// real servers in its own environment; the server ignores them.
var ofOthers = []string{"COFFER_HOME", "COFFER_SERVER", "COFFER_TOKEN", "COFFER_SOAK", "COFFER_TEST_POSTGRES", "COFFER_TEST_CHROMIUM"}

// Variable is the environment variable of a setting.
func Variable(name string) string {
	return Prefix + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

// Spec describes one setting, as written in the tags of Config.
type Spec struct {
	Name, Default, Help, Group, Enum string
	Secret                           bool
	index                            int
}

// Specs lists the settings in the order of Config.
func Specs() []Spec {
	t := reflect.TypeFor[Config]()
	var out []Spec
	for i := range t.NumField() {
		tag := t.Field(i).Tag
		name, ok := tag.Lookup("name")
		if !ok {
			continue
		}
		_, secret := tag.Lookup("secret")
		out = append(out, Spec{Name: name, Default: tag.Get("default"), Help: tag.Get("help"), Group: tag.Get("group"), Enum: tag.Get("enum"), Secret: secret, index: i})
	}
	return out
}

// Sources fills settings that no flag sets, from variables and the file, and
// remembers where each value came from. It is a kong.Resolver, made for one
// parse. (kong's own handling would let a file beat a variable.)
type Sources struct {
	env    map[string]string
	file   map[string]line
	loaded bool
	err    error // of reading the file
	specs  map[string]Spec
	from   map[string]string // setting -> where from, for those not default
}

type line struct {
	value string
	at    string // file:line
}

var _ kong.Resolver = (*Sources)(nil)

// NewSources takes the environment as os.Environ gives it.
func NewSources(environ []string) *Sources {
	s := &Sources{env: map[string]string{}, specs: map[string]Spec{}, from: map[string]string{}}
	for _, kv := range environ {
		if k, v, _ := strings.Cut(kv, "="); strings.HasPrefix(k, Prefix) {
			s.env[k] = v
		}
	}
	for _, spec := range Specs() {
		s.specs[spec.Name] = spec
	}
	return s
}

// Validate has nothing to do: Check comes later.
func (s *Sources) Validate(*kong.Application) error { return nil }

// Resolve gives kong the text for a setting that no flag set.
func (s *Sources) Resolve(ctx *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	if !s.loaded {
		s.loaded = true
		s.err = s.load(ctx)
	}
	if _, ok := s.specs[flag.Name]; !ok {
		return nil, nil
	}
	if v, ok := s.env[Variable(flag.Name)]; ok {
		s.from[flag.Name] = Variable(flag.Name)
		return v, nil
	}
	if l, ok := s.file[flag.Name]; ok {
		s.from[flag.Name] = l.at
		return l.value, nil
	}
	return nil, nil
}

// Check refuses unknown variables and unknown names in the file, then checks
// the values. Commands that need no configuration do not call it.
func (s *Sources) Check(c *Config) error {
	err := c.Check()
	if bad, ok := errors.AsType[Problems](err); ok {
		for i := range bad {
			bad[i].Source = s.from[bad[i].Name]
		}
	}
	return errors.Join(s.unknown(c.Key.Env), s.err, err)
}

func (s *Sources) unknown(keyVariable string) error {
	known := map[string]bool{keyVariable: true}
	for name := range s.specs {
		known[Variable(name)] = true
	}
	var bad []error
	for _, k := range slices.Sorted(maps.Keys(s.env)) {
		if !known[k] && !slices.Contains(ofOthers, k) {
			name := strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(k, Prefix), "_", "-"))
			bad = append(bad, fmt.Errorf("the variable %s=%q is no setting%s", k, shown(k, s.env[k]), s.hint(name, Variable)))
		}
	}
	return errors.Join(bad...)
}

// load notes what flags set, and reads the file if one is named.
func (s *Sources) load(ctx *kong.Context) error {
	path := s.env[Variable("config")]
	for _, p := range ctx.Path {
		if p.Flag == nil {
			continue
		}
		if _, ours := s.specs[p.Flag.Name]; ours {
			s.from[p.Flag.Name] = "--" + p.Flag.Name
			if p.Flag.Name == "config" {
				path, _ = ctx.FlagValue(p.Flag).(string)
			}
		}
	}
	if path == "" {
		return nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("the settings file: %w", err)
	}
	s.file, err = s.parse(path, string(text))
	return err
}

// shown masks the value of a variable that nobody knows, when its name sounds
// like a secret.
func shown(name, value string) string {
	for _, word := range []string{"PASS", "SECRET", "TOKEN", "KEY", "DATABASE", "DSN"} {
		if strings.Contains(name, word) {
			return mask(value)
		}
	}
	return value
}

// parse reads a settings file: "name = value" lines, empty lines, # comments.
func (s *Sources) parse(path, text string) (map[string]line, error) {
	out := map[string]line{}
	var bad []error
	for i, l := range strings.Split(strings.TrimPrefix(text, "\ufeff"), "\n") {
		l = strings.TrimSpace(l)
		if l == "" || strings.HasPrefix(l, "#") {
			continue
		}
		at := fmt.Sprintf("%s:%d", path, i+1)
		name, value, ok := strings.Cut(l, "=")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		_, known := s.specs[name]
		switch {
		case !ok:
			bad = append(bad, fmt.Errorf("%s: a line must be \"name = value\"", at))
		case !known || name == "config":
			bad = append(bad, fmt.Errorf("%s: %q = %q is no setting%s", at, name, shown(strings.ToUpper(name), value), s.hint(name, func(n string) string { return n })))
		case out[name].at != "":
			bad = append(bad, fmt.Errorf("%s: %s stands in the file twice (also %s)", at, name, out[name].at))
		default:
			out[name] = line{value, at}
		}
	}
	return out, errors.Join(bad...)
}

// hint proposes the setting whose name is nearest to a wrong one.
func (s *Sources) hint(wrong string, form func(string) string) string {
	best, least := "", len(wrong)/2+1
	for name := range s.specs {
		if d := distance(wrong, name); d < least || d == least && name < best {
			best, least = name, d
		}
	}
	if best == "" {
		return "; \"cofferd config\" lists them all"
	}
	return "; did you mean " + form(best) + "?"
}

// distance is Levenshtein's.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			if a[i] != b[j] {
				diagonal++
			}
			next := min(row[j]+1, row[j+1]+1, diagonal)
			diagonal, row[j+1] = row[j+1], next
		}
	}
	return row[len(b)]
}

// A Setting is one effective value, fit to be shown.
type Setting struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Source string `json:"source"` // --flag, COFFER_VARIABLE, file:line, default
}

// Effective lists all settings of a checked configuration: secrets masked,
// defaults that depend on other settings filled in.
func (s *Sources) Effective(c *Config) []Setting {
	v := reflect.ValueOf(*c)
	var out []Setting
	for _, spec := range Specs() {
		e := Setting{Name: spec.Name, Value: text(v.Field(spec.index)), Source: s.from[spec.Name]}
		if spec.Secret {
			e.Value = mask(e.Value)
		}
		if e.Source == "" {
			e.Source = "default"
		}
		switch {
		case spec.Name == "database" && e.Value == "":
			e.Value = "sqlite:" + c.SQLitePath()
		case spec.Name == "master-key":
			e.Value = c.Key.String()
		case spec.Name == "base-url" && c.Base != nil:
			e.Value = c.Base.String()
		case spec.Name == "smtp-port" && c.SMTPHost != "":
			e.Value = fmt.Sprint(c.SMTPPortOr())
		case spec.Name == "mail-from" && c.Base != nil:
			e.Value = c.From()
		}
		out = append(out, e)
	}
	return out
}

func text(v reflect.Value) string {
	if list, ok := v.Interface().([]string); ok {
		return strings.Join(list, ",")
	}
	return fmt.Sprint(v.Interface())
}
