package transport

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// authority signs certificates for these tests.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key := newKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test CA"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	return &authority{parseSigned(t, template, template, key, key), key}
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func parseSigned(t *testing.T, template, parent *x509.Certificate, key, by *ecdsa.PrivateKey) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, by)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return certificate
}

// issue returns a certificate and its key in PEM, for use by either side.
func (a *authority) issue(t *testing.T, host string, until time.Time) (certificate, keyText string) {
	t.Helper()
	key := newKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host},
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: until,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if ip := net.ParseIP(host); ip != nil {
		template.IPAddresses = []net.IP{ip}
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return certificatePEM(parseSigned(t, template, a.certificate, key, a.key)),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func certificatePEM(c *x509.Certificate) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
}

// tlsServer counts the requests that got through TLS.
func tlsServer(t *testing.T, config *tls.Config, certificate, key string) (string, *atomic.Int32) {
	t.Helper()
	pair, err := tls.X509KeyPair([]byte(certificate), []byte(key))
	if err != nil {
		t.Fatal(err)
	}
	var seen atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { seen.Add(1) }))
	config.Certificates = []tls.Certificate{pair}
	server.TLS = config
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.URL, &seen
}

func TestTLS(t *testing.T) {
	ca, other := newAuthority(t), newAuthority(t)
	good, goodKey := ca.issue(t, "127.0.0.1", time.Now().Add(time.Hour))
	named, namedKey := ca.issue(t, "provider.test", time.Now().Add(time.Hour))
	expired, expiredKey := ca.issue(t, "127.0.0.1", time.Now().Add(-time.Hour))
	client, clientKey := ca.issue(t, "client", time.Now().Add(time.Hour))
	stranger, strangerKey := other.issue(t, "client", time.Now().Add(time.Hour))
	caText, otherText := certificatePEM(ca.certificate), certificatePEM(other.certificate)

	clients := x509.NewCertPool()
	clients.AddCert(ca.certificate)
	wantsClient := func(version uint16) *tls.Config {
		return &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients, MaxVersion: version}
	}
	for _, c := range []struct {
		name              string
		server            *tls.Config
		certificate, key  string
		settings          Config
		want              string // part of the error; none for success
		mayLoseTheMessage bool
	}{
		{"own CA", &tls.Config{}, good, goodKey, Config{CACert: caText}, "", false},
		{"unknown CA", &tls.Config{}, good, goodKey, Config{}, "signed by unknown authority", false},
		{"wrong CA", &tls.Config{}, good, goodKey, Config{CACert: otherText}, "signed by unknown authority", false},
		{"expired", &tls.Config{}, expired, expiredKey, Config{CACert: caText}, "certificate has expired", false},
		{"wrong name", &tls.Config{}, named, namedKey, Config{CACert: caText}, "cannot validate certificate for 127.0.0.1", false},
		{"server name", &tls.Config{}, named, namedKey, Config{CACert: caText, TLSServerName: "provider.test"}, "", false},
		{"TLS 1.1", &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, good, goodKey, Config{CACert: caText}, "TLS: the server refused: protocol version not supported", false},
		{"client certificate", wantsClient(0), good, goodKey, Config{CACert: caText, ClientCert: client, ClientKey: clientKey}, "", false},
		{"no client certificate, TLS 1.2", wantsClient(tls.VersionTLS12), good, goodKey, Config{CACert: caText}, "TLS: the server refused: ", false},
		{"no client certificate, TLS 1.3", wantsClient(0), good, goodKey, Config{CACert: caText}, "TLS: the server refused: certificate required", true},
		{"wrong client certificate, TLS 1.3", wantsClient(0), good, goodKey, Config{CACert: caText, ClientCert: stranger, ClientKey: strangerKey}, "TLS: ", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			address, seen := tlsServer(t, c.server, c.certificate, c.key)
			a, err := mustTransport(t, c.settings).Do(t.Context(), callTo(t, address, Mint))
			if c.want == "" {
				if err != nil || a.Status != 200 {
					t.Fatalf("got %v, %v", a, err)
				}
				return
			}
			// In TLS 1.3 the alert comes after the request went out, and the
			// reset of the connection may overtake it.
			if c.mayLoseTheMessage && err != nil && err.Kind == Unknown && !strings.Contains(err.Message, "TLS") {
				t.Skip("the alert was lost: ", err)
			}
			wantError(t, err, Unreachable, c.want)
			if seen.Load() != 0 {
				t.Error("the request came through")
			}
		})
	}
}

func TestAServerWithoutTLS(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	_, err := mustTransport(t, Config{}).Do(t.Context(), callTo(t, strings.Replace(server.URL, "http:", "https:", 1), Mint))
	wantError(t, err, Unreachable, "TLS: the server does not speak TLS")
}

func TestProxy(t *testing.T) {
	var seen []string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Method+" "+r.Host+" "+r.Header.Get("Proxy-Authorization"))
		if r.Method == http.MethodConnect {
			w.WriteHeader(http.StatusProxyAuthRequired)
		}
	}))
	defer proxy.Close()
	tr := mustTransport(t, Config{ProxyURL: strings.Replace(proxy.URL, "://", "://user:"+hidden+"@", 1)})

	if a, err := tr.Do(t.Context(), callTo(t, "http://provider.test", Read)); err != nil || a.Status != 200 {
		t.Errorf("got %v, %v", a, err)
	}
	_, err := tr.Do(t.Context(), callTo(t, "https://provider.test", Mint))
	wantError(t, err, Unreachable, "the proxy answered status 407 (Proxy Authentication Required)")
	want := "GET provider.test Basic dXNlcjpoMWRkZW4=, CONNECT provider.test:443 Basic dXNlcjpoMWRkZW4="
	if got := strings.Join(seen, ", "); got != want {
		t.Errorf("the proxy saw %q, want %q", got, want)
	}

	proxy.Close()
	_, err = tr.Do(t.Context(), callTo(t, "https://provider.test", Mint))
	wantError(t, err, Unreachable, "proxy: connecting to 127.0.0.1")
}

func TestSettingsAreChecked(t *testing.T) {
	ca := newAuthority(t)
	certificate, key := ca.issue(t, "client", time.Now().Add(time.Hour))
	_, otherKey := ca.issue(t, "client", time.Now().Add(time.Hour))
	for _, c := range []struct {
		name     string
		settings Config
		want     string
	}{
		{"CA", Config{CACert: hidden}, "ca_cert holds no certificate"},
		{"certificate alone", Config{ClientCert: certificate}, "give both or neither"},
		{"key alone", Config{ClientKey: key}, "give both or neither"},
		{"key of another", Config{ClientCert: certificate, ClientKey: otherKey}, "must be a certificate and its key"},
		{"not PEM", Config{ClientCert: hidden, ClientKey: hidden}, "must be a certificate and its key"},
		{"proxy without scheme", Config{ProxyURL: hidden + ":3128"}, "proxy_url must be an address"},
		{"proxy of another scheme", Config{ProxyURL: "ftp://" + hidden}, "proxy_url must be an address"},
		{"proxy with a bad port", Config{ProxyURL: "http://u:" + hidden + "@host:x"}, "proxy_url must be an address"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := New(c.settings)
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), hidden) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}
