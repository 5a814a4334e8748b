package backend

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/backend/timetable"
	"vault-plugin-secrets-apikeys/backend/usererror"
	"vault-plugin-secrets-apikeys/providers"
)

// safe is a provider whose applications have one secret each, which everybody shares
// and which a new one replaces in place.
type safe struct {
	mu      sync.Mutex
	made    int
	asked   int               // the replacements that were asked for
	secrets map[string]string // by application; "" for one that was ended
	deleted []string          // the applications whose secret was ended, in order
	status  int               // what the next replacements are answered with; 0 is the secret
	replace bool              // whether they take place all the same
	ending  int               // what who ends a secret is answered with, and nothing is ended; 0 ends it
	onEnd   func()            // what happens before one is ended
}

const safeDefinition = `provider "safe" {
  title = "Safe"
  connection "token" {
    type      = string
    required  = true
    sensitive = true
  }
  connection "application" { type = string }
  role "application" {
    type     = string
    required = true
  }
  auth "bearer" { token = connection.token }
  auth "header" {
    when    = connection.application != null
    headers = { X-Application = connection.application }
  }
  check { get = "/check" }
  issue {
    in_place = true
    step "replace" { post = "/applications/${role.application}/secret" }
    step "read" { get = "/applications/${role.application}/secret" }
    id     = role.application
    secret = { api_key = body.secret }
  }
  revoke {
    delete = "/applications/${key.id}/secret"
    gone   = [404]
  }
  probe {
    get     = "/whoami"
    headers = { Authorization = "Bearer ${secret.api_key}" }
  }
}`

const safeToken = "safe-token-of-the-tests"

func (s *safe) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodDelete && s.onEnd != nil {
		s.onEnd()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	shown := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	application := strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, "/applications/"), "/secret")
	switch {
	case r.URL.Path == "/whoami" && slices.Contains(slices.Collect(maps.Values(s.secrets)), shown):
		fmt.Fprint(w, "{}")
	case !strings.HasPrefix(shown, safeToken):
		http.Error(w, "{}", http.StatusUnauthorized)
	case r.Method == http.MethodPost:
		s.asked++
		if s.status == 0 || s.replace {
			s.made++
			s.secrets[application] = fmt.Sprintf("secret-%d-of-%s", s.made, application)
		}
		if s.status != 0 {
			http.Error(w, "{}", s.status)
			return
		}
		fmt.Fprint(w, "{}")
	case r.Method == http.MethodGet:
		fmt.Fprintf(w, `{"secret":%q}`, s.secrets[application])
	case r.Method == http.MethodDelete && s.ending != 0:
		http.Error(w, "{}", s.ending)
	case r.Method == http.MethodDelete:
		s.secrets[application] = ""
		s.deleted = append(s.deleted, application)
		fmt.Fprint(w, "{}")
	}
}

func (s *safe) change(change func(*safe)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

func (s *safe) askedFor() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

// works reports whether the provider takes a secret.
func (s *safe) works(secret any) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Contains(slices.Collect(maps.Values(s.secrets)), secret.(string))
}

func (s *safe) ended() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.deleted)
}

// safeWorld has two connections to a safe, whose applications each have a secret that
// somebody uses.
func safeWorld(t *testing.T) (*world, *safe) {
	t.Helper()
	return safeWorldOf(t, safeDefinition)
}

func safeWorldOf(t *testing.T, definition string) (*world, *safe) {
	t.Helper()
	w := newWorld(t)
	s := &safe{secrets: map[string]string{"billing-app": "shared-by-hand", "other-app": "shared-too"}}
	w.connect(s, "safe", definition, safeToken, "one", "two")
	for _, name := range []string{"one", "two"} {
		c, err := w.process.Connection(t.Context(), w.storage, name)
		w.must(err)
		c.AllowedRoles = []string{"*"}
		w.must(w.process.SaveConnection(t.Context(), w.storage, name, c, SaveOptions{}))
	}
	return w, s
}

