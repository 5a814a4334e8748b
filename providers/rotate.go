package providers

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// RotateRequest says which credential to make in place of the connection's.
type RotateRequest struct {
	// Name is the new credential's name at the provider, chosen by the caller
	// and unique; by it FindStray finds the credential again.
	Name string
	// Candidate is what Client.Candidate returned, stored by the caller before
	// the call. Nil where that was nil.
	Candidate Values
	// ExpiresAt is the end of the new credential; zero leaves it to the
	// provider. Ignored without Capabilities.RotateExpiry.
	ExpiresAt time.Time
}

// String keeps the candidate out of logs and errors.
func (r RotateRequest) String() string { return "rotation " + r.Name }

// GoString keeps the candidate out of %#v.
func (r RotateRequest) GoString() string { return r.String() }

// Rotation is what a rotation changed. It can be stored as JSON; it holds
// secrets and belongs in seal-wrapped storage only.
type Rotation struct {
	// Connection are the fields that change, and only those. A nil removes the
	// field.
	Connection Values `json:"connection,omitempty"`
	// Previous are the values of the same fields before.
	Previous Values `json:"previous,omitempty"`
	// Saved are the values that retire needs.
	Saved Values `json:"saved,omitempty"`
	// Stray says that it is a credential found by FindStray, which nobody uses.
	Stray bool `json:"stray,omitempty"`
}

// String keeps the credentials out of logs and errors.
func (r Rotation) String() string { return "rotation" }

// GoString keeps the credentials out of %#v.
func (r Rotation) GoString() string { return r.String() }

// ErrRetireByHand means that the old credential, or a part of it, still works
// and that the provider does not say enough to remove it. Trying again does
// not help: somebody has to remove it at the provider.
var ErrRetireByHand = errors.New("the old credential still works, and which one it is at the provider is not known: remove it there by hand")

// Candidate chooses the values that the new credential is made of, such as a
// new password, where the definition leaves that to us; nil where it does not.
// Store them before Rotate: should its answer be lost, the provider may have
// taken them.
func (c *Client) Candidate() (_ Values, err error) {
	defer rescue("rotate", &err)
	block := c.def.rotate
	if block == nil || len(block.candidate) == 0 {
		return nil, nil
	}
	candidate, err := c.static.choose(block.candidate)
	if err != nil {
		return nil, notSent("rotate", err)
	}
	return candidate, nil
}

// CandidateConnection are the connection fields that change if a rotation with
// this candidate takes effect. It is false where that is known from the
// provider's answer only.
func (c *Client) CandidateConnection(candidate Values) (_ Values, _ bool, err error) {
	defer rescue("rotate", &err)
	block := c.def.rotate
	if block == nil || candidate == nil || len(block.candidate) == 0 {
		return nil, false, nil
	}
	for _, member := range block.connection {
		for _, one := range mentionsIn(member.expr) {
			if one.root != "connection" && one.root != "candidate" {
				return nil, false, nil
			}
		}
	}
	given, err := given(block.candidate, candidate)
	if err != nil {
		return nil, false, notSent("rotate", err)
	}
	changed, err := c.changed(c.static.with("candidate", given))
	if err != nil {
		return nil, false, notSent("rotate", err)
	}
	return changed, true, nil
}

// given is candidate.*, complete.
func given(members []named, candidate Values) (cty.Value, error) {
	names := mentions{}
	for _, member := range members {
		names[member.name] = true
		if candidate[member.name] == nil {
			return cty.NilVal, fmt.Errorf("the candidate has no %s", member.name)
		}
	}
	return valuesObject(names.pick(candidate), names, true), nil
}

// rotating is one rotation under way.
type rotating struct {
	sequence
	block *rotateBlock
	name  string
}

// Rotate makes a new credential with the connection's, which goes on working
// until Retire unless Capabilities.RotateInPlace. When a later step fails, or
// an answer cannot be understood, the earlier steps have been undone by the
// time it returns; what could not be undone is the *Error's Leftover.
func (c *Client) Rotate(ctx context.Context, req RotateRequest) (*Rotation, error) {
	rotation, _, err := c.RotateUndoably(ctx, req)
	return rotation, err
}

