package sandbox

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The bounds of a page of a list.
const (
	defaultLimit = 50
	maxLimit     = 100
)

// shortestKey is the least length of a key that a caller chooses.
const shortestKey = 20

var (
	nameForm  = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)
	scopeForm = regexp.MustCompile(`^[a-z][a-z0-9:._-]{0,63}$`)
)

func (s *Server) handleAPI() {
	for _, keys := range []string{"/v1/keys", "/v1/accounts/{account}/keys"} {
		s.handle("POST "+keys, adminOnly, s.createKey)
		s.handle("GET "+keys, adminOnly, s.listKeys)
		s.handle("GET "+keys+"/{id}", adminOnly, s.getKey)
		s.handle("PATCH "+keys+"/{id}", adminOnly, s.extendKey)
		s.handle("DELETE "+keys+"/{id}", adminOnly, s.deleteKey)
	}
	s.handle("POST /v1/accounts", adminOnly, s.createAccount)
	s.handle("GET /v1/accounts", adminOnly, s.listAccounts)
	s.handle("GET /v1/accounts/{account}", adminOnly, s.getAccount)
	s.handle("DELETE /v1/accounts/{account}", adminOnly, s.deleteAccount)
	s.handle("PUT /v1/accounts/{account}/scopes", adminOnly, s.setScopes)
	s.handle("DELETE /v1/accounts/{account}/scopes", adminOnly, s.clearScopes)
	s.handle("POST /v1/admin-keys", adminOnly, s.createAdminKey)
	s.handle("GET /v1/admin-keys", adminOnly, s.listAdminKeys)
	s.handle("DELETE /v1/admin-keys/{id}", adminOnly, s.deleteAdminKey)
	s.handle("PUT /v1/admin-keys/self/key", adminOnly, s.setAdminKey)
	s.handle("GET /v1/whoami", anyone, s.whoami)
	s.handle("GET /v1/data", keyOnly, s.data)
	s.mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		failure(http.StatusNotFound, "there is nothing at this path").send(w)
	})
}

// Keys, of nobody or of an account.

func (s *Server) createKey(c *call) answer {
	home, account, refusal := s.home(c)
	if refusal != nil {
		return *refusal
	}
	rec := &record{}
	fields := map[string]any{"name": &rec.name, "expires_at": &rec.expiresAt, "allowed_cidrs": &rec.cidrs, "owner": &rec.owner, "labels": &rec.labels}
	if account == nil {
		fields["scopes"] = &rec.scopes
	}
	if err := s.decode(c, fields, "name"); err != nil {
		return badRequest(err)
	}
	rec.expiresAt = c.capExpiry(rec.expiresAt, s.now())
	fresh := s.newRecord("key_", rec.name)
	rec.id, rec.sequence, rec.createdAt, rec.account = fresh.id, fresh.sequence, fresh.createdAt, account
	if !home.add(rec) {
		return failure(http.StatusConflict, fmt.Sprintf("a key named %q exists already", rec.name))
	}
	s.counters.Issued++
	return s.withSecret(rec)
}

// withSecret gives a new record its secret and tells it, this once.
func (s *Server) withSecret(rec *record) answer {
	secret := newSecret()
	s.setSecret(rec, secret)
	return reply(http.StatusCreated, struct {
		Key
		Secret string `json:"key"`
	}{rec.view(s.now()), secret})
}

func (s *Server) listKeys(c *call) answer {
	home, _, refusal := s.home(c)
	if refusal != nil {
		return *refusal
	}
	return s.list(c, home)
}

func (s *Server) getKey(c *call) answer {
	_, rec, refusal := s.find(c)
	if refusal != nil {
		return *refusal
	}
	return reply(http.StatusOK, rec.view(s.now()))
}

func (s *Server) extendKey(c *call) answer {
	_, rec, refusal := s.find(c)
	if refusal != nil {
		return *refusal
	}
	var until time.Time
	if err := s.decode(c, map[string]any{"expires_at": &until}, "expires_at"); err != nil {
		return badRequest(err)
	}
	if rec.expired(s.now()) {
		return failure(http.StatusConflict, "an expired key cannot be extended")
	}
	rec.expiresAt = c.capExpiry(until, s.now())
	return reply(http.StatusOK, rec.view(s.now()))
}

func (s *Server) deleteKey(c *call) answer {
	home, rec, refusal := s.find(c)
	if refusal != nil {
		return *refusal
	}
	if c.fault != nil && c.fault.Kind == LateRevoke {
		rec.grace = c.fault.grace(s.now(), c.release)
	}
	s.drop(home, rec)
	return answer{status: http.StatusNoContent}
}

// home is where the keys that the path speaks of are kept.
func (s *Server) home(c *call) (*shelf, *record, *answer) {
	id := c.r.PathValue("account")
	if id == "" {
		return &s.keys, nil, nil
	}
	account := s.accounts.byID[id]
	if account == nil {
		return nil, nil, s.missing(c, id, "account")
	}
	return &account.keys, account, nil
}

