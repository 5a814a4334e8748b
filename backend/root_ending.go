package backend

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/backend/origin"
	"vault-plugin-secrets-apikeys/backend/stored"
	"vault-plugin-secrets-apikeys/backend/usererror"
	"vault-plugin-secrets-apikeys/providers"
)

// Some providers end keys with the admin credential that made them. There a rotation
// is refused for as long as somebody holds such a key, by schedule as by hand: it is
// for an operator to say that they may end. Mints wait meanwhile, so that none comes
// between the look and the rotation.

// endingRotation is a connection whose rotation ends keys, with those that share its
// admin credential: their keys end too.
type endingRotation struct {
	bound *boundConnection
	names []string // in order, with its own
}

// endingRotationOf is nil where a rotation ends no key.
func (e *Engine) endingRotationOf(ctx context.Context, s logical.Storage, name string) (*endingRotation, error) {
	bound, err := e.bound(ctx, s, name)
	if err != nil || !bound.definition.Capabilities.RotateRevokesKeys {
		return nil, err
	}
	names, err := e.Connections(ctx, s)
	if err != nil {
		return nil, err
	}
	ending := &endingRotation{bound: bound, names: []string{name}}
	for _, other := range names {
		if other == name {
			continue
		}
		shares, err := e.sharesCredential(ctx, s, bound, other)
		if err != nil {
			return nil, err
		}
		if shares {
			ending.names = append(ending.names, other)
		}
	}
	slices.Sort(ending.names)
	return ending, nil
}

// sharesCredential reports whether another connection signs in as this one does.
func (e *Engine) sharesCredential(ctx context.Context, s logical.Storage, bound *boundConnection, other string) (bool, error) {
	c, err := e.Connection(ctx, s, other)
	if err != nil || c == nil || c.Provider != bound.definition.Name {
		return false, err
	}
	if !sameValues(bound.definition.CredentialFields(), c.Fields, bound.connection.Fields) {
		return false, nil
	}
	its, err := e.bound(ctx, s, other)
	if err != nil {
		return false, err
	}
	return origin.SameAddress(its.client.BaseURL(), bound.client.BaseURL()), nil
}

// alone keeps mints of all its connections away. On nil it does nothing.
func (p *endingRotation) alone(ctx context.Context, of *admissions) (release func(), err error) {
	var releases []func()
	release = func() {
		for _, one := range releases {
			one()
		}
	}
	if p == nil {
		return release, nil
	}
	for _, name := range p.names {
		one, err := of.alone(ctx, name)
		if err != nil {
			release()
			return nil, err
		}
		releases = append(releases, one)
	}
	return release, nil
}

// heldKeys tells of the keys that would end with the credential, such as "connection
// "a" has 2 live keys"; empty where there are none, or on nil.
func (e *Engine) heldKeys(ctx context.Context, s logical.Storage, p *endingRotation) (string, error) {
	if p == nil {
		return "", nil
	}
	var told []string
	for _, name := range p.names {
		ends, err := e.endsOne(ctx, s, p.bound.client, name)
		if err != nil {
			return "", err
		}
		if !ends {
			continue
		}
		left, err := e.inUse(ctx, s, name, true)
		if err != nil {
			return "", err
		}
		if left != "" {
			told = append(told, fmt.Sprintf("connection %q has %s", name, left))
		}
	}
	former, err := e.formerlyMade(ctx, s, p)
	return strings.Join(append(told, former...), ", and "), err
}

// formerlyMade tells of the keys that others made with the credential before an operator
// gave them one of their own, or deleted them: those end with it, too.
func (e *Engine) formerlyMade(ctx context.Context, s logical.Storage, p *endingRotation) ([]string, error) {
	names, err := e.books.ledger.ConnectionsOf(ctx, s, p.bound.definition.Name)
	if err != nil {
		return nil, err
	}
	var told []string
	for _, name := range names {
		if slices.Contains(p.names, name) {
			continue
		}
		account, err := e.accountOf(ctx, s, name)
		if err != nil {
			return nil, err
		}
		left, err := e.countOf(ctx, s, name, func(r *ledger.Record) bool { return p.bound.mayHaveMade(r, account) && p.bound.ends(r) })
		if err != nil {
			return nil, err
		}
		if left > 0 {
			told = append(told, fmt.Sprintf("connection %q has %s of the credential that it had before", name, count(left, "live key")))
		}
	}
	return told, nil
}

