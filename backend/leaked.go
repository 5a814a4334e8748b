package backend

import (
	"context"
	"slices"
	"strings"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/backend/usererror"
)

// KeysByValue are the records of the living keys with this value, oldest first:
// that of the first field that its reader got. There are several only where that
// field does not tell keys apart. A *usererror.Error, which does not quote the value, says
// that there is none.
func (e *Engine) KeysByValue(ctx context.Context, s logical.Storage, value string) ([]*ledger.Record, error) {
	mount, err := e.mount(ctx, s)
	if err != nil {
		return nil, err
	}
	found, err := ledger.OfValue(ctx, s, mount, strings.TrimSpace(value))
	for _, r := range found {
		e.tellLeaked(eventLeakFound, r, false)
	}
	if err == nil && len(found) == 0 {
		err = usererror.Errorf("no living key of this mount has this value; it is revoked already, was not made here, or is not the field that secret_fields in providers/PROVIDER shows first")
	}
	return found, err
}

// KeyByValue is the one living key with this value. A *usererror.Error says that there is
// none, or which there are.
func (e *Engine) KeyByValue(ctx context.Context, s logical.Storage, value string) (*ledger.Record, error) {
	found, err := e.KeysByValue(ctx, s, value)
	if err != nil {
		return nil, err
	}
	if len(found) > 1 {
		var ids []string
		for _, r := range found {
			ids = append(ids, r.ID)
		}
		return nil, usererror.Errorf("%d living keys have this value; write id=ID for each that you mean, of %s", len(found), strings.Join(ids, ", "))
	}
	return found[0], nil
}

// Revocation is what became of a key that was to be revoked at once.
type Revocation struct {
	// Pending says why the provider has not confirmed yet, and the key is on the
	// queue; nil when the key is dead.
	Pending error
	// NotReplaced says why the static role that held the key has no other now;
	// that is tried again until it succeeds.
	NotReplaced error
}

// RevokeKey revokes a key at once, whoever holds it. A static role gets another
// one first; when that fails, the key dies all the same.
func (e *Engine) RevokeKey(ctx context.Context, req *logical.Request, r *ledger.Record) (Revocation, error) {
	if r.StaticRole != "" {
		if err := e.refuseIfPassive("the replacement of a static role's key"); err != nil {
			return Revocation{}, err
		}
	}
	// What is begun is carried through, even when the caller hangs up.
	ctx = context.WithoutCancel(ctx)
	e.log.Warn("a key is revoked because somebody asked for it",
		"connection", r.Connection, "role", r.Role, "key_name", r.Handle.Name,
		"entity_id", req.EntityID, "display_name", req.DisplayName, "request_id", req.ID)
	e.tellLeaked(eventLeakRevoked, r, true)
	var done Revocation
	if r.StaticRole != "" {
		var err error
		if done.NotReplaced, err = e.replaceLeaked(ctx, req.Storage, r); err != nil {
			return done, err
		}
	}
	ended, err := e.revokeSoon(ctx, req.Storage, r, "its revocation was asked for")
	done.Pending = ended.queued
	return done, err
}

// replaceLeaked has a static role part with a key, and gives it another one when
// that was its current key. Without another, notReplaced says why: readers are
// then told, and the timetable has it tried again.
func (e *Engine) replaceLeaked(ctx context.Context, s logical.Storage, r *ledger.Record) (notReplaced, err error) {
	name := r.StaticRole
	unlock, err := e.locks.rotations.Lock(ctx, staticJobPrefix+name)
	if err != nil {
		return nil, err
	}
	defer unlock()
	role, err := e.StaticRole(ctx, s, name)
	if err != nil || role == nil {
		return nil, err
	}
	keys, err := e.staticKeys(ctx, s, name)
	if err != nil {
		return nil, err
	}
	if keys.Current == nil || keys.Current.RecordID != r.ID {
		return nil, e.endPreviousKey(ctx, s, name, keys, r.ID)
	}
	atOnce := *role
	atOnce.Overlap = 0
	notReplaced = e.rotateStatic(ctx, s, name, &atOnce, keys)
	if keys, err = e.staticKeys(ctx, s, name); err != nil {
		return notReplaced, err
	}
	if keys.Current == nil || keys.Current.RecordID != r.ID {
		return nil, nil // the rest of the rotation is on the timetable
	}
	// The timetable first, so that no crash leaves the role without a key for long.
	if err := e.books.timetable.Set(ctx, s, staticJobPrefix+name, e.now()); err != nil {
		return notReplaced, err
	}
	keys.Current = nil
	return notReplaced, e.storeKeys(ctx, s, name, keys)
}

// endPreviousKey ends a key's overlap, if it is a role's previous one.
func (e *Engine) endPreviousKey(ctx context.Context, s logical.Storage, name string, keys *StaticKeys, id string) error {
	left := slices.DeleteFunc(slices.Clone(keys.Previous), func(key *StaticKey) bool { return key.RecordID == id })
	if len(left) == len(keys.Previous) {
		return nil
	}
	keys.Previous = left
	return e.storeKeys(ctx, s, name, keys)
}
