package contract

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"net/http"
	"sync"
	"time"
)

// Internet is a network on which every address, of whatever host and port, is
// served by one handler, so that a definition is tried with the addresses that
// it names. No packet leaves the process.
type Internet struct {
	// CACert is what vouches for every host, in PEM.
	CACert string

	plain, secure *http.Server
	http, https   *dialled
}

// NewInternet serves every address by handler until Close.
func NewInternet(handler http.Handler) (*Internet, error) {
	authority, err := newAuthority()
	if err != nil {
		return nil, err
	}
	n := &Internet{
		CACert: authority.pem(),
		http:   newDialled(),
		https:  newDialled(),
		plain:  &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second},
		secure: &http.Server{
			Handler:           handler,
			TLSConfig:         &tls.Config{GetCertificate: authority.certificate, MinVersion: tls.VersionTLS12},
			ReadHeaderTimeout: 10 * time.Second,
		},
	}
	// Both end with Close.
	go func() { _ = n.plain.Serve(n.http) }()
	go func() { _ = n.secure.ServeTLS(n.https, "", "") }()
	return n, nil
}

// Close ends what is served.
func (n *Internet) Close() {
	_ = n.plain.Close()
	_ = n.secure.Close()
}

// Dial connects to the one handler, whatever the address; it fits
// providers.Settings. The error is that the Internet is closed, or ctx is done.
func (n *Internet) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	here, there := net.Pipe()
	go n.accept(there)
	return here, ctx.Err()
}

// recordTypeHandshake is how a connection begins that speaks TLS (RFC 8446,
// section 5.1); no HTTP request begins so.
const recordTypeHandshake = 0x16

// accept hands a connection to the server that understands it.
func (n *Internet) accept(conn net.Conn) {
	reader := bufio.NewReader(conn)
	first, err := reader.Peek(1)
	if err != nil {
		_ = conn.Close()
		return
	}
	to := n.http
	if first[0] == recordTypeHandshake {
		to = n.https
	}
	if err := to.deliver(&peeked{conn, reader}); err != nil {
		_ = conn.Close()
	}
}

// peeked is a connection of which something has been read already.
type peeked struct {
	net.Conn
	reader *bufio.Reader
}

func (p *peeked) Read(b []byte) (int, error) { return p.reader.Read(b) }

// dialled is a listener of connections that are delivered to it.
type dialled struct {
	arrived chan net.Conn
	once    sync.Once
	closed  chan struct{}
}

func newDialled() *dialled {
	return &dialled{arrived: make(chan net.Conn), closed: make(chan struct{})}
}

func (d *dialled) deliver(conn net.Conn) error {
	select {
	case d.arrived <- conn:
		return nil
	case <-d.closed:
		return net.ErrClosed
	}
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
	if hello.ServerName == "" {
		return nil, errors.New("an address of numbers has no certificate: give the base_url a name")
	}
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