// RotateUndoably is Rotate. Beside the rotation it returns what Undo takes to
// remove the new credential again, for as long as no connection uses it; nil
// where the definition has no undo for it.
func (c *Client) RotateUndoably(ctx context.Context, req RotateRequest) (_ *Rotation, _ *Leftover, err error) {
	defer rescue("rotate", &err)
	if c.def.rotate == nil {
		return nil, nil, unsupported("rotate")
	}
	r, err := c.newRotating(req)
	if err != nil {
		return nil, nil, notSent("rotate", err)
	}
	for i, step := range r.calls {
		if failed := r.run(ctx, step); failed != nil {
			return nil, nil, r.backOut(ctx, i, false, failed)
		}
	}
	rotation, err := r.finish()
	if err != nil {
		failed := &Error{Op: "rotate", Kind: Unknown, Message: r.secrets.clean(err.Error())}
		return nil, nil, r.backOut(ctx, len(r.calls)-1, true, failed)
	}
	return rotation, r.undoOfAll(), nil
}

func (c *Client) newRotating(req RotateRequest) (*rotating, error) {
	block := c.def.rotate
	if err := c.canRotate(); err != nil {
		return nil, err
	}
	key := keyFacts{name: req.Name, expiresAt: req.ExpiresAt}
	if !req.ExpiresAt.IsZero() {
		// Rounded down to nothing, it would be left out: no end at all.
		if key.ttl = time.Until(req.ExpiresAt).Round(time.Second); key.ttl < time.Second {
			return nil, errors.New("the end of the new credential lies in the past")
		}
	}
	s := c.static.metered(context.Background(), 0).with("key", key.value())
	if len(block.candidate) > 0 {
		candidate, err := given(block.candidate, req.Candidate)
		if err != nil {
			return nil, err
		}
		s = s.with("candidate", candidate)
	}
	r := &rotating{sequence: c.newSequence(block.calls, s), block: block, name: req.Name}
	r.secrets.addMarked(s.names["candidate"])
	return r, nil
}

// canRotate names a field that may be left out otherwise, and not here: found
// later, it would leave a credential that nobody can retire.
func (c *Client) canRotate() error {
	for _, one := range c.def.rotate.all() {
		if one.path.when != nil || one.when != nil {
			continue // the condition may be about just that
		}
		for _, part := range one.path.parts {
			traversal, ok := bare(part.value).(*hclsyntax.ScopeTraversalExpr)
			if !ok {
				continue
			}
			if field := mentionsIn(traversal)[0]; field.root == "connection" && c.fields[field.attribute] == nil {
				return fmt.Errorf("the connection field %q is not set: this credential cannot be rotated without it", field.attribute)
			}
		}
	}
	return nil
}

// finish reads the new credential out of the answers.
func (r *rotating) finish() (*Rotation, error) {
	if err := r.saveAll(r.block.save, anyTime); err != nil {
		return nil, err
	}
	changed, err := r.c.changed(r.scope)
	if err != nil {
		return nil, err
	}
	rotation := &Rotation{Connection: changed, Previous: Values{}}
	for name := range changed {
		rotation.Previous[name] = r.c.fields[name]
	}
	rotation.Saved = r.keep(r.block.kept())
	return rotation, nil
}

// changed computes the connection fields that a rotation changes.
func (c *Client) changed(s scope) (Values, error) {
	fields := Values{}
	for _, member := range c.def.rotate.connection {
		field := c.def.Connection.Lookup(member.name)
		value, err := s.reading(absentIsUnknown).evaluate(member.expr)
		if err == nil && !value.IsWhollyKnown() {
			err = errMissing
		}
		if err == nil {
			fields[member.name], err = field.changedTo(value)
		}
		if err != nil {
			return nil, fmt.Errorf("connection.%s: %w", member.name, err)
		}
	}
	return fields, nil
}

// keep are the saved values of these names that are not null.
func (q *sequence) keep(names mentions) Values {
	all := map[string]any{}
	for name, value := range q.saved {
		all[name] = fromCty(value)
	}
	return names.pick(all)
}

// backOut undoes what a failed rotation has made so far, as minting.backOut.
func (r *rotating) backOut(ctx context.Context, at int, answered bool, failed *Error) *Error {
	left := Leftover{Rotation: true, Undo: r.toUndo(at, failed.Kind)}
	if len(left.Undo) > 0 {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpTime)
		defer cancel()
		left.Handle = r.undoHandle()
		if !r.undoMade(ctx, left, at, failed) {
			return failed
		}
	}
	if failed.Kind == Unknown && r.nothingLeft(at, answered) {
		failed.Kind = Refused
	}
	return failed
}

// undoHandle keeps what the undos mention.
func (r *rotating) undoHandle() Handle {
	var exprs []hclsyntax.Expression
	for _, step := range r.calls {
		if step.undo != nil {
			exprs = append(exprs, step.undo.expressions()...)
		}
	}
	h := Handle{
		Name:       r.name,
		Connection: r.c.def.shown(mentionsOf("connection", exprs...)).pick(r.c.fields),
		Saved:      r.keep(mentionsOf("saved", exprs...)),
	}
	for name := range h.Saved {
		h.Sealed = h.Sealed || r.isSecret(r.saved[name])
	}
	return h
}

