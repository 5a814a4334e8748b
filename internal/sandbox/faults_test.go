package sandbox_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"vault-plugin-secrets-apikeys/internal/sandbox"
)

const mint = `{"name": "a"}`

// TestAnswersUnderFaults mints one key under each kind of fault that answers or
// ends by itself: what the client saw, and whether there is a key now.
func TestAnswersUnderFaults(t *testing.T) {
	whole := func(r reached) bool { return r.status == 201 && strings.HasPrefix(r.text("key"), "sbx_") }
	for name, tt := range map[string]struct {
		fault string
		saw   func(reached) bool
		made  bool
	}{
		"reset":             {`{"kind": "reset"}`, func(r reached) bool { return errors.Is(r.err, syscall.ECONNRESET) }, false},
		"commit_then_reset": {`{"kind": "commit_then_reset"}`, func(r reached) bool { return errors.Is(r.err, syscall.ECONNRESET) }, true},
		"status":            {`{"kind": "status", "status": 503, "headers": {"X-Why": "tired"}, "body": "<html>"}`, func(r reached) bool { return r.status == 503 && r.body == "<html>" && r.header.Get("X-Why") == "tired" }, false},
		"status committed":  {`{"kind": "status", "status": 502, "commit": true}`, func(r reached) bool { return r.status == 502 && r.message() != "" }, true},
		"commit_then_500":   {`{"kind": "commit_then_500"}`, func(r reached) bool { return r.status == 500 && r.message() != "" }, true},
		"rate_limit":        {`{"kind": "rate_limit", "retry_after": 7}`, func(r reached) bool { return r.status == 429 && r.header.Get("Retry-After") == "7" }, false},
		"rate_limit, date": {`{"kind": "rate_limit", "retry_after": 60, "as_date": true}`, func(r reached) bool {
			at, err := http.ParseTime(r.header.Get("Retry-After"))
			return r.status == 429 && err == nil && time.Until(at) > 50*time.Second && time.Until(at) <= 60*time.Second
		}, false},
		"unauthorized": {`{"kind": "unauthorized"}`, func(r reached) bool { return r.status == 401 }, false},
		"redirect": {`{"kind": "redirect"}`, func(r reached) bool {
			return r.status == 307 && r.header.Get("Location") == "http://elsewhere.invalid/v1/keys"
		}, false},
		"redirect elsewhere": {`{"kind": "redirect", "status": 302, "location": "https://evil.invalid/"}`, func(r reached) bool { return r.status == 302 && r.header.Get("Location") == "https://evil.invalid/" }, false},
		"ok_with_error_body": {`{"kind": "ok_with_error_body"}`, func(r reached) bool { return r.status == 200 && r.message() != "" }, false},
		"malformed_json":     {`{"kind": "malformed_json"}`, func(r reached) bool { return r.status == 201 && r.err == nil && !json.Valid([]byte(r.body)) }, true},
		"wrong_types": {`{"kind": "wrong_types"}`, func(r reached) bool {
			_, list := r.json["id"].([]any)
			_, object := r.json["scopes"].(map[string]any)
			return r.status == 201 && list && object
		}, true},
		"truncated_body": {`{"kind": "truncated_body"}`, func(r reached) bool { return r.status == 201 && errors.Is(r.err, io.ErrUnexpectedEOF) && r.body != "" }, true},
		"huge_body":      {`{"kind": "huge_body"}`, func(r reached) bool { return r.status == 201 && r.err == nil && len(r.body) > 50<<20 }, true},
		"huge_body, small": {`{"kind": "huge_body", "bytes": 100000}`, func(r reached) bool {
			return whole(r) && len(r.text("padding")) == 100000
		}, true},
		"body_after_204": {`{"kind": "body_after_204"}`, func(r reached) bool { return r.status == 204 && r.body == "" }, true},
		"slow_drip":      {`{"kind": "slow_drip", "interval": "1us"}`, whole, true},
		"delay":          {`{"kind": "delay", "delay": "1ms"}`, whole, true},
		"pass":           {`{"kind": "pass"}`, whole, true},
		"stale_list":     {`{"kind": "stale_list"}`, whole, true}, // not a list: untouched
		"elsewhere":      {`{"kind": "hang", "match": {"path": "/v1/accounts"}}`, whole, true},
		"other verb":     {`{"kind": "hang", "match": {"method": "DELETE"}}`, whole, true},
	} {
		t.Run(name, func(t *testing.T) {
			b := start(t)
			b.expect(204, control, "POST /_sandbox/faults", tt.fault)
			r := b.do(admin, "POST /v1/keys", mint)
			if !tt.saw(r) {
				t.Errorf("saw %d %.200s (%v), header %v", r.status, r.body, r.err, r.header)
			}
			if made := len(b.LiveKeys()) == 1; made != tt.made {
				t.Errorf("a key was made: %v, want %v", made, tt.made)
			}
		})
	}
}

