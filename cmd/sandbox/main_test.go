package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

func TestRunServesAndStops(t *testing.T) {
	t.Setenv("SANDBOX_CONTROL_TOKEN", "control")
	ctx, stop := context.WithCancel(t.Context())
	out, in := io.Pipe()
	done := make(chan error, 1)
	go func() { done <- run(ctx, []string{"-listen", "127.0.0.1:0"}, in) }()

	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`^sandbox ready on (http://127\.0\.0\.1:\d+) admin-key=(sbx_\S+)\n$`).FindStringSubmatch(line)
	if found == nil {
		t.Fatalf("ready line is %q", line)
	}
	for path, bearer := range map[string]string{"/v1/whoami": found[2], "/_sandbox/state": "control"} {
		req, _ := http.NewRequestWithContext(ctx, http.MethodGet, found[1]+path, nil)
		req.Header.Set("Authorization", "Bearer "+bearer)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%s answers %d", path, resp.StatusCode)
		}
	}
	stop()
	if err := <-done; err != nil {
		t.Errorf("run ended with %v", err)
	}
}

func TestListensOnLoopbackOnly(t *testing.T) {
	for _, address := range []string{"0.0.0.0:0", ":0", "example.com:0", "192.0.2.1:0"} {
		err := run(t.Context(), []string{"-listen", address}, io.Discard)
		if err == nil || !strings.Contains(err.Error(), "loopback") {
			t.Errorf("listening on %s gives %v", address, err)
		}
	}
}
