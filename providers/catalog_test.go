package providers_test

import (
	"encoding/json"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2/hclsimple"
	"github.com/zclconf/go-cty/cty"

	"vault-plugin-secrets-apikeys/internal/contract"
	"vault-plugin-secrets-apikeys/providers"
)

// ownServers are the providers whose server this module holds itself, which
// its own tests run the definition against.
var ownServers = map[string]string{
	"sandbox":          filepath.Join("..", "internal", "sandbox"),
	"sandbox-accounts": filepath.Join("..", "internal", "sandbox"),
}

// realServers are the providers whose own server the acceptance tests take keys
// through their whole life at, and rotate where that can be done.
var realServers = map[string]string{
	"consul":          filepath.Join("..", "test", "acceptance", "consulsite_integration_test.go"),
	"etcd":            filepath.Join("..", "test", "acceptance", "etcd_integration_test.go"),
	"gitea":           filepath.Join("..", "test", "acceptance", "gitea_integration_test.go"),
	"icinga2":         filepath.Join("..", "test", "acceptance", "icinga2site_integration_test.go"),
	"miniflux":        filepath.Join("..", "test", "acceptance", "minifluxsite_integration_test.go"),
	"verdaccio":       filepath.Join("..", "test", "acceptance", "verdacciosite_integration_test.go"),
	"headscale":       filepath.Join("..", "test", "acceptance", "headscalesite_integration_test.go"),
	"zabbix":          filepath.Join("..", "test", "acceptance", "zabbixsite_integration_test.go"),
	"influxdb1":       filepath.Join("..", "test", "acceptance", "influxdb1site_integration_test.go"),
	"rabbitmq":        filepath.Join("..", "test", "acceptance", "rabbitmqsite_integration_test.go"),
	"express-gateway": filepath.Join("..", "test", "acceptance", "expressgateway_integration_test.go"),
}

// TestCatalog holds every definition of the catalog to what the engine and its
// generated documentation need of it. A new file needs nothing here.
func TestCatalog(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("catalog", "*.hcl"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no catalog: %v", err)
	}
	names := providers.BuiltIn()
	if len(names) != len(files) || !slices.IsSorted(names) {
		t.Errorf("BuiltIn() = %v, and there are %d files", names, len(files))
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			d := load(t, name)
			describes(t, d)
			saysWhatItNeeds(t, d)
			grantsLittle(t, d)
			saysWhatBinds(t, d)
			documents(t, "connection", d.Connection)
			documents(t, "role", d.Role)
			canBeTrusted(t, d)
			hasAnAddress(t, d)
			isProven(t, name)
			rotationIsProven(t, d)
		})
	}
}

// titled finds a title: without one the name stands for it.
var titled = regexp.MustCompile(`(?m)^  title +=`)

// describes wants what a reader of the provider's page needs.
func describes(t *testing.T, d *providers.Definition) {
	if !titled.MatchString(d.Source()) {
		t.Error("write a title: the provider's name as it writes it itself")
	}
	if _, own := ownServers[d.Name]; own {
		return
	}
	docs, err := url.Parse(d.Docs)
	if err != nil || docs.Scheme != "https" || docs.Host == "" {
		t.Errorf("docs is %q: write the https address of the page about making keys", d.Docs)
	}
	if !strings.Contains(d.Source(), "#") {
		t.Error("write a comment that names the sources of what the definition claims")
	}
}

// adminRights finds what a definition's first comment says of the least that its admin
// credential may be.
var adminRights = regexp.MustCompile(`(?i)admin (credential|key|token)|\b(needs?|rights?)\b|may do everything|nobody's administrator`)

// rightsSought finds where somebody looked for those rights.
var rightsSought = regexp.MustCompile(`(?m)^# Rights( not named in)?:`)

