package paths_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/internal/sandbox"
)

// TestLeakedKey is traced to its holder and killed, by one call each.
func TestLeakedKey(t *testing.T) {
	for name, killBy := range map[string]func(value, id string) data{
		"by value":               func(value, _ string) data { return data{"value": value} },
		"by value, as in a file": func(value, _ string) data { return data{"value": value + "\n"} },
		"by id":                  func(_, id string) data { return data{"id": id} },
	} {
		t.Run(name, func(t *testing.T) {
			m := newMount(t)
			m.connect("main")
			m.write("roles/ci", data{"connection": "main"})
			other := m.mint("ci")
			leaked := m.mint("ci")
			value := leaked.Data["api_key"].(string)
			for range 2 { // looking changes nothing
				found := m.write("lookup-key", data{"value": value})
				for field, want := range map[string]any{"key_name": leaked.Data["key_name"], "role": "ci", "connection": "main", "display_name": "token-tester", "remote_addr": "127.0.0.1"} {
					if found.Data[field] != want {
						t.Errorf("%s is %v, want %v", field, found.Data[field], want)
					}
				}
				m.tellsNoSecret(found, value)
			}
			id := m.write("lookup-key", data{"value": value}).Data["id"].(string)
			killed := m.write("revoke-key", killBy(value, id))
			if killed.Data["revoked"] != true || killed.Data["key_name"] != leaked.Data["key_name"] || len(killed.Warnings) > 0 {
				t.Errorf("it is answered %v, %q", killed.Data, killed.Warnings)
			}
			m.tellsNoSecret(killed, value)
			if status := m.status(value); status != http.StatusUnauthorized {
				t.Errorf("the leaked key is answered with status %d", status)
			}
			if status := m.status(other.Data["api_key"].(string)); status != http.StatusOK {
				t.Errorf("another key is answered with status %d", status)
			}
			const unknown = "no living key"
			wantContains(t, m.refusal(logical.UpdateOperation, "lookup-key", data{"value": value}), unknown)
			wantContains(t, m.refusal(logical.UpdateOperation, "revoke-key", killBy(value, id)), unknown)
			if err := m.revoke(leaked); err != nil {
				t.Errorf("ending the lease of the dead key: %v", err)
			}
		})
	}
}

// TestLeakedKeyOfStaticRole has the role's readers get another one.
func TestLeakedKeyOfStaticRole(t *testing.T) {
	m := newMount(t)
	m.connect("main")
	m.write("static-roles/legacy", data{"connection": "main", "overlap": "1h"})
	current := func() string { return m.read("static-creds/legacy")["api_key"].(string) }
	first := current()
	m.write("rotate-role/legacy", nil)
	second := current()

	// The previous key, in its overlap:
	if killed := m.write("revoke-key", data{"value": first}); killed.Data["revoked"] != true || killed.Data["static_role"] != "legacy" {
		t.Errorf("it is answered %v", killed.Data)
	}
	if got := m.read("static-creds/legacy"); got["api_key"] != second || len(got["previous"].([]any)) > 0 {
		t.Errorf("the role holds %v, want its current key alone", got)
	}
	// The current key:
	if killed := m.write("revoke-key", data{"value": second}); killed.Data["revoked"] != true || len(killed.Warnings) > 0 {
		t.Errorf("it is answered %v, %q", killed.Data, killed.Warnings)
	}
	third := current()
	if third == second {
		t.Fatal("the role holds the leaked key")
	}
	for key, want := range map[string]int{first: http.StatusUnauthorized, second: http.StatusUnauthorized, third: http.StatusOK} {
		if status := m.status(key); status != want {
			t.Errorf("a key is answered with status %d, want %d", status, want)
		}
	}
	// One that cannot be replaced dies all the same, and the role gets another
	// one as soon as that can be.
	if err := m.sandbox.AddFault(sandbox.Fault{Kind: sandbox.Status, Status: http.StatusForbidden, Count: new(0), Match: sandbox.Match{Route: "POST /v1/keys"}}); err != nil {
		t.Fatal(err)
	}
	killed := m.write("revoke-key", data{"value": third})
	if killed.Data["revoked"] != true || len(killed.Warnings) != 1 || !strings.Contains(killed.Warnings[0], "legacy has no key now") {
		t.Errorf("it is answered %v, %q", killed.Data, killed.Warnings)
	}
	if status := m.status(third); status != http.StatusUnauthorized {
		t.Errorf("the leaked key is answered with status %d", status)
	}
	wantContains(t, m.refusal(logical.ReadOperation, "static-creds/legacy", nil), `"legacy" has no key`, "tried again")
	m.sandbox.ClearFaults()
	eventually(t, "the role has a key", func() bool {
		resp, err := m.send(logical.ReadOperation, "static-creds/legacy", nil)
		return err == nil && !resp.IsError()
	})
	if status := m.status(current()); status != http.StatusOK {
		t.Errorf("the new key is answered with status %d", status)
	}
	if live := m.sandbox.LiveKeys(); len(live) != 1 {
		t.Errorf("the provider has the keys %+v", live)
	}
}

