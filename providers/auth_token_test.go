package providers

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

const loginAuth = `auth "login" {
    request {
      post = "/login"
      json = {
        user   = connection.id
        secret = connection.secret
      }
    }
    token      = body.token
    expires_in = body.expires_in
    headers    = { Authorization = "Token ${token}" }
  }`

// loginServer gives a new token at each login and takes the newest only.
type loginServer struct {
	*fake
	mu     sync.Mutex
	logins int
	refuse bool          // every token
	hold   chan struct{} // logins wait until it is closed
	begun  chan struct{} // receives one for each login that waits
}

func newLoginServer(t *testing.T) *loginServer {
	l := &loginServer{fake: newFake(t)}
	l.do("POST /v1/login", func(w http.ResponseWriter, r *http.Request) {
		if l.hold != nil {
			l.begun <- struct{}{}
			<-l.hold
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		l.logins++
		fmt.Fprintf(w, `{"token":%q,"expires_in":600}`, l.token())
	})
	l.do("GET /v1/check", func(w http.ResponseWriter, r *http.Request) {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.refuse || r.Header.Get("Authorization") != "Token "+l.token() {
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprintf(w, `{"error":"token %s is no good"}`, r.Header.Get("Authorization"))
		}
	})
	return l
}

func (l *loginServer) token() string { return fmt.Sprintf("token-number-%d", l.logins) }

func (l *loginServer) client(t *testing.T, now *time.Time) *Client {
	c := authClient(t, loginAuth, l.URL+"/v1", Values{"id": "me", "secret": "s3cret"}, *now)
	c.now = func() time.Time { return *now }
	return c
}

func (l *loginServer) expect(t *testing.T, when string, logins int) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.logins != logins {
		t.Errorf("%s: %d logins, not %d", when, l.logins, logins)
	}
}

func TestLoginTokenIsKeptUntilShortlyBeforeItsEnd(t *testing.T) {
	l, now := newLoginServer(t), time.Now()
	c := l.client(t, &now)
	check := func(when string, logins int) {
		t.Helper()
		if err := c.Check(context.Background()); err != nil {
			t.Fatalf("%s: %v", when, err)
		}
		l.expect(t, when, logins)
	}
	check("first", 1)
	check("again", 1)
	now = now.Add(8 * time.Minute)
	check("two minutes before the end", 1)
	now = now.Add(90 * time.Second)
	check("half a minute before the end", 2)
}

func TestLoginTokenIsDroppedAfter401(t *testing.T) {
	l, now := newLoginServer(t), time.Now()
	c := l.client(t, &now)
	if err := c.Check(context.Background()); err != nil {
		t.Fatal(err)
	}
	l.mu.Lock()
	l.logins++ // the provider has forgotten the token
	l.mu.Unlock()
	if err := c.Check(context.Background()); err != nil {
		t.Fatal(err)
	}
	l.expect(t, "a forgotten token", 3)

	l.mu.Lock()
	l.refuse = true
	l.mu.Unlock()
	err := c.Check(context.Background())
	if KindOf(err) != Unauthorized || strings.Contains(err.Error(), "token-number") {
		t.Errorf("got %v, want unauthorized without the token", err)
	}
	l.expect(t, "a token refused for good", 4)
}

// A mint is tried again after a 401: that answer means that nothing was made.
func TestMintIsRepeatedAfter401(t *testing.T) {
	l, now := newLoginServer(t), time.Now()
	c := l.client(t, &now)
	if err := c.Check(context.Background()); err != nil {
		t.Fatal(err)
	}
	mints := 0
	l.do("POST /v1/keys", func(w http.ResponseWriter, r *http.Request) {
		mints++
		if mints == 1 {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = io.WriteString(w, `{"id":"1","key":"k-value"}`)
	})
	if _, err := c.Issue(context.Background(), KeyRequest{Name: "n"}); err != nil || mints != 2 {
		t.Errorf("%d requests, %v", mints, err)
	}
	l.expect(t, "a mint refused", 2)
}

func TestManyRequestsLogInOnce(t *testing.T) {
	l, now := newLoginServer(t), time.Now()
	l.hold, l.begun = make(chan struct{}), make(chan struct{}, 99)
	c := l.client(t, &now)
	const many = 20
	given, cancel := context.WithCancel(context.Background())
	results := make(chan error, many)
	left := make(chan error)
	go func() { left <- c.Check(given) }()
	<-l.begun
	for range many {
		go func() { results <- c.Check(context.Background()) }()
	}
	// Who asked first gives up; the others wait for the same token all the same.
	cancel()
	if err := <-left; KindOf(err) != Unreachable {
		t.Errorf("who gave up got %v, want unreachable: the request was never sent", err)
	}
	close(l.hold)
	for range many {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	l.expect(t, "many at once", 1)
}

func TestRefusedLoginIsTold(t *testing.T) {
	for status, want := range map[int]Kind{401: Unauthorized, 403: Refused, 500: Unreachable, 302: Unreachable} {
		l, now := newLoginServer(t), time.Now()
		l.do("POST /v1/login", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "/v1/check")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, `{"error":"no: me s3cret"}`)
		})
		_, err := l.client(t, &now).Issue(context.Background(), KeyRequest{Name: "n"})
		if KindOf(err) != want || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("status %d: got %v, want kind %d without the secret", status, err, want)
		}
	}
}

