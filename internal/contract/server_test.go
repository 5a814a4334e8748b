package contract

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
)

// caller sends requests straight to a handler.
type caller struct {
	http.Handler
	credential string
}

func (c caller) call(t *testing.T, method, target, body string) (int, map[string]any) {
	t.Helper()
	request := httptest.NewRequest(method, target, strings.NewReader(body))
	if c.credential != "" {
		request.Header.Set("Authorization", "Bearer "+c.credential)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	recorder := httptest.NewRecorder()
	c.ServeHTTP(recorder, request)
	var answer map[string]any
	if text := recorder.Body.Bytes(); json.Valid(text) {
		if err := json.Unmarshal(text, &answer); err != nil {
			t.Fatal(err)
		}
	}
	return recorder.Code, answer
}

func keysServer(t *testing.T) *Server {
	t.Helper()
	document, err := ReadDocument(filepath.Join("testdata", "keys.json"))
	if err != nil {
		t.Fatal(err)
	}
	server, err := NewServer(document, &Case{Secret: "secret"}, []string{"admin"})
	if err != nil {
		t.Fatal(err)
	}
	return server
}

func TestServerRefusesWhatTheDocumentDoesNotAllow(t *testing.T) {
	const keys = "/v1/teams/red/keys"
	for name, c := range map[string]struct {
		method, target, body string
		credential           string
		status               int
		violation            string
	}{
		"as the document says":     {"POST", keys, `{"name":"a","scopes":["read"]}`, "admin", 201, ""},
		"wrong credential":         {"POST", keys, `{"name":"a","scopes":["read"]}`, "other", 401, ""},
		"no credential":            {"POST", keys, `{"name":"a","scopes":["read"]}`, "", 400, "credential is missing"},
		"unknown field":            {"POST", keys, `{"name":"a","scopes":["read"],"nmae":"b"}`, "admin", 400, `body field "nmae"`},
		"unknown field further in": {"POST", keys, `{"name":"a","scopes":["read"],"limits":{"rat":1}}`, "admin", 400, `body field "limits.rat"`},
		"missing field":            {"POST", keys, `{"name":"a"}`, "admin", 400, "scopes"},
		"wrong type":               {"POST", keys, `{"name":"a","scopes":"read"}`, "admin", 400, "scopes"},
		"not in the enum":          {"POST", keys, `{"name":"a","scopes":["admin"]}`, "admin", 400, "scopes"},
		"too long":                 {"POST", keys, `{"name":"aaaaaaaaaaaaaaaaaaaaaaaa","scopes":[]}`, "admin", 400, "name"},
		"unknown query parameter":  {"GET", keys + "?page=1", "", "admin", 400, `query parameter "page"`},
		"wrong query parameter":    {"GET", keys + "?limit=many", "", "admin", 400, "limit"},
		"body that is not wanted":  {"GET", keys, `{}`, "admin", 400, "request body"},
		"unknown path":             {"GET", "/v1/teams", "", "admin", 404, "no such operation"},
		"path without its prefix":  {"GET", "/teams/red/keys", "", "admin", 404, "no such operation"},
		"unknown method":           {"PUT", keys, `{}`, "admin", 404, "no such operation"},
		"what was never made":      {"DELETE", keys + "/key_1", "", "admin", 404, ""},
	} {
		t.Run(name, func(t *testing.T) {
			server := keysServer(t)
			status, _ := caller{server, c.credential}.call(t, c.method, c.target, c.body)
			if status != c.status {
				t.Errorf("status %d, want %d", status, c.status)
			}
			violations := strings.Join(server.Violations(), "\n")
			if c.violation == "" && violations != "" || !strings.Contains(violations, c.violation) {
				t.Errorf("violations %q, want %q among them", violations, c.violation)
			}
		})
	}
}

func TestServerRemembers(t *testing.T) {
	server := keysServer(t)
	admin := caller{server, "admin"}
	status, made := admin.call(t, "POST", "/v1/teams/red/keys", `{"name":"a","scopes":["write"]}`)
	if status != 201 || made["name"] != "a" || fmt.Sprint(made["scopes"]) != "[write]" || len(made["secret"].(string)) < 20 {
		t.Fatalf("made %v with status %d", made, status)
	}
	item := "/v1/teams/red/keys/" + made["id"].(string)
	if status, _ := (caller{server, made["secret"].(string)}).call(t, "GET", item, ""); status != 200 {
		t.Errorf("a living key opens nothing: status %d", status)
	}
	if status, _ := (caller{server, made["id"].(string)}).call(t, "GET", item, ""); status != 401 {
		t.Errorf("an id opens the door: status %d", status)
	}
	if status, changed := admin.call(t, "PATCH", item, `{"name":"b"}`); status != 200 || changed["name"] != "b" || changed["id"] != made["id"] {
		t.Errorf("changed: %v with status %d", changed, status)
	}
	if _, read := admin.call(t, "GET", item, ""); read["name"] != "b" {
		t.Errorf("the change is forgotten: %v", read)
	}
	if status, _ := admin.call(t, "DELETE", item, ""); status != 204 {
		t.Errorf("delete: status %d", status)
	}
	if status, refusal := admin.call(t, "GET", item, ""); status != 404 || refusal["error"] == nil {
		t.Errorf("after delete: %v with status %d", refusal, status)
	}
	if status, _ := (caller{server, made["secret"].(string)}).call(t, "GET", "/v1/teams/red/keys", ""); status != 401 {
		t.Errorf("a deleted key opens the door: status %d", status)
	}
	if violations, left := server.Violations(), server.Remaining(); len(violations) > 0 || len(left) > 0 {
		t.Errorf("violations %v, left %v", violations, left)
	}
}

func TestServerPages(t *testing.T) {
	server := keysServer(t)
	admin := caller{server, "admin"}
	for _, team := range []string{"red", "blue"} {
		for number := range 5 {
			admin.call(t, "POST", "/v1/teams/"+team+"/keys", fmt.Sprintf(`{"name":"%s-%d","scopes":[]}`, team, number))
		}
	}
	var names []string
	next := "?limit=100"
	for range 10 {
		_, page := admin.call(t, "GET", "/v1/teams/red/keys"+next, "")
		for _, item := range page["data"].([]any) {
			names = append(names, item.(map[string]any)["name"].(string))
		}
		if page["has_more"] != true {
			break
		}
		next = "?cursor=" + page["next_cursor"].(string)
	}
	if got := strings.Join(names, " "); got != "red-0 red-1 red-2 red-3 red-4" {
		t.Errorf("listed %s", got)
	}
	if violations := server.Violations(); len(violations) > 0 {
		t.Error(violations)
	}
}

func TestPlayerIsStrict(t *testing.T) {
	exchanges, err := ReadExchanges(filepath.Join("testdata", "exchange.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	const target, body = "/keys?b=2&a=1", `{"name":"a","limit":1.5}`
	for name, c := range map[string]struct {
		method, target, body, credential string
		wrong                            string
	}{
		"as written":           {"POST", target, body, "admin", ""},
		"query in other order": {"POST", "/keys?a=1&b=2", body, "admin", ""},
		"other method":         {"PUT", target, body, "admin", "the request is PUT"},
		"other path":           {"POST", "/key?b=2&a=1", body, "admin", "the request is POST /key?"},
		"more query":           {"POST", target + "&c=3", body, "admin", "the request is"},
		"other header":         {"POST", target, body, "other", "header Authorization"},
		"more body":            {"POST", target, `{"name":"a","limit":1.5,"x":null}`, "admin", "the body is"},
		"no body":              {"POST", target, "", "admin", "the body is"},
	} {
		t.Run(name, func(t *testing.T) {
			player, err := NewPlayer(exchanges[0], nil)
			if err != nil {
				t.Fatal(err)
			}
			player.Expect(exchanges[0].Steps[0].Trips)
			status, answer := caller{player, c.credential}.call(t, c.method, c.target, c.body)
			if status != 201 || answer["id"] != float64(7) {
				t.Errorf("answered %v with status %d", answer, status)
			}
			wrong := strings.Join(player.Wrong(), "\n")
			if c.wrong == "" && wrong != "" || !strings.Contains(wrong, c.wrong) {
				t.Errorf("wrong: %q, want %q", wrong, c.wrong)
			}
		})
	}
}

func TestPlayerCounts(t *testing.T) {
	exchanges, err := ReadExchanges(filepath.Join("testdata", "exchange.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	player, err := NewPlayer(exchanges[0], nil)
	if err != nil {
		t.Fatal(err)
	}
	caller{player, "admin"}.call(t, "GET", "/keys", "")
	if wrong := player.Wrong(); len(wrong) != 1 || !strings.Contains(wrong[0], "one too many") {
		t.Errorf("a request that nothing expects: %v", wrong)
	}
	player.Expect(exchanges[0].Steps[0].Trips)
	if wrong := player.Wrong(); len(wrong) != 1 || !strings.Contains(wrong[0], "never requested") {
		t.Errorf("a request that never came: %v", wrong)
	}
}
