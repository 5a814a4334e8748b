package providers_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"vault-plugin-secrets-apikeys/providers"
)

// BenchmarkRequest holds a definition's request against the same one written by
// hand, at a provider that answers from memory: what the language costs is the
// difference. Time and allocations are to be within three times.
func BenchmarkRequest(b *testing.B) {
	expires := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	b.Run("handwritten", func(b *testing.B) {
		issue := handwritten(b, expires)
		b.ReportAllocs()
		for b.Loop() {
			issue()
		}
	})
	b.Run("definition", func(b *testing.B) {
		issue := defined(b, expires)
		b.ReportAllocs()
		for b.Loop() {
			issue()
		}
	})
}

// TestRequestAllocations holds the bound on allocations, which no other work on the
// machine disturbs.
func TestRequestAllocations(t *testing.T) {
	expires := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	byHand, byDefinition := testing.AllocsPerRun(200, handwritten(t, expires)), testing.AllocsPerRun(200, defined(t, expires))
	if byDefinition > 3*byHand {
		t.Errorf("a definition's request makes %.0f allocations, one by hand %.0f", byDefinition, byHand)
	}
}

func handwritten(t testing.TB, expires time.Time) func() {
	client := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DialContext: answering}}
	t.Cleanup(client.CloseIdleConnections)
	return func() {
		if key, err := issueByHand(client, "a-name", expires); err != nil || key.ID != "key_1" {
			t.Fatal(key, err)
		}
	}
}

func defined(t testing.TB, expires time.Time) func() {
	definition, err := providers.Load("sandbox")
	if err != nil {
		t.Fatal(err)
	}
	client, err := providers.NewClient(definition, providers.Settings{
		BaseURL: "http://127.0.0.1:1", Values: providers.Values{"admin_key": "the admin's"}, Dial: answering,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return func() {
		key, err := client.Issue(context.Background(), providers.KeyRequest{
			Name: "a-name", Role: providers.Values{"scopes": []any{"read"}}, ExpiresAt: expires, TTL: time.Hour,
		})
		if err != nil || key.Handle.ID != "key_1" {
			t.Fatal(key, err)
		}
	}
}

// BenchmarkCatalog is the load of the whole catalog: each definition parsed and
// checked.
func BenchmarkCatalog(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		for _, name := range providers.BuiltIn() {
			source, err := os.ReadFile("catalog/" + name + ".hcl")
			if err != nil {
				b.Fatal(err)
			}
			if _, err := providers.Parse(name+".hcl", source); err != nil {
				b.Fatal(err)
			}
		}
	}
}

type handKey struct {
	ID        string    `json:"id"`
	Key       string    `json:"key"`
	ExpiresAt time.Time `json:"expires_at"`
}

func issueByHand(client *http.Client, name string, expires time.Time) (*handKey, error) {
	body, err := json.Marshal(map[string]any{"name": name, "scopes": []string{"read"}, "expires_at": expires.Format(time.RFC3339)})
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequest(http.MethodPost, "http://127.0.0.1:1/v1/keys", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer the admin's")
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil || resp.StatusCode != http.StatusCreated {
		return nil, fmt.Errorf("%s, %w", resp.Status, err)
	}
	key := &handKey{}
	return key, json.Unmarshal(text, key)
}

const madeKey = `{"id":"key_1","name":"a-name","key":"sbx_1234567890","created_at":"2029-01-02T03:04:05Z","expires_at":"2030-01-02T03:04:05Z","scopes":["read"]}`

// answering opens connections on which every request is answered with a new key.
func answering(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe()
	go func() {
		defer server.Close()
		in := bufio.NewReader(server)
		answer := fmt.Appendf(nil, "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(madeKey), madeKey)
		for {
			req, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			if _, err := io.Copy(io.Discard, req.Body); err != nil {
				return
			}
			if _, err := server.Write(answer); err != nil {
				return
			}
		}
	}()
	return client, nil
}
