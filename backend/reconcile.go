package backend

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/keyname"
	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/backend/stored"
	"vault-plugin-secrets-apikeys/backend/usererror"
	"vault-plugin-secrets-apikeys/providers"
)

const (
	// reconcileConcurrency bounds the locations that one reconcile lists at a time.
	reconcileConcurrency = 4
	// reconcileReserve is what a reconcile leaves of its caller's time for telling
	// what it found, should a location not answer.
	reconcileReserve = 10 * time.Second
)

// ReconcileOptions say what a reconcile may do.
type ReconcileOptions struct {
	// Delete revokes what nobody holds; otherwise it is only reported.
	Delete bool
}

// ReconcileReport is what the provider has and the mount does not hold, and the
// other way round.
type ReconcileReport struct {
	// Listed counts the provider's keys that carry this mount's tag.
	Listed int
	// Orphans are the keys among them that nobody in the mount holds.
	Orphans []Orphan
	// LastUsed is when the keys that somebody holds were last used, by name, zero for
	// never; without those of which the provider does not tell, and nil where it tells of
	// none.
	LastUsed map[string]time.Time
	// Missing are the names of the connection's keys in the ledger that the
	// provider does not list any more. Locations that failed are left out.
	Missing []string
	// Failed are the locations whose keys could not be listed.
	Failed []FailedScope
}

// FailedScope is a location at the provider whose keys could not be listed, or not
// all of them.
type FailedScope struct {
	// Scope is the location, and Error why, in one sentence.
	Scope providers.ListingScope
	Error string
}

// Orphan is a key at the provider that nobody holds.
type Orphan struct {
	// Name is the key's at the provider, and Scope the location that lists it.
	Name  string
	Scope providers.ListingScope
	// Issued is when it was made, as its name tells, in whole seconds.
	Issued time.Time
	// LastUsed is when it was last used; zero where the provider does not tell, and for a
	// key that never was, as NeverUsed says.
	LastUsed  time.Time
	NeverUsed bool
	// Revoked says that it was revoked just now.
	Revoked bool
	// Error says why it could not be revoked, or why it is not certain that
	// nobody holds it.
	Error string
	// Newer says that the key was made after everything that this mount's storage
	// knows of: another Vault with a copy of the storage may have made it.
	Newer bool

	listedKey
}

// listedKey is a key of this mount as a provider lists it.
type listedKey struct {
	object object
	handle providers.Handle
	end    listedEnd
	// part is the fixed part of its name.
	part string
}

// Reconcile compares what a connection's provider lists with what the mount
// holds, over every location that a role, a live key or an unfinished mint points
// to. Its error is that of a location only when no location could be listed at all.
func (e *Engine) Reconcile(ctx context.Context, s logical.Storage, connection string, o ReconcileOptions) (*ReconcileReport, error) {
	if o.Delete {
		if err := e.refuseIfPassive("revoking what nobody here holds"); err != nil {
			return nil, err
		}
	}
	bound, err := e.bound(ctx, s, connection)
	if err != nil {
		return nil, err
	}
	if !bound.definition.Capabilities.Reconcile {
		return nil, usererror.Errorf("%s cannot list its keys, so connection %q cannot be reconciled", bound.definition.Title, connection)
	}
	// What is held is asked for before the lists: what is entered later is added.
	holdings, release, err := e.holdings(ctx, s)
	if err != nil {
		return nil, errReadingLater(err)
	}
	defer release()
	scopes, err := e.scopesInUse(ctx, s, bound, holdings)
	if err != nil {
		return nil, err
	}
	listings, failed := e.listScopes(ctx, bound, scopes, holdings.tag)
	if len(failed) > 0 && len(failed) == len(scopes) {
		return nil, fmt.Errorf("listing the keys of connection %q: %w", bound.name, failed[0].err)
	}
	return e.report(ctx, s, bound, holdings, listings, failed, o)
}

// scopesInUse are the locations where keys of the connection may be.
func (e *Engine) scopesInUse(ctx context.Context, s logical.Storage, bound *boundConnection, h *holdings) ([]providers.ListingScope, error) {
	scopes, err := e.scopesOfRecords(ctx, s, bound.name, h)
	if err != nil {
		return nil, err
	}
	add := func(scope providers.ListingScope) { scopes[scope.String()] = scope }
	names, err := e.Roles(ctx, s)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		role, err := e.Role(ctx, s, name)
		if err != nil {
			return nil, err
		}
		if role != nil && role.Connection == bound.name {
			add(bound.definition.ListingScope(role.Fields, bound.connection.Fields))
		}
	}
	if err := e.books.queue.Whole(); err != nil {
		return nil, err
	}
	for _, entry := range e.books.queue.List() {
		if entry.Connection == bound.name && entry.OfKey() {
			add(entry.Scope)
		}
	}
	all := make([]providers.ListingScope, 0, len(scopes))
	for _, text := range slices.Sorted(maps.Keys(scopes)) {
		all = append(all, scopes[text])
	}
	return all, nil
}

