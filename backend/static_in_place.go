package backend

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"time"

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
// connection's own. One that the role has not kept so far must not be what another role
// takes with its next rotation either.
func (e *Engine) lockInPlace(ctx context.Context, s logical.Storage, name string, r *StaticRole) (unlock func(), err error) {
	o, err := e.planInPlace(ctx, s, name, r)
	if err != nil {
		return nil, err
	}
	if !o.record.InPlace {
		return func() {}, nil
	}
	before, err := e.StaticRole(ctx, s, name)
	if err != nil {
		return nil, err
	}
	unlock, err = e.locks.targets.Lock(ctx, e.targetInPlace(&o.record))
	if err != nil {
		return nil, err
	}
	err = e.refuseLateBefore(ctx, s, o.bound)
	if err == nil {
		err = e.refuseAnothersInPlace(ctx, s, &o.record)
	}
	if err == nil && (before == nil || !reflect.DeepEqual(before.Fields, r.Fields)) {
		err = e.refuseOthersNext(ctx, s, &o.record)
	}
	if err != nil {
		unlock()
		return nil, err
	}
	return unlock, nil
}

// refuseTakenInPlace refuses to have a static role keep another credential than before
// which is not to be had: each of its rotations would be refused.
func (e *Engine) refuseTakenInPlace(ctx context.Context, s logical.Storage, name string, before, r *StaticRole) error {
	if before == nil || reflect.DeepEqual(before.Fields, r.Fields) {
		return nil // a new one asks when it makes its first key
	}
	bound, err := e.bound(ctx, s, r.Connection)
	if err != nil || !bound.definition.Capabilities.InPlace {
		return err
	}
	unlock, err := e.lockInPlace(ctx, s, name, r)
	if err != nil {
		return err
	}
	unlock()
	return nil
}

// planInPlace is the mint of a static role; where that replaces a credential in place, its
// record tells which.
func (e *Engine) planInPlace(ctx context.Context, s logical.Storage, name string, r *StaticRole) (*mintPlan, error) {
	o, err := e.planStaticMint(ctx, s, name, r)
	if err != nil || !o.record.InPlace {
		return o, err
	}
	handle, known := o.bound.client.KnownHandle(o.request)
	if !known {
		return nil, usererror.Errorf("the id of %s's credential cannot be computed from the fields of static role %q; write those that its id needs", o.bound.definition.Title, name)
	}
	o.record.Handle = handle
	return o, nil
}

// targetInPlace names the lock of a credential that is replaced in place. It is held while
// that is replaced, and while it is ended.
func (e *Engine) targetInPlace(r *ledger.Record) string {
	return fmt.Sprintf("in place %x", e.targets(r))
}

// refuseAnothersInPlace refuses what somebody else keeps, and waits for a request that may
// yet end it. What nobody keeps any more, as after its static role was deleted, is free to
// be taken: replacing it ends it.
func (e *Engine) refuseAnothersInPlace(ctx context.Context, s logical.Storage, r *ledger.Record) error {
	if one := e.credentialShowing(r); one != nil {
		return usererror.Errorf("this would replace %s; have rotate-root replace that", one.what)
	}
	if left := e.pending.unanswered.since(e.targetInPlace(r)).Sub(e.now()); left > 0 {
		return endsLate(left)
	}
	others, err := e.recordsInPlace(ctx, s, r)
	if err != nil {
		return err
	}
	for _, found := range others {
		if !haveOne(e.targets(found), e.targets(r)) {
			continue
		}
		if found.StaticRole == r.StaticRole && found.Connection == r.Connection {
			continue
		}
		kept, err := e.isKept(ctx, found)
		switch {
		case err != nil:
			return err
		case found.StaticRole == "":
			return usererror.Errorf("key %s of connection %q is this credential, and whoever has its lease would lose it", found.Handle.Name, found.Connection)
		case found.Kept:
			return usererror.Errorf("static role %q of connection %q, which was deleted, left this credential to whoever uses it (keep_on_delete), and they would lose it; write revoke-key with it first", found.StaticRole, found.Connection)
		case kept:
			return usererror.Errorf("static role %q of connection %q keeps this credential already, and would lose it; have this role's readers read that one", found.StaticRole, found.Connection)
		}
	}
	return nil
}

