package transport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"time"
)

const (
	// dialTimeout bounds name look-up and connecting together. It allows for two
	// lost packets.
	dialTimeout      = 5 * time.Second
	handshakeTimeout = 10 * time.Second
	// idleTimeout is below what servers and load balancers commonly grant, so
	// that it is mostly us who close.
	idleTimeout = 30 * time.Second
	// maxIdle is how many connections are kept for the next burst of requests: more than
	// Vault has under way at a time as a rule, each of which would else dial anew.
	maxIdle = 100
	// maxHeader bounds an answer's header.
	maxHeader = 256 << 10
)

// newPool builds the connection pool of one transport.
func newPool(s Config) (*http.Transport, error) {
	secure, err := tlsConfig(s)
	if err != nil {
		return nil, err
	}
	proxy, err := proxyFunc(s.ProxyURL)
	if err != nil {
		return nil, err
	}
	dial := s.Dial
	switch {
	case dial == nil:
		dial = (&net.Dialer{Timeout: dialTimeout, KeepAlive: idleTimeout}).DialContext
	case s.ProxyURL == "":
		proxy = nil
	}
	return &http.Transport{
		Proxy:                  proxy,
		OnProxyConnectResponse: checkProxyAnswer,
		DialContext:            dial,
		TLSClientConfig:        secure,
		TLSHandshakeTimeout:    handshakeTimeout,
		ForceAttemptHTTP2:      true,
		// A connection that silently died is found by ping, not by each
		// request's timeout in turn.
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 10 * time.Second},
		MaxIdleConns:           maxIdle,
		MaxIdleConnsPerHost:    maxIdle,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: maxHeader,
		DisableCompression:     true, // readResponse unpacks, within bounds
	}, nil
}

// tlsConfig trusts the connection's own CA alone where it names one.
func tlsConfig(s Config) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: s.TLSServerName}
	if s.CACert != "" {
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM([]byte(s.CACert)) {
			return nil, errors.New("ca_cert holds no certificate; give one or more CERTIFICATE blocks in PEM")
		}
	}
	if (s.ClientCert == "") != (s.ClientKey == "") {
		return nil, errors.New("client_cert and client_key go together; give both or neither")
	}
	if s.ClientCert != "" {
		pair, err := tls.X509KeyPair([]byte(s.ClientCert), []byte(s.ClientKey))
		if err != nil {
			return nil, fmt.Errorf("client_cert and client_key must be a certificate and its key in PEM: %w", err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

var proxySchemes = []string{"http", "https", "socks5", "socks5h"}

// proxyFunc takes the proxy from the environment, as Vault itself does, unless
// the connection names one.
func proxyFunc(address string) (func(*http.Request) (*url.URL, error), error) {
	if address == "" {
		return http.ProxyFromEnvironment, nil
	}
	proxy, err := url.Parse(address)
	if err != nil || proxy.Host == "" || !slices.Contains(proxySchemes, proxy.Scheme) {
		// Not quoted: it may hold a password.
		return nil, errors.New("proxy_url must be an address such as http://proxy.example.com:3128 (http, https, socks5 or socks5h)")
	}
	return http.ProxyURL(proxy), nil
}

// checkProxyAnswer gives a proxy's refusal a type of its own; net/http's error
// is nothing but the proxy's text.
func checkProxyAnswer(_ context.Context, _ *url.URL, _ *http.Request, res *http.Response) error {
	if res.StatusCode != http.StatusOK {
		return &proxyRefusal{status: res.StatusCode}
	}
	return nil
}
