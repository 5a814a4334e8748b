package auth

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"vault-plugin-secrets-apikeys/providers/internal/transport"
)

// TestPanicInAnExchange: whoever waits for a token gets an error, and the next one a token.
func TestPanicInAnExchange(t *testing.T) {
	faulty := true
	cache := &tokenCache{now: time.Now, remember: func(...string) {}, fetch: func(context.Context) (token, error) {
		if faulty {
			panic("with sk-secret in it")
		}
		return token{text: "t0ken"}, nil
	}}
	_, _, err := cache.get(t.Context())
	var failed *transport.Failure
	if !errors.As(err, &failed) || failed.Kind != transport.Unreachable || strings.Contains(err.Error(), "sk-secret") {
		t.Errorf("the error is %v", err)
	}
	faulty = false
	if text, _, err := cache.get(t.Context()); text != "t0ken" || err != nil {
		t.Errorf("the next one gets %q, %v", text, err)
	}
}
