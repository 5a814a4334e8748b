//go:build integration

package acceptance

import (
	"encoding/json"
	"maps"
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
// Operator against the definitions that it publishes as a Go module, and against those
// in the folder that ESO_CRDS names: config/crds/bases of the sources of a version that
// is not to be had as a module.
func TestManifestsFitThePublishedKinds(t *testing.T) {
	const file = "../../examples/kubernetes/external-secrets.yaml"
	fit(t, file, publishedKinds(t, filepath.Join(moduleFolder(t, "github.com/external-secrets/external-secrets@v0.16.2"), "config/crds/bases")))
	if folder := os.Getenv("ESO_CRDS"); folder != "" {
		fit(t, file, publishedKinds(t, folder))
	}
}

// TestManifestsFitTheVaultSecretsOperator holds the manifests for it against what is
// known here of its kinds, and both against the definitions that it publishes, where
// VSO_CRDS names the folder chart/crds of its sources: no registry has them.
func TestManifestsFitTheVaultSecretsOperator(t *testing.T) {
	const file = "../../examples/kubernetes/vault-secrets-operator.yaml"
	known := map[string]*openapi3.Schema{}
	for kind, spec := range operatorsKinds {
		known["secrets.hashicorp.com/v1beta1 "+kind] = parseSchema(t, spec.schema())
	}
	fit(t, file, known)
	folder := os.Getenv("VSO_CRDS")
	if folder == "" {
		return
	}
	published := publishedKinds(t, folder)
	fit(t, file, published)
	for kind, spec := range operatorsKinds {
		schema := published["secrets.hashicorp.com/v1beta1 "+kind]
		if schema == nil {
			t.Errorf("nobody publishes a %s", kind)
			continue
		}
		says := schema.Properties["spec"].Value
		if slices.Sort(says.Required); !slices.Equal(says.Required, spec.required) {
			t.Errorf("a %s needs %v, and here %v", kind, says.Required, spec.required)
		}
		types := map[string]string{}
		for name, field := range says.Properties {
			types[name] = field.Value.Type.Slice()[0]
		}
		if !maps.Equal(types, spec.types) {
			t.Errorf("a %s has %v, and here %v", kind, types, spec.types)
		}
	}
}

// fit holds each manifest of the file against its kind.
func fit(t *testing.T, file string, kinds map[string]*openapi3.Schema) {
	t.Helper()
	for _, m := range manifests(t, file) {
		schema := kinds[text(m["apiVersion"])+" "+text(m["kind"])]
		if schema == nil {
			t.Errorf("nobody publishes %v %v", m["apiVersion"], m["kind"])
			continue
		}
		if err := schema.VisitJSON(m); err != nil {
			t.Errorf("%v %v: %v", m["kind"], m["metadata"], err)
		}
	}
}

// operatorsKind is what is known of the spec of a kind.
type operatorsKind struct {
	required []string
	types    map[string]string
}

// operatorsKinds are those of version 1.4.1 of the Vault Secrets Operator, by
// https://developer.hashicorp.com/vault/docs/deploy/kubernetes/vso/api-reference.
var operatorsKinds = map[string]operatorsKind{
	"VaultDynamicSecret": {
		required: []string{"destination", "mount", "path"},
		types: map[string]string{
			"allowStaticCreds": "boolean", "destination": "object", "mount": "string", "namespace": "string",
			"params": "object", "path": "string", "refreshAfter": "string", "renewalPercent": "integer",
			"requestHTTPMethod": "string", "revoke": "boolean", "rolloutRestartTargets": "array", "vaultAuthRef": "string",
		},
	},
	"VaultStaticSecret": {
		required: []string{"destination", "mount", "path", "type"},
		types: map[string]string{
			"destination": "object", "hmacSecretData": "boolean", "mount": "string", "namespace": "string",
			"path": "string", "refreshAfter": "string", "rolloutRestartTargets": "array", "syncConfig": "object",
			"type": "string", "vaultAuthRef": "string", "version": "integer",
		},
	},
}

// schema is that of a whole object with this spec.
func (k operatorsKind) schema() manifest {
	properties := manifest{}
	for name, kind := range k.types {
		field := manifest{"type": kind}
		if kind == "array" {
			field["items"] = manifest{"type": "object"}
		}
		properties[name] = field
	}
	spec := manifest{"type": "object", "required": k.required, "properties": properties, "additionalProperties": false}
	return manifest{"type": "object", "required": []string{"spec"}, "properties": manifest{"spec": spec}}
}

// moduleFolder is where Go has unpacked a module.
func moduleFolder(t *testing.T, module string) string {
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
	return downloaded.Dir
}

// publishedKinds are the schemas of the custom resource definitions in a folder, by
// API version and kind. Unknown fields are mistakes.
func publishedKinds(t *testing.T, folder string) map[string]*openapi3.Schema {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s has no definitions: %v", folder, err)
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
