package providers

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"vault-plugin-secrets-apikeys/internal/testbed/page"
)

// emptyDefinition reads and writes the same thing in each place; a test puts one
// attribute for another.
const emptyDefinition = `provider "empty" {
  title = "Empty"
  connection "admin_key" {
    type      = string
    sensitive = true
  }
  connection "note" {
    type     = string
    NOTE
  }
  auth "bearer" { token = connection.admin_key }
  issue {
    post    = "/keys"
    query   = { note = connection.note }
    headers = { X-Note = connection.note }
    json    = { name = key.name, note = connection.note }
    id      = body.id
    secret  = { api_key = body.key }
    GRANT
  }
  revoke {
    delete = "/keys/${key.id}"
    gone   = body.key == null
  }
  list {
    get   = "/keys"
    items = body.data
    item  = { id = item.id, name = item.name, created_at = item.created_at, last_used_at = item.last_used_at, expires_at = item.expires_at }
  }
  extend {
    patch = "/keys/${key.id}"
    json  = { expires_at = rfc3339(key.expires_at) }
  }
  check { get = "/notes/${connection.note}" }
  errors { message = body.sentence }
}
`

// TestReferenceOnWhatIsNotThere holds the reference's tables of what absent, null and
// empty do against what is done.
func TestReferenceOnWhatIsNotThere(t *testing.T) {
	inBubble(func(t *testing.T) {
		said := map[string][]string{}
		for _, row := range page.Rows(page.Section(t, page.Definitions, "## Absent, null and empty")) {
			said[row.First] = row.Rest
		}
		issued := func(t *testing.T, grant, read, value string) string {
			return issuedWith(t, grant, fields{"id": `"i"`, "key": `"sk-value-1"`, read: value})
		}
		for row, outcome := range map[string]func(t *testing.T, value string) string{
			"`id`":                      func(t *testing.T, value string) string { return issued(t, "", "id", value) },
			"a field of `secret`":       func(t *testing.T, value string) string { return issued(t, "", "key", value) },
			"`expires_at`":              func(t *testing.T, value string) string { return issued(t, "expires_at = body.end", "end", value) },
			"`expires_in`":              func(t *testing.T, value string) string { return issued(t, "expires_in = body.end", "end", value) },
			"`ok`":                      func(t *testing.T, value string) string { return issued(t, "ok = body.fine", "fine", value) },
			"`gone` that asks for null": revokedWith,
			"`items`":                   func(t *testing.T, value string) string { return listedWith(t, fields{"data": value}) },
			"`item.id`":                 func(t *testing.T, value string) string { return itemWith(t, "id", value) },
			"`item.name`":               func(t *testing.T, value string) string { return itemWith(t, "name", value) },
			"`item.created_at`":         func(t *testing.T, value string) string { return itemWith(t, "created_at", value) },
			"`item.last_used_at`":       func(t *testing.T, value string) string { return itemWith(t, "last_used_at", value) },
			"`item.expires_at`":         func(t *testing.T, value string) string { return itemWith(t, "expires_at", value) },
			"`errors.message`":          refusedWith,
		} {
			for i, value := range []string{"", "null", `""`} {
				if got := outcome(t, value); len(said[row]) != 3 || said[row][i] != got {
					t.Errorf("%s read as %q: %s, and the reference says %q", row, value, got, said[row])
				}
			}
		}
		for row, outcome := range map[string]func(t *testing.T, note any) string{
			"a member of `json`":    func(t *testing.T, note any) string { return sentWith(t, note, "json") },
			"a member of `query`":   func(t *testing.T, note any) string { return sentWith(t, note, "query") },
			"a member of `headers`": func(t *testing.T, note any) string { return sentWith(t, note, "headers") },
			"a path":                pathWith,
		} {
			for i, note := range []any{nil, ""} {
				if got := outcome(t, note); len(said[row]) != 2 || said[row][i] != got {
					t.Errorf("%s written as %v: %s, and the reference says %q", row, note, got, said[row])
				}
			}
		}
	})(t)
}

// fields is an answer by name, with each value as JSON; those that are empty are
// absent.
type fields map[string]string

