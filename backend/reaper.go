package backend

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/backend/queue"
	"vault-plugin-secrets-apikeys/backend/stored"
)

// defaultTickInterval has the reaper come round the whole ledger in some four
// minutes.
const defaultTickInterval = time.Second

// reaperGrace keeps the reaper off after a start, when Vault itself comes to the
// leases that ended meanwhile.
const reaperGrace = deadlineMargin

// overdue judges which keys are past their deadline. One that was set in the
// future was set while a clock was ahead, and is as far off: such a key lives for
// as long as it was to live then, from when the deadline was first seen.
type overdue struct {
	mu        sync.Mutex
	firstSeen map[string]seenDeadline // by record id
}

type seenDeadline struct{ deadline, at time.Time }

func (o *overdue) is(r *ledger.Record, now time.Time) bool {
	if !now.Before(r.Deadline) {
		return true
	}
	set := r.DeadlineSetAt()
	if set.Sub(now) < sooner {
		return false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.firstSeen == nil {
		o.firstSeen = map[string]seenDeadline{}
	}
	seen := o.firstSeen[r.ID]
	if !seen.deadline.Equal(r.Deadline) {
		seen = seenDeadline{r.Deadline, now}
		o.firstSeen[r.ID] = seen
	}
	return !now.Before(seen.at.Add(r.Deadline.Sub(set)))
}

// sooner is how far ahead a time may be without the clock having been wrong.
const sooner = time.Minute

// background is the engine's own clockwork: Vault's periodic function comes once
// a minute, too seldom for a queue.
type background struct {
	mu   sync.Mutex
	stop context.CancelFunc
	done chan struct{}
	// trigger has the queue looked at before the next tick.
	trigger chan struct{}
}

func (e *Engine) startBackground() {
	e.background.mu.Lock()
	defer e.background.mu.Unlock()
	if e.background.stop != nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	e.background.stop = cancel
	e.background.done = make(chan struct{})
	go e.run(ctx, e.background.done)
}

func (e *Engine) stopBackground() {
	e.background.mu.Lock()
	defer e.background.mu.Unlock()
	if e.background.stop == nil {
		return
	}
	e.background.stop()
	<-e.background.done
	e.background.stop = nil
}

func (e *Engine) run(ctx context.Context, done chan<- struct{}) {
	defer close(done)
	defer e.waitBackground()
	ticker := time.NewTicker(e.tickInterval)
	defer ticker.Stop()
	for {
		e.resumeLoading(ctx)
		e.recoverDirty(ctx)
		e.startQueue(ctx)
		e.startRotations(ctx)
		select {
		case <-ctx.Done():
			return
		case <-e.background.trigger:
		case <-ticker.C:
			e.tick(ctx)
		}
	}
}

// tick is the regular work, whose cost does not grow with the ledger's size
// beyond one shard's.
func (e *Engine) tick(ctx context.Context) {
	if err := e.keepSigning(ctx, e.storage); err != nil {
		e.log.Warn("no sign of life could be left in storage; that is tried again with the next tick", "error", err)
	}
	if err := e.reapShard(ctx, e.pending.nextShard); err != nil {
		e.log.Warn("the reaper could not read a part of the ledger; it comes round again", "error", err)
	}
	if e.pending.nextShard == 0 {
		if err := e.books.ledger.SweepSameValues(ctx, e.storage); err != nil {
			e.log.Warn("the notes of keys with the same value could not be looked through; that is done again on the next round", "error", err)
		}
	}
	e.pending.nextShard = (e.pending.nextShard + 1) % ledger.Shards
	if err := e.books.marks.CleanIdle(ctx, e.storage); err != nil {
		e.log.Warn("the mark of an idle connection stays; it is cleared with the next tick", "error", err)
	}
}

// reapShard hands every key of one shard that is past its deadline to the
// queue: its lease has ended, or was never stored. A record that cannot be read
// does not keep it from the others; the first error is returned.
func (e *Engine) reapShard(ctx context.Context, shard int) error {
	var first error
	alive := map[string]int{}
	var damaged []string
	for r, err := range ledger.InShard(ctx, e.storage, ledger.ShardName(shard)) {
		if err == nil {
			alive[r.Connection]++
			err = e.reap(ctx, r)
		} else if errors.Is(err, stored.ErrUnreadable) {
			damaged = append(damaged, r.ID)
		}
		if first == nil {
			first = err
		}
	}
	e.books.keyCounts.note(shard, alive, damaged)
	return first
}

// reap queues the key if it is past its deadline and no static role holds it.
func (e *Engine) reap(ctx context.Context, r *ledger.Record) error {
	if !e.books.overdue.is(r, e.now()) || e.clock.running() < reaperGrace || e.passive() {
		return nil
	}
	held, err := e.heldByStaticRole(ctx, r)
	if err != nil || held {
		return err
	}
	e.books.queue.AddUnstored(queue.Entry{
		ID:         r.ID,
		Kind:       queue.Revoke,
		Connection: r.Connection,
		Role:       r.Role,
		KeyName:    r.Handle.Name,
		Reason:     "it is past its deadline",
	})
	return nil
}

func (e *Engine) startQueue(ctx context.Context) {
	if e.passive() {
		return
	}
	e.books.queue.Start(func(entry queue.Entry) error {
		err := guarded(func() error { return e.processQueueEntry(ctx, entry) })
		if err != nil {
			e.log.Debug("a queued revocation did not succeed yet", "connection", entry.Connection, "key_name", entry.KeyName, "error", err)
		}
		return err
	})
}

// startRotations runs the rotations that are due.
func (e *Engine) startRotations(ctx context.Context) {
	if e.passive() {
		return
	}
	e.books.timetable.Start(func(key string, due time.Time) error {
		err := e.rotateDue(ctx, key, due)
		if err != nil {
			e.log.Warn("a rotation failed; it is tried again", "rotation", key, "error", err)
		}
		return err
	})
}

func (e *Engine) rotateDue(ctx context.Context, key string, due time.Time) error {
	if name, ok := strings.CutPrefix(key, rootJobPrefix); ok {
		return e.runRoot(ctx, name, due)
	}
	return e.runStatic(ctx, strings.TrimPrefix(key, staticJobPrefix), due)
}

// triggerQueue has the queue looked at now.
func (e *Engine) triggerQueue() {
	select {
	case e.background.trigger <- struct{}{}:
	default: // a nudge is waiting already
	}
}

// waitBackground returns when nothing runs in the background.
func (e *Engine) waitBackground() {
	e.books.queue.Wait()
	e.pending.recoveries.running.Wait()
	e.books.timetable.Wait()
}
