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

	"vault-plugin-secrets-apikeys/providers/internal/definition"
	"vault-plugin-secrets-apikeys/providers/internal/expr"
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
	// Spare is asked before anything is removed again because the rotation failed.
	Spare Spare
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
	// Orphan says that it is a credential found by FindOrphanCredentials, which nobody uses.
	Orphan bool `json:"stray,omitempty"`
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
	block := c.def.Rotate
	if block == nil || len(block.Candidate) == 0 {
		return nil, nil
	}
	candidate, err := c.static.Choose(block.Candidate)
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
	block := c.def.Rotate
	if block == nil || candidate == nil || len(block.Candidate) == 0 {
		return nil, false, nil
	}
	for _, member := range block.Connection {
		for _, one := range expr.ReferencesIn(member.Expr) {
			if one.Root != "connection" && one.Root != "candidate" {
				return nil, false, nil
			}
		}
	}
	given, err := given(block.Candidate, candidate)
	if err != nil {
		return nil, false, notSent("rotate", err)
	}
	changed, err := c.changed(c.static.With("candidate", given))
	if err != nil {
		return nil, false, notSent("rotate", err)
	}
	return changed, true, nil
}

// given is candidate.*, complete.
func given(members []expr.Member, candidate Values) (cty.Value, error) {
	names := expr.References{}
	for _, member := range members {
		names[member.Name] = true
		if candidate[member.Name] == nil {
			return cty.NilVal, fmt.Errorf("the candidate has no %s", member.Name)
		}
	}
	return expr.ValuesObject(names.Pick(candidate), names, true), nil
}

// rotating is one rotation under way.
type rotating struct {
	stepRunner
	block *definition.RotateBlock
	name  string
	spare Spare
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
	if c.def.Rotate == nil {
		return nil, nil, unsupported("rotate")
	}
	r, err := c.newRotating(req)
	if err != nil {
		return nil, nil, notSent("rotate", err)
	}
	for i, step := range r.calls {
		if failed := r.make(ctx, step); failed != nil {
			return nil, nil, r.backOut(ctx, i, false, failed)
		}
	}
	rotation, err := r.finish()
	if err != nil {
		failed := &Error{Op: "rotate", Kind: Unknown, Message: r.scope.Secrets.Clean(err.Error())}
		return nil, nil, r.backOut(ctx, len(r.calls)-1, true, failed)
	}
	return rotation, r.undoOfAll(), nil
}

func (c *Client) newRotating(req RotateRequest) (*rotating, error) {
	block := c.def.Rotate
	if err := c.canRotate(); err != nil {
		return nil, err
	}
	key := expr.Key{Name: req.Name, ExpiresAt: req.ExpiresAt}
	if !req.ExpiresAt.IsZero() {
		// Rounded down to nothing, it would be left out: no end at all.
		if key.TTL = time.Until(req.ExpiresAt).Round(time.Second); key.TTL < time.Second {
			return nil, errors.New("the end of the new credential lies in the past")
		}
	}
	s := c.static.Metered(context.Background(), 0).With("key", key.Value())
	if len(block.Candidate) > 0 {
		candidate, err := given(block.Candidate, req.Candidate)
		if err != nil {
			return nil, err
		}
		s = s.With("candidate", candidate)
	}
	r := &rotating{stepRunner: c.newStepRunner(block.Calls, s), block: block, name: req.Name, spare: req.Spare}
	r.scope.Conceal(s.Names["candidate"])
	return r, nil
}

// canRotate names a field that may be left out otherwise, and not here: found
// later, it would leave a credential that nobody can retire.
func (c *Client) canRotate() error {
	for _, one := range c.def.Rotate.Requests() {
		if one.Path.When != nil || one.When != nil {
			continue // the condition may be about just that
		}
		for _, part := range one.Path.Parts {
			traversal, ok := expr.Bare(part.Value).(*hclsyntax.ScopeTraversalExpr)
			if !ok {
				continue
			}
			if field := expr.ReferencesIn(traversal)[0]; field.Root == "connection" && c.fields[field.Attribute] == nil {
				return fmt.Errorf("the connection field %q is not set: this credential cannot be rotated without it", field.Attribute)
			}
		}
	}
	return nil
}

