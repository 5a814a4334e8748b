package providers

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Credentials often come from files, which end with a line end.
func TestCredentialsFromFiles(t *testing.T) {
	kinds := map[string]string{
		"bearer": `auth "bearer" { token = connection.secret }`,
		"basic": `auth "basic" {
    username = connection.id
    password = connection.secret
  }`,
		"header": `auth "header" { headers = { X-Key = connection.secret } }`,
		"query":  `auth "query" { query = { key = connection.secret } }`,
		"signature": `auth "signature" {
    algorithm = "hmac-sha256"
    key       = connection.secret
    message   = request.path
    headers   = { X-Id = connection.id, X-Sign = signature }
  }`,
		"sigv4": `auth "sigv4" {
    access_key_id     = connection.id
    secret_access_key = connection.secret
    region            = "eu-central-1"
    service           = "apigateway"
  }`,
	}
	now := time.Unix(1_700_000_000, 0)
	sent := func(t *testing.T, auth, id, secret string) string {
		c := authClient(t, auth, "https://x.example", Values{"id": id, "secret": secret}, now)
		r := signedRequest(t, c, http.MethodGet, "https://x.example/keys", "")
		var text strings.Builder
		_ = r.Write(&text)
		return text.String()
	}
	for kind, auth := range kinds {
		for name, end := range map[string]string{"a line end": "\n", "CRLF": "\r\n", "several": "\n\n"} {
			if want, got := sent(t, auth, "me", "s3cret-value"), sent(t, auth, "me"+end, "s3cret-value"+end); got != want {
				t.Errorf("%s: with %s after the credential it sends\n%s\nand not\n%s", kind, name, got, want)
			}
		}
		if kind == "signature" || kind == "sigv4" {
			continue // there the secret is not sent
		}
		_, err := NewClient(mustParse(t, authDefinition(auth)), Settings{Values: Values{"id": "me", "secret": "s3cret\nvalue"}, BaseURL: "https://x.example"})
		if err == nil || !strings.Contains(err.Error(), `"secret"`) || !strings.Contains(err.Error(), "line break") || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: a line break in the midst: %v", kind, err)
		}
	}
}

// What is stored is without the line end too.
func TestMergeDropsLineEnds(t *testing.T) {
	d := mustParse(t, wholeDefinition)
	merged, err := d.Connection.Merge(nil, map[string]any{"admin_key": "k3y\r\n"}, nil)
	if err != nil || merged["admin_key"] != "k3y" {
		t.Errorf("stored is %q, %v", merged["admin_key"], err)
	}
	if _, err := d.Connection.Merge(nil, map[string]any{"admin_key": "\n"}, nil); err == nil {
		t.Error("a line end alone counts as a credential")
	}
}

// What is no private key is told by the field that holds it, and not shown.
func TestWhatIsNoPrivateKey(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	lines := strings.TrimSpace(text)
	auth := `auth "jwt" {
    algorithm = "ES256"
    key       = connection.secret
    lifetime  = "5m"
    claims    = { iss = connection.id }
  }`
	for name, given := range map[string]string{
		"a path": "/etc/acme/key.pem", "cut off": lines[:len(lines)/2], "a public key": strings.ReplaceAll(text, "PRIVATE", "PUBLIC")[:80],
		"nothing inside": "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----",
	} {
		_, err := NewClient(mustParse(t, authDefinition(auth)), Settings{Values: Values{"id": "me", "secret": given}, BaseURL: "https://x.example"})
		if err == nil || !strings.Contains(err.Error(), `connection field "secret"`) || len(given) > 60 && strings.Contains(err.Error(), given[40:55]) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
