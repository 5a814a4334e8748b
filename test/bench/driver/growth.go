//go:build bench

package main

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// chunk keeps one request of the loader below Vault's bound for requests.
const chunk = 20_000

// size is what things cost with so many keys in the ledger and entries in the
// queue.
type size struct {
	keys, queued int

	firstMint   time.Duration // after an unsealing
	known       time.Duration // until the whole ledger was known again
	mint, mint8 sample
	lookup      time.Duration
	first, mid  time.Duration // pages of keys/
	configWrite time.Duration
	configDrop  time.Duration
	upload      time.Duration
	queuePage   time.Duration
	idle        idleness
	memory      int64
}

// runGrowth measures one mount whose ledger grows; beside an error it returns the sizes
// that were measured before.
func runGrowth(ctx context.Context, w *world, sizes []int, idle time.Duration, tell func(string)) ([]size, error) {
	p := newProvider(false, 0, nil)
	defer p.Close()
	path, err := w.engineAt(ctx, "grow", p, map[string]any{"verify_connection": false})
	if err != nil {
		return nil, err
	}
	var found []size
	loaded := 0
	for _, keys := range sizes {
		began := time.Now()
		if err := w.fill(ctx, "ledger", keys-loaded, p); err != nil {
			return found, err
		}
		tell(fmt.Sprintf("loaded %d records in %s", keys-loaded, time.Since(began).Round(time.Second)))
		loaded = keys
		s, err := w.measure(ctx, path, p, keys, 0, idle, tell)
		if err != nil {
			return found, fmt.Errorf("with %d keys: %w", keys, err)
		}
		found = append(found, s)
	}
	return found, nil
}

// runQueue measures a mount with a long queue for a provider that is away.
func runQueue(ctx context.Context, w *world, queued int, idle time.Duration, tell func(string)) (size, error) {
	p := newProvider(false, 0, nil)
	defer p.Close()
	path, err := w.engineAt(ctx, "grow", p, map[string]any{"verify_connection": false})
	if err != nil {
		return size{}, err
	}
	if err := w.client.write(ctx, "grow/config/away", connectionTo("http://127.0.0.1:1")); err != nil {
		return size{}, err
	}
	if err := w.fill(ctx, "queue", queued, p); err != nil {
		return size{}, err
	}
	return w.measure(ctx, path, p, 0, queued, idle, tell)
}

func (w *world) fill(ctx context.Context, what string, count int, p *provider) error {
	for count > 0 {
		n := min(count, chunk)
		err := w.client.write(ctx, "grow/bench/"+what, map[string]any{"count": n, "connection": "box", "role": "app", "base_url": p.URL})
		if err != nil {
			return err
		}
		count -= n
	}
	return nil
}

func (w *world) measure(ctx context.Context, path string, p *provider, keys, queued int, idle time.Duration, tell func(string)) (s size, err error) {
	s.keys, s.queued = keys, queued
	if s.firstMint, err = w.unseal(ctx, path); err != nil {
		return s, err
	}
	began := time.Now()
	if err := w.awaitKnown(ctx, keys, queued); err != nil {
		return s, err
	}
	s.known = time.Since(began)
	if s.idle, err = w.idle(ctx, idle, tell); err != nil {
		return s, err
	}
	plugin, err := w.process(w.program(engineProgram))
	if err != nil {
		return s, err
	}
	if s.memory, _, err = plugin.memory(); err != nil {
		return s, err
	}
	if err := w.life(ctx, path, 50); err != nil {
		return s, err
	}
	for clients, into := range map[int]*sample{1: &s.mint, 8: &s.mint8} {
		r, err := w.round(ctx, engineProgram, path, clients, 4*time.Second)
		if err != nil {
			return s, err
		}
		*into = r.mints
	}
	if keys > 0 {
		select {
		case <-ctx.Done():
			return s, ctx.Err()
		case <-time.After(time.Until(began.Add(settledAfter))):
		}
	}
	for _, call := range w.calls(path, p, &s) {
		if *call.into, err = typical(ctx, call.times, call.do); err != nil {
			return s, fmt.Errorf("%s: %w", call.what, err)
		}
	}
	tell(fmt.Sprintf("%+v", s))
	return s, nil
}

// settledAfter is how long after a start the engine has looked at the ledger once more,
// for what the last call of a former leader may have written: twice the request timeout
// and a minute. Until then whoever changes a connection has the whole ledger read.
const settledAfter = 130 * time.Second

// call is something that an operator does.
type call struct {
	what  string
	into  *time.Duration
	times int
	do    func(context.Context) error
}

func (w *world) calls(path string, p *provider, s *size) []call {
	connection := connectionTo(p.URL)
	list := func(what string) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := w.client.call(ctx, "LIST", "grow/"+what, nil)
			if isNothing(err) {
				return nil
			}
			return err
		}
	}
	return []call{
		{"lookup-key", &s.lookup, 20, func(ctx context.Context) error { return w.lookUp(ctx, path) }},
		{"keys/, first page", &s.first, 10, list("keys?limit=100")},
		{"keys/, page in the middle", &s.mid, 10, list("keys?limit=100&after=7fffffffffffffffffffffffffffffff")},
		{"a write of the connection", &s.configWrite, 3, func(ctx context.Context) error { return w.client.write(ctx, "grow/config/box", connection) }},
		{"a connection's deletion", &s.configDrop, 3, func(ctx context.Context) error {
			if err := w.client.write(ctx, "grow/config/other", connection); err != nil {
				return err
			}
			_, err := w.client.call(ctx, "DELETE", "grow/config/other", nil)
			return err
		}},
		{"an upload of a definition", &s.upload, 3, func(ctx context.Context) error {
			return w.client.write(ctx, "grow/definitions/mine", map[string]any{"definition": mine})
		}},
		{"queue/, first page", &s.queuePage, 10, list("queue?limit=100")},
	}
}

