package backend

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/backend/origin"
	"vault-plugin-secrets-apikeys/providers"
)

const secretType = "api_key"

// leaseData is what Vault keeps with a lease: all that revoking needs, and
// nothing secret. Handles that carry secrets stay in the sealed ledger.
type leaseData struct {
	// RecordID and KeyName say which record of the ledger is the key's.
	RecordID string `json:"record_id,omitempty"`
	KeyName  string `json:"key_name,omitempty"`

	Role       string            `json:"role"`
	Connection string            `json:"connection"`
	Handle     *providers.Handle `json:"handle,omitempty"`
	ExpiresAt  time.Time         `json:"expires_at,omitzero"`
	// IssuedAt and Origin are as in the ledger; leases of earlier versions of the
	// engine have neither.
	IssuedAt time.Time     `json:"issued_at,omitzero"`
	Origin   origin.Origin `json:"origin,omitzero"`
}

// internal keeps apart what tells the record, which most often has all the rest.
func (d leaseData) internal() map[string]any {
	internal := map[string]any{"record_id": d.RecordID, "key_name": d.KeyName}
	d.RecordID, d.KeyName = "", ""
	text, err := json.Marshal(d)
	if err != nil {
		panic("backend: lease data is JSON by construction: " + err.Error())
	}
	internal["lease"] = string(text)
	return internal
}

// lease is a lease's data, of which what is rarely needed is not read yet.
type lease struct {
	recordID, keyName string
	text              string
}

func leaseOf(req *logical.Request) (*lease, error) {
	if req.Secret == nil {
		return nil, fmt.Errorf("the request carries no lease")
	}
	internal := req.Secret.InternalData
	text, ok := internal["lease"].(string)
	if !ok {
		return nil, fmt.Errorf("the lease carries no key of this engine")
	}
	l := &lease{text: text}
	l.recordID, _ = internal["record_id"].(string)
	l.keyName, _ = internal["key_name"].(string)
	if l.recordID != "" {
		return l, nil
	}
	d, err := l.data() // an earlier version of the engine made it
	if err != nil {
		return nil, err
	}
	l.recordID, l.keyName = d.RecordID, d.KeyName
	return l, nil
}

// data reads the whole.
func (l *lease) data() (*leaseData, error) {
	d := new(leaseData)
	if err := json.Unmarshal([]byte(l.text), d); err != nil {
		return nil, fmt.Errorf("reading the lease: %w", err)
	}
	if l.recordID != "" {
		d.RecordID, d.KeyName = l.recordID, l.keyName
	}
	return d, nil
}

func leaseDataOf(req *logical.Request) (*leaseData, error) {
	l, err := leaseOf(req)
	if err != nil {
		return nil, err
	}
	return l.data()
}

func (e *Engine) secret() *framework.Secret {
	return &framework.Secret{
		Type: secretType,
		Fields: map[string]*framework.FieldSchema{
			"key_name": {
				Type:        framework.TypeString,
				Description: "The key's name at the provider.",
			},
			"expires_at": {
				Type:        framework.TypeString,
				Description: "The provider's own end of the key (RFC 3339), where it has one.",
			},
		},
		Renew:  e.renewLease,
		Revoke: e.revokeLease,
	}
}

// renewLease extends a lease within its role's and the mount's maximum, and the
// key's own expiry with it where the provider can.
//
//life:leased leased moves the deadline
func (e *Engine) renewLease(ctx context.Context, req *logical.Request, _ *framework.FieldData) (*logical.Response, error) {
	lease, err := leaseDataOf(req)
	if err != nil {
		return nil, err
	}
	role, err := e.roleInUse(ctx, req.Storage, lease.Role)
	if err != nil {
		return nil, err
	}
	if role == nil {
		return logical.ErrorResponse("role %q is gone, so its leases cannot be renewed; read a new key from another role", lease.Role), nil
	}
	unlock, err := e.locks.records.Lock(ctx, lease.RecordID)
	if err != nil {
		return nil, err
	}
	defer unlock()
	r, err := ledger.GetNamed(ctx, req.Storage, lease.RecordID, lease.KeyName)
	if err != nil {
		return nil, err
	}
	if e.isEnding(lease.RecordID) {
		return logical.ErrorResponse("the key of this lease is being revoked; read a new one from creds/%s", lease.Role), nil
	}
	if r == nil {
		return logical.ErrorResponse("the key of this lease is revoked already; read a new one from creds/%s", lease.Role), nil
	}
	return e.extendLease(ctx, req, lease.Role, role, r)
}

