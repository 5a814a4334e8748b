package backend

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/keyname"
	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/providers"
)

// What is held lives. Whatever the engine removes at a provider without being
// asked to end that very thing, it removes through removeUnlessHeld, which looks once
// more whether anybody in the mount holds it: the ledger of all connections,
// mints in flight, the queue, static roles, admin credentials in use or in doubt.

// holder is one reason for which something at a provider must stay.
type holder struct {
	what       string // for the log and the operator, see describe
	connection string
	provider   string
	baseURL    string
	// id is the provider's own of what is held; empty where that is not known. named
	// are the values by which revoking names it, and targets stand for what that removes.
	id      string
	named   []string
	targets []uint64
	// name and issued are of what is held, as far as they are known.
	name   string
	issued time.Time
	scope  providers.ListingScope
	// recordID is set where a ledger record is the holder.
	recordID string
	// static says that a static role is the holder.
	static bool
	// part is the fixed part of the name of what is held; empty where there is none.
	part string
	// unclear says that it is not known what the holder holds.
	unclear bool
	// note says that the holder is only a note of something to be finished, which
	// holds nothing against whoever finishes it.
	note bool
}

// describe says who holds something, for the log and the operator.
func (one *holder) describe() string {
	if one.recordID == "" || one.static {
		return one.what
	}
	return "key " + one.name + " in the ledger, of connection " + one.connection
}

// claim says what a removal is the clearing up of. The zero claim is of nothing
// in particular: whatever holds the object counts.
type claim struct {
	// part is the fixed part of the name that the mint or rotation chose: what is
	// in flight, queued or noted under it is the caller's own, and holds nothing.
	part string
	// failed says that the mint is known to have failed, so that nobody can have
	// received its key: a record of the ledger holds nothing either.
	failed bool
}

// covers reports whether the holder is the caller's own.
func (c claim) covers(one *holder) bool {
	return c.part != "" && one.part == c.part && (one.note || c.failed && one.recordID != "" && !one.static)
}

// nobodyGot reports whether nobody can have received what bears the fixed part.
func (c claim) nobodyGot(part string) bool { return c.failed && c.part != "" && part == c.part }

// object is something at a provider, as the provider tells of it.
type object struct {
	bound *boundConnection
	name  string
	// ids are the provider's own for it, as far as they are known.
	ids []string
	// beside are the ids of everything that the provider listed under the same
	// fixed part, in the same reading.
	beside []string
	// handle is what revoking it goes by; zero where it is removed by something else.
	handle providers.Handle
}

func objectOf(bound *boundConnection, handle providers.Handle) object {
	return object{bound: bound, name: handle.Name, ids: []string{handle.ID}, handle: handle}
}

// removal is something at a provider that the engine is about to remove of its
// own accord.
type removal struct {
	object
	claim claim
	// work is a word for the metric, such as "recovery", and why is for the log.
	work, why string
	// holdings were read after the provider told of the object; nil has them read.
	holdings *holdings
	remove   func(context.Context) error
}

// errHeld means that something was not removed because somebody holds it.
var errHeld = errors.New("it is held, so it stays")

// heldError is errHeld with who holds what.
type heldError struct {
	by   *holder
	what object
}

func (h *heldError) Error() string        { return errHeld.Error() + ": " + h.by.describe() }
func (h *heldError) Is(target error) bool { return target == errHeld }

// Lasting has the queue try seldom: what somebody holds is asked about each time, and stays
// for as long as they do.
func (h *heldError) Lasting() {}

// isAnothers reports whether something stays because it is another key by its id,
// whatever its name says, and not that of the fixed part.
func isAnothers(err error, part string) bool { return holderByID(err, part) != nil }

// holderByID is the record by whose id something stays that is of another name; nil
// where it stays for another reason.
func holderByID(err error, part string) *holder {
	var held *heldError
	if errors.As(err, &held) && held.by.recordID != "" && held.by.part != part && slices.Contains(held.what.ids, held.by.id) {
		return held.by
	}
	return nil
}

// errUnclear means that something was not removed because it cannot be told
// whether somebody holds it.
var errUnclear = errors.New("it cannot be told whether somebody holds it, so it stays")

// removeUnlessHeld removes something at a provider, unless anybody holds it: then its
// error is errHeld. It is errUnclear when that cannot be told, and errPassive
// when this mount is to remove nothing; other errors are the provider's and
// storage's.
func (e *Engine) removeUnlessHeld(ctx context.Context, s logical.Storage, r removal) error {
	if err := e.mayRemove(ctx, s, r); err != nil {
		e.noteRemoval(r, err)
		e.log.Info("something at a provider was not removed", "connection", r.bound.name, "name", r.name, "why", r.why, "error", err)
		return cmp.Or(e.noteMisnamed(ctx, r.object, err), err)
	}
	err := r.remove(ctx)
	e.noteRemoval(r, err)
	if err != nil {
		return err
	}
	e.log.Info("removed what nobody holds", "connection", r.bound.name, "name", r.name, "why", r.why)
	return nil
}

// refuseWord refuses to believe a provider's word alone that it removed just now what nobody
// holds: it is looked for once more. What is still shown long after, and was removed again
// and again, is one of those of the past by that word.
func (e *Engine) refuseWord(bound *boundConnection, name string) error {
	now, lag := e.now(), e.lagOf(bound)
	if now.Sub(e.pending.removed.first(now, bound.name+" "+name)) > aliveBound+lag {
		e.log.Warn("what nobody holds is still shown long after its provider said that it was removed; its word is taken for it", "connection", bound.name, "name", name)
		return nil
	}
	return &unproven{reason: "it was found and removed; it is looked for once more, should that not have been done", until: now.Add(max(lag, missingPause))}
}

