package backend

import (
	"context"
	"errors"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/backend/queue"
	"vault-plugin-secrets-apikeys/backend/stored"
	"vault-plugin-secrets-apikeys/backend/usererror"
)

// QueuePage lists at most so many of what waits to be revoked, beyond an id and in
// order; 0 is all. What an earlier process left and was not read yet is not among it.
func (e *Engine) QueuePage(after string, limit int) []queue.Entry {
	return e.books.queue.Page(after, limit)
}

// QueueEntry reads one entry of the queue; nil when there is none.
func (e *Engine) QueueEntry(id string) *queue.Entry { return e.books.queue.Get(id) }

// RetryNow tries a queued revocation at once, whatever pause it is in.
func (e *Engine) RetryNow(id string) error {
	if err := e.refuseIfPassive("the revocation"); err != nil {
		return err
	}
	if !e.books.queue.RetryNow(id) {
		return e.notQueued(id)
	}
	e.triggerQueue()
	return nil
}

// GiveUp drops a queued revocation and, with it, the key's ledger record: the
// operator takes it on himself that the key is dead. The log keeps a record.
func (e *Engine) GiveUp(ctx context.Context, req *logical.Request, id string) error {
	entry := e.books.queue.Get(id)
	if entry == nil {
		return e.notQueued(id)
	}
	unlock, err := e.locks.records.Lock(ctx, id)
	if err != nil {
		return err
	}
	defer unlock()
	if entry.Kind == queue.Crash {
		if err := e.giveUpCrash(ctx, id); err != nil {
			return err
		}
	}
	if err := e.dropGivenUp(ctx, req.Storage, id, entry.KeyName); err != nil {
		return err
	}
	if err := e.books.queue.Remove(ctx, req.Storage, id); err != nil {
		return err
	}
	e.pending.ended.add(id + entry.KeyName)
	e.books.marks.End(entry.Connection, entry.KeyName)
	e.tellQueue(eventGivenUp, entry)
	e.log.Warn("an operator gave a revocation up; the key may be alive at the provider",
		"connection", entry.Connection, "role", entry.Role, "key_name", entry.KeyName, "reason", entry.Reason,
		"waiting_since", entry.Since, "attempts", entry.Attempts, "last_error", entry.LastError,
		"entity_id", req.EntityID, "display_name", req.DisplayName, "request_id", req.ID)
	return nil
}

// dropGivenUp removes the record of the key with this id and name, be it damaged.
func (e *Engine) dropGivenUp(ctx context.Context, s logical.Storage, id, name string) error {
	r, err := ledger.GetNamed(ctx, s, id, name)
	switch {
	case errors.Is(err, stored.ErrUnreadable):
		_, err = e.dropDamaged(ctx, s, id, false)
	case err == nil && r != nil:
		err = e.books.ledger.Delete(ctx, s, r)
	}
	return err
}

// dropDamaged has the ledger drop a record that cannot be read. One of a later version
// is another matter than a damaged one, so whoever means that has to say so.
func (e *Engine) dropDamaged(ctx context.Context, s logical.Storage, id string, newer bool) (dropped bool, err error) {
	dropped, err = e.books.ledger.DropDamaged(ctx, s, id, newer)
	if errors.Is(err, stored.ErrNewer) {
		return dropped, usererror.Errorf("the record with id %q is not damaged: a later version of the engine has written it, and holds its key by it; have that version run again, or write keys/%s/give-up with force=true once the key is dead", id, id)
	}
	return dropped, err
}

// GiveUpDamaged drops a record of the ledger that cannot be read, and whatever waits
// on the queue for its key: the operator takes it on himself that the key is dead.
// One that a later version of the engine has written goes with force alone. As long as
// the record is there, nothing is removed that might be that key. The log keeps a
// record.
func (e *Engine) GiveUpDamaged(ctx context.Context, req *logical.Request, id string, force bool) error {
	if !ledger.IsID(id) {
		return usererror.Errorf("%q is no key id; write one of those that damaged in info shows", id)
	}
	unlock, err := e.locks.records.Lock(ctx, id)
	if err != nil {
		return err
	}
	defer unlock()
	dropped, err := e.dropDamaged(ctx, req.Storage, id, force)
	if err != nil {
		return err
	}
	if !dropped {
		return usererror.Errorf("the ledger has no record with id %q that cannot be read; to end a living key write revoke-key", id)
	}
	if err := e.books.queue.Remove(ctx, req.Storage, id); err != nil {
		return err
	}
	e.tell(eventGivenUp, "keys/"+id, true)
	e.log.Warn("an operator gave up a record of the ledger that cannot be read; its key may be alive at its provider",
		"record_id", id, "entity_id", req.EntityID, "display_name", req.DisplayName, "request_id", req.ID)
	return nil
}

func (e *Engine) notQueued(id string) error {
	if e.books.queue.Waits(id) {
		return usererror.Errorf("%w", queue.ErrUnread)
	}
	return usererror.Errorf("nothing with id %q waits to be revoked; list queue/ for what does", id)
}