// extendLease extends the lease of a living key, whose record the caller has locked.
func (e *Engine) extendLease(ctx context.Context, req *logical.Request, roleName string, role *Role, r *ledger.Record) (*logical.Response, error) {
	ttl, warnings, err := framework.CalculateTTL(e.System(), req.Secret.Increment, role.TTL, 0, role.MaxTTL, 0, req.Secret.IssueTime)
	if err != nil {
		return nil, err
	}
	maxTTL := role.MaxTTL
	granted, err := e.extendKey(ctx, req.Storage, r, ttl)
	switch {
	case err != nil:
		return nil, err
	case granted < time.Second:
		return logical.ErrorResponse("the key of this lease ends at %s and lives no longer; read a new one from creds/%s", r.EarliestEnd().UTC().Format(time.RFC3339), roleName), nil
	case granted < ttl:
		warnings = append(warnings, fmt.Sprintf("the key lives no longer than %s at %s; the lease is capped accordingly", granted, r.Provider))
		// Vault computes the TTL of a renewal once more, from the increment that was
		// asked for, and heeds no bound but the maximum, which counts from the issue, by
		// Vault's own clock: as CalculateTTL does, and as no other clock of the engine.
		ttl, maxTTL = granted, time.Since(req.Secret.IssueTime)+granted
	}
	// The deadline moves before Vault moves the lease: a ledger that is ahead
	// keeps the key alive a little longer, one that is behind would kill it.
	e.moveDeadline(ctx, req.Storage, r, ttl)
	if err := e.books.ledger.Write(ctx, req.Storage, r); err != nil {
		return nil, err
	}
	response := &logical.Response{Secret: req.Secret}
	response.Secret.TTL = ttl
	response.Secret.MaxTTL = maxTTL
	for _, warning := range warnings {
		response.AddWarning(warning)
	}
	return response, nil
}

// moveDeadline moves the end that the engine itself sets a key, for a lease that
// begins anew at about this time: Vault counts from the answer, which storage may
// delay. It only ever moves on: should Vault lose a renewal, the lease ends when it
// did before.
func (e *Engine) moveDeadline(ctx context.Context, s logical.Storage, r *ledger.Record, ttl time.Duration) {
	longest := 2 * defaultRequestTimeout
	if bound, err := e.bound(ctx, s, r.Connection); err == nil {
		longest = bound.connection.longestMint()
	}
	now := e.clock.latest()
	before := r.Deadline
	if set := r.DeadlineSetAt(); set.Sub(now) >= sooner {
		// It is that of a clock that was ahead: what it meant is as far from now.
		before = now.Add(r.Deadline.Sub(set))
		r.Deadline, r.DeadlineSet = before, now
	}
	// Should the write be carried out and answered with an error, the lease ends when
	// it did: what was left until then counts too, by the clock by which it was set.
	from := e.clock.steady()
	if r.DeadlineSetAt().Sub(from) >= sooner {
		from = now
	}
	left := before.Sub(from)
	if to := now.Add(max(ttl+longest+deadlineMargin, left)); to.After(before) {
		r.Deadline, r.DeadlineSet = to, now
	}
}

