package config_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"coffer/internal/config"
)

// load fills a configuration the way cofferd does.
func load(t *testing.T, args, env []string) (*config.Config, *config.Sources, error) {
	t.Helper()
	var c config.Config
	src := config.NewSources(env)
	k, err := kong.New(&c, kong.Name("cofferd"), kong.Resolvers(src), kong.ExplicitGroups(groups()))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Parse(args); err != nil {
		return &c, src, err
	}
	return &c, src, src.Check(&c)
}

func groups() (out []kong.Group) {
	for key, title := range config.Groups() {
		out = append(out, kong.Group{Key: key, Title: title})
	}
	return out
}

func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "coffer.conf")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPrecedence(t *testing.T) {
	conf := file(t, "# comment\n\nlisten = 127.0.0.1:1\nlog-level=warn\r\n data = /from/file\n")
	rows := []struct {
		name         string
		args, env    []string
		listen, from string
	}{
		{"default", nil, nil, "127.0.0.1:8080", "default"},
		{"file", []string{"--config", conf}, nil, "127.0.0.1:1", conf + ":3"},
		{"file named by a variable", nil, []string{"COFFER_CONFIG=" + conf}, "127.0.0.1:1", conf + ":3"},
		{"variable beats file", []string{"--config", conf}, []string{"COFFER_LISTEN=127.0.0.1:2"}, "127.0.0.1:2", "COFFER_LISTEN"},
		{"flag beats both", []string{"--config", conf, "--listen", "127.0.0.1:3"}, []string{"COFFER_LISTEN=127.0.0.1:2"}, "127.0.0.1:3", "--listen"},
		{"flag of the default's value", []string{"--listen=127.0.0.1:8080"}, []string{"COFFER_LISTEN=127.0.0.1:2"}, "127.0.0.1:8080", "--listen"},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			c, src, err := load(t, r.args, r.env)
			if err != nil {
				t.Fatal(err)
			}
			if c.Listen != r.listen {
				t.Errorf("listen = %q, want %q", c.Listen, r.listen)
			}
			for _, e := range src.Effective(c) {
				if e.Name == "listen" && (e.Source != r.from || e.Value != r.listen) {
					t.Errorf("effective %+v, want %s from %s", e, r.listen, r.from)
				}
			}
		})
	}
	c, _, err := load(t, []string{"--config", conf}, nil)
	if err != nil || c.LogLevel != "warn" || c.Data != "/from/file" {
		t.Errorf("file values: %q %q %v", c.LogLevel, c.Data, err)
	}
}

