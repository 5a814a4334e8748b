package paths_test

import (
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
)

func TestMetrics(t *testing.T) {
	m := newMount(t)
	m.connect("main")
	m.write("roles/ci", data{"connection": "main"})
	m.mint("ci")
	answer, err := m.send(logical.ReadOperation, "metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	if kind := answer.Data[logical.HTTPContentType]; kind != "text/plain; version=0.0.4; charset=utf-8" {
		t.Errorf("the metrics are of type %q", kind)
	}
	text, ok := answer.Data[logical.HTTPRawBody].([]byte)
	if !ok || !strings.Contains(string(text), `apikeys_mints_total{connection="main",kind="leased",result="done",role="ci"} 1`) {
		t.Errorf("the metrics are\n%s", text)
	}
	wantContains(t, m.refusal(logical.ReadOperation, "metrics", data{"format": "json"}), `unknown field "format"`)
}
