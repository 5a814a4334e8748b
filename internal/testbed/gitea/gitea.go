package gitea

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"time"

	"vault-plugin-secrets-apikeys/internal/testbed/daemon"
)

// patience bounds the commands that come before Gitea serves; an idle machine
// needs a second or two.
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
	daemon  *daemon.Daemon
}

// Start starts Gitea with a site administrator as its only user, and waits
// until it serves. When it fails, nothing is left running.
func Start(ctx context.Context, options Options) (*Server, error) {
	addresses, err := daemon.FreeAddresses(1)
	if err != nil {
		return nil, err
	}
	addr := addresses[0]
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
		return nil, err
	}
	return s, nil
}

// Close kills Gitea. The folder stays, for its owner to read or remove.
func (s *Server) Close() { s.daemon.Close() }

func (s *Server) config() string { return filepath.Join(s.options.Dir, "app.ini") }

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
	cmd.Env = append(daemon.Environ("GITEA_", "GIT_", "HOME="), "HOME="+s.options.Dir)
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

func (s *Server) serve(ctx context.Context) (err error) {
	web := s.gitea(context.Background(), "web") // it outlives its start
	s.daemon, err = daemon.Start(ctx, web, filepath.Join(s.options.Dir, "gitea.log"), daemon.Answers(s.URL+"/api/healthz"))
	return err
}
