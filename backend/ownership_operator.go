package backend

import (
	"context"
	"errors"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/backend/stored"
	"vault-plugin-secrets-apikeys/backend/usererror"
)

// Ownership is whether a mount acts, and what waits while it does not.
type Ownership struct {
	// Epoch tells this process from others that use the same storage.
	Epoch string
	// Passive says that the mount ends, replaces and removes nothing.
	Passive bool
	// Doubt is why the mount is passive; nil where it is not, or where another
	// process has taken over.
	Doubt *Doubt
	// Superseded says that another process has taken over.
	Superseded bool
	// ClaimAfterCrash says that the mount waits for a claim after every process that
	// stopped without a release.
	ClaimAfterCrash bool
	// PastDeadline counts the keys that the reaper would have ended, and Queued
	// the revocations that wait; both are 0 where the mount is not passive.
	PastDeadline, Queued int
}

// Ownership tells whether the mount acts.
func (e *Engine) Ownership(ctx context.Context, s logical.Storage) (Ownership, error) {
	passive := e.passive()
	o := &e.guard.ownership
	o.mu.Lock()
	told := Ownership{Epoch: o.epoch, Passive: passive, Doubt: o.own.Doubt, Superseded: o.superseded, ClaimAfterCrash: o.own.ClaimAfterCrash}
	o.mu.Unlock()
	if !passive {
		return told, nil
	}
	told.Queued = e.books.queue.Len()
	for r, err := range ledger.All(ctx, s) {
		if errors.Is(err, stored.ErrUnreadable) {
			continue
		}
		if err != nil {
			return told, err
		}
		held, err := e.heldByStaticRole(ctx, r)
		if err != nil {
			return told, err
		}
		if !held && !e.now().Before(r.Deadline) {
			told.PastDeadline++
		}
	}
	return told, nil
}

// ClaimOwnership has the mount act: an operator says that it is the only one. By
// a clock that was wrong at the start, which may be what made the mount passive,
// it would end what is held.
func (e *Engine) ClaimOwnership(ctx context.Context, req *logical.Request) error {
	if moved := e.clock.moved(); e.passive() && moved > sooner {
		return usererror.Errorf("the clock was set by %s since this mount was started; have it started anew (vault plugin reload -mounts=...) and write ownership/claim then", moved.Round(time.Second))
	}
	return e.changeOwnership(ctx, req, nil, eventClaimed, "an operator says that this mount is the only one of its kind; it acts")
}

// YieldOwnership makes the mount passive until it is claimed: an operator says
// that another one is the owner of what it knows.
func (e *Engine) YieldOwnership(ctx context.Context, req *logical.Request) error {
	doubt := &Doubt{Since: e.now(), Reason: "an operator left what this mount knows to another one", Yielded: true}
	return e.changeOwnership(ctx, req, doubt, eventYielded, "an operator left what this mount knows to another one; it is passive")
}

// SetClaimAfterCrash says whether the mount is to wait for a claim after every process
// that stopped without a release, however fresh its sign of life is.
func (e *Engine) SetClaimAfterCrash(ctx context.Context, s logical.Storage, wait bool) error {
	if err := e.findOwnership(ctx, s); err != nil {
		return err
	}
	o := &e.guard.ownership
	o.writing.Lock()
	defer o.writing.Unlock()
	// Its signature would take the mount from whoever has taken it over.
	if theirs, err := e.signedByAnother(ctx, s); err != nil {
		return err
	} else if theirs {
		return usererror.Errorf("another process has taken this mount over; write this there")
	}
	changed := o.signature()
	changed.ClaimAfterCrash = wait
	return e.sign(ctx, s, changed)
}

func (e *Engine) changeOwnership(ctx context.Context, req *logical.Request, doubt *Doubt, event, said string) error {
	if err := e.findOwnership(ctx, req.Storage); err != nil {
		return err
	}
	o := &e.guard.ownership
	o.writing.Lock()
	defer o.writing.Unlock()
	changed := o.signature()
	if doubt != nil {
		doubt.Before = append(makersOf(changed.Former), changed.Maker)
	}
	changed.Doubt = doubt
	if doubt == nil {
		changed.Lookout = nil
	}
	if err := e.sign(ctx, req.Storage, changed); err != nil {
		return err
	}
	o.mu.Lock()
	o.superseded = false
	o.mu.Unlock()
	if doubt == nil {
		e.guard.lookout.end()
	}
	e.tell(event, "ownership", true)
	e.log.Warn(said, "entity_id", req.EntityID, "display_name", req.DisplayName, "request_id", req.ID)
	e.triggerQueue()
	return nil
}
