package backend

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/usererror"
)

// TestLeakedKeyCrashAtEveryStep fails and kills the engine before and after each
// effect of revoking a key by its value. Asked again until the engine knows no
// such key, the key is dead, and a static role that held it has another one.
func TestLeakedKeyCrashAtEveryStep(t *testing.T) {
	for name, leak := range map[string]func(w *world) string{
		"leased": func(w *world) string { return w.mustMint("app").key },
		"static, current": func(w *world) string {
			w.makeStatic("legacy", time.Hour)
			return w.current("legacy").Secret["api_key"].(string)
		},
		"static, previous": func(w *world) string {
			w.makeStatic("legacy", time.Hour)
			value := w.current("legacy").Secret["api_key"].(string)
			w.must(w.process.RotateStatic(context.Background(), w.storage, "legacy"))
			return value
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run := func(t *testing.T, f fault) (*world, string, []string) {
				w := newWorld(t)
				value := leak(w)
				w.process.gate.arm(f)
				w.kill(value)
				return w, value, w.process.gate.disarm()
			}
			_, _, steps := run(t, fault{})
			atEveryStep(t, steps, func(t *testing.T, f fault) {
				w, value, _ := run(t, f)
				if f.kill {
					w.start(fault{})
				}
				for tries := 0; w.kill(value); tries++ {
					if tries > 10 {
						t.Fatal("the engine still knows the key as a living one")
					}
					w.run(time.Minute, 20*time.Second)
				}
				if status := w.use(value); status != http.StatusUnauthorized {
					t.Errorf("the leaked key is answered with status %d", status)
				}
				w.run(20*time.Minute, 20*time.Second)
				w.staticKeysWork()
				w.onlyStaticKeysLive()
				w.noRotationLeft()
			})
		})
	}
}

// kill revokes the key with this value, and reports whether the engine still
// knew it.
func (w *world) kill(value string) bool {
	w.t.Helper()
	ctx := context.Background()
	r, err := w.process.KeyByValue(ctx, w.process.storage, value)
	var m *usererror.Error
	if errors.As(err, &m) {
		return false
	}
	if err != nil {
		return true // a fault, as was asked for
	}
	if _, err := w.process.RevokeKey(ctx, w.request(logical.UpdateOperation, "revoke-key"), r); err != nil {
		w.t.Logf("revoking: %s", err)
	}
	return true
}
