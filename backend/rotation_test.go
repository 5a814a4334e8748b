package backend

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/timetable"
	"vault-plugin-secrets-apikeys/backend/usererror"
	"vault-plugin-secrets-apikeys/internal/sandbox"
	"vault-plugin-secrets-apikeys/providers"
)

// TestRotationCrashAtEveryStep fails and kills the engine before and after each
// effect of a rotation. Afterwards the stored credential works, there is no
// second admin key at the provider, and a static role's current key works.
func TestRotationCrashAtEveryStep(t *testing.T) {
	ctx := context.Background()
	for name, s := range map[string]struct {
		prepare func(*world)
		act     func(*world)
	}{
		"root":                     {act: func(w *world) { w.process.RotateRoot(ctx, w.process.storage, "box") }},
		"root, second rotation":    {prepare: func(w *world) { w.must(w.process.RotateRoot(ctx, w.storage, "box")) }, act: func(w *world) { w.process.RotateRoot(ctx, w.process.storage, "box") }},
		"creating a static role":   {act: func(w *world) { w.process.SaveStaticRole(ctx, w.process.storage, "app", staticRole(time.Hour)) }},
		"static, with overlap":     {prepare: func(w *world) { w.makeStatic("app", time.Hour) }, act: func(w *world) { w.process.RotateStatic(ctx, w.process.storage, "app") }},
		"static, without overlap":  {prepare: func(w *world) { w.makeStatic("app", 0) }, act: func(w *world) { w.process.RotateStatic(ctx, w.process.storage, "app") }},
		"static, end of overlap":   {prepare: func(w *world) { w.makeStatic("app", time.Hour); w.must(w.process.RotateStatic(ctx, w.storage, "app")) }, act: func(w *world) { w.advance(61 * time.Minute); w.turn() }},
		"deleting a static role":   {prepare: func(w *world) { w.makeStatic("app", time.Hour) }, act: func(w *world) { w.process.DeleteStaticRole(ctx, w.process.storage, "app") }},
		"both, by their schedules": {prepare: func(w *world) { w.makeStatic("app", time.Hour); w.scheduleRoot(24 * time.Hour) }, act: func(w *world) { w.advance(25 * time.Hour); w.turn() }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run := func(t *testing.T, f fault) (*world, []string) {
				w := newWorld(t)
				if s.prepare != nil {
					s.prepare(w)
				}
				w.process.gate.arm(f)
				s.act(w)
				return w, w.process.gate.disarm()
			}
			_, steps := run(t, fault{})
			atEveryStep(t, steps, func(t *testing.T, f fault) {
				w, _ := run(t, f)
				if f.kill {
					w.succeed()
				}
				w.staticKeysWork()
				w.run(20*time.Minute, 20*time.Second)
				w.credentialWorks()
				w.staticKeysWork()
				w.run(3*time.Hour, 30*time.Minute) // overlaps end
				w.run(5*time.Minute, 20*time.Second)
				w.onlyStaticKeysLive()
				w.noRotationLeft()
			})
		})
	}
}

// TestReplacedCredentialIsNotTakenForTheConnectionsOwn: a process reads the connection, and
// the one before it goes on, rotates its credential and leaves the old one to be removed.
func TestReplacedCredentialIsNotTakenForTheConnectionsOwn(t *testing.T) {
	inBubble(func(t *testing.T) {
		w := newWorld(t)
		read := func() *logical.StorageEntry {
			entry, err := w.storage.Get(t.Context(), connectionPrefix+"box")
			w.must(err)
			return entry
		}
		before := read()
		w.addFaults([]sandbox.Fault{{Kind: sandbox.Status, Status: 503, Count: new(0), Match: sandbox.Match{Route: "DELETE /v1/admin-keys/{id}"}}})
		w.must(w.process.RotateRoot(t.Context(), w.storage, "box"))
		after := read()
		w.must(w.storage.Put(t.Context(), before))
		w.startAlone()
		w.mustMint("app")
		w.must(w.storage.Put(t.Context(), after))
		w.sandbox.ClearFaults()
		w.run(20*time.Minute, 20*time.Second)
		w.credentialWorks()
		w.noRotationLeft()
		w.nothingIsQueued()
	})(t)
}

