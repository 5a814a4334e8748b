package providers_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"vault-plugin-secrets-apikeys/internal/contract"
	"vault-plugin-secrets-apikeys/providers"
)

// specsVariable names the folder that holds the providers' OpenAPI documents.
const specsVariable = "PROVIDER_SPECS"

// TestContract lets each definition live whole lives of keys at a server made
// from its provider's own OpenAPI document. testdata/contract/NAME.hcl says
// with which fields; a new provider needs no more than that file.
func TestContract(t *testing.T) {
	specs := os.Getenv(specsVariable)
	if specs == "" {
		t.Skipf("%d definitions were not held against their providers' own OpenAPI documents: set %s to the folder of these", len(evidence(t, "contract")), specsVariable)
	}
	for _, name := range evidence(t, "contract") {
		t.Run(name, func(t *testing.T) {
			cases, err := contract.ReadCases(filepath.Join("testdata", "contract", name+".hcl"))
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range cases {
				t.Run(c.Title, func(t *testing.T) {
					tell(t, contract.Hold(t.Context(), load(t, name), c, document(t, c.Document)))
				})
			}
		})
	}
}

// exceptions is the file that says what no contract case holds, and why.
var exceptions = filepath.Join("testdata", "contract-exceptions.hcl")

// TestDocumentsAreHeldWhole: a definition whose provider publishes a document is held
// against it by a contract case, its rotation too, or a reason is written down. A case
// takes keys through all that the definition can do, so there is no more to ask of one.
func TestDocumentsAreHeldWhole(t *testing.T) {
	written, err := contract.ReadExceptions(exceptions)
	if err != nil {
		t.Fatal(err)
	}
	reasons := map[string]string{}
	for _, one := range written {
		reasons[one.Name+" "+one.Lacks] = one.Reason
	}
	for _, name := range providers.BuiltIn() {
		for _, lack := range lacks(t, load(t, name)) {
			if reasons[name+" "+lack] == "" {
				t.Errorf("%s: no contract case in testdata/contract holds its %s against its provider's document: write it, or in %s why it cannot be", name, lack, exceptions)
			}
			delete(reasons, name+" "+lack)
		}
	}
	for held := range reasons {
		t.Errorf("%s: %s is held, or there is no document: remove the exception", exceptions, held)
	}
}

// lacks is what no case holds of a definition for which there is a document.
func lacks(t *testing.T, d *providers.Definition) (missing []string) {
	cases, exchanges := casesOf(t, d.Name), exchangesOf(t, d.Name)
	document := len(cases) > 0 || slices.ContainsFunc(exchanges, func(x *contract.Exchange) bool { return x.Document != "" })
	if !document || d.Capabilities.InPlace { // of one credential for all there is no life to hold
		return nil
	}
	if len(cases) == 0 {
		missing = append(missing, contract.Life)
	}
	rotates := slices.ContainsFunc(cases, func(c *contract.Case) bool { return c.Rotation != nil })
	if d.Capabilities.RotateRoot && !rotates {
		missing = append(missing, contract.Rotation)
	}
	return missing
}

func casesOf(t *testing.T, name string) []*contract.Case {
	t.Helper()
	return readIfThere(t, filepath.Join("testdata", "contract", name+".hcl"), contract.ReadCases)
}

func exchangesOf(t *testing.T, name string) []*contract.Exchange {
	t.Helper()
	return readIfThere(t, filepath.Join("testdata", "exchanges", name+".hcl"), contract.ReadExchanges)
}

