package providers

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"vault-plugin-secrets-apikeys/providers/internal/auth"
)

// authDefinition is a definition around one auth block.
func authDefinition(auth string) string {
	return `provider "signed" {
  connection "id" { type = string }
  connection "secret" {
    type      = string
    required  = true
    sensitive = true
  }
  ` + auth + `
  check { get = "/check" }
  issue {
    post   = "/keys"
    json   = { name = key.name }
    id     = body.id
    secret = { key = body.key }
  }
  revoke {
    delete = "/keys/${key.id}"
    gone   = [404]
  }
}`
}

// authClient is a client of authDefinition whose clock stands still.
func authClient(t *testing.T, auth, base string, values Values, now time.Time) *Client {
	t.Helper()
	c, err := NewClient(mustParse(t, authDefinition(auth)), Settings{Values: values, BaseURL: base, Jitter: noPause, Dial: network.Dial})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	c.now = func() time.Time { return now }
	return c
}

// signedRequest is the request as the auth block leaves it.
func signedRequest(t *testing.T, c *Client, method, address, body string) *http.Request {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	r := (&http.Request{Method: method, URL: u, Header: http.Header{}}).WithContext(context.Background())
	if err := auth.Signer(auth.ForRequest(c.auth))(r, []byte(body)); err != nil {
		t.Fatal(err)
	}
	return r
}

func millis(ms int64) time.Time { return time.UnixMilli(ms) }

// https://developers.binance.com/docs/binance-spot-api-docs/rest-api/request-security
// shows this request with its signature.
func TestSignatureOfQueryMatchesPublishedVector(t *testing.T) {
	c := authClient(t, `auth "signature" {
    algorithm = "hmac-sha256"
    key       = connection.secret
    message   = "${request.query}${request.body}"
    query = {
      recvWindow = 5000
      timestamp  = unix_ms(request.time)
      signature  = signature
    }
    headers = { X-MBX-APIKEY = connection.id }
  }`, "https://api.binance.com", Values{
		"id":     "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A",
		"secret": "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j",
	}, millis(1499827319559))
	r := signedRequest(t, c, "POST", "https://api.binance.com/api/v3/order?symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1", "")
	want := "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559" +
		"&signature=c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"
	if r.URL.RawQuery != want {
		t.Errorf("got  %s\nwant %s", r.URL.RawQuery, want)
	}
	if got := r.Header.Get("X-Mbx-Apikey"); !strings.HasPrefix(got, "vmPUZE6") {
		t.Errorf("X-MBX-APIKEY is %q", got)
	}
}

func hmac256(key, text string) []byte {
	h := hmac.New(sha256.New, []byte(key))
	h.Write([]byte(text))
	return h.Sum(nil)
}

// Each recipe is stated by an exchange; the vectors are computed here, by the
// standard library alone.
func TestSignatureRecipes(t *testing.T) {
	now := millis(1658384314791) // 2022-07-21T06:18:34.791Z
	const body = `{"a":"b & é <c>"}`
	sum := sha512.Sum512([]byte(body))
	for name, test := range map[string]struct {
		auth, method, address, body string
		want                        map[string]string
	}{
		"hex over the query": {
			auth: `auth "signature" {
        algorithm = "hmac-sha256"
        key       = connection.secret
        message   = "${unix_ms(request.time)}${connection.id}5000${request.query}${request.body}"
        headers = {
          X-TIME = unix_ms(request.time)
          X-SIGN = signature
          X-NONE = null
        }
      }`,
			method: "GET", address: "https://x.example/v5/list?subMemberId=1&limit=20",
			want: map[string]string{
				"X-Time": "1658384314791", "X-None": "",
				"X-Sign": hex.EncodeToString(hmac256("s3cret", "1658384314791me5000subMemberId=1&limit=20")),
			},
		},
		"base64 over method, target and body": {
			auth: `auth "signature" {
        algorithm = "hmac-sha256"
        key       = connection.secret
        encoding  = "base64"
        message   = "${request.time}${request.method}${request.target}${request.body}"
        headers   = { ACCESS-SIGN = signature, ACCESS-TIME = request.time }
      }`,
			method: "POST", address: "https://x.example/api/v5/keys?a=b", body: body,
			want: map[string]string{
				"Access-Time": "2022-07-21T06:18:34.791Z",
				"Access-Sign": base64.StdEncoding.EncodeToString(hmac256("s3cret", "2022-07-21T06:18:34.791ZPOST/api/v5/keys?a=b"+body)),
			},
		},
		"lines with the body's hash": {
			auth: `auth "signature" {
        algorithm = "hmac-sha512"
        key       = connection.secret
        message   = join("\n", [request.method, request.path, urldecode(request.query), sha512(request.body), unix(request.time)])
        headers   = { SIGN = signature }
      }`,
			method: "PUT", address: "https://x.example/api/v4/a%2Fb?q=a%20b", body: body,
			want: map[string]string{"Sign": func() string {
				h := hmac.New(sha512.New, []byte("s3cret"))
				h.Write([]byte("PUT\n/api/v4/a%2Fb\nq=a b\n" + hex.EncodeToString(sum[:]) + "\n1658384314"))
				return hex.EncodeToString(h.Sum(nil))
			}()},
		},
		"a key in base64, and a passphrase signed by itself": {
			auth: `auth "signature" {
        algorithm    = "hmac-sha256"
        key          = base64encode(connection.secret)
        key_encoding = "base64"
        encoding     = "base64url"
        message      = "${request.host}${request.nonce}"
        headers = {
          SIGN       = signature
          PASSPHRASE = hmac_sha256(connection.secret, "passphrase", "base64")
        }
      }`,
			method: "GET", address: "https://x.example:8443/",
			want: map[string]string{
				"Sign":       base64.RawURLEncoding.EncodeToString(hmac256("s3cret", "x.example:8443once")),
				"Passphrase": base64.StdEncoding.EncodeToString(hmac256("s3cret", "passphrase")),
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := authClient(t, test.auth, "https://x.example", Values{"id": "me", "secret": "s3cret"}, now)
			c.nonce = func() string { return "once" }
			r := signedRequest(t, c, test.method, test.address, test.body)
			for header, want := range test.want {
				if got := r.Header.Get(header); got != want {
					t.Errorf("%s is %q, not %q", header, got, want)
				}
			}
		})
	}
}

