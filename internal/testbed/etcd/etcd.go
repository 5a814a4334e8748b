package etcd

import (
	"context"
	"crypto/rand"
	"net/http"
	"os/exec"
	"path/filepath"

	"vault-plugin-secrets-apikeys/internal/testbed/daemon"
)

// Options say how etcd is to be run. Both are required, and absolute.
type Options struct {
	Etcd string // path of the binary
	Dir  string // an empty folder for data and log
}

// Server is one etcd process.
type Server struct {
	URL      string // http://127.0.0.1:port, of its JSON gateway
	Username string // of the administrator
	Password string

	daemon *daemon.Daemon
}

// Start starts etcd with an administrator as its only user, and waits until it
// serves. When it fails, nothing is left running.
func Start(ctx context.Context, options Options) (*Server, error) {
	addresses, err := daemon.FreeAddresses(2)
	if err != nil {
		return nil, err
	}
	clients, peers := "http://"+addresses[0], "http://"+addresses[1]
	s := &Server{URL: clients, Username: "root", Password: rand.Text()}
	cmd := exec.Command(options.Etcd,
		"--data-dir", filepath.Join(options.Dir, "data"),
		"--listen-client-urls", clients, "--advertise-client-urls", clients,
		"--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers,
		"--initial-cluster", "default="+peers,
		"--bcrypt-cost", "4", // the default takes a tenth of a second for each login
		"--log-level", "warn",
	)
	cmd.Env = daemon.Environ("ETCD_")
	s.daemon, err = daemon.Start(ctx, cmd, filepath.Join(options.Dir, "etcd.log"), daemon.Answers(clients+"/health"))
	if err != nil {
		return nil, err
	}
	if err := s.askForUsers(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// askForUsers makes the administrator and closes etcd to everybody else.
func (s *Server) askForUsers(ctx context.Context) error {
	for _, call := range []struct {
		path string
		body map[string]any
	}{
		{"user/add", map[string]any{"name": s.Username, "password": s.Password}},
		{"role/add", map[string]any{"name": "root"}},
		{"user/grant", map[string]any{"user": s.Username, "role": "root"}},
		{"enable", map[string]any{}},
	} {
		if err := daemon.Call(ctx, http.MethodPost, s.URL+"/v3/auth/"+call.path, call.body, nil, http.StatusOK); err != nil {
			return err
		}
	}
	return nil
}

// Close kills etcd. The folder stays, for its owner to read or remove.
func (s *Server) Close() { s.daemon.Close() }
