package providers

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"vault-plugin-secrets-apikeys/providers/internal/definition"
	"vault-plugin-secrets-apikeys/providers/internal/expr"
	"vault-plugin-secrets-apikeys/providers/internal/transport"
)

// backOut undoes what a failed issue has made so far, newest step first, and
// returns the failure with what is left. at is the step that failed; answered
// means that it had its answer, from which the key could not be read.
func (m *minting) backOut(ctx context.Context, at int, gotResponse bool, failed *Error) *Error {
	if m.c.def.Issue.InPlace { // what there is may be what others hold
		if slices.ContainsFunc(m.calls[:at+1], func(step *definition.Call) bool {
			return step.Method != "GET" && (step != m.calls[at] || gotResponse || step.ForEach != nil)
		}) {
			failed.Kind = Unknown
		}
		return failed
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpTime)
	defer cancel()
	left := Leftover{Undo: m.toUndo(at, failed.Kind)}
	if len(left.Undo) > 0 {
		needs := m.c.def.Required
		left.Handle = m.newHandle(needs.UndoRole, needs.UndoConnection, needs.UndoSaved)
		if !m.undoMade(ctx, left, m.req.Spare, at, failed) {
			return failed
		}
	} else if failed.Kind == Unknown && m.handle.ID != "" && !m.isGiven() {
		// The key is there and cannot be handed out. Whether or not this works,
		// the caller makes sure: it is told which key it is.
		if spared, err := m.req.Spare.spares(ctx, NamedBy(m.c.def, m.handle)); err == nil && !spared {
			missing, err := m.c.Delete(ctx, m.handle)
			failed.Removed = err == nil && !missing
		}
		if m.lacks() == nil {
			failed.Made = &m.handle
		}
	}
	return m.judge(at, gotResponse, failed)
}

// isGiven reports whether the id is what the role and the connection give, whatever the key
// is called: what has it may have been there before, and somebody's.
func (m *minting) isGiven() bool {
	other := m.req
	other.Name += "-other"
	handle, known := m.c.KnownHandle(other)
	return known && handle.ID == m.handle.ID
}

// judge says what a failure of which everything was undone that could be tells of what is
// left at the provider.
func (q *stepRunner) judge(at int, gotResponse bool, failed *Error) *Error {
	switch {
	case failed.Kind == Unknown && q.nothingLeft(at, gotResponse):
		failed.Kind = Refused
	case failed.Kind != Unknown && q.leavesSomething(at):
		failed.Kind = Unknown
	}
	return failed
}

// undoMade runs undos; what remains of them goes with the failure. A step that is
// seconds old may not be known yet, so one that is not found remains too, unless
// the first that changed something was undone, and with it what was built on that.
// What is spared is not this call's to remove, and what it made, if it made anything,
// is known by its name alone, so the failure stays one of unknown outcome.
func (q *stepRunner) undoMade(ctx context.Context, left Leftover, spare Spare, at int, failed *Error) bool {
	remaining, missing, spared, _ := q.c.undoAll(ctx, left, spare, q.scope.Secrets)
	if len(spared) > 0 {
		failed.Kind = Unknown
		if len(remaining) == 0 {
			return false
		}
	}
	if len(missing) > 0 && (len(remaining) > 0 || slices.Contains(missing, q.firstUndo(at))) {
		remaining = inOrderOf(left.Undo, remaining, missing)
	}
	if len(remaining) == 0 {
		return true
	}
	left.Undo = remaining
	failed.Leftover = &left
	return false
}

// firstUndo is the step with which undoing ends: the first that changes something.
func (q *stepRunner) firstUndo(at int) string {
	for _, step := range q.calls[:at+1] {
		if q.changes(step) {
			return step.Step
		}
	}
	return ""
}

// changes reports whether a step that was reached may have changed something: it does not
// only read, and was not left out.
func (q *stepRunner) changes(step *definition.Call) bool {
	return step.Method != http.MethodGet && !q.leftOut[step]
}

// inOrderOf is those of all that are in one of the parts.
func inOrderOf(all []string, parts ...[]string) []string {
	joined := slices.Concat(parts...)
	return slices.DeleteFunc(slices.Clone(all), func(name string) bool { return !slices.Contains(joined, name) })
}