// find is the key that the path names, and where it is kept.
func (s *Server) find(c *call) (*shelf, *record, *answer) {
	home, _, refusal := s.home(c)
	if refusal != nil {
		return nil, nil, refusal
	}
	id := c.r.PathValue("id")
	rec := home.byID[id]
	if rec == nil {
		return nil, nil, s.missing(c, id, "key")
	}
	return home, rec, nil
}

func (s *Server) missing(c *call, id, what string) *answer {
	if c.r.Method == http.MethodDelete && s.gone[id] != nil {
		s.counters.DeleteAgain++
	}
	return new(failure(http.StatusNotFound, "there is no such "+what))
}

// Accounts.

func (s *Server) createAccount(c *call) answer {
	var name string
	if err := s.decode(c, map[string]any{"name": &name}, "name"); err != nil {
		return badRequest(err)
	}
	rec := s.newRecord("acc_", name)
	if !s.accounts.add(rec) {
		return failure(http.StatusConflict, fmt.Sprintf("an account named %q exists already", name))
	}
	return reply(http.StatusCreated, rec.view(s.now()))
}

func (s *Server) listAccounts(c *call) answer { return s.list(c, &s.accounts) }

func (s *Server) getAccount(c *call) answer {
	_, account, refusal := s.home(c)
	if refusal != nil {
		return *refusal
	}
	return reply(http.StatusOK, account.view(s.now()))
}

func (s *Server) deleteAccount(c *call) answer {
	keys, account, refusal := s.home(c)
	if refusal != nil {
		return *refusal
	}
	if err := known(c.r.URL.Query(), "force"); err != nil {
		return badRequest(err)
	}
	if len(keys.byID) > 0 && c.r.URL.Query().Get("force") != "true" {
		return failure(http.StatusConflict, "the account holds keys; delete them first, or say force=true")
	}
	s.drop(&s.accounts, account)
	return answer{status: http.StatusNoContent}
}

func (s *Server) setScopes(c *call) answer {
	_, account, refusal := s.home(c)
	if refusal != nil {
		return *refusal
	}
	var scopes []string
	if err := s.decode(c, map[string]any{"scopes": &scopes}, "scopes"); err != nil {
		return badRequest(err)
	}
	account.scopes = scopes
	return reply(http.StatusOK, account.view(s.now()))
}

func (s *Server) clearScopes(c *call) answer {
	_, account, refusal := s.home(c)
	if refusal != nil {
		return *refusal
	}
	account.scopes = nil
	return answer{status: http.StatusNoContent}
}

// Admin keys.

func (s *Server) createAdminKey(c *call) answer {
	var name string
	if err := s.decode(c, map[string]any{"name": &name}, "name"); err != nil {
		return badRequest(err)
	}
	rec := s.newRecord("adm_", name)
	if !s.admins.add(rec) {
		return failure(http.StatusConflict, fmt.Sprintf("an admin key named %q exists already", name))
	}
	return s.withSecret(rec)
}

func (s *Server) listAdminKeys(c *call) answer { return s.list(c, &s.admins) }

func (s *Server) deleteAdminKey(c *call) answer {
	id := c.r.PathValue("id")
	rec := s.admins.byID[id]
	switch {
	case rec == nil:
		return *s.missing(c, id, "admin key")
	case len(s.admins.byID) == 1:
		return failure(http.StatusConflict, "the last admin key cannot be deleted")
	}
	s.drop(&s.admins, rec)
	return answer{status: http.StatusNoContent}
}

// setAdminKey puts a value that the caller has chosen in place of its own key,
// which ends at once.
func (s *Server) setAdminKey(c *call) answer {
	var secret string
	if err := s.decode(c, map[string]any{"key": &secret}, "key"); err != nil {
		return badRequest(err)
	}
	if len(secret) < shortestKey {
		return failure(http.StatusBadRequest, fmt.Sprintf("key must be at least %d characters long", shortestKey))
	}
	if other := s.secrets[sha256.Sum256([]byte(secret))]; other != nil && other != c.caller {
		return failure(http.StatusConflict, "this key is in use")
	}
	delete(s.secrets, c.caller.secret)
	s.setSecret(c.caller, secret)
	return reply(http.StatusOK, c.caller.view(s.now()))
}

// What a key can do.

func (s *Server) whoami(c *call) answer {
	return reply(http.StatusOK, struct {
		Key
		Admin bool `json:"admin"`
	}{c.caller.view(s.now()), c.caller.admin()})
}

func (s *Server) data(c *call) answer {
	if !slices.Contains(c.caller.allowed(), "read") {
		return failure(http.StatusForbidden, `this needs a key with the scope "read"`)
	}
	return reply(http.StatusOK, map[string]any{"data": []int{1, 2, 3}})
}

