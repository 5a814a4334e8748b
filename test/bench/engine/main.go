//go:build bench

// Engine is the secrets engine as Vault runs it, with an endpoint more that
// fills the ledger and the queue. With BENCH_PPROF it serves its profiles there.
package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	_ "net/http/pprof"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/vault/api"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/hashicorp/vault/sdk/plugin"

	"vault-plugin-secrets-apikeys/backend"
	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/backend/queue"
	"vault-plugin-secrets-apikeys/internal/heap"
	"vault-plugin-secrets-apikeys/paths"
)

func main() {
	if err := serve(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve(args []string) error {
	var vault api.PluginAPIClientMeta
	if err := vault.FlagSet().Parse(args); err != nil {
		return err
	}
	if address := os.Getenv("BENCH_PPROF"); address != "" && os.Getenv("VAULT_PLUGIN_METADATA_MODE") != "true" {
		runtime.SetMutexProfileFraction(1)
		runtime.SetBlockProfileRate(10_000)
		go func() { _ = http.ListenAndServe(address, nil) }() // the profiles are looked at by hand
	}
	heap.Pace()
	return plugin.ServeMultiplex(&plugin.ServeOpts{
		BackendFactoryFunc: factory,
		TLSProviderFunc:    api.VaultPluginTLSProvider(vault.GetTLSConfig()),
	})
}

func factory(ctx context.Context, config *logical.BackendConfig) (logical.Backend, error) {
	engine, err := paths.Factory(ctx, config)
	if err != nil {
		return nil, err
	}
	return loader{engine}, nil
}

// loader passes everything to the engine but what is for itself.
type loader struct{ logical.Backend }

func (l loader) HandleRequest(ctx context.Context, req *logical.Request) (*logical.Response, error) {
	switch req.Path {
	case "bench/ledger":
		return nil, load(ctx, req, ledgerEntry)
	case "bench/queue":
		return nil, load(ctx, req, queueEntries)
	case "bench/elsewhere":
		return nil, load(ctx, req, elsewhere)
	}
	return l.Backend.HandleRequest(ctx, req)
}

// HandleExistenceCheck has what is for the loader pass as an update.
func (l loader) HandleExistenceCheck(ctx context.Context, req *logical.Request) (bool, bool, error) {
	if strings.HasPrefix(req.Path, "bench/") {
		return true, true, nil
	}
	return l.Backend.HandleExistenceCheck(ctx, req)
}

func (l loader) PluginVersion() logical.PluginVersion {
	return logical.PluginVersion{Version: backend.Version}
}

// load writes the given number of entries, made like the record of a key of the given
// connection and role that there is. The engine learns of them when its mount is reloaded.
func load(ctx context.Context, req *logical.Request, entriesOf func(like ledger.Record, id string) map[string]any) error {
	count, err := strconv.Atoi(fmt.Sprint(req.Data["count"]))
	if err != nil {
		return fmt.Errorf("count: %w", err)
	}
	like, err := recordOf(ctx, req.Storage, fmt.Sprint(req.Data["connection"]))
	if err != nil {
		return err
	}
	const writers = 8
	errs := make([]error, writers)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for n := w; n < count && errs[w] == nil; n += writers {
				for path, value := range entriesOf(*like, randomID()) {
					entry, err := logical.StorageEntryJSON(path, value)
					if err == nil {
						err = req.Storage.Put(ctx, entry)
					}
					errs[w] = errors.Join(errs[w], err)
				}
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// recordOf is the first record of a key of the connection.
func recordOf(ctx context.Context, s logical.Storage, connection string) (*ledger.Record, error) {
	for r, err := range ledger.All(ctx, s) {
		if err != nil {
			return nil, err
		}
		if r.Connection == connection {
			return r, nil
		}
	}
	return nil, fmt.Errorf("connection %s has no key to make others like", connection)
}

func randomID() string {
	id := make([]byte, 16)
	_, _ = rand.Read(id) // it never fails
	return hex.EncodeToString(id)
}

// ledgerEntry is the record of a key that is alive for a day or two more.
func ledgerEntry(like ledger.Record, id string) map[string]any {
	now := time.Now().UTC()
	spread := time.Duration(id[0])*time.Minute + time.Duration(id[1])*time.Second
	like.Handle.ID, like.Handle.Name = "key_"+id, "vault-"+like.Role+"-loaded-"+id[:22]
	like.IssuedAt, like.Deadline, like.ExpiresAt = now, now.Add(24*time.Hour+spread), now.Add(24*time.Hour+spread)
	like.EntityID, like.DisplayName, like.RequestID = "6f0a3a0e-6a6b-4b44-9b3e-1d5c9a2c7d11", "token-loaded", "3d8be1ad-4d57-4b3f-9c0a-0b6e8d8f2e55"
	return map[string]any{"ledger/" + id[:2] + "/" + id: like}
}

// elsewhere is a ledger's record where the engine never looks.
func elsewhere(like ledger.Record, id string) map[string]any {
	entries := map[string]any{}
	for path, r := range ledgerEntry(like, id) {
		entries["elsewhere/"+path] = r
	}
	return entries
}

// queueEntries wait for a provider that is away: the revocation of a key in the ledger, or
// the search for what a mint may have left.
func queueEntries(like ledger.Record, id string) map[string]any {
	now := time.Now().UTC()
	entry := queue.Entry{Connection: like.Connection, Role: like.Role, KeyName: "vault-" + like.Role + "-loaded-" + id[:22], Reason: "loaded", Since: now}
	if id[0]%2 == 0 {
		entry.Kind = queue.Revoke
		entries := ledgerEntry(like, id)
		entries["queue/"+id] = entry
		return entries
	}
	entry.Kind, entry.Scope, entry.TrustAbsenceAfter = queue.CleanUp, like.Scope, now.Add(24*time.Hour)
	entry.SetOrigin(like.Origin())
	return map[string]any{"queue/" + id[:22]: entry}
}