// TestFaultsOnAnswersWithoutBody deletes under the faults that spoil a body.
func TestFaultsOnAnswersWithoutBody(t *testing.T) {
	for kind, want := range map[sandbox.Kind]string{
		sandbox.MalformedJSON: "{", sandbox.WrongTypes: "{}", sandbox.TruncatedBody: "{", sandbox.SlowDrip: "{}", sandbox.HugeBody: `{"padding":"xxx"}`,
	} {
		b := start(t)
		id, _ := b.mint("a")
		b.add(sandbox.Fault{Kind: kind, Interval: 1, Bytes: 3})
		if r := b.do(admin, "DELETE /v1/keys/"+id, ""); r.status != 200 || r.body != want {
			t.Errorf("%s: got %d %q (%v), want %q", kind, r.status, r.body, r.err, want)
		}
		if live := b.LiveKeys(); len(live) != 0 {
			t.Errorf("%s: %v is not deleted", kind, live)
		}
	}
}

// TestHeldUp holds a mint up and ends that in each of the possible ways.
func TestHeldUp(t *testing.T) {
	type ending string
	const clientLeaves, cleared, closed ending = "client leaves", "faults cleared", "server closed"
	for _, tt := range []struct {
		fault    sandbox.Fault
		end      ending
		answered bool
		made     int
	}{
		{sandbox.Fault{Kind: sandbox.Hang}, clientLeaves, false, 0},
		{sandbox.Fault{Kind: sandbox.Hang}, cleared, false, 0},
		{sandbox.Fault{Kind: sandbox.Hang}, closed, false, 0},
		{sandbox.Fault{Kind: sandbox.CommitThenHang}, clientLeaves, false, 1},
		{sandbox.Fault{Kind: sandbox.CommitThenHang}, cleared, false, 1},
		{sandbox.Fault{Kind: sandbox.CommitThenHang}, closed, false, 1},
		{sandbox.Fault{Kind: sandbox.Delay, Delay: sandbox.Duration(time.Hour)}, clientLeaves, false, 0},
		{sandbox.Fault{Kind: sandbox.Delay, Delay: sandbox.Duration(time.Hour)}, cleared, true, 1},
		{sandbox.Fault{Kind: sandbox.SlowDrip, Interval: sandbox.Duration(time.Hour)}, clientLeaves, false, 1},
		{sandbox.Fault{Kind: sandbox.SlowDrip, Interval: sandbox.Duration(time.Hour)}, cleared, true, 1},
		{sandbox.Fault{Kind: sandbox.SlowDrip, Interval: sandbox.Duration(time.Hour)}, closed, false, 1},
		{sandbox.Fault{Kind: sandbox.LateCommit}, cleared, true, 1},
		{sandbox.Fault{Kind: sandbox.LateCommit}, closed, false, 0},
		{sandbox.Fault{Kind: sandbox.LateCommit, Delay: sandbox.Duration(time.Millisecond)}, "", true, 1},
	} {
		t.Run(string(tt.fault.Kind)+", "+string(tt.end), func(t *testing.T) {
			b := start(t)
			b.add(tt.fault)
			ctx, leave := context.WithCancel(t.Context())
			defer leave()
			answer := make(chan reached, 1)
			go func() { answer <- b.send(b.request(ctx, admin, "POST /v1/keys", mint)) }()
			if tt.end != "" {
				b.awaitWaiting(1)
			}
			switch tt.end {
			case clientLeaves:
				leave()
			case cleared:
				b.expect(204, control, "DELETE /_sandbox/faults", "")
			case closed:
				b.Close()
			}
			if r := <-answer; (r.err == nil && r.status == 201 && r.text("key") != "") != tt.answered {
				t.Errorf("saw %d %q (%v), want an answer: %v", r.status, r.body, r.err, tt.answered)
			}
			b.awaitWaiting(0)
			if live := b.live(); len(live) != tt.made {
				t.Errorf("keys are %v, want %d", live, tt.made)
			}
		})
	}
}

