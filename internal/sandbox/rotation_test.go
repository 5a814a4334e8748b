package sandbox_test

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http/httptest"
	"testing"
	"time"

	"vault-plugin-secrets-apikeys/internal/sandbox"
	"vault-plugin-secrets-apikeys/providers"
)

// site is a sandbox on the wire and what a definition's connection to it holds.
type site struct {
	*sandbox.Server
	definition *providers.Definition
	url        string
	fields     providers.Values
}

func newSite(t *testing.T, name string) *site {
	t.Helper()
	box := sandbox.New(sandbox.Options{})
	web := httptest.NewServer(box)
	t.Cleanup(web.Close)
	t.Cleanup(box.Close)
	definition, err := providers.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	return &site{box, definition, web.URL, providers.Values{"admin_key": box.AdminKey()}}
}

// client connects with the fields as they are, and those that change.
func (s *site) client(t *testing.T, changed providers.Values) *providers.Client {
	t.Helper()
	fields := maps.Clone(s.fields)
	maps.Copy(fields, changed)
	c, err := providers.NewClient(s.definition, providers.Settings{BaseURL: s.url, Values: fields, Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func (s *site) sabotage(t *testing.T, faults ...sandbox.Fault) {
	t.Helper()
	if err := s.AddFault(faults...); err != nil {
		t.Fatal(err)
	}
}

// adminKeys wants exactly these names.
func (s *site) adminKeys(t *testing.T, want ...string) {
	t.Helper()
	var got []string
	for _, key := range s.State().AdminKeys {
		got = append(got, key.Name)
	}
	if len(got) != len(want) {
		t.Errorf("the admin keys are %v, want %v", got, want)
		return
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("the admin keys are %v, want %v", got, want)
			return
		}
	}
}

// stored is a rotation after a way through storage.
func stored(t *testing.T, rotation *providers.Rotation) providers.Rotation {
	t.Helper()
	text, err := json.Marshal(rotation)
	if err != nil {
		t.Fatal(err)
	}
	var back providers.Rotation
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	return back
}

// TestRotation replaces the admin key twice; at every moment the key that a
// store would hold works.
func TestRotation(t *testing.T) {
	s := newSite(t, "sandbox")
	if can := s.definition.Capabilities; !can.RotateRoot || can.RotateInPlace || can.RotateExpiry {
		t.Errorf("capabilities are %+v", can)
	}
	old := s.client(t, nil)
	if !old.RotationListable() {
		t.Error("the sandbox lists its admin keys")
	}
	for _, name := range []string{"second", "third"} {
		rotation, err := old.Rotate(t.Context(), providers.RotateRequest{Name: name})
		if err != nil {
			t.Fatal(err)
		}
		kept := stored(t, rotation)
		if err := old.Check(t.Context()); err != nil {
			t.Errorf("the old key ends too early: %v", err)
		}
		fresh := s.client(t, kept.Connection)
		if err := fresh.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := old.Retire(t.Context(), kept); err == nil {
			t.Error("the old key may not retire itself: the new one could be bad")
		}
		for range 2 { // what is gone is retired
			if err := fresh.Retire(t.Context(), kept); err != nil {
				t.Fatal(err)
			}
		}
		s.adminKeys(t, name)
		if err := old.Check(t.Context()); providers.KindOf(err) != providers.Unauthorized {
			t.Errorf("the old key goes on working: %v", err)
		}
		old = fresh
	}
}

// TestStrays finds what a rotation made whose answer was lost.
func TestStrays(t *testing.T) {
	for _, kind := range []sandbox.Kind{sandbox.CommitThenHang, sandbox.CommitThen500, sandbox.CommitThenReset, sandbox.MalformedJSON, sandbox.TruncatedBody, sandbox.WrongTypes} {
		t.Run(string(kind), func(t *testing.T) {
			s := newSite(t, "sandbox")
			client := s.client(t, nil)
			s.sabotage(t, sandbox.Fault{Kind: kind, Match: sandbox.Match{Route: "POST /v1/admin-keys"}})
			rotation, err := client.Rotate(t.Context(), providers.RotateRequest{Name: "lost"})
			if rotation != nil || providers.KindOf(err) != providers.Unknown {
				t.Fatalf("got %v, %v", rotation, err)
			}
			s.adminKeys(t, "first", "lost")
			if found, err := client.FindOrphanCredentials(t.Context(), "first-one", "first-one"); err != nil || len(found.Found) != 0 || !found.Telling {
				t.Errorf("found %v, %v by a name that is not there", found, err)
			}
			found, err := client.FindOrphanCredentials(t.Context(), "lost", "lost")
			if err != nil || len(found.Found) != 1 {
				t.Fatalf("found %v, %v", found, err)
			}
			for range 2 {
				if err := client.Retire(t.Context(), stored(t, &found.Found[0])); err != nil {
					t.Fatal(err)
				}
			}
			s.adminKeys(t, "first")
			if err := client.Check(t.Context()); err != nil {
				t.Errorf("the connection's own key is gone: %v", err)
			}
		})
	}
}

// TestRotationRefused makes nothing.
func TestRotationRefused(t *testing.T) {
	for name, test := range map[string]struct {
		fault sandbox.Fault
		kind  providers.Kind
	}{
		"own id unknown":  {sandbox.Fault{Kind: sandbox.Status, Status: 500, Count: new(0), Match: sandbox.Match{Path: "/v1/whoami"}}, providers.Refused},
		"refused":         {sandbox.Fault{Kind: sandbox.Status, Status: 403, Match: sandbox.Match{Method: "POST"}}, providers.Refused},
		"throttled":       {sandbox.Fault{Kind: sandbox.RateLimit, RetryAfter: 3600, Match: sandbox.Match{Method: "POST"}}, providers.Throttled},
		"credential dead": {sandbox.Fault{Kind: sandbox.Unauthorized, Match: sandbox.Match{Path: "/v1/whoami"}}, providers.Unauthorized},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, "sandbox")
			s.sabotage(t, test.fault)
			_, err := s.client(t, nil).Rotate(t.Context(), providers.RotateRequest{Name: "new"})
			if err == nil || providers.KindOf(err) != test.kind || !providers.NothingMade(err) {
				t.Errorf("got %v", err)
			}
			s.adminKeys(t, "first")
		})
	}
}

