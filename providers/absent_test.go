package providers

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"vault-plugin-secrets-apikeys/providers/internal/expr"
)

// Whatever odd thing an answer says, a key that was made is handed out or revoked.
func TestOddAnswersToIssue(t *testing.T) {
	for name, c := range map[string]struct {
		status  int
		body    string
		reads   string // in issue
		revoked bool   // the id was known
		fails   string // "" for a key
	}{
		"whole":                        {201, `{"id":"i","key":"sk-value-1","owner":"o"}`, "", false, ""},
		"with a byte order mark":       {201, "\xef\xbb\xbf" + `{"id":"i","key":"sk-value-1","owner":"o"}`, "", false, ""},
		"what is saved is absent":      {201, `{"id":"i","key":"sk-value-1"}`, "", false, ""},
		"no id":                        {201, `{"key":"sk-value-1"}`, "", false, "id: "},
		"null id":                      {201, `{"id":null,"key":"sk-value-1"}`, "", false, "id: "},
		"no secret":                    {201, `{"id":"i"}`, "", true, "secret.api_key"},
		"a secret of another kind":     {201, `{"id":"i","key":{"value":7}}`, "", true, "secret.api_key"},
		"an end that cannot be read":   {201, `{"id":"i","key":"sk-value-1","end":"soon"}`, "expires_at = body.end", true, "no time"},
		"an end that is absent":        {201, `{"id":"i","key":"sk-value-1"}`, "expires_at = body.end.at", false, ""},
		"ok rests on what is absent":   {201, `{"id":"i","key":"sk-value-1"}`, "ok = body.code == 0", false, "does not hold"},
		"ok is true for want of error": {201, `{"id":"i","key":"sk-value-1"}`, "ok = body.error == null", false, ""},
		"a list":                       {201, `[]`, "", false, "id: "},
		"null":                         {201, `null`, "", false, "id: "},
		"nothing":                      {204, ``, "", false, "id: "},
		"blanks":                       {200, " \r\n", "", false, "id: "},
		"a page":                       {200, `<html><title>Welcome</title></html>`, "", false, "not JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			f.on("POST /v1/projects/p1/keys", c.status, c.body)
			f.on("DELETE /v1/projects/p1/keys/i", 204, "")
			src := strings.Replace(wholeDefinition, "    id     = body.id\n", "    id     = body.id\n    "+c.reads+"\n", 1)
			key, err := f.client(t, src, nil).Issue(t.Context(), KeyRequest{Name: "n", Role: Values{"project": "p1"}})
			if c.fails == "" {
				if err != nil || key.Handle.ID != "i" || key.Value != "sk-value-1" {
					t.Errorf("%+v, %v", key, err)
				}
				return
			}
			if err == nil || NothingMade(err) || !strings.Contains(err.Error(), c.fails) {
				t.Errorf("the error is %v, want it unknown and %q", err, c.fails)
			}
			asked := strings.Contains(strings.Join(f.seen(), "\n"), "DELETE /v1/projects/p1/keys/i")
			if made := err.(*Error).Made; asked != c.revoked || (made != nil) != c.revoked || made != nil && made.ID != "i" {
				t.Errorf("it asked %q, and tells of %v", f.seen(), made)
			}
		})
	}
}

// What cannot be revoked for want of a value is not handed out.
func TestIssueWithoutWhatRevokeNeeds(t *testing.T) {
	f := newFake(t)
	f.on("POST /v1/projects/p1/keys", 201, object{"id": "i", "key": "sk-value-1"})
	src := strings.Replace(wholeDefinition, "/keys/${key.id}\"\n    query", "/owners/${saved.owner}/keys/${key.id}\"\n    query", 1)
	if _, err := f.client(t, src, nil).Issue(t.Context(), KeyRequest{Name: "n", Role: Values{"project": "p1"}}); err == nil || NothingMade(err) || !strings.Contains(err.Error(), "save.owner") {
		t.Errorf("the error is %v", err)
	}
}

// A step that made something and does not say what stays an unknown outcome.
func TestStepWithoutWhatItsUndoNeeds(t *testing.T) {
	f := newFake(t)
	f.on("POST /v1/accounts", 201, object{"account": "no id here"})
	_, err := f.client(t, stepsDefinition, nil).Issue(t.Context(), KeyRequest{Name: "n"})
	if err == nil || NothingMade(err) || !strings.Contains(err.Error(), "save.account") {
		t.Errorf("the error is %v", err)
	}
}

