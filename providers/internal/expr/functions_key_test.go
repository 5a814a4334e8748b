package expr

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"testing"
)

// Each kind of key is one that the signing functions read, and its public half is
// one that the standard library reads, in both encodings.
func TestRandomPrivateKey(t *testing.T) {
	for _, kind := range SortedNames(newPrivateKeys) {
		t.Run(kind, func(t *testing.T) {
			value, err := Scope{}.Evaluate(mustExpression(t, `[for key in [random_private_key("`+kind+`")] : [key, public_key(key), public_key(key, "der"), public_key_sha256(key)]][0]`))
			if err != nil {
				t.Fatal(err)
			}
			texts := AllTexts(value)
			private, err := ParsePrivateKey([]byte(texts[0]))
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
		if value, err := (Scope{}).Evaluate(mustExpression(t, text)); err == nil {
			t.Errorf("%s is %#v", text, value)
		}
	}
}
