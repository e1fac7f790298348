// Package config is the server's configuration: one struct, filled from flags,
// COFFER_* variables and an optional file, and checked once. A flag beats a
// variable, a variable beats the file, the file beats the default; the text of
// a value means the same in all three. It knows names, ranges and defaults. It
// must not open what it names: no database, no key, no socket. Only
// cmd/cofferd reads it; everything below is handed values.
package config

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Config holds every setting. The tags are kong's: name, default, help, group,
// enum; "secret" marks what must never be shown. Fields below "Derived" are
// set by Check.
type Config struct {
	File string `name:"config" type:"path" placeholder:"FILE" group:"data" help:"File with settings, one \"name = value\" per line; # starts a comment."`

	Data      string `name:"data" type:"path" default:"./data" placeholder:"DIR" group:"data" help:"Folder of everything that Coffer stores. Made at the first start."`
	Database  string `name:"database" placeholder:"URL" secret:"" group:"data" help:"PostgreSQL to use, as postgres://user:password@host/name. Without it, SQLite in the data folder."`
	MasterKey string `name:"master-key" placeholder:"KEY" group:"data" help:"Where the master key is: file:PATH, a path, env:NAME for a variable that holds it, or transit:NAME for a key of a key management server. Without it, master.key in the data folder."`

	TransitURL       string `name:"transit-url" placeholder:"URL" group:"transit" help:"Address of the key management server, as https://bao.example.org:8200."`
	TransitMount     string `name:"transit-mount" default:"transit" placeholder:"PATH" group:"transit" help:"Where its transit engine is mounted."`
	TransitNamespace string `name:"transit-namespace" placeholder:"NAME" group:"transit" help:"Its namespace."`
	TransitTokenFile string `name:"transit-token-file" type:"path" placeholder:"FILE" group:"transit" help:"File with a token for it, read at each use. Or transit-role-id."`
	TransitRoleID    string `name:"transit-role-id" placeholder:"ID" group:"transit" help:"AppRole to sign in with, instead of a token."`
	TransitSecretID  string `name:"transit-secret-id-file" type:"path" placeholder:"FILE" group:"transit" help:"File with the secret id of the AppRole."`
	TransitCA        string `name:"transit-ca" type:"path" placeholder:"FILE" group:"transit" help:"Certificates (PEM) that vouch for its certificate. Without it, those of the system."`

	Listen     string   `name:"listen" default:"127.0.0.1:8080" placeholder:"ADDR" group:"net" help:"Address and port to answer on. Port 0 takes a free one."`
	BaseURL    string   `name:"base-url" placeholder:"URL" group:"net" help:"Address that people type: https, or http on this machine only. Without it, made from listen."`
	TLSCert    string   `name:"tls-cert" type:"path" placeholder:"FILE" group:"net" help:"Certificate chain (PEM). Together with tls-key, Coffer speaks https itself."`
	TLSKey     string   `name:"tls-key" type:"path" placeholder:"FILE" group:"net" help:"Private key of the certificate (PEM)."`
	Proxies    []string `name:"trusted-proxies" placeholder:"NET,..." group:"net" help:"Networks of reverse proxies whose X-Forwarded-For is believed, such as 10.0.0.0/8."`
	StopWithin Duration `name:"stop-within" default:"30s" group:"net" help:"How long running transfers may go on after a stop was asked for."`

	SMTPHost     string `name:"smtp-host" placeholder:"HOST" group:"mail" help:"Mail server. Without it, mails are written into the folder outbox in the data folder."`
	SMTPPort     int    `name:"smtp-port" default:"0" placeholder:"PORT" group:"mail" help:"Port of the mail server. 0: 587 with starttls, 465 with tls, 25 with none."`
	SMTPSecurity string `name:"smtp-security" enum:"starttls,tls,none" default:"starttls" group:"mail" help:"How the way to the mail server is protected: starttls, tls or none."`
	SMTPUser     string `name:"smtp-user" placeholder:"NAME" group:"mail" help:"Name to sign in to the mail server with."`
	SMTPPassword string `name:"smtp-password" placeholder:"PASSWORD" secret:"" group:"mail" help:"Password for the mail server. Better use smtp-password-file."`
	SMTPPassFile string `name:"smtp-password-file" type:"path" placeholder:"FILE" group:"mail" help:"File that holds the password for the mail server."`
	MailFrom     string `name:"mail-from" placeholder:"ADDRESS" group:"mail" help:"Sender of mails. Without it, coffer@ and the host of base-url."`

	TrashKeep    Duration `name:"trash-keep" default:"30d" group:"care" help:"How long things stay in the trash before they are deleted for ever."`
	VersionsKeep int      `name:"versions-keep" default:"0" placeholder:"N" group:"care" help:"How many older versions of a file stay. 0: all. Versions that are kept for ever do not count and stay."`
	VersionsAge  Duration `name:"versions-age" default:"0s" group:"care" help:"How long a version stays after it was replaced. 0s: for ever."`
	BackupWindow Duration `name:"backup-window" default:"24h" group:"care" help:"How long a backup takes at most, from the copy of the database to the end of that of the blobs. What was deleted stays stored for so long, and a week more."`
	BackupKeep   Duration `name:"backup-keep" default:"30d" group:"care" help:"How long you keep backups. It only tells people when what they delete is gone from these too."`
	ScrubEvery   Duration `name:"scrub-every" default:"7d" group:"care" help:"How often everything stored is read and authenticated in the background. 0s: never."`
	ScrubRate    int      `name:"scrub-rate" default:"8" placeholder:"MIB" group:"care" help:"How many MiB a second that reads at most."`
	Metrics      string   `name:"metrics-listen" placeholder:"ADDR" group:"care" help:"Address and port on which GET /metrics answers, to everybody who reaches it. Without it, there are no metrics."`

	LogLevel    string `name:"log-level" enum:"debug,info,warn,error" default:"info" group:"log" help:"What is logged: debug, info, warn or error."`
	LogFormat   string `name:"log-format" enum:"auto,text,json" default:"auto" group:"log" help:"text, json, or auto: text on a terminal, json otherwise."`
	MemoryLimit int    `name:"memory-limit" default:"96" placeholder:"MIB" group:"log" help:"Soft limit of memory in MiB that the server tries to stay below. 0: none. GOMEMLIMIT beats it."`

	// Derived.
	Base    *url.URL       `kong:"-"` // nil until FixBase when listen has port 0 and base-url is not set
	Trusted []netip.Prefix `kong:"-"`
	Key     KeySpec        `kong:"-"`
	Transit *url.URL       `kong:"-"` // set where Key, or CheckTransit, asks for it
}

