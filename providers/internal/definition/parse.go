package definition

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"vault-plugin-secrets-apikeys/providers/internal/expr"
	"vault-plugin-secrets-apikeys/providers/internal/field"
)

const (
	// LongestDefinition bounds a definition, in bytes; the longest real one is a
	// few kilobytes.
	LongestDefinition = 64 << 10
	// deepestNesting bounds brackets within brackets, since HCL's parser recurses.
	deepestNesting = 64
)

var (
	providerName = regexp.MustCompile(`^[a-z][a-z0-9_-]*$`)
	fieldName    = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
)

// Parse reads and checks one definition. Every mistake that can be found
// without calling the provider is found here; the error text shows each with
// file, line and a caret under the place.
func Parse(filename string, src []byte) (d *Definition, err error) {
	defer func() {
		// HCL and cty panic on some odd inputs; an upload must not end the engine.
		if r := recover(); r != nil {
			d, err = nil, fmt.Errorf("%s cannot be read: %v", filename, r)
		}
	}()
	if err := plausible(filename, src); err != nil {
		return nil, err
	}
	p := &parser{fields: map[*field.Field]hcl.Range{}, def: &Definition{source: bytes.Clone(src), hash: hashOf(src)}, meter: expr.NewMeter(context.Background(), 0), inlined: map[*hclsyntax.ParenthesesExpr]bool{}}
	file, found := hclsyntax.ParseConfig(src, filename, hcl.InitialPos)
	p.addAll(found)
	if p.any() {
		return nil, p.err(src)
	}
	p.body = file.Body.(*hclsyntax.Body)
	for _, block := range p.body.Blocks {
		p.inlineLocals(block.Body)
	}
	p.readFile(p.body)
	faulty := p.any()
	switch metered := p.meterBody(p.body); {
	case !metered: // nothing may be computed
	case faulty:
		p.checkWhatThereIs()
	default:
		p.check()
	}
	if p.any() {
		return nil, p.err(src)
	}
	return p.def, nil
}

// checkWhatThereIs checks the expressions of a definition of which parts are
// missing, so that all mistakes are told at once. It ends where it misses one.
func (p *parser) checkWhatThereIs() {
	defer func() { _ = recover() }() // the definition is refused in any case
	p.check()
}

// plausible turns away what the HCL parser should not be given.
func plausible(filename string, src []byte) error {
	if len(src) > LongestDefinition {
		return fmt.Errorf("%s: a definition may have at most %d KiB", filename, LongestDefinition>>10)
	}
	if !utf8.Valid(src) {
		return fmt.Errorf("%s: a definition must be UTF-8 text", filename)
	}
	tokens, _ := hclsyntax.LexConfig(src, filename, hcl.InitialPos)
	depth, run := 0, 0
	for _, token := range tokens {
		switch token.Type {
		case hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenOParen,
			hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl, hclsyntax.TokenOQuote, hclsyntax.TokenOHeredoc:
			depth++
		case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen,
			hclsyntax.TokenTemplateSeqEnd, hclsyntax.TokenCQuote, hclsyntax.TokenCHeredoc:
			depth--
		}
		switch token.Type {
		case hclsyntax.TokenBang, hclsyntax.TokenMinus, hclsyntax.TokenQuestion, hclsyntax.TokenColon:
			run++ // operators nest without brackets: !!!x, a ? b : c ? d : e
		case hclsyntax.TokenNewline:
			run = 0
		}
		if token.Type == hclsyntax.TokenNumberLit && !expr.Computable(string(token.Bytes)) {
			return fmt.Errorf("%s line %d: a number may have at most %d digits and an exponent of at most %d", filename, token.Range.Start.Line, expr.MostNumberText, expr.MostExponent)
		}
		if depth > deepestNesting || run > 4*deepestNesting {
			return fmt.Errorf("%s line %d: nested too deeply", filename, token.Range.Start.Line)
		}
	}
	return nil
}

// parser reads a definition's blocks into def and gathers mistakes.
type parser struct {
	problems
	def    *Definition
	meter  *expr.Meter // of all that is checked
	body   *hclsyntax.Body
	fields map[*field.Field]hcl.Range // where each is declared
	// shared is what all requests have in common, and keyList the provider's list; nil where
	// there is none.
	shared  *SharedRequest
	keyList *hclsyntax.Block
	// inlined are the places of locals.
	inlined map[*hclsyntax.ParenthesesExpr]bool
	name    hcl.Range // of the provider's label: where whole-document mistakes are told

	// opened is told which names a block may hold, and onExpression which names the
	// expressions may mention that stand at one place; nil tells nobody. The
	// reference is held against what they are told.
	opened       func(body *hclsyntax.Body, attributes, blocks []string)
	onExpression func(expr hclsyntax.Expression, names map[string]cty.Value)
}

func (p *parser) readFile(body *hclsyntax.Body) {
	for _, attribute := range sortedAttributes(body) {
		p.add(attribute.NameRange, "unexpected attribute", `A definition is one block: provider "name" { … }.`)
	}
	for i, block := range body.Blocks {
		switch {
		case block.Type != "provider":
			p.add(block.TypeRange, "unknown block", `There is no block %q here: a definition is one block, provider "name" { … }.`, block.Type)
		case i > 0:
			p.add(block.TypeRange, "second provider", "A definition describes one provider: put this one into a file of its own.")
		case len(block.Labels) != 1 || !providerName.MatchString(block.Labels[0]):
			p.add(block.DefRange(), "bad provider name", `Write provider "name" { … } with a name of lower-case letters, digits, - and _.`)
		default:
			p.def.Name, p.name = block.Labels[0], block.LabelRanges[0]
			p.readProvider(block.Body)
		}
	}
	if len(body.Blocks) == 0 {
		p.add(body.SrcRange, "empty definition", `A definition is one block: provider "name" { … }.`)
	}
}