// TestRefused wants every impossible value refused with its name, its value,
// where it came from and what is allowed, and never a secret.
func TestRefused(t *testing.T) {
	rows := []struct {
		name, file string
		args, env  []string
		want       []string // all of these in the message
	}{
		{name: "unknown variable", env: []string{"COFFER_LISTEM=x"}, want: []string{"COFFER_LISTEM", `"x"`, "did you mean COFFER_LISTEN?"}},
		{name: "unknown secret variable", env: []string{"COFFER_SMTP_PASSWD=hunter2hunter2"}, want: []string{"COFFER_SMTP_PASSWD", "xxxxx", "COFFER_SMTP_PASSWORD"}},
		{name: "unknown far off", env: []string{"COFFER_ZZZZZZZZZZZZ=1"}, want: []string{"COFFER_ZZZZZZZZZZZZ", "lists them all"}},
		{name: "unknown in file", file: "lissten = 1\n", want: []string{":1:", "lissten", "did you mean listen?"}},
		{name: "case in file", file: "Listen = 127.0.0.1:1\n", want: []string{"Listen", "did you mean listen?"}},
		{name: "twice in file", file: "listen = 127.0.0.1:1\n\nlisten = 127.0.0.1:2\n", want: []string{":3:", "twice", ":1"}},
		{name: "no value in file", file: "listen\n", want: []string{":1:", "name = value"}},
		{name: "file names a file", file: "config = x\n", want: []string{"config"}},
		{name: "missing file", args: []string{"--config", "/nowhere/coffer.conf"}, want: []string{"/nowhere/coffer.conf"}},
		{name: "enum", env: []string{"COFFER_LOG_LEVEL=loud"}, want: []string{"log-level", `"loud"`, "debug", "warn"}},
		{name: "enum in file", file: "smtp-security = ssl\n", want: []string{"smtp-security", `"ssl"`, "starttls"}},
		{name: "number", args: []string{"--smtp-port=many"}, want: []string{"smtp-port", `"many"`}},
		{name: "port range", args: []string{"--smtp-port=70000"}, want: []string{"smtp-port (from --smtp-port)", "70000", "65535"}},
		{name: "duration", args: []string{"--stop-within=soon"}, want: []string{"stop-within", `"soon"`, "24h"}},
		{name: "duration range", env: []string{"COFFER_STOP_WITHIN=2d"}, want: []string{"stop-within (from COFFER_STOP_WITHIN)", `"48h"`, "from 1s to 1h"}},
		{name: "backup window", args: []string{"--backup-window=10m"}, want: []string{"backup-window", `"10m"`, "from 1h"}},
		{name: "trash", args: []string{"--trash-keep=1h"}, want: []string{"trash-keep", `"1h"`, "from 1d"}},
		{name: "backups", args: []string{"--backup-keep=0s"}, want: []string{"backup-keep", `"0s"`, "from 1h"}},
		{name: "scrub", args: []string{"--scrub-every=500d"}, want: []string{"scrub-every", "365d"}},
		{name: "scrub rate", args: []string{"--scrub-rate=0"}, want: []string{"scrub-rate", `"0"`, "from 1"}},
		{name: "metrics", args: []string{"--metrics-listen=9090"}, want: []string{"metrics-listen", `"9090"`, "127.0.0.1:9090"}},
		{name: "transit alone", args: []string{"--master-key=transit:coffer"}, want: []string{"transit-url is not set", "transit-token-file"}},
		{name: "transit in the clear", args: []string{"--master-key=transit:coffer", "--transit-url=http://bao.example.org", "--transit-token-file=t"}, want: []string{"transit-url", "in the clear"}},
		{name: "transit twice", args: []string{"--master-key=transit:coffer", "--transit-url=https://bao.example.org", "--transit-token-file=t", "--transit-role-id=r"}, want: []string{"transit-token-file", "either"}},
		{name: "transit role alone", args: []string{"--master-key=transit:coffer", "--transit-url=https://bao.example.org", "--transit-role-id=r"}, want: []string{"transit-secret-id-file"}},
		{name: "transit key", args: []string{"--master-key=transit:a/b"}, want: []string{"master-key", "transit:..."}},
		{name: "memory", args: []string{"--memory-limit=10"}, want: []string{"memory-limit", `"10"`, "at least 64"}},
		{name: "listen without port", args: []string{"--listen=localhost"}, want: []string{"listen", `"localhost"`, "127.0.0.1:8080"}},
		{name: "listen port", args: []string{"--listen=127.0.0.1:http"}, want: []string{"listen", "address:port"}},
		{name: "listen everywhere", args: []string{"--listen=:8080"}, want: []string{"base-url is not set", "TLS files or a proxy"}},
		{name: "listen on the net", args: []string{"--listen=192.0.2.1:80"}, want: []string{"base-url is not set", "TLS files or a proxy"}},
		{name: "http elsewhere", args: []string{"--base-url=http://files.example.org"}, want: []string{"base-url", `"http://files.example.org"`, "use TLS files or a proxy"}},
		{name: "looks like loopback", args: []string{"--base-url=http://127.0.0.1.example.org"}, want: []string{"use TLS files or a proxy"}},
		{name: "base with path", args: []string{"--base-url=https://example.org/files"}, want: []string{"base-url", "without user, path or query"}},
		{name: "base with user", args: []string{"--base-url=https://me@example.org"}, want: []string{"without user"}},
		{name: "base without scheme", args: []string{"--base-url=files.example.org"}, want: []string{"must be like https://"}},
		{name: "base of another scheme", args: []string{"--base-url=ftp://example.org"}, want: []string{"must be like https://"}},
		{name: "half TLS", args: []string{"--tls-cert=/c.pem"}, want: []string{"tls-key is not set", "together"}},
		{name: "proxies", args: []string{"--trusted-proxies=10.0.0.0/8,proxy"}, want: []string{"trusted-proxies", `"proxy"`, "10.0.0.0/8"}},
		{name: "database", args: []string{"--database=mysql://me:hunter2@db/x"}, want: []string{"database", "xxxxx", "postgres://"}},
		{name: "database password", args: []string{"--database=postgres:///x?password=hunter2"}, want: []string{"database", "postgres://"}},
		{name: "key variable", args: []string{"--master-key=env:hunter2+/="}, want: []string{"master-key", "name of a variable"}},
		{name: "key provider", args: []string{"--master-key=vault:hunter2"}, want: []string{"master-key", "file:PATH", "env:NAME"}},
		{name: "SMTP half", args: []string{"--smtp-password=hunter2"}, want: []string{"smtp-password (from --smtp-password)", "xxxxx", "needs smtp-host"}},
		{name: "SMTP host with port", args: []string{"--smtp-host=mail:25"}, want: []string{"smtp-host", `"mail:25"`, "smtp-port"}},
		{name: "SMTP in the clear", args: []string{"--smtp-host=mail", "--smtp-user=me", "--smtp-security=none"}, want: []string{"smtp-security", "in the clear"}},
		{name: "two passwords", args: []string{"--smtp-host=mail", "--smtp-password=hunter2", "--smtp-password-file=/p"}, want: []string{"smtp-password-file", "either"}},
		{name: "sender", args: []string{"--mail-from=Coffer <coffer@example.org>"}, want: []string{"mail-from", "coffer@example.org"}},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			if r.file != "" {
				r.args = append(r.args, "--config", file(t, r.file))
			}
			_, _, err := load(t, r.args, r.env)
			if err == nil {
				t.Fatal("accepted")
			}
			for _, w := range r.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q lacks %q", err, w)
				}
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%q shows a secret", err)
			}
		})
	}
}