// Groups are the headings of the settings in help, by the group tag.
func Groups() map[string]string {
	return map[string]string{
		"data":    "Data and keys:",
		"transit": "Key management server (with master-key transit:NAME):",
		"net":     "Network:",
		"mail":    "Mail:",
		"care":    "Keeping and checking:",
		"log":     "Log and memory:",
	}
}

// Duration is a time.Duration whose text is refused with an example.
type Duration time.Duration

// UnmarshalText reads Go's form of durations, and whole days as 7d.
func (d *Duration) UnmarshalText(b []byte) error {
	s := string(b)
	if days, ok := strings.CutSuffix(s, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n >= 0 && n < 1e5 {
			*d = Duration(time.Duration(n) * 24 * time.Hour)
			return nil
		}
	}
	v, err := time.ParseDuration(s)
	if err != nil || v < 0 {
		return fmt.Errorf("%q is not a length of time: write it like 30s, 24h or 7d", s)
	}
	*d = Duration(v)
	return nil
}

func (d Duration) String() string {
	s := time.Duration(d).String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(s, zero) {
			s = s[:len(s)-2]
		}
	}
	return s
}

// KeySpec says where the master key is: in a file or in a variable.
type KeySpec struct {
	Path    string // of the key file, or
	Env     string // name of the variable, or
	Transit string // name of the key at the key management server
	Own     bool   // the default place, where a first start may generate a key
}

func (k KeySpec) String() string {
	switch {
	case k.Env != "":
		return "env:" + k.Env
	case k.Transit != "":
		return "transit:" + k.Transit
	}
	return "file:" + k.Path
}

// SQLitePath is the database file that is used without a PostgreSQL URL.
func (c *Config) SQLitePath() string { return filepath.Join(c.Data, "coffer.db") }

