package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"vault-plugin-secrets-apikeys/internal/sandbox"
)

// Ctrl-C at whatever request leaves no key behind, and says that it cleaned up or
// that there was nothing to clean up.
func TestInterruptLeavesNothing(t *testing.T) {
	const adminKey = "sbxadmin_interrupted_0123456789"
	t.Setenv("SANDBOX_ADMIN_KEY", adminKey)
	most := interrupted(t, adminKey, 0)
	if most < 8 {
		t.Fatalf("a whole life took %d requests", most)
	}
	for at := 1; at <= most; at++ {
		t.Run(fmt.Sprint("request ", at), func(t *testing.T) {
			t.Parallel()
			interrupted(t, adminKey, at)
		})
	}
}

// interrupted takes a key through its life, is interrupted as the given request
// arrives (0 for never), and answers how many requests there were.
func interrupted(t *testing.T, adminKey string, at int) int {
	t.Helper()
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	box := sandbox.New(sandbox.Options{AdminKey: adminKey})
	defer box.Close()
	var count atomic.Int64
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if int(count.Add(1)) == at {
			interrupt()
		}
		box.ServeHTTP(w, r)
	}))
	defer web.Close()
	var out bytes.Buffer
	status := run(ctx, []string{"try", "sandbox", "-c", "base_url=" + web.URL, "-r", "scopes=read", "--patience", "20s"}, &out, &out)
	if (status == 0) != (at == 0) && !strings.Contains(out.String(), "revoking it again is no error") {
		t.Errorf("exit status %d", status)
	}
	if left := box.LiveKeys(); len(left) > 0 || strings.Contains(out.String(), "something is left") {
		t.Errorf("left behind: %v\n%s", left, out.String())
	}
	return int(count.Load())
}

func TestTryOutsideItsScope(t *testing.T) {
	for name, c := range map[string]struct {
		source, request string
		status          int
		says            string
	}{
		"refused":                  {sandboxSource(t, "", ""), "POST /v1/keys", 0, "POST /v1/keys is refused"},
		"done":                     {sandboxSource(t, "", ""), "GET /v1/whoami", 1, "GET /v1/whoami was DONE"},
		"hidden":                   {sandboxSource(t, "", ""), "get /v1/nowhere", 0, "is refused"},
		"no request":               {sandboxSource(t, "", ""), "/v1/keys", 1, "write method and path"},
		"no way to show itself in": {withoutBlock(t, "probe"), "POST /v1/keys", 0, "the definition has no probe"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			expect(t, c.status, []string{c.says}, "try", file(t, c.source), "--sandbox", "--outside-scope", c.request)
		})
	}
}

// A definition by which nobody can see a key dead is not praised.
func TestTryTellsWhatItDidNotSee(t *testing.T) {
	source := withoutBlock(t, "probe", "list", "rotate")
	expect(t, 0, []string{"nothing shows whether the key is dead", "not all of it is proven"}, "try", file(t, source), "--sandbox")
}

// withoutBlock is the sandbox's definition without its blocks of these kinds.
func withoutBlock(t *testing.T, kinds ...string) string {
	t.Helper()
	source := sandboxSource(t, "", "")
	for _, kind := range kinds {
		before, after, found := strings.Cut(source, "\n  "+kind+" {\n")
		_, rest, closed := strings.Cut(after, "\n  }\n")
		if !found || !closed {
			t.Fatalf("the sandbox's definition has no %s", kind)
		}
		source = before + "\n" + rest
	}
	return source
}
