package backend

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/keyname"
	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/backend/marks"
	"vault-plugin-secrets-apikeys/backend/queue"
	"vault-plugin-secrets-apikeys/backend/usererror"
	"vault-plugin-secrets-apikeys/providers"
)

const (
	// deadlineMargin is how long after its lease's end a key may still be in
	// the ledger before the engine itself revokes it: Vault's own revocation
	// comes first when all is well.
	deadlineMargin = time.Minute
	// emergencyTimeout bounds what is done on the spot when a mint went wrong.
	emergencyTimeout = 30 * time.Second
)

// Narrowing is what a caller asks for within what the role allows.
type Narrowing struct {
	// TTL of the lease; 0 means the role's.
	TTL time.Duration
	// Fields are the provider's own that take the place of the role's, each
	// narrower than there. Reserved are the names to offer beside them.
	Fields   map[string]any
	Reserved []string
}

// Mint issues a key at the role's provider and answers it as a lease. A
// *Mistake means that nothing was made.
func (e *Engine) Mint(ctx context.Context, req *logical.Request, roleName string, narrowing Narrowing) (*logical.Response, error) {
	order, key, err := e.issue(ctx, req.Storage, func() (*mintPlan, error) { return e.planMint(ctx, req, roleName, narrowing) })
	if err != nil {
		return nil, err
	}
	return e.leaseResponse(order, key), nil
}

// mintPlan is a mint, planned in full before the provider hears of it.
type mintPlan struct {
	bound    *boundConnection
	mount    *ledger.Mount
	roleName string
	lease    leaseTimes
	fixed    string // the fixed part of the key's name
	request  providers.KeyRequest
	scope    providers.Scope
	record   ledger.Record
	// unheld is how long a key without a lease may take to be stored; 0 with one.
	unheld time.Duration
}

func (e *Engine) planMint(ctx context.Context, req *logical.Request, roleName string, narrowing Narrowing) (*mintPlan, error) {
	role, err := e.roleInUse(ctx, req.Storage, roleName)
	if err != nil {
		return nil, err
	}
	if role == nil {
		return nil, unknownRole(roleName)
	}
	bound, err := e.bound(ctx, req.Storage, role.Connection)
	if err != nil {
		return nil, err
	}
	if !bound.connection.allows(roleName) {
		return nil, usererror.Errorf("role %q may not use connection %q; add it to allowed_roles of config/%s", roleName, role.Connection, role.Connection)
	}
	role, err = role.narrowed(bound.definition, narrowing)
	if err != nil {
		return nil, err
	}
	if len(narrowing.Fields) > 0 {
		if err := bound.definition.ValidateRole(bound.connection.Fields, role.Fields); err != nil {
			return nil, usererror.Errorf("%w", err)
		}
	}
	term, err := e.leaseTimes(role, bound.definition, narrowing, e.clock.latest())
	if err != nil {
		return nil, err
	}
	cidrs, err := keyCIDRs(role, req)
	if err != nil {
		return nil, err
	}
	if err := bound.definition.Networks.Check(cidrs); err != nil {
		return nil, usererror.Errorf("%s %w; a role with key_cidrs binds to those instead of the caller", bound.definition.Title, err)
	}
	data := keyname.Data{RoleName: roleName, DisplayName: req.DisplayName, EntityID: req.EntityID}
	o, err := e.newMintPlan(ctx, req.Storage, bound, roleName, role, data, cidrs, term.expiresAt)
	if err != nil {
		return nil, err
	}
	o.lease = term
	o.record.EntityID = req.EntityID
	o.record.DisplayName = req.DisplayName
	o.record.RequestID = req.ID
	o.record.RemoteAddr = remoteAddress(req)
	return o, nil
}

