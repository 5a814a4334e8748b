package toxiproxy

import (
	"context"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"

	"vault-plugin-secrets-apikeys/internal/testbed/daemon"
)

// Options say how Toxiproxy is to be run. Both are required, and absolute.
type Options struct {
	Toxiproxy string // path of the server's binary
	Dir       string // an empty folder for the log
}

// Server is one Toxiproxy process.
type Server struct {
	api    string
	daemon *daemon.Daemon
}

// Start starts Toxiproxy without any proxy, and waits until it serves.
func Start(ctx context.Context, options Options) (*Server, error) {
	addresses, err := daemon.FreeAddresses(1)
	if err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(addresses[0])
	if err != nil {
		return nil, err
	}
	s := &Server{api: "http://" + addresses[0]}
	cmd := exec.Command(options.Toxiproxy, "-host", host, "-port", port)
	s.daemon, err = daemon.Start(ctx, cmd, filepath.Join(options.Dir, "toxiproxy.log"), daemon.Answers(s.api+"/version"))
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Close kills Toxiproxy.
func (s *Server) Close() { s.daemon.Close() }

// Proxy leads to a server, and spoils connections when it is told to.
type Proxy struct {
	URL string // http://127.0.0.1:port

	server *Server
	name   string
}

// Toxic is what Toxiproxy does to a connection; its documentation lists the
// types and their attributes.
type Toxic struct {
	Type       string         `json:"type"`
	Stream     string         `json:"stream"` // "upstream" is the request's way, "downstream" the answer's
	Attributes map[string]any `json:"attributes"`
}

// To makes a proxy by that name to host:port.
func (s *Server) To(ctx context.Context, name, upstream string) (*Proxy, error) {
	var made struct{ Listen string }
	err := s.post(ctx, "/proxies", map[string]any{"name": name, "listen": "127.0.0.1:0", "upstream": upstream, "enabled": true}, &made)
	if err != nil {
		return nil, err
	}
	return &Proxy{URL: "http://" + made.Listen, server: s, name: name}, nil
}

// Spoil adds a toxic, from now on.
func (p *Proxy) Spoil(ctx context.Context, toxic Toxic) error {
	return p.server.post(ctx, "/proxies/"+p.name+"/toxics", map[string]any{
		"name": toxic.Type, "type": toxic.Type, "stream": toxic.Stream, "toxicity": 1.0, "attributes": toxic.Attributes,
	}, nil)
}

// Cure takes a toxic away.
func (p *Proxy) Cure(ctx context.Context, toxic Toxic) error {
	return p.server.send(ctx, http.MethodDelete, "/proxies/"+p.name+"/toxics/"+toxic.Type, nil, nil)
}

// Listen says whether the proxy takes connections; without, they are refused.
func (p *Proxy) Listen(ctx context.Context, listen bool) error {
	return p.server.post(ctx, "/proxies/"+p.name, map[string]any{"enabled": listen}, nil)
}

func (s *Server) post(ctx context.Context, path string, body, into any) error {
	return s.send(ctx, http.MethodPost, path, body, into)
}

func (s *Server) send(ctx context.Context, method, path string, body, into any) error {
	return daemon.Call(ctx, method, s.api+path, body, into, http.StatusOK, http.StatusCreated, http.StatusNoContent)
}
