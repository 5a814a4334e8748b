package consul

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"github.com/google/uuid"

	"vault-plugin-secrets-apikeys/internal/testbed/daemon"
)

// Options say how Consul is to be run. Both are required.
type Options struct {
	Consul string // path of the binary
	Dir    string // an empty folder for the configuration, the data and the log
}

// Server is one Consul process.
type Server struct {
	URL   string // http://127.0.0.1:port
	Token string // may do everything

	daemon *daemon.Daemon
}

// Policy is there from the start, and lets its tokens read every key of the store.
const Policy = "reader"

// Start starts Consul with a management token and a policy, and waits until it takes
// both. When it fails, nothing is left running.
func Start(ctx context.Context, options Options) (*Server, error) {
	addresses, err := daemon.FreeAddresses(3)
	if err != nil {
		return nil, err
	}
	s := &Server{URL: "http://" + addresses[0], Token: uuid.NewString()}
	settings, err := s.settings(addresses, options.Dir)
	if err != nil {
		return nil, err
	}
	config := filepath.Join(options.Dir, "consul.json")
	if err := os.WriteFile(config, settings, 0o600); err != nil {
		return nil, err
	}
	cmd := exec.Command(options.Consul, "agent", "-config-file", config)
	cmd.Env = daemon.Environ("CONSUL_")
	// It serves before it has a leader, and the token is taken after that.
	s.daemon, err = daemon.Start(ctx, cmd, filepath.Join(options.Dir, "consul.log"), s.makePolicy)
	return s, err
}

// settings are those of a server that is alone, on three ports.
func (s *Server) settings(addresses []string, dir string) ([]byte, error) {
	ports := map[string]int{"dns": -1, "grpc": -1, "grpc_tls": -1, "serf_wan": -1}
	for i, name := range []string{"http", "server", "serf_lan"} {
		_, port, err := net.SplitHostPort(addresses[i])
		if err != nil {
			return nil, err
		}
		if ports[name], err = strconv.Atoi(port); err != nil {
			return nil, err
		}
	}
	return json.Marshal(map[string]any{
		"server": true, "bootstrap": true, "bind_addr": "127.0.0.1", "client_addr": "127.0.0.1", "ports": ports,
		"data_dir": filepath.Join(dir, "data"), "disable_update_check": true,
		"connect":     map[string]any{"enabled": false},
		"performance": map[string]any{"raft_multiplier": 1},
		"acl": map[string]any{
			"enabled": true, "default_policy": "deny",
			"tokens": map[string]string{"initial_management": s.Token},
		},
	})
}

func (s *Server) makePolicy(ctx context.Context) error {
	policy, err := json.Marshal(map[string]string{"Name": Policy, "Rules": `key_prefix "" { policy = "read" }`})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, s.URL+"/v1/acl/policy", bytes.NewReader(policy))
	if err != nil {
		return err
	}
	req.Header.Set("X-Consul-Token", s.Token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("making a policy: Consul answers %s", resp.Status)
	}
	return nil
}

// Close kills Consul.
func (s *Server) Close() { s.daemon.Close() }
