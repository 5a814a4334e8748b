package backend

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/keyname"
	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/backend/origin"
	"vault-plugin-secrets-apikeys/backend/stored"
	"vault-plugin-secrets-apikeys/providers"
)

// aliveBound ends the wait for a revoked key to be seen dead.
const aliveBound = 10 * time.Minute

// endAtProvider revokes the key at what made it, and sees it dead where its role
// asks for that. A definition that came later is tried when the one that made the
// key cannot end it: it may be a correction.
func (e *Engine) endAtProvider(ctx context.Context, s logical.Storage, r *ledger.Record, since time.Time) error {
	ways, release, err := e.waysTo(ctx, s, r.Origin())
	if err != nil {
		return err
	}
	defer release()
	var failed error
	for _, w := range ways {
		err := e.endBy(ctx, s, w, r, since)
		switch {
		case err != nil:
		case e.isTried(w, r):
			return e.confirmDead(ctx, s, w, r, since)
		default:
			return e.watch(w, r)
		}
		if failed == nil {
			failed = err
		}
		if kind := providers.KindOf(err); kind == providers.Unreachable || kind == providers.Throttled {
			break
		}
	}
	return failed
}

// isTried reports whether a key is asked about by itself once it is revoked, as its role wants
// it. One that cannot be tried, as it is bound to addresses, is looked for in the list where
// there is one: one reading of that tells of all of those.
func (e *Engine) isTried(w way, r *ledger.Record) bool {
	return r.VerifyRevocation == ledger.ByProbe && (w.client.CanProbe(r.Handle) || !w.definition.Capabilities.Reconcile)
}

// endBy revokes the key one way, and succeeds when that proves that it is gone.
func (e *Engine) endBy(ctx context.Context, s logical.Storage, w way, r *ledger.Record, since time.Time) error {
	if err := w.mayEndAnothers(r); err != nil {
		return err
	}
	lag := e.lagOf(w.boundConnection)
	handle, own, err := e.asListed(ctx, s, w, r, since)
	if err != nil {
		return err
	}
	if w.elsewhere || w.corrected && w.definition.Capabilities.Lookup {
		listed, err := e.findAgain(ctx, s, w, r, since)
		if err != nil {
			return err
		}
		handle = *listed
	}
	if err := e.refuseInVain(ctx, s, w, r, since); err != nil {
		return err
	}
	shown, err := e.isShown(ctx, s, w, r, since)
	if err != nil {
		return err
	}
	asked := e.now() // what is answered later may have been found out then
	missing, err := w.client.Delete(ctx, handle)
	refusal := refusalOf(err)
	if err != nil && refusal == nil {
		e.noteUnanswered(w.boundConnection, r, err)
		return err
	}
	found := evidence{doubts: w.doubts, deletedBefore: !e.pending.deletions.since(deletionOfKey(r)).IsZero()}
	found.missing = missing || err == nil && !shown && !found.deletedBefore
	found.deleted = err == nil && !found.missing
	if refusal != nil {
		found.refused = refusal.Status
	}
	found.youngUntil = r.YoungUntil(asked, since, lag)
	found.ended = own && r.HasEnded(e.now(), lag) // what else has its id ends in its own time
	found.unrecorded = r.Unrecorded
	if found.missing && len(found.doubts) == 0 && !found.ended && found.youngUntil.IsZero() {
		found.blind = e.isBlind(ctx, w.boundConnection)
	}
	if found.deleted {
		e.pending.deletions.note(e.now(), deletionOfKey(r), deletionAt(r.Origin(), r.HandleScope(w.definition)))
	}
	lacks := found.gone()
	switch {
	case lacks == nil && found.isHearsay():
		return e.believe(ctx, s, w, r, since)
	case lacks == nil && found.isRefusal():
		return because(e.believeRefusal(ctx, s, w, r, since), err)
	}
	if lacks != nil && !w.elsewhere {
		lacks = e.lookFurther(ctx, s, w, r, since, found)
	}
	if lacks != nil && found.saysAbsent() && found.youngUntil.IsZero() && found.blind == nil {
		e.noteUnshown(ctx, s, w, r)
	}
	return because(lacks, err)
}

