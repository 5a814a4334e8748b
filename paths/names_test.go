package paths_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
)

// TestNames holds names against those that the database engine takes, at every endpoint
// that has one in its path: its patterns are framework.GenericNameRegex too.
func TestNames(t *testing.T) {
	m := newMount(t)
	m.connect("main")
	for _, name := range []string{"a", "ci", "CI-2", "team.ci", "a_b", "_a", "9", "x--y..z"} {
		m.write("roles/"+name, data{"connection": "main"})
		if m.read("roles/"+name) == nil {
			t.Errorf("role %s is not there", name)
		}
	}
	var named []string
	for _, endpoint := range endpoints() {
		if prefix, _, has := strings.Cut(endpoint.Pattern, framework.GenericNameRegex("name")); has {
			named = append(named, prefix)
		}
	}
	if len(named) < 12 {
		t.Fatalf("only %v have names", named)
	}
	for _, name := range []string{"-a", "a-", ".a", "a.", "a b", "a@b", "a/b", "ä", "a:b", "%61"} {
		for _, path := range named {
			for _, operation := range []logical.Operation{logical.ReadOperation, logical.UpdateOperation, logical.DeleteOperation} {
				resp, err := m.backend.HandleRequest(t.Context(), &logical.Request{Operation: operation, Path: path + name, Storage: m.storage})
				if err != nil || !resp.IsError() || !strings.Contains(resp.Error().Error(), path+"NAME: a name is of letters") || strings.Contains(resp.Error().Error(), name+" ") {
					t.Errorf("%s %s: %v, %v", operation, path+name, resp, err)
				}
			}
		}
	}
	for _, path := range []string{"nothing", "nothing/x", "metrics/x"} {
		if _, err := m.backend.HandleRequest(t.Context(), &logical.Request{Operation: logical.ReadOperation, Path: path, Storage: m.storage}); !errors.Is(err, logical.ErrUnsupportedPath) {
			t.Errorf("%s: %v", path, err)
		}
	}
}
