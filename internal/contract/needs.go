package contract

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"vault-plugin-secrets-apikeys/providers"
)

// tolerant are the attributes of blocks, and of item, that may find nothing in an
// answer: the key is made, found and revoked without.
var tolerant = map[string]bool{
	"expires_at": true, "expires_in": true, "created_at": true, "last_used_at": true, "granted": true,
	"message": true, "refused": true, "unauthorized": true, "throttled": true,
}

// needsOf are the names of properties that a definition cannot do without in an
// answer: all that it reads, but for what tolerant attributes read.
func needsOf(d *providers.Definition) map[string]bool {
	names := map[string]bool{}
	file, found := hclsyntax.ParseConfig([]byte(d.Source()), d.Name+".hcl", hcl.InitialPos)
	if !found.HasErrors() { // Parse has accepted the same text
		gatherNeeds(file.Body.(*hclsyntax.Body), names)
	}
	return names
}

func gatherNeeds(body *hclsyntax.Body, names map[string]bool) {
	for _, attribute := range body.Attributes {
		if !tolerant[attribute.Name] {
			gatherNames(attribute.Expr, names)
		}
	}
	for _, block := range body.Blocks {
		gatherNeeds(block.Body, names)
	}
}

// gatherNames takes in every name within an expression; members of an object that
// are tolerant are passed over.
func gatherNames(expr hclsyntax.Expression, names map[string]bool) {
	if object, ok := expr.(*hclsyntax.ObjectConsExpr); ok {
		for _, member := range object.Items {
			if key, _ := member.KeyExpr.Value(nil); key.IsKnown() && !key.IsNull() && tolerant[key.AsString()] {
				continue
			}
			gatherNames(member.ValueExpr, names)
		}
		return
	}
	_ = hclsyntax.VisitAll(expr, func(node hclsyntax.Node) hcl.Diagnostics {
		switch node := node.(type) {
		case *hclsyntax.ScopeTraversalExpr:
			gatherSteps(node.Traversal, names)
		case *hclsyntax.RelativeTraversalExpr:
			gatherSteps(node.Traversal, names)
		}
		return nil
	})
}

func gatherSteps(traversal hcl.Traversal, names map[string]bool) {
	for _, step := range traversal {
		switch step := step.(type) {
		case hcl.TraverseAttr:
			names[step.Name] = true
		case hcl.TraverseIndex:
			if step.Key.Type().FriendlyName() == "string" {
				names[step.Key.AsString()] = true
			}
		}
	}
}
