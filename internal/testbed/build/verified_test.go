package build

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"

	"vault-plugin-secrets-apikeys/providers"
)

// TestDefinitionsNameTheServersTheyWereTriedAt: whoever takes another version of
// a server tries its definition at that one, and says so there.
func TestDefinitionsNameTheServersTheyWereTriedAt(t *testing.T) {
	for provider, server := range map[string]struct {
		title   string
		version func(t *testing.T) string
	}{
		"consul":          {"Consul", ofModule("consul", consulModule)},
		"etcd":            {"etcd", ofModule("etcd", etcdModule)},
		"express-gateway": {"Express Gateway", ofPackage("express-gateway", "express-gateway")},
		"gitea":           {"Gitea", ofModule("gitea", giteaModule)},
		"headscale":       {"Headscale", ofModule("headscale", headscaleModule)},
		"icinga2":         {"Icinga", ofDebian("icinga2")},
		"influxdb1":       {"InfluxDB", ofDebian("influxdb1")},
		"miniflux":        {"Miniflux", ofModule("miniflux", minifluxModule)},
		"verdaccio":       {"Verdaccio", ofPackage("verdaccio", "verdaccio")},
		"rabbitmq":        {"RabbitMQ", ofDebian("rabbitmq")},
		"unleash":         {"Unleash", ofPackage("unleash", "unleash-server")},
		"vault":           {"Vault", ofModule("vault", vaultModule)},
		"zabbix":          {"Zabbix", ofDebian("zabbix")},
	} {
		t.Run(provider, func(t *testing.T) {
			definition, err := providers.Load(provider)
			if err != nil {
				t.Fatal(err)
			}
			want := server.title + " " + server.version(t)
			if !slices.Contains(definition.VerifiedAgainst, want) {
				t.Errorf("the tests run against %s, and the definition was verified against %q", want, definition.VerifiedAgainst)
			}
		})
	}
}

// ofModule is the version of a server that Go builds.
func ofModule(server, module string) func(t *testing.T) string {
	return func(t *testing.T) string {
		t.Helper()
		file, err := modfile.ParseLax("go.mod", pinOf(t, server, "go.mod"), nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, needed := range file.Require {
			if needed.Mod.Path == module {
				return strings.TrimPrefix(needed.Mod.Version, "v")
			}
		}
		t.Fatalf("%s does not require %s", server, module)
		return ""
	}
}

// ofPackage is the version of a server that npm installs.
func ofPackage(server, name string) func(t *testing.T) string {
	return func(t *testing.T) string {
		t.Helper()
		var file struct{ Dependencies map[string]string }
		if err := json.Unmarshal(pinOf(t, server, "package.json"), &file); err != nil {
			t.Fatal(err)
		}
		return file.Dependencies[name]
	}
}

// ofDebian is the version of a server that Debian packages.
func ofDebian(server string) func(t *testing.T) string {
	return func(t *testing.T) string {
		t.Helper()
		pinned, err := pinnedPackage(filepath.Join("..", "..", "..", "scripts", "servers", server))
		if err != nil {
			t.Fatal(err)
		}
		return pinned.version
	}
}

func pinOf(t *testing.T, server, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "scripts", "servers", server, file))
	if err != nil {
		t.Fatal(err)
	}
	return text
}
