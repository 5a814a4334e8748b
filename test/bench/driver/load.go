//go:build bench

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// client speaks to Vault with no more than is needed, so that the driver takes
// little from what it measures.
type client struct {
	address, token string
	http           *http.Client
}

func newClient(address, token string) *client {
	return &client{address, token, &http.Client{
		Transport: &http.Transport{MaxIdleConnsPerHost: 256, MaxIdleConns: 256},
		Timeout:   10 * time.Minute,
	}}
}

// secret is what of Vault's answers is of use here.
type secret struct {
	LeaseID string         `json:"lease_id"`
	Data    map[string]any `json:"data"`
}

func (c *client) call(ctx context.Context, method, path string, body any) (*secret, error) {
	answer, err := c.text(ctx, method, path, body)
	if err != nil {
		return nil, err
	}
	found := &secret{}
	if len(answer) == 0 {
		return found, nil
	}
	return found, json.Unmarshal(answer, found)
}

// decode reads an answer that is no secret.
func (c *client) decode(ctx context.Context, method, path string, into any) error {
	answer, err := c.text(ctx, method, path, nil)
	if err != nil {
		return err
	}
	return json.Unmarshal(answer, into)
}

// text is the answer as it comes.
func (c *client) text(ctx context.Context, method, path string, body any) ([]byte, error) {
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return nil, err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, c.address+"/v1/"+path, bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	req.Header.Set("X-Vault-Token", c.token)
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode >= http.StatusMultipleChoices {
		return nil, fmt.Errorf("%s %s: %w: %s", method, path, statusError(resp.StatusCode), answer)
	}
	return answer, nil
}

// statusError is a status by which Vault refuses.
type statusError int

func (s statusError) Error() string { return fmt.Sprintf("%d %s", int(s), http.StatusText(int(s))) }

// isNothing reports whether Vault answered that there is nothing to list.
func isNothing(err error) bool { return errors.Is(err, statusError(http.StatusNotFound)) }

func (c *client) write(ctx context.Context, path string, body map[string]any) error {
	_, err := c.call(ctx, http.MethodPut, path, body)
	return err
}

func (c *client) read(ctx context.Context, path string) (*secret, error) {
	return c.call(ctx, http.MethodGet, path, nil)
}

// mint reads a key and returns its lease.
func (c *client) mint(ctx context.Context, path string) (string, error) {
	s, err := c.read(ctx, path)
	if err != nil {
		return "", err
	}
	return s.LeaseID, nil
}

// revoke ends a lease and waits for it.
func (c *client) revoke(ctx context.Context, lease string) error {
	return c.write(ctx, "sys/leases/revoke", map[string]any{"lease_id": lease, "sync": true})
}

// sample is what one round of one kind of call came to.
type sample struct {
	perSecond float64
	p50, p99  time.Duration
}

func newSample(took []time.Duration, all time.Duration) sample {
	if len(took) == 0 {
		return sample{}
	}
	slices.Sort(took)
	return sample{
		perSecond: float64(len(took)) / all.Seconds(),
		p50:       took[len(took)/2],
		p99:       took[len(took)*99/100],
	}
}

// during calls do from so many clients for so long, and gathers what it returns.
func during[T any](ctx context.Context, clients int, long time.Duration, do func(context.Context) (T, error)) ([]T, sample, error) {
	end := time.Now().Add(long)
	return until(ctx, clients, func() bool { return time.Now().Before(end) }, do)
}

// until calls do from so many clients for as long as more says so.
func until[T any](ctx context.Context, clients int, more func() bool, do func(context.Context) (T, error)) ([]T, sample, error) {
	results := make([][]T, clients)
	took := make([][]time.Duration, clients)
	errs := make([]error, clients)
	began := time.Now()
	var wg sync.WaitGroup
	for n := range clients {
		wg.Go(func() {
			for more() {
				at := time.Now()
				result, err := do(ctx)
				if err != nil {
					errs[n] = err
					return
				}
				took[n] = append(took[n], time.Since(at))
				results[n] = append(results[n], result)
			}
		})
	}
	wg.Wait()
	all := time.Since(began)
	for _, err := range errs {
		if err != nil {
			return nil, sample{}, err
		}
	}
	return slices.Concat(results...), newSample(slices.Concat(took...), all), nil
}

// each calls do once for each item, from so many clients.
func each[T any](ctx context.Context, clients int, items []T, do func(context.Context, T) error) (sample, error) {
	var next atomic.Int64
	next.Store(-1)
	_, s, err := until(ctx, clients,
		func() bool { return next.Load() < int64(len(items))-1 },
		func(ctx context.Context) (struct{}, error) {
			n := next.Add(1)
			if n >= int64(len(items)) {
				return struct{}{}, nil
			}
			return struct{}{}, do(ctx, items[n])
		})
	return s, err
}
