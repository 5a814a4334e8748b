package icinga2

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"time"

	"vault-plugin-secrets-apikeys/internal/testbed/daemon"
)

// Options say how Icinga is to be run. Both are required, and absolute.
type Options struct {
	Root string // the folder into which Debian's packages are unpacked
	Dir  string // an empty folder for data and log
}

// Server is one Icinga process.
type Server struct {
	URL      string // http://127.0.0.1:port: TLS ends before Icinga, as behind a load balancer
	Username string // of the administrator
	Password string

	daemon *daemon.Daemon
	front  *httptest.Server
}

const node = "localhost"

// Start starts Icinga with one administrator, and waits until it serves. When it
// fails, nothing is left running.
func Start(ctx context.Context, options Options) (*Server, error) {
	addresses, err := daemon.FreeAddresses(1)
	if err != nil {
		return nil, err
	}
	s := &Server{Username: "admin", Password: rand.Text()}
	config := filepath.Join(options.Dir, "icinga2.conf")
	text := fmt.Sprintf(`const NodeName = %q
const ZoneName = NodeName
object Endpoint NodeName { }
object Zone ZoneName { endpoints = [ NodeName ] }
object ApiListener "api" {
  bind_host = "127.0.0.1"
  bind_port = %q
}
object ApiUser %q {
  password = %q
  permissions = [ "*" ]
}
`, node, daemon.Port(addresses[0]), s.Username, s.Password)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, err
	}
	trusted, err := writeCertificate(filepath.Join(options.Dir, "data", "certs"))
	if err != nil {
		return nil, err
	}
	cmd, err := command(options, config)
	if err != nil {
		return nil, err
	}
	s.daemon, err = daemon.Start(ctx, cmd, filepath.Join(options.Dir, "icinga2.log"), daemon.Listens(addresses[0]))
	if err != nil {
		return nil, err
	}
	s.front = httptest.NewServer(&httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(&url.URL{Scheme: "https", Host: addresses[0]}) },
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted}},
	})
	s.URL = s.front.URL
	return s, nil
}

// command runs the program as whoever runs the test, with folders of its own.
func command(options Options, config string) (*exec.Cmd, error) {
	account, err := user.Current()
	if err != nil {
		return nil, err
	}
	group, err := user.LookupGroupId(account.Gid)
	if err != nil {
		return nil, err
	}
	found, err := filepath.Glob(filepath.Join(options.Root, "usr", "lib", "*", "icinga2", "sbin", "icinga2"))
	if err != nil || len(found) != 1 {
		return nil, fmt.Errorf("there is no Icinga below %s", options.Root)
	}
	args := []string{"daemon", "-c", config, "-D", "RunAsUser=" + account.Username, "-D", "RunAsGroup=" + group.Name}
	for setting, folder := range map[string]string{"DataDir": "data", "LogDir": "log", "CacheDir": "cache", "InitRunDir": "run", "SpoolDir": "spool"} {
		path := filepath.Join(options.Dir, folder)
		if err := os.MkdirAll(path, 0o700); err != nil {
			return nil, err
		}
		args = append(args, "-D", setting+"="+path)
	}
	cmd := exec.Command(found[0], args...)
	cmd.Env = append(daemon.Environ("ICINGA2_", "LD_LIBRARY_PATH="),
		"ICINGA2_USER="+account.Username, "ICINGA2_GROUP="+group.Name,
		"LD_LIBRARY_PATH="+strings.Join(daemon.Libraries(options.Root), ":"))
	return cmd, nil
}

// writeCertificate writes the certificate that Icinga wants to have, its own
// authority, and returns those who trust it.
func writeCertificate(dir string) (*x509.CertPool, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: node},
		DNSNames: []string{node}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(240 * time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	for name, text := range map[string][]byte{
		node + ".crt": certificate,
		"ca.crt":      certificate,
		node + ".key": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			return nil, err
		}
	}
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(certificate)
	return trusted, nil
}

// Close kills Icinga.
func (s *Server) Close() {
	s.front.Close()
	s.daemon.Close()
}
