package paths_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
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
