package providers

import (
	"context"
	"fmt"

	"github.com/zclconf/go-cty/cty"

	"vault-plugin-secrets-apikeys/providers/internal/definition"
	"vault-plugin-secrets-apikeys/providers/internal/expr"
	"vault-plugin-secrets-apikeys/providers/internal/transport"
)

// eachPass is how far a request is that is made for each element.
type eachPass struct {
	begun    bool
	elements []cty.Value // each.*; one that is NilVal where the request is made once
	at       int
}

func (e *eachPass) begin(call *definition.Call, s expr.Scope) error {
	if e.begun {
		return nil
	}
	e.elements = []cty.Value{cty.NilVal}
	if call.ForEach != nil {
		var err error
		if e.elements, err = elementsOf(s, call.ForEach); err != nil {
			return err
		}
	}
	e.begun = true
	return nil
}

func (e *eachPass) ended() bool { return e.at >= len(e.elements) }

// scope is s with each.*, where the request is made for each element.
func (e *eachPass) scope(s expr.Scope) expr.Scope {
	if e.elements[e.at] == cty.NilVal {
		return s
	}
	return s.With("each", e.elements[e.at])
}

// stepPass is how far the steps before a listing are. Each is read page by page and
// element by element, so that a reading can be left and taken up again.
type stepPass struct {
	done   int // how many steps are done
	runner *stepRunner
	each   eachPass
	page   cty.Value // of the next request of this step; NilVal before the first of an element
	asked  map[uint64]bool
	items  []cty.Value // gathered from the pages of this element
	saved  map[string][]cty.Value
}

// stepBefore makes the next request of the steps that come before the listing.
func (w *listPass) stepBefore(ctx context.Context) *Error {
	if w.steps.runner == nil {
		runner := w.c.newStepRunner(nil, w.scope)
		w.steps.runner = &runner
	}
	v, step := &w.steps, w.block.Steps[w.steps.done]
	if err := v.begin(step); err != nil {
		return w.c.stepError(step.Call, notSent(step.Block, err), v.runner.scope)
	}
	if v.each.ended() {
		w.endStep(step)
		return nil
	}
	if v.page == cty.NilVal {
		v.page, v.items = firstPage(step), nil
		v.asked = map[uint64]bool{pageMark(v.page): true}
	}
	s := v.each.scope(v.runner.scope).Gathering(w.c.known()).With("page", v.page)
	s.Conceal(s.Names["saved"])
	got, failed := w.c.call(ctx, step.Call, s, transport.Read)
	if failed != nil {
		return failed
	}
	if w.pages++; got.gone && step.ForEach == nil {
		w.ended = true // what the listing is about is gone, and its keys with it
		return nil
	}
	return w.takeAnswer(step, got)
}

// begin prepares the first request of a step.
func (v *stepPass) begin(step *definition.ListBlock) error {
	if v.each.begun {
		return nil
	}
	v.saved = map[string][]cty.Value{}
	return v.each.begin(step.Call, v.runner.scope)
}

// takeAnswer gathers the items of one answer and, once there are no more, what the
// step saves of them.
func (w *listPass) takeAnswer(step *definition.ListBlock, got *evaluated) *Error {
	v, next := &w.steps, cty.NilVal
	var err error
	if !got.gone {
		next, err = v.gather(step, got)
	}
	switch {
	case err != nil:
	case next != cty.NilVal && v.asked[pageMark(next)]:
		w.ended, w.doubt = true, askedBefore
		return nil
	case next != cty.NilVal:
		v.page, v.asked[pageMark(next)] = next, true
		w.tooLong()
		return nil
	case !got.gone:
		err = w.save(step, got)
	}
	if err != nil {
		return w.c.unusable(step.Call, got, err.Error())
	}
	v.page = cty.NilVal
	if v.each.at++; v.each.ended() {
		w.endStep(step)
	}
	w.tooLong()
	return nil
}

// gather keeps the items of one answer and returns page.* of the next request.
func (v *stepPass) gather(step *definition.ListBlock, got *evaluated) (next cty.Value, err error) {
	if step.Items == nil {
		return cty.NilVal, nil
	}
	items, _, err := readItems(step, got)
	if err != nil {
		return cty.NilVal, err
	}
	elements := expr.ElementsOf(items)
	if v.items = append(v.items, elements...); len(v.items) > mostElements {
		return cty.NilVal, fmt.Errorf("items: there are more than %d", mostElements)
	}
	return nextPage(step, got.scope.With("items", items), got, len(elements))
}

// save computes what a step saves, of one element. What the answer does not hold is an
// error, since a list of nothing would prove that there are no keys.
func (w *listPass) save(step *definition.ListBlock, got *evaluated) error {
	q := w.steps.runner
	before := q.scope
	q.scope = got.scope.Reading(expr.AbsentInItems)
	if step.Items != nil {
		q.scope = q.scope.With("items", cty.TupleVal(w.steps.items))
	}
	err := q.saveAll(step.Save, anyTime)
	q.scope = before.With("saved", q.scope.Names["saved"])
	for _, member := range step.Save {
		value := q.saved[member.Name]
		if err == nil && !value.IsWhollyKnown() {
			err = fmt.Errorf("save.%s is missing in the answer; where that means that there are none, write try(…, [])", member.Name)
		}
		w.steps.saved[member.Name] = append(w.steps.saved[member.Name], value)
	}
	return err
}

// endStep goes on to the next step, or to the listing itself.
func (w *listPass) endStep(step *definition.ListBlock) {
	v := &w.steps
	if step.ForEach != nil {
		for _, member := range step.Save {
			v.runner.saved[member.Name] = cty.TupleVal(v.saved[member.Name])
		}
		v.runner.scope = v.runner.scope.With("saved", cty.ObjectVal(v.runner.saved))
	}
	w.steps = stepPass{done: v.done + 1, runner: v.runner}
	w.scope = w.scope.With("saved", cty.ObjectVal(w.steps.runner.saved))
}
