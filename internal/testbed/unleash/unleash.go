package unleash

import (
	"context"
	"crypto/rand"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"

	"vault-plugin-secrets-apikeys/internal/testbed/daemon"
)

// Options say how Unleash is to be run. All but SecureTokens are required.
type Options struct {
	Unleash  string // the folder that holds node_modules
	Dir      string // an empty folder for the log
	Database string // address of an empty PostgreSQL database

	// SecureTokens makes Unleash keep no more than a hash of each token, as its
	// flag secureTokenStorage does.
	SecureTokens bool
}

// Server is one Unleash process.
type Server struct {
	URL        string // http://127.0.0.1:port
	AdminToken string
	Username   string // of the administrator
	Password   string

	daemon *daemon.Daemon
}

// Start starts Unleash, which makes its tables first, and waits until it
// serves. When it fails, nothing is left running.
func Start(ctx context.Context, options Options) (*Server, error) {
	addresses, err := daemon.FreeAddresses(1)
	if err != nil {
		return nil, err
	}
	s := &Server{
		URL:        "http://" + addresses[0],
		AdminToken: "*:*." + strings.ToLower(rand.Text()),
		Username:   "admin",
		Password:   rand.Text() + "aA1!",
	}
	cmd := exec.Command("node", filepath.Join(options.Unleash, "node_modules", "unleash-server", "dist", "server.js"))
	cmd.Dir = options.Dir
	cmd.Env = append(daemon.Environ("UNLEASH_", "DATABASE_", "INIT_"),
		"DATABASE_URL="+options.Database,
		"DATABASE_SSL=false",
		"HTTP_HOST=127.0.0.1",
		"PORT="+daemon.Port(addresses[0]),
		"LOG_LEVEL=warn",
		"CHECK_VERSION=false",
		"SEND_TELEMETRY=false",
		"INIT_ADMIN_API_TOKENS="+s.AdminToken,
		"UNLEASH_DEFAULT_ADMIN_USERNAME="+s.Username,
		"UNLEASH_DEFAULT_ADMIN_PASSWORD="+s.Password,
		fmt.Sprintf("UNLEASH_EXPERIMENTAL_SECURE_TOKEN=%t", options.SecureTokens),
	)
	s.daemon, err = daemon.Start(ctx, cmd, filepath.Join(options.Dir, "unleash.log"), daemon.Answers(s.URL+"/health"))
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Close kills Unleash.
func (s *Server) Close() { s.daemon.Close() }
