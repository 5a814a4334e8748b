package expr

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
)

// Scope is what the names in an expression stand for at one moment. It is
// never changed; With makes a new one. The zero Scope has no names.
type Scope struct {
	// Names are the values by the name that an expression begins with, such as role.
	Names map[string]cty.Value
	// Secrets gathers what was seen under way that no error may hold; nil where
	// nobody asks.
	Secrets *Secrets
	// meter counts what its expressions cost; nil counts each by itself.
	meter *Meter
	// functions are those that are bound to a clock; nil for Functions.
	functions map[string]function.Function
	// absence is how what an answer does not hold is read.
	absence absence
}

// With is the scope with one more name, or another value for one.
func (s Scope) With(name string, value cty.Value) Scope {
	names := s.namesFor(1)
	names[name] = value
	s.Names = names
	return s
}

// namesFor are the names, to be added to.
func (s Scope) namesFor(more int) map[string]cty.Value {
	names := make(map[string]cty.Value, len(s.Names)+more)
	maps.Copy(names, s.Names)
	return names
}

// WithAll is With for several names.
func (s Scope) WithAll(more map[string]cty.Value) Scope {
	names := s.namesFor(len(more))
	maps.Copy(names, more)
	s.Names = names
	return s
}

// Metered is the scope with a budget of its own for all that follows.
func (s Scope) Metered(ctx context.Context, responseBytes int) Scope {
	s.meter = NewMeter(ctx, responseBytes)
	return s
}

// Gathering is the scope of an operation whose secrets are gathered there.
func (s Scope) Gathering(secrets *Secrets) Scope {
	s.Secrets = secrets
	return s
}

// Conceal keeps what is marked in a value out of errors.
func (s Scope) Conceal(value cty.Value) { s.Secrets.AddMarked(value) }

// Allowed adds to the scope's budget what a further part of an answer, of that
// length in bytes, may cost.
func (s Scope) Allowed(responseBytes int) Scope {
	s.meter.left += budgetPerByte * responseBytes
	return s
}

