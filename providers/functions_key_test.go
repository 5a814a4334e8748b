package providers

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"net/http"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

func mustExpression(t testing.TB, text string) hclsyntax.Expression {
	t.Helper()
	expr, found := hclsyntax.ParseExpression([]byte(text), "test", hcl.InitialPos)
	if found.HasErrors() {
		t.Fatal(found)
	}
	return expr
}

// Each kind of key is one that the signing functions read, and its public half is
// one that the standard library reads, in both encodings.
func TestRandomPrivateKey(t *testing.T) {
	for _, kind := range sortedNames(newPrivateKeys) {
		t.Run(kind, func(t *testing.T) {
			value, err := scope{}.evaluate(mustExpression(t, `[for key in [random_private_key("`+kind+`")] : [key, public_key(key), public_key(key, "der"), public_key_sha256(key)]][0]`))
			if err != nil {
				t.Fatal(err)
			}
			texts := allTexts(value)
			private, err := parsePrivateKey([]byte(texts[0]))
			if err != nil {
				t.Fatal(err)
			}
			want, _ := x509.MarshalPKIXPublicKey(private.Public())
			block, rest := pem.Decode([]byte(texts[1]))
			if block == nil || block.Type != "PUBLIC KEY" || string(block.Bytes) != string(want) || len(rest) > 0 {
				t.Errorf("the public half is %q", texts[1])
			}
			if texts[2] != base64.StdEncoding.EncodeToString(want) {
				t.Errorf("in one line it is %q", texts[2])
			}
		})
	}
}

func TestKeyPairMistakes(t *testing.T) {
	for _, text := range []string{`random_private_key("dsa")`, `public_key("no key")`, `public_key("no key", "jwk")`} {
		if value, err := (scope{}).evaluate(mustExpression(t, text)); err == nil {
			t.Errorf("%s is %#v", text, value)
		}
	}
	_, err := Parse("acme.hcl", []byte(strings.Replace(wholeDefinition, "scopes  = role.scopes", `scopes = [random_private_key("ed25519")]`, 1)))
	if err == nil || !strings.Contains(err.Error(), "belongs into the candidate") {
		t.Errorf("a key that is made in a request, and lost with it, is taken: %v", err)
	}
}

// The provider gets the public half, and the reader the private one.
func TestIssueKeyPair(t *testing.T) {
	definition := strings.NewReplacer(
		"scopes  = role.scopes", "scopes  = role.scopes\n      public_key = public_key(candidate.private_key)",
		"secret = { api_key = body.key }", "candidate = { private_key = random_private_key(\"ed25519\") }\n    secret = { private_key = candidate.private_key }",
		"secret.api_key", "secret.private_key == null",
	).Replace(wholeDefinition)
	f := newFake(t)
	f.on("POST /v1/projects/p/keys", http.StatusOK, object{"id": "1", "owner": "o"})
	key, err := f.client(t, definition, nil).Issue(t.Context(), KeyRequest{Name: "n", Role: Values{"project": "p"}})
	if err != nil {
		t.Fatal(err)
	}
	private, err := parsePrivateKey([]byte(key.Value))
	if err != nil {
		t.Fatal(err)
	}
	der, _ := x509.MarshalPKIXPublicKey(private.Public())
	body, _ := f.last()
	sent, _ := decodeJSON([]byte(body))
	block, _ := pem.Decode([]byte(sent.(object)["public_key"].(string)))
	if block == nil || string(block.Bytes) != string(der) || strings.Contains(body, "PRIVATE") {
		t.Errorf("sent was %s", body)
	}
}
