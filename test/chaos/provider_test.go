package chaos

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"vault-plugin-secrets-apikeys/internal/sandbox"
)

// provider is a sandbox on loopback that can go down and come back.
type provider struct {
	*sandbox.Server
	url string

	t   testing.TB
	web *http.Server
}

func startProvider(t testing.TB) *provider {
	t.Helper()
	p := &provider{Server: sandbox.New(sandbox.Options{}), t: t}
	p.serve("127.0.0.1:0")
	t.Cleanup(func() {
		p.Close() // whatever a fault holds up
		p.goDown()
	})
	return p
}

func (p *provider) serve(address string) {
	p.t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		p.t.Fatalf("the provider cannot listen: %v", err)
	}
	web := &http.Server{Handler: p.Server}
	p.web, p.url = web, "http://"+listener.Addr().String()
	go func() {
		if err := web.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			p.t.Errorf("the provider serves no longer: %v", err)
		}
	}()
}

// goDown makes the provider refuse connections, and cuts those it has.
func (p *provider) goDown() { p.web.Close() }

// comeBack serves at the same address again.
func (p *provider) comeBack() { p.serve(strings.TrimPrefix(p.url, "http://")) }

// always puts a fault in force for every request that it matches.
func (p *provider) always(f sandbox.Fault) {
	p.t.Helper()
	f.Count = new(int)
	p.once(f)
}

// once puts a fault in force for one request.
func (p *provider) once(f sandbox.Fault) {
	p.t.Helper()
	if err := p.AddFault(f); err != nil {
		p.t.Fatal(err)
	}
}

// undeleted are the names of the keys and accounts that were made and not
// deleted, by name. A key whose own expiry is over counts: the engine is to
// delete it all the same.
func (p *provider) undeleted() map[string]bool {
	names := map[string]bool{}
	state := p.FullState()
	for _, key := range state.Keys {
		if key.DeletedAt == nil {
			names[key.Name] = true
		}
	}
	for _, account := range state.Accounts {
		names[account.Name] = true
	}
	return names
}

// accepts says whether the provider takes the secret for that of a live key.
// It asks past the network and the faults in it.
func (p *provider) accepts(secret string) bool {
	return p.ask(http.MethodGet, "/v1/whoami", secret, "").Code == http.StatusOK
}

func (p *provider) ask(method, path, secret, body string) *httptest.ResponseRecorder {
	request := httptest.NewRequest(method, path, strings.NewReader(body))
	request.Header.Set("Authorization", "Bearer "+secret)
	request.Header.Set("Content-Type", "application/json")
	answer := httptest.NewRecorder()
	p.ServeHTTP(answer, request)
	return answer
}
