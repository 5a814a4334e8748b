package backend

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
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
	// eventQueueDone and eventGivenUp: it waits no more, since it is ended or since
	// an operator answers for it.
	eventQueueDone = "queue-done"
	eventGivenUp   = "queue-give-up"
	// eventOrphanFound and eventOrphanRevoked: what nobody holds.
	eventOrphanFound   = "orphan-find"
	eventOrphanRevoked = "orphan-revoke"
	// eventCrashFound and eventCrashRecovered: a location that was in use at a crash.
	eventCrashFound     = "crash-find"
	eventCrashRecovered = "crash-recover"
	// eventLeakFound and eventLeakRevoked: a key whose value somebody has.
	eventLeakFound   = "lookup-key"
	eventLeakRevoked = "revoke-key"
	// eventPassive, eventClaimed and eventYielded: whether the mount acts.
	eventPassive = "ownership-lose"
	eventClaimed = "ownership-claim"
	eventYielded = "ownership-yield"

	eventConnectionWritten = "config-write"
	eventConnectionDeleted = "config-delete"
	eventConnectionReset   = "reset"
	eventChecked           = "check"
	// What is changed ends with the word for how: -create, -update or -delete.
	eventRole       = "role"
	eventStaticRole = "static-role"
	eventDefinition = "definition"

	eventCreated = "-create"
	eventUpdated = "-update"
	eventDeleted = "-delete"
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
	// unheard is set once it is known that nobody can subscribe: sending an event costs
	// Vault and the plugin as much as a write to storage.
	unheard atomic.Bool
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
	if e.events.waiting == nil || e.events.unheard.Load() {
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
	if e.events.waiting == nil {
		return
	}
	e.events.unheard.Store(e.isCommunityEdition())
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

// isCommunityEdition reports whether Vault says that it is the community edition, which
// has no endpoint to subscribe to events.
func (e *Engine) isCommunityEdition() bool {
	ctx, cancel := context.WithTimeout(context.Background(), longestDelivery)
	defer cancel()
	vault, err := e.System().PluginEnv(ctx)
	return err == nil && vault.GetVaultVersion() != "" && !strings.HasPrefix(vault.GetVaultVersionMetadata(), "ent")
}

func (e *Engine) send(one event) {
	if e.events.unheard.Load() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), longestDelivery)
	defer cancel()
	err := logical.SendEvent(ctx, e, eventSource+one.operation, one.metadata...)
	if err != nil && !errors.Is(err, framework.ErrNoEvents) {
		e.log.Debug("an event could not be sent", "operation", one.operation, "error", err)
	}
}

// tellMinted tells of a mint that a provider was asked for.
func (e *Engine) tellMinted(o *mintPlan, err error) {
	operation, path, name := eventMinted, "creds/"+o.record.Role, o.record.Role
	if o.record.StaticRole != "" {
		operation, path, name = eventStaticMinted, "static-creds/"+o.record.StaticRole, o.record.StaticRole
	}
	e.tellOutcome(operation, path, err, "name", name, "connection", o.bound.name, "key_name", o.request.Name)
}

// tellRefused tells of a mint that was refused before a provider was asked.
func (e *Engine) tellRefused(role string, err error) {
	e.tellOutcome(eventMinted, "creds/"+role, err, "name", role)
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

// tellConnection tells of a connection that was asked to change.
func (e *Engine) tellConnection(operation, name string, err error) {
	e.tellOutcome(operation, "config/"+name, err, "name", name)
}

// tellChanged tells of a role, a static role or a definition that was changed.
func (e *Engine) tellChanged(what, how, name string) {
	e.tell(what+how, what+"s/"+name, true, "name", name)
}

// howWritten is the word for a change of what was there before, or was not.
func howWritten(there bool) string {
	if there {
		return eventUpdated
	}
	return eventCreated
}

// tellLeaked tells of a key that somebody asked for by its value; the path is the
// operation's own.
func (e *Engine) tellLeaked(operation string, r *ledger.Record, modified bool) {
	name := r.Role
	if r.StaticRole != "" {
		name = r.StaticRole
	}
	e.tell(operation, operation, modified, "name", name, "connection", r.Connection, "key_name", r.Handle.Name)
}

func (e *Engine) tellQueue(operation string, entry *queue.Entry) {
	e.tell(operation, "queue/"+entry.ID, true, "kind", string(entry.Kind), "connection", entry.Connection, "key_name", entry.KeyName)
}

// enqueue has something ended later. An entry that is held is a mint's own note,
// which waits for nobody.
func (e *Engine) enqueue(ctx context.Context, s logical.Storage, entry queue.Entry, held bool) error {
	err := e.books.queue.Add(ctx, s, entry, held)
	if err == nil && !held {
		e.tellQueue(eventQueued, &entry)
	}
	return err
}

// enqueueUnstored is enqueue for what storage tells of elsewhere.
func (e *Engine) enqueueUnstored(entry queue.Entry) {
	if !e.books.queue.Waits(entry.ID) {
		e.tellQueue(eventQueued, &entry)
	}
	e.books.queue.AddUnstored(entry)
}
