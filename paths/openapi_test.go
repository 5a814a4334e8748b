package paths_test

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/helper/consts"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/paths"
)

// endpoints are all paths as the framework has them.
func endpoints() []*framework.Path { return paths.All(nil) }

// endpointAt is the one that answers at a path.
func endpointAt(t *testing.T, path string) *framework.Path {
	t.Helper()
	for _, endpoint := range endpoints() {
		if regexp.MustCompile("^" + strings.TrimSuffix(endpoint.Pattern, "$") + "$").MatchString(path) {
			return endpoint
		}
	}
	t.Fatalf("there is no endpoint %s", path)
	return nil
}

// fieldsOf are the engine's own fields at a path.
func fieldsOf(t *testing.T, path string) []string {
	t.Helper()
	return slices.Collect(maps.Keys(endpointAt(t, path).Fields))
}

func TestEveryPathAndFieldIsExplained(t *testing.T) {
	for _, path := range endpoints() {
		t.Run(path.Pattern, func(t *testing.T) {
			if path.HelpSynopsis == "" || path.HelpDescription == "" {
				t.Error("it has no help")
			}
			if path.DisplayAttrs == nil || path.DisplayAttrs.OperationPrefix == "" || path.DisplayAttrs.OperationSuffix == "" {
				t.Error("it has no display attributes")
			}
			for name, field := range path.Fields {
				explained(t, name, field)
				if field.DisplayAttrs == nil || field.DisplayAttrs.Name == "" {
					t.Errorf("field %s has no display name", name)
				}
			}
			for operation, handler := range path.Operations {
				properties := handler.Properties()
				if properties.Summary == "" {
					t.Errorf("%s has no summary", operation)
				}
				if len(properties.Responses) == 0 {
					t.Errorf("%s has no schema of its answer", operation)
				}
				for _, responses := range properties.Responses {
					for _, response := range responses {
						for name, field := range response.Fields {
							explained(t, "of the answer, "+name, field)
						}
					}
				}
			}
			for _, captured := range regexp.MustCompile(path.Pattern).SubexpNames() {
				if captured != "" && path.Fields[captured] == nil {
					t.Errorf("%s is in the pattern and not among the fields", captured)
				}
			}
		})
	}
}

func explained(t *testing.T, name string, field *framework.FieldSchema) {
	t.Helper()
	if strings.TrimSpace(field.Description) == "" || !strings.HasSuffix(strings.TrimSpace(field.Description), ".") {
		t.Errorf("field %s is described as %q; want a sentence", name, field.Description)
	}
}

func TestOpenAPI(t *testing.T) {
	m := newMount(t)
	resp, err := m.backend.HandleRequest(t.Context(), &logical.Request{
		Operation: logical.HelpOperation,
		Storage:   m.storage,
		Data:      data{"requestResponsePrefix": "apikeys"},
	})
	if err != nil {
		t.Fatal(err)
	}
	document, ok := resp.Data["openapi"].(*framework.OASDocument)
	if !ok {
		t.Fatalf("help carries a %T for a document", resp.Data["openapi"])
	}
	want := []string{
		"/check/{name}", "/config/", "/config/{name}", "/creds/{name}", "/definitions/", "/definitions/{name}", "/info", "/keys/", "/keys/{id}", "/keys/{id}/give-up", "/lookup-key", "/metrics",
		"/ownership", "/ownership/claim", "/ownership/yield",
		"/providers/", "/providers/{name}", "/queue/", "/queue/{id}", "/queue/{id}/candidates", "/queue/{id}/give-up", "/queue/{id}/retry", "/queue/{id}/revoke",
		"/reconcile/{name}", "/reset/{name}", "/revoke-key", "/roles/", "/roles/{name}", "/rotate-role/{name}", "/rotate-root/{name}",
		"/static-creds/{name}", "/static-roles/", "/static-roles/{name}",
	}
	if got := slices.Sorted(maps.Keys(document.Paths)); !slices.Equal(got, want) {
		t.Errorf("the document has the paths\n%v, want\n%v", got, want)
	}
	seen := map[string]string{}
	for path, item := range document.Paths {
		if item.Description == "" {
			t.Errorf("%s has no description", path)
		}
		for _, operation := range []*framework.OASOperation{item.Get, item.Post, item.Patch, item.Delete} {
			if operation == nil {
				continue
			}
			forced := slices.ContainsFunc(operation.Parameters, func(p framework.OASParameter) bool { return p.Name == "force" })
			if wanted := operation == item.Delete && slices.Contains([]string{"/config/{name}", "/definitions/{name}"}, path); forced != wanted {
				t.Errorf("%s of %s takes force in its query: %t", operation.OperationID, path, forced)
			}
			if other, taken := seen[operation.OperationID]; taken || operation.OperationID == "" {
				t.Errorf("%s and %s have the operation id %q", path, other, operation.OperationID)
			}
			seen[operation.OperationID] = path
		}
	}
	for id, path := range map[string]string{
		"apikeys-generate-credentials":         "/creds/{name}",
		"apikeys-write-role":                   "/roles/{name}",
		"apikeys-read-connection":              "/config/{name}",
		"apikeys-delete-connection":            "/config/{name}",
		"apikeys-list-roles":                   "/roles/",
		"apikeys-give-up-queue-entry":          "/queue/{id}/give-up",
		"apikeys-rotate-root-credentials":      "/rotate-root/{name}",
		"apikeys-read-static-role-credentials": "/static-creds/{name}",
		"apikeys-write-static-role":            "/static-roles/{name}",
	} {
		if seen[id] != path {
			t.Errorf("the operation id %s is for %q, want %s", id, seen[id], path)
		}
	}
}

