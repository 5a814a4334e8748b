package sandbox

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

const bodyLimit = 1 << 20

// Options are the settings of a Server; the zero value works.
type Options struct {
	// AdminKey is the first admin key; empty makes a random one.
	AdminKey string
	// ControlToken opens /_sandbox/; empty keeps it shut.
	ControlToken string
	// Now is the clock that keys and faults go by; nil means time.Now. Delays
	// are always real.
	Now func() time.Time
}

// Server is the provider: an http.Handler that is safe for concurrent use and
// keeps everything in memory.
type Server struct {
	adminKey     string
	controlToken string
	now          func() time.Time
	mux          *http.ServeMux
	routes       []string
	closed       chan struct{}
	close        sync.Once

	mu       sync.Mutex // guards all below; held while a request is carried out
	sequence uint64
	keys     shelf
	accounts shelf
	admins   shelf
	secrets  map[digest]*record
	gone     map[string]*record
	counters Counters
	waiting  int
	scripts  []*script
	release  chan struct{} // closed to let go whatever faults hold up
}

type digest [sha256.Size]byte

// New makes a Server that holds one admin key.
func New(o Options) *Server {
	s := &Server{
		adminKey: o.AdminKey, controlToken: o.ControlToken, now: o.Now,
		mux: http.NewServeMux(), closed: make(chan struct{}), release: make(chan struct{}),
		secrets: map[digest]*record{}, gone: map[string]*record{},
		counters: Counters{Requests: map[string]int{}, Faults: map[Kind]int{}},
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.adminKey == "" {
		s.adminKey = newSecret()
	}
	s.admins.add(s.newRecord("adm_", "first"))
	s.setSecret(s.admins.order[0], s.adminKey)
	s.handleAPI()
	s.handleControl()
	return s
}

// AdminKey is the admin key that the Server began with.
func (s *Server) AdminKey() string { return s.adminKey }

// Close lets go of every request that a fault holds up. Afterwards none is held.
func (s *Server) Close() { s.close.Do(func() { close(s.closed) }) }

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// call is one request on its way through the API.
type call struct {
	r       *http.Request
	route   string
	body    []byte
	caller  *record // who asks, once authenticated
	fault   *armed  // the fault that hit it, nil for none
	own     *armed  // the fault that it brought itself
	release chan struct{}
}

// access says whose credential opens a route.
type access int

const (
	adminOnly access = iota
	keyOnly
	anyone
)

type handler func(*call) answer

// handle registers a route of the API. Handlers run one at a time.
func (s *Server) handle(route string, who access, run handler) {
	s.routes = append(s.routes, route)
	s.mux.HandleFunc(route, func(w http.ResponseWriter, r *http.Request) {
		c := &call{r: r, route: route}
		if refusal := s.receive(w, c); refusal != nil {
			refusal.send(w)
			return
		}
		s.perform(w, c, func() answer { return s.carryOut(c, who, run) })
	})
}

// receive takes the request in whole: net/http notices that a client has gone
// only when nothing of its body is left to read.
func (s *Server) receive(w http.ResponseWriter, c *call) *answer {
	body, err := io.ReadAll(http.MaxBytesReader(w, c.r.Body, bodyLimit))
	if err != nil {
		return new(failure(http.StatusRequestEntityTooLarge, "the body is cut short or larger than 1 MiB"))
	}
	c.body = body
	text := c.r.Header.Get("Sandbox-Fault")
	if text == "" {
		return nil
	}
	if !s.controls(c.r.Header.Get("Sandbox-Control")) {
		return new(failure(http.StatusUnauthorized, "Sandbox-Fault needs the control token in Sandbox-Control"))
	}
	script, err := s.parseFaults([]byte(text))
	if err != nil || len(script) != 1 {
		return new(failure(http.StatusBadRequest, "Sandbox-Fault must hold one fault as a JSON object"))
	}
	c.own = &armed{Fault: script[0]}
	return nil
}

// carryOut does what the request asks for.
func (s *Server) carryOut(c *call, who access, run handler) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	if refusal := s.authenticate(c, who); refusal != nil {
		return *refusal
	}
	a := run(c)
	if c.r.Method == http.MethodDelete && a.status == http.StatusNotFound && s.take(c, afterGone) {
		return failure(http.StatusForbidden, "you may not delete this")
	}
	return a
}

// authenticate finds the caller by its secret.
func (s *Server) authenticate(c *call, who access) *answer {
	secret, found := strings.CutPrefix(c.r.Header.Get("Authorization"), "Bearer ")
	if !found {
		return new(failure(http.StatusUnauthorized, "send the key as Authorization: Bearer"))
	}
	rec := s.secrets[sha256.Sum256([]byte(secret))]
	now := s.now()
	switch {
	case rec == nil || !rec.honoured(now):
		return new(failure(http.StatusUnauthorized, "this key is not valid"))
	case rec.expired(now):
		return new(failure(http.StatusUnauthorized, "this key has expired"))
	case !rec.admits(c.r.RemoteAddr):
		return new(failure(http.StatusForbidden, "this key may not be used from your address"))
	case who == adminOnly && !rec.admin(), who == keyOnly && rec.admin():
		return new(failure(http.StatusForbidden, "this kind of key may not do that"))
	}
	c.caller, rec.lastUsedAt = rec, now
	return nil
}

// controls reports whether token opens the control API.
func (s *Server) controls(token string) bool {
	return s.controlToken != "" && subtle.ConstantTimeCompare([]byte(token), []byte(s.controlToken)) == 1
}

func newSecret() string { return "sbx_" + rand.Text() + rand.Text() }

// newID draws an id in hexadecimal: one that has letters alone would be taken for words.
func newID(prefix string) string {
	drawn := make([]byte, 8)
	_, _ = rand.Read(drawn) // which never fails
	return prefix + hex.EncodeToString(drawn)
}

func (s *Server) setSecret(rec *record, secret string) {
	rec.secret = sha256.Sum256([]byte(secret))
	s.secrets[rec.secret] = rec
}

// answer is what the sandbox is about to say: handlers make it, faults distort it.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func reply(status int, v any) answer {
	body, err := json.Marshal(v)
	if err != nil {
		panic("sandbox: an answer is always JSON: " + err.Error())
	}
	return answer{status: status, body: body}
}

// failure is the answer in which every error is told.
func failure(status int, message string) answer {
	code := strings.ReplaceAll(strings.ToLower(http.StatusText(status)), " ", "_")
	return reply(status, map[string]any{"error": map[string]string{"message": message, "code": code}})
}

func (a answer) send(w http.ResponseWriter) {
	a.sendHeader(w)
	_, _ = w.Write(a.body) // a client that has gone is no concern of ours
}

func (a answer) sendHeader(w http.ResponseWriter) {
	if len(a.body) > 0 {
		w.Header().Set("Content-Type", "application/json")
	}
	for name, values := range a.header {
		w.Header()[http.CanonicalHeaderKey(name)] = values
	}
	w.WriteHeader(a.status)
}
