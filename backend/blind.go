package backend

import (
	"context"
	"errors"

	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/backend/stored"
	"vault-plugin-secrets-apikeys/providers"
)

// A list that is empty may be that of an admin credential which is shown nothing. Where
// the ledger has keys that the same list should show, and it shows none of them, what it
// does not show may be there as well.

const (
	// mostWitnesses bounds how many keys in the ledger are looked for, and
	// mostCandidates how many records are read to choose them.
	mostWitnesses, mostCandidates = 3, 200
)

// refuseIfBlind refuses to believe that something is not there where nothing is shown of
// what should be. Where the ledger has nothing that should be, there is no telling.
func (e *Engine) refuseIfBlind(ctx context.Context, bound *boundConnection, scope providers.ListingScope) error {
	held, err := e.witnesses(ctx, bound, scope)
	if err != nil || len(held) == 0 {
		return err
	}
	for _, r := range held {
		found, err := bound.client.Find(ctx, scope, providers.Look{Name: r.Handle.Name, ID: r.Handle.ID})
		if err != nil {
			return err
		}
		if len(found.Keys) > 0 {
			return nil
		}
	}
	return &unproven{reason: "no such key is listed, which is no proof that there is none, since those that are held there, such as " + held[0].Handle.Name + ", are not listed either"}
}

// witnesses are some keys in the ledger that the provider should list in the place.
func (e *Engine) witnesses(ctx context.Context, bound *boundConnection, scope providers.ListingScope) ([]*ledger.Record, error) {
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
			!r.YoungUntil(e.now(), e.now(), lag).IsZero() || r.HandleScope(bound.definition).String() != scope.String() {
			continue
		}
		if found = append(found, r); len(found) == mostWitnesses {
			break
		}
	}
	return found, nil
}
