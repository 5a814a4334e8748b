// Demo shows a key's whole life at a real Vault: minted, used, dead. With -dev
// it leaves Vault and the provider running instead, for a person to try things.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"vault-plugin-secrets-apikeys/internal/testbed/build"
	"vault-plugin-secrets-apikeys/internal/testbed/vault"
)

func main() {
	dev := flag.Bool("dev", false, "leave Vault and the sandbox running until Ctrl-C")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	run := demo
	if *dev {
		run = develop
	}
	err := run(ctx, newStage(os.Stdout))
	switch {
	case ctx.Err() != nil:
		fmt.Println("\nStopped; nothing is left running.")
	case err != nil:
		fmt.Fprintln(os.Stderr, "\nThe demo failed:", err)
		os.Exit(1)
	}
}

// demo tells a key's life from its mint to its end.
func demo(ctx context.Context, s *stage) (err error) {
	s.title("One API key, from its mint to its end")
	world, err := setUp(ctx, s, "5s")
	defer func() { err = errors.Join(err, world.close()) }()
	if err != nil {
		return err
	}

	s.step("Read a key: the provider makes it now, for this reader alone")
	creds, err := world.vault(ctx, s, "read", "apikeys/creds/reader")
	if err != nil {
		return err
	}
	s.show(creds.text)
	key, lease := creds.field("api_key"), creds.field("lease_id")
	if key == "" || lease == "" {
		return errors.New("the answer holds no api_key or no lease_id")
	}

	s.step("Use it at the provider")
	if err := world.call(ctx, s, "/v1/data", key, 200); err != nil {
		return err
	}
	s.step("Ask the provider whose key it is")
	if err := world.call(ctx, s, "/v1/whoami", key, 200); err != nil {
		return err
	}
	s.step("Look at the lease that holds it")
	held, err := world.vault(ctx, s, "lease", "lookup", lease)
	if err != nil {
		return err
	}
	s.show(held.text)

	began := time.Now()
	s.step("Do nothing, until the lease has ended on its own")
	if err := world.awaitEnd(ctx, lease); err != nil {
		return err
	}
	s.show(fmt.Sprintf("%.1f s later it is gone", time.Since(began).Seconds()))

	s.step("Use the key once more")
	if err := world.call(ctx, s, "/v1/data", key, 401); err != nil {
		return err
	}

	s.step("Clean up")
	if _, err := world.vault(ctx, s, "secrets", "disable", "apikeys/"); err != nil {
		return err
	}
	s.done("The key lived as long as its lease, and nobody had to revoke it.")
	return nil
}

// develop leaves a Vault, with a role to read keys from, running.
func develop(ctx context.Context, s *stage) (err error) {
	s.title("A Vault with the plugin and a provider, to try things")
	world, err := setUp(ctx, s, "5m")
	defer func() { err = errors.Join(err, world.close()) }()
	if err != nil {
		return err
	}
	s.done("It runs. In another terminal:")
	s.lines(
		"export VAULT_ADDR="+world.cluster.Nodes[0].Addr,
		"export VAULT_TOKEN="+world.cluster.RootToken,
	)
	if !onPath(world.binary) {
		s.lines("alias vault=" + world.binary)
	}
	s.lines(
		"",
		"vault read apikeys/creds/reader",
		"vault path-help apikeys",
	)
	s.done("The provider misbehaves on command:")
	s.lines(world.faults()...)
	s.lines(
		"",
		"# Vault's log: "+world.cluster.Nodes[0].LogFile(),
		"# Ctrl-C ends everything.",
	)
	<-ctx.Done()
	return nil
}

// setUp sets everything up to the first key: plugin, Vault, provider,
// connection and role. What it returns is to be closed, even after an error.
func setUp(ctx context.Context, s *stage, ttl string) (*world, error) {
	w := &world{}
	var err error
	s.step("Build the plugin")
	if err := w.buildPlugin(ctx, s); err != nil {
		return w, err
	}
	if w.binary, err = build.Vault(ctx, os.Stderr); err != nil {
		return w, err
	}
	s.step("Start Vault " + vaultVersion(ctx, w.binary))
	s.command("vault server -config=vault.hcl")
	if err := w.startVault(ctx); err != nil {
		return w, err
	}
	s.step("Register the plugin by its checksum, and mount it")
	sum, err := vault.Checksum(w.plugin)
	if err != nil {
		return w, err
	}
	if _, err := w.vault(ctx, s, "plugin", "register", "-sha256="+sum, "secret", vault.PluginName); err != nil {
		return w, err
	}
	if _, err := w.vault(ctx, s, "secrets", "enable", "-path=apikeys", vault.PluginName); err != nil {
		return w, err
	}
	s.step("Start the sandbox, a small provider of API keys")
	if err := w.startSandbox(ctx, s); err != nil {
		return w, err
	}
	s.step("Connect Vault to it: the admin key goes in and never comes out again")
	if _, err := w.vault(ctx, s, "write", "apikeys/config/sandbox", "provider=sandbox",
		"base_url="+w.provider, "admin_key="+w.adminKey, "allowed_roles=reader"); err != nil {
		return w, err
	}
	s.step("Say what keys may do and how long they live")
	_, err = w.vault(ctx, s, "write", "apikeys/roles/reader", "connection=sandbox", "scopes=read", "ttl="+ttl)
	return w, err
}
