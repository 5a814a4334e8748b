package backend

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/providers"
)

// recovery is the work on one connection that an earlier process left dirty.
type recovery struct {
	marks   []inheritedMark
	foundAt time.Time

	attempts int
	nextTry  time.Time
	running  bool
}

type recoveries struct {
	mu           sync.Mutex
	byConnection map[string]*recovery
	running      sync.WaitGroup
}

// clearedAfter is the earliest start of a reconcile after which the marks may
// go: the former leader's last call is over, and the list shows what it made.
func (r *recovery) clearedAfter() time.Time {
	latest := r.foundAt
	for _, m := range r.marks {
		if end := r.foundAt.Add(m.mark.LongestMint + listLag); end.After(latest) {
			latest = end
		}
	}
	return latest
}

// window is when the former leaders may have made keys.
func (r *recovery) window() window {
	var w window
	for i, m := range r.marks {
		if i == 0 || m.mark.Since.Before(w.since) {
			w.since = m.mark.Since
		}
		if m.mark.Until.After(w.until) {
			w.until = m.mark.Until
		}
	}
	return w
}

// scopes are where the former leaders may have made keys, by what made them.
func (r *recovery) scopes() map[origin][]providers.Scope {
	scopes := map[origin][]providers.Scope{}
	for _, m := range r.marks {
		for _, p := range m.mark.Places {
			by := p.origin(m.connection)
			if !isAmong(scopes[by], p.Scope) {
				scopes[by] = append(scopes[by], p.Scope)
			}
		}
	}
	return scopes
}

// findRecoveries notes which connections earlier processes left dirty.
func (e *Engine) findRecoveries(ctx context.Context, s logical.Storage) error {
	marks, err := e.activity.inheritedMarks(ctx, s)
	if err != nil && !errors.Is(err, errUnreadable) {
		return err
	}
	e.recoveries.mu.Lock()
	defer e.recoveries.mu.Unlock()
	for _, m := range marks {
		r := e.recoveries.byConnection[m.connection]
		if r == nil {
			r = &recovery{foundAt: e.now()}
			e.recoveries.byConnection[m.connection] = r
		}
		r.marks = append(r.marks, m)
	}
	return err
}

// recoverDirty starts a reconcile of every connection found dirty: at once, to
// end orphans early, and again when nothing of the former leader can be in
// flight; only that one clears the marks. It does not wait for them.
func (e *Engine) recoverDirty(ctx context.Context) {
	if e.passive() {
		return
	}
	e.recoveries.mu.Lock()
	defer e.recoveries.mu.Unlock()
	for connection, r := range e.recoveries.byConnection {
		if r.running || e.now().Before(r.nextTry) {
			continue
		}
		r.running = true
		e.recoveries.running.Go(func() {
			cleared, err := e.recover(ctx, connection, r)
			e.noteRecovery(connection, r, cleared, err)
		})
	}
}

func (e *Engine) noteRecovery(connection string, r *recovery, cleared bool, err error) {
	e.recoveries.mu.Lock()
	defer e.recoveries.mu.Unlock()
	r.running = false
	switch {
	case err != nil:
		r.attempts++
		r.nextTry = e.now().Add(e.jitter.pause("recovery/"+connection, r.attempts, longestConnectionRetry))
		e.log.Warn("a connection that was in use at a crash could not be reconciled yet", "connection", connection, "error", err)
	case cleared:
		delete(e.recoveries.byConnection, connection)
	default:
		r.nextTry = r.clearedAfter()
	}
}

func (e *Engine) recover(ctx context.Context, connection string, r *recovery) (cleared bool, err error) {
	began := e.now()
	stored, err := e.Connection(ctx, e.storage, connection)
	if err != nil {
		return false, err
	}
	if stored == nil {
		return true, e.giveUpRecovery(ctx, connection, r, "the connection was deleted")
	}
	listable := false
	for by, scopes := range r.scopes() {
		listed, err := e.recoverMade(ctx, by, scopes, r.window())
		if err != nil {
			return false, err
		}
		listable = listable || listed
	}
	if !listable {
		return true, e.giveUpRecovery(ctx, connection, r, "the provider cannot list its keys")
	}
	if began.Before(r.clearedAfter()) {
		return false, nil
	}
	return true, e.dropMarks(ctx, r)
}

// recoverMade revokes what one definition made and nobody holds. listed is false
// where that one knows no list.
func (e *Engine) recoverMade(ctx context.Context, by origin, scopes []providers.Scope, w window) (listed bool, err error) {
	site, release, err := e.siteFor(ctx, e.storage, by)
	if err != nil {
		return false, err
	}
	defer release()
	if !site.definition.Capabilities.Reconcile {
		return false, nil
	}
	report, err := e.reconcile(ctx, e.storage, site, scopes, w, ReconcileOptions{Delete: true})
	if err != nil {
		return true, err
	}
	return true, report.failed()
}

// giveUpRecovery drops marks that nothing can be done about, and says so.
func (e *Engine) giveUpRecovery(ctx context.Context, connection string, r *recovery, reason string) error {
	e.log.Warn("keys that were being made at a crash and left no intent, if there are any, cannot be looked for; they end with their own expiry or by hand", "connection", connection, "reason", reason)
	return e.dropMarks(ctx, r)
}

func (e *Engine) dropMarks(ctx context.Context, r *recovery) error {
	for _, m := range r.marks {
		if err := e.storage.Delete(ctx, m.path); err != nil {
			return fmt.Errorf("clearing a mark: %w", err)
		}
	}
	return nil
}

// definitionsInUse notes the hashes of a provider's uploaded definitions that
// recoveries need.
func (r *recoveries) definitionsInUse(inUse map[string]bool, provider string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, one := range r.byConnection {
		for _, m := range one.marks {
			m.mark.definitionsInUse(inUse, provider)
		}
	}
}

// names are the connections that are not reconciled yet.
func (r *recoveries) names() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Sorted(maps.Keys(r.byConnection))
}
