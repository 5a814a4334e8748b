package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/hashicorp/hcl/v2"

	"vault-plugin-secrets-apikeys/backend"
	"vault-plugin-secrets-apikeys/internal/draft"
	"vault-plugin-secrets-apikeys/providers"
)

type checkCommand struct {
	Files []string `arg:"" name:"file" help:"Definitions to check; - is standard input."`
	JSON  bool     `name:"json" help:"Answer as JSON, for editors."`
}

// diagnostic is one mistake as editors read it. Lines and columns count from 1
// and bytes from 0, as in HCL; end is exclusive.
type diagnostic struct {
	File     string `json:"file"`
	Severity string `json:"severity"`
	Summary  string `json:"summary"`
	Detail   string `json:"detail,omitempty"`
	// Start and End are missing where the mistake is in no one place.
	Start *position `json:"start,omitempty"`
	End   *position `json:"end,omitempty"`
}

type position struct {
	Line   int `json:"line"`
	Column int `json:"column"`
	Byte   int `json:"byte"`
}

func (c *checkCommand) Run(out io.Writer) error {
	found, undecided := []diagnostic{}, []diagnostic{}
	for _, file := range c.Files {
		source, err := readSource(file)
		if err == nil {
			err = checkSource(file, source)
		}
		if err != nil {
			found = append(found, diagnosticsOf(file, err)...)
		}
		undecided = append(undecided, undecidedIn(file, source)...)
		if err != nil && !c.JSON {
			fmt.Fprintf(out, "%s\n\n", providers.Mistakes(err))
		}
	}
	switch {
	case c.JSON:
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(map[string]any{"valid": len(found) == 0, "diagnostics": append(found, undecided...)}); err != nil {
			return err
		}
	case len(found) == 0:
		fmt.Fprintln(out, "No mistakes were found.")
	}
	if len(undecided) > 0 && !c.JSON {
		fmt.Fprintf(out, "\n%d lines are left to decide:\n", len(undecided))
		for _, one := range undecided {
			fmt.Fprintf(out, "  %s line %d: %s\n", one.File, one.Start.Line, one.Summary)
		}
	}
	if len(found) > 0 {
		return errSilent
	}
	return nil
}

// checkSource is what is wrong with a definition, as an upload would tell it.
func checkSource(file string, source []byte) error {
	d, err := providers.Parse(file, source)
	if err != nil {
		return err
	}
	return backend.RefuseReservedNames(d)
}

// undecidedIn are the lines that apikeys new has left to the author. They are no
// mistakes: the definition can be used.
func undecidedIn(file string, source []byte) []diagnostic {
	var found []diagnostic
	for _, q := range draft.Questions(string(source)) {
		at := position{Line: q.Line, Column: 1, Byte: q.Byte}
		found = append(found, diagnostic{File: file, Severity: "warning", Summary: q.Text, Start: &at, End: &at})
	}
	return found
}

// diagnosticsOf are the mistakes that an error of Parse tells.
func diagnosticsOf(file string, err error) []diagnostic {
	var found []diagnostic
	told := map[string]bool{}
	for _, d := range providers.Diagnostics(err) {
		if told[d.Error()] {
			continue // one mistake may break several checks
		}
		told[d.Error()] = true
		one := diagnostic{File: file, Severity: "error", Summary: d.Summary, Detail: d.Detail}
		if d.Severity == hcl.DiagWarning {
			one.Severity = "warning"
		}
		if d.Subject != nil {
			one.Start, one.End = positionOf(d.Subject.Start), positionOf(d.Subject.End)
		}
		found = append(found, one)
	}
	if len(found) == 0 {
		found = append(found, diagnostic{File: file, Severity: "error", Summary: err.Error()})
	}
	return found
}

func positionOf(p hcl.Pos) *position { return &position{Line: p.Line, Column: p.Column, Byte: p.Byte} }

// readSource reads a definition, or standard input for "-": no more of it than shows
// that it is too long.
func readSource(file string) ([]byte, error) {
	if file == "-" {
		return io.ReadAll(io.LimitReader(os.Stdin, providers.LongestDefinition+1))
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, providers.LongestDefinition+1))
}