func pemOf(t *testing.T, key any) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func TestSignatureWithPrivateKeys(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	public, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signature := func(algorithm string, key any) []byte {
		c := authClient(t, `auth "signature" {
      algorithm = "`+algorithm+`"
      key       = connection.secret
      encoding  = "base64"
      message   = request.body
      headers   = { X-SIGN = signature }
    }`, "https://x.example", Values{"secret": pemOf(t, key)}, time.Now())
		got, err := base64.StdEncoding.DecodeString(signedRequest(t, c, "POST", "https://x.example/", "message").Header.Get("X-Sign"))
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	sum := sha256.Sum256([]byte("message"))
	if err := rsa.VerifyPKCS1v15(&rsaKey.PublicKey, crypto.SHA256, sum[:], signature("rsa-sha256", rsaKey)); err != nil {
		t.Error(err)
	}
	if !ed25519.Verify(public, []byte("message"), signature("ed25519", edKey)) {
		t.Error("the Ed25519 signature is wrong")
	}
	_, err = NewClient(mustParse(t, authDefinition(`auth "signature" {
    algorithm = "rsa-sha256"
    key       = connection.secret
    message   = request.body
    headers   = { X-SIGN = signature }
  }`)), Settings{Values: Values{"secret": pemOf(t, edKey)}, BaseURL: "https://x.example"})
	if err == nil || !strings.Contains(err.Error(), "not of the kind") {
		t.Errorf("a key of another kind: %v", err)
	}
}

// What is signed is what arrives: every byte of body, path and query, whatever
// the values hold.
func TestSignedBytesAreSentBytes(t *testing.T) {
	f := newFake(t)
	f.on("POST /v1/keys", 200, object{"id": "1", "key": "k-value"})
	c := authClient(t, `auth "query" { query = { zone = "a b" } }
  auth "signature" {
    algorithm = "hmac-sha256"
    key       = connection.secret
    message   = "${request.method} ${request.target} ${request.body}"
    query     = { at = request.time, sign = signature }
  }`, f.URL+"/v1", Values{"secret": "s3cret"}, millis(1658384314791))
	name := "a\"b\\ü<&>\u2028+%/é"
	if _, err := c.Issue(context.Background(), KeyRequest{Name: name}); err != nil {
		t.Fatal(err)
	}
	body, _ := f.last()
	requests := f.seen()
	method, target, _ := strings.Cut(requests[len(requests)-1], " ")
	signed, signature, ok := strings.Cut(target, "&sign=")
	if want := hex.EncodeToString(hmac256("s3cret", method+" "+signed+" "+body)); !ok || signature != want {
		t.Errorf("%s %s is signed %s, not %s", target, body, signature, want)
	}
}

func TestSignatureMistakes(t *testing.T) {
	for auth, want := range map[string]string{
		`auth "signature" {
      algorithm = "hmac-sha256"
      key       = connection.secret
      message   = request.body
    }`: "signature never sent",
		`auth "signature" {
      algorithm = "hmac-md5"
      key       = connection.secret
      message   = request.body
      headers   = { X = signature }
    }`: "algorithm is one of",
		`auth "signature" {
      algorithm = "hmac-sha256"
      key       = connection.secret
      message   = request.bdy
      headers   = { X = signature }
    }`: `did you mean "body"`,
		`auth "signature" {
      algorithm = "hmac-sha256"
      key       = connection.secret
      message   = signature
      headers   = { X = signature }
    }`: "signature means nothing here",
		`auth "signature" {
      algorithm = "hmac-sha256"
      key       = connection.secret
      message   = request.body
      headers   = { Content-Length = signature }
    }`: "Content-Length cannot be set",
		`auth "header" { headers = { X = request.body } }`: "request means nothing here",
		`auth "login" { token = body.token }`:              "needs request",
		`auth "login" {
      request { post = "/login" }
      token   = body.token
      headers = { X-Token = connection.secret }
    }`: "token never sent",
		`auth "login" {
      request { post = "/login/${body.x}" }
      token = body.token
    }`: "body means nothing here",
		`auth "jwt" {
      algorithm = "none"
      key       = connection.secret
      claims    = {}
      lifetime  = "1h"
    }`: "algorithm is one of",
		`auth "jwt" {
      algorithm = "RS256"
      key       = connection.secret
      claims    = connection.id
      lifetime  = "1h"
    }`: "bad claims",
		`auth "jwt" {
      algorithm = "RS256"
      key       = connection.secret
      claims    = {}
      lifetime  = "soon"
    }`: `write "90s"`,
		`auth "jwt" {
      algorithm = "RS256"
      claims    = {}
      lifetime  = "1h"
    }`: "needs key",
	} {
		_, err := Parse("signed.hcl", []byte(authDefinition(auth)))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\ngot %v\nwant %q in it", auth, err, want)
		}
	}
}