// isBlind is why a connection's credential may see nothing of what is at the provider
// now: its check fails. It is nil, too, where the definition has none.
func (e *Engine) isBlind(ctx context.Context, bound *boundConnection) error {
	if !bound.definition.Capabilities.Check {
		return nil
	}
	return bound.client.Check(ctx)
}

// because adds the provider's refusal to what is lacking.
func because(lacks, refusal error) error {
	var u *unproven
	if refusal != nil && errors.As(lacks, &u) {
		u.err = refusal
	}
	return lacks
}

// refusalOf is the provider's no to the request itself; nil for everything else,
// such as a no to the credential or no answer at all.
func refusalOf(err error) *providers.Error {
	var refusal *providers.Error
	if errors.As(err, &refusal) && refusal.Kind == providers.Refused && refusal.Status != 0 {
		return refusal
	}
	return nil
}

// lagOf is how long a provider may take to show a key that it made, or to hide
// one that it deleted.
func (e *Engine) lagOf(s *boundConnection) time.Duration { return s.definition.Lag }

// isShown reports whether whoever asks now is shown a key that another admin credential made,
// where that can be told. It may be of another account: many providers say of what is not there
// that they deleted it, and what bears the key's id there may be another key, which is refused.
func (e *Engine) isShown(ctx context.Context, s logical.Storage, w way, r *ledger.Record, since time.Time) (bool, error) {
	if r.Account == w.connection.Account || w.elsewhere || !w.definition.Capabilities.Reconcile {
		return true, nil // elsewhere it was found by its name
	}
	last, seen, err := e.passShowing(ctx, s, w, r, since)
	switch {
	case refusalOf(err) != nil:
		return false, nil // who may not list may be allowed to delete
	case err != nil:
		return false, err
	case last == nil:
		return true, nil
	}
	switch {
	case seen.own, seen.nameless, len(seen.ours) > 0 && r.Misnamed: // see noteMisnamed
		return true, nil
	case seen.any():
		return false, lasting{fmt.Errorf("another admin credential made the key, perhaps at another account, where its id is listed under another name; revoke it there by hand and write queue/%s/give-up", r.ID)}
	case !seen.sure:
		return false, &unproven{reason: "another admin credential made the key, and it cannot be told yet whether the one in use is shown it", until: r.YoungUntil(e.now(), since, e.lagOf(w.boundConnection))}
	}
	return false, nil
}

// passShowing is the last pass over the place where a record's key is listed, if it is of the
// last minute, and what that showed of the key; no pass for a key whose name tells nothing of
// this mount.
func (e *Engine) passShowing(ctx context.Context, s logical.Storage, w way, r *ledger.Record, since time.Time) (*pass, sighting, error) {
	mount, err := e.mount(ctx, s)
	if err != nil {
		return nil, sighting{}, err
	}
	part, _, ours := keyname.FindKeyPart(mount.Tag, r.Handle.Name)
	if !ours {
		return nil, sighting{}, nil
	}
	last, err := e.passOver(ctx, w.boundConnection, r.HandleScope(w.definition), mount.Tag, longPassAge)
	if err != nil {
		return nil, sighting{}, err
	}
	return last, last.listed.of(r.Handle.ID, part, r.OldEnough(since, e.lagOf(w.boundConnection))), nil
}

