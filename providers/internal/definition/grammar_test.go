package definition

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"vault-plugin-secrets-apikeys/providers/internal/auth"
	"vault-plugin-secrets-apikeys/providers/internal/expr"
	"vault-plugin-secrets-apikeys/providers/internal/field"
)

// holdings are what a block may hold.
type holdings struct{ attributes, blocks map[string]bool }

// grammar is every block that the parser knows with what it may hold, by the way
// there: "issue", "issue step", "issue step poll". Those of auth are told once, by
// kind: `auth "basic"`; those of pagination for all kinds together.
//
// It is found by asking the parser: a document of empty blocks is read, and each
// block that it says may stand somewhere is put there, until it says nothing new.
// Since steps have others not be read, it is read without them as well, and once for
// each kind of pagination.
func grammar(t *testing.T) map[string]holdings {
	t.Helper()
	root := &node{kind: "provider", label: "x"}
	known := map[string]holdings{}
	for range 10 {
		root.ask(t, known, variant{without: "step"})
		for _, kind := range kindsOfPagination() {
			root.ask(t, known, variant{pagination: kind})
		}
		if !root.grow("", known) {
			return known
		}
	}
	t.Fatal("blocks within blocks have no end")
	return nil
}

// node is a block of the document that is read.
type node struct {
	kind, label string
	inside      []*node
}

// variant is one way to write the document: without blocks of one kind, and with one
// kind of pagination.
type variant struct{ without, pagination string }

func (n *node) write(b *strings.Builder, v variant) {
	label := n.label
	if n.kind == "pagination" {
		label = v.pagination
	}
	fmt.Fprintf(b, "%s %q {\n", n.kind, label)
	for _, inner := range n.inside {
		if inner.kind != v.without {
			inner.write(b, v)
		}
	}
	b.WriteString("}\n")
}

// ask reads the document, and adds what the parser says of each block of it.
func (n *node) ask(t *testing.T, known map[string]holdings, v variant) {
	var text strings.Builder
	n.write(&text, v)
	file, problems := hclsyntax.ParseConfig([]byte(text.String()), "grammar", hcl.InitialPos)
	if problems.HasErrors() {
		t.Fatal(problems)
	}
	ways := map[*hclsyntax.Body]string{}
	waysIn(file.Body.(*hclsyntax.Body).Blocks[0], "", ways)
	p := &parser{fields: map[*field.Field]hcl.Range{}, def: &Definition{}, meter: expr.NewMeter(context.Background(), 0)}
	p.opened = func(body *hclsyntax.Body, attributes, blocks []string) {
		way := ways[body]
		if known[way].blocks == nil {
			known[way] = holdings{map[string]bool{}, map[string]bool{}}
		}
		for _, name := range attributes {
			known[way].attributes[name] = true
		}
		for _, name := range blocks {
			known[way].blocks[name] = true
		}
	}
	p.readFile(file.Body.(*hclsyntax.Body))
}

func waysIn(block *hclsyntax.Block, outside string, ways map[*hclsyntax.Body]string) {
	way := wayOf(outside, block.Type, block.Labels[0])
	ways[block.Body] = way
	for _, inner := range block.Body.Blocks {
		waysIn(inner, way, ways)
	}
}

// ofKinds are the blocks that are told once, by kind, with all kinds.
var ofKinds = map[string][]string{"auth": expr.SortedNames(auth.Kinds)}

// wayOf is the way to a block within another; the provider itself has none.
func wayOf(outside, kind, label string) string {
	switch {
	case kind == "provider":
		return ""
	case ofKinds[kind] != nil:
		return fmt.Sprintf("%s %q", kind, label)
	}
	return strings.TrimSpace(outside + " " + kind)
}

// grow puts a block wherever the parser says that one may stand, and reports
// whether there was any that was not there yet.
func (n *node) grow(way string, known map[string]holdings) bool {
	grown := false
	for _, inner := range n.inside {
		if inner.grow(wayOf(way, inner.kind, inner.label), known) {
			grown = true
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(known[way].blocks)) {
		if ofKinds[kind] != nil && known[wayOf(way, kind, ofKinds[kind][0])].attributes != nil {
			continue // told once
		}
		if slices.ContainsFunc(n.inside, func(inner *node) bool { return inner.kind == kind }) {
			continue
		}
		labels := []string{"x"}
		if ofKinds[kind] != nil {
			labels = ofKinds[kind]
		}
		for _, label := range labels {
			n.inside = append(n.inside, &node{kind: kind, label: label})
		}
		grown = true
	}
	return grown
}

// TestGrammar sees that the parser is asked for all of it: each block that may
// stand somewhere has been opened there.
func TestGrammar(t *testing.T) {
	known := grammar(t)
	for way, inside := range known {
		for kind := range inside.blocks {
			label := "x"
			if ofKinds[kind] != nil {
				label = ofKinds[kind][0]
			}
			if _, opened := known[wayOf(way, kind, label)]; !opened {
				t.Errorf("%q may hold %s, and what that may hold is not known", way, kind)
			}
		}
	}
	for _, way := range []string{"", "issue", "issue step undo", "issue step poll", "rotate retire step", "rotate lookup", `auth "login" request`, "connection"} {
		if _, ok := known[way]; !ok {
			t.Errorf("%q is not found", way)
		}
	}
	if got := known["issue"].attributes; !got["post"] || !got["secret"] {
		t.Errorf("issue holds %v", got)
	}
}
