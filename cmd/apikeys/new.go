package main

import (
	_ "embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/hashicorp/hcl/v2/hclwrite"

	"vault-plugin-secrets-apikeys/backend"
	"vault-plugin-secrets-apikeys/internal/contract"
	"vault-plugin-secrets-apikeys/internal/draft"
)

type newCommand struct {
	Name   string `arg:"" optional:"" help:"The provider's name, such as acme; without it, one made of the document's title."`
	From   string `placeholder:"FILE" help:"The provider's OpenAPI document: 2.0, 3.0 or 3.1, in JSON or YAML."`
	Keys   string `placeholder:"OPERATION" help:"The operation of the document that makes keys, such as \"POST /v1/keys\"; without it, the likeliest."`
	Output string `short:"o" placeholder:"FILE" help:"File to write, such as acme.hcl; with --from also acme.contract.hcl, for apikeys test. Neither may be there already. Without it, standard output."`
}

// skeleton is a definition of which everything is to be decided.
//
//go:embed skeleton.hcl
var skeleton string

var providerName = regexp.MustCompile(`^[a-z][a-z0-9_-]*$`)

// Run writes a first definition. What is to be decided is in lines with "# TODO:".
func (c *newCommand) Run(out io.Writer) error {
	if c.Name != "" && !providerName.MatchString(c.Name) {
		return fmt.Errorf("%q is no name of a provider: write lower-case letters, digits, - and _, such as acme", c.Name)
	}
	first, err := c.draft()
	if err != nil {
		return err
	}
	if c.Output == "" {
		_, err := io.WriteString(out, first.Source)
		return err
	}
	if err := c.mayWrite(); err != nil {
		return err
	}
	if err := c.write(out, c.Output, first.Source); err != nil {
		return err
	}
	if c.From != "" {
		if err := c.write(out, beside(c.Output, "contract"), strings.ReplaceAll(first.Case, "NAME", filepath.Base(c.From))); err != nil {
			return err
		}
		fmt.Fprintf(out, "Keys are made by %s", first.Made)
		if len(first.Others) > 0 {
			fmt.Fprintf(out, "; choose another with --keys, such as %q", first.Others[0])
		}
		fmt.Fprintln(out, ".")
	}
	if questions := draft.Questions(first.Source); len(questions) > 0 {
		fmt.Fprintln(out, "\nDecide what the document does not tell, in the lines with # TODO:")
		for _, q := range questions {
			fmt.Fprintf(out, "  line %d: %s\n", q.Line, q.Text)
		}
	}
	fmt.Fprintf(out, "\nThen: apikeys check %[1]s; apikeys test %[1]s --spec …; apikeys try %[1]s\n", c.Output)
	return nil
}

func (c *newCommand) draft() (*draft.Draft, error) {
	if c.From == "" {
		if c.Keys != "" {
			return nil, errors.New("--keys names an operation of a document: give the document with --from")
		}
		name := c.Name
		if name == "" {
			name = "acme"
		}
		return &draft.Draft{Name: name, Source: string(hclwrite.Format([]byte(strings.ReplaceAll(skeleton, "acme", name))))}, nil
	}
	document, err := contract.ReadDocument(c.From)
	if err != nil {
		return nil, err
	}
	first, err := draft.From(document.T, draft.Options{Name: c.Name, Keys: c.Keys, TakenByConnections: backend.ConnectionFields(), TakenByRoles: backend.RoleFields()})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.From, err)
	}
	return first, nil
}

// mayWrite refuses before anything is written where a file is there already.
func (c *newCommand) mayWrite() error {
	files := []string{c.Output}
	if c.From != "" {
		files = append(files, beside(c.Output, "contract"))
	}
	for _, file := range files {
		if _, err := os.Lstat(file); err == nil {
			return fmt.Errorf("%s is there already; write to another file, or remove it first", file)
		}
	}
	return nil
}

// write makes a file, and never replaces one.
func (c *newCommand) write(out io.Writer, file, text string) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already; write to another file, or remove it first", file)
	}
	if err != nil {
		return err
	}
	if _, err := io.WriteString(f, text); err != nil {
		return errors.Join(err, f.Close())
	}
	fmt.Fprintln(out, "wrote", file)
	return f.Close()
}