// refuseLateBefore waits for what a process before this one may have sent: it may have died,
// or gone on for a moment, and where its storage was restored nothing tells of that.
func (e *Engine) refuseLateBefore(ctx context.Context, s logical.Storage, bound *boundConnection) error {
	if err := e.signBeforeUse(ctx, s); err != nil {
		return err
	}
	longest := max(e.pending.recoveries.longestCall(), bound.connection.longestMint()) + e.lagOf(bound)
	left := e.guard.ownership.leftOfBefore(longest, e.now())
	if left <= 0 {
		return nil
	}
	return usererror.Errorf("the process before this one may have sent a request that ends this credential, which may yet be carried out and would then end the new one; try again in %s", inSeconds(left))
}

// endsLate asks to wait: a request was sent that ends the credential, and no answer came.
func endsLate(left time.Duration) error {
	return usererror.Errorf("a request that ends the credential before was sent and may yet be carried out, and would then end the new one; try again in %s", inSeconds(left))
}

// inSeconds is a wait as people are told of it.
func inSeconds(left time.Duration) time.Duration { return left.Round(time.Second) + time.Second }

// recordsInPlace are the records of the ledger, but for one itself, of what has the same id.
func (e *Engine) recordsInPlace(ctx context.Context, s logical.Storage, r *ledger.Record) ([]*ledger.Record, error) {
	h, release, err := e.sharedHoldings(ctx, s)
	if err != nil {
		return nil, err
	}
	defer release()
	if err := e.fetch(h, object{ids: []string{r.Handle.ID}}); err != nil {
		return nil, err
	}
	ids := append(e.books.ledger.Sharing(e.shortTargets(r), r.ID), h.recordsNamed([]string{r.Handle.ID}, r.ID)...)
	slices.Sort(ids)
	var records []*ledger.Record
	for _, id := range slices.Compact(ids) {
		found, err := ledger.Get(ctx, s, id)
		if err != nil {
			return nil, fmt.Errorf("comparing a credential with another one: %w", err)
		}
		if found != nil {
			records = append(records, found)
		}
	}
	return records, nil
}

// isKept reports whether anybody has the credential of a record, or is to have it.
func (e *Engine) isKept(ctx context.Context, r *ledger.Record) (bool, error) {
	if r.StaticRole == "" {
		return true, nil // by a lease, before its definition said in_place
	}
	return e.heldByStaticRole(ctx, r)
}

// refuseOthersNext refuses what another static role is to replace with its next rotation, as
// after its connection was led to another account, or its fields were changed.
func (e *Engine) refuseOthersNext(ctx context.Context, s logical.Storage, r *ledger.Record) error {
	names, err := e.StaticRoles(ctx, s)
	if err != nil {
		return err
	}
	for _, name := range names {
		if name == r.StaticRole {
			continue
		}
		role, err := e.StaticRole(ctx, s, name)
		if err != nil {
			return err
		}
		if role != nil && e.takesNext(ctx, s, name, role, r) {
			return usererror.Errorf("static role %q of connection %q replaces this credential with its next rotation; have this role's readers read that one, or delete it first", name, role.Connection)
		}
	}
	return nil
}

// takesNext reports whether a static role is to replace the credential of a record. As long
// as it cannot be rotated, it replaces nothing.
func (e *Engine) takesNext(ctx context.Context, s logical.Storage, name string, role *StaticRole, r *ledger.Record) bool {
	bound, err := e.bound(ctx, s, role.Connection)
	if err != nil || !bound.definition.Capabilities.InPlace || bound.definition.Name != r.Provider {
		return false
	}
	o, err := e.planInPlace(ctx, s, name, role)
	if err != nil {
		return false
	}
	targets := e.targets(&o.record)
	return len(targets) > 0 && haveOne(targets, e.targets(r))
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
	if handle, known := o.bound.client.KnownHandle(o.request); known {
		replaced := o.record
		replaced.Handle = handle
		e.noteUnanswered(o.bound, &replaced, err)
	}
	return fmt.Errorf("the credential may have been replaced, and is not known: %w", err)
}

