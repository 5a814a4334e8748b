package backend

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/keyname"
	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/backend/queue"
	"vault-plugin-secrets-apikeys/providers"
)

// Where an answer told the id of another key, the key that was made is known by its
// name alone. Its holder uses it all the same, so it is looked for when the lease ends:
// then nobody holds what bears that name.

// noteMisnamed notes in the ledger that what bears another mint's name has the id which
// a record's answer told, where that is why it was not removed.
func (e *Engine) noteMisnamed(ctx context.Context, o object, refused error) error {
	mount, err := e.mount(ctx, e.storage)
	if err != nil {
		return err
	}
	part, _, ours := keyname.FindKeyPart(mount.Tag, o.name)
	by := holderByID(refused, part)
	if !ours || by == nil {
		return nil
	}
	unlock, err := e.locks.records.Lock(ctx, by.recordID)
	if err != nil {
		return err
	}
	defer unlock()
	r, err := ledger.GetNamed(ctx, e.storage, by.recordID, by.name)
	if err != nil || r == nil || r.Misnamed {
		return err
	}
	e.log.Warn("a key has the id that the answer to another mint told; both are ended when that one's lease ends", "connection", r.Connection, "key_name", r.Handle.Name, "other", o.name)
	r.Misnamed = true
	return e.books.ledger.Write(ctx, e.storage, r)
}

// seeksMintBefore reports whether a key may yet be found of a mint that began before a
// record's answer came, which may have told of it: one at the same location of the same
// server, through whatever connection, since two may be of one account. What another
// location lists is never found, nor ended, by an id of this one.
func (e *Engine) seeksMintBefore(r *ledger.Record) bool {
	return e.books.queue.SeeksMint(r.Provider, r.BaseURL, r.Scope, func(entry *queue.Entry) bool {
		began, ok := keyname.ReadPart(entry.ID)
		return !ok || !began.After(r.IssuedAt)
	})
}

// bearerWithin is bearerOf until that could not be told for so long that the key's end
// comes first.
func (e *Engine) bearerWithin(ctx context.Context, s logical.Storage, r *ledger.Record, since time.Time) (other string, err error) {
	other, err = e.bearerOf(ctx, s, r, since)
	if err != nil && e.now().Sub(since) > aliveBound {
		e.log.Warn("a key is revoked by an id that may be another's, since nobody could be asked whose it is", "connection", r.Connection, "key_name", r.Handle.Name, "error", err)
		return "", nil
	}
	return other, err
}

// bearerOf says who holds, by its name, the key that is listed with the id which a
// record's answer told; empty where nobody does.
func (e *Engine) bearerOf(ctx context.Context, s logical.Storage, r *ledger.Record, since time.Time) (other string, err error) {
	other, _, err = e.bearersOf(ctx, s, r, since)
	return other, err
}

// bearersOf is bearerOf with the names, as they are listed, of those keys of this mount that
// nobody holds.
func (e *Engine) bearersOf(ctx context.Context, s logical.Storage, r *ledger.Record, since time.Time) (other string, free []string, err error) {
	named, err := e.othersWithID(ctx, s, r, since)
	if err != nil || len(named) == 0 {
		return "", nil, err
	}
	h, done, err := e.sharedHoldings(ctx, s)
	if err != nil {
		return "", nil, err
	}
	defer done()
	own, _ := h.partOf(r.Handle.Name)
	for _, listed := range named {
		if err := e.fetch(h, object{name: listed.Name}); err != nil {
			return "", nil, err
		}
		if one := e.heldByName(h, listed); one != nil && one.recordID != r.ID {
			return one.describe(), nil, nil
		}
		if part, ours := h.partOf(listed.Name); ours && part != own {
			free = append(free, listed.Name)
		}
	}
	return "", free, nil
}

