package definition

import (
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"vault-plugin-secrets-apikeys/providers/internal/expr"
)

// ActualExpiry says where an answer tells the end of a key: as a time (expires_at), or
// as a number of seconds (expires_in).
type ActualExpiry struct {
	// At is the time, and In the seconds from the request; nil where it is not written
	// that way, and both where no answer tells.
	At, In hclsyntax.Expression
}

// actualExpiryAttributes are the names of both, which exclude each other.
var actualExpiryAttributes = []string{"expires_at", "expires_in"}

func (r *blockReader) actualExpiry() ActualExpiry {
	r.oneOf(actualExpiryAttributes)
	return ActualExpiry{At: r.expression("expires_at"), In: r.expression("expires_in")}
}

func (g ActualExpiry) expressions() []hclsyntax.Expression {
	return expr.Present([]hclsyntax.Expression{g.At, g.In})
}

func (p *parser) checkActualExpiry(at staticScope, g ActualExpiry) {
	p.checkAll(at, wantText, g.At)
	p.checkAll(at, wantText, g.In)
}