// TestLateCommit makes the key only after its client has long gone.
func TestLateCommit(t *testing.T) {
	b := start(t)
	b.add(sandbox.Fault{Kind: sandbox.LateCommit})
	ctx, leave := context.WithCancel(t.Context())
	answer := make(chan reached, 1)
	go func() { answer <- b.send(b.request(ctx, admin, "POST /v1/keys", mint)) }()
	b.awaitWaiting(1)
	leave()
	<-answer
	if live := b.live(); len(live) != 0 {
		t.Fatalf("%v is there too early", live)
	}
	b.ClearFaults()
	b.awaitWaiting(0)
	deadline := time.Now().Add(10 * time.Second)
	for len(b.LiveKeys()) == 0 {
		if time.Now().After(deadline) {
			t.Fatal("the key was never made")
		}
		time.Sleep(time.Millisecond)
	}
}

func TestStaleList(t *testing.T) {
	b := start(t)
	b.mint("old")
	b.add(sandbox.Fault{Kind: sandbox.StaleList, Count: new(2)})
	b.mint("new")
	first := b.expect(200, admin, "GET /v1/keys?limit=1", "")
	if first.json["next_cursor"] != nil {
		t.Errorf("a stale list goes on: %s", first.body)
	}
	if names := b.names("/v1/keys?name=new"); len(names) != 0 {
		t.Errorf("a stale look-up finds %v", names)
	}
	if names := b.names("/v1/keys"); !slices.Equal(names, []string{"old", "new"}) {
		t.Errorf("once the fault is used up, the list gives %v", names)
	}

	b.add(sandbox.Fault{Kind: sandbox.StaleList, For: sandbox.Duration(time.Minute)})
	b.mint("newest")
	for range 3 {
		if names := b.names("/v1/keys"); len(names) != 2 {
			t.Errorf("within its time, the list gives %v", names)
		}
	}
	b.advance(time.Minute)
	if names := b.names("/v1/keys"); len(names) != 3 {
		t.Errorf("when its time is over, the list gives %v", names)
	}
}

// TestStaleListInPages follows the pages of one stale list.
func TestStaleListInPages(t *testing.T) {
	b := start(t)
	b.mint("a")
	b.mint("b")
	b.add(sandbox.Fault{Kind: sandbox.StaleList})
	b.mint("c")
	first := b.expect(200, admin, "GET /v1/keys?limit=1", "")
	second := b.expect(200, admin, "GET /v1/keys?limit=1&cursor="+first.text("next_cursor"), "")
	if second.json["next_cursor"] != nil || strings.Contains(second.body, `"c"`) {
		t.Errorf("the second page is %s", second.body)
	}
}