// extendKey moves the provider's own expiry behind the new end of the lease, and
// returns how much of the lease the key lives through.
func (e *Engine) extendKey(ctx context.Context, s logical.Storage, r *ledger.Record, ttl time.Duration) (time.Duration, error) {
	now := e.clock.latest()
	// An end that was set by a clock which was ahead may come sooner.
	ahead := r.DeadlineSetAt().Sub(now) >= sooner
	if r.ExpiresAt.IsZero() || e.left(r, ttl) == ttl && !ahead {
		return ttl, nil
	}
	bound, release, err := e.boundFor(ctx, s, r.Origin())
	if errors.Is(err, errElsewhere) {
		return e.left(r, ttl), nil // nobody there knows the key
	}
	if err != nil {
		return 0, err
	}
	defer release()
	if !bound.definition.Capabilities.Extend {
		return e.left(r, ttl), nil
	}
	now = e.clock.latest()
	wasAhead := e.clock.ahead()
	// Should Vault lose this renewal, the lease ends when it did: the key is never asked to
	// end earlier, by the clock by which its end was set.
	left := r.EarliestEnd().Sub(e.clock.steady())
	if set := r.DeadlineSetAt(); set.Sub(e.clock.steady()) >= sooner {
		left = r.ExpiresAt.Sub(set)
	}
	atLeast := max(ttl, left-expiryMargin)
	end, err := providerEnd(bound.definition, now, atLeast)
	if err != nil && atLeast > ttl {
		end, err = providerEnd(bound.definition, now, ttl)
	}
	if err != nil {
		return 0, err
	}
	// Noted before it is asked for: the answer may be lost, and the key live on.
	if end.After(r.AskedUntil) {
		r.AskedUntil = end
		if err := e.books.ledger.Write(ctx, s, r); err != nil {
			return 0, err
		}
	}
	granted, err := bound.client.Extend(ctx, r.Handle, end, bound.definition.Expiry.Life(now, end))
	if err != nil {
		return 0, fmt.Errorf("extending the key at the provider: %w", err)
	}
	r.ExpiresAt, r.Ahead = granted.End(now, end), max(wasAhead, e.clock.ahead())
	return e.left(r, ttl), nil
}

// left is how much of that time the key lives through.
func (e *Engine) left(r *ledger.Record, ttl time.Duration) time.Duration {
	return r.Left(ttl, e.clock.steady(), e.clock.latest())
}

const leaseEnded = "its lease ended"

// revokeLease ends a lease. On a mount that may be a copy, where the original may
// have renewed the lease, the key stays and waits on the queue.
//
//life:leased ending, Vault ends the lease
func (e *Engine) revokeLease(ctx context.Context, req *logical.Request, _ *framework.FieldData) (*logical.Response, error) {
	lease, err := leaseOf(req)
	if err != nil {
		return nil, err
	}
	lookCtx, cancel := context.WithTimeout(ctx, revokePatience)
	defer cancel()
	unlock, err := e.locks.records.Lock(lookCtx, lease.recordID)
	if err != nil {
		return nil, err
	}
	defer unlock()
	r, err := e.books.ledger.Named(ctx, req.Storage, lease.recordID, lease.keyName)
	if err != nil {
		return nil, err
	}
	if r == nil {
		data, err := lease.data()
		if err != nil {
			return nil, err
		}
		if r = e.unrecorded(data); r == nil {
			return nil, nil
		}
	}
	var done outcome
	if wait := e.mayEnd(lookCtx, r); wait != nil {
		done, err = e.postpone(ctx, req.Storage, r, leaseEnded, wait)
	} else {
		done, err = e.endSoon(ctx, req.Storage, r, leaseEnded, func(ctx context.Context) error { return e.endKey(ctx, req.Storage, r, e.now()) })
	}
	return nil, errors.Join(err, done.queued)
}

// unrecorded is what a lease tells of its key where the ledger has no record: as
// a rule because the key was revoked before, by an earlier try, the queue, the
// reaper or an operator. But a write may have been lost, or storage restored from
// an older snapshot. Nil where nothing is to be done, or can be.
func (e *Engine) unrecorded(lease *leaseData) *ledger.Record {
	if lease.Handle != nil && e.pending.ended.has(lease.RecordID+lease.Handle.Name) {
		return nil
	}
	if lease.Handle == nil {
		e.log.Info("a lease ended whose key is in the ledger no more; what would revoke it was kept there alone", "connection", lease.Connection, "role", lease.Role)
		return nil
	}
	r := &ledger.Record{ID: lease.RecordID, Role: lease.Role, Handle: *lease.Handle, IssuedAt: lease.IssuedAt, ExpiresAt: lease.ExpiresAt, Unrecorded: true}
	of := lease.Origin
	of.Connection = lease.Connection
	r.SetOrigin(of)
	return r
}