func connectionTo(url string) map[string]any {
	return map[string]any{"provider": "sandbox", "base_url": url, "admin_key": "the admin's", "allowed_roles": "*", "verify_connection": false}
}

// lookUp mints a key, looks it up and revokes it.
func (w *world) lookUp(ctx context.Context, path string) error {
	s, err := w.client.read(ctx, path)
	if err != nil {
		return err
	}
	if err := w.client.write(ctx, "grow/lookup-key", map[string]any{"value": s.Data["api_key"]}); err != nil {
		return err
	}
	return w.client.revoke(ctx, s.LeaseID)
}

const mine = `
provider "mine" {
  title = "Mine"
  connection "token" {
    type      = string
    sensitive = true
    required  = true
  }
  base_url = "https://mine.example.com"
  auth "bearer" { token = connection.token }
  issue {
    post   = "/keys"
    json   = { name = key.name }
    id     = body.id
    secret = { api_key = body.key }
  }
  revoke {
    delete = "/keys/${key.id}"
    gone   = [404]
  }
}
`

// typical is how long a call takes, the middle one of several.
func typical(ctx context.Context, times int, do func(context.Context) error) (time.Duration, error) {
	n := 0
	_, s, err := until(ctx, 1, func() bool { n++; return n <= times }, func(ctx context.Context) (struct{}, error) { return struct{}{}, do(ctx) })
	return s.p50, err
}

// unseal seals Vault and unseals it, and returns how long it took from then to the
// first mint.
func (w *world) unseal(ctx context.Context, path string) (time.Duration, error) {
	if err := w.client.write(ctx, "sys/seal", nil); err != nil {
		return 0, err
	}
	if err := w.vault.Unseal(ctx, w.vault.Nodes[0]); err != nil {
		return 0, err
	}
	began := time.Now()
	for {
		lease, err := w.client.mint(ctx, path)
		if err == nil {
			// A long ledger has to be read before a key of this moment ends.
			return time.Since(began), w.client.write(ctx, "sys/leases/revoke", map[string]any{"lease_id": lease, "sync": false})
		}
		if time.Since(began) > 5*time.Minute {
			return 0, err
		}
	}
}

var (
	keysGauge  = regexp.MustCompile(`apikeys_keys\{connection="box"\} ([0-9.e+]+)`)
	queueGauge = regexp.MustCompile(`apikeys_queue_entries\{connection="away",kind="clean_up"\} ([0-9.e+]+)`)
)

// gaugeIn is what a gauge shows; 0 where it is not shown.
func gaugeIn(text []byte, gauge *regexp.Regexp) int {
	found := gauge.FindSubmatch(text)
	if found == nil {
		return 0
	}
	n, _ := strconv.ParseFloat(string(found[1]), 64) // the expression matches numbers alone
	return int(n)
}

// isRecovering tells of a connection that was in use when Vault was sealed: the
// whole ledger is read for it, once.
var isRecovering = regexp.MustCompile(`apikeys_recovering\{connection="box"\} 1`)

// awaitKnown waits until the engine counts as many keys and entries of the queue as there are, and has
// nothing left to recover from.
func (w *world) awaitKnown(ctx context.Context, keys, queued int) error {
	for began := time.Now(); ; time.Sleep(200 * time.Millisecond) {
		text, err := w.client.text(ctx, http.MethodGet, "grow/metrics", nil)
		if err != nil {
			return err
		}
		counted, waiting := gaugeIn(text, keysGauge), gaugeIn(text, queueGauge)
		if counted >= keys && waiting >= queued && !isRecovering.Match(text) {
			return nil
		}
		if time.Since(began) > time.Hour {
			return fmt.Errorf("it counts %d of %d keys and %d of %d entries", counted, keys, waiting, queued)
		}
	}
}

// runElsewhere measures what an idle Vault takes that holds as many entries as a ledger,
// of a mount that never looks at them.
func runElsewhere(ctx context.Context, w *world, entries int, idle time.Duration, tell func(string)) (idleness, error) {
	p := newProvider(false, 0, nil)
	defer p.Close()
	if _, err := w.engineAt(ctx, "grow", p, map[string]any{"verify_connection": false}); err != nil {
		return idleness{}, err
	}
	if err := w.fill(ctx, "elsewhere", entries, p); err != nil {
		return idleness{}, err
	}
	return w.idle(ctx, idle, tell)
}

// idleness is what is used in a second with nothing asked: as a rule, and at most. Go
// collects a program's garbage every two minutes at the least, all at once.
type idleness struct{ usual, most use }

// idleSlice is for how long at a time idleness is watched.
const idleSlice = 10 * time.Second

func (w *world) idle(ctx context.Context, long time.Duration, tell func(string)) (idleness, error) {
	before, err := w.cpu(engineProgram)
	if err != nil {
		return idleness{}, err
	}
	var used []use
	for range max(1, int(long/idleSlice)) {
		select {
		case <-ctx.Done():
			return idleness{}, ctx.Err()
		case <-time.After(idleSlice):
		}
		now, err := w.cpu(engineProgram)
		if err != nil {
			return idleness{}, err
		}
		used = append(used, now.each(before, int(idleSlice/time.Second)))
		tell("idle, in a second: " + used[len(used)-1].String())
		before = now
	}
	slices.SortFunc(used, func(a, b use) int { return cmp.Compare(a.all(), b.all()) })
	return idleness{used[len(used)/2], used[len(used)-1]}, nil
}
