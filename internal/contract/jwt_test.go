package contract

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"
)

// signed is a token of the given claims.
func signed(t *testing.T, key *rsa.PrivateKey, claims string) string {
	t.Helper()
	text := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RS256"}`)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func TestTokenIsHeldAgainstItsClaims(t *testing.T) {
	trip := &Trip{JWT: cty.ObjectVal(map[string]cty.Value{"iss": cty.StringVal("me"), "exp": cty.NumberIntVal(7)})}
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ token, want string }{
		"right":       {signed(t, signingKey(), `{"iss":"me","exp":7}`), ""},
		"other claim": {signed(t, signingKey(), `{"iss":"you","exp":7}`), "claims"},
		"more claims": {signed(t, signingKey(), `{"iss":"me","exp":7,"sub":"x"}`), "claims"},
		"other key":   {signed(t, other, `{"iss":"me","exp":7}`), "not signed with private_key"},
		"no token":    {"opaque", "is no JWT"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Authorization", "Bearer "+test.token)
		got := trip.jwtDifference(r, nil)
		if (test.want == "") != (got == "") || !strings.Contains(got, test.want) {
			t.Errorf("%s: got %q, want %q in it", name, got, test.want)
		}
		if got := trip.jwtDifference(httptest.NewRequest(http.MethodPost, "/", nil), []byte("assertion="+test.token)); (test.want == "") != (got == "") {
			t.Errorf("%s as an assertion: got %q", name, got)
		}
	}
}

// Every https address leads to the handler, which sees the host that was meant.
func TestInternetServesEveryHost(t *testing.T) {
	internet, err := NewInternet(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Host) }))
	if err != nil {
		t.Fatal(err)
	}
	defer internet.Close()
	client := internet.client(t)
	for _, host := range []string{"api.example.com", "tokens.example.net"} {
		response, err := client.Get("https://" + host + "/x")
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil || string(text) != host {
			t.Errorf("%s is served as %q (%v)", host, text, err)
		}
	}
}

func (n *Internet) client(t *testing.T) *http.Client {
	t.Helper()
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(n.CACert)) {
		t.Fatal("the certificate is not PEM")
	}
	way := &http.Transport{DialContext: n.Dial, TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}
	t.Cleanup(way.CloseIdleConnections)
	return &http.Client{Transport: way}
}
