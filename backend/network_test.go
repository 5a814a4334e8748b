package backend

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
)

// inBubble has a test run beside others and in a time of its own, which leaps
// ahead whenever all there is waits: a request that hangs costs nothing, and a
// machine that is slow does not look to the engine like a provider that is.
func inBubble(test func(t *testing.T)) func(t *testing.T) {
	return func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, test)
	}
}

// serve puts a provider on the network until the test ends.
func (w *world) serve(provider http.Handler) *httptest.Server {
	web := w.network.Serve(provider)
	w.t.Cleanup(web.Close)
	return web
}
