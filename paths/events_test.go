package paths_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/internal/sandbox"
	"vault-plugin-secrets-apikeys/internal/testbed/page"
	"vault-plugin-secrets-apikeys/providers"
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
	m.tells("static-creds-create-fail", data{"path": "static-creds/app", "modified": "false", "name": "app", "connection": "main", "reason": "refused"})
	m.tells("rotate-fail", data{"path": "rotate-role/app", "modified": "false", "name": "app", "reason": "refused"})
	m.fails("POST /v1/admin-keys", http.StatusForbidden)
	m.send(logical.UpdateOperation, "rotate-root/main", nil)
	m.tells("rotate-root-fail", data{"path": "rotate-root/main", "modified": "false", "name": "main", "reason": "refused"})

	m.fails("DELETE /v1/keys/{id}", http.StatusForbidden)
	m.revoke(minted)
	m.tells("creds-revoke-fail", data{"path": "creds/ci", "modified": "false", "name": "ci", "key_name": name})
	m.tells("queue-add", data{"modified": "true", "kind": "revoke", "connection": "main", "key_name": name})
	m.tells("creds-revoke", data{"path": "creds/ci", "modified": "true", "name": "ci", "key_name": name})

	m.tells("queue-done", data{"modified": "true", "kind": "revoke", "connection": "main", "key_name": name})
	m.refusal(logical.UpdateOperation, "creds/ci", data{"scopes": "write"})
	m.tells("creds-create-fail", data{"path": "creds/ci", "modified": "false", "name": "ci", "reason": "invalid"})

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

// TestChangesAreEvents: everything that is written, asked or deleted.
func TestChangesAreEvents(t *testing.T) {
	m := newMount(t)
	m.connect("main")
	m.tells("config-write", data{"path": "config/main", "modified": "true", "name": "main"})
	m.fails("GET /v1/whoami", http.StatusUnauthorized)
	m.send(logical.UpdateOperation, "check/main", nil)
	m.tells("check-fail", data{"path": "check/main", "modified": "false", "name": "main", "reason": "unauthorized"})
	m.write("check/main", nil)
	m.tells("check", data{"path": "check/main", "name": "main"})
	m.write("reset/main", nil)
	m.tells("reset", data{"path": "reset/main", "modified": "false", "name": "main"})
	m.refusal(logical.UpdateOperation, "config/main", data{"provider": "nobody"})
	m.tells("config-write-fail", data{"path": "config/main", "modified": "false", "name": "main", "reason": "invalid"})

	role, change := data{"connection": "main", "scopes": "read"}, data{"scopes": "write"}
	m.write("roles/app", role)
	m.tells("role-create", data{"path": "roles/app", "modified": "true", "name": "app"})
	m.write("roles/app", change)
	m.tells("role-update", data{"path": "roles/app", "modified": "true", "name": "app"})
	m.write("static-roles/app", role)
	m.tells("static-role-create", data{"path": "static-roles/app", "modified": "true", "name": "app"})
	m.write("static-roles/app", change)
	m.tells("static-role-update", data{"path": "static-roles/app", "modified": "true", "name": "app"})
	leaked := m.mint("app").Data
	value := data{"value": leaked["api_key"]}
	m.must(logical.UpdateOperation, "lookup-key", value)
	m.tells("lookup-key", data{"path": "lookup-key", "modified": "false", "name": "app", "connection": "main", "key_name": leaked["key_name"]})
	m.must(logical.UpdateOperation, "revoke-key", value)
	m.tells("revoke-key", data{"path": "revoke-key", "modified": "true", "name": "app", "connection": "main", "key_name": leaked["key_name"]})
	m.must(logical.DeleteOperation, "roles/app", nil)
	m.tells("role-delete", data{"path": "roles/app", "modified": "true", "name": "app"})
	m.must(logical.DeleteOperation, "static-roles/app", nil)
	m.tells("static-role-delete", data{"path": "static-roles/app", "modified": "true", "name": "app"})
	m.must(logical.DeleteOperation, "config/main", data{"force": true})
	m.tells("config-delete", data{"path": "config/main", "modified": "true", "name": "main"})

	source := definitionOf(t, "own")
	m.write("definitions/own", data{"definition": source})
	m.tells("definition-create", data{"path": "definitions/own", "modified": "true", "name": "own"})
	m.write("definitions/own", data{"definition": source})
	m.tells("definition-update", data{"path": "definitions/own", "modified": "true", "name": "own"})
	m.must(logical.DeleteOperation, "definitions/own", nil)
	m.tells("definition-delete", data{"path": "definitions/own", "modified": "true", "name": "own"})
}

// definitionOf is the sandbox's definition for a provider with another name.
func definitionOf(t *testing.T, name string) string {
	t.Helper()
	sandbox, err := providers.Load("sandbox")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Replace(sandbox.Source(), `provider "sandbox"`, fmt.Sprintf("provider %q", name), 1)
}