// newMintPlan plans a key that ends at the provider at expiresAt, with a name of
// its own. Its record has no deadline and no holder yet.
func (e *Engine) newMintPlan(ctx context.Context, s logical.Storage, bound *boundConnection, roleName string, role *Role, data keyname.Data, cidrs []string, expiresAt time.Time) (*mintPlan, error) {
	mount, err := e.mount(ctx, s)
	if err != nil {
		return nil, err
	}
	now := e.clock.latest()
	fixed := e.guard.namer.KeyPart(mount.Tag, now)
	name, err := keyname.New(bound.definition.KeyName, role.KeyNameTemplate, data, fixed)
	if err != nil {
		return nil, err
	}
	o := &mintPlan{
		bound:    bound,
		mount:    mount,
		roleName: roleName,
		fixed:    fixed,
		scope:    bound.definition.Scope(role.Fields, bound.connection.Fields),
		request: providers.KeyRequest{
			Name:      name,
			Role:      role.Fields,
			ExpiresAt: expiresAt,
			TTL:       bound.definition.Expiry.Life(now, expiresAt),
			CIDRs:     cidrs,
		},
	}
	o.record = ledger.Record{
		Role:             roleName,
		Scope:            o.scope,
		IssuedAt:         now,
		ExpiresAt:        nativeExpiry(bound.definition, expiresAt),
		VerifyRevocation: role.VerifyRevocation,
	}
	o.record.SetOrigin(bound.origin())
	return o, nil
}

// keyCIDRs are the networks that the key is bound to; none binds it to nothing.
func keyCIDRs(role *Role, req *logical.Request) ([]string, error) {
	if !role.BindToCaller {
		return role.KeyCIDRs, nil
	}
	address, err := netip.ParseAddr(remoteAddress(req))
	if err != nil {
		return nil, fmt.Errorf("binding the key to its caller: Vault did not say where the request came from: %w", err)
	}
	address = address.Unmap()
	return []string{netip.PrefixFrom(address, address.BitLen()).String()}, nil
}

func remoteAddress(req *logical.Request) string {
	if req.Connection == nil {
		return ""
	}
	return req.Connection.RemoteAddr
}

// issue plans an order and carries it out, anew when the connection is changed in
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
		return nil, err
	}
	defer release()
	began := time.Now()
	key, err := e.callProvider(ctx, s, o)
	e.metrics.minted(o.bound.name, time.Since(began), err)
	e.tellMinted(o, err)
	return key, err
}

