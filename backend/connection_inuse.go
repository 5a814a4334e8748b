package backend

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/origin"
	"vault-plugin-secrets-apikeys/backend/stored"
	"vault-plugin-secrets-apikeys/backend/usererror"
	"vault-plugin-secrets-apikeys/providers"
)

// replacement is a connection that is about to take the place of another one.
type replacement struct {
	name          string
	before, after *Connection
	client        *providers.Client // of after
	definition    *providers.Definition
	// moved says that it leads to another location, and account that its admin
	// credential is another one, written by hand.
	moved, account bool
	// seen says that the new credential was shown a key that the former one made,
	// so that it is of the same account; blind is why it was not.
	seen  bool
	blind string
}

// replaces compares a connection with the one that is stored; nil when there is
// none.
func (e *Engine) replaces(ctx context.Context, s logical.Storage, name string, before, after *Connection, definition *providers.Definition, client *providers.Client) *replacement {
	if before == nil {
		return nil
	}
	change := &replacement{name: name, before: before, after: after, client: client, definition: definition}
	change.moved = before.Provider != after.Provider || before.BaseURL != after.BaseURL
	if bound, err := e.bound(ctx, s, name); err == nil && before.Provider == after.Provider {
		change.moved = !origin.SameAddress(bound.client.BaseURL(), client.BaseURL())
	}
	change.account = !change.moved && !sameValues(definition.CredentialFields(), before.Fields, after.Fields)
	return change
}

// refuseWhileInUse refuses a change that leaves keys which the connection no
// longer reaches, or no longer sees.
func (e *Engine) refuseWhileInUse(ctx context.Context, s logical.Storage, change *replacement) error {
	if change == nil || !change.moved && (!change.account || change.seen) {
		return nil
	}
	left, err := e.inUse(ctx, s, change.name, !change.moved)
	switch {
	case err != nil || left == "":
		return err
	case change.moved:
		return usererror.Errorf("connection %q has %s, which could not be revoked after a change of provider or base_url; revoke its keys first, or repeat with force=true", change.name, left)
	}
	return usererror.Errorf("connection %q has %s of the credential that is stored, and %s, so it may be of another account and unable to revoke them; write a credential of the same account, revoke the keys first, or repeat with force=true, by which they stay in the ledger until a credential that sees them is written", change.name, left, change.blind)
}

// mostKeysAsked bounds how many keys a new credential is asked to show.
const mostKeysAsked = 5

// askWhatItSees asks the provider, with a new admin credential, for keys that the former
// one made: whoever is shown one can end them all.
func (e *Engine) askWhatItSees(ctx context.Context, s logical.Storage, change *replacement, ask bool) error {
	switch {
	case change == nil || !change.account:
		return nil
	case !ask:
		change.blind = "with verify_connection=false the new one cannot be asked whether it sees them"
		return nil
	case !change.definition.Capabilities.Lookup:
		change.blind = change.definition.Title + " offers no list that could show whether the new one sees them"
		return nil
	}
	if err := e.refuseWhileReading(ctx, s); err != nil {
		return errReadingLater(err)
	}
	change.blind = "the new one is shown none of its keys"
	asked := 0
	for r, err := range e.books.ledger.OfConnection(ctx, s, change.name) {
		if err != nil && !errors.Is(err, stored.ErrUnreadable) {
			return err
		}
		if err != nil || change.before.Account != "" && r.Account != "" && r.Account != change.before.Account {
			continue
		}
		found, err := change.client.Find(ctx, r.HandleScope(change.definition), providers.Look{Name: r.Handle.Name, ID: r.Handle.ID})
		if err != nil {
			change.blind = fmt.Sprintf("the new one was not shown its keys: %s", err)
		}
		bears, err := e.bearerTest(ctx, s, r)
		if err != nil {
			return err
		}
		for _, listed := range found.Keys {
			// Another account may have a key of that id.
			own := r.InPlace || listed.Handle.Name == "" || bears(listed.Handle) == itsOwn
			change.seen = change.seen || own && listed.Handle.ID == r.Handle.ID
		}
		if asked++; change.seen || asked == mostKeysAsked {
			return nil
		}
	}
	return nil
}

