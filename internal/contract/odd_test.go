package contract

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/icholy/digest"
)

func oddServer(t *testing.T, rules Case) *Server {
	t.Helper()
	document, err := ReadDocument(filepath.Join("testdata", "odd.json"))
	if err != nil {
		t.Fatal(err)
	}
	rules.Secret = "token"
	server, err := NewServer(document, &rules, []string{"admin"})
	if err != nil {
		t.Fatal(err)
	}
	return server
}

// elements are the keys that a list answers, with the address of its next page.
func elements(t *testing.T, server *Server, method, target, body string) (keys []map[string]any, link string, whole map[string]any) {
	t.Helper()
	request := httptest.NewRequest(method, target, strings.NewReader(body))
	request.Header.Set("Authorization", "Bearer admin")
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	recorder := httptest.NewRecorder()
	server.ServeHTTP(recorder, request)
	if err := json.Unmarshal(recorder.Body.Bytes(), &keys); err != nil {
		if err := json.Unmarshal(recorder.Body.Bytes(), &whole); err != nil {
			t.Fatalf("%d %s", recorder.Code, recorder.Body)
		}
		for _, key := range whole["keys"].([]any) {
			keys = append(keys, key.(map[string]any))
		}
	}
	return keys, recorder.Header().Get("Link"), whole
}

func TestServerOfAnOddProvider(t *testing.T) {
	server := oddServer(t, Case{})
	admin := caller{server, "admin"}
	var secrets []string
	for _, name := range []string{"a", "b", "c"} {
		status, made := admin.call(t, "POST", "/keys", `{"name":"`+name+`"}`)
		if status != 201 {
			t.Fatalf("status %d", status)
		}
		secrets = append(secrets, fmt.Sprint(made["token"]))
	}
	if slices.Sort(secrets); len(slices.Compact(secrets)) != 3 {
		t.Errorf("a secret whose example looks like a time is not unique: %v", secrets)
	}

	first, link, _ := elements(t, server, "GET", "/keys", "")
	second, last, _ := elements(t, server, "GET", "/keys?page=2", "")
	if len(first) != 2 || len(second) != 1 || last != "" || !strings.Contains(link, "page=2>; rel=\"next\"") {
		t.Errorf("pages of %d and %d, with links %q and %q", len(first), len(second), link, last)
	}
	again, _, _ := elements(t, server, "GET", "/keys", "")
	if first[0]["id"] == nil || first[0]["id"] == first[1]["id"] || again[0]["id"] != first[0]["id"] {
		t.Errorf("ids that only the list tells: %v, and then %v", first, again)
	}
	if first[0]["revoked_at"] != nil || first[0]["created_at"] == nil {
		t.Errorf("a living key is listed as %v", first[0])
	}

	byBody, _, whole := elements(t, server, "POST", "/keys/search", `{"offset":2,"limit":5}`)
	if next, there := whole["next"]; len(byBody) != 1 || byBody[0]["name"] != "c" || !there || next != nil {
		t.Errorf("asked for by body: %v", whole)
	}

	item := "/keys/" + fmt.Sprint(first[0]["id"])
	if status, _ := admin.call(t, "POST", item+"/renew", ""); status != 200 {
		t.Errorf("renew: status %d", status)
	}
	if status, _ := admin.call(t, "POST", item+":revoke", ""); status != 204 {
		t.Errorf("revoke: status %d", status)
	}
	if status, _ := admin.call(t, "POST", item+":revoke", ""); status != 404 {
		t.Errorf("revoke again: status %d", status)
	}
	if status, made := admin.call(t, "PUT", "/keys/mine", ""); status != 200 || made["token"] == nil {
		t.Errorf("made at a path that ends in its name: %v with status %d", made, status)
	}
	if violations := server.Violations(); len(violations) > 0 {
		t.Error(violations)
	}
}

func TestServerLeavesOutWhatItNeedNotSay(t *testing.T) {
	server := oddServer(t, Case{})
	server.leaveOut(map[string]bool{"id": true, "name": true, "token": true})
	caller{server, "admin"}.call(t, "POST", "/keys", `{"name":"a"}`)
	keys, _, _ := elements(t, server, "GET", "/keys", "")
	if created, there := keys[0]["created_at"]; !there || created != nil || keys[0]["id"] == nil {
		t.Errorf("want an id, and created_at null, which it may be: %v", keys[0])
	}
}

