package transport

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"net/url"
	"testing"
	"testing/synctest"
	"time"
)

// oneAnswer is a dialer whose far end answers every request with the status.
func oneAnswer(t *testing.T, status string, asked chan<- string) func(context.Context, string, string) (net.Conn, error) {
	return func(_ context.Context, _, address string) (net.Conn, error) {
		near, far := net.Pipe()
		go func() {
			defer far.Close()
			reader := bufio.NewReader(far)
			for {
				if _, err := http.ReadRequest(reader); err != nil {
					return
				}
				asked <- address
				if _, err := far.Write([]byte("HTTP/1.1 " + status + "\r\nContent-Length: 0\r\n\r\n")); err != nil {
					return
				}
			}
		}()
		return near, nil
	}
}

// A dialer and a source of chance of one's own make a connection's traffic
// wholly predictable.
func TestSurroundingsOfAConnection(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://proxy.example.com:3128")
	synctest.Test(t, func(t *testing.T) {
		asked := make(chan string, 10)
		tr, err := New(Config{
			Dial:   oneAnswer(t, "503 Service Unavailable", asked),
			Jitter: func(_ string, attempt int) float64 { return float64(attempt-1) / 2 },
		})
		if err != nil {
			t.Fatal(err)
		}
		defer tr.Close()
		began := time.Now()
		target, _ := url.Parse("http://provider.example.com/keys")
		answer, failed := tr.Do(context.Background(), &Request{Op: "list", Class: Read, Method: http.MethodGet, URL: target})
		if failed != nil || answer.Status != http.StatusServiceUnavailable {
			t.Fatalf("answer %v, error %v; want the provider's 503", answer, failed)
		}
		if len(asked) != MaxAttempts {
			t.Errorf("%d requests, want %d", len(asked), MaxAttempts)
		}
		if address := <-asked; address != "provider.example.com:80" {
			t.Errorf("dialled %s, want the provider itself", address)
		}
		// Half of ½ s, and then the whole of 1 s.
		if took := time.Since(began); took != 1250*time.Millisecond {
			t.Errorf("took %s, want 1.25s", took)
		}
	})
}
