package contract

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"sync"

	"github.com/zclconf/go-cty/cty"
)

// assertionField is the form field of a token that is to be exchanged (RFC 7523).
const assertionField = "assertion"

var signingKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// PrivateKey is the RSA key, in PEM, that exchanges call private_key. It is made
// anew for each run.
func PrivateKey() string {
	der, err := x509.MarshalPKCS8PrivateKey(signingKey())
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// fingerprint is the claim that stands for the key: the SHA-256 of its public
// half, in base64.
func fingerprint() string {
	der, err := x509.MarshalPKIXPublicKey(&signingKey().PublicKey)
	if err != nil {
		panic(err)
	}
	sum := sha256.Sum256(der)
	return base64.StdEncoding.EncodeToString(sum[:])
}

func (t *Trip) jwtDifference(r *http.Request, text []byte) string {
	if t.JWT == cty.NilVal || t.JWT.IsNull() {
		return ""
	}
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if form, err := url.ParseQuery(string(text)); err == nil && form.Get(assertionField) != "" {
		token = form.Get(assertionField)
	}
	want, err := plain(t.JWT)
	if err != nil {
		return err.Error()
	}
	got, err := verify(token)
	if err != nil {
		return err.Error()
	}
	if !reflect.DeepEqual(got, want) {
		wanted, _ := json.Marshal(want)
		found, _ := json.Marshal(got)
		return fmt.Sprintf("the token claims %s, not %s", found, wanted)
	}
	return ""
}

// verify is the claims of an RS256 token that PrivateKey has signed. The key's
// fingerprint within a claim reads {fingerprint}.
func verify(token string) (any, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, fmt.Errorf("%q is no JWT", token)
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if err := rsa.VerifyPKCS1v15(&signingKey().PublicKey, crypto.SHA256, sum[:], signature); err != nil {
		return nil, fmt.Errorf("the token is not signed with private_key: %w", err)
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil, err
	}
	return decodeJSON([]byte(strings.ReplaceAll(string(payload), fingerprint(), "{fingerprint}")))
}
