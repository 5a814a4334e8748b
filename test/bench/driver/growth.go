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

	firstMint         time.Duration // after an unsealing
	known             time.Duration // until the whole ledger was known again
	mint, mint8       time.Duration // the middle one, by 1 client and by 8
	mintCPU           use           // by 8 clients
	byHand, byHand8   time.Duration // as mint and mint8, of the plugin written by hand in the same Vault
	lookup            time.Duration
	first, mid, ofOne time.Duration // pages of keys/: ofOne is of one connection
	configWrite       time.Duration
	configDrop        time.Duration
	upload            time.Duration
	queuePage         time.Duration
	idle              idleness
	memory            int64
}

// runGrowth measures one mount whose ledger grows; beside an error it returns the sizes
// that were measured before.
func runGrowth(ctx context.Context, w *world, sizes []int, idle time.Duration, tell func(string)) ([]size, error) {
	p := newProvider(false, 0, nil)
	defer p.Close()
	path, err := w.growAt(ctx, p)
	if err != nil {
		return nil, err
	}
	var found []size
	loaded := 0
	for _, keys := range sizes {
		began := time.Now()
		if err := w.fill(ctx, "ledger", "box", keys-loaded); err != nil {
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

// runQueue is runGrowth for a queue that grows, of a provider that is away.
func runQueue(ctx context.Context, w *world, sizes []int, idle time.Duration, tell func(string)) ([]size, error) {
	p := newProvider(false, 0, nil)
	defer p.Close()
	path, err := w.growAt(ctx, p)
	if err != nil {
		return nil, err
	}
	if err := w.leaveAway(ctx); err != nil {
		return nil, err
	}
	var found []size
	loaded := 0
	for _, queued := range sizes {
		if err := w.fill(ctx, "queue", "away", queued-loaded); err != nil {
			return found, err
		}
		loaded = queued
		s, err := w.measure(ctx, path, p, 0, queued, idle, tell)
		if err != nil {
			return found, fmt.Errorf("with %d entries: %w", queued, err)
		}
		found = append(found, s)
	}
	return found, nil
}

// leaveAway mints a key by the connection away, whose provider is gone after that.
func (w *world) leaveAway(ctx context.Context) error {
	p := newProvider(false, 0, nil)
	defer p.Close()
	if err := w.client.write(ctx, "grow/config/away", connectionTo(p.URL)); err != nil {
		return err
	}
	if err := w.client.write(ctx, "grow/roles/away", map[string]any{"connection": "away", "scopes": "read", "ttl": keyTTL, "max_ttl": maxTTL}); err != nil {
		return err
	}
	_, err := w.client.mint(ctx, "grow/creds/away")
	return err
}

// besidePath is where keys of the plugin written by hand are read: what grows costs it
// nothing but what Vault's storage does.
const besidePath = "beside/creds/app"

// growAt mounts what grows, and beside it the plugin written by hand.
func (w *world) growAt(ctx context.Context, p *provider) (path string, err error) {
	if _, err := w.handwrittenAt(ctx, "beside", p); err != nil {
		return "", err
	}
	path, err = w.engineAt(ctx, "grow", p, map[string]any{"verify_connection": false}, nil)
	if err != nil {
		return "", err
	}
	_, err = w.client.mint(ctx, path) // what is loaded is like this one
	return path, err
}

// fill writes so many entries, which are like those of a key of the connection.
func (w *world) fill(ctx context.Context, what, connection string, count int) error {
	for count > 0 {
		n := min(count, chunk)
		if err := w.client.write(ctx, "grow/bench/"+what, map[string]any{"count": n, "connection": connection}); err != nil {
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
	plugin, err := w.process(w.program(engineProgram))
	if err != nil {
		return s, err
	}
	if s.memory, _, err = plugin.memory(); err != nil {
		return s, err
	}
	if keys+queued > 0 {
		if err := pause(ctx, time.Until(began.Add(settledAfter))); err != nil {
			return s, err
		}
	}
	if s.idle, err = w.idle(ctx, idle, tell); err != nil {
		return s, err
	}
	if err := w.life(ctx, path, 50); err != nil {
		return s, err
	}
	for _, one := range []struct {
		program, path string
		clients       int
		into          *time.Duration
		used          *use
	}{
		{engineProgram, path, 1, &s.mint, new(use)},
		{handwrittenProgram, besidePath, 1, &s.byHand, new(use)},
		{engineProgram, path, 8, &s.mint8, &s.mintCPU},
		{handwrittenProgram, besidePath, 8, &s.byHand8, new(use)},
	} {
		if *one.into, *one.used, err = w.middleMint(ctx, one.program, one.path, one.clients); err != nil {
			return s, err
		}
	}
	if err := w.timeCalls(ctx, path, p, &s); err != nil {
		return s, err
	}
	tell(fmt.Sprintf("%+v", s))
	return s, nil
}

// turns and turnLength are how often and how long mints are measured at each size: a
// collection of Vault's garbage fills a whole turn, and not the middle one.
const (
	turns      = 5
	turnLength = 2 * time.Second
)

// middleMint is how long the middle mint of the middle turn takes, and the CPU for it.
func (w *world) middleMint(ctx context.Context, program, path string, clients int) (time.Duration, use, error) {
	var rounds []round
	for range turns {
		r, err := w.round(ctx, program, path, clients, turnLength)
		if err != nil {
			return 0, use{}, err
		}
		rounds = append(rounds, r)
	}
	slices.SortFunc(rounds, func(a, b round) int { return cmp.Compare(a.mintCPU.all(), b.mintCPU.all()) })
	used := rounds[len(rounds)/2].mintCPU
	slices.SortFunc(rounds, func(a, b round) int { return cmp.Compare(a.mints.p50, b.mints.p50) })
	return rounds[len(rounds)/2].mints.p50, used, nil
}

func pause(ctx context.Context, long time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(long):
		return nil
	}
}

// settledAfter is how long after a start the engine has looked at the ledger once more,
// for what the last call of a former leader may have written: twice the request timeout
// and a minute, and some seconds for a look at all of its parts. Until then whoever changes
// a connection has the whole ledger read.
const settledAfter = 140 * time.Second

// call is something that an operator does; prepare, where it is not nil, comes before each
// and is not measured.
type call struct {
	what        string
	into        *time.Duration
	times       int
	prepare, do func(context.Context) error
}

func (w *world) timeCalls(ctx context.Context, path string, p *provider, s *size) error {
	key, err := w.client.read(ctx, path)
	if err != nil {
		return err
	}
	for _, call := range w.calls(key.Data["api_key"], p, s) {
		if *call.into, err = typical(ctx, call); err != nil {
			return fmt.Errorf("%s: %w", call.what, err)
		}
	}
	return w.client.revoke(ctx, key.LeaseID)
}

func (w *world) calls(key any, p *provider, s *size) []call {
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
	write := func(path string, body map[string]any) func(context.Context) error {
		return func(ctx context.Context) error { return w.client.write(ctx, "grow/"+path, body) }
	}
	const half = "7fffffffffffffffffffffffffffffff"
	return []call{
		{what: "lookup-key", into: &s.lookup, times: 400, do: write("lookup-key", map[string]any{"value": key})},
		{what: "keys/, first page", into: &s.first, times: 50, do: list("keys?limit=100")},
		{what: "keys/, page in the middle", into: &s.mid, times: 50, do: list("keys?limit=100&after=" + half)},
		{what: "keys/, page of one connection", into: &s.ofOne, times: 50, do: list("keys?limit=100&connection=box&after=" + half)},
		{what: "a write of the connection", into: &s.configWrite, times: 50, do: write("config/box", connection)},
		{what: "a connection's deletion", into: &s.configDrop, times: 50, prepare: write("config/other", connection), do: func(ctx context.Context) error {
			_, err := w.client.call(ctx, "DELETE", "grow/config/other", nil)
			return err
		}},
		{what: "an upload of a definition", into: &s.upload, times: 50, do: write("definitions/mine", map[string]any{"definition": mine})},
		{what: "queue/, first page", into: &s.queuePage, times: 50, do: list("queue?limit=100")},
	}
}

func connectionTo(url string) map[string]any {
	return map[string]any{"provider": "sandbox", "base_url": url, "admin_key": "the admin's", "allowed_roles": "*", "verify_connection": false}
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
func typical(ctx context.Context, c call) (time.Duration, error) {
	var took []time.Duration
	for range c.times {
		if c.prepare != nil {
			if err := c.prepare(ctx); err != nil {
				return 0, err
			}
		}
		began := time.Now()
		if err := c.do(ctx); err != nil {
			return 0, err
		}
		took = append(took, time.Since(began))
	}
	return newSample(took, 0).p50, nil
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
	queueGauge = regexp.MustCompile(`apikeys_queue_entries\{connection="away",kind="[a-z_]+"\} ([0-9.e+]+)`)
)

// gaugeIn is what a gauge shows, all kinds together; 0 where it is not shown.
func gaugeIn(text []byte, gauge *regexp.Regexp) (all int) {
	for _, found := range gauge.FindAllSubmatch(text, -1) {
		n, _ := strconv.ParseFloat(string(found[1]), 64) // the expression matches numbers alone
		all += int(n)
	}
	return all
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
	path, err := w.growAt(ctx, p)
	if err != nil {
		return idleness{}, err
	}
	if _, err := w.client.mint(ctx, path); err != nil {
		return idleness{}, err
	}
	if err := w.fill(ctx, "elsewhere", "box", entries); err != nil {
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
		if err := pause(ctx, idleSlice); err != nil {
			return idleness{}, err
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