// A Problem is one setting whose value cannot be used.
type Problem struct {
	Name    string // of the setting
	Value   string // masked when secret
	Allowed string // what may stand there, a sentence
	Source  string // where the value is from, empty for a default
}

func (p Problem) Error() string {
	name := p.Name
	if p.Source != "" {
		name += " (from " + p.Source + ")"
	}
	if p.Value == "" {
		return fmt.Sprintf("%s is not set: %s", name, p.Allowed)
	}
	return fmt.Sprintf("%s is %q: %s", name, p.Value, p.Allowed)
}

// Problems is what Check found, one line each.
type Problems []Problem

func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, one := range p {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// Check looks at every value once and sets the derived fields. It returns all
// that is wrong as Problems.
func (c *Config) Check() error {
	var bad Problems
	wrong := func(name, value, allowed string) {
		bad = append(bad, Problem{Name: name, Value: value, Allowed: allowed})
	}

	if c.Data == "" {
		wrong("data", "", "name a folder")
	}
	if c.Database != "" {
		if u, err := url.Parse(c.Database); err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" || u.Host == "" && u.Query().Get("host") == "" {
			wrong("database", mask(c.Database), "must be like postgres://user:password@host:5432/name; for SQLite leave it out")
		}
	}
	c.checkKey(wrong)
	c.checkNet(wrong)
	c.checkMail(wrong)

	if d := time.Duration(c.StopWithin); d < time.Second || d > time.Hour {
		wrong("stop-within", c.StopWithin.String(), "must be from 1s to 1h")
	}
	c.checkCare(wrong)
	if c.MemoryLimit != 0 && c.MemoryLimit < 64 {
		wrong("memory-limit", strconv.Itoa(c.MemoryLimit), "must be 0 for no limit, or at least 64 (MiB)")
	}
	if len(bad) > 0 {
		return bad
	}
	return nil
}