// TestRootRotationFaults is what a rotation answers, and leaves, when the
// provider misbehaves.
func TestRootRotationFaults(t *testing.T) {
	issue := sandbox.Match{Route: "POST /v1/admin-keys"}
	retire := sandbox.Match{Route: "DELETE /v1/admin-keys/{id}"}
	for name, test := range map[string]struct {
		fault sandbox.Fault
		want  string // of the error; empty for success
		kept  bool   // the old credential stays in use
	}{
		"well":                    {fault: sandbox.Fault{Kind: sandbox.Pass}},
		"refused":                 {fault: sandbox.Fault{Kind: sandbox.Status, Status: 403, Match: issue}, want: "status 403", kept: true},
		"made, then 500":          {fault: sandbox.Fault{Kind: sandbox.CommitThen500, Match: issue}, want: "status 500", kept: true},
		"made, then reset":        {fault: sandbox.Fault{Kind: sandbox.CommitThenReset, Match: issue}, want: "no usable answer", kept: true},
		"made, malformed":         {fault: sandbox.Fault{Kind: sandbox.MalformedJSON, Match: issue}, want: "status 201", kept: true},
		"new one does not work":   {fault: sandbox.Fault{Kind: sandbox.Status, Status: 403, Count: new(0), Match: sandbox.Match{Route: "GET /v1/whoami"}, After: 1}, want: "the old one stays in use", kept: true},
		"retirement fails":        {fault: sandbox.Fault{Kind: sandbox.Status, Status: 503, Count: new(0), Match: retire}},
		"retired, without answer": {fault: sandbox.Fault{Kind: sandbox.CommitThenReset, Match: retire}},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			w := newWorld(t)
			w.addFaults([]sandbox.Fault{test.fault})
			err := w.process.RotateRoot(context.Background(), w.storage, "box")
			if test.want == "" && err != nil {
				t.Errorf("rotating: %s", err)
			}
			if test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("the error is %v, want %q", err, test.want)
			}
			if kept := w.credential() == testAdminKey; kept != test.kept {
				t.Errorf("the old credential is kept: %v, want %v", kept, test.kept)
			}
			state, stateErr := w.process.RootRotation(context.Background(), w.storage, "box")
			if stateErr != nil || (state.LastError != "") != (test.want != "") || state.LastRotated.IsZero() != (test.want != "") {
				t.Errorf("the connection says %+v, %v", state, stateErr)
			}
			w.sandbox.ClearFaults()
			w.process.ResetConnection("box")
			w.run(10*time.Minute, 20*time.Second)
			w.credentialWorks()
			w.noRotationLeft()
		}))
	}
}

