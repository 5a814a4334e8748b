package contract

import (
	"context"
	"errors"
	"maps"
	"time"

	"vault-plugin-secrets-apikeys/providers"
)

// rotateOnce has the administrator's credential replaced, where the case says how the
// server keeps it: the new one is made and checked, found by its name, and the old one
// retired, after which it is refused.
func rotateOnce(ctx context.Context, d *providers.Definition, c *Case, document *Document, lean bool) []string {
	if c.Rotation == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, lifetime)
	defer cancel()
	l, err := newLife(d, c, document, lean)
	if err != nil {
		return []string{err.Error()}
	}
	defer l.close()
	if !d.Capabilities.RotateRoot {
		return []string{"the definition has no rotate: leave rotation out of the case"}
	}
	if err := l.server.seed(c.Rotation, l.connection); err != nil {
		return []string{err.Error()}
	}
	l.rotate(ctx)
	l.complaints("after all")
	if left := l.server.Remaining(); len(l.list) == 0 && len(left) != len(c.Rotation.Credentials) {
		l.wrong("each credential is replaced by one, and these are there: %v", left)
	}
	return l.list
}

func (l *life) rotate(ctx context.Context) {
	old := l.with(l.connection)
	if old == nil || l.failed("check", old.Check(ctx)) {
		return
	}
	name := l.name("admin")
	candidate, err := old.Candidate()
	if l.failed("candidate", err) {
		return
	}
	made, err := old.Rotate(ctx, providers.RotateRequest{Name: name, Candidate: candidate, ExpiresAt: time.Now().UTC().AddDate(0, 3, 0).Truncate(time.Second)})
	if l.failed("rotate", err) {
		return
	}
	rotation, err := throughStorage(made)
	if l.failed("rotate", err) {
		return
	}
	connection := maps.Clone(l.connection)
	maps.Copy(connection, rotation.Connection)
	fresh := l.with(connection)
	if fresh == nil || l.failed("check with the new credential", fresh.Check(ctx)) {
		return
	}
	if !l.Capabilities.RotateInPlace {
		l.retire(ctx, old, fresh, name, *rotation)
	}
	l.refused(ctx, old, "check with the credential that was replaced")
	l.failed("check with the new credential in the end", fresh.Check(ctx))
}

// retire finds the new credential by its name, and removes the old one, twice.
func (l *life) retire(ctx context.Context, old, fresh *providers.Client, name string, rotation providers.Rotation) {
	if fresh.RotationListable() {
		found, err := fresh.FindOrphanCredentials(ctx, name, name)
		if !l.failed("rotate.list", err) && len(found.Found) == 0 {
			l.wrong("rotate.list: the new credential is not found by its name, %s", name)
		}
	}
	l.failed("check with the old credential before it is retired", old.Check(ctx))
	for _, what := range []string{"retire", "retire again"} {
		err := fresh.Retire(ctx, rotation)
		if errors.Is(err, providers.ErrRetireByHand) {
			l.wrong("%s: the old credential is left to be removed by hand: say what answers about it show, so that the definition can tell which it is", what)
			return
		}
		l.failed(what, err)
	}
}

// refused wants the provider to take the client's credential no more.
func (l *life) refused(ctx context.Context, client *providers.Client, what string) {
	err := client.Check(ctx)
	if !l.complaints(what) && providers.KindOf(err) != providers.Unauthorized {
		l.wrong("%s: want the provider's refusal of it, and got %v", what, err)
	}
}