// finish reads the new credential out of the answers.
func (r *rotating) finish() (*Rotation, error) {
	if err := r.saveAll(r.block.Save, anyTime); err != nil {
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
	rotation.Saved = r.savedValues(r.block.SavedForRetire())
	return rotation, nil
}

// changed computes the connection fields that a rotation changes.
func (c *Client) changed(s expr.Scope) (Values, error) {
	fields := Values{}
	for _, member := range c.def.Rotate.Connection {
		field := c.def.Connection.Lookup(member.Name)
		value, err := s.Reading(expr.AbsentIsUnknown).Evaluate(member.Expr)
		if err == nil && !value.IsWhollyKnown() {
			err = expr.ErrMissing
		}
		if err == nil {
			fields[member.Name], err = field.ChangedTo(value)
		}
		if err != nil {
			return nil, fmt.Errorf("connection.%s: %w", member.Name, err)
		}
	}
	return fields, nil
}

// savedValues are the saved values of these names that are not null.
func (q *stepRunner) savedValues(names expr.References) Values {
	all := map[string]any{}
	for name, value := range q.saved {
		all[name] = expr.FromCty(value)
	}
	return names.Pick(all)
}

// backOut undoes what a failed rotation has made so far, as minting.backOut.
func (r *rotating) backOut(ctx context.Context, at int, gotResponse bool, failed *Error) *Error {
	left := Leftover{Rotation: true, Undo: r.toUndo(at, failed.Kind)}
	if len(left.Undo) > 0 {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpTime)
		defer cancel()
		left.Handle = r.undoHandle()
		if !r.undoMade(ctx, left, r.spare, at, failed) {
			return failed
		}
	}
	return r.judge(at, gotResponse, failed)
}

// undoHandle keeps what the undos mention.
func (r *rotating) undoHandle() Handle {
	var exprs []hclsyntax.Expression
	for _, step := range r.calls {
		if step.Undo != nil {
			exprs = append(exprs, step.Undo.Expressions()...)
		}
	}
	h := Handle{
		Name:       r.name,
		Connection: r.c.def.Shown(expr.ReferencesTo("connection", exprs...)).Pick(r.c.fields),
		Saved:      r.savedValues(expr.ReferencesTo("saved", exprs...)),
	}
	for name := range h.Saved {
		h.Sealed = h.Sealed || r.isSecret(r.saved[name])
	}
	return h
}

