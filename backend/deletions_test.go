package backend

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// deletions are the functions that have a provider remove something, and what proves
// there that nobody holds it.
var deletions = map[string]string{
	"removeOrphan":     "removeUnlessHeld, with holdings that were read before the list",
	"removeLeftOver":   "removeUnlessHeld, as the mint that failed",
	"undoLeft":         "removeUnlessHeld and spares, as the mint or rotation that failed",
	"revokeNamed":      "an operator names it, and removeUnlessHeld while no mint of the provider runs: what has no name is ended for nobody else",
	"endMissing":       "removeUnlessHeld, as the key that the provider did not know: its record has gone",
	"undo":             "removeUnlessHeld and spares, as the rotation",
	"retire":           "removeUnlessHeld, after the connection was read and the provider was asked for its own",
	"revokeUnrecorded": "isAlone, or else removeUnlessHeld: nobody has received the key",
	"endBy":            "its own record, which endKey has compared with all others by what revoking names",
	"callProvider":     "spares: what a failed issue undoes within its call",
	// The credential is new, and what is undone within the call is compared.
	"replaceRootCredential": "spares",
}

// TestEveryDeletionIsAccountedFor: whoever adds one says what proves that nobody holds
// what goes.
func TestEveryDeletionIsAccountedFor(t *testing.T) {
	asks := []string{"Delete", "Revoke", "Undo", "Retire", "RetireOrMissing", "Issue", "Rotate", "RotateUndoably"}
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range file.Decls {
			function, ok := one.(*ast.FuncDecl)
			if !ok {
				continue
			}
			ast.Inspect(function, func(n ast.Node) bool {
				call, ok := n.(*ast.SelectorExpr)
				if ok && slices.Contains(asks, call.Sel.Name) && isClient(call.X) {
					found[function.Name.Name] = true
				}
				return true
			})
		}
	}
	if got, want := slices.Sorted(maps.Keys(found)), slices.Sorted(maps.Keys(deletions)); !slices.Equal(got, want) {
		t.Errorf("a provider is asked to remove something in\n%v\nand what proves that nobody holds it is written down for\n%v", got, want)
	}
}

// isClient reports whether an expression is a client of a provider: x.client or client.
func isClient(x ast.Expr) bool {
	switch x := x.(type) {
	case *ast.SelectorExpr:
		return x.Sel.Name == "client"
	case *ast.Ident:
		return x.Name == "client"
	}
	return false
}
