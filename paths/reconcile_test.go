package paths_test

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/internal/sandbox"
)

func TestReconcile(t *testing.T) {
	m := newMount(t)
	m.connect("main")
	m.write("roles/ci", data{"connection": "main"})
	held := m.mint("ci").Data["key_name"].(string)
	lost := m.mint("ci").Data["key_name"].(string)
	m.loseRecord(lost)

	report := m.reconcile(nil)
	if report["listed"] != asJSON(t, data{"n": 2})["n"] || report["deleted"] != false {
		t.Errorf("the report is %v", report)
	}
	orphan := m.onlyOrphan(report)
	if orphan["name"] != lost || orphan["revoked"] != false || orphan["issued"] == "" {
		t.Errorf("the orphan is %v, want %s", orphan, lost)
	}
	if live := m.sandbox.LiveKeys(); len(live) != 2 {
		t.Fatalf("a dry run left %d keys, want 2", len(live))
	}

	orphan = m.onlyOrphan(m.reconcile(data{"delete": true}))
	if orphan["name"] != lost || orphan["revoked"] != true {
		t.Errorf("the orphan is %v, want %s revoked", orphan, lost)
	}
	if live := m.sandbox.LiveKeys(); len(live) != 1 || live[0].Name != held {
		t.Errorf("the provider has %v, want %s alone", live, held)
	}
	if report := m.reconcile(nil); !reflect.DeepEqual(report["orphans"], []any{}) {
		t.Errorf("a second reconcile finds %v", report["orphans"])
	}
}

// TestWhenKeysWereUsed is told where the provider tells it, and asked for only where
// somebody wants to know.
func TestWhenKeysWereUsed(t *testing.T) {
	m := newMount(t)
	m.connect("main")
	m.write("roles/ci", data{"connection": "main", "scopes": "read"})
	used, unused := m.mint("ci"), m.mint("ci")
	usedValue := used.Data["api_key"].(string)
	if status := m.status(usedValue); status != http.StatusOK {
		t.Fatalf("the key is answered with status %d", status)
	}
	times := m.reconcile(nil)["last_used"].(map[string]any)
	if at := times[used.Data["key_name"].(string)]; at == "" || at == nil {
		t.Errorf("the report says %v of a key that was used", at)
	}
	if at := times[unused.Data["key_name"].(string)]; at != "" {
		t.Errorf("the report says %v of a key that never was", at)
	}
	found := m.write("lookup-key", data{"value": usedValue})
	if at, _ := found.Data["last_used_at"].(string); at == "" || len(found.Warnings) > 0 {
		t.Errorf("lookup-key answers %v, %q", found.Data, found.Warnings)
	}
	path := "keys/" + found.Data["id"].(string)
	if _, told := m.read(path)["last_used_at"]; told {
		t.Error("a plain read asks the provider")
	}
	asked := m.must(logical.ReadOperation, path, data{"last_used": true})
	if at, _ := asked.Data["last_used_at"].(string); at == "" {
		t.Errorf("asked for, it is answered %v", asked.Data)
	}
	if granted, _ := json.Marshal(asked.Data["granted"]); string(granted) != `{"scopes":["read"]}` {
		t.Errorf("what the key may do is shown as %s", granted)
	}
	if never := m.write("lookup-key", data{"value": unused.Data["api_key"]}).Data["never_used"]; never != true {
		t.Errorf("of a key that never was used it is answered %v", never)
	}
	if err := m.sandbox.AddFault(sandbox.Fault{Kind: sandbox.Status, Status: http.StatusForbidden, Count: new(0), Match: sandbox.Match{Method: "GET"}}); err != nil {
		t.Fatal(err)
	}
	if found = m.write("lookup-key", data{"value": usedValue}); len(found.Warnings) != 1 || found.Data["role"] != "ci" {
		t.Errorf("while the provider is away lookup-key answers %v, %q", found.Data, found.Warnings)
	}
}

func TestReconcileRefused(t *testing.T) {
	m := newMount(t)
	m.connect("main")
	wantContains(t, m.refusal(logical.UpdateOperation, "reconcile/mainn", nil), `"mainn"`, `"main"`)
	wantContains(t, m.refusal(logical.UpdateOperation, "reconcile/main", data{"delte": true}), `did you mean "delete"?`)
	wantContains(t, m.refusal(logical.UpdateOperation, "reconcile/main", data{"delete": "perhaps"}), "delete must be true or false")
}

func (m *mount) reconcile(input data) data {
	m.t.Helper()
	return asJSON(m.t, m.write("reconcile/main", input).Data)
}

func (m *mount) onlyOrphan(report data) data {
	m.t.Helper()
	orphans := report["orphans"].([]any)
	if len(orphans) != 1 {
		m.t.Fatalf("the report has %d orphans, want one: %v", len(orphans), orphans)
	}
	return orphans[0].(data)
}

// loseRecord removes a key's record from the ledger, as a restored snapshot
// would.
func (m *mount) loseRecord(keyName string) {
	m.t.Helper()
	for path, text := range m.stored() {
		if strings.HasPrefix(path, "ledger/") && strings.Contains(text, keyName) {
			if err := m.storage.Delete(m.t.Context(), path); err != nil {
				m.t.Fatal(err)
			}
			return
		}
	}
	m.t.Fatalf("no record of %s", keyName)
}
