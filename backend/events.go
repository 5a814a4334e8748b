package backend

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/backend/queue"
)

// What Vault's event system is told, with names and metadata as the database
// engine has them. A type is eventSource and the operation.
const (
	eventSource = "apikeys/"

	eventMinted       = "creds-create"
	eventStaticMinted = "static-creds-create"
	eventRevoked      = "creds-revoke"
	eventRotated      = "rotate"
	eventRootRotated  = "rotate-root"
	// eventQueued: something is not ended yet, and waits for its provider.
	eventQueued = "queue-add"
	// eventOrphanFound and eventOrphanRevoked: a key that nobody holds.
	eventOrphanFound   = "orphan-find"
	eventOrphanRevoked = "orphan-revoke"
	// eventFailed ends the operation of what did not succeed; reason says why, in
	// the words of a metric's result.
	eventFailed = "-fail"

	// mostEvents may wait to be sent. What comes on top is dropped: no key waits
	// for whoever listens.
	mostEvents      = 1000
	longestDelivery = 10 * time.Second
)

// events are sent one after another in the background.
type events struct {
	waiting chan event // nil where nobody takes events
	dropped sync.Once
}

type event struct {
	operation string
	metadata  []string
}

func newEvents(sender logical.EventSender) events {
	if sender == nil {
		return events{}
	}
	return events{waiting: make(chan event, mostEvents)}
}

// tell has an event sent. The path is what a subscriber needs the capability
// subscribe for; pairs are further metadata, none of it secret.
func (e *Engine) tell(operation, path string, modified bool, pairs ...string) {
	if e.events.waiting == nil {
		return
	}
	metadata := append([]string{
		logical.EventMetadataModified, strconv.FormatBool(modified),
		logical.EventMetadataOperation, operation,
		logical.EventMetadataPath, path,
	}, pairs...)
	select {
	case e.events.waiting <- event{operation, metadata}:
	default:
		e.events.dropped.Do(func() { e.log.Warn("events are dropped, since Vault takes them more slowly than they come") })
	}
}

// tellOutcome is tell for what may have failed.
func (e *Engine) tellOutcome(operation, path string, err error, pairs ...string) {
	if err != nil {
		operation += eventFailed
		pairs = append(pairs, "reason", resultOf(err))
	}
	e.tell(operation, path, err == nil, pairs...)
}

// deliver sends what is told until the work in the background is done, and then
// what is left.
func (e *Engine) deliver(done <-chan struct{}) {
	for {
		select {
		case one := <-e.events.waiting:
			e.send(one)
		case <-done:
			for len(e.events.waiting) > 0 {
				e.send(<-e.events.waiting)
			}
			return
		}
	}
}

func (e *Engine) send(one event) {
	ctx, cancel := context.WithTimeout(context.Background(), longestDelivery)
	defer cancel()
	err := logical.SendEvent(ctx, e, eventSource+one.operation, one.metadata...)
	if err != nil && !errors.Is(err, framework.ErrNoEvents) {
		e.log.Debug("an event could not be sent", "operation", one.operation, "error", err)
	}
}

func (e *Engine) tellMinted(o *mintPlan, err error) {
	operation, path, name := eventMinted, "creds/"+o.record.Role, o.record.Role
	if o.record.StaticRole != "" {
		operation, path, name = eventStaticMinted, "static-creds/"+o.record.StaticRole, o.record.StaticRole
	}
	e.tellOutcome(operation, path, err, "name", name, "connection", o.bound.name, "key_name", o.request.Name)
}

func (e *Engine) tellRevoked(r *ledger.Record, err error) {
	path, name := "creds/"+r.Role, r.Role
	if r.StaticRole != "" {
		path, name = "static-creds/"+r.StaticRole, r.StaticRole
	}
	e.tellOutcome(eventRevoked, path, err, "name", name, "connection", r.Connection, "key_name", r.Handle.Name)
}

func (e *Engine) tellRotated(name, connection, keyName string, err error) {
	pairs := []string{"name", name, "connection", connection}
	if err == nil {
		pairs = append(pairs, "key_name", keyName, logical.EventMetadataDataPath, "static-creds/"+name)
	}
	e.tellOutcome(eventRotated, "rotate-role/"+name, err, pairs...)
}

// enqueue has something ended later. An entry that is held is a mint's own note,
// which waits for nobody.
func (e *Engine) enqueue(ctx context.Context, s logical.Storage, entry queue.Entry, held bool) error {
	err := e.books.queue.Add(ctx, s, entry, held)
	if err == nil && !held {
		e.tell(eventQueued, "queue/"+entry.ID, true, "kind", string(entry.Kind), "connection", entry.Connection, "key_name", entry.KeyName)
	}
	return err
}
