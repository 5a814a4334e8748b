package backend

import (
	"context"
	"net"
	"time"

	"vault-plugin-secrets-apikeys/providers"
)

// Options give the engine its surroundings where these are not those of its
// process, as in a simulation. The zero value stands for the real ones.
type Options struct {
	// Now is the wall clock, which may be set; nil is the system's. Waiting is
	// always done by the system's timers.
	Now func() time.Time
	// Elapsed is the time that has passed since some moment, by a clock that
	// nobody sets; nil is the system's.
	Elapsed func() time.Duration
	// Dial opens the connections to providers; nil is the network, by way of the
	// environment's proxy where there is one.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Jitter draws the random part of a pause, from 0 to 1, for the given attempt
	// at what is named; nil draws at random.
	Jitter func(what string, attempt int) float64
}

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Elapsed == nil {
		o.Elapsed = systemElapsed()
	}
	return o
}

// Now is the time by which the engine judges what is over.
func (e *Engine) Now() time.Time { return e.now() }

// newClient prepares a client for a connection in the engine's surroundings.
func (e *Engine) newClient(definition *providers.Definition, c *Connection) (*providers.Client, error) {
	settings := c.settings()
	mount, err := e.mount(context.Background(), e.storage)
	if err != nil {
		return nil, err
	}
	settings.Seed = mount.Salt
	// A clock that was set back must not make the provider's look ahead, by which the
	// ends of keys would come early.
	settings.Now = e.clock.latest
	settings.Dial, settings.Jitter = e.options.Dial, e.options.Jitter
	return providers.NewClient(definition, settings)
}