// findAgain finds the key by its name at a location where its id may be another's.
func (e *Engine) findAgain(ctx context.Context, s logical.Storage, w way, r *ledger.Record, since time.Time) (*providers.Handle, error) {
	lost := fmt.Errorf("%w: that was %s, and connection %q now leads to %s, where no such key is listed; change that back, or revoke it there by hand and write queue/%s/give-up",
		errElsewhere, r.BaseURL, r.Connection, w.client.BaseURL(), r.ID)
	if !w.elsewhere {
		lost = lasting{errors.New("the definition in use does not list the key either")}
	} else if !w.definition.Capabilities.Lookup {
		return nil, lost
	}
	seen, err := e.sightingOf(ctx, w.boundConnection, r, since)
	if err != nil {
		return nil, err
	}
	if seen != nil && !seen.any() {
		return nil, lost
	}
	found, err := w.client.Find(ctx, r.HandleScope(w.definition), providers.Look{Name: r.Handle.Name, ID: r.Handle.ID})
	if err != nil {
		return nil, err
	}
	bears, err := e.bearerTest(ctx, s, r)
	if err != nil {
		return nil, err
	}
	for _, listed := range found.Keys {
		named := bears(listed.Handle)
		if listed.Handle.ID == r.Handle.ID && (named == itsOwn || named == nobodys && !w.elsewhere) {
			return &listed.Handle, nil
		}
	}
	return nil, lost
}

// bearing is whose a listed key is by its name.
type bearing int

const (
	// nobodys is a name that tells nothing of this mount's keys, or none.
	nobodys bearing = iota
	// itsOwn is that of the key in question.
	itsOwn
	// anothers is that of another key of this mount, or of another mount, whatever its id.
	anothers
)

// bearerTest tells whose a listed key is by its name: the answer to a mint may have told
// the id of another key, and elsewhere an id is anybody's.
func (e *Engine) bearerTest(ctx context.Context, s logical.Storage, r *ledger.Record) (func(providers.Handle) bearing, error) {
	mount, err := e.mount(ctx, s)
	if err != nil {
		return nil, err
	}
	own, _, ours := keyname.FindKeyPart(mount.Tag, r.Handle.Name)
	return func(listed providers.Handle) bearing {
		part, _, found := keyname.FindKeyPart(mount.Tag, listed.Name)
		switch {
		case listed.Name != "" && listed.Name == r.Handle.Name, ours && found && part == own:
			return itsOwn
		case found, keyname.IsOfSomeMount(listed.Name):
			return anothers
		}
		return nobodys
	}, nil
}

// lookFurther asks what else can be asked when the answer to a revocation proves
// nothing, and says what is lacking after that.
func (e *Engine) lookFurther(ctx context.Context, s logical.Storage, w way, r *ledger.Record, since time.Time, found evidence) error {
	if w.client.CanProbe(r.Handle) {
		liveness, err := w.client.ProbeKept(ctx, r.Handle)
		if err == nil && liveness == providers.Alive {
			if !found.saysAbsent() || !found.youngUntil.IsZero() {
				return errStillAlive
			}
			return e.stillAlive(ctx, s, w, r, since)
		}
		found.confirmedDead = err == nil && liveness == providers.Dead && w.probesAsMade(r)
	}
	if r.Unrecorded && found.youngUntil.IsZero() {
		listed, _, err := e.showsUnrecorded(ctx, s, w, r, since)
		if err != nil {
			return err
		}
		found.listed = listed
	}
	if !found.confirmedDead && !r.Unrecorded && found.saysAbsent() && found.youngUntil.IsZero() {
		absent, err := e.notListed(ctx, s, w, r, since)
		if err != nil {
			e.log.Debug("a key that was to be revoked could not be looked for", "connection", r.Connection, "key_name", r.Handle.Name, "error", err)
		}
		found.notListed = absent
	}
	return found.gone()
}

// showsUnrecorded reports whether the provider shows a key that the ledger does not have,
// where it can be asked; told says that what it does not show was not there.
func (e *Engine) showsUnrecorded(ctx context.Context, s logical.Storage, w way, r *ledger.Record, since time.Time) (listed, told bool, err error) {
	if !w.definition.Capabilities.Lookup {
		return false, false, nil
	}
	seen, err := e.sightingOf(ctx, w.boundConnection, r, since)
	if err != nil {
		return false, false, err
	}
	if seen != nil {
		return seen.own || seen.nameless || seen.strangers, true, nil
	}
	found, err := w.client.Find(ctx, r.HandleScope(w.definition), providers.Look{Name: r.Handle.Name, ID: r.Handle.ID})
	if err != nil {
		return false, false, err
	}
	bears, err := e.bearerTest(ctx, s, r)
	listed = slices.ContainsFunc(found.Keys, func(one providers.Listed) bool { return bears(one.Handle) != anothers })
	return listed, found.Steady || len(found.Keys) > 0, err
}

