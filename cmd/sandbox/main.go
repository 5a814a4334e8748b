// Command sandbox serves a small provider of API keys on loopback, to try, test
// and break the secrets engine with. What it serves, and how to command its
// faults, is told by package sandbox.
package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"vault-plugin-secrets-apikeys/internal/sandbox"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "sandbox:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends. It prints one line when it is ready.
func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("sandbox", flag.ContinueOnError)
	listen := flags.String("listen", "127.0.0.1:8300", "loopback address to serve on; port 0 takes a free one")
	adminKey := flags.String("admin-key", "", "first admin key; random when empty (env SANDBOX_ADMIN_KEY)")
	token := flags.String("control-token", "", "token for /_sandbox/; random when empty (env SANDBOX_CONTROL_TOKEN)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	listener, err := listenLoopback(ctx, *listen)
	if err != nil {
		return err
	}
	adminGiven := cmp.Or(*adminKey, os.Getenv("SANDBOX_ADMIN_KEY"))
	tokenGiven := cmp.Or(*token, os.Getenv("SANDBOX_CONTROL_TOKEN"))
	control := cmp.Or(tokenGiven, rand.Text())
	box := sandbox.New(sandbox.Options{AdminKey: adminGiven, ControlToken: control})

	ready := "sandbox ready on http://" + listener.Addr().String()
	if adminGiven == "" {
		ready += " admin-key=" + box.AdminKey()
	}
	if tokenGiven == "" {
		ready += " control-token=" + control
	}
	fmt.Fprintln(out, ready)
	return serve(ctx, listener, box)
}

// listenLoopback refuses addresses that others could reach: whoever can connect
// can try keys.
func listenLoopback(ctx context.Context, address string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("-listen must be host:port, such as 127.0.0.1:8300: %w", err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("-listen must be a loopback address, such as 127.0.0.1:8300, not %s", address)
	}
	return new(net.ListenConfig).Listen(ctx, "tcp", address)
}

// serve ends cleanly with ctx: what faults hold up is let go first.
func serve(ctx context.Context, listener net.Listener, box *sandbox.Server) error {
	web := &http.Server{Handler: box, ReadHeaderTimeout: 10 * time.Second}
	done := make(chan error, 1)
	go func() { done <- web.Serve(listener) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	box.Close()
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return web.Shutdown(grace)
}
