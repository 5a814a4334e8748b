package timetable

import (
	"cmp"
	"container/heap"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/retry"
	"vault-plugin-secrets-apikeys/backend/stored"
)

// The timetable says what is to be rotated when. On disk it is a fixed number
// of entries, each with the due times of many rotations, so that starting up
// reads no role; in memory it is a heap, so that a tick with nothing due costs
// one comparison. A due time on disk is never later than the true one: it is
// written before the role that it is for, and moved after a rotation. Beside it
// stands when it was written: one from a clock that was ahead, and has been set
// back since, is not waited for but worked out anew.
const (
	Prefix = "timetable/"
	// concurrency bounds the rotations in flight.
	concurrency  = 8
	longestRetry = 5 * time.Minute
)

// job is one thing that is rotated.
type job struct {
	// key is "root/<connection>" or "static/<role>".
	key string
	due time.Time
	// set is when due was decided; zero where that is not known.
	set      time.Time
	failures int
	running  bool
	// adrift says that due was decided by a clock that has been set back since.
	adrift bool
	index  int // in the heap, -1 when it is not in it
}

// appointment is a due time as it is on disk.
type appointment struct {
	Due time.Time `json:"due"`
	Set time.Time `json:"set,omitzero"`
}

// UnmarshalJSON also takes the due time alone, as earlier versions stored it.
func (a *appointment) UnmarshalJSON(text []byte) error {
	if json.Unmarshal(text, &a.Due) == nil {
		return nil
	}
	type plain appointment
	return json.Unmarshal(text, (*plain)(a))
}

// Timetable is the jobs and when each is due. Its methods may be called
// concurrently.
type Timetable struct {
	now func() time.Time
	// Jitter draws the random part of pauses after failures; nil draws at random.
	Jitter  retry.Jitter
	running sync.WaitGroup

	// writing guards the disk: it is held while storage works, and taken before
	// mu, which readers must not wait for so long.
	writing sync.Mutex
	// shards are the timetable's entries as they are on disk, as far as they
	// have been read.
	shards map[string]map[string]appointment

	mu   sync.Mutex
	seen time.Time // the clock at the last look at what is due
	jobs map[string]*job
	heap jobHeap
	busy int
}

// New has no jobs, and goes by the given clock.
func New(now func() time.Time) *Timetable {
	return &Timetable{now: now, jobs: map[string]*job{}, shards: map[string]map[string]appointment{}}
}

// ShardOf is the entry in storage that a job is in.
func ShardOf(key string) string {
	sum := sha256.Sum256([]byte(key))
	return fmt.Sprintf("%02x", sum[0])
}

// Load reads the timetable. After errUnreadable it has all that can be read.
func (t *Timetable) Load(ctx context.Context, s logical.Storage) error {
	shards, err := s.List(ctx, Prefix)
	if err != nil {
		return fmt.Errorf("listing the timetable: %w", err)
	}
	t.writing.Lock()
	defer t.writing.Unlock()
	var broken error
	for _, name := range shards {
		shard, err := t.shard(ctx, s, name)
		if err := stored.UnlessUnreadable(err, &broken); err != nil {
			return err
		}
		t.mu.Lock()
		for key, at := range shard {
			if t.jobs[key] == nil {
				t.setDue(key, at.Due).set = at.Set
			}
		}
		t.refit(t.now())
		t.mu.Unlock()
	}
	return broken
}

// shard is one entry of the timetable, read at its first use. The caller holds
// writing.
func (t *Timetable) shard(ctx context.Context, s logical.Storage, name string) (map[string]appointment, error) {
	if known, ok := t.shards[name]; ok {
		return known, nil
	}
	stored, err := stored.Read[map[string]appointment](ctx, s, Prefix+name)
	if err != nil {
		return nil, err
	}
	if stored == nil {
		stored = &map[string]appointment{}
	}
	t.shards[name] = *stored
	return *stored, nil
}

// setDue sets a job's due time in memory. The caller holds mu.
func (t *Timetable) setDue(key string, due time.Time) *job {
	j := t.jobs[key]
	if j == nil {
		j = &job{key: key, index: -1}
		t.jobs[key] = j
	}
	j.due, j.set, j.adrift = due, t.now(), false
	switch {
	case j.running: // it is put back when it ends
	case j.index < 0:
		heap.Push(&t.heap, j)
	default:
		heap.Fix(&t.heap, j.index)
	}
	return j
}

// refit has all jobs worked out anew whose time was decided by a clock that was
// ahead of what it says now. The caller holds mu.
func (t *Timetable) refit(now time.Time) {
	for key, j := range t.jobs {
		if j.set.After(now.Add(ClockSlack)) {
			t.setDue(key, now).adrift = true
		}
	}
}

// Set writes when a job is due, on disk first. Pauses after failures begin anew, but for
// a job that runs: those go by how its run ends, however often it sets a time on the way.
func (t *Timetable) Set(ctx context.Context, s logical.Storage, key string, due time.Time) error {
	t.writing.Lock()
	defer t.writing.Unlock()
	if err := t.store(ctx, s, key, due); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if j := t.setDue(key, due); !j.running {
		j.failures = 0
	}
	return nil
}

