package definition

import (
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"vault-plugin-secrets-apikeys/providers/internal/expr"
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
	// Candidates: all keys can be listed, but have no names by which ours are known.
	Candidates bool `json:"candidates"`
	// Lookup: a key can be found by its name.
	Lookup bool `json:"lookup"`
	// Extend: the provider-side end of a key can be moved.
	Extend bool `json:"extend"`
	// ShowsRenewals: the list tells the end of a key, which nothing but a renewal moves.
	ShowsRenewals bool `json:"shows_renewals"`
	// LastUsed: the provider tells when a key was used.
	LastUsed bool `json:"last_used"`
	// Granted: the answer that makes a key tells what the key may do.
	Granted bool `json:"granted"`
	// Probe: a key can be asked whether it works.
	Probe bool `json:"probe"`
	// RotateRoot: the connection's credential can be replaced.
	RotateRoot bool `json:"rotate_root"`
	// RotateInPlace: the old credential ends when its successor is made, so
	// that there is nothing to retire, and no way back.
	RotateInPlace bool `json:"rotate_in_place"`
	// RotateExpiry: the end of the new credential can be chosen.
	RotateExpiry bool `json:"rotate_expiry"`
	// RotateRevokesKeys: keys, or some of them, end with the credential that is
	// replaced.
	RotateRevokesKeys bool `json:"rotate_revokes_keys"`
	// InPlace: there is one credential, which each new one ends: it is kept by a
	// static role, and there are no leases.
	InPlace bool `json:"in_place"`
	// KnownID: the key's handle is known before it is made.
	KnownID bool `json:"known_id"`
	// SealedRecord: revoking needs something secret, so records are kept sealed.
	SealedRecord bool `json:"sealed_record"`
	// Check: the connection's credential can be tried without making a key.
	Check bool `json:"check"`
}

// ShowsKeys reports whether the provider can be asked if a key whose id is known is there.
func (c Capabilities) ShowsKeys() bool { return c.Lookup || c.Candidates }

// EndsListed reports whether a key can be revoked by what a list or a look-up tells of it.
func (d *Definition) EndsListed() bool { return d.Capabilities.Lookup && len(d.Required.Secret) == 0 }

// needs are the values that requests about an existing key mention.
type requiredValues struct {
	scopeRole, scopeConnection expr.References // by list and lookup
	Role, Connection           expr.References // by revoke, extend, list and lookup
	Saved                      expr.References // by revoke and extend, from issue or the list
	InPaths                    expr.References // those of saved without which revoke has no path
	Secret                     expr.References // by revoke and extend
	SecretFields               expr.References // every field of issue's secret
	Probed                     expr.References // those of secret that probe mentions
	ProbedConnection           expr.References // by probe, what signs it included
	UndoRole, UndoConnection   expr.References
	UndoSaved                  expr.References
	// Revoking is what revoke alone mentions, and Ending what each of its requests that ends
	// something names that by.
	Revoking Naming
	Ending   []Naming
}

// Naming are the values by which a request names what it is about.
type Naming struct {
	// Key, Role, Connection, Saved and Secret are what it mentions of each, such as id for
	// key.id; none where it mentions nothing of it.
	Key, Role, Connection, Saved, Secret expr.References
}

// derive fills in what follows from the blocks.
func (d *Definition) derive() {
	d.Required = d.deriveRequired()
	issued := d.Issue.expressions()
	key := expr.ReferencesTo("key", issued...)
	d.Capabilities = Capabilities{
		NativeExpiry:  key["expires_at"] || key["ttl"] || d.Expiry.Fixed > 0,
		IPBinding:     key["cidrs"] || key["ips"],
		Reconcile:     d.List != nil,
		Candidates:    d.Unnamed != nil,
		Lookup:        d.List != nil || d.Lookup != nil,
		Extend:        d.Extend != nil,
		ShowsRenewals: d.Extend != nil && d.List != nil && expr.Find(d.List.Item, "expires_at") != nil,
		LastUsed:      slices.ContainsFunc(d.listings(), func(l *ListBlock) bool { return expr.Find(l.Item, "last_used_at") != nil }),
		Granted:       len(d.Issue.Granted) > 0,
		Probe:         d.Probe != nil,
		Check:         d.Check != nil,
		InPlace:       d.Issue.InPlace,
		KnownID:       d.knowsID(),
		SealedRecord:  d.sealsRecords(),
	}
	if d.Rotate != nil {
		made := expr.ReferencesTo("key", d.Rotate.made()...)
		d.Capabilities.RotateRoot = true
		d.Capabilities.RotateInPlace = len(d.Rotate.Retire) == 0
		d.Capabilities.RotateRevokesKeys = d.Rotate.MayRevokeKeys()
		d.Capabilities.RotateExpiry = made["expires_at"] || made["ttl"]
	}
	d.markBodyNeeds()
	d.markReveals()
}

