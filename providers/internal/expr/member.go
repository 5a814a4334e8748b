package expr

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Member is one attribute of an object in source order.
type Member struct {
	// Name is the attribute's, At where it stands, and Expr its value.
	Name string
	At   hcl.Range
	Expr hclsyntax.Expression
}

// Find is the member of that name, or nil.
func Find(members []Member, name string) hclsyntax.Expression {
	for _, member := range members {
		if member.Name == name {
			return member.Expr
		}
	}
	return nil
}
