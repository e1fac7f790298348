package coffer_test

import (
	"slices"
	"strings"
	"testing"

	"coffer"
)

// TestRequestState: off before ended before full.
func TestRequestState(t *testing.T) {
	for _, row := range []struct {
		r    coffer.FileRequest
		want coffer.RequestState
	}{
		{coffer.FileRequest{}, coffer.RequestLive},
		{coffer.FileRequest{EndsAt: 101}, coffer.RequestLive},
		{coffer.FileRequest{EndsAt: 100}, coffer.RequestEnded},
		{coffer.FileRequest{MaxFiles: 2, Files: 1}, coffer.RequestLive},
		{coffer.FileRequest{MaxFiles: 2, Files: 2}, coffer.RequestFull},
		{coffer.FileRequest{MaxFiles: 2, Files: 3, EndsAt: 99}, coffer.RequestEnded},
		{coffer.FileRequest{MaxFiles: 2, Files: 3, EndsAt: 99, OffAt: 1}, coffer.RequestOff},
	} {
		if got := row.r.State(100); got != row.want {
			t.Errorf("%+v: %s, want %s", row.r, got, row.want)
		}
	}
}

// TestMayRequest: whoever may share a folder, as things are now.
func TestMayRequest(t *testing.T) {
	ann, ben := coffer.NewID(), coffer.NewID()
	space := coffer.Space{Kind: coffer.Personal, OwnerID: ann}
	person := func(id coffer.ID, role coffer.Role, disabled bool) coffer.Principal {
		return coffer.Principal{Kind: coffer.UserKind, User: coffer.User{ID: id, Role: role, Disabled: disabled}}
	}
	held := func(a coffer.Access) []coffer.Held { return []coffer.Held{{Up: 1, Access: a}} }
	for _, row := range []struct {
		what string
		p    coffer.Principal
		held []coffer.Held
		want bool
	}{
		{"owner", person(ann, coffer.RoleMember, false), nil, true},
		{"owner, disabled", person(ann, coffer.RoleMember, true), nil, false},
		{"owner, now a guest", person(ann, coffer.RoleGuest, false), nil, false},
		{"manager", person(ben, coffer.RoleMember, false), held(manage), true},
		{"manager, disabled", person(ben, coffer.RoleMember, true), held(manage), false},
		{"manager, a guest", person(ben, coffer.RoleGuest, false), held(manage), false},
		{"editor", person(ben, coffer.RoleMember, false), held(edit), false},
		{"viewer", person(ben, coffer.RoleMember, false), held(view), false},
		{"administrator", person(ben, coffer.RoleOwner, false), nil, false},
		{"the server", coffer.SystemPrincipal("x"), nil, false},
		{"a request", coffer.Principal{Kind: coffer.RequestKind, User: coffer.User{ID: ann, Role: coffer.RoleMember}}, nil, false},
	} {
		if got := coffer.MayRequest(row.p, space, row.held); got != row.want {
			t.Errorf("%s: %v", row.what, got)
		}
	}
}

// TestFileTypes: by name, and by what the first bytes say, when they say it.
func TestFileTypes(t *testing.T) {
	for _, row := range []struct {
		types, name, media string
		want               bool
	}{
		{"", "Scan.exe", "application/x-msdownload", true},
		{"pdf", "Deed.pdf", "", true},
		{"pdf", "Deed.PDF", "application/pdf", true},
		{"pdf", "Deed.pdf", "application/octet-stream", true},
		{"pdf", "Deed.pdf", "application/x-msdownload", false},
		{"pdf", "Deed.pdf", "text/html", false},
		{"pdf", "Deed", "application/pdf", false},
		{"pdf", "Deed.pdf.exe", "", false},
		{"pdf", "pdf", "", false},
		{"pdf word", "Letter.docx", "application/zip", true},
		{"pdf word", "Letter.doc", "application/x-ole-storage", true},
		{"pictures", "IMG_1.HEIC", "image/heic", true},
		{"pictures", "IMG_1.svg", "image/svg+xml", false},
		{"pictures", "IMG_1.jpg", "text/html", false},
		{".dwg", "Plan.DWG", "image/vnd.dwg", true},
		{".dwg", "Plan.dwg.html", "text/html", false},
		{".dwg pdf", "Plan.pdf", "application/pdf", true},
	} {
		r := coffer.FileRequest{Types: strings.Fields(row.types)}
		if got := r.Accepts(row.name, row.media); got != row.want {
			t.Errorf("%q takes %s, %q: %v", row.types, row.name, row.media, got)
		}
	}
	for text, want := range map[string]bool{"pdf": true, "pictures": true, ".dwg": true, ".7z": true, "": false, ".": false, "exe": false, ".a b": false, ".DWG": false, "..": false, ".abcdefghijklm": false, ".ä": false} {
		if coffer.IsFileType(text) != want {
			t.Errorf("%q is a type: %v", text, !want)
		}
	}
	r := coffer.FileRequest{Types: []string{"pictures", "pdf", "word", ".dwg"}}
	if got := r.TypesText("or"); got != "PDF, Word, pictures or .dwg" {
		t.Errorf("in words: %s", got)
	}
	if got := (coffer.FileRequest{Types: []string{"pdf"}}).TypesText("or") + (coffer.FileRequest{}).TypesText("or"); got != "PDF" {
		t.Errorf("in words: %s", got)
	}
	if got := r.Extensions(); !slices.Contains(got, ".pdf") || !slices.Contains(got, ".dwg") || slices.Contains(got, ".exe") {
		t.Errorf("extensions: %s", got)
	}
}
