package daemon

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
)

// Call sends a server that is being set up a request with a JSON body, and reads
// what it answers into into, unless that is nil. An answer of another status
// than those wanted is an error that quotes it.
func Call(ctx context.Context, method, url string, body, into any, wanted ...int) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(text))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	said, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if !slices.Contains(wanted, resp.StatusCode) {
		return fmt.Errorf("it answers %s to %s %s: %s", resp.Status, method, req.URL.Path, said)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(said, into)
}