// Evaluate computes an expression. Its errors name places in the definition,
// never values.
func (s Scope) Evaluate(expr hclsyntax.Expression) (cty.Value, error) {
	m := s.meter
	if m == nil {
		m = NewMeter(context.Background(), 0)
	}
	value, found := m.evaluate(expr, s)
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

// Truth computes a condition; null counts as false.
func (s Scope) Truth(expr hclsyntax.Expression) (bool, error) {
	value, err := s.Evaluate(expr)
	if err != nil {
		return false, err
	}
	value, _ = value.UnmarkDeep()
	if value.IsNull() {
		return false, nil
	}
	value, err = convert.Convert(value, cty.Bool)
	if err != nil || !value.IsKnown() {
		return false, fmt.Errorf("%s must be true or false", SourceOf(expr))
	}
	return value.True(), nil
}

// Matches computes a condition that may also be a list of statuses.
func (s Scope) Matches(expr hclsyntax.Expression, status int) (bool, error) {
	if listed, written := isListed(expr, status); written {
		return listed, nil
	}
	value, err := s.Evaluate(expr)
	if err != nil {
		return false, err
	}
	plain, _ := value.UnmarkDeep()
	if plain.IsNull() || !plain.CanIterateElements() {
		return s.Truth(expr)
	}
	wanted := cty.NumberIntVal(int64(status))
	for it := plain.ElementIterator(); it.Next(); {
		_, element := it.Element()
		if tooLongForNumber(element) {
			continue
		}
		if n, err := convert.Convert(element, cty.Number); err == nil && !n.IsNull() && n.RawEquals(wanted) {
			return true, nil
		}
	}
	return false, nil
}

// isListed reports whether the status is in a list of statuses that is written out as
// numbers, as most are: nothing is computed for it. written is false for anything else.
func isListed(expr hclsyntax.Expression, status int) (listed, written bool) {
	list, ok := expr.(*hclsyntax.TupleConsExpr)
	if !ok {
		return false, false
	}
	for _, element := range list.Exprs {
		number, ok := element.(*hclsyntax.LiteralValueExpr)
		if !ok || number.Val.IsNull() || number.Val.Type() != cty.Number {
			return false, false
		}
		n, accuracy := number.Val.AsBigFloat().Int64()
		listed = listed || accuracy == big.Exact && n == int64(status)
	}
	return listed, true
}

// Text computes a string; numbers become their text. Null and the empty
// string are errors.
func (s Scope) Text(expr hclsyntax.Expression) (string, cty.Value, error) {
	value, err := s.Evaluate(expr)
	if err != nil {
		return "", value, err
	}
	text, ok := TextOf(value)
	if !ok || text == "" {
		return "", value, fmt.Errorf("%s is missing in the answer", SourceOf(expr))
	}
	return text, value, nil
}

// SourceOf names an expression in an error: the traversal it is, or its place.
func SourceOf(expr hclsyntax.Expression) string {
	if traversal, ok := Bare(expr).(*hclsyntax.ScopeTraversalExpr); ok {
		return TraversalText(traversal.Traversal)
	}
	at := expr.Range()
	return fmt.Sprintf("the expression at %s line %d", at.Filename, at.Start.Line)
}

// TraversalText is a traversal as a definition writes it: body.data[0].
func TraversalText(traversal hcl.Traversal) string {
	var text strings.Builder
	for _, step := range traversal {
		switch step := step.(type) {
		case hcl.TraverseRoot:
			text.WriteString(step.Name)
		case hcl.TraverseAttr:
			text.WriteString("." + step.Name)
		case hcl.TraverseIndex:
			index, _ := TextOf(step.Key)
			text.WriteString("[" + index + "]")
		}
	}
	return text.String()
}

// Key is the object behind key.*.
type Key struct {
	// Name and ID are the key's at the provider; empty where they are not known.
	Name, ID string
	// SecretID says that ID is a secret.
	SecretID bool
	// ExpiresAt is the end that the key is to have, and TTL the time until then; zero
	// where it is to have none.
	ExpiresAt time.Time
	TTL       time.Duration
	// CIDRs are the networks that may use the key; none means any.
	CIDRs []string
}

// Value is the object; what is not known of the key is null.
func (k Key) Value() cty.Value {
	text := func(s string) cty.Value {
		if s == "" {
			return cty.NullVal(cty.String)
		}
		return cty.StringVal(s)
	}
	id := text(k.ID)
	if k.SecretID {
		id = Sensitive(id)
	}
	cidrs, ips := noTexts, noTexts
	if len(k.CIDRs) > 0 {
		networks, addresses := make([]cty.Value, len(k.CIDRs)), make([]cty.Value, len(k.CIDRs))
		for i, cidr := range k.CIDRs {
			networks[i], addresses[i] = cty.StringVal(cidr), cty.StringVal(addressOf(cidr))
		}
		cidrs, ips = cty.ListVal(networks), cty.ListVal(addresses)
	}
	expiresAt := cty.NullVal(cty.String)
	if !k.ExpiresAt.IsZero() {
		expiresAt = cty.StringVal(k.ExpiresAt.UTC().Format(time.RFC3339))
	}
	ttl := cty.NullVal(cty.Number)
	if k.TTL > 0 {
		ttl = cty.NumberIntVal(int64(k.TTL / time.Second))
	}
	return cty.ObjectVal(map[string]cty.Value{
		"name": text(k.Name), "id": id, "expires_at": expiresAt, "ttl": ttl, "cidrs": cidrs, "ips": ips,
	})
}

// WithAnswer adds status, headers and body; a nil header is one that nobody reads.
func (s Scope) WithAnswer(status int, header http.Header, body cty.Value) Scope {
	headers := map[string]cty.Value{}
	for name, values := range header {
		headers[strings.ToLower(name)] = cty.StringVal(strings.Join(values, ", "))
	}
	all := noHeaders
	if len(headers) > 0 {
		all = cty.MapVal(headers)
	}
	names := s.namesFor(3)
	names["status"], names["headers"], names["body"] = cty.NumberIntVal(int64(status)), all, body
	s.Names = names
	return s
}

var (
	noHeaders = cty.MapValEmpty(cty.String)
	noTexts   = cty.ListValEmpty(cty.String)
)

// Choose computes the members of a candidate.
func (s Scope) Choose(members []Member) (Values, error) {
	candidate := Values{}
	for _, member := range members {
		text, _, err := s.Text(member.Expr)
		if err != nil {
			return nil, fmt.Errorf("candidate.%s: %w", member.Name, err)
		}
		candidate[member.Name] = text
	}
	return candidate, nil
}

// ErrMissing is about a value that the answer does not hold.
var ErrMissing = errors.New("missing in the answer")

// addressOf is a network as most providers write it: a single address without its
// length.
func addressOf(cidr string) string {
	network, err := netip.ParsePrefix(cidr)
	if err != nil || !network.IsSingleIP() {
		return cidr
	}
	return network.Addr().String()
}
