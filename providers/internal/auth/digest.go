package auth

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"sync"

	"github.com/icholy/digest"
	"github.com/zclconf/go-cty/cty"

	"vault-plugin-secrets-apikeys/providers/internal/transport"
)

// digestKind is HTTP digest (RFC 7616). The provider's challenge is kept and
// used again, so that only the first request is sent twice.
var digestKind = Kind{
	Arguments: map[string]Argument{
		"username": {Kind: cty.String, Required: true},
		"password": {Kind: cty.String, Required: true},
	},
	build: func(args arguments, env Env) (Authorizer, error) {
		return &digestAuth{username: args.text("username"), password: args.text("password"), nonce: env.Nonce}, nil
	},
}

type digestAuth struct {
	username, password string
	nonce              func() string

	mu        sync.Mutex
	challenge *digest.Challenge
	count     int // of requests that have used the challenge
}

// next is the challenge with the number of its next use.
func (d *digestAuth) next() (*digest.Challenge, int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.count++
	return d.challenge, d.count
}

// replace keeps a new challenge, unless another request has replaced the one
// that was refused already.
func (d *digestAuth) replace(refused, by *digest.Challenge) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.challenge == refused {
		d.challenge, d.count = by, 0
	}
}

func (d *digestAuth) authorize(r *http.Request, body []byte) error {
	return d.newUse().authorize(r, body)
}

func (d *digestAuth) newUse() credentialUse { return &digestUse{auth: d} }

// digestUse is the use of a challenge by one request.
type digestUse struct {
	auth *digestAuth
	used *digest.Challenge
}

func (u *digestUse) authorize(r *http.Request, body []byte) error {
	challenge, count := u.auth.next()
	u.used = challenge
	if challenge == nil {
		return nil // the first request is there to be challenged
	}
	answer, err := digest.Digest(challenge, digest.Options{
		Method: r.Method, URI: r.URL.RequestURI(),
		GetBody:  func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil },
		Username: u.auth.username, Password: u.auth.password,
		Count: count, Cnonce: u.auth.nonce(),
	})
	if err != nil {
		return errors.New("the provider's challenge cannot be answered")
	}
	r.Header.Set("Authorization", answer.String())
	return nil
}

// refused takes the challenge that came with the 401. A nonce grows stale, so
// that another try has a chance even where one was used.
func (u *digestUse) refused(got *transport.Response) bool {
	challenge, err := digest.FindChallenge(got.Header)
	if err != nil || !digest.CanDigest(challenge) {
		return false
	}
	u.auth.replace(u.used, challenge)
	return true
}
