package backend

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/retry"
	"vault-plugin-secrets-apikeys/backend/stored"
)

// loading is what earlier processes left on disk. It is taken over step by
// step; a step that storage refuses is tried again, and those behind it wait.
type loading struct {
	steps    []func(context.Context, logical.Storage) error
	attempts int
	nextTry  time.Time
	// over is set once nothing is left.
	over atomic.Bool
}

// loadState goes on with the steps that are left. What cannot be read is left
// out and told of: one broken entry must not keep the engine from its work.
func (e *Engine) loadState(ctx context.Context, s logical.Storage) error {
	left := &e.pending.loading
	for len(left.steps) > 0 {
		err := left.steps[0](ctx, s)
		switch {
		case errors.Is(err, stored.ErrUnreadable):
			e.log.Error("a part of what an earlier process left to be done cannot be read; the rest is done", "error", err)
		case err != nil:
			left.attempts++
			left.nextTry = e.now().Add(e.jitter.Pause("loading", left.attempts, retry.LongestUnreachable))
			return err
		}
		left.steps = left.steps[1:]
	}
	left.over.Store(true)
	return nil
}

// resumeLoading tries again what storage refused.
func (e *Engine) resumeLoading(ctx context.Context) {
	if len(e.pending.loading.steps) == 0 || e.now().Before(e.pending.loading.nextTry) {
		return
	}
	if err := e.loadState(ctx, e.storage); err != nil {
		e.log.Warn("what an earlier process left to be done cannot be taken over yet", "error", err)
	}
}

// findIdentity makes the mount's identity, where that has not been done.
func (e *Engine) findIdentity(ctx context.Context, s logical.Storage) error {
	_, err := e.mount(ctx, s)
	return err
}