func (c *Config) checkCare(wrong func(name, value, allowed string)) {
	const day = 24 * time.Hour
	for _, r := range []struct {
		name      string
		value     Duration
		low, high time.Duration
		allowed   string
	}{
		{"trash-keep", c.TrashKeep, day, 3650 * day, "must be from 1d to 3650d"},
		{"versions-age", c.VersionsAge, 0, 36500 * day, "must be from 0s (for ever) to 36500d"},
		{"backup-window", c.BackupWindow, time.Hour, 90 * day, "must be from 1h to 90d: less would let a backup refer to bytes that were removed while it was made"},
		{"backup-keep", c.BackupKeep, time.Hour, 3650 * day, "must be from 1h to 3650d"},
		{"scrub-every", c.ScrubEvery, 0, 365 * day, "must be from 0s (never) to 365d"},
	} {
		if d := time.Duration(r.value); d < r.low || d > r.high {
			wrong(r.name, r.value.String(), r.allowed)
		}
	}
	if c.VersionsKeep < 0 || c.VersionsKeep > 1_000_000 {
		wrong("versions-keep", strconv.Itoa(c.VersionsKeep), "must be from 0 (all) to 1000000")
	}
	if c.ScrubRate < 1 || c.ScrubRate > 10_000 {
		wrong("scrub-rate", strconv.Itoa(c.ScrubRate), "must be from 1 to 10000 (MiB a second)")
	}
	if c.Metrics != "" {
		if _, port, err := net.SplitHostPort(c.Metrics); err != nil || port == "" {
			wrong("metrics-listen", c.Metrics, "must be address:port, like 127.0.0.1:9090")
		}
	}
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

func (c *Config) checkKey(wrong func(name, value, allowed string)) {
	if c.MasterKey == "" {
		c.Key = KeySpec{Path: filepath.Join(c.Data, "master.key"), Own: true}
	} else if key, shown, allowed := ParseKey(c.MasterKey); allowed != "" {
		wrong("master-key", shown, allowed)
	} else {
		c.Key = key
		c.Key.Own = key.Path != "" && filepath.Clean(key.Path) == filepath.Join(c.Data, "master.key")
	}
	if c.Key.Transit != "" {
		for _, p := range c.CheckTransit() {
			wrong(p.Name, p.Value, p.Allowed)
		}
	}
}

// ParseKey reads where a master key is. What is not allowed gives a value that
// may be shown, and what is allowed.
func ParseKey(text string) (k KeySpec, shown, allowed string) {
	kind, rest, found := strings.Cut(text, ":")
	switch {
	case found && kind == "env":
		if !validVariable(rest) {
			// The value is not repeated: somebody may have put the key itself here.
			return k, "env:...", "after env: stands the name of a variable, of letters, digits and _"
		}
		return KeySpec{Env: rest}, "", ""
	case found && kind == "transit":
		if !validTransitName(rest) {
			return k, "transit:...", "after transit: stands the name of a key, of letters, digits, -, _ and ."
		}
		return KeySpec{Transit: rest}, "", ""
	case found && kind == "file" && rest != "":
		return KeySpec{Path: rest}, "", ""
	case found && len(kind) > 1 && !strings.ContainsAny(kind, `/\.`):
		return k, kind + ":...", "must be file:PATH, a path, env:NAME or transit:NAME"
	}
	return KeySpec{Path: text}, "", ""
}

// CheckTransit looks at the settings of the key management server.
func (c *Config) CheckTransit() (bad []Problem) {
	wrong := func(name, value, allowed string) {
		bad = append(bad, Problem{Name: name, Value: value, Allowed: allowed})
	}
	c.Transit = nil
	switch u, err := url.Parse(c.TransitURL); {
	case c.TransitURL == "":
		wrong("transit-url", "", "a master key at a key management server needs its address")
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "" || u.Scheme != "https" && u.Scheme != "http":
		wrong("transit-url", "...", "must be like https://bao.example.org:8200, without user, path or query")
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		wrong("transit-url", c.TransitURL, "http is for this machine only: the keys would travel in the clear")
	default:
		u.Path = ""
		c.Transit = u
	}
	if strings.Trim(c.TransitMount, "/") != c.TransitMount || c.TransitMount == "" || !validTransitName(strings.ReplaceAll(c.TransitMount, "/", "")) {
		wrong("transit-mount", c.TransitMount, "must be a path of letters, digits, -, _ and ., without / at its ends")
	}
	switch {
	case (c.TransitTokenFile == "") == (c.TransitRoleID == ""):
		wrong("transit-token-file", c.TransitTokenFile, "set either transit-token-file, or transit-role-id with transit-secret-id-file")
	case c.TransitRoleID != "" && c.TransitSecretID == "":
		wrong("transit-secret-id-file", "", "transit-role-id needs it")
	}
	return bad
}

func validTransitName(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !strings.ContainsRune("-_.", r) && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
}

func validVariable(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
}

func (c *Config) checkNet(wrong func(name, value, allowed string)) {
	host, port, err := net.SplitHostPort(c.Listen)
	portNum, portErr := strconv.ParseUint(port, 10, 16)
	if err != nil || portErr != nil {
		wrong("listen", c.Listen, "must be address:port, like 127.0.0.1:8080 or [::1]:8080; all addresses: :8080")
		return
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		missing := "tls-key"
		if c.TLSCert == "" {
			missing = "tls-cert"
		}
		wrong(missing, "", "tls-cert and tls-key are needed together")
	}
	c.Trusted = nil
	for _, p := range c.Proxies {
		prefix, err := parsePrefix(p)
		if err != nil {
			wrong("trusted-proxies", p, "must be networks like 10.0.0.0/8 or addresses, separated by commas")
			continue
		}
		c.Trusted = append(c.Trusted, prefix)
	}
	c.Base = nil
	switch {
	case c.BaseURL != "":
		u, reason := parseBase(c.BaseURL)
		if reason != "" {
			wrong("base-url", c.BaseURL, reason)
			return
		}
		c.Base = u
	case !isLoopback(host) && c.TLSCert == "":
		wrong("base-url", "", "listening on "+c.Listen+" needs the https address that people type, and TLS files or a proxy in front")
	case host == "" || isUnspecified(host):
		wrong("base-url", "", "listening on "+c.Listen+" needs the https address that people type")
	case portNum != 0:
		c.Base = c.baseOf(c.Listen)
	}
}

// FixBase completes the base URL when the port was not known before listening.
func (c *Config) FixBase(addr net.Addr) {
	if c.Base == nil {
		c.Base = c.baseOf(addr.String())
	}
}

func (c *Config) baseOf(hostport string) *url.URL {
	u := &url.URL{Scheme: "http", Host: hostport}
	if c.TLSCert != "" {
		u.Scheme = "https"
		u.Host = strings.TrimSuffix(hostport, ":443")
	}
	return u
}

// parseBase reads a base URL; reason says why it is refused.
func parseBase(s string) (u *url.URL, reason string) {
	const form = "must be like https://files.example.org, without user, path or query"
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "" {
		return nil, form
	}
	u.Path = ""
	u.Host = strings.ToLower(u.Host)
	switch u.Scheme {
	case "https":
		u.Host = strings.TrimSuffix(u.Host, ":443")
	case "http":
		if !isLoopback(u.Hostname()) {
			return nil, "http is for this machine only, because browsers drop the session cookie elsewhere: use TLS files or a proxy, and an https address here"
		}
		u.Host = strings.TrimSuffix(u.Host, ":80")
	default:
		return nil, form
	}
	return u, ""
}

// isLoopback reports whether a host name or address is this machine.
func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsLoopback()
}

