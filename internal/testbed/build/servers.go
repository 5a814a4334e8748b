package build

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"

	"golang.org/x/mod/semver"
)

const (
	vaultModule     = "github.com/hashicorp/vault"
	giteaModule     = "code.gitea.io/gitea"
	etcdModule      = "go.etcd.io/etcd/server/v3"
	minifluxModule  = "miniflux.app/v2"
	consulModule    = "github.com/hashicorp/consul"
	headscaleModule = "github.com/juanfont/headscale"
	toxiproxyModule = "github.com/Shopify/toxiproxy/v2"

	consulTemplateModule    = "github.com/hashicorp/consul-template"
	terraformProviderModule = "github.com/terraform-providers/terraform-provider-vault"

	// oldestVault is the oldest line that HashiCorp still maintained when
	// the version that is built here came out.
	oldestVault = "v1.19.0"
)

// Vault returns the path of a Vault binary: the one VAULT_BIN names, else the
// one on PATH if it is a recent community edition, else one that is built on
// first use. What takes long is told to log.
func Vault(ctx context.Context, log io.Writer) (string, error) {
	if path := os.Getenv("VAULT_BIN"); path != "" {
		return named("VAULT_BIN", path)
	}
	if path, err := exec.LookPath("vault"); err == nil && recentVault(ctx, path) {
		return path, nil
	}
	return vault.path(ctx, log)
}

var vault = recipe{
	name:     "vault",
	module:   vaultModule,
	tags:     "minimal", // leaves out the cloud plugins, which are most of the build
	estimate: "6 minutes",
}

// VaultWithConsul returns the path of a Vault that has Vault's own secrets engine for
// Consul too, which is built on first use, whatever VAULT_BIN and PATH say. What takes
// long is told to log.
func VaultWithConsul(ctx context.Context, log io.Writer) (string, error) {
	with := vault
	with.name, with.of, with.own, with.estimate = "vault-with-consul", vault.name, "with-consul", "6 minutes"
	return with.path(ctx, log)
}

// Gitea returns the path of a Gitea binary: the one GITEA_BIN names, else one
// that is built on first use. The folders that Gitea reads at run time,
// templates, options and public, are beside it: its folder is what Gitea calls
// STATIC_ROOT_PATH. What takes long is told to log. On a machine that cannot
// compile C the error is an ErrNoCompiler.
func Gitea(ctx context.Context, log io.Writer) (string, error) {
	if path := os.Getenv("GITEA_BIN"); path != "" {
		return named("GITEA_BIN", path)
	}
	gitea := recipe{
		name:     "gitea",
		module:   giteaModule,
		tags:     "sqlite sqlite_unlock_notify",
		cgo:      true, // its SQLite is C
		version:  "main.Version",
		beside:   []string{"templates", "options", "public"},
		estimate: "5 minutes",
	}
	return gitea.path(ctx, log)
}

// Etcd returns the path of an etcd binary, which is built on first use. What
// takes long is told to log.
func Etcd(ctx context.Context, log io.Writer) (string, error) {
	return recipe{name: "etcd", module: etcdModule, estimate: "2 minutes"}.path(ctx, log)
}

// Toxiproxy returns the path of a binary of Toxiproxy's server, which is built
// on first use. What takes long is told to log.
func Toxiproxy(ctx context.Context, log io.Writer) (string, error) {
	return recipe{name: "toxiproxy", module: toxiproxyModule, main: "cmd/server", estimate: "20 seconds"}.path(ctx, log)
}

// Unleash returns a folder in which npm has installed Unleash on first use: it
// holds node_modules. What takes long is told to log. Without node and npm the
// error is a *Missing.
func Unleash(ctx context.Context, log io.Writer) (string, error) {
	return npmRecipe{name: "unleash", title: "Unleash", estimate: "40 seconds"}.path(ctx, log)
}

// ExpressGateway returns a folder in which npm has installed Express Gateway on
// first use: it holds node_modules. What takes long is told to log. Without
// node and npm the error is a *Missing.
func ExpressGateway(ctx context.Context, log io.Writer) (string, error) {
	return npmRecipe{name: "express-gateway", title: "Express Gateway", estimate: "40 seconds"}.path(ctx, log)
}

// RabbitMQ returns a folder into which Debian's package of RabbitMQ is unpacked on
// first use, with its Erlang, as if it were the root of a file system. What takes
// long is told to log. On another system than Debian the error is a *Missing.
func RabbitMQ(ctx context.Context, log io.Writer) (string, error) {
	return debianRecipe{name: "rabbitmq", title: "RabbitMQ", program: "usr/lib/rabbitmq/bin/rabbitmq-server"}.path(ctx, log)
}