func safeRole(connection, application string) *StaticRole {
	return &StaticRole{
		Role:     Role{Connection: connection, Fields: providers.Values{"application": application}},
		Schedule: timetable.Schedule{Period: 24 * time.Hour},
	}
}

// makeSafe writes a static role, and tries again where that fails.
func (w *world) makeSafe(name string, r *StaticRole) {
	w.t.Helper()
	w.must(w.eventually(func() error { return w.process.SaveStaticRole(context.Background(), w.storage, name, r) }))
}

// TestSecretReplacedInPlace: each rotation ends the secret before, by the request that
// makes the new one, and only the role's end ends the last.
func TestSecretReplacedInPlace(t *testing.T) {
	inBubble(func(t *testing.T) {
		w, s := safeWorld(t)
		ctx := t.Context()
		w.makeSafe("app", safeRole("one", "billing-app"))
		first := w.current("app")
		w.must(w.process.RotateStatic(ctx, w.storage, "app"))
		w.run(49*time.Hour, time.Hour)
		last := w.current("app")
		if s.works(first.Secret["api_key"]) || !s.works(last.Secret["api_key"]) || first.Name == last.Name {
			t.Errorf("%v works %t, and %v works %t", first, s.works(first.Secret["api_key"]), last, s.works(last.Secret["api_key"]))
		}
		if n := s.made; n != 4 {
			t.Errorf("the secret was replaced %d times", n)
		}
		if live := w.recordsOf("one"); !slices.Equal(live, []string{last.RecordID}) {
			t.Errorf("the ledger has %v", live)
		}
		if ended := s.ended(); len(ended) > 0 {
			t.Errorf("the secret was ended: %v", ended)
		}
		w.must(w.process.DeleteStaticRole(ctx, w.storage, "app"))
		w.run(time.Hour, time.Minute)
		if ended := s.ended(); !slices.Equal(ended, []string{"billing-app"}) || len(w.recordsOf("one")) > 0 {
			t.Errorf("ended were %v; the ledger has %v", ended, w.recordsOf("one"))
		}
		w.nothingIsQueued()
	})(t)
}

// TestSecretThatMayYetBeReplaced: a request without an answer may be carried out later, and
// would then replace what another one has made meanwhile. What a process before this one sent
// nothing tells of, where its storage was restored.
func TestSecretThatMayYetBeReplaced(t *testing.T) {
	for name, then := range map[string]func(w *world, before logical.Storage){
		"by this process":   func(*world, logical.Storage) {},
		"by one that died":  func(w *world, _ logical.Storage) { w.succeed() },
		"by one that ended": func(w *world, _ logical.Storage) { w.stopAndStart() },
		"by one before a restore in place": func(w *world, before logical.Storage) {
			w.storage = before
			w.succeed()
		},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			w, s := safeWorld(t)
			w.makeSafe("app", safeRole("one", "billing-app"))
			snapshot := w.snapshot()
			s.change(func(s *safe) { s.status = http.StatusGatewayTimeout })
			if err := w.process.RotateStatic(t.Context(), w.storage, "app"); err == nil {
				t.Fatal("a rotation without an answer succeeded")
			}
			if err := w.process.SaveStaticRole(t.Context(), w.storage, "new", safeRole("one", "other-app")); err == nil {
				t.Fatal("a role was made without an answer")
			}
			then(w, snapshot)
			s.change(func(s *safe) { s.status = 0 })
			before := s.askedFor()
			err := w.process.RotateStatic(t.Context(), w.storage, "app")
			if err == nil || !strings.Contains(err.Error(), "may yet be carried out") || s.askedFor() != before {
				t.Errorf("%v; %d more were asked for", err, s.askedFor()-before)
			}
			w.isRefused(s, "new", safeRole("one", "other-app"), "may yet be carried out")
			w.run(10*time.Minute, time.Minute)
			w.must(w.process.RotateStatic(t.Context(), w.storage, "app"))
			w.must(w.process.SaveStaticRole(t.Context(), w.storage, "new", safeRole("one", "other-app")))
			for _, role := range []string{"app", "new"} {
				if !s.works(w.current(role).Secret["api_key"]) {
					t.Errorf("what static role %q has does not work", role)
				}
			}
		}))
	}
}

