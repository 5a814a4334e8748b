package providers

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
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
	// Signs is what it says that it signs, where it shows no signature.
	Signs *publishedText
}

// publishedText is a text that a provider shows as what is signed, by HMAC with SHA-256.
type publishedText struct {
	Text, Key string
	Encoding  string // "hex" or "base64"
	Header    string // that carries the signature
}

func (p publishedText) signature() string {
	mac := hmac.New(sha256.New, []byte(p.Key))
	mac.Write([]byte(p.Text))
	if p.Encoding == "base64" {
		return base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	return hex.EncodeToString(mac.Sum(nil))
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
			if one.Signs != nil {
				if got, want := r.Header.Get(one.Signs.Header), one.Signs.signature(); got != want {
					t.Errorf("%s is %q, and of what %s says that is signed it is %q", one.Signs.Header, got, one.Source, want)
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