// Only what an answer says is proof that a key is gone.
func TestGoneNeedsAWord(t *testing.T) {
	for name, c := range map[string]struct {
		gone   string
		status int
		body   string
		want   bool
	}{
		"said":                          {`body.data == null`, 200, `{"data":null}`, true},
		"absent":                        {`body.data == null`, 200, `{"errors":["timeout"]}`, false},
		"of nothing":                    {`body.data.key == null`, 200, `{"data":null,"errors":["timeout"]}`, false},
		"no JSON":                       {`body.data == null`, 200, `<html>`, false},
		"a 5xx without the word":        {`body.data == null`, 502, `{"message":"bad gateway"}`, false},
		"a status beside an odd word":   {`status == 404 || body.code == 7`, 404, ``, true},
		"another status":                {`status == 404 || body.code == 7`, 500, `{}`, false},
		"the key is not in a list":      {`!contains([for one in body.data : one.id], key.id)`, 200, `{"data":[{"id":"j"}]}`, true},
		"perhaps it is":                 {`!contains([for one in body.data : one.id], key.id)`, 200, `{"data":[{"uid":"i"}]}`, false},
		"the list is not in the answer": {`!contains([for one in body.data : one.id], key.id)`, 200, `{}`, false},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			f := newFake(t)
			f.on("DELETE /v1/projects/p1/keys/i", c.status, c.body)
			src := strings.Replace(wholeDefinition, "    gone   = [404]\n", "    ok     = false\n    gone   = "+c.gone+"\n", 1)
			err := f.client(t, src, nil).Revoke(t.Context(), Handle{Name: "n", ID: "i", Role: Values{"project": "p1"}})
			if (err == nil) != c.want {
				t.Errorf("%v", err)
			}
		}))
	}
}

func TestMessages(t *testing.T) {
	for name, c := range map[string]struct {
		errors, body, want string
	}{
		"its own place":            {"errors { message = body.reason }", `{"reason":"too many"}`, "too many"},
		"elsewhere than said":      {"errors { message = body.reason }", `{"message":"too many"}`, "too many"},
		"one that fails":           {"errors { message = join(\", \", body.reasons) }", `{"detail":"too many"}`, "too many"},
		"problem+json":             {"", `{"type":"about:blank","title":"Forbidden","detail":"too many"}`, "too many"},
		"a text":                   {"", "too many keys\n", "too many keys"},
		"a text, asked for":        {`errors { message = regex("many [a-z]+", body) }`, "too many keys\n", "many keys"},
		"a page":                   {"", "<!doctype html><html><head><TITLE>Too many &amp; more</TITLE></head><body>secret page</body>", "Too many & more"},
		"a page without title":     {"", "<html><body>secret page</body>", "Bad Request"},
		"nothing":                  {"", "", "Bad Request"},
		"a text with our own key":  {"", "bad key " + adminKey, "bad key [hidden]"},
		"several errors":           {"", `{"errors":[{"detail":"too many"},{"detail":"more"}]}`, "too many"},
		"errors of none":           {"", `{"errors":[],"message":"too many"}`, "too many"},
		"errors as texts":          {"", `{"errors":["too many"]}`, "too many"},
		"null first":               {"", `{"error":null,"message":"too many"}`, "too many"},
		"a list":                   {"", `[{"message":"too many"}]`, "Bad Request"},
		"a number":                 {"", `7`, "Bad Request"},
		"what an error may not be": {"", `{"error":{"code":7}}`, "Bad Request"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			f.do("GET /v1/me", func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(400)
				_, _ = w.Write([]byte(c.body))
			})
			src := strings.Replace(wholeDefinition, "errors { message = body.error }", c.errors, 1)
			err := f.client(t, src, nil).Check(t.Context())
			if e, ok := err.(*Error); !ok || e.Message != c.want {
				t.Errorf("the message is %v, want %q", err, c.want)
			}
		})
	}
}

// TestMessageOfLongAnswer: nothing is made of what is not shown, however long it is.
func TestMessageOfLongAnswer(t *testing.T) {
	body := expr.ToCty(map[string]any{"data": make([]any, 100_000), "errors": []any{map[string]any{"message": "too many"}}})
	var got string
	if made := testing.AllocsPerRun(10, func() { got = usualMessage(body) }); made > 100 || got != "too many" {
		t.Errorf("%q, for which %.0f values were made", got, made)
	}
}

// TestAnswerThatNestsDeeply: the outcome is unknown, and told at once.
func TestAnswerThatNestsDeeply(t *testing.T) {
	f := newFake(t)
	f.do("POST /v1/projects/p1/keys", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusCreated)
		_, _ = w.Write([]byte(`{"id":"i","key":"sk-value-1","owner":` + strings.Repeat("[", 9990) + strings.Repeat("]", 9990) + "}"))
	})
	_, err := f.client(t, wholeDefinition, nil).Issue(t.Context(), KeyRequest{Name: "n", Role: Values{"project": "p1"}})
	if KindOf(err) != Unknown || NothingMade(err) || !strings.Contains(fmt.Sprint(err), "nests them more deeply") {
		t.Errorf("the error is %v", err)
	}
}
