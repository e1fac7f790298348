package coffertest

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"coffer"
	"coffer/internal/wire"
)

// TestStory is the main job of the product: register, confirm, sign in, store,
// find, look, get back, rename, move, copy, trash, restore, delete for ever.
func TestStory(t *testing.T) {
	Each(t, func(t *testing.T, open func(Options) *Server) {
		temp := t.TempDir()
		t.Setenv("TMPDIR", temp)
		s := open(Options{Disk: true})
		ann := s.Person("Ann")
		if ann.Me.Role != "member" || ann.Me.Email != "ann@example.com" || ann.Me.SessionID.IsZero() || !strings.Contains(strings.Join(ann.Me.Powers, " "), "own_space") {
			t.Fatalf("Ann is %+v", ann.Me)
		}
		ann.Do("DELETE", "/session", nil).Want(204)
		ann.Do("GET", "/session", nil).Problem(401, "unauthenticated")
		ann.Session = ""
		ann = ann.SignIn()

		// A folder, and a file in it.
		root := ann.Root()
		docs := ann.Do("POST", "/nodes/"+root.String()+"/folders", wire.NewFolder{Name: "Docs"}).Want(201).Node()
		content := []byte("CANARY-7f3a the quick brown fox\n")
		file := ann.Do("PUT", "/nodes/"+docs.ID.String()+"/files?name=Fox.txt", content).Want(201).Node()
		sum := sha256.Sum256(content)
		if file.SHA256 != hex.EncodeToString(sum[:]) || file.Size != int64(len(content)) || file.Number != 1 || file.Preview != "text" || file.Access != "owner" ||
			file.ParentID != docs.ID || len(file.Path) != 2 || file.Path[0].Name != "" || file.Path[1].Name != "Docs" || file.CreatedBy == nil || file.CreatedBy.Name != "Ann" {
			t.Fatalf("stored %+v", file)
		}
		if used := ann.Space().Used; used != int64(len(content)) {
			t.Errorf("%d bytes used", used)
		}

		// Find it: listed, by its path, by a part of its name.
		var list wire.List[wire.Node]
		ann.Do("GET", "/nodes/"+docs.ID.String()+"/children?q=fox", nil).Want(200).JSON(&list)
		if list.Total != 1 || len(list.Items) != 1 || list.Items[0].ID != file.ID {
			t.Fatalf("found %+v", list)
		}
		if n := ann.Do("GET", "/resolve?path=/docs/fox.txt", nil).Want(200).Node(); n.ID != file.ID {
			t.Errorf("the path leads to %+v", n)
		}

		// Look at it, download it, a part of it, in a ZIP.
		where := "/nodes/" + file.ID.String() + "/content"
		look := ann.Do("GET", where+"?inline=1", nil).Want(200)
		if look.Header.Get("Content-Type") != "text/plain; charset=utf-8" || !bytes.Equal(look.Body, content) {
			t.Errorf("preview %v %q", look.Header, look.Body)
		}
		got := ann.Do("GET", where, nil).Want(200)
		if !bytes.Equal(got.Body, content) || got.Header.Get("Repr-Digest") != "sha-256=:"+base64.StdEncoding.EncodeToString(sum[:])+":" {
			t.Errorf("downloaded %q, %v", got.Body, got.Header)
		}
		if part := ann.Do("GET", where, nil, "Range", "bytes=7-10").Want(206); string(part.Body) != "7f3a" {
			t.Errorf("part %q", part.Body)
		}
		_, packed := ann.zip(docs.ID)
		z, err := zip.NewReader(bytes.NewReader(packed.Body), int64(len(packed.Body)))
		if err != nil {
			t.Fatal(err)
		}
		if got := readZip(t, z, "Docs/Fox.txt"); got != string(content) {
			t.Errorf("in the ZIP: %q", got)
		}

		// New content, the old one stays as a version.
		second := ann.Do("PUT", where, []byte("second")).Want(200).Node()
		if second.Number != 2 || second.ID != file.ID || second.VersionID == file.VersionID {
			t.Errorf("second version %+v", second)
		}
		if old := ann.Do("GET", where+"?version="+file.VersionID.String(), nil).Want(200); !bytes.Equal(old.Body, content) {
			t.Errorf("first version: %q", old.Body)
		}
		ann.Do("PUT", where, []byte("third"), "If-Match", `"`+file.VersionID.String()+`"`).Problem(412, "stale")

		// Names that are taken.
		taken := ann.Do("PUT", "/nodes/"+docs.ID.String()+"/files?name=FOX.TXT", []byte("x")).Problem(409, "name_taken")
		if taken.Existing == nil || *taken.Existing != file.ID {
			t.Errorf("in the way: %+v", taken)
		}
		both := ann.Do("PUT", "/nodes/"+docs.ID.String()+"/files?name=Fox.txt&if_exists=keep_both", []byte("x")).Want(201).Node()
		if both.Name != "Fox (2).txt" {
			t.Errorf("kept both: %q", both.Name)
		}
		if bad := ann.Do("PUT", "/nodes/"+docs.ID.String()+"/files?name=a%2Fb", []byte("x")).Problem(422, "name_invalid"); bad.Suggestion == "" {
			t.Errorf("no suggestion: %+v", bad)
		}
		if again := ann.Do("POST", "/nodes/"+root.String()+"/folders?if_exists=merge", wire.NewFolder{Name: "docs"}).Want(200).Node(); again.ID != docs.ID {
			t.Errorf("merged into %+v", again)
		}

		// Rename, with the ETag of what was seen; move; copy.
		name := "Wolf.txt"
		seen := ann.Do("GET", "/nodes/"+file.ID.String(), nil).Want(200)
		renamed := ann.Do("PATCH", "/nodes/"+file.ID.String(), wire.NodePatch{Name: &name}, "If-Match", seen.Header.Get("ETag")).Want(200).Node()
		if renamed.Name != name || renamed.Rev == file.Rev {
			t.Errorf("renamed %+v", renamed)
		}
		ann.Do("PATCH", "/nodes/"+file.ID.String(), wire.NodePatch{Name: &name}, "If-Match", seen.Header.Get("ETag")).Problem(412, "stale")
		if moved := ann.Do("PATCH", "/nodes/"+file.ID.String(), wire.NodePatch{ParentID: &root}).Want(200).Node(); moved.ParentID != root {
			t.Errorf("moved %+v", moved)
		}
		ann.Do("PATCH", "/nodes/"+docs.ID.String(), wire.NodePatch{ParentID: &docs.ID}).Problem(409, "cycle")
		twin := ann.Do("POST", "/nodes/"+file.ID.String()+"/copy", wire.Copy{ParentID: docs.ID, Name: "Twin.txt"}).Want(201).Node()
		if b := ann.Do("GET", "/nodes/"+twin.ID.String()+"/content", nil).Want(200); string(b.Body) != "second" {
			t.Errorf("copy: %q", b.Body)
		}

		// Trash, restore, trash the folder too: the way back is gone.
		ann.Do("DELETE", "/nodes/"+twin.ID.String(), nil).Want(204)
		ann.Do("GET", "/nodes/"+twin.ID.String()+"/content", nil).Problem(404, "not_found")
		var trash wire.List[wire.TrashItem]
		ann.Do("GET", "/trash", nil).Want(200).JSON(&trash)
		if trash.Total != 1 || trash.Items[0].Node.ID != twin.ID || trash.Items[0].TrashedBy == nil || len(trash.Items[0].Where) != 2 || trash.Items[0].PurgeAt <= trash.Items[0].TrashedAt {
			t.Fatalf("trash %+v", trash)
		}
		if back := ann.Do("POST", "/trash/"+twin.ID.String()+"/restore", wire.Restore{}).Want(200).Node(); back.ParentID != docs.ID {
			t.Errorf("restored %+v", back)
		}
		ann.Do("DELETE", "/nodes/"+twin.ID.String(), nil).Want(204)
		ann.Do("DELETE", "/nodes/"+docs.ID.String(), nil).Want(204)
		ann.Do("POST", "/trash/"+twin.ID.String()+"/restore", wire.Restore{}).Problem(409, "parent_gone")
		if back := ann.Do("POST", "/trash/"+twin.ID.String()+"/restore", wire.Restore{ParentID: &root}).Want(200).Node(); back.ParentID != root {
			t.Errorf("restored elsewhere %+v", back)
		}

		// Many at once: each has its own result.
		var results wire.BatchResults
		ann.Do("POST", "/batch", wire.Batch{Op: "trash", IDs: []coffer.ID{twin.ID, coffer.NewID()}}).Want(200).JSON(&results)
		if len(results.Results) != 2 || results.Results[0].Problem != nil || results.Results[1].Problem == nil || results.Results[1].Problem.Code != "not_found" {
			t.Errorf("batch %+v", results)
		}

		// For ever.
		ann.Do("DELETE", "/trash/"+twin.ID.String(), nil).Want(200)
		var erased wire.Erased
		ann.Do("DELETE", "/trash", nil).Want(200).JSON(&erased)
		if in := time.UnixMilli(erased.FinalAt).Sub(s.Clock.Now()); in < 29*24*time.Hour || in > 30*24*time.Hour {
			t.Errorf("the erasure is final in %v, want 30 days", in)
		}
		ann.Do("GET", "/trash", nil).Want(200).JSON(&trash)
		if trash.Total != 0 || trash.Items == nil {
			t.Errorf("trash %+v", trash)
		}
		ann.Do("POST", "/trash/"+docs.ID.String()+"/restore", wire.Restore{}).Problem(404, "not_found")
		ann.Do("GET", where, nil).Want(200)

		s.Stop()                                          // all is written now
		findNothing(t, filepath.Dir(temp), "CANARY-7f3a") // blobs, keys, SQLite and its log, temporary files
		if strings.Contains(s.Log.String(), "CANARY-7f3a") {
			t.Error("the log holds content")
		}
	})
}