// TestLeakedKeyOfAnAbsentProvider waits on the queue, and is not said to be dead.
func TestLeakedKeyOfAnAbsentProvider(t *testing.T) {
	m := newMount(t)
	m.connect("main")
	m.write("roles/ci", data{"connection": "main"})
	value := m.mint("ci").Data["api_key"].(string)
	if err := m.sandbox.AddFault(sandbox.Fault{Kind: sandbox.Status, Status: http.StatusServiceUnavailable, Count: new(0), Match: sandbox.Match{Method: "DELETE"}}); err != nil {
		t.Fatal(err)
	}
	killed := m.write("revoke-key", data{"value": value})
	if killed.Data["revoked"] != false || len(killed.Warnings) != 1 || !strings.Contains(killed.Warnings[0], "not dead yet") {
		t.Errorf("it is answered %v, %q", killed.Data, killed.Warnings)
	}
	if waiting := m.list("queue/"); len(waiting) != 1 || waiting[0] != killed.Data["id"] {
		t.Errorf("the queue holds %v", waiting)
	}
	m.sandbox.ClearFaults()
	eventually(t, "the key is dead", func() bool { return m.status(value) == http.StatusUnauthorized })
}

func TestLeakedKeyMistakes(t *testing.T) {
	m := newMount(t)
	m.connect("main")
	m.write("roles/ci", data{"connection": "main"})
	value := m.mint("ci").Data["api_key"].(string)
	for _, test := range []struct {
		path  string
		input data
		want  string
	}{
		{"lookup-key", nil, "value is missing"},
		{"lookup-key", data{"value": ""}, "value is missing"},
		{"lookup-key", data{"value": "not-" + value}, "no living key"},
		{"lookup-key", data{"value": strings.ToUpper(value)}, "no living key"},
		{"lookup-key", data{"id": "x"}, `unknown field "id"`},
		{"revoke-key", nil, "one of value and id"},
		{"revoke-key", data{"value": value, "id": "x"}, "one of value and id"},
		{"revoke-key", data{"id": value}, "no living key"},
		{"revoke-key", data{"valeu": value}, `did you mean "value"?`},
	} {
		got := m.refusal(logical.UpdateOperation, test.path, test.input)
		wantContains(t, got, test.want)
		if strings.Contains(got, value) {
			t.Errorf("%s quotes the key: %s", test.path, got)
		}
	}
	if status := m.status(value); status != http.StatusOK {
		t.Errorf("after mistakes alone the key is answered with status %d", status)
	}
}

// tellsNoSecret checks that an answer does not hold the value.
func (m *mount) tellsNoSecret(resp *logical.Response, value string) {
	m.t.Helper()
	text, err := json.Marshal(resp)
	if err != nil {
		m.t.Fatal(err)
	}
	if strings.Contains(string(text), value) {
		m.t.Errorf("the answer shows the key: %s", text)
	}
}
