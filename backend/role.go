package backend

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/keyname"
	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/backend/stored"
	"vault-plugin-secrets-apikeys/backend/usererror"
	"vault-plugin-secrets-apikeys/providers"
)

const rolePrefix = "role/"

// Role says what keys may do and how long they live.
type Role struct {
	// Connection is the name of the one that makes the keys.
	Connection string `json:"connection"`
	// TTL and MaxTTL of each lease; 0 means the mount's.
	TTL    time.Duration `json:"ttl,omitempty"`
	MaxTTL time.Duration `json:"max_ttl,omitempty"`
	// KeyNameTemplate makes the readable part of each key's name, in Vault's
	// template language over .RoleName, .DisplayName and .EntityID.
	KeyNameTemplate string `json:"key_name_template,omitempty"`
	// VerifyRevocation says how a revoked key is seen dead.
	VerifyRevocation ledger.Verification `json:"verify_revocation,omitempty"`
	// KeyCIDRs are the networks that each key is bound to.
	KeyCIDRs []string `json:"key_cidrs,omitempty"`
	// BindToCaller binds each key to the address that asked for it.
	BindToCaller bool `json:"bind_to_caller,omitempty"`
	// NarrowableFields are those of Fields that a caller may narrow.
	NarrowableFields []string `json:"narrowable_fields,omitempty"`
	// Fields are the provider's own, as its definition declares them.
	Fields providers.Values `json:"fields,omitempty"`
}

// Role reads a stored role; nil when there is none.
func (e *Engine) Role(ctx context.Context, s logical.Storage, name string) (*Role, error) {
	return stored.Read[Role](ctx, s, rolePrefix+name)
}

// roleCache keeps the roles that mints and renewals ask for. Whatever may have
// changed one drops it: a write of this process, and Vault's word of another
// node's. Its roles are shared, so nobody may change them.
type roleCache struct {
	mu     sync.RWMutex
	byName map[string]*Role
	// changes counts what was dropped: what was read from storage before a change
	// is not kept after it.
	changes int
}

func (c *roleCache) get(name string) (role *Role, changes int) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.byName[name], c.changes
}

// put notes a role that was read when there had been so many changes.
func (c *roleCache) put(name string, role *Role, changes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if changes != c.changes {
		return
	}
	if c.byName == nil {
		c.byName = map[string]*Role{}
	}
	c.byName[name] = role
}

func (c *roleCache) drop(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.byName, name)
	c.changes++
}

// roleInUse is Role for those who ask often and change nothing of it.
func (e *Engine) roleInUse(ctx context.Context, s logical.Storage, name string) (*Role, error) {
	known, changes := e.clients.roles.get(name)
	if known != nil {
		return known, nil
	}
	role, err := e.Role(ctx, s, name)
	if err == nil && role != nil {
		e.clients.roles.put(name, role, changes)
	}
	return role, err
}

// Roles lists the names of all roles.
func (e *Engine) Roles(ctx context.Context, s logical.Storage) ([]string, error) {
	return s.List(ctx, rolePrefix)
}

// ChangeRole has change alter the role, a new one where there is none, checks it
// against its connection's provider and stores it. No other change of the role
// comes in between.
func (e *Engine) ChangeRole(ctx context.Context, s logical.Storage, name string, change func(*Role) error) error {
	unlock, err := e.locks.settings.Lock(ctx, rolePrefix+name)
	if err != nil {
		return err
	}
	defer unlock()
	r, err := e.Role(ctx, s, name)
	if err != nil {
		return err
	}
	written := howWritten(r != nil)
	if r == nil {
		r = &Role{}
	}
	if err := change(r); err != nil {
		return err
	}
	bound, err := e.bound(ctx, s, r.Connection)
	if err != nil {
		return err
	}
	if err := refuseLeaseInPlace(bound); err != nil {
		return err
	}
	if err := checkRole(bound, name, r); err != nil {
		return err
	}
	err = stored.Write(ctx, s, rolePrefix+name, r)
	e.clients.roles.drop(name) // a write that failed may have been carried out
	if err != nil {
		return fmt.Errorf("storing role %q: %w", name, err)
	}
	e.tellChanged(eventRole, written, name)
	return nil
}

