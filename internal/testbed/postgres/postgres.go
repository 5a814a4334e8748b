package postgres

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"vault-plugin-secrets-apikeys/internal/testbed/daemon"
)

// account is the one that PostgreSQL runs as where we are root, which it
// refuses; its packages make it.
const account = "postgres"

// Options say how PostgreSQL is to be run. Both are required; Databases are
// made.
type Options struct {
	Programs  string // the folder of initdb and postgres
	Databases []string
}

// Server is one PostgreSQL. Anybody on the machine may connect to it, as the
// user postgres.
type Server struct {
	address string
	dir     string
	daemon  *daemon.Daemon
	options Options
}

// Start makes a database cluster in a new folder and serves it. When it fails,
// nothing is left.
func Start(ctx context.Context, options Options) (*Server, error) {
	s := &Server{options: options}
	if err := s.start(ctx); err != nil {
		s.Close()
		return nil, fmt.Errorf("PostgreSQL: %w", err)
	}
	return s, nil
}

func (s *Server) start(ctx context.Context) error {
	addresses, err := daemon.FreeAddresses(1)
	if err != nil {
		return err
	}
	s.address = addresses[0]
	// A folder of our own, since a test's own is closed to the other account.
	if s.dir, err = os.MkdirTemp("", "postgres"); err != nil {
		return err
	}
	if err := s.handOver(); err != nil {
		return err
	}
	if err := s.run(ctx, "", "initdb", "-U", account, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"); err != nil {
		return err
	}
	for _, name := range s.options.Databases {
		if err := s.run(ctx, fmt.Sprintf("create database %q\n", name), "postgres", "--single", "postgres"); err != nil {
			return err
		}
	}
	return s.serve(ctx)
}

func (s *Server) serve(ctx context.Context) error {
	serve, err := s.command(context.Background(), "postgres", // it outlives its start
		"-c", "listen_addresses=127.0.0.1", "-p", daemon.Port(s.address), "-c", "unix_socket_directories=", "-c", "fsync=off")
	if err != nil {
		return err
	}
	s.daemon, err = daemon.Start(ctx, serve, filepath.Join(s.dir, "log"), daemon.Listens(s.address))
	return err
}

// Close ends PostgreSQL and removes its data.
func (s *Server) Close() {
	s.daemon.Close()
	if s.dir != "" {
		os.RemoveAll(s.dir)
	}
}

// URL is how clients write one of the databases.
func (s *Server) URL(database string) string {
	return fmt.Sprintf("postgres://%s@%s/%s", account, s.address, database)
}

// Address is host:port.
func (s *Server) Address() string { return s.address }

// run runs a program that ends by itself.
func (s *Server) run(ctx context.Context, input, program string, args ...string) error {
	cmd, err := s.command(ctx, program, args...)
	if err != nil {
		return err
	}
	cmd.Stdin = strings.NewReader(input)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", program, err, out)
	}
	return nil
}

// command is a program of PostgreSQL's, as an account that is not root.
func (s *Server) command(ctx context.Context, program string, args ...string) (*exec.Cmd, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(s.options.Programs, program), args...)
	cmd.Dir = s.dir
	cmd.Env = append(daemon.Environ("PG"), "PGDATA="+filepath.Join(s.dir, "data"))
	credential, err := unprivileged()
	if credential != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: credential}
	}
	return cmd, err
}

// handOver gives the folder to the account that PostgreSQL will run as.
func (s *Server) handOver() error {
	credential, err := unprivileged()
	if err != nil || credential == nil {
		return err
	}
	return os.Chown(s.dir, int(credential.Uid), int(credential.Gid))
}

// unprivileged is the account to run as, or nil where ours will do.
func unprivileged() (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	found, err := user.Lookup(account)
	if err != nil {
		return nil, fmt.Errorf("it refuses to run as root: %w", err)
	}
	uid, uidErr := strconv.ParseUint(found.Uid, 10, 32)
	gid, gidErr := strconv.ParseUint(found.Gid, 10, 32)
	if uidErr != nil || gidErr != nil {
		return nil, fmt.Errorf("the account %s has no numbers", account)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}
