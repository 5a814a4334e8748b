package providers

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// named is one attribute of an object in source order.
type named struct {
	name string
	at   hcl.Range
	expr hclsyntax.Expression
}

// find is the member of that name, or nil.
func find(members []named, name string) hclsyntax.Expression {
	for _, member := range members {
		if member.name == name {
			return member.expr
		}
	}
	return nil
}
