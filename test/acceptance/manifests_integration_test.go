//go:build integration

package acceptance

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"go.yaml.in/yaml/v3"
)

// manifest is an object for Kubernetes, or the definition of a kind of them.
type manifest = map[string]any

// TestManifestsFitThePublishedKinds holds the manifests for the External Secrets
// Operator against the definitions that it publishes, and those for the Vault
// Secrets Operator, which publishes none where Go modules come from, against the
// fields that its API reference lists.
func TestManifestsFitThePublishedKinds(t *testing.T) {
	kinds := publishedKinds(t, "github.com/external-secrets/external-secrets@v0.16.2", "config/crds/bases")
	for _, m := range manifests(t, "../../examples/kubernetes/external-secrets.yaml") {
		schema := kinds[text(m["apiVersion"])+" "+text(m["kind"])]
		if schema == nil {
			t.Errorf("nobody publishes %v %v", m["apiVersion"], m["kind"])
			continue
		}
		if err := schema.VisitJSON(m); err != nil {
			t.Errorf("%v %v: %v", m["kind"], m["metadata"], err)
		}
	}
	for _, m := range manifests(t, "../../examples/kubernetes/vault-secrets-operator.yaml") {
		allowed := operatorsFields[text(m["kind"])]
		spec := m["spec"].(manifest)
		if m["apiVersion"] != "secrets.hashicorp.com/v1beta1" || allowed == nil {
			t.Errorf("there is no %v %v", m["apiVersion"], m["kind"])
		}
		for name := range spec {
			if !slices.Contains(allowed, name) {
				t.Errorf("a %v has no %s", m["kind"], name)
			}
		}
		for _, needed := range []string{"mount", "path", "destination"} {
			if spec[needed] == nil {
				t.Errorf("a %v needs %s", m["kind"], needed)
			}
		}
	}
}

// operatorsFields are those of spec, by
// https://developer.hashicorp.com/vault/docs/deploy/kubernetes/vso/api-reference.
var operatorsFields = map[string][]string{
	"VaultDynamicSecret": {
		"vaultAuthRef", "namespace", "mount", "path", "params", "requestHTTPMethod", "requestHTTPHeaders", "renewalPercent",
		"revoke", "allowStaticCreds", "refreshAfter", "rolloutRestartTargets", "destination",
	},
	"VaultStaticSecret": {
		"vaultAuthRef", "namespace", "mount", "path", "type", "version", "refreshAfter", "hmacSecretData",
		"rolloutRestartTargets", "destination", "syncConfig",
	},
}

// publishedKinds are the schemas of a module's custom resource definitions, by API
// version and kind. Unknown fields are mistakes.
func publishedKinds(t *testing.T, module, folder string) map[string]*openapi3.Schema {
	t.Helper()
	cmd := exec.Command("go", "mod", "download", "-json", module)
	cmd.Dir = t.TempDir()
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var downloaded struct{ Dir string }
	if err := json.Unmarshal(out, &downloaded); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(downloaded.Dir, folder, "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s has no definitions: %v", module, err)
	}
	kinds := map[string]*openapi3.Schema{}
	for _, file := range files {
		for _, definition := range manifests(t, file) {
			spec, isDefinition := definition["spec"].(manifest)
			if !isDefinition {
				continue
			}
			for _, version := range spec["versions"].([]any) {
				v := version.(manifest)
				schema := v["schema"].(manifest)["openAPIV3Schema"].(manifest)
				closeSchema(schema)
				kinds[text(spec["group"])+"/"+text(v["name"])+" "+text(spec["names"].(manifest)["kind"])] = parseSchema(t, schema)
			}
		}
	}
	return kinds
}

// closeSchema refuses what an object's properties do not list.
func closeSchema(schema manifest) {
	properties, _ := schema["properties"].(manifest)
	_, open := schema["additionalProperties"]
	if len(properties) > 0 && !open && schema["x-kubernetes-preserve-unknown-fields"] != true {
		schema["additionalProperties"] = false
	}
	for name, property := range properties {
		if name != "metadata" {
			closeSchema(property.(manifest))
		}
	}
	if items, is := schema["items"].(manifest); is {
		closeSchema(items)
	}
}

func parseSchema(t *testing.T, schema manifest) *openapi3.Schema {
	t.Helper()
	raw, err := json.Marshal(schema)
	if err != nil {
		t.Fatal(err)
	}
	var parsed openapi3.Schema
	if err := json.Unmarshal(raw, &parsed); err != nil {
		t.Fatal(err)
	}
	return &parsed
}

// manifests are the documents of a YAML file, as JSON has them.
func manifests(t *testing.T, file string) (found []manifest) {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for document := range strings.SplitSeq(string(raw), "\n---\n") {
		var m any
		if err := yaml.Unmarshal([]byte(document), &m); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		asJSON, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		var one manifest
		if err := json.Unmarshal(asJSON, &one); err != nil {
			t.Fatal(err)
		}
		if one != nil {
			found = append(found, one)
		}
	}
	return found
}

func text(value any) string {
	s, _ := value.(string)
	return s
}
