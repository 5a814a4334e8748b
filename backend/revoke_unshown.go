package backend

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/backend/retry"
)

// A provider that knows no such key, which proves nothing, says so again each time, as when
// its account was deleted and the connection has a credential of a new one: all the keys of
// the former one wait then until an operator gives them up. The list tells whether that may
// be otherwise by now, and one reading of it tells it of all of them. So most tries look
// there alone.

// longestUnshown is the longest time between two deletions of such a key.
const longestUnshown = 24 * time.Hour

// noteUnshown notes that the provider said that there is no such key, which proves nothing.
func (e *Engine) noteUnshown(ctx context.Context, s logical.Storage, w way, r *ledger.Record) {
	if asked, err := e.unshownBy(ctx, s, w, r); err == nil {
		e.pending.unshown.note(e.now(), asked)
	}
}

// unshownBy names a key, and who asks for it.
func (e *Engine) unshownBy(ctx context.Context, s logical.Storage, w way, r *ledger.Record) (string, error) {
	credential, err := e.credentialOf(ctx, s, w.connection, w.definition)
	return r.ID + " " + w.definition.Hash() + " " + w.client.BaseURL() + " " + credential, err
}

// refuseInVain refuses a deletion which the provider is to answer as it did the last one, as
// far as its list tells: that shows neither the key nor any other that the same account made.
// Lest a list be wrong for ever it is tried again at growing distances.
func (e *Engine) refuseInVain(ctx context.Context, s logical.Storage, w way, r *ledger.Record, since time.Time) error {
	if e.pending.unshown.isEmpty() || w.elsewhere || r.Unrecorded || w.client.CanProbe(r.Handle) || !w.definition.Capabilities.Reconcile {
		return nil
	}
	asked, err := e.unshownBy(ctx, s, w, r)
	if err != nil {
		return err
	}
	last := e.pending.unshown.since(asked)
	pause := min(max(e.now().Sub(since)/4, retry.LongestRefused/2), longestUnshown)
	if last.IsZero() || e.now().Sub(last).Abs() >= pause || e.listsSomethingOf(ctx, s, w, r, since) {
		return nil
	}
	doubts := ""
	if len(w.doubts) > 0 {
		doubts = ", since " + strings.Join(w.doubts, " and ")
	}
	return lasting{fmt.Errorf("the provider knew no such key when it was to delete it last, which is no proof that it is gone%s; it lists nothing of what made the key so far", doubts)}
}

// listsSomethingOf reports whether the provider's list shows a key, or another one of the same
// origin, or may do so: then the deletion tells more.
func (e *Engine) listsSomethingOf(ctx context.Context, s logical.Storage, w way, r *ledger.Record, since time.Time) bool {
	last, seen, err := e.passShowing(ctx, s, w, r, since)
	if err != nil {
		return ctx.Err() == nil // a list that takes longer than a try leaves no time for more
	}
	if last == nil || seen.any() || !seen.sure {
		return true
	}
	shows, err := e.passShowsSiblings(ctx, s, last, r)
	return err != nil || shows
}