func TestLateRevoke(t *testing.T) {
	for name, tt := range map[string]struct {
		fault sandbox.Fault
		end   func(*box, string)
	}{
		"uses": {sandbox.Fault{Kind: sandbox.LateRevoke, Uses: 2}, func(b *box, secret string) { b.expect(200, secret, "GET /v1/whoami", "") }},
		"time": {sandbox.Fault{Kind: sandbox.LateRevoke, For: sandbox.Duration(time.Minute)}, func(b *box, _ string) { b.advance(time.Minute) }},
		"both": {sandbox.Fault{Kind: sandbox.LateRevoke, For: sandbox.Duration(time.Minute), Uses: 9}, func(b *box, _ string) { b.advance(time.Minute) }},
		"open": {sandbox.Fault{Kind: sandbox.LateRevoke}, func(b *box, _ string) { b.ClearFaults() }},
	} {
		t.Run(name, func(t *testing.T) {
			b := start(t)
			id, secret := b.mint("a")
			other, otherSecret := b.mint("b")
			b.add(tt.fault)
			b.expect(204, admin, "DELETE /v1/keys/"+id, "")
			b.expect(204, admin, "DELETE /v1/keys/"+other, "")
			b.expect(401, otherSecret, "GET /v1/whoami", "")
			b.expect(200, secret, "GET /v1/whoami", "")
			b.expect(404, admin, "GET /v1/keys/"+id, "")
			if live := b.live(); len(live) != 0 {
				t.Errorf("live are %v", live)
			}
			tt.end(b, secret)
			b.expect(401, secret, "GET /v1/whoami", "")
		})
	}
}

func TestCapExpiry(t *testing.T) {
	const never = 0
	for name, tt := range map[string]struct{ longest, asked, want time.Duration }{
		"later than allowed":   {time.Minute, time.Hour, time.Minute},
		"earlier than allowed": {time.Hour, time.Minute, time.Minute},
		"no end asked for":     {time.Minute, never, time.Minute},
		"nothing ever ends":    {never, time.Hour, never},
	} {
		t.Run(name, func(t *testing.T) {
			b := start(t)
			b.add(sandbox.Fault{Kind: sandbox.CapExpiry, For: sandbox.Duration(tt.longest), Count: new(0)})
			body := `{"name": "a"}`
			if tt.asked != never {
				body = `{"name": "a", "expires_at": "` + b.in(tt.asked) + `"}`
			}
			b.expect(201, admin, "POST /v1/keys", body)
			end := b.LiveKeys()[0].ExpiresAt
			if tt.want == never {
				if end != nil {
					t.Errorf("it ends at %s", end)
				}
				return
			}
			if end == nil || time.Until(*end) > tt.want || time.Until(*end) < tt.want-30*time.Second {
				t.Errorf("it ends at %v, want %s from now", end, tt.want)
			}
		})
	}
}

func TestForbiddenOnGone(t *testing.T) {
	b := start(t)
	id, _ := b.mint("a")
	b.add(sandbox.Fault{Kind: sandbox.ForbiddenOnGone})
	b.expect(204, admin, "DELETE /v1/keys/"+id, "")
	b.expect(403, admin, "DELETE /v1/keys/"+id, "")
	b.expect(404, admin, "DELETE /v1/keys/"+id, "")
}

// TestScript checks that steps come into force one after another, even where a
// later one would match earlier.
func TestScript(t *testing.T) {
	b := start(t)
	b.expect(204, control, "POST /_sandbox/faults", `[
		{"kind": "status", "status": 503, "count": 2, "match": {"route": "POST /v1/keys"}},
		{"kind": "pass", "match": {"method": "POST"}},
		{"kind": "unauthorized", "after": 2, "count": 0, "match": {"path": "/v1/keys"}}]`)
	for i, step := range []struct {
		request string
		status  int
	}{
		{"GET /v1/keys", 200}, {"POST /v1/keys", 503}, {"GET /v1/keys", 200}, {"POST /v1/keys", 503},
		{"POST /v1/keys", 201}, {"GET /v1/keys", 200}, {"GET /v1/keys", 200}, {"GET /v1/keys", 401}, {"POST /v1/keys", 401}, {"GET /v1/accounts", 200},
	} {
		if r := b.do(admin, step.request, mint); r.status != step.status {
			t.Errorf("request %d, %s, gives %d, want %d", i, step.request, r.status, step.status)
		}
	}
	if left := b.State().Faults; len(left) != 1 || len(left[0]) != 1 || left[0][0].Kind != sandbox.Unauthorized {
		t.Errorf("faults left are %+v", left)
	}
	b.expect(204, control, "DELETE /_sandbox/faults", "")
	b.expect(200, admin, "GET /v1/keys", "")
}

