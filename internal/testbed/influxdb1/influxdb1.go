package influxdb1

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"vault-plugin-secrets-apikeys/internal/testbed/daemon"
)

// Options say how InfluxDB is to be run. Both are required, and absolute.
type Options struct {
	Root string // the folder into which Debian's package is unpacked
	Dir  string // an empty folder for data and log
}

// Server is one InfluxDB process.
type Server struct {
	URL      string // http://127.0.0.1:port
	Username string // of the administrator
	Password string

	daemon *daemon.Daemon
}

// Database is there from the start.
const Database = "metrics"

// Start starts InfluxDB with one administrator and a database, and waits until it
// serves. When it fails, nothing is left running.
func Start(ctx context.Context, options Options) (*Server, error) {
	addresses, err := daemon.FreeAddresses(2)
	if err != nil {
		return nil, err
	}
	s := &Server{URL: "http://" + addresses[0], Username: "admin", Password: rand.Text()}
	settings := fmt.Sprintf(`bind-address = %q
reporting-disabled = true
[meta]
  dir = %q
[data]
  dir = %q
  wal-dir = %q
[http]
  bind-address = %q
  auth-enabled = true
  log-enabled = false
[monitor]
  store-enabled = false
`, addresses[1], filepath.Join(options.Dir, "meta"), filepath.Join(options.Dir, "data"), filepath.Join(options.Dir, "wal"), addresses[0])
	config := filepath.Join(options.Dir, "influxdb.conf")
	if err := os.WriteFile(config, []byte(settings), 0o600); err != nil {
		return nil, err
	}
	cmd := exec.Command(filepath.Join(options.Root, "usr", "bin", "influxd"), "-config", config)
	cmd.Env = append(daemon.Environ("INFLUXDB_", "HOME="), "HOME="+options.Dir)
	s.daemon, err = daemon.Start(ctx, cmd, filepath.Join(options.Dir, "influxdb.log"), daemon.Listens(addresses[0]))
	if err != nil {
		return nil, err
	}
	for _, statement := range []string{
		fmt.Sprintf("CREATE USER %s WITH PASSWORD '%s' WITH ALL PRIVILEGES", s.Username, s.Password),
		"CREATE DATABASE " + Database,
	} {
		if err := s.Query(ctx, statement); err != nil {
			s.Close()
			return nil, err
		}
	}
	return s, nil
}

// Query carries out a statement as the administrator. It answers errors under 200.
func (s *Server) Query(ctx context.Context, statement string) error {
	form := url.Values{"q": {statement}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+"/query", strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(s.Username, s.Password)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	said, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK || strings.Contains(string(said), `"error"`) {
		return errors.New("InfluxDB answers " + resp.Status + ": " + string(said))
	}
	return nil
}

// Close kills InfluxDB.
func (s *Server) Close() { s.daemon.Close() }