// undoOfAll undoes a rotation that has succeeded; nil where its first step that
// changed something has no undo.
func (r *rotating) undoOfAll() *Leftover {
	first := slices.IndexFunc(r.calls, r.changes)
	if first < 0 || r.calls[first].Undo == nil || !r.has(r.calls[first].Undo) {
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
	for _, step := range slices.Backward(c.def.Rotate.Steps()) {
		if step.Undo == nil || len(expr.ReferencesTo("saved", step.Undo.Expressions()...)) > 0 {
			continue
		}
		left.Undo = append(left.Undo, step.Step)
		exprs = append(exprs, step.Undo.Expressions()...)
	}
	if len(left.Undo) == 0 {
		return nil
	}
	left.Handle.Connection = c.def.Shown(expr.ReferencesTo("connection", exprs...)).Pick(c.fields)
	return left
}

// RetireNamesOld reports whether retire says which credential it removes. Where
// it does not, it ends whichever the connection's took the place of, and may be
// called only while the connection holds what the rotation made.
func (c *Client) RetireNamesOld() bool {
	if c.def.Rotate == nil {
		return false
	}
	retiring := c.def.Rotate.Retiring()
	return len(expr.ReferencesTo("saved", retiring...))+len(expr.ReferencesTo("previous", retiring...)) > 0
}

// IsOwn reports whether the credential that Retire would remove is the one that
// the client itself uses: by its values, or by what retire knows it by, as far as
// the rotation's reading steps tell that of the client's own. An error means that
// the provider did not answer; ask again before anything is removed.
func (c *Client) IsOwn(ctx context.Context, rotation Rotation) (own bool, err error) {
	defer rescue("rotate", &err)
	if c.def.Rotate == nil {
		return false, nil
	}
	if c.usesOld(rotation) {
		return true, nil
	}
	saved, failed := c.ownSaved(ctx)
	if failed != nil {
		return false, failed
	}
	own, _ = c.isOwn(rotation, saved)
	return own, nil
}

// OwnNames are the values by which retire would name the client's own credential, as far as
// the rotation's reading steps tell them. An error means that the provider did not answer.
func (c *Client) OwnNames(ctx context.Context) (names []string, err error) {
	defer rescue("rotate", &err)
	if c.def.Rotate == nil {
		return nil, nil
	}
	saved, failed := c.ownSaved(ctx)
	if failed != nil {
		return nil, failed
	}
	return textsOf(saved), nil
}

// isOwn compares a credential with the client's own, of which a rotation would save
// these values. told says that it could be compared.
func (c *Client) isOwn(rotation Rotation, saved Values) (own, told bool) {
	own = true
	compare := func(theirs, ours any) {
		if theirs == nil {
			return
		}
		told = told || ours != nil
		own = own && ours != nil && sameText(theirs, ours)
	}
	for name := range c.def.Rotate.SavedForRetire() {
		compare(rotation.Saved[name], saved[name])
	}
	for name := range expr.ReferencesTo("previous", c.def.Rotate.Retiring()...) {
		compare(rotation.Previous[name], c.fields[name])
	}
	return own && told, told
}

// sameText compares values of which one went through JSON: a number may have
// become another kind of number.
func sameText(a, b any) bool {
	one, ok := expr.TextOf(expr.ToCty(a))
	other, both := expr.TextOf(expr.ToCty(b))
	if ok && both {
		return one == other
	}
	return reflect.DeepEqual(a, b)
}

// ownSaved is what a rotation would save of the client's own credential for
// retire, as far as that is known before a new one is made. What the provider
// refuses to tell is left out.
func (c *Client) ownSaved(ctx context.Context) (Values, *Error) {
	rotate, kept := c.def.Rotate, c.def.Rotate.SavedForRetire()
	q := c.newStepRunner(rotate.Calls, c.operationScope().With("key", expr.Key{}.Value()))
	q.saveComputable(rotate.Save)
	for i, step := range rotate.Calls {
		if step.Method != "GET" || i == len(rotate.Calls)-1 || len(q.savedValues(kept)) == len(kept) {
			break // the last step makes the credential, whatever its method
		}
		failed := q.make(ctx, step)
		switch {
		case failed != nil && failed.Kind == Refused:
			return q.savedValues(kept), nil
		case failed != nil:
			return nil, failed
		}
	}
	q.saveComputable(rotate.Save)
	return q.savedValues(kept), nil
}

// saveComputable keeps those members that can be computed without the answer of
// the request that makes a credential.
func (q *stepRunner) saveComputable(members []expr.Member) {
	for _, member := range members {
		if !expr.ReadsAnswer(member.Expr) {
			_ = q.saveAll([]expr.Member{member}, anyTime)
		}
	}
}

// RotationRevokesAll reports whether every key ends with the credential that a rotation
// replaces.
func (c *Client) RotationRevokesAll() bool { return c.def.Rotate.RevokesAllKeys() }

// RotationRevokes reports whether a key ends with the credential that a rotation
// replaces, so far as the definition tells: where its condition cannot be computed, the
// key does.
func (c *Client) RotationRevokes(h Handle) (revokes bool) {
	if !c.def.Capabilities.RotateRevokesKeys {
		return false
	}
	defer func() {
		if recover() != nil {
			revokes = true
		}
	}()
	s, err := c.handleScope(h, expr.Key{}, c.def.Required.Saved, c.known())
	if err != nil {
		return true
	}
	revokes, err = s.Truth(c.def.Rotate.RevokesKeys)
	return revokes || err != nil
}

// Retire removes what a rotation replaced. Call it on a client with the new
// credential; for an orphaned one, on one with the credential in use. Nil means that
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
	block := c.def.Rotate
	if block == nil || len(block.Retire) == 0 {
		return false, nil
	}
	if c.usesOld(rotation) {
		return false, notSent("retire", errors.New("the credential to retire is the connection's own"))
	}
	s := c.operationScope().
		With("previous", c.previous(rotation.Previous)).
		With("saved", expr.ValuesObject(rotation.Saved, block.SavedForRetire(), false))
	s.Conceal(s.Names["previous"])
	skipped, missing, failed := c.revokeAll(ctx, block.Retire, s)
	switch {
	case failed != nil:
		return missing, failed
	case skipped && !rotation.Orphan:
		return missing, ErrRetireByHand
	}
	return missing, nil
}

// usesOld reports whether the client's credential is the one to be retired.
func (c *Client) usesOld(rotation Rotation) bool {
	return slices.ContainsFunc(c.def.Rotate.Connection, func(member expr.Member) bool {
		old := rotation.Previous[member.Name]
		return c.def.Connection.Lookup(member.Name).Sensitive && old != nil && reflect.DeepEqual(old, c.fields[member.Name])
	})
}