// saysWhatItNeeds wants the admin credential's least rights, for the one who makes it, and where
// they are from.
func saysWhatItNeeds(t *testing.T, d *providers.Definition) {
	if _, own := ownServers[d.Name]; own {
		return
	}
	comment, _, _ := strings.Cut(d.Source(), "\nprovider ")
	if !adminRights.MatchString(strings.ReplaceAll(comment, "\n# ", " ")) {
		t.Error("write in the first comment what the admin credential needs at least: \"Admin credential: a key with api_keys:write.\"")
	}
	if len(d.VerifiedAgainst) == 0 && !rightsSought.MatchString(comment) {
		t.Error("write in the first comment where the provider names those rights, \"Rights: https://…\", or where they were looked for in vain, \"Rights not named in: …\"")
	}
}

// grantsLittle wants no field to stand for all there is where a role leaves it out.
func grantsLittle(t *testing.T, d *providers.Definition) {
	for _, field := range d.Role {
		if field.Required || field.Default == nil {
			continue
		}
		for _, most := range []string{"admin", "owner", "write", "full_access", "all", "*", "root"} {
			if text, is := field.Default.(string); is && strings.EqualFold(text, most) {
				t.Errorf("role %q is %q unless a role says otherwise: make the least that the provider has the default", field.Name, text)
			}
		}
	}
}

// boundBeside finds a role's own field that goes where the addresses of a lease do.
var boundBeside = regexp.MustCompile(`role\.(\w+)[^\n]*\bkey\.(?:ips|cidrs)\b`)

// saysWhatBinds wants each field marked by which a key works from some addresses alone.
func saysWhatBinds(t *testing.T, d *providers.Definition) {
	for _, beside := range boundBeside.FindAllStringSubmatch(d.Source(), -1) {
		if field := d.Role.Lookup(beside[1]); field == nil || !field.BindsAddresses {
			t.Errorf("role %q goes where the addresses of a lease do: write binds_addresses = true, so that no such key is tried from Vault's own", beside[1])
		}
	}
}

// documents wants help that is a sentence, and a field that can be filled in.
func documents(t *testing.T, kind string, fields providers.Fields) {
	for _, field := range fields {
		if len(field.Help) < 10 || !strings.HasSuffix(field.Help, ".") {
			t.Errorf("%s %q: help is %q: write a sentence", kind, field.Name, field.Help)
		}
		if field.Required && field.Default != nil {
			t.Errorf("%s %q is required and has a default: leave one out", kind, field.Name)
		}
		if looksSecret(field) && !field.Sensitive {
			t.Errorf("%s %q holds a credential by its name: write sensitive = true", kind, field.Name)
		}
	}
}

// looksSecret says whether a text field's name is that of a credential.
func looksSecret(field *providers.Field) bool {
	last := field.Name[strings.LastIndex(field.Name, "_")+1:]
	if strings.HasPrefix(field.Name, "public_") {
		return false
	}
	return field.Type == cty.String && slices.Contains([]string{"token", "password", "secret", "key", "passphrase"}, last)
}

// canBeTrusted wants the abilities without which an engine loses keys.
func canBeTrusted(t *testing.T, d *providers.Definition) {
	if !d.Capabilities.Check {
		t.Error("write a check: a read that only a working admin credential can do")
	}
	if !d.Capabilities.ShowsKeys() && !d.Capabilities.NativeExpiry && !d.Capabilities.KnownID && !strings.Contains(d.Source(), "# Lost for good:") {
		t.Error("a key whose issue had no answer can neither be found nor ends by itself: write list or lookup; where the provider has neither, a paragraph \"Lost for good:\" that says so")
	}
	if !slices.ContainsFunc(d.Connection, func(f *providers.Field) bool { return f.Sensitive }) {
		t.Error("no connection field is sensitive: where is the admin credential?")
	}
	if name := d.KeyName; name.MaxLength > 0 && name.MaxLength < 24 {
		t.Errorf("key names of at most %d characters have no room for what tells whose key it is", name.MaxLength)
	}
}

