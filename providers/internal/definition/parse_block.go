package definition

import (
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"vault-plugin-secrets-apikeys/providers/internal/expr"
	"vault-plugin-secrets-apikeys/providers/internal/suggest"
)

// blockReader reads the attributes and blocks inside one block. Opening it
// has already told every name that does not belong there.
type blockReader struct {
	p    *parser
	what string
	body *hclsyntax.Body
}

// open checks the names inside a block against those it may hold.
func (p *parser) open(body *hclsyntax.Body, what string, attributes, blocks []string) *blockReader {
	if p.opened != nil {
		p.opened(body, attributes, blocks)
	}
	for _, attribute := range sortedAttributes(body) {
		switch {
		case slices.Contains(attributes, attribute.Name):
		case slices.Contains(blocks, attribute.Name):
			p.add(attribute.NameRange, "block written as attribute", "%s is a block: write %s { … } without the equals sign.", attribute.Name, attribute.Name)
		default:
			p.add(attribute.NameRange, "unknown attribute", "There is no attribute %q in %s; %s", attribute.Name, what, suggest.Instead(attribute.Name, attributes))
		}
	}
	for _, block := range body.Blocks {
		switch {
		case slices.Contains(blocks, block.Type):
		case slices.Contains(attributes, block.Type):
			p.add(block.TypeRange, "attribute written as block", "%s is an attribute: write %s = … with an equals sign.", block.Type, block.Type)
		default:
			p.add(block.TypeRange, "unknown block", "There is no block %q in %s; %s", block.Type, what, suggest.Instead(block.Type, blocks))
		}
	}
	return &blockReader{p: p, what: what, body: body}
}

// sortedAttributes are a body's attributes in source order.
func sortedAttributes(body *hclsyntax.Body) []*hclsyntax.Attribute {
	attributes := make([]*hclsyntax.Attribute, 0, len(body.Attributes))
	for _, attribute := range body.Attributes {
		attributes = append(attributes, attribute)
	}
	slices.SortFunc(attributes, func(a, b *hclsyntax.Attribute) int {
		return a.NameRange.Start.Byte - b.NameRange.Start.Byte
	})
	return attributes
}

// attribute is the attribute of that name, or nil.
func (r *blockReader) attribute(name string) *hclsyntax.Attribute {
	return r.body.Attributes[name]
}

// expression is the attribute's expression, or nil.
func (r *blockReader) expression(name string) hclsyntax.Expression {
	if attribute := r.attribute(name); attribute != nil {
		return attribute.Expr
	}
	return nil
}

// blocks are the blocks of that type in source order.
func (r *blockReader) blocks(kind string) []*hclsyntax.Block {
	var found []*hclsyntax.Block
	for _, block := range r.body.Blocks {
		if block.Type == kind {
			found = append(found, block)
		}
	}
	return found
}

// only is the one block of that type, which has no label, or nil.
func (r *blockReader) only(kind string) *hclsyntax.Block {
	found := r.blocks(kind)
	if len(found) == 0 {
		return nil
	}
	for _, block := range found[1:] {
		r.p.add(block.DefRange(), "duplicate block", "%s stands once in %s: join the two.", kind, r.what)
	}
	if len(found[0].Labels) > 0 {
		r.p.add(found[0].LabelRanges[0], "unexpected label", "%s has no label: write %s { … }.", kind, kind)
	}
	return found[0]
}

// label is the one label of a block that must have one.
func (r *blockReader) label(block *hclsyntax.Block) (string, hcl.Range, bool) {
	if len(block.Labels) != 1 {
		r.p.add(block.DefRange(), "label expected", "Write %s \"name\" { … }.", block.Type)
		return "", hcl.Range{}, false
	}
	return block.Labels[0], block.LabelRanges[0], true
}

// missing tells that something required is absent.
func (r *blockReader) missing(name, why string) {
	at := r.body.MissingItemRange()
	if r.what == "provider" {
		at = r.p.name
	}
	r.p.add(at, "missing "+name, "%s needs %s: %s.", strings.ToUpper(r.what[:1])+r.what[1:], name, why)
}

// constant is the value of an attribute that may not depend on anything; ok
// is false where it is absent or wrong.
func (r *blockReader) constant(name string, want cty.Type, example string) (cty.Value, bool) {
	attribute := r.attribute(name)
	if attribute == nil {
		return cty.NilVal, false
	}
	value, err := expr.ConstantOf(attribute.Expr)
	if err == nil {
		value, err = convert.Convert(value, want)
	}
	if err != nil || value.IsNull() || !value.IsWhollyKnown() {
		r.p.add(attribute.Expr.Range(), "bad "+name, "%s must be written out, such as %s = %s.", name, name, example)
		return cty.NilVal, false
	}
	return value, true
}

