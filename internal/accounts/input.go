package accounts

import (
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"coffer"
	"coffer/internal/cred"
)

// inputs collects what is wrong with the fields of one request, so that a
// person learns all of it at once. The first finding gives the error its code.
type inputs struct{ err *coffer.Error }

func (in *inputs) wrong(field, code, sentence string) {
	if in.err == nil {
		in.err = coffer.E(coffer.Invalid, code, sentence)
		in.err.Fields = map[string]string{}
	}
	if _, told := in.err.Fields[field]; !told {
		in.err.Fields[field] = sentence
	}
}

// result is nil when nothing was wrong.
func (in *inputs) result() error {
	if in.err == nil {
		return nil
	}
	return in.err
}

// wrongField is the error about one field.
func wrongField(field, code, sentence string) error {
	var in inputs
	in.wrong(field, code, sentence)
	return in.result()
}

// typeName asks for a person's name.
const typeName = "Type your name."

// email reads an address as it is stored: ASCII, lower case.
func (in *inputs) email(field, typed string) string {
	email, ok := parseEmail(typed)
	if !ok {
		in.wrong(field, "email_invalid", "Type an e-mail address like name@example.com.")
	}
	return email
}

// parseEmail accepts dot-atoms at host names with a dot (RFC 5321 sizes) and
// folds ASCII letters only: addresses that look alike in Unicode are refused,
// not folded, so no two people share one and no mail goes astray.
func parseEmail(typed string) (string, bool) {
	s := strings.Trim(typed, " \t\r\n")
	local, host, ok := strings.Cut(s, "@")
	if !ok || len(s) > 254 || len(local) > 64 || !localPartRE.MatchString(local) || !isHost(host) {
		return "", false
	}
	return coffer.EmailKey(s), true
}

var (
	localPartRE = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*$")
	hostRE      = regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]([A-Za-z0-9-]{0,61}[A-Za-z0-9])$`)
	languageRE  = regexp.MustCompile(`^[a-zA-Z]{2,3}(-[a-zA-Z0-9]{2,8}){0,3}$`)
)

func isHost(s string) bool { return len(s) <= 253 && hostRE.MatchString(s) }

// name reads the name of a person, organisation or token: 1 to 100 characters
// that show and stay in their line. missing is what to say when there is none.
func (in *inputs) name(field, typed, missing string) string {
	name := norm.NFC.String(strings.TrimSpace(typed))
	switch {
	case name == "":
		in.wrong(field, "name_missing", missing)
	case utf8.RuneCountInString(name) > 100 || len(typed) > 1000:
		in.wrong(field, "invalid", "Use at most 100 characters.")
	case !utf8.ValidString(typed) || strings.ContainsFunc(name, func(r rune) bool {
		return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r) || r == '\ufeff'
	}):
		in.wrong(field, "invalid", "Use letters, digits and the usual signs, in one line.")
	}
	return name
}

// password checks a new password against the rules.
func (in *inputs) password(policy *cred.Policy, field, typed string, context ...string) {
	switch err := policy.Check(typed, context...); {
	case errors.Is(err, cred.ErrShort):
		in.wrong(field, "password_short", "Use at least 12 characters.")
	case errors.Is(err, cred.ErrLong):
		in.wrong(field, "password_long", "Use at most 256 characters.")
	case err != nil:
		in.wrong(field, "password_common", "This password is known from stolen lists. Choose another.")
	}
}

// oneOf checks a value that has few choices.
func (in *inputs) oneOf(field, value string, choices ...string) {
	if !slices.Contains(choices, value) {
		in.wrong(field, "invalid", "Choose one of: "+strings.Join(choices, ", ")+".")
	}
}

// role checks a person's role.
func (in *inputs) role(field string, role coffer.Role) {
	if !role.Valid() {
		in.wrong(field, "invalid", "The roles are owner, admin, auditor, member and guest.")
	}
}

// maxQuota is the largest whole number that every JSON reader keeps exactly.
const maxQuota = 1<<53 - 1

// quota checks a number of bytes, or NoLimit.
func (in *inputs) quota(field string, bytes int64) {
	if bytes < NoLimit || bytes > maxQuota {
		in.wrong(field, "invalid", "A quota is a number of bytes from 0 on, or -1 for no limit.")
	}
}

// domains reads the list of domains that may sign up: sorted, each once.
func (in *inputs) domains(field string, typed []string) []string {
	set := map[string]bool{}
	for _, d := range typed {
		d = coffer.EmailKey(strings.TrimPrefix(strings.TrimSpace(d), "@"))
		if !isHost(d) {
			in.wrong(field, "invalid", "Type domains like example.com.")
			continue
		}
		set[d] = true
	}
	if len(set) > 100 {
		in.wrong(field, "invalid", "Use at most 100 domains.")
	}
	return slices.Sorted(maps.Keys(set))
}
