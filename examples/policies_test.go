package examples

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/vault/api"
)

// request is one that a persona sends.
type request struct {
	method, path string
	fields       map[string]any
}

// personas are what holders of each policy can do and cannot: all of it is sent.
var personas = map[string]struct{ may, mayNot []request }{
	"application": {
		may: []request{
			{"GET", "apikeys/creds/reader", nil},
			{"PUT", "apikeys/creds/reader", map[string]any{"ttl": "1m"}},
			{"GET", "apikeys/static-creds/shared", nil},
		},
		mayNot: []request{
			{"GET", "apikeys/creds/dev-any", nil},
			{"GET", "apikeys/roles/reader", nil},
			{"LIST", "apikeys/roles", nil},
			{"GET", "apikeys/config/sandbox", nil},
			{"LIST", "apikeys/keys", nil},
			{"PUT", "apikeys/rotate-role/shared", nil},
		},
	},
	"developer": {
		may: []request{
			{"LIST", "apikeys/roles", nil},
			{"GET", "apikeys/roles/reader", nil},
			{"GET", "apikeys/providers/sandbox", nil},
			{"GET", "apikeys/creds/dev-any", nil},
		},
		mayNot: []request{
			{"GET", "apikeys/creds/reader", nil},
			{"GET", "apikeys/static-creds/shared", nil},
			{"PUT", "apikeys/roles/dev-any", map[string]any{"ttl": "1h"}},
			{"GET", "apikeys/config/sandbox", nil},
		},
	},
	"operator": {
		may: []request{
			{"PUT", "apikeys/roles/made", map[string]any{"connection": "sandbox", "scopes": "read"}},
			{"PATCH", "apikeys/roles/made", map[string]any{"ttl": "5m"}},
			{"DELETE", "apikeys/roles/made", nil},
			{"PUT", "apikeys/config/sandbox", map[string]any{"request_timeout": "20s"}},
			{"PUT", "apikeys/check/sandbox", nil},
			{"PUT", "apikeys/rotate-root/sandbox", nil},
			{"PUT", "apikeys/rotate-role/shared", nil},
			{"PUT", "apikeys/reconcile/sandbox", nil},
			{"LIST", "apikeys/queue", nil},
			{"LIST", "apikeys/keys", nil},
			{"GET", "apikeys/info", nil},
			{"GET", "apikeys/metrics", nil},
			{"PUT", "apikeys/ownership", map[string]any{"claim_after_crash": true}},
			{"PATCH", "apikeys/ownership", map[string]any{"claim_after_crash": false}},
		},
		mayNot: []request{
			{"GET", "apikeys/creds/reader", nil},
			{"GET", "apikeys/static-creds/shared", nil},
			{"PUT", "apikeys/definitions/own", map[string]any{"definition": ""}},
			{"PUT", "apikeys/revoke-key", map[string]any{"value": "x"}},
		},
	},
	"auditor": {
		may: []request{
			{"LIST", "apikeys/config", nil},
			{"GET", "apikeys/config/sandbox", nil},
			{"GET", "apikeys/roles/reader", nil},
			{"GET", "apikeys/static-roles/shared", nil},
			{"LIST", "apikeys/keys", nil},
			{"LIST", "apikeys/queue", nil},
			{"GET", "apikeys/ownership", nil},
			{"GET", "apikeys/info", nil},
		},
		mayNot: []request{
			{"GET", "apikeys/creds/reader", nil},
			{"GET", "apikeys/static-creds/shared", nil},
			{"PUT", "apikeys/config/sandbox", map[string]any{"request_timeout": "20s"}},
			{"PUT", "apikeys/reconcile/sandbox", nil},
			{"PUT", "apikeys/ownership/yield", nil},
			{"DELETE", "apikeys/roles/reader", nil},
		},
	},
	"scanner": {
		may: []request{
			{"PUT", "apikeys/lookup-key", map[string]any{"value": "HELD"}},
			{"PUT", "apikeys/revoke-key", map[string]any{"value": "HELD"}},
		},
		mayNot: []request{
			{"LIST", "apikeys/keys", nil},
			{"GET", "apikeys/creds/reader", nil},
			{"GET", "apikeys/roles/reader", nil},
		},
	},
}

// TestPolicies sends, with a token of each policy, what it allows and what it does
// not.
func TestPolicies(t *testing.T) {
	x := newExample(t, "policies", map[string]any{"ttl": "10m"})
	x.write("config/sandbox", map[string]any{"allowed_roles": "*"})
	x.write("roles/dev-any", map[string]any{"connection": "sandbox", "scopes": "read"})
	x.write("static-roles/shared", map[string]any{"connection": "sandbox", "scopes": "read"})
	files, err := filepath.Glob("policies/*.hcl")
	if err != nil || len(files) != len(personas) {
		t.Fatalf("there are %d policies for %d personas, %v", len(files), len(personas), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".hcl")
		t.Run(name, func(t *testing.T) {
			client := x.holder(t, name, file)
			for _, r := range personas[name].may {
				if err := x.send(client, r); err != nil {
					t.Errorf("it may not %s %s: %v", r.method, r.path, err)
				}
			}
			for _, r := range personas[name].mayNot {
				var refused *api.ResponseError
				if err := x.send(client, r); !errors.As(err, &refused) || refused.StatusCode != http.StatusForbidden {
					t.Errorf("%s %s is not forbidden: %v", r.method, r.path, err)
				}
			}
		})
	}
}

// holder is a client whose token has the policy of a file, and the default one.
func (x *example) holder(t *testing.T, name, file string) *api.Client {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := x.vault.Client.Sys().PutPolicy(name, string(text)); err != nil {
		t.Fatal(err)
	}
	token, err := x.vault.Client.Auth().Token().Create(&api.TokenCreateRequest{Policies: []string{name}})
	if err != nil {
		t.Fatal(err)
	}
	return x.vault.NewClient(token.Auth.ClientToken)
}

// send sends the request; the value HELD stands for a key that somebody holds.
func (x *example) send(client *api.Client, r request) error {
	x.t.Helper()
	wanted := client.NewRequest(r.method, "/v1/"+r.path)
	if r.method == "PATCH" {
		wanted.Headers.Set("Content-Type", "application/merge-patch+json")
	}
	if r.fields != nil {
		fields := map[string]any{}
		for name, value := range r.fields {
			if value == "HELD" {
				value = x.read("creds/reader")["api_key"]
			}
			fields[name] = value
		}
		if err := wanted.SetJSONBody(fields); err != nil {
			return err
		}
	}
	//lint:ignore SA1019 The calls that know the method are as many as the methods.
	answer, err := client.RawRequestWithContext(x.t.Context(), wanted)
	if answer != nil {
		answer.Body.Close()
	}
	// An empty list is answered with 404.
	var refused *api.ResponseError
	if errors.As(err, &refused) && r.method == "LIST" && refused.StatusCode == http.StatusNotFound {
		return nil
	}
	return err
}

func (x *example) read(path string) map[string]any {
	x.t.Helper()
	answer, err := x.vault.Client.Logical().ReadWithContext(x.t.Context(), "apikeys/"+path)
	if err != nil {
		x.t.Fatalf("reading %s: %v", path, err)
	}
	return answer.Data
}