// TestSecretThatMayDoMore: what one role asks for is no reason to end what others hold.
func TestSecretThatMayDoMore(t *testing.T) {
	inBubble(func(t *testing.T) {
		w, s := safeWorldOf(t, strings.Replace(safeDefinition, "in_place = true", "in_place = true\n    granted = { application = \"everything\" }", 1))
		w.makeSafe("app", safeRole("one", "billing-app"))
		w.must(w.process.RotateStatic(t.Context(), w.storage, "app"))
		if ended := s.ended(); len(ended) > 0 || !s.works(w.current("app").Secret["api_key"]) {
			t.Errorf("ended were %v, and the one that is held works: %t", ended, s.works(w.current("app").Secret["api_key"]))
		}
		w.nothingIsQueued()
	})(t)
}

// TestSecretWhoseSuccessorIsUnknown: a record that a late write left is of a secret which
// another one has replaced. Without that one's record nobody can tell whether an end by
// the old one would end it.
func TestSecretWhoseSuccessorIsUnknown(t *testing.T) {
	inBubble(func(t *testing.T) {
		w, s := safeWorld(t)
		ctx := t.Context()
		w.makeSafe("app", safeRole("one", "billing-app"))
		old, err := ledger.Get(ctx, w.storage, w.current("app").RecordID)
		w.must(err)
		w.must(w.process.RotateStatic(ctx, w.storage, "app"))
		held, err := ledger.Get(ctx, w.storage, w.current("app").RecordID)
		w.must(err)
		w.must(w.process.books.ledger.Write(ctx, w.storage, old))
		w.must(w.process.books.ledger.Delete(ctx, w.storage, held))

		var doubt *unproven
		if err := w.process.revokeRecord(ctx, w.storage, old, w.process.now()); !errors.As(err, &doubt) {
			t.Errorf("the old secret was ended with %v", err)
		}
		if ended := s.ended(); len(ended) > 0 || !s.works(w.current("app").Secret["api_key"]) {
			t.Errorf("ended were %v, and the one that is held works: %t", ended, s.works(w.current("app").Secret["api_key"]))
		}
	})(t)
}

// TestSecretOfAnotherCredential: after an operator wrote another admin credential nobody
// can tell whether it leads to the same account, where the application's name stands for
// the same thing. Ending the old secret by it may end its successor, or somebody else's.
func TestSecretOfAnotherCredential(t *testing.T) {
	for _, application := range []string{"42", "other-app"} {
		for what, ends := range map[string]func(*world) error{
			"replaced":         func(w *world) error { return w.process.RotateStatic(context.Background(), w.storage, "app") },
			"its role deleted": func(w *world) error { return w.process.DeleteStaticRole(context.Background(), w.storage, "app") },
			"its role for another thing": func(w *world) error {
				if err := w.process.SaveStaticRole(context.Background(), w.storage, "app", safeRole("one", "billing-app")); err != nil {
					return err
				}
				return w.process.RotateStatic(context.Background(), w.storage, "app")
			},
		} {
			t.Run(application+" is "+what, inBubble(func(t *testing.T) {
				w, s := safeWorld(t)
				w.makeSafe("app", safeRole("one", application))
				w.leadTo("one", safeToken+"-of-another-day")
				w.must(ends(w))
				w.run(time.Hour, time.Minute)
				if ended := s.ended(); len(ended) > 0 {
					t.Errorf("ended were %v", ended)
				}
			}))
		}
	}
}

// leadTo has a connection use another admin credential, which may be of another account.
func (w *world) leadTo(connection, token string) {
	w.t.Helper()
	c, err := w.process.Connection(w.t.Context(), w.storage, connection)
	w.must(err)
	c.Fields = maps.Clone(c.Fields)
	c.Fields["token"] = token
	w.must(w.process.SaveConnection(w.t.Context(), w.storage, connection, c, SaveOptions{Force: true}))
}