// replacedInPlace reports whether a credential that is to be ended has been replaced in
// place since: it ended then, and what its provider would end now is its successor, which a
// static role keeps. Its record goes. Where another admin credential made the successor,
// nobody can tell whether it is one.
//
//life:ending gone, it was replaced in place
func (e *Engine) replacedInPlace(ctx context.Context, s logical.Storage, r *ledger.Record) (bool, error) {
	if err := e.knowsSuccessor(ctx, s, r); err != nil {
		return false, err
	}
	others, err := e.recordsInPlace(ctx, s, r)
	if err != nil {
		return false, err
	}
	var doubt error
	for _, found := range others {
		if !haveOne(e.targetsAt(found, ""), e.targetsAt(r, "")) || found.Kept && found.IssuedAt.Before(r.IssuedAt) {
			continue // another thing's, or what this one has replaced
		}
		kept, err := e.isKept(ctx, found)
		switch {
		case err != nil:
			return false, err
		case kept && found.Account == r.Account:
			e.log.Info("a credential ended that was replaced in place", "static_role", r.StaticRole, "connection", r.Connection, "by", found.StaticRole)
			e.pending.ended.add(r.ID + r.Handle.Name)
			return true, e.books.ledger.Delete(context.WithoutCancel(ctx), s, r)
		case kept:
			doubt = &unproven{reason: fmt.Sprintf("static role %q keeps one of the same id, which another admin credential made: if both lead to one account, that has taken this one's place, and would end", found.StaticRole)}
		}
	}
	return false, doubt
}

// knowsSuccessor refuses to end a credential as long as the ledger has no record of the one
// that its static role keeps by now.
func (e *Engine) knowsSuccessor(ctx context.Context, s logical.Storage, r *ledger.Record) error {
	keys, err := e.staticKeys(ctx, s, r.StaticRole)
	if err != nil || keys.Current == nil || keys.Current.RecordID == r.ID {
		return err
	}
	current, err := ledger.Get(ctx, s, keys.Current.RecordID)
	if err == nil && current == nil {
		err = &unproven{reason: fmt.Sprintf("the ledger has no record of the credential that static role %q keeps, which would end if it is the one that took this one's place", r.StaticRole)}
	}
	return err
}

// leavesToOriginal keeps a copy of a storage from ending, by a rotation of its own, what its
// original has put in place by the same schedule, while it looks out for that: it comes a
// little later, and replaces nothing that somebody else has replaced meanwhile. Nothing is
// listed by which it could tell. wait says that it is to come again.
func (e *Engine) leavesToOriginal(ctx context.Context, name string, r *StaticRole, keys *StaticKeys) (wait bool, err error) {
	now := e.now()
	if keys.Current == nil || keys.InDoubt || !e.guard.lookout.isKept(now) {
		return false, nil
	}
	bound, err := e.bound(ctx, e.storage, r.Connection)
	if err != nil || !bound.definition.Capabilities.InPlace {
		return false, err
	}
	if maker, err := e.makerOf(ctx, keys.Current.Name); err != nil || maker == e.guard.namer.Maker {
		return false, err
	}
	planned := r.Schedule.Next(keys.Current.IssuedAt)
	later := behindOriginal(planned, keys.Current.IssuedAt)
	if !planned.IsZero() && now.Before(later) {
		return true, e.books.timetable.Set(ctx, e.storage, staticJobPrefix+name, later)
	}
	if !bound.definition.Capabilities.Probe || len(r.KeyCIDRs) > 0 || !keys.Current.ExpiresAt.IsZero() && !now.Before(keys.Current.ExpiresAt) {
		return false, nil
	}
	liveness, err := bound.client.Probe(ctx, keys.Current.Secret)
	if err != nil || liveness != providers.Dead {
		return false, nil //nolint:nilerr // the rotation tells what is wrong with the provider
	}
	err = usererror.Errorf("somebody else has replaced the credential of static role %q since this mount was started after one that stopped without a release: another mount with a copy of this storage may be alive; if this mount is the only one, write rotate-role/%s", name, name)
	return true, errors.Join(err, e.noteStaticFailure(ctx, e.storage, name, err))
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

// noteUnanswered notes that a request which ends a credential, or replaces it, may yet be
// carried out, so that none is put in its place meanwhile.
func (e *Engine) noteUnanswered(bound *boundConnection, r *ledger.Record, err error) {
	var failed *providers.Error
	answered := errors.As(err, &failed) && failed.Status != 0 && failed.Status < http.StatusBadGateway // which may be a gateway's
	if !r.InPlace || answered || providers.KindOf(err) != providers.Unknown {
		return
	}
	e.pending.unanswered.note(e.now().Add(bound.connection.longestMint()+e.lagOf(bound)), e.targetInPlace(r))
}