// TestPassivityIsAnEvent: that the mount stops acting, and what an operator says.
func TestPassivityIsAnEvent(t *testing.T) {
	m := newMount(t)
	m.connect("main")
	m.write("ownership/yield", nil)
	m.tells("ownership-yield", data{"path": "ownership", "modified": "true"})
	m.write("ownership/claim", nil)
	m.tells("ownership-claim", data{"path": "ownership", "modified": "true"})

	m.write("roles/ci", data{"connection": "main", "scopes": "read"})
	orphan := m.mint("ci").Data["key_name"].(string)
	m.loseRecord(orphan)
	m.signAs(data{"epoch": "of another process"})
	m.write("reconcile/main", data{"delete": true})
	m.tells("ownership-lose", data{"path": "ownership", "reason": "another process has taken this mount over"})
	m.tells("orphan-revoke-fail", data{"connection": "main", "key_name": orphan, "reason": "passive", "work": "reconcile"})

	m.signAs(data{"seen": time.Now().Add(-time.Hour)})
	m.start()
	m.read("ownership")
	eventually(t, "an event tells of a mount that may be a copy", func() bool {
		return slices.ContainsFunc(m.told(), func(event string) bool {
			return strings.Contains(event, "ownership-lose") && strings.Contains(event, "last sign of life")
		})
	})
}

// TestEveryEventIsDocumentedAndTested holds the page's table, which newMount has every
// event that is sent looked up in, against what tests wait for.
func TestEveryEventIsDocumentedAndTested(t *testing.T) {
	documented := documentedEvents(t)
	if len(documented) < 30 {
		t.Fatalf("the page has only the events %v", documented)
	}
	awaited := append(awaitedEvents(t, "."), awaitedEvents(t, "../backend")...)
	for _, operation := range documented {
		if !slices.Contains(awaited, operation) {
			t.Errorf("docs/events.md has apikeys/%s, and no test waits for one", operation)
		}
	}
	for _, operation := range awaited {
		if !slices.Contains(documented, operation) {
			t.Errorf("tests wait for apikeys/%s, which docs/events.md does not have", operation)
		}
	}
}

// databaseEvents are what Vault's database engine (builtin/logical/database of 1.21.4) tells
// of what this one has too: of plugins, which that one reloads, this one has none. Each has
// a name.
var databaseEvents = []string{
	"config-delete", "config-write", "creds-create", "creds-create-fail", "reset",
	"role-create", "role-delete", "role-update", "rotate", "rotate-fail", "rotate-root", "rotate-root-fail",
	"static-creds-create", "static-creds-create-fail", "static-role-create", "static-role-delete", "static-role-update",
}

func TestEventsAreNamedAsThoseOfTheDatabaseEngine(t *testing.T) {
	documented := documentedEvents(t)
	for _, operation := range databaseEvents {
		if !slices.Contains(documented, operation) {
			t.Errorf("database/%s is no event here", operation)
		}
	}
}

// documentedEvents are the operations in the table of docs/events.md, its short forms
// written out: "…-fail" after an event, and "-update" after one that ends with -create.
func documentedEvents(t *testing.T) (operations []string) {
	t.Helper()
	for _, row := range page.Rows(page.Read(t, "docs/events.md")) {
		var before string
		for _, word := range page.Ticked(row.First) {
			operation, whole := strings.CutPrefix(word, "apikeys/")
			switch {
			case whole:
				before = operation
			case strings.HasPrefix(word, "…-"):
				operation = before + strings.TrimPrefix(word, "…")
			default:
				operation = strings.TrimSuffix(before, "-create") + word
			}
			operations = append(operations, operation)
		}
	}
	return operations
}

// awaitedEvents are the operations that the tests of a folder say as the first argument
// of a method called tells.
func awaitedEvents(t *testing.T, folder string) (operations []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for node := range ast.Preorder(tree) {
			call, isCall := node.(*ast.CallExpr)
			if !isCall || len(call.Args) == 0 {
				continue
			}
			method, isMethod := call.Fun.(*ast.SelectorExpr)
			operation, isText := call.Args[0].(*ast.BasicLit)
			if isMethod && isText && method.Sel.Name == "tells" {
				operations = append(operations, strings.Trim(operation.Value, `"`))
			}
		}
	}
	return operations
}

// tellsOnlyWhatIsDocumented looks every event up that was sent.
func (m *mount) tellsOnlyWhatIsDocumented() {
	documented := documentedEvents(m.t)
	m.events.Lock()
	defer m.events.Unlock()
	for _, event := range m.events.Events {
		operation := strings.TrimPrefix(string(event.Type), "apikeys/")
		if !slices.Contains(documented, operation) {
			m.t.Errorf("docs/events.md does not have %s", event.Type)
		}
		metadata := event.Event.Metadata.AsMap()
		named := metadata["name"] != nil || !slices.Contains(databaseEvents, operation)
		if metadata["operation"] != operation || metadata["modified"] == nil || metadata["path"] == nil || !named {
			m.t.Errorf("%s has the metadata %v, which are not those of the database engine", event.Type, metadata)
		}
	}
}

// signAs changes what storage says of who acts on it.
func (m *mount) signAs(change data) {
	m.t.Helper()
	entry, err := m.storage.Get(m.t.Context(), "ownership")
	if err != nil || entry == nil {
		m.t.Fatalf("nobody has signed the storage: %v", err)
	}
	signature := data{}
	if err := entry.DecodeJSON(&signature); err != nil {
		m.t.Fatal(err)
	}
	maps.Copy(signature, change)
	if entry, err = logical.StorageEntryJSON("ownership", signature); err == nil {
		err = m.storage.Put(m.t.Context(), entry)
	}
	if err != nil {
		m.t.Fatal(err)
	}
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
