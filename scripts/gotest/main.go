// Gotest runs `go test` with the arguments it is given and ends with one line,
// "N passed, N failed, N skipped". Before that it shows one line a package, and
// all that a failed test said; with -show before the other arguments, also what
// passing tests said. What was skipped comes last, with the reason in full: a run
// that left something out is to be told from one that did not.
//
// Where the variable TEST_TALLY names a file, the three numbers are appended to
// it, so that a script can add several runs up.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
)

func main() {
	args := os.Args[1:]
	show := len(args) > 0 && args[0] == "-show"
	if show {
		args = args[1:]
	}
	run := newRun(os.Stdout, show)
	err := run.goTest(args)
	run.tellSkipped()
	fmt.Printf("%d passed, %d failed, %d skipped\n", run.passed, run.failed, run.skipped)
	if tallyErr := run.tally(os.Getenv("TEST_TALLY")); tallyErr != nil {
		fmt.Fprintln(os.Stderr, tallyErr)
		os.Exit(1)
	}
	if err != nil || run.failed > 0 {
		os.Exit(1)
	}
}

// event is one line of `go test -json`; go doc test2json describes it.
type event struct {
	Action     string
	Package    string
	ImportPath string // of a package that does not build
	Test       string
	Output     string
	Elapsed    float64
}

// run gathers what the tests say until it is known whether to show it.
type run struct {
	out  io.Writer
	show bool

	passed, failed, skipped int
	said                    map[string]string   // output by package and test
	tests                   map[string]int      // tests that ended, by package
	broken                  map[string]bool     // packages with a failed test
	left                    map[string][]string // skipped tests by the reason
}

func newRun(out io.Writer, show bool) *run {
	return &run{out: out, show: show, said: map[string]string{}, tests: map[string]int{}, broken: map[string]bool{}, left: map[string][]string{}}
}

// goTest runs the tests; an error means that some failed, or could not be run.
func (r *run) goTest(args []string) error {
	cmd := exec.Command("go", append([]string{"test", "-json"}, args...)...)
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	r.read(stdout)
	return cmd.Wait()
}

func (r *run) read(events io.Reader) {
	lines := bufio.NewReader(events)
	for {
		line, err := lines.ReadBytes('\n')
		var e event
		if json.Unmarshal(line, &e) == nil {
			r.take(e)
		} else {
			r.out.Write(line)
		}
		if err != nil {
			return
		}
	}
}

func (r *run) take(e event) {
	key := e.Package + e.ImportPath + " " + e.Test
	switch e.Action {
	case "output", "build-output":
		r.said[key] += e.Output
	case "build-fail":
		r.tell(key)
	case "pass", "fail", "skip":
		if e.Test == "" {
			r.endPackage(e)
		} else {
			r.endTest(e, key)
		}
		delete(r.said, key)
	}
}

func (r *run) endTest(e event, key string) {
	r.tests[e.Package]++
	switch e.Action {
	case "pass":
		r.passed++
		if r.show {
			r.tell(key)
		}
	case "skip":
		r.skipped++
		reason := reason(r.said[key])
		r.left[reason] = append(r.left[reason], e.Package+" "+e.Test)
	case "fail":
		r.failed++
		r.broken[e.Package] = true
		r.tell(key)
	}
}

// reason is what a skipped test said, less what go test says around it.
func reason(said string) string {
	var lines []string
	for line := range strings.Lines(said) {
		if line = strings.TrimSpace(line); !strings.HasPrefix(line, "=== ") && !strings.HasPrefix(line, "--- ") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n      ")
}

// tellSkipped shows what was left out, a reason at a time.
func (r *run) tellSkipped() {
	for _, reason := range slices.Sorted(maps.Keys(r.left)) {
		fmt.Fprintf(r.out, "SKIPPED %s\n", reason)
		for _, test := range r.left[reason] {
			fmt.Fprintf(r.out, "        %s\n", test)
		}
	}
}

func (r *run) endPackage(e event) {
	switch {
	case e.Action == "fail":
		r.tellUnended(e.Package)
		if !r.broken[e.Package] { // it does not build, or died outside of a test
			r.failed++
		}
		fmt.Fprintf(r.out, "FAIL  %s\n", e.Package)
	case r.tests[e.Package] > 0:
		fmt.Fprintf(r.out, "ok    %-55s %4d tests %7.1fs\n", e.Package, r.tests[e.Package], e.Elapsed)
	}
}

// tellUnended shows what the package said, and its tests that never ended: a
// panic is among it.
func (r *run) tellUnended(pkg string) {
	for _, key := range slices.Sorted(maps.Keys(r.said)) {
		if strings.HasPrefix(key, pkg+" ") {
			r.tell(key)
			delete(r.said, key)
		}
	}
}

// tell shows what was said, less the lines that only say that tests begin.
func (r *run) tell(key string) {
	for line := range strings.Lines(r.said[key]) {
		if !strings.HasPrefix(line, "=== ") {
			io.WriteString(r.out, line)
		}
	}
}

func (r *run) tally(path string) error {
	if path == "" {
		return nil
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = fmt.Fprintln(file, r.passed, r.failed, r.skipped)
	return err
}
