package definition

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// mostDiagnostics bounds how many mistakes are told at once; the first ones
// usually explain the rest.
const mostDiagnostics = 10

// mostNoted bounds how many are kept at all.
const mostNoted = 200

// longestExcerpt bounds what is shown of a line, in characters.
const longestExcerpt = 200

// problems gathers the mistakes found in one definition.
type problems struct {
	list hcl.Diagnostics
}

// add notes a mistake at a place.
func (p *problems) add(at hcl.Range, summary, detail string, args ...any) {
	if len(p.list) >= mostNoted {
		return // whoever generated this has made the same mistake all over
	}
	p.list = append(p.list, &hcl.Diagnostic{
		Severity: hcl.DiagError,
		Summary:  summary,
		Detail:   fmt.Sprintf(detail, args...),
		Subject:  &at,
	})
}

// addAll notes what HCL itself found.
func (p *problems) addAll(found hcl.Diagnostics) {
	p.list = append(p.list, found[:min(len(found), max(0, mostNoted-len(p.list)))]...)
}

func (p *problems) any() bool { return p.list.HasErrors() }

// err is all mistakes as one error, each with its line and a caret, or nil.
func (p *problems) err(src []byte) error {
	if !p.any() {
		return nil
	}
	return &definitionError{diagnostics: p.list, source: src}
}

// definitionError is what Parse returns: every mistake with its place.
type definitionError struct {
	diagnostics hcl.Diagnostics
	source      []byte
}

// Diagnostics are the mistakes that Parse found in a definition, each with its
// place, in HCL's own form; nil for an error that is not about a definition's
// text as such. Unlike the error's text they are never cut short.
func Diagnostics(err error) hcl.Diagnostics {
	var wrong *definitionError
	if !errors.As(err, &wrong) {
		return nil
	}
	return wrong.diagnostics
}

// Mistakes is the text of an error that Parse answers with every mistake in it, where
// the error's own is cut short.
func Mistakes(err error) string {
	var wrong *definitionError
	if !errors.As(err, &wrong) {
		return err.Error()
	}
	return wrong.text(mostNoted)
}

func (e *definitionError) Error() string { return e.text(mostDiagnostics) }

// text tells so many mistakes, each with its line and a caret.
func (e *definitionError) text(most int) string {
	lines := bytes.Split(e.source, []byte("\n"))
	var text strings.Builder
	shown := map[string]bool{}
	for _, d := range e.diagnostics {
		if d.Severity != hcl.DiagError {
			continue
		}
		one := describe(d, lines)
		if shown[one] {
			continue // one mistake may break several checks
		}
		if len(shown) == most {
			text.WriteString("\nMore mistakes follow; mend these first.\n")
			break
		}
		if len(shown) > 0 {
			text.WriteString("\n")
		}
		shown[one] = true
		text.WriteString(one)
	}
	return strings.TrimRight(text.String(), "\n")
}

// describe renders one mistake: what, where, the source line with a caret
// under the place, and what to write instead.
func describe(d *hcl.Diagnostic, lines [][]byte) string {
	var text strings.Builder
	fmt.Fprintf(&text, "Error: %s\n", d.Summary)
	if d.Subject != nil {
		at := *d.Subject
		fmt.Fprintf(&text, "  %s line %d:\n", at.Filename, at.Start.Line)
		if n := at.Start.Line - 1; n >= 0 && n < len(lines) {
			text.WriteString(excerpt(at, string(bytes.TrimRight(lines[n], "\r"))))
		}
	}
	if d.Detail != "" {
		fmt.Fprintf(&text, "  %s\n", d.Detail)
	}
	return text.String()
}

// excerpt is the source line of a place with carets under it.
func excerpt(at hcl.Range, line string) string {
	gutter := fmt.Sprintf("    %d: ", at.Start.Line)
	runes := []rune(line)
	start := min(max(at.Start.Column-1, 0), len(runes))
	end := len(runes)
	if at.End.Line == at.Start.Line {
		end = min(max(at.End.Column-1, 0), len(runes))
	}
	// Of a line that is too long to show, the part around the place.
	cut := max(0, min(start-longestExcerpt/4, len(runes)-longestExcerpt))
	runes = runes[cut:min(len(runes), cut+longestExcerpt)]
	start, end, line = start-cut, min(end-cut, len(runes)), string(runes)
	var pad strings.Builder
	pad.WriteString(strings.Repeat(" ", len(gutter)))
	for _, r := range runes[:start] {
		if r == '\t' {
			pad.WriteRune('\t') // so that the caret lines up whatever the tab width
		} else {
			pad.WriteRune(' ')
		}
	}
	return gutter + line + "\n" + pad.String() + strings.Repeat("^", max(1, end-start)) + "\n"
}
