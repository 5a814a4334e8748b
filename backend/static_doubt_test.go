package backend

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/backend/timetable"
	"vault-plugin-secrets-apikeys/backend/usererror"
	"vault-plugin-secrets-apikeys/internal/sandbox"
)

// TestStaticKeyWhoseWriteIsInDoubt: whichever key storage has of a static role
// works at every moment, whether a failed write was carried out or not, and
// whatever becomes of the writes after it.
func TestStaticKeyWhoseWriteIsInDoubt(t *testing.T) {
	ctx := context.Background()
	for name, test := range map[string]struct {
		carriedOut, away, restart bool
	}{
		"carried out":                             {carriedOut: true},
		"not carried out":                         {},
		"carried out, and storage is away":        {carriedOut: true, away: true},
		"not carried out, and storage is away":    {away: true},
		"carried out, and another node goes on":   {carriedOut: true, away: true, restart: true},
		"not carried out, another node goes on":   {away: true, restart: true},
		"not carried out, and the engine goes on": {restart: true},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			for _, overlap := range []time.Duration{0, time.Hour} {
				w := newWorld(t)
				w.makeStatic("app", overlap)
				w.process.gate.hitAfter("PUT "+staticKeyPrefix+"app", fault{after: test.carriedOut, away: test.away})
				_ = w.process.RotateStatic(ctx, w.process.storage, "app")
				w.staticKeysWork()
				if test.restart {
					w.start(fault{})
				}
				for range 30 {
					w.run(time.Minute, 20*time.Second)
					w.staticKeysWork()
				}
				w.process.gate.allowWrites()
				w.run(3*time.Hour, 10*time.Minute)
				w.staticKeysWork()
				w.onlyStaticKeysLive()
			}
		}))
	}
}

// TestSlowStaticKey is not taken for a lost one while it is being made.
func TestSlowStaticKey(t *testing.T) {
	inBubble(func(t *testing.T) {
		w := newWorld(t)
		ctx := context.Background()
		w.must(w.process.ChangeConnection(ctx, w.storage, "box", func(c *Connection) (SaveOptions, error) {
			c.RequestTimeout = time.Hour
			return SaveOptions{}, nil
		}))
		w.makeStatic("app", 0)
		w.slow = 40 * time.Minute
		w.must(w.process.RotateStatic(ctx, w.storage, "app"))
		w.slow = 0
		w.run(time.Hour, time.Minute)
		w.staticKeysWork()
	})(t)
}

// TestStaticRoleThatIsNoLongerAllowed keeps its key and gets no other.
func TestStaticRoleThatIsNoLongerAllowed(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	w.makeStatic("app", 0)
	allow := func(roles ...string) {
		w.must(w.process.ChangeConnection(ctx, w.storage, "box", func(c *Connection) (SaveOptions, error) {
			c.AllowedRoles = roles
			return SaveOptions{}, nil
		}))
	}
	allow("others-*")
	before := w.current("app").RecordID
	err := w.process.RotateStatic(ctx, w.storage, "app")
	var m *usererror.Error
	if !errors.As(err, &m) || !strings.Contains(err.Error(), "allowed_roles") {
		t.Errorf("rotating answers %v", err)
	}
	w.run(26*time.Hour, time.Hour)
	if w.current("app").RecordID != before || len(w.alive()) != 1 {
		t.Errorf("a role that is not allowed got another key: %v", w.alive())
	}
	w.staticKeysWork()
	allow("app")
	w.run(time.Hour, 5*time.Minute)
	if w.current("app").RecordID == before {
		t.Error("allowed again, the role is not rotated")
	}
}

// TestKeepOnDelete keeps the current key. The one before ends with its overlap,
// and the connection is needed for as long as either lives.
func TestKeepOnDelete(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	r := staticRole(2 * time.Hour)
	r.KeepOnDelete = true
	w.must(w.process.SaveStaticRole(ctx, w.storage, "app", r))
	previous := w.current("app").Secret["api_key"].(string)
	w.must(w.process.RotateStatic(ctx, w.storage, "app"))
	kept := w.current("app").Secret["api_key"].(string)
	w.must(w.process.DeleteStaticRole(ctx, w.storage, "app"))
	for _, moment := range []struct {
		after    time.Duration
		previous int
	}{{90 * time.Minute, http.StatusOK}, {time.Hour, http.StatusUnauthorized}, {48 * time.Hour, http.StatusUnauthorized}} {
		w.run(moment.after, 10*time.Minute)
		if status := w.use(previous); status != moment.previous {
			t.Errorf("the key before is answered with status %d, want %d", status, moment.previous)
		}
		if status := w.use(kept); status != http.StatusOK {
			t.Errorf("the key that was to be kept is answered with status %d", status)
		}
	}
	if err := w.process.DeleteConnection(ctx, w.storage, "box", SaveOptions{}); err == nil || !strings.Contains(err.Error(), "1 live key") {
		t.Errorf("deleting the connection of a kept key answers %v", err)
	}
	if !w.kill(kept) {
		t.Error("the ledger does not know the kept key")
	}
	w.must(w.process.DeleteConnection(ctx, w.storage, "box", SaveOptions{}))
}

