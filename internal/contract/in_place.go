package contract

import (
	"context"

	"vault-plugin-secrets-apikeys/providers"
)

// holdInPlace has the one credential that everybody shares replaced twice and ended, at
// a server that keeps one thing at each path. Each new one must end the one before, and
// ending it must leave nobody with one that works.
func holdInPlace(ctx context.Context, d *providers.Definition, c *Case, document *Document, lean bool) []string {
	ctx, cancel := context.WithTimeout(ctx, lifetime)
	defer cancel()
	l, err := newLife(d, c, document, lean)
	if err != nil {
		return []string{err.Error()}
	}
	defer l.close()
	l.server.keepOneAtEachPath()
	l.liveInPlace(ctx)
	l.complaints("after all")
	return l.list
}

func (l *life) liveInPlace(ctx context.Context) {
	client := l.with(l.connection)
	if client == nil {
		return
	}
	l.isServed(client)
	if !l.check(ctx, client) {
		return
	}
	first := l.issue(ctx, client, "a")
	if first == nil {
		return
	}
	second := l.issue(ctx, client, "b")
	if second == nil {
		return
	}
	if l.server.Opens(first[0].Value) {
		l.wrong("issue again: the first credential still works, so it is not replaced in place: leave in_place out")
	}
	if first[0].Handle.ID != second[0].Handle.ID {
		l.wrong("issue again: the id is %s, and was %s: it must be that of the thing whose credential it is", second[0].Handle.ID, first[0].Handle.ID)
	}
	l.probed(ctx, client, second[0], providers.Alive)
	l.revoke(ctx, client, second[0])
	l.probed(ctx, client, second[0], providers.Dead)
}