// TestAllProblemsAtOnce: one start tells everything that is wrong.
func TestAllProblemsAtOnce(t *testing.T) {
	_, _, err := load(t, []string{"--memory-limit=1", "--smtp-port=-1"}, []string{"COFFER_X=1"})
	var bad config.Problems
	if !errors.As(err, &bad) || len(bad) != 2 || !strings.Contains(err.Error(), "COFFER_X") {
		t.Errorf("got %v", err)
	}
}

func TestAccepted(t *testing.T) {
	rows := []struct {
		args []string
		base string
	}{
		{nil, "http://127.0.0.1:8080"},
		{[]string{"--listen=[::1]:80"}, "http://[::1]:80"},
		{[]string{"--listen=localhost:9000"}, "http://localhost:9000"},
		{[]string{"--base-url=HTTPS://Files.Example.org:443/"}, "https://files.example.org"},
		{[]string{"--base-url=https://files.example.org:8443"}, "https://files.example.org:8443"},
		{[]string{"--listen=:8080", "--base-url=https://files.example.org"}, "https://files.example.org"},
		{[]string{"--listen=192.0.2.1:443", "--tls-cert=/c", "--tls-key=/k"}, "https://192.0.2.1"},
		{[]string{"--base-url=http://localhost:3000/"}, "http://localhost:3000"},
		{[]string{"--base-url=http://[::1]:3000"}, "http://[::1]:3000"},
	}
	for _, r := range rows {
		c, _, err := load(t, r.args, []string{"COFFER_HOME=/x", "COFFER_SERVER=x", "COFFER_TOKEN=x", "COFFER_SOAK=1", "COFFER_TEST_POSTGRES=x", "COFFER_TEST_CHROMIUM=x", "PATH=/bin"})
		if err != nil || c.Base.String() != r.base {
			t.Errorf("%q: base %v, %v; want %s", r.args, c.Base, err, r.base)
		}
	}
	c, _, err := load(t, []string{"--listen=127.0.0.1:0"}, nil)
	if err != nil || c.Base != nil {
		t.Fatalf("port 0: %v %v", c.Base, err)
	}
	c.FixBase(&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 4711})
	if c.Base.String() != "http://127.0.0.1:4711" || c.From() != "coffer@localhost" {
		t.Errorf("port 0: %v, %s", c.Base, c.From())
	}
	c, _, err = load(t, []string{"--trusted-proxies=10.1.2.3/8,::1"}, nil)
	if err != nil || len(c.Trusted) != 2 || c.Trusted[0].String() != "10.0.0.0/8" || c.Trusted[1].String() != "::1/128" {
		t.Errorf("proxies %v %v", c.Trusted, err)
	}
}

