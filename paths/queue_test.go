package paths_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/internal/sandbox"
)

// queued makes one revocation wait: the sandbox refuses it until the faults are
// cleared. It returns the entry's id.
func queued(m *mount) string {
	m.t.Helper()
	m.connect("main")
	m.write("roles/ci", data{"connection": "main"})
	lease := m.mint("ci")
	refuse := sandbox.Fault{Kind: sandbox.Status, Status: 403, Count: new(int), Match: sandbox.Match{Method: "DELETE"}, Body: `{"error":{"message":"not today"}}`}
	if err := m.sandbox.AddFault(refuse); err != nil {
		m.t.Fatal(err)
	}
	if err := m.revoke(lease); err == nil {
		m.t.Fatal("a revocation that the provider refuses succeeds")
	}
	ids := m.list("queue/")
	if len(ids) != 1 {
		m.t.Fatalf("the queue lists %v, want one entry", ids)
	}
	return ids[0]
}

func TestQueueShows(t *testing.T) {
	m := newMount(t)
	if got := m.list("queue/"); len(got) != 0 {
		t.Errorf("a new mount has %v queued", got)
	}
	if got := m.read("info")["queued"]; got != asJSON(t, data{"n": 0})["n"] {
		t.Errorf("info counts %v queued, want 0", got)
	}
	id := queued(m)
	eventually(t, "a try of the queue's own", func() bool { return m.read("queue/" + id)["last_error"] != nil })

	entry := m.read("queue/" + id)
	live := m.sandbox.LiveKeys()
	if entry["kind"] != "revoke" || entry["connection"] != "main" || entry["role"] != "ci" || entry["key_name"] != live[0].Name {
		t.Errorf("the entry reads as %v", entry)
	}
	wantContains(t, entry["last_error"].(string), "403", "not today")
	for _, field := range []string{"since", "next_try"} {
		if at, err := time.Parse(time.RFC3339, entry[field].(string)); err != nil || at.IsZero() {
			t.Errorf("%s is %v", field, entry[field])
		}
	}
	info := m.must(logical.ListOperation, "queue/", nil).Data["key_info"].(data)[id].(data)
	if info["kind"] != "revoke" || info["reason"] == "" {
		t.Errorf("key_info is %v", info)
	}
	if got := m.read("queue/nothing-of-that-name"); got != nil {
		t.Errorf("an entry that does not exist reads as %v", got)
	}
}

func TestQueueRetry(t *testing.T) {
	m := newMount(t)
	id := queued(m)
	attempts := func() int64 {
		count, err := m.read("queue/" + id)["attempts"].(json.Number).Int64()
		if err != nil {
			t.Fatal(err)
		}
		return count
	}
	eventually(t, "a try of the queue's own", func() bool { return attempts() > 0 })
	before := attempts()
	m.write("queue/"+id+"/retry", nil)
	eventually(t, "another try", func() bool { return attempts() > before })

	m.sandbox.ClearFaults()
	eventually(t, "the key's end", func() bool { return len(m.sandbox.LiveKeys()) == 0 && len(m.list("queue/")) == 0 })
	if got := m.list("keys/"); len(got) != 0 {
		t.Errorf("the ledger still has %v", got)
	}
	wantContains(t, m.refusal(logical.UpdateOperation, "queue/"+id+"/retry", nil), "queue/")
}

func TestQueueGiveUp(t *testing.T) {
	m := newMount(t)
	id := queued(m)
	m.write("queue/"+id+"/give-up", nil)
	if got := m.list("queue/"); len(got) != 0 {
		t.Errorf("after giving up the queue has %v", got)
	}
	if got := m.list("keys/"); len(got) != 0 {
		t.Errorf("after giving up the ledger has %v", got)
	}
	wantContains(t, m.refusal(logical.UpdateOperation, "queue/"+id+"/give-up", nil), "queue/")
	m.must(logical.DeleteOperation, "config/main", nil)
}

func TestResetForgetsFailures(t *testing.T) {
	m := newMount(t)
	m.connect("main")
	m.write("reset/main", nil)
	m.write("check/main", nil)
	wantContains(t, m.refusal(logical.UpdateOperation, "reset/mainn", nil), `"mainn"`, `did you mean "main"?`)
	wantContains(t, m.refusal(logical.UpdateOperation, "check/mainn", nil), `"mainn"`, `"main"`)
}