// TestKeepOnDeleteUnderAClockThatIsSet: the overlap of the key before is as long as ever,
// whatever the clock says as the role is deleted.
func TestKeepOnDeleteUnderAClockThatIsSet(t *testing.T) {
	for _, jump := range []time.Duration{time.Minute, time.Hour, 365 * 24 * time.Hour, -time.Minute, -time.Hour, -365 * 24 * time.Hour} {
		for _, corrected := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, put right: %t", jump, corrected), inBubble(func(t *testing.T) {
				w := newWorld(t)
				r := staticRole(2 * time.Hour)
				r.KeepOnDelete = true
				w.must(w.process.SaveStaticRole(t.Context(), w.storage, "app", r))
				previous := w.current("app").Secret["api_key"].(string)
				w.must(w.process.RotateStatic(t.Context(), w.storage, "app"))
				w.run(10*time.Minute, time.Minute)
				w.set(jump)
				w.must(w.process.DeleteStaticRole(t.Context(), w.storage, "app"))
				if corrected {
					w.set(-jump)
				}
				w.run(105*time.Minute, time.Minute)
				if status := w.use(previous); status != http.StatusOK {
					t.Errorf("within its overlap the key before is answered with status %d", status)
				}
				w.run(15*time.Minute, time.Minute)
				if status := w.use(previous); status != http.StatusUnauthorized {
					t.Errorf("after its overlap the key before is answered with status %d", status)
				}
			}))
		}
	}
}

// TestKeptKeyOfARoleWrittenAgain: a role was to leave its key alive, its deletion could not be
// finished at once, and somebody writes a role of the same name meanwhile.
func TestKeptKeyOfARoleWrittenAgain(t *testing.T) {
	inBubble(func(t *testing.T) {
		w := newWorld(t)
		r := staticRole(2 * time.Hour)
		r.KeepOnDelete = true
		w.must(w.process.SaveStaticRole(t.Context(), w.storage, "app", r))
		kept := w.current("app").Secret["api_key"].(string)
		w.process.gate.hitAfter("PUT "+ledger.Prefix, fault{})
		if w.process.DeleteStaticRole(t.Context(), w.process.storage, "app") == nil {
			t.Fatal("the deletion was finished")
		}
		w.must(w.process.SaveStaticRole(t.Context(), w.process.storage, "app", staticRole(0)))
		w.run(3*time.Hour, 5*time.Minute)
		if status := w.use(kept); status != http.StatusOK {
			t.Errorf("the key that was to be kept is answered with status %d", status)
		}
		w.staticKeysWork()
	})(t)
}

// TestEndOfARoleThatIsRefusedAgain: the deletion of a role was cut, and no role of the same name
// can be made meanwhile, however often that is tried. What the first one held ends all the same.
func TestEndOfARoleThatIsRefusedAgain(t *testing.T) {
	kept := staticRole(0)
	kept.KeepOnDelete = true
	for name, r := range map[string]*StaticRole{
		"a key":                              staticRole(0),
		"a key that was to live on":          kept,
		"a secret that is replaced in place": safeRole("one", "billing-app"),
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			w, s := safeWorld(t)
			refuses := false
			w.behind(func(rw http.ResponseWriter, r *http.Request, pass func()) {
				if refuses && r.Method == http.MethodPost {
					rw.WriteHeader(http.StatusForbidden)
					return
				}
				pass()
			})
			w.makeSafe("app", r)
			secret := w.current("app").Secret["api_key"].(string)
			works := func() bool { return s.works(secret) || w.use(secret) == http.StatusOK }
			w.process.gate.failAfter("DELETE " + staticRolePrefix)
			if w.process.DeleteStaticRole(t.Context(), w.process.storage, "app") == nil || !works() {
				t.Fatal("the deletion was finished")
			}
			refuses = true
			s.change(func(s *safe) { s.status = http.StatusForbidden })
			for range 30 {
				if w.process.SaveStaticRole(t.Context(), w.process.storage, "app", r) == nil {
					t.Fatal("a role of the same name was made")
				}
				w.run(time.Minute, time.Minute)
			}
			if works() != r.KeepOnDelete {
				t.Errorf("what the role held works: %t", works())
			}
		}))
	}
}