// TestRotationBySchedule is when a rotation comes: by a period or a cron
// expression, within its window, whatever the clock and the process did.
func TestRotationBySchedule(t *testing.T) {
	now := time.Date(2040, 3, 1, 12, 0, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		schedule timetable.Schedule
		down     time.Duration // how long nothing runs
		want     []time.Time   // the rotations within two days
	}{
		"period":             {schedule: timetable.Schedule{Period: 18 * time.Hour}, want: []time.Time{now.Add(18 * time.Hour), now.Add(36 * time.Hour)}},
		"cron":               {schedule: timetable.Schedule{Cron: "30 3 * * *"}, want: []time.Time{at(2, 3, 30), at(3, 3, 30)}},
		"missed, no window":  {schedule: timetable.Schedule{Cron: "30 3 * * *"}, down: 20 * time.Hour, want: []time.Time{at(2, 8, 0), at(3, 3, 30)}},
		"missed window":      {schedule: timetable.Schedule{Cron: "30 3 * * *", Window: time.Hour}, down: 20 * time.Hour, want: []time.Time{at(3, 3, 30)}},
		"late in the window": {schedule: timetable.Schedule{Cron: "30 7 * * *", Window: time.Hour}, down: 20 * time.Hour, want: []time.Time{at(2, 8, 0), at(3, 7, 30)}},
		"clock jumps ahead":  {schedule: timetable.Schedule{Period: 10 * time.Hour}, down: 40 * time.Hour, want: []time.Time{at(3, 4, 0)}},
		"by hand only":       {},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			w := newWorld(t)
			w.setTime(now)
			r := staticRole(0)
			r.Schedule = test.schedule
			w.must(w.process.SaveStaticRole(context.Background(), w.storage, "app", r))
			w.advance(test.down)
			var rotations []time.Time
			last := w.current("app").RecordID
			for w.time().Before(now.Add(48 * time.Hour)) {
				w.process.startRotations(context.Background())
				w.process.waitBackground()
				if id := w.current("app").RecordID; id != last {
					last = id
					rotations = append(rotations, w.time())
				}
				w.advance(10 * time.Minute)
			}
			if !slices.EqualFunc(rotations, test.want, time.Time.Equal) {
				t.Errorf("rotated at %v, want %v", rotations, test.want)
			}
		}))
	}
}

func at(day, hour, minute int) time.Time {
	return time.Date(2040, 3, day, hour, minute, 0, 0, time.UTC)
}

// TestFailureKeepsTheRoleOnSchedule: a role never leaves the timetable because
// of a failure, across a failover too, and says what is wrong.
func TestFailureKeepsTheRoleOnSchedule(t *testing.T) { inBubble(testFailureKeepsTheRoleOnSchedule)(t) }

func testFailureKeepsTheRoleOnSchedule(t *testing.T) {
	w := newWorld(t)
	r := staticRole(0)
	r.Schedule = timetable.Schedule{Period: time.Hour}
	w.must(w.process.SaveStaticRole(context.Background(), w.storage, "app", r))
	before := w.current("app")
	w.addFaults([]sandbox.Fault{{Kind: sandbox.Status, Status: 403, Count: new(0), Match: sandbox.Match{Route: "POST /v1/keys"}}})
	w.run(3*time.Hour, 10*time.Minute)
	keys, err := w.process.StaticKeys(context.Background(), w.storage, "app")
	w.must(err)
	if keys.Current.RecordID != before.RecordID || !strings.Contains(keys.LastError, "status 403") || keys.NextRotation.IsZero() {
		t.Errorf("after failures the role says %+v", keys)
	}
	w.staticKeysWork()
	w.start(fault{})
	w.sandbox.ClearFaults()
	w.run(10*time.Minute, time.Minute)
	if w.current("app").RecordID == before.RecordID {
		t.Error("the role was not rotated after the provider's return")
	}
}

// TestConsumerNeverSeesARefusal polls a static role through a hundred rotations
// and uses the key each time.
func TestConsumerNeverSeesARefusal(t *testing.T) { inBubble(testConsumerNeverSeesARefusal)(t) }

func testConsumerNeverSeesARefusal(t *testing.T) {
	w := newWorld(t)
	w.makeStatic("app", time.Minute)
	ctx, stop := context.WithCancel(context.Background())
	uses := make(chan int)
	// Time stands still between a read of the key and its use: the clock here
	// runs through hours in milliseconds.
	var clock sync.RWMutex
	go func() {
		n := 0
		for ctx.Err() == nil {
			clock.RLock()
			keys, err := w.process.StaticKeys(context.Background(), w.storage, "app")
			if err != nil {
				t.Errorf("reading the key: %s", err)
				break
			}
			if status := w.use(keys.Current.Secret["api_key"].(string)); status != http.StatusOK {
				t.Errorf("the current key is refused with status %d", status)
				break
			}
			clock.RUnlock()
			n++
		}
		uses <- n
	}()
	for range 100 {
		w.must(w.process.RotateStatic(context.Background(), w.storage, "app"))
		clock.Lock()
		w.advance(30 * time.Second)
		w.turn()
		clock.Unlock()
	}
	stop()
	if n := <-uses; n < 100 {
		t.Errorf("the consumer used the key only %d times", n)
	}
	w.run(5*time.Minute, time.Minute)
	w.onlyStaticKeysLive()
}