// markReveals says in the answers to which requests a new credential may stand.
func (d *Definition) markReveals() {
	for _, step := range d.Issue.Calls {
		step.reveal(d.Issue.Secret)
	}
	if d.Rotate == nil {
		return
	}
	secrets := d.newSecrets()
	for _, step := range d.Rotate.Calls {
		step.reveal(secrets)
	}
	for _, list := range d.Rotate.Lists {
		list.reveal(secrets)
	}
}

// reveal notes it for a request and its poll.
func (c *Call) reveal(secrets []expr.Member) {
	c.Reveals = secrets
	if c.Poll != nil {
		c.Poll.Reveals = secrets
	}
}

func (d *Definition) deriveRequired() requiredValues {
	var listing, existing, extending, undoing, revoking []hclsyntax.Expression
	d.visit(func(at requestPosition, c *Call) {
		switch {
		case at.block == listRequests && at.part == wholePart:
			listing = append(listing, at.list.expressions()...)
		case at.block == revokeRequests && at.part == wholePart:
			revoking = append(revoking, c.Expressions()...)
		case at.block == extendRequests && at.part == wholePart:
			extending = append(extending, c.Expressions()...)
		case at.block == issueRequests && at.part == undoPart:
			undoing = append(undoing, c.Expressions()...)
		}
	})
	existing = slices.Concat(revoking, extending)
	var ending []hclsyntax.Expression
	if d.Rotate != nil {
		ending = expr.Present([]hclsyntax.Expression{d.Rotate.RevokesKeys})
		existing = append(existing, ending...)
	}
	n := requiredValues{
		scopeRole:       expr.ReferencesTo("role", listing...),
		scopeConnection: d.Shown(expr.ReferencesTo("connection", listing...)),
		Role:            expr.ReferencesTo("role", append(existing, listing...)...),
		Connection:      d.Shown(expr.ReferencesTo("connection", append(existing, listing...)...)),
		Saved:           savedBefore(d.Revoke, revoking),
		Secret:          expr.ReferencesTo("secret", existing...),
		SecretFields:    expr.References{},
		UndoRole:        expr.ReferencesTo("role", undoing...),
		UndoConnection:  d.Shown(expr.ReferencesTo("connection", undoing...)),
		UndoSaved:       expr.ReferencesTo("saved", undoing...),
		InPaths:         expr.References{},
	}
	n.Revoking = d.namingIn(revoking)
	n.Ending = d.endings()
	for _, step := range d.Revoke {
		if step.When == nil && step.Path.When == nil {
			maps.Copy(n.InPaths, expr.ReferencesTo("saved", append(step.Path.Values(), step.ForEach)...))
		}
	}
	for name := range n.InPaths {
		if !n.Saved[name] {
			delete(n.InPaths, name)
		}
	}
	if d.Extend != nil {
		maps.Copy(n.Saved, savedBefore(d.Extend.Calls, extending))
	}
	maps.Copy(n.Saved, expr.ReferencesTo("saved", ending...))
	if d.Probe != nil {
		n.Probed = expr.ReferencesTo("secret", d.Probe.Expressions()...)
		n.ProbedConnection = d.Shown(expr.ReferencesTo("connection", d.probing()...))
	}
	for _, member := range d.Issue.Secret {
		n.SecretFields[member.Name] = true
	}
	return n
}

// namingIn is what the expressions name by.
func (d *Definition) namingIn(exprs []hclsyntax.Expression) Naming {
	return Naming{
		Key:        expr.ReferencesTo("key", exprs...),
		Role:       expr.ReferencesTo("role", exprs...),
		Connection: d.Shown(expr.ReferencesTo("connection", exprs...)),
		Saved:      expr.ReferencesTo("saved", exprs...),
		Secret:     expr.ReferencesTo("secret", exprs...),
	}
}

// add adds what another one names by.
func (n Naming) add(other Naming) {
	maps.Copy(n.Key, other.Key)
	maps.Copy(n.Role, other.Role)
	maps.Copy(n.Connection, other.Connection)
	maps.Copy(n.Saved, other.Saved)
	maps.Copy(n.Secret, other.Secret)
}

// endings are what each request of revoke that ends something names that by: in the place of
// what earlier ones found, what those name by.
func (d *Definition) endings() (endings []Naming) {
	finds := map[string]Naming{} // by what is saved
	for _, step := range d.Revoke {
		naming := d.namingIn(step.Expressions())
		// A name that only heads the request, such as its number, or that a password is made
		// of, tells no two things apart.
		bare := *step
		if bare.Headers = nil; !expr.IsReferredOutside("derived_password", "key", "name", bare.Expressions()...) {
			delete(naming.Key, "name")
		}
		for name := range maps.Clone(naming.Saved) {
			if by, found := finds[name]; found {
				delete(naming.Saved, name)
				naming.add(by)
			}
		}
		for _, member := range step.AllSaved() {
			finds[member.Name] = naming
		}
		if !step.Looks {
			endings = append(endings, naming)
		}
	}
	return endings
}