// checkRole checks what every role says against what its provider can do, and leaves
// out what would be so anyway.
func checkRole(bound *boundConnection, name string, r *Role) error {
	if r.MaxTTL > 0 && r.TTL > r.MaxTTL {
		return usererror.Errorf("ttl (%s) is above max_ttl (%s); write a ttl of at most max_ttl", r.TTL, r.MaxTTL)
	}
	if longest := bound.definition.Expiry.LongestLease(); longest > 0 && r.TTL > longest {
		return usererror.Errorf("ttl (%s) is above %s, the longest that a key lives at %s; write a shorter ttl", r.TTL, longest, bound.definition.Title)
	}
	if (r.BindToCaller || len(r.KeyCIDRs) > 0) && !bound.definition.Capabilities.IPBinding {
		return usererror.Errorf("%s cannot bind a key to addresses; leave key_cidrs and bind_to_caller out", bound.definition.Title)
	}
	if err := bound.definition.ValidateRole(bound.connection.Fields, r.Fields); err != nil {
		return usererror.Errorf("%w", err)
	}
	if err := bound.definition.Networks.Check(r.KeyCIDRs); err != nil {
		return usererror.Errorf("%s %w", bound.definition.Title, err)
	}
	if err := checkVerification(bound.definition, r.VerifyRevocation); err != nil {
		return err
	}
	if r.VerifyRevocation == (&Role{}).Verification(bound.definition) {
		r.VerifyRevocation = "" // as it is without it, also with another definition
	}
	if _, err := keyname.New(bound.definition.KeyName, r.KeyNameTemplate, keyname.Data{RoleName: name}, "v0"); err != nil {
		return err
	}
	return checkNarrowable(bound.definition, r)
}

// checkVerification checks that the provider can be asked what the role wants to see.
func checkVerification(d *providers.Definition, v ledger.Verification) error {
	switch {
	case !v.Known():
		return usererror.Errorf(`verify_revocation is %q; write "off", "list" or "probe"`, string(v))
	case v == ledger.ByProbe && !d.Capabilities.Probe && d.Capabilities.ShowsKeys():
		return usererror.Errorf(`%s has no probe by which a revoked key could be tried; write verify_revocation="list"`, d.Title)
	case v != "" && v != ledger.ByWord && !d.Capabilities.Probe && !d.Capabilities.ShowsKeys():
		return usererror.Errorf("%s has no probe, list or lookup by which a revoked key could be seen dead; leave verify_revocation out", d.Title)
	}
	return nil
}

// Verification is how revoked keys of the role are seen dead at a provider with that
// definition, where the role leaves it open too.
func (r *Role) Verification(d *providers.Definition) ledger.Verification {
	switch {
	case r.VerifyRevocation != "":
		return r.VerifyRevocation
	case d.Capabilities.ShowsKeys() || d.Capabilities.Probe && d.Capabilities.SealedRecord:
		return ledger.ByList
	}
	return ledger.ByWord
}

// checkNarrowable checks that it can be told what narrows each field that the
// role lets callers narrow.
func checkNarrowable(definition *providers.Definition, r *Role) error {
	for _, name := range r.NarrowableFields {
		field := definition.Role.Lookup(name)
		switch {
		case field == nil:
			return usererror.Errorf("narrowable_fields names %q, which is no field of a role at %s; %s", name, definition.Title, instead(name, definition.Role.Names(), "read providers/"+definition.Name+" for those that are"))
		case !field.Narrowable():
			return usererror.Errorf("narrowable_fields names %q, which cannot be narrowed; only lists, maps and numbers can", name)
		case r.Fields[name] == nil:
			return usererror.Errorf("narrowable_fields names %q, which the role does not set; write what callers may narrow", name)
		}
	}
	return nil
}

// narrowed is the role with what a caller asked for in place of its own fields.
func (r *Role) narrowed(definition *providers.Definition, by Narrowing) (*Role, error) {
	if len(by.Fields) == 0 {
		return r, nil
	}
	fields, err := definition.Role.Narrow(r.Fields, by.Fields, r.NarrowableFields, by.Reserved)
	if err != nil {
		return nil, usererror.Errorf("%s", err)
	}
	narrowed := *r
	narrowed.Fields = fields
	return &narrowed, nil
}

// DeleteRole removes a role. Its live keys stay leased: revoking them needs no
// role.
func (e *Engine) DeleteRole(ctx context.Context, s logical.Storage, name string) error {
	defer e.clients.roles.drop(name)
	if err := s.Delete(ctx, rolePrefix+name); err != nil {
		return fmt.Errorf("deleting role %q: %w", name, err)
	}
	e.metrics.forgetRole(name)
	e.tellChanged(eventRole, eventDeleted, name)
	return nil
}

// unknownRole offers no name instead: who reads creds/ need not know which other
// roles there are.
func unknownRole(name string) error {
	return usererror.Errorf("there is no role %q; check the name, or have roles/%s written first", name, name)
}
