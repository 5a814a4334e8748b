package providers

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"vault-plugin-secrets-apikeys/providers/internal/expr"
)

// documentedBase is the provider that the page's fragments are put into. What a
// fragment has itself is left out of it.
const documentedBase = `
title    = "Documented"
docs     = "https://docs.acme.example"
base_url = "https://api.acme.example"
connection "admin_key" {
  type      = string
  required  = true
  sensitive = true
}
connection "username" { type = string }
connection "password" {
  type      = string
  sensitive = true
}
role "scopes" { type = list(string) }
auth "bearer" { token = connection.admin_key }
issue {
  post   = "/keys"
  json   = { name = key.name, expires_at = rfc3339(key.expires_at) }
  id     = body.id
  secret = { api_key = body.key }
}
revoke { delete = "/keys/${key.id}" }
`

const documentation = "../docs/definitions.md"

// TestDocumentedExamples parses every example of the reference.
func TestDocumentedExamples(t *testing.T) {
	page, err := os.ReadFile(documentation)
	if err != nil {
		t.Fatal(err)
	}
	examples := regexp.MustCompile("(?s)```hcl\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	if len(examples) < 10 {
		t.Fatalf("%s has %d examples; they are fenced as hcl", documentation, len(examples))
	}
	for _, example := range examples {
		source := example[1]
		t.Run(firstLine(source), func(t *testing.T) {
			if !strings.HasPrefix(source, "provider ") {
				source = wholeProvider(t, source)
			}
			if _, err := Parse("definitions.md", []byte(source)); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestDocumentedFunctions holds the page's list of functions against the real
// one.
func TestDocumentedFunctions(t *testing.T) {
	page, err := os.ReadFile(documentation)
	if err != nil {
		t.Fatal(err)
	}
	_, list, ok := strings.Cut(string(page), "\n## Functions\n")
	if !ok {
		t.Fatal("there is no section on functions")
	}
	var documented []string
	for _, name := range regexp.MustCompile("`([a-z0-9_]+)`").FindAllStringSubmatch(list, -1) {
		documented = append(documented, name[1])
	}
	for name := range expr.Functions {
		if !slices.Contains(documented, name) {
			t.Errorf("function %s is not documented", name)
		}
	}
	for _, name := range documented {
		if _, ok := expr.Functions[name]; !ok && name != "candidate" {
			t.Errorf("%s is documented and does not exist", name)
		}
	}
}

// wholeProvider is a provider with the fragment in it.
func wholeProvider(t *testing.T, fragment string) string {
	t.Helper()
	given := blockTypes(t, fragment)
	var b strings.Builder
	b.WriteString("provider \"documented\" {\n")
	base, _ := hclsyntax.ParseConfig([]byte(documentedBase), "base", hcl.InitialPos)
	body := base.Body.(*hclsyntax.Body)
	for _, attribute := range body.Attributes {
		b.Write(attribute.SrcRange.SliceBytes([]byte(documentedBase)))
		b.WriteString("\n")
	}
	for _, block := range body.Blocks {
		if block.Type == "role" && !strings.Contains(fragment, "role.scopes") {
			continue // a field that nothing reads is a mistake
		}
		if !slices.Contains(given, block.Type) {
			b.Write(block.Range().SliceBytes([]byte(documentedBase)))
			b.WriteString("\n")
		}
	}
	b.WriteString(fragment)
	b.WriteString("}\n")
	return b.String()
}

func blockTypes(t *testing.T, fragment string) []string {
	t.Helper()
	file, problems := hclsyntax.ParseConfig([]byte(fragment), "fragment", hcl.InitialPos)
	if problems.HasErrors() {
		t.Fatal(problems)
	}
	var types []string
	for _, block := range file.Body.(*hclsyntax.Body).Blocks {
		types = append(types, block.Type)
	}
	return types
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return strings.TrimSuffix(line, " {")
}