// hasAnAddress wants a base URL that can be made of what its connection fields may
// be, since every other test gives one of its own.
func hasAnAddress(t *testing.T, d *providers.Definition) {
	if d.NeedsBaseURL() {
		return
	}
	values := providers.Values{}
	for _, field := range d.Connection {
		if values[field.Name] = field.Default; field.Default == nil {
			values[field.Name] = map[cty.Type]any{cty.String: "acme", cty.Number: json.Number("1"), cty.Bool: true}[field.Type]
		}
	}
	for _, field := range d.Connection {
		choices := field.Enum
		if len(choices) == 0 {
			choices = []any{values[field.Name]}
		}
		for _, choice := range choices {
			chosen := maps.Clone(values)
			chosen[field.Name] = choice
			if _, err := providers.Destinations(d, providers.Settings{Values: chosen}); err != nil {
				t.Errorf("with the connection field %s = %v it cannot be reached: %v", field.Name, choice, err)
			}
		}
	}
}

// isProven wants a test of what the definition claims, which no parser can see.
func isProven(t *testing.T, name string) {
	for _, place := range []string{
		filepath.Join("testdata", "contract", name+".hcl"),
		filepath.Join("testdata", "exchanges", name+".hcl"),
		ownServers[name],
		realServers[name],
	} {
		if _, err := os.Stat(place); place != "" && err == nil {
			return
		}
	}
	t.Errorf("write testdata/contract/%[1]s.hcl, which names its OpenAPI document, or testdata/exchanges/%[1]s.hcl, an exchange from its documentation", name)
}

// rotationIsProven wants an exchange that rotates, where a definition can.
func rotationIsProven(t *testing.T, d *providers.Definition) {
	_, own := ownServers[d.Name]
	_, real := realServers[d.Name]
	if own || real || !d.Capabilities.RotateRoot {
		return
	}
	place := filepath.Join("testdata", "exchanges", d.Name+".hcl")
	exchanges, _ := contract.ReadExchanges(place)
	if !slices.ContainsFunc(exchanges, (*contract.Exchange).Rotates) {
		t.Errorf("the definition rotates: write an exchange in %s with a step \"rotate\"", place)
	}
}

// TestVariablesAreNotThoseOfTheVaultCommand: who pastes commands has that command's own
// token in its environment.
func TestVariablesAreNotThoseOfTheVaultCommand(t *testing.T) {
	for given, want := range map[[2]string]string{
		{"openai", "admin_key"}:          "OPENAI_ADMIN_KEY",
		{"digitalocean-spaces", "token"}: "DIGITALOCEAN_SPACES_TOKEN",
		{"vault", "token"}:               "TARGET_VAULT_TOKEN",
		{"vault-kv", "namespace"}:        "TARGET_VAULT_KV_NAMESPACE",
	} {
		if got := providers.Variable(given[0], given[1]); got != want {
			t.Errorf("%v is %s, want %s", given, got, want)
		}
	}
}

// oneSitting is how many lines of code a definition has at most, without comments and
// empty lines, so that it is read in one sitting.
const oneSitting = 100

// TestDefinitionsReadInOneSitting: a longer one says in testdata/long.hcl why it is.
func TestDefinitionsReadInOneSitting(t *testing.T) {
	var file struct {
		Long []struct {
			Name   string `hcl:"name,label"`
			Lines  int    `hcl:"lines"`
			Reason string `hcl:"reason"`
		} `hcl:"long,block"`
	}
	if err := hclsimple.DecodeFile(filepath.Join("testdata", "long.hcl"), nil, &file); err != nil {
		t.Fatal(err)
	}
	allowed := map[string]int{}
	for _, long := range file.Long {
		allowed[long.Name] = long.Lines
	}
	for _, name := range providers.BuiltIn() {
		lines, bound := linesOfCode(load(t, name).Source()), max(oneSitting, allowed[name])
		if lines > bound {
			t.Errorf("%s has %d lines of code, and %d are read in one sitting: say things once with locals, or say in testdata/long.hcl what it needs them for", name, lines, bound)
		}
		if allowed[name] > 0 && lines < bound {
			t.Errorf("%s has %d lines of code by now: write that in testdata/long.hcl, or nothing where it is at most %d", name, lines, oneSitting)
		}
	}
}

// linesOfCode counts the lines that are neither empty nor a comment.
func linesOfCode(source string) (count int) {
	for line := range strings.Lines(source) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			count++
		}
	}
	return count
}
