package backend

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// hourglassDefinition is of a provider that is told how long keys live, and tells nothing.
const hourglassDefinition = `provider "hourglass" {
  title = "Hourglass"
  connection "token" {
    type      = string
    sensitive = true
    required  = true
  }
  auth "bearer" { token = connection.token }
  check { get = "/keys" }
  issue {
    post   = "/keys"
    json   = { name = key.name, ttl = key.ttl }
    id     = body.id
    secret = { api_key = body.key }
  }
  extend {
    put  = "/keys/${key.id}"
    json = { ttl = key.ttl }
    gone = [404]
  }
  revoke {
    delete = "/keys/${key.id}"
    gone   = [404]
  }
  list {
    get   = "/keys"
    items = body.data
    item  = { id = item.id, name = item.name }
  }
}`

// hourglass is such a provider; its clock is what nobody sets.
type hourglass struct {
	w     *world
	mu    sync.Mutex
	names map[string]string // by id
	ends  map[string]time.Duration
}

func (h *hourglass) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var body struct {
		Name string
		TTL  int
	}
	_ = json.NewDecoder(r.Body).Decode(&body)
	answer := map[string]any{}
	switch r.Method {
	case http.MethodGet:
		data := []any{}
		for id, name := range h.names {
			data = append(data, map[string]any{"id": id, "name": name})
		}
		answer["data"] = data
	case http.MethodPost:
		id := "keyid0000" + strconv.Itoa(len(h.names))
		h.names[id] = body.Name
		h.ends[id] = h.w.elapsed() + time.Duration(body.TTL)*time.Second
		answer["id"], answer["key"] = id, "secret-of-"+id
	case http.MethodPut:
		h.ends[strings.TrimPrefix(r.URL.Path, "/keys/")] = h.w.elapsed() + time.Duration(body.TTL)*time.Second
	}
	_ = json.NewEncoder(rw).Encode(answer)
}

// TestRenewalAfterAClockThatWasSet: a provider counts how long a key lives, and the engine's
// clock was wrong as that was last asked for. No renewed lease outlives its key.
func TestRenewalAfterAClockThatWasSet(t *testing.T) {
	for _, jump := range []time.Duration{0, time.Minute, time.Hour, 365 * 24 * time.Hour, -time.Hour, -365 * 24 * time.Hour} {
		for wrong, when := range []string{"mint", "first renewal", "second renewal"} {
			t.Run(fmt.Sprintf("%s at the %s", jump, when), inBubble(func(t *testing.T) {
				w := newWorld(t)
				h := &hourglass{w: w, names: map[string]string{}, ends: map[string]time.Duration{}}
				w.connect(h, "hourglass", hourglassDefinition, "some-token", "glass")
				c := w.connection("glass")
				c.AllowedRoles = []string{"*"}
				w.must(w.process.SaveConnection(t.Context(), w.storage, "glass", c, SaveOptions{}))
				w.must(w.process.SaveRole(t.Context(), w.storage, "sand", &Role{Connection: "glass", TTL: testTTL, MaxTTL: 24 * time.Hour}))
				var lease *heldLease
				until := time.Duration(0) // by the clock that nobody sets
				for i, ttl := range []time.Duration{testTTL, testTTL, 20 * time.Minute, testTTL} {
					if i == wrong {
						w.set(jump)
					}
					if lease == nil {
						lease = w.mustMint("sand")
					} else {
						w.must(w.renew(lease, ttl))
					}
					if i == wrong {
						w.set(-jump)
					}
					until = max(until, w.elapsed()+ttl) // Vault may lose a renewal
					for _, ends := range h.ends {
						if ends < until {
							t.Errorf("%s after the mint: the key ends at %s, and its lease at %s", w.elapsed(), ends, until)
						}
					}
					w.advance(10 * time.Minute)
				}
			}))
		}
	}
}
