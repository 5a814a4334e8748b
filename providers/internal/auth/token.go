package auth

import (
	"context"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"vault-plugin-secrets-apikeys/providers/internal/transport"
)

const (
	// fetchTime bounds the getting of a token. It does not end with the request
	// that asked first: others wait for the same token.
	fetchTime = time.Minute
	// unstatedLife is how long a token is kept whose end nobody told.
	unstatedLife = 10 * time.Minute
	// longestMargin is how long before its end a token is replaced at most.
	longestMargin = time.Minute
)

// token is what a provider gave in exchange for the connection's credential.
type token struct {
	text string
	// life is from the moment it was asked for; 0 where the provider does not say.
	life time.Duration
}

// tokenCache keeps one token until shortly before its end, and gets the next
// one once however many ask. It is safe for concurrent use.
type tokenCache struct {
	fetch    func(ctx context.Context) (token, error)
	now      func() time.Time
	remember func(texts ...string)

	flight singleflight.Group
	mu     sync.Mutex
	text   string
	until  time.Time
	// forbidden is when a token was last replaced because of a 403.
	forbidden time.Time
}

// get is a token that is good for a while, and whether it was made just now.
func (k *tokenCache) get(ctx context.Context) (text string, fresh bool, err error) {
	if text := k.cached(); text != "" {
		return text, false, nil
	}
	flight := k.flight.DoChan("", func() (any, error) {
		if text := k.cached(); text != "" {
			return text, nil // another flight has just landed
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTime)
		defer cancel()
		return k.fetchGuarded(ctx)
	})
	select {
	case <-ctx.Done():
		return "", false, &transport.Failure{Kind: transport.Unreachable, Message: "the caller's time ran out while the credential was exchanged for a token", Err: ctx.Err()}
	case landed := <-flight:
		if landed.Err != nil {
			return "", false, landed.Err
		}
		return landed.Val.(string), true, nil
	}
}

func (k *tokenCache) cached() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.now().Before(k.until) {
		return ""
	}
	return k.text
}

// fetchGuarded turns a panic into an error: nobody above would, as this runs beside those
// who wait for it, and it would end the process for all.
func (k *tokenCache) fetchGuarded(ctx context.Context) (text string, err error) {
	defer func() {
		if recover() != nil { // what it says may quote a secret
			text, err = "", &transport.Failure{Kind: transport.Unreachable, Message: "the engine failed inside while the credential was exchanged for a token; please report this"}
		}
	}()
	return k.fetchNext(ctx)
}

func (k *tokenCache) fetchNext(ctx context.Context) (string, error) {
	asked := k.now()
	got, err := k.fetch(ctx)
	if err != nil {
		return "", err
	}
	if err := transport.CheckHeader("Authorization", got.text); err != nil || got.text == "" {
		return "", &transport.Failure{Kind: transport.Unreachable, Message: "the provider gave no usable token"}
	}
	k.remember(got.text)
	life := got.life
	if life <= 0 {
		life = unstatedLife
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.text, k.until = got.text, asked.Add(life-min(life/10, longestMargin))
	return got.text, nil
}

// drop forgets a token that was refused, unless another has taken its place.
func (k *tokenCache) drop(text string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.text == text {
		k.text = ""
	}
}

// betweenForbidden is how long a 403 is taken for what it says after one that was
// tried with a new token.
const betweenForbidden = time.Minute

// mayBeForbidden reports whether a 403 may be about the token.
func (k *tokenCache) mayBeForbidden() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.now()
	if !k.forbidden.IsZero() && now.Sub(k.forbidden).Abs() < betweenForbidden {
		return false
	}
	k.forbidden = now
	return true
}

// tokenAuth puts a kept token into requests.
type tokenAuth struct {
	cache *tokenCache
	put   func(r *http.Request, token string) error
}

// newTokenAuth keeps what fetch gets and sends it as a bearer token, unless put
// says otherwise.
func newTokenAuth(env Env, fetch func(context.Context) (token, error), put func(*http.Request, string) error) *tokenAuth {
	if put == nil {
		put = func(r *http.Request, token string) error {
			r.Header.Set("Authorization", "Bearer "+token)
			return nil
		}
	}
	return &tokenAuth{cache: &tokenCache{fetch: fetch, now: env.Now, remember: env.Remember}, put: put}
}

func (a *tokenAuth) authorize(r *http.Request, body []byte) error {
	return a.newUse().authorize(r, body)
}

func (a *tokenAuth) newUse() credentialUse { return &tokenUse{auth: a} }

// tokenUse is the use of a kept token by one request.
type tokenUse struct {
	auth  *tokenAuth
	text  string
	fresh bool
}

func (u *tokenUse) authorize(r *http.Request, _ []byte) error {
	var err error
	if u.text, u.fresh, err = u.auth.cache.get(r.Context()); err != nil {
		return err
	}
	return u.auth.put(r, u.text)
}

// refused drops the token. One that is new and refused all the same would be
// refused again. Some providers answer 403 to a token that has ended; but most
// mean something else by it, so that is tried once in a while.
func (u *tokenUse) refused(got *transport.Response) bool {
	if u.text == "" || got.Status == http.StatusForbidden && (u.fresh || !u.auth.cache.mayBeForbidden()) {
		return false
	}
	u.auth.cache.drop(u.text)
	return !u.fresh
}
