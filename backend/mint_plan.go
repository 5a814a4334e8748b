package backend

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/keyname"
	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/backend/queue"
	"vault-plugin-secrets-apikeys/backend/usererror"
	"vault-plugin-secrets-apikeys/providers"
)

// deadlineMargin is how long after its lease's end a key may still be in the ledger
// before the engine itself revokes it: Vault's own revocation comes first when all
// is well.
const deadlineMargin = time.Minute

// Narrowing is what a caller asks for within what the role allows.
type Narrowing struct {
	// TTL of the lease; 0 means the role's.
	TTL time.Duration
	// Fields are the provider's own that take the place of the role's, each
	// narrower than there. Reserved are the names to offer beside them.
	Fields   map[string]any
	Reserved []string
}

// mintPlan is a mint, planned in full before the provider hears of it.
type mintPlan struct {
	bound    *boundConnection
	mount    *ledger.Mount
	roleName string
	lease    leaseTimes
	fixed    string // the fixed part of the key's name
	request  providers.KeyRequest
	scope    providers.ListingScope
	record   ledger.Record
	// storeWithin is how long a key without a lease may take to be stored; 0 with one.
	storeWithin time.Duration
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
	if err := refuseLeaseInPlace(bound); err != nil {
		return nil, err
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
	times, err := e.leaseTimes(role, bound.definition, narrowing, e.clock.latest())
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
	o, err := e.newMintPlan(ctx, req.Storage, bound, roleName, role, data, cidrs, times.expiresAt)
	if err != nil {
		return nil, err
	}
	o.lease = times
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
	now, ahead := e.clock.latest(), e.clock.ahead()
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
		scope:    bound.definition.ListingScope(role.Fields, bound.connection.Fields),
		request: providers.KeyRequest{
			Name:      name,
			Part:      fixed,
			Role:      role.Fields,
			ExpiresAt: expiresAt,
			TTL:       bound.definition.Expiry.Life(now, expiresAt),
			CIDRs:     cidrs,
			Spare:     e.spares(s, bound, claim{part: fixed, failed: true}),
		},
	}
	o.record = ledger.Record{
		Role:             roleName,
		Scope:            o.scope,
		IssuedAt:         now,
		ExpiresAt:        nativeExpiry(bound.definition, expiresAt),
		Ahead:            ahead,
		VerifyRevocation: role.VerifyRevocation,
		InPlace:          bound.definition.Capabilities.InPlace,
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

// setExpiry takes the provider at its word about the key's end, which caps the lease.
// The lease begins with the answer, however long the provider took for it, and so
// does the time after which the engine ends the key.
func (o *mintPlan) setExpiry(granted providers.ActualExpiry, answeredAt time.Time) {
	if answeredAt.Before(o.record.IssuedAt) { // the clock was set back
		answeredAt = o.record.IssuedAt
	}
	o.record.ExpiresAt = granted.End(o.record.IssuedAt, o.record.ExpiresAt)
	o.record.IssuedAt = answeredAt
	life := o.storeWithin
	if o.lease.ttl > 0 {
		if !o.record.ExpiresAt.IsZero() {
			o.lease.capTo(o.record.ExpiresAt.Sub(answeredAt), o.bound.definition)
		}
		life = o.lease.ttl
	}
	o.record.Deadline = answeredAt.Add(life + o.bound.connection.longestMint() + deadlineMargin)
}

// setGranted keeps what the provider said that the key may do. Whose key may do less than
// was asked for is told.
func (o *mintPlan) setGranted(granted providers.Grant) {
	o.record.Granted = granted.Told
	if len(granted.Less) > 0 {
		o.lease.warnings = append(o.lease.warnings, fmt.Sprintf("%s did not grant the key all that the role asks for: it lacks %s", o.bound.definition.Title, firstFew(granted.Less)))
	}
}

// expiresImmediately reports whether the key is of no use to anybody, now or at the
// answer, by which its lease was capped: the clock may have been ahead then and be right
// by now, and to Vault a lease of no time is one of its default.
func (o *mintPlan) expiresImmediately(now time.Time) bool {
	if now.Before(o.record.IssuedAt) {
		now = o.record.IssuedAt
	}
	return !o.record.ExpiresAt.IsZero() && o.record.ExpiresAt.Sub(now) < time.Second
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
