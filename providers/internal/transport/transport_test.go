package transport

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"vault-plugin-secrets-apikeys/internal/testbed/memnet"
)

// hidden is in the path and the query of every request of these tests, and in
// no error.
const hidden = "h1dden"

var classes = map[string]Class{"read": Read, "mint": Mint, "revoke": Revoke, "write": Write}

// inMemory is a transport to handler, whatever address is called.
func inMemory(t *testing.T, s Config, handler http.HandlerFunc) *Transport {
	t.Helper()
	tr := mustTransport(t, s)
	var network memnet.Network
	server := network.Serve(handler)
	tr.http.DialContext = func(ctx context.Context, kind, _ string) (net.Conn, error) {
		return network.Dial(ctx, kind, server.Listener.Addr().String())
	}
	t.Cleanup(func() { tr.Close(); server.Close() })
	return tr
}

func mustTransport(t *testing.T, s Config) *Transport {
	t.Helper()
	tr, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	if s.ProxyURL == "" {
		tr.http.Proxy = nil // the test machine's own environment is not under test
	}
	t.Cleanup(tr.Close)
	return tr
}

// callTo is a request to a server, its method the usual one of the class.
func callTo(t *testing.T, server string, class Class) *Request {
	t.Helper()
	address, err := url.Parse(server + "/v1/" + hidden + "?key=" + hidden)
	if err != nil {
		t.Fatal(err)
	}
	r := &Request{Op: "issue", Class: class, URL: address, Header: http.Header{"X-Test": {hidden}}}
	switch class {
	case Read:
		r.Method = http.MethodGet
	case Revoke:
		r.Method = http.MethodDelete
	default:
		r.Method, r.Body = http.MethodPost, []byte(`{"name":"k"}`)
	}
	return r
}

// wantError checks an error's kind and text.
func wantError(t *testing.T, err *Failure, kind Kind, text string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want %q", text)
	}
	if err.Kind != kind || !strings.Contains(err.Message, text) {
		t.Errorf("got kind %d, %q; want kind %d, %q", err.Kind, err.Message, kind, text)
	}
	for e := error(err); e != nil; e = errors.Unwrap(e) {
		if strings.Contains(e.Error(), hidden) {
			t.Errorf("the error %q quotes the address", e)
		}
	}
}

func TestStatusesAreRetriedByClass(t *testing.T) {
	once := map[string]int32{"read": 1, "revoke": 1, "mint": 1, "write": 1}
	repeatable := map[string]int32{"read": 3, "revoke": 3, "mint": 1, "write": 1}
	all := map[string]int32{"read": 3, "revoke": 3, "mint": 3, "write": 3}
	for _, c := range []struct {
		name   string
		status int
		header http.Header
		want   map[string]int32
	}{
		{"success", 200, nil, once},
		{"refusal", 404, nil, once},
		{"internal error", 500, nil, repeatable},
		{"not implemented", 501, nil, once},
		{"bad gateway", 502, nil, repeatable},
		{"unavailable", 503, nil, repeatable},
		{"unavailable, back soon", 503, http.Header{"Retry-After": {"7"}}, repeatable},
		{"unavailable for long", 503, http.Header{"Retry-After": {"3600"}}, once},
		{"gateway timeout", 504, nil, repeatable},
		{"throttled", 429, nil, once},
		{"throttled, back soon", 429, http.Header{"Retry-After": {"7"}}, all},
		{"throttled for long", 429, http.Header{"Retry-After": {"31"}}, once},
		{"throttled, quota renewed soon", 429, http.Header{"X-Ratelimit-Remaining": {"0"}, "X-Ratelimit-Reset": {"7"}}, all},
	} {
		for name, class := range classes {
			t.Run(c.name+"/"+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var seen atomic.Int32
					tr := inMemory(t, Config{}, func(w http.ResponseWriter, _ *http.Request) {
						seen.Add(1)
						for header, values := range c.header {
							w.Header()[header] = values
						}
						w.WriteHeader(c.status)
						io.WriteString(w, "text")
					})
					began := time.Now()
					a, err := tr.Do(t.Context(), callTo(t, "http://provider.test", class))
					if err != nil {
						t.Fatal(err)
					}
					if a.Status != c.status || string(a.Body) != "text" || seen.Load() != c.want[name] {
						t.Errorf("got status %d, body %q after %d requests; want %d after %d", a.Status, a.Body, seen.Load(), c.status, c.want[name])
					}
					if took := time.Since(began); len(c.header) > 0 && c.want[name] > 1 && took < 14*time.Second {
						t.Errorf("took %s, but was asked to wait 7 s twice", took)
					}
				})
			})
		}
	}
}

