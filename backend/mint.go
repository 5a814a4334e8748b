package backend

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/keyname"
	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/backend/marks"
	"vault-plugin-secrets-apikeys/backend/queue"
	"vault-plugin-secrets-apikeys/providers"
)

// Mint issues a key at the role's provider and answers it as a lease. A
// *usererror.Error means that nothing was made.
func (e *Engine) Mint(ctx context.Context, req *logical.Request, roleName string, narrowing Narrowing) (*logical.Response, error) {
	plan, key, err := e.issue(ctx, req.Storage, func() (*mintPlan, error) { return e.planMint(ctx, req, roleName, narrowing) })
	if err != nil {
		if plan == nil {
			e.tellRefused(roleName, err)
		}
		return nil, err
	}
	return e.leaseResponse(plan, key), nil
}

// issue plans a mint and carries it out, anew when the connection is changed in
// between. Whatever happens, afterwards the key is in the ledger, or does not
// exist, or stands on the queue.
func (e *Engine) issue(ctx context.Context, s logical.Storage, plan func() (*mintPlan, error)) (*mintPlan, *providers.Key, error) {
	for range mostPlans {
		o, err := plan()
		if err != nil {
			return nil, nil, err
		}
		key, err := e.issueOnce(ctx, s, o)
		if !errors.Is(err, errReplan) {
			return o, key, err
		}
	}
	return nil, nil, errReplan
}

func (e *Engine) issueOnce(ctx context.Context, s logical.Storage, o *mintPlan) (*providers.Key, error) {
	release, err := e.locks.admissions.slot(ctx, o.bound.name)
	if err != nil {
		e.tellMinted(o, err)
		return nil, err
	}
	defer release()
	began := time.Now()
	key, err := e.callProvider(ctx, s, o)
	e.metrics.minted(&o.record, time.Since(began), err)
	e.tellMinted(o, err)
	return key, err
}

func (e *Engine) callProvider(ctx context.Context, s logical.Storage, o *mintPlan) (*providers.Key, error) {
	longest := o.bound.connection.longestMint()
	if err := e.beginMint(ctx, s, o, longest); err != nil {
		return nil, err
	}
	// The call outlives the caller: hanging up must not leave its outcome
	// unknown.
	callCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), longest)
	defer cancel()
	key, err := o.bound.client.Issue(callCtx, o.request)
	if providers.KindOf(err) == providers.Unauthorized && providers.NothingMade(err) && e.rotatedMeanwhile(callCtx, s, o) {
		key, err = o.bound.client.Issue(callCtx, o.request)
	}
	if err != nil && o.record.InPlace {
		return nil, e.failedInPlace(ctx, s, o, err)
	}
	if err != nil {
		return nil, e.failedMint(ctx, s, o, err)
	}
	o.record.Ahead = max(o.record.Ahead, e.clock.ahead())
	o.setExpiry(key.ActualExpiry, e.clock.latest())
	o.setGranted(key.Granted)
	if err := e.recordKey(ctx, s, o, key); err != nil {
		return nil, err
	}
	if o.expiresImmediately(e.clock.latest()) && !o.record.InPlace {
		err := fmt.Errorf("connection %q made a key that ends at once, at %s, or the clock was wrong meanwhile", o.bound.name, o.record.ExpiresAt.UTC().Format(time.RFC3339))
		return nil, errors.Join(err, e.revokeUndelivered(ctx, s, &o.record))
	}
	if more := key.Granted.More; len(more) > 0 && o.record.InPlace {
		e.log.Warn("a credential that was replaced in place may do more than was asked for; it is kept all the same, since others hold it too", "connection", o.bound.name, "more", firstFew(more))
	} else if len(more) > 0 {
		err := fmt.Errorf("connection %q made a key that may do more than was asked for (%s), so it is revoked", o.bound.name, firstFew(more))
		return nil, errors.Join(err, e.revokeUndelivered(ctx, s, &o.record))
	}
	return key, nil
}

// rotatedMeanwhile reports whether the connection's credential was replaced since
// the mint was planned, and has it use the new one. A rotation that is
// under way is waited for.
func (e *Engine) rotatedMeanwhile(ctx context.Context, s logical.Storage, o *mintPlan) bool {
	unlock, err := e.locks.rotations.Lock(ctx, rootJobPrefix+o.bound.name)
	if err != nil {
		return false
	}
	unlock()
	now, err := e.bound(ctx, s, o.bound.name)
	if err != nil || now == o.bound || now.origin() != o.record.Origin() {
		return false
	}
	o.bound = now
	return true
}

// beginMint puts a mint in flight, unless its connection was changed since it was
// planned.
func (e *Engine) beginMint(ctx context.Context, s logical.Storage, o *mintPlan, longest time.Duration) error {
	defer e.locks.admissions.start(o.bound.name)()
	now, err := e.bound(ctx, s, o.bound.name)
	if err != nil {
		return err
	}
	if now != o.bound {
		if now.origin() != o.record.Origin() {
			return errReplan
		}
		o.bound = now // its client was renewed
	}
	return e.writeAhead(ctx, s, o, longest)
}

