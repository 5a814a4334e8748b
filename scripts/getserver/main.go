// Getserver prints the path of a real server, such as vault or gitea, and gets it
// first if the machine has none. Progress goes to standard error, so that a
// shell can write VAULT_BIN=$(go run ./scripts/getserver vault). With a version, as in
// `getserver vault v1.21.2`, it is a Vault of that one and no other.
package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"vault-plugin-secrets-apikeys/internal/testbed/build"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	path, err := get(ctx, os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(path)
}

var getters = map[string]func(context.Context, io.Writer) (string, error){
	"vault":           build.Vault,
	"gitea":           build.Gitea,
	"etcd":            build.Etcd,
	"toxiproxy":       build.Toxiproxy,
	"unleash":         build.Unleash,
	"express-gateway": build.ExpressGateway,
	"consul-template": build.ConsulTemplate,
	"terraform":       build.Terraform,

	"terraform-provider-vault": build.TerraformProvider,
	"rabbitmq":                 build.RabbitMQ,
	"influxdb1":                build.InfluxDB1,
	"icinga2":                  build.Icinga2,
	"miniflux":                 build.Miniflux,
	"verdaccio":                build.Verdaccio,
	"buildah":                  build.Buildah,
	"headscale":                build.Headscale,
	"consul":                   build.Consul,
	"vault-with-consul":        build.VaultWithConsul,
	"zabbix":                   build.Zabbix,
}

func get(ctx context.Context, args []string) (string, error) {
	if len(args) == 1 && getters[args[0]] != nil {
		return getters[args[0]](ctx, os.Stderr)
	}
	if len(args) == 2 && args[0] == "vault" {
		return build.VaultVersion(ctx, os.Stderr, args[1])
	}
	names := slices.Sorted(maps.Keys(getters))
	return "", fmt.Errorf("say which server, one of: %s", strings.Join(names, ", "))
}
