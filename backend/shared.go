package backend

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"strings"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/backend/origin"
	"vault-plugin-secrets-apikeys/providers"
)

// A provider that is asked for a new key may answer with one that exists: with what it
// has for the same purpose already, or, by a fault of its own or of the definition,
// with an id that is another's. Revoking the one would then end the other. So a mint
// whose answer names what a record of the ledger names is refused, and nothing is
// revoked for one record that another one needs.

// target stands for what revoking a record's key removes, at one account of one
// provider; 0 where that is nothing which another key's revocation could remove, or
// is not known.
func (e *Engine) target(r *ledger.Record) uint64 {
	if len(r.Handle.ID) >= shortestTellingID {
		return e.targetAt(r, "") // accounts tell two credentials apart, which may be of one
	}
	return e.targetAt(r, r.Account)
}

// targetAt is target at the account that is named.
func (e *Engine) targetAt(r *ledger.Record, account string) uint64 {
	definition := e.definitionOf(r)
	if definition == nil {
		return 0
	}
	target := providers.Target(definition, r.Handle)
	if target == 0 {
		return 0
	}
	hash := fnv.New64a()
	for _, text := range []string{r.Provider, origin.Address(r.BaseURL), account} {
		_, _ = hash.Write(append([]byte(text), 0))
	}
	_, _ = hash.Write(binary.BigEndian.AppendUint64(nil, target))
	return max(hash.Sum64(), 1)
}

// shortTarget is target as the index keeps it: there may be a million.
func (e *Engine) shortTarget(r *ledger.Record) uint32 {
	target := e.target(r)
	if target == 0 {
		return 0
	}
	return max(uint32(target^target>>32), 1)
}

// namedBy are the values by which revoking names a record's key to its provider.
func (e *Engine) namedBy(r *ledger.Record) []string {
	definition := e.definitionOf(r)
	if definition == nil {
		return nil
	}
	return providers.NamedBy(definition, r.Handle)
}

// definitionOf is the definition in use for a record's connection; nil where that is
// gone, or another provider's by now.
func (e *Engine) definitionOf(r *ledger.Record) *providers.Definition {
	bound, err := e.bound(context.Background(), e.storage, r.Connection)
	if err != nil || bound.definition.Name != r.Provider {
		return nil
	}
	return bound.definition
}

// sharedWith says whose key a record's key is, too; empty where it is nobody else's.
func (e *Engine) sharedWith(ctx context.Context, s logical.Storage, r *ledger.Record) (other string, err error) {
	if one := e.credentialShowing(r); one != nil {
		return one.what, nil
	}
	if r.InPlace {
		return "", nil // who keeps it is asked by replacedInPlace
	}
	return e.firstSharing(ctx, s, r, e.books.ledger.Sharing(e.shortTarget(r), r.ID))
}

// sharedAtEnd is sharedWith for a key that is about to be revoked. One that was made
// before the ledger had been read, by this process or the one before, could not be compared
// with all of it then, so that is done now. since is when the revocation was first asked for.
func (e *Engine) sharedAtEnd(ctx context.Context, s logical.Storage, r *ledger.Record, since time.Time) (other string, err error) {
	other, err = e.sharedWith(ctx, s, r)
	if err == nil && other == "" && r.Misnamed {
		other, err = e.bearerWithin(ctx, s, r, since)
	}
	if err != nil || other != "" || r.InPlace || e.books.ledger.IsListed() || !r.Uncompared && !e.hasMade(r) || e.target(r) == 0 {
		return other, err
	}
	if long, err := e.books.ledger.IsLong(ctx, s); err != nil || long {
		return "", cmp.Or(err, errLedgerUnread)
	}
	h, release, err := e.sharedHoldings(ctx, s)
	if err != nil {
		return "", err
	}
	defer release()
	if err := e.fetch(h, object{ids: []string{r.Handle.ID}}); err != nil {
		return "", err
	}
	return e.firstSharing(ctx, s, r, h.recordsNamed(r.Handle.ID, r.ID))
}