// accountOf is that which a connection has by now; empty where there is none.
func (e *Engine) accountOf(ctx context.Context, s logical.Storage, name string) (string, error) {
	c, err := e.Connection(ctx, s, name)
	if err != nil || c == nil {
		return "", err
	}
	return c.Account, nil
}

// countOf counts a connection's records of which that is so. One that cannot be read may be
// one of them.
func (e *Engine) countOf(ctx context.Context, s logical.Storage, name string, isOne func(*ledger.Record) bool) (found int, err error) {
	for r, err := range e.books.ledger.OfConnection(ctx, s, name) {
		switch {
		case errors.Is(err, stored.ErrUnreadable):
			found++
		case err != nil:
			return 0, err
		case isOne(r):
			found++
		}
	}
	return found, nil
}

// mayHaveMade reports whether the credential in use made a key of another connection, which
// has that account by now. Of a key whose credential was not noted, or by another
// definition, the account tells, which stays what it is while credentials change.
func (s *boundConnection) mayHaveMade(r *ledger.Record, account string) bool {
	if r.Credential == s.credential || r.Credential != "" && r.Definition == s.definition.Hash() {
		return r.Credential == s.credential
	}
	own := s.connection.Account
	return own != "" && account != own && r.Account == own
}

// ends reports whether a key of the provider ends with the admin credential that made it.
func (s *boundConnection) ends(r *ledger.Record) bool {
	return r.Provider == s.definition.Name && origin.SameAddress(r.BaseURL, s.client.BaseURL()) && s.client.RotationRevokes(r.Handle)
}

// credentialBefore tells the admin credential that a rotation replaced from others.
func (e *Engine) credentialBefore(ctx context.Context, s logical.Storage, bound *boundConnection, made *providers.Rotation) (string, error) {
	return e.credentialOf(ctx, s, bound.connection.before(made), bound.definition)
}

// refuseToEndLaterKeys keeps an admin credential that is to be removed for as long as keys
// live that it has made since the rotation began, and that end with it: another connection
// may have gone on with it for a while, and nobody has said that those may end.
func (e *Engine) refuseToEndLaterKeys(ctx context.Context, s logical.Storage, bound *boundConnection, c credentialRemoval) error {
	if !bound.definition.Capabilities.RotateRevokesKeys || c.began.IsZero() {
		return nil
	}
	credential, err := e.credentialBefore(ctx, s, bound, &c.rotation)
	if err != nil {
		return err
	}
	if err := e.refuseWhileReading(ctx, s); err != nil {
		return err
	}
	names, err := e.books.ledger.ConnectionsOf(ctx, s, bound.definition.Name)
	if err != nil {
		return err
	}
	for _, name := range names {
		left, err := e.countOf(ctx, s, name, func(r *ledger.Record) bool {
			return r.Credential == credential && r.IssuedAt.After(c.began) && bound.ends(r)
		})
		if err != nil {
			return err
		}
		if left > 0 {
			return lasting{fmt.Errorf("connection %q has %s that it made since the rotation, and that end with it; it is removed once they have ended", name, count(left, "live key"))}
		}
	}
	return nil
}

// endsOne reports whether a rotation may end a key of the connection. Only where the
// definition says which, its ledger is read for that.
func (e *Engine) endsOne(ctx context.Context, s logical.Storage, client *providers.Client, name string) (bool, error) {
	if client.RotationRevokesAll() || slices.Contains(e.pending.recoveries.names(), name) {
		return true, nil
	}
	if err := e.refuseWhileReading(ctx, s); err != nil {
		return false, err
	}
	for r, err := range e.books.ledger.OfConnection(ctx, s, name) {
		switch {
		case errors.Is(err, stored.ErrUnreadable):
			return true, nil // it may be of one of them
		case err != nil:
			return false, err
		case client.RotationRevokes(r.Handle):
			return true, nil
		}
	}
	return false, nil
}

