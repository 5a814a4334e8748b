package backend

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/providers"
)

// ReconcileOptions say what a reconcile may do.
type ReconcileOptions struct {
	// Delete revokes what nobody holds; otherwise it is only reported.
	Delete bool
}

// ReconcileReport is what the provider has and the ledger has not, and the
// other way round.
type ReconcileReport struct {
	// Listed counts the provider's keys that carry this mount's tag.
	Listed int
	// Orphans are the keys among them that the ledger does not know.
	Orphans []Orphan
	// Missing are the names of keys in the ledger that the provider does not
	// list any more.
	Missing []string
}

// Orphan is a key at the provider that nobody holds.
type Orphan struct {
	Name    string
	Scope   providers.Scope
	Issued  time.Time
	Revoked bool
	// Error says why it could not be revoked.
	Error string

	handle providers.Handle
}

// window bounds the time of issue of the keys that a reconcile looks at. The
// zero window has no bounds.
type window struct{ since, until time.Time }

func (w window) contains(t time.Time) bool {
	if w.until.IsZero() {
		return true
	}
	// Names carry whole seconds.
	return !t.Before(w.since.Truncate(time.Second)) && !t.After(w.until)
}

// Reconcile compares what a connection's provider lists with the ledger, over
// every place that a role, a live key or an unfinished mint points to.
func (e *Engine) Reconcile(ctx context.Context, s logical.Storage, connection string, o ReconcileOptions) (*ReconcileReport, error) {
	site, err := e.site(ctx, s, connection)
	if err != nil {
		return nil, err
	}
	if !site.definition.Capabilities.Reconcile {
		return nil, mistake("%s cannot list its keys, so connection %q cannot be reconciled", site.definition.Title, connection)
	}
	scopes, err := e.scopesInUse(ctx, s, site)
	if err != nil {
		return nil, err
	}
	return e.reconcile(ctx, s, site, scopes, window{}, o)
}

// scopesInUse are the places where keys of the connection may be.
func (e *Engine) scopesInUse(ctx context.Context, s logical.Storage, site *site) ([]providers.Scope, error) {
	var scopes []providers.Scope
	add := func(scope providers.Scope) {
		if !isAmong(scopes, scope) {
			scopes = append(scopes, scope)
		}
	}
	names, err := e.Roles(ctx, s)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		role, err := e.Role(ctx, s, name)
		if err != nil {
			return nil, err
		}
		if role != nil && role.Connection == site.name {
			add(site.definition.Scope(role.Fields, site.connection.Fields))
		}
	}
	for r, err := range records(ctx, s) {
		if err != nil {
			return nil, err
		}
		if r.Connection == site.name {
			add(r.Scope)
		}
	}
	for _, entry := range e.queue.list() {
		if entry.Connection == site.name && entry.Kind != queueRevoke {
			add(entry.Scope)
		}
	}
	return scopes, nil
}

// reconcile lists first, then notes what is in flight, then reads the ledger: a
// key that was in flight at the first moment is in one of the other two.
func (e *Engine) reconcile(ctx context.Context, s logical.Storage, site *site, scopes []providers.Scope, w window, o ReconcileOptions) (*ReconcileReport, error) {
	mount, err := e.mount(ctx, s)
	if err != nil {
		return nil, err
	}
	listed, err := e.listTagged(ctx, site, scopes, mount.Tag)
	if err != nil {
		return nil, fmt.Errorf("listing the keys of connection %q: %w", site.name, err)
	}
	inFlight := e.activity.inFlight(site.name)
	report := &ReconcileReport{Listed: len(listed)}
	for r, err := range records(ctx, s) {
		if err != nil {
			return nil, err
		}
		if r.Connection != site.name {
			continue
		}
		if _, ok := listed[r.Handle.Name]; !ok && r.IssuedAt.Before(e.now().Add(-listLag)) {
			report.Missing = append(report.Missing, r.Handle.Name)
		}
		delete(listed, r.Handle.Name)
	}
	for name, orphan := range listed {
		if inFlight[name] || !w.contains(orphan.Issued) {
			continue
		}
		if o.Delete {
			e.revokeOrphan(ctx, site, &orphan)
		}
		report.Orphans = append(report.Orphans, orphan)
	}
	return report, nil
}

// listTagged lists the keys that carry the mount's tag in their name.
func (e *Engine) listTagged(ctx context.Context, site *site, scopes []providers.Scope, tag string) (map[string]Orphan, error) {
	tagged := map[string]Orphan{}
	for _, scope := range scopes {
		for key, err := range site.client.List(ctx, scope) {
			if err != nil {
				return nil, err
			}
			issued, ours := issuedUnder(tag, key.Handle.Name)
			if !ours {
				continue
			}
			tagged[key.Handle.Name] = Orphan{Name: key.Handle.Name, Scope: scope, Issued: issued, handle: key.Handle}
		}
	}
	return tagged, nil
}

func (e *Engine) revokeOrphan(ctx context.Context, site *site, orphan *Orphan) {
	if err := site.client.Revoke(ctx, orphan.handle); err != nil {
		orphan.Error = err.Error()
		return
	}
	orphan.Revoked = true
	e.metrics.orphanRevoked(site.name)
	e.log.Info("revoked a key that nobody holds", "connection", site.name, "key_name", orphan.Name, "issued", orphan.Issued)
}

// failed joins what could not be revoked.
func (r *ReconcileReport) failed() error {
	var failures []error
	for _, orphan := range r.Orphans {
		if !orphan.Revoked {
			failures = append(failures, fmt.Errorf("key %q: %s", orphan.Name, orphan.Error))
		}
	}
	return errors.Join(failures...)
}
