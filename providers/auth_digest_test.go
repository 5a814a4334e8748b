package providers

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"vault-plugin-secrets-apikeys/providers/internal/auth"
	"vault-plugin-secrets-apikeys/providers/internal/transport"
)

//nolint:gosec // what digest is made of

const digestAuthBlock = `auth "digest" {
    username = connection.id
    password = connection.secret
  }`

// RFC 7616, section 3.9.1.
func TestDigestMatchesRFC7616(t *testing.T) {
	for algorithm, want := range map[string]string{
		"MD5":     "8ca523f5e9506fed4657c9700eebdbec",
		"SHA-256": "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
	} {
		c := authClient(t, digestAuthBlock, "http://127.0.0.1", Values{"id": "Mufasa", "secret": "Circle of Life"}, time.Now())
		c.nonce = func() string { return "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ" }
		use := auth.ForRequest(c.auth)
		challenge := `Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=` + algorithm +
			`, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`
		if !auth.AfterRefusal(use, &transport.Response{Status: 401, Header: http.Header{"Www-Authenticate": {challenge}}}) {
			t.Fatal("the challenge is not taken")
		}
		u, _ := url.Parse("http://www.example.org/dir/index.html")
		r := (&http.Request{Method: "GET", URL: u, Header: http.Header{}}).WithContext(context.Background())
		if err := auth.Signer(use)(r, nil); err != nil {
			t.Fatal(err)
		}
		got := r.Header.Get("Authorization")
		if !strings.Contains(got, `response="`+want+`"`) || !strings.Contains(got, "nc=00000001") {
			t.Errorf("%s: got %s", algorithm, got)
		}
	}
}

// digestServer asks for MD5 digests with a nonce that it may change.
type digestServer struct {
	*fake
	mu       sync.Mutex
	password string
	nonce    string
	counts   map[string]bool
}

func md5hex(text string) string {
	sum := md5.Sum([]byte(text)) //nolint:gosec // what digest is made of
	return hex.EncodeToString(sum[:])
}

var digestField = regexp.MustCompile(`(\w+)="?([^",]*)"?`)

func newDigestServer(t *testing.T) *digestServer {
	d := &digestServer{fake: newFake(t), password: "s3cret", nonce: "n1", counts: map[string]bool{}}
	guard := func(w http.ResponseWriter, r *http.Request) {
		d.mu.Lock()
		defer d.mu.Unlock()
		fields := map[string]string{}
		for _, found := range digestField.FindAllStringSubmatch(r.Header.Get("Authorization"), -1) {
			fields[found[1]] = found[2]
		}
		want := md5hex(strings.Join([]string{
			md5hex("me:orgs:" + d.password), d.nonce, fields["nc"], fields["cnonce"], "auth", md5hex(r.Method + ":" + r.URL.RequestURI()),
		}, ":"))
		used := d.nonce + fields["nc"]
		if fields["response"] != want || d.counts[used] {
			w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Digest realm="orgs", qop="auth", algorithm=MD5, nonce="%s"`, d.nonce))
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		d.counts[used] = true
		fmt.Fprint(w, `{"id":"1","key":"k-value"}`)
	}
	d.do("GET /v1/check", guard)
	d.do("POST /v1/keys", guard)
	return d
}

func TestDigestKeepsItsChallenge(t *testing.T) {
	d := newDigestServer(t)
	c := authClient(t, digestAuthBlock, d.URL+"/v1", Values{"id": "me", "secret": "s3cret"}, time.Now())
	ctx := context.Background()
	requests := func(when string, want int, err error) {
		t.Helper()
		if err != nil || len(d.seen()) != want {
			t.Fatalf("%s: %v after %v", when, err, d.seen())
		}
	}
	_, err := c.Issue(ctx, KeyRequest{Name: "n"})
	requests("the first is challenged", 2, err)
	requests("the next is not", 3, c.Check(ctx))
	d.mu.Lock()
	d.nonce = "n2"
	d.mu.Unlock()
	requests("a stale nonce is replaced", 5, c.Check(ctx))
	var group sync.WaitGroup
	for range 10 {
		group.Go(func() {
			if err := c.Check(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	requests("each use has its own count", 15, nil)
	d.mu.Lock()
	d.password = "another"
	d.mu.Unlock()
	if err := c.Check(ctx); KindOf(err) != Unauthorized {
		t.Errorf("a wrong password: %v", err)
	}
}