func TestMintIsSentAgainAfterThrottling(t *testing.T) {
	for name, header := range map[string]func() string{
		"seconds": func() string { return "12" },
		"date":    func() string { return time.Now().Add(12 * time.Second).UTC().Format(http.TimeFormat) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var bodies []string
				tr := inMemory(t, Config{}, func(w http.ResponseWriter, r *http.Request) {
					body, _ := io.ReadAll(r.Body)
					if bodies = append(bodies, string(body)); len(bodies) == 1 {
						w.Header().Set("Retry-After", header())
						w.WriteHeader(http.StatusTooManyRequests)
						return
					}
					w.WriteHeader(http.StatusCreated)
				})
				began := time.Now()
				a, err := tr.Do(t.Context(), callTo(t, "http://provider.test", Mint))
				if err != nil || a.Status != http.StatusCreated {
					t.Fatalf("got %v, %v", a, err)
				}
				if took := time.Since(began); took != 12*time.Second {
					t.Errorf("took %s, want 12s", took)
				}
				if len(bodies) != 2 || bodies[1] != `{"name":"k"}` {
					t.Errorf("the provider read %q", bodies)
				}
			})
		})
	}
}

func TestThrottlingThatOutlastsTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen atomic.Int32
		tr := inMemory(t, Config{}, func(w http.ResponseWriter, _ *http.Request) {
			seen.Add(1)
			w.Header().Set("Retry-After", "20")
			w.WriteHeader(http.StatusTooManyRequests)
		})
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		began := time.Now()

		a, err := tr.Do(ctx, callTo(t, "http://provider.test", Mint))
		if err != nil || a.Status != http.StatusTooManyRequests {
			t.Fatalf("got %v, %v; want the 429 itself", a, err)
		}
		_, err = tr.Do(ctx, callTo(t, "http://provider.test", Revoke))
		wantError(t, err, Unreachable, "the rate limit has no room for another 20s")
		if err.RetryAfter != 20*time.Second {
			t.Errorf("RetryAfter is %s, want 20s", err.RetryAfter)
		}
		if took := time.Since(began); took != 0 || seen.Load() != 1 {
			t.Errorf("took %s and %d requests; want an answer at once, after one", took, seen.Load())
		}
	})
}

func TestAnExhaustedQuotaPausesEverybody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := inMemory(t, Config{}, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("RateLimit-Remaining", "0")
			w.Header().Set("RateLimit-Reset", "3600")
		})
		began := time.Now()
		for range 2 {
			if _, err := tr.Do(t.Context(), callTo(t, "http://provider.test", Revoke)); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took != maxPause {
			t.Errorf("took %s, want %s", took, maxPause)
		}
	})
}

// TestFaults breaks the exchange in every way, for every class.
func TestFaults(t *testing.T) {
	once := map[string]int32{"read": 1, "revoke": 1, "mint": 1, "write": 1}
	repeatable := map[string]int32{"read": 3, "revoke": 3, "mint": 1, "write": 1}
	for _, c := range []struct {
		name    string
		handler http.HandlerFunc
		want    map[string]int32
		text    string
		status  int
	}{
		{"hang", hang, repeatable, "timeout after 30s", 0},
		{"slow drip", slowDrip, repeatable, "timeout after 30s", 200},
		{"close without an answer", dropAfter(""), repeatable, "closed before the answer", 0},
		{"half a header", dropAfter("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n"), repeatable, "the answer is incomplete", 0},
		{"truncated body", dropAfter("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n" + hidden), repeatable, "the answer is incomplete", 200},
		{"not HTTP", dropAfter(hidden + " is no answer\r\n\r\n"), repeatable, "not valid HTTP", 0},
		{"huge body", hugeBody, once, "larger than 4 MiB", 200},
		{"huge body announced", dropAfter("HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n"), once, "larger than 4 MiB", 200},
		{"gzip bomb", gzipBomb, once, "larger than 4 MiB", 200},
		{"gzip of endless nothing", gzipOfNothing, once, "larger than 4 MiB", 200},
		{"false gzip", falseGzip, once, "not valid gzip", 200},
	} {
		for name, class := range classes {
			t.Run(c.name+"/"+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var seen atomic.Int32
					tr := inMemory(t, Config{}, func(w http.ResponseWriter, r *http.Request) {
						seen.Add(1)
						io.Copy(io.Discard, r.Body)
						c.handler(w, r)
					})
					_, err := tr.Do(t.Context(), callTo(t, "http://provider.test", class))
					wantError(t, err, Unknown, c.text)
					if seen.Load() != c.want[name] {
						t.Errorf("the provider saw %d requests, want %d", seen.Load(), c.want[name])
					}
					if err != nil && err.Status != c.status {
						t.Errorf("the status is %d, want %d", err.Status, c.status)
					}
				})
			})
		}
	}
}