func readZip(t *testing.T, z *zip.Reader, name string) string {
	t.Helper()
	f, err := z.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// findNothing looks for a canary in every file of a folder.
func findNothing(t *testing.T, dir, canary string) {
	t.Helper()
	looked := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, []byte(canary)) {
			t.Errorf("%s holds the canary", path)
		}
		looked++
		return err
	})
	if err != nil || looked < 3 {
		t.Fatalf("looked into %d files: %v", looked, err)
	}
}

// TestSignupStory: addresses are confirmed before anything works, and nobody
// learns from the answers who has an account.
func TestSignupStory(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(Options) *Server) {
		s := open(Options{})
		known := s.Person("Known")
		pia := s.Pending("Pia")
		signIn := func() *Response {
			return s.Stranger("x").Do("POST", "/session", wire.Login{Email: pia.Email, Password: pia.Password})
		}
		unknown := s.Stranger("x").Do("POST", "/session", wire.Login{Email: "who@example.com", Password: pia.Password}).Problem(401, "wrong_login")
		if p := signIn().Problem(401, "wrong_login"); p.Detail != unknown.Detail {
			t.Errorf("a pending account answers %q, none %q", p.Detail, unknown.Detail)
		}

		// The same answer for a known address, and another mail, without a code.
		again := s.Stranger("Known")
		a := again.Do("POST", "/signup", wire.Signup{Name: "Someone", Email: known.Email, Password: "some other long password"}).Want(202)
		b := pia.Do("GET", "/signup", nil).Want(200)
		var pa, pb wire.SignupPending
		a.JSON(&pa)
		b.JSON(&pb)
		if pa.Email != known.Email || pb.Email != pia.Email || pa.CodeUntil == 0 || len(a.Header.Values("Set-Cookie")) != 1 {
			t.Errorf("answers differ: %+v %v, %+v", pa, a.Header, pb)
		}
		if m := s.Mails.Wait(t, known.Email, 2); codeInMail.MatchString(m.Text) {
			t.Errorf("the mail to a known address has a code:\n%s", m.Text)
		}

		// Wrong digits, another browser, then the right ones.
		code := Code(t, s.Mails.Wait(t, pia.Email, 1))
		wrong := "000000"
		if code == wrong {
			wrong = "111111"
		}
		pia.Do("POST", "/signup/confirm", wire.Confirm{Code: wrong}).Problem(422, "code_wrong")
		if res := s.Stranger("x").Do("POST", "/signup/confirm", wire.Confirm{Code: code}); res.Status < 400 {
			t.Errorf("confirmed from another browser: %d", res.Status)
		}
		res := pia.Do("POST", "/signup/confirm", wire.Confirm{Code: code}).Want(200)
		lines := strings.Join(res.Header.Values("Set-Cookie"), "\n")
		for _, want := range []string{"__Host-signup=; Path=/; Max-Age=0", "__Host-sid=coffer_", "; Path=/; Max-Age=2592000; HttpOnly; Secure; SameSite=Lax"} {
			if !strings.Contains(lines, want) {
				t.Errorf("cookies lack %q:\n%s", want, lines)
			}
		}
		if strings.Contains(string(res.Body), "coffer_") {
			t.Errorf("a secret in the body: %s", res.Body)
		}
		signIn().Want(200)

		// The button of the mail: looking confirms nothing, pressing does, once,
		// and signs nobody in.
		max := s.Pending("Max")
		token := Link(t, s.Mails.Wait(t, max.Email, 1))
		stranger := s.Stranger("x")
		var info wire.SignupInfo
		stranger.Do("POST", "/signup/inspect", wire.MailToken{Token: token}).Want(200).JSON(&info)
		if info.Email != max.Email || info.Address == "" || info.CreatedAt == 0 {
			t.Errorf("inspected %+v", info)
		}
		stranger.Do("POST", "/session", wire.Login{Email: max.Email, Password: max.Password}).Problem(401, "wrong_login")
		pressed := stranger.Do("POST", "/signup/confirm", wire.Confirm{Token: token}).Want(200)
		var c wire.Confirmed
		pressed.JSON(&c)
		if c.Me != nil || len(pressed.Header.Values("Set-Cookie")) != 0 {
			t.Errorf("pressing signed in: %s %v", pressed.Body, pressed.Header)
		}
		stranger.Do("POST", "/signup/confirm", wire.Confirm{Token: token}).Problem(422, "token_ended")
		max.SignIn()
	})
}

