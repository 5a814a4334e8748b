package backend

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
	if o.Delete {
		if err := e.refuseIfPassive("revoking what nobody here holds"); err != nil {
			return nil, err
		}
	}
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

// reconcile lists first and then finds out what is held: a key that was being
// minted at the first moment is in flight, queued or in the ledger at the second.
func (e *Engine) reconcile(ctx context.Context, s logical.Storage, site *site, scopes []providers.Scope, w window, o ReconcileOptions) (*ReconcileReport, error) {
	mount, err := e.mount(ctx, s)
	if err != nil {
		return nil, err
	}
	listed, err := e.listTagged(ctx, site, scopes, mount.Tag)
	if err != nil {
		return nil, fmt.Errorf("listing the keys of connection %q: %w", site.name, err)
	}
	holdings, release, err := e.holdings(ctx, s)
	if err != nil {
		return nil, err
	}
	defer release()
	report := &ReconcileReport{Missing: e.missing(holdings, site, listed)}
	for _, sameName := range listed {
		for _, found := range sameName {
			report.Listed++
			if !w.contains(found.Issued) || e.held(holdings, found.object(site, sameName), claim{}) != nil {
				continue
			}
			if o.Delete {
				e.revokeOrphan(ctx, s, site, holdings, &found, sameName)
			}
			report.Orphans = append(report.Orphans, found)
		}
	}
	return report, nil
}

// missing are the names of the connection's keys in the ledger that are not listed.
func (e *Engine) missing(h *holdings, site *site, listed map[string][]Orphan) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var missing []string
	for part, holders := range h.byPart {
		for _, one := range holders {
			if one.recordID != "" && !one.static && one.connection == site.name && len(listed[part]) == 0 && one.issued.Before(e.now().Add(-listLag)) {
				missing = append(missing, one.name)
			}
		}
	}
	slices.Sort(missing)
	return missing
}

// listTagged lists the keys that carry the mount's tag in their name, by the
// fixed part of that.
func (e *Engine) listTagged(ctx context.Context, site *site, scopes []providers.Scope, tag string) (map[string][]Orphan, error) {
	tagged := map[string][]Orphan{}
	for _, scope := range scopes {
		for key, err := range site.client.List(ctx, scope) {
			if err != nil {
				return nil, err
			}
			part, issued, ours := fixedPartOf(tag, key.Handle.Name)
			sameID := func(other Orphan) bool { return other.handle.ID == key.Handle.ID }
			if !ours || slices.ContainsFunc(tagged[part], sameID) {
				continue
			}
			tagged[part] = append(tagged[part], Orphan{Name: key.Handle.Name, Scope: scope, Issued: issued, handle: key.Handle})
		}
	}
	return tagged, nil
}

// object is the listed key as the gate needs it; sameName are all that bear its
// fixed part.
func (o *Orphan) object(site *site, sameName []Orphan) object {
	found := objectOf(site, o.handle)
	for _, other := range sameName {
		found.beside = append(found.beside, other.handle.ID)
	}
	return found
}

func (e *Engine) revokeOrphan(ctx context.Context, s logical.Storage, site *site, h *holdings, orphan *Orphan, sameName []Orphan) {
	err := e.removeUnheld(ctx, s, removal{
		object:   orphan.object(site, sameName),
		work:     "reconcile",
		why:      "nobody holds it",
		holdings: h,
		remove:   func(ctx context.Context) error { return site.client.Revoke(ctx, orphan.handle) },
	})
	if err != nil {
		orphan.Error = err.Error()
		return
	}
	orphan.Revoked = true
	e.metrics.orphanRevoked(site.name)
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
