package providers

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

// A request carries the time of the client's clock; and an id that does is not one
// that can be told again after a crash.
func TestClockInRequests(t *testing.T) {
	definition := strings.Replace(wholeDefinition, "scopes  = role.scopes", "scopes  = role.scopes\n      grace = unix(timeadd(now(), \"1h\"))", 1)
	f := newFake(t)
	f.on("POST /v1/projects/p/keys", http.StatusOK, object{"id": "1", "key": "k", "owner": "o"})
	c := f.client(t, definition, nil)
	c.now = func() time.Time { return time.Unix(1_800_000_000, 0) }
	if _, err := c.Issue(t.Context(), KeyRequest{Name: "n", Role: Values{"project": "p"}}); err != nil {
		t.Fatal(err)
	}
	body, _ := f.last()
	var sent struct{ Grace json.Number }
	if err := json.Unmarshal([]byte(body), &sent); err != nil || sent.Grace != "1800003600" {
		t.Errorf("sent was %s", body)
	}
	known := func(id string) bool {
		return mustParse(t, strings.NewReplacer("id     = body.id", "id = "+id, "save   = { owner = body.owner }", "save = { owner = key.name }").Replace(wholeDefinition)).Capabilities.KnownID
	}
	if !known(`key.name`) || known(`"${key.name}-${now()}"`) {
		t.Error("an id that holds the time counts as known, or one that does not as unknown")
	}
}
