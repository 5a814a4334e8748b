package headscale

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"vault-plugin-secrets-apikeys/internal/testbed/daemon"
)

// Options say how Headscale is to be run. Both are required.
type Options struct {
	Headscale string // path of the binary, with join beside it
	Dir       string // an empty folder for the configuration, the database and the log
}

// Server is one Headscale process.
type Server struct {
	URL string // http://127.0.0.1:port
	Key string // an API key

	options Options
	config  string
	daemon  *daemon.Daemon
}

// refused is what join exits with when a key is not taken.
const refused = 3

// Relays are asked for none, and Headscale wants to know of one.
const relays = `regions:
  900:
    regionid: 900
    regioncode: none
    regionname: none
    nodes: [{name: none, regionid: 900, hostname: relay.invalid}]
`

const configuration = `server_url: http://%[1]s
listen_addr: %[1]s
metrics_listen_addr: %[2]s
grpc_listen_addr: %[3]s
grpc_allow_insecure: true
unix_socket: %[4]s/socket
unix_socket_permission: "0700"
noise: {private_key_path: %[4]s/noise.key}
prefixes: {v4: 100.64.0.0/10, v6: "fd7a:115c:a1e0::/48", allocation: sequential}
derp: {server: {enabled: false}, urls: [], paths: [%[4]s/relays.yaml], auto_update_enabled: false}
database: {type: sqlite, sqlite: {path: %[4]s/headscale.db, write_ahead_log: true}}
dns: {magic_dns: false, base_domain: headscale.invalid, override_local_dns: false, nameservers: {global: []}}
disable_check_updates: true
ephemeral_node_inactivity_timeout: 30m
logtail: {enabled: false}
policy: {mode: database}
`

// Start starts Headscale with an API key, and waits until it serves. When it fails,
// nothing is left running.
func Start(ctx context.Context, options Options) (*Server, error) {
	addresses, err := daemon.FreeAddresses(3)
	if err != nil {
		return nil, err
	}
	s := &Server{URL: "http://" + addresses[0], options: options, config: filepath.Join(options.Dir, "config.yaml")}
	for name, text := range map[string]string{
		"config.yaml": fmt.Sprintf(configuration, addresses[0], addresses[1], addresses[2], options.Dir),
		"relays.yaml": relays,
	} {
		if err := os.WriteFile(filepath.Join(options.Dir, name), []byte(text), 0o600); err != nil {
			return nil, err
		}
	}
	log := filepath.Join(options.Dir, "headscale.log")
	if s.daemon, err = daemon.Start(ctx, s.command(context.Background(), "serve"), log, daemon.Answers(s.URL+"/health")); err != nil {
		return nil, err
	}
	if s.Key, err = s.makeKey(ctx); err != nil {
		s.Close()
		return nil, fmt.Errorf("making an API key of Headscale: %w", err)
	}
	return s, nil
}

// Close ends Headscale.
func (s *Server) Close() { s.daemon.Close() }

// Join joins the network with a pre-authentication key, as a new machine does. It says
// whether the key was taken.
func (s *Server) Join(ctx context.Context, key string) (bool, error) {
	said, err := exec.CommandContext(ctx, filepath.Join(filepath.Dir(s.options.Headscale), "join"), s.URL, key).CombinedOutput()
	if err == nil {
		return true, nil
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == refused && bytes.Contains(said, []byte("authkey expired")) {
		return false, nil
	}
	return false, fmt.Errorf("joining: %w: %s", err, said)
}

func (s *Server) makeKey(ctx context.Context) (string, error) {
	said, err := s.command(ctx, "apikeys", "create").Output()
	return strings.TrimSpace(string(said)), err
}

func (s *Server) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, s.options.Headscale, append([]string{"--config", s.config}, args...)...)
	cmd.Env = daemon.Environ("HEADSCALE_")
	return cmd
}