func isUnspecified(host string) bool {
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsUnspecified()
}

func parsePrefix(s string) (netip.Prefix, error) {
	s = strings.TrimSpace(s)
	if a, err := netip.ParseAddr(s); err == nil {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	return p.Masked(), err
}

func (c *Config) checkMail(wrong func(name, value, allowed string)) {
	if c.SMTPHost == "" {
		for _, s := range [][2]string{{"smtp-user", c.SMTPUser}, {"smtp-password", mask(c.SMTPPassword)}, {"smtp-password-file", c.SMTPPassFile}} {
			if s[1] != "" {
				wrong(s[0], s[1], "needs smtp-host too")
			}
		}
	} else if strings.ContainsAny(c.SMTPHost, ":/@ ") && net.ParseIP(c.SMTPHost) == nil {
		wrong("smtp-host", c.SMTPHost, "must be a host name or address; the port stands in smtp-port")
	}
	if c.SMTPPort < 0 || c.SMTPPort > 65535 {
		wrong("smtp-port", strconv.Itoa(c.SMTPPort), "must be from 1 to 65535, or 0 for the usual one")
	}
	if c.SMTPPassword != "" && c.SMTPPassFile != "" {
		wrong("smtp-password-file", c.SMTPPassFile, "set either smtp-password or smtp-password-file")
	}
	if c.SMTPUser != "" && c.SMTPSecurity == "none" && !isLoopback(c.SMTPHost) {
		wrong("smtp-security", "none", "signing in needs starttls or tls: the password would travel in the clear")
	}
	if at := strings.LastIndexByte(c.MailFrom, '@'); c.MailFrom != "" && (at < 1 || at == len(c.MailFrom)-1 || strings.ContainsFunc(c.MailFrom, func(r rune) bool { return isControl(r) || r == ' ' || r == '<' || r == '>' })) {
		wrong("mail-from", c.MailFrom, "must be an address like coffer@example.org")
	}
}

// SMTPPortOr returns the port of the mail server.
func (c *Config) SMTPPortOr() int {
	return cmp.Or(c.SMTPPort, map[string]int{"starttls": 587, "tls": 465, "none": 25}[c.SMTPSecurity])
}

// From returns the sender of mails. Base must be set.
func (c *Config) From() string {
	host := c.Base.Hostname()
	if ip := net.ParseIP(host); ip != nil {
		host = "[" + host + "]" // an address literal is a valid domain in mail
		if ip.IsLoopback() {
			host = "localhost"
		}
	}
	return cmp.Or(c.MailFrom, "coffer@"+host)
}

// mask hides a secret, and of a URL only the password.
func mask(s string) string {
	if s == "" {
		return ""
	}
	if u, err := url.Parse(s); err == nil && u.Host != "" && slices.Contains([]string{"postgres", "postgresql"}, u.Scheme) {
		q := u.Query()
		if q.Has("password") {
			q.Set("password", "xxxxx")
			u.RawQuery = q.Encode()
		}
		return u.Redacted()
	}
	return "xxxxx"
}