// mayEndKeys refuses a rotation that would end what somebody holds, unless that is
// meant; held is what it then ends.
func (e *Engine) mayEndKeys(ctx context.Context, s logical.Storage, p *endingRotation, o RotateOptions) (held string, err error) {
	held, err = e.heldKeys(ctx, s, p)
	if err != nil || held == "" || o.Force {
		return held, err
	}
	err = usererror.Errorf("%s, and at %s they end with the admin credential: revoke them or wait for the end of their leases, or write rotate-root/%s with force=true, which ends them at once", held, p.bound.definition.Title, p.bound.name)
	if o.scheduled {
		err = errors.Join(err, e.noteRootFailure(ctx, s, p.bound.name, err))
	}
	return "", err
}

// replaceEndedKeys has the static roles' keys replaced that ended with the admin credential
// that a rotation replaced, whichever connection they are of.
func (e *Engine) replaceEndedKeys(ctx context.Context, s logical.Storage, bound *boundConnection, made *providers.Rotation) error {
	if !bound.definition.Capabilities.RotateRevokesKeys {
		return nil
	}
	credential, err := e.credentialBefore(ctx, s, bound, made)
	if err != nil {
		return err
	}
	roles, err := e.StaticRoles(ctx, s)
	if err != nil {
		return err
	}
	for _, name := range roles {
		keys, err := e.staticKeys(ctx, s, name)
		if errors.Is(err, stored.ErrUnreadable) {
			continue // nobody is given it
		}
		if err != nil {
			return err
		}
		ended, err := e.noteEnded(ctx, s, bound, credential, keys.Current)
		if err != nil {
			return err
		}
		if !ended {
			continue
		}
		if err := e.books.timetable.Set(ctx, s, staticJobPrefix+name, e.now()); err != nil {
			return err
		}
	}
	return nil
}

// noteEnded notes of a static role's key that it ended, if that credential made it, and
// reports whether it did, or may have.
func (e *Engine) noteEnded(ctx context.Context, s logical.Storage, bound *boundConnection, credential string, key *StaticKey) (bool, error) {
	if key == nil {
		return false, nil
	}
	// Whoever has the record may wait for what the rotation keeps.
	lockCtx, cancel := context.WithTimeout(ctx, e.acceptance)
	defer cancel()
	unlock, err := e.locks.records.Lock(lockCtx, key.RecordID)
	if err != nil {
		return false, fmt.Errorf("noting which keys ended with the admin credential: %w", err)
	}
	defer unlock()
	r, err := ledger.GetNamed(ctx, s, key.RecordID, key.Name)
	if errors.Is(err, stored.ErrUnreadable) || err == nil && r == nil {
		return false, nil
	}
	switch {
	case err != nil:
		return false, err
	case r.Credential == "":
		return r.Connection == bound.name, nil
	case r.Credential != credential || !bound.ends(r):
		return false, nil
	}
	r.Ended = true
	return true, e.books.ledger.Write(ctx, s, r)
}

// endedByRotation reports whether a static role's key ended with the admin credential
// that made it, which was replaced since: its readers would be given it for ever.
func (e *Engine) endedByRotation(ctx context.Context, s logical.Storage, r *StaticRole, keys *StaticKeys) (bool, error) {
	if keys.Current == nil {
		return false, nil
	}
	record, err := ledger.Get(ctx, s, keys.Current.RecordID)
	if err != nil || record == nil || record.Credential != "" {
		return record != nil && record.Ended, err
	}
	// An earlier version of the engine made it, and did not note with which credential.
	bound, err := e.bound(ctx, s, r.Connection)
	if err != nil || !bound.definition.Capabilities.RotateRevokesKeys {
		return false, nil //nolint:nilerr // a rotation of the key would tell of it
	}
	state, err := e.rootState(ctx, s, r.Connection)
	if err != nil || !keys.Current.IssuedAt.Before(state.LastRotated) {
		return false, err
	}
	return bound.client.RotationRevokes(record.Handle), nil
}