// toUndo names the steps to undo, newest first. The failing step is among them
// when its outcome is unknown and the values that its undo needs are at hand. One that was
// left out made nothing, and what its undo names was there before.
func (q *stepRunner) toUndo(at int, kind Kind) []string {
	var names []string
	for i := at; i >= 0; i-- {
		step := q.calls[i]
		if step.Undo == nil || q.leftOut[step] || i == at && kind != Unknown || !q.has(step.Undo) {
			continue
		}
		names = append(names, step.Step)
	}
	return names
}

// has reports whether all saved values that the request mentions are at hand.
func (q *stepRunner) has(undo *definition.Call) bool {
	for name := range expr.ReferencesTo("saved", undo.Expressions()...) {
		if value, ok := q.saved[name]; !ok || value.IsNull() {
			return false
		}
	}
	return true
}

// nothingLeft reports whether the undos that have run leave nothing behind,
// although the outcome was unknown: the failing step only reads, or its answer
// came and could not be used; and the first step that changed something has
// been undone, which by the rules of the language undoes what was built on it.
func (q *stepRunner) nothingLeft(at int, gotResponse bool) bool {
	calls := q.calls
	if len(calls) == 1 {
		return false
	}
	done := calls[:at]
	switch {
	case gotResponse:
		done = calls[:at+1]
	case q.changes(calls[at]):
		return false
	}
	for _, step := range done {
		if q.changes(step) {
			return step.Undo != nil && q.has(step.Undo)
		}
	}
	return true
}

// leavesSomething reports whether a step before the one that was refused, or an earlier
// request of that, has made something of which the answer told, and no undo has taken it back:
// the step whose undo would have was left out, or came later.
func (q *stepRunner) leavesSomething(at int) bool {
	for _, step := range q.calls[:at] {
		switch {
		case !q.changes(step):
		case step.Undo != nil:
			return !q.has(step.Undo)
		case len(step.AllSaved()) > 0:
			return true
		}
	}
	return q.calls[at].ForEach != nil && q.changes(q.calls[at])
}

// Undo finishes what a failed issue or rotation left behind. It may be called again.
// What the provider does not know counts as undone where absence may be trusted: where
// what was made, if it was, is older than the provider may take to show it; so does
// what is spared. On failure the *Error's Leftover is what remains.
func (c *Client) Undo(ctx context.Context, left Leftover, spare Spare, trustAbsence bool) (err error) {
	defer rescue("undo", &err)
	remaining, missing, _, failed := c.undoAll(ctx, left, spare, c.known())
	if !trustAbsence && len(missing) > 0 {
		remaining = inOrderOf(left.Undo, remaining, missing)
		if failed == nil {
			failed = &Error{Op: "undo", Kind: Unknown, Message: "the provider does not know what is to be undone, which it may do a little later"}
		}
	}
	if failed == nil {
		return nil
	}
	left.Undo = remaining
	failed.Leftover = &left
	return failed
}

// undoAll runs every undo, whether or not one before it failed. It returns those
// that failed, with the first failure, those whose step the provider does not know,
// and those that were spared.
func (c *Client) undoAll(ctx context.Context, left Leftover, spare Spare, secrets *expr.Secrets) (remaining, missing, spared []string, first *Error) {
	s, err := c.handleScope(left.Handle, expr.Key{}, c.def.Required.UndoSaved, secrets)
	if err != nil {
		return left.Undo, nil, nil, notSent("undo", err)
	}
	calls := c.def.Issue.Calls
	if left.Rotation {
		calls = c.def.Rotate.Steps()
	}
	for _, name := range left.Undo {
		held, gone, failed := c.undoStep(ctx, calls, name, s, func(step *definition.Call) (bool, error) {
			return spare.spares(ctx, namedByUndo(step, left.Handle.Saved))
		})
		switch {
		case held:
			spared = append(spared, name)
		case gone:
			missing = append(missing, name)
		case failed != nil:
			remaining = append(remaining, name)
			if first == nil {
				first = failed
			}
		}
	}
	return remaining, missing, spared, first
}

// undoStep undoes one step, unless that is held.
func (c *Client) undoStep(ctx context.Context, calls []*definition.Call, name string, s expr.Scope, isHeld func(*definition.Call) (bool, error)) (held, gone bool, failed *Error) {
	for _, step := range calls {
		if step.Step != name || step.Undo == nil {
			continue
		}
		held, err := isHeld(step)
		if err != nil {
			return false, false, notSent("undo", err)
		}
		if held {
			return true, false, nil
		}
		got, failed := c.call(ctx, step.Undo, s, transport.Revoke)
		return false, failed == nil && got.gone, failed
	}
	return false, false, notSent("undo", fmt.Errorf("the definition has no step %q with an undo", name))
}