// errLedgerUnread is why a key made since the start waits for its end: whether it is
// another one, too, shows once a long ledger has been read in the background. Each of
// many revocations would else read it for as long as Vault waits, and in vain.
var errLedgerUnread = errors.New("the engine is still reading the ledger since its start, to see whether this key is another one, too")

// hasMade reports whether this process made the key, by its name.
func (e *Engine) hasMade(r *ledger.Record) bool {
	return strings.Contains(strings.ToLower(r.Handle.Name), e.guard.namer.Maker)
}

// recordsNamed are the ids of the records, but for one, whose keys have an id.
func (h *holdings) recordsNamed(id, but string) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var ids []string
	for _, one := range h.byID[id] {
		if one.recordID != "" && one.recordID != but && !one.static {
			ids = append(ids, one.recordID)
		}
	}
	return ids
}

// firstSharing tells the first of the records that are about the same key as one is.
func (e *Engine) firstSharing(ctx context.Context, s logical.Storage, r *ledger.Record, ids []string) (other string, err error) {
	for _, id := range ids {
		found, err := ledger.Get(ctx, s, id)
		if err != nil {
			return "", fmt.Errorf("comparing a key with another one: %w", err)
		}
		if found != nil && e.target(found) == e.target(r) {
			return "key " + found.Handle.Name + " of connection " + found.Connection, nil
		}
	}
	return "", nil
}

// isAlone reports whether nobody else's key can be the record's, by what this process
// has in memory.
func (e *Engine) isAlone(r *ledger.Record) bool {
	return e.books.ledger.IsListed() && e.credentialShowing(r) == nil && len(e.books.ledger.Sharing(e.shortTarget(r), r.ID)) == 0
}

// credentialShowing is the admin credential in use which is the record's key, by what
// this process has in memory; nil for none.
func (e *Engine) credentialShowing(r *ledger.Record) *holder {
	if len(r.Handle.ID) < shortestTellingID {
		return nil
	}
	e.clients.connections.mu.RLock()
	defer e.clients.connections.mu.RUnlock()
	for name, bound := range e.clients.connections.byName {
		if bound.definition.Name == r.Provider && bound.showsCredential(r) {
			return &holder{what: "the admin credential of connection " + name}
		}
	}
	return nil
}

// showsCredential reports whether the record's key is the connection's credential.
func (s *boundConnection) showsCredential(r *ledger.Record) bool {
	mayBe := false
	for _, value := range s.connection.Fields {
		text, ok := providers.TextOf(value)
		mayBe = mayBe || ok && strings.Contains(text, r.Handle.ID)
	}
	if !mayBe || r.BaseURL != "" && !origin.SameAddress(r.BaseURL, s.client.BaseURL()) {
		return false
	}
	var credential heldCredential
	credential.addValues(s.definition.Connection, s.connection.Fields)
	return credential.shows(r.Handle.ID)
}

// spares has nothing removed that somebody holds because a call of this claim failed.
func (e *Engine) spares(s logical.Storage, bound *boundConnection, by claim) providers.Spare {
	return func(ctx context.Context, named []string) (bool, error) {
		h, release, err := e.holdings(ctx, s)
		if err != nil {
			return false, err
		}
		defer release()
		o := object{bound: bound, ids: named}
		if err := e.fetch(h, o); err != nil {
			return false, err
		}
		one := h.relying(o, by)
		if one != nil {
			e.log.Warn("what a failed call told that it made was there before, and somebody holds it; it stays", "connection", bound.name, "held", one.describe())
		}
		return one != nil, nil
	}
}

// relying is who relies on what is known by one of the object's ids, be it that
// revoking names it by a value which was saved; nil for nobody.
func (h *holdings) relying(o object, by claim) *holder {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.relyingOn(o, by, h.byID, h.bySaved)
}

// relyingOn is relying for holders by one value. The caller holds mu.
func (h *holdings) relyingOn(o object, by claim, byValue ...map[string][]*holder) *holder {
	for _, id := range o.ids {
		for _, holders := range byValue {
			for _, one := range holders[id] {
				if one.isAt(o) && !by.covers(one) {
					return one
				}
			}
		}
		if one := h.credentialOf(o, id, by); one != nil {
			return one
		}
	}
	return nil
}
