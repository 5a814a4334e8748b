package backend

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

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
	order, key, err := e.issue(ctx, req.Storage, func() (*order, error) { return e.order(ctx, req, roleName, narrowing) })
	if err != nil {
		return nil, err
	}
	return e.leaseResponse(order, key), nil
}

// order is a mint, planned in full before the provider hears of it.
type order struct {
	site     *site
	mount    *mount
	roleName string
	term     term
	fixed    string // the fixed part of the key's name
	request  providers.KeyRequest
	scope    providers.Scope
	record   Record
	// unheld is how long a key without a lease may take to be stored; 0 with one.
	unheld time.Duration
}

func (e *Engine) order(ctx context.Context, req *logical.Request, roleName string, narrowing Narrowing) (*order, error) {
	role, err := e.Role(ctx, req.Storage, roleName)
	if err != nil {
		return nil, err
	}
	if role == nil {
		return nil, unknownRole(roleName)
	}
	site, err := e.site(ctx, req.Storage, role.Connection)
	if err != nil {
		return nil, err
	}
	if !site.connection.allows(roleName) {
		return nil, mistake("role %q may not use connection %q; add it to allowed_roles of config/%s", roleName, role.Connection, role.Connection)
	}
	role, err = role.narrowed(site.definition, narrowing)
	if err != nil {
		return nil, err
	}
	term, err := e.term(role, site.definition, narrowing, e.clock.latest())
	if err != nil {
		return nil, err
	}
	cidrs, err := keyCIDRs(role, req)
	if err != nil {
		return nil, err
	}
	data := nameData{RoleName: roleName, DisplayName: req.DisplayName, EntityID: req.EntityID}
	o, err := e.newOrder(ctx, req.Storage, site, roleName, role, data, cidrs, term.expiresAt)
	if err != nil {
		return nil, err
	}
	o.term = term
	o.record.EntityID = req.EntityID
	o.record.DisplayName = req.DisplayName
	o.record.RequestID = req.ID
	o.record.RemoteAddr = remoteAddress(req)
	return o, nil
}

// newOrder plans a key that ends at the provider at expiresAt, with a name of
// its own. Its record has no deadline and no holder yet.
func (e *Engine) newOrder(ctx context.Context, s logical.Storage, site *site, roleName string, role *Role, data nameData, cidrs []string, expiresAt time.Time) (*order, error) {
	mount, err := e.mount(ctx, s)
	if err != nil {
		return nil, err
	}
	now := e.clock.latest()
	fixed := e.namer.fixedPart(mount.Tag, now)
	name, err := keyName(site.definition.KeyName, role.KeyNameTemplate, data, fixed)
	if err != nil {
		return nil, err
	}
	o := &order{
		site:     site,
		mount:    mount,
		roleName: roleName,
		fixed:    fixed,
		scope:    site.definition.Scope(role.Fields, site.connection.Fields),
		request: providers.KeyRequest{
			Name:      name,
			Role:      role.Fields,
			ExpiresAt: expiresAt,
			TTL:       site.definition.Expiry.Life(now, expiresAt),
			CIDRs:     cidrs,
		},
	}
	o.record = Record{
		Role:             roleName,
		Scope:            o.scope,
		IssuedAt:         now,
		ExpiresAt:        nativeExpiry(site.definition, expiresAt),
		VerifyRevocation: role.VerifyRevocation,
	}
	o.record.setOrigin(site.origin())
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
func (e *Engine) issue(ctx context.Context, s logical.Storage, plan func() (*order, error)) (*order, *providers.Key, error) {
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

func (e *Engine) issueOnce(ctx context.Context, s logical.Storage, o *order) (*providers.Key, error) {
	release, err := e.admissions.slot(ctx, o.site.name)
	if err != nil {
		return nil, err
	}
	defer release()
	began := time.Now()
	key, err := e.carryOut(ctx, s, o)
	e.metrics.minted(o.site.name, time.Since(began), err)
	return key, err
}

func (e *Engine) carryOut(ctx context.Context, s logical.Storage, o *order) (*providers.Key, error) {
	longest := o.site.connection.longestMint()
	if err := e.begin(ctx, s, o, longest); err != nil {
		return nil, err
	}
	// The call outlives the caller: hanging up must not leave its outcome
	// unknown.
	callCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), longest)
	defer cancel()
	key, err := o.site.client.Issue(callCtx, o.request)
	if providers.KindOf(err) == providers.Unauthorized && providers.NothingMade(err) && e.rotatedMeanwhile(callCtx, s, o) {
		key, err = o.site.client.Issue(callCtx, o.request)
	}
	if err != nil {
		return nil, e.failedMint(ctx, s, o, err)
	}
	o.grant(key.Granted, e.clock.latest())
	if err := e.enter(ctx, s, o, key); err != nil {
		return nil, err
	}
	if o.stillborn(e.clock.latest()) {
		err := fmt.Errorf("connection %q made a key that ends at once, at %s", o.site.name, o.record.ExpiresAt.UTC().Format(time.RFC3339))
		return nil, errors.Join(err, e.revokeUnheld(ctx, s, &o.record))
	}
	return key, nil
}

