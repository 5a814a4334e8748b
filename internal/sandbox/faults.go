package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Kind says how a request goes wrong. Unless its description says otherwise, a
// request hit by the first group has no effect, one hit by the second is
// carried out in full before its answer suffers.
type Kind string

// Kinds that keep a request from taking effect (see Fault.Commit).
const (
	Hang            Kind = "hang"               // no answer, until the client goes or faults are cleared; then the connection closes
	Reset           Kind = "reset"              // the connection is reset (RST)
	Status          Kind = "status"             // Status (500), Headers and Body
	RateLimit       Kind = "rate_limit"         // 429 with Retry-After: RetryAfter seconds (1), or as a date with AsDate
	Unauthorized    Kind = "unauthorized"       // 401, as if the credential were dead
	Redirect        Kind = "redirect"           // Status (307) to Location (the same path at a host that does not exist)
	OKWithErrorBody Kind = "ok_with_error_body" // 200, and {"error": …} in the body
)

// Kinds that let a request take effect.
const (
	CommitThenHang  Kind = "commit_then_hang"  // as Hang
	CommitThenReset Kind = "commit_then_reset" // as Reset
	CommitThen500   Kind = "commit_then_500"   // as Status
	LateCommit      Kind = "late_commit"       // takes effect only after Delay or when faults are cleared, even when the client has long gone
	MalformedJSON   Kind = "malformed_json"    // the first half of the body, as if that were all
	WrongTypes      Kind = "wrong_types"       // strings become lists, lists objects, numbers and booleans strings
	TruncatedBody   Kind = "truncated_body"    // the connection closes in the middle of the body
	HugeBody        Kind = "huge_body"         // good JSON, padded to Bytes (50 MiB)
	BodyAfter204    Kind = "body_after_204"    // 204, and the body behind it all the same, where HTTP has none
	SlowDrip        Kind = "slow_drip"         // one byte of the body every Interval (1s)
	Delay           Kind = "delay"             // comes late, after Delay, and unharmed
	Pass            Kind = "pass"              // unharmed: in a script, lets Count requests through
)

// Kinds that change what the provider knows; each hits only requests it has a
// meaning for.
const (
	// StaleList: lists do not show what was made since the fault came into
	// force. Count counts lists, with all their pages; with For instead, it
	// holds for all lists until that time is over.
	StaleList Kind = "stale_list"
	// LateRevoke: keys that are deleted now go on working, For a time, for
	// some Uses, or until faults are cleared. Count counts deletions.
	LateRevoke Kind = "late_revoke"
	// CapExpiry: a key that is made, or extended, ends For a time from now at
	// the latest, whatever was asked for; without For it never ends.
	CapExpiry Kind = "cap_expiry"
	// ForbiddenOnGone: deleting what is not there answers 403 instead of 404.
	ForbiddenOnGone Kind = "forbidden_on_gone"
)

// Fault is a misbehaviour on command.
type Fault struct {
	Kind  Kind  `json:"kind"`
	Match Match `json:"match,omitzero"`
	// Count is how many matching requests it hits; nil means 1, 0 all until
	// faults are cleared.
	Count *int `json:"count,omitempty"`
	// After is how many matching requests it leaves alone first.
	After int `json:"after,omitempty"`
	// Delay holds the request up before anything else happens.
	Delay Duration `json:"delay,omitempty"`
	// Commit lets a request take effect although the answer denies it.
	Commit bool `json:"commit,omitempty"`

	Status     int               `json:"status,omitempty"`
	Headers    map[string]string `json:"headers,omitempty"`
	Body       string            `json:"body,omitempty"`
	RetryAfter int               `json:"retry_after,omitempty"`
	AsDate     bool              `json:"as_date,omitempty"`
	Location   string            `json:"location,omitempty"`
	Bytes      int               `json:"bytes,omitempty"`
	Interval   Duration          `json:"interval,omitempty"`
	For        Duration          `json:"for,omitempty"`
	Uses       int               `json:"uses,omitempty"`
}

// Match narrows a fault to some requests; what is empty matches all.
type Match struct {
	Method string `json:"method,omitempty"`
	Path   string `json:"path,omitempty"`  // prefix, such as /v1/keys
	Route  string `json:"route,omitempty"` // exactly, such as "DELETE /v1/keys/{id}"
}

