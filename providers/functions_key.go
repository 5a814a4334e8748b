package providers

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"

	"github.com/zclconf/go-cty/cty"
)

// publicKeySHA256Func is the fingerprint of the public half of a private key in
// PEM, as SHA-256 of its SubjectPublicKeyInfo in base64.
var publicKeySHA256Func = onText(cty.String, func(text string) (cty.Value, error) {
	key, err := parsePrivateKey([]byte(text))
	if err != nil {
		return cty.NilVal, errors.New("must be a private key in PEM")
	}
	info, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return cty.NilVal, errors.New("must be a private key in PEM")
	}
	sum := sha256.Sum256(info)
	return cty.StringVal(base64.StdEncoding.EncodeToString(sum[:])), nil
})