// InfluxDB1 is RabbitMQ's counterpart for InfluxDB 1.
func InfluxDB1(ctx context.Context, log io.Writer) (string, error) {
	return debianRecipe{name: "influxdb1", title: "InfluxDB", program: "usr/bin/influxd"}.path(ctx, log)
}

// ConsulTemplate returns the path of a consul-template binary, which is built on
// first use. What takes long is told to log.
func ConsulTemplate(ctx context.Context, log io.Writer) (string, error) {
	return recipe{name: "consul-template", module: consulTemplateModule, estimate: "1 minute"}.path(ctx, log)
}

// TerraformProvider returns the path of Terraform's provider for Vault, which is
// built on first use. What takes long is told to log.
func TerraformProvider(ctx context.Context, log io.Writer) (string, error) {
	return recipe{name: "terraform-provider-vault", module: terraformProviderModule, estimate: "2 minutes"}.path(ctx, log)
}

// Terraform returns the path of a Terraform binary: the one TERRAFORM_BIN names, or
// the one on PATH. Without one the error is a *Missing.
func Terraform(context.Context, io.Writer) (string, error) {
	if path := os.Getenv("TERRAFORM_BIN"); path != "" {
		return named("TERRAFORM_BIN", path)
	}
	path, err := exec.LookPath("terraform")
	if err != nil {
		return "", &Missing{Server: "the example for Terraform", Program: "terraform", Install: "Terraform"}
	}
	return path, nil
}

// Icinga2 is RabbitMQ's counterpart for Icinga 2.
func Icinga2(ctx context.Context, log io.Writer) (string, error) {
	return debianRecipe{name: "icinga2", title: "Icinga", program: "usr/lib/*/icinga2/sbin/icinga2"}.path(ctx, log)
}

// Buildah is RabbitMQ's counterpart for buildah, which makes images of containers
// without a daemon.
func Buildah(ctx context.Context, log io.Writer) (string, error) {
	return debianRecipe{name: "buildah", title: "buildah", program: "usr/bin/buildah"}.path(ctx, log)
}

// Verdaccio returns a folder in which npm has installed Verdaccio on first use: it
// holds node_modules. What takes long is told to log. Without node and npm the error
// is a *Missing.
func Verdaccio(ctx context.Context, log io.Writer) (string, error) {
	return npmRecipe{name: "verdaccio", title: "Verdaccio", estimate: "30 seconds"}.path(ctx, log)
}

// Miniflux returns the path of a Miniflux binary, which is built on first use. What
// takes long is told to log.
func Miniflux(ctx context.Context, log io.Writer) (string, error) {
	return recipe{name: "miniflux", module: minifluxModule, estimate: "1 minute"}.path(ctx, log)
}

// Headscale returns the path of a Headscale binary, which is built on first use. A
// program called join, which joins its network with a key, is beside it. What takes
// long is told to log.
func Headscale(ctx context.Context, log io.Writer) (string, error) {
	return recipe{name: "headscale", module: headscaleModule, main: "cmd/headscale", tools: []string{"join"}, estimate: "2 minutes"}.path(ctx, log)
}

// Consul returns the path of a Consul binary, which is built on first use. What takes
// long is told to log.
func Consul(ctx context.Context, log io.Writer) (string, error) {
	return recipe{name: "consul", module: consulModule, estimate: "4 minutes"}.path(ctx, log)
}

// Zabbix is RabbitMQ's counterpart for Zabbix's frontend, with its PHP and what makes
// its tables in PostgreSQL.
func Zabbix(ctx context.Context, log io.Writer) (string, error) {
	return debianRecipe{name: "zabbix", title: "Zabbix", program: "usr/share/zabbix/api_jsonrpc.php"}.path(ctx, log)
}

// named returns the binary that the environment variable names; a wrong path
// is an error, never a reason to take another binary than the one asked for.
func named(variable, path string) (string, error) {
	found, err := exec.LookPath(path)
	if err != nil {
		return "", fmt.Errorf("%s names no program: %w", variable, err)
	}
	return found, nil
}

// recentVault says whether the binary is a community edition that is new
// enough. An enterprise edition does not start without a licence.
func recentVault(ctx context.Context, path string) bool {
	out, err := exec.CommandContext(ctx, path, "version").Output()
	if err != nil {
		return false
	}
	version := vaultVersion.Find(bytes.TrimSpace(out))
	return semver.Compare(string(version), oldestVault) >= 0 && !strings.Contains(string(out), "+ent")
}

// vaultVersion matches the version in "Vault v1.21.0 (…), built …".
var vaultVersion = regexp.MustCompile(`v\d+\.\d+\.\d+`)
