package transport

import (
	"bufio"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

// closingServer answers the first request of each connection and drops the
// connection once it has read a second one. It counts what it drops. This is
// where net/http by itself sends again what it takes to be idempotent.
func closingServer(t *testing.T) (string, *atomic.Int32) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	var dropped atomic.Int32
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				in := bufio.NewReader(conn)
				if _, err := http.ReadRequest(in); err != nil {
					return
				}
				conn.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
				r, err := http.ReadRequest(in)
				if err != nil {
					return
				}
				in.Discard(int(r.ContentLength))
				dropped.Add(1)
			}()
		}
	}()
	return "http://" + listener.Addr().String(), &dropped
}

func TestAMintIsNeverSentTwiceOverHTTP1(t *testing.T) {
	for _, c := range []struct {
		name   string
		method string
		header string
		body   string
	}{
		{"with a body", http.MethodPost, "", "{}"},
		{"idempotency key", http.MethodPost, "Idempotency-Key", "{}"},
		{"idempotency key, X-", http.MethodPost, "X-Idempotency-Key", "{}"},
		{"idempotency key, no body", http.MethodPost, "Idempotency-Key", ""},
		{"by GET", http.MethodGet, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			address, dropped := closingServer(t)
			tr := mustTransport(t, Config{})
			if _, err := tr.Do(t.Context(), callTo(t, address, Read)); err != nil {
				t.Fatal(err)
			}
			r := callTo(t, address, Mint)
			r.Method, r.Body = c.method, []byte(c.body)
			if c.header != "" {
				r.Header.Set(c.header, "7")
			}
			_, err := tr.Do(t.Context(), r)
			wantError(t, err, Unknown, "connection was closed before the answer")
			if dropped.Load() != 1 {
				t.Errorf("the provider read the mint %d times", dropped.Load())
			}
			// A second sending would be the first request of a new connection.
			if _, err := tr.Do(t.Context(), callTo(t, address, Read)); err != nil {
				t.Error(err)
			}
		})
	}
}

// resettingServer speaks HTTP/2 and answers every request by resetting its
// stream. It counts the requests.
func resettingServer(t *testing.T, code http2.ErrCode) (*httptest.Server, *atomic.Int32) {
	t.Helper()
	var seen atomic.Int32
	server := httptest.NewUnstartedServer(nil)
	server.TLS = &tls.Config{NextProtos: []string{"h2"}}
	server.Config.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){
		"h2": func(_ *http.Server, conn *tls.Conn, _ http.Handler) {
			preface := make([]byte, len(http2.ClientPreface))
			if _, err := conn.Read(preface); err != nil {
				return
			}
			framer := http2.NewFramer(conn, conn)
			framer.WriteSettings()
			for {
				frame, err := framer.ReadFrame()
				if err != nil {
					return
				}
				switch frame := frame.(type) {
				case *http2.SettingsFrame:
					if !frame.IsAck() {
						framer.WriteSettingsAck()
					}
				case *http2.HeadersFrame:
					seen.Add(1)
					framer.WriteRSTStream(frame.StreamID, code)
				}
			}
		},
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	return server, &seen
}

func TestAMintIsNeverSentTwiceOverHTTP2(t *testing.T) {
	for _, body := range []string{"", "{}"} {
		for _, code := range []http2.ErrCode{http2.ErrCodeProtocol, http2.ErrCodeRefusedStream, http2.ErrCodeInternal} {
			t.Run(code.String()+"/"+body, func(t *testing.T) {
				server, seen := resettingServer(t, code)
				tr := mustTransport(t, Config{CACert: certificatePEM(server.Certificate())})
				r := callTo(t, server.URL, Mint)
				r.Body = []byte(body)
				_, err := tr.Do(t.Context(), r)
				wantError(t, err, Unknown, "")
				if seen.Load() != 1 {
					t.Errorf("the provider saw the mint %d times", seen.Load())
				}
			})
		}
	}
}

func TestHTTP2IsSpoken(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Proto", r.Proto)
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	tr := mustTransport(t, Config{CACert: certificatePEM(server.Certificate()), Timeout: 10 * time.Second})
	for name, class := range classes {
		a, err := tr.Do(t.Context(), callTo(t, server.URL, class))
		if err != nil || a.Header.Get("X-Proto") != "HTTP/2.0" {
			t.Errorf("%s: got %v, %v", name, a, err)
		}
	}
}