// wasRemoved reports whether refuseWord was told of late that this was removed.
func (e *Engine) wasRemoved(bound *boundConnection, name string) bool {
	return bound.definition.Capabilities.Lookup && !e.pending.removed.since(bound.name+" "+name).IsZero()
}

func (e *Engine) noteRemoval(r removal, err error) {
	e.metrics.removed(r.bound.name, r.work, err)
	e.tellOutcome(eventOrphanRevoked, "reconcile/"+r.bound.name, err, "connection", r.bound.name, "key_name", r.name, "work", r.work)
}

func (e *Engine) mayRemove(ctx context.Context, s logical.Storage, r removal) error {
	// What a mint of this very process left is its own to clear up.
	if e.passive() && !r.claim.failed {
		return errPassive
	}
	// What this process knows to be held may have been read before another one
	// took over, whose keys it cannot know of.
	if err := e.refuseIfSuperseded(ctx, s, r.claim); err != nil {
		return err
	}
	h, release, err := e.holdingsFor(ctx, s, r)
	if err != nil {
		return err
	}
	defer release()
	one := e.held(h, r.object, r.claim)
	if one == nil {
		one = e.endingWith(h, r.object, r.claim)
	}
	switch {
	case one == nil:
		return nil
	case one.unclear:
		return fmt.Errorf("%w: %s", errUnclear, one.describe())
	}
	return &heldError{one, r.object}
}

// holdingsFor is what a removal is compared with. Keys share one reading of the
// ledger, which is kept up with; a credential is compared with what storage says
// at this moment, since what a rotation writes there is in no log.
func (e *Engine) holdingsFor(ctx context.Context, s logical.Storage, r removal) (h *holdings, release func(), err error) {
	if r.holdings != nil {
		return r.holdings, func() {}, nil
	}
	mount, err := e.mount(ctx, s)
	if err != nil {
		return nil, nil, err
	}
	if _, _, isKey := keyname.FindKeyPart(mount.Tag, r.name); isKey {
		return e.sharedHoldings(ctx, s)
	}
	return e.holdings(ctx, s)
}

// held is what holds the object at this moment; nil when nothing does. A mint
// goes from flight to the queue or the ledger, so they are asked in that order.
func (e *Engine) held(h *holdings, o object, by claim) *holder {
	if one := e.unfinished(h, o, by); one != nil {
		return one
	}
	if err := e.fetch(h, o); err != nil {
		return &holder{what: err.Error(), unclear: true}
	}
	return h.holderOf(o, by)
}

// endingWith is what would end with an object that is revoked, although that is something
// else: revoking removes what both have, such as an account. Nil where nothing would.
func (e *Engine) endingWith(h *holdings, o object, by claim) *holder {
	of := o.bound.origin()
	r := ledger.Record{Connection: o.bound.name, Provider: of.Provider, BaseURL: of.BaseURL, Account: of.Account, Handle: o.handle}
	targets := e.targets(&r)
	if h.load != nil {
		for _, id := range e.books.ledger.Sharing(e.shortTargets(&r), "") {
			if err := h.load(id); err != nil {
				return &holder{what: fmt.Errorf("reading what may end with it: %w", err).Error(), unclear: true}
			}
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, value := range e.namedBy(&r) {
		for _, one := range slices.Concat(h.byID[value], h.bySaved[value]) {
			if len(targets) > 0 && haveOne(one.targets, targets) && !by.covers(one) {
				return one
			}
		}
	}
	return nil
}

// heldFetched is held for an object that was fetched before, with others: what has been
// entered into the ledger since is among the holdings before it is out of flight.
func (e *Engine) heldFetched(h *holdings, o object, by claim) *holder {
	if one := e.unfinished(h, o, by); one != nil {
		return one
	}
	return h.holderOf(o, by)
}

// unfinished is what is under way about the object and not the caller's own: it is that
// one's to end.
func (e *Engine) unfinished(h *holdings, o object, by claim) *holder {
	part, named := h.partOf(o.name)
	if !named || part == by.part {
		return nil
	}
	if connection, yes := e.books.marks.IsInFlight(h.tag, part); yes {
		return &holder{what: "a mint in flight of connection " + connection, connection: connection}
	}
	if err := e.books.queue.Whole(); err != nil {
		return &holder{what: err.Error(), unclear: true}
	}
	if entry := e.books.queue.ClearsUp(part); entry != nil {
		return &holder{what: "entry " + entry.ID + " of the queue", connection: entry.Connection}
	}
	return nil
}

// idOfAnother reports whether the id of a key that the ledger does not have is
// that of another one by now, which somebody holds.
func (e *Engine) idOfAnother(ctx context.Context, s logical.Storage, r *ledger.Record) (bool, error) {
	h, release, err := e.sharedHoldings(ctx, s)
	if err != nil {
		return false, err
	}
	defer release()
	if err := e.fetch(h, object{ids: []string{r.Handle.ID}}); err != nil {
		return false, err
	}
	own, _ := h.partOf(r.Handle.Name)
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, one := range h.byID[r.Handle.ID] {
		if one.part != own && one.provider == r.Provider {
			e.log.Info("a lease ended whose key is gone: its id is another key's by now", "connection", r.Connection, "key_name", r.Handle.Name, "held", one.what)
			return true, nil
		}
	}
	return false, nil
}