// Lists.

// cursor is where a list goes on; its text is opaque to clients. Until makes
// the pages of one stale list agree.
type cursor struct {
	After uint64 `json:"a"`
	Until uint64 `json:"u"`
}

func (s *Server) list(c *call, from *shelf) answer {
	query := c.r.URL.Query()
	if err := known(query, "limit", "cursor", "name"); err != nil {
		return badRequest(err)
	}
	limit, err := parseLimit(query)
	if err != nil {
		return badRequest(err)
	}
	at := cursor{Until: ^uint64(0)}
	if text := query.Get("cursor"); text != "" {
		raw, err := base64.RawURLEncoding.DecodeString(text)
		if err != nil || json.Unmarshal(raw, &at) != nil {
			return badRequest(errors.New("cursor is not one that a list gave"))
		}
	} else {
		s.counters.Lists++
	}
	if c.fault != nil && c.fault.Kind == StaleList {
		at.Until = c.fault.sequence
	}
	found, more := from.page(at.After, at.Until, limit)
	if query.Has("name") {
		found, more = nil, false
		if rec := from.byName[query.Get("name")]; rec != nil && rec.sequence <= at.Until {
			found = []*record{rec}
		}
	}
	answered := struct {
		Data []Key   `json:"data"`
		Next *string `json:"next_cursor"`
	}{Data: make([]Key, 0, len(found))}
	for _, rec := range found {
		answered.Data = append(answered.Data, rec.view(s.now()))
	}
	if more {
		at.After = found[len(found)-1].sequence
		text, _ := json.Marshal(at) // two numbers cannot fail
		answered.Next = new(base64.RawURLEncoding.EncodeToString(text))
	}
	return reply(http.StatusOK, answered)
}

func parseLimit(query url.Values) (int, error) {
	if !query.Has("limit") {
		return defaultLimit, nil
	}
	limit, err := strconv.Atoi(query.Get("limit"))
	if err != nil || limit < 1 || limit > maxLimit {
		return 0, fmt.Errorf("limit must be a number from 1 to %d", maxLimit)
	}
	return limit, nil
}

func known(query url.Values, names ...string) error {
	for name := range query {
		if !slices.Contains(names, name) {
			return fmt.Errorf("unknown query parameter %q", name)
		}
	}
	return nil
}

// Reading a body.

var errNotJSON = errors.New("the body must be one JSON object, sent as application/json")

func badRequest(err error) answer {
	if errors.Is(err, errNotJSON) {
		return failure(http.StatusUnsupportedMediaType, err.Error())
	}
	return failure(http.StatusBadRequest, err.Error())
}

// decode reads the fields of the body: those required are there, no other than
// these, each of its type and form. A null is a wrong type.
func (s *Server) decode(c *call, fields map[string]any, required ...string) error {
	if kind, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return errNotJSON
	}
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(c.body, &raw); err != nil || raw == nil {
		return errors.New("the body is not a JSON object")
	}
	for name, value := range raw {
		target, ok := fields[name]
		if !ok {
			return fmt.Errorf("unknown field %q", name)
		}
		if string(value) == "null" || json.Unmarshal(value, target) != nil {
			return fmt.Errorf("%s must be %s", name, wanted(target))
		}
		if err := s.validate(name, target); err != nil {
			return err
		}
	}
	for _, name := range required {
		if _, ok := raw[name]; !ok {
			return fmt.Errorf("%s is required", name)
		}
	}
	return nil
}

func wanted(target any) string {
	switch target.(type) {
	case *string:
		return "a string"
	case *[]string:
		return "a list of strings"
	case *time.Time:
		return "a time such as 2030-01-31T12:00:00Z"
	case *[]netip.Prefix:
		return "a list of networks such as 10.0.0.0/8"
	default:
		return "an object of strings"
	}
}

// validate checks the form of a field whose type is right.
func (s *Server) validate(name string, value any) error {
	switch value := value.(type) {
	case *string:
		if name == "name" && !nameForm.MatchString(*value) {
			return errors.New("name must be 1 to 64 of the characters A-Z a-z 0-9 . _ -")
		}
	case *[]string:
		if slices.ContainsFunc(*value, func(scope string) bool { return !scopeForm.MatchString(scope) }) {
			return fmt.Errorf("%s must hold words such as %s", name, strings.Join([]string{"read", "data:write"}, " or "))
		}
	case *time.Time:
		if !value.After(s.now()) {
			return fmt.Errorf("%s must be in the future", name)
		}
	case *[]netip.Prefix:
		if slices.ContainsFunc(*value, func(p netip.Prefix) bool { return !p.IsValid() }) {
			return fmt.Errorf("%s must be %s", name, wanted(value))
		}
	}
	return nil
}
