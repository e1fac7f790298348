package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"sort"
	"strings"
	"testing"

	"coffer"
	"coffer/internal/gate"
	"coffer/internal/wire"
)

// bare is an API with no services behind it: enough for what is refused before
// any service is asked.
func bare(t *testing.T) (*API, *gate.Gate) {
	t.Helper()
	base := &url.URL{Scheme: "http", Host: "localhost"}
	g := gate.New(gate.Options{BaseURL: base})
	return New(Options{Gate: g, BaseURL: base, Version: "test"}), g
}

// TestDocument holds docs/openapi.json true. To write it anew after a change of
// the API: COFFER_WRITE_GOLDEN=1 go test ./internal/api -run TestDocument
func TestDocument(t *testing.T) {
	a, _ := bare(t)
	const golden = "../../docs/openapi.json"
	if os.Getenv("COFFER_WRITE_GOLDEN") != "" {
		if err := os.WriteFile(golden, a.Document(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, a.Document()) {
		t.Error("docs/openapi.json is not what the server tells. If the change is meant: COFFER_WRITE_GOLDEN=1 go test ./internal/api -run TestDocument")
	}
}

// TestRoutesAndDocumentAgree walks the route table and the document, both ways.
func TestRoutesAndDocumentAgree(t *testing.T) {
	a, _ := bare(t)
	var doc struct {
		OpenAPI string
		Servers []struct{ URL string }
		Paths   map[string]map[string]struct {
			OperationID string
			Summary     string
			Security    []map[string][]string
			Responses   map[string]struct{ Content map[string]any }
			Parameters  []struct{ Name, In string }
		}
	}
	if err := json.Unmarshal(a.Document(), &doc); err != nil {
		t.Fatal(err)
	}
	if doc.OpenAPI != "3.1.0" || len(doc.Servers) != 1 || doc.Servers[0].URL != Prefix {
		t.Errorf("version %s, servers %v", doc.OpenAPI, doc.Servers)
	}
	var told, have []string
	for path, methods := range doc.Paths {
		for method := range methods {
			told = append(told, strings.ToUpper(method)+" "+path)
		}
	}
	names := map[string]bool{}
	for _, r := range a.Routes() {
		have = append(have, r.Method+" "+r.Path)
		op := doc.Paths[r.Path][strings.ToLower(r.Method)]
		if op.OperationID != r.Name || op.Summary != r.Summary || names[r.Name] {
			t.Errorf("%s %s: the document calls it %q, the table %q (or twice)", r.Method, r.Path, op.OperationID, r.Name)
		}
		names[r.Name] = true
		scope := fmt.Sprint(op.Security)
		switch {
		case r.Access.IsPublic():
			if len(op.Security) != 0 {
				t.Errorf("%s: public, and the document asks for %s", r.Name, scope)
			}
		case len(op.Security) != 2 || !strings.Contains(scope, "session:[]") || !strings.Contains(scope, "token:["+string(r.Access.Scope())+"]"):
			t.Errorf("%s: the document tells %s, the table scope %q", r.Name, scope, r.Access.Scope())
		}
		success, problem := false, false
		for status, res := range op.Responses {
			success = success || status[0] == '2'
			problem = problem || res.Content["application/problem+json"] != nil
		}
		if !success || !problem {
			t.Errorf("%s: the document tells no success or no problem: %v", r.Name, op.Responses)
		}
		for _, p := range strings.Split(r.Path, "/") {
			if name, ok := strings.CutPrefix(p, "{"); ok {
				found := false
				for _, param := range op.Parameters {
					found = found || param.In == "path" && param.Name+"}" == name
				}
				if !found {
					t.Errorf("%s: the document lacks the parameter %s", r.Name, p)
				}
			}
		}
	}
	sort.Strings(told)
	sort.Strings(have)
	if fmt.Sprint(told) != fmt.Sprint(have) {
		t.Errorf("the document has\n%v\nthe table has\n%v", told, have)
	}
}

// TestUndeclaredRoute: a route that declares nothing stops the start.
func TestUndeclaredRoute(t *testing.T) {
	_, g := bare(t)
	for name, r := range map[string]Route{
		"no access":  {"GET", "/x", gate.Access{}, "x", "X", 0, typed(func(*call, *none) (*done, error) { return nil, nil })},
		"no name":    {"GET", "/x", gate.Public(), "", "X", 0, typed(func(*call, *none) (*done, error) { return nil, nil })},
		"no meaning": {"GET", "/x", gate.Public(), "x", "", 0, typed(func(*call, *none) (*done, error) { return nil, nil })},
		"no handler": {"GET", "/x", gate.Public(), "x", "X", 0, nil},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: accepted", name)
				}
			}()
			build(Options{Gate: g, BaseURL: &url.URL{}}, func(*API) []Route { return []Route{r} })
		}()
	}
}

