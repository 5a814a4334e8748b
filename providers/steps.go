package providers

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"time"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"vault-plugin-secrets-apikeys/providers/internal/auth"
	"vault-plugin-secrets-apikeys/providers/internal/definition"
	"vault-plugin-secrets-apikeys/providers/internal/expr"
	"vault-plugin-secrets-apikeys/providers/internal/transport"
)

// stepRunner makes ordered requests: of issue or rotate, which make something,
// or of revoke or retire, which end it.
type stepRunner struct {
	c     *Client
	calls []*definition.Call
	scope expr.Scope
	saved map[string]cty.Value
	// untold are the saved values that no answer held: null, and yet no provider's null.
	untold map[string]cty.Value
	// leftOut are the steps whose condition did not hold.
	leftOut map[*definition.Call]bool
	// ahead is by how much the provider's clock was ahead of ours at the last answer.
	ahead time.Duration
}

// newStepRunner begins with what is saved already, and gathers the secrets that it
// sees.
func (c *Client) newStepRunner(calls []*definition.Call, s expr.Scope) stepRunner {
	q := stepRunner{c: c, calls: calls, scope: s, saved: map[string]cty.Value{}}
	if s.Secrets == nil {
		q.scope = s.Gathering(c.known())
	}
	if saved, ok := s.Names["saved"]; ok {
		maps.Copy(q.saved, saved.AsValueMap())
		return q
	}
	q.scope = q.scope.With("saved", cty.EmptyObjectVal)
	return q
}

// stepOutcome is what a step came to that did not fail.
type stepOutcome int

const (
	stepDone stepOutcome = iota
	// stepLeftOut: its condition did not hold, and no request was made.
	stepLeftOut
	// stepGone: the provider knows nothing of what it is about.
	stepGone
)

// make runs a step of what makes something.
func (q *stepRunner) make(ctx context.Context, step *definition.Call) *Error {
	_, failed := q.run(ctx, step, q.class(step, transport.Mint))
	return failed
}

// class is that of a step which only reads, where it is a get, and else as given. An
// issue that is one get makes a key by it.
func (q *stepRunner) class(step *definition.Call, otherwise transport.Class) transport.Class {
	if step.Method == http.MethodGet && len(q.calls) > 1 {
		return transport.Read
	}
	return otherwise
}

// unusable is the error of answers from which what was to be read cannot be.
func (q *stepRunner) unusable(op string, err error) *Error {
	return &Error{Op: op, Kind: Unknown, Message: q.scope.Secrets.Clean(err.Error())}
}

// run makes a step's request, or one for each element, waits for what it started, and
// keeps what it saves. A step whose condition does not hold is left out.
func (q *stepRunner) run(ctx context.Context, step *definition.Call, class transport.Class) (stepOutcome, *Error) {
	if step.When != nil {
		applies, err := q.scope.Truth(step.When)
		if err != nil {
			return stepLeftOut, q.c.stepError(step, notSent(step.Block, err), q.scope)
		}
		if !applies {
			q.leaveOut(step)
			return stepLeftOut, nil
		}
	}
	if step.ForEach != nil {
		return q.runForEach(ctx, step, class)
	}
	return q.runOnce(ctx, step, class)
}

// runForEach makes a step's request for each element, in order. What it saves is a list
// of what each request saves; those about something that is gone save nothing.
func (q *stepRunner) runForEach(ctx context.Context, step *definition.Call, class transport.Class) (stepOutcome, *Error) {
	elements, err := elementsOf(q.scope, step.ForEach)
	if err != nil {
		return stepLeftOut, q.c.stepError(step, notSent(step.Block, err), q.scope)
	}
	saved, untold, gone := map[string][]cty.Value{}, map[string]bool{}, 0
	for _, each := range elements {
		q.scope = q.scope.With("each", each)
		outcome, failed := q.runOnce(ctx, step, class)
		if failed != nil {
			return outcome, failed
		}
		if outcome == stepGone {
			gone++
			continue
		}
		for _, member := range step.AllSaved() {
			saved[member.Name] = append(saved[member.Name], q.saved[member.Name])
			_, lacks := q.untold[member.Name]
			untold[member.Name] = untold[member.Name] || lacks
		}
	}
	for _, member := range step.AllSaved() {
		q.saved[member.Name] = cty.TupleVal(saved[member.Name])
		delete(q.untold, member.Name)
		if untold[member.Name] {
			q.untold[member.Name] = cty.DynamicVal
		}
	}
	q.scope = q.scope.With("saved", cty.ObjectVal(q.saved))
	if gone > 0 && (!step.Looks || gone == len(elements)) {
		return stepGone, nil
	}
	return stepDone, nil
}

// mostElements bounds for how many elements a request is made.
const mostElements = 10_000

