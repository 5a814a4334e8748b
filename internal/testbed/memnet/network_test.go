package memnet

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// get asks by the network, for half an hour at most.
func get(t *testing.T, n *Network, url string) (string, error) {
	t.Helper()
	client := &http.Client{Timeout: 30 * time.Minute, Transport: &http.Transport{DialContext: n.Dial, DisableKeepAlives: true}}
	answer, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return string(text), err
}

func TestTimeLeapsWhileAServerIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n Network
		slow := n.Serve(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(20 * time.Minute)
			_, _ = io.WriteString(w, "slow")
		}))
		defer slow.Close()
		other := n.Serve(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "other") }))
		began := time.Now()
		for url, want := range map[string]string{slow.URL: "slow", other.URL: "other"} {
			if text, err := get(t, &n, url); text != want || err != nil {
				t.Errorf("%s answers %q, %v; want %q", url, text, err, want)
			}
		}
		if took := time.Since(began); took != 20*time.Minute {
			t.Errorf("took %s", took)
		}
		other.Close()
		if _, err := get(t, &n, other.URL); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("a server that is closed: %v, want a refused connection", err)
		}
		if _, err := n.Dial(context.Background(), "tcp", "127.0.0.1:1"); err == nil {
			t.Error("in a bubble a real address was dialled")
		}
	})
}

func TestRealAddressOutsideABubble(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "real") }))
	defer server.Close()
	if text, err := get(t, new(Network), server.URL); text != "real" || err != nil {
		t.Errorf("answered %q, %v", text, err)
	}
}