func readIfThere[T any](t *testing.T, path string, read func(string) ([]T, error)) []T {
	t.Helper()
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	found, err := read(path)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestExchanges lets each definition make the requests, and read the answers,
// that its provider's documentation shows: testdata/exchanges/NAME.hcl.
func TestExchanges(t *testing.T) {
	for _, name := range evidence(t, "exchanges") {
		t.Run(name, func(t *testing.T) {
			exchanges, err := contract.ReadExchanges(filepath.Join("testdata", "exchanges", name+".hcl"))
			if err != nil {
				t.Fatal(err)
			}
			for _, x := range exchanges {
				t.Run(x.Title, func(t *testing.T) {
					tell(t, contract.Replay(t.Context(), load(t, name), x, document(t, x.Document)))
				})
			}
		})
	}
}

// TestLastUseIsHeld: where a definition reads when keys were last used, a document holds it
// to that, or exchanges in which one key was used and another was not.
func TestLastUseIsHeld(t *testing.T) {
	for _, name := range providers.BuiltIn() {
		_, own := ownServers[name]
		byDocument := slices.ContainsFunc(casesOf(t, name), func(c *contract.Case) bool { return !slices.Contains(c.Lacks, "last_used_at") })
		if own || byDocument || !load(t, name).Capabilities.LastUsed {
			continue
		}
		var used, unused bool
		for _, x := range exchangesOf(t, name) {
			one, other := x.ShowsUse()
			used, unused = used || one, unused || other
		}
		if !used || !unused {
			t.Errorf("%s reads last_used_at, and nothing holds how: list in testdata/exchanges/%[1]s.hcl a key that was used and one that was not, each by a block item", name)
		}
	}
}

// TestListedEndIsHeld: where a definition reads the end of listed keys, a document holds it to
// that, or an exchange in which a key has one.
func TestListedEndIsHeld(t *testing.T) {
	for _, name := range providers.BuiltIn() {
		_, own := ownServers[name]
		byDocument := slices.ContainsFunc(casesOf(t, name), func(c *contract.Case) bool { return !slices.Contains(c.Lacks, "expires_at") })
		if own || byDocument || !load(t, name).Capabilities.ShowsRenewals {
			continue
		}
		if !slices.ContainsFunc(exchangesOf(t, name), (*contract.Exchange).ShowsEnd) {
			t.Errorf("%s reads the expires_at of listed keys, and nothing holds how: list in testdata/exchanges/%[1]s.hcl a key that ends, by a block item", name)
		}
	}
}

// publications is the file that says what the documents at hand are.
var publications = filepath.Join("testdata", "documents.hcl")

// TestEvidenceSaysOfWhenItIs: a document has the day of its commit, and what was read
// elsewhere the day on which it was.
func TestEvidenceSaysOfWhenItIs(t *testing.T) {
	published, err := contract.ReadPublished(publications)
	if err != nil {
		t.Fatal(err)
	}
	isDay := func(what, text string) {
		if _, err := time.Parse(time.DateOnly, text); err != nil {
			t.Errorf("%s: %q is no day: write it as 2026-11-28", what, text)
		}
	}
	used := map[string]bool{"": true}
	isPublished := func(name, file string) {
		if used[file] = true; file != "" && published[file] == nil {
			t.Errorf("%s: %s does not say what %s is, and of which day", name, publications, file)
		}
	}
	for _, name := range providers.BuiltIn() {
		for _, x := range exchangesOf(t, name) {
			isDay(name+": read of the exchange "+x.Title, x.Read)
			isPublished(name, x.Document)
		}
		for _, c := range casesOf(t, name) {
			isPublished(name, c.Document)
		}
	}
	for file, one := range published {
		isDay(file, one.Day)
		if !used[file] {
			t.Errorf("%s: nothing is held against %s: remove it", publications, file)
		}
		if told := excerptOf(t, file); told != "" && told != one.Source {
			t.Errorf("%s: %s is %s, and not %s", publications, file, told, one.Source)
		}
	}
}

// excerptOf is what a document at hand says that it is an excerpt of; empty for none.
func excerptOf(t *testing.T, file string) string {
	t.Helper()
	specs := os.Getenv(specsVariable)
	if specs == "" {
		return ""
	}
	text, err := os.ReadFile(filepath.Join(specs, file))
	if err != nil {
		t.Fatal(err)
	}
	var read struct {
		Info struct {
			Source struct{ Repository, Path, Commit string } `json:"x-source"`
		}
	}
	if err := json.Unmarshal(text, &read); err != nil || read.Info.Source.Commit == "" {
		return ""
	}
	from := read.Info.Source
	return from.Repository + ":" + from.Path + " @ " + from.Commit[:12]
}

func tell(t *testing.T, wrong []string) {
	t.Helper()
	for _, one := range wrong {
		t.Error(one)
	}
}

// evidence names the definitions that have a file in a folder of testdata.
func evidence(t *testing.T, folder string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", folder, "*.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	names := make([]string, 0, len(files))
	for _, file := range files {
		names = append(names, strings.TrimSuffix(filepath.Base(file), ".hcl"))
	}
	return names
}

func load(t *testing.T, name string) *providers.Definition {
	t.Helper()
	d, err := providers.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// document is one of the documents at hand, nil for none and where there are
// none.
func document(t *testing.T, file string) *contract.Document {
	t.Helper()
	specs := os.Getenv(specsVariable)
	if file == "" || specs == "" {
		return nil
	}
	read, err := contract.ReadDocument(filepath.Join(specs, file))
	if err != nil {
		t.Fatal(err)
	}
	return read
}
