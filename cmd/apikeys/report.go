package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/fatih/color"
)

// report tells what was seen, one line a finding, green or red.
type report struct {
	out     io.Writer
	failed  int
	judged  int      // how much was tested at all
	secrets []string // never shown
	// unproven says what the good end of it all does not prove; empty for nothing.
	unproven string
}

func (r *report) title(text string) { fmt.Fprintf(r.out, "%s\n\n", color.New(color.Bold).Sprint(text)) }

// ok tells what went as it should.
func (r *report) ok(format string, args ...any) {
	r.line(color.GreenString("✓"), fmt.Sprintf(format, args...))
}

// note tells what was not looked at, and why.
func (r *report) note(format string, args ...any) {
	r.line(color.YellowString("–"), fmt.Sprintf(format, args...))
}

// wrong tells what did not go as it should; the command will fail.
func (r *report) wrong(format string, args ...any) {
	r.failed++
	r.line(color.RedString("✗"), color.RedString("%s", r.clean(fmt.Sprintf(format, args...))))
}

func (r *report) line(mark, text string) { fmt.Fprintf(r.out, "%s %s\n", mark, r.clean(text)) }

func (r *report) clean(text string) string {
	for _, secret := range r.secrets {
		text = strings.ReplaceAll(text, secret, "…")
	}
	return text
}

// verdict is the last line, good where nothing went wrong, and the command's outcome.
func (r *report) verdict(good string) error {
	if r.failed > 0 {
		fmt.Fprintf(r.out, "\n%s\n", color.RedString("%d of it went wrong.", r.failed))
		return errSilent
	}
	if r.unproven != "" {
		fmt.Fprintf(r.out, "\n%s\n", color.YellowString("Nothing went wrong, and not all of it is proven."))
		return nil
	}
	fmt.Fprintf(r.out, "\n%s\n", color.GreenString("%s", good))
	return nil
}
