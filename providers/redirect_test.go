package providers

import (
	"net/http"
	"strings"
	"testing"
)

func TestWhatARedirectMeans(t *testing.T) {
	for name, c := range map[string]struct {
		status   int
		location string
		kind     Kind
		says     string
	}{
		"to another host":                 {301, "https://new.acme.example/v1/projects/p1/keys", Refused, "moved to https://new.acme.example/v1: write that as base_url"},
		"to a path of another host":       {302, "https://new.acme.example/api/v1/projects/p1/keys", Refused, "moved to https://new.acme.example/api/v1: write"},
		"to the root of another host":     {307, "https://new.acme.example/projects/p1/keys", Refused, "moved to https://new.acme.example: write"},
		"for ever":                        {308, "https://new.acme.example:8443/v1/projects/p1/keys", Refused, "https://new.acme.example:8443/v1:"},
		"see other":                       {303, "https://new.acme.example/v1/projects/p1/keys", Refused, "https://new.acme.example/v1:"},
		"at the same host":                {308, "/v2/projects/p1/keys", Refused, "/v2: write that as base_url"},
		"to a login, with what is hidden": {302, "https://sso.acme.example/login/session-t0ken?next=/v1&token=sup3rsecret", Refused, "to https://sso.acme.example, which is not followed"},
		"without a target":                {301, "", Unknown, "Moved Permanently"},
		"to what was made":                {303, "/v1/projects/p1/keys/17", Unknown, "See Other"},
		"found what was made":             {302, "/v1/projects/p1/keys/17", Unknown, "Found"},
		"to what was made, elsewhere":     {303, "/v1/keys/17", Unknown, "See Other"},
		"to the list it is in":            {303, "/v1/projects/p1/keys?made=17", Unknown, "See Other"},
		"found the list it is in":         {302, "/v1/projects/p1/keys", Unknown, "Found"},
		"found under another path":        {302, "/v2/projects/p1/keys", Refused, "/v2: write that as base_url"},
		"to TLS":                          {302, "https://{host}/v1/projects/p1/keys", Refused, "/v1: write that as base_url"},
		"for ever, elsewhere":             {301, "/v1/keys", Refused, "which is not followed"},
		"not modified":                    {304, "/v1/projects/p1/keys", Unknown, "Not Modified"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			f.do("POST /v1/projects/p1/keys", func(w http.ResponseWriter, r *http.Request) {
				if c.location != "" {
					w.Header().Set("Location", strings.ReplaceAll(c.location, "{host}", r.Host))
				}
				w.WriteHeader(c.status)
			})
			_, err := f.client(t, wholeDefinition, nil).Issue(t.Context(), KeyRequest{Name: "n", Role: Values{"project": "p1"}})
			if KindOf(err) != c.kind || NothingMade(err) != (c.kind == Refused) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("the error is %v", err)
			}
			for _, hidden := range []string{"t0ken", "sup3rsecret"} {
				if strings.Contains(err.Error(), hidden) {
					t.Errorf("the error tells too much: %v", err)
				}
			}
			if len(f.seen()) != 1 {
				t.Errorf("it asked %q", f.seen())
			}
		})
	}
}
