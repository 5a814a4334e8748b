//go:build bench

package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/hashicorp/vault/api"

	"vault-plugin-secrets-apikeys/internal/testbed/build"
	"vault-plugin-secrets-apikeys/internal/testbed/vault"
)

const (
	engineProgram      = "bench-engine"
	handwrittenProgram = "bench-handwritten"

	keyTTL = "24h"
	maxTTL = "48h"
)

// world is a Vault with what is measured in it.
type world struct {
	dir    string
	vault  *vault.Cluster
	client *client
	// engineOptions are those of the engine's mounts; nil for none.
	engineOptions map[string]string
}

// newWorld builds the plugins and starts a Vault that has its own engine for Consul.
func newWorld(ctx context.Context) (*world, error) {
	dir, err := os.MkdirTemp("", "apikeys-bench")
	if err != nil {
		return nil, err
	}
	w := &world{dir: dir}
	if err := w.begin(ctx); err != nil {
		return nil, errors.Join(err, w.close())
	}
	return w, nil
}

func (w *world) begin(ctx context.Context) error {
	plugins := filepath.Join(w.dir, "plugins")
	for program, of := range map[string]string{engineProgram: "engine", handwrittenProgram: "handwritten"} {
		build := exec.CommandContext(ctx, "go", "build", "-tags", "bench", "-o", filepath.Join(plugins, program), "vault-plugin-secrets-apikeys/test/bench/"+of)
		if out, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("building %s: %w\n%s", program, err, out)
		}
	}
	binary, err := build.VaultWithConsul(ctx, os.Stderr)
	if err != nil {
		return err
	}
	w.vault, err = vault.Start(ctx, vault.Options{
		Vault: binary, Plugin: filepath.Join(plugins, engineProgram), Dir: w.dir, Bare: true, LogLevel: "warn", InMemory: true,
		Env: []string{"BENCH_PPROF=" + os.Getenv("BENCH_PPROF")},
	})
	if err != nil {
		return err
	}
	w.client = newClient(w.vault.Nodes[0].Addr, w.vault.RootToken)
	for _, program := range []string{engineProgram, handwrittenProgram} {
		if err := w.register(ctx, filepath.Join(plugins, program)); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) close() error {
	if w.vault != nil {
		w.vault.Close()
	}
	return os.RemoveAll(w.dir)
}

func (w *world) register(ctx context.Context, file string) error {
	sum, err := vault.Checksum(file)
	if err != nil {
		return err
	}
	name := filepath.Base(file)
	return w.client.write(ctx, "sys/plugins/catalog/secret/"+name, map[string]any{"command": name, "sha256": sum})
}

func (w *world) mount(ctx context.Context, path, program string, options map[string]string) error {
	return w.client.write(ctx, "sys/mounts/"+path, map[string]any{
		"type": program, "config": api.MountConfigInput{DefaultLeaseTTL: keyTTL, MaxLeaseTTL: maxTTL}, "options": options,
	})
}

// program is the file that a plugin's process runs.
func (w *world) program(name string) string { return filepath.Join(w.dir, "plugins", name) }

// engineAt mounts the engine and connects it to a provider, under one name for
// mount, connection and role; it returns where keys are read. The settings are of the
// connection and of the role, beside what is usual; nil for none.
func (w *world) engineAt(ctx context.Context, name string, p *provider, settings, ofRole map[string]any) (string, error) {
	if err := w.mount(ctx, name, engineProgram, w.engineOptions); err != nil {
		return "", err
	}
	connection := map[string]any{"provider": "sandbox", "base_url": p.URL, "admin_key": "the admin's", "allowed_roles": "*"}
	if ca := p.certificate(); ca != "" {
		connection["ca_cert"] = ca
	}
	role := map[string]any{"connection": "box", "scopes": "read", "ttl": keyTTL, "max_ttl": maxTTL}
	maps.Copy(connection, settings)
	maps.Copy(role, ofRole)
	return name + "/creds/app", errors.Join(
		w.client.write(ctx, name+"/config/box", connection),
		w.client.write(ctx, name+"/roles/app", role))
}

func (w *world) handwrittenAt(ctx context.Context, name string, p *provider) (string, error) {
	if err := w.mount(ctx, name, handwrittenProgram, nil); err != nil {
		return "", err
	}
	return name + "/creds/app", w.client.write(ctx, name+"/config", map[string]any{
		"address": p.URL, "token": "the admin's", "ca_cert": p.certificate(), "ttl": keyTTL, "max_ttl": maxTTL,
	})
}

// consulAt mounts Vault's own engine for Consul, which the provider stands in for.
func (w *world) consulAt(ctx context.Context, name string, p *provider) (string, error) {
	if err := w.mount(ctx, name, "consul", nil); err != nil {
		return "", err
	}
	scheme, address, _ := strings.Cut(p.URL, "://")
	return name + "/creds/app", errors.Join(
		w.client.write(ctx, name+"/config/access", map[string]any{"address": address, "scheme": scheme, "token": "the admin's", "ca_cert": p.certificate()}),
		w.client.write(ctx, name+"/roles/app", map[string]any{"consul_policies": "app", "ttl": keyTTL, "max_ttl": maxTTL}))
}
