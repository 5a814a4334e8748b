//go:build bench

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// contender is one way to get keys of a provider.
type contender struct {
	name string
	// program is the plugin's; empty for what runs in Vault's own process.
	program string
	mount   func(w *world, ctx context.Context, name string, p *provider) (string, error)
}

// Those that are held against each other. The engine, as it comes, looks for what it has
// revoked in the provider's list some seconds later (verify_revocation), which the plugin
// written by hand does not; without that both do the same.
const (
	byHand      = "handwritten"
	engine      = "engine"
	withoutLook = "engine, no look"
	consul      = "consul"
)

var contenders = []contender{
	{byHand, handwrittenProgram, (*world).handwrittenAt},
	{engine, engineProgram, func(w *world, ctx context.Context, name string, p *provider) (string, error) {
		return w.engineAt(ctx, name, p, nil, nil)
	}},
	{withoutLook, engineProgram, func(w *world, ctx context.Context, name string, p *provider) (string, error) {
		return w.engineAt(ctx, name, p, nil, map[string]any{"verify_revocation": "off"})
	}},
	{consul, "", (*world).consulAt},
}

// course is one set of conditions.
type course struct {
	secure  bool
	latency time.Duration
	clients int
}

func (c course) String() string {
	scheme := "http"
	if c.secure {
		scheme = "TLS"
	}
	return fmt.Sprintf("%s, %d ms, %d clients", scheme, c.latency.Milliseconds(), c.clients)
}

// courses are those by so many clients whose text matches.
func courses(clients []int, wanted *regexp.Regexp) []course {
	var all []course
	for _, secure := range []bool{false, true} {
		for _, latency := range []time.Duration{0, 50 * time.Millisecond} {
			for _, n := range clients {
				if c := (course{secure, latency, n}); wanted.MatchString(c.String()) {
					all = append(all, c)
				}
			}
		}
	}
	return all
}

// compare puts http before TLS, and then what is faster and by fewer first.
func (c course) compare(other course) int {
	if c.secure != other.secure {
		if other.secure {
			return -1
		}
		return 1
	}
	return cmp.Or(cmp.Compare(c.latency, other.latency), cmp.Compare(c.clients, other.clients))
}

// round is what one contender did in one round.
type round struct {
	mints, revocations sample
	// mintCPU and revokeCPU are the CPU time for each: other work of the machine does
	// not add to them, as it does to what is waited for.
	mintCPU, revokeCPU use
}

// use is the CPU time of Vault and of a plugin.
type use struct{ vault, plugin time.Duration }

func (u use) String() string {
	return fmt.Sprintf("%d µs of Vault and %d µs of the plugin", u.vault.Microseconds(), u.plugin.Microseconds())
}

func (u use) all() time.Duration { return u.vault + u.plugin }

// each is what was used since an earlier time, for each of so many.
func (u use) each(since use, of int) use {
	n := time.Duration(of)
	return use{(u.vault - since.vault) / n, (u.plugin - since.plugin) / n}
}

// results are all rounds, by course and contender.
type results map[course]map[string][]round

// runMints has the contenders mint and revoke, in rounds that take turns, so that
// whatever else the machine does falls on all of them.
func runMints(ctx context.Context, w *world, courses []course, rounds int, long time.Duration, tell func(string)) (results, error) {
	found := results{}
	paths := map[string]string{}
	for _, secure := range []bool{false, true} {
		for _, latency := range []time.Duration{0, 50 * time.Millisecond} {
			p := newProvider(secure, latency, nil)
			defer p.Close()
			for _, c := range contenders {
				name := mountOf(c, course{secure: secure, latency: latency})
				path, err := c.mount(w, ctx, name, p)
				if err != nil {
					return nil, fmt.Errorf("mounting %s: %w", name, err)
				}
				paths[name] = path
				if err := w.life(ctx, path, 20); err != nil {
					return nil, fmt.Errorf("warming %s up: %w", name, err)
				}
			}
		}
	}
	for n := range rounds {
		for _, course := range courses {
			for place := range contenders {
				c := contenders[(place+n)%len(contenders)] // no one comes first, or last, in every round
				r, err := w.round(ctx, c.program, paths[mountOf(c, course)], course.clients, long)
				if err != nil {
					return nil, fmt.Errorf("%s, %s: %w", c.name, course, err)
				}
				if found[course] == nil {
					found[course] = map[string][]round{}
				}
				found[course][c.name] = append(found[course][c.name], r)
				tell(fmt.Sprintf("round %d, %s: %s mints %.0f/s, p50 %.2f ms, CPU %s; revokes %.0f/s, p50 %.2f ms, CPU %s", n+1, course, c.name,
					mintRate(r), mintMiddle(r), r.mintCPU, revokeRate(r), revokeMiddle(r), r.revokeCPU))
			}
		}
	}
	return found, nil
}

