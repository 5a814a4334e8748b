package backend

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/keyname"
	"vault-plugin-secrets-apikeys/backend/origin"
	"vault-plugin-secrets-apikeys/backend/queue"
	"vault-plugin-secrets-apikeys/backend/usererror"
	"vault-plugin-secrets-apikeys/providers"
)

// Where keys have no names, what a mint without a known outcome has left cannot be told
// from what a person or another Vault made in the same minute. So the engine ends none of
// it: it shows an operator what is there and held by nobody here, and revokes the one
// that he names.

// Candidate is a listed key without a name that nobody in the mount holds. What made it
// is not known.
type Candidate struct {
	// ID is the provider's.
	ID string
	// CreatedAt is when it was made, and LastUsedAt when it was last used, by the
	// provider's clock; zero where that does not tell.
	CreatedAt, LastUsedAt time.Time

	handle providers.Handle
}

const (
	// clockSlack is by how much a provider's clock, by which it tells of when a key was
	// made, may differ from ours.
	clockSlack = 5 * time.Minute
	// shortestPart is the length from which an id without a name that is a part of an
	// admin credential is taken to be that credential's.
	shortestPart = 4
)

// Candidates are the keys that the mint or crash of a queue entry may have left, newest
// first. busy says that mints are under way there, whose keys may be among them. A
// *usererror.Error says why there are none to be shown.
func (e *Engine) Candidates(ctx context.Context, s logical.Storage, id string) (found []Candidate, busy bool, err error) {
	entry, err := e.entryOfNameless(id)
	if err != nil {
		return nil, false, err
	}
	w, release, err := e.wayToNameless(ctx, s, entry)
	if err != nil {
		return nil, false, err
	}
	defer release()
	found, err = e.candidatesOf(ctx, s, w, entry)
	for _, name := range e.connectionsAt(ctx, s, w) {
		busy = busy || len(e.books.marks.InFlight(name)) > 0
	}
	return found, busy, err
}

// RevokeCandidate revokes one of a queue entry's candidates, which an operator knows to be
// what the entry is about. It is refused for whatever anybody in the mount holds or is
// just being given. The entry stays until it is given up.
func (e *Engine) RevokeCandidate(ctx context.Context, req *logical.Request, id, keyID string) error {
	if err := e.refuseIfPassive("revoking a key that has no name"); err != nil {
		return err
	}
	entry, err := e.entryOfNameless(id)
	if err != nil {
		return err
	}
	if left := e.pending.recoveries.longestCall() - e.clock.running(); left > 0 {
		return usererror.Errorf("this node has just become the active one, and the one before may still be making keys; try again in %s", left.Round(time.Second)+time.Second)
	}
	w, release, err := e.wayToNameless(ctx, req.Storage, entry)
	if err != nil {
		return err
	}
	defer release()
	// A key that is being made is in no ledger yet.
	for _, name := range e.connectionsAt(ctx, req.Storage, w) {
		admit, err := e.locks.admissions.alone(ctx, name)
		if err != nil {
			return err
		}
		defer admit()
	}
	found, err := e.candidatesOf(ctx, req.Storage, w, entry)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(found, func(one Candidate) bool { return one.ID == keyID })
	if keyID == "" || at < 0 {
		return usererror.Errorf("%q is no candidate of this entry: it is not listed, was made at another time, or somebody in this mount holds it; read queue/%s/candidates", keyID, id)
	}
	return e.revokeNamed(ctx, req, w, entry, found[at])
}

// revokeNamed revokes the key that an operator has named, through the gate that all
// removals go through. The log keeps who asked.
func (e *Engine) revokeNamed(ctx context.Context, req *logical.Request, w way, entry *queue.Entry, one Candidate) error {
	missing := false
	err := e.removeUnlessHeld(ctx, req.Storage, removal{
		object: objectOf(w.boundConnection, one.handle),
		work:   "candidate",
		why:    "an operator says that it is what an entry of the queue is about",
		remove: func(ctx context.Context) (err error) {
			missing, err = w.client.Delete(ctx, one.handle)
			return err
		},
	})
	e.log.Warn("an operator had a key without a name revoked", "connection", w.name, "key_id", one.ID, "queue_entry", entry.ID, "error", err,
		"entity_id", req.EntityID, "display_name", req.DisplayName, "request_id", req.ID)
	switch {
	case errors.Is(err, errHeld):
		return usererror.Errorf("%q was not revoked: %w", one.ID, err)
	case missing:
		return usererror.Errorf("%s lists %q and knows no such key when it is to be revoked; read queue/%s/candidates again", w.definition.Title, one.ID, entry.ID)
	}
	return err
}

// leftToPeople is why a key cannot be looked for by the engine, and what an operator does
// about it, as a part of a sentence.
func leftToPeople(bound *boundConnection, id string) string {
	if bound.definition.Capabilities.Candidates {
		return fmt.Sprintf("keys have no names at %s; read queue/%s/candidates for those that may be meant, write the key_id of one that nobody uses to queue/%s/revoke, and queue/%s/give-up in the end", bound.definition.Title, id, id, id)
	}
	return fmt.Sprintf("%s offers no list; look for such keys there yourself, delete those that keys/ does not list, and write queue/%s/give-up", bound.definition.Title, id)
}

// entryOfNameless is an entry that tells of keys which may be alive at the provider.
func (e *Engine) entryOfNameless(id string) (*queue.Entry, error) {
	entry := e.books.queue.Get(id)
	switch {
	case entry == nil:
		return nil, e.notQueued(id)
	case !entry.OfKey() && entry.Kind != queue.Crash:
		return nil, usererror.Errorf("entry %q is of kind %s, %s: it has no candidates", id, entry.Kind, entry.Kind.Describe())
	}
	return entry, nil
}