// TestRetireFails leaves the old key, and says so.
func TestRetireFails(t *testing.T) {
	s := newSite(t, "sandbox")
	rotation, err := s.client(t, nil).Rotate(t.Context(), providers.RotateRequest{Name: "new"})
	if err != nil {
		t.Fatal(err)
	}
	s.sabotage(t, sandbox.Fault{Kind: sandbox.Status, Status: 503, Count: new(0), Match: sandbox.Match{Method: "DELETE"}})
	fresh := s.client(t, rotation.Connection)
	if err := fresh.Retire(t.Context(), *rotation); err == nil || errors.Is(err, providers.ErrRetireByHand) {
		t.Errorf("got %v", err)
	}
	s.adminKeys(t, "first", "new")
	s.ClearFaults()
	if err := fresh.Retire(t.Context(), *rotation); err != nil {
		t.Error(err)
	}
	s.adminKeys(t, "new")
}

// TestRotationInPlace chooses the new key itself, so that a lost answer can be
// settled by trying which of the two works.
func TestRotationInPlace(t *testing.T) {
	for name, fault := range map[string]*sandbox.Fault{
		"answered": nil,
		"lost":     {Kind: sandbox.CommitThenReset, Match: sandbox.Match{Method: "PUT"}},
		"not done": {Kind: sandbox.Reset, Match: sandbox.Match{Method: "PUT"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, "sandbox-accounts")
			if can := s.definition.Capabilities; !can.RotateRoot || !can.RotateInPlace {
				t.Errorf("capabilities are %+v", can)
			}
			client := s.client(t, nil)
			candidate, err := client.Candidate()
			if err != nil {
				t.Fatal(err)
			}
			changed, known, err := client.CandidateConnection(candidate)
			if err != nil || !known || changed["admin_key"] != candidate["admin_key"] {
				t.Fatalf("the connection would be %t, %v", known, err)
			}
			if fault != nil {
				s.sabotage(t, *fault)
			}
			rotation, err := client.Rotate(t.Context(), providers.RotateRequest{Name: "new", Candidate: candidate})
			if (err == nil) != (fault == nil) || err != nil && providers.KindOf(err) != providers.Unknown {
				t.Fatalf("got %v", err)
			}
			if err == nil {
				if rotation.Connection["admin_key"] != candidate["admin_key"] || rotation.Previous["admin_key"] != s.AdminKey() {
					t.Error("the rotation does not tell the old and the new key")
				}
				if err := client.Retire(t.Context(), *rotation); err != nil {
					t.Errorf("there is nothing to retire: %v", err)
				}
			}
			works := map[bool]error{true: s.client(t, changed).Check(t.Context()), false: client.Check(t.Context())}
			took := name != "not done"
			if works[took] != nil || providers.KindOf(works[!took]) != providers.Unauthorized || works[!took] == nil {
				t.Errorf("the new key: %v; the old key: %v", works[true], works[false])
			}
		})
	}
}
