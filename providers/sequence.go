package providers

import (
	"context"
	"errors"
	"fmt"

	"github.com/zclconf/go-cty/cty"

	"vault-plugin-secrets-apikeys/providers/internal/definition"
	"vault-plugin-secrets-apikeys/providers/internal/expr"
	"vault-plugin-secrets-apikeys/providers/internal/transport"
)

// sequence is the ordered requests of issue or rotate under way.
type sequence struct {
	c       *Client
	calls   []*definition.Call
	scope   expr.Scope
	saved   map[string]cty.Value
	secrets *expr.Secrets
}

func (c *Client) newSequence(calls []*definition.Call, s expr.Scope) sequence {
	return sequence{
		c:       c,
		calls:   calls,
		scope:   s.With("saved", cty.EmptyObjectVal),
		saved:   map[string]cty.Value{},
		secrets: c.known(),
	}
}

// run makes one step's request, waits for what it started, and keeps what it
// saves. A step whose condition does not hold is left out.
func (q *sequence) run(ctx context.Context, step *definition.Call) *Error {
	if step.When != nil {
		applies, err := q.scope.Truth(step.When)
		if err != nil {
			return notSent(step.Block, err)
		}
		if !applies {
			q.leaveOut(step)
			return nil
		}
	}
	if err := q.saveAll(step.Save, beforeAnswer); err != nil {
		return notSent(step.Block, err)
	}
	class := transport.Mint
	if step.Method == "GET" && len(q.calls) > 1 {
		class = transport.Read // a step that gets only reads; an issue that is one get makes a key by it
	}
	got, failed := q.c.call(ctx, step, q.scope, class, q.secrets)
	if failed != nil {
		return failed
	}
	q.scope = got.scope
	if err := errors.Join(q.saveAll(step.Save, afterAnswer), q.lacksForUndo(step)); err != nil {
		return q.c.unusable(step, got, err.Error(), q.secrets)
	}
	if step.Poll == nil {
		return nil
	}
	if got, failed = q.c.wait(ctx, step.Poll, q.scope, q.secrets); failed != nil {
		return failed
	}
	q.scope = got.scope
	if err := q.saveAll(step.Poll.Save, anyTime); err != nil {
		return q.c.unusable(step.Poll.Call, got, err.Error(), q.secrets)
	}
	return nil
}

// lacksForUndo names a value that the answer to a step did not hold and without
// which the step cannot be undone.
func (q *sequence) lacksForUndo(step *definition.Call) error {
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
func (q *sequence) leaveOut(step *definition.Call) {
	for _, member := range step.AllSaved() {
		q.saved[member.Name] = cty.NullVal(cty.DynamicPseudoType)
	}
	q.scope = q.scope.With("saved", cty.ObjectVal(q.saved))
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
func (q *sequence) saveAll(members []expr.Member, when moment) error {
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
		q.secrets.AddMarked(value)
		q.saved[member.Name] = value
	}
	q.scope = q.scope.With("saved", cty.ObjectVal(q.saved))
	return failed
}

// isSecret reports whether value carries a secret, by its mark or because it
// holds the text of one.
func (q *sequence) isSecret(value cty.Value) bool {
	if len(expr.MarkedTexts(value)) > 0 {
		return true
	}
	for _, text := range expr.AllTexts(value) {
		if q.secrets.Within(text) {
			return true
		}
	}
	return false
}