// Duration is written as Go writes it: "1.5s".
type Duration time.Duration

func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	*d = Duration(parsed)
	return err
}

// AddFault puts a fault in force, behind those that are; several make a script,
// each coming into force when the one before is used up. A request is hit by
// the first fault that matches it.
func (s *Server) AddFault(steps ...Fault) error {
	if err := s.validFaults(steps); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	sc := &script{waiting: slices.Clone(steps)}
	sc.next(s)
	s.scripts = append(s.scripts, sc)
	return nil
}

// ClearFaults ends all faults and lets go of every request they hold up.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scripts = nil
	close(s.release)
	s.release = make(chan struct{})
}

func (s *Server) validFaults(steps []Fault) error {
	if len(steps) == 0 {
		return errors.New("a script needs at least one fault")
	}
	for _, f := range steps {
		if err := s.validFault(f); err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) validFault(f Fault) error {
	switch {
	case kinds[f.Kind].respond == nil:
		return fmt.Errorf("unknown kind %q; write one of %v", f.Kind, slices.Sorted(maps.Keys(kinds)))
	case f.Match.Route != "" && !slices.Contains(s.routes, f.Match.Route):
		return fmt.Errorf("unknown route %q; write one of %q", f.Match.Route, s.routes)
	case f.Status != 0 && (f.Status < 200 || f.Status > 599):
		return errors.New("status must be from 200 to 599")
	case f.Count != nil && *f.Count < 0, min(f.After, f.RetryAfter, f.Bytes, f.Uses) < 0, min(f.Delay, f.Interval, f.For) < 0:
		return errors.New("numbers and durations of a fault must not be negative")
	}
	return nil
}

// script is a run of faults, of which the first is in force.
type script struct {
	armed
	waiting []Fault
}

// armed is a fault in force.
type armed struct {
	Fault
	left     int // requests still to hit, -1 for no limit
	since    time.Time
	sequence uint64 // of the newest record when it came into force
}

// next puts the next step in force; false means that there is none.
func (sc *script) next(s *Server) bool {
	if len(sc.waiting) == 0 {
		return false
	}
	f := sc.waiting[0]
	sc.waiting = sc.waiting[1:]
	sc.armed = armed{Fault: f, left: 1, since: s.now(), sequence: s.sequence}
	switch {
	case f.Count != nil && *f.Count > 0:
		sc.left = *f.Count
	case f.Count != nil, f.Kind == StaleList && f.For > 0:
		sc.left = -1
	}
	return true
}

func (sc *script) rest() []Fault {
	current := sc.Fault
	current.Count = new(max(sc.left, 0))
	return append([]Fault{current}, sc.waiting...)
}

// phase is the point of a request's way at which faults are looked for.
type phase int

const (
	onArrival phase = iota
	afterGone       // it would delete what is not there
)

// take sets the call's fault, using it up by one, and reports whether there is
// one. The caller holds the lock.
func (s *Server) take(c *call, at phase) bool {
	c.release = s.release
	s.endOutdated()
	if c.own != nil && c.own.hits(c, at) {
		c.fault, c.own = c.own, nil
	} else if i := slices.IndexFunc(s.scripts, func(sc *script) bool { return sc.due(c, at) }); i >= 0 {
		sc := s.scripts[i]
		c.fault = new(sc.armed)
		if sc.left > 0 {
			sc.left--
		}
		if sc.left == 0 && !sc.next(s) {
			s.scripts = slices.Delete(s.scripts, i, i+1)
		}
	} else {
		return false
	}
	s.counters.Faults[c.fault.Kind]++
	return true
}

// endOutdated moves on from faults whose time is over.
func (s *Server) endOutdated() {
	now := s.now()
	s.scripts = slices.DeleteFunc(s.scripts, func(sc *script) bool {
		return sc.Kind == StaleList && sc.For > 0 && !now.Before(sc.since.Add(time.Duration(sc.For))) && !sc.next(s)
	})
}

// due reports whether the step in force hits the call, counting those it is to
// leave alone.
func (sc *script) due(c *call, at phase) bool {
	if !sc.hits(c, at) {
		return false
	}
	if sc.After > 0 {
		sc.After--
		return false
	}
	return true
}

func (a *armed) hits(c *call, at phase) bool {
	m := a.Match
	if (m.Method != "" && !strings.EqualFold(m.Method, c.r.Method)) || !strings.HasPrefix(c.r.URL.Path, m.Path) || (m.Route != "" && m.Route != c.route) {
		return false
	}
	switch a.Kind {
	case ForbiddenOnGone:
		return at == afterGone
	case CapExpiry:
		setsEnd := c.r.Method == http.MethodPost && strings.HasSuffix(c.route, "/keys") || c.r.Method == http.MethodPatch
		return at == onArrival && setsEnd
	case StaleList:
		isList := c.r.Method == http.MethodGet && (strings.HasSuffix(c.route, "keys") || strings.HasSuffix(c.route, "accounts"))
		return at == onArrival && isList && !c.r.URL.Query().Has("cursor")
	case LateRevoke:
		return at == onArrival && c.r.Method == http.MethodDelete && strings.HasSuffix(c.route, "/keys/{id}")
	default:
		return at == onArrival
	}
}

// grace is what a key deleted under LateRevoke gets.
func (a *armed) grace(now time.Time, release <-chan struct{}) *grace {
	g := &grace{uses: -1, release: release}
	if a.Uses > 0 {
		g.uses = a.Uses
	}
	if a.For > 0 {
		g.until = now.Add(time.Duration(a.For))
	}
	return g
}

// capExpiry is the end that a key gets which was asked to end at until.
func (c *call) capExpiry(until, now time.Time) time.Time {
	switch {
	case c.fault == nil || c.fault.Kind != CapExpiry:
		return until
	case c.fault.For == 0:
		return time.Time{}
	}
	latest := now.Add(time.Duration(c.fault.For)).Truncate(time.Second)
	if until.IsZero() || until.After(latest) {
		return latest
	}
	return until
}

// perform carries the request out and answers it, or whatever the fault that
// hits it makes of that.
func (s *Server) perform(w http.ResponseWriter, c *call, carryOut func() answer) {
	s.mu.Lock()
	s.counters.Requests[c.route]++
	hit := s.take(c, onArrival)
	s.mu.Unlock()
	if !hit {
		carryOut().send(w)
		return
	}
	b, ctx := kinds[c.fault.Kind], c.r.Context()
	if c.fault.Kind == LateCommit {
		ctx = context.WithoutCancel(ctx)
	}
	if c.fault.Delay > 0 || c.fault.Kind == LateCommit {
		if s.wait(ctx, c, time.Duration(c.fault.Delay)) == given {
			panic(http.ErrAbortHandler)
		}
	}
	e := &exchange{s: s, w: w, call: c, ctx: ctx}
	if b.commits || c.fault.Commit {
		e.answer = carryOut()
	}
	b.respond(e)
}

// outcome is why a wait ended.
type outcome int

const (
	elapsed  outcome = iota
	released         // faults were cleared
	given            // up: the client or the server has gone
)

// wait holds a request up for d, or without end when d is 0.
func (s *Server) wait(ctx context.Context, c *call, d time.Duration) outcome {
	s.count(+1)
	defer s.count(-1)
	var end <-chan time.Time
	if d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		end = timer.C
	}
	select {
	case <-end:
		return elapsed
	case <-c.release:
		return released
	case <-ctx.Done():
		return given
	case <-s.closed:
		return given
	}
}

func (s *Server) count(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting += n
}

// wrongTypes gives every value another type.
func wrongTypes(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name := range v {
			v[name] = wrongTypes(v[name])
		}
		return v
	case string:
		return []any{v}
	case []any:
		return map[string]any{"items": v}
	case nil:
		return false
	default:
		return fmt.Sprint(v)
	}
}

// retyped is the answer with every type wrong.
func (a answer) retyped() answer {
	var v any
	if json.Unmarshal(a.body, &v) != nil {
		v = map[string]any{} // an answer without a body gets one
	}
	return reply(a.statusWithBody(), wrongTypes(v))
}

// statusWithBody is the status, changed where it allows no body.
func (a answer) statusWithBody() int {
	if a.status == http.StatusNoContent {
		return http.StatusOK
	}
	return a.status
}
