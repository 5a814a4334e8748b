package providers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

var acmeRequest = KeyRequest{
	Name:      "vault-abc",
	Role:      Values{"project": "p/1", "limit": json.Number("5")},
	ExpiresAt: time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC),
	TTL:       time.Hour,
}

func TestIssue(t *testing.T) {
	f := newFake(t)
	f.on("POST /v1/projects/p%2F1/keys", 201, object{"id": 12345678901234567, "key": "sk-value-1", "owner": "o1"})
	key, err := f.client(t, wholeDefinition, nil).Issue(t.Context(), acmeRequest)
	if err != nil {
		t.Fatal(err)
	}
	want := &Key{
		Handle: Handle{Name: "vault-abc", ID: "12345678901234567", Role: Values{"project": "p/1"}, Saved: Values{"owner": "o1"}},
		Secret: Values{"api_key": "sk-value-1"},
		Value:  "sk-value-1",
	}
	if !reflect.DeepEqual(key, want) {
		t.Errorf("issued %#v %#v, not %#v", key.Handle, key.Secret, want.Handle)
	}
	body, header := f.last()
	if body != `{"expires":"2026-03-01T10:00:00Z","limit":5,"name":"vault-abc"}` {
		t.Errorf("the request says %s", body)
	}
	if header.Get("Authorization") != "Bearer "+adminKey || header.Get("Content-Type") != "application/json" {
		t.Errorf("the headers are %v", header)
	}
}

// What is null stays out of the request, at any depth of an object.
func TestNullsAreLeftOut(t *testing.T) {
	f := newFake(t)
	f.on("POST /v1/projects/p1/keys", 201, object{"id": "i", "key": "sk-value-1", "owner": nil})
	src := strings.Replace(wholeDefinition, "limit   = role.limit", "nested = { limit = role.limit, list = [null, role.limit] }", 1)
	key, err := f.client(t, src, nil).Issue(t.Context(), KeyRequest{Name: "n", Role: Values{"project": "p1"}})
	if err != nil {
		t.Fatal(err)
	}
	if body, _ := f.last(); body != `{"name":"n","nested":{"list":[null,null]}}` {
		t.Errorf("the request says %s", body)
	}
	if key.Handle.Saved != nil {
		t.Errorf("a null is saved: %v", key.Handle.Saved)
	}
}

func TestOutcomes(t *testing.T) {
	const refusing = `errors {
    message = body.error
    refused = status == 500 && body.code == "E_INPUT" || status == 200 && body.code == "E_NO"
  }`
	tests := []struct {
		name    string
		status  int
		body    string
		src     string // replaces the errors block, when set
		kind    Kind
		message string
	}{
		{"refused", 400, `{"error":"bad name"}`, "", Refused, "bad name"},
		{"conflict", 409, `{"error":"taken"}`, "", Refused, "taken"},
		{"credential", 401, `{"error":"who are you"}`, "", Unauthorized, "who are you"},
		{"forbidden", 403, `{}`, "", Refused, "Forbidden"},
		{"request timeout", 408, `{}`, "", Unknown, "Request Timeout"},
		{"too early", 425, `{}`, "", Unknown, ""},
		{"client closed", 499, `{}`, "", Unknown, ""},
		{"server error", 500, `{"error":"oops"}`, "", Unknown, "oops"},
		{"server error that the definition knows", 500, `{"error":"oops","code":"E_INPUT"}`, refusing, Refused, "oops"},
		{"server error that it does not", 500, `{"error":"oops","code":"E_DISK"}`, refusing, Unknown, "oops"},
		{"listed status", 503, `{"error":"full"}`, "errors { refused = [503] }", Refused, "full"},
		{"redirect", 300, ``, "", Unknown, ""},
		{"not JSON", 200, `<html>`, "", Unknown, "not JSON"},
		{"cut off", 200, `{"id": "x"`, "", Unknown, "not JSON"},
		{"no id", 200, `{"key":"sk-value-1","owner":"o"}`, "", Unknown, "id: "},
		{"no secret", 200, `{"id":"x","owner":"o"}`, "", Unknown, "secret.api_key"},
		{"null secret", 200, `{"id":"x","owner":"o","key":null}`, "", Unknown, "secret.api_key"},
		{"empty secret", 200, `{"id":"x","owner":"o","key":""}`, "", Unknown, "secret.api_key"},
		{"empty answer", 204, ``, "", Unknown, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := newFake(t)
			f.on("POST /v1/projects/p%2F1/keys", test.status, test.body)
			src := wholeDefinition
			if test.src != "" {
				src = strings.Replace(src, "errors { message = body.error }", test.src, 1)
			}
			_, err := f.client(t, src, nil).Issue(t.Context(), acmeRequest)
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("the error is %v", err)
			}
			if e.Kind != test.kind || !strings.Contains(e.Message, test.message) || e.Op != "issue" {
				t.Errorf("got %+v, wanted kind %d with %q", e, test.kind, test.message)
			}
			if calls := f.seen(); calls[0] != "POST /v1/projects/p%2F1/keys" || slices.Contains(calls[1:], calls[0]) {
				t.Errorf("a mint is repeated: %q", calls)
			}
		})
	}
}

