package contract

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"
)

// Internet is a proxy behind which every https address is served by one
// handler, so that a definition can be tried with the addresses that it names.
type Internet struct {
	// ProxyURL and CACert are what a connection needs to get there.
	ProxyURL, CACert string

	proxy  *httptest.Server
	server *http.Server
	conns  *dialled
}

// NewInternet serves every address by handler until Close.
func NewInternet(handler http.Handler) (*Internet, error) {
	authority, err := newAuthority()
	if err != nil {
		return nil, err
	}
	n := &Internet{CACert: authority.pem(), conns: &dialled{arrived: make(chan net.Conn), closed: make(chan struct{})}}
	n.server = &http.Server{
		Handler:           handler,
		TLSConfig:         &tls.Config{GetCertificate: authority.certificate, MinVersion: tls.VersionTLS12},
		ReadHeaderTimeout: 10 * time.Second,
	}
	n.proxy = httptest.NewServer(http.HandlerFunc(n.connect))
	n.ProxyURL = n.proxy.URL
	go func() { _ = n.server.ServeTLS(n.conns, "", "") }() // ends with Close
	return n, nil
}

// Close ends the proxy and what it serves.
func (n *Internet) Close() {
	_ = n.server.Close()
	n.proxy.Close()
}

// connect hands the tunnel to the server instead of to the host it is meant for.
func (n *Internet) connect(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodConnect {
		http.Error(w, "https only", http.StatusBadRequest)
		return
	}
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	if _, err := io.WriteString(conn, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		return
	}
	select {
	case n.conns.arrived <- conn:
	case <-n.conns.closed:
		_ = conn.Close()
	}
}

// dialled is a listener of tunnels.
type dialled struct {
	arrived chan net.Conn
	once    sync.Once
	closed  chan struct{}
}

func (d *dialled) Accept() (net.Conn, error) {
	select {
	case conn := <-d.arrived:
		return conn, nil
	case <-d.closed:
		return nil, net.ErrClosed
	}
}

func (d *dialled) Close() error {
	d.once.Do(func() { close(d.closed) })
	return nil
}

func (d *dialled) Addr() net.Addr { return &net.TCPAddr{} }

// authority makes a certificate for whatever host is asked for.
type authority struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

func newAuthority() (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	cert := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "contract"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	if cert, err = x509.ParseCertificate(der); err != nil {
		return nil, err
	}
	return &authority{key, cert}, nil
}

func (a *authority) pem() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw}))
}

func (a *authority) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), DNSNames: []string{hello.ServerName},
		NotBefore: a.cert.NotBefore, NotAfter: a.cert.NotAfter,
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, a.cert, &a.key.PublicKey, a.key)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: a.key}, nil
}