// isRefused checks that a static role's write is refused with a reason, and that nothing was
// replaced by it.
func (w *world) isRefused(s *safe, name string, r *StaticRole, reason string) {
	w.t.Helper()
	before := s.askedFor()
	err := w.process.SaveStaticRole(w.t.Context(), w.storage, name, r)
	var mistake *usererror.Error
	if !errors.As(err, &mistake) || !strings.Contains(err.Error(), reason) || s.askedFor() != before {
		w.t.Errorf("static role %q is written with %v, want %q; %d secrets were replaced", name, err, reason, s.askedFor()-before)
	}
}

// TestSecretThatARoleTakesNext: a role whose connection was led to another account takes the
// credential there with its next rotation, and one whose fields were changed another one, so
// no other role may keep that.
func TestSecretThatARoleTakesNext(t *testing.T) {
	inBubble(func(t *testing.T) {
		w, s := safeWorld(t)
		ctx := t.Context()
		w.makeSafe("app", safeRole("one", "42"))
		w.leadTo("one", safeToken+"-of-another-account")
		w.isRefused(s, "new", safeRole("one", "42"), `static role "app" of connection "one" replaces this credential with its next rotation`)
		w.must(w.process.RotateStatic(ctx, w.storage, "app"))
		if !s.works(w.current("app").Secret["api_key"]) {
			t.Error("the role's secret does not work")
		}
		w.makeSafe("moving", safeRole("one", "43"))
		w.isRefused(s, "moving", safeRole("one", "42"), `static role "app" of connection "one" keeps this credential already`)
		w.must(w.process.SaveStaticRole(ctx, w.storage, "moving", safeRole("one", "44")))
		w.isRefused(s, "new", safeRole("one", "44"), `static role "moving" of connection "one" replaces this credential with its next rotation`)
		w.makeSafe("new", safeRole("one", "45"))
		w.isRefused(s, "new", safeRole("one", "44"), `static role "moving" of connection "one" replaces this credential with its next rotation`)
	})(t)
}

// TestSecretOfADeletedRole: what nobody keeps any more is free to be taken by another role,
// under the same name or another one, whatever became of the end that waits for it; and that
// does not end what has taken its place.
func TestSecretOfADeletedRole(t *testing.T) {
	for _, name := range []string{"app", "new"} {
		for what, test := range map[string]struct {
			application string
			before      func(w *world, s *safe)
		}{
			"the provider fails":               {"42", func(_ *world, s *safe) { s.change(func(s *safe) { s.ending = http.StatusInternalServerError }) }},
			"the provider refuses":             {"other-app", func(_ *world, s *safe) { s.change(func(s *safe) { s.ending = http.StatusForbidden }) }},
			"its connection was led elsewhere": {"42", func(w *world, _ *safe) { w.leadTo("one", safeToken+"-of-another-account") }},
			"its connection leads there anew":  {"42", func(w *world, _ *safe) { w.leadTo("one", safeToken+"-of-another-day"); w.leadTo("one", safeToken) }},
			"elsewhere, and its name is long":  {"other-app", func(w *world, _ *safe) { w.leadTo("one", safeToken+"-of-another-account") }},
			"it was rotated at another account": {"42", func(w *world, _ *safe) {
				w.leadTo("one", safeToken+"-of-another-account")
				w.must(w.process.RotateStatic(w.t.Context(), w.storage, "app"))
			}},
		} {
			t.Run(name+", and "+what, inBubble(func(t *testing.T) {
				w, s := safeWorld(t)
				w.makeSafe("app", safeRole("one", test.application))
				test.before(w, s)
				w.must(w.process.DeleteStaticRole(t.Context(), w.storage, "app"))
				if s.ending >= http.StatusInternalServerError {
					s.change(func(s *safe) { s.ending = 0 })
				}
				w.makeSafe(name, safeRole("one", test.application))
				made := w.current(name)
				before := len(s.ended())
				s.change(func(s *safe) { s.ending = 0 })
				w.run(2*time.Hour, time.Minute)
				if !s.works(made.Secret["api_key"]) || len(s.ended()) > before {
					t.Errorf("what the new role keeps works: %t; ended since were %v", s.works(made.Secret["api_key"]), s.ended()[before:])
				}
			}))
		}
	}
}

