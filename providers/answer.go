package providers

import (
	"bytes"
	"context"
	"errors"
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
	"github.com/zclconf/go-cty/cty/convert"

	"vault-plugin-secrets-apikeys/providers/internal/auth"
	"vault-plugin-secrets-apikeys/providers/internal/definition"
	"vault-plugin-secrets-apikeys/providers/internal/expr"
	"vault-plugin-secrets-apikeys/providers/internal/transport"
)

// evaluated is the answer to one request, whatever it says.
type evaluated struct {
	status int
	header http.Header
	scope  expr.Scope // with status, headers and body
	// unreadable means that the body should be JSON and is not, or is beyond what can be
	// computed with; then text is what it is, and odd what is wrong with it.
	unreadable bool
	text, odd  string
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

// call sends a request and judges the answer: it returns without error
// only on success, or when what was to be deleted is gone.
func (c *Client) call(ctx context.Context, block *definition.Call, s expr.Scope, class transport.Class) (*evaluated, *Error) {
	got, failed := c.send(ctx, block, s, class)
	if failed != nil {
		return nil, failed
	}
	if block.Gone != nil && !got.throttled {
		if got.says(block.Gone) {
			got.gone = true
			return got, nil
		}
	}
	if failed := c.judge(block, got); failed != nil {
		return nil, failed
	}
	return got, nil
}

// send writes and sends a request; its errors say that there is no answer. One
// that is refused because its signature tells another time than the provider's
// clock is sent once more, signed by that.
func (c *Client) send(ctx context.Context, block *definition.Call, s expr.Scope, class transport.Class) (*evaluated, *Error) {
	got, failed := c.sendOnce(ctx, block, s, class)
	if failed != nil || !c.dated(block) || !c.refuses(block, got) {
		return got, failed
	}
	ctx, differs := c.clock.Other(ctx, got.header)
	if !differs {
		return got, nil
	}
	got, failed = c.sendOnce(ctx, block, s, class)
	if failed == nil && !c.refuses(block, got) {
		c.clock.Take(ctx)
	}
	return got, failed
}

// dated reports whether the request carries the time at which it was signed.
func (c *Client) dated(block *definition.Call) bool {
	switch block.Credential {
	case definition.AdminCredential, definition.GivenCredential:
		return slices.ContainsFunc(c.def.Auth, (*definition.AuthUse).Dated)
	case definition.OwnCredential:
		return slices.ContainsFunc(block.Auth, (*definition.AuthUse).Dated)
	}
	return false
}

// refuses reports whether an answer is a definite no that may be about the
// request's signature.
func (c *Client) refuses(block *definition.Call, got *evaluated) bool {
	if block.Gone != nil && got.says(block.Gone) {
		return false
	}
	failed := c.judge(block, got)
	return failed != nil && (failed.Kind == Refused || failed.Kind == Unauthorized)
}

// sendOnce is send by one clock. A stored token that the provider no longer
// takes is renewed once.
func (c *Client) sendOnce(ctx context.Context, block *definition.Call, s expr.Scope, class transport.Class) (*evaluated, *Error) {
	s = s.Metered(ctx, 0)
	signing, err := c.givenTo(block, s)
	if err != nil {
		return nil, c.stepError(block, notSent(block.Block, err), s)
	}
	r, err := render(block, c.base, s, signing)
	if err != nil {
		return nil, c.stepError(block, notSent(block.Block, err), s)
	}
	var signers []auth.Authorizer
	switch block.Credential {
	case definition.AdminCredential:
		signers = c.auth
	case definition.OwnCredential:
		signers, err = c.authorizers(block.Auth, s)
	case definition.GivenCredential:
		signers, err = c.authorizers(c.def.Auth, signing)
	}
	if err != nil {
		return nil, c.stepError(block, notSent(block.Block, err), s)
	}
	signers = auth.ForRequest(signers)
	r.Class, r.Sign, r.Longest = class, auth.Signer(signers), block.Longest
	if expr := c.def.Errors.Throttled; expr != nil {
		r.Throttled = func(a *transport.Response) bool {
			read := c.readInto(block, a, s)
			read.scope = read.scope.Metered(ctx, len(a.Body))
			return read.says(expr)
		}
	}
	got, failed := c.transport.Do(ctx, r)
	refused := failed == nil && (got.Status == http.StatusUnauthorized || got.Status == http.StatusForbidden && !r.IsThrottled(got))
	if refused && auth.AfterRefusal(signers, got) {
		got, failed = c.transport.Do(ctx, r)
	}
	if failed != nil {
		return nil, c.stepError(block, errorOf(failed), s)
	}
	read := c.readInto(block, got, s)
	read.scope = read.scope.Metered(ctx, len(got.Body))
	read.throttled = r.IsThrottled(got)
	read.asked, read.base = r.URL, c.base
	conceal(block.Reveals, read.scope)
	return read, nil
}

// givenTo is the scope for what signs a request, in which connection.* has the values that
// the request gives it.
func (c *Client) givenTo(block *definition.Call, s expr.Scope) (expr.Scope, error) {
	if block.Credential != definition.GivenCredential {
		return s, nil
	}
	connection := expr.MembersOf(s.Names["connection"])
	for _, member := range block.Given {
		field := c.def.Connection.Lookup(member.Name)
		value, err := s.Evaluate(member.Expr)
		if err == nil {
			value, err = convert.Convert(value, field.Type.WithoutOptionalAttributesDeep())
		}
		if err != nil {
			return s, fmt.Errorf("credential.%s: %w", member.Name, err)
		}
		if field.Sensitive {
			value = expr.Sensitive(value)
		}
		s.Conceal(value)
		connection[member.Name] = value
	}
	return s.With("connection", cty.ObjectVal(connection)), nil
}

// conceal keeps the secrets that an answer holds out of errors about this
// answer.
func conceal(members []expr.Member, s expr.Scope) {
	for _, member := range members {
		if value, err := s.Evaluate(member.Expr); err == nil {
			s.Secrets.Add(expr.AllTexts(value)...)
		}
	}
}

// readInto puts the answer's parts in scope. The body is null where it is empty.
func (c *Client) readInto(block *definition.Call, got *transport.Response, s expr.Scope) *evaluated {
	text, unreadable, odd := expr.WithoutBOM(got.Body), false, ""
	body := cty.NullVal(cty.DynamicPseudoType)
	var list []byte
	switch {
	case block.Text:
		body = cty.StringVal(string(text))
	case block.Stream != nil && len(text) >= definition.StreamFrom && readLong(block, text, &body, &list):
	case len(bytes.TrimSpace(text)) > 0:
		value, err := expr.DecodeJSON(text)
		switch {
		case err == nil:
			body = expr.ToCty(value)
		case errors.Is(err, expr.ErrBeyond):
			unreadable, odd = true, "the answer "+expr.ErrBeyond.Error()
		default:
			unreadable, odd = true, "the answer is not JSON"
		}
	}
	header := got.Header
	if !c.def.ReadsHeaders {
		header = nil
	}
	read := &evaluated{
		status:     got.Status,
		header:     got.Header,
		scope:      s.WithAnswer(got.Status, header, body),
		unreadable: unreadable,
		odd:        odd,
		list:       list,
	}
	if unreadable {
		read.text = string(text)
	}
	return read
}

// readLong leaves the items out of the body; false where there is no list.
func readLong(block *definition.Call, text []byte, body *cty.Value, list *[]byte) bool {
	value, items, err := withoutItems(text, block.Stream)
	if err != nil {
		return false
	}
	*body, *list = expr.ToCty(value), items
	return true
}

// judge says what an answer means for the provider's state; nil is success.
func (c *Client) judge(block *definition.Call, got *evaluated) *Error {
	fail := func(kind Kind) *Error {
		if kind == Refused && got.says(c.def.Errors.Unauthorized) {
			kind = Unauthorized
		}
		e := &Error{Op: block.Block, Kind: kind, Status: got.status, Message: c.message(got)}
		if got.status == http.StatusBadRequest || got.status == http.StatusUnauthorized || got.status == http.StatusForbidden {
			e.Message += auth.ClockDifference(got.header, c.now())
		}
		if kind == Throttled {
			e.RetryAfter = transport.ThrottledPause(&transport.Response{Status: got.status, Header: got.header}, time.Now())
		}
		return c.stepError(block, e, got.scope)
	}
	switch status := got.status; {
	case got.throttled:
		return fail(Throttled)
	case block.AnyStatus && got.says(block.OK):
		return nil
	case status >= 200 && status <= 299:
		return c.judgeSuccess(block, got, fail)
	case status == http.StatusUnauthorized:
		return fail(Unauthorized)
	case got.movedTo() != nil:
		return c.moved(block, got)
	case status >= 400 && status <= 499 && status != http.StatusRequestTimeout && status != http.StatusTooEarly && status != 499:
		return fail(Refused)
	case got.says(c.def.Errors.Unauthorized):
		return fail(Unauthorized)
	case c.refused(got):
		return fail(Refused)
	default:
		return fail(Unknown)
	}
}

// judgeSuccess looks behind a 2xx: some providers report errors under it.
func (c *Client) judgeSuccess(block *definition.Call, got *evaluated, fail func(Kind) *Error) *Error {
	if got.unreadable && block.NeedsBody {
		return c.unusable(block, got, got.odd)
	}
	if block.OK == nil {
		return nil
	}
	ok, err := got.scope.Matches(block.OK, got.status)
	if err != nil {
		return c.unusable(block, got, "ok: "+err.Error())
	}
	if ok {
		return nil
	}
	// A no that rests on what the answer does not hold is none.
	_, err = got.scope.Reading(expr.AbsentIsUnknown).Matches(block.OK, got.status)
	switch {
	case c.refused(got):
		return fail(Refused)
	case err != nil:
		return c.unusable(block, got, "the answer does not hold what ok asks for")
	case c.def.Errors.Refused != nil || got.unreadable || !readsAnswer(block.OK):
		return fail(Unknown)
	}
	return fail(Refused)
}

// readsAnswer reports whether a condition is about what the provider wrote. One
// about the status alone says yes only: a success that is not the expected one may
// be a gateway's in its place.
func readsAnswer(condition hclsyntax.Expression) bool {
	return len(expr.ReferencesTo("body", condition))+len(expr.ReferencesTo("headers", condition)) > 0
}

// refused reports whether the definition says that this answer means that
// nothing was made.
func (c *Client) refused(got *evaluated) bool { return got.says(c.def.Errors.Refused) }

// says computes a condition on which much depends: that something is gone, that
// nothing was made. One that cannot be computed says no, and so does one that
// rests on what the answer does not hold.
func (got *evaluated) says(condition hclsyntax.Expression) bool {
	if condition == nil {
		return false
	}
	yes, err := got.refusal().Reading(expr.AbsentIsUnknown).Matches(condition, got.status)
	return err == nil && yes
}

// refusal is the scope for what reads refusals: one that is no JSON is its text. Under a
// success that may hold the key.
func (got *evaluated) refusal() expr.Scope {
	if got.unreadable && got.status >= http.StatusBadRequest {
		return got.scope.With("body", cty.StringVal(got.text))
	}
	return got.scope
}

// unusable is the error of a success that does not say what it should.
func (c *Client) unusable(block *definition.Call, got *evaluated, what string) *Error {
	e := &Error{Op: block.Block, Kind: Unknown, Status: got.status, Message: what}
	return c.stepError(block, e, got.scope)
}

// stepError names the step in the message and takes secrets out of it.
func (c *Client) stepError(block *definition.Call, e *Error, s expr.Scope) *Error {
	e.Message = s.Secrets.Clean(e.Message)
	if block.Step != "" {
		e.Message = fmt.Sprintf("step %q: %s", block.Step, e.Message)
	}
	return e
}

// message is the provider's own sentence.
func (c *Client) message(got *evaluated) string {
	var text string
	s := got.refusal()
	if expr := c.def.Errors.Message; expr != nil {
		text = messageFrom(s, expr)
	}
	if text == "" {
		text = usualMessage(s.Names["body"])
	}
	switch {
	case text != "":
	case got.status >= 200 && got.status <= 299:
		text = "the answer is not what the definition takes for success" // its status text would say OK
	default:
		text = http.StatusText(got.status)
	}
	return got.scope.Secrets.Clean(text)
}

// pageTitle is the beginning of a page up to the end of its title.
var pageTitle = regexp.MustCompile(`(?i)<title>[^<]*`)

func messageFrom(s expr.Scope, expression hclsyntax.Expression) string {
	value, err := s.Evaluate(expression)
	if err != nil {
		return ""
	}
	text, _ := expr.TextOf(value)
	return text
}

// usualMessage looks where most providers put their sentence. An answer that is
// no JSON is its sentence, unless it is a page for a browser: then that is its
// title.
func usualMessage(body cty.Value) string {
	body, _ = body.Unmark()
	if !expr.HasNames(body) {
		text, _ := textIn(body)
		if text = strings.TrimSpace(text); strings.HasPrefix(text, "<") {
			text = pageTitle.FindString(text)
			text = html.UnescapeString(text[strings.Index(text, ">")+1:])
		}
		return text
	}
	for _, name := range []string{"error", "errors", "message", "detail", "error_description", "title", "msg"} {
		told := memberOf(body, name)
		if name == "errors" {
			told = firstOf(told)
		}
		if text, ok := textIn(told); ok {
			return text
		}
		for _, inner := range []string{"message", "detail", "title", "description"} {
			if text, ok := textIn(memberOf(told, inner)); ok {
				return text
			}
		}
	}
	return ""
}

// An answer may be long: no more of it is looked at than is shown.

// textIn is the text that a value is; false for any other value.
func textIn(value cty.Value) (string, bool) {
	if value.IsNull() || !value.IsKnown() || value.Type() != cty.String {
		return "", false
	}
	return value.AsString(), true
}

// memberOf is the member of an object of that name, null where there is none.
func memberOf(value cty.Value, name string) cty.Value {
	if value.IsNull() || !value.Type().IsObjectType() || !value.Type().HasAttribute(name) {
		return cty.NullVal(cty.DynamicPseudoType)
	}
	return value.GetAttr(name)
}

// firstOf is the first element of a list, and any other value as it is.
func firstOf(value cty.Value) cty.Value {
	if value.IsNull() || !value.Type().IsTupleType() || value.LengthInt() == 0 {
		return value
	}
	return value.Index(cty.Zero)
}