func TestKeySpec(t *testing.T) {
	rows := []struct {
		spec string
		env  []string
		want string
		own  bool
	}{
		{"", nil, "file:/d/master.key", true},
		{"/d/./master.key", nil, "file:/d/master.key", true},
		{"/etc/coffer.key", nil, "file:/etc/coffer.key", false},
		{"file:/etc/coffer.key", nil, "file:/etc/coffer.key", false},
		{"env:COFFER_MY_KEY", []string{"COFFER_MY_KEY=abc"}, "env:COFFER_MY_KEY", false},
		{"env:MK", nil, "env:MK", false},
	}
	for _, r := range rows {
		c, _, err := load(t, []string{"--data=/d", "--master-key=" + r.spec}, r.env)
		if err != nil || filepath.Clean(c.Key.Path) != filepath.Clean(strings.TrimPrefix(r.want, "file:")) && c.Key.String() != r.want || c.Key.Own != r.own {
			t.Errorf("%q: %+v, %v", r.spec, c.Key, err)
		}
	}
}

// TestEffectiveHidesSecrets: what "cofferd config" prints may be pasted into a
// bug report.
func TestEffectiveHidesSecrets(t *testing.T) {
	c, src, err := load(t, []string{"--database=postgres://me:hunter2@db/x?sslmode=disable", "--smtp-host=mail.example.org"},
		[]string{"COFFER_SMTP_PASSWORD=hunter2", "COFFER_SMTP_USER=me"})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]config.Setting{}
	for _, e := range src.Effective(c) {
		seen[e.Name] = e
		if strings.Contains(e.Value, "hunter2") {
			t.Errorf("%+v shows a secret", e)
		}
	}
	if len(seen) != len(config.Specs()) {
		t.Errorf("%d settings shown, %d exist", len(seen), len(config.Specs()))
	}
	for name, want := range map[string]string{
		"database":      "postgres://me:xxxxx@db/x?sslmode=disable",
		"smtp-password": "xxxxx", "smtp-port": "587", "base-url": "http://127.0.0.1:8080", "mail-from": "coffer@localhost",
	} {
		if seen[name].Value != want {
			t.Errorf("%s = %q, want %q", name, seen[name].Value, want)
		}
	}
}

func TestDuration(t *testing.T) {
	for in, want := range map[string]string{"7d": "168h", "90s": "1m30s", "90m": "1h30m", "24h": "24h", "30s": "30s", "0s": "0s", "10m": "10m"} {
		var d config.Duration
		if err := d.UnmarshalText([]byte(in)); err != nil || d.String() != want {
			t.Errorf("%s: %s, %v; want %s", in, d, err, want)
		}
	}
	for _, in := range []string{"", "7", "-1h", "d", "-1d", "1 h", "1.5d"} {
		var d config.Duration
		if err := d.UnmarshalText([]byte(in)); err == nil {
			t.Errorf("%q accepted as %s", in, d)
		}
	}
}
