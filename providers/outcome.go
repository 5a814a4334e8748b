package providers

import (
	"bytes"
	"context"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// answered is the answer to one request, whatever it says.
type answered struct {
	status int
	header http.Header
	scope  scope // with status, headers and body
	// unreadable means that the body should be JSON and is not; then text is
	// what it is.
	unreadable bool
	text       string
	// list is the text of the items that are read one by one; nil where they are
	// in scope.
	list []byte
	// asked is the address that was asked, and base what definitions append to.
	asked, base *url.URL
	// throttled means that it is about the number of requests.
	throttled bool
	// gone means that the provider says there is no such key.
	gone bool
}

// exchange sends a request and judges the answer: it returns without error
// only on success, or when what was to be deleted is gone.
func (c *Client) exchange(ctx context.Context, block *call, s scope, class callClass, secrets *secretTexts) (*answered, *Error) {
	got, failed := c.send(ctx, block, s, class, secrets)
	if failed != nil {
		return nil, failed
	}
	if block.gone != nil && !got.throttled {
		if got.says(block.gone) {
			got.gone = true
			return got, nil
		}
	}
	if failed := c.judge(block, got, secrets); failed != nil {
		return nil, failed
	}
	return got, nil
}

// send writes and sends a request; its errors say that there is no answer. One
// that is refused because its signature tells another time than the provider's
// clock is sent once more, signed by that.
func (c *Client) send(ctx context.Context, block *call, s scope, class callClass, secrets *secretTexts) (*answered, *Error) {
	got, failed := c.sendOnce(ctx, block, s, class, secrets)
	if failed != nil || !c.dated(block) || !c.refuses(block, got, secrets) {
		return got, failed
	}
	ctx, differs := c.clock.other(ctx, got.header)
	if !differs {
		return got, nil
	}
	got, failed = c.sendOnce(ctx, block, s, class, secrets)
	if failed == nil && !c.refuses(block, got, secrets) {
		c.clock.take(ctx)
	}
	return got, failed
}

// dated reports whether the request carries the time at which it was signed.
func (c *Client) dated(block *call) bool {
	switch block.credential {
	case adminCredential:
		return slices.ContainsFunc(c.def.auth, (*authUse).dated)
	case ownCredential:
		return slices.ContainsFunc(block.auth, (*authUse).dated)
	}
	return false
}

// refuses reports whether an answer is a definite no that may be about the
// request's signature.
func (c *Client) refuses(block *call, got *answered, secrets *secretTexts) bool {
	if block.gone != nil && got.says(block.gone) {
		return false
	}
	failed := c.judge(block, got, secrets)
	return failed != nil && (failed.Kind == Refused || failed.Kind == Unauthorized)
}

// sendOnce is send by one clock. A stored token that the provider no longer
// takes is renewed once.
func (c *Client) sendOnce(ctx context.Context, block *call, s scope, class callClass, secrets *secretTexts) (*answered, *Error) {
	s = s.metered(ctx, 0)
	r, err := render(block, c.base, s, secrets)
	if err != nil {
		return nil, c.stepError(block, notSent(block.block, err), secrets)
	}
	var auth []authorizer
	switch block.credential {
	case adminCredential:
		auth = c.auth
	case ownCredential:
		if auth, err = c.authorizers(block.auth, s, secrets); err != nil {
			return nil, c.stepError(block, notSent(block.block, err), secrets)
		}
	}
	auth = begin(auth)
	r.class, r.sign, r.longest = class, signer(auth), block.longest
	if expr := c.def.errors.throttled; expr != nil {
		r.throttled = func(a *answer) bool {
			read := readInto(block, a, s)
			read.scope = read.scope.metered(ctx, len(a.body))
			return read.says(expr)
		}
	}
	got, failed := c.transport.do(ctx, r)
	refused := failed == nil && (got.status == http.StatusUnauthorized || got.status == http.StatusForbidden && !r.isThrottled(got))
	if refused && renew(auth, got) {
		got, failed = c.transport.do(ctx, r)
	}
	if failed != nil {
		return nil, c.stepError(block, errorOf(failed), secrets)
	}
	read := readInto(block, got, s)
	read.scope = read.scope.metered(ctx, len(got.body))
	read.throttled = r.isThrottled(got)
	read.asked, read.base = r.url, c.base
	conceal(block.reveals, read.scope, secrets)
	return read, nil
}

// conceal keeps the secrets that an answer holds out of errors about this
// answer.
func conceal(members []named, s scope, secrets *secretTexts) {
	for _, member := range members {
		if value, err := s.evaluate(member.expr); err == nil {
			secrets.add(allTexts(value)...)
		}
	}
}

// readInto puts the answer's parts in scope. The body is null where it is empty.
func readInto(block *call, got *answer, s scope) *answered {
	text, unreadable := withoutBOM(got.body), false
	body := cty.NullVal(cty.DynamicPseudoType)
	var list []byte
	switch {
	case block.text:
		body = cty.StringVal(string(text))
	case block.stream != nil && len(text) >= streamFrom && readLong(block, text, &body, &list):
	case len(bytes.TrimSpace(text)) > 0:
		value, err := decodeJSON(text)
		unreadable = err != nil
		if !unreadable {
			body = toCty(value)
		}
	}
	read := &answered{
		status:     got.status,
		header:     got.header,
		scope:      s.withAnswer(got.status, got.header, body),
		unreadable: unreadable,
		list:       list,
	}
	if unreadable {
		read.text = string(text)
	}
	return read
}

// readLong leaves the items out of the body; false where there is no list.
func readLong(block *call, text []byte, body *cty.Value, list *[]byte) bool {
	value, items, err := withoutItems(text, block.stream)
	if err != nil {
		return false
	}
	*body, *list = toCty(value), items
	return true
}

// judge says what an answer means for the provider's state; nil is success.
func (c *Client) judge(block *call, got *answered, secrets *secretTexts) *Error {
	fail := func(kind Kind) *Error {
		if kind == Refused && got.says(c.def.errors.unauthorized) {
			kind = Unauthorized
		}
		e := &Error{Op: block.block, Kind: kind, Status: got.status, Message: c.message(got, secrets)}
		if got.status == http.StatusBadRequest || got.status == http.StatusUnauthorized || got.status == http.StatusForbidden {
			e.Message += clockDifference(got.header, c.now())
		}
		if kind == Throttled {
			e.RetryAfter = throttledPause(&answer{status: got.status, header: got.header}, time.Now())
		}
		return c.stepError(block, e, secrets)
	}
	switch status := got.status; {
	case got.throttled:
		return fail(Throttled)
	case block.anyStatus && got.says(block.ok):
		return nil
	case status >= 200 && status <= 299:
		return c.judgeSuccess(block, got, fail, secrets)
	case status == http.StatusUnauthorized:
		return fail(Unauthorized)
	case got.movedTo() != nil:
		return c.moved(block, got, secrets)
	case status >= 400 && status <= 499 && status != http.StatusRequestTimeout && status != http.StatusTooEarly && status != 499:
		return fail(Refused)
	case got.says(c.def.errors.unauthorized):
		return fail(Unauthorized)
	case c.refused(got):
		return fail(Refused)
	default:
		return fail(Unknown)
	}
}

// judgeSuccess looks behind a 2xx: some providers report errors under it.
func (c *Client) judgeSuccess(block *call, got *answered, fail func(Kind) *Error, secrets *secretTexts) *Error {
	if got.unreadable && block.needsBody {
		return c.unusable(block, got, "the answer is not JSON", secrets)
	}
	if block.ok == nil {
		return nil
	}
	ok, err := got.scope.verdict(block.ok, got.status)
	if err != nil {
		return c.unusable(block, got, "ok: "+err.Error(), secrets)
	}
	if ok {
		return nil
	}
	// A no that rests on what the answer does not hold is none.
	_, err = got.scope.reading(absentIsUnknown).verdict(block.ok, got.status)
	switch {
	case err != nil && !c.refused(got):
		return c.unusable(block, got, "the answer does not hold what ok asks for", secrets)
	case c.def.errors.refused == nil || c.refused(got):
		return fail(Refused)
	default:
		return fail(Unknown)
	}
}

// refused reports whether the definition says that this answer means that
// nothing was made.
func (c *Client) refused(got *answered) bool { return got.says(c.def.errors.refused) }

// says computes a verdict on which much depends: that something is gone, that
// nothing was made. One that cannot be computed says no, and so does one that
// rests on what the answer does not hold.
func (got *answered) says(verdict hclsyntax.Expression) bool {
	if verdict == nil {
		return false
	}
	yes, err := got.scope.reading(absentIsUnknown).verdict(verdict, got.status)
	return err == nil && yes
}

// unusable is the error of a success that does not say what it should.
func (c *Client) unusable(block *call, got *answered, what string, secrets *secretTexts) *Error {
	e := &Error{Op: block.block, Kind: Unknown, Status: got.status, Message: what}
	return c.stepError(block, e, secrets)
}

// stepError names the step in the message and takes secrets out of it.
func (c *Client) stepError(block *call, e *Error, secrets *secretTexts) *Error {
	e.Message = secrets.clean(e.Message)
	if block.step != "" {
		e.Message = fmt.Sprintf("step %q: %s", block.step, e.Message)
	}
	return e
}

// message is the provider's own sentence.
func (c *Client) message(got *answered, secrets *secretTexts) string {
	var text string
	s := got.scope
	if got.unreadable && got.status >= 400 { // under a success it may hold the key
		s = s.with("body", cty.StringVal(got.text))
	}
	if expr := c.def.errors.message; expr != nil {
		text = messageFrom(s, expr)
	}
	if text == "" {
		text = usualMessage(s.names["body"])
	}
	switch {
	case text != "":
	case got.status >= 200 && got.status <= 299:
		text = "the answer is not what the definition takes for success" // its status text would say OK
	default:
		text = http.StatusText(got.status)
	}
	return secrets.clean(text)
}

// pageTitle is the beginning of a page up to the end of its title.
var pageTitle = regexp.MustCompile(`(?i)<title>[^<]*`)

func messageFrom(s scope, expr hclsyntax.Expression) string {
	value, err := s.evaluate(expr)
	if err != nil {
		return ""
	}
	text, _ := textOf(value)
	return text
}

// usualMessage looks where most providers put their sentence. An answer that is
// no JSON is its sentence, unless it is a page for a browser: then that is its
// title.
func usualMessage(body cty.Value) string {
	fields, ok := fromCty(body).(map[string]any)
	if !ok {
		text, _ := fromCty(body).(string)
		if text = strings.TrimSpace(text); strings.HasPrefix(text, "<") {
			text = pageTitle.FindString(text)
			text = html.UnescapeString(text[strings.Index(text, ">")+1:])
		}
		return text
	}
	if list, ok := fields["errors"].([]any); ok && len(list) > 0 {
		fields["errors"] = list[0]
	}
	for _, name := range []string{"error", "errors", "message", "detail", "error_description", "title", "msg"} {
		switch v := fields[name].(type) {
		case string:
			return v
		case map[string]any:
			for _, inner := range []string{"message", "detail", "title", "description"} {
				if text, ok := v[inner].(string); ok {
					return text
				}
			}
		}
	}
	return ""
}
