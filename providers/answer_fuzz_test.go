package providers

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode"
)

// FuzzAnswer has a provider answer anything at all. Whatever it is, reading it
// ends without a panic; a key comes out of it only whole; and an error is short,
// printable, and never takes an answer that came for a refusal to have been sent.
func FuzzAnswer(f *testing.F) {
	for _, seed := range []struct {
		status int
		body   string
	}{
		{201, `{"id": "key_1", "key": "sbx_secret", "expires_at": "2126-01-01T00:00:00Z"}`},
		{201, `{"id": "key_1", "key": "sbx_secret", "expires_at": null}`},
		{201, `{"id": "key_1", "key": "sbx_secret", "expires_at": 253402300799999}`},
		{201, `{"id": "key_1", "key": "sbx_secret"}`},
		{200, `{"id": 1e400, "key": {"a": []}}`},
		{200, `{"id": 1e100000000, "key": 1e-100000000, "expires_at": 1e10000000}`},
		{200, `{"data": [{"id": "a", "name": "b"}], "next_cursor": "x"}`},
		{200, `{"data": [{"id": 1e100000000, "name": 1e10000000, "created_at": 1e10000000}], "next_cursor": 1e10000000}`},
		{200, `{"data": [], "next_cursor": null}`},
		{200, "[[[[[[[["},
		{200, "\xff\xfe\x00"},
		{204, ""},
		{400, `{"error": {"message": "no\u0000\u001b[31m"}}`},
		{404, "<html>"},
		{500, `{"error": {"message": {"deep": [1, null, true]}}}`},
		{302, ""},
	} {
		f.Add(seed.status, []byte(seed.body))
	}
	definition, err := Load("sandbox")
	if err != nil {
		f.Fatal(err)
	}
	var status int
	var body []byte
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write(body)
	}))
	f.Cleanup(server.Close)
	f.Fuzz(func(t *testing.T, fuzzed int, text []byte) {
		if fuzzed < 200 || fuzzed > 599 || fuzzed == http.StatusTooManyRequests || fuzzed >= 500 && fuzzed != 501 {
			return // without a body, or tried again for seconds
		}
		status, body = fuzzed, text
		client, err := NewClient(definition, Settings{BaseURL: server.URL, Values: Values{"admin_key": "the-admin-key"}, Timeout: 5 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		ctx := context.Background()
		key, err := client.Issue(ctx, KeyRequest{Name: "n", ExpiresAt: time.Now().Add(time.Hour), TTL: time.Hour})
		if err == nil && (key.Handle.ID == "" || key.Value == "") {
			t.Fatalf("status %d, body %q makes half a key", status, body)
		}
		checkError(t, err)
		if err == nil {
			checkEnd(t, key.ActualExpiry)
		}
		granted, err := client.Extend(ctx, Handle{Name: "n", ID: "i"}, time.Now().Add(time.Hour), time.Hour)
		checkError(t, err)
		checkEnd(t, granted)
		for listed, err := range client.List(ctx, ListingScope{}) {
			if err == nil && listed.Handle.ID == "" {
				t.Fatalf("status %d, body %q lists a key without an id", status, body)
			}
			checkError(t, err)
		}
		checkError(t, client.Revoke(ctx, Handle{Name: "n", ID: "i"}))
		_, err = client.Probe(ctx, Values{"api_key": "the-secret"})
		checkError(t, err)
	})
}

// checkEnd checks that the end of a key can be stored.
func checkEnd(t *testing.T, granted ActualExpiry) {
	t.Helper()
	now := time.Now()
	if _, err := granted.End(now, now.Add(time.Hour)).MarshalJSON(); err != nil {
		t.Fatalf("the key's end: %v", err)
	}
}

func checkError(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("%T is no *Error: %v", err, err)
	}
	if strings.Contains(err.Error(), "the engine failed inside") {
		t.Fatalf("a panic is under it: %v", err)
	}
	if len(err.Error()) > 1000 || strings.ContainsFunc(err.Error(), unicode.IsControl) {
		t.Fatalf("the error is long or unprintable: %q", err)
	}
	if strings.Contains(err.Error(), "the-admin-key") || strings.Contains(err.Error(), "the-secret") {
		t.Fatalf("the error quotes a secret: %q", err)
	}
}
