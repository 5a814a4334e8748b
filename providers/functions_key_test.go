package providers

import (
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"strings"
	"testing"

	"vault-plugin-secrets-apikeys/providers/internal/expr"
)

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
	private, err := expr.ParsePrivateKey([]byte(key.Value))
	if err != nil {
		t.Fatal(err)
	}
	der, _ := x509.MarshalPKIXPublicKey(private.Public())
	body, _ := f.last()
	sent, _ := expr.DecodeJSON([]byte(body))
	block, _ := pem.Decode([]byte(sent.(object)["public_key"].(string)))
	if block == nil || string(block.Bytes) != string(der) || strings.Contains(body, "PRIVATE") {
		t.Errorf("sent was %s", body)
	}
}

// A key that is made in a request would be lost with it.
func TestKeyPairIsChosenOnce(t *testing.T) {
	_, err := Parse("acme.hcl", []byte(strings.Replace(wholeDefinition, "scopes  = role.scopes", `scopes = [random_private_key("ed25519")]`, 1)))
	if err == nil || !strings.Contains(err.Error(), "belongs into the candidate") {
		t.Errorf("a key that is made in a request, and lost with it, is taken: %v", err)
	}
}
