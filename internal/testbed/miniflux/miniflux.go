package miniflux

import (
	"context"
	"crypto/rand"
	"os/exec"
	"path/filepath"

	"vault-plugin-secrets-apikeys/internal/testbed/daemon"
)

// Options say how Miniflux is to be run. All are required.
type Options struct {
	Miniflux string // path of the binary
	Dir      string // an empty folder for the log
	Database string // address of an empty PostgreSQL database
}

// Server is one Miniflux process.
type Server struct {
	URL      string // http://127.0.0.1:port
	Username string // of the administrator
	Password string

	daemon *daemon.Daemon
}

// Start starts Miniflux, which makes its tables first, and waits until it serves.
// When it fails, nothing is left running.
func Start(ctx context.Context, options Options) (*Server, error) {
	addresses, err := daemon.FreeAddresses(1)
	if err != nil {
		return nil, err
	}
	s := &Server{URL: "http://" + addresses[0], Username: "admin", Password: rand.Text()}
	cmd := exec.Command(options.Miniflux)
	cmd.Env = append(daemon.Environ("DATABASE_", "ADMIN_", "LISTEN_", "BASE_", "RUN_", "CREATE_", "PORT="),
		"DATABASE_URL="+options.Database+"?sslmode=disable",
		"LISTEN_ADDR="+addresses[0],
		"BASE_URL="+s.URL,
		"RUN_MIGRATIONS=1",
		"CREATE_ADMIN=1",
		"ADMIN_USERNAME="+s.Username,
		"ADMIN_PASSWORD="+s.Password,
		"DISABLE_SCHEDULER_SERVICE=1",
	)
	s.daemon, err = daemon.Start(ctx, cmd, filepath.Join(options.Dir, "miniflux.log"), daemon.Answers(s.URL+"/healthcheck"))
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Close kills Miniflux.
func (s *Server) Close() { s.daemon.Close() }