// TestSecretThatMayBeEnded: a request that ends a secret and was not answered may be carried
// out late, and would then end what has taken its place; one that is under way is waited for.
func TestSecretThatMayBeEnded(t *testing.T) {
	t.Run("no answer", inBubble(func(t *testing.T) {
		w, s := safeWorld(t)
		w.makeSafe("app", safeRole("one", "42"))
		s.change(func(s *safe) { s.ending = http.StatusGatewayTimeout })
		w.must(w.process.DeleteStaticRole(t.Context(), w.storage, "app"))
		w.isRefused(s, "new", safeRole("one", "42"), "may yet be carried out")
	}))
	t.Run("before a crash", inBubble(func(t *testing.T) {
		w, s := safeWorld(t)
		w.makeSafe("app", safeRole("one", "42"))
		s.change(func(s *safe) { s.ending = http.StatusGatewayTimeout })
		w.must(w.process.DeleteStaticRole(t.Context(), w.storage, "app"))
		w.start(fault{})
		w.isRefused(s, "new", safeRole("one", "42"), "may yet be carried out")
	}))
	t.Run("under way", inBubble(func(t *testing.T) {
		w, s := safeWorld(t)
		w.makeSafe("app", safeRole("one", "42"))
		made := s.askedFor()
		began, answer := make(chan struct{}), make(chan struct{})
		s.onEnd = sync.OnceFunc(func() { close(began); <-answer })
		var acts sync.WaitGroup
		acts.Go(func() { w.must(w.process.DeleteStaticRole(t.Context(), w.storage, "app")) })
		<-began
		acts.Go(func() { w.must(w.process.SaveStaticRole(t.Context(), w.storage, "new", safeRole("one", "42"))) })
		synctest.Wait()
		if s.askedFor() != made {
			t.Error("the secret was replaced while it was being ended")
		}
		close(answer)
		acts.Wait()
		if !s.works(w.current("new").Secret["api_key"]) {
			t.Error("what the new role keeps does not work")
		}
		w.nothingIsQueued()
	}))
}

// TestSecretOfACredentialThatCameBack: an operator writes another admin credential, and later
// the one before again. What waits to be ended by that one may be what the other one has
// replaced since, of the same account.
func TestSecretOfACredentialThatCameBack(t *testing.T) {
	for _, application := range []string{"42", "other-app"} {
		t.Run(application, inBubble(func(t *testing.T) {
			w, s := safeWorld(t)
			w.makeSafe("app", safeRole("one", application))
			w.leadTo("one", safeToken+"-of-another-day")
			w.must(w.process.RotateStatic(t.Context(), w.storage, "app"))
			w.leadTo("one", safeToken)
			w.run(time.Hour, time.Minute)
			if len(s.ended()) > 0 || !s.works(w.current("app").Secret["api_key"]) {
				t.Errorf("ended were %v; what the role keeps works: %t", s.ended(), s.works(w.current("app").Secret["api_key"]))
			}
			w.must(w.process.RotateStatic(t.Context(), w.storage, "app"))
			w.run(time.Hour, time.Minute)
			if len(s.ended()) > 0 || !s.works(w.current("app").Secret["api_key"]) {
				t.Errorf("after another rotation, ended were %v", s.ended())
			}
		}))
	}
}