func request(t *testing.T, a *API, g *gate.Gate, method, path, body string, header ...string) (*http.Response, wire.Problem) {
	t.Helper()
	r := httptest.NewRequest(method, "http://localhost"+path, strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	g.Wrap(a).ServeHTTP(w, r)
	var p wire.Problem
	if w.Code >= 400 && method != "HEAD" {
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Header().Get("Content-Type") != "application/problem+json" || p.Status != w.Code || p.Ref == "" {
			t.Errorf("%s %s: no problem document: %d %s %q", method, path, w.Code, w.Header().Get("Content-Type"), w.Body)
		}
	}
	return w.Result(), p
}

func TestUnknownAddressesAndMethods(t *testing.T) {
	a, g := bare(t)
	for _, path := range []string{"/api/", "/api/v1", "/api/v1/", "/api/v1/nope", "/api/v2/session", "/api/v1/nodes/x/nope", "/api/v1/nodes"} {
		if res, p := request(t, a, g, "GET", path, ""); res.StatusCode != 404 || p.Code != "not_found" {
			t.Errorf("%s: %d %s", path, res.StatusCode, p.Code)
		}
	}
	for _, r := range a.Routes() {
		path := Prefix + strings.ReplaceAll(r.Path, "{id}", coffer.NewID().String())
		for _, m := range []string{"TRACE", "OPTIONS", "BREW"} {
			if m == "OPTIONS" && r.Path == "/uploads" { // a route of its own
				continue
			}
			res, p := request(t, a, g, m, path, "")
			if res.StatusCode != 405 || p.Code != "method_not_allowed" || !strings.Contains(res.Header.Get("Allow"), r.Method) {
				t.Errorf("%s %s: %d %s, Allow %q", m, path, res.StatusCode, p.Code, res.Header.Get("Allow"))
			}
		}
	}
	if res, _ := request(t, a, g, "PUT", "/api/v1/session", ""); res.Header.Get("Allow") != "DELETE, GET, HEAD, POST" {
		t.Errorf("Allow %q", res.Header.Get("Allow"))
	}
}

// TestStrictJSON: what is refused before any service sees it, and that no value
// comes back.
func TestStrictJSON(t *testing.T) {
	a, g := bare(t)
	deep := strings.Repeat("[", 40) + strings.Repeat("]", 40)
	rows := []struct {
		name, body, media string
		status            int
		code              string
	}{
		{"unknown key", `{"email":"a@b.c","password":"hunter2secret","admin":true}`, "", 422, "invalid"},
		{"duplicate key", `{"email":"a@b.c","password":"hunter2secret","password":"x"}`, "", 400, "malformed"},
		{"case variant", `{"email":"a@b.c","Password":"hunter2secret"}`, "", 422, "invalid"},
		{"case variant beside", `{"email":"a@b.c","password":"x","PASSWORD":"hunter2secret"}`, "", 422, "invalid"},
		{"missing key", `{"password":"hunter2secret"}`, "", 422, "invalid"},
		{"null", `{"email":null,"password":"hunter2secret"}`, "", 422, "invalid"},
		{"wrong type", `{"email":["hunter2secret"],"password":"hunter2secret"}`, "", 422, "invalid"},
		{"not an object", `"hunter2secret"`, "", 422, "invalid"},
		{"broken", `{"password":"hunter2secret`, "", 400, "malformed"},
		{"two values", `{"email":"a","password":"hunter2secret"}{}`, "", 400, "malformed"},
		{"nothing", ``, "", 400, "malformed"},
		{"too deep", `{"email":` + deep + `,"password":"hunter2secret"}`, "", 400, "malformed"},
		{"too large", `{"email":"` + strings.Repeat("hunter2secret", 1<<17) + `","password":"x"}`, "", 413, "too_large"},
		{"form", `email=a&password=hunter2secret`, "application/x-www-form-urlencoded", 400, "media_type"},
		{"plain text", `{"email":"a@b.c","password":"hunter2secret"}`, "text/plain", 400, "media_type"},
	}
	for _, row := range rows {
		if row.media == "" {
			row.media = "application/json"
		}
		res, p := request(t, a, g, "POST", "/api/v1/session", row.body, "Content-Type", row.media)
		if res.StatusCode != row.status || p.Code != row.code {
			t.Errorf("%s: %d %s, want %d %s: %+v", row.name, res.StatusCode, p.Code, row.status, row.code, p)
		}
		if text := fmt.Sprint(p); strings.Contains(text, "hunter2") {
			t.Errorf("%s: the value comes back: %s", row.name, text)
		}
	}
	// At depth, and where only the reader of a type sees that a value is wrong.
	id := coffer.NewID().String()
	for _, body := range []string{
		`{"op":"trash","ids":["` + id + `"],"IDS":[]}`,
		`{"op":"trash","ids":["` + id + `"],"ids":[]}`,
		`{"op":"trash","ids":["hunter2secret"]}`,
		`{"op":"trash","ids":["` + id + `"],"extra":{"a":"hunter2secret"}}`,
		`{"op":{"a":"hunter2secret"},"ids":[]}`,
	} {
		if err := unmarshal([]byte(body), new(wire.Batch)); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", body, err)
		}
	}
	if err := unmarshal([]byte(`{"op":"trash","ids":["`+id+`"]}`), new(wire.Batch)); err != nil {
		t.Error(err)
	}
}

func TestCheckDepth(t *testing.T) {
	for text, ok := range map[string]bool{
		`{"a":"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["}`: true, // in a string
		`{"a":"\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["}`: true,
		strings.Repeat("[", 32) + strings.Repeat("]", 32):   true,
		strings.Repeat("[", 33) + strings.Repeat("]", 33):   false,
		strings.Repeat("[],", 100):                          true,
		strings.Repeat(`{"a":`, 33):                         false,
	} {
		if err := checkDepth([]byte(text)); (err == nil) != ok {
			t.Errorf("%.60s: %v", text, err)
		}
	}
}
