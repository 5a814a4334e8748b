//go:build integration

package acceptance

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"vault-plugin-secrets-apikeys/internal/testbed/build"
	"vault-plugin-secrets-apikeys/internal/testbed/expressgateway"
)

// expressGatewayOnce is the one Express Gateway of this test binary.
var expressGatewayOnce = sync.OnceValues(func() (*expressgateway.Server, error) {
	return started("express-gateway", build.ExpressGateway, func(path, dir string) (*expressgateway.Server, error) {
		return expressgateway.Start(context.Background(), expressgateway.Options{Gateway: path, Dir: dir})
	})
})

// gatewayConsumer is a user of an Express Gateway whose keys belong to one test.
type gatewayConsumer struct {
	*expressgateway.Server
	name string
}

var gatewayConsumers atomic.Int64

func newGatewayConsumer(t *testing.T) *gatewayConsumer {
	t.Helper()
	server, err := expressGatewayOnce()
	needs(t, "Express Gateway", err)
	g := &gatewayConsumer{server, fmt.Sprintf("consumer%d", gatewayConsumers.Add(1))}
	g.asAdmin(t, http.MethodPost, "/users", settings{"username": g.name, "firstname": "v", "lastname": "p"}).
		want(t, "creating a user", http.StatusOK)
	return g
}

func (g *gatewayConsumer) traits() traits {
	return traits{
		seenBy:  "list",
		token:   func(fields map[string]any) string { return fmt.Sprint(fields["key_id"], ":", fields["key_secret"]) },
		secrets: []string{"key_secret"},
	}
}

func (g *gatewayConsumer) connection() map[string]any {
	return settings{"provider": "express-gateway", "base_url": g.URL, "admin_key": g.AdminKey}
}

func (g *gatewayConsumer) role() map[string]any {
	return settings{"consumer": g.name, "scopes": expressgateway.ReadScope}
}

func (g *gatewayConsumer) alive(t *testing.T, token string) bool {
	t.Helper()
	return g.as(t, token, "/v1/models").
		want(t, "a key's use", http.StatusOK, http.StatusUnauthorized).
		status == http.StatusOK
}

// keys are the active ones; the others cannot be removed.
func (g *gatewayConsumer) keys(t *testing.T) map[string]string {
	t.Helper()
	var answer struct {
		Credentials []struct {
			KeyID    string
			IsActive bool
		}
	}
	g.asAdmin(t, http.MethodGet, "/credentials/"+g.name, nil).want(t, "listing keys", http.StatusOK).decode(t, &answer)
	found := map[string]string{}
	own := ownNames(g.name)
	for _, one := range answer.Credentials {
		if name, ours := own.of(one.KeyID); ours && one.IsActive {
			found[name] = one.KeyID
		}
	}
	return found
}

func (g *gatewayConsumer) create(t *testing.T, name string) (id string) {
	t.Helper()
	id = ownNames(g.name).at(name)
	g.asAdmin(t, http.MethodPost, "/credentials", settings{
		"consumerId": g.name, "type": "key-auth", "credential": settings{"keyId": id, "scopes": []string{expressgateway.ReadScope}},
	}).want(t, "creating a key", http.StatusOK)
	return id
}

func (g *gatewayConsumer) revoke(t *testing.T, id string) {
	t.Helper()
	g.asAdmin(t, http.MethodPut, "/credentials/key-auth/"+id+"/status", settings{"status": false}).want(t, "deactivating a key", http.StatusOK)
}

// asAdmin sends a request to the admin API that nothing guards.
func (g *gatewayConsumer) asAdmin(t *testing.T, method, path string, body any) answer {
	t.Helper()
	return send(t, method, g.Admin+path, body, func(*http.Request) {})
}

// as reads a path through the gateway with a key.
func (g *gatewayConsumer) as(t *testing.T, token, path string) answer {
	t.Helper()
	return send(t, http.MethodGet, g.URL+path, nil, func(r *http.Request) { r.Header.Set("Authorization", "apiKey "+token) })
}