// A success with another status than the one that is wanted may be a gateway's
// page, in place of an answer that told of a key.
func TestOutcomeOfAnotherSuccess(t *testing.T) {
	for name, test := range map[string]struct {
		ok     string
		status int
		body   string
		errors string
		kind   Kind
	}{
		"a page":                       {"status == 201", 200, `<html>Welcome</html>`, "", Unknown},
		"an object":                    {"status == 201", 200, `{"hello": "world"}`, "", Unknown},
		"an empty answer":              {"status == 201", 204, ``, "", Unknown},
		"a no by the definition":       {"status == 201", 200, `{}`, "errors { refused = [200] }", Refused},
		"a no in the provider's words": {"status == 201 && body.code == 0", 201, `{"code": 7}`, "", Refused},
		"a page where words are asked": {"body.code == 0", 200, `<html>Welcome</html>`, "", Unknown},
		"a no in a header":             {`headers.x-result != "no"`, 200, `{}`, "", Refused},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			f.do("POST /keys", func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("X-Result", "no")
				w.WriteHeader(test.status)
				fmt.Fprint(w, test.body)
			})
			source := strings.Replace(authDefinition(test.errors), "id     = body.id", "ok     = "+test.ok+"\n    id     = body.id", 1)
			client, err := NewClient(mustParse(t, source), Settings{Values: Values{"secret": "s"}, BaseURL: f.URL, Dial: network.Dial})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(client.Close)
			if _, err := client.Issue(t.Context(), KeyRequest{Name: "ci"}); KindOf(err) != test.kind {
				t.Errorf("the error is %v, of kind %v, want %v", err, KindOf(err), test.kind)
			}
		})
	}
}