func hang(_ http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body) // the server watches the connection only after that
	<-r.Context().Done()
}

func slowDrip(w http.ResponseWriter, r *http.Request) {
	for drip := time.Tick(time.Second); ; {
		io.WriteString(w, " ")
		http.NewResponseController(w).Flush()
		select {
		case <-drip:
		case <-r.Context().Done():
			return
		}
	}
}

// dropAfter writes raw bytes in place of an answer and closes the connection.
func dropAfter(raw string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		defer conn.Close()
		buffered.WriteString(raw)
		buffered.Flush()
	}
}

func TestABodyIsReadNoFurtherThanItsBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := inMemory(t, Config{}, hugeBody)
		dial := tr.http.DialContext
		conn := &countingConn{closed: make(chan struct{})}
		tr.http.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			var err error
			conn.Conn, err = dial(ctx, network, address)
			return conn, err
		}
		_, err := tr.Do(t.Context(), callTo(t, "http://provider.test", Read))
		wantError(t, err, Unknown, "larger than 4 MiB")
		<-conn.closed
		// Chunk headers and net/http's buffer come on top.
		if read := conn.read.Load(); read < maxBody || read > maxBody+maxBody/16 {
			t.Errorf("read %d bytes, want little more than %d", read, maxBody)
		}
	})
}

type countingConn struct {
	net.Conn
	read   atomic.Int64
	closed chan struct{}
	once   sync.Once
}

func (c *countingConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.read.Add(int64(n))
	return n, err
}

func (c *countingConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

func TestFailingToConnect(t *testing.T) {
	refused := &net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 443}, Err: syscall.ECONNREFUSED}
	for _, c := range []struct {
		name  string
		dial  func(context.Context) error
		dials int32
		text  string
	}{
		{"refused", func(context.Context) error { return refused }, 2, "connecting to 192.0.2.1:443: connection refused"},
		{"no such host", func(context.Context) error {
			return &net.OpError{Op: "dial", Err: &net.DNSError{Name: "provider.test", Err: "no such host", IsNotFound: true}}
		}, 2, "the host provider.test cannot be resolved: no such host"},
		{"no answer", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, 1, "timeout after 30s"},
	} {
		for name, class := range classes {
			t.Run(c.name+"/"+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var dials atomic.Int32
					tr := mustTransport(t, Config{})
					tr.http.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
						dials.Add(1)
						return nil, c.dial(ctx)
					}
					_, err := tr.Do(t.Context(), callTo(t, "http://provider.test", class))
					wantError(t, err, Unreachable, c.text)
					if dials.Load() != c.dials {
						t.Errorf("connected %d times, want %d", dials.Load(), c.dials)
					}
				})
			})
		}
	}
}

func TestRefusedAndResetOnRealSockets(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var seen atomic.Int32
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen.Add(1)
		io.Copy(io.Discard, r.Body)
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		conn.(*net.TCPConn).SetLinger(0) // close by reset
		conn.Close()
	})}
	go server.Serve(listener)
	address := "http://" + listener.Addr().String()

	_, failed := mustTransport(t, Config{}).Do(t.Context(), callTo(t, address, Mint))
	wantError(t, failed, Unknown, "connection reset")
	if seen.Load() != 1 {
		t.Errorf("a mint was sent %d times", seen.Load())
	}

	server.Close()
	_, failed = mustTransport(t, Config{}).Do(t.Context(), callTo(t, address, Mint))
	wantError(t, failed, Unreachable, "connection refused")
}

func TestTheCallerEnds(t *testing.T) {
	t.Run("before", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			tr := inMemory(t, Config{}, func(http.ResponseWriter, *http.Request) { t.Error("a request was sent") })
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			_, err := tr.Do(ctx, callTo(t, "http://provider.test", Revoke))
			wantError(t, err, Unreachable, "the caller's time ended")
			if !errors.Is(err, context.Canceled) {
				t.Error("the error does not tell that it was cancelled")
			}
		})
	})
	for name, class := range classes {
		t.Run("during/"+name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var seen atomic.Int32
				tr := inMemory(t, Config{}, func(w http.ResponseWriter, r *http.Request) { seen.Add(1); hang(w, r) })
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(time.Second, cancel)
				_, err := tr.Do(ctx, callTo(t, "http://provider.test", class))
				wantError(t, err, Unknown, "the caller gave up")
				if !errors.Is(err, context.Canceled) || seen.Load() != 1 {
					t.Errorf("%v after %d requests", err, seen.Load())
				}
			})
		})
	}
	t.Run("between attempts", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			tr := inMemory(t, Config{}, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) })
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			began := time.Now()
			a, err := tr.Do(ctx, callTo(t, "http://provider.test", Read))
			if err != nil || a.Status != 503 || time.Since(began) != 0 {
				t.Errorf("got %v, %v after %s; want the 503 at once", a, err, time.Since(began))
			}
		})
	})
}