func TestStaticRoleMistakes(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*StaticRole)
		want   string
	}{
		"both schedules":       {func(r *StaticRole) { r.Period, r.Cron = time.Hour, "0 3 * * *" }, "exclude each other"},
		"period too short":     {func(r *StaticRole) { r.Period = time.Second }, "at least 5s"},
		"window without cron":  {func(r *StaticRole) { r.Period, r.Window = time.Hour, time.Hour }, "needs a rotation_schedule"},
		"window too short":     {func(r *StaticRole) { r.Cron, r.Window = "0 3 * * *", time.Minute }, "at least 1h"},
		"no cron":              {func(r *StaticRole) { r.Cron = "every night" }, "no five-field cron"},
		"six fields":           {func(r *StaticRole) { r.Cron = "0 0 3 * * *" }, "no five-field cron"},
		"negative overlap":     {func(r *StaticRole) { r.Overlap = -time.Second }, "overlap"},
		"no connection":        {func(r *StaticRole) { r.Connection = "bix" }, "did you mean \"box\""},
		"provider refuses key": {func(r *StaticRole) { r.Fields = providers.Values{"scopes": []any{strings.Repeat("x", 5000)}} }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			r := staticRole(0)
			test.change(r)
			err := w.process.SaveStaticRole(context.Background(), w.storage, "app", r)
			var m *usererror.Error
			if test.want != "" && (!errors.As(err, &m) || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("the error is %v, want %q", err, test.want)
			}
			if err == nil {
				return
			}
			if stored, err := w.process.StaticRole(context.Background(), w.storage, "app"); err != nil || stored != nil {
				t.Errorf("a role was stored: %v, %v", stored, err)
			}
			if len(w.alive()) > 0 {
				t.Errorf("a key was made: %v", w.alive())
			}
		})
	}
}

// TestDeletedStaticRoleKeepsItsKeyWhenTold, whatever fails on the way: no
// recovery, reaper or reconcile takes it for a key that nobody holds.
func TestDeletedStaticRoleKeepsItsKeyWhenTold(t *testing.T) {
	ctx := context.Background()
	run := func(t *testing.T, f fault) (*world, string, []string) {
		w := newWorld(t)
		r := staticRole(0)
		r.KeepOnDelete = true
		w.must(w.process.SaveStaticRole(ctx, w.storage, "app", r))
		kept := w.current("app").Secret["api_key"].(string)
		w.process.gate.arm(f)
		w.process.DeleteStaticRole(ctx, w.process.storage, "app")
		return w, kept, w.process.gate.disarm()
	}
	_, _, steps := run(t, fault{})
	atEveryStep(t, append(steps, "nothing"), func(t *testing.T, f fault) {
		w, kept, _ := run(t, f)
		w.start(fault{}) // the connection is dirty
		w.run(time.Hour, 5*time.Minute)
		report, err := w.process.Reconcile(ctx, w.storage, "box", ReconcileOptions{Delete: true})
		if err != nil || len(report.Orphans) > 0 || len(report.Missing) > 0 {
			t.Errorf("reconciling finds %+v, %v", report, err)
		}
		if status := w.use(kept); status != http.StatusOK {
			t.Errorf("the key is answered with status %d", status)
		}
		w.noRotationLeft()
		if !w.kill(kept) {
			t.Error("the ledger does not know the key")
		}
		if status := w.use(kept); status != http.StatusUnauthorized {
			t.Errorf("once revoked, the key is answered with status %d", status)
		}
	})
}

