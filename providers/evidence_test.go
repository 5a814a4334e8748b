package providers_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

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