// undoOfAll undoes a rotation that has succeeded; nil where its first step that
// changed something has no undo.
func (r *rotating) undoOfAll() *Leftover {
	first := slices.IndexFunc(r.calls, func(step *call) bool { return step.method != "GET" })
	if first < 0 || r.calls[first].undo == nil || !r.has(r.calls[first].undo) {
		return nil
	}
	return &Leftover{Rotation: true, Undo: r.toUndo(len(r.calls)-1, Unknown), Handle: r.undoHandle()}
}

// UndoUnanswered is what Undo takes to remove a credential of this name whose
// rotation had no answer: the undos that need nothing of one. Nil where there is
// none.
func (c *Client) UndoUnanswered(name string) *Leftover {
	left := &Leftover{Rotation: true, Handle: Handle{Name: name}}
	var exprs []hclsyntax.Expression
	for _, step := range slices.Backward(c.def.rotate.steps()) {
		if step.undo == nil || len(mentionsOf("saved", step.undo.expressions()...)) > 0 {
			continue
		}
		left.Undo = append(left.Undo, step.step)
		exprs = append(exprs, step.undo.expressions()...)
	}
	if len(left.Undo) == 0 {
		return nil
	}
	left.Handle.Connection = c.def.shown(mentionsOf("connection", exprs...)).pick(c.fields)
	return left
}

// RetireNamesOld reports whether retire says which credential it removes. Where
// it does not, it ends whichever the connection's took the place of, and may be
// called only while the connection holds what the rotation made.
func (c *Client) RetireNamesOld() bool {
	retiring := c.def.rotate.retiring()
	return len(mentionsOf("saved", retiring...))+len(mentionsOf("previous", retiring...)) > 0
}

// IsOwn reports whether the credential that Retire would remove is the one that
// the client itself uses: by its values, or by what retire knows it by, as far as
// the rotation's reading steps tell that of the client's own. An error means that
// the provider did not answer; ask again before anything is removed.
func (c *Client) IsOwn(ctx context.Context, rotation Rotation) (own bool, err error) {
	defer rescue("rotate", &err)
	if c.def.rotate == nil {
		return false, nil
	}
	if c.usesOld(rotation) {
		return true, nil
	}
	saved, failed := c.ownSaved(ctx)
	if failed != nil {
		return false, failed
	}
	compared := 0
	same := func(theirs, ours any, known bool) bool {
		compared++
		return known && sameText(theirs, ours)
	}
	for name := range c.def.rotate.kept() {
		if theirs := rotation.Saved[name]; theirs != nil {
			if ours, known := saved[name]; !same(theirs, ours, known) {
				return false, nil
			}
		}
	}
	for name := range mentionsOf("previous", c.def.rotate.retiring()...) {
		if theirs := rotation.Previous[name]; theirs != nil {
			if ours, known := c.fields[name]; !same(theirs, ours, known) {
				return false, nil
			}
		}
	}
	return compared > 0, nil
}

// sameText compares values of which one went through JSON: a number may have
// become another kind of number.
func sameText(a, b any) bool {
	one, ok := textOf(toCty(a))
	other, both := textOf(toCty(b))
	if ok && both {
		return one == other
	}
	return reflect.DeepEqual(a, b)
}

// ownSaved is what a rotation would save of the client's own credential for
// retire, as far as that is known before a new one is made. What the provider
// refuses to tell is left out.
func (c *Client) ownSaved(ctx context.Context) (Values, *Error) {
	rotate, kept := c.def.rotate, c.def.rotate.kept()
	q := c.newSequence(rotate.calls, c.static.with("key", keyFacts{}.value()))
	q.saveComputable(rotate.save)
	for i, step := range rotate.calls {
		if step.method != "GET" || i == len(rotate.calls)-1 || len(q.keep(kept)) == len(kept) {
			break // the last step makes the credential, whatever its method
		}
		failed := q.run(ctx, step)
		switch {
		case failed != nil && failed.Kind == Refused:
			return q.keep(kept), nil
		case failed != nil:
			return nil, failed
		}
	}
	q.saveComputable(rotate.save)
	return q.keep(kept), nil
}

// saveComputable keeps those members that can be computed without the answer of
// the request that makes a credential.
func (q *sequence) saveComputable(members []named) {
	for _, member := range members {
		if !mentionsAnswer(member.expr) {
			_ = q.saveAll([]named{member}, anyTime)
		}
	}
}

