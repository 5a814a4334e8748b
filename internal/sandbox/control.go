package sandbox

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Key is a key, admin key or account as lists and State show it: all but the
// secret.
type Key struct {
	ID           string            `json:"id"`
	Name         string            `json:"name"`
	Account      string            `json:"account,omitempty"`
	Scopes       []string          `json:"scopes"`
	Owner        string            `json:"owner,omitempty"`
	Labels       map[string]string `json:"labels,omitempty"`
	AllowedCIDRs []string          `json:"allowed_cidrs,omitempty"`
	CreatedAt    time.Time         `json:"created_at"`
	ExpiresAt    *time.Time        `json:"expires_at"`
	// LastUsedAt is null for a key that was never used.
	LastUsedAt *time.Time `json:"last_used_at"`
	// DeletedAt is set only in State, which also shows what is gone.
	DeletedAt *time.Time `json:"deleted_at,omitempty"`
	// Status is "live", "expired" or "deleted".
	Status string `json:"status"`
}

// Counters tell what has happened since the Server was made.
type Counters struct {
	// Issued and Deleted count keys, admin keys apart; DeleteAgain counts
	// deletions of what was deleted before.
	Issued      int `json:"issued"`
	Deleted     int `json:"deleted"`
	DeleteAgain int `json:"delete_again"`
	// Lists counts lists begun, not their pages.
	Lists int `json:"lists"`
	// Requests counts what came in per route, such as "DELETE /v1/keys/{id}",
	// also where a fault kept it from being carried out.
	Requests map[string]int `json:"requests"`
	// Faults counts the requests that each kind of fault hit.
	Faults map[Kind]int `json:"faults"`
}

// State is what the Server holds.
type State struct {
	// Keys are the keys that work, those of accounts too, oldest first.
	Keys      []Key    `json:"keys"`
	Accounts  []Key    `json:"accounts"`
	AdminKeys []Key    `json:"admin_keys"`
	Counters  Counters `json:"counters"`
	// Faults are the steps that each script still has before it, the one in
	// force first; Count is what is left of it.
	Faults [][]Fault `json:"faults"`
	// Waiting is how many requests faults hold up now.
	Waiting int `json:"waiting"`
}

// LiveKeys are the keys that are neither deleted nor expired.
func (s *Server) LiveKeys() []Key { return s.State().Keys }

// State shows what the Server holds, with only the keys that work.
func (s *Server) State() State { return s.state(false) }

// FullState is State with the expired and deleted keys among Keys.
func (s *Server) FullState() State { return s.state(true) }

func (s *Server) state(all bool) State {
	s.mu.Lock()
	defer s.mu.Unlock()
	keys, accounts := s.keys.all(), s.accounts.all()
	for _, account := range accounts {
		keys = append(keys, account.keys.all()...)
	}
	if all {
		for _, rec := range s.gone {
			if isKey(rec) {
				keys = append(keys, rec)
			}
		}
	}
	slices.SortFunc(keys, func(a, b *record) int { return cmp.Compare(a.sequence, b.sequence) })
	counters := s.counters
	counters.Requests, counters.Faults = maps.Clone(counters.Requests), maps.Clone(counters.Faults)
	st := State{
		Keys: s.views(keys), Accounts: s.views(accounts), AdminKeys: s.views(s.admins.all()),
		Counters: counters, Faults: [][]Fault{}, Waiting: s.waiting,
	}
	if !all {
		st.Keys = slices.DeleteFunc(st.Keys, func(k Key) bool { return k.Status != "live" })
	}
	for _, script := range s.scripts {
		st.Faults = append(st.Faults, script.rest())
	}
	return st
}

func (s *Server) views(records []*record) []Key {
	views, now := make([]Key, 0, len(records)), s.now()
	for _, rec := range records {
		views = append(views, rec.view(now))
	}
	return views
}

func (rec *record) view(now time.Time) Key {
	k := Key{
		ID: rec.id, Name: rec.name, Owner: rec.owner, Labels: rec.labels, CreatedAt: rec.createdAt,
		Scopes: append([]string{}, rec.allowed()...), Status: "live",
	}
	for _, prefix := range rec.cidrs {
		k.AllowedCIDRs = append(k.AllowedCIDRs, prefix.String())
	}
	if rec.account != nil {
		k.Account = rec.account.id
	}
	if !rec.expiresAt.IsZero() {
		k.ExpiresAt = new(rec.expiresAt)
	}
	if !rec.lastUsedAt.IsZero() {
		k.LastUsedAt = new(rec.lastUsedAt)
	}
	switch {
	case rec.deleted():
		k.DeletedAt, k.Status = new(rec.deletedAt), "deleted"
	case rec.expired(now):
		k.Status = "expired"
	}
	return k
}

func (s *Server) handleControl() {
	s.control("GET /_sandbox/state", func(r *http.Request) answer {
		return reply(http.StatusOK, s.state(r.URL.Query().Get("all") == "true"))
	})
	s.control("POST /_sandbox/faults", func(r *http.Request) answer {
		body, err := io.ReadAll(io.LimitReader(r.Body, bodyLimit))
		if err != nil {
			return failure(http.StatusBadRequest, "the body is cut short")
		}
		script, err := s.parseFaults(body)
		if err == nil {
			err = s.AddFault(script...)
		}
		if err != nil {
			return failure(http.StatusBadRequest, err.Error())
		}
		return answer{status: http.StatusNoContent}
	})
	s.control("DELETE /_sandbox/faults", func(*http.Request) answer {
		s.ClearFaults()
		return answer{status: http.StatusNoContent}
	})
}

// control registers a route of the control API, which no fault touches.
func (s *Server) control(route string, run func(*http.Request) answer) {
	s.mux.HandleFunc(route, func(w http.ResponseWriter, r *http.Request) {
		token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !s.controls(token) {
			failure(http.StatusUnauthorized, "this needs the control token").send(w)
			return
		}
		run(r).send(w)
	})
}

// parseFaults reads one fault, or a list of them.
func (s *Server) parseFaults(text []byte) ([]Fault, error) {
	script := make([]Fault, 1)
	var target any = &script[0]
	if bytes.HasPrefix(bytes.TrimSpace(text), []byte("[")) {
		target = &script
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(target); err != nil {
		return nil, fmt.Errorf("a fault is an object such as {\"kind\": \"hang\"}, a script a list of them: %w", err)
	}
	if decoder.More() {
		return nil, errors.New("write one fault or one list of faults, and nothing behind it")
	}
	return script, s.validFaults(script)
}
