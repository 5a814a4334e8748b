package expr

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"strings"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// publicKeySHA256Func is the fingerprint of the public half of a private key in
// PEM, as SHA-256 of its SubjectPublicKeyInfo in base64.
var publicKeySHA256Func = onText(cty.String, func(text string) (cty.Value, error) {
	der, err := publicHalf(text)
	if err != nil {
		return cty.NilVal, err
	}
	sum := sha256.Sum256(der)
	return cty.StringVal(base64.StdEncoding.EncodeToString(sum[:])), nil
})

// publicKeyFunc is public_key(private key in PEM): its public half in PEM, or, as the
// last argument says, the same in one line of base64 without the lines around it
// ("der").
var publicKeyFunc = function.New(&function.Spec{
	Params:   []function.Parameter{{Name: "private_key", Type: cty.String}},
	VarParam: &function.Parameter{Name: "encoding", Type: cty.String},
	Type:     function.StaticReturnType(cty.String),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		encoding := "pem"
		if len(args) > 1 {
			encoding = args[1].AsString()
		}
		if len(args) > 2 || encoding != "pem" && encoding != "der" {
			return cty.NilVal, errors.New(`the encoding must be "pem" or "der"`)
		}
		der, err := publicHalf(args[0].AsString())
		if err != nil {
			return cty.NilVal, err
		}
		if encoding == "der" {
			return cty.StringVal(base64.StdEncoding.EncodeToString(der)), nil
		}
		return cty.StringVal(string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))), nil
	},
})

// publicHalf is the SubjectPublicKeyInfo of a private key in PEM.
func publicHalf(text string) ([]byte, error) {
	key, err := ParsePrivateKey([]byte(text))
	if err != nil {
		return nil, errors.New("must be a private key in PEM")
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return nil, errors.New("must be a private key in PEM")
	}
	return der, nil
}

// newPrivateKeys make a key of each kind that providers let callers bring.
var newPrivateKeys = map[string]func() (crypto.Signer, error){
	"rsa-2048":   func() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, 2048) },
	"rsa-3072":   func() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, 3072) },
	"ecdsa-p256": func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) },
	"ed25519": func() (crypto.Signer, error) {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	},
}

// randomPrivateKeyFunc is random_private_key(kind): a new private key in PEM (PKCS #8),
// of which public_key tells the half that the provider is given.
var randomPrivateKeyFunc = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "kind", Type: cty.String}},
	Type:   function.StaticReturnType(cty.String),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		generate := newPrivateKeys[args[0].AsString()]
		if generate == nil {
			return cty.NilVal, errors.New("the kind must be one of " + strings.Join(SortedNames(newPrivateKeys), ", "))
		}
		key, err := generate()
		if err != nil {
			return cty.NilVal, errors.New("no key could be made")
		}
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			return cty.NilVal, errors.New("no key could be made")
		}
		return cty.StringVal(string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))), nil
	},
})
