package backend

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
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

// targets stand for what revoking a record's key removes, at one account of one provider,
// one for each thing; none where that is nothing which another key's revocation could
// remove, or is not known.
func (e *Engine) targets(r *ledger.Record) []uint64 {
	if len(r.Handle.ID) >= shortestTellingID {
		return e.targetsAt(r, "") // accounts tell two credentials apart, which may be of one
	}
	return e.targetsAt(r, r.Account)
}

// targetsAt are targets at the account that is named.
func (e *Engine) targetsAt(r *ledger.Record, account string) []uint64 {
	definition := e.definitionOf(r)
	if definition == nil {
		return nil
	}
	targets := providers.Targets(definition, r.Handle)
	for i, target := range targets {
		hash := fnv.New64a()
		for _, text := range []string{r.Provider, origin.Address(r.BaseURL), account} {
			_, _ = hash.Write(append([]byte(text), 0))
		}
		_, _ = hash.Write(binary.BigEndian.AppendUint64(nil, target))
		targets[i] = hash.Sum64()
	}
	return targets
}

// shortTargets are targets as the index keeps them: there may be a million records.
func (e *Engine) shortTargets(r *ledger.Record) (short []uint32) {
	for _, target := range e.targets(r) {
		short = append(short, max(uint32(target^target>>32), 1))
	}
	return short
}

// haveOne reports whether two have a target in common. What nothing is known of may be the
// same thing.
func haveOne(targets, others []uint64) bool {
	if len(targets) == 0 && len(others) == 0 {
		return true
	}
	return slices.ContainsFunc(targets, func(target uint64) bool { return slices.Contains(others, target) })
}

// lockTargets keeps two ends of one key apart that several records are about.
func (e *Engine) lockTargets(ctx context.Context, r *ledger.Record) (unlock func(), err error) {
	targets := e.targets(r)
	slices.Sort(targets) // lest two wait for each other
	var locked []func()
	unlock = func() {
		for _, one := range locked {
			one()
		}
	}
	for _, target := range slices.Compact(targets) {
		one, err := e.locks.targets.Lock(ctx, strconv.FormatUint(target, 16))
		if err != nil {
			unlock()
			return nil, err
		}
		locked = append(locked, one)
	}
	return unlock, nil
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
	return e.firstSharing(ctx, s, r, e.books.ledger.Sharing(e.shortTargets(r), r.ID))
}

// sharedAtEnd is sharedWith for a key that is about to be revoked. One that was made
// before the ledger had been read, by this process or the one before, could not be compared
// with all of it then, so that is done now. since is when the revocation was first asked for.
func (e *Engine) sharedAtEnd(ctx context.Context, s logical.Storage, r *ledger.Record, since time.Time) (other string, err error) {
	other, err = e.sharedWith(ctx, s, r)
	if err == nil && other == "" && r.Misnamed {
		other, err = e.bearerWithin(ctx, s, r, since)
	}
	if err != nil || other != "" || r.InPlace || e.books.ledger.IsListed() || !r.Uncompared && !e.hasMade(r) || len(e.targets(r)) == 0 {
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
	named := e.namedBy(r)
	if err := e.fetch(h, object{ids: named}); err != nil {
		return "", err
	}
	return e.firstSharing(ctx, s, r, h.recordsNamed(named, r.ID))
}

// errLedgerUnread is why a key made since the start waits for its end: whether it is
// another one, too, shows once a long ledger has been read in the background. Each of
// many revocations would else read it for as long as Vault waits, and in vain.
var errLedgerUnread = errors.New("the engine is still reading the ledger since its start, to see whether this key is another one, too")

// hasMade reports whether this process made the key, by its name.
func (e *Engine) hasMade(r *ledger.Record) bool {
	return strings.Contains(strings.ToLower(r.Handle.Name), e.guard.namer.Maker)
}

// recordsNamed are the ids of the records, but for one, whose keys their provider knows by
// one of these values.
func (h *holdings) recordsNamed(values []string, but string) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var ids []string
	for _, value := range values {
		for _, one := range slices.Concat(h.byID[value], h.bySaved[value]) {
			if one.recordID != "" && one.recordID != but && !one.static && !slices.Contains(ids, one.recordID) {
				ids = append(ids, one.recordID)
			}
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
		if found != nil && haveOne(e.targets(found), e.targets(r)) {
			return "key " + found.Handle.Name + " of connection " + found.Connection, nil
		}
	}
	return "", nil
}

// isAlone reports whether nobody else's key can be the record's, by what this process
// has in memory.
func (e *Engine) isAlone(r *ledger.Record) bool {
	return e.books.ledger.IsListed() && e.credentialShowing(r) == nil && len(e.books.ledger.Sharing(e.shortTargets(r), r.ID)) == 0
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
