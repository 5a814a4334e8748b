package providers

import (
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Capabilities say what the engine can do with a provider. They follow from
// the definition's blocks and are never declared.
type Capabilities struct {
	// NativeExpiry: the provider itself ends a key at KeyRequest.ExpiresAt, or
	// after a fixed time.
	NativeExpiry bool `json:"native_expiry"`
	// IPBinding: a key can be bound to networks.
	IPBinding bool `json:"ip_binding"`
	// Reconcile: all keys can be listed.
	Reconcile bool `json:"reconcile"`
	// Lookup: a key can be found by its name.
	Lookup bool `json:"lookup"`
	// Extend: the provider-side end of a key can be moved.
	Extend bool `json:"extend"`
	// Probe: a key can be asked whether it works.
	Probe bool `json:"probe"`
	// RotateRoot: the connection's credential can be replaced.
	RotateRoot bool `json:"rotate_root"`
	// RotateInPlace: the old credential ends when its successor is made, so
	// that there is nothing to retire, and no way back.
	RotateInPlace bool `json:"rotate_in_place"`
	// RotateExpiry: the end of the new credential can be chosen.
	RotateExpiry bool `json:"rotate_expiry"`
	// KnownID: the key's handle is known before it is made.
	KnownID bool `json:"known_id"`
	// SealedRecord: revoking needs something secret, so records are kept sealed.
	SealedRecord bool `json:"sealed_record"`
	// Check: the connection's credential can be tried without making a key.
	Check bool `json:"check"`
}

// needs are the values that requests about an existing key mention.
type needs struct {
	scopeRole, scopeConnection mentions // by list and lookup
	role, connection           mentions // by revoke, extend, list and lookup
	saved                      mentions // by revoke and extend, from issue or the list
	inPaths                    mentions // those of saved without which revoke has no path
	secret                     mentions // by revoke and extend
	secretFields               mentions // every field of issue's secret
	undoRole, undoConnection   mentions
	undoSaved                  mentions
}

// derive fills in what follows from the blocks.
func (d *Definition) derive() {
	d.needs = d.deriveNeeds()
	issued := d.issue.expressions()
	key := mentionsOf("key", issued...)
	d.Capabilities = Capabilities{
		NativeExpiry: key["expires_at"] || key["ttl"] || d.Expiry.Fixed > 0,
		IPBinding:    key["cidrs"] || key["ips"],
		Reconcile:    d.list != nil,
		Lookup:       d.list != nil || d.lookup != nil,
		Extend:       d.extend != nil,
		Probe:        d.probe != nil,
		Check:        d.check != nil,
		KnownID:      d.knowsID(),
		SealedRecord: d.sealsRecords(),
	}
	if d.rotate != nil {
		made := mentionsOf("key", d.rotate.made()...)
		d.Capabilities.RotateRoot = true
		d.Capabilities.RotateInPlace = len(d.rotate.retire) == 0
		d.Capabilities.RotateExpiry = made["expires_at"] || made["ttl"]
	}
	d.markBodyNeeds()
	d.markReveals()
}

// markReveals says in the answers to which requests a new credential may stand.
func (d *Definition) markReveals() {
	for _, step := range d.issue.calls {
		step.reveal(d.issue.secret)
	}
	if d.rotate == nil {
		return
	}
	secrets := d.newSecrets()
	for _, step := range d.rotate.calls {
		step.reveal(secrets)
	}
	for _, list := range d.rotate.lists {
		list.reveal(secrets)
	}
}

// reveal notes it for a request and its poll.
func (c *call) reveal(secrets []named) {
	c.reveals = secrets
	if c.poll != nil {
		c.poll.reveals = secrets
	}
}

func (d *Definition) deriveNeeds() needs {
	var listing, existing, undoing []hclsyntax.Expression
	for _, block := range []*listBlock{d.list, d.lookup} {
		if block != nil {
			listing = append(listing, block.expressions()...)
		}
	}
	madeOnTheWay := mentions{}
	for _, step := range d.revoke {
		existing = append(existing, step.expressions()...)
		for _, member := range step.allSaved() {
			madeOnTheWay[member.name] = true
		}
	}
	if d.extend != nil {
		existing = append(existing, d.extend.expressions()...)
	}
	for _, step := range d.issue.calls {
		if step.undo != nil {
			undoing = append(undoing, step.undo.expressions()...)
		}
	}
	n := needs{
		scopeRole:       mentionsOf("role", listing...),
		scopeConnection: d.shown(mentionsOf("connection", listing...)),
		role:            mentionsOf("role", append(existing, listing...)...),
		connection:      d.shown(mentionsOf("connection", append(existing, listing...)...)),
		saved:           mentionsOf("saved", existing...),
		secret:          mentionsOf("secret", existing...),
		secretFields:    mentions{},
		undoRole:        mentionsOf("role", undoing...),
		undoConnection:  d.shown(mentionsOf("connection", undoing...)),
		undoSaved:       mentionsOf("saved", undoing...),
		inPaths:         mentions{},
	}
	for _, step := range d.revoke {
		if step.when == nil && step.path.when == nil {
			maps.Copy(n.inPaths, mentionsOf("saved", step.path.values()...))
		}
	}
	for name := range madeOnTheWay {
		delete(n.saved, name)
		delete(n.inPaths, name)
	}
	for _, member := range d.issue.secret {
		n.secretFields[member.name] = true
	}
	return n
}

// shown drops sensitive fields: they are never kept with a key.
func (d *Definition) shown(names mentions) mentions {
	for name := range names {
		if field := d.Connection.Lookup(name); field == nil || field.Sensitive {
			delete(names, name)
		}
	}
	return names
}

// knowsID reports whether the id, and all else that revoke needs, can be
// computed before the first request.
func (d *Definition) knowsID() bool {
	if d.issue.id == nil || len(d.needs.secret) > 0 {
		return false
	}
	early := mentions{}
	isEarly := func(expr hclsyntax.Expression) bool {
		for name := range mentionsOf("saved", expr) {
			if !early[name] {
				return false
			}
		}
		return !mentionsAnswer(expr) && len(mentionsOf("candidate", expr)) == 0 && !readsClock(expr)
	}
	saves := []named{}
	for _, step := range d.issue.calls {
		saves = append(saves, step.save...)
	}
	for _, member := range append(saves, d.issue.save...) {
		if isEarly(member.expr) {
			early[member.name] = true
		}
	}
	for name := range d.needs.saved {
		if !early[name] {
			return false
		}
	}
	return isEarly(d.issue.id)
}

// sealsRecords reports whether the id, or a value kept for revoke, is made of
// something secret.
func (d *Definition) sealsRecords() bool {
	if len(d.needs.secret) > 0 {
		return true
	}
	origins := d.savedOrigins()
	last := len(d.issue.calls) - 1
	var secret []string
	for _, member := range d.issue.secret {
		secret = append(secret, originsOf(member.expr, last, origins)...)
	}
	var kept []string
	if d.issue.id != nil {
		kept = originsOf(d.issue.id, last, origins)
	}
	for name := range d.needs.saved {
		kept = append(kept, origins[name]...)
	}
	for _, place := range kept {
		if field, ok := cutConnection(place); ok {
			if f := d.Connection.Lookup(field); f != nil && f.Sensitive {
				return true
			}
			continue
		}
		if slices.ContainsFunc(secret, func(other string) bool { return samePlace(place, other) }) {
			return true
		}
	}
	return false
}

// markBodyNeeds notes which requests fail when their answer is not JSON.
func (d *Definition) markBodyNeeds() {
	usesBody := func(exprs ...hclsyntax.Expression) bool { return len(mentionsOf("body", exprs...)) > 0 }
	all := []*call{d.check}
	all = append(all, d.issue.calls...)
	all = append(all, d.revoke...)
	if d.rotate != nil {
		all = slices.Concat(all, d.rotate.calls, d.rotate.retire)
	}
	for _, c := range all {
		if c == nil {
			continue
		}
		c.needsBody = usesBody(c.answerExpressions()...)
		if c.poll != nil {
			c.poll.needsBody = usesBody(present(append(c.poll.answerExpressions(), c.poll.until))...)
		}
		if c.undo != nil {
			c.undo.needsBody = usesBody(c.undo.answerExpressions()...)
		}
	}
	finally := func(calls []*call, exprs []hclsyntax.Expression, members ...named) {
		final := calls[len(calls)-1]
		if final.poll != nil {
			final = final.poll.call
		}
		for _, member := range members {
			exprs = append(exprs, member.expr)
		}
		final.needsBody = final.needsBody || usesBody(present(exprs)...)
	}
	finally(d.issue.calls, append(d.issue.grant.expressions(), d.issue.id), slices.Concat(d.issue.save, d.issue.secret)...)
	if d.rotate != nil {
		finally(d.rotate.calls, nil, slices.Concat(d.rotate.save, d.rotate.connection)...)
		for _, list := range d.rotate.lists {
			list.needsBody = true
			list.allowLong(d)
		}
	}
	if d.extend != nil {
		finally([]*call{d.extend.call}, append(d.extend.grant.expressions(), d.extend.answerExpressions()...))
	}
	for _, block := range []*listBlock{d.list, d.lookup} {
		if block != nil {
			block.needsBody = true
			block.allowLong(d)
		}
	}
	if d.probe != nil {
		d.probe.needsBody = usesBody(d.probe.answerExpressions()...)
	}
}

// newSecrets are the expressions that give the new credential: those of the
// sensitive fields, and of what is saved on the way to them.
func (d *Definition) newSecrets() []named {
	var secret []named
	saved := mentions{}
	for _, member := range d.rotate.connection {
		if d.Connection.Lookup(member.name).Sensitive {
			secret = append(secret, member)
			maps.Copy(saved, mentionsOf("saved", member.expr))
		}
	}
	for _, step := range d.rotate.calls {
		for _, member := range step.allSaved() {
			if saved[member.name] {
				secret = append(secret, member)
			}
		}
	}
	return secret
}

// extendsByTime reports whether the end that extend moves a key to is known without
// its answer: it is asked for, or always as far from now.
func (d *Definition) extendsByTime() bool {
	used := mentionsOf("key", d.extend.expressions()...)
	return used["expires_at"] || used["ttl"] || d.Expiry.Fixed > 0
}