func (e *Engine) callProvider(ctx context.Context, s logical.Storage, o *mintPlan) (*providers.Key, error) {
	longest := o.bound.connection.longestMint()
	if err := e.begin(ctx, s, o, longest); err != nil {
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
	if err != nil {
		return nil, e.failedMint(ctx, s, o, err)
	}
	o.setExpiry(key.Granted, e.clock.latest())
	if err := e.recordKey(ctx, s, o, key); err != nil {
		return nil, err
	}
	if o.expiresImmediately(e.clock.latest()) {
		err := fmt.Errorf("connection %q made a key that ends at once, at %s", o.bound.name, o.record.ExpiresAt.UTC().Format(time.RFC3339))
		return nil, errors.Join(err, e.revokeUndelivered(ctx, s, &o.record))
	}
	return key, nil
}

// setExpiry takes the provider at its word about the key's end, which caps the lease.
// The lease begins with the answer, however long the provider took for it, and so
// does the time after which the engine ends the key.
func (o *mintPlan) setExpiry(granted providers.Granted, answered time.Time) {
	if answered.Before(o.record.IssuedAt) { // the clock was set back
		answered = o.record.IssuedAt
	}
	o.record.ExpiresAt = granted.End(o.record.IssuedAt, o.record.ExpiresAt)
	o.record.IssuedAt = answered
	life := o.unheld
	if o.lease.ttl > 0 {
		if !o.record.ExpiresAt.IsZero() {
			o.lease.capTo(o.record.ExpiresAt.Sub(answered), o.bound.definition)
		}
		life = o.lease.ttl
	}
	o.record.Deadline = answered.Add(life + o.bound.connection.longestMint() + deadlineMargin)
}

// expiresImmediately reports whether the key is of no use to anybody.
func (o *mintPlan) expiresImmediately(now time.Time) bool {
	return !o.record.ExpiresAt.IsZero() && o.record.ExpiresAt.Sub(now) < time.Second
}

// rotatedMeanwhile reports whether the connection's credential was replaced since
// the order was made, and has the order use the new one. A rotation that is
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

// begin puts a mint in flight, unless its connection was changed since it was
// planned.
func (e *Engine) begin(ctx context.Context, s logical.Storage, o *mintPlan, longest time.Duration) error {
	gate := &e.locks.admissions.of(o.bound.name).gate
	gate.RLock()
	defer gate.RUnlock()
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
// crash is recovered from: the dirty mark, or an intent where the provider
// cannot list but the key's id is known beforehand.
func (e *Engine) writeAhead(ctx context.Context, s logical.Storage, o *mintPlan, longest time.Duration) error {
	if err := e.signBeforeUse(ctx, s); err != nil {
		return err
	}
	handle, known := o.bound.client.KnownHandle(o.request)
	if o.bound.definition.Capabilities.Reconcile || !known {
		mint := marks.Mint{Where: marks.LocationOf(o.record.Origin(), o.scope), Issued: keyname.TimeIn(o.fixed), Longest: longest}
		return e.books.marks.Begin(ctx, s, o.bound.name, o.request.Name, mint)
	}
	intent := o.cleanUp("the mint did not finish", e.clock.latest().Add(longest+e.lagOf(o.bound)))
	intent.Kind = queue.Intent
	intent.Handle = &handle
	if err := e.enqueue(ctx, s, intent, true); err != nil {
		e.finishMint(ctx, s, o)
		return err
	}
	return nil
}

// recordKey puts the key into the ledger. When that fails, or nobody is left to
// take the key, the key is revoked on the spot.
func (e *Engine) recordKey(ctx context.Context, s logical.Storage, o *mintPlan, key *providers.Key) error {
	o.record.Handle = key.Handle
	if o.record.VerifyRevocation {
		o.record.Handle = o.bound.client.KeepForProbe(key.Handle, key.Secret)
	}
	if err := e.books.ledger.Enter(context.WithoutCancel(ctx), s, o.mount, &o.record, key.Value); err != nil {
		return errors.Join(err, e.revokeUnrecorded(ctx, s, o, key.Handle))
	}
	e.books.holdingsLog.entered(&o.record)
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

// revokeUnrecorded revokes a key that could not be entered into the ledger: this node
// may be sealed or demoted, and its storage gone.
func (e *Engine) revokeUnrecorded(ctx context.Context, s logical.Storage, o *mintPlan, handle providers.Handle) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), emergencyTimeout)
	defer cancel()
	missing, err := o.bound.client.Delete(ctx, handle)
	if err == nil && !missing {
		e.dropWritten(ctx, s, &o.record)
		e.finishMint(ctx, s, o)
		return nil
	}
	if missing {
		err = errors.New("the provider does not know it yet")
	}
	entry := o.cleanUp("the key could not be entered into the ledger", e.now().Add(e.lagOf(o.bound)))
	entry.Handle = &handle
	return errors.Join(
		fmt.Errorf("revoking the key again: %w", err),
		e.leaveToQueue(ctx, s, o, entry))
}

// dropWritten removes the record of a key that is gone, should the write of it
// that failed have been carried out all the same. What is left of it the reaper
// finds.
func (e *Engine) dropWritten(ctx context.Context, s logical.Storage, r *ledger.Record) {
	written, err := ledger.GetNamed(ctx, s, r.ID, r.Handle.Name)
	if err == nil && written != nil {
		err = e.books.ledger.Delete(ctx, s, written)
	}
	if err != nil {
		e.log.Warn("it is not known whether a key that is gone is in the ledger; the reaper will see", "connection", r.Connection, "key_name", r.Handle.Name, "error", err)
	}
}

