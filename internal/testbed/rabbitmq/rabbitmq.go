package rabbitmq

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"vault-plugin-secrets-apikeys/internal/testbed/daemon"
)

// Options say how RabbitMQ is to be run. Both are required, and absolute.
type Options struct {
	Root string // the folder into which Debian's packages are unpacked
	Dir  string // an empty folder for data and logs
}

// Server is one RabbitMQ node.
type Server struct {
	URL      string // http://127.0.0.1:port, of the management API
	Username string // of the administrator
	Password string

	names, node *daemon.Daemon
}

// Start starts RabbitMQ with one administrator, and waits until it serves. When it
// fails, nothing is left running.
func Start(ctx context.Context, options Options) (*Server, error) {
	addresses, err := daemon.FreeAddresses(4)
	if err != nil {
		return nil, err
	}
	names, distribution, amqp, management := addresses[0], addresses[1], addresses[2], addresses[3]
	s := &Server{URL: "http://" + management, Username: "admin", Password: rand.Text()}
	erlang, err := writeErlang(options)
	if err != nil {
		return nil, err
	}
	if err := s.configure(options.Dir, amqp, management); err != nil {
		return nil, err
	}
	env := append(daemon.Environ("RABBITMQ_", "ERL_", "HOME=", "PATH="),
		"HOME="+options.Dir, // for Erlang's cookie
		"PATH="+filepath.Join(options.Dir, "bin")+":"+erlang+":"+os.Getenv("PATH"),
		"ERL_EPMD_ADDRESS=127.0.0.1",
		"ERL_EPMD_PORT="+daemon.Port(names),
		"RABBITMQ_NODENAME=rabbit@localhost",
		"RABBITMQ_DIST_PORT="+daemon.Port(distribution),
		"RABBITMQ_CONFIG_FILE="+filepath.Join(options.Dir, "rabbitmq.conf"),
		"RABBITMQ_CONF_ENV_FILE=/dev/null",
		"RABBITMQ_ENABLED_PLUGINS_FILE="+filepath.Join(options.Dir, "enabled_plugins"),
		"RABBITMQ_MNESIA_BASE="+filepath.Join(options.Dir, "mnesia"),
		"RABBITMQ_LOG_BASE="+filepath.Join(options.Dir, "log"),
		"RABBITMQ_PID_FILE="+filepath.Join(options.Dir, "pid"),
		"RABBITMQ_LOGS=-",
	)
	// Erlang's nodes find each other through a daemon that would outlive them.
	cmd := exec.Command(filepath.Join(erlang, "epmd"))
	cmd.Env = env
	if s.names, err = daemon.Start(ctx, cmd, filepath.Join(options.Dir, "epmd.log"), daemon.Listens(names)); err != nil {
		return nil, err
	}
	server, err := filepath.Glob(filepath.Join(options.Root, "usr", "lib", "rabbitmq", "lib", "rabbitmq_server-*", "sbin", "rabbitmq-server"))
	if err != nil || len(server) != 1 {
		s.Close()
		return nil, fmt.Errorf("there is no RabbitMQ below %s", options.Root)
	}
	cmd = exec.Command(server[0])
	cmd.Dir, cmd.Env = options.Dir, env
	s.node, err = daemon.Start(ctx, cmd, filepath.Join(options.Dir, "rabbitmq.log"), daemon.Answers(s.URL+"/api/index.html"))
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// writeErlang writes the script that starts Erlang, since the package's own wants it
// at the root of the file system. It returns the folder of Erlang's programs.
func writeErlang(options Options) (programs string, err error) {
	root := filepath.Join(options.Root, "usr", "lib", "erlang")
	found, err := filepath.Glob(filepath.Join(root, "erts-*", "bin"))
	if err != nil || len(found) != 1 {
		return "", fmt.Errorf("there is no Erlang below %s", options.Root)
	}
	script := fmt.Sprintf("#!/bin/sh\nROOTDIR='%s' BINDIR='%s' EMU=beam PROGNAME=erl exec '%s' \"$@\"\n", root, found[0], filepath.Join(found[0], "erlexec"))
	bin := filepath.Join(options.Dir, "bin")
	if err := os.Mkdir(bin, 0o755); err != nil {
		return "", err
	}
	return found[0], os.WriteFile(filepath.Join(bin, "erl"), []byte(script), 0o755)
}

func (s *Server) configure(dir, amqp, management string) error {
	for name, text := range map[string]string{
		"enabled_plugins": "[rabbitmq_management].\n",
		"rabbitmq.conf": fmt.Sprintf("listeners.tcp.1 = %s\nmanagement.tcp.ip = 127.0.0.1\nmanagement.tcp.port = %s\ndefault_user = %s\ndefault_pass = %s\n",
			amqp, daemon.Port(management), s.Username, s.Password),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// Close kills RabbitMQ.
func (s *Server) Close() {
	s.node.Close()
	s.names.Close()
}
