package definition

import (
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"vault-plugin-secrets-apikeys/providers/internal/expr"
)

// Grant says where an answer tells the end of a key: as a time (expires_at), or
// as a number of seconds (expires_in).
type Grant struct{ At, In hclsyntax.Expression }

// grantAttributes are the names of both, which exclude each other.
var grantAttributes = []string{"expires_at", "expires_in"}

func (r *blockReader) grant() Grant {
	r.oneOf(grantAttributes)
	return Grant{At: r.expression("expires_at"), In: r.expression("expires_in")}
}

func (g Grant) expressions() []hclsyntax.Expression {
	return expr.Present([]hclsyntax.Expression{g.At, g.In})
}

func (p *parser) checkGrant(at staticScope, g Grant) {
	p.checkAll(at, wantText, g.At)
	p.checkAll(at, wantText, g.In)
}