func mountOf(c contender, of course) string {
	return fmt.Sprintf("%s-%t-%d", strings.NewReplacer(",", "", " ", "-").Replace(c.name), of.secure, of.latency.Milliseconds())
}

// life mints some keys and revokes them.
func (w *world) life(ctx context.Context, path string, keys int) error {
	for range keys {
		lease, err := w.client.mint(ctx, path)
		if err != nil {
			return err
		}
		if err := w.client.revoke(ctx, lease); err != nil {
			return err
		}
	}
	return nil
}

// round mints for a while, and then revokes all that was minted.
func (w *world) round(ctx context.Context, program, path string, clients int, long time.Duration) (round, error) {
	began, err := w.cpu(program)
	if err != nil {
		return round{}, err
	}
	leases, mints, err := during(ctx, clients, long, func(ctx context.Context) (string, error) { return w.client.mint(ctx, path) })
	if err != nil {
		return round{}, err
	}
	if len(leases) == 0 {
		return round{}, errors.New("nothing was minted")
	}
	between, err := w.cpu(program)
	if err != nil {
		return round{}, err
	}
	revocations, err := each(ctx, clients, leases, w.client.revoke)
	if err != nil {
		return round{}, err
	}
	end, err := w.cpu(program)
	return round{mints, revocations, between.each(began, len(leases)), end.each(between, len(leases))}, err
}

// cpu is what Vault and a plugin have used so far.
func (w *world) cpu(program string) (used use, err error) {
	if used.vault, err = w.cpuOf(w.vault.VaultPath()); err == nil && program != "" {
		used.plugin, err = w.cpuOf(w.program(program))
	}
	return used, err
}

func (w *world) cpuOf(file string) (time.Duration, error) {
	p, err := w.process(file)
	if err != nil {
		return 0, err
	}
	return p.cpu()
}

// ratio is the median over the rounds of what one contender did to what another
// one did in the same round.
func ratio(one, other []round, of func(round) float64) float64 {
	var all []float64
	for n := range min(len(one), len(other)) {
		if below := of(other[n]); below > 0 {
			all = append(all, of(one[n])/below)
		}
	}
	return median(all)
}

func middle(rounds []round, of func(round) float64) float64 {
	var all []float64
	for _, r := range rounds {
		all = append(all, of(r))
	}
	return median(all)
}

func median(all []float64) float64 {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	half := len(all) / 2
	if len(all)%2 == 1 {
		return all[half]
	}
	return (all[half-1] + all[half]) / 2
}

func mintRate(r round) float64     { return r.mints.perSecond }
func mintMiddle(r round) float64   { return float64(r.mints.p50) / float64(time.Millisecond) }
func mintCPU(r round) float64      { return float64(r.mintCPU.all()) / float64(time.Millisecond) }
func revokeCPU(r round) float64    { return float64(r.revokeCPU.all()) / float64(time.Millisecond) }
func revokeRate(r round) float64   { return r.revocations.perSecond }
func revokeMiddle(r round) float64 { return float64(r.revocations.p50) / float64(time.Millisecond) }