func (f fields) String() string {
	members := map[string]json.RawMessage{}
	for name, value := range f {
		if value != "" {
			members[name] = json.RawMessage(value)
		}
	}
	text, err := json.Marshal(members)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func emptyClient(t *testing.T, f *fake, grant string, note any) *Client {
	t.Helper()
	// A path cannot do without a field, which the parser tells.
	source := strings.NewReplacer("GRANT", grant, "NOTE", "", "${connection.note}", "x").Replace(emptyDefinition)
	return f.client(t, source, Values{"note": note})
}

func issuedWith(t *testing.T, grant string, answer fields) string {
	f := newFake(t)
	f.on("POST /v1/keys", 201, answer.String())
	f.on("DELETE /v1/keys/i", 204, "")
	asked := time.Now().Add(time.Hour).Truncate(time.Second)
	key, err := emptyClient(t, f, grant, "x").Issue(t.Context(), KeyRequest{Name: "n", ExpiresAt: asked})
	switch {
	case KindOf(err) == Unknown && err != nil:
		return "outcome unknown"
	case err != nil:
		return "refused"
	case key.ActualExpiry.End(time.Now(), asked).IsZero():
		return "no end"
	case key.ActualExpiry.End(time.Now(), asked).Equal(asked):
		return "as asked for"
	}
	return "another end"
}

func revokedWith(t *testing.T, value string) string {
	f := newFake(t)
	f.on("DELETE /v1/keys/i", 404, fields{"key": value}.String())
	if err := emptyClient(t, f, "", "x").Revoke(t.Context(), Handle{ID: "i", Name: "n"}); err != nil {
		return "not gone"
	}
	return "gone"
}

func itemWith(t *testing.T, name, value string) string {
	item := fields{"id": `"i"`, "name": `"n"`, "created_at": `"2026-01-01T00:00:00Z"`, "last_used_at": `"2026-01-02T00:00:00Z"`, "expires_at": `"2026-01-03T00:00:00Z"`}
	item[name] = value
	outcome := listedWith(t, fields{"data": "[" + item.String() + "]"})
	if outcome == "no keys" {
		return "passed over"
	}
	return outcome
}

func listedWith(t *testing.T, answer fields) string {
	f := newFake(t)
	f.on("GET /v1/keys", 200, answer.String())
	outcome := "no keys"
	for listed, err := range emptyClient(t, f, "", "x").List(t.Context(), ListingScope{}) {
		switch {
		case err != nil:
			return "error"
		case listed.Handle.Name == "":
			outcome = "a key without name"
		case listed.CreatedAt.IsZero():
			outcome = "no age"
		case listed.NeverUsed:
			outcome = "never used"
		case listed.LastUsedAt.IsZero():
			outcome = "no last use"
		case listed.ExpiresAt.IsZero():
			outcome = "no end told"
		default:
			outcome = "listed"
		}
	}
	return outcome
}

func refusedWith(t *testing.T, value string) string {
	f := newFake(t)
	f.on("POST /v1/keys", 400, fields{"sentence": value, "message": `"the usual"`}.String())
	_, err := emptyClient(t, f, "", "x").Issue(t.Context(), KeyRequest{Name: "n"})
	if err != nil && strings.Contains(err.Error(), "the usual") {
		return "the usual places"
	}
	return fmt.Sprint(err)
}

func sentWith(t *testing.T, note any, where string) string {
	f := newFake(t)
	var query url.Values
	f.do("POST /v1/keys", func(w http.ResponseWriter, r *http.Request) {
		query = r.URL.Query()
		fmt.Fprint(w, `{"id":"i","key":"sk-value-1"}`)
	})
	if _, err := emptyClient(t, f, "", note).Issue(t.Context(), KeyRequest{Name: "n"}); err != nil {
		return "refused"
	}
	body, header := f.last()
	sent := map[string]bool{
		"json": strings.Contains(body, `"note":""`), "query": query.Has("note"), "headers": len(header.Values("X-Note")) > 0,
	}
	if sent[where] {
		return "sent empty"
	}
	return "left out"
}

func pathWith(t *testing.T, note any) string {
	f := newFake(t)
	source := strings.NewReplacer("GRANT", "", "NOTE", "required = true").Replace(emptyDefinition)
	if err := f.client(t, source, Values{"note": note}).Check(t.Context()); KindOf(err) == Refused && len(f.seen()) == 0 {
		return "refused"
	}
	return "sent"
}
