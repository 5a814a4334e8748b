package providers

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// An extend that takes no time has to tell the end that the provider chose.
func TestExtendWithoutATime(t *testing.T) {
	renewing := func(read string) string {
		return strings.Replace(wholeDefinition, "patch = \"/keys/${key.id}\"\n    json  = { expires = key.expires_at }", "post = \"/keys/${key.id}/renew\"\n"+read, 1)
	}
	if _, err := Parse("acme.hcl", []byte(renewing(""))); err == nil || !strings.Contains(err.Error(), "Nobody would know the new end") {
		t.Fatalf("it is taken: %v", err)
	}
	mustParse(t, strings.Replace(renewing(""), `maximum = "30d"`, `fixed = "1h"`, 1))

	f := newFake(t)
	c := f.client(t, renewing("expires_at = body.expires"), nil)
	h := Handle{Name: "n", ID: "k", Role: Values{"project": "p"}}
	asked := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	f.on("POST /v1/keys/k/renew", http.StatusOK, object{"expires": "2026-04-01T00:00:00Z"})
	granted, err := c.Extend(t.Context(), h, asked, time.Hour)
	if got := granted.End(time.Now(), asked); err != nil || !got.Equal(time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("it ends at %s, %v", got, err)
	}
	f.on("POST /v1/keys/k/renew", http.StatusOK, object{})
	if granted, err = c.Extend(t.Context(), h, asked, time.Hour); err == nil || KindOf(err) != Unknown {
		t.Errorf("an answer that tells no end is taken for %s: %v", granted.End(time.Now(), asked), err)
	}
}
