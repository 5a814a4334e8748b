package backend

import (
	"net/http"
	"net/http/httptest"

	"vault-plugin-secrets-apikeys/internal/testbed/memnet"
)

var inBubble = memnet.InBubble

// serve puts a provider on the network until the test ends.
func (w *world) serve(provider http.Handler) *httptest.Server {
	web := w.network.Serve(provider)
	w.t.Cleanup(web.Close)
	return web
}