func TestOutcomeUnderSuccess(t *testing.T) {
	for name, test := range map[string]struct {
		body, errors string
		kind         Kind
	}{
		"refused":                         {`{"code":1,"error":"no"}`, "", Refused},
		"refused, as the definition says": {`{"code":1,"error":"no"}`, "errors { refused = body.code == 1 }", Refused},
		"not what it calls refused":       {`{"code":2,"error":"no"}`, "errors { refused = body.code == 1 }", Unknown},
		"without a word":                  {`{"error":"no"}`, "", Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			f.on("POST /v1/projects/p%2F1/keys", 200, test.body)
			src := strings.Replace(wholeDefinition, "id     = body.id", "ok = body.code == 0\n    id     = body.id", 1)
			if test.errors != "" {
				src = strings.Replace(src, "errors { message = body.error }", test.errors, 1)
			}
			_, err := f.client(t, src, nil).Issue(t.Context(), acmeRequest)
			if KindOf(err) != test.kind || err == nil {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

func TestThrottled(t *testing.T) {
	f := newFake(t)
	f.do("POST /v1/projects/p%2F1/keys", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(429)
	})
	_, err := f.client(t, wholeDefinition, nil).Issue(t.Context(), acmeRequest)
	var e *Error
	if !errors.As(err, &e) || e.Kind != Throttled || e.RetryAfter != time.Hour || !NothingMade(err) {
		t.Errorf("the error is %+v", e)
	}
}

func TestUnreachable(t *testing.T) {
	f := newFake(t)
	c := f.client(t, wholeDefinition, nil)
	f.Close()
	_, err := c.Issue(t.Context(), acmeRequest)
	if KindOf(err) != Unreachable || !NothingMade(err) {
		t.Errorf("the error is %v", err)
	}
}

// A value that no request can carry is refused before anything is sent.
func TestNotSent(t *testing.T) {
	f := newFake(t)
	c := f.client(t, wholeDefinition, nil)
	_, err := c.Issue(t.Context(), KeyRequest{Name: "n", Role: Values{"project": ".."}})
	if !NothingMade(err) || !strings.Contains(err.Error(), "role.project") || len(f.seen()) != 0 {
		t.Errorf("the error is %v after %q", err, f.seen())
	}
	if err := c.Revoke(t.Context(), Handle{Name: "n", Role: Values{"project": "p1"}}); err == nil || len(f.seen()) != 0 {
		t.Errorf("a key without id is revoked: %v after %q", err, f.seen())
	}
}

// No secret gets into an error, in whatever form the provider echoes it.
func TestScrubbing(t *testing.T) {
	f := newFake(t)
	echo := adminKey + " admin-s3cret%2Dvalue Bearer " + adminKey + "\u0007\n" + strings.Repeat("long ", 200)
	f.on("POST /v1/projects/p%2F1/keys", 400, object{"error": echo})
	c := f.client(t, wholeDefinition, nil)
	_, err := c.Issue(t.Context(), acmeRequest)
	if err == nil || strings.Contains(err.Error(), adminKey) || strings.ContainsAny(err.Error(), "\a\n") || len(err.Error()) > 500 {
		t.Errorf("the error is %v", err)
	}
	f.on("GET /v1/me", 500, object{"error": "the key sk-live/value is odd: sk-live%2Fvalue"})
	src := strings.Replace(wholeDefinition, `headers = { Authorization = "Bearer ${secret.api_key}" }`, "headers = { X-Key = secret.api_key }\n ok = body.yes", 1)
	_, err = f.client(t, src, nil).Probe(t.Context(), Values{"api_key": "sk-live/value"})
	if err != nil && strings.Contains(err.Error(), "sk-live") {
		t.Errorf("the error is %v", err)
	}
	// An answer that says no and holds the key.
	src = strings.Replace(wholeDefinition, "id     = body.id", "ok = false\n    id     = body.id", 1)
	f.on("POST /v1/projects/p%2F1/keys", 200, object{"key": "sk-fresh-1", "error": "made sk-fresh-1 but failed"})
	_, err = f.client(t, src, nil).Issue(t.Context(), acmeRequest)
	if err == nil || strings.Contains(err.Error(), "sk-fresh-1") {
		t.Errorf("the error is %v", err)
	}
	if text := fmt.Sprintf("%v %+v %#v", c.known().Texts[0][:0], Handle{Secret: Values{"k": "sk"}}, &Key{Value: "sk"}); strings.Contains(text, "sk") {
		t.Errorf("printing shows %s", text)
	}
}

func TestRevoke(t *testing.T) {
	h := Handle{Name: "n", ID: "a b", Role: Values{"project": "p1"}, Saved: Values{"owner": "o1"}}
	for status, gone := range map[int]bool{200: true, 204: true, 404: true, 400: false, 403: false} {
		f := newFake(t)
		f.on("DELETE /v1/projects/p1/keys/a%20b", status, `{"error":"x"}`)
		err := f.client(t, wholeDefinition, nil).Revoke(t.Context(), h)
		if (err == nil) != gone {
			t.Errorf("%d: %v", status, err)
		}
		if f.seen()[0] != "DELETE /v1/projects/p1/keys/a%20b?owner=o1" {
			t.Errorf("it asks %q", f.seen())
		}
	}
}

// A definition that calls an ok = false answer gone is believed.
func TestGoneUnderSuccess(t *testing.T) {
	f := newFake(t)
	src := strings.Replace(wholeDefinition, "gone   = [404]", "ok = body.code == 0\n    gone = body.code == 7", 1)
	c := f.client(t, src, nil)
	h := Handle{Name: "n", ID: "i", Role: Values{"project": "p1"}}
	for code, gone := range map[int]bool{0: true, 7: true, 8: false} {
		f.on("DELETE /v1/projects/p1/keys/i", 200, object{"code": code})
		if err := c.Revoke(t.Context(), h); (err == nil) != gone {
			t.Errorf("code %d: %v", code, err)
		}
	}
}

func TestExtend(t *testing.T) {
	f := newFake(t)
	f.on("PATCH /v1/keys/i", 200, `{}`)
	c := f.client(t, wholeDefinition, nil)
	until := time.Date(2026, 3, 2, 0, 0, 0, 0, time.FixedZone("", 3600))
	if _, err := c.Extend(t.Context(), Handle{Name: "n", ID: "i"}, until, time.Hour); err != nil {
		t.Fatal(err)
	}
	if body, _ := f.last(); body != `{"expires":"2026-03-01T23:00:00Z"}` {
		t.Errorf("the request says %s", body)
	}
}

func TestProbe(t *testing.T) {
	for status, want := range map[int]Liveness{200: Alive, 401: Dead, 403: Unclear, 302: Unclear} {
		f := newFake(t)
		f.on("GET /v1/me", status, `{}`)
		got, err := f.client(t, wholeDefinition, nil).Probe(t.Context(), Values{"api_key": "sk-value-1"})
		if got != want || err != nil {
			t.Errorf("%d: %v, %v", status, got, err)
		}
		if _, header := f.last(); header.Get("Authorization") != "Bearer sk-value-1" {
			t.Errorf("%d: it sends %q", status, header.Get("Authorization"))
		}
	}
}

func TestCheck(t *testing.T) {
	f := newFake(t)
	c := f.client(t, wholeDefinition, nil)
	f.on("GET /v1/me", 200, `<html>not JSON, and nobody asked</html>`)
	if err := c.Check(t.Context()); err != nil {
		t.Error(err)
	}
	f.on("GET /v1/me", 401, `{"error":"no"}`)
	if err := c.Check(t.Context()); KindOf(err) != Unauthorized || err == nil {
		t.Error(err)
	}
}

// No operation returns a typed nil, and each that the definition lacks says so.
func TestLackingBlocks(t *testing.T) {
	c := newFake(t).client(t, stepsDefinition, nil)
	ctx := context.Background()
	if err := c.Check(ctx); err != nil {
		t.Error(err)
	}
	if err := c.Undo(ctx, Leftover{}, nil, true); err != nil {
		t.Error(err)
	}
	if _, err := c.Extend(ctx, Handle{}, time.Now(), 0); err == nil {
		t.Error("extend does nothing without a word")
	}
	if _, err := c.Probe(ctx, nil); err == nil {
		t.Error("probe does nothing without a word")
	}
	if _, err := c.Find(ctx, ListingScope{}, Look{Name: "x"}); err == nil {
		t.Error("find does nothing without a word")
	}
}
