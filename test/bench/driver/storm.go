//go:build bench

package main

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/time/rate"
)

// stormLimit is how many requests in a second the provider takes.
const stormLimit = 100

// storm is what came of many leases that ended at once.
type storm struct {
	leases  int
	latency time.Duration
	took    time.Duration
	// ideal is how long the provider's limit alone makes it take, what was minted
	// meanwhile included.
	ideal time.Duration
	// throttled counts the provider's 429s.
	throttled int64
	// irrevocable counts the leases that Vault gave up.
	irrevocable   string
	quiet, during sample
}

// runStorm ends many leases of a provider with a limit at once.
func runStorm(ctx context.Context, w *world, leases int, latency time.Duration, tell func(string)) (storm, error) {
	limit := rate.NewLimiter(rate.Inf, stormLimit)
	p := newProvider(false, latency, limit)
	defer p.Close()
	mount := fmt.Sprintf("storm-%d", latency.Milliseconds())
	path, err := w.engineAt(ctx, mount, p, nil, nil)
	if err != nil {
		return storm{}, err
	}
	if _, err := each(ctx, 32, make([]struct{}, leases), func(ctx context.Context, _ struct{}) error {
		_, err := w.client.mint(ctx, path)
		return err
	}); err != nil {
		return storm{}, err
	}
	tell(fmt.Sprintf("minted %d keys", leases))
	limit.SetLimit(stormLimit)
	if err := w.client.write(ctx, mount+"/config/box", map[string]any{"requests_per_second": stormLimit}); err != nil {
		return storm{}, err
	}
	s := storm{leases: leases, latency: latency}
	if s.quiet, err = w.paced(ctx, path, func() bool { return true }, 20); err != nil {
		return s, err
	}
	began, before := time.Now(), p.deleted.Load()
	target := before + int64(leases)
	if err := w.client.write(ctx, "sys/leases/revoke-prefix/"+path, map[string]any{"sync": false}); err != nil {
		return s, err
	}
	made := p.made.Load()
	unfinished := func() bool { return p.deleted.Load() < target && time.Since(began) < time.Hour }
	if s.during, err = w.paced(ctx, path, unfinished, 1<<30); err != nil {
		return s, err
	}
	s.took = time.Unix(0, p.lastDeleted.Load()).Sub(began)
	s.ideal = time.Duration(float64(leases+2*int(p.made.Load()-made)) / stormLimit * float64(time.Second))
	s.throttled = p.throttled.Load()
	lost, err := w.client.read(ctx, "sys/leases?type=irrevocable")
	if err != nil && !isNothing(err) {
		return s, err
	}
	if lost != nil {
		s.irrevocable = fmt.Sprint(lost.Data["lease_count"])
	}
	return s, nil
}

// paced mints, and revokes again, some three times a second for as long as more
// says so, at most so many times. What it returns is of the mints.
func (w *world) paced(ctx context.Context, path string, more func() bool, most int) (sample, error) {
	var took []time.Duration
	began := time.Now()
	for more() && len(took) < most {
		at := time.Now()
		lease, err := w.client.mint(ctx, path)
		if err != nil {
			return sample{}, err
		}
		took = append(took, time.Since(at))
		if err := w.client.write(ctx, "sys/leases/revoke", map[string]any{"lease_id": lease}); err != nil {
			return sample{}, err
		}
		time.Sleep(300 * time.Millisecond) // the pace is what is wanted
	}
	return newSample(took, time.Since(began)), nil
}