// previous is previous.*: what rotate changed, as it was.
func (c *Client) previous(values Values) cty.Value {
	attributes := map[string]cty.Value{}
	for _, member := range c.def.Rotate.Connection {
		value := expr.ToCty(values[member.Name])
		if c.def.Connection.Lookup(member.Name).Sensitive {
			value = expr.Sensitive(value)
		}
		attributes[member.Name] = value
	}
	return cty.ObjectVal(attributes)
}

// RotationListable reports whether FindOrphanCredentials can find anything.
func (c *Client) RotationListable() bool {
	return c.def.Rotate != nil && len(c.def.Rotate.Lists) > 0
}

// OrphanSearch is what a look for unused credentials came to.
type OrphanSearch struct {
	// Found are those whose names hold what was looked for. Each can be removed with
	// Retire on the same client.
	Found []Rotation
	// Telling says that the list shows the client's own credential or, where that cannot
	// be told from others, anything that has a name: so whoever asks is shown such
	// things, and what is not among Found was not there.
	Telling bool
}

// FindOrphanCredentials finds credentials whose names hold a part of this name, in whatever
// case: providers change the rest of a name. It is what a rotation may have
// made before its answer was lost.
func (c *Client) FindOrphanCredentials(ctx context.Context, name, part string) (search OrphanSearch, err error) {
	defer rescue("rotate", &err)
	if !c.RotationListable() {
		return OrphanSearch{}, unsupported("list in the rotate")
	}
	if err := c.canRotate(); err != nil {
		return OrphanSearch{}, notSent("rotate", err)
	}
	var others []Rotation
	anyNamed := false
	for _, list := range c.def.Rotate.Lists {
		s := c.static.With("key", expr.Key{Name: name}.Value())
		named, failed := c.readWhole(ctx, list, s, func(item expr.Scope) (seen sight, found bool, err error) {
			listed := tells(list, item, "name")
			one, err := c.readOrphan(list, item)
			seen = sight{mark: orphanMark(list, item), id: err == nil && len(one.Saved) > 0, name: listed != ""}
			switch found = carries(listed, item, part); {
			case found && err == nil:
				search.Found = append(search.Found, *one)
			case found:
				return seen, false, err
			case err == nil:
				others = append(others, *one)
			}
			return seen, found, nil // what is somebody else's may be as it likes
		})
		if failed != nil {
			return OrphanSearch{}, failed
		}
		anyNamed = anyNamed || named
	}
	if search.Telling = len(search.Found) > 0; !search.Telling {
		search.Telling, err = c.showsOwn(ctx, others, anyNamed)
	}
	return search, err
}

// showsOwn reports whether the client's own credential is among those that are listed.
// Where it is not known which that is, it is otherwise.
func (c *Client) showsOwn(ctx context.Context, listed []Rotation, otherwise bool) (bool, error) {
	saved, failed := c.ownSaved(ctx)
	if failed != nil {
		return false, failed
	}
	known := false
	for _, one := range listed {
		own, told := c.isOwn(one, saved)
		if own {
			return true, nil
		}
		known = known || told
	}
	return otherwise && !known, nil
}

// carries reports whether the name of a listed credential holds a part or, where no name
// can be read, anything in it does.
func carries(name string, item expr.Scope, part string) bool {
	if name != "" {
		return containsFold(name, part)
	}
	return slices.ContainsFunc(expr.AllTexts(item.Names["item"]), func(text string) bool { return containsFold(text, part) })
}

// orphanMark tells a listed credential from others.
func orphanMark(list *definition.ListBlock, s expr.Scope) string {
	var texts []string
	for _, member := range list.Item {
		if value, err := s.Evaluate(member.Expr); err == nil {
			texts = append(texts, expr.AllTexts(value)...)
		}
	}
	return strings.Join(texts, "\x00")
}

// readOrphan is a listed credential with what retire needs of it.
func (c *Client) readOrphan(list *definition.ListBlock, s expr.Scope) (*Rotation, error) {
	one := &Rotation{Orphan: true, Saved: Values{}}
	kept := c.def.Rotate.SavedForRetire()
	for _, member := range list.Item {
		if member.Name != "previous" && !kept[member.Name] {
			continue
		}
		value, err := s.Evaluate(member.Expr)
		if err != nil {
			return nil, fmt.Errorf("item.%s: %w", member.Name, err)
		}
		if member.Name == "previous" {
			one.Previous, _ = expr.FromCty(value).(map[string]any)
			continue
		}
		if one.Saved[member.Name] = expr.FromCty(value); one.Saved[member.Name] == nil {
			return nil, fmt.Errorf("item.%s is missing in the answer", member.Name)
		}
	}
	return one, nil
}
