package providers

import (
	"context"
	"errors"
	"fmt"

	"github.com/zclconf/go-cty/cty"
)

// sequence is the ordered requests of issue or rotate under way.
type sequence struct {
	c       *Client
	calls   []*call
	scope   scope
	saved   map[string]cty.Value
	secrets *secretTexts
}

func (c *Client) newSequence(calls []*call, s scope) sequence {
	return sequence{
		c:       c,
		calls:   calls,
		scope:   s.with("saved", cty.EmptyObjectVal),
		saved:   map[string]cty.Value{},
		secrets: c.known(),
	}
}

// run makes one step's request, waits for what it started, and keeps what it
// saves. A step whose condition does not hold is left out.
func (q *sequence) run(ctx context.Context, step *call) *Error {
	if step.when != nil {
		applies, err := q.scope.truth(step.when)
		if err != nil {
			return notSent(step.block, err)
		}
		if !applies {
			q.leaveOut(step)
			return nil
		}
	}
	if err := q.saveAll(step.save, beforeAnswer); err != nil {
		return notSent(step.block, err)
	}
	class := classMint
	if step.method == "GET" && len(q.calls) > 1 {
		class = classRead // a step that gets only reads; an issue that is one get makes a key by it
	}
	got, failed := q.c.exchange(ctx, step, q.scope, class, q.secrets)
	if failed != nil {
		return failed
	}
	q.scope = got.scope
	if err := errors.Join(q.saveAll(step.save, afterAnswer), q.lacksForUndo(step)); err != nil {
		return q.c.unusable(step, got, err.Error(), q.secrets)
	}
	if step.poll == nil {
		return nil
	}
	if got, failed = q.c.wait(ctx, step.poll, q.scope, q.secrets); failed != nil {
		return failed
	}
	q.scope = got.scope
	if err := q.saveAll(step.poll.save, anyTime); err != nil {
		return q.c.unusable(step.poll.call, got, err.Error(), q.secrets)
	}
	return nil
}

// lacksForUndo names a value that the answer to a step did not hold and without
// which the step cannot be undone.
func (q *sequence) lacksForUndo(step *call) error {
	if step.undo == nil {
		return nil
	}
	for _, name := range sortedNames(mentionsOf("saved", step.undo.path.values()...)) {
		if value, kept := q.saved[name]; kept && value.IsNull() && find(step.save, name) != nil {
			return fmt.Errorf("save.%s: %w", name, errMissing)
		}
	}
	return nil
}

// leaveOut saves null for what a step would have saved.
func (q *sequence) leaveOut(step *call) {
	for _, member := range step.allSaved() {
		q.saved[member.name] = cty.NullVal(cty.DynamicPseudoType)
	}
	q.scope = q.scope.with("saved", cty.ObjectVal(q.saved))
}

// moment says which members of a save can be computed.
type moment int

const (
	anyTime moment = iota
	beforeAnswer
	afterAnswer
)

// saveAll computes the members that belong to the moment. What does not depend
// on the answer is kept before the request goes out, so that an undo can rely
// on it when no answer comes.
func (q *sequence) saveAll(members []named, when moment) error {
	var failed error
	for _, member := range members {
		needsAnswer := mentionsAnswer(member.expr)
		if when == beforeAnswer && needsAnswer || when == afterAnswer && !needsAnswer {
			continue
		}
		value, err := q.scope.evaluate(member.expr)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("save.%s: %w", member.name, err))
			continue
		}
		q.secrets.addMarked(value)
		q.saved[member.name] = value
	}
	q.scope = q.scope.with("saved", cty.ObjectVal(q.saved))
	return failed
}

// isSecret reports whether value carries a secret, by its mark or because it
// holds the text of one.
func (q *sequence) isSecret(value cty.Value) bool {
	if len(markedTexts(value)) > 0 {
		return true
	}
	for _, text := range allTexts(value) {
		if q.secrets.within(text) {
			return true
		}
	}
	return false
}