// asListed is the handle by which a record's key is ended: where its id is by now that of
// another key which nobody holds, revoking may need that one's name, as for a password that
// is made of it. own says that the id is no other key's, as far as that can be told.
func (e *Engine) asListed(ctx context.Context, s logical.Storage, w way, r *ledger.Record, since time.Time) (handle providers.Handle, own bool, err error) {
	handle = r.Handle
	if !r.Misnamed {
		return handle, true, nil
	}
	byName := providers.RevokesWithName(w.definition) && len(e.targets(r)) > 0 // else the name alone tells what is ended
	if !byName && !r.HasEnded(e.now(), 0) {
		return handle, true, nil
	}
	other, free, err := e.bearersOf(ctx, s, r, since)
	switch {
	case err != nil && e.now().Sub(since) > aliveBound:
		return handle, false, nil // see bearerWithin
	case err != nil:
		return handle, false, err
	case other != "":
		return handle, false, fmt.Errorf("the id is that of %s", other)
	case byName && len(free) == 1:
		handle.Name = free[0]
	}
	return handle, len(free) == 0, nil
}

// othersWithID are what is listed with the id of a record under another name.
func (e *Engine) othersWithID(ctx context.Context, s logical.Storage, r *ledger.Record, since time.Time) (named []providers.Handle, err error) {
	bound, release, err := e.boundFor(ctx, s, r.Origin())
	if err != nil {
		return nil, err
	}
	defer release()
	if !bound.definition.Capabilities.Lookup {
		return nil, nil
	}
	seen, err := e.sightingOf(ctx, bound, r, since)
	switch {
	case isNowhere(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("looking whose key it is: %w", err)
	case seen != nil:
		for _, one := range seen.ours {
			named = append(named, one.handle)
		}
		return named, nil
	}
	look := providers.Look{ID: r.Handle.ID}
	if !bound.definition.Capabilities.Reconcile {
		look.Name = r.Handle.Name // a look-up by name is all that there is
	}
	found, err := bound.client.Find(ctx, r.HandleScope(bound.definition), look)
	switch {
	case isNowhere(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("looking whose key it is: %w", err)
	}
	for _, one := range found.Keys {
		if one.Handle.ID == r.Handle.ID && one.Handle.Name != r.Handle.Name {
			named = append(named, one.Handle)
		}
	}
	return named, nil
}

// isNowhere reports whether a list was refused since there is no such place: nothing bears an
// id where nothing is.
func isNowhere(err error) bool {
	refusal := refusalOf(err)
	return refusal != nil && (refusal.Status == http.StatusNotFound || refusal.Status == http.StatusGone)
}

// isAnothersByNow reports whether the id of a key that the ledger does not have is another
// one's, by the name under which the provider lists it: it may be another mount's, of which
// nothing here tells. Where nobody can be asked for long, the key's end comes first.
func (e *Engine) isAnothersByNow(ctx context.Context, s logical.Storage, r *ledger.Record, since time.Time) (bool, error) {
	named, err := e.bearsOtherName(ctx, s, r, since)
	if err != nil && e.now().Sub(since) > aliveBound {
		e.log.Warn("a key that the ledger does not have is revoked by an id that may be another's, since nobody could be asked whose it is", "connection", r.Connection, "key_name", r.Handle.Name, "error", err)
		return false, nil
	}
	return named, err
}

// isRenamed reports whether what is listed with a key's id, and not under its name, is the key
// all the same: nothing else can have the id, and the name is none that a mount makes. Its
// error is that nobody but a person can tell.
func (e *Engine) isRenamed(ctx context.Context, s logical.Storage, r *ledger.Record) (bool, error) {
	mount, err := e.mount(ctx, s)
	if err != nil {
		return false, err
	}
	bound, release, err := e.boundFor(ctx, s, r.Origin())
	if err != nil {
		return false, err
	}
	defer release()
	found, err := bound.client.Find(ctx, r.HandleScope(bound.definition), providers.Look{ID: r.Handle.ID})
	if err != nil {
		return false, fmt.Errorf("looking whose key it is: %w", err)
	}
	part, _, _ := keyname.FindKeyPart(mount.Tag, r.Handle.Name)
	for _, one := range found.Keys {
		switch {
		case keyname.IsOfSomeMount(one.Handle.Name):
		case isUnique(&r.Handle, part):
			return true, nil
		default:
			return false, lasting{errors.New(underOtherName(one.Handle.Name, r.ID))}
		}
	}
	return false, nil
}

// underOtherName tells an operator of a key's id that is listed under a name which is not its
// own; id is the entry's on the queue.
func underOtherName(name, id string) string {
	return fmt.Sprintf("its id is listed under the name %q, which may be what became of its own, or another key's; look there, revoke it if it is this one, and write queue/%s/give-up", name, id)
}

// bearsOtherName reports whether the provider lists a key's id, and only under names that
// are not its own.
func (e *Engine) bearsOtherName(ctx context.Context, s logical.Storage, r *ledger.Record, since time.Time) (bool, error) {
	mount, err := e.mount(ctx, s)
	if err != nil {
		return false, err
	}
	part, _, ours := keyname.FindKeyPart(mount.Tag, r.Handle.Name)
	bound, release, err := e.boundFor(ctx, s, r.Origin())
	switch {
	case errors.Is(err, errElsewhere):
		return false, nil // nothing is touched there but what bears its name
	case err != nil:
		return false, err
	}
	defer release()
	if !ours || !bound.definition.Capabilities.Reconcile {
		return false, nil
	}
	seen, err := e.sightingOf(ctx, bound, r, since)
	switch {
	case isNowhere(err):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("looking whose key it is: %w", err)
	case seen != nil:
		return !seen.ownID && !seen.nameless && (len(seen.ours) > 0 || seen.strangers), nil
	}
	found, err := bound.client.Find(ctx, r.HandleScope(bound.definition), providers.Look{ID: r.Handle.ID})
	switch {
	case isNowhere(err):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("looking whose key it is: %w", err)
	}
	others := false
	for _, one := range found.Keys {
		if one.Handle.ID != r.Handle.ID {
			continue
		}
		if one.Handle.Name == "" || strings.Contains(strings.ToLower(one.Handle.Name), part) {
			return false, nil
		}
		others = true
	}
	return others, nil
}

// heldByName is who holds what bears a name, whatever its id; nil for nobody.
func (e *Engine) heldByName(h *holdings, listed providers.Handle) *holder {
	part, ours := h.partOf(listed.Name)
	if !ours {
		return nil
	}
	if connection, yes := e.books.marks.IsInFlight(h.tag, part); yes {
		return &holder{what: "a mint in flight of connection " + connection, connection: connection}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, one := range h.byPart[part] {
		return one
	}
	return nil
}

// seekOwn queues a look for what the provider has under the name of a key that ends,
// where its answer may have told the id of another one: other says whose, and a mint
// of unknown outcome that began before may have made that one. The record goes after
// that, so that no crash forgets it.
func (e *Engine) seekOwn(ctx context.Context, s logical.Storage, r *ledger.Record, other string) error {
	if other == "" && !r.Misnamed && !e.seeksMintBefore(r) {
		return nil
	}
	return e.seekByName(ctx, s, r)
}

// seekByName queues a look for what the provider has under the name of a key whose lease is
// over. What somebody else holds by its id stays, and goes with that.
func (e *Engine) seekByName(ctx context.Context, s logical.Storage, r *ledger.Record) error {
	if r.Unrecorded {
		return nil
	}
	mount, err := e.mount(ctx, s)
	if err != nil {
		return err
	}
	part, _, ours := keyname.FindKeyPart(mount.Tag, r.Handle.Name)
	if !ours || e.books.queue.Noted(part) {
		return nil
	}
	bound, release, err := e.boundFor(ctx, s, r.Origin())
	if err != nil {
		return fmt.Errorf("looking for what bears the key's name: %w", err)
	}
	defer release()
	if !bound.definition.Capabilities.Lookup {
		return nil
	}
	entry := queue.Entry{
		ID: part, Kind: queue.CleanUp, Role: r.Role, KeyName: r.Handle.Name,
		Reason: "the key of that name may have another id than the answer to its mint told", Scope: r.HandleScope(bound.definition),
		TrustAbsenceAfter: e.now().Add(e.lagOf(bound)), ExpiresAt: r.ExpiresAt, MadeAt: r.IssuedAt,
	}
	entry.SetOrigin(r.Origin())
	if err := e.enqueue(context.WithoutCancel(ctx), s, entry, false); err != nil {
		return err
	}
	e.triggerQueue()
	return nil
}
