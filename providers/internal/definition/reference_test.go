package definition

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"vault-plugin-secrets-apikeys/internal/testbed/page"
	"vault-plugin-secrets-apikeys/providers/internal/auth"
	"vault-plugin-secrets-apikeys/providers/internal/expr"
	"vault-plugin-secrets-apikeys/providers/internal/field"
)

// The tests of this file hold the reference for authors against the parser: what
// either has, the other has too.

var blockList = regexp.MustCompile(`(?s)\nBlocks: (.*?)\n\n`)

// written is what the reference says of one block.
type written struct {
	holdings
	rows map[string]string // by attribute, what stands beside it
	used bool
}

// requestWay stands for what every block with a request may hold.
const requestWay = "Request"

// writtenBlocks are the tables of the reference by the way to the block, or the end
// of it; one heading may name several.
func writtenBlocks(t *testing.T) map[string]*written {
	t.Helper()
	all := map[string]*written{}
	for _, part := range regexp.MustCompile(`(?m)^### `).Split(page.Section(t, page.Definitions, "## Every block and attribute"), -1)[1:] {
		heading, text, _ := strings.Cut(part, "\n")
		ways := page.Ticked(heading)
		if len(ways) == 0 {
			ways = []string{heading}
		}
		w := &written{holdings{map[string]bool{}, map[string]bool{}}, map[string]string{}, false}
		for _, row := range page.Rows(text) {
			for _, name := range page.Ticked(row.First) {
				w.attributes[name], w.rows[name] = true, strings.Join(row.Rest, " | ")
			}
		}
		for _, list := range blockList.FindAllStringSubmatch(text+"\n\n", -1) {
			for _, name := range page.Ticked(list[1]) {
				w.blocks[name] = true
			}
		}
		if request := all[requestWay]; request != nil && strings.Contains(text, "[request](#request)") && !strings.Contains(text, "as in a [request]") && !strings.Contains(text, "there must be: a [request]") {
			maps.Copy(w.attributes, request.attributes)
			maps.Copy(w.blocks, request.blocks)
		}
		for _, way := range ways {
			all[way] = w
		}
	}
	return all
}

// writtenFor is what the reference says of a block: under its whole way, or under the
// longest end of that.
func writtenFor(all map[string]*written, way string) *written {
	if way == "" {
		return all["provider"]
	}
	if strings.HasSuffix(way, " request") {
		return all[requestWay]
	}
	for rest := way; rest != ""; {
		if all[rest] != nil {
			return all[rest]
		}
		_, after, more := strings.Cut(rest, " ")
		if !more {
			break
		}
		rest = after
	}
	return nil
}

// TestReferenceHasEveryBlockAndAttribute compares both ways.
func TestReferenceHasEveryBlockAndAttribute(t *testing.T) {
	all := writtenBlocks(t)
	known := grammar(t)
	for _, way := range slices.Sorted(maps.Keys(known)) {
		w := writtenFor(all, way)
		if w == nil {
			t.Errorf("%q is not in the reference: write a part ### `%s`", way, way)
			continue
		}
		w.used = true
		compare(t, way, "attributes", w.attributes, known[way].attributes)
		compare(t, way, "blocks", w.blocks, known[way].blocks)
	}
	for way, w := range all {
		if !w.used && way != requestWay {
			t.Errorf("the reference has %q, and the parser knows no such block", way)
		}
	}
	for _, kind := range kindsOfPagination() {
		if !strings.Contains(page.Section(t, page.Definitions, "### `pagination`"), "`\""+kind+"\"`") {
			t.Errorf("the reference lacks pagination %q", kind)
		}
	}
	for kind, known := range auth.Kinds {
		rows := all[fmt.Sprintf("auth %q", kind)].rows
		for name, argument := range known.Arguments {
			if said := strings.HasSuffix(rows[name], "| must be there"); said != argument.Required {
				t.Errorf("auth %q: %s is required: %t, and the reference says %q", kind, name, argument.Required, rows[name])
			}
			for _, one := range argument.Enum {
				if !strings.Contains(rows[name], one+"`") && !strings.Contains(rows[name], `"`+one+`"`) {
					t.Errorf("auth %q: %s may be %q, which the reference does not say", kind, name, one)
				}
			}
		}
	}
}

func compare(t *testing.T, way, what string, said, known map[string]bool) {
	t.Helper()
	for name := range known {
		if !said[name] {
			t.Errorf("%q: the reference lacks the %s %q", way, what, name)
		}
	}
	for name := range said {
		if !known[name] {
			t.Errorf("%q: the reference has the %s %q, which the parser does not know", way, what, name)
		}
	}
}

// TestReferenceHasEveryName holds the names in scope against those that the parser
// has known wherever an expression stands, in every definition and every example.
func TestReferenceHasEveryName(t *testing.T) {
	text := page.Section(t, page.Definitions, "## Names in scope")
	said := map[string]bool{}
	for _, name := range page.Ticked(text) {
		said[name] = true
		root, _, _ := strings.Cut(name, ".")
		said[root] = true
	}
	met := map[string]bool{}
	for name := range elsewhere {
		met[name] = true
	}
	for _, source := range allSources(t) {
		for name := range namesMet(t, source) {
			met[name] = true
		}
	}
	for name := range met {
		if !said[name] {
			t.Errorf("the name %s is not in the reference", name)
		}
	}
	for name := range keyTypes {
		if !said["key."+name] {
			t.Errorf("key.%s is not in the reference", name)
		}
	}
	whole := page.Read(t, page.Definitions)
	signed := auth.Kinds["signature"].Arguments["message"].Adds["request"].Type()
	for name := range signed.AttributeTypes() {
		if !strings.Contains(whole, "`."+name+"`") && !strings.Contains(whole, "`request."+name+"`") {
			t.Errorf("request.%s is not in the reference", name)
		}
	}
	for _, name := range strings.Fields(firstWords(text)) {
		if root, _, _ := strings.Cut(name, "."); !met[root] {
			t.Errorf("the reference has the name %s, which no expression may mention", name)
		}
	}
}

// firstWords are the names in the first column of a part's table.
func firstWords(text string) string {
	var names []string
	for _, row := range page.Rows(text) {
		names = append(names, page.Ticked(row.First)...)
	}
	return strings.Join(names, " ")
}

// allSources are the definitions of the catalog, and the whole ones of the reference.
func allSources(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", "catalog", "*.hcl"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no catalog: %v", err)
	}
	var sources []string
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		sources = append(sources, string(source))
	}
	for _, example := range regexp.MustCompile("(?s)```hcl\n(provider .*?)```").FindAllStringSubmatch(page.Read(t, page.Definitions), -1) {
		sources = append(sources, example[1])
	}
	return sources
}

// namesMet are the names that any expression of a definition may mention.
func namesMet(t *testing.T, source string) map[string]bool {
	t.Helper()
	file, found := hclsyntax.ParseConfig([]byte(source), "reference", hcl.InitialPos)
	if found.HasErrors() {
		t.Fatal(found)
	}
	met := map[string]bool{}
	p := &parser{fields: map[*field.Field]hcl.Range{}, def: &Definition{source: []byte(source)}, meter: expr.NewMeter(t.Context(), 0)}
	p.onExpression = func(_ hclsyntax.Expression, names map[string]cty.Value) {
		for name := range names {
			met[name] = true
		}
	}
	p.body = file.Body.(*hclsyntax.Body)
	p.readFile(p.body)
	p.check()
	return met
}