// grant takes the provider at its word about the key's end, which caps the lease.
// The lease begins with the answer, however long the provider took for it, and so
// does the time after which the engine ends the key.
func (o *order) grant(granted providers.Granted, answered time.Time) {
	if answered.Before(o.record.IssuedAt) { // the clock was set back
		answered = o.record.IssuedAt
	}
	o.record.ExpiresAt = granted.End(o.record.IssuedAt, o.record.ExpiresAt)
	o.record.IssuedAt = answered
	life := o.unheld
	if o.term.ttl > 0 {
		if !o.record.ExpiresAt.IsZero() {
			o.term.capTo(o.record.ExpiresAt.Sub(answered), o.site.definition)
		}
		life = o.term.ttl
	}
	o.record.Deadline = answered.Add(life + o.site.connection.longestMint() + deadlineMargin)
}

// stillborn reports whether the key is of no use to anybody.
func (o *order) stillborn(now time.Time) bool {
	return !o.record.ExpiresAt.IsZero() && o.record.ExpiresAt.Sub(now) < time.Second
}

// rotatedMeanwhile reports whether the connection's credential was replaced since
// the order was made, and has the order use the new one. A rotation that is
// under way is waited for.
func (e *Engine) rotatedMeanwhile(ctx context.Context, s logical.Storage, o *order) bool {
	unlock, err := e.rotationLocks.lock(ctx, rootJobPrefix+o.site.name)
	if err != nil {
		return false
	}
	unlock()
	now, err := e.site(ctx, s, o.site.name)
	if err != nil || now == o.site || now.origin() != o.record.origin() {
		return false
	}
	o.site = now
	return true
}

// begin puts a mint in flight, unless its connection was changed since it was
// planned.
func (e *Engine) begin(ctx context.Context, s logical.Storage, o *order, longest time.Duration) error {
	gate := &e.admissions.of(o.site.name).gate
	gate.RLock()
	defer gate.RUnlock()
	now, err := e.site(ctx, s, o.site.name)
	if err != nil {
		return err
	}
	if now != o.site {
		if now.origin() != o.record.origin() {
			return errReplan
		}
		o.site = now // its client was renewed
	}
	return e.announce(ctx, s, o, longest)
}

// announce leaves on disk, before the provider is called, the trace by which a
// crash is recovered from: the dirty mark, or an intent where the provider
// cannot list but the key's id is known beforehand.
func (e *Engine) announce(ctx context.Context, s logical.Storage, o *order, longest time.Duration) error {
	if err := e.signBeforeUse(ctx, s); err != nil {
		return err
	}
	handle, known := o.site.client.KnownHandle(o.request)
	if o.site.definition.Capabilities.Reconcile || !known {
		mint := call{where: placeOf(o.record.origin(), o.scope), issued: timeIn(o.fixed), longest: longest}
		return e.activity.begin(ctx, s, o.site.name, o.request.Name, mint)
	}
	intent := o.cleanUp("the mint did not finish", e.clock.latest().Add(longest+e.lagOf(o.site)))
	intent.Kind = queueIntent
	intent.Handle = &handle
	if err := e.queue.add(ctx, s, intent, true); err != nil {
		e.settled(ctx, s, o)
		return err
	}
	return nil
}

// enter puts the key into the ledger. When that fails, or nobody is left to
// take the key, the key is revoked on the spot.
func (e *Engine) enter(ctx context.Context, s logical.Storage, o *order, key *providers.Key) error {
	o.record.Handle = key.Handle
	if o.record.VerifyRevocation {
		o.record.Handle = o.site.client.KeepForProbe(key.Handle, key.Secret)
	}
	if err := e.ledger.enter(context.WithoutCancel(ctx), s, o.mount, &o.record, key.Value); err != nil {
		return errors.Join(err, e.abandon(ctx, s, o, key.Handle))
	}
	e.holdingsLog.entered(&o.record)
	e.settled(ctx, s, o)
	if ctx.Err() != nil {
		err := fmt.Errorf("the caller went away: %w", context.Cause(ctx))
		return errors.Join(err, e.revokeUnheld(ctx, s, &o.record))
	}
	return nil
}

// settled ends a mint of which nothing is left to clear up.
func (e *Engine) settled(ctx context.Context, s logical.Storage, o *order) {
	if err := e.queue.remove(context.WithoutCancel(ctx), s, o.cleanUpID()); err != nil {
		e.log.Warn("an intent stays on disk; it is removed with the next try", "key_name", o.request.Name, "error", err)
		e.queue.release(o.cleanUpID(), "the intent could not be removed")
	}
	e.activity.end(o.site.name, o.request.Name)
}

