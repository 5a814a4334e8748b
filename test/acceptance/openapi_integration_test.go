//go:build integration

package acceptance

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestGeneratedClient has a client generated from the OpenAPI document that Vault
// serves for the mount, compiles it, and reads with it what an operator wrote.
func TestGeneratedClient(t *testing.T) {
	t.Parallel()
	c := newConsumers(t)
	if _, err := c.vault.Client.Logical().Write("apikeys/roles/reader", map[string]any{
		"connection": "box", "scopes": "read", "ttl": "10m", "max_ttl": "1h",
	}); err != nil {
		t.Fatal(err)
	}
	dir := c.generate(c.document())
	run := exec.CommandContext(t.Context(), "go", "run", ".")
	run.Dir = dir
	run.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off", "VAULT_ADDR="+c.vault.Addr, "VAULT_TOKEN="+c.vault.RootToken)
	var told bytes.Buffer
	run.Stderr = &told // what Go downloads, too
	out, err := run.Output()
	if err != nil {
		t.Fatalf("%v\n%s%s", err, out, told.Bytes())
	}
	if want := "ttl 600, max_ttl 3600, key of reader, rotated every 60\n"; string(out) != want {
		t.Errorf("the client says %q, want %q", out, want)
	}
}

// document is Vault's OpenAPI document, as far as it is about the mount.
func (c *consumers) document() []byte {
	c.t.Helper()
	answer, err := c.vault.Client.Logical().ReadRawWithData("sys/internal/specs/openapi", nil)
	if err != nil {
		c.t.Fatal(err)
	}
	defer answer.Body.Close()
	var document struct {
		OpenAPI    string                    `json:"openapi"`
		Info       map[string]any            `json:"info"`
		Paths      map[string]map[string]any `json:"paths"`
		Components map[string]map[string]any `json:"components"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&document); err != nil {
		c.t.Fatal(err)
	}
	for path := range document.Paths {
		if !strings.HasPrefix(path, "/apikeys/") {
			delete(document.Paths, path)
		}
	}
	if len(document.Paths) < 20 {
		c.t.Fatalf("the document has %d paths of the mount", len(document.Paths))
	}
	text, err := json.Marshal(document)
	if err != nil {
		c.t.Fatal(err)
	}
	return text
}

// generate makes a program of the document and of main.go in testdata, in a module
// of its own.
func (c *consumers) generate(document []byte) (dir string) {
	c.t.Helper()
	dir = c.t.TempDir()
	const tools = "../../scripts/tools/openapi"
	for from, to := range map[string]string{
		filepath.Join(tools, "go.mod"): "go.mod", filepath.Join(tools, "go.sum"): "go.sum", filepath.Join("testdata", "client", "main.go.txt"): "main.go",
	} {
		copyFile(c.t, from, filepath.Join(dir, to))
	}
	c.write("openapi.json", string(document))
	generate := exec.CommandContext(c.t.Context(), "go", "tool", "oapi-codegen",
		"-package", "main", "-generate", "types,client,skip-prune", "-response-type-suffix", "Answer", "-o", "client.go", filepath.Join(c.dir, "openapi.json"))
	generate.Dir = dir
	generate.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
	if out, err := generate.CombinedOutput(); err != nil {
		c.t.Fatalf("%v\n%s", err, out)
	}
	return dir
}