// readProvider reads the blocks in an order in which each may rely on the
// ones before it.
func (p *parser) readProvider(body *hclsyntax.Body) {
	r := p.open(body, "provider",
		[]string{"title", "docs", "base_url", "verified_against", "lag"},
		[]string{"connection", "role", "auth", "check", "issue", "revoke", "list", "lookup", "extend", "probe", "rotate", "key_name", "expiry", "limits", "cidrs", "errors", "validation", "locals", "requests"})
	d := p.def
	d.Title = r.literalString("title")
	d.Docs = r.literalString("docs")
	d.VerifiedAgainst = r.literalStrings("verified_against", `["Acme 1.2.3"]`)
	if d.Lag = r.literalDuration("lag"); d.Lag == 0 {
		d.Lag = DefaultLag
	}
	if d.Lag > longestLag {
		p.add(r.attribute("lag").Expr.Range(), "bad lag", "lag is at most 24h: how long the provider may not show a key that it has made.")
	}
	if d.Title == "" {
		d.Title = d.Name
	}
	for _, block := range r.blocks("locals") {
		var names []string
		for name := range block.Body.Attributes {
			names = append(names, name)
		}
		p.open(block.Body, "locals", names, nil)
	}
	d.Connection = r.fields("connection")
	d.Role = r.fields("role")
	d.validations = r.readValidations()
	if block := r.only("requests"); block != nil {
		p.shared = p.readShared(block)
		d.Shared = p.shared
	}
	d.Auth = r.authUses()
	if attribute := r.attribute("base_url"); attribute != nil {
		d.base = p.readBase(attribute.Expr)
		d.BaseURL, _ = d.base.literal()
	}
	if block := r.only("check"); block != nil {
		d.Check = p.readCheck(block)
	}
	if block := r.only("issue"); block != nil {
		d.Issue = p.readIssue(block)
	} else {
		r.missing("issue", "it says which request makes a key")
	}
	if block := r.only("revoke"); block != nil {
		d.Revoke, d.ListFirst = p.readRevoke(block)
	} else {
		r.missing("revoke", "it says which request deletes a key")
	}
	if block := r.only("list"); block != nil {
		p.keyList = block
		if list := p.readKeyList(block); list.Unnamed {
			d.Unnamed = list
		} else {
			d.List = list
		}
	}
	if block := r.only("lookup"); block != nil {
		d.Lookup = p.readList(block, "id", "name")
	}
	if block := r.only("extend"); block != nil {
		d.Extend = p.readExtend(block)
	}
	if block := r.only("probe"); block != nil {
		d.Probe = p.readProbe(block)
	}
	if block := r.only("rotate"); block != nil {
		d.Rotate = p.readRotate(block)
	}
	p.readKeyName(r.only("key_name"))
	p.readExpiry(r.only("expiry"))
	p.readLimits(r.only("limits"))
	p.readNetworks(r.only("cidrs"))
	p.readErrors(r.only("errors"))
}

func (p *parser) readKeyName(block *hclsyntax.Block) {
	if block == nil {
		p.def.KeyName, _ = newKeyName(0, 0, "")
		return
	}
	r := p.open(block.Body, "key_name", []string{"min_length", "max_length", "characters"}, nil)
	name, err := newKeyName(r.literalInt("min_length"), r.literalInt("max_length"), r.literalString("characters"))
	if err != nil {
		p.add(block.DefRange(), "bad key_name", "%s.", expr.Capital(err))
	}
	p.def.KeyName = name
}

func (p *parser) readExpiry(block *hclsyntax.Block) {
	if block == nil {
		return
	}
	r := p.open(block.Body, "expiry", []string{"minimum", "maximum", "granularity", "granularity_from", "allowed", "fixed"}, nil)
	p.def.Expiry = Expiry{
		Minimum:     r.literalDuration("minimum"),
		Maximum:     r.literalDuration("maximum"),
		Granularity: r.literalDuration("granularity"),
		FromNow:     r.choice("granularity_from", "midnight", "now") == "now",
		Allowed:     r.literalDurations("allowed"),
		Fixed:       r.literalDuration("fixed"),
	}
	if err := p.def.Expiry.validate(); err != nil {
		p.add(block.DefRange(), "bad expiry", "%s.", expr.Capital(err))
	}
}

// slowestRate and fastestRate bound requests_per_second: a slower one would wait
// for longer than any caller does.
const slowestRate, fastestRate = 0.001, 10_000

func (p *parser) readLimits(block *hclsyntax.Block) {
	if block == nil {
		return
	}
	r := p.open(block.Body, "limits", []string{"requests_per_second", "keys"}, nil)
	p.def.Limits.Keys = r.literalInt("keys")
	if rate := r.literalNumber("requests_per_second"); rate != nil {
		p.def.Limits.RequestsPerSecond = *rate
	}
	if rate := p.def.Limits.RequestsPerSecond; rate != 0 && (rate < slowestRate || rate > fastestRate) {
		p.add(block.DefRange(), "bad limits", "requests_per_second is from %g to %d; leave it out where the provider has no such limit.", slowestRate, fastestRate)
	}
	if p.def.Limits.Keys < 0 {
		p.add(block.DefRange(), "bad limits", "Limits must not be negative; leave out those that the provider does not have.")
	}
}

func (p *parser) readErrors(block *hclsyntax.Block) {
	if block == nil {
		return
	}
	r := p.open(block.Body, "errors", []string{"message", "refused", "unauthorized", "throttled"}, nil)
	p.def.Errors = errorsBlock{Message: r.expression("message"), Refused: r.expression("refused"), Unauthorized: r.expression("unauthorized"), Throttled: r.expression("throttled")}
}