// scopesOfRecords are the locations of a connection's keys in the ledger, by their names.
func (e *Engine) scopesOfRecords(ctx context.Context, s logical.Storage, connection string, h *holdings) (map[string]providers.ListingScope, error) {
	if h.load != nil {
		return e.books.ledger.ScopesOf(ctx, s, connection)
	}
	scopes := map[string]providers.ListingScope{}
	for _, one := range h.recordsOf(connection) {
		scopes[one.scope.String()] = one.scope
	}
	return scopes, nil
}

// failedListing is a location that could not be listed, or not with certainty.
type failedListing struct {
	scope providers.ListingScope
	err   error
}

// listScopes lists several locations, each for itself: one that is gone, or does not
// answer, or whose definition is at fault, holds up none of the others.
func (e *Engine) listScopes(ctx context.Context, bound *boundConnection, scopes []providers.ListingScope, tag string) (listings []*listing, failed []failedListing) {
	if end, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, end.Add(-min(reconcileReserve, time.Until(end)/2)))
		defer cancel()
	}
	var mu sync.Mutex
	var running sync.WaitGroup
	slots := make(chan struct{}, reconcileConcurrency)
	for _, scope := range scopes {
		running.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			var listed *listing
			try := "reconcile " + keyname.Random(keyname.RandomLength) // of nobody else
			err := guarded(func() (err error) {
				listed, err = e.listOurs(ctx, bound, scope, tag, try)
				return err
			})
			e.pending.searches.end(try)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failed = append(failed, failedListing{scope, err})
				return
			}
			listings = append(listings, listed)
		})
	}
	running.Wait()
	return listings, failed
}

// listing is what one location lists of this mount's keys.
type listing struct {
	scope  providers.ListingScope
	byPart map[string][]*Orphan // by the fixed part of the name
	// sought are the ids of keys that were missing when it was read, and byID those among
	// them that are listed under a name which tells nothing of this mount.
	sought map[string]bool
	byID   map[string]providers.Handle
	// began is the moment of which the list tells.
	began time.Time
	// named says that something there has a name, be it whose it may.
	named bool
	// doubt is why the list may have more keys; nil when it was read whole and
	// held still.
	doubt error
	// beside is what the location lists of others; nil where that was not asked for.
	beside *bystanders
	// filed are the mount's own keys in it by their ids.
	filed func() map[string][]*Orphan
}

// listOurs lists the keys of a location that carry the mount's tag in their name.
// What one try by the same name does not read to its end, the next one reads on.
func (e *Engine) listOurs(ctx context.Context, bound *boundConnection, scope providers.ListingScope, tag, try string) (*listing, error) {
	return e.listBeside(ctx, bound, scope, tag, try, nil)
}

// listBeside is listOurs that notes, too, what else the location lists; nil does not.
func (e *Engine) listBeside(ctx context.Context, bound *boundConnection, scope providers.ListingScope, tag, try string, beside *bystanders) (*listing, error) {
	look := e.pending.searches.of(try, bound.client, e.now(), func() (*providers.Search, *bystanders) {
		look := providers.Look{Containing: keyname.KeyLetter + tag, All: true, Beside: e.books.queue.MissingIDs(bound.name)}
		if beside != nil {
			look.Each = beside.note
		}
		return bound.client.Search(scope, look), beside
	})
	found, err := look.search.Run(ctx)
	if err != nil {
		return nil, err
	}
	e.pending.searches.end(try)
	e.noteListed(bound, scope, found)
	listed := &listing{scope: scope, byPart: map[string][]*Orphan{}, sought: look.search.Beside(), byID: map[string]providers.Handle{}, began: look.began, named: found.Named, doubt: doubtOf(found), beside: look.beside}
	listed.filed = sync.OnceValue(listed.filedByID)
	for _, key := range found.Keys {
		part, issued, ours := keyname.FindKeyPart(tag, key.Handle.Name)
		if !ours {
			listed.byID[key.Handle.ID] = key.Handle
			continue
		}
		one := &Orphan{Name: key.Handle.Name, Scope: scope, Issued: issued, LastUsed: key.LastUsedAt, NeverUsed: key.NeverUsed, listedKey: listedKey{object: objectOf(bound, key.Handle), handle: key.Handle, end: listedEnd{at: key.ExpiresAt, ahead: key.ClockAhead}, part: part}}
		listed.byPart[part] = append(listed.byPart[part], one)
	}
	for _, sameName := range listed.byPart {
		setBeside(sameName)
	}
	return listed, nil
}