// TestPasswordStory: a new password ends everything that the old one opened.
func TestPasswordStory(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(Options) *Server) {
		s := open(Options{})
		ann := s.Person("Ann")
		other, program := ann.SignIn(), ann.Program()
		old := ann.Session
		res := ann.Do("PUT", "/password", wire.PasswordChange{Current: ann.Password, New: "a completely new phrase"}).Want(204)
		ann.took(res)
		if ann.Session == old || ann.Session == "" {
			t.Error("the session kept its secret")
		}
		ann.Do("GET", "/session", nil).Want(200)
		for who, p := range map[string]*Person{"other browser": other, "program": program, "old secret": {S: s, Session: old}} {
			if res := p.Do("GET", "/session", nil); res.Status != 401 {
				t.Errorf("%s: %d", who, res.Status)
			}
		}

		s.Stranger("x").Do("POST", "/password/forgot", wire.PasswordForgot{Email: ann.Email}).Want(202)
		if res := s.Stranger("x").Do("POST", "/password/forgot", wire.PasswordForgot{Email: "who@example.com"}).Want(202); string(res.Body) != "{}\n" {
			t.Errorf("unknown address: %q", res.Body)
		}
		var token string
		for n := 2; token == ""; n++ { // a notice of the change may come first
			if m := s.Mails.Wait(t, ann.Email, n); linkInMail.MatchString(m.Text) {
				token = Link(t, m)
			}
		}
		reset := func() *Response {
			return s.Stranger("x").Do("POST", "/password/reset", wire.PasswordReset{Token: token, Password: "the third long phrase"})
		}
		reset().Want(204)
		reset().Problem(422, "token_ended")
		ann.Do("GET", "/session", nil).Problem(401, "unauthenticated")
		ann.Password = "the third long phrase"
		again := ann.SignIn()
		s.Clock.Advance(31 * 24 * time.Hour)
		again.Do("GET", "/session", nil).Problem(401, "unauthenticated")
	})
}