// abandon revokes a key that could not be entered into the ledger: this node
// may be sealed or demoted, and its storage gone.
func (e *Engine) abandon(ctx context.Context, s logical.Storage, o *order, handle providers.Handle) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), emergencyTimeout)
	defer cancel()
	missing, err := o.site.client.Delete(ctx, handle)
	if err == nil && !missing {
		e.settled(ctx, s, o)
		return nil
	}
	if missing {
		err = errors.New("the provider does not know it yet")
	}
	entry := o.cleanUp("the key could not be entered into the ledger", e.now().Add(e.lagOf(o.site)))
	entry.Handle = &handle
	return errors.Join(
		fmt.Errorf("revoking the key again: %w", err),
		e.leaveToQueue(ctx, s, o, entry))
}

// failedMint sorts out an issue that failed and answers what the caller is told.
func (e *Engine) failedMint(ctx context.Context, s logical.Storage, o *order, err error) error {
	var refusal *providers.Error
	errors.As(err, &refusal)
	if refusal != nil && refusal.Leftover != nil {
		return errors.Join(err, e.leaveUndo(ctx, s, o, refusal.Leftover))
	}
	if providers.NothingMade(err) {
		e.settled(ctx, s, o)
		return e.refused(o, refusal)
	}
	return errors.Join(
		fmt.Errorf("no key was handed out: %w", err),
		e.resolveUnknown(ctx, s, o, refusal))
}

// refused turns a provider's no into what the caller is told: only what the
// caller or the operator can mend is a mistake.
func (e *Engine) refused(o *order, refusal *providers.Error) error {
	switch refusal.Kind {
	case providers.Refused, providers.Unauthorized:
		return mistake("connection %q made no key: %w", o.site.name, refusal)
	}
	return fmt.Errorf("connection %q made no key: %w", o.site.name, refusal)
}

// leaveUndo queues what a failed mint of several steps could not undo. The key
// itself may exist too, so it is looked for as well.
func (e *Engine) leaveUndo(ctx context.Context, s logical.Storage, o *order, leftover *providers.Leftover) error {
	entry := o.cleanUp("a step could not be undone", e.clock.latest().Add(o.site.connection.longestMint()+e.lagOf(o.site)))
	entry.Kind = queueUndo
	entry.Undo = leftover
	return e.leaveToQueue(ctx, s, o, entry)
}

// resolveUnknown finds out whether the key was made, and revokes it, at once
// where the provider answers, else by the queue.
func (e *Engine) resolveUnknown(ctx context.Context, s logical.Storage, o *order, failure *providers.Error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), emergencyTimeout)
	defer cancel()
	entry := o.cleanUp("the outcome of the mint is unknown", e.clock.latest().Add(o.site.connection.longestMint()+e.lagOf(o.site)))
	if handle, known := o.site.client.KnownHandle(o.request); known {
		entry.Handle = &handle
	} else if failure != nil {
		entry.Handle = failure.Made
	}
	gone, err := e.revokeByName(ctx, o.site, &entry)
	if gone {
		e.settled(ctx, s, o)
		return nil
	}
	if err != nil {
		e.log.Warn("a key whose mint has an unknown outcome could not be looked for yet", "connection", o.site.name, "key_name", o.request.Name, "error", err)
	}
	return e.leaveToQueue(ctx, s, o, entry)
}

// leaveToQueue hands a failed mint to the queue. The key counts as in flight,
// and the connection so stays dirty, until the entry is on disk.
func (e *Engine) leaveToQueue(ctx context.Context, s logical.Storage, o *order, entry QueueEntry) error {
	if err := e.queue.add(context.WithoutCancel(ctx), s, entry, false); err != nil {
		return err
	}
	e.activity.end(o.site.name, o.request.Name)
	e.wake()
	return nil
}

// cleanUpID is the part of the key's name that no provider's alphabet touches.
func (o *order) cleanUpID() string { return o.fixed }

func (o *order) cleanUp(reason string, settledAt time.Time) QueueEntry {
	entry := QueueEntry{
		ID:        o.cleanUpID(),
		Kind:      queueCleanUp,
		Role:      o.roleName,
		KeyName:   o.request.Name,
		Reason:    reason,
		Scope:     o.scope,
		SettledAt: settledAt,
		ExpiresAt: o.record.ExpiresAt,
	}
	entry.setOrigin(o.record.origin())
	return entry
}

// leaseResponse is the answer to the reader: the only place that a secret goes.
func (e *Engine) leaseResponse(o *order, key *providers.Key) *logical.Response {
	data := map[string]any{"key_name": o.request.Name}
	if !o.record.ExpiresAt.IsZero() {
		data["expires_at"] = o.record.ExpiresAt.UTC().Format(time.RFC3339)
	}
	maps.Copy(data, key.Secret)
	response := e.Secret(secretType).Response(data, leaseData{
		RecordID:   o.record.ID,
		KeyName:    o.request.Name,
		Role:       o.roleName,
		Connection: o.site.name,
		Handle:     o.record.unsealedHandle(),
		ExpiresAt:  o.record.ExpiresAt,
		IssuedAt:   o.record.IssuedAt,
		Origin:     o.record.origin(),
	}.internal())
	response.Secret.TTL = o.term.ttl
	response.Secret.MaxTTL = o.term.maxTTL
	for _, warning := range o.term.warnings {
		response.AddWarning(warning)
	}
	return response
}