const oauth2Auth = `auth "oauth2" {
    token_url     = "/oauth/token"
    client_id     = connection.id
    client_secret = connection.secret
    scopes        = ["a", "b"]
    audience      = "https://api.example"
  }`

func TestClientCredentials(t *testing.T) {
	for credentials, want := range map[string]string{
		"header": "audience=https%3A%2F%2Fapi.example&grant_type=client_credentials&scope=a+b",
		"body":   "audience=https%3A%2F%2Fapi.example&client_id=me&client_secret=s3cret&grant_type=client_credentials&scope=a+b",
	} {
		f := newFake(t)
		var form string
		var basic bool
		f.do("POST /oauth/token", func(w http.ResponseWriter, r *http.Request) {
			form, _ = f.last()
			_, _, basic = r.BasicAuth()
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"access_token":"at-12345","token_type":"bearer","expires_in":3600}`)
		})
		f.on("GET /v1/check", 200, "{}")
		auth := strings.Replace(oauth2Auth, "scopes", "credentials = \""+credentials+"\"\n scopes", 1)
		c := authClient(t, auth, f.URL+"/v1", Values{"id": "me", "secret": "s3cret"}, time.Now())
		for range 2 {
			if err := c.Check(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
		if _, header := f.last(); header.Get("Authorization") != "Bearer at-12345" || len(f.seen()) != 3 {
			t.Errorf("%v with %q", f.seen(), header.Get("Authorization"))
		}
		if form != want || basic != (credentials == "header") {
			t.Errorf("%s: got %s, basic %t; want %s", credentials, form, basic, want)
		}
	}
}

func TestRefusedClientCredentials(t *testing.T) {
	for _, test := range []struct {
		status int
		body   string
		want   Kind
	}{
		{401, `{"error":"invalid_client","error_description":"s3cret is wrong"}`, Unauthorized},
		{400, `{"error":"s3cret IS WRONG"}`, Unauthorized},
		{503, `s3cret`, Unreachable},
		{200, `<html>s3cret`, Unreachable},
		{307, `{}`, Unreachable},
	} {
		f := newFake(t)
		f.do("POST /oauth/token", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(test.status)
			_, _ = io.WriteString(w, test.body)
		})
		c := authClient(t, oauth2Auth, f.URL, Values{"id": "me", "secret": "s3cret"}, time.Now())
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		_, err := c.Issue(ctx, KeyRequest{Name: "n"})
		cancel()
		if KindOf(err) != test.want || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%d %s: got %v, want kind %d without the secret", test.status, test.body, err, test.want)
		}
		for _, call := range f.seen() {
			if call != "POST /oauth/token" {
				t.Errorf("%d: %s was requested", test.status, call)
			}
		}
	}
}

func TestTokenURLKeepsToTheRulesOfBaseURL(t *testing.T) {
	for _, address := range []string{"http://tokens.example/t", "//tokens.example/t", "https://u:p@tokens.example/t", "tokens", "/a/../b"} {
		auth := strings.Replace(oauth2Auth, "/oauth/token", address, 1)
		_, err := NewClient(mustParse(t, authDefinition(auth)), Settings{Values: Values{"id": "me", "secret": "s3cret"}, BaseURL: "https://x.example"})
		if err == nil {
			t.Errorf("%q is taken", address)
		}
	}
}

// segments of a JWT, decoded.
func segments(t *testing.T, jwt string) (header, claims map[string]any, signed, signature []byte) {
	t.Helper()
	parts := strings.Split(jwt, ".")
	if len(parts) != 3 {
		t.Fatalf("%q is no JWT", jwt)
	}
	decode := func(part string) []byte {
		decoded, err := base64.RawURLEncoding.DecodeString(part)
		if err != nil {
			t.Fatal(err)
		}
		return decoded
	}
	if json.Unmarshal(decode(parts[0]), &header) != nil || json.Unmarshal(decode(parts[1]), &claims) != nil {
		t.Fatalf("%q is no JWT", jwt)
	}
	return header, claims, []byte(parts[0] + "." + parts[1]), decode(parts[2])
}

func TestJWTIsTheBearer(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1700000000, 0)
	for algorithm, test := range map[string]struct {
		secret string
		verify func(sum, signature []byte) bool
	}{
		"RS256": {pemOf(t, rsaKey), func(sum, signature []byte) bool {
			return rsa.VerifyPKCS1v15(&rsaKey.PublicKey, crypto.SHA256, sum, signature) == nil
		}},
		"ES256": {pemOf(t, ecKey), func(sum, signature []byte) bool {
			r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
			return len(signature) == 64 && ecdsa.Verify(&ecKey.PublicKey, sum, r, s)
		}},
	} {
		t.Run(algorithm, func(t *testing.T) {
			c := authClient(t, `auth "jwt" {
        algorithm = "`+algorithm+`"
        key       = connection.secret
        key_id    = "kid-1"
        claims = {
          iss = connection.id
          sub = null
          n   = 12345678901234567
        }
        lifetime = "9m"
      }`, "https://x.example", Values{"id": "app", "secret": test.secret}, now)
			bearer := signedRequest(t, c, "GET", "https://x.example/", "").Header.Get("Authorization")
			header, claims, signed, signature := segments(t, strings.TrimPrefix(bearer, "Bearer "))
			if header["alg"] != algorithm || header["typ"] != "JWT" || header["kid"] != "kid-1" {
				t.Errorf("the header is %v", header)
			}
			want := map[string]any{"iss": "app", "n": 12345678901234567.0, "iat": 1699999940.0, "exp": 1700000480.0}
			if fmt.Sprint(claims) != fmt.Sprint(want) {
				t.Errorf("the claims are %v, not %v", claims, want)
			}
			if sum := sha256.Sum256(signed); !test.verify(sum[:], signature) {
				t.Error("the signature is wrong")
			}
			again := signedRequest(t, c, "GET", "https://x.example/", "").Header.Get("Authorization")
			c.now = func() time.Time { return now.Add(8 * time.Minute) }
			later := signedRequest(t, c, "GET", "https://x.example/", "").Header.Get("Authorization")
			if again != bearer || later == bearer {
				t.Error("a token is kept until shortly before its end, and no longer")
			}
		})
	}
}

func TestJWTWithSharedSecret(t *testing.T) {
	c := authClient(t, `auth "jwt" {
    algorithm    = "HS256"
    key          = connection.secret
    key_encoding = "hex"
    claims       = { aud = "/admin/" }
    lifetime     = "5m"
  }`, "https://x.example", Values{"secret": "aabbccddeeff00112233445566778899aabbccddeeff00112233445566778899"}, time.Now())
	bearer := signedRequest(t, c, "GET", "https://x.example/", "").Header.Get("Authorization")
	_, _, signed, signature := segments(t, strings.TrimPrefix(bearer, "Bearer "))
	key, _ := hex.DecodeString("aabbccddeeff00112233445566778899aabbccddeeff00112233445566778899")
	if string(signature) != string(hmac256(string(key), string(signed))) {
		t.Error("the signature is wrong")
	}
}

func TestJWTIsExchanged(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	f := newFake(t)
	var assertion string
	f.do("POST /token", func(w http.ResponseWriter, _ *http.Request) {
		body, _ := f.last()
		form, _ := url.ParseQuery(body)
		assertion = form.Get("assertion")
		if form.Get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" || len(form) != 2 {
			t.Errorf("the form is %v", form)
		}
		_, _ = io.WriteString(w, `{"access_token":"at-12345","token_type":"Bearer","expires_in":3599}`)
	})
	f.on("GET /v1/check", 200, "{}")
	auth := `auth "jwt" {
    algorithm = "RS256"
    key       = jsondecode(connection.secret).private_key
    claims = {
      iss   = jsondecode(connection.secret).client_email
      scope = "all"
      aud   = "https://tokens.example"
    }
    lifetime  = "1h"
    token_url = "` + f.URL + `/token"
  }`
	account, _ := json.Marshal(object{"private_key": pemOf(t, key), "client_email": "bot@example"})
	c := authClient(t, auth, f.URL+"/v1", Values{"secret": string(account)}, time.Now())
	for range 2 {
		if err := c.Check(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	if _, header := f.last(); header.Get("Authorization") != "Bearer at-12345" || len(f.seen()) != 3 {
		t.Errorf("%v with %q", f.seen(), header.Get("Authorization"))
	}
	_, claims, signed, signature := segments(t, assertion)
	sum := sha256.Sum256(signed)
	if claims["iss"] != "bot@example" || rsa.VerifyPKCS1v15(&key.PublicKey, crypto.SHA256, sum[:], signature) != nil {
		t.Errorf("the assertion claims %v", claims)
	}

	f.on("POST /token", 400, object{"error": "invalid_grant", "error_description": "Invalid JWT Signature."})
	c = authClient(t, auth, f.URL+"/v1", Values{"secret": string(account)}, time.Now())
	if err := c.Check(context.Background()); KindOf(err) != Unauthorized || !strings.Contains(err.Error(), "invalid_grant") {
		t.Errorf("got %v, want unauthorized with the error's code", err)
	}
}
