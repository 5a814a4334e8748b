package providers

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// scope is what the names in an expression stand for at one moment. It is
// never changed; with makes a new one.
type scope struct {
	names map[string]cty.Value
	// meter counts what its expressions cost; nil counts each by itself.
	meter *meter
}

func (s scope) with(name string, value cty.Value) scope {
	names := maps.Clone(s.names)
	if names == nil {
		names = map[string]cty.Value{}
	}
	names[name] = value
	return scope{names: names, meter: s.meter}
}

// metered is the scope with a budget of its own for all that follows.
func (s scope) metered(ctx context.Context, answered int) scope {
	return scope{names: s.names, meter: newMeter(ctx, answered)}
}

// allowed adds to the scope's budget what a further part of an answer, of that
// length in bytes, may cost.
func (s scope) allowed(answered int) scope {
	s.meter.left += budgetPerByte * answered
	return s
}

// evaluate computes an expression. Its errors name places in the definition,
// never values.
func (s scope) evaluate(expr hclsyntax.Expression) (cty.Value, error) {
	m := s.meter
	if m == nil {
		m = newMeter(context.Background(), 0)
	}
	value, found := m.evaluate(expr, s.names)
	if found.HasErrors() {
		return cty.DynamicVal, evaluationError(found)
	}
	return value, nil
}

// evaluationError tells the first thing that went wrong. What a function said
// is left out, since it may quote the value it was given.
func evaluationError(found hcl.Diagnostics) error {
	for _, d := range found {
		if d.Severity != hcl.DiagError {
			continue
		}
		where := ""
		if d.Subject != nil {
			where = fmt.Sprintf(" (%s line %d)", d.Subject.Filename, d.Subject.Start.Line)
		}
		what := strings.ToLower(d.Summary[:1]) + d.Summary[1:]
		if d.Summary == "Unsupported attribute" && d.Detail != "" {
			what += ": " + strings.TrimSuffix(d.Detail, ".")
		}
		return errors.New(what + where)
	}
	return errors.New("cannot be computed")
}

// truth computes a condition; null counts as false.
func (s scope) truth(expr hclsyntax.Expression) (bool, error) {
	value, err := s.evaluate(expr)
	if err != nil {
		return false, err
	}
	value, _ = value.UnmarkDeep()
	if value.IsNull() {
		return false, nil
	}
	value, err = convert.Convert(value, cty.Bool)
	if err != nil || !value.IsKnown() {
		return false, fmt.Errorf("%s must be true or false", sourceOf(expr))
	}
	return value.True(), nil
}

// verdict computes a condition that may also be a list of statuses.
func (s scope) verdict(expr hclsyntax.Expression, status int) (bool, error) {
	value, err := s.evaluate(expr)
	if err != nil {
		return false, err
	}
	plain, _ := value.UnmarkDeep()
	if plain.IsNull() || !plain.CanIterateElements() {
		return s.truth(expr)
	}
	for it := plain.ElementIterator(); it.Next(); {
		_, element := it.Element()
		if tooLongForNumber(element) {
			continue
		}
		if n, err := convert.Convert(element, cty.Number); err == nil && !n.IsNull() && n.RawEquals(cty.NumberIntVal(int64(status))) {
			return true, nil
		}
	}
	return false, nil
}

// text computes a string; numbers become their text. Null and the empty
// string are errors.
func (s scope) text(expr hclsyntax.Expression) (string, cty.Value, error) {
	value, err := s.evaluate(expr)
	if err != nil {
		return "", value, err
	}
	text, ok := textOf(value)
	if !ok || text == "" {
		return "", value, fmt.Errorf("%s is missing in the answer", sourceOf(expr))
	}
	return text, value, nil
}

// sourceOf names an expression in an error: the traversal it is, or its place.
func sourceOf(expr hclsyntax.Expression) string {
	if traversal, ok := bare(expr).(*hclsyntax.ScopeTraversalExpr); ok {
		return traversalText(traversal.Traversal)
	}
	at := expr.Range()
	return fmt.Sprintf("the expression at %s line %d", at.Filename, at.Start.Line)
}

func traversalText(traversal hcl.Traversal) string {
	var text strings.Builder
	for _, step := range traversal {
		switch step := step.(type) {
		case hcl.TraverseRoot:
			text.WriteString(step.Name)
		case hcl.TraverseAttr:
			text.WriteString("." + step.Name)
		case hcl.TraverseIndex:
			index, _ := textOf(step.Key)
			text.WriteString("[" + index + "]")
		}
	}
	return text.String()
}

// keyFacts is the object behind key.*.
type keyFacts struct {
	name, id  string
	secretID  bool
	expiresAt time.Time
	ttl       time.Duration
	cidrs     []string
}

func (k keyFacts) value() cty.Value {
	text := func(s string) cty.Value {
		if s == "" {
			return cty.NullVal(cty.String)
		}
		return cty.StringVal(s)
	}
	id := text(k.id)
	if k.secretID {
		id = sensitive(id)
	}
	cidrs, ips := cty.ListValEmpty(cty.String), cty.ListValEmpty(cty.String)
	if len(k.cidrs) > 0 {
		networks, addresses := make([]cty.Value, len(k.cidrs)), make([]cty.Value, len(k.cidrs))
		for i, cidr := range k.cidrs {
			networks[i], addresses[i] = cty.StringVal(cidr), cty.StringVal(addressOf(cidr))
		}
		cidrs, ips = cty.ListVal(networks), cty.ListVal(addresses)
	}
	expiresAt := cty.NullVal(cty.String)
	if !k.expiresAt.IsZero() {
		expiresAt = cty.StringVal(k.expiresAt.UTC().Format(time.RFC3339))
	}
	ttl := cty.NullVal(cty.Number)
	if k.ttl > 0 {
		ttl = cty.NumberIntVal(int64(k.ttl / time.Second))
	}
	return cty.ObjectVal(map[string]cty.Value{
		"name": text(k.name), "id": id, "expires_at": expiresAt, "ttl": ttl, "cidrs": cidrs, "ips": ips,
	})
}

// withAnswer adds status, headers and body.
func (s scope) withAnswer(status int, header http.Header, body cty.Value) scope {
	headers := map[string]cty.Value{}
	for name, values := range header {
		headers[strings.ToLower(name)] = cty.StringVal(strings.Join(values, ", "))
	}
	all := cty.MapValEmpty(cty.String)
	if len(headers) > 0 {
		all = cty.MapVal(headers)
	}
	return s.with("status", cty.NumberIntVal(int64(status))).with("headers", all).with("body", body)
}

// choose computes the members of a candidate.
func (s scope) choose(members []named) (Values, error) {
	candidate := Values{}
	for _, member := range members {
		text, _, err := s.text(member.expr)
		if err != nil {
			return nil, fmt.Errorf("candidate.%s: %w", member.name, err)
		}
		candidate[member.name] = text
	}
	return candidate, nil
}

// errMissing is about a value that the answer does not hold.
var errMissing = errors.New("missing in the answer")

// addressOf is a network as most providers write it: a single address without its
// length.
func addressOf(cidr string) string {
	network, err := netip.ParsePrefix(cidr)
	if err != nil || !network.IsSingleIP() {
		return cidr
	}
	return network.Addr().String()
}