// believeRefusal takes it that a key is gone of which the ledger has no record, and whose
// deletion the provider refused, where its list does not show it. Where that cannot be told
// a note stays.
func (e *Engine) believeRefusal(ctx context.Context, s logical.Storage, w way, r *ledger.Record, since time.Time) error {
	listed, told, err := e.showsUnrecorded(ctx, s, w, r, since)
	switch {
	case err != nil || !told:
		return e.believe(ctx, s, w, r, since) // who may not delete may not be shown it either
	case listed:
		return &unproven{reason: "the provider still lists the key"}
	}
	return nil
}

// notListed reports whether the provider's list held still, does not show the
// key, and shows others that the same account made at the same address. Where
// an admin credential was replaced by one that sees nothing of what the former made, all
// its keys wait for that, so one reading of the list in a minute tells all of them, and
// that alone where it tells it for certain.
func (e *Engine) notListed(ctx context.Context, s logical.Storage, w way, r *ledger.Record, since time.Time) (bool, error) {
	if !w.definition.Capabilities.Reconcile {
		return false, nil
	}
	last, seen, err := e.passShowing(ctx, s, w, r, since)
	if err != nil || last == nil || last.listed.doubt != nil {
		return false, err
	}
	if seen.any() {
		return false, nil
	}
	if shows, err := e.passShowsSiblings(ctx, s, last, r); !shows || err != nil || seen.sure {
		return shows, err
	}
	mount, err := e.mount(ctx, s)
	if err != nil {
		return false, err
	}
	found, err := w.client.Find(ctx, r.HandleScope(w.definition), providers.Look{ID: r.Handle.ID, Containing: mount.Tag})
	if err != nil || !found.Steady || len(found.Unreadable) > 0 {
		return false, err
	}
	names := map[string]bool{}
	for _, listed := range found.Keys {
		if listed.Handle.ID == r.Handle.ID || listed.Handle.Name == r.Handle.Name {
			return false, nil
		}
		names[listed.Handle.Name] = true
	}
	return e.showsSiblings(ctx, s, r, names)
}

// passShowsSiblings is showsSiblings for what a pass lists of this mount, found out once for
// all keys of one account.
func (e *Engine) passShowsSiblings(ctx context.Context, s logical.Storage, last *pass, r *ledger.Record) (bool, error) {
	last.mu.Lock()
	defer last.mu.Unlock()
	of := r.Account + " " + origin.Address(r.BaseURL)
	if shows, known := last.siblings[of]; known {
		return shows, nil
	}
	names := map[string]bool{}
	for _, sameName := range last.listed.byPart {
		for _, one := range sameName {
			names[one.handle.Name] = true
		}
	}
	shows, err := e.showsSiblings(ctx, s, r, names)
	if err != nil {
		return false, err
	}
	if last.siblings == nil {
		last.siblings = map[string]bool{}
	}
	last.siblings[of] = shows
	return shows, nil
}

// showsSiblings reports whether another key of the same origin is among the names.
func (e *Engine) showsSiblings(ctx context.Context, s logical.Storage, r *ledger.Record, names map[string]bool) (bool, error) {
	records, err := e.recordsOf(ctx, s, names)
	if err != nil {
		return false, err
	}
	for other, err := range records {
		if err != nil && !errors.Is(err, stored.ErrUnreadable) {
			return false, err
		}
		if err == nil && other.ID != r.ID && names[other.Handle.Name] && r.IsSiblingOf(other) {
			return true, nil
		}
	}
	return false, nil
}