func TestFaultInARequest(t *testing.T) {
	b := start(t)
	for _, tt := range []struct {
		token, fault string
		status       int
	}{
		{control, `{"kind": "status", "status": 418}`, 418},
		{"wrong", `{"kind": "status", "status": 418}`, 401},
		{control, `{"kind": "nonsense"}`, 400},
	} {
		req := b.request(t.Context(), admin, "GET /v1/keys", "")
		req.Header.Set("Sandbox-Fault", tt.fault)
		req.Header.Set("Sandbox-Control", tt.token)
		if r := b.send(req); r.status != tt.status {
			t.Errorf("%s with token %s gives %d %s", tt.fault, tt.token, r.status, r.body)
		}
	}
	b.expect(200, admin, "GET /v1/keys", "")
}

func TestFaultsThatAreRefused(t *testing.T) {
	b := start(t)
	for body, says := range map[string]string{
		`{"kind": "hangs"}`:                 `unknown kind "hangs"`,
		`{}`:                                "unknown kind",
		`[]`:                                "at least one",
		`{"kind": "hang", "colour": "red"}`: "colour",
		`{"kind": "hang", "count": -1}`:     "negative",
		`{"kind": "hang", "delay": "soon"}`: "duration",
		`{"kind": "status", "status": 99}`:  "from 200 to 599",
		`{"kind": "hang", "match": {"route": "GET /x"}}`: "unknown route",
		`{"kind": "hang"}{}`:                             "nothing behind",
		`hang`:                                           "a fault is an object",
	} {
		if r := b.do(control, "POST /_sandbox/faults", body); r.status != 400 || !strings.Contains(r.message(), says) {
			t.Errorf("%s gives %d %s, want %q", body, r.status, r.body, says)
		}
	}
	if left := b.State().Faults; len(left) != 0 {
		t.Errorf("faults are %v", left)
	}
}

// TestOverTLS sees faults that need the raw connection also under TLS.
func TestOverTLS(t *testing.T) {
	b := start(t)
	web := httptest.NewTLSServer(b.Server)
	t.Cleanup(web.Close)
	b.add(sandbox.Fault{Kind: sandbox.CommitThenReset})
	req := b.request(t.Context(), admin, "POST /v1/keys", mint)
	req.URL.Scheme, req.URL.Host = "https", strings.TrimPrefix(web.URL, "https://")
	resp, err := web.Client().Do(req)
	if err == nil {
		resp.Body.Close()
	}
	if !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("saw %v, want a reset", err)
	}
	if len(b.LiveKeys()) != 1 {
		t.Error("no key was made")
	}
}

func TestStateOverHTTP(t *testing.T) {
	b := start(t)
	_, secret := b.mint("a")
	b.add(sandbox.Fault{Kind: sandbox.Hang, Count: new(0), Delay: sandbox.Duration(time.Second)})
	r := b.expect(200, control, "GET /_sandbox/state?all=true", "")
	var st sandbox.State
	if err := json.Unmarshal([]byte(r.body), &st); err != nil {
		t.Fatal(err)
	}
	if len(st.Keys) != 1 || len(st.Faults) != 1 || *st.Faults[0][0].Count != 0 || st.Counters.Requests["POST /v1/keys"] != 1 {
		t.Errorf("state is %s", r.body)
	}
	if strings.Contains(r.body, secret) || strings.Contains(r.body, admin) {
		t.Errorf("the state tells a secret: %s", r.body)
	}
}
