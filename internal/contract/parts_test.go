package contract

import (
	"encoding/json"
	"maps"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
)

// TestServerOfAnswersInParts is about a document that says of an answer in several places
// what it holds, and of things that go with others.
func TestServerOfAnswersInParts(t *testing.T) {
	document, err := ReadDocument(filepath.Join("testdata", "parts.json"))
	if err != nil {
		t.Fatal(err)
	}
	server, err := NewServer(document, &Case{
		Secret:   "secret",
		GoesWith: map[string]string{"POST /tokens": "policy"},
		Always:   map[string]string{"code": "fine"},
		Lists:    []string{"GET /tokens/{name}"},
	}, []string{"admin"})
	if err != nil {
		t.Fatal(err)
	}
	server.leaveOut(map[string]bool{"id": true, "name": true, "data": true, "next": true, "next_page": true, "code": true, "expires_at": true})
	ask := func(method, target, kind, body string) (int, map[string]any) {
		request := httptest.NewRequest(method, target, strings.NewReader(body))
		request.Header.Set("Authorization", "the-id:admin") // an id and a token, where the document knows OAuth alone
		if kind != "" {
			request.Header.Set("Content-Type", kind)
		}
		recorder := httptest.NewRecorder()
		server.ServeHTTP(recorder, request)
		var answer map[string]any
		_ = json.Unmarshal(recorder.Body.Bytes(), &answer)
		return recorder.Code, answer
	}

	_, policy := ask("POST", "/policies", "application/json", `{"name":"p","owner":{"id":"u-2"}}`)
	id, _ := policy["id"].(string)
	if owner, _ := policy["owner"].(map[string]any); owner["related"] == nil || policy["kind"] == nil {
		t.Errorf("a policy is answered as %v, without what one part of the answer demands", policy)
	}
	if id == "" || id == "u-2" {
		t.Errorf("a policy's id is %q, that of its owner or none", id)
	}

	for _, name := range []string{"a", "b", "c"} {
		status, token := ask("POST", "/tokens", "application/x-www-form-urlencoded", "name="+name+"&policy="+id+"&rules=%7B%22allow%22%3A%5B%5D%7D")
		if end, _ := token["expires_at"].(string); status != 201 || token["deleted_at"] != nil || !isRFC3339(end) {
			t.Fatalf("%d %v: want a token that is not deleted, and when it ends", status, token)
		}
	}
	_, first := ask("GET", "/tokens", "", "")
	_, last := ask("GET", "/tokens?page=2", "", "")
	if next, _ := first["next"].(string); first["code"] != "fine" || first["next_page"] != 2.0 || !strings.HasSuffix(next, "/tokens?page=2") {
		t.Errorf("the first page is %v", first)
	}
	if data, _ := last["data"].([]any); len(data) != 1 || last["next"] != nil || last["next_page"] != nil {
		t.Errorf("the last page is %v", last)
	}
	_, named := ask("GET", "/tokens/b", "", "")
	if data, _ := named["data"].([]any); len(data) != 1 || data[0].(map[string]any)["name"] != "b" {
		t.Errorf("the tokens of a name are %v", named)
	}

	if status, _ := ask("DELETE", "/policies/"+id, "", ""); status != 204 || len(server.Remaining()) > 0 {
		t.Errorf("%d: left of a policy that was deleted, and of its tokens: %v", status, server.Remaining())
	}
	if wrong := server.Violations(); len(wrong) > 0 {
		t.Errorf("violations: %v", wrong)
	}
}

func isRFC3339(text string) bool {
	_, err := time.Parse(time.RFC3339, text)
	return err == nil
}

func TestFlagsOfARequestAreNoPropertiesOfWhatItMakes(t *testing.T) {
	got := withoutFlags(map[string]any{"reveal": "true", "hidden": "false", "region": "us", "name": "truest"})
	if want := map[string]any{"region": "us", "name": "truest"}; !maps.Equal(got, want) {
		t.Errorf("want %v, and got %v", want, got)
	}
}

