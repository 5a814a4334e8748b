package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsimple"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"vault-plugin-secrets-apikeys/internal/contract"
	"vault-plugin-secrets-apikeys/providers"
)

// evidence is what a definition is held to, and what an operator may write: both
// stand in the files of test data beside the catalog.
type evidence struct {
	Told  []string // a sentence for each kind
	Short string   // the strongest kind, in a word or two, and of when it is
	Not   []string // a sentence for each thing that the provider's document does not hold

	connection, role map[string]any // of keys that the tests make
}

// evidenceOf reads what a definition is held to below testdata, the folder of the
// catalog's test data.
func evidenceOf(d *providers.Definition, testdata string) (*evidence, error) {
	e := &evidence{Short: "the server that comes with it"}
	if err := e.takeExample(filepath.Join(testdata, "examples.hcl"), d.Name); err != nil {
		return nil, err
	}
	published, err := contract.ReadPublished(filepath.Join(testdata, "documents.hcl"))
	if err != nil {
		return nil, err
	}
	if err := e.takeExchanges(filepath.Join(testdata, "exchanges", d.Name+".hcl"), published); err != nil {
		return nil, err
	}
	if err := e.takeCases(filepath.Join(testdata, "contract", d.Name+".hcl"), published); err != nil {
		return nil, err
	}
	exceptions, err := contract.ReadExceptions(filepath.Join(testdata, "contract-exceptions.hcl"))
	if err != nil {
		return nil, err
	}
	for _, one := range exceptions {
		if one.Name == d.Name {
			e.Not = append(e.Not, fmt.Sprintf("No %s is held whole against that document: %s.", one.Lacks, one.Reason))
		}
	}
	if len(d.VerifiedAgainst) > 0 {
		servers := strings.Join(d.VerifiedAgainst, ", ")
		e.Short = servers + ", with every change"
		e.tell("keys are taken through their life at a real server, %s", servers)
	}
	return e, nil
}

// takeExchanges takes a definition's exchanges: what was read, and on which day.
func (e *evidence) takeExchanges(path string, published map[string]*contract.Published) error {
	exchanges, err := read(path, contract.ReadExchanges)
	if err != nil {
		return err
	}
	last, document := "", ""
	for _, x := range exchanges {
		last, document = max(last, x.Read), cmp.Or(document, x.Document)
		e.tell("exchanges that its documentation shows are replayed (%s: %s, read on %s)", x.Title, x.Source, x.Read)
		if x.Document != "" {
			e.tell("those are held against %s too", named(published[x.Document]))
		}
		if err := e.take(x.Connection, x.Role); err != nil {
			return err
		}
	}
	switch {
	case document != "":
		e.Short = shortly(published[document])
	case last != "":
		e.Short = "documentation, " + last
	}
	return nil
}

// takeCases takes a definition's contract cases: which document, and of which day.
func (e *evidence) takeCases(path string, published map[string]*contract.Published) error {
	cases, err := read(path, contract.ReadCases)
	if err != nil {
		return err
	}
	for _, c := range cases {
		e.Short = shortly(published[c.Document])
		also := ""
		if c.Rotation != nil {
			also = ", and so is the admin credential's replacement"
		}
		e.tell("a key's life is held against %s (%s)%s", named(published[c.Document]), c.Title, also)
		if err := e.take(c.Connection, c.Role); err != nil {
			return err
		}
	}
	return nil
}

func shortly(document *contract.Published) string { return "OpenAPI document, " + document.Day }

func named(document *contract.Published) string {
	return fmt.Sprintf("the provider's OpenAPI document of %s, %s", document.Day, document.Source)
}

// takeExample takes the fields that the file of examples has for a definition.
func (e *evidence) takeExample(path, name string) error {
	var file struct {
		Examples []struct {
			Name       string    `hcl:"name,label"`
			Connection cty.Value `hcl:"connection,optional"`
			Role       cty.Value `hcl:"role,optional"`
		} `hcl:"example,block"`
	}
	if err := hclsimple.DecodeFile(path, nil, &file); err != nil {
		return err
	}
	for _, example := range file.Examples {
		if example.Name != name {
			continue
		}
		if err := e.take(example.Connection, example.Role); err != nil {
			return err
		}
	}
	return nil
}

// read reads a file of test data, if there is one.
func read[T any](path string, parse func(path string) ([]T, error)) ([]T, error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return parse(path)
}

func (e *evidence) tell(format string, args ...any) {
	e.Told = append(e.Told, fmt.Sprintf(format, args...))
}

// take keeps the first fields that say anything.
func (e *evidence) take(connection, role cty.Value) (err error) {
	if len(e.connection) == 0 {
		if e.connection, err = fieldsOf(connection); err != nil {
			return err
		}
	}
	if len(e.role) == 0 {
		e.role, err = fieldsOf(role)
	}
	return err
}

func fieldsOf(written cty.Value) (map[string]any, error) {
	if written == cty.NilVal || written.IsNull() {
		return nil, nil
	}
	text, err := ctyjson.Marshal(written, written.Type())
	if err != nil {
		return nil, err
	}
	var fields map[string]any
	return fields, json.Unmarshal(text, &fields)
}