// savedBefore are the saved values that the expressions of ordered requests mention and
// that those do not save themselves.
func savedBefore(calls []*Call, exprs []hclsyntax.Expression) expr.References {
	needed := expr.ReferencesTo("saved", exprs...)
	for _, step := range calls {
		for _, member := range step.AllSaved() {
			delete(needed, member.Name)
		}
	}
	return needed
}

// Shown drops sensitive fields: they are never kept with a key.
func (d *Definition) Shown(names expr.References) expr.References {
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
	if d.Issue.ID == nil || len(d.Required.Secret) > 0 {
		return false
	}
	early := expr.References{}
	isEarly := func(expression hclsyntax.Expression) bool {
		for name := range expr.ReferencesTo("saved", expression) {
			if !early[name] {
				return false
			}
		}
		return !expr.ReadsAnswer(expression) && len(expr.ReferencesTo("candidate", expression)) == 0 && !expr.ReadsClock(expression)
	}
	saves := []expr.Member{}
	for _, step := range d.Issue.Calls {
		if step.ForEach == nil {
			saves = append(saves, step.Save...)
		}
	}
	for _, member := range append(saves, d.Issue.Save...) {
		if isEarly(member.Expr) {
			early[member.Name] = true
		}
	}
	for name := range d.Required.Saved {
		if !early[name] {
			return false
		}
	}
	return isEarly(d.Issue.ID)
}

// sealsRecords reports whether the id, or a value kept for revoke, is made of
// something secret.
func (d *Definition) sealsRecords() bool {
	if len(d.Required.Secret) > 0 {
		return true
	}
	origins := d.savedOrigins()
	last := len(d.Issue.Calls) - 1
	var secret []string
	for _, member := range d.Issue.Secret {
		secret = append(secret, originsOf(member.Expr, last, origins)...)
	}
	var kept []string
	if d.Issue.ID != nil {
		kept = originsOf(d.Issue.ID, last, origins)
	}
	for name := range d.Required.Saved {
		kept = append(kept, origins[name]...)
	}
	for _, place := range kept {
		if field, ok := cutConnection(place); ok {
			if f := d.Connection.Lookup(field); f != nil && f.Sensitive {
				return true
			}
			continue
		}
		if slices.ContainsFunc(secret, func(other string) bool { return overlap(place, other) }) {
			return true
		}
	}
	return false
}

// markBodyNeeds notes which requests fail when their answer is not JSON: those
// of whose body something is read.
func (d *Definition) markBodyNeeds() {
	d.visit(func(at requestPosition, c *Call) {
		switch {
		case at.isToken(): // read by whoever signs with it
		case at.list != nil:
			c.NeedsBody = at.list.Items != nil || readsBody(c.answerExpressions())
			at.list.allowLong(d)
		case at.poll != nil:
			c.NeedsBody = readsBody(append(c.answerExpressions(), at.poll.Until))
		default:
			c.NeedsBody = readsBody(c.answerExpressions())
		}
	})
	lastAnswerHolds(d.Issue.Calls, append(d.Issue.ActualExpiry.expressions(), d.Issue.ID), d.Issue.Save, d.Issue.Secret, d.Issue.Granted)
	if d.Rotate != nil {
		lastAnswerHolds(d.Rotate.Calls, nil, d.Rotate.Save, d.Rotate.Connection)
	}
	if d.Extend != nil {
		lastAnswerHolds(d.Extend.Calls, d.Extend.Grant.expressions())
	}
}

// lastAnswerHolds notes what a block reads once its steps are done.
func lastAnswerHolds(steps []*Call, exprs []hclsyntax.Expression, members ...[]expr.Member) {
	final := steps[len(steps)-1]
	if final.Poll != nil {
		final = final.Poll.Call
	}
	for _, member := range slices.Concat(members...) {
		exprs = append(exprs, member.Expr)
	}
	final.NeedsBody = final.NeedsBody || readsBody(exprs)
}

// readsBody reports whether one of the expressions reads an answer's body.
func readsBody(exprs []hclsyntax.Expression) bool {
	return len(expr.ReferencesTo("body", expr.Present(exprs)...)) > 0
}

// newSecrets are the expressions that give the new credential: those of the
// sensitive fields, and of what is saved on the way to them.
func (d *Definition) newSecrets() []expr.Member {
	var secret []expr.Member
	saved := expr.References{}
	for _, member := range d.Rotate.Connection {
		if d.Connection.Lookup(member.Name).Sensitive {
			secret = append(secret, member)
			maps.Copy(saved, expr.ReferencesTo("saved", member.Expr))
		}
	}
	for _, step := range d.Rotate.Calls {
		for _, member := range step.AllSaved() {
			if saved[member.Name] {
				secret = append(secret, member)
			}
		}
	}
	return secret
}

// ExtendsByTime reports whether the end that extend moves a key to is known without
// its answer: it is asked for, or always as far from now.
func (d *Definition) ExtendsByTime() bool {
	used := expr.ReferencesTo("key", d.Extend.expressions()...)
	return used["expires_at"] || used["ttl"] || d.Expiry.Fixed > 0
}