// TestSecretThatWasKept: a role was deleted and its secret left to whoever uses it.
func TestSecretThatWasKept(t *testing.T) {
	inBubble(func(t *testing.T) {
		w, s := safeWorld(t)
		ctx := t.Context()
		kept := safeRole("one", "42")
		kept.KeepOnDelete = true
		w.makeSafe("app", kept)
		secret := w.current("app").Secret["api_key"].(string)
		w.must(w.process.DeleteStaticRole(ctx, w.storage, "app"))
		w.isRefused(s, "new", safeRole("one", "42"), "write revoke-key with it first")
		r, err := w.process.KeyByValue(ctx, w.storage, secret)
		w.must(err)
		_, err = w.process.RevokeKey(ctx, w.request(logical.UpdateOperation, "revoke-key"), r)
		w.must(err)
		w.makeSafe("new", safeRole("one", "42"))

		// One that takes the place of what was kept is ended for itself.
		w.must(w.process.DeleteStaticRole(ctx, w.storage, "new"))
		w.makeSafe("app", kept)
		w.must(w.process.DeleteStaticRole(ctx, w.storage, "app"))
		w.advance(time.Second)
		w.makeSafe("app", safeRole("one", "42"))
		last := w.current("app").Secret["api_key"]
		w.must(w.process.DeleteStaticRole(ctx, w.storage, "app"))
		if s.works(last) {
			t.Error("the last role's secret works on")
		}
	})(t)
}

// TestSecretOfACopy: a snapshot is started beside its original a moment after it was taken,
// and both come to replace the same secret by the same schedule.
func TestSecretOfACopy(t *testing.T) {
	for _, copyFirst := range []bool{false, true} {
		t.Run(fmt.Sprintf("the copy comes first: %t", copyFirst), inBubble(func(t *testing.T) {
			w, s := safeWorld(t)
			role := safeRole("one", "42")
			role.Schedule.Period = 2 * time.Hour
			w.makeSafe("app", role)
			w.run(3*time.Minute, time.Minute)
			drill := w.restore(w.snapshot(), w.leasesNow())
			both, first := []*world{w, drill}, w.current("app").Name
			if copyFirst {
				slices.Reverse(both)
			}
			for range 12 * 60 {
				for _, one := range both {
					one.advance(time.Minute)
				}
				for _, one := range both {
					one.turn()
				}
				if !s.works(w.current("app").Secret["api_key"]) {
					t.Fatal("the original has a secret that does not work")
				}
			}
			keys, err := drill.process.StaticKeys(t.Context(), drill.storage, "app")
			if err != nil || keys.Current.Name != first || !strings.Contains(keys.LastError, "a copy of this storage may be alive") {
				t.Errorf("the copy's role has %q (%v)", keys.LastError, err)
			}
			w.must(drill.process.RotateStatic(t.Context(), drill.storage, "app"))
		}))
	}
}

// recordsOf are the ids of a connection's records.
func (w *world) recordsOf(connection string) (ids []string) {
	for r, err := range ledger.All(context.Background(), w.storage) {
		w.must(err)
		if r.Connection == connection {
			ids = append(ids, r.ID)
		}
	}
	return ids
}

// TestSecretInPlaceIsRefused: nothing replaces what somebody else relies on.
func TestSecretInPlaceIsRefused(t *testing.T) {
	inBubble(func(t *testing.T) {
		w, s := safeWorld(t)
		ctx := t.Context()
		w.makeSafe("app", safeRole("one", "billing-app"))
		own, err := w.process.Connection(ctx, w.storage, "two")
		w.must(err)
		own.Fields["application"] = "vaults-app"
		w.must(w.process.SaveConnection(ctx, w.storage, "two", own, SaveOptions{}))
		overlapping := safeRole("one", "other-app")
		overlapping.Overlap = time.Hour
		made := s.made
		for what, test := range map[string]struct {
			err  error
			want string
		}{
			"leases":                      {w.process.SaveRole(ctx, w.storage, "leased", &Role{Connection: "one", Fields: providers.Values{"application": "other-app"}}), "there are no leases of it; write static-roles/NAME"},
			"an overlap":                  {w.process.SaveStaticRole(ctx, w.storage, "b", overlapping), "leave overlap out"},
			"another role's":              {w.process.SaveStaticRole(ctx, w.storage, "b", safeRole("one", "billing-app")), `static role "app" of connection "one" keeps this credential`},
			"another connection's":        {w.process.SaveStaticRole(ctx, w.storage, "b", safeRole("two", "billing-app")), `static role "app" of connection "one" keeps this credential`},
			"the connection's credential": {w.process.SaveStaticRole(ctx, w.storage, "b", safeRole("two", "vaults-app")), "have rotate-root replace that"},
		} {
			var mistake *usererror.Error
			if !errors.As(test.err, &mistake) || !strings.Contains(test.err.Error(), test.want) {
				t.Errorf("%s: %v", what, test.err)
			}
		}
		if s.made != made || !s.works("shared-too") || !s.works(w.current("app").Secret["api_key"]) {
			t.Errorf("%d secrets were replaced all the same", s.made-made)
		}
		// Before the ledger is read after a start, it is asked as well.
		w.succeed()
		if err := w.process.SaveStaticRole(ctx, w.storage, "b", safeRole("one", "billing-app")); err == nil || s.made != made {
			t.Errorf("another role's, right after a start: %v", err)
		}
	})(t)
}

