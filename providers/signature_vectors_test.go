package providers

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// publishedSignature is a request that a provider shows with its signature.
type publishedSignature struct {
	Provider   string
	Source     string
	Connection Values
	TimeMS     int64 `json:"time_ms"`
	Method     string
	URL        string
	Body       string
	Query      map[string]string
	Headers    map[string]string
}

// TestBuiltInRecipesMatchPublishedSignatures signs what providers show signed, by the
// recipes of the definitions themselves.
func TestBuiltInRecipesMatchPublishedSignatures(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "signatures.json"))
	if err != nil {
		t.Fatal(err)
	}
	var published []publishedSignature
	if err := json.Unmarshal(text, &published); err != nil {
		t.Fatal(err)
	}
	for _, one := range published {
		t.Run(one.Provider+" "+one.Method, func(t *testing.T) {
			d, err := Load(one.Provider)
			if err != nil {
				t.Fatal(err)
			}
			c, err := NewClient(d, Settings{Values: one.Connection, Jitter: noPause})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(c.Close)
			at := millis(one.TimeMS)
			c.now = func() time.Time { return at }
			r := signedRequest(t, c, one.Method, one.URL, one.Body)
			for name, want := range one.Query {
				if got := r.URL.Query().Get(name); got != want {
					t.Errorf("%s is %q, and %s shows %q", name, got, one.Source, want)
				}
			}
			for name, want := range one.Headers {
				if got := r.Header.Get(name); got != want {
					t.Errorf("%s is %q, and %s shows %q", name, got, one.Source, want)
				}
			}
		})
	}
}
