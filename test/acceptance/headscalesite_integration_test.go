//go:build integration

package acceptance

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"vault-plugin-secrets-apikeys/internal/testbed/build"
	"vault-plugin-secrets-apikeys/internal/testbed/headscale"
)

// headscaleServer is about keys without names, which are the ids that they are ended
// by, and which stay listed afterwards. Each test is a user of its own.
var headscaleServer = realServer{
	alone: true, // it hashes its API key with bcrypt at each request
	start: sync.OnceValues(func() (catalogServer, error) {
		return started("headscale", build.Headscale, func(path, dir string) (catalogServer, error) {
			server, err := headscale.Start(context.Background(), headscale.Options{Headscale: path, Dir: dir})
			return networkOf{server}, err
		})
	}),
	newSite: func(t *testing.T, server catalogServer, own ownNames) *restSite {
		return server.(networkOf).site(t, own)
	},
	administrator: func(t *testing.T, server catalogServer, name string) (settings, func() bool) {
		network := server.(networkOf)
		var made struct{ APIKey string }
		network.as(t, network.Key, http.MethodPost, "/apikey", settings{"expiration": farAhead}).want(t, "making an API key", http.StatusOK).decode(t, &made)
		return settings{"api_key": made.APIKey}, func() bool {
			return network.as(t, made.APIKey, http.MethodGet, "/apikey", nil).want(t, "an API key's use", http.StatusOK, http.StatusInternalServerError).status == http.StatusOK
		}
	},
}

const farAhead = "2099-01-01T00:00:00Z"

type networkOf struct{ *headscale.Server }

func (n networkOf) Secret() string { return n.Key }

func (n networkOf) site(t *testing.T, own ownNames) *restSite {
	var made struct{ User struct{ ID string } }
	n.as(t, n.Key, http.MethodPost, "/user", settings{"name": string(own)}).want(t, "making a user", http.StatusOK).decode(t, &made)
	user := made.User.ID
	return &restSite{
		own:        own,
		fields:     settings{"provider": "headscale", "base_url": n.URL, "api_key": n.Key},
		grants:     settings{"user_id": user, "tags": []string{"tag:ci"}, "reusable": true, "ephemeral": true},
		credential: "api_key",
		peculiar: traits{
			seenBy:   "list",
			sealed:   true,
			mintPath: "/preauthkey",
			token:    func(fields map[string]any) string { return fields["auth_key"].(string) },
			secrets:  []string{"auth_key"},
		},
		works: func(t *testing.T, key string) bool {
			t.Helper()
			taken, err := n.Join(t.Context(), key)
			if err != nil {
				t.Fatal(err)
			}
			return taken
		},
		list: func(t *testing.T) map[string]string { return n.live(t, user) },
		make: func(t *testing.T, name string) string {
			var made struct{ PreAuthKey struct{ Key string } }
			n.as(t, n.Key, http.MethodPost, "/preauthkey", settings{"user": user, "expiration": farAhead, "aclTags": []string{"tag:ci", nameTag + name}}).
				want(t, "making a key", http.StatusOK).decode(t, &made)
			return made.PreAuthKey.Key
		},
		end: func(t *testing.T, key string) {
			n.as(t, n.Key, http.MethodPost, "/preauthkey/expire", settings{"user": user, "key": key}).want(t, "ending a key", http.StatusOK)
		},
	}
}

// nameTag begins the tag that is a key's name.
const nameTag = "tag:key-"

// live are the user's keys that have not ended, by their names.
func (n networkOf) live(t *testing.T, user string) map[string]string {
	t.Helper()
	var said struct {
		PreAuthKeys []struct {
			Key        string
			Expiration time.Time
			ACLTags    []string
		}
	}
	n.as(t, n.Key, http.MethodGet, "/preauthkey?user="+user, nil).want(t, "listing keys", http.StatusOK).decode(t, &said)
	found := map[string]string{}
	for _, key := range said.PreAuthKeys {
		for _, tag := range key.ACLTags {
			if name, is := strings.CutPrefix(tag, nameTag); is && key.Expiration.After(time.Now()) {
				found[name] = key.Key
			}
		}
	}
	return found
}

func (n networkOf) as(t *testing.T, key, method, path string, body any) answer {
	t.Helper()
	return send(t, method, n.URL+"/api/v1"+path, body, func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+key) })
}