// doubtOf is why a location may have more keys than were found; nil where it has not.
func doubtOf(found providers.Found) error {
	doubt := errors.Join(found.Unreadable...)
	if !found.Steady {
		doubt = errors.Join(doubt, fmt.Errorf("the list proves nothing of what it does not show: %s", found.Doubt))
	}
	return doubt
}

// setBeside notes with each key what is listed under the same fixed part.
func setBeside(sameName []*Orphan) {
	var ids []string
	for _, one := range sameName {
		ids = append(ids, one.handle.ID)
	}
	for _, one := range sameName {
		one.object.beside = ids
	}
}

// keys are all listed keys, each once, in order of issue.
func (l *listing) keys() []*Orphan {
	var keys []*Orphan
	for _, sameName := range l.byPart {
		for n, one := range sameName {
			if !slices.ContainsFunc(sameName[:n], one.isSame) { // the same name has the same part
				keys = append(keys, one)
			}
		}
	}
	slices.SortFunc(keys, func(a, b *Orphan) int {
		return cmp.Or(a.Issued.Compare(b.Issued), strings.Compare(a.Name, b.Name), strings.Compare(a.handle.ID, b.handle.ID))
	})
	return keys
}

func (o *Orphan) isSame(other *Orphan) bool { return o.identity() == other.identity() }

// identity is the same for what is one key, though several locations list it.
func (o *Orphan) identity() [2]string { return [2]string{o.handle.ID, strings.ToLower(o.Name)} }

// report compares what was listed with what is held.
func (e *Engine) report(ctx context.Context, s logical.Storage, bound *boundConnection, h *holdings, listings []*listing, failed []failedListing, o ReconcileOptions) (*ReconcileReport, error) {
	report := &ReconcileReport{}
	newest, err := e.newestKnown(ctx, s, h)
	if err != nil {
		return nil, err
	}
	compared, err := e.compare(h, bound, listings)
	if err != nil {
		return nil, err
	}
	for _, found := range compared.listed {
		if !compared.isRecorded(found) && e.isOrphan(h, found) {
			found.Newer = found.Issued.After(newest)
			e.revokeReported(ctx, s, h, found, o)
			report.Orphans = append(report.Orphans, *found)
		} else if found.NeverUsed || !found.LastUsed.IsZero() {
			report.used(found)
		}
	}
	report.Listed = len(compared.listed)
	for _, listed := range listings {
		if listed.doubt != nil {
			failed = append(failed, failedListing{listed.scope, listed.doubt})
		}
	}
	for _, one := range failed {
		text, _, _ := strings.Cut(one.err.Error(), "\n")
		report.Failed = append(report.Failed, FailedScope{Scope: one.scope, Error: text})
	}
	report.Missing, err = e.missing(ctx, s, bound, listings, compared.unlisted)
	return report, err
}

// comparison is what a connection's locations list beside what the ledger has.
type comparison struct {
	listed []*Orphan // each key once
	// recorded are those that have a record, by name and id; it is not asked where the
	// whole ledger was read.
	recorded ledger.Recorded
	// unlisted are the ids of the connection's records whose keys no location shows.
	unlisted []string
}

func (c *comparison) isRecorded(found *Orphan) bool {
	return c.recorded.Has(found.part, found.handle.ID)
}

// compare holds what is listed against the ledger. Of what is listed and has no record by its
// name and id, it has the records read that may hold it.
func (e *Engine) compare(h *holdings, bound *boundConnection, listings []*listing) (*comparison, error) {
	c := &comparison{}
	var shown ledger.Listed
	seen := map[[2]string]bool{}
	for _, listed := range listings {
		for _, found := range listed.keys() {
			if seen[found.identity()] {
				continue // one location may be a part of another
			}
			seen[found.identity()] = true
			c.listed = append(c.listed, found)
			shown.Add(found.part, found.handle.ID)
		}
	}
	if h.load == nil {
		for _, one := range h.recordsOf(bound.name) {
			if !isListed(one.part, one.scope, listings) {
				c.unlisted = append(c.unlisted, one.recordID)
			}
		}
		return c, nil
	}
	c.recorded, c.unlisted = e.books.ledger.Compare(&shown, bound.name, func(scope string) bool { return isWhole(scope, listings) })
	var others []object
	for _, found := range c.listed {
		if !c.isRecorded(found) {
			others = append(others, found.object)
		}
	}
	return c, e.fetch(h, others...)
}