// recordsOf are records of keys with these names, and perhaps others; of many names only
// some. Before the index has the ledger, they are all that there are in a short one, and of a
// long one the error is errLedgerReading.
func (e *Engine) recordsOf(ctx context.Context, s logical.Storage, names map[string]bool) (iter.Seq2[*ledger.Record, error], error) {
	if err := e.refuseWhileReading(ctx, s); err != nil {
		return nil, err
	}
	if !e.books.ledger.IsSettled() {
		return ledger.All(ctx, s), nil
	}
	return func(yield func(*ledger.Record, error) bool) {
		sorted := slices.Sorted(maps.Keys(names))
		for _, id := range e.books.ledger.WithNames(sorted[:min(len(sorted), mostCandidates)]) {
			r, err := ledger.Get(ctx, s, id)
			if (r != nil || err != nil) && !yield(r, err) {
				return
			}
		}
	}, nil
}

var errStillAlive = errors.New("the provider says that the key is revoked, but it still works or is still listed")

// stillAlive is errStillAlive for a key that works. Where nothing at its provider has its id
// any more, the answer to its mint may have told another one's: what bears its name is looked
// for then, and ended unless somebody else holds it. The key's own lease is over.
func (e *Engine) stillAlive(ctx context.Context, s logical.Storage, w way, r *ledger.Record, since time.Time) error {
	if len(w.doubts) > 0 || r.Handle.ID == "" || r.InPlace || !w.definition.Capabilities.Lookup {
		return errStillAlive
	}
	shown, err := e.showsID(ctx, w, r, since)
	if err != nil {
		e.log.Debug("a key that works after its revocation could not be looked for", "connection", r.Connection, "key_name", r.Handle.Name, "error", err)
	}
	if err != nil || shown {
		return errStillAlive
	}
	return errors.Join(errStillAlive, e.seekByName(ctx, s, r))
}

// showsID reports whether the provider lists something with a key's id, under whatever name.
func (e *Engine) showsID(ctx context.Context, w way, r *ledger.Record, since time.Time) (bool, error) {
	seen, err := e.sightingOf(ctx, w.boundConnection, r, since)
	switch {
	case err != nil:
		return false, err
	case seen != nil:
		return seen.ownID || seen.nameless || seen.strangers || len(seen.ours) > 0, nil
	}
	look := providers.Look{ID: r.Handle.ID}
	if !w.definition.Capabilities.Reconcile {
		look = providers.Look{Name: r.Handle.Name} // a look-up by name is all that there is
	}
	found, err := w.client.Find(ctx, r.HandleScope(w.definition), look)
	return slices.ContainsFunc(found.Keys, func(one providers.Listed) bool { return one.Handle.ID == r.Handle.ID }), err
}

// confirmDead asks the provider whether a revoked key is dead: its word for the
// revocation is no proof. Where nothing can be seen the word has to do after a
// while, and where a list shows the key, since some show those of the past; but a
// key that works is alive for as long as it does. One that the provider may not know
// yet is asked about once more when it does, for which nobody waits.
func (e *Engine) confirmDead(ctx context.Context, s logical.Storage, w way, r *ledger.Record, since time.Time) error {
	asked, lag := e.now(), e.lagOf(w.boundConnection)
	liveness, err := providers.Unclear, error(nil)
	if w.client.CanProbe(r.Handle) || len(w.doubts) == 0 {
		liveness, err = w.client.Confirm(ctx, r.Handle, r.Scope)
	}
	if err == nil && liveness == providers.Dead {
		if !r.YoungUntil(asked, since, lag).IsZero() {
			e.watchYoung(w, r)
		}
		return nil
	}
	if err == nil && liveness == providers.Alive && w.client.CanProbe(r.Handle) {
		if asked.Sub(since) <= lag { // it may be ending
			return errStillAlive
		}
		return e.stillAlive(ctx, s, w, r, since)
	}
	if e.now().Sub(since) > aliveBound {
		e.log.Warn("a revoked key was never seen dead; the provider's word is taken for it", "connection", r.Connection, "key_name", r.Handle.Name)
		return nil
	}
	if err != nil {
		return fmt.Errorf("confirming that the key is dead: %w", err)
	}
	return errStillAlive
}
