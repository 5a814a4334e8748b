package providers

import "github.com/hashicorp/hcl/v2/hclsyntax"

// grant says where an answer tells the end of a key: as a time (expires_at), or
// as a number of seconds (expires_in).
type grant struct{ at, in hclsyntax.Expression }

// grantAttributes are the names of both, which exclude each other.
var grantAttributes = []string{"expires_at", "expires_in"}

func (r *blockReader) grant() grant {
	r.oneOf(grantAttributes)
	return grant{at: r.expression("expires_at"), in: r.expression("expires_in")}
}

func (g grant) expressions() []hclsyntax.Expression {
	return present([]hclsyntax.Expression{g.at, g.in})
}

func (p *parser) checkGrant(at place, g grant) {
	p.checkAll(at, wantText, g.at)
	p.checkAll(at, wantText, g.in)
}