func TestRedirects(t *testing.T) {
	for _, c := range []struct {
		name     string
		class    Class
		location string
		want     []string // paths the provider sees
		status   int
	}{
		{"relative", Read, "/next", []string{"/v1/" + hidden, "/next"}, 200},
		{"same origin with its port", Read, "http://PROVIDER.test:80/next", []string{"/v1/" + hidden, "/next"}, 200},
		{"other host", Read, "http://other.test/next", []string{"/v1/" + hidden}, 302},
		{"other port", Read, "http://provider.test:8080/next", []string{"/v1/" + hidden}, 302},
		{"other scheme", Read, "https://provider.test/next", []string{"/v1/" + hidden}, 302},
		{"with a user", Read, "http://a:b@provider.test/next", []string{"/v1/" + hidden}, 302},
		{"no location", Read, "", []string{"/v1/" + hidden}, 302},
		{"mint", Mint, "/next", []string{"/v1/" + hidden}, 302},
		{"revoke", Revoke, "/next", []string{"/v1/" + hidden}, 302},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var seen []string
				tr := inMemory(t, Config{}, func(w http.ResponseWriter, r *http.Request) {
					seen = append(seen, r.URL.Path)
					if got := r.Header.Get("Authorization"); got != "signed "+r.URL.Path {
						t.Errorf("%s is signed by %q", r.URL.Path, got)
					}
					if r.URL.Path != "/next" {
						w.Header().Set("Location", c.location)
						w.WriteHeader(http.StatusFound)
					}
				})
				r := callTo(t, "http://provider.test", c.class)
				r.Sign = func(req *http.Request, _ []byte) error {
					req.Header.Set("Authorization", "signed "+req.URL.Path)
					return nil
				}
				a, err := tr.Do(t.Context(), r)
				if err != nil || a.Status != c.status {
					t.Errorf("got %v, %v", a, err)
				}
				if strings.Join(seen, " ") != strings.Join(c.want, " ") {
					t.Errorf("the provider saw %q, want %q", seen, c.want)
				}
				if r.Header.Get("Authorization") != "" {
					t.Error("signing changed the request itself")
				}
			})
		})
	}
	t.Run("in a circle", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			seen := 0
			tr := inMemory(t, Config{}, func(w http.ResponseWriter, r *http.Request) {
				seen++
				http.Redirect(w, r, "/again", http.StatusFound)
			})
			a, err := tr.Do(t.Context(), callTo(t, "http://provider.test", Read))
			if err != nil || a.Status != 302 || seen != maxRedirects+1 {
				t.Errorf("got %v, %v after %d requests", a, err, seen)
			}
		})
	})
}

func TestSigningFails(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
		kind Kind
		text string
	}{
		{"with a text of its own", errors.New("bad key " + hidden), Unreachable, "could not be signed"},
		{"refused", &Failure{Op: "auth", Kind: Unauthorized, Status: 401, Message: "invalid client"}, Unauthorized, "invalid client"},
		{"outcome unknown", &Failure{Op: "auth", Kind: Unknown, Message: "timeout after 30s"}, Unreachable, "timeout after 30s"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tr := inMemory(t, Config{}, func(http.ResponseWriter, *http.Request) { t.Error("a request was sent") })
				r := callTo(t, "http://provider.test", Mint)
				r.Sign = func(*http.Request, []byte) error { return c.err }
				_, err := tr.Do(t.Context(), r)
				wantError(t, err, c.kind, c.text)
				if err.Op != "issue" {
					t.Errorf("the error is about %q", err.Op)
				}
			})
		})
	}
}

func TestSigningMayCallTheProvider(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failing := true
		tr := inMemory(t, Config{RequestsPerSecond: 1}, func(w http.ResponseWriter, r *http.Request) {
			if failing {
				w.WriteHeader(http.StatusNotImplemented)
			}
		})
		for range tripAfter {
			tr.Do(t.Context(), callTo(t, "http://provider.test", Read))
		}
		failing = false
		time.Sleep(openFor + time.Millisecond)
		// Half open, the breaker has room for one: first the token, then the call.
		r := callTo(t, "http://provider.test", Mint)
		r.Sign = func(req *http.Request, _ []byte) error {
			if _, err := tr.Do(req.Context(), callTo(t, "http://provider.test", Read)); err != nil {
				return err
			}
			return nil
		}
		if a, err := tr.Do(t.Context(), r); err != nil || a.Status != 200 {
			t.Errorf("got %v, %v", a, err)
		}
	})
}