func TestHelpOfOnePath(t *testing.T) {
	m := newMount(t)
	for _, path := range []string{"config/x", "config", "roles/x", "creds/x", "queue", "queue/x/retry", "info", "metrics", "static-roles", "static-roles/x", "static-creds/x", "rotate-root/x", "rotate-role/x"} {
		resp, err := m.backend.HandleRequest(t.Context(), &logical.Request{Operation: logical.HelpOperation, Path: path, Storage: m.storage})
		if err != nil {
			t.Errorf("help for %s: %v", path, err)
			continue
		}
		if text, _ := resp.Data["help"].(string); len(text) < 100 || strings.Contains(text, "<no ") {
			t.Errorf("help for %s is:\n%s", path, text)
		}
	}
}

// What calls a provider or writes must run on the node that may write: on
// others it would call the provider first and fail to write afterwards.
func TestWhatActsIsForwarded(t *testing.T) {
	local := map[string]bool{"check/": true} // only reads at the provider
	for _, path := range endpoints() {
		for operation, handler := range path.Operations {
			properties := handler.Properties()
			acts := operation != logical.ReadOperation && operation != logical.ListOperation || strings.HasPrefix(path.Pattern, "creds/")
			for prefix := range local {
				acts = acts && !strings.HasPrefix(path.Pattern, prefix)
			}
			if acts && !(properties.ForwardPerformanceStandby && properties.ForwardPerformanceSecondary) {
				t.Errorf("%s of %s is not forwarded", operation, path.Pattern)
			}
		}
	}

	m := newMount(t)
	m.connect("main")
	m.write("roles/ci", data{"connection": "main"})
	m.write("static-roles/app", data{"connection": "main"})
	m.system.ReplicationStateVal = consts.ReplicationPerformanceStandby
	for _, operation := range []logical.Operation{logical.ReadOperation, logical.UpdateOperation} {
		if _, err := m.send(operation, "creds/ci", nil); err != logical.ErrReadOnly {
			t.Errorf("%s of creds/ci on a standby: %v, want it forwarded", operation, err)
		}
	}
	for _, path := range []string{"rotate-root/main", "rotate-role/app", "static-roles/app"} {
		if _, err := m.send(logical.UpdateOperation, path, nil); err != logical.ErrReadOnly {
			t.Errorf("a write to %s on a standby: %v, want it forwarded", path, err)
		}
	}
	if issued := m.sandbox.State().Counters.Issued; issued != 1 {
		t.Errorf("a standby minted %d keys", issued-1)
	}
	m.read("static-creds/app") // served where it is asked
}

func TestExistenceDecidesTheCapability(t *testing.T) {
	m := newMount(t)
	m.connect("main")
	m.write("roles/ci", data{"connection": "main"})
	m.write("static-roles/app", data{"connection": "main"})
	for path, want := range map[string]bool{
		"config/main": true, "config/new": false, "roles/ci": true, "roles/new": false, "static-roles/app": true, "static-roles/new": false,
	} {
		for _, operation := range []logical.Operation{logical.CreateOperation, logical.UpdateOperation} {
			req := &logical.Request{Operation: operation, Path: path, Storage: m.storage, Data: data{"verify_connection": "banana", "ttl": "banana"}}
			checked, exists, err := m.backend.HandleExistenceCheck(t.Context(), req)
			if err != nil || !checked || exists != want {
				t.Errorf("%s: checked %t, exists %t, error %v; want exists %t", path, checked, exists, err, want)
			}
		}
	}
	req := &logical.Request{Operation: logical.UpdateOperation, Path: "creds/ci", Storage: m.storage}
	if checked, _, err := m.backend.HandleExistenceCheck(t.Context(), req); err != nil || checked {
		t.Errorf("creds/ci: checked %t, error %v; a write there is always an update", checked, err)
	}
}

// isOfTheTypesTold holds an answer against the types that the OpenAPI document
// gives its fields: a generated client takes no others.
func (m *mount) isOfTheTypesTold(path string, documented *framework.Response, resp *logical.Response) {
	m.t.Helper()
	if documented == nil {
		return
	}
	for name, value := range asJSON(m.t, resp.Data) {
		field := documented.Fields[name]
		if field == nil || value == nil {
			continue // the provider's own, or not there
		}
		if told, is := typeTold(field.Type), typeOf(value); told != is && !(told == "number" && is == "integer") {
			m.t.Errorf("%s answers %s as %s, and tells that it is %s", path, name, is, told)
		}
	}
}

// typeTold is what the framework's OpenAPI documents call a type.
func typeTold(kind framework.FieldType) string {
	switch kind {
	case framework.TypeInt, framework.TypeInt64:
		return "integer"
	case framework.TypeFloat:
		return "number"
	case framework.TypeBool:
		return "boolean"
	case framework.TypeMap, framework.TypeKVPairs:
		return "object"
	case framework.TypeSlice, framework.TypeStringSlice, framework.TypeCommaStringSlice, framework.TypeCommaIntSlice:
		return "array"
	}
	return "string"
}

func typeOf(value any) string {
	switch value := value.(type) {
	case bool:
		return "boolean"
	case json.Number:
		if _, err := value.Int64(); err == nil {
			return "integer"
		}
		return "number"
	case map[string]any:
		return "object"
	case []any:
		return "array"
	}
	return "string"
}