// Retire removes what a rotation replaced. Call it on a client with the new
// credential; for a stray, on one with the credential in use. Nil means that
// the provider says it is gone, by this call or before, or that it ended with
// the rotation. Beside *Error it may return ErrRetireByHand.
func (c *Client) Retire(ctx context.Context, rotation Rotation) error {
	_, err := c.RetireOrMissing(ctx, rotation)
	return err
}

// RetireOrMissing is Retire. missing says that the provider knows no such
// credential: it was removed before, or the provider does not show it to whom
// asks, in which case it works on. Check with the old credential tells which.
func (c *Client) RetireOrMissing(ctx context.Context, rotation Rotation) (missing bool, err error) {
	defer rescue("retire", &err)
	block := c.def.rotate
	if block == nil || len(block.retire) == 0 {
		return false, nil
	}
	if c.usesOld(rotation) {
		return false, notSent("retire", errors.New("the credential to retire is the connection's own"))
	}
	secrets := c.known()
	s := c.static.
		with("previous", c.previous(rotation.Previous)).
		with("saved", valuesObject(rotation.Saved, block.kept(), false))
	secrets.addMarked(s.names["previous"])
	skipped, missing, failed := c.revokeAll(ctx, block.retire, s, secrets)
	switch {
	case failed != nil:
		return missing, failed
	case skipped && !rotation.Stray:
		return missing, ErrRetireByHand
	}
	return missing, nil
}

// usesOld reports whether the client's credential is the one to be retired.
func (c *Client) usesOld(rotation Rotation) bool {
	return slices.ContainsFunc(c.def.rotate.connection, func(member named) bool {
		old := rotation.Previous[member.name]
		return c.def.Connection.Lookup(member.name).Sensitive && old != nil && reflect.DeepEqual(old, c.fields[member.name])
	})
}

// previous is previous.*: what rotate changed, as it was.
func (c *Client) previous(values Values) cty.Value {
	attributes := map[string]cty.Value{}
	for _, member := range c.def.rotate.connection {
		value := toCty(values[member.name])
		if c.def.Connection.Lookup(member.name).Sensitive {
			value = sensitive(value)
		}
		attributes[member.name] = value
	}
	return cty.ObjectVal(attributes)
}

// RotationListable reports whether FindStray can find anything.
func (c *Client) RotationListable() bool {
	return c.def.rotate != nil && len(c.def.rotate.lists) > 0
}

// FindStray finds credentials whose names hold a part of this name, in whatever
// case: providers change the rest of a name. It is what a rotation may have
// made before its answer was lost. Each can be removed with Retire on the same
// client.
func (c *Client) FindStray(ctx context.Context, name, part string) (_ []Rotation, err error) {
	defer rescue("rotate", &err)
	if !c.RotationListable() {
		return nil, unsupported("list in the rotate")
	}
	if err := c.canRotate(); err != nil {
		return nil, notSent("rotate", err)
	}
	var found []Rotation
	for _, list := range c.def.rotate.lists {
		s := c.static.with("key", keyFacts{name: name}.value())
		failed := c.readWhole(ctx, list, s, func(item scope) (mark string, listed bool, err error) {
			one, err := c.readStray(list, item, part)
			if one != nil {
				found = append(found, *one)
			}
			return strayMark(list, item), one != nil, err
		})
		if failed != nil {
			return nil, failed
		}
	}
	return found, nil
}

// strayMark tells a listed credential from others.
func strayMark(list *listBlock, s scope) string {
	var texts []string
	for _, member := range list.item {
		if value, err := s.evaluate(member.expr); err == nil {
			texts = append(texts, allTexts(value)...)
		}
	}
	return strings.Join(texts, "\x00")
}

// readStray is a listed credential, or nil when its name does not hold the part.
func (c *Client) readStray(list *listBlock, s scope, part string) (*Rotation, error) {
	listed, err := s.evaluate(find(list.item, "name"))
	if err != nil {
		return nil, fmt.Errorf("item.name: %w", err)
	}
	if text, _ := textOf(listed); !containsFold(text, part) {
		return nil, nil
	}
	one := &Rotation{Stray: true, Saved: Values{}}
	kept := c.def.rotate.kept()
	for _, member := range list.item {
		if member.name != "previous" && !kept[member.name] {
			continue
		}
		value, err := s.evaluate(member.expr)
		if err != nil {
			return nil, fmt.Errorf("item.%s: %w", member.name, err)
		}
		if member.name == "previous" {
			one.Previous, _ = fromCty(value).(map[string]any)
			continue
		}
		if one.Saved[member.name] = fromCty(value); one.Saved[member.name] == nil {
			return nil, fmt.Errorf("item.%s is missing in the answer", member.name)
		}
	}
	return one, nil
}