// TestRotationsWithAWrongClock: a leader whose clock is wrong rotates, and one
// whose clock is right follows. Nothing waits for longer than its period, and
// nothing is rotated more than once for a jump.
func TestRotationsWithAWrongClock(t *testing.T) {
	const period = 6 * time.Hour
	ctx := context.Background()
	for name, by := range map[string]time.Duration{
		"an hour ahead":  time.Hour,
		"a year ahead":   365 * 24 * time.Hour,
		"an hour behind": -time.Hour,
		"a week behind":  -7 * 24 * time.Hour, // within what a provider takes for an end
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			w := newWorld(t)
			r := staticRole(time.Hour)
			r.Schedule = timetable.Schedule{Period: period}
			w.must(w.process.SaveStaticRole(ctx, w.storage, "app", r))
			w.scheduleRoot(period)
			w.must(w.process.RotateRoot(ctx, w.storage, "box"))
			count := w.countRotations()
			restart := func() {
				w.start(fault{})
				w.must(w.process.ClaimOwnership(ctx, w.request(logical.UpdateOperation, "ownership/claim")))
			}
			expect := func(when string, least, most int) {
				t.Helper()
				for what, n := range count() {
					if n < least || n > most {
						t.Errorf("%s: %s was rotated %d times, want %d to %d", when, what, n, least, most)
					}
				}
				w.staticKeysWork()
				w.storedCredentialWorks()
			}
			w.set(by)
			restart()
			w.run(time.Hour, 5*time.Minute)
			expect("with the wrong clock", 0, 1)
			w.run(period+time.Hour, 5*time.Minute)
			expect("a period later", 1, 2)
			w.set(-by)
			restart()
			w.run(time.Hour, 5*time.Minute)
			expect("with the right clock again", 0, 1)
			w.run(period+time.Hour, 5*time.Minute)
			expect("a period later", 1, 2)
			w.run(2*period, 5*time.Minute)
			expect("two periods later", 1, 2)
		}))
	}
}

// countRotations counts, since it was asked last, the rotations that the log tells
// of.
func (w *world) countRotations() func() map[string]int {
	told := map[string]string{
		"the admin credential": "the admin credential was rotated: connection=box",
		"the static role":      "the key of a static role was rotated: static_role=app",
	}
	before := map[string]int{}
	count := func() map[string]int {
		since := map[string]int{}
		for what, line := range told {
			n := strings.Count(w.logs.String(), line)
			since[what], before[what] = n-before[what], n
		}
		return since
	}
	count()
	return count
}

// TestTimesBeyondReason, which an earlier version of the engine took, can be
// computed with.
func TestTimesBeyondReason(t *testing.T) {
	const forEver = 9223372036 * time.Second
	if next := (timetable.Schedule{Period: forEver}).Next(time.Now()); next.Before(time.Now()) || next.Year() > 2100 {
		t.Errorf("a period of 292 years is due at %s", next)
	}
	r := &StaticRole{Schedule: timetable.Schedule{Period: forEver}, Overlap: forEver}
	if needed := r.gap(time.Now()) + r.overlap() + staticReserve; needed < 0 {
		t.Errorf("a key is needed for %s", needed)
	}
	c := &Connection{RequestTimeout: forEver}
	if longest := c.longestMint(); longest <= 0 || longest > 24*time.Hour {
		t.Errorf("a mint takes %s", longest)
	}
}

// TestFailingRotations are seen by the metrics, whoever asked for them, and across
// a failover.
func TestFailingRotations(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	r := staticRole(0)
	w.must(w.process.SaveStaticRole(ctx, w.storage, "app", r))
	shows := func(line string) {
		t.Helper()
		if text, err := w.process.Metrics(); err != nil || !strings.Contains(string(text), "\n"+line+"\n") {
			t.Errorf("%s is not among the metrics (%v)", line, err)
		}
	}
	w.addFaults([]sandbox.Fault{{Kind: sandbox.Status, Status: 403, Count: new(0), Match: sandbox.Match{Method: http.MethodPost}}})
	if w.process.RotateRoot(ctx, w.storage, "box") == nil || w.process.RotateStatic(ctx, w.storage, "app") == nil {
		t.Fatal("refused rotations succeeded")
	}
	shows(`apikeys_rotations_failing{kind="root",name="box"} 1`)
	shows(`apikeys_rotations_failing{kind="static",name="app"} 1`)
	w.start(fault{})
	shows(`apikeys_rotations_failing{kind="root",name="box"} 1`)
	w.sandbox.ClearFaults()
	w.must(w.process.RotateRoot(ctx, w.storage, "box"))
	w.must(w.process.RotateStatic(ctx, w.storage, "app"))
	if text, err := w.process.Metrics(); err != nil || strings.Contains(string(text), "\napikeys_rotations_failing") {
		t.Errorf("rotations that succeeded are told to fail (%v)", err)
	}
	if n := strings.Count(w.logs.String(), "was rotated"); n != 2 {
		t.Errorf("the log tells %d times of two rotations", n)
	}
}

// TestRotationThatIsSettledAtOnce says nothing of the failure on its way.
func TestRotationThatIsSettledAtOnce(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	w.rotates("sandbox-accounts")
	w.addFaults([]sandbox.Fault{{Kind: sandbox.CommitThenReset, Match: sandbox.Match{Route: "PUT /v1/admin-keys/self/key"}}})
	w.must(w.process.RotateRoot(ctx, w.storage, "box"))
	state, err := w.process.RootRotation(ctx, w.storage, "box")
	if err != nil || state.Failures != 0 || state.LastError != "" || state.LastRotated.IsZero() {
		t.Errorf("the connection says %+v, %v", state, err)
	}
}