// wayToNameless is the way to where the keys of the entry were made, if keys are listed
// there that have no names.
func (e *Engine) wayToNameless(ctx context.Context, s logical.Storage, entry *queue.Entry) (way, func(), error) {
	w, release, err := e.wayTo(ctx, s, entry.Origin())
	if err != nil {
		return way{}, nil, usererror.Errorf("what is there now is not what this entry is about: %w", err)
	}
	can := w.definition.Capabilities
	switch {
	case len(w.doubts) > 0:
		err = usererror.Errorf("what is there now is not what this entry is about, since %s", strings.Join(w.doubts, " and "))
	case can.Reconcile:
		err = usererror.Errorf("%s lists its keys by their names, so the engine looks for that of this entry itself; write queue/%s/retry to have it look now", w.definition.Title, entry.ID)
	case !can.Candidates:
		err = usererror.Errorf("%s offers no list; look for the key there yourself, then write queue/%s/give-up", w.definition.Title, entry.ID)
	}
	if err != nil {
		release()
		return way{}, nil, err
	}
	return w, release, nil
}

// connectionsAt are the connections of the provider, and others to the same host, in order:
// their mints may make keys in the same place.
func (e *Engine) connectionsAt(ctx context.Context, s logical.Storage, w way) []string {
	names, err := e.Connections(ctx, s)
	if err != nil {
		return []string{w.name}
	}
	return slices.DeleteFunc(slices.Sorted(slices.Values(names)), func(name string) bool {
		other, err := e.bound(ctx, s, name)
		return err == nil && other.definition.Name != w.definition.Name && !origin.SameHost(other.client.BaseURL(), w.client.BaseURL())
	})
}

// candidatesOf lists the place of an entry and leaves out what is held, and what was made
// at another time.
func (e *Engine) candidatesOf(ctx context.Context, s logical.Storage, w way, entry *queue.Entry) ([]Candidate, error) {
	var listed []providers.Listed
	for one, err := range w.client.List(ctx, entry.Scope) {
		if err != nil {
			return nil, fmt.Errorf("listing the keys of connection %q: %w", w.name, err)
		}
		listed = append(listed, one)
	}
	// What is held is read after the list: what was entered before is in it.
	h, release, err := e.holdings(ctx, s)
	if err != nil {
		return nil, err
	}
	defer release()
	var objects []object
	for _, one := range listed {
		objects = append(objects, objectOf(w.boundConnection, one.Handle))
	}
	if err := e.fetch(h, objects...); err != nil {
		return nil, err
	}
	admins, err := e.namesOfCredentials(ctx, s, h, w)
	if err != nil {
		return nil, err
	}
	since, until := e.madeWithin(w, entry)
	var found []Candidate
	for n, one := range listed {
		o := objects[n]
		inTime := one.CreatedAt.IsZero() || since.IsZero() || !one.CreatedAt.Before(since) && !one.CreatedAt.After(until)
		if inTime && e.heldFetched(h, o, claim{}) == nil && !h.mayBeCredential(o, one.Handle.ID) && !slices.Contains(admins, one.Handle.ID) {
			found = append(found, Candidate{ID: one.Handle.ID, CreatedAt: one.CreatedAt, LastUsedAt: one.LastUsedAt, handle: one.Handle})
		}
	}
	slices.SortFunc(found, func(a, b Candidate) int { return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), strings.Compare(a.ID, b.ID)) })
	return found, nil
}

// namesOfCredentials are what the provider knows the admin credentials by that are in use
// there, as far as their definitions tell: nothing else may show that one of them is
// listed. They are asked for after the list was read, so that none in it is too new.
func (e *Engine) namesOfCredentials(ctx context.Context, s logical.Storage, h *holdings, w way) (names []string, err error) {
	for _, name := range e.connectionsAt(ctx, s, w) {
		other, err := e.bound(ctx, s, name)
		if err != nil || !origin.SameHost(other.client.BaseURL(), w.client.BaseURL()) {
			continue // what storage has of it is compared
		}
		if h.isRotating(name) && other.client.RetireNamesOld() {
			return nil, usererror.Errorf("the admin credential of connection %q is being rotated, and the new one may be among the keys; try again once that is done (read config/%s)", name, name)
		}
		own, err := other.client.OwnNames(ctx)
		if err != nil {
			return nil, fmt.Errorf("asking the provider which credential connection %q has: %w", name, err)
		}
		names = append(names, own...)
	}
	return names, nil
}

// isRotating reports whether a rotation of the connection is not finished.
func (h *holdings) isRotating(connection string) bool {
	return slices.ContainsFunc(h.credentials, func(one heldCredential) bool {
		return one.holder.note && one.holder.connection == connection
	})
}

// madeWithin is when the keys of an entry may have been made, by the provider's clock;
// zero where that is not known.
func (e *Engine) madeWithin(w way, entry *queue.Entry) (since, until time.Time) {
	since, until = entry.MadeFrom, entry.MadeUntil
	if issued, ok := keyname.ReadPart(entry.ID); ok && entry.OfKey() {
		since, until = issued, entry.TrustAbsenceAfter
	}
	if since.IsZero() || until.Before(since) {
		return time.Time{}, time.Time{}
	}
	return since.Add(-clockSlack), until.Add(clockSlack + e.lagOf(w.boundConnection))
}

// mayBeCredential reports whether the id is a part of an admin credential, however short:
// nothing but the id tells of what has no name.
func (h *holdings) mayBeCredential(o object, id string) bool {
	return len(id) >= shortestPart && slices.ContainsFunc(h.credentials, func(one heldCredential) bool {
		return one.holder.isAt(o) && one.has(id)
	})
}
