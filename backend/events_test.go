package backend

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/queue"
	"vault-plugin-secrets-apikeys/internal/sandbox"
)

// TestCrashIsAnEvent: that a connection is looked through after a crash in mid-mint, and
// when nothing of it is left.
func TestCrashIsAnEvent(t *testing.T) {
	inBubble(func(t *testing.T) {
		w := newListenedWorld(t)
		w.tellsNot("crash-find", nil)
		w.crashAfterPOST("app")
		w.tells("crash-find", map[string]any{"path": "config/box", "modified": "true", "name": "box"})
		w.tellsNot("crash-recover", nil)
		w.run(time.Hour, time.Minute)
		w.tells("crash-recover", map[string]any{"path": "config/box", "modified": "true", "name": "box"})
		if alive := w.alive(); len(alive) > 0 {
			t.Errorf("alive: %v", alive)
		}
	})(t)
}

// TestGivingUpIsAnEvent, of all that an operator can answer for.
func TestGivingUpIsAnEvent(t *testing.T) {
	ctx := context.Background()
	giveUpEntry := func(w *world) (id string) {
		entry := w.process.Queue()[0]
		w.must(w.process.GiveUp(ctx, w.request(logical.UpdateOperation, "queue/"+entry.ID+"/give-up"), entry.ID))
		return entry.ID
	}
	for name, c := range map[string]struct {
		giveUp func(w *world) (id string)
		told   map[string]any
	}{
		"a revocation": {
			func(w *world) string {
				lease := w.mustMint("app")
				w.addFaults([]sandbox.Fault{{Kind: sandbox.Status, Status: 403, Count: new(int), Match: sandbox.Match{Route: "DELETE /v1/keys/{id}"}}})
				if err := w.revoke(lease); err == nil {
					w.t.Fatal("it is revoked")
				}
				return giveUpEntry(w)
			},
			map[string]any{"path": "queue/ID", "kind": string(queue.Revoke), "connection": "box"},
		},
		"what a crash left": {
			func(w *world) string {
				w.crashAfterPOST("app")
				w.changeBox(func(c *Connection) { _, c.BaseURL = w.otherHost() })
				w.run(time.Hour, time.Minute)
				w.tells("queue-add", map[string]any{"kind": string(queue.Crash), "connection": "box"})
				return giveUpEntry(w)
			},
			map[string]any{"path": "queue/ID", "kind": string(queue.Crash), "connection": "box"},
		},
		"a damaged record": {
			func(w *world) string {
				lease := w.mustMint("app")
				id := w.dataOf(lease).RecordID
				w.damageRecordOf(lease, func(string) string { return "{" })
				w.must(w.process.GiveUpDamaged(ctx, w.request(logical.UpdateOperation, "keys/"+id+"/give-up"), id, false))
				return id
			},
			map[string]any{"path": "keys/ID"},
		},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			w := newListenedWorld(t)
			id := c.giveUp(w)
			c.told["path"] = strings.Replace(c.told["path"].(string), "ID", id, 1)
			c.told["modified"] = "true"
			w.tells("queue-give-up", c.told)
			w.tellsNot("queue-done", nil)
		}))
	}
}

// newListenedWorld is a world whose Vault takes events.
func newListenedWorld(t *testing.T) *world {
	w := newWorld(t)
	w.events = logical.NewMockEventSender()
	w.startAlone()
	return w
}

// tells asks for an event with such metadata.
func (w *world) tells(operation string, metadata map[string]any) {
	w.t.Helper()
	if !w.hasTold(operation, metadata) {
		w.t.Errorf("no event %s with %v", operation, metadata)
	}
}

func (w *world) tellsNot(operation string, metadata map[string]any) {
	w.t.Helper()
	if w.hasTold(operation, metadata) {
		w.t.Errorf("an event %s with %v", operation, metadata)
	}
}

// deliverAll sends what is told, which no goroutine does here.
func (w *world) deliverAll() {
	done := make(chan struct{})
	close(done)
	w.process.deliver(done)
}

func (w *world) hasTold(operation string, metadata map[string]any) bool {
	w.deliverAll()
	w.events.Lock()
	defer w.events.Unlock()
	for _, event := range w.events.Events {
		fields := event.Event.Metadata.AsMap()
		same := event.Type == logical.EventType(eventSource+operation)
		for name, value := range metadata {
			same = same && fmt.Sprint(fields[name]) == fmt.Sprint(value)
		}
		if same {
			return true
		}
	}
	return false
}
