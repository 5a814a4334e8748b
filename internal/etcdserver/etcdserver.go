// Package etcdserver runs a real etcd on loopback that wants to know its users.
package etcdserver

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"vault-plugin-secrets-apikeys/internal/daemon"
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
	cmd.Env = withoutEtcd(os.Environ())
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
		if err := s.post(ctx, "/v3/auth/"+call.path, call.body); err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) post(ctx context.Context, path string, body map[string]any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		said, _ := io.ReadAll(resp.Body)
		return fmt.Errorf("etcd answers %s to %s: %s", resp.Status, path, said)
	}
	return nil
}

// Close kills etcd. The folder stays, for its owner to read or remove.
func (s *Server) Close() { s.daemon.Close() }

// withoutEtcd drops the caller's own settings for etcd.
func withoutEtcd(env []string) []string {
	var kept []string
	for _, setting := range env {
		if !strings.HasPrefix(setting, "ETCD_") {
			kept = append(kept, setting)
		}
	}
	return kept
}
