package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"vault-plugin-secrets-apikeys/internal/contract"
	"vault-plugin-secrets-apikeys/providers"
)

type testCommand struct {
	File      string `arg:"" help:"The definition's file."`
	Exchanges string `placeholder:"FILE" help:"Its exchanges; otherwise NAME.exchanges.hcl beside it, or ../testdata/exchanges/NAME.hcl."`
	Contract  string `placeholder:"FILE" help:"Its contract cases; otherwise NAME.contract.hcl beside it, or ../testdata/contract/NAME.hcl."`
	Spec      string `placeholder:"PATH" help:"The provider's OpenAPI document, or the folder of the documents that the cases name."`
}

// Run holds a definition against what its provider says about itself: exchanges
// from its documentation, and its OpenAPI document. It calls nobody.
func (c *testCommand) Run(ctx context.Context, out io.Writer) error {
	d, err := loadDefinition(c.File)
	if err != nil {
		return err
	}
	exchanges, err := readBeside(c.Exchanges, c.File, "exchanges", contract.ReadExchanges)
	if err != nil {
		return err
	}
	cases, err := readBeside(c.Contract, c.File, "contract", contract.ReadCases)
	if err != nil {
		return err
	}
	if len(exchanges)+len(cases) == 0 {
		return fmt.Errorf("there is nothing to test %s with: write %s or %s; docs/definition-tests.md shows how",
			c.File, beside(c.File, "exchanges"), beside(c.File, "contract"))
	}
	r := &report{out: out}
	r.title(d.Title + ": what its provider says, and what the definition makes of it")
	for _, x := range exchanges {
		c.replay(ctx, r, d, x)
	}
	for _, one := range cases {
		c.hold(ctx, r, d, one)
	}
	if r.judged+r.failed == 0 {
		return errors.New("nothing was tested: give the place of the document with --spec")
	}
	return r.verdict("All of it is as the provider says.")
}

func (c *testCommand) replay(ctx context.Context, r *report, d *providers.Definition, x *contract.Exchange) {
	document, err := c.document(x.Document)
	what := fmt.Sprintf("exchange %q", x.Title)
	if err != nil {
		r.wrong("%s: %s", what, err)
		return
	}
	r.judge(what, contract.Replay(ctx, d, x, document))
	if x.Document != "" && document == nil {
		r.note("%s was not held against %s as well: give its place with --spec", what, x.Document)
	}
}

func (c *testCommand) hold(ctx context.Context, r *report, d *providers.Definition, one *contract.Case) {
	document, err := c.document(one.Document)
	what := fmt.Sprintf("contract %q", one.Title)
	switch {
	case err != nil:
		r.wrong("%s: %s", what, err)
	case document == nil:
		r.note("%s was not held against %s: give its place with --spec", what, one.Document)
	default:
		r.judge(what, contract.Hold(ctx, d, one, document))
	}
}

// document reads the document that a case names: --spec itself, or the file of that
// name in it. It is nil where no place was given, and where there is no such name.
func (c *testCommand) document(name string) (*contract.Document, error) {
	if c.Spec == "" || name == "" {
		return nil, nil
	}
	place := c.Spec
	info, err := os.Stat(place)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		place = filepath.Join(place, name)
	}
	return contract.ReadDocument(place)
}

// judge tells what was wrong with one thing, or that nothing was.
func (r *report) judge(what string, wrong []string) {
	r.judged++
	if len(wrong) == 0 {
		r.ok("%s", what)
	}
	for _, one := range wrong {
		r.wrong("%s: %s", what, one)
	}
}

// readBeside reads the file that was named, or else the one that belongs to the
// definition; nothing where there is none.
func readBeside[T any](named, definition, kind string, read func(string) ([]T, error)) ([]T, error) {
	if named != "" {
		return read(named)
	}
	inCatalog := filepath.Join(filepath.Dir(definition), "..", "testdata", kind, filepath.Base(definition))
	for _, place := range []string{beside(definition, kind), inCatalog} {
		if _, err := os.Stat(place); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		return read(place)
	}
	return nil, nil
}

// beside is acme.KIND.hcl for acme.hcl.
func beside(definition, kind string) string {
	return strings.TrimSuffix(definition, ".hcl") + "." + kind + ".hcl"
}