// failedMint sorts out an issue that failed and answers what the caller is told.
func (e *Engine) failedMint(ctx context.Context, s logical.Storage, o *mintPlan, err error) error {
	var refusal *providers.Error
	errors.As(err, &refusal)
	if refusal != nil && refusal.Leftover != nil {
		return errors.Join(err, e.leaveUndo(ctx, s, o, refusal.Leftover))
	}
	if providers.NothingMade(err) {
		e.finishMint(ctx, s, o)
		return e.refused(o, refusal)
	}
	return errors.Join(
		fmt.Errorf("no key was handed out: %w", err),
		e.resolveUnknown(ctx, s, o, refusal))
}

// refused turns a provider's no into what the caller is told: only what the
// caller or the operator can mend is a mistake.
func (e *Engine) refused(o *mintPlan, refusal *providers.Error) error {
	switch refusal.Kind {
	case providers.Refused, providers.Unauthorized:
		return usererror.Errorf("connection %q made no key: %w", o.bound.name, refusal)
	}
	return fmt.Errorf("connection %q made no key: %w", o.bound.name, refusal)
}

// leaveUndo queues what a failed mint of several steps could not undo. The key
// itself may exist too, so it is looked for as well.
func (e *Engine) leaveUndo(ctx context.Context, s logical.Storage, o *mintPlan, leftover *providers.Leftover) error {
	entry := o.cleanUp("a step could not be undone", e.clock.latest().Add(o.bound.connection.longestMint()+e.lagOf(o.bound)))
	entry.Kind = queue.Undo
	entry.Undo = leftover
	return e.leaveToQueue(ctx, s, o, entry)
}

// resolveUnknown finds out whether the key was made, and revokes it, at once
// where the provider answers, else by the queue.
func (e *Engine) resolveUnknown(ctx context.Context, s logical.Storage, o *mintPlan, failure *providers.Error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), emergencyTimeout)
	defer cancel()
	entry := o.cleanUp("the outcome of the mint is unknown", e.clock.latest().Add(o.bound.connection.longestMint()+e.lagOf(o.bound)))
	if handle, known := o.bound.client.KnownHandle(o.request); known {
		entry.Handle = &handle
	} else if failure != nil {
		entry.Handle = failure.Made
	}
	gone, err := e.revokeByName(ctx, o.bound, &entry)
	if gone {
		e.finishMint(ctx, s, o)
		return nil
	}
	if err != nil {
		e.log.Warn("a key whose mint has an unknown outcome could not be looked for yet", "connection", o.bound.name, "key_name", o.request.Name, "error", err)
	}
	return e.leaveToQueue(ctx, s, o, entry)
}

// leaveToQueue hands a failed mint to the queue. The key counts as in flight,
// and the connection so stays dirty, until the entry is on disk.
func (e *Engine) leaveToQueue(ctx context.Context, s logical.Storage, o *mintPlan, entry queue.Entry) error {
	if err := e.enqueue(context.WithoutCancel(ctx), s, entry, false); err != nil {
		return err
	}
	e.books.marks.End(o.bound.name, o.request.Name)
	e.triggerQueue()
	return nil
}

// cleanUpID is the part of the key's name that no provider's alphabet touches.
func (o *mintPlan) cleanUpID() string { return o.fixed }

func (o *mintPlan) cleanUp(reason string, trustAbsenceAfter time.Time) queue.Entry {
	entry := queue.Entry{
		ID:                o.cleanUpID(),
		Kind:              queue.CleanUp,
		Role:              o.roleName,
		KeyName:           o.request.Name,
		Reason:            reason,
		Scope:             o.scope,
		TrustAbsenceAfter: trustAbsenceAfter,
		ExpiresAt:         o.record.ExpiresAt,
	}
	entry.SetOrigin(o.record.Origin())
	return entry
}

// leaseResponse is the answer to the reader: the only place that a secret goes.
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