func TestServerTakesDigest(t *testing.T) {
	web := httptest.NewServer(oddServer(t, Case{}))
	defer web.Close()
	for password, want := range map[string]int{"admin": 201, "other": 401} {
		client := &http.Client{Transport: &digest.Transport{Username: "me", Password: password}}
		response, err := client.Post(web.URL+"/keys", "application/json", strings.NewReader(`{"name":"a"}`))
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("password %s: status %d, want %d", password, response.StatusCode, want)
		}
	}
}

func TestServerLendsTokens(t *testing.T) {
	const endpoint = "https://login.odd.example/token"
	server := oddServer(t, Case{TokenEndpoints: []string{"POST " + endpoint}})
	ask := func(target, secret string) (int, map[string]any) {
		request := httptest.NewRequest("POST", target, strings.NewReader("grant_type=client_credentials"))
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.SetBasicAuth("client", secret)
		recorder := httptest.NewRecorder()
		server.ServeHTTP(recorder, request)
		var answer map[string]any
		_ = json.Unmarshal(recorder.Body.Bytes(), &answer)
		return recorder.Code, answer
	}
	status, lent := ask(endpoint, "admin")
	if status != 200 || lent["access_token"] == nil || lent["expires_in"] != float64(3600) {
		t.Fatalf("lent %v with status %d", lent, status)
	}
	if status, _ := ask(endpoint, "other"); status != 401 {
		t.Errorf("a wrong secret: status %d", status)
	}
	if status, _ := ask("https://elsewhere.example/token", "admin"); status != 404 {
		t.Errorf("at another host: status %d", status)
	}
	if status, _ := (caller{server, fmt.Sprint(lent["access_token"])}).call(t, "POST", "/keys", `{"name":"a"}`); status != 201 {
		t.Errorf("a token that was lent opens nothing: status %d", status)
	}
}

// TestServerKnowsThingsWhereTheyWereMade: an id names a thing at the path of its kind,
// and in the place that it was made in.
func TestServerKnowsThingsWhereTheyWereMade(t *testing.T) {
	for name, c := range map[string]struct {
		target, told string
		kinds        map[string]string
		status       int
	}{
		"where it was made":       {"/v1/teams/red/keys/%s", "", nil, 204},
		"in another team":         {"/v1/teams/blue/keys/%s", "was made at /v1/teams/red/keys, so it is not found here", nil, 404},
		"as another thing":        {"/v1/guests/%s", "was made at /v1/teams/red/keys, so it is not found here", nil, 404},
		"as the case says it is":  {"/v1/guests/%s", "", map[string]string{"DELETE /guests/{id}": "keys"}, 204},
		"what nobody has made":    {"/v1/guests/x%s", "", nil, 404},
		"of the case's own other": {"/v1/guests/%s", "was made at", map[string]string{"DELETE /guests/{id}": "teams"}, 404},
	} {
		t.Run(name, func(t *testing.T) {
			document, err := ReadDocument(filepath.Join("testdata", "keys.json"))
			if err != nil {
				t.Fatal(err)
			}
			server, err := NewServer(document, &Case{Secret: "secret", Kinds: c.kinds}, []string{"admin"})
			if err != nil {
				t.Fatal(err)
			}
			admin := caller{server, "admin"}
			_, made := admin.call(t, "POST", "/v1/teams/red/keys", `{"name":"a","scopes":[]}`)
			status, _ := admin.call(t, "DELETE", fmt.Sprintf(c.target, made["id"]), "")
			told := strings.Join(server.Violations(), "\n")
			if status != c.status || (told == "") != (c.told == "") || !strings.Contains(told, c.told) {
				t.Errorf("status %d, and it says %q", status, told)
			}
		})
	}
}

// TestServerAnswersOneThingInAList, where the document has it in a list alone.
func TestServerAnswersOneThingInAList(t *testing.T) {
	document, err := ReadDocument(filepath.Join("testdata", "keys.json"))
	if err != nil {
		t.Fatal(err)
	}
	server, err := NewServer(document, &Case{Secret: "secret", Kinds: map[string]string{"GET /guests/{id}": "keys"}}, []string{"admin"})
	if err != nil {
		t.Fatal(err)
	}
	admin := caller{server, "admin"}
	_, made := admin.call(t, "POST", "/v1/teams/red/keys", `{"name":"a","scopes":["write"]}`)
	_, answer := admin.call(t, "GET", fmt.Sprintf("/v1/guests/%s", made["id"]), "")
	result, _ := answer["result"].([]any)
	if len(result) != 1 || result[0].(map[string]any)["id"] != made["id"] || fmt.Sprint(result[0].(map[string]any)["scopes"]) != "[write]" {
		t.Errorf("it answers %v", answer)
	}
}