// writeAhead leaves on disk, before the provider is called, the trace by which a
// crash is recovered from: the dirty mark, or an intent where the provider cannot list
// keys by name but this one can be found, by an id that is known beforehand or by its name.
//
//life:begin announced leaves a trace on disk
func (e *Engine) writeAhead(ctx context.Context, s logical.Storage, o *mintPlan, longest time.Duration) error {
	if err := e.signBeforeUse(ctx, s); err != nil {
		return err
	}
	if o.record.InPlace {
		return nil // its static role has noted that it is replaced
	}
	can := o.bound.definition.Capabilities
	var handle providers.Handle
	known := false
	if !can.Reconcile {
		handle, known = o.ownHandle()
	}
	if can.Reconcile || !known && !can.Lookup {
		mint := marks.Mint{Where: marks.LocationOf(o.record.Origin(), o.scope), Issued: keyname.TimeIn(o.fixed), Longest: longest}
		return e.books.marks.Begin(ctx, s, o.bound.name, o.request.Name, mint)
	}
	intent := o.cleanUp("the mint did not finish", e.clock.latest().Add(longest+e.lagOf(o.bound)))
	intent.Kind = queue.Intent
	if known {
		intent.Handle = &handle
	}
	if err := e.enqueue(ctx, s, intent, true); err != nil {
		e.finishMint(ctx, s, o)
		return err
	}
	return nil
}

// recordKey puts the key into the ledger. When that fails, or nobody is left to
// take the key, the key is revoked on the spot.
//
//life:announced recorded puts the key into the ledger
func (e *Engine) recordKey(ctx context.Context, s logical.Storage, o *mintPlan, key *providers.Key) error {
	o.record.Handle, o.record.Credential = key.Handle, o.bound.credential
	// The answer may tell of what that mint has made.
	o.record.Misnamed = e.seeksMintBefore(&o.record)
	o.record.Uncompared = !e.books.ledger.IsListed()
	if o.record.VerifyRevocation == ledger.ByProbe {
		o.record.Handle = o.bound.client.KeepForProbe(key.Handle, key.Secret)
	}
	if err := e.books.ledger.Add(context.WithoutCancel(ctx), s, o.mount, &o.record, key.Value); err != nil {
		if o.record.InPlace {
			return e.failedInPlace(ctx, s, o, err)
		}
		return errors.Join(err, e.revokeUnrecorded(ctx, s, o, key.Handle))
	}
	e.books.holdingsLog.added(&o.record, e.namedBy(&o.record), e.targets(&o.record))
	if o.record.InPlace {
		e.finishMint(ctx, s, o)
		return nil
	}
	if other, err := e.sharedWith(ctx, s, &o.record); err != nil || other != "" {
		return e.refuseShared(ctx, s, o, other, err)
	}
	e.finishMint(ctx, s, o)
	if ctx.Err() != nil {
		err := fmt.Errorf("the caller went away: %w", context.Cause(ctx))
		return errors.Join(err, e.revokeUndelivered(ctx, s, &o.record))
	}
	return nil
}

// finishMint ends a mint of which nothing is left to clear up.
func (e *Engine) finishMint(ctx context.Context, s logical.Storage, o *mintPlan) {
	if err := e.books.queue.Remove(context.WithoutCancel(ctx), s, o.cleanUpID()); err != nil {
		e.log.Warn("an intent stays on disk; it is removed with the next try", "key_name", o.request.Name, "error", err)
		e.books.queue.Release(o.cleanUpID(), "the intent could not be removed")
	}
	e.books.marks.End(o.bound.name, o.request.Name)
}

// leaseResponse is the answer to the reader: the only place that a secret goes.
//
//life:recorded leased is the only place a secret goes
func (e *Engine) leaseResponse(o *mintPlan, key *providers.Key) *logical.Response {
	data := map[string]any{"key_name": o.request.Name}
	if !o.record.ExpiresAt.IsZero() {
		data["expires_at"] = o.record.ExpiresAt.UTC().Format(time.RFC3339)
	}
	maps.Copy(data, key.Secret)
	response := e.Secret(secretType).Response(data, leaseData{
		RecordID:   o.record.ID,
		KeyName:    o.request.Name,
		Role:       o.roleName,
		Connection: o.bound.name,
		Handle:     o.record.UnsealedHandle(),
		ExpiresAt:  o.record.ExpiresAt,
		IssuedAt:   o.record.IssuedAt,
		Origin:     o.record.Origin(),
	}.internal())
	response.Secret.TTL = o.lease.ttl
	response.Secret.MaxTTL = o.lease.maxTTL
	for _, warning := range o.lease.warnings {
		response.AddWarning(warning)
	}
	return response
}
