package backend

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/backend/usererror"
	"vault-plugin-secrets-apikeys/providers"
)

// Some providers have one credential for a thing, such as an application's secret,
// which everybody shares and which a new one replaces in place. A static role keeps it:
// each rotation ends the credential before. Nothing of it is ever cleared up: what there
// is at the provider after a request of unknown outcome may be what others hold, so the
// role asks again until it knows the credential.

// refuseLeaseInPlace refuses what would hand such a credential out as a lease: each lease
// would end the one before.
func refuseLeaseInPlace(bound *boundConnection) error {
	if !bound.definition.Capabilities.InPlace {
		return nil
	}
	return usererror.Errorf("%s has one credential, which each new one ends, so there are no leases of it; write static-roles/NAME, which keeps it and replaces it on a schedule", bound.definition.Title)
}

// lockInPlace keeps others from the credential that a static role is about to replace in
// place, and refuses one that is not the role's: another static role's, or the
// connection's own.
func (e *Engine) lockInPlace(ctx context.Context, s logical.Storage, name string, r *StaticRole) (unlock func(), err error) {
	o, err := e.planStaticMint(ctx, s, name, r)
	if err != nil {
		return nil, err
	}
	if !o.record.InPlace {
		return func() {}, nil
	}
	handle, known := o.bound.client.KnownHandle(o.request)
	if !known {
		return nil, usererror.Errorf("the id of %s's credential cannot be computed from the fields of static role %q; write those that its id needs", o.bound.definition.Title, name)
	}
	o.record.Handle = handle
	unlock, err = e.locks.targets.Lock(ctx, fmt.Sprintf("in place %x", e.target(&o.record)))
	if err != nil {
		return nil, err
	}
	if err := e.refuseAnothersInPlace(ctx, s, &o.record); err != nil {
		unlock()
		return nil, err
	}
	return unlock, nil
}

func (e *Engine) refuseAnothersInPlace(ctx context.Context, s logical.Storage, r *ledger.Record) error {
	if one := e.credentialShowing(r); one != nil {
		return usererror.Errorf("this would replace %s; have rotate-root replace that", one.what)
	}
	h, release, err := e.sharedHoldings(ctx, s)
	if err != nil {
		return err
	}
	if err := e.fetch(h, object{ids: []string{r.Handle.ID}}); err != nil {
		release()
		return err
	}
	ids := append(e.books.ledger.Sharing(e.shortTarget(r), ""), h.recordsNamed(r.Handle.ID, "")...)
	release()
	for _, id := range ids {
		found, err := ledger.Get(ctx, s, id)
		if err != nil {
			return fmt.Errorf("comparing a credential with another one: %w", err)
		}
		if found != nil && e.target(found) == e.target(r) && (found.StaticRole != r.StaticRole || found.Connection != r.Connection) {
			return usererror.Errorf("static role %q of connection %q keeps this credential already, and would lose it; have this role's readers read that one", found.StaticRole, found.Connection)
		}
	}
	return nil
}

// doubtInPlace notes on disk, before a credential is replaced in place, that the current
// one may end by it, and has the timetable come again. settle takes that back where the
// provider made nothing.
func (e *Engine) doubtInPlace(ctx context.Context, s logical.Storage, name string, r *StaticRole, keys *StaticKeys) (settle func(error) error, err error) {
	bound, err := e.bound(ctx, s, r.Connection)
	if err != nil {
		return nil, err
	}
	if !bound.definition.Capabilities.InPlace || keys.Current == nil {
		return func(outcome error) error { return outcome }, nil
	}
	before := keys.InDoubt
	if err := e.books.timetable.Set(ctx, s, staticJobPrefix+name, e.now().Add(installation)); err != nil {
		return nil, err
	}
	keys.InDoubt = true
	if err := e.storeKeys(ctx, s, name, keys); err != nil {
		return nil, err
	}
	return func(outcome error) error {
		var mistake *usererror.Error
		if outcome == nil {
			return nil
		}
		if before || !errors.As(outcome, &mistake) && !providers.NothingMade(outcome) {
			e.books.timetable.Urge(staticJobPrefix + name)
			return outcome
		}
		keys.InDoubt = false
		return errors.Join(outcome, e.storeKeys(ctx, s, name, keys), e.scheduleStatic(ctx, s, name, r, keys))
	}, nil
}

// failedInPlace answers for a credential that may have been replaced in place and that
// nobody knows. There is nothing to clear up: the next attempt replaces it.
//
//life:announced nothing, the next attempt replaces the credential
func (e *Engine) failedInPlace(ctx context.Context, s logical.Storage, o *mintPlan, err error) error {
	e.finishMint(ctx, s, o)
	var refusal *providers.Error
	if errors.As(err, &refusal) && providers.NothingMade(err) {
		return e.refused(o, refusal)
	}
	return fmt.Errorf("the credential may have been replaced, and is not known: %w", err)
}

// replacedInPlace reports whether a credential that is to be ended has been replaced in
// place since, by its static role: it ended then, and what its provider would end now is
// its successor. Its record goes.
//
//life:ending gone, it was replaced in place
func (e *Engine) replacedInPlace(ctx context.Context, s logical.Storage, r *ledger.Record) (bool, error) {
	if !r.InPlace {
		return false, nil
	}
	keys, err := e.staticKeys(ctx, s, r.StaticRole)
	if err != nil {
		return false, err
	}
	if keys.Current == nil || keys.Current.RecordID == r.ID {
		return false, nil
	}
	current, err := ledger.Get(ctx, s, keys.Current.RecordID)
	if err != nil {
		return false, err
	}
	if current == nil {
		return false, &unproven{reason: fmt.Sprintf("the ledger has no record of the credential that static role %q keeps, which would end if it is the one that took this one's place", r.StaticRole)}
	}
	if e.target(current) != e.target(r) {
		return false, nil
	}
	e.log.Info("a credential ended that was replaced in place", "static_role", r.StaticRole, "connection", r.Connection)
	e.pending.ended.add(r.ID + r.Handle.Name)
	return true, e.books.ledger.Delete(context.WithoutCancel(ctx), s, r)
}

// mayEndAnothers refuses to end a credential by way of another admin credential than the
// one that made it. What its id stands for was named by people, and may be another thing at
// another account, whose credential somebody holds; where it is the same account, its own
// successor.
func (w way) mayEndAnothers(r *ledger.Record) error {
	if !r.InPlace || r.Account == w.connection.Account {
		return nil
	}
	return &unproven{reason: "the request that ends this credential may end another one, since another admin credential made it, perhaps at another account"}
}