func staticRole(overlap time.Duration) *StaticRole {
	return &StaticRole{
		Role:    Role{Connection: "box", Fields: providers.Values{"scopes": []any{"read"}}},
		Overlap: overlap,
	}
}

// TestSlowerScheduleOutlivesNoKey: a key was made to last until the rotation that
// was planned then, so one that is planned for later comes before its end.
func TestSlowerScheduleOutlivesNoKey(t *testing.T) {
	const halfYearly = "half-yearly"
	for name, slower := range map[string]timetable.Schedule{
		"by a period":              {Period: 200 * 24 * time.Hour},
		"by a schedule":            {Cron: halfYearly},
		"by a schedule and window": {Cron: halfYearly, Window: time.Hour},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			w := newWorld(t)
			if slower.Cron == halfYearly {
				slower.Cron = fmt.Sprintf("0 3 1 %d *", (int(w.process.now().Month())+5)%12+1)
			}
			w.makeStatic("app", time.Hour)
			ctx := context.Background()
			first, err := w.process.staticKeys(ctx, w.storage, "app")
			w.must(err)
			r, err := w.process.StaticRole(ctx, w.storage, "app")
			w.must(err)
			r.Schedule = slower
			w.must(w.process.SaveStaticRole(ctx, w.storage, "app", r))
			end := first.Current.ExpiresAt
			for w.process.now().Before(end.Add(48 * time.Hour)) {
				w.run(6*time.Hour, 6*time.Hour)
				keys, err := w.process.staticKeys(ctx, w.storage, "app")
				w.must(err)
				if !w.alive()[keys.Current.Name] {
					t.Fatalf("the role's key %s is dead at %s, %s before the end of the first", keys.Current.Name, w.process.now(), end.Sub(w.process.now()))
				}
				if left := end.Sub(w.process.now()); left > 4*24*time.Hour && keys.Current.Name != first.Current.Name {
					t.Fatalf("the key was replaced %s before its end", left)
				}
			}
		}))
	}
}

func (w *world) makeStatic(name string, overlap time.Duration) {
	w.t.Helper()
	r := staticRole(overlap)
	r.Schedule = timetable.Schedule{Period: 24 * time.Hour}
	w.must(w.process.SaveStaticRole(context.Background(), w.storage, name, r))
}

func (w *world) scheduleRoot(period time.Duration) {
	w.t.Helper()
	c, err := w.process.Connection(context.Background(), w.storage, "box")
	w.must(err)
	c.Schedule = timetable.Schedule{Period: period}
	w.must(w.process.SaveConnection(context.Background(), w.storage, "box", c, SaveOptions{}))
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) setTime(now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.passed += max(0, now.Sub(w.now))
	w.now = now
}

// credential is the admin key in storage.
func (w *world) credential() string {
	w.t.Helper()
	c, err := w.process.Connection(context.Background(), w.storage, "box")
	w.must(err)
	return c.Fields["admin_key"].(string)
}

// credentialWorks checks that the stored admin key works and that no other is
// left at the provider.
func (w *world) credentialWorks() {
	w.t.Helper()
	if status := w.get("/v1/keys", w.credential()); status != http.StatusOK {
		w.t.Errorf("the stored admin credential is refused with status %d", status)
	}
	var names []string
	for _, key := range w.sandbox.State().AdminKeys {
		names = append(names, key.Name)
	}
	if len(names) != 1 {
		w.t.Errorf("admin keys at the provider: %v, want one", names)
	}
}

func (w *world) use(key string) int { return w.get("/v1/whoami", key) }

func (w *world) get(path, key string) int {
	request := httptest.NewRequest(http.MethodGet, path, nil)
	request.Header.Set("Authorization", "Bearer "+key)
	recorder := httptest.NewRecorder()
	w.sandbox.ServeHTTP(recorder, request)
	return recorder.Code
}

func (w *world) current(name string) *StaticKey {
	w.t.Helper()
	keys, err := w.process.StaticKeys(context.Background(), w.storage, name)
	w.must(err)
	return keys.Current
}
