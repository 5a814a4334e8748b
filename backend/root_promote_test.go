package backend

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"vault-plugin-secrets-apikeys/providers"
)

// promoter is a provider with a primary token and at most one other beside it,
// which takes the primary's place by a request that names neither.
type promoter struct {
	mu                 sync.Mutex
	primary, secondary string
	made               int
	refuse             bool // whether promoting fails
}

const promoterDefinition = `
provider "promoter" {
  connection "token" {
    type      = string
    required  = true
    sensitive = true
  }
  auth "bearer" { token = connection.token }
  check { get = "/self" }
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
  rotate {
    step "second" {
      post = "/secondary"
      undo {
        delete = "/secondary"
        gone   = [404]
      }
    }
    connection = { token = body.token }
    retire {
      post = "/promote"
      gone = [404]
    }
  }
}`

func (p *promoter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	switch {
	case token == "" || token != p.primary && token != p.secondary:
		w.WriteHeader(http.StatusUnauthorized)
	case r.URL.Path == "/self":
		fmt.Fprint(w, `{}`)
	case r.URL.Path == "/secondary" && r.Method == http.MethodPost:
		p.made++
		p.secondary = fmt.Sprintf("secondary-token-%04d", p.made) // the one before it is dead
		fmt.Fprintf(w, `{"token": %q}`, p.secondary)
	case p.secondary == "":
		w.WriteHeader(http.StatusNotFound)
	case r.URL.Path == "/secondary":
		p.secondary = ""
		w.WriteHeader(http.StatusNoContent)
	case p.refuse:
		w.WriteHeader(http.StatusServiceUnavailable)
	default:
		p.primary, p.secondary = p.secondary, ""
		fmt.Fprint(w, `{}`)
	}
}

func (p *promoter) holds() (primary, secondary string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.primary, p.secondary
}

func newPromoter(t *testing.T) (*world, *promoter) {
	w := newWorld(t)
	p := &promoter{primary: "primary-token-of-operator"}
	w.connect(p, "promoter", promoterDefinition, p.primary, "two")
	return w, p
}

// TestPromotedCredentialCrashAtEveryStep: where neither retire nor undo says which
// credential it is about, each is asked for only while that is certain.
func TestPromotedCredentialCrashAtEveryStep(t *testing.T) {
	ctx := context.Background()
	run := func(t *testing.T, f fault) (*world, *promoter, []string) {
		w, p := newPromoter(t)
		w.process.gate.arm(f)
		w.process.RotateRoot(ctx, w.process.storage, "two")
		return w, p, w.process.gate.disarm()
	}
	_, _, steps := run(t, fault{})
	atEveryStep(t, steps, func(t *testing.T, f fault) {
		w, p, _ := run(t, f)
		if f.kill {
			w.start(fault{})
		}
		w.run(20*time.Minute, 20*time.Second)
		w.start(fault{})
		w.must(w.process.CheckConnection(ctx, w.process.storage, "two"))
		if primary, secondary := p.holds(); secondary != "" {
			t.Errorf("the provider has %q beside %q", secondary, primary)
		}
		w.noRotationLeft()
	})
}

// TestPromotionThatIsRefused keeps the next rotation waiting: it would take the
// place of the credential that the connection holds.
func TestPromotionThatIsRefused(t *testing.T) {
	inBubble(func(t *testing.T) {
		ctx := context.Background()
		w, p := newPromoter(t)
		p.refuse = true
		w.must(w.process.RotateRoot(ctx, w.process.storage, "two"))
		for range 3 {
			if err := w.process.RotateRoot(ctx, w.process.storage, "two"); err == nil {
				t.Error("another rotation began before the first was through")
			}
			w.must(w.process.CheckConnection(ctx, w.process.storage, "two"))
			w.run(10*time.Minute, time.Minute)
		}
		p.mu.Lock()
		p.refuse = false
		p.mu.Unlock()
		w.process.ResetConnection("two")
		w.run(20*time.Minute, time.Minute)
		w.must(w.process.CheckConnection(ctx, w.process.storage, "two"))
		w.must(w.process.RotateRoot(ctx, w.process.storage, "two"))
		w.must(w.process.CheckConnection(ctx, w.process.storage, "two"))
		if primary, secondary := p.holds(); secondary != "" || primary == "primary-token-of-operator" {
			t.Errorf("the provider has %q and %q", primary, secondary)
		}
	})(t)
}

// TestCredentialWrittenBeforeItIsPromoted is not put out by what promotes another.
func TestCredentialWrittenBeforeItIsPromoted(t *testing.T) {
	inBubble(func(t *testing.T) {
		ctx := context.Background()
		w, p := newPromoter(t)
		p.refuse = true
		w.must(w.process.RotateRoot(ctx, w.process.storage, "two"))
		w.must(w.process.ChangeConnection(ctx, w.process.storage, "two", func(c *Connection) (SaveOptions, error) {
			c.Fields = providers.Values{"token": "primary-token-of-operator"}
			return SaveOptions{Verify: true}, nil
		}))
		p.mu.Lock()
		p.refuse = false
		p.mu.Unlock()
		w.run(20*time.Minute, time.Minute)
		w.must(w.process.CheckConnection(ctx, w.process.storage, "two"))
	})(t)
}
