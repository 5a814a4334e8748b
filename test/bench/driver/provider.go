//go:build bench

package main

import (
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// provider is a stand-in that does as little as it can: the sandbox's API for
// keys, which the engine's definition and the handwritten plugin speak, and that
// of Consul's tokens, which Vault's own engine speaks.
type provider struct {
	*httptest.Server
	latency time.Duration
	// limit is in requests; nil for none.
	limit *rate.Limiter

	mu    sync.Mutex
	alive map[string]string // names by id

	made, deleted, throttled atomic.Int64
	lastDeleted              atomic.Int64 // nanoseconds since 1970
}

// newProvider serves until Close.
func newProvider(secure bool, latency time.Duration, limit *rate.Limiter) *provider {
	p := &provider{latency: latency, limit: limit, alive: map[string]string{}}
	routes := http.NewServeMux()
	routes.HandleFunc("GET /v1/whoami", func(w http.ResponseWriter, _ *http.Request) {
		send(w, http.StatusOK, map[string]any{"id": "adm_1", "admin": true})
	})
	routes.HandleFunc("POST /v1/keys", p.create)
	routes.HandleFunc("GET /v1/keys", p.list)
	routes.HandleFunc("DELETE /v1/keys/{id}", p.remove)
	routes.HandleFunc("PUT /v1/acl/token", p.createToken)
	routes.HandleFunc("DELETE /v1/acl/token/{id}", p.removeToken)
	p.Server = httptest.NewUnstartedServer(p.slowed(routes))
	if secure {
		p.StartTLS()
	} else {
		p.Start()
	}
	return p
}

func (p *provider) slowed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.limit != nil && !p.limit.Allow() {
			p.throttled.Add(1)
			w.Header().Set("Retry-After", "1")
			send(w, http.StatusTooManyRequests, map[string]any{"error": map[string]any{"message": "slow down"}})
			return
		}
		if p.latency > 0 {
			time.Sleep(p.latency) // this is what the stand-in is for
		}
		next.ServeHTTP(w, r)
	})
}

// certificate is the authority's, in PEM; empty for plain HTTP.
func (p *provider) certificate() string {
	if p.Certificate() == nil {
		return ""
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.Certificate().Raw}))
}

func (p *provider) create(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		Name      string  `json:"name"`
		ExpiresAt *string `json:"expires_at"`
	}
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(body, &asked)
	}
	if err != nil {
		send(w, http.StatusBadRequest, map[string]any{"error": map[string]any{"message": err.Error()}})
		return
	}
	id := p.add("key_", asked.Name)
	send(w, http.StatusCreated, map[string]any{"id": id, "name": asked.Name, "expires_at": asked.ExpiresAt, "key": "sbx_" + rand.Text()})
}

func (p *provider) add(prefix, name string) string {
	id := prefix + strings.ToLower(rand.Text())
	p.made.Add(1)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.alive[id] = name
	return id
}

func (p *provider) drop(id string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, there := p.alive[id]
	delete(p.alive, id)
	if there {
		p.deleted.Add(1)
		p.lastDeleted.Store(time.Now().UnixNano())
	}
	return there
}

func (p *provider) remove(w http.ResponseWriter, r *http.Request) {
	if !p.drop(r.PathValue("id")) {
		send(w, http.StatusNotFound, map[string]any{"error": map[string]any{"message": "there is no such key"}})
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// list answers all in one page, which only start-up and recovery ask for.
func (p *provider) list(w http.ResponseWriter, _ *http.Request) {
	p.mu.Lock()
	items := []map[string]any{}
	for id, name := range p.alive {
		items = append(items, map[string]any{"id": id, "name": name, "created_at": time.Now().UTC()})
	}
	p.mu.Unlock()
	send(w, http.StatusOK, map[string]any{"data": items, "next_cursor": nil})
}

func (p *provider) createToken(w http.ResponseWriter, _ *http.Request) {
	id := p.add("", "")
	send(w, http.StatusOK, map[string]any{"AccessorID": id, "SecretID": rand.Text(), "Policies": []any{}})
}

func (p *provider) removeToken(w http.ResponseWriter, r *http.Request) {
	p.drop(r.PathValue("id"))
	fmt.Fprint(w, "true")
}

func send(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // who has gone is no concern of ours
}
