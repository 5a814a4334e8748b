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
	began time.Time
	mu    sync.Mutex
	names map[string]string // by id
	ends  map[string]time.Duration
}

func (h *hourglass) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var body struct {
		Name  string
		TTL   int
		Until int64
	}
	_ = json.NewDecoder(r.Body).Decode(&body)
	end := h.w.elapsed() + time.Duration(body.TTL)*time.Second
	if body.Until > 0 {
		end = time.Unix(body.Until, 0).Sub(h.began)
	}
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
		h.ends[id] = end
		answer["id"], answer["key"] = id, "secret-of-"+id
	case http.MethodPut:
		h.ends[strings.TrimPrefix(r.URL.Path, "/keys/")] = end
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
				h := w.turnHourglass(hourglassDefinition, testTTL, 24*time.Hour)
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

// turnHourglass has a role "sand" at an hourglass.
func (w *world) turnHourglass(definition string, ttl, maxTTL time.Duration) *hourglass {
	h := &hourglass{w: w, began: w.time(), names: map[string]string{}, ends: map[string]time.Duration{}}
	w.connect(h, "hourglass", definition, "some-token", "glass")
	c := w.connection("glass")
	c.AllowedRoles = []string{"*"}
	w.must(w.process.SaveConnection(w.t.Context(), w.storage, "glass", c, SaveOptions{}))
	w.must(w.process.SaveRole(w.t.Context(), w.storage, "sand", &Role{Connection: "glass", TTL: ttl, MaxTTL: maxTTL}))
	return h
}

// TestRenewalLongAfterAClockThatWasSet: by the time of a renewal the clock has come to where
// it once was wrongly, so that nothing shows any more that it was. Whether keys can be
// extended or not, and whether their end is told as a time or a life, no lease outlives its
// key.
func TestRenewalLongAfterAClockThatWasSet(t *testing.T) {
	extend := hourglassDefinition[strings.Index(hourglassDefinition, "  extend {"):strings.Index(hourglassDefinition, "  revoke {")]
	for name, definition := range map[string]string{
		"a life":                           hourglassDefinition,
		"a time":                           strings.ReplaceAll(hourglassDefinition, "ttl = key.ttl", "until = unix(key.expires_at)"),
		"a life, and nothing extends keys": strings.Replace(hourglassDefinition, extend, "", 1),
		"a time, and nothing extends keys": strings.ReplaceAll(strings.Replace(hourglassDefinition, extend, "", 1), "ttl = key.ttl", "until = unix(key.expires_at)"),
	} {
		for _, jump := range []time.Duration{0, time.Minute, time.Hour, 365 * 24 * time.Hour, -time.Hour} {
			for wrong, when := range []string{"mint", "first renewal"} {
				for _, pause := range []time.Duration{10 * time.Minute, 61 * time.Minute, 100 * time.Minute} {
					for how, restarts := range map[string]bool{"": false, ", by another process": true} {
						t.Run(fmt.Sprintf("%s: %s at the %s, and renewals after %s%s", name, jump, when, pause, how), inBubble(func(t *testing.T) {
							w := newWorld(t)
							h := w.turnHourglass(definition, 2*time.Hour, 5*time.Hour)
							var lease *heldLease
							until := time.Duration(0) // by the clock that nobody sets
							for i, ttl := range []time.Duration{2 * time.Hour, 2 * time.Hour, time.Hour, 2 * time.Hour} {
								if i == wrong {
									w.set(jump)
								}
								var err error
								if lease == nil {
									lease = w.mustMint("sand")
								} else if err = w.renew(lease, ttl); err != nil && jump == 0 && w.elapsed() < 5*time.Hour {
									t.Errorf("%s after the mint a renewal says: %s", w.elapsed(), err)
								}
								if err == nil {
									until = max(until, w.elapsed()+lease.end.Sub(w.time())) // Vault may lose a renewal
								}
								if i == wrong {
									w.set(-jump)
								}
								for _, ends := range h.ends {
									if ends < until {
										t.Errorf("%s after the mint: the key ends at %s, and its lease at %s", w.elapsed(), ends, until)
									}
								}
								w.advance(pause)
								if restarts {
									w.start(fault{})
								}
							}
						}))
					}
				}
			}
		}
	}
}
