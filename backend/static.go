package backend

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/backend/stored"
	"vault-plugin-secrets-apikeys/backend/timetable"
	"vault-plugin-secrets-apikeys/backend/usererror"
	"vault-plugin-secrets-apikeys/providers"
)

// A static role keeps one long-lived key for consumers that cannot lease, and
// replaces it on a schedule: issue the new → see it work → store it → keep the
// old for a while → revoke it. Both keys are in the ledger. A key that was
// issued and not stored is revoked by the reaper, since no role holds it.
const (
	staticRolePrefix = "static-role/"
	// staticKeyPrefix is seal-wrapped: it holds the keys themselves.
	staticKeyPrefix = "static-key/"
	staticJobPrefix = staticKind + "/"

	// installation is how long a new static key may take to be stored before
	// the reaper takes it for a lost one.
	installation = 10 * time.Minute
	// staticReserve is how long beyond its next rotation a static key lives at
	// a provider that ends keys itself: time to mend rotations that fail.
	staticReserve = 30 * 24 * time.Hour
	// byHand stands for the gap between rotations that have no schedule.
	byHand = timetable.LongestPeriod
)

// StaticRole says what a static key may do and when it is replaced.
type StaticRole struct {
	Role
	timetable.Schedule
	// Overlap is how long the old key works on after a rotation.
	Overlap time.Duration `json:"overlap,omitempty"`
	// KeepOnDelete leaves the key alive when the role is deleted.
	KeepOnDelete bool `json:"keep_on_delete,omitempty"`
}

// StaticKeys is what a static role holds.
type StaticKeys struct {
	// Current is the key that readers get; nil where the last one was revoked and no
	// other could be made.
	Current *StaticKey `json:"current,omitempty"`
	// Previous still work, each until its Until; the newest comes first.
	Previous []*StaticKey `json:"previous,omitempty"`
	// InDoubt says that the current key may have ended: its provider was asked to
	// replace it in place, and no answer has said what came of that.
	InDoubt bool `json:"in_doubt,omitempty"`
	// Keep says that the role is being deleted and its keys are to live on.
	Keep bool `json:"keep,omitempty"`
	RotationState
}

// StaticKey is one key of a static role, with its secret.
type StaticKey struct {
	// RecordID is the id of the key's record in the ledger.
	RecordID string `json:"record_id"`
	// Name is the key's at the provider.
	Name string `json:"name"`
	// Secret are the fields that readers get.
	Secret providers.Values `json:"secret"`
	// IssuedAt is when the key was made.
	IssuedAt time.Time `json:"issued_at"`
	// ExpiresAt is when the provider ends the key; zero where it does not.
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	// AskedEnd is the end that was asked for it; zero where none was, and for keys that an
	// earlier version of the engine made.
	AskedEnd time.Time `json:"asked_end,omitzero"`
	// Until is when the engine revokes a previous key.
	Until time.Time `json:"until,omitzero"`
}

// String keeps the secret out of logs and errors.
func (k *StaticKey) String() string { return "key " + k.Name }

// GoString keeps the secret out of %#v.
func (k *StaticKey) GoString() string { return k.String() }

// StaticRole reads a stored static role; nil when there is none.
func (e *Engine) StaticRole(ctx context.Context, s logical.Storage, name string) (*StaticRole, error) {
	return stored.Read[StaticRole](ctx, s, staticRolePrefix+name)
}

// StaticRoles lists the names of all static roles.
func (e *Engine) StaticRoles(ctx context.Context, s logical.Storage) ([]string, error) {
	return s.List(ctx, staticRolePrefix)
}

// StaticKeys reads what a static role holds, with the time of its next
// rotation. A *usererror.Error says that there is no such role.
func (e *Engine) StaticKeys(ctx context.Context, s logical.Storage, name string) (*StaticKeys, error) {
	role, err := e.StaticRole(ctx, s, name)
	if err != nil {
		return nil, err
	}
	if role == nil {
		return nil, unknownStaticRole(name)
	}
	keys, err := e.staticKeys(ctx, s, name)
	if err != nil {
		return nil, err
	}
	if keys.Current == nil {
		return nil, usererror.Errorf("static role %q has no key, since its last one was revoked and no other could be made: %s; that is tried again until it succeeds", name, keys.LastError)
	}
	keys.NextRotation = role.nextRotation(keys, e.books.timetable.DueAt(staticJobPrefix+name), e.now())
	return keys, nil
}

