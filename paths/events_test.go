package paths_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/internal/sandbox"
)

// TestEvents has everything happen of which Vault's event system is told.
func TestEvents(t *testing.T) {
	m := newMount(t)
	m.connect("main")
	m.write("roles/ci", data{"connection": "main", "scopes": "read"})
	m.write("static-roles/app", data{"connection": "main"})

	minted := m.must(logical.ReadOperation, "creds/ci", nil)
	name := minted.Data["key_name"].(string)
	m.tells("creds-create", data{"path": "creds/ci", "modified": "true", "name": "ci", "connection": "main", "key_name": name})
	m.tells("static-creds-create", data{"path": "static-creds/app", "modified": "true", "name": "app", "connection": "main"})

	m.write("rotate-role/app", nil)
	m.tells("rotate", data{"path": "rotate-role/app", "modified": "true", "name": "app", "data_path": "static-creds/app"})
	m.write("rotate-root/main", nil)
	m.tells("rotate-root", data{"path": "rotate-root/main", "modified": "true", "name": "main"})

	m.fails("POST /v1/keys", http.StatusForbidden)
	m.send(logical.ReadOperation, "creds/ci", nil)
	m.tells("creds-create-fail", data{"path": "creds/ci", "modified": "false", "name": "ci", "reason": "refused"})
	m.fails("POST /v1/keys", http.StatusForbidden)
	m.send(logical.UpdateOperation, "rotate-role/app", nil)
	m.tells("rotate-fail", data{"path": "rotate-role/app", "modified": "false", "name": "app", "reason": "refused"})
	m.fails("POST /v1/admin-keys", http.StatusForbidden)
	m.send(logical.UpdateOperation, "rotate-root/main", nil)
	m.tells("rotate-root-fail", data{"path": "rotate-root/main", "modified": "false", "name": "main", "reason": "refused"})

	m.fails("DELETE /v1/keys/{id}", http.StatusForbidden)
	m.revoke(minted)
	m.tells("creds-revoke-fail", data{"path": "creds/ci", "modified": "false", "name": "ci", "key_name": name})
	m.tells("queue-add", data{"modified": "true", "kind": "revoke", "connection": "main", "key_name": name})
	m.tells("creds-revoke", data{"path": "creds/ci", "modified": "true", "name": "ci", "key_name": name})

	for _, event := range m.told() {
		if strings.Contains(event, minted.Data["api_key"].(string)) || strings.Contains(event, adminKey) {
			t.Errorf("an event holds a secret: %s", event)
		}
	}
}

// TestOrphansAreEvents: one that is found by asking, and one that is removed.
func TestOrphansAreEvents(t *testing.T) {
	m := newMount(t)
	m.connect("main")
	m.write("roles/ci", data{"connection": "main", "scopes": "read"})
	orphan := m.mint("ci").Data["key_name"].(string)
	m.loseRecord(orphan)
	m.write("reconcile/main", nil)
	m.tells("orphan-find", data{"path": "reconcile/main", "modified": "false", "connection": "main", "key_name": orphan})
	m.write("reconcile/main", data{"delete": true})
	m.tells("orphan-revoke", data{"path": "reconcile/main", "modified": "true", "connection": "main", "key_name": orphan})
}

// fails has the next request to a route answered with the status.
func (m *mount) fails(route string, status int) {
	m.t.Helper()
	m.sabotage(sandbox.Fault{Kind: sandbox.Status, Status: status, Match: sandbox.Match{Route: route}})
}

// tells waits for an event with such metadata.
func (m *mount) tells(operation string, metadata data) {
	m.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if m.hasTold(operation, metadata) {
			return
		}
		if time.Now().After(deadline) {
			m.t.Fatalf("no event %s with %v; there were:\n%s", operation, metadata, strings.Join(m.told(), "\n"))
		}
	}
}

func (m *mount) hasTold(operation string, metadata data) bool {
	m.events.Lock()
	defer m.events.Unlock()
	for _, event := range m.events.Events {
		if event.Type != logical.EventType("apikeys/"+operation) {
			continue
		}
		fields := event.Event.Metadata.AsMap()
		same := fields["operation"] == operation
		for name, value := range metadata {
			same = same && fields[name] == value
		}
		if same {
			return true
		}
	}
	return false
}

func (m *mount) told() (events []string) {
	m.events.Lock()
	defer m.events.Unlock()
	for _, event := range m.events.Events {
		events = append(events, fmt.Sprint(event.Type, event.Event.Metadata.AsMap()))
	}
	return events
}
