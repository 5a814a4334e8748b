package providers

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
)

// skipping is wholeDefinition with a list by offsets that says which keys are of the past.
func skipping(skip string) string {
	return strings.Replace(pagedBy(`pagination "offset" {}`), "    item = {", "    skip = "+skip+"\n    item = {", 1)
}

// TestKeysOfThePastAreSkipped: what a list shows of keys that have ended counts as no key,
// whatever name it carries, and as an item where items are counted: a page of the past
// alone is no end of the list.
func TestKeysOfThePastAreSkipped(t *testing.T) {
	keys := []object{
		{"id": 1, "name": "k1", "owner": "o", "revoked_at": "2026-01-01T00:00:00Z"},
		{"id": 2, "name": "k2", "owner": "o", "revoked_at": "2026-01-01T00:00:00Z"},
		{"id": 3, "name": "k3", "owner": "o", "revoked_at": nil},
		{"id": 4, "name": "k4", "owner": "o"},
	}
	for skip, want := range map[string]struct{ living, dead []string }{
		`item.revoked_at != null`:                    {[]string{"k3", "k4"}, []string{"k1", "k2"}},
		`item.revoked_at == "2026-01-01T00:00:00Z"`:  {[]string{"k3", "k4"}, []string{"k1", "k2"}},
		`item.state == "revoked"`:                    {[]string{"k1", "k2", "k3", "k4"}, nil}, // no answer tells
		`connection.admin_key == "another"`:          {[]string{"k1", "k2", "k3", "k4"}, nil},
		`try(item.revoked_at, null) != null || true`: {nil, []string{"k1", "k2", "k3", "k4"}},
	} {
		t.Run(skip, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFakeOf(t, func(w http.ResponseWriter, r *http.Request) {
					from, err := strconv.Atoi(r.URL.Query().Get("offset"))
					if err != nil {
						t.Errorf("%s: no offset", r.URL)
					}
					_ = json.NewEncoder(w).Encode(object{"data": keys[min(from, 4):min(from+2, 4)]})
				})
				c := f.client(t, skipping(skip), nil)
				in := c.def.ListingScope(Values{"project": "p1"}, nil)
				for _, name := range want.living {
					if found, err := c.Find(t.Context(), in, Look{Containing: name}); err != nil || len(found.Keys) != 1 {
						t.Errorf("%s is not found: %+v, %v", name, found, err)
					}
				}
				for _, name := range want.dead {
					if found, err := c.Find(t.Context(), in, Look{Containing: name}); err != nil || !found.Absent() {
						t.Errorf("%s is not known to be gone: %+v, %v", name, found, err)
					}
				}
			})
		})
	}
}

func TestSkipMistakes(t *testing.T) {
	for skip, want := range map[string]string{
		`"yes"`:             "true or false",
		`itm.revoked_at`:    `did you mean "item"?`,
		`role.nobody == ""`: `no role field "nobody"`,
	} {
		if _, err := Parse("acme.hcl", []byte(skipping(skip))); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, not %q", skip, err, want)
		}
	}
}
