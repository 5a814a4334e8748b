package backend

import (
	"context"
	"errors"
	"time"

	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/backend/origin"
	"vault-plugin-secrets-apikeys/backend/stored"
	"vault-plugin-secrets-apikeys/providers"
)

// A list that is empty may be that of an admin credential which is shown nothing. Where
// the ledger has keys that the same list should show, and it shows none of them, what it
// does not show may be there as well.

const (
	// longestBlind is for how long a list that shows nothing at all is looked at again
	// before it is believed or, of admin credentials, left to an operator.
	longestBlind = absentBound
	// mostWitnesses bounds how many keys in the ledger are looked for, and
	// mostCandidates how many records are read to choose them.
	mostWitnesses, mostCandidates = 3, 200
)

// absence is that a list does not show something.
type absence struct {
	// named says that the list shows something else that has a name, and began when it
	// began to be read.
	named bool
	began time.Time
	// doubted is since when it has been in doubt whether the thing exists, and trusted
	// from when on it should be shown.
	doubted, trusted time.Time
}

// refuseIfBlind refuses to believe that something is not there where nothing is shown of
// what should be. Where the ledger has nothing that should be, a list tells that shows
// anybody's, or where something was shown or deleted since the doubt came up; one that shows nothing
// at all is looked at again for a while, since rights are lost for moments more often than
// for good.
func (e *Engine) refuseIfBlind(ctx context.Context, bound *boundConnection, scope providers.ListingScope, a absence) error {
	held, err := e.witnesses(ctx, bound, scope)
	if err != nil {
		return err
	}
	for _, r := range held {
		found, err := bound.client.Find(ctx, scope, providers.Look{Name: r.Handle.Name, ID: r.Handle.ID})
		if err != nil {
			return err
		}
		if len(found.Keys) > 0 {
			return e.refuseIfBlindBefore(bound, scope, a, r)
		}
	}
	switch {
	case len(held) > 0:
		return &unproven{reason: "no such key is listed, which is no proof that there is none, since those that are held there, such as " + held[0].Handle.Name + ", are not listed either"}
	case a.named, e.hasSeen(bound, scope, a.doubted):
		return nil
	case e.now().Before(a.trusted.Add(longestBlind)):
		return &unproven{reason: "nothing at all is listed, which is no proof yet that no such key exists: whoever may not see any is shown as much"}
	}
	if err := e.isBlind(ctx, bound); err != nil {
		return &unproven{reason: "nothing at all is listed, which is no proof that no such key exists, since the admin credential fails: " + err.Error()}
	}
	return nil
}

// refuseIfBlindBefore refuses to believe a list that was read before something was seen that
// it should have shown, and did not: whoever asked may have been shown nothing until then. It
// is believed where such a thing was seen before it was read, too.
func (e *Engine) refuseIfBlindBefore(bound *boundConnection, scope providers.ListingScope, a absence, witness *ledger.Record) error {
	at := "witness " + placeOf(bound.origin(), scope)
	before := e.pending.seen.since(at)
	e.pending.seen.note(e.now(), at)
	if !before.IsZero() && !before.Before(a.doubted) && before.Before(a.began) {
		return nil
	}
	return &unproven{
		reason: "no such key is listed, which is no proof that there is none: " + witness.Handle.Name + " was not listed either, and is now, so that the list is read once more",
		until:  e.now().Add(missingPause),
	}
}

// hasSeen reports whether the provider has shown or deleted something there since then:
// the account that asks had the right to.
func (e *Engine) hasSeen(bound *boundConnection, scope providers.ListingScope, since time.Time) bool {
	return e.pending.seen.isSince(listedAt(bound.origin(), scope), since) || e.pending.deletions.isSince(deletionAt(bound.origin(), scope), since)
}

// listedAt names a list, as the account of an origin is shown it.
func listedAt(of origin.Origin, scope providers.ListingScope) string {
	return "list " + placeOf(of, scope)
}

// noteListed notes that a list shows something to whoever asks.
func (e *Engine) noteListed(bound *boundConnection, scope providers.ListingScope, found providers.Found) {
	if found.Named || len(found.Keys) > 0 {
		e.pending.seen.note(e.now(), listedAt(bound.origin(), scope))
	}
}

// witnesses are some keys in the ledger that the provider should list in the place.
func (e *Engine) witnesses(ctx context.Context, bound *boundConnection, scope providers.ListingScope) ([]*ledger.Record, error) {
	if err := e.refuseWhileReading(ctx, e.storage); err != nil {
		return nil, err
	}
	var found []*ledger.Record
	read, lag := 0, e.lagOf(bound)
	for r, err := range e.books.ledger.OfConnection(ctx, e.storage, bound.name) {
		if err != nil && !errors.Is(err, stored.ErrUnreadable) {
			return nil, err
		}
		if read++; read > mostCandidates {
			break
		}
		if err != nil || e.isEnding(r.ID) || r.Account != bound.connection.Account || r.HasEnded(e.now(), -lag) ||
			isYoung(r, e.now(), lag) || r.HandleScope(bound.definition).String() != scope.String() {
			continue
		}
		if found = append(found, r); len(found) == mostWitnesses {
			break
		}
	}
	return found, nil
}

// isYoung reports whether the provider may not list a key yet. One that is of a time to come was
// made by a clock that was ahead, or is seen by one that is behind: nothing tells how old it is,
// so that it counts as one which should be listed, and is waited for where it is not yet.
func isYoung(r *ledger.Record, now time.Time, lag time.Duration) bool {
	return !r.IssuedAt.After(now) && now.Before(r.IssuedAt.Add(lag))
}
