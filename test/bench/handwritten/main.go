//go:build bench

// Handwritten is a Vault plugin for one provider, as one would write it by hand
// who needs no more than that: one request and one write to storage for a key.
package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/hashicorp/go-cleanhttp"
	"github.com/hashicorp/vault/api"
	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/hashicorp/vault/sdk/plugin"
)

func main() {
	var meta api.PluginAPIClientMeta
	if err := meta.FlagSet().Parse(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	err := plugin.ServeMultiplex(&plugin.ServeOpts{
		BackendFactoryFunc: factory,
		TLSProviderFunc:    api.VaultPluginTLSProvider(meta.GetTLSConfig()),
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

type backend struct {
	*framework.Backend

	mu   sync.RWMutex
	site *site // nil until it is read
}

// site is the connection, ready for use.
type site struct {
	config config
	client *http.Client
}

type config struct {
	Address string        `json:"address"`
	Token   string        `json:"token"`
	CACert  string        `json:"ca_cert"`
	TTL     time.Duration `json:"ttl"`
	MaxTTL  time.Duration `json:"max_ttl"`
}

const secretType = "key"

func factory(ctx context.Context, c *logical.BackendConfig) (logical.Backend, error) {
	b := &backend{}
	b.Backend = &framework.Backend{
		BackendType: logical.TypeLogical,
		Paths: []*framework.Path{
			{
				Pattern: "config",
				Fields: map[string]*framework.FieldSchema{
					"address": {Type: framework.TypeString}, "token": {Type: framework.TypeString}, "ca_cert": {Type: framework.TypeString},
					"ttl": {Type: framework.TypeDurationSecond}, "max_ttl": {Type: framework.TypeDurationSecond},
				},
				Operations: map[logical.Operation]framework.OperationHandler{
					logical.UpdateOperation: &framework.PathOperation{Callback: b.writeConfig},
				},
			},
			{
				Pattern: "creds/" + framework.GenericNameRegex("role"),
				Fields:  map[string]*framework.FieldSchema{"role": {Type: framework.TypeString}},
				Operations: map[logical.Operation]framework.OperationHandler{
					logical.ReadOperation: &framework.PathOperation{Callback: b.mint},
				},
			},
		},
		Secrets: []*framework.Secret{{Type: secretType, Revoke: b.revoke}},
	}
	return b, b.Setup(ctx, c)
}

func (b *backend) writeConfig(ctx context.Context, req *logical.Request, data *framework.FieldData) (*logical.Response, error) {
	entry, err := logical.StorageEntryJSON("config", config{
		Address: data.Get("address").(string), Token: data.Get("token").(string), CACert: data.Get("ca_cert").(string),
		TTL: time.Duration(data.Get("ttl").(int)) * time.Second, MaxTTL: time.Duration(data.Get("max_ttl").(int)) * time.Second,
	})
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.site = nil
	return nil, req.Storage.Put(ctx, entry)
}

func (b *backend) use(ctx context.Context, s logical.Storage) (*site, error) {
	b.mu.RLock()
	known := b.site
	b.mu.RUnlock()
	if known != nil {
		return known, nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	entry, err := s.Get(ctx, "config")
	if err != nil {
		return nil, err
	}
	if entry == nil {
		return nil, errors.New("write config first")
	}
	fresh := &site{}
	if err := entry.DecodeJSON(&fresh.config); err != nil {
		return nil, err
	}
	transport := cleanhttp.DefaultPooledTransport()
	transport.MaxIdleConnsPerHost = 64
	if fresh.config.CACert != "" {
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM([]byte(fresh.config.CACert))
		transport.TLSClientConfig = &tls.Config{RootCAs: pool}
	}
	fresh.client = &http.Client{Transport: transport, Timeout: 30 * time.Second}
	b.site = fresh
	return fresh, nil
}

// key is a key as the provider tells of it.
type key struct {
	ID  string `json:"id"`
	Key string `json:"key"`
}

func (b *backend) mint(ctx context.Context, req *logical.Request, data *framework.FieldData) (*logical.Response, error) {
	site, err := b.use(ctx, req.Storage)
	if err != nil {
		return nil, err
	}
	role := data.Get("role").(string)
	name := "vault-" + role + "-" + rand.Text()
	body, err := json.Marshal(map[string]any{
		"name": name, "scopes": []string{"read"}, "expires_at": time.Now().Add(site.config.MaxTTL).UTC().Format(time.RFC3339),
	})
	if err != nil {
		return nil, err
	}
	var made key
	if err := site.call(ctx, http.MethodPost, "/v1/keys", body, http.StatusCreated, &made); err != nil {
		return nil, err
	}
	entry, err := logical.StorageEntryJSON("key/"+made.ID, map[string]any{"name": name, "role": role, "issued_at": time.Now()})
	if err != nil {
		return nil, err
	}
	if err := req.Storage.Put(ctx, entry); err != nil {
		return nil, err
	}
	resp := b.Secret(secretType).Response(
		map[string]any{"api_key": made.Key, "key_name": name},
		map[string]any{"id": made.ID})
	resp.Secret.TTL, resp.Secret.MaxTTL = site.config.TTL, site.config.MaxTTL
	return resp, nil
}

func (b *backend) revoke(ctx context.Context, req *logical.Request, _ *framework.FieldData) (*logical.Response, error) {
	site, err := b.use(ctx, req.Storage)
	if err != nil {
		return nil, err
	}
	id, _ := req.Secret.InternalData["id"].(string)
	if err := site.call(ctx, http.MethodDelete, "/v1/keys/"+id, nil, http.StatusNoContent, nil); err != nil {
		return nil, err
	}
	return nil, req.Storage.Delete(ctx, "key/"+id)
}

func (s *site) call(ctx context.Context, method, path string, body []byte, want int, into any) error {
	req, err := http.NewRequestWithContext(ctx, method, s.config.Address+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+s.config.Token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := s.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return err
	}
	if resp.StatusCode != want {
		return fmt.Errorf("%s %s: %s", method, path, resp.Status)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(text, into)
}