// used notes when a held key was last used.
func (r *ReconcileReport) used(key *Orphan) {
	if r.LastUsed == nil {
		r.LastUsed = map[string]time.Time{}
	}
	r.LastUsed[key.Name] = key.LastUsed
}

// isOrphan reports whether nobody holds a key that was fetched, as far as can be told.
func (e *Engine) isOrphan(h *holdings, found *Orphan) bool {
	one := e.heldFetched(h, found.object, claim{})
	if one != nil && one.unclear {
		found.Error = "it cannot be told whether somebody holds it: " + one.describe()
	}
	return one == nil || one.unclear
}

// revokeReported revokes an orphan where that was asked for.
func (e *Engine) revokeReported(ctx context.Context, s logical.Storage, h *holdings, found *Orphan, o ReconcileOptions) {
	if !o.Delete {
		e.tell(eventOrphanFound, "reconcile/"+found.object.bound.name, false, "connection", found.object.bound.name, "key_name", found.Name)
		return
	}
	if _, err := e.removeOrphan(ctx, s, h, found, "reconcile"); err != nil {
		found.Error = err.Error()
		return
	}
	found.Revoked = true
}

// removeOrphan revokes a listed key, unless somebody holds it. missing says that the provider
// knows no such key any more.
func (e *Engine) removeOrphan(ctx context.Context, s logical.Storage, h *holdings, found *Orphan, work string) (missing bool, err error) {
	bound := found.object.bound
	ctx, cancel := context.WithTimeout(ctx, bound.connection.longestMint())
	defer cancel()
	err = e.removeUnlessHeld(ctx, s, removal{
		object:   found.object,
		work:     work,
		why:      "nobody holds it",
		holdings: h,
		remove: func(ctx context.Context) (err error) {
			missing, err = bound.client.Delete(ctx, found.handle)
			return err
		},
	})
	if err == nil {
		e.metrics.orphanRevoked(bound.name)
	}
	return missing, err
}

// missing are the names of the connection's keys with these records that the locations
// which could be listed do not show.
func (e *Engine) missing(ctx context.Context, s logical.Storage, bound *boundConnection, listings []*listing, unlisted []string) ([]string, error) {
	mount, err := e.mount(ctx, s)
	if err != nil {
		return nil, err
	}
	var missing []string
	for _, id := range unlisted {
		// It may have been revoked since the list was read.
		r, err := ledger.Get(ctx, s, id)
		if err != nil {
			return nil, err
		}
		if r == nil || r.Connection != bound.name || !r.IssuedAt.Before(e.now().Add(-e.lagOf(bound))) {
			continue
		}
		if part, _, ours := keyname.FindKeyPart(mount.Tag, r.Handle.Name); ours && !isListed(part, r.Scope, listings) {
			missing = append(missing, r.Handle.Name)
		}
	}
	slices.Sort(missing)
	return missing, nil
}

// isListed reports whether a key is shown by its location, or may be.
func isListed(part string, scope providers.ListingScope, listings []*listing) bool {
	if slices.ContainsFunc(listings, func(listed *listing) bool { return len(listed.byPart[part]) > 0 }) {
		return true
	}
	return !isWhole(scope.String(), listings)
}

// isWhole reports whether the list of a location was read whole and held still.
func isWhole(scope string, listings []*listing) bool {
	return slices.ContainsFunc(listings, func(listed *listing) bool { return listed.doubt == nil && listed.scope.String() == scope })
}

// newestKnown is until when this storage knows of the keys that were made: what
// is newer and of our tag, somebody else made.
func (e *Engine) newestKnown(ctx context.Context, s logical.Storage, h *holdings) (time.Time, error) {
	newest := h.newest()
	if known := e.books.ledger.Newest(); known.After(newest) {
		newest = known
	}
	marks, err := e.books.marks.All(ctx, s)
	if err != nil && !errors.Is(err, stored.ErrUnreadable) {
		return time.Time{}, err
	}
	for _, m := range marks {
		for _, w := range m.Mark.Windows {
			if w.Until.After(newest) {
				newest = w.Until
			}
		}
	}
	if err := e.books.queue.Whole(); err != nil {
		return newest, err
	}
	for _, entry := range e.books.queue.List() {
		if _, issued, ok := keyname.FindKeyPart(h.tag, entry.KeyName); ok && issued.After(newest) {
			newest = issued
		}
	}
	return newest, nil
}