// nextRotation is when the current key is replaced, for a role that the timetable
// comes to at due: then, where it is to be replaced then, and else when the
// timetable is set to come for it. Zero is never by itself.
func (r *StaticRole) nextRotation(keys *StaticKeys, due, now time.Time) time.Time {
	if keys.Current == nil || !r.Schedule.Automatic() {
		return time.Time{}
	}
	then := due
	if now.After(due) {
		then = now
	}
	if r.isDue(keys, due, then) {
		return due
	}
	return r.replaceAt(keys.Current, now)
}

func (e *Engine) staticKeys(ctx context.Context, s logical.Storage, name string) (*StaticKeys, error) {
	keys, err := stored.Read[StaticKeys](ctx, s, staticKeyPrefix+name)
	if keys == nil {
		keys = &StaticKeys{}
	}
	return keys, err
}

func (e *Engine) storeKeys(ctx context.Context, s logical.Storage, name string, keys *StaticKeys) error {
	if err := stored.Write(ctx, s, staticKeyPrefix+name, keys); err != nil {
		return fmt.Errorf("storing the keys of static role %q: %w", name, err)
	}
	return nil
}

// ChangeStaticRole has change alter the static role, a new one where there is none,
// checks it and stores it. A new one gets its first key at once; when that fails, no
// role is stored. No rotation of the role comes in between.
func (e *Engine) ChangeStaticRole(ctx context.Context, s logical.Storage, name string, change func(*StaticRole) error) error {
	unlock, err := e.locks.rotations.Lock(ctx, staticJobPrefix+name)
	if err != nil {
		return err
	}
	defer unlock()
	before, err := e.StaticRole(ctx, s, name)
	if err != nil {
		return err
	}
	r := &StaticRole{}
	if before != nil {
		*r = *before
	}
	if err := change(r); err != nil {
		return err
	}
	if before != nil && before.Connection != r.Connection {
		return usererror.Errorf("static role %q belongs to connection %q; delete it and write it anew to move it", name, before.Connection)
	}
	if err := e.checkStaticRole(ctx, s, name, r); err != nil {
		return err
	}
	if err := e.refuseShorterLife(ctx, s, name, before, r); err != nil {
		return err
	}
	if err := e.refuseTakenInPlace(ctx, s, name, before, r); err != nil {
		return err
	}
	if before == nil {
		err = e.createStatic(ctx, s, name, r)
	} else {
		err = e.storeStaticRole(ctx, s, name, before.Schedule, r)
	}
	if err == nil {
		e.tellChanged(eventStaticRole, howWritten(before != nil), name)
	}
	return err
}

// storeStaticRole stores a static role in the place of one with that schedule.
func (e *Engine) storeStaticRole(ctx context.Context, s logical.Storage, name string, before timetable.Schedule, r *StaticRole) error {
	if err := stored.Write(ctx, s, staticRolePrefix+name, r); err != nil {
		e.books.timetable.Urge(staticJobPrefix + name) // it may have been carried out, with another schedule
		return fmt.Errorf("storing static role %q: %w", name, err)
	}
	if before == r.Schedule {
		return nil
	}
	keys, err := e.staticKeys(ctx, s, name)
	if err != nil {
		return err
	}
	return e.scheduleStatic(ctx, s, name, r, keys)
}

func (e *Engine) checkStaticRole(ctx context.Context, s logical.Storage, name string, r *StaticRole) error {
	bound, err := e.bound(ctx, s, r.Connection)
	if err != nil {
		return err
	}
	if !bound.connection.allows(name) {
		return usererror.Errorf("role %q may not use connection %q; add it to allowed_roles of config/%s", name, r.Connection, r.Connection)
	}
	if err := checkRole(bound, name, &r.Role); err != nil {
		return err
	}
	if err := r.Schedule.Validate(); err != nil {
		return err
	}
	if r.Overlap < 0 {
		return usererror.Errorf("overlap is %s; write 0 or more", r.Overlap)
	}
	if r.Overlap > timetable.LongestPeriod {
		return usererror.Errorf("overlap is %s; write at most %s", r.Overlap, timetable.LongestPeriod)
	}
	if r.Overlap > 0 && bound.definition.Capabilities.InPlace {
		return usererror.Errorf("overlap is %s, and %s replaces the credential in place: the one before ends at once; leave overlap out", r.Overlap, bound.definition.Title)
	}
	if longest := bound.definition.Expiry.LongestLease(); longest > 0 && r.gap(e.now())+r.overlap() > longest {
		return usererror.Errorf("a key lives at most %s at %s; rotate it more often than that, overlap included", longest, bound.definition.Title)
	}
	return nil
}

