package acceptance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"vault-plugin-secrets-apikeys/internal/testbed/vaulttest"
)

// answer is what a server said.
type answer struct {
	status  int
	body    []byte
	cookies []*http.Cookie
}

func (a answer) String() string { return fmt.Sprintf("%d %.300s", a.status, a.body) }

// decode reads the body into v.
func (a answer) decode(t *testing.T, v any) {
	t.Helper()
	if err := json.Unmarshal(a.body, v); err != nil {
		t.Fatalf("an answer is not what it should be (%v): %s", err, a)
	}
}

// decodeInto reads what Vault's client has decoded already into v.
func decodeInto(t *testing.T, data map[string]any, v any) {
	t.Helper()
	text, err := json.Marshal(data)
	if err != nil {
		t.Fatal(err)
	}
	answer{status: http.StatusOK, body: text}.decode(t, v)
}

// want ends the test when the status is none of those.
func (a answer) want(t *testing.T, what string, statuses ...int) answer {
	t.Helper()
	for _, status := range statuses {
		if a.status == status {
			return a
		}
	}
	t.Fatalf("%s was answered %s", what, a)
	return a
}

// send sends a request, as JSON when there is a body, after signing it.
func send(t *testing.T, method, url string, body any, sign func(*http.Request)) answer {
	t.Helper()
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		content = bytes.NewReader(text)
	}
	// A test's end cancels its context, and its clean-up has requests to make.
	req, err := http.NewRequest(method, url, content)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	sign(req)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
	return answer{resp.StatusCode, text, resp.Cookies()}
}

// eventually waits for what happens by itself, and shows what was seen last
// when it does not.
func eventually(t *testing.T, what string, look func() (ok bool, seen any)) {
	t.Helper()
	within(t, soon, what, look)
}

func within(t *testing.T, bound time.Duration, what string, look func() (ok bool, seen any)) {
	t.Helper()
	vaulttest.Eventually(t, bound, what, func() (bool, string) {
		ok, seen := look()
		return ok, fmt.Sprint(seen)
	})
}
