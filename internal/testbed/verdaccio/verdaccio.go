package verdaccio

import (
	"context"
	"crypto/rand"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"

	"vault-plugin-secrets-apikeys/internal/testbed/daemon"
)

// Options say how Verdaccio is to be run. Both are required, and absolute.
type Options struct {
	Verdaccio string // the folder that holds node_modules
	Dir       string // an empty folder for data and log
}

// Server is one Verdaccio process.
type Server struct {
	URL      string // http://127.0.0.1:port
	Username string // of the one user
	Password string

	daemon *daemon.Daemon
}

// program starts the server without its command line, which refuses versions of
// Node.js that the server itself runs on.
const program = `
const [config, port] = process.argv.slice(2);
require('verdaccio').runServer(config).then(server => server.listen(port, '127.0.0.1'));
`

const config = `
storage: ./storage
auth: {htpasswd: {file: ./htpasswd, algorithm: bcrypt, rounds: 4}}
uplinks: {}
packages: {'**': {access: $authenticated, publish: $authenticated}}
userRateLimit: {windowMs: 1000, max: 100000}
web: {enable: false}
log: {type: stdout, format: json, level: warn}
`

// Start starts Verdaccio with one user, and waits until it serves. When it fails, nothing is left
// running.
func Start(ctx context.Context, options Options) (*Server, error) {
	addresses, err := daemon.FreeAddresses(1)
	if err != nil {
		return nil, err
	}
	for name, text := range map[string]string{"server.js": program, "config.yaml": config} {
		if err := os.WriteFile(filepath.Join(options.Dir, name), []byte(text), 0o600); err != nil {
			return nil, err
		}
	}
	s := &Server{URL: "http://" + addresses[0], Username: "vault", Password: rand.Text()}
	cmd := exec.Command("node", "server.js", filepath.Join(options.Dir, "config.yaml"), daemon.Port(addresses[0]))
	cmd.Dir = options.Dir
	cmd.Env = append(daemon.Environ("VERDACCIO_"), "NODE_PATH="+filepath.Join(options.Verdaccio, "node_modules"))
	s.daemon, err = daemon.Start(ctx, cmd, filepath.Join(options.Dir, "verdaccio.log"), daemon.Answers(s.URL+"/-/ping"))
	if err != nil {
		return nil, err
	}
	err = daemon.Call(ctx, http.MethodPut, s.URL+"/-/user/org.couchdb.user:"+s.Username,
		map[string]any{"name": s.Username, "password": s.Password}, nil, http.StatusCreated)
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Close kills Verdaccio.
func (s *Server) Close() { s.daemon.Close() }
