package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"vault-plugin-secrets-apikeys/providers"
)

type showCommand struct {
	Definition string `arg:"" help:"A definition's file, or the name of a built-in provider."`
}

func (c *showCommand) Run(out io.Writer) error {
	d, err := loadDefinition(c.Definition)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s (%s)\n", d.Title, d.Name)
	if d.Docs != "" {
		fmt.Fprintln(out, d.Docs)
	}
	for _, part := range []struct {
		title  string
		fields providers.Fields
	}{
		{"A connection takes (vault write apikeys/config/NAME provider=" + d.Name + " …)", d.Connection},
		{"A role takes (vault write apikeys/roles/NAME connection=… …)", d.Role},
	} {
		fmt.Fprintf(out, "\n%s\n", part.title)
		showFields(out, part.fields)
	}
	fmt.Fprintf(out, "\nA key's reader gets: %s\n", strings.Join(d.SecretFields(), ", "))
	if err := showCapabilities(out, d.Capabilities); err != nil {
		return err
	}
	fmt.Fprintf(out, "\nRequests go to %s, as the definition writes them; a credential stands as the field that holds it\n", servedAt(d))
	showAuth(out, d)
	for _, r := range d.Requests() {
		showRequest(out, r)
	}
	return nil
}

// servedAt is the definition's base_url as it is written.
func servedAt(d *providers.Definition) string {
	body := bodyOf(d)
	if attribute := body.Attributes["base_url"]; attribute != nil {
		return strings.Trim(written(d, attribute.Expr.Range()), `"`)
	}
	return "the base_url of each connection"
}

// showAuth tells how requests are signed in that have no auth of their own.
func showAuth(out io.Writer, d *providers.Definition) {
	for _, block := range bodyOf(d).Blocks {
		if block.Type == "auth" {
			fmt.Fprintf(out, "\n  %s\n", indented(written(d, wholeBlock(block)), "  "))
		}
	}
}

// wholeBlock is where a block is written, its body included.
func wholeBlock(block *hclsyntax.Block) hcl.Range {
	return hcl.RangeBetween(block.TypeRange, block.CloseBraceRange)
}

func bodyOf(d *providers.Definition) *hclsyntax.Body {
	file, _ := hclsyntax.ParseConfig([]byte(d.Source()), d.Name+".hcl", hcl.InitialPos) // Parse has accepted it
	return file.Body.(*hclsyntax.Body).Blocks[0].Body
}

func written(d *providers.Definition, at hcl.Range) string {
	return string(at.SliceBytes([]byte(d.Source())))
}

func showFields(out io.Writer, fields providers.Fields) {
	if len(fields) == 0 {
		fmt.Fprintln(out, "  nothing of its own")
		return
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, field := range fields {
		fmt.Fprintf(table, "  %s\t%s\t%s\t%s\n", field.Name, field.TypeName(), remarks(field), strings.TrimSpace(field.Help))
	}
	table.Flush()
}

// remarks are what an operator must know of a field beside its type.
func remarks(field *providers.Field) string {
	var said []string
	if field.Required {
		said = append(said, "required")
	}
	if field.Sensitive {
		said = append(said, "sensitive")
	}
	if field.BindsAddresses {
		said = append(said, "binds the key to addresses")
	}
	if field.Default != nil {
		if text, err := json.Marshal(field.Default); err == nil {
			said = append(said, "default "+string(text))
		}
	}
	return strings.Join(said, ", ")
}

// showCapabilities tells the abilities by the names that providers/NAME uses.
func showCapabilities(out io.Writer, capabilities providers.Capabilities) error {
	text, err := json.Marshal(capabilities)
	if err != nil {
		return err
	}
	var can map[string]bool
	if err := json.Unmarshal(text, &can); err != nil {
		return err
	}
	var able, unable []string
	for _, name := range slices.Sorted(maps.Keys(can)) {
		if can[name] {
			able = append(able, name)
		} else {
			unable = append(unable, name)
		}
	}
	fmt.Fprintf(out, "\nThe engine can: %s\nand cannot: %s\n", strings.Join(able, ", "), strings.Join(unable, ", "))
	return nil
}

func showRequest(out io.Writer, r providers.Request) {
	fmt.Fprintf(out, "\n  %s\n    %s %s\n", r.Block, r.Method, indented(r.Path, "    "))
	for _, part := range []struct{ name, text string }{{"query", r.Query}, {"headers", r.Headers}, {r.Format, r.Body}} {
		if part.text != "" {
			fmt.Fprintf(out, "    %s = %s\n", part.name, indented(part.text, "    "))
		}
	}
	if r.Auth != "" {
		fmt.Fprintf(out, "    with its own %s\n", indented(r.Auth, "    "))
	}
	if r.When != "" {
		fmt.Fprintf(out, "    only when: %s\n", indented(r.When, "    "))
	}
	if r.ForEach != "" {
		fmt.Fprintf(out, "    for each of: %s\n", r.ForEach)
	}
	if r.Pages != "" {
		fmt.Fprintf(out, "    page by page: %s\n", r.Pages)
	}
}

// indented is a text of several lines, whose last one is the least indented, with this
// before each line but the first.
func indented(text, indent string) string {
	lines := strings.Split(text, "\n")
	last := lines[len(lines)-1]
	own := last[:len(last)-len(strings.TrimLeft(last, " \t"))]
	for i, line := range lines[1:] {
		lines[i+1] = strings.TrimRight(indent+strings.TrimPrefix(line, own), " \t\r")
	}
	return strings.Join(lines, "\n")
}

// loadDefinition reads a definition from a file, or takes the built-in one of
// that name.
func loadDefinition(name string) (*providers.Definition, error) {
	if !strings.ContainsAny(name, "./") && name != "-" {
		d, err := providers.Load(name)
		if !errors.Is(err, providers.ErrNotBuiltIn) {
			return d, err
		}
		if near := providers.Nearest(name, providers.BuiltIn()); near != "" {
			return nil, fmt.Errorf("there is no built-in provider %q; did you mean %q? A file's name ends in .hcl", name, near)
		}
		return nil, fmt.Errorf("there is no built-in provider %q; name one, or a file that ends in .hcl", name)
	}
	source, err := readSource(name)
	if err != nil {
		return nil, err
	}
	return providers.Parse(name, source)
}