// refuseShorterLife refuses a schedule by which each rotation would be refused: the
// provider has given the current key less than the role asked for, and less than this
// schedule needs.
func (e *Engine) refuseShorterLife(ctx context.Context, s logical.Storage, name string, before, r *StaticRole) error {
	if before == nil || before.Schedule == r.Schedule && before.Overlap >= r.Overlap || !r.Schedule.Automatic() {
		return nil
	}
	keys, err := e.staticKeys(ctx, s, name)
	if err != nil || keys.Current == nil || keys.Current.ExpiresAt.IsZero() {
		return err
	}
	bound, err := e.bound(ctx, s, r.Connection)
	if err != nil {
		return err
	}
	asked := keys.Current.AskedEnd // by the schedule of then
	if asked.IsZero() {
		asked, err = before.expiresAt(bound.definition, keys.Current.IssuedAt)
	}
	if err != nil || asked.IsZero() {
		return err
	}
	life, needed := keys.Current.ExpiresAt.Sub(keys.Current.IssuedAt), r.gap(e.now())+r.overlap()
	if life > needed-expiryMargin || !keys.Current.ExpiresAt.Before(asked.Add(-expiryMargin)) {
		return nil
	}
	return usererror.Errorf("%s has given the current key of static role %q %s, and with this schedule the role needs %s, overlap included; "+
		"rotate it at least that often, or, should the provider give more by now, write rotate-role/%s first",
		bound.definition.Title, name, life.Truncate(time.Second), needed, name)
}

// gap is the longest time that the schedule lets a key be the current one.
func (r *StaticRole) gap(now time.Time) time.Duration {
	if !r.Schedule.Automatic() {
		return byHand
	}
	return r.Schedule.LongestGap(now)
}

// overlap is Overlap within what can be computed with.
func (r *StaticRole) overlap() time.Duration { return min(r.Overlap, timetable.LongestPeriod) }

// createStatic puts the role on the timetable before it is stored, so that no
// crash leaves a role that is never rotated, and no failed write one that is half
// there: when its time comes, the timetable ends the key of a role that is not.
func (e *Engine) createStatic(ctx context.Context, s logical.Storage, name string, r *StaticRole) error {
	defer e.rotations.installing.Begin(name)()
	left, err := e.staticKeys(ctx, s, name)
	if err == nil && left.Keep {
		err = e.keepStaticKeys(ctx, s, name, left) // the end of a role of this name was not finished
	}
	if err != nil {
		return err
	}
	if err := e.books.timetable.Set(ctx, s, staticJobPrefix+name, e.now().Add(installation)); err != nil {
		return err
	}
	made, err := e.issueStatic(ctx, s, name, r, nil)
	switch {
	case err != nil && len(left.all()) > 0: // the end of a role of this name was not finished, and has yet to be
		return errors.Join(err, e.books.timetable.Set(ctx, s, staticJobPrefix+name, e.now()))
	case err != nil:
		return errors.Join(err, e.books.timetable.Drop(ctx, s, staticJobPrefix+name))
	}
	none := &StaticKeys{}
	keys := none.with(made.key, r.overlap())
	if err := e.storeStatic(ctx, s, name, keys); err != nil {
		return err
	}
	if err := stored.Write(ctx, s, staticRolePrefix+name, r); err != nil {
		stored, readErr := e.StaticRole(ctx, s, name)
		if readErr != nil || stored == nil {
			return fmt.Errorf("storing static role %q: %w", name, errors.Join(err, readErr))
		}
	}
	return e.scheduleStatic(ctx, s, name, r, keys)
}

// DeleteStaticRole removes a static role and revokes its keys, unless it says
// to keep them.
func (e *Engine) DeleteStaticRole(ctx context.Context, s logical.Storage, name string) error {
	unlock, err := e.locks.rotations.Lock(ctx, staticJobPrefix+name)
	if err != nil {
		return err
	}
	defer unlock()
	r, err := e.StaticRole(ctx, s, name)
	if err != nil || r == nil {
		return err
	}
	if !r.KeepOnDelete {
		if err := e.refuseIfPassive("the revocation of the role's keys"); err != nil {
			return err
		}
	}
	keys, err := e.staticKeys(ctx, s, name)
	if err != nil {
		return err
	}
	// Should the rest not be finished here, the timetable has it finished soon.
	if err := e.books.timetable.Set(ctx, s, staticJobPrefix+name, e.now().Add(time.Minute)); err != nil {
		return err
	}
	keys.Keep = r.KeepOnDelete
	if err := e.storeKeys(ctx, s, name, keys); err != nil {
		return err
	}
	if err := s.Delete(ctx, staticRolePrefix+name); err != nil {
		return fmt.Errorf("deleting static role %q: %w", name, err)
	}
	e.metrics.forgetStaticRole(name)
	e.tellChanged(eventStaticRole, eventDeleted, name)
	return e.finishDeletion(ctx, s, name, keys)
}