// TestSecretInPlaceInDoubt: whatever an answer says or does not say, what others may
// hold is not ended, and the role comes to know the secret that there is.
func TestSecretInPlaceInDoubt(t *testing.T) {
	for name, test := range map[string]struct {
		status  int
		replace bool
		doubt   bool
	}{
		"refused":                 {http.StatusForbidden, false, false},
		"failed, and not carried": {http.StatusInternalServerError, false, true},
		"failed, and carried out": {http.StatusInternalServerError, true, true},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			w, s := safeWorld(t)
			ctx := t.Context()
			s.change(func(s *safe) { s.status, s.replace = test.status, test.replace })
			if w.process.SaveStaticRole(ctx, w.storage, "new", safeRole("one", "other-app")) == nil {
				t.Fatal("it was made")
			}
			w.run(time.Hour, time.Minute)
			if !test.replace && !s.works("shared-too") || len(s.ended()) > 0 {
				t.Errorf("a failed attempt ended what others hold: %v", s.ended())
			}
			s.change(func(s *safe) { s.status = 0 })
			w.makeSafe("app", safeRole("one", "billing-app"))
			before := w.current("app")
			s.change(func(s *safe) { s.status, s.replace = test.status, test.replace })
			if err := w.process.RotateStatic(ctx, w.storage, "app"); err == nil {
				t.Fatal("it was rotated")
			}
			keys, err := w.process.StaticKeys(ctx, w.storage, "app")
			w.must(err)
			if keys.InDoubt != test.doubt {
				t.Errorf("in doubt: %t", keys.InDoubt)
			}
			w.succeed() // a restart forgets nothing of it
			s.change(func(s *safe) { s.status = 0 })
			w.run(time.Hour, 20*time.Second)
			if now := w.current("app"); !s.works(now.Secret["api_key"]) || (now.Name != before.Name) != test.doubt {
				t.Errorf("the role has %v", now)
			}
			if len(s.ended()) > 0 || len(w.recordsOf("one")) != 1 {
				t.Errorf("ended were %v, in the ledger are %v", s.ended(), w.recordsOf("one"))
			}
			w.nothingIsQueued()
		}))
	}
}

