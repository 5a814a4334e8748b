package backend

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
)

// inheritance is what earlier processes left on disk. It is taken over step by
// step; a step that storage refuses is tried again, and those behind it wait.
type inheritance struct {
	steps    []func(context.Context, logical.Storage) error
	attempts int
	nextTry  time.Time
	// over is set once nothing is left.
	over atomic.Bool
}

// takeOver goes on with the steps that are left. What cannot be read is left
// out and told of: one broken entry must not keep the engine from its work.
func (e *Engine) takeOver(ctx context.Context, s logical.Storage) error {
	left := &e.inheritance
	for len(left.steps) > 0 {
		err := left.steps[0](ctx, s)
		switch {
		case errors.Is(err, errUnreadable):
			e.log.Error("a part of what an earlier process left to be done cannot be read; the rest is done", "error", err)
		case err != nil:
			left.attempts++
			left.nextTry = e.now().Add(e.jitter.pause("inheritance", left.attempts, longestConnectionRetry))
			return err
		}
		left.steps = left.steps[1:]
	}
	left.over.Store(true)
	return nil
}

// resumeTakeOver tries again what storage refused.
func (e *Engine) resumeTakeOver(ctx context.Context) {
	if len(e.inheritance.steps) == 0 || e.now().Before(e.inheritance.nextTry) {
		return
	}
	if err := e.takeOver(ctx, e.storage); err != nil {
		e.log.Warn("what an earlier process left to be done cannot be taken over yet", "error", err)
	}
}

// findIdentity makes the mount's identity, where that has not been done.
func (e *Engine) findIdentity(ctx context.Context, s logical.Storage) error {
	_, err := e.mount(ctx, s)
	return err
}
