// Vault-plugin-secrets-apikeys is the secrets engine as a Vault plugin. Vault
// starts it; run by hand it only says so.
package main

import (
	"io"
	"log"
	"os"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/api"
	"github.com/hashicorp/vault/sdk/plugin"

	"vault-plugin-secrets-apikeys/internal/heap"
	"vault-plugin-secrets-apikeys/paths"
)

func main() {
	// The HTTP library quotes there what a provider sends beyond an answer, as the
	// body of a 204, which may be a key.
	log.SetOutput(io.Discard)
	logger := hclog.New(&hclog.LoggerOptions{})
	if err := serve(os.Args[1:]); err != nil {
		logger.Error("plugin shutting down", "error", err)
		os.Exit(1)
	}
}

// serve answers Vault's requests, for every mount of this plugin in one
// process, until Vault ends it.
func serve(args []string) error {
	var vault api.PluginAPIClientMeta
	if err := vault.FlagSet().Parse(args); err != nil {
		return err
	}
	heap.Pace()
	return plugin.ServeMultiplex(&plugin.ServeOpts{
		BackendFactoryFunc: paths.Factory,
		// Vault 1.12 and later secure the connection themselves (AutoMTLS) and
		// leave this alone.
		TLSProviderFunc: api.VaultPluginTLSProvider(vault.GetTLSConfig()),
	})
}