// elementsOf are each.* for the elements of a list, or the members of an object; none
// where there is null.
func elementsOf(s expr.Scope, forEach hclsyntax.Expression) ([]cty.Value, error) {
	value, err := s.Evaluate(forEach)
	if err != nil {
		return nil, fmt.Errorf("for_each: %w", err)
	}
	plain, marks := value.Unmark()
	switch {
	case plain.IsNull():
		return nil, nil
	case !plain.IsKnown() || !plain.CanIterateElements():
		return nil, errors.New("for_each: must be a list or an object")
	case plain.LengthInt() > mostElements:
		return nil, fmt.Errorf("for_each: has more than %d elements", mostElements)
	}
	var elements []cty.Value
	for it := plain.ElementIterator(); it.Next(); {
		key, element := it.Element()
		elements = append(elements, cty.ObjectVal(map[string]cty.Value{"key": key.WithMarks(marks), "value": element.WithMarks(marks)}))
	}
	return elements, nil
}

// runOnce makes one request of a step.
func (q *stepRunner) runOnce(ctx context.Context, step *definition.Call, class transport.Class) (stepOutcome, *Error) {
	if err := q.saveAll(step.Save, beforeAnswer); err != nil {
		return stepLeftOut, q.c.stepError(step, notSent(step.Block, err), q.scope)
	}
	got, failed := q.c.call(ctx, step, q.scope, class)
	switch {
	case failed != nil:
		return stepDone, failed
	case got.gone:
		return stepGone, nil
	}
	q.scope, q.ahead = got.scope, auth.ClockAhead(got.header, q.c.now())
	if err := errors.Join(q.saveAll(step.Save, afterAnswer), q.lacksForUndo(step)); err != nil {
		return stepDone, q.c.unusable(step, got, err.Error())
	}
	return stepDone, q.await(ctx, step.Poll)
}

// await waits for what a step started; nil where it started nothing.
func (q *stepRunner) await(ctx context.Context, poll *definition.PollBlock) *Error {
	if poll == nil {
		return nil
	}
	got, failed := q.c.pollUntilDone(ctx, poll, q.scope)
	if failed != nil {
		return failed
	}
	q.scope = got.scope
	if err := q.saveAll(poll.Save, anyTime); err != nil {
		return q.c.unusable(poll.Call, got, err.Error())
	}
	return nil
}

// lacksForUndo names a value that the answer to a step did not hold and without
// which the step cannot be undone.
func (q *stepRunner) lacksForUndo(step *definition.Call) error {
	if step.Undo == nil {
		return nil
	}
	for _, name := range expr.SortedNames(expr.ReferencesTo("saved", step.Undo.Path.Values()...)) {
		if value, kept := q.saved[name]; kept && value.IsNull() && expr.Find(step.Save, name) != nil {
			return fmt.Errorf("save.%s: %w", name, expr.ErrMissing)
		}
	}
	return nil
}

// leaveOut saves null for what a step would have saved.
func (q *stepRunner) leaveOut(step *definition.Call) {
	if q.leftOut == nil {
		q.leftOut = map[*definition.Call]bool{}
	}
	q.leftOut[step] = true
	for _, member := range step.AllSaved() {
		q.saved[member.Name] = cty.NullVal(cty.DynamicPseudoType)
	}
	q.scope = q.scope.With("saved", cty.ObjectVal(q.saved))
}

// phase says which members of a save can be computed.
type phase int

const (
	anyTime phase = iota
	beforeAnswer
	afterAnswer
)

// saveAll computes the members that belong to the phase. What does not depend
// on the answer is kept before the request goes out, so that an undo can rely
// on it when no answer comes.
func (q *stepRunner) saveAll(members []expr.Member, when phase) error {
	if len(members) == 0 {
		return nil
	}
	var failed error
	for _, member := range members {
		needsAnswer := expr.ReadsAnswer(member.Expr)
		if when == beforeAnswer && needsAnswer || when == afterAnswer && !needsAnswer {
			continue
		}
		value, err := q.scope.Evaluate(member.Expr)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("save.%s: %w", member.Name, err))
			continue
		}
		q.scope.Conceal(value)
		q.saved[member.Name] = value
		q.noteUntold(member, value)
	}
	q.scope = q.scope.With("saved", cty.ObjectVal(q.saved))
	return failed
}

// noteUntold takes note of a saved value that is null because the answer does not hold
// it.
func (q *stepRunner) noteUntold(member expr.Member, value cty.Value) {
	delete(q.untold, member.Name)
	if !value.IsNull() {
		return
	}
	if strict, err := q.scope.Reading(expr.AbsentIsUnknown).Evaluate(member.Expr); err == nil && !strict.IsKnown() {
		if q.untold == nil {
			q.untold = map[string]cty.Value{}
		}
		q.untold[member.Name] = cty.DynamicVal
	}
}

// strictly is the scope for what much depends on: a saved value that no answer held
// tells nothing there.
func (q *stepRunner) strictly() expr.Scope {
	if len(q.untold) == 0 {
		return q.scope
	}
	saved := maps.Clone(q.saved)
	maps.Copy(saved, q.untold)
	return q.scope.With("saved", cty.ObjectVal(saved))
}

// isSecret reports whether value carries a secret, by its mark or because it
// holds the text of one.
func (q *stepRunner) isSecret(value cty.Value) bool {
	if len(expr.MarkedTexts(value)) > 0 {
		return true
	}
	for _, text := range expr.AllTexts(value) {
		if q.scope.Secrets.Within(text) {
			return true
		}
	}
	return false
}