// finishDeletion does with the keys of a deleted role as it said.
func (e *Engine) finishDeletion(ctx context.Context, s logical.Storage, name string, keys *StaticKeys) error {
	part := e.endStaticKeys
	if keys.Keep {
		part = e.keepStaticKeys
	}
	if err := part(ctx, s, name, keys); err != nil {
		return err
	}
	e.forgetFailures(staticJobPrefix + name)
	return e.books.timetable.Drop(ctx, s, staticJobPrefix+name)
}

// endStaticKeys revokes all keys of a role; what cannot be revoked now is
// queued, and that is success: the role is gone.
func (e *Engine) endStaticKeys(ctx context.Context, s logical.Storage, name string, keys *StaticKeys) error {
	for _, key := range keys.all() {
		if err := e.endStaticKey(ctx, s, key, "its static role was deleted"); err != nil {
			return err
		}
	}
	return s.Delete(ctx, staticKeyPrefix+name)
}

// endStaticKey revokes one key, or queues it.
func (e *Engine) endStaticKey(ctx context.Context, s logical.Storage, key *StaticKey, reason string) error {
	r, err := ledger.GetNamed(ctx, s, key.RecordID, key.Name)
	if err != nil || r == nil {
		return err
	}
	done, err := e.revokeSoon(ctx, s, r, reason)
	if done.queued != nil {
		e.log.Warn("a static key could not be revoked yet; it is queued", "connection", r.Connection, "key_name", r.Handle.Name, "error", done.queued)
	}
	return err
}

// keepStaticKeys leaves the current key of a role alive, and in the ledger. Those
// before it live on until their overlap is over, and no longer.
func (e *Engine) keepStaticKeys(ctx context.Context, s logical.Storage, name string, keys *StaticKeys) error {
	for _, key := range keys.all() {
		r, err := ledger.GetNamed(ctx, s, key.RecordID, key.Name)
		if err != nil {
			return err
		}
		if r == nil {
			continue
		}
		r.Kept = key == keys.Current
		if !r.Kept {
			// Its overlap was set when the next key took its place, by the clock of that
			// time, and not by this one, which may be ahead.
			r.Deadline, r.DeadlineSet = key.Until, earlier(e.now(), keys.supersededAt(key))
		}
		if err := e.books.ledger.Write(ctx, s, r); err != nil {
			return err
		}
		if r.Kept {
			e.log.Warn("a static role was deleted and its key kept, as the role said", "static_role", name, "connection", r.Connection, "key_name", r.Handle.Name)
		}
	}
	return s.Delete(ctx, staticKeyPrefix+name)
}

// supersededAt is when another key took a previous one's place, by the clock of that time.
func (k *StaticKeys) supersededAt(previous *StaticKey) time.Time {
	next := k.Current
	for _, key := range k.Previous { // the newest first
		if key == previous {
			break
		}
		next = key
	}
	if next == nil {
		return previous.IssuedAt
	}
	return next.IssuedAt
}

// Overlapping are the previous keys that still work at a time: until their overlap is over,
// however late their revocation is, or until their provider ends them, if that comes first.
func (k *StaticKeys) Overlapping(now time.Time) []*StaticKey {
	var working []*StaticKey
	for _, key := range k.Previous {
		if now.Before(key.Until) && (key.ExpiresAt.IsZero() || now.Before(key.ExpiresAt)) {
			working = append(working, key)
		}
	}
	return working
}

func (k *StaticKeys) all() []*StaticKey {
	all := slices.Clone(k.Previous)
	if k.Current != nil {
		all = append(all, k.Current)
	}
	return all
}

// heldByStaticRole reports whether a static role holds the record's key, or held
// it and was to leave it alive.
func (e *Engine) heldByStaticRole(ctx context.Context, r *ledger.Record) (bool, error) {
	if r.StaticRole == "" || r.Kept {
		return r.Kept, nil
	}
	if e.rotations.installing.Has(r.StaticRole) {
		return true, nil // it may be the key that is about to be stored
	}
	keys, err := e.staticKeys(ctx, e.storage, r.StaticRole)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(keys.all(), func(key *StaticKey) bool { return key.RecordID == r.ID && key.Name == r.Handle.Name }), nil
}
