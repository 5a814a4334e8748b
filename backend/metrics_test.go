package backend

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/backend/queue"
	"vault-plugin-secrets-apikeys/internal/sandbox"
)

// TestMetrics takes a connection through good times and bad, and reads off the
// metrics what happened.
func TestMetrics(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	w.configure("sandbox", "spare", "spare", nil)
	for range 2 {
		w.mustMint("app")
	}
	lease := w.mustMint("app")
	w.must(w.revoke(lease))
	w.makeOrphan()
	_, err := w.process.Reconcile(ctx, w.storage, "box", ReconcileOptions{Delete: true})
	w.must(err)
	w.addFaults([]sandbox.Fault{
		{Kind: sandbox.Status, Status: http.StatusUnprocessableEntity, Match: sandbox.Match{Route: "POST /v1/keys"}},
		{Kind: sandbox.Unauthorized, Match: sandbox.Match{Method: http.MethodDelete}},
	})
	if _, err := w.mint("app"); err == nil {
		t.Fatal("a refused key was handed out")
	}
	if err := w.revoke(w.held()[0]); err == nil {
		t.Fatal("a revocation at a provider that refuses the credential succeeded")
	}
	w.must(w.process.RotateRoot(ctx, w.storage, "box"))
	w.process.gate.failWrites()
	if _, err := w.mint("spare"); err == nil {
		t.Fatal("a key was handed out that storage does not know")
	}
	w.process.gate.allowWrites()
	for range ledger.Shards { // the queue stands still meanwhile
		w.process.tick(ctx)
	}

	text, err := w.process.Metrics()
	w.must(err)
	for _, line := range []string{
		`apikeys_info{version="` + Version + `"} 1`,
		`apikeys_keys{connection="box"} 2`,
		`apikeys_mints_total{connection="box",kind="leased",result="done",role="app"} 4`,
		`apikeys_mints_total{connection="box",kind="leased",result="refused",role="app"} 1`,
		`apikeys_mints_total{connection="spare",kind="leased",result="failed",role="spare"} 1`,
		`apikeys_mint_duration_seconds_count{connection="box"} 5`,
		`apikeys_orphans_revoked_total{connection="box"} 1`,
		`apikeys_queue_entries{connection="box",kind="revoke"} 1`,
		`apikeys_revocations_total{connection="box",kind="leased",result="done",role="app"} 1`,
		`apikeys_revocations_total{connection="box",kind="leased",result="unauthorized",role="app"} 1`,
		`apikeys_rotations_total{connection="box",kind="root",result="done",role=""} 1`,
	} {
		if !strings.Contains("\n"+string(text), "\n"+line+"\n") {
			t.Errorf("%s is not among the metrics", line)
		}
	}
	if !strings.Contains(string(text), `apikeys_queue_oldest_entry_timestamp_seconds{connection="box"} `) {
		t.Error("nothing tells how long the queue waits")
	}
	for _, secret := range append(w.secrets, testAdminKey) {
		if bytes.Contains(text, []byte(secret)) {
			t.Error("a secret is among the metrics")
		}
	}
	explained, err := os.ReadFile("../docs/metrics.md")
	w.must(err)
	for _, described := range regexp.MustCompile(`(?m)^# HELP (\S+) `).FindAllSubmatch(text, -1) {
		if name := string(described[1]); !bytes.Contains(explained, []byte("| `"+name+"` |")) {
			t.Errorf("docs/metrics.md does not explain %s", name)
		}
	}
	for _, kind := range queue.Kinds {
		if line := fmt.Sprintf("- `%s`: %s\n", kind, kind.Describe()); !bytes.Contains(explained, []byte(line)) {
			t.Errorf("docs/metrics.md does not have the line %q", line)
		}
	}
	if problems, err := promlint.New(bytes.NewReader(text)).Lint(); err != nil || len(problems) > 0 {
		t.Errorf("against Prometheus's conventions: %v (%v)", problems, err)
	}
	if t.Failed() {
		t.Logf("the metrics:\n%s", text)
	}
}

// TestMetricsOfTrouble: what is failing or interrupted is seen, and what is gone
// is not.
func TestMetricsOfTrouble(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	w.mustMint("app")
	w.start(fault{})
	w.process.books.timetable.Urge(rootJobPrefix + "box")
	shows := func(line string, want bool) {
		t.Helper()
		text, err := w.process.Metrics()
		w.must(err)
		if got := strings.Contains(string(text), line); got != want {
			t.Errorf("%s is among the metrics: %t, want %t:\n%s", line, got, want, text)
		}
	}
	shows(`apikeys_recovering{connection="box"} 1`, true)
	shows(`apikeys_rotations_failing{kind="root",name="box"} 1`, true)
	w.mustMint("app")
	shows(`apikeys_mints_total{connection="box"`, true)
	w.must(w.process.DeleteConnection(ctx, w.storage, "box", SaveOptions{Force: true}))
	shows(`apikeys_mints_total{connection="box"`, false)
	shows(`apikeys_mint_duration_seconds_count{connection="box"`, false)
}

// TestMetricsOfManyRoles: what has more names than a label may show shares one, and
// what is deleted makes room.
func TestMetricsOfManyRoles(t *testing.T) {
	w := newWorld(t)
	m := w.process.metrics
	for i := range mostLabels + 10 {
		m.minted(&ledger.Record{Connection: "box", Role: fmt.Sprintf("role-%d", i)}, 0, nil)
	}
	shows := func(line string, want bool) {
		t.Helper()
		text, err := w.process.Metrics()
		w.must(err)
		if got := strings.Contains(string(text), line); got != want {
			t.Errorf("%s is among the metrics: %t, want %t", line, got, want)
		}
	}
	of := func(role string) string {
		return `apikeys_mints_total{connection="box",kind="leased",result="done",role="` + role + `"}`
	}
	shows(of("role-0")+" 1\n", true)
	shows(of("role-505"), false)
	shows(of("other")+" 10\n", true)
	w.must(w.process.DeleteRole(context.Background(), w.storage, "role-0"))
	shows(of("role-0"), false)
	m.minted(&ledger.Record{Connection: "box", Role: "role-505"}, 0, nil)
	shows(of("role-505")+" 1\n", true)
	shows(of("other")+" 10\n", true)
}
