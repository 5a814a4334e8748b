package paths_test

import (
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
)

// TestOwnership walks an operator through a drill: the restored mount is yielded,
// refuses what it may not do, and is claimed in the end.
func TestOwnership(t *testing.T) {
	m := newMount(t)
	m.connect("main")
	m.write("roles/ci", data{"connection": "main"})
	lease := m.mint("ci")
	if state := m.read("ownership")["state"]; state != "active" {
		t.Fatalf("a mount that was just made is %v", state)
	}

	if told := m.write("ownership", data{"claim_after_crash": true}).Data; told["claim_after_crash"] != true || told["state"] != "active" {
		t.Errorf("a mount that is to wait for a claim after a crash is told of as %v", told)
	}
	if m.write("ownership", nil).Data["claim_after_crash"] != true {
		t.Error("a write that says nothing of it changed claim_after_crash")
	}

	told := asJSON(t, m.write("ownership/yield", nil).Data)
	if told["state"] != "passive" || told["yielded"] != true || told["reason"] == "" || told["since"] == "" {
		t.Errorf("a yielded mount is told of as %v", told)
	}
	if again := asJSON(t, m.write("ownership", told).Data); again["state"] != "passive" || again["claim_after_crash"] != true {
		t.Errorf("what a passive mount tells is written back to %v", again)
	}
	if m.read("info")["passive"] != true {
		t.Error("info does not say that the mount is passive")
	}
	if err := m.revoke(lease); err == nil || len(m.sandbox.LiveKeys()) != 1 {
		t.Errorf("the end of a lease on a passive mount: %v, %d keys alive", err, len(m.sandbox.LiveKeys()))
	}
	one := asJSON(t, data{"n": 1})["n"]
	if told := m.read("ownership"); told["queued"] != one {
		t.Errorf("what waits is told as %v, want one revocation", told)
	}
	for _, path := range []string{"rotate-root/main", "queue/" + m.list("queue/")[0] + "/retry"} {
		wantContains(t, m.refusal(logical.UpdateOperation, path, nil), "may be a copy", "ownership/claim")
	}
	wantContains(t, m.refusal(logical.UpdateOperation, "reconcile/main", data{"delete": true}), "ownership/claim")
	m.write("reconcile/main", nil) // looking is allowed

	if state := asJSON(t, m.write("ownership/claim", nil).Data)["state"]; state != "active" {
		t.Errorf("a claimed mount is %v", state)
	}
	eventually(t, "the claimed mount revokes what waits", func() bool { return len(m.sandbox.LiveKeys()) == 0 })
	wantContains(t, m.refusal(logical.UpdateOperation, "ownership/claim", data{"force": true}), "unknown field")
}