// TestSecretInPlaceAtEveryStep: a process may fail or die anywhere in a rotation or in
// the making of the role. Soon after, readers have the secret that works, and none was
// ended but by its successor.
func TestSecretInPlaceAtEveryStep(t *testing.T) {
	for name, act := range map[string]func(w *world) error{
		"a rotation": func(w *world) error { return w.process.RotateStatic(context.Background(), w.process.storage, "app") },
		"its turn":   func(w *world) error { w.run(24*time.Hour+time.Minute, 6*time.Hour+15*time.Second); return nil },
		"a new role": func(w *world) error {
			return w.process.SaveStaticRole(context.Background(), w.process.storage, "new", safeRole("one", "other-app"))
		},
		"a role's end": func(w *world) error {
			return w.process.DeleteStaticRole(context.Background(), w.process.storage, "app")
		},
	} {
		t.Run(name, func(t *testing.T) {
			run := func(t *testing.T, f fault) (w *world, s *safe, steps []string) {
				w, s = safeWorld(t)
				w.makeSafe("app", safeRole("one", "billing-app"))
				w.process.gate.arm(f)
				if err := act(w); err != nil && f.at == 0 {
					t.Fatal(err)
				}
				return w, s, w.process.gate.disarm()
			}
			var steps []string
			t.Run("well", func(t *testing.T) { synctest.Test(t, func(t *testing.T) { _, _, steps = run(t, fault{}) }) })
			atEveryStep(t, steps, func(t *testing.T, f fault) {
				w, s, _ := run(t, f)
				if f.kill {
					w.succeed()
				}
				w.run(20*time.Minute, time.Minute)
				for role, keys := range w.static() {
					if stored, _ := w.process.StaticRole(context.Background(), w.storage, role); stored == nil {
						continue
					}
					if keys.Current == nil || keys.InDoubt || !s.works(keys.Current.Secret["api_key"]) {
						t.Errorf("static role %q has %v, in doubt: %t", role, keys.Current, keys.InDoubt)
					}
				}
				w.safeHolds(s)
			})
		})
	}
}

// safeHolds checks that a secret was ended only with the role that kept it, and that the
// ledger has one record for each role.
func (w *world) safeHolds(s *safe) {
	w.t.Helper()
	roles, err := w.process.StaticRoles(context.Background(), w.storage)
	w.must(err)
	kept := map[string]string{"app": "billing-app", "new": "other-app"}
	for _, role := range roles {
		if slices.Contains(s.ended(), kept[role]) {
			w.t.Errorf("the secret of %q was ended, which static role %q keeps", kept[role], role)
		}
	}
	if s.works("shared-too") && slices.Contains(s.ended(), "other-app") {
		w.t.Error("a secret was ended that no role ever had")
	}
	if records := w.recordsOf("one"); len(records) != len(roles) {
		w.t.Errorf("there are %d roles, and in the ledger %v", len(roles), records)
	}
}

// TestSecretInPlaceIsTriedAtGrowingPauses: what a provider refuses for long is not asked of
// it with every tick, although each attempt notes on disk when the role is to be looked at.
// Where the secret may have ended, it is replaced soon after the provider is back.
func TestSecretInPlaceIsTriedAtGrowingPauses(t *testing.T) {
	for name, test := range map[string]struct {
		status int
		often  int           // how many attempts an hour may have
		soon   time.Duration // after which the role has a secret that works
	}{
		"refused":     {http.StatusForbidden, 30, 6 * time.Minute},
		"in doubt":    {http.StatusInternalServerError, 200, 2 * time.Minute},
		"not reached": {http.StatusBadGateway, 200, 2 * time.Minute},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			w, s := safeWorld(t)
			w.makeSafe("app", safeRole("one", "billing-app"))
			s.change(func(s *safe) { s.status = test.status })
			w.run(24*time.Hour+time.Minute, 6*time.Hour+15*time.Second)
			asked, tried := s.askedFor(), w.static()["app"].Failures
			w.pass(time.Hour, 5*time.Second)
			asked, tried = s.askedFor()-asked, w.static()["app"].Failures-tried
			if asked == 0 || asked > tried || tried > test.often {
				t.Errorf("it was tried %d times in an hour, and asked for %d times", tried, asked)
			}
			s.change(func(s *safe) { s.status = 0 })
			w.pass(test.soon, 5*time.Second)
			if keys := w.static()["app"]; keys.InDoubt || keys.Failures > 0 || !s.works(keys.Current.Secret["api_key"]) {
				t.Errorf("once it was answered the role has %v, in doubt %t, after %d failures: %s", keys.Current, keys.InDoubt, keys.Failures, keys.LastError)
			}
		}))
	}
}