// Urge has a job run soon, without a note of it on disk: what it finds there to
// be done is durable itself.
func (t *Timetable) Urge(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	j := t.jobs[key]
	if j != nil && j.running {
		return // it is put back after a pause
	}
	failures := 1
	if j != nil {
		failures = j.failures + 1
	}
	t.setDue(key, t.now().Add(t.Jitter.Pause(key, failures, longestRetry))).failures = failures
}

// Drop takes a job off the timetable.
func (t *Timetable) Drop(ctx context.Context, s logical.Storage, key string) error {
	t.writing.Lock()
	defer t.writing.Unlock()
	if err := t.store(ctx, s, key, time.Time{}); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	j := t.jobs[key]
	if j == nil {
		return nil
	}
	if j.index >= 0 {
		heap.Remove(&t.heap, j.index)
	}
	delete(t.jobs, key)
	return nil
}

// store writes one shard with the job's new due time; zero takes the job out.
// The caller holds writing.
func (t *Timetable) store(ctx context.Context, s logical.Storage, key string, due time.Time) error {
	name := ShardOf(key)
	shard, err := t.shard(ctx, s, name)
	if err != nil {
		return fmt.Errorf("reading the timetable: %w", err)
	}
	if _, stored := shard[key]; !stored && due.IsZero() {
		return nil
	}
	changed := map[string]appointment{}
	maps.Copy(changed, shard)
	if due.IsZero() {
		delete(changed, key)
	} else {
		changed[key] = appointment{Due: due, Set: t.now()}
	}
	if len(changed) == 0 {
		err = s.Delete(ctx, Prefix+name)
	} else {
		err = stored.Write(ctx, s, Prefix+name, changed)
	}
	if err != nil {
		return fmt.Errorf("writing the timetable: %w", err)
	}
	t.shards[name] = changed
	return nil
}

// DueAt is when the job comes next, pauses after failures included; zero when
// it is not on the timetable.
func (t *Timetable) DueAt(key string) time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	if j := t.jobs[key]; j != nil {
		return j.due
	}
	return time.Time{}
}

// Failing are the keys of the jobs whose last run failed.
func (t *Timetable) Failing() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var keys []string
	for key, j := range t.jobs {
		if j.failures > 0 {
			keys = append(keys, key)
		}
	}
	return keys
}

// Start runs what is due, several at a time, without waiting for it. run
// answers an error when the job is to be tried again after a pause; otherwise
// it has set the job's next due time or dropped it. A due time of zero asks run to
// work it out anew.
func (t *Timetable) Start(run func(key string, due time.Time) error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	if now.Before(t.seen) {
		t.refit(now)
	}
	t.seen = now
	for t.busy < concurrency && len(t.heap) > 0 && !t.heap[0].due.After(t.now()) {
		j := heap.Pop(&t.heap).(*job)
		j.running = true
		t.busy++
		due, told := j.due, j.due
		if j.adrift {
			told = time.Time{}
		}
		t.running.Go(func() {
			err := run(j.key, told)
			t.ended(j, due, err)
			t.Start(run)
		})
	}
}

// Wait returns when nothing runs.
func (t *Timetable) Wait() { t.running.Wait() }

// ended puts a job back: whatever happened, it never leaves the timetable by
// itself.
func (t *Timetable) ended(j *job, ran time.Time, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.busy--
	j.running = false
	if t.jobs[j.key] != j {
		return // dropped meanwhile
	}
	if err == nil && !j.due.Equal(ran) {
		j.failures = 0
	} else {
		j.failures++
		j.due, j.set = t.now().Add(t.Jitter.Pause(j.key, j.failures, longestRetry)), t.now()
		var hurried *hurriedError
		if errors.As(err, &hurried) && hurried.by.Before(j.due) {
			j.due = hurried.by
		}
	}
	if j.index < 0 {
		heap.Push(&t.heap, j)
	}
}

// hurriedError is a failure that is not to wait for long.
type hurriedError struct {
	error
	by time.Time
}

func (h *hurriedError) Unwrap() error { return h.error }

// RetryBy has a job that failed run again by then, however often it has failed.
func RetryBy(failed error, by time.Time) error { return &hurriedError{failed, by} }

// jobHeap is a container/heap by due time.
type jobHeap []*job

func (h jobHeap) Len() int { return len(h) }

func (h jobHeap) Less(i, j int) bool {
	return cmp.Or(h[i].due.Compare(h[j].due), strings.Compare(h[i].key, h[j].key)) < 0
}

func (h jobHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

// Push implements heap.Interface.
func (h *jobHeap) Push(x any) {
	j := x.(*job)
	j.index = len(*h)
	*h = append(*h, j)
}

// Pop implements heap.Interface.
func (h *jobHeap) Pop() any {
	last := len(*h) - 1
	j := (*h)[last]
	j.index = -1
	*h = (*h)[:last]
	return j
}