func TestListIsPutWhereTheAnswerHasAPlaceForIt(t *testing.T) {
	list := []any{"a"}
	for name, one := range map[string]struct{ place, body, want string }{
		"at its top":       {"items", `{}`, `{"items":["a"]}`},
		"within":           {"data.items", `{"data":{}}`, `{"data":{"items":["a"]}}`},
		"where it is not":  {"data.items", `{}`, `{}`},
		"where it is null": {"data.items", `{"data":null}`, `{"data":null}`},
	} {
		t.Run(name, func(t *testing.T) {
			var body any
			if err := json.Unmarshal([]byte(one.body), &body); err != nil {
				t.Fatal(err)
			}
			got, err := json.Marshal(put(body, one.place, list))
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != one.want {
				t.Errorf("want %s, and got %s", one.want, got)
			}
		})
	}
}

func TestListFirstTellsTheIDOfAThing(t *testing.T) {
	named, owned := newObject("/keys"), newObject("/keys")
	named.learn(map[string]any{"name": "a"})
	owned.learn(map[string]any{"name": "a", "account_id": "x"})
	for _, one := range []struct {
		object *object
		name   string
		naming bool
		want   bool
	}{
		{named, "id", true, true},
		{named, "key_id", true, true},
		{named, "name", true, false},
		{named, "key_id", false, false},
		{owned, "id", true, true},
		{owned, "key_id", true, false},
	} {
		w := &writer{object: one.object, naming: one.naming}
		if got := w.firstTells(one.name); got != one.want {
			t.Errorf("%s of %v, listed %t: want %t, and got %t", one.name, one.object.fields, one.naming, one.want, got)
		}
	}
}

func TestServedAt(t *testing.T) {
	document := &Document{served: openapi3.Servers{{URL: "https://api.example/v3/"}, {URL: "https://eu.api.example"}, {URL: "https://{region}.api.example"}}}
	for base, want := range map[string]bool{
		"https://api.example/v3":    true,
		"https://api.example":       true,
		"https://eu.api.example/":   true,
		"https://api.example/v":     false,
		"https://api.exampl":        false,
		"https://api.example/v3/v4": false,
		"https://us.api.example":    false,
	} {
		if got := document.ServedAt(base); got != want {
			t.Errorf("%s: served %t, want %t", base, got, want)
		}
	}
}

// TestKeyWithinAList: an answer may tell the new key as the element of a list.
func TestKeyWithinAList(t *testing.T) {
	for name, one := range map[string]struct{ element, secret string }{
		"a text":    {`{"type":"string"}`, "tokens[0]"},
		"an object": {`{"type":"object","properties":{"value":{"type":"string"}}}`, "tokens[0].value"},
	} {
		t.Run(name, func(t *testing.T) {
			place := filepath.Join(t.TempDir(), "list.json")
			text := `{"openapi":"3.0.0","info":{"title":"","version":""},"components":{"securitySchemes":{"b":{"type":"http","scheme":"bearer"}}},"security":[{"b":[]}],
				"paths":{"/keys":{"post":{"requestBody":{"content":{"application/json":{"schema":{"type":"object","properties":{"name":{"type":"string"}}}}}},
				"responses":{"201":{"description":"","content":{"application/json":{"schema":{"type":"object","properties":{"id":{"type":"string"},"tokens":{"type":"array","items":` + one.element + `}}}}}}}}}}}`
			if err := os.WriteFile(place, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			document, err := ReadDocument(place)
			if err != nil {
				t.Fatal(err)
			}
			server, err := NewServer(document, &Case{Secret: one.secret}, []string{"admin"})
			if err != nil {
				t.Fatal(err)
			}
			_, made := caller{server, "admin"}.call(t, "POST", "/keys", `{"name":"a"}`)
			if key := at(made, one.secret); key == "" || !server.Opens(key) {
				t.Errorf("the answer %v has the key %q", made, key)
			}
		})
	}
}