// inUse tells what a connection is still needed for, such as "2 live keys
// and 1 unresolved call"; empty when it can go. Beside the keys in the ledger
// there may be others at the provider: those of mints that are in flight, or
// whose outcome is not known yet, and whatever a crash left. Admin credentials
// that are to be removed count too, unless only keys are asked for.
func (e *Engine) inUse(ctx context.Context, s logical.Storage, connection string, keysOnly bool) (string, error) {
	if err := e.books.queue.Whole(); err != nil {
		return "", usererror.Errorf("%w", err)
	}
	// A mint goes from flight to the queue or the ledger, so they are asked in that
	// order.
	unresolved := e.books.marks.InFlight(connection)
	maps.Copy(unresolved, e.books.queue.UnresolvedNames(connection))
	if keysOnly {
		for name := range e.books.queue.CredentialNames(connection) {
			delete(unresolved, name)
		}
	}
	if err := e.reapDue(ctx); err != nil { // what could not be written for certain is looked at again
		return "", err
	}
	if err := e.refuseWhileReading(ctx, s); err != nil {
		return "", errReadingLater(err)
	}
	live, damaged, err := e.books.ledger.LiveKeys(ctx, s, connection)
	if err != nil {
		return "", err
	}
	var left []string
	if live > 0 {
		left = append(left, count(live, "live key"))
	}
	if len(damaged) > 0 {
		left = append(left, fmt.Sprintf("%s that cannot be read and may be of its keys (%s; see damaged in info, and keys/ID/give-up)", count(len(damaged), "record"), firstFew(damaged)))
	}
	if len(unresolved) > 0 {
		left = append(left, count(len(unresolved), "unresolved call")+" (see queue/)")
	}
	note, err := stored.Read[rotationNote](ctx, s, rotationPrefix+connection)
	if err != nil && !errors.Is(err, stored.ErrUnreadable) {
		return "", err
	}
	if note != nil && !keysOnly {
		left = append(left, "an unfinished rotation of its credential (see last_error)")
	}
	if slices.Contains(e.pending.recoveries.names(), connection) {
		left = append(left, "a crash to recover from (see info)")
	}
	return strings.Join(left, " and "), nil
}

// errReadingLater tells an operator what to do about errLedgerReading, and is any other error.
func errReadingLater(err error) error {
	if errors.Is(err, errLedgerReading) {
		return usererror.Errorf("%w; try again in some minutes", err)
	}
	return err
}

// leftByDisable tells what would be alive at providers, with nobody to end it,
// after the mount is gone: Vault revokes the leases then, and nothing else.
func (e *Engine) leftByDisable(ctx context.Context, s logical.Storage) ([]string, error) {
	left := []string{}
	roles, err := e.StaticRoles(ctx, s)
	if err != nil {
		return nil, err
	}
	if len(roles) > 0 {
		left = append(left, fmt.Sprintf("The keys of %s: %s; delete the roles first.", count(len(roles), "static role"), firstFew(roles)))
	}
	if waiting := e.books.queue.Len(); waiting > 0 {
		left = append(left, fmt.Sprintf("What the queue is still to remove: %d; wait until queue/ is empty.", waiting))
	}
	if missing := e.books.queue.CountMissing(); missing > 0 {
		left = append(left, fmt.Sprintf("The keys that their provider did not know, should they be there all the same: %d; see those of kind missing in queue/.", missing))
	}
	rotated, err := e.rotatedConnections(ctx, s)
	if err != nil {
		return nil, err
	}
	if len(rotated) > 0 {
		left = append(left, fmt.Sprintf("The admin credentials that rotations made, which nobody else knows, of %s: %s; remove them at the provider afterwards.", count(len(rotated), "connection"), firstFew(rotated)))
	}
	return left, nil
}

// rotatedConnections are those whose admin credential a rotation made.
func (e *Engine) rotatedConnections(ctx context.Context, s logical.Storage) ([]string, error) {
	names, err := e.Connections(ctx, s)
	if err != nil {
		return nil, err
	}
	var rotated []string
	for _, name := range names {
		c, err := e.Connection(ctx, s, name)
		if err != nil && !errors.Is(err, stored.ErrUnreadable) {
			return nil, err
		}
		if c != nil && c.CredentialName != "" {
			rotated = append(rotated, name)
		}
	}
	return rotated, nil
}
