//go:build integration

package acceptance

import (
	"net/http"
	"slices"
	"testing"
	"time"
)

// endsSite is Headscale's own API keys, which have no names: the server knows them by
// their prefixes, and the engine by their ends.
type endsSite struct {
	*restSite
	network networkOf
}

// keys are those that have not ended, each under its prefix.
func (s endsSite) keys(t *testing.T) map[string]string {
	t.Helper()
	var said struct {
		APIKeys []struct {
			Prefix     string
			Expiration time.Time
		}
	}
	s.network.as(t, s.network.Key, http.MethodGet, "/apikey", nil).want(t, "listing API keys", http.StatusOK).decode(t, &said)
	found := map[string]string{}
	for _, key := range said.APIKeys {
		if key.Expiration.After(time.Now()) {
			found[key.Prefix] = key.Expiration.Format(time.RFC3339Nano)
		}
	}
	return found
}

// TestIntegrationKeysFoundByTheirEnds: the answer to the making of a key without a name is
// lost. The engine ends that key and no other, be it one with an end in the same second.
func TestIntegrationKeysFoundByTheirEnds(t *testing.T) {
	server, err := headscaleServer.start()
	needs(t, t.Name(), err)
	m := newMount(t)
	m.keepFromLogs(server.Secret())
	network := server.(networkOf)
	proxy := newLossyProxy(t, network.URL)
	proxy.only = "/apikey"
	s := endsSite{network: network, restSite: &restSite{
		fields:     settings{"provider": "headscale-apikeys", "base_url": proxy.URL, "api_key": network.Key, "request_timeout": "10s"},
		credential: "api_key",
		peculiar: traits{
			token:   func(fields map[string]any) string { return fields["api_key"].(string) },
			secrets: []string{"api_key"},
		},
		works: func(t *testing.T, key string) bool {
			return network.as(t, key, http.MethodGet, "/apikey", nil).status == http.StatusOK
		},
	}}
	u := m.tenant(t, "apikeys", s, nil, nil)
	held := u.mustMint()
	before := s.keys(t)
	proxy.loseNext(reset)
	if k, err := u.mint(); err == nil {
		t.Fatalf("the caller got a key: %s", k.name)
	}
	if status := <-proxy.lost; status != http.StatusOK {
		t.Fatalf("the server answered %d", status)
	}
	var foreign string
	for prefix, end := range s.keys(t) {
		if before[prefix] == "" {
			at, err := time.Parse(time.RFC3339Nano, end)
			if err != nil {
				t.Fatal(err)
			}
			foreign = at.Truncate(time.Second).Format(time.RFC3339)
		}
	}
	if foreign == "" {
		foreign = farAhead // it is ended already
	}
	network.as(t, network.Key, http.MethodPost, "/apikey", settings{"expiration": foreign}).want(t, "making an API key", http.StatusOK)
	u.queueEmpties()
	left := s.keys(t)
	for prefix := range before {
		delete(left, prefix)
	}
	if ends := sortedNames(left); len(ends) != 1 {
		t.Fatalf("%v are left beside %v, want the one that was made by hand", left, sortedNames(before))
	}
	for prefix := range left {
		network.as(t, network.Key, http.MethodDelete, "/apikey/"+prefix, nil).want(t, "deleting an API key", http.StatusOK)
	}
	u.mustRevoke(held)
	u.dies(held)
	if got := sortedNames(s.keys(t)); slices.Contains(got, held.value[:7]) {
		t.Errorf("%v are left", got)
	}
}
