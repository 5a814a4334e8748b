package backend

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/vault/sdk/logical"
)

// refuseStranding refuses a change that leaves keys where the connection no
// longer reaches.
func (e *Engine) refuseStranding(ctx context.Context, s logical.Storage, name string, c *Connection) error {
	stored, err := e.Connection(ctx, s, name)
	if err != nil || stored == nil {
		return err
	}
	if stored.Provider == c.Provider && stored.BaseURL == c.BaseURL {
		return nil
	}
	left, err := e.leftToRevoke(ctx, s, name)
	if err != nil || left == "" {
		return err
	}
	return mistake("connection %q has %s, which could not be revoked after a change of provider or base_url; revoke its keys first, or repeat with force=true", name, left)
}

// leftToRevoke tells what a connection is still needed for, such as "2 live keys
// and 1 unsettled call"; empty when it can go. Beside the keys in the ledger
// there may be others at the provider: those of mints that are in flight, or
// whose outcome is not known yet, and whatever a crash left.
func (e *Engine) leftToRevoke(ctx context.Context, s logical.Storage, connection string) (string, error) {
	live, err := e.liveKeys(ctx, s, connection)
	if err != nil {
		return "", err
	}
	unsettled := e.activity.inFlight(connection)
	maps.Copy(unsettled, e.queue.unsettled(connection))
	var left []string
	if live > 0 {
		left = append(left, count(live, "live key"))
	}
	if len(unsettled) > 0 {
		left = append(left, count(len(unsettled), "unsettled call")+" (see queue/)")
	}
	note, err := read[rotationNote](ctx, s, rotationPrefix+connection)
	if err != nil && !errors.Is(err, errUnreadable) {
		return "", err
	}
	if note != nil {
		left = append(left, "an unfinished rotation of its credential (see last_error)")
	}
	if slices.Contains(e.recoveries.names(), connection) {
		left = append(left, "a crash to recover from (see info)")
	}
	return strings.Join(left, " and "), nil
}