func (r *blockReader) literalString(name string) string {
	if value, ok := r.constant(name, cty.String, `"text"`); ok {
		return value.AsString()
	}
	return ""
}

// choice is an attribute that is one of a few words; the first where it is absent.
func (r *blockReader) choice(name string, words ...string) string {
	value, ok := r.constant(name, cty.String, `"`+words[len(words)-1]+`"`)
	switch {
	case !ok:
		return words[0]
	case !slices.Contains(words, value.AsString()):
		r.p.add(r.attribute(name).Expr.Range(), "bad "+name, "%s is one of %s.", name, strings.Join(quoted(words), ", "))
		return words[0]
	}
	return value.AsString()
}

func (r *blockReader) literalBool(name string) bool {
	value, ok := r.constant(name, cty.Bool, "true")
	return ok && value.True()
}

func (r *blockReader) literalNumber(name string) *float64 {
	value, ok := r.constant(name, cty.Number, "10")
	if !ok {
		return nil
	}
	number, _ := value.AsBigFloat().Float64()
	return &number
}

func (r *blockReader) literalInt(name string) int {
	number := r.literalNumber(name)
	if number == nil {
		return 0
	}
	if *number != float64(int(*number)) || *number > 1<<31 || *number < -1<<31 {
		r.p.add(r.attribute(name).Expr.Range(), "bad "+name, "%s must be a whole number, such as %s = 10.", name, name)
		return 0
	}
	return int(*number)
}

func (r *blockReader) literalDuration(name string) time.Duration {
	value, ok := r.constant(name, cty.String, `"24h"`)
	if !ok {
		return 0
	}
	d, err := expr.ParseDuration(value.AsString())
	if err != nil {
		r.p.add(r.attribute(name).Expr.Range(), "bad duration", "%s.", expr.Capital(err))
	}
	return d
}

// literalStrings is a list of strings that are not empty.
func (r *blockReader) literalStrings(name, example string) []string {
	value, ok := r.constant(name, cty.List(cty.String), example)
	if !ok {
		return nil
	}
	var texts []string
	for _, element := range value.AsValueSlice() {
		if element.IsNull() || element.AsString() == "" {
			r.p.add(r.attribute(name).Expr.Range(), "bad "+name, "%s must not hold anything empty: write %s = %s.", name, name, example)
			continue
		}
		texts = append(texts, element.AsString())
	}
	return texts
}

func (r *blockReader) literalDurations(name string) []time.Duration {
	var durations []time.Duration
	for _, text := range r.literalStrings(name, `["24h", "30d"]`) {
		d, err := expr.ParseDuration(text)
		if err != nil {
			r.p.add(r.attribute(name).Expr.Range(), "bad duration", "%s.", expr.Capital(err))
			continue
		}
		durations = append(durations, d)
	}
	slices.Sort(durations)
	return durations
}

// object reads an attribute that must be an object written out, so that its
// names are known: { name = expression, … }.
func (r *blockReader) object(name string) []expr.Member {
	attribute := r.attribute(name)
	if attribute == nil {
		return nil
	}
	object, ok := attribute.Expr.(*hclsyntax.ObjectConsExpr)
	if !ok {
		r.p.add(attribute.Expr.Range(), "bad "+name, "%s must be written out: %s = { name = … }.", name, name)
		return nil
	}
	var members []expr.Member
	for _, item := range object.Items {
		key, err := expr.ConstantOf(item.KeyExpr)
		if err != nil || key.IsNull() || key.Type() != cty.String || !fieldName.MatchString(key.AsString()) {
			r.p.add(item.KeyExpr.Range(), "bad name", "A name in %s is lower-case letters, digits and _, written out.", name)
			continue
		}
		members = append(members, expr.Member{Name: key.AsString(), At: item.KeyExpr.Range(), Expr: item.ValueExpr})
	}
	r.p.noDuplicates(members)
	return members
}

func (p *parser) noDuplicates(members []expr.Member) {
	seen := map[string]bool{}
	for _, member := range members {
		if seen[member.Name] {
			p.add(member.At, "duplicate name", "%q is given twice.", member.Name)
		}
		seen[member.Name] = true
	}
}

// meterBody has every part of every expression in a body counted. False means
// that one is nested too deeply to be computed, which is told.
func (p *parser) meterBody(body *hclsyntax.Body) bool {
	metered := true
	for _, attribute := range sortedAttributes(body) {
		if expr.DepthOf(attribute.Expr) > expr.DeepestTree {
			p.add(attribute.Expr.Range(), "nested too deeply", "An expression has at most %d parts within each other: make it of several, by way of save.", expr.DeepestTree)
			metered = false
			continue
		}
		expr.MeterTree(attribute.Expr)
	}
	for _, block := range body.Blocks {
		metered = p.meterBody(block.Body) && metered
	}
	return metered
}
