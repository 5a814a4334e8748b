// Package giteaserver runs a real Gitea on loopback, with its data in SQLite.
package giteaserver

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"time"

	"vault-plugin-secrets-apikeys/internal/child"
)

// patience bounds every wait for Gitea; an idle machine needs three seconds.
const patience = 90 * time.Second

// Options say how Gitea is to be run. Both are required, and absolute.
type Options struct {
	Gitea string // path of the binary, with the folders it reads at run time beside it
	Dir   string // an empty folder for configuration, data and log
}

// Server is one Gitea process.
type Server struct {
	URL      string // http://127.0.0.1:port
	Username string // of the site administrator
	Password string

	options Options
	process *child.Process
}

// Start starts Gitea with a site administrator as its only user, and waits
// until it serves. When it fails, nothing is left running.
func Start(ctx context.Context, options Options) (*Server, error) {
	addr, err := freeAddress()
	if err != nil {
		return nil, err
	}
	s := &Server{URL: "http://" + addr, Username: "site-admin", Password: rand.Text(), options: options}
	if err := s.configure(addr); err != nil {
		return nil, err
	}
	if err := s.command(ctx, "migrate"); err != nil {
		return nil, err
	}
	err = s.command(ctx, "admin", "user", "create", "--admin", "--must-change-password=false",
		"--username", s.Username, "--password", s.Password, "--email", "admin@example.test")
	if err != nil {
		return nil, err
	}
	if err := s.serve(ctx); err != nil {
		s.Close()
		return nil, fmt.Errorf("gitea web: %w", err)
	}
	return s, nil
}

// Close kills Gitea. The folder stays, for its owner to read or remove.
func (s *Server) Close() {
	if s.process != nil {
		s.process.Kill()
	}
}

// Log returns all that Gitea wrote.
func (s *Server) Log() string {
	text, _ := os.ReadFile(s.logFile())
	return string(text)
}

func (s *Server) logFile() string { return filepath.Join(s.options.Dir, "gitea.log") }
func (s *Server) config() string  { return filepath.Join(s.options.Dir, "app.ini") }

// configure writes the server's configuration. The log goes to the console,
// whose output is kept in a file.
func (s *Server) configure(addr string) error {
	me, err := user.Current()
	if err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return err
	}
	return os.WriteFile(s.config(), fmt.Appendf(nil, `
I_AM_BEING_UNSAFE_RUNNING_AS_ROOT = true
RUN_MODE = prod
RUN_USER = %s
[server]
PROTOCOL = http
HTTP_ADDR = %s
HTTP_PORT = %s
ROOT_URL = %s/
STATIC_ROOT_PATH = %s
DISABLE_SSH = true
OFFLINE_MODE = true
[database]
DB_TYPE = sqlite3
PATH = %s
[security]
INSTALL_LOCK = true
SECRET_KEY = %s
PASSWORD_HASH_ALGO = pbkdf2
[service]
DISABLE_REGISTRATION = true
[log]
MODE = console
LEVEL = Warn
[session]
PROVIDER = memory
[indexer]
ISSUE_INDEXER_TYPE = db
[cron]
ENABLED = false
[actions]
ENABLED = false
`, me.Username, host, port, s.URL, filepath.Dir(s.options.Gitea), filepath.Join(s.options.Dir, "gitea.db"), rand.Text()), 0o600)
}

// gitea is the binary with the arguments, kept to the server's folder.
func (s *Server) gitea(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, s.options.Gitea, append(args, "--config", s.config(), "--work-path", s.options.Dir)...)
	cmd.Dir = s.options.Dir
	cmd.Env = append(withoutGitea(os.Environ()), "HOME="+s.options.Dir)
	return cmd
}

// command runs a command of Gitea's that ends by itself.
func (s *Server) command(ctx context.Context, args ...string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if out, err := s.gitea(ctx, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("gitea %s: %w\n%s", args[0], err, out)
	}
	return nil
}

func (s *Server) serve(ctx context.Context) error {
	log, err := os.OpenFile(s.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := s.gitea(context.Background(), "web") // it outlives its start
	cmd.Stdout, cmd.Stderr = log, log
	if s.process, err = child.Start(cmd); err != nil {
		return err
	}
	return s.awaitHealth(ctx)
}

func (s *Server) awaitHealth(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		err := s.health(ctx)
		if err == nil {
			return nil
		}
		if !s.process.Running() {
			return fmt.Errorf("it ended at once; its log:\n%s", s.Log())
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("it does not serve: %w; its log:\n%s", err, s.Log())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (s *Server) health(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/api/healthz", nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return errors.New("it answers " + resp.Status)
	}
	return nil
}

// withoutGitea drops the caller's own settings for Gitea and git.
func withoutGitea(env []string) []string {
	var kept []string
	for _, setting := range env {
		if !strings.HasPrefix(setting, "GITEA_") && !strings.HasPrefix(setting, "GIT_") && !strings.HasPrefix(setting, "HOME=") {
			kept = append(kept, setting)
		}
	}
	return kept
}

// freeAddress is a loopback address nobody listens on.
func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}
