package expressgateway

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"vault-plugin-secrets-apikeys/internal/testbed/daemon"
)

// Scopes that the gateway's endpoints ask for: /v1/models wants ReadScope,
// /v1/batches WriteScope, and the admin API AdminScope.
const (
	ReadScope  = "models:read"
	WriteScope = "models:write"
	AdminScope = "gateway:admin"
)

// Options say how the gateway is to be run. Both are required, and absolute.
type Options struct {
	Gateway string // the folder that holds node_modules
	Dir     string // an empty folder for configuration and log
}

// Server is one gateway process, with its data in memory.
type Server struct {
	URL      string // http://127.0.0.1:port, of the gateway
	Admin    string // http://127.0.0.1:port, of the unguarded admin API
	AdminKey string // keyId:keySecret, with AdminScope
	AdminBot string // the user that AdminKey belongs to

	daemon   *daemon.Daemon
	upstream *httptest.Server
}

// Start starts the gateway with its scopes and one administrator, and waits
// until it serves. When it fails, nothing is left running.
func Start(ctx context.Context, options Options) (*Server, error) {
	s := &Server{AdminBot: "administrator", upstream: httptest.NewServer(http.HandlerFunc(answer))}
	if err := s.start(ctx, options); err != nil {
		s.Close()
		return nil, fmt.Errorf("starting the gateway: %w", err)
	}
	return s, nil
}

// answer is what the gateway guards.
func answer(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	io.WriteString(w, `{"data":[{"id":"m1"}]}`)
}

func (s *Server) start(ctx context.Context, options Options) error {
	addresses, err := daemon.FreeAddresses(2)
	if err != nil {
		return err
	}
	s.URL, s.Admin = "http://"+addresses[0], "http://"+addresses[1]
	if err := s.configure(options); err != nil {
		return err
	}
	cmd := exec.Command("node", "server.js")
	cmd.Dir = options.Dir
	cmd.Env = append(os.Environ(), "NODE_PATH="+filepath.Join(options.Gateway, "node_modules"), "LOG_LEVEL=warn")
	s.daemon, err = daemon.Start(ctx, cmd, filepath.Join(options.Dir, "gateway.log"), daemon.Answers(s.Admin+"/scopes"))
	if err != nil {
		return err
	}
	return s.makeAdministrator(ctx)
}

// Close kills the gateway.
func (s *Server) Close() {
	s.daemon.Close()
	s.upstream.Close()
}

// configure writes the program that loads the gateway, and its configuration,
// of which the models are the package's own.
func (s *Server) configure(options Options) error {
	models := filepath.Join(options.Gateway, "node_modules", "express-gateway", "lib", "config", "models")
	config := filepath.Join(options.Dir, "config")
	if err := os.CopyFS(filepath.Join(config, "models"), os.DirFS(models)); err != nil {
		return err
	}
	for path, text := range map[string]string{
		filepath.Join(options.Dir, "server.js"):     program,
		filepath.Join(config, "gateway.config.yml"): s.gatewayConfig(),
		filepath.Join(config, "system.config.yml"):  systemConfig,
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) gatewayConfig() string {
	return strings.NewReplacer(
		"GATEWAY_PORT", port(s.URL), "ADMIN_PORT", port(s.Admin), "ADMIN_URL", s.Admin, "UPSTREAM_URL", s.upstream.URL,
		"READ", ReadScope, "WRITE", WriteScope, "ADMINISTER", AdminScope,
	).Replace(`
http: {port: GATEWAY_PORT, hostname: 127.0.0.1}
admin: {port: ADMIN_PORT, host: 127.0.0.1}
apiEndpoints:
  models: {host: '*', paths: '/v1/models*', scopes: ['READ']}
  batches: {host: '*', paths: '/v1/batches*', scopes: ['WRITE']}
  admin: {host: '*', paths: ['/users*', '/credentials*', '/scopes*'], scopes: ['ADMINISTER']}
serviceEndpoints:
  upstream: {url: 'UPSTREAM_URL'}
  admin: {url: 'ADMIN_URL'}
policies: [key-auth, proxy]
pipelines:
  default:
    apiEndpoints: [models, batches]
    policies:
      - key-auth: [{action: {apiKeyHeader: Authorization, apiKeyHeaderScheme: apiKey}}]
      - proxy: [{action: {serviceEndpoint: upstream, changeOrigin: true}}]
  admin:
    apiEndpoints: [admin]
    policies:
      - key-auth: [{action: {apiKeyHeader: Authorization, apiKeyHeaderScheme: apiKey}}]
      - proxy: [{action: {serviceEndpoint: admin, changeOrigin: true}}]
`)
}

// program loads the gateway. It answers 502 when it takes a connection to the
// admin API that this has just closed as idle, so none is.
const program = `
require('express-gateway')().load(require('path').join(__dirname, 'config')).run()
  .then(([, admin]) => { admin.keepAliveTimeout = 3600000 });
`

const systemConfig = `
db: {redis: {emulate: true, namespace: EG}}
crypto: {cipherKey: not-a-secret-just-a-test, algorithm: aes256, saltRounds: 4}
session: {secret: not-a-secret-just-a-test, resave: false, saveUninitialized: false}
accessTokens: {timeToExpiry: 7200000}
refreshTokens: {timeToExpiry: 7200000}
authorizationCodes: {timeToExpiry: 300000}
`

func port(url string) string { return daemon.Port(strings.TrimPrefix(url, "http://")) }

// makeAdministrator makes the scopes, and the key that the guarded admin API
// wants, by way of the unguarded one.
func (s *Server) makeAdministrator(ctx context.Context) error {
	if err := s.post(ctx, "/scopes", map[string]any{"scopes": []string{ReadScope, WriteScope, AdminScope}}, nil); err != nil {
		return err
	}
	if err := s.post(ctx, "/users", map[string]any{"username": s.AdminBot, "firstname": "v", "lastname": "p"}, nil); err != nil {
		return err
	}
	var made struct{ KeyID, KeySecret string }
	err := s.post(ctx, "/credentials", map[string]any{
		"consumerId": s.AdminBot, "type": "key-auth", "credential": map[string]any{"scopes": []string{AdminScope}},
	}, &made)
	s.AdminKey = made.KeyID + ":" + made.KeySecret
	return err
}

func (s *Server) post(ctx context.Context, path string, body, into any) error {
	return daemon.Call(ctx, http.MethodPost, s.Admin+path, body, into, http.StatusOK, http.StatusCreated)
}
